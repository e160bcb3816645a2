#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/core.h"
#include "registry/kinds/access.h"

namespace gongshu::api {

// Sight says what a caller whose role has paths may see and change. Without paths it says yes to everything.
//   sites, devices   lie where their name says; a device comes to a connection, or changes its unit, type or addresses
//                    there, only where the caller may change the connection
//   connections      are seen with one of their devices, changed with all of them
//   rules            lie where their device and every tag of their conditions lie; a rule of a device type is seen with
//                    one of its devices and changed by nobody who is limited
//   virtual tags     lie where their own tag and every tag that they read lie; those of a device type as rules of one
//   tag aliases      are seen where their tag lies, changed where both lie
//   roles            lie where all of their paths lie; the four basic ones are seen and not changed
//   users, tokens    lie where their role lies; changed only if that role is no more than the caller's
//   dashboards       lie where every tag and place that they name lies; those of a device type as its rules
//   saved views      are their owner's: others see them shared, an administrator changes those too; who is limited sees
//                    only shared ones whose tags and places lie within, and whose words are of names they see
//   calendars, device types and templates are seen, and belong to all of the tenant: changed by nobody who is limited
//   mappings, message hooks   lie nowhere: neither seen nor changed by anybody limited
// A kind that is not listed here is neither seen nor changed.
// Lives: for one request or one event.  Threads: one.  Bounds: remembers one entry a connection.  Disk: none.
class Sight {
public:
    Sight(const Core& core, const registry::Principal& who) : core_(core), who_(who) {}

    bool limited() const { return !who_.paths.empty(); }
    // Of views there are some that even who has no paths may not see.
    bool limited(std::string_view kind) const { return limited() || kind == "saved_view"; }

    bool sees(const registry::Resource& resource) { return sees(resource.kind, resource.name, resource.spec); }
    bool sees(std::string_view kind, std::string_view name, const Json& spec);
    bool sees_connection(std::string_view name) { return !limited() || devices_of(name).seen > 0; }

    // A resource that comes with the same request: the others may name it. Its own check is the caller's.
    void add_coming(const registry::Kind& kind, const std::string& name, const Json& spec);
    // What is stored under that name is seen, else Code::not_found. Nothing stored there is fine.
    Result<void> check_seen(const registry::Kind& kind, std::string_view name);
    // What is stored under that name may be changed: Code::not_found if the caller may not even see it, Code::denied
    // says why it may only be seen. Nothing stored there is fine.
    Result<void> check_stored(const registry::Kind& kind, std::string_view name);
    // It may become this (a canonical spec), which names nothing that the caller does not see.
    Result<void> check_wish(const registry::Kind& kind, std::string_view name, const Json& spec);

private:
    struct Devices {
        std::size_t seen = 0, hidden = 0;
    };
    Devices devices_of(std::string_view connection);
    Result<void> check_change(std::string_view kind, std::string_view name, const Json& spec);
    bool sees_device_of_type(std::string_view type) const;
    bool sees_target(const Json& spec) const;
    bool sees_tags(const std::vector<std::string>& tags) const;
    std::optional<registry::RoleSpec> role_of(const Json& spec) const;
    Error refuse(std::string_view kind, std::string_view name, std::string_view why) const;
    // A device keeps its machine, unless all devices of the connection are seen.
    Result<void> check_reach(std::string_view name, const Json& spec);
    bool sees_dashboard(const Json& spec) const;
    bool sees_view(const Json& spec);
    // Whether it is part of a name or title that the caller sees; in any case of letters.
    bool names_something(std::string_view text);
    bool is_group(std::string_view text);
    bool owns(const Json& spec) const;
    bool covers(const std::vector<std::string>& paths) const;
    Result<void> check_dashboard(std::string_view name, const Json& spec) const;
    Result<void> check_owner(std::string_view name, const Json& spec) const;
    // Of a rule or a virtual tag.
    Result<flow::RulePlaces> places_of(std::string_view kind, std::string_view name, const Json& spec) const;
    Result<void> check_places(std::string_view kind, std::string_view name, const Json& spec) const;
    Result<void> check_role(std::string_view kind, std::string_view name, const std::optional<registry::RoleSpec>& role,
                            std::string_view role_name) const;

    const Core& core_;
    const registry::Principal& who_;
    std::map<std::string, registry::RoleSpec, std::less<>> roles_;       // that come
    std::set<std::pair<std::string, std::string>, std::less<>> coming_;  // plural of the kind, name
    std::optional<std::map<std::string, Devices, std::less<>>> connections_;
    std::optional<std::string> known_texts_;  // names and titles that are seen
};

}  // namespace gongshu::api
