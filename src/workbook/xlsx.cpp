#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>

#include "wire/zip.h"
#include "workbook/number_format.h"
#include "workbook/workbook.h"
#include "workbook/xml.h"

namespace gongshu::workbook {
namespace {

constexpr std::size_t kSharedBytesMax = 256 << 20;
constexpr std::size_t kSharedTextsMax = 5'000'000;
constexpr std::size_t kFormatsMax = 100'000;
constexpr double kDaysTo1904 = 1462;

std::optional<std::uint32_t> whole_of(std::optional<std::string_view> text) {
    if (!text) return std::nullopt;
    std::uint32_t value = 0;
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (failed != std::errc{} || end != text->data() + text->size()) return std::nullopt;
    return value;
}

bool is_true(std::optional<std::string_view> text) { return text && (*text == "1" || *text == "true"); }

// In texts of a workbook _x000D_ stands for a character that XML cannot hold.
std::string unescaped(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t at = std::min(text.find("_x"), text.size());
        out += text.substr(0, at);
        text.remove_prefix(at);
        if (text.empty()) break;
        std::uint32_t c = 0;
        const bool fits = text.size() >= 7 && text[6] == '_' &&
                          std::from_chars(text.data() + 2, text.data() + 6, c, 16).ptr == text.data() + 6 && c < 0x80;
        if (fits) out.push_back(static_cast<char>(c));
        if (!fits) out += text.substr(0, 2);
        text.remove_prefix(fits ? 7 : 2);
    }
    return out;
}

// Joins a path of the archive with one that a part names: "xl" and "worksheets/sheet1.xml", or "/xl/…" from the root.
std::string joined(std::string_view folder, std::string_view target) {
    if (target.starts_with('/')) return std::string(target.substr(1));
    std::vector<std::string_view> parts;
    const std::string whole = fmt::format("{}/{}", folder, target);
    for (std::size_t at = 0; at <= whole.size();) {
        const std::size_t end = std::min(whole.find('/', at), whole.size());
        const std::string_view part = std::string_view(whole).substr(at, end - at);
        if (part == ".." && !parts.empty()) parts.pop_back();
        if (part != ".." && part != "." && !part.empty()) parts.push_back(part);
        at = end + 1;
    }
    return fmt::format("{}", fmt::join(parts, "/"));
}

struct Relation {
    std::string type, target;
};
class RelationsHandler final : public XmlHandler {
public:
    std::map<std::string, Relation, std::less<>> by_id;
    Result<void> start(std::string_view name, const Attributes& attributes) override {
        if (name != "Relationship" || by_id.size() > 100'000) return {};
        if (attributes.get("TargetMode").value_or("") == "External") return {};
        const std::string_view type = attributes.get("Type").value_or("");
        by_id[std::string(attributes.get("Id").value_or(""))] = {std::string(type.substr(type.rfind('/') + 1)),
                                                                 std::string(attributes.get("Target").value_or(""))};
        return {};
    }
    Result<void> end(std::string_view) override { return {}; }
    Result<void> text(std::string_view) override { return {}; }
};

struct NamedSheet {
    SheetInfo info;
    std::string relation;
};
class WorkbookHandler final : public XmlHandler {
public:
    std::vector<NamedSheet> sheets;
    bool from_1904 = false;
    Result<void> start(std::string_view name, const Attributes& attributes) override {
        if (name == "workbookPr") from_1904 = is_true(attributes.get("date1904"));
        if (name != "sheet") return {};
        if (sheets.size() >= Workbook::kSheetsMax)
            return Error{Code::limit, "a workbook may have {} sheets", Workbook::kSheetsMax};
        const std::string_view state = attributes.get("state").value_or("visible");
        sheets.push_back({{std::string(attributes.get("name").value_or("")), state != "visible"},
                          std::string(attributes.get("id").value_or(""))});
        return {};
    }
    Result<void> end(std::string_view) override { return {}; }
    Result<void> text(std::string_view) override { return {}; }
};

class StylesHandler final : public XmlHandler {
public:
    std::vector<CellKind> kinds;  // of each cell format
    Result<void> start(std::string_view name, const Attributes& attributes) override {
        if (name == "numFmt") {
            const auto id = whole_of(attributes.get("numFmtId"));
            if (id && own_.size() < kFormatsMax) own_[*id] = kind_of_format(attributes.get("formatCode").value_or(""));
        }
        if (name == "cellXfs") within_ = true;
        if (name != "xf" || !within_ || kinds.size() >= kFormatsMax) return {};
        const std::uint32_t id = whole_of(attributes.get("numFmtId")).value_or(0);
        const auto own = own_.find(id);
        kinds.push_back(own == own_.end() ? kind_of_builtin_format(id) : own->second);
        return {};
    }
    Result<void> end(std::string_view name) override {
        if (name == "cellXfs") within_ = false;
        return {};
    }
    Result<void> text(std::string_view) override { return {}; }

private:
    std::map<std::uint32_t, CellKind> own_;
    bool within_ = false;
};

struct Shared {
    std::shared_ptr<std::string> bytes = std::make_shared<std::string>();
    std::vector<std::pair<std::uint32_t, std::uint32_t>> places;  // begin, length
};
// Rich text is the text of its runs; what is spoken of it (rPh) is none.
class SharedHandler final : public XmlHandler {
public:
    explicit SharedHandler(Shared& into) : into_(into) {}
    Result<void> start(std::string_view name, const Attributes&) override {
        if (name == "si") item_.clear();
        if (name == "rPh") ++spoken_;
        if (name == "t") taking_ = spoken_ == 0;
        return {};
    }
    Result<void> end(std::string_view name) override {
        if (name == "rPh") --spoken_;
        if (name == "t") taking_ = false;
        if (name != "si") return {};
        const std::string text = unescaped(item_);
        if (into_.places.size() >= kSharedTextsMax || into_.bytes->size() + text.size() > kSharedBytesMax)
            return Error{Code::limit, "the workbook's texts are more than {} or {} MB", kSharedTextsMax,
                         kSharedBytesMax >> 20};
        into_.places.emplace_back(into_.bytes->size(), text.size());
        *into_.bytes += text;
        return {};
    }
    Result<void> text(std::string_view text) override {
        if (!taking_) return {};
        if (item_.size() + text.size() > kSharedBytesMax)
            return Error{Code::limit, "one text has more than {} MB", kSharedBytesMax >> 20};
        item_ += text;
        return {};
    }

private:
    Shared& into_;
    std::string item_;
    int spoken_ = 0;
    bool taking_ = false;
};

// 2026-01-05T08:30:00 of a cell of type d, as a serial date.
std::optional<double> serial_of_iso(std::string_view text) {
    const auto part = [&](std::size_t at, std::size_t digits) -> std::optional<std::int64_t> {
        std::int64_t value = 0;
        if (at + digits > text.size()) return std::nullopt;
        const char* const end = text.data() + at + digits;
        if (std::from_chars(text.data() + at, end, value).ptr != end) return std::nullopt;
        return value;
    };
    const auto year = part(0, 4), month = part(5, 2), day = part(8, 2);
    if (!year || !month || !day || *month < 1 || *month > 12 || *day < 1 || *day > 31) return std::nullopt;
    const std::int64_t y = *year - (*month <= 2), era = y / 400, yoe = y - era * 400;
    const std::int64_t doy = (153 * (*month + (*month > 2 ? -3 : 9)) + 2) / 5 + *day - 1;
    const std::int64_t days = era * 146'097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719'468 + 25'569;
    const auto hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
    double seconds = static_cast<double>(hour.value_or(0) * 3600 + minute.value_or(0) * 60 + second.value_or(0));
    double fraction = 0;
    if (text.size() > 20 && text[19] == '.' &&
        std::from_chars(text.data() + 19, text.data() + text.size(), fraction).ec == std::errc{})
        seconds += fraction;
    return static_cast<double>(days) + seconds / 86'400;
}

// The cells of one sheet.
class SheetHandler final : public XmlHandler {
public:
    SheetHandler(SheetBuilder& into, const Shared& shared, const std::vector<CellKind>& kinds, bool from_1904)
        : into_(into), shared_(shared), kinds_(kinds), from_1904_(from_1904) {}

    Result<void> start(std::string_view name, const Attributes& attributes) override {
        if (name == "c") return start_cell(attributes);
        if (name == "v") taking_ = in_cell_;
        if (name == "t" && in_inline_ && spoken_ == 0) taking_ = true;
        if (name == "is") in_inline_ = in_cell_;
        if (name == "f") has_formula_ = in_cell_;
        if (name == "rPh") ++spoken_;
        if (name == "row") return start_row(attributes);
        if (name == "mergeCell") return take_merge(attributes.get("ref").value_or(""));
        return {};
    }
    Result<void> end(std::string_view name) override {
        if (name == "v" || name == "t") taking_ = false;
        if (name == "is") in_inline_ = false;
        if (name == "rPh") --spoken_;
        if (name != "c" || !in_cell_) return {};
        in_cell_ = false;
        return take_cell();
    }
    Result<void> text(std::string_view text) override {
        if (!taking_) return {};
        value_ += text;
        if (value_.size() > (4 << 20))
            return Error{Code::limit, "{}: a cell has more than 4 MB", cell_name(row_, column_)};
        return {};
    }

private:
    Result<void> start_row(const Attributes& attributes) {
        row_ = attributes.get("r") ? whole_of(attributes.get("r")).value_or(0) : row_ + 1;
        if (row_ == 0 || row_ > kRowsMax)
            return Error{Code::malformed, "a row has the number '{}'", attributes.get("r").value_or("").substr(0, 20)};
        next_column_ = 0;
        return {};
    }
    Result<void> start_cell(const Attributes& attributes) {
        column_ = next_column_;
        if (const auto name = attributes.get("r")) {
            const auto place = parse_cell_name(*name);
            if (!place || place->row != row_)
                return Error{Code::malformed, "row {}: '{}' is no cell of it", row_, name->substr(0, 20)};
            column_ = place->column;
        }
        next_column_ = column_ + 1;
        type_ = attributes.get("t").value_or("n");
        style_ = whole_of(attributes.get("s")).value_or(0);
        value_.clear();
        in_cell_ = true;
        has_formula_ = false;
        return {};
    }
    Result<void> take_cell() {
        if (value_.empty()) {
            if (has_formula_ && type_ != "str")
                into_.note(row_, column_,
                           "the formula has no stored value: open the file in the spreadsheet program, save it and "
                           "send it again");
            return {};
        }
        if (type_ == "s") return take_shared();
        if (type_ == "inlineStr" || type_ == "str") return into_.text(row_, column_, CellKind::text, unescaped(value_));
        if (type_ == "b") return into_.number(row_, column_, CellKind::boolean, value_ == "1" || value_ == "true");
        if (type_ == "e") return into_.text(row_, column_, CellKind::error, value_);
        if (type_ == "d") {
            if (const auto serial = serial_of_iso(value_)) return into_.number(row_, column_, CellKind::date, *serial);
            return into_.text(row_, column_, CellKind::text, value_);
        }
        return take_number();
    }
    Result<void> take_shared() {
        const auto index = whole_of(value_);
        if (!index || *index >= shared_.places.size())
            return Error{Code::malformed, "{}: its text '{}' is not in the workbook's table of {} texts",
                         cell_name(row_, column_), value_.substr(0, 20), shared_.places.size()};
        const auto [at, bytes] = shared_.places[*index];
        return into_.shared_text(row_, column_, at, bytes);
    }
    Result<void> take_number() {
        double value = 0;
        const char* const end = value_.data() + value_.size();
        const auto read = std::from_chars(value_.data(), end, value);
        if (read.ec != std::errc{} || read.ptr != end || !std::isfinite(value)) {
            into_.note(row_, column_,
                       fmt::format("'{}' is no number of a workbook: taken as text", value_.substr(0, 60)));
            return into_.text(row_, column_, CellKind::text, value_);
        }
        const CellKind kind = style_ < kinds_.size() ? kinds_[style_] : CellKind::number;
        if (from_1904_ && (kind == CellKind::date || (kind == CellKind::time && value >= 1))) value += kDaysTo1904;
        return into_.number(row_, column_, kind, value);
    }
    Result<void> take_merge(std::string_view ref) {
        const std::size_t colon = ref.find(':');
        const auto from = parse_cell_name(ref.substr(0, colon));
        const auto to = colon == ref.npos ? from : parse_cell_name(ref.substr(colon + 1));
        if (!from || !to) return Error{Code::malformed, "'{}' is no range of cells", ref.substr(0, 40)};
        return into_.merge(
            {from->row, to->row, static_cast<std::uint16_t>(from->column), static_cast<std::uint16_t>(to->column)});
    }

    SheetBuilder& into_;
    const Shared& shared_;
    const std::vector<CellKind>& kinds_;
    const bool from_1904_;
    std::uint32_t row_ = 0, column_ = 0, next_column_ = 0, style_ = 0;
    std::string type_, value_;
    bool in_cell_ = false, taking_ = false, in_inline_ = false, has_formula_ = false;
    int spoken_ = 0;
};

class XlsxReader final : public Reader {
public:
    explicit XlsxReader(wire::Zip zip) : zip_(std::move(zip)) {}

    Result<void> open() {
        const std::string path = TRY(find_workbook());
        const std::size_t slash = path.rfind('/');
        folder_ = slash == path.npos ? "" : path.substr(0, slash);
        RelationsHandler relations;
        TRY(read_part(fmt::format("{}/_rels/{}.rels", folder_, path.substr(slash == path.npos ? 0 : slash + 1)),
                      relations));
        WorkbookHandler workbook;
        TRY(read_part(path, workbook));
        from_1904_ = workbook.from_1904;
        for (const NamedSheet& sheet : workbook.sheets) {
            const auto found = relations.by_id.find(sheet.relation);
            // Charts have a page of their own, which holds no cells.
            if (found == relations.by_id.end() || found->second.type != "worksheet") continue;
            sheets_.push_back(sheet.info);
            parts_.push_back(joined(folder_, found->second.target));
        }
        if (sheets_.empty()) return Error{Code::malformed, "the workbook has no sheet with cells"};
        for (const auto& [id, relation] : relations.by_id) {
            if (relation.type == "sharedStrings") shared_part_ = joined(folder_, relation.target);
            if (relation.type == "styles") styles_part_ = joined(folder_, relation.target);
        }
        return {};
    }

    const std::vector<SheetInfo>& sheets() const override { return sheets_; }

    Result<Sheet> read(std::size_t index, const SheetLimits& limits) override {
        TRY(read_common());
        SheetBuilder builder{limits, shared_.bytes};
        SheetHandler handler{builder, shared_, kinds_, from_1904_};
        TRY(read_part(parts_[index], handler));
        return builder.finish();
    }

private:
    Result<std::string> find_workbook() {
        if (zip_.find("xl/workbook.bin") != nullptr)
            return Error{Code::unsupported, "the file is a binary workbook (.xlsb): save it as .xlsx"};
        if (zip_.find("content.xml") != nullptr && zip_.find("mimetype") != nullptr)
            return Error{Code::unsupported, "the file is an OpenDocument (.ods): save it as .xlsx"};
        RelationsHandler relations;
        if (zip_.find("_rels/.rels") != nullptr) TRY(read_part("_rels/.rels", relations));
        for (const auto& [id, relation] : relations.by_id) {
            const std::string path = joined("", relation.target);
            if (relation.type == "officeDocument" && path.ends_with(".xml") && zip_.find(path) != nullptr &&
                path.find("word/") != 0 && path.find("ppt/") != 0)
                return path;
        }
        if (zip_.find("xl/workbook.xml") != nullptr) return std::string("xl/workbook.xml");
        return Error{Code::unsupported,
                     "the file is a zip archive without an Excel workbook: unpack it and send what is in it"};
    }
    Result<void> read_part(const std::string& path, XmlHandler& handler) {
        const wire::ZipEntry* const entry = zip_.find(path.starts_with('/') ? path.substr(1) : path);
        if (entry == nullptr)
            return Error{Code::malformed, "the workbook lacks its part {}: is the file damaged?", path.substr(0, 100)};
        return read_xml(zip_, *entry, handler);
    }
    // Texts and formats, once.
    Result<void> read_common() {
        if (common_read_) return {};
        if (!shared_part_.empty()) {
            SharedHandler handler{shared_};
            TRY(read_part(shared_part_, handler));
        }
        if (!styles_part_.empty()) {
            StylesHandler handler;
            TRY(read_part(styles_part_, handler));
            kinds_ = std::move(handler.kinds);
        }
        common_read_ = true;
        return {};
    }

    wire::Zip zip_;
    std::string folder_, shared_part_, styles_part_;
    std::vector<SheetInfo> sheets_;
    std::vector<std::string> parts_;
    Shared shared_;
    std::vector<CellKind> kinds_;
    bool from_1904_ = false, common_read_ = false;
};

}  // namespace

Result<std::unique_ptr<Reader>> open_xlsx(Bytes file) {
    auto reader = std::make_unique<XlsxReader>(TRY(wire::Zip::open(file)));
    TRY(reader->open());
    return std::unique_ptr<Reader>(std::move(reader));
}

}  // namespace gongshu::workbook
