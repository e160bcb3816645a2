#include "notify/messages.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "base/log.h"
#include "registry/calendar_of.h"
#include "registry/message_table.h"

namespace gongshu::notify {
namespace {

using registry::CaseMark;
using registry::MessageCursor;

constexpr DurationNs kRefreshAgain = kMinute;  // after the registry could not be read
constexpr int kRoundsMax = 20;                 // of reading marks in one job; then others have their turn
constexpr std::string_view kKind = "message_hook";

// What is kept of one hook. Under the mutex of Impl.
struct Courier {
    enum class Doing : std::uint8_t { nothing, looking, sending, pausing };

    TenantId tenant;
    std::uint64_t revision = 0;
    std::shared_ptr<const Sender> sender;
    bool off = false;
    MessageCursor cursor;
    std::uint64_t position = 0;  // marks up to here were looked at; at least cursor.done
    bool unsaved = false;        // the cursor is ahead of the disk: nothing is sent until it is there
    Doing doing = Doing::nothing;
    bool again = false;  // something came while it was busy
    int failures = 0;    // in a row
    std::string problem;
    TimeNs problem_at = 0, next_try = 0;
    io::TimerId timer{};
};

struct Wait {
    std::string uid;
    CaseMark mark;
    Message message;
    std::shared_ptr<const Sender> sender;
};

class Impl final : public Messages, public std::enable_shared_from_this<Impl> {
public:
    Impl(const MessagesDeps& deps, MessagesOptions options)
        : deps_(deps), options_(std::move(options)), cases_(deps.registry), table_(deps.registry) {}

    // Once made; nothing is known of any hook before start().
    void follow() {
        deps_.cases.subscribe([weak = weak_from_this()](const cases::Case& one, const cases::Step&) {
            if (const auto self = weak.lock()) self->wake(one.tenant);
        });
        subscription_ = deps_.registry.subscribe([weak = weak_from_this()](const registry::Change& change) {
            const auto self = weak.lock();
            if (self && (change.resource.kind == kKind || change.resource.kind == "tenant")) self->refresh_later();
        });
    }

    void start(std::string link) override {
        {
            const std::lock_guard lock{mutex_};
            link_ = std::move(link);
        }
        refresh_later();
    }

    void stop() override {
        if (stopped_.exchange(true)) return;
        if (subscription_ != 0) deps_.registry.unsubscribe(subscription_);
    }

    Result<std::vector<HookStatus>> status(TenantId tenant, bool count_waiting) const override;
    void test(TenantId tenant, const std::string& name, std::function<void(Result<Delivered>)> done) override;

private:
    using Couriers = std::map<std::string, Courier>;  // by uid

    void job(std::function<void(Impl&)> work);
    void on_loop(std::function<void(Impl&)> work);
    void refresh_later();
    void refresh();
    Result<void> refresh_tenant(TenantId tenant, std::set<std::string>& there);
    Result<void> take_over(const registry::Resource& hook, const std::map<std::string, MessageCursor>& cursors);
    Result<std::shared_ptr<const Sender>> make_sender(const registry::Resource& hook) const;
    void wake(TenantId tenant);
    void look_later(const std::string& uid);
    void look(const std::string& uid);
    Result<std::optional<Wait>> next_of(const std::string& uid);
    Result<Message> compose_of(TenantId tenant, const Sender& sender, const CaseMark& mark) const;
    void send(Wait wait);
    void settle(const Wait& wait, const Result<Delivered>& result);
    // `tried`: with which settings it failed; other ones are tried at once.
    void pause(const std::string& uid, const Error& error, const Sender* tried = nullptr);
    void note_broken(const registry::Resource& hook, const Error& error);
    Result<void> save(const std::string& uid, const Courier& courier);
    Result<std::uint64_t> give_up(const Courier& courier, MessageCursor& cursor, TimeNs now) const;
    std::string link_of(const Sender& sender) const;
    DeliveryDoor door() const { return {deps_.loop, deps_.egress, deps_.may_connect, options_.delivery_max}; }
    TimeNs now() const { return deps_.loop.clock().now(); }

    const MessagesDeps deps_;
    const MessagesOptions options_;
    const registry::CaseTable cases_;
    registry::MessageTable table_;
    std::uint64_t subscription_ = 0;
    std::atomic<bool> stopped_ = false;
    std::atomic<std::uint32_t> tests_ = 0;

    mutable std::mutex mutex_;
    std::string link_;
    Couriers couriers_;
    bool refreshing_ = false, refresh_again_ = false;
};

// ---- who asks for messages
// -------------------------------------------------------------------------------------------

// A pool that is full or ending drops the job: what was not done is found again after a minute, or at the next start.
void Impl::job(std::function<void(Impl&)> work) {
    if (stopped_) return;
    const bool taken = deps_.pool.submit([weak = weak_from_this(), work] {
        if (const auto self = weak.lock(); self && !self->stopped_) work(*self);
    });
    if (taken || stopped_) return;
    on_loop([work = std::move(work)](Impl& self) {
        self.deps_.loop.after(kSecond, [weak = self.weak_from_this(), work] {
            if (const auto self = weak.lock()) self->job(work);
        });
    });
}

void Impl::on_loop(std::function<void(Impl&)> work) {
    deps_.loop.post([weak = weak_from_this(), work = std::move(work)] {
        if (const auto self = weak.lock(); self && !self->stopped_) work(*self);
    });
}

void Impl::refresh_later() {
    {
        const std::lock_guard lock{mutex_};
        refresh_again_ = true;
        if (std::exchange(refreshing_, true)) return;
    }
    job([](Impl& self) { self.refresh(); });
}

void Impl::refresh() {
    for (bool more = true; more;) {
        {
            const std::lock_guard lock{mutex_};
            refresh_again_ = false;
        }
        std::set<std::string> there;
        std::vector<std::string> names;
        Result<void> read;
        for (const auto& [tenant, name] : deps_.registry.tenants())
            if (auto done = refresh_tenant(tenant, there); !done) read = std::move(done);
        if (!read) {
            log_error("notify", "message hooks could not be read, once more in a minute: {}", read.error().text());
            on_loop([](Impl& self) {
                self.deps_.loop.after(kRefreshAgain, [weak = self.weak_from_this()] {
                    if (const auto self = weak.lock()) self->refresh_later();
                });
            });
        }
        const std::lock_guard lock{mutex_};
        std::erase_if(couriers_, [&](const auto& one) { return !there.contains(one.first); });
        for (const auto& [uid, courier] : couriers_) names.push_back(uid);
        for (const std::string& uid : names) job([uid](Impl& self) { self.look_later(uid); });
        more = refresh_again_;
        refreshing_ = more;
    }
}

Result<void> Impl::refresh_tenant(TenantId tenant, std::set<std::string>& there) {
    const auto hooks = deps_.registry.list_shared(tenant, kKind);
    for (const auto& hook : hooks) there.insert(hook->uid);
    const auto cursors = TRY(table_.all(tenant));
    Result<void> all;
    for (const auto& hook : hooks) {
        if (auto taken = take_over(*hook, cursors); !taken) {
            note_broken(*hook, taken.error());
            all = std::move(taken).context("message hook {}", hook->name);  // the others go on
        }
    }
    for (const auto& [uid, cursor] : cursors)
        if (!there.contains(uid)) TRY(table_.forget(tenant, uid));
    return all;
}

// It cannot be sent by (a secret that cannot be opened, no authorities to trust): it is shown so, and tried again.
void Impl::note_broken(const registry::Resource& hook, const Error& error) {
    Sender sender{.tenant = hook.tenant, .name = hook.name, .uid = hook.uid};
    if (auto spec = registry::spec_of<MessageHookSpec>(hook)) sender.spec = std::move(*spec);
    const std::lock_guard lock{mutex_};
    Courier& courier = couriers_[hook.uid];
    courier.tenant = hook.tenant;
    courier.revision = 0;
    courier.sender = std::make_shared<const Sender>(std::move(sender));
    courier.off = true;
    courier.problem = error.text();
    courier.problem_at = now();
}

Result<void> Impl::take_over(const registry::Resource& hook, const std::map<std::string, MessageCursor>& cursors) {
    {
        const std::lock_guard lock{mutex_};
        const auto known = couriers_.find(hook.uid);
        if (known != couriers_.end() && known->second.revision == hook.revision &&
            known->second.sender->name == hook.name)
            return {};
    }
    const auto sender = TRY(make_sender(hook));
    const auto stored = cursors.find(hook.uid);
    MessageCursor cursor = stored == cursors.end() ? MessageCursor{} : stored->second;
    // A hook that is new, or was off, begins with what happens from its last change on.
    if (sender->spec.disabled) {
        if (stored != cursors.end()) TRY(table_.forget(hook.tenant, hook.uid));
    } else if (stored == cursors.end()) {
        cursor.done = TRY(cases_.sequence_at(hook.tenant, hook.updated));
        TRY(table_.store(hook.tenant, hook.uid, cursor));
    }
    const std::lock_guard lock{mutex_};
    Courier& courier = couriers_[hook.uid];
    const bool was_off = courier.off || courier.revision == 0;
    courier.tenant = hook.tenant;
    courier.revision = hook.revision;
    courier.sender = sender;
    courier.off = sender->spec.disabled;
    if (was_off || courier.off) {
        courier.cursor = cursor;
        courier.position = cursor.done;
        courier.problem.clear();
    } else {
        courier.position = courier.cursor.done;  // it may ask for what it passed over
    }
    // What was wrong may be right now: no pause.
    courier.failures = 0;
    if (courier.doing == Courier::Doing::pausing) {
        courier.doing = Courier::Doing::nothing;
        courier.next_try = 0;
        on_loop([timer = courier.timer](Impl& self) { self.deps_.loop.cancel(timer); });
    }
    courier.again = true;
    return {};
}

Result<std::shared_ptr<const Sender>> Impl::make_sender(const registry::Resource& hook) const {
    Sender sender{.tenant = hook.tenant, .name = hook.name, .uid = hook.uid};
    sender.spec = TRY(registry::spec_of<MessageHookSpec>(hook));
    const auto secret = [&](const std::optional<std::string>& set, const char* field) -> Result<std::string> {
        if (!set) return std::string{};
        return deps_.registry.secret(hook.tenant, kKind, hook.name, field);
    };
    sender.key = TRY(secret(sender.spec.key, "key"));
    sender.secret = TRY(secret(sender.spec.secret, "secret"));
    sender.password = TRY(secret(sender.spec.password, "password"));
    const bool secure = sender.spec.channel == Channel::email ? sender.spec.security != Security::none
                                                              : sender.spec.url.value_or("").starts_with("https:");
    if (secure) sender.tls = TRY(io::make_tls_client(sender.spec.ca.value_or("")));
    return std::make_shared<const Sender>(std::move(sender));
}

// ---- what is to be sent
// ----------------------------------------------------------------------------------------------

void Impl::wake(TenantId tenant) {
    std::vector<std::string> uids;
    {
        const std::lock_guard lock{mutex_};
        for (const auto& [uid, courier] : couriers_)
            if (courier.tenant == tenant && !courier.off) uids.push_back(uid);
    }
    for (const std::string& uid : uids) look_later(uid);
}

// Who is busy or pausing looks again by itself when it is done.
void Impl::look_later(const std::string& uid) {
    {
        const std::lock_guard lock{mutex_};
        const auto found = couriers_.find(uid);
        if (found == couriers_.end() || found->second.off) return;
        Courier& courier = found->second;
        courier.again = true;
        if (courier.doing != Courier::Doing::nothing) return;
        courier.doing = Courier::Doing::looking;
    }
    job([uid](Impl& self) { self.look(uid); });
}

void Impl::look(const std::string& uid) {
    auto next = next_of(uid);
    if (!next) return pause(uid, std::move(next).error().context("steps of cases could not be read"));
    if (*next) return on_loop([wait = std::move(**next)](Impl& self) { self.send(wait); });
    bool more = false;
    {
        const std::lock_guard lock{mutex_};
        const auto found = couriers_.find(uid);
        if (found == couriers_.end()) return;
        found->second.doing = Courier::Doing::nothing;
        more = found->second.again;
    }
    if (more) look_later(uid);
}

// The next message of a hook, composed; nullopt when there is none now.
Result<std::optional<Wait>> Impl::next_of(const std::string& uid) {
    for (int round = 0; round < kRoundsMax; ++round) {
        Courier courier;
        {
            const std::lock_guard lock{mutex_};
            const auto found = couriers_.find(uid);
            if (found == couriers_.end() || found->second.off) return std::optional<Wait>{};
            found->second.again = false;
            courier = found->second;
        }
        if (courier.unsaved) TRY(save(uid, courier));
        const auto marks = TRY(cases_.marks(courier.tenant, courier.position, options_.marks_read));
        const auto told =
            std::ranges::find_if(marks, [&](const CaseMark& mark) { return is_told(courier.sender->spec, mark); });
        if (told != marks.end()) {
            Message message = TRY(compose_of(courier.tenant, *courier.sender, *told));
            return std::optional<Wait>(Wait{uid, *told, std::move(message), courier.sender});
        }
        if (marks.empty()) return std::optional<Wait>{};
        courier.position = marks.back().sequence;
        // What nobody asked for is passed over in memory, and on disk now and then.
        const bool far = courier.position >= courier.cursor.done + options_.marks_read;
        if (far) {
            courier.cursor.done = courier.position;
            TRY(save(uid, courier));
        }
        const std::lock_guard lock{mutex_};
        const auto found = couriers_.find(uid);
        if (found == couriers_.end() || found->second.revision != courier.revision) continue;
        found->second.position = courier.position;
        found->second.cursor = courier.cursor;
        if (marks.size() < options_.marks_read) return std::optional<Wait>{};
    }
    const std::lock_guard lock{mutex_};
    if (const auto found = couriers_.find(uid); found != couriers_.end()) found->second.again = true;
    return std::optional<Wait>{};
}

Result<Message> Impl::compose_of(TenantId tenant, const Sender& sender, const CaseMark& mark) const {
    const cases::Case one = TRY(deps_.cases.get(tenant, mark.id));
    const auto steps = TRY(deps_.cases.steps(tenant, mark.id));
    if (mark.number == 0 || mark.number > steps.size())
        return Error{Code::corrupt, "case {} has no step {}", mark.id, mark.number};
    const auto calendar = registry::calendar_at(deps_.registry, tenant, one.place);
    const calendar::Zone zone = calendar ? calendar->calendar->plan().zone : TRY(calendar::Zone::create("UTC"));
    return compose(sender.spec, sender.name, one, steps, mark.number, zone, link_of(sender));
}

std::string Impl::link_of(const Sender& sender) const {
    if (!sender.spec.link.empty()) return sender.spec.link;
    const std::lock_guard lock{mutex_};
    return link_;
}

// ---- sending
// ---------------------------------------------------------------------------------------------------------

void Impl::send(Wait wait) {
    {
        const std::lock_guard lock{mutex_};
        const auto found = couriers_.find(wait.uid);
        if (found == couriers_.end()) return;
        // It changed meanwhile, or was put off: what is to be sent is found anew.
        if (found->second.off || found->second.sender != wait.sender) {
            found->second.doing = Courier::Doing::nothing;
            if (!found->second.off) job([uid = wait.uid](Impl& self) { self.look_later(uid); });
            return;
        }
        found->second.doing = Courier::Doing::sending;
        found->second.next_try = 0;
    }
    const auto shared = std::make_shared<const Wait>(std::move(wait));
    deliver(door(), shared->sender, shared->message, [weak = weak_from_this(), shared](Result<Delivered> result) {
        const auto self = weak.lock();
        if (!self) return;
        self->job([shared, result = std::move(result)](Impl& me) { me.settle(*shared, result); });
    });
}

void Impl::settle(const Wait& wait, const Result<Delivered>& result) {
    Courier courier;
    {
        const std::lock_guard lock{mutex_};
        const auto found = couriers_.find(wait.uid);
        if (found == couriers_.end()) return;
        courier = found->second;
        // It was put off and begun anew meanwhile: the cursor is another one.
        if (courier.off || courier.cursor.done >= wait.mark.sequence) {
            found->second.doing = Courier::Doing::nothing;
            if (!courier.off) job([uid = wait.uid](Impl& self) { self.look_later(uid); });
            return;
        }
    }
    MessageCursor& cursor = courier.cursor;
    if (result) {
        ++cursor.sent;
        cursor.sent_at = now();
        cursor.sent_what = wait.message.id;
        cursor.done = wait.mark.sequence;
        cursor.trouble = 0;
    } else {
        if (cursor.trouble == 0) cursor.trouble = now();
        const auto dropped = give_up(courier, cursor, now());
        if (dropped && *dropped > 0)
            log_error("notify", "message hook {}: {} messages from {} on were given up: {}", wait.sender->name,
                      *dropped, wait.message.id, result.error().text());
    }
    {
        const std::lock_guard lock{mutex_};
        const auto found = couriers_.find(wait.uid);
        if (found == couriers_.end()) return;
        Courier& now_there = found->second;
        now_there.cursor = cursor;
        now_there.position = cursor.done;
        now_there.unsaved = true;
        if (result) {
            now_there.failures = 0;
            now_there.problem = result->warning;
            now_there.problem_at = result->warning.empty() ? now_there.problem_at : now();
            now_there.doing = Courier::Doing::nothing;
        }
        courier = now_there;
    }
    if (auto saved = save(wait.uid, courier); !saved)
        return pause(wait.uid, std::move(saved).error().context("what was sent could not be noted"));
    if (!result) return pause(wait.uid, result.error(), wait.sender.get());
    look_later(wait.uid);
}

// Passes over the messages that have failed for too long; how many. A message counts from when it happened, but not
// from before the hook's trouble began: after a night without power each is tried for a day.
Result<std::uint64_t> Impl::give_up(const Courier& courier, MessageCursor& cursor, TimeNs now) const {
    std::uint64_t dropped = 0;
    const auto marks = TRY(cases_.marks(courier.tenant, cursor.done, options_.marks_read));
    for (const CaseMark& mark : marks) {
        if (is_told(courier.sender->spec, mark)) {
            if (now - std::max(mark.time, cursor.trouble) < options_.give_up) break;
            ++dropped;
            ++cursor.given_up;
        }
        cursor.done = mark.sequence;
    }
    return dropped;
}

void Impl::pause(const std::string& uid, const Error& error, const Sender* tried) {
    on_loop([uid, error, tried](Impl& self) {
        const std::lock_guard lock{self.mutex_};
        const auto found = self.couriers_.find(uid);
        if (found == self.couriers_.end()) return;
        Courier& courier = found->second;
        const bool changed = tried != nullptr && courier.sender.get() != tried;
        if (courier.off || changed) {
            courier.doing = Courier::Doing::nothing;
            if (changed) self.job([uid](Impl& me) { me.look_later(uid); });
            return;
        }
        DurationNs length = self.options_.again_min;
        for (int i = 0; i < courier.failures && length < self.options_.again_max; ++i) length *= 2;
        length = std::min(length, self.options_.again_max);
        ++courier.failures;
        if (courier.failures == 1)
            log_warning("notify", "message hook {}: {}; again in {} s", courier.sender->name, error.text(),
                        length / kSecond);
        courier.problem = error.text();
        courier.problem_at = self.now();
        courier.next_try = self.now() + length;
        courier.doing = Courier::Doing::pausing;
        courier.timer = self.deps_.loop.after(length, [weak = self.weak_from_this(), uid] {
            const auto self = weak.lock();
            if (!self || self->stopped_) return;
            {
                const std::lock_guard lock{self->mutex_};
                const auto found = self->couriers_.find(uid);
                if (found == self->couriers_.end() || found->second.doing != Courier::Doing::pausing) return;
                found->second.doing = Courier::Doing::nothing;
            }
            self->look_later(uid);
        });
    });
}

Result<void> Impl::save(const std::string& uid, const Courier& courier) {
    TRY(table_.store(courier.tenant, uid, courier.cursor));
    const std::lock_guard lock{mutex_};
    if (const auto found = couriers_.find(uid); found != couriers_.end()) found->second.unsaved = false;
    return {};
}

// ---- what others ask
// -------------------------------------------------------------------------------------------------

Result<std::vector<HookStatus>> Impl::status(TenantId tenant, bool count_waiting) const {
    std::vector<std::pair<Courier, HookStatus>> all;
    {
        const std::lock_guard lock{mutex_};
        for (const auto& [uid, courier] : couriers_)
            if (courier.tenant == tenant) all.emplace_back(courier, HookStatus{});
    }
    std::vector<HookStatus> out;
    for (auto& [courier, status] : all) {
        status = {.name = courier.sender->name,
                  .state = courier.sender->spec.disabled              ? HookState::off
                           : courier.off || courier.failures > 0      ? HookState::failing
                           : courier.doing == Courier::Doing::sending ? HookState::sending
                                                                      : HookState::idle,
                  .target = target_of(courier.sender->spec),
                  .sent = courier.cursor.sent,
                  .given_up = courier.cursor.given_up,
                  .sent_at = courier.cursor.sent_at,
                  .sent_what = courier.cursor.sent_what,
                  .problem = courier.problem,
                  .problem_at = courier.problem_at,
                  .failing_since = courier.cursor.trouble,
                  .next_try = courier.next_try};
        if (!courier.off && count_waiting) {
            const auto marks = TRY(cases_.marks(tenant, courier.cursor.done, kWaitingMax));
            status.waiting = static_cast<std::uint64_t>(std::ranges::count_if(
                marks, [&](const CaseMark& mark) { return is_told(courier.sender->spec, mark); }));
        }
        out.push_back(std::move(status));
    }
    std::ranges::sort(out, {}, &HookStatus::name);
    return out;
}

void Impl::test(TenantId tenant, const std::string& name, std::function<void(Result<Delivered>)> done) {
    const auto hook = deps_.registry.get(tenant, kKind, name);
    if (!hook) return done(hook.error());
    auto sender = make_sender(*hook);
    if (!sender) return done(std::move(sender).error());
    if (tests_.fetch_add(1) >= options_.tests_max) {
        --tests_;
        return done(
            Error{Code::limit, "{} tests of message hooks run already; try again in a moment", options_.tests_max});
    }
    deps_.loop.post([self = shared_from_this(), sender = *sender, done = std::move(done)] {
        deliver(self->door(), sender, test_message(sender->spec, sender->name, self->now(), self->link_of(*sender)),
                [weak = self->weak_from_this(), done](Result<Delivered> result) {
                    if (const auto me = weak.lock()) --me->tests_;
                    done(std::move(result));
                });
    });
}

}  // namespace

std::string_view to_string(HookState state) {
    switch (state) {
        case HookState::off:
            return "off";
        case HookState::idle:
            return "idle";
        case HookState::sending:
            return "sending";
        case HookState::failing:
            return "failing";
    }
    return "";
}

namespace {

// The shared Impl in the shape of a unique_ptr.
class Owner final : public Messages {
public:
    explicit Owner(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    ~Owner() override { impl_->stop(); }
    void start(std::string link) override { impl_->start(std::move(link)); }
    void stop() override { impl_->stop(); }
    Result<std::vector<HookStatus>> status(TenantId tenant, bool count_waiting) const override {
        return impl_->status(tenant, count_waiting);
    }
    void test(TenantId tenant, const std::string& name, std::function<void(Result<Delivered>)> done) override {
        impl_->test(tenant, name, std::move(done));
    }

private:
    const std::shared_ptr<Impl> impl_;
};

}  // namespace

std::unique_ptr<Messages> Messages::create(const MessagesDeps& deps, MessagesOptions options) {
    auto impl = std::make_shared<Impl>(deps, std::move(options));
    impl->follow();
    return std::make_unique<Owner>(std::move(impl));
}

}  // namespace gongshu::notify
