#pragma once

#include <memory>

#include "connect/driver.h"

namespace gongshu::connect {

// Siemens S7 (PUT/GET) by `config.s7`: see wire/s7.h. A place is an address and a type as engineers write them:
// DB10.DBD4 as real; see wire/s7_value.h. Strings of the 200 SMART and LOGO! have no byte for their longest length.
//
// Polls are of one period, of what some messages of 240 bytes can carry, which every CPU takes; where the CPU has
// agreed to more they are packed into fewer messages, where it has agreed to less into more. A reply is known by its
// reference: late() is false. All polls are of unit 0.
std::unique_ptr<Driver> make_s7_driver(const LinkConfig& config);

}  // namespace gongshu::connect
