#include "registry/kinds/modbus_server.h"

#include <algorithm>
#include <tuple>

#include "io/network.h"
#include "registry/kind_of.h"
#include "registry/kinds/device_facts.h"
#include "registry/kinds/tag_alias.h"
#include "registry/staging.h"
#include "registry/tag_at.h"

namespace gongshu::registry {

BOOST_DESCRIBE_ENUM(WhenBad, exception, last, fill)
BOOST_DESCRIBE_ENUM(MapGaps, exception, zero)
BOOST_DESCRIBE_STRUCT(ServedEntry, (),
                      (tag, kind, address, encoding, word_order, bit, length, scale, offset, writable, min, max, status,
                       when_bad, fill, stale_after_s, unit))
BOOST_DESCRIBE_STRUCT(ModbusServerSpec, (),
                      (title_zh, title_en, enabled, host, port, masters, unit, writes_enabled, when_bad, stale_after_s,
                       gaps, masters_max, idle_timeout_s, entries))

namespace {

constexpr std::size_t kTitleBytesMax = 200;
constexpr std::size_t kPathBytesMax = 1'000;
constexpr std::size_t kNetworksMax = 100;
constexpr std::uint8_t kV4BitsMin = 96 + 8, kV6BitsMin = 16;  // a wider network is as good as everybody
constexpr double kStaleMax = 30 * 86'400;

bool is_bits(RegisterKind kind) { return kind == RegisterKind::coil || kind == RegisterKind::discrete; }

std::string_view word_of(RegisterKind kind) {
    constexpr std::string_view kWords[] = {"coil", "discrete", "holding", "input"};
    return kWords[static_cast<std::size_t>(kind)];
}

// What an entry, or its status, takes of one table of one unit.
struct Taken {
    std::uint8_t unit;
    RegisterKind kind;
    std::uint32_t first, end;
    std::optional<std::uint8_t> bit;
    std::size_t entry;
    bool is_status;

    std::string_view field() const { return is_status ? "status" : "address"; }
};

// The path of the field in front: "entries[3].tag: …".
Result<void> of_entry(std::size_t i, const Result<void>& checked) {
    if (checked) return {};
    return Error{checked.error().code(), "entries[{}].{}", i, checked.error().text()};
}

std::vector<Taken> places_of(const ModbusServerSpec& spec) {
    std::vector<Taken> taken;
    for (std::size_t i = 0; i < spec.entries.size(); ++i) {
        const ServedEntry& entry = spec.entries[i];
        const std::uint8_t unit = entry.unit.value_or(spec.unit);
        taken.push_back({unit, entry.kind, entry.address, std::uint32_t{entry.address} + entry.places(), entry.bit, i, false});
        if (entry.status)
            taken.push_back({unit, RegisterKind::discrete, *entry.status, *entry.status + 1u, std::nullopt, i, true});
    }
    return taken;
}

// Bits of one register lie beside each other.
bool may_lie_together(const Taken& a, const Taken& b) { return a.bit && b.bit && *a.bit != *b.bit; }

Result<void> check_overlaps(const ModbusServerSpec& spec) {
    std::vector<Taken> taken = places_of(spec);
    std::ranges::sort(taken, {}, [](const Taken& one) { return std::tuple(one.unit, one.kind, one.first, one.entry); });
    for (std::size_t i = 0; i < taken.size(); ++i)
        for (std::size_t j = i + 1; j < taken.size(); ++j) {
            const Taken &a = taken[i], &b = taken[j];
            if (b.unit != a.unit || b.kind != a.kind || b.first >= a.end) break;
            if (may_lie_together(a, b)) continue;
            const bool a_later = a.entry > b.entry;
            const Taken &later = a_later ? a : b, &before = a_later ? b : a;
            return Error{Code::invalid, "entries[{}].{}: {} {} is taken by entries[{}] already ({}); choose another address",
                         later.entry, later.field(), word_of(later.kind), std::max(a.first, b.first), before.entry,
                         spec.entries[before.entry].tag};
        }
    return {};
}

Result<void> check_write(const ModbusServerSpec& spec, const ServedEntry& entry) {
    if (entry.min && entry.max && *entry.min > *entry.max)
        return Error{Code::invalid, "max: expected at least min ({}), found {}", *entry.min, *entry.max};
    if (!entry.writable) {
        if (entry.min || entry.max)
            return Error{Code::invalid, "{}: limits are for writes; set writable, or leave it out", entry.min ? "min" : "max"};
        return {};
    }
    if (entry.kind != RegisterKind::coil && entry.kind != RegisterKind::holding)
        return Error{Code::invalid, "writable: masters can write coils and holding registers, not {}", word_of(entry.kind)};
    if (entry.bit)
        return Error{Code::invalid, "writable: a bit of a register is only read; show the tag as a coil to have it written"};
    if (!spec.writes_enabled)
        return Error{Code::invalid, "writable: writes are off for this server; set writes_enabled, or leave it out"};
    return {};
}

Result<void> check_entry(const ModbusServerSpec& spec, const ServedEntry& entry) {
    TRY(check_address(entry.place()));
    TRY(check_write(spec, entry));
    const WhenBad when_bad = entry.when_bad.value_or(spec.when_bad);
    if (entry.fill && when_bad != WhenBad::fill)
        return Error{Code::invalid, "fill: it is for when_bad fill, and this is {}",
                     when_bad == WhenBad::last ? "last" : "exception"};
    if (!entry.fill || entry.encoding == Encoding::text) return {};
    if (is_bits(entry.kind) || entry.bit) {
        if (*entry.fill == 0 || *entry.fill == 1) return {};
        return Error{Code::invalid, "fill: a bit is 0 or 1, found {}", *entry.fill};
    }
    TRY(wire::modbus::encode_nearest(entry.codec(), Value{*entry.fill}).context("fill"));
    return {};
}

Result<void> check_masters(const ModbusServerSpec& spec) {
    for (std::size_t i = 0; i < spec.masters.size(); ++i) {
        const io::Network network = TRY(io::parse_network(spec.masters[i]).context("masters[{}]", i));
        if (network.bits < (network.is_v4 ? kV4BitsMin : kV6BitsMin))
            return Error{Code::invalid,
                         "masters[{}]: {} lets nearly everybody ask, and Modbus knows no sign-in; name the masters' own "
                         "addresses or networks",
                         i, spec.masters[i]};
    }
    if (spec.masters.empty() && !io::is_loopback(spec.host))
        return Error{Code::invalid,
                     "masters: expected at least one address, found none: Modbus knows no sign-in, so that {} is opened "
                     "only to masters that are named",
                     spec.host};
    return {};
}

Result<void> check_alone(const ModbusServerSpec& spec) {
    TRY(check_masters(spec));
    for (std::size_t i = 0; i < spec.entries.size(); ++i) TRY(of_entry(i, check_entry(spec, spec.entries[i])));
    return check_overlaps(spec);
}

bool same_place(const ModbusServerSpec& a, const ModbusServerSpec& b) {
    return a.port == b.port && (a.host == b.host || io::is_any_address(a.host) || io::is_any_address(b.host));
}

Result<void> check_among(const ResourceReader& reader, TenantId tenant, std::string_view name,
                         const ModbusServerSpec& spec) {
    if (tenant != kDefaultTenantId)
        return Error{Code::denied, "ports of this machine are opened by the tenant default alone"};
    if (!spec.enabled) return {};
    for (const auto& other : reader.list_shared(tenant, "modbus_server")) {
        if (other->name == name) continue;
        const auto there = spec_of<ModbusServerSpec>(*other);
        // One that is alike to the last letter is this one under its old name.
        if (there && there->enabled && same_place(*there, spec) && to_json(*there) != to_json(spec))
            return Error{Code::invalid, "port: {} is that of the Modbus server \"{}\"; choose another one", spec.port, other->name};
    }
    return {};
}

// What a tag is, as far as somebody declared it.
struct Declared {
    std::optional<Property> property;  // of a device
    std::optional<ValueType> type;
};

Result<Declared> declared_tag(const ResourceReader& resources, const Tags& tags, TenantId tenant, std::string_view path) {
    Declared found;
    const auto info = tag_at(resources, tags, tenant, path);
    const std::string_view at = info ? std::string_view(info->path) : path;
    if (const std::string device = device_above(resources, tenant, at); !device.empty()) {
        const std::string_view property = at.substr(device.size() + 1);
        found.property = declared_property(resources, tenant, device, property);
        if (found.property) found.type = value_type(found.property->type);
        if (!found.property && !info && resources.find(tenant, "virtual_tag", property)) return found;
    }
    if (info && !found.type) found.type = info->type;
    // A virtual tag is there before its first value.
    if (!found.property && !info && !resources.find(tenant, "virtual_tag", path))
        return Error{Code::invalid, "tag: there is no tag \"{}\"", path};
    return found;
}

Result<void> check_range(const ServedEntry& entry, const Property& property) {
    for (const std::optional<double>& limit : {property.min, property.max}) {
        if (!limit) continue;
        const auto fits = wire::modbus::encode_nearest(entry.codec(), Value{*limit});
        if (!fits)
            return Error{Code::invalid, "encoding: {} may be {}, and {}; choose another encoding or a scale", entry.tag, *limit,
                         fits.error().text()};
    }
    return {};
}

Result<void> check_value_of(const ServedEntry& entry, const Declared& declared) {
    const bool is_text = declared.type == ValueType::text;
    const bool has_bits = is_bits(entry.kind) || entry.bit;
    if (has_bits && (is_text || (declared.property && declared.type == ValueType::number)))
        return Error{Code::invalid, "kind: a {} is on or off, and {} is a {}; choose holding or input",
                     entry.bit ? "bit" : word_of(entry.kind), entry.tag, is_text ? "text" : "number"};
    if (has_bits || !declared.type) return {};
    if (is_text != (entry.encoding == Encoding::text))
        return Error{Code::invalid, "encoding: {} is a {}, which {} cannot hold; choose {}", entry.tag,
                     gongshu::to_string(*declared.type), is_text ? "a number" : "text", is_text ? "text" : "a number such as f32"};
    if (is_text || !declared.property) return {};
    return check_range(entry, *declared.property);
}

Result<void> check_writable(const ServedEntry& entry, const Declared& declared) {
    if (!entry.writable || (declared.property && declared.property->writable)) return {};
    return Error{Code::invalid, "writable: {} is no property that its device type calls writable", entry.tag};
}

}  // namespace

wire::modbus::ValueCodec ServedEntry::codec() const {
    // The enumerations have the same order but for `bit`, which stands before text there.
    static_assert(static_cast<int>(Encoding::bcd32) == static_cast<int>(wire::modbus::Encoding::bcd32));
    static_assert(static_cast<int>(WordOrder::DCBA) == static_cast<int>(wire::modbus::WordOrder::dcba));
    wire::modbus::ValueCodec codec;
    codec.encoding = bit                           ? wire::modbus::Encoding::bit
                     : encoding == Encoding::text ? wire::modbus::Encoding::text
                                                   : static_cast<wire::modbus::Encoding>(encoding);
    codec.order = static_cast<wire::modbus::WordOrder>(word_order);
    codec.bit = bit.value_or(0);
    codec.text_registers = length;
    codec.scale = scale;
    codec.offset = offset;
    return codec;
}

std::uint16_t ServedEntry::places() const {
    return is_bits(kind) ? std::uint16_t{1} : static_cast<std::uint16_t>(registers_of(place()));
}

std::vector<Fact> facts_of(const ServedEntry*) {
    std::vector<Fact> facts = {{.field = "tag",
                                .title_zh = "点位",
                                .title_en = "Tag",
                                .help_zh = "点位的路径，例如 工厂/产线/设备.属性",
                                .help_en = "Path of the tag, as plant/line/device.property",
                                .required = true,
                                .length_max = kPathBytesMax,
                                .widget = "tag"}};
    for (Fact& fact : facts_of(static_cast<const RegisterAddress*>(nullptr))) facts.push_back(std::move(fact));
    std::vector<Fact> own = {
        {.field = "writable",
         .title_zh = "可写",
         .title_en = "Writable",
         .help_zh = "主站可写；须先允许写入，且设备型号里该属性可写",
         .help_en = "Masters may write it; needs writes enabled, and a property that is writable by its device type"},
        {.field = "min", .title_zh = "写入下限", .title_en = "Minimum of a write"},
        {.field = "max", .title_zh = "写入上限", .title_en = "Maximum of a write"},
        {.field = "status",
         .title_zh = "状态位地址",
         .title_en = "Address of its status",
         .help_zh = "一个离散输入：值可用时为 1，否则为 0；空则没有",
         .help_en = "A discrete input that is 1 while the value can be used; none: there is no such input"},
        {.field = "when_bad",
         .title_zh = "值不可用时",
         .title_en = "When it cannot be used",
         .help_zh = "空按本服务",
         .help_en = "None: as the server says",
         .choices = {{"exception", "回异常", "Exception"}, {"last", "上一个可用值", "Last usable value"}, {"fill", "填充值", "Fill value"}}},
        {.field = "fill",
         .title_zh = "填充值",
         .title_en = "Fill value",
         .help_zh = "用点位的单位写；空为 0",
         .help_en = "In the tag's unit; none: 0"},
        {.field = "stale_after_s",
         .title_zh = "多久算陈旧",
         .title_en = "Stale after",
         .help_zh = "值比这更旧就不可用；空按本服务",
         .help_en = "An older value cannot be used; none: as the server says",
         .unit = "s",
         .min = 1,
         .max = kStaleMax},
        {.field = "unit", .title_zh = "站号", .title_en = "Unit", .help_zh = "空按本服务", .help_en = "None: that of the server"},
    };
    for (Fact& fact : own) facts.push_back(std::move(fact));
    return facts;
}

std::vector<Fact> facts_of(const ModbusServerSpec*) {
    return {
        {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
        {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
        {.field = "enabled", .title_zh = "启用", .title_en = "Enabled"},
        {.field = "host",
         .title_zh = "监听地址",
         .title_en = "Address to listen on",
         .help_zh = "本机的 IP 地址；127.0.0.1 只对本机，0.0.0.0 为所有网卡",
         .help_en = "An IP address of this machine; 127.0.0.1 is for this machine alone, 0.0.0.0 all of its networks",
         .length_max = 100,
         .check = [](std::string_view text) -> Result<void> {
             const auto network = io::parse_network(text);
             if (network && text.find('/') == std::string_view::npos) return {};
             return Error{Code::invalid, "expected an IP address of this machine, found \"{}\"", text};
         }},
        {.field = "port",
         .title_zh = "端口",
         .title_en = "Port",
         .help_zh = "1023 以下的端口须给程序权限（CAP_NET_BIND_SERVICE）",
         .help_en = "Below 1024 the program needs the right to it (CAP_NET_BIND_SERVICE)",
         .min = 1},
        {.field = "masters",
         .title_zh = "允许的主站",
         .title_en = "Masters that may ask",
         .help_zh = "IP 地址或网段，如 10.0.0.5、10.0.1.0/24；Modbus 没有登录，所以必须写明；空表示只有本机",
         .help_en = "Addresses or networks, as 10.0.0.5 or 10.0.1.0/24, since Modbus knows no sign-in; none: this machine alone",
         .length_max = kNetworksMax},
        {.field = "unit",
         .title_zh = "站号",
         .title_en = "Unit",
         .help_zh = "0 和 255 也按它应答",
         .help_en = "0 and 255 are answered as this one"},
        {.field = "writes_enabled",
         .title_zh = "允许写入",
         .title_en = "Writes enabled",
         .help_zh = "允许主站向设备下发；默认关闭",
         .help_en = "Lets writes of masters reach the machines; off by default"},
        {.field = "when_bad",
         .title_zh = "值不可用时",
         .title_en = "When a value cannot be used",
         .choices = {{"exception", "回异常", "Exception"}, {"last", "上一个可用值", "Last usable value"}, {"fill", "填充值", "Fill value"}}},
        {.field = "stale_after_s",
         .title_zh = "多久算陈旧",
         .title_en = "Stale after",
         .help_zh = "值比这更旧就不可用；空表示不看新旧",
         .help_en = "An older value cannot be used; none: its age does not matter",
         .unit = "s",
         .min = 1,
         .max = kStaleMax},
        {.field = "gaps",
         .title_zh = "条目之间的地址",
         .title_en = "Places between entries",
         .help_zh = "主站一次读一段、中间有空地址时",
         .help_en = "When a master reads a stretch with free places in it",
         .choices = {{"exception", "回异常 2", "Exception 2"}, {"zero", "读作 0", "Read as 0"}}},
        {.field = "masters_max", .title_zh = "最多主站连接", .title_en = "Masters at once", .min = 1, .max = 1'000},
        {.field = "idle_timeout_s",
         .title_zh = "空闲断开",
         .title_en = "Idle time-out",
         .help_zh = "这么久没有请求就断开",
         .help_en = "A master without a request for so long is cut off",
         .unit = "s",
         .min = 5,
         .max = 86'400},
        {.field = "entries", .title_zh = "点位表", .title_en = "Entries", .length_max = kServedEntriesMax},
    };
}

Kind modbus_server_kind() {
    return make_kind<ModbusServerSpec>({.name = "modbus_server",
                                        .plural = "modbus_servers",
                                        .title_zh = "Modbus 服务",
                                        .title_en = "Modbus server",
                                        .about_zh = "把点位提供给 Modbus 主站",
                                        .about_en = "Tags shown to Modbus masters",
                                        .write_role = Role::admin},
                                       {.alone = check_alone, .among = check_among});
}

Result<void> check_modbus_server(const ResourceReader& resources, const Tags& tags, const Resource& next) {
    if (next.kind != "modbus_server") return {};
    const auto spec = TRY(spec_of<ModbusServerSpec>(next));
    for (std::size_t i = 0; i < spec.entries.size(); ++i) {
        const ServedEntry& entry = spec.entries[i];
        const auto declared = declared_tag(resources, tags, next.tenant, entry.tag);
        if (!declared) return of_entry(i, declared.error());
        TRY(of_entry(i, check_value_of(entry, *declared)));
        TRY(of_entry(i, check_writable(entry, *declared)));
    }
    return {};
}

template Result<ModbusServerSpec> spec_of<ModbusServerSpec>(const Resource&);

}  // namespace gongshu::registry
