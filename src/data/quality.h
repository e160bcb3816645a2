#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gongshu {

// OPC's three grades (OPC UA part 8, §7.4): may it be used, may it perhaps be used, may it not.
enum class Grade : std::uint8_t { bad = 0, uncertain = 1, good = 2 };  // on disk: never renumber

enum class Reason : std::uint8_t {  // on disk: never renumber
    none = 0,
    timeout = 1,       // the machine did not answer in time
    disconnected = 2,  // no link
    refused = 3,       // the machine answered with an error (Modbus exception …)
    config = 4,        // address, type or scale cannot be right
    type = 5,          // the value does not fit the tag's type
    clock = 6,         // the sender's time was unusable; server time was taken
    range = 7,         // outside the limits of the device type
    stopped = 8,       // the connection or device is switched off
    sensor = 9,        // the sender itself says its sensor failed
    silent = 10,       // nothing came for longer than agreed
    computed = 11,     // computed from inputs that were not all good
    manual = 12,       // put in by hand
    unstable = 13,     // the sender itself says that it has not settled: a scale in motion
};

// How far a value can be trusted. Text form: "good", "uncertain:clock", "bad:timeout", then flags: "good+late".
struct Quality {
    Grade grade = Grade::good;
    Reason reason = Reason::none;
    bool late = false;       // came after newer readings of its tag were sealed, or more than 10 s after its time
    bool filled = false;     // made to fill a gap
    bool estimated = false;  // a model said so, not a sensor

    bool good() const { return grade == Grade::good; }
    bool usable() const { return grade != Grade::bad; }
    friend bool operator==(Quality, Quality) = default;
};

inline constexpr Quality kGood{};
constexpr Quality bad(Reason reason) { return {Grade::bad, reason}; }
constexpr Quality uncertain(Reason reason) { return {Grade::uncertain, reason}; }

std::string_view to_string(Grade grade);
std::string_view to_string(Reason reason);
std::string to_string(Quality quality);
// Accepts what to_string() gives and OPC's numbers ("192"); nullopt for anything else.
std::optional<Quality> parse_quality(std::string_view text);

// Two bytes as stored: grade in bits 0-1, flags in bits 2-4, reason in the high byte.
std::uint16_t pack(Quality quality);
Quality unpack_quality(std::uint16_t bits);

}  // namespace gongshu
