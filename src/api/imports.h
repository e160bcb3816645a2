#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "data/ids.h"
#include "importer/job.h"

namespace gongshu::api {

enum class ImportState : std::uint8_t { uploaded, running, done, cancelled, failed };
std::string_view name_of(ImportState state);

struct ImportStatus {
    ImportState state = ImportState::uploaded;
    importer::Progress progress;
    std::string report;  // JSON, once done or cancelled
    std::string error;   // once failed
    TimeNs ended = 0;
};

// One file that somebody sent, and what became of it. Shared with the job that imports it. Any thread.
struct ImportFile {
    std::string id;
    std::string name;
    std::string who;
    std::shared_ptr<const std::string> bytes;
    std::uint64_t number = 0;  // in order of arrival
    TimeNs sent = 0;
    std::atomic<bool> cancel = false;
    Guarded<ImportStatus> status;
    Guarded<std::string> map;  // as it was proposed, tried or started last; "" = none
};
using ImportFilePtr = std::shared_ptr<ImportFile>;

// Imports holds the files that were sent by the page until they are imported or make room for others.
// Lives:   with the server's Core; a restart forgets them (what was imported stays).
// Threads: any.
// Bounds:  kFilesMax of a tenant: its oldest that does not run goes; kBytesMax of all: more is Code::limit.
// Disk:    none.
class Imports {
public:
    static constexpr std::size_t kFilesMax = 8;
    static constexpr std::size_t kBytesMax = 256 << 20;

    Result<ImportFilePtr> add(TenantId tenant, std::string id, std::string name, std::string who, std::string bytes,
                              TimeNs sent = 0);
    Result<ImportFilePtr> find(TenantId tenant, std::string_view id) const;  // Code::not_found
    std::vector<ImportFilePtr> list(TenantId tenant) const;                  // oldest first
    Result<void> remove(TenantId tenant, std::string_view id);               // Code::conflict while it runs

private:
    struct Kept {
        std::map<std::pair<TenantId, std::string>, ImportFilePtr> files;
        std::uint64_t next_number = 1;
    };
    mutable Guarded<Kept> kept_;
};

}  // namespace gongshu::api
