#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/ids.h"
#include "io/files.h"

namespace gongshu::blob {

// Store keeps bytes under their SHA-256, each tenant's apart, so that nobody learns by sending a file that another
// tenant has it. A file is there whole or not at all, also when the power goes. Lives:   one per process; `files`
// outlives it. Threads: any; who changes the same hash at the same time takes turns (Blobs does). Bounds:  none of its
// own. Disk:    <folder>/<tenant, hexadecimal>/ab/cdef…: 0640, never changed. <folder>/<tenant>/in/: what is coming in;
// emptied by
//          create().
class Store {
public:
    static Result<std::unique_ptr<Store>> create(io::Files& files, std::string folder);

    // Writes and syncs bytes that are no file yet; their path. `id` is once at a time.
    Result<std::string> take_in(TenantId tenant, const std::string& id, Bytes bytes);
    // Makes what was taken in the file of that hash; it replaces one that is there, which was damaged or is the same.
    Result<void> keep(TenantId tenant, const std::string& id, const std::string& sha256);
    Result<void> drop_incoming(TenantId tenant, const std::string& id);
    Result<std::unique_ptr<io::File>> open(TenantId tenant, const std::string& sha256) const;
    // Fine if it is not there.
    Result<void> remove(TenantId tenant, const std::string& sha256);
    // Hashes of all files that are kept.
    Result<std::vector<std::string>> list(TenantId tenant) const;
    std::string path_of(TenantId tenant, std::string_view sha256) const;
    // As in a backup: "1/ab/cdef…".
    static std::string name_of(TenantId tenant, std::string_view sha256);

private:
    Store(io::Files& files, std::string folder) : files_(files), folder_(std::move(folder)) {}
    std::string incoming(TenantId tenant, const std::string& id) const;

    io::Files& files_;
    const std::string folder_;
};

bool is_sha256(std::string_view text);

}  // namespace gongshu::blob
