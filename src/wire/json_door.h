#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "data/quality.h"
#include "data/value.h"
#include "wire/jetlinks.h"

namespace gongshu::wire {

// What whole numbers in "ts" mean. by_magnitude: below 1e11 seconds, below 1e14 ms, below 1e17 us, else ns.
enum class TimeUnit : std::uint8_t { by_magnitude, s, ms, us, ns };
std::optional<TimeUnit> parse_time_unit(std::string_view name);  // "s" "ms" "us" "ns"

// RFC 3339 with zone ("2026-03-01T08:00:00.25+08:00", "…Z", lower case and a blank for T accepted; digits past ns are
// dropped; :60 is read as :59). Code::malformed, or Code::limit outside of 1678 … 2262.
Result<TimeNs> parse_rfc3339(std::string_view text);
// A whole number in `unit` since 1970 as ns; Code::limit outside of 1678 … 2262.
Result<TimeNs> time_from_number(std::int64_t number, TimeUnit unit);

struct DoorLimits {
    std::size_t bytes_max = 4 << 20;
    std::size_t depth_max = 16;        // of objects and arrays in one another
    std::size_t values_max = 100'000;  // readings a payload
    std::size_t key_bytes_max = 1024;  // flattened, dots included
};

// One value of a payload. Nested objects are flattened: {"motor":{"temp":1}} gives "motor.temp".
struct DoorReading {
    std::string key;
    std::optional<TimeNs> time;  // absent: the receiver's clock
    Value value;                 // whole numbers as integer, others as number
    Quality quality;
};

// One value of a payload that cannot be kept; the others are.
struct DoorFault {
    std::string key;  // as DoorReading has it
    std::string text;
};
struct DoorBody {
    std::vector<DoorReading> readings;
    std::vector<DoorFault> faults;
};

// The type of a tag that begins with `value`. JSON has one kind of number: 21 and 21.5 are the same property. A tag
// that begins with a whole number is therefore a number, unless the value needs all 64 bits.
inline ValueType type_of_json(const Value& value) {
    constexpr std::int64_t kExact = std::int64_t{1} << 53;
    const auto* whole = std::get_if<std::int64_t>(&value);
    return whole && *whole >= -kExact && *whole <= kExact ? ValueType::number : type_of(value);
}

// One entry of POST /api/v1/write/json.
struct WriteEntry {
    std::size_t index = 0;  // place in the array
    std::string tag;
    std::optional<TimeNs> time;
    Value value;
    Quality quality;
};
struct WriteFault {
    std::size_t index = 0;
    std::string text;  // names the field
};
// Good entries are kept beside the faults of the others.
struct WriteBody {
    std::vector<WriteEntry> entries;
    std::vector<WriteFault> faults;
};

// JsonDoor reads JSON payloads of devices and of the write interface. Errors are Code::malformed for what is not JSON
// ("byte 17: …"), Code::invalid for JSON of the wrong shape (naming the field), Code::limit for what is too much.
// Lives:   one per lane or request; keeps its parser's memory between calls.
// Threads: one at a time.
// Bounds:  DoorLimits.
// Disk:    none.
class JsonDoor {
public:
    explicit JsonDoor(DoorLimits limits = {});
    ~JsonDoor();
    JsonDoor(JsonDoor&&) noexcept;
    JsonDoor& operator=(JsonDoor&&) noexcept;

    // {"temperature":21.5,"running":true}, {"ts":…,"values":{…}} or an array of those. "ts" (also in the first form) is
    // RFC 3339 or a number by magnitude. A value may be {"value":…,"quality":"bad:sensor","ts":…}; null is an absent
    // value and skipped unless it has a bad quality (then NaN). An array of such objects, each with "ts", is the
    // property over time: {"temp":[{"ts":…,"value":…},…]}. Other arrays are flattened by index: "phases.0". An object
    // is of the second form when it has an object named "values"; with an array as "ts" each of its values is an array
    // of as many:
    // {"ts":[…,…],"values":{"temp":[1,2]}}.
    // A number that 64 bits do not hold (1e400, 30 digits) is a fault of its key.
    Result<DoorBody> decode_gongshu(Bytes payload);
    // ThingsBoard's telemetry: {"k":v}, {"ts":ms,"values":{…}}, arrays of those. "ts" is in ms, and in the first form
    // an ordinary key.
    Result<DoorBody> decode_thingsboard(Bytes payload);
    // JetLinks' official protocol, `what` said by the topic. report: {"timestamp":ms,"properties":{…},
    // "propertySourceTimes":{"k":ms}}; a reply with "success":false tells nothing. event: {"timestamp":ms,"data":…}
    // gives "event.<id>" or "event.<id>.<member>". online, offline: the boolean "online", also with an empty payload.
    // "timestamp" absent or 0: the receiver's clock.
    Result<DoorBody> decode_jetlinks(Bytes payload, JetLinksTopic::What what, std::string_view event = {});
    // [{"tag":…,"ts":…,"value":…,"quality":…}] or one such object. An error is for the whole body; single entries that
    // are wrong become faults.
    Result<WriteBody> decode_write(Bytes body, TimeUnit unit = TimeUnit::by_magnitude);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// Where JSON text breaks RFC 8259 first ("byte 17: expected ':' after the name, found '}'"); nullopt if it does not.
// Depth at most 64.
std::optional<std::string> json_fault(std::string_view text);

// Where the numbers of valid JSON text are that neither 64-bit whole numbers nor doubles hold, in order. Depth at most
// 64.
struct TextRange {
    std::size_t begin = 0;
    std::size_t bytes = 0;
};
std::vector<TextRange> oversized_numbers(std::string_view text);

}  // namespace gongshu::wire
