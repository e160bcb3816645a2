#pragma once

#include <string>
#include <utility>
#include <vector>

#include "doctor/check.h"
#include "io/files.h"

namespace gongshu::doctor {

// Where to look.
struct Places {
    std::string data, key_folder, backup_folder;
    std::string version;
    std::vector<std::pair<std::string, std::string>>
        doors;                               // option and address that must be free: {"--http","127.0.0.1:8080"}
    std::string smartctl = find_smartctl();  // "" = the disks are not asked
};

// What a server that runs needs to look at itself.
struct Self {
    io::Files& files;
    Places places;
};

// In the data folder from a clean stop to the next start.
inline constexpr const char* kStoppedName = "stopped";

// Looks at the machine and the folders; a server may run. Changes nothing but a file of its own in the data folder, by
// which a sync is measured, and which is removed. Takes up to seconds; not from a lane.
Facts gather(io::Files& files, const Clock& clock, const Places& places);

// A tar archive for who is asked for help: the report, the names and sizes of all files, and the program's own log; no
// readings, no secrets, nothing of the registry.
Result<void> write_bundle(io::Files& files, const std::string& path, const Places& places,
                          const std::string& log_folder, const std::string& text, const std::string& json, TimeNs now);

}  // namespace gongshu::doctor
