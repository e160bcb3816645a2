#include "registry/verify.h"

#include <boost/json.hpp>
#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "base/checksum.h"
#include "io/crypto.h"
#include "registry/audit_ledger.h"
#include "registry/blob_table.h"
#include "registry/page_sums.h"
#include "registry/registry_impl.h"
#include "registry/tables.h"

namespace gongshu::registry {

namespace {

constexpr std::size_t kProblemsMax = 1'000;
constexpr std::uint64_t kWalBytesMax = std::uint64_t{4} << 30;

std::uint32_t big_endian(Bytes bytes, std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
           bytes[at + 3];
}

// The running checksum of SQLite's write-ahead log (https://sqlite.org/fileformat2.html#wal_file_format).
struct WalSum {
    bool is_big_endian = false;
    std::uint32_t first = 0, second = 0;

    void add(Bytes bytes) {
        for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
            first += word(bytes, at) + second;
            second += word(bytes, at + 4) + first;
        }
    }
    bool stands_at(Bytes bytes, std::size_t at) const {
        return big_endian(bytes, at) == first && big_endian(bytes, at + 4) == second;
    }

private:
    std::uint32_t word(Bytes bytes, std::size_t at) const {
        const std::uint32_t big = big_endian(bytes, at);
        return is_big_endian ? big : __builtin_bswap32(big);
    }
};

// SQLite takes a write-ahead log up to its first bad frame and says nothing of the rest. What is wrong with it; empty
// if nothing is.
// `blocks` gets those of the database that stand in it anew.
std::string wal_problem(Bytes wal, std::set<std::uint64_t>& blocks) {
    constexpr std::size_t kHeader = 32, kFrameHeader = 24;
    if (wal.size() < kHeader) return wal.empty() ? "" : "is shorter than its header";
    const std::uint32_t magic = big_endian(wal, 0), page = big_endian(wal, 8);
    WalSum sum{.is_big_endian = (magic & 1) != 0};
    sum.add(wal.first(24));
    if ((magic & ~1u) != 0x377f0682 || page < 512 || page > 65536 || !sum.stands_at(wal, 24))
        return "byte 0: the header is damaged, so the next start would drop every change in it";
    const std::size_t frame_bytes = kFrameHeader + page;
    const auto same_run = [&](std::size_t at) { return std::memcmp(&wal[at + 8], &wal[16], 8) == 0; };
    for (std::size_t at = kHeader; at + frame_bytes <= wal.size(); at += frame_bytes) {
        if (!same_run(at)) return "";  // left from an earlier run: the log ends here
        sum.add(wal.subspan(at, 8));
        sum.add(wal.subspan(at + kFrameHeader, page));
        if (sum.stands_at(wal, at + 16)) {
            const std::uint64_t from = (std::uint64_t{big_endian(wal, at)} - 1) * page;
            for (std::uint64_t block = from / PageSums::kBlock; block * PageSums::kBlock < from + page; ++block)
                blocks.insert(block);
            continue;
        }
        return fmt::format(
            "byte {}: the frame is damaged, so the next start would drop it and what follows; nothing that was "
            "acknowledged is in it if the machine went down while it was being written",
            at);
    }
    return "";
}

// One check. Lives for one call.
class Check {
public:
    Check(io::Files& files, const RegistryOptions& options, std::vector<Kind> kinds)
        : files_(files), path_(options.folder + "/registry.db"), key_folder_(options.key_folder) {
        for (Kind& kind : kinds) kinds_.add(std::move(kind));
    }

    RegistryReport run() && {
        if (const auto done = run_all(); !done) problem("", done.error().text());
        return std::move(report_);
    }

private:
    Result<void> run_all() {
        if (!TRY(files_.exists(path_))) return Error{Code::not_found, "is missing"};
        if (TRY(files_.exists(path_ + "-wal"))) {
            const auto wal = io::read_whole(files_, path_ + "-wal", kWalBytesMax);
            const std::string what = wal ? wal_problem(*wal, newer_) : wal.error().text();
            if (!what.empty()) report_.problems.push_back(path_ + "-wal: " + what);
        }
        check_blocks();
        auto tables = TRY(Tables::open(files_, path_));
        if (auto checked = tables->each("pragma integrity_check",
                                        [&](const Tables& row) {
                                            if (row.text(0) != "ok") problem("", row.text(0));
                                        });
            !checked)
            problem("", checked.error().text());
        // The contents as far as they can be read; where SQLite stops is told.
        note("resources", read_resources(*tables));
        note("revisions", read_revisions(*tables));
        note("secrets", read_secrets(*tables));
        return {};
    }

    // What SQLite would take for contents.
    void check_blocks() {
        const auto journal = files_.exists(path_ + "-journal");
        if (journal && *journal) return;  // the next start takes back what is half written
        const auto found = PageSums::damaged(files_, path_, newer_);
        if (!found && found.error().code() != Code::not_found) report_.problems.push_back(found.error().text());
        if (!found) return;
        for (const std::uint64_t block : *found)
            problem(fmt::format("4 KiB at byte {}", block * PageSums::kBlock),
                    "not what was written there, or another program wrote to the file");
    }

    struct Stored {
        std::int64_t revision = 0;
        std::string kind, name, spec;
    };

    Result<void> read_resources(Tables& tables) {
        return tables.each("select uid, kind, name, revision, schema_version, spec from resources",
                           [&](const Tables& row) {
                               ++report_.resources;
                               const Stored one{row.integer(3), row.text(1), row.text(2), row.text(5)};
                               check_spec(fmt::format("{} \"{}\"", one.kind, one.name), one.kind,
                                          static_cast<int>(row.integer(4)), one.spec);
                               resources_[row.text(0)] = one;
                           });
    }

    Result<void> read_revisions(Tables& tables) {
        std::map<std::string, std::int64_t> newest;
        TRY(tables.each(
            "select uid, revision, kind, name, schema_version, what, spec from revisions", [&](const Tables& row) {
                ++report_.revisions;
                const std::int64_t revision = row.integer(1);
                const std::string place = fmt::format("revision {} of {} \"{}\"", revision, row.text(2), row.text(3));
                auto& last = newest[row.text(0)];
                last = std::max(last, revision);
                if (row.text(5) == "deleted") return;
                check_spec(place, row.text(2), static_cast<int>(row.integer(4)), row.text(6));
                const auto now = resources_.find(row.text(0));
                if (now != resources_.end() && now->second.revision == revision &&
                    (now->second.spec != row.text(6) || now->second.name != row.text(3)))
                    problem(place, "is not what the resource itself holds; one of the two is damaged");
            }));
        for (const auto& [uid, one] : resources_) {
            const auto last = newest.find(uid);
            if (last == newest.end() || last->second != one.revision)
                problem(fmt::format("{} \"{}\"", one.kind, one.name),
                        fmt::format("has revision {}, but the newest kept one is {}", one.revision,
                                    last == newest.end() ? 0 : last->second));
        }
        return {};
    }

    void check_spec(const std::string& place, const std::string& kind_name, int schema_version,
                    const std::string& text) {
        const Kind* const kind = kinds_.find(kind_name);
        if (!kind) return problem(place, "this program does not know the kind");
        auto spec = parse_json(text);
        if (spec && schema_version < kind->schema_version && kind->upgrade)
            spec = kind->upgrade(std::move(*spec), schema_version);
        if (!spec) return problem(place, spec.error().text());
        if (const auto right = kind->normalize(*spec); !right) problem(place, right.error().text());
    }

    Result<void> read_secrets(Tables& tables) {
        const auto key = stored_key(files_, key_folder_);
        if (!key) {
            report_.problems.push_back(key.error().text());
            return {};
        }
        std::string fingerprint;
        TRY(tables.each("select value from meta where name = 'key'",
                        [&](const Tables& row) { fingerprint = row.text(0); }));
        if (!fingerprint.empty() && fingerprint != key_fingerprint(*key)) {
            report_.problems.push_back(key_folder_ +
                                       "/registry.key: not the key that registry.db was made with; put back the right "
                                       "one");
            return {};
        }
        return tables.each("select uid, field, sealed from secrets", [&](const Tables& row) {
            ++report_.secrets;
            const std::string place = fmt::format("secret {} of {}", row.text(1), row.text(0));
            const auto bytes = io::from_base64(row.text(2));
            const auto plain = bytes ? io::open_sealed(seal_key_of(*key), *bytes, row.text(0) + "/" + row.text(1))
                                     : Result<Buffer>{bytes.error()};
            if (!plain) problem(place, plain.error().text());
        });
    }

    void note(std::string_view table, const Result<void>& done) {
        if (!done) problem(fmt::format("table {}", table), done.error().text());
    }
    void problem(std::string_view place, std::string_view what) {
        if (report_.problems.size() >= kProblemsMax) return;
        report_.problems.push_back(place.empty() ? fmt::format("{}: {}", path_, what)
                                                 : fmt::format("{}: {}: {}", path_, place, what));
    }

    ReadOnlyFiles files_;
    const std::string path_;
    const std::string key_folder_;
    KindTable kinds_;
    std::set<std::uint64_t> newer_;            // blocks that stand in the write-ahead log
    std::map<std::string, Stored> resources_;  // by uid
    RegistryReport report_;
};

// What the audit table says of an entry of the ledger.
struct AuditRow {
    std::uint64_t id = 0;
    std::uint64_t hash = 0;  // of what the entry must hold
    bool blank = false;      // nothing in it tells of a person
};
using AuditRows = std::map<std::uint64_t, AuditRow>;
// By round: the root that a ledger holds of it, and where.
using Rounds = std::map<TimeNs, std::pair<ledger::Digest, std::string>>;

// A row of the audit table, its columns from id to allowed.
AuditRecord audit_record(const Tables& row) {
    return {.id = static_cast<std::uint64_t>(row.integer(0)),
            .time = row.integer(1),
            .tenant = TenantId{static_cast<std::uint32_t>(row.integer(2))},
            .who = row.text(3),
            .from = row.text(4),
            .action = row.text(5),
            .kind = row.text(6),
            .name = row.text(7),
            .detail = row.text(8),
            .allowed = row.integer(9) != 0};
}

// One check of a ledger: its own bytes, the table of the audit against it, and what it holds of all ledgers together.
// Lives for one call.
class LedgerCheck {
public:
    LedgerCheck(const std::string& folder, const std::string& uid, AuditRows& wanted, Rounds& rounds,
                LedgersReport& report)
        : folder_(folder), uid_(uid), wanted_(wanted), rounds_(rounds), report_(report) {}

    Result<void> run(io::Files& files, const io::PublicKey& key) {
        if (TRY(files.exists(folder_ + "/LEDGER"))) {
            // What cannot be read is told below.
            hash_ = ledger::hash_kind_of(files, folder_).value_or(ledger::HashKind::sha256);
            tree_ = ledger::MerkleTree{hash_};
            const auto found = TRY(
                ledger::verify_ledger(files, folder_, uid_, key, [&](const ledger::Entry& entry) { check(entry); }));
            ++report_.ledgers;
            report_.entries += found.entries;
            report_.heads += found.heads;
            report_.problems.insert(report_.problems.end(), found.problems.begin(), found.problems.end());
        }
        if (!wanted_.empty())
            tell(fmt::format("entry {}, of audit record {}, is missing or damaged", wanted_.begin()->first,
                             wanted_.begin()->second.id));
        return {};
    }

private:
    void tell(const std::string& text) { report_.problems.push_back(fmt::format("{}: {}", folder_, text)); }

    void check(const ledger::Entry& entry) {
        leaves_.push_back(ledger::leaf_hash(hash_, entry.commitment));
        tree_.append(leaves_.back());
        if (entry.kind == kAnchorKind) check_anchor(entry);
        const auto row = wanted_.find(entry.number);
        if (row == wanted_.end()) return;
        if (entry.kind.empty() && !row->second.blank)
            tell(fmt::format("entry {} was redacted, and audit record {} of the registry still tells of it",
                             entry.number, row->second.id));
        if (!entry.kind.empty() && row->second.hash != hash64(as_bytes(entry.body)))
            tell(
                fmt::format("audit record {} of the registry is not what entry {} says", row->second.id, entry.number));
        wanted_.erase(row);
    }

    void check_anchor(const ledger::Entry& entry) {
        const auto anchor = parse_anchor(entry.body);
        if (!anchor) return tell(fmt::format("entry {}: {}", entry.number, anchor.error().text()));
        const auto read = [&](std::uint64_t first, std::span<ledger::Digest> into) -> Result<void> {
            std::copy_n(leaves_.begin() + static_cast<std::ptrdiff_t>(first), into.size(), into.begin());
            return {};
        };
        const auto root = tree_.root_at(anchor->own.size, read);
        if (!root || *root != anchor->own.root || !holds(*anchor, uid_, hash_))
            tell(fmt::format("entry {} anchors another history than the one that is here", entry.number));
        const auto [known, fresh] = rounds_.try_emplace(anchor->round, anchor->root, folder_);
        if (!fresh && known->second.first != anchor->root)
            tell(fmt::format("entry {} and {} hold different roots of the same round: one of them was rewritten",
                             entry.number, known->second.second));
    }

    const std::string& folder_;
    const std::string& uid_;
    AuditRows& wanted_;
    Rounds& rounds_;
    LedgersReport& report_;
    ledger::HashKind hash_ = ledger::HashKind::sha256;
    ledger::MerkleTree tree_{ledger::HashKind::sha256};
    std::vector<ledger::Digest> leaves_;
};

}  // namespace

RegistryReport verify_registry(io::Files& files, const RegistryOptions& options, std::vector<Kind> kinds) {
    for (Kind& kind : own_kinds()) kinds.push_back(std::move(kind));
    return Check{files, options, std::move(kinds)}.run();
}

LedgersReport verify_ledgers(io::Files& files, const RegistryOptions& options, const std::string& folder) {
    LedgersReport report;
    const auto check = [&]() -> Result<void> {
        const io::PublicKey key = ledger_key_of(TRY(stored_key(files, options.key_folder))).public_key();
        ReadOnlyFiles read_only{files};
        const auto tables = TRY(Tables::open(read_only, options.folder + "/registry.db"));
        std::map<TenantId, std::string> uids;
        TRY(tables->each("select id, uid from tenants", [&](const Tables& row) {
            uids[TenantId{static_cast<std::uint32_t>(row.integer(0))}] = row.text(1);
        }));
        // By tenant and entry: what the table says that the entry is.
        std::map<TenantId, AuditRows> records;
        TRY(
            tables->each("select id, time, tenant, who, source, action, kind, name, detail, allowed, ledger from audit "
                         "where ledger is not null",
                         [&](const Tables& row) {
                             const AuditRecord record = audit_record(row);
                             records[record.tenant][static_cast<std::uint64_t>(row.integer(10))] = {
                                 record.id, hash64(as_bytes(audit_body(record))),
                                 (record.who + record.from + record.name + record.detail).empty()};
                             ++report.records;
                         }));
        Rounds rounds;
        for (const auto& [tenant, uid] : uids) {
            const std::string path = ledger_folder(folder, tenant);
            TRY((LedgerCheck{path, uid, records[tenant], rounds, report}.run(files, key)));
        }
        return {};
    };
    if (const auto checked = check(); !checked) report.problems.push_back(checked.error().text());
    return report;
}

Result<StoredBlobs> stored_blobs(io::Files& files, const RegistryOptions& options) {
    ReadOnlyFiles read_only{files};
    const auto tables = TRY(Tables::open(read_only, options.folder + "/registry.db"));
    StoredBlobs stored;
    bool known = false;  // a registry of before files were kept has no such table
    TRY(tables->each("select name from sqlite_master where type = 'table' and name = 'blobs'",
                     [&](const Tables&) { known = true; }));
    if (!known) return stored;
    TRY(tables->each("select tenant, sha256, bytes from blobs", [&](const Tables& row) {
        stored.files[TenantId{static_cast<std::uint32_t>(row.integer(0))}][row.text(1)] =
            static_cast<std::uint64_t>(row.integer(2));
        ++stored.rows;
    }));
    return stored;
}

}  // namespace gongshu::registry
