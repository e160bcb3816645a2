#include "backup/backups.h"

#include <algorithm>

#include "base/log.h"

namespace gongshu::backup {

Backups::Backups(BackupParts parts, io::Pool& pool, BackupsOptions options)
    : parts_(std::move(parts)), pool_(pool), options_(std::move(options)) {}

Backups::~Backups() { close(); }

void Backups::close() {
    std::unique_lock lock{mutex_};
    closing_ = true;
    if (progress_) progress_->cancelled = true;
    idle_.wait(lock, [this] { return state_.work == Work::none; });
}

Result<void> Backups::start() { return begin(Work::making, ""); }

Result<void> Backups::start_check(const std::string& name) {
    for (const BackupInfo& info : TRY(list()))
        if (info.name == name) return begin(Work::checking, name);
    return Error{Code::not_found, "there is no backup \"{}\" in {}", name.substr(0, 100), options_.folder};
}

Result<void> Backups::begin(Work work, const std::string& name) {
    {
        const std::lock_guard lock{mutex_};
        if (closing_) return Error{Code::unavailable, "the server is stopping"};
        if (state_.work != Work::none)
            return Error{Code::conflict, "a backup is being {} already; wait for it or cancel it",
                         state_.work == Work::making ? "made" : "checked"};
        state_.work = work;
        state_.name = name;
        state_.since = parts_.clock.now();
        progress_ = std::make_shared<Progress>();
    }
    const bool taken = pool_.submit([this, work, name] {
        auto done = run(work, name);
        const std::lock_guard lock{mutex_};
        state_.last_work = work;
        state_.last_end = parts_.clock.now();
        state_.last_name = done ? done->name : name;
        state_.last_error = done ? "" : done.error().text();
        state_.work = Work::none;
        progress_ = nullptr;
        idle_.notify_all();
    });
    if (taken) return {};
    const std::lock_guard lock{mutex_};
    state_.work = Work::none;
    progress_ = nullptr;
    idle_.notify_all();
    return Error{Code::unavailable, "the server is too busy to begin this now; try again"};
}

Result<BackupInfo> Backups::run(Work work, const std::string& name) {
    const auto progress = [this] {
        const std::lock_guard lock{mutex_};
        return progress_;
    }();
    if (work == Work::checking) return check_backup(parts_.files, options_.folder + "/" + name, *progress);
    auto made = make_backup(parts_, options_.folder, *progress);
    if (made) {
        log_info("backup", "{} is whole: {} files, {} MB", made->name, made->files, made->bytes >> 20);
        failures_ = 0;
    } else {
        log_error("backup", "{}", made.error().text());
        ++failures_;
    }
    last_try_ = parts_.clock.monotonic();
    forget_old(made ? made->name : "");
    return made;
}

// Whole ones go only after a new one is whole, so that those that are kept are never fewer than before; halves go
// always: they help nobody, and one after another they would fill the disk. One that claims to be of the future, made
// while a clock was wrong, neither counts nor goes: people decide.
void Backups::forget_old(const std::string& fresh) {
    const auto all = list();
    if (!all) return log_error("backup", "{}", all.error().text());
    std::uint32_t whole = fresh.empty() ? 0 : 1;
    for (const BackupInfo& info : *all) {
        if (!info.name.ends_with(".part")) {
            if (fresh.empty() || info.name == fresh || !info.problem.empty() || options_.keep == 0) continue;
            if (whole < options_.keep) {
                ++whole;
                continue;
            }
        }
        if (auto removed = remove_backup(parts_.files, options_.folder, info.name); !removed)
            log_error("backup", "{}", removed.error().text());
    }
}

void Backups::cancel() {
    const std::lock_guard lock{mutex_};
    if (progress_) progress_->cancelled = true;
}

Result<void> Backups::remove(const std::string& name) {
    // A job of its own kind, so that no other begins and finds files gone.
    {
        const std::lock_guard lock{mutex_};
        if (closing_ || state_.work != Work::none)
            return Error{Code::conflict, "a backup is being made, checked or removed; wait for it or cancel it"};
        state_.work = Work::removing;
        state_.name = name;
        state_.since = parts_.clock.now();
    }
    auto removed = remove_backup(parts_.files, options_.folder, name);
    const std::lock_guard lock{mutex_};
    state_.work = Work::none;
    idle_.notify_all();
    return removed;
}

Result<std::vector<BackupInfo>> Backups::list() const {
    auto all = TRY(list_backups(parts_.files, options_.folder));
    for (BackupInfo& info : all)
        if (info.problem.empty() && info.made > parts_.clock.now() + kMinute)
            info.problem = "made when a clock was wrong: its time lies in the future";
    return all;
}

Backups::State Backups::state() const {
    const std::lock_guard lock{mutex_};
    State state = state_;
    if (progress_) {
        state.files_done = progress_->files_done;
        state.files = progress_->files;
        state.bytes_done = progress_->bytes_done;
        state.bytes = progress_->bytes;
    }
    return state;
}

void Backups::tend() {
    if (options_.every == 0) return;
    // After a failure the next try waits: a minute, two, four … at most a day, and never longer than the interval.
    const DurationNs pause = std::min(options_.every, std::min(kDay, kMinute << std::min(failures_.load(), 11)));
    if (failures_ > 0 && parts_.clock.monotonic() < last_try_ + pause) return;
    const auto all = list();
    if (!all) return log_error("backup", "{}", all.error().text());
    for (const BackupInfo& info : *all)
        if (info.problem.empty() && info.made > parts_.clock.now() - options_.every) return;
    if (auto begun = start(); !begun && begun.error().code() != Code::conflict)
        log_error("backup", "{}", begun.error().text());
}

}  // namespace gongshu::backup
