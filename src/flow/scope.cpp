#include "flow/scope.h"

#include "flow/virtual_tag.h"
#include "registry/calendar_of.h"
#include "registry/kinds/device.h"
#include "registry/kinds/site.h"
#include "registry/kinds/tag_alias.h"
#include "registry/tag_at.h"

namespace gongshu::flow {
namespace {

constexpr std::size_t kNamesMax = 1000;

std::vector<registry::Property> properties_of_type(const registry::ResourceReader& registry, TenantId tenant,
                                                   std::string_view type) {
    const auto resource = registry.find(tenant, "device_type", type);
    if (!resource) return {};
    auto spec = registry::spec_of<registry::DeviceTypeSpec>(*resource);
    return spec ? std::move(spec->properties) : std::vector<registry::Property>{};
}

std::vector<registry::Property> properties_of_device(const registry::ResourceReader& registry, TenantId tenant,
                                                     std::string_view device) {
    const auto resource = registry.find(tenant, "device", device);
    if (!resource) return {};
    const auto spec = registry::spec_of<registry::DeviceSpec>(*resource);
    return spec ? properties_of_type(registry, tenant, spec->type) : std::vector<registry::Property>{};
}

// A calendar as expressions ask it.
class CalendarDays final : public expr::WorkingDays {
public:
    explicit CalendarDays(const registry::NamedCalendar& named)
        : calendar_(named.calendar), identity_(identity_of(named)) {}
    const std::string& identity() const override { return identity_; }
    Day at(std::int64_t day) const override {
        const auto info = calendar_->day_info(static_cast<calendar::Day>(day));
        return {info.working, info.sure};
    }
    std::optional<Count> add(std::int64_t day, std::int64_t count) const override {
        if (std::abs(count) > calendar::kReachDays) return std::nullopt;
        const auto from = static_cast<calendar::Day>(day);
        const auto to = calendar_->add_working_days(from, static_cast<int>(count));
        if (!to) return std::nullopt;
        return Count{*to, calendar_->sure(std::min(from, *to), std::max(from, *to))};
    }
    std::optional<Count> between(std::int64_t from, std::int64_t to) const override {
        const auto a = static_cast<calendar::Day>(from), b = static_cast<calendar::Day>(to);
        const auto count = calendar_->working_days_between(a, b);
        if (!count) return std::nullopt;
        return Count{*count, calendar_->sure(std::min(a, b), std::max(a, b))};
    }

private:
    // All that decides which days are worked; holidays are the same as long as the program runs.
    static std::string identity_of(const registry::NamedCalendar& named) {
        const calendar::Plan& plan = named.calendar->plan();
        std::string text = fmt::format("{} {}", named.name, plan.holidays != nullptr);
        for (const int weekday : plan.weekdays) text += fmt::format(" {}", weekday);
        for (const calendar::Exception& one : plan.exceptions)
            text += fmt::format(" {}-{}={}", one.from, one.to, one.working);
        return text;
    }

    const std::shared_ptr<const calendar::Calendar> calendar_;
    const std::string identity_;
};

class EveryDay final : public expr::WorkingDays {
public:
    const std::string& identity() const override { return identity_; }
    Day at(std::int64_t) const override { return {}; }
    std::optional<Count> add(std::int64_t day, std::int64_t count) const override { return Count{day + count}; }
    std::optional<Count> between(std::int64_t from, std::int64_t to) const override { return Count{to - from}; }

private:
    const std::string identity_ = "every day";
};

}  // namespace

std::shared_ptr<const expr::WorkingDays> any_working_days() {
    static const auto days = std::make_shared<const EveryDay>();
    return days;
}

std::shared_ptr<const expr::WorkingDays> PlannedScope::working_days() const {
    const auto named = registry::calendar_at(registry_, tenant_, device_);
    return named ? std::make_shared<const CalendarDays>(*named) : nullptr;
}

PlannedScope::PlannedScope(const registry::ResourceReader& registry, TenantId tenant, std::string device,
                           std::string device_type, VirtualIndex* index)
    : registry_(registry),
      tenant_(tenant),
      device_(std::move(device)),
      device_type_(std::move(device_type)),
      given_index_(index) {
    const auto list = !device_.empty() ? properties_of_device(registry, tenant, device_)
                                       : properties_of_type(registry, tenant, device_type_);
    for (const registry::Property& property : list)
        properties_.emplace(property.name, Known{property.unit, registry::value_type(property.type)});
}

PlannedScope::~PlannedScope() = default;

VirtualIndex& PlannedScope::index() const {
    if (given_index_) return *given_index_;
    if (!own_index_) own_index_ = std::make_unique<VirtualIndex>(registry_, tenant_);
    return *own_index_;
}

std::optional<expr::ScopeTag> PlannedScope::computed(std::string_view name) const {
    std::optional<VirtualIndex::Found> found;
    if (!device_.empty())
        found = index().at(device_ + "." + std::string(name));
    else if (!device_type_.empty())
        found = index().of("", device_type_, name);
    if (!found) found = index().at(name);
    if (!found) return std::nullopt;
    return index().planned(*found);
}

std::string PlannedScope::zone() const {
    std::shared_ptr<const registry::Resource> site;
    if (!device_.empty()) {
        // The nearest site around the device: "plant1/abroad" counts before "plant1".
        std::string place = device_;
        for (auto slash = place.rfind('/'); !site && slash != std::string::npos; slash = place.rfind('/')) {
            place.resize(slash);
            site = registry_.find(tenant_, "site", place);
        }
    } else if (const auto sites = registry_.list_shared(tenant_, "site"); sites.size() == 1) {
        site = sites.front();
    }
    const auto spec = site ? registry::spec_of<registry::SiteSpec>(*site)
                           : Result<registry::SiteSpec>(Error{Code::not_found, "no site"});
    return spec ? spec->time_zone : "UTC";
}

std::optional<expr::ScopeTag> PlannedScope::planned(std::string_view device, std::string_view property) const {
    for (const registry::Property& known : properties_of_device(registry_, tenant_, device))
        if (known.name == property)
            return expr::ScopeTag{fmt::format("{}.{}", device, property), known.unit, registry::value_type(known.type),
                                  true};
    return std::nullopt;
}

std::optional<expr::ScopeTag> PlannedScope::planned_path(std::string_view path) const {
    // A property may hold dots of its own: each may be the one after the device.
    for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1))
        if (auto tag = planned(path.substr(0, dot), path.substr(dot + 1))) return tag;
    return std::nullopt;
}

std::optional<expr::ScopeTag> PlannedScope::declared(std::string_view name) const {
    if (const auto own = properties_.find(name); own != properties_.end()) {
        const std::string path = device_.empty() ? std::string(name) : device_ + "." + std::string(name);
        return expr::ScopeTag{path, own->second.unit, own->second.type, true};
    }
    return planned_path(tag_meant(name));
}

std::optional<expr::ScopeTag> PlannedScope::find(std::string_view name) const {
    if (auto tag = declared(name)) return tag;
    const std::string meant = tag_meant(name);
    if (auto tag = computed(meant)) return tag;
    const bool path = meant.find_first_of("./") != std::string::npos;
    if (!path) return std::nullopt;
    return expr::ScopeTag{.path = meant, .known = false};
}

std::string PlannedScope::tag_meant(std::string_view name) const {
    const auto alias = registry_.find(tenant_, "tag_alias", name);
    const auto spec = alias ? registry::spec_of<registry::TagAliasSpec>(*alias)
                            : Result<registry::TagAliasSpec>(Error{Code::not_found, "no alias"});
    return spec ? spec->target : std::string(name);
}

std::vector<std::string> PlannedScope::names() const {
    std::vector<std::string> list;
    for (const auto& [name, known] : properties_) list.push_back(name);
    for (std::string& name : index().properties(device_, device_type_)) list.push_back(std::move(name));
    return list;
}

std::optional<expr::ScopeTag> LiveScope::live(const std::string& path) const {
    const auto info = registry::tag_at(registry_, tags_, tenant_, path);
    if (!info) return std::nullopt;
    return expr::ScopeTag{path, info->unit, info->type, true};
}

std::optional<expr::ScopeTag> LiveScope::find(std::string_view name) const {
    auto found = find_any(name);
    if (!found || !sees_) return found;
    const bool of_type = device_.empty() && found->path.find_first_of("./") == std::string::npos;  // no device yet
    if (of_type) return found;
    // An address of before is of a tag that is elsewhere now.
    const auto info = registry::tag_at(registry_, tags_, tenant_, found->path);
    return sees_(info ? info->path : found->path) ? found : std::nullopt;
}

std::optional<expr::ScopeTag> LiveScope::find_any(std::string_view name) const {
    if (auto planned = declared(name)) {
        // What came in says the type; the unit of the device type fills in if the tag has none.
        if (auto tag = live(planned->path)) {
            if (tag->unit.empty()) tag->unit = planned->unit;
            return tag;
        }
        return planned;
    }
    if (!device_.empty())
        if (auto tag = live(device_ + "." + std::string(name))) return tag;
    const std::string meant = tag_meant(name);
    if (auto tag = live(meant)) return tag;
    if (unfound_ == Unfound::wait) return PlannedScope::find(name);
    return computed(meant);  // it is there, though it has no values yet
}

std::vector<std::string> LiveScope::names() const {
    std::vector<std::string> list = PlannedScope::names();
    for (const TagInfo& tag : tags_.match(tenant_, "**", kNamesMax - std::min(kNamesMax, list.size())))
        if (!sees_ || sees_(tag.path)) list.push_back(tag.path);
    return list;
}

}  // namespace gongshu::flow
