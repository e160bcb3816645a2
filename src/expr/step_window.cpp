#include "expr/step_window.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace gongshu::expr {

// ------------------------------------------------------------------------------------------------- StepWindow

DurationNs StepWindow::tick() const { return std::max(kSecond, length_ / 100 / kSecond * kSecond); }

void StepWindow::count(const Step& step, TimeNs from, TimeNs to, bool take_away) {
    if (!step.usable() || to <= from) return;
    const DurationNs lasted = to - from;
    usable_ += take_away ? -lasted : lasted;
    if (step.counts()) true_ += take_away ? -lasted : lasted;
    if (aggregate_ != Aggregate::twa || step.too_large()) return;
    const auto ns = static_cast<double>(lasted);
    take_away ? sum_.subtract_product(step.value, ns) : sum_.add_product(step.value, ns);
}

void StepWindow::tally(const Step& step, bool take_away) {
    const std::size_t one = take_away ? static_cast<std::size_t>(-1) : 1;
    if (step.grade != Grade::good) not_good_ += one;
    if (step.too_large()) too_large_ += one;
}

// The step at `at` with what it lasted, if it has ended.
void StepWindow::count(std::size_t at, bool take_away) {
    if (at + 1 < steps_.size()) count(steps_[at], steps_[at].time, steps_[at + 1].time, take_away);
}

void StepWindow::drop_front() {
    count(0, true);
    tally(steps_.front(), true);
    steps_.pop_front();
}

void StepWindow::add(TimeNs now, TimeNs time, double value, Grade grade) {
    const Step step{time, grade == Grade::bad ? 0 : value, grade};
    auto at = static_cast<std::size_t>(
        std::lower_bound(steps_.begin(), steps_.end(), time, [](const Step& s, TimeNs t) { return s.time < t; }) -
        steps_.begin());
    if (at == 0 && !steps_.empty() && time != steps_[0].time && steps_[0].time <= now - length_) return;  // long past
    if (at > 0) count(at - 1, true);
    if (at < steps_.size() && steps_[at].time == time) {
        count(at, true);
        tally(steps_[at], true);
        steps_[at] = step;
    } else {
        steps_.insert(steps_.begin() + static_cast<std::ptrdiff_t>(at), step);
    }
    tally(step, false);
    if (at > 0) count(at - 1, false);
    count(at, false);
    fresh_ = true;
    if (steps_.size() > kWindowPointsMax) {
        whole_again_ = std::max(whole_again_, steps_[1].time + length_);
        drop_front();
    }
}

void StepWindow::follow(TimeNs now, const Cell& cell) {
    if (steps_.empty() && !cell.known && cell.missing) return;
    const Grade grade = cell.known ? cell.quality.grade : Grade::bad;
    const double value = cell.known ? cell.number : 0;
    if (!steps_.empty() && steps_.back().grade == grade &&
        std::bit_cast<std::uint64_t>(steps_.back().value) == std::bit_cast<std::uint64_t>(value))
        return;
    add(now, now, value, grade);
}

void StepWindow::expire(TimeNs now) {
    while (steps_.size() > 1 && steps_[1].time <= now - length_) drop_front();
}

void StepWindow::compute(TimeNs now) {
    expire(now);
    value_.reset();
    grade_ = not_good_ > 0 ? Grade::uncertain : Grade::good;
    due_.reset();
    if (steps_.empty()) return;
    const TimeNs start = now - length_;
    const Step first = steps_.front(), last = steps_.back();
    // What the first lasted before the window, and what the last lasted until now.
    const TimeNs before_until = std::min(start, steps_.size() > 1 ? steps_[1].time : start);
    const bool began_before = steps_.size() > 1 && first.time < start;
    if (began_before) count(first, first.time, before_until, true);
    const TimeNs last_from = steps_.size() > 1 ? last.time : std::max(last.time, start);
    count(last, last_from, now, false);
    if (aggregate_ == Aggregate::duration_true) {
        if (usable_ > 0 || last.usable()) value_ = static_cast<double>(true_) / 1e9;
    } else if (too_large_ > 0) {
        // no average
    } else if (usable_ == 0) {
        if (last.usable() && last.time >= now) value_ = last.value;
    } else {
        value_ = sum_.value() / static_cast<double>(usable_);
    }
    count(last, last_from, now, true);
    if (began_before) count(first, first.time, before_until, false);
    // One value alone: its average is itself, and how long it was true grows only until it fills the window.
    const bool still = steps_.size() == 1 && (aggregate_ == Aggregate::twa || first.time <= start || !last.counts());
    if (!still) due_ = now - (now % tick() + tick()) % tick() + tick();
}

void StepWindow::advance(TimeNs now) {
    if (!fresh_ && (!due_ || now < *due_)) return;
    fresh_ = false;
    compute(now);
}

void StepWindow::shift(DurationNs by) {
    for (Step& step : steps_) step.time += by;
    if (whole_again_ != INT64_MIN) whole_again_ += by;
    if (due_) *due_ += by;
}

// ---------------------------------------------------------------------------------------------------- Changes

void Changes::add(TimeNs time, const Cell& cell) {
    if (!cell.known) return;
    Cell before = last_;
    before.text = text_;
    before.quality = cell.quality;
    differs_ = any_ && !before.same(cell);
    if (differs_) turned_ = time;
    any_ = true;
    last_ = cell;
    text_ = cell.text;
}

Cell Changes::value(TimeNs now) const {
    if (!any_) return missing_cell();
    return truth_cell(within_ > 0 ? turned_ && now - *turned_ < within_ : differs_, last_.quality);
}

void Changes::shift(DurationNs by) {
    if (turned_) *turned_ += by;
}

std::optional<TimeNs> Changes::next_change(TimeNs now) const {
    if (within_ == 0 || !turned_ || *turned_ + within_ <= now) return std::nullopt;
    return *turned_ + within_;
}

// ------------------------------------------------------------------------------------------------- TurnWindow

void TurnWindow::add(TimeNs now, bool known, bool truth) {
    if (!known) return;
    if (seen_ && truth && !truth_) {
        turns_.push_back(now);
        if (turns_.size() > kWindowPointsMax) {
            whole_again_ = turns_.front() + length_;
            turns_.pop_front();
        }
    }
    seen_ = true;
    truth_ = truth;
}

void TurnWindow::expire(TimeNs now) {
    while (!turns_.empty() && turns_.front() <= now - length_) turns_.pop_front();
}

void TurnWindow::shift(DurationNs by) {
    for (TimeNs& time : turns_) time += by;
    if (whole_again_ != INT64_MIN) whole_again_ += by;
}

std::optional<TimeNs> TurnWindow::next_change() const {
    if (turns_.empty()) return std::nullopt;
    return turns_.front() + length_;
}

// -------------------------------------------------------------------------------------------------- LagBuffer

void LagBuffer::add(TimeNs now, TimeNs time, const Cell& cell) {
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), time,
                                     [](const Entry& entry, TimeNs t) { return entry.time < t; });
    if (at == entries_.begin() && at != entries_.end() && at->time > time && at->time <= now - by_) return;
    Entry entry{time, cell, std::string(cell.text)};
    text_bytes_ += entry.text.size();
    if (at != entries_.end() && at->time == time) {
        text_bytes_ -= at->text.size();
        *at = std::move(entry);
    } else {
        entries_.insert(at, std::move(entry));
    }
    while (entries_.size() > kWindowPointsMax || (text_bytes_ > kLagTextBytesMax && entries_.size() > 1)) drop_front();
}

void LagBuffer::drop_front() {
    text_bytes_ -= entries_.front().text.size();
    entries_.pop_front();
}

void LagBuffer::follow(TimeNs now, const Cell& cell) {
    if (!entries_.empty()) {
        Cell last = entries_.back().cell;
        last.text = entries_.back().text;
        if (last.same(cell)) return;
    }
    add(now, now, cell);
}

void LagBuffer::expire(TimeNs now) {
    while (entries_.size() > 1 && entries_[1].time <= now - by_) drop_front();
}

void LagBuffer::shift(DurationNs by) {
    for (Entry& entry : entries_) entry.time += by;
}

Cell LagBuffer::at(TimeNs now) const {
    if (entries_.empty() || entries_.front().time > now - by_) return missing_cell();
    Cell cell = entries_.front().cell;
    cell.text = entries_.front().text;
    return cell;
}

std::optional<TimeNs> LagBuffer::next_change(TimeNs now) const {
    for (std::size_t i = 0; i < entries_.size() && i < 2; ++i)
        if (entries_[i].time > now - by_) return entries_[i].time + by_;
    return std::nullopt;
}

}  // namespace gongshu::expr
