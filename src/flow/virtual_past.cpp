#include "flow/virtual_past.h"

#include <algorithm>
#include <cmath>

namespace gongshu::flow {
namespace {

constexpr std::uint64_t kRowsAtOnce = 500'000;
constexpr DurationNs kStrideFirst = kDay, kStrideMax = 7 * kDay, kStrideMin = kSecond;
constexpr DurationNs kSeedAge = 400 * kDay;
constexpr DurationNs kSlack = kMinute;         // a window is refilled from a little before it begins
constexpr DurationNs kDecideStep = 4 * kHour;  // at once: an expression that asks for the time changes each second
constexpr std::size_t kFeedAtOnce = 20'000;    // readings that wait in the run; far below what it can hold
constexpr TimeNs kEarliest = INT64_MIN / 2 + 500 * kDay;

bool has_value(const Reading& reading) {
    const double* const number = std::get_if<double>(&reading.value);
    return reading.quality.usable() && (!number || std::isfinite(*number));
}

}  // namespace

Result<std::optional<Reading>> reading_before(const Reader& reader, TagId tag, TimeNs time, bool usable) {
    const auto last = reader.last(tag);
    if (!last) return std::optional<Reading>{};
    if (last->time < time && (!usable || has_value(*last))) return last;
    TimeNs to = std::min(time, last->time + 1);
    for (DurationNs age = kHour; age < kSeedAge; age *= 4) {
        const TimeNs from = std::max(time - age, kEarliest);
        if (from >= to) continue;
        auto series = reader.read({.tags = {tag}, .window = {from, to}, .rows_max = kRowsAtOnce});
        for (DurationNs less = (to - from) / 8; !series && series.error().code() == Code::limit && less >= kSecond;
             less /= 8)
            series = reader.read({.tags = {tag}, .window = {to - less, to}, .rows_max = kRowsAtOnce});
        if (!series && series.error().code() == Code::limit) return std::optional<Reading>{};
        if (!series) return series.error();
        if (!series->empty()) {
            const Rows& rows = series->front().rows;
            for (std::size_t i = rows.size(); i-- > 0;)
                if (!usable || has_value(rows.reading(i))) return std::optional{rows.reading(i)};
        }
        to = from;
    }
    return std::optional<Reading>{};
}

Replay::Replay(const Reader& reader, VirtualRun& run, const Stretch& stretch, Take take)
    : reader_(reader), run_(run), stretch_(stretch), take_(std::move(take)), stride_(kStrideFirst) {
    for (const VirtualInput& input : run_.plan().inputs)
        if (input.id && std::ranges::find(request_.tags, input.id) == request_.tags.end())
            request_.tags.push_back(input.id);
    const DurationNs lookback = run_.plan().program->lookback();
    at_ = std::max(stretch_.from, kEarliest) - (lookback == 0 ? 0 : lookback + kSlack);
}

Result<bool> Replay::step() {
    if (!std::exchange(seeded_, true)) TRY(seed());
    while (at_ < stretch_.read_to) {
        request_.window = {at_, std::min(at_ + stride_, stretch_.read_to)};
        request_.rows_max = kRowsAtOnce;
        auto series =
            request_.tags.empty() ? Result<std::vector<Series>>(std::vector<Series>{}) : reader_.read(request_);
        if (!series && series.error().code() == Code::limit && stride_ > kStrideMin) {
            stride_ = std::max(stride_ / 8, kStrideMin);
            continue;
        }
        if (!series) return series.error();
        const std::uint64_t before = readings_;
        TRY(feed(*series));
        TRY(decide(request_.window.to - 1));
        at_ = request_.window.to;
        if (readings_ - before < kRowsAtOnce / 16) stride_ = std::min(stride_ * 2, kStrideMax);
        break;
    }
    if (at_ < stretch_.read_to) return false;
    TRY(decide(stretch_.until));
    TRY(take_away(true));
    return true;
}

Result<void> Replay::finish() {
    while (!TRY(step())) {
    }
    return {};
}

// What the tags were before anything is read.
Result<void> Replay::seed() {
    const auto& inputs = run_.plan().inputs;
    std::vector<std::pair<std::size_t, Reading>> seeds;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (!inputs[i].id) continue;
        const auto newest = TRY(reading_before(reader_, inputs[i].id, at_, false));
        if (!newest) continue;
        if (!has_value(*newest))
            if (const auto usable = TRY(reading_before(reader_, inputs[i].id, newest->time, true)))
                seeds.emplace_back(i, *usable);
        seeds.emplace_back(i, *newest);
    }
    std::ranges::stable_sort(seeds, {}, [](const auto& one) { return one.second.time; });
    for (const auto& [input, reading] : seeds) run_.feed(input, reading.time, reading.value, reading.quality);
    return decide(at_ - 1);
}

Result<void> Replay::feed(const std::vector<Series>& series) {
    struct Next {
        TimeNs time;
        std::size_t input, row;
        const Rows* rows;
    };
    std::vector<Next> all;
    const auto& inputs = run_.plan().inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto found = std::ranges::find(series, inputs[i].id, &Series::tag);
        if (!inputs[i].id || found == series.end()) continue;
        for (std::size_t row = 0; row < found->rows.size(); ++row)
            all.push_back({found->rows.time(row), i, row, &found->rows});
    }
    std::ranges::stable_sort(all, {}, &Next::time);
    readings_ += all.size();
    std::size_t fed = 0;
    for (const Next& one : all) {
        if (++fed >= kFeedAtOnce) {
            TRY(decide(one.time - 1));
            fed = 0;
        }
        run_.feed(one.input, one.time, one.rows->value(one.row), one.rows->quality(one.row));
    }
    return {};
}

// By steps, so that what time alone gives does not come all at once.
Result<void> Replay::decide(TimeNs time) {
    time = std::min(time, stretch_.until);
    for (;;) {
        const auto due = run_.next_due();
        if (!due || time - run_.decided() <= kDecideStep) break;
        const TimeNs next = std::max(run_.decided(), *due - run_.plan().lateness) + kDecideStep;
        if (next >= time) break;
        run_.decide(next, rows_);
        TRY(take_away(false));
    }
    run_.decide(time, rows_);
    return take_away(false);
}

Result<void> Replay::take_away(bool all) {
    if (rows_.empty() || (!all && rows_.size() < kReplayRows)) return {};
    TRY(take_(rows_));
    rows_.clear();
    return {};
}

}  // namespace gongshu::flow
