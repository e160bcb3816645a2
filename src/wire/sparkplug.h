#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "data/quality.h"
#include "data/value.h"

// Sparkplug B 3.0: its topics, and its payloads (sparkplug_b.proto) without a library of Protocol Buffers.
namespace gongshu::wire::sparkplug {

inline constexpr std::string_view kNamespace = "spBv1.0/";

// ---- topics ---------------------------------------------------------------------------------------------------------

enum class Message : std::uint8_t { nbirth, ndata, ndeath, dbirth, ddata, ddeath, ncmd, dcmd, state };
std::string_view to_string(Message message);  // "NBIRTH"
// Of a device of an edge node; the others are the edge node's own.
constexpr bool of_device(Message message) {
    return message == Message::dbirth || message == Message::ddata || message == Message::ddeath ||
           message == Message::dcmd;
}

// spBv1.0/{group}/{message}/{node}[/{device}] or spBv1.0/STATE/{host}. The views are of the topic.
struct Topic {
    Message message = Message::state;
    std::string_view group, node;
    std::string_view device;  // "" = the edge node itself
    std::string_view host;    // of STATE alone
};

// Whether a topic claims to be one: those that parse_topic() refuses are mistakes.
constexpr bool is_topic(std::string_view topic) { return topic.starts_with(kNamespace); }
// Code::invalid with what is wrong: the level, what was found, what was expected.
Result<Topic> parse_topic(std::string_view topic);
std::string make_topic(const Topic& topic);
// The edge node whose commands a filter names, without what it says behind the node: "spBv1.0/g/NCMD/n",
// "spBv1.0/g/DCMD/n" and "spBv1.0/g/DCMD/n/d". nullopt: it names no single node.
std::optional<Topic> parse_command_filter(std::string_view filter);

// ---- payloads -------------------------------------------------------------------------------------------------------

enum class Type : std::uint8_t {  // as on the wire
    unknown = 0,
    int8 = 1,
    int16 = 2,
    int32 = 3,
    int64 = 4,
    uint8 = 5,
    uint16 = 6,
    uint32 = 7,
    uint64 = 8,
    real32 = 9,
    real64 = 10,
    boolean = 11,
    string = 12,
    date_time = 13,
    text = 14,
    uuid = 15,
    data_set = 16,
    bytes = 17,
    file = 18,
    template_ = 19,
    property_set = 20,
    property_set_list = 21,
    // 22 to 34 are arrays
};
std::string to_string(Type type);  // "Int16"; "Type 77" of one that the specification does not know

// The type of a tag that keeps such values; nullopt: no tag can.
std::optional<ValueType> tag_type(Type type);
// Why no tag keeps such values, "" = one does.
std::string why_not_kept(Type type);

// A value as it lies in the message; what it says depends on the type, which a later message may leave out.
struct RawValue {
    std::uint8_t field = 0;  // its number within a metric: 10 int, 11 long, 12 float, … 19; 0 = there is none
    std::uint64_t number = 0;
    std::string_view bytes;
    std::size_t at = 0;  // byte of the payload behind it
};

struct Metric {
    std::size_t index = 0;  // place in the payload, from 0
    std::size_t at = 0;     // byte of the payload where it begins
    std::string_view name;  // "" = only an alias
    std::optional<std::uint64_t> alias;
    std::optional<std::int64_t> time_ms;
    std::optional<std::uint32_t> datatype;
    bool historical = false;
    bool transient = false;
    bool null = false;
    std::string_view unit;                // of property engUnit and its like, "" = none
    std::optional<std::int64_t> quality;  // of property Quality: 0 bad, 192 good, 500 stale
    RawValue value;
};

// Views point into the payload.
struct Payload {
    std::optional<std::int64_t> time_ms;
    std::optional<std::uint64_t> seq;
    std::string_view uuid;
    std::size_t body_bytes = 0;
    std::vector<Metric> metrics;
};

struct Limits {
    std::size_t metrics_max = 20'000;      // of one payload
    std::size_t name_bytes_max = 512;      // of a metric; also of a unit
    std::size_t text_bytes_max = 1 << 16;  // of one value
    std::size_t properties_max = 200;      // of one metric, with those of sets in them
    std::size_t depth_max = 8;             // of sets of properties in one another
};

// Code::malformed for what is no such payload ("metric 3 (Motor/Temp), byte 41: …"), Code::limit past a limit. What a
// value holds is not looked at: see value_of(). Data sets, templates, files and metadata are passed over.
Result<Payload> decode(Bytes payload, const Limits& limits = {});

// What the metric says, as `type`. Code::invalid for one that does not fit ("metric 3 (Motor/Temp), byte 41: …"),
// Code::unsupported for a type that no tag keeps. Whole numbers are integers (signed ones in two's complement of their
// field), floats the number that they were meant to be, times RFC 3339 text. Not for a metric that is null or has no
// value.
Result<Value> value_of(const Metric& metric, Type type, const Limits& limits = {});

// For commands and tests. A metric without a name is sent without one; properties are not written.
std::string encode(const Payload& payload);
// The metric's value made of `value`, which must fit; `text` keeps what the view needs. For tests and commands.
Result<RawValue> raw_of(const Value& value, Type type);

// How a metric is called in an error: "metric 3 (Motor/Temp)" or "metric 3 (alias 7)".
std::string place_of(const Metric& metric);

// ---- names ----------------------------------------------------------------------------------------------------------

// An ID of a group, node or device as one level of a path: what a path cannot hold ('.', '*', '?', '%', control
// characters) is %-encoded, so that two IDs never become one name.
std::string path_part(std::string_view id);
// The name of a metric as the property of a tag: '/' between two names becomes '.', as members of nested JSON are
// named; any other '/' and what a tag cannot hold is %-encoded. No two names become one.
std::string property_name(std::string_view metric);

}  // namespace gongshu::wire::sparkplug
