#include "connect/link_test_run.h"

#include <utility>

#include "connect/poll_session.h"
#include "connect/property_value.h"

namespace gongshu::connect {

LinkTestRun::LinkTestRun(io::Loop& lane, TargetPolicy may_connect, LinkConfig config, Done done)
    : lane_(lane),
      may_connect_(std::move(may_connect)),
      config_(std::make_shared<const LinkConfig>(std::move(config))),
      done_(std::move(done)),
      driver_(make_driver(*config_)) {}

void LinkTestRun::start(std::unique_ptr<io::Stream> stream, DurationNs quiet_for) {
    quiet_for_ = quiet_for;
    self_ = shared_from_this();
    report_.ok = true;
    began_ = lane_.clock().monotonic();
    LinkEvents events;
    events.on_down = [weak = weak_from_this()](const Error& error) {
        const auto self = weak.lock();
        if (!self || !self->self_) return;
        self->add_step("link", false, error.text(), self->lane_.clock().monotonic());
        self->finish();
    };
    events.on_ready = [weak = weak_from_this()](bool came) {
        const auto self = weak.lock();
        if (!self || !self->self_) return;
        if (came) --self->owed_;
        self->step();
    };
    events.on_heard = [weak = weak_from_this()](std::vector<PointReading> readings) {
        if (const auto self = weak.lock(); self && self->self_) self->on_heard(std::move(readings));
    };
    events.on_fault = [weak = weak_from_this()](const std::string& fault) {
        if (const auto self = weak.lock(); self && self->self_ && ++self->faults_ <= kFaultsMax)
            self->add_step("listen", false, fault, self->lane_.clock().monotonic());
    };
    link_ = std::make_shared<PollLink>(lane_, config_->tenant, may_connect_, counters_, *driver_, std::move(events));
    const auto opened = [weak = weak_from_this()](Result<void> opened) {
        if (const auto self = weak.lock(); self && self->self_) self->on_opened(std::move(opened));
    };
    if (config_->way != Way::dialled_in) return link_->open(*config_, opened);
    add_step("the DTU has dialled in", stream != nullptr,
             stream != nullptr ? io::to_string(stream->peer()) : "not yet: it is waited for", began_);
    if (stream == nullptr) return finish();
    link_->adopt(std::move(stream), *config_, opened);
}

// Planned now that the machine was greeted: it may have told how much it takes at once.
void LinkTestRun::on_opened(Result<void> opened) {
    const bool serial = config_->way == Way::serial;
    const std::string what = serial ? fmt::format("open {}", io::to_string(config_->serial))
                                    : fmt::format("connect {}:{}", config_->host, config_->port);
    if (config_->way != Way::dialled_in || !opened)
        add_step(what, opened.has_value(), opened ? "" : opened.error().text(), began_);
    if (!opened) return finish();
    const auto set = std::make_shared<PointSet>();
    set->config = config_;
    for (const DeviceConfig& device : config_->devices)
        for (const PropertyConfig& property : device.properties) set->points.push_back({&device, &property});
    set_ = set;
    PollPlan plan = driver_->plan(set_);
    waiting_.assign(plan.polls.begin(), plan.polls.end());
    unheard_.insert(plan.heard.begin(), plan.heard.end());
    for (const PointFault& fault : plan.faults) {
        add_bad(fault.point, Reason::config);
        add_step(report_.values.back().tag, false, fault.error.text(), lane_.clock().monotonic());
    }
    wait(quiet_for_);
}

void LinkTestRun::wait(DurationNs time) {
    if (time <= 0) return step();
    waiting_out_ = lane_.after(time, [weak = weak_from_this(), time] {
        const auto self = weak.lock();
        if (!self || !self->self_) return;
        self->waiting_out_ = {};
        self->began_ += time;  // the machines have their time besides
        self->step();
    });
}

void LinkTestRun::step() {
    if (link_->busy() || waiting_out_) return;  // on_ready or the timer goes on
    if (again_) return ask(*std::exchange(again_, std::nullopt), asked_at_);
    skip_silent_units();
    if (waiting_.empty()) return unheard_.empty() ? finish() : listen();
    const DurationNs now = lane_.clock().monotonic();
    if (asked_ >= kPollsMax || now - began_ > kDurationMax) {
        add_step("the rest", false,
                 fmt::format("{} more requests were not tried: the test is limited to {} requests and {} s",
                             waiting_.size(), kPollsMax, kDurationMax / kSecond),
                 now);
        return finish();
    }
    const Poll poll = std::move(waiting_.front());
    waiting_.pop_front();
    ++asked_;
    attempts_ = owed_ = 0;
    asked_at_ = now;
    ask(poll, now);
}

// A late answer of one that has not answered could be taken for this one's.
void LinkTestRun::skip_silent_units() {
    while (!waiting_.empty() && silent_units_.contains(waiting_.front().unit)) {
        const Poll poll = std::move(waiting_.front());
        waiting_.pop_front();
        add_step(driver_->describe(poll.id), false, "not asked: this unit has not answered before",
                 lane_.clock().monotonic());
        for (const std::size_t point : poll.points) add_bad(point, Reason::timeout);
    }
}

void LinkTestRun::ask(const Poll& poll, DurationNs began) {
    ++attempts_;
    const auto begin = [driver = driver_.get(), id = poll.id] { return driver->read(id); };
    const DurationNs left = kDurationMax - (lane_.clock().monotonic() - began_);
    link_->exchange(begin, std::min(config_->timeout, std::max(left, kSecond)),
                    [self = self_, poll, began](Result<Outcome> outcome) {
                        if (self->self_) self->on_outcome(poll, std::move(outcome), began);
                    });
}

void LinkTestRun::on_outcome(const Poll& poll, Result<Outcome> outcome, DurationNs began) {
    const bool timed_out = !outcome && outcome.error().code() == Code::timeout;
    if (timed_out) ++owed_;
    if (timed_out && attempts_ <= config_->retries && lane_.clock().monotonic() - began_ < kDurationMax) {
        again_ = poll;
        return step();
    }
    const bool fine = outcome && outcome->refused.empty();
    add_step(driver_->describe(poll.id), fine,
             !outcome ? outcome.error().text()
             : fine   ? ""
                      : outcome->refused.front().error.text(),
             began);
    if (!outcome) {
        for (const std::size_t point : poll.points) unheard_.erase(point);
        if (timed_out && driver_->late()) silent_units_.insert(poll.unit);
        for (const std::size_t point : poll.points) add_bad(point, Reason::timeout);
        return step();
    }
    for (PointReading& reading : outcome->readings) {
        unheard_.erase(reading.point);
        add_reading(std::move(reading));
    }
    if (outcome->may_split) {
        std::vector<Poll> parts = driver_->split(poll.id);
        waiting_.insert(waiting_.begin(), parts.begin(), parts.end());
        return go_on();
    }
    for (const PointFault& refused : outcome->refused) add_bad(refused.point, Reason::refused);
    go_on();
}

// It was asked more than once: the answers to the other times must not be taken for those of the next.
void LinkTestRun::go_on() {
    wait(owed_ > 0 && driver_->late() ? PollSession::kLateTimeouts * config_->timeout : 0);
}

// Who speaks by itself does so when it likes.
void LinkTestRun::listen() {
    if (listening_) return;
    listening_ = lane_.after(kListenMax, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || !self->self_) return;
        self->listening_ = {};
        for (const std::size_t point : std::exchange(self->unheard_, {})) self->add_bad(point, Reason::silent);
        self->add_step("listen", false, self->driver_->no_answer(kListenMax / kMillisecond).text(), self->began_);
        self->add_step("listen", false, fmt::format("nothing came within {} s", kListenMax / kSecond), self->began_);
        self->finish();
    });
}

void LinkTestRun::on_heard(std::vector<PointReading> readings) {
    if (set_ == nullptr) return;
    for (PointReading& reading : readings)
        if (unheard_.erase(reading.point) != 0) add_reading(std::move(reading));
    if (!unheard_.empty() || !listening_) return;
    add_step("listen", true, "", began_);
    finish();
}

void LinkTestRun::add_reading(PointReading got) {
    unheard_.erase(got.point);
    const auto& [device, property] = set_->points[got.point];
    TestValue value{device->path + "." + property->name, std::move(got.reading.value), got.reading.quality};
    if (!got.reading.error.empty()) add_step(value.tag, false, got.reading.error, lane_.clock().monotonic());
    // Of what was observed since the last question the newest is told.
    const auto [at, is_new] = value_of_.try_emplace(got.point, report_.values.size());
    if (is_new)
        report_.values.push_back(std::move(value));
    else
        report_.values[at->second] = std::move(value);
}

void LinkTestRun::add_bad(std::size_t point, Reason reason) {
    unheard_.erase(point);
    const auto& [device, property] = set_->points[point];
    report_.values.push_back({device->path + "." + property->name, nothing(property->type), bad(reason)});
}

void LinkTestRun::add_step(std::string what, bool ok, std::string detail, DurationNs began) {
    report_.ok = report_.ok && ok;
    const auto ms = static_cast<double>(lane_.clock().monotonic() - began) / kMillisecond;
    report_.steps.push_back({std::move(what), ok, ms, std::move(detail)});
}

void LinkTestRun::finish() {
    for (io::TimerId* timer : {&listening_, &waiting_out_}) {
        if (*timer) lane_.cancel(*timer);
        *timer = {};
    }
    auto stream = config_->way == Way::dialled_in && link_->is_open() ? link_->release() : nullptr;
    link_->close();
    const auto self = std::move(self_);
    const auto done = std::move(done_);
    done(std::move(report_), std::move(stream), !silent_units_.empty());
}

}  // namespace gongshu::connect
