// What the other end says by numbers, in words.
#include <utility>

#include "wire/s7.h"

namespace gongshu::wire::s7 {

namespace {

struct Meaning {
    unsigned code;
    std::string_view text;
};

template <std::size_t n>
std::string_view meaning_of(const Meaning (&list)[n], unsigned code, std::string_view otherwise) {
    for (const Meaning& meaning : list)
        if (meaning.code == code) return meaning.text;
    return otherwise;
}

constexpr Meaning kReasons[] = {
    {0, "no reason given; are rack and slot, or the TSAPs, those of the CPU?"},
    {1, "all connections of the CPU are taken: end others, or allow more in its hardware configuration"},
    {2, "nothing answers at this TSAP: are rack and slot right?"},
    {3, "the CPU does not know this TSAP: are rack and slot right?"},
    {128, "the CPU ended the connection"},
    {129, "the CPU is overloaded"},
    {130, "the CPU does not agree to the terms of the connection"},
    {133, "the CPU found a fault in the protocol"},
    {136, "the CPU takes no connection here"},
    {138, "the CPU found a wrong header"},
};
constexpr Meaning kCauses[] = {
    {1, "a parameter has a wrong code"},
    {2, "a message has a wrong kind"},
    {3, "a parameter has a wrong value"},
};
constexpr Meaning kItemCodes[] = {
    {0x01, "hardware fault in the PLC"},
    {0x03, "access denied: allow PUT/GET communication in the protection settings of the CPU"},
    {0x05, "the address is out of range: the area or data block is shorter than that, or the data block is optimised"},
    {0x06, "the PLC does not support this data type here"},
    {0x07, "the data type or the length does not match"},
    {0x0a, "the object does not exist: the CPU has no such data block or area"},
};
// Of a data block two things that people switch on unknowingly look as if it were not there.
constexpr std::string_view kNoBlock =
    "there is no such data block, or it is optimised or PUT/GET is off: in TIA Portal switch off \"Optimized block "
    "access\" of the block, and allow PUT/GET communication in the protection settings of the CPU";
constexpr Meaning kHeaderErrors[] = {
    {0x8001, "the CPU cannot do this in its present state"},
    {0x8100, "the CPU does not know this service"},
    {0x8104, "the CPU does not offer this, or PUT/GET is off: allow it in the protection settings of the CPU"},
    {0x8302, "the CPU has no resources left"},
    {0x8304, "the CPU has too many jobs at once"},
    {0x8305, "the CPU does not offer this function"},
    {0x8306, "the CPU has not enough memory"},
    {0x8401, "the CPU cannot do this in its present operating state"},
    {0x8404, "the CPU met a serious fault in its program"},
    {0x8500, "the message is longer than what was agreed"},
    {0x8702, "the address is invalid"},
    {0xd241, "the CPU asks for a password: lower its protection level"},
    {0xd401, "the CPU does not know this list"},
    {0xd402, "the CPU does not know this list or index"},
    {0xd602, "the password is wrong"},
    {0xdc01, "the CPU found a wrong value"},
};
constexpr Meaning kErrorClasses[] = {
    {0x81, "fault of the application relationship"},
    {0x82, "fault of the object's definition"},
    {0x83, "no resources available"},
    {0x84, "fault in processing the service"},
    {0x85, "fault of the message"},
    {0x87, "fault of the access"},
};

constexpr std::string_view kNotListed = "not in the list of known codes";

std::string_view letter_of(Area area) {
    switch (area) {
        case Area::counters:
            return "C";
        case Area::timers:
            return "T";
        case Area::inputs:
            return "I";
        case Area::outputs:
            return "Q";
        case Area::memory:
            return "M";
        case Area::data_block:
            return "DB";
    }
    return "?";
}

}  // namespace

std::string to_string(const Item& item) {
    const std::string_view letter = letter_of(item.area);
    const bool is_block = item.area == Area::data_block;
    if (item.area == Area::counters || item.area == Area::timers)
        return item.count == 1 ? fmt::format("{}{}", letter, item.start)
                               : fmt::format("{}{}-{}{}", letter, item.start, letter, item.start + item.count - 1u);
    if (item.transport == Transport::bit)
        return is_block ? fmt::format("DB{}.DBX{}.{}", item.block, item.start, item.bit)
                        : fmt::format("{}{}.{}", letter, item.start, item.bit);
    const std::string place = is_block ? fmt::format("DB{}", item.block) : std::string(letter);
    return fmt::format("{}, byte {} ({} bytes)", place, item.start, byte_count(item));
}

Error explain(const Disconnect& disconnect) {
    return Error{Code::unavailable, "the PLC refuses the connection: reason {} ({})", disconnect.reason,
                 meaning_of(kReasons, disconnect.reason, kNotListed)};
}

Error explain(const Rejection& rejection) {
    return Error{Code::unavailable, "the PLC rejects what was sent: cause {} ({})", rejection.cause,
                 meaning_of(kCauses, rejection.cause, kNotListed)};
}

Error explain(const Item& item, ReturnCode code) {
    const bool no_block = code == ReturnCode::object_missing && item.area == Area::data_block;
    return Error{Code::unavailable, "{}: code 0x{:02x} ({})", to_string(item), static_cast<unsigned>(code),
                 no_block ? kNoBlock : meaning_of(kItemCodes, static_cast<unsigned>(code), kNotListed)};
}

Error explain(HeaderError error) {
    const auto code = static_cast<unsigned>(error);
    return Error{Code::unavailable, "the PLC answers with error 0x{:04x} ({})", code,
                 meaning_of(kHeaderErrors, code, meaning_of(kErrorClasses, code >> 8, kNotListed))};
}

}  // namespace gongshu::wire::s7
