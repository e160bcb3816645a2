#include "registry/kinds/device.h"

#include <algorithm>
#include <set>

#include "registry/kinds/device_facts.h"
#include "registry/kinds/point.h"
#include "registry/names.h"

namespace gongshu::registry {

BOOST_DESCRIBE_STRUCT(PropertyOverride, (), (name, enabled, min, max, period_ms, address, point))
BOOST_DESCRIBE_STRUCT(DeviceOrigin, (), (name, revision, parameters))
BOOST_DESCRIBE_STRUCT(DeviceSpec, (),
                      (title_zh, title_en, title, type, connection, unit_id, station, external_id, enabled, properties,
                       from_template))

namespace {

constexpr double kDayMs = 86'400'000;
constexpr std::size_t kTitleBytesMax = 200;

Result<void> check_overrides(const DeviceSpec& spec) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < spec.properties.size(); ++i) {
        const PropertyOverride& property = spec.properties[i];
        if (!names.insert(property.name).second) {
            return Error{Code::invalid, "properties[{}].name: \"{}\" is there already", i, property.name};
        }
        if (property.address && property.point)
            return Error{Code::invalid,
                         "properties[{}].point: a property has either an address, for Modbus, or a point", i};
        if (property.address) {
            if (auto checked = check_address(*property.address); !checked)
                return Error{Code::invalid, "properties[{}].address.{}", i, checked.error().text()};
        }
        if (property.point) {
            if (auto checked = check_point(*property.point); !checked)
                return Error{Code::invalid, "properties[{}].point.{}", i, checked.error().text()};
        }
    }
    return {};
}

Result<void> check_external_id(std::string_view id) {
    const bool parts = !id.empty() && !id.starts_with('/') && !id.ends_with('/') && id.find("//") == id.npos &&
                       std::ranges::count(id, '/') <= 2;
    const bool plain =
        std::ranges::none_of(id, [](char c) { return c == '+' || c == '#' || c == '\x7f' || (c >= 0 && c < 0x20); });
    if (parts && plain) return {};
    return Error{Code::invalid,
                 "expected \"device\", \"product/device\" or \"group/node/device\" without + and #, found \"{}\"", id};
}

// In the name of a tag the property comes after the first dot: "a/m.2" would be the property 2 of a/m, to rights too.
// A device that has such a name from before keeps it.
Result<void> check_dots(const ResourceReader& reader, TenantId tenant, std::string_view own_name) {
    const std::size_t dot = own_name.find('.');
    if (dot == std::string_view::npos || reader.find(tenant, "device", own_name) != nullptr) return {};
    std::string instead(own_name);
    std::ranges::replace(instead, '.', '-');
    return Error{
        Code::invalid,
        "name: a device's name holds no dots, because what comes after one is the property in the name of a tag; "
        "call it \"{}\"",
        instead};
}

// Overrides may only name what the type has, else they would silently do nothing.
Result<void> check_names(const DeviceTypeSpec& of, const DeviceSpec& spec) {
    std::vector<std::string> names;
    for (const Property& property : of.properties) names.push_back(property.name);
    for (std::size_t i = 0; i < spec.properties.size(); ++i) {
        const std::string& name = spec.properties[i].name;
        if (std::ranges::find(names, name) != names.end()) continue;
        const std::string near = nearest(name, names);
        return Error{Code::invalid,
                     "properties[{}].name: the device type \"{}\" has no property \"{}\"{}",
                     i,
                     spec.type,
                     name,
                     near.empty() ? "" : "; did you mean \"" + near + "\"?"};
    }
    return {};
}

Result<void> check_among(const ResourceReader& reader, TenantId tenant, std::string_view own_name,
                         const DeviceSpec& spec) {
    TRY(check_dots(reader, tenant, own_name));
    TRY(check_station(reader, tenant, spec));
    const auto type = reader.find(tenant, "device_type", spec.type);
    if (!type || (spec.properties.empty() && !spec.connection)) return {};
    const DeviceTypeSpec of = TRY(spec_of<DeviceTypeSpec>(*type));
    TRY(check_names(of, spec));
    return check_device_points(reader, tenant, of, spec);
}

}  // namespace

std::vector<Fact> facts_of(const RegisterAddress*) {
    return {
        {.field = "kind",
         .title_zh = "寄存器种类",
         .title_en = "Kind",
         .required = true,
         .choices = {{"coil", "线圈(0x)", "Coil (0x)"},
                     {"discrete", "离散输入(1x)", "Discrete input (1x)"},
                     {"holding", "保持寄存器(4x)", "Holding register (4x)"},
                     {"input", "输入寄存器(3x)", "Input register (3x)"}}},
        {.field = "address",
         .title_zh = "地址",
         .title_en = "Address",
         .help_zh = "从 0 起，与报文一致（40001 即 0）",
         .help_en = "From 0, as on the wire (40001 is 0)",
         .required = true},
        {.field = "encoding", .title_zh = "编码", .title_en = "Encoding"},
        {.field = "word_order",
         .title_zh = "字节次序",
         .title_en = "Word order",
         .help_zh = "多寄存器的值如何排列",
         .help_en = "How values of several registers lie"},
        {.field = "bit",
         .title_zh = "位",
         .title_en = "Bit",
         .help_zh = "0 为最低位；类型须为开关",
         .help_en = "0 is the lowest; the type is then boolean",
         .max = 15},
        {.field = "length",
         .title_zh = "文本寄存器数",
         .title_en = "Registers of a text",
         .min = 1,
         .max = 125,
         .if_field = "encoding",
         .if_equals = "text"},
        {.field = "scale",
         .title_zh = "倍率",
         .title_en = "Scale",
         .help_zh = "值 = 原始值 × 倍率 + 偏移",
         .help_en = "value = raw × scale + offset"},
        {.field = "offset", .title_zh = "偏移", .title_en = "Offset"},
    };
}

std::vector<Fact> facts_of(const PointAddress*) {
    return {
        {.field = "at",
         .title_zh = "位置",
         .title_en = "At",
         .help_zh = "按手册写：S7 如 DB10.DBD4、M0.1；三菱以及选了地址写法的 Modbus 如 D100、M20、X17、40001；欧姆龙如 D100、CIO10.05；电表如 "
                    "00010000 或 forward_active_total；宇电仪表如 PV、SV、HIAL；自由报文写模板里的字段名；OPC UA 写节点号，如 "
                    "ns=2;s=Machine/Speed；IEC 104 写信息体地址，如 4001、0x4001、0.64.1",
         .help_en = "As the manual prints it: DB10.DBD4 or M0.1 of S7; D100, M20, X17 of MELSEC and of Modbus with a "
                    "dialect, or 40001; D100, CIO10.05 of Omron; 00010000 or forward_active_total of a meter; PV, SV, HIAL of "
                    "a Yudian instrument; of free frames the name of the field; ns=2;s=Machine/Speed of OPC UA; the object "
                    "address of IEC 104: 4001, 0x4001, 0.64.1",
         .required = true,
         .length_max = 400},
        {.field = "as",
         .title_zh = "数据类型",
         .title_en = "As",
         .help_zh = "S7 如 real、dint、string[20]；三菱和 Modbus 如 i16、f32、text[20]；IEC 104 如 M_ME_NC；电表和自由报文一般不填",
         .help_en = "real, dint, string[20] of S7; i16, f32, text[20] of MELSEC and Modbus; M_ME_NC of IEC 104; mostly nothing of "
                    "meters and "
                    "frames",
         .length_max = 60},
        {.field = "scale",
         .title_zh = "倍率",
         .title_en = "Scale",
         .help_zh = "值 = 原始值 × 倍率 + 偏移",
         .help_en = "value = raw × scale + offset"},
        {.field = "offset", .title_zh = "偏移", .title_en = "Offset"},
        {.field = "write",
         .title_zh = "命令",
         .title_en = "Command",
         .help_zh = "仅 IEC 104：类型和信息体地址，如 C_SC 6001、C_DC 6002 select、C_SE_NC 6201；空则与位置相同",
         .help_en = "Of IEC 104 alone: type and object address, C_SC 6001, C_DC 6002 select, C_SE_NC 6201; none: as `at`",
         .length_max = 100},
        {.field = "dead_band",
         .title_zh = "死区",
         .title_en = "Dead band",
         .help_zh = "仅 OPC UA：变化不超过它就不上报；空按连接",
         .help_en = "Of OPC UA: a change of no more than that is not told; none: as the connection says",
         .min = 0},
    };
}

Result<void> check_point(const PointAddress& point) {
    if (point.scale == 0) return Error{Code::invalid, "scale: expected a number other than 0"};
    return {};
}

int registers_of(const RegisterAddress& address) {
    switch (address.encoding) {
        case Encoding::u16:
        case Encoding::i16:
        case Encoding::bcd16:
            return 1;
        case Encoding::u32:
        case Encoding::i32:
        case Encoding::f32:
        case Encoding::bcd32:
            return 2;
        case Encoding::u64:
        case Encoding::i64:
        case Encoding::f64:
            return 4;
        case Encoding::text:
            return address.length;
    }
    return 1;
}

Result<void> check_address(const RegisterAddress& address) {
    const bool bits = address.kind == RegisterKind::coil || address.kind == RegisterKind::discrete;
    if (bits && address.bit)
        return Error{Code::invalid, "bit: coils and discrete inputs are single bits; leave it out"};
    if (address.bit && registers_of(address) != 1)
        return Error{Code::invalid, "bit: expected an encoding of one register"};
    if (!bits && address.address + registers_of(address) > 65'536) {
        return Error{Code::invalid, "address: {} registers from {} reach beyond 65535", registers_of(address),
                     address.address};
    }
    if (address.scale == 0) return Error{Code::invalid, "scale: expected a number other than 0"};
    return {};
}

std::vector<Fact> facts_of(const PropertyOverride*) {
    return {
        {.field = "name",
         .title_zh = "属性",
         .title_en = "Property",
         .required = true,
         .length_max = 100,
         .check = check_word},
        {.field = "enabled",
         .title_zh = "启用",
         .title_en = "Enabled",
         .help_zh = "关闭则不采集",
         .help_en = "Off: not read"},
        {.field = "min", .title_zh = "下限", .title_en = "Minimum"},
        {.field = "max", .title_zh = "上限", .title_en = "Maximum"},
        {.field = "period_ms", .title_zh = "采集周期", .title_en = "Period", .unit = "ms", .min = 10, .max = kDayMs},
        {.field = "address", .title_zh = "Modbus 地址", .title_en = "Modbus address"},
        {.field = "point",
         .title_zh = "测点地址",
         .title_en = "Point",
         .help_zh = "Modbus 以外的协议都用它；Modbus 连接选了地址写法时也可用",
         .help_en = "Of all protocols but Modbus; of Modbus too where the connection has a dialect"}};
}

std::vector<Fact> facts_of(const DeviceOrigin*) {
    return {{.field = "name",
             .title_zh = "设备模板",
             .title_en = "Device template",
             .required = true,
             .ref = "device_templates"},
            {.field = "revision", .title_zh = "模板版本", .title_en = "Its revision"},
            {.field = "parameters", .title_zh = "参数", .title_en = "Parameters", .length_max = 100}};
}

std::vector<Fact> facts_of(const DeviceSpec*) {
    return {
        {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
        {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
        {.field = "title",
         .title_zh = "通用名称",
         .title_en = "Title (any language)",
         .help_zh = "没有对应语言的名称时显示",
         .help_en = "Shown where there is none in the language",
         .length_max = kTitleBytesMax},
        {.field = "type", .title_zh = "设备型号", .title_en = "Device type", .required = true, .ref = "device_types"},
        {.field = "connection",
         .title_zh = "连接",
         .title_en = "Connection",
         .help_zh = "空表示由设备自行上报(MQTT)",
         .help_en = "None: it sends by MQTT itself",
         .ref = "connections"},
        {.field = "unit_id",
         .title_zh = "从站号",
         .title_en = "Unit",
         .help_zh = "空表示用连接的默认值",
         .help_en = "None: the connection's default"},
        {.field = "station",
         .title_zh = "表号、仪表地址或公共地址",
         .title_en = "Meter number, instrument or common address",
         .help_zh = "DL/T 645 电表的 12 位通信地址，总线上只有一块表时可不填；宇电仪表的参数 Addr，不填为 1；"
                    "IEC 104 站的公共地址，空则用连接的默认值",
         .help_en = "The twelve digits of a DL/T 645 meter, none: the only meter of the line; a Yudian instrument's parameter "
                    "Addr, none: 1; the common address of an outstation of IEC 104, none: the connection's default",
         .length_max = 20},
        {.field = "external_id",
         .title_zh = "外部编号",
         .title_en = "ID elsewhere",
         .help_zh = "别的系统怎样称呼它：JetLinks 主题里的 产品ID/设备ID，Sparkplug 主题里的 组/节点 或 组/节点/设备，或只写设备ID。空则为名称的最后一段",
         .help_en =
             "What others call it: product/device as in JetLinks' topics, group/node or group/node/device as in "
             "Sparkplug's, or the device's ID alone. None: the last part of its name",
         .length_max = 200,
         .check = check_external_id},
        {.field = "enabled", .title_zh = "启用", .title_en = "Enabled"},
        {.field = "properties",
         .title_zh = "属性覆盖",
         .title_en = "Property overrides",
         .help_zh = "与型号不同之处",
         .help_en = "What differs from its type",
         .length_max = 2'000},
        {.field = "from_template",
         .title_zh = "来自模板",
         .title_en = "Made from",
         .help_zh = "生成它的模板和参数；空表示手工建立",
         .help_en = "The template and the values it was made of; none: made by hand",
         .widget = "origin"}};
}

std::vector<Property> effective_properties(const DeviceTypeSpec& type, const DeviceSpec& device) {
    std::vector<Property> out;
    for (const Property& property : type.properties) {
        const auto over = std::ranges::find(device.properties, property.name, &PropertyOverride::name);
        if (over == device.properties.end()) {
            out.push_back(property);
            continue;
        }
        if (over->enabled == false) continue;
        Property& changed = out.emplace_back(property);
        if (over->min) changed.min = over->min;
        if (over->max) changed.max = over->max;
        if (over->period_ms) changed.period_ms = over->period_ms;
        if (over->address) changed.address = over->address;
        if (over->point) changed.point = over->point;
        // The override may be for another protocol than the type.
        if (over->address) changed.point.reset();
        if (over->point) changed.address.reset();
    }
    return out;
}

std::optional<Property> declared_property(const ResourceReader& resources, TenantId tenant, std::string_view path,
                                          std::string_view name) {
    const auto device = resources.find(tenant, "device", path);
    if (!device) return std::nullopt;
    const auto spec = spec_of<DeviceSpec>(*device);
    const auto type = spec ? resources.find(tenant, "device_type", spec->type) : nullptr;
    if (!type) return std::nullopt;
    const auto type_spec = spec_of<DeviceTypeSpec>(*type);
    if (!type_spec) return std::nullopt;
    for (Property& property : effective_properties(*type_spec, *spec))
        if (property.name == name) return std::move(property);
    return std::nullopt;
}

Kind device_kind() {
    return make_kind<DeviceSpec>({.name = "device",
                                  .plural = "devices",
                                  .title_zh = "设备",
                                  .title_en = "Device",
                                  .about_zh = "一台设备；名称就是路径 工厂/车间/产线/设备",
                                  .about_en = "One machine; its name is its path site/area/line/device",
                                  .path_names = true},
                                 {.alone = check_overrides, .among = check_among});
}

template Result<DeviceSpec> spec_of<DeviceSpec>(const Resource&);

}  // namespace gongshu::registry
