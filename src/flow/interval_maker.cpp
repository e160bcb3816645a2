#include "flow/interval_maker.h"

namespace gongshu::flow {

void IntervalMaker::end(std::vector<Step>& steps) {
    if (told_ || *paused_ - *since_ >= options_.min_length) {
        if (*paused_ > *since_) steps.push_back({*since_, paused_, told_});
    }
    since_.reset();
    paused_.reset();
    told_ = false;
}

void IntervalMaker::advance(TimeNs time, std::vector<Step>& steps) {
    if (!since_) return;
    if (paused_) {
        if (time - *paused_ > options_.join_gap) end(steps);
        return;
    }
    begin(time, steps);
}

// It holds at `time`, and has since some time before.
void IntervalMaker::begin(TimeNs time, std::vector<Step>& steps) {
    if (told_ || time - *since_ < options_.min_length) return;
    told_ = true;
    steps.push_back({*since_, std::nullopt, false});
}

void IntervalMaker::feed(TimeNs time, bool holds, std::vector<Step>& steps) {
    if (time < newest_) return;
    newest_ = time;
    advance(time, steps);
    if (holds) {
        paused_.reset();
        if (!since_) since_ = time;
        return begin(time, steps);
    }
    if (since_ && !paused_) paused_ = time;
    if (paused_ && options_.join_gap == 0) end(steps);
}

}  // namespace gongshu::flow
