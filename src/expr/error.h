#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace gongshu::expr {

// A named part of an error's text. A value that begins with "#" is a phrase of the table ("#number" is "a number").
struct ErrorParam {
    std::string name, value;
    friend bool operator==(const ErrorParam&, const ErrorParam&) = default;
};

// What is wrong with an expression and where, so that an editor can mark the place and offer the cure.
struct ExprError {
    std::string text;          // one sentence in English
    std::uint32_t column = 1;  // of the first wrong character, from 1, in characters (code points), not bytes
    std::uint32_t length = 0;  // characters to mark; 0 = at the end of the text
    std::string found;         // as written; "" = the end of the text
    std::string expected;
    std::vector<std::string> suggest = {};  // nearest names or texts to put there, best first, at most 5
    std::string code = {};                  // stable, snake_case: "unknown_tag"; docs/guide/expressions.md lists them
    std::vector<ErrorParam> params = {};

    // The sentence and what was expected, "zh" or "en". An error that is not of this folder has English alone.
    std::string text_in(std::string_view language) const;
    std::string expected_in(std::string_view language) const;
    // A part as it is said there: "数值" for "#number".
    static std::string param_in(std::string_view language, const ErrorParam& param);

    // Code::invalid, "column 12: …".
    Error to_error() const;
};

// A value or why the expression has none.
template <class T>
class [[nodiscard]] Checked : public std::expected<T, ExprError> {
    using Base = std::expected<T, ExprError>;

public:
    using Base::Base;
    Checked(ExprError error) : Base(std::unexpected(std::move(error))) {}
};

// Every error there is: code and the sentence with {names} of its parts. For the reference.
struct ErrorInfo {
    std::string_view code, text_en, text_zh, expected_en, expected_zh;
};
const std::vector<ErrorInfo>& errors();

}  // namespace gongshu::expr
