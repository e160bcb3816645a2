#include "flow/past.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "flow/scope.h"
#include "registry/kinds/device.h"
#include "registry/tag_at.h"

namespace gongshu::flow {
namespace {

constexpr std::size_t kPendingsMax = 10'000;
constexpr std::uint64_t kRowsMax = 2'000'000;  // of one rule's past
constexpr DurationNs kAhead = 15 * kMinute;    // readings may be a little in the future
constexpr DurationNs kPendingAgeMax = kHour;   // a hold that should have ended so long ago was broken off
constexpr std::size_t kDevicesMax = 100'000;

void add_rows(Past& past, std::size_t tag, const Rows& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) past.readings.emplace_back(tag, rows.reading(i));
}

}  // namespace

Result<std::vector<Event>> read_alarm_events(const Reader& reader, TenantId tenant, const EventLimits& limits) {
    std::vector<Event> all;
    Window window{INT64_MIN, INT64_MAX};
    bool last = false;
    while (!last && all.size() < limits.all) {
        auto page = TRY(reader.read_events(tenant, window, "alarm.", limits.at_once).context("cannot read alarms"));
        last = page.size() < limits.at_once;
        if (!page.empty()) window.to = page.front().time;
        if (!last) {
            // Events of the page's first instant may be cut in two: they come again with the next page.
            std::erase_if(page, [&](const Event& event) { return event.time == window.to; });
            window.to += 1;
            if (page.empty()) break;  // a hundred thousand in one nanosecond
        }
        all.insert(all.end(), std::make_move_iterator(page.begin()), std::make_move_iterator(page.end()));
    }
    // A rule stays out of service until it is put back, however many alarms there were since.
    for (const std::string_view kind : {kOutOfService, kInService}) {
        if (last) break;
        auto older = TRY(reader.read_events(tenant, window, kind, limits.at_once).context("cannot read alarms"));
        all.insert(all.end(), std::make_move_iterator(older.begin()), std::make_move_iterator(older.end()));
    }
    // In the order they were logged: an alarm's time may be that of a reading long before its clearing was seen.
    std::ranges::sort(all, {}, [](const Event& event) { return event.id; });
    const auto same = [](const Event& a, const Event& b) { return a.id == b.id; };
    all.erase(std::ranges::unique(all, same).begin(), all.end());
    return all;
}

Result<std::vector<Pending>> read_pendings(const Reader& reader, TenantId tenant) {
    std::map<PlanKey, Pending> newest;
    const Window ever{INT64_MIN, INT64_MAX};
    for (const Event& event :
         TRY(reader.read_events(tenant, ever, kPending, kPendingsMax).context("cannot read holds"))) {
        auto pending = read_pending(event);
        if (!pending) {
            log_error("flow", "a hold's event is left out: {}", pending.error().text());
            continue;
        }
        newest.insert_or_assign(pending->key, *pending);
    }
    std::vector<Pending> list;
    for (const auto& [key, pending] : newest) list.push_back(pending);
    return list;
}

Past read_past(const Reader& reader, const RulePlan& plan, std::optional<TimeNs> pending_since, TimeNs now) {
    const DurationNs lookback = plan.lookback();
    Past past{.from = now - lookback};
    const bool held =
        pending_since && *pending_since <= now && *pending_since > now - plan.on_delay - lookback - kPendingAgeMax;
    if (held) past.from = std::min(past.from, *pending_since - lookback);
    std::vector<bool> found(plan.tags.size());
    if (lookback > 0 || held) {
        ReadRequest request{.window = {past.from, now + kAhead}, .rows_max = kRowsMax};
        for (const PlanTag& tag : plan.tags)
            if (tag.id) request.tags.push_back(tag.id);
        auto series = request.tags.empty() ? Result<std::vector<Series>>(std::vector<Series>{}) : reader.read(request);
        if (!series) {
            log_warning("flow", "rule {} begins without its past: {}", plan.rule, series.error().text());
        } else {
            for (const Series& one : *series)
                for (std::size_t i = 0; i < plan.tags.size(); ++i) {
                    if (plan.tags[i].id != one.tag || found[i] || one.rows.empty()) continue;
                    add_rows(past, i, one.rows);
                    found[i] = true;
                }
        }
    }
    for (std::size_t i = 0; i < plan.tags.size(); ++i) {
        if (!plan.tags[i].id || found[i]) continue;
        if (const auto last = reader.last(plan.tags[i].id)) past.readings.emplace_back(i, *last);
    }
    std::ranges::stable_sort(past.readings, {}, [](const auto& one) { return one.second.time; });
    if (!past.readings.empty()) past.from = std::min(past.from, past.readings.front().second.time);
    return past;
}

std::vector<std::pair<std::string, std::string>> devices_of_type(const registry::ResourceReader& registry,
                                                                 TenantId tenant, std::string_view type) {
    std::vector<std::pair<std::string, std::string>> list;
    for (const auto& device : registry.list_shared(tenant, "device")) {
        const auto spec = registry::spec_of<registry::DeviceSpec>(*device);
        if (spec && spec->type == type && list.size() < kDevicesMax) list.emplace_back(device->name, device->uid);
    }
    return list;
}

CheckAnswer answer_check(const FlowParts& parts, const CheckQuestion& question) {
    CheckAnswer answer;
    std::string device = question.device;
    if (device.empty() && !question.device_type.empty()) {
        // The first device stands for all, so that there are values to show.
        for (const auto& [name, uid] : devices_of_type(parts.registry, question.tenant, question.device_type)) {
            if (question.sees && !question.sees(name)) continue;
            device = name;
            break;
        }
    }
    const LiveScope scope{
        parts.registry,  parts.tags,   question.tenant, device, device.empty() ? question.device_type : "",
        Unfound::refuse, question.sees};
    const auto program = expr::compile(question.condition, scope, {.want_condition = true});
    if (!program) {
        answer.error = program.error();
        return answer;
    }
    answer.uses = (*program)->uses();
    answer.window = duration_text((*program)->lookback());
    RulePlan plan{.key = {question.tenant, "", ""}, .rule = "(being edited)", .on = *program};
    for (std::size_t i = 0; i < (*program)->tags().size(); ++i) {
        const expr::ProgramTag& tag = (*program)->tags()[i];
        const auto info = registry::tag_at(parts.registry, parts.tags, question.tenant, tag.path);
        plan.tags.push_back({.id = info ? info->id : TagId{}, .path = tag.path, .unit = tag.unit, .in_on = i});
        answer.tags.push_back({tag.path, info ? parts.reader.last(info->id) : std::nullopt});
    }
    const TimeNs now = parts.clock.now();
    const Past past = read_past(parts.reader, plan, std::nullopt, now);
    const auto evaluator = expr::Evaluator::create(*program);
    const auto go_to = [&](TimeNs time) {
        for (auto next = evaluator->next_time(); next && *next <= time; next = evaluator->next_time()) {
            evaluator->advance(*next);
            evaluator->answer();
        }
        evaluator->advance(time);
    };
    evaluator->advance(std::min(past.from, now));
    for (const auto& [tag, reading] : past.readings) {
        go_to(std::min(reading.time, now));
        evaluator->feed(tag, reading.time, reading.value, reading.quality);
        evaluator->answer();
    }
    go_to(now);
    if (const expr::Answer& final = evaluator->answer(); final.known) answer.value = final.truth;
    return answer;
}

}  // namespace gongshu::flow
