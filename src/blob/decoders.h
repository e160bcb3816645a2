#pragma once

#include "blob/picture.h"
#include "blob/shrinker.h"

// The two libraries that know pictures. Not for other folders.
namespace gongshu::blob {

struct Decoded {
    Pixels pixels;                        // small, not turned yet
    std::uint32_t width = 0, height = 0;  // of the picture as it is stored
};

Result<Decoded> decode_jpeg(Bytes picture, const PictureLimits& limits);
Result<Decoded> decode_png(Bytes picture, const PictureLimits& limits);
Result<Buffer> encode_jpeg(const Pixels& pixels, int quality);

// Code::limit unless a picture of that size may be decoded; `whole`: it is held in memory as a whole.
Result<void> check_size(std::uint64_t width, std::uint64_t height, bool whole, const PictureLimits& limits);

}  // namespace gongshu::blob
