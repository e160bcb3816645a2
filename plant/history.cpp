#include <algorithm>

#include "base/assert.h"
#include "plant/plant.h"
#include "plant/simulation.h"

namespace gongshu::plant {

namespace {

// Counters go on from where the present finds them: the past is shifted so that it ends there.
bool is_counter(std::string_view property) {
    return property == "part_count" || property == "shot_count" || property == "energy" || property == "running_hours";
}

std::vector<PastSeries> empty_series(const std::string& site, std::size_t samples) {
    std::vector<PastSeries> all;
    for (const DeviceRow& device : devices()) {
        for (const PropertyRow& property : device.type->properties) {
            PastSeries series;
            series.device = path_of(site, device);
            series.property = property.name;
            series.unit = property.unit;
            series.type = property.type;
            series.times.reserve(samples);
            (property.type == ValueType::text ? (void)series.texts.reserve(samples)
                                              : (void)series.values.reserve(samples));
            series.bad.reserve(samples);
            all.push_back(std::move(series));
        }
    }
    return all;
}

void apply(Simulation& simulation, const PlannedFault& fault, bool on) {
    if (fault.power_loss)
        simulation.set_power(fault.device, !on);
    else
        ASSERT(simulation.set_fault(fault.device, fault.fault, on).has_value());
}

void sample(const Simulation& simulation, std::vector<PastSeries>& all) {
    std::size_t at = 0;
    for (std::size_t d = 0; d < devices().size(); ++d) {
        const DeviceRow& device = devices()[d];
        for (std::size_t p = 0; p < device.type->properties.size(); ++p, ++at) {
            PastSeries& series = all[at];
            const Value value = shown_value(device.type->properties[p], simulation.shown(d, p));
            series.times.push_back(simulation.now());
            series.bad.push_back(!simulation.powered(d));
            if (series.type == ValueType::text)
                series.texts.push_back(std::get<std::string>(value));
            else
                series.values.push_back(*as_number(value));
        }
    }
}

void shift_counters(std::vector<PastSeries>& all, const Simulation& past, const Simulation& present) {
    std::size_t at = 0;
    for (std::size_t d = 0; d < devices().size(); ++d) {
        for (std::size_t p = 0; p < devices()[d].type->properties.size(); ++p, ++at) {
            const PropertyRow& property = devices()[d].type->properties[p];
            if (!is_counter(property.name)) continue;
            const double shift = present.truth(d, p) - past.truth(d, p);
            for (double& value : all[at].values) value = *as_number(shown_value(property, value + shift));
        }
    }
}

}  // namespace

std::vector<PastSeries> history(std::uint64_t seed, TimeNs from, TimeNs to, DurationNs step, const std::string& site) {
    ASSERT(step >= kSecond);
    if (to <= from) return {};
    auto all = empty_series(site, static_cast<std::size_t>((to - from) / step + 1));
    Simulation past{seed, from};
    struct Edge {
        TimeNs time;
        PlannedFault fault;
        bool on;
    };
    std::vector<Edge> edges;
    for (const PlannedFault& fault : past_faults(seed, from, to)) {
        edges.push_back({fault.from, fault, true});
        edges.push_back({fault.to, fault, false});
    }
    std::ranges::stable_sort(edges, {}, &Edge::time);
    auto edge = edges.begin();
    for (TimeNs time = from; time < to; time += step) {
        for (; edge != edges.end() && edge->time <= time; ++edge) apply(past, edge->fault, edge->on);
        past.advance(time, std::min<DurationNs>(step, 10 * kSecond));
        sample(past, all);
        // A whole second may lie a little before the asked time.
        for (std::size_t i = all.size(); i-- > 0;) all[i].times.back() = time;
    }
    past.advance(to, 10 * kSecond);
    shift_counters(all, past, Simulation{seed, to});
    return all;
}

}  // namespace gongshu::plant
