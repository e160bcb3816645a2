// Whatever comes in: no crash, less than an answer kept, the same answer whatever the pieces; what decodes encodes to the
// same bytes. The first byte is the address; a text up to a line end is an address of a property.
#include "base/assert.h"
#include "wire/aibus.h"

using namespace gongshu;
using namespace gongshu::wire::aibus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    if (bytes < 2) return 0;
    const Bytes input{data + 2, bytes - 2};
    const Request asked{static_cast<std::uint8_t>(data[0] % (kAddressMax + 1)), (data[1] & 0x80) != 0,
                        static_cast<std::uint8_t>(data[1] & 0x7f), 25};
    AnswerDecoder whole, pieces;
    whole.expect(asked);
    pieces.expect(asked);
    const auto at_once = whole.feed(input);
    std::optional<Answer> by_bytes;
    for (const std::uint8_t byte : input) {
        const auto found = pieces.feed({&byte, 1});
        if (!by_bytes) by_bytes = found;
        ASSERT(pieces.buffered_bytes() < kAnswerBytes);
    }
    ASSERT(at_once == by_bytes);
    if (at_once) {
        const Buffer frame = encode_answer(asked.address, *at_once);
        ASSERT(decode_answer(asked.address, frame).value() == *at_once);
    }
    for (std::size_t at = 0; at + kRequestBytes <= input.size(); ++at) {
        const Bytes frame = input.subspan(at, kRequestBytes);
        const auto request = decode_request(frame);
        if (!request) continue;
        const Buffer again = encode_request(*request);
        ASSERT(decode_request(again).value() == *request);
    }
    const std::string_view text = as_text(input).substr(0, as_text(input).find('\n'));
    if (const auto place = parse_place(text)) ASSERT(parse_place(to_string(*place)).value() == *place);
    if (const auto station = parse_station(text)) ASSERT(*station <= kAddressMax);
    return 0;
}
