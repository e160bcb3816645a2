#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "data/ids.h"
#include "data/value.h"
#include "wire/modbus.h"

namespace gongshu::connect {

// The four tables of a Modbus device.
enum class Table : std::uint8_t { coils, discrete_inputs, holding_registers, input_registers };

bool is_bits(Table table);
wire::modbus::Function read_function(Table table);

// One property that is polled: plain values, made from the resources of the registry by connections.cpp.
struct PropertyConfig {
    std::string name;
    ValueType type = ValueType::number;
    std::string unit;
    bool writable = false;
    std::optional<double> min, max;
    DurationNs period = kSecond;
    Table table = Table::holding_registers;
    std::uint16_t address = 0;
    wire::modbus::ValueCodec codec;  // not used for coils and discrete inputs

    std::uint16_t count() const { return is_bits(table) ? std::uint16_t{1} : register_count(codec); }
};
bool operator==(const PropertyConfig& a, const PropertyConfig& b);

struct DeviceConfig {
    std::string uid;
    std::string path;
    std::uint8_t unit = 1;
    bool enabled = true;
    std::vector<PropertyConfig> properties;
    friend bool operator==(const DeviceConfig&, const DeviceConfig&) = default;
};

// One connection with everything that hangs on it.
struct LinkConfig {
    TenantId tenant;
    std::string uid;
    std::string name;
    bool enabled = true;
    std::string host;
    std::uint16_t port = 502;
    DurationNs timeout = kSecond;
    std::uint8_t retries = 1;
    std::uint16_t registers_per_request_max = 100;
    std::uint16_t gap_max = 8;
    DurationNs min_request_gap = 0;
    bool writes_enabled = false;
    std::vector<DeviceConfig> devices;
    friend bool operator==(const LinkConfig&, const LinkConfig&) = default;

    // Going from `other` to this needs no new link.
    bool same_link(const LinkConfig& other) const {
        return enabled == other.enabled && host == other.host && port == other.port;
    }
};

}  // namespace gongshu::connect
