#include "workbook/sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace gongshu::workbook {
namespace {

// 95.3 of 0.953, by its decimal digits: a product would end in 95.30000000000001.
double times_100(double share) {
    char digits[48];
    const auto [end, failed] = std::to_chars(digits, digits + sizeof digits, share, std::chars_format::scientific);
    const std::string_view text(digits, end);
    const std::size_t e = text.find('e');
    int exponent = 0;
    if (failed != std::errc{} || e == text.npos) return share * 100;
    const std::size_t sign = text[e + 1] == '+' ? 2 : 1;
    std::from_chars(text.data() + e + sign, end, exponent);
    const std::string moved = fmt::format("{}e{}", text.substr(0, e), exponent + 2);
    double value = share * 100;
    std::from_chars(moved.data(), moved.data() + moved.size(), value);
    return value;
}

struct Day {
    std::int64_t year;
    int month, day;
};
// Of days since 1970-01-01.
Day day_of(std::int64_t days) {
    days += 719'468;
    const std::int64_t era = days / 146'097;
    const std::int64_t doe = days - era * 146'097;
    const std::int64_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
    const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const std::int64_t mp = (5 * doy + 2) / 153;
    const int month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
    return {yoe + era * 400 + (month <= 2), month, static_cast<int>(doy - (153 * mp + 2) / 5 + 1)};
}

std::string clock_text(std::int64_t milliseconds) {
    const std::int64_t seconds = milliseconds / 1000;
    std::string text = fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (milliseconds % 1000 != 0) text += fmt::format(".{:03}", milliseconds % 1000);
    return text;
}

}  // namespace

std::string number_text(double value) { return fmt::format("{}", value); }

std::string date_text(double serial) {
    constexpr std::int64_t kDay = 86'400'000;
    constexpr double kAfterLast = 2'958'466;  // 10000-01-01
    if (!(serial >= 0 && serial < kAfterLast)) return number_text(serial);
    const std::int64_t whole = std::llround(serial * static_cast<double>(kDay));
    std::int64_t days = whole / kDay;
    const std::string clock = clock_text(whole % kDay);
    if (days == 0) return clock;
    // Excel holds 1900 for a leap year, so that its day 60 never was.
    if (days < 60) ++days;
    const Day day = days == 60 && serial >= 60 ? Day{1900, 2, 29} : day_of(days - 25'569);
    const std::string date = fmt::format("{:04}-{:02}-{:02}", day.year, day.month, day.day);
    return whole % kDay == 0 ? date : date + " " + clock;
}

std::string column_name(std::uint32_t column) {
    std::string name;
    for (std::uint32_t rest = column + 1; rest > 0; rest = (rest - 1) / 26)
        name.insert(name.begin(), static_cast<char>('A' + (rest - 1) % 26));
    return name;
}

std::string cell_name(std::uint32_t row, std::uint32_t column) { return column_name(column) + std::to_string(row); }

std::optional<CellPlace> parse_cell_name(std::string_view name) {
    CellPlace place;
    std::size_t at = 0;
    for (; at < name.size() && at < 4; ++at) {
        const char c = name[at];
        if (c == '$') continue;
        const int letter = c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' : -1;
        if (letter < 0) break;
        place.column = place.column * 26 + static_cast<std::uint32_t>(letter) + 1;
    }
    if (at < name.size() && name[at] == '$') ++at;
    const auto [end, failed] = std::from_chars(name.data() + at, name.data() + name.size(), place.row);
    const bool whole = failed == std::errc{} && end == name.data() + name.size();
    if (!whole || place.column == 0 || place.column > kColumnsMax || place.row == 0 || place.row > kRowsMax)
        return std::nullopt;
    --place.column;
    return place;
}

std::string_view Sheet::text(const Cell& cell) const {
    if (cell.kind != CellKind::text && cell.kind != CellKind::error) return {};
    return std::string_view(cell.shared ? *shared_ : texts_).substr(cell.text_at, cell.text_bytes);
}

std::string Sheet::shown(const Cell& cell) const {
    switch (cell.kind) {
        case CellKind::text:
        case CellKind::error:
            return std::string(text(cell));
        case CellKind::number:
            return number_text(cell.number);
        case CellKind::percent:
            return number_text(times_100(cell.number)) + "%";
        case CellKind::date:
        case CellKind::time:
            return date_text(cell.number);
        case CellKind::duration:
            return number_text(std::round(cell.number * 86'400'000) / 3'600'000);
        case CellKind::boolean:
            return cell.number != 0 ? "true" : "false";
    }
    return {};
}

const Cell* Sheet::at(std::uint32_t row, std::uint16_t column) const {
    const auto found = std::ranges::lower_bound(rows_, row, {}, &Row::number);
    if (found == rows_.end() || found->number != row) return nullptr;
    const auto all = cells(*found);
    const auto cell = std::ranges::lower_bound(all, column, {}, &Cell::column);
    return cell == all.end() || cell->column != column ? nullptr : &*cell;
}

SheetBuilder::SheetBuilder(const SheetLimits& limits, std::shared_ptr<const std::string> shared) : limits_(limits) {
    sheet_.shared_ = std::move(shared);
}

Result<Cell*> SheetBuilder::place(std::uint32_t row, std::uint32_t column) {
    if (row == 0 || row > kRowsMax || column >= kColumnsMax)
        return Error{Code::malformed, "a cell lies outside of any sheet: row {}, column {}", row, column + 1};
    if (row < last_row_ || (row == last_row_ && column <= last_column_))
        return Error{Code::malformed, "cell {} comes twice or out of order: the sheet is damaged",
                     cell_name(row, column)};
    if (row != last_row_) {
        ++sheet_.rows_count_;
        keeps_row_ = sheet_.rows_.size() < limits_.rows_kept_max;
        if (keeps_row_) sheet_.rows_.push_back({row, sheet_.cells_.size(), 0});
    }
    last_row_ = row;
    last_column_ = column;
    if (!keeps_row_) return &dropped_;
    if (sheet_.cells_.size() >= limits_.cells_max)
        return Error{Code::limit, "{}: a sheet may have {} cells that are used: part it", cell_name(row, column),
                     limits_.cells_max};
    sheet_.width_ = std::max<std::size_t>(sheet_.width_, column + 1);
    ++sheet_.rows_.back().count;
    Cell& cell = sheet_.cells_.emplace_back();
    cell.column = static_cast<std::uint16_t>(column);
    return &cell;
}

Result<void> SheetBuilder::number(std::uint32_t row, std::uint32_t column, CellKind kind, double value) {
    Cell* const cell = TRY(place(row, column));
    ++sheet_.values_count_;
    cell->kind = kind;
    cell->number = value;
    return {};
}

Result<void> SheetBuilder::text(std::uint32_t row, std::uint32_t column, CellKind kind, std::string_view text) {
    if (text.size() > limits_.cell_bytes_max)
        return Error{Code::limit, "{}: a cell has {} bytes, at most {} are taken", cell_name(row, column), text.size(),
                     limits_.cell_bytes_max};
    if (text.empty()) return {};
    Cell* const cell = TRY(place(row, column));
    if (cell == &dropped_) return {};
    if (sheet_.texts_.size() + text.size() > limits_.text_bytes_max)
        return Error{Code::limit, "{}: the sheet's texts have more than {} MB", cell_name(row, column),
                     limits_.text_bytes_max >> 20};
    cell->kind = kind;
    cell->text_at = static_cast<std::uint32_t>(sheet_.texts_.size());
    cell->text_bytes = static_cast<std::uint32_t>(text.size());
    sheet_.texts_ += text;
    return {};
}

Result<void> SheetBuilder::shared_text(std::uint32_t row, std::uint32_t column, std::size_t at, std::size_t bytes) {
    if (bytes == 0) return {};
    Cell* const cell = TRY(place(row, column));
    cell->kind = CellKind::text;
    cell->shared = true;
    cell->text_at = static_cast<std::uint32_t>(at);
    cell->text_bytes = static_cast<std::uint32_t>(bytes);
    return {};
}

Result<void> SheetBuilder::merge(const Merge& merge) {
    if (merge.first_row == 0 || merge.last_row > kRowsMax || merge.last_column >= kColumnsMax ||
        merge.first_row > merge.last_row || merge.first_column > merge.last_column)
        return Error{Code::malformed, "merged cells lie outside of the sheet: it is damaged"};
    if (sheet_.merges_.size() >= limits_.merges_max)
        return Error{Code::limit, "a sheet may have {} merged cells", limits_.merges_max};
    sheet_.merges_.push_back(merge);
    return {};
}

void SheetBuilder::note(std::uint32_t row, std::uint32_t column, std::string text) {
    ++sheet_.notes_count_;
    if (sheet_.notes_.size() < Sheet::kNotesMax)
        sheet_.notes_.push_back({row, static_cast<std::uint16_t>(column), std::move(text)});
}

Sheet SheetBuilder::finish() {
    std::ranges::sort(sheet_.merges_, {}, [](const Merge& one) { return std::pair(one.first_row, one.first_column); });
    return std::move(sheet_);
}

}  // namespace gongshu::workbook
