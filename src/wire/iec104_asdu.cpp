// What the frames carry (ASDU).
#include <bit>
#include <cmath>

#include "base/assert.h"
#include "wire/iec104_types.h"

namespace gongshu::wire::iec104 {

namespace {

constexpr std::size_t kHeaderBytes = 6;
constexpr std::size_t kAddressBytes = 3;
constexpr std::size_t kTimeBytes = 7;
constexpr std::uint16_t kTestPattern = 0x55aa;
constexpr std::uint8_t kPointFlags = kBlocked | kSubstituted | kNotTopical | kInvalid;

void put(Buffer& out, std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
std::uint32_t get(Bytes bytes, std::size_t at, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value |= static_cast<std::uint32_t>(bytes[at + i]) << (8 * i);
    return value;
}

unsigned bit(bool is_set, unsigned place) { return is_set ? 1u << place : 0u; }

std::size_t object_bytes(const TypeInfo& info) { return info.bytes + (info.timed ? kTimeBytes : 0); }

// ---- times ----

void put_time(Buffer& out, const Time& time) {
    put(out, time.milliseconds, 2);
    put(out, (time.minute & 0x3fu) | bit(time.substituted, 6) | bit(time.invalid, 7), 1);
    put(out, (time.hour & 0x1fu) | bit(time.summer, 7), 1);
    put(out, (time.day & 0x1fu) | (time.weekday & 7u) << 5, 1);
    put(out, time.month & 0x0fu, 1);
    put(out, time.year & 0x7fu, 1);
}

Time get_time(Bytes bytes) {
    Time time;
    time.milliseconds = static_cast<std::uint16_t>(get(bytes, 0, 2));
    time.minute = bytes[2] & 0x3f;
    time.substituted = (bytes[2] & 0x40) != 0;
    time.invalid = (bytes[2] & 0x80) != 0;
    time.hour = bytes[3] & 0x1f;
    time.summer = (bytes[3] & 0x80) != 0;
    time.day = bytes[4] & 0x1f;
    time.weekday = bytes[4] >> 5;
    time.month = bytes[5] & 0x0f;
    time.year = bytes[6] & 0x7f;
    return time;
}

// ---- elements ----

struct Range {
    std::int64_t min, max;
};
Range number_range(Element element) {
    switch (element) {
        case Element::single:
        case Element::single_command:
            return {0, 1};
        case Element::twofold:
        case Element::double_command:
        case Element::step_command:
            return {0, 3};
        case Element::step:
            return {-64, 63};
        case Element::bits:
        case Element::set_bits:
            return {0, 0xffff'ffff};
        case Element::normalised:
        case Element::scaled:
        case Element::bare_normalised:
        case Element::set_normalised:
        case Element::set_scaled:
            return {-0x8000, 0x7fff};
        case Element::totals:
            return {-0x8000'0000LL, 0x7fff'ffff};
        case Element::test_counter:
            return {0, 0xffff};
        default:
            return {0, 0};
    }
}

std::uint8_t qualifier_max(Element element) {
    switch (element) {
        case Element::single_command:
        case Element::double_command:
        case Element::step_command:
            return 31;
        case Element::set_normalised:
        case Element::set_scaled:
        case Element::set_real:
            return 127;
        case Element::start:
        case Element::interrogation:
        case Element::counters:
            return 255;
        default:
            return 0;
    }
}

std::uint8_t flags_of(Element element) {
    switch (element) {
        case Element::single:
        case Element::twofold:
            return kPointFlags;
        case Element::step:
        case Element::bits:
        case Element::normalised:
        case Element::scaled:
        case Element::real:
            return kPointFlags | kOverflow;
        case Element::totals:
            return kInvalid;
        default:
            return 0;
    }
}

void put_element(Buffer& out, Element element, const Object& object) {
    const auto number = static_cast<std::uint64_t>(object.number);
    const std::uint32_t real = std::bit_cast<std::uint32_t>(object.real);
    const unsigned order = object.qualifier | bit(object.select, 7);
    switch (element) {
        case Element::none:
            return;
        case Element::single:
        case Element::twofold:
            return put(out, number | object.flags, 1);
        case Element::step:
            put(out, (number & 0x7f) | bit(object.transient, 7), 1);
            return put(out, object.flags, 1);
        case Element::bits:
            put(out, number, 4);
            return put(out, object.flags, 1);
        case Element::normalised:
        case Element::scaled:
            put(out, number, 2);
            return put(out, object.flags, 1);
        case Element::real:
            put(out, real, 4);
            return put(out, object.flags, 1);
        case Element::totals:
            put(out, number, 4);
            return put(out, object.sequence | bit(object.carry, 5) | bit(object.adjusted, 6) | object.flags, 1);
        case Element::bare_normalised:
        case Element::test_counter:
            return put(out, number, 2);
        case Element::single_command:
        case Element::double_command:
        case Element::step_command:
            return put(out, number | static_cast<unsigned>(object.qualifier << 2) | bit(object.select, 7), 1);
        case Element::set_normalised:
        case Element::set_scaled:
            put(out, number, 2);
            return put(out, order, 1);
        case Element::set_real:
            put(out, real, 4);
            return put(out, order, 1);
        case Element::set_bits:
            return put(out, number, 4);
        case Element::start:
        case Element::interrogation:
        case Element::counters:
            return put(out, object.qualifier, 1);
        case Element::pattern:
            return put(out, kTestPattern, 2);
    }
}

std::int64_t signed_16(Bytes bytes) { return static_cast<std::int16_t>(get(bytes, 0, 2)); }

void get_totals(Bytes bytes, Object& object) {
    object.number = static_cast<std::int32_t>(get(bytes, 0, 4));
    object.sequence = bytes[4] & 0x1f;
    object.carry = (bytes[4] & 0x20) != 0;
    object.adjusted = (bytes[4] & 0x40) != 0;
    object.flags = bytes[4] & kInvalid;
}

void get_order(std::uint8_t byte, Object& object) {
    object.qualifier = byte & 0x7f;
    object.select = (byte & 0x80) != 0;
}

void get_element(Bytes bytes, Element element, Object& object) {
    const std::uint8_t last = bytes.empty() ? 0 : bytes.back();
    switch (element) {
        case Element::none:
        case Element::pattern:
            return;
        case Element::single:
            object.number = last & 1;
            break;
        case Element::twofold:
            object.number = last & 3;
            break;
        case Element::step:
            object.number = static_cast<std::int8_t>(bytes[0] << 1) >> 1;
            object.transient = (bytes[0] & 0x80) != 0;
            break;
        case Element::bits:
        case Element::set_bits:
            object.number = get(bytes, 0, 4);
            break;
        case Element::normalised:
        case Element::scaled:
        case Element::bare_normalised:
            object.number = signed_16(bytes);
            break;
        case Element::real:
            object.real = std::bit_cast<float>(get(bytes, 0, 4));
            break;
        case Element::totals:
            return get_totals(bytes, object);
        case Element::test_counter:
            object.number = get(bytes, 0, 2);
            break;
        case Element::single_command:
        case Element::double_command:
        case Element::step_command:
            object.number = last & (element == Element::single_command ? 1 : 3);
            object.qualifier = last >> 2 & 31;
            object.select = (last & 0x80) != 0;
            break;
        case Element::set_normalised:
        case Element::set_scaled:
            object.number = signed_16(bytes);
            get_order(last, object);
            break;
        case Element::set_real:
            object.real = std::bit_cast<float>(get(bytes, 0, 4));
            get_order(last, object);
            break;
        case Element::start:
        case Element::interrogation:
        case Element::counters:
            object.qualifier = last;
            break;
    }
    object.flags = last & flags_of(element);
}

// ---- objects ----

Result<void> check_object(const TypeInfo& info, const Object& object) {
    if (object.address > kAddressMax)
        return Error{Code::invalid, "object address {}: expected 0 to 16777215", object.address};
    const Range range = number_range(info.element);
    if (object.number < range.min || object.number > range.max)
        return Error{Code::invalid, "{} is written {}: expected {} to {}", info.name, object.number, range.min,
                     range.max};
    const unsigned qualifier = object.qualifier;
    if (qualifier > qualifier_max(info.element))
        return Error{Code::invalid, "{} has the qualifier {}: expected 0 to {}", info.name, qualifier,
                     qualifier_max(info.element)};
    ASSERT((object.flags & ~flags_of(info.element)) == 0 && object.sequence < 32);
    ASSERT(object.time.has_value() == info.timed);
    return {};
}

Result<void> check(const TypeInfo& info, const Asdu& asdu) {
    const std::size_t count = asdu.objects.size();
    if (count == 0 || count > objects_max(info.type, asdu.sequence))
        return Error{Code::limit, "a message of {} has {} objects: expected 1 to {}", info.name, count,
                     objects_max(info.type, asdu.sequence)};
    for (const Object& object : asdu.objects) TRY(check_object(info, object));
    for (std::size_t i = 1; asdu.sequence && i < count; ++i)
        if (asdu.objects[i].address != asdu.objects[0].address + i)
            return Error{Code::invalid, "object address {} does not follow {} objects from {} on",
                         asdu.objects[i].address, i, asdu.objects[0].address};
    return {};
}

Object get_object(const TypeInfo& info, std::uint32_t address, Bytes bytes) {
    Object object;
    object.address = address;
    get_element(bytes.first(info.bytes), info.element, object);
    if (info.timed) object.time = get_time(bytes.subspan(info.bytes));
    return object;
}

Result<void> get_objects(const TypeInfo& info, std::size_t count, Bytes rest, Asdu& asdu) {
    const std::size_t each = object_bytes(info);
    const std::size_t want = asdu.sequence ? kAddressBytes + count * each : count * (kAddressBytes + each);
    if (count == 0 || rest.size() != want)
        return Error{Code::malformed, "a message of {} with {} objects has {} bytes of them: expected {}",
                     info.name,       count,
                     rest.size(),     want};
    asdu.objects.reserve(count);
    std::uint32_t address = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (i == 0 || !asdu.sequence) {
            address = get(rest, 0, kAddressBytes);
            rest = rest.subspan(kAddressBytes);
        } else if (++address > kAddressMax) {
            return Error{Code::malformed, "a message of {} goes on behind the last object address", info.name};
        }
        asdu.objects.push_back(get_object(info, address, rest));
        rest = rest.subspan(each);
    }
    return {};
}

Error unknown_type(Type type) {
    return Error{Code::unsupported, "IEC 104 type {} is not known here", static_cast<unsigned>(type)};
}

}  // namespace

std::size_t objects_max(Type type, bool sequence) {
    const TypeInfo* const info = info_of(type);
    if (info == nullptr) return 0;
    const std::size_t each = object_bytes(*info);
    const std::size_t room = kAsduBytesMax - kHeaderBytes;
    if (sequence) return each == 0 ? kObjectsMax : std::min(kObjectsMax, (room - kAddressBytes) / each);
    return std::min(kObjectsMax, room / (kAddressBytes + each));
}

Result<Buffer> encode_asdu(const Asdu& asdu) {
    const TypeInfo* const info = info_of(asdu.type);
    if (info == nullptr) return unknown_type(asdu.type);
    TRY(check(*info, asdu));
    Buffer out;
    out.push_back(static_cast<std::uint8_t>(asdu.type));
    put(out, asdu.objects.size() | bit(asdu.sequence, 7), 1);
    put(out, (static_cast<unsigned>(asdu.cause) & 0x3f) | bit(asdu.negative, 6) | bit(asdu.test, 7), 1);
    out.push_back(asdu.originator);
    put(out, asdu.common_address, 2);
    for (std::size_t i = 0; i < asdu.objects.size(); ++i) {
        if (i == 0 || !asdu.sequence) put(out, asdu.objects[i].address, kAddressBytes);
        put_element(out, info->element, asdu.objects[i]);
        if (info->timed) put_time(out, *asdu.objects[i].time);
    }
    return out;
}

Result<Asdu> decode_header(Bytes bytes) {
    if (bytes.size() < kHeaderBytes || bytes.size() > kAsduBytesMax)
        return Error{Code::malformed, "a message of IEC 104 has {} bytes: expected {} to {}", bytes.size(),
                     kHeaderBytes, kAsduBytesMax};
    Asdu asdu;
    asdu.type = static_cast<Type>(bytes[0]);
    asdu.sequence = (bytes[1] & 0x80) != 0;
    asdu.cause = static_cast<Cause>(bytes[2] & 0x3f);
    asdu.negative = (bytes[2] & 0x40) != 0;
    asdu.test = (bytes[2] & 0x80) != 0;
    asdu.originator = bytes[3];
    asdu.common_address = static_cast<std::uint16_t>(get(bytes, 4, 2));
    return asdu;
}

Result<Asdu> decode_asdu(Bytes bytes) {
    Asdu asdu = TRY(decode_header(bytes));
    const TypeInfo* const info = info_of(asdu.type);
    if (info == nullptr) return unknown_type(asdu.type);
    TRY(get_objects(*info, bytes[1] & 0x7fu, bytes.subspan(kHeaderBytes), asdu));
    return asdu;
}

// ---- what it means ----

double number_of(Type type, const Object& object) {
    const TypeInfo* const info = info_of(type);
    if (info == nullptr) return std::nan("");
    switch (info->element) {
        case Element::real:
        case Element::set_real:
            return static_cast<double>(object.real);
        case Element::normalised:
        case Element::bare_normalised:
        case Element::set_normalised:
            return static_cast<double>(object.number) / 32768;
        default:
            return static_cast<double>(object.number);
    }
}

Quality quality_of(Type type, const Object& object, const Zone& zone) {
    const TypeInfo* const info = info_of(type);
    const bool twofold = info != nullptr && info->element == Element::twofold;
    if ((object.flags & kInvalid) != 0 || (twofold && object.number == 3)) return bad(Reason::sensor);
    if ((object.flags & kOverflow) != 0) return bad(Reason::range);
    if ((object.flags & kNotTopical) != 0) return uncertain(Reason::silent);
    if ((object.flags & kBlocked) != 0) return uncertain(Reason::stopped);
    if ((object.flags & kSubstituted) != 0) return uncertain(Reason::manual);
    if (object.transient || (twofold && object.number == 0)) return uncertain(Reason::unstable);
    if (object.time && !time_of(*object.time, zone)) return uncertain(Reason::clock);
    return kGood;
}

}  // namespace gongshu::wire::iec104
