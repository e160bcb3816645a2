#pragma once

#include "connect/driver.h"

namespace gongshu::connect {

// Electricity meters by DL/T 645 (wire/dlt645.h), in the edition of `config.dlt645`. Meters are only read.
//
// A point is in the meter DeviceConfig::station, twelve digits; without one in the only meter of the line, which is
// asked by AAAAAAAAAAAA. NamedPlace::at is an identifier or a name, `as` the format behind an identifier that is not
// known here; scale and offset are for numbers. All points of one identifier are one poll, and two or more tariffs or
// phases are asked for as their block, unless the meter refuses that. A value that the meter does not measure (FF) is
// bad:sensor.
std::unique_ptr<Driver> make_dlt645_driver(const LinkConfig& config);

}  // namespace gongshu::connect
