#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "io/files.h"

namespace gongshu::app {

// One newer program that found a data folder: what of it has been brought from which step to which. A part that was not
// there, or not older, has the same step twice.
struct Upgrade {
    TimeNs at = 0;
    std::string program;  // version
    std::int64_t tables_from = 0, tables_to = 0;
    int formats_from = 0, formats_to = 0;  // of the history
    friend bool operator==(const Upgrade&, const Upgrade&) = default;
};

// DATA/UPGRADES, a line for each, the newest last: which copies belong together when one goes back.
//     2026-11-22T14:00:00Z 0.1.0 tables 40 41 history 0 1 1f2e3d4c
// with the CRC-32C of the line before it. Code::corrupt names the line.
std::string encode_upgrades(const std::vector<Upgrade>& upgrades);
Result<std::vector<Upgrade>> decode_upgrades(std::string_view text, const std::string& path);
inline constexpr std::size_t kUpgradesMax = 1000;  // older ones fall away

Result<std::vector<Upgrade>> read_upgrades(io::Files& files, const std::string& data);
Result<void> write_upgrades(io::Files& files, const std::string& data, const std::vector<Upgrade>& upgrades);

// Before a program opens the folder: notes what it is about to bring on, if anything. Nobody else may have it open
// meanwhile: Code::unavailable then.
Result<void> note_upgrade(io::Files& files, const Clock& clock, const std::string& data);

// What gongshu downgrade takes back: the newest upgrade of which something stands, with the parts that do; nullopt if
// there is none. `upgrades` loses those behind it.
struct WayBack {
    Upgrade of;
    bool tables = false, history = false;
};
std::optional<WayBack> way_back(std::vector<Upgrade>& upgrades, std::int64_t tables, int formats);

}  // namespace gongshu::app
