// Whatever comes in: no crash, no more than a frame kept, what decodes encodes to the same.
#include "base/assert.h"
#include "wire/iec104_client.h"
#include "wire/iec104_point.h"

using namespace gongshu;
using namespace gongshu::wire::iec104;

namespace {

void check_asdu(Bytes bytes) {
    const auto asdu = decode_asdu(bytes);
    if (!asdu) return;
    ASSERT(asdu->objects.size() <= kObjectsMax);
    const auto again = encode_asdu(*asdu);
    ASSERT(again && again->size() == bytes.size());
    // By bytes: a real may be no number, which is not equal to itself.
    ASSERT(encode_asdu(decode_asdu(*again).value()).value() == *again);
    for (const Object& object : asdu->objects) {
        (void)number_of(asdu->type, object);
        (void)quality_of(asdu->type, object);
        const auto time = object.time ? time_of(*object.time) : std::nullopt;
        ASSERT(!time || *time < 0 || time_of(to_time(*time).value()) == time);
    }
    (void)refusal(*asdu);
}

void check_frame(const Frame& frame) {
    FrameDecoder again;
    const Buffer bytes = encode_frame(frame);
    const auto fed = again.feed(bytes, [&](const Frame& same) {
        ASSERT(same.index() == frame.index() && encode_frame(same) == bytes);
        return true;
    });
    ASSERT(fed.has_value());
    if (const auto* information = std::get_if<Information>(&frame)) check_asdu(information->asdu);
}

// A client that waits for answers gets the bytes for them.
void check_client(Bytes bytes) {
    Client client({.k = 3, .w = 2, .requests_max = 4});
    (void)client.begin(0);
    (void)client.feed(encode_frame(Unnumbered{Function::start_con}), 0);
    Object object;
    object.address = 0x6001;
    object.number = 1;
    std::size_t open = 0, over = 0;
    const auto take = [&](const Turn& turn) {
        for (const Event& event : turn.events)
            if (const auto* progress = std::get_if<Progress>(&event)) over += progress->stage >= Stage::ended;
    };
    open += client.command({.object = object, .select_first = true}).has_value();
    open += client.interrogate(1).has_value();
    open += client.read(1, 0x4001).has_value();
    take(client.tick(0));
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t piece = std::min<std::size_t>(1 + bytes[i] % 32, bytes.size() - i);
        take(client.feed(bytes.subspan(i, piece), static_cast<DurationNs>(i) * kMillisecond));
        take(client.tick(static_cast<DurationNs>(i) * 100 * kMillisecond));
        i += piece;
    }
    take(client.lose(Error{Code::io, "over"}));
    ASSERT(open == 3 && over == open && !client.due());
}

void check_address(std::string_view text) {
    const auto address = parse_address(text);
    if (address) ASSERT(parse_address(to_string(*address)).value() == *address);
    for (const ValueType type : {ValueType::number, ValueType::boolean}) {
        const auto order = parse_order(text, {{}, {}, 1}, type);
        if (order) (void)order_object(*order, {}, 1.0, 3);
    }
    (void)parse_zone(text);
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
                                    check_frame(frame);
                                    return true;
                                })
                          .has_value();
    bool fine_pieces = true;
    for (const std::uint8_t byte : input) {
        fine_pieces = pieces.feed({&byte, 1}, [&](const Frame&) { return ++frames_pieces > 0; }).has_value();
        ASSERT(pieces.buffered_bytes() < kFrameBytesMax);
    }
    ASSERT(fine == fine_pieces && frames_whole == frames_pieces);
    check_asdu(input);
    check_client(input);
    check_address(as_text(input));
    return 0;
}
