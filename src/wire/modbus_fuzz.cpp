// Whatever comes in: no crash, no more than a frame kept, and what decodes encodes to the same bytes.
#include "base/assert.h"
#include "wire/modbus.h"

using namespace gongshu;
using namespace gongshu::wire::modbus;

namespace {

void check_pdu(Bytes pdu) {
    if (const auto request = decode_request(pdu)) {
        const auto frame = encode_request(7, 1, *request);
        ASSERT(frame.has_value());
        const auto again = decode_request(Bytes(*frame).subspan(kMbapBytes));
        ASSERT(again && *again == *request);
    }
    for (const int code : {1, 2, 3, 4, 5, 6, 15, 16}) {
        Request asked;
        asked.function = static_cast<Function>(code);
        asked.count = pdu.size() > 1 ? static_cast<std::uint16_t>(1 + pdu[1] / 2) : std::uint16_t{1};
        asked.registers = {1};
        asked.bits = {1};
        const auto reply = decode_reply(asked, pdu);
        if (!reply || reply->exception || reply->registers.empty()) continue;
        for (int encoding = 0; encoding <= static_cast<int>(Encoding::text); ++encoding) {
            ValueCodec codec;
            codec.encoding = static_cast<Encoding>(encoding);
            codec.order = static_cast<WordOrder>(pdu.size() % 4);
            codec.text_registers = static_cast<std::uint16_t>(reply->registers.size());
            codec.scale = pdu.size() % 3 == 0 ? 0.1 : 1;
            const std::size_t words = register_count(codec);
            if (words > reply->registers.size()) continue;
            const std::span<const std::uint16_t> head{reply->registers.data(), words};
            for (const ValueType type : {ValueType::number, ValueType::integer, ValueType::boolean, ValueType::text})
                if (const auto value = decode_value(codec, head, type)) (void)encode_value(codec, *value, head[0]);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const Bytes input{data, bytes};
    FrameDecoder whole, pieces;
    std::size_t frames_whole = 0, frames_pieces = 0;
    const bool fine = whole
                          .feed(input,
                                [&](const Frame& frame) {
                                    ++frames_whole;
                                    check_pdu(frame.pdu);
                                    return true;
                                })
                          .has_value();
    bool fine_pieces = true;
    for (const std::uint8_t byte : input) {
        fine_pieces =
            pieces.feed({&byte, 1}, [&](const Frame&) { return ++frames_pieces > 0; }).has_value() && fine_pieces;
        ASSERT(pieces.buffered_bytes() <= kMbapBytes + kPduBytesMax);
    }
    ASSERT(fine == fine_pieces && frames_whole == frames_pieces);
    check_pdu(input);
    return 0;
}
