#pragma once

#include <map>
#include <optional>
#include <string>

#include "registry/registry.h"

namespace gongshu::registry {

// The title of an area or a line beneath a site.
struct Place {
    std::string title_zh, title_en;
};

// A plant. Its name is the first part of its devices' paths.
struct SiteSpec {
    std::string title_zh, title_en;
    std::string address;
    std::string time_zone = "Asia/Shanghai";
    std::optional<std::string> calendar;  // absent = the tenant's default
    std::map<std::string, Place> places;  // "area" or "area/line", free
};

Kind site_kind();

// What is wrong with the name of a time zone; nothing if it is one.
Result<void> check_time_zone(std::string_view text);

extern template Result<SiteSpec> spec_of<SiteSpec>(const Resource&);

}  // namespace gongshu::registry
