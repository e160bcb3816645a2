#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "data/command.h"
#include "data/quality.h"
#include "data/sink.h"
#include "data/tag.h"
#include "io/loop.h"

namespace gongshu::registry {
class Registry;
}

namespace gongshu::connect {

struct UaIdentity;

// May the platform open a link to `target`? Asked with the text of the connection and again with the address that was
// reached, before the first byte is sent. Code::denied says what to do.
using TargetPolicy = std::function<Result<void>(TenantId tenant, const io::Address& target)>;
// Refuses loopback, link-local, unspecified and multicast addresses unless listed ("127.0.0.1", "127.0.0.1:502",
// "[::1]:502"), and of this machine's paths (host "/dev/ttyS0", port 0) all that are not of the usual serial ports
// unless listed ("/dev/ttymxc1", "/dev/pts/*"); everything else is allowed.
TargetPolicy make_target_policy(std::vector<std::string> allowed);

// waiting: for a DTU to dial in.
enum class LinkState : std::uint8_t { off, connecting, up, backing_off, waiting };
std::string_view to_string(LinkState state);

struct LinkCounters {
    std::uint64_t requests = 0, replies = 0, timeouts = 0, exceptions = 0, malformed = 0, reconnects = 0, readings = 0,
                  bytes_in = 0, bytes_out = 0, dropped = 0;  // dropped: readings refused by the store
};

// One line of GET status/connections.
struct ConnectionStatus {
    std::string name;
    std::string protocol;
    LinkState state = LinkState::off;
    TimeNs since = 0;        // when this state began; of connecting and backing_off: the whole outage
    std::string last_error;  // stays after it is over; "" = never had one
    TimeNs last_error_at = 0;
    TimeNs next_try = 0;  // backing_off only, else 0
    LinkCounters counters;
    double latency_ms = 0;  // smoothed time from request to reply; 0 = no reply yet
};

// A registration packet that no connection has, as whoever it was sent it: nothing in it can be trusted.
struct UnknownDtu {
    std::uint16_t port = 0;  // of this server
    std::string tenant;      // whose port it is
    std::string address;     // of who sent it last
    Buffer packet;           // at most DtuDoor::kPacketMax bytes
    std::uint64_t times = 0;
    TimeNs first = 0, last = 0;
};

// How it stands at the ports where DTUs dial in; of all tenants, since a packet that nobody has belongs to none.
struct DtuStatus {
    std::vector<std::string> listens;  // addresses with their ports
    std::uint32_t waiting = 0;         // sockets that have not said who they are
    std::uint64_t dialled = 0, unknown = 0, refused = 0;
    std::vector<UnknownDtu> packets;  // the newest first
};

enum class DeviceState : std::uint8_t { online, stale, offline, off };
std::string_view to_string(DeviceState state);

// One line of GET status/devices, for the devices that hang on a connection.
struct DeviceStatus {
    std::string name;  // path of the device
    DeviceState state = DeviceState::off;
    TimeNs since = 0;
    TimeNs last_seen = 0;  // time of the last good reading; 0 = never
    std::string last_error;  // "" once all its tags are good
    std::uint32_t tags = 0;  // properties that are read
    std::uint32_t bad = 0;   // of these, bad at their last reading or never read
    std::string source;      // name of the connection
};

struct TestStep {
    std::string what;  // "connect", "read cnc1.spindle_speed", …
    bool ok = false;
    double ms = 0;
    std::string detail;
};
struct TestValue {
    std::string tag;  // path
    Value value;
    Quality quality;
};
struct TestReport {
    bool ok = false;
    std::vector<TestStep> steps;
    std::vector<TestValue> values;
};

struct ConnectionsOptions {
    std::uint64_t seed = 1;                        // of the jitter of back-off
    DurationNs back_off_min = 500 * kMillisecond;  // first pause after a failed try
    DurationNs back_off_max = 30 * kSecond;        // doubled up to this
    std::uint32_t commands_waiting_max = 32;       // per connection; more are refused with Code::limit
    std::uint32_t command_ids_kept = 4096;         // per tenant: an id among the last of these is not executed again
};

struct ConnectionsDeps {
    registry::Registry& registry;
    Tags& tags;
    Sink& sink;
    Metrics& metrics;
    std::vector<io::Loop*> lanes;
    TargetPolicy may_connect;
    // If given: a tag whose last reading is older than three periods at the start gets one behind it that is
    // bad:stopped, so that the time in which nobody asked is a gap.
    const Reader* reader = nullptr;
    // Who we are to OPC UA servers, asked when one wants to know. Null: to none.
    std::function<Result<std::shared_ptr<const UaIdentity>>()> ua_identity = nullptr;
};

// Connections keeps one session per connection resource: polls its devices, turns answers into readings, reconnects for
// ever, and carries commands to machines.
// Lives:   one per process; after registry and history, destroyed before them (lanes no longer running, or from none).
// Threads: public calls from any thread; each session lives on one lane.
// Bounds:  one request in flight per connection, ConnectionsOptions::commands_waiting_max commands; readings are handed
// to
//          Sink at once and not kept: while more than 64 batches wait for the store, newer ones are dropped and
//          counted.
// Disk:    none; Sink makes readings and the records of commands durable.
class Connections {
public:
    static Result<std::unique_ptr<Connections>> create(ConnectionsDeps deps, ConnectionsOptions options = {});
    virtual ~Connections() = default;

    // Starts sessions for what the registry holds and follows its changes. After registry.load().
    virtual void start() = 0;
    // Closes all links, and every tag says bad:stopped; nothing is polled afterwards. Commands that wait are answered
    // Code::unavailable. Returns at once: it is done when each lane has run what was posted to it.
    virtual void stop() = 0;

    // Opens a port for DTUs of one tenant, by its name; gives the address with the port that was picked. Before the
    // lanes run, or on the first.
    virtual Result<io::Address> listen_for_dtus(const io::Address& address, const std::string& tenant) = 0;
    virtual DtuStatus dtu_status() const = 0;

    virtual std::vector<ConnectionStatus> connection_status(TenantId tenant) const = 0;
    virtual std::vector<DeviceStatus> device_status(TenantId tenant) const = 0;

    // Reads each property of each device once and stores nothing: of Modbus TCP and HTTP by a link of its own beside the running
    // one, else in the place of the running one, which goes on afterwards.
    // `done` is called once, on a lane. Code::not_found if there is no such connection.
    virtual void test(TenantId tenant, const std::string& connection, std::function<void(Result<TestReport>)> done) = 0;

    // Executes a command at most once per id. Who may do so is checked by the caller. `done` is called once, on a lane
    // or from within the call: Code::denied (writes are off, or the property is not writable), Code::invalid (limits,
    // type), Code::limit (queue), Code::timeout (expired before it was sent), Code::unavailable (no link), Code::exists
    // (same id). Every outcome is recorded as an event of kind "command".
    virtual void write(Command command, CommandDone done) = 0;
};

}  // namespace gongshu::connect
