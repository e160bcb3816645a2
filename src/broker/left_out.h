#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace gongshu::broker {

// The values of one payload that were left out, in one sentence.
struct LeftOut {
    static constexpr std::size_t kToldMax = 5;

    std::size_t count = 0;
    std::string text;

    void add(std::string_view what) {
        if (++count <= kToldMax) text.append(count > 1 ? "; " : "").append(what);
    }
    std::string problem() && {
        if (count > kToldMax) text.append(fmt::format("; and {} more", count - kToldMax));
        return std::move(text);
    }
};

}  // namespace gongshu::broker
