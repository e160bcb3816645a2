#include "connect/http_driver.h"

#include <gtest/gtest.h>

#include "connect/driver_talk.h"
#include "connect/poll_session.h"
#include "connect/sim_store.h"
#include "io/sim.h"

namespace gongshu::connect {
namespace {

PropertyConfig property(std::string name, std::string at, ValueType type = ValueType::number, double scale = 1) {
    PropertyConfig config;
    config.name = std::move(name);
    config.type = type;
    config.place.at = std::move(at);
    config.place.scale = scale;
    return config;
}

LinkConfig link(std::vector<PropertyConfig> properties) {
    LinkConfig config;
    config.tenant = TenantId{1};
    config.uid = "c1";
    config.name = "meter";
    config.protocol = "http_json";
    config.language = Language::http;
    config.host = "10.0.0.7";
    config.port = 80;
    config.http.path = "/status";
    config.timeout = 200 * kMillisecond;
    config.devices = {{.uid = "d1", .path = "s/m", .properties = std::move(properties), .station = "7 a"}};
    return config;
}

constexpr std::string_view kStatus = R"({"power":12.5,"total":"1041","on":"ON","n":3,"name":"M1","deep":{"t":[20,21]}})";

std::string response(std::string_view body, std::string_view status = "200 OK", std::string_view headers = "") {
    return fmt::format("HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{}", status,
                       body.size(), headers, body);
}

// What becomes of the polls, in their order, when each is answered with `answer`, in pieces of any size.
std::string asked(std::vector<PropertyConfig> properties, const std::string& answer) {
    const auto set = point_set(link(std::move(properties)));
    std::string whole;
    for (const std::size_t piece : {std::size_t{10'000}, std::size_t{1}}) {
        const auto driver = make_http_driver(*set->config);
        const PollPlan plan = driver->plan(set);
        std::string out = shown(*set, plan.faults);
        for (const Poll& poll : plan.polls) {
            const auto machine = [&](Bytes) { return Buffer(answer.begin(), answer.end()); };
            out += fmt::format("{}{}: {}", out.empty() ? "" : " | ", driver->describe(poll.id),
                               talk(*driver, *set, driver->read(poll.id), machine, piece));
        }
        if (!whole.empty()) {
            EXPECT_EQ(out, whole) << "in pieces of " << piece;
        }
        whole = out;
    }
    return whole;
}

TEST(HttpDriver, TakesValuesOfJson) {
    const std::string answer = response(kStatus);
    const auto f = [&](std::vector<PropertyConfig> properties, const std::string& want) {
        EXPECT_EQ(asked(std::move(properties), answer), want);
    };
    f({property("p", "power"), property("t", "$.total"), property("on", "on", ValueType::boolean),
       property("n", "n", ValueType::integer), property("name", "name", ValueType::text),
       property("deep", "deep.t[1]", ValueType::integer)},
      "GET /status: p=12.5; t=1041; on=true; n=3; name=M1; deep=21");
    f({property("kw", "power", ValueType::number, 0.001), property("n", "n", ValueType::text),
       property("q", "n", ValueType::boolean)},
      "GET /status: kw=0.0125; n=3; q=- bad:type (q is 3, which is not exactly a boolean)");
    f({property("x", "wrong"), property("y", "deep"), property("z", "name"), property("w", "power", ValueType::integer)},
      "GET /status: x=- bad:type ($ has no member \"wrong\"); y=- bad:type ($.deep is an object: choose one of its "
      "values); z=- bad:type (\"M1\" is no number); w=- bad:type (w is 12.5, which is not exactly a integer)");
    f({property("a", "/meters/{station} power"), property("b", "power"), property("c", "/meters/{station}  n")},
      "GET /meters/7%20a: a=12.5; c=3 | GET /status: b=12.5");
    f({property("a", "[*]"), property("b", "power")},
      "a! point.at: [*] stands for many values: choose one | GET /status: b=12.5");
}

TEST(HttpDriver, SaysWhatIsWrongWithAnAnswer) {
    const std::vector<PropertyConfig> one{property("p", "power")};
    const auto f = [&](const std::string& answer, const std::string& want) {
        const std::string got = asked(one, answer);
        EXPECT_TRUE(got.starts_with("GET /status: " + want)) << got << " after " << answer;
    };
    f(response("{}", "404 Not Found"), "p! GET /status is answered with 404 Not Found");
    f(response("", "302 Found", "Location: /login\r\n"), "p! GET /status is answered with 302 Found");
    f(response("<html>login</html>"), "p! the answer to GET /status is no JSON: ");
    f("SSH-2.0-OpenSSH_9.2\r\n\r\n", "!! the answer to GET /status cannot be read: ");
    f("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "no answer to GET /status within 1000 ms");
    f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"po\r\n9\r\nwer\":1.5}\r\n0\r\n\r\n", "p=1.5");
}

TEST(HttpDriver, IsOnlyRead) {
    const auto set = point_set(link({property("p", "power")}));
    const auto driver = make_http_driver(*set->config);
    const Point& point = set->points.front();
    EXPECT_EQ(driver->check_writes().error().code(), Code::unsupported);
    EXPECT_EQ(driver->check_write(*point.device, *point.property, 1.0).error().code(), Code::unsupported);
    EXPECT_EQ(driver->write(*point.device, *point.property, 1.0).error().code(), Code::unsupported);
    EXPECT_EQ(driver->read_back(*point.device, *point.property).error().code(), Code::unsupported);
}

// ---- with a session ----

const io::Address kServer{"10.0.0.7", 80};

// A server with the manners of small devices.
struct SimServer {
    enum class Mood {
        keeps,
        closes,         // after each answer, of which it says the length
        ends,           // each answer by closing
        closes_early,   // the link, before anything of the answer, every other time
        closes_idle,    // a moment after each answer
        silent,
        half,           // of an answer, and closes
    };
    explicit SimServer(io::Loop& on) : loop(on) { on_power(); }
    void on_power() {
        listener = loop.listen(kServer, {}, [this](auto stream) { take(std::move(stream)); }).value();
    }
    void take(std::unique_ptr<io::Stream> taken) {
        ++accepted;
        const std::shared_ptr<io::Stream> stream = std::move(taken);
        streams.push_back(stream);
        io::Stream::Events events;
        events.on_data = [this, weak = std::weak_ptr(stream), count = 0, asked = std::string()](Bytes bytes) mutable {
            const auto self = weak.lock();
            asked += as_text(bytes);
            if (!self || !asked.ends_with("\r\n\r\n")) return;
            asked.clear();
            answer(*self, ++count);
        };
        stream->start(std::move(events));
    }
    void answer(io::Stream& stream, int count) {
        ++requests;
        if (mood == Mood::silent) return;
        if (mood == Mood::closes_early && count > 1) return stream.close();
        const std::string body = fmt::format(R"({{"power":{}}})", requests);
        std::string text = mood == Mood::ends ? "HTTP/1.0 200 OK\r\n\r\n" + body : response(body);
        if (mood == Mood::half) text.resize(text.size() - 3);
        stream.send(as_bytes(text));
        if (mood == Mood::closes || mood == Mood::ends || mood == Mood::half) return stream.close();
        if (mood != Mood::closes_idle) return;
        loop.after(100 * kMillisecond, [weak = std::weak_ptr(streams.back())] {
            if (const auto self = weak.lock()) self->close();
        });
    }

    io::Loop& loop;
    Mood mood = Mood::keeps;
    int accepted = 0, requests = 0;
    std::vector<std::shared_ptr<io::Stream>> streams;
    std::unique_ptr<io::Listener> listener;
};
using Mood = SimServer::Mood;

struct World {
    World() {
        session = std::make_shared<PollSession>(
            SessionDeps{
                *loop, store, store, &store, [](TenantId, const io::Address&) { return Result<void>{}; }, {}, 7},
            link({property("p", "power")}));
        session->start();
    }
    ~World() { session->stop(); }
    std::string state() const { return std::string(to_string(session->connection_status().state)); }

    io::SimWorld sim{1};
    std::unique_ptr<io::Loop> loop = sim.make_loop();
    std::unique_ptr<io::Loop> plant_loop = sim.make_loop();
    SimStore store{*loop};
    SimServer server{*plant_loop};
    std::shared_ptr<PollSession> session;
};

TEST(HttpDriver, AServerThatClosesLinksIsNoOutage) {
    for (const Mood mood : {Mood::keeps, Mood::closes, Mood::ends, Mood::closes_early, Mood::closes_idle}) {
        SCOPED_TRACE(static_cast<int>(mood));
        World world;
        world.server.mood = mood;
        world.sim.run_for(10 * kSecond + 500 * kMillisecond);
        EXPECT_EQ(world.state(), "up") << world.session->connection_status().last_error;
        EXPECT_EQ(world.store.of("s/m.p").size(), world.store.count("s/m.p", "good"));
        EXPECT_GE(world.store.count("s/m.p", "good"), 10u);
        EXPECT_EQ(world.session->connection_status().last_error, "");
        EXPECT_EQ(world.server.accepted > 2, mood != Mood::keeps);
    }
}

TEST(HttpDriver, AnOutageIsOneAndHeals) {
    for (const Mood mood : {Mood::silent, Mood::half}) {
        SCOPED_TRACE(static_cast<int>(mood));
        World world;
        world.sim.run_for(3 * kSecond);
        world.server.mood = mood;
        EXPECT_TRUE(world.sim.run_until([&] { return !world.store.of("s/m.p").back().quality.usable(); }, kMinute));
        world.server.mood = Mood::keeps;
        EXPECT_TRUE(world.sim.run_until([&] { return world.store.of("s/m.p").back().quality.good(); }, kMinute));
        // An answer that came too late was taken for none of the later ones.
        double last = 0;
        for (const Reading& reading : world.store.of("s/m.p")) {
            if (!reading.quality.usable()) continue;
            EXPECT_GT(std::get<double>(reading.value), last);
            last = std::get<double>(reading.value);
        }
    }
    World world;
    world.sim.run_for(3 * kSecond);
    world.server.listener.reset();
    world.server.streams.clear();
    EXPECT_TRUE(world.sim.run_until([&] { return world.state() == "backing_off"; }, kMinute));
    EXPECT_EQ(to_string(world.store.of("s/m.p").back().quality), "bad:disconnected");
    world.server.on_power();
    EXPECT_TRUE(world.sim.run_until([&] { return world.store.of("s/m.p").back().quality.good(); }, kMinute));
}

}  // namespace
}  // namespace gongshu::connect
