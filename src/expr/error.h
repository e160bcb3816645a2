#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace gongshu::expr {

// What is wrong with an expression and where, so that an editor can mark the place and offer the cure.
struct ExprError {
    std::string text;          // one sentence in English
    std::uint32_t column = 1;  // of the first wrong character, from 1, in characters (code points), not bytes
    std::uint32_t length = 0;  // characters to mark; 0 = at the end of the text
    std::string found;         // as written; "" = the end of the text
    std::string expected;
    std::vector<std::string> suggest;  // nearest names or texts to put there, best first, at most 5

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

}  // namespace gongshu::expr
