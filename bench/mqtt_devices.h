#pragma once

#include <string>
#include <vector>

#include "bench/mqtt_load.h"
#include "bench/served.h"

namespace gongshu::bench {

// Clients that publish as devices bench/d0, bench/d1, …; without a sign-in.
std::vector<MqttClient> clients_of(std::size_t count);

// Registers a device of one type, with numbers of these names, for each client, and gives the client its sign-in.
Result<void> register_devices(Served& served, const std::vector<std::string>& properties,
                              std::vector<MqttClient>& clients);

}  // namespace gongshu::bench
