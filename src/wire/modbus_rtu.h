#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/modbus.h"

// Modbus RTU after "MODBUS over Serial Line Specification and Implementation Guide V1.02": the same requests and
// replies on serial lines, and on TCP links to gateways that pass the bytes of such a line on as they are. No sockets,
// no clock.
//
// frame := unit:u8 pdu:u8[1 … 253] crc:u16 (of all before it, low byte first)
//
// Nothing in it tells where a frame begins, how long it is or which request it answers: who asks has to know, and to
// ask one thing at a time.
namespace gongshu::wire::modbus {

inline constexpr std::size_t kRtuExtraBytes = 3;  // around a PDU
inline constexpr std::size_t kRtuBytesMax = kRtuExtraBytes + kPduBytesMax;

// CRC-16 with the polynomial 0xA001, started with 0xFFFF. On the wire its low byte comes first.
std::uint16_t rtu_crc(Bytes bytes);

// The whole frame; Code::invalid as of encode_request().
Result<Buffer> encode_rtu_request(std::uint8_t unit, const Request& request);
Buffer encode_rtu_reply(std::uint8_t unit, const Reply& reply);

struct RtuFrame {
    std::uint8_t unit = 0;
    Bytes pdu;              // valid during the callback
    bool expected = false;  // of a reply: of the unit, function and length that were asked for, or its exception
};

// Finds replies among the bytes of a line, for who asked: the reply to what is expected wherever it begins, if its CRC
// is right; others that are whole are shown too, so that somebody can be told of them. The rest is noise and left out.
// Lives:   one per link. Threads: none of its own.
// Bounds:  holds less than one frame (256 bytes); of noise it keeps a number.
class RtuReplyDecoder {
public:
    // From now on the reply of `unit` to `asked` is looked for; what was received before is forgotten.
    void expect(std::uint8_t unit, const Request& asked);
    // Takes bytes in any split; calls `on_frame` once per frame; `on_frame` must not destroy the decoder, and returns
    // false to stop (the rest is forgotten).
    void feed(Bytes received, const std::function<bool(const RtuFrame&)>& on_frame);
    // Nothing is expected any more.
    void reset();
    // Bytes since expect() that were no frame, with those that wait for the rest of one.
    std::size_t noise_bytes() const { return noise_ + buffer_.size(); }
    std::size_t buffered_bytes() const { return buffer_.size(); }

private:
    struct Found {
        std::size_t at = 0, bytes = 0;
        bool expected = false;
    };
    std::optional<Found> find();
    bool try_frame(std::size_t at, std::size_t bytes, std::uint8_t kind);
    void forget(std::size_t bytes);
    std::size_t expected_bytes(Bytes rest) const;

    bool expects_ = false;
    std::uint8_t unit_ = 0, function_ = 0;
    std::size_t reply_bytes_ = 0;  // of the whole frame
    bool reads_ = false;           // then the third byte is the count of those that follow
    Buffer buffer_;
    Buffer
        tried_;  // of each byte in buffer_: as the beginning of which kinds of reply it was tried and had a wrong CRC
    std::size_t noise_ = 0;
};

// Cuts the bytes of a line into requests, for a server: after a wrong CRC it looks for the next frame byte by byte.
// Lives, Threads, Bounds: as above.
class RtuRequestDecoder {
public:
    void feed(Bytes received, const std::function<bool(const RtuFrame&)>& on_frame);
    std::size_t buffered_bytes() const { return buffer_.size(); }

private:
    Buffer buffer_;
};

}  // namespace gongshu::wire::modbus
