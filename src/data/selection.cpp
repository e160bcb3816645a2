#include "data/selection.h"

#include <array>

namespace gongshu {

std::string_view to_string(Comparison comparison) {
    static constexpr std::array<std::string_view, 6> kNames{"<", "<=", "=", "!=", ">=", ">"};
    return kNames[static_cast<std::size_t>(comparison)];
}

}  // namespace gongshu
