#include "registry/staging.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/assert.h"
#include "registry/difference.h"
#include "registry/kinds/approval_policy.h"
#include "registry/names.h"
#include "registry/shape.h"
#include "registry/uid.h"

namespace gongshu::registry {

namespace {

constexpr std::string_view kBasicRoles[] = {"viewer", "operator", "engineer", "admin"};

bool is_basic_role(const Key& key) {
    return key.kind == "role" && std::ranges::find(kBasicRoles, key.name) != std::end(kBasicRoles);
}

Json basic_role(std::string_view name) {
    const std::map<std::string_view, std::pair<const char*, const char*>> titles = {
        {"viewer", {"查看者", "Viewer"}},
        {"operator", {"操作员", "Operator"}},
        {"engineer", {"工程师", "Engineer"}},
        {"admin", {"管理员", "Administrator"}}};
    return {{"title_zh", titles.at(name).first}, {"title_en", titles.at(name).second}, {"base", name}};
}

std::string seal_context(const std::string& uid, const std::string& field) { return uid + "/" + field; }

}  // namespace

void KindTable::add(Kind kind) {
    ASSERT(!find(kind.name) && !find(kind.plural) && kind.normalize);
    kinds_.push_back(std::make_unique<const Kind>(std::move(kind)));
}

const Kind* KindTable::find(std::string_view name_or_plural) const {
    for (const auto& kind : kinds_) {
        if (kind->name == name_or_plural || kind->plural == name_or_plural) return kind.get();
    }
    return nullptr;
}

std::vector<const Kind*> KindTable::all() const {
    std::vector<const Kind*> out;
    for (const auto& kind : kinds_) out.push_back(kind.get());
    return out;
}

Statement audit_statement(std::uint64_t id, TimeNs time, const Actor& actor, std::string_view action,
                          std::string_view kind, std::string_view name, std::string_view detail, bool allowed) {
    return {
        "insert into audit (id, time, tenant, who, source, action, kind, name, detail, allowed)"
        " values (:a, :b, :c, :d, :e, :f, :g, :h, :i, :j)",
        {static_cast<std::int64_t>(id), time, static_cast<std::int64_t>(actor.tenant.value), actor.who, actor.from,
         std::string(action), std::string(kind), std::string(name), std::string(detail), std::int64_t{allowed}}};
}

Staging::Staging(StagingDeps deps) : deps_(deps) { staged_.tenant_last = deps.state.tenant_last; }

ResourcePtr Staging::find(const Key& key) const {
    const auto over = staged_.over.find(key);
    return over == staged_.over.end() ? deps_.state.find(key) : over->second;
}

ResourcePtr Staging::find(TenantId tenant, std::string_view kind_name, std::string_view name) const {
    const Kind* of = kind(kind_name);
    return of ? find(Key{tenant, of->name, std::string(name)}) : nullptr;
}

Result<Resource> Staging::get(TenantId tenant, std::string_view kind_name, std::string_view name) const {
    const auto found = find(tenant, kind_name, name);
    if (!found) return Error{Code::not_found, "there is no {} \"{}\"", kind_name, name};
    return *found;
}

std::vector<ResourcePtr> Staging::list_shared(TenantId tenant, std::string_view kind_name) const {
    std::vector<ResourcePtr> out;
    const Kind* of = kind(kind_name);
    if (!of) return out;
    std::map<std::string_view, ResourcePtr> sorted;
    if (const auto group = deps_.state.groups.find({tenant, of->name}); group != deps_.state.groups.end()) {
        for (const auto& [name, resource] : group->second) sorted[name] = resource;
    }
    const auto begin = staged_.over.lower_bound(Key{tenant, of->name, ""});
    for (auto at = begin; at != staged_.over.end() && at->first.tenant == tenant && at->first.kind == of->name; ++at)
        sorted[at->first.name] = at->second;
    for (auto& [name, resource] : sorted) {
        if (resource) out.push_back(std::move(resource));
    }
    return out;
}

std::vector<Resource> Staging::list(TenantId tenant, std::string_view kind_name) const {
    std::vector<Resource> out;
    for (const auto& resource : list_shared(tenant, kind_name)) out.push_back(*resource);
    return out;
}

std::vector<std::pair<TenantId, std::string>> Staging::tenants() const {
    auto all = deps_.state.tenants;
    for (const auto& [id, name] : staged_.tenants) {
        if (name) {
            all[id] = *name;
        } else {
            all.erase(id);
        }
    }
    return {all.begin(), all.end()};
}

std::optional<TenantId> Staging::tenant_id(std::string_view name) const {
    for (const auto& [id, of] : tenants()) {
        if (of == name) return id;
    }
    return std::nullopt;
}

std::string Staging::tenant_name(TenantId tenant) const {
    if (const auto over = staged_.tenants.find(tenant); over != staged_.tenants.end()) return over->second.value_or("");
    const auto found = deps_.state.tenants.find(tenant);
    return found == deps_.state.tenants.end() ? "" : found->second;
}

Result<Key> Staging::key_for(const Actor& actor, const Kind& kind, std::string_view name) const {
    if (actor.role < kind.write_role) {
        return Error{Code::denied,
                     "{} has the role {}; changing {} takes {}",
                     actor.who.empty() ? "nobody" : actor.who,
                     to_string(actor.role),
                     kind.plural,
                     to_string(kind.write_role)};
    }
    if (kind.of_system && actor.tenant != kDefaultTenantId) {
        return Error{Code::denied, "{} can be changed by administrators of the tenant \"{}\" alone", kind.plural,
                     kDefaultTenant};
    }
    TRY(check_name(name, kind.path_names).context("name"));
    return Key{actor.tenant, kind.name, std::string(name)};
}

Result<void> Staging::check_limit(const Key& key) const {
    const auto stored = deps_.state.counts.find(key.tenant);
    const auto grown = staged_.grown.find(key.tenant);
    const std::int64_t count = (stored == deps_.state.counts.end() ? 0 : static_cast<std::int64_t>(stored->second)) +
                               (grown == staged_.grown.end() ? 0 : grown->second);
    if (count < static_cast<std::int64_t>(deps_.options.resources_max)) return {};
    return Error{
        Code::limit, "cannot make {} \"{}\": the tenant has {} resources, at most {} are allowed (resources_max)",
        key.kind,    key.name,
        count,       deps_.options.resources_max};
}

std::vector<Key> Staging::names_of(const Kind& kind, TenantId tenant, const Json& spec) const {
    std::vector<Key> out;
    if (!kind.references) return out;
    for (const Reference& reference : kind.references(spec)) {
        if (const Kind* of = this->kind(reference.kind)) out.push_back({tenant, of->name, reference.name});
    }
    return out;
}

Result<void> Staging::check_references(const Kind& kind, const Key& key, const Json& spec) const {
    if (!kind.references) return {};
    for (const Reference& reference : kind.references(spec)) {
        const Kind* of = this->kind(reference.kind);
        ASSERT(of);  // a fact names a kind that was never added
        const Key named{key.tenant, of->name, reference.name};
        if (named == key || find(named)) continue;
        std::vector<std::string> names;
        for (const auto& resource : list_shared(key.tenant, of->name)) names.push_back(resource->name);
        const std::string near = nearest(reference.name, names);
        return Error{Code::invalid,  "{}: there is no {} \"{}\"{}",
                     reference.path, of->name,
                     reference.name, near.empty() ? "" : "; did you mean \"" + near + "\"?"};
    }
    return {};
}

Result<Staging::Secrets> Staging::take_secrets(const Kind& kind, const std::string& uid, Json& spec,
                                               std::vector<Difference>& changed) const {
    Secrets out;
    for (const std::string& field : kind.secret_fields) {
        const std::pair<std::string, std::string> place{uid, field};
        std::optional<std::string> stored;
        if (const auto over = staged_.sealed.find(place); over != staged_.sealed.end()) {
            stored = over->second;
        } else if (const auto found = deps_.state.sealed.find(place); found != deps_.state.sealed.end()) {
            stored = found->second;
        }
        Json* given = spec.as_object().if_contains(field);
        if (!given) {
            if (stored) out[field] = std::nullopt;
            continue;
        }
        if (!given->is_string()) {
            if (!stored)
                return Error{Code::invalid, "{}: {{\"secret\":true}} keeps the value that is there, but none is set",
                             field};
            continue;
        }
        const std::string plain(given->get_string().data(), given->get_string().size());
        *given = Json{{"secret", true}};
        if (stored) {
            const Buffer sealed = TRY(io::from_base64(*stored));
            const auto opened = io::open_sealed(deps_.seal_key, sealed, seal_context(uid, field));
            if (opened && as_text(*opened) == plain) continue;
            changed.push_back({field, Json{{"secret", true}}, Json{{"secret", true}}});
        }
        out[field] = io::base64(io::seal(deps_.seal_key, as_bytes(plain), seal_context(uid, field)));
    }
    return out;
}

// Two devices with one ID would get each other's readings, as would one that takes another's name for its ID. The other
// is not named: whoever asks may not see it. Beneath a device are its own tags only.
Result<void> Staging::check_device_names(const Resource& next) const {
    const TenantId tenant = next.tenant;
    // Of those names one that is another device's, with all that is staged.
    const auto other = [&](const DeviceNames::Names& stored, const DeviceNames::Names& staged) {
        const auto is_other = [&](const std::string& name) {
            return find(Key{tenant, "device", name})->uid != next.uid;
        };
        const auto stays = [&](const std::string& name) { return !staged_.over.contains({tenant, "device", name}); };
        return std::ranges::any_of(staged, is_other) ||
               std::ranges::any_of(stored, [&](const std::string& name) { return stays(name) && is_other(name); });
    };
    if (const std::string id = external_id_of(next.spec); !id.empty()) {
        const std::string device{last_level(id)};
        if (other(deps_.state.device_names.with_id(tenant, id), staged_.device_names.with_id(tenant, id)))
            return Error{Code::invalid, "external_id: \"{}\" is the ID of another device already", id};
        if (device != last_level(next.name) && other(deps_.state.device_names.with_last_level(tenant, device),
                                                     staged_.device_names.with_last_level(tenant, device)))
            return Error{Code::invalid,
                         "external_id: another device is called \"{}\" by its name; give that one an ID first", device};
    }
    if (const auto alias = first_of(tenant, "tag_alias", next.name + "."))
        return Error{Code::conflict,
                     "the tag alias \"{}\" stands where the tags of the device would be; rename it first", *alias};
    return {};
}

// The name of the first resource of a kind whose name begins so.
std::optional<std::string> Staging::first_of(TenantId tenant, const std::string& kind_name,
                                             const std::string& begin) const {
    if (const auto group = deps_.state.groups.find({tenant, kind_name}); group != deps_.state.groups.end())
        for (auto at = group->second.lower_bound(begin); at != group->second.end() && at->first.starts_with(begin);
             ++at)
            if (!staged_.over.contains({tenant, kind_name, at->first})) return at->first;
    for (auto at = staged_.over.lower_bound({tenant, kind_name, begin});
         at != staged_.over.end() && at->first.tenant == tenant && at->first.kind == kind_name &&
         at->first.name.starts_with(begin);
         ++at)
        if (at->second) return at->first.name;
    return std::nullopt;
}

std::size_t Staging::admins(TenantId tenant, bool signing_in) const {
    std::size_t count = 0;
    for (const auto& user : list_shared(tenant, "user")) {
        const JsonObject& spec = user->spec.as_object();
        if (spec.contains("disabled") && spec.at("disabled").as_bool()) continue;
        if (signing_in && deps_.may_sign_in && !deps_.may_sign_in(user->uid)) continue;
        const auto role = find(tenant, "role", std::string_view(spec.at("role").as_string()));
        if (!role) continue;
        const JsonObject& of = role->spec.as_object();
        const Json* const paths = of.if_contains("paths");
        const bool limited = paths && paths->is_array() && !paths->get_array().empty();
        if (!limited && std::string_view(of.at("base").as_string()) == "admin") ++count;
    }
    return count;
}

Result<void> Staging::keep_an_admin(TenantId tenant, const Key& key, const ResourcePtr& becomes) const {
    if ((key.kind != "user" && key.kind != "role") || !this->kind("user")) return {};
    Staging after(*this);
    after.staged_.set(key, becomes);
    for (const bool signing_in : {true, false}) {
        if (admins(tenant, signing_in) == 0 || after.admins(tenant, signing_in) > 0) continue;
        return Error{Code::conflict,
                     "{} \"{}\": afterwards nobody could administer the tenant; give another enabled user{} a role of "
                     "admin without paths first",
                     key.kind, key.name, signing_in && deps_.may_sign_in ? " who has a password" : ""};
    }
    return {};
}

Result<Change> Staging::put(const Actor& actor, const Kind& kind, std::string_view name, const Json& spec,
                            std::optional<std::uint64_t> if_match) {
    const Key key = TRY(key_for(actor, kind, name));
    const auto current = find(key);
    if (if_match && *if_match != (current ? current->revision : 0)) {
        if (!current)
            return Error{Code::conflict, "{} \"{}\" does not exist, but revision {} was expected", kind.name, name,
                         *if_match};
        return Error{
            Code::conflict,    "{} \"{}\" is at revision {}, but {} was expected; read it again and repeat the change",
            kind.name,         name,
            current->revision, *if_match == 0 ? "none" : std::to_string(*if_match)};
    }
    return put_as(actor, kind, key, spec, {.what = current ? "updated" : "created"});
}

Result<Change> Staging::patch(const Actor& actor, const Kind& kind, std::string_view name, const Json& patch,
                              std::optional<std::uint64_t> if_match) {
    const Key key = TRY(key_for(actor, kind, name));
    const auto current = find(key);
    if (!current) return Error{Code::not_found, "there is no {} \"{}\" to patch", kind.name, name};
    if (!patch.is_object())
        return Error{Code::invalid, "spec: expected an object of changes, found {}", describe(patch)};
    return put(actor, kind, name, merge_patch(current->spec, patch), if_match);
}

Result<Change> Staging::put_as(const Actor& actor, const Kind& kind, const Key& key, const Json& spec, const How& how) {
    const auto current = find(key);
    if (!current) TRY(check_limit(key));
    auto next = std::make_shared<Resource>();
    next->tenant = key.tenant;
    next->kind = kind.name;
    next->name = key.name;
    next->uid = current ? current->uid : how.revive ? how.revive->uid : make_uid(deps_.now);
    next->revision = (current ? current->revision : how.revive ? how.revive->last : 0) + 1;
    next->created = current ? current->created : how.revive ? how.revive->created : deps_.now;
    next->updated = deps_.now;
    next->by = actor.who;
    next->spec = TRY(kind.normalize(spec));

    std::vector<Difference> secrets_changed;
    const Secrets secrets = TRY(take_secrets(kind, next->uid, next->spec, secrets_changed));
    if (const auto bytes = to_text(next->spec).size(); bytes > deps_.options.spec_bytes_max) {
        return Error{Code::limit, "the spec of {} \"{}\" has {} bytes, at most {} are allowed (spec_bytes_max)",
                     kind.name,   key.name,
                     bytes,       deps_.options.spec_bytes_max};
    }
    TRY(check_references(kind, key, next->spec));
    if (kind.check) TRY(kind.check(*this, key.tenant, key.name, next->spec));
    if (kind.name == "device") TRY(check_device_names(*next));
    TRY(keep_an_admin(key.tenant, key, next));
    if (deps_.last_check) TRY(deps_.last_check(*this, *next));

    Change change;
    change.differences = differences(current ? current->spec : Json(JsonObject{}), next->spec);
    change.differences.insert(change.differences.end(), secrets_changed.begin(), secrets_changed.end());
    if (current && change.differences.empty()) {
        change.what = Change::What::unchanged;
        change.resource = *current;
        return change;
    }
    TRY(refuse_unapproved(actor, kind, key.name));
    change.what = current ? Change::What::updated : Change::What::created;
    for (const auto& [field, sealed] : secrets) {
        staged_.sealed[{next->uid, field}] = sealed;
        staged_.statements.push_back({"delete from secrets where uid = :a and field = :b", {next->uid, field}});
        if (sealed)
            staged_.statements.push_back(
                {"insert into secrets (uid, field, sealed) values (:a, :b, :c)", {next->uid, field, *sealed}});
    }
    store(actor, kind, key, *next, how, !current, change.differences);
    staged_.set(key, next);
    if (!current) ++staged_.grown[key.tenant];
    change.resource = *next;
    staged_.notices.push_back(change);
    if (kind.name == "tenant") after_tenant(actor, key, *next, !current);
    return change;
}

std::optional<PointRefusal> Staging::refused_together() const {
    std::map<TenantId, std::vector<ResourcePtr>> changed;
    for (const auto& [key, resource] : staged_.over)
        if (resource && (key.kind == "device_type" || key.kind == "connection"))
            changed[key.tenant].push_back(resource);
    for (const auto& [tenant, resources] : changed)
        if (auto refusal = refused_points(*this, tenant, resources)) return refusal;
    return std::nullopt;
}

void Staging::store(const Actor& actor, const Kind& kind, const Key& key, const Resource& resource, const How& how,
                    bool is_new, const std::vector<Difference>& differences) {
    const auto tenant = static_cast<std::int64_t>(key.tenant.value);
    const auto revision = static_cast<std::int64_t>(resource.revision);
    const std::string spec = to_text(resource.spec);
    if (is_new) {
        staged_.statements.push_back(
            {"insert into resources (uid, tenant, kind, name, revision, schema_version, created, updated, who, spec)"
             " values (:a, :b, :c, :d, :e, :f, :g, :h, :i, :j)",
             {resource.uid, tenant, kind.name, key.name, revision, std::int64_t{kind.schema_version}, resource.created,
              resource.updated, actor.who, spec}});
    } else {
        staged_.statements.push_back(
            {"update resources set name = :a, revision = :b, schema_version = :c, updated = :d, who = :e, spec = :f "
             "where uid = :g",
             {key.name, revision, std::int64_t{kind.schema_version}, resource.updated, actor.who, spec, resource.uid}});
    }
    staged_.statements.push_back(
        {"insert into revisions (uid, revision, tenant, kind, name, time, who, what, schema_version, created, spec)"
         " values (:a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k)",
         {resource.uid, revision, tenant, kind.name, key.name, resource.updated, actor.who, how.what,
          std::int64_t{kind.schema_version}, resource.created, spec}});
    add_audit(actor, how.what, key, differences);
}

void Staging::add_audit(const Actor& actor, std::string_view action, const Key& key,
                        const std::vector<Difference>& differences) {
    staged_.statements.push_back(audit_statement(++deps_.audit_last, deps_.now, actor, action, key.kind, key.name,
                                                 to_text(registry::to_json(differences)), true));
}

std::vector<Key> Staging::named_by(const Key& key) const {
    std::vector<Key> out;
    if (const auto found = deps_.state.named_by.find(key); found != deps_.state.named_by.end()) {
        for (const Key& other : found->second) {
            if (!staged_.over.contains(other)) out.push_back(other);
        }
    }
    for (const auto& [other, resource] : staged_.over) {
        if (!resource) continue;
        const auto names = names_of(*kind(other.kind), other.tenant, resource->spec);
        if (std::ranges::find(names, key) != names.end()) out.push_back(other);
    }
    std::erase(out, key);
    return out;
}

Result<void> Staging::refuse_if_named(const Kind& kind, const Key& key) const {
    const auto others = named_by(key);
    if (others.empty()) return {};
    std::string words;
    for (std::size_t i = 0; i < others.size() && i < 5; ++i)
        words += fmt::format("{}{} \"{}\"", i ? ", " : "", others[i].kind, others[i].name);
    if (others.size() > 5) words += fmt::format(" and {} more", others.size() - 5);
    return Error{Code::conflict, "{} \"{}\" is named by {}: change or delete them first", kind.name, key.name, words};
}

Result<void> Staging::refuse_if_lived_in(const Key& key, std::string_view doing) const {
    if (key.kind != "site") return {};
    std::size_t count = 0;
    std::string first;
    for (const char* kind : {"device", "site"}) {
        for (const auto& resource : list_shared(key.tenant, kind)) {
            if (!resource->name.starts_with(key.name + "/")) continue;
            if (count++ == 0) first = fmt::format("{} \"{}\"", kind, resource->name);
        }
    }
    if (count == 0) return {};
    return Error{Code::conflict,
                 "the site \"{}\" cannot be {}: {} {} beneath it, such as {}; rename or delete {} first, then the site",
                 key.name,
                 doing,
                 count,
                 count == 1 ? "resource lies" : "resources lie",
                 first,
                 count == 1 ? "it" : "them"};
}

Result<Change> Staging::remove(const Actor& actor, const Kind& kind, std::string_view name,
                               std::optional<std::uint64_t> if_match) {
    const Key key = TRY(key_for(actor, kind, name));
    const auto current = find(key);
    if (!current) return Error{Code::not_found, "there is no {} \"{}\" to delete", kind.name, name};
    if (if_match && *if_match != current->revision) {
        return Error{Code::conflict,    "{} \"{}\" is at revision {}, but {} was expected; read it again",
                     kind.name,         name,
                     current->revision, *if_match};
    }
    if (is_basic_role(key))
        return Error{Code::conflict, "the role \"{}\" is one of the four basic ones and stays", name};
    if (kind.name == "tenant") TRY(before_tenant(key, true));
    TRY(refuse_unapproved(actor, kind, key.name));
    TRY(refuse_if_lived_in(key, "deleted"));
    TRY(refuse_if_named(kind, key));
    TRY(keep_an_admin(key.tenant, key, nullptr));

    Change change{Change::What::deleted, *current, differences(current->spec, Json(JsonObject{}))};
    Resource gone = *current;
    gone.revision += 1;
    gone.updated = deps_.now;
    staged_.statements.push_back({"delete from resources where uid = :a", {gone.uid}});
    staged_.statements.push_back({"delete from secrets where uid = :a", {gone.uid}});
    staged_.statements.push_back(
        {"insert into revisions (uid, revision, tenant, kind, name, time, who, what, schema_version, created, spec)"
         " values (:a, :b, :c, :d, :e, :f, :g, 'deleted', :h, :i, '')",
         {gone.uid, static_cast<std::int64_t>(gone.revision), static_cast<std::int64_t>(key.tenant.value), kind.name,
          key.name, deps_.now, actor.who, std::int64_t{kind.schema_version}, gone.created}});
    add_audit(actor, "deleted", key, change.differences);
    for (const std::string& field : kind.secret_fields) staged_.sealed[{gone.uid, field}] = std::nullopt;
    staged_.set(key, nullptr);
    --staged_.grown[key.tenant];
    staged_.notices.push_back(change);
    if (kind.name == "tenant") {
        const TenantId id = *tenant_id(key.name);
        for (const std::string_view role : kBasicRoles) {
            const Key of{id, "role", std::string(role)};
            const auto resource = find(of);
            if (!resource) continue;
            staged_.statements.push_back({"delete from resources where uid = :a", {resource->uid}});
            staged_.set(of, nullptr);
        }
        staged_.tenants[id] = std::nullopt;
    }
    return change;
}

Result<void> Staging::refuse_unapproved(const Actor& actor, const Kind& kind, std::string_view name) const {
    if (!actor.approval.empty() || actor.who == "system" || kind.of_system) return {};
    const auto policy = approval_policy_of(*this, actor.tenant, kind.plural, name);
    if (!policy) return {};
    return Error{Code::denied,
                 "{} \"{}\" needs approval (approval policy \"{}\"): ask for it as a change approval, and a second "
                 "person lets it take effect",
                 kind.name, name, policy->name};
}

Result<void> Staging::before_tenant(const Key& key, bool goes) const {
    if (key.name == kDefaultTenant)
        return Error{Code::conflict, "the tenant \"{}\" stays and keeps its name", kDefaultTenant};
    const auto id = tenant_id(key.name);
    if (!goes || !id) return {};
    for (const Kind* kind : kinds()) {
        for (const auto& resource : list_shared(*id, kind->name)) {
            if (is_basic_role({*id, kind->name, resource->name})) continue;
            return Error{Code::conflict, "the tenant \"{}\" still has {} (such as \"{}\"): delete them first", key.name,
                         kind->plural, resource->name};
        }
    }
    return {};
}

void Staging::after_tenant(const Actor& actor, const Key& key, const Resource& resource, bool is_new) {
    if (!is_new) return;
    const TenantId id{++staged_.tenant_last};
    staged_.statements.push_back(
        {"insert into tenants (id, uid) values (:a, :b)", {static_cast<std::int64_t>(id.value), resource.uid}});
    staged_.tenants[id] = key.name;
    const Actor within{id, key.name, actor.who, Role::admin, actor.from};
    const Kind* roles = kind("role");
    if (!roles) return;
    for (const std::string_view role : kBasicRoles) {
        const auto made = put(within, *roles, role, basic_role(role), std::nullopt);
        ASSERT(made.has_value());
    }
}

Result<Change> Staging::rename(const Actor& actor, const Kind& kind, std::string_view name, std::string_view new_name) {
    const Key key = TRY(key_for(actor, kind, name));
    const Key to = TRY(key_for(actor, kind, new_name));
    const auto current = find(key);
    if (!current) return Error{Code::not_found, "there is no {} \"{}\" to rename", kind.name, name};
    if (name == new_name) return Change{Change::What::unchanged, *current, {}};
    if (find(to)) return Error{Code::exists, "there is a {} \"{}\" already", kind.name, new_name};
    if (is_basic_role(key))
        return Error{Code::conflict, "the role \"{}\" is one of the four basic ones and keeps its name", name};
    if (kind.name == "tenant") TRY(before_tenant(key, false));
    TRY(refuse_unapproved(actor, kind, name));
    TRY(refuse_unapproved(actor, kind, new_name));
    TRY(refuse_if_lived_in(key, "renamed"));

    auto next = std::make_shared<Resource>(*current);
    next->name = new_name;
    next->revision += 1;
    next->updated = deps_.now;
    next->by = actor.who;
    if (kind.renamed) next->spec = kind.renamed(next->spec, kind.plural, name, new_name);  // it may name itself
    if (kind.check) TRY(kind.check(*this, to.tenant, to.name, next->spec));
    if (kind.name == "device") TRY(check_device_names(*next));
    if (deps_.last_check) TRY(deps_.last_check(*this, *next));
    const auto others = named_by(key);
    const std::vector<Difference> difference{{"name", Json(name), Json(new_name)}};
    store(actor, kind, to, *next, {.what = "renamed"}, false, difference);
    staged_.set(key, nullptr);
    staged_.set(to, next);
    staged_.notices.push_back({Change::What::deleted, *current, difference});
    staged_.notices.push_back({Change::What::created, *next, difference});
    if (kind.name == "tenant") staged_.tenants[*tenant_id(name)] = std::string(new_name);

    for (const Key& other : others) {
        const Kind& of = *this->kind(other.kind);
        auto changed = std::make_shared<Resource>(*find(other));
        const Json before = changed->spec;
        changed->spec = of.renamed(before, kind.plural, name, new_name);
        changed->revision += 1;
        changed->updated = deps_.now;
        changed->by = actor.who;
        const auto what = differences(before, changed->spec);
        store(actor, of, other, *changed, {.what = "updated"}, false, what);
        staged_.set(other, changed);
        staged_.notices.push_back({Change::What::updated, *changed, what});
    }
    return Change{Change::What::updated, *next, difference};
}

Result<Change> Staging::roll_back(const Actor& actor, const Kind& kind, std::string_view name, const Past& past) {
    const Key key = TRY(key_for(actor, kind, name));
    const auto current = find(key);
    // Its number may have data in other stores by now that nobody wants to see again by surprise.
    if (!current && kind.of_system)
        return Error{Code::unsupported, "a deleted {} does not come back; make a new one", kind.name};
    Json spec = past.spec;
    // A secret is not in the history: the present one stays, one that is gone stays gone.
    for (const std::string& field : kind.secret_fields) {
        const bool is_set = current && current->spec.as_object().contains(field);
        if (!is_set && spec.is_object()) spec.as_object().erase(field);
    }
    return put_as(actor, kind, key, spec,
                  {.what = "rolled_back", .revive = current ? std::nullopt : std::optional<Past>(past)});
}

}  // namespace gongshu::registry
