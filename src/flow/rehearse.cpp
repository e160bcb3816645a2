#include "flow/rehearse.h"

#include <algorithm>
#include <queue>

#include "flow/alarm_event.h"
#include "flow/instance.h"
#include "flow/past.h"
#include "flow/plan.h"
#include "registry/kinds/device.h"

namespace gongshu::flow {
namespace {

constexpr std::uint64_t kRowsAtOnce = 500'000;
constexpr DurationNs kStrideMax = 7 * kDay, kStrideMin = kSecond;
constexpr DurationNs kWarmUp = kHour;        // before the window
constexpr DurationNs kSeedAge = 400 * kDay;  // so old may a value be that has not changed since
constexpr DurationNs kStep = 4 * kHour;      // at once; a rule that asks for the time changes each second
constexpr TimeNs kEarliest = INT64_MIN / 2 + 500 * kDay;
constexpr std::size_t kDevicesMax = 1'000;
constexpr std::size_t kMissingMax = 100;

// One device's run through the window.
class Run {
public:
    Run(const Reader& reader, const RehearseQuestion& question, RehearseAnswer& answer,
        std::shared_ptr<const RulePlan> plan)
        : reader_(reader), question_(question), answer_(answer), plan_(std::move(plan)), instance_(plan_, {}) {
        for (const PlanTag& tag : plan_->tags)
            if (tag.id) request_.tags.push_back(tag.id);
    }

    // True when it came to the window's end, false when `give_up` said so.
    Result<bool> go(const std::function<bool()>& give_up) {
        const TimeNs to = question_.window.to;
        TimeNs from = std::max(question_.window.from, kEarliest) - std::max(plan_->lookback(), kWarmUp);
        instance_.follow(from);
        for (std::size_t tag = 0; tag < plan_->tags.size(); ++tag)
            if (plan_->tags[tag].id)
                if (const auto before = TRY(last_before(plan_->tags[tag].id, from))) instance_.feed(tag, *before);
        instance_.step(happened_);
        take();
        DurationNs stride = kDay;
        while (from < to) {
            if (give_up()) {
                finish(from);
                return false;
            }
            request_.window = {from, std::min(from + stride, to)};
            request_.rows_max = kRowsAtOnce;
            auto series =
                request_.tags.empty() ? Result<std::vector<Series>>(std::vector<Series>{}) : reader_.read(request_);
            if (!series && series.error().code() == Code::limit && stride > kStrideMin) {
                stride = std::max(stride / 8, kStrideMin);
                continue;
            }
            if (!series) return series.error();
            const auto rows = feed(*series, give_up);
            if (!rows || !go_to(request_.window.to, give_up)) {
                finish(instance_.time());
                return false;
            }
            from = request_.window.to;
            if (*rows < kRowsAtOnce / 16) stride = std::min(stride * 2, kStrideMax);
        }
        finish(to);
        return true;
    }

private:
    // What a tag was at `time`, if it had spoken not too long before.
    Result<std::optional<Reading>> last_before(TagId tag, TimeNs time) const {
        const auto last = reader_.last(tag);
        if (!last || last->time < time) return last;
        TimeNs to = time;
        for (DurationNs age = kHour; age < kSeedAge; age *= 4) {
            const auto series = reader_.read({.tags = {tag}, .window = {time - age, to}, .rows_max = kRowsAtOnce});
            if (!series && series.error().code() != Code::limit) return series.error();
            if (!series) return std::optional<Reading>{};  // so many at once that the next comes soon
            if (!series->empty() && !series->front().rows.empty())
                return std::optional{series->front().rows.reading(series->front().rows.size() - 1)};
            to = time - age;
        }
        return std::optional<Reading>{};
    }

    // What time alone does; false if it gave up on the way.
    bool go_to(TimeNs time, const std::function<bool()>& give_up) {
        while (const auto next = instance_.next_time()) {
            if (*next > time || time - instance_.time() <= kStep) break;
            instance_.advance(std::max(*next, instance_.time() + kStep), happened_);
            take();
            if (give_up()) return false;
        }
        instance_.advance(time, happened_);
        return true;
    }

    // In the order of time over all tags, and what happens between two readings by time alone. How many there were;
    // nullopt if it gave up.
    std::optional<std::uint64_t> feed(const std::vector<Series>& series, const std::function<bool()>& give_up) {
        struct Next {
            TimeNs time;
            std::size_t tag, row;
            bool operator>(const Next& other) const { return std::tie(time, tag) > std::tie(other.time, other.tag); }
        };
        std::vector<const Rows*> rows(plan_->tags.size());
        std::priority_queue<Next, std::vector<Next>, std::greater<>> next;
        std::uint64_t count = 0;
        for (std::size_t tag = 0; tag < plan_->tags.size(); ++tag) {
            const auto found = std::ranges::find(series, plan_->tags[tag].id, &Series::tag);
            if (!plan_->tags[tag].id || found == series.end() || found->rows.empty()) continue;
            rows[tag] = &found->rows;
            count += found->rows.size();
            constexpr std::size_t kFirst = 0;
            next.push({found->rows.time(kFirst), tag, kFirst});
        }
        while (!next.empty()) {
            const TimeNs time = next.top().time;
            if (!go_to(time, give_up)) return std::nullopt;
            while (!next.empty() && next.top().time == time) {
                const Next one = next.top();
                next.pop();
                instance_.feed(one.tag, rows[one.tag]->reading(one.row));
                if (one.row + 1 < rows[one.tag]->size())
                    next.push({rows[one.tag]->time(one.row + 1), one.tag, one.row + 1});
            }
            instance_.step(happened_);
            take();
        }
        answer_.readings += count;
        return count;
    }

    void take() {
        for (const Happened& what : happened_) {
            count_until(what.time);
            if (what.change == Life::Change::raised) {
                alarm_ = make_alarm(*plan_, what.time, what.observed);
                counted_ = 0;
                counts_ever_ = false;
            } else if (what.change == Life::Change::cleared && alarm_) {
                alarm_->cleared = what.time;
                keep();
            }
            suppressed_ = what.suppressed;
        }
        happened_.clear();
    }

    // The time that the alarm counted, within the window.
    void count_until(TimeNs to) {
        const auto inside = [&](TimeNs time) { return std::clamp(time, question_.window.from, question_.window.to); };
        if (alarm_ && !suppressed_) {
            counted_ += std::max<DurationNs>(0, inside(to) - inside(counted_to_));
            counts_ever_ |= to > question_.window.from;
        }
        counted_to_ = to;
    }

    void finish(TimeNs at) {
        instance_.advance(at, happened_);
        take();
        answer_.until = std::min(answer_.until, at);
        count_until(at);
        if (alarm_) keep();
    }

    // Of the warm-up only what reaches into the window.
    void keep() {
        const Alarm alarm = *std::exchange(alarm_, std::nullopt);
        if (alarm.cleared && *alarm.cleared <= question_.window.from) return;
        if (!counts_ever_) {
            ++answer_.suppressed;
            return;
        }
        ++answer_.count;
        answer_.active += counted_;
        // The oldest is in front of the heap, and goes when there are too many.
        constexpr auto kNewer = [](const Alarm& a, const Alarm& b) { return a.raised > b.raised; };
        answer_.alarms.push_back(alarm);
        std::ranges::push_heap(answer_.alarms, kNewer);
        if (answer_.alarms.size() <= question_.alarms_max) return;
        std::ranges::pop_heap(answer_.alarms, kNewer);
        answer_.alarms.pop_back();
    }

    const Reader& reader_;
    const RehearseQuestion& question_;
    RehearseAnswer& answer_;
    const std::shared_ptr<const RulePlan> plan_;
    Instance instance_;
    ReadRequest request_;
    std::vector<Happened> happened_;
    std::optional<Alarm> alarm_;
    bool suppressed_ = false, counts_ever_ = false;
    DurationNs counted_ = 0;
    TimeNs counted_to_ = INT64_MIN;
};

// Names and uids of the devices that a rule is over; one pair of "" if it is over none.
Result<std::vector<std::pair<std::string, std::string>>> devices_of(const FlowParts& parts, TenantId tenant,
                                                                    const RuleSpec& spec) {
    if (spec.device_type) return devices_of_type(parts.registry, tenant, *spec.device_type);
    if (!spec.device) return std::vector<std::pair<std::string, std::string>>{{"", ""}};
    const auto device = parts.registry.find(tenant, "device", *spec.device);
    if (!device) return Error{Code::not_found, "device: there is no device \"{}\"", *spec.device};
    return std::vector<std::pair<std::string, std::string>>{{device->name, device->uid}};
}

}  // namespace

Result<RehearseAnswer> rehearse(const FlowParts& parts, const RehearseQuestion& question) {
    const RuleSpec spec = TRY(registry::spec_of<RuleSpec>(question.rule));
    auto devices = TRY(devices_of(parts, question.rule.tenant, spec));
    RehearseAnswer answer{.until = question.window.to};
    if (devices.size() > kDevicesMax) {
        answer.devices_left = devices.size() - kDevicesMax;
        devices.resize(kDevicesMax);
    }
    const DurationNs deadline = parts.clock.monotonic() + question.time_max;
    const auto give_up = [&] { return parts.clock.monotonic() > deadline || answer.readings > question.readings_max; };
    for (const auto& [device, uid] : devices) {
        std::string why_zh;
        auto plan = TRY(make_plan(parts.registry, parts.tags, question.rule, spec, {device, uid}, why_zh));
        ++answer.devices;
        for (const PlanTag& tag : plan->tags)
            if (!tag.id && answer.missing.size() < kMissingMax && std::ranges::count(answer.missing, tag.path) == 0)
                answer.missing.push_back(tag.path);
        if (!TRY(Run(parts.reader, question, answer, std::move(plan)).go(give_up))) {
            answer.complete = false;
            answer.devices_left += devices.size() - answer.devices;
            break;
        }
    }
    std::ranges::stable_sort(answer.alarms, std::greater<>{}, &Alarm::raised);
    return answer;
}

}  // namespace gongshu::flow
