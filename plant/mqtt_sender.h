#pragma once

#include <memory>
#include <string>

#include "io/loop.h"
#include "plant/plant.h"
#include "plant/simulation.h"
#include "wire/mqtt.h"

namespace gongshu::plant {

// The MQTT side of one machine: signs in to the broker as that device, sends its values once a second (JSON, QoS 1),
// comes back by itself. What cannot be sent is not kept: a machine of this kind has no memory for it. Lives:   with its
// Plant. Threads: its loop's. Bounds: kUnackedMax publications wait for their acknowledgement. Disk: none.
class MqttSender {
public:
    static constexpr std::uint32_t kUnackedMax = 100;

    MqttSender(io::Loop& loop, const Simulation& simulation, std::size_t device, io::Address broker, MqttLogin login,
               std::string site);
    ~MqttSender();

    void start();
    bool signed_in() const;

private:
    struct Session;
    std::shared_ptr<Session> session_;
};

// {"ts":…,"spindle_speed":…}: what a machine says, `now` in the payload as ms.
std::string payload_of(const Simulation& simulation, std::size_t device, TimeNs now);

}  // namespace gongshu::plant
