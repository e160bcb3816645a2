#include "connect/connections.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "base/guarded.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "connect/driver.h"
#include "connect/dtu_door.h"
#include "connect/link_config_from_registry.h"
#include "connect/link_test_run.h"
#include "connect/poll_session.h"
#include "connect/property_value.h"
#include "registry/registry.h"

namespace gongshu::connect {

namespace {

void write_value(JsonWriter& json, const Value& value) {
    if (const auto* number = std::get_if<double>(&value)) json.number(*number);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) json.safe_integer(*integer);
    if (const auto* boolean = std::get_if<bool>(&value)) json.boolean(*boolean);
    if (const auto* text = std::get_if<std::string>(&value)) json.text(*text);
}

// The record of a command: who, why, what, and what became of it.
Event command_event(const Command& command, const Result<CommandResult>& result, TimeNs now) {
    Event event;
    event.tenant = command.tenant;
    event.time = now;
    event.kind = "command";
    event.subject = command.device + "." + command.property;
    JsonWriter json(event.body);
    json.begin_object();
    json.key("id").text(command.id);
    json.key("who").text(command.who);
    json.key("reason").text(command.reason);
    json.key("asked").safe_integer(command.asked);
    json.key("value");
    write_value(json, command.value);
    json.key("done").boolean(result && result->done);
    json.key("read_back");
    if (result)
        write_value(json, result->read_back);  // NaN is null: nothing was read
    else
        json.null();
    json.key("error").text(result ? result->error : result.error().text());
    json.end_object();
    return event;
}

// The ids of the last commands of a tenant, so that none is executed twice.
class CommandIds {
public:
    // False if the id is among the last `kept_max`.
    bool add(const std::string& id, std::size_t kept_max) {
        if (!known_.insert(id).second) return false;
        order_.push_back(id);
        if (order_.size() > kept_max) {
            known_.erase(order_.front());
            order_.pop_front();
        }
        return true;
    }

private:
    std::set<std::string> known_;
    std::deque<std::string> order_;
};

class ConnectionsImpl final : public Connections {
public:
    ConnectionsImpl(ConnectionsDeps deps, ConnectionsOptions options)
        : deps_(std::move(deps)),
          options_(options),
          dtus_(std::make_shared<DtuDoor>(*deps_.lanes.front(), deps_.metrics)) {}
    ~ConnectionsImpl() override {
        if (subscription_ != 0) deps_.registry.unsubscribe(subscription_);
        *alive_->lock() = nullptr;
    }

    void start() override {
        *alive_->lock() = this;
        subscription_ = deps_.registry.subscribe([this](const registry::Change& change) { on_change(change); });
        refresh();
        deps_.lanes.front()->post([dtus = dtus_] { dtus->begin(); });  // behind all that claim one now
    }

    void stop() override {
        stopping_ = true;
        auto entries = entries_.lock();
        for (const auto& [key, entry] : *entries) entry.lane->post([session = entry.session] { session->stop(); });
        deps_.lanes.front()->post([dtus = dtus_] { dtus->stop(); });
    }

    Result<io::Address> listen_for_dtus(const io::Address& address, const std::string& tenant) override {
        return dtus_->listen(address, tenant);
    }
    DtuStatus dtu_status() const override { return dtus_->status(); }

    std::vector<ConnectionStatus> connection_status(TenantId tenant) const override {
        std::vector<ConnectionStatus> items;
        auto entries = entries_.lock();
        for (const auto& [key, entry] : *entries)
            if (key.first == tenant) items.push_back(entry.session->connection_status());
        std::ranges::sort(items, {}, &ConnectionStatus::name);
        return items;
    }

    std::vector<DeviceStatus> device_status(TenantId tenant) const override {
        std::vector<DeviceStatus> items;
        const TimeNs now = deps_.lanes.front()->clock().now();
        auto entries = entries_.lock();
        for (const auto& [key, entry] : *entries) {
            if (key.first != tenant) continue;
            for (DeviceStatus& status : entry.session->device_status(now)) items.push_back(std::move(status));
        }
        std::ranges::sort(items, {}, &DeviceStatus::name);
        return items;
    }

    void test(TenantId tenant, const std::string& connection, std::function<void(Result<TestReport>)> done) override;
    void write(Command command, CommandDone done) override;

private:
    using Key = std::pair<TenantId, std::string>;  // tenant and uid of the connection
    struct Entry {
        io::Loop* lane = nullptr;
        std::shared_ptr<PollSession> session;
        LinkConfig config;
    };
    using Entries = std::map<Key, Entry>;

    void on_change(const registry::Change& change);
    void refresh();
    void update(Entries& entries, LinkConfig config, const std::string& tenant);
    void add_secrets(LinkConfig& config);
    void test_in_place(LinkConfig config, const Entry& entry, std::function<void(Result<TestReport>)> done);
    Result<WriteJob> prepare(const Command& command, Entry& entry);
    void record(const Command& command, Result<CommandResult> result, const CommandDone& done);

    ConnectionsDeps deps_;
    const ConnectionsOptions options_;
    const std::shared_ptr<DtuDoor> dtus_;
    std::uint64_t subscription_ = 0;
    std::atomic<bool> stopping_ = false, refresh_posted_ = false;
    std::atomic<std::uint64_t> sessions_made_ = 0;
    mutable Guarded<Entries> entries_;
    Guarded<std::map<TenantId, CommandIds>> ids_;
    Guarded<std::shared_ptr<const UaIdentity>> ua_identity_;  // null: nobody wanted it yet
    // For posts that may run when this is gone: the pointer is null then.
    std::shared_ptr<Guarded<ConnectionsImpl*>> alive_ = std::make_shared<Guarded<ConnectionsImpl*>>();
};

void ConnectionsImpl::on_change(const registry::Change& change) {
    static constexpr std::string_view kWatched[] = {"connection", "device_type", "device", "tenant"};
    if (std::ranges::find(kWatched, change.resource.kind) == std::end(kWatched)) return;
    if (stopping_ || refresh_posted_.exchange(true)) return;  // one look at the registry serves many changes
    deps_.lanes.front()->post([alive = alive_] {
        auto self = alive->lock();
        if (*self != nullptr) (*self)->refresh();
    });
}

// Brings the sessions in line with the registry. A connection whose own configuration did not change is not touched.
void ConnectionsImpl::refresh() {
    refresh_posted_ = false;
    if (stopping_) return;
    auto entries = entries_.lock();
    std::set<Key> wanted;
    for (const auto& [tenant, name] : deps_.registry.tenants()) {
        for (LinkConfig& config : link_configs(deps_.registry, tenant)) {
            add_secrets(config);
            wanted.emplace(tenant, config.uid);
            update(*entries, std::move(config), name);
        }
    }
    std::erase_if(*entries, [&](const auto& item) {
        if (wanted.contains(item.first)) return false;
        item.second.lane->post([session = item.second.session] { session->end(); });
        return true;
    });
}

// What does not stand in the resource itself.
void ConnectionsImpl::add_secrets(LinkConfig& config) {
    OpcuaSettings& opcua = config.opcua;
    if (!opcua.user.empty() || !config.http.user.empty()) {
        auto password = deps_.registry.secret(config.tenant, "connection", config.name, "password");
        if (password) (opcua.user.empty() ? config.http.password : opcua.password) = std::move(*password);
    }
    if (config.language != Language::opcua || (opcua.mode == UaMode::none && opcua.user.empty())) return;
    auto known = ua_identity_.lock();
    if (*known == nullptr && deps_.ua_identity) {
        auto identity = deps_.ua_identity();
        if (identity)
            *known = std::move(*identity);
        else
            log_error("connect", "{}", identity.error().text());
    }
    opcua.identity = *known;
}

void ConnectionsImpl::update(Entries& entries, LinkConfig config, const std::string& tenant) {
    Entry& entry = entries[{config.tenant, config.uid}];
    const bool dialled_in = config.way == Way::dialled_in;
    if (entry.session != nullptr && dialled_in != (entry.config.way == Way::dialled_in)) {
        // DTUs dial in on one lane, and a stream stays on its own.
        entry.lane->post([session = entry.session] { session->stop(); });
        entry.session.reset();
    }
    if (entry.session != nullptr) {
        if (entry.config == config) return;
        entry.config = config;
        entry.lane->post([session = entry.session, config = std::move(config)]() mutable {
            session->reconfigure(std::move(config));
        });
        return;
    }
    const std::uint64_t number = sessions_made_++;
    entry.lane = dialled_in ? deps_.lanes.front() : deps_.lanes[number % deps_.lanes.size()];
    entry.config = config;
    SessionDeps session{
        *entry.lane,    deps_.tags, deps_.sink, deps_.reader, deps_.may_connect, options_, options_.seed + number,
        &deps_.metrics, dtus_,      tenant};
    entry.session = std::make_shared<PollSession>(std::move(session), std::move(config));
    entry.lane->post([session = entry.session] { session->start(); });
}

void ConnectionsImpl::test(TenantId tenant, const std::string& connection,
                           std::function<void(Result<TestReport>)> done) {
    // From the registry and not from the sessions: a connection that was just saved can be tested at once.
    for (LinkConfig& config : link_configs(deps_.registry, tenant)) {
        if (config.name != connection) continue;
        add_secrets(config);
        {
            auto entries = entries_.lock();
            const auto entry = entries->find({tenant, config.uid});
            constexpr Language kManyLinks[] = {Language::http, Language::mtconnect, Language::opcua};
            const bool is_modbus_tcp =
                config.way == Way::tcp && config.language == Language::modbus && config.framing == Framing::mbap;
            const bool takes_many =
                is_modbus_tcp || std::ranges::find(kManyLinks, config.language) != std::end(kManyLinks);
            if (!takes_many && entry != entries->end())
                return test_in_place(std::move(config), entry->second, std::move(done));
        }
        io::Loop* lane = deps_.lanes[std::hash<std::string>{}(config.uid) % deps_.lanes.size()];
        lane->post(
            [lane, may_connect = deps_.may_connect, config = std::move(config), done = std::move(done)]() mutable {
                std::make_shared<LinkTestRun>(
                    *lane, may_connect, std::move(config),
                    [done](Result<TestReport> report, std::unique_ptr<io::Stream>, bool) { done(std::move(report)); })
                    ->start(nullptr);
            });
        return;
    }
    deps_.lanes.front()->post([connection, done = std::move(done)] {
        done(Error{Code::not_found, "there is no connection {} that can be tested: only those that are polled can",
                   connection});
    });
}

// A line has room for one master alone: the session lets go of it meanwhile.
void ConnectionsImpl::test_in_place(LinkConfig config, const Entry& entry,
                                    std::function<void(Result<TestReport>)> done) {
    io::Loop* const lane = entry.lane;
    lane->post([lane, session = entry.session, may_connect = deps_.may_connect, config = std::move(config),
                done = std::move(done)] {
        session->pause([=](Result<PollSession::Paused> paused) {
            if (!paused) return done(std::move(paused).error());
            std::make_shared<LinkTestRun>(*lane, may_connect, config,
                                          [=](Result<TestReport> report, std::unique_ptr<io::Stream> back, bool is_owed) {
                                              session->resume(std::move(back), is_owed);
                                              done(std::move(report));
                                          })
                ->start(std::move(paused->stream), paused->quiet_for);
        });
    });
}

Result<WriteJob> ConnectionsImpl::prepare(const Command& command, Entry& entry) {
    const auto device = std::ranges::find(entry.config.devices, command.device, &DeviceConfig::path);
    const auto property = std::ranges::find(device->properties, command.property, &PropertyConfig::name);
    if (property == device->properties.end())
        return Error{Code::not_found, "device {} has no property {} with an address", command.device, command.property};
    const std::unique_ptr<Driver> driver = make_driver(entry.config);
    // What can never be written is told before what somebody may allow.
    if (const auto writes = driver->check_writes(); !writes) return Error{Code::denied, "{}", writes.error().text()};
    if (!property->writable) return not_writable(*property);
    if (!entry.config.writes_enabled)
        return Error{Code::denied, "writes are off for connection {}: an engineer can set writes_enabled",
                     entry.config.name};
    if (!entry.config.enabled || !device->enabled)
        return Error{Code::unavailable, "device {} is switched off", command.device};
    WriteJob job;
    job.device_uid = device->uid;
    job.property = command.property;
    job.value = TRY(check_value(*property, command.value));
    if (const auto fits = driver->check_write(*device, *property, job.value); !fits) {
        // Code::limit is for a queue that is full: this value will not fit later either.
        const bool too_big = fits.error().code() == Code::limit;
        return too_big ? Error{Code::invalid, "{}", fits.error().text()} : fits.error();
    }
    job.expires = command.expires;
    return job;
}

void ConnectionsImpl::write(Command command, CommandDone done) {
    if (stopping_)
        return record(command, Error{Code::unavailable, "the platform is stopping: nothing was written"}, done);
    if (command.id.empty()) return record(command, Error{Code::invalid, "a command needs an id"}, done);
    auto entries = entries_.lock();
    for (auto& [key, entry] : *entries) {
        if (key.first != command.tenant ||
            std::ranges::find(entry.config.devices, command.device, &DeviceConfig::path) == entry.config.devices.end())
            continue;
        auto job = prepare(command, entry);
        if (!job) return record(command, std::move(job).error(), done);
        // Only what would be executed uses up its id: a refused command may be corrected and sent again.
        if (!(*ids_.lock())[command.tenant].add(command.id, options_.command_ids_kept))
            return record(command, Error{Code::exists, "command {} was executed or tried already", command.id}, done);
        job->done = [alive = alive_, command, done](Result<CommandResult> result) {
            if (result) result->id = command.id;
            auto self = alive->lock();
            if (*self != nullptr) return (*self)->record(command, std::move(result), done);
            done(std::move(result));
        };
        entry.lane->post(
            [session = entry.session, job = std::move(*job)]() mutable { session->write(std::move(job)); });
        return;
    }
    record(command, Error{Code::not_found, "no device {} hangs on a connection that can write", command.device}, done);
}

// The answer leaves when its record is durable; if it cannot be made so, the answer says that as well.
void ConnectionsImpl::record(const Command& command, Result<CommandResult> result, const CommandDone& done) {
    Event event = command_event(command, result, deps_.lanes.front()->clock().now());
    log_info("connect", "command {} by {}: {} -> {}", command.id, command.who, event.subject, event.body);
    deps_.sink.append_event(
        std::move(event), Durability::sync, [result = std::move(result), done](Result<EventId> logged) mutable {
            if (!logged && result)
                result->error +=
                    (result->error.empty() ? "" : "; ") + ("no record could be kept: " + logged.error().text());
            done(std::move(result));
        });
}

}  // namespace

std::string_view to_string(LinkState state) {
    static constexpr std::string_view kNames[] = {"off", "connecting", "up", "backing_off", "waiting"};
    return kNames[static_cast<std::size_t>(state)];
}

std::string_view to_string(DeviceState state) {
    static constexpr std::string_view kNames[] = {"online", "stale", "offline", "off"};
    return kNames[static_cast<std::size_t>(state)];
}

Result<std::unique_ptr<Connections>> Connections::create(ConnectionsDeps deps, ConnectionsOptions options) {
    if (deps.lanes.empty()) return Error{Code::invalid, "connections need at least one lane"};
    if (!deps.may_connect) return Error{Code::invalid, "connections need a target policy"};
    return std::make_unique<ConnectionsImpl>(std::move(deps), options);
}

}  // namespace gongshu::connect
