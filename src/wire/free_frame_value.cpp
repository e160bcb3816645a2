#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "wire/free_frame.h"

namespace gongshu::wire::free_frame {
namespace {

struct Unit {
    std::string_view name, dimension;
    double base;             // how many of the dimension's own it is
    std::string_view words;  // other words for it, blanks between
};
constexpr Unit kUnits[] = {
    {"mg", "mass", 0.001, ""},
    {"g", "mass", 1, "克 gr gram"},
    {"kg", "mass", 1000, "千克 公斤 kgs"},
    {"t", "mass", 1e6, "吨 ton"},
    {"lb", "mass", 453.59237, "lbs 磅"},
    {"oz", "mass", 28.349523125, "盎司"},
    {"ct", "mass", 0.2, "克拉"},
    {"um", "length", 0.001, "微米 μm µm"},
    {"mm", "length", 1, "毫米"},
    {"cm", "length", 10, "厘米"},
    {"m", "length", 1000, "米"},
    {"in", "length", 25.4, "inch 英寸"},
    {"N", "force", 1, "牛"},
    {"kN", "force", 1000, "千牛"},
    {"kgf", "force", 9.80665, ""},
    {"lbf", "force", 4.4482216152605, ""},
    {"degC", "temperature", 1, "℃ °c"},
    {"count", "count", 1, "pc pcs 个 件"},
    {"%", "ratio", 1, ""},
};

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0'; }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

const Unit* find_unit(std::string_view text) {
    const std::string word = lower(trimmed(text));
    if (word.empty()) return nullptr;
    for (const Unit& unit : kUnits) {
        if (lower(unit.name) == word) return &unit;
        for (std::string_view words = unit.words; !words.empty();) {
            const std::size_t end = std::min(words.find(' '), words.size());
            if (lower(words.substr(0, end)) == word) return &unit;
            words.remove_prefix(std::min(end + 1, words.size()));
        }
    }
    return nullptr;
}

// What a fault shows of a text.
std::string shown(std::string_view text) { return escape(as_bytes(text.substr(0, 60))); }

// Dividing by 100 gives the number that people would write; multiplying by 0.01 does not.
double times(double number, double factor) {
    const double inverse = 1 / factor, whole = std::round(inverse);
    const bool is_part = std::abs(factor) < 1 && std::abs(inverse - whole) <= 1e-12 * std::abs(inverse);
    return is_part ? number / whole : number * factor;
}

// ---- numbers in bytes ----

std::size_t bytes_of(Encoding encoding, std::size_t bcd_bytes) {
    static constexpr std::uint8_t kBytes[] = {1, 1, 2, 2, 3, 4, 4, 8, 8, 4, 8};
    return encoding == Encoding::bcd ? bcd_bytes : kBytes[static_cast<std::size_t>(encoding)];
}

// The bytes with the highest first.
Buffer in_order(Bytes bytes, Order order) {
    Buffer out{bytes.begin(), bytes.end()};
    if (order == Order::little || order == Order::cdab) std::ranges::reverse(out);
    if (order == Order::badc || order == Order::cdab)
        for (std::size_t i = 0; i + 1 < out.size(); i += 2) std::swap(out[i], out[i + 1]);
    return out;
}

Value whole_or_more(std::uint64_t bits) {
    if (bits > static_cast<std::uint64_t>(INT64_MAX)) return Value{static_cast<double>(bits)};
    return Value{static_cast<std::int64_t>(bits)};
}

// 7.71 and not 7.710000038146973, which is the same float.
double shortest(float value) {
    char text[32];
    const auto written = std::to_chars(text, text + sizeof text, value);
    double number = static_cast<double>(value);
    if (std::isfinite(value)) std::from_chars(text, written.ptr, number);
    return number;
}

Result<Value> number_in(Bytes bytes, Encoding encoding, Order order) {
    std::uint64_t bits = 0;
    for (const std::uint8_t byte : in_order(bytes, order)) {
        if (encoding != Encoding::bcd) {
            bits = bits << 8 | byte;
            continue;
        }
        if (byte >> 4 > 9 || (byte & 0xf) > 9) return Error{Code::malformed, "{} are no BCD digits", to_hex(bytes)};
        bits = bits * 100 + (byte >> 4) * 10u + (byte & 0xfu);
    }
    switch (encoding) {
        case Encoding::i8:
            return Value{std::int64_t{static_cast<std::int8_t>(bits)}};
        case Encoding::i16:
            return Value{std::int64_t{static_cast<std::int16_t>(bits)}};
        case Encoding::i32:
            return Value{std::int64_t{static_cast<std::int32_t>(bits)}};
        case Encoding::i64:
            return Value{static_cast<std::int64_t>(bits)};
        case Encoding::f32:
            return Value{shortest(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))};
        case Encoding::f64:
            return Value{std::bit_cast<double>(bits)};
        default:
            return whole_or_more(bits);
    }
}

// ---- numbers in texts ----

// " -   12.50" as -12.5: devices leave room between the sign and the digits.
std::optional<double> number_of(std::string_view text, bool has_decimal_comma) {
    text = trimmed(text);
    bool negative = false;
    if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
        negative = text.front() == '-';
        text = trimmed(text.substr(1));
    }
    std::string digits{text};
    if (has_decimal_comma) {
        std::erase(digits, '.');
        std::ranges::replace(digits, ',', '.');
    }
    if (digits.find_first_of("0123456789") == std::string::npos) return std::nullopt;
    if (digits.starts_with('.')) digits.insert(0, 1, '0');
    if (digits.front() < '0' || digits.front() > '9') return std::nullopt;
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool ends = end == digits.data() + digits.size() || (*end == '.' && end + 1 == digits.data() + digits.size());
    if (error != std::errc{} || !ends || !std::isfinite(number)) return std::nullopt;
    return negative ? -number : number;
}

Result<Value> value_of(const Field& field, std::string_view text) {
    text = trimmed(text);
    switch (field.as) {
        case Field::As::text:
            if (find_broken_utf8(text) != std::string_view::npos)
                return Error{Code::malformed, "\"{}\" is no text in UTF-8", shown(text)};
            return Value{std::string(text)};
        case Field::As::hex: {
            std::uint64_t bits = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits, 16);
            if (text.empty() || error != std::errc{} || end != text.data() + text.size())
                return Error{Code::malformed, "expected hexadecimal digits, found \"{}\"", shown(text)};
            return whole_or_more(bits);
        }
        case Field::As::number:
        case Field::As::integer:
            break;
    }
    const auto number = number_of(text, field.has_decimal_comma);
    if (!number) return Error{Code::malformed, "expected a number, found \"{}\"", shown(text)};
    if (field.as == Field::As::number) return Value{*number};
    if (*number != std::trunc(*number) || std::abs(*number) > 9.0e15)
        return Error{Code::malformed, "expected a whole number, found \"{}\"", shown(text)};
    return Value{static_cast<std::int64_t>(*number)};
}

// Reads one frame. Lives for one call.
class Run {
public:
    Run(const std::vector<Field>& fields, Bytes frame, std::string_view text)
        : fields_(fields), frame_(frame), text_(text) {}

    std::optional<Pattern::Found> groups;  // of the template's pattern

    // The worst of the rules that apply.
    Result<Quality> quality(const std::vector<QualityRule>& rules) const {
        Quality worst = kGood;
        for (const QualityRule& rule : rules) {
            const auto text = TRY(chosen(rule.when));
            if (!text || !applies(rule.when, *text)) continue;
            if (rule.quality.grade < worst.grade) worst = rule.quality;
        }
        return worst;
    }

    // Nothing: it is absent, and may be.
    Result<std::optional<Row>> row(std::size_t index, Quality quality) const {
        const Field& field = fields_[index];
        Row row{index, std::nullopt, quality, field.unit};
        auto value = this->value(field, row.unit);
        if (value) {
            row.value = std::move(*value);
            if (row.value || !quality.usable()) return std::optional{std::move(row)};
            if (field.is_optional) return std::optional<Row>{};
            return Error{Code::malformed, "{}: it is not in the frame \"{}\"", field.name, shown(text_)};
        }
        // A device that says that it has no value may write anything in its place.
        if (!quality.usable()) return std::optional{std::move(row)};
        return Error{value.error().code(), "{}: {}", field.name, value.error().text()};
    }

private:
    using Taken = std::variant<std::string_view, Value>;

    std::optional<Taken> between(const Take& take) const {
        std::size_t from = 0;
        if (!take.after.empty()) {
            from = text_.find(take.after);
            if (from == std::string_view::npos) return std::nullopt;
            from += take.after.size();
        }
        std::size_t to = take.before.empty() ? text_.size() : text_.find(take.before, from);
        if (to == std::string_view::npos) return std::nullopt;
        return Taken{text_.substr(from, to - from)};
    }

    std::optional<Taken> item(const Take& take) const {
        std::string_view rest = text_;
        for (std::size_t i = 1; i < take.item; ++i) {
            const std::size_t end = rest.find(take.split);
            if (end == std::string_view::npos) return std::nullopt;
            rest.remove_prefix(end + take.split.size());
        }
        return Taken{rest.substr(0, rest.find(take.split))};
    }

    // nullopt: it is not there.
    Result<std::optional<Taken>> take(const Take& take) const {
        switch (take.from) {
            case Take::From::group:
                if (!groups || !(*groups)[take.group]) return std::optional<Taken>{};
                return std::optional{Taken{*(*groups)[take.group]}};
            case Take::From::pattern: {
                const auto found = TRY(take.pattern->find(text_));
                if (!found || !found->at(take.group)) return std::optional<Taken>{};
                return std::optional{Taken{*found->at(take.group)}};
            }
            case Take::From::item:
                return item(take);
            case Take::From::between:
                return between(take);
            default:
                break;
        }
        const bool is_number = take.from == Take::From::number;
        const std::size_t bytes = is_number ? bytes_of(take.encoding, take.bytes) : take.bytes;
        if (take.at + bytes > frame_.size()) return std::optional<Taken>{};
        const Bytes there = frame_.subspan(take.at, bytes);
        if (is_number) {
            Value number = TRY(number_in(there, take.encoding, take.order));
            return std::optional<Taken>(std::move(number));
        }
        if (take.from == Take::From::columns) return std::optional{Taken{as_text(there)}};
        const unsigned mask = (1u << (take.high_bit - take.low_bit + 1)) - 1;
        return std::optional{Taken{Value{std::int64_t{there[0] >> take.low_bit & mask}}}};
    }

    // A take as text, through the choice's map.
    Result<std::optional<std::string>> chosen(const Choice& choice) const {
        const auto taken = TRY(take(choice.take));
        if (!taken) return std::optional<std::string>{};
        const auto* view = std::get_if<std::string_view>(&*taken);
        std::string text = view != nullptr ? std::string(trimmed(*view)) : gongshu::to_string(std::get<Value>(*taken));
        if (choice.map.empty()) return std::optional{std::move(text)};
        const auto found = choice.map.find(text);
        if (found == choice.map.end())
            return Error{Code::malformed, "\"{}\" is not in the map; add what it means", shown(text)};
        return std::optional{found->second};
    }

    static bool applies(const Choice& choice, std::string_view text) {
        const auto has = [text](const std::vector<std::string>& list) {
            return std::ranges::find(list, text) != list.end();
        };
        return (choice.is.empty() || has(choice.is)) && (choice.is_not.empty() || !has(choice.is_not));
    }

    Result<std::optional<Value>> plain_value(const Field& field) const {
        const auto taken = TRY(take(field.take));
        if (!taken) return std::optional<Value>{};
        const auto* view = std::get_if<std::string_view>(&*taken);
        if (!field.map.empty()) {
            const std::string text =
                view != nullptr ? std::string(trimmed(*view)) : gongshu::to_string(std::get<Value>(*taken));
            const auto found = field.map.find(text);
            if (found == field.map.end())
                return Error{Code::malformed, "\"{}\" is not in the map; add what it means", shown(text)};
            return std::optional{found->second};
        }
        if (view == nullptr) return std::optional{std::get<Value>(*taken)};
        if (trimmed(*view).empty() && field.as != Field::As::text) return std::optional<Value>{};
        Value value = TRY(value_of(field, *view));
        return std::optional<Value>(std::move(value));
    }

    // How many times as large the number is in the field's own unit; sets the unit that is told.
    Result<double> unit_factor(const Field& field, std::string& told) const {
        if (!field.unit_from) return 1.0;
        const auto word = TRY(chosen(*field.unit_from));
        const Unit* said = word ? find_unit(*word) : nullptr;
        if (said == nullptr)
            return Error{Code::malformed, "the unit \"{}\" is not known; map it to one such as kg, g, t, lb, mm",
                         shown(word.value_or(""))};
        if (field.unit.empty()) {
            told = said->name;
            return 1.0;
        }
        const Unit* wanted = find_unit(field.unit);
        if (wanted == nullptr || wanted->dimension != said->dimension)
            return Error{Code::malformed, "the device says {}, which is no {}", said->name, field.unit};
        return said->base / wanted->base;
    }

    // What the number is multiplied by: the decimal point, the sign, the unit.
    Result<double> factor_of(const Field& field, std::string& unit) const {
        double factor = TRY(unit_factor(field, unit));
        if (field.factor) {
            const auto text = TRY(chosen(*field.factor));
            const auto number = text ? number_of(*text, false) : std::nullopt;
            if (!number) return Error{Code::malformed, "the factor is not in the frame \"{}\"", shown(text_)};
            factor = times(*number, factor);
        }
        if (!field.negative) return factor;
        const auto text = TRY(chosen(*field.negative));
        return text && applies(*field.negative, *text) ? -factor : factor;
    }

    Result<std::optional<Value>> value(const Field& field, std::string& unit) const {
        auto value = TRY(plain_value(field));
        const bool is_number = value && !std::holds_alternative<std::string>(*value);
        if (!is_number || std::holds_alternative<bool>(*value)) return value;
        const double factor = TRY(factor_of(field, unit));
        if (factor == 1 && field.scale == 1 && field.offset == 0) return value;
        const double number = times(times(*as_number(*value), factor), field.scale) + field.offset;
        if (!std::isfinite(number))
            return Error{Code::malformed, "{} with its factors is no number", *as_number(*value)};
        return std::optional{Value{number == 0 ? 0.0 : number}};
    }

    const std::vector<Field>& fields_;
    const Bytes frame_;
    const std::string_view text_;
};

}  // namespace

Result<Body> Template::read(Bytes frame) const {
    const std::string_view text = text_of(frame);
    Body body;
    for (const Pattern& pattern : ignore_) {
        if (!TRY(pattern.find(text))) continue;
        body.is_ignored = true;
        return body;
    }
    Run run{fields_, frame, text};
    if (pattern_) {
        run.groups = TRY(pattern_->find(text));
        if (!run.groups)
            return Error{Code::malformed, "the pattern does not fit the frame \"{}\"; correct it, or add one to ignore",
                         shown(text)};
    }
    const Quality quality = TRY(run.quality(qualities_).context("quality"));
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        auto row = run.row(i, quality);
        if (!row)
            body.faults.push_back(row.error().text());
        else if (*row)
            body.rows.push_back(std::move(**row));
    }
    return body;
}

}  // namespace gongshu::wire::free_frame
