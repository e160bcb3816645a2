#include "connect/modbus_driver.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "connect/named_place.h"
#include "connect/poll_plan.h"
#include "wire/modbus_rtu.h"

namespace gongshu::connect {

using wire::modbus::Exception;
using wire::modbus::Frame;
using wire::modbus::Reply;
using wire::modbus::Request;
using wire::modbus::RtuFrame;

namespace {

constexpr const char* kCheckTheLine = "check the protocol (RTU or Modbus TCP), and speed and parity of the serial line";

// More bytes than this in an exchange that are no frame, and the link is opened anew.
constexpr std::size_t kNoiseMax = 4096;

// So many requests back an answer may still come.
constexpr std::uint16_t kLateMax = 16;

constexpr int kUnitMax = 247;

// Of PLCs that are asked by their own names: AS series before firmware 1.06.10 takes no more in one request.
constexpr std::uint16_t kBitsOfPlcMax = 256;

bool may_split(Exception exception) {
    return exception == Exception::illegal_address || exception == Exception::illegal_value;
}

bool is_bit_of_register(const PropertyConfig& property) {
    return !is_bits(property.table) && property.codec.encoding == wire::modbus::Encoding::bit;
}

Request read_request(Table table, std::uint16_t address, std::uint16_t count) {
    return {read_function(table), address, count, {}, {}};
}

// "D100 to D109", as the PLC's maker calls them; "" where there is no dialect, or no name.
std::string names_of(const LinkConfig& config, Table table, std::uint16_t address, std::uint16_t count) {
    if (!config.dialect) return {};
    const std::string first = name_at(*config.dialect, table, address);
    const std::string last = name_at(*config.dialect, table, static_cast<std::uint16_t>(address + count - 1));
    return first == last || last.empty() ? first : first.empty() ? last : fmt::format("{} to {}", first, last);
}

// What was said of this property, by what it is called in its PLC.
Error of_place(const PropertyConfig& property, Error error) {
    if (property.place.at.empty()) return error;
    return std::move(error).context("{}", property.place.at);
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

class ModbusDriver final : public Driver {
public:
    explicit ModbusDriver(const LinkConfig& config)
        : framing_(config.framing) {
        for (const Buffer* text : {&config.dtu.registration, &config.dtu.heartbeat})
            if (config.way == Way::dialled_in && !text->empty()) idle_texts_.push_back(*text);
    }

    PollPlan plan(std::shared_ptr<const PointSet> points) override;
    std::vector<Poll> split(std::uint32_t poll) override;
    std::string describe(std::uint32_t poll) const override;

    void begin_link() override;
    Result<Buffer> read(std::uint32_t poll) override;
    Result<Buffer> write(const DeviceConfig& device, const PropertyConfig& property, const Value& value) override;
    Result<Buffer> read_back(const DeviceConfig& device, const PropertyConfig& property) override;
    bool may_have_written() const override { return has_written_; }
    Result<Step> feed(Bytes bytes) override;
    void abandon() override;
    Error no_answer(std::int64_t milliseconds) const override;
    std::size_t take_malformed() override { return std::exchange(malformed_, 0); }
    bool late() const override { return framing_ == Framing::rtu; }
    std::size_t answer_bytes() const override;
    std::uint32_t unit_of(const DeviceConfig& device) const override { return device.unit; }
    Result<Heard> hear(Bytes bytes) override;
    bool knows_idle_texts() const override { return framing_ == Framing::mbap; }

    Result<void> check_write(const DeviceConfig& device, const PropertyConfig& property,
                             const Value& value) const override;
    bool same(const PropertyConfig& property, const Value& a, const Value& b) const override;

private:
    enum class What : std::uint8_t { poll, read_before_write, write, read_back };
    struct Running {
        What what = What::poll;
        std::uint8_t unit = 0;
        Request request;
        std::uint16_t transaction = 0;
        std::shared_ptr<const PointSet> set;  // of a poll, and its request
        PollRequest poll;
        PropertyConfig property;  // of a command, and its value
        Value value;
        std::optional<Result<Reply>> reply;
    };

    Result<void> check_unit(const DeviceConfig& device) const;
    Poll add(PollRequest request);
    Buffer begin(Running running);
    std::string names_of_running() const;
    Result<void> feed_mbap(Bytes bytes);
    Result<void> feed_rtu(Bytes bytes);
    bool on_frame(const Frame& frame);
    bool on_rtu_frame(const RtuFrame& frame);
    std::size_t idle_text(Bytes bytes) const;
    std::optional<std::size_t> idle_at_frame(Bytes bytes) const;
    Step conclude(Running ended);
    Step conclude_poll(const Running& ended, const Reply& reply) const;

    const Framing framing_;
    std::vector<Buffer> idle_texts_;  // of a DTU: what it says by itself
    std::shared_ptr<const PointSet> set_;
    std::map<std::uint32_t, PollRequest> requests_;
    std::uint32_t last_id_ = 0;
    // Of the link.
    wire::modbus::FrameDecoder decoder_;
    wire::modbus::RtuReplyDecoder rtu_;
    Buffer undecided_;         // bytes that may be the beginning of a frame, or of what a DTU says
    bool after_idle_ = false;  // what came last was what a DTU says
    std::uint16_t transaction_ = 0;
    std::optional<Running> running_;
    bool has_written_ = false;
    mutable std::size_t malformed_ = 0;
};

// ---- what to ask ----

PollPlan ModbusDriver::plan(std::shared_ptr<const PointSet> points) {
    set_ = std::move(points);
    requests_.clear();
    std::vector<PollItem> items;
    PollPlan plan;
    for (std::size_t i = 0; i < set_->points.size(); ++i) {
        const auto& [device, property] = set_->points[i];
        auto fine = check_unit(*device);
        if (fine && !property->fault.empty()) fine = Error{Code::invalid, "{}", property->fault};
        if (!fine) {
            plan.faults.push_back({i, std::move(fine).error()});
            continue;
        }
        items.push_back({device->unit, property->table, property->address, property->count(), property->period, i,
                         property->area_first, property->area_end});
    }
    PlanLimits limits{set_->config->registers_per_request_max, set_->config->gap_max};
    if (set_->config->dialect) limits.bits_max = kBitsOfPlcMax;
    for (PollRequest& request : plan_polls(std::move(items), limits)) plan.polls.push_back(add(std::move(request)));
    return plan;
}

// On a line 0 is all at once: nobody answers, and a write reaches every machine.
Result<void> ModbusDriver::check_unit(const DeviceConfig& device) const {
    if (framing_ == Framing::mbap || (device.unit >= 1 && device.unit <= kUnitMax)) return {};
    return Error{Code::invalid, "unit {} is no machine of a serial line: expected 1 to {}", device.unit, kUnitMax};
}

Poll ModbusDriver::add(PollRequest request) {
    Poll poll{++last_id_, request.unit, request.period, {}};
    for (const PollItem& item : request.items) poll.points.push_back(item.index);
    requests_.emplace(poll.id, std::move(request));
    return poll;
}

std::vector<Poll> ModbusDriver::split(std::uint32_t poll) {
    const PollRequest request = std::move(requests_.at(poll));
    requests_.erase(poll);
    std::vector<Poll> parts;
    for (PollRequest& part : split_request(request)) parts.push_back(add(std::move(part)));
    return parts;
}

std::string ModbusDriver::describe(std::uint32_t poll) const {
    static constexpr const char* kNames[] = {"coils", "discrete inputs", "holding registers", "input registers"};
    const PollRequest& request = requests_.at(poll);
    const std::string what =
        fmt::format("read unit {} {} {} to {}", request.unit, kNames[static_cast<std::size_t>(request.table)],
                    request.address, request.address + request.count - 1);
    const std::string names = names_of(*set_->config, request.table, request.address, request.count);
    return names.empty() ? what : fmt::format("{} ({})", what, names);
}

// ---- an exchange ----

void ModbusDriver::begin_link() {
    abandon();
    decoder_.reset();
    undecided_.clear();
    after_idle_ = false;
}

Buffer ModbusDriver::begin(Running running) {
    if (++transaction_ == 0) ++transaction_;  // 0 is what heartbeats are made of
    running.transaction = transaction_;
    auto frame = framing_ == Framing::mbap ? encode_request(transaction_, running.unit, running.request)
                                           : encode_rtu_request(running.unit, running.request);
    ASSERT(frame.has_value());  // plans and writes keep to the limits
    if (framing_ == Framing::rtu) rtu_.expect(running.unit, running.request);
    has_written_ = running.what == What::write;
    running_ = std::move(running);
    return std::move(*frame);
}

Result<Buffer> ModbusDriver::read(std::uint32_t poll) {
    const auto found = requests_.find(poll);
    if (found == requests_.end()) return replaced_poll();
    Running running;
    running.set = set_;
    running.poll = found->second;
    running.unit = running.poll.unit;
    running.request = read_request(running.poll.table, running.poll.address, running.poll.count);
    return begin(std::move(running));
}

Result<Buffer> ModbusDriver::write(const DeviceConfig& device, const PropertyConfig& property, const Value& value) {
    Running running;
    running.unit = device.unit;
    running.property = property;
    running.value = value;
    if (is_bit_of_register(property)) {
        running.what = What::read_before_write;
        running.request = read_request(property.table, property.address, 1);
    } else {
        running.what = What::write;
        running.request = TRY(write_request(property, value, 0));
    }
    return begin(std::move(running));
}

Result<Buffer> ModbusDriver::read_back(const DeviceConfig& device, const PropertyConfig& property) {
    Running running;
    running.what = What::read_back;
    running.unit = device.unit;
    running.property = property;
    running.request = read_request(property.table, property.address, property.count());
    return begin(std::move(running));
}

void ModbusDriver::abandon() {
    running_.reset();
    rtu_.reset();
}

std::string ModbusDriver::names_of_running() const {
    if (running_->what != What::poll) return running_->property.place.at;
    const PollRequest& asked = running_->poll;
    return names_of(*running_->set->config, asked.table, asked.address, asked.count);
}

Error ModbusDriver::no_answer(std::int64_t milliseconds) const {
    ASSERT(running_.has_value());
    const int function = static_cast<int>(running_->request.function);
    const std::size_t noise = idle_texts_.empty() ? rtu_.noise_bytes() : 0;  // else it may be heartbeats
    if (noise != 0) {
        ++malformed_;
        return Error{Code::timeout,
                     "no answer from unit {} to function {} at address {} within {} ms, but {} bytes that are none: {}",
                     running_->unit,
                     function,
                     running_->request.address,
                     milliseconds,
                     noise,
                     kCheckTheLine};
    }
    const std::string names = names_of_running();
    if (!names.empty())
        return Error{Code::timeout,
                     "no answer from unit {} to function {} at address {} ({}) within {} ms",
                     running_->unit,
                     function,
                     running_->request.address,
                     names,
                     milliseconds};
    return Error{Code::timeout,
                 "no answer from unit {} to function {} at address {} within {} ms",
                 running_->unit,
                 function,
                 running_->request.address,
                 milliseconds};
}

std::size_t ModbusDriver::answer_bytes() const {
    return running_ ? reply_pdu_bytes(running_->request) + wire::modbus::kRtuExtraBytes : 0;
}

// ---- what comes ----

Result<Step> ModbusDriver::feed(Bytes bytes) {
    TRY(framing_ == Framing::mbap ? feed_mbap(bytes) : feed_rtu(bytes));
    if (!running_ || !running_->reply) return More{};
    Running ended = std::move(*running_);
    running_.reset();
    return conclude(std::move(ended));
}

Result<Heard> ModbusDriver::hear(Bytes bytes) {
    Heard heard;
    if (framing_ == Framing::mbap) {
        TRY(feed_mbap(bytes));
    } else if (!bytes.empty()) {
        heard.malformed = 1;  // nobody asked
    }
    return heard;
}

Result<void> ModbusDriver::feed_rtu(Bytes bytes) {
    while (!bytes.empty() && rtu_.noise_bytes() <= kNoiseMax) {
        const Bytes piece = bytes.first(std::min(bytes.size(), kNoiseMax));
        bytes = bytes.subspan(piece.size());
        rtu_.feed(piece, [&](const RtuFrame& frame) { return on_rtu_frame(frame); });
        if (running_ && running_->reply) return {};
    }
    if (rtu_.noise_bytes() <= kNoiseMax) return {};
    return Error{Code::malformed, "more than {} bytes came that are no Modbus RTU: {}", kNoiseMax, kCheckTheLine};
}

// Here a heartbeat would be taken for a header: it is looked for wherever a frame may begin.
Result<void> ModbusDriver::feed_mbap(Bytes bytes) {
    const auto on_frame = [&](const Frame& frame) { return this->on_frame(frame); };
    if (idle_texts_.empty()) return decoder_.feed(bytes, on_frame);
    Buffer all = std::exchange(undecided_, {});
    all.insert(all.end(), bytes.begin(), bytes.end());
    for (Bytes rest = all; !rest.empty();) {
        std::size_t taken = 0;
        if (decoder_.buffered_bytes() == 0) {
            const auto idle = idle_at_frame(rest);
            if (!idle) {
                undecided_.assign(rest.begin(), rest.end());
                return {};
            }
            taken = *idle;
            after_idle_ = taken != 0;
        }
        if (taken == 0) {
            taken = std::min(decoder_.wanted_bytes(), rest.size());
            TRY(decoder_.feed(rest.first(taken), on_frame));
        }
        rest = rest.subspan(taken);
    }
    return {};
}

// How many bytes at the beginning are what a DTU says by itself; 0 = none.
std::size_t ModbusDriver::idle_text(Bytes bytes) const {
    for (const Buffer& text : idle_texts_)
        if (bytes.size() >= text.size() && std::ranges::equal(bytes.first(text.size()), text)) return text.size();
    return 0;
}

// Where a frame may begin: how many bytes are what a DTU says by itself, 0 if it is a frame, nothing if more bytes have
// to come to tell.
std::optional<std::size_t> ModbusDriver::idle_at_frame(Bytes bytes) const {
    std::size_t idle = idle_text(bytes);
    // Many say a line's end behind it.
    if (idle == 0 && after_idle_ && (bytes[0] == '\r' || bytes[0] == '\n')) idle = 1;
    const bool begins_idle = std::ranges::any_of(idle_texts_, [&](const Buffer& text) {
        return bytes.size() < text.size() && std::equal(bytes.begin(), bytes.end(), text.begin());
    });
    if (idle == 0 && !begins_idle) return 0;
    // A heartbeat may be a zero, as the first byte of a header is: that begins with the number of a request, the last
    // one or a late one; the protocol there is 0, the length 2 to 254.
    if (bytes.size() < 2) return std::nullopt;
    const auto number = static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
    const bool asked = number != 0 && static_cast<std::uint16_t>(transaction_ - number) < kLateMax;
    if (!asked) return idle != 0 ? std::optional(idle) : std::nullopt;
    constexpr std::size_t kProtocol = 2, kLength = 5;
    for (std::size_t at = kProtocol; at < std::min(kLength, bytes.size()); ++at)
        if (bytes[at] != 0) return idle != 0 ? std::optional(idle) : std::nullopt;
    if (bytes.size() <= kLength) return std::nullopt;
    if (bytes[kLength] >= 2) return 0;
    return idle != 0 ? std::optional(idle) : std::nullopt;
}

bool ModbusDriver::on_frame(const Frame& frame) {
    // An answer to nobody: too late, or to something that was never asked. The right one may still come.
    const bool ours = running_ && !running_->reply && frame.transaction == running_->transaction &&
                      frame.unit == running_->unit;
    if (ours)
        running_->reply = decode_reply(running_->request, frame.pdu);
    else
        ++malformed_;
    return true;
}

bool ModbusDriver::on_rtu_frame(const RtuFrame& frame) {
    if (!frame.expected || !running_) {
        ++malformed_;
        return true;
    }
    auto reply = decode_reply(running_->request, frame.pdu);
    // The echo of an older write: this one's may still come.
    if (!reply && running_->what == What::write) {
        ++malformed_;
        return true;
    }
    running_->reply = std::move(reply);
    return false;
}

// ---- how it ends ----

Step ModbusDriver::conclude(Running ended) {
    rtu_.reset();
    const Result<Reply>& reply = *ended.reply;
    if (!reply) return Done{reply.error()};
    if (ended.what == What::poll) return conclude_poll(ended, *reply);
    Outcome outcome;
    if (reply->exception) {
        outcome.errors.push_back(
            of_place(ended.property, Error{Code::unavailable, "{}", to_string(*reply->exception)}));
        return Done{std::move(outcome)};
    }
    if (ended.what == What::read_before_write) {
        auto request = write_request(ended.property, ended.value, reply->registers[0]);
        if (!request) return Done{std::move(request).error()};
        ended.what = What::write;
        ended.request = std::move(*request);
        ended.reply.reset();
        return Send{begin(std::move(ended))};
    }
    if (ended.what == What::read_back) outcome.readings.push_back({0, read_property(ended.property, *reply, 0)});
    return Done{std::move(outcome)};
}

Step ModbusDriver::conclude_poll(const Running& ended, const Reply& reply) const {
    const PollRequest& asked = ended.poll;
    Outcome outcome;
    if (reply.exception) {
        const Error error = refused(*reply.exception, asked.unit, asked.table, asked.address, asked.count);
        for (const PollItem& item : asked.items)
            outcome.refused.push_back({item.index, of_place(*ended.set->points[item.index].property, error)});
        outcome.may_split = asked.items.size() > 1 && may_split(*reply.exception);
        return Done{std::move(outcome)};
    }
    outcome.readings.reserve(asked.items.size());
    for (const PollItem& item : asked.items) {
        const PropertyConfig& property = *ended.set->points[item.index].property;
        outcome.readings.push_back(
            {item.index, read_property(property, reply, item.address - std::size_t{asked.address})});
    }
    return Done{std::move(outcome)};
}

// ---- values ----

Result<void> ModbusDriver::check_write(const DeviceConfig& device, const PropertyConfig& property,
                                       const Value& value) const {
    TRY(check_unit(device));
    if (!property.fault.empty()) return Error{Code::invalid, "{}: {}", property.name, property.fault};
    if (property.read_only)
        return Error{Code::denied, "{} is {}, an input of the PLC, which can only be read", property.name,
                     property.place.at};
    if (property.table == Table::discrete_inputs || property.table == Table::input_registers)
        return Error{Code::denied, "{} lies in a table of inputs, which cannot be written", property.name};
    const auto fits = write_request(property, value, 0);
    if (!fits) return Error{Code::invalid, "{}: {}", property.name, of_place(property, fits.error()).text()};
    return {};
}

// Compared as the registers hold it.
bool ModbusDriver::same(const PropertyConfig& property, const Value& a, const Value& b) const {
    const auto one = write_request(property, a, 0), other = write_request(property, b, 0);
    return one && other && *one == *other;
}

}  // namespace

std::unique_ptr<Driver> make_modbus_driver(const LinkConfig& config) { return std::make_unique<ModbusDriver>(config); }

}  // namespace gongshu::connect
