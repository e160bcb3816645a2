#include "blob/blobs.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/log.h"
#include "blob/sniff.h"
#include "io/crypto.h"
#include "registry/uid.h"

namespace gongshu::blob {
namespace {

std::string detail_of(const Row& row, std::string_view why = {}) {
    std::string text;
    JsonWriter out{text};
    out.begin_object().key("owner").text(row.owner_kind + ":" + row.owner_name).key("name").text(row.name);
    out.key("type").text(row.type).key("bytes").integer(static_cast<std::int64_t>(row.bytes));
    out.key("sha256").text(row.sha256);
    if (!why.empty()) out.key("why").text(why);
    out.end_object();
    return text;
}

std::string mb(std::uint64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

}  // namespace

Blobs::Blobs(registry::Registry& registry, io::Files& files, const Clock& clock, BlobsOptions options,
             std::unique_ptr<Store> store)
    : registry_(registry),
      files_(files),
      clock_(clock),
      options_(std::move(options)),
      store_(std::move(store)),
      table_(registry) {}

Result<std::unique_ptr<Blobs>> Blobs::create(registry::Registry& registry, io::Files& files, const Clock& clock,
                                             BlobsOptions options) {
    auto store = TRY(Store::create(files, options.folder));
    std::unique_ptr<Blobs> blobs(new Blobs(registry, files, clock, std::move(options), std::move(store)));
    blobs->sizes_ = TRY(blobs->table_.sizes());
    return blobs;
}

std::uint64_t Blobs::bytes_max_of(TenantId tenant) const {
    const auto home = registry_.tenant_id("default");
    const auto found = home ? registry_.find(*home, "tenant", registry_.tenant_name(tenant)) : nullptr;
    const JsonObject* spec = found ? found->spec.if_object() : nullptr;
    const Json* own = spec == nullptr ? nullptr : spec->if_contains("files_mb");
    if (own == nullptr || !own->is_number()) return options_.tenant_bytes_max;
    return own->to_number<std::uint64_t>() * 1'000'000;
}

Result<Usage> Blobs::usage(TenantId tenant) const {
    Usage usage{.bytes_max = bytes_max_of(tenant)};
    const std::lock_guard lock{changer_};
    const auto found = sizes_.find(tenant);
    if (found == sizes_.end()) return usage;
    for (const auto& [_, bytes] : found->second) {
        ++usage.files;
        usage.bytes += bytes;
    }
    return usage;
}

Result<void> Blobs::check_room(const Upload& upload, const std::string& sha256) const {
    const std::uint64_t bytes = upload.bytes.size();
    if (bytes == 0) return Error{Code::invalid, "the file is empty"};
    if (bytes > options_.file_bytes_max)
        return Error{Code::limit, "the file has {}, at most {} are kept", mb(bytes), mb(options_.file_bytes_max)};
    const TenantId tenant = upload.actor.tenant;
    const auto there = TRY(table_.of_owner(tenant, upload.owner.kind, upload.owner.uid, options_.owner_files_max));
    if (there.size() >= options_.owner_files_max)
        return Error{Code::limit, "{} has {} files, more are not kept: remove some first", upload.owner.name,
                     there.size()};
    const Usage used = TRY(usage(tenant));
    {
        const std::lock_guard lock{changer_};
        const auto found = sizes_.find(tenant);
        if (found != sizes_.end() && found->second.contains(sha256)) return {};
    }
    if (used.bytes + bytes <= used.bytes_max) return {};
    return Error{Code::limit, "the files of this tenant take {} of {}: there is no room for {} more", mb(used.bytes),
                 mb(used.bytes_max), mb(bytes)};
}

void Blobs::look_at_picture(Bytes bytes, Row& row) {
    if (!has_thumbnail(row.type)) return;
    const std::lock_guard lock{decoding_};
    const auto small = make_thumbnail(bytes, options_.pictures);
    if (!small) {
        if (row.note.empty()) row.note = small.error().text();
        return;
    }
    row.width = small->width;
    row.height = small->height;
}

Result<void> Blobs::scan(const Upload& upload, const std::string& path, Row& row) {
    if (!options_.scan) return {};
    const Verdict verdict = options_.scan(path, path + ".scan");
    if (verdict.is == Verdict::Is::clean) return {};
    if (verdict.is == Verdict::Is::unknown) {
        row.state = kHeld;
        row.note = verdict.reason.empty() ? "the scan did not say what it is" : verdict.reason;
        log_warning("blob", "{} of {} is held: {}", row.name, upload.actor.who, row.note);
        return {};
    }
    registry_.audit(upload.actor, "blob.refused", "blob", row.name, detail_of(row, verdict.reason), false);
    log_warning("blob", "{} of {} was refused by the scan: {}", row.name, upload.actor.who, verdict.reason);
    return Error{Code::denied, "the virus scan refused the file: {}",
                 verdict.reason.empty() ? std::string("it gives no reason") : verdict.reason};
}

Result<Row> Blobs::add(const Upload& upload) {
    const TenantId tenant = upload.actor.tenant;
    const std::string sha256 = to_hex(io::sha256(upload.bytes));
    TRY(check_room(upload, sha256));
    Row row{.tenant = tenant,
            .sha256 = sha256,
            .bytes = upload.bytes.size(),
            .name = tidy_name(upload.name),
            .who = upload.actor.who,
            .time = clock_.now(),
            .owner_kind = upload.owner.kind,
            .owner_uid = upload.owner.uid,
            .owner_name = upload.owner.name,
            .state = std::string(kReady)};
    row.id = registry::make_uid(row.time);
    row.used = row.time;
    Settled settled = TRY(settle_type(upload.bytes, upload.declared, row.name));
    row.type = std::move(settled.type);
    row.note = std::move(settled.note);
    look_at_picture(upload.bytes, row);
    const std::string path = TRY(store_->take_in(tenant, row.id, upload.bytes));
    if (auto passed = scan(upload, path, row); !passed) {
        std::ignore = store_->drop_incoming(tenant, row.id);
        return passed.error();
    }
    const std::string incoming = row.id;
    auto kept = commit(upload.actor, std::move(row), incoming);
    if (!kept) std::ignore = store_->drop_incoming(tenant, incoming);
    return kept;
}

// The file first: a row never names bytes that are not there. What is left of a failure is a file that no row names,
// which the next sweep removes.
Result<Row> Blobs::commit(const registry::Actor& actor, Row row, const std::string& incoming) {
    const std::lock_guard lock{changer_};
    TRY(store_->keep(row.tenant, incoming, row.sha256));
    TRY(table_.store(actor, row, row.state == kHeld ? "blob.held" : "blob.add", detail_of(row, row.note)));
    sizes_[row.tenant][row.sha256] = row.bytes;
    return row;
}

Result<Row> Blobs::get(TenantId tenant, std::string_view id) const {
    Row row = TRY(table_.get(tenant, id));
    if (row.state == kRemoved) return Error{Code::not_found, "there is no file {}", id.substr(0, 60)};
    return row;
}

Result<std::vector<Row>> Blobs::of_owner(TenantId tenant, const Owner& owner) const {
    return table_.of_owner(tenant, owner.kind, owner.uid, options_.owner_files_max);
}

Result<std::unique_ptr<io::File>> Blobs::open(const Row& row) const {
    if (row.state != kReady)
        return Error{Code::conflict, "{} is held until the virus scan passes it: {}", row.name, row.note};
    auto file = TRY(store_->open(row.tenant, row.sha256));
    if (TRY(file->size()) != row.bytes)
        return Error{Code::corrupt, "{}: has not the {} bytes that were kept", store_->path_of(row.tenant, row.sha256),
                     row.bytes};
    return file;
}

Result<std::shared_ptr<const Buffer>> Blobs::thumbnail(const Row& row) {
    if (row.width == 0) return Error{Code::not_found, "of {} there is no thumbnail", row.name};
    const auto file = TRY(open(row));
    const std::string key = Store::name_of(row.tenant, row.sha256);
    {
        const std::lock_guard lock{smalls_mutex_};
        const auto found = std::ranges::find(smalls_, key, &Small::key);
        if (found != smalls_.end()) {
            smalls_.splice(smalls_.begin(), smalls_, found);
            return found->jpeg;
        }
    }
    Buffer bytes(row.bytes);
    TRY(file->read_at(0, bytes));
    if (to_hex(io::sha256(bytes)) != row.sha256)
        return Error{Code::corrupt, "{}: is not as it was kept: its SHA-256 differs from its name",
                     store_->path_of(row.tenant, row.sha256)};
    std::shared_ptr<const Buffer> jpeg;
    {
        const std::lock_guard lock{decoding_};
        jpeg = std::make_shared<const Buffer>(TRY(make_thumbnail(bytes, options_.pictures)).jpeg);
    }
    const std::lock_guard lock{smalls_mutex_};
    smalls_.push_front({key, jpeg});
    smalls_bytes_ += jpeg->size();
    while (smalls_bytes_ > options_.thumbnail_bytes_max && !smalls_.empty()) {
        smalls_bytes_ -= smalls_.back().jpeg->size();
        smalls_.pop_back();
    }
    return jpeg;
}

Result<void> Blobs::remove(const registry::Actor& actor, const Row& row) {
    const std::lock_guard lock{changer_};
    Row next = TRY(get(row.tenant, row.id));
    if (next.owner_kind == kCase && options_.case_refers && TRY(options_.case_refers(next)))
        return Error{Code::conflict, "{} is evidence of {}: it stays with it", next.name, next.owner_name};
    next.state = kRemoved;
    next.loose = clock_.now();
    return table_.store(actor, next, "blob.remove", detail_of(next));
}

Result<Row> Blobs::use(TenantId tenant, std::string_view id, const Owner& owner) {
    const std::lock_guard lock{changer_};
    Row row = TRY(get(tenant, id));
    // Whose it is, is not told to somebody who may not see it.
    if (row.owner_kind != owner.kind || row.owner_uid != owner.uid)
        return Error{Code::not_found, "there is no file {} of {}", id.substr(0, 60), owner.name};
    if (row.state != kReady)
        return Error{Code::conflict, "{} is held until the virus scan passes it: {}", row.name, row.note};
    row.used = clock_.now();
    row.loose = 0;
    TRY(table_.mark(row));
    return row;
}

Json citation_of(const Row& row) {
    JsonObject out;
    out["id"] = row.id;
    out["sha256"] = row.sha256;
    out["type"] = row.type;
    out["name"] = row.name;
    out["bytes"] = static_cast<std::int64_t>(row.bytes);
    return out;
}

}  // namespace gongshu::blob
