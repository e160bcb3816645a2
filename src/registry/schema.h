#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/files.h"

namespace gongshu::registry {

// registry.db as it was before a newer program changed its tables.
struct KeptTables {
    std::string path;
    std::int64_t step = 0;  // of its tables
    std::uint64_t bytes = 0;
};

// The tables of registry.db beside those that this program knows.
struct Schema {
    std::int64_t stored = 0;  // 0 = there is no registry.db
    std::int64_t known = 0;
    std::uint64_t bytes = 0;                // of registry.db with its write-ahead log
    std::vector<std::string_view> to_come;  // what each step from stored to known brings
    std::vector<KeptTables> kept;           // the newest step first
};

// Of a folder that nobody has open; changes nothing. Code::corrupt if registry.db cannot be read.
Result<Schema> schema_of(io::Files& files, const std::string& folder);

// Before tables are changed to `to`: the whole database, in which nothing is in a write-ahead log, as a file of its own
// beside it. The newest kKeptMax stay. Code::limit, naming the bytes, if the disk has no room for it.
inline constexpr std::size_t kKeptMax = 2;
std::string kept_name(std::int64_t step);
Result<void> check_room_for_copy(io::Files& files, const std::string& folder, std::uint64_t bytes);
Result<void> forget_old_tables(io::Files& files, const std::string& folder);

// Puts the kept tables of `step`, or the newest of an older one, back in the place of registry.db, whose own bytes stay
// beside it as registry.db.step-N (and its log as registry.db.step-N-wal); gives what was put back. Nobody may have the
// folder open. What was configured since is only in those. Cut off at any point it can be called again. Code::not_found
// if nothing is kept.
Result<KeptTables> go_back(io::Files& files, const std::string& folder,
                           std::optional<std::int64_t> step = std::nullopt);
// What go_back() needs, changing nothing: the kept tables, that they can be read, and room for two copies.
Result<KeptTables> check_way_back(io::Files& files, const std::string& folder,
                                  std::optional<std::int64_t> step = std::nullopt);

}  // namespace gongshu::registry
