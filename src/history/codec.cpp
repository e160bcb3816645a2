#include "history/codec.h"

#include "base/assert.h"
#include "base/checksum.h"

namespace gongshu::history {

Buffer seal_file(std::string_view magic, const Buffer& body) {
    ASSERT(magic.size() == 8);
    Buffer file;
    file.reserve(body.size() + 12);
    Encoder out{file};
    out.bytes(as_bytes(magic));
    out.bytes(body);
    out.u32(crc32c(file));
    return file;
}

Result<Bytes> open_file(std::string_view magic, Bytes file, const std::string& path) {
    if (file.size() < 12) return Error{Code::corrupt, "{}: {} bytes, at least 12 expected", path, file.size()};
    if (as_text(file.first(8)) != magic)
        return Error{Code::corrupt, "{}: begins with {}, expected {}", path, to_hex(file.first(8)),
                     to_hex(as_bytes(magic))};
    std::uint32_t stored = 0;
    std::memcpy(&stored, file.data() + file.size() - 4, 4);
    const std::uint32_t computed = crc32c(file.first(file.size() - 4));
    if (stored != computed)
        return Error{Code::corrupt, "{}: checksum {:08x}, expected {:08x}; restore the file from a backup", path,
                     computed, stored};
    return file.subspan(8, file.size() - 12);
}

}  // namespace gongshu::history
