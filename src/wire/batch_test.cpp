#include "wire/batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/checksum.h"
#include "base/rng.h"

namespace gongshu::wire {
namespace {

// A column with room of its own for what it holds.
struct Column {
    std::string path;
    BatchColumn column;
    std::vector<std::string> words;

    Column(std::string path_, ValueType type) : path(std::move(path_)) { column.type = type; }
    void add(TimeNs time, std::uint64_t bits, Quality quality = kGood) {
        column.times.push_back(time);
        column.bits.push_back(bits);
        column.qualities.push_back(quality);
    }
    void add(TimeNs time, double value, Quality quality = kGood) {
        add(time, std::bit_cast<std::uint64_t>(value), quality);
    }
    void add(TimeNs time, std::string word) {
        column.times.push_back(time);
        words.push_back(std::move(word));
        column.qualities.push_back(kGood);
    }
    void write(BatchWriter& writer) {
        column.path = path;
        column.texts.assign(words.begin(), words.end());
        writer.add(column);
    }
};

std::string describe(const BatchColumn& column) {
    std::string text = fmt::format("{} {} {}", column.index, column.path, to_string(column.type));
    for (std::size_t i = 0; i < column.times.size(); ++i) {
        const std::string value = column.type == ValueType::text ? std::string{column.texts[i]}
                                  : column.type == ValueType::number
                                      ? fmt::format("{}", std::bit_cast<double>(column.bits[i]))
                                      : fmt::format("{}", static_cast<std::int64_t>(column.bits[i]));
        text += fmt::format(" {}={}", column.times[i], value);
        if (!column.qualities[i].good()) text += " " + to_string(column.qualities[i]);
    }
    return text;
}

std::vector<std::string> read(std::string_view body, BatchLimits limits = {}) {
    std::vector<std::string> columns;
    const auto decoded =
        decode_batch(as_bytes(body), limits, [&](const BatchColumn& one) { columns.push_back(describe(one)); });
    if (!decoded) return {decoded.error().text()};
    return columns;
}

std::string sample() {
    BatchWriter writer;
    Column number{"plant/cnc1.temperature", ValueType::number};
    number.add(1'700'000'000'000'000'000, 21.5);
    number.add(1'700'000'001'000'000'000, 21.6, uncertain(Reason::range));
    number.add(1'700'000'000'500'000'000, 0.0, bad(Reason::timeout));
    number.write(writer);
    Column integer{"plant/cnc1.count", ValueType::integer};
    integer.add(5, static_cast<std::uint64_t>(INT64_MIN));
    integer.add(4, static_cast<std::uint64_t>(INT64_MAX));
    integer.write(writer);
    Column boolean{"plant/cnc1.on", ValueType::boolean};
    for (int i = 0; i < 10; ++i) boolean.add(i, static_cast<std::uint64_t>(i % 3 == 0));
    boolean.write(writer);
    Column text{"车间/一.状态", ValueType::text};
    text.add(-1, "运行");
    text.add(0, "");
    text.write(writer);
    return writer.finish();
}

TEST(Batch, ReadsWhatWasWritten) {
    const std::vector<std::string> want = {
        "0 plant/cnc1.temperature number 1700000000000000000=21.5 1700000001000000000=21.6 uncertain:range "
        "1700000000500000000=0 bad:timeout",
        "1 plant/cnc1.count integer 5=-9223372036854775808 4=9223372036854775807",
        "2 plant/cnc1.on boolean 0=1 1=0 2=0 3=1 4=0 5=0 6=1 7=0 8=0 9=1", "3 车间/一.状态 text -1=运行 0="};
    EXPECT_EQ(read(sample()), want);
    // Frames one after another are one body; columns are counted on.
    const auto twice = read(sample() + sample());
    ASSERT_EQ(twice.size(), 8u);
    EXPECT_TRUE(twice[4].starts_with("4 plant/cnc1.temperature"));
}

// On the wire: these bytes must be readable for ever.
TEST(Batch, HasTheBytesThatTheFormatSays) {
    BatchWriter writer;
    Column column{"a.x", ValueType::number};
    column.add(10, 0.5);
    column.add(12, 0.75);
    column.add(14, -1.0);
    column.write(writer);
    const std::string frame = writer.finish();
    EXPECT_EQ(to_hex(as_bytes(frame)), "4753425401000000120000002bbb105c0103612e780103140400030201026432dd02");
}

TEST(Batch, IsSmall) {
    BatchWriter writer;
    Column column{"plant/cnc1.temperature", ValueType::number};
    for (int i = 0; i < 1000; ++i) column.add(1'700'000'000'000'000'000 + i * kSecond, 20.0 + i % 50 * 0.1);
    column.write(writer);
    EXPECT_LT(writer.finish().size(), 2200u);  // 2.2 bytes a reading; as a line it takes 56
}

TEST(Batch, SaysWhatIsBroken) {
    const std::string good = sample();
    EXPECT_EQ(read(""), std::vector<std::string>{"the body is empty; expected a batch"});
    EXPECT_EQ(read("hello"),
              std::vector<std::string>{"the batch is broken near byte 0: expected a frame, which begins with GSBT"});
    for (std::size_t bytes = 1; bytes < good.size(); ++bytes) {
        const auto found = read(good.substr(0, bytes));
        ASSERT_EQ(found.size(), 1u);
        EXPECT_TRUE(found[0].starts_with("the batch is broken near byte 0")) << bytes << " " << found[0];
    }
    // Each bit counts: in the magic, the version, the length, the checksum and the body.
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        std::string turned = good;
        turned[bit / 8] = static_cast<char>(turned[bit / 8] ^ (1 << bit % 8));
        EXPECT_EQ(read(turned).size(), 1u) << "bit " << bit;
    }
    const auto second = read(good + "GSBX" + good.substr(4));
    EXPECT_EQ(second, std::vector<std::string>{fmt::format(
                          "the batch is broken near byte {}: expected a frame, which begins with GSBT", good.size())});
}

TEST(Batch, KeepsItsLimits) {
    const std::string good = sample();
    EXPECT_EQ(read(good, {.rows_max = 14})[0], "more than 14 readings in one request: send it in parts");
    EXPECT_EQ(read(good, {.columns_max = 3})[0], "more than 3 columns in one request: send it in parts");
    EXPECT_EQ(read(good, {.path_bytes_max = 15}).size(), 1u);
}

// A body whose checksum is right and whose columns are not: what only somebody who means it sends.
std::string frame_of(std::string body) {
    std::string frame("GSBT\1\0\0\0", 8);
    for (int shift = 0; shift < 32; shift += 8) frame.push_back(static_cast<char>(body.size() >> shift));
    const std::uint32_t crc = crc32c(as_bytes(body), crc32c(as_bytes(frame).subspan(4, 8)));
    for (int shift = 0; shift < 32; shift += 8) frame.push_back(static_cast<char>(crc >> shift));
    return frame + body;
}

TEST(Batch, BelievesNoCountThatCannotBe) {
    auto f = [](std::string body, std::string_view want) {
        const auto found = read(frame_of(std::move(body)));
        ASSERT_EQ(found.size(), 1u) << want;
        EXPECT_TRUE(found[0].ends_with(want)) << found[0];
    };
    using namespace std::string_literals;
    f("", "a number of columns that cannot be");
    f("\xFF\xFF\xFF\x7F"s, "a number of columns that cannot be");
    f("\x01\x00"s, "a path that is none");
    f("\x01\x01\xFF"s, "a text that is not UTF-8");
    f("\x01\x01x\x05"s, "a type that is none");
    f("\x01\x01x\x01\xFF\xFF\xFF\x7F"s, "a number of rows that cannot be");
    f("\x01\x01x\x01\x00"s, "a number of rows that cannot be");
    f("\x01\x01x\x01\x01\x02\x02\x02\x00\x01"s, "runs of qualities that are none");
    f("\x01\x01x\x01\x01\x02\x01\x03\x00\x01"s, "a quality that is none");
    f("\x01\x01x\x01\x01\x02\x01\x02\x07\x01"s, "numbers of a form that is not known");
    f("\x01\x01x\x01\x01\x02\x01\x02\x01\x0A\x02"s, "numbers of a form that is not known");
    f("\x01\x01x\x01\x01\x02\x01\x02\x00\x00\x00"s, "values that end too early");
    f("\x01\x01x\x01\x01\x02\x01\x02\x00\x00\x00\x00\x00\x00\x00\xF8\x7F"s, "a value that is no number");
    f("\x01\x01x\x01\x01\x02\x01\x02\x01\x00\x02\x09"s, "bytes behind the last column");
}

// Times that are those of the column before, to the last byte, are not read again; what is told of them is true.
TEST(Batch, TellsTimesThatAreThoseBefore) {
    const std::vector<std::vector<TimeNs>> all = {{1, 2, 3}, {1, 2, 3}, {3, 2, 1}, {3, 2, 1}, {3, 2},
                                                  {3, 2, 1}, {3, 2, 1}, {3, 2, 2}, {3},       {3}};
    BatchWriter writer;
    for (std::size_t i = 0; i < all.size(); ++i) {
        Column column{"a.x", i % 2 == 0 ? ValueType::text : ValueType::number};
        for (const TimeNs time : all[i]) {
            if (i % 2 == 0)
                column.add(time, std::string("t"));
            else
                column.add(time, 1.0);
        }
        column.write(writer);
    }
    const std::string frame = writer.finish();
    std::string same;
    std::size_t next = 0;
    const auto decoded = decode_batch(as_bytes(frame + frame), {}, [&](const BatchColumn& column) {
        EXPECT_EQ(column.times, all[next++ % all.size()]);
        same += column.same_times ? '=' : '.';
    });
    ASSERT_TRUE(decoded) << decoded.error().text();
    EXPECT_EQ(same, ".=.=..=..=.=.=..=..=");
    // Over the border of two frames, too.
    BatchWriter one;
    Column column{"a.x", ValueType::number};
    column.add(5, 1.0);
    column.write(one);
    same.clear();
    const std::string alone = one.finish();
    ASSERT_TRUE(decode_batch(as_bytes(alone + alone), {},
                             [&](const BatchColumn& found) { same += found.same_times ? '=' : '.'; }));
    EXPECT_EQ(same, ".=");
}

TEST(Batch, ReadsBackRandomColumns) {
    Rng rng{3};
    for (int round = 0; round < 300; ++round) {
        BatchWriter writer;
        std::vector<Column> columns;
        for (std::uint64_t n = 1 + rng.below(4); n > 0; --n) {
            Column& column = columns.emplace_back(fmt::format("d{}.x", n), static_cast<ValueType>(1 + rng.below(4)));
            TimeNs time = static_cast<TimeNs>(rng.next());
            for (std::uint64_t rows = 1 + rng.below(50); rows > 0; --rows) {
                time = static_cast<TimeNs>(static_cast<std::uint64_t>(time) + rng.below(3) * kSecond);
                const Quality quality = rng.chance(0.8) ? kGood : bad(static_cast<Reason>(rng.below(13)));
                switch (column.column.type) {
                    case ValueType::number:
                        column.add(time, round % 2 == 0 ? rng.normal() * 1e9 : std::round(rng.normal() * 1000) / 100,
                                   quality);
                        break;
                    case ValueType::text:
                        column.add(time, std::string(rng.below(5), 'x'));
                        break;
                    case ValueType::integer:
                        column.add(time, rng.next(), quality);
                        break;
                    case ValueType::boolean:
                        column.add(time, rng.below(2), quality);
                        break;
                }
            }
        }
        for (Column& column : columns) column.write(writer);
        const std::string frame = writer.finish();
        std::size_t next = 0;
        const auto decoded = decode_batch(as_bytes(frame), {}, [&](const BatchColumn& found) {
            const Column& want = columns.at(next++);
            EXPECT_EQ(found.path, want.path);
            EXPECT_EQ(found.times, want.column.times);
            EXPECT_FALSE(found.same_times && columns.at(next - 2).column.times != want.column.times);
            EXPECT_EQ(found.bits, want.column.bits);
            EXPECT_EQ(found.qualities, want.column.qualities);
            EXPECT_TRUE(std::ranges::equal(found.texts, want.words));
        });
        ASSERT_TRUE(decoded) << decoded.error().text();
        EXPECT_EQ(next, columns.size());
    }
}

}  // namespace
}  // namespace gongshu::wire
