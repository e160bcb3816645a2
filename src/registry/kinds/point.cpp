#include "registry/kinds/point.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "wire/aibus.h"
#include "wire/fins.h"
#include "wire/iec104_point.h"
#include "wire/s7_value.h"
#include "wire/http_json.h"
#include "wire/shdr.h"
#include "wire/ua_node_id.h"

namespace gongshu::registry {

namespace {

using wire::melsec::Family;

Error cannot_hold(const Property& property, std::string_view what) {
    return Error{Code::invalid, "point.as: {} cannot be held by a property of type {}", what,
                 to_string(value_type(property.type))};
}

template <class T>
Result<void> only_checked(Result<T> result) {
    if (!result) return std::move(result).error();
    return {};
}

// ---- S7 ----

bool is_text(wire::s7::Type type) {
    using wire::s7::Type;
    return type == Type::character || type == Type::string || type == Type::wstring || type == Type::date_and_time ||
           type == Type::dtl;
}

bool holds(PropertyType property, wire::s7::Type type) {
    using wire::s7::Type;
    if (is_text(type) || property == PropertyType::text) return is_text(type) && property == PropertyType::text;
    const bool is_measure = type == Type::real || type == Type::lreal || type == Type::time || type == Type::s5time;
    return property != PropertyType::boolean || !is_measure;
}

Result<void> check_s7(const Property& property, const PointAddress& point) {
    const auto variable = TRY(wire::s7::parse_variable(point.at, point.as).context("point.at"));
    if (holds(property.type, variable.codec.type)) return {};
    return cannot_hold(property, wire::s7::type_text(variable.codec));
}

// ---- MELSEC ----

// As people write it: bool, i16, text[20], with the order of its bytes behind it where that is not the usual one; "" is
// the bit of a relay, else a whole number with sign.
struct MelsecAs {
    wire::modbus::Encoding encoding = wire::modbus::Encoding::i16;
    std::uint16_t characters = 0;
};

std::optional<std::uint16_t> length_of(std::string_view as) {
    if (!as.starts_with("text[") || !as.ends_with(']')) return std::nullopt;
    const std::string_view digits = as.substr(5, as.size() - 6);
    std::uint16_t length = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (failed != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return length;
}

wire::modbus::Encoding usual_encoding(const wire::melsec::Address& address, Family family) {
    using wire::modbus::Encoding;
    if (address.bit || wire::melsec::is_bits(address.place.code)) return Encoding::bit;
    return wire::melsec::range_of(address.place, family).words == 2 ? Encoding::i32 : Encoding::i16;
}

Result<MelsecAs> parse_as(std::string_view as, const wire::melsec::Address& address, Family family) {
    using wire::modbus::Encoding;
    const std::size_t space = as.find(' ');
    const std::string_view name = as.substr(0, space);
    const bool ordered = space != as.npos;
    const bool known = !ordered || wire::modbus::parse_word_order(as.substr(space + 1)).has_value();
    if (known && as.empty()) return MelsecAs{usual_encoding(address, family)};
    if (const auto length = known ? length_of(name) : std::nullopt) return MelsecAs{Encoding::text, *length};
    const auto encoding = wire::modbus::parse_encoding(name == "bool" ? "bit" : name);
    const bool fits = encoding && *encoding != Encoding::text && !(ordered && *encoding == Encoding::bit);
    if (known && fits) return MelsecAs{*encoding};
    return Error{Code::invalid,
                 "expected bool, u16, i16, u32, i32, u64, i64, f32, f64, bcd16, bcd32 or text[20], and behind it ABCD, "
                 "BADC, CDAB or DCBA where the order is not the usual one, found \"{}\"",
                 as.substr(0, 60)};
}

bool holds(PropertyType property, wire::modbus::Encoding encoding) {
    using wire::modbus::Encoding;
    if (encoding == Encoding::text || property == PropertyType::text)
        return encoding == Encoding::text && property == PropertyType::text;
    return property != PropertyType::boolean || (encoding != Encoding::f32 && encoding != Encoding::f64);
}

Result<void> check_melsec(const Property& property, const PointAddress& point, Family family, bool by_one_e) {
    const auto address = TRY(wire::melsec::parse_address(point.at, family).context("point.at"));
    const MelsecAs as = TRY(parse_as(point.as, address, family).context("point.as"));
    TRY(wire::melsec::layout_of(address, family, as.encoding, as.characters).context("point.as"));
    if (by_one_e && wire::melsec::info_of(address.place.code).one_e == 0)
        return Error{Code::invalid, "point.at: {} cannot be reached by the 1E frame: choose 3E or another PLC device",
                     wire::melsec::to_string(address.place, family)};
    if (holds(property.type, as.encoding)) return {};
    return cannot_hold(property, wire::modbus::to_string(as.encoding));
}

// ---- FINS ----

Result<void> check_fins(const Property& property, const PointAddress& point) {
    const auto address = TRY(wire::fins::parse_address(point.at).context("point.at"));
    const auto form = TRY(wire::modbus::parse_form(point.as).context("point.as"));
    const auto layout = TRY(layout_of(address, form, property.type == PropertyType::boolean).context("point.as"));
    if (!holds(property.type, layout.codec.encoding)) return cannot_hold(property, wire::modbus::to_string(layout.codec.encoding));
    if (!property.writable) return {};
    if (layout.is_flag)
        return Error{Code::invalid, "writable: {} is a completion flag, which the PLC sets itself; leave it out", point.at};
    if (!is_read_only(address.place)) return {};
    return Error{Code::invalid, "writable: {} is only read: of A the words from 448 on can be written; leave it out", point.at};
}

// ---- Modbus by a dialect ----

Result<void> check_modbus(const ConnectionSpec& connection, const Property& property, const PointAddress& point) {
    using wire::modbus::Encoding;
    const ModbusPoint found = TRY(modbus_point(connection, point, property.type == PropertyType::boolean));
    const bool one_bit = found.layout.codec.encoding == Encoding::bit;
    const bool fits = one_bit ? property.type == PropertyType::boolean
                              : holds(property.type, found.layout.codec.encoding);
    if (!fits) return cannot_hold(property, one_bit ? "bool" : wire::modbus::to_string(found.layout.codec.encoding));
    if (property.writable && !found.place.writable)
        return Error{Code::invalid, "writable: {} is an input of the PLC, which can only be read; leave it out",
                     point.at};
    return {};
}

// ---- meters ----

Result<void> check_meter(const Property& property, const PointAddress& point, wire::dlt645::Standard standard) {
    const std::string whole = point.as.empty() ? point.at : point.at + "/" + point.as;
    const auto address = TRY(wire::dlt645::parse_address(standard, whole).context("point.at"));
    if (property.writable)
        return Error{Code::invalid, "writable: meters are only read; leave it out or take another device type"};
    if (address.part != 0 || property.type == PropertyType::text) return {};
    return Error{Code::invalid,
                 "point.at: {} is a block; choose one of its values, as in {}.1, or make the property a text", point.at,
                 point.at};
}

// ---- instruments of AIBUS ----

Result<void> check_aibus(const Property& property, const PointAddress& point) {
    if (!point.as.empty())
        return Error{Code::invalid, "point.as: an instrument of AIBUS has whole numbers alone; leave it out, and write scale"};
    const auto place = TRY(wire::aibus::parse_place(point.at).context("point.at"));
    if (property.type == PropertyType::text) return cannot_hold(property, place.bit ? "bool" : "i16");
    using wire::aibus::Field;
    if (!property.writable || place.field == Field::sv || place.field == Field::parameter) return {};
    return Error{Code::invalid, "writable: {} is told by the instrument; write SV or a parameter, or leave it out",
                 wire::aibus::to_string(place)};
}

// ---- CNC machines ----

Result<void> check_shdr(const Property& property, const PointAddress& point) {
    const auto as = TRY(wire::shdr::parse_as(point.as).context("point.as"));
    TRY(wire::shdr::parse_keys(point.at, as).context("point.at"));
    if (property.writable)
        return Error{Code::invalid,
                     "writable: an adapter of MTConnect is only listened to; leave it out or take another device type"};
    if (wire::shdr::holds(value_type(property.type), as)) return {};
    return cannot_hold(property, wire::shdr::to_string(as));
}

// ---- HTTP ----

Result<void> check_http(const Property& property, const PointAddress& point) {
    if (!point.as.empty()) return Error{Code::invalid, "point.as: JSON says itself what a value is; leave it out"};
    TRY(wire::http_json::parse_place(point.at).context("point.at"));
    if (!property.writable) return {};
    return Error{Code::invalid, "writable: what is had by HTTP is only read; leave it out or take another device type"};
}

// ---- outstations ----

Result<void> check_iec104(const Property& property, const PointAddress& point) {
    const auto address = wire::iec104::parse_point(point.at, point.as);
    if (!address) return address.error();
    const ValueType type = value_type(property.type);
    if (property.type == PropertyType::text)
        return Error{Code::invalid, "type: an outstation tells no texts: expected number, integer or boolean"};
    if (address->type && !wire::iec104::holds(type, *address->type))
        return cannot_hold(property, wire::iec104::to_string(*address->type));
    if (!property.writable && point.write)
        return Error{Code::invalid, "point.write: the property is not writable: set writable, or leave it out"};
    if (!property.writable) return {};
    return only_checked(wire::iec104::parse_order(point.write.value_or(""), *address, type).context("point.write"));
}

// ---- OPC UA ----

Result<void> check_node(const Property& property, const PointAddress& point) {
    TRY(wire::ua::parse_node_id(point.at).context("point.at"));
    const auto element = TRY(wire::ua::parse_element(point.as).context("point.as"));
    if (element.chosen && property.writable)
        return Error{Code::invalid, "writable: an element of an array is only read; leave it out"};
    return {};
}

// ---- devices and types ----

std::string_view text_at(const Json& spec, std::string_view field) {
    const Json* const found = spec.is_object() ? spec.get_object().if_contains({field.data(), field.size()}) : nullptr;
    if (found == nullptr || !found->is_string()) return {};
    return {found->get_string().data(), found->get_string().size()};
}

std::optional<ConnectionSpec> connection_of(const ResourceReader& reader, TenantId tenant, std::string_view name) {
    const auto resource = reader.find(tenant, "connection", name);
    if (!resource) return std::nullopt;
    auto spec = spec_of<ConnectionSpec>(*resource);
    if (!spec) return std::nullopt;
    return std::move(*spec);
}

bool is_overridden(const DeviceSpec& device, std::string_view property) {
    return std::ranges::any_of(device.properties, [&](const PropertyOverride& one) {
        return one.name == property && (one.address || one.point || one.enabled == false);
    });
}

bool has_points(const std::vector<Property>& properties) {
    return std::ranges::any_of(properties, [](const Property& one) { return one.address || one.point; });
}

}  // namespace

Result<ModbusPoint> modbus_point(const ConnectionSpec& connection, const PointAddress& point, bool boolean) {
    namespace modbus = wire::modbus;
    const auto dialect = connection.modbus_dialect();
    if (!dialect)
        return Error{Code::invalid,
                     "point: for {} the connection needs a dialect, which says how its PLC calls them (dialect: "
                     "inovance, delta_dvp, delta_as, xinje_xc, xinje_xd, haiwell, generic); or write an address (kind, "
                     "address, encoding) instead",
                     point.at};
    const modbus::Form form = TRY(modbus::parse_form(point.as).context("point.as"));
    const bool wants_bit = form.encoding ? *form.encoding == modbus::Encoding::bit : boolean;
    const auto wanted = wants_bit ? modbus::Wanted::bit : modbus::Wanted::value;
    const modbus::Place place = TRY(modbus::parse_place(*dialect, point.at, wanted).context("point.at"));
    const modbus::Layout layout =
        TRY(layout_of(*dialect, place, form, connection.word_order(), boolean).context("point.as"));
    return ModbusPoint{place, layout};
}

PointCheck::PointCheck(const ConnectionSpec& connection) : connection_(connection) {
    if (!is_frames(connection.protocol)) return;
    if (auto compiled = connection.frame_template()) template_ = std::move(*compiled);
}

Result<void> PointCheck::check(const Property& property) const {
    const Protocol protocol = connection_.protocol;
    if (protocol == Protocol::mqtt_device) return {};
    if (is_modbus(protocol))
        return property.point ? check_modbus(connection_, property, *property.point) : Result<void>{};
    if (property.address)
        return Error{Code::invalid, "address: it is one of Modbus; {} wants a point (at, as) instead",
                     to_string(protocol)};
    return property.point ? check_point(property, *property.point) : Result<void>{};
}

Result<void> PointCheck::check_point(const Property& property, const PointAddress& point) const {
    const Protocol protocol = connection_.protocol;
    if (protocol == Protocol::iec104) return check_iec104(property, point);
    if (protocol == Protocol::opcua && !point.write) return check_node(property, point);
    if (point.write)
        return Error{Code::invalid, "point.write: only IEC 104 has commands of their own; {} writes where it reads: "
                                    "leave it out",
                     to_string(protocol)};
    if (point.dead_band)
        return Error{Code::invalid, "point.dead_band: {} reads every value; leave it out", to_string(protocol)};
    if (protocol == Protocol::s7) return check_s7(property, point);
    if (protocol == Protocol::fins) return check_fins(property, point);
    if (protocol == Protocol::shdr || protocol == Protocol::mtconnect) return check_shdr(property, point);
    if (protocol == Protocol::http_json) return check_http(property, point);
    if (is_dlt645(protocol)) return check_meter(property, point, connection_.standard());
    if (is_aibus(protocol)) return check_aibus(property, point);
    if (is_frames(protocol)) {
        if (property.writable)
            return Error{Code::invalid,
                         "writable: free frames are only read; leave it out or take another device type"};
        return check_frame_field(point);
    }
    const bool by_one_e = protocol == Protocol::mc && connection_.mc_link().frame == wire::mc::Frame::e1;
    return check_melsec(property, point, connection_.melsec_family(), by_one_e);
}

Result<void> PointCheck::check_frame_field(const PointAddress& point) const {
    if (!point.as.empty()) return Error{Code::invalid, "point.as: the template says how a field lies; leave it out"};
    if (!template_) return {};
    std::vector<std::string> names;
    for (const auto& field : template_->fields()) names.push_back(field.name);
    if (std::ranges::find(names, point.at) != names.end()) return {};
    std::string known;
    for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
    return Error{Code::invalid, "point.at: the template has no field \"{}\", but {}", point.at, known};
}

Result<void> check_device_points(const ResourceReader& reader, TenantId tenant, const DeviceTypeSpec& type,
                                 const DeviceSpec& device) {
    const auto properties = effective_properties(type, device);
    if (!device.connection || !has_points(properties)) return {};
    const auto connection = connection_of(reader, tenant, *device.connection);
    if (!connection) return {};
    const PointCheck points{*connection};
    for (const Property& property : properties) {
        auto checked = points.check(property);
        if (checked) continue;
        const auto over = std::ranges::find(device.properties, property.name, &PropertyOverride::name);
        if (over != device.properties.end() && (over->point || over->address))
            return std::move(checked).context("properties[{}]", over - device.properties.begin());
        return std::move(checked).context("connection: property \"{}\" of the device type \"{}\"", property.name,
                                          device.type);
    }
    return {};
}

namespace {

using Devices = std::vector<const Resource*>;

// Which devices there are is not said: not everybody may see them all.
Result<void> check_type(const ResourceReader& reader, TenantId tenant, const DeviceTypeSpec& type,
                        const Devices& devices) {
    std::set<std::string_view> seen;
    for (const Resource* device : devices) {
        const std::string_view on = text_at(device->spec, "connection");
        if (on.empty()) continue;
        const auto spec = spec_of<DeviceSpec>(*device);
        const bool has_own = spec && !spec->properties.empty();
        if (!spec || (!has_own && !seen.insert(on).second)) continue;
        const auto connection = connection_of(reader, tenant, on);
        if (!connection) continue;
        const PointCheck points{*connection};
        for (std::size_t i = 0; i < type.properties.size(); ++i) {
            if (has_own && is_overridden(*spec, type.properties[i].name)) continue;
            if (auto checked = points.check(type.properties[i]); !checked)
                return Error{Code::invalid, "properties[{}].{} (devices of this type are read by {})", i,
                             checked.error().text(), to_string(connection->protocol)};
        }
    }
    return {};
}

Result<void> check_connection(const ResourceReader& reader, TenantId tenant, const ConnectionSpec& connection,
                              const Devices& devices) {
    std::set<std::string_view> seen;
    const PointCheck points{connection};
    for (const Resource* device : devices) {
        const auto spec = spec_of<DeviceSpec>(*device);
        if (!spec || (spec->properties.empty() && !seen.insert(text_at(device->spec, "type")).second)) continue;
        const auto resource = reader.find(tenant, "device_type", spec->type);
        const auto type = resource ? spec_of<DeviceTypeSpec>(*resource) : Result<DeviceTypeSpec>(DeviceTypeSpec{});
        if (!type) continue;
        for (const Property& property : effective_properties(*type, *spec)) {
            auto checked = points.check(property);
            if (checked) continue;
            return Error{Code::invalid,
                         "{}: property \"{}\" of the device type \"{}\", of which devices are read by this connection: "
                         "{}",
                         connection.modbus_dialect() ? "dialect" : "protocol",
                         property.name,
                         spec->type,
                         checked.error().text()};
        }
    }
    return {};
}

}  // namespace

std::optional<PointRefusal> refused_points(const ResourceReader& reader, TenantId tenant,
                                           const std::vector<std::shared_ptr<const Resource>>& changed) {
    std::map<std::string_view, Devices> of_type, on_connection;
    const auto all = reader.list_shared(tenant, "device");
    for (const auto& device : all) {
        of_type[text_at(device->spec, "type")].push_back(device.get());
        on_connection[text_at(device->spec, "connection")].push_back(device.get());
    }
    for (const auto& resource : changed) {
        const bool is_type = resource->kind == "device_type";
        const auto& by_name = is_type ? of_type : on_connection;
        const auto devices = by_name.find(resource->name);
        if (devices == by_name.end()) continue;
        Result<void> checked;
        if (is_type) {
            const auto type = spec_of<DeviceTypeSpec>(*resource);
            if (type) checked = check_type(reader, tenant, *type, devices->second);
        } else {
            const auto connection = spec_of<ConnectionSpec>(*resource);
            if (connection) checked = check_connection(reader, tenant, *connection, devices->second);
        }
        if (!checked) return PointRefusal{resource->kind, resource->name, std::move(checked).error()};
    }
    return std::nullopt;
}

Result<void> check_station(const ResourceReader& reader, TenantId tenant, const DeviceSpec& device) {
    if (!device.connection || !device.station) return {};
    const auto connection = connection_of(reader, tenant, *device.connection);
    if (connection && connection->protocol == Protocol::iec104)
        return only_checked(wire::iec104::parse_common_address(*device.station).context("station"));
    if (connection && is_aibus(connection->protocol))
        return only_checked(wire::aibus::parse_station(*device.station).context("station"));
    if (!connection || !is_dlt645(connection->protocol)) return {};
    const auto meter = TRY(wire::dlt645::parse_meter_address(*device.station).context("station"));
    if (meter.is_broadcast())
        return Error{Code::invalid,
                     "station: {} is heard by all meters and answered by none: write the meter's own number",
                     *device.station};
    return {};
}

}  // namespace gongshu::registry
