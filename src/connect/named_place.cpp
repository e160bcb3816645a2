#include "connect/named_place.h"

#include <cmath>

namespace gongshu::connect {

namespace {

bool holds(ValueType type, PlaceKind kind) {
    if (kind == PlaceKind::text || type == ValueType::text) return kind == PlaceKind::text && type == ValueType::text;
    return type != ValueType::boolean || kind != PlaceKind::fraction;
}

}  // namespace

Result<void> check_place(const PropertyConfig& property, PlaceKind kind, std::string_view what) {
    const NamedPlace& place = property.place;
    if (!holds(property.type, kind))
        return Error{Code::invalid, "property {} is {}, which cannot hold the {} at {}",
                     property.name, gongshu::to_string(property.type),
                     what,          place.at};
    if (place.scale == 0 || !std::isfinite(place.scale) || !std::isfinite(place.offset))
        return Error{Code::invalid, "property {}: scale and offset must be numbers, the scale not 0", property.name};
    return {};
}

std::shared_ptr<const PointSet> set_of_one(const PropertyConfig& property) {
    auto config = std::make_shared<LinkConfig>();
    config->devices.emplace_back().properties.push_back(property);
    const DeviceConfig& device = config->devices.front();
    auto set = std::make_shared<PointSet>();
    set->points.push_back({&device, &device.properties.front()});
    set->config = std::move(config);
    return set;
}

Error replaced_poll() { return Error{Code::conflict, "what is polled was changed meanwhile: nothing was asked"}; }

}  // namespace gongshu::connect
