#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/api.h"
#include "api/egress.h"
#include "api/live_tap.h"
#include "app/authenticator.h"
#include "app/serve_options.h"
#include "backup/backups.h"
#include "base/metrics.h"
#include "blob/blobs.h"
#include "broker/broker.h"
#include "case/cases.h"
#include "connect/connections.h"
#include "doctor/gather.h"
#include "edge/forwarder.h"
#include "flow/flow.h"
#include "flow/virtual_tag.h"
#include "history/history.h"
#include "io/files.h"
#include "io/loop.h"
#include "modbus/servers.h"
#include "notify/messages.h"
#include "package/packages.h"
#include "pg/door.h"
#include "registry/auth.h"
#include "registry/device_ids.h"
#include "registry/registry.h"
#include "retention/retention.h"
#include "sql/engine.h"

namespace gongshu::app {

// What the doors listen on, with the ports that were picked.
struct Doors {
    std::string http;              // "http://127.0.0.1:8080"
    std::string mqtt;              // "mqtt://127.0.0.1:1883"
    std::string pg;                // "postgresql://127.0.0.1:5432", "" = closed
    std::vector<std::string> dtu;  // "tcp://0.0.0.0:9001": where DTUs dial in
    std::vector<std::string> lan;  // further ones opened by --lan
    std::string authority;         // with --lan: where phones get the certificate, "https://192.168.1.5:8080/ca.crt"
    std::string fingerprint;       // of that certificate
};

// Platform is the whole program wired together; its fields are in the order in which they are made, and they end in the
// reverse order.
// Lives:   one per process: create(), start(), then stop() (also from the destructor).
// Threads: all calls from the main thread.
class Platform {
public:
    static Result<std::unique_ptr<Platform>> create(const ServeOptions& options, bool simulated);
    ~Platform();

    // The lanes run and the doors are open after this; rules and links start with begin_work(), so that what a caller
    // puts into the store in between (the demo's past) is there first.
    Result<void> open();
    Result<void> begin_work();
    // What has to be done once a minute and once a day; from the control loop, on the pool.
    void tend(io::Loop& control);
    void stop();

    const Doors& doors() const { return doors_; }
    std::optional<registry::FirstSignIn> first_sign_in() { return auth_->take_first_sign_in(); }
    registry::Registry& registry() { return *registry_; }
    registry::Auth& auth() { return *auth_; }
    history::History& history() { return *history_; }
    const Clock& clock() const { return *clock_; }
    io::Files& files() { return *files_; }
    registry::Actor system_actor() const;

private:
    Platform(const ServeOptions& options, bool simulated) : options_(options), simulated_(simulated) {}
    Result<void> make_store();
    Result<void> make_cases();
    Result<void> make_blobs();
    Result<void> make_doors();
    Result<void> make_forwarder();
    Result<void> open_pg();
    Result<void> open_lan();
    Result<std::shared_ptr<const io::TlsServer>> tls();
    static void every(io::Loop& loop, DurationNs interval, std::function<void()> work);
    void run_on(io::Loop& loop, const std::function<void()>& work);

    const ServeOptions options_;
    const bool simulated_;
    Doors doors_;
    std::unique_ptr<Clock> clock_;
    std::unique_ptr<io::Files> files_;
    Metrics metrics_;
    std::vector<std::unique_ptr<io::Loop>> loops_;
    std::vector<io::Loop*> lanes_;
    std::unique_ptr<io::Pool> pool_;
    std::unique_ptr<io::Pool> disk_pool_;  // history's own, so that no query delays an acknowledgement
    std::unique_ptr<registry::Registry> registry_;
    std::unique_ptr<registry::Auth> auth_;
    std::unique_ptr<history::History> history_;
    std::unique_ptr<flow::Flow> flow_;
    std::unique_ptr<api::LiveTap> live_;
    std::unique_ptr<registry::AuditLedger> ledgers_;
    std::unique_ptr<cases::Cases> cases_;
    std::unique_ptr<package::Packages> packages_;
    std::unique_ptr<blob::Blobs> blobs_;
    std::unique_ptr<backup::Backups> backups_;
    std::unique_ptr<retention::Retention> retention_;
    std::optional<doctor::Self> doctor_;
    std::unique_ptr<connect::Connections> connections_;
    std::unique_ptr<Authenticator> authenticator_;
    std::unique_ptr<registry::DeviceIds> device_ids_;
    std::unique_ptr<broker::Broker> broker_;
    std::unique_ptr<api::CountingEgress> egress_;
    std::shared_ptr<modbus::Servers> modbus_;
    std::unique_ptr<notify::Messages> messages_;
    std::unique_ptr<edge::Forwarder> forwarder_;  // null = nothing is sent on
    std::unique_ptr<sql::Engine> sql_;
    std::vector<api::StaticFile> static_files_;
    std::unique_ptr<api::Server> server_;
    std::shared_ptr<const io::TlsServer> tls_;  // null until a door needs it
    std::unique_ptr<pg::Door> pg_;              // null = closed
    std::uint64_t revoked_ = 0;
    std::uint64_t changed_ = 0;
    std::vector<std::thread> threads_;
    bool open_ = false;
    bool stopped_ = false;
};

}  // namespace gongshu::app
