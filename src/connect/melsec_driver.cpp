#include "connect/melsec_driver.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/assert.h"
#include "connect/named_place.h"

namespace gongshu::connect {

using namespace wire::melsec;
using wire::modbus::Encoding;
using wire::modbus::ValueCodec;
using wire::modbus::WordOrder;

namespace {

constexpr std::string_view kForms = "bool, u16, i16, u32, i32, u64, i64, f32, f64, bcd16, bcd32, text[12]";

// What stands in place.as.
struct Form {
    Encoding encoding = Encoding::i16;
    std::uint16_t characters = 0;
    std::optional<WordOrder> order;
};

Error bad_form(std::string_view as) {
    return Error{Code::invalid,
                 "\"{}\" is no way in which a value lies in a PLC of Mitsubishi: expected {}, and behind it "
                 "ABCD, BADC, CDAB or DCBA where the order is not the usual one",
                 as, kForms};
}

std::optional<std::uint16_t> parse_length(std::string_view text) {
    std::uint16_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return length;
}

Encoding usual_encoding(const Address& address, Family family) {
    if (address.bit || is_bits(address.place.code)) return Encoding::bit;
    return range_of(address.place, family).words == 2 ? Encoding::i32 : Encoding::i16;
}

Result<Form> parse_form(std::string_view as, const Address& address, Family family) {
    Form form;
    std::string_view name = as;
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (const std::size_t space = name.find(' '); space != name.npos) {
        form.order = wire::modbus::parse_word_order(name.substr(name.rfind(' ') + 1));
        if (!form.order) return bad_form(as);
        name = name.substr(0, space);
    }
    if (name.starts_with("text[") && name.ends_with(']')) {
        const auto length = parse_length(name.substr(5, name.size() - 6));
        if (!length) return bad_form(as);
        form.encoding = Encoding::text;
        form.characters = *length;
        return form;
    }
    const auto encoding = name.empty() ? std::optional(usual_encoding(address, family))
                                       : wire::modbus::parse_encoding(name == "bool" ? "bit" : name);
    if (!encoding || *encoding == Encoding::text) return bad_form(as);
    if (form.order && *encoding == Encoding::bit) return bad_form(as);
    form.encoding = *encoding;
    return form;
}

PlaceKind kind_of(Encoding encoding) {
    if (encoding == Encoding::text) return PlaceKind::text;
    if (encoding == Encoding::bit) return PlaceKind::bit;
    return encoding == Encoding::f32 || encoding == Encoding::f64 ? PlaceKind::fraction : PlaceKind::whole;
}

Result<MelsecVariable> variable_at(const NamedPlace& place, Family family) {
    MelsecVariable variable;
    variable.address = TRY(parse_address(place.at, family));
    const Form form = TRY(parse_form(place.as, variable.address, family));
    variable.layout = TRY(layout_of(variable.address, family, form.encoding, form.characters));
    if (form.order) variable.layout.codec.order = *form.order;
    variable.layout.codec.scale = place.scale;
    variable.layout.codec.offset = place.offset;
    return variable;
}

// `value` as it comes back from the PLC that holds it; nullopt when it cannot.
std::optional<Value> held(const ValueCodec& codec, const Value& value, ValueType type) {
    const auto words = encode_value(codec, value);
    if (!words) return std::nullopt;
    auto back = decode_value(codec, *words, type);
    if (!back) return std::nullopt;
    return std::move(*back);
}

std::vector<std::size_t> points_of(const Block& block) {
    std::vector<std::size_t> points;
    for (const PlanValue& value : block.values) points.push_back(value.index);
    std::ranges::sort(points);
    return points;
}

}  // namespace

Result<MelsecVariable> melsec_variable(const PropertyConfig& property, Family family) {
    MelsecVariable variable = TRY(variable_at(property.place, family).context("property {}", property.name));
    const Encoding encoding = variable.layout.codec.encoding;
    TRY(check_place(property, kind_of(encoding), encoding == Encoding::bit ? "bool" : to_string(encoding)));
    return variable;
}

// ---- what to ask ----

PollPlan MelsecDriver::plan(std::shared_ptr<const PointSet> points) {
    PollPlan plan;
    Variables variables{std::move(points), {}};
    std::map<DurationNs, std::vector<PlanItem>> by_period;
    groups_.clear();
    for (std::size_t i = 0; i < variables.set->points.size(); ++i) {
        const PropertyConfig& property = *variables.set->points[i].property;
        auto variable = readable(property);
        variables.of_points.emplace_back();
        if (!variable) {
            plan.faults.push_back({i, variable.error()});
            continue;
        }
        by_period[property.period].push_back({variable->address.place, variable->layout.points, i});
        variables.of_points.back() = std::move(*variable);
    }
    variables_ = std::make_shared<const Variables>(std::move(variables));
    for (const auto& [period, items] : by_period)
        for (Block& block : blocks_of(items, limits_.gap_max)) {
            std::vector<PlanItem> own;
            for (const PlanValue& value : block.values) {
                const MelsecVariable& variable = *variables_->of_points[value.index];
                own.push_back({variable.address.place, variable.layout.points, value.index});
            }
            add_poll(std::move(own), std::move(block), period, plan.polls);
        }
    return plan;
}

// What can be asked for in this protocol.
Result<MelsecVariable> MelsecDriver::readable(const PropertyConfig& property) const {
    MelsecVariable variable = TRY(melsec_variable(property, family_));
    const Block alone = blocks_of({{variable.address.place, variable.layout.points, 0}}, 0).front();
    TRY(encode({Ask::Kind::read_words, alone.span, {}, false}).context("property {}", property.name));
    return variable;
}

std::vector<Block> MelsecDriver::blocks_of(std::vector<PlanItem> items, std::uint16_t gap_max) const {
    wire::melsec::PlanLimits limits = limits_;
    limits.gap_max = gap_max;
    return plan_blocks(std::move(items), family_, limits);
}

void MelsecDriver::add_poll(std::vector<PlanItem> items, Block block, DurationNs period, std::vector<Poll>& polls) {
    polls.push_back({++last_poll_, 0, period, points_of(block)});
    groups_[last_poll_] = {std::move(items), std::move(block), period};
}

// First the runs without gaps, then each value alone.
std::vector<Poll> MelsecDriver::split(std::uint32_t poll) {
    const auto found = groups_.find(poll);
    ASSERT(found != groups_.end());
    const Group group = std::move(found->second);
    groups_.erase(found);
    std::vector<Poll> polls;
    std::vector<Block> runs = blocks_of(group.items, 0);
    if (runs.size() == 1) {
        for (const PlanItem& item : group.items) add_poll({item}, blocks_of({item}, 0).front(), group.period, polls);
        return polls;
    }
    for (Block& run : runs) {
        std::vector<PlanItem> items;
        for (const PlanItem& item : group.items)
            if (std::ranges::find(run.values, item.index, &PlanValue::index) != run.values.end()) items.push_back(item);
        add_poll(std::move(items), std::move(run), group.period, polls);
    }
    return polls;
}

std::string MelsecDriver::describe(std::uint32_t poll) const {
    const auto group = groups_.find(poll);
    if (group == groups_.end()) return {};
    const Span& span = group->second.block.span;
    return fmt::format("read {} ({} words)", wire::melsec::to_string(span.head, family_), span.points);
}

// ---- an exchange ----

void MelsecDriver::begin_link() {
    asked_.reset();
    left_ = false;
    may_have_written_ = false;
}

// What was asked last is kept: the late answer to it is still to be told from that to the next.
void MelsecDriver::abandon() { left_ = asked_.has_value(); }

Result<Buffer> MelsecDriver::begin(Ask ask) {
    left_ = false;
    asked_.reset();
    Buffer bytes = TRY(send(ask));
    asked_ = std::move(ask);
    return bytes;
}

Result<Buffer> MelsecDriver::read(std::uint32_t poll) {
    asked_.reset();
    const auto found = groups_.find(poll);
    if (found == groups_.end()) return replaced_poll();
    writing_.reset();
    may_have_written_ = false;
    reading_back_ = false;
    reading_ = variables_;
    block_ = found->second.block;
    return begin({Ask::Kind::read_words, block_.span, {}, false});
}

Result<Buffer> MelsecDriver::read_back(const DeviceConfig&, const PropertyConfig& property) {
    const MelsecVariable variable = TRY(melsec_variable(property, family_));
    Variables variables{set_of_one(property), {variable}};
    writing_.reset();
    may_have_written_ = false;
    reading_back_ = true;
    reading_ = std::make_shared<const Variables>(std::move(variables));
    block_ = blocks_of({{variable.address.place, variable.layout.points, 0}}, 0).front();
    return begin({Ask::Kind::read_words, block_.span, {}, false});
}

Result<MelsecDriver::Ask> MelsecDriver::write_of(const Writing& writing, std::uint16_t before) const {
    const MelsecVariable& variable = writing.variable;
    Ask ask{Ask::Kind::write_words, {variable.address.place, 1}, {}, false};
    ask.words = TRY(encode_value(variable.layout.codec, writing.value, before));
    if (variable.is_relay()) {
        ask.kind = Ask::Kind::write_relay;
        ask.on = ask.words.front() != 0;
    }
    if (!variable.is_relay()) ask.span.points = static_cast<std::uint16_t>(ask.words.size());
    return ask;
}

Result<Buffer> MelsecDriver::write(const DeviceConfig&, const PropertyConfig& property, const Value& value) {
    const MelsecVariable variable = TRY(melsec_variable(property, family_));
    const Writing writing{variable, value};
    const Ask ask = TRY(write_of(writing, 0));
    reading_.reset();
    may_have_written_ = false;
    writing_ = writing;
    // The other bits of the word stay as they are.
    if (variable.is_bit_of_word()) return begin({Ask::Kind::read_words, ask.span, {}, false});
    Buffer bytes = TRY(begin(ask));
    may_have_written_ = true;
    return bytes;
}

Step MelsecDriver::end(Result<Outcome> outcome) {
    asked_.reset();
    left_ = false;
    return Done{std::move(outcome)};
}

Step MelsecDriver::on_answer(Result<Answer> answer) {
    ASSERT(asked_.has_value());
    if (left_) return end(Outcome{});
    if (!answer) return end(answer.error());
    if (reading_) return end(outcome_of(*answer));
    Outcome outcome;
    if (answer->refused) {
        outcome.errors.push_back(std::move(*answer->refused));
        return end(std::move(outcome));
    }
    if (asked_->kind == Ask::Kind::read_words) return write_bit(answer->words.at(0));
    return end(std::move(outcome));
}

Step MelsecDriver::write_bit(std::uint16_t before) {
    auto ask = write_of(*writing_, before);
    auto bytes = ask ? begin(std::move(*ask)) : Result<Buffer>(ask.error());
    if (!bytes) return end(bytes.error());
    may_have_written_ = true;
    return Send{std::move(*bytes)};
}

Outcome MelsecDriver::outcome_of(const Answer& answer) const {
    Outcome outcome;
    if (answer.refused) {
        if (reading_back_) {
            outcome.errors.push_back(*answer.refused);
            return outcome;
        }
        for (const PlanValue& value : block_.values) outcome.refused.push_back({value.index, *answer.refused});
        outcome.may_split = answer.of_address && block_.values.size() > 1;
        return outcome;
    }
    ASSERT(answer.words.size() == block_.span.points);
    for (const PlanValue& value : block_.values) {
        const MelsecVariable& variable = *reading_->of_points[value.index];
        const PropertyConfig& property = *reading_->set->points[value.index].property;
        ValueCodec codec = variable.layout.codec;
        if (variable.is_relay()) codec.bit = value.bit;
        const auto words = std::span(answer.words).subspan(value.word, value.words);
        outcome.readings.push_back({value.index, judge(property, decode_value(codec, words, property.type))});
    }
    return outcome;
}

Result<Heard> MelsecDriver::hear(Bytes bytes) {
    const std::size_t before = std::exchange(malformed_, 0);
    const Step step = TRY(feed(bytes));
    Heard heard;
    heard.malformed = std::exchange(malformed_, before) + (std::holds_alternative<More>(step) ? 0 : 1);
    return heard;
}

// ---- values ----

Result<void> MelsecDriver::check_write(const DeviceConfig&, const PropertyConfig& property, const Value& value) const {
    const MelsecVariable variable = TRY(readable(property));
    const Writing writing{variable, value};
    const Ask ask = TRY(write_of(writing, 0));
    TRY(encode(ask));
    return {};
}

bool MelsecDriver::same(const PropertyConfig& property, const Value& a, const Value& b) const {
    if (a == b) return true;
    const auto variable = melsec_variable(property, family_);
    if (!variable) return false;
    const ValueCodec& codec = variable->layout.codec;
    const auto one = held(codec, a, property.type), other = held(codec, b, property.type);
    return one && (*one == b || one == other);
}

}  // namespace gongshu::connect
