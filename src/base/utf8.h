#pragma once

#include <cstddef>
#include <string_view>

namespace gongshu {

// Where the first byte stands that is not part of well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates,
// nothing past U+10FFFF); npos if there is none.
std::size_t find_broken_utf8(std::string_view text);

// How many characters a text has, if it is well-formed.
std::size_t utf8_characters(std::string_view text);

// The beginning of it, at most so many bytes, that ends between two characters.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace gongshu
