#include "connect/http_driver.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "connect/http_sign_in.h"
#include "connect/named_place.h"
#include "wire/http.h"
#include "wire/http_json.h"
#include "wire/json_pick.h"
#include "wire/raw_number.h"

namespace gongshu::connect {

namespace {

constexpr std::size_t kAnswerBytesMax = 1 << 20;

bool is_measured(ValueType type) { return type == ValueType::number || type == ValueType::integer; }

// "230.1" as a number; nullopt for anything else.
std::optional<Value> number_in(std::string_view text) {
    double number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
    return Value{number};
}

// A switch that says ON.
std::optional<Value> boolean_in(std::string_view text) {
    constexpr std::string_view kTrue[] = {"true", "TRUE", "True", "on", "ON", "On", "1"};
    constexpr std::string_view kFalse[] = {"false", "FALSE", "False", "off", "OFF", "Off", "0"};
    if (std::ranges::find(kTrue, text) != std::end(kTrue)) return Value{true};
    if (std::ranges::find(kFalse, text) != std::end(kFalse)) return Value{false};
    return std::nullopt;
}

Result<Value> value_of(const PropertyConfig& property, Value value) {
    if (const auto* text = std::get_if<std::string>(&value); text != nullptr && property.type != ValueType::text) {
        auto found = is_measured(property.type) ? number_in(*text) : boolean_in(*text);
        if (!found)
            return Error{Code::malformed, "\"{}\" is no {}", text->substr(0, 60), gongshu::to_string(property.type)};
        value = std::move(*found);
    }
    const wire::Scaling scaling{property.place.scale, property.place.offset};
    const auto number = as_number(value);
    if (is_measured(property.type) && number && !scaling.is_none()) value = wire::scaled(*number, scaling);
    if (property.type == ValueType::text && type_of(value) != ValueType::text) return Value{gongshu::to_string(value)};
    if (property.type == ValueType::number && type_of(value) == ValueType::integer) return Value{*as_number(value)};
    if (auto converted = convert_exactly(value, property.type)) return std::move(*converted);
    return Error{Code::limit, "{} is {}, which is not exactly a {}", property.name, gongshu::to_string(value),
                 gongshu::to_string(property.type)};
}

class HttpDriver final : public Driver {
public:
    explicit HttpDriver(const LinkConfig& config) : sign_in_(config), target_(config.http.path) {}

    PollPlan plan(std::shared_ptr<const PointSet> points) override;
    std::vector<Poll> split(std::uint32_t) override { return {}; }
    std::string describe(std::uint32_t poll) const override;

    void begin_link() override { abandon(); }
    Result<Buffer> read(std::uint32_t poll) override;
    Result<Buffer> write(const DeviceConfig&, const PropertyConfig&, const Value&) override { return only_read(); }
    Result<Buffer> read_back(const DeviceConfig&, const PropertyConfig&) override { return only_read(); }
    bool may_have_written() const override { return false; }
    Result<Step> feed(Bytes bytes) override;
    void abandon() override;
    Error no_answer(std::int64_t milliseconds) const override {
        return Error{Code::timeout, "no answer to GET {} within {} ms", asked_target_, milliseconds};
    }
    bool reopens() const override { return true; }
    Result<Step> closed(const Error& error) override;

    Result<void> check_writes() const override { return only_read(); }
    Result<void> check_write(const DeviceConfig&, const PropertyConfig&, const Value&) const override {
        return only_read();
    }
    bool same(const PropertyConfig&, const Value& a, const Value& b) const override { return a == b; }

private:
    struct Group {
        std::string target;
        std::vector<std::size_t> points;
        std::vector<wire::JsonPath> places;
    };
    static Error only_read() { return Error{Code::unsupported, "what is had by HTTP is only read"}; }
    Buffer ask();
    Step on_answer();
    Outcome outcome();
    Result<Outcome> outcome_of_json(const Group& group);

    HttpSignIn sign_in_;
    const std::string target_;
    std::shared_ptr<const PointSet> set_;
    std::map<std::uint32_t, Group> groups_;
    std::uint32_t next_poll_ = 0;
    // Of the exchange.
    std::shared_ptr<const PointSet> asked_set_;
    std::optional<Group> asked_;
    std::string asked_target_;
    wire::HttpResponseParser parser_{kAnswerBytesMax};
    wire::JsonPicker picker_{kAnswerBytesMax};
};

PollPlan HttpDriver::plan(std::shared_ptr<const PointSet> points) {
    set_ = std::move(points);
    groups_.clear();
    PollPlan plan;
    std::map<std::pair<std::string, DurationNs>, std::uint32_t> polls;
    for (std::size_t i = 0; i < set_->points.size(); ++i) {
        const auto& [device, property] = set_->points[i];
        auto place = wire::http_json::parse_place(property->place.at);
        if (!place) {
            plan.faults.push_back({i, std::move(place).context("point.at").error()});
            continue;
        }
        const std::string& named = place->target.empty() ? target_ : place->target;
        std::string target = wire::http_json::target_of(named, device->station);
        const auto [poll, is_new] = polls.try_emplace({target, property->period}, next_poll_ + 1);
        if (is_new) groups_[++next_poll_].target = std::move(target);
        Group& group = groups_[poll->second];
        group.points.push_back(i);
        group.places.push_back(std::move(place->json));
    }
    for (const auto& [key, id] : polls) plan.polls.push_back({id, 0, key.second, groups_[id].points});
    return plan;
}

std::string HttpDriver::describe(std::uint32_t poll) const {
    const auto group = groups_.find(poll);
    return group == groups_.end() ? "" : "GET " + group->second.target;
}

Result<Buffer> HttpDriver::read(std::uint32_t poll) {
    abandon();
    const auto group = groups_.find(poll);
    if (group == groups_.end()) return replaced_poll();
    asked_ = group->second;
    asked_set_ = set_;
    asked_target_ = asked_->target;
    return ask();
}

Buffer HttpDriver::ask() {
    parser_.reset();
    const std::string text = sign_in_.get(asked_target_, "application/json");
    return Buffer(text.begin(), text.end());
}

void HttpDriver::abandon() {
    asked_.reset();
    parser_.reset();
    sign_in_.settle();
}

Result<Step> HttpDriver::feed(Bytes bytes) {
    const auto taken = parser_.feed(bytes);
    if (!taken)
        return Error{Code::malformed, "the answer to GET {} cannot be read: {}", asked_target_, taken.error().text()};
    if (!parser_.done()) return More{};
    return on_answer();
}

Step HttpDriver::on_answer() {
    if (sign_in_.learn(parser_.response())) return Send{ask()};
    return Done{outcome()};
}

// Without a length the answer ends with the link.
Result<Step> HttpDriver::closed(const Error& error) {
    if (!asked_ || !parser_.head_done() || !parser_.finish())
        return Error{error.code(), "the link was closed before the answer to GET {} was whole: {}", asked_target_,
                     error.text()};
    return on_answer();
}

Outcome HttpDriver::outcome() {
    const wire::HttpResponse& answer = parser_.response();
    const auto refused = [&](const Error& error) {
        Outcome all;
        for (const std::size_t point : asked_->points) all.refused.push_back({point, error});
        return all;
    };
    Outcome outcome;
    if (answer.status < 200 || answer.status > 299) {
        outcome = refused(Error{Code::unavailable, "GET {} is answered with {} {}{}", asked_target_, answer.status,
                                wire::reason_phrase(answer.status), sign_in_.why_not(answer.status)});
    } else {
        auto read = outcome_of_json(*asked_);
        outcome = read ? std::move(*read) : refused(read.error());
    }
    abandon();
    return outcome;
}

Result<Outcome> HttpDriver::outcome_of_json(const Group& group) {
    auto values = picker_.pick(as_bytes(parser_.response().body), group.places);
    if (!values)
        return Error{Code::malformed, "the answer to GET {} is no JSON: {}", asked_target_, values.error().text()};
    Outcome outcome;
    for (std::size_t i = 0; i < group.points.size(); ++i) {
        const PropertyConfig& property = *asked_set_->points[group.points[i]].property;
        Result<Value>& found = values->at(i);
        auto value = found ? value_of(property, std::move(*found)) : std::move(found);
        outcome.readings.push_back({group.points[i], judge(property, std::move(value)), 0});
    }
    return outcome;
}

}  // namespace

std::unique_ptr<Driver> make_http_driver(const LinkConfig& config) { return std::make_unique<HttpDriver>(config); }

}  // namespace gongshu::connect
