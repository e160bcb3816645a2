#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data/ids.h"
#include "io/files.h"
#include "registry/json.h"

namespace gongshu::registry {

// config: PUT, revisions, rollback. case and fact come with the business wings; the machinery knows them already.
enum class KindClass : std::uint8_t { config, case_, fact };

// What a person or a token may do; each includes the ones before.
enum class Role : std::uint8_t { none, viewer, operator_, engineer, admin };
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view name);

class ResourceReader;

// One place in a spec that names another resource.
struct Reference {
    std::string path;  // "properties[3].of"
    std::string kind;  // plural of the kind it names
    std::string name;
};

// A kind of resource, declared once: from it come validation, REST, OpenAPI, YAML, UI form, permission, audit, diff.
// Made from a described struct by make_kind() of registry/kind_of.h.
struct Kind {
    std::string name;    // "device_type"
    std::string plural;  // "device_types", the word in addresses
    KindClass kind_class = KindClass::config;
    std::string title_zh, title_en;
    std::string about_zh, about_en;  // one sentence: what it is for
    bool of_system = false;          // belongs to no tenant (tenant itself)
    Role read_role = Role::viewer;
    Role write_role = Role::engineer;
    bool path_names = false;  // names may hold slashes: site/area/line/device
    int schema_version = 1;
    // JSON Schema 2020-12 of the spec with UI hints (x-title-zh, x-title-en, x-help-zh, x-help-en, x-unit, x-secret,
    // x-level, x-ref = kind it names, x-widget, x-order).
    Json schema;
    // Checks a spec, fills defaults, gives the canonical form. Errors are Code::invalid and begin with the path of the
    // field ("properties[3].address: …").
    std::function<Result<Json>(const Json& spec)> normalize;
    // Checks against other resources (named ones exist, addresses unique). May be empty.
    std::function<Result<void>(const ResourceReader&, TenantId, std::string_view name, const Json& spec)> check;
    // The resources that a canonical spec names, and the same spec after one of them got another name. May be empty.
    std::function<std::vector<Reference>(const Json& spec)> references;
    std::function<Json(const Json& spec, std::string_view plural, std::string_view name, std::string_view new_name)>
        renamed;
    // A spec stored under an older schema version as one of the present version. May be empty.
    std::function<Result<Json>(Json spec, int schema_version)> upgrade;
    std::vector<std::string> secret_fields;  // names of spec fields that are sealed and never read back
};

struct Resource {
    TenantId tenant;
    std::string kind;
    std::string name;
    std::string uid;  // 26 characters, for ever; a renamed resource keeps it
    std::uint64_t revision = 0;
    TimeNs created = 0, updated = 0;
    std::string by;
    Json spec;  // secrets replaced by {"secret":true} when set
};

// Who acts. Nothing is changed without one.
struct Actor {
    TenantId tenant;
    std::string tenant_name;
    std::string who;  // "user:li", "token:grafana", "system"
    Role role = Role::none;
    std::string from;  // address of the caller, "" for the system itself
    // The case that approved it ("CA-12"): approval policies let it through. Set by src/case alone.
    std::string approval = {};
};

struct Difference {
    std::string path;    // "properties[3].unit"
    Json before, after;  // null = was not / is no longer there
};

struct Change {
    enum class What : std::uint8_t { created, updated, deleted, unchanged } what = What::unchanged;
    Resource resource;
    std::vector<Difference> differences;
};

struct Revision {
    std::uint64_t revision = 0;
    TimeNs time = 0;
    std::string by;
    std::string what;  // created, updated, deleted, renamed, rolled_back
    Json spec;
};

struct AuditRecord {
    std::uint64_t id = 0;
    TimeNs time = 0;
    TenantId tenant;
    std::string who, from, action, kind, name, detail;  // detail: JSON of differences, no secrets
    bool allowed = true;
};

struct PutOptions {
    std::optional<std::uint64_t> if_match;  // Code::conflict unless it is the current revision; 0 = must not exist yet
    bool dry_run = false;                   // all checks, nothing stored
};

// One wish of apply().
struct Wanted {
    std::string kind, name;
    Json spec;
};

struct ApplyOptions {
    bool dry_run = false;
    bool all_or_nothing = false;  // one refused document: nothing is stored, and the others say so in `stored`
};

// What became of one wish, in the order of the wishes.
struct Applied {
    std::string kind, name;
    Result<Change> change;
    bool stored = false;
};

struct RegistryOptions {
    std::string folder;                       // registry.db lies here; locked for this process
    std::string key_folder;                   // secret key, 0600, outside of the data folder by default
    std::uint32_t resources_max = 1'000'000;  // per tenant
    std::uint64_t spec_bytes_max = 1 << 20;
    std::uint64_t audit_records_max = 2'000'000;  // of all tenants; the oldest are removed
};

// The reading half of the registry: what checks, connectors and pages need. Any thread.
class ResourceReader {
public:
    virtual ~ResourceReader() = default;
    virtual const Kind* kind(std::string_view name_or_plural) const = 0;
    virtual std::vector<const Kind*> kinds() const = 0;
    // Null if there is none. Cheap: nothing is copied; the resource never changes, a newer one replaces it.
    virtual std::shared_ptr<const Resource> find(TenantId tenant, std::string_view kind,
                                                 std::string_view name) const = 0;
    // Code::not_found names the nearest name there is.
    virtual Result<Resource> get(TenantId tenant, std::string_view kind, std::string_view name) const = 0;
    // Sorted by name.
    virtual std::vector<Resource> list(TenantId tenant, std::string_view kind) const = 0;
    virtual std::vector<std::shared_ptr<const Resource>> list_shared(TenantId tenant, std::string_view kind) const = 0;

    virtual std::optional<TenantId> tenant_id(std::string_view tenant_name) const = 0;
    virtual std::string tenant_name(TenantId tenant) const = 0;  // "" if there is none
    virtual std::vector<std::pair<TenantId, std::string>> tenants() const = 0;
};

// Registry holds everything that people configure, in memory for reading and in SQLite for good.
// Lives:   one per process, before everything that uses a resource.
// Threads: any. Reads take a snapshot; a change blocks for a disk sync (not from a lane).
// Bounds:  RegistryOptions; each refusal names the limit.
// Disk:    registry.db (SQLite); schema in src/registry/migrations.cpp.
// Resources of a kind `of_system` are seen and changed through the tenant "default" alone.
class Registry : public ResourceReader {
public:
    static Result<std::unique_ptr<Registry>> create(io::Files& files, const Clock& clock, RegistryOptions options);

    // Before load(): the kinds of registry itself are there already, others add theirs.
    virtual void add_kind(Kind kind) = 0;
    // Reads all resources, upgrading old schema versions; makes the tenant "default" on the first start.
    virtual Result<void> load() = 0;

    // What the rest of the program has against a resource that is about to be stored, given by whoever wires it
    // together; asked after all other checks, in dry runs too, with what is there before it. It must not change anything.
    using LastCheck = std::function<Result<void>(const ResourceReader& before, const Resource& next)>;
    virtual void set_last_check(LastCheck check) = 0;

    virtual Result<Change> put(const Actor& actor, std::string_view kind, std::string_view name, const Json& spec,
                               const PutOptions& options = {}) = 0;
    // RFC 7396 merge patch.
    virtual Result<Change> patch(const Actor& actor, std::string_view kind, std::string_view name, const Json& patch,
                                 const PutOptions& options = {}) = 0;
    virtual Result<Change> remove(const Actor& actor, std::string_view kind, std::string_view name,
                                  const PutOptions& options = {}) = 0;
    // Newest first; of a deleted resource too, by its last name. rollback() brings such a one back with its uid.
    virtual Result<std::vector<Revision>> revisions(const Actor& actor, std::string_view kind,
                                                    std::string_view name) const = 0;
    virtual Result<Change> rollback(const Actor& actor, std::string_view kind, std::string_view name,
                                    std::uint64_t revision) = 0;
    // Resources that name it are changed with it, in the same transaction.
    virtual Result<Change> rename(const Actor& actor, std::string_view kind, std::string_view name,
                                  std::string_view new_name) = 0;

    // Several wishes, ordered by what names what, in one transaction and with one disk sync. A wish sees those before
    // it, in a dry run too.
    virtual std::vector<Applied> apply(const Actor& actor, std::vector<Wanted> wishes,
                                       const ApplyOptions& options = {}) = 0;

    // The plain value of a secret field, for the part of the program that needs it; nobody else.
    virtual Result<std::string> secret(TenantId tenant, std::string_view kind, std::string_view name,
                                       std::string_view field) const = 0;

    // Called after each change is durable, in the order of the changes, on the thread that made it: keep it short, post
    // elsewhere. A rename comes as deleted (old name) and created (new name, same uid). Reading is fine inside; a
    // change from inside is refused with Code::conflict. `unsubscribe` with the returned number, not from inside; it
    // waits for a running call.
    virtual std::uint64_t subscribe(std::function<void(const Change&)> on_change) = 0;
    virtual void unsubscribe(std::uint64_t subscription) = 0;

    // What was allowed is durable on return; refusals are kept in memory for up to a minute (Auth::tidy()) and 1000 at
    // most, so that nobody can keep the disk busy with them.
    virtual void audit(const Actor& actor, std::string_view action, std::string_view kind, std::string_view name,
                       std::string_view detail_json, bool allowed) = 0;
    // The newest first; from <= time < to.
    virtual Result<std::vector<AuditRecord>> audit_records(TenantId tenant, TimeNs from, TimeNs to,
                                                           std::size_t records_max) const = 0;

    // A copy of registry.db for a backup, at `path`, which must not be there yet; synced when it returns. Secrets in it are
    // sealed with the key folder's key, which is not in it.
    virtual Result<void> copy_to(const std::string& path) const = 0;
    // Of registry.db on disk.
    virtual Result<std::uint64_t> bytes() const = 0;

    // Why nothing can be changed any more (a failed sync), or empty.
    virtual std::string read_only() const = 0;
};

// The spec of a resource as its struct. Defined in registry/kind_of.h and instantiated in the .cpp of the kind alone.
template <class Spec>
Result<Spec> spec_of(const Resource& resource);

}  // namespace gongshu::registry
