#include "retention/retention.h"

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>

#include "base/json_writer.h"
#include "base/log.h"
#include "base/options.h"
#include "base/time_text.h"
#include "history/usage.h"
#include "registry/kinds/retention.h"
#include "registry/names.h"
#include "registry/paths.h"

namespace gongshu::retention {

using Day = std::int32_t;
using history::Removed;

namespace {

constexpr Day kNever = std::numeric_limits<Day>::min();
constexpr DurationNs kEvery = kHour;
constexpr DurationNs kAgainEvery = 5 * kMinute;  // while the bytes are passed and nothing more may go
constexpr DurationNs kPlanAge = 30 * kSecond;

Day day_at(TimeNs time) { return static_cast<Day>(time >= 0 ? time / kDay : -((kDay - 1 - time) / kDay)); }
TimeNs start_of(Day day) { return static_cast<TimeNs>(day) * kDay; }

// The first day that stays if what is older than `keep` goes.
Day cut_by_age(TimeNs now, DurationNs keep) {
    if (keep >= now - std::numeric_limits<TimeNs>::min() / 2) return kNever;
    return day_at(now - keep);
}

// The first day that stays if at most `bytes` do, the newest first; never a day that `keep` reaches into.
Day cut_by_bytes(const std::map<Day, std::uint64_t>& days, std::uint64_t bytes_max, Day keep) {
    std::uint64_t bytes = 0;
    for (auto day = days.rbegin(); day != days.rend(); ++day) {
        bytes += day->second;
        if (bytes > bytes_max && day->first < keep) return day->first + 1;
    }
    return kNever;
}

// What decides between globs that fit the same tag.
std::size_t weight_of(std::string_view glob) {
    return static_cast<std::size_t>(std::ranges::count_if(glob, [](char c) { return c != '*' && c != '?'; }));
}

}  // namespace

struct Retention::Policy {
    std::string name;
    std::vector<std::string> globs;
    std::optional<DurationNs> keep;
    std::optional<std::uint64_t> bytes_max;
    DurationNs keep_at_least = 0;
    std::map<Day, std::uint64_t> day_bytes, day_rows;
    PolicyUse use;
    Day cut = kNever;
};

struct Retention::Hold {
    std::vector<std::string> globs;
    Day from = std::numeric_limits<Day>::min();
    Day to = std::numeric_limits<Day>::max();  // the last day, inclusive
};

struct Retention::Tenant {
    TenantId id;
    std::vector<Policy> policies;
    std::vector<Hold> holds;
    TenantUse use;
    Day oldest = std::numeric_limits<Day>::max();
};

// Everything that is stored, by day, tenant and policy.
struct Retention::Survey {
    std::vector<Tenant> tenants;
    std::map<Day, std::uint64_t> days;  // bytes
    struct Tag {
        Tenant* tenant = nullptr;
        Policy* policy = nullptr;  // null = none fits
        std::vector<const Hold*> holds;
        bool is_held(Day day) const {
            return std::ranges::any_of(holds, [day](const Hold* hold) { return day >= hold->from && day <= hold->to; });
        }
    };
    std::unordered_map<std::uint64_t, Tag> tags;
    Day cut = kNever;  // of all, by the limits

    bool expired(TagId id, Day day) const {
        const auto found = tags.find(id.value);
        if (found == tags.end()) return false;  // newer than the survey: the next one knows it
        const Policy* policy = found->second.policy;
        if (day >= std::max(cut, policy == nullptr ? kNever : policy->cut)) return false;
        return !found->second.is_held(day);
    }
    bool has_holds() const {
        return std::ranges::any_of(tenants, [](const Tenant& tenant) { return !tenant.holds.empty(); });
    }
    bool has_policies() const {
        return std::ranges::any_of(tenants, [](const Tenant& tenant) { return !tenant.policies.empty(); });
    }
};

Retention::Retention(history::History& history, registry::Registry& registry, const Clock& clock, Limits limits)
    : history_(history), registry_(registry), clock_(clock), limits_(limits) {}

// Specs were checked when they were written; one that cannot be read is told and holds everything, so that a mistake
// removes nothing.
std::vector<Retention::Tenant> Retention::tenants() const {
    std::vector<Tenant> tenants;
    for (const auto& [id, name] : registry_.tenants()) {
        Tenant tenant{.id = id};
        tenant.use.tenant = id;
        tenant.use.name = name;
        for (const auto& resource : registry_.list_shared(id, "retention")) {
            const auto spec = registry::spec_of<registry::RetentionSpec>(*resource);
            if (!spec) {
                log_warning("retention", "{}: {}", resource->name, spec.error().text());
                tenant.holds.push_back({.globs = {"**"}});
                continue;
            }
            Policy policy{.name = resource->name, .globs = spec->tags};
            if (spec->keep) policy.keep = options::parse_duration(*spec->keep).value_or(100 * 365 * kDay);
            if (spec->keep_bytes) policy.bytes_max = options::parse_bytes(*spec->keep_bytes).value_or(~0ull);
            policy.keep_at_least =
                options::parse_duration(spec->keep_at_least.value_or("30d")).value_or(100 * 365 * kDay);
            policy.use.tenant = id;
            policy.use.tenant_name = name;
            policy.use.name = resource->name;
            tenant.policies.push_back(std::move(policy));
        }
        for (const auto& resource : registry_.list_shared(id, "hold")) {
            Hold hold{.globs = {"**"}};
            if (const auto spec = registry::spec_of<registry::HoldSpec>(*resource)) {
                hold.globs = spec->tags;
                if (spec->from)
                    if (const auto from = registry::parse_rfc3339(*spec->from)) hold.from = day_at(*from);
                if (spec->to)
                    if (const auto to = registry::parse_rfc3339(*spec->to)) hold.to = day_at(*to);
            }
            tenant.holds.push_back(std::move(hold));
        }
        tenants.push_back(std::move(tenant));
    }
    return tenants;
}

namespace {

// The policy that decides over a tag, null if none fits.
template <class Policy>
Policy* policy_of(std::vector<Policy>& policies, std::string_view path) {
    Policy* best = nullptr;
    std::size_t best_weight = 0;
    const auto keep_of = [](const Policy& policy) { return policy.keep.value_or(std::numeric_limits<TimeNs>::max()); };
    for (Policy& policy : policies)
        for (const std::string& glob : policy.globs) {
            if (!registry::glob_matches(glob, path)) continue;
            const std::size_t weight = weight_of(glob);
            if (best != nullptr &&
                (weight < best_weight || (weight == best_weight && keep_of(policy) <= keep_of(*best))))
                continue;
            best = &policy;
            best_weight = weight;
        }
    return best;
}

}  // namespace

TimeNs Retention::keeps_from(TenantId tenant, std::string_view path) const {
    const TimeNs now = clock_.now();
    TimeNs from = limits_.days > 0 ? now - limits_.days * kDay : 0;
    for (Tenant& one : tenants()) {
        if (one.id != tenant) continue;
        const Policy* policy = policy_of(one.policies, path);
        if (policy != nullptr && policy->keep) from = std::max(from, now - *policy->keep);
    }
    return std::max<TimeNs>(from, 0);
}

Result<Retention::Survey> Retention::survey() const {
    Survey survey;
    survey.tenants = tenants();
    std::unordered_map<std::uint32_t, Tenant*> by_id;
    for (Tenant& tenant : survey.tenants) by_id[tenant.id.value] = &tenant;
    const auto place = [&](TagId id) {
        Survey::Tag tag;
        const auto info = history_.info(id);
        const auto found = info ? by_id.find(info->key.tenant.value) : by_id.end();
        if (found == by_id.end()) return tag;
        tag.tenant = found->second;
        tag.policy = policy_of(tag.tenant->policies, info->path);
        for (const Hold& hold : tag.tenant->holds)
            if (std::ranges::any_of(hold.globs,
                                    [&](const std::string& glob) { return registry::glob_matches(glob, info->path); }))
                tag.holds.push_back(&hold);
        ++tag.tenant->use.tags;
        if (tag.policy != nullptr) ++tag.policy->use.tags;
        return tag;
    };
    TRY(history_.visit_tag_days([&](const history::TagDayUse& use) {
        const auto found = survey.tags.find(use.tag.value);
        Survey::Tag& tag = found != survey.tags.end() ? found->second : survey.tags[use.tag.value] = place(use.tag);
        survey.days[use.day] += use.bytes;
        if (tag.tenant == nullptr) return;
        tag.tenant->use.rows += use.rows;
        tag.tenant->use.bytes += use.bytes;
        tag.tenant->oldest = std::min(tag.tenant->oldest, use.day);
        if (tag.policy == nullptr) return;
        tag.policy->use.rows += use.rows;
        tag.policy->use.bytes += use.bytes;
        if (tag.is_held(use.day)) return;  // it stays whatever the policy says
        tag.policy->day_bytes[use.day] += use.bytes;
        tag.policy->day_rows[use.day] += use.rows;
    }));
    return survey;
}

void Retention::decide(Survey& survey, const Limits& limits) const {
    const TimeNs now = clock_.now();
    std::map<Day, std::uint64_t> left = survey.days;
    for (Tenant& tenant : survey.tenants)
        for (Policy& policy : tenant.policies) {
            if (policy.keep) policy.cut = cut_by_age(now, *policy.keep);
            if (policy.bytes_max)
                policy.cut = std::max(policy.cut, cut_by_bytes(policy.day_bytes, *policy.bytes_max,
                                                               cut_by_age(now, policy.keep_at_least)));
            for (const auto& [day, bytes] : policy.day_bytes) {
                if (day >= policy.cut) continue;
                left[day] -= std::min(left[day], bytes);
                policy.use.bytes_to_go += bytes;
                policy.use.rows_to_go += policy.day_rows[day];
            }
            if (policy.use.rows_to_go > 0) policy.use.before = start_of(policy.cut);
        }
    survey.cut = cut_by_age(now, static_cast<DurationNs>(limits.days) * kDay);
    if (limits.bytes > 0)
        survey.cut = std::max(
            survey.cut,
            cut_by_bytes(left, limits.bytes, cut_by_age(now, static_cast<DurationNs>(limits.keep_days) * kDay)));
}

history::Removal Retention::removal_of(const Survey& survey) const {
    Day last = survey.cut;
    for (const Tenant& tenant : survey.tenants)
        for (const Policy& policy : tenant.policies) last = std::max(last, policy.cut);
    history::Removal removal;
    if (!survey.has_holds()) removal.all_before = survey.cut;
    removal.some_before = last;
    removal.expired = [&survey](TagId tag, Day day) { return survey.expired(tag, day); };
    return removal;
}

Result<Plan> Retention::plan(const std::optional<Limits>& limits) const {
    Survey survey = TRY(this->survey());
    Plan plan{.limits = limits.value_or(limits_)};
    decide(survey, plan.limits);
    history::Removal removal = removal_of(survey);
    removal.dry_run = true;
    plan.to_go = TRY(history_.remove(removal));
    for (Tenant& tenant : survey.tenants) {
        tenant.use.holds = tenant.holds.size();
        if (tenant.use.rows > 0) tenant.use.oldest = start_of(tenant.oldest);
        for (const Policy& policy : tenant.policies) {
            plan.policies.push_back(policy.use);
            tenant.use.rows_to_go += policy.use.rows_to_go;
        }
        plan.tenants.push_back(tenant.use);
    }
    const auto days = history_.days();
    for (const history::DayUse& day : days) {
        plan.rows += day.rows;
        plan.bytes += day.bytes;
    }
    if (!days.empty()) plan.oldest = start_of(days.front().day);
    if (survey.cut != kNever && !days.empty() && days.front().day < survey.cut) plan.before = start_of(survey.cut);
    const history::Growth growth = history::growth_of(days, history_.stats(), clock_.now());
    plan.bytes_a_day = growth.bytes_a_day;
    plan.full_at = growth.full_at;
    return plan;
}

std::string Retention::holds_now() const {
    std::string text;
    for (const auto& [id, name] : registry_.tenants())
        for (const char* kind : {"hold", "retention"})
            for (const auto& resource : registry_.list_shared(id, kind))
                text += fmt::format("{} {}\n", resource->uid, resource->revision);
    return text;
}

Result<Removed> Retention::remove_all(const history::Removal& removal, const std::string& holds) {
    Removed all;
    for (bool more = true; more;) {
        // What somebody holds from now on was not yet held when it was decided; the next run decides anew.
        if (holds_now() != holds) {
            all.more = true;
            break;
        }
        const Removed part = TRY(history_.remove(removal));
        const bool first = all.rows == 0;
        if (part.rows > 0) {
            all.from = first ? part.from : std::min(all.from, part.from);
            all.to = first ? part.to : std::max(all.to, part.to);
        }
        all.segments += part.segments;
        all.rewritten += part.rewritten;
        all.rows += part.rows;
        all.bytes += part.bytes;
        more = part.more;
    }
    return all;
}

Result<Removed> Retention::run() {
    const std::unique_lock running{running_, std::try_to_lock};
    if (!running) return Error{Code::conflict, "old readings are being removed at this moment"};
    {
        const std::lock_guard lock{mutex_};
        last_try_ = clock_.monotonic();
    }
    const std::string holds = holds_now();
    Survey survey;
    survey.tenants = tenants();
    // Without resources the days alone decide, and no segment has to be opened.
    if (survey.has_policies() || survey.has_holds())
        survey = TRY(this->survey());
    else
        for (const history::DayUse& day : history_.days()) survey.days[day.day] = day.bytes;
    decide(survey, limits_);
    auto removed = remove_all(removal_of(survey), holds);
    if (removed && removed->rows > 0) {
        tell(survey, *removed);
        const std::lock_guard lock{recent_mutex_};
        recent_.reset();
    }
    if (!removed || removed->rows > 0) {
        const std::lock_guard lock{mutex_};
        done_.push_back({clock_.now(), removed.value_or(Removed{}), removed ? "" : removed.error().text()});
        if (done_.size() > kDoneMax) done_.erase(done_.begin());
    }
    return removed;
}

void Retention::tell(const Survey& survey, const Removed& removed) {
    log_info("retention", "removed {} readings of {} to {}, {} MB", removed.rows, format_time(removed.from),
             format_time(removed.to), removed.bytes / 1'000'000);
    const auto audit = [&](const Tenant& tenant, std::string_view name, std::uint64_t rows, std::uint64_t bytes,
                           TimeNs from, TimeNs to) {
        std::string detail;
        JsonWriter json(detail);
        json.begin_object().key("readings").safe_integer(static_cast<std::int64_t>(rows));
        json.key("bytes").safe_integer(static_cast<std::int64_t>(bytes));
        if (from != 0) json.key("from").text(format_time(from));
        json.key("to").text(format_time(to)).end_object();
        const registry::Actor actor{tenant.id, tenant.use.name, "system", registry::Role::admin, ""};
        registry_.audit(actor, "remove", "retention", name, detail, true);
    };
    for (const Tenant& tenant : survey.tenants) {
        if (tenant.use.name == "default") audit(tenant, "", removed.rows, removed.bytes, removed.from, removed.to);
        // Stopped half way, nobody knows how much of each policy's share it was.
        for (const Policy& policy : tenant.policies)
            if (policy.use.rows_to_go > 0 && !removed.more)
                audit(tenant, policy.name, policy.use.rows_to_go, policy.use.bytes_to_go, 0, policy.use.before);
    }
}

bool Retention::due() const {
    DurationNs since = kEvery;
    {
        const std::lock_guard lock{mutex_};
        if (last_try_) since = clock_.monotonic() - *last_try_;
    }
    if (since >= kEvery) return true;
    return limits_.bytes > 0 && since >= kAgainEvery && history_.stats().segment_bytes > limits_.bytes;
}

void Retention::tend() {
    if (!due()) return;
    if (auto removed = run(); !removed && removed.error().code() != Code::conflict)
        log_error("retention", "{}", removed.error().text());
}

Result<Plan> Retention::recent_plan() {
    const std::lock_guard lock{recent_mutex_};
    if (!recent_ || clock_.monotonic() - recent_at_ >= kPlanAge) {
        recent_ = TRY(plan());
        recent_at_ = clock_.monotonic();
    }
    return *recent_;
}

std::vector<Done> Retention::done() const {
    const std::lock_guard lock{mutex_};
    return done_;
}

}  // namespace gongshu::retention
