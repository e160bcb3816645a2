#include "wire/json_door.h"

#include <simdjson.h>

#include <cmath>
#include <limits>

#include "wire/mqtt.h"

namespace gongshu::wire {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::string_view kind_name(element_type type) {
    switch (type) {
        case element_type::ARRAY:
            return "an array";
        case element_type::OBJECT:
            return "an object";
        case element_type::STRING:
            return "a text";
        case element_type::BOOL:
            return "a boolean";
        case element_type::NULL_VALUE:
            return "null";
        default:
            return "a number";
    }
}

// A number that the parser cannot hold stands in the text as a string with this before it. A payload with such a number
// whose texts begin so as well harms but itself.
constexpr std::string_view kOversized{"\0number ", 8};
constexpr std::string_view kOversizedJson = R"(\u0000number )";

// The number as it was written, if `from` stands for one that does not fit.
std::optional<Error> oversized(element from) {
    std::string_view text;
    if (from.get_string().get(text) != simdjson::SUCCESS || !text.starts_with(kOversized)) return std::nullopt;
    text.remove_prefix(kOversized.size());
    return Error{Code::invalid, "{}{} is a number that 64 bits do not hold", text.substr(0, 40),
                 text.size() > 40 ? "…" : ""};
}

bool is_scalar(element_type type) { return type != element_type::ARRAY && type != element_type::OBJECT; }

// A text, number or boolean as a Value; nullopt for null, arrays and objects.
std::optional<Value> scalar(element from) {
    switch (from.type()) {
        case element_type::INT64:
            return Value{from.get_int64().value_unsafe()};
        case element_type::UINT64:
            return Value{static_cast<double>(from.get_uint64().value_unsafe())};
        case element_type::DOUBLE:
            return Value{from.get_double().value_unsafe()};
        case element_type::BOOL:
            return Value{from.get_bool().value_unsafe()};
        case element_type::STRING:
            return Value{std::string(from.get_string().value_unsafe())};
        default:
            return std::nullopt;
    }
}

Result<TimeNs> time_from_text(std::string_view text, TimeUnit unit) {
    const bool digits =
        !text.empty() && text.size() <= 19 && text.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits) return parse_rfc3339(text);
    std::int64_t number = 0;
    for (const char c : text) {
        if (__builtin_mul_overflow(number, std::int64_t{10}, &number) ||
            __builtin_add_overflow(number, std::int64_t{c - '0'}, &number)) {
            return Error{Code::limit, "{} is more than 64 bits hold", text};
        }
    }
    return time_from_number(number, unit);
}

// What fractions of a second are written with: "1700000000.25".
Result<TimeNs> time_from_fraction(double number, TimeUnit unit) {
    const double whole = std::trunc(number);
    if (!(std::abs(whole) < 9e18)) return Error{Code::limit, "{} is outside of the years 1678 to 2262", number};
    const TimeNs start = TRY(time_from_number(static_cast<std::int64_t>(whole), unit));
    if (whole == number) return start;
    const TimeNs next = TRY(time_from_number(static_cast<std::int64_t>(whole) + 1, unit));
    return start + std::llround((number - whole) * static_cast<double>(next - start));
}

Result<TimeNs> read_time(element from, TimeUnit unit) {
    if (auto error = oversized(from)) return std::move(*error);
    switch (from.type()) {
        case element_type::INT64:
            return time_from_number(from.get_int64().value_unsafe(), unit);
        case element_type::DOUBLE:
            return time_from_fraction(from.get_double().value_unsafe(), unit);
        case element_type::STRING:
            return time_from_text(from.get_string().value_unsafe(), unit);
        default:
            return Error{Code::invalid, "expected a number or a text as RFC 3339 has it, found {}",
                         kind_name(from.type())};
    }
}

Result<Quality> read_quality(element from) {
    std::string_view text;
    if (from.get_string().get(text) != simdjson::SUCCESS) {
        return Error{Code::invalid, "expected a text such as \"good\" or \"bad:sensor\", found {}",
                     kind_name(from.type())};
    }
    const auto quality = parse_quality(text);
    if (!quality)
        return Error{Code::invalid, "\"{}\" is no quality; expected good, uncertain or bad, with a reason after ':'",
                     text};
    return *quality;
}

// Walks one payload. A class only to keep what every step needs; lives for one call.
class Payload {
public:
    Payload(const DoorLimits& limits, bool thingsboard)
        : limits_(limits), thingsboard_(thingsboard), unit_(thingsboard ? TimeUnit::ms : TimeUnit::by_magnitude) {}

    Result<DoorBody> read(element root) {
        if (root.type() == element_type::OBJECT) {
            TRY(read_entry(root));
            return std::move(body_);
        }
        simdjson::dom::array entries;
        if (root.get_array().get(entries) != simdjson::SUCCESS) {
            return Error{Code::invalid, "expected an object or an array of objects, found {}", kind_name(root.type())};
        }
        std::size_t index = 0;
        for (const element entry : entries) TRY(read_entry(entry).context("[{}]", index++));
        return std::move(body_);
    }

private:
    Result<void> read_entry(element from) {
        simdjson::dom::object object;
        if (from.get_object().get(object) != simdjson::SUCCESS) {
            return Error{Code::invalid, "expected an object, found {}", kind_name(from.type())};
        }
        simdjson::dom::object values;
        const bool wrapped = object["values"].get_object().get(values) == simdjson::SUCCESS;
        std::optional<TimeNs> time;
        element ts;
        const bool timed = (wrapped || !thingsboard_) && object["ts"].get(ts) == simdjson::SUCCESS;
        if (timed) time = TRY(read_time(ts, unit_).context("field \"ts\""));
        if (!wrapped) return read_fields(object, time, timed);
        for (const auto field : object) {
            if (field.key == "values" || field.key == "ts") continue;
            return Error{Code::invalid, "field \"{}\": stands beside \"values\"; expected \"ts\" and \"values\" alone",
                         field.key};
        }
        return read_fields(values, time, false);
    }

    Result<void> read_fields(simdjson::dom::object object, std::optional<TimeNs> time, bool skip_ts) {
        for (const auto field : object) {
            if (skip_ts && field.key == "ts") continue;
            std::string key(field.key);
            TRY(read_field(key, field.value, time, 2));
        }
        return {};
    }

    // `key` is the flattened name of `from`; longer while its children are read.
    Result<void> read_field(std::string& key, element from, std::optional<TimeNs> time, std::size_t depth) {
        if (depth > limits_.depth_max)
            return Error{Code::limit, "field \"{}\": nested deeper than {}", key, limits_.depth_max};
        if (from.type() == element_type::OBJECT) {
            const simdjson::dom::object object = from.get_object().value_unsafe();
            if (!thingsboard_ && is_described(object)) return read_described(key, object, time);
            for (const auto field : object) TRY(read_child(key, field.key, field.value, time, depth));
            return {};
        }
        if (from.type() == element_type::ARRAY) {
            std::size_t index = 0;
            const simdjson::dom::array children = from.get_array().value_unsafe();
            for (const element child : children) {
                TRY(read_child(key, std::to_string(index++), child, time, depth));
            }
            return {};
        }
        if (const auto error = oversized(from)) return add_fault(key, *error);
        const auto value = scalar(from);
        return value ? add(key, time, *value, kGood) : Result<void>{};
    }

    Result<void> read_child(std::string& key, std::string_view name, element from, std::optional<TimeNs> time,
                            std::size_t depth) {
        if (name.empty()) return Error{Code::invalid, "field \"{}\": holds an empty name", key};
        const std::size_t bytes = key.size();
        key.append(1, '.').append(name);
        TRY(read_field(key, from, time, depth + 1));
        key.resize(bytes);
        return {};
    }

    // {"value":…} with nothing but "quality" and "ts" beside it.
    static bool is_described(simdjson::dom::object object) {
        bool has_value = false;
        for (const auto field : object) {
            if (field.key == "value") {
                if (!is_scalar(field.value.type())) return false;
                has_value = true;
            } else if (field.key != "quality" && field.key != "ts") {
                return false;
            }
        }
        return has_value;
    }

    Result<void> read_described(const std::string& key, simdjson::dom::object object, std::optional<TimeNs> time) {
        Quality quality;
        std::optional<Value> value;
        for (const auto field : object) {
            if (field.key == "ts") time = TRY(read_time(field.value, unit_).context("field \"{}.ts\"", key));
            if (field.key == "quality") quality = TRY(read_quality(field.value).context("field \"{}.quality\"", key));
            if (field.key != "value") continue;
            if (const auto error = oversized(field.value)) return add_fault(key, *error);
            value = scalar(field.value);
        }
        if (!value && quality.grade != Grade::bad) return {};
        return add(key, time, value ? *value : Value{std::numeric_limits<double>::quiet_NaN()}, quality);
    }

    Result<void> add(const std::string& key, std::optional<TimeNs> time, const Value& value, Quality quality) {
        TRY(check(key));
        body_.readings.push_back({key, time, value, quality});
        return {};
    }

    Result<void> add_fault(const std::string& key, const Error& error) {
        TRY(check(key));
        body_.faults.push_back({key, fmt::format("field \"{}\": {}", key, error.text())});
        return {};
    }

    // The key, and room for one more.
    Result<void> check(const std::string& key) const {
        if (key.empty()) return Error{Code::invalid, "a field has an empty name"};
        if (key.size() > limits_.key_bytes_max) {
            return Error{Code::limit, "field \"{}…\": the name has {} bytes, at most {} are taken", key.substr(0, 40),
                         key.size(), limits_.key_bytes_max};
        }
        if (!mqtt::plain_utf8(key)) return Error{Code::invalid, "a field's name holds a control character"};
        if (body_.readings.size() + body_.faults.size() >= limits_.values_max) {
            return Error{Code::limit, "field \"{}\": more than {} values in one payload", key, limits_.values_max};
        }
        return {};
    }

    const DoorLimits& limits_;
    const bool thingsboard_;
    const TimeUnit unit_;
    DoorBody body_;
};

Result<WriteEntry> read_write_entry(element from, TimeUnit unit) {
    simdjson::dom::object object;
    if (from.get_object().get(object) != simdjson::SUCCESS) {
        return Error{Code::invalid, "expected an object, found {}", kind_name(from.type())};
    }
    WriteEntry entry;
    std::optional<Value> value;
    for (const auto field : object) {
        if (field.key == "tag") {
            std::string_view tag;
            if (field.value.get_string().get(tag) != simdjson::SUCCESS || tag.empty()) {
                return Error{Code::invalid, "tag: expected a tag's path, found {}", kind_name(field.value.type())};
            }
            if (!mqtt::plain_utf8(tag) || tag.size() > 4096) {
                return Error{Code::invalid, "tag: expected at most 4096 bytes without control characters"};
            }
            entry.tag = tag;
        } else if (field.key == "ts") {
            entry.time = TRY(read_time(field.value, unit).context("ts"));
        } else if (field.key == "value") {
            if (const auto error = oversized(field.value)) return Error{error->code(), "value: {}", error->text()};
            value = scalar(field.value);
            if (!value && field.value.type() != element_type::NULL_VALUE) {
                return Error{Code::invalid, "value: expected a number, text or boolean, found {}",
                             kind_name(field.value.type())};
            }
        } else if (field.key == "quality") {
            entry.quality = TRY(read_quality(field.value).context("quality"));
        } else {
            return Error{Code::invalid, "{}: not known here; expected tag, ts, value and quality", field.key};
        }
    }
    if (entry.tag.empty()) return Error{Code::invalid, "tag: is missing"};
    if (!value && entry.quality.grade != Grade::bad)
        return Error{Code::invalid, "value: is missing; only a bad quality goes without"};
    entry.value = value ? *value : Value{std::numeric_limits<double>::quiet_NaN()};
    return entry;
}

}  // namespace

class JsonDoor::Impl {
public:
    explicit Impl(DoorLimits limits) : limits_(limits) {}

    Result<element> parse(Bytes payload) {
        if (payload.size() > limits_.bytes_max) {
            return Error{Code::limit, "the payload has {} bytes, at most {} are taken", payload.size(),
                         limits_.bytes_max};
        }
        if (payload.empty()) return Error{Code::malformed, "{}", *json_fault({})};
        const auto parsed = parser_.parse(payload.data(), payload.size());
        if (parsed.error() == simdjson::SUCCESS) return parsed.value_unsafe();
        if (auto fault = json_fault(as_text(payload))) return Error{Code::malformed, "{}", *fault};
        const auto numbers = oversized_numbers(as_text(payload));
        if (!numbers.empty()) return parse_marked(as_text(payload), numbers);
        return Error{Code::malformed, "not JSON: {}", simdjson::error_message(parsed.error())};
    }

    Result<DoorBody> decode(Bytes payload, bool thingsboard) {
        return Payload{limits_, thingsboard}.read(TRY(parse(payload)));
    }

    // With numbers that do not fit as marked texts: one of them must not cost the payload its others.
    Result<element> parse_marked(std::string_view payload, const std::vector<TextRange>& numbers) {
        std::string marked;
        marked.reserve(payload.size() + numbers.size() * (kOversizedJson.size() + 2));
        std::size_t at = 0;
        for (const TextRange& number : numbers) {
            marked.append(payload.substr(at, number.begin - at)).append(1, '"').append(kOversizedJson);
            marked.append(payload.substr(number.begin, number.bytes)).push_back('"');
            at = number.begin + number.bytes;
        }
        marked.append(payload.substr(at));
        const auto parsed = parser_.parse(marked);
        if (parsed.error() == simdjson::SUCCESS) return parsed.value_unsafe();
        return Error{Code::malformed, "not JSON: {}", simdjson::error_message(parsed.error())};
    }

    const DoorLimits& limits() const { return limits_; }

private:
    const DoorLimits limits_;
    simdjson::dom::parser parser_;
};

JsonDoor::JsonDoor(DoorLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
JsonDoor::~JsonDoor() = default;
JsonDoor::JsonDoor(JsonDoor&&) noexcept = default;
JsonDoor& JsonDoor::operator=(JsonDoor&&) noexcept = default;

Result<DoorBody> JsonDoor::decode_gongshu(Bytes payload) { return impl_->decode(payload, false); }
Result<DoorBody> JsonDoor::decode_thingsboard(Bytes payload) { return impl_->decode(payload, true); }

Result<WriteBody> JsonDoor::decode_write(Bytes body, TimeUnit unit) {
    const element root = TRY(impl_->parse(body));
    WriteBody result;
    const auto take = [&](std::size_t index, element from) {
        auto entry = read_write_entry(from, unit);
        if (entry) {
            entry->index = index;
            result.entries.push_back(std::move(*entry));
        } else {
            result.faults.push_back({index, entry.error().text()});
        }
    };
    if (root.type() == element_type::OBJECT) {
        take(0, root);
        return result;
    }
    simdjson::dom::array entries;
    if (root.get_array().get(entries) != simdjson::SUCCESS) {
        return Error{Code::invalid, "expected an array of {{\"tag\",\"ts\",\"value\",\"quality\"}}, found {}",
                     kind_name(root.type())};
    }
    std::size_t index = 0;
    for (const element entry : entries) {
        if (index >= impl_->limits().values_max) {
            return Error{Code::limit, "more than {} entries in one body", impl_->limits().values_max};
        }
        take(index++, entry);
    }
    return result;
}

}  // namespace gongshu::wire
