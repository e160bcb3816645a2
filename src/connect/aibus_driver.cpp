#include "connect/aibus_driver.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "connect/named_place.h"
#include "connect/noise_count.h"
#include "wire/aibus.h"
#include "wire/modbus.h"

namespace gongshu::connect {

namespace {

namespace aibus = wire::aibus;
using aibus::Answer;
using aibus::Field;
using aibus::Place;
using aibus::Request;
using wire::modbus::Encoding;
using wire::modbus::ValueCodec;

constexpr std::uint8_t kSetPoint = 0x00;  // the parameter
constexpr std::uint8_t kOutOfRange = 4;   // orAL among the bits of the status

struct Member {
    std::size_t point = 0;
    Place place;
};

// One parameter of one instrument, and what rides on its answer.
struct Asked {
    Request request;
    DurationNs period = kSecond;
    std::vector<Member> members;
};

Result<std::uint8_t> address_of(const DeviceConfig& device) {
    return aibus::parse_station(device.station.empty() ? std::string_view("1") : device.station);
}

ValueCodec codec_of(const Place& place, const PropertyConfig& property) {
    ValueCodec codec;
    codec.encoding = place.bit ? Encoding::bit : Encoding::i16;
    codec.bit = place.bit.value_or(0);
    codec.scale = property.place.scale;
    codec.offset = property.place.offset;
    return codec;
}

std::uint16_t word_in(const Answer& answer, Field field) {
    switch (field) {
        case Field::pv:
            return static_cast<std::uint16_t>(answer.pv);
        case Field::sv:
            return static_cast<std::uint16_t>(answer.sv);
        case Field::mv:
            return static_cast<std::uint16_t>(static_cast<std::int16_t>(answer.mv));
        case Field::status:
            return answer.status;
        case Field::parameter:
            break;
    }
    return static_cast<std::uint16_t>(answer.value);
}

Result<Place> place_of(const PropertyConfig& property) {
    const Place place = TRY(aibus::parse_place(property.place.at).context("property {}", property.name));
    TRY(check_place(property, place.bit ? PlaceKind::bit : PlaceKind::whole, place.bit ? "bool" : "i16"));
    return place;
}

// The parameter that is written.
Result<std::uint8_t> target_of(const PropertyConfig& property) {
    const Place place = TRY(place_of(property));
    if (place.field == Field::parameter) return place.parameter;
    if (place.field == Field::sv) return kSetPoint;
    return Error{Code::denied, "property {}: {} is told by the instrument, it cannot be written", property.name,
                 to_string(place)};
}

class AibusDriver final : public Driver {
public:
    PollPlan plan(std::shared_ptr<const PointSet> points) override;
    std::vector<Poll> split(std::uint32_t) override { return {}; }
    std::string describe(std::uint32_t poll) const override;

    void begin_link() override {
        abandon();
        may_have_written_ = false;
    }
    Result<Buffer> read(std::uint32_t poll) override;
    Result<Buffer> write(const DeviceConfig& device, const PropertyConfig& property, const Value& value) override;
    Result<Buffer> read_back(const DeviceConfig& device, const PropertyConfig& property) override;
    bool may_have_written() const override { return may_have_written_; }
    Result<Step> feed(Bytes bytes) override;
    void abandon() override { exchange_.reset(); }
    Error no_answer(std::int64_t milliseconds) const override;
    std::size_t take_malformed() override { return noise_.take(); }
    bool late() const override { return true; }
    std::size_t answer_bytes() const override { return aibus::kRequestBytes + aibus::kAnswerBytes; }
    std::uint32_t unit_of(const DeviceConfig& device) const override { return address_of(device).value_or(0); }

    Result<void> check_write(const DeviceConfig& device, const PropertyConfig& property,
                             const Value& value) const override;
    bool same(const PropertyConfig& property, const Value& a, const Value& b) const override;

private:
    struct Exchange {
        Asked asked;
        std::shared_ptr<const PointSet> set;
        bool reads_back = false;
    };

    Buffer begin(Asked asked, std::shared_ptr<const PointSet> set, bool reads_back);
    Outcome outcome_of(const Answer& answer) const;

    std::shared_ptr<const PointSet> set_;
    std::map<std::uint32_t, Asked> polls_;
    std::uint32_t next_poll_ = 1;
    std::optional<Exchange> exchange_;
    aibus::AnswerDecoder decoder_;
    NoiseCount noise_;
    bool has_noise_ = false;  // since the last question
    bool may_have_written_ = false;
};

// ---- what to ask ----

PollPlan AibusDriver::plan(std::shared_ptr<const PointSet> points) {
    set_ = std::move(points);
    polls_.clear();
    PollPlan plan;
    using Line = std::pair<std::uint8_t, DurationNs>;
    std::map<Line, std::map<std::uint8_t, std::vector<Member>>> parameters;
    std::map<Line, std::vector<Member>> riders;
    for (std::size_t i = 0; i < set_->points.size(); ++i) {
        const Point& point = set_->points[i];
        const auto address = address_of(*point.device);
        const auto place = address ? place_of(*point.property) : Result<Place>{address.error()};
        if (!place) {
            plan.faults.push_back({i, place.error()});
            continue;
        }
        const Line line{*address, point.property->period};
        if (place->field == Field::parameter)
            parameters[line][place->parameter].push_back({i, *place});
        else
            riders[line].push_back({i, *place});
    }
    for (auto& [line, members] : riders) {
        auto& of_line = parameters[line];
        auto& first = of_line.empty() ? of_line[kSetPoint] : of_line.begin()->second;
        std::ranges::move(members, std::back_inserter(first));
    }
    for (auto& [line, of_line] : parameters)
        for (auto& [parameter, members] : of_line) {
            std::ranges::sort(members, {}, &Member::point);
            Poll poll{next_poll_++, line.first, line.second, {}};
            for (const Member& member : members) poll.points.push_back(member.point);
            polls_.emplace(poll.id, Asked{{line.first, false, parameter, 0}, line.second, std::move(members)});
            plan.polls.push_back(std::move(poll));
        }
    return plan;
}

std::string AibusDriver::describe(std::uint32_t poll) const {
    const auto found = polls_.find(poll);
    if (found == polls_.end()) return "";
    const Request& request = found->second.request;
    return fmt::format("read {} of instrument {}", to_string(Place{Field::parameter, request.parameter, {}}), request.address);
}

// ---- an exchange ----

Buffer AibusDriver::begin(Asked asked, std::shared_ptr<const PointSet> set, bool reads_back) {
    const Request request = asked.request;
    decoder_.expect(request);
    noise_.begin();
    has_noise_ = false;
    may_have_written_ = request.writes;
    exchange_.emplace(Exchange{std::move(asked), std::move(set), reads_back});
    return encode_request(request);
}

Result<Buffer> AibusDriver::read(std::uint32_t poll) {
    const auto found = polls_.find(poll);
    if (found == polls_.end()) return replaced_poll();
    return begin(found->second, set_, false);
}

Result<Buffer> AibusDriver::write(const DeviceConfig& device, const PropertyConfig& property, const Value& value) {
    may_have_written_ = false;
    Asked asked;
    asked.request.address = TRY(address_of(device));
    asked.request.parameter = TRY(target_of(property));
    asked.request.writes = true;
    const auto words = TRY(encode_value(codec_of({Field::parameter, 0, {}}, property), value));
    asked.request.value = static_cast<std::int16_t>(words.at(0));
    return begin(std::move(asked), nullptr, false);
}

Result<Buffer> AibusDriver::read_back(const DeviceConfig& device, const PropertyConfig& property) {
    Asked asked;
    asked.request.address = TRY(address_of(device));
    asked.request.parameter = TRY(target_of(property));
    asked.members.push_back({0, Place{Field::parameter, asked.request.parameter, {}}});
    return begin(std::move(asked), set_of_one(property), true);
}

Result<Step> AibusDriver::feed(Bytes bytes) {
    if (!exchange_) return More{};
    const auto answer = decoder_.feed(bytes);
    if (noise_.see(decoder_.skipped_bytes())) has_noise_ = true;
    if (!answer) return More{};
    Outcome outcome = outcome_of(*answer);
    exchange_.reset();
    return Done{std::move(outcome)};
}

Outcome AibusDriver::outcome_of(const Answer& answer) const {
    Outcome outcome;
    const auto& [asked, set, reads_back] = *exchange_;
    const std::string parameter = to_string(Place{Field::parameter, asked.request.parameter, {}});
    const Error missing{Code::denied, "instrument {} has no parameter {}: it answers {:04X}H in its place",
                        asked.request.address, parameter, static_cast<std::uint16_t>(answer.value)};
    const bool is_missing = aibus::is_missing(answer.value);
    if ((asked.request.writes || reads_back) && is_missing) outcome.errors.push_back(missing);
    if (asked.request.writes || (reads_back && is_missing)) return outcome;
    for (const Member& member : asked.members) {
        const PropertyConfig& property = *set->points[member.point].property;
        if (member.place.field == Field::parameter && is_missing) {
            outcome.refused.push_back({member.point, missing});
            continue;
        }
        const std::uint16_t word[] = {word_in(answer, member.place.field)};
        PropertyReading reading = judge(property, decode_value(codec_of(member.place, property), word, property.type));
        const bool is_out = member.place.field == Field::pv && (answer.status >> kOutOfRange & 1) != 0;
        if (is_out && reading.quality.usable()) reading.quality = uncertain(Reason::sensor);
        outcome.readings.push_back({member.point, std::move(reading)});
    }
    return outcome;
}

Error AibusDriver::no_answer(std::int64_t milliseconds) const {
    if (!exchange_) return Error{Code::timeout, "no answer within {} s", static_cast<double>(milliseconds) / 1000};
    std::string why =
        "nothing came; check its parameters Addr and bAud, the serial settings (usually 9600 8N1) and the polarity of A and B";
    if (has_noise_ || decoder_.buffered_bytes() > 0)
        why =
            "what came is no answer of it; check whether it is set to AIBUS and not to Modbus, the serial settings, and "
            "whether two instruments have the same Addr";
    else if (decoder_.has_echo())
        why =
            "only the request itself came back; check its parameters Addr and bAud, the serial settings (usually 9600 8N1) and "
            "the polarity of A and B";
    return Error{Code::timeout, "no answer from instrument {} within {} ms: {}", exchange_->asked.request.address,
                 milliseconds, why};
}

// ---- values ----

Result<void> AibusDriver::check_write(const DeviceConfig& device, const PropertyConfig& property,
                                      const Value& value) const {
    TRY(address_of(device));
    TRY(target_of(property));
    TRY(encode_value(codec_of({Field::parameter, 0, {}}, property), value));
    return {};
}

bool AibusDriver::same(const PropertyConfig& property, const Value& a, const Value& b) const {
    if (a == b) return true;
    const ValueCodec codec = codec_of({Field::parameter, 0, {}}, property);
    const auto one = encode_value(codec, a), other = encode_value(codec, b);
    return one && other && *one == *other;
}

}  // namespace

std::unique_ptr<Driver> make_aibus_driver(const LinkConfig&) { return std::make_unique<AibusDriver>(); }

}  // namespace gongshu::connect
