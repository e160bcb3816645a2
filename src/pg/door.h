#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "data/egress.h"
#include "io/loop.h"
#include "registry/scram_auth.h"
#include "sql/sql.h"

// The PostgreSQL door: psql, drivers, and Grafana ask sql/ over PostgreSQL's protocol. They read; nothing can be
// written.
namespace gongshu::pg {

inline constexpr std::string_view kDoorName = "postgres";  // of Egress

// What the door works with; all outlive it.
struct DoorDeps {
    io::Loop& loop;  // connections live here …
    io::Pool& pool;  // … and passwords are checked here
    registry::Registry& registry;
    registry::Auth& auth;
    sql::Engine& engine;
    Egress& egress;  // is told what left
    Metrics& metrics;
    // Who asks, with what they may see and the decision of Egress under kDoorName, for this purpose.
    std::function<sql::Asker(const registry::Principal&, std::string purpose)> asker;
    // What a client may go on with once it has asked for encryption; null = it may not.
    std::shared_ptr<const io::TlsServer> tls;
};

struct DoorOptions {
    std::string version;
    bool plain_from_loopback = true;         // connections of this machine may do without TLS; those of others never
    std::uint32_t sessions_max = 200;        // signed in or about to; more are refused (53300)
    std::uint32_t sessions_of_one_max = 50;  // of one user or token (53300)
    std::uint32_t unsigned_of_address_max = 40;  // of one address, about to sign in; this machine's own are not counted
    std::size_t message_bytes_max = 1 << 20;     // of one message, once signed in; more ends the session
    std::uint32_t statements_max = 500;          // prepared, of one session (54000)
    std::size_t statement_bytes_max = 4 << 20;   // their texts together (54000)
    std::uint32_t portals_max = 50;              // open, of one session (54000)
    std::size_t unsent_bytes = 512 << 10;        // no further rows while more than that waits for the client
    DurationNs sign_in_max = 15 * kSecond;       // from the first byte to the end of the sign-in
    DurationNs idle_max = 8 * kHour;             // without a message (57P05)
    DurationNs send_max = 5 * kMinute;           // for the client to take anything of an answer
    sql::Limits limits;                          // of a statement; a session may only lower the time
};

// Door listens and keeps the sessions.
// Lives:   one per process, after everything of DoorDeps; destroyed on its loop or when that has stopped.
// Threads: all calls on deps.loop or before it runs.
// Bounds:  DoorOptions.
// Disk:    none.
class Door {
public:
    static std::unique_ptr<Door> create(const DoorDeps& deps, DoorOptions options);
    virtual ~Door() = default;
    // May be called more than once. Connections from other machines have to ask for TLS.
    virtual Result<io::Address> listen(const io::Address& address) = 0;
    virtual std::size_t sessions() const = 0;
    // Ends all sessions. Nothing is accepted afterwards.
    virtual void stop() = 0;
};

}  // namespace gongshu::pg
