#include "broker/mapping_propose.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "registry/json.h"

namespace gongshu::broker {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return out;
}

// What people call such things, in the order in which they are believed.
constexpr std::array<std::string_view, 9> kTimes = {"ts",         "timestamp",  "time", "datetime", "date",
                                                    "time_stamp", "sampletime", "at",   "t"};
constexpr std::array<std::string_view, 12> kNames = {"tag",  "name", "key",  "property", "point", "metric",
                                                     "code", "n",    "item", "param",    "id",    "label"};
constexpr std::array<std::string_view, 4> kValues = {"value", "v", "val", "data"};
constexpr std::array<std::string_view, 4> kQualities = {"quality", "q", "status", "st"};
constexpr std::array<std::string_view, 8> kDevices = {"device",  "deviceid",  "device_id", "dev",
                                                      "machine", "equipment", "sn",        "station"};

bool is_scalar(const Json& json) { return !json.is_object() && !json.is_array() && !json.is_null(); }

// The member of that name whose value `fits`; "" = none.
template <std::size_t Count, class Fits>
std::string find_member(const JsonObject& object, const std::array<std::string_view, Count>& names, Fits fits) {
    for (const std::string_view name : names) {
        for (const auto& member : object) {
            if (lower({member.key().data(), member.key().size()}) == name && fits(member.value())) return member.key();
        }
    }
    return "";
}

bool is_time(const Json& json) {
    if (json.is_number()) return json.to_number<double>() > 1e8;
    if (!json.is_string()) return false;
    const std::string_view text{json.get_string()};
    return text.size() >= 10 && wire::parse_local_stamp(text.substr(0, 19)).has_value();
}

// A text time that says no zone needs one.
bool lacks_zone(const Json& json) {
    return json.is_string() && wire::parse_local_stamp(std::string_view{json.get_string()}).has_value();
}

std::string step(std::string_view name) {
    const bool plain = !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
               (static_cast<unsigned char>(c) & 0x80) != 0;
    });
    if (plain) return fmt::format(".{}", name);
    return name.find('\'') == std::string_view::npos ? fmt::format("['{}']", name) : fmt::format("[\"{}\"]", name);
}

// Makes one mapping. Lives for one call.
class Proposal {
public:
    Proposal(std::string_view topic, bool by_device, MappingSpec& spec) : spec_(spec) {
        read_topic(topic);
        if (!by_device) return;
        spec_.devices = true;
        place_ = "{device}";
    }

    void read(const Json& root) {
        if (root.is_object()) {
            read_object("$", root.get_object());
        } else if (root.is_array()) {
            read_list("$", root.get_array());
        } else {
            add("$", place_ + ".value", "");
        }
    }

    void add_plain() { add("$", place_ + ".value", ""); }

private:
    // The levels between the first and the last are taken for names of places.
    void read_topic(std::string_view topic) {
        std::vector<std::string> levels;
        for (std::size_t at = 0; at <= topic.size();) {
            const std::size_t slash = std::min(topic.find('/', at), topic.size());
            levels.emplace_back(topic.substr(at, slash - at));
            at = slash + 1;
        }
        std::string pattern;
        for (std::size_t i = 0; i < levels.size(); ++i) {
            const bool named = i > 0 && i + 1 < levels.size() && !levels[i].empty();
            const std::string name = fmt::format("l{}", i + 1);
            pattern.append(i > 0 ? "/" : "").append(named ? "{" + name + "}" : levels[i]);
            const bool placed = named || (!levels[i].empty() && (i == 0 || levels.size() <= 2));
            if (placed) place_.append(place_.empty() ? "" : "/").append(named ? "{" + name + "}" : safe(levels[i]));
        }
        spec_.topic = pattern;
        if (place_.empty()) place_ = "mqtt";
    }

    static std::string safe(std::string text) {
        for (char& c : text) {
            if (c == '*' || c == '?' || c == '{' || c == '}' || c == '.') c = '_';
        }
        return text;
    }

    void read_object(const std::string& at, const JsonObject& object) {
        take_time(at, object);
        const std::string place = device_place(at, object);
        // A list of objects holds the readings; beside it are things of all of them.
        for (const auto& member : object) {
            if (!member.value().is_array() || member.value().get_array().empty()) continue;
            if (!member.value().get_array()[0].is_object()) continue;
            return read_list(at + step({member.key().data(), member.key().size()}), member.value().get_array());
        }
        const std::string name = find_member(object, kNames, [](const Json& json) { return json.is_string(); });
        const std::string value = find_member(object, kValues, is_scalar);
        if (!name.empty() && !value.empty()) {
            const std::string quality = find_member(object, kQualities, is_scalar);
            return add(at + step(value), fmt::format("{}.{{{}}}", place, at + step(name)),
                       quality.empty() ? "" : at + step(quality));
        }
        add(at + (is_flat(object) ? ".*" : ".**"), place + ".{key}", "");
    }

    void read_list(const std::string& at, const JsonArray& list) {
        const std::string each = at + "[*]";
        if (list.empty() || !list[0].is_object()) return add(each, place_ + ".p{key}", "");
        const JsonObject& first = list[0].get_object();
        take_time(each, first);
        const std::string place = device_place(each, first);
        const std::string name = find_member(first, kNames, [](const Json& json) { return json.is_string(); });
        const std::string value = find_member(first, kValues, is_scalar);
        if (!name.empty() && !value.empty()) {
            const std::string quality = find_member(first, kQualities, is_scalar);
            return add(each + step(value), fmt::format("{}.{{{}}}", place, each + step(name)),
                       quality.empty() ? "" : each + step(quality));
        }
        // {"ts":…,"values":{…}}
        for (const auto& member : first) {
            if (!member.value().is_object()) continue;
            const auto& inner = member.value().get_object();
            const std::string in = each + step({member.key().data(), member.key().size()});
            return add(in + (is_flat(inner) ? ".*" : ".**"), place + ".{key}", "");
        }
        add(each + ".*", place + ".{key}", "");
    }

    static bool is_flat(const JsonObject& object) {
        return std::ranges::none_of(object,
                                    [](const auto& one) { return one.value().is_object() || one.value().is_array(); });
    }

    void take_time(const std::string& at, const JsonObject& object) {
        const std::string name = find_member(object, kTimes, is_time);
        if (name.empty()) return;
        time_ = at + step(name);
        if (lacks_zone(object.at(name))) spec_.zone = "UTC";
    }

    std::string device_place(const std::string& at, const JsonObject& object) const {
        const std::string device = find_member(object, kDevices, [](const Json& json) {
            return (json.is_string() && !json.get_string().empty()) || json.is_int64();
        });
        return device.empty() ? place_ : fmt::format("{}/{{{}}}", place_, at + step(device));
    }

    void add(std::string value, std::string tag, std::string quality) {
        MappingTake take;
        take.value = std::move(value);
        take.tag = std::move(tag);
        if (!quality.empty()) take.quality = std::move(quality);
        if (!time_.empty()) take.time = time_;
        // The time of the whole message stands at the message.
        if (take.time && take.time->find("[*]") == std::string::npos)
            spec_.time = std::exchange(take.time, std::nullopt);
        spec_.take = {take};
    }

    MappingSpec& spec_;
    std::string place_;  // template of the device's path
    std::string time_;
};

MappingSpec propose(std::string_view topic, std::string_view payload, bool by_device) {
    MappingSpec spec;
    Proposal proposal{topic, by_device, spec};
    if (const auto json = registry::parse_json(payload)) {
        proposal.read(*json);
    } else {
        spec.format = MappingFormat::text;
        proposal.add_plain();
    }
    if (Mapping::create("", spec)) return spec;
    // A payload or topic of a shape that nobody thought of: something that can be stored, to begin with.
    MappingSpec plain;
    plain.topic = wire::parse_topic_pattern(topic) ? std::string(topic) : "my/topic";
    plain.devices = by_device;
    plain.take = {MappingTake{}};
    plain.take[0].value = "$.**";
    plain.take[0].tag = by_device ? "{device}.{key}" : "mqtt.{key}";
    return plain;
}

}  // namespace

MappingSpec propose_mapping(std::string_view topic, std::string_view payload) { return propose(topic, payload, false); }

MappingSpec propose_device_mapping(std::string_view topic, std::string_view payload) {
    return propose(topic, payload, true);
}

}  // namespace gongshu::broker
