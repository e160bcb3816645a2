#pragma once

#include <memory>
#include <string_view>

#include "connect/driver.h"

// What the drivers share whose points have a NamedPlace.
namespace gongshu::connect {

// What kind of value lies at a place.
enum class PlaceKind : std::uint8_t { bit, whole, fraction, text };

// Whether the property can hold what lies at its place, which is a `what` ("string[20]"), and its scale and offset are
// numbers. Code::invalid names the property.
Result<void> check_place(const PropertyConfig& property, PlaceKind kind, std::string_view what);

// The property as the only point of a set of its own, which nobody takes away while it is read back.
std::shared_ptr<const PointSet> set_of_one(const PropertyConfig& property);

// A poll is to be read that another plan has replaced meanwhile.
Error replaced_poll();

}  // namespace gongshu::connect
