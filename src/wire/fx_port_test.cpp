#include "wire/fx_port.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire::fx {
namespace {

using melsec::DeviceCode;

// What lies between STX and ETX, the sum after it.
std::string inside(const Buffer& message) {
    EXPECT_EQ(message.front(), 0x02);
    EXPECT_EQ(message[message.size() - 3], 0x03);
    return std::string{as_text(Bytes(message).subspan(1, message.size() - 4))} + " " +
           std::string{as_text(Bytes(message).last(2))};
}

Span span(const char* text, std::uint16_t points, Family family = Family::fx) {
    return {melsec::parse_address(text, family).value().place, points};
}

// "Mitsubishi FX Series PLC Programming Port Communication Protocol Overview", its examples with their sums.
TEST(FxPort, ExamplesThatArePrinted) {
    EXPECT_EQ(inside(encode_request(read_words(span("D123", 2), Family::fx).value())), "010F604 74");
    EXPECT_EQ(inside(encode_request({Command::read, false, 0x01e0, 1, {}})), "001E001 6A");
    EXPECT_EQ(inside(encode_request(read_model())), "00E0202 6C");
    EXPECT_EQ(inside(encode_request({Command::read, false, 0x8000, 0x2e, {}})), "080002E 72");
    EXPECT_EQ(inside(encode_request({Command::read, true, 0x01c0, 1, {}})), "E0001C001 DD");
    EXPECT_EQ(inside(encode_data(Buffer{0x0a})), "0A 74");
    EXPECT_EQ(inside(encode_data(Buffer{0xc2, 0x56})), "C256 E3");
    EXPECT_EQ(inside(encode_data(Buffer{0x62, 0x66})), "6266 D7");
    EXPECT_EQ(decode_words(read_model(), as_bytes("C256")).value(), std::vector<std::uint16_t>{22210});
    EXPECT_EQ(describe_model(22210), "FX1S 2.10");
    EXPECT_EQ(describe_model(26210), "FX1N/FX3G 2.10");
    EXPECT_EQ(describe_model(24300), "FX2N/FX3U 3.00");
    EXPECT_EQ(describe_model(28100), "FX3S 1.00");
    EXPECT_EQ(describe_model(20107), "FX (20) 1.07");
}

TEST(FxPort, AddressesOfBothKinds) {
    auto f = [](Family family, const char* text, std::uint16_t words, bool extended, unsigned address) {
        const auto request = read_words(span(text, words, family), family);
        ASSERT_TRUE(request) << text << ": " << request.error().text();
        EXPECT_EQ(request->extended, extended) << text;
        EXPECT_EQ(request->address, address) << text;
        EXPECT_EQ(request->bytes, words * 2) << text;
        const auto found = find_byte(request->address, extended, family);
        ASSERT_TRUE(found) << text;
        EXPECT_EQ(to_string(found->place, family), text);
        EXPECT_EQ(found->byte, 0);
    };
    f(Family::fx, "D0", 1, false, 0x1000);
    f(Family::fx, "D123", 32, false, 0x10f6);
    f(Family::fx, "D8000", 1, false, 0x0e00);
    f(Family::fx, "TN3", 1, false, 0x0806);
    f(Family::fx, "CN0", 1, false, 0x0a00);
    f(Family::fx, "CN201", 2, false, 0x0c04);
    f(Family::fx, "X20", 1, false, 0x0082);
    f(Family::fx, "Y0", 1, false, 0x00a0);
    f(Family::fx, "M16", 1, false, 0x0102);
    f(Family::fx, "M8000", 1, false, 0x01e0);
    f(Family::fx, "S0", 1, false, 0x0000);
    f(Family::fx, "TS0", 1, false, 0x00c0);
    f(Family::fx, "TC0", 1, false, 0x02c0);
    f(Family::fx, "CS0", 1, false, 0x01c0);
    f(Family::fx, "CC0", 1, false, 0x03c0);
    f(Family::fx3, "D0", 1, true, 0x4000);
    f(Family::fx3, "D7999", 1, true, 0x7e7e);
    f(Family::fx3, "D8013", 1, true, 0x801a);
    f(Family::fx3, "TN511", 1, true, 0x13fe);
    f(Family::fx3, "CN199", 1, false, 0x0b8e);
    f(Family::fx3, "CN200", 2, false, 0x0c00);
    f(Family::fx3, "X0", 1, true, 0x8ca0);
    f(Family::fx3, "Y0", 1, true, 0x8bc0);
    f(Family::fx3, "M0", 1, true, 0x8800);
    f(Family::fx3, "M7664", 1, true, 0x8bbe);
    f(Family::fx3, "M8000", 1, true, 0x8c00);
    f(Family::fx3, "S0", 1, true, 0x8ce0);
    f(Family::fx3, "TS0", 1, true, 0x9360);
    f(Family::fx3, "CC0", 1, true, 0x92e0);
}

TEST(FxPort, ForceNamesARelay) {
    auto f = [](Family family, const char* text, bool on, const char* want) {
        const Place relay = melsec::parse_address(text, family).value().place;
        const Request request = force(relay, on, family).value();
        EXPECT_EQ(inside(encode_request(request)).substr(0, std::string_view{want}.size()), want) << text;
        const auto back = decode_request(as_bytes(want));
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(*back, request);
        EXPECT_EQ(find_relay(*back, family), relay) << text;
    };
    f(Family::fx, "Y0", true, "70005");
    f(Family::fx, "Y0", false, "80005");
    f(Family::fx, "X17", true, "70F04");
    f(Family::fx, "M0", true, "70008");
    f(Family::fx, "M1535", true, "7FF0D");
    f(Family::fx, "M8000", true, "7000F");
    f(Family::fx, "S5", true, "70500");
    f(Family::fx, "TS0", true, "70006");
    f(Family::fx, "CS0", true, "7000E");
    f(Family::fx3, "M0", true, "E70040");
    f(Family::fx3, "M1", false, "E80140");
    f(Family::fx3, "Y0", true, "E7005E");
    f(Family::fx3, "S0", true, "E70067");
}

TEST(FxPort, SaysWhatCannotBeAsked) {
    auto f = [](const Result<Request>& request, Code code, const char* want) {
        ASSERT_FALSE(request) << want;
        EXPECT_EQ(request.error().code(), code);
        EXPECT_NE(request.error().text().find(want), std::string::npos) << request.error().text();
    };
    f(read_words(span("D0", 33), Family::fx), Code::invalid,
      "D0: the programming port takes 1 to 32 words at once, not 33");
    f(read_words(span("D0", 0), Family::fx), Code::invalid, "not 0");
    f(read_words(span("D8255", 2), Family::fx), Code::invalid, "D8255: 2 points pass the last number");
    f(read_words(span("M8", 1), Family::fx), Code::invalid, "words of relays begin at a multiple of 16");
    f(read_words(span("CN200", 1), Family::fx), Code::invalid, "counters of 32 bits take two words each, not 1 words");
    f(read_words(span("R0", 1, Family::fx3), Family::fx3), Code::unsupported,
      "R0 cannot be reached by the programming port");
    f(read_words(span("D0", 1), Family::q_l), Code::unsupported, "the family q_l has no programming port of this kind");
    f(write_words({DeviceCode::D, 0}, std::vector<std::uint16_t>(33), Family::fx), Code::invalid, "not 33");
    f(force({DeviceCode::D, 0}, true, Family::fx), Code::invalid, "a word device has no bit units");
}

TEST(FxPort, ServerUnderstandsWhatTheClientSays) {
    auto f = [](const Result<Request>& sent) {
        ASSERT_TRUE(sent) << sent.error().text();
        Decoder decoder;
        int pieces = 0;
        ASSERT_TRUE(decoder.feed(encode_request(*sent), [&](const Decoder::Piece& piece) {
            ++pieces;
            EXPECT_EQ(decode_request(piece.text).value(), *sent);
        }));
        EXPECT_EQ(pieces, 1);
    };
    f(read_words(span("D0", 32), Family::fx));
    f(read_words(span("M0", 4, Family::fx3), Family::fx3));
    f(write_words({DeviceCode::D, 7}, std::vector<std::uint16_t>{0x1234, 0xabcd}, Family::fx));
    f(write_words({DeviceCode::D, 7}, std::vector<std::uint16_t>(32, 0xabcd), Family::fx3));
    f(force({DeviceCode::Y, 3}, true, Family::fx));
    auto bad = [](const char* text) { EXPECT_FALSE(decode_request(as_bytes(text))) << text; };
    for (const char* text :
         {"",        "0",       "9",       "E",         "E001",     "0100",       "0100004X",      "01000",
          "0100000", "0100041", "0100000", "010004100", "11000021", "1100002123", "11000021234AB", "70",
          "7000",    "700055",  "E7",      "E7004",     "010G004"})
        bad(text);
}

TEST(FxPort, DecoderTakesAnySplitAndSkipsNoise) {
    Buffer line{'x', 0x03, kEnq, kAck};
    const Buffer message = encode_data(Buffer{0x12, 0x34});
    for (int i = 0; i < 20; ++i) {
        line.insert(line.end(), message.begin(), message.end());
        line.push_back(kNak);
    }
    const Buffer cut{0x02, '1', '2'};  // a message that never ends is dropped when the next one begins
    line.insert(line.end(), cut.begin(), cut.end());
    line.insert(line.end(), message.begin(), message.end());
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Rng rng{seed};
        Decoder decoder;
        std::string got;
        for (std::size_t at = 0; at < line.size();) {
            const std::size_t bytes = std::min<std::size_t>(1 + rng.below(9), line.size() - at);
            ASSERT_TRUE(decoder.feed(Bytes(line).subspan(at, bytes), [&](const Decoder::Piece& piece) {
                got += piece.control == 0 ? std::string{as_text(piece.text)} : std::to_string(piece.control);
            }));
            at += bytes;
        }
        std::string want = "56";
        for (int i = 0; i < 20; ++i) want += "123421";
        EXPECT_EQ(got, want + "1234");
    }
}

TEST(FxPort, DecoderSaysWhatIsWrongWithTheLine) {
    auto f = [](Buffer bytes, const char* want) {
        Decoder decoder;
        const auto result = decoder.feed(bytes, [](const Decoder::Piece&) {});
        ASSERT_FALSE(result);
        EXPECT_NE(result.error().text().find(want), std::string::npos) << result.error().text();
        EXPECT_EQ(decoder.buffered_bytes(), 0u);
        int pieces = 0;
        EXPECT_TRUE(decoder.feed(encode_data(Buffer{1}), [&](const Decoder::Piece&) { ++pieces; })) << "begins anew";
        EXPECT_EQ(pieces, 1);
    };
    Buffer wrong = encode_data(Buffer{0x12});
    wrong.back() = '0';
    f(wrong, "the sum of a message of the programming port is wrong (0x66 expected): is the line disturbed?");
    f({0x82, 0x30}, "has 8 bits (0x82): set 7 data bits, even parity");
    Buffer endless(200, '0');
    endless[0] = 0x02;
    f(endless, "longer than 141 bytes");
    const Request two{Command::read, false, 0x1000, 4, {}};
    EXPECT_EQ(decode_words(two, as_bytes("34127856")).value(), (std::vector<std::uint16_t>{0x1234, 0x5678}));
    EXPECT_NE(decode_words(two, as_bytes("3412")).error().text().find("answers with 2 bytes, expected 4"),
              std::string::npos);
    EXPECT_NE(decode_words(two, as_bytes("3X127856")).error().text().find("not understood"), std::string::npos);
    EXPECT_NE(refusal(span("D0", 1), Family::fx).text().find("refuses D0 at its programming port (NAK)"),
              std::string::npos);
    EXPECT_NE(no_answer().text().find("9600 baud, 7 data bits"), std::string::npos);
}

}  // namespace
}  // namespace gongshu::wire::fx
