// Columns of values as vectors: every bit comes back, whatever the values, and those of machines are small.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>

#include "base/rng.h"
#include "history/block.h"
#include "history/chunk.h"
#include "history/chunk_0.h"
#include "history/integers.h"
#include "history/numbers.h"
#include "history/section.h"
#include "history/segment.h"

namespace gongshu::history {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

using Column = std::vector<std::uint64_t>;

// With WRITE_SEEDS=folder the inputs of these tests become the seeds of the fuzzers.
void seed(const std::string& name, const Buffer& bytes) {
    const char* folder = std::getenv("WRITE_SEEDS");
    if (!folder) return;
    std::ofstream file(std::string(folder) + "/history_segment/" + name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

Column signals(std::size_t count, const std::function<std::int64_t(std::int64_t)>& at) {
    Column column;
    for (std::size_t i = 0; i < count; ++i)
        column.push_back(static_cast<std::uint64_t>(at(static_cast<std::int64_t>(i))));
    return column;
}

std::optional<ResidualCode> code_for(const VectorPlan& plan) {
    SymbolCounts counts{};
    plan.count_symbols(counts);
    if (std::ranges::all_of(counts, [](std::uint32_t count) { return count == 0; })) return std::nullopt;
    return ResidualCode::make(counts);
}

// What the bytes give back, without a code and, if there is one, with it; the smaller size.
std::size_t expect_same(const Column& column) {
    VectorPlan plan;
    plan_integers(column.data(), column.size(), Tier::cold, plan);
    ResidualCodes codes{code_for(plan), std::nullopt};
    Buffer coded, plain;
    plan.write(codes.code ? &*codes.code : nullptr, coded);
    plan.write(nullptr, plain);
    EXPECT_LE(coded.size(), plain.size());
    for (const Buffer* bytes : {&plain, &coded}) {
        Column read(column.size(), 1);
        Decoder in{*bytes};
        decode_integers(in, read.size(), bytes == &plain ? ResidualCodes{} : codes, read.data());
        EXPECT_TRUE(in.finished());
        EXPECT_EQ(read, column);
    }
    return coded.size();
}

TEST(Integers, EveryShapeComesBack) {
    Rng rng{7};
    std::int64_t walk = 0;
    std::int64_t count = 0;
    const std::vector<std::function<std::int64_t(std::int64_t)>> shapes{
        [](std::int64_t) { return 42; },
        [](std::int64_t) { return kMin; },
        [](std::int64_t i) { return i; },
        [](std::int64_t i) { return kMax - 3 * i; },
        [](std::int64_t i) { return i * i * i; },
        [](std::int64_t i) { return i % 2 ? kMin : kMax; },
        [](std::int64_t i) { return i / 100; },
        [](std::int64_t i) { return i % 300 == 299 ? 1'000'000 : i % 7; },
        [](std::int64_t i) { return i % 300 == 299 ? -1'000'000'000'000 : 5 * i; },
        [&](std::int64_t) { return static_cast<std::int64_t>(rng.next()); },
        [&](std::int64_t) { return static_cast<std::int64_t>(rng.below(3)) * 1'000'000'007; },
        [&](std::int64_t) { return walk += static_cast<std::int64_t>(rng.below(9)) - 4; },
        [&](std::int64_t) { return walk += static_cast<std::int64_t>(rng.below(1 << 20)) - (1 << 19); },
        [&](std::int64_t i) { return count += 50 + (i % 40 == 39 ? 5000 : 0); },
        [&](std::int64_t) { return static_cast<std::int64_t>(rng.next() >> rng.below(64)); },
        [&](std::int64_t i) { return i < 3 ? kMin + i : kMax; },
    };
    for (std::size_t s = 0; s < shapes.size(); ++s) {
        for (const std::size_t rows : {1u, 2u, 3u, 4u, 10u, 63u, 255u, 1000u, 1023u, 1024u}) {
            SCOPED_TRACE(testing::Message() << "shape " << s << ", " << rows << " rows");
            expect_same(signals(rows, shapes[s]));
        }
    }
}

TEST(Integers, EveryWidthComesBack) {
    Rng rng{3};
    for (unsigned width = 0; width <= 64; ++width) {
        for (const std::size_t rows : {1u, 17u, 1023u, 1024u}) {
            SCOPED_TRACE(testing::Message() << width << " bits, " << rows << " rows");
            Column values;
            for (std::size_t i = 0; i < rows; ++i) values.push_back(width == 0 ? 0 : rng.next() >> (64 - width));
            Buffer bytes(packed_bytes(rows, width));
            pack(values.data(), rows, width, bytes.data());
            Column read(rows, 1);
            unpack(bytes.data(), rows, width, read.data());
            EXPECT_EQ(read, values);
        }
    }
}

TEST(Integers, BytesThatFollowNoGrammarAreRefused) {
    Rng rng{11};
    Column read(kVectorRows);
    SymbolCounts counts{};
    counts[0] = 5, counts[1] = 2, counts[200] = 1;
    const Buffer two_symbols{2, 0x01, 0x11};
    Decoder in_code{two_symbols};
    const ResidualCodes codes{ResidualCode::make(counts), ResidualCode1::decode(in_code)};
    ASSERT_TRUE(codes.code_1);
    for (int round = 0; round < 20'000; ++round) {
        Buffer bytes(1 + rng.below(60));
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.next() >> rng.below(8));
        bytes[0] = static_cast<std::uint8_t>(rng.below(6) << 4 | rng.below(3));
        const std::size_t rows = 1 + rng.below(40);
        Decoder in{bytes};
        decode_integers(in, rows, round % 2 ? codes : ResidualCodes{}, read.data());  // any answer, no fault
        Decoder again{bytes};
        decode_numbers(again, rows, round % 2 ? codes : ResidualCodes{}, read.data());
    }
}

TEST(ResidualCode, ComesBackWithAllThatItWrites) {
    Rng rng{13};
    for (unsigned symbols = 1; symbols <= kSymbols; symbols += 1 + symbols / 5) {
        for (const bool low : {true, false}) {
            SCOPED_TRACE(testing::Message() << symbols << (low ? " from below" : " from above"));
            SymbolCounts counts{};
            for (unsigned i = 0; i < symbols; ++i) counts[low ? i : kSymbols - 1 - i] = i > 40 ? 1 : 1u << (40 - i) / 2;
            const ResidualCode code = ResidualCode::make(counts);
            Buffer bytes;
            Encoder out{bytes};
            code.encode(out);
            Decoder in{bytes};
            const auto read = ResidualCode::decode(in);
            ASSERT_TRUE(read && in.finished());
            for (unsigned symbol = 0; symbol < kSymbols; ++symbol) EXPECT_EQ(read->has(symbol), counts[symbol] > 0);
            for (const std::size_t rows : {0u, 1u, 3u, 4u, 5u, 8u, 1023u, 1024u}) {
                Column residuals;
                for (std::size_t i = 0; i < rows; ++i) {
                    const auto k =
                        static_cast<unsigned>(std::min<std::uint64_t>(rng.below(symbols), rng.below(symbols)));
                    const unsigned symbol = low ? k : kSymbols - 1 - k;
                    const unsigned extra = extra_bits(symbol);
                    residuals.push_back(smallest_of(symbol) + (extra == 0 ? 0 : rng.next() >> (64 - extra)));
                }
                Buffer stream;
                code.write(residuals.data(), rows, stream);
                Column again(rows, 1);
                EXPECT_TRUE(read->read(stream, rows, again.data()));
                if (rows == kVectorRows && symbols % 7 == 2) {
                    Buffer seeded{0, 4, 0};
                    seeded.insert(seeded.end(), bytes.begin(), bytes.end());
                    seeded.insert(seeded.end(), stream.begin(), stream.end());
                    seed("code" + std::to_string(symbols) + (low ? "low" : "high"), seeded);
                }
                EXPECT_EQ(again, residuals);
                if (rows == 0) continue;
                EXPECT_FALSE(read->read(Bytes{stream}.first(stream.size() - 1), rows, again.data()));
                stream.push_back(0);
                EXPECT_FALSE(read->read(stream, rows, again.data()));
            }
            bytes[0] = 12;  // larger than any table
            Decoder damaged{bytes};
            EXPECT_FALSE(ResidualCode::decode(damaged));
        }
    }
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol) EXPECT_EQ(symbol_of(smallest_of(symbol)), symbol);
    EXPECT_EQ(symbol_of(~std::uint64_t{0}), kSymbols - 1);
}

// Rare changes take far less than a bit a value.
TEST(ResidualCode, IsHardlyLongerThanTheEntropy) {
    Rng rng{4};
    for (const auto& [one_of, bits_max] : {std::pair{100u, 0.09}, {20u, 0.31}, {4u, 0.83}}) {
        Column residuals;
        SymbolCounts counts{};
        for (std::size_t i = 0; i < kVectorRows; ++i) ++counts[residuals.emplace_back(rng.below(one_of) == 0 ? 1 : 0)];
        Buffer stream;
        ResidualCode::make(counts).write(residuals.data(), kVectorRows, stream);
        const double bits = (static_cast<double>(stream.size()) - 4) * 8 / kVectorRows;  // without the states
        EXPECT_LT(bits, bits_max + 0.03) << one_of;
    }
}

std::size_t expect_same_numbers(const std::vector<double>& values) {
    Column bits;
    for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
    const NumberForm form = choose_form(bits);
    Buffer bytes;
    for (std::size_t at = 0; at < bits.size(); at += kVectorRows) {
        const std::size_t count = std::min(kVectorRows, bits.size() - at);
        const std::size_t begin = bytes.size();
        encode_numbers(bits.data() + at, count, form, bytes);
        Column read(count);
        Decoder in{Bytes{bytes}.subspan(begin)};
        decode_numbers(in, count, {}, read.data());
        EXPECT_TRUE(in.finished());
        EXPECT_EQ(read, Column(bits.begin() + static_cast<std::ptrdiff_t>(at),
                               bits.begin() + static_cast<std::ptrdiff_t>(at + count)));
    }
    return bytes.size();
}

TEST(Numbers, EveryBitComesBackAndSensorsAreSmall) {
    Rng rng{5};
    double walk = 20;
    double level = 0;
    struct Shape {
        const char* name;
        double bits_max;  // a value, over a full vector
        std::function<double(int)> at;
    };
    const auto noise = [&](std::uint64_t steps) {
        return static_cast<double>(rng.below(steps)) - static_cast<double>(steps) / 2;
    };
    const std::vector<Shape> shapes{
        {"constant", 1, [](int) { return 20.5; }},
        {"one decimal", 6, [&](int) { return std::round((walk += noise(21) / 10) * 10) / 10; }},
        {"times a scale", 6, [&](int) { return static_cast<double>(static_cast<int>(level += noise(5))) * 0.1; }},
        {"single precision decimals", 6,
         [&](int) { return static_cast<double>(static_cast<float>(std::round((walk += noise(5) / 10) * 10) / 10)); }},
        {"single precision noise", 32,
         [&](int) { return static_cast<double>(static_cast<float>(walk += noise(1001) / 997)); }},
        {"sixteenths", 9, [&](int) { return static_cast<double>(rng.below(200)) / 16; }},
        {"real doubles", 56, [&](int i) { return 100 + std::sin(i * 0.01) + noise(1000) * 1e-7; }},
        {"any bits", 66, [&](int) { return std::bit_cast<double>(rng.next()); }},
        {"seldom another", 8, [](int i) { return i % 200 == 5 ? M_PI : i % 10 * 0.25; }},
        {"nothing and infinity", 14,
         [](int i) {
             return i % 50 == 3 ? NAN : i % 50 == 4 ? -INFINITY : i % 50 == 5 ? -0.0 : 1.5;
         }},
        {"extremes", 66, [](int i) { return i % 2 ? 5e-324 : 1.7976931348623157e308; }},
        {"whole above 2^53", 16, [](int i) { return 9007199254740992.0 * (1 + i % 3); }},
    };
    for (const Shape& shape : shapes) {
        for (const std::size_t rows : {1u, 2u, 100u, 1024u, 3000u}) {
            SCOPED_TRACE(testing::Message() << shape.name << ", " << rows << " rows");
            std::vector<double> values;
            for (std::size_t i = 0; i < rows; ++i) values.push_back(shape.at(static_cast<int>(i)));
            const std::size_t bytes = expect_same_numbers(values);
            EXPECT_TRUE(rows != kVectorRows ||
                        static_cast<double>(bytes) * 8 / static_cast<double>(rows) <= shape.bits_max)
                << bytes;
        }
    }
}

Run numbers(std::initializer_list<double> values) {
    history::Run run;
    for (const double value : values)
        run.push(static_cast<TimeNs>(run.size()) * 7, std::bit_cast<std::uint64_t>(value), pack(kGood));
    return run;
}

ChunkInfo info_of(const Run& run) {
    ChunkInfo info;
    info.type = run.type;
    info.min_time = run.times.front();
    info.max_time = run.times.back();
    info.statistics.rows = run.size();
    return info;
}

struct Encoded {
    Buffer times, qualities, values;
    std::size_t size() const { return times.size() + qualities.size() + values.size(); }
    ChunkBytes parts() const { return {times, qualities, values, false}; }
};
Encoded encoded(const Run& run, Tier tier) {
    Encoded chunk;
    if (!is_even(run, 0, run.size())) encode_times(run, 0, run.size(), tier, chunk.times);
    if (!all_good(run)) encode_qualities(run, chunk.qualities);
    encode_values(run, 0, run.size(), tier, chunk.values);
    return chunk;
}

std::vector<history::Run> sample_runs() {
    std::vector<history::Run> runs{
        numbers({0}),
        numbers({1.5, 2.25, -3.125, 1e6}),
        numbers({0.1, 0.2, 0.3}),
        numbers({NAN, INFINITY, -INFINITY, -0.0, 0.0, 5e-324, 1.7976931348623157e308}),
        numbers({1e300, 1e-300, M_PI}),
        numbers({9007199254740993.0, -9007199254740993.0}),
    };
    history::Run integers;
    integers.type = ValueType::integer;
    for (const std::int64_t value : {std::int64_t{0}, kMax, kMin, std::int64_t{-1}, kMax})
        integers.push(
            integers.empty() ? -kMax : integers.times.back() + kMax / 3 + static_cast<TimeNs>(integers.size()),
            static_cast<std::uint64_t>(value), pack(bad(Reason::timeout)));
    runs.push_back(integers);
    history::Run booleans;
    booleans.type = ValueType::boolean;
    for (int i = 0; i < 100; ++i) booleans.push(i + i / 9, i / 7 % 2, pack(i % 3 ? kGood : uncertain(Reason::clock)));
    runs.push_back(booleans);
    history::Run texts;
    texts.type = ValueType::text;
    for (const char* text : {"", "a", "枢纽", "a"})
        texts.push_text(static_cast<TimeNs>(texts.size() * texts.size()) - 1, text, pack(kGood));
    runs.push_back(texts);
    Rng rng{1};
    for (const TimeNs unit : {kSecond, kMillisecond, TimeNs{1}}) {
        history::Run run;
        double value = 200;
        TimeNs time = 1'700'000'000 * kSecond;
        for (int i = 0; i < 5000; ++i) {
            value += static_cast<double>(rng.below(5)) - 2;
            run.push(time += unit * static_cast<TimeNs>(1 + rng.below(i % 500 ? 2 : 900)),
                     std::bit_cast<std::uint64_t>(value / 10), pack(i / 1000 == 2 ? bad(Reason::timeout) : kGood));
        }
        runs.push_back(run);
    }
    return runs;
}

TEST(Chunk, GivesBackEveryBit) {
    const auto runs = sample_runs();
    for (std::size_t r = 0; r < runs.size(); ++r) {
        for (const Tier tier : {Tier::hot, Tier::cold}) {
            SCOPED_TRACE(testing::Message() << "run " << r << (tier == Tier::cold ? " cold" : ""));
            const history::Run& run = runs[r];
            const Encoded chunk = encoded(run, tier);
            const ChunkInfo info = info_of(run);
            const auto decoded = decode_chunk(info, chunk.parts());
            ASSERT_TRUE(decoded) << decoded.error().text();
            EXPECT_EQ(*decoded, run);
            for (std::size_t cut = 0; cut < chunk.values.size(); cut += 1 + cut / 20)
                EXPECT_FALSE(decode_chunk(info, {chunk.times, chunk.qualities, Bytes(chunk.values).first(cut)}));
            for (std::size_t cut = 1; cut < chunk.times.size(); cut += 1 + cut / 20)
                EXPECT_FALSE(decode_chunk(info, {Bytes(chunk.times).first(cut), chunk.qualities, chunk.values}));
            for (std::size_t cut = 1; cut < chunk.qualities.size(); cut += 1 + cut / 20)
                EXPECT_FALSE(decode_chunk(info, {chunk.times, Bytes(chunk.qualities).first(cut), chunk.values}));
            ChunkInfo more = info;
            more.statistics.rows += kVectorRows;  // another number of vectors
            EXPECT_FALSE(decode_chunk(more, chunk.parts()));
            if (run.size() > 255) continue;
            Buffer seeded{static_cast<std::uint8_t>(static_cast<int>(run.type) - 1), 0,
                          static_cast<std::uint8_t>(run.size())};
            seeded.insert(seeded.end(), chunk.values.begin(), chunk.values.end());
            seed("values" + std::to_string(r), seeded);
        }
    }
}

TEST(Chunk, AWindowReadsItsVectorsOnly) {
    for (const bool even : {true, false}) {
        history::Run run;
        for (int i = 0; i < 8000; ++i)
            run.push(i * kSecond + (even ? 0 : i % 7 * kMillisecond), static_cast<std::uint64_t>(i), pack(kGood));
        run.type = ValueType::integer;
        const Encoded chunk = encoded(run, Tier::hot);
        EXPECT_EQ(chunk.times.empty(), even);
        for (const auto& [from, to, rows] :
             std::vector<std::tuple<int, int, std::size_t>>{{0, 10, 1024},
                                                            {1000, 1100, 2048},
                                                            {1024, 1025, even ? 1024u : 2048u},
                                                            {7999, 9000, 8000 - 7 * 1024},
                                                            {0, 8000, 8000}}) {
            SCOPED_TRACE(testing::Message() << even << " from " << from << " to " << to);
            const auto part = decode_chunk(info_of(run), chunk.parts(), {from * kSecond, to * kSecond});
            ASSERT_TRUE(part) << part.error().text();
            EXPECT_EQ(part->size(), rows);
            EXPECT_LE(part->times.front(), from * kSecond + kSecond);
            EXPECT_EQ(part->bits.front() * kSecond / kSecond,
                      static_cast<std::uint64_t>(part->times.front() / kSecond));
        }
    }
}

TEST(Chunk, ADamagedByteCostsItsVector) {
    history::Run run;
    Rng rng{9};
    for (int i = 0; i < 8000; ++i)
        run.push(i * kSecond, std::bit_cast<std::uint64_t>(static_cast<double>(rng.below(1000))), pack(kGood));
    Encoded chunk = encoded(run, Tier::hot);
    chunk.values[chunk.values.size() * 9 / 16] ^= 1;
    const auto all = decode_chunk(info_of(run), chunk.parts());
    ASSERT_FALSE(all);
    EXPECT_NE(all.error().text().find("vector 4 fails its checksum"), std::string::npos) << all.error().text();
    EXPECT_TRUE(decode_chunk(info_of(run), chunk.parts(), {0, 4096 * kSecond}));
    EXPECT_TRUE(decode_chunk(info_of(run), chunk.parts(), {5120 * kSecond, 8000 * kSecond}));
}

// The directory's numbers are written short, and times and qualities once for tags that share them.
TEST(Segment, DirectoryGivesBackEveryNumber) {
    const auto files = io::make_posix_files();
    const std::string path = testing::TempDir() + "numbers.seg";
    std::vector<history::Run> runs{
        numbers({1, 2, 3}),        numbers({-5, 7e15, 0}),      numbers({0.1, -2.25, 1e3}),
        numbers({NAN, 1, 2}),      numbers({-0.0, 0.0, 1}),     numbers({1e300, M_PI, 5e-324}),
        numbers({INFINITY, 1, 2}), numbers({9e15, 9e15, 9e15}), numbers({0.000001, 1, 2}),
        numbers({1e-7, 1, 2}),     numbers({2.5, 2.5}),         numbers({3}),
    };
    for (std::size_t r = 0; r < runs.size(); ++r) {
        history::Run& run = runs[r];
        if (r % 3 == 1) run.type = ValueType::integer;
        if (r % 2 == 0) run.qualities.back() = pack(r % 4 ? uncertain(Reason::clock) : bad(Reason::timeout));
        if (r % 4 < 2 && run.size() == 3) run.times[1] += 3;
        run.times[0] += r > 5 ? 1 : 0;
    }
    auto writer = SegmentWriter::create(*files, path, SegmentInfo{});
    ASSERT_TRUE(writer) << writer.error().text();
    for (std::size_t r = 0; r < runs.size(); ++r)
        ASSERT_TRUE(writer->add(TagId{16 * (r + 1)}, runs[r], 0, runs[r].size()));
    ASSERT_TRUE(writer->finish());
    const auto segment = OpenSegment::open(*files, path);
    ASSERT_TRUE(segment) << segment.error().text();
    ASSERT_EQ((*segment)->chunks().size(), runs.size());
    std::size_t shared_times = 0, shared_qualities = 0;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        SCOPED_TRACE(r);
        const ChunkInfo& chunk = (*segment)->chunks()[r];
        const auto read = (*segment)->read(chunk);
        ASSERT_TRUE(read) << read.error().text();
        EXPECT_EQ(*read, runs[r]);
        Statistics want;
        for (std::size_t i = 0; i < runs[r].size(); ++i) want.add(runs[r], i);
        EXPECT_EQ(std::memcmp(&chunk.statistics, &want, sizeof want), 0);
        shared_times += chunk.times_bytes > 0 && !chunk.owns_times ? 1 : 0;
        shared_qualities += chunk.qualities_bytes > 0 && !chunk.owns_qualities ? 1 : 0;
    }
    EXPECT_GT(shared_times, 2u);
    EXPECT_GT(shared_qualities, 2u);
    ASSERT_TRUE(files->remove(path));
}

// Sections lie behind the values of their chunk; a type that nobody knows is passed over.
TEST(Segment, CarriesSections) {
    const auto files = io::make_posix_files();
    const std::string path = testing::TempDir() + "sections.seg";
    const auto write_sections = [](const history::Run& rows, Buffer& out) {
        if (rows.size() == 1) return;  // nothing to tell
        encode_section(static_cast<SectionType>(77), Buffer(300, 1), out);
        encode_section(SectionType::hours, as_bytes(std::string_view("cells")), out);
    };
    SegmentInfo info;
    auto writer = SegmentWriter::create(*files, path, info, Tier::hot, write_sections);
    ASSERT_TRUE(writer) << writer.error().text();
    const auto run = numbers({1, 2, 3});
    ASSERT_TRUE(writer->add(TagId{16}, run, 0, 3));
    ASSERT_TRUE(writer->add(TagId{32}, run, 0, 1));
    ASSERT_TRUE(writer->add(TagId{48}, run, 0, 2));
    ASSERT_TRUE(writer->finish());
    const auto segment = OpenSegment::open(*files, path);
    ASSERT_TRUE(segment) << segment.error().text();
    for (const ChunkInfo& chunk : (*segment)->chunks()) {
        SCOPED_TRACE(chunk.tag.value);
        const auto read = (*segment)->read(chunk);
        ASSERT_TRUE(read) << read.error().text();
        EXPECT_EQ(read->size(), chunk.statistics.rows);
        auto sections = (*segment)->sections(chunk);
        ASSERT_TRUE(sections) << sections.error().text();
        const auto found = find_section(*sections, SectionType::hours);
        ASSERT_TRUE(found) << found.error().text();
        EXPECT_EQ(found->has_value(), chunk.statistics.rows > 1);
        if (!*found) continue;
        EXPECT_EQ(as_text(**found), "cells");
        EXPECT_TRUE(check_sections(*sections));
        (*sections)[10] ^= 1;  // of the one that nobody knows
        EXPECT_TRUE(find_section(*sections, SectionType::hours));
        EXPECT_FALSE(check_sections(*sections));
        sections->pop_back();
        EXPECT_FALSE(find_section(*sections, SectionType::hours));
    }
    ASSERT_TRUE(files->remove(path));
}

// performance figures of the format on usual signals; what a change of the codec may not worsen
TEST(Chunk, UsualSignalsAreSmall) {
    Rng rng{1};
    history::Run walk;
    walk.type = ValueType::integer;
    double value = 50;
    for (int i = 0; i < 8192; ++i) {
        double sum = -6;
        for (int k = 0; k < 12; ++k) sum += static_cast<double>(rng.below(1 << 20)) / (1 << 20);  // about normal
        value = std::clamp(value + sum, 0.0, 100.0);
        walk.push(i * 10 * kSecond, static_cast<std::uint64_t>(static_cast<std::int64_t>(value)), pack(kGood));
    }
    EXPECT_LT(encoded(walk, Tier::hot).size(), 8192 * 43 / 100);
    EXPECT_LT(encoded(walk, Tier::cold).size(), 8192 * 30 / 100);
}

// Rows of every type, evenly and unevenly in time, whole and with every kind of number. Files hold them for ever: never
// change what this gives.
std::vector<std::pair<TagId, history::Run>> golden_rows() {
    Rng rng{20260314};
    std::vector<std::pair<TagId, history::Run>> tags;
    constexpr TimeNs kFrom = 1'773'446'400 * kSecond;  // 2026-03-14
    for (std::uint64_t number = 0; number < 14; ++number) {
        history::Run run;
        run.type = number < 8    ? ValueType::number
                   : number < 11 ? ValueType::integer
                   : number < 12 ? ValueType::boolean
                                 : ValueType::text;
        std::int64_t walk = 500;
        for (int i = 0; i < 1100; ++i) {
            walk += static_cast<std::int64_t>(rng.below(11)) - 5;
            const auto any = static_cast<std::int64_t>(rng.next());
            const TimeNs time =
                kFrom + i * 10 * kSecond + (number % 2 ? static_cast<TimeNs>(rng.below(1000)) * kMillisecond : 0);
            const auto whole = static_cast<double>(walk);
            const double numbers[] = {20.5,
                                      whole / 10,
                                      whole * 0.1,
                                      static_cast<double>(static_cast<float>(whole / 100)),
                                      static_cast<double>(any),
                                      std::bit_cast<double>(any),
                                      whole / 4,
                                      i % 100 ? whole : NAN};
            const std::int64_t integers[] = {walk, any, std::int64_t{i} * 50 + (i % 300 == 0 ? 7 : 0)};
            const std::uint16_t quality = pack(i / 400 == 3   ? bad(Reason::timeout)
                                               : i % 900 == 7 ? uncertain(Reason::clock)
                                                              : kGood);
            if (run.type == ValueType::text)
                run.push_text(time, number == 12 ? (i % 3 ? "运行" : "stopped") : std::to_string(any % 1000), quality);
            else if (run.type == ValueType::boolean)
                run.push(time, static_cast<std::uint64_t>(i / 60 % 2), quality);
            else
                run.push(time,
                         run.type == ValueType::number ? std::bit_cast<std::uint64_t>(numbers[number])
                                                       : static_cast<std::uint64_t>(integers[number - 8]),
                         quality);
        }
        tags.emplace_back(TagId{(number + 1) << 4 | 5}, std::move(run));
    }
    return tags;
}

// Segments that programs before this one wrote are read for ever.
TEST(Golden, SegmentsOfEveryFormatAreRead) {
    const auto files = io::make_posix_files();
    const std::string folder = GONGSHU_SOURCE_DIR "/src/history/golden/";
    if (const char* write = std::getenv("WRITE_GOLDEN")) {
        SegmentInfo info;
        info.shard = 5;
        info.day = 20'526;
        for (const auto& [name, tier] : {std::pair{"2.hot", Tier::hot}, std::pair{"2.cold", Tier::cold}}) {
            auto writer = SegmentWriter::create(*files, write + std::string("/segment_") + name + ".seg", info, tier);
            ASSERT_TRUE(writer) << writer.error().text();
            for (const auto& [tag, run] : golden_rows()) ASSERT_TRUE(writer->add(tag, run, 0, run.size()));
            ASSERT_TRUE(writer->finish());
        }
    }
    for (const std::string name : {"segment_0.seg", "segment_1.hot.seg", "segment_1.cold.seg", "segment_2.hot.seg",
                                   "segment_2.cold.seg", "segment_2.cold.bits.seg"}) {
        SCOPED_TRACE(name);
        const auto segment = OpenSegment::open(*files, folder + name);
        ASSERT_TRUE(segment) << segment.error().text();
        EXPECT_EQ((*segment)->day(), 20'526);
        std::size_t hours = 0;
        for (const auto& [tag, want] : golden_rows()) {
            history::Run read;
            read.type = want.type;
            Statistics statistics;
            const auto [begin, end] = (*segment)->chunks_of(tag);
            for (std::size_t i = begin; i < end; ++i) {
                const auto part = (*segment)->read((*segment)->chunks()[i]);
                ASSERT_TRUE(part) << part.error().text();
                for (std::size_t row = 0; row < part->size(); ++row) read.push_row(*part, row);
                statistics.add((*segment)->chunks()[i].statistics);
            }
            EXPECT_EQ(read, want) << tag.value;
            EXPECT_EQ(statistics.rows, want.size());
            CellMaker cells;
            if (want.type != ValueType::text) cells.add(want);
            EXPECT_TRUE(check_cells(**segment, (*segment)->chunks()[end - 1], cells));
            hours += read_cells(**segment, (*segment)->chunks()[end - 1], SectionType::hours).size();
        }
        EXPECT_EQ(hours > 0, name == "segment_2.cold.bits.seg");
    }
}

}  // namespace
}  // namespace gongshu::history
