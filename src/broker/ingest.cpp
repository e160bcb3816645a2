#include "broker/ingest.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/left_out.h"
#include "registry/paths.h"

namespace gongshu::broker {
namespace {

using wire::mqtt::ReasonCode;

// Where `who` may let readings come to be by a mapping: a device at itself and beneath, others within their places.
bool may_write(const Principal& who, std::string_view device, std::string_view tag) {
    if (who.kind != PrincipalKind::device) return registry::lies_within(who.paths, tag);
    return device == who.device_path ||
           (device.starts_with(who.device_path) && device.substr(who.device_path.size()).starts_with('/'));
}

// What a failed append means to the sender.
Ingest::Outcome refused(const Error& error) {
    const bool theirs = error.code() == Code::invalid || error.code() == Code::malformed;
    return {theirs ? ReasonCode::payload_format_invalid : ReasonCode::quota_exceeded, error.text(), 0, {}};
}

// "GROUP/NODE" or "GROUP/NODE/DEVICE", as people write it in external_id.
std::string id_of(const wire::sparkplug::Topic& topic, bool of_node) {
    std::string id = fmt::format("{}/{}", topic.group, topic.node);
    if (!of_node && !topic.device.empty()) id.append("/").append(topic.device);
    return id;
}

}  // namespace

LeadPtr Ingest::lead(const Principal& who, std::string_view topic) {
    // Also what is refused is remembered: nobody may fill the memory with topics of 64 KB.
    if (topic.size() > kTopicKeptMax) return lead_again(who, topic);
    std::string key = fmt::format("{}\n{}\n{}", who.tenant.value, who.device_uid, topic);
    if (const auto known = leads_.find(key); known != leads_.end()) return known->second.second;
    if (leads_.size() >= kRoutesMax) leads_.clear();
    auto made = std::make_shared<const Lead>(find_lead(who, topic));
    leads_.emplace(std::move(key), std::pair{who.tenant, made});
    return made;
}

Lead Ingest::find_lead(const Principal& who, std::string_view topic) {
    if (topic == kThingsBoardDoor) return {.door = Door::thingsboard, .own = true, .path = who.device_path};
    if (topic.starts_with(kGongshuDoor)) {
        const std::string_view path = topic.substr(kGongshuDoor.size());
        return {.door = Door::gongshu, .own = path == who.device_path, .path = std::string(path)};
    }
    if (wire::sparkplug::is_topic(topic)) return sparkplug_lead(who, topic);
    if (Lead lead = mapping_lead(who, topic); lead.has_readings()) return lead;
    if (const auto jetlinks = wire::parse_jetlinks_topic(topic)) return jetlinks_lead(who, *jetlinks);
    return {};
}

Lead Ingest::mapping_lead(const Principal& who, std::string_view topic) {
    if (!mappings_of_) return {};
    auto known = mappings_.find(who.tenant);
    if (known == mappings_.end()) known = mappings_.emplace(who.tenant, mappings_of_(who.tenant)).first;
    Lead lead;
    std::vector<std::string_view> captures;
    for (const std::shared_ptr<Mapping>& mapping : known->second) {
        if (!mapping->pattern().matches(topic, captures)) continue;
        // A device may use those alone that say so; for it the others are not there.
        if (who.kind == PrincipalKind::device && !mapping->spec().devices) continue;
        lead.candidates.push_back({mapping, {captures.begin(), captures.end()}});
    }
    if (lead.candidates.empty()) return {};
    lead.door = Door::mapping;
    lead.own = who.kind == PrincipalKind::device;
    return lead;
}

bool Ingest::is_called(const Principal& who, std::string_view product, std::string_view device) const {
    if (who.kind != PrincipalKind::device || !device_by_id_) return false;
    const auto named = device_by_id_(who.tenant, product, device);
    return named && *named == who.device_path;
}

Lead Ingest::jetlinks_lead(const Principal& who, const wire::JetLinksTopic& topic) const {
    const bool device = who.kind == PrincipalKind::device;
    Lead lead{.door = topic.what == wire::JetLinksTopic::What::other ? Door::none : Door::jetlinks,
              .what = topic.what,
              .event = std::string(topic.event)};
    if (!device_by_id_) return lead;
    if (device) {
        // By its own name it may always speak of itself, whoever else is called so.
        const std::string_view name = who.device_path;
        const bool called = is_called(who, topic.product, topic.device);
        lead.own = called || (lead.has_readings() && name.substr(name.rfind('/') + 1) == topic.device);
        lead.kept_only = !called;
        if (!lead.own) return lead;
        lead.path = name;
    } else if (lead.has_readings()) {
        auto named = device_by_id_(who.tenant, topic.product, topic.device);
        if (!named) {
            lead.problem = named.error().text();
            return lead;
        }
        lead.path = std::move(*named);
    }
    if (topic.child.empty() || !lead.has_readings()) return lead;
    // What stands behind a gateway lies beneath it, unless somebody says where it lies; a gateway that is signed in as
    // itself may not reach elsewhere by that.
    const std::string beneath = lead.path + "/";
    const auto child = device_by_id_(who.tenant, topic.product, topic.child);
    lead.path = child && (!device || child->starts_with(beneath)) ? *child : beneath + std::string(topic.child);
    return lead;
}

// A name that another device has by its ID is no way to that device: by IDs first, else by the levels of the topic.
std::string Ingest::path_of(TenantId tenant, const wire::sparkplug::Topic& topic, bool of_node) const {
    using wire::sparkplug::path_part;
    const bool device = !of_node && !topic.device.empty();
    if (device_by_external_id_)
        if (std::string path = device_by_external_id_(tenant, id_of(topic, of_node)); !path.empty()) return path;
    std::string path = fmt::format("{}/{}", path_part(topic.group), path_part(topic.node));
    if (device) path.append("/").append(path_part(topic.device));
    return path;
}

// A device that others have registered is reached by the ID that it was given for that, not by being called like the levels of a
// topic; what lies beneath the edge node's own device is its own.
bool Ingest::is_of_another(const Principal& who, const wire::sparkplug::Topic& topic, const std::string& path) const {
    if (path == who.device_path || path.starts_with(who.device_path + "/")) return false;
    if (!device_uid_ || device_uid_(who.tenant, path).empty()) return false;
    return !device_by_external_id_ || device_by_external_id_(who.tenant, id_of(topic, false)) != path;
}

bool Ingest::is_own_node(const Principal& who, const wire::sparkplug::Topic& topic) const {
    return who.kind == PrincipalKind::device && path_of(who.tenant, topic, true) == who.device_path;
}

Lead Ingest::sparkplug_lead(const Principal& who, std::string_view text) const {
    Lead lead{.door = Door::sparkplug};
    const auto topic = wire::sparkplug::parse_topic(text);
    if (!topic) {
        lead.problem = topic.error().text();
        return lead;
    }
    using enum wire::sparkplug::Message;
    // What hosts say to edge nodes, and of themselves.
    if (topic->message == state || topic->message == ncmd || topic->message == dcmd) return {};
    lead.own = is_own_node(who, *topic);
    lead.path = path_of(who.tenant, *topic, false);
    if (lead.own && is_of_another(who, *topic, lead.path)) {
        lead.own = false;
        lead.problem = fmt::format("{} is a device of its own; give it the external_id {} to let this edge node speak for it",
                                   lead.path, id_of(*topic, false));
    }
    return lead;
}

bool Ingest::may_publish(const Principal& who, std::string_view topic, const Lead& lead) const {
    if (broker::may_publish(who, topic)) return true;
    // A mapping opens topics of the plant, not what other devices are told by.
    if (topic.starts_with("devices/")) return false;
    if (who.kind == PrincipalKind::device) {
        const auto named = wire::parse_jetlinks_topic(topic);
        if (lead.door == Door::mapping && named && !is_called(who, named->product, named->device)) return false;
        return lead.own;
    }
    // Of somebody limited to places: by the place of the readings, which a mapping tells only later.
    if (lead.door == Door::mapping) return who.role >= registry::Role::engineer;
    return (lead.door == Door::jetlinks || lead.door == Door::sparkplug) && who.role >= registry::Role::engineer && !lead.path.empty() &&
           registry::lies_within(who.paths, lead.path);
}

bool Ingest::may_subscribe(const Principal& who, std::string_view filter) const {
    if (broker::may_subscribe(who, filter)) return true;
    // An edge node of Sparkplug listens to commands for itself and its devices, and to the state of hosts.
    if (who.kind == PrincipalKind::device && wire::sparkplug::is_topic(filter)) {
        const std::string_view rest = filter.substr(wire::sparkplug::kNamespace.size());
        if (rest.starts_with("STATE/") || rest == "STATE") return true;
        if (filter.ends_with("/#")) filter.remove_suffix(2);
        if (filter.ends_with("/+")) filter.remove_suffix(2);
        const auto topic = wire::sparkplug::parse_command_filter(filter);
        return topic && is_own_node(who, *topic);
    }
    // A JetLinks device listens to what is meant for it, "/product/device/#".
    if (who.kind != PrincipalKind::device || !filter.starts_with('/')) return false;
    const std::size_t product = filter.find('/', 1);
    if (product == std::string_view::npos) return false;
    const std::size_t device = filter.find('/', product + 1);
    if (device == std::string_view::npos) return false;
    if (filter.substr(0, device).find_first_of("+#") != std::string_view::npos) return false;
    return is_called(who, filter.substr(1, product - 1), filter.substr(product + 1, device - product - 1));
}

Result<wire::DoorBody> Ingest::decode(const Lead& lead, Bytes payload) {
    if (lead.door == Door::jetlinks) return json_.decode_jetlinks(payload, lead.what, lead.event);
    return lead.door == Door::gongshu ? json_.decode_gongshu(payload) : json_.decode_thingsboard(payload);
}

Result<Ingest::Route*> Ingest::route(const Principal& who, std::string_view topic, const Lead& lead) {
    const std::string& path = lead.path;
    if (!lead.problem.empty()) return Error{Code::not_found, "topic {}: {}", topic, lead.problem};
    if (path.empty())
        return Error{Code::not_found, "topic {}: names no device; expected {}<site>/…/<device>", topic, kGongshuDoor};
    if (const auto fault = tag_path_fault(path))
        return Error{Code::invalid, "topic {}: the device's path {}", topic, *fault};
    return route_to(who, path);
}

Result<Ingest::Route*> Ingest::route_to(const Principal& who, const std::string& path) {
    // A device's own readings are known by its uid, so that they stay together when it is renamed.
    std::string uid = path == who.device_path ? who.device_uid : "";
    std::string key = fmt::format("{}\n{}\n{}", who.tenant.value, uid, path);
    if (const auto known = routes_.find(key); known != routes_.end()) return &known->second;
    if (routes_.size() >= kRoutesMax) routes_.clear();
    if (uid.empty() && device_uid_) uid = device_uid_(who.tenant, path);
    Route made{who.tenant, uid.empty() ? "p:" + path : "d:" + uid, path, {}};
    return &routes_.emplace(std::move(key), std::move(made)).first->second;
}

Result<TagTarget> Ingest::target(Route& route, const std::string& name, ValueType type, std::string_view unit) {
    if (const auto known = route.tags.find(name); known != route.tags.end()) return known->second;
    if (route.tags.size() >= kKeysMax) route.tags.clear();
    // What the device's type declares holds for what it sends, whatever the door.
    const auto declared = property_of_ ? property_of_(route.tenant, route.path, name) : std::nullopt;
    if (declared) type = declared->type;
    const std::string path = route.path + "." + name;
    if (const auto fault = tag_path_fault(path)) return Error{Code::invalid, "field \"{}\": {}", name, *fault};
    const TagKey key{route.tenant, route.source, name};
    TagTarget target;
    target.tag = declared ? TRY(tags_.resolve_declared(key, path, type, declared->unit))
                          : TRY(tags_.resolve(key, path, type, unit));
    if (declared) {
        target.min = declared->min;
        target.max = declared->max;
    }
    route.tags.emplace(name, target);
    return target;
}

Result<Rows> Ingest::to_rows(Route& route, const std::vector<wire::DoorReading>& readings, TimeNs now,
                             const std::function<void(std::string_view)>& leave_out) {
    Rows rows;
    rows.reserve(readings.size());
    for (const wire::DoorReading& reading : readings) {
        const auto to = target(route, reading.key, wire::type_of_json(reading.value));
        if (!to && to.error().code() == Code::invalid) {
            leave_out(to.error().text());
            continue;
        }
        if (!to) return to.error();  // the store has no room for a new tag: the sender keeps the whole
        const Quality quality = checked(reading.quality, reading.value, *to);
        rows.add({to->tag, reading.time.value_or(now), reading.value, quality});
    }
    return rows;
}

void Ingest::take(const Principal& who, std::string_view topic, const Lead& lead, Bytes payload, Durability durability,
                  TimeNs now, Done done) {
    if (lead.door == Door::mapping) return take_mapped(who, lead, payload, durability, now, std::move(done));
    auto found = route(who, topic, lead);
    if (!found) return done({ReasonCode::topic_name_invalid, found.error().text(), 0, {}});
    const auto body = decode(lead, payload);
    if (!body) return done({ReasonCode::payload_format_invalid, body.error().text(), 0, {}});
    LeftOut left_out;
    for (const wire::DoorFault& fault : body->faults) left_out.add(fault.text);
    auto rows = to_rows(**found, body->readings, now, [&](std::string_view what) { left_out.add(what); });
    if (!rows) return done(refused(rows.error()));
    const bool nothing = rows->empty();
    const bool all_wrong = nothing && left_out.count > 0;
    std::string problem = std::move(left_out).problem();
    if (nothing)
        return done({all_wrong ? ReasonCode::payload_format_invalid : ReasonCode::success, std::move(problem), 0, {}});
    const std::uint64_t count = rows->size();
    append(std::move(*rows), durability, {ReasonCode::success, std::move(problem), count, {}}, std::move(done));
}

Result<TagTarget> Ingest::target_of(const Principal& who, const std::string& path, const std::string& name,
                                    ValueType type, std::string_view unit) {
    if (const auto fault = tag_path_fault(path)) return Error{Code::invalid, "the device's path {}", *fault};
    Route* const to = TRY(route_to(who, path));
    return target(*to, name, type, unit);
}

void Ingest::append(Rows rows, Durability durability, Outcome outcome, Done done) {
    sink_.append(std::move(rows), durability,
                 [done = std::move(done), outcome = std::move(outcome)](Result<Appended> appended) {
                     done(appended ? outcome : refused(appended.error()));
                 });
}

void Ingest::take_mapped(const Principal& who, const Lead& lead, Bytes payload, Durability durability, TimeNs now,
                         Done done) {
    for (const Lead::Candidate& one : lead.candidates) {
        wire::MapInput input{.captures = {}, .device = who.device_path};
        for (const std::string& capture : one.captures) input.captures.emplace_back(capture);
        auto body = one.mapping->run(mapper_, payload, input);
        if (!body) {
            const std::string problem = fmt::format("mapping {}: {}", one.mapping->name(), body.error().text());
            return done({ReasonCode::payload_format_invalid, problem, 0, {}});
        }
        if (body->skipped) continue;
        return store_mapped(who, *one.mapping, std::move(*body), durability, now, std::move(done));
    }
    // All say that it is none of theirs: a message for those who subscribed.
    done({});
}

Result<void> Ingest::add_mapped(const Principal& who, Mapping& mapping, const wire::MapRow& row, TimeNs now, Rows& rows,
                                std::map<std::string, std::uint64_t>& devices) {
    if (const auto fault = tag_path_fault(row.tag)) return Error{Code::invalid, "tag \"{}\": {}", row.tag, *fault};
    const TagPlace place = place_of_tag(row.tag);
    const std::string device{place.device};
    if (!may_write(who, device, row.tag)) {
        return Error{Code::denied, "{} may not write {}: {}", who.name, row.tag,
                     who.kind == PrincipalKind::device ? "a device writes to itself and beneath alone"
                                                       : "it lies outside of its places"};
    }
    Route* const to = TRY(route_to(who, device));
    const auto type = mapping.type_of_take(row.take);
    const TagTarget target =
        TRY(this->target(*to, std::string(place.property), type ? *type : wire::type_of_json(row.value),
                         mapping.spec().take[row.take].unit));
    rows.add({target.tag, row.time.value_or(now), row.value, checked(row.quality, row.value, target)});
    ++devices[device];
    return {};
}

void Ingest::store_mapped(const Principal& who, Mapping& mapping, wire::MapBody body, Durability durability, TimeNs now,
                          Done done) {
    LeftOut left_out;
    for (const std::string& fault : body.faults) left_out.add(fault);
    left_out.count += body.more_faults;
    Outcome outcome;
    std::map<std::string, std::uint64_t> devices;
    Rows rows;
    rows.reserve(body.rows.size());
    for (const wire::MapRow& row : body.rows) {
        const auto added = add_mapped(who, mapping, row, now, rows, devices);
        if (added) continue;
        // One row that the sender may not write: it gets nothing in by sending others beside it.
        if (added.error().code() == Code::denied)
            return done({ReasonCode::not_authorized, added.error().text(), 0, {}});
        if (added.error().code() != Code::invalid) return done(refused(added.error()));
        left_out.add(added.error().text());
    }
    outcome.devices.assign(devices.begin(), devices.end());
    const bool all_wrong = rows.empty() && left_out.count > 0;
    if (left_out.count > 0)
        outcome.problem = fmt::format("mapping {}: {}", mapping.name(), std::move(left_out).problem());
    if (all_wrong) outcome.reason = ReasonCode::payload_format_invalid;
    if (rows.empty()) return done(std::move(outcome));
    outcome.readings = rows.size();
    append(std::move(rows), durability, std::move(outcome), std::move(done));
}

void Ingest::forget(TenantId tenant) {
    mappings_.erase(tenant);
    std::erase_if(routes_, [&](const auto& one) { return one.second.tenant == tenant; });
    std::erase_if(leads_, [&](const auto& one) { return one.second.first == tenant; });
}

}  // namespace gongshu::broker
