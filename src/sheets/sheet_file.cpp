#include "sheets/sheet_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "importer/record_reader.h"
#include "importer/text_decoder.h"
#include "workbook/workbook.h"

namespace gongshu::sheets {

namespace {

constexpr std::size_t kHeadBytes = 100'000;
constexpr std::size_t kCellBytesMax = 100'000;

// What makes a spreadsheet take a text for a formula; the wide ones do where Chinese or Japanese is set.
bool is_risky(std::string_view text) {
    static constexpr std::string_view kBegins[] = {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};
    return std::ranges::any_of(kBegins, [&](std::string_view begin) { return text.starts_with(begin); });
}

bool is_marked(std::string_view text) {
    return text.size() >= 2 && text[0] == '\'' && (is_risky(text.substr(1)) || text[1] == '\'');
}

std::string_view trimmed(std::string_view text) {
    const std::size_t from = text.find_first_not_of(" \t\r\n");
    if (from == text.npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

// The delimiter that stands most often in the first line.
importer::Dialect dialect_of(std::string_view text) {
    std::size_t counts[3] = {};
    bool quoted = false;
    for (const char c : text) {
        if (c == '"') quoted = !quoted;
        if (quoted) continue;
        if (c == '\n') break;
        if (c == ',') ++counts[0];
        if (c == ';') ++counts[1];
        if (c == '\t') ++counts[2];
    }
    const auto most = static_cast<std::size_t>(std::max_element(counts, counts + 3) - counts);
    return {.delimiter = ",;\t"[most]};
}

Result<std::string> decode(std::string_view bytes, std::string& encoding) {
    const Bytes all = as_bytes(bytes);
    const Bytes head = all.first(std::min(all.size(), kHeadBytes));
    TRY(importer::check_is_text(head));
    const importer::Encoding found = importer::detect_encoding(head);
    encoding = to_string(found);
    auto decoder = TRY(importer::TextDecoder::create(found));
    std::string text;
    decoder.feed(all, text);
    decoder.finish(text);
    if (decoder.replaced() > 0) {
        return Error{Code::invalid,
                     "{} characters could not be read as {}; save the sheet as UTF-8 (in Excel: CSV UTF-8) and send it "
                     "again",
                     decoder.replaced(), encoding};
    }
    return text;
}

Result<void> take_row(SheetFile& file, const importer::Record& record, const SheetLimits& limits, bool marks = true) {
    SheetRow row{record.line, {}};
    bool empty = true;
    for (std::string_view field : record.fields) {
        if (marks && is_marked(field)) field.remove_prefix(1);
        if (field.size() > kCellBytesMax)
            return Error{Code::limit, "line {}: a cell has {} bytes, at most {} are taken", record.line, field.size(),
                         kCellBytesMax};
        empty = empty && trimmed(field).empty();
        row.cells.emplace_back(field);
    }
    if (empty) return {};
    if (row.cells.size() > file.names.size()) {
        const auto beyond = row.cells.begin() + static_cast<std::ptrdiff_t>(file.names.size());
        if (std::any_of(beyond, row.cells.end(), [](const std::string& cell) { return !trimmed(cell).empty(); }))
            return Error{Code::invalid, "line {}: has {} cells, but the header has {}", record.line, row.cells.size(),
                         file.names.size()};
    }
    row.cells.resize(file.names.size());
    if (file.rows.size() >= limits.rows_max)
        return Error{Code::limit, "line {}: a sheet has at most {} rows; send it in parts", record.line,
                     limits.rows_max};
    file.rows.push_back(std::move(row));
    return {};
}

Result<void> take_header(SheetFile& file, const importer::Record& record, const SheetLimits& limits) {
    for (const std::string_view field : record.fields) file.names.emplace_back(trimmed(field));
    while (!file.names.empty() && file.names.back().empty()) file.names.pop_back();
    if (file.names.size() > limits.columns_max)
        return Error{Code::limit, "line {}: a sheet has at most {} columns, found {}", record.line, limits.columns_max,
                     file.names.size()};
    return {};
}

// A share and a duration stand as the numbers they are, a date as Excel shows it to a program.
std::string text_of(const workbook::Sheet& sheet, const workbook::Cell& cell) {
    if (cell.kind == workbook::CellKind::percent) return workbook::number_text(cell.number);
    if (cell.kind == workbook::CellKind::boolean) return cell.number != 0 ? "yes" : "no";
    return sheet.shown(cell);
}

Result<SheetFile> read_workbook(std::string_view bytes, const SheetLimits& limits) {
    auto book = TRY(workbook::Workbook::open(as_bytes(bytes)));
    SheetFile file{.names = {}, .rows = {}, .encoding = std::string(book.format())};
    for (std::size_t i = 0; i < book.sheets().size() && file.names.empty(); ++i) {
        if (book.sheets()[i].hidden) continue;
        const auto sheet = TRY(book.read(i, {.rows_kept_max = limits.rows_max + 2}));
        if (sheet.width() > importer::RecordLimits{}.fields_max)
            return Error{Code::limit, "line {}: a sheet has at most {} columns, found {}", 1, limits.columns_max,
                         sheet.width()};
        for (const auto& row : sheet.rows()) {
            std::vector<std::string> texts(sheet.width());
            for (const auto& cell : sheet.cells(row)) texts[cell.column] = text_of(sheet, cell);
            const importer::Record record{row.number, {texts.begin(), texts.end()}};
            if (file.names.empty()) {
                TRY(take_header(file, record, limits));
            } else {
                TRY(take_row(file, record, limits, false));
            }
        }
    }
    if (file.names.empty()) return Error{Code::invalid, "line 1: expected the names of the columns, found nothing"};
    return file;
}

}  // namespace

Result<SheetFile> read_sheet(std::string_view bytes, const SheetLimits& limits) {
    if (workbook::Workbook::is_one(as_bytes(bytes))) return read_workbook(bytes, limits);
    SheetFile file;
    const std::string text = TRY(decode(bytes, file.encoding));
    importer::RecordReader reader(dialect_of(text), {.fields_max = 20'000});
    reader.feed(text);
    reader.finish();
    importer::Record record;
    for (;;) {
        const auto next = reader.next(record);
        if (next == importer::RecordReader::Next::more) break;
        if (next == importer::RecordReader::Next::fault)
            return Error{Code::invalid, "line {}: {}", record.line, reader.fault()};
        if (file.names.empty()) {
            TRY(take_header(file, record, limits));
        } else {
            TRY(take_row(file, record, limits));
        }
    }
    if (file.names.empty()) return Error{Code::invalid, "line 1: expected the names of the columns, found nothing"};
    return file;
}

void write_row(std::string& out, const std::vector<SheetCell>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (i > 0) out += ',';
        const std::string& text = cells[i].text;
        if (cells[i].is_number) {
            out += text;
            continue;
        }
        const bool mark = is_risky(text) || is_marked(text);
        const bool quote = text.find_first_of(",;\t\"\r\n") != text.npos || text.starts_with(' ') ||
                           text.ends_with(' ') || (cells.size() == 1 && text.empty());
        if (quote) out += '"';
        if (mark) out += '\'';
        for (const char c : text) {
            if (c == '"') out += '"';
            out += c;
        }
        if (quote) out += '"';
    }
    out += "\r\n";
}

}  // namespace gongshu::sheets
