#include <fmt/format.h>

#include <algorithm>

#include "base/rng.h"
#include "bench/sets.h"

namespace gongshu::bench {
namespace {

using Form = GridSet::Form;

// A walk: by a normal step of so much each second, rounded when it is told.
struct Sensor {
    const char* name;
    Form form;
    int decimals;
    double middle, step, least, most;
};
constexpr Sensor kWalks[] = {{"temperature", Form::decimal, 2, 60, 0.02, -20, 150},
                             {"pressure", Form::decimal, 3, 5, 0.004, 0, 16},
                             {"vibration", Form::decimal, 3, 2.5, 0.02, 0, 20},
                             {"current", Form::decimal, 2, 12, 0.05, 0, 60},
                             {"voltage", Form::decimal, 2, 400, 0.1, 360, 440},
                             {"flow", Form::decimal, 3, 30, 0.01, 0, 100},
                             {"speed", Form::whole, 0, 1480, 3, 0, 3000}};
constexpr std::size_t kPieces = std::size(kWalks), kRunning = kPieces + 1, kAlarm = kPieces + 2;
constexpr double kStops = 0.002, kAlarms = 0.001;  // of all seconds

GridSet::Shape shape_of(std::size_t machines, std::size_t ticks, TimeNs start) {
    GridSet::Measurement measurement{"plant", {}};
    for (const Sensor& sensor : kWalks) measurement.fields.push_back({sensor.name, sensor.form, sensor.decimals});
    measurement.fields.push_back({"pieces", Form::whole});
    measurement.fields.push_back({"running", Form::boolean});
    measurement.fields.push_back({"alarm", Form::boolean});
    GridSet::Shape shape{"machine", {std::move(measurement)}, {}, start, kSecond, ticks};
    for (std::size_t i = 0; i < machines; ++i) {
        const std::string name = fmt::format("machine_{}", i);
        shape.devices.push_back({name, {{{"line", fmt::format("line_{}", i % 8)}, {"machine", name}}}});
    }
    return shape;
}

}  // namespace

GridSet make_plant_set(std::size_t machines, std::size_t ticks, TimeNs start, std::uint64_t seed) {
    GridSet set(shape_of(machines, ticks, start));
    for (std::size_t machine = 0; machine < machines; ++machine) {
        Rng rng{seed * 1'000'003 + machine};
        double walks[std::size(kWalks)];
        for (std::size_t i = 0; i < std::size(kWalks); ++i) {
            const Sensor& sensor = kWalks[i];
            walks[i] = std::clamp(sensor.middle * (0.8 + 0.4 * rng.uniform()), sensor.least, sensor.most);
        }
        double pieces = static_cast<double>(rng.below(1'000'000));
        bool running = true, alarm = false;
        for (std::size_t tick = 0; tick < ticks; ++tick) {
            for (std::size_t i = 0; i < std::size(kWalks); ++i) {
                const Sensor& sensor = kWalks[i];
                walks[i] = std::clamp(walks[i] + sensor.step * rng.normal(), sensor.least, sensor.most);
                const double unit = std::pow(10, sensor.decimals);
                set.value(tick, machine, 0, i) = std::round(walks[i] * unit) / unit;
            }
            pieces += static_cast<double>(rng.below(4));
            if (rng.chance(kStops)) running = !running;
            if (rng.chance(kAlarms)) alarm = !alarm;
            set.value(tick, machine, 0, kPieces) = pieces;
            set.value(tick, machine, 0, kRunning) = running ? 1 : 0;
            set.value(tick, machine, 0, kAlarm) = alarm ? 1 : 0;
        }
    }
    return set;
}

}  // namespace gongshu::bench
