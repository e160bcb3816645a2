#include "connect/shdr_driver.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "base/utf8.h"
#include "connect/named_place.h"
#include "wire/raw_number.h"
#include "wire/shdr.h"

namespace gongshu::connect {

namespace {

namespace shdr = wire::shdr;
using shdr::As;
using shdr::Line;
using shdr::RunState;

// Until an adapter says how often it wants to hear us.
constexpr DurationNs kFirstHeartbeat = 10 * kSecond;
constexpr int kPingsUnanswered = 3;  // then it has no heartbeat
constexpr int kPingsMissed = 2;
constexpr std::size_t kFaultsMax = 64;  // of one key at once
constexpr std::size_t kUnknownMax = 8;  // keys that are told
constexpr std::size_t kKeyBytesShown = 60;

using Fields = std::span<const std::string>;

// A point that a key is listened for.
struct Listener {
    std::size_t point = 0;
    As as = As::value;
    const std::string* key = nullptr;  // as it was configured, whatever device the adapter writes before it
};

// What is known of what a machine is doing, by all the keys of a property.
struct Running {
    struct OfKey {
        std::optional<RunState> said;
        std::set<std::string> faults;  // native codes; "" = without one
        bool is_state = false;         // it has said run or idle, as EXECUTION does
        bool is_availability = false;  // it has said AVAILABLE
    };
    bool is_told = false;
    std::map<std::string, OfKey> keys;  // as configured

    // Before all keys have said something, or the one that says run or idle, nothing is known but that there is an alarm.
    bool is_known(std::size_t keys_max) const {
        return keys.size() >= keys_max || std::ranges::any_of(keys, [](const auto& one) {
            return one.second.is_state || (one.second.is_availability && one.second.said == RunState::off);
        });
    }

    // Off is what all say that can say run or idle, or who says whether the machine is there at all: an adapter may have
    // no emergency stop, and says of that for ever that it is unavailable.
    RunState state() const {
        bool any_state = false, all_off = true, any_off = false, gone = false, runs = false, fault = false;
        for (const auto& [key, of_key] : keys) {
            const bool off = of_key.said == RunState::off;
            any_off |= off;
            gone |= off && of_key.is_availability;
            fault |= !of_key.faults.empty();
            if (!of_key.is_state) continue;
            any_state = true;
            all_off &= off;
            runs |= of_key.said == RunState::run;
        }
        if (gone || (any_state ? all_off : any_off && !fault)) return RunState::off;
        return fault ? RunState::alarm : runs ? RunState::run : RunState::idle;
    }
};

// ---- values ----

std::optional<bool> boolean_of(std::string_view field) {
    constexpr std::string_view kTrue[] = {"TRUE", "ON", "YES", "1"}, kFalse[] = {"FALSE", "OFF", "NO", "0"};
    std::string word(field.substr(0, 10));
    for (char& c : word) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (std::ranges::find(kTrue, word) != std::end(kTrue)) return true;
    if (std::ranges::find(kFalse, word) != std::end(kFalse)) return false;
    return std::nullopt;
}

Result<Value> scaled_value(const PropertyConfig& property, double number) {
    const wire::Scaling scaling{property.place.scale, property.place.offset};
    const Value value = scaling.is_none() ? number : wire::scaled(number, scaling);
    if (property.type == ValueType::number) return value;
    if (auto whole = convert_exactly(value, ValueType::integer)) return std::move(*whole);
    return Error{Code::limit, "{} is {}, which is not exactly {}", property.name, gongshu::to_string(value),
                 gongshu::to_string(property.type)};
}

Result<Value> value_of(const PropertyConfig& property, const std::string& field) {
    switch (property.type) {
        case ValueType::text:
            return Value{field};
        case ValueType::boolean:
            if (const auto boolean = boolean_of(field)) return Value{*boolean};
            return Error{Code::malformed,
                         "\"{}\" is neither true nor false: expected TRUE, ON, YES, 1, FALSE, OFF, NO or 0",
                         cut_utf8(field, kKeyBytesShown)};
        case ValueType::integer:
            if (property.place.scale == 1 && property.place.offset == 0) return Value{TRY(shdr::parse_integer(field))};
            break;
        case ValueType::number:
            break;
    }
    return scaled_value(property, TRY(shdr::parse_number(field)));
}

Result<Value> coordinate(const PropertyConfig& property, const std::string& field, std::size_t axis) {
    const auto numbers = TRY(shdr::parse_numbers(field));
    if (axis < numbers.size()) return scaled_value(property, numbers[axis]);
    return Error{Code::malformed, "\"{}\" has {} coordinates, of which {} is none", cut_utf8(field, kKeyBytesShown),
                 numbers.size(), property.place.as};
}

PropertyReading unavailable(const PropertyConfig& property) {
    return {nothing(property.type), bad(Reason::silent),
            "the adapter has no value (UNAVAILABLE): the machine is off, or the adapter does not hear it"};
}

// Which field behind the key.
std::size_t field_of(As as) {
    switch (as) {
        case As::code:
        case As::message:
            return 1;
        case As::severity:
        case As::series:
            return 2;
        case As::qualifier:
            return 3;
        case As::text:
            return 4;
        default:
            return 0;
    }
}

// ---- the driver ----

class ShdrDriver final : public Driver {
public:
    PollPlan plan(std::shared_ptr<const PointSet> points) override;
    std::vector<Poll> split(std::uint32_t) override { return {}; }
    std::string describe(std::uint32_t) const override { return ""; }

    void begin_link() override;
    Result<Buffer> read(std::uint32_t) override { return only_heard(); }
    Result<Buffer> write(const DeviceConfig&, const PropertyConfig&, const Value&) override { return only_heard(); }
    Result<Buffer> read_back(const DeviceConfig&, const PropertyConfig&) override { return only_heard(); }
    bool may_have_written() const override { return false; }
    Result<Step> feed(Bytes) override { return More{}; }
    void abandon() override {}
    Error no_answer(std::int64_t milliseconds) const override;
    Result<Heard> hear(Bytes bytes) override;

    bool says_once() const override { return true; }
    DurationNs say_every() const override { return heartbeat_.value_or(kFirstHeartbeat); }
    Result<Buffer> say() override;

    Result<void> check_writes() const override { return only_heard(); }
    Result<void> check_write(const DeviceConfig&, const PropertyConfig&, const Value&) const override {
        return only_heard();
    }
    bool same(const PropertyConfig&, const Value& a, const Value& b) const override { return a == b; }

private:
    static Error only_heard() { return Error{Code::unsupported, "an adapter of MTConnect is only listened to"}; }
    const PropertyConfig& property_of(const Listener& listener) const { return *set_->points[listener.point].property; }
    Result<void> add_point(std::size_t index, const PropertyConfig& property);

    void on_line(std::string_view text, Heard& heard);
    void on_command(const Line& command);
    void on_values(const Line& line, Heard& heard);
    std::vector<Listener> listeners_of(const std::string& key);
    std::size_t width_of(const std::vector<Listener>& listeners, Fields after_key) const;
    void note_unknown(const std::string& key);
    void tell(const Listener& listener, const std::string& key, Fields fields, TimeNs time, Heard& heard);
    void tell_series(const Listener& listener, Fields fields, TimeNs time, Heard& heard);
    PropertyReading reading(const Listener& listener, const std::string& key, Fields fields);
    std::optional<Result<Value>> run_state(const Listener& listener, Fields fields);
    void fault(Heard& heard, std::string why);

    // Lane only.
    std::shared_ptr<const PointSet> set_;
    std::map<std::string, std::vector<Listener>, std::less<>> by_key_;
    std::map<std::size_t, Running> running_;      // by point
    std::map<std::size_t, std::size_t> keys_of_;  // how many keys a point has
    shdr::Cutter cutter_;
    std::string own_device_;  // as the adapter says
    int version_ = 1;         // of SHDR
    std::optional<DurationNs> heartbeat_;
    int pings_ = 0;  // since something came, or since the link was opened if there is no heartbeat
    // For people: what came since the link was opened.
    std::uint64_t lines_ = 0;
    std::set<std::string, std::less<>> unknown_;
    std::string last_fault_;
};

// ---- what is listened for ----

Result<void> ShdrDriver::add_point(std::size_t index, const PropertyConfig& property) {
    const As as = TRY(shdr::parse_as(property.place.as).context("point.as"));
    if (!shdr::holds(property.type, as))
        return Error{Code::invalid, "point.as: {} cannot be held by a property of type {}", property.place.as,
                     gongshu::to_string(property.type)};
    for (std::string& key : TRY(shdr::parse_keys(property.place.at, as).context("point.at"))) {
        const auto of_key = by_key_.try_emplace(std::move(key)).first;
        ++keys_of_[index];
        of_key->second.push_back({index, as, &of_key->first});
    }
    return {};
}

PollPlan ShdrDriver::plan(std::shared_ptr<const PointSet> points) {
    set_ = std::move(points);
    by_key_.clear();
    keys_of_.clear();
    unknown_.clear();  // but not what the machines do: the adapter says that once, and other devices make a new link
    PollPlan plan;
    for (std::size_t i = 0; i < set_->points.size(); ++i) {
        if (auto added = add_point(i, *set_->points[i].property); added)
            plan.heard.push_back(i);
        else
            plan.faults.push_back({i, std::move(added).error()});
    }
    return plan;
}

void ShdrDriver::begin_link() {
    running_.clear();
    cutter_.reset();
    own_device_.clear();
    version_ = 1;
    heartbeat_.reset();
    pings_ = 0;
    lines_ = 0;
    unknown_.clear();
    last_fault_.clear();
}

// With the device or without it, where it is the adapter's own.
std::vector<Listener> ShdrDriver::listeners_of(const std::string& key) {
    std::vector<Listener> all;
    const auto add = [&](std::string_view name) {
        const auto found = by_key_.find(name);
        if (found != by_key_.end()) all.insert(all.end(), found->second.begin(), found->second.end());
    };
    add(key);
    if (own_device_.empty()) return all;
    const shdr::Key parts = shdr::split_key(key);
    if (parts.device == own_device_) add(parts.name);
    if (parts.device.empty()) add(own_device_ + ":" + key);
    return all;
}

// How many fields stand behind a key. Who is not known has one, as in the first version; the second goes on by trying
// each field as a key.
std::size_t ShdrDriver::width_of(const std::vector<Listener>& listeners, Fields after_key) const {
    std::size_t width = listeners.empty() && version_ > 1 ? 0 : 1;
    const bool unavailable = !after_key.empty() && shdr::is_unavailable(after_key[0]) &&
                             (after_key.size() < 2 || !after_key[1].empty());
    for (const Listener& listener : listeners) {
        // The second version says the level of a condition, and all that belongs to it, on a line with other keys.
        const bool is_condition = listener.as == As::run_state && version_ > 1 && !after_key.empty() &&
                                  shdr::is_condition_level(after_key[0]);
        // A message or series that is not there has one field.
        const bool is_one = unavailable && (listener.as == As::message || listener.as == As::series);
        width = std::max(width, is_condition ? shdr::fields_of(As::level) : is_one ? 1 : shdr::fields_of(listener.as));
    }
    if (width <= 1 && shdr::looks_like_condition(after_key)) width = shdr::fields_of(As::level);
    return std::min(width, after_key.size());
}

void ShdrDriver::note_unknown(const std::string& key) {
    if (unknown_.size() < kUnknownMax && !key.empty()) unknown_.emplace(cut_utf8(key, kKeyBytesShown));
}

// ---- what comes ----

Result<Heard> ShdrDriver::hear(Bytes bytes) {
    Heard heard;
    const std::uint64_t broken = cutter_.broken();
    cutter_.feed(bytes, [&](std::string_view line) { on_line(line, heard); });
    if (cutter_.broken() == broken) return heard;
    heard.malformed += cutter_.broken() - broken;
    heard.fault = last_fault_ = cutter_.last_fault();
    return heard;
}

void ShdrDriver::fault(Heard& heard, std::string why) {
    ++heard.malformed;
    heard.fault = last_fault_ = std::move(why);
}

void ShdrDriver::on_line(std::string_view text, Heard& heard) {
    ++lines_;
    if (heartbeat_) pings_ = 0;
    const auto line = shdr::parse_line(text);
    if (!line) return fault(heard, fmt::format("a line of the adapter cannot be read: {}", line.error().text()));
    if (line->kind == Line::Kind::command) on_command(*line);
    if (line->kind == Line::Kind::values) on_values(*line, heard);
}

void ShdrDriver::on_command(const Line& command) {
    if (const auto beat = shdr::heartbeat_of(command)) {
        heartbeat_ = *beat;
        pings_ = 0;
    }
    if (command.name == "device") own_device_ = cut_utf8(command.value, 200);
    if (command.name == "shdrversion") version_ = command.value.starts_with('1') ? 1 : 2;
}

void ShdrDriver::on_values(const Line& line, Heard& heard) {
    if (!set_) return;
    const Fields fields(line.fields);
    for (std::size_t i = 0; i < fields.size();) {
        const std::string& key = fields[i];
        const Fields after = fields.subspan(i + 1);
        const auto listeners = listeners_of(key);
        if (listeners.empty()) note_unknown(key);
        const std::size_t width = width_of(listeners, after);
        if (!listeners.empty() && width == 0) return fault(heard, fmt::format("key \"{}\" has no value", key));
        for (const Listener& listener : listeners) tell(listener, key, after.first(width), line.time, heard);
        i += 1 + width;
        // In the first version what has several fields ends its line: a bar in a text was not marked.
        if (version_ == 1 && width > 1) return;
    }
}

void ShdrDriver::tell(const Listener& listener, const std::string& key, Fields fields, TimeNs time, Heard& heard) {
    if (listener.as == As::series && !shdr::is_unavailable(fields[0]))
        return tell_series(listener, fields, time, heard);
    if (listener.as != As::run_state)
        return heard.readings.push_back({listener.point, reading(listener, key, fields), time});
    if (auto state = run_state(listener, fields))
        heard.readings.push_back({listener.point, judge(property_of(listener), std::move(*state)), time});
}

// The line's time is that of the last value.
void ShdrDriver::tell_series(const Listener& listener, Fields fields, TimeNs time, Heard& heard) {
    const PropertyConfig& property = property_of(listener);
    const auto values =
        fields.size() < 3
            ? Result<std::vector<double>>(
                  Error{Code::malformed, "a time series is count, rate and values, found {} fields", fields.size()})
            : shdr::parse_numbers(fields[2]);
    const auto rate = shdr::parse_number(fields.size() < 2 ? std::string_view() : fields[1]);
    if (!values) {
        heard.readings.push_back({listener.point, judge(property, values.error()), time});
        return;
    }
    const bool has_times = time != 0 && rate && *rate > 0.001;
    for (std::size_t i = has_times || values->empty() ? 0 : values->size() - 1; i < values->size(); ++i) {
        const double before = has_times ? static_cast<double>(values->size() - 1 - i) / *rate : 0;
        const auto at = time - static_cast<DurationNs>(before * kSecond);
        heard.readings.push_back({listener.point, judge(property, scaled_value(property, (*values)[i])), at});
    }
}

PropertyReading ShdrDriver::reading(const Listener& listener, const std::string& key, Fields fields) {
    const PropertyConfig& property = property_of(listener);
    if (shdr::is_unavailable(fields[0]) && (listener.as != As::message || fields.size() == 1))
        return unavailable(property);
    const std::size_t at = field_of(listener.as);
    if (at >= fields.size())
        return judge(property, Error{Code::malformed, "{} of key \"{}\" is missing: it has {} fields",
                                     property.place.as, cut_utf8(key, kKeyBytesShown), fields.size()});
    if (shdr::is_unavailable(fields[at])) return unavailable(property);
    switch (listener.as) {
        case As::x:
        case As::y:
        case As::z:
            return judge(property, coordinate(property, fields[0],
                                              static_cast<std::size_t>(listener.as) - static_cast<std::size_t>(As::x)));
        default:
            return judge(property, value_of(property, fields[at]));
    }
}

// Nothing while it is not known: an adapter says one key after the other when a link is opened.
std::optional<Result<Value>> ShdrDriver::run_state(const Listener& listener, Fields fields) {
    const auto word = shdr::run_word(fields[0]);
    if (!word)
        return Error{Code::malformed, "\"{}\" does not say whether the machine runs: take the key of its EXECUTION",
                     cut_utf8(fields[0], kKeyBytesShown)};
    Running& running = running_[listener.point];
    Running::OfKey& of_key = running.keys[*listener.key];
    const bool is_condition = fields.size() > 1;
    std::set<std::string>& faults = of_key.faults;
    of_key.is_availability |= shdr::split_key(*listener.key).name == "avail";  // as nearly every adapter calls it
    const std::string code = is_condition ? std::string(cut_utf8(fields[1], kKeyBytesShown)) : "";
    if (word->state == RunState::alarm) {
        if (faults.size() < kFaultsMax) faults.insert(code);
    } else if (word->is_end) {
        // Only NORMAL without a code ends all of them; a warning ends the fault of its own code.
        if (!code.empty())
            faults.erase(code);
        else if (!word->is_warning)
            faults.clear();
        of_key.is_availability |= word->is_availability;
        of_key.said.reset();
    } else {
        faults.clear();
        of_key.said = word->state;
        of_key.is_state |= word->state != RunState::off;
    }
    const RunState state = running.state();
    running.is_told |= state == RunState::alarm || running.is_known(keys_of_[listener.point]);
    if (!running.is_told) return std::nullopt;
    return Value{std::string(shdr::to_string(state))};
}

// ---- the heartbeat ----

Result<Buffer> ShdrDriver::say() {
    constexpr std::string_view kPing = "* PING\n";
    if (heartbeat_ && pings_ >= kPingsMissed)
        return Error{Code::timeout, "the adapter has said nothing for {} ms, though it wants a heartbeat every {} ms",
                     kPingsMissed * *heartbeat_ / kMillisecond, *heartbeat_ / kMillisecond};
    if (!heartbeat_ && pings_ >= kPingsUnanswered) return Buffer{};
    ++pings_;
    return Buffer(kPing.begin(), kPing.end());
}

Error ShdrDriver::no_answer(std::int64_t milliseconds) const {
    std::string keys;
    for (const std::string& key : unknown_) keys += (keys.empty() ? "" : ", ") + key;
    if (!last_fault_.empty())
        return Error{Code::timeout, "nothing that is asked for came within {} ms: {}", milliseconds, last_fault_};
    if (!keys.empty())
        return Error{Code::timeout, "nothing that is asked for came within {} ms, but keys that no property names: {}",
                     milliseconds, keys};
    if (lines_ > 0) return Error{Code::timeout, "within {} ms not all came that is asked for", milliseconds};
    return Error{Code::timeout, "the adapter said nothing within {} ms: is it the port of the adapter, usually 7878?",
                 milliseconds};
}

}  // namespace

std::unique_ptr<Driver> make_shdr_driver(const LinkConfig&) { return std::make_unique<ShdrDriver>(); }

}  // namespace gongshu::connect
