#pragma once

#include "connect/driver.h"

namespace gongshu::connect {

// Substations, grid outstations and their gateways by IEC 60870-5-104 (wire/iec104_client.h, DL/T 634.5104). They tell
// their points by themselves; commands are ours.
//
// NamedPlace::at is the object address ("4001", "0x4001", "0.64.1"), with the common address in front ("2/4001") where it
// is not the device's (DeviceConfig::station, else that of the connection); NamedPlace::as the type that is expected;
// NamedPlace::write the command and its address (wire::iec104::parse_order()).
//
// All points are asked for by an interrogation when the link was opened, when the points changed, when an outstation says
// that it started, and from time to time. Those that it does not tell are bad:silent, those of an outstation that refuses
// bad:refused. A command is over when the outstation tells its end; one that confirms and tells no end within t1 has done
// it as far as it says. What was written is read back where it is told: by what the outstation says of it since, by
// reading it (C_RD_NA_1) each second where it knows that, for at most 5 s.
std::unique_ptr<Driver> make_iec104_driver(const LinkConfig& config);

}  // namespace gongshu::connect
