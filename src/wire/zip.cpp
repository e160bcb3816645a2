#include "wire/zip.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace gongshu::wire {
namespace {

constexpr std::uint32_t kLocalMagic = 0x04034b50, kCentralMagic = 0x02014b50, kEndMagic = 0x06054b50;
constexpr std::size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22;
constexpr std::size_t kPieceBytes = 64 << 10;

std::uint32_t u16(Bytes bytes, std::size_t at) { return bytes[at] | static_cast<std::uint32_t>(bytes[at + 1]) << 8; }
std::uint32_t u32(Bytes bytes, std::size_t at) { return u16(bytes, at) | u16(bytes, at + 2) << 16; }

// Where the end record stands: the last one whose comment reaches exactly to the end of the file.
std::optional<std::size_t> find_end(Bytes file) {
    if (file.size() < kEndBytes) return std::nullopt;
    const std::size_t last = file.size() - kEndBytes;
    const std::size_t first = last > 0xffff ? last - 0xffff : 0;
    for (std::size_t at = last + 1; at-- > first;)
        if (u32(file, at) == kEndMagic && at + kEndBytes + u16(file, at + 20) == file.size()) return at;
    return std::nullopt;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

Result<Zip> Zip::open(Bytes file, const ZipLimits& limits) {
    const auto end = find_end(file);
    if (!end) return Error{Code::malformed, "the zip archive has no directory at its end: is the file cut?"};
    Zip zip{file, limits};
    TRY(zip.read_directory(*end));
    TRY(zip.check_places());
    return zip;
}

Result<void> Zip::read_directory(std::size_t end) {
    const std::size_t count = u16(file_, end + 10), bytes = u32(file_, end + 12);
    directory_offset_ = u32(file_, end + 16);
    if (u16(file_, end + 4) != 0 || u16(file_, end + 6) != 0 || u16(file_, end + 8) != count)
        return Error{Code::unsupported, "the zip archive is spread over several files"};
    if (count == 0xffff || bytes == 0xffffffff || directory_offset_ == 0xffffffff)
        return Error{Code::unsupported, "the zip archive has the form for more than 4 GB (zip64), which is not read"};
    if (count > limits_.entries_max)
        return Error{Code::limit, "the zip archive has {} entries, at most {} are taken", count, limits_.entries_max};
    if (directory_offset_ > end || bytes > end - directory_offset_)
        return Error{Code::malformed, "the zip archive's directory lies outside of the file: is it cut?"};
    const Bytes directory = file_.subspan(directory_offset_, bytes);
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (directory.size() - at < kCentralBytes || u32(directory, at) != kCentralMagic)
            return Error{Code::malformed, "entry {} of the zip archive's directory is damaged", i + 1};
        const std::size_t name = u16(directory, at + 28);
        const std::size_t whole = kCentralBytes + name + u16(directory, at + 30) + u16(directory, at + 32);
        if (whole > directory.size() - at)
            return Error{Code::malformed, "entry {} of the zip archive's directory is damaged", i + 1};
        ZipEntry entry{.name = std::string(as_text(directory.subspan(at + kCentralBytes, name))),
                       .packed_bytes = u32(directory, at + 20),
                       .bytes = u32(directory, at + 24),
                       .header_offset = u32(directory, at + 42),
                       .crc32 = u32(directory, at + 16),
                       .method = static_cast<std::uint16_t>(u16(directory, at + 10)),
                       .encrypted = (u16(directory, at + 8) & 1) != 0};
        if (entry.packed_bytes == 0xffffffff || entry.bytes == 0xffffffff || entry.header_offset == 0xffffffff)
            return Error{Code::unsupported,
                         "the zip archive has the form for more than 4 GB (zip64), which is not read"};
        std::ranges::replace(entry.name, '\\', '/');
        entries_.push_back(std::move(entry));
        at += whole;
    }
    return {};
}

// Two entries on the same bytes make much out of little.
Result<void> Zip::check_places() const {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
    std::vector<std::string_view> names;
    for (const ZipEntry& entry : entries_) {
        places.emplace_back(entry.header_offset, entry.header_offset + kLocalBytes + entry.packed_bytes);
        names.push_back(entry.name);
    }
    std::ranges::sort(places);
    std::uint64_t end = 0;
    for (const auto& [from, to] : places) {
        if (from < end || to > directory_offset_)
            return Error{Code::malformed, "entries of the zip archive lie over each other or outside of the file"};
        end = to;
    }
    std::ranges::sort(names);
    if (std::ranges::adjacent_find(names) != names.end())
        return Error{Code::malformed, "the zip archive has the same name twice: {}",
                     std::ranges::adjacent_find(names)->substr(0, 60)};
    return {};
}

const ZipEntry* Zip::find(std::string_view name) const {
    const auto exact = std::ranges::find(entries_, name, &ZipEntry::name);
    if (exact != entries_.end()) return &*exact;
    const auto near = std::ranges::find_if(
        entries_, [&](const ZipEntry& entry) { return std::ranges::equal(entry.name, name, {}, lower, lower); });
    return near == entries_.end() ? nullptr : &*near;
}

Result<Bytes> Zip::packed_of(const ZipEntry& entry) const {
    // check_places() made sure that the fixed part and the packed bytes fit before the directory.
    if (u32(file_, entry.header_offset) != kLocalMagic)
        return Error{Code::malformed, "no entry begins where the zip archive's directory says"};
    const std::uint64_t from =
        entry.header_offset + kLocalBytes + u16(file_, entry.header_offset + 26) + u16(file_, entry.header_offset + 28);
    if (from > directory_offset_ || entry.packed_bytes > directory_offset_ - from)
        return Error{Code::malformed, "its bytes lie outside of the file: is it cut?"};
    return file_.subspan(from, entry.packed_bytes);
}

Result<void> Zip::inflate_entry(const ZipEntry& entry, Bytes packed, const Sink& take) {
    if (entry.method == 0) {
        for (std::size_t at = 0; at < packed.size(); at += kPieceBytes)
            if (!TRY(take(packed.subspan(at, std::min(kPieceBytes, packed.size() - at))))) return {};
        return {};
    }
    if (entry.method != 8)
        return Error{Code::unsupported, "it is packed by the method {}; only deflate is read", entry.method};
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return Error{Code::limit, "no memory to unpack it"};
    const std::unique_ptr<z_stream, int (*)(z_stream*)> end{&stream, inflateEnd};
    // zlib reads only, but its field is not const.
    stream.next_in = const_cast<std::uint8_t*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    Buffer piece(kPieceBytes);
    for (int state = Z_OK; state != Z_STREAM_END;) {
        stream.next_out = piece.data();
        stream.avail_out = static_cast<uInt>(piece.size());
        state = inflate(&stream, Z_NO_FLUSH);
        const std::size_t got = piece.size() - stream.avail_out;
        if ((state != Z_OK && state != Z_STREAM_END) || (state == Z_OK && got == 0))
            return Error{Code::malformed, "it cannot be unpacked: its bytes are damaged"};
        if (got > 0 && !TRY(take(Bytes{piece.data(), got}))) return {};
    }
    return {};
}

Result<void> Zip::read(const ZipEntry& entry, const Sink& sink) {
    const auto run = [&]() -> Result<void> {
        if (entry.encrypted)
            return Error{Code::unsupported, "it is protected by a password: save it without one and send it again"};
        const Bytes packed = TRY(packed_of(entry));
        std::uint64_t count = 0;
        auto sum = static_cast<std::uint32_t>(::crc32(0, nullptr, 0));
        bool stopped = false;
        const Sink take = [&](Bytes piece) -> Result<bool> {
            count += piece.size();
            inflated_bytes_ += piece.size();
            if (count > entry.bytes) return Error{Code::malformed, "it is longer than the directory says"};
            if (inflated_bytes_ > limits_.inflated_bytes_max)
                return Error{Code::limit, "unpacked it has more than {} MB", limits_.inflated_bytes_max >> 20};
            if (count > limits_.ratio_from_bytes && count / limits_.ratio_max > packed.size())
                return Error{Code::limit, "unpacked it is more than {} times as large: no honest file is",
                             limits_.ratio_max};
            sum = static_cast<std::uint32_t>(::crc32(sum, piece.data(), static_cast<uInt>(piece.size())));
            const bool more = TRY(sink(piece));
            stopped = !more;
            return more;
        };
        TRY(inflate_entry(entry, packed, take));
        if (stopped) return {};
        if (count != entry.bytes || sum != entry.crc32)
            return Error{Code::malformed, "its length or checksum is not what the directory says: the file is damaged"};
        return {};
    };
    return run().context("{}", entry.name.substr(0, 100));
}

Result<std::string> Zip::read_whole(const ZipEntry& entry, std::uint64_t bytes_max) {
    if (entry.bytes > bytes_max)
        return Error{Code::limit, "{}: has {} bytes, at most {} are taken", entry.name.substr(0, 100), entry.bytes,
                     bytes_max};
    std::string text;
    TRY(read(entry, [&text](Bytes piece) -> Result<bool> {
        text.append(as_text(piece));
        return true;
    }));
    return text;
}

}  // namespace gongshu::wire
