// Whatever the network, the platform and this machine do: in the end the platform has every reading.
#include "edge/forwarder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "edge/forward_body.h"
#include "history/store_test.h"
#include "io/sim.h"
#include "wire/batch.h"
#include "wire/http.h"

namespace gongshu::edge {
namespace {

using history::TestStore;

const io::Address kPlace{"10.0.0.9", 80};

class Door final : public Egress {
public:
    Result<void> decide(const Leaving& leaving) override {
        if (refuse) return Error{Code::denied, "{} may not leave by {}", leaving.what, leaving.door};
        return {};
    }
    void left(TenantId, std::string_view, std::uint64_t rows, std::uint64_t) override { rows_left += rows; }
    bool refuse = false;
    std::uint64_t rows_left = 0;
};

// What the platform has: of each path the value at each time.
using Table = std::map<std::string, std::map<TimeNs, std::string>>;

// A platform at 10.0.0.9:80 that stores what comes and answers as it is told to.
class Platform {
public:
    explicit Platform(io::Loop& loop) {
        listener_ =
            loop.listen(kPlace, {}, [this](std::unique_ptr<io::Stream> stream) { take(std::move(stream)); }).value();
    }

    enum class Says { yes, yes_but_silent, no, busy, in_part };
    std::function<Says()> says = [] { return Says::yes; };
    Table table;
    std::vector<std::pair<std::string, TimeNs>> order;  // as it came
    int requests = 0;
    std::string authorization;

private:
    struct Peer {
        std::unique_ptr<io::Stream> stream;
        wire::HttpRequestParser parser;
    };

    void take(std::unique_ptr<io::Stream> stream) {
        const auto peer = std::make_shared<Peer>();
        peer->stream = std::move(stream);
        peers_.push_back(peer);
        peer->stream->start(
            {.on_data =
                 [this, weak = std::weak_ptr(peer)](Bytes bytes) {
                     const auto one = weak.lock();
                     EXPECT_TRUE(one->parser.feed(bytes, {.on_head = {}, .on_request = [&](wire::HttpRequest request) {
                                                              answer(*one, request);
                                                              return wire::HttpNext::go_on;
                                                          }}));
                 },
             .on_closed = [](const Error&) {},
             .on_drained = {}});
    }

    void answer(Peer& peer, const wire::HttpRequest& request) {
        ++requests;
        EXPECT_EQ(request.target, "/api/v1/write/batch");
        authorization = request.header("authorization");
        const Says what = says();
        std::uint64_t written = 0, refused = 0;
        if (what != Says::no && what != Says::busy) {
            const auto decoded = wire::decode_batch(as_bytes(request.body), {}, [&](const wire::BatchColumn& column) {
                const bool is_refused = what == Says::in_part && column.path.ends_with("secret.x");
                for (std::size_t i = 0; i < column.times.size(); ++i) {
                    if (is_refused) {
                        ++refused;
                        continue;
                    }
                    const std::string value = column.type == ValueType::text ? std::string(column.texts[i])
                                                                             : fmt::format("{}", column.bits[i]);
                    table[std::string(column.path)][column.times[i]] =
                        fmt::format("{} {}", value, pack(column.qualities[i]));
                    order.emplace_back(column.path, column.times[i]);
                    ++written;
                }
            });
            EXPECT_TRUE(decoded) << decoded.error().text();
        }
        if (what == Says::yes_but_silent) return peer.stream->close();
        wire::HttpResponse response;
        response.status = what == Says::no ? 401 : what == Says::busy ? 503 : refused > 0 ? 400 : 204;
        if (response.status == 401) response.body = R"({"detail":"no such token"})";
        if (response.status == 400)
            response.body = fmt::format(R"({{"detail":"the first is column 0","written":{}}})", written);
        std::string out;
        wire::write_response(out, response, {});
        peer.stream->send(as_bytes(out));
    }

    std::unique_ptr<io::Listener> listener_;
    std::vector<std::shared_ptr<Peer>> peers_;
};

// An edge: a store that is forwarded, both of which may be cut and begin again.
class Edge {
public:
    explicit Edge(std::uint64_t seed = 1, std::uint64_t keep = 1 << 30) : store(seed, options(keep)) {
        loop_ = store.world().make_loop();
        far_loop_ = store.world().make_loop();
        pool_ = store.world().make_pool();
        platform = std::make_unique<Platform>(*far_loop_);
        EXPECT_TRUE(store.open());
        start();
    }
    ~Edge() {
        forwarder.reset();
        store.world().run_for(kSecond);
    }

    void start() {
        ForwarderOptions options{.tenant = TenantId{1},
                                 .platform = "http://10.0.0.9",
                                 .token = "s3cret",
                                 .under = under,
                                 .file = "/forwarded.json",
                                 .tls = nullptr};
        options.piece_bytes = 2000;
        options.body_readings = 50;
        auto made =
            Forwarder::create({*store, store.files(), store.clock(), *loop_, *pool_, door, store.metrics()}, options);
        ASSERT_TRUE(made) << made.error().text();
        forwarder = std::move(*made);
        forwarder->start();
    }
    // A power cut: what was not synced is gone, and so is what the forwarder knew.
    void crash(Rng& rng) {
        forwarder.reset();
        loop_ = store.world().make_loop();  // what was under way ends with it
        store.crash(&rng);
        ASSERT_TRUE(store.open());
        start();
    }
    bool is_idle() {
        const ForwardStatus status = forwarder->status();
        return status.state == ForwardState::idle && status.behind_bytes == 0;
    }
    // Until the platform has all.
    void settle() {
        store.world().run_for(3 * kSecond);
        EXPECT_TRUE(store.world().run_until([&] { return is_idle(); }, kHour)) << forwarder->status().problem;
        store.world().run_for(3 * kSecond);
    }
    void add(const std::string& tag, TimeNs time, double value) {
        ASSERT_TRUE(store.append(history::one_row(store.tag(tag), time, value)));
        model[(under.empty() ? "" : under + "/") + tag + ".x"][time] =
            fmt::format("{} {}", std::bit_cast<std::uint64_t>(value), pack(kGood));
    }

    static history::HistoryOptions options(std::uint64_t keep) {
        history::HistoryOptions options;
        options.log_kept_bytes = keep;
        options.seal_age = kDay;
        return options;
    }

    void cut(bool silent) { store.world().cut(kPlace, silent); }
    void heal() { store.world().heal(kPlace); }

    TestStore store;
    Door door;
    std::string under;
    Table model;
    std::unique_ptr<Platform> platform;
    std::unique_ptr<Forwarder> forwarder;

private:
    std::unique_ptr<io::Loop> loop_, far_loop_;
    std::unique_ptr<io::Pool> pool_;
};

void expect_same(const Table& got, const Table& want) {
    ASSERT_EQ(got.size(), want.size());
    for (const auto& [path, rows] : want) {
        const auto at = got.find(path);
        ASSERT_TRUE(at != got.end()) << path;
        EXPECT_EQ(at->second.size(), rows.size()) << path;
        for (const auto& [time, value] : rows) {
            const auto row = at->second.find(time);
            EXPECT_EQ(row == at->second.end() ? "nothing" : row->second, value) << path << " at " << time;
        }
    }
}

TEST(Forwarder, ThePlatformHasAllInTheEndWhateverHappens) {
    const std::uint64_t seed = history::test_seed();
    SCOPED_TRACE(seed);
    Rng rng{seed};
    Edge edge{seed};
    edge.platform->says = [&] {
        if (rng.below(4) != 0) return Platform::Says::yes;
        return static_cast<Platform::Says>(rng.below(4));
    };
    for (int step = 0; step < 300; ++step) {
        switch (rng.below(12)) {
            case 0:
                ASSERT_TRUE(edge.store->compact());
                break;
            case 1:
                edge.crash(rng);
                break;
            case 2:
                edge.cut(rng.below(2) == 0);
                break;
            case 3:
                edge.heal();
                break;
            case 4:
                edge.store.world().run_for(static_cast<DurationNs>(rng.below(20)) * kSecond);
                break;
            default: {
                const TimeNs now = edge.store.clock().now();
                const std::uint64_t rows = rng.below(30);
                // Repeats of a time too: the later one stands.
                for (std::uint64_t i = 0; i < rows; ++i)
                    edge.add(fmt::format("a{}", rng.below(8)), now - static_cast<TimeNs>(rng.below(10)),
                             static_cast<double>(rng.below(100)));
            }
        }
    }
    edge.platform->says = [] { return Platform::Says::yes; };
    edge.heal();
    edge.settle();
    expect_same(edge.platform->table, edge.model);
    EXPECT_EQ(edge.forwarder->status().lost, 0U);
    EXPECT_EQ(edge.forwarder->status().refused, 0U);
}

TEST(Forwarder, SendsInTheOrderInWhichTheyCame) {
    Edge edge;
    edge.cut(true);
    TimeNs time = edge.store.clock().now();
    for (int i = 0; i < 500; ++i) edge.add("a", ++time, i);
    edge.store.world().run_for(10 * kMinute);
    EXPECT_EQ(edge.forwarder->status().state, ForwardState::waiting);
    EXPECT_FALSE(edge.forwarder->status().problem.empty());
    EXPECT_GT(edge.forwarder->status().behind_bytes, 0U);
    edge.heal();
    edge.settle();
    expect_same(edge.platform->table, edge.model);
    EXPECT_TRUE(std::ranges::is_sorted(edge.platform->order, {}, [](const auto& one) { return one.second; }));
    EXPECT_EQ(edge.platform->authorization, "Bearer s3cret");
    EXPECT_EQ(edge.forwarder->status().sent, 500U);
    EXPECT_EQ(edge.door.rows_left, 500U);
    EXPECT_GT(edge.platform->requests, 5);
}

TEST(Forwarder, WhatThePlatformNeverTakesIsCountedAndHoldsUpNothing) {
    Edge edge;
    edge.platform->says = [] { return Platform::Says::in_part; };
    const TimeNs time = edge.store.clock().now();
    edge.add("a", time, 1);
    edge.add("secret", time, 2);
    edge.add("b", time, 3);
    edge.settle();
    edge.model.erase("secret.x");
    expect_same(edge.platform->table, edge.model);
    const ForwardStatus status = edge.forwarder->status();
    EXPECT_EQ(status.refused, 1U);
    EXPECT_EQ(status.sent, 2U);
    EXPECT_EQ(status.refusal, "the first is column 0");
}

TEST(Forwarder, AGapIsSentAsOne) {
    Edge edge;
    const TimeNs time = edge.store.clock().now();
    Rows rows;
    const double none = std::numeric_limits<double>::quiet_NaN();
    rows.add_number(edge.store.tag("a"), time, none, bad(Reason::stopped));
    rows.add_number(edge.store.tag("a"), time + 1, 5);
    rows.add_text(edge.store.tag("t", "x", ValueType::text), time,
                  "a\xff\xfe"
                  "b");
    ASSERT_TRUE(edge.store.append(std::move(rows)));
    edge.model["a.x"][time] = fmt::format("0 {}", pack(bad(Reason::stopped)));
    edge.model["a.x"][time + 1] = fmt::format("{} {}", std::bit_cast<std::uint64_t>(5.0), pack(kGood));
    edge.model["t.x"][time] = fmt::format(
        "a\xef\xbf\xbd\xef\xbf\xbd"
        "b {}",
        pack(kGood));
    edge.settle();
    expect_same(edge.platform->table, edge.model);
}

TEST(Forwarder, WhatThePlatformTakesNothingOfIsKept) {
    Edge edge;
    edge.platform->says = [] { return Platform::Says::in_part; };
    edge.add("secret", edge.store.clock().now(), 1);
    edge.store.world().run_for(5 * kMinute);
    EXPECT_EQ(edge.forwarder->status().state, ForwardState::waiting);
    EXPECT_EQ(edge.forwarder->status().problem, "the platform says 400: the first is column 0");
    EXPECT_EQ(edge.forwarder->status().refused, 0U);
    // The token may write there now.
    edge.platform->says = [] { return Platform::Says::yes; };
    edge.settle();
    expect_same(edge.platform->table, edge.model);
    // Once it has taken something, what it refuses is not the way's fault.
    edge.platform->says = [] { return Platform::Says::in_part; };
    edge.add("secret", edge.store.clock().now() + 1, 2);
    edge.store.world().run_for(5 * kSecond);
    EXPECT_EQ(edge.forwarder->status().refused, 1U);
    EXPECT_GT(edge.forwarder->status().lessened_at, 0);
}

TEST(Forwarder, AWrongTokenIsToldAndLosesNothing) {
    Edge edge;
    edge.platform->says = [] { return Platform::Says::no; };
    edge.add("a", edge.store.clock().now(), 1);
    edge.store.world().run_for(10 * kMinute);
    EXPECT_EQ(edge.forwarder->status().problem, "the platform says 401: no such token");
    EXPECT_LT(edge.platform->requests, 25);  // it is not asked again and again
    edge.platform->says = [] { return Platform::Says::yes; };
    edge.settle();
    expect_same(edge.platform->table, edge.model);
}

TEST(Forwarder, WhatMayNotLeaveStays) {
    Edge edge;
    edge.door.refuse = true;
    edge.add("a", edge.store.clock().now(), 1);
    edge.store.world().run_for(5 * kMinute);
    EXPECT_EQ(edge.platform->requests, 0);
    EXPECT_EQ(edge.forwarder->status().problem, "** may not leave by forward");
    edge.door.refuse = false;
    edge.settle();
    expect_same(edge.platform->table, edge.model);
}

TEST(Forwarder, StandsUnderAPathAndTellsOnlyItsTenant) {
    Edge edge;
    edge.forwarder.reset();
    edge.under = "works2/hall";
    edge.start();
    edge.add("a", edge.store.clock().now(), 1);
    const TagId other = edge.store.tag("b", "x", ValueType::number, TenantId{2});
    ASSERT_TRUE(edge.store.append(history::one_row(other, edge.store.clock().now(), 5)));
    edge.settle();
    expect_same(edge.platform->table, edge.model);
    EXPECT_TRUE(edge.platform->table.contains("works2/hall/a.x"));
}

TEST(Forwarder, DropsTheOldestPastItsBoundAndSaysHowMany) {
    Edge edge{1, 20'000};
    edge.cut(false);
    TimeNs time = edge.store.clock().now();
    std::uint64_t added = 0;
    for (int file = 0; file < 30; ++file) {
        for (int i = 0; i < 50; ++i, ++added) edge.add("a", ++time, i);
        ASSERT_TRUE(edge.store->compact());
        edge.store.world().run_for(10 * kSecond);
    }
    edge.heal();
    edge.settle();
    const ForwardStatus status = edge.forwarder->status();
    EXPECT_GT(status.lost, 0U);
    // What was read to be sent may be both: dropped from the log, and sent when the platform was there again.
    const std::uint64_t there = edge.platform->table["a.x"].size();
    EXPECT_GE(there + status.lost, added);
    EXPECT_LT(there, added);
    EXPECT_EQ(edge.platform->table["a.x"].rbegin()->first, time);  // the newest is there
    EXPECT_EQ(status.sent, there);
}

TEST(Forwarder, ADamagedNoteSendsAgainInsteadOfLosing) {
    for (const std::string_view note :
         {"", "{", "[]", R"({"group":"x"})", R"({"platform":"http://10.0.0.9","group":900000,"crc":1})",
          R"({"platform":"http://10.0.0.9","group":3,"crc":12345})",
          R"({"platform":"http://other","group":3,"crc":0})"}) {
        SCOPED_TRACE(note);
        Edge edge;
        edge.forwarder.reset();
        ASSERT_TRUE(io::write_whole(edge.store.files(), "/forwarded.json", as_bytes(note)));
        for (int i = 0; i < 5; ++i) edge.add("a", edge.store.clock().now() + i, i);
        edge.start();
        edge.settle();
        expect_same(edge.platform->table, edge.model);
    }
}

TEST(Forwarder, GoesOnWhereItStopped) {
    Edge edge;
    edge.add("a", edge.store.clock().now(), 1);
    edge.settle();
    edge.forwarder->stop();
    edge.forwarder.reset();
    const int requests = edge.platform->requests;
    edge.store.reopen();
    edge.start();
    edge.settle();
    EXPECT_EQ(edge.platform->requests, requests);
    EXPECT_EQ(edge.forwarder->status().sent, 1U);
    edge.add("a", edge.store.clock().now(), 2);
    edge.settle();
    EXPECT_EQ(edge.platform->requests, requests + 1);
    EXPECT_EQ(edge.forwarder->status().sent, 2U);
}

TEST(Forwarder, RefusesAnAddressThatIsNone) {
    Edge edge;
    for (const std::string_view platform : {"", "platform", "ftp://platform", "http://platform/api"}) {
        ForwarderOptions options{.tenant = TenantId{1},
                                 .platform = std::string(platform),
                                 .token = "t",
                                 .under = "",
                                 .file = "/f",
                                 .tls = nullptr};
        const auto loop = edge.store.world().make_loop();
        const auto pool = edge.store.world().make_pool();
        const auto made = Forwarder::create(
            {*edge.store, edge.store.files(), edge.store.clock(), *loop, *pool, edge.door, edge.store.metrics()},
            options);
        ASSERT_FALSE(made) << platform;
        EXPECT_EQ(made.error().code(), Code::invalid);
    }
}

TEST(ForwardBodies, KeepEveryValueAndQuality) {
    Rows rows;
    const auto tag = [](std::uint64_t id) { return TagId{id << 4}; };
    rows.add_number(tag(1), 10, 1.25);
    rows.add_integer(tag(2), 10, -7, bad(Reason::timeout));
    rows.add_boolean(tag(3), 11, true);
    rows.add_text(tag(4), 12, "停机 stop");
    rows.add_number(tag(1), 9, 2);
    rows.add_number(tag(5), 9, 2);  // without a path
    const auto path_of = [](TagId id) {
        return id.value >> 4 == 5 ? std::string{} : fmt::format("p/{}.x", id.value >> 4);
    };
    for (const std::uint64_t readings_max : {1U, 2U, 100U}) {
        const auto bodies = forward_bodies({rows, rows}, path_of, readings_max);
        EXPECT_EQ(bodies.size(), readings_max == 1 ? 10U : readings_max == 2 ? 5U : 1U);
        std::vector<std::string> got;
        std::uint64_t readings = 0;
        for (const ForwardBody& body : bodies) {
            readings += body.readings;
            EXPECT_TRUE(wire::decode_batch(as_bytes(body.bytes), {}, [&](const wire::BatchColumn& column) {
                for (std::size_t i = 0; i < column.times.size(); ++i)
                    got.push_back(fmt::format("{} {} {} {}", column.path, column.times[i], pack(column.qualities[i]),
                                              column.type == ValueType::text ? std::string(column.texts[i])
                                                                             : fmt::format("{}", column.bits[i])));
            }));
        }
        EXPECT_EQ(readings, 10U);
        std::ranges::sort(got);
        const std::string number = fmt::format("{}", pack(kGood));
        std::vector<std::string> want;
        for (int twice = 0; twice < 2; ++twice) {
            want.push_back(fmt::format("p/1.x 10 {} {}", number, std::bit_cast<std::uint64_t>(1.25)));
            want.push_back(fmt::format("p/1.x 9 {} {}", number, std::bit_cast<std::uint64_t>(2.0)));
            want.push_back(fmt::format("p/2.x 10 {} {}", pack(bad(Reason::timeout)), static_cast<std::uint64_t>(-7)));
            want.push_back(fmt::format("p/3.x 11 {} 1", number));
            want.push_back(fmt::format("p/4.x 12 {} 停机 stop", number));
        }
        std::ranges::sort(want);
        EXPECT_EQ(got, want);
    }
}

}  // namespace
}  // namespace gongshu::edge
