// Whatever comes in: no crash, no more than a frame and a PDU kept, and what decodes encodes to the same.
#include "base/assert.h"
#include "wire/s7_value.h"

using namespace gongshu;
using namespace gongshu::wire::s7;

namespace {

void check_arrival(const Arrival& arrival) {
    if (const auto* connect = std::get_if<Connect>(&arrival)) {
        FrameDecoder again;
        const auto fed = again.feed(encode_connect(*connect), [&](const Arrival& same) {
            ASSERT(std::get<Connect>(same) == *connect);
            return true;
        });
        ASSERT(fed.has_value());
    }
    if (const auto* disconnect = std::get_if<Disconnect>(&arrival)) (void)explain(*disconnect);
}

void check_server(Bytes pdu) {
    const auto message = decode_message(pdu);
    if (!message) return;
    const auto request = decode_request(*message);
    if (!request) return;
    const auto again = encode_request(message->reference, *request);
    if (!again) return;  // items that only a server takes
    const auto same = decode_request(decode_message(*again).value());
    ASSERT(same && *same == *request);
}

// Takes the bytes for the answer to some requests.
void check_client(Bytes pdu) {
    const auto message = decode_message(pdu);
    if (!message) return;
    const Item bytes{Area::data_block, Transport::byte, 1, 0, 0, static_cast<std::uint16_t>(1 + pdu.size() % 7)};
    const Item bit{Area::memory, Transport::bit, 0, 1, 2, 1};
    for (const Request& asked : {Request{Agreement{}}, Request{ReadItems{{bytes}}}, Request{ReadItems{{bit, bytes}}},
                                 Request{WriteItems{{bit}, {Buffer(1)}}}, Request{ReadSzl{0x11, 0, 0}}}) {
        const auto reply = decode_reply(message->reference, asked, pdu);
        if (!reply) continue;
        const auto same = decode_reply(message->reference, asked, encode_reply(message->reference, asked, *reply));
        ASSERT(same && *same == *reply);
        const auto* part = std::get_if<SzlPart>(&*reply);
        Identity identity;
        if (part != nullptr) (void)add_identity(identity, part->data);
    }
}

void check_values(Bytes bytes) {
    for (int type = 0; type <= static_cast<int>(Type::counter); ++type) {
        Variable variable;
        variable.bit = static_cast<std::uint8_t>(bytes.size() % 8);
        variable.codec.type = static_cast<Type>(type);
        variable.codec.length = static_cast<std::uint16_t>(1 + bytes.size() % 9);
        variable.codec.short_string = bytes.size() % 2 == 0;
        variable.codec.charset = bytes.size() % 3 == 0 ? Charset::latin_1 : Charset::utf_8;
        variable.codec.scale = bytes.size() % 5 == 0 ? 0.1 : 1;
        if (byte_count(variable.codec) > bytes.size()) continue;
        const Bytes own = bytes.first(byte_count(variable.codec));
        for (const ValueType kind : {ValueType::number, ValueType::integer, ValueType::boolean, ValueType::text}) {
            const auto value = decode_value(variable, own, kind);
            if (!value) continue;
            const auto write = encode_value(variable, *value);
            ASSERT(!write || write->data.size() == byte_count(write->item));
        }
    }
}

void check_address(std::string_view text) {
    const std::size_t space = std::min(text.find('\n'), text.size());
    const auto variable = parse_variable(text.substr(0, space), text.substr(std::min(space + 1, text.size())));
    if (!variable) return;
    auto same = parse_variable(address_text(*variable), type_text(variable->codec));
    ASSERT(same.has_value());
    same->codec.short_string = variable->codec.short_string;
    ASSERT(*same == *variable);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const Bytes input{data, bytes};
    FrameDecoder whole, pieces;
    std::size_t arrived_whole = 0, arrived_pieces = 0;
    const auto take = [&](const Arrival& arrival) {
        ++arrived_whole;
        check_arrival(arrival);
        if (const auto* packet = std::get_if<Packet>(&arrival)) check_server(packet->pdu), check_client(packet->pdu);
        return true;
    };
    const bool fine = whole.feed(input, take).has_value();
    bool fine_pieces = true;
    for (const std::uint8_t byte : input) {
        fine_pieces = pieces.feed({&byte, 1}, [&](const Arrival&) { return ++arrived_pieces > 0; }).has_value();
        ASSERT(pieces.buffered_bytes() <= kFrameBytesMax + kPduBytesMax);
    }
    ASSERT(fine == fine_pieces && arrived_whole == arrived_pieces);
    check_server(input);
    check_client(input);
    check_values(input);
    check_address(as_text(input));
    return 0;
}
