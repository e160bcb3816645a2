// Addresses and types as engineers write them.
#include <algorithm>
#include <charconv>

#include "wire/s7_value.h"

namespace gongshu::wire::s7 {

namespace {

constexpr std::uint32_t kByteMax = 65535;
constexpr std::uint32_t kNumberMax = 2047;  // counters and timers of the largest CPUs

struct TypeInfo {
    Type type;
    std::string_view name;
    std::uint16_t bytes;     // 0 = depends on the length
    std::uint16_t size_max;  // longest length that may stand in brackets, 0 = none
};
constexpr TypeInfo kTypes[] = {
    {Type::boolean, "bool", 1, 0},
    {Type::byte, "byte", 1, 0},
    {Type::word, "word", 2, 0},
    {Type::dword, "dword", 4, 0},
    {Type::sint, "sint", 1, 0},
    {Type::usint, "usint", 1, 0},
    {Type::integer, "int", 2, 0},
    {Type::uint, "uint", 2, 0},
    {Type::dint, "dint", 4, 0},
    {Type::udint, "udint", 4, 0},
    {Type::lint, "lint", 8, 0},
    {Type::ulint, "ulint", 8, 0},
    {Type::real, "real", 4, 0},
    {Type::lreal, "lreal", 8, 0},
    {Type::character, "char", 0, kTextLengthMax},
    {Type::string, "string", 0, kStringLengthMax},
    {Type::wstring, "wstring", 0, kTextLengthMax},
    {Type::s5time, "s5time", 2, 0},
    {Type::time, "time", 4, 0},
    {Type::date_and_time, "date_and_time", 8, 0},
    {Type::dtl, "dtl", 12, 0},
    {Type::counter, "counter", 2, 0},
};

const TypeInfo& info_of(Type type) { return kTypes[static_cast<std::size_t>(type)]; }

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
bool is_letter(char c) { return upper(c) >= 'A' && upper(c) <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Goes over an address; spaces between its parts do not count.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    bool at_end() {
        skip_spaces();
        return at_ == text_.size();
    }
    bool take(char c) {
        if (at_end() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    // Capital letters up to what is none.
    std::string letters() {
        std::string found;
        for (skip_spaces(); at_ < text_.size() && is_letter(text_[at_]); ++at_) found += upper(text_[at_]);
        return found;
    }
    bool next_is_digit() { return !at_end() && is_digit(text_[at_]); }
    // `what` it is goes into the reason.
    Result<std::uint32_t> number(std::string_view what, std::uint32_t min, std::uint32_t max) {
        if (!next_is_digit()) return fault("{} is missing: expected {} to {}", what, min, max);
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
        std::uint32_t value = 0;
        const auto [end, error] = std::from_chars(text_.data() + begin, text_.data() + at_, value);
        if (error == std::errc() && value >= min && value <= max) return value;
        const std::string_view digits = text_.substr(begin, at_ - begin);
        at_ = begin;
        return fault("{} is {}: expected {} to {}", what, digits, min, max);
    }
    template <class... Args>
    Error fault(fmt::format_string<Args...> format, Args&&... args) const {
        return Error{Code::invalid, "\"{}\", character {}: {}", text_, at_ + 1,
                     fmt::format(format, std::forward<Args>(args)...)};
    }

private:
    void skip_spaces() {
        while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

// A place as it is written, before its type is looked at.
struct Place {
    Area area = Area::data_block;
    std::uint16_t block = 0;
    std::uint32_t start = 0;
    std::uint8_t bit = 0;
    char width = 'X';  // X, B, W, D; T and C for timers and counters
    bool is_v = false;
};

std::string text_of(const Place& place, char width) {
    std::string text = place.is_v ? "V" : fmt::format("DB{}.DB", place.block);
    if (!place.is_v && place.area != Area::data_block)
        text = place.area == Area::memory    ? "M"
               : place.area == Area::inputs  ? "I"
               : place.area == Area::outputs ? "Q"
               : place.area == Area::timers  ? "T"
                                             : "C";
    const bool is_bit = width == 'X';
    if (width == 'B' || width == 'W' || width == 'D' || (is_bit && text.ends_with("DB"))) text += width;
    text += fmt::to_string(place.start);
    return is_bit ? fmt::format("{}.{}", text, place.bit) : text;
}

Result<void> take_start(Reader& reader, Place& place) {
    place.start = TRY(reader.number("the number of the byte", 0, kByteMax));
    if (place.width != 'X') {
        if (!reader.take('.')) return {};
        return reader.fault("only a bit has a number behind the point: write {} or {}", text_of(place, place.width),
                            text_of(place, 'X'));
    }
    if (!reader.take('.'))
        return reader.fault("a bit is missing: write {} for the bit, {} for the byte", text_of(place, 'X'),
                            text_of(place, 'B'));
    place.bit = static_cast<std::uint8_t>(TRY(reader.number("the number of the bit", 0, 7)));
    return {};
}

Result<void> take_block(Reader& reader, Place& place) {
    place.block = static_cast<std::uint16_t>(TRY(reader.number("the number of the data block", 1, 65535)));
    const bool has_point = reader.take('.');
    const std::string letters = has_point ? reader.letters() : std::string();
    if (letters.size() != 3 || !letters.starts_with("DB") || std::string_view("XBWD").find(letters[2]) == letters.npos)
        return reader.fault("what of DB{} is missing: write DB{}.DBX0.0, DB{}.DBB0, DB{}.DBW0 or DB{}.DBD0",
                            place.block, place.block, place.block, place.block, place.block);
    place.width = letters[2];
    return take_start(reader, place);
}

std::optional<Area> area_of(char letter) {
    switch (letter) {
        case 'M':
            return Area::memory;
        case 'I':
        case 'E':
            return Area::inputs;
        case 'Q':
        case 'A':
            return Area::outputs;
        case 'V':
            return Area::data_block;
        case 'T':
            return Area::timers;
        case 'C':
        case 'Z':
            return Area::counters;
        default:
            return std::nullopt;
    }
}

Result<Place> read_place(Reader& reader) {
    Place place;
    reader.take('%');
    const std::string letters = reader.letters();
    if (letters == "DB") {
        TRY(take_block(reader, place));
        return place;
    }
    const auto area = letters.empty() ? std::nullopt : area_of(letters[0]);
    const bool is_numbered = area == Area::timers || area == Area::counters;
    const bool has_width = letters.size() == 2 && std::string_view("XBWD").find(letters[1]) != std::string_view::npos;
    if (!area || letters.size() > (is_numbered ? 1 : 2) || (letters.size() == 2 && !has_width))
        return reader.fault(
            "this is no area: an address begins with DB and a number, or with M, I (E), Q (A), V, T or C (Z)");
    place.area = *area;
    place.is_v = letters[0] == 'V';
    if (place.is_v) place.block = 1;
    if (is_numbered) {
        place.width = area == Area::timers ? 'T' : 'C';
        place.start = TRY(reader.number("the number of the counter or timer", 0, kNumberMax));
        return place;
    }
    if (has_width) place.width = letters[1];
    TRY(take_start(reader, place));
    return place;
}

Result<ValueCodec> with_length(const TypeInfo& info, std::string_view text, std::string_view brackets) {
    ValueCodec codec;
    codec.type = info.type;
    if (brackets.empty() && info.size_max == 0) return codec;
    if (brackets.empty() && info.type == Type::character) {
        codec.length = 1;
        return codec;
    }
    if (info.size_max == 0) return Error{Code::invalid, "type \"{}\": {} has no length", text, info.name};
    std::uint16_t length = 0;
    const char* const last = brackets.data() + brackets.size() - 1;
    const bool closed = brackets.size() > 2 && *last == ']';
    const auto [end, error] = closed ? std::from_chars(brackets.data() + 1, last, length) : std::from_chars_result{};
    if (!closed || error != std::errc() || end != last || length == 0 || length > info.size_max)
        return Error{Code::invalid, "type \"{}\": expected its length, {}[1] to {}[{}]", text, info.name, info.name,
                     info.size_max};
    codec.length = length;
    return codec;
}

Result<ValueCodec> read_type(std::string_view text) {
    std::string name;
    for (const char c : text)
        if (c != ' ') name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const std::size_t bracket = std::min(name.find('['), name.size());
    for (const TypeInfo& info : kTypes)
        if (info.name == std::string_view(name).substr(0, bracket))
            return with_length(info, text, std::string_view(name).substr(bracket));
    std::string names;
    for (const TypeInfo& info : kTypes) names += names.empty() ? info.name : fmt::format(", {}", info.name);
    return Error{Code::invalid, "type \"{}\" is none of an S7: expected {}", text, names};
}

Type type_by_width(char width) {
    switch (width) {
        case 'X':
            return Type::boolean;
        case 'B':
            return Type::byte;
        case 'W':
            return Type::word;
        case 'D':
            return Type::dword;
        case 'T':
            return Type::s5time;
        default:
            return Type::counter;
    }
}

// The letter that an address of this type has; '*' = any, for types that only begin there.
char width_of(const TypeInfo& info) {
    if (info.type == Type::boolean) return 'X';
    return info.bytes == 1 ? 'B' : info.bytes == 2 ? 'W' : info.bytes == 4 ? 'D' : '*';
}

Result<void> check_width(const Reader& reader, const Place& place, const ValueCodec& codec) {
    const std::string type = type_text(codec);
    if (place.area == Area::timers || place.area == Area::counters) {
        const Type own = type_by_width(place.width);
        if (codec.type == own || codec.type == Type::word) return {};
        return reader.fault("{} is no type of {}: write {} or word", type, text_of(place, place.width), to_string(own));
    }
    const char width = width_of(info_of(codec.type));
    if (width == place.width || (width == '*' && (place.width != 'X' || place.bit == 0))) return {};
    if (width == 'X') return reader.fault("a bool is a bit: write {}", text_of(place, 'X'));
    if (width == '*') return reader.fault("{} begins at a whole byte: write {}", type, text_of(place, 'B'));
    return reader.fault("{} takes {} bytes: write {}", type, byte_count(codec), text_of(place, width));
}

}  // namespace

std::string_view to_string(Type type) { return info_of(type).name; }

std::string type_text(const ValueCodec& codec) {
    const TypeInfo& info = info_of(codec.type);
    return info.size_max == 0 ? std::string(info.name) : fmt::format("{}[{}]", info.name, codec.length);
}

std::size_t byte_count(const ValueCodec& codec) {
    switch (codec.type) {
        case Type::character:
            return codec.length;
        case Type::string:
            return codec.length + (codec.short_string ? 1u : 2u);
        case Type::wstring:
            return 4 + codec.length * 2u;
        default:
            return info_of(codec.type).bytes;
    }
}

Result<Variable> parse_variable(std::string_view address, std::string_view type) {
    Reader reader(address);
    const Place place = TRY(read_place(reader));
    if (!reader.at_end()) return reader.fault("the address should end here: {}", text_of(place, place.width));
    Variable variable{place.area, place.block, place.start, place.bit, {}};
    variable.codec.type = type_by_width(place.width);
    if (type.find_first_not_of(' ') != type.npos) variable.codec = TRY(read_type(type));
    variable.codec.short_string = place.is_v && variable.codec.type == Type::string;
    TRY(check_width(reader, place, variable.codec));
    if (variable.start + byte_count(variable.codec) > kByteMax + 1)
        return reader.fault("{} ends behind byte {}", type_text(variable.codec), kByteMax);
    return variable;
}

std::string address_text(const Variable& variable) {
    Place place{variable.area, variable.block, variable.start, variable.bit};
    if (variable.area == Area::timers || variable.area == Area::counters) return text_of(place, 'T');
    const char width = width_of(info_of(variable.codec.type));
    return text_of(place, width == '*' ? 'B' : width);
}

}  // namespace gongshu::wire::s7
