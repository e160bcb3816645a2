#include "ledger/record.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/checksum.h"

namespace gongshu::ledger {
namespace {

static_assert(std::endian::native == std::endian::little,
              "files are little-endian and are written as memory holds them");

constexpr std::uint32_t kRecordMagic = 0x4e454c47;  // "GLEN"
constexpr std::string_view kFileMagic = "gsled00\n";
constexpr std::string_view kMetaMagic = "gsldg00\n";
constexpr std::size_t kSaltBytes = 16;

template <class T>
void put(Buffer& out, const T& value) {
    const std::size_t at = out.size();
    out.resize(at + sizeof value);
    std::memcpy(out.data() + at, &value, sizeof value);
}
void put_bytes(Buffer& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

template <class T>
T get(Bytes bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

}  // namespace

// magic, length, crc of the header after it, crc of the payload, left, zero, number, time, redacts, commitment
void encode_record(const Entry& entry, std::uint32_t left, Buffer& out) {
    Buffer payload;
    put(payload, entry.salt);
    put(payload, static_cast<std::uint8_t>(entry.kind.size()));
    put_bytes(payload, as_bytes(entry.kind));
    put_bytes(payload, as_bytes(entry.body));
    Buffer header;
    put(header, crc32c(payload));
    put(header, left);
    put(header, std::uint32_t{0});
    put(header, entry.number);
    put(header, entry.time);
    put(header, entry.redacts.value_or(kNothing));
    put(header, entry.commitment);
    const auto length = static_cast<std::uint32_t>(kRecordHeaderBytes + payload.size());
    put(out, kRecordMagic);
    put(out, length);
    put(out, crc32c(header, length));
    put_bytes(out, header);
    put_bytes(out, payload);
}

std::optional<RecordHeader> decode_record_header(Bytes bytes) {
    if (bytes.size() < kRecordHeaderBytes || get<std::uint32_t>(bytes, 0) != kRecordMagic) return std::nullopt;
    RecordHeader header;
    header.length = get<std::uint32_t>(bytes, 4);
    if (crc32c(bytes.subspan(12, kRecordHeaderBytes - 12), header.length) != get<std::uint32_t>(bytes, 8))
        return std::nullopt;
    if (header.length < kRecordHeaderBytes + kSaltBytes + 1) return std::nullopt;
    header.payload_crc = get<std::uint32_t>(bytes, 12);
    header.left = get<std::uint32_t>(bytes, 16);
    header.number = get<std::uint64_t>(bytes, 24);
    header.time = get<TimeNs>(bytes, 32);
    header.redacts = get<std::uint64_t>(bytes, 40);
    header.commitment = get<Digest>(bytes, 48);
    return header;
}

Result<Entry> decode_record(const RecordHeader& header, Bytes record, bool redacted) {
    const Bytes payload = record.subspan(kRecordHeaderBytes);
    Entry entry{.number = header.number, .time = header.time, .commitment = header.commitment};
    if (header.redacts != kNothing) entry.redacts = header.redacts;
    if (redacted) {
        if (std::ranges::any_of(payload, [](std::uint8_t byte) { return byte != 0; }))
            return Error{Code::corrupt, "it was redacted, and yet something is left of it"};
        return entry;
    }
    if (crc32c(payload) != header.payload_crc) return Error{Code::corrupt, "its checksum does not match"};
    const std::size_t kind_bytes = payload[kSaltBytes], body_at = kSaltBytes + 1 + kind_bytes;
    if (body_at > payload.size()) return Error{Code::corrupt, "its kind is longer than the record"};
    entry.salt = get<std::array<std::uint8_t, kSaltBytes>>(payload, 0);
    entry.kind = as_text(payload.subspan(kSaltBytes + 1, kind_bytes));
    entry.body = as_text(payload.subspan(body_at));
    return entry;
}

void encode_file_header(std::uint64_t first, Buffer& out) {
    put_bytes(out, as_bytes(kFileMagic));
    put(out, first);
    put(out, crc32c(Bytes(out).last(16)));
}

std::optional<std::uint64_t> decode_file_header(Bytes bytes) {
    if (bytes.size() < kFileHeaderBytes || as_text(bytes.first(8)) != kFileMagic ||
        crc32c(bytes.first(16)) != get<std::uint32_t>(bytes, 16))
        return std::nullopt;
    return get<std::uint64_t>(bytes, 8);
}

void encode_head(const KeptHead& kept, Buffer& out) {
    const std::size_t begin = out.size();
    put(out, kept.head.size);
    put(out, kept.head.time);
    put(out, kept.head.root);
    put(out, kept.head.signature);
    put(out, kept.key);
    put(out, crc32c(Bytes(out).subspan(begin)));
}

std::optional<KeptHead> decode_head(Bytes bytes) {
    if (bytes.size() != kHeadBytes || crc32c(bytes.first(144)) != get<std::uint32_t>(bytes, 144)) return std::nullopt;
    return KeptHead{
        {get<std::uint64_t>(bytes, 0), get<Digest>(bytes, 16), get<TimeNs>(bytes, 8), get<io::Signature>(bytes, 48)},
        get<io::PublicKey>(bytes, 112)};
}

Buffer encode_meta(const Meta& meta) {
    Buffer out;
    put_bytes(out, as_bytes(kMetaMagic));
    put(out, meta.hash);
    put(out, static_cast<std::uint32_t>(meta.name.size()));
    put_bytes(out, as_bytes(meta.name));
    put(out, crc32c(out));
    return out;
}

Result<Meta> decode_meta(Bytes bytes, const std::string& path) {
    if (bytes.size() < 17 || as_text(bytes.first(8)) != kMetaMagic ||
        crc32c(bytes.first(bytes.size() - 4)) != get<std::uint32_t>(bytes, bytes.size() - 4) ||
        get<std::uint32_t>(bytes, 9) != bytes.size() - 17)
        return Error{Code::corrupt, "{}: damaged, or of another version; restore it from a backup", path};
    Meta meta{static_cast<HashKind>(bytes[8]), std::string(as_text(bytes.subspan(13, bytes.size() - 17)))};
    if (meta.hash != HashKind::sha256 && meta.hash != HashKind::sm3)
        return Error{Code::unsupported, "{}: its hash is number {}, which this version does not know", path, bytes[8]};
    return meta;
}

}  // namespace gongshu::ledger
