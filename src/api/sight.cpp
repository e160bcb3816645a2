#include "api/sight.h"

#include <algorithm>

#include "api/answer.h"
#include "flow/virtual_tag.h"
#include "registry/kinds/dashboard.h"
#include "registry/kinds/device.h"
#include "registry/kinds/saved_view.h"
#include "registry/paths.h"
#include "registry/tag_at.h"

namespace gongshu::api {

namespace {

std::string_view text_of(const Json& spec, std::string_view field) {
    const Json* const found = spec.is_object() ? spec.get_object().if_contains({field.data(), field.size()}) : nullptr;
    if (found == nullptr || !found->is_string()) return {};
    return {found->get_string().data(), found->get_string().size()};
}

std::optional<registry::RoleSpec> role_spec(const Json& spec) {
    registry::Resource resource;
    resource.kind = "role";
    resource.spec = spec;
    auto role = registry::spec_of<registry::RoleSpec>(resource);
    if (!role) return std::nullopt;
    return std::move(*role);
}

template <class Spec>
std::optional<Spec> typed(std::string_view kind, const Json& spec) {
    registry::Resource resource;
    resource.kind = kind;
    resource.spec = spec;
    auto found = registry::spec_of<Spec>(resource);
    if (!found) return std::nullopt;
    return std::move(*found);
}

void lower(std::string& text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
}

// What of a device decides which machine and which of its registers are reached: connection, unit and addresses.
Json reach_of(const Json& spec) {
    JsonObject reach;
    const auto take = [](JsonObject& to, const JsonObject& from, std::string_view field) {
        const Json* const found = from.if_contains({field.data(), field.size()});
        if (found != nullptr && !found->is_null()) to[field] = *found;
    };
    if (!spec.is_object()) return reach;
    for (const std::string_view field : {"connection", "unit_id", "station", "type"})
        take(reach, spec.get_object(), field);
    const Json* const properties = spec.get_object().if_contains("properties");
    if (properties == nullptr || !properties->is_array()) return reach;
    JsonObject addresses;
    for (const Json& property : properties->get_array())
        if (property.is_object()) {
            JsonObject one;
            take(one, property.get_object(), "address");
            take(one, property.get_object(), "point");
            if (!one.empty()) addresses[text_of(property, "name")] = std::move(one);
        }
    if (!addresses.empty()) reach["addresses"] = std::move(addresses);
    return reach;
}

}  // namespace

Sight::Devices Sight::devices_of(std::string_view connection) {
    if (!connections_) {
        connections_.emplace();
        for (const auto& device : core_.deps.registry.list_shared(who_.actor.tenant, "device")) {
            Devices& devices = (*connections_)[std::string{text_of(device->spec, "connection")}];
            ++(api::sees(who_, device->name) ? devices.seen : devices.hidden);
        }
    }
    const auto found = connections_->find(connection);
    return found == connections_->end() ? Devices{} : found->second;
}

bool Sight::sees_device_of_type(std::string_view type) const {
    const auto devices = core_.deps.registry.list_shared(who_.actor.tenant, "device");
    return std::any_of(devices.begin(), devices.end(), [&](const auto& device) {
        return text_of(device->spec, "type") == type && api::sees(who_, device->name);
    });
}

bool Sight::sees_tags(const std::vector<std::string>& tags) const {
    return std::all_of(tags.begin(), tags.end(), [&](const std::string& tag) { return api::sees(who_, tag); });
}

// Where the tag of an alias lies; a property that has no reading yet lies at its device.
bool Sight::sees_target(const Json& spec) const {
    const std::string target{text_of(spec, "target")};
    const auto info = registry::tag_at(core_.deps.registry, core_.deps.tags, who_.actor.tenant, target);
    return api::sees(who_, info ? info->path : target);
}

// The role that a user or token has; nullopt if there is none.
std::optional<registry::RoleSpec> Sight::role_of(const Json& spec) const {
    const std::string_view name = text_of(spec, "role");
    if (const auto found = roles_.find(name); found != roles_.end()) return found->second;
    const auto resource = core_.deps.registry.find(who_.actor.tenant, "role", name);
    return resource ? role_spec(resource->spec) : std::nullopt;
}

// All that these globs and paths may name lies within.
bool Sight::covers(const std::vector<std::string>& paths) const {
    return std::ranges::all_of(paths, [&](const std::string& path) {
        return registry::is_glob(path) ? registry::covers(who_.paths, {path}) : api::sees(who_, path);
    });
}

bool Sight::sees_dashboard(const Json& spec) const {
    const auto dashboard = typed<registry::DashboardSpec>("dashboard", spec);
    if (!dashboard) return false;
    const auto places = registry::places_of_dashboard(*dashboard);
    if (!places.device_type.empty()) return sees_device_of_type(places.device_type) && covers(places.paths);
    return !places.paths.empty() && covers(places.paths);
}

bool Sight::owns(const Json& spec) const { return text_of(spec, "owner") == who_.actor.who; }

bool Sight::sees_view(const Json& spec) {
    if (owns(spec)) return true;
    const auto view = typed<registry::SavedViewSpec>("saved_view", spec);
    if (!view || !view->shared) return false;
    if (!limited()) return true;
    // What places the page is asked for: by these its pages name tags and devices.
    for (const char* const key : {"tag", "place", "device", "open"}) {
        const auto asked = view->query.find(key);
        if (asked != view->query.end() && !covers(asked->second)) return false;
    }
    // What is searched for and the group of alarms may be names of elsewhere: told are only words that the caller finds
    // in what he sees anyway.
    const auto all_known = [&](const char* key, auto knows) {
        const auto asked = view->query.find(key);
        return asked == view->query.end() ||
               std::ranges::all_of(asked->second, [&](const std::string& text) { return text.empty() || knows(text); });
    };
    return all_known("q", [&](const std::string& text) { return names_something(text); }) &&
           all_known("group", [&](const std::string& text) { return is_group(text); });
}

bool Sight::names_something(std::string_view text) {
    if (!known_texts_) {
        known_texts_.emplace();
        for (const char* const kind : {"site", "device", "device_type"})
            for (const auto& one : core_.deps.registry.list_shared(who_.actor.tenant, kind)) {
                if (!sees(*one)) continue;
                *known_texts_ += one->name + "\n";
                for (const std::string_view field : {"title", "title_zh", "title_en"})
                    *known_texts_ += std::string(text_of(one->spec, field)) + "\n";
                if (one->kind != "device_type") continue;
                const Json* const properties = one->spec.get_object().if_contains("properties");
                if (properties == nullptr || !properties->is_array()) continue;
                for (const Json& property : properties->get_array())
                    for (const std::string_view field : {"name", "title_zh", "title_en"})
                        *known_texts_ += std::string(text_of(property, field)) + "\n";
            }
        lower(*known_texts_);
    }
    std::string wanted{text};
    lower(wanted);
    return known_texts_->find(wanted) != std::string::npos;
}

bool Sight::is_group(std::string_view text) {
    const auto rules = core_.deps.registry.list_shared(who_.actor.tenant, "rule");
    return std::ranges::any_of(rules,
                               [&](const auto& rule) { return text_of(rule->spec, "group") == text && sees(*rule); });
}

bool Sight::sees(std::string_view kind, std::string_view name, const Json& spec) {
    if (kind == "saved_view") return sees_view(spec);
    if (!limited()) return true;
    if (kind == "dashboard") return sees_dashboard(spec);
    if (kind == "site" || kind == "device") return api::sees(who_, name);
    if (kind == "device_type" || kind == "device_template" || kind == "calendar") return true;
    if (kind == "connection") return sees_connection(name);
    if (kind == "tag_alias") return sees_target(spec);
    if (kind == "role") {
        const auto role = role_spec(spec);
        return registry::parse_role(name) || (role && registry::covers(who_.paths, role->paths));
    }
    if (kind == "user" || kind == "token") {
        const auto role = role_of(spec);
        return role && registry::covers(who_.paths, role->paths);
    }
    // A mapping is of topics, which lie nowhere: nobody limited has anything to do with it.
    if (kind != "rule" && kind != "virtual_tag") return false;
    const auto places = places_of(kind, name, spec);
    if (!places) return false;
    if (places->device_type.empty()) {
        if (places->device.empty() && places->tags.empty()) return false;
        return (places->device.empty() || api::sees(who_, places->device)) && sees_tags(places->tags);
    }
    // Short names of a type are tags of each of its devices.
    std::vector<std::string> named = places->tags;
    std::erase_if(named, [](const std::string& tag) { return tag.find_first_of("./") == std::string::npos; });
    return sees_device_of_type(places->device_type) && sees_tags(named);
}

Error Sight::refuse(std::string_view kind, std::string_view name, std::string_view why) const {
    return Error{Code::denied,
                 "{} \"{}\": {}; {} may change only what lies within {}",
                 kind,
                 name.substr(0, 200),
                 why,
                 who_.actor.who,
                 fmt::join(who_.paths, ", ")};
}

Result<flow::RulePlaces> Sight::places_of(std::string_view kind, std::string_view name, const Json& spec) const {
    if (kind == "rule") return flow::places_of_rule(core_.deps.registry, core_.deps.tags, who_.actor.tenant, spec);
    auto places = TRY(flow::places_of_virtual_tag(core_.deps.registry, core_.deps.tags, who_.actor.tenant, name, spec));
    return flow::RulePlaces{std::move(places.device), std::move(places.device_type), std::move(places.tags)};
}

Result<void> Sight::check_places(std::string_view kind, std::string_view name, const Json& spec) const {
    const auto places = places_of(kind, name, spec);
    if (!places) return places.error();
    if (!places->device_type.empty()) return refuse(kind, name, "it holds for a device type wherever its devices are");
    if (!places->device.empty() && !api::sees(who_, places->device)) return refuse(kind, name, "its device does not");
    for (const std::string& tag : places->tags) {
        if (!api::sees(who_, tag)) return refuse(kind, name, "it names a tag outside");
    }
    if (places->device.empty() && places->tags.empty()) return refuse(kind, name, "it has no place");
    return {};
}

Result<void> Sight::check_dashboard(std::string_view name, const Json& spec) const {
    const auto dashboard = typed<registry::DashboardSpec>("dashboard", spec);
    if (!dashboard) return {};  // the registry says what is wrong with it
    const auto places = registry::places_of_dashboard(*dashboard);
    if (!places.device_type.empty())
        return refuse("dashboard", name, "it shows a device type wherever its devices are");
    if (places.paths.empty()) return refuse("dashboard", name, "it has no place");
    for (const std::string& path : places.paths)
        if (!covers({path})) return refuse("dashboard", name, fmt::format("\"{}\" does not", path.substr(0, 200)));
    return {};
}

// Nobody makes a view of another's name, and nobody gives one away.
Result<void> Sight::check_owner(std::string_view name, const Json& spec) const {
    const auto stored = core_.deps.registry.find(who_.actor.tenant, "saved_view", name);
    const bool admin = who_.actor.role == registry::Role::admin && !limited();
    const std::string_view owner = text_of(spec, "owner");
    const std::string_view expected = stored ? text_of(stored->spec, "owner") : who_.actor.who;
    if (owner == expected || (admin && !stored)) return {};
    return Error{Code::denied, "owner: expected \"{}\", found \"{}\": a view belongs to who made it", expected,
                 owner.substr(0, 200)};
}

Result<void> Sight::check_role(std::string_view kind, std::string_view name,
                               const std::optional<registry::RoleSpec>& role, std::string_view role_name) const {
    if (!role) return {};  // the registry says that there is none
    if (!registry::covers(who_.paths, role->paths))
        return refuse(kind, name, fmt::format("the role \"{}\" reaches further", role_name.substr(0, 200)));
    if (role->base > who_.actor.role) {
        return refuse(
            kind, name,
            fmt::format("the role \"{}\" may do more than {}", role_name.substr(0, 200), to_string(who_.actor.role)));
    }
    return {};
}

// Behind one gateway stand many machines, told apart by the unit alone: who may choose the unit may reach each of them.
Result<void> Sight::check_reach(std::string_view name, const Json& spec) {
    const std::string_view connection = text_of(spec, "connection");
    if (connection.empty()) return {};
    const Devices devices = devices_of(connection);
    if (devices.seen == 0)
        return refuse("device", name,
                      fmt::format("the connection \"{}\" serves none of them", connection.substr(0, 200)));
    if (devices.hidden == 0) return {};
    const auto stored = core_.deps.registry.find(who_.actor.tenant, "device", name);
    if (stored && reach_of(stored->spec) == reach_of(spec)) return {};
    return refuse("device", name,
                  fmt::format("the connection \"{}\" serves devices elsewhere too, so that connection, unit, type and "
                              "addresses are for who sees all of these",
                              connection.substr(0, 200)));
}

Result<void> Sight::check_change(std::string_view kind, std::string_view name, const Json& spec) {
    if (kind == "saved_view") {
        const bool admin = who_.actor.role == registry::Role::admin && !limited();
        if (owns(spec) || admin) return {};
        return Error{Code::denied, "saved_view \"{}\" belongs to {}: save your own", name.substr(0, 200),
                     text_of(spec, "owner")};
    }
    if (!limited()) return {};
    if (kind == "dashboard") return check_dashboard(name, spec);
    if (kind == "site" || kind == "device") {
        if (!api::sees(who_, name)) return refuse(kind, name, "it lies outside");
        return kind == "device" ? check_reach(name, spec) : Result<void>{};
    }
    if (kind == "tag_alias") {
        if (!api::sees(who_, name)) return refuse(kind, name, "it lies outside");
        if (!sees_target(spec)) return refuse(kind, name, "its tag does not");
        return {};
    }
    if (kind == "connection") {
        const Devices devices = devices_of(name);
        if (devices.seen > 0 && devices.hidden == 0) return {};
        return refuse(kind, name, devices.seen == 0 ? "none of its devices does" : "some of its devices do not");
    }
    if (kind == "rule" || kind == "virtual_tag") return check_places(kind, name, spec);
    if (kind == "role") return check_role(kind, name, role_spec(spec), name);
    if (kind == "user" || kind == "token") return check_role(kind, name, role_of(spec), text_of(spec, "role"));
    return refuse(kind, name, "it belongs to all of the tenant");
}

void Sight::add_coming(const registry::Kind& kind, const std::string& name, const Json& spec) {
    coming_.emplace(kind.plural, name);
    if (kind.name == "role") {
        if (auto role = role_spec(spec)) roles_[name] = std::move(*role);
    }
}

Result<void> Sight::check_wish(const registry::Kind& kind, std::string_view name, const Json& spec) {
    if (!limited(kind.name)) return {};
    if (kind.name == "saved_view") return check_owner(name, spec);
    // What is hidden is as good as absent, so that nobody finds out by guessing names.
    for (const registry::Reference& reference :
         kind.references ? kind.references(spec) : std::vector<registry::Reference>{}) {
        if (coming_.contains(std::pair{reference.kind, reference.name})) continue;
        const auto named = core_.deps.registry.find(who_.actor.tenant, reference.kind, reference.name);
        if (named && (reference.kind == "roles" || sees(*named))) continue;  // of a role check_change() tells more
        const registry::Kind* const of = core_.deps.registry.kind(reference.kind);
        return Error{Code::invalid, "{}: there is no {} \"{}\"", reference.path,
                     of == nullptr ? reference.kind : of->name, reference.name};
    }
    return check_change(kind.name, name, spec);
}

Result<void> Sight::check_seen(const registry::Kind& kind, std::string_view name) {
    if (!limited(kind.name)) return {};
    const auto stored = core_.deps.registry.find(who_.actor.tenant, kind.name, name);
    const bool hidden =
        stored ? !sees(*stored) : kind.path_names && kind.name != "virtual_tag" && !api::sees(who_, name);
    if (hidden) return Error{Code::not_found, "there is no {} \"{}\"", kind.name, name.substr(0, 200)};
    return {};
}

Result<void> Sight::check_stored(const registry::Kind& kind, std::string_view name) {
    TRY(check_seen(kind, name));
    const auto stored = limited(kind.name) ? core_.deps.registry.find(who_.actor.tenant, kind.name, name) : nullptr;
    return stored ? check_change(kind.name, name, stored->spec) : Result<void>{};
}

}  // namespace gongshu::api
