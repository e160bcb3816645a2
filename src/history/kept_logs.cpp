#include "history/kept_logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "history/log.h"

namespace gongshu::history {
namespace {

std::uint64_t readings_of(const Record& record) {
    if (const auto* rows = std::get_if<RowsRecord>(&record)) return rows->rows.size();
    if (const auto* tuples = std::get_if<TuplesRecord>(&record)) return tuples->tuples.readings();
    if (const auto* columns = std::get_if<ColumnsRecord>(&record)) return columns->columns.readings();
    return 0;
}

}  // namespace

Result<void> KeptLogs::open(bool fresh) {
    const std::lock_guard lock{mutex_};
    if (!TRY(files_.exists(folder_))) {
        if (!keeps()) return {};
        TRY(files_.make_folder(folder_));
    }
    for (const std::string& name : TRY(files_.list(folder_))) {
        const auto number = log_file_number(name);
        const std::string path = folder_ + "/" + name;
        if (number && keeps() && !fresh)
            note_or_leave(*number, path);
        else if (number || !keeps())
            TRY(files_.remove(path));
    }
    prune();
    return {};
}

// What cannot be read any more is no reason not to start: it lies in segments, and only whoever sends it on misses it.
void KeptLogs::note_or_leave(std::uint64_t number, const std::string& path) {
    const auto noted = note(number, path);
    if (noted) return;
    log_error("history", "a file of the log is left aside, what it holds is not sent on: {}", noted.error().text());
    ++loss_.files;
    std::ignore = files_.rename(path, path + ".damaged");
}

Result<void> KeptLogs::note(std::uint64_t number, const std::string& path) {
    const auto first = TRY(first_group_of(files_, path));
    if (!first) return files_.remove(path);
    const auto file = TRY(files_.open(path, io::Open::read));
    const std::uint64_t bytes = TRY(file->size());
    bytes_ += bytes;
    kept_[number] = {path, *first, bytes};
    return {};
}

Result<void> KeptLogs::take(const std::string& path, std::uint64_t number) {
    const std::lock_guard lock{mutex_};
    const std::string kept = folder_ + "/" + log_file_name(number);
    TRY(files_.rename(path, kept));
    TRY(files_.sync_folder(folder_));
    note_or_leave(number, kept);
    prune();
    return {};
}

void KeptLogs::release(std::uint64_t group) {
    const std::lock_guard lock{mutex_};
    released_ = std::max(released_, group);
    prune();
}

std::map<std::uint64_t, KeptLogs::File> KeptLogs::files() const {
    const std::lock_guard lock{mutex_};
    return kept_;
}

LogLoss KeptLogs::take_loss() {
    const std::lock_guard lock{mutex_};
    return std::exchange(loss_, {});
}

// Of the groups that nobody has read.
Result<void> KeptLogs::count_readings(const File& file, std::uint64_t& readings) const {
    const auto opened = TRY(files_.open(file.path, io::Open::read));
    Buffer bytes;
    for (std::uint64_t offset = kLogHeaderBytes; offset + kLogGroupHeaderBytes <= file.bytes;) {
        const LogGroup head = TRY(read_group_head(*opened, file.path, offset));
        if (head.number >= released_) {
            bytes.resize(kLogGroupHeaderBytes + head.length);
            TRY(opened->read_at(offset, bytes));
            TRY(read_log_group(bytes, file.path, offset, [&](Record record) -> Result<void> {
                readings += readings_of(record);
                return {};
            }));
        }
        offset += kLogGroupHeaderBytes + head.length;
    }
    return {};
}

// A file is read when the one after it begins with a group that was read up to; of the last one that is not known, and
// it stays.
void KeptLogs::prune() {
    const auto remove_first = [this] {
        const auto first = kept_.begin();
        if (auto removed = files_.remove(first->second.path); !removed)
            log_warning("history", "{}", removed.error().text());
        bytes_ -= first->second.bytes;
        kept_.erase(first);
    };
    while (kept_.size() > 1 && std::next(kept_.begin())->second.first_group <= released_) remove_first();
    while (!kept_.empty()) {
        const auto space = files_.space(folder_);
        const bool is_short = space && io::is_short(*space);
        if (bytes_ <= bytes_max_ && !is_short) return;
        const File& oldest = kept_.begin()->second;
        std::uint64_t readings = 0;
        // Only to say how many they were: what cannot be read is not counted.
        if (const auto counted = count_readings(oldest, readings); !counted)
            log_warning("history", "{}", counted.error().text());
        if (readings > 0) {
            loss_.readings += readings;
            ++loss_.files;
            log_error("history", "{} readings were dropped before they were sent on: {}", readings,
                      is_short ? "the disk is nearly full" : fmt::format("more than {} MiB wait", bytes_max_ >> 20));
        }
        remove_first();
    }
}

}  // namespace gongshu::history
