// From what was written to a Program: names to tags, kinds and units checked, constants converted once. Functions are
// in compile_calls.cpp.
#include <algorithm>
#include <cmath>
#include <deque>

#include "base/assert.h"
#include "expr/cell.h"
#include "expr/compiler.h"
#include "expr/suggest.h"
#include "expr/units.h"

namespace gongshu::expr {
namespace {

Kind kind_of(ValueType type) {
    switch (type) {
        case ValueType::number:
            return Kind::number;
        case ValueType::integer:
            return Kind::integer;
        case ValueType::boolean:
            return Kind::truth;
        case ValueType::text:
            return Kind::text;
    }
    return Kind::any;
}

// What meets something of which nothing is known is no better known.
Kind both(const Typed& a, const Typed& b) {
    if (a.kind == Kind::any || b.kind == Kind::any) return Kind::any;
    return a.kind == Kind::integer && b.kind == Kind::integer ? Kind::integer : Kind::number;
}

NodeOp comparison_op(Op op) {
    switch (op) {
        case Op::less:
            return NodeOp::less;
        case Op::less_equal:
            return NodeOp::less_equal;
        case Op::greater:
            return NodeOp::greater;
        case Op::greater_equal:
            return NodeOp::greater_equal;
        case Op::equal:
            return NodeOp::equal;
        default:
            return NodeOp::not_equal;
    }
}

NodeOp mirrored(NodeOp op) {
    switch (op) {
        case NodeOp::less:
            return NodeOp::greater;
        case NodeOp::less_equal:
            return NodeOp::greater_equal;
        case NodeOp::greater:
            return NodeOp::less;
        case NodeOp::greater_equal:
            return NodeOp::less_equal;
        default:
            return op;
    }
}

}  // namespace

std::string_view phrase_of(Kind kind) {
    switch (kind) {
        case Kind::any:
            return "#any";
        case Kind::number:
            return "#number";
        case Kind::truth:
            return "#truth";
        case Kind::text:
            return "#text";
        case Kind::quality:
            return "#quality";
        case Kind::integer:
            return "#integer";
        case Kind::time:
            return "#time";
        case Kind::money:
            return "#money";
        case Kind::price:
            return "#price";
        case Kind::date:
            return "#date";
    }
    return "";
}

std::string phrase_of_unit(const Typed& typed) { return typed.unit.empty() ? "#no_unit" : "#unit " + typed.unit; }

Compiler::Compiler(std::string_view text, const Scope& scope, const CompileOptions& options)
    : scope_(scope), options_(options), program_(std::make_shared<ProgramImpl>()) {
    program_->text_ = text;
}

Checked<std::shared_ptr<const Program>> Compiler::run() {
    const std::unique_ptr<Ast> whole = EXPR_TRY(parse(program_->text_));
    const Ast* root = whole.get();
    if (options_.strip_hold && root->op == Op::hold) {
        program_->outer_hold_ = duration_of(root->token);
        root = root->kids[0].get();
    }
    const Typed typed = EXPR_TRY(visit(*root));
    if ((options_.want_condition || program_->outer_hold_ > 0) && typed.kind != Kind::truth && typed.kind != Kind::any)
        return wrong("not_a_condition", *root, {{"kind", std::string(phrase_of(typed.kind))}},
                     is_numeric(typed.kind) ? std::vector<std::string>{"> 0"} : std::vector<std::string>{});
    if (options_.relax > 0 && relaxed_ == 0) return wrong("dead_band", *root);
    // The root is the last node; what was visited last may be another, as in `x` of a list.
    if (typed.node + 1u != program_->nodes_.size()) add({.op = NodeOp::coalesce, .a = typed.node, .b = typed.node});
    for (Written& place : program_->written_)
        if (place.length == 0) place = {root->column, root->length};
    program_->kind_ = typed.kind;
    program_->unit_ = typed.unit;
    program_->difference_ = typed.difference;
    program_->lookback_ = typed.back + program_->outer_hold_;
    if (program_->lookback_ > kLookbackMax)
        return wrong("lookback", *root, {{"most", fmt::to_string(kLookbackMax / kDay)}});
    std::sort(program_->uses_.begin(), program_->uses_.end());
    return std::shared_ptr<const Program>(program_);
}

DurationNs Compiler::duration_of(const Token& token) {
    return static_cast<DurationNs>(std::llround(token.number * 1e9));
}

Place Compiler::place(const Ast& at) const { return {at.column, at.length, written(at)}; }

ExprError Compiler::wrong(std::string_view code, const Ast& at, std::vector<ErrorParam> params,
                          std::vector<std::string> suggest) const {
    return make_error(code, place(at), std::move(params), std::move(suggest));
}

std::string Compiler::written(const Ast& at) const { return written_text(program_->text_, {at.column, at.length}); }

std::uint16_t Compiler::add(Node node) {
    program_->nodes_.push_back(node);
    program_->written_.emplace_back();
    return static_cast<std::uint16_t>(program_->nodes_.size() - 1);
}

Checked<Typed> Compiler::visit(const Ast& at) {
    if (program_->nodes_.size() > 4 * kNodesMax)
        return wrong("too_many_operations", at, {{"most", fmt::to_string(kNodesMax)}});
    const std::size_t from = program_->nodes_.size();
    Typed typed = EXPR_TRY(visit_one(at));
    if (auto error = fold(at, typed, from)) return *error;
    for (std::size_t i = from; i < program_->written_.size(); ++i)
        if (program_->written_[i].length == 0) program_->written_[i] = {at.column, at.length};
    return typed;
}

// What is made of constants alone is computed now. Money that has no result is told now too, with its place.
std::optional<ExprError> Compiler::fold(const Ast& at, Typed& typed, std::size_t from) {
    auto& nodes = program_->nodes_;
    const bool money = is_money(typed.kind);
    if (!typed.constant || (!is_numeric(typed.kind) && !money) || nodes.size() - from < 2) return std::nullopt;
    std::vector<Cell> cells;
    std::deque<std::string> made;
    for (std::size_t i = from; i < nodes.size(); ++i) {
        const Node& node = nodes[i];
        if (is_constant(node.op)) {
            cells.push_back(constant_cell(*program_, node));
            continue;
        }
        const auto kid = [&](std::uint16_t index) { return index >= from ? cells[index - from] : Cell{}; };
        if (!is_pure(node.op) || node.a < from) return std::nullopt;
        cells.push_back(apply(*program_, node, kid(node.a), kid(node.b), kid(node.c), made.emplace_back()));
    }
    const Cell cell = cells[typed.node - from];
    if (!cell.known && money) return wrong("no_exact_result", at);
    if (!cell.known || (cell.kind != Kind::number && cell.kind != Kind::integer && !money)) return std::nullopt;
    const bool whole = cell.kind == Kind::integer && typed.kind == Kind::integer;
    nodes.resize(from);
    program_->written_.resize(from);
    if (money) {
        typed.node = add({.op = cell.kind == Kind::money ? NodeOp::money : NodeOp::price, .integer = cell.integer});
        return std::nullopt;
    }
    typed.node = add({.op = whole ? NodeOp::integer : NodeOp::number, .number = cell.number, .integer = cell.integer});
    return std::nullopt;
}

Checked<Typed> Compiler::visit_one(const Ast& at) {
    switch (at.op) {
        case Op::number:
        case Op::duration:
            return number(at);
        case Op::boolean:
            return Typed{.node = add({.op = NodeOp::truth, .number = at.token.text == "true" ? 1.0 : 0.0}),
                         .kind = Kind::truth};
        case Op::text:
            return text(at);
        case Op::name:
            return name(at);
        case Op::quality_of:
            return quality_of(at, at.kids[0]->token.text);
        case Op::negate:
            return negate(at);
        case Op::add:
        case Op::subtract:
            return sum(at);
        case Op::multiply:
        case Op::divide:
            return product(at);
        case Op::remainder:
            return remainder(at);
        case Op::power:
            return power(at);
        case Op::less:
        case Op::less_equal:
        case Op::greater:
        case Op::greater_equal:
        case Op::equal:
        case Op::not_equal:
            return comparison(at);
        case Op::not_:
            return negation(at);
        case Op::and_:
        case Op::or_:
            return junction(at);
        case Op::hold:
            return hold(at);
        case Op::back:
            return lag(at, *at.kids[0], duration_of(at.token));
        case Op::between:
            return between(at);
        case Op::in:
            return member(at);
        case Op::choose:
        case Op::call:
            return call(at);
    }
    ASSERT(false);
    return Typed{};
}

Checked<Typed> Compiler::number(const Ast& at) {
    const bool duration = at.op == Op::duration;
    if (!duration && at.token.has_unit)
        if (const auto unit = money_unit(at.token.unit)) return money_number(at, *unit);
    return Typed{
        .node = add({.op = NodeOp::number, .number = at.token.number, .integer = at.token.integer.value_or(0)}),
        .kind = Kind::number,
        .unit = at.token.unit,
        .constant = true,
        .bare = !at.token.has_unit,
        .duration = duration};
}

Checked<Typed> Compiler::text(const Ast& at) {
    program_->texts_.push_back(at.token.text);
    return Typed{.node = add({.op = NodeOp::text, .index = static_cast<std::uint16_t>(program_->texts_.size() - 1)}),
                 .kind = Kind::text};
}

// The index of a tag in the program, added if new.
Checked<std::uint16_t> Compiler::tag_index(const Ast& at, const ScopeTag& tag) {
    for (std::size_t i = 0; i < program_->tags_.size(); ++i)
        if (program_->tags_[i].path == tag.path) return static_cast<std::uint16_t>(i);
    if (program_->tags_.size() >= kTagsMax) return wrong("too_many_tags", at, {{"most", fmt::to_string(kTagsMax)}});
    program_->tags_.push_back({tag.path, tag.unit, tag.type, tag.known});
    return static_cast<std::uint16_t>(program_->tags_.size() - 1);
}

void Compiler::watch(std::uint16_t node, std::uint16_t tag, std::string expression, std::string unit) {
    while (expression.starts_with('(') && expression.ends_with(')'))
        expression = expression.substr(1, expression.size() - 2);
    for (const Watched& known : program_->watched_)
        if (known.expression == expression && known.tag == tag) return;
    program_->watched_.push_back({node, tag, std::move(expression), std::move(unit)});
}

ExprError Compiler::unknown_name(const Ast& at, std::string_view name) const {
    if (name == "and" || name == "or") return wrong("word_as_value", at, {{"name", std::string(name)}});
    return wrong("unknown_tag", at, {{"name", std::string(name)}}, nearest(name, scope_.names()));
}

Checked<Typed> Compiler::name(const Ast& at) {
    const std::string& name = at.token.text;
    constexpr std::string_view kMember = ".quality";
    if (!at.token.quoted && name.size() > kMember.size() && name.ends_with(kMember)) {
        const std::string of = name.substr(0, name.size() - kMember.size());
        if (const auto tag = scope_.find(of); tag && tag->known) return quality_of(at, of);
        if (const auto own = scope_.find(name); !own || !own->known)
            return quality_of(at, of);  // else a property of that name
    }
    const auto tag = scope_.find(name);
    if (!tag && name == "unknown") return Typed{.node = add({.op = NodeOp::unknown}), .kind = Kind::truth};
    if (!tag) {
        for (const Grade grade : {Grade::bad, Grade::uncertain, Grade::good})
            if (name == to_string(grade))
                return Typed{.node = add({.op = NodeOp::quality_name, .number = static_cast<double>(grade)}),
                             .kind = Kind::quality};
        return unknown_name(at, name);
    }
    const std::uint16_t index = EXPR_TRY(tag_index(at, *tag));
    const std::uint16_t node = add({.op = NodeOp::tag, .index = index});
    watch(node, index, name, tag->unit);
    Typed typed{.node = node,
                .kind = tag->known ? kind_of(tag->type) : Kind::any,
                .unit = tag->unit,
                .tags = std::uint64_t{1} << index};
    if (is_numeric(typed.kind)) money_tag(typed);
    return typed;
}

Checked<Typed> Compiler::quality_of(const Ast& at, const std::string& name) {
    const auto tag = scope_.find(name);
    if (!tag) return unknown_name(at, name);
    const std::uint16_t index = EXPR_TRY(tag_index(at, *tag));
    const std::uint16_t node = add({.op = NodeOp::quality, .index = index});
    watch(node, index, name, tag->unit);
    return Typed{.node = node, .kind = Kind::quality, .tags = std::uint64_t{1} << index};
}

Checked<Typed> Compiler::expect(const Ast& at, Kind kind, std::string_view where) {
    Typed typed = EXPR_TRY(visit(at));
    const bool fits = typed.kind == kind || typed.kind == Kind::any || (kind == Kind::number && is_numeric(typed.kind));
    if (!fits) return wrong_kind(at, typed.kind, kind, where);
    return typed;
}

ExprError Compiler::wrong_kind(const Ast& at, Kind is, Kind wanted, std::string_view where) const {
    std::vector<std::string> suggest;
    if (wanted == Kind::truth && is_numeric(is)) suggest.push_back(written(at) + " > 0");
    return wrong("wrong_kind", at,
                 {{"where", std::string(where)},
                  {"wanted", std::string(phrase_of(wanted))},
                  {"written", written(at)},
                  {"kind", std::string(phrase_of(is))}},
                 std::move(suggest));
}

Checked<Typed> Compiler::operand(const Ast& at, std::string_view where) {
    const int outside = std::exchange(polarity_, 0);
    auto typed = expect(at, Kind::number, where);
    polarity_ = outside;
    return typed;
}

Checked<Typed> Compiler::value(const Ast& at) {
    const int outside = std::exchange(polarity_, 0);
    auto typed = visit(at);
    polarity_ = outside;
    return typed;
}

Checked<Typed> Compiler::negate(const Ast& at) {
    Typed typed = EXPR_TRY(value(*at.kids[0]));
    if (!is_numeric(typed.kind) && !is_money(typed.kind) && typed.kind != Kind::any)
        return wrong_kind(*at.kids[0], typed.kind, Kind::number, "\"-\"");
    typed.node = add({.op = NodeOp::negate, .a = typed.node});
    return typed;
}

void Compiler::make_integer(Typed& constant, const Typed& beside) {
    if (!constant.constant || !constant.bare || constant.kind != Kind::number || beside.kind != Kind::integer) return;
    Node& node = program_->nodes_[constant.node];
    if (node.op != NodeOp::number || node.number != std::trunc(node.number) || std::abs(node.number) >= 0x1p63) return;
    if (static_cast<double>(node.integer) != node.number) node.integer = static_cast<std::int64_t>(node.number);
    node.op = NodeOp::integer;
    constant.kind = Kind::integer;
}

void Compiler::convert(Typed& typed, double factor, double offset) {
    typed.node = add({.op = NodeOp::affine, .a = typed.node, .number = factor, .offset = offset});
    if (typed.kind == Kind::integer) typed.kind = Kind::number;
}

std::optional<ExprError> Compiler::unify(const Ast& left_at, const Ast& right_at, Typed& left, Typed& right,
                                         std::string_view verb) {
    if (left.kind == Kind::any || right.kind == Kind::any) return std::nullopt;
    make_integer(left, right);
    make_integer(right, left);
    if (left.bare || right.bare) {
        (left.bare ? left.unit : right.unit) = left.bare ? right.unit : left.unit;
        return std::nullopt;
    }
    if (left.unit == right.unit) return std::nullopt;
    const bool difference = left.difference || right.difference;
    Typed& changed = left.constant && !right.constant ? left : right;
    const std::string& to = &changed == &left ? right.unit : left.unit;
    const auto by = difference ? difference_conversion(changed.unit, to) : conversion(changed.unit, to);
    if (!by) return unlike(left_at, right_at, left, right, verb);
    convert(changed, by->factor, by->offset);
    changed.unit = to;
    return std::nullopt;
}

ExprError Compiler::unlike(const Ast& left_at, const Ast& right_at, const Typed& left, const Typed& right,
                           std::string_view verb) const {
    std::string_view code = "unlike_units";
    std::vector<std::string> suggest;
    if (right.duration) {
        code = "unlike_units_duration";
        const std::string& text = right_at.token.written;
        if (text.ends_with("m") && convertible(left.unit, "m"))
            suggest.push_back(text.substr(0, text.size() - 1) + " m");
    } else if (left.unit.empty() || right.unit.empty()) {
        code = "unlike_units_none";
    }
    return wrong(code, right_at,
                 {{"verb", std::string(verb)},
                  {"left", written(left_at)},
                  {"left_unit", phrase_of_unit(left)},
                  {"right", written(right_at)},
                  {"right_unit", phrase_of_unit(right)},
                  {"wanted", left.unit.empty() ? "#no_unit" : "#converts " + left.unit}},
                 std::move(suggest));
}

Checked<Typed> Compiler::sum(const Ast& at) {
    const bool plus = at.op == Op::add;
    const std::string_view where = plus ? "\"+\"" : "\"-\"";
    const Ast &left_at = *at.kids[0], &right_at = *at.kids[1];
    Typed left = EXPR_TRY(value(left_at));
    Typed right = EXPR_TRY(value(right_at));
    if (is_exact(left.kind) || is_exact(right.kind)) return exact_sum(at, std::move(left), std::move(right));
    if (left.kind == Kind::time || right.kind == Kind::time) return time_sum(at, std::move(left), std::move(right));
    for (const auto& [typed, kid] : {std::pair{&left, &left_at}, std::pair{&right, &right_at}})
        if (!is_numeric(typed->kind) && typed->kind != Kind::any)
            return wrong_kind(*kid, typed->kind, Kind::number, where);
    // `temperature + 5 degC`, `temperature + 5 K`: a constant that is added is so much more, not a temperature of its
    // own.
    if (right.constant && !right.bare && !left.constant) right.difference = true;
    if (plus && left.constant && !left.bare && !right.constant) left.difference = true;
    if (auto error = unify(left_at, right_at, left, right, plus ? "#add" : "#subtract")) return *error;
    Typed result{.kind = both(left, right),
                 .unit = left.unit,
                 .constant = left.constant && right.constant,
                 .bare = left.bare && right.bare,
                 .tags = left.tags | right.tags,
                 .back = std::max(left.back, right.back)};
    const bool neither = !left.difference && !right.difference;
    if (plus)
        result.difference = left.difference && right.difference;
    else if (result.kind != Kind::any)
        result.difference = left.difference || (neither && !right.bare);
    result.node = add({.op = plus ? NodeOp::add : NodeOp::subtract, .a = left.node, .b = right.node});
    return result;
}

// time - time is seconds; time + duration and time - duration are times.
Checked<Typed> Compiler::time_sum(const Ast& at, Typed left, Typed right) {
    const bool plus = at.op == Op::add;
    if (plus && right.kind == Kind::time && left.kind != Kind::time) std::swap(left, right);
    const Typed result{.kind = Kind::time, .tags = left.tags | right.tags, .back = std::max(left.back, right.back)};
    const auto refused = [&] {
        return wrong("time_sum", at,
                     {{"verb", plus ? "#add" : "#subtract"},
                      {"left", written(*at.kids[0])},
                      {"left_kind", std::string(phrase_of(left.kind))},
                      {"right", written(*at.kids[1])},
                      {"right_kind", std::string(phrase_of(right.kind))}});
    };
    if (left.kind == Kind::any || right.kind == Kind::any) {
        // Only one thing can be meant where one side is a time; the other shows at run time whether it is that.
        Typed unsure = result;
        const bool both_times = left.kind != Kind::time && !plus;
        unsure.kind = Kind::any;
        unsure.node = add({.op = both_times ? NodeOp::time_difference
                                 : plus     ? NodeOp::time_add
                                            : NodeOp::time_subtract,
                           .a = left.node,
                           .b = right.node});
        return unsure;
    }
    Typed made = result;
    if (left.kind == Kind::time && right.kind == Kind::time && !plus) {
        made.kind = Kind::number;
        made.unit = "s";
        made.node = add({.op = NodeOp::time_difference, .a = left.node, .b = right.node});
        return made;
    }
    if (left.kind != Kind::time || !is_numeric(right.kind)) return refused();
    const auto seconds = right.bare ? Result<Conversion>(Error{Code::invalid, "no unit"}) : conversion(right.unit, "s");
    if (!seconds) return refused();
    if (right.unit != "s") convert(right, seconds->factor, 0);
    made.node = add({.op = plus ? NodeOp::time_add : NodeOp::time_subtract, .a = left.node, .b = right.node});
    return made;
}

Checked<Typed> Compiler::product(const Ast& at) {
    const bool times = at.op == Op::multiply;
    const std::string_view where = times ? "\"*\"" : "\"/\"";
    Typed left = EXPR_TRY(value(*at.kids[0]));
    Typed right = EXPR_TRY(value(*at.kids[1]));
    if (is_money(left.kind) || is_money(right.kind))
        return times ? money_product(at, std::move(left), std::move(right))
                     : money_quotient(at, std::move(left), std::move(right));
    for (const auto& [typed, kid] : {std::pair{&left, 0}, std::pair{&right, 1}})
        if (!is_numeric(typed->kind) && typed->kind != Kind::any)
            return wrong_kind(*at.kids[static_cast<std::size_t>(kid)], typed->kind, Kind::number, where);
    if (times) {
        make_integer(left, right);
        make_integer(right, left);
    }
    Typed result{.kind = times ? both(left, right) : Kind::number,
                 .constant = left.constant && right.constant,
                 .bare = left.bare && right.bare,
                 .tags = left.tags | right.tags,
                 .back = std::max(left.back, right.back)};
    if (left.kind == Kind::any || right.kind == Kind::any) {
        result.kind = Kind::any;
    } else {
        auto unit = times ? product_unit(left.unit, right.unit) : quotient_unit(left.unit, right.unit);
        if (!unit)
            return wrong("unit_not_formed", at,
                         {{"what", times ? "#product" : "#quotient"}, {"why", std::string(unit.error().text())}});
        result.unit = std::move(*unit);
        // A plain factor keeps a temperature a temperature: (a + b) / 2.
        result.difference = (right.unit.empty() && left.difference) || (times && left.unit.empty() && right.difference);
    }
    result.node = add({.op = times ? NodeOp::multiply : NodeOp::divide, .a = left.node, .b = right.node});
    // kPa / bar is a plain number after all.
    const bool formed = !left.unit.empty() && !right.unit.empty() && !result.unit.empty();
    if (const auto plain = formed ? conversion(result.unit, "") : Result<Conversion>(Error{Code::invalid, "no"});
        plain) {
        convert(result, plain->factor, 0);
        result.unit.clear();
    }
    return result;
}

Checked<Typed> Compiler::remainder(const Ast& at) {
    Typed left = EXPR_TRY(operand(*at.kids[0], "\"%\""));
    Typed right = EXPR_TRY(operand(*at.kids[1], "\"%\""));
    if (auto error = unify(*at.kids[0], *at.kids[1], left, right, "#remainder")) return *error;
    left.node = add({.op = NodeOp::remainder, .a = left.node, .b = right.node});
    left.constant = left.constant && right.constant;
    left.bare = left.bare && right.bare;
    left.kind = both(left, right);
    left.tags |= right.tags;
    left.back = std::max(left.back, right.back);
    return left;
}

Checked<Typed> Compiler::power(const Ast& at) { return raise(at, *at.kids[0], *at.kids[1], "\"^\""); }

Checked<Typed> Compiler::raise(const Ast& at, const Ast& base_at, const Ast& exponent_at, std::string_view where) {
    Typed base = EXPR_TRY(operand(base_at, where));
    const Typed exponent = EXPR_TRY(operand(exponent_at, where));
    if (!exponent.unit.empty()) return wrong("exponent_unit", exponent_at, {{"unit", exponent.unit}});
    if (!base.unit.empty()) {
        const Node& written_out = program_->nodes_[exponent.node];
        const double value = written_out.number;
        const bool literal =
            exponent.constant && written_out.op == NodeOp::number && value == std::floor(value) && std::abs(value) <= 9;
        if (!literal) return wrong("whole_exponent", exponent_at, {{"unit", base.unit}}, {"2"});
        auto unit = power_unit(base.unit, static_cast<int>(value));
        if (!unit) return wrong("unit_not_formed", at, {{"what", "#power"}, {"why", std::string(unit.error().text())}});
        base.unit = std::move(*unit);
    }
    base.node = add({.op = NodeOp::power, .a = base.node, .b = exponent.node});
    base.constant = base.constant && exponent.constant;
    base.bare = base.bare && exponent.bare;
    base.kind = base.kind == Kind::any || exponent.kind == Kind::any ? Kind::any : Kind::number;
    base.tags |= exponent.tags;
    base.back = std::max(base.back, exponent.back);
    return base;
}

// A text that names a quality becomes one beside a quality: x.quality == 'bad'.
void Compiler::quality_from_text(const Ast& at, Typed& typed) {
    for (const Grade grade : {Grade::bad, Grade::uncertain, Grade::good})
        if (at.op == Op::text && at.token.text == to_string(grade)) {
            program_->nodes_[typed.node] = {.op = NodeOp::quality_name, .number = static_cast<double>(grade)};
            typed.kind = Kind::quality;
        }
}

std::optional<ExprError> Compiler::check_kinds(const Ast& at, const Ast& left_at, const Ast& right_at, bool ordering,
                                               Typed& left, Typed& right) {
    if (left.kind == Kind::quality && right.kind == Kind::text) quality_from_text(right_at, right);
    if (right.kind == Kind::quality && left.kind == Kind::text) quality_from_text(left_at, left);
    if (left.kind == Kind::any || right.kind == Kind::any) return std::nullopt;
    // A machine's bit may be compared with 0 and 1.
    const bool bit =
        !ordering && ((left.kind == Kind::truth && right.bare) || (right.kind == Kind::truth && left.bare));
    const bool numbers = is_numeric(left.kind) && is_numeric(right.kind);
    if (left.kind != right.kind && !numbers && !bit) {
        std::vector<std::string> suggest;
        if (left.kind == Kind::quality) suggest = {"good", "uncertain", "bad"};
        if (left.kind == Kind::truth) suggest = {"true", "false"};
        if (left.kind == Kind::time) suggest = {"time('2026-03-01T08:00:00Z')"};
        if (left.kind == Kind::date) suggest = {"date('2026-03-01')"};
        if (left.kind == Kind::money && is_numeric(right.kind)) suggest = {written(right_at) + " " + left.unit};
        return wrong("incomparable", right_at,
                     {{"left", written(left_at)},
                      {"left_kind", std::string(phrase_of(left.kind))},
                      {"right", written(right_at)},
                      {"right_kind", std::string(phrase_of(right.kind))}},
                     std::move(suggest));
    }
    if (ordering && (left.kind == Kind::truth || left.kind == Kind::text))
        return wrong("no_order", at, {{"kind", std::string(phrase_of(left.kind))}}, {"==", "!="});
    return std::nullopt;
}

Checked<Typed> Compiler::comparison(const Ast& at) {
    Typed left = EXPR_TRY(value(*at.kids[0]));
    Typed right = EXPR_TRY(value(*at.kids[1]));
    return compare(at, *at.kids[0], *at.kids[1], at.op, std::move(left), std::move(right), polarity_);
}

Checked<Typed> Compiler::compare(const Ast& at, const Ast& left_at, const Ast& right_at, Op op, Typed left, Typed right,
                                 int polarity) {
    const bool ordering = op != Op::equal && op != Op::not_equal;
    if (auto error = check_kinds(at, left_at, right_at, ordering, left, right)) return *error;
    if (is_numeric(left.kind) && is_numeric(right.kind))
        if (auto error = unify(left_at, right_at, left, right, "#compare")) return *error;
    if (auto error = unlike_money(left_at, right_at, left, right)) return *error;
    double shift = 0;
    const auto no_number = [](Kind kind) { return kind == Kind::quality || kind == Kind::time || is_exact(kind); };
    const bool numbers = !no_number(left.kind) && !no_number(right.kind);
    if (options_.relax > 0 && ordering && numbers && polarity != 0) {
        const bool upward = op == Op::greater || op == Op::greater_equal;
        shift = (upward ? -options_.relax : options_.relax) * polarity;
        // The tag may stand on the right: 80 < temperature; moving either side by the other sign is the same.
        ++relaxed_;
    }
    if (auto special = since_compare(op, left, right, shift)) return *special;
    const std::uint16_t node = add({.op = comparison_op(op), .a = left.node, .b = right.node, .offset = shift});
    return Typed{
        .node = node, .kind = Kind::truth, .tags = left.tags | right.tags, .back = std::max(left.back, right.back)};
}

// since(x) beside a number that is written out turns at one instant that is known beforehand.
std::optional<Typed> Compiler::since_compare(Op op, const Typed& left, const Typed& right, double shift) {
    const Node a = program_->nodes_[left.node], b = program_->nodes_[right.node];
    const bool on_left = a.op == NodeOp::since;
    const Node& constant = on_left ? b : a;
    if ((a.op == NodeOp::since) == (b.op == NodeOp::since)) return std::nullopt;
    // A constant that was brought to seconds is a node more.
    double limit = constant.number;
    if (constant.op == NodeOp::affine && program_->nodes_[constant.a].op == NodeOp::number)
        limit = program_->nodes_[constant.a].number * constant.number + constant.offset;
    else if (constant.op != NodeOp::number && constant.op != NodeOp::integer)
        return std::nullopt;
    limit += on_left ? shift : -shift;
    if (!(std::abs(limit) < 1e9)) return std::nullopt;
    const NodeOp compare = on_left ? comparison_op(op) : mirrored(comparison_op(op));
    const std::uint16_t node = add({.op = NodeOp::since_compare,
                                    .index = on_left ? a.index : b.index,
                                    .number = static_cast<double>(compare),
                                    .offset = limit,
                                    .integer = std::llround(limit * 1e9)});
    return Typed{
        .node = node, .kind = Kind::truth, .tags = left.tags | right.tags, .back = std::max(left.back, right.back)};
}

Checked<Typed> Compiler::between(const Ast& at) {
    const Ast &value_at = *at.kids[0], &low_at = *at.kids[1], &high_at = *at.kids[2];
    const Typed of = EXPR_TRY(value(value_at));
    const Typed low = EXPR_TRY(value(low_at));
    const Typed above = EXPR_TRY(compare(at, value_at, low_at, Op::greater_equal, of, low, polarity_));
    const Typed high = EXPR_TRY(value(high_at));
    const Typed below = EXPR_TRY(compare(at, value_at, high_at, Op::less_equal, of, high, polarity_));
    return join(NodeOp::and_, above, below);
}

Checked<Typed> Compiler::member(const Ast& at) {
    const Typed of = EXPR_TRY(value(*at.kids[0]));
    std::optional<Typed> any;
    for (std::size_t i = 1; i < at.kids.size(); ++i) {
        const Typed one = EXPR_TRY(value(*at.kids[i]));
        const Typed same = EXPR_TRY(compare(at, *at.kids[0], *at.kids[i], Op::equal, of, one, 0));
        any = any ? join(NodeOp::or_, *any, same) : same;
    }
    return *any;
}

Checked<Typed> Compiler::negation(const Ast& at) {
    polarity_ = -polarity_;
    auto kid = expect(*at.kids[0], Kind::truth, "\"not\"");
    polarity_ = -polarity_;
    Typed typed = EXPR_TRY(std::move(kid));
    typed.node = add({.op = NodeOp::not_, .a = typed.node});
    typed.kind = Kind::truth;
    return typed;
}

Typed Compiler::join(NodeOp op, const Typed& left, const Typed& right) {
    return {.node = add({.op = op, .a = left.node, .b = right.node}),
            .kind = Kind::truth,
            .tags = left.tags | right.tags,
            .back = std::max(left.back, right.back)};
}

Checked<Typed> Compiler::junction(const Ast& at) {
    const std::string_view where = at.op == Op::and_ ? "\"and\"" : "\"or\"";
    const Typed left = EXPR_TRY(expect(*at.kids[0], Kind::truth, where));
    const Typed right = EXPR_TRY(expect(*at.kids[1], Kind::truth, where));
    return join(at.op == Op::and_ ? NodeOp::and_ : NodeOp::or_, left, right);
}

Checked<Typed> Compiler::hold(const Ast& at) {
    Typed kid = EXPR_TRY(expect(*at.kids[0], Kind::truth, "\"for\""));
    const DurationNs duration = duration_of(at.token);
    kid.back += duration;
    kid.node = add({.op = NodeOp::hold, .a = kid.node, .index = program_->holds_++, .integer = duration});
    kid.kind = Kind::truth;
    return kid;
}

bool is_own_name(std::string_view name) {
    return name == "unknown" || name == to_string(Grade::good) || name == to_string(Grade::uncertain) ||
           name == to_string(Grade::bad);
}

Checked<std::shared_ptr<const Program>> compile(std::string_view text, const Scope& scope,
                                                const CompileOptions& options) {
    return Compiler{text, scope, options}.run();
}

}  // namespace gongshu::expr
