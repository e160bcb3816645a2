#include "connect/free_frame_driver.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "connect/driver_talk.h"
#include "wire/free_frame.h"

namespace gongshu::connect {
namespace {

namespace free_frame = wire::free_frame;

Buffer text(std::string_view text) { return free_frame::unescape(text).value(); }

// ---- devices ----

// A scale that is asked: S, status, the weight, the unit.
constexpr std::string_view kSics = R"({
    "frame": {"end": "\\r\\n"}, "poll": "SI\\r\\n", "ignore": ["^I4"],
    "pattern": "^S (?P<status>[SDI+-])(?: +(?P<weight>-? *[0-9.]+) (?P<unit>\\w+))?$",
    "fields": [{"name": "weight", "group": "weight", "unit_from": {"group": "unit"}}],
    "quality": [{"group": "status", "is": "D", "quality": "uncertain:unstable"},
                {"group": "status", "is": ["+", "-"], "quality": "bad:range"},
                {"group": "status", "is": "I", "quality": "bad:sensor"}]})";
// An indicator that sends by itself: ST,GS,+0012.34kg
constexpr std::string_view kAnd = R"({
    "frame": {"end": "\\r\\n"},
    "pattern": "^(?P<status>ST|US|OL),(?P<mode>GS|NT|TR),(?P<weight>[-+ ][ 0-9.]*)(?P<unit>[a-z ]*)$",
    "fields": [{"name": "weight", "group": "weight", "unit": "kg", "unit_from": {"group": "unit"}},
               {"name": "net", "group": "mode", "map": {"GS": false, "NT": true, "TR": false}}],
    "quality": [{"group": "status", "is": "US", "quality": "uncertain:unstable"},
                {"group": "status", "is": "OL", "quality": "bad:range"}]})";
// Toledo continuous: a checksum, and a decimal point in the status bytes.
constexpr std::string_view kToledo = R"({
    "frame": {"by": "start_end", "start": "\\x02", "end": "\\r", "trailer": 1, "max_bytes": 18},
    "checksum": {"kind": "lrc", "bits": 7, "at": -1},
    "fields": [{"name": "weight", "at": 4, "bytes": 6, "unit": "kg"}, {"name": "tare", "at": 10, "bytes": 6, "unit": "kg"}]})";
// A gauge with several values, some of which may be absent.
constexpr std::string_view kGauge = R"({
    "frame": {"end": "\\r"}, "poll": "RD\\r",
    "fields": [{"name": "bore", "item": 2, "split": ",", "unit": "mm"},
               {"name": "depth", "item": 3, "split": ",", "unit": "mm", "optional": true},
               {"name": "verdict", "item": 1, "split": ",", "map": {"OK": 1, "NG": 0}},
               {"name": "part", "item": 4, "split": ",", "as": "text", "optional": true}]})";
// A controller: ten bytes, summed as words with the station.
constexpr std::string_view kAibus = R"({
    "frame": {"by": "fixed", "bytes": 10},
    "checksum": {"kind": "words16", "at": -2, "add": 1},
    "poll": {"send": "\\x81\\x81R\\x00\\x00\\x00", "checksum": {"kind": "words16", "from": 2, "add": 1}},
    "fields": [{"name": "pv", "at": 0, "as": "i16", "endian": "little", "scale": 0.1, "unit": "degC"}]})";
constexpr std::string_view kScanner = R"({
    "frame": {"by": "silence", "silence_ms": 40}, "fields": [{"name": "code", "pattern": "^(?P<code>.+)$", "as": "text"}]})";

Buffer made(std::string_view json, std::string_view payload) {
    return free_frame::Template::create(json).value()->make_frame(text(payload)).value();
}

// ---- a driver with its plan ----

PropertyConfig property(std::string name, ValueType type = ValueType::number, std::string unit = "") {
    PropertyConfig config;
    config.name = std::move(name);
    config.type = type;
    config.unit = std::move(unit);
    return config;
}

LinkConfig link(std::string_view layout, std::vector<PropertyConfig> properties) {
    LinkConfig config;
    config.language = Language::free_frame;
    config.free_frame.layout = layout;
    config.devices = {{.path = "scale", .properties = std::move(properties)}};
    return config;
}

struct Planned {
    std::shared_ptr<const PointSet> set;
    std::unique_ptr<Driver> driver;
    PollPlan plan;

    Planned(std::string_view layout, std::vector<PropertyConfig> properties)
        : set(point_set(link(layout, std::move(properties)))),
          driver(make_free_frame_driver(*set->config)),
          plan(driver->plan(set)) {
        driver->begin_link();
    }

    // Asks once and gets these bytes.
    std::string ask(Bytes came, std::size_t piece_bytes) {
        const auto machine = [came](Bytes) { return Buffer{came.begin(), came.end()}; };
        return talk(*driver, *set, driver->read(plan.polls.at(0).id), machine, piece_bytes);
    }
    // What is heard, and behind it how many frames meant nothing.
    std::string hear(Bytes came, std::size_t piece_bytes) {
        std::string out;
        std::size_t malformed = 0;
        const auto add = [&](const Heard& heard) {
            EXPECT_TRUE(heard.send.empty());
            malformed += heard.malformed;
            if (!heard.readings.empty()) out += (out.empty() ? "" : "; ") + shown(*set, heard.readings);
        };
        for (std::size_t at = 0; at < came.size(); at += piece_bytes)
            add(driver->hear(came.subspan(at, std::min(piece_bytes, came.size() - at))).value());
        if (driver->silence_ms() > 0) add(driver->hear_quiet());
        return out + (malformed > 0 ? fmt::format(" [{} malformed]", malformed) : "");
    }
};

std::string asked(std::string_view layout, std::vector<PropertyConfig> properties, Bytes came) {
    std::string each[2];
    for (const std::size_t piece : {1u, 10'000u})
        each[piece == 1 ? 0 : 1] = Planned{layout, properties}.ask(came, piece);
    EXPECT_EQ(each[0], each[1]);
    return each[0];
}

std::string heard(std::string_view layout, std::vector<PropertyConfig> properties, Bytes came) {
    std::string each[2];
    for (const std::size_t piece : {1u, 10'000u})
        each[piece == 1 ? 0 : 1] = Planned{layout, properties}.hear(came, piece);
    EXPECT_EQ(each[0], each[1]);
    return each[0];
}

// ---- what is asked ----

TEST(FreeFrameDriver, AsksOnceAPeriod) {
    auto slow = property("verdict", ValueType::boolean);
    slow.period = 10 * kSecond;
    Planned planned{kGauge, {property("bore"), slow, property("depth")}};
    ASSERT_EQ(planned.plan.polls.size(), 2u);
    EXPECT_EQ(planned.plan.polls[0].points, (std::vector<std::size_t>{0, 2}));
    EXPECT_EQ(planned.plan.polls[1].points, (std::vector<std::size_t>{1}));
    EXPECT_EQ(planned.plan.polls[1].period, 10 * kSecond);
    EXPECT_EQ(planned.plan.polls[0].unit, planned.plan.polls[1].unit);
    EXPECT_TRUE(planned.plan.heard.empty());
    EXPECT_TRUE(planned.driver->late());
    EXPECT_EQ(planned.driver->describe(planned.plan.polls[0].id), "ask by \"RD\\r\"");
    EXPECT_EQ(planned.driver->read(planned.plan.polls[0].id).value(), text("RD\\r"));
    const std::uint32_t before = planned.plan.polls[0].id;
    planned.plan = planned.driver->plan(planned.set);
    EXPECT_EQ(planned.driver->describe(before), "");
    EXPECT_FALSE(planned.driver->read(before));
    EXPECT_TRUE(planned.driver->split(planned.plan.polls[0].id).empty());
}

TEST(FreeFrameDriver, HearsWhatSpeaksByItself) {
    Planned planned{kAnd, {property("weight"), property("net", ValueType::boolean)}};
    EXPECT_TRUE(planned.plan.polls.empty());
    EXPECT_EQ(planned.plan.heard, (std::vector<std::size_t>{0, 1}));
    EXPECT_FALSE(planned.driver->late());
}

TEST(FreeFrameDriver, FaultsOfPoints) {
    const auto f = [](std::string_view layout, PropertyConfig property, std::string_view want) {
        const Planned planned{layout, {std::move(property)}};
        EXPECT_EQ(shown(*planned.set, planned.plan.faults), want);
        EXPECT_EQ(planned.plan.polls.size() + planned.plan.heard.size(), want.empty() ? 1u : 0u);
    };
    auto placed = property("net_weight");
    placed.place.at = "weight";
    f(kSics, placed, "");
    f(kSics, property("weight"), "");
    f(kSics, property("net_weight"), "net_weight! the template has no field \"net_weight\"; it has weight");
    f(kGauge, property("width"), "width! the template has no field \"width\"; it has bore, depth, verdict, part");
    f(kGauge, property("bore", ValueType::number, "um"), "");
    f(kGauge, property("bore", ValueType::number, "kg"),
      "bore! cannot convert \"mm\" to \"kg\": they measure different things");
    f(R"({"frame": {"end": "\\r"}, "fields": [{"name": "a", "at": 0, "bytes": 900}]})", property("a"), "");
    f(R"({"frame": {"end": "\\r"}, "fields": [{"name": "a", "at": 0, "as": "u7"}]})", property("a"),
      "a! the template: fields[0].bytes: it is missing; write how many bytes, or with as how the number lies in them");
    f("{", property("a"), "a! the template: byte 1: expected a name in quotes, found the end");
}

// ---- what comes back ----

TEST(FreeFrameDriver, AsksAScale) {
    const auto f = [](std::string_view came, std::string_view want, std::string unit = "g") {
        EXPECT_EQ(asked(kSics, {property("weight", ValueType::number, std::move(unit))}, text(came)), want) << came;
    };
    f("S S     100.00 g\\r\\n", "weight=100");
    f("S D      -0.03 g\\r\\n", "weight=-0.03 uncertain:unstable");
    f("S +\\r\\n", "weight=- bad:range (the device itself says bad:range)");
    f("S I\\r\\n", "weight=- bad:sensor (the device itself says bad:sensor)");
    // The unit is the property's.
    f("S S     100.00 g\\r\\n", "weight=100", "");
    f("S S      1.234 kg\\r\\n", "weight=1234");
    f("S S       1234 g\\r\\n", "weight=1.234", "kg");
    f("S S     100.00 g\\r\\n", "weight=- bad:config (cannot convert \"g\" to \"mm\": they measure different things)",
      "mm");
    f("S S     100.00 xx\\r\\n",
      "weight=- bad:type (weight: the unit \"xx\" is not known; map it to one such as kg, g, t, lb, mm)");
    // The first frame that says something counts.
    f("I4 A 123\\r\\nES\\r\\nS S 5 g\\r\\nS S 6 g\\r\\n", "weight=5");
    f("\\r\\n\\x00S S 5 g\\r\\n", "weight=5");
    // Adapters that send back what was sent.
    f("SI\\r\\nS S 5 g\\r\\n", "weight=5");

    const std::string none = "no answer to \"SI\\r\\n\" within 1000 ms: ";
    f("", none + "nothing came; check the serial settings, the cable and whether the device is set to speak");
    f("SI\\r\\n",
      none +
          "only the request itself came back; check the serial settings, the cable and whether the device is "
          "set to answer");
    f("S S   5", none + "7 bytes came, which are no whole frame");
    f("ES\\r\\n", none + "the pattern does not fit the frame \"ES\"; correct it, or add one to ignore");
}

TEST(FreeFrameDriver, AsksAGauge) {
    const auto f = [](std::string_view came, std::string_view want) {
        EXPECT_EQ(asked(kGauge,
                        {property("bore", ValueType::number, "um"), property("depth"),
                         property("verdict", ValueType::boolean), property("part", ValueType::text)},
                        text(came)),
                  want)
            << came;
    };
    f("OK,12.345,0.5,A7\\r", "bore=12345; depth=0.5; verdict=true; part=A7");
    f("NG,12.345\\r", "bore=12345; verdict=false");
    f("RD\\rOK,12.345\\r", "bore=12345; verdict=true");
    f("XX,12.345\\r", "bore=12345; verdict=- bad:type (verdict: \"XX\" is not in the map; add what it means)");
    f("OK,---,0.5\\r", "bore=- bad:type (bore: expected a number, found \"---\"); depth=0.5; verdict=true");
    f("OK\\r", "bore=- bad:type (bore: it is not in the frame \"OK\"); verdict=true");
}

TEST(FreeFrameDriver, ValuesBecomeTheProperty) {
    const auto f = [](PropertyConfig property, std::string_view came, std::string_view want) {
        EXPECT_EQ(asked(kGauge, {std::move(property)}, text(came)), want);
    };
    const auto scaled = [](PropertyConfig property, double scale, double offset) {
        property.place.scale = scale;
        property.place.offset = offset;
        return property;
    };
    f(scaled(property("bore"), 0.1, 5), "OK,3\\r", "bore=5.3");
    f(scaled(property("bore", ValueType::number, "um"), 0.001, 0), "OK,12.345\\r", "bore=12.345");
    f(scaled(property("part", ValueType::text), 0.1, 5), "OK,3,,7\\r", "part=7");
    f(property("bore", ValueType::integer), "OK,3\\r", "bore=3");
    f(property("bore", ValueType::integer), "OK,3.5\\r",
      "bore=- bad:type (bore is 3.5, which is not exactly a integer)");
    f(property("part"), "OK,3,,7\\r", "part=- bad:type (part is 7, which is not exactly a number)");
    f(property("verdict", ValueType::integer), "NG,3\\r", "verdict=0");
    auto limited = property("bore");
    limited.max = 2;
    f(limited, "OK,3\\r", "bore=3 uncertain:range");
}

TEST(FreeFrameDriver, AsksInBytes) {
    const Buffer answer = made(kAibus, "\\xd2\\x04\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00");
    Buffer wrong = answer;
    ++wrong[0];
    const Buffer poll = free_frame::Template::create(kAibus).value()->poll();
    const auto joined = [](std::vector<Buffer> parts) {
        Buffer all;
        for (const Buffer& part : parts) all.insert(all.end(), part.begin(), part.end());
        return all;
    };
    const auto f = [](const Buffer& came, std::string_view want, std::string unit = "degC") {
        EXPECT_EQ(asked(kAibus, {property("pv", ValueType::number, std::move(unit))}, came), want);
    };
    f(answer, "pv=123.4");
    f(answer, "pv=254.12", "degF");
    f(joined({poll, answer}), "pv=123.4");
    f(joined({wrong, answer}), "pv=123.4");
    const std::string late = asked(kAibus, {property("pv")}, wrong);
    EXPECT_NE(late.find("the checksum is"), std::string::npos) << late;
    Planned planned{kAibus, {property("pv")}};
    planned.ask(joined({wrong, answer}), 1);
    EXPECT_EQ(planned.driver->take_malformed(), 1u);
    EXPECT_EQ(planned.driver->answer_bytes(), 10u);
}

TEST(FreeFrameDriver, LateAnswersAndPlansDuringAnExchange) {
    Planned planned{kSics, {property("weight")}};
    (void)planned.driver->read(planned.plan.polls[0].id).value();
    const auto half = planned.driver->feed(text("S S  ")).value();
    EXPECT_TRUE(std::holds_alternative<More>(half));
    (void)planned.driver->no_answer(1000);
    EXPECT_TRUE(std::holds_alternative<Done>(planned.driver->feed(text("5 g\\r\\n")).value()));
    EXPECT_TRUE(std::holds_alternative<More>(planned.driver->feed(text("S S 6 g\\r\\n")).value()));
    // Half of an answer does not spoil the next.
    (void)planned.driver->read(planned.plan.polls[0].id).value();
    EXPECT_TRUE(std::holds_alternative<More>(planned.driver->feed(text("S S  ")).value()));
    planned.driver->abandon();
    EXPECT_EQ(planned.ask(text("S S 7 g\\r\\n"), 1), "weight=7");
    EXPECT_EQ(planned.driver->hear(text("S S 7 g\\r\\n")).value().malformed, 1u);

    const auto asked = planned.driver->read(planned.plan.polls[0].id);
    planned.driver->plan(point_set(link(kSics, {})));
    const auto machine = [](Bytes) { return text("S S 8 g\\r\\n"); };
    EXPECT_EQ(talk(*planned.driver, *planned.set, asked, machine, 1), "weight=8");
}

// ---- what is heard ----

TEST(FreeFrameDriver, OfAFloodTheLastOfEachPointCounts) {
    std::string fields;
    std::vector<PropertyConfig> properties;
    for (int i = 0; i < 40; ++i) {
        fields += fmt::format("{}{{\"name\":\"f{}\",\"item\":{},\"split\":\",\"}}", i == 0 ? "" : ",", i, i + 1);
        properties.push_back(property(fmt::format("f{}", i)));
    }
    const std::string layout = fmt::format(R"({{"frame":{{"by":"end","end":"\\n"}},"fields":[{}]}})", fields);
    Buffer flood;
    for (int i = 0; i < 32'768; ++i) flood.insert(flood.end(), {'x', '\n'});
    Planned planned(layout, properties);
    ASSERT_EQ(planned.plan.heard.size(), 40u);
    EXPECT_LE(planned.driver->hear(flood)->readings.size(), 4096u);
}

TEST(FreeFrameDriver, HearsAScale) {
    const auto f = [](std::string_view came, std::string_view want, std::string unit = "kg") {
        EXPECT_EQ(
            heard(kAnd, {property("weight", ValueType::number, std::move(unit)), property("net", ValueType::boolean)},
                  text(came)),
            want)
            << came;
    };
    f("ST,GS,+0012.34kg\\r\\n", "weight=12.34; net=false");
    f("ST,GS,+0012.34kg\\r\\nUS,NT,-0012.30kg\\r\\n",
      "weight=12.34; net=false; weight=-12.3 uncertain:unstable; net=true uncertain:unstable");
    f("OL,GS,     .   kg\\r\\n",
      "weight=- bad:range (the device itself says bad:range); net=- bad:range (the device itself says bad:range)");
    f("ST,GS,+001234. g\\r\\n", "weight=1.234; net=false");
    f("ST,GS,+0012.34kg\\r\\n", "weight=12340; net=false", "g");
    f("ST,GS,+0012.34kg\\r\\n", "weight=0.01234; net=false", "t");
    // The link opened in the middle of a frame; a frame was broken.
    f("12.34kg\\r\\nST,GS,+0012.34kg\\r\\n", "weight=12.34; net=false [1 malformed]");
    f("ST,G?,+0012.34kg\\r\\nST,GS,+0012.3", " [1 malformed]");
}

TEST(FreeFrameDriver, HearsChecksums) {
    const Buffer right = made(kToledo, "040  1234   100"), other = made(kToledo, "040  1235   100");
    Buffer came = right;
    for (std::size_t i = 0; i < 3; ++i) came.insert(came.end(), other.begin(), other.end());
    came[right.size() + 6] ^= 1;  // in the second frame
    EXPECT_EQ(heard(kToledo, {property("weight"), property("tare", ValueType::number, "g")}, came),
              "weight=1234; tare=100000; weight=1235; tare=100000; weight=1235; tare=100000 [1 malformed]");
}

TEST(FreeFrameDriver, RemembersTheLastFault) {
    Planned planned{kAnd, {property("weight")}};
    EXPECT_EQ(
        planned.driver->no_answer(5000).text(),
        "no frame within 5000 ms: nothing came; check the serial settings, the cable and whether the device is set "
        "to speak");
    EXPECT_EQ(planned.hear(text("hello\\r\\n"), 1), " [1 malformed]");
    EXPECT_EQ(
        planned.driver->no_answer(5000).text(),
        "no frame within 5000 ms: the pattern does not fit the frame \"hello\"; correct it, or add one to ignore");
    EXPECT_EQ(planned.hear(text("ST,GS,+0012.34kg\\r\\nST"), 1), "weight=12.34");
    EXPECT_EQ(planned.driver->no_answer(5000).text(),
              "no frame within 5000 ms: 2 bytes came, which are no whole frame");
}

TEST(FreeFrameDriver, SilenceEndsFrames) {
    EXPECT_EQ((Planned{kAnd, {property("weight")}}.driver->silence_ms()), 0u);
    Planned planned{kScanner, {property("code", ValueType::text)}};
    EXPECT_EQ(planned.driver->silence_ms(), 40u);
    for (const std::size_t piece : {1u, 100u}) {
        EXPECT_EQ(planned.hear(text("6901234567892"), piece), "code=6901234567892");
        EXPECT_EQ(planned.hear(text("ABC-1"), piece), "code=ABC-1");
        EXPECT_EQ(planned.hear({}, piece), "");
    }

    // Asked, and behind an adapter that sends back.
    const std::string layout = R"({"frame": {"by": "silence", "silence_ms": 20}, "poll": "?", "fields": [
        {"name": "weight", "pattern": "^(?P<w>[0-9.]+)$"}]})";
    const auto quiet = [](Planned& of) {
        auto step = of.driver->quiet().value();
        const auto* done = std::get_if<Done>(&step);
        return done != nullptr ? shown(*of.set, done->outcome) : "more";
    };
    Planned scale{layout, {property("weight")}};
    const std::uint32_t poll = scale.plan.polls[0].id;
    for (const std::string_view came : {"12.5", "?12.5"}) {
        EXPECT_EQ(quiet(scale), "more");
        (void)scale.driver->read(poll).value();
        EXPECT_TRUE(std::holds_alternative<More>(scale.driver->feed(text(came)).value()));
        EXPECT_EQ(quiet(scale), "weight=12.5");
    }
    (void)scale.driver->read(poll).value();
    (void)scale.driver->feed(text("?")).value();
    EXPECT_EQ(quiet(scale), "more");
    (void)scale.driver->feed(text("7")).value();
    EXPECT_EQ(quiet(scale), "weight=7");
    EXPECT_TRUE(scale.driver->hear_quiet().readings.empty());
}

TEST(FreeFrameDriver, BrokenBytesHarmNothing) {
    Rng rng{7};
    for (const std::string_view layout : {kSics, kAnd, kToledo, kGauge, kAibus, kScanner}) {
        const std::string field = free_frame::Template::create(layout).value()->fields()[0].name;
        Planned planned{layout,
                        {property(field), property(field, ValueType::text), property(field, ValueType::boolean)}};
        const Buffer right = text("S S 5 g\\r\\nST,GS,+0012.34kg\\r\\n\\x02040  1234   100\\rQOK,1,2,3\\r");
        for (int i = 0; i < 300; ++i) {
            Buffer came = right;
            for (std::size_t n = rng.below(8); n > 0; --n)
                came[rng.below(came.size())] = static_cast<std::uint8_t>(rng.below(256));
            const std::size_t piece = 1 + rng.below(20);
            const std::string got = planned.plan.polls.empty() ? planned.hear(came, piece) : planned.ask(came, piece);
            EXPECT_EQ(got.find("!!"), std::string::npos) << got;
        }
    }
}

TEST(FreeFrameDriver, IsOnlyRead) {
    Planned planned{kSics, {property("weight")}};
    const Point& point = planned.set->points[0];
    EXPECT_EQ(planned.driver->check_write(*point.device, *point.property, 1.0).error().code(), Code::unsupported);
    EXPECT_EQ(planned.driver->write(*point.device, *point.property, 1.0).error().code(), Code::unsupported);
    EXPECT_EQ(planned.driver->read_back(*point.device, *point.property).error().code(), Code::unsupported);
    EXPECT_FALSE(planned.driver->may_have_written());
    EXPECT_TRUE(planned.driver->greet().empty());
}

TEST(FreeFrameDriver, ABrokenTemplateIsQuiet) {
    Planned planned{"{}", {property("weight")}};
    EXPECT_EQ(planned.plan.faults.size(), 1u);
    EXPECT_EQ(planned.driver->silence_ms(), 0u);
    EXPECT_FALSE(planned.driver->late());
    EXPECT_TRUE(planned.driver->hear(text("ST")).value().readings.empty());
    EXPECT_TRUE(planned.driver->hear_quiet().readings.empty());
    EXPECT_TRUE(std::holds_alternative<More>(planned.driver->feed(text("ST")).value()));
    EXPECT_TRUE(std::holds_alternative<More>(planned.driver->quiet().value()));
    EXPECT_FALSE(planned.driver->read(1));
    planned.driver->abandon();
}

}  // namespace
}  // namespace gongshu::connect
