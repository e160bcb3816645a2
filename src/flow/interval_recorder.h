#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "flow/flow.h"
#include "flow/interval_maker.h"
#include "flow/strand.h"
#include "flow/virtual_tag.h"

namespace gongshu::flow {

// IntervalRecorder makes intervals from virtual tags that say so: as long as the value is true, one lasts. It follows
// what is stored of the tag, a moment behind, and knows by the intervals themselves how far it came: after a restart it
// goes on where they end, so that none is made twice and none is left out.
// Lives:   inside Flow.  Threads: changed() any; the rest on its own strand.
// Bounds:  one small state a place; rows are read kRowsAtOnce at a time. What came before kBackMax at the first look
//          makes no intervals.
class IntervalRecorder {
public:
    static constexpr DurationNs kEvery = 2 * kSecond;
    // By the clock alone nothing ends earlier than so long after its time.
    static constexpr DurationNs kSettled = 10 * kSecond;
    static constexpr DurationNs kBackMax = 31 * kDay;
    static constexpr std::uint64_t kRowsAtOnce = 100'000;

    explicit IntervalRecorder(const FlowParts& parts);
    // On the first lane.
    void start();
    // A virtual tag, device or tag alias changed.
    void changed() { changed_ = true; }

private:
    using Key = std::pair<TenantId, std::string>;  // and the source of the tag
    struct Place {
        std::string uid;      // of the virtual tag
        std::string path;     // of the tag it makes
        std::string subject;  // what the intervals are about, and where that is
        std::string asset;
        VirtualIntervals wish;
        DurationNs lateness = 0;
        IntervalMaker::Options options;
        std::optional<IntervalMaker> maker;
        TagId tag;
        DurationNs began = 0;  // by the monotonic clock
        TimeNs next = 0;  // the first time that was not read yet
    };

    void tick();
    void step();
    void find_places();
    void end_strays();
    Result<void> begin(TenantId tenant, Place& place);
    Result<void> follow(TenantId tenant, Place& place);
    void keep(TenantId tenant, const Place& place, const IntervalMaker::Step& step);
    void end_open(TenantId tenant, const std::string& uid, const std::string& subject, std::optional<TimeNs> to,
                  std::string_view reason);
    Intervals::IntervalDone told(std::string what);

    const FlowParts& parts_;
    std::atomic<bool> changed_ = true;
    // One that could not be kept: all begin anew from what is stored.
    std::shared_ptr<std::atomic<bool>> failed_ = std::make_shared<std::atomic<bool>>(false);
    std::atomic<bool> waiting_ = false;
    // The strand's jobs only.
    bool began_ = false;
    std::map<Key, Place> places_;
    Strand strand_;
};

}  // namespace gongshu::flow
