#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "data/quality.h"

// IEC 60870-5-104, by which substations, grid outstations and power meters are watched and operated over TCP port 2404:
// bytes to structs and back, for both sides. No sockets, no clock. A client's side of a conversation: iec104_client.h.
// After IEC 60870-5-104 and 60870-5-101 (types, qualifiers and causes), 60870-5-4 (elements), and DL/T 634.5104, which
// is the same in Chinese. Both directions are tried against Scapy's codec (tests/e2e/iec104_test.py): neither Debian
// nor npm has a whole outstation.
//
// apdu    := 0x68 length:u8 control:u8[4] [asdu]                       length counts what follows it, 4 to 253
// control := send<<1:u16 receive<<1:u16 (I) | 1 0 receive<<1:u16 (S) | function|3 0 0 0 (U)   numbers low byte first
// asdu    := type:u8 count|SQ<<7:u8 cause|negative<<6|test<<7:u8 originator:u8 common_address:u16 object…
// object  := address:u24 element [time]                                with SQ only the first has an address
//
// Widths are those that the standard fixes for TCP: two bytes of cause, two of common address, three of object address.
// Types with the short time (CP24Time2a), files, parameters and events of protection equipment are not known here.
namespace gongshu::wire::iec104 {

inline constexpr std::uint16_t kPort = 2404;
inline constexpr std::size_t kApduLengthMax = 253;  // as its second byte says
inline constexpr std::size_t kFrameBytesMax = 2 + kApduLengthMax;
inline constexpr std::size_t kAsduBytesMax = kApduLengthMax - 4;
inline constexpr std::uint32_t kAddressMax = 0xff'ffff;  // of an object; 0 = it has none
inline constexpr std::uint16_t kBroadcast = 0xffff;      // common address of all outstations
inline constexpr std::size_t kObjectsMax = 127;
inline constexpr std::uint16_t kSequenceCount = 1u << 15;  // numbers of I frames go from 0 to 32767

// ---- frames ----

enum class Function : std::uint8_t {
    start_act = 0x07,  // STARTDT
    start_con = 0x0b,
    stop_act = 0x13,  // STOPDT
    stop_con = 0x23,
    test_act = 0x43,  // TESTFR
    test_con = 0x83,
};
struct Information {
    std::uint16_t send = 0;     // N(S), 0 … 32767
    std::uint16_t receive = 0;  // N(R): the next number that the sender expects
    Bytes asdu;                 // of one that arrived: valid during the callback
};
struct Supervisory {
    std::uint16_t receive = 0;
};
struct Unnumbered {
    Function function = Function::test_act;
};
using Frame = std::variant<Information, Supervisory, Unnumbered>;

// An ASDU of 1 to kAsduBytesMax bytes; another is our own bug (ASSERT).
Buffer encode_frame(const Frame& frame);
// "STARTDT act".
std::string_view to_string(Function function);

// Cuts received bytes into frames.
// Lives:   one per link. Threads: none of its own.
// Bounds:  holds less than one frame (kFrameBytesMax).
class FrameDecoder {
public:
    // Takes bytes in any split; calls `on_frame` once for each, in order; it must not destroy the decoder, and returns
    // false to stop (the rest is forgotten). Code::malformed for what can be no frame: the link must be closed. After
    // that every call gives the same error until reset().
    Result<void> feed(Bytes received, const std::function<bool(const Frame&)>& on_frame);
    void reset();
    std::size_t buffered_bytes() const { return buffer_.size(); }

private:
    Buffer buffer_;
    std::optional<Error> broken_;
};

// ---- what is told and ordered ----

enum class Type : std::uint8_t {
    m_sp_na_1 = 1,   // single point
    m_dp_na_1 = 3,   // double point
    m_st_na_1 = 5,   // step position
    m_bo_na_1 = 7,   // bitstring of 32 bits
    m_me_na_1 = 9,   // measured value, normalised
    m_me_nb_1 = 11,  // measured value, scaled
    m_me_nc_1 = 13,  // measured value, short floating point
    m_it_na_1 = 15,  // integrated totals
    m_me_nd_1 = 21,  // measured value, normalised, without quality
    m_sp_tb_1 = 30,  // the same with CP56Time2a
    m_dp_tb_1 = 31,
    m_st_tb_1 = 32,
    m_bo_tb_1 = 33,
    m_me_td_1 = 34,
    m_me_te_1 = 35,
    m_me_tf_1 = 36,
    m_it_tb_1 = 37,
    c_sc_na_1 = 45,  // single command
    c_dc_na_1 = 46,  // double command
    c_rc_na_1 = 47,  // regulating step command
    c_se_na_1 = 48,  // set point, normalised
    c_se_nb_1 = 49,  // set point, scaled
    c_se_nc_1 = 50,  // set point, short floating point
    c_bo_na_1 = 51,  // bitstring of 32 bits
    c_sc_ta_1 = 58,  // the same with CP56Time2a
    c_dc_ta_1 = 59,
    c_rc_ta_1 = 60,
    c_se_ta_1 = 61,
    c_se_tb_1 = 62,
    c_se_tc_1 = 63,
    c_bo_ta_1 = 64,
    m_ei_na_1 = 70,   // end of initialisation
    c_ic_na_1 = 100,  // interrogation
    c_ci_na_1 = 101,  // counter interrogation
    c_rd_na_1 = 102,  // read
    c_cs_na_1 = 103,  // clock synchronisation
    c_ts_na_1 = 104,  // test, with the fixed pattern 0x55aa
    c_ts_ta_1 = 107,  // test, with a counter and CP56Time2a
};
std::span<const Type> types();
bool is_known(Type type);
// "M_SP_NA_1"; "type 20" for one that is not known here.
std::string to_string(Type type);
// By name, whatever its case (C_SC_NA_1, C_SC_NA, or C_SC where there is one such kind), or by number.
std::optional<Type> parse_type(std::string_view text);
bool is_point(Type type);    // process information that an outstation tells: 1 to 37
bool is_command(Type type);  // 45 to 64
bool has_time(Type type);

enum class Cause : std::uint8_t {  // 6 bits; others than these arrive too
    periodic = 1,
    background = 2,
    spontaneous = 3,
    initialised = 4,
    requested = 5,
    activation = 6,
    activation_con = 7,
    deactivation = 8,
    deactivation_con = 9,
    activation_term = 10,
    return_remote = 11,
    return_local = 12,
    file = 13,
    interrogated_station = 20,  // 21 to 36: by groups 1 to 16
    counters_general = 37,      // 38 to 41: by groups 1 to 4
    unknown_type = 44,
    unknown_cause = 45,
    unknown_common_address = 46,
    unknown_address = 47,
};
// "spontaneous"; "cause 63" for one that the standard does not define.
std::string to_string(Cause cause);

// CP56Time2a as it stands in the bytes; it need not be a time that exists.
struct Time {
    std::uint16_t milliseconds = 0;  // with the seconds: 0 … 59999
    std::uint8_t minute = 0;         // 6 bits
    std::uint8_t hour = 0;           // 5 bits
    std::uint8_t day = 0;            // of the month, 5 bits
    std::uint8_t weekday = 0;        // 1 = Monday … 7, 0 = not said
    std::uint8_t month = 0;          // 4 bits
    std::uint8_t year = 0;           // 0 … 69 = 2000 … 2069, 70 … 99 = 1970 … 1999; 7 bits
    bool substituted = false;        // put in on the way, by an outstation whose own has no clock
    bool invalid = false;
    bool summer = false;
    friend bool operator==(const Time&, const Time&) = default;
};
// What the outstations' clocks show; UTC unless told otherwise.
struct Zone {
    int offset_minutes = 0;    // east of UTC, of standard time: 480 in China
    bool heeds_summer = true;  // one hour more while an outstation says that it is summer time
    friend bool operator==(const Zone&, const Zone&) = default;
};
// nullopt when it is marked invalid or there is no such time.
std::optional<TimeNs> time_of(const Time& time, const Zone& zone = {});
// Cut to whole milliseconds, always in standard time. nullopt outside of 1970 to 2069.
std::optional<Time> to_time(TimeNs time, const Zone& zone = {});

// Bits of Object::flags, as they lie in the bytes.
inline constexpr std::uint8_t kOverflow = 0x01;     // OV: beyond what the value can show
inline constexpr std::uint8_t kBlocked = 0x10;      // BL: kept as it was when it was blocked
inline constexpr std::uint8_t kSubstituted = 0x20;  // SB: put in by hand or by a program
inline constexpr std::uint8_t kNotTopical = 0x40;   // NT: was not brought up to date
inline constexpr std::uint8_t kInvalid = 0x80;      // IV: the outstation holds it for wrong

// One information object. What a type has not stays as it is here.
struct Object {
    std::uint32_t address = 0;
    // Single 0 off, 1 on; double 0 intermediate, 1 off, 2 on, 3 faulty; step position -64 … 63; bitstring 0 … 2^32 - 1;
    // normalised (in 1/32768) and scaled -32768 … 32767; totals of 32 bits; step command 1 lower, 2 higher; the counter
    // of a test 0 … 65535.
    std::int64_t number = 0;
    float real = 0;             // short floating point
    std::uint8_t flags = 0;     // quality; of single and double points no OV, of totals only IV
    bool transient = false;     // step position: the equipment is on its way
    std::uint8_t sequence = 0;  // totals: number of the reading, 0 … 31
    bool carry = false;         // totals: ran over since the reading before
    bool adjusted = false;      // totals: was set since the reading before
    // Single, double and step command: QU 0 … 31 (0 as the outstation wants it, 1 short pulse, 2 long pulse, 3
    // persistent); set point: QL 0 … 127; interrogation: 20 station, 21 … 36 groups 1 to 16; counter interrogation:
    // group 1 … 4 or 5 all, and what becomes of them in bits 6-7 (0 only read, 1 freeze, 2 freeze and reset, 3 reset);
    // end of initialisation: why (0 switched on, 1 reset here, 2 reset from afar; +128 after a change of parameters).
    std::uint8_t qualifier = 0;
    bool select = false;  // commands: S/E
    std::optional<Time> time;
    friend bool operator==(const Object&, const Object&) = default;
};

struct Asdu {
    Type type = Type::m_sp_na_1;
    bool sequence = false;  // SQ: addresses follow each other, only the first is sent
    Cause cause = Cause::spontaneous;
    bool negative = false;
    bool test = false;
    std::uint8_t originator = 0;
    std::uint16_t common_address = 1;
    std::vector<Object> objects;  // 1 … kObjectsMax
    friend bool operator==(const Asdu&, const Asdu&) = default;
};

// Code::invalid for what does not fit its type, Code::limit for more than kAsduBytesMax, Code::unsupported for an
// unknown type.
Result<Buffer> encode_asdu(const Asdu& asdu);
// Code::malformed when its lengths do not add up, Code::unsupported for an unknown type.
Result<Asdu> decode_asdu(Bytes asdu);
// The same without objects, of any type; Code::malformed when it is shorter than that, or longer than kAsduBytesMax.
Result<Asdu> decode_header(Bytes asdu);
// How many objects of a type one ASDU holds.
std::size_t objects_max(Type type, bool sequence = false);

// What a point is worth: normalised values from -1 to 0.99997, all others as they are.
double number_of(Type type, const Object& object);
// How far it can be trusted, by the first that holds:
//   IV, double point 3                bad:sensor          the outstation itself holds it for wrong
//   OV                                bad:range           the true value is beyond what is shown
//   NT                                uncertain:silent    not brought up to date
//   BL                                uncertain:stopped   its transmission is blocked
//   SB                                uncertain:manual    put in by hand or by a program
//   double point 0, step in motion    uncertain:unstable  on its way
//   a time that cannot be used        uncertain:clock     take the time of arrival instead
// A total that ran over or was set (carry, adjusted) is good: it is what the counter shows.
Quality quality_of(Type type, const Object& object, const Zone& zone = {});

// Why an outstation refused what `asdu` mirrors (negative, or a cause from 44 to 47), in words.
Error refusal(const Asdu& asdu);

// ---- addresses as people write them ----

// [type ":" | type " "] [common_address "/"] object_address
//   4001   1/4001   13:4001   M_ME_NC 4001   C_SC_NA_1 1/0x6001   45:1/6001H   0.64.1
// Hexadecimal is 0x6001 or 6001H, which is how Chinese tables of points have it; three bytes with dots, the highest
// first, are one address too. The type is for commands; of a point that is only read it says what is expected. The
// common address is that of the connection unless it is there.
struct Address {
    std::optional<Type> type;
    std::optional<std::uint16_t> common_address;  // 1 … 65534
    std::uint32_t address = 0;                    // 1 … kAddressMax
    friend bool operator==(const Address&, const Address&) = default;
};
// Code::invalid names the character and what is expected there.
Result<Address> parse_address(std::string_view text);
// "C_SC_NA_1 1/6001".
std::string to_string(const Address& address);

}  // namespace gongshu::wire::iec104
