#include "importer/sheet_records.h"

#include <fmt/format.h>

#include <algorithm>

#include "importer/number.h"

namespace gongshu::importer {
namespace {

using workbook::Cell;
using workbook::CellKind;
using workbook::Merge;

constexpr std::uint64_t kFilledCellsMax = 5'000'000;

std::string names_of(const std::vector<SheetSeen>& sheets) {
    std::string names;
    for (const SheetSeen& sheet : sheets)
        if (!sheet.hidden) names += (names.empty() ? "'" : ", '") + sheet.name + "'";
    return names.size() > 400 ? names.substr(0, names.rfind(',', 400)) + ", …" : names;
}

}  // namespace

Result<std::unique_ptr<SheetRecords>> SheetRecords::open(workbook::Workbook book, const Layout& layout, bool any) {
    std::unique_ptr<SheetRecords> made(new SheetRecords);
    made->format_ = book.format();
    made->skip_ = layout.skip;
    made->comment_ = layout.comment;
    for (const auto& sheet : book.sheets()) made->sheets_.push_back({sheet.name, sheet.hidden, 0, 0});
    TRY(made->choose(book, layout, any));
    for (const workbook::Note& note : made->sheet_.notes()) made->note(note.row, note.column, note.text);
    made->notes_count_ = made->sheet_.notes_count();
    TRY(made->prepare_merges());
    return made;
}

Result<void> SheetRecords::choose(workbook::Workbook& book, const Layout& layout, bool any) {
    if (!layout.sheet.empty()) {
        const auto found = std::ranges::find(sheets_, layout.sheet, &SheetSeen::name);
        const auto number = parse_integer(layout.sheet);
        if (found != sheets_.end())
            chosen_ = static_cast<std::size_t>(found - sheets_.begin());
        else if (number && *number >= 1 && static_cast<std::size_t>(*number) <= sheets_.size())
            chosen_ = static_cast<std::size_t>(*number - 1);
        else
            return Error{Code::invalid, "file.sheet: the workbook has no sheet '{}'; it has {}", layout.sheet,
                         names_of(sheets_)};
        sheet_ = TRY(book.read(chosen_));
        sheets_[chosen_].rows = sheet_.rows_count();
        sheets_[chosen_].values = sheet_.values_count();
        if (!any) return {};
    }
    // The rows are counted to tell which sheet holds the data.
    std::vector<std::size_t> with_rows;
    Error first_fault{Code::invalid, "the workbook has no visible sheet with a row"};
    for (std::size_t i = 0; i < sheets_.size(); ++i) {
        auto sheet = book.read(i, {.rows_kept_max = 1});
        if (!sheet && with_rows.empty()) first_fault = sheet.error();
        if (!sheet) continue;
        sheets_[i].rows = sheet->rows_count();
        sheets_[i].values = sheet->values_count();
        if (!sheets_[i].hidden && sheets_[i].rows > 0) with_rows.push_back(i);
    }
    if (!layout.sheet.empty()) return {};
    if (with_rows.empty()) return first_fault;
    const auto most = std::ranges::max_element(
        with_rows, {}, [&](std::size_t i) { return std::pair(sheets_[i].values, sheets_[i].rows); });
    if (with_rows.size() > 1 && !any)
        return Error{Code::invalid, "the workbook has {} sheets with rows: say file.sheet, one of {}", with_rows.size(),
                     names_of(sheets_)};
    chosen_ = *most;
    sheet_ = TRY(book.read(chosen_));
    return {};
}

void SheetRecords::note(std::uint32_t row, std::uint32_t column, std::string text) {
    ++notes_count_;
    if (notes_.size() < Report::kToldMax) notes_.push_back({row, workbook::column_name(column), std::move(text)});
}

Result<void> SheetRecords::prepare_merges() {
    std::uint64_t cells = 0;
    for (Merge merge : sheet_.merges()) {
        const Cell* const cell = sheet_.at(merge.first_row, merge.first_column);
        if (cell == nullptr) continue;
        const bool alone = std::ranges::none_of(
            sheet_.cells(*std::ranges::lower_bound(sheet_.rows(), merge.first_row, {}, &workbook::Sheet::Row::number)),
            [&](const Cell& other) { return other.column < merge.first_column || other.column > merge.last_column; });
        if (alone && merge.last_column > merge.first_column) continue;
        const bool is_value = cell->kind == CellKind::number || cell->kind == CellKind::percent ||
                              cell->kind == CellKind::duration || cell->kind == CellKind::boolean;
        if (is_value) {
            note(merge.first_row, merge.first_column,
                 "the number stands in merged cells: it is taken once, in the first");
            continue;
        }
        if (merge.first_column >= sheet_.width()) continue;
        merge.last_column = std::min<std::uint16_t>(merge.last_column, static_cast<std::uint16_t>(sheet_.width() - 1));
        merge.last_row = std::min(merge.last_row, sheet_.rows().back().number);
        cells += (merge.last_row - merge.first_row + 1ull) * (merge.last_column - merge.first_column + 1ull);
        if (cells > kFilledCellsMax)
            return Error{Code::limit, "merged cells cover more than {} cells: dissolve them", kFilledCellsMax};
        filled_.push_back({merge, sheet_.shown(*cell)});
    }
    return {};
}

bool SheetRecords::next(Record& record) {
    const std::size_t width = sheet_.width();
    while (at_ < sheet_.rows().size()) {
        const auto& row = sheet_.rows()[at_++];
        texts_.assign(width, std::string{});
        for (const Cell& cell : sheet_.cells(row)) texts_[cell.column] = sheet_.shown(cell);
        for (; next_filled_ < filled_.size() && filled_[next_filled_].merge.first_row <= row.number; ++next_filled_)
            active_.push_back(next_filled_);
        std::erase_if(active_, [&](std::size_t i) { return filled_[i].merge.last_row < row.number; });
        for (const std::size_t i : active_)
            for (std::size_t column = filled_[i].merge.first_column; column <= filled_[i].merge.last_column; ++column)
                if (texts_[column].empty()) texts_[column] = filled_[i].text;
        if (row.number <= skip_) continue;
        if (std::ranges::all_of(texts_, [](const std::string& text) { return trim(text).empty(); })) continue;
        if (!comment_.empty() && texts_.front().starts_with(comment_)) continue;
        record.line = row.number;
        record.fields.assign(texts_.begin(), texts_.end());
        return true;
    }
    record.fields.clear();
    return false;
}

}  // namespace gongshu::importer
