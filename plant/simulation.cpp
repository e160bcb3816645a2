#include "plant/simulation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/assert.h"

namespace gongshu::plant {

namespace {

constexpr double kPi = std::numbers::pi;
constexpr TimeNs kEpoch = 1'735'660'800 * kSecond;  // 2025-01-01T00:00+08:00: counters are counted from here
constexpr DurationNs kZone = 8 * kHour;             // the plant's clock, for shifts and weather
constexpr DurationNs kSettle = 6 * kHour;
constexpr DurationNs kCoarseStep = 10 * kSecond;

// Places in the tables of catalogue.cpp.
namespace cnc {
enum : std::size_t {
    speed,
    load,
    temperature,
    feed,
    x_load,
    y_load,
    z_load,
    vibration,
    parts,
    state,
    wear,
    coolant,
    program,
    power,
    feed_override,
    door
};
}
namespace imm {
enum : std::size_t { zone1, zone2, zone3, zone4, mould, pressure, clamp, cycle, shots, state, power };
}
namespace pump {
enum : std::size_t { running, current, vibration, suction, discharge, bearing, speed, power, hours, setpoint };
}
namespace loop {
enum : std::size_t { flow, supply, back, fan, filter, tank, wet_bulb, heat };
}
namespace meter {
enum : std::size_t { voltage, current, power, factor, energy };
}
enum : std::size_t { kCnc1, kCnc2, kCnc3, kMoulding, kPump1, kPump2, kLoop, kMeter1, kMeter2, kMeter3, kMeter4 };

std::uint64_t hash(std::uint64_t a, std::uint64_t b) {
    std::uint64_t x = a * 0x9e3779b97f4a7c15 + b;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

double uniform(std::uint64_t a, std::uint64_t b) { return static_cast<double>(hash(a, b) >> 11) * 0x1p-53; }

// Nearly normal, from one hash: the sum of four uniform parts.
double bell(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t bits = hash(a, b);
    double sum = 0;
    for (int shift = 0; shift < 64; shift += 16) sum += static_cast<double>(bits >> shift & 0xffff) / 65536.0 - 0.5;
    return sum * 1.732;
}

// Moves `value` to `target` as a first-order lag does in `dt` seconds; stable for any dt.
void lag(double& value, double target, double tau, double dt) { value += (target - value) * (1 - std::exp(-dt / tau)); }

double seconds(DurationNs duration) { return static_cast<double>(duration) / static_cast<double>(kSecond); }
// kEpoch is a local midnight.
double second_of_day(TimeNs time) { return seconds(((time - kEpoch) % kDay + kDay) % kDay); }
double wave(TimeNs time, DurationNs period, double phase) {
    return std::sin(2 * kPi * (seconds(time % period) / seconds(period) + phase));
}

// Breaks of the shifts (day 8 to 20, night 20 to 8), in seconds of the local day.
struct Break {
    double from, to;
};
constexpr Break kBreaks[] = {{4 * 3600, 4 * 3600 + 600}, {12 * 3600, 12 * 3600 + 1200}, {18 * 3600, 18 * 3600 + 900}};
constexpr double kProductivePerDay = 86400 - 600 - 1200 - 900;

// Seconds of work since kEpoch for a crew whose breaks begin `stagger` seconds later.
double productive_seconds(TimeNs time, double stagger) {
    const double since = seconds(time - kEpoch) - stagger;
    const double days = std::floor(since / 86400);
    const double today = since - days * 86400;
    double worked = today;
    for (const Break& pause : kBreaks) worked -= std::clamp(today - pause.from, 0.0, pause.to - pause.from);
    return days * kProductivePerDay + worked;
}

bool in_break(TimeNs time, double stagger) {
    const double today = std::fmod(seconds(time - kEpoch) - stagger + 86400, 86400.0);
    return std::ranges::any_of(kBreaks, [&](const Break& pause) { return today >= pause.from && today < pause.to; });
}

// One stretch of a machining cycle.
struct Stretch {
    double until;  // part of the cycle
    double speed, load, feed, x, y, z;
};
constexpr Stretch kStretches[] = {
    {0.12, 0, 0, 0, 2, 2, 3},             // unload, load
    {0.45, 6500, 62, 2400, 38, 32, 18},   // rough
    {0.75, 8500, 38, 3200, 30, 34, 14},   // semi-finish
    {0.92, 10500, 24, 1800, 18, 20, 10},  // finish
    {1.00, 4200, 45, 600, 6, 6, 58},      // drill
};
struct CncFacts {
    double cycle_s, stagger_s, strength;
};
constexpr CncFacts kCncs[] = {{210, 0, 1.0}, {264, 600, 0.92}, {330, 1500, 1.1}};
constexpr double kToolLifeCycles = 60;
constexpr double kShotSeconds = 34;
constexpr double kMouldingStagger = 300;

// Pump: head = kHead * n^2 - kPumpSlope * flow^2 (bar, m3/h); system: bar = kPipes * flow^2 + filter.
constexpr double kHead = 4.2, kPumpSlope = 3.333e-4, kPipes = 7.64e-4, kFilter = 6.94e-5;
constexpr double kKwPerKelvinAndFlow = 1.163;  // water: kW per m3/h and kelvin

constexpr double kMeanKw[] = {24, 13, 24, 22};  // of the meters: only where their counters stand at the start

double fault_tau(Fault fault) {
    switch (fault) {
        case Fault::bearing_wear:
            return 15;
        case Fault::cavitation:
            return 5;
        case Fault::clogged_filter:
            return 12;
        case Fault::tool_breakage:
            return 1;
        case Fault::drift:
            return 120;
        case Fault::stuck_sensor:
            return 0.1;
    }
    return 1;
}

}  // namespace

Simulation::Simulation(std::uint64_t seed, TimeNs start) : seed_(seed) {
    static_assert(kDevicesMax == kMeter4 + 1);
    ASSERT(devices().size() == kDevicesMax);
    now_ = (start - kSettle) / kStep * kStep;
    for (std::size_t i = kCnc1; i <= kCnc3; ++i) devices_[i].truth[cnc::feed_override] = 100;
    for (const std::size_t i : {kPump1, kPump2}) devices_[i].truth[pump::setpoint] = 50;
    auto& water = devices_[kLoop].truth;
    water[loop::supply] = 26;
    water[loop::back] = 29;
    water[loop::fan] = 50;
    for (std::size_t i = kCnc1; i <= kCnc3; ++i) devices_[i].truth[cnc::temperature] = 38;
    devices_[kMoulding].truth[imm::mould] = 55;
    // Counters stand where they would if the plant had run since kEpoch at its mean.
    const double hours = seconds(now_ - kEpoch) / 3600;
    devices_[kPump1].truth[pump::hours] = 8000 + hours;
    devices_[kPump2].truth[pump::hours] = 7600;
    for (std::size_t i = 0; i < 4; ++i) devices_[kMeter1 + i].truth[meter::energy] = 1000 + hours * kMeanKw[i];
    advance(start / kStep * kStep, kCoarseStep);
}

void Simulation::advance(TimeNs to, DurationNs length) {
    while (now_ + kStep <= to) step(std::min(length, (to - now_) / kStep * kStep));
}

void Simulation::step(DurationNs length) {
    now_ += length;
    const double dt = seconds(length);
    step_faults(dt);
    for (std::size_t i = 0; i < 3; ++i) step_cnc(i, dt);
    step_moulding(dt);
    step_loop(dt);
    step_meters(dt);
}

void Simulation::step_faults(double dt) {
    for (Device& device : devices_)
        for (std::size_t i = 0; i < device.faults.size(); ++i) {
            FaultState& fault = device.faults[i];
            lag(fault.severity, fault.on ? 1 : 0, fault_tau(static_cast<Fault>(i)), dt);
            if (!fault.on && fault.severity < 1e-4) fault.severity = 0;
        }
}

void Simulation::step_cnc(std::size_t number, double dt) {
    Device& device = devices_[kCnc1 + number];
    const CncFacts& facts = kCncs[number];
    auto& v = device.truth;
    const bool broken = state_of(kCnc1 + number, Fault::tool_breakage).on;
    device.alarm_s = broken && device.powered ? device.alarm_s + dt : 0;
    const bool resting = in_break(now_, facts.stagger_s);
    const bool alarm = device.alarm_s > 4;  // the machine notices after four seconds
    if (!device.powered || alarm) device.lost_s += resting ? 0 : dt;

    const double worked = productive_seconds(now_, facts.stagger_s) - device.lost_s;
    const double cycles = worked / facts.cycle_s;
    const double phase = cycles - std::floor(cycles);
    const auto cycle = static_cast<std::uint64_t>(std::max(cycles, 0.0));
    const Stretch& stretch =
        *std::ranges::find_if(kStretches, [&](const Stretch& s) { return phase < s.until || s.until >= 1; });
    const bool cuts = device.powered && !alarm && !resting && stretch.speed > 0;
    const double wear = std::fmod(cycles, kToolLifeCycles) / kToolLifeCycles;
    const double over = v[cnc::feed_override] / 100;
    // The path of the tool: each axis takes its turn.
    const double path = 0.75 + 0.25 * std::sin(2 * kPi * phase * 9),
                 across = 0.75 + 0.25 * std::cos(2 * kPi * phase * 9);

    lag(v[cnc::speed], cuts ? stretch.speed * facts.strength : 0, 2, dt);
    lag(v[cnc::load], cuts ? stretch.load * (1 + 0.15 * wear) * std::pow(over, 0.6) * (0.9 + 0.1 * path) : 0, 1.5, dt);
    lag(v[cnc::feed], cuts ? stretch.feed * over : 0, 1, dt);
    const double holding = device.powered ? 1 : 0;
    lag(v[cnc::x_load], cuts ? stretch.x * path : 2 * holding, 1, dt);
    lag(v[cnc::y_load], cuts ? stretch.y * across : 2 * holding, 1, dt);
    lag(v[cnc::z_load], cuts ? stretch.z * path : 3 * holding, 1, dt);

    const double bearing = severity(kCnc1 + number, Fault::bearing_wear),
                 snapped = severity(kCnc1 + number, Fault::tool_breakage);
    const double turning = v[cnc::speed] / 8000;
    lag(v[cnc::vibration],
        turning * (0.7 + 0.012 * v[cnc::load] + 0.7 * wear + 5.5 * bearing + 9 * snapped) + 0.05 * holding, 1.5, dt);
    const double water = devices_[kLoop].truth[loop::supply];
    const double target =
        device.powered ? water - 2 + 0.3 * v[cnc::load] + 0.0009 * v[cnc::speed] + 22 * bearing * std::min(turning, 1.2)
                       : water - 4;
    lag(v[cnc::temperature], target, bearing > 0.05 ? 120 : 600, dt);
    v[cnc::parts] = std::floor(cycles);
    v[cnc::state] = static_cast<double>(!device.powered ? State::off
                                        : alarm         ? State::alarm
                                        : cuts          ? State::running
                                                        : State::idle);
    v[cnc::wear] = 100 * wear + 40 * snapped;
    v[cnc::coolant] =
        95 - 30 * std::fmod(seconds(now_ - kEpoch) / (2.5 * 86400) + 0.3 * static_cast<double>(number), 1.0);
    v[cnc::program] = 1000 + static_cast<double>(hash(seed_ + number, cycle / 40) % 40);
    lag(v[cnc::power], device.powered ? 1.2 + (cuts ? 0.9 : 0) + 0.11 * v[cnc::load] : 0, 1, dt);
    v[cnc::door] = device.powered && !alarm && !resting && phase > 0.02 && phase < 0.09 ? 1 : 0;
}

void Simulation::step_moulding(double dt) {
    Device& device = devices_[kMoulding];
    auto& v = device.truth;
    const bool runs = device.powered && !in_break(now_, kMouldingStagger);
    if (!device.powered && !in_break(now_, kMouldingStagger)) device.lost_s += dt;
    const double shots = (productive_seconds(now_, kMouldingStagger) - device.lost_s) / kShotSeconds;
    const auto shot = static_cast<std::uint64_t>(std::max(shots, 0.0));
    constexpr double kZones[] = {195, 215, 225, 230};
    for (std::size_t i = 0; i < 4; ++i) {
        const double ripple = 0.6 * wave(now_, 180 * kSecond, 0.21 * static_cast<double>(i));
        const double target = device.powered ? kZones[i] + ripple : 28;
        double& zone = v[imm::zone1 + i];
        if (zone == 0) zone = target;  // settled
        lag(zone, target, device.powered ? 90 : 2400, dt);
    }
    const double water = devices_[kLoop].truth[loop::supply];
    lag(v[imm::mould], water + (runs ? 29 : 8), 240, dt);
    // Colder plastic is harder to push.
    const std::uint64_t key = hash(seed_, 77);
    v[imm::pressure] = runs ? 1080 + 7 * bell(key, shot) + 6 * (215 - v[imm::zone2]) : 0;
    v[imm::clamp] = runs ? 1240 + 4 * bell(key + 1, shot) : 0;
    v[imm::cycle] = runs ? kShotSeconds + 0.1 * bell(key + 2, shot) : 0;
    v[imm::shots] = std::floor(shots);
    v[imm::state] = static_cast<double>(!device.powered ? State::off : runs ? State::running : State::idle);
    const double phase = shots - std::floor(shots);
    const double hydraulics = !runs ? 2 : phase < 0.25 ? 27 : phase < 0.7 ? 16 : 9;
    const double heaters = device.powered ? 7 + 2 * wave(now_, 180 * kSecond, 0.1) : 0;
    lag(v[imm::power], device.powered ? hydraulics + heaters : 0, 4, dt);
}

double Simulation::pump_head(std::size_t device) const {
    const double n = devices_[device].truth[pump::speed] / 2950;
    return kHead * n * n * (1 - 0.45 * severity(device, Fault::cavitation));
}

// The pressure at which the pumps together deliver what the pipes let through (bar over the suction side).
double Simulation::balance_header(double resistance) const {
    const double heads[] = {pump_head(kPump1), pump_head(kPump2)};
    double low = 0, high = std::max(heads[0], heads[1]);
    for (int i = 0; i < 30; ++i) {
        const double bar = (low + high) / 2;
        double delivered = 0;
        for (const double head : heads) delivered += std::sqrt(std::max(head - bar, 0.0) / kPumpSlope);
        (delivered > std::sqrt(bar / resistance) ? low : high) = bar;
    }
    return low;
}

void Simulation::step_pump(std::size_t number, double flow, double header_bar, double dt) {
    Device& device = devices_[number];
    auto& v = device.truth;
    const bool runs = v[pump::running] != 0;
    const double n = v[pump::speed] / 2950;
    const double cavitation = severity(number, Fault::cavitation), bearing = severity(number, Fault::bearing_wear);
    const double flutter = cavitation * bell(hash(seed_, number), static_cast<std::uint64_t>(now_ / kStep));
    const double level = devices_[kLoop].truth[loop::tank];
    const double suction = 0.55 + 0.006 * (level - 75) - 0.12 * (flow / 60) * (flow / 60) - 0.38 * cavitation * n;
    lag(v[pump::suction], suction + 0.02 * flutter, 1, dt);
    lag(v[pump::discharge], suction + header_bar * (flow > 0.5 ? 1 : 0.97) + 0.12 * flutter, 1, dt);
    const double hydraulic_kw = header_bar * flow / 36;
    lag(v[pump::power], runs ? 0.9 + hydraulic_kw / (0.68 * 0.92) + 0.4 * bearing : 0, 1, dt);
    v[pump::current] = v[pump::power] / (1.732 * 0.4 * 0.86);
    lag(v[pump::vibration], n * n * (1.5 + 6.3 * cavitation + 5.2 * bearing + 0.8 * std::abs(flutter)) + 0.08, 1.5, dt);
    const double ambient = 24 + 3 * wave(now_ + kZone, kDay, -0.35);
    if (v[pump::bearing] == 0) v[pump::bearing] = ambient + (runs ? 22 : 0);  // settled
    lag(v[pump::bearing], ambient + (runs ? 22 + 30 * bearing + 4 * cavitation : 0), bearing > 0.05 ? 150 : 900, dt);
    v[pump::hours] += runs ? dt / 3600 : 0;
}

void Simulation::step_loop(double dt) {
    auto& v = devices_[kLoop].truth;
    // Pump 1 has the duty; the other starts when the pressure stays low and stops when it is not needed any more.
    auto& duty = devices_[kPump1].truth;
    auto& standby = devices_[kPump2].truth;
    const bool duty_sound = devices_[kPump1].powered && severity(kPump1, Fault::cavitation) < 0.1;
    low_pressure_s_ = duty[pump::discharge] < 2.9 ? low_pressure_s_ + dt : 0;
    standby_s_ = standby_runs_ ? standby_s_ + dt : 0;
    if (low_pressure_s_ > 30) standby_runs_ = true;
    if (standby_s_ > 60 && duty_sound) standby_runs_ = false;
    duty[pump::running] = devices_[kPump1].powered ? 1 : 0;
    standby[pump::running] = devices_[kPump2].powered && standby_runs_ ? 1 : 0;
    for (auto* one : {&duty, &standby})
        lag((*one)[pump::speed], (*one)[pump::running] * (*one)[pump::setpoint] / 50 * 2950, 3, dt);

    const double dirt = 0.5 * std::fmod(seconds(now_ - kEpoch) / (10 * 86400), 1.0);
    const double filter = kFilter * (1 + dirt) * (1 + 9 * severity(kLoop, Fault::clogged_filter));
    const double bar = balance_header(kPipes + filter);
    double flow = 0;
    for (const std::size_t number : {kPump1, kPump2}) {
        const double share = std::sqrt(std::max(pump_head(number) - bar, 0.0) / kPumpSlope);
        step_pump(number, share, bar, dt);
        flow += share;
    }
    lag(v[loop::flow], flow, 2, dt);
    lag(v[loop::filter], 100 * filter * flow * flow, 2, dt);
    v[loop::tank] = 78 + 5 * std::abs(2 * std::fmod(seconds(now_ - kEpoch) / 14400, 1.0) - 1);
    const double season = std::cos(2 * kPi * (seconds(now_ - kEpoch) / (365.25 * 86400) - 0.55));
    v[loop::wet_bulb] = 15 + 8 * season + 2.5 * wave(now_ + kZone, kDay, -0.4) + 0.8 * wave(now_, 7 * kHour, 0.2);

    double machines = 0.8 * devices_[kMoulding].truth[imm::power];
    for (std::size_t i = kCnc1; i <= kCnc3; ++i) machines += 0.7 * devices_[i].truth[cnc::power];
    heat_in_kw_ = 130 + 12 * wave(now_ + kZone, kDay, -0.3) + machines;
    const double water = std::max(v[loop::flow], 2.0);
    lag(v[loop::back], v[loop::supply] + heat_in_kw_ / (water * kKwPerKelvinAndFlow), 20, dt);
    const double ua = 44 * (0.08 + 0.92 * v[loop::fan] / 100) * std::pow(water / 60, 0.4);
    heat_out_kw_ = ua * std::max(v[loop::back] - v[loop::wet_bulb], 0.0);
    v[loop::supply] += (heat_in_kw_ - heat_out_kw_) / kHeatCapacity * dt;
    v[loop::heat] = (v[loop::back] - v[loop::supply]) * v[loop::flow] * kKwPerKelvinAndFlow;
    const double off = v[loop::supply] - 26;
    fan_integral_ = std::clamp(fan_integral_ + 0.02 * off * dt, 5.0, 95.0);
    lag(v[loop::fan], std::clamp(fan_integral_ + 18 * off, 0.0, 100.0), 8, dt);
}

void Simulation::step_meter(std::size_t device, double kw, double factor, double dt) {
    auto& v = devices_[device].truth;
    const double slow = uniform(hash(seed_, device), static_cast<std::uint64_t>(now_ / (5 * kMinute))) - 0.5;
    lag(v[meter::voltage], 398 + 3 * wave(now_ + kZone, kDay, 0.3) + 2 * slow - 0.02 * kw, 30, dt);
    v[meter::power] = kw;
    v[meter::factor] = std::clamp(factor + 0.0012 * kw, 0.5, 0.99);
    v[meter::current] = kw * 1000 / (1.7320508 * v[meter::voltage] * v[meter::factor]);
    v[meter::energy] += kw * dt / 3600;
}

void Simulation::step_meters(double dt) {
    double machining = 3.5;
    for (std::size_t i = kCnc1; i <= kCnc3; ++i) machining += devices_[i].truth[cnc::power];
    const double fan = devices_[kLoop].truth[loop::fan] / 100;
    const double utilities =
        1.8 + devices_[kPump1].truth[pump::power] + devices_[kPump2].truth[pump::power] + 7.5 * fan * fan * fan;
    const double today = second_of_day(now_);
    const double lights = today > 6 * 3600 && today < 18 * 3600 ? 2.5 : 5;
    const double compressor = std::fmod(seconds(now_ - kEpoch), 300) < 195 ? 22 : 6.5;
    step_meter(kMeter1, machining, 0.80, dt);
    step_meter(kMeter2, utilities, 0.84, dt);
    step_meter(kMeter3, devices_[kMoulding].truth[imm::power] + 1.2, 0.86, dt);
    double smooth = devices_[kMeter4].truth[meter::power];
    lag(smooth, compressor + lights, 3, dt);
    step_meter(kMeter4, smooth, 0.82, dt);
}

double Simulation::shown(std::size_t device, std::size_t property) const {
    const Device& machine = devices_[device];
    const PropertyRow& row = devices()[device].type->properties[property];
    const FaultState& stuck = state_of(device, Fault::stuck_sensor);
    if (stuck.on && stuck.property == property) return stuck.frozen;
    double value = machine.truth[property];
    if (row.noise > 0)
        value += row.noise * bell(hash(seed_, device * 64 + property + 1000), static_cast<std::uint64_t>(now_ / kStep));
    const FaultState& drift = state_of(device, Fault::drift);
    if (drift.severity > 0 && drift.property == property) value += drift.severity * (0.12 * std::abs(value) + 1);
    if (row.min && value < *row.min) value = *row.min;
    if (row.max && value > *row.max) value = *row.max;
    return value;
}

Result<void> Simulation::set_fault(std::size_t device, Fault fault, bool on, std::string_view property) {
    const DeviceRow& row = devices()[device];
    const TypeRow& type = *row.type;
    if (std::ranges::find(type.faults, fault) == type.faults.end()) {
        std::string can;
        for (const Fault one : type.faults) can += fmt::format("{}{}", can.empty() ? "" : ", ", to_string(one));
        return Error{Code::invalid, "{} cannot have {}; it can have {}", row.name, to_string(fault), can};
    }
    FaultState& state = devices_[device].faults[static_cast<std::size_t>(fault)];
    const std::string_view name = property.empty() ? type.drifting : property;
    const auto found = find_property(type, name);
    if (!found) return Error{Code::invalid, "{} has no property {}", row.name, name};
    if (on && !state.on) {
        const double now = shown(device, *found);
        state.property = *found;
        state.frozen = now;
    }
    state.on = on;
    return {};
}

bool Simulation::set_setpoint(std::size_t device, std::size_t property, double value) {
    if (!devices()[device].type->properties[property].writable) return false;
    devices_[device].truth[property] = value;
    return true;
}

std::vector<PlannedFault> demo_faults(TimeNs start, int rounds) {
    struct Entry {
        std::size_t device;
        Fault fault;
        bool power_loss;
        int from_s, to_s;
    };
    static constexpr Entry kRound[] = {
        {kPump1, Fault::cavitation, false, 20, 200},       {kLoop, Fault::clogged_filter, false, 360, 660},
        {kCnc1, Fault::bearing_wear, false, 780, 1080},    {kCnc2, Fault::tool_breakage, false, 1200, 1290},
        {kMeter1, Fault::stuck_sensor, false, 1380, 1560}, {kMoulding, Fault::drift, false, 1620, 1860},
        {kCnc2, Fault::drift, true, 1920, 1980},           {kPump2, Fault::bearing_wear, false, 2040, 2280},
    };
    std::vector<PlannedFault> plan;
    for (int round = 0; round < rounds; ++round) {
        const TimeNs begin = start + round * 40 * kMinute;
        for (const Entry& entry : kRound)
            plan.push_back({entry.device, entry.fault, entry.power_loss, begin + entry.from_s * kSecond,
                            begin + entry.to_s * kSecond});
    }
    return plan;
}

std::vector<PlannedFault> past_faults(std::uint64_t seed, TimeNs from, TimeNs to) {
    struct Kind {
        std::size_t device;
        Fault fault;
        bool power_loss;
    };
    static constexpr Kind kKinds[] = {{kPump1, Fault::cavitation, false},  {kLoop, Fault::clogged_filter, false},
                                      {kCnc1, Fault::bearing_wear, false}, {kCnc2, Fault::tool_breakage, false},
                                      {kCnc2, Fault::drift, true},         {kMoulding, Fault::drift, false},
                                      {kCnc3, Fault::bearing_wear, false}};
    std::vector<PlannedFault> plan;
    for (std::int64_t day = (from - kEpoch) / kDay; day <= (to - kEpoch) / kDay; ++day) {
        const auto key = static_cast<std::uint64_t>(day);
        if (uniform(hash(seed, 4242), key) > 0.5) continue;
        const Kind& kind = kKinds[hash(seed + 1, key) % std::size(kKinds)];
        const TimeNs begin = kEpoch + day * kDay + static_cast<DurationNs>(hash(seed + 2, key) % 80'000) * kSecond;
        const TimeNs end = begin + (15 + static_cast<DurationNs>(hash(seed + 3, key) % 45)) * kMinute;
        if (begin < from || end > to - kSettle) continue;
        plan.push_back({kind.device, kind.fault, kind.power_loss, begin, end});
    }
    return plan;
}

}  // namespace gongshu::plant
