#include "expr/parser.h"

#include <optional>

#include "expr/expr.h"
#include "expr/suggest.h"

namespace gongshu::expr {
namespace {

using Tree = std::unique_ptr<Ast>;

class Parser {
public:
    explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    Checked<Tree> run() {
        if (peek().kind == TokenKind::end)
            return unexpected("the expression is empty", "a condition such as temperature > 80");
        Tree tree = EXPR_TRY(hold());
        if (peek().kind != TokenKind::end) {
            if (peek().is(")")) return unexpected("this bracket was never opened", "an operator or the end");
            return unexpected(fmt::format("found \"{}\" where an operator or the end was expected", peek().written),
                              "and, or, a comparison, or the end", {"and", "or", "for"});
        }
        return tree;
    }

private:
    const Token& peek() const { return tokens_[pos_]; }
    Token take() { return tokens_[pos_ == tokens_.size() - 1 ? pos_ : pos_++]; }

    ExprError unexpected(std::string text, std::string expected, std::vector<std::string> suggest = {}) const {
        const Token& token = peek();
        return {std::move(text), token.column, token.length, token.written, std::move(expected), std::move(suggest)};
    }

    Checked<Tree> node(Op op, Token token, std::uint32_t column, std::vector<Tree> kids) {
        if (++nodes_ > kNodesMax)
            return unexpected(fmt::format("the expression has more than {} operations", kNodesMax),
                              "a shorter expression");
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

    Checked<Tree> hold() {
        if (++depth_ > kDepthMax)
            return unexpected(fmt::format("brackets are nested deeper than {}", kDepthMax), "a flatter expression");
        Tree tree = EXPR_TRY(any_of());
        while (peek().is("for")) {
            take();
            if (peek().kind != TokenKind::duration)
                return unexpected("\"for\" needs a duration", "a duration such as 30s, 5m, 2h or 1d", {"30s", "5m"});
            Token duration = take();
            const std::uint32_t column = tree->column;
            tree = EXPR_TRY(unary_node(Op::hold, std::move(duration), column, std::move(tree)));
        }
        --depth_;
        return tree;
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
        if (++depth_ > kDepthMax)
            return unexpected(fmt::format("\"not\" is nested deeper than {}", kDepthMax), "a flatter expression");
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
        const auto op = comparison_of(peek());
        if (!op) return tree;
        Token token = take();
        tree = EXPR_TRY(binary(*op, std::move(tree), std::move(token), EXPR_TRY(sum())));
        if (comparison_of(peek()))
            return unexpected("comparisons cannot be chained; write a < b and b < c", "and, or, or the end", {"and"});
        return tree;
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
        Tree tree = EXPR_TRY(signed_value());
        while (peek().is("*") || peek().is("/") || peek().is("%")) {
            Token token = take();
            const Op op = token.text == "*" ? Op::multiply : token.text == "/" ? Op::divide : Op::remainder;
            tree = EXPR_TRY(binary(op, std::move(tree), std::move(token), EXPR_TRY(signed_value())));
        }
        return tree;
    }

    Checked<Tree> signed_value() {
        if (!peek().is("-") && !peek().is("+")) return raised();
        if (++depth_ > kDepthMax)
            return unexpected(fmt::format("signs are nested deeper than {}", kDepthMax), "a flatter expression");
        Token token = take();
        const std::uint32_t column = token.column;
        Tree kid = EXPR_TRY(signed_value());
        --depth_;
        if (token.text == "+") return kid;
        return unary_node(Op::negate, std::move(token), column, std::move(kid));
    }

    Checked<Tree> raised() {
        Tree tree = EXPR_TRY(primary());
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
                return name();
            case TokenKind::end:
                return unexpected("the expression ends where a value was expected", "a tag, a number or a bracket");
            case TokenKind::op:
                break;
        }
        if (peek().is("true") || peek().is("false")) return node(Op::boolean, take(), column, {});
        if (peek().is("(")) {
            const Token open = take();
            Tree tree = EXPR_TRY(hold());
            if (!peek().is(")"))
                return unexpected(fmt::format("the bracket of column {} is not closed", open.column), ")", {")"});
            const Token close = take();
            tree->column = open.column;
            tree->length = close.column + close.length - open.column;
            return tree;
        }
        return unexpected(fmt::format("found \"{}\" where a value was expected", peek().written),
                          "a tag, a number or a bracket");
    }

    Checked<Tree> name() {
        Token token = take();
        const std::uint32_t column = token.column;
        if (peek().is("(") && !token.quoted) return call(std::move(token));
        Tree tree = EXPR_TRY(node(Op::name, std::move(token), column, {}));
        if (!peek().is(".")) return tree;
        take();  // `a b`.quality: after backticks the member is a token of its own
        if (peek().kind != TokenKind::name || peek().text != "quality")
            return unexpected("only \".quality\" can follow a tag", "quality", {"quality"});
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
            return ExprError{fmt::format("there is no function \"{}\"", function.text),
                             function.column,
                             function.length,
                             function.written,
                             "a function",
                             nearest(function.text, names)};
        take();  // (
        std::vector<Tree> kids;
        while (!peek().is(")")) {
            kids.push_back(EXPR_TRY(hold()));
            if (peek().is(",")) {
                take();
                if (peek().is(")")) return unexpected("after a comma another argument is expected", "a value");
            } else if (!peek().is(")")) {
                return unexpected(fmt::format("the arguments of {}() are not closed", function.text), "\",\" or \")\"",
                                  {")", ","});
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
