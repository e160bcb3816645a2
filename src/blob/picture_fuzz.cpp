// Bytes that say they are pictures: a thumbnail or a reason, within limits that keep a run short.
#include <cstdint>

#include "base/assert.h"
#include "blob/picture.h"
#include "blob/sniff.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gongshu::blob;
    const gongshu::Bytes bytes{data, size};
    const PictureLimits limits{.pixels_max = 200'000, .whole_pixels_max = 100'000, .passes_max = 8, .side_max = 32};
    std::ignore = read_exif(bytes);
    const auto small = make_thumbnail(bytes, limits);
    if (!small) return 0;
    ASSERT(sniff(small->jpeg) == "image/jpeg");
    ASSERT(!read_exif(small->jpeg).has_position);
    ASSERT(std::uint64_t{small->width} * small->height <= limits.pixels_max);
    return 0;
}
