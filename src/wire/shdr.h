#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "data/value.h"

// SHDR, in which adapters of MTConnect tell what CNC machines do: lines of fields between bars, over TCP. No sockets,
// no clock.
//
//   2026-11-23T02:03:04.5Z|execution|ACTIVE|Xact|-1.176      the sender's time, then keys and values
//   2026-11-23T02:03:04Z@12.5|pcount|0:DAY                   what was measured over 12.5 s; a counter that was reset
//   |line|412     1204.5|line|412                            without a time; ms since the adapter's start
//   …|cnc1:line|412                                          of one of several devices
//   …|htemp|WARNING|HTEMP|1|HIGH|Oil temperature high        a condition: level, native code, severity, qualifier, text
//   …|change|CHG_INSRT|Change inserts                        a message: native code, text
//   …|current|10|100|1 2 3 4 5 6 7 8 9 10                    a time series: count, rate in Hz, values
//   …|note|"a \| in it"                                      quoted, where a bar is part of the value
//   …|@ASSET@|K1|CuttingTool|--multiline--0FED               an asset, up to a line that is --multiline--0FED
//   * PONG 10000     * shdrVersion: 2                        commands
//
// Nothing in a line says how many values belong to a key: who reads it has to know.
// Looked up in the documentation of the MTConnect C++ agent ("Adapter Agent Protocol").
namespace gongshu::wire::shdr {

inline constexpr std::uint16_t kPort = 7878;
inline constexpr std::size_t kLineBytesMax = 64 * 1024;
inline constexpr std::size_t kFieldsMax = 4096;
inline constexpr std::size_t kAssetBytesMax = 4 << 20;  // of one of many lines
inline constexpr std::size_t kSamplesMax = 10'000;
// What an adapter may ask for as its heartbeat.
inline constexpr DurationNs kHeartbeatMin = 100 * kMillisecond, kHeartbeatMax = 30 * kMinute;

// ---- lines ----

struct Line {
    enum class Kind : std::uint8_t {
        values,   // keys and values, after a time
        command,  // "* …"
        asset,    // a tool, a program: nothing that is measured
    };
    Kind kind = Kind::values;
    TimeNs time = 0;  // the sender's; 0 = it said none, or one that only means something to itself
    std::optional<double> duration_s;
    std::vector<std::string> fields;  // of values: without the time; quotes and escapes taken off
    std::string name, value;          // of a command: "PONG" and "10000", "shdrversion" (small letters) and "2"
};
// One line without its end. Code::malformed says what is wrong with it, Code::limit that it has too many fields.
Result<Line> parse_line(std::string_view line);
// As an adapter writes it, without its end: fields with a bar or a quote are quoted.
std::string write_line(const Line& line);

// "cnc1:line" is ("cnc1", "line"); without a device that is "".
struct Key {
    std::string_view device, name;
    friend bool operator==(const Key&, const Key&) = default;
};
Key split_key(std::string_view key);

// "* PONG 10000": how often it wants to hear us. nullopt if it is no time between kHeartbeatMin and kHeartbeatMax.
std::optional<DurationNs> heartbeat_of(const Line& command);

// ---- values ----

// UNAVAILABLE in any case of letters: the adapter has no value.
bool is_unavailable(std::string_view field);
// The level of a condition.
bool is_level(std::string_view field);

// A field as a number: "1.5", "1e3", "12:DAY" of a counter that was reset. Code::malformed for anything else,
// infinities too.
Result<double> parse_number(std::string_view field);
// The same as a whole number; 12.0 is one.
Result<std::int64_t> parse_integer(std::string_view field);
// The values of a time series, or the coordinates of a place. Code::malformed, Code::limit past kSamplesMax.
Result<std::vector<double>> parse_numbers(std::string_view field);

// What a machine is doing, in the words of all machines.
enum class RunState : std::uint8_t { run, idle, alarm, off };
std::string_view to_string(RunState state);
// What a word says of it: of EXECUTION (ACTIVE, READY, FEED_HOLD …), of EMERGENCY_STOP (TRIGGERED), the level of a
// condition (FAULT), UNAVAILABLE. `is_end`: only that there is no alarm (ARMED, NORMAL, WARNING, AVAILABLE); nullopt
// for others, such as the modes of a controller (AUTOMATIC), in which it may run or not.
struct RunWord {
    RunState state = RunState::idle;
    bool is_end = false;           // it ends what was wrong, and says nothing else
    bool is_warning = false;       // of these, WARNING
    bool is_availability = false;  // of these, AVAILABLE
};
std::optional<RunWord> run_word(std::string_view word);
// NORMAL, WARNING or FAULT: what only a condition says.
bool is_condition_level(std::string_view field);

// Whether what stands behind a key that nobody knows is a condition: a level and four fields more, of which the first
// is empty (as no key is) or which end the line.
bool looks_like_condition(std::span<const std::string> after_key);

// ---- what is taken of a key ----

// What a property is, as people write it.
enum class As : std::uint8_t {
    value,      // "": the value
    run_state,  // run, idle, alarm or off, of one key or of several
    level,
    code,
    severity,
    qualifier,
    text,  // of a condition
    message,
    message_code,  // of a message
    series,        // each value of a time series, with its time
    x,
    y,
    z,  // of a place: "100.5 200.3 0"
};
// Code::invalid says what there is.
Result<As> parse_as(std::string_view text);
std::string_view to_string(As as);
// How many fields stand behind a key that is such.
std::size_t fields_of(As as);
// Whether a property of this type can be it.
bool holds(ValueType type, As as);

inline constexpr std::size_t kKeysMax = 8;  // of a run_state
// "execution", "cnc1:execution"; of a run_state also several between commas: "execution, estop, system". Code::invalid.
Result<std::vector<std::string>> parse_keys(std::string_view at, As as);

// ---- bytes ----

// Cutter cuts received bytes into lines and leaves assets of many lines out.
// Lives:   one per link. Threads: none of its own. Bounds: holds one line.
class Cutter {
public:
    using OnLine = std::function<void(std::string_view)>;  // valid during the callback, which must not destroy it
    // Takes bytes in any split; calls `on_line` once per line that is not empty, without its end, in order. Of an asset
    // of many lines only the first one comes.
    void feed(Bytes received, const OnLine& on_line);
    void reset() { *this = {}; }

    std::size_t buffered_bytes() const { return buffer_.size(); }
    // Lines that were too long, assets that did not end.
    std::uint64_t broken() const { return broken_; }
    // What was wrong with the last of them; "" = nothing yet.
    const std::string& last_fault() const { return last_fault_; }

private:
    void add(std::string_view piece);
    void end_line(const OnLine& on_line);
    bool is_in_asset(std::string_view line);
    void fault(std::string why);

    std::string buffer_;
    bool is_overlong_ = false;
    std::string asset_end_;  // the line that ends the asset; empty: none is under way
    std::size_t asset_bytes_ = 0;
    std::uint64_t broken_ = 0;
    std::string last_fault_;
};

}  // namespace gongshu::wire::shdr
