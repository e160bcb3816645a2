// Whatever comes in: no crash, no more than a frame kept, any split gives the same messages, and what decodes encodes
// to the same request. The first byte chooses the connection; the rest is what is received and, as text, an address.
#include "base/assert.h"
#include "wire/mc_plan.h"

using namespace gongshu;
using namespace gongshu::wire;
using namespace gongshu::wire::mc;

namespace {

Link link_of(std::uint8_t chosen) {
    return {static_cast<Frame>(chosen % 3),
            static_cast<Coding>(chosen / 3 % 3),
            static_cast<Family>(chosen / 9 % 5),
            {},
            16};
}

void check_request(const Link& link, Bytes body) {
    const auto request = decode_request(link, body);
    if (!request) return;
    const auto frame = encode_request(link, 7, *request);
    if (!frame) {
        ASSERT(frame.error().code() == Code::unsupported);
        return;
    }
    FrameDecoder decoder{link, FrameDecoder::Side::server};
    std::size_t messages = 0;
    const auto fed = decoder.feed(*frame, [&](const Message& message) {
        const auto again = decode_request(link, message.body);
        ASSERT(again && *again == *request);
        return ++messages > 0;
    });
    ASSERT(fed && messages == 1);
    (void)encode_refusal(link, 7, body, 0xc059);
}

void check_reply(const Link& link, Bytes body) {
    const Request asked[] = {
        {Command::read_words, {{{melsec::DeviceCode::D, 0}, 2}}, {}, {}},
        {Command::read_bits, {{{melsec::DeviceCode::M, 0}, 3}}, {}, {}},
        {Command::read_model, {}, {}, {}},
        {Command::write_bits, {{{melsec::DeviceCode::M, 0}, 1}}, {}, {1}},
        {Command::read_random, {{{melsec::DeviceCode::D, 0}, 1}, {{melsec::DeviceCode::D, 9}, 2}}, {}, {}}};
    for (const Request& request : asked) {
        const auto reply = decode_reply(link, request, body);
        if (reply && reply->end_code != 0) (void)refusal(link, request, *reply);
        if (reply && reply->end_code == 0 && !request.spans.empty()) (void)encode_reply(link, 7, request, *reply);
    }
}

std::vector<Buffer> messages_of(const Link& link, FrameDecoder::Side side, Bytes bytes, std::size_t step, bool& fine) {
    FrameDecoder decoder{link, side};
    decoder.expect({Command::read_words, {{{melsec::DeviceCode::D, 0}, 2}}, {}, {}});
    std::vector<Buffer> bodies;
    fine = true;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const auto result =
            decoder.feed(bytes.subspan(at, std::min(step, bytes.size() - at)), [&](const Message& message) {
                bodies.emplace_back(message.body.begin(), message.body.end());
                return true;
            });
        fine = fine && result.has_value();
        ASSERT(decoder.buffered_bytes() <= FrameDecoder::kFrameBytesMax);
    }
    return bodies;
}

void check_address(melsec::Family family, std::string_view text) {
    const auto address = melsec::parse_address(text, family);
    if (!address) return;
    const auto again = melsec::parse_address(melsec::to_string(*address, family), family);
    ASSERT(again && *again == *address);
    for (int encoding = 0; encoding <= static_cast<int>(modbus::Encoding::text); ++encoding) {
        const auto layout = melsec::layout_of(*address, family, static_cast<modbus::Encoding>(encoding), 5);
        if (layout) ASSERT(melsec::plan_blocks({{address->place, layout->points, 0}}, family, {}).size() == 1);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    if (bytes == 0) return 0;
    const Link link = link_of(data[0]);
    const Bytes input{data + 1, bytes - 1};
    for (const auto side : {FrameDecoder::Side::client, FrameDecoder::Side::server}) {
        bool fine = true, fine_pieces = true;
        const auto whole = messages_of(link, side, input, input.size() + 1, fine);
        const auto pieces = messages_of(link, side, input, 1, fine_pieces);
        ASSERT(fine == fine_pieces && whole == pieces);
        for (const Buffer& body : whole)
            side == FrameDecoder::Side::client ? check_reply(link, body) : check_request(link, body);
    }
    check_request(link, input);
    check_reply(link, input);
    check_address(link.family, as_text(input));
    return 0;
}
