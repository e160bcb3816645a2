#include "connect/link_config_from_registry.h"

#include <map>

#include "base/log.h"
#include "registry/kinds/connection.h"
#include "registry/kinds/device.h"

namespace gongshu::connect {

namespace {

// The enumerations of the resources and of wire have the same order, so that a number is enough.
static_assert(static_cast<int>(registry::Encoding::text) + 1 == static_cast<int>(wire::modbus::Encoding::text));
static_assert(static_cast<int>(registry::Encoding::bcd32) == static_cast<int>(wire::modbus::Encoding::bcd32));
static_assert(static_cast<int>(registry::WordOrder::DCBA) == static_cast<int>(wire::modbus::WordOrder::dcba));
static_assert(static_cast<int>(registry::RegisterKind::input) == static_cast<int>(Table::input_registers));
static_assert(static_cast<int>(registry::PropertyType::text) + 1 == static_cast<int>(ValueType::text));

PropertyConfig property_config(const registry::Property& property, std::uint32_t period_ms) {
    const registry::RegisterAddress& address = *property.address;
    PropertyConfig config;
    config.name = property.name;
    config.type = static_cast<ValueType>(static_cast<int>(property.type) + 1);
    config.unit = property.unit;
    config.writable = property.writable;
    config.min = property.min;
    config.max = property.max;
    config.period = property.period_ms.value_or(period_ms) * kMillisecond;
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
    return config;
}

DeviceConfig device_config(const registry::Resource& resource, const registry::DeviceSpec& device,
                           const registry::DeviceTypeSpec& type, const registry::ConnectionSpec& connection) {
    DeviceConfig config;
    config.uid = resource.uid;
    config.path = resource.name;
    config.unit = device.unit_id.value_or(connection.unit);
    config.enabled = device.enabled;
    for (const registry::Property& property : effective_properties(type, device))
        if (property.address) config.properties.push_back(property_config(property, connection.period_ms));
    return config;
}

LinkConfig link_config(const registry::Resource& resource, const registry::ConnectionSpec& spec) {
    LinkConfig config;
    config.tenant = resource.tenant;
    config.uid = resource.uid;
    config.name = resource.name;
    config.enabled = spec.enabled;
    config.host = spec.host;
    config.port = spec.port;
    config.timeout = spec.timeout_ms * kMillisecond;
    config.retries = static_cast<std::uint8_t>(spec.retries);
    config.registers_per_request_max = spec.registers_per_request_max;
    config.gap_max = spec.gap_max;
    config.min_request_gap = spec.min_request_gap_ms * kMillisecond;
    config.writes_enabled = spec.writes_enabled;
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
        if (!spec || spec->protocol != registry::Protocol::modbus_tcp) continue;
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
