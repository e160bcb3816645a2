#pragma once

#include <memory>

#include "connect/driver.h"

namespace gongshu::connect {

// The MC protocol (SLMP) of Mitsubishi PLCs by `config.melsec`: see wire/mc.h; places as of melsec_variable(). A reply
// in the frame 4E is known by its serial number; those of 3E and 1E are not: there late() is true.
std::unique_ptr<Driver> make_mc_driver(const LinkConfig& config);

// The programming port of FX PLCs, a serial line: see wire/fx_port.h; places as of melsec_variable(). late() is true.
std::unique_ptr<Driver> make_fx_port_driver(const LinkConfig& config);

}  // namespace gongshu::connect
