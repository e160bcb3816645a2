#include "flow/alarm_book.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/log.h"

namespace gongshu::flow {
namespace {

constexpr DurationNs kAskedAgo = kSecond;  // a time to shelve for is counted from when it was asked
constexpr std::array<std::string_view, kSeverityCount> kSeverities{"critical", "major", "minor", "warning"};
constexpr std::array<std::string_view, 6> kStates{"raised",  "acknowledged", "latched",
                                                  "shelved", "suppressed",   "cleared"};
constexpr std::array<std::string_view, 8> kFilters{"active",  "raised",     "acknowledged", "latched",
                                                   "shelved", "suppressed", "cleared",      "all"};

template <class E, std::size_t N>
std::optional<E> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) return std::nullopt;
    return static_cast<E>(found - names.begin());
}

bool is_wanted(AlarmState state, StateFilter filter) {
    switch (filter) {
        case StateFilter::active:
            return Alarm::is_active(state);
        case StateFilter::raised:
            return state == AlarmState::raised;
        case StateFilter::acknowledged:
            return state == AlarmState::acknowledged;
        case StateFilter::latched:
            return state == AlarmState::latched;
        case StateFilter::shelved:
            return state == AlarmState::shelved;
        case StateFilter::suppressed:
            return state == AlarmState::suppressed;
        case StateFilter::cleared:
            return state == AlarmState::cleared;
        case StateFilter::all:
            return true;
    }
    return true;
}

bool matches(const Alarm& alarm, AlarmState state, const AlarmQuery& query) {
    if (query.group && alarm.group != *query.group) return false;
    if (query.severity && alarm.severity != *query.severity) return false;
    if (query.to && alarm.raised >= *query.to) return false;
    if (query.from && alarm.cleared && *alarm.cleared < *query.from) return false;
    return is_wanted(state, query.state);
}

void note(Alarm& alarm, TimeNs time, std::string_view what, std::string_view who, std::string_view comment) {
    if (alarm.journal.size() >= Alarms::kJournalMax) alarm.journal.erase(alarm.journal.begin());
    alarm.journal.push_back({time, std::string(what), std::string(who), std::string(comment)});
}

// Kinds of events that follow an alarm's raising, and what the journal calls them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kFollowing{{
    {kAcknowledged, "acknowledged"},
    {kCleared, "cleared"},
    {kComment, "comment"},
    {kSuppressed, "suppressed"},
    {kUnsuppressed, "unsuppressed"},
    {kLatched, "latched"},
    {kAgain, "again"},
}};

// "" of an event that does not follow an alarm.
std::string_view what_of(const Event& event) {
    const auto found = std::ranges::find(kFollowing, event.kind, &std::pair<std::string_view, std::string_view>::first);
    return found == kFollowing.end() ? "" : found->second;
}

void forget_acknowledgement(Alarm& alarm) {
    alarm.acknowledged.reset();
    alarm.acknowledged_by.clear();
}

// What an event changes of its alarm; false if nothing: it was so already.
bool take(Alarm& alarm, const Event& event, const Follow& follow) {
    if (event.kind == kComment) return true;
    if (event.kind == kAcknowledged) {
        if (alarm.acknowledged) return false;
        alarm.acknowledged = event.time;
        alarm.acknowledged_by = follow.who;
        if (alarm.alive() && alarm.latched) alarm.cleared = std::max(event.time, alarm.raised);
        return true;
    }
    if (!alarm.alive()) return false;
    if (event.kind == kCleared || (event.kind == kLatched && alarm.acknowledged)) {
        alarm.cleared = std::max(event.time, alarm.raised);
        alarm.cleared_reason = follow.comment;
    } else if (event.kind == kLatched) {
        if (alarm.latched) return false;
        alarm.latched = event.time;
    } else if (event.kind == kAgain) {
        if (!alarm.latched) return false;
        alarm.latched.reset();
    } else if (event.kind == kSuppressed) {
        if (alarm.suppressed) return false;
        alarm.suppressed = event.time;
    } else if (event.kind == kUnsuppressed) {
        if (!alarm.suppressed) return false;
        alarm.suppressed.reset();
        forget_acknowledgement(alarm);
    }
    return true;
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

Result<std::vector<AlarmBook::Told>> AlarmBook::change(const Event& event) {
    if (event.kind == kRaised) {
        Alarm alarm = TRY(read_raised(event));
        note(alarm, alarm.raised, "raised", "", "");
        promised_.erase({event.tenant, alarm.id});
        const auto [at, fresh] = pages_[event.tenant].alarms.try_emplace(alarm.id, std::move(alarm));
        if (!fresh) return std::vector<Told>{};
        return std::vector<Told>{Told{at->second, "raised"}};
    }
    if (is_of_shelf(event)) return change_shelf(event, TRY(read_shelf(event)));
    if (what_of(event).empty()) return std::vector<Told>{};
    return follow(event, TRY(read_follow(event)));
}

std::vector<AlarmBook::Told> AlarmBook::follow(const Event& event, const Follow& follow) {
    Page& page = pages_[event.tenant];
    const auto found = page.alarms.find(follow.alarm);
    if (found == page.alarms.end()) return {};  // forgotten long ago
    Alarm& alarm = found->second;
    const bool was_alive = alarm.alive();
    if (!take(alarm, event, follow)) return {};
    std::vector<Told> told;
    const auto tell = [&](std::string_view what, std::string_view who, std::string_view comment) {
        note(alarm, event.time, what, who, comment);
        told.push_back({alarm, std::string(what)});
    };
    const bool ended = was_alive && !alarm.alive();
    if (event.kind != kLatched || !ended) tell(what_of(event), follow.who, follow.comment);
    // Latched and acknowledged, in whichever order, is cleared.
    if (ended && event.kind != kCleared) tell("cleared", "", "");
    if (ended) {
        page.cleared.push_back(alarm.id);
        forget_old(page);
    }
    return told;
}

std::vector<AlarmBook::Told> AlarmBook::change_shelf(const Event& event, const Shelf& shelf) {
    const bool begins = event.kind == kShelved || event.kind == kOutOfService;
    if (begins)
        shelves_.put(shelf);
    else if (!shelves_.take(shelf))
        return {};
    if (shelf.kind == ShelfKind::out_of_service) return {};  // the lane clears what there is
    std::vector<Told> told;
    for (auto& [id, alarm] : pages_[event.tenant].alarms) {
        const bool covered = shelf.device_uid.empty() || shelf.device_uid == alarm.device_uid;
        if (!alarm.alive() || alarm.rule_uid != shelf.rule_uid || !covered) continue;
        if (!begins && shelf_over(alarm) == nullptr) {
            forget_acknowledgement(alarm);
        }
        const std::string_view what = begins ? "shelved" : "unshelved";
        note(alarm, event.time, what, shelf.by, shelf.reason);
        told.push_back({alarm, std::string(what)});
    }
    std::ranges::sort(told, {}, [](const Told& one) { return std::tie(one.alarm.device, one.alarm.raised); });
    return told;
}

void AlarmBook::rebuild(const std::vector<Event>& events) {
    const std::lock_guard lock{mutex_};
    for (const Event& event : events)
        if (auto changed = change(event); !changed)
            log_error("flow", "an alarm's event is left out: {}", changed.error().text());
}

void AlarmBook::apply(const Event& event) {
    std::vector<Told> told;
    {
        const std::lock_guard lock{mutex_};
        auto changed = change(event);
        if (!changed) return log_error("flow", "an alarm's event is left out: {}", changed.error().text());
        told = std::move(*changed);
        for (Told& one : told) one.alarm = seen(one.alarm);
    }
    for (Told& one : told) {
        one.alarm.journal.clear();
        bring_paths_up_to_date(one.alarm);
        const std::lock_guard lock{listeners_mutex_};
        for (const auto& [number, listener] : listeners_) listener(one.alarm, one.what);
    }
    if (heard_over_ && (event.kind == kAcknowledged || event.kind == kLatched))
        for (const Told& one : told)
            if (one.what == "cleared") heard_over_(one.alarm);
    if (heard_ && is_of_shelf(event))
        if (const auto shelf = read_shelf(event)) heard_(*shelf);
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

void AlarmBook::name(TenantId tenant, const std::string& uid, const std::string& name) {
    const std::lock_guard lock{mutex_};
    names_.insert_or_assign({tenant, uid}, name);
}

void AlarmBook::bring_up_to_date(TenantId tenant, const std::string& uid, std::string& name) const {
    if (uid.empty()) return;
    if (const auto found = names_.find({tenant, uid}); found != names_.end()) name = found->second;
}

const Shelf* AlarmBook::shelf_over(const Alarm& alarm) const {
    if (!alarm.alive()) return nullptr;
    return shelves_.over(ShelfKind::shelved, {alarm.tenant, alarm.rule_uid, alarm.device_uid});
}

AlarmState AlarmBook::state_of(const Alarm& alarm) const {
    return shelf_over(alarm) ? AlarmState::shelved : alarm.state();
}

const Alarm* AlarmBook::find(const Alarm& alarm) const {
    const auto page = pages_.find(alarm.tenant);
    if (page == pages_.end()) return nullptr;
    const auto found = page->second.alarms.find(alarm.id);
    return found == page->second.alarms.end() ? nullptr : &found->second;
}

bool AlarmBook::is_acknowledged(const Alarm& alarm) const {
    const std::lock_guard lock{mutex_};
    const Alarm* const found = find(alarm);
    return found && found->acknowledged;
}

bool AlarmBook::is_over(const Alarm& alarm) const {
    const std::lock_guard lock{mutex_};
    const Alarm* const found = find(alarm);
    return found && !found->alive();
}

Alarm AlarmBook::seen(const Alarm& alarm) const {
    Alarm copy = alarm;
    if (const Shelf* shelf = shelf_over(alarm)) copy.shelf = *shelf;
    bring_up_to_date(copy.tenant, copy.device_uid, copy.device);
    return copy;
}

void AlarmBook::bring_paths_up_to_date(Alarm& alarm) const {
    const auto bring = [&](TagId tag, std::string& path) {
        if (!tag) return;
        if (auto info = tags_.info(tag)) path = std::move(info->path);
    };
    bring(alarm.tag_id, alarm.tag);
    for (WhyValue& value : alarm.why.values) bring(value.tag_id, value.tag);
}

std::vector<Alarm> AlarmBook::alive() const {
    const std::lock_guard lock{mutex_};
    std::vector<Alarm> list;
    for (const auto& [tenant, page] : pages_)
        for (const auto& [id, alarm] : page.alarms)
            if (alarm.alive()) list.push_back(alarm);
    return list;
}

std::vector<Alarm> AlarmBook::list(TenantId tenant, const AlarmQuery& query) const {
    std::vector<Alarm> list;
    {
        const std::lock_guard lock{mutex_};
        const auto page = pages_.find(tenant);
        if (page == pages_.end()) return list;
        for (const auto& [id, alarm] : page->second.alarms)
            if (matches(alarm, state_of(alarm), query)) list.push_back(seen(alarm));
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
            if (const auto at = page->second.alarms.find(id); at != page->second.alarms.end()) found = seen(at->second);
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
            if (Alarm::is_active(state_of(alarm))) ++counts[static_cast<std::size_t>(alarm.severity)];
    return counts;
}

std::map<std::string, AlarmCounts> AlarmBook::counts_by_group(TenantId tenant) const {
    std::map<std::string, AlarmCounts> counts;
    const std::lock_guard lock{mutex_};
    if (const auto page = pages_.find(tenant); page != pages_.end())
        for (const auto& [id, alarm] : page->second.alarms)
            if (Alarm::is_active(state_of(alarm))) ++counts[alarm.group][static_cast<std::size_t>(alarm.severity)];
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

bool AlarmBook::is_out_of_service(const PlanKey& key) const {
    const std::lock_guard lock{mutex_};
    return shelves_.over(ShelfKind::out_of_service, key) != nullptr;
}

std::optional<TimeNs> AlarmBook::next_shelf_end() const {
    const std::lock_guard lock{mutex_};
    return shelves_.next_end();
}

std::vector<Shelf> AlarmBook::take_ended_shelves(TimeNs now) {
    const std::lock_guard lock{mutex_};
    return shelves_.take_ended(now);
}

std::vector<Shelf> AlarmBook::shelves(TenantId tenant) const {
    const std::lock_guard lock{mutex_};
    std::vector<Shelf> list = shelves_.of(tenant);
    for (Shelf& shelf : list) {
        bring_up_to_date(tenant, shelf.rule_uid, shelf.rule);
        bring_up_to_date(tenant, shelf.device_uid, shelf.device);
    }
    std::ranges::sort(list, {}, [](const Shelf& shelf) { return std::tie(shelf.rule, shelf.device, shelf.kind); });
    return list;
}

void AlarmBook::write_shelf(Event event, Shelf shelf, ShelfDone done) {
    Event copy = event;
    sink_.append_event(
        std::move(copy), Durability::sync,
        [this, event = std::move(event), shelf = std::move(shelf), done = std::move(done)](Result<EventId> logged) {
            if (!logged) return done(std::move(logged).error().context("cannot keep this"));
            apply(event);
            done(shelf);
        });
}

void AlarmBook::shelve(Shelf shelf, ShelfDone done) {
    shelf.since = clock_.now();
    if (shelf.reason.empty()) return done(Error{Code::invalid, "reason: it is empty; write why"});
    if (shelf.reason.size() > kCommentBytesMax)
        return done(Error{Code::limit, "reason: it has {} bytes, at most {} are allowed", shelf.reason.size(),
                          kCommentBytesMax});
    const DurationNs length = shelf.until.value_or(shelf.since) - shelf.since;
    if (shelf.kind == ShelfKind::shelved && (length < kShelveMin - kAskedAgo || length > kShelveMax))
        return done(Error{Code::invalid,
                          "for: expected between 1 minute and 7 days; what takes longer is for an "
                          "engineer to take out of service"});
    {
        const std::lock_guard lock{mutex_};
        const Shelf* const before = shelves_.find(shelf);
        if (before && shelf.kind == ShelfKind::out_of_service)
            return done(Error{Code::conflict, "rule: {} took \"{}\" out of service already: {}", before->by,
                              before->rule, before->reason});
        if (!before && shelves_.count(shelf.tenant) >= kShelvesMax)
            return done(Error{Code::limit, "more than {} rules and devices are set aside; unshelve some", kShelvesMax});
    }
    Event event = shelved_event(shelf);
    write_shelf(std::move(event), std::move(shelf), std::move(done));
}

void AlarmBook::unshelve(const Shelf& shelf, std::string_view who, std::string_view comment, ShelfDone done) {
    if (comment.size() > kCommentBytesMax)
        return done(
            Error{Code::limit, "the comment has {} bytes, at most {} are allowed", comment.size(), kCommentBytesMax});
    std::optional<Shelf> found;
    {
        const std::lock_guard lock{mutex_};
        if (const Shelf* const at = shelves_.find(shelf)) found = *at;
    }
    if (!found)
        return done(Error{Code::not_found, "rule: \"{}\"{} is not {}", shelf.rule,
                          shelf.device.empty() ? "" : " of " + shelf.device,
                          shelf.kind == ShelfKind::shelved ? "shelved" : "out of service"});
    Event event = unshelved_event(*found, clock_.now(), who, comment);
    write_shelf(std::move(event), std::move(*found), std::move(done));
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
