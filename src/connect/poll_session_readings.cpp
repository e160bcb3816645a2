// What PollSession does with answers: times, batches for the store, gaps.
#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "connect/poll_session.h"
#include "connect/property_value.h"

namespace gongshu::connect {

namespace {

constexpr std::size_t kTextBytesMax = 64 * 1024;  // of one reading, as the store keeps it
constexpr DurationNs kSayAgain = 10 * kSecond;

std::size_t text_bytes(const Value& value) {
    const auto* const text = std::get_if<std::string>(&value);
    return text == nullptr ? 0 : text->size();
}

void cut_text(PropertyReading& reading) {
    if (text_bytes(reading.value) <= kTextBytesMax) return;
    auto& text = std::get<std::string>(reading.value);
    text.resize(cut_utf8(text, kTextBytesMax).size());
    text.shrink_to_fit();
    if (!reading.quality.usable()) return;
    reading.quality = bad(Reason::range);
    reading.error = fmt::format("the device says a text of more than {} bytes: what is behind them is cut off", kTextBytesMax);
}

}  // namespace

// What was so before an outage that stands there already is so again now: in order of time the outage would never end.
// Behind all that stands there: with a clock that is ahead the machine's last value would hide what we say after it.
TimeNs PollSession::own_time(PointState& point, TimeNs now) {
    const TimeNs time = point.newest == 0 ? now : std::max(now, point.newest + 1);
    if (point.newest != 0) point.newest = time;
    point.barrier = time;
    return time;
}

TimeNs PollSession::take_time(PointState& point, PointReading& got, TimeNs now) {
    if (got.time == 0) return own_time(point, now);
    if (got.time > now + kClockAheadMax || got.time < kClockIsSet) {
        if (got.reading.quality.good()) got.reading.quality = uncertain(Reason::clock);
        return own_time(point, now);
    }
    if (got.time <= point.barrier) return own_time(point, now);
    point.newest = std::max(point.newest, got.time);
    return got.time;
}

// `is_heard`: it is said once (Driver::says_once()): for what of it is lost the link is opened anew.
void PollSession::on_readings(std::vector<PointReading> readings, bool is_heard) {
    if (readings.empty()) return;
    const TimeNs now = deps_.lane.clock().now();
    Rows rows;
    rows.reserve(readings.size());
    bool changed = false, lost = false;
    std::vector<std::size_t> seen;
    for (PointReading& got : readings) {
        PointState& point = points_[got.point];
        const PropertyConfig& property = property_of(got.point);
        if (!resolve(got.point)) {
            lost |= is_heard;
            continue;
        }
        PropertyReading& reading = got.reading;
        cut_text(reading);
        if (!reading.error.empty()) set_device_error(point.device, property.name + ": " + reading.error);
        const bool is_bad = !reading.quality.usable();
        changed |= is_bad != point.bad;
        point.bad = is_bad;
        point.marked = is_bad ? reading.quality.reason : Reason::none;
        if (!is_bad && (seen.empty() || seen.back() != point.device)) seen.push_back(point.device);
        const TimeNs time = take_time(point, got, now);
        if (rows.full(text_bytes(reading.value))) append(std::exchange(rows, {}), {}, is_heard);
        rows.add({point.tag, time, std::move(reading.value), reading.quality});
        ++counters_.readings;
    }
    append(std::move(rows), {}, is_heard);
    if (lost) say_again_later();
    {
        auto view = view_.lock();
        const double latency_ms = static_cast<double>(link_->latency()) / kMillisecond;
        view->latency_ms = view->latency_ms == 0 ? latency_ms : 0.8 * view->latency_ms + 0.2 * latency_ms;
        for (const std::size_t device : seen) {
            DeviceStatus& status = view->devices[device].status;
            status.last_seen = now;
            if (status.state == DeviceState::online) continue;
            status.state = DeviceState::online;
            status.since = now;
        }
    }
    if (changed) count_bad();
}

bool PollSession::resolve(std::size_t index) {
    PointState& point = points_[index];
    if (point.tag) return true;
    const DeviceConfig& device = config_->devices[point.device];
    const PropertyConfig& property = property_of(index);
    auto tag = deps_.tags.resolve_declared({config_->tenant, "d:" + device.uid, property.name},
                                           device.path + "." + property.name, property.type, property.unit);
    if (!tag) {
        set_device_error(point.device, tag.error().text());
        return false;
    }
    point.tag = *tag;
    return true;
}

void PollSession::mark(const std::vector<std::size_t>& points, Reason reason) {
    Rows rows;
    std::vector<std::size_t> marked;
    const TimeNs now = deps_.lane.clock().now();
    for (const std::size_t index : points) {
        PointState& point = points_[index];
        point.bad = true;
        const bool stays = point.faulty && reason != Reason::config && reason != Reason::stopped;
        if (stays || point.marked == reason || !resolve(index) || rows.full()) continue;
        point.marked = reason;
        marked.push_back(index);
        rows.add({point.tag, own_time(point, now), nothing(property_of(index).type), bad(reason)});
    }
    append(std::move(rows), std::move(marked));
    count_bad();
    if (reason == Reason::refused || reason == Reason::config) return;
    auto view = view_.lock();
    for (const std::size_t index : points) {
        DeviceStatus& status = view->devices[points_[index].device].status;
        const DeviceState state = reason == Reason::stopped ? DeviceState::off : DeviceState::offline;
        if (status.state == state) continue;
        status.state = state;
        status.since = now;
    }
}

void PollSession::mark_all(Reason reason) {
    std::vector<std::size_t> all(points_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    mark(all, reason);
}

// Not at once: what the store could not take now it cannot take in the next turn either.
void PollSession::say_again_later() {
    if (say_again_timer_ || stopped_) return;
    say_again_timer_ = deps_.lane.after(kSayAgain, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->say_again_timer_ = {};
        if (self->state_ != LinkState::up || self->paused_) return;
        self->fail(Error{Code::unavailable, "not all that was heard could be stored: it has to be said again"});
    });
}

// `marks`: points whose mark is among the rows; what the store does not take has to be marked again.
void PollSession::append(Rows rows, std::vector<std::size_t> marks, bool is_heard) {
    if (rows.empty()) return;
    const std::size_t count = rows.size();
    if (batches_waiting_ >= kBatchesWaitingMax) {
        counters_.dropped += count;
        for (const std::size_t point : marks) points_[point].marked = Reason::none;
        if (is_heard) say_again_later();
        return set_error("the store is behind: readings are dropped");
    }
    ++batches_waiting_;
    deps_.sink.append(std::move(rows), Durability::interval,
                      [weak = weak_from_this(), count, marks = std::move(marks), plan = plan_, is_heard](Result<Appended> appended) {
                          const auto self = weak.lock();
                          if (!self) return;
                          --self->batches_waiting_;
                          if (appended) return;
                          if (is_heard) self->say_again_later();
                          if (plan == self->plan_)
                              for (const std::size_t point : marks) self->points_[point].marked = Reason::none;
                          self->counters_.dropped += count;
                          self->set_error(appended.error().text());
                      });
}

void PollSession::count_bad() {
    auto view = view_.lock();
    for (DeviceView& device : view->devices) device.status.bad = 0;
    for (const PointState& point : points_)
        if (point.bad) ++view->devices[point.device].status.bad;
    // What was wrong with it is over.
    for (DeviceView& device : view->devices)
        if (device.status.bad == 0) device.status.last_error.clear();
}

}  // namespace gongshu::connect
