#pragma once

#include <memory>
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
//     20261122T140000Z 0.1.0 tables 40 41 history 0 1 1f2e3d4c
// with the CRC-32C of the line before it. Code::corrupt names the line.
std::string encode_upgrades(const std::vector<Upgrade>& upgrades);
Result<std::vector<Upgrade>> decode_upgrades(std::string_view text, const std::string& path);
inline constexpr std::size_t kUpgradesMax = 1000;  // older ones fall away

Result<std::vector<Upgrade>> read_upgrades(io::Files& files, const std::string& data);
Result<void> write_upgrades(io::Files& files, const std::string& data, const std::vector<Upgrade>& upgrades);

// Before a program opens the folder, and before check_room(): on a disk that is short of room, the histories of before
// go.
void make_room(io::Files& files, const Clock& clock, const std::string& data);
// Then: notes what the program is about to bring on, if anything, and keeps the history before the tables are changed.
// What only hinders the note is told in the log. Code::limit or another error of registry::check_room_for_copy() and
// history::keep_former(), before anything was changed.
Result<void> begin_upgrade(io::Files& files, const Clock& clock, const std::string& data);

// What gongshu downgrade takes back: the newest upgrade of which something stands, with the parts that do; nullopt if
// there is none. `upgrades` loses those behind it.
struct WayBack {
    Upgrade of;
    bool tables = false, history = false;
};
std::optional<WayBack> way_back(std::vector<Upgrade>& upgrades, std::int64_t tables, int formats);

// The folder's locks, so that no server starts on it meanwhile; nothing to hold where none ever started, or on a disk
// that cannot be written. Code::unavailable if one runs.
Result<std::vector<std::unique_ptr<io::File>>> hold(io::Files& files, const std::string& data);

}  // namespace gongshu::app
