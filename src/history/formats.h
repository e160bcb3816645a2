#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "io/files.h"

// The number of the formats of a history's files, and what is kept of a history when a program writes it in newer ones.
// `folder` is a history's (HistoryOptions::folder), perhaps by a symbolic link; what is kept lies beside the real one.
namespace gongshu::history {

// Raised by whatever a program of before could not read: a kind of record or file, another version of one. What each
// step brought stands in about_formats().
inline constexpr int kFormats = 2;
std::string_view about_formats(int step);  // "" = not known here
// What a history's folder says of it, and in which file.
inline constexpr std::string_view kFormatsName = "FORMAT";
std::string format_stamp_file();

// A history as it was before files of newer formats were written, which a program of then opens.
struct KeptHistory {
    std::string path;
    int step = 0;                        // of its formats
    TimeNs at = 0;                       // when it was kept
    std::optional<std::uint64_t> bytes;  // which go with it: of files that have no other name; nullopt = cannot be told
};

// A history that gave way to one of before: what came in until then, in formats that a newer program reads.
struct AsideHistory {
    std::string path;
    int step = 0;
    TimeNs at = 0;
};

// The formats of a history's files beside those of this program.
struct Formats {
    int stored = kFormats;  // 0 = of before they had numbers
    int known = kFormats;
    std::vector<std::string_view> to_come;  // what each step from stored to known brings
    std::vector<KeptHistory> kept;          // the newest first
    std::vector<AsideHistory> aside;        // the newest first; nothing removes them
};

// Changes nothing and looks at every kept file: a second for 100,000 of them. A folder that holds no history has the
// formats of this program. Code::corrupt if its FORMAT cannot be read; what lies beside may be unreadable.
Result<Formats> formats_of(io::Files& files, const std::string& folder);
// The number alone.
Result<int> stored_formats(io::Files& files, const std::string& folder);

// A copy is there for so long, as long as the disk has room.
inline constexpr DurationNs kKeptFor = 30 * kDay;
inline constexpr std::size_t kKeptHistoriesMax = 2;

// How a history could be kept; tries a second name, which is gone again.
enum class KeepWay : std::uint8_t { names, copies, none };  // none: the folder is a disk of its own
struct KeepPlan {
    KeepWay way = KeepWay::names;
    std::uint64_t bytes = 0;  // that copies would take
};
Result<KeepPlan> plan_to_keep(io::Files& files, const std::string& folder);
// Code::limit, naming the bytes, if copies have no room.
Result<void> check_room_to_keep(io::Files& files, const std::string& folder, const KeepPlan& plan);

// Before anything is written into a history of a former program: keeps it as it is, by second names of its files where
// they can have one (which takes no room), else by copies, and gives it this program's number. A folder that holds no
// history gets the number. Nothing can be kept of a folder that is a disk of its own; the log says so. Cut off at any
// point it can be called again. Code::unsupported, changing nothing, if a newer program wrote it; Code::limit if copies
// have no room; Code::conflict if going back was cut off. The caller holds the folder's lock.
Result<void> keep_former(io::Files& files, const Clock& clock, const std::string& folder);

// Removes kept histories that are older than kKeptFor, all but the newest kKeptHistoriesMax and, on a disk that is short
// of room, all that take some. The folder's lock is held. How many went.
Result<std::size_t> forget_former(io::Files& files, const Clock& clock, const std::string& folder);
// Whatever their age.
Result<std::size_t> forget_all_former(io::Files& files, const std::string& folder);

struct BackAgain {
    KeptHistory former;  // what is in the history's place again
    std::string aside;   // where the history is that was there; "" if that is not known any more
};
// Puts the newest kept history of `step` in the place of the history. Nobody may have the folder open. Cut off, it has
// happened or not, and the next call or start puts a name that is left right; where two names cannot change at once
// there may be none in the place, which a start refuses and a second call mends. Code::not_found if nothing is kept of
// that step.
Result<BackAgain> go_back(io::Files& files, const Clock& clock, const std::string& folder, int step);

}  // namespace gongshu::history
