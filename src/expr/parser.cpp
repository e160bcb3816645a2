#include "expr/parser.h"

#include <algorithm>
#include <optional>

#include "expr/expr.h"
#include "expr/messages.h"
#include "expr/suggest.h"

namespace gongshu::expr {
namespace {

using Tree = std::unique_ptr<Ast>;

class Parser {
public:
    explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    Checked<Tree> run() {
        if (peek().kind == TokenKind::end) return unexpected("empty");
        Tree tree = EXPR_TRY(whole());
        if (peek().kind != TokenKind::end) {
            if (peek().is(")")) return unexpected("unopened_bracket");
            return not_an_operator();
        }
        return tree;
    }

private:
    const Token& peek() const { return tokens_[pos_]; }
    Token take() { return tokens_[pos_ == tokens_.size() - 1 ? pos_ : pos_++]; }

    ExprError unexpected(std::string_view code, std::vector<ErrorParam> params = {},
                         std::vector<std::string> suggest = {}) const {
        const Token& token = peek();
        return make_error(code, {token.column, token.length, token.written}, std::move(params), std::move(suggest));
    }

    ExprError not_an_operator() const {
        const Token& token = peek();
        const OtherWord* const other =
            token.kind == TokenKind::name && !token.quoted ? other_word(token.text) : nullptr;
        if (!other) return unexpected("expected_operator", {}, {"and", "or", "for"});
        std::uint32_t length = 0;
        for (const char byte : other->written) length += (byte & 0xc0) != 0x80;
        return write_operator(other->meant, {token.column, length, std::string(other->written)});
    }

    // A duration, or a number in a unit of time: `for 5 min` is `for 5min`.
    Checked<Token> duration(std::string_view code, std::vector<std::string> suggest) {
        const auto seconds = seconds_of(peek());
        if (!seconds && peek().kind == TokenKind::number && peek().unit == "m")
            suggest.insert(suggest.begin(), fmt::format("{}m", peek().number));
        if (!seconds) return unexpected(code, {}, std::move(suggest));
        if (*seconds * 1e9 > static_cast<double>(kWindowMax)) return unexpected("duration_range");
        Token token = take();
        token.kind = TokenKind::duration;
        token.number = *seconds;
        token.unit = std::string{"s"};  // not assigned from a literal: g++ 12 warns of a copy that cannot be
        return token;
    }

    ExprError too_deep(std::string_view what) const {
        return unexpected("too_deep", {{"what", std::string(what)}, {"most", fmt::to_string(kDepthMax)}});
    }

    // A word that is one only where an operator can stand.
    bool word(std::string_view text, std::size_t ahead = 0) const {
        const Token& token = tokens_[std::min(pos_ + ahead, tokens_.size() - 1)];
        return token.kind == TokenKind::name && !token.quoted && token.text == text;
    }

    Checked<Tree> node(Op op, Token token, std::uint32_t column, std::vector<Tree> kids) {
        if (++nodes_ > kNodesMax) return unexpected("too_many_operations", {{"most", fmt::to_string(kNodesMax)}});
        auto tree = std::make_unique<Ast>(Ast{op, column, 0, std::move(token), std::move(kids)});
        const Token& last = tokens_[pos_ == 0 ? 0 : pos_ - 1];
        tree->length = last.column + last.length - column;
        return tree;
    }

    Checked<Tree> binary(Op op, Tree left, Token token, Tree right) {
        const std::uint32_t column = left->column;
        std::vector<Tree> kids;
        kids.push_back(std::move(left));
        kids.push_back(std::move(right));
        return node(op, std::move(token), column, std::move(kids));
    }

    Checked<Tree> unary_node(Op op, Token token, std::uint32_t column, Tree kid) {
        std::vector<Tree> kids;
        kids.push_back(std::move(kid));
        return node(op, std::move(token), column, std::move(kids));
    }

    Checked<Tree> whole() {
        if (++depth_ > kDepthMax) return too_deep("#brackets");
        Tree tree = EXPR_TRY(hold());
        --depth_;
        return tree;
    }

    Checked<Tree> hold() {
        Tree tree = EXPR_TRY(any_of());
        while (peek().is("for")) {
            take();
            Token length = EXPR_TRY(duration("for_duration", {"30s", "5m"}));
            const std::uint32_t column = tree->column;
            tree = EXPR_TRY(unary_node(Op::hold, std::move(length), column, std::move(tree)));
        }
        if (tree->op == Op::hold && (peek().is("and") || peek().is("or")))
            return unexpected("bracket_for", {{"word", peek().text}}, {"("});
        return tree;
    }

    // `if` begins a choice unless it is a tag (an operator or the end follows) or the function if(c, a, b).
    bool choice_follows() const {
        if (!word("if")) return false;
        const Token& next = tokens_[std::min(pos_ + 1, tokens_.size() - 1)];
        if (next.is("(")) {
            std::size_t open = 0;
            for (std::size_t i = pos_ + 1; i < tokens_.size(); ++i) {
                if (tokens_[i].is("(")) ++open;
                if (tokens_[i].is(",") && open == 1) return false;
                if (tokens_[i].is(")") && --open == 0) return true;
            }
            return false;
        }
        return next.kind == TokenKind::name || next.kind == TokenKind::number || next.kind == TokenKind::duration ||
               next.kind == TokenKind::text || next.is("not") || next.is("true") || next.is("false");
    }

    Checked<Tree> choice() {
        Token token = take();
        const std::uint32_t column = token.column;
        std::vector<Tree> kids;
        for (const std::string_view after : {"then", "else", ""}) {
            kids.push_back(EXPR_TRY(whole()));
            if (after.empty()) break;
            if (!word(after)) return unexpected("if_then", {{"write", std::string(after)}}, {std::string(after)});
            take();
        }
        return node(Op::choose, std::move(token), column, std::move(kids));
    }

    Checked<Tree> any_of() {
        Tree tree = EXPR_TRY(all_of());
        while (peek().is("or")) {
            Token op = take();
            tree = EXPR_TRY(binary(Op::or_, std::move(tree), std::move(op), EXPR_TRY(all_of())));
        }
        return tree;
    }

    Checked<Tree> all_of() {
        Tree tree = EXPR_TRY(negated());
        while (peek().is("and")) {
            Token op = take();
            tree = EXPR_TRY(binary(Op::and_, std::move(tree), std::move(op), EXPR_TRY(negated())));
        }
        return tree;
    }

    Checked<Tree> negated() {
        if (!peek().is("not")) return comparison();
        if (++depth_ > kDepthMax) return too_deep("#nots");
        Token op = take();
        const std::uint32_t column = op.column;
        Tree kid = EXPR_TRY(negated());
        --depth_;
        return unary_node(Op::not_, std::move(op), column, std::move(kid));
    }

    static std::optional<Op> comparison_of(const Token& token) {
        if (token.is("<")) return Op::less;
        if (token.is("<=")) return Op::less_equal;
        if (token.is(">")) return Op::greater;
        if (token.is(">=")) return Op::greater_equal;
        if (token.is("==")) return Op::equal;
        if (token.is("!=")) return Op::not_equal;
        return std::nullopt;
    }

    Checked<Tree> comparison() {
        Tree tree = EXPR_TRY(sum());
        const bool negated = peek().is("not") && (word("between", 1) || word("in", 1));
        if (negated || word("between") || word("in")) return member(std::move(tree), negated);
        const auto op = comparison_of(peek());
        if (!op) return tree;
        Token token = take();
        tree = EXPR_TRY(binary(*op, std::move(tree), std::move(token), EXPR_TRY(sum())));
        if (comparison_of(peek())) return unexpected("chained", {}, {"and"});
        return tree;
    }

    // x [not] between a and b, x [not] in (a, b, …)
    Checked<Tree> member(Tree value, bool negated) {
        Token no = negated ? take() : Token{};
        Token token = take();
        const std::uint32_t column = value->column;
        const Op op = token.text == "in" ? Op::in : Op::between;
        std::vector<Tree> kids;
        kids.push_back(std::move(value));
        if (op == Op::between) {
            kids.push_back(EXPR_TRY(sum()));
            if (!peek().is("and")) return unexpected("between_and", {}, {"and"});
            take();
            kids.push_back(EXPR_TRY(sum()));
        } else {
            if (!peek().is("(")) return unexpected("in_list", {}, {"("});
            do {
                take();
                kids.push_back(EXPR_TRY(sum()));
            } while (peek().is(","));
            if (!peek().is(")")) return unexpected("unclosed_arguments", {{"name", "in"}}, {")", ","});
            take();
        }
        Tree tree = EXPR_TRY(node(op, std::move(token), column, std::move(kids)));
        if (!negated) return tree;
        return unary_node(Op::not_, std::move(no), column, std::move(tree));
    }

    Checked<Tree> sum() {
        Tree tree = EXPR_TRY(product());
        while (peek().is("+") || peek().is("-")) {
            Token token = take();
            const Op op = token.text == "+" ? Op::add : Op::subtract;
            tree = EXPR_TRY(binary(op, std::move(tree), std::move(token), EXPR_TRY(product())));
        }
        return tree;
    }

    Checked<Tree> product() {
        Tree tree = EXPR_TRY(substituted());
        while (peek().is("*") || peek().is("/") || peek().is("%")) {
            Token token = take();
            const Op op = token.text == "*" ? Op::multiply : token.text == "/" ? Op::divide : Op::remainder;
            tree = EXPR_TRY(binary(op, std::move(tree), std::move(token), EXPR_TRY(substituted())));
        }
        return tree;
    }

    // a ?? b is coalesce(a, b).
    Checked<Tree> substituted() {
        Tree tree = EXPR_TRY(signed_value());
        while (peek().is("??")) {
            Token token = take();
            token.text = std::string{"coalesce"};
            tree = EXPR_TRY(binary(Op::call, std::move(tree), std::move(token), EXPR_TRY(signed_value())));
        }
        return tree;
    }

    Checked<Tree> signed_value() {
        if (!peek().is("-") && !peek().is("+")) return raised();
        if (++depth_ > kDepthMax) return too_deep("#signs");
        Token token = take();
        const std::uint32_t column = token.column;
        Tree kid = EXPR_TRY(signed_value());
        --depth_;
        if (token.text == "+") return kid;
        return unary_node(Op::negate, std::move(token), column, std::move(kid));
    }

    Checked<Tree> raised() {
        Tree tree = EXPR_TRY(primary());
        while (peek().is("@")) {
            take();
            if (!peek().is("-")) return unexpected("at_duration", {}, {"-1h"});
            take();
            Token length = EXPR_TRY(duration("at_duration", {"1h"}));
            const std::uint32_t column = tree->column;
            tree = EXPR_TRY(unary_node(Op::back, std::move(length), column, std::move(tree)));
        }
        if (!peek().is("^")) return tree;
        Token token = take();
        return binary(Op::power, std::move(tree), std::move(token), EXPR_TRY(signed_value()));
    }

    Checked<Tree> primary() {
        const std::uint32_t column = peek().column;
        switch (peek().kind) {
            case TokenKind::number:
                return node(Op::number, take(), column, {});
            case TokenKind::duration:
                return node(Op::duration, take(), column, {});
            case TokenKind::text:
                return node(Op::text, take(), column, {});
            case TokenKind::name:
                return choice_follows() ? choice() : name();
            case TokenKind::end:
                return unexpected("ends_early");
            case TokenKind::op:
                break;
        }
        if (peek().is("true") || peek().is("false")) return node(Op::boolean, take(), column, {});
        if (peek().is("(")) {
            const Token open = take();
            Tree tree = EXPR_TRY(whole());
            if (!peek().is(")"))
                return unexpected("unclosed_bracket", {{"column", fmt::to_string(open.column)}}, {")"});
            const Token close = take();
            tree->column = open.column;
            tree->length = close.column + close.length - open.column;
            return tree;
        }
        return unexpected("expected_value");
    }

    // `不 running`: a word for "not" where the name of a tag would have nothing behind it.
    bool stands_for_not() const {
        const Token& token = peek();
        const OtherWord* const other = token.quoted ? nullptr : other_word(token.text);
        if (!other || other->meant != "not" || other->written != token.text) return false;
        const Token& next = tokens_[std::min(pos_ + 1, tokens_.size() - 1)];
        return (next.kind == TokenKind::name && !other_word(next.text)) || next.is("(") || next.is("true") ||
               next.is("false");
    }

    Checked<Tree> name() {
        if (stands_for_not()) return not_an_operator();
        Token token = take();
        const std::uint32_t column = token.column;
        if (peek().is("(") && !token.quoted) return call(std::move(token));
        Tree tree = EXPR_TRY(node(Op::name, std::move(token), column, {}));
        if (!peek().is(".")) return tree;
        take();  // `a b`.quality: after backticks the member is a token of its own
        if (peek().kind != TokenKind::name || peek().text != "quality")
            return unexpected("only_quality", {}, {"quality"});
        Token member = take();
        return unary_node(Op::quality_of, std::move(member), column, std::move(tree));
    }

    Checked<Tree> call(Token function) {
        const std::uint32_t column = function.column;
        std::vector<std::string> names;
        bool known = false;
        for (const FunctionInfo& info : functions()) {
            names.emplace_back(info.name);
            known = known || info.name == function.text;
        }
        if (!known)
            return make_error("unknown_function", {function.column, function.length, function.written},
                              {{"name", function.text}}, nearest(function.text, names));
        take();  // (
        std::vector<Tree> kids;
        while (!peek().is(")")) {
            kids.push_back(EXPR_TRY(whole()));
            if (peek().is(",")) {
                take();
                if (peek().is(")")) return unexpected("after_comma");
            } else if (!peek().is(")")) {
                return unexpected("unclosed_arguments", {{"name", function.text}}, {")", ","});
            }
        }
        take();  // )
        return node(Op::call, std::move(function), column, std::move(kids));
    }

    const std::vector<Token> tokens_;
    std::size_t pos_ = 0;
    std::size_t depth_ = 0;
    std::size_t nodes_ = 0;
};

}  // namespace

Checked<std::unique_ptr<Ast>> parse(std::string_view text) { return Parser{EXPR_TRY(split(text))}.run(); }

}  // namespace gongshu::expr
