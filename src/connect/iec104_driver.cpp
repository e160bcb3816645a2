#include "connect/iec104_driver.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "connect/named_place.h"
#include "wire/iec104_point.h"
#include "wire/raw_number.h"

namespace gongshu::connect {

namespace {

namespace iec104 = wire::iec104;
using iec104::Asdu;
using iec104::Object;
using iec104::RequestId;
using iec104::Type;

constexpr DurationNs kNever = std::numeric_limits<DurationNs>::max();
constexpr DurationNs kAskAgain = kMinute;  // an outstation that did not answer an interrogation
constexpr DurationNs kReadBackMax = 5 * kSecond;
constexpr DurationNs kReadBackEvery = kSecond;
constexpr std::size_t kAskedAtOnce = 8;
constexpr std::size_t kUnknownMax = 8;  // places that are told

// A place of an outstation.
struct Place {
    std::uint16_t station = 0;
    std::uint32_t address = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
};
std::string to_string(const Place& place) { return fmt::format("{}/{}", place.station, place.address); }

// A point of a place.
struct Listener {
    std::size_t point = 0;
    std::optional<Type> expected;
};

// What was told of a place last.
struct Known {
    Type type = Type::m_sp_na_1;
    Object object;
    DurationNs at = 0;  // monotonic
};

// What an outstation is asked from time to time, in this order.
enum class Work : std::uint8_t { clock, points, totals };
constexpr std::size_t kWorks = 3;

// When each is due; nothing is while one of them runs.
struct Station {
    std::array<DurationNs, kWorks> due{};
    std::optional<RequestId> running;
    Work work = Work::clock;  // that runs
    DurationNs& due_of(Work one) { return due[static_cast<std::size_t>(one)]; }
};

// What the link waits for.
struct Exchange {
    enum class Kind : std::uint8_t { greet, order, back };
    Kind kind = Kind::greet;
    RequestId request = 0;
    bool confirmed = false;  // an order
    std::optional<Result<Outcome>> ended;
    // Of a reading back.
    PropertyConfig property;
    Place place;
    DurationNs until = 0, read_next = 0;
    bool unreadable = false;
};

// The last command, until it was read back.
struct Ordered {
    Value value;
    DurationNs at = 0;
    bool may_have_been_done = false;
};

wire::Scaling scaling_of(const PropertyConfig& property) { return {property.place.scale, property.place.offset}; }

// ---- values ----

Result<Value> value_of(const PropertyConfig& property, Type type, const Object& object) {
    const Type plain = iec104::plain(type);
    if (!iec104::holds(property.type, type))
        return Error{Code::malformed, "the outstation tells {}, which a property of type {} cannot hold",
                     iec104::to_string(type), gongshu::to_string(property.type)};
    if (property.type == ValueType::boolean) return Value{object.number == (plain == Type::m_dp_na_1 ? 2 : 1)};
    const double raw = plain == Type::m_me_nc_1 ? wire::shortest(object.real) : iec104::number_of(type, object);
    const wire::Scaling scaling = scaling_of(property);
    const Value value = scaling.is_none() ? raw : wire::scaled(raw, scaling);
    if (property.type == ValueType::number || !std::isfinite(raw)) return value;
    if (auto whole = convert_exactly(value, ValueType::integer)) return std::move(*whole);
    return Error{Code::limit, "{} is {}, which is not exactly {}", property.name, gongshu::to_string(value),
                 gongshu::to_string(property.type)};
}

// Why the outstation itself says that a value is of no use.
std::string reason_of(const Object& object) {
    if ((object.flags & iec104::kInvalid) != 0) return "the outstation marks it as invalid (IV)";
    if ((object.flags & iec104::kOverflow) != 0) return "the outstation marks it as an overflow (OV)";
    return "both contacts of the double point are closed, or it is faulty";
}

PropertyReading reading_of(const PropertyConfig& property, const std::optional<Type>& expected, Type type,
                           const Object& object, const iec104::Zone& zone) {
    if (expected && iec104::plain(*expected) != iec104::plain(type))
        return judge(property, Error{Code::malformed, "{} is expected, but the outstation tells {}",
                                     iec104::to_string(*expected), iec104::to_string(type)});
    const Quality quality = iec104::quality_of(type, object, zone);
    if (!quality.usable()) return {nothing(property.type), quality, reason_of(object)};
    PropertyReading reading = judge(property, value_of(property, type, object));
    if (reading.quality.usable() && !quality.good()) reading.quality = quality;
    return reading;
}

// ---- the driver ----

class Iec104Driver final : public Driver {
public:
    explicit Iec104Driver(const Iec104Settings& settings) : settings_(settings), client_(options_of(settings)) {}

    PollPlan plan(std::shared_ptr<const PointSet> points) override;
    std::vector<Poll> split(std::uint32_t) override { return {}; }
    std::string describe(std::uint32_t) const override { return ""; }

    void at(DurationNs monotonic, TimeNs now) override { now_ = monotonic, wall_ = now; }
    void begin_link() override;
    Buffer greet() override;
    Result<Buffer> read(std::uint32_t) override { return replaced_poll(); }
    Result<Buffer> write(const DeviceConfig& device, const PropertyConfig& property, const Value& value) override;
    Result<Buffer> read_back(const DeviceConfig& device, const PropertyConfig& property) override;
    bool may_have_written() const override { return ordered_.may_have_been_done; }
    Result<Step> feed(Bytes bytes) override;
    void abandon() override;
    Error no_answer(std::int64_t milliseconds) const override;
    bool keeps_time() const override { return true; }
    Heard take_heard() override { return std::exchange(pending_, {}); }

    Result<Heard> hear(Bytes bytes) override;
    bool says_once() const override { return true; }
    DurationNs say_every() const override;
    Result<Buffer> say() override;

    Result<void> check_write(const DeviceConfig& device, const PropertyConfig& property,
                             const Value& value) const override;
    bool same(const PropertyConfig& property, const Value& a, const Value& b) const override;

private:
    static iec104::ClientOptions options_of(const Iec104Settings& settings) {
        iec104::ClientOptions options = settings.client;
        options.confirm_timeout = options.t1;
        return options;
    }
    std::uint16_t station_of(const DeviceConfig& device) const;
    Result<Place> place_of(const DeviceConfig& device, const PropertyConfig& property) const;
    Result<iec104::Order> order_of(const PropertyConfig& property) const;
    Result<void> add_point(std::size_t index, const Point& point);
    bool is_new(const Listener& listener, const std::vector<Listener>* before, const PointSet* former) const;

    Result<void> take(iec104::Turn turn);
    Result<void> work();
    Result<void> begin_work(std::uint16_t number, Station& station, Work work);
    Step step();
    void look_back(Exchange& exchange);

    void on_told(const Asdu& asdu);
    void on_progress(const iec104::Progress& progress);
    void on_order(const iec104::Progress& progress);
    void on_work(std::uint16_t number, Station& station, const iec104::Progress& progress);
    void miss(std::uint16_t number, Work work, Reason reason, const std::string& why);
    void note_skipped();

    const Iec104Settings settings_;
    // Lane only.
    iec104::Client client_;
    DurationNs now_ = 0;
    TimeNs wall_ = 0;
    std::shared_ptr<const PointSet> set_;
    std::map<Place, std::vector<Listener>> listeners_;
    std::map<std::uint16_t, Station> stations_;
    std::map<Place, Known> known_;  // of this link, where somebody listens
    std::set<Place> missed_;        // said to be missing, over this link
    Heard pending_;
    std::optional<Exchange> exchange_;
    Ordered ordered_;
    iec104::Counts counts_;  // as they were told
    // For people: what came over this link that nobody listens for.
    std::set<Place> unknown_;
    std::uint64_t told_ = 0;
};

// ---- what is listened for ----

std::uint16_t Iec104Driver::station_of(const DeviceConfig& device) const {
    if (device.station.empty()) return settings_.common_address;
    return iec104::parse_common_address(device.station).value_or(0);
}

Result<Place> Iec104Driver::place_of(const DeviceConfig& device, const PropertyConfig& property) const {
    const auto address = TRY(iec104::parse_point(property.place.at, property.place.as));
    if (!device.station.empty() && !address.common_address)
        TRY(iec104::parse_common_address(device.station).context("station"));
    return Place{address.common_address.value_or(station_of(device)), address.address};
}

Result<iec104::Order> Iec104Driver::order_of(const PropertyConfig& property) const {
    const auto point = TRY(iec104::parse_point(property.place.at, property.place.as));
    return iec104::parse_order(property.place.write, point, property.type);
}

Result<void> Iec104Driver::add_point(std::size_t index, const Point& point) {
    const PropertyConfig& property = *point.property;
    const auto address = TRY(iec104::parse_point(property.place.at, property.place.as));
    const Place place = TRY(place_of(*point.device, property));
    const bool is_held = address.type ? iec104::holds(property.type, *address.type) : property.type != ValueType::text;
    if (!is_held)
        return Error{Code::invalid, "point.as: {} cannot be held by a property of type {}",
                     address.type ? iec104::to_string(*address.type) : "what an outstation tells",
                     gongshu::to_string(property.type)};
    listeners_[place].push_back({index, address.type});
    return {};
}

// One that was there before, as it is now, knows its value.
bool Iec104Driver::is_new(const Listener& listener, const std::vector<Listener>* before, const PointSet* former) const {
    if (before == nullptr) return true;
    const Point& now = set_->points[listener.point];
    return std::ranges::none_of(*before, [&](const Listener& other) {
        const Point& was = former->points[other.point];
        return was.device->uid == now.device->uid && *was.property == *now.property;
    });
}

PollPlan Iec104Driver::plan(std::shared_ptr<const PointSet> points) {
    const auto former = std::exchange(set_, std::move(points));
    const auto before = std::exchange(listeners_, {});
    unknown_.clear();
    PollPlan plan;
    for (std::size_t i = 0; i < set_->points.size(); ++i) {
        if (auto added = add_point(i, set_->points[i]); added)
            plan.heard.push_back(i);
        else
            plan.faults.push_back({i, std::move(added).error()});
    }
    const DurationNs off = kNever;
    std::map<std::uint16_t, Station> stations;
    for (const auto& [place, listeners] : listeners_) {
        const auto known = stations_.find(place.station);
        Station& station = stations.try_emplace(place.station, known != stations_.end() ? known->second : Station{{
            settings_.clock > 0 ? 0 : off, 0, settings_.counters > 0 ? 0 : off}, {}, Work::clock}).first->second;
        const auto was = before.find(place);
        const std::vector<Listener>* const old = was != before.end() ? &was->second : nullptr;
        for (const Listener& listener : listeners) {
            if (!is_new(listener, old, former.get())) continue;
            station.due_of(Work::points) = 0;
            if (settings_.counters > 0) station.due_of(Work::totals) = 0;
            missed_.erase(place);
        }
    }
    stations_ = std::move(stations);
    std::erase_if(known_, [&](const auto& one) { return !listeners_.contains(one.first); });
    return plan;
}

// ---- the link ----

void Iec104Driver::begin_link() {
    (void)client_.lose(Error{Code::unavailable, "the link was opened anew"});
    for (auto& [number, station] : stations_)
        station = Station{{settings_.clock > 0 ? 0 : kNever, 0, settings_.counters > 0 ? 0 : kNever}, {}, Work::clock};
    known_.clear();
    missed_.clear();
    unknown_.clear();
    told_ = 0;
    pending_ = {};
    exchange_.reset();
    counts_ = client_.counts();
}

Buffer Iec104Driver::greet() {
    exchange_.emplace();
    return client_.begin(now_).send;
}

// What came of it is kept until take_heard().
Result<void> Iec104Driver::take(iec104::Turn turn) {
    pending_.send.insert(pending_.send.end(), turn.send.begin(), turn.send.end());
    for (iec104::Event& event : turn.events) {
        if (auto* down = std::get_if<iec104::Down>(&event)) return std::move(down->reason);
        if (const auto* told = std::get_if<iec104::Told>(&event)) on_told(told->asdu);
        if (const auto* progress = std::get_if<iec104::Progress>(&event)) on_progress(*progress);
        const bool is_up = std::holds_alternative<iec104::Up>(event);
        if (is_up && exchange_ && exchange_->kind == Exchange::Kind::greet) exchange_->ended = Outcome{};
    }
    note_skipped();
    return {};
}

void Iec104Driver::note_skipped() {
    const iec104::Counts& counts = client_.counts();
    pending_.malformed += counts.malformed - counts_.malformed;
    // A type that is not known here may come again and again.
    const bool is_first_unknown = counts_.unknown_types == 0 && counts.unknown_types > 0;
    if ((counts.malformed != counts_.malformed || is_first_unknown) && client_.last_fault())
        pending_.fault = client_.last_fault()->text();
    counts_ = counts;
}

// Asks the outstations what is due.
Result<void> Iec104Driver::work() {
    if (!client_.is_up()) return {};
    auto running = static_cast<std::size_t>(
        std::ranges::count_if(stations_, [](const auto& one) { return one.second.running.has_value(); }));
    for (auto& [number, station] : stations_) {
        for (const Work one : {Work::clock, Work::points, Work::totals}) {
            if (station.running || running >= kAskedAtOnce || station.due_of(one) > now_) continue;
            TRY(begin_work(number, station, one));
            ++running;
        }
    }
    return take(client_.tick(now_));
}

Result<void> Iec104Driver::begin_work(std::uint16_t number, Station& station, Work work) {
    const auto time = iec104::to_time(wall_, settings_.zone);
    const auto asked = work == Work::points   ? client_.interrogate(number)
                       : work == Work::totals ? client_.interrogate_counters(number)
                                              : client_.set_clock(number, time.value_or(iec104::Time{}));
    station.due_of(work) = now_ + kAskAgain;  // unless it ends well
    station.work = work;
    if (asked)
        station.running = *asked;
    else
        pending_.fault = asked.error().text();
    return {};
}

Result<Heard> Iec104Driver::hear(Bytes bytes) {
    TRY(take(client_.feed(bytes, now_)));
    TRY(work());
    return take_heard();
}

Result<Step> Iec104Driver::feed(Bytes bytes) {
    TRY(take(bytes.empty() ? client_.tick(now_) : client_.feed(bytes, now_)));
    TRY(work());
    if (exchange_ && exchange_->kind == Exchange::Kind::back) {
        look_back(*exchange_);
        TRY(take(client_.tick(now_)));
    }
    return step();
}

Step Iec104Driver::step() {
    if (!exchange_ || !exchange_->ended) return More{};
    Done done{std::move(*exchange_->ended)};
    if (exchange_->request != 0) client_.cancel(exchange_->request);  // a reading back that is not needed any more
    exchange_.reset();
    return done;
}

Result<Buffer> Iec104Driver::say() {
    TRY(take(client_.tick(now_)));
    TRY(work());
    return std::exchange(pending_.send, {});
}

DurationNs Iec104Driver::say_every() const {
    DurationNs next = now_ + kHour;
    if (const auto due = client_.due()) next = std::min(next, *due);
    if (exchange_ && exchange_->kind == Exchange::Kind::back)
        next = std::min({next, exchange_->until, exchange_->unreadable ? kNever : exchange_->read_next});
    if (exchange_ && exchange_->ended) next = now_;
    std::size_t running = 0;
    DurationNs first = kNever;
    for (const auto& [number, station] : stations_) {
        running += station.running.has_value();
        if (!station.running) first = std::min(first, *std::ranges::min_element(station.due));
    }
    if (client_.is_up() && running < kAskedAtOnce) next = std::min(next, first);
    return std::clamp(next - now_, kMillisecond, kHour);
}

void Iec104Driver::abandon() {
    if (exchange_ && exchange_->request != 0) client_.cancel(exchange_->request);
    exchange_.reset();
}

Error Iec104Driver::no_answer(std::int64_t milliseconds) const {
    std::string places;
    for (const Place& place : unknown_) places += (places.empty() ? "" : ", ") + to_string(place);
    if (!places.empty())
        return Error{Code::timeout, "nothing that is asked for came within {} ms, but object addresses that no property "
                                    "names: {}",
                     milliseconds, places};
    if (told_ > 0) return Error{Code::timeout, "within {} ms not all came that is asked for", milliseconds};
    return Error{Code::timeout, "the outstation told nothing within {} ms", milliseconds};
}

// ---- what it tells ----

void Iec104Driver::on_told(const Asdu& asdu) {
    if (asdu.test) return;
    ++told_;
    if (asdu.type == Type::m_ei_na_1) {
        const auto station = stations_.find(asdu.common_address);
        if (station != stations_.end()) station->second.due_of(Work::points) = 0;
        return;
    }
    for (const Object& object : asdu.objects) {
        const Place place{asdu.common_address, object.address};
        const auto found = listeners_.find(place);
        if (found == listeners_.end()) {
            if (unknown_.size() < kUnknownMax) unknown_.insert(place);
            continue;
        }
        known_[place] = {asdu.type, object, now_};
        const TimeNs time = object.time ? iec104::time_of(*object.time, settings_.zone).value_or(0) : 0;
        for (const Listener& listener : found->second) {
            const PropertyConfig& property = *set_->points[listener.point].property;
            pending_.readings.push_back(
                {listener.point, reading_of(property, listener.expected, asdu.type, object, settings_.zone), time});
        }
    }
}

void Iec104Driver::on_progress(const iec104::Progress& progress) {
    if (exchange_ && exchange_->request == progress.request) return on_order(progress);
    for (auto& [number, station] : stations_)
        if (station.running == progress.request) return on_work(number, station, progress);
}

void Iec104Driver::on_work(std::uint16_t number, Station& station, const iec104::Progress& progress) {
    if (progress.stage < iec104::Stage::ended) return;
    const Work work = station.work;
    station.running.reset();
    const DurationNs every = work == Work::points   ? settings_.interrogation
                             : work == Work::totals ? settings_.counters
                                                    : settings_.clock;
    if (progress.error) {
        pending_.fault = progress.error->text();
        if (work != Work::points) station.due_of(work) = now_ + every;
        const bool timed_out = progress.error->code() == Code::timeout;
        return miss(number, work, timed_out ? Reason::timeout : Reason::refused, pending_.fault);
    }
    // What started or was added meanwhile is asked for once more.
    if (station.due_of(work) > now_) station.due_of(work) = every > 0 ? now_ + every : kNever;
    miss(number, work, Reason::silent, "");
}

// What the outstation did not tell, once for each link.
void Iec104Driver::miss(std::uint16_t number, Work work, Reason reason, const std::string& why) {
    if (work == Work::clock) return;
    for (auto at = listeners_.lower_bound({number, 0}); at != listeners_.end() && at->first.station == number; ++at) {
        const Place& place = at->first;
        const auto& expected = at->second.front().expected;
        const bool is_total = expected && iec104::plain(*expected) == Type::m_it_na_1;
        if (is_total != (work == Work::totals) || known_.contains(place) || !missed_.insert(place).second) continue;
        for (const Listener& listener : at->second) {
            const PropertyConfig& property = *set_->points[listener.point].property;
            std::string text = why.empty() ? fmt::format("the outstation does not tell {} when it is interrogated: is "
                                                         "the object address right?",
                                                         to_string(place))
                                           : why;
            pending_.readings.push_back(
                {listener.point, {nothing(property.type), bad(reason), std::move(text)}, 0});
        }
    }
}

// ---- commands ----

Result<void> Iec104Driver::check_write(const DeviceConfig&, const PropertyConfig& property, const Value& value) const {
    const auto order = TRY(order_of(property));
    TRY(iec104::order_object(order, scaling_of(property), value, std::nullopt));
    return {};
}

Result<Buffer> Iec104Driver::write(const DeviceConfig& device, const PropertyConfig& property, const Value& value) {
    const auto order = TRY(order_of(property));
    const auto told = known_.find(TRY(place_of(device, property)));
    iec104::Command command;
    command.type = order.type;
    command.common_address = order.common_address.value_or(station_of(device));
    std::optional<std::int64_t> position;
    if (iec104::plain(order.type) == Type::c_rc_na_1) {
        if (told == known_.end() || !iec104::quality_of(told->second.type, told->second.object).usable())
            return Error{Code::unavailable, "the position of {} is not known: a step cannot be ordered", property.name};
        position = told->second.object.number;
    }
    command.object = TRY(iec104::order_object(order, scaling_of(property), value, position));
    if (iec104::has_time(order.type)) command.object.time = iec104::to_time(wall_, settings_.zone);
    const bool selectable = iec104::plain(order.type) != Type::c_bo_na_1;
    command.select_first = selectable && order.select_first.value_or(settings_.select_first);
    command.finish_timeout = settings_.client.t1;
    const RequestId request = TRY(client_.command(command));
    ordered_ = {value, now_, !command.select_first};
    exchange_.emplace();
    exchange_->kind = Exchange::Kind::order;
    exchange_->request = request;
    TRY(take(client_.tick(now_)));
    return std::exchange(pending_.send, {});
}

void Iec104Driver::on_order(const iec104::Progress& progress) {
    Exchange& exchange = *exchange_;
    if (exchange.kind == Exchange::Kind::back) {
        exchange.request = 0;
        exchange.unreadable |= progress.stage == iec104::Stage::failed;
        return;
    }
    switch (progress.stage) {
        case iec104::Stage::selected:
            ordered_.may_have_been_done = true;
            return;
        case iec104::Stage::confirmed:
            exchange.confirmed = true;
            return;
        case iec104::Stage::ended:
            exchange.ended = Outcome{};
            exchange.request = 0;
            return;
        case iec104::Stage::failed:
            exchange.request = 0;
            break;
    }
    const bool unanswered = progress.error->code() == Code::timeout;
    Outcome outcome;
    if (unanswered && !exchange.confirmed) {
        exchange.ended = Result<Outcome>(*progress.error);
        return;
    }
    // Many confirm and tell no end: then what is told of the point decides.
    if (!unanswered) outcome.errors.push_back(*progress.error);
    exchange.ended = std::move(outcome);
}

Result<Buffer> Iec104Driver::read_back(const DeviceConfig& device, const PropertyConfig& property) {
    Exchange exchange;
    exchange.kind = Exchange::Kind::back;
    exchange.property = property;
    exchange.place = TRY(place_of(device, property));
    exchange.until = now_ + kReadBackMax;
    exchange.read_next = now_;
    exchange_ = std::move(exchange);
    look_back(*exchange_);
    TRY(take(client_.tick(now_)));
    return std::exchange(pending_.send, {});
}

// It is as it was ordered, as the outstation has told since or can tell no better; or the time is over.
void Iec104Driver::look_back(Exchange& exchange) {
    if (exchange.ended) return;
    const auto known = known_.find(exchange.place);
    const bool is_over = now_ >= exchange.until;
    if (known != known_.end()) {
        PropertyReading reading =
            reading_of(exchange.property, std::nullopt, known->second.type, known->second.object, settings_.zone);
        const bool is_it = reading.quality.usable() && reading.quality.reason != Reason::unstable &&
                           same(exchange.property, reading.value, ordered_.value);
        const bool is_news = known->second.at >= ordered_.at || exchange.unreadable;
        if (is_over || (is_it && is_news)) {
            Outcome outcome;
            outcome.readings.push_back({0, std::move(reading), 0});
            exchange.ended = std::move(outcome);
            return;
        }
    } else if (is_over) {
        exchange.ended = Result<Outcome>(Error{Code::timeout, "the outstation tells nothing of {}", to_string(exchange.place)});
        return;
    }
    if (exchange.unreadable || exchange.request != 0 || now_ < exchange.read_next) return;
    exchange.read_next = now_ + kReadBackEvery;
    if (const auto request = client_.read(exchange.place.station, exchange.place.address))
        exchange.request = *request;
    else
        exchange.unreadable = request.error().code() != Code::conflict;
}

// As near as the coarser of both types can be.
bool Iec104Driver::same(const PropertyConfig& property, const Value& a, const Value& b) const {
    const auto one = as_number(a), other = as_number(b);
    if (!one || !other || property.type == ValueType::boolean) return a == b;
    double coarse = 0;
    if (const auto order = order_of(property)) coarse = iec104::resolution(order->type);
    const auto point = iec104::parse_point(property.place.at, property.place.as);
    if (point && point->type) coarse = std::max(coarse, iec104::resolution(*point->type));
    const double slack = 1e-6 * std::max(std::abs(*one), std::abs(*other)) + 1e-9;
    return std::abs(*one - *other) <= coarse * std::abs(property.place.scale) + slack;
}

}  // namespace

std::unique_ptr<Driver> make_iec104_driver(const LinkConfig& config) {
    return std::make_unique<Iec104Driver>(config.iec104);
}

}  // namespace gongshu::connect
