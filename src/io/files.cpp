#include "io/files.h"

#include "io/detail/paths.h"

namespace gongshu::io {

namespace {

Result<void> write_temporary(Files& files, const std::string& path, Bytes bytes, unsigned mode) {
    const auto file = TRY(files.open(path, Open::read_write));
    TRY(file->truncate(0));           // left over from a crash, perhaps
    TRY(files.set_mode(path, mode));  // before the bytes, which may be secret
    TRY(file->append(bytes));
    return file->sync();
}

}  // namespace

Result<Buffer> read_whole(Files& files, const std::string& path, std::uint64_t bytes_max) {
    const auto file = TRY(files.open(path, Open::read));
    const auto bytes = TRY(file->size());
    if (bytes > bytes_max) return Error{Code::limit, "{} has {} bytes, at most {} are read", path, bytes, bytes_max};
    Buffer content(bytes);
    TRY(file->read_at(0, content));
    return content;
}

Result<void> write_whole(Files& files, const std::string& path, Bytes bytes, unsigned mode) {
    const std::string temporary = path + ".tmp";
    auto written = write_temporary(files, temporary, bytes, mode);
    if (written) written = files.rename(temporary, path);
    if (!written) {
        (void)files.remove(temporary);  // best effort: the first error is the one to tell
        return std::move(written).context("cannot write {}", path);
    }
    return files.sync_folder(detail::parent_of(path));
}

}  // namespace gongshu::io
