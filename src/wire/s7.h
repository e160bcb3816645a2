#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

// Siemens S7 communication (PUT/GET) as S7-300, 400, 1200, 1500, 200 SMART and LOGO! speak it on TCP port 102: bytes to
// structs and back, for both sides. No sockets, no clock. Values in the bytes: s7_value.h; what to ask: s7_plan.h.
//
// After RFC 1006 (TPKT), ISO 8073 / ITU-T X.224 class 0 (COTP), and for the S7 layer, which Siemens does not publish,
// what Wireshark's dissector and the documentation of Snap7 say of it.
//
// frame := 3:u8 0:u8 length:u16 tpdu                                                    all big-endian
// tpdu  := header_length:u8 kind:u8 …          CR 0xe0, CC 0xd0, DR 0x80, ER 0x70, DT 0xf0 end_of_pdu:u8 data
// pdu   := 0x32 kind:u8 0:u16 reference:u16 parameters:u16 data:u16 [error:u16]  parameters  data
//
// S7-1200 and 1500 answer only where "Permit access with PUT/GET communication" is on, and only for data blocks without
// optimised access. What they say otherwise is in explain().
namespace gongshu::wire::s7 {

inline constexpr std::uint16_t kPort = 102;
inline constexpr std::uint16_t kPduBytesMax = 960;  // no CPU offers more; 240 (300, 200 SMART), 480 (400) are usual
inline constexpr std::uint16_t kPduBytesMin = 64;   // less is not an S7 CPU
inline constexpr std::size_t kFrameBytesMax = 7 + kPduBytesMax;
inline constexpr std::size_t kTsapBytesMax = 32;

// ---- whom to connect ----

// Transport addresses of both ends, two bytes each: "03.01" as Siemens writes it.
struct Tsaps {
    std::uint16_t local = 0x0100;
    std::uint16_t remote = 0x0301;
    friend bool operator==(const Tsaps&, const Tsaps&) = default;
};
// As whom the CPU counts us: the few places for pg and op are for programming devices and panels.
enum class Resource : std::uint8_t { pg = 1, op = 2, basic = 3 };
enum class Plc : std::uint8_t { s7_300, s7_400, s7_1200, s7_1500, s7_200_smart, logo };
std::optional<Plc> parse_plc(std::string_view name);  // "s7-300", … "s7-200-smart", "logo"
std::string_view to_string(Plc plc);

// The CPU by its place in the rack: rack 0 … 7, slot 0 … 31; Code::invalid outside. For 300, 400, 1200, 1500.
Result<Tsaps> tsaps_of_slot(int rack, int slot, Resource resource = Resource::basic);
// What works with a CPU that was set up as usual: rack 0 with slot 2 (300), 3 (400), 1 (1200, 1500).
Tsaps usual_tsaps(Plc plc);
// "03.01", "0301", "16#0301" or "0x0301".
Result<std::uint16_t> parse_tsap(std::string_view text);
std::string tsap_text(std::uint16_t tsap);

// ---- frames ----

// CR (confirm = false) or CC. Only class 0 exists over TCP.
struct Connect {
    bool confirm = false;
    std::uint16_t destination = 0;  // reference of who gets it; 0 in a CR
    std::uint16_t source = 0;
    std::uint16_t tpdu_bytes_max = 1024;  // 128 … 8192, a power of two; 0 = not said: as long as a frame can be
    Buffer calling;                       // TSAPs, at most kTsapBytesMax each
    Buffer called;
    friend bool operator==(const Connect&, const Connect&) = default;
};
// DR: the other end refuses or ends the connection.
struct Disconnect {
    std::uint16_t destination = 0;
    std::uint16_t source = 0;
    std::uint8_t reason = 0;
    friend bool operator==(const Disconnect&, const Disconnect&) = default;
};
// ER: the other end did not understand us.
struct Rejection {
    std::uint16_t destination = 0;
    std::uint8_t cause = 0;
    friend bool operator==(const Rejection&, const Rejection&) = default;
};
// A whole S7 PDU, joined from as many DTs as it came in.
struct Packet {
    Bytes pdu;  // valid during the callback
};
using Arrival = std::variant<Connect, Disconnect, Rejection, Packet>;

// Why there is no connection, in words.
Error explain(const Disconnect& disconnect);
Error explain(const Rejection& rejection);

Connect connect_request(const Tsaps& tsaps, std::uint16_t source = 1);
// For a server. The size of TPDUs is the smaller one.
Connect connect_confirm(const Connect& request, std::uint16_t source, std::uint16_t tpdu_bytes_max = 1024);
Buffer encode_connect(const Connect& connect);
Buffer encode_disconnect(const Disconnect& disconnect);
// As many DTs as the agreed size of TPDUs takes.
Buffer encode_packet(Bytes pdu, std::uint16_t tpdu_bytes_max = 0);

// Cuts received bytes into what arrived.
// Lives:   one per link. Threads: none of its own.
// Bounds:  holds less than one frame and one PDU (kFrameBytesMax + kPduBytesMax).
class FrameDecoder {
public:
    // Takes bytes in any split; calls `on_arrival` once for each, in order; `on_arrival` must not destroy the decoder,
    // and returns false to stop (the rest is forgotten). Code::malformed for what cannot be a frame of class 0 or a PDU
    // over kPduBytesMax: the link must be closed. After that every call gives the same error until reset().
    Result<void> feed(Bytes received, const std::function<bool(const Arrival&)>& on_arrival);
    void reset();
    std::size_t buffered_bytes() const { return frame_.size() + pdu_.size(); }

private:
    Result<bool> take_frame(const std::function<bool(const Arrival&)>& on_arrival);
    Result<bool> take_data(Bytes tpdu, const std::function<bool(const Arrival&)>& on_arrival);

    Buffer frame_;
    Buffer pdu_;  // DTs of a PDU that has not ended
    std::optional<Error> broken_;
};

// ---- what is asked ----

enum class Area : std::uint8_t {
    counters = 0x1c,
    timers = 0x1d,
    inputs = 0x81,
    outputs = 0x82,
    memory = 0x83,
    data_block = 0x84,  // V of the 200 SMART and VM of LOGO! are data block 1
};
// What one element of an item is. We ask for bits, bytes, counters and timers; a server must know the others too.
enum class Transport : std::uint8_t {
    bit = 0x01,
    byte = 0x02,
    character = 0x03,
    word = 0x04,
    integer = 0x05,
    dword = 0x06,
    dint = 0x07,
    real = 0x08,
    counter = 0x1c,
    timer = 0x1d,
};

// A stretch of one area: `count` elements from `start` on.
struct Item {
    Area area = Area::data_block;
    Transport transport = Transport::byte;
    std::uint16_t block = 0;  // number of the data block, 0 for other areas
    std::uint32_t start = 0;  // byte, at most 2^21 - 1; number of the counter or timer
    std::uint8_t bit = 0;     // 0 … 7
    std::uint16_t count = 1;
    friend bool operator==(const Item&, const Item&) = default;
};
// Bytes that its data has in a message: a bit takes one, a counter or timer two.
std::size_t byte_count(const Item& item);
// "DB10, byte 4 (8 bytes)", "M0.1", "T5".
std::string to_string(const Item& item);

// Agrees on the length of PDUs; the first message of a connection.
struct Agreement {
    std::uint16_t jobs_calling = 1;  // that may wait for an answer at once
    std::uint16_t jobs_called = 1;
    std::uint16_t pdu_bytes = kPduBytesMax;
    friend bool operator==(const Agreement&, const Agreement&) = default;
};
struct ReadItems {
    std::vector<Item> items;
    friend bool operator==(const ReadItems&, const ReadItems&) = default;
};
struct WriteItems {
    std::vector<Item> items;
    std::vector<Buffer> data;  // byte_count() of each item; a bit is one byte, 0 or 1
    friend bool operator==(const WriteItems&, const WriteItems&) = default;
};
// Asks for a part of a system status list; `sequence` is 0 for the first, then what the part before said.
struct ReadSzl {
    std::uint16_t id = 0;
    std::uint16_t index = 0;
    std::uint8_t sequence = 0;
    friend bool operator==(const ReadSzl&, const ReadSzl&) = default;
};
using Request = std::variant<Agreement, ReadItems, WriteItems, ReadSzl>;

// ---- what is answered ----

enum class ReturnCode : std::uint8_t {
    reserved = 0x00,
    hardware_fault = 0x01,
    access_denied = 0x03,
    address_out_of_range = 0x05,
    type_unsupported = 0x06,
    type_mismatch = 0x07,
    object_missing = 0x0a,
    success = 0xff,
};
// Error class (upper byte) and code of a message that was refused as a whole.
enum class HeaderError : std::uint16_t {
    none = 0,
    function_unavailable = 0x8104,
    pdu_too_long = 0x8500,
};

struct Refusal {
    HeaderError error = HeaderError::none;
    friend bool operator==(const Refusal&, const Refusal&) = default;
};
struct ItemValue {
    ReturnCode code = ReturnCode::success;
    Buffer data;  // byte_count() of what was asked, none unless success
    friend bool operator==(const ItemValue&, const ItemValue&) = default;
};
struct ItemValues {
    std::vector<ItemValue> items;
    friend bool operator==(const ItemValues&, const ItemValues&) = default;
};
struct ItemCodes {
    std::vector<ReturnCode> items;
    friend bool operator==(const ItemCodes&, const ItemCodes&) = default;
};
struct SzlPart {
    ReturnCode code = ReturnCode::success;
    HeaderError error = HeaderError::none;
    std::uint8_t sequence = 0;  // to ask for the next part with
    bool more = false;
    Buffer data;
    friend bool operator==(const SzlPart&, const SzlPart&) = default;
};
using Reply = std::variant<Refusal, Agreement, ItemValues, ItemCodes, SzlPart>;

// Why an item was not read or written, in words, with what to do about it: "DB10, byte 4 (8 bytes): code 0x05 (…)".
Error explain(const Item& item, ReturnCode code);
Error explain(HeaderError error);

// ---- messages ----

enum class Kind : std::uint8_t { job = 1, ack = 2, ack_data = 3, userdata = 7 };

// Any message, cut in its parts.
struct Message {
    Kind kind = Kind::job;
    std::uint16_t reference = 0;
    HeaderError error = HeaderError::none;  // acks only
    Bytes parameters;
    Bytes data;
};
// Code::malformed when it is no S7 message or its lengths do not add up.
Result<Message> decode_message(Bytes pdu);

// How long the messages are; both must fit the agreed length of PDUs.
std::size_t request_bytes(const Request& request);
std::size_t reply_bytes(const Request& request);

// The PDU, for encode_packet(). Code::invalid for an item that cannot be one, Code::limit when the request or its reply
// would be longer than `pdu_bytes`.
Result<Buffer> encode_request(std::uint16_t reference, const Request& request, std::uint16_t pdu_bytes = kPduBytesMax);
// For a client: checks the reply against what was asked (reference, function, number of items, length of each).
// Code::malformed says how it differs. A refusal, of the whole or of an item, is a value, not an error.
Result<Reply> decode_reply(std::uint16_t reference, const Request& asked, Bytes pdu);

// For a server: the request, or how to refuse it.
std::expected<Request, HeaderError> decode_request(const Message& message);
// For a server; a reply that it made itself, so one that does not suit what was asked is our own bug (ASSERT).
Buffer encode_reply(std::uint16_t reference, const Request& asked, const Reply& reply);

// ---- who is there ----

// What a CPU says of itself; "" where it does not.
struct Identity {
    std::string order_number;  // "6ES7 315-2EH14-0AB0"
    std::string firmware;      // "V3.2.6"
    std::string system_name;   // given by who set it up
    std::string module_name;
    std::string module_type;  // "CPU 315-2 PN/DP"
    std::string serial_number;
    friend bool operator==(const Identity&, const Identity&) = default;
};
inline constexpr std::uint16_t kSzlModule = 0x0011;     // order number, firmware
inline constexpr std::uint16_t kSzlComponent = 0x001c;  // names, type, serial number; not every CPU has it
inline constexpr std::size_t kSzlBytesMax = 4096;       // more than this is not one of the two

// Adds what the whole data of one of the two lists says, without a record that is cut off. Code::malformed for what is
// none of the two lists.
Result<void> add_identity(Identity& identity, Bytes szl);
// For a server: the whole data of one of the two lists.
Buffer encode_identity(const Identity& identity, std::uint16_t szl_id);

}  // namespace gongshu::wire::s7
