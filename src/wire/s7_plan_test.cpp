#include "wire/s7_plan.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace gongshu::wire::s7 {
namespace {

PlanValue value(std::string_view address, std::string_view type, std::size_t index) {
    return {read_item(parse_variable(address, type).value()), index};
}

// One line for each request: its items, and which values are in each.
std::vector<std::string> lines(const std::vector<PlannedRead>& reads) {
    std::vector<std::string> out;
    for (const PlannedRead& read : reads) {
        std::string line;
        for (const PlanItem& planned : read) {
            line += (line.empty() ? "" : "; ") + to_string(planned.item) + ":";
            for (const PlanPiece& piece : planned.pieces) {
                line += fmt::format(" {}@{}", piece.index, piece.in_item);
                if (piece.in_value != 0) line += fmt::format("+{}", piece.in_value);
            }
        }
        out.push_back(line);
    }
    return out;
}

TEST(S7Plan, NeighboursAreJoined) {
    auto f = [](const std::vector<PlanValue>& values, const PlanLimits& limits, const std::vector<std::string>& want) {
        EXPECT_EQ(lines(plan_reads(values, limits)), want);
    };
    f({}, {}, {});
    f({value("DB1.DBD0", "real", 0), value("DB1.DBD4", "real", 1), value("DB1.DBW8", "int", 2)}, {},
      {"DB1, byte 0 (10 bytes): 0@0 1@4 2@8"});
    f({value("DB1.DBW8", "int", 2), value("DB1.DBX8.1", "", 7), value("DB1.DBD6", "real", 1)}, {},
      {"DB1, byte 6 (4 bytes): 1@0 7@2 2@2"});
    f({value("MB0", "", 0), value("MB17", "", 1), value("MB35", "", 2)}, {},
      {"M, byte 0 (18 bytes): 0@0 1@17; M, byte 35 (1 bytes): 2@0"});
    f({value("MB0", "", 0), value("MB2", "", 1)}, {.gap_max = 0},
      {"M, byte 0 (1 bytes): 0@0; M, byte 2 (1 bytes): 1@0"});
    f({value("DB1.DBB0", "", 0), value("DB2.DBB1", "", 1), value("MB1", "", 2), value("E1.0", "", 3),
       value("A1.0", "", 4), value("T1", "", 5), value("T2", "", 6), value("Z2", "", 7)},
      {},
      {"C2: 7@0; T1-T2: 5@0 6@2; I, byte 1 (1 bytes): 3@0; Q, byte 1 (1 bytes): 4@0; M, byte 1 (1 bytes): 2@0; "
       "DB1, byte 0 (1 bytes): 0@0; DB2, byte 1 (1 bytes): 1@0"});
    f({value("T1", "", 0), value("T10", "", 1), value("T20", "", 2)}, {}, {"T1-T10: 0@0 1@18; T20: 2@0"});
    f({value("DB1.DBB0", "string[254]", 0), value("DB1.DBB256", "", 1)}, {.pdu_bytes = 240},
      {"DB1, byte 0 (222 bytes): 0@0", "DB1, byte 222 (35 bytes): 0@0+222 1@34"});
    f({value("DB1.DBB0", "string[254]", 0), value("DB1.DBB256", "", 1)}, {.pdu_bytes = 480},
      {"DB1, byte 0 (257 bytes): 0@0 1@256"});
}

TEST(S7Plan, FillsRequestsAsFarAsTheyGo) {
    std::vector<PlanValue> scattered;
    for (std::uint16_t i = 0; i < 100; ++i)
        scattered.push_back({{Area::data_block, Transport::byte, 1, i * 50u, 0, 4}, i});
    EXPECT_EQ(plan_reads(scattered, {.pdu_bytes = 240}).size(), 6u) << "19 items are 240 bytes to ask";
    EXPECT_EQ(plan_reads(scattered, {.pdu_bytes = 480}).size(), 5u) << "20 items at most";
    EXPECT_EQ(plan_reads(scattered, {.pdu_bytes = 960, .items_max = 255}).size(), 2u) << "79 are 960 bytes to ask";
    std::vector<PlanValue> dense;
    for (std::uint16_t i = 0; i < 1000; ++i) dense.push_back({{Area::data_block, Transport::byte, 1, i * 4u, 0, 4}, i});
    EXPECT_EQ(plan_reads(dense, {.pdu_bytes = 240}).size(), 19u) << "4000 bytes, 220 a reply";
    EXPECT_EQ(plan_reads(dense, {.pdu_bytes = 960}).size(), 5u);
    std::vector<PlanValue> mixed;  // two long ones do not fit together, but each long one with a short one
    for (std::uint16_t i = 0; i < 6; ++i)
        mixed.push_back({{Area::data_block, Transport::byte, i, 0, 0, std::uint16_t(i % 2 == 0 ? 150 : 60)}, i});
    EXPECT_EQ(plan_reads(mixed, {.pdu_bytes = 240}).size(), 3u);
}

// Every value must come out of the replies as it lies in the PLC, and every message must fit.
void check_plan(std::uint64_t seed) {
    Rng rng{seed};
    const std::uint16_t sizes[] = {64, 240, 241, 480, 960};
    const PlanLimits limits{sizes[rng.below(5)], static_cast<std::uint16_t>(1 + rng.below(30)),
                            static_cast<std::uint16_t>(rng.below(40))};
    std::map<std::uint16_t, Buffer> blocks;
    std::vector<PlanValue> values;
    for (std::size_t i = rng.below(120); i > 0; --i) {
        const auto block = static_cast<std::uint16_t>(1 + rng.below(3));
        const auto count = static_cast<std::uint16_t>(rng.chance(0.1) ? 1 + rng.below(1500) : 1 + rng.below(8));
        values.push_back(
            {{Area::data_block, Transport::byte, block, static_cast<std::uint32_t>(rng.below(3000)), 0, count},
             values.size()});
        if (blocks[block].empty())
            for (int k = 0; k < 5000; ++k) blocks[block].push_back(static_cast<std::uint8_t>(k * 31 + k / 256));
    }
    std::vector<Buffer> got(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) got[i].resize(values[i].item.count);
    std::vector<std::size_t> seen(values.size());
    std::size_t bytes_asked = 0;
    const auto reads = plan_reads(values, limits);
    for (const PlannedRead& read : reads) {
        ReadItems request;
        for (const PlanItem& planned : read) {
            request.items.push_back(planned.item);
            bytes_asked += planned.item.count;
            for (const PlanPiece& piece : planned.pieces) {
                const auto from = blocks[planned.item.block].begin() + planned.item.start + piece.in_item;
                std::copy(from, from + static_cast<std::ptrdiff_t>(piece.bytes),
                          got[piece.index].begin() + static_cast<std::ptrdiff_t>(piece.in_value));
                seen[piece.index] += piece.bytes;
                EXPECT_LE(piece.in_item + piece.bytes, planned.item.count);
            }
        }
        EXPECT_TRUE(encode_request(1, request, limits.pdu_bytes)) << seed;
        EXPECT_LE(request.items.size(), limits.items_max) << seed;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto from = blocks[values[i].item.block].begin() + values[i].item.start;
        EXPECT_EQ(got[i], Buffer(from, from + values[i].item.count)) << seed;
        EXPECT_EQ(seen[i], values[i].item.count) << seed;
    }
    // First fit leaves at most one request half empty, by bytes or by items.
    const std::size_t room = std::min<std::size_t>(limits.items_max, (limits.pdu_bytes - 12u) / 12);
    std::size_t items = 0;
    for (const PlannedRead& read : reads) items += read.size();
    const std::size_t by_bytes = (bytes_asked + items * 5) * 2 / (limits.pdu_bytes - 14u) + 1;
    EXPECT_LE(reads.size(), std::max(by_bytes, std::size_t{1}) + items / room + 1) << seed;
}

TEST(S7Plan, EveryValueIsReadWhateverTheLimits) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) check_plan(seed);
}

TEST(S7Plan, ARefusedItemIsSplitIntoRunsThenIntoValues) {
    const auto reads =
        plan_reads({value("DB1.DBW0", "int", 0), value("DB1.DBW2", "int", 1), value("DB1.DBW10", "int", 2)}, {});
    ASSERT_EQ(lines(reads), (std::vector<std::string>{"DB1, byte 0 (12 bytes): 0@0 1@2 2@10"}));
    const auto runs = split_item(reads[0][0]);
    EXPECT_EQ(lines(pack_items(runs, {})),
              (std::vector<std::string>{"DB1, byte 0 (4 bytes): 0@0 1@2; DB1, byte 10 (2 bytes): 2@0"}));
    EXPECT_EQ(lines(pack_items(split_item(runs[0]), {})),
              (std::vector<std::string>{"DB1, byte 0 (2 bytes): 0@0; DB1, byte 2 (2 bytes): 1@0"}));
    EXPECT_EQ(split_item(runs[1]), (std::vector<PlanItem>{runs[1]}));
    const auto timers = plan_reads({value("T1", "", 0), value("T2", "", 1)}, {});
    EXPECT_EQ(lines(pack_items(split_item(timers[0][0]), {})), (std::vector<std::string>{"T1: 0@0; T2: 1@0"}));
}

TEST(S7Plan, WritesKeepTheirOrder) {
    std::vector<Write> writes;
    for (int i = 0; i < 12; ++i)
        writes.push_back(
            encode_value(parse_variable("DB1.DBD" + std::to_string(i * 4), "dint").value(), std::int64_t{i}).value());
    writes.push_back(encode_value(parse_variable("M0.3", "").value(), true).value());
    writes.push_back(encode_value(parse_variable("DB2.DBB0", "char[500]").value(), std::string(500, 'x')).value());
    const auto requests = plan_writes(writes, {.pdu_bytes = 240});
    std::vector<std::string> places;
    for (const WriteItems& request : requests) {
        EXPECT_TRUE(encode_request(1, request, 240));
        for (const Item& item : request.items) places.push_back(to_string(item));
    }
    EXPECT_EQ(requests.size(), 5u);
    ASSERT_EQ(places.size(), 16u);
    EXPECT_EQ(places[11], "DB1, byte 44 (4 bytes)");
    EXPECT_EQ(places[12], "M0.3");
    EXPECT_EQ(places[13], "DB2, byte 0 (212 bytes)");
    EXPECT_EQ(places[15], "DB2, byte 424 (76 bytes)");
}

}  // namespace
}  // namespace gongshu::wire::s7
