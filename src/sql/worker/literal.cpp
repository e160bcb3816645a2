#include "sql/worker/literal.h"

#include <charconv>
#include <cmath>

namespace gongshu::sql {

namespace {

constexpr std::string_view kDouble = R"("id":"DOUBLE","type_info":null},"is_null":false,"value":)";
constexpr std::int64_t kExact = std::int64_t{1} << 53;  // up to it whole numbers are doubles
// Powers of ten that are doubles: a quotient of two doubles is the nearest one.
constexpr double kTens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                            1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

std::string_view text_at(const JsonObject& object, std::string_view name) {
    const Json* const found = object.if_contains(name);
    return found != nullptr && found->is_string() ? std::string_view{found->get_string()} : std::string_view{};
}

const JsonObject* object_at(const JsonObject& object, std::string_view name) {
    const Json* const found = object.if_contains(name);
    return found != nullptr && found->is_object() ? &found->get_object() : nullptr;
}

struct Literal {
    std::string_view type;
    const JsonObject* about = nullptr;  // its type
    const Json* value = nullptr;
};

std::optional<Literal> literal_of(const Json& expression) {
    if (!expression.is_object() || text_at(expression.get_object(), "class") != "CONSTANT") return std::nullopt;
    const JsonObject* const constant = object_at(expression.get_object(), "value");
    const JsonObject* const type = constant == nullptr ? nullptr : object_at(*constant, "type");
    const Json* const value = constant == nullptr ? nullptr : constant->if_contains("value");
    if (type == nullptr || value == nullptr) return std::nullopt;  // NULL has none
    return Literal{text_at(*type, "id"), type, value};
}

bool is_whole(const Literal& literal) {
    return (literal.type == "INTEGER" || literal.type == "BIGINT") && literal.value->is_int64();
}

// All of it, and no sign before it but a minus.
std::optional<double> read_number(std::string_view text) {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc{} || read.ptr != end || !std::isfinite(number)) return std::nullopt;
    return number;
}

std::optional<double> read_decimal(const Literal& literal) {
    const JsonObject* const info = object_at(*literal.about, "type_info");
    const Json* const scale = info == nullptr ? nullptr : info->if_contains("scale");
    if (scale == nullptr || !scale->is_int64() || !literal.value->is_int64()) return std::nullopt;
    const std::int64_t digits = literal.value->get_int64(), places = scale->get_int64();
    if (digits > kExact || digits < -kExact || places < 0 || places >= std::ssize(kTens)) return std::nullopt;
    return static_cast<double>(digits) / kTens[places];
}

std::string_view text_value(const Literal& literal) {
    return literal.value->is_string() ? std::string_view{literal.value->get_string()} : std::string_view{};
}

}  // namespace

std::string with_exact_doubles(std::string_view tree) {
    // Not in a text of the tree, whose quotes have a backslash.
    std::string out;
    for (std::size_t at = tree.find(kDouble); at != tree.npos; at = tree.find(kDouble)) {
        const std::size_t begin = at + kDouble.size(), end = std::min(tree.find_first_of(",}", begin), tree.size());
        out.append(tree.substr(0, begin)).append("\"").append(tree.substr(begin, end - begin)).append("\"");
        tree.remove_prefix(end);
    }
    return out.append(tree);
}

std::optional<std::string> literal_text(const Json& expression, const std::vector<Cell>& parameters) {
    if (const Cell* const cell = parameter_value(expression, parameters)) {
        const auto* const text = std::get_if<std::string>(cell);
        return text == nullptr ? std::nullopt : std::optional{*text};
    }
    const auto literal = literal_of(expression);
    if (!literal || literal->type != "VARCHAR" || !literal->value->is_string()) return std::nullopt;
    return std::string{text_value(*literal)};
}

std::optional<double> literal_number(const Json& expression, const std::vector<Cell>& parameters) {
    if (const Cell* const cell = parameter_value(expression, parameters)) {
        if (const auto* const whole = std::get_if<std::int64_t>(cell)) return static_cast<double>(*whole);
        if (const auto* const text = std::get_if<std::string>(cell)) return read_number(*text);
        if (const auto* const decimal = std::get_if<Decimal>(cell)) return read_number(decimal->digits);
        const auto* const number = std::get_if<double>(cell);
        return number == nullptr || !std::isfinite(*number) ? std::nullopt : std::optional{*number};
    }
    const auto literal = literal_of(expression);
    if (!literal) return std::nullopt;
    if (is_whole(*literal)) return static_cast<double>(literal->value->get_int64());
    if (literal->type == "DECIMAL") return read_decimal(*literal);
    if (literal->type == "DOUBLE" || literal->type == "VARCHAR") return read_number(text_value(*literal));
    return std::nullopt;
}

std::optional<std::int64_t> literal_whole(const Json& expression, const std::vector<Cell>& parameters) {
    if (const Cell* const cell = parameter_value(expression, parameters)) {
        const auto* const whole = std::get_if<std::int64_t>(cell);
        return whole == nullptr ? std::nullopt : std::optional{*whole};
    }
    const auto literal = literal_of(expression);
    return literal && is_whole(*literal) ? std::optional{literal->value->get_int64()} : std::nullopt;
}

std::optional<std::string_view> double_digits(const Json& expression) {
    const auto literal = literal_of(expression);
    if (!literal || literal->type != "DOUBLE" || !literal->value->is_string()) return std::nullopt;
    return text_value(*literal);
}

const Cell* parameter_value(const Json& expression, const std::vector<Cell>& parameters) {
    if (!expression.is_object() || text_at(expression.get_object(), "class") != "PARAMETER") return nullptr;
    const std::string_view name = text_at(expression.get_object(), "identifier");
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool is_number = error == std::errc{} && end == name.data() + name.size();
    return is_number && number > 0 && number <= parameters.size() ? &parameters[number - 1] : nullptr;
}

}  // namespace gongshu::sql
