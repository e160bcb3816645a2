#include <cmath>
#include <set>

#include "registry/kind_of.h"
#include "registry/kinds/device.h"
#include "registry/kinds/device_facts.h"
#include "registry/kinds/point.h"
#include "registry/names.h"
#include "registry/units.h"

namespace gongshu::registry {

BOOST_DESCRIBE_ENUM(PropertyType, number, integer, boolean, text)
BOOST_DESCRIBE_STRUCT(Property, (),
                      (name, title_zh, title_en, type, unit, writable, min, max, period_ms, address, point, level,
                       help))
BOOST_DESCRIBE_STRUCT(DeviceTypeSpec, (), (title_zh, title_en, manufacturer, model, properties))

namespace {

constexpr std::size_t kTitleBytesMax = 200;
constexpr double kDayMs = 86'400'000;

Result<void> check_property(const Property& property) {
    if (property.min && property.max && *property.min > *property.max) {
        return Error{Code::invalid, "min: expected at most max ({}), found {}", *property.max, *property.min};
    }
    if (property.address && property.point)
        return Error{Code::invalid, "point: a property has either an address, for Modbus, or a point"};
    if (property.point) {
        if (auto checked = check_point(*property.point); !checked)
            return Error{Code::invalid, "point.{}", checked.error().text()};
    }
    if (property.address) {
        const RegisterAddress& address = *property.address;
        TRY(check_address(address).context("address"));
        const bool one_bit =
            address.bit.has_value() || address.kind == RegisterKind::coil || address.kind == RegisterKind::discrete;
        if (one_bit && property.type != PropertyType::boolean) {
            return Error{Code::invalid, "type: expected boolean, because the address is a single bit"};
        }
        if ((address.encoding == Encoding::text) != (property.type == PropertyType::text) && !one_bit) {
            return Error{Code::invalid,
                         "address.encoding: a property of type text and the encoding text need each other"};
        }
        const bool read_only = address.kind == RegisterKind::discrete || address.kind == RegisterKind::input;
        if (property.writable && read_only) {
            return Error{
                Code::invalid,
                "writable: discrete inputs and input registers cannot be written; expected kind coil or holding"};
        }
    }
    return {};
}

Result<void> check_properties(const DeviceTypeSpec& spec) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < spec.properties.size(); ++i) {
        const Property& property = spec.properties[i];
        if (!names.insert(property.name).second) {
            return Error{Code::invalid, "properties[{}].name: \"{}\" is there already", i, property.name};
        }
        if (auto checked = check_property(property); !checked) {
            return Error{checked.error().code(), "properties[{}].{}", i, checked.error().text()};
        }
    }
    return {};
}

}  // namespace

std::vector<Fact> facts_of(const Property*) {
    return {
        {.field = "name",
         .title_zh = "标识",
         .title_en = "Name",
         .help_zh = "点位名的最后一段",
         .help_en = "The last part of the tag",
         .required = true,
         .length_max = 100,
         .check = check_word},
        {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
        {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
        {.field = "type",
         .title_zh = "类型",
         .title_en = "Type",
         .required = true,
         .choices = {{"number", "数值", "Number"},
                     {"integer", "整数", "Integer"},
                     {"boolean", "开关", "Boolean"},
                     {"text", "文本", "Text"}}},
        {.field = "unit",
         .title_zh = "单位",
         .title_en = "Unit",
         .help_zh = "如 degC、mm/s、kW、bar",
         .help_en = "Such as degC, mm/s, kW, bar",
         .length_max = 60,
         .check = check_unit_text},
        {.field = "writable", .title_zh = "可写", .title_en = "Writable"},
        {.field = "min",
         .title_zh = "下限",
         .title_en = "Minimum",
         .help_zh = "可能的最小值，也是写入的下限",
         .help_en = "The least possible value; also of a write"},
        {.field = "max",
         .title_zh = "上限",
         .title_en = "Maximum",
         .help_zh = "可能的最大值，也是写入的上限",
         .help_en = "The greatest possible value; also of a write"},
        {.field = "period_ms", .title_zh = "采集周期", .title_en = "Period", .unit = "ms", .min = 10, .max = kDayMs},
        {.field = "address",
         .title_zh = "Modbus 地址",
         .title_en = "Modbus address",
         .help_zh = "地址和测点都为空表示由设备自行上报",
         .help_en = "Neither address nor point: the device sends it by itself"},
        {.field = "point",
         .title_zh = "测点地址",
         .title_en = "Point",
         .help_zh = "Modbus 以外的协议都用它；Modbus 连接选了地址写法时也可用",
         .help_en = "Of all protocols but Modbus; of Modbus too where the connection has a dialect"},
        {.field = "level", .title_zh = "数据级别", .title_en = "Data level", .min = 1, .max = 4},
        {.field = "help", .title_zh = "说明", .title_en = "Help", .widget = "multiline"},
    };
}

std::vector<Fact> facts_of(const DeviceTypeSpec*) {
    return {{.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
            {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
            {.field = "manufacturer", .title_zh = "厂商", .title_en = "Manufacturer", .length_max = kTitleBytesMax},
            {.field = "model", .title_zh = "型号", .title_en = "Model", .length_max = kTitleBytesMax},
            {.field = "properties",
             .title_zh = "属性",
             .title_en = "Properties",
             .help_zh = "设备测量的量和可以下发的量",
             .help_en = "What it measures and what it can be told",
             .length_max = 2'000}};
}

Kind device_type_kind() {
    return make_kind<DeviceTypeSpec>({.name = "device_type",
                                      .plural = "device_types",
                                      .title_zh = "设备型号",
                                      .title_en = "Device type",
                                      .about_zh = "同型号设备共有的属性（物模型）",
                                      .about_en = "What a make of machine has, shared by all devices of it"},
                                     {.alone = check_properties});
}

template Result<DeviceTypeSpec> spec_of<DeviceTypeSpec>(const Resource&);

}  // namespace gongshu::registry
