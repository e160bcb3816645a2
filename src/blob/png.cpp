// libpng tells errors by longjmp: in each function between setjmp and its end no object with a destructor is made.
#include <png.h>

#include <cstring>
#include <memory>

#include "blob/decoders.h"

namespace gongshu::blob {
namespace {

constexpr std::uint32_t kChunkBytesMax = 1 << 20;  // of texts and profiles, once unpacked
constexpr std::uint32_t kChunksMax = 100;

struct Decoder {
    png_structp png = nullptr;
    png_infop info = nullptr;
    Bytes rest;
    char text[120] = {};
    ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
    auto* const decoder = static_cast<Decoder*>(png_get_error_ptr(png));
    std::strncpy(decoder->text, text, sizeof decoder->text - 1);
    png_longjmp(png, 1);
}
void ignore_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep into, std::size_t bytes) {
    auto* const decoder = static_cast<Decoder*>(png_get_io_ptr(png));
    if (bytes > decoder->rest.size()) png_error(png, "it ends too early");
    std::memcpy(into, decoder->rest.data(), bytes);
    decoder->rest = decoder->rest.subspan(bytes);
}

bool read_head(Decoder& decoder) {
    if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
    png_set_read_fn(decoder.png, &decoder, on_read);
    png_set_chunk_malloc_max(decoder.png, kChunkBytesMax);
    png_set_chunk_cache_max(decoder.png, kChunksMax);
    png_read_info(decoder.png, decoder.info);
    return true;
}

// From then on every row is of three bytes a pixel.
bool begin(Decoder& decoder) {
    if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
    png_set_expand(decoder.png);
    png_set_scale_16(decoder.png);
    png_set_gray_to_rgb(decoder.png);
    png_color_16 white = {0, 255, 255, 255, 255};
    png_set_background(decoder.png, &white, PNG_BACKGROUND_GAMMA_SCREEN, 0, 1.0);
    png_set_strip_alpha(decoder.png);
    png_set_interlace_handling(decoder.png);
    png_read_update_info(decoder.png, decoder.info);
    return true;
}

bool read_rows(Decoder& decoder, std::uint8_t* row, std::uint32_t height, Shrinker& to) {
    if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
    for (std::uint32_t y = 0; y < height; ++y) {
        png_read_row(decoder.png, row, nullptr);
        to.add_row(row);
    }
    return true;
}

bool read_whole(Decoder& decoder, std::uint8_t** rows) {
    if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
    png_read_image(decoder.png, rows);
    return true;
}

}  // namespace

Result<Decoded> decode_png(Bytes picture, const PictureLimits& limits) {
    const auto decoder = std::make_unique<Decoder>();
    decoder->rest = picture;
    decoder->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, decoder.get(), on_error, ignore_warning);
    if (decoder->png != nullptr) decoder->info = png_create_info_struct(decoder->png);
    if (decoder->info == nullptr) return Error{Code::unavailable, "no memory for a picture"};
    const auto failed = [&] { return Error{Code::malformed, "the picture cannot be decoded: {}", decoder->text}; };
    if (!read_head(*decoder)) return failed();
    const std::uint32_t width = png_get_image_width(decoder->png, decoder->info);
    const std::uint32_t height = png_get_image_height(decoder->png, decoder->info);
    const bool whole = png_get_interlace_type(decoder->png, decoder->info) != PNG_INTERLACE_NONE;
    TRY(check_size(width, height, whole, limits));
    if (!begin(*decoder)) return failed();
    const std::size_t row_bytes = png_get_rowbytes(decoder->png, decoder->info);
    if (row_bytes != std::size_t{3} * width)
        return Error{Code::malformed, "the picture cannot be decoded: {} bytes a row", row_bytes};
    Shrinker shrinker(width, height, limits.side_max);
    Buffer rows(row_bytes * (whole ? height : 1));
    if (!whole) {
        if (!read_rows(*decoder, rows.data(), height, shrinker)) return failed();
        return Decoded{shrinker.finish(), width, height};
    }
    std::vector<std::uint8_t*> starts(height);
    for (std::uint32_t y = 0; y < height; ++y) starts[y] = rows.data() + y * row_bytes;
    if (!read_whole(*decoder, starts.data())) return failed();
    for (const std::uint8_t* start : starts) shrinker.add_row(start);
    return Decoded{shrinker.finish(), width, height};
}

}  // namespace gongshu::blob
