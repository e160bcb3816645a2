#include "broker/sparkplug_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace gongshu::broker {

using wire::mqtt::ReasonCode;
using wire::sparkplug::Message;
using wire::sparkplug::Metric;
using wire::sparkplug::Payload;
using wire::sparkplug::Topic;
using wire::sparkplug::Type;

namespace {

constexpr std::string_view kCompressed = "SPBV1.0_COMPRESSED";

// Stands in a reading that has no value.
Value nothing(Type type) {
    switch (wire::sparkplug::tag_type(type).value_or(ValueType::number)) {
        case ValueType::integer:
            return std::int64_t{0};
        case ValueType::boolean:
            return false;
        case ValueType::text:
            return std::string{};
        default:
            return 0.0;
    }
}

std::optional<TimeNs> as_time(std::int64_t ms) {
    constexpr std::int64_t kMsMax = std::numeric_limits<TimeNs>::max() / kMillisecond;
    return ms > kMsMax || ms < -kMsMax ? std::nullopt : std::optional{ms * kMillisecond};
}

// Of property Quality: 0 bad, 192 good, 500 stale; what lies between as OPC has it.
Quality quality_of(std::optional<std::int64_t> said) {
    if (!said || (*said >= 192 && *said < 256)) return kGood;
    if (*said == 500) return bad(Reason::silent);
    return *said >= 64 && *said < 192 ? uncertain(Reason::sensor) : bad(Reason::sensor);
}

// An NDEATH has the time of its CONNECT, which is long before the newest reading: a gap begins when it is known of.
void add_gap(BornMetric& born, TimeNs now, Rows& rows) {
    const auto& target = born.target ? born.target : born.before;
    if (!target || born.newest == 0 || born.bad) return;
    born.newest = std::max(now, born.newest + kMillisecond);
    born.bad = true;
    rows.add({target->tag, born.newest, nothing(born.type), bad(Reason::disconnected)});
}

void add_gaps(SparkplugTurn& turn, TimeNs now, Rows& rows) {
    for (SparkplugUnit* const unit : turn.ended)
        for (BornMetric& born : unit->metrics) add_gap(born, now, rows);
    for (BornMetric& born : turn.gone) add_gap(born, now, rows);
}

void tell_state(const SparkplugNode& node, const SparkplugUnit& unit, SparkplugSeen::Unit& shown) {
    const SparkplugNode::Numbers& numbers = node.numbers();
    shown.since = unit.since;
    shown.why = unit.why;
    shown.state = unit.online ? SparkplugState::online : SparkplugState::offline;
    if (!unit.online) return;
    if (unit.device.empty() && numbers.stale_since) {
        shown.state = SparkplugState::stale;
        shown.since = *numbers.stale_since;
        shown.why = numbers.rebirth_why;
    } else if (unit.awaited) {
        shown.state = SparkplugState::stale;
        shown.since = numbers.born;
        shown.why = "its edge node was born anew, and it was not yet";
    }
}

}  // namespace

std::string_view name_of(SparkplugState state) {
    constexpr std::array<std::string_view, 3> kNames = {"online", "stale", "offline"};
    return kNames[static_cast<std::size_t>(state)];
}

Result<Payload> SparkplugHost::decode(const Tenant& tenant, SparkplugNode& node, const Coming& coming, Bytes payload) {
    Payload decoded = TRY(wire::sparkplug::decode(payload));
    if (decoded.uuid == kCompressed)
        return Error{Code::unsupported, "the payload is compressed: switch compression off in the edge node"};
    const bool birth = coming.topic.message == Message::nbirth || coming.topic.message == Message::dbirth;
    const auto unit = node.units().find(coming.topic.device);
    const std::size_t before = unit == node.units().end() ? 0 : unit->second.metrics.size();
    if (birth && tenant.metrics - before + decoded.metrics.size() > metrics_max_)
        return Error{Code::limit, "the births of all edge nodes have more than {} metrics", metrics_max_};
    return decoded;
}

// The edge node that is offline and has been silent for the longest time is forgotten.
bool SparkplugHost::make_room(Tenant& tenant) {
    auto silent = tenant.nodes.end();
    for (auto one = tenant.nodes.begin(); one != tenant.nodes.end(); ++one) {
        if (one->second.numbers().online) continue;
        if (silent == tenant.nodes.end() || one->second.numbers().last < silent->second.numbers().last) silent = one;
    }
    if (silent == tenant.nodes.end()) return false;
    tenant.metrics -= silent->second.metrics();
    tenant.nodes.erase(silent);
    return true;
}

SparkplugHost::Taken SparkplugHost::take(const Principal& who, std::uint64_t session, std::string_view text,
                                         const Lead& lead, Bytes payload, TimeNs now, DurationNs monotonic) {
    Taken taken;
    const auto topic = wire::sparkplug::parse_topic(text);
    if (!topic) {
        taken.outcome = {
            ReasonCode::topic_name_invalid, fmt::format("topic {}: {}", text, topic.error().text()), 0, {}};
        return taken;
    }
    auto tenants = tenants_.lock();
    Tenant& tenant = (*tenants)[who.tenant];
    const std::pair key{std::string(topic->group), std::string(topic->node)};
    auto found = tenant.nodes.find(key);
    if (found == tenant.nodes.end() && tenant.nodes.size() >= nodes_max_ && !make_room(tenant)) {
        taken.outcome = {
            ReasonCode::payload_format_invalid, fmt::format("there are more than {} edge nodes", nodes_max_), 0, {}};
        return taken;
    }
    if (found == tenant.nodes.end()) found = tenant.nodes.try_emplace(key, key.first, key.second).first;
    SparkplugNode& node = found->second;
    const Coming coming{who, session, *topic, lead, now};
    LeftOut left_out;
    const auto decoded = decode(tenant, node, coming, payload);
    const std::size_t metrics = node.metrics();
    SparkplugTurn turn = decoded ? node.take(*topic, *decoded, session, now, left_out) : node.take_broken(*topic, now);
    tenant.metrics += node.metrics() - metrics;
    if (!decoded) turn.problem = decoded.error().text();
    add_gaps(turn, now, taken.gaps);
    Result<void> stored;
    if (turn.unit != nullptr) {
        if (turn.unit->rebind || turn.unit->path != lead.path)
            for (BornMetric& born : turn.unit->metrics)
                if (born.target) born.before = std::exchange(born.target, std::nullopt);
        turn.unit->rebind = false;
        turn.unit->path = lead.path;
        stored = take_values(node, turn, *decoded, coming, taken, left_out);
    }
    taken.rebirth = node.ask_rebirth(monotonic, now);
    taken.outcome.readings = taken.rows.size();
    const bool all_wrong = taken.outcome.readings == 0 && left_out.count > 0;
    if (turn.refused || all_wrong) taken.outcome.reason = ReasonCode::payload_format_invalid;
    taken.outcome.problem = turn.refused ? std::move(turn.problem) : std::move(left_out).problem();
    if (!stored) {
        taken.outcome.reason = ReasonCode::quota_exceeded;
        taken.outcome.problem = stored.error().text();
    }
    return taken;
}

Result<void> SparkplugHost::take_values(SparkplugNode& node, const SparkplugTurn& turn, const Payload& payload,
                                        const Coming& coming, Taken& taken, LeftOut& left_out) {
    for (const Metric& metric : payload.metrics) {
        if (is_control_metric(metric.name)) continue;
        if (turn.birth) {
            // What stands behind what is told already.
            const auto at = turn.unit->by_name.find(std::string(metric.name));
            if (at == turn.unit->by_name.end() || turn.unit->metrics[at->second].index != metric.index) continue;
        }
        BornMetric* const born = node.find(*turn.unit, metric, left_out);
        if (born == nullptr || !born->skipped.empty() || metric.transient) continue;
        TRY(take_value(node, *born, turn, payload, metric, coming, taken, left_out));
    }
    return {};
}

Result<void> SparkplugHost::take_value(SparkplugNode& node, BornMetric& born, const SparkplugTurn& turn,
                                       const Payload& payload, const Metric& metric, const Coming& coming,
                                       Taken& taken, LeftOut& left_out) {
    Value value = nothing(born.type);
    Quality quality = bad(Reason::sensor);
    if (!metric.null) {
        auto said = wire::sparkplug::value_of(metric, born.type);
        if (!said) {
            left_out.add(said.error().text());
            return {};
        }
        value = std::move(*said);
        quality = quality_of(metric.quality);
    }
    if (!born.target) {
        const auto target = ingest_.target_of(coming.who, coming.lead.path, born.property,
                                              *wire::sparkplug::tag_type(born.type), born.unit);
        if (!target && target.error().code() == Code::invalid) {
            born.skipped = target.error().text();
            left_out.add(fmt::format("{}: {}", place_of(metric), born.skipped));
            return {};
        }
        if (!target && target.error().code() == Code::limit) {
            // The tags of a large birth are made over some minutes.
            left_out.add(fmt::format("{}: {}", place_of(metric), target.error().text()));
            node.want_rebirth(target.error().text());
            return {};
        }
        born.target = TRY(Result<TagTarget>{target});
        if (born.before && born.before->tag != born.target->tag) {
            BornMetric old = born;
            old.target = born.before;
            add_gap(old, coming.now, taken.gaps);
            born.newest = 0;
            born.bad = false;
            // Its other metrics go there too, also those that do not change.
            if (!turn.birth) node.want_rebirth("its device is another one now");
        }
        born.before.reset();
    }
    const std::optional<TimeNs> birth_time = payload.time_ms ? as_time(*payload.time_ms) : coming.now;
    std::optional<TimeNs> time = metric.time_ms ? as_time(*metric.time_ms) : birth_time;
    if (!time && quality.good()) quality = uncertain(Reason::clock);
    if (!time) time = coming.now;
    // Of a start before this one, whose stop was a gap.
    if (turn.birth && born.newest == 0 && last_)
        if (const auto last = last_(born.target->tag); last && !last->quality.usable() && last->time >= *time) {
            born.newest = last->time;
            born.bad = true;
        }
    // A value that has not changed since before the gap is there again, as of the birth.
    if (turn.birth && born.bad && !metric.historical && *time <= born.newest)
        time = std::max(birth_time.value_or(coming.now), born.newest + kMillisecond);
    if (*time >= born.newest) {
        born.newest = *time;
        born.bad = !quality.usable();
    }
    const Quality kept = checked(quality, value, *born.target);
    taken.rows.add({born.target->tag, *time, std::move(value), kept});
    return {};
}

Rows SparkplugHost::left(TenantId tenant, std::uint64_t session, TimeNs now) {
    Rows rows;
    auto tenants = tenants_.lock();
    const auto found = tenants->find(tenant);
    if (found == tenants->end()) return rows;
    for (auto& [key, node] : found->second.nodes) {
        if (!node.numbers().online || node.numbers().session != session) continue;
        SparkplugTurn turn = node.lost("its connection ended without NDEATH", now);
        add_gaps(turn, now, rows);
    }
    return rows;
}

void SparkplugHost::forget(TenantId tenant) {
    auto tenants = tenants_.lock();
    const auto found = tenants->find(tenant);
    if (found == tenants->end()) return;
    for (auto& [key, node] : found->second.nodes)
        for (auto& [device, unit] : node.units()) unit.rebind = true;
}

std::vector<SparkplugSeen> SparkplugHost::seen(TenantId tenant) const {
    std::vector<SparkplugSeen> all;
    auto tenants = tenants_.lock();
    const auto found = tenants->find(tenant);
    if (found == tenants->end()) return all;
    for (const auto& [key, node] : found->second.nodes) {
        const SparkplugNode::Numbers& numbers = node.numbers();
        SparkplugSeen& one = all.emplace_back();
        one.group = node.group();
        one.node = node.node();
        one.bd_seq = numbers.bd_seq;
        one.seq = numbers.seq;
        one.births = numbers.births;
        one.lost = numbers.lost;
        one.rebirths = numbers.rebirths_asked;
        one.rebirth_at = numbers.rebirth_at;
        one.rebirth_why = numbers.rebirth_why;
        one.last = numbers.last;
        one.born = numbers.born;
        for (const auto& [device, unit] : node.units()) {
            SparkplugSeen::Unit& shown = one.units.emplace_back();
            shown.device = device;
            shown.path = unit.path;
            tell_state(node, unit, shown);
            shown.metrics = unit.metrics.size();
            for (const BornMetric& born : unit.metrics) {
                if (born.skipped.empty() || ++shown.skipped_count > kSkippedToldMax) continue;
                shown.skipped.push_back({born.name, born.skipped});
            }
        }
    }
    return all;
}

std::pair<std::string, std::string> SparkplugHost::rebirth_command(std::string_view text, TimeNs now) {
    Topic topic = *wire::sparkplug::parse_topic(text);
    topic.message = Message::ncmd;
    const std::int64_t ms = now / kMillisecond;
    Payload payload{.time_ms = ms};
    Metric metric{.name = "Node Control/Rebirth", .time_ms = ms, .datatype = static_cast<std::uint32_t>(Type::boolean)};
    metric.value = *wire::sparkplug::raw_of(true, Type::boolean);
    payload.metrics.push_back(metric);
    return {make_topic(topic), encode(payload)};
}

}  // namespace gongshu::broker
