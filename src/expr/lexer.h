#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expr/error.h"
#include "expr/messages.h"

// `Checked` has no TRY of its own: the value, or return the ExprError.
#define EXPR_TRY(...)                            \
    ({                                           \
        auto expr_try_ = (__VA_ARGS__);          \
        if (!expr_try_) [[unlikely]]             \
            return std::move(expr_try_).error(); \
        std::move(*expr_try_);                   \
    })

namespace gongshu::expr {

enum class TokenKind : std::uint8_t { number, duration, text, name, op, end };

// `text` is: of a name the path without quotes; of an operator or keyword its ASCII spelling; of a text its contents.
struct Token {
    TokenKind kind = TokenKind::end;
    std::string text;
    std::uint32_t column = 1;  // from 1, in characters
    std::uint32_t length = 0;
    double number = 0;                         // number; seconds of a duration
    std::optional<std::int64_t> integer = {};  // of a number written without point and exponent, if it fits
    std::string digits;                        // of a number, as ASCII: what is exact is read from these
    std::string unit;                          // of a number, checked; "" = none
    bool has_unit = false;
    std::string written;  // as in the text
    bool quoted = false;  // a name in backticks: never a keyword or a function

    bool is(std::string_view op) const { return kind == TokenKind::op && text == op; }
};

// Seconds of a duration, or of a number whose unit can be one of time alone (5 min, not 5 m); nullopt of anything else.
std::optional<double> seconds_of(const Token& token);

// What somebody wrote for an operator of this language: 并且 is "and", 不 is "not", 大于 is ">".
struct OtherWord {
    std::string_view written;
    std::string_view meant;
};
// The one that `text` begins with, of ASCII letters the one that it is; null if none.
const OtherWord* other_word(std::string_view text);
// What to tell who wrote it.
ExprError write_operator(std::string_view meant, Place place);

// Splits a whole expression. Full-width signs （）＞＜，！＝％ and ≤ ≥ ≠ × ÷ count as their ASCII brothers. The last
// token is `end`.
Checked<std::vector<Token>> split(std::string_view text);

}  // namespace gongshu::expr
