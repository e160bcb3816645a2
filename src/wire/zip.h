#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

// The zip container as bytes in memory, for reading. Only the central directory at the end is believed; of a local
// header nothing but its length is taken, and what it covers must be the entry's own.
namespace gongshu::wire {

struct ZipEntry {
    std::string name;  // as it stands there, '\' turned to '/'
    std::uint64_t packed_bytes = 0, bytes = 0;
    std::uint64_t header_offset = 0;
    std::uint32_t crc32 = 0;
    std::uint16_t method = 0;  // 0 stored, 8 deflate
    bool encrypted = false;
};

struct ZipLimits {
    std::size_t entries_max = 10'000;
    std::uint64_t inflated_bytes_max = std::uint64_t{2} << 30;  // of all that is read from one Zip, together
    std::uint64_t ratio_max = 500;                              // inflated to packed, of an entry …
    std::uint64_t ratio_from_bytes = 16 << 20;                  // … once so much came out of it
};

// Lives:   one per file; the bytes must outlive it.
// Threads: one at a time.
// Bounds:  ZipLimits; read() keeps 64 KB.
// Disk:    none.
class Zip {
public:
    // Code::malformed for what is no zip, is cut or overlaps itself; Code::unsupported for what is spread over several
    // files or larger than 4 GB; Code::limit.
    static Result<Zip> open(Bytes file, const ZipLimits& limits = {});

    const std::vector<ZipEntry>& entries() const { return entries_; }
    // nullptr = none. Letters' case does not count where no name is exactly that.
    const ZipEntry* find(std::string_view name) const;

    // Gives the inflated bytes in pieces; the sink says no to stop early. Length and CRC are checked at the end.
    using Sink = std::function<Result<bool>(Bytes)>;
    Result<void> read(const ZipEntry& entry, const Sink& sink);
    Result<std::string> read_whole(const ZipEntry& entry, std::uint64_t bytes_max);

private:
    Zip(Bytes file, const ZipLimits& limits) : file_(file), limits_(limits) {}
    Result<void> read_directory(std::size_t end);
    Result<void> check_places() const;
    Result<Bytes> packed_of(const ZipEntry& entry) const;
    Result<void> inflate_entry(const ZipEntry& entry, Bytes packed, const Sink& take);

    Bytes file_;
    ZipLimits limits_;
    std::vector<ZipEntry> entries_;
    std::uint64_t directory_offset_ = 0;
    std::uint64_t inflated_bytes_ = 0;
};

}  // namespace gongshu::wire
