#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/melsec.h"

// The MC protocol of Mitsubishi PLCs, of which SLMP is the newer name: frames 3E, 4E and 1E in binary and ASCII, over
// TCP and UDP, for both sides. No sockets, no clock.
// Sources: MELSEC Communication Protocol Reference Manual (SH-080008; chapters 5, 8, 11 and 18, appendix 5), SLMP
// Reference Manual (SH-080956), FX5 User's Manual (SLMP), FX3U-ENET User's Manual chapter 9, QnUCPU User's Manual
// (built-in Ethernet), section 5.1.4 for the end codes.
//
// 3E request  := 0x5000            route length timer command subcommand data     binary: numbers low byte first;
// 4E request  := 0x5400 serial 0   route length timer command subcommand data     ASCII: two hexadecimal digits a byte,
// 3E reply    := 0xD000            route length end_code data                     high digit first. The subheaders
// 4E reply    := 0xD400 serial 0   route length end_code data                     stand as printed in both.
// route       := network:u8 pc:u8 io:u16 station:u8
// 1E request  := command:u8 pc:u8 timer:u16 head points:u8 0:u8 data              no length: a reply's length follows
// 1E reply    := command|0x80:u8 end_code:u8 [abnormal:u8 0:u8] data              from what was asked
namespace gongshu::wire::mc {

using melsec::Family;
using melsec::Place;
using melsec::Span;

enum class Frame : std::uint8_t { e3, e4, e1 };
std::optional<Frame> parse_frame(std::string_view name);  // "3E", "4E", "1E"
std::string_view to_string(Frame frame);

// As the PLC's "communication data code" is set. FX5 alone knows both kinds of ASCII, "(X,Y HEX)" and "(X,Y OCT)".
enum class Coding : std::uint8_t { binary, ascii, ascii_octal };

// Which CPU: the one that is connected, unless networks lie between.
struct Route {
    std::uint8_t network = 0;
    std::uint8_t pc = 0xff;
    std::uint16_t io = 0x03ff;
    std::uint8_t station = 0;
    friend bool operator==(const Route&, const Route&) = default;
};

struct Link {
    Frame frame = Frame::e3;
    Coding coding = Coding::binary;
    Family family = Family::q_l;
    Route route;               // of 1E only `pc`
    std::uint16_t timer = 16;  // how long the PLC may work on a request, in 250 ms; 0 = for ever
};

// What one request may carry. Appendix 5 of the reference manual, for 1E the manuals of the modules.
struct Limits {
    std::uint16_t read_words;      // of word devices
    std::uint16_t read_bit_words;  // 16 relays each
    std::uint16_t read_bits;       // in bit units
    std::uint16_t write_words;
    std::uint16_t write_bit_words;
    std::uint16_t write_bits;
    std::uint16_t random_points;  // 0 = the frame has no such command
    std::uint16_t blocks;         // of a multi-block read, which is bounded by read_words as well; 0 = none
};
Limits limits_of(const Link& link);

enum class Command : std::uint8_t {
    read_words,   // 0401/0000, 1E 01: one span, of a bit device in words of 16
    read_bits,    // 0401/0001, 1E 00: one span of a bit device
    write_words,  // 1401/0000, 1E 03
    write_bits,   // 1401/0001, 1E 02
    read_random,  // 0403: spans of one or two words, those of one word first
    read_blocks,  // 0406: spans in words, those of word devices first
    read_model,   // 0101, 1E 15: which CPU it is
};

// `words` and `bits` (0 or 1 each) are for writes, one entry a point.
struct Request {
    Command command = Command::read_words;
    std::vector<Span> spans;
    std::vector<std::uint16_t> words;
    std::vector<std::uint8_t> bits;
    friend bool operator==(const Request&, const Request&) = default;
};

// `words` or `bits` hold exactly what was asked, of several spans one after another.
struct Reply {
    std::uint16_t end_code = 0;  // 0 = done; 1E: one byte
    std::uint8_t abnormal = 0;   // 1E, with end code 0x5B
    std::vector<std::uint16_t> words;
    std::vector<std::uint8_t> bits;
    std::string model;             // "Q02UCPU"; by 1E "FX3U/FX3UC" or empty
    std::uint16_t model_code = 0;  // 0x0263; by 1E 0xF3
    friend bool operator==(const Reply&, const Reply&) = default;
};

bool is_write(Command command);

// The whole frame. Code::invalid when points are outside the limits, pass the last number, are in bit units on a word
// device, or when the values do not match; Code::unsupported when the frame has no such command or PLC device.
Result<Buffer> encode_request(const Link& link, std::uint16_t serial, const Request& request);
// For a server; its own reply, so a wrong one is our own bug (ASSERT).
Buffer encode_reply(const Link& link, std::uint16_t serial, const Request& request, const Reply& reply);
// For a server that can make no request of what came: the reply is the end code, to the command if that much was read.
Buffer encode_refusal(const Link& link, std::uint16_t serial, Bytes body, std::uint16_t end_code);

// For a server: the request in a message, or the end code that the manuals want for it.
std::expected<Request, std::uint16_t> decode_request(const Link& link, Bytes body);
// For a client: checks the message against what was asked. Code::malformed says how it differs. An end code is a value,
// not an error.
Result<Reply> decode_reply(const Link& link, const Request& asked, Bytes body);

// What an end code means, where it comes from and what to do about it, for people: "the PLC refuses D100: end code
// 0xC056, …". Code::unavailable where asking again may help, else Code::denied.
Error refusal(const Link& link, const Request& asked, const Reply& reply);
// What to look at when a PLC does not answer at all, which is how most of them take a frame that they do not expect.
Error no_answer(const Link& link);

struct Message {
    std::uint16_t serial = 0;  // 4E, else 0
    Route route;
    Bytes body;  // valid during the callback: from the timer or the end code on, of 1E everything
};

// Cuts received bytes into messages. Of UDP each datagram is given to a decoder that holds nothing, and must leave it
// so (buffered_bytes() is 0).
// Lives:   one per connection. Threads: none of its own.
// Bounds:  holds less than one frame (kFrameBytesMax).
class FrameDecoder {
public:
    enum class Side : std::uint8_t { client, server };  // a client takes replies, a server requests
    static constexpr std::size_t kBodyBytesMax = 8192;
    static constexpr std::size_t kFrameBytesMax = 34 + kBodyBytesMax;

    FrameDecoder(const Link& link, Side side) : link_(link), side_(side) {}
    // Client: the request that the next reply belongs to. Needed by 1E, whose replies do not tell their length; forgets
    // what is buffered there.
    void expect(const Request& asked);
    // Takes bytes in any split; calls `on_message` once per whole message, in order; it must not destroy the decoder,
    // and returns false to stop (the rest is forgotten). Bytes that can be no such frame are Code::malformed: the
    // connection must be closed. A PLC that is set to another coding or frame is recognised by its first bytes and
    // told. After an error every call gives the same until reset().
    Result<void> feed(Bytes received, const std::function<bool(const Message&)>& on_message);
    void reset();
    std::size_t buffered_bytes() const { return buffer_.size(); }

private:
    Result<std::size_t> wanted_bytes() const;
    Result<std::size_t> wanted_of_one_e() const;
    Message message() const;

    const Link link_;
    const Side side_;
    std::optional<Request> asked_;
    Buffer buffer_;
    std::optional<Error> broken_;
};

}  // namespace gongshu::wire::mc
