#pragma once

// Whether the properties of devices can be had through a connection: their addresses, by the rules of its protocol.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "registry/kinds/connection.h"
#include "registry/kinds/device.h"

namespace gongshu::registry {

// Where a point lies among the registers of a Modbus connection, and how.
struct ModbusPoint {
    wire::modbus::Place place;
    wire::modbus::Layout layout;
};
// `boolean`: of a property that is one. Code::invalid begins with the field of the property ("point.at: …"), or says
// that the connection has no dialect.
Result<ModbusPoint> modbus_point(const ConnectionSpec& connection, const PointAddress& point, bool boolean);

// PointCheck looks at properties by the settings of one connection.
// Lives: for one check. Threads: one. Bounds: none of its own. Disk: none.
class PointCheck {
public:
    // `connection` has passed its own checks.
    explicit PointCheck(const ConnectionSpec& connection);

    // Code::invalid begins with the field of the property ("point.at: …") and says what would be right.
    Result<void> check(const Property& property) const;

private:
    Result<void> check_point(const Property& property, const PointAddress& point) const;
    Result<void> check_frame_field(const PointAddress& point) const;

    const ConnectionSpec& connection_;
    std::shared_ptr<const wire::free_frame::Template> template_;  // of frames_*
};

// The effective properties of a device on its connection. Errors begin with properties[i], or with `connection` where
// the type says it.
Result<void> check_device_points(const ResourceReader& reader, TenantId tenant, const DeviceTypeSpec& type,
                                 const DeviceSpec& device);
// Which of the device types and connections that have changed leaves devices without readings: its properties on the
// connections of the devices that are of it, or those of the devices that are on it. Called when all that changes
// together is there. Errors begin with properties[i] of a type, with the field of a connection.
struct PointRefusal {
    std::string kind, name;
    Error error;
};
std::optional<PointRefusal> refused_points(const ResourceReader& reader, TenantId tenant,
                                           const std::vector<std::shared_ptr<const Resource>>& changed);
// Its number on the line, where its connection wants one.
Result<void> check_station(const ResourceReader& reader, TenantId tenant, const DeviceSpec& device);

}  // namespace gongshu::registry
