#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sql/frame.h"
#include "sql/sql.h"

namespace gongshu::sql {

// What one mention of a table in a statement asks for. From the worker, so perhaps from a hostile hand: names and types
// of arguments may be anything.
struct ScanRequest {
    std::vector<std::pair<std::string, Cell>> arguments;  // one that is a list comes once for each of its values
    std::vector<Column> all;                              // the columns of the table, with these arguments
    std::vector<std::uint32_t> columns;                   // that are wanted, by their place in `all`
    std::string zone;                                     // of the question

    const Cell* find(std::string_view name) const;
    std::vector<CellType> types() const;  // of a page of it
};

// Puts values into the wanted columns of a page, by their place in the whole table; what is not wanted is left out.
class RowWriter {
public:
    RowWriter(Page& page, const ScanRequest& request);
    void text(std::size_t column, std::string_view value);
    void text_or_null(std::size_t column, std::string_view value);  // "" is null
    void integer(std::size_t column, std::int64_t value);           // of time and date too
    void number(std::size_t column, double value);                  // NaN is null
    void boolean(std::size_t column, bool value);
    void null(std::size_t column);
    void end() { page_.end_row(); }

private:
    // nullopt = not wanted
    std::optional<std::size_t> place(std::size_t column) const;

    Page& page_;
    std::vector<std::optional<std::size_t>> places_;
};

// One reading of a table. On one thread.
class Scan {
public:
    static constexpr std::size_t kBatchBytes = 256 << 10;
    static constexpr std::size_t kBatchRows = 8192;
    virtual ~Scan() = default;
    // Appends some rows, a batch at most; false when those were the last. May block for a while.
    virtual Result<bool> next(Page& page) = 0;
};

// A table of SQL: its rows come from here when a statement reads it.
// Threads: open() from threads of the engine.
class Table {
public:
    virtual ~Table() = default;
    virtual const TableShape& shape() const = 0;
    // Checks the rights of who asks and asks Egress. `asker` outlives the scan.
    virtual Result<std::unique_ptr<Scan>> open(const Asker& asker, ScanRequest request) = 0;
};

// A scan over rows that are there already.
template <class Row, class Write>
std::unique_ptr<Scan> scan_of(std::vector<Row> rows, ScanRequest request, Write write) {
    class OverRows final : public Scan {
    public:
        OverRows(std::vector<Row> rows, ScanRequest request, Write write)
            : rows_(std::move(rows)), request_(std::move(request)), write_(std::move(write)) {}
        Result<bool> next(Page& page) override {
            RowWriter out{page, request_};
            for (; next_ < rows_.size(); ++next_) {
                if (page.rows() >= kBatchRows || page.bytes() >= kBatchBytes) return true;
                write_(out, rows_[next_]);
                out.end();
            }
            return false;
        }

    private:
        const std::vector<Row> rows_;
        const ScanRequest request_;
        const Write write_;
        std::size_t next_ = 0;
    };
    return std::make_unique<OverRows>(std::move(rows), std::move(request), std::move(write));
}

}  // namespace gongshu::sql
