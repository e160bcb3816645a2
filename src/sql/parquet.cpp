#include "sql/parquet.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "io/channel.h"
#include "io/process.h"
#include "sql/csv.h"
#include "sql/frame.h"

namespace gongshu::sql {

namespace {

constexpr std::size_t kPartBytes = 4 << 20;  // of the file in one frame
constexpr DurationNs kTick = 200 * kMillisecond;
constexpr QueryNumber kNumber = 1;

// The worker and what it has said so far.
// Lives: for one call. Threads: one.
class Reading {
public:
    Reading(const Clock& clock, const ParquetLimits& limits)
        : clock_(clock), limits_(limits), began_(clock.monotonic()) {}
    ~Reading() {
        if (!child_.process) return;
        child_.channel->end();
        child_.process->terminate(true);
        child_.process->wait();
    }

    Result<std::string> run(const std::string& library, Bytes file) {
        child_ = TRY(io::start_child({"worker", "sql"}));
        TRY(write(Setup{.library = library,
                        .memory_bytes = limits_.memory_bytes,
                        .cpu_seconds = static_cast<std::uint64_t>(limits_.time_max / kSecond) * 4,
                        .threads = 1,
                        .file_bytes = file.size()}));
        for (; !file.empty(); file = file.subspan(std::min(kPartBytes, file.size()))) {
            const Bytes part = file.first(std::min(kPartBytes, file.size()));
            TRY(write(FileBytes{std::string{as_text(part)}}));
        }
        while (!is_over_) TRY(hear());
        return std::move(csv_);
    }

private:
    Result<void> write(const ToWorker& message) { return child_.channel->write(encode(message)); }

    Result<void> hear() {
        if (clock_.monotonic() - began_ > limits_.time_max)
            return Error{Code::timeout, "reading the Parquet file takes longer than {} s", limits_.time_max / kSecond};
        const auto count = child_.channel->read(bytes_, kTick);
        if (!count && count.error().code() == Code::timeout) return {};
        if (TRY(count) == 0)
            return Error{Code::malformed, "the Parquet file cannot be read: what reads it ended in the middle"};
        framer_.feed(Bytes{bytes_}.first(*count));
        while (const auto frame = TRY(framer_.next())) TRY(take(TRY(decode_to_server(*frame))));
        return {};
    }

    Result<void> take(const ToServer& message) {
        if (const auto* ready = std::get_if<Ready>(&message)) {
            if (!ready->failure.empty()) return Error{Code::unavailable, "{}", ready->failure};
            TRY(write(Start{.query = kNumber}));
            return write(More{kNumber});
        }
        if (const auto* began = std::get_if<Began>(&message)) {
            append_csv_head(csv_, began->columns);
            for (const Column& column : began->columns)
                local_.push_back(column.declared.find("WITH TIME ZONE") == column.declared.npos);
        }
        if (const auto* rows = std::get_if<AnswerRows>(&message)) {
            if (rows->page.columns() != local_.size())
                return Error{Code::malformed, "the Parquet file cannot be read: its columns change"};
            for (std::size_t row = 0; row < rows->page.rows(); ++row) append_csv_row(csv_, rows->page, row, local_);
            if (csv_.size() > limits_.csv_bytes_max)
                return Error{Code::limit, "the Parquet file has more than {} MiB as text: send it in parts",
                             limits_.csv_bytes_max >> 20};
            return write(More{kNumber});
        }
        if (const auto* failed = std::get_if<Failed>(&message))
            return Error{failed->code == Code::limit ? Code::limit : Code::malformed,
                         "the Parquet file cannot be read: {}", cut_utf8(failed->text, 500)};
        is_over_ = std::holds_alternative<Ended>(message);
        return {};
    }

    const Clock& clock_;
    const ParquetLimits limits_;
    const TimeNs began_;
    io::Child child_;
    std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(256 << 10);
    Framer framer_;
    std::string csv_;
    std::vector<bool> local_;
    bool is_over_ = false;
};

}  // namespace

bool is_parquet(Bytes file) { return as_text(file).starts_with("PAR1"); }

Result<std::string> parquet_to_csv(const std::string& library, const Clock& clock, Bytes file,
                                   const ParquetLimits& limits) {
    if (library.empty())
        return Error{Code::unavailable,
                     "reading Parquet needs libduckdb.so beside the program, and there is none: send the file as CSV, "
                     "or install the package of the program again"};
    if (file.size() < 12 || !as_text(file).ends_with("PAR1"))
        return Error{Code::malformed, "the Parquet file is cut off: it does not end as one"};
    return Reading{clock, limits}.run(library, file);
}

}  // namespace gongshu::sql
