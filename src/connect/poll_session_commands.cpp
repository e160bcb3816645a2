// What PollSession does with commands: one at a time between two polls, read back where that can be.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "connect/poll_session.h"

namespace gongshu::connect {

namespace {

constexpr DurationNs kWriteGrace = 10 * kSecond;  // of a command that states no end

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
CommandResult compare(const Driver& driver, const PropertyConfig& property, const Value& wanted,
                      const Result<Outcome>& outcome) {
    CommandResult result = not_done({});
    const auto cannot = [&](const std::string& why) {
        result.error = "acknowledged by the device, but it cannot be read back: " + why;
        return result;
    };
    if (!outcome) return cannot(outcome.error().text());
    if (!outcome->errors.empty()) return cannot(outcome->errors.front().text());
    if (!outcome->refused.empty()) return cannot(outcome->refused.front().error.text());
    if (outcome->readings.empty()) return cannot("nothing came");
    const PropertyReading& reading = outcome->readings.front().reading;
    if (!reading.error.empty()) return cannot(reading.error);
    result.read_back = reading.value;
    result.done = driver.same(property, reading.value, wanted);
    if (!result.done)
        result.error = fmt::format("acknowledged by the device, but it reads back {} instead of {}",
                                   gongshu::to_string(reading.value), gongshu::to_string(wanted));
    return result;
}

}  // namespace

void PollSession::write(WriteJob job) {
    if (paused_ && !stopped_)
        return job.done(Error{Code::unavailable, "connection {} is being tested: nothing was written", config_->name});
    if (stopped_ || (state_ != LinkState::up && state_ != LinkState::connecting))
        return job.done(
            Error{Code::unavailable, "connection {} is {}: nothing was written", config_->name, to_string(state_)});
    if (writes_.size() >= deps_.options.commands_waiting_max)
        return job.done(
            Error{Code::limit, "{} commands wait for connection {} already", writes_.size(), config_->name});
    if (job.expires == 0) job.expires = deps_.lane.clock().now() + kWriteGrace;
    writes_.push_back(std::move(job));
    step();
}

// Where a late answer may still come, a command waits: it would be taken for the command's.
bool PollSession::is_free(const WriteJob& job) const {
    const DeviceConfig* device = nullptr;
    if (find_property(*config_, job, device) == nullptr) return true;
    const auto unit = units_.find(driver_->unit_of(*device));
    if (unit == units_.end()) return true;
    return unit->second.owed == 0 && unit->second.silent_until <= deps_.lane.clock().monotonic();
}

void PollSession::refuse_expired() {
    if (writing_) return;
    const TimeNs now = deps_.lane.clock().now();
    for (;;) {
        const auto late = std::ranges::find_if(writes_, [&](const WriteJob& job) { return now > job.expires; });
        if (late == writes_.end()) return;
        WriteJob job = std::move(*late);
        writes_.erase(late);
        job.done(Error{Code::timeout, "the command expired before it could be sent: nothing was written"});
    }
}

// The first one that may be sent becomes the first of all.
void PollSession::start_write() {
    const DeviceConfig* device = nullptr;
    for (;;) {
        const auto free = std::ranges::find_if(writes_, [&](const WriteJob& job) { return is_free(job); });
        if (free == writes_.end()) return;
        std::rotate(writes_.begin(), free, free + 1);
        writing_ = true;
        const PropertyConfig* property = find_property(*config_, writes_.front(), device);
        if (property == nullptr || !config_->writes_enabled || !property->writable) {
            finish_write(Error{Code::conflict, "the device was changed while the command waited: nothing was written"});
            continue;
        }
        return send_write(*device, *property);
    }
}

// Never sent twice: after a time-out nobody knows whether it was done.
void PollSession::send_write(const DeviceConfig& device, const PropertyConfig& property) {
    const auto begun = std::make_shared<bool>(false);
    asked_ = Asked{driver_->unit_of(device), 0};
    last_asked_unit_ = asked_->unit;
    const auto begin = [driver = driver_.get(), config = config_, &device, &property, value = writes_.front().value,
                        begun] {
        auto bytes = driver->write(device, property, value);
        *begun = bytes.has_value();
        return bytes;
    };
    link_->exchange(begin, config_->timeout, [weak = weak_from_this(), begun](Result<Outcome> outcome) {
        const auto self = weak.lock();
        if (!self) return;
        self->on_ended(outcome);
        if (self->writing_) self->on_written(std::move(outcome), *begun);
    });
}

void PollSession::on_ended(const Result<Outcome>& outcome) {
    const Code code = outcome ? Code::invalid : outcome.error().code();
    if (!outcome && (code == Code::timeout || code == Code::malformed))
        owe();  // also after an answer that fits nothing: the right one may be behind it
    else
        asked_.reset();
}

void PollSession::on_written(Result<Outcome> outcome, bool begun) {
    if (outcome && outcome->errors.empty()) return read_back();
    const Error error = outcome ? outcome->errors.front() : outcome.error();
    if (!begun)
        finish_write(error);
    else if (!driver_->may_have_written())
        finish_write(not_done("nothing was written: " + error.text()));
    else if (outcome)
        finish_write(not_done("the device refused: " + error.text()));
    else
        finish_write(not_done("it is not known whether it was executed: " + error.text()));
    step();
}

void PollSession::read_back() {
    const DeviceConfig* device = nullptr;
    const PropertyConfig* property = find_property(*config_, writes_.front(), device);
    if (property == nullptr) {
        finish_write(not_done("acknowledged by the device, which was changed here before it could be read back"));
        return step();
    }
    asked_ = Asked{driver_->unit_of(*device), 0};
    const auto begin = [driver = driver_.get(), config = config_, device, property] {
        return driver->read_back(*device, *property);
    };
    link_->exchange(begin, config_->timeout,
                    [weak = weak_from_this(), config = config_, property](Result<Outcome> outcome) {
                        const auto self = weak.lock();
                        if (!self) return;
                        self->on_ended(outcome);
                        if (!self->writing_) return;
                        self->finish_write(compare(*self->driver_, *property, self->writes_.front().value, outcome));
                        self->step();
                    });
}

void PollSession::finish_write(Result<CommandResult> result) {
    ASSERT(!writes_.empty());
    WriteJob job = std::move(writes_.front());
    writes_.pop_front();
    writing_ = false;
    not_before_ = deps_.lane.clock().monotonic() + config_->min_request_gap;
    job.done(std::move(result));
}

void PollSession::refuse_writes(const Error& error) {
    if (writing_) finish_write(not_done("it is not known whether it was executed: " + error.text()));
    while (!writes_.empty()) finish_write(error);
}

}  // namespace gongshu::connect
