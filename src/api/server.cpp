#include <algorithm>

#include "api/api.h"
#include "api/column_memory.h"
#include "api/connection.h"
#include "api/handlers.h"
#include "api/hub.h"
#include "api/line_memory.h"
#include "api/sql_askers.h"
#include "api/sql_door.h"
#include "base/assert.h"
#include "base/log.h"
#include "history/usage.h"
#include "io/crypto.h"

namespace gongshu::api {

// ---- Core -----------------------------------------------------------------------------------------------------------

Core::Core(const ApiDeps& deps, ApiOptions options)
    : deps(deps), options(std::move(options)), started(deps.loop.clock().now()) {
    std::uint8_t bytes[4];
    io::random_bytes(bytes);
    instance_ = to_hex(bytes);
}

Core::~Core() = default;

void Core::forget_targets() {
    auto targets = this->targets.lock();
    targets->known.clear();
    ++targets->generation;
}

std::string Core::next_id() { return fmt::format("{}-{}", instance_, ++next_id_); }

// ---- Hub ------------------------------------------------------------------------------------------------------------

Hub::Hub(std::shared_ptr<Core> shared)
    : core(std::move(shared)),
      at_once_(core->deps.metrics.counter("gongshu_http_answers_at_once_total",
                                          "HTTP answers to reads that were short enough to wait for nobody")),
      turn_(core->deps.loop) {
    for (int digit = 1; digit <= 5; ++digit) {
        answers_[digit] =
            &core->deps.metrics.counter("gongshu_http_answers_total", "HTTP answers by first digit of the status",
                                        fmt::format("status=\"{}xx\"", digit));
    }
}

void Hub::count_answer(int status) { answers_[std::clamp(status / 100, 1, 5)]->add(); }

void Hub::add(std::shared_ptr<Connection> connection) {
    Connection* const key = connection.get();
    connections_.emplace(key, std::move(connection));
}

void Hub::remove(Connection* connection) { connections_.erase(connection); }

Result<void> Hub::admit_long_session() const {
    if (sessions_.size() < core->options.live_sessions_max) return {};
    return Error{Code::unavailable, "{} live sessions are open, the limit of this server: close some pages",
                 sessions_.size()};
}

void Hub::add(std::shared_ptr<LongSession> session) {
    LongSession* const key = session.get();
    sessions_.emplace(key, std::move(session));
    core->deps.live.watch(true);
}

void Hub::remove(LongSession* session) {
    sessions_.erase(session);
    if (sessions_.empty()) core->deps.live.watch(false);
}

bool Hub::promise_body(std::uint64_t bytes) {
    if (promised_bytes_ + bytes > core->options.bodies_bytes_max) return false;
    promised_bytes_ += bytes;
    return true;
}

bool Hub::promise_body_to_stranger(const std::string& from, std::uint64_t bytes) {
    const std::uint64_t all_max = core->options.bodies_bytes_max / 2, address_max = all_max / 2;
    const auto found = strangers_.find(from);
    const std::uint64_t already = found == strangers_.end() ? 0 : found->second;
    if (already + bytes > address_max || promised_to_strangers_ + bytes > all_max) return false;
    if (!promise_body(bytes)) return false;
    promised_to_strangers_ += bytes;
    strangers_[from] += bytes;
    return true;
}

void Hub::forget_body_of_stranger(const std::string& from, std::uint64_t bytes) {
    forget_body(bytes);
    promised_to_strangers_ -= bytes;
    const auto found = strangers_.find(from);
    if (found != strangers_.end() && (found->second -= bytes) == 0) strangers_.erase(found);
}

Result<void> Hub::start_job(TenantId tenant, std::function<void()> job) {
    std::uint32_t& running = jobs_[tenant];
    if (tenant && running >= core->options.requests_of_tenant_max) {
        return Error{Code::limit, "{} requests of your tenant are at work, its limit: try again when some are done",
                     running};
    }
    if (!core->deps.pool.submit(std::move(job)))
        return Error{Code::unavailable, "the server has too much to do: try again in a moment"};
    ++running;
    return {};
}

void Hub::end_job(TenantId tenant) {
    const auto found = jobs_.find(tenant);
    if (found != jobs_.end() && --found->second == 0) jobs_.erase(found);
}

void Hub::tick() {
    connections_json_.clear();
    if (sessions_.empty()) return;
    std::unordered_set<std::uint64_t> dirty;
    const bool whole = core->deps.live.drain([&](TagId tag) { dirty.insert(tag.value); });
    const auto sessions = sessions_;  // a session may end itself
    for (const auto& [key, session] : sessions) {
        session->on_dirty(dirty, !whole);
        session->tick();
    }
}

void Hub::check_deadlines() {
    const DurationNs now = core->clock().monotonic();
    std::vector<std::shared_ptr<Connection>> connections;
    connections.reserve(connections_.size());
    for (const auto& [key, connection] : connections_) connections.push_back(connection);
    for (const auto& connection : connections) connection->check_deadline(now);
    const TimeNs wall = core->clock().now();
    end_all([wall](const registry::Principal& who) { return who.expires != 0 && wall >= who.expires; },
            "the validity of this session or token has ended");
}

void Hub::on_change(const std::shared_ptr<const registry::Change>& change) {
    if (change->resource.kind == "device") tag_infos_.clear();
    const auto sessions = sessions_;
    for (const auto& [key, session] : sessions) session->on_change(change);
}

void Hub::on_alarm(const std::shared_ptr<const flow::Alarm>& alarm) {
    const auto sessions = sessions_;
    for (const auto& [key, session] : sessions) session->on_alarm(alarm);
}

void Hub::on_revoked(TenantId tenant, const std::string& who) {
    const bool at_home = core->deps.registry.tenant_name(tenant) == "default";
    const auto gone = [&](const registry::Principal& principal) {
        const registry::Actor& actor = principal.actor;
        if (who.starts_with(registry::kRevokedSession))
            return who.substr(registry::kRevokedSession.size()) == principal.csrf;
        const bool named = actor.tenant == tenant && (who == "*" || actor.who == who);
        // An administrator of the tenant default who acts in another one (?tenant=).
        const bool away = at_home && (who == "*" ? actor.who.ends_with("@default") : actor.who == who + "@default");
        return named || away;
    };
    end_all(gone, who.starts_with(registry::kRevokedSession) ? "this session was signed out"
                                                             : "the rights of " + who + " were changed");
}

void Hub::end_all(const std::function<bool(const registry::Principal&)>& gone, const std::string& why) {
    const auto sessions = sessions_;  // they take themselves out
    for (const auto& [key, session] : sessions)
        if (gone(session->who())) session->lose_rights(why);
    const auto connections = connections_;
    for (const auto& [key, connection] : connections)
        if (const auto* const reader = connection->reader_of_pieces(); reader && gone(*reader)) connection->close();
}

void Hub::close_all() {
    const auto connections = connections_;
    for (const auto& [key, connection] : connections) connection->close();
    const auto sessions = sessions_;
    for (const auto& [key, session] : sessions) session->close();
}

const TagInfo* Hub::tag_info(TagId tag) {
    const auto found = tag_infos_.find(tag.value);
    if (found != tag_infos_.end()) return &found->second;
    auto info = core->deps.tags.info(tag);
    if (!info) return nullptr;
    if (tag_infos_.size() >= kTagInfosMax) tag_infos_.clear();
    return &tag_infos_.emplace(tag.value, std::move(*info)).first->second;
}

const std::string& Hub::connections_json(TenantId tenant, const std::string& language) {
    std::string& json = connections_json_[{tenant, language}];
    if (json.empty()) {
        JsonWriter out{json};
        write_connections(out, core->deps.connections.connection_status(tenant), Units{kMillisecond}, language);
    }
    return json;
}

// ---- Server ---------------------------------------------------------------------------------------------------------

namespace {

constexpr DurationNs kTick = 250 * kMillisecond;
constexpr DurationNs kDeadlineTick = kSecond;
constexpr DurationNs kSampleTick = 5 * kSecond;

class HttpServer final : public Server {
public:
    HttpServer(const ApiDeps& deps, ApiOptions options)
        : hub_(std::make_shared<Hub>(std::make_shared<Core>(deps, std::move(options)))) {}

    ~HttpServer() override {
        stop();
        const ApiDeps& deps = hub_->core->deps;
        deps.registry.unsubscribe(changes_);
        deps.auth.forget(revocations_);
        deps.flow.alarms().unsubscribe(alarms_);
    }

    void begin() {
        const ApiDeps& deps = hub_->core->deps;
        if (deps.sql != nullptr) add_sql_tables(hub_->core);
        changes_ = deps.registry.subscribe(
            [&loop = deps.loop, core = hub_->core, hub = hub_->weak()](const registry::Change& change) {
                const std::string& kind = change.resource.kind;
                if (kind == "device" || kind == "device_type" || kind == "tag_alias") core->forget_targets();
                loop.post([hub, shared = std::make_shared<const registry::Change>(change)] {
                    if (const auto alive = hub.lock()) alive->on_change(shared);
                });
            });
        revocations_ =
            deps.auth.on_revoked([&loop = deps.loop, hub = hub_->weak()](TenantId tenant, const std::string& who) {
                loop.post([hub, tenant, who] {
                    if (const auto alive = hub.lock()) alive->on_revoked(tenant, who);
                });
            });
        alarms_ = deps.flow.alarms().subscribe(
            [&loop = deps.loop, hub = hub_->weak()](const flow::Alarm& alarm, std::string_view) {
                loop.post([hub, shared = std::make_shared<const flow::Alarm>(alarm)] {
                    if (const auto alive = hub.lock()) alive->on_alarm(shared);
                });
            });
        repeat(kTick, [](Hub& hub) { hub.tick(); });
        repeat(kDeadlineTick, [](Hub& hub) { hub.check_deadlines(); });
        repeat(kSampleTick,
               [](Hub& hub) { std::ignore = hub.core->deps.pool.submit([core = hub.core] { sample_rates(*core); }); });
    }

    Result<io::Address> listen(const io::Address& address, const io::ListenOptions& options) override {
        auto listener = TRY(hub_->core->deps.loop
                                .listen(address, options,
                                        [hub = hub_->weak()](std::unique_ptr<io::Stream> stream) {
                                            const auto alive = hub.lock();
                                            if (!alive) return;
                                            auto connection = std::make_shared<Connection>(*alive, std::move(stream));
                                            alive->add(connection);
                                            connection->start();
                                        })
                                .context("cannot listen for HTTP on {}", to_string(address)));
        listeners_.push_back(std::move(listener));
        return listeners_.back()->address();
    }

    void set_listeners(std::map<std::string, std::string> listeners) override {
        *hub_->core->listeners.lock() = std::move(listeners);
    }

    void set_authority(std::string certificate_pem) override {
        *hub_->core->authority.lock() = std::move(certificate_pem);
    }

    const std::shared_ptr<Core>& core() const { return hub_->core; }

    void stop() override {
        listeners_.clear();
        history::storage_of(hub_->core->deps.history).close_checks();
        hub_->close_all();
    }

private:
    void repeat(DurationNs every, void (*work)(Hub&)) { repeat_on(hub_->core->deps.loop, hub_->weak(), every, work); }

    static void repeat_on(io::Loop& loop, std::weak_ptr<Hub> hub, DurationNs every, void (*work)(Hub&)) {
        loop.after(every, [&loop, hub, every, work] {
            const auto alive = hub.lock();
            if (!alive) return;
            work(*alive);
            repeat_on(loop, hub, every, work);
        });
    }

    std::shared_ptr<Hub> hub_;
    std::vector<std::unique_ptr<io::Listener>> listeners_;
    std::uint64_t changes_ = 0, revocations_ = 0, alarms_ = 0;
};

}  // namespace

SqlAskers sql_askers(Server& server, std::string_view door) {
    const auto* const own = dynamic_cast<HttpServer*>(&server);
    ASSERT(own);
    return [core = own->core(), door](const registry::Principal& who, std::string purpose) {
        return sql_asker(core, who, door, std::move(purpose));
    };
}

Result<std::unique_ptr<Server>> Server::create(const ApiDeps& deps, ApiOptions options) {
    auto server = std::make_unique<HttpServer>(deps, std::move(options));
    server->begin();
    return server;
}

}  // namespace gongshu::api
