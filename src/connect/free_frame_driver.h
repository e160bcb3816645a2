#pragma once

#include "connect/driver.h"

namespace gongshu::connect {

// Scales, gauges, scanners and whatever else says lines or frames, by the template of `config.free_frame`
// (wire/free_frame.h). They are only read.
//
// A template with `poll` is asked; without it all points are PollPlan::heard. NamedPlace::at is the field, the
// property's own name if it is empty; a value comes in the property's unit where the device tells another one of the
// same quantity, then scale and offset are applied. What the template does not read is counted and told by no_answer().
std::unique_ptr<Driver> make_free_frame_driver(const LinkConfig& config);

}  // namespace gongshu::connect
