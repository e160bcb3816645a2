#include "connect/ua_value.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/time_text.h"
#include "base/utf8.h"
#include "wire/ua_node_id.h"

namespace gongshu::connect {

namespace {

constexpr std::size_t kTextBytes = 64 * 1024 + 4;  // of what may be many MB; more than is kept of one
constexpr double kSafe = 9'007'199'254'740'992.0;  // 2^53

struct Meaning {
    UA_StatusCode status;
    Reason reason;
    const char* text;  // for people; "" = the name says it
};

constexpr Meaning kMeanings[] = {
    {UA_STATUSCODE_BADNODEIDUNKNOWN, Reason::config, "the server has no such node"},
    {UA_STATUSCODE_BADNODEIDINVALID, Reason::config, "the server has no such node"},
    {UA_STATUSCODE_BADATTRIBUTEIDINVALID, Reason::config, "the node is no variable and has no value"},
    {UA_STATUSCODE_BADINDEXRANGENODATA, Reason::config, ""},
    {UA_STATUSCODE_BADCONFIGURATIONERROR, Reason::config, "the server says that this variable is not set up rightly"},
    {UA_STATUSCODE_BADTYPEMISMATCH, Reason::type, "the variable is of another type"},
    {UA_STATUSCODE_BADOUTOFRANGE, Reason::range, "the machine does not take this value"},
    {UA_STATUSCODE_BADNOTREADABLE, Reason::refused, "the variable cannot be read"},
    {UA_STATUSCODE_BADNOTWRITABLE, Reason::refused, "the variable cannot be written"},
    {UA_STATUSCODE_BADWRITENOTSUPPORTED, Reason::refused, "the server does not take such a write"},
    {UA_STATUSCODE_BADUSERACCESSDENIED, Reason::refused,
     "this user may not do that: the server's administrator can permit it"},
    {UA_STATUSCODE_BADSECURITYMODEINSUFFICIENT, Reason::refused, "the server wants a safer security mode for that"},
    {UA_STATUSCODE_BADTOOMANYMONITOREDITEMS, Reason::refused, "the server does not follow so many variables"},
    {UA_STATUSCODE_BADTIMEOUT, Reason::timeout, "the server or the machine behind it has not answered in time"},
    {UA_STATUSCODE_BADNOCOMMUNICATION, Reason::disconnected, "the server has no link to the machine"},
    {UA_STATUSCODE_BADCOMMUNICATIONERROR, Reason::disconnected, "the server cannot speak to the machine"},
    {UA_STATUSCODE_BADNOTCONNECTED, Reason::disconnected, "the server is not connected to its source"},
    {UA_STATUSCODE_BADSERVERNOTCONNECTED, Reason::disconnected, ""},
    {UA_STATUSCODE_BADCONNECTIONCLOSED, Reason::disconnected, ""},
    {UA_STATUSCODE_BADDEVICEFAILURE, Reason::sensor, "the machine says that it failed"},
    {UA_STATUSCODE_BADSENSORFAILURE, Reason::sensor, "the sensor failed"},
    {UA_STATUSCODE_BADOUTOFSERVICE, Reason::stopped, "the source is out of service"},
    {UA_STATUSCODE_BADWAITINGFORINITIALDATA, Reason::silent, "the server has no value yet"},
    {UA_STATUSCODE_BADNODATA, Reason::silent, "the server has no value"},
    {UA_STATUSCODE_UNCERTAINNOCOMMUNICATIONLASTUSABLEVALUE, Reason::disconnected, ""},
    {UA_STATUSCODE_UNCERTAINLASTUSABLEVALUE, Reason::silent, ""},
    {UA_STATUSCODE_UNCERTAINSUBSTITUTEVALUE, Reason::manual, ""},
    {UA_STATUSCODE_UNCERTAININITIALVALUE, Reason::silent, ""},
    {UA_STATUSCODE_UNCERTAINSENSORNOTACCURATE, Reason::sensor, ""},
    {UA_STATUSCODE_UNCERTAINENGINEERINGUNITSEXCEEDED, Reason::range, ""},
    {UA_STATUSCODE_UNCERTAINSUBNORMAL, Reason::computed, ""},
    // Of services.
    {UA_STATUSCODE_BADIDENTITYTOKENINVALID, Reason::refused, "the server does not know this user name and password"},
    {UA_STATUSCODE_BADIDENTITYTOKENREJECTED, Reason::refused, "the server does not know this user name and password"},
    {UA_STATUSCODE_BADTOOMANYSESSIONS, Reason::refused,
     "the server has no session left: close others, or let it have more"},
    {UA_STATUSCODE_BADTOOMANYSUBSCRIPTIONS, Reason::refused,
     "the server has no subscription left: close other clients"},
    {UA_STATUSCODE_BADSERVICEUNSUPPORTED, Reason::refused, "the server cannot do that"},
    {UA_STATUSCODE_BADSECURITYCHECKSFAILED, Reason::refused,
     "mostly the server does not trust the certificate of this program yet: accept it there, among the rejected ones"},
    {UA_STATUSCODE_BADCERTIFICATEUNTRUSTED, Reason::refused,
     "the server does not trust the certificate of this program yet: accept it there, among the rejected ones"},
    {UA_STATUSCODE_BADCERTIFICATEURIINVALID, Reason::refused,
     "the server does not like the certificate of this program"},
    {UA_STATUSCODE_BADTCPENDPOINTURLINVALID, Reason::refused,
     "the path behind the port is not what the server expects"},
    {UA_STATUSCODE_BADSHUTDOWN, Reason::disconnected, "the server is being stopped"},
};

const Meaning* meaning_of(UA_StatusCode status) {
    // The low half says details: overflow, which limit was reached.
    const auto found = std::ranges::find(kMeanings, status & 0xFFFF0000U, &Meaning::status);
    return found == std::end(kMeanings) ? nullptr : found;
}

std::string hex_of(const UA_ByteString& bytes) {
    return bytes.length == 0 ? "" : to_hex({bytes.data, std::min(bytes.length, kTextBytes)});
}

// The beginning of it, with U+FFFD for what is no UTF-8.
std::string valid_text(const UA_String& from) {
    constexpr std::size_t kPiece = 64;  // bytes: each is looked at as often at most
    if (from.length == 0) return {};
    std::string_view left = cut_utf8({reinterpret_cast<const char*>(from.data), from.length}, kTextBytes);
    std::string valid;
    while (!left.empty()) {
        const std::string_view piece = left.substr(0, kPiece);
        const std::size_t good = std::min(find_broken_utf8(piece), piece.size());
        valid += good == 0 ? "\xEF\xBF\xBD" : piece.substr(0, good);
        left.remove_prefix(std::max<std::size_t>(good, 1));
    }
    return valid;
}

template <class T>
const T& as(const void* data) {
    return *static_cast<const T*>(data);
}

const char* type_name(const UA_DataType& type) { return type.typeName == nullptr ? "Structure" : type.typeName; }

Value whole(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return static_cast<std::int64_t>(value);
    return static_cast<double>(value);
}

Result<Value> scalar(const UA_DataType& type, const void* data, ValueType wanted) {
    switch (type.typeKind) {
        case UA_DATATYPEKIND_BOOLEAN:
            return Value{as<UA_Boolean>(data)};
        case UA_DATATYPEKIND_SBYTE:
            return Value{std::int64_t{as<UA_SByte>(data)}};
        case UA_DATATYPEKIND_BYTE:
            return Value{std::int64_t{as<UA_Byte>(data)}};
        case UA_DATATYPEKIND_INT16:
            return Value{std::int64_t{as<UA_Int16>(data)}};
        case UA_DATATYPEKIND_UINT16:
            return Value{std::int64_t{as<UA_UInt16>(data)}};
        case UA_DATATYPEKIND_INT32:
        case UA_DATATYPEKIND_ENUM:
            return Value{std::int64_t{as<UA_Int32>(data)}};
        case UA_DATATYPEKIND_UINT32:
        case UA_DATATYPEKIND_STATUSCODE:
            return Value{std::int64_t{as<UA_UInt32>(data)}};
        case UA_DATATYPEKIND_INT64:
            return Value{std::int64_t{as<UA_Int64>(data)}};
        case UA_DATATYPEKIND_UINT64:
            return whole(as<UA_UInt64>(data));
        case UA_DATATYPEKIND_FLOAT:
            return Value{static_cast<double>(as<UA_Float>(data))};
        case UA_DATATYPEKIND_DOUBLE:
            return Value{as<UA_Double>(data)};
        case UA_DATATYPEKIND_STRING:
        case UA_DATATYPEKIND_XMLELEMENT:
            return Value{valid_text(as<UA_String>(data))};
        case UA_DATATYPEKIND_BYTESTRING:
            return Value{hex_of(as<UA_ByteString>(data))};
        case UA_DATATYPEKIND_LOCALIZEDTEXT:
            return Value{valid_text(as<UA_LocalizedText>(data).text)};
        case UA_DATATYPEKIND_QUALIFIEDNAME:
            return Value{valid_text(as<UA_QualifiedName>(data).name)};
        case UA_DATATYPEKIND_DATETIME: {
            const TimeNs time = time_of(as<UA_DateTime>(data));
            if (wanted == ValueType::text) return Value{time == 0 ? std::string() : format_time(time)};
            return Value{static_cast<double>(time) / kSecond};
        }
        default:
            return Error{Code::invalid, "the server holds a {}, which is no single value",
                         type_name(type)};
    }
}

Result<Value> value_of(const PropertyConfig& property, const UA_Variant& variant) {
    const wire::ua::Element element = TRY(wire::ua::parse_element(property.place.as));
    if (variant.type == nullptr) return Error{Code::invalid, "the server holds no value at all"};
    const bool is_scalar = UA_Variant_isScalar(&variant);
    const std::size_t count = is_scalar ? 1 : variant.arrayLength;
    if (is_scalar && element.chosen)
        return Error{Code::invalid, "the server holds one value and no array: leave as out"};
    if (!is_scalar && !element.chosen)
        return Error{Code::invalid, "the server holds an array of {} values: choose one, as [0]", count};
    if (element.index >= count)
        return Error{Code::invalid, "the server holds an array of {} values, and none is [{}]", count, element.index};
    const auto* const data = static_cast<const std::uint8_t*>(variant.data) + element.index * variant.type->memSize;
    Value value = TRY(scalar(*variant.type, data, property.type));
    const auto raw = as_number(value);
    const bool scaled = property.place.scale != 1 || property.place.offset != 0;
    if (scaled && raw) value = *raw * property.place.scale + property.place.offset;
    auto converted = convert_exactly(value, property.type);
    if (converted) return std::move(*converted);
    return Error{Code::invalid, "the server holds {}, which is no {}", gongshu::to_string(value).substr(0, 40),
                 gongshu::to_string(property.type)};
}

template <class T>
Result<void> set_whole(UA_Variant& out, double number, const UA_DataType& type) {
    const bool fits = number == std::floor(number) && number >= static_cast<double>(std::numeric_limits<T>::min()) &&
                      number <= static_cast<double>(std::numeric_limits<T>::max()) && std::abs(number) <= kSafe;
    if (!fits) return Error{Code::invalid, "the server holds {}, which cannot be {}", type.typeName, number};
    const T value = static_cast<T>(number);
    UA_Variant_setScalarCopy(&out, &value, &type);
    return {};
}

Result<void> set_number(UA_Variant& out, double number, const UA_DataType& type) {
    switch (type.typeKind) {
        case UA_DATATYPEKIND_BOOLEAN: {
            if (number != 0 && number != 1) return set_whole<UA_Byte>(out, 0.5, type);
            const UA_Boolean value = number == 1;
            UA_Variant_setScalarCopy(&out, &value, &type);
            return {};
        }
        case UA_DATATYPEKIND_SBYTE:
            return set_whole<UA_SByte>(out, number, type);
        case UA_DATATYPEKIND_BYTE:
            return set_whole<UA_Byte>(out, number, type);
        case UA_DATATYPEKIND_INT16:
            return set_whole<UA_Int16>(out, number, type);
        case UA_DATATYPEKIND_UINT16:
            return set_whole<UA_UInt16>(out, number, type);
        case UA_DATATYPEKIND_INT32:
        case UA_DATATYPEKIND_ENUM:
            return set_whole<UA_Int32>(out, number, type);
        case UA_DATATYPEKIND_UINT32:
            return set_whole<UA_UInt32>(out, number, type);
        case UA_DATATYPEKIND_INT64:
            return set_whole<UA_Int64>(out, number, type);
        case UA_DATATYPEKIND_UINT64:
            return set_whole<UA_UInt64>(out, number, type);
        case UA_DATATYPEKIND_FLOAT: {
            const auto value = static_cast<UA_Float>(number);
            if (!std::isfinite(value)) return Error{Code::limit, "the server holds Float, which cannot be {}", number};
            UA_Variant_setScalarCopy(&out, &value, &type);
            return {};
        }
        case UA_DATATYPEKIND_DOUBLE:
            UA_Variant_setScalarCopy(&out, &number, &type);
            return {};
        default:
            return Error{Code::invalid, "the server holds {}, which is no number",
                         type_name(type)};
    }
}

}  // namespace

TimeNs time_of(UA_DateTime time) {
    constexpr UA_DateTime kLast = std::numeric_limits<TimeNs>::max() / 100;
    const UA_DateTime since = time - UA_DATETIME_UNIX_EPOCH;
    return time <= UA_DATETIME_UNIX_EPOCH || since > kLast ? 0 : since * 100;
}

UA_DateTime ua_time(TimeNs time) { return UA_DATETIME_UNIX_EPOCH + time / 100; }

std::string name_of(UA_StatusCode status) {
    const std::string name = UA_StatusCode_name(status & 0xFFFF0000U);
    return name.starts_with("Unknown") ? fmt::format("0x{:08X}", status) : name;
}

std::string explain(UA_StatusCode status) {
    const Meaning* const meaning = meaning_of(status);
    if (meaning == nullptr || meaning->text[0] == '\0') return name_of(status);
    return fmt::format("{} ({})", name_of(status), meaning->text);
}

Quality quality_of(UA_StatusCode status) {
    const std::uint32_t severity = status >> 30;
    if (severity == 0) return kGood;
    const Meaning* const meaning = meaning_of(status);
    const Reason reason = meaning == nullptr ? Reason::sensor : meaning->reason;
    return severity == 1 ? uncertain(reason) : bad(reason);
}

PropertyReading reading_of(const PropertyConfig& property, const UA_DataValue& value) {
    const UA_StatusCode status = value.hasStatus ? value.status : UA_STATUSCODE_GOOD;
    const Quality quality = quality_of(status);
    if (!quality.usable()) return {nothing(property.type), quality, explain(status)};
    UA_Variant none;
    UA_Variant_init(&none);
    PropertyReading reading = judge(property, value_of(property, value.hasValue ? value.value : none));
    if (reading.quality.good()) reading.quality = quality;
    return reading;
}

Result<void> to_variant(const PropertyConfig& property, const Value& value, const UA_DataType& type, UA_Variant& out) {
    if (const auto* text = std::get_if<std::string>(&value)) {
        const UA_String bytes = ua_string(*text);
        if (type.typeKind == UA_DATATYPEKIND_STRING) {
            UA_Variant_setScalarCopy(&out, &bytes, &type);
            return {};
        }
        if (type.typeKind == UA_DATATYPEKIND_LOCALIZEDTEXT) {
            const UA_LocalizedText localized{UA_STRING_NULL, bytes};
            UA_Variant_setScalarCopy(&out, &localized, &type);
            return {};
        }
        return Error{Code::invalid, "the server holds {}, which is no text",
                     type_name(type)};
    }
    const auto* const integer = std::get_if<std::int64_t>(&value);
    const bool scaled = property.place.scale != 1 || property.place.offset != 0;
    // Beyond 2^53 a number would not be exact.
    if (integer != nullptr && !scaled && type.typeKind == UA_DATATYPEKIND_INT64) {
        UA_Variant_setScalarCopy(&out, integer, &type);
        return {};
    }
    double number = as_number(value).value_or(0);
    if (scaled) {
        number = (number - property.place.offset) / property.place.scale;
        const bool is_real = type.typeKind == UA_DATATYPEKIND_FLOAT || type.typeKind == UA_DATATYPEKIND_DOUBLE;
        if (!is_real) number = std::round(number);
    }
    return set_number(out, number, type);
}

bool same_value(const PropertyConfig& property, const Value& a, const Value& b) {
    if (a == b) return true;
    const auto x = as_number(a), y = as_number(b);
    if (!x || !y) return false;
    // What the machine holds is the nearest Float, or the nearest whole number of a scaled one.
    const double step = property.place.scale == 1 ? 0 : std::abs(property.place.scale) / 2;
    return std::abs(*x - *y) <= std::max(step, 1e-6 * std::max(std::abs(*x), std::abs(*y)));
}

}  // namespace gongshu::connect
