#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/declared.h"
#include "broker/left_out.h"
#include "wire/sparkplug.h"

namespace gongshu::broker {

// A metric as the last birth declared it.
struct BornMetric {
    std::string name;
    std::string property;  // the name of its tag; "" = it has none
    wire::sparkplug::Type type = wire::sparkplug::Type::unknown;
    std::string unit;
    std::optional<std::uint64_t> alias;
    std::string skipped;    // why it has no tag
    std::size_t index = 0;  // place in the birth
    // What is known of its tag, from one birth to the next.
    std::optional<TagTarget> target;
    std::optional<TagTarget> before;  // while `target` is looked up anew: where its readings are so far
    TimeNs newest = 0;  // of its readings; 0 = it has none
    bool bad = false;   // the newest one cannot be used: a gap, or no value
};

// An edge node itself or one of its devices.
struct SparkplugUnit {
    std::string device;   // "" = the edge node itself
    std::string path;     // of the device whose values its are
    bool rebind = false;  // that device may be another one now
    bool online = false;
    bool awaited = false;  // the edge node was born anew, it not yet
    TimeNs since = 0;      // of `online`
    std::string why;       // it is offline, "" = no reason is known
    std::vector<BornMetric> metrics;
    std::unordered_map<std::string, std::size_t> by_name;
    std::unordered_map<std::uint64_t, std::size_t> by_alias;
};

// What a message of an edge node means.
struct SparkplugTurn {
    bool refused = false;           // it cannot be used
    std::string problem;            // … why
    SparkplugUnit* unit = nullptr;  // whose metrics its values are; null = it brings none
    bool birth = false;
    std::vector<SparkplugUnit*> ended;  // whose readings have a gap from now on
    std::vector<BornMetric> gone;       // that the birth before had and this one has not
};

// SparkplugNode is the session of one edge node as a host application sees it: births, deaths, the sequence of its
// messages, and what it has to be asked for.
// Lives:   in SparkplugHost, from the first message of the edge node on.
// Threads: one.
// Bounds:  kDevicesMax devices; the metrics of a birth as wire::sparkplug::Limits.
// Disk:    none.
class SparkplugNode {
public:
    static constexpr std::size_t kDevicesMax = 1'000;
    // A rebirth is asked for so often at most; each time that it did not help for twice as long, up to kPauseMax.
    static constexpr DurationNs kPause = 10 * kSecond, kPauseMax = 5 * kMinute;

    explicit SparkplugNode(std::string group, std::string node);

    // `from` is the number of the session that sent it. What a birth could not use is told to `left_out`.
    SparkplugTurn take(const wire::sparkplug::Topic& topic, const wire::sparkplug::Payload& payload, std::uint64_t from,
                       TimeNs now, LeftOut& left_out);
    // A message that could not be decoded. After a birth of which nothing is known its values cannot be understood.
    SparkplugTurn take_broken(const wire::sparkplug::Topic& topic, TimeNs now);
    // Its connection is gone and said nothing.
    SparkplugTurn lost(std::string why, TimeNs now);

    // The metric of the birth that is meant; null, and told to `left_out`, if there is none.
    BornMetric* find(SparkplugUnit& unit, const wire::sparkplug::Metric& metric, LeftOut& left_out);
    void want_rebirth(std::string why);
    // True: it is to be asked for a rebirth now.
    bool ask_rebirth(DurationNs monotonic, TimeNs now);

    struct Numbers {
        bool online = false;
        TimeNs since = 0;  // of `online`
        std::string why;   // it is offline
        std::optional<std::uint64_t> bd_seq;
        std::optional<std::uint64_t> seq;  // of its newest message
        std::uint64_t births = 0;
        std::uint64_t lost = 0;  // times that the sequence had a gap
        std::uint64_t rebirths_asked = 0;
        TimeNs rebirth_at = 0;    // of the newest one, 0 = none
        std::string rebirth_why;  // of the newest one
        TimeNs last = 0;          // its newest message
        TimeNs born = 0;          // its newest NBIRTH, 0 = none
        // A rebirth is wanted and has not come.
        std::optional<TimeNs> stale_since;
        std::uint64_t session = 0;
    };
    const Numbers& numbers() const { return numbers_; }
    const std::string& group() const { return group_; }
    const std::string& node() const { return node_; }
    std::map<std::string, SparkplugUnit, std::less<>>& units() { return units_; }
    const std::map<std::string, SparkplugUnit, std::less<>>& units() const { return units_; }
    std::size_t metrics() const;

private:
    SparkplugTurn node_birth(const wire::sparkplug::Payload& payload, std::uint64_t from, TimeNs now,
                             LeftOut& left_out);
    SparkplugTurn node_death(const wire::sparkplug::Payload& payload, TimeNs now);
    SparkplugTurn device_birth(std::string_view device, const wire::sparkplug::Payload& payload, TimeNs now,
                               LeftOut& left_out);
    SparkplugTurn device_death(std::string_view device, TimeNs now);
    SparkplugTurn data(const wire::sparkplug::Topic& topic, TimeNs now);
    void follow(std::uint64_t seq);
    static void fill(SparkplugUnit& unit, const wire::sparkplug::Payload& payload, SparkplugTurn& turn,
                     LeftOut& left_out);
    void end(SparkplugUnit& unit, std::string_view why, TimeNs now, SparkplugTurn& turn);
    void end_all(std::string_view why, TimeNs now, SparkplugTurn& turn);

    const std::string group_, node_;
    Numbers numbers_;
    std::map<std::string, SparkplugUnit, std::less<>> units_;  // by device; "" is always there
    DurationNs asked_at_ = 0;  // monotonic
    std::uint32_t asked_in_a_row_ = 0;
};

// Metrics that say something to the edge node or of its session: no tags.
bool is_control_metric(std::string_view name);

}  // namespace gongshu::broker
