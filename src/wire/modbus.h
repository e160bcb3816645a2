#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "data/value.h"

// Modbus TCP after "MODBUS Application Protocol Specification V1.1b3" and "MODBUS Messaging on TCP/IP V1.0b": bytes to
// structs and back, for both sides. No sockets, no clock.
//
// frame := transaction:u16 protocol:u16(=0) length:u16 unit:u8 pdu:u8[length-1]      all big-endian
namespace gongshu::wire::modbus {

inline constexpr std::size_t kMbapBytes = 7;
inline constexpr std::size_t kPduBytesMax = 253;
inline constexpr std::uint16_t kReadBitsMax = 2000;
inline constexpr std::uint16_t kReadRegistersMax = 125;
inline constexpr std::uint16_t kWriteBitsMax = 1968;
inline constexpr std::uint16_t kWriteRegistersMax = 123;

enum class Function : std::uint8_t {
    read_coils = 1,
    read_discrete_inputs = 2,
    read_holding_registers = 3,
    read_input_registers = 4,
    write_coil = 5,
    write_register = 6,
    write_coils = 15,
    write_registers = 16,
};

enum class Exception : std::uint8_t {
    illegal_function = 1,
    illegal_address = 2,
    illegal_value = 3,
    device_failure = 4,
    acknowledge = 5,
    busy = 6,
    memory_parity = 8,
    gateway_path = 10,
    gateway_target = 11,
};
// "exception 2 (illegal data address)"; codes that are not in the list are given by number.
std::string to_string(Exception exception);

// What is asked. `bits` (0 or 1 each) and `registers` are filled for writes only, one entry for a single write.
struct Request {
    Function function = Function::read_holding_registers;
    std::uint16_t address = 0;
    std::uint16_t count = 1;
    std::vector<std::uint8_t> bits;
    std::vector<std::uint16_t> registers;
    friend bool operator==(const Request&, const Request&) = default;
};

// What was answered. For reads `bits` or `registers` hold exactly the asked count.
struct Reply {
    Function function = Function::read_holding_registers;
    std::optional<Exception> exception;
    std::uint16_t address = 0;  // writes only
    std::uint16_t count = 0;
    std::vector<std::uint8_t> bits;
    std::vector<std::uint16_t> registers;
    friend bool operator==(const Reply&, const Reply&) = default;
};

bool is_read(Function function);
bool is_bits(Function function);

// The PDU alone, for other framings (wire/modbus_rtu.h): errors as of the next two.
Result<Buffer> encode_request_pdu(const Request& request);
Buffer encode_reply_pdu(const Reply& reply);
// Bytes of the PDU that answers `asked`, unless it is an exception.
std::size_t reply_pdu_bytes(const Request& asked);

// The whole frame. Code::invalid when a count is outside the standard's limits, the range passes 65536 or the values do
// not match the count.
Result<Buffer> encode_request(std::uint16_t transaction, std::uint8_t unit, const Request& request);
// The header before any PDU of 1 to kPduBytesMax bytes.
Buffer encode_frame(std::uint16_t transaction, std::uint8_t unit, const Buffer& pdu);
// For a server; a reply that it made itself, so a wrong one is our own bug (ASSERT).
Buffer encode_reply(std::uint16_t transaction, std::uint8_t unit, const Reply& reply);
Reply refusal(Function function, Exception exception);

// For a server: the request, or the exception that the standard wants for it.
std::expected<Request, Exception> decode_request(Bytes pdu);
// For a client: checks the reply against what was asked (function, count, address, length). Code::malformed says how it
// differs. An exception reply is a value, not an error.
Result<Reply> decode_reply(const Request& asked, Bytes pdu);

struct Frame {
    std::uint16_t transaction = 0;
    std::uint8_t unit = 0;
    Bytes pdu;  // valid during the callback
};

// Cuts received bytes into frames.
// Lives:   one per link. Threads: none of its own.
// Bounds:  holds less than one frame (260 bytes).
class FrameDecoder {
public:
    // Takes bytes in any split; calls `on_frame` once per whole frame, in order; `on_frame` must not destroy the
    // decoder, and returns false to stop (the rest is forgotten). A header that cannot be one (protocol not 0, length
    // outside 2 … 254) is Code::malformed: the link must be closed, since TCP gives no mark to find the next frame by.
    // After that every call gives the same error until reset().
    Result<void> feed(Bytes received, const std::function<bool(const Frame&)>& on_frame);
    void reset();
    std::size_t buffered_bytes() const { return buffer_.size(); }
    // So many bytes are still of this frame, or of its header while that is not whole.
    std::size_t wanted_bytes() const;

private:
    Buffer buffer_;
    bool broken_ = false;
};

// ---- values in registers ----

enum class Encoding : std::uint8_t { u16, i16, u32, i32, u64, i64, f32, f64, bcd16, bcd32, bit, text };
std::optional<Encoding> parse_encoding(std::string_view name);
std::string_view to_string(Encoding encoding);

// Order of the bytes of a value as they lie on the wire; A is the most significant. For 64 bits the same rule is meant:
// ABCD = as is, BADC = bytes swapped within each register, CDAB = registers reversed, DCBA = both.
enum class WordOrder : std::uint8_t { abcd, badc, cdab, dcba };
std::optional<WordOrder> parse_word_order(std::string_view name);
std::string_view to_string(WordOrder order);

// How a value lies in registers. value = raw * scale + offset (numbers only).
struct ValueCodec {
    Encoding encoding = Encoding::u16;
    WordOrder order = WordOrder::abcd;
    std::uint8_t bit = 0;              // for bit: 0 … 15, 0 = least significant
    std::uint16_t text_registers = 8;  // for text: two characters each, 1 … 123
    double scale = 1;                  // not 0
    double offset = 0;
};

// Registers that one value takes.
std::uint16_t register_count(const ValueCodec& codec);

// The value as `type`. Code::malformed for BCD digits over 9 and text that is not UTF-8; Code::limit when it does not
// fit `type` (2^63 in an integer, 0.5 in an integer). f32/f64 NaN and infinities come through as they are. Text ends at
// the first NUL and loses spaces at its end. An f32 is given as the shortest decimal that names it (7.71), which is the
// same f32.
Result<Value> decode_value(const ValueCodec& codec, std::span<const std::uint16_t> registers, ValueType type);
// Undoes decode_value(). Code::limit when the raw value does not fit the encoding, or only rounded (80.5 in a u16
// without scale; the nearest values are named; a fraction in an f32 may be off by its last bit), Code::invalid when the
// value's type does not suit. For bit: `before` is the register as it is now, only the bit is changed.
Result<std::vector<std::uint16_t>> encode_value(const ValueCodec& codec, const Value& value, std::uint16_t before = 0);
// As encode_value(), but a number becomes the nearest one that the encoding has: to show a value, never to write it into
// a machine. Code::limit when it lies outside of the encoding, or is no number for one that knows none (NaN in a u16).
Result<std::vector<std::uint16_t>> encode_nearest(const ValueCodec& codec, const Value& value, std::uint16_t before = 0);

}  // namespace gongshu::wire::modbus
