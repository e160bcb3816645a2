#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

// AIBUS, how the AI instruments of Yudian (temperature controllers, indicators) speak on RS-485 and RS-232: bytes to structs
// and back, for both sides. No sockets, no clock.
//
// request := (80H+address):2 52H parameter 0:u16 sum:u16           read      numbers low byte first, two's complement;
//            (80H+address):2 43H parameter value:u16 sum:u16       write     the address is 0 to 100, of most models to 80
// answer  := PV:i16 SV:i16 MV:i8 status:u8 value:i16 sum:u16       to both: `value` is that of the parameter
// sum of a read: parameter * 256 + 52H + address; of a write: parameter * 256 + 43H + value + address; of an answer:
// PV + SV + (status * 256 + MV) + value + address; each modulo 65536.
//
// An answer has no head and does not say which parameter it is about: only the sum tells whose it is.
//
// Sources, all public, and how sure they make us:
//   certain   frames and sums: Yudian's "AIBUS and MODBUS communication protocol" V7.0 and V8.0 as many sites print it, and
//             drivers of others that agree (foxclever's on CSDN and cnblogs); the parameters 00H to 11H and 16H: the table of
//             V8.0/V8.2 (AI-516 to AI-719).
//   likely    the bits 0 to 4 of the status (HIAL, LoAL, dHAL, dLAL, orAL); 7F7FH and 7FFFH as "no such parameter": both lie
//             beyond what an instrument shows (-9990 to 32000).
//   custom    the decimal point: values come as whole numbers, and dPt says how many of their digits stand behind the point;
//             128 more means one digit beyond what is shown. Whoever reads knows it: value = raw * 0.1 where dPt is 1 or 129.
namespace gongshu::wire::aibus {

inline constexpr std::size_t kRequestBytes = 8;
inline constexpr std::size_t kAnswerBytes = 10;
inline constexpr std::uint8_t kAddressMax = 100;

struct Request {
    std::uint8_t address = 1;  // at most kAddressMax
    bool writes = false;
    std::uint8_t parameter = 0;
    std::int16_t value = 0;  // of a write
    friend bool operator==(const Request&, const Request&) = default;
};

struct Answer {
    std::int16_t pv = 0, sv = 0;
    std::int8_t mv = 0;
    std::uint8_t status = 0;
    std::int16_t value = 0;
    friend bool operator==(const Answer&, const Answer&) = default;
};

Buffer encode_request(const Request& request);
// For an instrument. Code::malformed for bytes that are none.
Result<Request> decode_request(Bytes bytes);
// For an instrument.
Buffer encode_answer(std::uint8_t address, const Answer& answer);
// Ten bytes. Code::malformed when the sum is wrong, or another instrument's.
Result<Answer> decode_answer(std::uint8_t address, Bytes bytes);
// Whether the value of an answer says that the instrument has no such parameter.
bool is_missing(std::int16_t value);

// Finds the answer among what comes: our own request may come back first, and noise may lie around.
// Lives:   one per line. Threads: none of its own. Bounds: holds less than kAnswerBytes.
class AnswerDecoder {
public:
    // What was sent: the next answer is that to it. Forgets what came before.
    void expect(const Request& request);
    // Takes bytes in any split; the answer, once. What comes behind it is left out.
    std::optional<Answer> feed(Bytes received);
    std::size_t buffered_bytes() const { return buffer_.size(); }
    std::uint64_t skipped_bytes() const { return skipped_; }
    bool has_echo() const { return has_echo_; }  // since expect()

private:
    Request asked_;
    Buffer echo_;
    Buffer buffer_;
    std::uint64_t skipped_ = 0;
    bool has_echo_ = false;
};

// ---- addresses of properties ----

// Which of what an instrument tells.
enum class Field : std::uint8_t { pv, sv, mv, status, parameter };
struct Place {
    Field field = Field::pv;
    std::uint8_t parameter = 0;       // of parameter, and what is written where the field is sv
    std::optional<std::uint8_t> bit;  // of status
    friend bool operator==(const Place&, const Place&) = default;
};
//   PV  SV  MV        as every answer has them; SV is the set point that holds now
//   status  status.3  the alarms as a number, one bit of them
//   alarm.HIAL        the same by name: HIAL, LoAL, dHAL (HdAL), dLAL (LdAL), orAL
//   HIAL  dPt  P      a parameter by the name that the instrument shows: see known_names()
//   1BH  0x1B         a parameter by its code
// In any case. Code::invalid says what is wrong and what would be right.
Result<Place> parse_place(std::string_view text);
std::string to_string(const Place& place);
// "SV, HIAL, LoAL, …": the parameters that have names here.
std::string known_names();

// "1" to "100", 0 too: the instrument's parameter Addr. Code::invalid otherwise.
Result<std::uint8_t> parse_station(std::string_view text);

}  // namespace gongshu::wire::aibus
