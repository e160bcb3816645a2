#pragma once

#include <memory>

#include "connect/driver.h"

namespace gongshu::connect {

// Modbus in the framing of `config`: TCP's header, where a reply names its request, or RTU, where nothing does. Units
// answer for themselves. Of the bit of a register the others are read first and written back as they were. What is said
// of properties with a place (LinkConfig::dialect) calls them by it: D100, and not the register alone.
std::unique_ptr<Driver> make_modbus_driver(const LinkConfig& config);

}  // namespace gongshu::connect
