#include "broker/sparkplug_node.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "base/rng.h"

namespace gongshu::broker {
namespace {

using wire::sparkplug::Message;
using wire::sparkplug::Metric;
using wire::sparkplug::Payload;
using wire::sparkplug::Topic;
using wire::sparkplug::Type;

Topic topic_of(Message message, std::string_view device = "") {
    return {.message = message, .group = "g", .node = "n", .device = device, .host = {}};
}

Metric metric_of(std::size_t index, std::string_view name, Type type, std::int64_t value) {
    Metric metric{.index = index, .name = name, .datatype = static_cast<std::uint32_t>(type)};
    metric.value = *raw_of(value, type);
    return metric;
}

Payload birth(std::uint64_t seq, std::optional<std::int64_t> bd_seq = std::nullopt) {
    Payload payload{.seq = seq};
    if (bd_seq) payload.metrics.push_back(metric_of(0, "bdSeq", Type::uint64, *bd_seq));
    payload.metrics.push_back(metric_of(payload.metrics.size(), "m", Type::int32, 1));
    return payload;
}

std::string told(const SparkplugTurn& turn) {
    std::string text = turn.refused ? "refused: " + turn.problem : turn.birth ? "birth" : turn.unit ? "data" : "";
    for (const SparkplugUnit* unit : turn.ended) text += fmt::format(" -{}", unit->device);
    return text;
}

TEST(SparkplugNode, IsBornAndDies) {
    SparkplugNode node{"g", "n"};
    LeftOut left_out;
    const auto take = [&](const Topic& topic, const Payload& payload) {
        return told(node.take(topic, payload, 5, kSecond, left_out));
    };
    EXPECT_EQ(take(topic_of(Message::ndata), {.seq = 4}),
              "refused: NDATA came before NBIRTH, so that nothing is known of its metrics");
    EXPECT_TRUE(node.ask_rebirth(0, 0));
    EXPECT_EQ(take(topic_of(Message::nbirth), birth(0, 7)), "birth");
    EXPECT_EQ(node.numbers().bd_seq, 7u);
    EXPECT_EQ(node.numbers().session, 5u);
    EXPECT_EQ(take(topic_of(Message::dbirth, "d"), birth(1)), "birth");
    EXPECT_EQ(take(topic_of(Message::ddata, "d"), {.seq = 2}), "data");
    EXPECT_EQ(take(topic_of(Message::ddata, "e"), {.seq = 3}),
              "refused: DDATA of e came before DBIRTH, so that nothing is known of its metrics");
    EXPECT_EQ(take(topic_of(Message::ddeath, "d"), {.seq = 4}), " -d");
    EXPECT_EQ(take(topic_of(Message::dbirth, "d"), birth(5)), "birth");
    // The will of a connection before this one.
    EXPECT_EQ(take(topic_of(Message::ndeath), birth(0, 6)), "");
    EXPECT_TRUE(node.numbers().online);
    EXPECT_EQ(take(topic_of(Message::ndeath), birth(0, 7)), " - -d");
    EXPECT_FALSE(node.numbers().online);
    EXPECT_EQ(node.numbers().why, "NDEATH");
    // A device that is not born again with its edge node ends with the first values.
    EXPECT_EQ(take(topic_of(Message::nbirth), birth(0, 8)), "birth");
    EXPECT_EQ(take(topic_of(Message::dbirth, "d"), birth(1)), "birth");
    EXPECT_EQ(take(topic_of(Message::nbirth), birth(0, 8)), "birth");
    EXPECT_EQ(take(topic_of(Message::ndata), {.seq = 1}), "data -d");
    EXPECT_EQ(told(node.take_broken(topic_of(Message::nbirth), kSecond)), "refused:  -");
    EXPECT_FALSE(node.numbers().online);
    EXPECT_EQ(left_out.count, 0u);
}

TEST(SparkplugNode, AsksSeldom) {
    SparkplugNode node{"g", "n"};
    EXPECT_FALSE(node.ask_rebirth(0, 0));
    std::string asked;
    for (DurationNs at = 0; at < 20 * kMinute; at += kSecond) {
        node.want_rebirth("why");
        if (node.ask_rebirth(at, at)) asked += fmt::format("{} ", at / kSecond);
    }
    EXPECT_EQ(asked, "0 10 30 70 150 310 610 910 ");
    EXPECT_EQ(node.numbers().rebirth_why, "why");
    node.want_rebirth("after a long time");
    EXPECT_TRUE(node.ask_rebirth(40 * kMinute, 0));
    node.want_rebirth("once more");
    EXPECT_TRUE(node.ask_rebirth(40 * kMinute + 10 * kSecond, 0));
}

TEST(SparkplugNode, TellsWhatABirthCannotUse) {
    SparkplugNode node{"g", "n"};
    LeftOut left_out;
    Payload payload{.seq = 0};
    payload.metrics = {metric_of(0, "a", Type::int32, 1), metric_of(1, "a", Type::int32, 2),
                       metric_of(2, "", Type::int32, 3), metric_of(3, "b", Type::int32, 4),
                       metric_of(4, "set", Type::int32, 5)};
    payload.metrics[0].alias = 1;
    payload.metrics[3].alias = 1;
    payload.metrics[4].datatype = 16;
    const auto turn = node.take(topic_of(Message::nbirth), payload, 1, 0, left_out);
    EXPECT_EQ(std::move(left_out).problem(),
              "metric 2 (a): the birth has two metrics of this name; metric 3: a birth says the name of each metric; "
              "metric 4 (b): the birth has two metrics with alias 1");
    ASSERT_EQ(turn.unit->metrics.size(), 3u);
    EXPECT_EQ(turn.unit->metrics[2].skipped, "a tag keeps single values, no DataSet");
    const auto find = [&](Metric metric) {
        LeftOut left;
        const BornMetric* born = node.find(*turn.unit, metric, left);
        return born != nullptr ? born->name : std::move(left).problem();
    };
    EXPECT_EQ(find({.alias = 1}), "a");
    EXPECT_EQ(find({.name = "b"}), "b");
    EXPECT_EQ(find({.name = "c"}), "metric 1 (c): the birth did not have it");
    EXPECT_EQ(find({.alias = 9}), "metric 1 (alias 9): no metric of the birth has this alias");
    EXPECT_EQ(find({}), "metric 1: it has neither name nor alias");
    EXPECT_EQ(find({.name = "b", .datatype = 9}), "metric 1 (b): it is Float; the birth said Int32");
}

// Messages in any order, against what the specification says in so many words.
TEST(SparkplugNode, AgreesWithADullModel) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng{seed};
        SparkplugNode node{"g", "n"};
        LeftOut left_out;
        bool online = false;
        std::uint64_t bd_seq = 0, expected = 0, lost = 0;
        std::map<std::string, bool> devices;  // that are online: whether they were born since their edge node
        for (int step = 0; step < 600; ++step) {
            const std::string device(1, "abc"[rng.below(3)]);
            const std::uint64_t seq = rng.chance(0.1) ? rng.below(256) : expected;
            const auto follow = [&] {
                lost += seq != expected;
                expected = (seq + 1) % 256;
            };
            std::string want, got;
            const auto take = [&](Message message, const Payload& payload) {
                const std::string_view of = wire::sparkplug::of_device(message) ? std::string_view{device} : "";
                got = told(node.take(topic_of(message, of), payload, 1, step, left_out));
            };
            const auto drop_awaited = [&] {
                for (auto it = devices.begin(); it != devices.end();) {
                    if (!it->second) want += " -" + it->first;
                    it = it->second ? std::next(it) : devices.erase(it);
                }
            };
            const auto end_all = [&] {
                if (online) want += " -";
                for (const auto& [name, born] : devices) want += " -" + name;
                devices.clear();
                online = false;
            };
            switch (rng.below(7)) {
                case 0:
                    take(Message::nbirth, birth(seq, static_cast<std::int64_t>(++bd_seq)));
                    want = "birth";
                    online = true;
                    expected = (seq + 1) % 256;
                    for (auto& [name, born] : devices) born = false;
                    break;
                case 1: {
                    const bool late = rng.chance(0.7);
                    take(Message::ndeath, birth(0, static_cast<std::int64_t>(bd_seq - (late && bd_seq > 0))));
                    if (online && !(late && bd_seq > 0)) end_all();
                    break;
                }
                case 2:
                    take(Message::dbirth, birth(seq));
                    want = online ? "birth"
                                  : "refused: DBIRTH came before NBIRTH, so that nothing is known of its metrics";
                    if (!online) break;
                    follow();
                    devices[device] = true;
                    break;
                case 3:
                    take(Message::ddeath, {.seq = seq});
                    if (!online) break;
                    follow();
                    if (devices.erase(device) > 0) want = " -" + device;
                    break;
                case 4:
                    take(Message::ndata, {.seq = seq});
                    want =
                        online ? "data" : "refused: NDATA came before NBIRTH, so that nothing is known of its metrics";
                    if (!online) break;
                    follow();
                    drop_awaited();
                    break;
                default:
                    take(Message::ddata, {.seq = seq});
                    want =
                        online ? "data" : "refused: DDATA came before NBIRTH, so that nothing is known of its metrics";
                    if (!online) break;
                    follow();
                    if (const auto it = devices.find(device); it == devices.end() || !it->second)
                        want = fmt::format(
                            "refused: DDATA of {} came before DBIRTH, so that nothing is known of its metrics", device);
                    else
                        drop_awaited();
            }
            ASSERT_EQ(got, want) << step;
            ASSERT_EQ(node.numbers().online, online) << step;
            ASSERT_EQ(node.numbers().lost, lost) << step;
            for (const auto& [name, unit] : node.units())
                ASSERT_EQ(unit.online, name.empty() ? online : devices.contains(name)) << step << name;
        }
    }
}

}  // namespace
}  // namespace gongshu::broker
