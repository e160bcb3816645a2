#pragma once

#include <deque>
#include <mutex>
#include <shared_mutex>

#include "io/crypto.h"
#include "io/signing.h"
#include "registry/bulk.h"
#include "registry/database.h"
#include "registry/registry.h"
#include "registry/staging.h"
#include "registry/state.h"

namespace gongshu::registry {

// registry.key of a folder of keys, as it was made by the first start.
Result<io::Digest256> stored_key(io::Files& files, const std::string& folder);
std::string key_fingerprint(const io::Digest256& master);  // hexadecimal; stored beside what was sealed
io::Digest256 seal_key_of(const io::Digest256& master);
io::SigningKey ledger_key_of(const io::Digest256& master);
// The kinds of this folder; others add theirs.
std::vector<Kind> own_kinds();

// The one Registry; its contract stands at Registry. Changes: Staging checks, the database stores, then memory follows.
class RegistryImpl final : public Registry {
public:
    RegistryImpl(std::unique_ptr<io::File> folder_lock, std::unique_ptr<Database> database, const Clock& clock,
                 RegistryOptions options, const io::Digest256& master_key);
    ~RegistryImpl() override;

    void add_kind(Kind kind) override;
    Result<void> load() override;
    void set_last_check(LastCheck check) override;

    const Kind* kind(std::string_view name_or_plural) const override { return kinds_.find(name_or_plural); }
    std::vector<const Kind*> kinds() const override { return kinds_.all(); }
    ResourcePtr find(TenantId tenant, std::string_view kind, std::string_view name) const override;
    Result<Resource> get(TenantId tenant, std::string_view kind, std::string_view name) const override;
    std::vector<Resource> list(TenantId tenant, std::string_view kind) const override;
    std::vector<ResourcePtr> list_shared(TenantId tenant, std::string_view kind) const override;
    std::optional<TenantId> tenant_id(std::string_view tenant_name) const override;
    std::string tenant_name(TenantId tenant) const override;
    std::vector<std::pair<TenantId, std::string>> tenants() const override;

    Result<Change> put(const Actor& actor, std::string_view kind, std::string_view name, const Json& spec,
                       const PutOptions& options) override;
    Result<Change> patch(const Actor& actor, std::string_view kind, std::string_view name, const Json& patch,
                         const PutOptions& options) override;
    Result<Change> remove(const Actor& actor, std::string_view kind, std::string_view name,
                          const PutOptions& options) override;
    Result<Change> rename(const Actor& actor, std::string_view kind, std::string_view name,
                          std::string_view new_name) override;
    Result<std::vector<Revision>> revisions(const Actor& actor, std::string_view kind,
                                            std::string_view name) const override;
    Result<Change> rollback(const Actor& actor, std::string_view kind, std::string_view name,
                            std::uint64_t revision) override;
    std::vector<Applied> apply(const Actor& actor, std::vector<Wanted> wishes, const ApplyOptions& options) override;
    // See registry/bulk.h.
    std::vector<Applied> change_all(const Actor& actor, const std::vector<BulkWish>& wishes, bool dry_run);
    Result<std::string> secret(TenantId tenant, std::string_view kind, std::string_view name,
                               std::string_view field) const override;
    std::uint64_t subscribe(std::function<void(const Change&)> on_change) override;
    void unsubscribe(std::uint64_t subscription) override;
    void audit(const Actor& actor, std::string_view action, std::string_view kind, std::string_view name,
               std::string_view detail_json, bool allowed) override;
    Result<std::vector<AuditRecord>> audit_records(TenantId tenant, TimeNs from, TimeNs to,
                                                   std::size_t records_max) const override;
    Result<void> copy_to(const std::string& path) const override { return database_->copy_to(path); }
    Result<std::uint64_t> bytes() const override { return database_->bytes(); }
    std::string read_only() const override { return database_->read_only(); }

    // For Auth, which keeps its own tables in the same file.
    Database& database() { return *database_; }
    const io::Digest256& auth_key() const { return auth_key_; }
    // For AuditLedger.
    const io::SigningKey& ledger_key() const { return ledger_key_; }
    // The oldest audit records of a tenant that are in no ledger yet.
    Result<std::vector<AuditRecord>> audit_on_its_way(TenantId tenant, std::size_t records_max) const;
    // Writes the refusals that wait and removes audit records beyond the limit.
    void tidy_audit();
    // Asked with the uid of a user during a change, so that the last administrator who can come in stays. It must not
    // call the registry. Empty: everybody can.
    void set_may_sign_in(std::function<bool(const std::string&)> may_sign_in);
    // A record of something allowed, to be stored together with what it is about.
    Statement audit_of(const Actor& actor, std::string_view action, std::string_view kind, std::string_view name,
                       std::string_view detail);

private:
    struct Stored;  // one row of the table resources

    Result<const Kind*> known_kind(std::string_view name) const;
    // A reader of what is in memory; hold changer_ or state_mutex_.
    Staging make_staging() const;
    // Runs `stage` on a fresh staging and commits what it staged.
    Result<Change> change(const Actor& actor, std::string_view kind, std::string_view name, bool dry_run,
                          const std::function<Result<Change>(Staging&, const Kind&)>& stage);
    Result<void> refuse_inner_change() const;
    Result<void> commit(const Staging& staging);
    void take_over(const Staging& staging);
    void notify(const std::vector<Change>& notices);
    Result<void> load_tenants();
    Result<void> load_resources();
    void load_resource(const Stored& stored);
    Result<void> make_default_tenant();
    std::vector<std::size_t> order_of(const Actor& actor, const std::vector<Wanted>& wishes) const;
    Result<void> flush_audit() const;
    Result<std::vector<AuditRecord>> read_audit(std::string_view where, std::vector<Cell> values) const;

    // Constant after load().
    const std::unique_ptr<io::File> folder_lock_;
    const std::unique_ptr<Database> database_;
    const Clock& clock_;
    const RegistryOptions options_;
    const io::Digest256 seal_key_, auth_key_;
    const io::SigningKey ledger_key_;
    KindTable kinds_;

    // One change at a time; also held while subscribers are told.
    std::mutex changer_;
    std::function<bool(const std::string&)> may_sign_in_;  // under changer_
    LastCheck last_check_;                                 // under changer_
    mutable std::atomic<std::uint64_t> audit_last_ = 0;
    // Written by the changer alone.
    mutable std::shared_mutex state_mutex_;
    State state_;

    std::mutex subscribers_mutex_;
    std::map<std::uint64_t, std::function<void(const Change&)>> subscribers_;
    std::uint64_t subscriber_last_ = 0;

    mutable std::mutex refusals_mutex_;
    mutable std::deque<Statement> refusals_;
    mutable std::uint64_t refusals_dropped_ = 0;
};

}  // namespace gongshu::registry
