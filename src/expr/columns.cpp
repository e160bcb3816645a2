// A program over columns: every node becomes steps over all of time, in the order of the program. What a stream finds
// out as time goes by (a reading that leaves a window, the end of a hold) is here a step among the others.
#include "expr/columns.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/assert.h"
#include "expr/machine.h"
#include "expr/steps.h"

namespace gongshu::expr {
namespace {

constexpr std::size_t kPieceRows = 8192;

bool ascending(std::span<const TimeNs> times) {
    return std::adjacent_find(times.begin(), times.end(), std::greater_equal<>{}) == times.end();
}

// One tag's readings in order of time, one for each time.
struct Readings {
    Times shared_times;  // of `times`, once clip() is done
    std::vector<TimeNs> times_;
    const std::vector<TimeNs>& times() const { return shared_times ? *shared_times : times_; }
    std::vector<Cell> cells;         // empty if plain
    std::vector<double> numbers;     // if plain: numbers that are all good
    std::vector<Quality> qualities;  // empty: all good
    Kind kind = Kind::number;
    bool plain = false;
    Cell at(std::size_t i) const {
        if (!plain) return cells[i];
        return {.kind = kind, .known = true, .number = numbers[i]};
    }
    Quality quality(std::size_t i) const { return qualities.empty() ? kGood : qualities[i]; }
};

class Runner {
public:
    Runner(const ProgramImpl& program, std::span<const Input> inputs, const RunOptions& options)
        : program_(program), live_(live_nodes(program)), steps_max_(options.steps_max), until_(options.until) {
        ASSERT(inputs.size() == program.tags_.size());
        for (std::size_t i = 0; i < inputs.size(); ++i) readings_.push_back(read(inputs[i], program.tags_[i]));
        for (const Readings& readings : readings_) {
            if (readings.times().empty()) continue;
            begin_ = std::min(begin_, readings.times().front());
            last_ = std::max(last_, readings.times().back());
        }
        if (until_ == INT64_MAX) until_ = last_;
        clip();
    }

    // No reading at all: there is no time either.
    bool empty() const { return begin_ > until_; }

    Steps run() {
        std::vector<Steps> steps(program_.nodes_.size());
        const std::vector<std::size_t> last_use = last_uses();
        for (std::size_t i = 0; i < steps.size(); ++i) {
            if (!live_[i]) continue;
            steps_ = 0;
            steps[i] = node(program_.nodes_[i], steps);
            for (std::size_t kid = 0; kid < i; ++kid)
                if (last_use[kid] == i) steps[kid] = {};
        }
        return std::move(steps.back());
    }

    bool cut() const { return cut_; }

    // When any tag has a reading.
    Times reading_times() const { return times_of(~std::uint64_t{0}); }

private:
    Cell cell(const Input& input, const ProgramTag& tag, std::size_t i, Quality& quality) {
        quality = input.qualities.empty() ? kGood : input.qualities[i];
        switch (input.type) {
            case ValueType::text:
                kept_.emplace_back(input.texts[i]);
                return input_cell(tag, kept_.back(), quality);
            case ValueType::integer:
                return input_cell(tag, Value{input.integers[i]}, quality);
            case ValueType::boolean:
                return input_cell(tag, Value{input.numbers[i] != 0}, quality);
            case ValueType::number:
                break;
        }
        if (!std::isfinite(input.numbers[i])) quality = worse(quality, bad(Reason::range));
        return input_cell(tag, Value{input.numbers[i]}, quality);
    }

    Readings read(const Input& input, const ProgramTag& tag) {
        Readings out;
        const std::size_t n = input.times.size();
        const bool numbers = input.type == ValueType::number && tag.known && tag.type == ValueType::number;
        const bool in_order = ascending(input.times);
        if (numbers && in_order && input.qualities.empty() &&
            std::ranges::all_of(input.numbers, [](double x) { return std::isfinite(x); })) {
            out.times_.assign(input.times.begin(), input.times.end());
            out.numbers.assign(input.numbers.begin(), input.numbers.end());
            out.plain = true;
            return out;
        }
        std::vector<std::size_t> order(n);
        std::iota(order.begin(), order.end(), std::size_t{0});
        if (!in_order)
            std::ranges::stable_sort(order,
                                     [&](std::size_t a, std::size_t b) { return input.times[a] < input.times[b]; });
        for (std::size_t k = 0; k < n; ++k) {
            const std::size_t i = order[k];
            if (k + 1 < n && input.times[order[k + 1]] == input.times[i]) continue;  // a later one has its time
            Quality quality;
            out.cells.push_back(cell(input, tag, i, quality));
            out.times_.push_back(input.times[i]);
            out.qualities.push_back(quality);
        }
        return out;
    }

    // What is after the end is not there.
    void clip() {
        for (Readings& readings : readings_) {
            const auto end = std::ranges::upper_bound(readings.times_, until_);
            const auto n = static_cast<std::size_t>(end - readings.times_.begin());
            readings.times_.resize(n);
            if (readings.plain)
                readings.numbers.resize(n);
            else
                readings.cells.resize(n);
            if (!readings.qualities.empty()) readings.qualities.resize(n);
            readings.shared_times = std::make_shared<const std::vector<TimeNs>>(std::move(readings.times_));
        }
    }

    std::vector<std::size_t> last_uses() const {
        std::vector<std::size_t> last(program_.nodes_.size());
        for (std::size_t i = 0; i < last.size(); ++i) {
            if (!live_[i]) continue;
            const Node& node = program_.nodes_[i];
            const std::uint16_t kids[] = {node.a, node.b, node.c};
            for (int kid = 0; kid < kids_of(node.op); ++kid) last[kids[kid]] = i;
            const Source* source = source_of(program_, node);
            if (source && !source->is_tag) last[source->node] = i;
        }
        return last;
    }

    // When any of the tags has a reading.
    Times times_of(std::uint64_t tags) const {
        Times all;
        for (std::size_t i = 0; i < readings_.size(); ++i) {
            const Times& one = readings_[i].shared_times;
            if ((tags >> i & 1) == 0 || one->empty()) continue;
            if (!all) {
                all = one;
            } else if (*all != *one) {
                std::vector<TimeNs> both;
                both.reserve(all->size() + one->size());
                std::set_union(all->begin(), all->end(), one->begin(), one->end(), std::back_inserter(both));
                all = std::make_shared<const std::vector<TimeNs>>(std::move(both));
            }
        }
        return all ? all : std::make_shared<const std::vector<TimeNs>>();
    }

    Steps node(const Node& node, const std::vector<Steps>& steps) {
        if (is_constant(node.op)) return one(constant_cell(program_, node));
        if (is_pure(node.op)) {
            const int kids = kids_of(node.op);
            return apply_steps(program_, node, steps[node.a], kids > 1 ? &steps[node.b] : nullptr,
                               kids > 2 ? &steps[node.c] : nullptr, texts_);
        }
        switch (node.op) {
            case NodeOp::tag:
                return tag(readings_[node.index]);
            case NodeOp::quality:
            case NodeOp::reading_time:
                return about(node, readings_[node.index]);
            case NodeOp::since:
            case NodeOp::since_compare:
                return since(node, readings_[node.index]);
            case NodeOp::window:
                return window(program_.windows_[node.index], steps);
            case NodeOp::step_window: {
                const WindowSpec& spec = program_.step_windows_[node.index];
                return spec.aggregate == Aggregate::count_true ? turns(spec, steps) : step_window(spec, steps);
            }
            case NodeOp::lag:
                return lag(program_.lags_[node.index], steps);
            case NodeOp::changed:
                return changed(program_.changes_[node.index], steps);
            case NodeOp::hold:
                return hold(node, steps[node.a]);
            default:
                return clock(node);
        }
    }

    Steps one(const Cell& cell) {
        StepsBuilder builder{texts_};
        builder.push(begin_, cell);
        return builder.take();
    }

    StepsBuilder begun(const Cell& cell, std::size_t expected) {
        StepsBuilder builder{texts_};
        builder.reserve(expected);
        builder.push(begin_, cell);
        return builder;
    }

    Steps tag(const Readings& readings) {
        if (readings.plain && !readings.times().empty() && readings.times().front() == begin_)
            return {.times = readings.shared_times, .kind = readings.kind, .numbers = readings.numbers};
        StepsBuilder builder = begun(missing_cell(), readings.times().size() + 1);
        for (std::size_t i = 0; i < readings.times().size(); ++i) builder.push(readings.times()[i], readings.at(i));
        return builder.take();
    }

    Steps about(const Node& node, const Readings& readings) {
        StepsBuilder builder = begun(missing_cell(), readings.times().size() + 1);
        for (std::size_t i = 0; i < readings.times().size(); ++i)
            builder.push(readings.times()[i], node.op == NodeOp::quality ? quality_cell(true, readings.quality(i))
                                                                         : time_cell(readings.times()[i], kGood));
        return builder.take();
    }

    Steps since(const Node& node, const Readings& readings) {
        StepsBuilder builder = begun(missing_cell(), readings.times().size() + 1);
        for (std::size_t i = 0; i < readings.times().size(); ++i) {
            const TimeNs seen = readings.times()[i];
            const TimeNs end = i + 1 < readings.times().size() ? readings.times()[i + 1] - 1 : until_;
            if (node.op == NodeOp::since) {
                for (DurationNs elapsed = 0; elapsed <= end - seen && (elapsed == 0 || may_step()); elapsed += kSecond)
                    builder.push(seen + elapsed, number_cell(static_cast<double>(elapsed / kSecond), kGood));
                continue;
            }
            builder.push(seen, truth_cell(since_holds(node, 0), kGood));
            for (const DurationNs turn : {node.integer, node.integer + 1})
                if (turn > 0 && turn <= end - seen)
                    builder.push(seen + turn, truth_cell(since_holds(node, turn), kGood));
        }
        return builder.take();
    }

    // A step that time alone makes.
    bool may_step() {
        cut_ = cut_ || steps_ >= steps_max_;
        return steps_++ < steps_max_;
    }

    // Goes along `times` and, between them, wherever `due` says; at(time, index) where the index is that of a time or
    // none.
    template <class Due, class At>
    void along(const std::vector<TimeNs>& times, Due due, At at, bool ticks = false) {
        std::size_t i = 0;
        TimeNs now = INT64_MIN;
        while (true) {
            std::optional<TimeNs> next;
            if (i < times.size()) next = times[i];
            if (const auto change = due(now); change && *change > now && (!next || *change < *next))
                if (*change <= until_ && (!ticks || may_step())) next = change;
            if (!next || *next > until_) return;
            now = *next;
            const bool here = i < times.size() && times[i] == now;
            at(now, here ? std::optional(i) : std::nullopt);
            if (here) ++i;
        }
    }

    Steps window(const WindowSpec& spec, const std::vector<Steps>& steps) {
        WindowPoints points{spec.aggregate, spec.length, spec.parameter};
        const Times sampled = spec.source.is_tag ? nullptr : times_of(spec.source.tags);
        const std::vector<TimeNs>& times = sampled ? *sampled : readings_[spec.source.tag].times();
        std::optional<StepsCursor> cursor;
        if (sampled) cursor.emplace(steps[spec.source.node]);
        StepsBuilder builder = begun(window_cell(points, begin_), 2 * times.size() + 1);
        along(
            times, [&](TimeNs) { return points.next_change(); },
            [&](TimeNs now, std::optional<std::size_t> i) {
                if (i) {
                    const Cell cell = cursor ? cursor->at(now) : readings_[spec.source.tag].at(*i);
                    if (!cursor || cell.known || !cell.missing)
                        points.add(now, now, cell.number, window_grade(spec.aggregate, cell));
                }
                points.expire(now);
                builder.push(now, window_cell(points, now));
            });
        return builder.take();
    }

    // The steps of what a window, a lag or changed() looks at, and of a tag only its readings.
    std::pair<const Steps*, const Readings*> looked_at(const Source& source, const std::vector<Steps>& steps) const {
        if (source.is_tag) return {nullptr, &readings_[source.tag]};
        return {&steps[source.node], nullptr};
    }

    Steps step_window(const WindowSpec& spec, const std::vector<Steps>& steps) {
        StepWindow window{spec.aggregate, spec.length};
        const auto [of, readings] = looked_at(spec.source, steps);
        const std::vector<TimeNs>& times = of ? *of->times : readings->times();
        StepsBuilder builder = begun(step_cell(window, begin_), 2 * times.size() + 1);
        along(
            times, [&](TimeNs) { return window.next_change(); },
            [&](TimeNs now, std::optional<std::size_t> i) {
                if (i && of) window.follow(now, of->at(*i));
                if (i && !of) {
                    const Cell cell = readings->at(*i);
                    window.add(now, now, cell.number, window_grade(spec.aggregate, cell));
                }
                window.advance(now);
                builder.push(now, step_cell(window, now));
            },
            true);
        return builder.take();
    }

    Steps turns(const WindowSpec& spec, const std::vector<Steps>& steps) {
        TurnWindow turns{spec.length};
        const auto [of, readings] = looked_at(spec.source, steps);
        const std::vector<TimeNs>& times = of ? *of->times : readings->times();
        StepsBuilder builder = begun(turn_cell(turns, begin_), times.size() + 1);
        along(
            times, [&](TimeNs) { return turns.next_change(); },
            [&](TimeNs now, std::optional<std::size_t> i) {
                if (i) {
                    const Cell cell = of ? of->at(*i) : readings->at(*i);
                    turns.add(now, cell.known, cell.yes());
                }
                turns.expire(now);
                builder.push(now, turn_cell(turns, now));
            });
        return builder.take();
    }

    Steps lag(const LagSpec& spec, const std::vector<Steps>& steps) {
        LagBuffer buffer{spec.by};
        const auto [of, readings] = looked_at(spec.source, steps);
        const std::vector<TimeNs>& times = of ? *of->times : readings->times();
        StepsBuilder builder = begun(missing_cell(), times.size() + 1);
        along(
            times, [&](TimeNs now) { return buffer.next_change(now); },
            [&](TimeNs now, std::optional<std::size_t> i) {
                if (i && of) buffer.follow(now, of->at(*i));
                if (i && !of) buffer.add(now, now, readings->at(*i));
                buffer.expire(now);
                builder.push(now, buffer.at(now));
            });
        return builder.take();
    }

    Steps changed(const ChangedSpec& spec, const std::vector<Steps>& steps) {
        Changes changes{spec.within};
        const Times sampled = spec.source.is_tag ? nullptr : times_of(spec.source.tags);
        const std::vector<TimeNs>& times = sampled ? *sampled : readings_[spec.source.tag].times();
        std::optional<StepsCursor> cursor;
        if (sampled) cursor.emplace(steps[spec.source.node]);
        StepsBuilder builder = begun(missing_cell(), times.size() + 1);
        along(
            times, [&](TimeNs now) { return changes.next_change(now); },
            [&](TimeNs now, std::optional<std::size_t> i) {
                if (i) changes.add(now, cursor ? cursor->at(now) : readings_[spec.source.tag].at(*i));
                builder.push(now, changes.value(now));
            });
        return builder.take();
    }

    Steps hold(const Node& node, const Steps& of) {
        StepsBuilder builder{texts_};
        builder.reserve(of.size());
        std::optional<TimeNs> from;
        for (std::size_t i = 0; i < of.size(); ++i) {
            const TimeNs time = (*of.times)[i];
            const TimeNs end = i + 1 < of.size() ? (*of.times)[i + 1] - 1 : until_;
            const Cell cell = of.at(i);
            if (!cell.known) {
                builder.push(time, unknown_cell(cell.quality, cell.missing));
                continue;
            }
            if (cell.no()) {
                from.reset();
                builder.push(time, truth_cell(false, cell.quality));
                continue;
            }
            if (!from) from = time;
            const TimeNs over = *from + node.integer;
            builder.push(time, truth_cell(time >= over, cell.quality));
            if (over > time && over <= end) builder.push(over, truth_cell(true, cell.quality));
        }
        return builder.take();
    }

    // now(), and the calendar of the present.
    Steps clock(const Node& node) {
        StepsBuilder builder{texts_};
        TimeNs time = begin_;
        while (time <= until_ && (time == begin_ || may_step())) {
            if (node.op == NodeOp::now) {
                builder.push(time, time_cell(whole_second(time), kGood));
                time = whole_second(time) + kSecond;
            } else {
                const Calendar& calendar = program_.calendars_[node.index];
                builder.push(time, calendar_cell(calendar, time, kGood));
                time = calendar.next(time);
            }
        }
        return builder.take();
    }

    const ProgramImpl& program_;
    const std::vector<bool> live_;
    const std::size_t steps_max_;
    std::size_t steps_ = 0;  // of this node by time alone
    bool cut_ = false;
    TimeNs begin_ = INT64_MAX, last_ = INT64_MIN, until_;
    std::vector<Readings> readings_;
    std::deque<Value> kept_;  // texts of readings
    Texts texts_;
};

void add_row(Column& column, TimeNs time, const Cell& cell) {
    column.times.push_back(time);
    column.qualities.push_back(cell.quality);
    column.states.push_back(cell.known ? row_known : cell.missing ? row_missing : row_unknown);
    if (column.kind == Kind::any) column.kinds.push_back(cell.kind);
    const bool any = column.kind == Kind::any;
    if (any || column.kind == Kind::integer || column.kind == Kind::time || is_exact(column.kind))
        column.integers.push_back(cell.known ? cell.integer : 0);
    if (any || column.kind == Kind::text || column.kind == Kind::quality)
        column.texts.emplace_back(!cell.known                  ? std::string_view{}
                                  : cell.kind == Kind::quality ? to_string(static_cast<Grade>(cell.number))
                                                               : cell.text);
    column.numbers.push_back(cell.known ? cell.number : 0);
}

Column run_whole(const ProgramImpl& impl, std::span<const Input> inputs, const RunOptions& options) {
    Runner runner{impl, inputs, options};
    Column column{.kind = impl.kind_};
    if (runner.empty()) return column;
    Steps root = runner.run();
    column.cut = runner.cut();
    const Times readings = runner.reading_times();
    if (root.plain && impl.kind_ != Kind::any && options.from <= root.times->front() &&
        (root.times == readings || *root.times == *readings)) {
        // The most usual case goes by whole columns.
        column.times = *root.times;
        column.numbers = std::move(root.numbers);
        column.qualities.assign(column.times.size(), kGood);
        column.states.assign(column.times.size(), row_known);
        return column;
    }
    const std::size_t rows = std::max(readings->size(), root.size());
    column.times.reserve(rows);
    column.numbers.reserve(rows);
    column.qualities.reserve(rows);
    column.states.reserve(rows);
    std::size_t reading = 0, step = 0;
    std::optional<Cell> told;
    while (reading < readings->size() || step + 1 < root.size()) {
        const TimeNs by_reading = reading < readings->size() ? (*readings)[reading] : INT64_MAX;
        const TimeNs by_step = step + 1 < root.size() ? (*root.times)[step + 1] : INT64_MAX;
        const TimeNs time = std::min(by_reading, by_step);
        if (by_step == time) ++step;
        if (by_reading == time) ++reading;
        const Cell cell = root.at(step);
        if (by_reading != time && told && told->same(cell)) continue;
        told = cell;
        if (time >= options.from) add_row(column, time, cell);
    }
    return column;
}

// Nothing but the readings of one moment decides, and all inputs have the same moments: pieces may be run on their own.
bool by_rows(const ProgramImpl& program, std::span<const Input> inputs, const RunOptions& options) {
    if (inputs.empty() || inputs[0].times.size() <= kPieceRows) return false;
    const std::span<const TimeNs> times = inputs[0].times;
    if (options.until < times.back() || !ascending(times)) return false;
    for (const Input& input : inputs)
        if (!std::ranges::equal(input.times, times)) return false;
    const std::vector<bool> live = live_nodes(program);
    for (std::size_t i = 0; i < live.size(); ++i) {
        const NodeOp op = program.nodes_[i].op;
        const bool of_moment =
            is_constant(op) || is_pure(op) || op == NodeOp::tag || op == NodeOp::quality || op == NodeOp::reading_time;
        if (live[i] && !of_moment) return false;
    }
    return true;
}

template <class T>
std::span<const T> piece(std::span<const T> whole, std::size_t from, std::size_t rows) {
    return whole.empty() ? whole : whole.subspan(from, rows);
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

// Piece by piece, so that what is between the operations stays near the processor.
Column run_pieces(const ProgramImpl& program, std::span<const Input> inputs, const RunOptions& options) {
    const std::size_t all = inputs[0].times.size();
    Column column{.kind = program.kind_};
    column.times.reserve(all);
    column.numbers.reserve(all);
    column.qualities.reserve(all);
    column.states.reserve(all);
    for (std::size_t from = 0; from < all; from += kPieceRows) {
        const std::size_t rows = std::min(kPieceRows, all - from);
        std::vector<Input> pieces;
        for (const Input& input : inputs)
            pieces.push_back({input.type, piece(input.times, from, rows), piece(input.numbers, from, rows),
                              piece(input.integers, from, rows), piece(input.texts, from, rows),
                              piece(input.qualities, from, rows)});
        const Column one = run_whole(program, pieces, {.from = options.from});
        append(column.times, one.times);
        append(column.numbers, one.numbers);
        append(column.integers, one.integers);
        append(column.texts, one.texts);
        append(column.kinds, one.kinds);
        append(column.qualities, one.qualities);
        append(column.states, one.states);
    }
    return column;
}

}  // namespace

Column run(const Program& program, std::span<const Input> inputs, const RunOptions& options) {
    const auto& impl = static_cast<const ProgramImpl&>(program);
    return by_rows(impl, inputs, options) ? run_pieces(impl, inputs, options) : run_whole(impl, inputs, options);
}

Column run_at(const Program& program, std::span<const Input> inputs, std::span<const TimeNs> times) {
    const auto& impl = static_cast<const ProgramImpl&>(program);
    Column column{.kind = impl.kind_};
    if (times.empty()) return column;
    Runner runner{impl, inputs, {.until = times.back()}};
    if (runner.empty()) {
        for (const TimeNs time : times) add_row(column, time, missing_cell());
        return column;
    }
    const Steps root = runner.run();
    column.cut = runner.cut();
    StepsCursor cursor{root};
    for (const TimeNs time : times)
        add_row(column, time, time < root.times->front() ? missing_cell() : cursor.at(time));
    return column;
}

}  // namespace gongshu::expr
