// Money, prices and dates, compiled: which may meet which, in what currency and unit. What they come to is in
// exact.cpp.
#include <algorithm>

#include "expr/compiler.h"

namespace gongshu::expr {
namespace {

constexpr std::string_view kPlaces[] = {"", "", "#second", "#third", "#fourth"};

ErrorParam function_param(const Function& function) { return {"name", std::string(function.info.name)}; }

std::string kind_and_unit(const Typed& typed) {
    if (is_money(typed.kind)) return typed.unit;
    if (is_numeric(typed.kind)) return phrase_of_unit(typed);
    return std::string(phrase_of(typed.kind));
}

int digits_of(const MoneyUnit& unit) {
    return unit.per.empty() ? minor_digits(unit.currency).value_or(2) : kPriceDigits;
}

Ratio inverse(Ratio ratio) { return {ratio.bottom, ratio.top}; }

// A plain number or a share of a whole; anything else is a quantity.
std::optional<Ratio> plain_ratio(const Typed& typed) {
    if (typed.unit.empty() || typed.kind == Kind::any) return Ratio{};
    if (typed.unit == "%" || typed.unit == "ppm") return exact_ratio(typed.unit, "");
    return std::nullopt;
}

}  // namespace

std::uint16_t Compiler::add_scaling(const Scaling& by) {
    program_->scalings_.push_back(by);
    return static_cast<std::uint16_t>(program_->scalings_.size() - 1);
}

Checked<Typed> Compiler::money_number(const Ast& at, const MoneyUnit& unit) {
    const int digits = digits_of(unit);
    const auto decimal = parse_decimal(at.token.digits);
    const auto whole = decimal ? whole_of(*decimal, digits) : Result<std::int64_t>(decimal.error());
    if (!whole) return wrong("money_digits", at, {{"unit", unit.text()}, {"digits", fmt::to_string(digits)}});
    const bool price = !unit.per.empty();
    return Typed{.node = add({.op = price ? NodeOp::price : NodeOp::money, .integer = *whole}),
                 .kind = price ? Kind::price : Kind::money,
                 .unit = unit.text(),
                 .constant = true};
}

void Compiler::money_tag(Typed& typed) {
    const auto unit = money_unit(typed.unit);
    if (!unit) return;
    typed.kind = unit->per.empty() ? Kind::money : Kind::price;
    typed.unit = unit->text();
    typed.node = add({.op = NodeOp::to_money,
                      .a = typed.node,
                      .index = add_scaling({.result = typed.kind, .shift = digits_of(*unit), .whole = true})});
}

std::optional<ExprError> Compiler::unlike_money(const Ast& left_at, const Ast& right_at, const Typed& left,
                                                const Typed& right) const {
    if (!is_money(left.kind) || left.kind != right.kind || left.unit == right.unit) return std::nullopt;
    return wrong("unlike_money", right_at,
                 {{"left", written(left_at)},
                  {"left_unit", left.unit},
                  {"right", written(right_at)},
                  {"right_unit", right.unit}});
}

ExprError Compiler::refused_sum(const Ast& at, const Typed& left, const Typed& right) const {
    return wrong("exact_sum", at,
                 {{"verb", at.op == Op::add ? "#add" : "#subtract"},
                  {"left", written(*at.kids[0])},
                  {"left_kind", std::string(phrase_of(left.kind))},
                  {"right", written(*at.kids[1])},
                  {"right_kind", std::string(phrase_of(right.kind))}});
}

// What meets a tag of which nothing is known yet has no value until it is, and the program is compiled anew: so what is
// of kind `any` never holds money, whose currency nobody could check.
Typed Compiler::not_yet(const Typed& left, const Typed& right, Kind kind) {
    return {.node = add({.op = NodeOp::unknown}),
            .kind = kind,
            .unit = kind == left.kind    ? left.unit
                    : kind == right.kind ? right.unit
                                         : "",
            .tags = left.tags | right.tags,
            .back = std::max(left.back, right.back)};
}

Checked<Typed> Compiler::exact_sum(const Ast& at, Typed left, Typed right) {
    if (left.kind == Kind::date) return date_sum(at, left, right, false);
    if (right.kind == Kind::date && at.op == Op::add) return date_sum(at, right, left, true);
    if (left.kind == Kind::any || right.kind == Kind::any) {
        const bool date = left.kind == Kind::date || right.kind == Kind::date;
        return date ? not_yet(left, right, Kind::any)
                    : not_yet(left, right, left.kind == Kind::any ? right.kind : left.kind);
    }
    if (left.kind != right.kind) return refused_sum(at, left, right);
    if (auto error = unlike_money(*at.kids[0], *at.kids[1], left, right)) return *error;
    Typed result = left;
    result.constant = left.constant && right.constant;
    result.tags = left.tags | right.tags;
    result.back = std::max(left.back, right.back);
    result.node = add({.op = at.op == Op::add ? NodeOp::add : NodeOp::subtract, .a = left.node, .b = right.node});
    return result;
}

// date - date is days; date + duration and date - duration are dates.
Checked<Typed> Compiler::date_sum(const Ast& at, const Typed& left, const Typed& right, bool swapped) {
    const bool plus = at.op == Op::add;
    Typed made{.kind = Kind::date, .tags = left.tags | right.tags, .back = std::max(left.back, right.back)};
    if (right.kind == Kind::date) {
        if (plus) return refused_sum(at, left, right);
        made.kind = Kind::number;
        made.unit = "d";
        made.node = add({.op = NodeOp::date_difference, .a = left.node, .b = right.node});
        return made;
    }
    if (right.kind == Kind::any) return not_yet(left, right, Kind::any);
    const auto days = !is_numeric(right.kind) || right.bare ? Result<Conversion>(Error{Code::invalid, "no unit"})
                                                            : difference_conversion(right.unit, "d");
    if (!days) return swapped ? refused_sum(at, right, left) : refused_sum(at, left, right);
    made.node = add(
        {.op = NodeOp::date_add, .a = left.node, .b = right.node, .number = days->factor, .offset = plus ? 1.0 : -1.0});
    return made;
}

ExprError Compiler::refused_product(std::string_view code, const Ast& at, const Typed& left, const Typed& right) const {
    return wrong(code, at,
                 {{"verb", at.op == Op::multiply ? "#multiply" : "#divide"},
                  {"left", written(*at.kids[0])},
                  {"left_unit", kind_and_unit(left)},
                  {"right", written(*at.kids[1])},
                  {"right_unit", kind_and_unit(right)}});
}

Typed Compiler::scaled(NodeOp op, const Typed& left, const Typed& right, Scaling by, std::string unit) {
    by.rounding = rounding_;
    const std::uint16_t index = add_scaling(by);
    return {.node = add({.op = op, .a = left.node, .b = right.node, .index = index}),
            .kind = by.result,
            .unit = std::move(unit),
            .constant = left.constant && right.constant,
            .tags = left.tags | right.tags,
            .back = std::max(left.back, right.back)};
}

// money * number, price * number, price * quantity = money.
Checked<Typed> Compiler::money_product(const Ast& at, Typed left, Typed right) {
    const bool swapped = is_money(right.kind);
    if (swapped) {
        if (is_money(left.kind)) return refused_product("money_product", at, left, right);
        std::swap(left, right);
    }
    const auto refused = [&](std::string_view code) {
        return refused_product(code, at, swapped ? right : left, swapped ? left : right);
    };
    if (!is_numeric(right.kind) && right.kind != Kind::any) return refused("money_product");
    // A price and it may be money or a price.
    if (right.kind == Kind::any && left.kind == Kind::price) return not_yet(left, right, Kind::any);
    if (const auto ratio = plain_ratio(right))
        return scaled(NodeOp::exact_multiply, left, right, {.result = left.kind, .ratio = *ratio}, left.unit);
    const MoneyUnit unit = money_unit(left.unit).value_or(MoneyUnit{});
    if (unit.per.empty()) return refused("money_quantity");
    if (!convertible(right.unit, unit.per)) return refused("price_quantity");
    const auto ratio = exact_ratio(right.unit, unit.per);
    if (!ratio) return refused("price_inexact");
    return scaled(
        NodeOp::exact_multiply, left, right,
        {.result = Kind::money, .shift = minor_digits(unit.currency).value_or(2) - kPriceDigits, .ratio = *ratio},
        unit.currency);
}

// money / number, money / quantity = price, and of two alike a number; money / price is a quantity.
Checked<Typed> Compiler::money_quotient(const Ast& at, Typed left, Typed right) {
    if (left.kind == Kind::any || right.kind == Kind::any) return not_yet(left, right, Kind::any);
    if (!is_money(left.kind) || (!is_numeric(right.kind) && !is_money(right.kind)))
        return refused_product("money_product", at, left, right);
    const MoneyUnit unit = money_unit(left.unit).value_or(MoneyUnit{});
    const int digits = minor_digits(unit.currency).value_or(2);
    if (is_money(right.kind)) {
        const MoneyUnit other = money_unit(right.unit).value_or(MoneyUnit{});
        const bool by_price = left.kind == Kind::money && right.kind == Kind::price;
        if (unit.currency != other.currency || (!by_price && left.unit != right.unit))
            return refused_product("unlike_money_quotient", at, left, right);
        double factor = 1;
        for (int i = digits; by_price && i < kPriceDigits; ++i) factor *= 10;
        Typed ratio = scaled(NodeOp::exact_ratio, left, right, {.result = Kind::number}, by_price ? other.per : "");
        program_->nodes_[ratio.node].number = factor;
        return ratio;
    }
    if (const auto ratio = plain_ratio(right))
        return scaled(NodeOp::exact_divide, left, right, {.result = left.kind, .ratio = inverse(*ratio)}, left.unit);
    if (left.kind == Kind::price) return refused_product("money_product", at, left, right);
    const auto price = money_unit(left.unit + "/" + right.unit);
    if (!price) return refused_product("money_product", at, left, right);
    return scaled(NodeOp::exact_divide, left, right, {.result = Kind::price, .shift = kPriceDigits - digits},
                  price->text());
}

// half_up(x): what is multiplied and divided in it is rounded so.
Checked<Typed> Compiler::rounding(const Ast& at, const Function& function) {
    if (at.kids.size() != 1) return wrong_count(at, function);
    const Rounding outside =
        std::exchange(rounding_, function.info.name == "half_up" ? Rounding::half_up : Rounding::half_even);
    auto typed = value(*at.kids[0]);
    rounding_ = outside;
    if (typed && !is_money(typed->kind) && typed->kind != Kind::any)
        return wrong_kind(*at.kids[0], typed->kind, Kind::money, fmt::format("{}()", function.info.name));
    return typed;
}

// money(x, 'CNY'), money(x, 'CNY/kWh')
Checked<Typed> Compiler::to_money(const Ast& at, const Function& function) {
    if (at.kids.size() != 2) return wrong_count(at, function);
    Typed typed = EXPR_TRY(operand(*at.kids[0], "money()"));
    const Ast& unit_at = *at.kids[1];
    if (unit_at.op != Op::text) return wrong_kind(unit_at, Kind::any, Kind::text, "money()");
    const auto unit = money_unit(unit_at.token.text);
    if (!unit) return wrong("currency_unknown", unit_at, {{"text", unit_at.token.text}}, {"'CNY'", "'CNY/kWh'"});
    const auto ratio = plain_ratio(typed);
    if (!ratio) return wrong("plain_number", *at.kids[0], {function_param(function), {"unit", phrase_of_unit(typed)}});
    const Kind kind = unit->per.empty() ? Kind::money : Kind::price;
    typed.node = add(
        {.op = NodeOp::to_money,
         .a = typed.node,
         .index = add_scaling({.result = kind, .shift = digits_of(*unit), .ratio = *ratio, .rounding = rounding_})});
    typed.kind = kind;
    typed.unit = unit->text();
    typed.bare = typed.difference = typed.duration = false;
    return typed;
}

Checked<Typed> Compiler::share(const Ast& at, const Function& function) {
    if (at.kids.size() != 1) return wrong_count(at, function);
    Typed typed = EXPR_TRY(operand(*at.kids[0], "share()"));
    const auto ratio = plain_ratio(typed);
    if (!ratio) return wrong("plain_number", *at.kids[0], {function_param(function), {"unit", phrase_of_unit(typed)}});
    typed.node = add({.op = NodeOp::share, .a = typed.node, .index = add_scaling({.ratio = *ratio})});
    typed.kind = Kind::integer;
    typed.unit = "ppm";
    typed.bare = typed.difference = typed.duration = false;
    return typed;
}

// split(total, n, weights…): the n-th part, from 1.
Checked<Typed> Compiler::split(const Ast& at, const Function& function) {
    if (at.kids.size() < 3) return wrong_count(at, function);
    Typed total = EXPR_TRY(value(*at.kids[0]));
    if (total.kind != Kind::money && total.kind != Kind::any)
        return wrong_kind(*at.kids[0], total.kind, Kind::money, "split()");
    const Token& which = at.kids[1]->token;
    const auto parts = static_cast<std::int64_t>(at.kids.size() - 2);
    const std::int64_t part = at.kids[1]->op == Op::number && !which.has_unit ? which.integer.value_or(0) : 0;
    if (part < 1 || part > parts)
        return wrong("constant_needed", *at.kids[1],
                     {function_param(function), {"place", std::string(kPlaces[2])}, {"wanted", "#which_part"}}, {"1"});
    Typed first;
    std::uint16_t list = 0;
    for (std::size_t i = 2; i < at.kids.size(); ++i) {
        const Typed weight = EXPR_TRY(operand(*at.kids[i], "split()"));
        if (i == 2) first = weight;
        if (first.bare) first.unit = weight.unit;
        if (!weight.bare && weight.unit != first.unit)
            return wrong("like_units", *at.kids[i],
                         {function_param(function),
                          {"first_unit", phrase_of_unit(first)},
                          {"unit", phrase_of_unit(weight)},
                          {"wanted", phrase_of_unit(first)}});
        list = i == 2 ? add({.op = NodeOp::part_list, .a = weight.node, .b = weight.node})
                      : add({.op = NodeOp::part_list, .a = list, .b = weight.node, .integer = 1});
        total.constant = total.constant && weight.constant;
        total.tags |= weight.tags;
        total.back = std::max(total.back, weight.back);
    }
    total.node = add({.op = NodeOp::split_part, .a = total.node, .b = list, .integer = part});
    return total;
}

// date('2026-11-21'), date(text), date(time[, 'zone']), date(['zone'])
Checked<Typed> Compiler::date_call(const Ast& at, const Function& function) {
    if (at.kids.size() == 1) {
        const Ast& kid = *at.kids[0];
        const bool literal = kid.op == Op::text;
        const auto day = literal ? read_date(kid.token.text) : std::nullopt;
        if (day) return Typed{.node = add({.op = NodeOp::date, .integer = *day}), .kind = Kind::date};
        // A zone has no digit in front.
        const bool dated = literal && !kid.token.text.empty() && kid.token.text[0] >= '0' && kid.token.text[0] <= '9';
        if (dated) return wrong("date_text", kid, {{"text", kid.token.text}});
        if (kid.op == Op::name || (kid.op == Op::call && !literal)) {
            const std::size_t before = program_->nodes_.size();
            Typed typed = EXPR_TRY(value(kid));
            if (typed.kind == Kind::text) {
                typed.node = add({.op = NodeOp::date_of_text, .a = typed.node});
                typed.kind = Kind::date;
                return typed;
            }
            program_->nodes_.resize(before);
            program_->written_.resize(before);
        }
    }
    Typed typed = EXPR_TRY(calendar(at, function));
    typed.kind = Kind::date;
    return typed;
}

}  // namespace gongshu::expr
