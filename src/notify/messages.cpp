#include "notify/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
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
    std::uint64_t generation = 0;  // another one whenever the cursor is replaced: what was begun before ends unheard
    std::uint64_t revision = 0;    // of the hook as it was last taken over
    std::shared_ptr<const Sender> sender;
    bool off = false;     // by itself, or broken
    bool broken = false;  // nothing can be sent by it; it is to be taken over again
    MessageCursor cursor;
    std::uint64_t position = 0;  // marks up to here were looked at; at least cursor.done
    bool unsaved = false;        // the cursor is ahead of the disk: nothing is sent until it is there
    Doing doing = Doing::nothing;
    bool again = false;              // something came while it was busy
    int failures = 0;                // in a row
    std::uint64_t failing = 0;       // CaseMark::sequence of the message that failed last
    int refusals = 0;                // how often its receiver refused it as such
    std::vector<std::string> later;  // of the mail `failing`: who does not have it yet; empty = nobody has it
    std::string problem;
    TimeNs problem_at = 0, next_try = 0;
    io::TimerId timer{};
};

// Which courier, and since when.
struct Ticket {
    std::string uid;
    std::uint64_t generation = 0;
};

struct Wait {
    Ticket ticket;
    CaseMark mark;
    Message message;
    std::shared_ptr<const Sender> sender;
    std::vector<std::string> only;  // deliver()
    std::optional<Error> wrong;     // it cannot be composed
};

// Of what is refused as such, another try changes nothing.
bool is_final(Code code) { return code == Code::invalid || code == Code::corrupt; }

bool same_choice(const MessageHookSpec& a, const MessageHookSpec& b) {
    return a.cases == b.cases && a.actions == b.actions && a.place == b.place;
}

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
        close();
        std::unique_lock lock{mutex_};
        settled_.wait_for(lock, std::chrono::nanoseconds{kStopMax}, [&] { return under_way_ == 0; });
    }

    // Begins nothing any more; what is answered later is still noted as long as there are loop and pool.
    void close() {
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
    Result<std::optional<MessageCursor>> cursor_of(const registry::Resource& hook, const Sender& sender,
                                                   const Courier* known, const MessageCursor* stored);
    Result<std::shared_ptr<const Sender>> make_sender(const registry::Resource& hook) const;
    void wake(TenantId tenant);
    void look_later(const std::string& uid);
    void look(const Ticket& ticket);
    Result<std::optional<Wait>> next_of(const Ticket& ticket);
    Result<Message> compose_of(TenantId tenant, const Sender& sender, const CaseMark& mark) const;
    void send(Wait wait);
    void settle_later(const std::shared_ptr<const Wait>& wait, const Result<Delivered>& result);
    void settle(const Wait& wait, const Result<Delivered>& result);
    std::optional<Error> note(Courier& courier, const Wait& wait, const Result<Delivered>& result) const;
    void end_turn(const Ticket& ticket);
    // `tried`: with which settings it failed; other ones are tried at once.
    void pause(const Ticket& ticket, const Error& error, std::shared_ptr<const Sender> tried = nullptr);
    void note_broken(const registry::Resource& hook, const Error& error);
    Result<void> save(const Ticket& ticket);
    Result<void> save_locked(const Ticket& ticket);
    // Under mutex_; null when the cursor was replaced since.
    Courier* at(const Ticket& ticket) {
        const auto found = couriers_.find(ticket.uid);
        return found == couriers_.end() || found->second.generation != ticket.generation ? nullptr : &found->second;
    }
    std::string link_of(const Sender& sender) const;
    DeliveryDoor door(bool of_mail) const {
        return {deps_.loop, deps_.egress, deps_.may_connect, of_mail ? options_.mail_max : options_.delivery_max,
                of_mail ? options_.mail_answer_max : 0};
    }
    TimeNs now() const { return deps_.loop.clock().now(); }

    const MessagesDeps deps_;
    const MessagesOptions options_;
    const registry::CaseTable cases_;
    registry::MessageTable table_;
    std::uint64_t subscription_ = 0;
    std::atomic<bool> stopped_ = false;

    // Held by who writes cursors, from the look at the courier to the end of the write: what is forgotten stays so.
    // Taken before mutex_.
    std::mutex disk_;
    mutable std::mutex mutex_;
    std::condition_variable settled_;
    std::size_t under_way_ = 0;                     // deliveries that are not settled
    std::map<std::uint32_t, std::uint32_t> tests_;  // that run, by tenant
    std::uint64_t generation_ = 0;
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
    for (const auto& [uid, cursor] : cursors) {
        if (there.contains(uid)) continue;
        const std::lock_guard disk{disk_};
        {
            const std::lock_guard lock{mutex_};
            couriers_.erase(uid);
        }
        TRY(table_.forget(tenant, uid));
    }
    return all;
}

// It cannot be sent by (a secret that cannot be opened, no authorities to trust): it is shown so, and tried again.
void Impl::note_broken(const registry::Resource& hook, const Error& error) {
    Sender sender{.tenant = hook.tenant, .name = hook.name, .uid = hook.uid};
    if (auto spec = registry::spec_of<MessageHookSpec>(hook)) sender.spec = std::move(*spec);
    const std::lock_guard disk{disk_};
    const std::lock_guard lock{mutex_};
    Courier& courier = couriers_[hook.uid];
    courier.tenant = hook.tenant;
    courier.generation = ++generation_;
    courier.doing = Courier::Doing::nothing;
    courier.next_try = 0;
    courier.sender = std::make_shared<const Sender>(std::move(sender));
    courier.off = true;
    courier.broken = true;
    courier.problem = error.text();
    courier.problem_at = now();
}

// Where a hook begins that is not just another form of the one that is known; nullopt: its cursor goes on. One that is
// new, or was off since it was last seen, begins with what happens from when it was put on; nothing older comes again.
Result<std::optional<MessageCursor>> Impl::cursor_of(const registry::Resource& hook, const Sender& sender,
                                                     const Courier* known, const MessageCursor* stored) {
    if (sender.spec.disabled) {
        TRY(table_.forget(hook.tenant, hook.uid));
        return std::optional(MessageCursor{});
    }
    bool was_off = known != nullptr && known->sender->spec.disabled;
    TimeNs on_since = hook.updated;
    const std::uint64_t seen = known == nullptr ? 0 : known->revision;
    if (stored == nullptr || was_off || (seen != 0 && hook.revision > seen + 1)) {
        const registry::Actor reader{hook.tenant, "", "system", registry::Role::admin, ""};
        const auto revisions = TRY(deps_.registry.revisions(reader, kKind, hook.name));
        for (const registry::Revision& one : revisions) {
            const JsonObject* const spec = one.spec.if_object();
            const Json* const off = spec == nullptr ? nullptr : spec->if_contains("disabled");
            if (spec == nullptr || (off != nullptr && off->is_bool() && off->get_bool())) {
                was_off = was_off || (seen != 0 && one.revision > seen);
                break;
            }
            on_since = one.time;
        }
    }
    if (stored != nullptr && !was_off) {
        if (known != nullptr && !known->broken) return std::optional<MessageCursor>{};
        return std::optional(*stored);
    }
    MessageCursor cursor;
    cursor.done = TRY(cases_.sequence_at(hook.tenant, on_since));
    TRY(table_.store(hook.tenant, hook.uid, cursor));
    return std::optional(cursor);
}

Result<void> Impl::take_over(const registry::Resource& hook, const std::map<std::string, MessageCursor>& cursors) {
    const std::lock_guard disk{disk_};
    std::optional<Courier> known;
    {
        const std::lock_guard lock{mutex_};
        if (const auto found = couriers_.find(hook.uid); found != couriers_.end()) known = found->second;
    }
    if (known && !known->broken && known->revision == hook.revision && known->sender->name == hook.name) return {};
    const auto sender = TRY(make_sender(hook));
    const auto stored = cursors.find(hook.uid);
    const auto anew =
        TRY(cursor_of(hook, *sender, known ? &*known : nullptr, stored == cursors.end() ? nullptr : &stored->second));
    Ticket ticket{hook.uid};
    bool unsaved = false;
    {
        const std::lock_guard lock{mutex_};
        Courier& courier = couriers_[hook.uid];
        const auto before = std::exchange(courier.sender, sender);
        courier.tenant = hook.tenant;
        courier.revision = hook.revision;
        courier.off = sender->spec.disabled;
        courier.broken = false;
        // What was wrong may be right now: no pause.
        courier.failures = 0;
        courier.next_try = 0;
        if (courier.doing == Courier::Doing::pausing) {
            courier.doing = Courier::Doing::nothing;
            on_loop([timer = courier.timer](Impl& self) { self.deps_.loop.cancel(timer); });
        }
        if (anew) {
            courier.generation = ++generation_;
            courier.doing = Courier::Doing::nothing;
            courier.cursor = *anew;
            courier.position = anew->done;
            courier.unsaved = false;
            courier.failing = 0;
            courier.problem.clear();
        } else if (!same_choice(before->spec, sender->spec)) {
            // What it passed over until now is not told later.
            courier.cursor.done = courier.position;
            courier.unsaved = true;
        }
        if (anew || before->spec.to != sender->spec.to) courier.later.clear();
        courier.refusals = 0;
        courier.again = true;
        ticket.generation = courier.generation;
        unsaved = courier.unsaved;
    }
    // If not now, then before anything is sent.
    if (unsaved)
        if (auto saved = save_locked(ticket); !saved) log_warning("notify", "{}", saved.error().text());
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
    Ticket ticket{uid};
    {
        const std::lock_guard lock{mutex_};
        const auto found = couriers_.find(uid);
        if (found == couriers_.end() || found->second.off) return;
        Courier& courier = found->second;
        courier.again = true;
        if (courier.doing != Courier::Doing::nothing) return;
        courier.doing = Courier::Doing::looking;
        ticket.generation = courier.generation;
    }
    job([ticket](Impl& self) { self.look(ticket); });
}

void Impl::look(const Ticket& ticket) {
    auto next = next_of(ticket);
    if (!next) return pause(ticket, std::move(next).error().context("steps of cases could not be read"));
    if (*next && (*next)->wrong) return settle(**next, *(*next)->wrong);
    if (*next) return on_loop([wait = std::move(**next)](Impl& self) { self.send(wait); });
    bool more = false;
    {
        const std::lock_guard lock{mutex_};
        Courier* const courier = at(ticket);
        if (courier == nullptr) return;
        courier->doing = Courier::Doing::nothing;
        more = courier->again;
    }
    if (more) look_later(ticket.uid);
}

// The next message of a hook, composed; nullopt when there is none now.
Result<std::optional<Wait>> Impl::next_of(const Ticket& ticket) {
    for (int round = 0; round < kRoundsMax; ++round) {
        Courier courier;
        {
            const std::lock_guard lock{mutex_};
            Courier* const found = at(ticket);
            if (found == nullptr || found->off) return std::optional<Wait>{};
            found->again = false;
            courier = *found;
        }
        if (courier.unsaved) TRY(save(ticket));
        const auto marks = TRY(cases_.marks(courier.tenant, courier.position, options_.marks_read));
        const auto told =
            std::ranges::find_if(marks, [&](const CaseMark& mark) { return is_told(courier.sender->spec, mark); });
        if (told != marks.end()) {
            Wait wait{ticket, *told, {}, courier.sender, {}, {}};
            if (courier.failing == told->sequence) wait.only = courier.later;
            auto message = compose_of(courier.tenant, *courier.sender, *told);
            if (message) {
                wait.message = std::move(*message);
                return std::optional(std::move(wait));
            }
            // It is this message that is wrong: a failure of it like one at its receiver.
            wait.message.id = fmt::format("{}/{}", told->id, told->number);
            const Error& why = message.error();
            const bool passes = why.code() == Code::io || why.code() == Code::unavailable;
            wait.wrong = Error{passes ? why.code() : Code::corrupt, "{}", why.text()}.context("{} cannot be told",
                                                                                              wait.message.id);
            return std::optional(std::move(wait));
        }
        if (marks.empty()) return std::optional<Wait>{};
        // What nobody asked for is passed over in memory, and on disk now and then.
        bool far = false;
        {
            const std::lock_guard lock{mutex_};
            Courier* const found = at(ticket);
            if (found == nullptr || found->revision != courier.revision) continue;
            found->position = marks.back().sequence;
            far = found->position >= found->cursor.done + options_.marks_read;
            if (far) {
                found->cursor.done = found->position;
                found->unsaved = true;
            }
        }
        if (far) TRY(save(ticket));
        if (marks.size() < options_.marks_read) return std::optional<Wait>{};
    }
    const std::lock_guard lock{mutex_};
    if (Courier* const found = at(ticket)) found->again = true;
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
        Courier* const courier = at(wait.ticket);
        if (courier == nullptr) return;
        // It changed meanwhile: what is to be sent is found anew.
        if (courier->sender != wait.sender) {
            courier->doing = Courier::Doing::nothing;
            return job([uid = wait.ticket.uid](Impl& self) { self.look_later(uid); });
        }
        courier->doing = Courier::Doing::sending;
        courier->next_try = 0;
        ++under_way_;
    }
    const auto shared = std::make_shared<const Wait>(std::move(wait));
    const bool of_mail = shared->sender->spec.channel == Channel::email;
    deliver(
        door(of_mail), shared->sender, shared->message,
        [weak = weak_from_this(), shared](const Result<Delivered>& result) {
            if (const auto self = weak.lock()) self->settle_later(shared, result);
        },
        shared->only);
}

// After stop() too: what was answered is noted. A pool that is full has room again soon.
void Impl::settle_later(const std::shared_ptr<const Wait>& wait, const Result<Delivered>& result) {
    const bool taken = deps_.pool.submit([weak = weak_from_this(), wait, result] {
        const auto self = weak.lock();
        if (!self) return;
        self->settle(*wait, result);
        const std::lock_guard lock{self->mutex_};
        --self->under_way_;
        self->settled_.notify_all();
    });
    if (taken) return;
    deps_.loop.after(stopped_ ? kSecond / 10 : kSecond, [weak = weak_from_this(), wait, result] {
        if (const auto self = weak.lock()) self->settle_later(wait, result);
    });
}

void Impl::settle(const Wait& wait, const Result<Delivered>& result) {
    std::optional<Error> failed;
    {
        const std::lock_guard lock{mutex_};
        Courier* const courier = at(wait.ticket);
        if (courier == nullptr) return;  // it was put off and perhaps begun anew meanwhile
        if (courier->cursor.done < wait.mark.sequence) failed = note(*courier, wait, result);
    }
    if (auto saved = save(wait.ticket); !saved)
        return pause(wait.ticket, std::move(saved).error().context("what was sent could not be noted"));
    if (failed) return pause(wait.ticket, *failed, wait.sender);
    end_turn(wait.ticket);
}

// What became of a message, into the courier. The error for which it is to be tried again; nullopt: it is the next
// one's turn. Under the mutex.
std::optional<Error> Impl::note(Courier& courier, const Wait& wait, const Result<Delivered>& result) const {
    MessageCursor& cursor = courier.cursor;
    const auto go_on = [&] {
        cursor.done = courier.position = wait.mark.sequence;
        cursor.trouble = 0;
        courier.failures = 0;
        courier.later.clear();
    };
    courier.unsaved = true;
    if (result) {
        cursor.given_up += result->refused;
        courier.problem = result->warning;
        if (!result->warning.empty()) {
            courier.problem_at = now();
            log_warning("notify", "message hook {}: {}: {}", wait.sender->name, wait.message.id, result->warning);
        }
        if (result->later.empty()) {
            ++cursor.sent;
            cursor.sent_at = now();
            cursor.sent_what = wait.message.id;
            go_on();
            return std::nullopt;
        }
    }
    const Error error = result ? Error{Code::unavailable, "{}", result->warning} : result.error();
    const bool first = courier.failing != 0 && courier.failing != wait.mark.sequence;
    if (cursor.trouble == 0 || first) cursor.trouble = now();
    if (courier.failing != wait.mark.sequence) courier.refusals = 0;
    courier.failing = wait.mark.sequence;
    if (result) courier.later = result->later;
    if (is_final(error.code())) ++courier.refusals;
    // A day counts from the first try: after a night without power each is tried for a day.
    if (courier.refusals < options_.final_tries && now() - cursor.trouble < options_.give_up) return error;
    ++cursor.given_up;
    log_error("notify", "message hook {}: {} was given up: {}", wait.sender->name, wait.message.id, error.text());
    courier.problem = Error(error).context("{} was given up", wait.message.id).text();
    courier.problem_at = now();
    go_on();
    return std::nullopt;
}

void Impl::end_turn(const Ticket& ticket) {
    {
        const std::lock_guard lock{mutex_};
        Courier* const courier = at(ticket);
        if (courier == nullptr) return;
        courier->doing = Courier::Doing::nothing;
    }
    look_later(ticket.uid);
}

void Impl::pause(const Ticket& ticket, const Error& error, std::shared_ptr<const Sender> tried) {
    on_loop([ticket, error, tried = std::move(tried)](Impl& self) {
        const std::lock_guard lock{self.mutex_};
        Courier* const courier = self.at(ticket);
        if (courier == nullptr) return;
        if (tried != nullptr && courier->sender != tried) {
            courier->doing = Courier::Doing::nothing;
            return self.job([uid = ticket.uid](Impl& me) { me.look_later(uid); });
        }
        DurationNs length = self.options_.again_min;
        for (int i = 0; i < courier->failures && length < self.options_.again_max; ++i) length *= 2;
        length = std::min(length, self.options_.again_max);
        ++courier->failures;
        if (courier->failures == 1)
            log_warning("notify", "message hook {}: {}; again in {} s", courier->sender->name, error.text(),
                        length / kSecond);
        courier->problem = error.text();
        courier->problem_at = self.now();
        courier->next_try = self.now() + length;
        courier->doing = Courier::Doing::pausing;
        courier->timer = self.deps_.loop.after(length, [weak = self.weak_from_this(), ticket] {
            const auto self = weak.lock();
            if (!self || self->stopped_) return;
            {
                const std::lock_guard lock{self->mutex_};
                Courier* const courier = self->at(ticket);
                if (courier == nullptr || courier->doing != Courier::Doing::pausing) return;
                courier->doing = Courier::Doing::nothing;
            }
            self->look_later(ticket.uid);
        });
    });
}

Result<void> Impl::save(const Ticket& ticket) {
    const std::lock_guard disk{disk_};
    return save_locked(ticket);
}

Result<void> Impl::save_locked(const Ticket& ticket) {
    TenantId tenant;
    MessageCursor cursor;
    {
        const std::lock_guard lock{mutex_};
        Courier* const courier = at(ticket);
        if (courier == nullptr || courier->off) return {};  // its row is another one, or none
        tenant = courier->tenant;
        cursor = courier->cursor;
        courier->unsaved = false;
    }
    auto stored = table_.store(tenant, ticket.uid, cursor);
    if (stored) return {};
    const std::lock_guard lock{mutex_};
    if (Courier* const courier = at(ticket)) courier->unsaved = true;
    return stored;
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
                  .failing_since = courier.sender->spec.disabled ? 0 : courier.cursor.trouble,
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
    {
        const std::lock_guard lock{mutex_};
        if (tests_[tenant.value] >= options_.tests_max)
            return done(
                Error{Code::limit, "{} tests of message hooks run already; try again in a moment", options_.tests_max});
        ++tests_[tenant.value];
    }
    deps_.loop.post([self = shared_from_this(), tenant, sender = *sender, done = std::move(done)] {
        deliver(self->door(false), sender,
                test_message(sender->spec, sender->name, self->now(), self->link_of(*sender)),
                [weak = self->weak_from_this(), tenant, done](Result<Delivered> result) {
                    if (const auto me = weak.lock()) {
                        const std::lock_guard lock{me->mutex_};
                        if (--me->tests_[tenant.value] == 0) me->tests_.erase(tenant.value);
                    }
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
    ~Owner() override { impl_->close(); }
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
