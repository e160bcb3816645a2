#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "plant/catalogue.h"

namespace gongshu::plant {

// A fault that begins and ends by itself, or a loss of power.
struct PlannedFault {
    std::size_t device = 0;
    Fault fault = Fault::drift;
    bool power_loss = false;  // instead of `fault`
    TimeNs from = 0, to = 0;
};

// What happens after the start of a demo: cavitation of pump 1 at 20 s, then the others in turn, every 40 minutes anew.
std::vector<PlannedFault> demo_faults(TimeNs start, int rounds);
// The faults of the past in [from, to): about one every second day, none in the last six hours.
std::vector<PlannedFault> past_faults(std::uint64_t seed, TimeNs from, TimeNs to);

// The physics of the plant: a state that is stepped, driven by closed schedules (shifts, cycles, weather) so that
// nothing but the last hours matters. The same seed, start and commands give the same numbers. Lives:   with its Plant,
// or for one history(). Threads: one. Bounds: fixed. Disk: none.
class Simulation {
public:
    static constexpr DurationNs kStep = kSecond;
    static constexpr std::size_t kPropertiesMax = 16;
    static constexpr std::size_t kDevicesMax = 11;

    // Settled at `start` (rounded down to a second), as if it had always run.
    Simulation(std::uint64_t seed, TimeNs start);

    TimeNs now() const { return now_; }
    // In steps of kStep, or of `step`: coarser ones for the past. `to` in the past of now() does nothing.
    void advance(TimeNs to, DurationNs step = kStep);

    // What is so, and what the sensor shows of it now.
    double truth(std::size_t device, std::size_t property) const { return devices_[device].truth[property]; }
    double shown(std::size_t device, std::size_t property) const;

    bool powered(std::size_t device) const { return devices_[device].powered; }
    void set_power(std::size_t device, bool on) { devices_[device].powered = on; }
    // Code::invalid when this device cannot have it. `property` only for drift and stuck_sensor; "" = the type's own.
    Result<void> set_fault(std::size_t device, Fault fault, bool on, std::string_view property = {});
    bool has_fault(std::size_t device, Fault fault) const { return state_of(device, fault).on; }
    // 0 … 1: how far it has come.
    double severity(std::size_t device, Fault fault) const { return state_of(device, fault).severity; }
    // A set point written by Modbus; false if the property is none.
    bool set_setpoint(std::size_t device, std::size_t property, double value);

    // For the tests of balances, at now(): heat in, heat out (kW), and what the water holds per kelvin (kJ/K).
    double heat_in_kw() const { return heat_in_kw_; }
    double heat_out_kw() const { return heat_out_kw_; }
    static constexpr double kHeatCapacity = 20'000;

private:
    struct FaultState {
        bool on = false;
        double severity = 0;
        std::size_t property = 0;
        double frozen = 0;
    };
    struct Device {
        std::array<double, kPropertiesMax> truth{};
        std::array<FaultState, 6> faults;
        bool powered = true;
        double lost_s = 0;  // productive time that faults and power losses took
        double alarm_s = 0;
    };

    const FaultState& state_of(std::size_t device, Fault fault) const {
        return devices_[device].faults[static_cast<std::size_t>(fault)];
    }
    void step(DurationNs length);
    void step_faults(double dt);
    void step_cnc(std::size_t number, double dt);
    void step_moulding(double dt);
    void step_pump(std::size_t device, double flow, double header_bar, double dt);
    void step_loop(double dt);
    void step_meter(std::size_t device, double kw, double factor, double dt);
    void step_meters(double dt);
    double balance_header(double resistance) const;
    double pump_head(std::size_t device) const;

    const std::uint64_t seed_;
    TimeNs now_ = 0;
    std::array<Device, kDevicesMax> devices_;
    // Cooling loop.
    double fan_integral_ = 50;
    double low_pressure_s_ = 0, standby_s_ = 0;
    bool standby_runs_ = false;
    double heat_in_kw_ = 0, heat_out_kw_ = 0;
};

}  // namespace gongshu::plant
