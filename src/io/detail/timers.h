#pragma once

#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "io/loop.h"

namespace gongshu::io::detail {

// Work to be done at a moment of the monotonic clock, earliest first; what is due at the same moment runs in the order
// it was added.
// Lives:   inside a loop.
// Threads: the loop's.
// Bounds:  none; who adds timers has a limit of his own.
// Disk:    none.
class Timers {
public:
    TimerId add(DurationNs deadline, std::function<void()> work) {
        const TimerId id{++last_};
        queue_.emplace(std::pair{deadline, id.value}, std::move(work));
        deadlines_.emplace(id.value, deadline);
        return id;
    }

    void cancel(TimerId timer) {
        const auto found = deadlines_.find(timer.value);
        if (found == deadlines_.end()) return;
        const auto node = queue_.extract({found->second, timer.value});
        deadlines_.erase(found);
    }  // the work is destroyed last: it may own something that cancels timers

    std::optional<DurationNs> next() const {
        if (queue_.empty()) return std::nullopt;
        return queue_.begin()->first.first;
    }

    // Runs what is due at `now`, but nothing that is added meanwhile.
    void run_due(DurationNs now) {
        const auto newest = last_;
        while (!queue_.empty() && queue_.begin()->first.first <= now && queue_.begin()->first.second <= newest) {
            const auto node = queue_.extract(queue_.begin());
            deadlines_.erase(node.key().second);
            node.mapped()();
        }
    }

private:
    std::map<std::pair<DurationNs, std::uint64_t>, std::function<void()>> queue_;
    std::unordered_map<std::uint64_t, DurationNs> deadlines_;
    std::uint64_t last_ = 0;
};

}  // namespace gongshu::io::detail
