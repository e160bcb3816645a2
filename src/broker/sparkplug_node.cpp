#include "broker/sparkplug_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gongshu::broker {

using wire::sparkplug::Message;
using wire::sparkplug::Metric;
using wire::sparkplug::Payload;
using wire::sparkplug::Topic;
using wire::sparkplug::Type;

namespace {

constexpr std::uint64_t kSeqMax = 255;
constexpr std::string_view kBdSeq = "bdSeq";
constexpr std::array<std::string_view, 6> kControls = {"Node Control/Rebirth",     "Node Control/Reboot",
                                                       "Node Control/Next Server", "Device Control/Rebirth",
                                                       "Device Control/Reboot",    kBdSeq};

SparkplugTurn refused(std::string problem) { return {.refused = true, .problem = std::move(problem)}; }

// Of births and deaths of an edge node. What is no number counts as none.
std::optional<std::uint64_t> bd_seq_of(const Payload& payload) {
    for (const Metric& metric : payload.metrics) {
        if (metric.name != kBdSeq || metric.null) continue;
        const auto value = value_of(metric, static_cast<Type>(metric.datatype.value_or(8)));
        const auto* number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
        if (number != nullptr) return static_cast<std::uint64_t>(*number);
    }
    return std::nullopt;
}

}  // namespace

bool is_control_metric(std::string_view name) { return std::ranges::find(kControls, name) != kControls.end(); }

SparkplugNode::SparkplugNode(std::string group, std::string node) : group_(std::move(group)), node_(std::move(node)) {
    units_.try_emplace("");
}

std::size_t SparkplugNode::metrics() const {
    std::size_t count = 0;
    for (const auto& [device, unit] : units_) count += unit.metrics.size();
    return count;
}

void SparkplugNode::want_rebirth(std::string why) {
    if (numbers_.stale_since) return;
    numbers_.rebirth_why = std::move(why);
    numbers_.stale_since = numbers_.last;
}

bool SparkplugNode::ask_rebirth(DurationNs monotonic, TimeNs now) {
    if (!numbers_.stale_since) return false;
    if (numbers_.rebirths_asked > 0) {
        const DurationNs quiet = monotonic - asked_at_;
        if (quiet > 2 * kPauseMax) asked_in_a_row_ = 0;
        const std::uint32_t doubled = asked_in_a_row_ == 0 ? 0 : std::min(asked_in_a_row_ - 1, 10u);
        if (quiet < std::min(kPause << doubled, kPauseMax)) return false;
    }
    asked_at_ = monotonic;
    ++asked_in_a_row_;
    ++numbers_.rebirths_asked;
    numbers_.rebirth_at = now;
    return true;
}

SparkplugTurn SparkplugNode::take(const Topic& topic, const Payload& payload, std::uint64_t from, TimeNs now,
                                  LeftOut& left_out) {
    numbers_.last = now;
    if (topic.message == Message::ndeath) return node_death(payload, now);
    // One that is 0 and not written is read as 0: some encoders leave it out.
    const std::uint64_t seq = payload.seq.value_or(0);
    if (seq > kSeqMax) {
        SparkplugTurn turn = take_broken(topic, now);
        turn.problem = fmt::format("seq is {}; expected 0 to 255", seq);
        return turn;
    }
    if (topic.message == Message::nbirth) return node_birth(payload, from, now, left_out);
    if (!numbers_.online) {
        if (topic.message == Message::ddeath) return {};
        want_rebirth(fmt::format("{} came before NBIRTH", to_string(topic.message)));
        return refused(
            fmt::format("{} came before NBIRTH, so that nothing is known of its metrics", to_string(topic.message)));
    }
    follow(seq);
    if (topic.message == Message::dbirth) return device_birth(topic.device, payload, now, left_out);
    if (topic.message == Message::ddeath) return device_death(topic.device, now);
    return data(topic, now);
}

SparkplugTurn SparkplugNode::take_broken(const Topic& topic, TimeNs now) {
    numbers_.last = now;
    SparkplugTurn turn = refused("");
    if (topic.message == Message::nbirth) end_all("its birth cannot be used", now, turn);
    if (topic.message != Message::dbirth) return turn;
    if (const auto unit = units_.find(topic.device); unit != units_.end())
        end(unit->second, "its birth cannot be used", now, turn);
    return turn;
}

SparkplugTurn SparkplugNode::lost(std::string why, TimeNs now) {
    SparkplugTurn turn;
    if (numbers_.online) end_all(why, now, turn);
    return turn;
}

void SparkplugNode::follow(std::uint64_t seq) {
    const std::uint64_t expected = numbers_.seq ? (*numbers_.seq + 1) % (kSeqMax + 1) : seq;
    if (seq != expected) {
        ++numbers_.lost;
        want_rebirth(fmt::format("seq is {} after {}", seq, *numbers_.seq));
    }
    numbers_.seq = seq;
}

SparkplugTurn SparkplugNode::node_birth(const Payload& payload, std::uint64_t from, TimeNs now, LeftOut& left_out) {
    SparkplugTurn turn{.birth = true};
    SparkplugUnit& unit = units_.find("")->second;
    fill(unit, payload, turn, left_out);
    if (!numbers_.online) numbers_.since = now;
    numbers_.online = true;
    numbers_.why.clear();
    numbers_.bd_seq = bd_seq_of(payload);
    numbers_.seq = payload.seq.value_or(0);
    numbers_.session = from;
    ++numbers_.births;
    numbers_.born = now;
    numbers_.stale_since.reset();
    if (!unit.online) unit.since = now;
    unit.online = true;
    unit.why.clear();
    // Its devices are born anew too; what they are called by is no longer known.
    for (auto& [device, one] : units_) one.awaited = !device.empty() && one.online;
    turn.unit = &unit;
    return turn;
}

SparkplugTurn SparkplugNode::node_death(const Payload& payload, TimeNs now) {
    SparkplugTurn turn;
    const auto of = bd_seq_of(payload);
    const bool older = of && numbers_.bd_seq && *of != *numbers_.bd_seq;
    // The will of a connection before this one came late.
    if (!numbers_.online || older) return turn;
    end_all("NDEATH", now, turn);
    return turn;
}

SparkplugTurn SparkplugNode::device_birth(std::string_view device, const Payload& payload, TimeNs now,
                                          LeftOut& left_out) {
    auto found = units_.find(device);
    if (found == units_.end()) {
        if (units_.size() > kDevicesMax)
            return refused(fmt::format("the edge node has more than {} devices", kDevicesMax));
        found = units_.try_emplace(std::string(device)).first;
        found->second.device = device;
    }
    SparkplugUnit& unit = found->second;
    SparkplugTurn turn{.unit = &unit, .birth = true};
    fill(unit, payload, turn, left_out);
    if (!unit.online) unit.since = now;
    unit.online = true;
    unit.awaited = false;
    unit.why.clear();
    return turn;
}

SparkplugTurn SparkplugNode::device_death(std::string_view device, TimeNs now) {
    SparkplugTurn turn;
    if (const auto unit = units_.find(device); unit != units_.end()) end(unit->second, "DDEATH", now, turn);
    return turn;
}

SparkplugTurn SparkplugNode::data(const Topic& topic, TimeNs now) {
    const auto found = units_.find(topic.device);
    if (found == units_.end() || !found->second.online || found->second.awaited) {
        want_rebirth(fmt::format("{} of {} came before DBIRTH", to_string(topic.message), topic.device));
        return refused(fmt::format("{} of {} came before DBIRTH, so that nothing is known of its metrics",
                                   to_string(topic.message), topic.device));
    }
    SparkplugTurn turn;
    turn.unit = &found->second;
    // Births come first: a device that was not born again is no more.
    for (auto& [device, unit] : units_)
        if (unit.awaited) end(unit, "it was not born again with its edge node", now, turn);
    return turn;
}

void SparkplugNode::end(SparkplugUnit& unit, std::string_view why, TimeNs now, SparkplugTurn& turn) {
    unit.awaited = false;
    if (!unit.online) return;
    unit.online = false;
    unit.since = now;
    unit.why = why;
    turn.ended.push_back(&unit);
}

void SparkplugNode::end_all(std::string_view why, TimeNs now, SparkplugTurn& turn) {
    for (auto& [device, unit] : units_) end(unit, why, now, turn);
    if (numbers_.online) numbers_.since = now;
    numbers_.online = false;
    numbers_.why = why;
    numbers_.seq.reset();
}

void SparkplugNode::fill(SparkplugUnit& unit, const Payload& payload, SparkplugTurn& turn, LeftOut& left_out) {
    auto before = std::move(unit.metrics);
    const auto known = std::move(unit.by_name);
    unit.metrics.clear();
    unit.by_name.clear();
    unit.by_alias.clear();
    for (const Metric& metric : payload.metrics) {
        if (metric.name.empty()) {
            left_out.add(place_of(metric) + ": a birth says the name of each metric");
            continue;
        }
        if (is_control_metric(metric.name)) continue;
        const auto [place, is_new] = unit.by_name.try_emplace(std::string(metric.name), unit.metrics.size());
        if (!is_new) {
            left_out.add(place_of(metric) + ": the birth has two metrics of this name");
            continue;
        }
        BornMetric born{.name = std::string(metric.name),
                        .property = {},
                        .type = static_cast<Type>(std::min<std::uint32_t>(metric.datatype.value_or(0), 255)),
                        .unit = std::string(metric.unit),
                        .alias = metric.alias,
                        .skipped = {},
                        .index = metric.index,
                        .target = {},
                        .before = {}};
        born.skipped = wire::sparkplug::why_not_kept(born.type);
        if (born.skipped.empty()) born.property = wire::sparkplug::property_name(metric.name);
        if (const auto old = known.find(born.name); old != known.end()) {
            BornMetric& was = before[old->second];
            born.newest = was.newest;
            born.bad = was.bad;
            if (was.type == born.type && was.unit == born.unit) born.target = was.target;
            if (was.type == born.type) born.before = was.before;
            was.newest = 0;  // it goes on
        }
        if (born.alias && !unit.by_alias.try_emplace(*born.alias, place->second).second) {
            left_out.add(fmt::format("{}: the birth has two metrics with alias {}", place_of(metric), *born.alias));
            born.alias.reset();
        }
        unit.metrics.push_back(std::move(born));
    }
    for (BornMetric& was : before)
        if (was.newest != 0 && !was.bad) turn.gone.push_back(std::move(was));
}

BornMetric* SparkplugNode::find(SparkplugUnit& unit, const Metric& metric, LeftOut& left_out) {
    const auto told = [&](std::string_view what) {
        left_out.add(fmt::format("{}: {}", place_of(metric), what));
        want_rebirth(fmt::format("{}: {}", place_of(metric), what));
        return nullptr;
    };
    std::size_t at = 0;
    if (!metric.name.empty()) {
        const auto found = unit.by_name.find(std::string(metric.name));
        if (found == unit.by_name.end()) return told("the birth did not have it");
        at = found->second;
    } else if (metric.alias) {
        const auto found = unit.by_alias.find(*metric.alias);
        if (found == unit.by_alias.end()) return told("no metric of the birth has this alias");
        at = found->second;
    } else {
        left_out.add(place_of(metric) + ": it has neither name nor alias");
        return nullptr;
    }
    BornMetric& born = unit.metrics[at];
    if (metric.datatype && *metric.datatype != 0 && static_cast<Type>(*metric.datatype) != born.type)
        return told(fmt::format("it is {}; the birth said {}", to_string(static_cast<Type>(*metric.datatype)),
                                to_string(born.type)));
    return &born;
}

}  // namespace gongshu::broker
