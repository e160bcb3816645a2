#include "history/storage_desk.h"

#include <algorithm>

namespace gongshu::history {

Result<std::shared_ptr<const Usage>> UsageCache::get(const Store& store, const Clock& clock, std::uint32_t days) {
    const std::lock_guard lock{mutex_};
    const DurationNs now = clock.monotonic();
    std::erase_if(kept_, [&](const auto& one) { return now - one.second.at >= Storage::kUsageAge; });
    if (const auto found = kept_.find(days); found != kept_.end()) return found->second.usage;
    TagDays which;
    which.first = day_of(clock.now()) - static_cast<Day>(days) + 1;
    auto usage = std::make_shared<const Usage>(TRY(survey_usage(store, which)));
    if (kept_.size() >= Storage::kUsagesMax)
        kept_.erase(std::ranges::min_element(kept_, {}, [](const auto& one) { return one.second.at; }));
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
