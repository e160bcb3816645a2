#include "api/where.h"

#include <charconv>
#include <cmath>
#include <optional>

namespace gongshu::api {

namespace {

constexpr std::string_view kSpaces = " \t";
constexpr std::size_t kShown = 80;  // bytes of a text that is not understood

std::string_view trimmed(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
    return text.substr(0, text.find_last_not_of(kSpaces) + 1);
}

template <class T>
std::optional<T> whole_of(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Result<Value> parse_bound(std::string_view text) {
    text = trimmed(text);
    if (text == "true") return Value{true};
    if (text == "false") return Value{false};
    if (text.size() >= 2 && (text.front() == '\'' || text.front() == '"') && text.back() == text.front())
        return Value{std::string(text.substr(1, text.size() - 2))};
    if (const auto whole = whole_of<std::int64_t>(text)) return Value{*whole};
    if (const auto number = whole_of<double>(text); number && std::isfinite(*number)) return Value{*number};
    return Error{Code::invalid,
                 "where: \"{}\" is neither a number nor true, false or a text in quotes, as in state='RUN'",
                 text.substr(0, kShown)};
}

struct Operator {
    std::string_view text;
    Comparison comparison;
};
// The longer ones first.
constexpr Operator kOperators[] = {{"<=", Comparison::less_or_equal}, {">=", Comparison::greater_or_equal},
                                   {"!=", Comparison::unequal},       {"==", Comparison::equal},
                                   {"<", Comparison::less},           {">", Comparison::greater},
                                   {"=", Comparison::equal}};

Result<std::vector<WhereText>> parse_between(std::string_view property, std::string_view text) {
    const std::size_t at = text.find(" and ");
    if (at == std::string_view::npos)
        return Error{Code::invalid, "where: \"{}\" has no end, as in temperature between 20 and 30",
                     text.substr(0, kShown)};
    const Value low = TRY(parse_bound(text.substr(0, at)));
    const Value high = TRY(parse_bound(text.substr(at + 5)));
    return std::vector<WhereText>{{std::string(property), Comparison::greater_or_equal, low},
                                  {std::string(property), Comparison::less_or_equal, high}};
}

}  // namespace

Result<std::vector<WhereText>> parse_where(std::string_view text) {
    constexpr std::string_view kBetween = " between ";
    const std::size_t at = text.find_first_of("<>=!");
    if (const std::size_t between = text.find(kBetween); between < at) {
        const std::string_view property = trimmed(text.substr(0, between));
        if (!property.empty()) return parse_between(property, text.substr(between + kBetween.size()));
    }
    const std::string_view property = trimmed(text.substr(0, at));
    for (const Operator& one : kOperators) {
        if (at == std::string_view::npos || property.empty() || !text.substr(at).starts_with(one.text)) continue;
        const Value bound = TRY(parse_bound(text.substr(at + one.text.size())));
        return std::vector<WhereText>{{std::string(property), one.comparison, bound}};
    }
    return Error{Code::invalid,
                 "where: \"{}\" is no condition; give a property, one of < <= = != >= > and a value, as in "
                 "temperature>80, or a range, as in temperature between 20 and 30",
                 text.substr(0, kShown)};
}

}  // namespace gongshu::api
