#include "blob/shrinker.h"

#include <algorithm>

#include "base/assert.h"

namespace gongshu::blob {

Shrinker::Shrinker(std::uint32_t width, std::uint32_t height, std::uint32_t side_max) : width_(width), height_(height) {
    ASSERT(width > 0 && height > 0 && side_max > 0);
    const std::uint32_t side = std::max(width, height);
    const auto scaled = [&](std::uint32_t length) {
        if (side <= side_max) return length;
        return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(std::uint64_t{length} * side_max / side));
    };
    out_.width = scaled(width);
    out_.height = scaled(height);
    out_.rgb.assign(std::size_t{3} * out_.width * out_.height, 255);
    sums_.assign(std::size_t{3} * out_.width, 0);
    counts_.assign(out_.width, 0);
    for (std::uint32_t x = 0; x < width_; ++x) ++counts_[std::uint64_t{x} * out_.width / width_];
}

void Shrinker::add_row(const std::uint8_t* rgb) {
    if (row_ >= height_) return;
    const auto target = static_cast<std::uint32_t>(std::uint64_t{row_} * out_.height / height_);
    if (target != target_row_) {
        close_row();
        target_row_ = target;
    }
    for (std::uint32_t x = 0; x < width_; ++x) {
        std::uint64_t* const sum = &sums_[3 * (std::uint64_t{x} * out_.width / width_)];
        sum[0] += rgb[0];
        sum[1] += rgb[1];
        sum[2] += rgb[2];
        rgb += 3;
    }
    ++rows_in_target_;
    ++row_;
}

void Shrinker::close_row() {
    if (rows_in_target_ == 0) return;
    std::uint8_t* to = &out_.rgb[std::size_t{3} * out_.width * target_row_];
    for (std::uint32_t x = 0; x < out_.width; ++x)
        for (int i = 0; i < 3; ++i) {
            const std::uint64_t count = std::uint64_t{counts_[x]} * rows_in_target_;
            *to++ = static_cast<std::uint8_t>((sums_[3 * std::size_t{x} + i] + count / 2) / count);
        }
    std::ranges::fill(sums_, 0);
    rows_in_target_ = 0;
}

Pixels Shrinker::finish() {
    close_row();
    return std::move(out_);
}

Pixels turn(Pixels pixels, int orientation) {
    if (orientation <= 1 || orientation > 8) return pixels;
    const bool swaps = orientation >= 5;
    Pixels out{swaps ? pixels.height : pixels.width, swaps ? pixels.width : pixels.height, {}};
    out.rgb.resize(pixels.rgb.size());
    for (std::uint32_t y = 0; y < out.height; ++y)
        for (std::uint32_t x = 0; x < out.width; ++x) {
            // Where the pixel of the upright picture lies in the stored one.
            std::uint32_t from_x = swaps ? y : x, from_y = swaps ? x : y;
            if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
                from_x = pixels.width - 1 - from_x;
            if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
                from_y = pixels.height - 1 - from_y;
            const std::size_t from = 3 * (std::size_t{from_y} * pixels.width + from_x);
            std::copy_n(&pixels.rgb[from], 3, &out.rgb[3 * (std::size_t{y} * out.width + x)]);
        }
    return out;
}

}  // namespace gongshu::blob
