// Whatever comes on a line: no crash, less than a frame kept, and what is found is what was asked for.
#include "base/assert.h"
#include "wire/modbus_rtu.h"

using namespace gongshu;
using namespace gongshu::wire::modbus;

namespace {

Request asked_by(std::uint8_t byte) {
    static constexpr std::uint8_t kFunctions[] = {1, 2, 3, 4, 5, 6, 15, 16};
    Request asked;
    asked.function = static_cast<Function>(kFunctions[byte % 8]);
    asked.count = is_read(asked.function) ? static_cast<std::uint16_t>(1 + byte / 8) : std::uint16_t{1};
    asked.bits = {1};
    asked.registers = {1};
    return asked;
}

void check_replies(Bytes input, std::size_t piece) {
    const Request asked = asked_by(input[0]);
    RtuReplyDecoder decoder;
    decoder.expect(1, asked);
    std::size_t taken = 0;
    for (std::size_t at = 1; at < input.size(); at += piece) {
        decoder.feed(input.subspan(at, std::min(piece, input.size() - at)), [&](const RtuFrame& frame) {
            taken += frame.pdu.size() + kRtuExtraBytes;
            ASSERT(!frame.pdu.empty() && frame.pdu.size() <= kPduBytesMax);
            if (!frame.expected) return true;
            ASSERT(frame.unit == 1);
            const auto reply = decode_reply(asked, frame.pdu);
            // Its length fits; what a write echoes may not.
            ASSERT(reply || !is_read(asked.function));
            return true;
        });
        ASSERT(decoder.buffered_bytes() < kRtuBytesMax);
    }
    ASSERT(taken + decoder.noise_bytes() == input.size() - 1);
}

void check_requests(Bytes input, std::size_t piece) {
    RtuRequestDecoder decoder;
    for (std::size_t at = 0; at < input.size(); at += piece) {
        decoder.feed(input.subspan(at, std::min(piece, input.size() - at)), [&](const RtuFrame& frame) {
            const auto request = decode_request(frame.pdu);
            if (!request) return true;
            const auto again = encode_rtu_request(frame.unit, *request);
            ASSERT(again && again->size() == frame.pdu.size() + kRtuExtraBytes);
            return true;
        });
        ASSERT(decoder.buffered_bytes() < kRtuBytesMax);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    if (bytes == 0) return 0;
    const Bytes input{data, bytes};
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes}) {
        check_replies(input, piece);
        check_requests(input, piece);
    }
    return 0;
}
