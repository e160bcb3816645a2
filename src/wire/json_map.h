#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/json_door.h"
#include "wire/json_path.h"

namespace gongshu::wire {

struct MapLimits {
    std::size_t bytes_max = 1 << 20;   // of a message
    std::size_t rows_max = 10'000;     // a message
    std::size_t depth_max = 16;        // that .** goes down
    std::size_t tag_bytes_max = 1000;  // of a tag's path
    std::size_t faults_max = 100;      // told one by one
};

// What the message itself is before paths apply.
enum class MapFormat : std::uint8_t {
    json,
    number,  // the payload is one number, "21.5": the message is that number
    text,    // the payload is a text
};

// One thing to take of a message. A wildcard over members does not take those that time, quality, tag or only_if name.
// Paths as JsonPath has them; "" = not said. A path with wildcards follows those of
// `value`: $.data[*].ts beside $.data[*].v is the time of the same element.
struct MapTake {
    std::string value;  // where the values are
    std::string tag;    // template of the tag's path
    std::string time;   // where its time is; else the message's
    std::string quality;
    std::string only_if;            // tests of the same element are written with the same wildcards
    std::optional<ValueType> type;  // turned into it
    double scale = 1, offset = 0;   // of numbers: value = found * scale + offset
};

struct MapSpec {
    MapFormat format = MapFormat::json;
    std::vector<std::string> captures;  // names of the topic's levels
    std::string only_if;
    std::string time;
    TimeUnit time_unit = TimeUnit::by_magnitude;
    // Texts without a zone: seconds of a wall clock as UTC; nullopt where clocks skip them. Empty: such texts are
    // faults.
    std::function<std::optional<std::int64_t>(std::int64_t local_seconds)> zone;
    std::vector<MapTake> takes;
};

struct MapRow {
    std::size_t take = 0;  // index in MapSpec::takes
    std::string tag;
    std::optional<TimeNs> time;  // absent: the receiver's clock
    Value value;
    Quality quality;
    std::string place;  // "$.data[3].v", only if asked for
};

struct MapBody {
    std::vector<MapRow> rows;
    std::vector<std::string> faults;  // of single values; the others are kept
    std::size_t more_faults = 0;      // beyond those told
    bool skipped = false;             // only_if says that the message is none of this mapping's
};

// A compiled MapSpec. Constant, any thread.
class JsonMap {
public:
    // Code::invalid begins with the field: "take[1].time: column 3: …".
    static Result<std::shared_ptr<const JsonMap>> create(MapSpec spec);

    // A member beside those that a wildcard stands for: it is the time, the quality, a part of the tag or tested.
    struct Used {
        std::size_t step = 0;
        std::string member;
    };
    struct Take {
        MapTake spec;
        JsonPath value;
        TagTemplate tag;
        std::optional<JsonPath> time, quality;
        std::vector<JsonTest> only_if;
        std::vector<Used> used;  // no values of theirs

        bool is_used(std::size_t step, std::string_view member) const;
    };
    const MapSpec& spec() const { return spec_; }
    const std::vector<Take>& takes() const { return takes_; }
    const std::optional<JsonPath>& time() const { return time_; }
    const std::vector<JsonTest>& only_if() const { return only_if_; }

private:
    MapSpec spec_;
    std::vector<Take> takes_;
    std::optional<JsonPath> time_;
    std::vector<JsonTest> only_if_;
};

// What is known of a message besides its payload.
struct MapInput {
    std::vector<std::string_view> captures;  // as MapSpec::captures names them
    std::string_view device;                 // path of the device that sent it; "" = none
    bool want_places = false;
};

// JsonMapper takes messages apart as a JsonMap says.
// Lives:   one per lane or request; keeps its parser's memory between calls.
// Threads: one at a time.
// Bounds:  MapLimits.
// Disk:    none.
class JsonMapper {
public:
    explicit JsonMapper(MapLimits limits = {});
    ~JsonMapper();
    JsonMapper(JsonMapper&&) noexcept;
    JsonMapper& operator=(JsonMapper&&) noexcept;

    // An error is for the whole message: Code::malformed for what is not JSON, Code::limit for what is too much,
    // Code::invalid if none of the takes found anything to take, which says what is there instead.
    Result<MapBody> run(const JsonMap& map, Bytes payload, const MapInput& input);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// "2026-03-01 08:00:00.25" as seconds of a wall clock and nanoseconds behind them; date and time may stand apart by T
// or a blank, the date's parts by - or /. nullopt if it is none or outside of 1678 … 2261.
struct LocalStamp {
    std::int64_t seconds = 0;
    std::int64_t ns = 0;
};
std::optional<LocalStamp> parse_local_stamp(std::string_view text);

}  // namespace gongshu::wire
