#include "wire/dlt645.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace gongshu::wire::dlt645 {
namespace {

constexpr auto k2007 = Standard::of_2007, k1997 = Standard::of_1997;
constexpr auto kNumber = ValueType::number, kInteger = ValueType::integer, kText = ValueType::text;

Buffer hex(std::string_view text) {
    Buffer bytes;
    std::string digits;
    for (const char c : text)
        if (c != ' ') digits += c;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

MeterAddress meter(std::string_view text) { return parse_meter_address(text).value(); }

std::vector<Frame> frames_in(Bytes bytes) {
    std::vector<Frame> frames;
    FrameDecoder decoder;
    decoder.feed(bytes, [&](const Frame& frame) { frames.push_back(frame); });
    return frames;
}

// A meter for tests: what it holds, by identifier, and how much of it fits one frame.
struct Meter {
    Standard standard = k2007;
    MeterAddress address;
    std::map<std::uint32_t, Buffer> items;
    std::size_t chunk_bytes = kDataBytesMax - 5;

    // Nothing for broadcasts and for other meters, as the standard wants it.
    std::optional<Buffer> answer(const Frame& frame) const {
        const auto asked = decode_request(standard, frame);
        if (!asked || frame.address.is_broadcast() || !frame.address.matches(address)) return std::nullopt;
        Answer answer{address, std::nullopt, false, {}};
        const auto item = items.find(asked->id);
        if (asked->kind == Request::Kind::other) {
            answer.error = 0x04;
        } else if (asked->kind != Request::Kind::read_address && item == items.end()) {
            answer.error = 0x02;
        } else if (asked->kind != Request::Kind::read_address) {
            const std::size_t from = std::min(asked->sequence * chunk_bytes, item->second.size());
            const Bytes rest = Bytes(item->second).subspan(from);
            const Bytes now = rest.first(std::min(rest.size(), chunk_bytes));
            answer.value = {now.begin(), now.end()};
            answer.more = now.size() < rest.size();
        }
        return encode_answer(standard, *asked, answer);
    }
};

// Frames recorded from meters, as public texts print them: what was asked, what came, what it means.
TEST(Dlt645, RecordedFrames) {
    auto f = [](Standard standard, std::string_view number, std::string_view property, std::string_view asked,
                std::string_view answered, ValueType type, std::string_view want) {
        const auto address = parse_address(standard, property);
        ASSERT_TRUE(address) << address.error().text();
        auto reading = Reading::create(standard, meter(number), address->id);
        ASSERT_TRUE(reading) << reading.error().text();
        if (!asked.empty()) {
            EXPECT_EQ(to_hex(reading->request()), to_hex(hex(asked)));
        }
        const auto frames = frames_in(hex(answered));
        ASSERT_EQ(frames.size(), 1u) << answered;
        const auto whole = reading->take(frames[0]);
        ASSERT_TRUE(whole) << whole.error().text();
        EXPECT_TRUE(*whole);
        const auto value = decode_property(standard, *address, reading->value(), type);
        ASSERT_TRUE(value) << value.error().text();
        ASSERT_TRUE(value->has_value());
        EXPECT_EQ(gongshu::to_string(**value), want) << property;
    };
    f(k2007, "161", "00010000", "FEFEFEFE 68 610100000000 68 11 04 33333433 14 16",
      "68 610100000000 68 91 08 33333433 59333333 8A 16", kNumber, "0.26");
    f(k2007, "161", "voltage_a", "FEFEFEFE 68 610100000000 68 11 04 33343435 17 16",
      "68 610100000000 68 91 06 33343435 3443 10 16", kNumber, "100.1");
    f(k2007, "042209026460", "voltage_all", "", "68 606402092204 68 91 0A 33323435 4756 3333 3333 97 16", kText,
      "231.4 0 0");
    f(k2007, "042209026460", "0201FF00.1", "", "68 606402092204 68 91 0A 33323435 4756 3333 3333 97 16", kNumber,
      "231.4");
    f(k1997, "3", "B611", "FEFEFEFE 68 030000000000 68 01 02 44E9 03 16", "68 030000000000 68 81 04 44E9 3334 EC 16",
      kNumber, "100");
}

TEST(Dlt645, AddressesOfMeters) {
    auto f = [](std::string_view text, std::string_view want) {
        const auto address = parse_meter_address(text);
        EXPECT_EQ(address ? to_string(*address) : address.error().text(), want) << text;
    };
    f("000012345678", "000012345678");
    f("12345678", "000012345678");
    f("1", "000000000001");
    f("AAAAAAAAAAAA", "AAAAAAAAAAAA");
    f("aaaaaa345678", "AAAAAA345678");
    f("999999999999", "999999999999");
    const char* end = "; expected up to 12 digits, or AAAAAAAAAAAA";
    f("", fmt::format("\"\" is no address of a meter: it is empty{}", end));
    f("1234567890123", fmt::format("\"1234567890123\" is no address of a meter: it is too long{}", end));
    f("12-34", fmt::format("\"12-34\" is no address of a meter: there is something else than digits in it{}", end));
    f("AAAAA1234567",
      fmt::format("\"AAAAA1234567\" is no address of a meter: A stands for two digits at a time{}", end));
    f("12AA34567890", fmt::format("\"12AA34567890\" is no address of a meter: A stands in front only{}", end));

    auto g = [](std::string_view asked, std::string_view own, bool want) {
        EXPECT_EQ(meter(asked).matches(meter(own)), want) << asked << " " << own;
    };
    g("12345678", "12345678", true);
    g("12345678", "12345679", false);
    g("AAAAAA345678", "99345678", true);
    g("AAAAAA345678", "99345679", false);
    g("AAAAAAAAAAAA", "99345679", true);
    g("999999999999", "99345679", true);
    EXPECT_TRUE(meter("999999999999").is_broadcast());
    EXPECT_TRUE(meter("AAAAAA345678").has_wildcard());
    EXPECT_FALSE(meter("345678").has_wildcard());
}

TEST(Dlt645, RequestsBothWays) {
    auto f = [](Standard standard, const Request& request, std::string_view want) {
        const auto bytes = encode_request(standard, request);
        if (!bytes) {
            EXPECT_NE(bytes.error().text().find(want), std::string::npos) << bytes.error().text();
            return;
        }
        EXPECT_EQ(to_hex(*bytes), to_hex(hex(want)));
        const auto frames = frames_in(*bytes);
        ASSERT_EQ(frames.size(), 1u);
        EXPECT_EQ(decode_request(standard, frames[0]).value(), request);
    };
    using enum Request::Kind;
    f(k2007, {read, meter("123456789012"), 0x00010000, 0}, "FEFEFEFE 68 129078563412 68 11 04 33333433 68 16");
    f(k2007, {read_more, meter("1"), 0x0001ff00, 1}, "FEFEFEFE 68 010000000000 68 12 05 33323433 34 E8 16");
    f(k2007, {read_address, meter("AAAAAAAAAAAA"), 0, 0}, "FEFEFEFE 68 AAAAAAAAAAAA 68 13 00 DF 16");
    f(k1997, {read, meter("AAAAAAAAAAAA"), 0x9010, 0}, "FEFEFEFE 68 AAAAAAAAAAAA 68 01 02 43C3 D5 16");
    f(k1997, {read_more, meter("AAAAAAAAAAAA"), 0x901f, 0}, "FEFEFEFE 68 AAAAAAAAAAAA 68 02 02 52C3 E5 16");
    f(k1997, {read_address, meter("1"), 0, 0}, "read C032");
    f(k1997, {read, meter("1"), 0x00010000, 0}, "00010000 has four bytes; those of 1997 have two");
    f(k2007, {read, meter("999999999999"), 0x00010000, 0}, "no meter answers to 999999999999");
    f(k2007, {read, meter("1"), 0xff000000, 0}, "must not be FF");
    f(k2007, {other, meter("1"), 0, 0}, "meters are only read");
}

TEST(Dlt645, RequestsThatAMeterMeets) {
    auto f = [](Standard standard, std::uint8_t control, std::string_view data, std::string_view want) {
        const auto request = decode_request(standard, {meter("1"), control, hex(data)});
        EXPECT_EQ(request ? fmt::format("{}", static_cast<int>(request->kind)) : request.error().text(), want);
    };
    f(k2007, 0x14, "01010004 02000000 00000000 26112207", "3");  // a write
    f(k2007, 0x08, "000000000000", "3");                         // the time for all
    f(k2007, 0x91, "00000100", "control 91 is of an answer, not a request");
    f(k2007, 0x11, "0000", "a request with 2 bytes of data, expected 4");
    f(k2007, 0x12, "00000100", "a request with 4 bytes of data, expected 5");
    f(k1997, 0x02, "1090", "1");
    f(k1997, 0x13, "", "3");
}

TEST(Dlt645, AnswersThatDoNotMatch) {
    const Request asked{Request::Kind::read, meter("1"), 0x00010000, 0};
    auto f = [&](Frame frame, std::string_view want) {
        const auto answer = decode_answer(k2007, asked, frame);
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().text(), want);
    };
    f({meter("1"), 0x11, hex("00000100")}, "the answer of meter 000000000001 has control 11, expected 91");
    f({meter("1"), 0x93, hex("00000100")}, "the answer of meter 000000000001 has control 93, expected 91");
    f({meter("2"), 0x91, hex("00000100")},
      "the answer of meter 000000000001 has the address 000000000002, expected 000000000001");
    f({meter("1"), 0x91, hex("00000200")},
      "the answer of meter 000000000001 has the identifier 00020000, expected 00010000");
    f({meter("1"), 0x91, hex("0000")}, "the answer of meter 000000000001 has bytes of data: 2, expected at least 4");
    auto g = [&](Standard standard, std::string_view data, std::string_view want) {
        const auto answer =
            decode_answer(standard, {Request::Kind::read, meter("1"), 0x9010, 0},
                          {meter("1"), static_cast<std::uint8_t>(standard == k2007 ? 0xd1 : 0xc1), hex(data)});
        ASSERT_TRUE(answer && answer->error);
        EXPECT_EQ(error_text(standard, *answer->error), want);
    };
    g(k2007, "02", "error 02 (no such data)");
    g(k2007, "", "error 02 (no such data)");
    g(k2007, "44", "error 44 (wrong password or no right, too many tariffs)");
    g(k2007, "80", "error 80 (not in the standard)");
    g(k1997, "02", "error 02 (a wrong identifier)");
    g(k1997, "08", "error 08 (not in the standard)");
}

TEST(Dlt645, DecoderTakesAnySplitAmongNoise) {
    Buffer stream;
    std::vector<Frame> want;
    for (unsigned i = 0; i < 60; ++i) {
        Frame frame{meter(std::to_string(i)), 0x91, Buffer(i * 4 % 201, static_cast<std::uint8_t>(i))};
        if (i % 7 == 3) stream.insert(stream.end(), {0x68, 0x00, 0x16, 0x68});
        const Buffer bytes = encode_frame(frame, i % 5);
        stream.insert(stream.end(), bytes.begin(), bytes.end());
        if (i % 11 == 5) {  // a bit fell over: this one is lost, the others are not
            stream[stream.size() - 3] ^= 0x10;
            continue;
        }
        want.push_back(frame);
    }
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Rng rng{seed};
        FrameDecoder decoder;
        std::vector<Frame> got;
        for (std::size_t at = 0; at < stream.size();) {
            const std::size_t bytes = std::min<std::size_t>(1 + rng.below(300), stream.size() - at);
            decoder.feed(Bytes(stream).subspan(at, bytes), [&](const Frame& frame) { got.push_back(frame); });
            at += bytes;
            EXPECT_LT(decoder.buffered_bytes(), kFrameBytesMax);
        }
        EXPECT_EQ(got, want) << "seed " << seed;
        EXPECT_GE(decoder.wrong_sums(), 5u);
        EXPECT_GT(decoder.skipped_bytes(), 30u);
    }
}

TEST(Dlt645, AnItemOverSeveralFrames) {
    auto f = [](Standard standard, std::uint32_t id, std::size_t bytes, std::size_t chunk, std::size_t frames_wanted) {
        Meter simulated{standard, meter("20240111"), {}, chunk};
        Buffer& item = simulated.items[id];
        for (std::size_t i = 0; i < bytes; ++i) item.push_back(static_cast<std::uint8_t>(i));
        // The meters of 1997 count for themselves.
        Reading reading = Reading::create(standard, meter("AAAA20240111"), id).value();
        std::size_t frames = 0;
        for (bool whole = false; !whole;) {
            ++frames;
            auto asked = frames_in(reading.request()).at(0);
            ASSERT_LE(frames, 300u);
            std::optional<Buffer> bytes_back;
            if (standard == k1997 && asked.control == 0x02) {
                const std::size_t from = (frames - 1) * chunk;
                Answer answer{simulated.address, std::nullopt, from + chunk < item.size(), {}};
                answer.value.assign(item.begin() + from, item.begin() + std::min(from + chunk, item.size()));
                bytes_back = encode_answer(standard, decode_request(standard, asked).value(), answer);
            } else {
                bytes_back = simulated.answer(asked);
            }
            ASSERT_TRUE(bytes_back);
            const auto taken = reading.take(frames_in(*bytes_back).at(0));
            ASSERT_TRUE(taken) << taken.error().text();
            whole = *taken;
        }
        EXPECT_EQ(frames, frames_wanted);
        EXPECT_EQ(to_hex(reading.value()), to_hex(item));
        EXPECT_EQ(to_string(reading.address()), "000020240111");
    };
    f(k2007, 0x0001ff00, 256, 195, 2);
    f(k2007, 0x0001ff00, 100, 195, 1);
    f(k2007, 0x0001ff00, 256, 4, 64);
    f(k1997, 0x901f, 60, 20, 3);
}

TEST(Dlt645, LimitsOfAnItem) {
    auto f = [](std::size_t chunk, std::string_view want) {
        Meter simulated{k2007, meter("1"), {{0x0001ff00, Buffer(60'000)}}, chunk};
        Reading reading = Reading::create(k2007, meter("1"), 0x0001ff00).value();
        std::string error;
        for (int i = 0; i < 1000 && error.empty(); ++i) {
            const auto taken = reading.take(frames_in(*simulated.answer(frames_in(reading.request()).at(0))).at(0));
            if (!taken) error = taken.error().text();
        }
        EXPECT_EQ(error, want);
    };
    f(200, "0001FF00 of meter 000000000001 has more than 4096 bytes");
    f(1, "0001FF00 of meter 000000000001 takes more than 255 frames");
    Meter simulated{k2007, meter("1"), {}};
    Reading reading = Reading::create(k2007, meter("1"), 0x04000101).value();
    const auto taken = reading.take(frames_in(*simulated.answer(frames_in(reading.request()).at(0))).at(0));
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().text(), "meter 000000000001 refuses 04000101: error 02 (no such data)");
    EXPECT_EQ(taken.error().code(), Code::unavailable);
}

TEST(Dlt645, WhoIsOnTheLine) {
    const Meter simulated{k2007, meter("12345678"), {}};
    const Request asked{Request::Kind::read_address, meter("AAAAAAAAAAAA"), 0, 0};
    const auto back = simulated.answer(frames_in(encode_request(k2007, asked).value()).at(0));
    ASSERT_TRUE(back);
    EXPECT_EQ(to_hex(*back), "fefefefe68785634120000689306ab8967453333c316");
    const auto answer = decode_answer(k2007, asked, frames_in(*back).at(0));
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(to_string(answer->address), "000012345678");
    EXPECT_FALSE(simulated.answer({meter("999999999999"), 0x08, hex("000000010126")})) << "nobody answers to all";
}

TEST(Dlt645Value, FormatsBothWays) {
    auto f = [](std::string_view format, std::string_view bytes, std::string_view want, ValueType type) {
        const auto parsed = parse_format(format);
        ASSERT_TRUE(parsed) << parsed.error().text();
        const auto value = decode_value(*parsed, hex(bytes));
        ASSERT_TRUE(value) << value.error().text();
        ASSERT_TRUE(value->has_value());
        EXPECT_EQ(gongshu::to_string(**value), want) << format;
        EXPECT_EQ(type_of(**value), type) << format;
        const auto back = encode_value(*parsed, *value);
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(to_hex(*back), to_hex(hex(bytes))) << format;
    };
    f("XXXXXX.XX", "78563412", "123456.78", kNumber);
    f("XXXXXX.XX", "01000000", "0.01", kNumber);
    f("NNN.N", "0723", "230.7", kNumber);
    f("-NNN.NNN", "563412", "123.456", kNumber);
    f("-NNN.NNN", "563492", "-123.456", kNumber);
    f("-XX.XXXX", "010080", "-0.0001", kNumber);
    f("-N.NNN", "0010", "1", kNumber);
    f("-N.NNN", "9880", "-0.098", kNumber);
    f("XXXX", "2002", "220", kInteger);
    f("XXXXXX", "000032", "320000", kInteger);
    f("XXXXXXXX.XXXXXXXX", "8967452301896745", "45678901.23456789", kNumber);
    f("N12", "785634120000", "000012345678", kText);
    f("text6", "563032322020", "  220V", kText);
    f("text4", "302E3120", " 1.0", kText);
    f("bits2", "0180", "32769", kInteger);
    f("bits1", "FF", "255", kInteger);
    f("YYMMDDWW", "00010326", "2026-03-01", kText);
    f("hhmmss", "595923", "23:59:59", kText);
    f("YYMMDDhhmm", "1512310326", "2026-03-31 12:15", kText);
    f("MMDDhhmm", "15123103", "03-31 12:15", kText);
    f("YYMMDDWWhhmmss", "59592300010326", "2026-03-01 23:59:59", kText);
    f("DDhh", "0001", "01 00", kText);
}

TEST(Dlt645Value, SaysWhatIsWrong) {
    auto decode = [](std::string_view format, std::string_view bytes, std::string_view want) {
        const auto value = decode_value(parse_format(format).value(), hex(bytes));
        EXPECT_EQ(!value ? value.error().text() : value->has_value() ? "a value" : "nothing", want) << format;
    };
    decode("NNN.N", "FFFF", "nothing");
    decode("text4", "FFFFFFFF", "nothing");
    decode("NNN.N", "1A23", "0x1a23 is no BCD number: a digit is over 9");
    decode("NNN.N", "0090", "a value");
    decode("-NNN.N", "00F0", "a value");  // the sign, then 700.0
    decode("NNN.N", "00F0", "0x00f0 is no BCD number: a digit is over 9");
    decode("text2", "FF41", "0xff41 is no text");
    decode("hhmmss", "5A5923", "0x5a5923 is no BCD number: a digit is over 9");

    auto encode = [](std::string_view format, const Value& value, std::string_view want) {
        const auto bytes = encode_value(parse_format(format).value(), value);
        EXPECT_EQ(bytes ? to_hex(*bytes) : bytes.error().text(), want) << format;
    };
    encode("NNN.N", 999.94, "9999");
    encode("NNN.N", 1000.0, "1000 does not fit 4 digits of which 1 are decimals and no sign");
    encode("NNN.N", -0.1, "-0.1 does not fit 4 digits of which 1 are decimals and no sign");
    encode("NNN.N", -0.01, "0000");
    encode("-NNN.N", 800.0, "800 does not fit 4 digits of which 1 are decimals");
    encode("-NNN.N", -799.9, "99f9");
    encode("NNN.N", std::string("7"), "cannot write text as a number of a meter");
    encode("N4", std::string("12345"), "\"12345\" is longer than 4");
    encode("N4", std::string("1a"), "\"1a\" are not digits");
    encode("N4", std::int64_t{1}, "cannot write integer as a text of a meter");
    encode("hhmmss", std::string("12:00"), "\"12:00\" is no time as \"hh:mm:ss\"");
    encode("YYMMDDWW", std::string("1999-01-01"), "\"1999-01-01\" is no time as \"20YY-MM-DD\"");
    encode("bits2", 1.5, "a status word is written as an integer");

    auto format = [](std::string_view text) {
        const auto parsed = parse_format(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code(), Code::invalid);
    };
    for (const char* text : {"", "X", "NNN", "X.X.XX", "XX.", "-", "N", "N3", "N66", "text0", "text201", "bits9",
                             "YYMM", "XXXXXXXXXXXXXXXXXX", "12", "text1234"})
        format(text);
}

TEST(Dlt645Items, AreDescribed) {
    auto f = [](Standard standard, std::uint32_t id, std::string_view name, std::string_view zh, std::string_view en,
                std::size_t parts, std::string_view unit) {
        const auto item = describe(standard, id);
        ASSERT_TRUE(item) << id_text(standard, id);
        EXPECT_EQ(item->name, name);
        EXPECT_EQ(item->zh, zh);
        EXPECT_EQ(item->en, en);
        EXPECT_EQ(item->parts.size(), parts);
        EXPECT_EQ(item->parts[0].unit, unit);
    };
    f(k2007, 0x00000000, "combined_active_total", "组合有功总电能", "combined active energy, total", 1, "kWh");
    f(k2007, 0x00010000, "forward_active_total", "正向有功总电能", "forward active energy, total", 1, "kWh");
    f(k2007, 0x00010200, "forward_active_peak", "正向有功峰电能", "forward active energy, peak", 1, "kWh");
    f(k2007, 0x00020400, "reverse_active_valley", "反向有功谷电能", "reverse active energy, valley", 1, "kWh");
    f(k2007, 0x00010501, "forward_active_tariff5@1", "(上1结算日)正向有功费率5电能",
      "forward active energy, tariff 5, 1 settlement day back", 1, "kWh");
    f(k2007, 0x0001ff00, "forward_active_all", "正向有功电能数据块", "forward active energy, all", 64, "kWh");
    f(k2007, 0x000100ff, "forward_active_total@all", "正向有功电能数据块", "forward active energy, all", 13, "kWh");
    f(k2007, 0x00150000, "forward_active_a", "A相正向有功电能", "forward active energy, phase A", 1, "kWh");
    f(k2007, 0x002a0000, "reverse_active_b", "B相反向有功电能", "reverse active energy, phase B", 1, "kWh");
    f(k2007, 0x00460000, "reverse_apparent_c", "C相反向视在电能", "reverse apparent energy, phase C", 1, "kVAh");
    f(k2007, 0x00080000, "q4_reactive_total", "第四象限无功总电能", "quadrant 4 reactive energy, total", 1, "kvarh");
    f(k2007, 0x01010000, "forward_active_demand", "正向有功总最大需量", "forward active demand, total", 2, "kW");
    f(k2007, 0x01010100, "forward_active_demand_sharp", "正向有功尖最大需量", "forward active demand, sharp", 2, "kW");
    f(k2007, 0x01150000, "forward_active_demand_a", "A相正向有功最大需量", "forward active demand, phase A", 2, "kW");
    f(k2007, 0x02010100, "voltage_a", "A相电压", "voltage, phase A", 1, "V");
    f(k2007, 0x0202ff00, "current_all", "电流数据块", "current, all", 3, "A");
    f(k2007, 0x02030000, "active_power", "有功功率", "active power", 1, "kW");
    f(k2007, 0x0203ff00, "active_power_all", "有功功率数据块", "active power, all", 4, "kW");
    f(k2007, 0x02060300, "power_factor_c", "C相功率因数", "power factor, phase C", 1, "");
    f(k2007, 0x02800002, "frequency", "电网频率", "frequency", 1, "Hz");
    f(k2007, 0x04000409, "active_constant", "电表有功常数", "meter constant, pulses per kWh", 1, "");
    f(k1997, 0x9010, "forward_active_total", "正向有功总电能", "forward active energy, total", 1, "kWh");
    f(k1997, 0x9412, "forward_active_peak@1", "(上1月)正向有功峰电能", "forward active energy, peak, 1 month back", 1,
      "kWh");
    f(k1997, 0x9120, "reverse_reactive_total", "反向无功总电能", "reverse reactive energy, total", 1, "kvarh");
    f(k1997, 0x9140, "q4_reactive_total", "第四象限无功总电能", "quadrant 4 reactive energy, total", 1, "kvarh");
    f(k1997, 0x901f, "forward_active_all", "正向有功电能数据块", "forward active energy, all", 15, "kWh");
    f(k1997, 0xa010, "forward_active_demand", "正向有功总最大需量", "forward active demand, total", 1, "kW");
    f(k1997, 0xb010, "forward_active_demand_time", "正向有功总最大需量发生时间", "forward active demand, total, time",
      1, "");
    f(k1997, 0xb611, "voltage_a", "A相电压", "voltage, phase A", 1, "V");
    f(k1997, 0xc032, "meter_number", "表号", "meter number", 1, "");
    for (const std::uint32_t id : {0x00ffff00u, 0x0001ffffu, 0x0001400cu, 0x0001000du, 0x00150100u, 0x01000000u,
                                   0x00510000u, 0x02010400u, 0x03010000u, 0x02010000u, 0x00140000u})
        EXPECT_FALSE(describe(k2007, id)) << id_text(k2007, id);
    for (const std::uint32_t id : {0x9c10u, 0x9210u, 0x9030u, 0x9000u, 0xb614u, 0x8010u, 0x19010u})
        EXPECT_FALSE(describe(k1997, id)) << id_text(k1997, id);
}

// Each name leads to an identifier that has the name, and back to the bytes it came from.
TEST(Dlt645Items, NamesLeadBack) {
    for (const Standard standard : {k2007, k1997}) {
        const auto& names = known_names(standard);
        EXPECT_GT(names.size(), standard == k2007 ? 1000u : 300u);
        for (const Part& known : names) {
            const auto address = parse_address(standard, known.name);
            ASSERT_TRUE(address) << address.error().text();
            const auto item = describe(standard, address->id);
            ASSERT_TRUE(item);
            EXPECT_EQ(address->part == 0 ? item->name : item->parts.at(address->part - 1u).name, known.name);
            EXPECT_FALSE(known.zh.empty() || known.en.empty());
            std::vector<std::optional<Value>> values;
            for (const Part& part : item->parts) {
                using Kind = Format::Kind;
                if (values.size() % 5 == 4)
                    values.emplace_back();
                else if (part.format.kind == Kind::number && part.format.decimals > 0)
                    values.emplace_back(1.5 / (part.format.decimals > 3 ? 10 : 1));
                else if (part.format.kind == Kind::number || part.format.kind == Kind::bits)
                    values.emplace_back(std::int64_t{12});
                else if (part.format.kind != Kind::clock)
                    values.emplace_back(std::string(part.format.bytes, '7'));
                else
                    values.emplace_back();
            }
            const auto bytes = encode_item(*item, values);
            ASSERT_TRUE(bytes) << known.name << ": " << bytes.error().text();
            const auto decoded = decode_item(*item, *bytes);
            ASSERT_TRUE(decoded) << known.name << ": " << decoded.error().text();
            ASSERT_EQ(decoded->size(), values.size());
            EXPECT_EQ(to_hex(encode_item(*item, values).value()), to_hex(*bytes));
        }
    }
}

TEST(Dlt645Items, BlocksMayBeShort) {
    auto f = [](Standard standard, std::uint32_t id, std::string_view bytes, std::string_view want) {
        const auto values = decode_item(describe(standard, id).value(), hex(bytes));
        std::string text;
        if (values)
            for (const auto& one : *values)
                text += fmt::format("{} ", one.value ? gongshu::to_string(*one.value) : "-");
        EXPECT_EQ(values ? text : values.error().text(), want);
    };
    f(k2007, 0x0201ff00, "0723 FFFF FFFF", "230.7 - - ");
    f(k2007, 0x0201ff00, "0723", "230.7 ");
    f(k2007, 0x0001ff00, "00010000 50000000 50000000", "1 0.5 0.5 ");
    f(k2007, 0x01010000, "345602 1512310326", "2.5634 2026-03-31 12:15 ");
    f(k2007, 0x01010000, "345602", "2.5634 ");
    f(k1997, 0x901f, "00010000 50000000 AA", "1 0.5 ");
    const char* end = "; if this meter has another format, write it behind the identifier, as in";
    f(k2007, 0x0201ff00, "0723 FF", fmt::format("0201FF00 came with 3 bytes, expected 4{} 0201FF00/XX.XX", end));
    f(k2007, 0x02010100, "072300", fmt::format("02010100 came with 3 bytes, expected 2{} 02010100/XX.XX", end));
    f(k2007, 0x02010100, "", fmt::format("02010100 came with 0 bytes, expected 2{} 02010100/XX.XX", end));
    f(k2007, 0x0201ff00, "0723 0A23", "voltage_b: 0x0a23 is no BCD number: a digit is over 9");
}

TEST(Dlt645Address, AsPeopleTypeThem) {
    auto f = [](Standard standard, std::string_view text, std::uint32_t id, unsigned part) {
        const auto address = parse_address(standard, text);
        ASSERT_TRUE(address) << address.error().text();
        EXPECT_EQ(id_text(standard, address->id), id_text(standard, id)) << text;
        EXPECT_EQ(address->part, part) << text;
    };
    f(k2007, "00010000", 0x00010000, 1);
    f(k2007, "0001FF00", 0x0001ff00, 0);
    f(k2007, "0001ff00.3", 0x0001ff00, 3);
    f(k2007, "forward_active_total", 0x00010000, 1);
    f(k2007, "forward_active_all", 0x0001ff00, 0);
    f(k2007, "forward_active_total@1", 0x00010001, 1);
    f(k2007, "forward_active_peak@12", 0x0001020c, 1);
    f(k2007, "forward_active_demand@2", 0x01010002, 1);
    f(k2007, "forward_active_demand_time@2", 0x01010002, 2);
    f(k2007, "01010000.time", 0x01010000, 2);
    f(k2007, "01010000.2", 0x01010000, 2);
    f(k2007, "028000FE/XX.XX", 0x028000fe, 1);
    f(k2007, "voltage_b", 0x02010200, 1);
    f(k1997, "9010", 0x9010, 1);
    f(k1997, "forward_active_total", 0x9010, 1);
    f(k1997, "forward_active_demand_time@1", 0xb410, 1);
    f(k1997, "forward_active_total@2", 0x9810, 1);
    f(k1997, "B640/XX.XXXX", 0xb640, 1);

    auto g = [](Standard standard, std::string_view text, std::string_view why) {
        const auto address = parse_address(standard, text);
        ASSERT_FALSE(address) << text;
        EXPECT_NE(address.error().text().find(why), std::string::npos) << address.error().text();
    };
    g(k2007, "",
      "the name is not known; expected an identifier such as 00010000 or a name such as forward_active_total");
    g(k2007, "9010", "the name is not known");
    g(k1997, "00010000", "the name is not known");
    g(k1997, "nothing", "expected an identifier such as 9010");
    g(k2007, "forward_active_total@13", "behind @ stands a number from 1 to 12");
    g(k2007, "forward_active_total@", "behind @ stands a number from 1 to 12");
    g(k1997, "forward_active_total@3", "behind @ stands a number from 1 to 2");
    g(k2007, "voltage_a@1", "only energies and demands are kept for settlement days");
    g(k1997, "programming_count@1", "only energies and demands are kept for settlement days");
    g(k2007, "0201FF00.4", "behind the point stands a number from 1 to 3, or time for a demand's");
    g(k2007, "02010100.time", "behind the point stands a number from 1 to 1");
    g(k2007, "0201FF00.", "nothing stands behind the point");
    g(k2007, "FF010000", "its first byte must not be FF");
    g(k2007, "028000FE", "what it stands for is not known here; write its format behind it, as in 028000FE/XX.XX");
    g(k2007, "028000FE/YY", "\"YY\" is no format of a meter's value");
    g(k2007, "028000FE.1/XX", "either a part or a format");
    g(k2007, "voltage_a/XX.XX", "a format stands behind identifiers only");
}

TEST(Dlt645Address, ValuesOfProperties) {
    auto f = [](std::string_view text, std::string_view bytes, ValueType type, std::string_view want) {
        const auto value = decode_property(k2007, parse_address(k2007, text).value(), hex(bytes), type);
        EXPECT_EQ(!value               ? value.error().text()
                  : value->has_value() ? gongshu::to_string(**value)
                                       : "nothing",
                  want)
            << text;
    };
    f("00010000", "78563412", kNumber, "123456.78");
    f("00010000", "00560000", kInteger, "56");
    f("00010000", "01560000", kInteger, "00010000 is 56.01, which is not exactly a integer");
    f("00010000", "78563412", kText, "123456.78");
    f("02030000", "000080", kNumber, "0");
    f("02030000", "560482", kNumber, "-2.0456");
    f("0001FF00", "00010000 50000000", kText, "1 0.5");
    f("0001FF00", "00010000 50000000", kNumber,
      "0001FF00 is a block of 2 values; choose one of them, as in 0001FF00.1, or make the property a text");
    f("0001FF00.2", "00010000 50000000", kNumber, "0.5");
    f("0001FF00.3", "00010000 50000000", kNumber, "nothing");
    f("0201FF00.2", "0723 FFFF FFFF", kNumber, "nothing");
    f("0201FF00", "0723 FFFF FFFF", kText, "230.7 - -");
    f("01010000.time", "345602 1512310326", kText, "2026-03-31 12:15");
    f("04000501", "0100", ValueType::boolean, "true");
    f("04000501", "0200", ValueType::boolean, "04000501 is 2, which is not exactly a boolean");
    f("028000FE/XX.XX", "3412", kNumber, "12.34");
    f("028000FE/XX.XX", "34", kNumber,
      "028000FE came with 1 bytes, expected 2; if this meter has another format, write it behind the identifier, as in "
      "028000FE/XX.XX");
    f("028000FE/XX.XX", "FFFF", kNumber, "nothing");
}

}  // namespace
}  // namespace gongshu::wire::dlt645
