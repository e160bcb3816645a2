// Money, prices and dates: whole numbers, from the first digit to the last.
#include <algorithm>
#include <cmath>

#include "expr/cell.h"

namespace gongshu::expr {
namespace {

Cell type_error() { return unknown_cell(bad(Reason::type), false); }
Cell out_of_range() { return unknown_cell(bad(Reason::range), false); }

std::optional<Decimal> decimal_of_cell(const Cell& cell) {
    if (cell.kind == Kind::integer) return Decimal{cell.integer, 0};
    return cell.kind == Kind::number ? decimal_of(cell.number) : std::nullopt;
}

std::optional<std::int64_t> whole(const Cell& cell) {
    if (cell.kind == Kind::integer) return cell.integer;
    if (cell.kind != Kind::number || cell.number != std::trunc(cell.number) || !(std::abs(cell.number) < 0x1p62))
        return std::nullopt;
    return static_cast<std::int64_t>(cell.number);
}

Cell date_cell(std::optional<std::int64_t> day, Quality quality) {
    return day && is_date(*day) ? exact_cell(Kind::date, *day, quality) : out_of_range();
}

Cell sum_of(NodeOp op, const Cell& a, const Cell& b) {
    if (a.kind != b.kind) return type_error();
    const Quality quality = worse(a.quality, b.quality);
    if (op == NodeOp::min || op == NodeOp::max)
        return exact_cell(a.kind, op == NodeOp::min ? std::min(a.integer, b.integer) : std::max(a.integer, b.integer),
                          quality);
    std::int64_t result = 0;
    const bool lost = op == NodeOp::add ? __builtin_add_overflow(a.integer, b.integer, &result)
                                        : __builtin_sub_overflow(a.integer, b.integer, &result);
    return lost || !is_money(a.kind) ? out_of_range() : exact_cell(a.kind, result, quality);
}

Cell scaled(const Scaling& by, const Node& node, const Cell& a, const Cell& b) {
    const auto decimal = decimal_of_cell(node.op == NodeOp::to_money ? a : b);
    if (!decimal || (node.op != NodeOp::to_money && !is_money(a.kind))) return type_error();
    const Quality quality = node.op == NodeOp::to_money ? a.quality : worse(a.quality, b.quality);
    if (node.op == NodeOp::to_money && by.whole) {
        // A double keeps fifteen digits; which fen the sixteenth meant nobody knows.
        if (a.kind == Kind::number && std::abs(decimal->digits) >= 1'000'000'000'000'000) return out_of_range();
        const auto exact = whole_of(*decimal, by.shift);
        return exact ? exact_cell(by.result, *exact, quality) : out_of_range();
    }
    const std::int64_t of = node.op == NodeOp::to_money ? 1 : a.integer;
    const auto result = node.op == NodeOp::exact_divide
                            ? divide_exactly(of, *decimal, by.shift, by.ratio, by.rounding)
                            : multiply_exactly(of, *decimal, by.shift, by.ratio, by.rounding);
    return result ? exact_cell(by.result, *result, quality) : out_of_range();
}

Cell ratio_of(const Node& node, const Cell& a, const Cell& b) {
    if (!is_money(a.kind) || !is_money(b.kind)) return type_error();
    if (b.integer == 0) return unknown_cell(bad(Reason::computed), false);
    return number_cell(static_cast<double>(a.integer) / static_cast<double>(b.integer) * node.number,
                       worse(a.quality, b.quality));
}

Cell share_of(const Scaling& by, const Cell& a) {
    auto decimal = decimal_of_cell(a);
    if (!decimal) return type_error();
    // Percent and ppm are powers of ten.
    for (std::int64_t i = by.ratio.bottom; i > 1; i /= 10) --decimal->exponent;
    const auto ppm = whole_of(*decimal, 6);
    return ppm && *ppm >= 0 && *ppm <= kShareWhole ? integer_cell(*ppm, a.quality) : out_of_range();
}

std::string written(Decimal decimal) { return std::to_string(decimal.digits) + "e" + std::to_string(decimal.exponent); }

// "3e0 25e-1 …": a list is a text on its way from one operation to the next.
Cell list_of(const Cell& a, const Cell* b, std::string& made) {
    const auto last = decimal_of_cell(b ? *b : a);
    if (!last || (b && a.kind != Kind::text)) return type_error();
    std::string text = b ? std::string(a.text) + " " + written(*last) : written(*last);
    if (text.size() > kTextBytesMax) return out_of_range();
    made = std::move(text);
    return {.kind = Kind::text, .known = true, .quality = b ? worse(a.quality, b->quality) : a.quality, .text = made};
}

Cell part_of(const Node& node, const Cell& total, const Cell& list) {
    if (total.kind != Kind::money || list.kind != Kind::text) return type_error();
    std::vector<Decimal> decimals;
    for (std::string_view text = list.text; !text.empty();) {
        const auto end = std::min(text.find(' '), text.size());
        const auto one = parse_decimal(text.substr(0, end));
        if (!one) return out_of_range();
        decimals.push_back(*one);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    int places = 0;
    for (const Decimal& one : decimals) places = std::max(places, -one.exponent);
    std::vector<std::int64_t> weights;
    for (const Decimal& one : decimals) {
        const auto weight = whole_of(one, places);
        if (!weight) return out_of_range();
        weights.push_back(*weight);
    }
    const auto parts = split_exactly(total.integer, weights);
    const auto at = static_cast<std::size_t>(node.integer - 1);
    if (!parts || at >= parts->size()) return out_of_range();
    return exact_cell(Kind::money, (*parts)[at], worse(total.quality, list.quality));
}

Cell added(const Node& node, const Cell& a, const Cell& b) {
    const auto count = decimal_of_cell(b);
    if (a.kind != Kind::date || !count) return type_error();
    const double days = b.number * node.number * node.offset, nearest = std::round(days);
    // Seconds of a day are converted; what is further from a whole day than that rounds is none.
    if (!(std::abs(days) < 1e7) || std::abs(days - nearest) > 1e-9) return out_of_range();
    return date_cell(a.integer + static_cast<std::int64_t>(nearest), worse(a.quality, b.quality));
}

Cell worked(const ProgramImpl& program, const Node& node, const Cell& a, const Cell& b) {
    const WorkingDays* days = program.working_days_.get();
    if (!days || a.kind != Kind::date) return type_error();
    const auto graded = [](bool sure, Quality quality) {
        return sure ? quality : worse(quality, uncertain(Reason::computed));
    };
    if (node.op == NodeOp::working_day) {
        const auto day = days->at(a.integer);
        return truth_cell(day.working, graded(day.sure, a.quality));
    }
    const Quality quality = worse(a.quality, b.quality);
    if (node.op == NodeOp::working_days_between) {
        if (b.kind != Kind::date) return type_error();
        const auto count = days->between(a.integer, b.integer);
        return count ? integer_cell(count->count, graded(count->sure, quality)) : out_of_range();
    }
    const auto count = whole(b);
    const auto day = count ? days->add(a.integer, *count) : std::nullopt;
    return day ? date_cell(day->count, graded(day->sure, quality)) : out_of_range();
}

Cell on_dates(const Node& node, const Cell& a, const Cell& b) {
    if (node.op == NodeOp::date_of_text) {
        if (a.kind != Kind::text) return type_error();
        const auto day = read_date(a.text);
        return day ? date_cell(day, a.quality) : out_of_range();
    }
    if (a.kind != Kind::date) return type_error();
    if (node.op == NodeOp::start_of_month) return date_cell(start_of_month(a.integer), a.quality);
    if (node.op == NodeOp::end_of_month) return date_cell(end_of_month(a.integer), a.quality);
    if (node.op == NodeOp::add_months) {
        const auto months = whole(b);
        return date_cell(months ? add_months(a.integer, *months) : std::nullopt, worse(a.quality, b.quality));
    }
    if (b.kind != Kind::date) return type_error();
    return number_cell(static_cast<double>(a.integer - b.integer), worse(a.quality, b.quality));
}

Cell one_exact(const Node& node, const Cell& a) {
    if (!is_money(a.kind)) return type_error();
    const bool keep = node.op == NodeOp::abs && a.integer >= 0;
    if (!keep && a.integer == INT64_MIN) return out_of_range();
    return exact_cell(a.kind, keep ? a.integer : -a.integer, a.quality);
}

}  // namespace

Cell apply_exact(const ProgramImpl& program, const Node& node, const Cell& a, const Cell& b, std::string& made) {
    const bool two = kids_of(node.op) == 2;
    if (!a.known || (two && !b.known)) return two ? unknown_of(a, b) : unknown_cell(a.quality, a.missing);
    switch (node.op) {
        case NodeOp::add:
        case NodeOp::subtract:
        case NodeOp::min:
        case NodeOp::max:
            return sum_of(node.op, a, b);
        case NodeOp::negate:
        case NodeOp::abs:
            return one_exact(node, a);
        case NodeOp::exact_multiply:
        case NodeOp::exact_divide:
        case NodeOp::to_money:
            return scaled(program.scalings_[node.index], node, a, b);
        case NodeOp::exact_ratio:
            return ratio_of(node, a, b);
        case NodeOp::share:
            return share_of(program.scalings_[node.index], a);
        case NodeOp::part_list:
            return list_of(a, node.integer == 0 ? nullptr : &b, made);
        case NodeOp::split_part:
            return part_of(node, a, b);
        case NodeOp::date_add:
            return added(node, a, b);
        case NodeOp::working_day:
        case NodeOp::add_working_days:
        case NodeOp::working_days_between:
            return worked(program, node, a, b);
        case NodeOp::date_of_text:
        case NodeOp::start_of_month:
        case NodeOp::end_of_month:
        case NodeOp::add_months:
        case NodeOp::date_difference:
            return on_dates(node, a, b);
        case NodeOp::money_text: {
            if (!is_money(a.kind)) return type_error();
            const std::string& unit = program.texts_[node.index];
            made = a.kind == Kind::money ? to_string(Money{a.integer, unit}) : price_text(a.integer, unit);
            return {.kind = Kind::text, .known = true, .quality = a.quality, .text = made};
        }
        default:
            return type_error();
    }
}

}  // namespace gongshu::expr
