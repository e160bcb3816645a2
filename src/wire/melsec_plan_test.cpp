#include "wire/melsec_plan.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/rng.h"
#include "wire/mc_plan.h"

namespace gongshu::wire {
namespace {

using melsec::Block;
using melsec::DeviceCode;
using melsec::Family;
using melsec::Place;
using melsec::PlanItem;
using melsec::PlanLimits;

PlanItem item(const char* text, Family family, std::uint16_t points = 1, std::size_t index = 0) {
    return {melsec::parse_address(text, family).value().place, points, index};
}

// "D0*3 M16*2": blocks by their head and words.
std::string shown(const std::vector<Block>& blocks, Family family) {
    std::string all;
    for (const Block& block : blocks)
        all += (all.empty() ? "" : " ") + to_string(block.span.head, family) + "*" + std::to_string(block.span.points);
    return all;
}

TEST(MelsecPlan, MergesNeighboursUpToTheGap) {
    auto f = [](Family family, std::vector<std::pair<const char*, std::uint16_t>> asked, const char* want,
                PlanLimits limits = {64, 32, 8}) {
        std::vector<PlanItem> items;
        for (const auto& [text, points] : asked) items.push_back(item(text, family, points));
        EXPECT_EQ(shown(melsec::plan_blocks(items, family, limits), family), want);
    };
    f(Family::q_l, {}, "");
    f(Family::q_l, {{"D0", 1}}, "D0*1");
    f(Family::q_l, {{"D2", 1}, {"D0", 1}, {"D1", 1}}, "D0*3");
    f(Family::q_l, {{"D0", 1}, {"D9", 1}}, "D0*10");
    f(Family::q_l, {{"D0", 1}, {"D10", 1}}, "D0*1 D10*1");
    f(Family::q_l, {{"D0", 4}, {"D1", 1}, {"D2", 4}}, "D0*6");
    f(Family::q_l, {{"D0", 1}, {"W0", 1}, {"R0", 1}}, "D0*1 W0*1 R0*1");
    f(Family::q_l, {{"D0", 64}, {"D64", 1}}, "D0*64 D64*1");
    f(Family::q_l, {{"D0", 100}, {"D100", 1}}, "D0*100 D100*1");
    f(Family::q_l, {{"D60", 2}, {"D0", 1}, {"D8", 50}}, "D0*62");
    f(Family::q_l, {{"M5", 1}, {"M20", 1}, {"M0", 1}}, "M0*2");
    f(Family::q_l, {{"M15", 2}}, "M0*2");
    f(Family::q_l, {{"M0", 1}, {"M160", 1}}, "M0*1 M160*1");
    f(Family::q_l, {{"M0", 1}, {"M159", 1}}, "M0*10");
    f(Family::q_l, {{"X1F", 1}, {"X20", 1}}, "X10*2");
    f(Family::fx3, {{"X17", 1}, {"X20", 1}}, "X0*2");
    f(Family::fx3, {{"D7999", 1}, {"D8000", 1}}, "D7999*1 D8000*1");
    f(Family::q_l, {{"D7999", 1}, {"D8000", 1}}, "D7999*2");
    f(Family::fx3, {{"CN198", 1}, {"CN200", 1}, {"CN201", 1}}, "CN198*1 CN200*4");
    f(Family::fx3, {{"M0", 1}, {"M500", 1}, {"M511", 1}, {"M512", 1}}, "M0*32 M512*1", {64, 32, 40});
}

TEST(MelsecPlan, ValuesAreFoundInTheirBlock) {
    const auto blocks = melsec::plan_blocks(
        {item("M21", Family::q_l, 1, 7), item("D5", Family::q_l, 2, 8), item("D3", Family::q_l, 1, 9)}, Family::q_l,
        {});
    ASSERT_EQ(shown(blocks, Family::q_l), "D3*4 M16*1");
    EXPECT_EQ(blocks[0].values[0].index, 9u);
    EXPECT_EQ(blocks[0].values[1].index, 8u);
    EXPECT_EQ(blocks[0].values[1].word, 2u);
    EXPECT_EQ(blocks[0].values[1].words, 2u);
    EXPECT_EQ(blocks[1].values[0].word, 0u);
    EXPECT_EQ(blocks[1].values[0].bit, 5u);
}

// What the words of a place are made of, so that a value that came from another one is seen.
std::uint16_t word_at(const Place& head, Family family, std::uint32_t word) {
    const std::uint32_t first =
        melsec::is_bits(head.code) ? head.number / 16 : head.number * melsec::range_of(head, family).words;
    return static_cast<std::uint16_t>((first + word) * 31 + static_cast<unsigned>(head.code) * 7919);
}

TEST(MelsecPlan, RandomItemsAreAllReadWhereTheyLie) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        Rng rng{seed};
        const Family family = rng.below(2) == 0 ? Family::fx3 : Family::iq_r;
        mc::Link link{family == Family::fx3 ? mc::Frame::e1 : mc::Frame::e3, mc::Coding::binary, family, {}, 0};
        std::vector<PlanItem> items;
        const std::size_t wanted = rng.below(300);
        for (std::size_t i = 0; i < wanted; ++i) {
            const char* texts[] = {"D0", "CN200", "M0", "X0", "TN0"};
            const std::size_t which = rng.below(5);
            PlanItem one = item(texts[which], family, 1, i);
            one.place.number += static_cast<std::uint32_t>(rng.below(which == 0 ? 7000 : which == 1 ? 50 : 250));
            one.points = static_cast<std::uint16_t>(1 + rng.below(4));
            items.push_back(one);
        }
        const auto blocks =
            melsec::plan_blocks(items, family, mc::plan_limits(link, 60, static_cast<std::uint16_t>(rng.below(20))));
        const auto reads = mc::pack_reads(blocks, link, {rng.below(2) == 0, rng.below(2) == 0});
        std::map<std::size_t, std::vector<std::uint16_t>> got;
        for (const mc::PlannedRead& read : reads) {
            ASSERT_TRUE(mc::encode_request(link, 0, read.request)) << "seed " << seed;
            std::vector<std::uint16_t> words;
            for (const melsec::Span& span : read.request.spans)
                for (std::uint32_t i = 0; i < span.points; ++i) words.push_back(word_at(span.head, family, i));
            mc::each_value(read, words, [&](const melsec::PlanValue& value, std::span<const std::uint16_t> own) {
                got[value.index] = {own.begin(), own.end()};
                const Place& place = items[value.index].place;
                EXPECT_EQ(value.bit, melsec::is_bits(place.code) ? place.number % 16 : 0);
            });
        }
        ASSERT_EQ(got.size(), wanted) << "seed " << seed;
        for (const PlanItem& one : items) {
            Place head = one.place;
            if (melsec::is_bits(head.code)) head.number = head.number / 16 * 16;
            for (std::size_t i = 0; i < got[one.index].size(); ++i)
                EXPECT_EQ(got[one.index][i], word_at(head, family, static_cast<std::uint32_t>(i))) << "seed " << seed;
        }
    }
}

TEST(McPlan, SeveralBlocksGoIntoOneRequestWhereTheFrameCan) {
    auto f = [](mc::Link link, std::size_t blocks, std::uint16_t words,
                std::vector<std::pair<mc::Command, std::size_t>> want, mc::PackOptions options = {}) {
        std::vector<Block> all;
        for (std::size_t i = 0; i < blocks; ++i)
            all.push_back({{{DeviceCode::D, static_cast<std::uint32_t>(i * 20)}, words}, {}});
        std::vector<std::pair<mc::Command, std::size_t>> got;
        for (const auto& read : mc::pack_reads(all, link, options))
            got.emplace_back(read.request.command, read.blocks.size());
        EXPECT_EQ(got, want);
    };
    using enum mc::Command;
    const mc::Link q{}, r{mc::Frame::e4, mc::Coding::binary, Family::iq_r, {}, 0},
        fx{mc::Frame::e1, mc::Coding::ascii, Family::fx3, {}, 0};
    f(q, 0, 1, {});
    f(q, 1, 5, {{read_words, 1}});
    f(q, 3, 5, {{read_blocks, 3}});
    f(q, 130, 5, {{read_blocks, 120}, {read_blocks, 10}});
    f(q, 121, 5, {{read_blocks, 120}, {read_words, 1}});
    f(q, 100, 10, {{read_blocks, 96}, {read_blocks, 4}});
    f(q, 100, 1, {{read_blocks, 100}});
    f(q, 130, 1, {{read_random, 130}});
    f(q, 200, 2, {{read_blocks, 120}, {read_blocks, 80}});
    f(q, 250, 1, {{read_random, 192}, {read_random, 58}});
    f(r, 61, 5, {{read_blocks, 60}, {read_words, 1}});
    f(r, 96, 1, {{read_random, 96}});
    f(fx, 3, 5, {{read_words, 1}, {read_words, 1}, {read_words, 1}});
    f(q, 2, 5, {{read_words, 1}, {read_words, 1}}, {false, true});
    f(q, 2, 1, {{read_random, 2}}, {false, true});
    f(q, 2, 1, {{read_words, 1}, {read_words, 1}}, {false, false});
}

TEST(McPlan, ARefusedRequestIsAskedBlockByBlock) {
    const mc::Link link;
    const auto blocks = melsec::plan_blocks(
        {item("D0", Family::q_l), item("D100", Family::q_l), item("M0", Family::q_l)}, Family::q_l, {});
    const auto reads = mc::pack_reads(blocks, link);
    ASSERT_EQ(reads.size(), 1u);
    const auto alone = mc::split_read(reads[0]);
    ASSERT_EQ(alone.size(), 3u);
    for (const auto& read : alone) EXPECT_EQ(read.request.command, mc::Command::read_words);
    EXPECT_EQ(mc::split_read(alone[1]).size(), 1u);
}

}  // namespace
}  // namespace gongshu::wire
