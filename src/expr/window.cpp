#include "expr/window.h"

#include <algorithm>
#include <cmath>

namespace gongshu::expr {
namespace {

constexpr std::size_t kRebuildAfter = 4096;  // removals, at least; more if the window holds more

void add_compensated(double& sum, double& lost, double value) {
    const double total = sum + value;
    lost += std::abs(sum) >= std::abs(value) ? (sum - total) + value : (value - total) + sum;
    sum = total;
}

}  // namespace

void WindowPoints::include(const Point& point) {
    if (point.grade == Grade::uncertain) ++uncertain_;
    if (point.grade == Grade::bad) ++bad_;
    if (point.usable()) add_compensated(sum_, lost_, point.value);
}

void WindowPoints::exclude(const Point& point) {
    if (point.grade == Grade::uncertain) --uncertain_;
    if (point.grade == Grade::bad) --bad_;
    if (point.usable()) add_compensated(sum_, lost_, -point.value);
    ++removed_;
}

void WindowPoints::push_extreme(const Point& point) {
    if (!point.usable() || (aggregate_ != Aggregate::min && aggregate_ != Aggregate::max)) return;
    const bool least = aggregate_ == Aggregate::min;
    while (!extremes_.empty() &&
           (least ? extremes_.back().value >= point.value : extremes_.back().value <= point.value))
        extremes_.pop_back();
    extremes_.push_back(point);
}

void WindowPoints::add(TimeNs now, TimeNs time, double value, Grade grade) {
    if (time <= now - length_) return;
    const Point point{time, grade == Grade::bad ? 0 : value, grade};
    if (points_.empty() || time > points_.back().time) {
        points_.push_back(point);
        include(point);
        if (!dirty_) push_extreme(point);
    } else {
        const auto at =
            std::lower_bound(points_.begin(), points_.end(), time, [](const Point& p, TimeNs t) { return p.time < t; });
        if (at != points_.end() && at->time == time) {
            exclude(*at);
            *at = point;
        } else {
            points_.insert(at, point);
        }
        include(point);
        dirty_ = true;
    }
    if (points_.size() > kWindowPointsMax) {
        whole_again_ = points_.front().time + length_;
        exclude(points_.front());
        if (!extremes_.empty() && extremes_.front().time == points_.front().time) extremes_.pop_front();
        points_.pop_front();
    }
}

void WindowPoints::expire(TimeNs now) {
    while (!points_.empty() && points_.front().time <= now - length_) {
        if (!extremes_.empty() && extremes_.front().time == points_.front().time) extremes_.pop_front();
        exclude(points_.front());
        points_.pop_front();
    }
    if (points_.empty()) {
        sum_ = lost_ = 0;
        removed_ = 0;
        extremes_.clear();
        dirty_ = false;
    }
}

void WindowPoints::shift(DurationNs by) {
    for (Point& point : points_) point.time += by;
    for (Point& point : extremes_) point.time += by;
    if (whole_again_ != INT64_MIN) whole_again_ += by;
}

std::optional<TimeNs> WindowPoints::next_change() const {
    if (points_.empty()) return std::nullopt;
    return points_.front().time + length_;
}

void WindowPoints::rebuild() const {
    if (!dirty_ && removed_ < std::max(kRebuildAfter, points_.size())) return;
    sum_ = lost_ = 0;
    removed_ = 0;
    extremes_.clear();
    dirty_ = false;
    const bool least = aggregate_ == Aggregate::min, most = aggregate_ == Aggregate::max;
    for (const Point& point : points_) {
        if (!point.usable()) continue;
        add_compensated(sum_, lost_, point.value);
        if (!least && !most) continue;
        while (!extremes_.empty() &&
               (least ? extremes_.back().value >= point.value : extremes_.back().value <= point.value))
            extremes_.pop_back();
        extremes_.push_back(point);
    }
}

const WindowPoints::Point* WindowPoints::first_usable() const {
    for (const Point& point : points_)
        if (point.usable()) return &point;
    return nullptr;
}

const WindowPoints::Point* WindowPoints::last_usable() const {
    for (auto at = points_.rbegin(); at != points_.rend(); ++at)
        if (at->usable()) return &*at;
    return nullptr;
}

std::optional<double> WindowPoints::value() const {
    rebuild();
    const std::size_t usable = points_.size() - bad_;
    if (aggregate_ == Aggregate::count) return static_cast<double>(usable);
    if (usable == 0) return std::nullopt;
    switch (aggregate_) {
        case Aggregate::avg:
            return (sum_ + lost_) / static_cast<double>(usable);
        case Aggregate::sum:
            return sum_ + lost_;
        case Aggregate::min:
        case Aggregate::max:
            return extremes_.front().value;
        case Aggregate::first:
            return first_usable()->value;
        case Aggregate::last:
            return last_usable()->value;
        case Aggregate::delta:
            return last_usable()->value - first_usable()->value;
        case Aggregate::rate: {
            const Point *first = first_usable(), *last = last_usable();
            if (first == last) return std::nullopt;
            return (last->value - first->value) / (static_cast<double>(last->time - first->time) / 1e9);
        }
        case Aggregate::count:
            break;
    }
    return std::nullopt;
}

std::optional<TimeNs> WindowPoints::time_of_value() const {
    rebuild();
    if (points_.size() == bad_) return std::nullopt;
    switch (aggregate_) {
        case Aggregate::min:
        case Aggregate::max:
            return extremes_.front().time;
        case Aggregate::first:
            return first_usable()->time;
        case Aggregate::last:
            return last_usable()->time;
        default:
            return std::nullopt;
    }
}

Grade WindowPoints::grade() const { return uncertain_ + bad_ > 0 ? Grade::uncertain : Grade::good; }

}  // namespace gongshu::expr
