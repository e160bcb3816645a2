#include "base/base64.h"

#include <algorithm>
#include <string_view>

namespace gongshu {

std::string encode_base64(Bytes bytes) {
    static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto count = std::min<std::size_t>(bytes.size() - i, 3);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? bytes[i + k] : 0u);
        for (std::size_t k = 0; k <= count; ++k) text.push_back(kAlphabet[group >> (18 - 6 * k) & 63]);
        text.append(3 - count, '=');
    }
    return text;
}

}  // namespace gongshu
