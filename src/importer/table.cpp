#include "importer/table.h"

#include <algorithm>

#include "importer/header.h"

namespace gongshu::importer {
namespace {

constexpr std::size_t kBlockBytes = 1 << 20;
constexpr std::size_t kHeadBytes = 1 << 20;  // what is looked at to find out encoding and dialect

}  // namespace

Result<void> check_can_be_read(Bytes file) {
    if (!workbook::Workbook::is_one(file)) return check_is_text(file);
    TRY(workbook::Workbook::open(file));
    return {};
}

// All fields of the file, in one text; record i is field i of each line.
struct Table::Turned {
    std::string text;
    std::vector<std::vector<std::pair<std::size_t, std::size_t>>> lines;
    std::size_t width = 0;
    std::size_t next = 0;
};

Table::Table(TextDecoder decoder, const Dialect& dialect, TableLimits limits)
    : dialect_(dialect),
      limits_(limits),
      decoder_(std::move(decoder)),
      reader_(std::make_unique<RecordReader>(dialect, limits.record)) {}
Table::~Table() = default;
Table::Table(Table&&) noexcept = default;

Result<Table> Table::open(io::Files& files, const std::string& path, const Layout& layout, TableLimits limits) {
    return open(TRY(files.open(path, io::Open::read)), path, layout, limits);
}

Result<Table> Table::open(std::unique_ptr<io::File> file, const std::string& name, const Layout& layout,
                          TableLimits limits) {
    const std::uint64_t bytes = TRY(file->size());
    Buffer head(std::min<std::uint64_t>(bytes, kHeadBytes));
    TRY(file->read_at(0, head));
    if (workbook::Workbook::is_one(head))
        return open_workbook(std::move(file), name, layout, limits, layout.header_rows == 0);
    TRY(check_is_text(head).context("{}", name));
    const Encoding encoding = layout.encoding.value_or(detect_encoding(head));
    Dialect dialect;
    if (layout.dialect) {
        dialect = *layout.dialect;
    } else {
        auto decoder = TRY(TextDecoder::create(encoding));
        std::string text;
        decoder.feed(head, text);
        for (std::uint64_t line = 0; line < layout.skip; ++line)
            text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);
        dialect = detect_dialect(text);
    }
    dialect.quote = layout.quote;
    dialect.comment = layout.comment;

    Table table{TRY(TextDecoder::create(encoding)), dialect, limits};
    table.name_ = name;
    table.file_ = std::move(file);
    table.bytes_ = bytes;
    table.encoding_ = encoding;
    table.reader_->skip_lines(layout.skip);
    TRY(table.begin(layout));
    return table;
}

// A look at the file as it stands, without a header, may take any sheet.
Result<Table> Table::open_workbook(std::unique_ptr<io::File> file, const std::string& name, const Layout& layout,
                                   TableLimits limits, bool any) {
    const std::uint64_t bytes = TRY(file->size());
    if (bytes > limits.workbook_bytes_max)
        return Error{Code::limit, "{}: a workbook is read whole and may have {} MB; this one has {}", name,
                     limits.workbook_bytes_max >> 20, bytes >> 20};
    Buffer all(bytes);
    TRY(file->read_at(0, all));
    Table table{TRY(TextDecoder::create(Encoding::utf8)), Dialect{}, limits};
    table.name_ = name;
    table.bytes_ = bytes;
    auto book = TRY(workbook::Workbook::open(all).context("{}", name));
    table.sheet_ = TRY(SheetRecords::open(std::move(book), layout, any).context("{}", name));
    TRY(table.begin(layout));
    return table;
}

Result<void> Table::begin(const Layout& layout) {
    if (layout.transposed) TRY(transpose().context("{}", name_));
    return read_header(layout).context("{}", name_);
}

std::uint64_t Table::bytes_read() const {
    if (!sheet_ || sheet_->rows() == 0) return offset_;
    return static_cast<std::uint64_t>(static_cast<double>(bytes_) * static_cast<double>(sheet_->rows_read()) /
                                      static_cast<double>(sheet_->rows()));
}

Result<RecordReader::Next> Table::next_in_file(Record& record) {
    if (sheet_) return sheet_->next(record) ? RecordReader::Next::record : RecordReader::Next::more;
    while (true) {
        const auto next = reader_->next(record);
        if (next != RecordReader::Next::more || at_end_) return next;
        const std::uint64_t left = bytes_ - offset_;
        block_.resize(std::min<std::uint64_t>(left, kBlockBytes));
        TRY(file_->read_at(offset_, block_));
        offset_ += block_.size();
        std::string& room = reader_->room();
        decoder_.feed(block_, room);
        if (offset_ < bytes_) continue;
        decoder_.finish(room);
        reader_->finish();
        at_end_ = true;
    }
}

Result<Table::Next> Table::next(Record& record) {
    if (turned_) {
        Turned& turned = *turned_;
        if (turned.next == turned.width) return Next::end;
        record.fields.clear();
        for (const auto& line : turned.lines)
            record.fields.push_back(
                turned.next < line.size()
                    ? std::string_view(turned.text).substr(line[turned.next].first, line[turned.next].second)
                    : std::string_view{});
        record.line = ++turned.next;
        return Next::record;
    }
    switch (TRY(next_in_file(record))) {
        case RecordReader::Next::record:
            return Next::record;
        case RecordReader::Next::fault:
            fault_ = reader_->fault();
            return Next::fault;
        case RecordReader::Next::more:
            break;
    }
    return Next::end;
}

Result<void> Table::transpose() {
    if (bytes_ > limits_.transposed_bytes_max)
        return Error{Code::limit, "a transposed file is read whole and may have {} MB; this one has {}",
                     limits_.transposed_bytes_max >> 20, bytes_ >> 20};
    auto turned = std::make_unique<Turned>();
    Record record;
    while (true) {
        const auto next = TRY(next_in_file(record));
        if (next == RecordReader::Next::more) break;
        if (next == RecordReader::Next::fault)
            return Error{Code::malformed, "line {}: {}", record.line, reader_->fault()};
        if (turned->lines.size() == limits_.record.fields_max)
            return Error{Code::limit, "a transposed file may have {} lines", limits_.record.fields_max};
        auto& line = turned->lines.emplace_back();
        for (const std::string_view field : record.fields) {
            line.emplace_back(turned->text.size(), field.size());
            turned->text += field;
        }
        turned->width = std::max(turned->width, line.size());
        if (line.size() != turned->lines.front().size())
            return Error{Code::malformed, "line {} has {} fields, the first one {}: the table cannot be turned",
                         record.line, line.size(), turned->lines.front().size()};
    }
    turned_ = std::move(turned);
    return {};
}

Result<void> Table::read_header(const Layout& layout) {
    Record record;
    std::vector<std::vector<std::string>> rows;
    for (int row = 0; row < layout.header_rows; ++row) {
        const Next next = TRY(this->next(record));
        if (next == Next::fault) return Error{Code::malformed, "line {}: {}", record.line, fault_};
        if (next == Next::end) return Error{Code::malformed, "the file ends before its header: nothing to import"};
        auto& into = rows.emplace_back();
        for (const std::string_view field : record.fields) into.push_back(heading_text(field));
    }
    if (layout.joined) {
        names_ = join_header(rows);
    } else {
        if (!rows.empty()) names_ = std::move(rows[0]);
        if (rows.size() > 1) units_ = std::move(rows[1]);
    }
    return {};
}

}  // namespace gongshu::importer
