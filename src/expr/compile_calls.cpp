// Functions of the table in functions.cpp, compiled by what the table says of them.
#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "expr/compiler.h"
#include "expr/step_window.h"
#include "expr/units.h"

namespace gongshu::expr {
namespace {

constexpr std::size_t kArgumentsMax = 16;
constexpr std::string_view kPlaces[] = {"", "", "#second", "#third", "#fourth"};

ErrorParam function_param(const Function& function) { return {"name", std::string(function.info.name)}; }

// The letters of Function::arguments one by one.
struct Letter {
    char letter = 0;
    bool optional = false;
};

std::vector<Letter> letters_of(std::string_view arguments, std::size_t count) {
    std::vector<Letter> list;
    bool optional = false;
    for (const char c : arguments) {
        if (c == '?') {
            optional = true;
        } else if (c == '+') {
            while (list.size() < count) list.push_back(list.back());
            while (list.size() < 2) list.push_back(list.back());
        } else {
            list.push_back({c, optional});
        }
    }
    return list;
}

}  // namespace

Checked<Typed> Compiler::call(const Ast& at) {
    const Function* function = find_function(at.op == Op::choose ? "if" : at.token.text);
    ASSERT(function);  // the parser knows the same table
    if (std::find(program_->uses_.begin(), program_->uses_.end(), function->info.name) == program_->uses_.end())
        program_->uses_.emplace_back(function->info.name);
    if (at.kids.size() > kArgumentsMax)
        return wrong("too_many_arguments", at,
                     {function_param(*function),
                      {"most", fmt::to_string(kArgumentsMax)},
                      {"signature", std::string(function->info.signature)}});
    const int outside = std::exchange(polarity_, 0);
    auto typed = call_function(at, *function);
    polarity_ = outside;
    return typed;
}

Checked<Typed> Compiler::call_function(const Ast& at, const Function& function) {
    switch (function.op) {
        case NodeOp::choose:
            return at.kids.size() == 3 ? choose(at) : Checked<Typed>(wrong_count(at, function));
        case NodeOp::coalesce:
            return coalesce(at, function);
        case NodeOp::known:
            return known(at, function);
        case NodeOp::power:
            if (at.kids.size() != 2) return wrong_count(at, function);
            return raise(at, *at.kids[0], *at.kids[1], "pow()");
        case NodeOp::window:
        case NodeOp::step_window:
            return window(at, function);
        case NodeOp::lag:
            return lag_call(at, function);
        case NodeOp::changed:
            return changed(at, function);
        case NodeOp::since:
        case NodeOp::since_compare:
            return since(at, function);
        case NodeOp::reading_time:
            return time_call(at, function);
        case NodeOp::now:
            if (!at.kids.empty()) return wrong_count(at, function);
            return Typed{.node = add({.op = NodeOp::now}), .kind = Kind::time};
        case NodeOp::calendar:
            return function.field == CalendarField::date ? date_call(at, function) : calendar(at, function);
        case NodeOp::exact_multiply:
            return rounding(at, function);
        case NodeOp::to_money:
            return to_money(at, function);
        case NodeOp::share:
            return share(at, function);
        case NodeOp::split_part:
            return split(at, function);
        case NodeOp::working_day:
        case NodeOp::add_working_days:
        case NodeOp::working_days_between:
            if (!program_->working_days_) program_->working_days_ = scope_.working_days();
            if (!program_->working_days_) return wrong("no_calendar", at, {function_param(function)});
            return plain(at, function);
        default: {
            const bool windowed = function.aggregate && at.kids.size() >= 2 && at.kids[1]->op == Op::duration;
            return windowed ? window(at, function) : plain(at, function);
        }
    }
}

ExprError Compiler::wrong_count(const Ast& at, const Function& function) const {
    return wrong("argument_count", at,
                 {function_param(function),
                  {"count", fmt::to_string(at.kids.size())},
                  {"arguments", at.kids.size() == 1 ? "#argument" : "#arguments"},
                  {"signature", std::string(function.info.signature)}},
                 {std::string(function.info.example)});
}

// Beside what is not known yet money is unknown too, so that it cannot hide its currency in it.
void Compiler::hide_money(Typed& a, Typed& b) {
    for (auto [money, other] : {std::pair{&a, &b}, std::pair{&b, &a}})
        if (is_money(money->kind) && other->kind == Kind::any) {
            money->node = add({.op = NodeOp::unknown});
            money->kind = Kind::any;
            money->unit.clear();
        }
}

Checked<Typed> Compiler::choose(const Ast& at) {
    const Typed condition = EXPR_TRY(expect(*at.kids[0], Kind::truth, "#if_argument"));
    Typed yes = EXPR_TRY(visit(*at.kids[1]));
    Typed no = EXPR_TRY(visit(*at.kids[2]));
    const bool numbers = is_numeric(yes.kind) && is_numeric(no.kind);
    if (yes.kind != no.kind && !numbers && yes.kind != Kind::any && no.kind != Kind::any)
        return wrong("unlike_results", *at.kids[2],
                     {{"first", written(*at.kids[1])},
                      {"first_kind", std::string(phrase_of(yes.kind))},
                      {"kind", std::string(phrase_of(no.kind))}});
    if (auto error = unlike_money(*at.kids[1], *at.kids[2], yes, no)) return *error;
    hide_money(yes, no);
    if (numbers) {
        make_integer(yes, no);
        make_integer(no, yes);
        if (yes.bare || no.bare) {
            (yes.bare ? yes.unit : no.unit) = yes.bare ? no.unit : yes.unit;
        } else if (auto by = conversion(no.unit, yes.unit); !by) {
            return wrong("unlike_result_units", *at.kids[2],
                         {{"first", written(*at.kids[1])},
                          {"first_unit", phrase_of_unit(yes)},
                          {"unit", phrase_of_unit(no)},
                          {"wanted", "#converts " + yes.unit}});
        } else if (no.unit != yes.unit) {
            convert(no, by->factor, by->offset);
        }
        if (yes.kind != no.kind) convert(yes.kind == Kind::integer ? yes : no, 1, 0);
        yes.kind = no.kind;
    }
    if (no.kind == Kind::any) yes.kind = Kind::any;
    yes.constant = yes.bare = yes.duration = false;
    yes.tags |= no.tags | condition.tags;
    yes.back = std::max({yes.back, no.back, condition.back});
    yes.node = add({.op = NodeOp::choose, .a = condition.node, .b = yes.node, .c = no.node});
    return yes;
}

// One argument by its letter; see functions.h.
Checked<Typed> Compiler::argument(const Ast& at, const Ast& first_at, char letter, const Function& function,
                                  Typed& first, bool is_first) {
    const std::string where = fmt::format("{}()", function.info.name);
    if (letter == 's') return expect(at, Kind::text, where);
    if (letter == 't') return expect(at, Kind::truth, where);
    if (letter == 'd') return expect(at, Kind::date, where);
    if (letter == 'v') {
        Typed typed = EXPR_TRY(value(at));
        if (!is_money(typed.kind)) return typed;
        program_->texts_.push_back(typed.unit);
        typed.node = add({.op = NodeOp::money_text,
                          .a = typed.node,
                          .index = static_cast<std::uint16_t>(program_->texts_.size() - 1)});
        typed.kind = Kind::text;
        return typed;
    }
    const bool ordered = function.op == NodeOp::min || function.op == NodeOp::max;
    if (ordered || function.op == NodeOp::abs) {
        Typed typed = EXPR_TRY(value(at));
        const bool dated = ordered && typed.kind == Kind::date;
        if (!is_first && (is_exact(first.kind) || is_exact(typed.kind))) {
            const bool any = first.kind == Kind::any || typed.kind == Kind::any;
            if (first.kind != typed.kind && !any) return wrong_kind(at, typed.kind, first.kind, where);
            if (auto error = unlike_money(first_at, at, first, typed)) return *error;
        }
        if (is_money(typed.kind) || dated) return typed;
        if (!is_numeric(typed.kind) && typed.kind != Kind::any) return wrong_kind(at, typed.kind, Kind::number, where);
        return number_argument_of(at, letter, function, first, is_first, std::move(typed));
    }
    Typed typed = EXPR_TRY(operand(at, where));
    return number_argument_of(at, letter, function, first, is_first, std::move(typed));
}

Checked<Typed> Compiler::number_argument_of(const Ast& at, char letter, const Function& function, Typed& first,
                                            bool is_first, Typed typed) {
    if (typed.kind == Kind::any || letter == 'n') return typed;
    if (letter == 'l') {
        if (is_first || first.kind == Kind::any) return typed;
        make_integer(first, typed);
        make_integer(typed, first);
        if (first.bare) {
            first.unit = typed.unit;
        } else if (!typed.bare && typed.unit != first.unit) {
            const bool difference = first.difference || typed.difference;
            const auto by =
                difference ? difference_conversion(typed.unit, first.unit) : conversion(typed.unit, first.unit);
            if (!by)
                return wrong("like_units", at,
                             {function_param(function),
                              {"first_unit", phrase_of_unit(first)},
                              {"unit", phrase_of_unit(typed)},
                              {"wanted", first.unit.empty() ? "#no_unit" : "#converts " + first.unit}});
            convert(typed, by->factor, by->offset);
        }
        return typed;
    }
    if (typed.unit.empty()) return typed;
    const auto by = conversion(typed.unit, letter == 'a' ? "radian" : "");
    if (!by)
        return wrong(letter == 'a' ? "angle_needed" : "plain_number", at,
                     {function_param(function), {"unit", phrase_of_unit(typed)}});
    if (by->factor != 1 || by->offset != 0) convert(typed, by->factor, by->offset);
    typed.unit.clear();
    return typed;
}

Checked<Typed> Compiler::plain(const Ast& at, const Function& function) {
    const auto letters = letters_of(function.arguments, at.kids.size());
    const auto needed =
        static_cast<std::size_t>(std::ranges::count_if(letters, [](const Letter& letter) { return !letter.optional; }));
    if (at.kids.size() < needed || at.kids.size() > letters.size()) return wrong_count(at, function);
    std::vector<Typed> arguments;
    Typed first;
    for (std::size_t i = 0; i < at.kids.size(); ++i) {
        Typed typed = EXPR_TRY(argument(*at.kids[i], *at.kids[0], letters[i].letter, function, first, i == 0));
        if (i == 0) first = typed;
        first.constant = first.constant && typed.constant;
        first.bare = first.bare && typed.bare;
        first.tags |= typed.tags;
        first.back = std::max(first.back, typed.back);
        if (letters[i].letter != 's' && letters[i].letter != 'v') {
            const bool any = first.kind == Kind::any || typed.kind == Kind::any;
            first.kind = any ? Kind::any : first.kind == typed.kind ? first.kind : Kind::number;
        }
        arguments.push_back(std::move(typed));
    }
    return result(at, function, std::move(first), arguments);
}

Checked<Typed> Compiler::result(const Ast& at, const Function& function, Typed first,
                                const std::vector<Typed>& arguments) {
    const bool two = function.op == NodeOp::round && arguments.size() == 2;
    const NodeOp op = two ? NodeOp::round_to : function.op;
    std::uint16_t node = arguments[0].node;
    if (kids_of(op) == 3)
        node = add({.op = op, .a = node, .b = arguments[1].node, .c = arguments[2].node});
    else if (arguments.size() == 1)
        node = add({.op = op, .a = node});
    else
        for (std::size_t i = 1; i < arguments.size(); ++i) node = add({.op = op, .a = node, .b = arguments[i].node});
    first.node = node;
    const bool exact = op == NodeOp::abs || op == NodeOp::min || op == NodeOp::max || op == NodeOp::clamp ||
                       op == NodeOp::remainder || op == NodeOp::sign || op == NodeOp::floor || op == NodeOp::ceil ||
                       op == NodeOp::round || op == NodeOp::trunc;
    switch (function.result) {
        case 'k':
            break;
        case 'q':
            first.unit = EXPR_TRY(root_unit(at, first));
            break;
        case 'r':
            first.unit = "radian";
            first.bare = false;
            break;
        default:
            first.unit.clear();
            first.difference = false;
    }
    if (function.result == 't') first.kind = Kind::truth;
    if (function.result == 's') first.kind = Kind::text;
    if (function.result == 'i') first.kind = Kind::integer;
    if (function.result == 'd') first.kind = Kind::date;
    if (function.result == 'd' || function.result == 't' || function.result == 's' || function.result == 'i')
        first.constant = first.bare = false;
    if (first.kind == Kind::integer && !exact && function.result != 'i') first.kind = Kind::number;
    first.duration = false;
    return first;
}

// The first that is known; all are brought to one kind and unit.
Checked<Typed> Compiler::coalesce(const Ast& at, const Function& function) {
    if (at.kids.size() < 2) return wrong_count(at, function);
    Typed all = EXPR_TRY(value(*at.kids[0]));
    for (std::size_t i = 1; i < at.kids.size(); ++i) {
        Typed next = EXPR_TRY(value(*at.kids[i]));
        const Ast &first_at = *at.kids[0], &next_at = *at.kids[i];
        if (auto error = unlike_money(first_at, next_at, all, next)) return *error;
        hide_money(all, next);
        if (all.kind == Kind::any || next.kind == Kind::any) {
            all.kind = Kind::any;
        } else if (is_numeric(all.kind) && is_numeric(next.kind)) {
            const Typed before = all;
            if (unify(first_at, next_at, all, next, "#compare"))
                return wrong("like_units", next_at,
                             {function_param(function),
                              {"first_unit", phrase_of_unit(before)},
                              {"unit", phrase_of_unit(next)},
                              {"wanted", before.unit.empty() ? "#no_unit" : "#converts " + before.unit}});
            if (all.kind != next.kind) convert(all.kind == Kind::integer ? all : next, 1, 0);
        } else if (all.kind != next.kind) {
            return wrong_kind(next_at, next.kind, all.kind, "coalesce()");
        }
        all.constant = all.bare = all.duration = false;
        all.tags |= next.tags;
        all.back = std::max(all.back, next.back);
        const std::uint16_t of = all.node;
        all.node = add({.op = NodeOp::coalesce, .a = of, .b = next.node});
        const auto tag = static_cast<std::uint16_t>(all.tags ? std::countr_zero(all.tags) : 0);
        if (all.tags) program_->substitutes_.push_back({all.node, of, next.node, tag, written(at), all.unit});
    }
    return all;
}

Checked<Typed> Compiler::known(const Ast& at, const Function& function) {
    if (at.kids.size() != 1) return wrong_count(at, function);
    Typed typed = EXPR_TRY(value(*at.kids[0]));
    typed.node = add({.op = NodeOp::known, .a = typed.node});
    typed.kind = Kind::truth;
    typed.unit.clear();
    typed.constant = typed.bare = typed.difference = typed.duration = false;
    return typed;
}

Checked<std::string> Compiler::root_unit(const Ast& at, const Typed& typed) const {
    if (auto root = gongshu::expr::root_unit(typed.unit)) return *root;
    return wrong("square_needed", *at.kids[0], {{"unit", phrase_of_unit(typed)}});
}

// ---------------------------------------------------------------------------------------------------- windows

// The tag that since() and time() are of.
Checked<std::pair<std::uint16_t, ScopeTag>> Compiler::tag_argument(const Ast& at, const Function& function) {
    const Ast& kid = *at.kids[0];
    if (kid.op != Op::name)
        return wrong("tag_needed", kid, {function_param(function)}, {std::string(function.info.example)});
    const auto tag = scope_.find(kid.token.text);
    if (!tag) return unknown_name(kid, kid.token.text);
    return std::pair{EXPR_TRY(tag_index(kid, *tag)), *tag};
}

std::optional<ExprError> Compiler::count_window(const Ast& at) {
    if (++window_count_ > kWindowsMax) return wrong("too_many_windows", at, {{"most", fmt::to_string(kWindowsMax)}});
    return std::nullopt;
}

Checked<Compiler::Looked> Compiler::source(const Ast& at, const Function& function, Kind kind) {
    const Ast& kid = *at.kids[0];
    const std::string where = fmt::format("{}()", function.info.name);
    const std::size_t watched = program_->watched_.size();
    Typed typed = EXPR_TRY(value(kid));
    const bool number = kind == Kind::number && (is_numeric(typed.kind) || typed.kind == Kind::truth);
    if (kind != Kind::any && typed.kind != kind && typed.kind != Kind::any && !number)
        return wrong_kind(kid, typed.kind, kind, where);
    const Node& node = program_->nodes_[typed.node];
    Source source{.is_tag = node.op == NodeOp::tag, .tags = typed.tags};
    if (source.is_tag) {
        source.tag = node.index;
        program_->watched_.resize(watched);  // the window is shown, and the tag after it
    } else {
        source.node = typed.node;
    }
    // A constant never changes, so nothing would ever come.
    if (typed.tags == 0)
        return wrong("tag_needed", kid, {function_param(function)}, {std::string(function.info.example)});
    return Looked{source, std::move(typed)};
}

Checked<DurationNs> Compiler::duration_argument(const Ast& at, std::size_t index, const Function& function) {
    const Ast& length = *at.kids[index];
    const auto seconds =
        length.op == Op::duration || length.op == Op::number ? seconds_of(length.token) : std::optional<double>{};
    if (seconds && *seconds * 1e9 > static_cast<double>(kWindowMax)) return wrong("duration_range", length);
    if (seconds && *seconds > 0) return std::max<DurationNs>(1, std::llround(*seconds * 1e9));
    const bool metres = length.op == Op::number && length.token.has_unit;
    return wrong("duration_needed", length, {function_param(function), {"place", std::string(kPlaces[index + 1])}},
                 {metres ? fmt::format("{}{}", length.token.number, length.token.unit) : "5m"});
}

Checked<double> Compiler::number_argument(const Ast& at, std::size_t index, const Function& function, double low,
                                          double high) {
    const Typed typed = EXPR_TRY(operand(*at.kids[index], fmt::format("{}()", function.info.name)));
    const Node& node = program_->nodes_[typed.node];
    if (typed.constant && typed.unit.empty() && node.op == NodeOp::number && node.number >= low && node.number <= high)
        return node.number;
    return wrong("constant_needed", *at.kids[index],
                 {function_param(function),
                  {"place", std::string(kPlaces[index + 1])},
                  {"wanted", high == 100 ? "#percent" : "#wrap"}},
                 {high == 100 ? "95" : "65536"});
}

// window(what, how long[, parameter][, ended how long ago])
Checked<Typed> Compiler::window(const Ast& at, const Function& function) {
    const Aggregate aggregate = *function.aggregate;
    const bool optional = aggregate == Aggregate::increase, parameter_needed = aggregate == Aggregate::percentile;
    const bool parameter = parameter_needed || (optional && at.kids.size() > 2 && !seconds_of(at.kids[2]->token));
    const std::size_t least = parameter_needed ? 3 : 2, shift_at = parameter ? 3 : 2;
    if (at.kids.size() < least || at.kids.size() > shift_at + 1) return wrong_count(at, function);
    if (auto error = count_window(at)) return *error;
    const bool truths = aggregate == Aggregate::duration_true || aggregate == Aggregate::count_true;
    const Kind kind = truths ? Kind::truth : aggregate == Aggregate::count ? Kind::any : Kind::number;
    auto looked = source(at, function, kind);
    // What is wrong with how long is told before what is wrong with what.
    const DurationNs length = EXPR_TRY(duration_argument(at, 1, function));
    const auto [from, of] = EXPR_TRY(std::move(looked));
    WindowSpec spec{.aggregate = aggregate, .source = from, .length = length};
    if (parameter)
        spec.parameter = parameter_needed ? EXPR_TRY(number_argument(at, 2, function, 0, 100))
                                          : EXPR_TRY(number_argument(at, 2, function, 1e-9, 1e300));
    auto& windows = is_of_steps(aggregate) ? program_->step_windows_ : program_->windows_;
    auto found = std::find(windows.begin(), windows.end(), spec);
    if (found == windows.end()) found = windows.insert(found, spec);
    Typed typed = EXPR_TRY(window_result(at, function, of));
    typed.back = of.back + length;
    // What is shown may be a tick old.
    if (function.op == NodeOp::step_window && aggregate != Aggregate::count_true)
        typed.back += StepWindow{aggregate, length}.tick();
    typed.tags = of.tags;
    typed.node = add({.op = is_of_steps(aggregate) ? NodeOp::step_window : NodeOp::window,
                      .index = static_cast<std::uint16_t>(found - windows.begin())});
    const auto tag = static_cast<std::uint16_t>(std::countr_zero(of.tags));
    if (at.kids.size() > shift_at) {
        const DurationNs by = EXPR_TRY(duration_argument(at, shift_at, function));
        typed = lag_of(typed, {.is_tag = false, .node = typed.node, .tags = typed.tags}, by);
    }
    watch(typed.node, tag, written(at), typed.unit);
    return typed;
}

Checked<Typed> Compiler::window_result(const Ast& at, const Function& function, const Typed& of) const {
    Typed typed{.kind = Kind::number, .unit = of.unit, .difference = of.difference};
    switch (*function.aggregate) {
        case Aggregate::delta:
        case Aggregate::increase:
        case Aggregate::stddev:
            typed.difference = true;
            break;
        case Aggregate::rate: {
            typed.difference = true;
            auto unit = quotient_unit(of.unit, "s");
            if (!unit)
                return wrong("unit_not_formed", at, {{"what", "#rate"}, {"why", std::string(unit.error().text())}});
            typed.unit = std::move(*unit);
            break;
        }
        case Aggregate::count:
        case Aggregate::count_true:
            typed.unit.clear();
            return typed;
        case Aggregate::duration_true:
            typed.unit = "s";
            return typed;
        default:
            break;
    }
    if (of.kind == Kind::any) typed.kind = Kind::any;
    return typed;
}

Typed Compiler::lag_of(const Typed& typed, Source source, DurationNs by) {
    program_->lags_.push_back({source, by});
    Typed result = typed;
    result.constant = result.bare = result.duration = false;
    result.back += by;
    result.node = add({.op = NodeOp::lag, .index = static_cast<std::uint16_t>(program_->lags_.size() - 1)});
    return result;
}

Checked<Typed> Compiler::lag(const Ast& at, const Ast& value_at, DurationNs by) {
    static const Function* const function = find_function("lag");
    if (by <= 0) return wrong("at_duration", at);
    if (auto error = count_window(at)) return *error;
    Typed typed = EXPR_TRY(value(value_at));
    if (typed.tags == 0 && typed.kind != Kind::time)
        return wrong("tag_needed", value_at, {function_param(*function)}, {std::string(function->info.example)});
    const Node& node = program_->nodes_[typed.node];
    const Source source{.is_tag = node.op == NodeOp::tag,
                        .tag = node.op == NodeOp::tag ? node.index : std::uint16_t{0},
                        .node = node.op == NodeOp::tag ? std::uint16_t{0} : typed.node,
                        .tags = typed.tags};
    Typed past = lag_of(typed, source, by);
    if (is_numeric(past.kind) && past.tags != 0)
        watch(past.node, static_cast<std::uint16_t>(std::countr_zero(past.tags)), written(at), past.unit);
    return past;
}

Checked<Typed> Compiler::lag_call(const Ast& at, const Function& function) {
    if (at.kids.size() != 2) return wrong_count(at, function);
    const DurationNs by = EXPR_TRY(duration_argument(at, 1, function));
    return lag(at, *at.kids[0], by);
}

Checked<Typed> Compiler::changed(const Ast& at, const Function& function) {
    if (at.kids.empty() || at.kids.size() > 2) return wrong_count(at, function);
    if (auto error = count_window(at)) return *error;
    const auto [from, of] = EXPR_TRY(source(at, function, Kind::any));
    ChangedSpec spec{.source = from};
    if (at.kids.size() == 2) spec.within = EXPR_TRY(duration_argument(at, 1, function));
    program_->changes_.push_back(spec);
    // The reading before is looked at too, wherever it is; an hour is what is fetched for it.
    return Typed{
        .node = add({.op = NodeOp::changed, .index = static_cast<std::uint16_t>(program_->changes_.size() - 1)}),
        .kind = Kind::truth,
        .tags = of.tags,
        .back = of.back + (spec.within > 0 ? spec.within : kHour)};
}

// ------------------------------------------------------------------------------------------------------- time

Checked<Typed> Compiler::since(const Ast& at, const Function& function) {
    const bool stale = function.op == NodeOp::since_compare;
    if (at.kids.size() != (stale ? 2u : 1u)) return wrong_count(at, function);
    const auto [index, tag] = EXPR_TRY(tag_argument(at, function));
    const std::uint64_t tags = std::uint64_t{1} << index;
    const std::uint16_t node = add({.op = NodeOp::since, .index = index});
    watch(node, index, fmt::format("since({})", written(*at.kids[0])), "s");
    if (!stale) return Typed{.node = node, .kind = Kind::number, .unit = "s", .tags = tags};
    const DurationNs limit = EXPR_TRY(duration_argument(at, 1, function));
    return Typed{.node = add({.op = NodeOp::since_compare,
                              .index = index,
                              .number = static_cast<double>(NodeOp::greater),
                              .offset = static_cast<double>(limit) / 1e9,
                              .integer = limit}),
                 .kind = Kind::truth,
                 .tags = tags};
}

Checked<Typed> Compiler::time_call(const Ast& at, const Function& function) {
    if (at.kids.size() != 1) return wrong_count(at, function);
    const Ast& kid = *at.kids[0];
    if (kid.op == Op::text) {
        const auto time = read_time(kid.token.text);
        if (!time) return wrong("time_text", kid, {{"text", kid.token.text}});
        return Typed{.node = add({.op = NodeOp::time, .integer = *time}), .kind = Kind::time};
    }
    const auto [index, tag] = EXPR_TRY(tag_argument(at, function));
    const std::uint16_t node = add({.op = NodeOp::reading_time, .index = index});
    return Typed{.node = node, .kind = Kind::time, .tags = std::uint64_t{1} << index};
}

// hour(), hour('zone'), hour(time), hour(time, 'zone')
Checked<Typed> Compiler::calendar(const Ast& at, const Function& function) {
    if (at.kids.size() > 2) return wrong_count(at, function);
    std::size_t next = 0;
    Typed typed{.kind = Kind::integer};
    std::optional<std::uint16_t> of;
    if (!at.kids.empty() && at.kids[0]->op != Op::text) {
        const Typed time = EXPR_TRY(value(*at.kids[0]));
        const bool dated = time.kind == Kind::date && *function.field != CalendarField::hour &&
                           *function.field != CalendarField::minute && *function.field != CalendarField::date;
        if (time.kind != Kind::time && time.kind != Kind::any && !dated)
            return wrong_kind(*at.kids[0], time.kind, Kind::time, fmt::format("{}()", function.info.name));
        of = time.node;
        typed.tags = time.tags;
        typed.back = time.back;
        next = 1;
    }
    std::string zone = scope_.zone();
    if (next == at.kids.size()) {
        program_->zone_ = zone;
    } else {
        const Ast& kid = *at.kids[next];
        if (kid.op != Op::text) return wrong_kind(kid, Kind::any, Kind::text, fmt::format("{}()", function.info.name));
        zone = kid.token.text;
        if (next + 1 < at.kids.size()) return wrong_count(at, function);
    }
    const auto made = Calendar::create(*function.field, zone);
    if (!made)
        return wrong("zone_unknown", next < at.kids.size() ? *at.kids[next] : at, {{"zone", zone}},
                     {"'Asia/Shanghai'"});
    program_->calendars_.push_back(*made);
    const auto index = static_cast<std::uint16_t>(program_->calendars_.size() - 1);
    typed.node = of ? add({.op = NodeOp::calendar, .a = *of, .index = index})
                    : add({.op = NodeOp::calendar_now, .index = index});
    return typed;
}

}  // namespace gongshu::expr
