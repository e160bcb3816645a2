#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/crypto.h"
#include "registry/kinds/point.h"
#include "registry/registry.h"
#include "registry/state.h"

namespace gongshu::registry {

// The kinds there are. Constant after Registry::load().
class KindTable {
public:
    void add(Kind kind);
    const Kind* find(std::string_view name_or_plural) const;
    std::vector<const Kind*> all() const;

private:
    std::vector<std::unique_ptr<const Kind>> kinds_;
};

// What staging takes from the registry. Everything outlives it.
struct StagingDeps {
    const State& state;
    const KindTable& kinds;
    const RegistryOptions& options;
    const io::Digest256& seal_key;
    std::atomic<std::uint64_t>& audit_last;
    TimeNs now;
    // Whether a user (by uid) has a password or a link that still works. Empty: nobody keeps passwords.
    const std::function<bool(const std::string&)>& may_sign_in;
    const Registry::LastCheck& last_check;  // may be empty
};

inline constexpr std::string_view kDefaultTenant = "default";
inline constexpr TenantId kDefaultTenantId{1};

// Staging checks changes one after another and collects what must be stored; nothing happens until the registry commits
// it. Each sees those before it. A refused change leaves nothing behind.
// Lives: for one call of the registry, whose changer lock is held.  Threads: one.
// Bounds: the registry's.  Disk: none.
class Staging final : public ResourceReader {
public:
    explicit Staging(StagingDeps deps);

    Result<Change> put(const Actor& actor, const Kind& kind, std::string_view name, const Json& spec,
                       std::optional<std::uint64_t> if_match);
    Result<Change> patch(const Actor& actor, const Kind& kind, std::string_view name, const Json& patch,
                         std::optional<std::uint64_t> if_match);
    Result<Change> remove(const Actor& actor, const Kind& kind, std::string_view name,
                          std::optional<std::uint64_t> if_match);
    Result<Change> rename(const Actor& actor, const Kind& kind, std::string_view name, std::string_view new_name);
    // `last` is the newest revision there is; the resource may be deleted by now.
    struct Past {
        std::string uid;
        std::uint64_t last = 0;
        TimeNs created = 0;
        Json spec;
    };
    Result<Change> roll_back(const Actor& actor, const Kind& kind, std::string_view name, const Past& past);

    // What can only be said of all changes together: whether devices can still be read after their type or connection
    // changed.
    std::optional<PointRefusal> refused_together() const;

    const Staged& staged() const { return staged_; }
    std::vector<Key> names_of(const Kind& kind, TenantId tenant, const Json& spec) const;

    const Kind* kind(std::string_view name_or_plural) const override { return deps_.kinds.find(name_or_plural); }
    std::vector<const Kind*> kinds() const override { return deps_.kinds.all(); }
    ResourcePtr find(TenantId tenant, std::string_view kind, std::string_view name) const override;
    Result<Resource> get(TenantId tenant, std::string_view kind, std::string_view name) const override;
    std::vector<Resource> list(TenantId tenant, std::string_view kind) const override;
    std::vector<ResourcePtr> list_shared(TenantId tenant, std::string_view kind) const override;
    std::optional<TenantId> tenant_id(std::string_view tenant_name) const override;
    std::string tenant_name(TenantId tenant) const override;
    std::vector<std::pair<TenantId, std::string>> tenants() const override;

private:
    // How a new revision comes to be.
    struct How {
        std::string what;                 // for the table of revisions
        std::optional<Past> revive = {};  // the resource was deleted and comes back with its uid
    };
    using Secrets = std::map<std::string, std::optional<std::string>>;  // field -> sealed, or nothing = removed

    ResourcePtr find(const Key& key) const;
    Result<Key> key_for(const Actor& actor, const Kind& kind, std::string_view name) const;
    Result<Change> put_as(const Actor& actor, const Kind& kind, const Key& key, const Json& spec, const How& how);
    Result<Secrets> take_secrets(const Kind& kind, const std::string& uid, Json& spec,
                                 std::vector<Difference>& changed) const;
    Result<void> check_references(const Kind& kind, const Key& key, const Json& spec) const;
    Result<void> check_device_names(const Resource& next) const;
    std::optional<std::string> first_of(TenantId tenant, const std::string& kind_name, const std::string& begin) const;
    Result<void> check_limit(const Key& key) const;
    Result<void> refuse_if_named(const Kind& kind, const Key& key) const;
    // A site is where its devices are: it does not go, nor move away from them. `doing`: "deleted".
    Result<void> refuse_if_lived_in(const Key& key, std::string_view doing) const;
    // What an approval policy is about is changed by an approved case alone.
    Result<void> refuse_unapproved(const Actor& actor, const Kind& kind, std::string_view name) const;
    std::vector<Key> named_by(const Key& key) const;
    // The tenant keeps somebody who can change users and roles.
    Result<void> keep_an_admin(TenantId tenant, const Key& key, const ResourcePtr& becomes) const;
    // Enabled users of a role of admin without paths; with `signing_in` those alone who can sign in.
    std::size_t admins(TenantId tenant, bool signing_in) const;
    Result<void> before_tenant(const Key& key, bool goes) const;
    void after_tenant(const Actor& actor, const Key& key, const Resource& resource, bool is_new);
    void store(const Actor& actor, const Kind& kind, const Key& key, const Resource& resource, const How& how,
               bool is_new, const std::vector<Difference>& differences);
    void add_audit(const Actor& actor, std::string_view action, const Key& key,
                   const std::vector<Difference>& differences);

    const StagingDeps deps_;
    Staged staged_;
};

Statement audit_statement(std::uint64_t id, TimeNs time, const Actor& actor, std::string_view action,
                          std::string_view kind, std::string_view name, std::string_view detail, bool allowed);

}  // namespace gongshu::registry
