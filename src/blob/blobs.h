#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "blob/picture.h"
#include "blob/scan.h"
#include "blob/store.h"
#include "registry/blob_table.h"
#include "registry/registry.h"

namespace gongshu::blob {

using Row = registry::BlobRow;

inline constexpr std::string_view kReady = "ready", kHeld = "held", kRemoved = "removed";
inline constexpr std::string_view kCase = "case";  // the owner_kind of what lies with a case

// What a file lies with: a resource by its uid, or a case by its id.
struct Owner {
    std::string kind, uid, name;
};

struct BlobsOptions {
    std::string folder;
    std::uint64_t file_bytes_max = 20 << 20;
    std::uint64_t tenant_bytes_max = std::uint64_t{10} << 30;  // unless the tenant's own files_mb says otherwise
    std::size_t owner_files_max = 200;                         // of one resource or case
    DurationNs grace = 7 * kDay;  // from when nobody refers to it to when its bytes go; at least a minute
    std::uint64_t thumbnail_bytes_max = 16 << 20;  // remembered in memory
    PictureLimits pictures = {};
    Scan scan = {};  // empty: nobody looks
    // Whether a case refers to a file that lies with it. Empty: each does.
    std::function<Result<bool>(const Row&)> case_refers = {};
};

struct Upload {
    registry::Actor actor;
    Owner owner;
    std::string name;      // as the sender calls it
    std::string declared;  // media type that the sender claims, "" = none
    Bytes bytes;
};

struct Usage {
    std::uint64_t files = 0, bytes = 0, bytes_max = 0;
};

// What a sweep did.
struct Swept {
    std::uint64_t looked = 0, loose = 0;      // rows; those of them that nobody refers to
    std::uint64_t files = 0, bytes = 0;       // that went
    std::uint64_t let_through = 0, held = 0;  // that were held; those that still are
};

// Blobs keeps files that people put beside resources and cases: by the hash of their bytes, each once for a tenant. Who
// may read or change one is asked by the door, of the owner. Lives:   after the registry is loaded and the cases know
// their kinds; destroyed before them. Threads: any but a lane: calls block for the disk, for decoding a picture (one at
// a time) and for the scan. Bounds:  BlobsOptions; each refusal names the limit. Bytes are counted once for each hash
// of a tenant. Disk:    Store's files and registry::BlobTable's rows: the file first, then its row; the row first goes,
// then the file.
class Blobs {
public:
    static Result<std::unique_ptr<Blobs>> create(registry::Registry& registry, io::Files& files, const Clock& clock,
                                                 BlobsOptions options);

    // Code::limit names the limit, Code::invalid what is wrong with the bytes, Code::denied that the scan refused them.
    // What the scan did not pass is held: it is there and cannot be read.
    Result<Row> add(const Upload& upload);
    // Code::not_found for one that was removed.
    Result<Row> get(TenantId tenant, std::string_view id) const;
    Result<std::vector<Row>> of_owner(TenantId tenant, const Owner& owner) const;
    // Code::conflict while it is held.
    Result<std::unique_ptr<io::File>> open(const Row& row) const;
    Result<std::shared_ptr<const Buffer>> thumbnail(const Row& row);
    // Nobody reads it any more; its bytes go after the grace. Code::conflict while a case refers to it.
    Result<void> remove(const registry::Actor& actor, const Row& row);
    // It is about to be referred to: it stays for the grace at least, from now. Code::conflict unless it lies with
    // `owner` and is ready.
    Result<Row> use(TenantId tenant, std::string_view id, const Owner& owner);

    Result<Usage> usage(TenantId tenant) const;
    const BlobsOptions& options() const { return options_; }

    // Marks what nobody refers to, forgets what was so for the grace, removes files without a row, and lets the scan
    // look at what is held once more. Nothing while a backup is made.
    Result<Swept> sweep(TimeNs now);
    // Once a minute: sweeps once a day.
    void tend();
    // Every file that the rows of now name, for a backup; nothing goes until the returned hold dies, so take it before
    // the registry is copied.
    using OnFile = std::function<Result<void>(const std::string& name, const std::string& path, std::uint64_t bytes)>;
    std::unique_lock<std::mutex> hold() { return std::unique_lock{sweeping_}; }
    Result<void> each_file(const OnFile& on_file) const;

private:
    struct Small {
        std::string key;
        std::shared_ptr<const Buffer> jpeg;
    };

    Blobs(registry::Registry& registry, io::Files& files, const Clock& clock, BlobsOptions options,
          std::unique_ptr<Store> store);
    Result<void> check_room(const Upload& upload, const std::string& sha256) const;
    Result<void> scan(const Upload& upload, const std::string& path, Row& row);
    Result<Row> commit(const registry::Actor& actor, Row row, const std::string& incoming);
    void look_at_picture(Bytes bytes, Row& row);
    Result<bool> is_referred(const Row& row) const;
    Result<void> sweep_row(Row row, TimeNs now, Swept& swept);
    Result<void> scan_again(Row row, Swept& swept);
    Result<void> forget(const Row& row, Swept& swept);
    Result<void> remove_strays(TenantId tenant, Swept& swept);
    std::uint64_t bytes_max_of(TenantId tenant) const;

    registry::Registry& registry_;
    io::Files& files_;
    const Clock& clock_;
    const BlobsOptions options_;
    const std::unique_ptr<Store> store_;
    registry::BlobTable table_;

    mutable std::mutex changer_;                                      // files against rows: a file of a row is there
    std::map<TenantId, std::map<std::string, std::uint64_t>> sizes_;  // under changer_
    std::mutex sweeping_;
    std::mutex decoding_;  // pictures are large: one at a time
    std::mutex smalls_mutex_;
    std::list<Small> smalls_;  // the last used first
    std::uint64_t smalls_bytes_ = 0;
    std::optional<DurationNs> last_sweep_;  // monotonic; under sweeping_
};

// The JSON of what is cited in a case: what the ledger's entry of a step then holds.
Json citation_of(const Row& row);

struct BlobsReport {
    std::uint64_t files = 0, bytes = 0, rows = 0;
    std::vector<std::string> problems;
};
// Hashes every file again and holds it against the rows; of a folder that nobody has open. Changes nothing.
BlobsReport verify_blobs(io::Files& files, const registry::RegistryOptions& registry, const std::string& folder);

}  // namespace gongshu::blob
