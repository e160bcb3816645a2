#include "app/qr.h"

#include <qrencode.h>

#include <memory>

namespace gongshu::app {
namespace {

constexpr int kQuiet = 4;  // modules; ISO/IEC 18004 wants as many
constexpr std::size_t kBytesMax = 200;

}  // namespace

std::string qr_text(std::string_view text, bool colours) {
    if (text.empty() || text.size() > kBytesMax) return "";
    const std::unique_ptr<QRcode, void (*)(QRcode*)> code(
        QRcode_encodeData(static_cast<int>(text.size()), reinterpret_cast<const unsigned char*>(text.data()), 0,
                          QR_ECLEVEL_M),
        QRcode_free);
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

}  // namespace gongshu::app
