#include "connect/poll_session.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.h"
#include "connect/dtu_door.h"
#include "connect/property_value.h"

namespace gongshu::connect {

namespace {

constexpr DurationNs kUnitPauseMin = kSecond;
constexpr DurationNs kUnitPauseMax = 10 * kSecond;  // or as long as it takes to cost a tenth of the line's time
constexpr DurationNs kUnitPauseLimit = 5 * kMinute;

constexpr DurationNs kFirstWord = 10 * kSecond;  // after which a machine that is listened to is silent, not unconnected
constexpr DurationNs kNever = std::numeric_limits<DurationNs>::max();
constexpr DurationNs kHeardForever = 36'500 * kDay;  // who speaks by itself may be silent for as long as it likes

}  // namespace

PollSession::PollSession(SessionDeps deps, LinkConfig config)
    : deps_(std::move(deps)),
      config_(std::make_shared<const LinkConfig>(std::move(config))),
      rng_(deps_.seed),
      driver_(make_driver(*config_)) {
    if (deps_.metrics != nullptr) counters_.add_to(*deps_.metrics);
    set_state(LinkState::off);
}

// ---- life of the link ----

void PollSession::start() {
    rebuild();
    if (!config_->enabled) return;
    mark_restart_gaps();
    mark_faults();
    connect();
}

void PollSession::reconfigure(LinkConfig config) {
    if (stopped_) return;
    const bool same_link = config.same_link(*config_);
    const std::shared_ptr<const PointSet> old_set = std::move(set_);
    const std::vector<PointState> old_points = std::move(points_);
    config_ = std::make_shared<const LinkConfig>(std::move(config));
    if (!same_link) {
        if (link_) link_->close();
        link_.reset();  // the next one may speak otherwise
        asked_.reset();
        units_.clear();
        driver_ = make_driver(*config_);
    }
    rebuild();
    // A tag that is known keeps what stands at its end; one that is no longer asked for ends with bad:stopped.
    Rows rows;
    std::map<std::pair<std::string_view, std::string_view>, std::size_t> places;
    for (std::size_t i = 0; i < set_->points.size(); ++i)
        places.emplace(std::pair(std::string_view(set_->points[i].device->uid),
                                 std::string_view(set_->points[i].property->name)),
                       i);
    for (std::size_t i = 0; i < old_points.size(); ++i) {
        const PointState& old = old_points[i];
        const Point& was = old_set->points[i];
        const auto same =
            places.find(std::pair(std::string_view(was.device->uid), std::string_view(was.property->name)));
        if (same != places.end() && property_of(same->second).type == was.property->type) {
            PointState& now = points_[same->second];
            now.tag = old.tag, now.marked = old.marked, now.bad = old.bad;
            now.newest = old.newest, now.barrier = old.barrier;
        } else if (old.tag && old.marked != Reason::stopped && !rows.full()) {
            rows.add({old.tag, deps_.lane.clock().now(), nothing(was.property->type), bad(Reason::stopped)});
        }
    }
    append(std::move(rows));
    count_bad();
    mark_faults();
    if (same_link) return step();
    // The machines of a line may be the same, and still answer.
    if (config_->way != Way::tcp && driver_->late()) hold_all();
    dialled_.reset();
    end_claim();
    refuse_writes(Error{Code::unavailable, "connection {} was changed", config_->name});
    back_off_ = 0;
    if (connect_timer_) deps_.lane.cancel(connect_timer_);
    connect_timer_ = {};
    mark_all(config_->enabled ? Reason::disconnected : Reason::stopped);
    if (config_->enabled)
        connect();
    else
        set_state(LinkState::off);
    if (pausing_) begin_pause();
}

void PollSession::end() {
    if (!stopped_) mark_all(Reason::stopped);
    stop();
}

// What is not asked any more says so: the hours until the next start are a gap and not the last value.
void PollSession::stop() {
    if (!stopped_ && config_->enabled) mark_all(Reason::stopped);
    stopped_ = true;
    if (link_) link_->close();
    dialled_.reset();
    end_claim();
    for (io::TimerId* timer : {&step_timer_, &connect_timer_, &say_again_timer_, &first_word_timer_}) {
        if (*timer) deps_.lane.cancel(*timer);
        *timer = {};
    }
    const Error error{Code::unavailable, "the connection {} is being stopped", config_->name};
    refuse_writes(error);
    set_state(LinkState::off);
    if (pausing_) std::exchange(pausing_, nullptr)(error);
}

std::shared_ptr<PollLink> PollSession::make_link() {
    LinkEvents events;
    events.on_down = [weak = weak_from_this()](const Error& error) {
        if (const auto self = weak.lock()) self->fail(error);
    };
    events.on_ready = [weak = weak_from_this()](bool came) {
        const auto self = weak.lock();
        if (!self) return;
        if (came) self->on_late_answer();
        self->step();
    };
    events.on_heard = [weak = weak_from_this()](std::vector<PointReading> readings) {
        const auto self = weak.lock();
        if (!self) return;
        self->back_off_ = 0;
        self->on_readings(std::move(readings), self->driver_->says_once());
    };
    events.on_fault = [weak = weak_from_this()](const std::string& fault) {
        if (const auto self = weak.lock()) self->set_error(fault);
    };
    return std::make_shared<PollLink>(deps_.lane, config_->tenant, deps_.may_connect, counters_, *driver_,
                                      std::move(events));
}

void PollSession::connect() {
    connect_timer_ = {};
    if (stopped_ || !config_->enabled || paused_) return;
    if (!link_) link_ = make_link();
    if (config_->way == Way::dialled_in) return await_dial();
    if (tried_) ++counters_.reconnects;
    tried_ = true;
    set_state(LinkState::connecting);
    link_->open(*config_, [weak = weak_from_this()](Result<void> opened) {
        if (const auto self = weak.lock()) self->on_connected(std::move(opened));
    });
}

void PollSession::await_dial() {
    DtuClaim claim;
    claim.owner = fmt::format("{}/{}", config_->tenant.value, config_->uid);
    claim.tenant = deps_.tenant;
    claim.dtu = config_->dtu;
    claim.on_dialled = [weak = weak_from_this()](std::unique_ptr<io::Stream> stream) {
        if (const auto self = weak.lock()) self->on_dialled(std::move(stream));
    };
    if (deps_.dtus == nullptr) return fail(Error{Code::unavailable, "no DTU can dial in here"});
    if (const auto claimed = deps_.dtus->claim(std::move(claim)); !claimed) return fail(claimed.error());
    claimed_ = true;
    set_state(LinkState::waiting);
    connect_timer_ = deps_.lane.after(kDialGrace, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->connect_timer_ = {};
        if (self->state_ == LinkState::waiting) self->mark_all(Reason::disconnected);
    });
}

// A link that is there already is older: its DTU lost it without our noticing, or two say the same packet.
void PollSession::on_dialled(std::unique_ptr<io::Stream> stream) {
    if (stopped_ || !config_->enabled) return;
    const std::string peer = io::to_string(stream->peer());
    if (paused_) {
        io::Stream::Events events;
        events.on_closed = [weak = weak_from_this()](const Error&) {
            const auto self = weak.lock();
            if (!self || !self->dialled_) return;
            // It is this stream that is calling.
            const std::shared_ptr<io::Stream> dying = std::move(self->dialled_);
            self->deps_.lane.post([dying] {});
        };
        stream->start(std::move(events));
        dialled_ = std::move(stream);
        return;
    }
    if (connect_timer_) deps_.lane.cancel(connect_timer_);
    connect_timer_ = {};
    if (!link_) link_ = make_link();
    if (link_->is_open()) {
        link_->close();
        owe();
        const Error error{Code::unavailable, "the DTU dialled in again, from {}: its older link was replaced", peer};
        set_error(error.text());
        refuse_writes(error);
    }
    if (tried_) ++counters_.reconnects;
    tried_ = true;
    log_info("connect", "connection {}: its DTU dialled in from {}", config_->name, peer);
    adopt(std::move(stream));
}

void PollSession::adopt(std::unique_ptr<io::Stream> stream) {
    link_->adopt(std::move(stream), *config_, [weak = weak_from_this()](Result<void> greeted) {
        if (const auto self = weak.lock()) self->on_connected(std::move(greeted));
    });
}

void PollSession::end_claim() {
    if (!std::exchange(claimed_, false)) return;
    deps_.dtus->release(fmt::format("{}/{}", config_->tenant.value, config_->uid));
}

void PollSession::pause(std::function<void(Result<Paused>)> paused) {
    if (paused_ || pausing_)
        return paused(
            Error{Code::conflict, "connection {} is being tested already: wait for that test", config_->name});
    pausing_ = std::move(paused);
    begin_pause();
}

// False while a request is in flight: whoever ends it calls again.
bool PollSession::begin_pause() {
    if (writing_ || (link_ && link_->busy())) return false;
    paused_ = true;
    refuse_writes(Error{Code::unavailable, "connection {} is being tested: nothing was written", config_->name});
    for (io::TimerId* timer : {&step_timer_, &connect_timer_}) {
        if (*timer) deps_.lane.cancel(*timer);
        *timer = {};
    }
    std::unique_ptr<io::Stream> stream;
    if (link_ && config_->way == Way::dialled_in) stream = link_->release();
    if (link_) link_->close();
    const DurationNs now = deps_.lane.clock().monotonic();
    Paused paused{std::move(stream), 0};
    for (const auto& [number, unit] : units_) {
        const DurationNs until = unit.owed != 0 ? unit.asked_at + kLateTimeouts * config_->timeout : unit.silent_until;
        if (driver_->late()) paused.quiet_for = std::max(paused.quiet_for, until - now);
    }
    std::exchange(pausing_, nullptr)(std::move(paused));
    return true;
}

void PollSession::hold_all() {
    const DurationNs until = deps_.lane.clock().monotonic() + kLateTimeouts * config_->timeout;
    for (const Turn& turn : turns_) units_[turn.poll.unit].silent_until = until;
}

void PollSession::resume(std::unique_ptr<io::Stream> stream, bool is_owed) {
    paused_ = false;
    if (is_owed && driver_->late()) hold_all();
    if (stopped_ || !config_->enabled) return;
    if (config_->way != Way::dialled_in || !claimed_) return connect();
    if (dialled_) stream = std::move(dialled_);
    if (!stream) {
        if (state_ == LinkState::up) return fail(Error{Code::unavailable, "the link to the DTU was lost"});
        return mark_all(Reason::disconnected);
    }
    adopt(std::move(stream));
}

void PollSession::on_connected(Result<void> opened) {
    if (!opened) return fail(opened.error());
    if (down_since_ != 0)
        log_info("connect", "connection {} is up again after {} s", config_->name,
                 (deps_.lane.clock().monotonic() - std::exchange(down_since_, 0)) / kSecond);
    set_state(LinkState::up);
    expect_first_word();
    timeouts_in_row_ = 0;
    for (auto& [number, unit] : units_) unit.pause = 0, unit.missed = false;
    retry_.reset();
    for (Turn& turn : turns_) turn.due = deps_.lane.clock().monotonic();
    step();
}

// Who speaks by itself and has not said a word over this link is there and silent.
void PollSession::expect_first_word() {
    if (first_word_timer_) deps_.lane.cancel(first_word_timer_);
    first_word_timer_ = {};
    if (heard_.empty()) return;
    first_word_timer_ = deps_.lane.after(kFirstWord, [weak = weak_from_this(), plan = plan_] {
        const auto self = weak.lock();
        if (!self) return;
        self->first_word_timer_ = {};
        if (self->state_ == LinkState::up && !self->paused_ && !self->stopped_) self->on_no_first_word();
    });
}

void PollSession::on_no_first_word() {
    constexpr Reason kOlder[] = {Reason::none, Reason::disconnected, Reason::timeout, Reason::stopped};
    std::vector<std::size_t> silent;
    for (const std::size_t point : heard_)
        if (points_[point].bad && std::ranges::find(kOlder, points_[point].marked) != std::end(kOlder))
            silent.push_back(point);
    if (silent.empty()) return;
    // A scale speaks when something lies on it; an adapter that says all it knows at the beginning has nothing to say.
    if (driver_->says_once()) {
        const Error error = driver_->no_answer(kFirstWord / kMillisecond);
        set_error(error.text());
        for (const std::size_t point : silent) set_device_error(points_[point].device, error.text());
    }
    mark(silent, Reason::silent);
}

// The link is gone or could not be opened: says so once at every tag, then tries again later, for ever.
void PollSession::fail(const Error& error) {
    if (stopped_) return;
    if (down_since_ == 0) {
        down_since_ = std::max<DurationNs>(deps_.lane.clock().monotonic(), 1);
        log_warning("connect", "connection {} is down: {}", config_->name, error.text());
    }
    if (link_) link_->close();
    owe();
    set_error(error.text());
    // A link on which nobody answers any more was one of machines that do not answer in time.
    const bool unanswered = error.code() == Code::timeout && state_ == LinkState::up;
    mark_all(unanswered ? Reason::timeout : Reason::disconnected);
    refuse_writes(Error{Code::unavailable, "connection {} is down: {}", config_->name, error.text()});
    if (claimed_) {
        set_state(LinkState::waiting);  // it is the DTU that tries again
        if (pausing_) begin_pause();
        return;
    }
    const ConnectionsOptions& options = deps_.options;
    back_off_ = back_off_ == 0 ? options.back_off_min : std::min(back_off_ * 2, options.back_off_max);
    // Jitter keeps a hundred links that fell together from coming back together.
    const auto jittered = static_cast<DurationNs>(static_cast<double>(back_off_) * (0.75 + 0.5 * rng_.uniform()));
    const DurationNs pause = std::clamp(jittered, options.back_off_min, options.back_off_max);
    set_state(LinkState::backing_off, deps_.lane.clock().now() + pause);
    connect_timer_ = deps_.lane.after(pause, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->connect();
    });
    if (pausing_) begin_pause();
}

// ---- plan ----

void PollSession::rebuild() {
    ++plan_;
    points_.clear();
    turns_.clear();
    retry_.reset();
    // What was asked for cannot be told from what is now: answers that may still come have to be waited out.
    if (asked_) asked_->poll = 0;
    for (auto& [number, unit] : units_) {
        unit.pause = 0, unit.missed = false;
        if (unit.owed != 0) on_paid(unit);
    }
    const auto set = std::make_shared<PointSet>();
    set->config = config_;
    for (std::size_t i = 0; i < config_->devices.size(); ++i) {
        const DeviceConfig& device = config_->devices[i];
        if (!device.enabled) continue;
        for (const PropertyConfig& property : device.properties) {
            set->points.push_back({&device, &property});
            points_.push_back({i, {}, Reason::none, true, false});
        }
    }
    set_ = set;
    PollPlan plan = driver_->plan(set_);
    const DurationNs now = deps_.lane.clock().monotonic();
    for (Poll& poll : plan.polls) turns_.push_back({std::move(poll), now});
    faults_ = std::move(plan.faults);
    for (const PointFault& fault : faults_) points_[fault.point].faulty = true;
    listens_.clear();
    heard_ = std::move(plan.heard);
    for (const std::size_t point : heard_) listens_.insert(points_[point].device);
    if (link_) link_->on_plan();
    view_devices();
    if (state_ == LinkState::up) expect_first_word();
}

// A point that cannot be asked for says so once, until its configuration is mended.
void PollSession::mark_faults() {
    std::vector<std::size_t> points;
    for (const PointFault& fault : faults_) {
        points.push_back(fault.point);
        set_device_error(points_[fault.point].device, property_of(fault.point).name + ": " + fault.error.text());
    }
    if (!points.empty() && config_->enabled) mark(points, Reason::config);
}

void PollSession::view_devices() {
    const TimeNs now = deps_.lane.clock().now();
    auto view = view_.lock();
    view->name = config_->name;
    view->protocol = config_->protocol;
    const std::vector<DeviceView> old = std::move(view->devices);
    view->devices.clear();
    for (std::size_t i = 0; i < config_->devices.size(); ++i) {
        const DeviceConfig& device = config_->devices[i];
        DeviceView fresh;
        const auto same =
            std::ranges::find(old, device.path, [](const DeviceView& other) { return other.status.name; });
        if (same != old.end()) fresh = *same;
        DeviceStatus& status = fresh.status;
        const bool runs = config_->enabled && device.enabled;
        if (same == old.end() || !runs || status.state == DeviceState::off) {
            status.state = runs ? DeviceState::offline : DeviceState::off;
            status.since = now;
        }
        status.name = device.path;
        status.source = config_->name;
        status.tags = device.enabled ? static_cast<std::uint32_t>(device.properties.size()) : 0;
        DurationNs slowest = 0;
        for (const PropertyConfig& property : device.properties) slowest = std::max(slowest, property.period);
        fresh.fresh_for =
            listens_.contains(i) ? kHeardForever : 3 * slowest + config_->timeout * (config_->retries + 1);
        view->devices.push_back(std::move(fresh));
    }
}

// While the program did not run nobody asked. An orderly stop says so at every tag (stop()); after a crash or a loss of
// power a bad reading stands behind the last sign of life: of who is polled three periods after its own last reading,
// as for one who is stale, of who speaks by itself the same after the last of any, since it may rightly be silent.
void PollSession::mark_restart_gaps() {
    if (deps_.reader == nullptr) return;
    const TimeNs now = deps_.lane.clock().now();
    std::vector<std::optional<Reading>> last(points_.size());
    TimeNs alive = 0;
    for (std::size_t i = 0; i < points_.size(); ++i) {
        if (!resolve(i)) continue;
        last[i] = deps_.reader->last(points_[i].tag);
        if (last[i]) alive = std::max(alive, std::min(last[i]->time, now));
    }
    Rows rows;
    for (std::size_t i = 0; i < points_.size(); ++i) {
        if (!last[i] || rows.full()) continue;
        const PropertyConfig& property = property_of(i);
        PointState& point = points_[i];
        if (!last[i]->quality.usable()) {
            // What has held since before that gap holds again from now on.
            point.newest = point.barrier = std::min(last[i]->time, now);
            continue;
        }
        const bool is_heard = listens_.contains(point.device);
        const TimeNs gap = (is_heard ? std::max(alive, last[i]->time) : last[i]->time) + 3 * property.period;
        if (now <= gap) continue;
        if (is_heard) point.newest = last[i]->time;
        point.marked = Reason::stopped;
        rows.add({point.tag, own_time(point, gap), nothing(property.type), bad(Reason::stopped)});
    }
    append(std::move(rows));
}

// ---- polling ----

void PollSession::wait_until(DurationNs due) {
    const DurationNs now = deps_.lane.clock().monotonic();
    step_timer_ = deps_.lane.after(std::max<DurationNs>(due - now, 0), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->step_timer_ = {};
        self->step();
    });
}

// Sends what is due next: commands before polls, the longest overdue poll first.
void PollSession::step() {
    if (step_timer_) deps_.lane.cancel(step_timer_);
    step_timer_ = {};
    if (stopped_ || paused_ || (pausing_ && begin_pause())) return;
    if (state_ != LinkState::up || !link_->is_open() || link_->busy()) return;
    const DurationNs now = deps_.lane.clock().monotonic();
    if (now < not_before_) return wait_until(not_before_);
    refuse_expired();
    if (!writing_ && std::ranges::any_of(writes_, [&](const WriteJob& job) { return is_free(job); })) {
        start_write();
        if (link_->busy() || state_ != LinkState::up) return;
    }
    if (writing_) return;
    if (retry_) {
        // A command may have gone before, and left its unit silent.
        const std::size_t again = *std::exchange(retry_, std::nullopt);
        if (due_of(turns_[again]) <= now) return send_poll(again);
    }
    const auto next = std::ranges::min_element(turns_, {}, [&](const Turn& turn) { return due_of(turn); });
    DurationNs wake = next != turns_.end() ? due_of(*next) : kNever;
    if (wake <= now) {
        attempts_ = 0;
        return send_poll(static_cast<std::size_t>(next - turns_.begin()));
    }
    for (const WriteJob& job : writes_)
        wake = std::min(wake, now + std::max<DurationNs>(job.expires - deps_.lane.clock().now(), 0) + kMillisecond);
    for (const auto& [number, unit] : units_)
        if (!writes_.empty() && unit.silent_until > now) wake = std::min(wake, unit.silent_until);
    if (wake != kNever) wait_until(wake);
}

// When it may be sent.
DurationNs PollSession::due_of(const Turn& turn) const {
    const auto unit = units_.find(turn.poll.unit);
    if (unit == units_.end()) return turn.due;
    if (unit->second.owed != 0 && unit->second.owed != turn.poll.id) return kNever;
    return std::max(turn.due, unit->second.silent_until);
}

// What is in flight has not been answered, and may be later.
void PollSession::owe() {
    const auto asked = std::exchange(asked_, std::nullopt);
    if (!asked || !driver_->late()) return;
    Unit& unit = units_[asked->unit];
    const DurationNs now = deps_.lane.clock().monotonic();
    unit.asked_at = std::max(unit.asked_at, now - config_->timeout);
    if (asked->poll == 0) {
        unit.silent_until = std::max(unit.silent_until, now + kLateTimeouts * config_->timeout);
        return;
    }
    unit.owed = asked->poll;
    ++unit.owed_times;
}

void PollSession::on_late_answer() {
    Unit& unit = units_[last_asked_unit_];
    if (unit.owed == 0 || --unit.owed_times > 0) return;
    unit.owed = 0;
}

// It has answered, once; the answers to the other times may still come.
void PollSession::on_paid(Unit& unit) {
    unit.owed = 0;
    unit.owed_times = 0;
    unit.silent_until = std::max(unit.silent_until, unit.asked_at + kLateTimeouts * config_->timeout);
}

void PollSession::send_poll(std::size_t index) {
    ++attempts_;
    const Poll& poll = turns_[index].poll;
    asked_ = Asked{poll.unit, poll.id};
    last_asked_unit_ = poll.unit;
    Unit& unit = units_[poll.unit];
    if (unit.owed != 0) unit.asked_at = deps_.lane.clock().monotonic();
    const auto begin = [driver = driver_.get(), id = turns_[index].poll.id] { return driver->read(id); };
    link_->exchange(begin, config_->timeout, [weak = weak_from_this(), index, plan = plan_](Result<Outcome> outcome) {
        const auto self = weak.lock();
        if (!self) return;
        self->not_before_ = self->deps_.lane.clock().monotonic() + self->config_->min_request_gap;
        self->on_ended(outcome);
        if (plan != self->plan_) return self->step();
        self->on_poll_answer(index, std::move(outcome));
    });
}

void PollSession::on_poll_answer(std::size_t index, Result<Outcome> outcome) {
    if (!outcome) {
        on_no_answer(index, outcome.error());
        return step();
    }
    timeouts_in_row_ = 0;
    back_off_ = 0;
    for (auto& [number, unit] : units_) unit.missed = false;
    Unit& unit = units_[turns_[index].poll.unit];
    if (unit.owed != 0) on_paid(unit);
    if (!outcome->readings.empty()) unit_answered(turns_[index].poll.unit);
    on_readings(std::move(outcome->readings));
    if (outcome->refused.empty())
        schedule_next(turns_[index]);
    else
        on_refused(index, *outcome);
    step();
}

void PollSession::on_no_answer(std::size_t index, const Error& error) {
    Turn& turn = turns_[index];
    Unit& unit = units_[turn.poll.unit];
    const bool timed_out = error.code() == Code::timeout;
    if (timed_out) ++timeouts_in_row_, unit.missed = true;
    if (timed_out && seems_dead())
        return fail(
            Error{Code::timeout, "{} requests in a row got no answer; the last: {}", timeouts_in_row_, error.text()});
    if (unit.pause == 0 && attempts_ <= config_->retries) {
        retry_ = index;
        return;
    }
    set_error(error.text());
    if (!timed_out) {
        if (unit.owed != 0) on_paid(unit);
        schedule_next(turn);
        for (const std::size_t point : turn.poll.points) set_device_error(points_[point].device, error.text());
        return mark(turn.poll.points, Reason::refused);
    }
    // What one try costs the others: the time-out, and as long again where the line is drained.
    const DurationNs cost = config_->timeout * (driver_->late() ? 2 : 1);
    const DurationNs pause_max = std::clamp(10 * cost, kUnitPauseMax, kUnitPauseLimit);
    if (unit.owed != 0) on_paid(unit);  // it may never answer this: the others have their turn when nothing late can come
    unit.pause = unit.pause == 0 ? std::max(cost, kUnitPauseMin) : std::min(unit.pause * 2, pause_max);
    const DurationNs again = deps_.lane.clock().monotonic() + unit.pause;
    std::vector<std::size_t> missed;
    for (Turn& other : turns_) {
        if (other.poll.unit != turn.poll.unit) continue;
        other.due = std::max(other.due, again);
        missed.insert(missed.end(), other.poll.points.begin(), other.poll.points.end());
    }
    for (const std::size_t point : missed) set_device_error(points_[point].device, error.text());
    mark(missed, Reason::timeout);
}

// Nobody answers any more. A serial port is there or not, whoever answers; a DTU says heartbeats. Else: one unit alone
// may be switched off, and so may the first three of ten.
bool PollSession::seems_dead() const {
    if (timeouts_in_row_ < kTimeoutsMax || config_->way == Way::serial) return false;
    if (config_->way == Way::dialled_in) return deps_.lane.clock().monotonic() - link_->heard_at() > kDialSilence;
    // Who is asked once an hour does not keep the others waiting for it.
    const DurationNs now = deps_.lane.clock().monotonic();
    return std::ranges::all_of(turns_, [&](const Turn& turn) {
        const auto unit = units_.find(turn.poll.unit);
        return turn.due > now || (unit != units_.end() && unit->second.missed);
    });
}

void PollSession::on_refused(std::size_t index, const Outcome& outcome) {
    const PointFault& first = outcome.refused.front();
    if (outcome.may_split) {
        // One bad address must not spoil its neighbours: from now on they are asked for apart.
        const DurationNs due = turns_[index].due;
        const std::uint32_t id = turns_[index].poll.id;
        turns_.erase(turns_.begin() + static_cast<std::ptrdiff_t>(index));
        for (Poll& part : driver_->split(id)) turns_.push_back({std::move(part), due});
        log_info("connect", "connection {}: {}; asking for parts of it", config_->name, first.error.text());
        return;
    }
    set_error(first.error.text());
    std::vector<std::size_t> missed;
    for (const PointFault& refused : outcome.refused) {
        missed.push_back(refused.point);
        set_device_error(points_[refused.point].device, refused.error.text());
    }
    schedule_next(turns_[index]);
    mark(missed, Reason::refused);
}

// A poll that is late does not run twice to make up for it.
void PollSession::schedule_next(Turn& turn) {
    turn.due = std::max(turn.due + turn.poll.period, deps_.lane.clock().monotonic());
}

// It is there again: all of it is asked for at once.
void PollSession::unit_answered(std::uint32_t number) {
    Unit& unit = units_[number];
    if (unit.pause == 0) return;
    unit.pause = 0;
    for (Turn& turn : turns_)
        if (turn.poll.unit == number) turn.due = deps_.lane.clock().monotonic();
}

// ---- status ----

void PollSession::set_state(LinkState state, TimeNs next_try) {
    const TimeNs now = deps_.lane.clock().now();
    auto view = view_.lock();
    // One try after the other is one outage.
    const auto is_trying = [](LinkState one) { return one == LinkState::connecting || one == LinkState::backing_off; };
    if ((state_ != state && !(is_trying(state) && is_trying(state_))) || view->since == 0) view->since = now;
    state_ = state;
    view->state = state;
    view->next_try = next_try;
    view->name = config_->name;
    view->protocol = config_->protocol;
}

void PollSession::set_error(const std::string& text) {
    auto view = view_.lock();
    view->last_error = text;
    view->last_error_at = deps_.lane.clock().now();
}

void PollSession::set_device_error(std::size_t device, const std::string& text) {
    auto view = view_.lock();
    if (device < view->devices.size()) view->devices[device].status.last_error = text;
}

ConnectionStatus PollSession::connection_status() const {
    auto view = view_.lock();
    return {view->name,          view->protocol, view->state,          view->since,     view->last_error,
            view->last_error_at, view->next_try, counters_.snapshot(), view->latency_ms};
}

std::vector<DeviceStatus> PollSession::device_status(TimeNs now) const {
    std::vector<DeviceStatus> devices;
    auto view = view_.lock();
    for (const DeviceView& device : view->devices) {
        DeviceStatus status = device.status;
        if (status.state == DeviceState::online && now - status.last_seen > device.fresh_for) {
            status.state = DeviceState::stale;
            status.since = status.last_seen + device.fresh_for;
        }
        devices.push_back(std::move(status));
    }
    return devices;
}

}  // namespace gongshu::connect
