#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "importer/map.h"
#include "importer/record_reader.h"
#include "importer/report.h"
#include "workbook/workbook.h"

namespace gongshu::importer {

// What a workbook has beside the sheet that is read.
struct SheetSeen {
    std::string name;
    bool hidden = false;
    std::uint64_t rows = 0;    // with a cell; 0 also where the sheet cannot be read
    std::uint64_t values = 0;  // numbers, dates and their like
};

// SheetRecords is one sheet of a workbook as records: each row with as many fields as the sheet is wide, as a person
// would type them. A text or a time in merged cells counts for all of them, save for a title that stands alone in its
// row; a number counts once, in the first cell, which is noted.
// Lives:   one per Table.   Threads: one at a time.   Bounds: workbook::SheetLimits.   Disk: none.
class SheetRecords {
public:
    // The sheet that the layout names, by name or by number from 1. If it names none: the only visible one with rows;
    // `any` takes the one with most numbers and dates where there are several, else that is Code::invalid and lists
    // them.
    static Result<std::unique_ptr<SheetRecords>> open(workbook::Workbook book, const Layout& layout, bool any);

    bool next(Record& record);  // false at the end
    const std::vector<SheetSeen>& sheets() const { return sheets_; }
    std::size_t chosen() const { return chosen_; }
    std::string_view format() const { return format_; }
    std::uint64_t rows_read() const { return at_; }
    std::uint64_t rows() const { return sheet_.rows().size(); }
    // What should be known of single cells; the column by its letter.
    const std::vector<Fault>& notes() const { return notes_; }
    std::uint64_t notes_count() const { return notes_count_; }

private:
    struct Filled {
        workbook::Merge merge;
        std::string text;
    };
    SheetRecords() = default;
    Result<void> choose(workbook::Workbook& book, const Layout& layout, bool any);
    Result<void> prepare_merges();
    void note(std::uint32_t row, std::uint32_t column, std::string text);

    std::string_view format_;
    std::vector<SheetSeen> sheets_;
    std::size_t chosen_ = 0;
    workbook::Sheet sheet_;
    std::uint64_t skip_ = 0;
    std::string comment_;
    std::size_t at_ = 0;  // index into the sheet's rows
    std::vector<Filled> filled_;
    std::size_t next_filled_ = 0;
    std::vector<std::size_t> active_;
    std::vector<std::string> texts_;
    std::vector<Fault> notes_;
    std::uint64_t notes_count_ = 0;
};

}  // namespace gongshu::importer
