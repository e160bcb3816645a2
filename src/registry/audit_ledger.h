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
    // `hash` is of ledgers that begin from now on.
    static Result<std::unique_ptr<AuditLedger>> create(Registry& registry, io::Files& files, const Clock& clock,
                                                       std::string folder,
                                                       ledger::HashKind hash = ledger::HashKind::sha256);

    // Appends all records that are in no ledger yet; how many. Blocks for syncs: not from a lane. What could not be
    // done is left for the next turn; of several errors the last is told, and all are in problems().
    Result<std::uint64_t> feed();
    // The tenant's ledger, begun with its first record; lives as long as this.
    Result<ledger::Ledger*> of(TenantId tenant);
    // Numbers of the entries of audit records, by id, from the first id to the last; those on their way are left out.
    Result<std::map<std::uint64_t, std::uint64_t>> entries_of(TenantId tenant, std::uint64_t first,
                                                              std::uint64_t last) const;
    // Deletes for good who, from where, the name and the detail of the audit record that is entry `number`, in the
    // ledger and in the table; the place in the tree, the time and the action stay, and a new entry says who deleted it
    // and why. Gives that entry's number. Code::invalid for an entry that is no audit record or a reason that is empty
    // or longer than kReasonBytesMax; Code::conflict if it was done already. Backups of before still have it.
    static constexpr std::size_t kReasonBytesMax = 1'000;
    Result<std::uint64_t> redact(const Actor& actor, std::uint64_t number, const std::string& reason);
    // Writes into each tenant's ledger one root over the heads of all of them, so that who rewrites one must rewrite
    // all; how many took it, 0 when there is but one ledger or nothing came since the last time. Each learns of the
    // others only how many there are. Blocks for syncs.
    Result<std::uint64_t> anchor();
    // Why a ledger takes nothing, by tenant; empty when all is well.
    std::map<TenantId, std::string> problems() const;
    // While it is held, records stay on their way and redactions wait: what is copied of ledgers and registry then fits
    // together. Nobody who writes a record waits for it.
    std::unique_lock<std::mutex> hold() { return std::unique_lock{feeding_}; }
    // Every file of every ledger, for a backup, under hold(); `name` begins with the tenant's folder. The files of one that could not be
    // opened are given as they lie; for each of those a sentence that says so.
    Result<std::vector<std::string>> each_file(const ledger::Ledger::OnFile& on_file);

private:
    struct Open {
        std::unique_ptr<ledger::Ledger> ledger;
        // Audit id to entry, of the last entries at the start: the power may have gone before the table knew of them.
        std::map<std::uint64_t, std::uint64_t> newest;
    };

    AuditLedger(RegistryImpl& registry, io::Files& files, const Clock& clock, std::string folder,
                ledger::HashKind hash);
    Result<Open*> open(TenantId tenant);
    Result<std::uint64_t> feed(TenantId tenant);
    Result<void> recall(Open& open, TenantId tenant) const;
    Result<void> forget_row(TenantId tenant, std::uint64_t entry) const;
    Result<std::vector<TenantId>> waiting() const;

    // Constant after construction.
    RegistryImpl& registry_;
    io::Files& files_;
    const Clock& clock_;
    const std::string folder_;
    const ledger::HashKind hash_;
    const io::SigningKey key_;  // follows from registry.key of the folder of keys

    std::mutex feeding_;
    std::mutex anchoring_;
    std::map<TenantId, std::uint64_t> anchored_;  // size of each ledger after the last round; under anchoring_
    mutable std::mutex mutex_;  // of the maps alone; ledgers have their own
    std::map<TenantId, std::unique_ptr<Open>> open_;
    std::map<TenantId, std::string> problems_;
};

// What anchor() writes: the heads of all ledgers as leaves of a tree of SHA-256 (of head_text, in the order of the
// tenants), its root, and the path of the ledger's own head to it.
constexpr std::string_view kAnchorKind = "ledger.anchor";
struct Anchor {
    TimeNs round = 0;
    std::uint64_t heads = 0, index = 0;  // how many, and which of them is the own one
    ledger::TreeHead own;                // its signature is with the heads that the ledger keeps
    ledger::Digest root{};
    std::vector<ledger::Digest> path;
};
std::string anchor_body(const Anchor& anchor);
Result<Anchor> parse_anchor(std::string_view body);
// Does the own head, of the ledger `name`, lead to the root?
bool holds(const Anchor& anchor, std::string_view name, ledger::HashKind hash);

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
