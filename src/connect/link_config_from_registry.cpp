#include "connect/link_config_from_registry.h"

#include <map>

#include "base/log.h"
#include "registry/kinds/connection.h"
#include "registry/kinds/device.h"
#include "registry/kinds/point.h"
#include "wire/ua_node_id.h"

namespace gongshu::connect {

namespace {

// The enumerations of the resources and of wire have the same order, so that a number is enough.
static_assert(static_cast<int>(registry::Encoding::text) + 1 == static_cast<int>(wire::modbus::Encoding::text));
static_assert(static_cast<int>(registry::Encoding::bcd32) == static_cast<int>(wire::modbus::Encoding::bcd32));
static_assert(static_cast<int>(registry::WordOrder::DCBA) == static_cast<int>(wire::modbus::WordOrder::dcba));
static_assert(static_cast<int>(registry::RegisterKind::input) == static_cast<int>(Table::input_registers));
static_assert(static_cast<int>(registry::PropertyType::text) + 1 == static_cast<int>(ValueType::text));

void set_address(PropertyConfig& config, const registry::RegisterAddress& address) {
    config.table = static_cast<Table>(address.kind);
    config.address = address.address;
    const bool is_text = address.encoding == registry::Encoding::text;
    config.codec.encoding = address.bit ? wire::modbus::Encoding::bit
                            : is_text   ? wire::modbus::Encoding::text
                                        : static_cast<wire::modbus::Encoding>(address.encoding);
    config.codec.order = static_cast<wire::modbus::WordOrder>(address.word_order);
    config.codec.bit = address.bit.value_or(0);
    config.codec.text_registers = address.length;
    config.codec.scale = address.scale;
    config.codec.offset = address.offset;
}

// What its check has not said, because it is older than the check, is said with its readings.
void set_point(PropertyConfig& config, const registry::PointAddress& point,
               const registry::ConnectionSpec& connection) {
    const double dead_band = point.dead_band.value_or(connection.dead_band.value_or(0));
    config.place = {point.at, point.as, point.scale, point.offset, point.write.value_or(""), dead_band};
    if (!registry::is_modbus(connection.protocol)) return;
    const auto found = registry::modbus_point(connection, point, config.type == ValueType::boolean);
    if (!found) {
        config.fault = found.error().text();
        return;
    }
    const auto& [place, layout] = *found;
    config.table = place.table;
    config.address = place.address;
    config.area_first = place.area_first;
    config.area_end = place.address + place.room;
    config.read_only = !place.writable;
    config.codec = layout.codec;
    config.codec.scale = point.scale;
    config.codec.offset = point.offset;
}

PropertyConfig property_config(const registry::Property& property, const registry::ConnectionSpec& connection) {
    PropertyConfig config;
    config.name = property.name;
    config.type = static_cast<ValueType>(static_cast<int>(property.type) + 1);
    config.unit = property.unit;
    config.writable = property.writable;
    config.min = property.min;
    config.max = property.max;
    config.period = property.period_ms.value_or(connection.period_ms) * kMillisecond;
    if (property.address) set_address(config, *property.address);
    if (property.point) set_point(config, *property.point, connection);
    return config;
}

DeviceConfig device_config(const registry::Resource& resource, const registry::DeviceSpec& device,
                           const registry::DeviceTypeSpec& type, const registry::ConnectionSpec& connection) {
    DeviceConfig config;
    config.uid = resource.uid;
    config.path = resource.name;
    config.unit = device.unit_id.value_or(connection.unit);
    config.station = device.station.value_or("");
    config.enabled = device.enabled;
    // What is addressed for another kind of protocol cannot be asked for; the device's own check has said so.
    const bool by_register = registry::is_modbus(connection.protocol);
    for (const registry::Property& property : effective_properties(type, device))
        if (property.point || (by_register && property.address))
            config.properties.push_back(property_config(property, connection));
    return config;
}

void set_way(LinkConfig& config, const registry::ConnectionSpec& spec) {
    using registry::TextForm;
    if (registry::is_serial(spec.protocol)) {
        config.way = Way::serial;
        config.serial = spec.serial();
    }
    if (!registry::is_dtu(spec.protocol)) return;
    config.way = Way::dialled_in;
    // The kind has checked both.
    const auto bytes = [](const std::optional<std::string>& text, std::optional<TextForm> form) {
        return registry::packet_bytes(text.value_or(""), form.value_or(TextForm::text)).value_or(Buffer{});
    };
    config.dtu.port = spec.listen_port.value_or(0);
    config.dtu.registration = bytes(spec.registration, spec.registration_form);
    config.dtu.prefix = spec.registration_match == registry::PacketMatch::prefix;
    config.dtu.heartbeat = bytes(spec.heartbeat, spec.heartbeat_form);
}

Language language_of(registry::Protocol protocol) {
    if (protocol == registry::Protocol::s7) return Language::s7;
    if (protocol == registry::Protocol::mc) return Language::mc;
    if (protocol == registry::Protocol::fins) return Language::fins;
    if (protocol == registry::Protocol::shdr) return Language::shdr;
    if (protocol == registry::Protocol::http_json) return Language::http;
    if (protocol == registry::Protocol::mtconnect) return Language::mtconnect;
    if (protocol == registry::Protocol::iec104) return Language::iec104;
    if (protocol == registry::Protocol::opcua) return Language::opcua;
    if (registry::is_fx(protocol)) return Language::fx_port;
    if (registry::is_dlt645(protocol)) return Language::dlt645;
    if (registry::is_aibus(protocol)) return Language::aibus;
    return registry::is_frames(protocol) ? Language::free_frame : Language::modbus;
}

Framing framing_of(const registry::ConnectionSpec& spec) {
    const bool headed = spec.protocol == registry::Protocol::modbus_dtu
                            ? spec.framing == registry::DtuFraming::tcp
                            : spec.protocol == registry::Protocol::modbus_tcp;
    return headed ? Framing::mbap : Framing::rtu;
}

// The kind has checked them.
Iec104Settings iec104_settings(const registry::ConnectionSpec& spec) {
    Iec104Settings settings;
    settings.client = spec.iec104_client();
    settings.zone = spec.stamps().value_or(wire::iec104::Zone{});
    settings.common_address = spec.common_address.value_or(1);
    settings.interrogation = spec.interrogation_minutes.value_or(15) * kMinute;
    settings.counters = spec.counters_minutes.value_or(0) * kMinute;
    settings.clock = spec.clock_minutes.value_or(0) * kMinute;
    settings.select_first = spec.select_first.value_or(false);
    return settings;
}

void set_opcua(LinkConfig& config, const registry::ConnectionSpec& spec) {
    const std::string url = spec.endpoint.value_or("");
    if (const auto at = wire::ua::parse_endpoint_url(url)) {
        config.host = at->host;
        config.port = at->port;
    }
    OpcuaSettings& to = config.opcua;
    to.url = url;
    to.mode = static_cast<UaMode>(spec.security_mode.value_or(registry::UaMode::None));
    if (to.mode != UaMode::none) to.policy = static_cast<UaPolicy>(static_cast<int>(spec.ua_policy()) + 1);
    to.fingerprint = registry::plain_fingerprint(spec.server_fingerprint.value_or(""));
    to.user = spec.user.value_or("");
    to.publishing = spec.publishing_interval_ms.value_or(1'000) * kMillisecond;
    to.queue = spec.queue_size.value_or(10);
    config.timeout = spec.reply_timeout_ms.value_or(5'000) * kMillisecond;
}

void set_http(HttpSettings& to, const registry::ConnectionSpec& spec) {
    to.secure = spec.https.value_or(false);
    to.fingerprint = registry::plain_fingerprint(spec.server_fingerprint.value_or(""));
    to.user = spec.user.value_or("");
}

// Only what its protocol has: what is left over from another one must not make it a new link.
void set_language(LinkConfig& config, const registry::ConnectionSpec& spec) {
    config.language = language_of(spec.protocol);
    switch (config.language) {
        case Language::modbus:
            config.framing = framing_of(spec);
            config.dialect = spec.modbus_dialect();
            return;
        case Language::s7:
            config.s7 = {spec.tsaps().value_or(wire::s7::usual_tsaps(spec.s7_plc())), spec.s7_plc()};
            return;
        case Language::mc: {
            const wire::mc::Link link = spec.mc_link();
            config.melsec = {link.frame, link.coding, link.family, link.route};
            return;
        }
        case Language::fx_port:
            config.melsec.family = spec.melsec_family();
            return;
        case Language::dlt645:
            config.dlt645.standard = spec.standard();
            return;
        case Language::fins:
            config.fins.own_node = spec.own_node.value_or(0);
            return;
        case Language::free_frame:
            config.free_frame.layout = registry::layout_json(spec.layout.value_or("")).value_or("");
            return;
        case Language::http:
            set_http(config.http, spec);
            config.http.path = spec.http_path.value_or("/");
            return;
        case Language::mtconnect:
            set_http(config.http, spec);
            config.mtconnect.device = spec.agent_device.value_or("");
            return;
        case Language::shdr:
        case Language::aibus:
            return;
        case Language::iec104:
            config.iec104 = iec104_settings(spec);
            return;
        case Language::opcua:
            return set_opcua(config, spec);
    }
}

LinkConfig link_config(const registry::Resource& resource, const registry::ConnectionSpec& spec) {
    LinkConfig config;
    config.tenant = resource.tenant;
    config.uid = resource.uid;
    config.name = resource.name;
    config.protocol = registry::to_string(spec.protocol);
    config.enabled = spec.enabled;
    set_way(config, spec);
    config.host = spec.host;
    config.port = spec.tcp_port();
    config.timeout = spec.timeout_ms * kMillisecond;
    set_language(config, spec);
    if (config.language == Language::iec104) config.timeout = config.iec104.client.t1;
    config.retries = static_cast<std::uint8_t>(spec.retries);
    config.registers_per_request_max = spec.registers_per_request_max;
    config.gap_max = spec.gap_max;
    config.min_request_gap = spec.min_request_gap_ms * kMillisecond;
    constexpr Language kOnlyRead[] = {Language::dlt645, Language::free_frame, Language::shdr, Language::http,
                                      Language::mtconnect};
    const bool may_write = std::ranges::find(kOnlyRead, config.language) == std::end(kOnlyRead);
    config.writes_enabled = may_write && spec.writes_enabled;
    return config;
}

// The spec, or nothing and a line in the log: the other connections go on.
template <class Spec>
std::optional<Spec> read(const registry::Resource& resource) {
    auto spec = registry::spec_of<Spec>(resource);
    if (spec) return std::move(*spec);
    log_error("connect", "{} {} is left out: {}", resource.kind, resource.name, spec.error().text());
    return std::nullopt;
}

}  // namespace

std::vector<LinkConfig> link_configs(const registry::ResourceReader& registry, TenantId tenant) {
    std::map<std::string, registry::DeviceTypeSpec, std::less<>> types;
    for (const auto& resource : registry.list_shared(tenant, "device_type"))
        if (auto spec = read<registry::DeviceTypeSpec>(*resource)) types.emplace(resource->name, std::move(*spec));

    std::vector<LinkConfig> configs;
    std::map<std::string, std::pair<std::size_t, registry::ConnectionSpec>, std::less<>> connections;
    for (const auto& resource : registry.list_shared(tenant, "connection")) {
        auto spec = read<registry::ConnectionSpec>(*resource);
        if (!spec || spec->protocol == registry::Protocol::mqtt_device) continue;
        connections.emplace(resource->name, std::pair(configs.size(), *spec));
        configs.push_back(link_config(*resource, *spec));
    }
    for (const auto& resource : registry.list_shared(tenant, "device")) {
        const auto device = read<registry::DeviceSpec>(*resource);
        if (!device || !device->connection) continue;
        const auto connection = connections.find(*device->connection);
        const auto type = types.find(device->type);
        if (connection == connections.end() || type == types.end()) continue;
        const auto& [index, spec] = connection->second;
        configs[index].devices.push_back(device_config(*resource, *device, type->second, spec));
    }
    return configs;
}

}  // namespace gongshu::connect
