#include <optional>

#include "blob/picture.h"

namespace gongshu::blob {
namespace {

constexpr std::uint16_t kOrientation = 0x0112, kPosition = 0x8825;
constexpr std::size_t kEntryBytes = 12;

// Numbers of a TIFF structure, in its own order of bytes.
class Tiff {
public:
    explicit Tiff(Bytes bytes) : bytes_(bytes) {
        if (bytes.size() >= 8) big_ = bytes[0] == 'M';
    }
    std::optional<std::uint16_t> u16(std::size_t at) const {
        if (at + 2 > bytes_.size()) return std::nullopt;
        return static_cast<std::uint16_t>(big_ ? bytes_[at] << 8 | bytes_[at + 1] : bytes_[at + 1] << 8 | bytes_[at]);
    }
    std::optional<std::uint32_t> u32(std::size_t at) const {
        const auto first = u16(at), second = u16(at + 2);
        if (!first || !second) return std::nullopt;
        return big_ ? std::uint32_t{*first} << 16 | *second : std::uint32_t{*second} << 16 | *first;
    }

private:
    Bytes bytes_;
    bool big_ = false;
};

void read_tiff(Bytes bytes, Exif& exif) {
    const Tiff tiff{bytes};
    const auto folder = tiff.u32(4);
    if (!folder) return;
    const auto entries = tiff.u16(*folder);
    if (!entries) return;
    for (std::size_t i = 0; i < *entries; ++i) {
        const std::size_t at = std::size_t{*folder} + 2 + i * kEntryBytes;
        const auto tag = tiff.u16(at);
        if (!tag) return;
        if (*tag == kPosition) exif.has_position = true;
        if (*tag != kOrientation) continue;
        const auto value = tiff.u16(at + 8);
        if (value && *value >= 1 && *value <= 8) exif.orientation = *value;
    }
}

}  // namespace

Exif read_exif(Bytes jpeg) {
    Exif exif;
    if (jpeg.size() < 4 || jpeg[0] != 0xFF || jpeg[1] != 0xD8) return exif;
    for (std::size_t at = 2; at + 4 <= jpeg.size() && jpeg[at] == 0xFF;) {
        const std::uint8_t marker = jpeg[at + 1];
        if (marker == 0xDA || marker == 0xD9) break;  // the picture begins, or ends
        const std::size_t length = std::size_t{jpeg[at + 2]} << 8 | jpeg[at + 3];
        if (length < 2 || at + 2 + length > jpeg.size()) break;
        const Bytes part = jpeg.subspan(at + 4, length - 2);
        if (marker == 0xE1 && as_text(part).starts_with(std::string_view{"Exif\0\0", 6}))
            read_tiff(part.subspan(6), exif);
        at += 2 + length;
    }
    return exif;
}

}  // namespace gongshu::blob
