#pragma once

#include <memory>

#include "connect/driver.h"

namespace gongshu::connect {

// Variables of an OPC UA server by subscription, spoken by open62541 without sockets (ua_pipe.h). The greeting asks
// over a link of its own what the server offers and looks at its certificate, then signs in over a second one. The only
// poll brings what is followed in line with what is wanted: reads what is new, follows it, and asks the server for its
// state where there is nothing to do. All else is heard.
std::unique_ptr<Driver> make_opcua_driver(const LinkConfig& config);

}  // namespace gongshu::connect
