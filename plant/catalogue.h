#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "data/value.h"
#include "wire/modbus.h"

// What the plant consists of, as tables: the Modbus register map and the device types of library/demo are made from
// them.
namespace gongshu::plant {

enum class Table : std::uint8_t { coil, discrete, holding, input };  // order of Modbus functions 1 … 4

struct PropertyRow {
    std::string_view name;
    std::string_view zh, en;
    ValueType type = ValueType::number;
    std::string_view unit;
    Table table = Table::input;
    std::uint16_t address = 0;
    wire::modbus::Encoding encoding = wire::modbus::Encoding::u16;
    wire::modbus::WordOrder order = wire::modbus::WordOrder::abcd;
    double scale = 1;  // also the step to which MQTT values are rounded
    double noise = 0;  // standard deviation of what the sensor adds
    std::optional<double> min = {}, max = {};
    bool writable = false;
    std::uint16_t text_registers = 0;
};

enum class Fault : std::uint8_t { bearing_wear, cavitation, clogged_filter, tool_breakage, drift, stuck_sensor };
std::string_view to_string(Fault fault);
std::optional<Fault> parse_fault(std::string_view name);

struct TypeRow {
    std::string_view name;  // of the device type
    std::string_view zh, en, model;
    std::span<const PropertyRow> properties;
    std::span<const Fault> faults;  // that it can have
    std::string_view drifting;      // property that drift and stuck_sensor act on unless one is named
};

struct DeviceRow {
    std::string_view name;   // in the plant: "pump1"
    std::string_view place;  // "utilities/cooling", beneath the site
    std::string_view zh, en;
    const TypeRow* type;
    std::string_view server;  // Modbus server that serves it; "" = it sends by MQTT
    std::uint8_t unit;
};

// In this order everywhere; the number of a device is its place here.
std::span<const DeviceRow> devices();
std::span<const TypeRow* const> types();
// Number of a device or of a property of a type; nullopt if there is none of that name.
std::optional<std::size_t> find_device(std::string_view name);
std::optional<std::size_t> find_property(const TypeRow& type, std::string_view name);
// "demo/utilities/cooling/pump1"
std::string path_of(std::string_view site, const DeviceRow& device);

wire::modbus::ValueCodec codec_of(const PropertyRow& property);
// A model's number as the value that is shown: rounded to the scale, typed; a number of a text property is a program
// ("O1021").
Value shown_value(const PropertyRow& property, double number);

// States of machines, as the property `state` tells them.
enum class State : std::uint8_t { off = 0, idle = 1, running = 2, alarm = 3 };

// The resources of the demo that follow from these tables: site, device types, connections and devices, as YAML.
std::string demo_yaml();

}  // namespace gongshu::plant
