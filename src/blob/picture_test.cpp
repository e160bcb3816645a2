#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "blob/decoders.h"
#include "blob/scan.h"
#include "blob/sniff.h"

namespace gongshu::blob {
namespace {

std::string seed(const std::string& name) {
    const auto files = io::make_posix_files();
    const auto bytes =
        io::read_whole(*files, std::string(GONGSHU_SOURCE_DIR) + "/src/blob/corpus/picture/" + name, 1 << 20);
    EXPECT_TRUE(bytes) << name;
    return std::string(as_text(*bytes));
}

// ---- sniffing -------------------------------------------------------------------------------------------------------

TEST(Sniff, GoesByTheBytesAlone) {
    const auto f = [](std::string_view bytes, std::string_view want) {
        EXPECT_EQ(sniff(as_bytes(bytes)), want) << bytes;
    };
    f("\xFF\xD8\xFF\xE0 more", "image/jpeg");
    f("\x89PNG\r\n\x1A\n more", "image/png");
    f("GIF89a", "image/gif");
    f("RIFF....WEBPVP8 ", "image/webp");
    f(std::string_view("\0\0\0\x18"
                       "ftypheic\0\0\0\0",
                       16),
      "image/heic");
    f(std::string_view("\0\0\0\x18"
                       "ftypisom\0\0\0\0",
                       16),
      "video/mp4");
    f(std::string_view("\0\0\0\x18"
                       "ftypqt  \0\0\0\0",
                       16),
      "video/quicktime");
    f("%PDF-1.4 x", "application/pdf");
    f("PK\x03\x04 something", "application/zip");
    f("PK\x03\x04 [Content_Types].xml xl/workbook.xml",
      "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    f("PK\x03\x04 [Content_Types].xml word/document.xml",
      "application/vnd.openxmlformats-officedocument.wordprocessingml.document");
    f("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "application/x-ole-storage");
    f("MZ\x90", "application/x-executable");
    f("x,y\n1,2\n3,4\n", "text/csv");
    f("时间;值\n1;2\n", "text/csv");
    f("just words, and more", "text/plain");
    f("{\"a\":1}", "application/json");
    f("\xEF\xBB\xBF  <!DOCTYPE html><p>", "text/html");
    f("<?xml version='1.0'?><svg onload='x'/>", "image/svg+xml");
    f("<p>hello", "text/html");
    f("harmless <ScRiPt>alert(1)</script>", "text/html");
    f("<?xml version='1.0'?><a/>", "text/xml");
    f("\xFF\xFE\x01", "application/octet-stream");
    f("with\x01"
      "control",
      "application/octet-stream");
    f("", "application/octet-stream");
}

TEST(Sniff, BelievesNobodyWhoSaysOtherwise) {
    const auto f = [](std::string_view bytes, std::string_view declared, std::string_view name, std::string_view want) {
        const auto settled = settle_type(as_bytes(bytes), declared, name);
        EXPECT_EQ(
            settled ? settled->type + (settled->note.empty() ? "" : " | " + settled->note) : settled.error().text(),
            want);
    };
    constexpr std::string_view kJpeg = "\xFF\xD8\xFF\xE0", kHtml = "<html><script>x</script>";
    f(kJpeg, "image/jpeg", "a.jpg", "image/jpeg");
    f(kJpeg, "", "a", "image/jpeg");
    f(kJpeg, "application/octet-stream", "a.JPEG", "image/jpeg");
    f(kJpeg, "image/png", "a.jpg", "image/jpeg | it was called image/png; its bytes are image/jpeg");
    f(kHtml, "image/jpeg", "", "the file is called image/jpeg, but its bytes are text/html: send what it says it is");
    f(kHtml, "", "a.PNG", "the file is called image/png, but its bytes are text/html: send what it says it is");
    f(kHtml, "", "a.pdf", "the file is called application/pdf, but its bytes are text/html: send what it says it is");
    f("<svg/>", "image/png", "",
      "the file is called image/png, but its bytes are image/svg+xml: send what it says it is");
    f(kHtml, "text/plain", "a.txt", "text/html | it was called text/plain; its bytes are text/html");
    f("a,b\n1,2\n", "text/plain", "a.csv", "text/csv");
    f("one,two", "text/csv", "a.csv", "text/csv");
    f("x", "multipart/form-data; boundary=1", "", "the body is a form: send the bytes of the file alone");
}

TEST(Sniff, TidiesNames) {
    const auto f = [](std::string_view name, std::string_view want) { EXPECT_EQ(tidy_name(name), want); };
    f("a.jpg", "a.jpg");
    f("../../etc/passwd", "passwd");
    f("C:\\temp\\a.jpg", "a.jpg");
    f("a\"b\r\nc.jpg", "abc.jpg");
    f("照片 1.jpg", "照片 1.jpg");
    f("..", "file");
    f("", "file");
    f("a\xFF.jpg", "a");
    EXPECT_EQ(tidy_name(std::string(300, 'a') + ".jpg"), std::string(196, 'a') + ".jpg");
}

// ---- pictures -------------------------------------------------------------------------------------------------------

// Left half red, right half blue; its top row green.
Pixels sample(std::uint32_t width, std::uint32_t height) {
    Pixels pixels{width, height, {}};
    for (std::uint32_t y = 0; y < height; ++y)
        for (std::uint32_t x = 0; x < width; ++x) {
            const bool top = y < height / 4, left = x < width / 2;
            for (const int value : {top ? 0 : left ? 255 : 0, top ? 255 : 0, top ? 0 : left ? 0 : 255})
                pixels.rgb.push_back(static_cast<std::uint8_t>(value));
        }
    return pixels;
}
std::string with_exif(const Buffer& jpeg, int orientation) {
    std::string exif("Exif\0\0MM\0*\0\0\0\x08\0\x02", 16);
    exif += std::string("\x01\x12\0\x03\0\0\0\x01\0", 9) + static_cast<char>(orientation) + std::string(2, '\0');
    exif += std::string("\x88\x25\0\x04\0\0\0\x01\0\0\0\x40", 12) + std::string(4, '\0');
    exif = std::string("\xFF\xE1\0", 3) + static_cast<char>(exif.size() + 2) + exif;
    std::string out{as_text(jpeg)};
    return out.substr(0, 2) + exif + out.substr(2);
}

TEST(Picture, IsMadeSmallAndForgetsWhereItWasTaken) {
    const std::string picture = with_exif(encode_jpeg(sample(900, 600), 90).value(), 1);
    ASSERT_TRUE(read_exif(as_bytes(picture)).has_position);
    const auto small = make_thumbnail(as_bytes(picture));
    ASSERT_TRUE(small) << small.error().text();
    EXPECT_EQ(small->width, 900u);
    EXPECT_EQ(small->height, 600u);
    EXPECT_FALSE(read_exif(small->jpeg).has_position);
    EXPECT_EQ(as_text(small->jpeg).find("Exif"), std::string_view::npos);
    const auto again = decode_jpeg(small->jpeg, {}).value();
    EXPECT_EQ(again.width, 320u);
    EXPECT_EQ(again.height, 213u);
}

TEST(Picture, IsTurnedAsItWasHeld) {
    // Where the green edge of the stored picture is when it is looked at.
    const auto f = [](int orientation, std::uint32_t width, std::uint32_t height, const char* edge) {
        const auto small = make_thumbnail(as_bytes(with_exif(encode_jpeg(sample(200, 120), 95).value(), orientation)));
        ASSERT_TRUE(small) << small.error().text();
        EXPECT_EQ(small->width, width) << orientation;
        EXPECT_EQ(small->height, height) << orientation;
        const Pixels pixels = decode_jpeg(small->jpeg, {.side_max = 320}).value().pixels;
        const auto green = [&](std::uint32_t x, std::uint32_t y) {
            const std::uint8_t* at = &pixels.rgb[3 * (std::size_t{y} * pixels.width + x)];
            return at[1] > 150 && at[0] < 100 && at[2] < 100;
        };
        const std::string found = green(width / 2 + 10, 3)            ? "top"
                                  : green(width / 2 + 10, height - 4) ? "bottom"
                                  : green(3, height / 2 + 10)         ? "left"
                                  : green(width - 4, height / 2 + 10) ? "right"
                                                                      : "nowhere";
        EXPECT_EQ(found, edge) << orientation;
    };
    f(1, 200, 120, "top");
    f(2, 200, 120, "top");
    f(3, 200, 120, "bottom");
    f(4, 200, 120, "bottom");
    f(5, 120, 200, "left");
    f(6, 120, 200, "right");
    f(7, 120, 200, "right");
    f(8, 120, 200, "left");
}

TEST(Picture, OfEverySortIsTaken) {
    for (const char* name : {"base.jpg", "progressive.jpg", "inks.jpg", "grey.jpg", "rgb.png", "alpha.png", "deep.png",
                             "interlaced.png", "palette.png", "grey_alpha.png", "turned_little.jpg", "cut.jpg"}) {
        const auto small = make_thumbnail(as_bytes(seed(name)));
        EXPECT_TRUE(small) << name << ": " << (small ? "" : small.error().text());
    }
    EXPECT_FALSE(make_thumbnail(as_bytes(seed("cut.png"))));
    EXPECT_FALSE(make_thumbnail(as_bytes("\xFF\xD8\xFF\xE0 nothing of the sort")));
    EXPECT_FALSE(make_thumbnail(as_bytes("GIF89a")));
}

TEST(Picture, OfTooManyPixelsIsNotDecoded) {
    const auto f = [](const std::string& bytes, const PictureLimits& limits, Code code) {
        const auto small = make_thumbnail(as_bytes(bytes), limits);
        ASSERT_FALSE(small);
        EXPECT_EQ(small.error().code(), code) << small.error().text();
    };
    f(seed("base.jpg"), {.pixels_max = 2'399}, Code::limit);
    f(seed("progressive.jpg"), {.whole_pixels_max = 2'399}, Code::limit);
    f(seed("progressive.jpg"), {.passes_max = 2}, Code::malformed);
    f(seed("rgb.png"), {.pixels_max = 1'199}, Code::limit);
    f(seed("interlaced.png"), {.whole_pixels_max = 899}, Code::limit);
    // A head that promises more than there is.
    std::string huge = seed("rgb.png");
    huge.replace(16, 8, std::string("\x00\x10\x00\x00\x00\x10\x00\x00", 8));
    EXPECT_FALSE(make_thumbnail(as_bytes(huge)));
}

// ---- the scan's command ---------------------------------------------------------------------------------------------

TEST(Scan, CommandIsSplitWithoutAShell) {
    const auto f = [](std::string_view command, std::string_view want) {
        const auto parts = split_command(command);
        EXPECT_EQ(parts ? fmt::format("{}", fmt::join(*parts, "|")) : parts.error().text(), want);
    };
    f("clamdscan --no-summary {file}", "clamdscan|--no-summary|{file}");
    f("'/opt/my scan/x'  -a \"b c\" --in={file}", "/opt/my scan/x|-a|b c|--in={file}");
    f("x {file}; rm -rf /", "x|{file};|rm|-rf|/");
    f("x", "expected {file} among the arguments: it stands for the file to look at");
    f("", "expected a program and its arguments");
    f("x '{file}", "a quote ' does not end");
}

TEST(Scan, GoesByTheExitCode) {
    const auto files = io::make_posix_files();
    const std::string folder = testing::TempDir() + "blob_scan";
    ASSERT_TRUE(files->make_folder(folder));
    ASSERT_TRUE(io::write_whole(*files, folder + "/a", as_bytes("x")));
    const auto f = [&](const std::string& script, DurationNs time, Verdict::Is want, std::string_view reason) {
        const auto scan = make_scan({"/bin/sh", "-c", script, "scan", "{file}"}, time, *files);
        const Verdict verdict = scan(folder + "/a", folder + "/a.scan");
        EXPECT_EQ(verdict.is, want) << verdict.reason;
        EXPECT_EQ(verdict.reason, reason);
        EXPECT_FALSE(*files->exists(folder + "/a.scan"));
    };
    f("test -f \"$1\"", kMinute, Verdict::Is::clean, "");
    f("echo \"$1: Eicar FOUND\"; exit 1", kMinute, Verdict::Is::refused, "Eicar FOUND");
    f("echo no database >&2; exit 2", kMinute, Verdict::Is::unknown, "the scan ended with 2: no database");
    f("while :; do :; done", 50 * kMillisecond, Verdict::Is::unknown, "the scan took more than 0 s");
    const Verdict none = make_scan({"/nowhere/scan", "{file}"}, kMinute, *files)(folder + "/a", folder + "/a.scan");
    EXPECT_EQ(none.is, Verdict::Is::unknown);
}

}  // namespace
}  // namespace gongshu::blob
