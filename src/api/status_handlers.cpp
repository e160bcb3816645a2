#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "api/handlers.h"
#include "api/sight.h"
#include "base/log.h"
#include "connect/audited_write.h"
#include "flow/virtual_tags.h"
#include "io/crypto.h"
#include "edge/forwarder.h"
#include "notify/messages.h"
#include "registry/audit_ledger.h"
#include "registry/kinds/connection.h"
#include "registry/kinds/device.h"

namespace gongshu::api {

namespace {

constexpr DurationNs kTagCountAge = 10 * kSecond;
constexpr DurationNs kCommandAge = 10 * kSecond;  // a write that did not reach the machine by then is not done
constexpr std::size_t kWrongMax = 200;
constexpr std::uint64_t kDiskScarce = std::uint64_t{1} << 30;  // little enough to be told of on any disk
constexpr std::uint64_t kDiskAmple = std::uint64_t{10} << 30;  // enough on any disk
constexpr std::size_t kAlarmsLookedAt = 10'000;
constexpr std::size_t kTagsCounted = 1'000'000;

// What people can read of bytes from anywhere: "" unless all of it is printable ASCII, but for the end of its line.
std::string printable(Bytes bytes) {
    while (!bytes.empty() && (bytes.back() == '\r' || bytes.back() == '\n')) bytes = bytes.first(bytes.size() - 1);
    const bool fine = std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte >= 0x20 && byte < 0x7f; });
    return fine ? std::string(as_text(bytes)) : "";
}

// One line of status/devices, whichever way the device speaks.
struct DeviceLine {
    std::string name, state, last_error, source;
    TimeNs since = 0, last_seen = 0;
    std::uint64_t tags = 0, bad = 0;
    bool registered = true;  // else something publishes for this place, and there is no device
};

// A device that speaks by itself is stale when nothing came for this long.
constexpr DurationNs kSilence = 5 * kMinute;
constexpr std::size_t kTagsOfDeviceMax = 10'000;

// What the device types of a tenant declare, each read once.
class Declared {
public:
    Declared(Core& core, TenantId tenant) {
        for (const auto& type : core.deps.registry.list_shared(tenant, "device_type")) {
            if (auto spec = registry::spec_of<registry::DeviceTypeSpec>(*type)) types_.emplace(type->name, *spec);
        }
    }
    // Names of the properties that the device has; none if its spec or type cannot be read.
    std::unordered_set<std::string> properties(const registry::Resource& device) const {
        std::unordered_set<std::string> names;
        const auto spec = registry::spec_of<registry::DeviceSpec>(device);
        const auto type = spec ? types_.find(spec->type) : types_.end();
        if (type == types_.end()) return names;
        for (const auto& property : registry::effective_properties(type->second, *spec)) names.insert(property.name);
        return names;
    }

private:
    std::unordered_map<std::string, registry::DeviceTypeSpec> types_;
};

// What the type declares and what the history knows of a device: fills tags, bad and, if it is newer, last_seen. A
// property that never came is a tag without a value, as it is for machines that are polled; what came undeclared counts
// too. Tags that others left beneath its name are not its own. `device` is null for one that is not registered.
void add_readings(Core& core, TenantId tenant, DeviceLine& line, const registry::Resource* device,
                  std::unordered_set<std::string> names) {
    const std::string own = device != nullptr ? "d:" + device->uid : "";
    for (const TagInfo& info : core.deps.tags.match(tenant, line.name + ".*", kTagsOfDeviceMax)) {
        if (device != nullptr && info.key.source != own) continue;
        names.insert(info.path.substr(line.name.size() + 1));
        const auto last = core.deps.reader.last(info.id);
        if (!last) continue;
        if (!last->quality.usable()) ++line.bad;
        line.last_seen = std::max(line.last_seen, last->time);
    }
    line.tags = names.size();
}

std::string state_of(const broker::DeviceSeen& seen, bool fresh) {
    if (seen.connected) return fresh ? "online" : "stale";
    // Nobody signs in as a device behind a gateway: what it sends is all there is to tell.
    return seen.uid.empty() && fresh ? "online" : "offline";
}

// How a device speaks by its own words, before it said anything: without a connection, or with one of protocol
// mqtt_device, it sends by MQTT.
std::string source_of(Core& core, const registry::Resource& device) {
    const auto spec = registry::spec_of<registry::DeviceSpec>(device);
    if (!spec || !spec->connection) return "mqtt";
    const auto connection = core.deps.registry.find(device.tenant, "connection", *spec->connection);
    const auto of = connection ? registry::spec_of<registry::ConnectionSpec>(*connection)
                               : Result<registry::ConnectionSpec>{Error{Code::not_found, "none"}};
    return of && of->protocol == registry::Protocol::mqtt_device ? "mqtt" : *spec->connection;
}

std::vector<DeviceLine> device_lines(Core& core, const Ask& ask) {
    std::vector<DeviceLine> lines;
    std::unordered_set<std::string> known;
    for (const auto& device : core.deps.connections.device_status(ask.tenant())) {
        if (!sees(ask.who, device.name) || !known.insert(device.name).second) continue;
        lines.push_back({device.name, std::string{to_string(device.state)}, device.last_error, device.source,
                         device.since, device.last_seen, device.tags, device.bad});
    }
    const TimeNs now = core.clock().now();
    const Declared declared(core, ask.tenant());
    std::unordered_map<std::string_view, const registry::Resource*> by_name;
    const auto resources = core.deps.registry.list_shared(ask.tenant(), "device");
    for (const auto& resource : resources) by_name.emplace(resource->name, resource.get());
    const auto seen_by_broker =
        core.deps.broker == nullptr ? std::vector<broker::DeviceSeen>{} : core.deps.broker->devices(ask.tenant());
    for (const auto& seen : seen_by_broker) {
        if (!sees(ask.who, seen.device) || !known.insert(seen.device).second) continue;
        const bool fresh = seen.last_seen != 0 && now - seen.last_seen < kSilence;
        DeviceLine line{seen.device, state_of(seen, fresh), seen.last_error, "mqtt", seen.since, seen.last_seen, 0, 0};
        const auto found = by_name.find(seen.device);
        line.registered = found != by_name.end();
        if (!line.registered)
            add_readings(core, ask.tenant(), line, nullptr, {});
        else
            add_readings(core, ask.tenant(), line, found->second, declared.properties(*found->second));
        lines.push_back(std::move(line));
    }
    for (const auto& resource : resources) {
        if (!sees(ask.who, resource->name) || !known.insert(resource->name).second) continue;
        // Registered, and silent since the start or fed by HTTP.
        DeviceLine line{resource->name, "offline", "", source_of(core, *resource), resource->created, 0, 0, 0};
        add_readings(core, ask.tenant(), line, resource.get(), declared.properties(*resource));
        if (line.last_seen != 0) line.since = line.last_seen;
        if (line.last_seen != 0 && now - line.last_seen < kSilence) line.state = "online";
        lines.push_back(std::move(line));
    }
    std::sort(lines.begin(), lines.end(), [](const DeviceLine& a, const DeviceLine& b) { return a.name < b.name; });
    return lines;
}

// Connections of all protocols. One of protocol mqtt_device polls nothing: it is up while a device of it is signed in.
std::vector<connect::ConnectionStatus> link_lines(Core& core, TenantId tenant) {
    auto lines = core.deps.connections.connection_status(tenant);
    std::unordered_map<std::string, std::string> connection_of;  // by device
    for (const auto& device : core.deps.registry.list_shared(tenant, "device")) {
        const auto spec = registry::spec_of<registry::DeviceSpec>(*device);
        if (spec && spec->connection) connection_of.emplace(device->name, *spec->connection);
    }
    const auto seen_by_broker =
        core.deps.broker == nullptr ? std::vector<broker::DeviceSeen>{} : core.deps.broker->devices(tenant);
    for (const auto& resource : core.deps.registry.list_shared(tenant, "connection")) {
        const auto spec = registry::spec_of<registry::ConnectionSpec>(*resource);
        if (!spec || spec->protocol != registry::Protocol::mqtt_device) continue;
        connect::ConnectionStatus line{.name = resource->name, .protocol = "mqtt_device", .since = resource->updated};
        line.state = spec->enabled ? connect::LinkState::connecting : connect::LinkState::off;
        for (const auto& seen : seen_by_broker) {
            const auto found = connection_of.find(seen.device);
            if (found == connection_of.end() || found->second != resource->name) continue;
            line.counters.readings += seen.readings;
            if (seen.last_error_at > line.last_error_at) {
                line.last_error = seen.last_error;
                line.last_error_at = seen.last_error_at;
            }
            if (!seen.connected || !spec->enabled) continue;
            line.since = line.state == connect::LinkState::up ? std::min(line.since, seen.since) : seen.since;
            line.state = connect::LinkState::up;
        }
        lines.push_back(std::move(line));
    }
    std::ranges::sort(lines, {}, &connect::ConnectionStatus::name);
    return lines;
}

std::size_t count_tags(Core& core, const Ask& ask) {
    const DurationNs now = core.clock().monotonic();
    if (!ask.who.paths.empty()) {
        const auto tags = core.deps.tags.match(ask.tenant(), "**", kTagsCounted);
        return static_cast<std::size_t>(
            std::count_if(tags.begin(), tags.end(), [&](const TagInfo& info) { return sees(ask.who, info.path); }));
    }
    {
        auto counts = core.tag_counts.lock();
        const auto found = counts->find(ask.tenant());
        if (found != counts->end() && now - found->second.first < kTagCountAge) return found->second.second;
    }
    const std::size_t count = core.deps.tags.match(ask.tenant(), "**", kTagsCounted).size();
    (*core.tag_counts.lock())[ask.tenant()] = {now, count};
    return count;
}

// What is wrong now, worst first.
struct Wrong {
    std::string_view severity, what;
    std::string name, text_zh, text_en;
    TimeNs since = 0;
};

// A link that only waits for its devices to sign in is not down: each device tells of itself.
bool is_down(const connect::ConnectionStatus& link) {
    return link.state != connect::LinkState::up && link.state != connect::LinkState::off &&
           link.protocol != "mqtt_device";
}

// Long before nothing can be stored any more: a twentieth of the disk is left and less than 10 GiB, or less than 1 GiB.
void add_wrong_disk(std::vector<Wrong>& wrong, const history::HistoryStats& stats) {
    const std::uint64_t free = stats.disk_free_bytes;
    if (stats.disk_total_bytes == 0 || free >= kDiskAmple ||
        (free >= kDiskScarce && free >= stats.disk_total_bytes / 20))
        return;
    const double gigabytes = static_cast<double>(free) / 1e9;
    wrong.push_back(
        {free < kDiskScarce ? "critical" : "minor", "system", "disk",
         fmt::format("磁盘只剩 {:.1f} GB，写满后停止存储：请腾出空间、缩短保留天数或更换磁盘", gigabytes),
         fmt::format("only {:.1f} GB of the disk are free and nothing is stored once it is full: make room, "
                     "keep fewer days, or take a larger disk",
                     gigabytes),
         0});
}

void add_wrong_links(std::vector<Wrong>& wrong, const std::vector<connect::ConnectionStatus>& links) {
    for (const auto& link : links) {
        if (!is_down(link)) continue;
        if (link.state == connect::LinkState::waiting) {
            wrong.push_back({"major", "connection", link.name, fmt::format("连接 {} 在等 DTU 拨入", link.name),
                             fmt::format("connection {} waits for its DTU to dial in", link.name), link.since});
            continue;
        }
        const std::string why = link.last_error.empty() ? std::string{} : ": " + link.last_error;
        const std::string why_zh = why.empty() ? why : "：" + told("zh", link.last_error);
        wrong.push_back({"major", "connection", link.name, fmt::format("连接 {} 未建立{}", link.name, why_zh),
                         fmt::format("connection {} is not up{}", link.name, why), link.since});
    }
}

void add_wrong_devices(std::vector<Wrong>& wrong, const std::vector<DeviceLine>& devices) {
    for (const DeviceLine& device : devices) {
        if (device.state == "online" || device.state == "off") {
            if (device.bad == 0 || device.state == "off") continue;
            wrong.push_back({"minor", "device", device.name,
                             fmt::format("设备 {} 有 {} 个点位质量为坏", device.name, device.bad),
                             fmt::format("{} tags of device {} are bad", device.bad, device.name), device.since});
            continue;
        }
        if (device.last_seen == 0 && device.last_error.empty()) continue;  // not commissioned yet
        const bool stale = device.state == "stale";
        wrong.push_back({stale ? "minor" : "major", "device", device.name,
                         fmt::format("设备 {} {}", device.name, stale ? "数据陈旧" : "离线"),
                         fmt::format("device {} is {}", device.name, device.state), device.since});
    }
}

void add_wrong_ledger(std::vector<Wrong>& wrong, Core& core, const Ask& ask) {
    if (core.deps.ledgers == nullptr || !ask.who.paths.empty()) return;
    const auto problems = core.deps.ledgers->problems();
    const auto own = problems.find(ask.tenant());
    if (own == problems.end()) return;
    wrong.push_back({"major", "system", "ledger", "审计账本不再接收记录: " + told("zh", own->second),
                     "the ledger of the audit takes no records: " + own->second, 0});
}

// For those who may see the hooks. One failure is not told: it is tried again by itself.
void add_failing_messages(std::vector<Wrong>& wrong, Core& core, const Ask& ask) {
    constexpr DurationNs kTold = 5 * kMinute;
    if (core.deps.messages == nullptr || !ask.who.paths.empty() || ask.who.actor.role < registry::Role::admin) return;
    const auto hooks = core.deps.messages->status(ask.tenant(), false);
    if (!hooks) return;
    for (const notify::HookStatus& hook : *hooks) {
        if (hook.state != notify::HookState::failing || core.clock().now() - hook.failing_since < kTold) continue;
        wrong.push_back({"minor", "message_hook", hook.name,
                         fmt::format("消息通知 {} 发送失败：{}", hook.name, told("zh", hook.problem)),
                         fmt::format("message hook {} fails: {}", hook.name, hook.problem), hook.failing_since});
    }
}

// One failure is not told: it is tried again by itself.
void add_forwarding(std::vector<Wrong>& wrong, Core& core, const Ask& ask) {
    if (core.deps.forwarder == nullptr || ask.who.actor.tenant_name != "default" || !ask.who.paths.empty()) return;
    const edge::ForwardStatus status = core.deps.forwarder->status();
    if (status.lessened_at != 0 && core.clock().now() - status.lessened_at < kHour)
        wrong.push_back(
            {"minor", "system", "forwarding",
             fmt::format("转发时有读数没有到达 {}：平台拒收 {} 条，因存不下丢弃 {} 条", status.platform, status.refused, status.lost),
             fmt::format("readings did not reach {}: {} were refused there, {} were dropped for lack of room",
                         status.platform, status.refused, status.lost),
             status.lessened_at});
    if (status.state != edge::ForwardState::waiting || core.clock().now() - status.since < kMinute) return;
    wrong.push_back({"major", "system", "forwarding",
                     fmt::format("数据未能转发到 {}，暂存在本机：{}", status.platform, told("zh", status.problem)),
                     fmt::format("readings do not reach {} and wait here: {}", status.platform, status.problem), status.since});
}

void add_stopped_rules(std::vector<Wrong>& wrong, Core& core, const Ask& ask) {
    Sight sight{core, ask.who};
    for (const flow::StoppedRule& rule : core.deps.flow.stopped(ask.tenant())) {
        const auto stored = core.deps.registry.find(ask.tenant(), "rule", rule.rule);
        if (!stored || !sight.sees(*stored)) continue;
        if (rule.waits) {
            wrong.push_back({"minor", "rule", rule.rule, fmt::format("规则 {}：{}", rule.rule, rule.why_zh),
                             fmt::format("rule {}: {}", rule.rule, rule.why_en), rule.since});
            continue;
        }
        std::string zh, en;
        if (!rule.device.empty() && rule.devices > 1) {
            zh = fmt::format("（{} 等 {} 台设备）", rule.device, rule.devices);
            en = fmt::format(" for {} devices, {} among them", rule.devices, rule.device);
        }
        wrong.push_back({"major", "rule", rule.rule, fmt::format("规则 {} 无法运行{}：{}", rule.rule, zh, rule.why_zh),
                         fmt::format("rule {} cannot run{}: {}", rule.rule, en, rule.why_en), rule.since});
    }
}

void add_stopped_virtual_tags(std::vector<Wrong>& wrong, Core& core, const Ask& ask) {
    Sight sight{core, ask.who};
    std::map<std::string, std::pair<const flow::VirtualState*, std::size_t>> stopped;  // by name: the first, how many
    const auto states = core.deps.flow.virtual_tags().states(ask.tenant());
    for (const flow::VirtualState& state : states) {
        if (state.runs || state.waits) continue;
        const auto stored = core.deps.registry.find(ask.tenant(), "virtual_tag", state.name);
        if (!stored || !sight.sees(*stored)) continue;
        const auto [at, fresh] = stopped.try_emplace(state.name, &state, 1);
        if (!fresh) ++at->second.second;
    }
    for (const auto& [name, first] : stopped) {
        const auto& [state, count] = first;
        std::string zh, en;
        if (count > 1) {
            zh = fmt::format("（{} 等 {} 处）", state->path, count);
            en = fmt::format(" at {} places, {} among them", count, state->path);
        }
        wrong.push_back(
            {"major", "virtual_tag", name, fmt::format("虚拟点位 {} 无法计算{}：{}", name, zh, state->why_zh),
             fmt::format("virtual tag {} cannot be computed{}: {}", name, en, state->why_en), state->since});
    }
}

void add_out_of_service(std::vector<Wrong>& wrong, const std::vector<flow::Shelf>& shelves) {
    for (const flow::Shelf& shelf : shelves) {
        if (shelf.kind != flow::ShelfKind::out_of_service) continue;
        const std::string zh = shelf.device.empty() ? "" : fmt::format("（{}）", shelf.device);
        const std::string en = shelf.device.empty() ? "" : " for " + shelf.device;
        wrong.push_back({"warning", "rule", shelf.rule,
                         fmt::format("规则 {}{} 已退出服务（{}）：{}", shelf.rule, zh, shelf.by, shelf.reason),
                         fmt::format("rule {} is out of service{} ({}): {}", shelf.rule, en, shelf.by, shelf.reason),
                         shelf.since});
    }
}

void write_set_aside(JsonWriter& out, const std::vector<flow::Shelf>& shelves, std::int64_t suppressed) {
    const auto out_of_service = std::count_if(shelves.begin(), shelves.end(), [](const flow::Shelf& shelf) {
        return shelf.kind == flow::ShelfKind::out_of_service;
    });
    out.key("set_aside").begin_object();
    out.key("shelved").integer(static_cast<std::int64_t>(shelves.size()) - out_of_service);
    out.key("out_of_service").integer(out_of_service).key("suppressed").integer(suppressed).end_object();
}

void write_wrong(JsonWriter& out, std::vector<Wrong> wrong, Units units) {
    const auto rank = [](std::string_view severity) {
        return severity == "critical" ? 0 : severity == "major" ? 1 : severity == "minor" ? 2 : 3;
    };
    std::stable_sort(wrong.begin(), wrong.end(),
                     [&](const Wrong& a, const Wrong& b) { return rank(a.severity) < rank(b.severity); });
    if (wrong.size() > kWrongMax) wrong.resize(kWrongMax);
    out.begin_array();
    for (const Wrong& one : wrong) {
        out.begin_object().key("severity").text(one.severity).key("what").text(one.what).key("name").text(one.name);
        out.key("text_zh").text(one.text_zh).key("text_en").text(one.text_en).key("since");
        write_time_or_null(out, one.since, units);
        out.end_object();
    }
    out.end_array();
}

std::string read_only_of(Core& core) {
    const auto stats = core.deps.history.stats();
    return stats.read_only ? stats.read_only_reason : core.deps.registry.read_only();
}

std::int64_t as_signed(std::uint64_t number) { return static_cast<std::int64_t>(number); }

}  // namespace

Result<Answer> get_status(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const auto stats = core.deps.history.stats();
    const std::string why = read_only_of(core);
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("version").text(core.options.version).key("started").integer(units.time(core.started));
    out.key("now")
        .integer(units.time(core.clock().now()))
        .key("simulated")
        .boolean(core.options.simulated)
        .key("read_only");
    if (why.empty())
        out.null();
    else
        out.text(why);
    out.key("listeners").begin_object();
    const std::map<std::string, std::string> listeners = *core.listeners.lock();
    for (const auto& [name, address] : listeners) out.key(name).text(address);
    out.end_object().key("history").begin_object();
    out.key("tags").integer(static_cast<std::int64_t>(count_tags(core, ask)));
    if (ask.who.actor.tenant_name == "default" && ask.who.paths.empty()) {  // the rest tells of all tenants
        out.key("rows_in_memory")
            .integer(as_signed(stats.rows_in_memory))
            .key("segments")
            .integer(as_signed(stats.segments));
        out.key("segment_bytes")
            .integer(as_signed(stats.segment_bytes))
            .key("log_bytes")
            .integer(as_signed(stats.log_bytes));
        out.key("disk_free_bytes")
            .integer(as_signed(stats.disk_free_bytes))
            .key("disk_total_bytes")
            .integer(as_signed(stats.disk_total_bytes));
    }
    out.end_object();
    out.key("tenant").text(ask.who.actor.tenant_name).key("licence").text("Apache-2.0").end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_overview(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    auto devices = device_lines(core, ask);
    // Who publishes for a place without a device, such as a gateway by a mapping, is no device that can be offline.
    const auto without_device = std::erase_if(devices, [](const DeviceLine& line) { return !line.registered; });
    const auto links = connections_of(core, ask.who);
    const auto count_devices = [&](std::string_view state) {
        return std::count_if(devices.begin(), devices.end(),
                             [&](const DeviceLine& line) { return line.state == state; });
    };
    const auto count_links = [&](auto fits) {
        return std::count_if(links.begin(), links.end(), [&](const auto& link) { return fits(link); });
    };
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("devices").begin_object().key("total").integer(static_cast<std::int64_t>(devices.size()));
    for (const std::string_view state : {"online", "stale", "offline", "off"})
        out.key(state).integer(count_devices(state));
    out.key("without_device").integer(as_signed(without_device));
    out.end_object().key("connections").begin_object().key("total").integer(static_cast<std::int64_t>(links.size()));
    out.key("up").integer(count_links([](const auto& link) { return link.state == connect::LinkState::up; }));
    out.key("down").integer(count_links(is_down));
    out.key("off")
        .integer(count_links([](const auto& link) { return link.state == connect::LinkState::off; }))
        .end_object();
    out.key("tags").integer(static_cast<std::int64_t>(count_tags(core, ask)));
    out.key("readings_per_s");
    if (ask.who.paths.empty())
        out.number((*core.rates.lock())[ask.tenant()].per_s);
    else
        out.null();  // counted for the tenant as a whole
    out.key("alarms").begin_object();
    const auto counts = alarm_counts(core, ask.who);
    for (std::size_t i = 0; i < counts.size(); ++i)
        out.key(to_string(static_cast<flow::Severity>(i))).integer(as_signed(counts[i]));
    const auto shelves = seen_shelves(core, ask.who);
    out.end_object();
    const auto suppressed = core.deps.flow.alarms().list(
        ask.tenant(), {.state = flow::StateFilter::suppressed, .alarms_max = kAlarmsLookedAt});
    write_set_aside(out, shelves, std::count_if(suppressed.begin(), suppressed.end(), [&](const flow::Alarm& alarm) {
                        return sees(ask.who, alarm.device.empty() ? alarm.tag : alarm.device);
                    }));
    out.key("wrong");
    std::vector<Wrong> wrong;
    if (std::string why = read_only_of(core); !why.empty()) {
        constexpr std::string_view kSaid = "store is read-only: ";
        if (why.starts_with(kSaid)) why.erase(0, kSaid.size());
        wrong.push_back({"critical", "system", "history", "系统只读：" + told("zh", why), "the store is read-only: " + why, 0});
    }
    if (ask.who.actor.tenant_name == "default" && ask.who.paths.empty())
        add_wrong_disk(wrong, core.deps.history.stats());
    add_wrong_ledger(wrong, core, ask);
    add_failing_messages(wrong, core, ask);
    add_forwarding(wrong, core, ask);
    for (const auto& alarm : core.deps.flow.alarms().list(
             ask.tenant(), {.alarms_max = ask.who.paths.empty() ? kWrongMax : kAlarmsLookedAt})) {
        if (sees(ask.who, alarm.device.empty() ? alarm.tag : alarm.device))
            wrong.push_back(
                {to_string(alarm.severity), "alarm", alarm.id, alarm.message_zh, alarm.message_en, alarm.raised});
    }
    add_wrong_links(wrong, links);
    add_wrong_devices(wrong, devices);
    add_stopped_rules(wrong, core, ask);
    add_stopped_virtual_tags(wrong, core, ask);
    add_out_of_service(wrong, shelves);
    write_wrong(out, std::move(wrong), units);
    out.end_object();
    return json_answer(std::move(body));
}

std::vector<connect::ConnectionStatus> connections_of(Core& core, const registry::Principal& who) {
    auto links = link_lines(core, who.actor.tenant);
    Sight sight{core, who};
    std::erase_if(links, [&](const auto& link) { return !sight.sees_connection(link.name); });
    return links;
}

void write_connections(JsonWriter& out, const std::vector<connect::ConnectionStatus>& items, Units units,
                       std::string_view language) {
    out.begin_array();
    for (const auto& item : items) {
        out.begin_object()
            .key("name")
            .text(item.name)
            .key("protocol")
            .text(item.protocol)
            .key("state")
            .text(to_string(item.state));
        out.key("since").integer(units.time(item.since)).key("last_error").text(told(language, item.last_error));
        out.key("last_error_at");
        write_time_or_null(out, item.last_error_at, units);
        out.key("next_try");
        write_time_or_null(out, item.next_try, units);
        const auto& counters = item.counters;
        out.key("counters").begin_object();
        out.key("requests").integer(as_signed(counters.requests)).key("replies").integer(as_signed(counters.replies));
        out.key("timeouts")
            .integer(as_signed(counters.timeouts))
            .key("exceptions")
            .integer(as_signed(counters.exceptions));
        out.key("malformed")
            .integer(as_signed(counters.malformed))
            .key("reconnects")
            .integer(as_signed(counters.reconnects));
        out.key("readings").integer(as_signed(counters.readings)).key("bytes_in").integer(as_signed(counters.bytes_in));
        out.key("bytes_out")
            .integer(as_signed(counters.bytes_out))
            .key("dropped")
            .integer(as_signed(counters.dropped))
            .end_object();
        out.key("latency_ms").number(item.latency_ms).end_object();
    }
    out.end_array();
}

Result<Answer> get_connection_status(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items");
    write_connections(out, connections_of(core, ask.who), units, language_of(ask));
    out.end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_device_status(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    for (const DeviceLine& line : device_lines(core, ask)) {
        out.begin_object().key("name").text(line.name).key("state").text(line.state).key("since");
        write_time_or_null(out, line.since, units);
        out.key("last_seen");
        write_time_or_null(out, line.last_seen, units);
        out.key("last_error")
            .text(told(ask, line.last_error))
            .key("tags")
            .integer(as_signed(line.tags))
            .key("bad")
            .integer(as_signed(line.bad));
        out.key("source").text(line.source).key("registered").boolean(line.registered).end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_sessions(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    if (core.deps.broker != nullptr) {
        for (const auto& session : core.deps.broker->sessions(ask.tenant())) {
            if (!ask.who.paths.empty() && !sees(ask.who, session.device)) continue;
            out.begin_object()
                .key("client")
                .text(session.client)
                .key("device")
                .text(session.device)
                .key("version")
                .text(session.version);
            out.key("since")
                .integer(units.time(session.since))
                .key("connected")
                .boolean(session.connected)
                .key("address")
                .text(session.address);
            out.key("in")
                .integer(as_signed(session.in))
                .key("out")
                .integer(as_signed(session.out))
                .key("dropped")
                .integer(as_signed(session.dropped));
            out.key("subscriptions").integer(session.subscriptions).end_object();
        }
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

namespace {

void write_number_or_null(JsonWriter& out, const std::optional<std::uint64_t>& number) {
    number ? out.integer(as_signed(*number)) : out.null();
}

void write_sparkplug_unit(JsonWriter& out, const broker::SparkplugSeen::Unit& unit, const Ask& ask,
                          const Units& units) {
    out.key("path").text(unit.path).key("state").text(name_of(unit.state)).key("since");
    write_time_or_null(out, unit.since, units);
    out.key("why").text(told(ask, unit.why)).key("metrics").integer(as_signed(unit.metrics));
    out.key("skipped_count").integer(as_signed(unit.skipped_count)).key("skipped").begin_array();
    for (const auto& skipped : unit.skipped)
        out.begin_object().key("metric").text(skipped.metric).key("why").text(told(ask, skipped.why)).end_object();
    out.end_array();
}

}  // namespace

// Somebody with limits of place sees the edge nodes and devices whose readings lie there.
Result<Answer> get_sparkplug(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    const auto nodes = core.deps.broker == nullptr ? std::vector<broker::SparkplugSeen>{}
                                                   : core.deps.broker->sparkplug(ask.tenant());
    for (const broker::SparkplugSeen& node : nodes) {
        const auto hidden = [&](const auto& unit) {
            return !ask.who.paths.empty() && (unit.path.empty() || !sees(ask.who, unit.path));
        };
        if (std::ranges::all_of(node.units, hidden)) continue;
        out.begin_object().key("group").text(node.group).key("node").text(node.node);
        out.key("bd_seq");
        write_number_or_null(out, node.bd_seq);
        out.key("seq");
        write_number_or_null(out, node.seq);
        out.key("births").integer(as_signed(node.births)).key("born");
        write_time_or_null(out, node.born, units);
        out.key("last");
        write_time_or_null(out, node.last, units);
        out.key("lost").integer(as_signed(node.lost));
        out.key("rebirths").integer(as_signed(node.rebirths)).key("rebirth_at");
        write_time_or_null(out, node.rebirth_at, units);
        out.key("rebirth_why").text(hidden(node.units.front()) ? "" : told(ask, node.rebirth_why));
        if (hidden(node.units.front()))
            out.key("state").text(name_of(node.units.front().state));
        else
            write_sparkplug_unit(out, node.units.front(), ask, units);
        out.key("devices").begin_array();
        for (auto unit = node.units.begin() + 1; unit != node.units.end(); ++unit) {
            if (hidden(*unit)) continue;
            out.begin_object().key("device").text(unit->device);
            write_sparkplug_unit(out, *unit, ask, units);
            out.end_object();
        }
        out.end_array().end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

// A packet that nobody has belongs to no tenant, and is all that another tenant's DTU needs to be let in.
Result<Answer> get_dtu_status(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    if (ask.who.actor.tenant_name != "default" || !ask.who.paths.empty())
        return Error{
            Code::denied,
            "DTUs of all tenants dial in at the same ports: only an administrator of the tenant default without "
            "limits of place may see what they send"};
    const connect::DtuStatus status = core.deps.connections.dtu_status();
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("listens").begin_array();
    for (const std::string& address : status.listens) out.text(address);
    out.end_array().key("waiting").integer(status.waiting).key("dialled").integer(as_signed(status.dialled));
    out.key("unknown").integer(as_signed(status.unknown)).key("refused").integer(as_signed(status.refused));
    out.key("packets").begin_array();
    for (const connect::UnknownDtu& packet : status.packets) {
        out.begin_object().key("port").integer(packet.port).key("address").text(packet.address);
        out.key("text").text(printable(packet.packet)).key("hex").text(to_hex(packet.packet));
        out.key("times").integer(as_signed(packet.times)).key("first").integer(units.time(packet.first));
        out.key("last").integer(units.time(packet.last)).end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

void test_connection(Core& core, const AskPtr& ask, Done done) {
    // It shows values of every device of the connection.
    const auto& kind = *core.deps.registry.kind("connection");
    if (auto allowed = Sight(core, ask->who).check_stored(kind, ask->names.at(0)); !allowed)
        return done(std::move(allowed).error());
    core.deps.connections.test(ask->tenant(), ask->names.at(0), [done, ask](Result<connect::TestReport> report) {
        if (!report) return done(std::move(report).error());
        std::string body;
        JsonWriter out{body};
        out.begin_object().key("ok").boolean(report->ok).key("steps").begin_array();
        for (const auto& step : report->steps) {
            out.begin_object()
                .key("what")
                .text(told(*ask, step.what))
                .key("ok")
                .boolean(step.ok)
                .key("ms")
                .number(step.ms)
                .key("detail")
                .text(told(*ask, step.detail))
                .end_object();
        }
        out.end_array().key("values").begin_array();
        for (const auto& value : report->values) {
            out.begin_object().key("tag").text(value.tag).key("value");
            write_value(out, value.value);
            out.key("quality").text(to_string(value.quality)).end_object();
        }
        out.end_array().end_object();
        done(json_answer(std::move(body)));
    });
}

namespace {

Result<Value> parse_value(const Json* json) {
    if (json == nullptr) return Error{Code::invalid, "value: is missing"};
    if (json->is_bool()) return Value{json->get_bool()};
    if (json->is_int64()) return Value{json->get_int64()};
    if (json->is_double()) return Value{json->get_double()};
    if (json->is_string()) return Value{std::string{json->get_string().data(), json->get_string().size()}};
    return Error{Code::invalid, "value: expected a number, true, false or a text"};
}

Result<Command> parse_command(Core& core, const Ask& ask) {
    auto fields = TRY(Fields::parse(ask.http.body));
    Command command;
    command.property = TRY(fields.text("property"));
    command.value = TRY(parse_value(fields.find("value")));
    command.reason = TRY(fields.text_or("reason", ""));
    command.id = TRY(fields.text_or("id", ""));
    TRY(fields.done());
    if (command.id.size() > 100) return Error{Code::invalid, "id: longer than 100 bytes"};
    if (command.id.empty()) command.id = io::random_token();
    command.tenant = ask.tenant();
    command.device = ask.names.at(0);
    command.who = ask.who.actor.who;
    command.asked = core.clock().now();
    command.expires = command.asked + kCommandAge;
    if (!sees(ask.who, command.device))
        return Error{Code::not_found, "there is no device \"{}\"", command.device.substr(0, 200)};
    return command;
}

std::string render_result(const Ask& ask, const CommandResult& result) {
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("id").text(result.id).key("done").boolean(result.done).key("read_back");
    if (result.done)
        write_value(out, result.read_back);
    else
        out.null();
    out.key("error");
    if (result.error.empty())
        out.null();
    else
        out.text(told(ask, result.error));
    out.end_object();
    return body;
}

}  // namespace

void write_device(Core& core, const AskPtr& ask, Done done) {
    auto parsed = parse_command(core, *ask);
    if (!parsed) return done(parsed.error());
    connect::audited_write(core.deps.registry, core.deps.connections, core.deps.pool, ask->who.actor, std::move(*parsed),
                           [shared = core.shared_from_this(), ask, done](Result<CommandResult> result) {
                               if (!result) return done(std::move(result).error());
                               done(json_answer(render_result(*ask, *result)));
                           });
}

void sample_rates(Core& core) {
    const DurationNs now = core.clock().monotonic();
    for (const auto& [tenant, name] : core.deps.registry.tenants()) {
        std::uint64_t readings = (*core.written.lock())[tenant];
        for (const auto& link : core.deps.connections.connection_status(tenant)) readings += link.counters.readings;
        if (core.deps.broker != nullptr) {
            for (const auto& device : core.deps.broker->devices(tenant)) readings += device.readings;
        }
        auto rates = core.rates.lock();
        Rate& rate = (*rates)[tenant];
        if (rate.at != 0 && now > rate.at && readings >= rate.readings) {
            rate.per_s = static_cast<double>(readings - rate.readings) * static_cast<double>(kSecond) /
                         static_cast<double>(now - rate.at);
        }
        rate.readings = readings;
        rate.at = now;
    }
}

}  // namespace gongshu::api
