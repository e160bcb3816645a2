#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sql/cell.h"

// What the server and `gongshu worker sql` say to each other, over a channel between the two. Both are the same
// program, so there is one version; but what comes from the worker may be forged by a hostile statement and is checked
// as anything from outside. A frame: length of the rest (u32), kind (u8), the fields in order, all little-endian;
// texts and lists with their length (u32) in front. Pure: no I/O.
namespace gongshu::sql {

inline constexpr std::size_t kFrameBytesMax = 16 << 20;

using QueryNumber = std::uint32_t;  // chosen by the server
using ScanNumber = std::uint32_t;   // chosen by the worker, within one query

// A table as SQL knows it.
struct TableShape {
    std::string name;
    std::vector<Column> columns;
    std::vector<std::string> arguments;  // with some it is a function too: name(argument := value, …)
    friend bool operator==(const TableShape&, const TableShape&) = default;
};

// Server to worker.
struct Setup {
    std::string library;  // path of libduckdb.so
    std::uint64_t memory_bytes = 0;
    std::uint64_t cpu_seconds = 0;
    std::uint32_t threads = 1;
    std::vector<TableShape> tables;
    std::uint64_t file_bytes = 0;  // a Parquet file of so many follows, and any Start asks for its rows
    friend bool operator==(const Setup&, const Setup&) = default;
};
struct Start {
    QueryNumber query = 0;
    std::string text;
    std::vector<Cell> parameters;
    std::string zone;
    bool zoned = false;
    bool describe_only = false;
    bool parquet = false;  // the answer as pages of one column of bytes
    friend bool operator==(const Start&, const Start&) = default;
};
struct More {  // one page more may be sent
    QueryNumber query = 0;
    friend bool operator==(const More&, const More&) = default;
};
struct Cancel {
    QueryNumber query = 0;
    friend bool operator==(const Cancel&, const Cancel&) = default;
};
struct ScanRows {  // an answer to Want
    QueryNumber query = 0;
    ScanNumber scan = 0;
    bool last = false;
    Page page;
};
struct ScanFailed {
    QueryNumber query = 0;
    ScanNumber scan = 0;
    Code code = Code::invalid;
    std::string text;
    friend bool operator==(const ScanFailed&, const ScanFailed&) = default;
};
struct FileBytes {  // the next part of it
    std::string bytes;
    friend bool operator==(const FileBytes&, const FileBytes&) = default;
};
using ToWorker = std::variant<Setup, Start, More, Cancel, ScanRows, ScanFailed, FileBytes>;

// Worker to server.
struct Ready {
    std::string version;  // of the library
    std::string failure;  // why nothing can be run; "" = ready
    friend bool operator==(const Ready&, const Ready&) = default;
};
struct Began {
    QueryNumber query = 0;
    std::vector<Column> columns;
    std::vector<std::pair<std::string, std::optional<CellType>>> parameters;
    friend bool operator==(const Began&, const Began&) = default;
};
struct AnswerRows {
    QueryNumber query = 0;
    Page page;
};
struct Ended {
    QueryNumber query = 0;
    std::uint32_t cpu_seconds = 0;  // that the worker has used in all
    friend bool operator==(const Ended&, const Ended&) = default;
};
struct Failed {
    QueryNumber query = 0;
    Code code = Code::invalid;
    std::uint32_t position = 0;  // in characters, from 1
    std::string sqlstate;
    std::string text;
    std::uint32_t cpu_seconds = 0;
    friend bool operator==(const Failed&, const Failed&) = default;
};
struct Open {
    QueryNumber query = 0;
    ScanNumber scan = 0;
    std::string table;
    std::vector<std::pair<std::string, Cell>> arguments;  // one that is a list comes once for each of its values
    std::vector<std::uint32_t> columns;                   // that are wanted, by their place in the table
    friend bool operator==(const Open&, const Open&) = default;
};
struct Want {
    QueryNumber query = 0;
    ScanNumber scan = 0;
    friend bool operator==(const Want&, const Want&) = default;
};
struct CloseScan {
    QueryNumber query = 0;
    ScanNumber scan = 0;
    friend bool operator==(const CloseScan&, const CloseScan&) = default;
};
using ToServer = std::variant<Ready, Began, AnswerRows, Ended, Failed, Open, Want, CloseScan>;

// A whole frame, its length in front. Larger than kFrameBytesMax is our own bug (ASSERT).
Buffer encode(const ToWorker& message);
Buffer encode(const ToServer& message);
// The content of a frame, without its length. Code::malformed.
Result<ToWorker> decode_to_worker(Bytes frame);
Result<ToServer> decode_to_server(Bytes frame);

// Cuts what comes into frames.
// Bounds: one frame of kFrameBytesMax waits at most; a longer one is Code::malformed.
class Framer {
public:
    void feed(Bytes bytes) { buffer_.insert(buffer_.end(), bytes.begin(), bytes.end()); }
    // The next whole frame without its length; valid until the next call of anything here. nullopt = not there yet.
    Result<std::optional<Bytes>> next();

private:
    Buffer buffer_;
    std::size_t taken_ = 0;
};

}  // namespace gongshu::sql
