#include "history/spans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace gongshu::history {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
constexpr DurationNs kFirstLook = kMinute;  // backwards; each look further back is eight times as long
constexpr std::uint64_t kLookRows = 200'000;

Result<std::vector<Reading>> read_rows(const Reader& reader, TagId tag, Window window, std::uint64_t rows_max,
                                       const ReadPatience& patience) {
    ReadRequest request;
    request.tags = {tag};
    request.window = window;
    request.rows_max = rows_max;
    request.patience = patience;
    const std::vector<Series> series = TRY(reader.read(request));
    std::vector<Reading> readings;
    if (series.empty()) return readings;
    readings.reserve(series[0].rows.size());
    for (std::size_t i = 0; i < series[0].rows.size(); ++i) readings.push_back(series[0].rows.reading(i));
    return readings;
}

TimeNs minus(TimeNs time, DurationNs length) {
    TimeNs result = 0;
    return __builtin_sub_overflow(time, length, &result) ? std::numeric_limits<TimeNs>::min() : result;
}

TimeNs plus(TimeNs time, DurationNs length) {
    TimeNs result = 0;
    return __builtin_add_overflow(time, length, &result) ? std::numeric_limits<TimeNs>::max() : result;
}

std::optional<std::string> state_of(const Reading& reading) {
    if (!reading.quality.usable()) return std::nullopt;
    return to_string(reading.value);
}

void add_span(std::vector<StateSpan>& spans, StateSpan span) {
    if (span.to <= span.from) return;
    if (!spans.empty() && spans.back().state == span.state)
        spans.back().to = span.to;
    else
        spans.push_back(std::move(span));
}

}  // namespace

Result<std::optional<Reading>> reading_before(const Reader& reader, TagId tag, TimeNs time, DurationNs back,
                                              const ReadPatience& patience) {
    const TimeNs earliest = minus(time, back);
    TimeNs end = plus(time, 1);
    for (DurationNs length = std::min(kFirstLook, std::max<DurationNs>(back, 1)); end > earliest;) {
        const TimeNs begin = std::max(earliest, minus(end, length));
        auto rows = read_rows(reader, tag, {begin, end}, kLookRows, patience);
        if (!rows && rows.error().code() == Code::limit && length > 1) {  // many of them: closer to the end
            length = std::max<DurationNs>(1, length / 16);
            continue;
        }
        if (!rows) return std::move(rows).error();
        if (!rows->empty()) return std::optional{std::move(rows->back())};
        end = begin;
        length = length > back / 8 ? std::max<DurationNs>(back, 1) : length * 8;
    }
    return std::optional<Reading>{};
}

std::vector<StateSpan> states_of_readings(std::span<const Reading> readings, Window window, DurationNs stale_after) {
    std::vector<StateSpan> spans;
    if (window.empty()) return spans;
    TimeNs at = window.from;  // up to here it is told
    std::optional<std::string> state;
    TimeNs holds_to = window.from;
    const auto tell_to = [&](TimeNs end) {
        end = std::min(end, window.to);
        const TimeNs known = std::clamp(holds_to, at, std::max(at, end));
        if (state) add_span(spans, {at, known, state});
        const TimeNs from = state ? known : at;
        add_span(spans, {from, end, std::nullopt});
        at = std::max(at, end);
    };
    for (const Reading& reading : readings) {
        if (reading.time >= window.to) break;
        if (reading.time > at) tell_to(reading.time);
        state = state_of(reading);
        holds_to = stale_after > 0 ? plus(reading.time, stale_after) : window.to;
    }
    tell_to(window.to);
    return spans;
}

Result<std::vector<StateSpan>> states_of(const Reader& reader, const StatesQuestion& question) {
    if (question.window.empty()) return std::vector<StateSpan>{};
    const DurationNs back = question.stale_after > 0 ? std::min(question.back, question.stale_after) : question.back;
    auto before = TRY(reading_before(reader, question.tag, minus(question.window.from, 1), back, question.patience));
    std::vector<Reading> readings = TRY(read_rows(reader, question.tag, question.window, question.rows_max, question.patience));
    if (before) readings.insert(readings.begin(), std::move(*before));
    return states_of_readings(readings, question.window, question.stale_after);
}

std::map<std::optional<std::string>, DurationNs> time_in_state(const std::vector<StateSpan>& spans) {
    std::map<std::optional<std::string>, DurationNs> times;
    for (const StateSpan& span : spans) times[span.state] += span.to - span.from;
    return times;
}

double of(const SpanAggregates& aggregates, std::string_view name) {
    const std::pair<std::string_view, double> values[] = {
        {"avg", aggregates.avg},     {"min", aggregates.min},     {"max", aggregates.max},
        {"sum", aggregates.sum},     {"first", aggregates.first}, {"last", aggregates.last},
        {"delta", aggregates.delta}, {"twa", aggregates.twa},     {"count", static_cast<double>(aggregates.count)}};
    for (const auto& [known, value] : values)
        if (known == name) return value;
    return kNothing;
}

SpanAggregates aggregate(std::span<const Reading> readings, const std::optional<Reading>& before, Window window) {
    SpanAggregates sums;
    sums.avg = sums.min = sums.max = sums.sum = sums.first = sums.last = sums.delta = sums.twa = kNothing;
    const auto usable = [](const Reading& reading) {
        const auto number = reading.quality.usable() ? as_number(reading.value) : std::nullopt;
        return number && std::isfinite(*number) ? number : std::nullopt;
    };
    std::optional<double> held = before ? usable(*before) : std::nullopt;
    std::optional<double> start = held;
    TimeNs since = window.from;
    double area = 0, covered = 0;
    const auto hold_to = [&](TimeNs time) {
        if (held && time > since) {
            const double length = static_cast<double>(time - since);
            area += *held * length;
            covered += length;
        }
        since = time;
    };
    for (const Reading& reading : readings) {
        if (!window.contains(reading.time)) continue;
        const auto number = usable(reading);
        hold_to(reading.time);
        held = number;
        if (!number) continue;
        if (sums.count++ == 0) {
            sums.first = sums.min = sums.max = *number;
            sums.sum = 0;
        }
        if (!start) start = number;
        sums.min = std::min(sums.min, *number);
        sums.max = std::max(sums.max, *number);
        sums.sum += *number;
        sums.last = *number;
    }
    hold_to(window.to);
    if (sums.count > 0) {
        sums.avg = sums.sum / static_cast<double>(sums.count);
        sums.delta = sums.last - *start;
    }
    if (covered > 0) {
        sums.twa = area / covered;
        sums.covered = covered / static_cast<double>(window.to - window.from);
    }
    return sums;
}

Result<std::vector<std::vector<SpanAggregates>>> aggregate_spans(const Reader& reader,
                                                                 const AggregatesQuestion& question) {
    std::vector<std::vector<SpanAggregates>> all(question.windows.size());
    std::uint64_t left = question.rows_max;
    for (std::size_t i = 0; i < question.windows.size(); ++i) {
        const Window window = question.windows[i];
        for (const TagId tag : question.tags) {
            if (window.empty()) {
                all[i].push_back(aggregate({}, std::nullopt, {0, 1}));
                continue;
            }
            const auto before = TRY(reading_before(reader, tag, minus(window.from, 1), question.back, question.patience));
            auto readings = read_rows(reader, tag, window, left, question.patience);
            if (!readings && readings.error().code() == Code::limit)
                return Error{Code::limit,
                             "more than {} readings lie in these intervals: ask for fewer intervals, tags or less time",
                             question.rows_max};
            if (!readings) return std::move(readings).error();
            left -= std::min<std::uint64_t>(left, readings->size());
            all[i].push_back(aggregate(*readings, before, window));
        }
    }
    return all;
}

Result<std::vector<Overlap>> overlaps_of(std::span<const Interval> left, std::span<const Interval> right, Window window,
                                         std::size_t overlaps_max,
                                         const std::function<bool(const Interval&, const Interval&)>& together) {
    const auto clipped = [&](const Interval& one) {
        return Window{std::max(one.from, window.from), std::min(one.to.value_or(window.to), window.to)};
    };
    // The right ones by their beginnings, and the furthest end of those before, so that a look back can stop.
    std::vector<std::pair<Window, std::size_t>> sorted;
    for (std::size_t i = 0; i < right.size(); ++i)
        if (const Window span = clipped(right[i]); !span.empty()) sorted.emplace_back(span, i);
    std::ranges::sort(sorted, {}, [](const auto& one) { return std::tuple{one.first.from, one.second}; });
    std::vector<TimeNs> furthest(sorted.size());
    for (std::size_t i = 0; i < sorted.size(); ++i)
        furthest[i] = std::max(sorted[i].first.to, i > 0 ? furthest[i - 1] : std::numeric_limits<TimeNs>::min());
    std::vector<Overlap> found;
    for (std::size_t i = 0; i < left.size(); ++i) {
        const Window span = clipped(left[i]);
        if (span.empty()) continue;
        auto at = std::ranges::lower_bound(sorted, span.to, {}, [](const auto& one) { return one.first.from; });
        while (at != sorted.begin()) {
            --at;
            if (furthest[static_cast<std::size_t>(at - sorted.begin())] <= span.from) break;
            if (!at->first.overlaps(span) || (together && !together(left[i], right[at->second]))) continue;
            if (found.size() >= overlaps_max)
                return Error{Code::limit, "more than {} pairs overlap: ask for less time, another kind or asset",
                             overlaps_max};
            found.push_back({i, at->second, {std::max(at->first.from, span.from), std::min(at->first.to, span.to)}});
        }
    }
    std::ranges::sort(found, {}, [](const Overlap& one) { return std::tuple{one.window.from, one.left, one.right}; });
    return found;
}

}  // namespace gongshu::history
