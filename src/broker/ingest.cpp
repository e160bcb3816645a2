#include "broker/ingest.h"

#include <fmt/format.h>

namespace gongshu::broker {
namespace {

using wire::mqtt::ReasonCode;

constexpr std::size_t kFaultsToldMax = 5;

// The values of one payload that were left out, in one sentence.
struct LeftOut {
    std::size_t count = 0;
    std::string text;

    void add(std::string_view what) {
        if (++count <= kFaultsToldMax) text.append(count > 1 ? "; " : "").append(what);
    }
    std::string problem() && {
        if (count > kFaultsToldMax) text.append(fmt::format("; and {} more", count - kFaultsToldMax));
        return std::move(text);
    }
};

// What a failed append means to the sender.
Ingest::Outcome refused(const Error& error) {
    const bool theirs = error.code() == Code::invalid || error.code() == Code::malformed;
    return {theirs ? ReasonCode::payload_format_invalid : ReasonCode::quota_exceeded, error.text(), 0};
}

}  // namespace

std::string Ingest::device_of(const Principal& who, std::string_view topic) {
    if (topic == kThingsBoardDoor) return who.device_path;
    return door_of(topic) == Door::gongshu ? std::string(topic.substr(kGongshuDoor.size())) : "";
}

Result<Ingest::Route*> Ingest::route(const Principal& who, std::string_view topic) {
    const std::string path = device_of(who, topic);
    if (path.empty())
        return Error{Code::not_found, "topic {}: names no device; expected {}<site>/…/<device>", topic, kGongshuDoor};
    if (const auto fault = tag_path_fault(path))
        return Error{Code::invalid, "topic {}: the device's path {}", topic, *fault};
    // A device's own readings are known by its uid, so that they stay together when it is renamed.
    std::string uid = path == who.device_path ? who.device_uid : "";
    std::string key = fmt::format("{}\n{}\n{}", who.tenant.value, uid, path);
    if (const auto known = routes_.find(key); known != routes_.end()) return &known->second;
    if (routes_.size() >= kRoutesMax) routes_.clear();
    if (uid.empty() && device_uid_) uid = device_uid_(who.tenant, path);
    Route made{who.tenant, uid.empty() ? "p:" + path : "d:" + uid, path, {}};
    return &routes_.emplace(std::move(key), std::move(made)).first->second;
}

Result<Ingest::Target> Ingest::target(Route& route, const wire::DoorReading& reading) {
    if (const auto known = route.tags.find(reading.key); known != route.tags.end()) return known->second;
    if (route.tags.size() >= kKeysMax) route.tags.clear();
    // What the device's type declares holds for what it sends, whatever the door.
    const auto declared = property_of_ ? property_of_(route.tenant, route.path, reading.key) : std::nullopt;
    const ValueType type = declared ? declared->type : wire::type_of_json(reading.value);
    const std::string path = route.path + "." + reading.key;
    if (const auto fault = tag_path_fault(path)) return Error{Code::invalid, "field \"{}\": {}", reading.key, *fault};
    const TagKey key{route.tenant, route.source, reading.key};
    Target target;
    target.tag = TRY(tags_.resolve(key, path, type, declared ? declared->unit : ""));
    if (declared) {
        target.min = declared->min;
        target.max = declared->max;
    }
    route.tags.emplace(reading.key, target);
    return target;
}

Result<Rows> Ingest::to_rows(Route& route, const std::vector<wire::DoorReading>& readings, TimeNs now,
                             const std::function<void(std::string_view)>& leave_out) {
    Rows rows;
    rows.reserve(readings.size());
    for (const wire::DoorReading& reading : readings) {
        const auto to = target(route, reading);
        if (!to && to.error().code() == Code::invalid) {
            leave_out(to.error().text());
            continue;
        }
        if (!to) return to.error();  // the store has no room for a new tag: the sender keeps the whole
        Quality quality = reading.quality;
        if (const auto number = as_number(reading.value);
            quality.good() && number && ((to->min && *number < *to->min) || (to->max && *number > *to->max)))
            quality = uncertain(Reason::range);
        rows.add({to->tag, reading.time.value_or(now), reading.value, quality});
    }
    return rows;
}

void Ingest::take(const Principal& who, std::string_view topic, Bytes payload, Durability durability, TimeNs now,
                  Done done) {
    auto found = route(who, topic);
    if (!found) return done({ReasonCode::topic_name_invalid, found.error().text(), 0});
    const auto body =
        door_of(topic) == Door::gongshu ? json_.decode_gongshu(payload) : json_.decode_thingsboard(payload);
    if (!body) return done({ReasonCode::payload_format_invalid, body.error().text(), 0});
    LeftOut left_out;
    for (const wire::DoorFault& fault : body->faults) left_out.add(fault.text);
    auto rows = to_rows(**found, body->readings, now, [&](std::string_view what) { left_out.add(what); });
    if (!rows) return done(refused(rows.error()));
    const bool nothing = rows->empty();
    const bool all_wrong = nothing && left_out.count > 0;
    std::string problem = std::move(left_out).problem();
    if (nothing)
        return done({all_wrong ? ReasonCode::payload_format_invalid : ReasonCode::success, std::move(problem), 0});
    const std::uint64_t count = rows->size();
    sink_.append(std::move(*rows), durability,
                 [done = std::move(done), count, problem = std::move(problem)](Result<Appended> appended) {
                     done(appended ? Outcome{ReasonCode::success, problem, count} : refused(appended.error()));
                 });
}

void Ingest::forget(TenantId tenant) {
    std::erase_if(routes_, [&](const auto& one) { return one.second.tenant == tenant; });
}

}  // namespace gongshu::broker
