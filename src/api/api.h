#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/live_tap.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "api/egress.h"
#include "data/sink.h"
#include "data/tag.h"
#include "io/loop.h"

namespace gongshu::registry {
class Registry;
class Auth;
class AuditLedger;
}  // namespace gongshu::registry
namespace gongshu::history {
class History;
}
namespace gongshu::flow {
class Flow;
}
namespace gongshu::connect {
class Connections;
}
namespace gongshu::broker {
class Broker;
}

namespace gongshu::backup {
class Backups;
}
namespace gongshu::retention {
class Retention;
}
namespace gongshu::doctor {
struct Self;
}
namespace gongshu::cases {
class Cases;
}
namespace gongshu::package {
class Packages;
}
namespace gongshu::edge {
class Forwarder;
}
namespace gongshu::notify {
class Messages;
}
namespace gongshu::blob {
class Blobs;
}
namespace gongshu::modbus {
class Servers;
}
namespace gongshu::sql {
class Engine;
}

namespace gongshu::api {

// What the server works with; all outlive it and its pool's jobs.
struct ApiDeps {
    registry::Registry& registry;
    registry::Auth& auth;
    Sink& sink;
    const Reader& reader;
    Tags& tags;
    history::History& history;          // stats, compact
    flow::Flow& flow;                   // alarms, check
    connect::Connections& connections;  // status, test, write
    broker::Broker* broker;             // status of MQTT sessions; null = no MQTT
    Metrics& metrics;
    CountingEgress& egress;
    LiveTap& live;
    io::Loop& loop;                             // everything of the server runs here …
    io::Pool& pool;                             // … but what may block
    backup::Backups* backups = nullptr;         // null = none are made
    retention::Retention* retention = nullptr;  // null = all is kept
    doctor::Self* doctor = nullptr;             // null = nobody may look
    registry::AuditLedger* ledgers = nullptr;   // null = the audit stands in its table alone
    cases::Cases* cases = nullptr;              // null = there are no cases
    blob::Blobs* blobs = nullptr;               // null = no files are kept
    // A text (at most 600 bytes) as a QR code in SVG, "" if it cannot be made. Null = nobody makes them.
    std::string (*qr)(std::string_view) = nullptr;
    package::Packages* packages = nullptr;  // null = none are installed
    notify::Messages* messages = nullptr;   // null = nobody is told of cases
    sql::Engine* sql = nullptr;             // null = nothing is asked in SQL
    modbus::Servers* modbus = nullptr;      // null = no tags are shown to Modbus masters
    const edge::Forwarder* forwarder = nullptr;  // null = nothing is sent on to another platform
};

// A file of the page, gzip-compressed; lives as long as the program. "index.html" also answers for the page's own
// addresses (anything without a dot that is not under /api/).
struct StaticFile {
    std::string_view path;  // "assets/index-1a2b.js"
    std::string_view media_type;
    std::string_view etag;
    Bytes gzip;
};

struct ApiOptions {
    std::string version;
    bool simulated = false;            // demo: said in status
    std::vector<std::string> hosts;    // names by which the page may be reached, beside localhost and IP addresses
    std::vector<std::string> origins;  // pages of elsewhere that may ask ("http://localhost:5173"); for development
    std::span<const StaticFile> files;
    std::string config;                    // the file of --config, "" = none; told to who sets the server up
    std::vector<std::string_view> sample;  // YAML documents of the sample that the first start offers; live as long as it
    bool no_auth = false;  // --insecure-no-auth: everybody on loopback is admin of the tenant "default"
    std::uint32_t header_bytes_max = 32 << 10;
    std::uint64_t body_bytes_max = 1 << 20;      // of most requests; more: 413
    std::uint64_t write_bytes_max = 32 << 20;    // of /api/v1/write…, as sent and again after gunzip
    std::uint64_t bodies_bytes_max = 256 << 20;  // promised by all requests that are coming in; more: 503
    std::uint32_t requests_of_tenant_max = 512;  // on the pool at the same time; more: 429
    std::uint32_t live_sessions_max = 1000;      // WebSocket and watch, of all; more: 503
    std::uint32_t live_tags_max = 20'000;        // of one WebSocket
    std::uint32_t send_bytes_max = 8 << 20;      // waiting for one slow reader; past that it is cut off
    DurationNs idle_max = 2 * kMinute;           // between two requests
    DurationNs request_max = 60 * kSecond;       // from the first byte of a request to its last
    DurationNs query_max = 2 * kMinute;          // a question for readings; more: 504
};

// Server is the HTTP door: the page, the interface of docs/api.md, live updates.
// Lives:   one per process; after everything of ApiDeps, destroyed before it, on its loop or when that has stopped.
// Threads: all calls on deps.loop or before it runs; jobs that block run on deps.pool and post back.
// Bounds:  ApiOptions, each with what happens at it; one request at a time on a connection.
// Disk:    none of its own.
class Server {
public:
    static Result<std::unique_ptr<Server>> create(const ApiDeps& deps, ApiOptions options);
    virtual ~Server() = default;

    // May be called more than once. The address holds the port that was picked.
    virtual Result<io::Address> listen(const io::Address& address, const io::ListenOptions& options) = 0;
    // What GET status tells of all doors: {"http":"127.0.0.1:8080","mqtt":…}.
    virtual void set_listeners(std::map<std::string, std::string> listeners) = 0;
    // The certificate that phones and browsers of the plant's network shall trust, PEM: what GET /ca.crt gives.
    virtual void set_authority(std::string certificate_pem) = 0;
    // Closes all connections; those that wait for an answer get none. Nothing is accepted afterwards.
    virtual void stop() = 0;
};

}  // namespace gongshu::api
