#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "expr/functions.h"
#include "expr/messages.h"
#include "expr/parser.h"
#include "expr/program.h"
#include "expr/units.h"

namespace gongshu::expr {

// What is known of a sub-expression while compiling.
struct Typed {
    std::uint16_t node = 0;
    Kind kind = Kind::any;
    std::string unit;
    bool constant = false;    // a number literal or made of such
    bool bare = false;        // constant and no unit written: takes the unit of what it meets
    bool difference = false;  // of two temperatures and the like: zero points do not count
    bool duration = false;    // written 5m
    std::uint64_t tags = 0;   // bits of the tags in it
    DurationNs back = 0;      // how far back its readings matter
};

// "#number" and so on: a phrase of the messages.
std::string_view phrase_of(Kind kind);
std::string phrase_of_unit(const Typed& typed);

inline bool is_numeric(Kind kind) { return kind == Kind::number || kind == Kind::integer; }

// One compilation. compile.cpp has names and operators, compile_calls.cpp functions.
class Compiler {
public:
    Compiler(std::string_view text, const Scope& scope, const CompileOptions& options);
    Checked<std::shared_ptr<const Program>> run();

private:
    static DurationNs duration_of(const Token& token);
    Place place(const Ast& at) const;
    ExprError wrong(std::string_view code, const Ast& at, std::vector<ErrorParam> params = {},
                    std::vector<std::string> suggest = {}) const;
    // The characters that a node covers.
    std::string written(const Ast& at) const;
    std::uint16_t add(Node node);

    Checked<Typed> visit(const Ast& at);
    Checked<Typed> visit_one(const Ast& at);
    std::optional<ExprError> fold(const Ast& at, Typed& typed, std::size_t from);
    Checked<Typed> number(const Ast& at);
    Checked<Typed> text(const Ast& at);
    Checked<std::uint16_t> tag_index(const Ast& at, const ScopeTag& tag);
    void watch(std::uint16_t node, std::uint16_t tag, std::string expression, std::string unit);
    ExprError unknown_name(const Ast& at, std::string_view name) const;
    Checked<Typed> name(const Ast& at);
    Checked<Typed> quality_of(const Ast& at, const std::string& name);
    Checked<Typed> expect(const Ast& at, Kind kind, std::string_view where);
    ExprError wrong_kind(const Ast& at, Kind is, Kind wanted, std::string_view where) const;
    // A number; dead bands stay out of arithmetic, whose arguments decide nothing themselves.
    Checked<Typed> operand(const Ast& at, std::string_view where);
    Checked<Typed> value(const Ast& at);  // anything, and dead bands stay out
    Checked<Typed> negate(const Ast& at);
    // A whole number that is written beside an integer is one.
    void make_integer(Typed& constant, const Typed& beside);
    void convert(Typed& typed, double factor, double offset);
    // Brings both to one unit, that of the side that is not constant; `verb` says what is tried ("#add").
    std::optional<ExprError> unify(const Ast& left_at, const Ast& right_at, Typed& left, Typed& right,
                                   std::string_view verb);
    ExprError unlike(const Ast& left_at, const Ast& right_at, const Typed& left, const Typed& right,
                     std::string_view verb) const;
    Checked<Typed> sum(const Ast& at);
    Checked<Typed> time_sum(const Ast& at, Typed left, Typed right);
    Checked<Typed> product(const Ast& at);
    Checked<Typed> remainder(const Ast& at);
    Checked<Typed> power(const Ast& at);
    Checked<Typed> raise(const Ast& at, const Ast& base_at, const Ast& exponent_at, std::string_view where);
    void quality_from_text(const Ast& at, Typed& typed);
    std::optional<ExprError> check_kinds(const Ast& at, const Ast& left_at, const Ast& right_at, bool ordering,
                                         Typed& left, Typed& right);
    Checked<Typed> comparison(const Ast& at);
    // left op right of values that were visited.
    Checked<Typed> compare(const Ast& at, const Ast& left_at, const Ast& right_at, Op op, Typed left, Typed right,
                           int polarity);
    std::optional<Typed> since_compare(Op op, const Typed& left, const Typed& right, double shift);
    Checked<Typed> between(const Ast& at);
    Checked<Typed> member(const Ast& at);
    Checked<Typed> negation(const Ast& at);
    Checked<Typed> junction(const Ast& at);
    Typed join(NodeOp op, const Typed& left, const Typed& right);
    Checked<Typed> hold(const Ast& at);

    Checked<Typed> call(const Ast& at);
    Checked<Typed> call_function(const Ast& at, const Function& function);
    ExprError wrong_count(const Ast& at, const Function& function) const;
    void hide_money(Typed& a, Typed& b);
    Checked<Typed> choose(const Ast& at);
    Checked<Typed> plain(const Ast& at, const Function& function);
    Checked<Typed> argument(const Ast& at, const Ast& first_at, char letter, const Function& function, Typed& first,
                            bool is_first);
    Checked<Typed> number_argument_of(const Ast& at, char letter, const Function& function, Typed& first, bool is_first,
                                      Typed typed);
    Checked<Typed> result(const Ast& at, const Function& function, Typed first, const std::vector<Typed>& arguments);
    Checked<Typed> coalesce(const Ast& at, const Function& function);
    Checked<Typed> known(const Ast& at, const Function& function);
    Checked<std::string> root_unit(const Ast& at, const Typed& typed) const;
    Checked<std::pair<std::uint16_t, ScopeTag>> tag_argument(const Ast& at, const Function& function);
    struct Looked {
        Source source;
        Typed typed;
    };
    // What a window looks at. `kind`: truth for conditions, number, or any.
    Checked<Looked> source(const Ast& at, const Function& function, Kind kind);
    std::optional<ExprError> count_window(const Ast& at);
    Checked<DurationNs> duration_argument(const Ast& at, std::size_t index, const Function& function);
    Checked<double> number_argument(const Ast& at, std::size_t index, const Function& function, double low,
                                    double high);
    Checked<Typed> window(const Ast& at, const Function& function);
    Checked<Typed> window_result(const Ast& at, const Function& function, const Typed& of) const;
    Checked<Typed> lag(const Ast& at, const Ast& value, DurationNs by);
    Typed lag_of(const Typed& typed, Source source, DurationNs by);
    Checked<Typed> lag_call(const Ast& at, const Function& function);
    Checked<Typed> changed(const Ast& at, const Function& function);
    Checked<Typed> since(const Ast& at, const Function& function);
    Checked<Typed> time_call(const Ast& at, const Function& function);
    Checked<Typed> calendar(const Ast& at, const Function& function);

    // compile_exact.cpp: money, prices, dates.
    Checked<Typed> money_number(const Ast& at, const MoneyUnit& unit);
    // The tag's number as money, if its unit is that.
    void money_tag(Typed& typed);
    Typed not_yet(const Typed& left, const Typed& right, Kind kind);
    Checked<Typed> exact_sum(const Ast& at, Typed left, Typed right);
    // `swapped`: left was written on the right.
    Checked<Typed> date_sum(const Ast& at, const Typed& left, const Typed& right, bool swapped);
    ExprError refused_sum(const Ast& at, const Typed& left, const Typed& right) const;
    Checked<Typed> money_product(const Ast& at, Typed left, Typed right);
    Checked<Typed> money_quotient(const Ast& at, Typed left, Typed right);
    ExprError refused_product(std::string_view code, const Ast& at, const Typed& left, const Typed& right) const;
    Typed scaled(NodeOp op, const Typed& left, const Typed& right, Scaling by, std::string unit);
    // Two that must be of one kind, currency and unit, where either is money or a price.
    std::optional<ExprError> unlike_money(const Ast& left_at, const Ast& right_at, const Typed& left,
                                          const Typed& right) const;
    Checked<Typed> rounding(const Ast& at, const Function& function);
    Checked<Typed> to_money(const Ast& at, const Function& function);
    Checked<Typed> share(const Ast& at, const Function& function);
    Checked<Typed> split(const Ast& at, const Function& function);
    Checked<Typed> date_call(const Ast& at, const Function& function);
    std::uint16_t add_scaling(const Scaling& by);

    const Scope& scope_;
    const CompileOptions& options_;
    std::shared_ptr<ProgramImpl> program_;
    std::size_t window_count_ = 0;
    int polarity_ = 1;  // which way a comparison decides: 1 as it is, -1 under "not", 0 not at all
    int relaxed_ = 0;
    Rounding rounding_ = Rounding::half_even;
};

}  // namespace gongshu::expr
