#include "wire/json_parts.h"

#include <cmath>

namespace gongshu::wire::json_parts {
namespace {

// A number that the parser cannot hold stands in the text as a string with this before it. A payload with such a number
// whose texts begin so as well harms but itself.
constexpr std::string_view kOversized{"\0number ", 8};
constexpr std::string_view kOversizedJson = R"(\u0000number )";

Result<TimeNs> time_from_text(std::string_view text, TimeUnit unit) {
    const bool digits =
        !text.empty() && text.size() <= 19 && text.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits) return parse_rfc3339(text);
    std::int64_t number = 0;
    for (const char c : text) {
        if (__builtin_mul_overflow(number, std::int64_t{10}, &number) ||
            __builtin_add_overflow(number, std::int64_t{c - '0'}, &number)) {
            return Error{Code::limit, "{} is more than 64 bits hold", text};
        }
    }
    return time_from_number(number, unit);
}

// What fractions of a second are written with: "1700000000.25".
Result<TimeNs> time_from_fraction(double number, TimeUnit unit) {
    const double whole = std::trunc(number);
    if (!(std::abs(whole) < 9e18)) return Error{Code::limit, "{} is outside of the years 1678 to 2262", number};
    const TimeNs start = TRY(time_from_number(static_cast<std::int64_t>(whole), unit));
    if (whole == number) return start;
    const TimeNs next = TRY(time_from_number(static_cast<std::int64_t>(whole) + 1, unit));
    return start + std::llround((number - whole) * static_cast<double>(next - start));
}

// With numbers that do not fit as marked texts: one of them must not cost the payload its others.
Result<element> parse_marked(simdjson::dom::parser& parser, std::string_view payload,
                             const std::vector<TextRange>& numbers) {
    std::string marked;
    marked.reserve(payload.size() + numbers.size() * (kOversizedJson.size() + 2));
    std::size_t at = 0;
    for (const TextRange& number : numbers) {
        marked.append(payload.substr(at, number.begin - at)).append(1, '"').append(kOversizedJson);
        marked.append(payload.substr(number.begin, number.bytes)).push_back('"');
        at = number.begin + number.bytes;
    }
    marked.append(payload.substr(at));
    const auto parsed = parser.parse(marked);
    if (parsed.error() == simdjson::SUCCESS) return parsed.value_unsafe();
    return Error{Code::malformed, "not JSON: {}", simdjson::error_message(parsed.error())};
}

}  // namespace

std::string_view kind_name(element_type type) {
    switch (type) {
        case element_type::ARRAY:
            return "an array";
        case element_type::OBJECT:
            return "an object";
        case element_type::STRING:
            return "a text";
        case element_type::BOOL:
            return "a boolean";
        case element_type::NULL_VALUE:
            return "null";
        default:
            return "a number";
    }
}

// The number as it was written, if `from` stands for one that does not fit.
std::optional<Error> oversized(element from) {
    std::string_view text;
    if (from.get_string().get(text) != simdjson::SUCCESS || !text.starts_with(kOversized)) return std::nullopt;
    text.remove_prefix(kOversized.size());
    return Error{Code::invalid, "{}{} is a number that 64 bits do not hold", text.substr(0, 40),
                 text.size() > 40 ? "…" : ""};
}

bool is_scalar(element_type type) { return type != element_type::ARRAY && type != element_type::OBJECT; }

// A text, number or boolean as a Value; nullopt for null, arrays and objects.
std::optional<Value> scalar(element from) {
    switch (from.type()) {
        case element_type::INT64:
            return Value{from.get_int64().value_unsafe()};
        case element_type::UINT64:
            return Value{static_cast<double>(from.get_uint64().value_unsafe())};
        case element_type::DOUBLE:
            return Value{from.get_double().value_unsafe()};
        case element_type::BOOL:
            return Value{from.get_bool().value_unsafe()};
        case element_type::STRING:
            return Value{std::string(from.get_string().value_unsafe())};
        default:
            return std::nullopt;
    }
}

Result<TimeNs> read_time(element from, TimeUnit unit) {
    if (auto error = oversized(from)) return std::move(*error);
    switch (from.type()) {
        case element_type::INT64:
            return time_from_number(from.get_int64().value_unsafe(), unit);
        case element_type::DOUBLE:
            return time_from_fraction(from.get_double().value_unsafe(), unit);
        case element_type::STRING:
            return time_from_text(from.get_string().value_unsafe(), unit);
        default:
            return Error{Code::invalid, "expected a number or a text as RFC 3339 has it, found {}",
                         kind_name(from.type())};
    }
}

Result<Quality> read_quality(element from) {
    std::string_view text;
    if (from.get_string().get(text) != simdjson::SUCCESS) {
        return Error{Code::invalid, "expected a text such as \"good\" or \"bad:sensor\", found {}",
                     kind_name(from.type())};
    }
    const auto quality = parse_quality(text);
    if (!quality)
        return Error{Code::invalid, "\"{}\" is no quality; expected good, uncertain or bad, with a reason after ':'",
                     text};
    return *quality;
}

Result<element> parse(simdjson::dom::parser& parser, Bytes payload, std::size_t bytes_max) {
    if (payload.size() > bytes_max)
        return Error{Code::limit, "the payload has {} bytes, at most {} are taken", payload.size(), bytes_max};
    if (payload.empty()) return Error{Code::malformed, "{}", *json_fault({})};
    const auto parsed = parser.parse(payload.data(), payload.size());
    if (parsed.error() == simdjson::SUCCESS) return parsed.value_unsafe();
    if (auto fault = json_fault(as_text(payload))) return Error{Code::malformed, "{}", *fault};
    const auto numbers = oversized_numbers(as_text(payload));
    if (!numbers.empty()) return parse_marked(parser, as_text(payload), numbers);
    return Error{Code::malformed, "not JSON: {}", simdjson::error_message(parsed.error())};
}

}  // namespace gongshu::wire::json_parts
