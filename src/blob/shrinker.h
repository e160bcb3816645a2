#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace gongshu::blob {

// Pixels of three bytes, row by row from the top.
struct Pixels {
    std::uint32_t width = 0, height = 0;
    Buffer rgb;
};

// Takes the rows of a picture and keeps the mean of what falls into each pixel of a smaller one.
// Lives: for one picture.  Threads: one.  Bounds: the smaller picture and one row of sums.  Disk: none.
class Shrinker {
public:
    // At most `side_max` in either direction; never larger than the picture.
    Shrinker(std::uint32_t width, std::uint32_t height, std::uint32_t side_max);
    // 3 * width bytes; `height` of them.
    void add_row(const std::uint8_t* rgb);
    // What came; rows that did not are white.
    Pixels finish();

private:
    void close_row();

    const std::uint32_t width_, height_;
    Pixels out_;
    std::vector<std::uint64_t> sums_;
    std::vector<std::uint32_t> counts_;  // pixels that fall into each column of one row
    std::uint32_t row_ = 0, target_row_ = 0, rows_in_target_ = 0;
};

// Turned and mirrored as EXIF's orientation 1 … 8 says.
Pixels turn(Pixels pixels, int orientation);

}  // namespace gongshu::blob
