#include <gtest/gtest.h>

#include <bit>

#include "api/testing/world_test.h"
#include "expr/calendar.h"
#include "io/crypto.h"
#include "wire/batch.h"

namespace gongshu::api {
namespace {

using test::World;

// A page's WebSocket.
class Page {
public:
    Page(World& world, const std::string& token) : world_(world), stream_(world.connect()) {
        stream_->start({.on_data = [this](Bytes bytes) { take(bytes); },
                        .on_closed = [this](const Error&) { closed = true; },
                        .on_drained = {}});
        stream_->send(as_bytes(
            fmt::format("GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: "
                        "Bearer {}\r\n\r\n",
                        token)));
        EXPECT_TRUE(world.sim.run_until([&] { return open || closed; }, kSecond));
    }
    void say(std::string_view text) {
        std::string frame;
        wire::write_frame(frame, wire::WsOpcode::text, text, 7);
        stream_->send(as_bytes(frame));
    }
    bool hears(std::string_view part, DurationNs within = 2 * kSecond) {
        return world_.sim.run_until(
            [&] {
                return std::any_of(messages.begin(), messages.end(),
                                   [&](const auto& message) { return message.find(part) != std::string::npos; });
            },
            within);
    }
    io::Stream& stream() { return *stream_; }

    bool open = false, closed = false;
    std::string head;
    std::vector<std::string> messages;
    std::uint16_t close_code = 0;

private:
    void take(Bytes bytes) {
        if (!open) {
            head.append(as_text(bytes));
            const std::size_t end = head.find("\r\n\r\n");
            if (end == std::string::npos) return;
            open = true;
            const std::string rest = head.substr(end + 4);
            head.resize(end);
            if (head.starts_with("HTTP/1.1 101 ")) take(as_bytes(rest));
            return;
        }
        if (!head.starts_with("HTTP/1.1 101 ")) return;
        const auto fed = decoder_.feed(bytes, [&](wire::WsMessage message) {
            if (message.opcode == wire::WsOpcode::close)
                close_code = message.close_code;
            else if (message.opcode == wire::WsOpcode::text)
                messages.push_back(std::move(message.payload));
        });
        EXPECT_TRUE(fed);
    }

    World& world_;
    std::unique_ptr<io::Stream> stream_;
    wire::WsDecoder decoder_{wire::WsSide::client, 64 << 20};
};

TEST(Live, TellsLastValuesAlarmsAndConnections) {
    World world;
    const std::string token = world.token("engineer");
    world.as(token, "POST", "/api/v1/write", "cpu,host=h1 user=1\nmem,host=h1 used=5");
    Page page{world, token};
    ASSERT_TRUE(page.head.starts_with("HTTP/1.1 101 ")) << page.head;
    EXPECT_NE(page.head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
    page.say(R"({"subscribe":{"tags":["cpu/**"],"alarms":true,"connections":true}})");
    EXPECT_TRUE(page.hears(R"(["cpu/h1.user",1700000)"));
    EXPECT_TRUE(page.hears(R"({"type":"connections","items":[]})"));
    EXPECT_FALSE(page.hears("mem/", 300 * kMillisecond));
    world.as(token, "POST", "/api/v1/write", "cpu,host=h1 user=42\ncpu,host=h2 user=43");
    EXPECT_TRUE(page.hears(",42,\"good\"]"));
    EXPECT_TRUE(page.hears(R"(["cpu/h2.user")")) << "a tag that is new is told as well";
    flow::Alarm alarm;
    alarm.id = "7";
    alarm.tenant = TenantId{1};
    world.flow.fake_alarms.raise(alarm);
    EXPECT_TRUE(page.hears(R"({"type":"alarm","alarm":{"id":"7")"));
    page.say("nonsense");
    EXPECT_TRUE(page.hears(R"({"type":"error")"));
    page.say(R"({"subscribe":{"tags":["mem/**"]}})");
    EXPECT_TRUE(page.hears("mem/h1.used"));
}

// Whatever way they come in: a batch of columns is told as lines are, new tags too.
TEST(Live, TellsBatchesOfColumns) {
    World world;
    const std::string token = world.token("engineer");
    const auto send = [&](std::initializer_list<std::string_view> paths, double value) {
        wire::BatchWriter writer;
        for (const std::string_view path : paths) {
            wire::BatchColumn column{.path = path};
            for (int i = 1; i >= 0; --i) {
                column.times.push_back(world.sim.clock().now() - i * kMillisecond);
                column.bits.push_back(std::bit_cast<std::uint64_t>(value - i));
                column.qualities.push_back(kGood);
            }
            writer.add(column);
        }
        EXPECT_EQ(world.as(token, "POST", "/api/v1/write/batch", writer.finish()).status, 204);
    };
    send({"cpu/h1.user", "cpu/h1.system", "mem/h1.used"}, 5);
    Page page{world, token};
    page.say(R"({"subscribe":{"tags":["cpu/**"]}})");
    EXPECT_TRUE(page.hears(R"(["cpu/h1.system",)"));
    send({"cpu/h1.user", "cpu/h1.system", "mem/h1.used"}, 42);
    EXPECT_TRUE(page.hears(",42,\"good\"]"));
    send({"mem/h1.used", "cpu/h2.user", "cpu/h2.system"}, 43);
    EXPECT_TRUE(page.hears(R"(["cpu/h2.system",)")) << "a tag that is new is told as well";
    EXPECT_FALSE(page.hears("mem/", 300 * kMillisecond));
}

TEST(Live, SendsOnlyTheNewestAndAtMostFourASecond) {
    World world;
    const std::string token = world.token("engineer");
    world.as(token, "POST", "/api/v1/write", "m x=0");
    Page page{world, token};
    page.say(R"({"subscribe":{"tags":["m.x"]}})");
    ASSERT_TRUE(page.hears("m.x"));
    page.messages.clear();
    const TimeNs begin = world.sim.clock().now();
    const TagId tag = world.history->find(TenantId{1}, "m.x")->id;
    for (int i = 1; i <= 100; ++i) {
        Rows rows;
        rows.add_number(tag, world.sim.clock().now(), i);
        world.history->append(rows, Durability::interval, [](const Result<Appended>&) {});
        world.sim.run_for(20 * kMillisecond);
    }
    world.sim.run_for(kSecond);
    const auto seconds = static_cast<double>(world.sim.clock().now() - begin) / static_cast<double>(kSecond);
    EXPECT_LE(static_cast<double>(page.messages.size()), 4 * seconds + 1);
    EXPECT_GE(page.messages.size(), 6u);
    EXPECT_NE(page.messages.back().find(",100,\"good\""), std::string::npos);
}

TEST(Live, SlowReaderCostsNoMemoryAndIsToldOfWhatItMissed) {
    World world;
    const std::string token = world.token("engineer");
    std::string lines;
    for (int i = 0; i < 2000; ++i) lines += fmt::format("m,i={} x=0,s=\"{}\"\n", i, std::string(200, 'x'));
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write", lines).status, 204);
    Page page{world, token};
    page.say(R"({"subscribe":{"tags":["m/**"]}})");
    ASSERT_TRUE(page.hears("m/"));
    page.stream().pause_reading(true);
    for (int round = 0; round < 40; ++round) {
        world.as(token, "POST", "/api/v1/write", lines);
        world.sim.run_for(300 * kMillisecond);
    }
    page.messages.clear();
    page.stream().pause_reading(false);
    EXPECT_TRUE(page.hears(R"({"type":"dropped","tags":)", 10 * kSecond) || page.closed ||
                page.close_code == wire::kWsTryLater);
}

TEST(Live, EndsWhenItsTokenIsDeletedAndRefusesStrangers) {
    World world;
    Page stranger{world, "wrong"};
    EXPECT_TRUE(stranger.head.starts_with("HTTP/1.1 401 ")) << stranger.head;
    const std::string token = world.token("viewer");
    Page page{world, token};
    ASSERT_TRUE(page.head.starts_with("HTTP/1.1 101 "));
    const registry::Actor system{TenantId{1}, "default", "system", registry::Role::admin, ""};
    ASSERT_TRUE(world.registry->remove(system, "token", "t-viewer"));
    EXPECT_TRUE(world.sim.run_until([&] { return page.close_code == wire::kWsPolicy; }, kSecond));
    EXPECT_EQ(world.as(world.token("viewer"), "GET", "/api/v1/live").status, 400);  // no handshake
}

TEST(Live, EndsWithTheValidityOfItsToken) {
    World world;
    const std::string token = world.token("viewer");
    const registry::Actor system{TenantId{1}, "default", "system", registry::Role::admin, ""};
    const std::string expires = expr::time_text(world.sim.clock().now() + 10 * kSecond);
    const auto spec = registry::parse_json(fmt::format(R"({{"role":"viewer","expires":"{}"}})", expires)).value();
    ASSERT_TRUE(world.registry->put(system, "token", "t-viewer", spec));
    Page page{world, token};
    ASSERT_TRUE(page.head.starts_with("HTTP/1.1 101 ")) << page.head;
    bool closed = false;
    auto watch = world.connect();
    watch->start({.on_data = [](Bytes) {}, .on_closed = [&](const Error&) { closed = true; }, .on_drained = {}});
    watch->send(as_bytes(fmt::format(
        "GET /api/v1/sites?watch=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n", token)));
    world.sim.run_for(8 * kSecond);
    EXPECT_FALSE(closed || page.closed || page.close_code != 0);
    world.sim.run_for(4 * kSecond);
    EXPECT_TRUE(closed);
    EXPECT_EQ(page.close_code, wire::kWsPolicy);
}

TEST(Live, EndsWithItsSessionAndNoOther) {
    World world;
    const auto sign_in = [&] { return world.auth->sign_in("admin", test::kPassword, "127.0.0.1").value().token; };
    const std::string mine = sign_in(), other = sign_in();
    Page page{world, mine}, second{world, other};
    ASSERT_TRUE(second.head.starts_with("HTTP/1.1 101 ")) << second.head;
    world.auth->sign_out(mine);
    EXPECT_TRUE(world.sim.run_until([&] { return page.close_code == wire::kWsPolicy; }, kSecond));
    EXPECT_EQ(second.close_code, 0);
    ASSERT_TRUE(world.auth->set_password({TenantId{1}, "default", "user:boss", registry::Role::admin, ""}, "admin",
                                         "another long password"));
    EXPECT_TRUE(world.sim.run_until([&] { return second.close_code == wire::kWsPolicy; }, kSecond));
}

// Whatever comes in, the session ends with the right word or goes on, and nobody else notices.
TEST(Live, BrokenFramesEndTheirSessionAlone) {
    World world;
    const std::string token = world.token("viewer");
    Page other{world, token};
    ASSERT_TRUE(other.open);
    other.say(R"({"subscribe":{"tags":["**"]}})");
    ASSERT_TRUE(other.hears("last"));
    const auto frame = [](wire::WsOpcode opcode, std::string_view payload, bool final = true) {
        std::string bytes;
        wire::write_frame(bytes, opcode, payload, 0x01020304, final);
        return bytes;
    };
    using enum wire::WsOpcode;
    const auto f = [&](const std::string& bytes, std::uint16_t close_code) {
        for (const std::size_t step : {bytes.size(), std::size_t{1}}) {
            Page page{world, token};
            for (std::size_t at = 0; at < bytes.size(); at += step)
                page.stream().send(as_bytes(std::string_view{bytes}.substr(at, step)));
            world.sim.run_for(kSecond);
            EXPECT_EQ(page.close_code, close_code) << io::base64(as_bytes(bytes)).substr(0, 60);
            EXPECT_EQ(page.closed, close_code != 0);
        }
    };
    using namespace std::string_literals;
    f("\x81\x02hi"s, 1002);                                                // not masked
    f("\xf1\x80\x01\x02\x03\x04"s, 1002);                                  // reserved bits
    f("\x83\x80\x01\x02\x03\x04"s, 1002);                                  // no such opcode
    f("\x8b\x80\x01\x02\x03\x04"s, 1002);                                  // no such control opcode
    f("\x09\x80\x01\x02\x03\x04"s, 1002);                                  // a control frame in parts
    f("\x89\xfe\x00\x7e\x01\x02\x03\x04"s, 1002);                          // a control frame of 126 bytes
    f("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04"s, 1009);  // longer than there are numbers
    f("\x81\xff\x00\x00\x00\x00\x7f\xff\xff\xff\x01\x02\x03\x04"s, 1009);  // 2 GB are announced
    f(frame(continuation, "x"), 1002);                                     // of nothing
    f(frame(text, "a", false) + frame(text, "b"), 1002);                   // begun in the middle of another
    f(frame(text, "\xff\xfe"), 1007);                                      // not UTF-8
    f(frame(text, std::string((256 << 10) + 1, 'x')), 1009);
    f(frame(binary, "x"), 1008);
    f(frame(close, "\x03"), 1002);  // half a code
    f(frame(close, wire::close_payload(1000, "bye")), 1000);
    f(frame(close, ""), 1000);
    f(frame(text, "{"), 0);  // told, and the session goes on
    f(frame(text, "{\"subscribe\":", false) + frame(ping, "p") + frame(continuation, "{}}"), 0);
    f(frame(pong, "unasked"), 0);
    f(frame(text, "a", false), 0);  // the rest may come
    const std::string after = frame(close, "") + frame(text, R"({"subscribe":{"tags":["**"]}})") + "\x83garbage";
    f(after, 1000);
    EXPECT_FALSE(other.closed);
    EXPECT_EQ(world.as(world.token("engineer"), "POST", "/api/v1/write", "a x=1").status, 204);
    EXPECT_TRUE(other.hears("a.x"));
}

TEST(Live, SilentPeersAreEnded) {
    World world;
    Page page{world, world.token("viewer")};
    EXPECT_TRUE(world.sim.run_until([&] { return page.closed; }, 2 * kMinute));
}

}  // namespace
}  // namespace gongshu::api
