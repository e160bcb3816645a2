#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "registry/database.h"
#include "registry/registry.h"

namespace gongshu::registry {

class RegistryImpl;

// What is known of a file that somebody put beside a resource or a case. Its bytes are src/blob's.
struct BlobRow {
    TenantId tenant;
    std::string id;      // as a uid: 26 characters
    std::string sha256;  // of the bytes, hexadecimal
    std::uint64_t bytes = 0;
    std::string type;  // "image/jpeg", as its bytes say
    std::string name;  // as its sender called it, without a path
    std::string who;   // "user:li"
    TimeNs time = 0;
    std::string owner_kind;               // "device"; "case"
    std::string owner_uid;                // of the resource; a case's id
    std::string owner_name;               // when it was put there; a resource may have another one since
    std::string state;                    // "ready", "held" (not passed by the scan), "removed"
    std::string note;                     // why it is held, or what was set right about it
    std::uint32_t width = 0, height = 0;  // of pictures that have a thumbnail, as they are looked at; else 0
    TimeNs used = 0;                      // when somebody last referred to it
    TimeNs loose = 0;                     // since when nobody is known to refer to it; 0 = somebody does
};

// BlobTable keeps what is known of files, each change with its audit record.
// Lives:   after the registry is loaded; destroyed before it.
// Threads: any.
// Bounds:  none of its own: who asks limits the rows.
// Disk:    table blobs of registry.db; durable when a call returns.
class BlobTable {
public:
    explicit BlobTable(Registry& registry);

    // Stores a new one, or another state of one that is there; `detail` is the JSON of the audit record.
    Result<void> store(const Actor& actor, const BlobRow& row, std::string_view action, std::string_view detail);
    // The marks `used` and `loose` alone; no audit record.
    Result<void> mark(const BlobRow& row);
    // Forgets it for good.
    Result<void> forget(const Actor& actor, const BlobRow& row, std::string_view action, std::string_view detail);
    // Code::not_found if there is none.
    Result<BlobRow> get(TenantId tenant, std::string_view id) const;
    // Those that are not removed, the oldest first.
    Result<std::vector<BlobRow>> of_owner(TenantId tenant, std::string_view kind, std::string_view uid,
                                          std::size_t rows_max) const;
    // Of all tenants in the order of tenant and id, after these.
    Result<std::vector<BlobRow>> page(TenantId tenant, std::string_view after_id, std::size_t rows_max) const;
    // Whether a row of the tenant, removed or not, has these bytes.
    Result<bool> has_bytes(TenantId tenant, std::string_view sha256) const;
    // Files by tenant: hash and bytes, each once.
    Result<std::map<TenantId, std::map<std::string, std::uint64_t>>> sizes() const;

private:
    Result<std::vector<BlobRow>> read(std::string_view where, std::vector<Cell> values) const;

    RegistryImpl& registry_;
};

struct StoredBlobs {
    std::map<TenantId, std::map<std::string, std::uint64_t>> files;  // hash and bytes by tenant
    std::uint64_t rows = 0;
};
// The same out of a registry.db that nobody has open. Changes nothing.
Result<StoredBlobs> stored_blobs(io::Files& files, const RegistryOptions& options);

}  // namespace gongshu::registry
