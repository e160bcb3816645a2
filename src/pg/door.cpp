#include "pg/door.h"

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "pg/hub.h"
#include "pg/session.h"

namespace gongshu::pg {

Hub::Hub(const DoorDeps& door_deps, DoorOptions door_options)
    : deps(door_deps),
      options(std::move(door_options)),
      statements(deps.metrics.counter("gongshu_pg_statements_total", "Statements that came by the PostgreSQL door.")),
      failures(deps.metrics.counter("gongshu_pg_failures_total", "… and were refused or failed.")),
      open(deps.metrics.gauge("gongshu_pg_sessions", "Sessions that are open at the PostgreSQL door.")),
      upgrades(deps.loop) {}

void Hub::accept(std::unique_ptr<io::Stream> stream) {
    // One more than the limit may come in to be told so; the listener's own limit ends what is beyond.
    do ++last_;
    while (last_ == 0 || sessions_.contains(last_));
    const auto session = std::make_shared<Session>(*this, std::move(stream), last_);
    sessions_.emplace(last_, session);
    open.set(static_cast<double>(sessions_.size()));
    session->start();
}

void Hub::remove(std::uint32_t process) {
    sessions_.erase(process);
    open.set(static_cast<double>(sessions_.size()));
}

std::shared_ptr<Session> Hub::find(std::uint32_t process, std::uint32_t key) const {
    const auto found = sessions_.find(process);
    return found != sessions_.end() && found->second->key() == key ? found->second : nullptr;
}

std::size_t Hub::count_of(TenantId tenant, const std::string& who) const {
    return static_cast<std::size_t>(std::ranges::count_if(sessions_, [&](const auto& item) {
        const registry::Principal* const principal = item.second->who();
        return principal && principal->actor.tenant == tenant && principal->actor.who == who;
    }));
}

std::size_t Hub::unsigned_of(const std::string& address) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        sessions_, [&](const auto& item) { return !item.second->who() && item.second->from() == address; }));
}

void Hub::check_deadlines() {
    const auto sessions = sessions_;  // one may end itself
    for (const auto& [process, session] : sessions) session->check_deadline();
}

void Hub::on_revoked(TenantId tenant, const std::string& who) {
    const auto sessions = sessions_;
    for (const auto& [process, session] : sessions) {
        const registry::Principal* const principal = session->who();
        if (principal && principal->actor.tenant == tenant && (who == "*" || principal->actor.who == who))
            session->end("57P01", "the rights of " + who + " were changed: sign in again");
    }
}

void Hub::close_all() {
    const auto sessions = sessions_;
    for (const auto& [process, session] : sessions) session->end("57P01", "the server is stopping");
}

namespace {

class PgDoor final : public Door {
public:
    PgDoor(const DoorDeps& deps, DoorOptions options) : hub_(std::make_shared<Hub>(deps, std::move(options))) {}
    PgDoor(const PgDoor&) = delete;
    PgDoor& operator=(const PgDoor&) = delete;
    ~PgDoor() override {
        stop();
        hub_->deps.auth.forget(revocations_);
    }

    void begin() {
        io::Loop& loop = hub_->deps.loop;
        revocations_ =
            hub_->deps.auth.on_revoked([&loop, weak = hub_->weak_from_this()](TenantId tenant, const std::string& who) {
                loop.post([weak, tenant, who] {
                    if (const auto hub = weak.lock()) hub->on_revoked(tenant, who);
                });
            });
        tick(loop, hub_->weak_from_this());
    }

    Result<io::Address> listen(const io::Address& address) override {
        // Sessions that are over the limit are told so; far beyond it the listener closes at once.
        const io::ListenOptions options{.streams_max = hub_->options.sessions_max * 2 + 10};
        auto listener = TRY(hub_->deps.loop
                                .listen(address, options,
                                        [weak = hub_->weak_from_this()](std::unique_ptr<io::Stream> stream) {
                                            if (const auto hub = weak.lock()) hub->accept(std::move(stream));
                                        })
                                .context("cannot listen for PostgreSQL's protocol on {}", to_string(address)));
        listeners_.push_back(std::move(listener));
        return listeners_.back()->address();
    }

    std::size_t sessions() const override { return hub_->sessions(); }

    void stop() override {
        listeners_.clear();
        hub_->close_all();
    }

private:
    static void tick(io::Loop& loop, std::weak_ptr<Hub> weak) {
        loop.after(kSecond, [&loop, weak] {
            const auto hub = weak.lock();
            if (!hub) return;
            hub->check_deadlines();
            tick(loop, weak);
        });
    }

    std::shared_ptr<Hub> hub_;
    std::vector<std::unique_ptr<io::Listener>> listeners_;
    std::uint64_t revocations_ = 0;
};

}  // namespace

std::unique_ptr<Door> Door::create(const DoorDeps& deps, DoorOptions options) {
    auto door = std::make_unique<PgDoor>(deps, std::move(options));
    door->begin();
    return door;
}

}  // namespace gongshu::pg
