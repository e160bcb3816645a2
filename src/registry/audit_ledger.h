#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ledger/ledger.h"
#include "registry/registry.h"

namespace gongshu::registry {

// The folder of a tenant's ledger beneath the folder of all.
std::string ledger_folder(const std::string& folder, TenantId tenant);

class RegistryImpl;

// One ledger for each tenant, and every audit record in the ledger of its tenant: in the order in which they were
// stored, each once, also when the power goes in between.
// Lives:   after the registry is loaded; destroyed before it.
// Threads: any. feed() runs once at a time, another call then answers 0 at once.
// Bounds:  kRecordsMax records a turn are on their way.
// Disk:    folder/<tenant number, hexadecimal>/ as in docs/format/ledger.md; the column `ledger` of the table audit.
class AuditLedger {
public:
    static constexpr std::size_t kRecordsMax = 1'000;

    // `files` and `clock` outlive it.
    static Result<std::unique_ptr<AuditLedger>> create(Registry& registry, io::Files& files, const Clock& clock,
                                                       std::string folder);

    // Appends all records that are in no ledger yet; how many. Blocks for syncs: not from a lane. What could not be
    // done is left for the next turn; of several errors the last is told, and all are in problems().
    Result<std::uint64_t> feed();
    // The tenant's ledger, begun with its first record; lives as long as this.
    Result<ledger::Ledger*> of(TenantId tenant);
    // Numbers of the entries of audit records, by id, from the first id to the last; those on their way are left out.
    Result<std::map<std::uint64_t, std::uint64_t>> entries_of(TenantId tenant, std::uint64_t first,
                                                              std::uint64_t last) const;
    // Why a ledger takes nothing, by tenant; empty when all is well.
    std::map<TenantId, std::string> problems() const;
    // Every file of every ledger, for a backup; `name` begins with the tenant's folder. Before the registry is copied:
    // what the ledgers have more than the registry would be taken for other records. The files of one that could not be
    // opened are given as they lie; for each of those a sentence that says so.
    Result<std::vector<std::string>> each_file(const ledger::Ledger::OnFile& on_file);

private:
    struct Open {
        std::unique_ptr<ledger::Ledger> ledger;
        // Audit id to entry, of the last entries at the start: the power may have gone before the table knew of them.
        std::map<std::uint64_t, std::uint64_t> newest;
    };

    AuditLedger(RegistryImpl& registry, io::Files& files, const Clock& clock, std::string folder);
    Result<Open*> open(TenantId tenant);
    Result<std::uint64_t> feed(TenantId tenant);
    Result<void> recall(Open& open, TenantId tenant) const;
    Result<std::vector<TenantId>> waiting() const;

    // Constant after construction.
    RegistryImpl& registry_;
    io::Files& files_;
    const Clock& clock_;
    const std::string folder_;
    const io::SigningKey key_;  // follows from registry.key of the folder of keys

    std::mutex feeding_;
    mutable std::mutex mutex_;  // of the maps alone; ledgers have their own
    std::map<TenantId, std::unique_ptr<Open>> open_;
    std::map<TenantId, std::string> problems_;
};

// The body of the entry of an audit record.
std::string audit_body(const AuditRecord& record);

struct LedgersReport {
    std::uint64_t ledgers = 0, entries = 0, heads = 0, records = 0;
    std::vector<std::string> problems;
};
// verify_ledger() of each ledger beneath `folder`, and each audit record of the registry against the entry that it
// names, so that who edits the table is found; nobody may have either open. Changes nothing.
LedgersReport verify_ledgers(io::Files& files, const RegistryOptions& options, const std::string& folder);

}  // namespace gongshu::registry
