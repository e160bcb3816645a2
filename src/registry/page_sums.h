#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "io/files.h"

namespace gongshu::registry {

// PageSums holds a checksum of each block of a database, in a file of its own beside it, so that a bit that turns over
// on the disk is found also where SQLite takes it for contents.
// They are written before the database is synced. What was being written when the power went is in the write-ahead log
// until the database is synced, and the log wins: blocks of pages that stand in it are not compared.
// Threads: one at a time.
// Bounds:  4 bytes in memory for each 4 KiB of the database.
// Disk:    "registry.db-sums", docs/format/registry.md.
class PageSums {
public:
    static constexpr std::size_t kBlock = 4096;
    static std::string path_of(const std::string& database) { return database + "-sums"; }

    // Of a database that is open at `file`: as they are kept; of blocks without one, from what is there.
    Result<void> begin(io::Files& files, const std::string& database, io::File& file);
    bool began() const { return began_; }
    void wrote(std::uint64_t offset, Bytes data);
    void cut(std::uint64_t bytes);
    // Makes them durable if any changed.
    Result<void> save(io::Files& files, const std::string& database, io::File& file);

    // The blocks of a database that nobody has open and that are not what they were when they were written; of pages in
    // `newer`, in bytes from and to, nothing is said. Code::not_found: nothing is kept. Code::corrupt: the sums are
    // damaged.
    static Result<std::vector<std::uint64_t>> damaged(io::Files& files, const std::string& database,
                                                      const std::set<std::uint64_t>& newer);

private:
    static Result<std::vector<std::uint32_t>> load(io::Files& files, const std::string& database);

    std::vector<std::uint32_t> sums_;
    std::set<std::uint64_t> unread_;  // written in part
    bool began_ = false, changed_ = false;
};

}  // namespace gongshu::registry
