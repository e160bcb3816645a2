// Whatever comes in: no crash, no more than a message kept, any split gives the same pieces, and what decodes encodes
// to the same request.
#include "base/assert.h"
#include "wire/fx_port.h"

using namespace gongshu;
using namespace gongshu::wire::fx;

namespace {

void check_text(Bytes text) {
    (void)decode_words({Command::read, false, 0x1000, 4, {}}, text);
    const auto request = decode_request(text);
    if (!request) return;
    std::size_t pieces = 0;
    Decoder decoder;
    const auto fed = decoder.feed(encode_request(*request), [&](const Decoder::Piece& piece) {
        const auto again = decode_request(piece.text);
        ASSERT(piece.control == 0 && again && *again == *request);
        ++pieces;
    });
    ASSERT(fed && pieces == 1);
    for (const Family family : {Family::fx, Family::fx3}) {
        (void)find_relay(*request, family);
        const auto found = find_byte(request->address, request->extended, family);
        if (!found || found->byte != 0) continue;
        const std::uint16_t words = gongshu::wire::melsec::range_of(found->place, family).words;
        const auto again = read_words({found->place, words}, family);
        if (again && again->extended == request->extended) ASSERT(again->address == request->address);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const Bytes input{data, bytes};
    Decoder pieces;
    std::size_t count_pieces = 0, count_whole = 0;
    bool fine = true;
    for (const std::uint8_t byte : input) {
        fine = pieces.feed({&byte, 1}, [&](const Decoder::Piece&) { ++count_pieces; }).has_value() && fine;
        ASSERT(pieces.buffered_bytes() <= Decoder::kMessageBytesMax);
    }
    Decoder whole;
    const auto fed = whole.feed(input, [&](const Decoder::Piece& piece) {
        ++count_whole;
        if (piece.control == 0) check_text(piece.text);
    });
    // After an error the whole is dropped, the pieces go on.
    ASSERT(fed.has_value() == fine && (!fine || count_whole == count_pieces));
    check_text(input);
    return 0;
}
