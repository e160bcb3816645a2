#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "io/files.h"

// The number of the formats of a history's files, and what is kept of a history when a program writes it in newer ones.
namespace gongshu::history {

// Raised by whatever a program of before could not read: a kind of record or file, another version of one. What each
// step brought stands in about_formats().
inline constexpr int kFormats = 1;
std::string_view about_formats(int step);  // "" = not known here
// What a history's folder says of it, and in which file.
inline constexpr std::string_view kFormatsName = "FORMAT";
std::string format_stamp_file();

// A history as it was before files of newer formats were written: a folder beside it, which a program of then opens.
struct KeptHistory {
    std::string path;
    int step = 0;             // of its formats
    TimeNs at = 0;            // when it was kept
    std::uint64_t bytes = 0;  // which only it has: those of files that the history itself no longer needs
};

// The formats of a history's files beside those of this program.
struct Formats {
    int stored = kFormats;  // 0 = of before they had numbers
    int known = kFormats;
    std::vector<std::string_view> to_come;  // what each step from stored to known brings
    std::vector<KeptHistory> kept;          // the newest first
};

// `folder` is a history's (HistoryOptions::folder), open or not; changes nothing. A folder that holds no history has
// the formats of this program. Code::corrupt if its FORMAT cannot be read.
Result<Formats> formats_of(io::Files& files, const std::string& folder);
// The number alone.
Result<int> stored_formats(io::Files& files, const std::string& folder);

// A copy is there for so long, as long as the disk has room.
inline constexpr DurationNs kKeptFor = 30 * kDay;
inline constexpr std::size_t kKeptHistoriesMax = 2;
// What a disk must have free, or whatever copies take goes.
bool is_short(const io::DiskSpace& space);

// Before anything is written into a history of a former program: keeps it as it is, by second names of its files where
// the file system has them (which takes no room), else by copies; then gives it this program's number. Cut off at any
// point it can be called again. Code::unsupported, changing nothing, if a newer program wrote it; Code::limit, naming
// the bytes, if copies have no room. The caller holds the folder's lock; `fresh`: it holds no history yet.
Result<void> keep_former(io::Files& files, const Clock& clock, const std::string& folder, bool fresh);

// Removes kept histories that are older than kKeptFor, all but the newest kKeptHistoriesMax and, on a disk that is
// short of room, all that take some. The folder's lock is held. How many went.
Result<std::size_t> forget_former(io::Files& files, const Clock& clock, const std::string& folder);
// Whatever their age.
Result<std::size_t> forget_all_former(io::Files& files, const std::string& folder);

struct BackAgain {
    KeptHistory former;  // what is in the history's place again
    std::string aside;   // where the history is that was there
};
// Puts the newest kept history of `step` in the place of the history. Nobody may have the folder open. Cut off at any
// point it has happened or not; a name that is left is put right by the next call or start. Code::not_found if nothing
// is kept of that step.
Result<BackAgain> go_back(io::Files& files, const Clock& clock, const std::string& folder, int step);

}  // namespace gongshu::history
