#include "flow/shelf.h"

#include <algorithm>

#include "flow/flow.h"
#include "flow/past.h"
#include "flow/rule.h"

namespace gongshu::flow {

std::string_view to_string(ShelfKind kind) { return kind == ShelfKind::shelved ? "shelved" : "out_of_service"; }

void Shelves::put(Shelf shelf) {
    Key key = key_of(shelf);
    shelves_.insert_or_assign(std::move(key), Entry{std::move(shelf)});
}

const Shelf* Shelves::find(const Shelf& like) const {
    const auto found = shelves_.find(key_of(like));
    return found == shelves_.end() ? nullptr : &found->second.shelf;
}

bool Shelves::take(const Shelf& like) {
    const auto found = shelves_.find(key_of(like));
    if (found == shelves_.end() || found->second.shelf.since != like.since) return false;
    shelves_.erase(found);
    return true;
}

const Shelf* Shelves::over(ShelfKind kind, const PlanKey& key) const {
    if (shelves_.empty()) return nullptr;
    auto found = shelves_.find({key.tenant, kind, key.rule_uid, key.device_uid});
    if (found == shelves_.end()) found = shelves_.find({key.tenant, kind, key.rule_uid, ""});
    return found == shelves_.end() ? nullptr : &found->second.shelf;
}

std::size_t Shelves::count(TenantId tenant) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(shelves_, [&](const auto& one) { return std::get<TenantId>(one.first) == tenant; }));
}

std::vector<Shelf> Shelves::of(TenantId tenant) const {
    std::vector<Shelf> list;
    for (const auto& [key, entry] : shelves_)
        if (entry.shelf.tenant == tenant) list.push_back(entry.shelf);
    return list;
}

std::optional<TimeNs> Shelves::next_end() const {
    std::optional<TimeNs> next;
    for (const auto& [key, entry] : shelves_)
        if (!entry.told_ended && entry.shelf.until && (!next || *entry.shelf.until < *next)) next = entry.shelf.until;
    return next;
}

std::vector<Shelf> Shelves::take_ended(TimeNs now) {
    std::vector<Shelf> list;
    for (auto& [key, entry] : shelves_) {
        if (entry.told_ended || !entry.shelf.until || *entry.shelf.until > now) continue;
        entry.told_ended = true;
        list.push_back(entry.shelf);
    }
    return list;
}

Result<Shelf> shelf_of(const registry::ResourceReader& registry, TenantId tenant, const std::string& rule,
                       const std::string& device) {
    const auto resource = registry.find(tenant, "rule", rule);
    if (!resource) return Error{Code::not_found, "rule: there is no rule \"{}\"", rule.substr(0, 200)};
    const auto spec = TRY(registry::spec_of<RuleSpec>(*resource));
    Shelf shelf{.tenant = tenant, .rule = rule, .rule_uid = resource->uid};
    // What a rule over one device is about stays so when it is given to another.
    if (device.empty() || device == spec.device) return shelf;
    const auto found = registry.find(tenant, "device", device);
    if (!found) return Error{Code::not_found, "device: there is no device \"{}\"", device.substr(0, 200)};
    const auto covered = spec.device_type ? devices_of_type(registry, tenant, *spec.device_type)
                                          : std::vector<std::pair<std::string, std::string>>{};
    if (std::ranges::find(covered, found->uid, &std::pair<std::string, std::string>::second) == covered.end())
        return Error{Code::invalid, "device: the rule \"{}\" is not over \"{}\"; leave it empty for the whole rule",
                     rule.substr(0, 200), device.substr(0, 200)};
    shelf.device = found->name;
    shelf.device_uid = found->uid;
    return shelf;
}

}  // namespace gongshu::flow
