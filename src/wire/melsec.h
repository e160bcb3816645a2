#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/modbus.h"

// What a Mitsubishi PLC calls its devices (软元件: D100, M20, X17) and how values lie in them. "PLC device" is said for
// them where "device" alone, which is a machine of ours, could be meant.
// Sources: MELSEC Communication Protocol Reference Manual (SH-080008), "Device code list"; FX3U-ENET and FX3U-ENET-ADP
// User's Manuals, "Designation method and accessible range of devices"; FX5 User's Manual (SLMP), "Device range".
// Pure: no sockets, no clock.
namespace gongshu::wire::melsec {

// Which PLC it is: decides how X and Y are counted, which PLC devices there are and how they are addressed.
enum class Family : std::uint8_t {
    fx,    // FX1S, FX1N, FX2N: programming port with the first commands
    fx3,   // FX3S, FX3G, FX3U and clones: 1E frame, programming port with the extended commands
    iq_f,  // FX5: 3E and 1E
    q_l,   // Q, L: 3E, 4E and 1E
    iq_r,  // iQ-R: 3E and 4E with device numbers of 32 bits
};
std::optional<Family> parse_family(std::string_view name);  // "fx", "fx3", "iq_f", "q_l", "iq_r"
std::string_view to_string(Family family);

// Word devices first: requests that name several want them in this order.
enum class DeviceCode : std::uint8_t {
    // clang-format off
    D, SD, W, SW, R, ZR, TN, STN, CN, Z,
    X, Y, M, L, F, V, B, S, SM, SB, DX, DY, TS, TC, STS, STC, CS, CC,
    // clang-format on
};
enum class Radix : std::uint8_t { decimal = 10, hexadecimal = 16, octal = 8 };

// What is known of a PLC device; one line of the manuals' list.
struct DeviceInfo {
    DeviceCode code;
    std::string_view name;   // as a person writes it and as iQ-R's ASCII does, without the asterisks
    std::string_view ascii;  // as Q and L's ASCII does, without the asterisk: "SS" where the name is STS
    std::uint8_t binary;
    std::uint16_t one_e;  // two letters, the first one high; 0 = cannot be reached by the 1E frame
    bool bits;
    Radix radix;  // of X and Y on Q, L and iQ-R
    std::uint8_t families;
};
const DeviceInfo& info_of(DeviceCode code);
const DeviceInfo* find_by_name(std::string_view name);
const DeviceInfo* find_by_ascii(std::string_view ascii);
const DeviceInfo* find_by_binary(std::uint16_t binary);
const DeviceInfo* find_by_one_e(std::uint16_t code);
bool is_bits(DeviceCode code);
// Octal for X and Y where the family counts them so.
Radix radix_of(DeviceCode code, Family family);

// The first of some PLC devices.
struct Place {
    DeviceCode code = DeviceCode::D;
    std::uint32_t number = 0;  // 0 … kNumberMax
    friend auto operator<=>(const Place&, const Place&) = default;
};
inline constexpr std::uint32_t kNumberMax = 0xffffff;

// So many points from `head` on. Points are words, of a bit device 16 relays each; for requests in bit units they are
// bits.
struct Span {
    Place head;
    std::uint16_t points = 1;
    friend bool operator==(const Span&, const Span&) = default;
};

struct Address {
    Place place;
    std::optional<std::uint8_t> bit;  // of a word device: D100.A is 10
    friend bool operator==(const Address&, const Address&) = default;
};

// "D100", "D100.A", "M20", "X17", "ZR100", "TN5", in any case. Code::invalid says what is wrong with which part and
// what to write: an unknown name, one that this family has not got, a digit that is none, a number beyond the range, T5
// for TN5 or TS5, a bit of a bit.
Result<Address> parse_address(std::string_view text, Family family);
// As the manuals print it: X17 is octal on FX, hexadecimal on Q.
std::string to_string(const Place& place, Family family);
std::string to_string(const Address& address, Family family);

// The stretch of numbers that `place` lies in and that lies together in the PLC: on FX the D from 8000 on are other
// ones than those before, and so are the 32-bit counters from C200 on. first > last: there is no such number.
struct NumberRange {
    std::uint32_t first = 1;
    std::uint32_t last = 0;
    std::uint8_t words = 1;  // that one PLC device takes; 2 for C200 … C255 on FX
};
NumberRange range_of(const Place& place, Family family);

// How a value lies from an address on. `points` is in numbers: words of word devices, bits of bit devices, counters.
struct Layout {
    modbus::ValueCodec codec;
    std::uint16_t points = 1;
};
// `characters` is for text: 1 … 246. 32 and 64 bits have their low word first, text its first character in the low half
// of a word; who has it otherwise sets codec.order afterwards. 16 relays and more can be read as a number if the first
// one's number is a multiple of 16. Code::invalid says what does not suit (a number from M20, a boolean from D100,
// int16 from CN200) and what to write.
Result<Layout> layout_of(const Address& address, Family family, modbus::Encoding encoding,
                         std::uint16_t characters = 0);

}  // namespace gongshu::wire::melsec
