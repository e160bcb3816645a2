#include "backup/backups.h"

#include <algorithm>

#include "backup/proof.h"
#include "base/log.h"

namespace gongshu::backup {
namespace {

std::string_view word_of(Backups::Work work) {
    switch (work) {
        case Backups::Work::making:
            return "made";
        case Backups::Work::checking:
            return "checked";
        case Backups::Work::proving:
            return "proved";
        case Backups::Work::removing:
            return "removed";
        case Backups::Work::none:
            break;
    }
    return "";
}

// After a failure the next try waits: a minute, two, four … at most a day, and never longer than the interval.
DurationNs pause_after(int failures, DurationNs every) {
    return std::min(every, std::min(kDay, kMinute << std::min(failures, 11)));
}

}  // namespace

Backups::Backups(BackupParts parts, io::Pool& pool, BackupsOptions options)
    : parts_(std::move(parts)), pool_(pool), options_(std::move(options)) {
    // Nothing runs yet that could be in it.
    if (const auto done = clean_drill(parts_.files, options_.folder); !done)
        log_error("backup", "what a former drill left cannot be removed: {}", done.error().text());
    if (!options_.target.folder.empty())
        target_ = std::make_unique<Target>(parts_.files, parts_.clock, pool_, options_.folder, options_.target);
}

Backups::~Backups() { close(); }

void Backups::close() {
    std::unique_lock lock{mutex_};
    closing_ = true;
    if (progress_) progress_->cancelled = true;
    lock.unlock();
    if (target_) target_->close();
    lock.lock();
    idle_.wait(lock, [this] { return state_.work == Work::none; });
}

Result<void> Backups::start() { return begin(Work::making, ""); }

Result<void> Backups::start_check(const std::string& name) {
    for (const BackupInfo& info : TRY(list()))
        if (info.name == name) return begin(Work::checking, name);
    return Error{Code::not_found, "there is no backup \"{}\" in {}", name.substr(0, 100), options_.folder};
}

Result<void> Backups::start_drill(const std::string& name) {
    if (parts_.verify.key_folder.empty())
        return Error{Code::unsupported, "this server cannot prove backups: it was given no key folder for that"};
    for (const BackupInfo& info : TRY(list())) {
        if (name.empty() ? !info.problem.empty() : info.name != name) continue;
        if (info.name.ends_with(".part"))
            return Error{Code::conflict, "{} is not finished; only a whole backup can be proved", name.substr(0, 100)};
        return begin(Work::proving, info.name);
    }
    if (name.empty())
        return Error{Code::not_found, "there is no whole backup in {} that could be proved", options_.folder};
    return Error{Code::not_found, "there is no backup \"{}\" in {}", name.substr(0, 100), options_.folder};
}

Result<std::optional<Proof>> Backups::last_proof() const { return read_proof(parts_.files, options_.folder); }

std::optional<Target::State> Backups::target() const {
    return target_ ? std::optional{target_->state()} : std::nullopt;
}

Result<void> Backups::begin(Work work, const std::string& name) {
    {
        const std::lock_guard lock{mutex_};
        if (closing_) return Error{Code::unavailable, "the server is stopping"};
        if (state_.work != Work::none)
            return Error{Code::conflict, "a backup is being {} already; wait for it or cancel it",
                         word_of(state_.work)};
        state_.work = work;
        state_.name = name;
        state_.since = parts_.clock.now();
        progress_ = std::make_shared<Progress>();
    }
    const bool taken = pool_.submit([this, work, name] {
        auto done = run(work, name);
        if (done && work == Work::making && target_) target_->tend(true);
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
    if (work == Work::proving) return run_drill(name, *progress);
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

Result<BackupInfo> Backups::run_drill(const std::string& name, Progress& progress) {
    last_drill_ = parts_.clock.monotonic();
    const auto proof = drill(parts_, options_.folder, name, progress);
    if (!proof) {
        ++drill_failures_;
        log_error("backup", "{}", proof.error().text());
        return proof.error();
    }
    drill_failures_ = 0;
    if (proof->problem_count > 0) {
        Error found{Code::corrupt, "the backup {} is not good: {} problems, the first: {}", name, proof->problem_count,
                    proof->problems.empty() ? "" : proof->problems[0]};
        log_error("backup", "{}", found.text());
        return found;
    }
    log_info("backup", "{} is proved by reading: {} rows, {} resources, {} audit records", name, proof->rows,
             proof->resources, proof->audit_records);
    return BackupInfo{.name = name, .files = proof->files, .bytes = proof->bytes};
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
    if (target_) target_->tend(false);
    const auto all = list();
    if (!all) return log_error("backup", "{}", all.error().text());
    if (!tend_making(*all)) tend_drill(*all);
}

bool Backups::is_making_due(const std::vector<BackupInfo>& all) const {
    if (options_.every == 0) return false;
    std::optional<TimeNs> newest;
    for (const BackupInfo& info : all)
        if (info.problem.empty()) newest = std::max(newest.value_or(info.made), info.made);
    const TimeNs now = parts_.clock.now();
    if (options_.at) return is_due(*options_.at, static_cast<int>(options_.every / kDay), newest, now);
    return !newest || *newest <= now - options_.every;
}

bool Backups::tend_making(const std::vector<BackupInfo>& all) {
    if (!is_making_due(all)) return false;
    if (failures_ > 0 && parts_.clock.monotonic() < last_try_ + pause_after(failures_, options_.every)) return true;
    if (auto begun = start(); !begun && begun.error().code() != Code::conflict)
        log_error("backup", "{}", begun.error().text());
    return true;
}

void Backups::tend_drill(const std::vector<BackupInfo>& all) {
    if (options_.drill_every == 0 || std::ranges::none_of(all, [](const auto& info) { return info.problem.empty(); }))
        return;
    if (drill_failures_ > 0 &&
        parts_.clock.monotonic() < last_drill_ + pause_after(drill_failures_, options_.drill_every))
        return;
    // One that cannot be read, or claims to be of the future, is as good as none.
    const auto last = last_proof();
    const TimeNs now = parts_.clock.now();
    if (last && *last && (*last)->at > now - options_.drill_every && (*last)->at <= now + kMinute) return;
    if (auto begun = start_drill(""); !begun && begun.error().code() != Code::conflict)
        log_error("backup", "{}", begun.error().text());
}

}  // namespace gongshu::backup
