#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data/value.h"
#include "io/loop.h"

// A simulated plant: machines with physics and faults that speak Modbus TCP and MQTT. Everything it says is invented;
// the resources in library/demo say so.
namespace gongshu::plant {

// MQTT sign-in of one simulated device: what POST devices/{name}:credential answered.
struct MqttLogin {
    std::string username;
    std::string password;
};

struct PlantOptions {
    std::uint64_t seed = 1;
    double speed = 1;  // simulated seconds per second, 0.1 … 1000
    // Four Modbus servers: cnc1, cnc2, cooling (a PLC), meters (a gateway: units 1 and 2). Port 0 = the system picks
    // each; else port, port+1, port+2, port+3.
    io::Address modbus{"127.0.0.1", 15020};
    io::Address control{"127.0.0.1", 15029};       // line protocol: help, list, fault, power, speed; loopback only
    std::string mqtt;                              // broker, "127.0.0.1:1883"; "" = the MQTT half stays silent
    std::map<std::string, MqttLogin> mqtt_logins;  // by device name in the plant: cnc3, moulding, meter3, meter4
    std::string site = "demo";                     // first level of topics
    std::string faults = "demo";                   // demo = the schedule below from 20 s after start; none
    std::string
        ready_json;  // run() only: file that gets {"modbus":{"cnc1":"127.0.0.1:1",…},"control":…} once it serves
};

// Names of the Modbus servers and of the resources in library/demo that point to them.
inline constexpr const char* kModbusServers[] = {"cnc1", "cnc2", "cooling", "meters"};

// The plant on a loop. Time runs from clock().now() on; the state at the start has settled, as if it had always run.
// Lives:   as long as it shall serve; destroyed on its loop or after the loop stopped.
// Threads: all on the loop.
// Bounds:  64 Modbus links a server, 8 control links, lines of 1 KiB.
class Plant {
public:
    static Result<std::unique_ptr<Plant>> create(io::Loop& loop, const PlantOptions& options);
    virtual ~Plant() = default;
    // Where each server of kModbusServers listens.
    virtual std::map<std::string, io::Address> modbus_addresses() const = 0;
    virtual io::Address control_address() const = 0;
    // One line of the control protocol; the answer, one or more lines, the last "ok" or "error: …".
    virtual std::string command(std::string_view line) = 0;
    // The true value now, as a sensor without faults of its own would show it; for tests.
    virtual Result<double> truth(std::string_view device, std::string_view property) const = 0;
};

// `gongshu plant`: serves until `stop_requested` is true (asked ten times a second) and returns the exit code.
Result<int> run(const PlantOptions& options, const std::function<bool()>& stop_requested);

// One series of the past.
struct PastSeries {
    std::string device;  // name of the device in library/demo, "demo/…/cnc1"
    std::string property;
    std::string unit;
    ValueType type = ValueType::number;
    std::vector<TimeNs> times;
    std::vector<double> values;      // number, integer, boolean (0/1)
    std::vector<std::string> texts;  // text only, then values is empty
    std::vector<bool> bad;  // the sensor said nothing usable (power loss): quality bad:disconnected, value ignored
};

// What the plant of `seed` showed in [from, to), every `step` (at least 1 s), with a few past faults. The last values
// pass into those of a Plant that starts at `to`. Thirty days at one minute take a few seconds.
std::vector<PastSeries> history(std::uint64_t seed, TimeNs from, TimeNs to, DurationNs step,
                                const std::string& site = "demo");

}  // namespace gongshu::plant
