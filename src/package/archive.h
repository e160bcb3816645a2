#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

// The file of a package as bytes: a ustar archive of which there is exactly one for given entries, so that the same
// contents give the same file everywhere, and every byte that differs is found. docs/format/package.md.
namespace gongshu::package {

inline constexpr std::size_t kEntriesMax = 500;
inline constexpr std::size_t kEntryNameBytesMax = 100;
inline constexpr std::size_t kEntryDepthMax = 4;  // segments of a name
inline constexpr std::size_t kEntryBytesMax = 8u << 20;
inline constexpr std::size_t kArchiveBytesMax = 16u << 20;

struct ArchiveEntry {
    std::string name;  // "resources/rules.yaml"
    Buffer bytes;
    friend bool operator==(const ArchiveEntry&, const ArchiveEntry&) = default;
};

// One to kEntryDepthMax segments joined by "/", each of letters A-Z a-z, digits, _ - and dot, none of which begins with
// a dot; at most kEntryNameBytesMax bytes. So none leads out of a folder.
Result<void> check_entry_name(std::string_view name);

// Sorts the entries by name. Code::invalid for a bad or doubled name, Code::limit naming the limit.
Result<Buffer> encode_archive(std::vector<ArchiveEntry> entries);

// Code::malformed naming the entry for all that encode_archive() would not have written; Code::limit.
Result<std::vector<ArchiveEntry>> decode_archive(Bytes bytes);

}  // namespace gongshu::package
