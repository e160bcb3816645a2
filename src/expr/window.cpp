#include "expr/window.h"

#include <algorithm>
#include <cmath>

namespace gongshu::expr {

void WindowPoints::step(const Point& from, const Point& to, bool take_away) {
    const auto put = [&](double value) { take_away ? sum_.subtract(value) : sum_.add(value); };
    put(to.value);
    if (to.value >= from.value) {
        put(-from.value);
    } else if (parameter_ > 0) {
        put(-from.value);
        put(parameter_);
    }
}

void WindowPoints::count(const Point& point, bool take_away) {
    if (point.uncertain) take_away ? --uncertain_ : ++uncertain_;
    switch (aggregate_) {
        case Aggregate::avg:
        case Aggregate::sum:
            take_away ? sum_.subtract(point.value) : sum_.add(point.value);
            return;
        case Aggregate::stddev:
            take_away ? sum_.subtract(point.value) : sum_.add(point.value);
            if (!std::isfinite(point.value * point.value))
                take_away ? --too_large_ : ++too_large_;
            else
                take_away ? squares_.subtract_product(point.value, point.value)
                          : squares_.add_product(point.value, point.value);
            return;
        case Aggregate::median:
        case Aggregate::percentile: {
            const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), point.value);
            take_away ? sorted_.erase(at) : sorted_.insert(at, point.value);
            return;
        }
        default:
            return;
    }
}

void WindowPoints::insert(std::size_t at, const Point& point) {
    const bool newest = at == points_.size();
    if (aggregate_ == Aggregate::increase) {
        if (at > 0 && !newest) step(points_[at - 1], points_[at], true);
        if (at > 0) step(points_[at - 1], point, false);
        if (!newest) step(point, points_[at], false);
    }
    count(point, false);
    if (newest)
        points_.push_back(point);
    else
        points_.insert(points_.begin() + static_cast<std::ptrdiff_t>(at), point);
    if (!extreme()) return;
    if (newest && !extremes_stale_)
        push_extreme(point);
    else
        extremes_stale_ = true;
}

void WindowPoints::remove(std::size_t at) {
    const bool newest = at + 1 == points_.size();
    if (aggregate_ == Aggregate::increase) {
        if (at > 0) step(points_[at - 1], points_[at], true);
        if (!newest) step(points_[at], points_[at + 1], true);
        if (at > 0 && !newest) step(points_[at - 1], points_[at + 1], false);
    }
    count(points_[at], true);
    if (extreme() && at > 0) extremes_stale_ = true;
    if (extreme() && at == 0 && !extremes_.empty() && extremes_.front().time == points_[0].time) extremes_.pop_front();
    if (at == 0)
        points_.pop_front();
    else
        points_.erase(points_.begin() + static_cast<std::ptrdiff_t>(at));
    if (points_.empty()) {
        sum_.clear();
        squares_.clear();
        extremes_.clear();
        extremes_stale_ = false;
    }
}

// The reading of that time, of which a newer version came.
void WindowPoints::forget(TimeNs time) {
    const auto good = std::lower_bound(points_.begin(), points_.end(), time,
                                       [](const Point& point, TimeNs t) { return point.time < t; });
    if (good != points_.end() && good->time == time) remove(static_cast<std::size_t>(good - points_.begin()));
    const auto bad = std::lower_bound(bad_.begin(), bad_.end(), time);
    if (bad != bad_.end() && *bad == time) bad_.erase(bad);
}

void WindowPoints::drop_oldest() {
    if (!bad_.empty() && (points_.empty() || bad_.front() < points_.front().time))
        bad_.pop_front();
    else
        remove(0);
}

void WindowPoints::add(TimeNs now, TimeNs time, double value, Grade grade) {
    if (time <= now - length_) return;
    const bool in_order = (points_.empty() || time > points_.back().time) && (bad_.empty() || time > bad_.back());
    if (!in_order) forget(time);
    if (grade == Grade::bad) {
        bad_.insert(std::lower_bound(bad_.begin(), bad_.end(), time), time);
    } else {
        std::size_t at = points_.size();
        if (!in_order)
            at =
                static_cast<std::size_t>(std::lower_bound(points_.begin(), points_.end(), time,
                                                          [](const Point& point, TimeNs t) { return point.time < t; }) -
                                         points_.begin());
        insert(at, {time, value, grade == Grade::uncertain});
    }
    if (size() > kWindowPointsMax) {
        const TimeNs oldest = *next_change() - length_;
        whole_again_ = std::max(whole_again_, oldest + length_);
        drop_oldest();
    }
}

void WindowPoints::expire(TimeNs now) {
    while (!points_.empty() && points_.front().time <= now - length_) remove(0);
    while (!bad_.empty() && bad_.front() <= now - length_) bad_.pop_front();
}

void WindowPoints::shift(DurationNs by) {
    for (Point& point : points_) point.time += by;
    for (TimeNs& time : bad_) time += by;
    for (Point& point : extremes_) point.time += by;
    if (whole_again_ != INT64_MIN) whole_again_ += by;
}

std::optional<TimeNs> WindowPoints::next_change() const {
    if (points_.empty() && bad_.empty()) return std::nullopt;
    TimeNs oldest = INT64_MAX;
    if (!points_.empty()) oldest = points_.front().time;
    if (!bad_.empty()) oldest = std::min(oldest, bad_.front());
    return oldest + length_;
}

void WindowPoints::push_extreme(const Point& point) const {
    const bool least = aggregate_ == Aggregate::min;
    while (!extremes_.empty() &&
           (least ? extremes_.back().value >= point.value : extremes_.back().value <= point.value))
        extremes_.pop_back();
    extremes_.push_back(point);
}

void WindowPoints::rebuild_extremes() const {
    if (!extremes_stale_) return;
    extremes_stale_ = false;
    extremes_.clear();
    for (const Point& point : points_) push_extreme(point);
}

// Of a sample: divided by n - 1. n * squares - sum^2 is taken with twice the digits, because both may be large and
// alike.
std::optional<double> WindowPoints::deviation() const {
    if (points_.size() < 2 || too_large_ > 0) return std::nullopt;
    const auto n = static_cast<double>(points_.size());
    const ExactSum::Double sum = sum_.twice(), squares = squares_.twice();
    ExactSum spread;
    for (const double part : {squares.head, squares.tail}) {
        if (!std::isfinite(part * n)) return std::nullopt;
        spread.add_product(part, n);
    }
    const double square = sum.head * sum.head;
    if (!std::isfinite(square)) return std::nullopt;
    spread.subtract_product(sum.head, sum.head);
    spread.subtract_product(2 * sum.head, sum.tail);
    return std::sqrt(std::max(0.0, spread.value()) / (n * (n - 1)));
}

// Between two readings in a straight line: rank (n - 1) * p / 100.
double WindowPoints::percentile(double percent) const {
    const double rank = static_cast<double>(sorted_.size() - 1) * percent / 100;
    const auto below = std::min(static_cast<std::size_t>(rank), sorted_.size() - 1);
    const double part = rank - static_cast<double>(below);
    if (part == 0 || below + 1 == sorted_.size()) return sorted_[below];
    return sorted_[below] * (1 - part) + sorted_[below + 1] * part;
}

std::optional<double> WindowPoints::value() const {
    if (aggregate_ == Aggregate::count) return static_cast<double>(points_.size());
    if (points_.empty()) return std::nullopt;
    const Point &first = points_.front(), &last = points_.back();
    switch (aggregate_) {
        case Aggregate::avg:
            return sum_.value() / static_cast<double>(points_.size());
        case Aggregate::sum:
            return sum_.value();
        case Aggregate::increase:
            return points_.size() < 2 ? 0 : sum_.value();
        case Aggregate::stddev:
            return deviation();
        case Aggregate::min:
        case Aggregate::max:
            rebuild_extremes();
            return extremes_.front().value;
        case Aggregate::first:
            return first.value;
        case Aggregate::last:
            return last.value;
        case Aggregate::delta:
            return last.value - first.value;
        case Aggregate::rate:
            if (points_.size() < 2) return std::nullopt;
            return (last.value - first.value) / (static_cast<double>(last.time - first.time) / 1e9);
        case Aggregate::median:
            return percentile(50);
        case Aggregate::percentile:
            return percentile(parameter_);
        default:
            return std::nullopt;  // count: above; the others belong to StepWindow
    }
}

std::optional<TimeNs> WindowPoints::time_of_value() const {
    if (points_.empty()) return std::nullopt;
    switch (aggregate_) {
        case Aggregate::min:
        case Aggregate::max:
            rebuild_extremes();
            return extremes_.front().time;
        case Aggregate::first:
            return points_.front().time;
        case Aggregate::last:
            return points_.back().time;
        default:
            return std::nullopt;
    }
}

}  // namespace gongshu::expr
