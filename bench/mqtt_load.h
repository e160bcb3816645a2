#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/loop.h"

namespace gongshu::bench {

// One client and what it sends.
struct MqttClient {
    std::string id, username, password, topic;  // username "" = none
};
struct MqttLoad {
    io::Address address;
    std::vector<MqttClient> clients;
    std::size_t in_flight = 20;    // QoS 1 publications of one client that wait for their acknowledgement
    std::size_t messages = 10000;  // of all
    // The payload of message `i` of a client; unlike any before it.
    std::function<std::string(std::size_t client, std::size_t i)> payload;
};
struct MqttLoaded {
    double seconds = 0;
    std::vector<DurationNs> latencies;  // from the publication to its acknowledgement
    std::uint64_t refused = 0;          // acknowledged with a reason that is none of success
};

// MQTT 5 over TCP; blocks until every message is acknowledged, Code::timeout after five minutes.
Result<MqttLoaded> run(const MqttLoad& load);
// Leaves a session behind that is subscribed to everything at QoS 1 and not there: what is published waits for it. Its
// name is kStoreSession.
inline constexpr const char* kStoreSession = "gongshu-bench-store";
Result<void> leave_subscription(const io::Address& address, const std::string& filter);

}  // namespace gongshu::bench
