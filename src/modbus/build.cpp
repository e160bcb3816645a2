#include "modbus/build.h"

#include <algorithm>

#include "registry/kinds/tag_alias.h"
#include "registry/tag_at.h"

namespace gongshu::modbus {

namespace {

// Whether the tag may leave by this server.
std::string decide(Egress& egress, Decisions& decisions, const BuiltServer& server, const std::string& tag, std::uint8_t level) {
    auto& why_not = decisions.try_emplace({server.uid, tag}, "?").first->second;
    if (why_not.empty()) return why_not;
    const std::string who = "modbus_server:" + server.name;
    const auto allowed =
        egress.decide({.tenant = server.tenant, .who = who, .door = kDoorName, .what = tag, .level = level, .purpose = server.title});
    why_not = allowed ? "" : allowed.error().text();
    return why_not;
}

MapEntry map_entry(const registry::Registry& registry, const Tags& tags, Egress& egress, Decisions& decisions,
                   BuiltServer& server, const registry::ServedEntry& spec) {
    MapEntry entry;
    entry.spec = spec;
    entry.unit = spec.unit.value_or(server.spec.unit);
    entry.when_bad = spec.when_bad.value_or(server.spec.when_bad);
    entry.stale_after = std::int64_t{spec.stale_after_s.value_or(server.spec.stale_after_s.value_or(0))} * kSecond;
    const auto info = registry::tag_at(registry, tags, server.tenant, spec.tag);
    const std::string path = info ? info->path : spec.tag;
    if (info) entry.tag = info->id;
    std::uint8_t level = 1;
    entry.device = registry::device_above(registry, server.tenant, path);
    if (!entry.device.empty()) {
        entry.property = path.substr(entry.device.size() + 1);
        if (const auto declared = registry::declared_property(registry, server.tenant, entry.device, entry.property)) {
            level = declared->level;
            entry.type = registry::value_type(declared->type);
        }
    }
    entry.refusal = decide(egress, decisions, server, path, level);
    return entry;
}

}  // namespace

bool may_ask(const BuiltServer& server, std::string_view host) {
    return io::is_loopback(host) ||
           std::ranges::any_of(server.masters, [&](const io::Network& network) { return io::contains(network, host); });
}

std::vector<BuiltServer> build_servers(const registry::Registry& registry, const Tags& tags, Egress& egress,
                                       Decisions& decisions) {
    std::vector<BuiltServer> built;
    for (const auto& [tenant, name] : registry.tenants())
        for (const auto& resource : registry.list_shared(tenant, "modbus_server")) {
            auto spec = registry::spec_of<registry::ModbusServerSpec>(*resource);
            if (!spec) continue;
            BuiltServer server;
            server.tenant = tenant, server.tenant_name = name, server.uid = resource->uid, server.name = resource->name;
            server.title = spec->title_en.empty() ? spec->title_zh : spec->title_en;
            const auto entries = std::exchange(spec->entries, {});
            server.spec = std::move(*spec);
            for (const std::string& one : server.spec.masters)
                if (auto network = io::parse_network(one)) server.masters.push_back(*network);
            std::vector<MapEntry> mapped;
            for (const registry::ServedEntry& entry : entries) {
                mapped.push_back(map_entry(registry, tags, egress, decisions, server, entry));
                const MapEntry& one = mapped.back();
                server.waits |= !one.tag;
                const std::string why = !one.refusal.empty() ? one.refusal : one.tag ? "" : "there is no reading of it yet";
                if (!why.empty() && server.faults.size() < kFaultsMax) server.faults.push_back({mapped.size() - 1, entry.tag, why});
            }
            server.map = std::make_shared<const ServedMap>(std::move(mapped), server.spec.gaps);
            built.push_back(std::move(server));
        }
    return built;
}

}  // namespace gongshu::modbus
