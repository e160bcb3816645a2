// Whatever comes in: no crash, less than a message kept, the same messages whatever the pieces; what decodes encodes to the
// same. A text up to a line end is an address.
#include "base/assert.h"
#include "wire/fins.h"

using namespace gongshu;
using namespace gongshu::wire::fins;

namespace {

void check_frame(Bytes frame) {
    const auto header = decode_header(frame);
    const auto request = decode_request(frame);
    if (header && request) {
        const auto again = encode_request(*header, *request);
        ASSERT(again && decode_request(*again) == request);
        Reply reply;
        if (!request->writes && request->bit) reply.bits.assign(request->count, 1);
        if (!request->writes && !request->bit) reply.words.assign(request->count, 0x1234);
        const Buffer answer = encode_reply(frame, reply);
        ASSERT(decode_reply(*request, answer).value() == reply);
        ASSERT(!refusal(*request, 0x1101).text().empty());
    }
    for (const bool writes : {false, true}) {
        Request asked{writes, {Area::d, 0, 100}, std::nullopt, 1, {}, {}};
        if (writes) asked.words = {1};
        const auto reply = decode_reply(asked, frame);
        if (reply && !is_done(reply->end_code)) (void)refusal(asked, reply->end_code);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const Bytes input{data, bytes};
    check_frame(input);
    TcpDecoder whole, pieces;
    std::vector<std::pair<std::uint32_t, Buffer>> of_whole, of_pieces;
    const auto take = [](auto& list) {
        return [&list](const TcpMessage& message) {
            list.emplace_back(message.command, Buffer(message.data.begin(), message.data.end()));
            (void)decode_nodes(message);
            check_frame(message.data);
            return true;
        };
    };
    const auto at_once = whole.feed(input, take(of_whole));
    Result<void> by_bytes;
    for (std::size_t i = 0; i < bytes && by_bytes; ++i) {
        by_bytes = pieces.feed(input.subspan(i, 1), take(of_pieces));
        ASSERT(!by_bytes || pieces.buffered_bytes() < TcpDecoder::kTcpBytesMax);
    }
    ASSERT(at_once.has_value() == by_bytes.has_value() && of_whole == of_pieces);
    const std::string_view text = as_text(input).substr(0, as_text(input).find('\n'));
    if (const auto address = parse_address(text)) {
        ASSERT(parse_address(to_string(*address)).value() == *address);
        for (const bool boolean : {false, true}) (void)layout_of(*address, {}, boolean);
    }
    return 0;
}
