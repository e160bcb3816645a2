#include "connect/property_value.h"

#include <cmath>
#include <limits>

#include "base/assert.h"

namespace gongshu::connect {

using wire::modbus::Function;
using wire::modbus::Reply;
using wire::modbus::Request;

namespace {

Result<Value> raw_value(const PropertyConfig& property, const Reply& reply, std::size_t at) {
    if (!is_bits(property.table))
        return decode_value(property.codec, std::span(reply.registers).subspan(at, property.count()), property.type);
    if (auto converted = convert_exactly(Value{reply.bits.at(at) != 0}, property.type)) return std::move(*converted);
    return Error{Code::limit, "a single bit is not {}", gongshu::to_string(property.type)};
}

std::string with_article(ValueType type) {
    return fmt::format("{} {}", type == ValueType::integer ? "an" : "a", gongshu::to_string(type));
}

// A value as it was sent, with its type: "80" is a text.
std::string with_type(const Value& value) {
    const std::string text = gongshu::to_string(value).substr(0, 40);
    const bool is_text = type_of(value) == ValueType::text;
    return fmt::format("{} is {}", is_text ? "\"" + text + "\"" : text, with_article(type_of(value)));
}

bool outside(const PropertyConfig& property, double number) {
    return (property.min && number < *property.min) || (property.max && number > *property.max);
}

}  // namespace

bool operator==(const PropertyConfig& a, const PropertyConfig& b) {
    const auto& x = a.codec;
    const auto& y = b.codec;
    return a.name == b.name && a.type == b.type && a.unit == b.unit && a.writable == b.writable && a.min == b.min &&
           a.max == b.max && a.period == b.period && a.table == b.table && a.address == b.address &&
           x.encoding == y.encoding && x.order == y.order && x.bit == y.bit && x.text_registers == y.text_registers &&
           x.scale == y.scale && x.offset == y.offset && a.area_first == b.area_first && a.area_end == b.area_end &&
           a.read_only == b.read_only && a.fault == b.fault && a.place == b.place;
}

Value nothing(ValueType type) {
    switch (type) {
        case ValueType::number:
            return std::numeric_limits<double>::quiet_NaN();
        case ValueType::integer:
            return std::int64_t{0};
        case ValueType::boolean:
            return false;
        case ValueType::text:
            return std::string();
    }
    ASSERT(false);
    return {};
}

PropertyReading judge(const PropertyConfig& property, Result<Value> value) {
    if (!value) return {nothing(property.type), bad(Reason::type), value.error().text()};
    const auto number = as_number(*value);
    if (number && !std::isfinite(*number)) return {nothing(property.type), bad(Reason::sensor), "the device says NaN"};
    const bool strange = number && outside(property, *number);
    return {std::move(*value), strange ? uncertain(Reason::range) : kGood, {}};
}

PropertyReading read_property(const PropertyConfig& property, const Reply& reply, std::size_t at) {
    return judge(property, raw_value(property, reply, at));
}

Result<Request> write_request(const PropertyConfig& property, const Value& value, std::uint16_t before) {
    Request request;
    request.address = property.address;
    if (is_bits(property.table)) {
        const auto bit = convert_exactly(value, ValueType::boolean);
        if (!bit) return Error{Code::invalid, "a coil is true or false, not {}", gongshu::to_string(value)};
        request.function = Function::write_coil;
        request.bits = {static_cast<std::uint8_t>(std::get<bool>(*bit))};
        return request;
    }
    request.registers = TRY(encode_value(property.codec, value, before));
    request.count = static_cast<std::uint16_t>(request.registers.size());
    request.function = request.count == 1 ? Function::write_register : Function::write_registers;
    return request;
}

Error not_writable(const PropertyConfig& property) {
    return Error{Code::denied, "{} is not writable: its device type says so", property.name};
}

Result<Value> check_value(const PropertyConfig& property, const Value& value) {
    if (!property.writable) return not_writable(property);
    // History may keep true as 1; a machine must not: who sends true for a temperature means another property.
    const bool switch_for_number = type_of(value) == ValueType::boolean && property.type != ValueType::boolean;
    auto converted = switch_for_number ? std::nullopt : convert_exactly(value, property.type);
    if (!converted)
        return Error{Code::invalid, "{} takes {}, but {}", property.name, with_article(property.type),
                     with_type(value)};
    const auto number = as_number(*converted);
    if (number && (!std::isfinite(*number) || outside(property, *number)))
        return Error{Code::invalid,
                     "{} must be {} to {} {}, not {}",
                     property.name,
                     property.min ? fmt::to_string(*property.min) : "any",
                     property.max ? fmt::to_string(*property.max) : "any",
                     property.unit,
                     *number};
    return std::move(*converted);
}

}  // namespace gongshu::connect
