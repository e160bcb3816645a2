#pragma once

#include <optional>

#include "data/value.h"
#include "wire/s7.h"

// Where a variable lies in an S7 CPU, as engineers write it, and how its value lies in the bytes there.
namespace gongshu::wire::s7 {

// Big-endian all of them, as the CPU has them. bool is one bit; byte, word, dword, usint, uint, udint, ulint are
// without sign, sint, int, dint, lint with it; real and lreal IEEE 754; char is a text of fixed length.
enum class Type : std::uint8_t {
    boolean,
    byte,
    word,
    dword,
    sint,
    usint,
    integer,
    uint,
    dint,
    udint,
    lint,
    ulint,
    real,
    lreal,
    character,
    string,         // its longest length, its length, then bytes; of the 200 SMART and LOGO! without the first
    wstring,        // the same in words and UTF-16
    s5time,         // three BCD digits of 10 ms, 100 ms, 1 s or 10 s; a value in ms
    time,           // a value in ms, with sign
    date_and_time,  // eight bytes of BCD, 1990 to 2089; a text such as 2026-03-01T08:00:00.123, without a zone
    dtl,            // twelve bytes, 1970 to 2262, to the nanosecond; such a text
    counter,        // three BCD digits
};
std::string_view to_string(Type type);

// How the bytes of char and string are meant: the CPU itself does not say.
enum class Charset : std::uint8_t { utf_8, latin_1 };
std::optional<Charset> parse_charset(std::string_view name);  // "utf-8", "latin-1"
std::string_view to_string(Charset charset);

// How a value lies in bytes. value = raw * scale + offset (numbers and times only).
struct ValueCodec {
    Type type = Type::word;
    std::uint16_t length = 0;   // of texts: characters (UTF-16 units of a wstring) that fit
    bool short_string = false;  // the string has no byte for its longest length
    Charset charset = Charset::utf_8;
    double scale = 1;  // not 0
    double offset = 0;
    friend bool operator==(const ValueCodec&, const ValueCodec&) = default;
};
inline constexpr std::uint16_t kStringLengthMax = 254;  // Siemens's own
inline constexpr std::uint16_t kTextLengthMax = 1024;   // of char and wstring: ours

// Bytes that a value takes; a bool is in one.
std::size_t byte_count(const ValueCodec& codec);

struct Variable {
    Area area = Area::data_block;
    std::uint16_t block = 0;
    std::uint32_t start = 0;  // byte 0 … 65535; number of a counter or timer 0 … 2047
    std::uint8_t bit = 0;
    ValueCodec codec;
    friend bool operator==(const Variable&, const Variable&) = default;
};

// Reads an address and a type as engineers write them. Addresses: DB10.DBX4.1, DB10.DBB0, DB10.DBW2, DB10.DBD4; M0.1,
// MB0, MW10, MD20, the same with I or E, Q or A, and V (data block 1 of the 200 SMART and LOGO!); T5; C3 or Z3. Small
// letters, % in front and spaces before a number are fine. Types: the names above with string[20], wstring[20],
// char[8]; "" is what the address is by itself: bool, byte, word, dword, s5time of a T, counter of a C. A type of one,
// two or four bytes must be of the width that the address says; longer ones begin there. Code::invalid says at which
// character what is wrong, and how it should read.
Result<Variable> parse_variable(std::string_view address, std::string_view type);
// The address in its usual form.
std::string address_text(const Variable& variable);
// "string[20]"
std::string type_text(const ValueCodec& codec);

// What to read for it: whole bytes, so that neighbours can be joined; a bit is taken out of its byte.
Item read_item(const Variable& variable);

// The value as `type` out of the bytes of read_item(). Code::malformed for BCD digits over 9, texts that are longer
// than they can be or not of their charset, and dates that do not exist; Code::limit when the value does not fit `type`
// (2^63 in an integer, 0.5 in an integer). NaN and infinities come through as they are; a real is given as the
// shortest decimal that names it. A string ends where its length says, a char at its first NUL and without spaces at
// its end.
Result<Value> decode_value(const Variable& variable, Bytes bytes, ValueType type);

struct Write {
    Item item;
    Buffer data;
};
// What to write so that decode_value() gives the value again. A bool is written as a bit, its neighbours stay; of a
// string only length and characters, so that the CPU's own longest length stays. Code::limit when the value does not
// fit or only rounded (the nearest values are named; a fraction in a real may be off by its last bit), Code::invalid
// when the value's type does not suit.
Result<Write> encode_value(const Variable& variable, const Value& value);

}  // namespace gongshu::wire::s7
