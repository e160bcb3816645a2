#include "api/interval_place.h"

#include <algorithm>
#include <charconv>

#include "api/sight.h"
#include "flow/alarms.h"
#include "registry/tag_at.h"

namespace gongshu::api {

namespace {

constexpr std::string_view kAlarmKind = "alarm";

bool lies_beneath(std::string_view path, std::string_view place) {
    return path.starts_with(place) &&
           (path.size() == place.size() || path[place.size()] == '/' || path[place.size()] == '.');
}

Interval interval_of(const flow::Alarm& alarm) {
    Interval one;
    one.tenant = alarm.tenant;
    std::from_chars(alarm.id.data(), alarm.id.data() + alarm.id.size(), one.id.value, 16);
    one.revision = 1;
    one.subject = alarm.device_uid.empty() ? "p:" + alarm.tag : "d:" + alarm.device_uid;
    one.tag = alarm.tag_id;
    one.path = alarm.device.empty() ? alarm.tag : alarm.device;
    one.kind = kAlarmKind;
    one.from = alarm.raised;
    if (alarm.cleared) one.to = std::max(*alarm.cleared, alarm.raised + 1);
    one.attributes["severity"] = std::string(to_string(alarm.severity));
    one.attributes["state"] = std::string(to_string(alarm.state()));
    one.attributes["message_zh"] = alarm.message_zh;
    one.attributes["message_en"] = alarm.message_en;
    one.source = IntervalSource::rule;
    one.source_name = alarm.rule;
    one.by = "system";
    one.at = alarm.raised;
    return one;
}

std::string alarm_id_of(IntervalId id) { return fmt::format("{:016x}", id.value); }

bool is_wanted(const IntervalQuery& query, const Interval& one) {
    if (!one.overlaps(query.window) || (query.open_only && !one.open())) return false;
    if (std::pair{one.from, one.id} >= std::pair{query.before.from, query.before.id}) return false;
    return !query.takes || query.takes(one);
}

}  // namespace

bool is_alarm(const Interval& interval) { return interval.kind == kAlarmKind; }

std::string interval_id_text(const Interval& interval) {
    return is_alarm(interval) ? "alarm:" + alarm_id_of(interval.id) : fmt::format("{}", interval.id.value);
}

const std::string* IntervalPlaces::device_of(std::string_view uid) {
    if (!devices_) {
        devices_.emplace();
        for (const auto& device : core_.deps.registry.list_shared(who_.actor.tenant, "device"))
            devices_->emplace(device->uid, device->name);
    }
    const auto found = devices_->find(uid);
    return found == devices_->end() ? nullptr : &found->second;
}

std::string IntervalPlaces::asset(const Interval& interval) {
    const std::string_view subject = interval.subject;
    if (is_alarm(interval)) return interval.path;
    if (subject.starts_with("p:")) return std::string(subject.substr(2));
    if (subject.starts_with("d:"))
        if (const std::string* name = device_of(subject.substr(2))) return *name;
    if (interval.tag)
        if (const auto info = core_.deps.tags.info(interval.tag)) return info->path.substr(0, info->path.rfind('.'));
    return interval.path;
}

std::string IntervalPlaces::made_by(const Interval& interval) {
    if (interval.source != IntervalSource::rule || is_alarm(interval)) return interval.source_name;
    if (!rules_) {
        rules_.emplace();
        Sight sight{core_, who_};
        for (const auto& one : core_.deps.registry.list_shared(who_.actor.tenant, "virtual_tag"))
            if (sight.sees(*one)) rules_->emplace(one->uid, one->name);
    }
    const auto found = rules_->find(interval.source_name);
    return found == rules_->end() ? "" : found->second;
}

std::string IntervalPlaces::tag(const Interval& interval) const {
    if (!interval.tag) return "";
    const auto info = core_.deps.tags.info(interval.tag);
    return info ? info->path : interval.path;
}

bool IntervalPlaces::sees(const Interval& interval) {
    if (who_.paths.empty()) return true;
    const std::string path = tag(interval);
    return api::sees(who_, path.empty() ? asset(interval) : path);
}

Result<IntervalPlaces::Named> IntervalPlaces::named(std::string_view path) {
    const TenantId tenant = who_.actor.tenant;
    const auto nothing = [&] {
        return Error{Code::not_found, "asset: there is no tag, device or place \"{}\"", path.substr(0, 300)};
    };
    if (tag_path_fault(path)) return nothing();
    if (const auto device = core_.deps.registry.find(tenant, "device", path)) {
        if (!api::sees(who_, path)) return nothing();
        return Named{"d:" + device->uid, {}, std::string(path)};
    }
    if (const auto info = registry::tag_at(core_.deps.registry, core_.deps.tags, tenant, path)) {
        if (!api::sees(who_, info->path)) return nothing();
        return Named{info->key.source, info->id, info->path};
    }
    const auto has_beneath = [&](std::string_view kind) {
        return std::ranges::any_of(core_.deps.registry.list_shared(tenant, kind),
                                   [&](const auto& one) { return lies_beneath(one->name, path); });
    };
    if (!api::sees(who_, path)) return nothing();
    if (!has_beneath("site") && !has_beneath("device") &&
        core_.deps.tags.match(tenant, std::string(path) + "/**", 1).empty() &&
        core_.deps.tags.match(tenant, std::string(path) + ".*", 1).empty())
        return nothing();
    return Named{fmt::format("p:{}", path), {}, std::string(path)};
}

Result<void> IntervalPlaces::narrow(std::string_view path, IntervalQuery& query) {
    if (path.empty()) {
        if (!who_.paths.empty()) query.takes = [this](const Interval& one) { return sees(one); };
        return {};
    }
    const TenantId tenant = who_.actor.tenant;
    if (!core_.deps.registry.find(tenant, "device", path)) {
        if (const auto info = registry::tag_at(core_.deps.registry, core_.deps.tags, tenant, path);
            info && api::sees(who_, info->path)) {
            // What is said of a machine is said of its tags too.
            query.subjects = {info->key.source};
            query.takes = [this, tag = info->id](const Interval& one) {
                return (!one.tag || one.tag == tag) && sees(one);
            };
            return {};
        }
    }
    for (const auto& device : core_.deps.registry.list_shared(tenant, "device"))
        if (lies_beneath(device->name, path)) query.subjects.push_back("d:" + device->uid);
    std::ranges::sort(query.subjects);
    // Of virtual tags and of labels only the place tells where they are, and of what is gone.
    query.beginnings = {fmt::format("p:{}", path), "l:", "v:"};
    query.takes = [this, place = std::string(path)](const Interval& one) {
        return (lies_beneath(asset(one), place) || lies_beneath(tag(one), place)) && sees(one);
    };
    return {};
}

Result<IntervalPage> find_intervals(Core& core, const Ask& ask, IntervalPlaces& places, const IntervalQuery& query) {
    const bool alarms = std::ranges::find(query.kinds, kAlarmKind) != query.kinds.end();
    if (!alarms) return core.deps.history.find_intervals(ask.tenant(), query);
    IntervalPage page;
    IntervalQuery stored = query;
    std::erase(stored.kinds, kAlarmKind);
    if (!stored.kinds.empty()) page = TRY(core.deps.history.find_intervals(ask.tenant(), stored));
    flow::AlarmQuery wish{.state = flow::StateFilter::all, .alarms_max = flow::Alarms::kClearedMax * 2};
    if (query.window.from != INT64_MIN) wish.from = query.window.from;
    if (query.window.to != INT64_MAX) wish.to = query.window.to;
    for (const flow::Alarm& alarm : core.deps.flow.alarms().list(ask.tenant(), wish)) {
        Interval one = interval_of(alarm);
        if (places.sees_path(one.path) && is_wanted(query, one)) page.intervals.push_back(std::move(one));
    }
    std::ranges::sort(page.intervals, std::greater{}, [](const Interval& one) { return std::pair{one.from, one.id}; });
    if (page.intervals.size() > query.intervals_max) {
        page.intervals.resize(query.intervals_max);
        page.more = true;
    }
    return page;
}

void write_interval(JsonWriter& out, const Ask& ask, IntervalPlaces& places, const Interval& interval, Units units) {
    out.begin_object().key("id").text(interval_id_text(interval));
    out.key("revision").integer(interval.revision).key("asset").text(places.asset(interval));
    out.key("tag").text(places.tag(interval)).key("kind").text(interval.kind);
    out.key("from").integer(units.time(interval.from)).key("to");
    if (interval.to)
        out.integer(units.time(*interval.to));
    else
        out.null();
    out.key("open").boolean(interval.open()).key("attributes").begin_object();
    for (const auto& [name, value] : interval.attributes) {
        if (is_alarm(interval) && name.starts_with("message_")) {
            if (name.ends_with(language_of(ask))) write_value(out.key("message"), value);
            continue;
        }
        write_value(out.key(name), value);
    }
    out.end_object().key("source").text(to_string(interval.source)).key("made_by").text(places.made_by(interval));
    out.key("confidence").number(interval.confidence).key("withdrawn").boolean(interval.withdrawn);
    out.key("action").text(to_string(interval.action)).key("by").text(interval.by);
    out.key("at").integer(units.time(interval.at)).key("reason").text(interval.reason).end_object();
}

Result<IntervalQuery> parse_interval_query(Core& core, const Ask& ask, IntervalPlaces& places,
                                           std::size_t intervals_absent, std::size_t intervals_max,
                                           std::string_view prefix) {
    IntervalQuery query;
    query.kinds = ask.all(fmt::format("{}kind", prefix));
    if (query.kinds.size() > Interval::kKindsMax)
        return Error{Code::limit, "kind: more than {} of them: leave it out to ask for all", Interval::kKindsMax};
    TRY(places.narrow(ask.value(fmt::format("{}path", prefix)), query));
    const TimeNs now = core.clock().now();
    if (ask.find("from") || ask.find("to")) query.window = TRY(parse_window(ask, now, 7 * kDay));
    query.open_only = parse_flag(ask, "open");
    query.with_withdrawn = parse_flag(ask, "withdrawn");
    query.intervals_max = TRY(parse_number(ask, "limit", intervals_absent, 1, intervals_max));
    if (const std::string_view before = ask.value("before"); !before.empty()) {
        const char* const end = before.data() + before.size();
        const auto [dot, error] = std::from_chars(before.data(), end, query.before.from);
        const bool fine = error == std::errc{} && dot != end && *dot == '.' &&
                          std::from_chars(dot + 1, end, query.before.id.value).ptr == end;
        if (!fine)
            return Error{Code::invalid, "before: \"{}\" is not what an answer gave as next", before.substr(0, 60)};
    }
    return query;
}

}  // namespace gongshu::api
