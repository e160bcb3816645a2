#include "backup/target.h"

#include <algorithm>

#include "backup/listing.h"
#include "base/log.h"
#include "io/machine.h"

namespace gongshu::backup {
namespace {

constexpr std::string_view kSending = ".sending";  // no name of a backup: nobody takes it for one

// What was cut short, of whatever backup.
Result<void> remove_leftovers(io::Files& files, const std::string& folder) {
    for (const std::string& name : TRY(files.list(folder)))
        if (name.ends_with(kSending) || name.ends_with(std::string(kSending) + ".part"))
            TRY(io::remove_tree(files, folder + "/" + name));
    return {};
}

// Those that are newer than the one that just came were made while a clock was wrong: they neither count nor go.
Result<void> forget_old(io::Files& files, const TargetOptions& options, const std::string& fresh) {
    if (options.keep == 0) return {};
    std::uint32_t whole = 0;
    for (const BackupInfo& info : TRY(list_backups(files, options.folder)))
        if (info.problem.empty() && info.name <= fresh && ++whole > options.keep)
            TRY(remove_backup(files, options.folder, info.name));
    return {};
}

// Is the backup with this list there? What is no whole one in its place goes. A disk that cannot be read is no reason
// to remove anything.
Result<bool> is_there(io::Files& files, const std::string& path, const Buffer& list) {
    if (!TRY(files.exists(path))) return false;
    const auto found = io::read_whole(files, path + "/" + kListName, kListBytesMax);
    if (found && *found == list) return true;
    if (!found && found.error().code() != Code::not_found) return found.error();
    if (found && decode_listing(as_text(*found), path))
        return Error{Code::exists, "{} is another backup of the same name; give each server a folder of its own", path};
    TRY(io::remove_tree(files, path));
    return false;
}

}  // namespace

Result<void> check_target(io::Files& place, const TargetOptions& options) {
    const bool there = TRY(place.exists(options.folder));
    if (options.open) {
        if (there) return {};
        return Error{Code::unavailable, "{} is not there; make the folder on that machine, for this server alone",
                     options.name()};
    }
    if (!there)
        return Error{Code::unavailable, "{} is not there; mount the disk or the share, or make the folder on it",
                     options.folder};
    if (options.mount) {
        const auto& is_mount_point = options.is_mount_point;
        if (is_mount_point ? is_mount_point(options.folder) : io::is_mount_point(options.folder)) return {};
        return Error{Code::unavailable, "{} is no mount point: its disk or share is not mounted; nothing was written",
                     options.folder};
    }
    const std::string mark = options.folder + "/" + kTargetMark;
    if (TRY(place.exists(mark))) return {};
    return Error{Code::unavailable,
                 "{} has no file {}: its disk or share is not mounted, or it was never marked as the right one: touch "
                 "{}; nothing was written",
                 options.folder, kTargetMark, mark};
}

Result<void> send_backup(io::Files& files, const std::string& folder, const std::string& name,
                         const TargetOptions& options, Progress& progress) {
    std::unique_ptr<io::Files> connected;
    if (options.open) connected = TRY(options.open(progress.cancelled));
    io::Files& place = connected ? *connected : files;
    TRY(check_target(place, options));
    TRY(remove_leftovers(place, options.folder));
    const std::string from = folder + "/" + name, to = options.folder + "/" + name, half = to + std::string(kSending);
    const Buffer list = TRY(io::read_whole(files, from + "/" + kListName, kListBytesMax));
    if (TRY(is_there(place, to, list))) return {};
    TRY(copy_backup(files, from, place, half, progress));
    TRY(io::write_whole(place, half + "/" + kListName, list));
    TRY(check_backup(place, half, progress).context("what was written to {} does not read back", options.name()));
    TRY(place.rename(half, to));
    TRY(place.sync_folder(options.folder));
    return forget_old(place, options, name);
}

Target::Target(io::Files& files, const Clock& clock, io::Pool& pool, std::string folder, TargetOptions options)
    : files_(files), clock_(clock), pool_(pool), folder_(std::move(folder)), options_(std::move(options)) {}

Target::~Target() { close(); }

void Target::close() {
    std::unique_lock lock{mutex_};
    closing_ = true;
    if (progress_) progress_->cancelled = true;
    idle_.wait(lock, [this] { return !state_.running; });
}

Target::State Target::state() const {
    const std::lock_guard lock{mutex_};
    State state = state_;
    if (progress_) {
        state.bytes_done = progress_->bytes_done;
        state.bytes = progress_->bytes;
    }
    return state;
}

void Target::tend(bool now) {
    {
        const std::lock_guard lock{mutex_};
        if (closing_ || state_.running || (!now && clock_.monotonic() < wait_until_)) return;
        state_.running = true;
        progress_ = std::make_shared<Progress>();
    }
    if (pool_.submit([this] { run(); })) return;
    const std::lock_guard lock{mutex_};  // the next minute tries again
    state_.running = false;
    progress_ = nullptr;
    idle_.notify_all();
}

Result<std::string> Target::send_newest(Progress& progress) {
    for (const BackupInfo& info : TRY(list_backups(files_, folder_))) {
        if (!info.problem.empty() || info.made > clock_.now() + kMinute) continue;
        {
            const std::lock_guard lock{mutex_};
            state_.name = info.name;
            if (state_.sent == info.name && state_.problem.empty()) return info.name;
        }
        TRY(send_backup(files_, folder_, info.name, options_, progress));
        return info.name;
    }
    return std::string{};
}

void Target::run() {
    std::shared_ptr<Progress> progress;
    {
        const std::lock_guard lock{mutex_};
        progress = progress_;
    }
    const auto sent = send_newest(*progress);
    const std::lock_guard lock{mutex_};
    state_.running = false;
    progress_ = nullptr;
    if (sent) {
        if (!sent->empty() && (*sent != state_.sent || !state_.problem.empty())) {
            log_info("backup", "{} is whole in {}, too", *sent, options_.name());
            state_.sent = *sent;
            state_.sent_at = state_.tried_at = clock_.now();
        }
        state_.problem.clear();
        state_.next_try = 0;
        failures_in_row_ = 0;
        wait_until_ = 0;
    } else if (!closing_) {
        const DurationNs pause = std::min(kTargetPauseMax, options_.again << std::min(failures_in_row_++, 10));
        state_.problem = sent.error().text();
        state_.tried_at = clock_.now();
        state_.next_try = clock_.now() + pause;
        ++state_.failures;
        wait_until_ = clock_.monotonic() + pause;
        log_error("backup", "the second place has no copy yet: {}", state_.problem);
    }
    idle_.notify_all();
}

}  // namespace gongshu::backup
