#include "blob/picture.h"

#include "blob/decoders.h"
#include "blob/sniff.h"

namespace gongshu::blob {
namespace {

constexpr int kQuality = 80;

}  // namespace

Result<void> check_size(std::uint64_t width, std::uint64_t height, bool whole, const PictureLimits& limits) {
    if (width == 0 || height == 0) return Error{Code::malformed, "the picture has no pixels"};
    const std::uint64_t pixels_max = whole ? limits.whole_pixels_max : limits.pixels_max;
    if (width <= pixels_max && height <= pixels_max && width * height <= pixels_max) return {};
    return Error{Code::limit, "the picture has {} x {} pixels, at most {} million are looked at", width, height,
                 pixels_max / 1'000'000};
}

Result<Thumbnail> make_thumbnail(Bytes picture, const PictureLimits& limits) {
    const std::string_view type = sniff(picture);
    if (!has_thumbnail(type)) return Error{Code::unsupported, "of {} no thumbnail is made", type};
    const bool jpeg = type == "image/jpeg";
    auto decoded = TRY(jpeg ? decode_jpeg(picture, limits) : decode_png(picture, limits));
    const int orientation = jpeg ? read_exif(picture).orientation : 1;
    Thumbnail small;
    small.jpeg = TRY(encode_jpeg(turn(std::move(decoded.pixels), orientation), kQuality));
    small.width = orientation >= 5 ? decoded.height : decoded.width;
    small.height = orientation >= 5 ? decoded.width : decoded.height;
    return small;
}

}  // namespace gongshu::blob
