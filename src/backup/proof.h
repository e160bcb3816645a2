#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/backup.h"
#include "history/history.h"
#include "registry/audit_ledger.h"
#include "registry/verify.h"

namespace gongshu::backup {

// What one reading of a whole data folder found.
struct DataReport {
    history::VerifyReport history;
    registry::RegistryReport registry;
    registry::LedgersReport ledgers;
    std::vector<PartReport> more;
    TimeNs newest_sealed = 0;  // newest reading of the segments, so of all but the log; 0 = there is none

    std::vector<std::string> problems() const;
};

// Everything that `gongshu verify` looks at, in a data folder that nobody has open. Writes nothing; blocks.
DataReport verify_data(io::Files& files, const Clock& clock, const std::string& data, const VerifyParts& parts);

inline constexpr const char* kProofName = "PROVED";  // in the backup, and the newest of all beside the backups
inline constexpr const char* kDrillName = "drill";   // where a drill restores to, beside the backups
inline constexpr std::size_t kProofProblemsMax = 20;

// docs/format/backup.md.
std::string encode_proof(const Proof& proof);
// Code::corrupt for what is none, or whose sum differs.
Result<Proof> decode_proof(std::string_view text, const std::string& path);
// nullopt if there is none; Code::corrupt if it is damaged.
Result<std::optional<Proof>> read_proof(io::Files& files, const std::string& folder);

// Removes what a drill left that did not end; fine if nothing is there.
Result<void> clean_drill(io::Files& files, const std::string& folder);

// Restores backup `name` of `folder` into a new folder beside it, reads everything there, removes it again, and keeps
// what was found in the backup and in `folder`; a proof with problems is one too. Code::limit if the disk has too
// little room, Code::conflict when cancelled; both leave the former proof. Blocks; not from a lane.
Result<Proof> drill(const BackupParts& parts, const std::string& folder, const std::string& name, Progress& progress);

}  // namespace gongshu::backup
