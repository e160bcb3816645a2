#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/network.h"
#include "modbus/map.h"
#include "modbus/servers.h"

namespace gongshu::modbus {

// A server as the registry has it, ready to be run.
struct BuiltServer {
    TenantId tenant;
    std::string tenant_name, uid, name, title;
    registry::ModbusServerSpec spec;  // without its entries
    std::vector<io::Network> masters;
    std::shared_ptr<const ServedMap> map;
    std::vector<EntryFault> faults;
    bool waits = false;  // a tag has no reading yet: look again
};

// Whether `host` may ask: this machine always, others when they are named.
bool may_ask(const BuiltServer& server, std::string_view host);

// What Egress said of each tag of each server: asked once, and again while it says no.
using Decisions = std::map<std::pair<std::string, std::string>, std::string>;  // (uid, tag) -> why not, "" = it may

// All servers of all tenants. Asks Egress for the tags that were not decided yet. Reads memory only; some milliseconds.
std::vector<BuiltServer> build_servers(const registry::Registry& registry, const Tags& tags, Egress& egress,
                                       Decisions& decisions);

}  // namespace gongshu::modbus
