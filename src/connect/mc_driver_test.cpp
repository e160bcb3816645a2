#include "connect/mc_driver.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "connect/sim_melsec.h"

namespace gongshu::connect {
namespace {

namespace mc = wire::mc;
namespace fx = wire::fx;
using mc::Coding;
using mc::Frame;
using wire::melsec::Family;

struct Named {
    std::string at, as;
    ValueType type = ValueType::number;
    double scale = 1, offset = 0;
    DurationNs period = kSecond;
};

// How a driver reaches its PLC.
struct Port {
    Family family = Family::q_l;
    Frame frame = Frame::e3;
    Coding coding = Coding::binary;
    bool is_fx_port = false;

    mc::Link link() const { return {frame, coding, family, {}, 16}; }
};

std::ostream& operator<<(std::ostream& out, const Port& port) {
    return out << to_string(port.family) << " " << (port.is_fx_port ? "port" : to_string(port.frame))
               << (port.coding == Coding::binary ? "" : " ASCII");
}

std::vector<Port> ports() {
    std::vector<Port> all;
    for (const Coding coding : {Coding::binary, Coding::ascii}) {
        for (const Family family : {Family::q_l, Family::iq_r, Family::iq_f})
            for (const Frame frame : {Frame::e3, Frame::e4}) all.push_back({family, frame, coding});
        for (const Family family : {Family::fx3, Family::q_l}) all.push_back({family, Frame::e1, coding});
    }
    for (const Family family : {Family::fx, Family::fx3}) all.push_back({family, Frame::e1, Coding::binary, true});
    return all;
}

// A driver and the memory of a PLC, with nothing between them but bytes.
struct World {
    World(const Port& port, const std::vector<Named>& list, std::size_t split_bytes = 0)
        : port(port), split_bytes(split_bytes), cpu(port.family) {
        auto made = std::make_shared<LinkConfig>();
        made->melsec = {port.frame, port.coding, port.family, {}};
        DeviceConfig& device = made->devices.emplace_back();
        for (const Named& named : list) {
            PropertyConfig& property = device.properties.emplace_back();
            property.name = "p" + std::to_string(device.properties.size() - 1);
            property.type = named.type;
            property.period = named.period;
            property.place = {named.at, named.as, named.scale, named.offset};
        }
        config = made;
        driver = port.is_fx_port ? make_fx_port_driver(*config) : make_mc_driver(*config);
        auto points = std::make_shared<PointSet>();
        points->config = config;
        for (const PropertyConfig& property : config->devices[0].properties)
            points->points.push_back({&config->devices[0], &property});
        set = points;
        plan = driver->plan(set);
        driver->begin_link();
        const Buffer hello = driver->greet();
        EXPECT_EQ(hello.empty(), !port.is_fx_port);
        if (!hello.empty()) {
            EXPECT_TRUE(run(hello));
        }
    }

    const DeviceConfig& device() const { return config->devices[0]; }
    const PropertyConfig& property(std::size_t i) const { return device().properties[i]; }

    Buffer answer(Bytes bytes) {
        Buffer out;
        const auto add = [&](const Buffer& more) { out.insert(out.end(), more.begin(), more.end()); };
        if (port.is_fx_port) {
            EXPECT_TRUE(fx_server.feed(bytes, [&](const fx::Decoder::Piece& piece) { add(cpu.answer(piece)); }));
            return out;
        }
        EXPECT_TRUE(mc_server.feed(bytes, [&](const mc::Message& message) {
            add(cpu.answer(port.link(), message));
            return true;
        }));
        return out;
    }
    Result<Step> feed(Bytes bytes) {
        Step last = More{};
        while (!bytes.empty()) {
            const Bytes part = bytes.first(split_bytes == 0 ? bytes.size() : std::min(split_bytes, bytes.size()));
            bytes = bytes.subspan(part.size());
            Step step = TRY(driver->feed(part));
            if (!std::holds_alternative<More>(step)) last = std::move(step);
        }
        return last;
    }
    Result<Outcome> run(Buffer bytes) {
        for (int messages = 0; messages < 100; ++messages) {
            auto step = feed(answer(bytes));
            if (!step) return Error{step.error().code(), "closed: {}", step.error().text()};
            if (auto* done = std::get_if<Done>(&*step)) return std::move(done->outcome);
            if (auto* send = std::get_if<Send>(&*step))
                bytes = std::move(send->bytes);
            else
                return Error{Code::timeout, "no answer"};
        }
        return Error{Code::limit, "does not end"};
    }
    Result<Outcome> read(std::uint32_t poll) { return run(TRY(driver->read(poll))); }
    Result<Outcome> write(std::size_t i, const Value& value) {
        return run(TRY(driver->write(device(), property(i), value)));
    }
    Result<Outcome> read_back(std::size_t i) { return run(TRY(driver->read_back(device(), property(i)))); }

    // Each point as text, by all polls; splits what may be split.
    std::map<std::size_t, std::string> read_all() {
        std::map<std::size_t, std::string> all;
        std::vector<Poll> polls = plan.polls;
        for (int i = 0; i < 400 && !polls.empty(); ++i) {
            const Poll poll = polls.front();
            polls.erase(polls.begin());
            const auto outcome = read(poll.id);
            if (!outcome) {
                for (const std::size_t point : poll.points) all[point] = outcome.error().text();
                continue;
            }
            EXPECT_EQ(outcome->readings.size() + outcome->refused.size(), poll.points.size());
            if (outcome->may_split) {
                ++splits;
                for (Poll& part : driver->split(poll.id)) polls.push_back(std::move(part));
                continue;
            }
            for (const auto& [point, reading, time] : outcome->readings)
                all[point] = reading.error.empty() ? gongshu::to_string(reading.value) : "bad: " + reading.error;
            for (const auto& [point, error] : outcome->refused) all[point] = "refused: " + error.text();
        }
        EXPECT_TRUE(polls.empty());
        return all;
    }

    const Port port;
    const std::size_t split_bytes;
    SimMelsecCpu cpu;
    mc::FrameDecoder mc_server{port.link(), mc::FrameDecoder::Side::server};
    fx::Decoder fx_server;
    std::shared_ptr<const LinkConfig> config;
    std::shared_ptr<const PointSet> set;
    std::unique_ptr<Driver> driver;
    PollPlan plan;
    int splits = 0;
};

TEST(MelsecDriver, ReadsByEveryFrameInAnySplit) {
    for (const Port& port : ports())
        for (const std::size_t split_bytes : {0, 1, 3}) {
            SCOPED_TRACE(testing::Message() << port << " by " << split_bytes);
            World world(port,
                        {{"D100", ""},
                         {"D101", "u32", ValueType::integer},
                         {"D110.A", "", ValueType::boolean},
                         {"M20", "", ValueType::boolean},
                         {"D120", "text[6]", ValueType::text},
                         {"D101", "u32 ABCD", ValueType::integer},
                         {"D100", "i16", ValueType::number, 0.1, 5, 2 * kSecond},
                         {"X17", "bool", ValueType::integer},
                         {"TN5", "u16"},
                         {"M32", "u16"}},
                        split_bytes);
            world.cpu.word("D100") = 0xffff;
            world.cpu.word("D101") = 3;
            world.cpu.word("D102") = 1;
            world.cpu.word("D110") = 0x0400;
            world.cpu.word("D120") = 'a' | 'b' << 8;
            world.cpu.word("D121") = 'c';
            world.cpu.relay("M20") = true;
            world.cpu.relay("M33") = true;
            world.cpu.relay("X17") = true;
            world.cpu.word("TN5") = 500;
            EXPECT_TRUE(world.plan.faults.empty());
            // D, D of the other period, M, X and TN; the port is slow and leaves the words between D110 and D120 out.
            EXPECT_EQ(world.plan.polls.size(), port.is_fx_port ? 6u : 5u);
            const auto all = world.read_all();
            const std::map<std::size_t, std::string> want = {{0, "-1"},  {1, "65539"},  {2, "true"}, {3, "true"},
                                                             {4, "abc"}, {5, "196609"}, {6, "4.9"},  {7, "1"},
                                                             {8, "500"}, {9, "2"}};
            EXPECT_EQ(all, want);
            EXPECT_EQ(world.driver->take_malformed(), 0u);
            EXPECT_EQ(world.driver->late(), port.is_fx_port || port.frame != Frame::e4);
        }
}

TEST(MelsecDriver, TellsWhatCannotBeAskedFor) {
    auto f = [](const Port& port, const Named& named, const std::string& want) {
        World world(port, {named, {"D0", ""}});
        EXPECT_EQ(world.plan.polls.size(), want.empty() && named.at != "D5" ? 2u : 1u) << named.at;
        EXPECT_EQ(world.plan.faults.empty(), want.empty()) << named.at;
        if (want.empty() || world.plan.faults.empty()) return;
        EXPECT_EQ(world.plan.faults[0].point, 0u);
        EXPECT_EQ(world.plan.faults[0].error.text(), want);
        const auto write = world.driver->check_write(world.device(), world.property(0), Value{1.0});
        EXPECT_EQ(write.has_value() ? "" : write.error().text(), want);
    };
    const std::string form =
        " is no way in which a value lies in a PLC of Mitsubishi: expected bool, u16, i16, u32, i32, u64, i64, f32, "
        "f64, bcd16, bcd32, text[12], and behind it ABCD, BADC, CDAB or DCBA where the order is not the usual one";
    const Port q, fx3{Family::fx3, Frame::e1}, port{Family::fx3, Frame::e1, Coding::binary, true};
    f(q, {"D5", "f32 DCBA"}, "");
    f(q, {"D5", "bcd16"}, "");
    f(q, {"D500", "text[246]", ValueType::text}, "");
    f(fx3, {"CN200", ""}, "");
    f(q, {"D5", "float"}, "property p0: \"float\"" + form);
    f(q, {"D5", "f32 AB"}, "property p0: \"f32 AB\"" + form);
    f(q, {"M5", "bool ABCD"}, "property p0: \"bool ABCD\"" + form);
    f(q, {"D5", "text", ValueType::text}, "property p0: \"text\"" + form);
    f(q, {"D5", "text[x]", ValueType::text}, "property p0: \"text[x]\"" + form);
    f(q, {"D5", "text[247]", ValueType::text}, "property p0: D5: a text has 1 to 246 characters, not 247");
    f(q, {"D5", "text[9]"}, "property p0 is number, which cannot hold the text at D5");
    f(q, {"D5", "f32", ValueType::boolean}, "property p0 is boolean, which cannot hold the f32 at D5");
    f(q, {"M5", "", ValueType::text}, "property p0 is text, which cannot hold the bool at M5");
    f(q, {"D5", "", ValueType::number, 0}, "property p0: scale and offset must be numbers, the scale not 0");
    f(fx3, {"X19", ""}, "property p0: X19: 9 is no octal digit");
    f(fx3, {"D5", "text[200]", ValueType::text},
      "property p0: D5: 1 spans with 100 points are too many for one 1E request");
    f({Family::q_l, Frame::e1}, {"ZR5", ""},
      "property p0: ZR5 cannot be reached by the 1E frame: choose 3E or another PLC device");
    f(port, {"R5", ""},
      "property p0: R5 cannot be reached by the programming port: choose the 1E frame or another PLC device");
    f(port, {"D5", "text[66]", ValueType::text},
      "property p0: D5: the programming port takes 1 to 32 words at once, not 33");
}

TEST(MelsecDriver, WritesEveryKindOfValueAndReadsItBack) {
    auto f = [](const Named& named, const Value& value, const Value& back) {
        for (const Port& port : ports()) {
            SCOPED_TRACE(testing::Message() << port << " " << named.at << " " << named.as);
            World world(port, {named}, 1);
            ASSERT_TRUE(world.plan.faults.empty()) << world.plan.faults[0].error.text();
            world.cpu.word("D100") = 0x0ff1;
            ASSERT_TRUE(world.driver->check_write(world.device(), world.property(0), value));
            const auto written = world.write(0, value);
            ASSERT_TRUE(written) << written.error().text();
            EXPECT_TRUE(written->errors.empty());
            EXPECT_TRUE(world.driver->may_have_written());
            const auto outcome = world.read_back(0);
            ASSERT_TRUE(outcome) << outcome.error().text();
            EXPECT_FALSE(world.driver->may_have_written());
            ASSERT_EQ(outcome->readings.size(), 1u);
            const Value& got = outcome->readings[0].reading.value;
            if (type_of(back) == ValueType::number)
                EXPECT_NEAR(std::get<double>(got), std::get<double>(back), 1e-5);
            else
                EXPECT_EQ(got, back);
            EXPECT_TRUE(world.driver->same(world.property(0), value, got));
            if (named.at == "D100.3") {
                EXPECT_EQ(world.cpu.word("D100"), 0x0ff9);
            }
        }
    };
    f({"D100.3", "", ValueType::boolean}, true, true);
    f({"D100", ""}, -5.0, -5.0);
    f({"D100", "u16", ValueType::number, 0.1, 2}, 80.3, 80.3);
    f({"D100", "bcd32", ValueType::integer}, std::int64_t{12345678}, std::int64_t{12345678});
    f({"D100", "i64", ValueType::integer}, std::int64_t{-1} << 40, std::int64_t{-1} << 40);
    f({"D100", "f32", ValueType::number, 3, 0.1}, 7.71, 7.71);
    f({"D100", "f64"}, 0.1, 0.1);
    f({"D100", "text[7]", ValueType::text}, std::string("槽3 "), std::string("槽3"));
    f({"Y17", "", ValueType::boolean}, true, true);
    f({"M1", "", ValueType::integer}, std::int64_t{1}, std::int64_t{1});
    f({"M32", "u32"}, 70000.0, 70000.0);

    World world({}, {{"D100", "", ValueType::number, 0.1}, {"M0", "", ValueType::boolean}, {"D0", "u64"}});
    EXPECT_FALSE(world.driver->same(world.property(0), 5.3, 5.4));
    EXPECT_FALSE(world.driver->same(world.property(1), true, false));
    EXPECT_FALSE(world.driver->check_write(world.device(), world.property(0), 4000.0));
    EXPECT_FALSE(world.driver->check_write(world.device(), world.property(0), std::string("x")));
}

TEST(MelsecDriver, SplitsWhatIsRefused) {
    for (const Port& port : ports()) {
        SCOPED_TRACE(testing::Message() << port);
        World world(port, {{"D10", ""}, {"D11", ""}, {"D12", ""}, {"D15", ""}, {"D10.0", "", ValueType::boolean}});
        world.cpu.word("D10") = 7;
        world.cpu.word("D15") = 8;
        world.cpu.missing = {world.cpu.place("D11")};
        ASSERT_EQ(world.plan.polls.size(), 1u);
        const auto first = world.read(world.plan.polls[0].id);
        ASSERT_TRUE(first);
        EXPECT_TRUE(first->may_split);
        EXPECT_EQ(first->refused.size(), 5u);
        auto all = world.read_all();
        EXPECT_EQ(all[0], "7");
        EXPECT_EQ(all[2], "0");
        EXPECT_EQ(all[3], "8");
        EXPECT_EQ(all[4], "true");
        EXPECT_TRUE(all[1].starts_with("refused: the PLC refuses D11")) << all[1];
        EXPECT_EQ(world.splits, 2);
    }
}

TEST(MelsecDriver, SaysWhyAWriteWasRefused) {
    for (const Port& port : ports()) {
        SCOPED_TRACE(testing::Message() << port);
        World world(port, {{"D10", ""}, {"D10.1", "", ValueType::boolean}, {"M3", "", ValueType::boolean}});
        world.cpu.allows_writing = false;
        for (std::size_t i = 0; i < 3; ++i) {
            const auto outcome = world.write(i, i == 0 ? Value{5.0} : Value{true});
            ASSERT_TRUE(outcome);
            ASSERT_EQ(outcome->errors.size(), 1u);
            EXPECT_TRUE(outcome->errors[0].text().starts_with(i == 2 ? "the PLC refuses M3" : "the PLC refuses D10"));
            EXPECT_TRUE(world.driver->may_have_written());
        }
        // The word of a bit that cannot be read: nothing was written.
        world.cpu.allows_writing = true;
        world.cpu.missing = {world.cpu.place("D10")};
        const auto outcome = world.write(1, true);
        ASSERT_TRUE(outcome);
        EXPECT_EQ(outcome->errors.size(), 1u);
        EXPECT_FALSE(world.driver->may_have_written());
        const auto back = world.read_back(1);
        ASSERT_TRUE(back);
        EXPECT_EQ(back->errors.size(), 1u);
        EXPECT_TRUE(back->refused.empty());
    }
}

TEST(MelsecDriver, AsksForLessOnlyWhereThatMayHelp) {
    auto f = [](std::uint16_t end_code, bool want) {
        World world({}, {{"D10", ""}, {"D11", ""}});
        const mc::Request asked{mc::Command::read_words, {{world.cpu.place("D10"), 2}}, {}, {}};
        mc::Reply reply;
        reply.end_code = end_code;
        ASSERT_TRUE(world.driver->read(world.plan.polls[0].id));
        auto step = world.feed(encode_reply(world.port.link(), 0, asked, reply));
        ASSERT_TRUE(step);
        const Outcome outcome = std::get<Done>(*step).outcome.value();
        EXPECT_EQ(outcome.may_split, want) << std::hex << end_code;
        EXPECT_EQ(outcome.refused.size(), 2u);
    };
    f(0x4031, true);
    f(0xc056, true);
    f(0xc05b, true);
    f(0xc123, true);  // in no manual
    f(0x4005, false);
    f(0x0055, false);
    f(0xc050, false);
    f(0xc059, false);
    f(0xc201, false);
}

TEST(MelsecDriver, KeepsLateRepliesApart) {
    for (const Port& port : ports()) {
        SCOPED_TRACE(testing::Message() << port);
        World world(port, {{"D10", ""}, {"D10.1", "", ValueType::boolean}}, 1);
        const std::uint32_t poll = world.plan.polls[0].id;
        const Buffer late = world.answer(world.driver->read(poll).value());
        world.driver->abandon();
        if (!world.driver->late()) {
            // Skipped by its serial number, in the silence and in the next exchange.
            const auto heard = world.driver->hear(late);
            ASSERT_TRUE(heard);
            EXPECT_EQ(heard->malformed, 1u);
            const Buffer next = world.driver->read(poll).value();
            const auto step = world.feed(late);
            ASSERT_TRUE(step);
            EXPECT_TRUE(std::holds_alternative<More>(*step));
            EXPECT_EQ(world.driver->take_malformed(), 1u);
            EXPECT_TRUE(world.run(next));
            continue;
        }
        // The link is drained until it has come.
        const auto step = world.feed(late);
        ASSERT_TRUE(step);
        EXPECT_TRUE(std::holds_alternative<Done>(*step));
        EXPECT_EQ(world.driver->take_malformed(), 0u);
        // Now it is asked for by nobody.
        const auto heard = world.driver->hear(late);
        ASSERT_TRUE(heard);
        EXPECT_GE(heard->malformed, 1u);
        world.cpu.word("D10") = 5;
        const auto outcome = world.read(poll);
        ASSERT_TRUE(outcome);
        EXPECT_EQ(outcome->readings.at(0).reading.value, Value{5.0});
        // It is the same when the link is drained first and the exchange is left after that.
        const Buffer drained = world.answer(world.driver->read(poll).value());
        const auto came = world.feed(drained);
        ASSERT_TRUE(came);
        EXPECT_TRUE(std::holds_alternative<Done>(*came));
        world.driver->abandon();
        EXPECT_TRUE(world.read(poll));
        // What was left while a bit's word was read writes nothing when the word comes late.
        const Buffer word = world.answer(world.driver->write(world.device(), world.property(1), true).value());
        world.driver->abandon();
        const auto end = world.feed(word);
        ASSERT_TRUE(end);
        EXPECT_TRUE(std::holds_alternative<Done>(*end));
        EXPECT_FALSE(world.driver->may_have_written());
    }
}

TEST(McDriver, TellsOtherCodingsAndMalformedReplies) {
    World world({}, {{"D10", ""}});
    ASSERT_TRUE(world.driver->read(world.plan.polls[0].id));
    const std::string ascii = "D00000FF03FF00000800001234";
    const auto coding = world.feed(as_bytes(ascii));
    ASSERT_FALSE(coding);
    EXPECT_EQ(coding.error().text(),
              "the PLC answers in ASCII, expected binary: set the same communication data code on both sides");
    EXPECT_EQ(world.driver->no_answer(1000).code(), Code::timeout);
    EXPECT_TRUE(world.driver->no_answer(1000).text().find("3E in binary") != std::string::npos);
    world.driver->begin_link();
    // The right frame with the words of another question.
    const mc::Request asked{mc::Command::read_words, {{world.cpu.place("D10"), 2}}, {}, {}};
    mc::Reply reply;
    reply.words = {1, 2};
    ASSERT_TRUE(world.driver->read(world.plan.polls[0].id));
    auto step = world.feed(encode_reply(world.port.link(), 0, asked, reply));
    ASSERT_TRUE(step);
    EXPECT_EQ(std::get<Done>(*step).outcome.error().code(), Code::malformed);
    EXPECT_TRUE(world.read(world.plan.polls[0].id));
    EXPECT_EQ(world.driver->describe(world.plan.polls[0].id), "read D10 (1 words)");
}

TEST(FxPortDriver, StaysOnADisturbedLineAndEnquiresAfterSilence) {
    World world({Family::fx3, Frame::e1, Coding::binary, true}, {{"D10", ""}}, 1);
    const std::uint32_t poll = world.plan.polls[0].id;
    Buffer disturbed = world.answer(world.driver->read(poll).value());
    disturbed[2] ^= 1;
    auto step = world.feed(disturbed);
    ASSERT_TRUE(step);
    EXPECT_TRUE(std::holds_alternative<More>(*step)) << "the right answer may be behind it";
    EXPECT_EQ(world.driver->take_malformed(), 1u);
    world.driver->abandon();
    EXPECT_EQ(world.driver->read(poll).value(), Buffer{fx::kEnq});
    EXPECT_TRUE(world.run({fx::kEnq}));
    // Noise in the silence.
    const auto heard = world.driver->hear(Buffer{0xff});
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->malformed, 1u);
    ASSERT_TRUE(world.driver->read(poll));
    EXPECT_TRUE(world.driver->no_answer(1000).text().starts_with("the programming port does not answer"));
    world.driver->abandon();
    EXPECT_EQ(world.driver->read(poll).value(), Buffer{fx::kEnq});
    const auto outcome = world.run({fx::kEnq});
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->readings.size(), 1u);
    EXPECT_NE(world.driver->read(poll).value(), Buffer{fx::kEnq});

    world.driver->begin_link();
    EXPECT_EQ(world.driver->greet(), Buffer{fx::kEnq});
    auto refused = world.feed(Buffer{fx::kNak});
    ASSERT_TRUE(refused);
    EXPECT_EQ(std::get<Done>(*refused).outcome.error().code(), Code::unavailable);
}

TEST(MelsecDriver, KeepsAnExchangeOfAFormerPlan) {
    World world({}, {{"D10", ""}, {"D11", ""}});
    const Buffer bytes = world.driver->read(world.plan.polls[0].id).value();
    EXPECT_TRUE(world.driver->plan(std::make_shared<PointSet>()).polls.empty());
    const auto outcome = world.run(bytes);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->readings.size(), 2u);
    EXPECT_GT(world.driver->plan(world.set).polls.at(0).id, world.plan.polls[0].id);
    EXPECT_EQ(world.driver->read(world.plan.polls[0].id).error().code(), Code::conflict);
}

// Values at random places: each reads as the memory says, whatever is missing beside it.
TEST(MelsecDriver, ReadsWhatIsThere) {
    const std::vector<Port> all_ports = ports();
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng(seed);
        const Port port = all_ports[rng.below(all_ports.size())];
        std::vector<Named> list;
        const std::size_t count = 1 + rng.below(60);
        for (std::size_t i = 0; i < count; ++i) {
            const DurationNs period = (1 + rng.below(2)) * kSecond;
            const std::string number = std::to_string(rng.below(400));
            switch (rng.below(4)) {
                case 0:
                    list.push_back({"D" + number, "u16", ValueType::integer, 1, 0, period});
                    break;
                case 1:
                    list.push_back({"D" + number, "u32", ValueType::integer, 1, 0, period});
                    break;
                case 2:
                    list.push_back({"D" + number + ".5", "", ValueType::boolean, 1, 0, period});
                    break;
                default:
                    list.push_back({"M" + number, "", ValueType::boolean, 1, 0, period});
            }
        }
        World world(port, list, rng.below(3));
        for (std::uint32_t i = 0; i < 420; ++i) {
            world.cpu.word({wire::melsec::DeviceCode::D, i}) = static_cast<std::uint16_t>(rng.next());
            world.cpu.relay({wire::melsec::DeviceCode::M, i}) = rng.chance(0.5);
        }
        for (int i = 0; i < 3; ++i)
            world.cpu.missing.insert({wire::melsec::DeviceCode::D, static_cast<std::uint32_t>(rng.below(400))});
        ASSERT_TRUE(world.plan.faults.empty());
        const auto got = world.read_all();
        ASSERT_EQ(got.size(), list.size());
        for (std::size_t i = 0; i < list.size(); ++i) {
            const auto place = wire::melsec::parse_address(list[i].at, port.family).value().place;
            const auto next = wire::melsec::Place{place.code, place.number + 1};
            const bool wide = list[i].as == "u32";
            const bool is_word = place.code == wire::melsec::DeviceCode::D;
            if (is_word && (world.cpu.missing.contains(place) || (wide && world.cpu.missing.contains(next)))) {
                EXPECT_TRUE(got.at(i).starts_with("refused: ")) << list[i].at << ": " << got.at(i);
                continue;
            }
            const std::uint32_t low = is_word ? world.cpu.word(place) : 0;
            Value want{false};
            if (!is_word) want = Value{static_cast<bool>(world.cpu.relay(place))};
            if (is_word && list[i].as.empty()) want = Value{(low >> 5 & 1) != 0};
            if (list[i].as == "u16") want = Value{std::int64_t{low}};
            if (wide) want = Value{std::int64_t{low | std::uint32_t{world.cpu.word(next)} << 16}};
            EXPECT_EQ(got.at(i), gongshu::to_string(want)) << list[i].at << " " << list[i].as;
        }
    }
}

// Random commands; a map knows what must be read after them.
TEST(MelsecDriver, ReadsWhatWasWritten) {
    const std::vector<Port> all_ports = ports();
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng(seed);
        std::vector<Named> list;
        for (std::size_t i = 0; i < 24; ++i) {
            constexpr const char* kForms[] = {"u16", "i32", "bcd16", "u32 DCBA"};
            if (i % 3 == 0) list.push_back({"M" + std::to_string(i * 5), "", ValueType::boolean});
            if (i % 3 == 1) list.push_back({fmt::format("D{}.{:X}", i / 8, i % 16), "", ValueType::boolean});
            if (i % 3 == 2)
                list.push_back({"D" + std::to_string(10 + i * 4), kForms[rng.below(4)], ValueType::integer});
        }
        World world(all_ports[rng.below(all_ports.size())], list, rng.below(3));
        ASSERT_TRUE(world.plan.faults.empty());
        std::map<std::size_t, std::string> model;
        for (std::size_t i = 0; i < list.size(); ++i) model[i] = list[i].type == ValueType::boolean ? "false" : "0";
        for (int step = 0; step < 60; ++step) {
            const std::size_t i = rng.below(list.size());
            Value value{rng.chance(0.5)};
            if (list[i].type == ValueType::integer) value = Value{static_cast<std::int64_t>(rng.below(10'000))};
            const auto written = world.write(i, value);
            ASSERT_TRUE(written && written->errors.empty());
            model[i] = gongshu::to_string(value);
            if (step % 20 == 19) {
                EXPECT_EQ(world.read_all(), model);
            }
        }
    }
}

}  // namespace
}  // namespace gongshu::connect
