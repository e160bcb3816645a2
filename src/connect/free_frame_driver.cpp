#include "connect/free_frame_driver.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "connect/named_place.h"
#include "connect/noise_count.h"
#include "expr/units.h"
#include "wire/free_frame.h"
#include "wire/raw_number.h"

namespace gongshu::connect {

namespace {

namespace free_frame = wire::free_frame;
using expr::Conversion;
using free_frame::Body;
using free_frame::Row;
using free_frame::Template;

constexpr std::uint32_t kUnit = 1;  // one device speaks

// A point and the field that it is.
struct Member {
    std::size_t point = 0, field = 0;
};
using Members = std::vector<Member>;

bool is_measured(ValueType type) { return type == ValueType::number || type == ValueType::integer; }

Result<Value> as_type(const PropertyConfig& property, const Value& value) {
    if (property.type == ValueType::number && type_of(value) == ValueType::integer) return Value{*as_number(value)};
    if (auto converted = convert_exactly(value, property.type)) return std::move(*converted);
    return Error{Code::limit, "{} is {}, which is not exactly a {}", property.name, gongshu::to_string(value),
                 gongshu::to_string(property.type)};
}

// 32 and not 31.999999999999943, which is as near as UDUNITS comes by way of kelvins.
double tidy(double number) {
    if (number == 0) return 0;
    const double step = std::pow(10.0, 11 - std::floor(std::log10(std::abs(number))));
    const double whole = std::round(number * step) / step;
    return std::abs(whole - number) <= 1e-14 * std::abs(number) ? whole : number;
}

Result<Conversion> unit_conversion(const std::string& from, const std::string& to) {
    if (from.empty() || to.empty() || from == to) return Conversion{};
    const Conversion found = TRY(expr::conversion(from, to));
    return Conversion{tidy(found.factor), tidy(found.offset)};
}

class FreeFrameDriver final : public Driver {
public:
    explicit FreeFrameDriver(const LinkConfig& config) {
        auto made = Template::create(config.free_frame.layout);
        if (!made) {
            broken_ = std::move(made).error().context("the template");
            return;
        }
        template_ = std::move(*made);
        cutter_.emplace(template_);
    }

    PollPlan plan(std::shared_ptr<const PointSet> points) override;
    std::vector<Poll> split(std::uint32_t) override { return {}; }
    std::string describe(std::uint32_t poll) const override;

    void begin_link() override;
    Result<Buffer> read(std::uint32_t poll) override;
    Result<Buffer> write(const DeviceConfig&, const PropertyConfig&, const Value&) override { return only_read(); }
    Result<Buffer> read_back(const DeviceConfig&, const PropertyConfig&) override { return only_read(); }
    bool may_have_written() const override { return false; }
    Result<Step> feed(Bytes bytes) override;
    void abandon() override;
    Error no_answer(std::int64_t milliseconds) const override;
    std::size_t take_malformed() override { return noise_.take(); }
    bool late() const override { return is_polled(); }
    std::size_t answer_bytes() const override;
    Result<Heard> hear(Bytes bytes) override;

    std::uint32_t silence_ms() const override;
    Result<Step> quiet() override;
    Heard hear_quiet() override;

    Result<void> check_writes() const override { return only_read(); }
    Result<void> check_write(const DeviceConfig&, const PropertyConfig&, const Value&) const override {
        return only_read();
    }
    bool same(const PropertyConfig&, const Value& a, const Value& b) const override { return a == b; }

private:
    struct Exchange {
        Members members;
        std::shared_ptr<const PointSet> set;
    };
    // What came since the last frame that was read.
    struct Instead {
        bool echo = false;
        std::string fault;
    };

    static Error only_read() { return Error{Code::unsupported, "a free frame is only read"}; }
    bool is_polled() const { return template_ && !template_->poll().empty(); }
    Result<Member> member_of(std::size_t index, const PropertyConfig& property);
    const Result<Conversion>& conversion(const std::string& from, const std::string& to);

    void cut(Bytes bytes, bool is_quiet, const free_frame::Cutter::OnFrame& on_frame);
    std::optional<Body> read_frame(Bytes frame);
    Result<Body> read_after_echo(Bytes frame) const;
    Step step(Bytes bytes, bool is_quiet);
    Heard heard(Bytes bytes, bool is_quiet);

    std::vector<PointReading> readings(const PointSet& set, const Members& members, const Body& body);
    std::optional<PropertyReading> reading(const PropertyConfig& property, std::size_t field, const Body& body);
    PropertyReading reading_of_row(const PropertyConfig& property, const Row& row);
    Result<Value> value_of(const PropertyConfig& property, const Row& row, const Conversion& unit) const;

    // Constant after construction; exactly one of both is there.
    std::shared_ptr<const Template> template_;
    std::optional<Error> broken_;
    // Lane only.
    std::shared_ptr<const PointSet> set_;
    std::map<std::uint32_t, Members> polls_;
    Members heard_;
    std::map<std::pair<std::string, std::string>, Result<Conversion>> conversions_;  // that the points have needed
    std::uint32_t next_poll_ = 1;
    std::optional<Exchange> exchange_;
    std::optional<free_frame::Cutter> cutter_;
    NoiseCount noise_;
    Instead instead_;
};

// ---- what to ask ----

// Looked up once a pair: the units of devices are few, and the lookup takes a lock.
const Result<Conversion>& FreeFrameDriver::conversion(const std::string& from, const std::string& to) {
    const auto known = conversions_.find({from, to});
    if (known != conversions_.end()) return known->second;
    return conversions_.emplace(std::pair(from, to), unit_conversion(from, to)).first->second;
}

Result<Member> FreeFrameDriver::member_of(std::size_t index, const PropertyConfig& property) {
    if (broken_) return *broken_;
    const auto& fields = template_->fields();
    const std::string& name = property.place.at.empty() ? property.name : property.place.at;
    const auto field = std::ranges::find(fields, name, &free_frame::Field::name);
    if (field == fields.end()) {
        std::string names;
        for (const auto& one : fields) names.append(names.empty() ? "" : ", ").append(one.name);
        return Error{Code::invalid, "the template has no field \"{}\"; it has {}", name.substr(0, 60), names};
    }
    if (is_measured(property.type)) (void)TRY(conversion(field->unit, property.unit));
    return Member{index, static_cast<std::size_t>(field - fields.begin())};
}

PollPlan FreeFrameDriver::plan(std::shared_ptr<const PointSet> points) {
    set_ = std::move(points);
    polls_.clear();
    heard_.clear();
    conversions_.clear();
    PollPlan plan;
    std::map<DurationNs, Members> by_period;
    for (std::size_t i = 0; i < set_->points.size(); ++i) {
        const PropertyConfig& property = *set_->points[i].property;
        const auto member = member_of(i, property);
        if (!member)
            plan.faults.push_back({i, member.error()});
        else if (is_polled())
            by_period[property.period].push_back(*member);
        else
            heard_.push_back(*member), plan.heard.push_back(i);
    }
    for (auto& [period, members] : by_period) {
        Poll poll{next_poll_++, kUnit, period, {}};
        for (const Member& member : members) poll.points.push_back(member.point);
        polls_.emplace(poll.id, std::move(members));
        plan.polls.push_back(std::move(poll));
    }
    return plan;
}

std::string FreeFrameDriver::describe(std::uint32_t poll) const {
    return polls_.contains(poll) ? fmt::format("ask by \"{}\"", free_frame::escape(template_->poll())) : "";
}

// ---- frames ----

// Both what came and that nothing more comes.
void FreeFrameDriver::cut(Bytes bytes, bool is_quiet, const free_frame::Cutter::OnFrame& on_frame) {
    const auto see = [this] {
        if (noise_.see(cutter_->skipped_bytes())) instead_.fault = cutter_->last_fault();
    };
    const auto each = [&](Bytes frame) {
        see();
        noise_.begin();
        on_frame(frame);
    };
    if (is_quiet)
        cutter_->quiet(each);
    else
        cutter_->feed(bytes, each);
    see();
}

// The frame may begin with what was sent, which adapters send back.
Result<Body> FreeFrameDriver::read_after_echo(Bytes frame) const {
    auto body = template_->read(frame);
    const Buffer& poll = template_->poll();
    const bool has_echo =
        !poll.empty() && frame.size() > poll.size() && std::ranges::equal(frame.first(poll.size()), poll);
    if (!has_echo || (body && body->faults.empty())) return body;
    auto rest = template_->read(frame.subspan(poll.size()));
    return rest && rest->faults.empty() ? std::move(rest) : std::move(body);
}

// Nothing: it says nothing.
std::optional<Body> FreeFrameDriver::read_frame(Bytes frame) {
    if (is_polled() && std::ranges::equal(frame, template_->poll())) {
        instead_.echo = true;
        return std::nullopt;
    }
    auto body = read_after_echo(frame);
    if (!body) {
        noise_.add();
        instead_.fault = body.error().text();
        return std::nullopt;
    }
    if (body->is_ignored) return std::nullopt;
    instead_ = {};
    return std::move(*body);
}

// ---- values ----

Result<Value> FreeFrameDriver::value_of(const PropertyConfig& property, const Row& row, const Conversion& unit) const {
    const Value& value = *row.value;
    if (!is_measured(property.type) || !is_measured(type_of(value))) return as_type(property, value);
    const wire::Scaling to_unit{unit.factor, unit.offset}, own{property.place.scale, property.place.offset};
    if (to_unit.is_none() && own.is_none()) return as_type(property, value);
    double number = *as_number(value);
    for (const wire::Scaling& scaling : {to_unit, own})
        if (!scaling.is_none()) number = wire::scaled(number, scaling);
    return as_type(property, Value{number});
}

PropertyReading FreeFrameDriver::reading_of_row(const PropertyConfig& property, const Row& row) {
    if (!row.quality.usable() || !row.value) {
        const Error error{Code::unavailable, "the device itself says {}", to_string(row.quality)};
        return {nothing(property.type), row.quality, error.text()};
    }
    static const Result<Conversion> none = Conversion{};
    const bool has_unit = is_measured(property.type) && is_measured(type_of(*row.value));
    const auto& unit = has_unit ? conversion(row.unit, property.unit) : none;
    if (!unit) return {nothing(property.type), bad(Reason::config), unit.error().text()};
    PropertyReading reading = judge(property, value_of(property, row, *unit));
    if (reading.quality.usable() && !row.quality.good()) reading.quality = row.quality;
    return reading;
}

// Nothing: an optional field that is absent.
std::optional<PropertyReading> FreeFrameDriver::reading(const PropertyConfig& property, std::size_t field,
                                                        const Body& body) {
    const auto row = std::ranges::find(body.rows, field, &Row::field);
    if (row != body.rows.end()) return reading_of_row(property, *row);
    const std::string beginning = template_->fields()[field].name + ": ";
    const auto fault =
        std::ranges::find_if(body.faults, [&](const std::string& text) { return text.starts_with(beginning); });
    if (fault == body.faults.end()) return std::nullopt;
    return judge(property, Error{Code::malformed, "{}", *fault});
}

std::vector<PointReading> FreeFrameDriver::readings(const PointSet& set, const Members& members, const Body& body) {
    std::vector<PointReading> all;
    for (const Member& member : members)
        if (auto one = reading(*set.points[member.point].property, member.field, body))
            all.push_back({member.point, std::move(*one)});
    return all;
}

// ---- an exchange ----

void FreeFrameDriver::begin_link() {
    abandon();
    instead_ = {};
}

void FreeFrameDriver::abandon() {
    exchange_.reset();
    if (cutter_) cutter_->reset();
}

Result<Buffer> FreeFrameDriver::read(std::uint32_t poll) {
    const auto found = polls_.find(poll);
    if (found == polls_.end()) return replaced_poll();
    cutter_->reset();
    noise_.begin();
    instead_ = {};
    exchange_.emplace(Exchange{found->second, set_});
    return template_->poll();
}

// The first frame that says something ends it.
Step FreeFrameDriver::step(Bytes bytes, bool is_quiet) {
    if (!exchange_) return More{};
    std::optional<Body> body;
    cut(bytes, is_quiet, [&](Bytes frame) {
        if (!body) body = read_frame(frame);
    });
    if (!body) return More{};
    Outcome outcome;
    outcome.readings = readings(*exchange_->set, exchange_->members, *body);
    abandon();
    return Done{std::move(outcome)};
}

Result<Step> FreeFrameDriver::feed(Bytes bytes) { return step(bytes, false); }

Result<Step> FreeFrameDriver::quiet() { return step({}, true); }

std::size_t FreeFrameDriver::answer_bytes() const {
    if (!template_) return 0;
    const free_frame::Cut& cut = template_->cut();
    return cut.by == free_frame::Cut::By::fixed ? cut.bytes : cut.max_bytes;
}

Error FreeFrameDriver::no_answer(std::int64_t milliseconds) const {
    std::string why = "nothing came; check the serial settings, the cable and whether the device is set to speak";
    if (!instead_.fault.empty())
        why = instead_.fault;
    else if (cutter_ && cutter_->buffered_bytes() > 0)
        why = fmt::format("{} bytes came, which are no whole frame", cutter_->buffered_bytes());
    else if (instead_.echo)
        why =
            "only the request itself came back; check the serial settings, the cable and whether the device is set to "
            "answer";
    if (!is_polled()) return Error{Code::timeout, "no frame within {} ms: {}", milliseconds, why};
    return Error{Code::timeout, "no answer to \"{}\" within {} ms: {}", free_frame::escape(template_->poll()),
                 milliseconds, why};
}

// ---- devices that speak by themselves ----

std::uint32_t FreeFrameDriver::silence_ms() const {
    const bool by_silence = template_ && template_->cut().by == free_frame::Cut::By::silence;
    return by_silence ? template_->cut().silence_ms : 0;
}

// What came at once has one time: of a flood the last of each point counts.
constexpr std::size_t kReadingsMax = 4096;
void keep_newest(std::vector<PointReading>& readings) {
    std::set<std::size_t> seen;
    std::vector<PointReading> newest;
    for (auto it = readings.rbegin(); it != readings.rend(); ++it)
        if (seen.insert(it->point).second) newest.push_back(std::move(*it));
    readings.assign(std::make_move_iterator(newest.rbegin()), std::make_move_iterator(newest.rend()));
}

Heard FreeFrameDriver::heard(Bytes bytes, bool is_quiet) {
    Heard heard;
    if (!template_ || !set_) return heard;
    noise_.begin();
    cut(bytes, is_quiet, [&](Bytes frame) {
        const auto body = read_frame(frame);
        if (body) std::ranges::move(readings(*set_, heard_, *body), std::back_inserter(heard.readings));
        if (heard.readings.size() > kReadingsMax) keep_newest(heard.readings);
    });
    heard.malformed = noise_.take();
    if (heard.malformed != 0) heard.fault = instead_.fault;
    return heard;
}

Result<Heard> FreeFrameDriver::hear(Bytes bytes) {
    if (is_polled()) return Driver::hear(bytes);
    return heard(bytes, false);
}

Heard FreeFrameDriver::hear_quiet() { return is_polled() ? Heard{} : heard({}, true); }

}  // namespace

std::unique_ptr<Driver> make_free_frame_driver(const LinkConfig& config) {
    return std::make_unique<FreeFrameDriver>(config);
}

}  // namespace gongshu::connect
