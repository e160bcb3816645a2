#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>

#include "base/assert.h"
#include "expr/cell.h"
#include "expr/machine.h"
#include "expr/step_window.h"
#include "expr/window.h"

namespace gongshu::expr {
namespace {

class Machine final : public Evaluator {
public:
    explicit Machine(std::shared_ptr<const ProgramImpl> program)
        : program_(std::move(program)),
          tags_(program_->tags_.size()),
          holds_(program_->holds_),
          cells_(program_->nodes_.size()),
          live_(live_nodes(*program_)) {
        for (const WindowSpec& spec : program_->windows_)
            windows_.emplace_back(spec.aggregate, spec.length, spec.parameter);
        for (const WindowSpec& spec : program_->step_windows_) {
            step_windows_.emplace_back(spec.aggregate, spec.length);
            turn_windows_.emplace_back(spec.length);
        }
        for (const LagSpec& spec : program_->lags_) lags_.emplace_back(spec.by);
        for (const ChangedSpec& spec : program_->changes_) changes_.emplace_back(spec.within);
        for (std::size_t i = 0; i < cells_.size(); ++i)
            if (is_constant(program_->nodes_[i].op)) cells_[i] = constant_cell(*program_, program_->nodes_[i]);
        made_.resize(cells_.size());
    }

    const Program& program() const override { return *program_; }
    TimeNs time() const override { return now_; }

    void feed(std::size_t tag, TimeNs time, const Value& value, Quality quality) override {
        ASSERT(tag < tags_.size());
        Last& last = tags_[tag];
        const bool late = last.any && time < last.order;
        if (const double* number = std::get_if<double>(&value); number && !std::isfinite(*number))
            quality = worse(quality, bad(Reason::range));
        const Cell cell = input_cell(program_->tags_[tag], value, quality);
        feed_windows(tag, time, cell, late);
        last.seen = now_;
        stale_ = true;
        if (late) return;  // only windows
        last = {.any = true, .time = time, .order = time, .seen = now_, .value = value, .quality = quality};
        last.cell = cell;
        if (cell.kind == Kind::text) last.cell.text = std::get<std::string>(last.value);
        fed_ |= std::uint64_t{1} << tag;
    }

    void advance(TimeNs now) override {
        if (now <= now_) return;
        now_ = now;
        if (!next_ || now < *next_) return;
        stale_ = true;
    }

    void shift(DurationNs by) override {
        now_ += by;
        for (Last& last : tags_) {
            last.seen += by;
            // Back: times that come now are smaller and yet newer. Forward: those of senders with a true clock still
            // are.
            if (by < 0) last.order += by;
        }
        for (WindowPoints& window : windows_) window.shift(by);
        for (StepWindow& window : step_windows_) window.shift(by);
        for (TurnWindow& window : turn_windows_) window.shift(by);
        for (LagBuffer& lag : lags_) lag.shift(by);
        for (Changes& change : changes_) change.shift(by);
        for (Hold& hold : holds_) hold.from += by;
        if (next_) *next_ += by;
        stale_ = true;
    }

    void hear(TimeNs now) override {
        for (Last& last : tags_) last.seen = std::max(last.seen, now);
        stale_ = true;
    }

    const Answer& answer() override {
        if (!stale_) return answer_;
        stale_ = false;
        next_.reset();
        const std::vector<Node>& nodes = program_->nodes_;
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            const Node& node = nodes[i];
            if (is_constant(node.op)) continue;
            cells_[i] = is_pure(node.op)
                            ? apply(*program_, node, cells_[node.a], cells_[node.b], cells_[node.c], made_[i])
                            : compute(i);
        }
        fed_ = 0;
        const Cell& root = cells_.back();
        answer_.kind = root.kind;
        answer_.known = root.known;
        answer_.missing = root.missing;
        answer_.number = root.number;
        answer_.integer = root.integer;
        answer_.truth = root.yes();
        if (root.kind == Kind::quality)
            answer_.text = to_string(static_cast<Grade>(root.number));
        else if (root.kind == Kind::text || !answer_.text.empty())
            answer_.text = root.text;
        answer_.quality = root.quality;
        answered_at_ = now_;
        return answer_;
    }

    std::optional<TimeNs> next_time() const override { return next_; }

    std::vector<Observed> observed() const override {
        std::vector<Observed> list;
        std::vector<bool> shown(tags_.size());
        for (const Watched& watched : program_->watched_) {
            const Node& node = program_->nodes_[watched.node];
            const bool raw = node.op == NodeOp::tag || node.op == NodeOp::quality;
            if (raw) shown[watched.tag] = true;
        }
        for (const Watched& watched : program_->watched_) {
            const Node& node = program_->nodes_[watched.node];
            if (node.op == NodeOp::tag || node.op == NodeOp::quality) {
                add_raw(list, watched.tag, watched.expression);
                continue;
            }
            if (cells_[watched.node].known) {
                TimeNs time = answered_at_;
                if (node.op == NodeOp::window) time = windows_[node.index].time_of_value().value_or(time);
                list.push_back({watched.tag, watched.expression, time, cells_[watched.node].number, watched.unit,
                                cells_[watched.node].quality});
            }
            if (!shown[watched.tag]) {
                shown[watched.tag] = true;
                add_raw(list, watched.tag, program_->tags_[watched.tag].path);
            }
        }
        for (const Substitute& one : program_->substitutes_)
            if (rests_on(one))
                list.push_back({one.tag, one.written, answered_at_, value_of(cells_[one.node]), one.unit,
                                cells_[one.node].quality, true});
        return list;
    }

    std::vector<Doubt> doubts() const override { return doubts_of(*program_, cells_); }

    std::vector<std::string> assumed() const override {
        std::vector<std::string> list;
        for (const Substitute& one : program_->substitutes_)
            if (rests_on(one) && std::ranges::count(list, one.written) == 0) list.push_back(one.written);
        return list;
    }

private:
    struct Last {
        bool any = false;
        TimeNs time = 0;   // as stored
        TimeNs order = 0;  // what newer is measured by; differs from time after a clock was set back
        TimeNs seen = 0;   // when it came, by our time
        Value value;
        Quality quality;
        Cell cell;  // of value, whose text it shows
    };
    struct Hold {
        bool running = false;
        TimeNs from = 0;
    };

    bool rests_on(const Substitute& one) const {
        return live_[one.node] && !cells_[one.of].known && cells_[one.instead].known;
    }

    static Value value_of(const Cell& cell) {
        if (cell.kind == Kind::text) return std::string(cell.text);
        if (cell.kind == Kind::truth) return cell.yes();
        if (cell.kind == Kind::quality) return std::string(to_string(static_cast<Grade>(cell.number)));
        if (cell.kind == Kind::date) return date_text(cell.integer);
        if (cell.kind == Kind::number) return cell.number;
        return cell.integer;
    }

    void add_raw(std::vector<Observed>& list, std::size_t tag, const std::string& expression) const {
        const Last& last = tags_[tag];
        if (last.any) list.push_back({tag, expression, last.time, last.value, program_->tags_[tag].unit, last.quality});
    }

    void feed_windows(std::size_t tag, TimeNs time, const Cell& cell, bool late) {
        const auto of_tag = [&](const Source& source) { return source.is_tag && source.tag == tag; };
        for (std::size_t i = 0; i < windows_.size(); ++i) {
            const WindowSpec& spec = program_->windows_[i];
            if (of_tag(spec.source)) windows_[i].add(now_, time, cell.number, window_grade(spec.aggregate, cell));
        }
        for (std::size_t i = 0; i < step_windows_.size(); ++i) {
            const WindowSpec& spec = program_->step_windows_[i];
            if (of_tag(spec.source) && spec.aggregate != Aggregate::count_true)
                step_windows_[i].add(now_, time, cell.number, window_grade(spec.aggregate, cell));
        }
        for (std::size_t i = 0; i < lags_.size(); ++i)
            if (of_tag(program_->lags_[i].source)) lags_[i].add(now_, time, cell);
        if (late) return;
        for (std::size_t i = 0; i < changes_.size(); ++i)
            if (of_tag(program_->changes_[i].source)) changes_[i].add(std::min(time, now_), cell);
    }

    void soon(TimeNs time) {
        if (time <= now_) return;
        next_ = next_ ? std::min(*next_, time) : time;
    }
    void soon(std::optional<TimeNs> time) {
        if (time) soon(*time);
    }

    Cell window(const Node& node) {
        const WindowSpec& spec = program_->windows_[node.index];
        WindowPoints& points = windows_[node.index];
        if (!spec.source.is_tag && (fed_ & spec.source.tags) != 0) {
            const Cell& cell = cells_[spec.source.node];
            if (cell.known || !cell.missing) points.add(now_, now_, cell.number, window_grade(spec.aggregate, cell));
        }
        points.expire(now_);
        soon(points.next_change());
        return window_cell(points, now_);
    }

    Cell step_window(const Node& node) {
        const WindowSpec& spec = program_->step_windows_[node.index];
        if (spec.aggregate == Aggregate::count_true) {
            TurnWindow& turns = turn_windows_[node.index];
            const Cell& cell = spec.source.is_tag ? tags_[spec.source.tag].cell : cells_[spec.source.node];
            turns.add(now_, cell.known, cell.yes());
            turns.expire(now_);
            soon(turns.next_change());
            return turn_cell(turns, now_);
        }
        StepWindow& window = step_windows_[node.index];
        if (!spec.source.is_tag) window.follow(now_, cells_[spec.source.node]);
        window.advance(now_);
        soon(window.next_change());
        return step_cell(window, now_);
    }

    Cell lag(const Node& node) {
        const LagSpec& spec = program_->lags_[node.index];
        LagBuffer& buffer = lags_[node.index];
        if (!spec.source.is_tag) buffer.follow(now_, cells_[spec.source.node]);
        buffer.expire(now_);
        soon(buffer.next_change(now_));
        return buffer.at(now_);
    }

    Cell changed(const Node& node) {
        const ChangedSpec& spec = program_->changes_[node.index];
        Changes& changes = changes_[node.index];
        if (!spec.source.is_tag && (fed_ & spec.source.tags) != 0) changes.add(now_, cells_[spec.source.node]);
        soon(changes.next_change(now_));
        return changes.value(now_);
    }

    Cell since(std::size_t at) {
        const Node& node = program_->nodes_[at];
        const Last& last = tags_[node.index];
        if (!last.any) return missing_cell();
        const DurationNs elapsed = now_ - last.seen;
        if (node.op == NodeOp::since_compare) {
            soon(last.seen + node.integer);
            soon(last.seen + node.integer + 1);
            return truth_cell(since_holds(node, elapsed), kGood);
        }
        // Shown to people only: exact, and it makes nobody look again.
        if (!live_[at]) return number_cell(static_cast<double>(elapsed) / 1e9, kGood);
        soon(last.seen + (elapsed / kSecond + 1) * kSecond);
        return number_cell(static_cast<double>(elapsed / kSecond), kGood);
    }

    Cell hold(const Node& node) {
        const Cell& a = cells_[node.a];
        Hold& hold = holds_[node.index];
        if (!a.known) return unknown_cell(a.quality, a.missing);
        if (a.no()) {
            hold.running = false;
            return truth_cell(false, a.quality);
        }
        if (!hold.running) hold = {true, now_};
        soon(hold.from + node.integer);
        return truth_cell(now_ - hold.from >= node.integer, a.quality);
    }

    Cell compute(std::size_t at) {
        const Node& node = program_->nodes_[at];
        switch (node.op) {
            case NodeOp::tag:
                return tags_[node.index].any ? tags_[node.index].cell : missing_cell();
            case NodeOp::quality:
                return quality_cell(tags_[node.index].any, tags_[node.index].quality);
            case NodeOp::reading_time:
                return tags_[node.index].any ? time_cell(tags_[node.index].time, kGood) : missing_cell();
            case NodeOp::since:
            case NodeOp::since_compare:
                return since(at);
            case NodeOp::window:
                return window(node);
            case NodeOp::step_window:
                return step_window(node);
            case NodeOp::lag:
                return lag(node);
            case NodeOp::changed:
                return changed(node);
            case NodeOp::hold:
                return hold(node);
            case NodeOp::now:
                soon(whole_second(now_) + kSecond);
                return time_cell(whole_second(now_), kGood);
            default:
                soon(program_->calendars_[node.index].next(now_));
                return calendar_cell(program_->calendars_[node.index], now_, kGood);
        }
    }

    const std::shared_ptr<const ProgramImpl> program_;
    TimeNs now_ = INT64_MIN / 2;  // far below any time, and room to subtract a window
    TimeNs answered_at_ = INT64_MIN / 2;
    std::vector<Last> tags_;
    std::vector<WindowPoints> windows_;
    std::vector<StepWindow> step_windows_;  // those of count_true stay empty, as do turn_windows_ of the others
    std::vector<TurnWindow> turn_windows_;
    std::vector<LagBuffer> lags_;
    std::vector<Changes> changes_;
    std::vector<Hold> holds_;
    std::vector<Cell> cells_;
    std::vector<std::string> made_;  // texts of cells_
    const std::vector<bool> live_;   // nodes that the root depends on
    std::uint64_t fed_ = 0;          // tags with a newer reading since the last answer
    std::optional<TimeNs> next_;
    bool stale_ = true;
    Answer answer_;
};

}  // namespace

std::vector<bool> live_nodes(const ProgramImpl& program) {
    std::vector<bool> live(program.nodes_.size());
    live.back() = true;
    for (std::size_t i = live.size(); i-- > 0;) {
        if (!live[i]) continue;
        const Node& node = program.nodes_[i];
        const std::uint16_t kids[] = {node.a, node.b, node.c};
        for (int kid = 0; kid < kids_of(node.op); ++kid) live[kids[kid]] = true;
        const Source* source = source_of(program, node);
        if (source && !source->is_tag) live[source->node] = true;
    }
    return live;
}

const Source* source_of(const ProgramImpl& program, const Node& node) {
    switch (node.op) {
        case NodeOp::window:
            return &program.windows_[node.index].source;
        case NodeOp::step_window:
            return &program.step_windows_[node.index].source;
        case NodeOp::lag:
            return &program.lags_[node.index].source;
        case NodeOp::changed:
            return &program.changes_[node.index].source;
        default:
            return nullptr;
    }
}

Grade window_grade(Aggregate aggregate, const Cell& cell) {
    const bool usable = cell.known && (cell.kind != Kind::text || aggregate == Aggregate::count);
    return usable ? cell.quality.grade : Grade::bad;
}

Cell window_cell(const WindowPoints& points, TimeNs now) {
    const auto value = points.value();
    if (!value) {
        const bool missing = points.size() == 0;
        return unknown_cell(missing ? bad(Reason::none) : bad(Reason::computed), missing);
    }
    const bool whole = points.grade() == Grade::good && !points.limited(now);
    return number_cell(*value, whole ? kGood : uncertain(Reason::computed));
}

Cell step_cell(const StepWindow& window, TimeNs now) {
    if (!window.value()) {
        const bool missing = window.empty();
        return unknown_cell(missing ? bad(Reason::none) : bad(Reason::computed), missing);
    }
    const bool whole = window.grade() == Grade::good && !window.limited(now);
    return number_cell(*window.value(), whole ? kGood : uncertain(Reason::computed));
}

Cell turn_cell(const TurnWindow& turns, TimeNs now) {
    if (!turns.any()) return missing_cell();
    return number_cell(static_cast<double>(turns.value()), turns.limited(now) ? uncertain(Reason::computed) : kGood);
}

Cell quality_cell(bool any, Quality quality) {
    if (!any) return missing_cell();
    if (quality.grade == Grade::bad && quality.reason == Reason::stopped) return unknown_cell(quality, false);
    return {.kind = Kind::quality, .known = true, .number = static_cast<double>(quality.grade)};
}

TimeNs whole_second(TimeNs time) { return time - (time % kSecond + kSecond) % kSecond; }

std::unique_ptr<Evaluator> Evaluator::create(std::shared_ptr<const Program> program) {
    return std::make_unique<Machine>(std::static_pointer_cast<const ProgramImpl>(std::move(program)));
}

}  // namespace gongshu::expr
