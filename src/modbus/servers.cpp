#include "modbus/servers.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "base/log.h"
#include "modbus/session.h"

namespace gongshu::modbus {

namespace {

// Server is one listener with its sessions. Loop only.
class Server : public std::enable_shared_from_this<Server> {
public:
    explicit Server(std::shared_ptr<ServerWorld> world) : world_(std::move(world)) {}

    // Masters stay, unless they may not ask any more or the port is another one.
    void take_over(BuiltServer built) {
        const auto& now = world_->built.spec;
        const bool same_port = now.host == built.spec.host && now.port == built.spec.port;
        world_->built = std::move(built);
        if (!world_->built.spec.enabled || !same_port) shut();
        const auto sessions = sessions_;
        for (const auto& session : sessions)
            if (!may_ask(world_->built, session->host())) session->close();
        if (world_->built.spec.enabled && !listener_)
            open();
        else
            tell_state();
    }

    void open() {
        const auto& spec = world_->built.spec;
        next_try_ = world_->deps.loop.clock().monotonic() + world_->options.listen_again;
        const io::ListenOptions options{.streams_max = spec.masters_max + 16u, .keep_alive = kMinute};
        const auto on_accept = [weak = weak_from_this()](std::unique_ptr<io::Stream> stream) {
            if (const auto self = weak.lock()) self->accept(std::move(stream));
        };
        auto listener = world_->deps.loop.listen({spec.host, spec.port}, options, on_accept);
        problem_ = listener ? "" : listener.error().text();
        if (listener)
            listener_ = std::move(*listener);
        else
            log_warning("modbus", "server {} cannot listen: {}", world_->built.name, problem_);
        tell_state();
    }

    void shut() {
        listener_.reset();
        problem_.clear();
        const auto sessions = std::exchange(sessions_, {});
        for (const auto& session : sessions) session->close();
        tell_state();
    }

    void accept(std::unique_ptr<io::Stream> stream) {
        const std::string host = stream->peer().host;
        const bool allowed = may_ask(world_->built, host);
        if (!allowed || sessions_.size() >= world_->built.spec.masters_max) {
            auto told = world_->told->lock();
            ++told->turned_away;
            told->last_error = allowed ? fmt::format("{} was turned away: there are {} masters already", host, sessions_.size())
                                       : fmt::format("{} was turned away: it is none of the masters that may ask", host);
            told->last_error_at = world_->deps.loop.clock().now();
            return;
        }
        const auto session = std::make_shared<Session>(world_, std::move(stream));
        sessions_.insert(session);
        session->start([weak = weak_from_this(), raw = std::weak_ptr(session)] {
            const auto self = weak.lock();
            if (const auto gone = raw.lock(); self && gone) self->sessions_.erase(gone);
        });
    }

    // Once a second.
    void tick() {
        const auto sessions = sessions_;
        for (const auto& session : sessions)
            if (session->idle() > std::int64_t{world_->built.spec.idle_timeout_s} * kSecond) session->close();
        if (!listener_ && world_->built.spec.enabled && world_->deps.loop.clock().monotonic() >= next_try_) open();
        const auto& entries = world_->built.map->entries();
        for (std::size_t i = 0; i < entries.size(); ++i)
            if (entries[i].when_bad == registry::WhenBad::last) std::ignore = world_->look(i);
        if (world_->bytes_out != 0)
            world_->deps.egress.left(world_->built.tenant, kDoorName, std::exchange(world_->rows_out, 0),
                                     std::exchange(world_->bytes_out, 0));
        tell_masters();
    }

private:
    void tell_state() {
        const auto& built = world_->built;
        const ServerState state = listener_ ? ServerState::listening : problem_.empty() ? ServerState::off : ServerState::failed;
        auto told = world_->told->lock();
        if (told->since == 0 || told->state != state) told->since = world_->deps.loop.clock().now();
        told->state = state;
        told->name = built.name;
        told->address = io::to_string(io::Address{built.spec.host, built.spec.port});
        told->problem = problem_;
        told->entries = built.map->entries().size();
        told->faults = built.faults;
    }
    void tell_masters() {
        std::vector<MasterStatus> masters;
        for (const auto& session : sessions_) masters.push_back(session->status());
        std::ranges::sort(masters, {}, &MasterStatus::since);
        world_->told->lock()->masters = std::move(masters);
    }

    const std::shared_ptr<ServerWorld> world_;
    std::unique_ptr<io::Listener> listener_;
    std::string problem_;
    DurationNs next_try_ = 0;
    std::set<std::shared_ptr<Session>> sessions_;
};

class Impl final : public Servers, public std::enable_shared_from_this<Impl> {
public:
    Impl(ServersDeps deps, ServersOptions options) : deps_(std::move(deps)), options_(options) {}
    ~Impl() override { close(); }

    void start() override {
        subscription_ = deps_.registry.subscribe([weak = weak_from_this()](const registry::Change& change) {
            static constexpr std::string_view kWatched[] = {"modbus_server", "device", "device_type", "tag_alias", "tenant"};
            const auto self = weak.lock();
            if (self && std::ranges::find(kWatched, change.resource.kind) != std::end(kWatched)) self->refresh_later();
        });
        refresh_later();
        deps_.loop.post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->tick();
        });
    }
    void stop() override {
        close();
        for (const auto& [uid, server] : servers_) server->shut();
        servers_.clear();
    }

    std::vector<ServerStatus> status(TenantId tenant) const override {
        std::vector<std::pair<std::shared_ptr<Guarded<ServerStatus>>, std::shared_ptr<const ServedMap>>> all;
        {
            auto told = told_.lock();
            for (const auto& [uid, one] : *told)
                if (one.tenant == tenant) all.emplace_back(one.status, one.map);
        }
        std::vector<ServerStatus> items;
        const TimeNs now = deps_.loop.clock().now();
        for (const auto& [status, map] : all) {
            ServerStatus item = *status->lock();
            for (const MapEntry& entry : map->entries()) item.bad += look_at(deps_, entry, now).usable ? 0 : 1;
            items.push_back(std::move(item));
        }
        std::ranges::sort(items, {}, &ServerStatus::name);
        return items;
    }

private:
    struct Told {
        TenantId tenant;
        std::shared_ptr<Guarded<ServerStatus>> status;
        std::shared_ptr<const ServedMap> map;
    };

    void close() {
        if (stopped_.exchange(true)) return;
        if (subscription_ != 0) deps_.registry.unsubscribe(subscription_);
    }

    void refresh_later() {
        if (stopped_ || refreshing_.exchange(true)) return;
        const bool taken = deps_.pool.submit([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->refresh();
        });
        if (!taken) refreshing_ = false;  // tick() tries again
        if (!taken) wanted_ = true;
    }

    // Looks at the registry on the pool; what comes of it is taken over on the loop, in that order.
    void refresh() {
        const std::lock_guard lock{building_};
        refreshing_ = false;  // a change from here on is looked at anew
        if (stopped_) return;
        auto built = std::make_shared<std::vector<BuiltServer>>(build_servers(deps_.registry, deps_.tags, deps_.egress, decisions_));
        deps_.loop.post([weak = weak_from_this(), built] {
            if (const auto self = weak.lock()) self->take_over(*built);
        });
    }

    void take_over(std::vector<BuiltServer>& built) {
        if (stopped_) return;
        std::set<std::string> wanted;
        waits_ = false;
        for (const BuiltServer& one : built) wanted.insert(one.uid);
        // Those that end first: another one may want their port.
        for (auto it = servers_.begin(); it != servers_.end();) {
            if (wanted.contains(it->first)) {
                ++it;
                continue;
            }
            it->second->shut();
            it = servers_.erase(it);
        }
        std::erase_if(*told_.lock(), [&](const auto& item) { return !wanted.contains(item.first); });
        for (BuiltServer& one : built) {
            waits_ |= one.waits && one.spec.enabled;
            const std::string uid = one.uid;
            auto& server = servers_[uid];
            const auto tenant = one.tenant;
            const auto map = one.map;
            if (!server) {
                const std::string labels = fmt::format("tenant=\"{}\",server=\"{}\"", tenant.value, uid);
                const auto world = std::make_shared<ServerWorld>(ServerWorld{
                    deps_, options_, one, {}, deps_.metrics.counter("gongshu_modbus_requests_total", "Requests of Modbus masters.", labels),
                    deps_.metrics.counter("gongshu_modbus_exceptions_total", "… that were answered with an exception.", labels)});
                server = std::make_shared<Server>(world);
                (*told_.lock())[uid] = {tenant, world->told, map};
            } else {
                (*told_.lock())[uid].map = map;
            }
            server->take_over(std::move(one));
        }
    }

    void tick() {
        if (stopped_) return;
        for (const auto& [uid, server] : servers_) server->tick();
        const DurationNs now = deps_.loop.clock().monotonic();
        if (wanted_.exchange(false) || (waits_ && now >= look_again_)) {
            look_again_ = now + options_.look_again;
            refresh_later();
        }
        deps_.loop.after(kSecond, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->tick();
        });
    }

    const ServersDeps deps_;
    const ServersOptions options_;
    std::uint64_t subscription_ = 0;
    std::atomic<bool> stopped_ = false, refreshing_ = false, wanted_ = false;
    std::mutex building_;
    Decisions decisions_;  // under building_
    mutable Guarded<std::map<std::string, Told>> told_;
    // Loop only.
    std::map<std::string, std::shared_ptr<Server>> servers_;
    bool waits_ = false;
    DurationNs look_again_ = 0;
};

}  // namespace

std::string_view to_string(ServerState state) {
    static constexpr std::string_view kNames[] = {"off", "listening", "failed"};
    return kNames[static_cast<std::size_t>(state)];
}

std::shared_ptr<Servers> Servers::create(ServersDeps deps, ServersOptions options) {
    return std::make_shared<Impl>(std::move(deps), options);
}

}  // namespace gongshu::modbus
