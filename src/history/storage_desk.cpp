#include "history/storage_desk.h"

#include <algorithm>

namespace gongshu::history {

Result<std::shared_ptr<const Usage>> UsageCache::get(const Store& store, const Clock& clock, std::uint32_t days) {
    if (std::ranges::find(Storage::kUsageDays, days) == Storage::kUsageDays.end())
        return Error{Code::invalid, "days: {} is none of 1, 7, 30, 90, 365, 3650", days};
    // A thread of the pool that waits serves nobody else.
    const bool enters = asking_.fetch_add(1) <= Storage::kUsageWaitersMax;
    auto usage =
        enters ? made(store, clock, days) : Error{Code::unavailable, "others wait for the same: try again in a moment"};
    --asking_;
    return usage;
}

Result<std::shared_ptr<const Usage>> UsageCache::made(const Store& store, const Clock& clock, std::uint32_t days) {
    const std::lock_guard lock{mutex_};
    const DurationNs now = clock.monotonic();
    std::erase_if(kept_, [&](const auto& one) { return now - one.second.at >= Storage::kUsageAge; });
    if (const auto found = kept_.find(days); found != kept_.end()) return found->second.usage;
    TagDays which;
    which.first = day_of(clock.now()) - static_cast<Day>(days) + 1;
    auto usage = std::make_shared<const Usage>(TRY(survey_usage(store, which)));
    kept_[days] = {now, usage};
    return usage;
}

Result<void> StorageCheck::start(std::shared_ptr<const Store> store, const Clock& clock, io::Pool& pool) {
    const std::lock_guard lock{mutex_};
    if (closed_) return Error{Code::unavailable, "the server stops"};
    if (progress_) return Error{Code::conflict, "the storage is being checked already"};
    const auto progress = std::make_shared<VerifyProgress>();
    const auto job = [self = shared_from_this(), store = std::move(store), &clock, progress] {
        self->run(*store, clock, *progress);
    };
    if (!pool.submit(job)) return Error{Code::unavailable, "the server has too much to do: try again in a moment"};
    progress_ = progress;
    state_.since = clock.now();
    return {};
}

void StorageCheck::run(const Store& store, const Clock& clock, VerifyProgress& progress) {
    const DurationNs begin = clock.monotonic();
    auto report = store.verify(&progress);
    CheckState ended;
    ended.ended = clock.now();
    ended.took = clock.monotonic() - begin;
    if (report) {
        ended.files_read = report->files + report->event_files;
        ended.rows = report->rows;
        ended.events = report->events;
        ended.intervals = report->intervals;
        ended.problem_count = report->problems.size();
        ended.problems = std::move(report->problems);
        ended.problems.resize(std::min(ended.problems.size(), CheckState::kProblemsMax));
    } else {
        ended.error = report.error().text();
    }
    const std::lock_guard lock{mutex_};
    ended.since = state_.since;
    state_ = std::move(ended);
    progress_ = nullptr;
}

void StorageCheck::cancel() {
    const std::lock_guard lock{mutex_};
    if (progress_) progress_->stop = true;
}

void StorageCheck::close() {
    cancel();
    const std::lock_guard lock{mutex_};
    closed_ = true;
}

CheckState StorageCheck::state() const {
    const std::lock_guard lock{mutex_};
    CheckState state = state_;
    state.running = progress_ != nullptr;
    if (!progress_) return state;
    state.files_done = progress_->files_done;
    state.files = progress_->files;
    state.bytes_done = progress_->bytes_done;
    state.bytes = progress_->bytes;
    return state;
}

}  // namespace gongshu::history
