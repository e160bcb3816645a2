#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "broker/auth.h"
#include "broker/declared.h"
#include "data/egress.h"
#include "data/ids.h"
#include "data/sink.h"
#include "data/tag.h"
#include "io/files.h"
#include "io/loop.h"

namespace gongshu::broker {

class Mapping;

struct BrokerOptions {
    std::string folder;                   // for retained messages; made if missing. "" = kept in memory only
    std::uint32_t sessions_max = 20'000;  // more: server_busy / "server unavailable"
    std::uint32_t sessions_per_tenant_max = 10'000;
    std::uint32_t packet_bytes_max = 1 << 20;   // larger packets end the connection with packet_too_large
    std::uint16_t receive_maximum = 64;         // QoS 1 publishes of a client that wait for the disk; told in CONNACK
    std::uint16_t inflight_max = 64;            // QoS 1 publishes to a client that wait for its PUBACK
    std::uint32_t queued_messages_max = 1'000;  // per session beyond these; then the oldest is dropped and counted
    std::uint32_t queued_bytes_max = 4 << 20;   // … the same in bytes
    std::uint32_t unsent_bytes_max = 4 << 20;   // QoS 0 to a slower reader is dropped and counted above half of this
    std::uint32_t subscriptions_max = 1'000;    // per session; more: quota_exceeded
    std::uint32_t session_expiry_max_s = 7 * 86'400;  // longer wishes are cut to this and told so; also 3.1.1's
    std::uint16_t keep_alive_max_s = 3'600;           // of 5.0: longer ones and "off" become this, told in CONNACK
    std::uint16_t topic_alias_max = 32;
    std::uint32_t retained_max = 100'000;         // per tenant; more: quota_exceeded
    std::uint64_t retained_bytes_max = 64 << 20;  // per tenant
    std::uint32_t connect_timeout_ms = 10'000;    // from accept to a whole CONNECT
    std::uint32_t dead_letters_per_minute = 60;   // per tenant into history; more are only counted
    // Payloads of dead letters that are kept whole, so that they can be tried again: each, and of a tenant in a minute.
    // Of others the first 200 bytes.
    std::uint32_t dead_letter_bytes_max = 16 << 10;
    std::uint32_t dead_letter_bytes_per_minute = 256 << 10;
    // The name by which edge nodes of Sparkplug know this host: its state is on spBv1.0/STATE/<it>. "" = none is told.
    std::string sparkplug_host = "gongshu";
    // Of each tenant: edge nodes, and metrics of all their births together. What comes past them is refused, but an edge
    // node that is offline makes room for a new one.
    std::uint32_t sparkplug_nodes_max = 2'000;
    std::uint32_t sparkplug_metrics_max = 500'000;
};

// What api shows of a session.
struct SessionInfo {
    std::string client;   // client identifier
    std::string who;      // Principal::name
    std::string device;   // device path or ""
    std::string version;  // "3.1.1" or "5.0"
    TimeNs since = 0;     // of the connection, or of its end when it is away
    bool connected = false;
    std::string address;
    std::uint64_t in = 0;  // PUBLISH packets
    std::uint64_t out = 0;
    std::uint64_t dropped = 0;
    std::uint32_t subscriptions = 0;
};

// A device that spoke over MQTT since the start.
struct DeviceSeen {
    std::string device;      // path
    std::string uid;         // "" when nobody signed in as the device
    bool connected = false;  // a session signed in as this device is connected
    TimeNs since = 0;        // of `connected`
    TimeNs last_seen = 0;    // newest packet of its session or newest publish beneath its path
    std::uint64_t readings = 0;
    std::string last_error;  // newest payload that could not be used, "" if none
    TimeNs last_error_at = 0;
};

// The newest message of a topic, for whoever writes a mapping for it.
struct Sample {
    std::string topic;
    TimeNs time = 0;
    std::string who;      // Principal::name
    std::string device;   // path of the device that sent it, "" = none
    std::string payload;  // its begin
    std::uint64_t bytes = 0;
};

// Stale: some of what it says is not known until it is born anew, for which it was asked.
enum class SparkplugState : std::uint8_t { online, stale, offline };
std::string_view name_of(SparkplugState state);

// An edge node of Sparkplug, as its newest birth and what came since say.
struct SparkplugSeen {
    struct Skipped {
        std::string metric, why;
    };
    // The edge node itself or one of its devices.
    struct Unit {
        std::string device;  // "" = the edge node itself
        std::string path;    // where its readings are
        SparkplugState state = SparkplugState::offline;
        TimeNs since = 0;  // of `state`
        std::string why;   // it is not online
        std::size_t metrics = 0;
        std::size_t skipped_count = 0;
        std::vector<Skipped> skipped;  // metrics that have no tag, the first of them
    };
    std::string group, node;
    std::optional<std::uint64_t> bd_seq, seq;
    std::uint64_t births = 0, lost = 0, rebirths = 0;  // lost: times that the sequence had a gap
    TimeNs rebirth_at = 0;                             // newest time that it was asked, 0 = never
    std::string rebirth_why;
    TimeNs last = 0;  // its newest message
    TimeNs born = 0;  // its newest birth, 0 = none
    std::vector<Unit> units;  // first itself
};

// A message that could not be used, to be tried again.
struct Letter {
    TenantId tenant;
    std::string topic;
    Buffer payload;
    TimeNs time = 0;                 // when it came: the time of readings that have none
    std::string device, device_uid;  // that sent it, "" = none
    std::string by;                  // who asks for it, "user:li"
    std::vector<std::string> paths;  // of who asks; empty = all of the tenant
};

struct BrokerDeps {
    io::Loop& loop;  // the lane everything runs on
    io::Files& files;
    io::Pool& pool;  // writes retained messages to disk
    Metrics& metrics;
    Sink& sink;
    Tags& tags;
    Authenticator& authenticator;
    std::string instance;  // random text of this start, for client identifiers given to nameless clients
    std::function<std::string(TenantId)> tenant_name;  // for the labels of metrics; on the loop
    // uid of the device resource at a path, "" if there is none: what a gateway publishes for a device lands in the
    // device's own tags. Empty function: no device is known by path. On the loop; must be quick.
    std::function<std::string(TenantId, std::string_view)> device_uid;
    // What the type of the device at a path says of a property; nullopt = nothing. Empty function: nothing is declared.
    // On the loop; must be quick.
    std::function<std::optional<DeclaredProperty>(TenantId, std::string_view, std::string_view)> property_of;
    // Path of the device that is called so elsewhere (JetLinks' product and device id); Code::not_found or
    // Code::conflict say what to do. Empty function: JetLinks' topics are none of ours. On the loop; must be quick.
    std::function<Result<std::string>(TenantId, std::string_view product, std::string_view device)> device_by_id;
    // The mappings of a tenant that are in use, as sort_mappings() orders them. Empty function: there are none. On the
    // loop; asked after each devices_changed().
    std::function<std::vector<std::shared_ptr<Mapping>>(TenantId)> mappings_of;
    Egress* egress = nullptr;  // asked at each SUBSCRIBE; null = everything may leave
    // Path of the device with exactly that external_id, "" = none has it. Empty function: none. On the loop; must be
    // quick.
    std::function<std::string(TenantId, std::string_view external_id)> device_by_external_id;
    // The newest reading of a tag, as Reader::last(). Empty function: nothing is known of readings before the start. On
    // the loop.
    std::function<std::optional<Reading>(TagId)> last;
};

// Broker serves MQTT 3.1.1 and 5.0, and turns publishes on the doors' topics into readings.
// Lives:   one per process; after registry and history, before whoever publishes through it; destroyed after its loop
//          stopped (or on it).
// Threads: everything on deps.loop, but for the calls marked "any thread".
// Bounds:  BrokerOptions, each with what happens at it.
// Disk:    <folder>/retained.log. Sessions and their queues live in memory: after a restart clients see "session
//          present = 0" and subscribe again.
class Broker {
public:
    static Result<std::unique_ptr<Broker>> create(const BrokerDeps& deps, const BrokerOptions& options);
    virtual ~Broker() = default;

    // May be called more than once (a plain and a TLS listener). The address holds the port that was picked. On the
    // loop or before it runs.
    virtual Result<io::Address> listen(const io::Address& address, const io::ListenOptions& options) = 0;
    // Tells 5.0 clients server_shutting_down, publishes no wills, closes. On the loop.
    virtual void stop() = 0;

    // Any thread: a message from inside the program (a command, an alarm). Delivered on the next turn; not a reading.
    virtual void publish(TenantId tenant, std::string topic, Buffer payload, std::uint8_t qos, bool retain) = 0;
    // Any thread: ends the connections and sessions of `who` (Principal::name, or "device:" and its uid) within a turn:
    // its rights changed. "" = of the whole tenant.
    virtual void drop(TenantId tenant, std::string who) = 0;

    // Any thread: devices or mappings were made, changed or removed; what is remembered of topics is looked up anew.
    virtual void devices_changed(TenantId tenant) = 0;

    // Any thread.
    virtual std::vector<SessionInfo> sessions(TenantId tenant) const = 0;
    virtual std::vector<DeviceSeen> devices(TenantId tenant) const = 0;
    // Of topics that have no door of their own, the newest first; see Samples.
    virtual std::vector<Sample> samples(TenantId tenant) const = 0;

    // Edge nodes of Sparkplug that spoke since the start, by group and node.
    virtual std::vector<SparkplugSeen> sparkplug(TenantId tenant) const = 0;

    // Any thread: takes the readings of a letter as of a message that just came, but with its time and by the rights of
    // an engineer with those paths; nobody who subscribed hears of it. Doing it again stores the same. `done` once, on
    // the loop, with how many values were stored; an error says why not all were.
    using ProcessDone = std::function<void(Result<std::uint64_t> readings)>;
    virtual void process(Letter letter, ProcessDone done) = 0;
};

}  // namespace gongshu::broker
