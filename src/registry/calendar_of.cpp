#include "registry/calendar_of.h"

#include "registry/kinds/calendar.h"
#include "registry/kinds/site.h"

namespace gongshu::registry {
namespace {

Result<NamedCalendar> made(std::string name, const CalendarSpec& spec) {
    return NamedCalendar{std::move(name), std::make_shared<const calendar::Calendar>(TRY(make_calendar(spec)))};
}

// The site that a path lies in: the longest name that is one.
std::shared_ptr<const Resource> site_of(const ResourceReader& reader, TenantId tenant, std::string_view path) {
    while (!path.empty()) {
        if (auto site = reader.find(tenant, "site", path)) return site;
        const std::size_t slash = path.rfind('/');
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
    }
    return nullptr;
}

CalendarSpec built_in(const std::string& zone) {
    CalendarSpec spec;
    spec.time_zone = zone;
    spec.shifts = {{"day", "早班", "Day", "08:00", "16:00"},
                   {"swing", "中班", "Swing", "16:00", "00:00"},
                   {"night", "夜班", "Night", "00:00", "08:00"}};
    // Elsewhere other days are holidays.
    if (zone != "Asia/Shanghai") spec.holidays = HolidayRegion::none_;
    return spec;
}

}  // namespace

Result<NamedCalendar> calendar_named(const ResourceReader& reader, TenantId tenant, std::string_view name) {
    const Resource found = TRY(reader.get(tenant, "calendar", name));
    return made(found.name, TRY(spec_of<CalendarSpec>(found)));
}

Result<NamedCalendar> calendar_at(const ResourceReader& reader, TenantId tenant, std::string_view path) {
    std::string zone = "Asia/Shanghai";
    if (const auto site = site_of(reader, tenant, path)) {
        const auto spec = TRY(spec_of<SiteSpec>(*site));
        if (spec.calendar) return calendar_named(reader, tenant, *spec.calendar);
        zone = spec.time_zone;
    }
    for (const auto& one : reader.list_shared(tenant, "calendar")) {
        const auto spec = TRY(spec_of<CalendarSpec>(*one));
        if (spec.is_default) return made(one->name, spec);
    }
    return made("", built_in(zone));
}

}  // namespace gongshu::registry
