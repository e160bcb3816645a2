#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// One sheet of a workbook as cells, whatever file it came from.
namespace gongshu::workbook {

enum class CellKind : std::uint8_t {
    text,
    number,
    percent,   // `number` is the share: 0.953 is shown as 95.3%
    date,      // `number` counts days since 1899-12-30, with the time of day as fraction
    time,      // a time of day, a fraction of a day; from 1 on it has a date too
    duration,  // days, shown as hours: [h]:mm
    boolean,   // 0 or 1
    error,     // the text says which: #DIV/0!
};

struct Cell {
    double number = 0;
    std::uint32_t text_at = 0, text_bytes = 0;
    std::uint16_t column = 0;  // from 0
    CellKind kind = CellKind::text;
    bool shared = false;  // its text stands in the workbook's table of texts
};

// Cells that are joined into one; the value stands in the first. Rows from 1, columns from 0, the last ones included.
struct Merge {
    std::uint32_t first_row = 0, last_row = 0;
    std::uint16_t first_column = 0, last_column = 0;
};

// What a reader of the sheet should know of one cell.
struct Note {
    std::uint32_t row = 0;  // 0 = the whole sheet
    std::uint16_t column = 0;
    std::string text;
};

struct SheetLimits {
    std::size_t rows_kept_max = 1'048'576;  // further ones are counted only
    std::size_t cells_max = 12'000'000;
    std::size_t text_bytes_max = 256 << 20;
    std::size_t cell_bytes_max = 256 << 10;
    std::size_t merges_max = 100'000;
};

inline constexpr std::uint32_t kRowsMax = 1'048'576;  // of the format
inline constexpr std::uint32_t kColumnsMax = 16'384;

class Sheet {
public:
    static constexpr std::size_t kNotesMax = 100;
    struct Row {
        std::uint32_t number = 0;  // from 1; rows without a cell are not there
        std::size_t first = 0, count = 0;
    };

    const std::vector<Row>& rows() const { return rows_; }
    std::span<const Cell> cells(const Row& row) const { return std::span(cells_).subspan(row.first, row.count); }
    const std::vector<Merge>& merges() const { return merges_; }
    const std::vector<Note>& notes() const { return notes_; }  // the first kNotesMax of …
    std::uint64_t notes_count() const { return notes_count_; }
    std::uint64_t rows_count() const { return rows_count_; }      // rows that have a cell, kept or not
    std::uint64_t values_count() const { return values_count_; }  // numbers, dates and their like, kept or not
    std::size_t width() const { return width_; }                  // columns up to the last that is used
    std::string_view text(const Cell& cell) const;                // "" of what is no text and no error
    // As a person would type it: 12.5, 95.3%, 2026-01-05 08:30:00, 08:30:00, true. A duration is its hours.
    std::string shown(const Cell& cell) const;
    const Cell* at(std::uint32_t row, std::uint16_t column) const;  // nullptr = empty

private:
    friend class SheetBuilder;
    std::vector<Row> rows_;
    std::vector<Cell> cells_;
    std::vector<Merge> merges_;
    std::string texts_;
    std::shared_ptr<const std::string> shared_;
    std::vector<Note> notes_;
    std::uint64_t notes_count_ = 0, rows_count_ = 0, values_count_ = 0;
    std::size_t width_ = 0;
};

// SheetBuilder takes cells in their order and keeps the limits.
// Lives:   one per sheet that is read.   Threads: one at a time.   Bounds: SheetLimits.   Disk: none.
class SheetBuilder {
public:
    SheetBuilder(const SheetLimits& limits, std::shared_ptr<const std::string> shared);

    // Code::malformed for rows or cells that go back, Code::limit for too many. `row` from 1, `column` from 0.
    Result<void> number(std::uint32_t row, std::uint32_t column, CellKind kind, double value);
    Result<void> text(std::uint32_t row, std::uint32_t column, CellKind kind, std::string_view text);
    Result<void> shared_text(std::uint32_t row, std::uint32_t column, std::size_t at, std::size_t bytes);
    Result<void> merge(const Merge& merge);
    void note(std::uint32_t row, std::uint32_t column, std::string text);
    Sheet finish();

private:
    Result<Cell*> place(std::uint32_t row, std::uint32_t column);

    const SheetLimits limits_;
    Sheet sheet_;
    Cell dropped_;
    std::uint32_t last_row_ = 0;
    std::int64_t last_column_ = -1;
    bool keeps_row_ = false;
};

// "C5" of row 5, column 2.
std::string cell_name(std::uint32_t row, std::uint32_t column);
// "C", "AA" of a column from 0.
std::string column_name(std::uint32_t column);
// The column of "C5" from 0, its row from 1; nullopt for what is none.
struct CellPlace {
    std::uint32_t row = 0, column = 0;
};
std::optional<CellPlace> parse_cell_name(std::string_view name);

// A serial date as "2026-01-05 08:30:00"; "2026-01-05" at midnight, "08:30:00" below 1. Milliseconds only where there
// are some. What lies outside of 1900 … 9999 comes back as the plain number.
std::string date_text(double serial);
std::string number_text(double value);

}  // namespace gongshu::workbook
