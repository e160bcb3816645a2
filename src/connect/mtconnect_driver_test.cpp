#include "connect/mtconnect_driver.h"

#include <gtest/gtest.h>

#include <charconv>

#include "base/time_text.h"
#include "connect/poll_session.h"
#include "connect/sim_store.h"
#include "io/sim.h"

namespace gongshu::connect {
namespace {

PropertyConfig property(std::string name, std::string at, ValueType type = ValueType::number, std::string as = "") {
    PropertyConfig config;
    config.name = std::move(name);
    config.type = type;
    config.place.at = std::move(at);
    config.place.as = std::move(as);
    return config;
}

const io::Address kAgent{"10.0.0.7", 5000};

LinkConfig link() {
    LinkConfig config;
    config.tenant = TenantId{1};
    config.uid = "c1";
    config.name = "agent";
    config.protocol = "mtconnect";
    config.language = Language::mtconnect;
    config.host = kAgent.host;
    config.port = kAgent.port;
    config.timeout = 500 * kMillisecond;
    config.devices = {{.uid = "d1",
                       .path = "vmc",
                       .properties = {property("line", "line", ValueType::integer),
                                      property("state", "VMC:exec, VMC:system", ValueType::text, "run_state"),
                                      property("load", "x_load")}}};
    return config;
}

// An agent of one machine that keeps its last observations.
class SimAgent {
public:
    explicit SimAgent(io::Loop& loop, const Clock& clock) : loop_(loop), clock_(clock) { power_on(); }
    void power_on() {
        listener_ = loop_.listen(kAgent, {}, [this](auto stream) { take(std::move(stream)); }).value();
    }
    void power_off() {
        listener_.reset();
        streams_.clear();
    }
    void restart() { ++instance_, first_ = 1, kept_.clear(); }
    // One more observation: an element with its text.
    void observe(const std::string& id, const std::string& part, const std::string& element, const std::string& text) {
        kept_.push_back({id, part, element, text, clock_.now()});
        while (kept_.size() > keeps) kept_.erase(kept_.begin()), ++first_;
    }

    std::size_t keeps = 1000;
    bool silent = false, answers_page = false;
    bool ends = false;  // each answer by closing the link
    std::vector<std::string> asked;

private:
    struct Kept {
        std::string id, part, element, text;
        TimeNs time;
    };

    void take(std::unique_ptr<io::Stream> taken) {
        const std::shared_ptr<io::Stream> stream = std::move(taken);
        streams_.push_back(stream);
        io::Stream::Events events;
        events.on_data = [this, weak = std::weak_ptr(stream), text = std::string()](Bytes bytes) mutable {
            text += as_text(bytes);
            const auto self = weak.lock();
            if (!self || !text.ends_with("\r\n\r\n")) return;
            const std::string request = std::exchange(text, {});
            if (silent) return;
            asked.push_back(request.substr(4, request.find(' ', 4) - 4));
            const std::string body = answers_page ? "<html></html>" : answer(asked.back());
            const std::string length = ends ? "" : fmt::format("Content-Length: {}\r\n", body.size());
            self->send(as_bytes(fmt::format("HTTP/1.{} {}\r\n{}\r\n{}", ends ? 0 : 1, answers_page ? "503 x" : "200 OK",
                                            length, body)));
            if (ends) self->close();
        };
        stream->start(std::move(events));
    }

    std::uint64_t next() const { return first_ + kept_.size(); }

    std::string answer(const std::string& target) const {
        std::uint64_t from = 0, count = 100;
        if (target.starts_with("/sample?from=")) {
            const std::string_view rest = std::string_view(target).substr(13);
            std::from_chars(rest.data(), rest.data() + rest.size(), from);
            if (from < first_ || from > next())
                return R"(<MTConnectError><Errors><Error errorCode="OUT_OF_RANGE">from</Error></Errors></MTConnectError>)";
            count = 2;  // so that it takes several to catch up
        }
        std::string inner;
        std::uint64_t told_to = next();
        std::set<std::string> seen;
        if (from == 0) {
            for (std::size_t i = kept_.size(); i-- > 0;)
                if (seen.insert(kept_[i].id).second) inner += shown(i);
        } else {
            told_to = std::min(next(), from + count);
            for (std::uint64_t number = from; number < told_to; ++number) inner += shown(number - first_);
        }
        return fmt::format(
            R"(<MTConnectStreams><Header instanceId="{}" firstSequence="{}" lastSequence="{}" nextSequence="{}"/><Streams>)"
            R"(<DeviceStream name="VMC"><ComponentStream>{}</ComponentStream></DeviceStream></Streams></MTConnectStreams>)",
            instance_, first_, next() - 1, told_to, inner);
    }

    std::string shown(std::size_t i) const {
        const Kept& one = kept_[i];
        return fmt::format(R"(<{0}><{1} dataItemId="{2}" sequence="{3}" timestamp="{4}">{5}</{1}></{0}>)", one.part,
                           one.element, one.id, first_ + i, format_time(one.time), one.text);
    }

    io::Loop& loop_;
    const Clock& clock_;
    std::uint64_t instance_ = 100, first_ = 1;
    std::vector<Kept> kept_;
    std::vector<std::shared_ptr<io::Stream>> streams_;
    std::unique_ptr<io::Listener> listener_;
};

struct World {
    World() {
        agent.observe("line", "Events", "Line", "4");
        agent.observe("system", "Condition", "Normal", "");
        agent.observe("exec", "Events", "Execution", "READY");
        agent.observe("x_load", "Samples", "Load", "12.5");
        agent.observe("other", "Events", "Mode", "AUTOMATIC");
        session = std::make_shared<PollSession>(
            SessionDeps{
                *loop, store, store, &store, [](TenantId, const io::Address&) { return Result<void>{}; }, {}, 7},
            link());
        session->start();
    }
    ~World() { session->stop(); }
    std::string state() const { return std::string(to_string(session->connection_status().state)); }
    // "4 good, 5 good"
    std::string all(const std::string& path) {
        std::string out;
        for (const Reading& reading : store.of(path)) {
            const bool usable = reading.quality.usable();
            out += fmt::format("{}{}{}", out.empty() ? "" : ", ", usable ? gongshu::to_string(reading.value) + " " : "",
                               gongshu::to_string(reading.quality));
        }
        return out;
    }
    bool until_good(const std::string& path) {
        return sim.run_until([&] { return store.of(path).back().quality.good(); }, 2 * kMinute);
    }

    io::SimWorld sim{1};
    std::unique_ptr<io::Loop> loop = sim.make_loop();
    std::unique_ptr<io::Loop> plant_loop = sim.make_loop();
    SimStore store{*loop};
    SimAgent agent{*plant_loop, sim.clock()};
    std::shared_ptr<PollSession> session;
};

TEST(MtconnectDriver, NothingBetweenTwoQuestionsIsLost) {
    World world;
    world.sim.run_for(2 * kSecond + 500 * kMillisecond);
    EXPECT_EQ(world.all("vmc.line"), "4 good");
    EXPECT_EQ(world.all("vmc.state"), "idle good");
    EXPECT_EQ(world.all("vmc.load"), "12.5 good");
    for (int i = 5; i < 12; ++i) world.agent.observe("line", "Events", "Line", std::to_string(i));
    world.agent.observe("exec", "Events", "Execution", "ACTIVE");
    world.agent.observe("system", "Condition", "Fault", "Door open");
    world.agent.observe("system", "Condition", "Normal", "");
    world.sim.run_for(3 * kSecond);
    EXPECT_EQ(world.all("vmc.line"), "4 good, 5 good, 6 good, 7 good, 8 good, 9 good, 10 good, 11 good");
    EXPECT_EQ(world.all("vmc.state"), "idle good, run good, alarm good, run good");
    EXPECT_EQ(world.all("vmc.load"), "12.5 good") << "what does not change is told once";
    EXPECT_EQ(std::ranges::count(world.agent.asked, "/current"), 1);
    // Silent for a minute, which an agent is when nothing happens, is no gap.
    world.sim.run_for(kMinute);
    EXPECT_EQ(to_string(world.session->device_status(world.sim.clock().now())[0].state), "online");
    world.agent.observe("line", "Events", "Line", "UNAVAILABLE");
    world.sim.run_for(2 * kSecond);
    EXPECT_EQ(to_string(world.store.of("vmc.line").back().quality), "bad:silent");
}

TEST(MtconnectDriver, AnAnswerMayEndWithItsLink) {
    World world;
    world.agent.ends = true;
    world.sim.run_for(2 * kSecond);
    for (int i = 5; i < 12; ++i) world.agent.observe("line", "Events", "Line", std::to_string(i));
    world.sim.run_for(3 * kSecond);
    EXPECT_EQ(world.all("vmc.line"), "4 good, 5 good, 6 good, 7 good, 8 good, 9 good, 10 good, 11 good");
    EXPECT_EQ(world.session->connection_status().last_error, "");
}

TEST(MtconnectDriver, WhatWasObservedInAnOutageComesWithItsTime) {
    World world;
    world.sim.run_for(2 * kSecond);
    world.sim.cut(kAgent, false);
    EXPECT_TRUE(world.sim.run_until([&] { return !world.store.of("vmc.line").back().quality.usable(); }, kMinute));
    world.sim.run_for(5 * kSecond);
    world.agent.observe("line", "Events", "Line", "5");
    const TimeNs observed = world.sim.clock().now();
    world.sim.run_for(5 * kSecond);
    world.sim.heal(kAgent);
    EXPECT_TRUE(world.until_good("vmc.line"));
    world.sim.run_for(3 * kSecond);
    EXPECT_TRUE(world.all("vmc.line").ends_with(", 5 good")) << world.all("vmc.line");
    EXPECT_EQ(world.store.of("vmc.line").back().time, observed);
    // What did not change holds again from now on.
    EXPECT_TRUE(world.all("vmc.load").ends_with(", 12.5 good")) << world.all("vmc.load");
    EXPECT_GT(world.store.of("vmc.load").back().time, observed);
}

TEST(MtconnectDriver, AnAgentThatIsStartedAnewOrHasForgottenIsAskedForAll) {
    World world;
    world.sim.run_for(2 * kSecond);
    world.agent.restart();
    world.agent.observe("line", "Events", "Line", "50");
    world.sim.run_for(2 * kSecond);
    EXPECT_EQ(world.all("vmc.line"), "4 good, 50 good");
    world.agent.keeps = 3;
    for (int i = 51; i < 60; ++i) world.agent.observe("line", "Events", "Line", std::to_string(i));
    world.sim.run_for(2 * kSecond);
    EXPECT_EQ(world.all("vmc.line"), "4 good, 50 good, 59 good");
    EXPECT_EQ(world.state(), "up");
}

TEST(MtconnectDriver, SilenceAndPagesAreToldAndHeal) {
    World world;
    world.sim.run_for(2 * kSecond);
    world.agent.silent = true;
    EXPECT_TRUE(world.sim.run_until([&] { return !world.store.of("vmc.load").back().quality.usable(); }, kMinute));
    EXPECT_NE(world.session->connection_status().last_error.find("no answer to GET /sample?from=6"), std::string::npos);
    world.agent.silent = false;
    EXPECT_TRUE(world.until_good("vmc.load"));
    world.agent.answers_page = true;
    EXPECT_TRUE(world.sim.run_until([&] { return !world.store.of("vmc.load").back().quality.usable(); }, kMinute));
    EXPECT_NE(world.session->connection_status().last_error.find("is answered with 503"), std::string::npos)
        << world.session->connection_status().last_error;
    world.agent.answers_page = false;
    EXPECT_TRUE(world.until_good("vmc.load"));
    for (int i = 0; i < 20; ++i) {
        world.agent.power_off();
        EXPECT_TRUE(world.sim.run_until([&] { return !world.store.of("vmc.load").back().quality.usable(); }, kMinute));
        world.agent.power_on();
        EXPECT_TRUE(world.until_good("vmc.load"));
    }
}

}  // namespace
}  // namespace gongshu::connect
