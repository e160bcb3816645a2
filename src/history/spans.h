#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/interval.h"
#include "data/sink.h"

// What lasted and what was measured meanwhile: states of a tag, aggregates of tags within intervals, overlaps.
// All of it reads and computes at the question; nothing is stored.
namespace gongshu::history {

// The newest reading at or before `time`, at most `back` old; nullopt if there is none. Blocks.
Result<std::optional<Reading>> reading_before(const Reader& reader, TagId tag, TimeNs time, DurationNs back,
                                              const ReadPatience& patience = {});

// A stretch in which a tag kept its value; nullopt: nobody knows (no reading yet, a bad one, or one that became stale).
struct StateSpan {
    TimeNs from = 0;
    TimeNs to = 0;
    std::optional<std::string> state;
    friend bool operator==(const StateSpan&, const StateSpan&) = default;
};

struct StatesQuestion {
    TagId tag;
    Window window;                // not after now
    DurationNs stale_after = 0;   // a reading tells the state for so long; 0 = until the next one
    DurationNs back = 31 * kDay;  // how far before the window its first state is looked for
    std::uint64_t rows_max = 1'000'000;
    ReadPatience patience;
};
// Side by side they fill the window exactly; neighbours differ. Code::limit when there are more readings than rows_max.
Result<std::vector<StateSpan>> states_of(const Reader& reader, const StatesQuestion& question);
// The same of readings in hand: in order, the first one perhaps before the window.
std::vector<StateSpan> states_of_readings(std::span<const Reading> readings, Window window, DurationNs stale_after);

// How long in each state; the empty key is the time that nobody knows. Adds up to the window exactly.
std::map<std::optional<std::string>, DurationNs> time_in_state(const std::vector<StateSpan>& spans);

// Aggregates of one tag within one window. NaN: there is nothing to tell it from.
struct SpanAggregates {
    std::uint64_t count = 0;  // usable readings in the window
    double avg = 0, min = 0, max = 0, sum = 0, first = 0, last = 0;
    double delta = 0;    // last usable reading less the one that held at the beginning, or else the first within
    double twa = 0;      // average over time: each usable reading holds until the next one; bad ones and ends stop it
    double covered = 0;  // 0 … 1: part of the window that twa is of
};
inline constexpr std::string_view kSpanAggregates[] = {"avg",   "min",  "max",   "sum", "count",
                                                       "first", "last", "delta", "twa"};
double of(const SpanAggregates& aggregates, std::string_view name);
// `before` is the reading that held at the beginning, if one did.
SpanAggregates aggregate(std::span<const Reading> readings, const std::optional<Reading>& before, Window window);

struct AggregatesQuestion {
    std::vector<TagId> tags;
    std::vector<Window> windows;  // in any order; may overlap
    DurationNs back = kDay;       // how old the reading may be that held at a beginning
    std::uint64_t rows_max = 5'000'000;
    ReadPatience patience;
};
// [window][tag]. Code::limit when there are more readings than rows_max.
Result<std::vector<std::vector<SpanAggregates>>> aggregate_spans(const Reader& reader,
                                                                 const AggregatesQuestion& question);

// Two intervals, by their places in the lists, and what they share.
struct Overlap {
    std::size_t left = 0, right = 0;
    Window window;
    friend bool operator==(const Overlap&, const Overlap&) = default;
};
// Every pair that overlaps within `window`, where open ends at its end; in order of (beginning, left, right).
// Code::limit if there are more than `overlaps_max`. `together`: which pairs count; empty = all.
Result<std::vector<Overlap>> overlaps_of(std::span<const Interval> left, std::span<const Interval> right, Window window,
                                         std::size_t overlaps_max,
                                         const std::function<bool(const Interval&, const Interval&)>& together = {});

}  // namespace gongshu::history
