#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace gongshu::backup {

inline constexpr const char* kListName = "SHA256SUMS";
inline constexpr std::uint64_t kListBytesMax = 256 << 20;

// One file of a backup.
struct Entry {
    std::string name;    // "history/MANIFEST"
    std::string sha256;  // hexadecimal
};

// What a backup holds, as its file SHA256SUMS tells it (docs/format/backup.md).
struct Listing {
    TimeNs made = 0;
    std::string program;
    std::uint64_t bytes = 0;
    std::vector<std::string> notes;  // what was not right while it was made; one line each
    std::vector<Entry> files;
};

std::string encode_listing(const Listing& listing);
// Code::corrupt, naming the line, for what is not such a list, whose sum differs, or whose names lead out of the
// folder.
Result<Listing> decode_listing(std::string_view text, const std::string& path);

}  // namespace gongshu::backup
