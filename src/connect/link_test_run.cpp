#include "connect/link_test_run.h"

#include "connect/property_value.h"

namespace gongshu::connect {

using wire::modbus::Exception;
using wire::modbus::Reply;

namespace {

std::string describe(const PollRequest& request) {
    static constexpr const char* kNames[] = {"coils", "discrete inputs", "holding registers", "input registers"};
    return fmt::format("read unit {} {} {} to {}", request.unit, kNames[static_cast<std::size_t>(request.table)],
                       request.address, request.address + request.count - 1);
}

}  // namespace

LinkTestRun::LinkTestRun(io::Loop& lane, TargetPolicy may_connect, LinkConfig config,
                         std::function<void(Result<TestReport>)> done)
    : lane_(lane), may_connect_(std::move(may_connect)), config_(std::move(config)), done_(std::move(done)) {
    std::vector<PollItem> items;
    for (const DeviceConfig& device : config_.devices) {
        for (const PropertyConfig& property : device.properties) {
            // One period for all: everything is read once.
            items.push_back(
                {device.unit, property.table, property.address, property.count(), kSecond, properties_.size()});
            properties_.emplace_back(&device, &property);
        }
    }
    for (PollRequest& request : plan_polls(std::move(items), {config_.registers_per_request_max, config_.gap_max}))
        waiting_.push_back(std::move(request));
}

void LinkTestRun::start() {
    self_ = shared_from_this();
    report_.ok = true;
    began_ = lane_.clock().monotonic();
    link_ = std::make_shared<ModbusLink>(
        lane_, config_.tenant, may_connect_, counters_, [weak = weak_from_this()](const Error& error) {
            const auto self = weak.lock();
            if (!self || !self->self_) return;
            self->add_step("link", false, error.text(), self->lane_.clock().monotonic());
            self->finish();
        });
    link_->open({config_.host, config_.port}, std::max(config_.timeout, kSecond), [self = self_](Result<void> opened) {
        if (!self->self_) return;
        self->add_step(fmt::format("connect {}:{}", self->config_.host, self->config_.port), opened.has_value(),
                       opened ? "" : opened.error().text(), self->began_);
        if (!opened) return self->finish();
        self->step();
    });
}

void LinkTestRun::step() {
    if (waiting_.empty()) return finish();
    const DurationNs now = lane_.clock().monotonic();
    if (asked_ >= kRequestsMax || now - began_ > kDurationMax) {
        add_step("the rest", false,
                 fmt::format("{} more requests were not tried: the test is limited to {} requests and {} s",
                             waiting_.size(), kRequestsMax, kDurationMax / kSecond),
                 now);
        return finish();
    }
    ++asked_;
    const PollRequest request = std::move(waiting_.front());
    waiting_.pop_front();
    wire::modbus::Request read;
    read.function = read_function(request.table);
    read.address = request.address;
    read.count = request.count;
    link_->request(request.unit, read, config_.timeout, [self = self_, request, now](Result<Reply> reply) {
        if (self->self_) self->on_reply(request, std::move(reply), now);
    });
}

void LinkTestRun::on_reply(const PollRequest& request, Result<Reply> reply, DurationNs sent) {
    const bool refused = reply && reply->exception;
    add_step(describe(request), reply && !refused,
             !reply    ? reply.error().text()
             : refused ? to_string(*reply->exception)
                       : "",
             sent);
    if (refused && request.items.size() > 1) {
        auto parts = split_request(request);
        for (auto part = parts.rbegin(); part != parts.rend(); ++part) waiting_.push_front(std::move(*part));
        return step();
    }
    for (const PollItem& item : request.items) {
        const auto& [device, property] = properties_[item.index];
        TestValue value{device->path + "." + property->name, nothing(property->type), bad(Reason::timeout)};
        if (refused) value.quality = bad(Reason::refused);
        if (reply && !refused) {
            PropertyReading reading = read_property(*property, *reply, item.address - std::size_t{request.address});
            if (!reading.error.empty()) add_step(value.tag, false, reading.error, lane_.clock().monotonic());
            value.value = std::move(reading.value);
            value.quality = reading.quality;
        }
        report_.values.push_back(std::move(value));
    }
    step();
}

void LinkTestRun::add_step(std::string what, bool ok, std::string detail, DurationNs began) {
    report_.ok = report_.ok && ok;
    const auto ms = static_cast<double>(lane_.clock().monotonic() - began) / kMillisecond;
    report_.steps.push_back({std::move(what), ok, ms, std::move(detail)});
}

void LinkTestRun::finish() {
    link_->close();
    const auto self = std::move(self_);
    const auto done = std::move(done_);
    done(std::move(report_));
}

}  // namespace gongshu::connect
