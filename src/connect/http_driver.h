#pragma once

#include "connect/driver.h"

namespace gongshu::connect {

// Machines, meters and gateways that tell their values by HTTP as JSON, asked by GET. They are only read.
//
// NamedPlace::at is a place in the answer, with the path that is asked for in front of it where that is not the
// connection's (wire/http_json.h); scale and offset are for numbers. All points of one path are one poll. A text that is
// a number can be a number: "230.1". An answer other than 2xx is refused for all of them. The link is kept between two
// questions where the server keeps it.
std::unique_ptr<Driver> make_http_driver(const LinkConfig& config);

}  // namespace gongshu::connect
