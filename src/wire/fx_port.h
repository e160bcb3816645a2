#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/melsec_plan.h"

// The protocol of the programming port of FX PLCs (round 8-pin plug, RS-422; also through an FX-232AW), for both sides.
// 9600 baud, 7 data bits, even parity, 1 stop bit. One PLC on a line, no station number. No serial port, no clock here.
// Sources: FX-232AW User's Manual and the widely printed "Mitsubishi FX Series PLC Programming Port Communication
// Protocol Overview" for the first commands; addresses of the extended ones (FX3) as public descriptions of the FX3U
// port print them: they close up without a gap (M ends where Y begins, CC where TC does), and nobody here has tried
// them on a machine.
//
// request := STX command ETX sum          command := 0 address:4 bytes:2           read
// reply   := STX data ETX sum | ACK | NAK          | 1 address:4 bytes:2 data      write
// enquiry := ENQ, answered by ACK                  | 7 address:4 | 8 address:4     bit on, off; low byte first
// sum     := 2 digits over command … ETX           | E00 …, E10 …, E7 …, E8 …      the same with FX3's addresses
// All hexadecimal digits; words lie low byte first. Asking for ENQ first is only needed after the line was silent.
namespace gongshu::wire::fx {

using melsec::Family;
using melsec::Place;
using melsec::Span;

inline constexpr std::size_t kBytesMax = 64;  // of data in one request
// For plan_blocks(): what one request takes. A text of more than 64 characters cannot be read by this port.
inline constexpr melsec::PlanLimits kPlanLimits{kBytesMax / 2, kBytesMax / 2, 8};
inline constexpr std::uint8_t kEnq = 0x05, kAck = 0x06, kNak = 0x15;

enum class Command : std::uint8_t { read, write, force_on, force_off };

struct Request {
    Command command = Command::read;
    bool extended = false;
    std::uint16_t address = 0;  // of a byte; of force commands of a bit
    std::uint8_t bytes = 0;     // to read
    Buffer data;                // to write
    friend bool operator==(const Request&, const Request&) = default;
};

// The request for a span in words (of bit devices 16 relays each, from a multiple of 16 on). Code::invalid: over 64
// bytes or past the last number; Code::unsupported: not to be had by this port (R), or another family than FX.
Result<Request> read_words(const Span& span, Family family);
Result<Request> write_words(const Place& head, std::span<const std::uint16_t> words, Family family);
Result<Request> force(const Place& relay, bool on, Family family);
// D8001: which PLC it is and its version.
Request read_model();
// "FX1S 2.10" for 22210, "FX2N/FX3U 3.00", which say the same of themselves; types that are not known by number.
std::string describe_model(std::uint16_t d8001);

// With STX, ETX and sum.
Buffer encode_request(const Request& request);
// For a server: data that was read. ACK and NAK are single bytes.
Buffer encode_data(Bytes data);

// The words of a reply's text (what lies between STX and ETX). Code::malformed when there are not as many bytes as were
// asked for.
Result<std::vector<std::uint16_t>> decode_words(const Request& asked, Bytes text);
// For a server. Code::malformed: to be answered by NAK.
Result<Request> decode_request(Bytes text);
// For a server: what lies at a byte's address. Of bit devices the first of its eight relays; else `byte` counts from
// the low byte of the PLC device on.
struct Found {
    Place place;
    std::uint8_t byte = 0;
};
std::optional<Found> find_byte(std::uint16_t address, bool extended, Family family);
// For a server: the relay of a force command.
std::optional<Place> find_relay(const Request& request, Family family);

// The PLC answered NAK, or not at all.
Error refusal(const Span& span, Family family);
Error no_answer();

// Cuts received bytes into what was sent. After an error nothing is held and the next bytes begin anew: it is a line,
// where a disturbed message is asked for again.
// Lives:   one per line. Threads: none of its own.
// Bounds:  holds less than one message (kMessageBytesMax).
class Decoder {
public:
    static constexpr std::size_t kMessageBytesMax = 1 + 3 + 4 + 2 + 2 * kBytesMax + 1 + 2;
    // ENQ, ACK or NAK; 0 with the text of a message, which is valid during the callback.
    struct Piece {
        std::uint8_t control = 0;
        Bytes text;
    };
    // Takes bytes in any split. What comes outside of a message and is no such byte is noise and skipped.
    // Code::malformed: a wrong sum, a message that is too long, or bytes with their parity still in them, which is
    // told.
    Result<void> feed(Bytes received, const std::function<void(const Piece&)>& on_piece);
    void reset() { buffer_.clear(); }
    std::size_t buffered_bytes() const { return buffer_.size(); }

private:
    Result<void> take(std::uint8_t byte, const std::function<void(const Piece&)>& on_piece);

    Buffer buffer_;  // empty outside of a message, else from STX on
};

}  // namespace gongshu::wire::fx
