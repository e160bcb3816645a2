#include "connect/cnc_points.h"

#include <algorithm>

#include "base/utf8.h"
#include "connect/named_place.h"
#include "wire/raw_number.h"

namespace gongshu::connect {

namespace shdr = wire::shdr;
using shdr::As;
using shdr::RunState;

namespace {

using Fields = CncPoints::Fields;

constexpr std::size_t kFaultsMax = 64;  // of one key at once
constexpr std::size_t kUnknownMax = 8;  // keys that are told
constexpr std::size_t kKeyBytesShown = 60;

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

}  // namespace

// What is known of what a machine is doing, by all the keys of a property.
struct CncPoints::Running {
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

// ---- what is listened for ----

Result<void> CncPoints::add_point(std::size_t index, const PropertyConfig& property) {
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

PollPlan CncPoints::plan(std::shared_ptr<const PointSet> points) {
    set_ = std::move(points);
    by_key_.clear();
    keys_of_.clear();
    unknown_.clear();  // but not what the machines do: it is said once, and other devices make a new link
    PollPlan plan;
    for (std::size_t i = 0; i < set_->points.size(); ++i) {
        if (auto added = add_point(i, *set_->points[i].property); added)
            plan.heard.push_back(i);
        else
            plan.faults.push_back({i, std::move(added).error()});
    }
    return plan;
}

void CncPoints::forget() {
    running_.clear();
    own_device_.clear();
    unknown_.clear();
}

void CncPoints::set_own_device(std::string_view device) { own_device_ = cut_utf8(device, 200); }

// With the device or without it, where it is the adapter's own.
std::vector<CncPoints::Listener> CncPoints::listeners_of(const std::string& key) const {
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

void CncPoints::note_unknown(const std::string& key) {
    if (unknown_.size() < kUnknownMax && !key.empty()) unknown_.emplace(cut_utf8(key, kKeyBytesShown));
}

std::string CncPoints::unknown() const {
    std::string keys;
    for (const std::string& key : unknown_) keys += (keys.empty() ? "" : ", ") + key;
    return keys;
}

// ---- what comes ----

void CncPoints::tell(const Listener& listener, const std::string& key, Fields fields, TimeNs time,
                     std::vector<PointReading>& readings) {
    if (listener.as == As::series && !shdr::is_unavailable(fields[0]))
        return tell_series(listener, fields, time, readings);
    if (listener.as != As::run_state)
        return readings.push_back({listener.point, reading(listener, key, fields), time});
    if (auto state = run_state(listener, fields))
        readings.push_back({listener.point, judge(property_of(listener), std::move(*state)), time});
}

// The line's time is that of the last value.
void CncPoints::tell_series(const Listener& listener, Fields fields, TimeNs time,
                            std::vector<PointReading>& readings) {
    const PropertyConfig& property = property_of(listener);
    const auto values =
        fields.size() < 3
            ? Result<std::vector<double>>(
                  Error{Code::malformed, "a time series is count, rate and values, found {} fields", fields.size()})
            : shdr::parse_numbers(fields[2]);
    const auto rate = shdr::parse_number(fields.size() < 2 ? std::string_view() : fields[1]);
    if (!values) {
        readings.push_back({listener.point, judge(property, values.error()), time});
        return;
    }
    const bool has_times = time != 0 && rate && *rate > 0.001;
    for (std::size_t i = has_times || values->empty() ? 0 : values->size() - 1; i < values->size(); ++i) {
        const double before = has_times ? static_cast<double>(values->size() - 1 - i) / *rate : 0;
        const auto at = time - static_cast<DurationNs>(before * kSecond);
        readings.push_back({listener.point, judge(property, scaled_value(property, (*values)[i])), at});
    }
}

PropertyReading CncPoints::reading(const Listener& listener, const std::string& key, Fields fields) const {
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
std::optional<Result<Value>> CncPoints::run_state(const Listener& listener, Fields fields) {
    const auto word = shdr::run_word(fields[0]);
    if (!word)
        return Error{Code::malformed, "\"{}\" does not say whether the machine runs: take the key of its EXECUTION",
                     cut_utf8(fields[0], kKeyBytesShown)};
    std::shared_ptr<Running>& kept = running_[listener.point];
    if (!kept) kept = std::make_shared<Running>();
    Running& running = *kept;
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

}  // namespace gongshu::connect
