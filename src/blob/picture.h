#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::blob {

// A small picture of a picture, made from bytes that nobody trusts.
struct Thumbnail {
    Buffer jpeg;                          // without what the original tells of place, time and camera
    std::uint32_t width = 0, height = 0;  // of the original, as it is looked at
};

struct PictureLimits {
    std::uint64_t pixels_max = 64'000'000;        // of what comes row by row
    std::uint64_t whole_pixels_max = 24'000'000;  // of progressive JPEG and interlaced PNG, which are held whole
    std::uint32_t passes_max = 64;                // of a progressive JPEG
    std::uint32_t side_max = 320;                 // of the thumbnail
};

// JPEG and PNG. The orientation that EXIF tells is honoured; what is clear becomes white. Code::malformed says what is
// wrong with the picture, Code::limit that it is too large to be decoded: sizes are looked at before anything is.
Result<Thumbnail> make_thumbnail(Bytes picture, const PictureLimits& limits = {});

// What EXIF of a JPEG tells; 1 and false when there is none, or it is broken.
struct Exif {
    int orientation = 1;  // 1 … 8
    bool has_position = false;
};
Exif read_exif(Bytes jpeg);

}  // namespace gongshu::blob
