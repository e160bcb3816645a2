#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "connect/connections.h"
#include "data/egress.h"
#include "data/sink.h"
#include "data/tag.h"
#include "io/loop.h"
#include "registry/registry.h"

// The Modbus door: servers of the kind modbus_server, which show tags to masters.
namespace gongshu::modbus {

inline constexpr std::string_view kDoorName = "modbus";  // of Egress

struct ServersDeps {
    registry::Registry& registry;
    Tags& tags;
    const Reader& reader;
    connect::Connections& connections;  // writes go this way
    Egress& egress;
    Metrics& metrics;
    io::Loop& loop;  // listeners and sessions live here …
    io::Pool& pool;  // … and what blocks runs here
    std::string version;
};

struct ServersOptions {
    DurationNs listen_again = 10 * kSecond;  // after a port could not be opened
    DurationNs look_again = 2 * kSecond;     // for tags that had no reading yet
    DurationNs command_age = 5 * kSecond;    // of a request, since it came: what did not reach the machine by then is not written
    std::size_t requests_waiting_max = 32;   // of one master; more: exception 6
    std::size_t requests_per_turn = 16;      // then others have theirs
};

enum class ServerState : std::uint8_t { off, listening, failed };
std::string_view to_string(ServerState state);

struct MasterStatus {
    std::string address;
    TimeNs since = 0, last_request = 0;  // 0 = none yet
    std::uint64_t requests = 0, exceptions = 0;
};

// An entry that cannot be shown at all, or not now.
struct EntryFault {
    std::size_t entry = 0;
    std::string tag, why;
};

// One line of GET status/modbus_servers.
struct ServerStatus {
    std::string name, address;
    ServerState state = ServerState::off;
    std::string problem;  // why it failed
    TimeNs since = 0;     // of the state
    std::vector<MasterStatus> masters;
    std::uint64_t requests = 0, exceptions = 0, writes = 0, turned_away = 0;
    std::string last_master;
    TimeNs last_master_at = 0;
    std::string last_error;  // of the last request that was refused; stays
    TimeNs last_error_at = 0;
    std::size_t entries = 0, bad = 0;
    std::vector<EntryFault> faults;  // at most kFaultsMax
};
inline constexpr std::size_t kFaultsMax = 100;

// Servers runs what the registry holds of the kind modbus_server. Values are the last ones of the history's memory; a change
// of a server's entries cuts no master.
// Lives:   one per process, after everything of ServersDeps; destroyed when loop and pool have ended, or after stop().
// Threads: public calls from any thread.
// Bounds:  ServersOptions, and of each server masters_max and idle_timeout_s. Disk: none.
class Servers {
public:
    static std::shared_ptr<Servers> create(ServersDeps deps, ServersOptions options = {});
    virtual ~Servers() = default;
    // After registry.load().
    virtual void start() = 0;
    // Nothing is listened on afterwards. On the loop, or when that has ended.
    virtual void stop() = 0;
    virtual std::vector<ServerStatus> status(TenantId tenant) const = 0;
};

}  // namespace gongshu::modbus
