#include "broker/ingest.h"

#include <fmt/format.h>

#include <cmath>

namespace gongshu::broker {
namespace {

using wire::mqtt::ReasonCode;

// JSON has one kind of number: 21 and 21.5 are the same property. A tag that begins with a whole number is therefore a
// number, unless the value needs all 64 bits.
ValueType tag_type(const Value& value) {
    const auto* whole = std::get_if<std::int64_t>(&value);
    if (whole && *whole >= -(std::int64_t{1} << 53) && *whole <= (std::int64_t{1} << 53)) return ValueType::number;
    return type_of(value);
}

bool valid_device_path(std::string_view path) {
    return !path.empty() && path.size() <= 1024 && !path.starts_with('/') && !path.ends_with('/') &&
           path.find("//") == std::string_view::npos;
}

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
    if (!valid_device_path(path)) {
        return Error{Code::not_found, "topic {}: names no device; expected {}<site>/…/<device>", topic, kGongshuDoor};
    }
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
    const ValueType type = declared ? declared->type : tag_type(reading.value);
    const TagKey key{route.tenant, route.source, reading.key};
    Target target;
    target.tag = TRY(tags_.resolve(key, route.path + "." + reading.key, type, declared ? declared->unit : ""));
    if (declared) {
        target.min = declared->min;
        target.max = declared->max;
    }
    route.tags.emplace(reading.key, target);
    return target;
}

Result<Rows> Ingest::to_rows(Route& route, const std::vector<wire::DoorReading>& readings, TimeNs now) {
    Rows rows;
    rows.reserve(readings.size());
    for (const wire::DoorReading& reading : readings) {
        const Target to = TRY(target(route, reading));
        Quality quality = reading.quality;
        if (const auto number = as_number(reading.value);
            quality.good() && number && ((to.min && *number < *to.min) || (to.max && *number > *to.max)))
            quality = uncertain(Reason::range);
        rows.add({to.tag, reading.time.value_or(now), reading.value, quality});
    }
    return rows;
}

void Ingest::take(const Principal& who, std::string_view topic, Bytes payload, Durability durability, TimeNs now,
                  Done done) {
    auto found = route(who, topic);
    if (!found) return done({ReasonCode::topic_name_invalid, found.error().text(), 0});
    const auto readings =
        door_of(topic) == Door::gongshu ? json_.decode_gongshu(payload) : json_.decode_thingsboard(payload);
    if (!readings) return done({ReasonCode::payload_format_invalid, readings.error().text(), 0});
    auto rows = to_rows(**found, *readings, now);
    if (!rows) return done(refused(rows.error()));
    if (rows->empty()) return done({});
    const std::uint64_t count = rows->size();
    sink_.append(std::move(*rows), durability, [done = std::move(done), count](Result<Appended> appended) {
        done(appended ? Outcome{ReasonCode::success, "", count} : refused(appended.error()));
    });
}

void Ingest::forget(TenantId tenant) {
    std::erase_if(routes_, [&](const auto& one) { return one.second.tenant == tenant; });
}

}  // namespace gongshu::broker
