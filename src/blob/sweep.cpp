// What goes: files that nobody refers to any more, and files that no row names.
#include <set>

#include "base/json_writer.h"
#include "base/log.h"
#include "blob/blobs.h"
#include "io/crypto.h"

namespace gongshu::blob {
namespace {

constexpr std::size_t kPage = 500;
constexpr std::size_t kPieceBytes = 1 << 20;
constexpr std::size_t kProblemsMax = 1'000;
constexpr DurationNs kSweepEvery = kDay;

registry::Actor system_of(TenantId tenant) { return {tenant, "", "system", registry::Role::admin, ""}; }

std::string why_json(const Row& row, std::string_view why) {
    std::string text;
    JsonWriter out{text};
    out.begin_object().key("owner").text(row.owner_kind + ":" + row.owner_name).key("name").text(row.name);
    out.key("sha256").text(row.sha256).key("why").text(why).end_object();
    return text;
}

Result<std::string> hash_of(const io::File& file, std::uint64_t bytes) {
    Buffer piece(std::min<std::uint64_t>(bytes, kPieceBytes));
    io::Sha256 sum;
    for (std::uint64_t at = 0; at < bytes;) {
        const std::span part(piece.data(), std::min<std::uint64_t>(kPieceBytes, bytes - at));
        TRY(file.read_at(at, part));
        sum.add(part);
        at += part.size();
    }
    return to_hex(sum.finish());
}

}  // namespace

// By its uid; that it may have got another name costs a look at all of the kind.
Result<bool> Blobs::is_referred(const Row& row) const {
    if (row.state == kRemoved) return false;
    if (row.owner_kind == kCase) return options_.case_refers ? options_.case_refers(row) : Result<bool>(true);
    const auto same = registry_.find(row.tenant, row.owner_kind, row.owner_name);
    if (same && same->uid == row.owner_uid) return true;
    for (const auto& one : registry_.list_shared(row.tenant, row.owner_kind))
        if (one->uid == row.owner_uid) return true;
    return false;
}

Result<void> Blobs::forget(const Row& row, Swept& swept) {
    const std::lock_guard lock{changer_};
    // Somebody may have referred to it since it was looked at.
    const Row now = TRY(table_.get(row.tenant, row.id));
    if (now.used != row.used || now.state != row.state) return {};
    TRY(table_.forget(system_of(row.tenant), row, "blob.gone", why_json(row, "nobody refers to it any more")));
    if (TRY(table_.has_bytes(row.tenant, row.sha256))) return {};
    sizes_[row.tenant].erase(row.sha256);
    TRY(store_->remove(row.tenant, row.sha256));
    ++swept.files;
    swept.bytes += row.bytes;
    log_info("blob", "{} of {}:{} is gone: nobody referred to it for {} h", row.name, row.owner_kind, row.owner_name,
             options_.grace / kHour);
    return {};
}

Result<void> Blobs::sweep_row(Row row, TimeNs now, Swept& swept) {
    ++swept.looked;
    if (row.state == kHeld && options_.scan) TRY(scan_again(row, swept));
    if (TRY(is_referred(row))) {
        if (row.loose == 0) return {};
        row.loose = 0;
        return table_.mark(row);
    }
    ++swept.loose;
    if (row.loose == 0) {
        row.loose = now;
        return table_.mark(row);
    }
    if (now - row.loose < options_.grace || now - row.used < options_.grace) return {};
    return forget(row, swept);
}

Result<void> Blobs::scan_again(Row row, Swept& swept) {
    const std::string path = store_->path_of(row.tenant, row.sha256);
    const Verdict verdict = options_.scan(path, path + ".scan");
    if (verdict.is == Verdict::Is::unknown) {
        ++swept.held;
        return {};
    }
    const std::lock_guard lock{changer_};
    Row next = TRY(table_.get(row.tenant, row.id));
    if (next.state != kHeld) return {};
    const bool clean = verdict.is == Verdict::Is::clean;
    next.state = clean ? kReady : kRemoved;
    next.note = clean ? "" : verdict.reason;
    if (clean) ++swept.let_through;
    if (!clean) next.loose = clock_.now();
    log_warning("blob", "{} of {}, which was held, is {}: {}", next.name, next.who, clean ? "let through" : "refused",
                verdict.reason);
    return table_.store(system_of(row.tenant), next, clean ? "blob.let_through" : "blob.refused",
                        why_json(next, verdict.reason));
}

// What a crash between the file and its row left.
Result<void> Blobs::remove_strays(TenantId tenant, Swept& swept) {
    const std::vector<std::string> kept = TRY(store_->list(tenant));
    for (const std::string& sha256 : kept) {
        const std::lock_guard lock{changer_};
        if (sizes_[tenant].contains(sha256)) continue;
        TRY(store_->remove(tenant, sha256));
        ++swept.files;
        log_info("blob", "{}: removed, it belonged to nothing", store_->path_of(tenant, sha256));
    }
    return {};
}

Result<Swept> Blobs::sweep(TimeNs now) {
    const std::unique_lock lock{sweeping_, std::try_to_lock};
    if (!lock) return Error{Code::conflict, "a backup or another sweep is at work"};
    last_sweep_ = clock_.monotonic();
    Swept swept;
    TenantId tenant{0};
    std::string id;
    for (auto rows = TRY(table_.page(tenant, id, kPage)); !rows.empty(); rows = TRY(table_.page(tenant, id, kPage)))
        for (Row& row : rows) {
            tenant = row.tenant;
            id = row.id;
            TRY(sweep_row(std::move(row), now, swept));
        }
    for (const auto& [known, _] : registry_.tenants()) TRY(remove_strays(known, swept));
    return swept;
}

void Blobs::tend() {
    {
        const std::unique_lock lock{sweeping_, std::try_to_lock};
        if (!lock || (last_sweep_ && clock_.monotonic() - *last_sweep_ < kSweepEvery)) return;
    }
    const auto swept = sweep(clock_.now());
    if (!swept) {
        log_error("blob", "files that nobody needs could not be removed: {}", swept.error().text());
        return;
    }
    if (swept->files > 0 || swept->held > 0)
        log_info("blob", "{} files of {} bytes went; {} wait without an owner; {} are held", swept->files, swept->bytes,
                 swept->loose, swept->held);
}

Result<void> Blobs::each_file(const OnFile& on_file) const {
    const auto sizes = TRY(table_.sizes());
    for (const auto& [tenant, files] : sizes)
        for (const auto& [sha256, bytes] : files)
            TRY(on_file(Store::name_of(tenant, sha256), store_->path_of(tenant, sha256), bytes));
    return {};
}

BlobsReport verify_blobs(io::Files& files, const registry::RegistryOptions& registry, const std::string& folder) {
    BlobsReport report;
    const auto tell = [&](std::string problem) {
        if (report.problems.size() < kProblemsMax) report.problems.push_back(std::move(problem));
    };
    const auto stored = registry::stored_blobs(files, registry);
    if (!stored) {
        tell(stored.error().text());
        return report;
    }
    report.rows = stored->rows;
    for (const auto& [tenant, hashes] : stored->files)
        for (const auto& [sha256, bytes] : hashes) {
            const std::string path = folder + "/" + Store::name_of(tenant, sha256);
            const auto check = [&]() -> Result<void> {
                const auto file = TRY(files.open(path, io::Open::read));
                const std::uint64_t there = TRY(file->size());
                if (there != bytes) return Error{Code::corrupt, "{}: {} bytes, expected {}", path, there, bytes};
                if (TRY(hash_of(*file, there)) != sha256)
                    return Error{Code::corrupt, "{}: is not as it was kept: its SHA-256 differs from its name", path};
                return {};
            };
            ++report.files;
            report.bytes += bytes;
            if (const auto checked = check(); !checked) tell(checked.error().text());
        }
    return report;
}

}  // namespace gongshu::blob
