#include "connect/dlt645_driver.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "connect/named_place.h"
#include "connect/noise_count.h"
#include "wire/raw_number.h"

namespace gongshu::connect {

namespace {

namespace dlt645 = wire::dlt645;
using dlt645::Address;
using dlt645::Frame;
using dlt645::MeterAddress;
using dlt645::Reading;
using dlt645::Standard;

constexpr std::string_view kOnlyMeter = "AAAAAAAAAAAA";
constexpr std::size_t kWakeBytes = 4;
constexpr std::size_t kAroundValueBytes = 5;  // the identifier and the number of the frame

// One point of a poll: where its value is by itself, and where in what the poll asks for.
struct Member {
    std::size_t point = 0;
    Address own, asked;
};

// One identifier of one meter.
struct Asked {
    MeterAddress meter;
    std::uint32_t id = 0;
    std::uint32_t unit = 0;
    DurationNs period = kSecond;
    std::vector<Member> members;

    // Whether some were only put together to ask less often.
    bool is_joined() const {
        return std::ranges::any_of(members, [](const Member& one) { return one.own != one.asked; });
    }
};

// The same value within the block of its tariffs or phases; nullopt: it is in none, or its format is its own.
std::optional<Address> in_block(Standard standard, const Address& address) {
    if (address.format || address.part == 0) return std::nullopt;
    const auto item = dlt645::describe(standard, address.id);
    if (!item || item->is_block) return std::nullopt;
    const std::uint32_t id =
        standard == Standard::of_2007 ? (address.id & ~0xff00u) | 0xff00u : (address.id & ~0xfu) | 0xfu;
    const auto block = dlt645::describe(standard, id);
    if (!block || !block->is_block) return std::nullopt;
    const auto part = std::ranges::find(block->parts, item->parts[address.part - 1u].name, &dlt645::Part::name);
    if (part == block->parts.end()) return std::nullopt;
    return Address{id, static_cast<std::uint16_t>(part - block->parts.begin() + 1), std::nullopt};
}

// The block that all of these are in; nullopt: there is none.
std::optional<std::uint32_t> block_of(Standard standard, const std::vector<Member>& members) {
    std::optional<std::uint32_t> id;
    for (const Member& member : members) {
        const auto block = in_block(standard, member.own);
        if (!block) return std::nullopt;
        id = block->id;
    }
    return id;
}

Result<Value> scaled_value(const PropertyConfig& property, const Value& raw) {
    const wire::Scaling scaling{property.place.scale, property.place.offset};
    const double number = wire::scaled(*as_number(raw), scaling);
    if (auto converted = convert_exactly(Value{number}, property.type)) return std::move(*converted);
    return Error{Code::limit, "{} is {}, which is not exactly a {}", property.place.at, number,
                 gongshu::to_string(property.type)};
}

// The property's value in what came; nothing: the meter does not measure it.
Result<std::optional<Value>> value_in(Standard standard, const Member& member, const PropertyConfig& property,
                                      Bytes came) {
    const bool is_plain = property.place.scale == 1 && property.place.offset == 0;
    const bool is_number = property.type == ValueType::number || property.type == ValueType::integer;
    if (is_plain || !is_number) return decode_property(standard, member.asked, came, property.type);
    const auto raw = TRY(decode_property(standard, member.asked, came, ValueType::number));
    if (!raw) return std::optional<Value>{};
    Value value = TRY(scaled_value(property, *raw));
    return std::optional<Value>(std::move(value));
}

class Dlt645Driver final : public Driver {
public:
    explicit Dlt645Driver(const LinkConfig& config) : standard_(config.dlt645.standard) {}

    PollPlan plan(std::shared_ptr<const PointSet> points) override;
    std::vector<Poll> split(std::uint32_t poll) override;
    std::string describe(std::uint32_t poll) const override;

    void begin_link() override { abandon(); }
    Result<Buffer> read(std::uint32_t poll) override;
    Result<Buffer> write(const DeviceConfig&, const PropertyConfig&, const Value&) override {
        return dlt645::read_only();
    }
    Result<Buffer> read_back(const DeviceConfig&, const PropertyConfig&) override { return dlt645::read_only(); }
    bool may_have_written() const override { return false; }
    Result<Step> feed(Bytes bytes) override;
    void abandon() override {
        exchange_.reset();
        decoder_.reset();
    }
    Error no_answer(std::int64_t milliseconds) const override;
    std::size_t take_malformed() override { return noise_.take(); }
    // An answer names its meter and its identifier, but an older one of both is not told apart.
    bool late() const override { return true; }
    std::size_t answer_bytes() const override;

    Result<void> check_writes() const override { return dlt645::read_only(); }
    Result<void> check_write(const DeviceConfig&, const PropertyConfig&, const Value&) const override {
        return dlt645::read_only();
    }
    bool same(const PropertyConfig&, const Value& a, const Value& b) const override { return a == b; }

private:
    // What came instead of an answer.
    struct Instead {
        bool echo = false, noise = false;
        std::optional<MeterAddress> meter;  // another one
        std::string fault;
    };
    struct Exchange {
        Asked asked;
        std::shared_ptr<const PointSet> set;
        Reading reading;
        Instead instead;
    };
    // Which meter each device is, or why none.
    using Meters = std::map<const DeviceConfig*, Result<MeterAddress>>;

    static Meters meters_of(const PointSet& set);
    Result<Member> member_of(std::size_t index, const Point& point, const MeterAddress& meter) const;
    void join_blocks(std::vector<Asked>& all) const;
    std::uint32_t number_of(const MeterAddress& meter);
    Poll add(Asked asked);
    std::optional<Step> on_frame(const Frame& frame);
    Outcome values() const;
    Outcome refused(const Error& error) const;
    PropertyReading nothing_measured(const PropertyConfig& property) const;
    std::string_view usual_settings() const { return standard_ == Standard::of_2007 ? "2400 8E1" : "1200 8E1"; }

    const Standard standard_;
    std::shared_ptr<const PointSet> set_;
    std::map<std::uint32_t, Asked> polls_;
    std::map<std::string, std::uint32_t> units_;  // by the meter's number; one that stays keeps its own
    std::uint32_t next_poll_ = 1, next_unit_ = 1;
    std::optional<Exchange> exchange_;
    dlt645::FrameDecoder decoder_;
    NoiseCount noise_;
};

// ---- what to ask ----

Dlt645Driver::Meters Dlt645Driver::meters_of(const PointSet& set) {
    Meters meters;
    for (const Point& point : set.points) {
        const std::string_view station = point.device->station.empty() ? kOnlyMeter : point.device->station;
        meters.try_emplace(point.device, dlt645::parse_meter_address(station));
    }
    if (meters.size() < 2) return meters;
    const MeterAddress only = dlt645::parse_meter_address(kOnlyMeter).value();
    for (auto& [device, meter] : meters)
        if (meter && *meter == only)
            meter =
                Error{Code::invalid,
                      "{} has no meter's number, though {} devices are on this line: all meters would answer at once; "
                      "write the twelve digits on the meter",
                      device->path, meters.size()};
    return meters;
}

Result<Member> Dlt645Driver::member_of(std::size_t index, const Point& point, const MeterAddress& meter) const {
    const NamedPlace& place = point.property->place;
    const std::string text = place.as.empty() ? place.at : place.at + "/" + place.as;
    const Address address = TRY(dlt645::parse_address(standard_, text));
    (void)TRY(Reading::create(standard_, meter, address.id));
    if (address.part == 0 && point.property->type != ValueType::text) {
        const std::string id = id_text(standard_, address.id);
        const auto item = dlt645::describe(standard_, address.id);
        return Error{Code::invalid,
                     "{} is a block of {} values; choose one of them, as in {}.1, or make the property a text", id,
                     item ? item->parts.size() : 0, id};
    }
    return Member{index, address, address};
}

// Two tariffs or more of one block are one question; so are one and what is asked of the block itself.
void Dlt645Driver::join_blocks(std::vector<Asked>& all) const {
    const auto key = [](const Asked& asked, std::uint32_t id) { return std::tuple(asked.unit, asked.period, id); };
    std::map<std::tuple<std::uint32_t, DurationNs, std::uint32_t>, std::vector<std::size_t>> of_block;
    for (std::size_t i = 0; i < all.size(); ++i) {
        of_block[key(all[i], block_of(standard_, all[i].members).value_or(all[i].id))].push_back(i);
    }
    for (const auto& [where, which] : of_block) {
        if (which.size() < 2) continue;
        Asked& block = all[which[0]];
        std::vector<Member> members;
        for (const std::size_t i : which) {
            for (Member member : all[i].members) {
                if (all[i].id != std::get<2>(where)) member.asked = in_block(standard_, member.own).value();
                members.push_back(std::move(member));
            }
            all[i].members.clear();
        }
        block.id = std::get<2>(where);
        block.members = std::move(members);
    }
    std::erase_if(all, [](const Asked& asked) { return asked.members.empty(); });
}

std::uint32_t Dlt645Driver::number_of(const MeterAddress& meter) {
    const auto [unit, is_new] = units_.try_emplace(to_string(meter), next_unit_);
    if (is_new) ++next_unit_;
    return unit->second;
}

Poll Dlt645Driver::add(Asked asked) {
    std::ranges::sort(asked.members, {}, &Member::point);
    Poll poll{next_poll_++, asked.unit, asked.period, {}};
    for (const Member& member : asked.members) poll.points.push_back(member.point);
    polls_.emplace(poll.id, std::move(asked));
    return poll;
}

PollPlan Dlt645Driver::plan(std::shared_ptr<const PointSet> points) {
    set_ = std::move(points);
    polls_.clear();
    PollPlan plan;
    std::set<std::string> there;
    std::map<std::tuple<std::uint32_t, DurationNs, std::uint32_t>, Asked> found;
    const Meters meters = meters_of(*set_);
    for (std::size_t i = 0; i < set_->points.size(); ++i) {
        const Point& point = set_->points[i];
        const auto& meter = meters.at(point.device);
        auto member = meter ? member_of(i, point, *meter) : Result<Member>{meter.error()};
        if (!member) {
            plan.faults.push_back({i, member.error()});
            continue;
        }
        there.insert(to_string(*meter));
        const std::uint32_t unit = number_of(*meter), id = member->own.id;
        Asked& asked = found[{unit, point.property->period, id}];
        asked.meter = *meter;
        asked.id = id;
        asked.unit = unit;
        asked.period = point.property->period;
        asked.members.push_back(std::move(*member));
    }
    std::erase_if(units_, [&there](const auto& unit) { return !there.contains(unit.first); });
    std::vector<Asked> all;
    for (auto& [key, asked] : found) all.push_back(std::move(asked));
    join_blocks(all);
    for (Asked& asked : all) plan.polls.push_back(add(std::move(asked)));
    return plan;
}

std::vector<Poll> Dlt645Driver::split(std::uint32_t poll) {
    const auto found = polls_.find(poll);
    if (found == polls_.end()) return {};
    const Asked block = std::move(found->second);
    polls_.erase(found);
    std::map<std::uint32_t, Asked> apart;
    for (const Member& member : block.members) {
        Asked& asked = apart.try_emplace(member.own.id, Asked{block.meter, member.own.id, block.unit, block.period, {}})
                           .first->second;
        asked.members.push_back({member.point, member.own, member.own});
    }
    std::vector<Poll> polls;
    for (auto& [id, asked] : apart) polls.push_back(add(std::move(asked)));
    return polls;
}

std::string Dlt645Driver::describe(std::uint32_t poll) const {
    const auto found = polls_.find(poll);
    if (found == polls_.end()) return "";
    return fmt::format("read {} of meter {}", id_text(standard_, found->second.id), to_string(found->second.meter));
}

// ---- an exchange ----

Result<Buffer> Dlt645Driver::read(std::uint32_t poll) {
    const auto found = polls_.find(poll);
    if (found == polls_.end()) return replaced_poll();
    const Asked& asked = found->second;
    Reading reading = TRY(Reading::create(standard_, asked.meter, asked.id));
    decoder_.reset();
    noise_.begin();
    exchange_.emplace(Exchange{asked, set_, std::move(reading), {}});
    return exchange_->reading.request();
}

Result<Step> Dlt645Driver::feed(Bytes bytes) {
    if (!exchange_) return More{};
    std::optional<Step> step;
    const auto see = [this] {
        if (noise_.see(decoder_.skipped_bytes())) exchange_->instead.noise = true;
    };
    decoder_.feed(bytes, [&](const Frame& frame) {
        see();
        noise_.begin();
        if (!step) step = on_frame(frame);
    });
    see();
    if (!step) return More{};
    if (std::holds_alternative<Done>(*step)) exchange_.reset();
    return std::move(*step);
}

// Nothing: it is not what is waited for.
std::optional<Step> Dlt645Driver::on_frame(const Frame& frame) {
    Exchange& now = *exchange_;
    if (!frame.is_answer()) {
        now.instead.echo = true;
        return std::nullopt;
    }
    if (!now.reading.address().matches(frame.address)) {
        now.instead.meter = frame.address;
        return std::nullopt;
    }
    const auto whole = now.reading.take(frame);
    if (whole) {
        if (*whole) return Step{Done{values()}};
        return Step{Send{now.reading.request()}};
    }
    if (whole.error().code() != Code::malformed) return Step{Done{refused(whole.error())}};
    noise_.add();
    now.instead.fault = whole.error().text();
    return std::nullopt;
}

PropertyReading Dlt645Driver::nothing_measured(const PropertyConfig& property) const {
    const Error error{Code::unavailable, "meter {} does not measure {}: it sends FF in its place, or nothing",
                      to_string(exchange_->reading.address()), property.place.at};
    return {nothing(property.type), bad(Reason::sensor), error.text()};
}

Outcome Dlt645Driver::values() const {
    Outcome outcome;
    for (const Member& member : exchange_->asked.members) {
        const PropertyConfig& property = *exchange_->set->points[member.point].property;
        auto value = value_in(standard_, member, property, exchange_->reading.value());
        // One broken value makes its whole block unreadable: asked for alone, the others are whole.
        if (!value && value.error().code() == Code::malformed && exchange_->asked.is_joined())
            return refused(value.error());
        if (value && !*value)
            outcome.readings.push_back({member.point, nothing_measured(property)});
        else
            outcome.readings.push_back(
                {member.point, judge(property, value ? Result<Value>{std::move(**value)} : value.error())});
    }
    return outcome;
}

Outcome Dlt645Driver::refused(const Error& error) const {
    Outcome outcome;
    for (const Member& member : exchange_->asked.members) outcome.refused.push_back({member.point, error});
    outcome.may_split = exchange_->asked.is_joined();
    return outcome;
}

std::size_t Dlt645Driver::answer_bytes() const {
    if (!exchange_) return kWakeBytes + dlt645::kFrameBytesMax;
    std::size_t bytes = kAroundValueBytes;
    if (const auto item = dlt645::describe(standard_, exchange_->asked.id))
        for (const auto& part : item->parts) bytes += part.format.bytes;
    else
        for (const Member& member : exchange_->asked.members)
            bytes = std::max(bytes, kAroundValueBytes + member.own.format.value_or(dlt645::Format{}).bytes);
    return kWakeBytes + dlt645::kFrameBytesMin + std::min(bytes, dlt645::kDataBytesMax);
}

Error Dlt645Driver::no_answer(std::int64_t milliseconds) const {
    if (!exchange_) return Error{Code::timeout, "no answer within {} s", static_cast<double>(milliseconds) / 1000};
    const Instead& instead = exchange_->instead;
    const std::string meter = to_string(exchange_->reading.address());
    const std::string what = id_text(standard_, exchange_->asked.id);
    std::string why = fmt::format(
        "nothing came; check the meter's number, the serial settings (usually {}) and the polarity of A and B",
        usual_settings());
    if (!instead.fault.empty())
        why = instead.fault;
    else if (instead.meter)
        why = fmt::format("meter {} answered instead", to_string(*instead.meter));
    else if (instead.noise)
        why = fmt::format(
            "what came are no frames; check the serial settings (usually {}) and whether something else sends on the "
            "line",
            usual_settings());
    else if (instead.echo)
        why = fmt::format(
            "only the request itself came back; check the meter's number, the serial settings (usually {}) and the "
            "polarity of A and B",
            usual_settings());
    return Error{Code::timeout, "no answer from meter {} to {} within {} ms: {}", meter, what, milliseconds, why};
}

}  // namespace

std::unique_ptr<Driver> make_dlt645_driver(const LinkConfig& config) { return std::make_unique<Dlt645Driver>(config); }

}  // namespace gongshu::connect
