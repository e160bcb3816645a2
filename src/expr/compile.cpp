// From what was written to a Program: names to tags, kinds and units checked, constants converted once.
#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "expr/functions.h"
#include "expr/parser.h"
#include "expr/program.h"
#include "expr/suggest.h"
#include "expr/units.h"

namespace gongshu::expr {
namespace {

constexpr std::size_t kArgumentsMax = 16;

// What is known of a sub-expression while compiling.
struct Typed {
    std::uint16_t node = 0;
    Kind kind = Kind::any;
    std::string unit;
    bool constant = false;    // a number literal or made of such
    bool bare = false;        // constant and no unit written: takes the unit of what it meets
    bool difference = false;  // of two temperatures and the like: zero points do not count
    bool duration = false;    // written 5m
};

std::string_view name_of(Kind kind) {
    switch (kind) {
        case Kind::any:
            return "anything";
        case Kind::number:
            return "a number";
        case Kind::truth:
            return "a condition";
        case Kind::text:
            return "a text";
        case Kind::quality:
            return "a quality";
    }
    return "";
}

Kind kind_of(ValueType type) {
    switch (type) {
        case ValueType::number:
        case ValueType::integer:
            return Kind::number;
        case ValueType::boolean:
            return Kind::truth;
        case ValueType::text:
            return Kind::text;
    }
    return Kind::any;
}

class Compiler {
public:
    Compiler(std::string_view text, const Scope& scope, const CompileOptions& options)
        : scope_(scope), options_(options), program_(std::make_shared<ProgramImpl>()) {
        program_->text_ = text;
    }

    Checked<std::shared_ptr<const Program>> run() {
        const std::unique_ptr<Ast> whole = EXPR_TRY(parse(program_->text_));
        const Ast* root = whole.get();
        if (options_.strip_hold && root->op == Op::hold) {
            program_->outer_hold_ = duration_of(root->token);
            program_->lookback_ += program_->outer_hold_;
            root = root->kids[0].get();
        }
        const Typed typed = EXPR_TRY(visit(*root));
        if ((options_.want_condition || program_->outer_hold_ > 0) && typed.kind != Kind::truth &&
            typed.kind != Kind::any)
            return wrong(*root, fmt::format("this is {}, not a condition", name_of(typed.kind)),
                         "a condition, such as a comparison",
                         typed.kind == Kind::number ? std::vector<std::string>{"> 0"} : std::vector<std::string>{});
        if (options_.relax > 0 && relaxed_ == 0)
            return wrong(*root, "a dead band needs a comparison with <, <=, > or >= of numbers",
                         "such as temperature > 80");
        ASSERT(typed.node + 1u == program_->nodes_.size());
        program_->kind_ = typed.kind;
        program_->unit_ = typed.unit;
        program_->lookback_ += window_longest_ + hold_longest_;
        std::sort(program_->uses_.begin(), program_->uses_.end());
        return std::shared_ptr<const Program>(program_);
    }

private:
    static DurationNs duration_of(const Token& token) {
        return static_cast<DurationNs>(std::llround(token.number * 1e9));
    }

    ExprError wrong(const Ast& at, std::string text, std::string expected,
                    std::vector<std::string> suggest = {}) const {
        return {std::move(text), at.column, at.length, written(at), std::move(expected), std::move(suggest)};
    }

    // The characters that a node covers.
    std::string written(const Ast& at) const {
        std::size_t character = 0, from = program_->text_.size(), to = program_->text_.size();
        for (std::size_t byte = 0; byte < program_->text_.size(); ++byte) {
            if ((static_cast<std::uint8_t>(program_->text_[byte]) & 0xc0) == 0x80) continue;
            ++character;
            if (character == at.column) from = byte;
            if (character == at.column + at.length) {
                to = byte;
                break;
            }
        }
        return program_->text_.substr(from, to - from);
    }

    std::uint16_t add(Node node) {
        program_->nodes_.push_back(node);
        return static_cast<std::uint16_t>(program_->nodes_.size() - 1);
    }

    Checked<Typed> visit(const Ast& at) {
        if (program_->nodes_.size() > 2 * kNodesMax)
            return wrong(at, fmt::format("the expression has more than {} operations", kNodesMax),
                         "a shorter expression");
        switch (at.op) {
            case Op::number:
                return number(at);
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
            case Op::call:
                return call(at);
        }
        ASSERT(false);
        return Typed{};
    }

    Checked<Typed> number(const Ast& at) {
        const bool duration = at.op == Op::duration;
        return Typed{.node = add({.op = NodeOp::number, .number = at.token.number}),
                     .kind = Kind::number,
                     .unit = at.token.unit,
                     .constant = true,
                     .bare = !at.token.has_unit,
                     .duration = duration};
    }

    Checked<Typed> text(const Ast& at) {
        program_->texts_.push_back(at.token.text);
        return Typed{
            .node = add({.op = NodeOp::text, .index = static_cast<std::uint16_t>(program_->texts_.size() - 1)}),
            .kind = Kind::text};
    }

    // The index of a tag in the program, added if new.
    Checked<std::uint16_t> tag_index(const Ast& at, const ScopeTag& tag) {
        for (std::size_t i = 0; i < program_->tags_.size(); ++i)
            if (program_->tags_[i].path == tag.path) return static_cast<std::uint16_t>(i);
        if (program_->tags_.size() >= kTagsMax)
            return wrong(at, fmt::format("the expression reads more than {} tags", kTagsMax), "fewer tags");
        program_->tags_.push_back({tag.path, tag.unit, tag.type, tag.known});
        return static_cast<std::uint16_t>(program_->tags_.size() - 1);
    }

    void watch(std::uint16_t node, std::uint16_t tag, std::string expression, std::string unit) {
        for (const Watched& known : program_->watched_)
            if (known.expression == expression && known.tag == tag) return;
        program_->watched_.push_back({node, tag, std::move(expression), std::move(unit)});
    }

    ExprError unknown_name(const Ast& at, std::string_view name) const {
        if (name == "and" || name == "or")
            return wrong(at, fmt::format("\"{}\" stands where a value was expected", name), "a value");
        auto near = nearest(name, scope_.names());
        return wrong(at, fmt::format("there is no tag \"{}\"", name), "a tag", std::move(near));
    }

    Checked<Typed> name(const Ast& at) {
        const std::string& name = at.token.text;
        constexpr std::string_view kMember = ".quality";
        if (!at.token.quoted && name.size() > kMember.size() && name.ends_with(kMember)) {
            const std::string of = name.substr(0, name.size() - kMember.size());
            if (const auto tag = scope_.find(of); tag && tag->known) return quality_of(at, of);
            if (const auto own = scope_.find(name); !own || !own->known)
                return quality_of(at, of);  // else a property of that name
        }
        const auto tag = scope_.find(name);
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
        return Typed{.node = node, .kind = tag->known ? kind_of(tag->type) : Kind::any, .unit = tag->unit};
    }

    Checked<Typed> quality_of(const Ast& at, const std::string& name) {
        const auto tag = scope_.find(name);
        if (!tag) return unknown_name(at, name);
        const std::uint16_t index = EXPR_TRY(tag_index(at, *tag));
        const std::uint16_t node = add({.op = NodeOp::quality, .index = index});
        watch(node, index, name, tag->unit);
        return Typed{.node = node, .kind = Kind::quality};
    }

    Checked<Typed> expect(const Ast& at, Kind kind, std::string_view where) {
        Typed typed = EXPR_TRY(visit(at));
        if (typed.kind != kind && typed.kind != Kind::any) return wrong_kind(at, typed.kind, kind, where);
        return typed;
    }

    ExprError wrong_kind(const Ast& at, Kind is, Kind wanted, std::string_view where) const {
        std::vector<std::string> suggest;
        if (wanted == Kind::truth && is == Kind::number) suggest.push_back(written(at) + " > 0");
        return wrong(at, fmt::format("{} needs {}, and \"{}\" is {}", where, name_of(wanted), written(at), name_of(is)),
                     std::string(name_of(wanted)), std::move(suggest));
    }

    // Arguments of arithmetic decide nothing themselves: dead bands stay out of them.
    Checked<Typed> operand(const Ast& at, std::string_view where) {
        const int outside = std::exchange(polarity_, 0);
        auto typed = expect(at, Kind::number, where);
        polarity_ = outside;
        return typed;
    }

    Checked<Typed> negate(const Ast& at) {
        Typed typed = EXPR_TRY(operand(*at.kids[0], "\"-\""));
        typed.node = add({.op = NodeOp::negate, .a = typed.node});
        return typed;
    }

    // What meets something of which nothing is known is no better known.
    static Kind both(const Typed& a, const Typed& b) { return b.kind == Kind::any ? b.kind : a.kind; }

    static std::string unit_name(const Typed& typed) { return typed.unit.empty() ? "no unit" : "unit " + typed.unit; }

    // Brings both to one unit, that of the side that is not constant; `verb` says what is tried ("add", "compare").
    std::optional<ExprError> unify(const Ast& at, Typed& left, Typed& right, std::string_view verb) {
        if (left.kind == Kind::any || right.kind == Kind::any) return std::nullopt;
        if (left.bare || right.bare) {
            (left.bare ? left.unit : right.unit) = left.bare ? right.unit : left.unit;
            return std::nullopt;
        }
        if (left.unit == right.unit) return std::nullopt;
        const bool difference = left.difference || right.difference;
        Typed& changed = left.constant && !right.constant ? left : right;
        const std::string& to = &changed == &left ? right.unit : left.unit;
        const auto by = difference ? difference_conversion(changed.unit, to) : conversion(changed.unit, to);
        if (!by) return unlike(at, left, right, verb);
        changed.node = add({.op = NodeOp::affine, .a = changed.node, .number = by->factor, .offset = by->offset});
        changed.unit = to;
        return std::nullopt;
    }

    ExprError unlike(const Ast& at, const Typed& left, const Typed& right, std::string_view verb) const {
        std::string text = fmt::format("cannot {} \"{}\" ({}) and \"{}\" ({}): they measure different things", verb,
                                       written(*at.kids[0]), unit_name(left), written(*at.kids[1]), unit_name(right));
        std::vector<std::string> suggest;
        const Ast& second = *at.kids[1];
        if (right.duration) {
            text += fmt::format("; {} is a duration", second.token.written);
            if (second.token.written.ends_with("m") && convertible(left.unit, "m"))
                suggest.push_back(second.token.written.substr(0, second.token.written.size() - 1) + " m");
        } else if (left.unit.empty() || right.unit.empty()) {
            text += "; give the tag its unit, or write the number without one";
        }
        const std::string expected = left.unit.empty() ? "no unit" : "a unit that converts to " + left.unit;
        return wrong(second, std::move(text), expected, std::move(suggest));
    }

    Checked<Typed> sum(const Ast& at) {
        const bool plus = at.op == Op::add;
        const std::string_view where = plus ? "\"+\"" : "\"-\"";
        Typed left = EXPR_TRY(operand(*at.kids[0], where));
        Typed right = EXPR_TRY(operand(*at.kids[1], where));
        // `temperature + 5 degC`: a constant that is added is so much more, not a temperature of its own.
        if (right.constant && !right.bare && !left.constant && has_offset(right.unit)) right.difference = true;
        if (plus && left.constant && !left.bare && !right.constant && has_offset(left.unit)) left.difference = true;
        if (auto error = unify(at, left, right, plus ? "add" : "subtract")) return *error;
        Typed result{.kind = Kind::number,
                     .unit = left.unit,
                     .constant = left.constant && right.constant,
                     .bare = left.bare && right.bare};
        const bool neither = !left.difference && !right.difference;
        if (left.kind == Kind::any || right.kind == Kind::any)
            result.kind = Kind::any;
        else if (plus)
            result.difference = left.difference && right.difference;
        else
            result.difference = left.difference || (neither && !right.bare);
        result.node = add({.op = plus ? NodeOp::add : NodeOp::subtract, .a = left.node, .b = right.node});
        return result;
    }

    Checked<Typed> product(const Ast& at) {
        const bool times = at.op == Op::multiply;
        const std::string_view where = times ? "\"*\"" : "\"/\"";
        Typed left = EXPR_TRY(operand(*at.kids[0], where));
        Typed right = EXPR_TRY(operand(*at.kids[1], where));
        Typed result{
            .kind = Kind::number, .constant = left.constant && right.constant, .bare = left.bare && right.bare};
        if (left.kind == Kind::any || right.kind == Kind::any) {
            result.kind = Kind::any;
        } else {
            auto unit = times ? product_unit(left.unit, right.unit) : quotient_unit(left.unit, right.unit);
            if (!unit)
                return wrong(at,
                             fmt::format("the unit of this {} cannot be formed: {}", times ? "product" : "quotient",
                                         unit.error().text()),
                             "simpler units");
            result.unit = std::move(*unit);
            // A plain factor keeps a temperature a temperature: (a + b) / 2.
            result.difference =
                (right.unit.empty() && left.difference) || (times && left.unit.empty() && right.difference);
        }
        result.node = add({.op = times ? NodeOp::multiply : NodeOp::divide, .a = left.node, .b = right.node});
        // kPa / bar is a plain number after all.
        const bool formed = !left.unit.empty() && !right.unit.empty() && !result.unit.empty();
        if (const auto plain = formed ? conversion(result.unit, "") : Result<Conversion>(Error{Code::invalid, "no"});
            plain) {
            result.node = add({.op = NodeOp::affine, .a = result.node, .number = plain->factor});
            result.unit.clear();
        }
        return result;
    }

    Checked<Typed> remainder(const Ast& at) {
        Typed left = EXPR_TRY(operand(*at.kids[0], "\"%\""));
        Typed right = EXPR_TRY(operand(*at.kids[1], "\"%\""));
        if (auto error = unify(at, left, right, "take the remainder of")) return *error;
        left.node = add({.op = NodeOp::remainder, .a = left.node, .b = right.node});
        left.constant = left.constant && right.constant;
        left.bare = left.bare && right.bare;
        left.kind = both(left, right);
        return left;
    }

    Checked<Typed> power(const Ast& at) {
        Typed base = EXPR_TRY(operand(*at.kids[0], "\"^\""));
        const std::size_t nodes = program_->nodes_.size();
        const Typed exponent = EXPR_TRY(operand(*at.kids[1], "\"^\""));
        if (!exponent.unit.empty())
            return wrong(*at.kids[1], fmt::format("an exponent has no unit, and this has {}", exponent.unit),
                         "a plain number");
        if (!base.unit.empty()) {
            const double value = program_->nodes_[nodes].number;
            const bool literal = at.kids[1]->op == Op::number && value == std::floor(value) && std::abs(value) <= 9;
            if (!literal)
                return wrong(*at.kids[1],
                             fmt::format("what has a unit ({}) can only be raised to a whole number", base.unit),
                             "2 or 3", {"2"});
            auto unit = power_unit(base.unit, static_cast<int>(value));
            if (!unit)
                return wrong(at, fmt::format("the unit of this power cannot be formed: {}", unit.error().text()),
                             "simpler units");
            base.unit = std::move(*unit);
        }
        base.node = add({.op = NodeOp::power, .a = base.node, .b = exponent.node});
        base.constant = base.constant && exponent.constant;
        base.bare = base.bare && exponent.bare;
        base.kind = both(base, exponent);
        return base;
    }

    static NodeOp comparison_op(Op op) {
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

    // A text that names a quality becomes one beside a quality: x.quality == 'bad'.
    void quality_from_text(const Ast& at, Typed& typed) {
        for (const Grade grade : {Grade::bad, Grade::uncertain, Grade::good})
            if (at.op == Op::text && at.token.text == to_string(grade)) {
                program_->nodes_[typed.node] = {.op = NodeOp::quality_name, .number = static_cast<double>(grade)};
                typed.kind = Kind::quality;
            }
    }

    std::optional<ExprError> check_kinds(const Ast& at, Typed& left, Typed& right) {
        if (left.kind == Kind::quality && right.kind == Kind::text) quality_from_text(*at.kids[1], right);
        if (right.kind == Kind::quality && left.kind == Kind::text) quality_from_text(*at.kids[0], left);
        if (left.kind == Kind::any || right.kind == Kind::any) return std::nullopt;
        const bool ordering = at.op != Op::equal && at.op != Op::not_equal;
        // A machine's bit may be compared with 0 and 1.
        const bool bit =
            !ordering && ((left.kind == Kind::truth && right.bare) || (right.kind == Kind::truth && left.bare));
        if (left.kind != right.kind && !bit) {
            std::vector<std::string> suggest;
            if (left.kind == Kind::quality) suggest = {"good", "uncertain", "bad"};
            if (left.kind == Kind::truth) suggest = {"true", "false"};
            return wrong(*at.kids[1],
                         fmt::format("cannot compare \"{}\" ({}) with \"{}\" ({})", written(*at.kids[0]),
                                     name_of(left.kind), written(*at.kids[1]), name_of(right.kind)),
                         std::string(name_of(left.kind)), std::move(suggest));
        }
        if (ordering && (left.kind == Kind::truth || left.kind == Kind::text))
            return wrong(at, fmt::format("{} has no order; only == and != compare it", name_of(left.kind)),
                         "== or !=", {"==", "!="});
        return std::nullopt;
    }

    Checked<Typed> comparison(const Ast& at) {
        const int outside = std::exchange(polarity_, 0);
        auto first = visit(*at.kids[0]);
        auto second = first ? visit(*at.kids[1]) : first;
        polarity_ = outside;
        Typed left = EXPR_TRY(std::move(first));
        Typed right = EXPR_TRY(std::move(second));
        if (auto error = check_kinds(at, left, right)) return *error;
        if (left.kind == Kind::number && right.kind == Kind::number)
            if (auto error = unify(at, left, right, "compare")) return *error;
        double shift = 0;
        const bool ordering = at.op != Op::equal && at.op != Op::not_equal;
        const bool numbers = left.kind != Kind::quality && right.kind != Kind::quality;
        if (options_.relax > 0 && ordering && numbers && polarity_ != 0) {
            const bool upward = at.op == Op::greater || at.op == Op::greater_equal;
            shift = (upward ? -options_.relax : options_.relax) * polarity_;
            // The tag may stand on the right: 80 < temperature; moving either side by the other sign is the same.
            ++relaxed_;
        }
        const std::uint16_t node = add({.op = comparison_op(at.op), .a = left.node, .b = right.node, .offset = shift});
        return Typed{.node = node, .kind = Kind::truth};
    }

    Checked<Typed> negation(const Ast& at) {
        polarity_ = -polarity_;
        auto kid = expect(*at.kids[0], Kind::truth, "\"not\"");
        polarity_ = -polarity_;
        const Typed typed = EXPR_TRY(std::move(kid));
        return Typed{.node = add({.op = NodeOp::not_, .a = typed.node}), .kind = Kind::truth};
    }

    Checked<Typed> junction(const Ast& at) {
        const std::string_view where = at.op == Op::and_ ? "\"and\"" : "\"or\"";
        const Typed left = EXPR_TRY(expect(*at.kids[0], Kind::truth, where));
        const Typed right = EXPR_TRY(expect(*at.kids[1], Kind::truth, where));
        return Typed{
            .node = add({.op = at.op == Op::and_ ? NodeOp::and_ : NodeOp::or_, .a = left.node, .b = right.node}),
            .kind = Kind::truth};
    }

    Checked<Typed> hold(const Ast& at) {
        const Typed kid = EXPR_TRY(expect(*at.kids[0], Kind::truth, "\"for\""));
        const DurationNs duration = duration_of(at.token);
        hold_longest_ += duration;
        return Typed{
            .node = add({.op = NodeOp::hold, .a = kid.node, .index = program_->holds_++, .duration = duration}),
            .kind = Kind::truth};
    }

    Checked<Typed> call(const Ast& at) {
        const Function* function = find_function(at.token.text);
        ASSERT(function);  // the parser knows the same table
        if (std::find(program_->uses_.begin(), program_->uses_.end(), function->info.name) == program_->uses_.end())
            program_->uses_.emplace_back(function->info.name);
        if (at.kids.size() > kArgumentsMax)
            return wrong(at, fmt::format("{}() takes at most {} arguments", function->info.name, kArgumentsMax),
                         std::string(function->info.signature));
        const int outside = std::exchange(polarity_, 0);
        auto typed = call_function(at, *function);
        polarity_ = outside;
        return typed;
    }

    Checked<Typed> call_function(const Ast& at, const Function& function) {
        switch (function.group) {
            case FunctionGroup::choose:
                return choose(at, function);
            case FunctionGroup::math:
                return math(at, function);
            case FunctionGroup::least_most:
                if (at.kids.size() == 2 && at.kids[1]->op == Op::duration) return window(at, function);
                return least_most(at, function);
            case FunctionGroup::window:
                return window(at, function);
            case FunctionGroup::since:
                return since(at, function);
        }
        ASSERT(false);
        return Typed{};
    }

    ExprError wrong_count(const Ast& at, const Function& function) const {
        return wrong(at,
                     fmt::format("{}() was given {} argument{}", function.info.name, at.kids.size(),
                                 at.kids.size() == 1 ? "" : "s"),
                     std::string(function.info.signature), {std::string(function.info.example)});
    }

    Checked<Typed> choose(const Ast& at, const Function& function) {
        if (at.kids.size() != 3) return wrong_count(at, function);
        const Typed condition = EXPR_TRY(expect(*at.kids[0], Kind::truth, "the first argument of if()"));
        Typed yes = EXPR_TRY(visit(*at.kids[1]));
        Typed no = EXPR_TRY(visit(*at.kids[2]));
        if (yes.kind != no.kind && yes.kind != Kind::any && no.kind != Kind::any)
            return wrong(*at.kids[2],
                         fmt::format("both results of if() must be of one kind: \"{}\" is {}, this is {}",
                                     written(*at.kids[1]), name_of(yes.kind), name_of(no.kind)),
                         std::string(name_of(yes.kind)));
        if (yes.kind == Kind::number && no.kind == Kind::number) {
            const std::uint16_t no_node = no.node, yes_node = yes.node;
            if (yes.bare || no.bare) {
                (yes.bare ? yes.unit : no.unit) = yes.bare ? no.unit : yes.unit;
            } else if (auto by = conversion(no.unit, yes.unit); !by) {
                return wrong(*at.kids[2],
                             fmt::format("both results of if() must have like units: \"{}\" has {}, this has {}",
                                         written(*at.kids[1]), unit_name(yes), unit_name(no)),
                             "a unit that converts to " + yes.unit);
            } else if (no.unit != yes.unit) {
                no.node = add({.op = NodeOp::affine, .a = no_node, .number = by->factor, .offset = by->offset});
            }
            yes.node = yes_node;
        }
        yes.kind = both(yes, no);
        yes.constant = yes.bare = yes.duration = false;
        yes.node = add({.op = NodeOp::choose, .a = condition.node, .b = yes.node, .c = no.node});
        return yes;
    }

    Checked<Typed> math(const Ast& at, const Function& function) {
        if (at.kids.size() != 1) return wrong_count(at, function);
        Typed typed = EXPR_TRY(operand(*at.kids[0], fmt::format("{}()", function.info.name)));
        const bool plain = function.op == NodeOp::sqrt || function.op == NodeOp::log || function.op == NodeOp::exp;
        if (plain && !typed.unit.empty()) {
            if (function.op != NodeOp::sqrt)
                return wrong(
                    *at.kids[0],
                    fmt::format("{}() takes a plain number, and this has {}", function.info.name, unit_name(typed)),
                    "a number without unit");
            typed.unit = EXPR_TRY(root_unit(at, typed));
        }
        typed.node = add({.op = function.op, .a = typed.node});
        return typed;
    }

    // Only squares of units have a root: (mm)^2 of x ^ 2.
    Checked<std::string> root_unit(const Ast& at, const Typed& typed) const {
        const std::string& unit = typed.unit;
        if (unit.ends_with("^2") && unit.size() > 2) {
            std::string root = unit.substr(0, unit.size() - 2);
            if (root.size() > 2 && root.front() == '(' && root.back() == ')') root = root.substr(1, root.size() - 2);
            if (check_unit(root)) return root;
        }
        return wrong(*at.kids[0],
                     fmt::format("sqrt() takes a plain number or a square, and this has {}", unit_name(typed)),
                     "a number without unit");
    }

    Checked<Typed> least_most(const Ast& at, const Function& function) {
        if (at.kids.size() < 2) return wrong_count(at, function);
        const std::string where = fmt::format("{}()", function.info.name);
        Typed best = EXPR_TRY(operand(*at.kids[0], where));
        for (std::size_t i = 1; i < at.kids.size(); ++i) {
            Typed next = EXPR_TRY(operand(*at.kids[i], where));
            if (best.kind == Kind::number && next.kind == Kind::number && !best.bare && !next.bare &&
                best.unit != next.unit) {
                const auto by = conversion(next.unit, best.unit);
                if (!by)
                    return wrong(*at.kids[i],
                                 fmt::format("{}() needs like units: the first has {}, this has {}", function.info.name,
                                             unit_name(best), unit_name(next)),
                                 "a unit that converts to " + best.unit);
                next.node = add({.op = NodeOp::affine, .a = next.node, .number = by->factor, .offset = by->offset});
            } else if (best.bare) {
                best.unit = next.unit;
            }
            best.kind = both(best, next);
            best.node = add({.op = function.op, .a = best.node, .b = next.node});
            best.constant = best.constant && next.constant;
            best.bare = best.bare && next.bare;
        }
        return best;
    }

    // The tag that a window or since() is of.
    Checked<std::pair<std::uint16_t, ScopeTag>> tag_argument(const Ast& at, const Function& function) {
        const Ast& kid = *at.kids[0];
        if (kid.op != Op::name)
            return wrong(kid,
                         fmt::format("the first argument of {}() must be a tag, not a calculation", function.info.name),
                         "a tag", {std::string(function.info.example)});
        const auto tag = scope_.find(kid.token.text);
        if (!tag) return unknown_name(kid, kid.token.text);
        return std::pair{EXPR_TRY(tag_index(kid, *tag)), *tag};
    }

    Checked<Typed> window(const Ast& at, const Function& function) {
        if (at.kids.size() != 2) return wrong_count(at, function);
        const Ast& length = *at.kids[1];
        if (length.op != Op::duration || length.token.number <= 0) {
            const bool metres = length.op == Op::number && length.token.has_unit;
            return wrong(length,
                         fmt::format("the second argument of {}() must be a duration above zero", function.info.name),
                         "a duration such as 30s, 5m, 2h or 1d",
                         {metres ? fmt::format("{}{}", length.token.number, length.token.unit) : "5m"});
        }
        const auto [index, tag] = EXPR_TRY(tag_argument(at, function));
        const Aggregate aggregate = *function.aggregate;
        if (tag.known && tag.type == ValueType::text && aggregate != Aggregate::count)
            return wrong(
                *at.kids[0],
                fmt::format("{}() needs numbers, and \"{}\" is a text", function.info.name, written(*at.kids[0])),
                "a tag with numbers");
        const WindowSpec spec{aggregate, index, duration_of(length.token)};
        auto found = std::find(program_->windows_.begin(), program_->windows_.end(), spec);
        if (found == program_->windows_.end()) found = program_->windows_.insert(found, spec);
        window_longest_ = std::max(window_longest_, spec.length);
        Typed typed{.kind = Kind::number,
                    .unit = tag.unit,
                    .difference = aggregate == Aggregate::delta || aggregate == Aggregate::rate};
        if (aggregate == Aggregate::count) typed.unit.clear();
        if (aggregate == Aggregate::rate) {
            auto unit = quotient_unit(tag.unit, "s");
            if (!unit)
                return wrong(at,
                             fmt::format("the unit {} per second cannot be formed: {}", tag.unit, unit.error().text()),
                             "a simpler unit");
            typed.unit = std::move(*unit);
        }
        if (!tag.known) typed.kind = Kind::any;
        typed.node =
            add({.op = NodeOp::window, .index = static_cast<std::uint16_t>(found - program_->windows_.begin())});
        watch(typed.node, index,
              fmt::format("{}({}, {})", function.info.name, written(*at.kids[0]), length.token.written), typed.unit);
        return typed;
    }

    Checked<Typed> since(const Ast& at, const Function& function) {
        if (at.kids.size() != 1) return wrong_count(at, function);
        const auto [index, tag] = EXPR_TRY(tag_argument(at, function));
        const std::uint16_t node = add({.op = NodeOp::since, .index = index});
        watch(node, index, fmt::format("since({})", written(*at.kids[0])), "s");
        return Typed{.node = node, .kind = Kind::number, .unit = "s"};
    }

    const Scope& scope_;
    const CompileOptions& options_;
    std::shared_ptr<ProgramImpl> program_;
    DurationNs window_longest_ = 0, hold_longest_ = 0;
    int polarity_ = 1;  // which way a comparison decides: 1 as it is, -1 under "not", 0 not at all
    int relaxed_ = 0;
};

}  // namespace

Checked<std::shared_ptr<const Program>> compile(std::string_view text, const Scope& scope,
                                                const CompileOptions& options) {
    return Compiler{text, scope, options}.run();
}

}  // namespace gongshu::expr
