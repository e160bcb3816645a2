#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "history/store.h"
#include "history/usage.h"

namespace gongshu::history {

// What the segments of a store hold by tag and by tenant; see Storage::usage().
Result<Usage> survey_usage(const Store& store, const TagDays& which);

// UsageCache keeps what was found in the segments for those who ask again; see Storage::recent_usage().
class UsageCache {
public:
    Result<std::shared_ptr<const Usage>> get(const Store& store, const Clock& clock, std::uint32_t days);

private:
    Result<std::shared_ptr<const Usage>> made(const Store& store, const Clock& clock, std::uint32_t days);

    struct Kept {
        DurationNs at = 0;
        std::shared_ptr<const Usage> usage;
    };
    std::atomic<std::uint32_t> asking_ = 0;
    std::mutex mutex_;                    // held while one is made
    std::map<std::uint32_t, Kept> kept_;  // by days
};

// StorageCheck reads every byte of a store while it runs; see Storage::start_check().
// Lives:   shared by the store's handle and its job.   Threads: any.   Bounds: one job.
class StorageCheck : public std::enable_shared_from_this<StorageCheck> {
public:
    Result<void> start(std::shared_ptr<const Store> store, const Clock& clock, io::Pool& pool);
    void cancel();
    void close();
    CheckState state() const;

private:
    void run(const Store& store, const Clock& clock, VerifyProgress& progress);

    mutable std::mutex mutex_;
    CheckState state_;
    std::shared_ptr<VerifyProgress> progress_;  // null = none runs
    bool closed_ = false;
};

}  // namespace gongshu::history
