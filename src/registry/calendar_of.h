#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "calendar/calendar.h"
#include "registry/registry.h"

namespace gongshu::registry {

struct NamedCalendar {
    std::string name;  // "" = the one that is built in
    std::shared_ptr<const calendar::Calendar> calendar;
};

// A calendar of a tenant. Made anew at each call, about 50 us: ask once for a question, not once for a reading. Any
// thread. Code::not_found names the nearest.
Result<NamedCalendar> calendar_named(const ResourceReader& reader, TenantId tenant, std::string_view name);

// The calendar that holds at a place (path of a site, device or tag): that which its site names, else the tenant's
// default, else a built-in one in the site's time zone with three shifts from 08:00 (without a site in that of
// Shanghai).
Result<NamedCalendar> calendar_at(const ResourceReader& reader, TenantId tenant, std::string_view path);

}  // namespace gongshu::registry
