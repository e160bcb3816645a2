#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "blob/blobs.h"
#include "history/history.h"
#include "io/files.h"
#include "registry/audit_ledger.h"
#include "registry/registry.h"

namespace gongshu::backup {

// How far a copy is. Written by who copies; read, and `cancelled` set, by any thread.
struct Progress {
    std::atomic<std::uint64_t> files_done = 0, files = 0, bytes_done = 0, bytes = 0;
    std::atomic<bool> cancelled = false;
};

// What was found when a backup was restored and read, as it is kept with it.
struct Proof {
    std::string backup;  // its name
    TimeNs at = 0;       // when the reading ended
    DurationNs took = 0;
    std::string program;  // version that read it
    std::uint64_t files = 0, bytes = 0, rows = 0, intervals = 0, events = 0;
    std::uint64_t resources = 0, revisions = 0, secrets = 0, ledgers = 0, entries = 0, audit_records = 0;
    TimeNs newest = 0;                  // newest reading in its segments; 0 = none
    std::uint64_t problem_count = 0;    // 0 = it is proved
    std::vector<std::string> problems;  // the first of them
};

// A backup as its folder tells it.
struct BackupInfo {
    std::string name;  // of its folder: "20261121T071500Z"
    TimeNs made = 0;
    std::string program;  // version that made it
    std::uint64_t files = 0, bytes = 0;
    std::string problem;  // why it cannot be used: not finished, damaged; "" = whole as far as its list tells
    std::string note;     // what was not right while it was made; it is whole all the same
    std::optional<Proof> proof = std::nullopt;  // of the last drill
};

// What was found of one part of a data folder.
struct PartReport {
    std::string name, what;  // "files", "12 files, 3000 bytes"
    std::vector<std::string> problems;
};

// What reading a whole data folder takes beside the files: the keys, and what the other modules know of their own.
struct VerifyParts {
    std::string key_folder;  // "" = backups cannot be proved here
    history::OnEvent on_event;
    std::function<std::vector<registry::Kind>()> kinds;  // beside the registry's own
    // What lies beside history, registry and ledgers. May be empty.
    std::function<std::vector<PartReport>(io::Files& files, const std::string& data,
                                          const registry::RegistryOptions& options)>
        more;
};

// What a backup is made of; all outlive the call.
struct BackupParts {
    io::Files& files;
    const Clock& clock;
    history::History& history;
    registry::Registry& registry;
    std::vector<std::pair<std::string, std::string>> others;  // name in the backup, path; left out if not there
    std::string program;                                      // version
    registry::AuditLedger* ledgers = nullptr;                 // null: none
    // Further ones, as they are after the registry was copied: each that it names is there. May be empty.
    std::function<std::vector<std::pair<std::string, std::string>>()> more = {};
    blob::Blobs* blobs = nullptr;  // null: none
    VerifyParts verify = {};       // for drills
};

// Copies a running server's data to `folder`/<time>: history, registry and the other files, with a list of their
// SHA-256. Secrets in it stay sealed with the key folder's key, which is not part of it. A backup that is cut short
// stays as <time>.part, which nothing takes for a backup. Code::limit if the disk has too little room, Code::conflict
// when cancelled. Blocks; not from a lane.
Result<BackupInfo> make_backup(const BackupParts& parts, const std::string& folder, Progress& progress);

// Newest first, those with a problem too.
Result<std::vector<BackupInfo>> list_backups(io::Files& files, const std::string& folder);

// Reads every byte and compares it with the list; Code::corrupt names the first file that differs.
Result<BackupInfo> check_backup(io::Files& files, const std::string& path, Progress& progress);

// Makes the data folder `data`, which must be missing or empty, from the backup at `path`, comparing every byte with
// the list. `data` appears whole or not at all.
Result<BackupInfo> restore_backup(io::Files& files, const std::string& path, const std::string& data,
                                  Progress& progress);

// The same from one place to another.
Result<BackupInfo> copy_backup(io::Files& source, const std::string& path, io::Files& files, const std::string& data,
                               Progress& progress);

// `name` as list_backups() tells it; a half one too.
Result<void> remove_backup(io::Files& files, const std::string& folder, const std::string& name);

}  // namespace gongshu::backup
