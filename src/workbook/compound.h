#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

// The compound file (OLE2) that old Excel workbooks are: a small file system of sectors.
namespace gongshu::workbook {

// The streams of its root, by name.
// Lives:   while the file is opened; its bytes must outlive it.
// Threads: one at a time.
// Bounds:  nothing it holds is larger than the file; a chain that leaves the file or runs in a circle is
//          Code::malformed.
// Disk:    none.
class Compound {
public:
    static Result<Compound> open(Bytes file);
    bool has(std::string_view name) const;
    // Code::not_found.
    Result<Buffer> read(std::string_view name) const;

private:
    struct Stream {
        std::string name;
        std::uint32_t first = 0;
        std::uint64_t bytes = 0;
        bool is_root = false, is_stream = false;
    };
    explicit Compound(Bytes file) : file_(file) {}
    Result<void> read_tables();
    Result<void> read_directory(std::uint32_t first);
    Result<Bytes> sector(std::uint32_t number) const;
    Result<Buffer> chain(std::uint32_t first, std::uint64_t bytes_max) const;
    Result<Buffer> small_chain(std::uint32_t first, std::uint64_t bytes) const;

    Bytes file_;
    std::size_t sector_bytes_ = 512, small_bytes_ = 64;
    std::uint64_t small_below_ = 4096;
    std::vector<std::uint32_t> next_, small_next_;
    std::vector<Stream> streams_;
    Buffer small_;  // the stream that holds the small ones
};

}  // namespace gongshu::workbook
