#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/tag.h"
#include "registry/kinds/device.h"
#include "registry/registry.h"
#include "wire/modbus.h"

namespace gongshu::registry {

// What a master is answered while a value cannot be used.
enum class WhenBad : std::uint8_t { exception, last, fill };
// What it is answered about places between entries.
enum class MapGaps : std::uint8_t { exception, zero };

// One tag at one place among the coils or registers of a Modbus server; the fields of the place as of RegisterAddress.
struct ServedEntry {
    std::string tag;  // path
    RegisterKind kind = RegisterKind::holding;
    std::uint16_t address = 0;
    Encoding encoding = Encoding::u16;
    WordOrder word_order = WordOrder::ABCD;
    std::optional<std::uint8_t> bit;
    std::uint8_t length = 1;
    double scale = 1;
    double offset = 0;
    bool writable = false;
    std::optional<double> min, max;              // of a write; beside what the device type says
    std::optional<std::uint16_t> status;         // a discrete input that is 1 while the value can be used
    std::optional<WhenBad> when_bad;             // none: the server's
    std::optional<double> fill;                  // with when_bad fill; in the tag's unit
    std::optional<std::uint32_t> stale_after_s;  // none: the server's
    std::optional<std::uint8_t> unit;            // none: the server's

    RegisterAddress place() const { return {kind, address, encoding, word_order, bit, length, scale, offset}; }
    // How the value lies there; of coils and discrete inputs it says nothing.
    wire::modbus::ValueCodec codec() const;
    std::uint16_t places() const;  // coils or registers that it takes
};

// Tags shown to Modbus masters.
struct ModbusServerSpec {
    std::string title_zh, title_en;
    bool enabled = true;
    std::string host = "127.0.0.1";
    std::uint16_t port = 502;
    std::vector<std::string> masters;  // addresses and networks that may ask; empty = this machine alone
    std::uint8_t unit = 1;
    bool writes_enabled = false;
    WhenBad when_bad = WhenBad::exception;
    std::optional<std::uint32_t> stale_after_s;  // none: a value is good however old
    MapGaps gaps = MapGaps::exception;
    std::uint16_t masters_max = 100;
    std::uint32_t idle_timeout_s = 120;
    std::vector<ServedEntry> entries;
};

inline constexpr std::size_t kServedEntriesMax = 2'000;

Kind modbus_server_kind();

// Code::invalid if `next` is a modbus_server with an entry whose tag is not there or whose value cannot lie as it says.
// Any thread.
Result<void> check_modbus_server(const ResourceReader& resources, const Tags& tags, const Resource& next);

extern template Result<ModbusServerSpec> spec_of<ModbusServerSpec>(const Resource&);

}  // namespace gongshu::registry
