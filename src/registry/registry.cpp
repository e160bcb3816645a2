#include "registry/registry.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/assert.h"
#include "base/log.h"
#include "registry/kinds/access.h"
#include "registry/kinds/calendar.h"
#include "registry/kinds/connection.h"
#include "registry/kinds/dashboard.h"
#include "registry/kinds/device.h"
#include "registry/kinds/device_template.h"
#include "registry/kinds/approval_policy.h"
#include "registry/kinds/modbus_server.h"
#include "registry/kinds/retention.h"
#include "registry/kinds/saved_view.h"
#include "registry/kinds/site.h"
#include "registry/kinds/tag_alias.h"
#include "registry/registry_impl.h"
#include "registry/shape.h"

namespace gongshu::registry {

namespace {

constexpr std::size_t kRefusalsMax = 1'000;

// Set while this thread tells subscribers, so that a change from inside is refused instead of waiting for itself.
thread_local bool t_notifying = false;

Json parse_stored(const std::string& text) {
    auto parsed = parse_json(text);
    return parsed ? std::move(*parsed) : Json(nullptr);
}

io::Digest256 derived(const io::Digest256& master, std::string_view purpose) {
    return io::hmac_sha256(master, as_bytes(purpose));
}

// The key of the first start, made with it. A registry.db that is there was made with a key, so that a fresh one would
// be wrong, and stand in the place of the right one.
Result<io::Digest256> load_key(io::Files& files, const RegistryOptions& options) {
    const std::string path = options.key_folder + "/registry.key", database = options.folder + "/registry.db";
    if (TRY(files.exists(path))) return stored_key(files, options.key_folder);
    if (TRY(files.exists(database)))
        return Error{Code::not_found,
                     "{} is missing, but {} was made with it and cannot be read without: put back the folder of keys, "
                     "or name it with --key-folder",
                     path, database};
    io::Digest256 key{};
    TRY(files.make_folder(options.key_folder, 0700));
    io::random_bytes(key);
    TRY(io::write_whole(files, path, key, 0600).context("cannot make the key of secrets"));
    return key;
}

// Another key would make every stored secret and password useless, one by one and without a word.
Result<void> check_key(Database& database, const io::Digest256& master, const std::string& folder) {
    const std::string fingerprint = key_fingerprint(master);
    std::string stored;
    TRY(database.read({"select value from meta where name = 'key'", {}},
                      [&](const Row& row) { stored = row.text(0); }));
    if (stored.empty()) return database.change({{"insert into meta (name, value) values ('key', :a)", {fingerprint}}});
    if (stored == fingerprint) return {};
    return Error{Code::corrupt, "{}/registry.key is not the key that registry.db was made with: put back the right one",
                 folder};
}

}  // namespace

Result<io::Digest256> stored_key(io::Files& files, const std::string& folder) {
    const std::string path = folder + "/registry.key";
    io::Digest256 key{};
    if (!TRY(files.exists(path)))
        return Error{Code::not_found, "{} is missing: put back the folder of keys, or name it with --key-folder", path};
    const Buffer bytes = TRY(io::read_whole(files, path, 1024).context("cannot read the key of secrets"));
    if (bytes.size() != key.size()) {
        return Error{Code::corrupt, "{} has {} bytes, expected {}: put back the file this data folder was made with",
                     path, bytes.size(), key.size()};
    }
    std::ranges::copy(bytes, key.begin());
    return key;
}

std::string key_fingerprint(const io::Digest256& master) { return to_hex(derived(master, "fingerprint")); }
io::Digest256 seal_key_of(const io::Digest256& master) { return derived(master, "seal"); }
io::SigningKey ledger_key_of(const io::Digest256& master) {
    return io::SigningKey::from_secret(derived(master, "ledger"));
}

std::vector<Kind> own_kinds() {
    return {tenant_kind(),    role_kind(),       user_kind(),        token_kind(),
            site_kind(),      connection_kind(), device_type_kind(), device_template_kind(),
            device_kind(),    tag_alias_kind(),  dashboard_kind(),   saved_view_kind(),
            retention_kind(), hold_kind(),       calendar_kind(),    approval_policy_kind(),
            modbus_server_kind()};
}

std::string_view to_string(Role role) {
    switch (role) {
        case Role::none:
            return "none";
        case Role::viewer:
            return "viewer";
        case Role::operator_:
            return "operator";
        case Role::engineer:
            return "engineer";
        case Role::admin:
            return "admin";
    }
    return "none";
}

std::optional<Role> parse_role(std::string_view name) {
    for (const Role role : {Role::none, Role::viewer, Role::operator_, Role::engineer, Role::admin}) {
        if (to_string(role) == name) return role;
    }
    return std::nullopt;
}

Result<std::unique_ptr<Registry>> Registry::create(io::Files& files, const Clock& clock, RegistryOptions options) {
    TRY(files.make_folder(options.folder, 0750));
    auto folder_lock = TRY(files.lock_folder(options.folder).context("cannot take the folder of the registry"));
    const io::Digest256 master = TRY(load_key(files, options));
    auto database = TRY(Database::open(files, options.folder));
    TRY(check_key(*database, master, options.key_folder));
    auto made =
        std::make_unique<RegistryImpl>(std::move(folder_lock), std::move(database), clock, std::move(options), master);
    for (Kind& kind : own_kinds()) made->add_kind(std::move(kind));
    return std::unique_ptr<Registry>(std::move(made));
}

RegistryImpl::RegistryImpl(std::unique_ptr<io::File> folder_lock, std::unique_ptr<Database> database,
                           const Clock& clock, RegistryOptions options, const io::Digest256& master_key)
    : folder_lock_(std::move(folder_lock)),
      database_(std::move(database)),
      clock_(clock),
      options_(std::move(options)),
      seal_key_(seal_key_of(master_key)),
      auth_key_(derived(master_key, "auth")),
      ledger_key_(ledger_key_of(master_key)) {}

RegistryImpl::~RegistryImpl() {
    if (auto flushed = flush_audit(); !flushed)
        log_warning("registry", "audit records are lost: {}", flushed.error().text());
}

void RegistryImpl::add_kind(Kind kind) { kinds_.add(std::move(kind)); }

struct RegistryImpl::Stored {
    Resource resource;
    int schema_version = 0;
    std::string spec;
};

Result<void> RegistryImpl::load() {
    const std::lock_guard lock(changer_);
    TRY(database_->read({"select id from audit order by id desc limit 1", {}},
                        [&](const Row& row) { audit_last_ = static_cast<std::uint64_t>(row.integer(0)); }));
    TRY(load_resources());
    TRY(load_tenants());
    TRY(database_->read({"select uid, field, sealed from secrets", {}},
                        [&](const Row& row) { state_.sealed[{row.text(0), row.text(1)}] = row.text(2); }));
    if (!state_.tenants.contains(kDefaultTenantId))
        TRY(make_default_tenant().context("cannot make the tenant \"default\""));
    return {};
}

Result<void> RegistryImpl::load_resources() {
    std::vector<Stored> all;
    TRY(database_->read(
        {"select uid, tenant, kind, name, revision, schema_version, created, updated, who, spec from resources", {}},
        [&](const Row& row) {
            Stored& stored = all.emplace_back();
            Resource& resource = stored.resource;
            resource.uid = row.text(0);
            resource.tenant = TenantId{static_cast<std::uint32_t>(row.integer(1))};
            resource.kind = row.text(2);
            resource.name = row.text(3);
            resource.revision = static_cast<std::uint64_t>(row.integer(4));
            stored.schema_version = static_cast<int>(row.integer(5));
            resource.created = row.integer(6);
            resource.updated = row.integer(7);
            resource.by = row.text(8);
            stored.spec = row.text(9);
        }));
    for (const Stored& stored : all) load_resource(stored);
    return {};
}

void RegistryImpl::load_resource(const Stored& stored) {
    const Kind* kind = this->kind(stored.resource.kind);
    if (!kind) {
        log_warning("registry", "{} \"{}\" is kept but not used: this program does not know the kind",
                    stored.resource.kind, stored.resource.name);
        return;
    }
    auto resource = std::make_shared<Resource>(stored.resource);
    resource->spec = parse_stored(stored.spec);
    if (stored.schema_version < kind->schema_version && kind->upgrade) {
        auto upgraded = kind->upgrade(resource->spec, stored.schema_version);
        if (upgraded) {
            resource->spec = std::move(*upgraded);
        } else {
            log_error("registry", "{} \"{}\" cannot be upgraded: {}", resource->kind, resource->name,
                      upgraded.error().text());
        }
    }
    // Fields that are new since it was stored get their defaults.
    if (auto canonical = kind->normalize(resource->spec)) {
        resource->spec = std::move(*canonical);
    } else {
        log_error("registry", "{} \"{}\" is stored but not right: {}", resource->kind, resource->name,
                  canonical.error().text());
    }
    const Key key{resource->tenant, resource->kind, resource->name};
    const auto names = make_staging().names_of(*kind, key.tenant, resource->spec);
    state_.set(key, std::move(resource), {}, names);
}

Result<void> RegistryImpl::load_tenants() {
    std::map<std::string, std::string> names;
    if (const auto group = state_.groups.find({kDefaultTenantId, "tenant"}); group != state_.groups.end()) {
        for (const auto& [name, resource] : group->second) names[resource->uid] = name;
    }
    return database_->read({"select id, uid from tenants", {}}, [&](const Row& row) {
        const TenantId id{static_cast<std::uint32_t>(row.integer(0))};
        state_.tenant_last = std::max(state_.tenant_last, id.value);
        if (const auto name = names.find(row.text(1)); name != names.end()) state_.tenants[id] = name->second;
    });
}

Result<void> RegistryImpl::make_default_tenant() {
    Staging staging = make_staging();
    const Actor system{kDefaultTenantId, std::string(kDefaultTenant), "system", Role::admin, ""};
    TRY(staging.put(system, *kind("tenant"), kDefaultTenant, Json{{"title", ""}}, 0));
    return commit(staging);
}

void RegistryImpl::set_may_sign_in(std::function<bool(const std::string&)> may_sign_in) {
    const std::lock_guard lock(changer_);
    may_sign_in_ = std::move(may_sign_in);
}

void RegistryImpl::set_last_check(LastCheck check) {
    const std::lock_guard lock(changer_);
    last_check_ = std::move(check);
}

Staging RegistryImpl::make_staging() const {
    return Staging({state_, kinds_, options_, seal_key_, audit_last_, clock_.now(), may_sign_in_, last_check_});
}

Result<const Kind*> RegistryImpl::known_kind(std::string_view name) const {
    if (const Kind* found = kinds_.find(name)) return found;
    std::vector<std::string> names;
    for (const Kind* kind : kinds_.all()) names.push_back(kind->name);
    const std::string near = nearest(name, names);
    return Error{Code::not_found, "there is no kind \"{}\"{}", name,
                 near.empty() ? "" : "; did you mean \"" + near + "\"?"};
}

ResourcePtr RegistryImpl::find(TenantId tenant, std::string_view kind_name, std::string_view name) const {
    const Kind* of = kind(kind_name);
    if (!of) return nullptr;
    const std::shared_lock lock(state_mutex_);
    return state_.find({tenant, of->name, std::string(name)});
}

Result<Resource> RegistryImpl::get(TenantId tenant, std::string_view kind_name, std::string_view name) const {
    const Kind* of = TRY(known_kind(kind_name));
    if (const auto found = find(tenant, of->name, name)) return *found;
    std::vector<std::string> names;
    for (const auto& resource : list_shared(tenant, of->name)) {
        if (names.size() < 5'000) names.push_back(resource->name);
    }
    const std::string near = nearest(name, names);
    return Error{Code::not_found, "there is no {} \"{}\"{}", of->name, name,
                 near.empty() ? "" : "; did you mean \"" + near + "\"?"};
}

std::vector<ResourcePtr> RegistryImpl::list_shared(TenantId tenant, std::string_view kind_name) const {
    std::vector<ResourcePtr> out;
    const Kind* of = kind(kind_name);
    if (!of) return out;
    const std::shared_lock lock(state_mutex_);
    const auto group = state_.groups.find({tenant, of->name});
    if (group == state_.groups.end()) return out;
    out.reserve(group->second.size());
    for (const auto& [name, resource] : group->second) out.push_back(resource);
    return out;
}

std::vector<Resource> RegistryImpl::list(TenantId tenant, std::string_view kind_name) const {
    std::vector<Resource> out;
    for (const auto& resource : list_shared(tenant, kind_name)) out.push_back(*resource);
    return out;
}

std::optional<TenantId> RegistryImpl::tenant_id(std::string_view name) const {
    const std::shared_lock lock(state_mutex_);
    for (const auto& [id, of] : state_.tenants) {
        if (of == name) return id;
    }
    return std::nullopt;
}

std::string RegistryImpl::tenant_name(TenantId tenant) const {
    const std::shared_lock lock(state_mutex_);
    const auto found = state_.tenants.find(tenant);
    return found == state_.tenants.end() ? "" : found->second;
}

std::vector<std::pair<TenantId, std::string>> RegistryImpl::tenants() const {
    const std::shared_lock lock(state_mutex_);
    return {state_.tenants.begin(), state_.tenants.end()};
}

Result<void> RegistryImpl::refuse_inner_change() const {
    if (!t_notifying) return {};
    return Error{Code::conflict,
                 "a subscriber of changes tried to change something itself; it must do so from elsewhere"};
}

Result<Change> RegistryImpl::change(const Actor& actor, std::string_view kind_name, std::string_view name, bool dry_run,
                                    const std::function<Result<Change>(Staging&, const Kind&)>& stage) {
    TRY(refuse_inner_change());
    const Kind* kind = TRY(known_kind(kind_name));
    const std::lock_guard lock(changer_);
    Staging staging = make_staging();
    auto changed = stage(staging, *kind);
    if (!changed) {
        if (changed.error().code() == Code::denied) {
            audit(actor, "refused", kind->name, name, to_text({{"why", changed.error().text()}}), false);
        }
        return changed;
    }
    if (auto refusal = staging.refused_together()) return std::move(refusal->error);
    if (dry_run || staging.staged().statements.empty()) return changed;
    TRY(commit(staging).context("cannot store {} \"{}\"", kind->name, name));
    return changed;
}

Result<void> RegistryImpl::commit(const Staging& staging) {
    TRY(database_->change(staging.staged().statements));
    take_over(staging);
    notify(staging.staged().notices);
    return {};
}

void RegistryImpl::take_over(const Staging& staging) {
    const Staged& staged = staging.staged();
    const std::unique_lock lock(state_mutex_);
    for (const auto& [key, resource] : staged.over) {
        const Kind& of = *kind(key.kind);
        const auto before = state_.find(key);
        state_.set(key, resource, before ? staging.names_of(of, key.tenant, before->spec) : std::vector<Key>{},
                   resource ? staging.names_of(of, key.tenant, resource->spec) : std::vector<Key>{});
    }
    for (const auto& [place, sealed] : staged.sealed) {
        if (sealed) {
            state_.sealed[place] = *sealed;
        } else {
            state_.sealed.erase(place);
        }
    }
    for (const auto& [tenant, name] : staged.tenants) {
        if (name) {
            state_.tenants[tenant] = *name;
        } else {
            state_.tenants.erase(tenant);
        }
    }
    state_.tenant_last = staged.tenant_last;
}

void RegistryImpl::notify(const std::vector<Change>& notices) {
    const std::lock_guard lock(subscribers_mutex_);
    t_notifying = true;
    for (const Change& change : notices) {
        for (const auto& [id, subscriber] : subscribers_) subscriber(change);
    }
    t_notifying = false;
}

Result<Change> RegistryImpl::put(const Actor& actor, std::string_view kind, std::string_view name, const Json& spec,
                                 const PutOptions& options) {
    return change(actor, kind, name, options.dry_run, [&](Staging& staging, const Kind& of) {
        return staging.put(actor, of, name, spec, options.if_match);
    });
}

Result<Change> RegistryImpl::patch(const Actor& actor, std::string_view kind, std::string_view name, const Json& patch,
                                   const PutOptions& options) {
    return change(actor, kind, name, options.dry_run, [&](Staging& staging, const Kind& of) {
        return staging.patch(actor, of, name, patch, options.if_match);
    });
}

Result<Change> RegistryImpl::remove(const Actor& actor, std::string_view kind, std::string_view name,
                                    const PutOptions& options) {
    return change(actor, kind, name, options.dry_run,
                  [&](Staging& staging, const Kind& of) { return staging.remove(actor, of, name, options.if_match); });
}

Result<Change> RegistryImpl::rename(const Actor& actor, std::string_view kind, std::string_view name,
                                    std::string_view new_name) {
    return change(actor, kind, name, false,
                  [&](Staging& staging, const Kind& of) { return staging.rename(actor, of, name, new_name); });
}

Result<std::vector<Revision>> RegistryImpl::revisions(const Actor& actor, std::string_view kind_name,
                                                      std::string_view name) const {
    const Kind* of = TRY(known_kind(kind_name));
    if (actor.role < of->read_role) return Error{Code::denied, "{} may not read {}", actor.who, of->plural};
    const auto tenant = static_cast<std::int64_t>(actor.tenant.value);
    std::string uid;
    if (const auto found = find(actor.tenant, of->name, name)) {
        uid = found->uid;
    } else {
        // A deleted one is found by its last name.
        TRY(database_->read(
            {"select uid from revisions where tenant = :a and kind = :b and name = :c and what = 'deleted'"
             " order by time desc limit 1",
             {tenant, of->name, std::string(name)}},
            [&](const Row& row) { uid = row.text(0); }));
    }
    if (uid.empty()) return Error{Code::not_found, "there is and was no {} \"{}\"", of->name, name};
    std::vector<Revision> out;
    TRY(database_->read(
        {"select revision, time, who, what, spec from revisions where uid = :a order by revision desc", {uid}},
        [&](const Row& row) {
            const std::string spec = row.text(4);
            out.push_back({static_cast<std::uint64_t>(row.integer(0)), row.integer(1), row.text(2), row.text(3),
                           spec.empty() ? Json(nullptr) : parse_stored(spec)});
        }));
    return out;
}

Result<Change> RegistryImpl::rollback(const Actor& actor, std::string_view kind_name, std::string_view name,
                                      std::uint64_t revision) {
    const Kind* of = TRY(known_kind(kind_name));
    const auto all = TRY(revisions(actor, kind_name, name));
    const auto found = std::ranges::find(all, revision, &Revision::revision);
    if (found == all.end())
        return Error{Code::not_found,     "{} \"{}\" has no revision {}, the newest is {}", of->name, name, revision,
                     all.front().revision};
    if (found->spec.is_null())
        return Error{Code::invalid, "revision {} of {} \"{}\" is its deletion; choose an older one", revision, of->name,
                     name};
    Staging::Past past{.last = all.front().revision, .spec = found->spec};
    int schema_version = of->schema_version;
    TRY(database_->read({"select uid, created, schema_version from revisions where tenant = :a and kind = :b and name "
                         "= :c and revision = :d"
                         " order by time desc limit 1",
                         {static_cast<std::int64_t>(actor.tenant.value), of->name, std::string(name),
                          static_cast<std::int64_t>(all.front().revision)}},
                        [&](const Row& row) {
                            past.uid = row.text(0);
                            past.created = row.integer(1);
                        }));
    TRY(database_->read({"select schema_version from revisions where uid = :a and revision = :b",
                         {past.uid, static_cast<std::int64_t>(revision)}},
                        [&](const Row& row) { schema_version = static_cast<int>(row.integer(0)); }));
    if (schema_version < of->schema_version && of->upgrade) past.spec = TRY(of->upgrade(past.spec, schema_version));
    return change(actor, kind_name, name, false,
                  [&](Staging& staging, const Kind& kind) { return staging.roll_back(actor, kind, name, past); });
}

std::vector<std::size_t> RegistryImpl::order_of(const Actor& actor, const std::vector<Wanted>& wishes) const {
    const Staging staging = make_staging();
    std::map<Key, std::size_t> index;
    for (std::size_t i = 0; i < wishes.size(); ++i) {
        if (const Kind* of = kind(wishes[i].kind)) index.try_emplace(Key{actor.tenant, of->name, wishes[i].name}, i);
    }
    enum class Mark : std::uint8_t { fresh, open, done };
    std::vector<Mark> marks(wishes.size(), Mark::fresh);
    std::vector<std::size_t> order;
    // What is named comes first; in a circle the order of the text decides.
    std::function<void(std::size_t)> visit = [&](std::size_t i) {
        if (marks[i] != Mark::fresh) return;
        marks[i] = Mark::open;
        if (const Kind* of = kind(wishes[i].kind)) {
            // A name in a place where none may stand is found by the check later, not here.
            for (const Key& named : staging.names_of(*of, actor.tenant, wishes[i].spec)) {
                if (const auto found = index.find(named); found != index.end()) visit(found->second);
            }
        }
        marks[i] = Mark::done;
        order.push_back(i);
    };
    for (std::size_t i = 0; i < wishes.size(); ++i) visit(i);
    return order;
}

namespace {

// Says it where it belongs; nothing is stored then, whatever else was fine. Whether there was one.
bool refuse_together(const Staging& staging, std::vector<Applied>& out) {
    auto refusal = staging.refused_together();
    if (!refusal || out.empty()) return false;
    for (Applied& applied : out)
        if (applied.kind == refusal->kind && applied.name == refusal->name && applied.change) {
            applied.change = std::move(refusal->error);
            return true;
        }
    out.back().change = std::move(refusal->error);
    return true;
}

}  // namespace

std::vector<Applied> RegistryImpl::apply(const Actor& actor, std::vector<Wanted> wishes, const ApplyOptions& options) {
    std::vector<Applied> out;
    for (Wanted& wish : wishes) out.push_back({wish.kind, wish.name, Error{Code::unavailable, "not tried"}, false});
    auto refuse_all = [&](const Error& error) {
        for (Applied& applied : out) {
            if (applied.change) applied.change = error;
            applied.stored = false;
        }
    };
    if (auto inner = refuse_inner_change(); !inner) {
        for (Applied& applied : out) applied.change = inner.error();
        return out;
    }
    const std::lock_guard lock(changer_);
    Staging staging = make_staging();
    bool refused = false;
    for (const std::size_t i : order_of(actor, wishes)) {
        const Wanted& wish = wishes[i];
        const auto known = known_kind(wish.kind);
        out[i].change =
            known ? staging.put(actor, **known, wish.name, wish.spec, std::nullopt) : Result<Change>(known.error());
        if (known) out[i].kind = (*known)->name;
        refused = refused || !out[i].change;
        if (!out[i].change && out[i].change.error().code() == Code::denied) {
            audit(actor, "refused", wish.kind, wish.name, to_text({{"why", out[i].change.error().text()}}), false);
        }
    }
    if (refuse_together(staging, out)) return out;
    if (options.dry_run || (refused && options.all_or_nothing)) return out;
    if (!staging.staged().statements.empty()) {
        if (auto stored = commit(staging); !stored) {
            refuse_all(stored.error());
            return out;
        }
    }
    for (Applied& applied : out) applied.stored = applied.change.has_value();
    return out;
}

namespace {

Result<Change> stage_one(Staging& staging, const Actor& actor, const Kind& kind, const BulkWish& wish) {
    switch (wish.what) {
        case BulkWish::What::put:
            return staging.put(actor, kind, wish.name, wish.spec, wish.if_match);
        case BulkWish::What::remove:
            return staging.remove(actor, kind, wish.name, wish.if_match);
        case BulkWish::What::rename:
            break;
    }
    const auto current = staging.find(actor.tenant, kind.name, wish.name);
    if (wish.if_match && current && current->revision != *wish.if_match) {
        return Error{Code::conflict,    "{} \"{}\" is at revision {}, but {} was expected; read it again",
                     kind.name,         wish.name,
                     current->revision, *wish.if_match};
    }
    return staging.rename(actor, kind, wish.name, wish.new_name);
}

}  // namespace

std::vector<Applied> RegistryImpl::change_all(const Actor& actor, const std::vector<BulkWish>& wishes, bool dry_run) {
    std::vector<Applied> out;
    if (auto inner = refuse_inner_change(); !inner) {
        for (const BulkWish& wish : wishes) out.push_back({wish.kind, wish.name, inner.error(), false});
        return out;
    }
    const std::lock_guard lock(changer_);
    Staging staging = make_staging();
    bool refused = false;
    for (const BulkWish& wish : wishes) {
        const auto known = known_kind(wish.kind);
        auto change = known ? stage_one(staging, actor, **known, wish) : Result<Change>(known.error());
        if (!change) {
            refused = true;
            if (change.error().code() == Code::denied)
                audit(actor, "refused", wish.kind, wish.name, to_text({{"why", change.error().text()}}), false);
        }
        out.push_back({known ? (*known)->name : wish.kind, wish.name, std::move(change), false});
    }
    refused = refuse_together(staging, out) || refused;
    if (dry_run || refused) return out;
    if (!staging.staged().statements.empty()) {
        if (auto stored = commit(staging); !stored) {
            for (Applied& applied : out) applied.change = stored.error();
            return out;
        }
    }
    for (Applied& applied : out) applied.stored = true;
    return out;
}

std::vector<Applied> change_all(Registry& registry, const Actor& actor, const std::vector<BulkWish>& wishes,
                                bool dry_run) {
    auto* const own = dynamic_cast<RegistryImpl*>(&registry);
    ASSERT(own);
    return own->change_all(actor, wishes, dry_run);
}

Result<std::string> RegistryImpl::secret(TenantId tenant, std::string_view kind_name, std::string_view name,
                                         std::string_view field) const {
    const auto found = find(tenant, kind_name, name);
    if (!found) return Error{Code::not_found, "there is no {} \"{}\"", kind_name, name};
    std::string sealed;
    {
        const std::shared_lock lock(state_mutex_);
        const auto place = state_.sealed.find({found->uid, std::string(field)});
        if (place == state_.sealed.end())
            return Error{Code::not_found, "{} \"{}\" has no secret \"{}\" set", kind_name, name, field};
        sealed = place->second;
    }
    const Buffer bytes = TRY(io::from_base64(sealed));
    const Buffer plain = TRY(io::open_sealed(seal_key_, bytes, found->uid + "/" + std::string(field))
                                 .context("{} of {} \"{}\"", field, kind_name, name));
    return std::string(as_text(plain));
}

std::uint64_t RegistryImpl::subscribe(std::function<void(const Change&)> on_change) {
    const std::lock_guard lock(subscribers_mutex_);
    subscribers_[++subscriber_last_] = std::move(on_change);
    return subscriber_last_;
}

void RegistryImpl::unsubscribe(std::uint64_t subscription) {
    const std::lock_guard lock(subscribers_mutex_);
    subscribers_.erase(subscription);
}

Statement RegistryImpl::audit_of(const Actor& actor, std::string_view action, std::string_view kind,
                                 std::string_view name, std::string_view detail) {
    return audit_statement(++audit_last_, clock_.now(), actor, action, kind, name, detail, true);
}

void RegistryImpl::audit(const Actor& actor, std::string_view action, std::string_view kind, std::string_view name,
                         std::string_view detail_json, bool allowed) {
    Statement statement = audit_statement(++audit_last_, clock_.now(), actor, action, kind, name, detail_json, allowed);
    if (allowed) {
        if (auto stored = database_->change({std::move(statement)}); !stored) {
            log_error("registry", "{} by {} has no audit record: {}", action, actor.who, stored.error().text());
        }
        return;
    }
    const std::lock_guard lock(refusals_mutex_);
    if (refusals_.size() >= kRefusalsMax) {
        ++refusals_dropped_;
    } else {
        refusals_.push_back(std::move(statement));
    }
}

Result<void> RegistryImpl::flush_audit() const {
    std::vector<Statement> statements;
    std::uint64_t dropped = 0;
    {
        const std::lock_guard lock(refusals_mutex_);
        statements.assign(refusals_.begin(), refusals_.end());
        refusals_.clear();
        dropped = std::exchange(refusals_dropped_, 0);
    }
    if (statements.empty()) return {};
    if (dropped > 0) {
        const Actor system{kDefaultTenantId, std::string(kDefaultTenant), "system", Role::admin, ""};
        statements.push_back(audit_statement(++audit_last_, clock_.now(), system, "refusals_not_recorded", "", "",
                                             fmt::format("{{\"count\":{}}}", dropped), true));
    }
    return database_->change(statements);
}

void RegistryImpl::tidy_audit() {
    if (auto flushed = flush_audit(); !flushed)
        log_error("registry", "audit records are lost: {}", flushed.error().text());
    const std::uint64_t last = audit_last_;
    if (last <= options_.audit_records_max) return;
    const auto keep_from = static_cast<std::int64_t>(last - options_.audit_records_max);
    bool any = false;
    if (!database_->read({"select id from audit where id <= :a limit 1", {keep_from}},
                         [&](const Row&) { any = true; }) ||
        !any)
        return;
    if (auto removed = database_->change({{"delete from audit where id <= :a", {keep_from}}}); !removed) {
        log_error("registry", "old audit records stay: {}", removed.error().text());
    }
}

Result<std::vector<AuditRecord>> RegistryImpl::audit_records(TenantId tenant, TimeNs from, TimeNs to,
                                                             std::size_t records_max) const {
    if (read_only().empty()) TRY(flush_audit());
    return read_audit("tenant = :a and time >= :b and time < :c order by time desc, id desc limit :d",
                      {static_cast<std::int64_t>(tenant.value), from, to, static_cast<std::int64_t>(records_max)});
}

Result<std::vector<AuditRecord>> RegistryImpl::audit_on_its_way(TenantId tenant, std::size_t records_max) const {
    return read_audit("tenant = :a and ledger is null order by id limit :b",
                      {static_cast<std::int64_t>(tenant.value), static_cast<std::int64_t>(records_max)});
}

Result<std::vector<AuditRecord>> RegistryImpl::read_audit(std::string_view where, std::vector<Cell> values) const {
    std::vector<AuditRecord> out;
    TRY(database_->read({fmt::format("select id, time, tenant, who, source, action, kind, name, detail, allowed from "
                                     "audit where {}",
                                     where),
                         std::move(values)},
                        [&](const Row& row) {
                            AuditRecord& record = out.emplace_back();
                            record.id = static_cast<std::uint64_t>(row.integer(0));
                            record.time = row.integer(1);
                            record.tenant = TenantId{static_cast<std::uint32_t>(row.integer(2))};
                            record.who = row.text(3);
                            record.from = row.text(4);
                            record.action = row.text(5);
                            record.kind = row.text(6);
                            record.name = row.text(7);
                            record.detail = row.text(8);
                            record.allowed = row.integer(9) != 0;
                        }));
    return out;
}

}  // namespace gongshu::registry
