#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/modbus.h"

// What the makers of PLCs call the coils and registers that their PLCs answer with by Modbus: D100, M20, X17, HD0, and
// 40001 or 4x1 where nobody gave them names. Pure: no sockets, no clock.
namespace gongshu::wire::modbus {

// The four tables of a Modbus device.
enum class Table : std::uint8_t { coils, discrete_inputs, holding_registers, input_registers };

// How the places are called. Of each maker it is the map of the largest PLC: a smaller one answers "illegal data
// address" beyond its end. Where a source leaves open what holds, the map has no such place, and a register number is
// to be written instead. Sources, and what is not sure:
//
// inovance   H3U, H5U, Easy. EMQX Neuron documentation, "Inovance Modbus TCP", the table of small PLCs (M, B, S, X, Y,
//            D, R of H5U and Easy); what H3U has besides them (SM, SD, T, C, M and D from 8000 on) as the open driver
//            libraries for Inovance agree on it: its manual was not seen. X is never written here, though that table
//            allows it. AM and AC (MW, QX) count otherwise: generic.
// delta_dvp  ES2, EX2, SS2, SA2, SX2, SE. DVP-ES2 Operation Manual (Programming), 4.4 "PLC Device Address": X by
//            function 2 alone. Older ones (ES, SS, SA, EH) print the same but for the values of C200 to C255, for which
//            they give the numbers of the contacts: not sure there. D10000 and more of the EH3 is not in it.
// delta_as   AS300, AS200. AS manual, "Function Codes and Number of Devices Supported", for what each function reaches;
//            the addresses as the open driver libraries for Delta agree on them, for inputs and outputs as the DVP-15MC
//            manual prints them too. The ends of the areas were not seen in print. The values of HC (32 bits) are left
//            out: the manual does not say how they lie.
// xinje_xc   XC1 to XC5, XCM, XCC. XMP operating manual, "Communication address", and EMQX Neuron documentation, "XINJE
//            Modbus RTU", which print the same table.
// xinje_xd   XD1 to XD5, XDM, XDC, XDH, XL. XD series user manual, 6-2 "Modbus communication", and EMQX Neuron
//            documentation, the table of XD5 and XDH.
// haiwell    Haiwell sheet "PLC Communication Address". X and Y count in decimal. CV48 to CV79 have 32 bits and are
//            left out: the sheet does not say how they lie.
// generic    The Modicon numbers, of five digits (40001 to 49999) and of six (400001 to 465536), and the form of HMIs
//            (4x1, 0x17). They count from 1. An HMI or a sheet that counts 4x from 0 is one off: add one.
enum class Dialect : std::uint8_t { inovance, delta_dvp, delta_as, xinje_xc, xinje_xd, haiwell, generic };
inline constexpr std::size_t kDialects = 7;
std::optional<Dialect> parse_dialect(std::string_view name);  // "inovance", "delta_dvp", …
std::string_view to_string(Dialect dialect);

enum class Width : std::uint8_t { bit, word, dword };

// Where a value lies.
struct Place {
    Table table = Table::holding_registers;
    std::uint16_t address = 0;  // as on the wire
    Width width = Width::word;
    std::optional<std::uint8_t> bit;  // of a word: D100.3
    bool writable = true;
    // Its area, in bits or registers: where it begins, and how many there are from `address` to its end. What follows is
    // something else, or nothing.
    std::uint16_t area_first = 0;
    std::uint32_t room = 1;
    friend bool operator==(const Place&, const Place&) = default;
};

// T5 and C5 are a contact and a current value at once: which one is meant. Where there is only the other, that one.
enum class Wanted : std::uint8_t { value, bit };

// "D100", "d100.3", "M20", "X17", "HD0", "40001", "4x100.3", in any case. X and Y are octal where the maker counts
// them so; of AS they are words with the bit behind the point (X0.15). Code::invalid says what is wrong with which part,
// what there is and what to write: an unknown name, a digit that is none, a number outside, full-width characters.
Result<Place> parse_place(Dialect dialect, std::string_view text, Wanted wanted = Wanted::value);
// As the manual prints it; undoes parse_place(). `place` is of this dialect (ASSERT).
std::string to_text(Dialect dialect, const Place& place);
// What lies there; "" = nothing that has a name.
std::string name_at(Dialect dialect, Table table, std::uint16_t address);

// How values of 32 and 64 bits lie when nobody says: the low word first (CDAB), of generic the high one (ABCD). Of
// Inovance as Neuron's table has it; of the others as their 32 bit instructions count (D0 low, D1 high), not seen on a
// machine.
WordOrder usual_order(Dialect dialect);

// How a value lies at its place, as people write it: "bool", "f32", "text[20]", and behind it the order of its bytes
// where that is not the usual one: "f32 ABCD". "" is what the place is by itself.
struct Form {
    std::optional<Encoding> encoding;
    std::uint16_t characters = 0;  // of text
    std::optional<WordOrder> order;
};
Result<Form> parse_form(std::string_view as);

struct Layout {
    ValueCodec codec;  // not used for coils and discrete inputs; no scale
    std::uint16_t count = 1;
};
// `order` is of 32 and 64 bits where the form names none. Text has its first character in the low half of a word, of
// generic in the high one. Without a form a word is i16 (of generic u16) and 32 bits are i32. Code::invalid says what
// does not suit: a number from M20, a bit from D100, a value that passes the end of its area.
Result<Layout> layout_of(Dialect dialect, const Place& place, const Form& form, WordOrder order, bool boolean);

}  // namespace gongshu::wire::modbus
