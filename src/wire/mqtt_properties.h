#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "wire/mqtt.h"

// What the two halves of the codec share; private to it.
namespace gongshu::wire::mqtt {

// Reads fields off the front of a packet's body. The first fault sticks: later reads give zeroes and change nothing, so
// that a decoder reads straight on and asks once at the end.
class Cursor {
public:
    Cursor(Bytes bytes, std::string_view packet) : bytes_(bytes), packet_(packet) {}

    std::uint8_t u8(std::string_view field);
    std::uint16_t u16(std::string_view field);
    std::uint32_t u32(std::string_view field);
    std::uint32_t varint(std::string_view field);   // [1.5.5]
    std::string_view text(std::string_view field);  // [1.5.4]
    std::string_view name(std::string_view field);  // text() that is plain_utf8()
    std::string_view binary(std::string_view field);
    Bytes take(std::size_t bytes, std::string_view field);
    Bytes rest();

    std::size_t left() const { return fault_ ? 0 : bytes_.size(); }
    bool ok() const { return !fault_; }
    void fail(ReasonCode reason, std::string_view field, std::string_view problem);
    // fail() unless `good`.
    void require(bool good, ReasonCode reason, std::string_view field, std::string_view problem) {
        if (!good) fail(reason, field, problem);
    }
    // Nothing may be left over.
    void end();
    // A cursor over the next `bytes` alone; give it back with merge(), so that its fault is not lost.
    Cursor part(std::size_t bytes, std::string_view field) { return Cursor{take(bytes, field), packet_}; }
    void merge(Cursor&& part) {
        if (!fault_) fault_ = std::move(part.fault_);
    }
    ProtocolError take_fault() { return std::move(*fault_); }

private:
    Bytes bytes_;
    std::string_view packet_;
    std::optional<ProtocolError> fault_;
};

// Where properties stand: the packet types' numbers, and the will inside CONNECT.
inline constexpr unsigned kWillProperties = 16;

Properties read_properties(Cursor& cursor, unsigned where);
void write_properties(const Properties& properties, Buffer& out);

void put_u16(Buffer& out, std::size_t value);
void put_u32(Buffer& out, std::uint32_t value);
void put_varint(Buffer& out, std::size_t value);
void put_text(Buffer& out, std::string_view text);
std::size_t varint_bytes(std::size_t value);

}  // namespace gongshu::wire::mqtt
