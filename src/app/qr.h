#pragma once

#include <string>
#include <string_view>

namespace gongshu::app {

// `text` (at most 200 bytes) as a QR code for a terminal: two rows of modules a line, four modules of quiet zone
// around. With `colours` it is black on white whatever the terminal's colours are; without, light modules are printed,
// as most terminals are dark. "" if it cannot be made: what is said beside it must do.
std::string qr_text(std::string_view text, bool colours);

// The same (at most 600 bytes) as an SVG element, black on white, which scales.
std::string qr_svg(std::string_view text);

}  // namespace gongshu::app
