#include "io/files.h"

#include <algorithm>

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

Result<void> Files::link(const std::string& from, const std::string& to) {
    return Error{Code::unsupported, "cannot link {} as {}: files have one name each here", from, to};
}

Result<std::uint64_t> Files::names_of(const std::string& path) {
    if (!TRY(exists(path))) return Error{Code::not_found, "{} is not there", path};
    return std::uint64_t{1};
}

Result<void> Files::exchange(const std::string& one, const std::string& other) {
    return Error{Code::unsupported, "cannot exchange {} and {}: names change one by one here", one, other};
}

Result<std::string> Files::real_path(const std::string& path) { return path; }

bool is_short(const DiskSpace& space) {
    constexpr std::uint64_t kLeast = 1'000'000'000, kMost = 50 * kLeast, kPart = 20;
    return space.free_bytes < std::clamp(space.total_bytes / kPart, kLeast, kMost);
}

Result<void> copy_file(Files& files, const std::string& from, const std::string& to, unsigned mode) {
    constexpr std::uint64_t kPieceBytes = 1 << 20;
    const auto source = TRY(files.open(from, Open::read));
    const std::uint64_t bytes = TRY(source->size());
    const auto target = TRY(files.open(to, Open::create_new));
    TRY(files.set_mode(to, mode));
    Buffer piece;
    for (std::uint64_t at = 0; at < bytes; at += piece.size()) {
        piece.resize(std::min(kPieceBytes, bytes - at));
        TRY(source->read_at(at, piece));
        TRY(target->append(piece));
    }
    return target->sync();
}

Result<void> remove_tree(Files& files, const std::string& path) {
    auto removed = files.remove(path);
    if (removed) return removed;
    // A folder with something in it, or a file that cannot be removed: that has no list.
    const auto names = files.list(path);
    if (!names || names->empty()) return removed;
    for (const std::string& name : *names) TRY(remove_tree(files, path + "/" + name));
    return files.remove(path);
}

}  // namespace gongshu::io
