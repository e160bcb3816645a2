#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gongshu {

using Bytes = std::span<const std::uint8_t>;  // read only, not owned
using Buffer = std::vector<std::uint8_t>;     // owned

inline Bytes as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Lower-case hexadecimal, two digits a byte.
std::string to_hex(Bytes bytes);

}  // namespace gongshu
