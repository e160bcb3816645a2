#include "connect/fins_driver.h"

#include <algorithm>
#include <map>
#include <utility>

#include "connect/named_place.h"
#include "wire/fins.h"

namespace gongshu::connect {

namespace {

namespace fins = wire::fins;
using fins::Address;
using fins::Block;
using fins::Layout;
using fins::PlanItem;
using fins::Reply;
using fins::Request;
using fins::TcpCommand;
using wire::modbus::Encoding;
using wire::modbus::ValueCodec;

// Where a property's value lies, and how.
struct Variable {
    Address address;
    Layout layout;
    bool is_bit() const { return layout.codec.encoding == Encoding::bit; }
};
using Variables = std::vector<std::optional<Variable>>;

PlaceKind kind_of(Encoding encoding) {
    if (encoding == Encoding::text) return PlaceKind::text;
    if (encoding == Encoding::bit) return PlaceKind::bit;
    return encoding == Encoding::f32 || encoding == Encoding::f64 ? PlaceKind::fraction : PlaceKind::whole;
}

Result<Variable> variable_of(const PropertyConfig& property) {
    Variable variable;
    variable.address = TRY(fins::parse_address(property.place.at).context("property {}", property.name));
    const auto form = TRY(wire::modbus::parse_form(property.place.as).context("property {}", property.name));
    variable.layout =
        TRY(layout_of(variable.address, form, property.type == ValueType::boolean).context("property {}", property.name));
    ValueCodec& codec = variable.layout.codec;
    TRY(check_place(property, kind_of(codec.encoding), codec.encoding == Encoding::bit ? "bool" : to_string(codec.encoding)));
    codec.scale = property.place.scale;
    codec.offset = property.place.offset;
    return variable;
}

Request reading_of(const Block& block) {
    Request request;
    request.head = block.head;
    if (block.is_flag) request.bit = 0;
    request.count = block.count;
    return request;
}

PlanItem item_of(const Variable& variable, std::size_t index) {
    return {variable.address.place, variable.layout.words, variable.layout.is_flag, index};
}

// The value's own bits as the words that its codec reads.
Result<Request> writing_of(const PropertyConfig& property, const Value& value) {
    const Variable variable = TRY(variable_of(property));
    if (variable.layout.is_flag)
        return Error{Code::denied, "property {}: {} is a completion flag, which the PLC sets itself: it cannot be written", property.name,
                     to_string(variable.address)};
    if (is_read_only(variable.address.place))
        return Error{Code::denied, "property {}: {} is only read: of A the words from 448 on can be written", property.name,
                     to_string(variable.address)};
    Request request;
    request.writes = true;
    request.head = variable.address.place;
    auto words = TRY(encode_value(variable.layout.codec, value));
    if (variable.is_bit()) {
        request.bit = variable.address.bit;
        request.bits = {static_cast<std::uint8_t>(words.at(0) != 0 ? 1 : 0)};
        return request;
    }
    request.count = static_cast<std::uint16_t>(words.size());
    request.words = std::move(words);
    return request;
}

class FinsDriver final : public Driver {
public:
    explicit FinsDriver(const LinkConfig& config) : own_node_(config.fins.own_node) {}

    PollPlan plan(std::shared_ptr<const PointSet> points) override;
    std::vector<Poll> split(std::uint32_t poll) override;
    std::string describe(std::uint32_t poll) const override;

    void begin_link() override;
    Buffer greet() override;
    Result<Buffer> read(std::uint32_t poll) override;
    Result<Buffer> write(const DeviceConfig& device, const PropertyConfig& property, const Value& value) override;
    Result<Buffer> read_back(const DeviceConfig& device, const PropertyConfig& property) override;
    bool may_have_written() const override { return may_have_written_; }
    Result<Step> feed(Bytes bytes) override;
    void abandon() override { exchange_.reset(); }
    Error no_answer(std::int64_t milliseconds) const override;
    Error closed_while_greeting(const Error& error) const override;
    std::size_t take_malformed() override { return std::exchange(malformed_, 0); }
    Result<Heard> hear(Bytes bytes) override;

    Result<void> check_write(const DeviceConfig&, const PropertyConfig& property, const Value& value) const override {
        TRY(encode_request({}, TRY(writing_of(property, value))));
        return {};
    }
    bool same(const PropertyConfig& property, const Value& a, const Value& b) const override;

private:
    struct Group {
        Block block;
        DurationNs period = kSecond;
    };
    struct Exchange {
        bool greets = false, reads_back = false;
        Request asked;
        Block block;                                   // of a reading
        std::shared_ptr<const PointSet> set;           // nullptr: it is a write
        std::shared_ptr<const Variables> variables;    // of its points
        std::uint8_t sid = 0;
    };

    Poll add_poll(Block block, DurationNs period);
    Result<Buffer> begin(Exchange exchange);
    std::optional<Step> on_message(const fins::TcpMessage& message);
    Step on_nodes(const fins::TcpMessage& message);
    std::optional<Step> on_frame(Bytes frame);
    Outcome outcome_of(const Reply& reply) const;
    Outcome refused(const Error& error, bool of_address) const;

    const std::uint8_t own_node_;  // 0: the PLC gives one
    std::shared_ptr<const PointSet> set_;
    std::shared_ptr<const Variables> variables_;
    std::map<std::uint32_t, Group> groups_;
    std::uint32_t last_poll_ = 0;
    std::optional<Exchange> exchange_;
    fins::TcpDecoder decoder_;
    std::uint8_t client_node_ = 0, server_node_ = 0;
    std::uint8_t sid_ = 0;
    bool may_have_written_ = false;
    std::size_t malformed_ = 0;
};

// ---- what to ask ----

Poll FinsDriver::add_poll(Block block, DurationNs period) {
    Poll poll{++last_poll_, 0, period, {}};
    for (const PlanItem& item : block.items) poll.points.push_back(item.index);
    std::ranges::sort(poll.points);
    groups_[poll.id] = {std::move(block), period};
    return poll;
}

PollPlan FinsDriver::plan(std::shared_ptr<const PointSet> points) {
    set_ = std::move(points);
    groups_.clear();
    PollPlan plan;
    Variables variables;
    std::map<DurationNs, std::vector<PlanItem>> by_period;
    for (std::size_t i = 0; i < set_->points.size(); ++i) {
        const PropertyConfig& property = *set_->points[i].property;
        auto variable = variable_of(property);
        variables.emplace_back();
        if (!variable) {
            plan.faults.push_back({i, variable.error()});
            continue;
        }
        by_period[property.period].push_back(item_of(*variable, i));
        variables.back() = std::move(*variable);
    }
    variables_ = std::make_shared<const Variables>(std::move(variables));
    for (auto& [period, items] : by_period)
        for (Block& block : fins::plan_blocks(std::move(items), {})) plan.polls.push_back(add_poll(std::move(block), period));
    return plan;
}

// First the runs without gaps, then each value alone.
std::vector<Poll> FinsDriver::split(std::uint32_t poll) {
    const auto found = groups_.find(poll);
    if (found == groups_.end()) return {};
    const Group group = std::move(found->second);
    groups_.erase(found);
    std::vector<Poll> polls;
    std::vector<Block> runs = fins::plan_blocks(group.block.items, {.gap_max = 0});
    if (runs.size() == 1) {
        runs.clear();
        for (const PlanItem& item : group.block.items) runs.push_back({item.place, item.is_flag, item.count, {item}});
    }
    for (Block& run : runs) polls.push_back(add_poll(std::move(run), group.period));
    return polls;
}

std::string FinsDriver::describe(std::uint32_t poll) const {
    const auto group = groups_.find(poll);
    if (group == groups_.end()) return "";
    const Block& block = group->second.block;
    if (block.is_flag) return fmt::format("read {} ({} flags)", to_string(block.head), block.count);
    return fmt::format("read {} ({} words)", to_string(block.head), block.count);
}

// ---- an exchange ----

void FinsDriver::begin_link() {
    exchange_.reset();
    decoder_.reset();
    may_have_written_ = false;
    client_node_ = server_node_ = 0;
}

Buffer FinsDriver::greet() {
    exchange_.emplace();
    exchange_->greets = true;
    return fins::encode_nodes(TcpCommand::client_node, 0, own_node_, 0);
}

Result<Buffer> FinsDriver::begin(Exchange exchange) {
    exchange_.reset();
    exchange.sid = ++sid_;
    fins::Header header;
    header.da1 = server_node_;
    header.sa1 = client_node_;
    header.sid = exchange.sid;
    const Buffer frame = TRY(encode_request(header, exchange.asked));
    may_have_written_ = exchange.asked.writes;
    exchange_ = std::move(exchange);
    return fins::encode_tcp(TcpCommand::frame, 0, frame);
}

Result<Buffer> FinsDriver::read(std::uint32_t poll) {
    const auto found = groups_.find(poll);
    if (found == groups_.end()) return replaced_poll();
    Exchange exchange;
    exchange.asked = reading_of(found->second.block);
    exchange.block = found->second.block;
    exchange.set = set_;
    exchange.variables = variables_;
    return begin(std::move(exchange));
}

Result<Buffer> FinsDriver::write(const DeviceConfig&, const PropertyConfig& property, const Value& value) {
    may_have_written_ = false;
    Exchange exchange;
    exchange.asked = TRY(writing_of(property, value));
    return begin(std::move(exchange));
}

Result<Buffer> FinsDriver::read_back(const DeviceConfig&, const PropertyConfig& property) {
    const Variable variable = TRY(variable_of(property));
    Exchange exchange;
    exchange.reads_back = true;
    exchange.block = fins::plan_blocks({item_of(variable, 0)}, {}).front();
    exchange.asked = reading_of(exchange.block);
    exchange.set = set_of_one(property);
    exchange.variables = std::make_shared<const Variables>(Variables{variable});
    return begin(std::move(exchange));
}

Result<Step> FinsDriver::feed(Bytes bytes) {
    std::optional<Step> step;
    TRY(decoder_.feed(bytes, [&](const fins::TcpMessage& message) {
        if (!step) step = on_message(message);
        return true;
    }));
    if (!step) return More{};
    exchange_.reset();
    return std::move(*step);
}

// Nothing: it is not what is waited for.
std::optional<Step> FinsDriver::on_message(const fins::TcpMessage& message) {
    const auto is = [&](TcpCommand command) { return message.command == static_cast<std::uint32_t>(command); };
    if (is(TcpCommand::confirm)) return std::nullopt;
    if (!exchange_) {
        ++malformed_;
        return std::nullopt;
    }
    if (is(TcpCommand::error)) return Step{Done{fins::tcp_refusal(message.error)}};
    if (exchange_->greets) return on_nodes(message);
    if (is(TcpCommand::frame)) return on_frame(message.data);
    ++malformed_;
    return std::nullopt;
}

Step FinsDriver::on_nodes(const fins::TcpMessage& message) {
    const auto nodes = decode_nodes(message);
    if (!nodes) return Done{nodes.error()};
    std::tie(client_node_, server_node_) = *nodes;
    return Done{Outcome{}};
}

std::optional<Step> FinsDriver::on_frame(Bytes frame) {
    const auto header = fins::decode_header(frame);
    if (!header || !header->is_answer() || header->sid != exchange_->sid) {
        ++malformed_;
        return std::nullopt;
    }
    const auto reply = decode_reply(exchange_->asked, frame);
    if (!reply) return Step{Done{reply.error()}};
    return Step{Done{outcome_of(*reply)}};
}

Outcome FinsDriver::refused(const Error& error, bool of_address) const {
    Outcome outcome;
    if (!exchange_->set || exchange_->reads_back) {
        outcome.errors.push_back(error);
        return outcome;
    }
    for (const PlanItem& item : exchange_->block.items) outcome.refused.push_back({item.index, error});
    outcome.may_split = of_address && exchange_->block.items.size() > 1;
    return outcome;
}

Outcome FinsDriver::outcome_of(const Reply& reply) const {
    const Exchange& now = *exchange_;
    if (!fins::is_done(reply.end_code)) return refused(refusal(now.asked, reply.end_code), fins::is_of_address(reply.end_code));
    Outcome outcome;
    if (!now.set) return outcome;
    for (const PlanItem& item : now.block.items) {
        const PropertyConfig& property = *now.set->points[item.index].property;
        const std::size_t at = item.place.number - now.block.head.number;
        std::vector<std::uint16_t> words;
        if (item.is_flag)
            words = {reply.bits.at(at)};
        else
            words.assign(reply.words.begin() + static_cast<std::ptrdiff_t>(at),
                         reply.words.begin() + static_cast<std::ptrdiff_t>(at + item.count));
        const ValueCodec& codec = now.variables->at(item.index)->layout.codec;
        outcome.readings.push_back({item.index, judge(property, decode_value(codec, words, property.type))});
    }
    return outcome;
}

Error FinsDriver::no_answer(std::int64_t milliseconds) const {
    if (exchange_ && exchange_->greets)
        return Error{Code::timeout, "the PLC does not greet within {} ms: is it the FINS/TCP port (usually 9600), and "
                                    "is FINS/TCP switched on?",
                     milliseconds};
    return Error{Code::timeout, "the PLC does not answer within {} ms: is it overloaded, or does it take no more FINS connections?",
                 milliseconds};
}

Error FinsDriver::closed_while_greeting(const Error& error) const {
    return Error{error.code(), "{}: it closed the link instead of giving a node number: are all its FINS connections in use, or is this "
                               "address not let in?",
                 error.text()};
}

Result<Heard> FinsDriver::hear(Bytes bytes) {
    Heard heard;
    TRY(feed(bytes));
    heard.malformed = std::exchange(malformed_, 0);
    return heard;
}

// ---- values ----

bool FinsDriver::same(const PropertyConfig& property, const Value& a, const Value& b) const {
    if (a == b) return true;
    const auto one = writing_of(property, a), other = writing_of(property, b);
    return one && other && *one == *other;
}

}  // namespace

std::unique_ptr<Driver> make_fins_driver(const LinkConfig& config) { return std::make_unique<FinsDriver>(config); }

}  // namespace gongshu::connect
