#pragma once

#include "connect/driver.h"

namespace gongshu::connect {

// CNC machines behind an agent of MTConnect (wire/mtconnect.h), asked over HTTP: all that it knows when a link is opened,
// and then each period what was observed since, so that nothing between two questions is lost as long as the agent keeps
// it. They are only read.
//
// NamedPlace::at and as are those of SHDR (wire/shdr.h): a key is the data item's id or its name, with the device's name
// in front where the agent has several ("VMC:execution"). A reading has the time of its observation.
std::unique_ptr<Driver> make_mtconnect_driver(const LinkConfig& config);

}  // namespace gongshu::connect
