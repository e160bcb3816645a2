#pragma once

#include <cstddef>
#include <string_view>

namespace gongshu {

// Where the first byte stands that is not part of well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates,
// nothing past U+10FFFF); npos if there is none.
std::size_t find_broken_utf8(std::string_view text);

}  // namespace gongshu
