#include "plant/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace gongshu::plant {

namespace {

using wire::modbus::Encoding;
using wire::modbus::WordOrder;
constexpr auto kNumber = ValueType::number;
constexpr auto kInteger = ValueType::integer;
constexpr auto kBoolean = ValueType::boolean;
constexpr auto kText = ValueType::text;
constexpr auto abcd = WordOrder::abcd;

// name, zh, en, type, unit, table, address, encoding, order, scale, noise, min, max, writable, text registers
constexpr PropertyRow kCnc[] = {
    {"spindle_speed", "主轴转速", "Spindle speed", kNumber, "rpm", Table::input, 0, Encoding::u16, abcd, 1, 4, 0,
     15000},
    {"spindle_load", "主轴负载", "Spindle load", kNumber, "%", Table::input, 1, Encoding::u16, abcd, 0.1, 0.8, 0, 200},
    {"spindle_temperature", "主轴温度", "Spindle temperature", kNumber, "degC", Table::input, 2, Encoding::i16, abcd,
     0.1, 0.1, -20, 120},
    {"feed_rate", "进给速度", "Feed rate", kNumber, "mm/min", Table::input, 3, Encoding::u16, abcd, 1, 3, 0, 30000},
    {"x_load", "X 轴负载", "X axis load", kNumber, "%", Table::input, 4, Encoding::i16, abcd, 0.1, 0.6, 0, 200},
    {"y_load", "Y 轴负载", "Y axis load", kNumber, "%", Table::input, 5, Encoding::i16, abcd, 0.1, 0.6, 0, 200},
    {"z_load", "Z 轴负载", "Z axis load", kNumber, "%", Table::input, 6, Encoding::i16, abcd, 0.1, 0.6, 0, 200},
    {"vibration", "振动速度", "Vibration velocity", kNumber, "mm/s", Table::input, 7, Encoding::f32, abcd, 0.001, 0.05,
     0, 50},
    {"part_count", "产量计数", "Part count", kInteger, "", Table::input, 9, Encoding::u32, abcd, 1, 0},
    {"state", "运行状态", "Run state", kInteger, "", Table::input, 11, Encoding::u16, abcd, 1, 0, 0, 3},
    {"tool_wear", "刀具磨损", "Tool wear", kNumber, "%", Table::input, 12, Encoding::u16, abcd, 0.1, 0.05, 0, 150},
    {"coolant_level", "切削液液位", "Coolant level", kNumber, "%", Table::input, 13, Encoding::u16, abcd, 0.1, 0.1, 0,
     100},
    {"program", "加工程序", "Program", kText, "", Table::input, 14, Encoding::text, abcd, 1, 0, {}, {}, false, 4},
    {"power", "有功功率", "Active power", kNumber, "kW", Table::input, 18, Encoding::u16, abcd, 0.01, 0.03, 0, 60},
    {"feed_override", "进给倍率", "Feed override", kNumber, "%", Table::holding, 0, Encoding::u16, abcd, 1, 0, 0, 120,
     true},
    {"door_open", "防护门打开", "Door open", kBoolean, "", Table::discrete, 0, Encoding::u16, abcd, 1, 0},
};

constexpr PropertyRow kMoulding[] = {
    {"barrel_zone_1", "料筒一段温度", "Barrel zone 1", kNumber, "degC", Table::input, 0, Encoding::i16, abcd, 0.1, 0.15,
     0, 400},
    {"barrel_zone_2", "料筒二段温度", "Barrel zone 2", kNumber, "degC", Table::input, 1, Encoding::i16, abcd, 0.1, 0.15,
     0, 400},
    {"barrel_zone_3", "料筒三段温度", "Barrel zone 3", kNumber, "degC", Table::input, 2, Encoding::i16, abcd, 0.1, 0.15,
     0, 400},
    {"barrel_zone_4", "喷嘴温度", "Nozzle temperature", kNumber, "degC", Table::input, 3, Encoding::i16, abcd, 0.1,
     0.15, 0, 400},
    {"mould_temperature", "模具温度", "Mould temperature", kNumber, "degC", Table::input, 4, Encoding::i16, abcd, 0.1,
     0.1, 0, 150},
    {"injection_pressure", "注射压力峰值", "Peak injection pressure", kNumber, "bar", Table::input, 5, Encoding::u16,
     abcd, 0.1, 0, 0, 2500},
    {"clamp_force", "锁模力", "Clamp force", kNumber, "kN", Table::input, 6, Encoding::u16, abcd, 0.1, 0, 0, 2000},
    {"cycle_time", "成型周期", "Cycle time", kNumber, "s", Table::input, 7, Encoding::u16, abcd, 0.01, 0, 0, 600},
    {"shot_count", "模次计数", "Shot count", kInteger, "", Table::input, 8, Encoding::u32, abcd, 1, 0},
    {"state", "运行状态", "Run state", kInteger, "", Table::input, 10, Encoding::u16, abcd, 1, 0, 0, 3},
    {"power", "有功功率", "Active power", kNumber, "kW", Table::input, 11, Encoding::u16, abcd, 0.01, 0.05, 0, 200},
};

constexpr PropertyRow kPump[] = {
    {"running", "运行", "Running", kBoolean, "", Table::discrete, 0, Encoding::u16, abcd, 1, 0},
    {"current", "电机电流", "Motor current", kNumber, "A", Table::input, 0, Encoding::u16, abcd, 0.01, 0.05, 0, 40},
    {"vibration", "振动速度", "Vibration velocity", kNumber, "mm/s", Table::input, 1, Encoding::f32, abcd, 0.001, 0.06,
     0, 50},
    {"suction_pressure", "吸入压力", "Suction pressure", kNumber, "bar", Table::input, 3, Encoding::i16, abcd, 0.001,
     0.003, -1, 10},
    {"discharge_pressure", "出口压力", "Discharge pressure", kNumber, "bar", Table::input, 4, Encoding::u16, abcd,
     0.001, 0.006, 0, 16},
    {"bearing_temperature", "轴承温度", "Bearing temperature", kNumber, "degC", Table::input, 5, Encoding::i16, abcd,
     0.1, 0.1, -20, 150},
    {"speed", "转速", "Speed", kNumber, "rpm", Table::input, 6, Encoding::u16, abcd, 1, 2, 0, 3600},
    {"power", "有功功率", "Active power", kNumber, "kW", Table::input, 7, Encoding::u16, abcd, 0.01, 0.02, 0, 30},
    {"running_hours", "累计运行时间", "Running hours", kNumber, "h", Table::input, 8, Encoding::u32, abcd, 0.1, 0},
    {"frequency_setpoint", "频率设定", "Frequency setpoint", kNumber, "Hz", Table::holding, 0, Encoding::u16, abcd, 0.1,
     0, 30, 52, true},
};

constexpr PropertyRow kLoop[] = {
    {"flow", "循环流量", "Flow", kNumber, "m3/h", Table::input, 0, Encoding::f32, abcd, 0.001, 0.15, 0, 200},
    {"supply_temperature", "供水温度", "Supply temperature", kNumber, "degC", Table::input, 2, Encoding::i16, abcd,
     0.01, 0.02, -20, 100},
    {"return_temperature", "回水温度", "Return temperature", kNumber, "degC", Table::input, 3, Encoding::i16, abcd,
     0.01, 0.02, -20, 100},
    {"fan_speed", "冷却塔风机转速", "Tower fan speed", kNumber, "%", Table::input, 4, Encoding::u16, abcd, 0.1, 0.1, 0,
     100},
    {"filter_differential_pressure", "过滤器压差", "Filter differential pressure", kNumber, "kPa", Table::input, 5,
     Encoding::u16, abcd, 0.1, 0.3, 0, 400},
    {"tank_level", "水箱液位", "Tank level", kNumber, "%", Table::input, 6, Encoding::u16, abcd, 0.1, 0.1, 0, 100},
    {"wet_bulb_temperature", "湿球温度", "Wet-bulb temperature", kNumber, "degC", Table::input, 7, Encoding::i16, abcd,
     0.1, 0.05, -40, 50},
    {"heat_load", "换热功率", "Heat load", kNumber, "kW", Table::input, 8, Encoding::u16, abcd, 0.1, 0.3, 0, 1000},
};

constexpr PropertyRow kMeter[] = {
    {"voltage", "线电压", "Line voltage", kNumber, "V", Table::input, 0, Encoding::u16, abcd, 0.1, 0.3, 0, 500},
    {"current", "电流", "Current", kNumber, "A", Table::input, 1, Encoding::u32, WordOrder::cdab, 0.001, 0.02, 0, 1000},
    {"power", "有功功率", "Active power", kNumber, "kW", Table::input, 3, Encoding::f32, WordOrder::cdab, 0.001, 0.02,
     0, 700},
    {"power_factor", "功率因数", "Power factor", kNumber, "1", Table::input, 5, Encoding::u16, abcd, 0.001, 0.001, 0,
     1},
    {"energy", "有功电能", "Active energy", kNumber, "kW.h", Table::input, 6, Encoding::u32, WordOrder::cdab, 0.01, 0},
};

constexpr Fault kCncFaults[] = {Fault::bearing_wear, Fault::tool_breakage, Fault::drift, Fault::stuck_sensor};
constexpr Fault kPumpFaults[] = {Fault::bearing_wear, Fault::cavitation, Fault::drift, Fault::stuck_sensor};
constexpr Fault kLoopFaults[] = {Fault::clogged_filter, Fault::drift, Fault::stuck_sensor};
constexpr Fault kSensorFaults[] = {Fault::drift, Fault::stuck_sensor};

constexpr TypeRow kCncType{"demo_cnc", "数控加工中心(仿真)", "CNC machining centre (simulated)", "SIM-VMC850", kCnc,
                           kCncFaults, "spindle_temperature"};
constexpr TypeRow kMouldingType{"demo_moulding", "注塑机(仿真)", "Injection-moulding machine (simulated)",
                                "SIM-IM160",     kMoulding,      kSensorFaults,
                                "barrel_zone_2"};
constexpr TypeRow kPumpType{"demo_pump", "冷却水泵(仿真)",    "Cooling-water pump (simulated)", "SIM-CP60", kPump,
                            kPumpFaults, "discharge_pressure"};
constexpr TypeRow kLoopType{
    "demo_cooling_loop", "冷却水系统(仿真)",  "Cooling-water loop (simulated)", "SIM-CW200", kLoop,
    kLoopFaults,         "supply_temperature"};
constexpr TypeRow kMeterType{"demo_meter",  "电能表(仿真)", "Energy meter (simulated)", "SIM-EM3", kMeter,
                             kSensorFaults, "current"};
constexpr const TypeRow* kTypes[] = {&kCncType, &kMouldingType, &kPumpType, &kLoopType, &kMeterType};

constexpr DeviceRow kDevices[] = {
    {"cnc1", "machining/line1", "1 号加工中心", "CNC 1", &kCncType, "cnc1", 1},
    {"cnc2", "machining/line1", "2 号加工中心", "CNC 2", &kCncType, "cnc2", 1},
    {"cnc3", "machining/line1", "3 号加工中心", "CNC 3", &kCncType, "", 0},
    {"moulding", "moulding/cell1", "注塑机", "Moulding machine", &kMouldingType, "", 0},
    {"pump1", "utilities/cooling", "1 号冷却水泵", "Cooling pump 1", &kPumpType, "cooling", 1},
    {"pump2", "utilities/cooling", "2 号冷却水泵", "Cooling pump 2", &kPumpType, "cooling", 2},
    {"loop", "utilities/cooling", "冷却水系统", "Cooling-water loop", &kLoopType, "cooling", 3},
    {"meter1", "energy/meters", "机加工馈线电表", "Meter, machining feeder", &kMeterType, "meters", 1},
    {"meter2", "energy/meters", "公用馈线电表", "Meter, utilities feeder", &kMeterType, "meters", 2},
    {"meter3", "energy/meters", "注塑馈线电表", "Meter, moulding feeder", &kMeterType, "", 0},
    {"meter4", "energy/meters", "空压与照明电表", "Meter, compressor and lighting", &kMeterType, "", 0},
};

constexpr std::string_view kFaultNames[] = {"bearing_wear",  "cavitation", "clogged_filter",
                                            "tool_breakage", "drift",      "stuck_sensor"};

}  // namespace

std::string_view to_string(Fault fault) { return kFaultNames[static_cast<std::size_t>(fault)]; }

std::optional<Fault> parse_fault(std::string_view name) {
    for (std::size_t i = 0; i < std::size(kFaultNames); ++i)
        if (kFaultNames[i] == name) return static_cast<Fault>(i);
    return std::nullopt;
}

std::span<const DeviceRow> devices() { return kDevices; }
std::span<const TypeRow* const> types() { return kTypes; }

std::optional<std::size_t> find_device(std::string_view name) {
    const auto found = std::ranges::find(kDevices, name, &DeviceRow::name);
    return found == std::end(kDevices) ? std::nullopt : std::optional<std::size_t>(found - std::begin(kDevices));
}

std::optional<std::size_t> find_property(const TypeRow& type, std::string_view name) {
    const auto found = std::ranges::find(type.properties, name, &PropertyRow::name);
    return found == type.properties.end() ? std::nullopt : std::optional<std::size_t>(found - type.properties.begin());
}

std::string path_of(std::string_view site, const DeviceRow& device) {
    return fmt::format("{}/{}/{}", site, device.place, device.name);
}

wire::modbus::ValueCodec codec_of(const PropertyRow& property) {
    wire::modbus::ValueCodec codec;
    codec.encoding = property.encoding;
    codec.order = property.order;
    if (property.text_registers != 0) codec.text_registers = property.text_registers;
    const bool is_float = property.encoding == Encoding::f32 || property.encoding == Encoding::f64;
    codec.scale = is_float ? 1 : property.scale;  // floats are sent as they are
    return codec;
}

Value shown_value(const PropertyRow& property, double number) {
    if (property.type == kText) return fmt::format("O{:04.0f}", number);
    if (property.type == kBoolean) return number != 0;
    if (property.type == kInteger) return static_cast<std::int64_t>(std::llround(number));
    const double steps_per_one = std::round(1 / property.scale);
    return property.scale < 1 ? std::round(number * steps_per_one) / steps_per_one
                              : std::round(number / property.scale) * property.scale;
}

}  // namespace gongshu::plant
