#include "connect/modbus_session.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/log.h"
#include "connect/property_value.h"

namespace gongshu::connect {

using wire::modbus::Exception;
using wire::modbus::Reply;
using wire::modbus::Request;

namespace {

constexpr DurationNs kUnitPauseMin = kSecond;
constexpr DurationNs kUnitPauseMax = 10 * kSecond;
constexpr DurationNs kWriteGrace = 10 * kSecond;  // of a command that states no end

bool may_split(Exception exception) {
    return exception == Exception::illegal_address || exception == Exception::illegal_value;
}

Request read_request(Table table, std::uint16_t address, std::uint16_t count) {
    return {read_function(table), address, count, {}, {}};
}

Error refused(Exception exception, std::uint8_t unit, Table table, std::uint16_t address, std::uint16_t count) {
    return Error{Code::unavailable,
                 "unit {} answers {} to function {} at addresses {} to {}",
                 unit,
                 to_string(exception),
                 static_cast<int>(read_function(table)),
                 address,
                 address + count - 1};
}

}  // namespace

ModbusSession::ModbusSession(SessionDeps deps, LinkConfig config)
    : deps_(std::move(deps)), config_(std::move(config)), rng_(deps_.seed) {
    if (deps_.metrics != nullptr) counters_.add_to(*deps_.metrics);
    set_state(LinkState::off);
}

// ---- life of the link ----

void ModbusSession::start() {
    rebuild();
    if (!config_.enabled) return;
    mark_restart_gaps();
    connect();
}

void ModbusSession::reconfigure(LinkConfig config) {
    if (stopped_) return;
    const bool same_link = config.same_link(config_);
    const std::vector<Point> old_points = std::move(points_);
    const std::vector<DeviceConfig> old_devices = std::move(config_.devices);
    points_.clear();
    config_ = std::move(config);
    rebuild();
    // A tag that is known keeps what stands at its end; one that is no longer asked for ends with bad:stopped.
    Rows rows;
    for (const Point& old : old_points) {
        const std::string& uid = old_devices[old.device].uid;
        const auto same = std::ranges::find_if(points_, [&](const Point& point) {
            return config_.devices[point.device].uid == uid && point.property->name == old.property->name;
        });
        if (same != points_.end() && same->property->type == old.property->type) {
            same->tag = old.tag, same->marked = old.marked, same->bad = old.bad;
        } else if (old.tag && old.marked != Reason::stopped && !rows.full()) {
            rows.add({old.tag, deps_.lane.clock().now(), nothing(old.property->type), bad(Reason::stopped)});
        }
    }
    append(std::move(rows));
    count_bad();
    if (same_link) return step();
    if (link_) link_->close();
    refuse_writes(Error{Code::unavailable, "connection {} was changed", config_.name});
    back_off_ = 0;
    if (connect_timer_) deps_.lane.cancel(connect_timer_);
    connect_timer_ = {};
    if (config_.enabled) {
        mark_all(Reason::disconnected);
        return connect();
    }
    mark_all(Reason::stopped);
    set_state(LinkState::off);
}

void ModbusSession::stop() {
    stopped_ = true;
    if (link_) link_->close();
    for (io::TimerId* timer : {&step_timer_, &connect_timer_}) {
        if (*timer) deps_.lane.cancel(*timer);
        *timer = {};
    }
    refuse_writes(Error{Code::unavailable, "the connection {} is being stopped", config_.name});
    set_state(LinkState::off);
}

std::shared_ptr<ModbusLink> ModbusSession::make_link() {
    return std::make_shared<ModbusLink>(deps_.lane, config_.tenant, deps_.may_connect, counters_,
                                        [weak = weak_from_this()](const Error& error) {
                                            if (const auto self = weak.lock()) self->fail(error);
                                        });
}

void ModbusSession::connect() {
    connect_timer_ = {};
    if (stopped_ || !config_.enabled) return;
    if (!link_) link_ = make_link();
    if (tried_) ++counters_.reconnects;
    tried_ = true;
    set_state(LinkState::connecting);
    link_->open({config_.host, config_.port}, std::max(config_.timeout, kSecond),
                [weak = weak_from_this()](Result<void> opened) {
                    if (const auto self = weak.lock()) self->on_connected(std::move(opened));
                });
}

void ModbusSession::on_connected(Result<void> opened) {
    if (!opened) return fail(opened.error());
    set_state(LinkState::up);
    timeouts_in_row_ = 0;
    units_.clear();
    retry_.reset();
    for (Poll& poll : polls_) poll.due = deps_.lane.clock().monotonic();
    step();
}

// The link is gone or could not be opened: says so once at every tag, then tries again later, for ever.
void ModbusSession::fail(const Error& error) {
    if (stopped_) return;
    if (link_) link_->close();
    set_error(error.text());
    mark_all(Reason::disconnected);
    refuse_writes(Error{Code::unavailable, "connection {} is down: {}", config_.name, error.text()});
    const ConnectionsOptions& options = deps_.options;
    back_off_ = back_off_ == 0 ? options.back_off_min : std::min(back_off_ * 2, options.back_off_max);
    // Jitter keeps a hundred links that fell together from coming back together.
    const auto jittered = static_cast<DurationNs>(static_cast<double>(back_off_) * (0.75 + 0.5 * rng_.uniform()));
    const DurationNs pause = std::clamp(jittered, options.back_off_min, options.back_off_max);
    set_state(LinkState::backing_off, deps_.lane.clock().now() + pause);
    connect_timer_ = deps_.lane.after(pause, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->connect();
    });
}

// ---- plan ----

void ModbusSession::rebuild() {
    ++plan_;
    points_.clear();
    polls_.clear();
    units_.clear();
    retry_.reset();
    std::vector<PollItem> items;
    for (std::size_t i = 0; i < config_.devices.size(); ++i) {
        const DeviceConfig& device = config_.devices[i];
        if (!device.enabled) continue;
        for (const PropertyConfig& property : device.properties) {
            items.push_back(
                {device.unit, property.table, property.address, property.count(), property.period, points_.size()});
            points_.push_back({i, &property, {}, Reason::none, true});
        }
    }
    const DurationNs now = deps_.lane.clock().monotonic();
    for (PollRequest& request : plan_polls(std::move(items), {config_.registers_per_request_max, config_.gap_max}))
        polls_.push_back({std::move(request), now});
    view_devices();
}

void ModbusSession::view_devices() {
    const TimeNs now = deps_.lane.clock().now();
    auto view = view_.lock();
    view->name = config_.name;
    const std::vector<DeviceView> old = std::move(view->devices);
    view->devices.clear();
    for (std::size_t i = 0; i < config_.devices.size(); ++i) {
        const DeviceConfig& device = config_.devices[i];
        DeviceView fresh;
        const auto same =
            std::ranges::find(old, device.path, [](const DeviceView& other) { return other.status.name; });
        if (same != old.end()) fresh = *same;
        DeviceStatus& status = fresh.status;
        const bool runs = config_.enabled && device.enabled;
        if (same == old.end() || !runs || status.state == DeviceState::off) {
            status.state = runs ? DeviceState::offline : DeviceState::off;
            status.since = now;
        }
        status.name = device.path;
        status.source = config_.name;
        status.tags = device.enabled ? static_cast<std::uint32_t>(device.properties.size()) : 0;
        DurationNs slowest = 0;
        for (const PropertyConfig& property : device.properties) slowest = std::max(slowest, property.period);
        fresh.fresh_for = 3 * slowest + config_.timeout * (config_.retries + 1);
        view->devices.push_back(std::move(fresh));
    }
}

// While the program did not run nobody asked: a bad reading stands between the last one of before and the first of now.
// It has the time of the start and not of the stop, which only a crash-proof diary would know, so that no rule takes
// the hours between for time in which the machine was heard to be bad.
void ModbusSession::mark_restart_gaps() {
    if (deps_.reader == nullptr) return;
    const TimeNs now = deps_.lane.clock().now();
    Rows rows;
    for (Point& point : points_) {
        if (!resolve(point) || rows.full()) continue;
        const auto last = deps_.reader->last(point.tag);
        if (!last || !last->quality.usable() || now - last->time <= 3 * point.property->period) continue;
        rows.add({point.tag, now, nothing(point.property->type), bad(Reason::stopped)});
    }
    append(std::move(rows));
}

// ---- polling ----

void ModbusSession::wait_until(DurationNs due) {
    const DurationNs now = deps_.lane.clock().monotonic();
    step_timer_ = deps_.lane.after(std::max<DurationNs>(due - now, 0), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->step_timer_ = {};
        self->step();
    });
}

// Sends what is due next: commands before polls, the longest overdue poll first.
void ModbusSession::step() {
    if (step_timer_) deps_.lane.cancel(step_timer_);
    step_timer_ = {};
    if (stopped_ || state_ != LinkState::up || !link_->is_open() || link_->busy()) return;
    const DurationNs now = deps_.lane.clock().monotonic();
    if (now < not_before_) return wait_until(not_before_);
    if (!writes_.empty() && !writing_) {
        start_write();
        if (link_->busy() || state_ != LinkState::up) return;
    }
    if (writing_) return;
    if (retry_) {
        const std::size_t again = *retry_;
        retry_.reset();
        return send_poll(again);
    }
    const auto next = std::ranges::min_element(polls_, {}, &Poll::due);
    if (next == polls_.end()) return;
    if (next->due > now) return wait_until(next->due);
    attempts_ = 0;
    send_poll(static_cast<std::size_t>(next - polls_.begin()));
}

void ModbusSession::send_poll(std::size_t index) {
    const PollRequest& request = polls_[index].request;
    ++attempts_;
    link_->request(request.unit, read_request(request.table, request.address, request.count), config_.timeout,
                   [weak = weak_from_this(), index, plan = plan_](Result<Reply> reply) {
                       const auto self = weak.lock();
                       if (!self) return;
                       self->not_before_ = self->deps_.lane.clock().monotonic() + self->config_.min_request_gap;
                       if (plan != self->plan_) return self->step();
                       self->on_poll_answer(index, std::move(reply));
                   });
}

void ModbusSession::on_poll_answer(std::size_t index, Result<Reply> reply) {
    if (reply) {
        timeouts_in_row_ = 0;
        back_off_ = 0;
    }
    if (!reply)
        on_no_answer(index, reply.error());
    else if (reply->exception)
        on_refused(index, *reply->exception);
    else
        on_values(polls_[index].request, *reply), schedule_next(polls_[index]);
    step();
}

void ModbusSession::on_no_answer(std::size_t index, const Error& error) {
    Poll& poll = polls_[index];
    Unit& unit = units_[poll.request.unit];
    const bool timed_out = error.code() == Code::timeout;
    if (timed_out && ++timeouts_in_row_ >= kTimeoutsMax)
        return fail(
            Error{Code::timeout, "{} requests in a row got no answer; the last: {}", timeouts_in_row_, error.text()});
    if (unit.pause == 0 && attempts_ <= config_.retries) {
        retry_ = index;
        return;
    }
    set_error(error.text());
    std::vector<std::size_t> missed;
    const auto miss = [&](const Poll& other) {
        for (const PollItem& item : other.request.items) missed.push_back(item.index);
    };
    if (!timed_out) {
        miss(poll);
        schedule_next(poll);
        for (const std::size_t point : missed) set_device_error(points_[point].device, error.text());
        return mark(missed, Reason::refused);
    }
    unit.pause = unit.pause == 0 ? kUnitPauseMin : std::min(unit.pause * 2, kUnitPauseMax);
    const DurationNs again = deps_.lane.clock().monotonic() + unit.pause;
    for (Poll& other : polls_) {
        if (other.request.unit != poll.request.unit) continue;
        other.due = std::max(other.due, again);
        miss(other);
    }
    for (const std::size_t point : missed) set_device_error(points_[point].device, error.text());
    mark(missed, Reason::timeout);
}

void ModbusSession::on_refused(std::size_t index, Exception exception) {
    Poll& poll = polls_[index];
    const PollRequest request = poll.request;
    const Error error = refused(exception, request.unit, request.table, request.address, request.count);
    if (request.items.size() > 1 && may_split(exception)) {
        // One bad address must not spoil its neighbours: from now on they are asked for apart.
        polls_.erase(polls_.begin() + static_cast<std::ptrdiff_t>(index));
        for (PollRequest& part : split_request(request)) polls_.push_back({std::move(part), poll.due});
        log_info("connect", "connection {}: {}; asking for parts of it", config_.name, error.text());
        return;
    }
    set_error(error.text());
    std::vector<std::size_t> missed;
    for (const PollItem& item : request.items) {
        missed.push_back(item.index);
        set_device_error(points_[item.index].device, error.text());
    }
    schedule_next(poll);
    mark(missed, Reason::refused);
}

// A poll that is late does not run twice to make up for it.
void ModbusSession::schedule_next(Poll& poll) {
    poll.due = std::max(poll.due + poll.request.period, deps_.lane.clock().monotonic());
}

void ModbusSession::on_values(const PollRequest& request, const Reply& reply) {
    Unit& unit = units_[request.unit];
    const DurationNs monotonic = deps_.lane.clock().monotonic();
    if (unit.pause != 0) {
        unit.pause = 0;
        for (Poll& poll : polls_)
            if (poll.request.unit == request.unit) poll.due = monotonic;
    }
    const TimeNs now = deps_.lane.clock().now();
    Rows rows;
    rows.reserve(request.items.size());
    bool changed = false;
    std::vector<std::size_t> seen;
    for (const PollItem& item : request.items) {
        Point& point = points_[item.index];
        if (!resolve(point)) continue;
        const PropertyReading reading =
            read_property(*point.property, reply, item.address - std::size_t{request.address});
        if (!reading.error.empty()) set_device_error(point.device, point.property->name + ": " + reading.error);
        const bool is_bad = !reading.quality.usable();
        changed |= is_bad != point.bad;
        point.bad = is_bad;
        point.marked = is_bad ? reading.quality.reason : Reason::none;
        if (!is_bad && (seen.empty() || seen.back() != point.device)) seen.push_back(point.device);
        rows.add({point.tag, now, reading.value, reading.quality});
    }
    counters_.readings += rows.size();
    append(std::move(rows));
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

// ---- readings ----

bool ModbusSession::resolve(Point& point) {
    if (point.tag) return true;
    const DeviceConfig& device = config_.devices[point.device];
    const PropertyConfig& property = *point.property;
    auto tag = deps_.tags.resolve({config_.tenant, "d:" + device.uid, property.name}, device.path + "." + property.name,
                                  property.type, property.unit);
    if (!tag) {
        set_device_error(point.device, tag.error().text());
        return false;
    }
    point.tag = *tag;
    return true;
}

void ModbusSession::mark(const std::vector<std::size_t>& points, Reason reason) {
    Rows rows;
    const TimeNs now = deps_.lane.clock().now();
    for (const std::size_t index : points) {
        Point& point = points_[index];
        point.bad = true;
        if (point.marked == reason || !resolve(point) || rows.full()) continue;
        point.marked = reason;
        rows.add({point.tag, now, nothing(point.property->type), bad(reason)});
    }
    append(std::move(rows));
    count_bad();
    if (reason == Reason::refused) return;
    auto view = view_.lock();
    for (const std::size_t index : points) {
        DeviceStatus& status = view->devices[points_[index].device].status;
        const DeviceState state = reason == Reason::stopped ? DeviceState::off : DeviceState::offline;
        if (status.state == state) continue;
        status.state = state;
        status.since = now;
    }
}

void ModbusSession::mark_all(Reason reason) {
    std::vector<std::size_t> all(points_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    mark(all, reason);
}

void ModbusSession::append(Rows rows) {
    if (rows.empty()) return;
    const std::size_t count = rows.size();
    if (batches_waiting_ >= kBatchesWaitingMax) {
        counters_.dropped += count;
        return set_error("the store is behind: readings are dropped");
    }
    ++batches_waiting_;
    deps_.sink.append(std::move(rows), Durability::interval,
                      [weak = weak_from_this(), count](Result<Appended> appended) {
                          const auto self = weak.lock();
                          if (!self) return;
                          --self->batches_waiting_;
                          if (appended) return;
                          self->counters_.dropped += count;
                          self->set_error(appended.error().text());
                      });
}

void ModbusSession::count_bad() {
    auto view = view_.lock();
    for (DeviceView& device : view->devices) device.status.bad = 0;
    for (const Point& point : points_)
        if (point.bad) ++view->devices[point.device].status.bad;
}

// ---- commands ----

void ModbusSession::write(WriteJob job) {
    if (stopped_ || (state_ != LinkState::up && state_ != LinkState::connecting))
        return job.done(
            Error{Code::unavailable, "connection {} is {}: nothing was written", config_.name, to_string(state_)});
    if (writes_.size() >= deps_.options.commands_waiting_max)
        return job.done(Error{Code::limit, "{} commands wait for connection {} already", writes_.size(), config_.name});
    if (job.expires == 0) job.expires = deps_.lane.clock().now() + kWriteGrace;
    writes_.push_back(std::move(job));
    step();
}

namespace {

const PropertyConfig* find_property(const LinkConfig& config, const WriteJob& job, const DeviceConfig*& device) {
    for (const DeviceConfig& candidate : config.devices) {
        if (candidate.uid != job.device_uid || !candidate.enabled) continue;
        for (const PropertyConfig& property : candidate.properties) {
            if (property.name != job.property) continue;
            device = &candidate;
            return &property;
        }
    }
    return nullptr;
}

// Nothing was read back: NaN, which is null to whoever asked.
CommandResult not_done(std::string why) {
    return {{}, false, std::numeric_limits<double>::quiet_NaN(), std::move(why)};
}

// What the machine holds after an acknowledged write, against what was asked for.
CommandResult compare(const PropertyConfig& property, const Value& wanted, Result<Reply> reply) {
    CommandResult result = not_done({});
    if (!reply || reply->exception) {
        result.error = "acknowledged by the device, but it cannot be read back: " +
                       (reply ? to_string(*reply->exception) : reply.error().text());
        return result;
    }
    const PropertyReading reading = read_property(property, *reply, 0);
    if (!reading.error.empty()) {
        result.error = "acknowledged by the device, but it cannot be read back: " + reading.error;
        return result;
    }
    result.read_back = reading.value;
    // Compared as the registers hold it: a scale may round.
    const auto back = write_request(property, reading.value, 0), sent = write_request(property, wanted, 0);
    result.done = back && sent && *back == *sent;
    if (!result.done)
        result.error = fmt::format("acknowledged by the device, but it reads back {} instead of {}",
                                   gongshu::to_string(reading.value), gongshu::to_string(wanted));
    return result;
}

}  // namespace

void ModbusSession::start_write() {
    const DeviceConfig* device = nullptr;
    while (!writes_.empty()) {
        writing_ = true;
        const PropertyConfig* property = find_property(config_, writes_.front(), device);
        if (property == nullptr || !config_.writes_enabled || !property->writable) {
            finish_write(Error{Code::conflict, "the device was changed while the command waited: nothing was written"});
            continue;
        }
        if (deps_.lane.clock().now() > writes_.front().expires) {
            finish_write(Error{Code::timeout, "the command expired before it could be sent: nothing was written"});
            continue;
        }
        if (is_bits(property->table) || property->codec.encoding != wire::modbus::Encoding::bit) return send_write(0);
        // One bit of a register: the others stay as they are.
        return link_->request(device->unit, read_request(property->table, property->address, 1), config_.timeout,
                              [weak = weak_from_this()](Result<Reply> reply) {
                                  const auto self = weak.lock();
                                  if (!self || !self->writing_) return;
                                  if (reply && !reply->exception) return self->send_write(reply->registers[0]);
                                  const std::string why = reply ? to_string(*reply->exception) : reply.error().text();
                                  self->finish_write(not_done(
                                      "cannot read the register that holds the bit, nothing was written: " + why));
                                  self->step();
                              });
    }
}

void ModbusSession::send_write(std::uint16_t before) {
    const DeviceConfig* device = nullptr;
    const PropertyConfig* property = find_property(config_, writes_.front(), device);
    if (property == nullptr) {
        finish_write(Error{Code::conflict, "the device was changed while the command waited: nothing was written"});
        return step();
    }
    auto request = write_request(*property, writes_.front().value, before);
    if (!request) {
        finish_write(std::move(request).error());
        return step();
    }
    // Never sent twice: after a time-out nobody knows whether it was done.
    link_->request(device->unit, *request, config_.timeout, [weak = weak_from_this()](Result<Reply> reply) {
        const auto self = weak.lock();
        if (!self || !self->writing_) return;
        if (reply && !reply->exception) return self->read_back();
        const std::string why = reply ? "the device refused: " + to_string(*reply->exception)
                                      : "it is not known whether it was executed: " + reply.error().text();
        self->finish_write(not_done(why));
        self->step();
    });
}

void ModbusSession::read_back() {
    const DeviceConfig* device = nullptr;
    const PropertyConfig* found = find_property(config_, writes_.front(), device);
    if (found == nullptr) {
        finish_write(not_done("acknowledged by the device, which was changed here before it could be read back"));
        return step();
    }
    link_->request(device->unit, read_request(found->table, found->address, found->count()), config_.timeout,
                   [weak = weak_from_this(), property = *found](Result<Reply> reply) {
                       const auto self = weak.lock();
                       if (!self || !self->writing_) return;
                       self->finish_write(compare(property, self->writes_.front().value, std::move(reply)));
                       self->step();
                   });
}

void ModbusSession::finish_write(Result<CommandResult> result) {
    ASSERT(!writes_.empty());
    WriteJob job = std::move(writes_.front());
    writes_.pop_front();
    writing_ = false;
    not_before_ = deps_.lane.clock().monotonic() + config_.min_request_gap;
    job.done(std::move(result));
}

void ModbusSession::refuse_writes(const Error& error) {
    if (writing_) finish_write(not_done("it is not known whether it was executed: " + error.text()));
    while (!writes_.empty()) finish_write(error);
}

// ---- status ----

void ModbusSession::set_state(LinkState state, TimeNs next_try) {
    const TimeNs now = deps_.lane.clock().now();
    auto view = view_.lock();
    if (state_ != state || view->since == 0) view->since = now;
    state_ = state;
    view->state = state;
    view->next_try = next_try;
    view->name = config_.name;
}

void ModbusSession::set_error(const std::string& text) {
    auto view = view_.lock();
    view->last_error = text;
    view->last_error_at = deps_.lane.clock().now();
}

void ModbusSession::set_device_error(std::size_t device, const std::string& text) {
    auto view = view_.lock();
    if (device < view->devices.size()) view->devices[device].status.last_error = text;
}

ConnectionStatus ModbusSession::connection_status() const {
    auto view = view_.lock();
    return {view->name,          "modbus_tcp",   view->state,          view->since,     view->last_error,
            view->last_error_at, view->next_try, counters_.snapshot(), view->latency_ms};
}

std::vector<DeviceStatus> ModbusSession::device_status(TimeNs now) const {
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
