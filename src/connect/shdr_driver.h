#pragma once

#include "connect/driver.h"

namespace gongshu::connect {

// CNC machines and whatever else has an adapter of MTConnect, by SHDR (wire/shdr.h). They are only listened to.
//
// NamedPlace::at is the adapter's key, with or without the device in front ("cnc1:execution"); without one it is of the
// adapter's own device ("* device: cnc1"). NamedPlace::as is what is taken of it (wire::shdr::As). UNAVAILABLE is
// bad:silent: the adapter itself hears nothing of the machine, while the link to it stands and no sensor failed; a
// run_state is "off" then. Readings carry the sender's time. A heartbeat keeps the link: who has answered one PING has
// to say something within two of its intervals; who never answered is not asked for ever.
std::unique_ptr<Driver> make_shdr_driver(const LinkConfig& config);

}  // namespace gongshu::connect
