// Whatever comes in: no crash, less than a frame kept, the same frames whatever the pieces; what decodes encodes to the
// same bytes. The first byte chooses the edition; a second half as text is an address of a property.
#include "base/assert.h"
#include "wire/dlt645.h"

using namespace gongshu;
using namespace gongshu::wire::dlt645;

namespace {

void check_frame(Standard standard, const Frame& frame) {
    FrameDecoder decoder;
    int found = 0;
    decoder.feed(encode_frame(frame, 2), [&](const Frame& again) { found += again == frame; });
    ASSERT(found == 1 && decoder.buffered_bytes() == 0);
    if (const auto request = decode_request(standard, frame); request && request->kind != Request::Kind::other) {
        const auto bytes = encode_request(standard, *request);
        if (bytes)
            decoder.feed(*bytes, [&](const Frame& again) { ASSERT(decode_request(standard, again) == *request); });
    }
    for (const auto kind : {Request::Kind::read, Request::Kind::read_more, Request::Kind::read_address}) {
        std::uint32_t id = 0;
        const std::size_t id_bytes = standard == Standard::of_2007 ? 4 : 2;
        for (std::size_t i = std::min(id_bytes, frame.data.size()); i-- > 0;) id = id << 8 | frame.data[i];
        const Request asked{kind, frame.address, id, frame.data.empty() ? std::uint8_t{1} : frame.data.back()};
        const auto answer = decode_answer(standard, asked, frame);
        if (!answer || answer->error) continue;
        if (const auto item = describe(standard, id)) (void)decode_item(*item, answer->value);
    }
}

void check_address(Standard standard, std::string_view text, Bytes value) {
    const auto address = parse_address(standard, text);
    if (!address) {
        ASSERT(!address.error().text().empty());
        return;
    }
    for (const ValueType type : {ValueType::number, ValueType::integer, ValueType::boolean, ValueType::text})
        (void)decode_property(standard, *address, value, type);
    if (!address->format || value.size() != address->format->bytes) return;
    const auto decoded = decode_value(*address->format, value);
    if (!decoded) return;
    const auto bytes = encode_value(*address->format, *decoded);
    if (!bytes) return;
    ASSERT(bytes->size() == value.size());
    const auto again = decode_value(*address->format, *bytes);
    ASSERT(again && *again == *decoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    if (bytes == 0) return 0;
    const auto standard = static_cast<Standard>(data[0] % 2);
    const Bytes input{data + 1, bytes - 1};
    FrameDecoder whole, pieces;
    std::vector<Frame> of_whole, of_pieces;
    whole.feed(input, [&](const Frame& frame) { of_whole.push_back(frame); });
    for (const std::uint8_t byte : input) {
        pieces.feed({&byte, 1}, [&](const Frame& frame) { of_pieces.push_back(frame); });
        ASSERT(pieces.buffered_bytes() < kFrameBytesMax);
    }
    ASSERT(of_whole == of_pieces);
    for (const Frame& frame : of_whole) check_frame(standard, frame);
    const std::string_view text = as_text(input);
    const std::size_t end = text.find('\n');
    if (end != std::string_view::npos) check_address(standard, text.substr(0, end), input.subspan(end + 1));
    (void)parse_meter_address(text.substr(0, 20));
    (void)parse_format(text.substr(0, end));
    return 0;
}
