#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "data/value.h"

// DL/T 645, how electricity meters of China speak on RS-485, infrared and behind DTUs: the editions of 2007 and of
// 1997, bytes to structs and back, for both sides. No sockets, no clock. Meters are only read: see read_only().
//
// frame := 68 address:6 68 control:1 length:1 data:length sum:1 16          FE FE FE FE before it wakes the meter up
// address: twelve decimal digits as BCD, the last two first; each byte of data is sent plus 33H; sum: of all bytes from
// the first 68 on, modulo 256. Values are BCD, the lowest byte first.
//
// Sources, all public, and how sure they make us:
//   certain   frames, control codes, error bits, wildcard and broadcast of 2007, and its tables A.1 to A.5 with lengths
//             and units: the standard's text as many sites print it, and recorded frames (dlt645_test.cpp has some).
//   certain   the sign rule of 2007: notes under tables A.1 and A.3. The highest bit is the sign of combined energies,
//   of
//             currents, powers, present demands and power factors; the temperature has one too. Voltages have none.
//   likely    1997: frames, control codes, energies, demands, voltages and currents agree in all sources; the active
//             power's four decimals and the reactive power's two are the standard's, and some meters send others
//             (write the format behind the address then: B640/XX.XXXX).
//   custom    tariffs 1 to 4 are 尖 峰 平 谷 in most provinces; the meter's own table decides.
//   extension 0400010C (date and time at once) is State Grid's, not the standard's.
namespace gongshu::wire::dlt645 {

enum class Standard : std::uint8_t { of_2007, of_1997 };
std::string_view to_string(Standard standard);  // "2007", "1997"
std::optional<Standard> parse_standard(std::string_view name);

inline constexpr std::size_t kFrameBytesMin = 12;
inline constexpr std::size_t kDataBytesMax = 200;  // of an answer, by the standard; longer ones are taken as well
inline constexpr std::size_t kFrameBytesMax = kFrameBytesMin + 255;
inline constexpr std::size_t kValueBytesMax = 4096;  // of an item over all its frames
inline constexpr std::size_t kFollowUpsMax = 255;    // SEQ of 2007 is one byte

// Which meter. Shorter numbers are filled up with zeros in front.
struct MeterAddress {
    std::array<std::uint8_t, 6> bytes{};  // as sent: the last two digits first

    bool is_broadcast() const;  // 999999999999: all hear it, none answers
    bool has_wildcard() const;  // AA for the digits in front: whoever ends so answers, with its whole address
    bool matches(const MeterAddress& own) const;  // whether the meter `own` is spoken to
    friend bool operator==(const MeterAddress&, const MeterAddress&) = default;
};
// "000012345678", "12345678", "AAAAAAAAAAAA" (the only meter of the line), "AAAAAA345678". Code::invalid otherwise.
Result<MeterAddress> parse_meter_address(std::string_view text);
std::string to_string(const MeterAddress& address);  // twelve characters

// ---- frames ----

struct Frame {
    MeterAddress address;
    std::uint8_t control = 0;
    Buffer data;  // without the 33H; at most 255 bytes

    bool is_answer() const { return (control & 0x80) != 0; }  // else a request, perhaps our own echo
    friend bool operator==(const Frame&, const Frame&) = default;
};
Buffer encode_frame(const Frame& frame, std::size_t preamble_bytes = 4);

// Cuts received bytes into frames: what is none is left out and counted, so that noise costs the frame it hit.
// Lives:   one per line. Threads: none of its own.
// Bounds:  holds less than one frame (267 bytes).
class FrameDecoder {
public:
    // Takes bytes in any split; calls `on_frame` once per whole frame with a right sum, in order; `on_frame` must not
    // destroy the decoder.
    void feed(Bytes received, const std::function<void(const Frame&)>& on_frame);
    // Before a new request: what is still half there is of an answer that came too late.
    void reset() { buffer_.clear(); }
    std::size_t buffered_bytes() const { return buffer_.size(); }
    std::uint64_t skipped_bytes() const { return skipped_; }  // FE aside
    std::uint64_t wrong_sums() const { return wrong_sums_; }

private:
    std::size_t measure();
    void skip(std::size_t bytes);

    Buffer buffer_;
    std::uint64_t skipped_ = 0;
    std::uint64_t wrong_sums_ = 0;
};

// ---- requests and answers ----

struct Request {
    enum class Kind : std::uint8_t {
        read,          // 11H, of 1997 01H
        read_more,     // 12H, of 1997 02H: the next frame of an answer that did not fit one
        read_address,  // 13H of 2007: who is on the line?
        other,         // whatever changes something; encode_request() makes none
    };
    Kind kind = Kind::read;
    MeterAddress address;
    std::uint32_t id = 0;       // DI3 DI2 DI1 DI0 as one number, of 1997 DI1 DI0
    std::uint8_t sequence = 0;  // read_more of 2007: 1 for the first
    friend bool operator==(const Request&, const Request&) = default;
};

struct Answer {
    MeterAddress address;               // whole, also when the request had a wildcard
    std::optional<std::uint8_t> error;  // the meter refused: error_text() says why
    bool more = false;                  // the rest is got by read_more
    Buffer value;                       // of read_address: empty, `address` is it
    friend bool operator==(const Answer&, const Answer&) = default;
};

// Code::invalid for the broadcast address and identifiers that cannot be, Code::unsupported for read_address in 1997.
Result<Buffer> encode_request(Standard standard, const Request& request);
// For a meter: what is wanted of it. Code::malformed for frames that are none.
Result<Request> decode_request(Standard standard, const Frame& frame);
// For a meter; an answer that does not fit a frame is our own bug (ASSERT).
Buffer encode_answer(Standard standard, const Request& asked, const Answer& answer);
// For a client: checks the answer against what was asked. Code::malformed says how it differs. A refusal is a value.
Result<Answer> decode_answer(Standard standard, const Request& asked, const Frame& frame);
// "error 02 (no such data)"; the meter's own bits in words.
std::string error_text(Standard standard, std::uint8_t error);
// Why nothing is written: a password would be needed, and what is changed is what is billed by.
Error read_only();

// Reads one item over as many frames as the meter takes for it.
// Lives: for one item. Bounds: kValueBytesMax, kFollowUpsMax.
class Reading {
public:
    static Result<Reading> create(Standard standard, const MeterAddress& address, std::uint32_t id);
    // What to send next, with the preamble.
    Buffer request() const;
    // True: the item is whole and value() is its bytes; false: send request() again. Code::unavailable with the meter's
    // reason when it refused.
    Result<bool> take(const Frame& frame);
    Bytes value() const { return value_; }
    const MeterAddress& address() const { return asked_.address; }  // whole once something came

private:
    Reading(Standard standard, Request asked) : standard_(standard), asked_(asked) {}

    Standard standard_;
    Request asked_;
    Buffer value_;
};

// ---- what the bytes mean ----

struct Format {
    enum class Kind : std::uint8_t {
        number,  // BCD: XXXXXX.XX
        digits,  // BCD as text, with its zeros: a meter's number
        text,    // ASCII, the last character first as all is
        bits,    // a status word, the lowest byte first, as an integer
        clock,   // the meter's own clock as text: 2026-03-01 08:00
    };
    Kind kind = Kind::number;
    std::uint8_t bytes = 4;
    std::uint8_t decimals = 0;  // of number
    bool is_signed = false;     // of number: the highest bit means less than 0
    std::string mask;           // of clock: YYMMDDhhmm
    friend bool operator==(const Format&, const Format&) = default;
};
// XXXXXX.XX or NNNNNN.NN, -XX.XXXX (with a sign bit), N12 (digits), text16, bits2 (bytes), YYMMDDWW, hhmmss,
// YYMMDDhhmm, MMDDhhmm …
Result<Format> parse_format(std::string_view text);

// Nothing is there when the meter sends FF for all of it: it does not measure that (the phases of a one-phase meter).
// Code::malformed for digits over 9 and text that is none.
Result<std::optional<Value>> decode_value(const Format& format, Bytes bytes);
// For a meter. Code::limit when it does not fit, Code::invalid for another type; nullopt is all FF.
Result<Buffer> encode_value(const Format& format, const std::optional<Value>& value);

// One value of an item.
struct Part {
    std::string name;  // "forward_active_peak", as an address may have it
    std::string zh, en;
    std::string unit;  // "" = none
    Format format;
};
// What an identifier stands for. A block (FF) has several parts, a demand its value and the time of it.
struct Item {
    Standard standard = Standard::of_2007;
    std::uint32_t id = 0;
    std::string name, zh, en;
    std::vector<Part> parts;  // in order; a meter may send fewer: it has less tariffs or phases
    bool is_block = false;
};
// "0001FF00", of 1997 "9010".
std::string id_text(Standard standard, std::uint32_t id);
// The common ones of tables A.1 to A.5; nullopt for those that are not known here.
std::optional<Item> describe(Standard standard, std::uint32_t id);
// Names that an address may have, with what they are, in order; what one has @n for is there once, without.
const std::vector<Part>& known_names(Standard standard);

struct PartValue {
    std::size_t part = 0;  // index in Item::parts
    std::optional<Value> value;
};
// All parts that came. Code::malformed when the bytes end within a part or are more than the item's.
Result<std::vector<PartValue>> decode_item(const Item& item, Bytes value);
// For a meter: as many parts as there are values.
Result<Buffer> encode_item(const Item& item, std::span<const std::optional<Value>> values);

// ---- addresses of properties ----

// Where a property's value is: an identifier in hexadecimal or a name.
//   00010000          forward active energy, total        forward_active_total     the same
//   0001FF00          its block: all tariffs               0001FF00.3               the third of it (peak)
//   01010000          forward active demand                01010000.time            when it was
//   00010001          a settlement day back                forward_active_total@1   the same
//   028000FE/XX.XX    what only its maker knows: the format is said
struct Address {
    std::uint32_t id = 0;
    std::uint16_t part = 0;  // 1 … ; 0: a whole block
    std::optional<Format> format;
    friend bool operator==(const Address&, const Address&) = default;
};
// Code::invalid says what is wrong and what would be right.
Result<Address> parse_address(Standard standard, std::string_view text);
// The property's value as `type`; nullopt: the meter does not measure it. Whole blocks only as text, parts with blanks
// between. Code::limit when it does not fit the type, Code::malformed when the bytes are not of this item.
Result<std::optional<Value>> decode_property(Standard standard, const Address& address, Bytes value, ValueType type);

}  // namespace gongshu::wire::dlt645
