#include "expr/cell.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace gongshu::expr {
namespace {

constexpr double kWholeMax = 9'223'372'036'854'775'808.0;  // 2^63

Cell type_error() { return unknown_cell(bad(Reason::type), false); }

bool is_number(const Cell& cell) {
    return cell.kind == Kind::number || cell.kind == Kind::integer || cell.kind == Kind::truth;
}

std::optional<std::int64_t> whole(const Cell& cell) {
    if (cell.kind == Kind::integer) return cell.integer;
    if (!is_number(cell) || cell.number != std::trunc(cell.number)) return std::nullopt;
    if (!(cell.number >= -kWholeMax && cell.number < kWholeMax)) return std::nullopt;
    return static_cast<std::int64_t>(cell.number);
}

Cell integers(NodeOp op, std::int64_t a, std::int64_t b, Quality quality) {
    std::int64_t result = 0;
    bool lost = false;
    switch (op) {
        case NodeOp::add:
            lost = __builtin_add_overflow(a, b, &result);
            break;
        case NodeOp::subtract:
            lost = __builtin_sub_overflow(a, b, &result);
            break;
        case NodeOp::multiply:
            lost = __builtin_mul_overflow(a, b, &result);
            break;
        case NodeOp::remainder:
            lost = b == 0;
            result = b == 0 || b == -1 ? 0 : a % b;
            break;
        case NodeOp::min:
            result = std::min(a, b);
            break;
        default:
            result = std::max(a, b);
    }
    return lost ? unknown_cell(bad(Reason::range), false) : integer_cell(result, quality);
}

Cell arithmetic(const Node& node, const Cell& a, const Cell& b) {
    if (!a.known || !b.known) return unknown_of(a, b);
    if (!is_number(a) || !is_number(b)) return type_error();
    const Quality quality = worse(a.quality, b.quality);
    const bool exact = a.kind == Kind::integer && b.kind == Kind::integer;
    if (exact && node.op != NodeOp::divide && node.op != NodeOp::power && node.op != NodeOp::atan2 &&
        node.op != NodeOp::hypot && node.op != NodeOp::round_to)
        return integers(node.op, a.integer, b.integer, quality);
    switch (node.op) {
        case NodeOp::add:
            return number_cell(a.number + b.number, quality);
        case NodeOp::subtract:
            return number_cell(a.number - b.number, quality);
        case NodeOp::multiply:
            return number_cell(a.number * b.number, quality);
        case NodeOp::divide:
            return number_cell(b.number == 0 ? NAN : a.number / b.number, quality);
        case NodeOp::remainder:
            return number_cell(std::fmod(a.number, b.number), quality);
        case NodeOp::power:
            return number_cell(std::pow(a.number, b.number), quality);
        case NodeOp::min:
            return number_cell(std::min(a.number, b.number), quality);
        case NodeOp::max:
            return number_cell(std::max(a.number, b.number), quality);
        case NodeOp::atan2:
            return number_cell(std::atan2(a.number, b.number), quality);
        case NodeOp::hypot:
            return number_cell(std::hypot(a.number, b.number), quality);
        default: {  // round_to
            const auto digits = whole(b);
            if (!digits || *digits < -15 || *digits > 15) return unknown_cell(bad(Reason::range), false);
            const double scale = std::pow(10.0, static_cast<double>(std::abs(*digits)));
            return number_cell(
                *digits < 0 ? std::round(a.number / scale) * scale : std::round(a.number * scale) / scale, quality);
        }
    }
}

Cell one_integer(const Node& node, const Cell& a) {
    switch (node.op) {
        case NodeOp::sign:
            return integer_cell(a.integer > 0 ? 1 : a.integer < 0 ? -1 : 0, a.quality);
        case NodeOp::abs:
        case NodeOp::negate:
            if (a.integer == INT64_MIN) return unknown_cell(bad(Reason::range), false);
            return integer_cell(node.op == NodeOp::abs ? std::abs(a.integer) : -a.integer, a.quality);
        default:
            return a;  // rounding
    }
}

double one_number(const Node& node, double x) {
    switch (node.op) {
        case NodeOp::negate:
            return -x;
        case NodeOp::affine:
            return x * node.number + node.offset;
        case NodeOp::abs:
            return std::abs(x);
        case NodeOp::sqrt:
            return std::sqrt(x);
        case NodeOp::round:
            return std::round(x);
        case NodeOp::floor:
            return std::floor(x);
        case NodeOp::ceil:
            return std::ceil(x);
        case NodeOp::trunc:
            return std::trunc(x);
        case NodeOp::sign:
            return x > 0 ? 1 : x < 0 ? -1 : 0;
        case NodeOp::log:
            return std::log(x);
        case NodeOp::log10:
            return std::log10(x);
        case NodeOp::exp:
            return std::exp(x);
        case NodeOp::sin:
            return std::sin(x);
        case NodeOp::cos:
            return std::cos(x);
        case NodeOp::tan:
            return std::tan(x);
        case NodeOp::asin:
            return std::asin(x);
        case NodeOp::acos:
            return std::acos(x);
        case NodeOp::atan:
            return std::atan(x);
        default:
            return NAN;
    }
}

Cell one_argument(const Node& node, const Cell& a) {
    if (!a.known) return unknown_cell(a.quality, a.missing);
    if (node.op == NodeOp::not_) {
        if (a.kind != Kind::truth && a.kind != Kind::number && a.kind != Kind::integer) return type_error();
        return truth_cell(a.number == 0, a.quality);
    }
    if (!is_number(a)) return type_error();
    const bool keeps = node.op == NodeOp::negate || node.op == NodeOp::abs || node.op == NodeOp::sign ||
                       (node.op >= NodeOp::round && node.op <= NodeOp::trunc);
    if (a.kind == Kind::integer && keeps) return one_integer(node, a);
    return number_cell(one_number(node, a.number), a.quality);
}

template <class T>
bool ordered(NodeOp op, const T& a, const T& b) {
    switch (op) {
        case NodeOp::less:
            return a < b;
        case NodeOp::less_equal:
            return a <= b;
        case NodeOp::greater:
            return a > b;
        case NodeOp::greater_equal:
            return a >= b;
        case NodeOp::equal:
            return a == b;
        default:
            return a != b;
    }
}

Cell compare(const Node& node, const Cell& a, const Cell& b) {
    if (!a.known || !b.known) return unknown_of(a, b);
    const Quality quality = worse(a.quality, b.quality);
    if (a.kind == Kind::text || b.kind == Kind::text) {
        const bool equality = node.op == NodeOp::equal || node.op == NodeOp::not_equal;
        if (a.kind != b.kind || !equality) return type_error();
        return truth_cell((a.text == b.text) == (node.op == NodeOp::equal), quality);
    }
    const bool whole = a.kind == Kind::time || is_exact(a.kind);
    if ((whole || b.kind == Kind::time || is_exact(b.kind)) && a.kind != b.kind) return type_error();
    const bool exact = whole || (a.kind == Kind::integer && b.kind == Kind::integer && node.offset == 0);
    if (exact) return truth_cell(ordered(node.op, a.integer, b.integer), quality);
    return truth_cell(ordered(node.op, a.number, b.number + node.offset), quality);
}

// Kleene's logic: what decides alone decides, whatever the other side is.
Cell junction(const Node& node, const Cell& a, const Cell& b) {
    const bool decides = node.op == NodeOp::or_;
    const bool by_a = decides ? a.yes() : a.no(), by_b = decides ? b.yes() : b.no();
    if (by_a && by_b) return truth_cell(decides, a.quality.grade >= b.quality.grade ? a.quality : b.quality);
    if (by_a || by_b) return truth_cell(decides, by_a ? a.quality : b.quality);
    if (!a.known || !b.known) return unknown_of(a, b);
    return truth_cell(!decides, worse(a.quality, b.quality));
}

Cell choose(const Cell& condition, const Cell& yes, const Cell& no) {
    if (!condition.known) return unknown_cell(condition.quality, condition.missing);
    Cell cell = condition.yes() ? yes : no;
    cell.quality = worse(cell.quality, condition.quality);
    return cell;
}

Cell clamp(const Cell& a, const Cell& low, const Cell& high) {
    if (!a.known || !low.known) return unknown_of(a, low);
    if (!high.known) return unknown_cell(high.quality, high.missing);
    if (!is_number(a) || !is_number(low) || !is_number(high)) return type_error();
    const Quality quality = worse(worse(a.quality, low.quality), high.quality);
    if (low.number > high.number) return unknown_cell(bad(Reason::range), false);
    if (a.kind == Kind::integer && low.kind == Kind::integer && high.kind == Kind::integer)
        return integer_cell(std::clamp(a.integer, low.integer, high.integer), quality);
    return number_cell(std::clamp(a.number, low.number, high.number), quality);
}

Cell times(const Node& node, const Cell& a, const Cell& b) {
    if (!a.known || !b.known) return unknown_of(a, b);
    const Quality quality = worse(a.quality, b.quality);
    if (node.op == NodeOp::time_difference) {
        if (a.kind != Kind::time || b.kind != Kind::time) return type_error();
        std::int64_t apart = 0;
        if (__builtin_sub_overflow(a.integer, b.integer, &apart)) return unknown_cell(bad(Reason::range), false);
        return number_cell(static_cast<double>(apart) / 1e9, quality);
    }
    if (a.kind != Kind::time || !is_number(b)) return type_error();
    const double ns = b.number * (node.op == NodeOp::time_add ? 1e9 : -1e9);
    TimeNs time = 0;
    if (!(std::abs(ns) < kWholeMax / 2) || __builtin_add_overflow(a.integer, std::llround(ns), &time))
        return unknown_cell(bad(Reason::range), false);
    return time_cell(time, quality);
}

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char large(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

std::string shown(const Cell& cell) {
    switch (cell.kind) {
        case Kind::text:
            return std::string(cell.text);
        case Kind::truth:
            return cell.yes() ? "true" : "false";
        case Kind::integer:
            return to_string(Value{cell.integer});
        case Kind::time:
            return time_text(cell.integer);
        case Kind::date:
            return date_text(cell.integer);
        case Kind::quality:
            return std::string(to_string(static_cast<Grade>(cell.number)));
        default:
            return to_string(Value{cell.number});
    }
}

Cell text_cell(std::string text, Quality quality, std::string& made) {
    if (text.size() > kTextBytesMax) return unknown_cell(bad(Reason::range), false);
    made = std::move(text);
    return {.kind = Kind::text, .known = true, .quality = quality, .text = made};
}

Cell one_text(const Node& node, const Cell& a, std::string& made) {
    if (!a.known) return unknown_cell(a.quality, a.missing);
    if (a.kind != Kind::text) return type_error();
    if (node.op == NodeOp::length) {
        std::int64_t characters = 0;
        for (const char c : a.text) characters += (static_cast<std::uint8_t>(c) & 0xc0) != 0x80;
        return integer_cell(characters, a.quality);
    }
    std::string text{a.text};
    std::ranges::transform(text, text.begin(), node.op == NodeOp::upper ? large : small);
    return text_cell(std::move(text), a.quality, made);
}

Cell two_texts(const Node& node, const Cell& a, const Cell& b, std::string& made) {
    if (!a.known || !b.known) return unknown_of(a, b);
    const Quality quality = worse(a.quality, b.quality);
    if (node.op == NodeOp::concat) return text_cell(shown(a) + shown(b), quality, made);
    if (a.kind != Kind::text || b.kind != Kind::text) return type_error();
    if (node.op == NodeOp::contains) return truth_cell(a.text.find(b.text) != std::string_view::npos, quality);
    return truth_cell(node.op == NodeOp::starts_with ? a.text.starts_with(b.text) : a.text.ends_with(b.text), quality);
}

Cell bits(const Node& node, const Cell& a, const Cell& b) {
    if (!a.known || !b.known) return unknown_of(a, b);
    const auto word = whole(a), other = whole(b);
    if (!word || !other) return unknown_cell(bad(Reason::range), false);
    const Quality quality = worse(a.quality, b.quality);
    const auto x = static_cast<std::uint64_t>(*word), y = static_cast<std::uint64_t>(*other);
    switch (node.op) {
        case NodeOp::bit_and:
            return integer_cell(static_cast<std::int64_t>(x & y), quality);
        case NodeOp::bit_or:
            return integer_cell(static_cast<std::int64_t>(x | y), quality);
        case NodeOp::bit_xor:
            return integer_cell(static_cast<std::int64_t>(x ^ y), quality);
        case NodeOp::bit:
            if (*other < 0 || *other > 63) return unknown_cell(bad(Reason::range), false);
            return truth_cell(x >> *other & 1, quality);
        default:  // bit_shift
            if (*other < -63 || *other > 63) return unknown_cell(bad(Reason::range), false);
            return integer_cell(static_cast<std::int64_t>(*other >= 0 ? x << *other : x >> -*other), quality);
    }
}

Cell on_calendar(const ProgramImpl& program, const Node& node, const Cell& a) {
    if (!a.known) return unknown_cell(a.quality, a.missing);
    const Calendar& calendar = program.calendars_[node.index];
    if (a.kind == Kind::date) return integer_cell(calendar.at_date(a.integer), a.quality);
    if (a.kind != Kind::time) return type_error();
    return calendar_cell(calendar, a.integer, a.quality);
}

}  // namespace

Cell unknown_of(const Cell& a, const Cell& b) {
    if (!a.known && !b.known) return unknown_cell(a.missing ? b.quality : a.quality, a.missing && b.missing);
    return a.known ? unknown_cell(b.quality, b.missing) : unknown_cell(a.quality, a.missing);
}

Cell calendar_cell(const Calendar& calendar, TimeNs time, Quality quality) {
    const std::int64_t field = calendar.at(time);
    return calendar.field() == CalendarField::date ? exact_cell(Kind::date, field, quality)
                                                   : integer_cell(field, quality);
}

int kids_of(NodeOp op) {
    switch (op) {
        case NodeOp::choose:
        case NodeOp::clamp:
            return 3;
        case NodeOp::hold:
        case NodeOp::negate:
        case NodeOp::affine:
        case NodeOp::not_:
        case NodeOp::known:
        case NodeOp::calendar:
        case NodeOp::length:
        case NodeOp::upper:
        case NodeOp::lower:
        case NodeOp::to_money:
        case NodeOp::money_text:
        case NodeOp::share:
        case NodeOp::date_of_text:
        case NodeOp::start_of_month:
        case NodeOp::end_of_month:
        case NodeOp::working_day:
            return 1;
        case NodeOp::round_to:
            return 2;
        default:
            if (!is_pure(op)) return 0;
            return op >= NodeOp::abs && op <= NodeOp::atan ? 1 : 2;
    }
}

Cell input_cell(const ProgramTag& tag, const Value& value, Quality quality) {
    if (!quality.usable()) return unknown_cell(quality, false);
    Cell cell{.known = true, .quality = quality};
    switch (type_of(value)) {
        case ValueType::text:
            cell.kind = Kind::text;
            cell.text = std::get<std::string>(value);
            break;
        case ValueType::boolean:
            cell = truth_cell(std::get<bool>(value), quality);
            break;
        case ValueType::integer:
            cell = integer_cell(std::get<std::int64_t>(value), quality);
            break;
        case ValueType::number:
            cell = number_cell(std::get<double>(value), quality);
            break;
    }
    // The tag turned out to be of another type than it was compiled with.
    if (!tag.known) return cell;
    const Kind wanted = tag.type == ValueType::text      ? Kind::text
                        : tag.type == ValueType::boolean ? Kind::truth
                        : tag.type == ValueType::integer ? Kind::integer
                                                         : Kind::number;
    if (cell.kind == wanted) return cell;
    if (cell.kind == Kind::text || wanted == Kind::text) return type_error();
    if (wanted == Kind::integer) {
        const auto exact = whole(cell);
        return exact ? integer_cell(*exact, quality) : type_error();
    }
    if (wanted == Kind::truth) return {.kind = wanted, .known = true, .quality = quality, .number = cell.number};
    return number_cell(cell.number, quality);
}

Cell constant_cell(const ProgramImpl& program, const Node& node) {
    switch (node.op) {
        case NodeOp::number:
            return number_cell(node.number, kGood);
        case NodeOp::integer:
            return integer_cell(node.integer, kGood);
        case NodeOp::truth:
            return truth_cell(node.number != 0, kGood);
        case NodeOp::time:
            return time_cell(node.integer, kGood);
        case NodeOp::money:
            return exact_cell(Kind::money, node.integer, kGood);
        case NodeOp::price:
            return exact_cell(Kind::price, node.integer, kGood);
        case NodeOp::date:
            return exact_cell(Kind::date, node.integer, kGood);
        case NodeOp::unknown:
            return unknown_cell(bad(Reason::none), false);
        case NodeOp::text:
            return {.kind = Kind::text, .known = true, .text = program.texts_[node.index]};
        default:
            return {.kind = Kind::quality, .known = true, .number = node.number};
    }
}

bool since_holds(const Node& node, DurationNs elapsed) {
    return ordered(static_cast<NodeOp>(static_cast<int>(node.number)), static_cast<double>(elapsed) / 1e9, node.offset);
}

Cell apply(const ProgramImpl& program, const Node& node, const Cell& a, const Cell& b, const Cell& c,
           std::string& made) {
    switch (node.op) {
        case NodeOp::less:
        case NodeOp::less_equal:
        case NodeOp::greater:
        case NodeOp::greater_equal:
        case NodeOp::equal:
        case NodeOp::not_equal:
            return compare(node, a, b);
        case NodeOp::and_:
        case NodeOp::or_:
            return junction(node, a, b);
        case NodeOp::choose:
            return choose(a, b, c);
        case NodeOp::clamp:
            return clamp(a, b, c);
        case NodeOp::coalesce:
            return a.known ? a : b.known ? b : unknown_of(a, b);
        case NodeOp::known:
            return truth_cell(a.known, kGood);
        case NodeOp::time_add:
        case NodeOp::time_subtract:
        case NodeOp::time_difference:
            return times(node, a, b);
        case NodeOp::calendar:
            return on_calendar(program, node, a);
        case NodeOp::length:
        case NodeOp::upper:
        case NodeOp::lower:
            return one_text(node, a, made);
        case NodeOp::contains:
        case NodeOp::starts_with:
        case NodeOp::ends_with:
        case NodeOp::concat:
            return two_texts(node, a, b, made);
        case NodeOp::bit:
        case NodeOp::bit_and:
        case NodeOp::bit_or:
        case NodeOp::bit_xor:
        case NodeOp::bit_shift:
            return bits(node, a, b);
        default:
            if (node.op >= NodeOp::exact_multiply || is_exact(a.kind) || (kids_of(node.op) == 2 && is_exact(b.kind)))
                return apply_exact(program, node, a, b, made);
            return kids_of(node.op) == 2 ? arithmetic(node, a, b) : one_argument(node, a);
    }
}

}  // namespace gongshu::expr
