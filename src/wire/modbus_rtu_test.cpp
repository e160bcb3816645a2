#include "wire/modbus_rtu.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire::modbus {
namespace {

Buffer hex(std::string_view text) {
    Buffer bytes;
    std::string digits;
    for (const char c : text)
        if (c != ' ') digits += c;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

Request read(std::uint16_t address, std::uint16_t count, Function function = Function::read_holding_registers) {
    return {function, address, count, {}, {}};
}

Reply registers(std::vector<std::uint16_t> values) {
    Reply reply;
    reply.count = static_cast<std::uint16_t>(values.size());
    reply.registers = std::move(values);
    return reply;
}

// What a decoder finds: "1:0304…" of what is expected, "(2:0302…)" of others.
std::string found_in(RtuReplyDecoder& decoder, Bytes bytes, std::size_t piece = 1000) {
    std::string found;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        decoder.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)), [&](const RtuFrame& frame) {
            const std::string text = fmt::format("{}:{}", frame.unit, to_hex(frame.pdu));
            found += frame.expected ? text : "(" + text + ")";
            return true;
        });
    return found;
}

Buffer operator+(Buffer a, const Buffer& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

TEST(ModbusRtu, FramesAsOtherProgramsMakeThem) {
    auto f = [](std::uint8_t unit, const Request& request, std::string_view want) {
        const auto frame = encode_rtu_request(unit, request);
        ASSERT_TRUE(frame) << frame.error().text();
        EXPECT_EQ(to_hex(*frame), to_hex(hex(want)));
    };
    f(1, read(0, 10), "01 03 0000 000A C5CD");
    f(0x11, read(0x6b, 3), "11 03 006B 0003 7687");
    f(1, read(0, 1, Function::read_coils), "01 01 0000 0001 FDCA");
    f(0x11, {Function::write_register, 1, 1, {}, {3}}, "11 06 0001 0003 9A9B");
    f(1, {Function::write_registers, 1, 2, {}, {10, 0x102}}, "01 10 0001 0002 04 000A 0102 9230");
    EXPECT_EQ(rtu_crc(hex("0102030405060708")), 0xcfb0);
    EXPECT_EQ(to_hex(encode_rtu_reply(1, refusal(Function::read_coils, Exception::illegal_address))), "018102c191");
    EXPECT_FALSE(encode_rtu_request(1, read(0, 126)));
}

TEST(ModbusRtu, TheReplyIsFoundInWhateverComes) {
    const Buffer good = encode_rtu_reply(1, registers({7, 8})), other = encode_rtu_reply(2, registers({9})),
                 late = encode_rtu_reply(1, registers({1, 2, 3})),
                 refused = encode_rtu_reply(1, refusal(Function::read_holding_registers, Exception::busy));
    Buffer broken = good;
    broken[4] ^= 0x10;
    const Buffer half(good.begin(), good.begin() + 5);
    auto f = [](const char* what, const Buffer& bytes, const std::string& want) {
        for (const std::size_t piece : {1000u, 1u, 3u}) {
            SCOPED_TRACE(fmt::format("{} by {}", what, piece));
            RtuReplyDecoder decoder;
            decoder.expect(1, read(0, 2));
            EXPECT_EQ(found_in(decoder, bytes, piece), want);
        }
    };
    f("as it should be", good, "1:030400070008");
    f("an exception", refused, "1:8306");
    f("noise before", hex("00FF0103") + good, "1:030400070008");
    f("noise that begins like a reply", hex("010304") + good, "1:030400070008");
    f("a wrong CRC, then the right one", broken + good, "1:030400070008");
    f("half of one, then all of it", half + good, "1:030400070008");
    f("half of one", half, "");
    f("a wrong CRC", broken, "");
    f("another unit first", other + good, "(2:03020009)1:030400070008");
    f("another length first", late + good, "(1:0306000100020003)1:030400070008");
    f("the echo of the request, as some adapters give it", encode_rtu_request(1, read(0, 2)).value() + good,
      "1:030400070008");
    f("a heartbeat before and behind", hex("70696E67") + good + hex("70696E67"), "1:030400070008");
}

TEST(ModbusRtu, EveryFunctionIsFound) {
    const Request requests[] = {read(0, 19, Function::read_coils),
                                read(0, 8, Function::read_discrete_inputs),
                                read(5, 125),
                                read(5, 1, Function::read_input_registers),
                                {Function::write_coil, 3, 1, {1}, {}},
                                {Function::write_register, 3, 1, {}, {77}},
                                {Function::write_coils, 3, 3, {1, 0, 1}, {}},
                                {Function::write_registers, 3, 2, {}, {1, 2}}};
    for (const Request& request : requests) {
        Reply reply;
        reply.function = request.function;
        reply.address = request.address;
        reply.count = request.count;
        reply.bits = request.bits;
        reply.registers = request.registers;
        if (is_read(request.function) && is_bits(request.function)) reply.bits.assign(request.count, 1);
        if (is_read(request.function) && !is_bits(request.function)) reply.registers.assign(request.count, 0x0103);
        RtuReplyDecoder decoder;
        decoder.expect(9, request);
        int found = 0;
        decoder.feed(hex("0903") + encode_rtu_reply(9, reply), [&](const RtuFrame& frame) {
            EXPECT_TRUE(frame.expected);
            EXPECT_TRUE(decode_reply(request, frame.pdu));
            ++found;
            return true;
        });
        EXPECT_EQ(found, 1) << static_cast<int>(request.function);
        RtuRequestDecoder server;
        server.feed(hex("0905") + encode_rtu_request(9, request).value() + encode_rtu_request(9, request).value(),
                    [&](const RtuFrame& frame) {
                        EXPECT_EQ(frame.unit, 9);
                        EXPECT_EQ(decode_request(frame.pdu).value(), request);
                        ++found;
                        return true;
                    });
        EXPECT_EQ(found, 3) << static_cast<int>(request.function);
    }
}

TEST(ModbusRtu, NothingThatIsNotAskedForIsExpected) {
    const Buffer good = encode_rtu_reply(1, registers({7, 8}));
    RtuReplyDecoder decoder;
    EXPECT_EQ(found_in(decoder, good), "(1:030400070008)");
    decoder.expect(1, read(0, 2));
    EXPECT_EQ(found_in(decoder, hex("0103")), "");
    EXPECT_EQ(decoder.noise_bytes(), 2u) << "of which nobody knows yet what they are";
    decoder.expect(1, read(0, 2));
    EXPECT_EQ(found_in(decoder, hex("0400070008") + hex("4BF4")), "") << "what came before is forgotten";
    decoder.reset();
    EXPECT_EQ(found_in(decoder, good), "(1:030400070008)");
}

// The noise is as bad as it can be: of a hundred thousand beginnings that look right one has a CRC that fits by chance.
TEST(ModbusRtu, AnyNoiseLeavesTheReplyAndBoundsMemory) {
    Rng rng{11};
    std::size_t by_chance = 0;
    for (int round = 0; round < 300; ++round) {
        const auto count = static_cast<std::uint16_t>(1 + rng.below(125));
        RtuReplyDecoder decoder;
        decoder.expect(3, read(0, count));
        std::vector<std::uint16_t> values(count);
        for (auto& value : values) value = static_cast<std::uint16_t>(rng.below(0x10000));
        Buffer bytes;
        for (std::size_t left = rng.below(600); left > 0; --left)
            bytes.push_back(rng.chance(0.5)   ? static_cast<std::uint8_t>(rng.below(256))
                            : rng.chance(0.5) ? std::uint8_t{3}
                                              : static_cast<std::uint8_t>(count * 2));
        const std::size_t noise = bytes.size();
        bytes = bytes + encode_rtu_reply(3, registers(values));
        std::size_t right = 0, others = 0;
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t piece = std::min<std::size_t>(1 + rng.below(40), bytes.size() - at);
            decoder.feed(Bytes(bytes).subspan(at, piece), [&](const RtuFrame& frame) {
                const bool is_it =
                    frame.expected && decode_reply(read(0, count), frame.pdu).value().registers == values;
                ++(is_it ? right : others);
                return true;
            });
            at += piece;
            ASSERT_LT(decoder.buffered_bytes(), kRtuBytesMax);
        }
        by_chance += others;
        if (others != 0) continue;
        ASSERT_EQ(right, 1u) << "round " << round << ", " << noise << " bytes of noise";
        ASSERT_EQ(decoder.noise_bytes(), noise);
    }
    EXPECT_LE(by_chance, 8u);
}

}  // namespace
}  // namespace gongshu::wire::modbus
