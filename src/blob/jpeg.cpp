// libjpeg tells errors by longjmp: in each function between setjmp and its end no object with a destructor is made.
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>
// The library wants <cstdio> before it.
#include <jpeglib.h>

#include "blob/decoders.h"

namespace gongshu::blob {
namespace {

struct Errors {
    jpeg_error_mgr base;  // first: the library knows only this part
    std::jmp_buf back;
    char text[JMSG_LENGTH_MAX] = {};
};

[[noreturn]] void on_error(j_common_ptr common) {
    auto* const errors = reinterpret_cast<Errors*>(common->err);
    errors->base.format_message(common, errors->text);
    std::longjmp(errors->back, 1);
}
void ignore_message(j_common_ptr) {}
void ignore_warning(j_common_ptr, int) {}

void set_up(Errors& errors) {
    jpeg_std_error(&errors.base);
    errors.base.error_exit = on_error;
    errors.base.output_message = ignore_message;
    errors.base.emit_message = ignore_warning;  // a damaged picture is shown as far as it goes
}

// Stops a file whose many passes would keep a processor busy for hours.
struct Passes {
    jpeg_progress_mgr base;
    std::uint32_t passes_max = 0;
};
void count_passes(j_common_ptr common) {
    const auto* const passes = reinterpret_cast<const Passes*>(common->progress);
    auto* const info = reinterpret_cast<j_decompress_ptr>(common);
    if (info->input_scan_number > static_cast<int>(passes->passes_max)) {
        auto* const errors = reinterpret_cast<Errors*>(common->err);
        std::snprintf(errors->text, sizeof errors->text, "more than %u passes", passes->passes_max);
        std::longjmp(errors->back, 1);
    }
}

struct Decoder {
    jpeg_decompress_struct info = {};
    Errors errors = {};
    Passes passes = {};
    ~Decoder() { jpeg_destroy_decompress(&info); }
};

bool read_head(Decoder& decoder, Bytes picture, std::uint32_t passes_max) {
    if (setjmp(decoder.errors.back) != 0) return false;
    jpeg_create_decompress(&decoder.info);
    decoder.passes.base.progress_monitor = count_passes;
    decoder.passes.passes_max = passes_max;
    decoder.info.progress = &decoder.passes.base;
    jpeg_mem_src(&decoder.info, picture.data(), picture.size());
    jpeg_read_header(&decoder.info, TRUE);
    return true;
}

// Of a quarter, say, the library gives the mean of 4 by 4 pixels at next to no cost.
bool begin(Decoder& decoder, std::uint32_t side_max) {
    if (setjmp(decoder.errors.back) != 0) return false;
    const std::uint32_t side = std::max(decoder.info.image_width, decoder.info.image_height);
    decoder.info.scale_num = 1;
    decoder.info.scale_denom = 1;
    while (decoder.info.scale_denom < 8 && side / (decoder.info.scale_denom * 2) >= side_max)
        decoder.info.scale_denom *= 2;
    decoder.info.dct_method = JDCT_IFAST;
    // Of the four inks the library makes no three lights; it is not shown in the right colours, but it is shown.
    const bool inks = decoder.info.jpeg_color_space == JCS_CMYK || decoder.info.jpeg_color_space == JCS_YCCK;
    decoder.info.out_color_space = inks ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&decoder.info);
    return true;
}

void lights_of_inks(std::uint8_t* row, std::uint32_t width) {
    for (std::uint32_t x = 0; x < width; ++x) {
        const std::uint8_t* const from = row + 4 * std::size_t{x};
        const unsigned black = from[3], cyan = from[0], magenta = from[1], yellow = from[2];
        row[3 * std::size_t{x}] = static_cast<std::uint8_t>(cyan * black / 255);
        row[3 * std::size_t{x} + 1] = static_cast<std::uint8_t>(magenta * black / 255);
        row[3 * std::size_t{x} + 2] = static_cast<std::uint8_t>(yellow * black / 255);
    }
}

bool read_rows(Decoder& decoder, std::uint8_t* row, Shrinker& to) {
    if (setjmp(decoder.errors.back) != 0) return false;
    while (decoder.info.output_scanline < decoder.info.output_height) {
        JSAMPROW rows[] = {row};
        jpeg_read_scanlines(&decoder.info, rows, 1);
        if (decoder.info.out_color_space == JCS_CMYK) lights_of_inks(row, decoder.info.output_width);
        to.add_row(row);
    }
    return true;
}

struct Encoder {
    jpeg_compress_struct info = {};
    Errors errors = {};
    unsigned char* out = nullptr;
    unsigned long bytes = 0;
    ~Encoder() {
        jpeg_destroy_compress(&info);
        std::free(out);  // the library takes it from malloc
    }
};

bool encode(Encoder& encoder, const std::uint8_t* rgb, std::uint32_t width, std::uint32_t height, int quality) {
    if (setjmp(encoder.errors.back) != 0) return false;
    jpeg_create_compress(&encoder.info);
    jpeg_mem_dest(&encoder.info, &encoder.out, &encoder.bytes);
    encoder.info.image_width = width;
    encoder.info.image_height = height;
    encoder.info.input_components = 3;
    encoder.info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&encoder.info);
    jpeg_set_quality(&encoder.info, quality, TRUE);
    jpeg_start_compress(&encoder.info, TRUE);
    while (encoder.info.next_scanline < height) {
        JSAMPROW rows[] = {const_cast<std::uint8_t*>(rgb + std::size_t{3} * width * encoder.info.next_scanline)};
        jpeg_write_scanlines(&encoder.info, rows, 1);
    }
    jpeg_finish_compress(&encoder.info);
    return true;
}

}  // namespace

Result<Decoded> decode_jpeg(Bytes picture, const PictureLimits& limits) {
    const auto decoder = std::make_unique<Decoder>();
    set_up(decoder->errors);
    decoder->info.err = &decoder->errors.base;
    const auto failed = [&] {
        return Error{Code::malformed, "the picture cannot be decoded: {}", decoder->errors.text};
    };
    if (!read_head(*decoder, picture, limits.passes_max)) return failed();
    const jpeg_decompress_struct& info = decoder->info;
    const bool whole = info.progressive_mode != 0 || jpeg_has_multiple_scans(&decoder->info) != 0;
    TRY(check_size(info.image_width, info.image_height, whole, limits));
    if (!begin(*decoder, limits.side_max)) return failed();
    Shrinker shrinker(info.output_width, info.output_height, limits.side_max);
    Buffer row(std::size_t{4} * info.output_width);
    if (!read_rows(*decoder, row.data(), shrinker)) return failed();
    return Decoded{shrinker.finish(), info.image_width, info.image_height};
}

Result<Buffer> encode_jpeg(const Pixels& pixels, int quality) {
    const auto encoder = std::make_unique<Encoder>();
    set_up(encoder->errors);
    encoder->info.err = &encoder->errors.base;
    if (!encode(*encoder, pixels.rgb.data(), pixels.width, pixels.height, quality))
        return Error{Code::io, "the thumbnail cannot be encoded: {}", encoder->errors.text};
    return Buffer(encoder->out, encoder->out + encoder->bytes);
}

}  // namespace gongshu::blob
