#include <fmt/format.h>

#include "plant/catalogue.h"
#include "plant/plant.h"

namespace gongshu::plant {

namespace {

constexpr std::string_view kKinds[] = {"coil", "discrete", "holding", "input"};

constexpr std::string_view kSite = R"(kind: site
name: demo
spec:
  title_zh: 演示工厂(仿真)
  title_en: Demo plant (simulated)
  address: 所有数据均由仿真产生 / everything here is simulated
  time_zone: Asia/Shanghai
  calendar: demo_four_teams
  places:
    machining: {title_zh: 机加工车间, title_en: Machining shop}
    machining/line1: {title_zh: 一号线, title_en: Line 1}
    moulding: {title_zh: 注塑车间, title_en: Moulding shop}
    moulding/cell1: {title_zh: 一号单元, title_en: Cell 1}
    utilities: {title_zh: 公用工程, title_en: Utilities}
    utilities/cooling: {title_zh: 冷却水系统, title_en: Cooling water}
    energy: {title_zh: 能源, title_en: Energy}
    energy/meters: {title_zh: 电能表, title_en: Meters}
)";

struct ServerText {
    std::string_view name;
    std::string_view zh, en;
    std::uint16_t port_offset;
    bool writes;
};
constexpr ServerText kServers[] = {{"cnc1", "1 号加工中心", "CNC 1", 0, true},
                                   {"cnc2", "2 号加工中心", "CNC 2", 1, true},
                                   {"cooling", "冷却水系统", "Cooling water", 2, true},
                                   {"meters", "电能表网关", "Meter gateway", 3, false}};

std::string address_text(const PropertyRow& property) {
    std::string text =
        fmt::format("{{kind: {}, address: {}", kKinds[static_cast<std::size_t>(property.table)], property.address);
    const bool bits = property.table == Table::coil || property.table == Table::discrete;
    if (bits) return text + "}";
    const auto codec = codec_of(property);
    text += fmt::format(", encoding: {}", to_string(codec.encoding));
    if (codec.order != wire::modbus::WordOrder::abcd) text += fmt::format(", word_order: {}", to_string(codec.order));
    if (property.type == ValueType::text) text += fmt::format(", length: {}", property.text_registers);
    if (codec.scale != 1) text += fmt::format(", scale: {}", codec.scale);
    return text + "}";
}

std::string type_text(const TypeRow& type) {
    std::string text = fmt::format(
        "---\nkind: device_type\nname: {}\nspec:\n  title_zh: {}\n  title_en: {}\n  manufacturer: Gongshu plant\n"
        "  model: {}\n  properties:\n",
        type.name, type.zh, type.en, type.model);
    for (const PropertyRow& property : type.properties) {
        text += fmt::format("    - name: {}\n      title_zh: {}\n      title_en: {}\n      type: {}\n", property.name,
                            property.zh, property.en, gongshu::to_string(property.type));
        if (!property.unit.empty()) text += fmt::format("      unit: \"{}\"\n", property.unit);
        if (property.min) text += fmt::format("      min: {}\n", *property.min);
        if (property.max) text += fmt::format("      max: {}\n", *property.max);
        if (property.writable) text += "      writable: true\n";
        text += fmt::format("      address: {}\n", address_text(property));
    }
    return text;
}

std::string connection_text(const ServerText& server) {
    return fmt::format(
        "---\nkind: connection\nname: demo-{}\nspec:\n  title_zh: {}\n  title_en: {}\n  protocol: modbus_tcp\n  host: "
        "127.0.0.1\n  port: {}\n  "
        "period_ms: 1000\n"
        "  timeout_ms: 1000\n  writes_enabled: {}\n",
        server.name, server.zh, server.en, PlantOptions{}.modbus.port + server.port_offset, server.writes);
}

std::string device_text(const DeviceRow& device) {
    std::string text = fmt::format("---\nkind: device\nname: {}\nspec:\n  title_zh: {}\n  title_en: {}\n  type: {}\n",
                                   path_of("demo", device), device.zh, device.en, device.type->name);
    if (!device.server.empty())
        text += fmt::format("  connection: demo-{}\n  unit_id: {}\n", device.server, device.unit);
    return text;
}

}  // namespace

std::string demo_yaml() {
    std::string text =
        "# The simulated plant as resources. Made from the tables of plant/catalogue.cpp by plant_test (UPDATE=1); not "
        "by hand.\n";
    text += kSite;
    for (const TypeRow* type : types()) text += type_text(*type);
    for (const ServerText& server : kServers) text += connection_text(server);
    for (const DeviceRow& device : devices()) text += device_text(device);
    return text;
}

}  // namespace gongshu::plant
