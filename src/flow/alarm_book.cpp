#include "flow/alarm_book.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/log.h"

namespace gongshu::flow {
namespace {

constexpr std::array<std::string_view, kSeverityCount> kSeverities{"critical", "major", "minor", "warning"};
constexpr std::array<std::string_view, 3> kStates{"raised", "acknowledged", "cleared"};
constexpr std::array<std::string_view, 5> kFilters{"active", "raised", "acknowledged", "cleared", "all"};

template <class E, std::size_t N>
std::optional<E> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) return std::nullopt;
    return static_cast<E>(found - names.begin());
}

bool matches(const Alarm& alarm, const AlarmQuery& query) {
    if (query.severity && alarm.severity != *query.severity) return false;
    if (query.to && alarm.raised >= *query.to) return false;
    if (query.from && alarm.cleared && *alarm.cleared < *query.from) return false;
    switch (query.state) {
        case StateFilter::active:
            return alarm.active();
        case StateFilter::raised:
            return alarm.state() == AlarmState::raised;
        case StateFilter::acknowledged:
            return alarm.state() == AlarmState::acknowledged;
        case StateFilter::cleared:
            return alarm.state() == AlarmState::cleared;
        case StateFilter::all:
            return true;
    }
    return true;
}

void note(Alarm& alarm, TimeNs time, std::string_view what, std::string_view who, std::string_view comment) {
    if (alarm.journal.size() >= Alarms::kJournalMax) alarm.journal.erase(alarm.journal.begin());
    alarm.journal.push_back({time, std::string(what), std::string(who), std::string(comment)});
}

}  // namespace

std::string_view to_string(Severity severity) { return kSeverities[static_cast<std::size_t>(severity)]; }
std::optional<Severity> parse_severity(std::string_view name) { return find_name<Severity>(kSeverities, name); }
std::string_view to_string(AlarmState state) { return kStates[static_cast<std::size_t>(state)]; }
std::optional<StateFilter> parse_state_filter(std::string_view name) { return find_name<StateFilter>(kFilters, name); }

void AlarmBook::forget_old(Page& page) {
    while (page.cleared.size() > kClearedMax) {
        page.alarms.erase(page.cleared.front());
        page.cleared.pop_front();
    }
}

Result<std::optional<AlarmBook::Told>> AlarmBook::change(const Event& event) {
    if (event.kind == kRaised) {
        Alarm alarm = TRY(read_raised(event));
        note(alarm, alarm.raised, "raised", "", "");
        promised_.erase({event.tenant, alarm.id});
        const auto [at, fresh] = pages_[event.tenant].alarms.try_emplace(alarm.id, std::move(alarm));
        if (!fresh) return std::optional<Told>{};
        return std::optional<Told>{Told{at->second, "raised"}};
    }
    if (event.kind != kAcknowledged && event.kind != kCleared && event.kind != kComment) return std::optional<Told>{};
    return follow(event, TRY(read_follow(event)));
}

std::optional<AlarmBook::Told> AlarmBook::follow(const Event& event, const Follow& follow) {
    Page& page = pages_[event.tenant];
    const auto found = page.alarms.find(follow.alarm);
    if (found == page.alarms.end()) return std::nullopt;  // forgotten long ago
    Alarm& alarm = found->second;
    std::string_view what = "comment";
    if (event.kind == kAcknowledged) {
        if (alarm.acknowledged) return std::nullopt;
        alarm.acknowledged = event.time;
        alarm.acknowledged_by = follow.who;
        what = "acknowledged";
    } else if (event.kind == kCleared) {
        if (alarm.cleared) return std::nullopt;
        alarm.cleared = std::max(event.time, alarm.raised);
        alarm.cleared_reason = follow.comment;
        what = "cleared";
    }
    note(alarm, event.time, what, follow.who, follow.comment);
    Told told{alarm, std::string(what)};
    if (event.kind == kCleared) {
        page.cleared.push_back(alarm.id);
        forget_old(page);
    }
    return told;
}

void AlarmBook::rebuild(const std::vector<Event>& events) {
    const std::lock_guard lock{mutex_};
    for (const Event& event : events)
        if (auto changed = change(event); !changed)
            log_error("flow", "an alarm's event is left out: {}", changed.error().text());
}

void AlarmBook::apply(const Event& event) {
    std::optional<Told> told;
    {
        const std::lock_guard lock{mutex_};
        auto changed = change(event);
        if (!changed) return log_error("flow", "an alarm's event is left out: {}", changed.error().text());
        told = std::move(*changed);
        if (told) bring_device_up_to_date(told->alarm);
    }
    if (!told) return;
    told->alarm.journal.clear();
    bring_paths_up_to_date(told->alarm);
    const std::lock_guard lock{listeners_mutex_};
    for (const auto& [number, listener] : listeners_) listener(told->alarm, told->what);
}

std::string AlarmBook::new_id(const Alarm& alarm) {
    const std::lock_guard lock{mutex_};
    const auto& known = pages_[alarm.tenant].alarms;
    if (promised_.size() >= kPromisedMax) promised_.clear();  // what is left of events that were lost
    std::string id;
    for (unsigned again = 0;; ++again) {
        id = alarm_id(alarm, again);
        if (!known.contains(id) && promised_.emplace(alarm.tenant, id).second) return id;
    }
}

void AlarmBook::name_device(TenantId tenant, const std::string& uid, const std::string& name) {
    const std::lock_guard lock{mutex_};
    names_.insert_or_assign({tenant, uid}, name);
}

void AlarmBook::bring_device_up_to_date(Alarm& alarm) const {
    if (alarm.device_uid.empty()) return;
    if (const auto name = names_.find({alarm.tenant, alarm.device_uid}); name != names_.end())
        alarm.device = name->second;
}

void AlarmBook::bring_paths_up_to_date(Alarm& alarm) const {
    const auto bring = [&](TagId tag, std::string& path) {
        if (!tag) return;
        if (auto info = tags_.info(tag)) path = std::move(info->path);
    };
    bring(alarm.tag_id, alarm.tag);
    for (WhyValue& value : alarm.why.values) bring(value.tag_id, value.tag);
}

std::vector<Alarm> AlarmBook::active() const {
    const std::lock_guard lock{mutex_};
    std::vector<Alarm> list;
    for (const auto& [tenant, page] : pages_)
        for (const auto& [id, alarm] : page.alarms)
            if (alarm.active()) list.push_back(alarm);
    return list;
}

std::vector<Alarm> AlarmBook::list(TenantId tenant, const AlarmQuery& query) const {
    std::vector<Alarm> list;
    {
        const std::lock_guard lock{mutex_};
        const auto page = pages_.find(tenant);
        if (page == pages_.end()) return list;
        for (const auto& [id, alarm] : page->second.alarms)
            if (matches(alarm, query)) bring_device_up_to_date(list.emplace_back(alarm));
    }
    std::ranges::sort(list, [](const Alarm& a, const Alarm& b) {
        if (a.raised != b.raised) return a.raised > b.raised;
        const TimeNs a_end = a.cleared.value_or(INT64_MAX), b_end = b.cleared.value_or(INT64_MAX);
        return std::tie(a.rule, a.device, b_end, a.id) < std::tie(b.rule, b.device, a_end, b.id);
    });
    if (list.size() > query.alarms_max) list.resize(query.alarms_max);
    for (Alarm& alarm : list) {
        alarm.journal.clear();
        bring_paths_up_to_date(alarm);
    }
    return list;
}

Result<Alarm> AlarmBook::get(TenantId tenant, std::string_view id) const {
    std::optional<Alarm> found;
    {
        const std::lock_guard lock{mutex_};
        if (const auto page = pages_.find(tenant); page != pages_.end())
            if (const auto at = page->second.alarms.find(id); at != page->second.alarms.end())
                bring_device_up_to_date(found.emplace(at->second));
    }
    if (found) {
        bring_paths_up_to_date(*found);
        return std::move(*found);
    }
    return Error{Code::not_found, "there is no alarm \"{}\"; alarms cleared long ago are only in the events",
                 id.substr(0, 40)};
}

AlarmCounts AlarmBook::counts(TenantId tenant) const {
    AlarmCounts counts{};
    const std::lock_guard lock{mutex_};
    if (const auto page = pages_.find(tenant); page != pages_.end())
        for (const auto& [id, alarm] : page->second.alarms)
            if (alarm.active()) ++counts[static_cast<std::size_t>(alarm.severity)];
    return counts;
}

void AlarmBook::write(Event event, std::string id, Done done) {
    const TenantId tenant = event.tenant;
    Event copy = event;
    sink_.append_event(
        std::move(copy), Durability::sync,
        [this, event = std::move(event), tenant, id = std::move(id), done = std::move(done)](Result<EventId> logged) {
            if (!logged) return done(std::move(logged).error().context("cannot keep this"));
            apply(event);
            done(get(tenant, id));
        });
}

void AlarmBook::acknowledge(TenantId tenant, std::string_view id, std::string_view who, std::string_view comment,
                            Done done) {
    if (comment.size() > kCommentBytesMax)
        return done(
            Error{Code::limit, "the comment has {} bytes, at most {} are allowed", comment.size(), kCommentBytesMax});
    auto alarm = get(tenant, id);
    if (!alarm) return done(std::move(alarm).error());
    if (alarm->acknowledged)
        return done(Error{Code::conflict, "alarm {} was acknowledged by {} already", id, alarm->acknowledged_by});
    write(follow_event(*alarm, kAcknowledged, clock_.now(), who, comment), std::string(id), std::move(done));
}

void AlarmBook::comment(TenantId tenant, std::string_view id, std::string_view who, std::string_view comment,
                        Done done) {
    if (comment.size() > kCommentBytesMax)
        return done(
            Error{Code::limit, "the comment has {} bytes, at most {} are allowed", comment.size(), kCommentBytesMax});
    if (comment.empty()) return done(Error{Code::invalid, "comment: it is empty; write what is to be kept"});
    auto alarm = get(tenant, id);
    if (!alarm) return done(std::move(alarm).error());
    write(follow_event(*alarm, kComment, clock_.now(), who, comment), std::string(id), std::move(done));
}

std::uint64_t AlarmBook::subscribe(Listener listener) {
    const std::lock_guard lock{listeners_mutex_};
    listeners_.emplace(next_listener_, std::move(listener));
    return next_listener_++;
}

void AlarmBook::unsubscribe(std::uint64_t subscription) {
    const std::lock_guard lock{listeners_mutex_};
    listeners_.erase(subscription);
}

}  // namespace gongshu::flow
