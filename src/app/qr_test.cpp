#include "app/qr.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gongshu::app {
namespace {

TEST(Qr, DrawsFindersInsideAQuietZone) {
    const std::string drawn = qr_text("https://192.168.1.5:8080/ca.crt", false);
    // Version 3: 29 modules and the quiet zone, two rows a line.
    EXPECT_EQ(std::count(drawn.begin(), drawn.end(), '\n'), (29 + 8 + 1) / 2);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < drawn.size(); at = drawn.find('\n', at) + 1)
        lines.push_back(drawn.substr(at, drawn.find('\n', at) - at));
    const std::string quiet = "    ████";
    EXPECT_EQ(lines[0].find_first_not_of(" █"), std::string::npos) << drawn;
    EXPECT_TRUE(lines[2].starts_with(quiet + " ▄▄▄▄▄ █")) << drawn;  // a finder's upper edge: dark, then its ring
    EXPECT_TRUE(lines[3].starts_with(quiet + " █   █ █")) << drawn;
    EXPECT_TRUE(lines[4].starts_with(quiet + " █▄▄▄█ █")) << drawn;
}

TEST(Qr, ColoursHoldInAnyTerminal) {
    const std::string drawn = qr_text("x", true);
    EXPECT_TRUE(drawn.starts_with("    \033[97;40m█"));
    EXPECT_TRUE(drawn.ends_with("\033[0m\n"));
}

TEST(Qr, DrawsTheSameAsAPicture) {
    const std::string text = qr_text("x", false), svg = qr_svg("x");
    EXPECT_TRUE(svg.starts_with("<svg ") && svg.ends_with("</svg>")) << svg;
    EXPECT_NE(svg.find("viewBox=\"0 0 29 29\""), std::string::npos);  // version 1: 21 modules and the quiet zone
    EXPECT_NE(svg.find("M4 4h1v1h-1z"), std::string::npos);           // the finder's corner
    // As many dark modules as the terminal shows: a space is two of them, half a block one.
    const auto of = [](const std::string& in, std::string_view what) {
        std::size_t count = 0;
        for (std::size_t at = in.find(what); at != std::string::npos; at = in.find(what, at + what.size())) ++count;
        return count;
    };
    const std::size_t margins = 4 * of(text, "\n");
    const std::size_t dark = 2 * (of(text, " ") - margins) + of(text, "▀") + of(text, "▄");
    EXPECT_EQ(of(svg, "h1v1h-1z"), dark);
}

TEST(Qr, RefusesWhatDoesNotFit) {
    EXPECT_EQ(qr_svg(""), "");
    EXPECT_EQ(qr_svg(std::string(601, 'a')), "");
    EXPECT_EQ(qr_text("", false), "");
    EXPECT_EQ(qr_text(std::string(201, 'a'), false), "");
}

}  // namespace
}  // namespace gongshu::app
