// What a CPU says of itself in its system status lists.
#include <algorithm>

#include "base/assert.h"
#include "wire/s7.h"

namespace gongshu::wire::s7 {

namespace {

constexpr std::size_t kListHeaderBytes = 8;  // id, index, bytes of a record, records
constexpr std::size_t kModuleBytes = 28;     // index, order number of 20, type, two of version
constexpr std::size_t kComponentBytes = 34;  // index, text of 32
constexpr std::size_t kOrderNumberBytes = 20;
constexpr std::uint16_t kIsModule = 1, kIsFirmware = 7;

struct Component {
    std::uint16_t index;
    std::string Identity::* text;
};
constexpr Component kComponents[] = {
    {1, &Identity::system_name},   {2, &Identity::module_name}, {3, nullptr}, {4, nullptr},
    {5, &Identity::serial_number}, {7, &Identity::module_type},
};

std::uint16_t get_u16(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void put_u16(Buffer& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

// Up to the first NUL and without spaces at its end; what is no printable ASCII becomes '?'.
std::string text_of(Bytes bytes) {
    std::string text(as_text(bytes));
    text.resize(std::min(text.find('\0'), text.size()));
    text.resize(text.find_last_not_of(' ') + 1);
    for (char& c : text)
        if (c < ' ' || c > '~') c = '?';
    return text;
}

void put_text(Buffer& out, std::string_view text, std::size_t bytes, char fill) {
    for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(i < text.size() ? text[i] : fill));
}

// "V3.2.6" lies as the letter and three bytes.
std::string firmware_of(Bytes version) {
    if (version[0] != 'V') return {};
    return fmt::format("V{}.{}.{}", version[1], version[2], version[3]);
}

void add_module(Identity& identity, Bytes record) {
    const std::uint16_t index = get_u16(record, 0);
    if (index == kIsModule) identity.order_number = text_of(record.subspan(2, kOrderNumberBytes));
    if (index == kIsFirmware) identity.firmware = firmware_of(record.last(4));
}

void add_component(Identity& identity, Bytes record) {
    for (const Component& component : kComponents)
        if (component.text != nullptr && component.index == get_u16(record, 0))
            identity.*component.text = text_of(record.subspan(2));
}

void put_module(Buffer& out, std::uint16_t index, std::string_view order_number, std::string_view version) {
    put_u16(out, index);
    put_text(out, order_number, kOrderNumberBytes, ' ');
    put_u16(out, 0xc0);
    put_text(out, version, 4, '\0');
}

// The bytes of "V3.2.6"; none for another form.
std::string version_bytes(std::string_view firmware) {
    std::string bytes = "V";
    unsigned number = 0;
    for (const char c : std::string(firmware.substr(std::min<std::size_t>(1, firmware.size()))) + ".") {
        if (c == '.')
            bytes += static_cast<char>(std::exchange(number, 0));
        else
            number = number * 10 + static_cast<unsigned>(c - '0');
    }
    return bytes;
}

}  // namespace

Result<void> add_identity(Identity& identity, Bytes szl) {
    if (szl.size() < kListHeaderBytes)
        return Error{Code::malformed, "a system status list of {} bytes: expected {} or more", szl.size(),
                     kListHeaderBytes};
    const std::uint16_t id = get_u16(szl, 0);
    const std::size_t record_bytes = get_u16(szl, 4), records = get_u16(szl, 6);
    const std::size_t least = id == kSzlModule ? kModuleBytes : kComponentBytes;
    if ((id != kSzlModule && id != kSzlComponent) || record_bytes < least)
        return Error{Code::malformed,
                     "system status list 0x{:04x} has {} records of {} bytes: expected {} or more",
                     id,
                     records,
                     record_bytes,
                     least};
    // What is cut off is left out: some servers send as much as fits one message.
    for (std::size_t i = 0; i < records && kListHeaderBytes + i * record_bytes + least <= szl.size(); ++i) {
        const Bytes record = szl.subspan(kListHeaderBytes + i * record_bytes, least);
        id == kSzlModule ? add_module(identity, record) : add_component(identity, record);
    }
    return {};
}

Buffer encode_identity(const Identity& identity, std::uint16_t szl_id) {
    ASSERT(szl_id == kSzlModule || szl_id == kSzlComponent);
    const bool is_module = szl_id == kSzlModule;
    Buffer out;
    put_u16(out, szl_id);
    put_u16(out, 0);
    put_u16(out, is_module ? kModuleBytes : kComponentBytes);
    put_u16(out, is_module ? 2 : std::size(kComponents));
    if (is_module) {
        put_module(out, kIsModule, identity.order_number, {});
        put_module(out, kIsFirmware, identity.order_number, version_bytes(identity.firmware));
        return out;
    }
    for (const Component& component : kComponents) {
        put_u16(out, component.index);
        put_text(out, component.text != nullptr ? identity.*component.text : std::string(), kComponentBytes - 2, '\0');
    }
    return out;
}

}  // namespace gongshu::wire::s7
