#include "app/qr.h"

#include <fmt/format.h>
#include <qrencode.h>

#include <iterator>
#include <memory>

namespace gongshu::app {
namespace {

constexpr int kQuiet = 4;  // modules; ISO/IEC 18004 wants as many
constexpr std::size_t kBytesMax = 200, kSvgBytesMax = 600;

using Code = std::unique_ptr<QRcode, void (*)(QRcode*)>;

Code encode(std::string_view text) {
    return {QRcode_encodeData(static_cast<int>(text.size()), reinterpret_cast<const unsigned char*>(text.data()), 0,
                              QR_ECLEVEL_M),
            QRcode_free};
}

}  // namespace

std::string qr_text(std::string_view text, bool colours) {
    if (text.empty() || text.size() > kBytesMax) return "";
    const Code code = encode(text);
    if (!code) return "";
    const int width = code->width;
    const auto light = [&](int row, int column) {
        if (row < 0 || column < 0 || row >= width || column >= width) return true;
        return (code->data[row * width + column] & 1) == 0;
    };
    std::string out;
    for (int row = -kQuiet; row < width + kQuiet; row += 2) {
        out += "    ";
        if (colours) out += "\033[97;40m";
        for (int column = -kQuiet; column < width + kQuiet; ++column) {
            const bool upper = light(row, column), lower = light(row + 1, column);
            out += upper ? lower ? "█" : "▀" : lower ? "▄" : " ";
        }
        if (colours) out += "\033[0m";
        out += "\n";
    }
    return out;
}

std::string qr_svg(std::string_view text) {
    if (text.empty() || text.size() > kSvgBytesMax) return "";
    const Code code = encode(text);
    if (!code) return "";
    const int side = code->width + 2 * kQuiet;
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {0}\" role=\"img\"><path fill=\"#fff\" "
        "d=\"M0 0h{0}v{0}H0z\"/><path d=\"",
        side);
    for (int row = 0; row < code->width; ++row)
        for (int column = 0; column < code->width; ++column)
            if ((code->data[row * code->width + column] & 1) != 0)
                fmt::format_to(std::back_inserter(out), "M{} {}h1v1h-1z", column + kQuiet, row + kQuiet);
    return out + "\"/></svg>";
}

}  // namespace gongshu::app
