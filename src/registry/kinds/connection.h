#pragma once

#include <cstdint>
#include <string>

#include "registry/registry.h"

namespace gongshu::registry {

enum class Protocol : std::uint8_t { modbus_tcp, mqtt_device };

// One link to one or many machines by one protocol.
struct ConnectionSpec {
    std::string title_zh, title_en;
    Protocol protocol = Protocol::modbus_tcp;
    bool enabled = true;
    std::string host;
    std::uint16_t port = 502;
    std::uint32_t period_ms = 1'000;  // of properties that state none
    std::uint32_t timeout_ms = 1'000;
    std::uint8_t retries = 1;
    std::uint8_t unit = 1;  // of devices that state none
    std::uint8_t registers_per_request_max = 100;
    std::uint16_t gap_max = 8;  // registers read for nothing to join two requests
    std::uint32_t min_request_gap_ms = 0;
    bool writes_enabled = false;
};

Kind connection_kind();

extern template Result<ConnectionSpec> spec_of<ConnectionSpec>(const Resource&);

}  // namespace gongshu::registry
