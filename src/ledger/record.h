#pragma once

#include <optional>
#include <string>

#include "ledger/ledger.h"

namespace gongshu::ledger {

// The bytes of a ledger's files; docs/format/ledger.md draws them.
inline constexpr std::size_t kFileHeaderBytes = 20;
inline constexpr std::size_t kRecordHeaderBytes = 80;
inline constexpr std::size_t kHeadBytes = 148;
inline constexpr std::uint64_t kNothing = UINT64_MAX;

struct RecordHeader {
    std::uint32_t length = 0;  // of the whole record
    std::uint32_t payload_crc = 0;
    std::uint32_t left = 0;  // records of the same append() that follow
    std::uint64_t number = 0;
    TimeNs time = 0;
    std::uint64_t redacts = kNothing;
    Digest commitment{};
};

void encode_record(const Entry& entry, std::uint32_t left, Buffer& out);
// nullopt: those bytes are no header that was written whole.
std::optional<RecordHeader> decode_record_header(Bytes bytes);
// Fills time, kind, salt and body; `redacted`: all after the header must be zeros.
Result<Entry> decode_record(const RecordHeader& header, Bytes record, bool redacted);

void encode_file_header(std::uint64_t first, Buffer& out);
std::optional<std::uint64_t> decode_file_header(Bytes bytes);

struct KeptHead {
    TreeHead head;
    io::PublicKey key{};
};
void encode_head(const KeptHead& head, Buffer& out);
std::optional<KeptHead> decode_head(Bytes bytes);

struct Meta {
    HashKind hash = HashKind::sha256;
    std::string name;
};
Buffer encode_meta(const Meta& meta);
Result<Meta> decode_meta(Bytes bytes, const std::string& path);

}  // namespace gongshu::ledger
