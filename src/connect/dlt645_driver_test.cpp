#include "connect/dlt645_driver.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "connect/driver_talk.h"

namespace gongshu::connect {
namespace {

namespace dlt645 = wire::dlt645;
using dlt645::Frame;
using dlt645::MeterAddress;
using dlt645::Standard;

constexpr std::string_view kMeter = "000000000161";

// A meter with what it holds, by identifier, and how much of it fits one frame.
struct Meter {
    std::string number{kMeter};
    std::map<std::uint32_t, Buffer> items;
    std::map<std::uint32_t, std::uint8_t> refusals;
    std::size_t chunk_bytes = 100;
};

// All that hangs on one line, and what else is to be heard there.
struct Line {
    Standard standard = Standard::of_2007;
    std::vector<Meter> meters;
    bool echoes = false;
    Buffer before, between;    // noise: before all, and before each answer
    std::vector<Frame> other;  // frames that come first
    std::size_t asked = 0;     // requests that came

    std::optional<Buffer> answer(const Meter& meter, const Frame& frame) const {
        const MeterAddress own = dlt645::parse_meter_address(meter.number).value();
        const auto request = dlt645::decode_request(standard, frame);
        if (!request || !frame.address.matches(own)) return std::nullopt;
        dlt645::Answer answer{own, std::nullopt, false, {}};
        const auto item = meter.items.find(request->id);
        const auto refusal = meter.refusals.find(request->id);
        if (refusal != meter.refusals.end() || item == meter.items.end()) {
            answer.error = refusal != meter.refusals.end() ? refusal->second : 0x02;
        } else {
            // Meters of 1997 know by themselves how far they are; here an item of theirs has two frames at most.
            const bool is_more = request->kind == dlt645::Request::Kind::read_more;
            const std::size_t number = standard == Standard::of_2007 ? request->sequence : is_more ? 1 : 0;
            const std::size_t from = std::min(number * meter.chunk_bytes, item->second.size());
            const Bytes rest = Bytes(item->second).subspan(from);
            const Bytes now = rest.first(std::min(rest.size(), meter.chunk_bytes));
            answer.value = {now.begin(), now.end()};
            answer.more = now.size() < rest.size();
        }
        return encode_answer(standard, *request, answer);
    }

    Buffer operator()(Bytes sent) {
        ++asked;
        Buffer out;
        const auto add = [&out](const Buffer& bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); };
        if (echoes) add({sent.begin(), sent.end()});
        add(before);
        for (const Frame& frame : other) add(encode_frame(frame));
        dlt645::FrameDecoder decoder;
        decoder.feed(sent, [&](const Frame& frame) {
            for (const Meter& meter : meters)
                if (const auto bytes = answer(meter, frame)) add(between), add(*bytes);
        });
        return out;
    }
};

using Values = std::vector<std::optional<Value>>;

Buffer item(std::uint32_t id, const Values& values, Standard standard = Standard::of_2007) {
    return encode_item(dlt645::describe(standard, id).value(), values).value();
}

PropertyConfig property(std::string at, ValueType type = ValueType::number, std::string as = "") {
    PropertyConfig config;
    config.name = at;
    config.type = type;
    config.place = {std::move(at), std::move(as), 1, 0};
    return config;
}

DeviceConfig device(std::string path, std::string station, std::vector<PropertyConfig> properties) {
    DeviceConfig config;
    config.path = std::move(path);
    config.station = std::move(station);
    config.properties = std::move(properties);
    return config;
}

LinkConfig link(std::vector<DeviceConfig> devices, Standard standard = Standard::of_2007) {
    LinkConfig config;
    config.language = Language::dlt645;
    config.dlt645.standard = standard;
    config.devices = std::move(devices);
    return config;
}

// A driver with its plan.
struct Planned {
    std::shared_ptr<const PointSet> set;
    std::unique_ptr<Driver> driver;
    PollPlan plan;

    explicit Planned(const LinkConfig& config)
        : set(point_set(config)), driver(make_dlt645_driver(config)), plan(driver->plan(set)) {
        driver->begin_link();
    }

    std::string ask(std::uint32_t poll, Line& line, std::size_t piece_bytes = 1) {
        return talk(*driver, *set, driver->read(poll), [&line](Bytes sent) { return line(sent); }, piece_bytes);
    }
    // All polls, one after the other, in pieces of one byte and at once.
    std::string ask_all(Line line) {
        std::string each[2];
        for (const std::size_t piece : {1u, 10'000u})
            for (const Poll& poll : plan.polls) {
                std::string& out = each[piece == 1 ? 0 : 1];
                out += (out.empty() ? "" : " | ") + ask(poll.id, line, piece);
            }
        EXPECT_EQ(each[0], each[1]);
        return each[0];
    }
    std::string polls() const {
        std::string out;
        for (const Poll& poll : plan.polls) {
            out += fmt::format("{}{} every {} s:", out.empty() ? "" : "; ", driver->describe(poll.id),
                               poll.period / kSecond);
            for (const std::size_t point : poll.points) out += " " + name_of(*set, point);
        }
        return out;
    }
};

// ---- what is asked ----

TEST(Dlt645Driver, PlansOneQuestionAnItem) {
    const auto f = [](std::vector<PropertyConfig> properties, std::string_view want, std::string_view faults = "",
                      Standard standard = Standard::of_2007) {
        const Planned planned{link({device("m", std::string(kMeter), std::move(properties))}, standard)};
        EXPECT_EQ(planned.polls(), want);
        EXPECT_EQ(shown(*planned.set, planned.plan.faults), faults);
        EXPECT_TRUE(planned.plan.heard.empty());
    };
    f({property("forward_active_total"), property("voltage_a")},
      "read 00010000 of meter 000000000161 every 1 s: forward_active_total; "
      "read 02010100 of meter 000000000161 every 1 s: voltage_a");
    // A demand and its time are one item; so are the parts of a block.
    f({property("01010000"), property("01010000.time", ValueType::text)},
      "read 01010000 of meter 000000000161 every 1 s: 01010000 01010000.time");
    f({property("0001FF00.1"), property("0001FF00", ValueType::text), property("0001FF00.4")},
      "read 0001FF00 of meter 000000000161 every 1 s: 0001FF00.1 0001FF00 0001FF00.4");
    // Tariffs and phases are asked for together from two on.
    f({property("00010000"), property("forward_active_peak"), property("frequency")},
      "read 0001FF00 of meter 000000000161 every 1 s: 00010000 forward_active_peak; "
      "read 02800002 of meter 000000000161 every 1 s: frequency");
    f({property("voltage_c"), property("0201FF00.1")},
      "read 0201FF00 of meter 000000000161 every 1 s: voltage_c 0201FF00.1");
    f({property("forward_active_total@1"), property("forward_active_peak@1"), property("forward_active_peak@2")},
      "read 0001FF01 of meter 000000000161 every 1 s: forward_active_total@1 forward_active_peak@1; "
      "read 00010202 of meter 000000000161 every 1 s: forward_active_peak@2");
    // Not those with formats of their own.
    f({property("02010100", ValueType::number, "NNN.N"), property("02010200")},
      "read 02010100 of meter 000000000161 every 1 s: 02010100; "
      "read 02010200 of meter 000000000161 every 1 s: 02010200");
    f({property("02010100", ValueType::number, "NNN.N"), property("voltage_a"), property("02010200")},
      "read 02010100 of meter 000000000161 every 1 s: 02010100 voltage_a; "
      "read 02010200 of meter 000000000161 every 1 s: 02010200");
    f({property("9010"), property("forward_active_valley"), property("B611"), property("B612"), property("B630"),
       property("B631")},
      "read 901F of meter 000000000161 every 1 s: 9010 forward_active_valley; "
      "read B61F of meter 000000000161 every 1 s: B611 B612; read B630 of meter 000000000161 every 1 s: B630; "
      "read B631 of meter 000000000161 every 1 s: B631",
      "", Standard::of_1997);

    // Addresses that cannot be leave the others as they are.
    f({property("no_such_name"), property("voltage_a"), property("0001FF00"), property("12345678")},
      "read 02010100 of meter 000000000161 every 1 s: voltage_a",
      "no_such_name! \"no_such_name\" is no address in a meter of DL/T 645-2007: the name is not known; expected an "
      "identifier such as 00010000 or a name such as forward_active_total; "
      "0001FF00! 0001FF00 is a block of 64 values; choose one of them, as in 0001FF00.1, or make the property a text; "
      "12345678! \"12345678\" is no address in a meter of DL/T 645-2007: what it stands for is not known here; write "
      "its format behind it, as in 12345678/XX.XX; expected an identifier such as 00010000 or a name such as "
      "forward_active_total");
    f({property("028000FE", ValueType::number, "XX.X")}, "",
      "028000FE! address \"028000FE/XX.X\": \"XX.X\" is no format of a meter's value; expected one such as XXXXXX.XX, "
      "-XX.XXXX (with a sign), N12 (digits), text16, bits2 (bytes) or YYMMDDhhmm, with two digits a byte");
}

TEST(Dlt645Driver, PeriodsAndMetersAreApart) {
    auto slow = property("forward_active_peak");
    slow.period = 60 * kSecond;
    auto config =
        link({device("a", "161", {property("00010000"), slow, property("forward_active_flat")}),
              device("b", "000000000162", {property("00010000")}), device("c", "161", {property("voltage_a")})});
    Planned planned{config};
    EXPECT_EQ(planned.polls(),
              "read 0001FF00 of meter 000000000161 every 1 s: a.00010000 a.forward_active_flat; "
              "read 02010100 of meter 000000000161 every 1 s: c.voltage_a; "
              "read 00010200 of meter 000000000161 every 60 s: a.forward_active_peak; "
              "read 00010000 of meter 000000000162 every 1 s: b.00010000");
    const auto units = [](const PollPlan& plan) {
        std::vector<std::uint32_t> units;
        for (const Poll& poll : plan.polls) units.push_back(poll.unit);
        return units;
    };
    EXPECT_EQ(units(planned.plan), (std::vector<std::uint32_t>{1, 1, 1, 2}));
    // A meter that stays keeps its unit, and polls never have an id twice.
    config.devices.erase(config.devices.begin());
    config.devices.push_back(device("d", "163", {property("00010000")}));
    const auto next = planned.driver->plan(point_set(config));
    EXPECT_EQ(units(next), (std::vector<std::uint32_t>{1, 2, 3}));
    for (const Poll& poll : next.polls) EXPECT_GT(poll.id, planned.plan.polls.back().id);
}

TEST(Dlt645Driver, MetersNeedNumbers) {
    const auto f = [](std::vector<std::string> stations, std::string_view want, std::string_view faults) {
        std::vector<DeviceConfig> devices;
        for (const std::string& station : stations)
            devices.push_back(device(fmt::format("m{}", devices.size() + 1), station, {property("00010000")}));
        const Planned planned{link(std::move(devices))};
        EXPECT_EQ(planned.polls(), want);
        EXPECT_EQ(shown(*planned.set, planned.plan.faults), faults);
    };
    const std::string all =
        " has no meter's number, though 2 devices are on this line: all meters would answer at once; write the twelve "
        "digits on the meter";
    f({""}, "read 00010000 of meter AAAAAAAAAAAA every 1 s: 00010000", "");
    f({"AAAAAA345678"}, "read 00010000 of meter AAAAAA345678 every 1 s: 00010000", "");
    f({"", ""}, "", "m1.00010000! m1" + all + "; m2.00010000! m2" + all);
    f({"161", "AAAAAAAAAAAA"}, "read 00010000 of meter 000000000161 every 1 s: m1.00010000", "m2.00010000! m2" + all);
    f({"x"}, "",
      "00010000! \"x\" is no address of a meter: there is something else than digits in it; expected up to 12 digits, "
      "or AAAAAAAAAAAA");
    f({"999999999999"}, "",
      "00010000! no meter answers to 999999999999, the address of all; AAAAAAAAAAAA reaches the only one of a line");
}

// ---- what comes back ----

TEST(Dlt645Driver, ReadsValues) {
    const auto f = [](PropertyConfig property, std::uint32_t id, const Values& values, std::string_view want,
                      Standard standard = Standard::of_2007) {
        Planned planned{link({device("m", std::string(kMeter), {std::move(property)})}, standard)};
        EXPECT_EQ(planned.ask_all({.standard = standard, .meters = {{.items = {{id, item(id, values, standard)}}}}}),
                  want);
    };
    const auto scaled = [](PropertyConfig property, double scale, double offset) {
        property.place.scale = scale;
        property.place.offset = offset;
        return property;
    };
    constexpr auto kInteger = ValueType::integer, kText = ValueType::text;
    f(property("00010000"), 0x00010000, {1234.56}, "00010000=1234.56");
    f(property("active_power"), 0x02030000, {-1.2345}, "active_power=-1.2345");
    f(property("00010000", kInteger), 0x00010000, {1234.0}, "00010000=1234");
    f(property("00010000", kInteger), 0x00010000, {1234.5},
      "00010000=- bad:type (00010000 is 1234.5, which is not exactly a integer)");
    f(property("meter_number", kText), 0x04000402, {"000000000161"}, "meter_number=000000000161");
    f(property("01010000.time", kText), 0x01010000, {1.5, "2026-03-01 08:15"}, "01010000.time=2026-03-01 08:15");
    f(property("state_1", kInteger), 0x04000501, {std::int64_t{0x0105}}, "state_1=261");
    f(property("9010"), 0x9010, {99.5}, "9010=99.5", Standard::of_1997);
    f(property("0001FF00", kText), 0x0001ff00, {10.5, 1.0, std::nullopt}, "0001FF00=10.5 1 -");
    // Scale and offset are for numbers.
    f(scaled(property("00010000"), 60, 0), 0x00010000, {0.5}, "00010000=30");
    f(scaled(property("voltage_a"), 0.1, 5), 0x02010100, {231.4}, "voltage_a=28.14");
    f(scaled(property("00010000", kInteger), 100, 0), 0x00010000, {12.34}, "00010000=1234");
    f(scaled(property("00010000", kInteger), 0.5, 0), 0x00010000, {1.0},
      "00010000=- bad:type (00010000 is 0.5, which is not exactly a integer)");
    f(scaled(property("meter_number", kText), 60, 0), 0x04000402, {"000000000161"}, "meter_number=000000000161");
    // FF: the phases of a meter with one.
    f(property("voltage_b"), 0x02010200, {std::nullopt},
      "voltage_b=- bad:sensor (meter 000000000161 does not measure voltage_b: it sends FF in its place, or nothing)");
    f(scaled(property("voltage_b"), 0.1, 5), 0x02010200, {std::nullopt},
      "voltage_b=- bad:sensor (meter 000000000161 does not measure voltage_b: it sends FF in its place, or nothing)");
    f(property("0001FF00.5"), 0x0001ff00, {10.5, 1.0},
      "0001FF00.5=- bad:sensor (meter 000000000161 does not measure 0001FF00.5: it sends FF in its place, or nothing)");
    auto limited = property("voltage_a");
    limited.max = 100;
    f(limited, 0x02010100, {231.4}, "voltage_a=231.4 uncertain:range");
}

TEST(Dlt645Driver, BrokenValuesAndRefusals) {
    const auto f = [](PropertyConfig property, Meter meter, std::string_view want) {
        Planned planned{link({device("m", std::string(kMeter), {std::move(property)})})};
        EXPECT_EQ(planned.ask_all({.meters = {std::move(meter)}}), want);
    };
    f(property("00010000"), {.items = {{0x00010000, {0x1a, 0, 0, 0}}}},
      "00010000=- bad:type (forward_active_total: 0x1a000000 is no BCD number: a digit is over 9)");
    f(property("00010000"), {.items = {{0x00010000, {1, 0, 0, 0, 0}}}},
      "00010000=- bad:type (00010000 came with 5 bytes, expected 4; if this meter has another format, write it behind "
      "the identifier, as in 00010000/XX.XX)");
    f(property("00010000", ValueType::number, "XXXXXX.XXXX"), {.items = {{0x00010000, {0x45, 0x23, 1, 0, 0}}}},
      "00010000=1.2345");
    f(property("00010000"), {}, "00010000! meter 000000000161 refuses 00010000: error 02 (no such data)");
    f(property("00010000"), {.refusals = {{0x00010000, 0x05}}},
      "00010000! meter 000000000161 refuses 00010000: error 05 (another error, wrong password or no right)");
}

TEST(Dlt645Driver, ItemsOfSeveralFrames) {
    Values values;
    for (int i = 0; i < 30; ++i) values.push_back(i + 0.25);
    for (const Standard standard : {Standard::of_2007, Standard::of_1997}) {
        const bool is_2007 = standard == Standard::of_2007;
        const std::uint32_t id = is_2007 ? 0x0001ff00 : 0x901f;
        const std::string at = is_2007 ? "0001FF00" : "901F";
        values.resize(is_2007 ? 30 : 15);
        // The parts of a value may be in two frames.
        for (const std::size_t chunk : {120u, 45u, is_2007 ? 7u : 31u}) {
            Planned planned{
                link({device("m", std::string(kMeter), {property(at + ".1"), property(at + ".15")})}, standard)};
            const Meter meter{.items = {{id, item(id, values, standard)}}, .chunk_bytes = chunk};
            EXPECT_EQ(planned.ask_all({.standard = standard, .meters = {meter}, .echoes = true, .between = {0, 0x68}}),
                      at + ".1=0.25; " + at + ".15=14.25")
                << chunk;
        }
    }
    // A meter that never ends.
    Planned planned{link({device("m", std::string(kMeter), {property("0001FF00.1")})})};
    Line line{.meters = {{.items = {{0x0001ff00, Buffer(10'000, 0)}}}}};
    EXPECT_EQ(planned.ask(planned.plan.polls[0].id, line),
              "0001FF00.1! 0001FF00 of meter 000000000161 has more than 4096 bytes");
    EXPECT_EQ(line.asked, 41u);
}

TEST(Dlt645Driver, RefusedBlocksAreAskedApart) {
    Planned planned{link(
        {device("m", std::string(kMeter), {property("voltage_a"), property("voltage_c"), property("0201FF00.2")})})};
    Line line{.meters = {{.items = {{0x02010100, item(0x02010100, {231.4})}}}}};
    ASSERT_EQ(planned.plan.polls.size(), 1u);
    const std::string refusal = "! meter 000000000161 refuses 0201FF00: error 02 (no such data)";
    EXPECT_EQ(planned.ask(planned.plan.polls[0].id, line),
              "voltage_a" + refusal + "; voltage_c" + refusal + "; 0201FF00.2" + refusal + " [may split]");
    const std::uint32_t whole = planned.plan.polls[0].id;
    planned.plan.polls = planned.driver->split(whole);
    EXPECT_EQ(planned.polls(),
              "read 02010100 of meter 000000000161 every 1 s: voltage_a; "
              "read 02010300 of meter 000000000161 every 1 s: voltage_c; "
              "read 0201FF00 of meter 000000000161 every 1 s: 0201FF00.2");
    EXPECT_EQ(planned.ask_all(line),
              "voltage_a=231.4 | voltage_c! meter 000000000161 refuses 02010300: error 02 (no such data) | 0201FF00.2" +
                  refusal);
    EXPECT_TRUE(planned.driver->split(whole).empty());
    EXPECT_EQ(planned.driver->describe(whole), "");
    EXPECT_EQ(planned.ask(whole, line), "!! what is polled was changed meanwhile: nothing was asked");
}

TEST(Dlt645Driver, BrokenBlocksAreAskedApart) {
    Planned planned{link({device("m", std::string(kMeter), {property("voltage_a"), property("voltage_b")})})};
    Line line{.meters = {{.items = {{0x0201ff00, {0x14, 0x23, 0xaa, 0xaa, 0xff, 0xff}},
                                    {0x02010100, {0x14, 0x23}},
                                    {0x02010200, {0xaa, 0xaa}}}}}};
    const std::string broken = "voltage_b: 0xaaaa is no BCD number: a digit is over 9";
    EXPECT_EQ(planned.ask(planned.plan.polls[0].id, line),
              "voltage_a! " + broken + "; voltage_b! " + broken + " [may split]");
    planned.plan.polls = planned.driver->split(planned.plan.polls[0].id);
    EXPECT_EQ(planned.ask_all(line), "voltage_a=231.4 | voltage_b=- bad:type (" + broken + ")");
}

// ---- who speaks ----

TEST(Dlt645Driver, OthersOnTheLine) {
    const auto address = [](std::string_view number) { return dlt645::parse_meter_address(number).value(); };
    const Meter own{.items = {{0x00010000, item(0x00010000, {12.5})}, {0x02010100, item(0x02010100, {231.4})}}};
    const auto answer_of = [&](std::string_view number, std::uint32_t id, double value) {
        const auto bytes = encode_answer(Standard::of_2007, {dlt645::Request::Kind::read, address(number), id, 0},
                                         {address(number), std::nullopt, false, item(id, {value})});
        Frame frame;
        dlt645::FrameDecoder decoder;
        decoder.feed(bytes, [&frame](const Frame& one) { frame = one; });
        return frame;
    };
    const auto f = [&](std::string_view station, Line line, std::string_view want, std::size_t malformed) {
        for (const std::size_t piece : {1u, 3u, 10'000u}) {
            Planned planned{link({device("m", std::string(station), {property("00010000")})})};
            EXPECT_EQ(planned.ask(planned.plan.polls[0].id, line, piece), want);
            EXPECT_EQ(planned.driver->take_malformed(), malformed) << want;
            EXPECT_EQ(planned.driver->take_malformed(), 0u);
        }
    };
    const Meter neighbour{.number = "162", .items = {{0x00010000, item(0x00010000, {99.5})}}};
    f(kMeter, {.meters = {own}}, "00010000=12.5", 0);
    f(kMeter, {.meters = {own}, .echoes = true}, "00010000=12.5", 0);
    f(kMeter, {.meters = {neighbour, own}}, "00010000=12.5", 0);
    f("", {.meters = {own}}, "00010000=12.5", 0);
    f("AAAAAAAA0161", {.meters = {neighbour, own}, .echoes = true}, "00010000=12.5", 0);
    f("161", {.meters = {own}, .before = {0, 0x68, 0x55, 0x16}}, "00010000=12.5", 1);
    f("161", {.meters = {own}, .echoes = true, .before = {0xfe, 0xfe}, .between = {1, 2, 3}}, "00010000=12.5", 1);
    // Frames of others, of another identifier, and requests of another master.
    f(kMeter, {.meters = {own}, .other = {answer_of("162", 0x00010000, 99.5)}}, "00010000=12.5", 0);
    f(kMeter, {.meters = {own}, .other = {answer_of(kMeter, 0x02010100, 231.4)}}, "00010000=12.5", 1);
    f(kMeter, {.meters = {own}, .other = {{address("161"), 0x11, {0, 0, 1, 0}}}}, "00010000=12.5", 0);
    f(kMeter, {.meters = {own}, .other = {{address("161"), 0x91, {1}}, {address("161"), 0x94, {}}}}, "00010000=12.5",
      2);
    // An answer by a number that is none, with more to come: who goes on asking would ask everybody.
    f("", {.meters = {own}, .other = {{address("999999999999"), 0xb1, {0, 0, 1, 0, 1, 2, 3, 4}}}}, "00010000=12.5", 1);
    Buffer wrong_sum = encode_frame(answer_of(kMeter, 0x00010000, 77.5), 0);
    ++wrong_sum[wrong_sum.size() - 2];
    f(kMeter, {.meters = {own}, .before = wrong_sum}, "00010000=12.5", 1);

    // Nobody answers.
    const std::string none = "no answer from meter 000000000161 to 00010000 within 1000 ms: ";
    f(kMeter, {},
      none +
          "nothing came; check the meter's number, the serial settings (usually 2400 8E1) and the polarity of A and B",
      0);
    f(kMeter, {.echoes = true},
      none +
          "only the request itself came back; check the meter's number, the serial settings (usually 2400 8E1) and "
          "the polarity of A and B",
      0);
    f(kMeter, {.before = {1, 2, 3}},
      none +
          "what came are no frames; check the serial settings (usually 2400 8E1) and whether something else sends on "
          "the line",
      1);
    f(kMeter, {.other = {answer_of("162", 0x00010000, 99.5)}}, none + "meter 000000000162 answered instead", 0);
    f(kMeter, {.other = {answer_of(kMeter, 0x02010100, 231.4)}},
      none + "the answer of meter 000000000161 has the identifier 02010100, expected 00010000", 1);
}

TEST(Dlt645Driver, SeveralMetersInTurn) {
    Planned planned{link({device("a", "161", {property("00010000")}), device("b", "162", {property("00010000")})})};
    const Buffer one = item(0x00010000, {1.5}), two = item(0x00010000, {2.5});
    EXPECT_EQ(planned.ask_all({.meters = {{.number = "161", .items = {{0x00010000, one}}},
                                          {.number = "162", .items = {{0x00010000, two}}}}}),
              "a.00010000=1.5 | b.00010000=2.5");
}

TEST(Dlt645Driver, LateAnswersEndTheExchangeThatTheyAreOf) {
    Planned planned{link({device("m", std::string(kMeter), {property("00010000"), property("voltage_a")})})};
    ASSERT_TRUE(planned.driver->late());
    Line line{.meters = {{.items = {{0x00010000, item(0x00010000, {12.5})}, {0x02010100, item(0x02010100, {231.4})}}}}};
    const Buffer late = line(planned.driver->read(planned.plan.polls[0].id).value());
    EXPECT_TRUE(std::holds_alternative<More>(planned.driver->feed(Bytes(late).first(9)).value()));
    (void)planned.driver->no_answer(1000);
    const auto step = planned.driver->feed(Bytes(late).subspan(9)).value();
    ASSERT_TRUE(std::holds_alternative<Done>(step));
    // What comes when all is over means nothing, nor does half of it spoil the next.
    EXPECT_TRUE(std::holds_alternative<More>(planned.driver->feed(late).value()));
    (void)planned.driver->read(planned.plan.polls[0].id).value();
    EXPECT_TRUE(std::holds_alternative<More>(planned.driver->feed(Bytes(late).first(15)).value()));
    planned.driver->abandon();
    EXPECT_EQ(planned.ask(planned.plan.polls[1].id, line), "voltage_a=231.4");
    // One that is later than all waiting has another identifier.
    Line after{.meters = line.meters, .before = late};
    EXPECT_EQ(planned.ask(planned.plan.polls[1].id, after), "voltage_a=231.4");
    EXPECT_EQ(planned.driver->hear(late).value().malformed, 1u);
}

TEST(Dlt645Driver, LongAnswersGetTheirTime) {
    const auto f = [](PropertyConfig property, std::size_t want) {
        const Planned planned{link({device("m", std::string(kMeter), {std::move(property)})})};
        EXPECT_EQ(planned.driver->answer_bytes(), 271u);
        (void)planned.driver->read(planned.plan.polls[0].id);
        EXPECT_EQ(planned.driver->answer_bytes(), want);
    };
    f(property("00010000"), 25);
    f(property("01010000"), 29);  // with its time
    f(property("0201FF00.1"), 27);
    f(property("0001FF00.1"), 216);  // as many tariffs as the meter has
    f(property("028000FE", ValueType::number, "NNNN.NN"), 24);
}

TEST(Dlt645Driver, APlanDuringAnExchange) {
    auto config = link({device("m", std::string(kMeter), {property("00010000"), property("frequency")})});
    Planned planned{config};
    Line line{.meters = {{.items = {{0x00010000, item(0x00010000, {12.5})}}}}};
    const auto asked = planned.driver->read(planned.plan.polls[0].id);
    config.devices[0].properties = {property("voltage_a")};
    planned.driver->plan(point_set(config));
    EXPECT_EQ(
        talk(*planned.driver, *planned.set, asked, [&line](Bytes sent) { return line(sent); }, 1), "00010000=12.5");
}

TEST(Dlt645Driver, BrokenBytesHarmNothing) {
    Planned planned{link({device("m", std::string(kMeter), {property("0001FF00.1"), property("0001FF00.2")})})};
    const Meter meter{.items = {{0x0001ff00, item(0x0001ff00, {1.5, 2.5, 3.5})}}, .chunk_bytes = 8};
    Rng rng{7};
    std::size_t right = 0;
    for (int i = 0; i < 400; ++i) {
        Line line{.meters = {meter}, .echoes = rng.chance(0.5)};
        const auto machine = [&](Bytes sent) {
            Buffer bytes = line(sent);
            if (rng.chance(0.3)) bytes[rng.below(bytes.size())] ^= static_cast<std::uint8_t>(1 + rng.below(255));
            return bytes;
        };
        const std::string got = talk(*planned.driver, *planned.set, planned.driver->read(planned.plan.polls[0].id),
                                     machine, 1 + rng.below(20));
        right += got == "0001FF00.1=1.5; 0001FF00.2=2.5";
        // A sum of eight bits would miss two changes, not one.
        EXPECT_TRUE(got.starts_with("0001FF00.1=1.5;") || got.starts_with("no answer")) << got;
    }
    EXPECT_GT(right, 200u);
}

TEST(Dlt645Driver, IsReadOnly) {
    const Planned planned{link({device("m", "", {property("00010000")})})};
    const Point& point = planned.set->points[0];
    Driver& driver = *planned.driver;
    EXPECT_EQ(driver.check_write(*point.device, *point.property, 1.0).error().code(), Code::unsupported);
    EXPECT_EQ(driver.write(*point.device, *point.property, 1.0).error().code(), Code::unsupported);
    EXPECT_EQ(driver.read_back(*point.device, *point.property).error().code(), Code::unsupported);
    EXPECT_FALSE(driver.may_have_written());
    EXPECT_TRUE(driver.greet().empty());
}

}  // namespace
}  // namespace gongshu::connect
