#pragma once

#include "connect/driver.h"

namespace gongshu::connect {

// AI instruments of Yudian by AIBUS (wire/aibus.h), several on one line.
//
// A point is of the instrument DeviceConfig::station, its parameter Addr; "" is 1. NamedPlace::at is what
// wire::aibus::parse_place() reads; whole numbers, with scale and offset. Each answer tells PV, SV, MV and alarms besides the
// parameter that was asked for, so these cost no question of their own; where nothing else is asked for, it is parameter 00H.
// SV is written as parameter 00H and read back from there. PV is uncertain:sensor while the instrument shows orAL. A
// parameter that it has not got is refused. Nothing in an answer says which parameter it is about: late() is true.
std::unique_ptr<Driver> make_aibus_driver(const LinkConfig& config);

}  // namespace gongshu::connect
