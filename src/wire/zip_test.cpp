#include "wire/zip.h"

#include <gtest/gtest.h>

#include "wire/stored_zip.h"

namespace gongshu::wire {
namespace {

std::string packed(std::string_view text) {
    std::string out(compressBound(text.size()) + 64, '\0');
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

void put(std::string& zip, std::size_t at, std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) zip[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i) & 0xff);
}

// One deflated entry "a" of `text`.
std::string deflated_zip(const std::string& text) {
    const std::string body = packed(text);
    std::string zip = stored_zip({{"a", body}});
    const std::size_t directory = zip.rfind("PK\x01\x02");
    put(zip, 8, 8, 2);
    put(zip, directory + 10, 8, 2);
    put(zip, directory + 16,
        static_cast<std::uint32_t>(
            crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()))),
        4);
    put(zip, directory + 24, static_cast<std::uint32_t>(text.size()), 4);
    return zip;
}

std::string fault_of(const std::string& bytes, const ZipLimits& limits = {}) {
    auto zip = Zip::open(as_bytes(bytes), limits);
    if (!zip) return zip.error().text();
    for (const ZipEntry& entry : zip->entries())
        if (auto read = zip->read(entry, [](Bytes) -> Result<bool> { return true; }); !read) return read.error().text();
    return "";
}

TEST(Zip, ReadsStoredAndDeflated) {
    const std::string text(300'000, 'x');
    const std::string stored = stored_zip({{"xl/A.xml", "hello"}, {"xl\\b.xml", text}, {"empty", ""}});
    auto zip = Zip::open(as_bytes(stored));
    ASSERT_TRUE(zip) << zip.error().text();
    ASSERT_EQ(zip->entries().size(), 3u);
    EXPECT_EQ(*zip->read_whole(*zip->find("xl/a.XML"), 100), "hello");
    EXPECT_EQ(*zip->read_whole(*zip->find("xl/b.xml"), 1 << 20), text);
    EXPECT_EQ(*zip->read_whole(*zip->find("empty"), 0), "");
    EXPECT_EQ(zip->find("none"), nullptr);
    EXPECT_EQ(zip->read_whole(*zip->find("xl/A.xml"), 4).error().code(), Code::limit);
    const std::string deflated = deflated_zip(text);
    auto other = Zip::open(as_bytes(deflated));
    ASSERT_TRUE(other) << other.error().text();
    EXPECT_EQ(*other->read_whole(*other->find("a"), 1 << 20), text);
    std::size_t pieces = 0;
    EXPECT_TRUE(other->read(*other->find("a"), [&](Bytes) -> Result<bool> { return ++pieces < 2; }));
    EXPECT_EQ(pieces, 2u);
}

TEST(Zip, RefusesWhatIsDamaged) {
    const std::string text(100'000, 'x');
    const std::string good = deflated_zip(text);
    const std::size_t directory = good.rfind("PK\x01\x02"), end = good.rfind("PK\x05\x06");
    auto f = [&](std::size_t at, std::uint32_t value, int bytes, std::string_view want) {
        std::string bad = good;
        put(bad, at, value, bytes);
        EXPECT_NE(fault_of(bad).find(want), std::string::npos) << want << ": " << fault_of(bad);
    };
    EXPECT_EQ(fault_of(good), "");
    f(0, 0, 4, "no entry begins");
    f(26, 0xffff, 2, "outside of the file");
    f(40, 0xff, 1, "damaged");
    f(directory, 0, 4, "directory is damaged");
    f(directory + 8, 1, 2, "protected by a password");
    f(directory + 10, 12, 2, "method 12");
    f(directory + 16, 7, 4, "checksum");
    f(directory + 20, 0x10000, 4, "over each other or outside");
    f(directory + 24, 99'999, 4, "longer than the directory says");
    f(directory + 24, 100'001, 4, "length or checksum");
    f(directory + 28, 500, 2, "directory is damaged");
    f(directory + 42, 0xffffffff, 4, "zip64");
    f(end + 4, 1, 2, "several files");
    f(end + 10, 2, 2, "several files");
    f(end + 12, 5000, 4, "outside of the file");
    for (std::size_t cut = 0; cut < good.size(); cut += 7) EXPECT_NE(fault_of(good.substr(0, cut)), "") << cut;
    EXPECT_NE(fault_of(stored_zip({{"a", "1"}, {"a", "2"}})).find("same name twice"), std::string::npos);
}

TEST(Zip, RefusesBombs) {
    const std::string zip = deflated_zip(std::string(2 << 20, '\0'));
    auto f = [&](ZipLimits limits, std::string_view want) {
        EXPECT_NE(fault_of(zip, limits).find(want), std::string::npos) << fault_of(zip, limits);
    };
    f({.inflated_bytes_max = 1 << 20}, "more than 1 MB");
    f({.ratio_max = 100, .ratio_from_bytes = 1 << 20}, "more than 100 times");
    EXPECT_NE(fault_of(stored_zip({{"a", ""}, {"b", ""}}), {.entries_max = 1}).find("at most 1"), std::string::npos);
    // Two names on the same bytes.
    std::string twice = stored_zip({{"a", std::string(1000, 'x')}, {"b", std::string(1000, 'x')}});
    put(twice, twice.rfind("PK\x01\x02") + 42, 0, 4);
    EXPECT_NE(fault_of(twice).find("over each other"), std::string::npos);
}

}  // namespace
}  // namespace gongshu::wire
