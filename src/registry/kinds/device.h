#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/value.h"
#include "registry/registry.h"

namespace gongshu::registry {

enum class PropertyType : std::uint8_t { number, integer, boolean, text };
enum class RegisterKind : std::uint8_t { coil, discrete, holding, input };
enum class Encoding : std::uint8_t { u16, i16, u32, i32, u64, i64, f32, f64, bcd16, bcd32, text };
enum class WordOrder : std::uint8_t { ABCD, BADC, CDAB, DCBA };

// Where a property lies in a Modbus device. value = raw * scale + offset.
struct RegisterAddress {
    RegisterKind kind = RegisterKind::holding;
    std::uint16_t address = 0;  // from 0, as on the wire
    Encoding encoding = Encoding::u16;
    WordOrder word_order = WordOrder::ABCD;
    std::optional<std::uint8_t> bit;  // 0 … 15 of one register, then the property is boolean
    std::uint8_t length = 1;          // registers of a text
    double scale = 1;
    double offset = 0;
};

// Where it lies, as the machine's manual prints it; of Modbus in its connection's dialect. value = raw * scale + offset.
struct PointAddress {
    std::string at;  // DB10.DBD4, D100, 00010000, the name of a field, 1/4001
    std::string as;  // how it lies there: real, i16, text[20]; "" = what `at` is by itself
    double scale = 1;
    double offset = 0;
    std::optional<std::string> write;  // of IEC 104: the command that changes it, "C_SC 6001 select"
    std::optional<double> dead_band;  // of OPC UA; none: the connection's
};

// One thing that a device measures or can be told.
struct Property {
    std::string name;
    std::string title_zh, title_en;
    PropertyType type = PropertyType::number;
    std::string unit;  // UDUNITS text: "degC", "mm/s", "kW"
    bool writable = false;
    std::optional<double> min, max;  // what is possible; also the limits of a write
    std::optional<std::uint32_t> period_ms;
    std::optional<RegisterAddress> address;  // of Modbus alone
    std::optional<PointAddress> point;       // of all; neither: the device sends it by itself
    std::uint8_t level = 1;                  // data level 1 … 4
    std::string help;
};

// What a make of machine has: shared by all devices of it.
struct DeviceTypeSpec {
    std::string title_zh, title_en;
    std::string manufacturer, model;
    std::vector<Property> properties;
};

// What one device has other than its type says.
struct PropertyOverride {
    std::string name;
    std::optional<bool> enabled;
    std::optional<double> min, max;
    std::optional<std::uint32_t> period_ms;
    std::optional<RegisterAddress> address;
    std::optional<PointAddress> point;
};

// Which template a device was made from, and of which values.
struct DeviceOrigin {
    std::string name;  // of a device template
    std::uint64_t revision = 0;
    std::map<std::string, Json> parameters;
};

// One machine. Its name is its path: site/area/line/device.
struct DeviceSpec {
    std::string title_zh, title_en;
    std::string title;                      // the same in every language; shown where a language has none of its own
    std::string type;                       // name of a device type
    std::optional<std::string> connection;  // none: it sends by MQTT itself
    std::optional<std::uint8_t> unit_id;    // none: the connection's
    std::optional<std::string> station;     // its name on the line where that is no unit: the number of a meter, a common address
    // How others call it: "product/device" or "device", as JetLinks' topics have it. None: the last level of its name.
    std::optional<std::string> external_id;
    bool enabled = true;
    std::vector<PropertyOverride> properties;
    std::optional<DeviceOrigin> from_template;
};

Kind device_type_kind();
Kind device_kind();

// The properties of a device as they hold for it: the type's with the overrides laid over, disabled ones left out.
std::vector<Property> effective_properties(const DeviceTypeSpec& type, const DeviceSpec& device);

// The values of a property as the history keeps them.
constexpr ValueType value_type(PropertyType type) {
    static_assert(static_cast<int>(PropertyType::text) + 1 == static_cast<int>(ValueType::text));
    return static_cast<ValueType>(static_cast<int>(type) + 1);
}

// What the type of the device at `path` says of its property `name`, with the device's overrides; nullopt if there is
// no such device or it declares no such property. Any thread; reads memory only.
std::optional<Property> declared_property(const ResourceReader& resources, TenantId tenant, std::string_view path,
                                          std::string_view name);

extern template Result<DeviceTypeSpec> spec_of<DeviceTypeSpec>(const Resource&);
extern template Result<DeviceSpec> spec_of<DeviceSpec>(const Resource&);

}  // namespace gongshu::registry
