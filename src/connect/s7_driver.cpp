#include "connect/s7_driver.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/assert.h"
#include "connect/named_place.h"
#include "wire/s7_plan.h"

namespace gongshu::connect {

namespace {

using namespace wire::s7;

constexpr std::uint16_t kPlanPduBytes = 240;  // every CPU takes that
constexpr std::size_t kPollMessagesMax = 4;   // of 240 bytes, so that a command does not wait long for its turn

// ---- variables ----

bool is_text(Type type) {
    return type == Type::character || type == Type::string || type == Type::wstring || type == Type::date_and_time ||
           type == Type::dtl;
}

PlaceKind kind_of(Type type) {
    if (is_text(type)) return PlaceKind::text;
    const bool is_measure = type == Type::real || type == Type::lreal || type == Type::time || type == Type::s5time;
    return is_measure ? PlaceKind::fraction : type == Type::boolean ? PlaceKind::bit : PlaceKind::whole;
}

Result<Variable> variable_of(const PropertyConfig& property, Plc plc) {
    const NamedPlace& place = property.place;
    Variable variable = TRY(parse_variable(place.at, place.as).context("property {}", property.name));
    if (plc == Plc::s7_200_smart || plc == Plc::logo) variable.codec.short_string = variable.codec.type == Type::string;
    variable.codec.scale = place.scale;
    variable.codec.offset = place.offset;
    TRY(check_place(property, kind_of(variable.codec.type), type_text(variable.codec)));
    return variable;
}

// `value` as it comes back from the CPU that holds it; nullopt when it cannot.
std::optional<Value> held(const Variable& variable, const Value& value, ValueType type) {
    auto write = encode_value(variable, value);
    if (!write) return std::nullopt;
    Buffer bytes = std::move(write->data);
    if (variable.codec.type == Type::boolean) bytes[0] = static_cast<std::uint8_t>(bytes[0] << variable.bit);
    // What stands before the characters of a string is not written: they are compared as they are.
    if (variable.codec.type == Type::string || variable.codec.type == Type::wstring) return value;
    auto back = decode_value(variable, bytes, type);
    if (!back) return std::nullopt;
    return std::move(*back);
}

// ---- plans ----

// What the points of a set are in the CPU; a point with a fault has none.
struct Asked {
    std::shared_ptr<const PointSet> set;
    std::vector<std::optional<Variable>> variables;
};

// The points of some items, each once.
std::vector<std::size_t> points_of(const std::vector<PlanItem>& items) {
    std::set<std::size_t> points;
    for (const PlanItem& item : items)
        for (const PlanPiece& piece : item.pieces) points.insert(piece.index);
    return {points.begin(), points.end()};
}

bool has_cut_value(const std::vector<PlanItem>& items) {
    std::set<std::size_t> seen;
    for (const PlanItem& item : items)
        for (const PlanPiece& piece : item.pieces)
            if (!seen.insert(piece.index).second) return true;
    return false;
}

bool is_longer_than(const Item& item, std::uint16_t pdu_bytes) { return reply_bytes(ReadItems{{item}}) > pdu_bytes; }

// The same as items that fit a reply.
void add_fitting(const PlanItem& item, const PlanLimits& limits, std::vector<PlanItem>& out) {
    if (!is_longer_than(item.item, limits.pdu_bytes)) return out.push_back(item);
    if (item.pieces.size() > 1) {
        for (const PlanItem& part : split_item(item)) add_fitting(part, limits, out);
        return;
    }
    const PlanPiece& whole = item.pieces.front();
    for (const PlannedRead& read : plan_reads({{item.item, whole.index}}, limits))
        for (PlanItem part : read) {
            for (PlanPiece& piece : part.pieces) piece.in_value += whole.in_value;
            out.push_back(std::move(part));
        }
}

// Groups of items that are read by one poll. The parts of a value stay together.
std::vector<std::vector<PlanItem>> groups_of(std::vector<PlanItem> items) {
    if (items.empty()) return {};
    if (has_cut_value(items)) return {std::move(items)};
    std::vector<std::vector<PlanItem>> groups;
    std::size_t messages = 0;
    for (const PlannedRead& read : pack_items(std::move(items), {.pdu_bytes = kPlanPduBytes})) {
        if (messages++ % kPollMessagesMax == 0) groups.emplace_back();
        groups.back().insert(groups.back().end(), read.begin(), read.end());
    }
    return groups;
}

std::string text_of(const std::vector<Item>& items) {
    const std::string first = to_string(items.front());
    return items.size() == 1 ? first : fmt::format("{} and {} more", first, items.size() - 1);
}

// ---- driver ----

constexpr std::uint32_t kReadingBack = 0;  // no poll has this id

enum class Doing : std::uint8_t { nothing, connecting, agreeing, reading, writing };

struct Exchange {
    Doing doing = Doing::nothing;
    std::vector<Request> requests;  // one after another
    std::size_t at = 0;             // whose reply is waited for
    // Of reading:
    std::vector<PlannedRead> reads;  // what each request asks for
    std::shared_ptr<const Asked> asked;
    std::uint32_t poll = kReadingBack;
    std::map<std::size_t, Buffer> values;
    std::map<std::size_t, Error> refused;
    std::vector<PlanItem> bad;  // that the CPU refused
    bool may_split = false;
};

class S7Driver final : public Driver {
public:
    explicit S7Driver(const LinkConfig& config) : settings_(config.s7) {}

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
    void abandon() override { exchange_ = {}; }
    Error no_answer(std::int64_t milliseconds) const override;
    Error closed_while_greeting(const Error& error) const override;
    std::size_t take_malformed() override { return std::exchange(malformed_, 0); }
    Result<Heard> hear(Bytes bytes) override;

    Result<void> check_write(const DeviceConfig& device, const PropertyConfig& property,
                             const Value& value) const override;
    bool same(const PropertyConfig& property, const Value& a, const Value& b) const override;

private:
    struct Group {
        std::vector<PlanItem> items;
        std::vector<PlanItem> refused;  // of them, when they were asked for last
        DurationNs period = kSecond;
    };

    void add_polls(std::vector<PlanItem> items, DurationNs period, std::vector<Poll>& polls);
    PlanLimits limits() const { return {.pdu_bytes = pdu_bytes_}; }

    Result<Buffer> begin_reading(std::vector<PlanItem> items, std::shared_ptr<const Asked> asked, std::uint32_t poll);
    Result<Buffer> message();
    Step next();
    std::optional<Step> on_arrival(const Arrival& arrival);
    std::optional<Step> on_connect(const Connect& connect);
    Step on_reply(const Reply& reply);
    void take_items(const ItemValues& values);
    void refuse_all(const Refusal& refusal);
    Outcome outcome_of_reading();
    Step done(Result<Outcome> outcome);

    const S7Settings settings_;
    std::shared_ptr<const Asked> asked_;
    std::map<std::uint32_t, Group> groups_;  // by the id of their poll
    std::uint32_t last_poll_ = 0;
    // Of the link.
    FrameDecoder decoder_;
    std::uint16_t tpdu_bytes_max_ = 0;
    std::uint16_t pdu_bytes_ = kPduBytesMax;  // as agreed
    std::uint16_t reference_ = 0;             // of the last message; goes on over links
    Exchange exchange_;
    bool may_have_written_ = false;
    std::size_t malformed_ = 0;
};

// ---- what to ask ----

PollPlan S7Driver::plan(std::shared_ptr<const PointSet> points) {
    PollPlan plan;
    Asked asked{std::move(points), {}};
    std::map<DurationNs, std::vector<PlanValue>> by_period;
    groups_.clear();
    for (std::size_t i = 0; i < asked.set->points.size(); ++i) {
        const PropertyConfig& property = *asked.set->points[i].property;
        auto variable = variable_of(property, settings_.plc);
        asked.variables.emplace_back();
        if (!variable) {
            plan.faults.push_back({i, variable.error()});
            continue;
        }
        by_period[property.period].push_back({read_item(*variable), i});
        asked.variables.back() = std::move(*variable);
    }
    asked_ = std::make_shared<const Asked>(std::move(asked));
    for (auto& [period, values] : by_period) {
        std::vector<PlanValue> usual;
        for (const PlanValue& value : values) {
            if (!is_longer_than(value.item, kPlanPduBytes)) {
                usual.push_back(value);
                continue;
            }
            std::vector<PlanItem> parts;
            add_fitting({value.item, {{value.index, 0, 0, byte_count(value.item)}}}, {.pdu_bytes = kPlanPduBytes},
                        parts);
            add_polls(std::move(parts), period, plan.polls);
        }
        std::vector<PlanItem> items;
        for (const PlannedRead& read : plan_reads(usual, {.pdu_bytes = kPlanPduBytes}))
            items.insert(items.end(), read.begin(), read.end());
        add_polls(std::move(items), period, plan.polls);
    }
    return plan;
}

void S7Driver::add_polls(std::vector<PlanItem> items, DurationNs period, std::vector<Poll>& polls) {
    for (std::vector<PlanItem>& group : groups_of(std::move(items))) {
        polls.push_back({++last_poll_, 0, period, points_of(group)});
        groups_[last_poll_] = {std::move(group), {}, period};
    }
}

std::vector<Poll> S7Driver::split(std::uint32_t poll) {
    const auto found = groups_.find(poll);
    ASSERT(found != groups_.end());
    Group group = std::move(found->second);
    groups_.erase(found);
    std::vector<PlanItem> items;
    for (const PlanItem& item : group.items) {
        if (std::ranges::find(group.refused, item) == group.refused.end()) {
            items.push_back(item);
            continue;
        }
        for (PlanItem& part : split_item(item)) items.push_back(std::move(part));
    }
    std::vector<Poll> polls;
    add_polls(std::move(items), group.period, polls);
    return polls;
}

std::string S7Driver::describe(std::uint32_t poll) const {
    std::vector<Item> items;
    const auto group = groups_.find(poll);
    if (group == groups_.end()) return {};
    for (const PlanItem& planned : group->second.items) items.push_back(planned.item);
    return "read " + text_of(items);
}

// ---- an exchange ----

void S7Driver::begin_link() {
    decoder_.reset();
    tpdu_bytes_max_ = 0;
    pdu_bytes_ = kPduBytesMax;
    exchange_ = {};
    may_have_written_ = false;
}

Buffer S7Driver::greet() {
    exchange_ = {};
    exchange_.doing = Doing::connecting;
    may_have_written_ = false;
    return encode_connect(connect_request(settings_.tsaps));
}

Result<Buffer> S7Driver::read(std::uint32_t poll) {
    exchange_ = {};
    const auto found = groups_.find(poll);
    if (found == groups_.end()) return replaced_poll();
    Group& group = found->second;
    std::vector<PlanItem> fitting;
    for (const PlanItem& item : group.items) add_fitting(item, limits(), fitting);
    group.items = std::move(fitting);
    return begin_reading(group.items, asked_, poll);
}

Result<Buffer> S7Driver::read_back(const DeviceConfig&, const PropertyConfig& property) {
    const Variable variable = TRY(variable_of(property, settings_.plc));
    const Item item = read_item(variable);
    std::vector<PlanItem> items;
    add_fitting({item, {{0, 0, 0, byte_count(item)}}}, limits(), items);
    Asked asked{set_of_one(property), {variable}};
    return begin_reading(std::move(items), std::make_shared<const Asked>(std::move(asked)), kReadingBack);
}

Result<Buffer> S7Driver::begin_reading(std::vector<PlanItem> items, std::shared_ptr<const Asked> asked,
                                       std::uint32_t poll) {
    exchange_ = {};
    exchange_.doing = Doing::reading;
    exchange_.poll = poll;
    exchange_.asked = std::move(asked);
    may_have_written_ = false;
    for (const std::size_t point : points_of(items))
        exchange_.values[point].resize(byte_count(read_item(*exchange_.asked->variables[point])));
    exchange_.reads = pack_items(std::move(items), limits());
    for (const PlannedRead& read : exchange_.reads) {
        ReadItems request;
        for (const PlanItem& planned : read) request.items.push_back(planned.item);
        exchange_.requests.emplace_back(std::move(request));
    }
    auto bytes = message();
    if (!bytes) exchange_ = {};
    return bytes;
}

Result<Buffer> S7Driver::write(const DeviceConfig&, const PropertyConfig& property, const Value& value) {
    exchange_ = {};
    may_have_written_ = false;
    const Variable variable = TRY(variable_of(property, settings_.plc));
    std::vector<Write> writes;
    writes.push_back(TRY(encode_value(variable, value)));
    for (WriteItems& request : plan_writes(writes, limits())) exchange_.requests.emplace_back(std::move(request));
    exchange_.doing = Doing::writing;
    auto bytes = message();
    may_have_written_ = bytes.has_value();
    if (!bytes) exchange_ = {};
    return bytes;
}

// The bytes of the request whose turn it is.
Result<Buffer> S7Driver::message() {
    const Buffer pdu = TRY(encode_request(++reference_, exchange_.requests[exchange_.at], pdu_bytes_));
    return encode_packet(pdu, tpdu_bytes_max_);
}

Step S7Driver::next() {
    auto bytes = message();
    if (!bytes) return done(bytes.error());
    return Send{std::move(*bytes)};
}

Step S7Driver::done(Result<Outcome> outcome) {
    exchange_ = {};
    return Done{std::move(outcome)};
}

Result<Step> S7Driver::feed(Bytes bytes) {
    std::optional<Step> step;
    std::optional<Error> ended;
    TRY(decoder_.feed(bytes, [&](const Arrival& arrival) {
        if (const auto* disconnect = std::get_if<Disconnect>(&arrival)) ended = explain(*disconnect);
        if (const auto* rejection = std::get_if<Rejection>(&arrival)) ended = explain(*rejection);
        if (ended) return false;
        // What comes behind an answer was asked for by nobody: its reference does not match any more.
        if (auto now = on_arrival(arrival))
            step = std::move(now);
        else
            ++malformed_;
        return true;
    }));
    if (ended) return std::move(*ended);
    return step ? std::move(*step) : Step{More{}};
}

Result<Heard> S7Driver::hear(Bytes bytes) {
    exchange_ = {};
    const std::size_t before = std::exchange(malformed_, 0);
    TRY(feed(bytes));
    Heard heard;
    heard.malformed = std::exchange(malformed_, before);
    return heard;
}

// nullopt: nothing that is waited for.
std::optional<Step> S7Driver::on_arrival(const Arrival& arrival) {
    if (const auto* connect = std::get_if<Connect>(&arrival)) return on_connect(*connect);
    const Bytes pdu = std::get<Packet>(arrival).pdu;
    if (exchange_.doing == Doing::nothing || exchange_.doing == Doing::connecting) return std::nullopt;
    const auto message = decode_message(pdu);
    if (message && message->reference != reference_) return std::nullopt;
    const auto reply = decode_reply(reference_, exchange_.requests[exchange_.at], pdu);
    return reply ? on_reply(*reply) : done(reply.error());
}

std::optional<Step> S7Driver::on_connect(const Connect& connect) {
    if (exchange_.doing != Doing::connecting || !connect.confirm) return std::nullopt;
    tpdu_bytes_max_ = connect.tpdu_bytes_max;
    exchange_.doing = Doing::agreeing;
    exchange_.requests = {Agreement{}};
    return next();
}

Step S7Driver::on_reply(const Reply& reply) {
    const auto* refusal = std::get_if<Refusal>(&reply);
    if (exchange_.doing == Doing::agreeing) {
        if (refusal != nullptr) return done(explain(refusal->error));
        pdu_bytes_ = std::get<Agreement>(reply).pdu_bytes;
        return done(Outcome{});
    }
    if (exchange_.doing == Doing::writing) {
        Outcome outcome;
        if (refusal != nullptr) outcome.errors.push_back(explain(refusal->error));
        const auto& items = std::get<WriteItems>(exchange_.requests[exchange_.at]).items;
        for (std::size_t i = 0; i < items.size() && refusal == nullptr && outcome.errors.empty(); ++i)
            if (const ReturnCode code = std::get<ItemCodes>(reply).items[i]; code != ReturnCode::success)
                outcome.errors.push_back(explain(items[i], code));
        if (!outcome.errors.empty() && exchange_.at > 0)
            outcome.errors.front() = Error{Code::unavailable, "{} of {} parts were written, then: {}", exchange_.at,
                                           exchange_.requests.size(), outcome.errors.front().text()};
        if (!outcome.errors.empty()) return done(std::move(outcome));
    } else if (refusal != nullptr) {
        refuse_all(*refusal);
    } else {
        take_items(std::get<ItemValues>(reply));
    }
    if (++exchange_.at < exchange_.requests.size()) return next();
    return done(exchange_.doing == Doing::reading ? outcome_of_reading() : Outcome{});
}

void S7Driver::take_items(const ItemValues& values) {
    const PlannedRead& read = exchange_.reads[exchange_.at];
    for (std::size_t i = 0; i < read.size(); ++i) {
        const PlanItem& planned = read[i];
        const bool is_good = values.items[i].code == ReturnCode::success;
        if (!is_good) {
            exchange_.bad.push_back(planned);
            exchange_.may_split |= points_of({planned}).size() > 1;
        }
        for (const PlanPiece& piece : planned.pieces) {
            if (!is_good) {
                exchange_.refused.try_emplace(piece.index, explain(planned.item, values.items[i].code));
                continue;
            }
            const Bytes part = Bytes(values.items[i].data).subspan(piece.in_item, piece.bytes);
            std::ranges::copy(part,
                              exchange_.values[piece.index].begin() + static_cast<std::ptrdiff_t>(piece.in_value));
        }
    }
}

void S7Driver::refuse_all(const Refusal& refusal) {
    for (const PlanItem& planned : exchange_.reads[exchange_.at])
        for (const PlanPiece& piece : planned.pieces)
            exchange_.refused.try_emplace(piece.index, explain(refusal.error));
}

Outcome S7Driver::outcome_of_reading() {
    Outcome outcome;
    outcome.may_split = exchange_.may_split;

    for (const auto& [point, bytes] : exchange_.values) {
        if (const auto error = exchange_.refused.find(point); error != exchange_.refused.end()) {
            if (exchange_.poll == kReadingBack)
                outcome.errors.push_back(error->second);
            else
                outcome.refused.push_back({point, error->second});
            continue;
        }
        const PropertyConfig& property = *exchange_.asked->set->points[point].property;
        outcome.readings.push_back(
            {point, judge(property, decode_value(*exchange_.asked->variables[point], bytes, property.type))});
    }
    if (const auto group = groups_.find(exchange_.poll); group != groups_.end())
        group->second.refused = std::move(exchange_.bad);
    return outcome;
}

// What most CPUs do where no module is.
Error S7Driver::closed_while_greeting(const Error& error) const {
    if (error.code() != Code::unavailable) return error;
    return Error{Code::unavailable,
                 "the PLC closed the link when we connected to its TSAP {}: are rack and slot right, and has the CPU a "
                 "connection left?",
                 tsap_text(settings_.tsaps.remote)};
}

Error S7Driver::no_answer(std::int64_t milliseconds) const {
    if (exchange_.doing == Doing::connecting)
        return Error{Code::timeout,
                     "the PLC did not answer within {} ms that we connect to its TSAP {}: are rack and slot right, and "
                     "has the CPU a connection left?",
                     milliseconds, tsap_text(settings_.tsaps.remote)};
    if (exchange_.doing == Doing::agreeing)
        return Error{Code::timeout,
                     "the PLC did not answer within {} ms how long messages may be: has the CPU a connection left?",
                     milliseconds};
    ASSERT(exchange_.doing != Doing::nothing);
    const Request& request = exchange_.requests[exchange_.at];
    if (const auto* read = std::get_if<ReadItems>(&request))
        return Error{Code::timeout,
                     "the PLC did not answer within {} ms when asked to read {}: does the CPU permit PUT/GET "
                     "communication?",
                     milliseconds, text_of(read->items)};
    return Error{Code::timeout,
                 "the PLC did not answer within {} ms when asked to write {}: does the CPU permit PUT/GET "
                 "communication?",
                 milliseconds, text_of(std::get<WriteItems>(request).items)};
}

// ---- values ----

Result<void> S7Driver::check_write(const DeviceConfig&, const PropertyConfig& property, const Value& value) const {
    TRY(encode_value(TRY(variable_of(property, settings_.plc)), value));
    return {};
}

bool S7Driver::same(const PropertyConfig& property, const Value& a, const Value& b) const {
    if (a == b) return true;
    const auto variable = variable_of(property, settings_.plc);
    if (!variable) return false;
    const auto one = held(*variable, a, property.type), other = held(*variable, b, property.type);
    return one && (*one == b || one == other);
}

}  // namespace

std::unique_ptr<Driver> make_s7_driver(const LinkConfig& config) { return std::make_unique<S7Driver>(config); }

}  // namespace gongshu::connect
