#include "flow/interval_recorder.h"

#include <algorithm>

#include "base/log.h"
#include "flow/rule.h"
#include "registry/registry.h"

namespace gongshu::flow {
IntervalRecorder::IntervalRecorder(const FlowParts& parts) : parts_(parts), strand_(parts.pool, *parts.lanes.front()) {}

void IntervalRecorder::start() {
    if (parts_.intervals) tick();
}

void IntervalRecorder::tick() {
    if (!waiting_.exchange(true))
        strand_.enqueue([this] {
            waiting_ = false;
            step();
        });
    parts_.lanes.front()->after(kEvery, [this] { tick(); });
}

void IntervalRecorder::step() {
    if (failed_->exchange(false)) {
        for (auto& [key, place] : places_) place.maker.reset();
    }
    if (changed_.exchange(false)) find_places();
    if (!began_) end_strays();
    began_ = true;
    for (auto& [key, place] : places_) {
        const TenantId tenant = key.first;
        auto done = place.maker ? Result<void>{} : begin(tenant, place);
        if (done && place.maker) done = follow(tenant, place);
        if (!done) {
            log_error("flow", "intervals of {} wait: {}", place.path, done.error().text());
            place.maker.reset();
        }
    }
}

// What there is to follow, by configuration.
void IntervalRecorder::find_places() {
    std::map<Key, Place> found;
    for (const auto& [tenant, tenant_name] : parts_.registry.tenants())
        for (const auto& resource : parts_.registry.list_shared(tenant, "virtual_tag")) {
            const auto spec = registry::spec_of<VirtualTagSpec>(*resource);
            if (!spec || !spec->intervals || !spec->enabled) continue;
            for (const VirtualPlace& at : virtual_places(parts_.registry, tenant, resource->name, *spec)) {
                Place place;
                place.uid = resource->uid;
                place.path = at.path;
                place.wish = *spec->intervals;
                place.asset = at.device.empty() ? at.path.substr(0, at.path.rfind('.')) : at.device;
                std::string device_uid = at.device_uid;
                if (device_uid.empty())
                    if (const auto device = parts_.registry.find(tenant, "device", place.asset))
                        device_uid = device->uid;
                place.subject = device_uid.empty() ? "p:" + place.asset : "d:" + device_uid;
                place.lateness = parse_duration(spec->lateness).value_or(0);
                place.options.min_length = parse_duration(place.wish.min_length).value_or(0);
                place.options.join_gap = parse_duration(place.wish.join_gap).value_or(0);
                const Key key{tenant, virtual_source(resource->uid, at.device_uid)};
                // What stayed the same goes on where it is.
                if (const auto old = places_.find(key);
                    old != places_.end() && old->second.wish == place.wish && old->second.subject == place.subject) {
                    old->second.path = place.path;
                    old->second.asset = place.asset;
                    old->second.lateness = place.lateness;
                    found.insert(places_.extract(old));
                    continue;
                }
                found.insert_or_assign(key, std::move(place));
            }
        }
    for (const auto& [key, place] : places_) {
        const auto next = found.find(key);
        if (next == found.end() || next->second.subject != place.subject)
            end_open(key.first, place.uid, place.subject, std::nullopt, "the virtual tag makes none any more");
    }
    places_ = std::move(found);
}

// Of rules that went away while the program was not there.
void IntervalRecorder::end_strays() {
    for (const auto& [tenant, name] : parts_.registry.tenants()) {
        IntervalQuery query;
        query.open_only = true;
        query.intervals_max = 100'000;
        query.takes = [](const Interval& one) { return one.source == IntervalSource::rule; };
        const auto page = parts_.intervals->find_intervals(tenant, query);
        if (!page) {
            log_error("flow", "open intervals cannot be read: {}", page.error().text());
            continue;
        }
        for (const Interval& one : page->intervals) {
            const bool is_made = std::ranges::any_of(places_, [&](const auto& place) {
                return place.first.first == tenant && place.second.uid == one.source_name &&
                       place.second.subject == one.subject;
            });
            if (!is_made)
                end_open(tenant, one.source_name, one.subject, std::nullopt, "the virtual tag makes none any more");
        }
    }
}

// Where to go on, by what is stored.
Result<void> IntervalRecorder::begin(TenantId tenant, Place& place) {
    const auto info = parts_.tags.find(tenant, place.path);
    if (!info || !info->key.source.starts_with("v:" + place.uid)) return {};  // no value yet
    place.tag = info->id;
    IntervalQuery query;
    query.subjects = {place.subject};
    query.with_withdrawn = true;
    query.intervals_max = 1;
    query.takes = [&](const Interval& one) {
        return one.source == IntervalSource::rule && one.source_name == place.uid;
    };
    const IntervalPage page = TRY(parts_.intervals->find_intervals(tenant, query));
    const TimeNs now = parts_.clock.now();
    place.next = now - kBackMax;
    place.maker.emplace(place.options);
    place.began = parts_.clock.monotonic();
    if (page.intervals.empty()) return {};
    const Interval& newest = page.intervals.front();
    if (newest.open()) {
        place.maker->resume(newest.from);
        place.next = newest.from;
    } else {
        place.next = std::max(place.next, newest.to.value_or(newest.from + 1));
    }
    return {};
}

Result<void> IntervalRecorder::follow(TenantId tenant, Place& place) {
    std::vector<IntervalMaker::Step> steps;
    const auto last = parts_.reader.last(place.tag);
    const TimeNs end = last ? last->time + 1 : 0;
    for (DurationNs span = end - place.next; place.next < end;) {
        ReadRequest request;
        request.tags = {place.tag};
        request.window = {place.next, std::min(end, place.next + span)};
        request.rows_max = kRowsAtOnce;
        const auto series = parts_.reader.read(request);
        if (!series && series.error().code() == Code::limit && span > 1) {
            span = std::max<DurationNs>(1, span / 4);
            continue;
        }
        if (!series) return series.error();
        const Rows& rows = series->front().rows;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto holds = rows.quality(i).usable() ? as_number(rows.value(i)) : std::nullopt;
            place.maker->feed(rows.time(i), holds.value_or(0) != 0, steps);
        }
        place.next = request.window.to;
    }
    // What comes later than the virtual tag waits for does not count any more; after a start it has the past to catch up
    // with first.
    if (parts_.clock.monotonic() - place.began >= kSettled)
        place.maker->advance(parts_.clock.now() - place.lateness - kSettled, steps);
    for (const IntervalMaker::Step& step : steps) keep(tenant, place, step);
    return {};
}

Intervals::IntervalDone IntervalRecorder::told(std::string what) {
    return [failed = failed_, what = std::move(what)](const Result<Interval>& kept) {
        if (kept || kept.error().code() == Code::conflict) return;
        log_error("flow", "{}: {}", what, kept.error().text());
        *failed = true;
    };
}

void IntervalRecorder::keep(TenantId tenant, const Place& place, const IntervalMaker::Step& step) {
    if (step.opened_before) return end_open(tenant, place.uid, place.subject, step.to, "");
    for (const Interval& one : parts_.intervals->open_intervals(tenant, IntervalSource::rule, place.uid))
        if (one.subject == place.subject) return;
    Interval interval;
    interval.tenant = tenant;
    interval.subject = place.subject;
    interval.path = place.asset;
    interval.kind = place.wish.kind;
    interval.from = step.from;
    interval.to = step.to;
    for (const auto& [name, value] : place.wish.attributes) interval.attributes[name] = value;
    interval.source = IntervalSource::rule;
    interval.source_name = place.uid;
    interval.by = "system";
    parts_.intervals->add_interval(std::move(interval), Durability::sync,
                                   told(fmt::format("an interval of {} cannot be kept", place.path)));
}

void IntervalRecorder::end_open(TenantId tenant, const std::string& uid, const std::string& subject,
                                std::optional<TimeNs> to, std::string_view reason) {
    for (Interval& one : parts_.intervals->open_intervals(tenant, IntervalSource::rule, uid)) {
        if (one.subject != subject) continue;
        one.to = std::max(one.from + 1, to.value_or(parts_.clock.now()));
        one.action = IntervalAction::closed;
        one.by = "system";
        one.reason = reason;
        const std::string what = fmt::format("interval {} cannot be closed", one.id.value);
        parts_.intervals->revise_interval(std::move(one), Durability::sync, told(what));
    }
}

}  // namespace gongshu::flow
