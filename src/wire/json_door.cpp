#include "wire/json_door.h"

#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/assert.h"
#include "wire/json_parts.h"
#include "wire/mqtt.h"

namespace gongshu::wire {
namespace {

using namespace json_parts;

enum class Form : std::uint8_t { gongshu, thingsboard, jetlinks };

// Walks one payload. A class only to keep what every step needs; lives for one call.
class Payload {
public:
    Payload(const DoorLimits& limits, Form form)
        : limits_(limits), form_(form), unit_(form == Form::gongshu ? TimeUnit::by_magnitude : TimeUnit::ms) {}

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

    Result<DoorBody> read_report(element root) {
        const auto object = TRY(object_of(root));
        const auto at = TRY(read_timestamp(object));
        bool success = true;
        if (object["success"].get_bool().get(success) == simdjson::SUCCESS && !success) return std::move(body_);
        element properties;
        if (object["properties"].get(properties) != simdjson::SUCCESS) {
            return Error{Code::invalid,
                         "field \"properties\": is missing; expected {{\"properties\":{{\"name\":value}}}}"};
        }
        const auto values = TRY(object_of(properties).context("field \"properties\""));
        simdjson::dom::object times;
        // Looked up by name for each property: an object of this library would be walked each time.
        std::unordered_map<std::string_view, element> times_of;
        if (object["propertySourceTimes"].get_object().get(times) == simdjson::SUCCESS)
            for (const auto field : times) times_of.emplace(field.key, field.value);
        for (const auto field : values) {
            std::optional<TimeNs> time = at;
            if (const auto own = times_of.find(field.key); own != times_of.end())
                time = TRY(read_time(own->second, unit_).context("field \"propertySourceTimes.{}\"", field.key));
            std::string key(field.key);
            TRY(read_field(key, field.value, time, 2));
        }
        return std::move(body_);
    }

    Result<DoorBody> read_event(element root, std::string_view event) {
        const auto object = TRY(object_of(root));
        const auto at = TRY(read_timestamp(object));
        element data;
        if (object["data"].get(data) != simdjson::SUCCESS)
            return Error{Code::invalid, "field \"data\": is missing; expected {{\"timestamp\":…,\"data\":…}}"};
        std::string key = fmt::format("event.{}", event);
        TRY(read_field(key, data, at, 2));
        return std::move(body_);
    }

    Result<DoorBody> read_presence(element root, bool online) {
        const auto object = TRY(object_of(root));
        TRY(add("online", TRY(read_timestamp(object)), Value{online}, kGood));
        return std::move(body_);
    }

private:
    static Result<simdjson::dom::object> object_of(element from) {
        simdjson::dom::object object;
        if (from.get_object().get(object) == simdjson::SUCCESS) return object;
        return Error{Code::invalid, "expected an object, found {}", kind_name(from.type())};
    }

    // 0 is what JetLinks' own library sends when nobody set it.
    Result<std::optional<TimeNs>> read_timestamp(simdjson::dom::object object) const {
        element from;
        if (object["timestamp"].get(from) != simdjson::SUCCESS || from.is_null()) return std::optional<TimeNs>{};
        const TimeNs time = TRY(read_time(from, unit_).context("field \"timestamp\""));
        return time == 0 ? std::optional<TimeNs>{} : std::optional{time};
    }

    Result<void> read_entry(element from) {
        simdjson::dom::object object;
        if (from.get_object().get(object) != simdjson::SUCCESS) {
            return Error{Code::invalid, "expected an object, found {}", kind_name(from.type())};
        }
        simdjson::dom::object values;
        const bool wrapped = object["values"].get_object().get(values) == simdjson::SUCCESS;
        std::optional<TimeNs> time;
        element ts;
        const bool timed = (wrapped || form_ == Form::gongshu) && object["ts"].get(ts) == simdjson::SUCCESS;
        const bool columns = wrapped && timed && form_ == Form::gongshu && ts.is_array();
        if (timed && !columns) time = TRY(read_time(ts, unit_).context("field \"ts\""));
        if (!wrapped) return read_fields(object, time, timed);
        for (const auto field : object) {
            if (field.key == "values" || field.key == "ts") continue;
            return Error{Code::invalid, "field \"{}\": stands beside \"values\"; expected \"ts\" and \"values\" alone",
                         field.key};
        }
        return columns ? read_columns(values, ts) : read_fields(values, time, false);
    }

    // {"ts":[…],"values":{"temp":[…]}}: the values of each property stand beside the times.
    Result<void> read_columns(simdjson::dom::object values, element ts) {
        std::vector<TimeNs> times;
        const simdjson::dom::array stamps = ts.get_array().value_unsafe();
        for (const element one : stamps) {
            if (times.size() >= limits_.values_max)
                return Error{Code::limit, "field \"ts\": more than {} times in one payload", limits_.values_max};
            times.push_back(TRY(read_time(one, unit_).context("field \"ts[{}]\"", times.size())));
        }
        for (const auto field : values) {
            simdjson::dom::array column;
            if (field.value.get_array().get(column) != simdjson::SUCCESS) {
                return Error{Code::invalid,
                             "field \"values.{}\": expected an array of {} values, as \"ts\" is one, found {}",
                             field.key, times.size(), kind_name(field.value.type())};
            }
            std::size_t index = 0;
            for (const element one : column) {
                if (index < times.size()) {
                    std::string key(field.key);
                    TRY(read_field(key, one, times[index], 3));
                }
                ++index;
            }
            if (index != times.size()) {
                return Error{Code::invalid, "field \"values.{}\": has {} values for {} times in \"ts\"", field.key,
                             index, times.size()};
            }
        }
        return {};
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
            if (form_ == Form::gongshu && is_described(object)) return read_described(key, object, time);
            for (const auto field : object) TRY(read_child(key, field.key, field.value, time, depth));
            return {};
        }
        if (from.type() == element_type::ARRAY) {
            std::size_t index = 0;
            const simdjson::dom::array children = from.get_array().value_unsafe();
            if (form_ == Form::gongshu && is_over_time(children)) {
                for (const element child : children) TRY(read_described(key, child.get_object().value_unsafe(), time));
                return {};
            }
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

    // [{"ts":…,"value":…},…]
    static bool is_over_time(simdjson::dom::array children) {
        bool any = false;
        for (const element child : children) {
            simdjson::dom::object object;
            element ts;
            if (child.get_object().get(object) != simdjson::SUCCESS || !is_described(object) ||
                object["ts"].get(ts) != simdjson::SUCCESS)
                return false;
            any = true;
        }
        return any;
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
    const Form form_;
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
            if (field.value.get_string().get(tag) != simdjson::SUCCESS) {
                return Error{Code::invalid, "tag: expected a tag's path, found {}", kind_name(field.value.type())};
            }
            if (tag.empty()) return Error{Code::invalid, "tag: expected a tag's path, found an empty text"};
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

    Result<element> parse(Bytes payload) { return json_parts::parse(parser_, payload, limits_.bytes_max); }

    Result<DoorBody> decode(Bytes payload, Form form) { return Payload{limits_, form}.read(TRY(parse(payload))); }

    Result<DoorBody> decode_jetlinks(Bytes payload, JetLinksTopic::What what, std::string_view event_id) {
        using enum JetLinksTopic::What;
        Payload reader{limits_, Form::jetlinks};
        if (what == report) return reader.read_report(TRY(parse(payload)));
        if (what == event) return reader.read_event(TRY(parse(payload)), event_id);
        ASSERT(what != other);  // it tells no readings
        return reader.read_presence(TRY(parse(payload.empty() ? as_bytes("{}") : payload)), what == online);
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

Result<DoorBody> JsonDoor::decode_gongshu(Bytes payload) { return impl_->decode(payload, Form::gongshu); }
Result<DoorBody> JsonDoor::decode_thingsboard(Bytes payload) { return impl_->decode(payload, Form::thingsboard); }
Result<DoorBody> JsonDoor::decode_jetlinks(Bytes payload, JetLinksTopic::What what, std::string_view event) {
    return impl_->decode_jetlinks(payload, what, event);
}

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
