// Random operations of several clients against the dullest model: who subscribed to what, tried filter by filter.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>

#include "base/rng.h"
#include "broker/outbox.h"
#include "broker/session.h"
#include "broker/testing/world.h"
#include "broker/topic_tree.h"

namespace gongshu::broker {
namespace {

using namespace wire::mqtt;
using testing::Client;
using testing::World;

std::string random_topic(Rng& rng) {
    static constexpr std::string_view kLevels[] = {"a", "b", "", "c"};
    std::string topic = std::string(kLevels[rng.below(4)]);
    for (std::uint64_t n = rng.below(4); n > 0; --n) topic.append("/").append(kLevels[rng.below(4)]);
    return topic.empty() ? "/" : topic;
}

std::string random_filter(Rng& rng) {
    static constexpr std::string_view kLevels[] = {"a", "b", "", "+", "+"};
    std::string filter = std::string(kLevels[rng.below(5)]);
    for (std::uint64_t n = rng.below(4); n > 0; --n) filter.append("/").append(kLevels[rng.below(5)]);
    if (rng.chance(0.3)) filter += "/#";
    if (rng.chance(0.05)) return "#";
    return filter.empty() ? "+" : filter;
}

TEST(TopicTree, AgreesWithTryingEveryFilter) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng{seed};
        TopicTree tree;
        std::array<Session, 4> sessions;
        std::set<std::pair<std::string, std::size_t>> model;
        for (int step = 0; step < 500; ++step) {
            const std::size_t who = rng.below(sessions.size());
            const std::string filter = random_filter(rng);
            if (rng.chance(0.6)) {
                tree.add(filter, sessions[who], {});
                model.emplace(filter, who);
            } else if (!model.empty()) {
                auto one = model.begin();
                std::advance(one, static_cast<std::ptrdiff_t>(rng.below(model.size())));
                tree.remove(one->first, sessions[one->second]);
                model.erase(one);
            }
            const std::string topic = rng.chance(0.05) ? "$x/" + random_topic(rng) : random_topic(rng);
            std::multiset<std::size_t> got, want;
            tree.match(topic, [&](Session& session, const Granted&) {
                got.insert(static_cast<std::size_t>(&session - sessions.data()));
            });
            for (const auto& [known, session] : model) {
                if (topic_matches(known, topic)) want.insert(session);
            }
            ASSERT_EQ(got, want) << topic;
        }
        for (const auto& [filter, who] : model) tree.remove(filter, sessions[who]);
        EXPECT_TRUE(tree.empty());
    }
}

TEST(Outbox, NeverHoldsMoreThanItMayAndKeepsTheOrder) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng{seed};
        Outbox outbox;
        const OutboxLimits limits{.messages_max = 5, .bytes_max = 100};
        int pushed = 0, last_sent = -1;
        std::size_t dropped = 0, sent = 0;
        for (int step = 0; step < 2000; ++step) {
            if (rng.chance(0.5)) {
                auto message = std::make_shared<Message>();
                message->topic = std::to_string(pushed++);
                message->payload.resize(rng.below(60));
                dropped += outbox.push({message, static_cast<std::uint8_t>(1 + rng.below(2)), false, {}}, limits);
            } else if (rng.chance(0.5)) {
                const bool can = outbox.waiting() > 0 && outbox.in_flight().size() < 3;
                const Outbox::InFlight* one = outbox.pop(3, 0);
                ASSERT_EQ(one != nullptr, can);
                if (one == nullptr) continue;
                ASSERT_GT(std::stoi(one->entry.message->topic), last_sent);
                last_sent = std::stoi(one->entry.message->topic);
                ++sent;
            } else if (!outbox.in_flight().empty()) {
                const auto one = outbox.in_flight()[rng.below(outbox.in_flight().size())];
                if (one.entry.qos == 1) {
                    ASSERT_TRUE(outbox.on_puback(one.packet_id));
                } else if (one.released) {
                    ASSERT_TRUE(outbox.on_pubcomp(one.packet_id));
                } else {
                    ASSERT_TRUE(outbox.on_pubrec(one.packet_id, rng.chance(0.2)));
                }
            }
            ASSERT_LE(outbox.waiting(), 5u);
            ASSERT_LE(outbox.in_flight().size(), 3u);
            ASSERT_EQ(static_cast<std::size_t>(pushed), dropped + sent + outbox.waiting());
        }
        EXPECT_FALSE(outbox.on_puback(0));
    }
}

// One client as the model sees it.
struct Modelled {
    std::unique_ptr<Client> client;
    std::set<std::string> filters;
    std::multiset<std::string> expected;  // of messages, in any order
};

TEST(Broker, AgreesWithADullModel) {
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng{seed};
        World world{seed};
        std::map<int, Modelled> clients;
        int message = 0;
        for (int step = 0; step < 150; ++step) {
            const int id = static_cast<int>(rng.below(5));
            Modelled& one = clients[id];
            if (!one.client) {
                const Version version = rng.chance(0.5) ? Version::v5 : Version::v311;
                // Two tenants, the same client identifiers and topics in both.
                one.client = world.join(version, id % 2 ? "user:admin" : "user:admin@2", fmt::format("c{}", id / 2));
                one.filters.clear();
                continue;
            }
            const auto operation = rng.below(10);
            if (operation < 3) {
                const std::string filter = random_filter(rng);
                one.client->subscribe(filter, static_cast<std::uint8_t>(rng.below(3)));
                one.filters.insert(filter);
            } else if (operation < 4 && !one.filters.empty()) {
                one.client->send(Unsubscribe{.packet_id = 1, .filters = {*one.filters.begin()}});
                one.filters.erase(one.filters.begin());
            } else if (operation < 5) {
                rng.chance(0.5) ? one.client->vanish() : one.client->send(Disconnect{});
                world.run();
                one.client.reset();
                continue;
            } else {
                const std::string topic = random_topic(rng), payload = fmt::format("m{}", message++);
                const auto qos = static_cast<std::uint8_t>(rng.below(3));
                one.client->publish(topic, payload, qos, qos ? static_cast<std::uint16_t>(message) : 0);
                for (auto& [other, reader] : clients) {
                    if (!reader.client || other % 2 != id % 2) continue;
                    const bool matches = std::any_of(reader.filters.begin(), reader.filters.end(),
                                                     [&](const auto& f) { return topic_matches(f, topic); });
                    if (matches) reader.expected.insert(topic + " " + payload);
                }
            }
            world.run();
            for (auto& [other, reader] : clients) {
                if (!reader.client) continue;
                const std::string seen = reader.client->take();
                ASSERT_EQ(reader.client->publishes, reader.expected.size()) << "client " << other << ": " << seen;
                for (const std::string& want : reader.expected) {
                    const std::size_t blank = want.rfind(' ');
                    ASSERT_NE(seen.find("PUBLISH " + want.substr(0, blank) + " q"), std::string::npos)
                        << want << " in " << seen;
                    ASSERT_NE(seen.find(want.substr(blank)), std::string::npos) << want << " in " << seen;
                }
                reader.client->publishes = 0;
                reader.expected.clear();
            }
        }
    }
}

}  // namespace
}  // namespace gongshu::broker
