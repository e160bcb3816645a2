#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "workbook/compound.h"
#include "workbook/number_format.h"
#include "workbook/workbook.h"

// BIFF8, the records of Excel 97 … 2003: kind u16, length u16, then so many bytes; a long one goes on in CONTINUE.
namespace gongshu::workbook {
namespace {

enum : std::uint16_t {
    kBof = 0x0809,
    kEof = 0x000a,
    kContinue = 0x003c,
    kBoundSheet = 0x0085,
    kSst = 0x00fc,
    kFormat = 0x041e,
    kXf = 0x00e0,
    kDateMode = 0x0022,
    kFilePass = 0x002f,
    kNumber = 0x0203,
    kRk = 0x027e,
    kMulRk = 0x00bd,
    kLabelSst = 0x00fd,
    kLabel = 0x0204,
    kRichLabel = 0x00d6,
    kFormula = 0x0006,
    kString = 0x0207,
    kBoolErr = 0x0205,
    kMergeCells = 0x00e5,
};

constexpr std::size_t kTextsMax = 2'000'000;
constexpr std::size_t kTextBytesMax = 256 << 20;
constexpr double kDaysTo1904 = 1462;

std::uint16_t u16(Bytes bytes, std::size_t at) { return static_cast<std::uint16_t>(bytes[at] | bytes[at + 1] << 8); }
std::uint32_t u32(Bytes bytes, std::size_t at) {
    return u16(bytes, at) | static_cast<std::uint32_t>(u16(bytes, at + 2)) << 16;
}
double f64(Bytes bytes, std::size_t at) {
    std::uint64_t bits = 0;
    for (std::size_t i = 8; i-- > 0;) bits = bits << 8 | bytes[at + i];
    return std::bit_cast<double>(bits);
}

Error damaged(std::string_view what) {
    return Error{Code::malformed, "the old Excel workbook (.xls) is damaged: {}", what};
}

struct Record {
    std::uint16_t kind = 0;
    Bytes bytes;
};

class Records {
public:
    Records(Bytes stream, std::size_t at) : stream_(stream), at_(at) {}
    // nullopt at the end of the stream or where a record is not whole.
    std::optional<Record> next() {
        if (at_ > stream_.size() || stream_.size() - at_ < 4) return std::nullopt;
        const std::size_t bytes = u16(stream_, at_ + 2);
        if (bytes > stream_.size() - at_ - 4) return std::nullopt;
        const Record record{u16(stream_, at_), stream_.subspan(at_ + 4, bytes)};
        at_ += 4 + bytes;
        return record;
    }
    // The bytes of the CONTINUE records that follow, each apart.
    std::vector<Bytes> continued() {
        std::vector<Bytes> parts;
        while (stream_.size() - at_ >= 4 && u16(stream_, at_) == kContinue) {
            const auto record = next();
            if (!record) break;
            parts.push_back(record->bytes);
        }
        return parts;
    }

private:
    Bytes stream_;
    std::size_t at_;
};

void put_utf8(std::uint32_t c, std::string& out) {
    const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (c < 0x80) return put(c);
    if (c >= 0x10000) {
        put(0xf0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3f));
    } else if (c >= 0x800) {
        put(0xe0 | c >> 12);
    }
    if (c < 0x800)
        put(0xc0 | c >> 6);
    else
        put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
}

// UTF-16 units as UTF-8; half a pair becomes U+FFFD.
class Utf8Writer {
public:
    explicit Utf8Writer(std::string& out) : out_(out) {}
    void put(std::uint16_t unit) {
        const bool high = unit >= 0xd800 && unit < 0xdc00, low = unit >= 0xdc00 && unit < 0xe000;
        if (low && high_ != 0) {
            put_utf8(0x10000 + ((high_ - 0xd800u) << 10) + (unit - 0xdc00u), out_);
            high_ = 0;
            return;
        }
        finish();
        if (low) put_utf8(0xfffd, out_);
        if (high) high_ = unit;
        if (!high && !low) put_utf8(unit, out_);
    }
    void finish() {
        if (high_ != 0) put_utf8(0xfffd, out_);
        high_ = 0;
    }

private:
    std::string& out_;
    std::uint16_t high_ = 0;
};

// Bytes that go on in CONTINUE records. Within a text each such record begins with a byte of its own, which says
// whether its characters have one byte or two.
class Pieces {
public:
    explicit Pieces(std::vector<Bytes> parts) : parts_(std::move(parts)) { skip_empty(); }
    bool at_end() const { return part_ == parts_.size(); }
    std::optional<std::uint8_t> byte() {
        if (at_end()) return std::nullopt;
        const std::uint8_t value = parts_[part_][at_++];
        skip_empty();
        return value;
    }
    std::optional<std::uint32_t> number(int bytes) {
        std::uint32_t value = 0;
        for (int i = 0; i < bytes; ++i) {
            const auto one = byte();
            if (!one) return std::nullopt;
            value |= static_cast<std::uint32_t>(*one) << (8 * i);
        }
        return value;
    }
    bool skip(std::uint64_t bytes) {
        while (bytes > 0 && !at_end()) {
            const std::uint64_t step = std::min<std::uint64_t>(bytes, parts_[part_].size() - at_);
            at_ += step;
            bytes -= step;
            skip_empty();
        }
        return bytes == 0;
    }
    // `count` characters, one or two bytes each as bit 0 of `flags` says.
    bool characters(std::uint32_t count, std::uint8_t flags, std::string& out) {
        Utf8Writer writer{out};
        std::size_t part = part_;
        for (std::uint32_t i = 0; i < count; ++i) {
            if (at_end()) return false;
            if (part_ != part) {
                part = part_;
                flags = *byte();
                if (at_end()) return false;
                part = part_;
            }
            const auto unit = number((flags & 1) != 0 ? 2 : 1);
            if (!unit) return false;
            writer.put(static_cast<std::uint16_t>(*unit));
        }
        writer.finish();
        return true;
    }

private:
    void skip_empty() {
        while (part_ < parts_.size() && at_ >= parts_[part_].size()) {
            ++part_;
            at_ = 0;
        }
    }
    std::vector<Bytes> parts_;
    std::size_t part_ = 0, at_ = 0;
};

// A text with its length (of so many bytes), its flags, and what belongs to its looks behind it.
bool take_text(Pieces& pieces, int length_bytes, std::string& out) {
    const auto count = pieces.number(length_bytes);
    const auto flags = pieces.byte();
    if (!count || !flags) return false;
    std::uint32_t runs = 0, extra = 0;
    if ((*flags & 8) != 0) runs = pieces.number(2).value_or(0);
    if ((*flags & 4) != 0) extra = pieces.number(4).value_or(0);
    return pieces.characters(*count, *flags, out) && pieces.skip(std::uint64_t{runs} * 4 + extra);
}

double number_of_rk(std::uint32_t rk) {
    double value = 0;
    if ((rk & 2) != 0)
        value = static_cast<double>(static_cast<std::int32_t>(rk) >> 2);
    else
        value = std::bit_cast<double>(static_cast<std::uint64_t>(rk & 0xfffffffc) << 32);
    return (rk & 1) != 0 ? value / 100 : value;
}

std::string_view error_text(std::uint8_t code) {
    static constexpr std::pair<std::uint8_t, std::string_view> kErrors[] = {
        {0x00, "#NULL!"}, {0x07, "#DIV/0!"}, {0x0f, "#VALUE!"}, {0x17, "#REF!"},
        {0x1d, "#NAME?"}, {0x24, "#NUM!"},   {0x2a, "#N/A"}};
    for (const auto& [known, text] : kErrors)
        if (known == code) return text;
    return "#ERROR!";
}

class XlsReader final : public Reader {
public:
    explicit XlsReader(Buffer stream) : stream_(std::move(stream)) {}

    Result<void> open() {
        Records records{stream_, 0};
        const auto bof = records.next();
        if (!bof || bof->kind != kBof || bof->bytes.size() < 4) return damaged("it does not begin as one");
        if (u16(bof->bytes, 0) != 0x0600)
            return Error{Code::unsupported, "the workbook is of Excel 95 or older: save it as .xlsx"};
        while (const auto record = records.next()) {
            if (record->kind == kEof) break;
            TRY(take_global(*record, records));
        }
        if (sheets_.empty()) return damaged("it has no sheet with cells");
        return {};
    }
    const std::vector<SheetInfo>& sheets() const override { return sheets_; }
    Result<Sheet> read(std::size_t index, const SheetLimits& limits) override;

private:
    Result<void> take_global(const Record& record, Records& records);
    Result<void> take_sheet_name(Bytes bytes);
    Result<void> take_texts(const Record& record, Records& records);
    Result<void> take_cell(const Record& record, Records& records, SheetBuilder& into);
    Result<void> take_formula(Bytes bytes, std::uint32_t row, std::uint32_t column, std::uint16_t format,
                              Records& records, SheetBuilder& into);
    Result<void> put_number(SheetBuilder& into, std::uint32_t row, std::uint32_t column, std::uint16_t format,
                            double value) const;

    const Buffer stream_;
    std::vector<SheetInfo> sheets_;
    std::vector<std::uint32_t> offsets_;
    std::map<std::uint16_t, CellKind> formats_;
    std::vector<std::uint16_t> cell_formats_;
    std::shared_ptr<std::string> texts_ = std::make_shared<std::string>();
    std::vector<std::pair<std::uint32_t, std::uint32_t>> places_;
    bool from_1904_ = false;
};

Result<void> XlsReader::take_sheet_name(Bytes bytes) {
    if (bytes.size() < 8) return damaged("a sheet's name is not whole");
    if (bytes[5] != 0) return {};  // a chart or a macro
    if (sheets_.size() >= Workbook::kSheetsMax)
        return Error{Code::limit, "a workbook may have {} sheets", Workbook::kSheetsMax};
    std::string name;
    Pieces pieces{{bytes.subspan(6)}};
    if (!take_text(pieces, 1, name)) return damaged("a sheet's name is not whole");
    sheets_.push_back({std::move(name), (bytes[4] & 3) != 0});
    offsets_.push_back(u32(bytes, 0));
    return {};
}

Result<void> XlsReader::take_texts(const Record& record, Records& records) {
    if (record.bytes.size() < 8) return damaged("its table of texts is not whole");
    const std::uint32_t count = u32(record.bytes, 4);
    std::vector<Bytes> parts{record.bytes.subspan(8)};
    for (const Bytes part : records.continued()) parts.push_back(part);
    Pieces pieces{std::move(parts)};
    for (std::uint32_t i = 0; i < count && !pieces.at_end(); ++i) {
        const std::size_t from = texts_->size();
        if (!take_text(pieces, 2, *texts_)) return damaged("its table of texts is not whole");
        if (places_.size() >= kTextsMax || texts_->size() > kTextBytesMax)
            return Error{Code::limit, "the workbook's texts are more than {} or {} MB", kTextsMax, kTextBytesMax >> 20};
        places_.emplace_back(from, texts_->size() - from);
    }
    return {};
}

Result<void> XlsReader::take_global(const Record& record, Records& records) {
    const Bytes bytes = record.bytes;
    switch (record.kind) {
        case kFilePass:
            return Error{Code::unsupported,
                         "the workbook is protected by a password: save it without one and send it again"};
        case kDateMode:
            from_1904_ = bytes.size() >= 2 && u16(bytes, 0) == 1;
            return {};
        case kBoundSheet:
            return take_sheet_name(bytes);
        case kSst:
            return take_texts(record, records);
        case kFormat: {
            std::string code;
            if (bytes.size() < 5) return {};
            Pieces pieces{{bytes.subspan(2)}};
            if (take_text(pieces, 2, code)) formats_[u16(bytes, 0)] = kind_of_format(code);
            return {};
        }
        case kXf:
            if (bytes.size() >= 4) cell_formats_.push_back(u16(bytes, 2));
            return {};
        default:
            return {};
    }
}

Result<void> XlsReader::put_number(SheetBuilder& into, std::uint32_t row, std::uint32_t column, std::uint16_t format,
                                   double value) const {
    CellKind kind = CellKind::number;
    if (format < cell_formats_.size()) {
        const auto own = formats_.find(cell_formats_[format]);
        kind = own == formats_.end() ? kind_of_builtin_format(cell_formats_[format]) : own->second;
    }
    if (!std::isfinite(value)) {
        into.note(row, column, "the number is none: left out");
        return {};
    }
    if (from_1904_ && (kind == CellKind::date || (kind == CellKind::time && value >= 1))) value += kDaysTo1904;
    return into.number(row, column, kind, value);
}

// The value that was stored with the formula; a text follows in a record of its own.
Result<void> XlsReader::take_formula(Bytes bytes, std::uint32_t row, std::uint32_t column, std::uint16_t format,
                                     Records& records, SheetBuilder& into) {
    if (bytes.size() < 14) return damaged("a formula is not whole");
    if (u16(bytes, 12) != 0xffff) return put_number(into, row, column, format, f64(bytes, 6));
    switch (bytes[6]) {
        case 0: {
            // Shared formulas and tables may stand between.
            for (int i = 0; i < 3; ++i) {
                const auto record = records.next();
                if (!record || record->kind == kEof) break;
                if (record->kind != kString) continue;
                std::vector<Bytes> parts{record->bytes};
                for (const Bytes part : records.continued()) parts.push_back(part);
                Pieces pieces{std::move(parts)};
                std::string text;
                if (!take_text(pieces, 2, text)) return damaged("a formula's text is not whole");
                return into.text(row, column, CellKind::text, text);
            }
            return damaged("a formula's text is missing");
        }
        case 1:
            return into.number(row, column, CellKind::boolean, bytes[8]);
        case 2:
            return into.text(row, column, CellKind::error, error_text(bytes[8]));
        default:
            return {};
    }
}

Result<void> XlsReader::take_cell(const Record& record, Records& records, SheetBuilder& into) {
    const Bytes bytes = record.bytes;
    if (bytes.size() < 6) return damaged("a cell is not whole");
    const std::uint32_t row = u16(bytes, 0) + 1u, column = u16(bytes, 2);
    const std::uint16_t format = u16(bytes, 4);
    const auto needs = [&](std::size_t least) -> Result<void> {
        if (bytes.size() >= least) return {};
        return damaged(fmt::format("cell {} is not whole", cell_name(row, column)));
    };
    switch (record.kind) {
        case kNumber:
            TRY(needs(14));
            return put_number(into, row, column, format, f64(bytes, 6));
        case kRk:
            TRY(needs(10));
            return put_number(into, row, column, format, number_of_rk(u32(bytes, 6)));
        case kMulRk:
            for (std::size_t at = 4; at + 8 <= bytes.size(); at += 6)
                TRY(put_number(into, row, column + static_cast<std::uint32_t>((at - 4) / 6), u16(bytes, at),
                               number_of_rk(u32(bytes, at + 2))));
            return {};
        case kLabelSst: {
            TRY(needs(10));
            const std::uint32_t index = u32(bytes, 6);
            if (index >= places_.size())
                return damaged(fmt::format("the text of cell {} is not in its table", cell_name(row, column)));
            return into.shared_text(row, column, places_[index].first, places_[index].second);
        }
        case kLabel:
        case kRichLabel: {
            std::string text;
            Pieces pieces{{bytes.subspan(6)}};
            if (!take_text(pieces, 2, text)) return needs(bytes.size() + 1);
            return into.text(row, column, CellKind::text, text);
        }
        case kFormula:
            return take_formula(bytes, row, column, format, records, into);
        default:
            TRY(needs(8));
            if (bytes[7] != 0) return into.text(row, column, CellKind::error, error_text(bytes[6]));
            return into.number(row, column, CellKind::boolean, bytes[6]);
    }
}

Result<void> take_merges(Bytes bytes, SheetBuilder& into) {
    const std::size_t count = bytes.size() < 2 ? 0 : u16(bytes, 0);
    for (std::size_t i = 0; i < count && 2 + (i + 1) * 8 <= bytes.size(); ++i) {
        const std::size_t at = 2 + i * 8;
        TRY(into.merge({u16(bytes, at) + 1u, u16(bytes, at + 2) + 1u, u16(bytes, at + 4), u16(bytes, at + 6)}));
    }
    return {};
}

Result<Sheet> XlsReader::read(std::size_t index, const SheetLimits& limits) {
    SheetBuilder into{limits, texts_};
    Records records{stream_, offsets_[index]};
    const auto bof = records.next();
    if (!bof || bof->kind != kBof) return damaged("the sheet does not begin where its directory says");
    int depth = 1;
    while (const auto record = records.next()) {
        if (record->kind == kBof) ++depth;  // a chart within the sheet
        if (record->kind == kEof && --depth == 0) return into.finish();
        if (depth != 1) continue;
        switch (record->kind) {
            case kNumber:
            case kRk:
            case kMulRk:
            case kLabelSst:
            case kLabel:
            case kRichLabel:
            case kFormula:
            case kBoolErr:
                TRY(take_cell(*record, records, into));
                break;
            case kMergeCells:
                TRY(take_merges(record->bytes, into));
                break;
            default:
                break;
        }
    }
    return damaged("the sheet has no end: is the file cut?");
}

}  // namespace

Result<std::unique_ptr<Reader>> open_xls(Bytes file) {
    const Compound compound = TRY(Compound::open(file));
    if (compound.has("EncryptedPackage"))
        return Error{Code::unsupported,
                     "the workbook is protected by a password: save it without one and send it again"};
    if (!compound.has("Workbook")) {
        if (compound.has("Book"))
            return Error{Code::unsupported, "the workbook is of Excel 95 or older: save it as .xlsx"};
        return Error{Code::unsupported, "the file is an old Office file, but no Excel workbook"};
    }
    auto reader = std::make_unique<XlsReader>(TRY(compound.read("Workbook")));
    TRY(reader->open());
    return std::unique_ptr<Reader>(std::move(reader));
}

}  // namespace gongshu::workbook
