#include "wire/sparkplug.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/time_text.h"
#include "base/utf8.h"
#include "wire/proto.h"
#include "wire/raw_number.h"

// The numbers of fields are those of sparkplug_b.proto.
namespace gongshu::wire::sparkplug {
namespace {

using Kind = ProtoReader::Kind;

// Fields of a metric that hold its value.
constexpr std::uint8_t kInt = 10, kLong = 11, kFloat = 12, kDouble = 13, kBoolean = 14, kString = 15, kBytes = 16,
                       kExtension = 19;

constexpr std::array<std::string_view, 35> kTypes = {"Unknown",      "Int8",
                                                     "Int16",        "Int32",
                                                     "Int64",        "UInt8",
                                                     "UInt16",       "UInt32",
                                                     "UInt64",       "Float",
                                                     "Double",       "Boolean",
                                                     "String",       "DateTime",
                                                     "Text",         "UUID",
                                                     "DataSet",      "Bytes",
                                                     "File",         "Template",
                                                     "PropertySet",  "PropertySetList",
                                                     "Int8Array",    "Int16Array",
                                                     "Int32Array",   "Int64Array",
                                                     "UInt8Array",   "UInt16Array",
                                                     "UInt32Array",  "UInt64Array",
                                                     "FloatArray",   "DoubleArray",
                                                     "BooleanArray", "StringArray",
                                                     "DateTimeArray"};

// Which bytes a field of a known number has to be of.
Kind kind_of_value(std::uint32_t field) {
    if (field == kInt || field == kLong || field == kBoolean) return Kind::varint;
    if (field == kFloat) return Kind::fixed32;
    return field == kDouble ? Kind::fixed64 : Kind::bytes;
}

// The reader of one payload: where it stands is told by the payload's bytes.
class Decoder {
public:
    Decoder(Bytes payload, const Limits& limits) : begin_(payload.data()), limits_(limits) {}

    Result<Payload> payload(Bytes bytes);

private:
    std::size_t at(const ProtoReader& reader) const { return static_cast<std::size_t>(reader.at() - begin_); }
    Result<Metric> metric(Bytes bytes, std::size_t index);
    Result<void> field_of(Metric& metric, const ProtoReader& reader);
    // PropertySet { keys = 1, values = 2 }
    Result<void> properties(Metric& metric, Bytes bytes, std::size_t depth);
    Result<void> property(Metric& metric, std::string_view key, Bytes bytes, std::size_t depth);
    Result<void> nested(Metric& metric, Bytes bytes, std::uint32_t field, std::size_t depth);
    Error broken(const Metric& metric, const ProtoReader& reader, std::string_view what) const {
        return Error{Code::malformed, "{}, byte {}: {}", place_of(metric), at(reader), what};
    }

    const std::uint8_t* const begin_;
    const Limits& limits_;
    std::size_t properties_ = 0;  // of the metric that is read
};

constexpr std::string_view kNoField = "a field is cut off or of no known kind";

Result<Payload> Decoder::payload(Bytes bytes) {
    Payload found;
    ProtoReader reader{bytes};
    while (reader.next()) {
        const std::uint32_t field = reader.field();
        const Kind wanted = field == 1 || field == 3 ? Kind::varint : Kind::bytes;
        if (field > 5) continue;  // an extension
        if (reader.kind() != wanted)
            return Error{Code::malformed, "byte {}: field {} of the payload is of another kind than Sparkplug B says",
                         at(reader), field};
        if (field == 1) found.time_ms = static_cast<std::int64_t>(reader.number());
        if (field == 3) found.seq = reader.number();
        if (field == 4) found.uuid = reader.text();
        if (field == 5) found.body_bytes = reader.bytes().size();
        if (field != 2) continue;
        if (found.metrics.size() >= limits_.metrics_max)
            return Error{Code::limit, "more than {} metrics in one message: send several", limits_.metrics_max};
        found.metrics.push_back(TRY(metric(reader.bytes(), found.metrics.size())));
    }
    if (reader.failed()) return Error{Code::malformed, "byte {}: {}", at(reader), kNoField};
    return found;
}

Result<Metric> Decoder::metric(Bytes bytes, std::size_t index) {
    Metric found;
    found.index = index;
    found.at = static_cast<std::size_t>(bytes.data() - begin_);
    properties_ = 0;
    ProtoReader reader{bytes};
    while (reader.next()) TRY(field_of(found, reader));
    if (reader.failed()) return broken(found, reader, kNoField);
    return found;
}

Result<void> Decoder::field_of(Metric& metric, const ProtoReader& reader) {
    const std::uint32_t field = reader.field();
    if (field > kExtension) return {};
    const bool is_value = field >= kInt;
    const bool is_bytes = field == 1 || field == 8 || field == 9;
    const Kind wanted = is_value ? kind_of_value(field) : is_bytes ? Kind::bytes : Kind::varint;
    if (reader.kind() != wanted)
        return broken(metric, reader,
                      fmt::format("field {} of the metric is of another kind than Sparkplug B says", field));
    if (is_value) {
        metric.value = {static_cast<std::uint8_t>(field), wanted == Kind::bytes ? 0 : reader.number(),
                        wanted == Kind::bytes ? reader.text() : std::string_view{}, at(reader)};
        return {};
    }
    switch (field) {
        case 1:
            if (reader.bytes().size() > limits_.name_bytes_max)
                return Error{Code::limit, "{}, byte {}: the name has more than {} bytes", place_of(metric), at(reader),
                             limits_.name_bytes_max};
            if (find_broken_utf8(reader.text()) != std::string_view::npos)
                return broken(metric, reader, "the name is not UTF-8 text");
            metric.name = reader.text();
            break;
        case 2:
            metric.alias = reader.number();
            break;
        case 3:
            metric.time_ms = static_cast<std::int64_t>(reader.number());
            break;
        case 4:
            metric.datatype = static_cast<std::uint32_t>(std::min<std::uint64_t>(reader.number(), UINT32_MAX));
            break;
        case 5:
            metric.historical = reader.number() != 0;
            break;
        case 6:
            metric.transient = reader.number() != 0;
            break;
        case 7:
            metric.null = reader.number() != 0;
            break;
        case 9:
            return properties(metric, reader.bytes(), 1);
        default:
            break;  // 8 is metadata
    }
    return {};
}

Result<void> Decoder::properties(Metric& metric, Bytes bytes, std::size_t depth) {
    std::vector<std::string_view> keys;
    std::vector<Bytes> values;
    ProtoReader reader{bytes};
    if (depth > limits_.depth_max)
        return Error{Code::limit, "{}, byte {}: more than {} sets of properties in one another", place_of(metric),
                     at(reader), limits_.depth_max};
    while (reader.next()) {
        if (reader.field() > 2) continue;
        if (reader.kind() != Kind::bytes) return broken(metric, reader, "a property is neither name nor value");
        if (++properties_ > 2 * limits_.properties_max)
            return Error{Code::limit, "{}, byte {}: more than {} properties", place_of(metric), at(reader),
                         limits_.properties_max};
        if (reader.field() == 1)
            keys.push_back(reader.text());
        else
            values.push_back(reader.bytes());
    }
    if (reader.failed()) return broken(metric, reader, kNoField);
    if (keys.size() != values.size())
        return broken(metric, reader, fmt::format("{} names of properties and {} values", keys.size(), values.size()));
    for (std::size_t i = 0; i < keys.size(); ++i) TRY(property(metric, keys[i], values[i], depth));
    return {};
}

bool is_unit_key(std::string_view key) {
    std::string plain;
    for (const char c : key)
        if (c != ' ' && c != '_') plain += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return plain == "engunit" || plain == "engunits" || plain == "engineeringunit" || plain == "engineeringunits";
}

// PropertyValue { type = 1, is_null = 2, int = 3, long = 4, float = 5, double = 6, boolean = 7, string = 8,
// propertyset = 9, propertysets = 10 }
Result<void> Decoder::property(Metric& metric, std::string_view key, Bytes bytes, std::size_t depth) {
    ProtoReader reader{bytes};
    while (reader.next()) {
        const bool nested = reader.field() == 9 || reader.field() == 10;
        if (nested && reader.kind() == Kind::bytes) TRY(this->nested(metric, reader.bytes(), reader.field(), depth));
        if (depth > 1) continue;
        if (reader.field() == 8 && reader.kind() == Kind::bytes && is_unit_key(key) &&
            reader.bytes().size() <= limits_.name_bytes_max &&
            find_broken_utf8(reader.text()) == std::string_view::npos)
            metric.unit = reader.text();
        if ((reader.field() == 3 || reader.field() == 4) && reader.kind() == Kind::varint && key == "Quality")
            metric.quality = static_cast<std::int64_t>(reader.number());
    }
    return reader.failed() ? Result<void>{broken(metric, reader, kNoField)} : Result<void>{};
}

Result<void> Decoder::nested(Metric& metric, Bytes bytes, std::uint32_t field, std::size_t depth) {
    if (field == 9) return properties(metric, bytes, depth + 1);
    ProtoReader reader{bytes};  // PropertySetList { propertyset = 1 }
    while (reader.next())
        if (reader.field() == 1 && reader.kind() == Kind::bytes) TRY(properties(metric, reader.bytes(), depth + 1));
    return reader.failed() ? Result<void>{broken(metric, reader, kNoField)} : Result<void>{};
}

Error unfit(const Metric& metric, Type type, std::string_view what) {
    return Error{Code::invalid,  "{}, byte {}: {} for a metric of type {}", place_of(metric), metric.value.at, what,
                 to_string(type)};
}

struct Whole {
    unsigned bits = 64;
    bool is_signed = false;
};

std::optional<Whole> whole_of(Type type) {
    switch (type) {
        case Type::int8:
            return Whole{8, true};
        case Type::int16:
            return Whole{16, true};
        case Type::int32:
            return Whole{32, true};
        case Type::int64:
            return Whole{64, true};
        case Type::uint8:
            return Whole{8, false};
        case Type::uint16:
            return Whole{16, false};
        case Type::uint32:
            return Whole{32, false};
        case Type::uint64:
            return Whole{64, false};
        default:
            return std::nullopt;
    }
}

// A whole number may come in either field. Of a signed one the field holds its two's complement in 32 or 64 bits;
// senders that only fill as many bits as the type has are understood too.
Result<Value> whole_value(const Metric& metric, Type type, Whole whole) {
    const RawValue& raw = metric.value;
    if (raw.field != kInt && raw.field != kLong) return unfit(metric, type, "no whole number");
    if (raw.field == kInt && raw.number > UINT32_MAX && (raw.number >> 31) != 0x1'FFFF'FFFF)
        return unfit(metric, type, "a number of more than 32 bits in int_value");
    if (!whole.is_signed) {
        const std::uint64_t number = raw.field == kInt ? static_cast<std::uint32_t>(raw.number) : raw.number;
        if (whole.bits < 64 && number >> whole.bits != 0)
            return unfit(metric, type, fmt::format("the number {}", number));
        if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            return unfit(metric, type, fmt::format("the number {}, which is more than a tag keeps (2^63-1),", number));
        return Value{static_cast<std::int64_t>(number)};
    }
    std::int64_t number = raw.field == kInt ? static_cast<std::int32_t>(static_cast<std::uint32_t>(raw.number))
                                            : static_cast<std::int64_t>(raw.number);
    if (raw.field == kInt && whole.bits == 64 && number < 0)
        return unfit(metric, type, "a number in int_value that may be meant with or without a sign");
    if (whole.bits == 64) return Value{number};
    const std::int64_t half = std::int64_t{1} << (whole.bits - 1);
    if (number >= half && number < 2 * half) number -= 2 * half;
    if (number < -half || number >= half) return unfit(metric, type, fmt::format("the number {}", number));
    return Value{number};
}

Result<Value> real_value(const Metric& metric, Type type) {
    const RawValue& raw = metric.value;
    if (raw.field == kFloat) return Value{shortest(std::bit_cast<float>(static_cast<std::uint32_t>(raw.number)))};
    if (raw.field == kDouble) return Value{std::bit_cast<double>(raw.number)};
    return unfit(metric, type, "neither float_value nor double_value");
}

Result<Value> text_value(const Metric& metric, Type type, const Limits& limits) {
    const RawValue& raw = metric.value;
    if (raw.field != kString) return unfit(metric, type, "no string_value");
    if (raw.bytes.size() > limits.text_bytes_max)
        return Error{Code::limit, "{}, byte {}: a text of more than {} bytes", place_of(metric), raw.at,
                     limits.text_bytes_max};
    if (find_broken_utf8(raw.bytes) != std::string_view::npos) return unfit(metric, type, "text that is not UTF-8");
    return Value{std::string(raw.bytes)};
}

Result<Value> time_value(const Metric& metric, Type type) {
    const RawValue& raw = metric.value;
    if (raw.field != kLong) return unfit(metric, type, "no long_value");
    constexpr std::int64_t kMsMax = std::numeric_limits<TimeNs>::max() / kMillisecond;
    const auto ms = static_cast<std::int64_t>(raw.number);
    if (ms > kMsMax || ms < -kMsMax)
        return unfit(metric, type, fmt::format("{} ms, which is after the year 2262 or before 1678,", ms));
    return Value{format_time(ms * kMillisecond)};
}

}  // namespace

std::string to_string(Type type) {
    const auto number = static_cast<std::size_t>(type);
    return number < kTypes.size() ? std::string(kTypes[number]) : fmt::format("type {}", number);
}

std::optional<ValueType> tag_type(Type type) {
    if (whole_of(type)) return ValueType::integer;
    if (type == Type::real32 || type == Type::real64) return ValueType::number;
    if (type == Type::boolean) return ValueType::boolean;
    const bool text = type == Type::string || type == Type::text || type == Type::uuid || type == Type::date_time;
    return text ? std::optional{ValueType::text} : std::nullopt;
}

std::string why_not_kept(Type type) {
    if (tag_type(type)) return "";
    if (type == Type::unknown) return "the birth says no datatype";
    return fmt::format("a tag keeps single values, no {}", to_string(type));
}

std::string place_of(const Metric& metric) {
    if (!metric.name.empty()) return fmt::format("metric {} ({})", metric.index + 1, cut_utf8(metric.name, 100));
    if (metric.alias) return fmt::format("metric {} (alias {})", metric.index + 1, *metric.alias);
    return fmt::format("metric {}", metric.index + 1);
}

Result<Payload> decode(Bytes payload, const Limits& limits) { return Decoder{payload, limits}.payload(payload); }

Result<Value> value_of(const Metric& metric, Type type, const Limits& limits) {
    if (const auto whole = whole_of(type)) return whole_value(metric, type, *whole);
    switch (type) {
        case Type::real32:
        case Type::real64:
            return real_value(metric, type);
        case Type::boolean:
            if (metric.value.field != kBoolean) return unfit(metric, type, "no boolean_value");
            return Value{metric.value.number != 0};
        case Type::date_time:
            return time_value(metric, type);
        case Type::string:
        case Type::text:
        case Type::uuid:
            return text_value(metric, type, limits);
        default:
            return Error{Code::unsupported, "{}: {}", place_of(metric), why_not_kept(type)};
    }
}

Result<RawValue> raw_of(const Value& value, Type type) {
    RawValue raw;
    const auto wrong = [&] {
        return Error{Code::invalid, "{} is no value of type {}", gongshu::to_string(value), to_string(type)};
    };
    if (const auto whole = whole_of(type)) {
        const auto* number = std::get_if<std::int64_t>(&value);
        if (number == nullptr) return wrong();
        const bool narrow = whole->bits < 64;
        const std::int64_t half = narrow ? std::int64_t{1} << (whole->bits - 1) : 0;
        if (whole->is_signed ? narrow && (*number < -half || *number >= half)
                             : *number < 0 || (narrow && *number >= 2 * half))
            return wrong();
        // UInt32 goes into long_value, as the reference implementations send it.
        raw.field = whole->bits == 64 || (whole->bits == 32 && !whole->is_signed) ? kLong : kInt;
        raw.number = raw.field == kLong ? static_cast<std::uint64_t>(*number) : static_cast<std::uint32_t>(*number);
        return raw;
    }
    if (const auto* number = std::get_if<double>(&value); number && type == Type::real64) {
        raw.field = kDouble;
        raw.number = std::bit_cast<std::uint64_t>(*number);
        return raw;
    }
    if (const auto* number = std::get_if<double>(&value); number && type == Type::real32) {
        raw.field = kFloat;
        raw.number = std::bit_cast<std::uint32_t>(static_cast<float>(*number));
        return raw;
    }
    if (const auto* yes = std::get_if<bool>(&value); yes && type == Type::boolean) {
        raw.field = kBoolean;
        raw.number = *yes;
        return raw;
    }
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr || tag_type(type) != ValueType::text || type == Type::date_time) return wrong();
    raw.field = kString;
    raw.bytes = *text;
    return raw;
}

namespace {

void append_value(std::string& out, const RawValue& value) {
    switch (value.field) {
        case 0:
            break;
        case kInt:
        case kLong:
        case kBoolean:
            proto_number(out, value.field, value.number);
            break;
        case kFloat:
            proto_varint(out, std::uint64_t{value.field} << 3 | static_cast<std::uint64_t>(Kind::fixed32));
            for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value.number >> shift));
            break;
        case kDouble:
            proto_real(out, value.field, std::bit_cast<double>(value.number));
            break;
        default:
            proto_bytes(out, value.field, value.bytes);
    }
}

}  // namespace

std::string encode(const Payload& payload) {
    std::string out;
    if (payload.time_ms) proto_number(out, 1, static_cast<std::uint64_t>(*payload.time_ms));
    std::string one;
    for (const Metric& metric : payload.metrics) {
        one.clear();
        if (!metric.name.empty()) proto_bytes(one, 1, metric.name);
        if (metric.alias) proto_number(one, 2, *metric.alias);
        if (metric.time_ms) proto_number(one, 3, static_cast<std::uint64_t>(*metric.time_ms));
        if (metric.datatype) proto_number(one, 4, *metric.datatype);
        if (metric.historical) proto_number(one, 5, 1);
        if (metric.transient) proto_number(one, 6, 1);
        if (metric.null) proto_number(one, 7, 1);
        append_value(one, metric.value);
        proto_bytes(out, 2, one);
    }
    if (payload.seq) proto_number(out, 3, *payload.seq);
    if (!payload.uuid.empty()) proto_bytes(out, 4, payload.uuid);
    return out;
}

}  // namespace gongshu::wire::sparkplug
