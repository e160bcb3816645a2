#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "expr/expr.h"
#include "expr/window.h"

namespace gongshu::expr {
namespace {

constexpr DurationNs kPoll = kSecond;  // how often since() is looked at when its crossing cannot be told beforehand

// A value on its way through the operations.
struct Cell {
    Kind kind = Kind::any;
    bool known = false;
    bool missing = false;
    double number = 0;  // truth: 0 or 1; quality: its Grade
    std::string_view text;
    Quality quality;

    bool yes() const { return known && number != 0; }
    bool no() const { return known && number == 0; }
};

Quality worse(Quality a, Quality b) { return b.grade < a.grade ? b : a; }

Cell unknown(Quality quality, bool missing) {
    Cell cell;
    cell.missing = missing;
    cell.quality = quality.grade == Grade::bad ? quality : bad(Reason::computed);
    return cell;
}

Cell truth_of(bool truth, Quality quality) {
    return {.kind = Kind::truth, .known = true, .number = truth ? 1.0 : 0.0, .quality = quality};
}

Cell number_of(double number, Quality quality) {
    if (!std::isfinite(number)) return unknown(bad(Reason::computed), false);
    return {.kind = Kind::number, .known = true, .number = number, .quality = quality};
}

int kids_of(NodeOp op) {
    if (op <= NodeOp::window) return 0;
    if (op == NodeOp::choose) return 3;
    const bool two = (op >= NodeOp::add && op <= NodeOp::power) || (op >= NodeOp::less && op <= NodeOp::not_equal) ||
                     op == NodeOp::and_ || op == NodeOp::or_ || op == NodeOp::min || op == NodeOp::max;
    return two ? 2 : 1;
}

// Unknown because of either: bad weighs more than missing.
Cell unknown_of(const Cell& a, const Cell& b) {
    if (!a.known && !b.known) return unknown(a.missing ? b.quality : a.quality, a.missing && b.missing);
    return a.known ? unknown(b.quality, b.missing) : unknown(a.quality, a.missing);
}

class Machine final : public Evaluator {
public:
    explicit Machine(std::shared_ptr<const ProgramImpl> program)
        : program_(std::move(program)), tags_(program_->tags_.size()), holds_(program_->holds_) {
        for (const WindowSpec& spec : program_->windows_) windows_.emplace_back(spec.aggregate, spec.length);
        for (const Node& node : program_->nodes_) {
            const std::uint16_t kids[] = {node.a, node.b, node.c};
            bool since = node.op == NodeOp::since, constant = kids_of(node.op) > 0 || node.op == NodeOp::number;
            for (int i = 0; i < kids_of(node.op); ++i) {
                since = since || has_since_[kids[i]];
                constant = constant && constant_[kids[i]];
            }
            has_since_.push_back(since);
            constant_.push_back(constant);
        }
    }

    const Program& program() const override { return *program_; }
    TimeNs time() const override { return now_; }

    void feed(std::size_t tag, TimeNs time, const Value& value, Quality quality) override {
        ASSERT(tag < tags_.size());
        const auto number = as_number(value);
        if (number && !std::isfinite(*number)) quality = worse(quality, bad(Reason::range));
        for (std::size_t i = 0; i < windows_.size(); ++i)
            if (program_->windows_[i].tag == tag) windows_[i].add(now_, time, number.value_or(0), quality.grade);
        Last& last = tags_[tag];
        last.seen = now_;
        stale_ = true;
        if (last.any && time < last.order) return;  // late: only windows
        last = {.any = true, .time = time, .order = time, .seen = now_, .value = value, .quality = quality};
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
        for (WindowPoints& window : windows_) {
            window.expire(now_);
            if (const auto change = window.next_change()) soon(*change);
        }
        cells_.resize(program_->nodes_.size());
        for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i] = compute(program_->nodes_[i]);
        const Cell& root = cells_.back();
        answer_ = {.kind = root.kind,
                   .known = root.known,
                   .missing = root.missing,
                   .number = root.number,
                   .truth = root.yes(),
                   .text = root.kind == Kind::quality ? std::string(to_string(static_cast<Grade>(root.number)))
                                                      : std::string(root.text),
                   .quality = root.quality};
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
            if (watched.node < cells_.size() && cells_[watched.node].known) {
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
    };
    struct Hold {
        bool running = false;
        TimeNs from = 0;
    };

    void add_raw(std::vector<Observed>& list, std::size_t tag, const std::string& expression) const {
        const Last& last = tags_[tag];
        if (last.any) list.push_back({tag, expression, last.time, last.value, program_->tags_[tag].unit, last.quality});
    }

    void soon(TimeNs time) {
        if (time <= now_) return;
        next_ = next_ ? std::min(*next_, time) : time;
    }

    Cell input(const Node& node) const {
        const Last& last = tags_[node.index];
        if (!last.any) return unknown(bad(Reason::none), true);
        if (!last.quality.usable()) return unknown(last.quality, false);
        Cell cell{.known = true, .quality = last.quality};
        switch (type_of(last.value)) {
            case ValueType::text:
                cell.kind = Kind::text;
                cell.text = std::get<std::string>(last.value);
                break;
            case ValueType::boolean:
                cell.kind = Kind::truth;
                cell.number = std::get<bool>(last.value) ? 1 : 0;
                break;
            default:
                cell.kind = Kind::number;
                cell.number = *as_number(last.value);
        }
        // The tag turned out to be of another type than it was compiled with.
        const ProgramTag& tag = program_->tags_[node.index];
        const Kind wanted = !tag.known                       ? cell.kind
                            : tag.type == ValueType::text    ? Kind::text
                            : tag.type == ValueType::boolean ? Kind::truth
                                                             : Kind::number;
        if (cell.kind == wanted) return cell;
        if (cell.kind == Kind::text || wanted == Kind::text) return unknown(bad(Reason::type), false);
        cell.kind = wanted;
        return cell;
    }

    Cell window(const Node& node) const {
        const WindowPoints& points = windows_[node.index];
        const auto value = points.value();
        if (!value) {
            const bool missing = points.size() == 0;
            return unknown(missing ? bad(Reason::none) : bad(Reason::computed), missing);
        }
        Quality quality = points.grade() == Grade::good ? kGood : uncertain(Reason::computed);
        if (points.limited(now_)) quality = uncertain(Reason::computed);
        return number_of(*value, quality);
    }

    Cell since(const Node& node) const {
        const Last& last = tags_[node.index];
        if (!last.any) return unknown(bad(Reason::none), true);
        return number_of(static_cast<double>(now_ - last.seen) / 1e9, kGood);
    }

    // When `since(x) < constant` turns: exactly. When since() is deeper inside: looked at every kPoll.
    void plan_since(const Node& node) {
        if (!has_since_[node.a] && !has_since_[node.b]) return;
        const bool on_left = has_since_[node.a];
        const Node& asked = program_->nodes_[on_left ? node.a : node.b];
        const double limit = on_left ? cells_[node.b].number + node.offset : cells_[node.a].number - node.offset;
        if (asked.op == NodeOp::since && !tags_[asked.index].any) return;  // unknown until a reading comes
        if (asked.op != NodeOp::since || !constant_[on_left ? node.b : node.a] || !(std::abs(limit) < 1e9)) {
            soon(now_ + kPoll);
            return;
        }
        const TimeNs turn = tags_[asked.index].seen + static_cast<DurationNs>(std::llround(limit * 1e9));
        soon(turn);
        soon(turn + 1);
    }

    Cell compare(const Node& node) {
        const Cell &a = cells_[node.a], &b = cells_[node.b];
        plan_since(node);
        if (!a.known || !b.known) return unknown_of(a, b);
        const Quality quality = worse(a.quality, b.quality);
        if ((a.kind == Kind::text) != (b.kind == Kind::text)) return unknown(bad(Reason::type), false);
        if (a.kind == Kind::text) {
            const bool same = a.text == b.text;
            if (node.op != NodeOp::equal && node.op != NodeOp::not_equal) return unknown(bad(Reason::type), false);
            return truth_of(same == (node.op == NodeOp::equal), quality);
        }
        const double right = b.number + node.offset;
        switch (node.op) {
            case NodeOp::less:
                return truth_of(a.number < right, quality);
            case NodeOp::less_equal:
                return truth_of(a.number <= right, quality);
            case NodeOp::greater:
                return truth_of(a.number > right, quality);
            case NodeOp::greater_equal:
                return truth_of(a.number >= right, quality);
            case NodeOp::equal:
                return truth_of(a.number == right, quality);
            default:
                return truth_of(a.number != right, quality);
        }
    }

    Cell arithmetic(const Node& node) const {
        const Cell &a = cells_[node.a], &b = cells_[node.b];
        if (!a.known || !b.known) return unknown_of(a, b);
        if (a.kind == Kind::text || b.kind == Kind::text) return unknown(bad(Reason::type), false);
        const Quality quality = worse(a.quality, b.quality);
        switch (node.op) {
            case NodeOp::add:
                return number_of(a.number + b.number, quality);
            case NodeOp::subtract:
                return number_of(a.number - b.number, quality);
            case NodeOp::multiply:
                return number_of(a.number * b.number, quality);
            case NodeOp::divide:
                return number_of(b.number == 0 ? NAN : a.number / b.number, quality);
            case NodeOp::remainder:
                return number_of(std::fmod(a.number, b.number), quality);
            case NodeOp::power:
                return number_of(std::pow(a.number, b.number), quality);
            case NodeOp::min:
                return number_of(std::min(a.number, b.number), quality);
            default:
                return number_of(std::max(a.number, b.number), quality);
        }
    }

    Cell one_argument(const Node& node) const {
        const Cell& a = cells_[node.a];
        if (!a.known) return unknown(a.quality, a.missing);
        if (a.kind == Kind::text) return unknown(bad(Reason::type), false);
        switch (node.op) {
            case NodeOp::negate:
                return number_of(-a.number, a.quality);
            case NodeOp::affine:
                return number_of(a.number * node.number + node.offset, a.quality);
            case NodeOp::abs:
                return number_of(std::abs(a.number), a.quality);
            case NodeOp::sqrt:
                return number_of(std::sqrt(a.number), a.quality);
            case NodeOp::round:
                return number_of(std::round(a.number), a.quality);
            case NodeOp::floor:
                return number_of(std::floor(a.number), a.quality);
            case NodeOp::ceil:
                return number_of(std::ceil(a.number), a.quality);
            case NodeOp::log:
                return number_of(std::log(a.number), a.quality);
            case NodeOp::exp:
                return number_of(std::exp(a.number), a.quality);
            default:
                return truth_of(a.number == 0, a.quality);  // not
        }
    }

    // Kleene's logic: what decides alone decides, whatever the other side is.
    Cell junction(const Node& node) const {
        const Cell &a = cells_[node.a], &b = cells_[node.b];
        const bool decides = node.op == NodeOp::or_;
        const bool by_a = decides ? a.yes() : a.no(), by_b = decides ? b.yes() : b.no();
        if (by_a && by_b) return truth_of(decides, a.quality.grade >= b.quality.grade ? a.quality : b.quality);
        if (by_a || by_b) return truth_of(decides, by_a ? a.quality : b.quality);
        if (!a.known || !b.known) return unknown_of(a, b);
        return truth_of(!decides, worse(a.quality, b.quality));
    }

    Cell hold(const Node& node) {
        const Cell& a = cells_[node.a];
        Hold& hold = holds_[node.index];
        if (!a.known) return unknown(a.quality, a.missing);
        if (a.no()) {
            hold.running = false;
            return truth_of(false, a.quality);
        }
        if (!hold.running) hold = {true, now_};
        soon(hold.from + node.duration);
        return truth_of(now_ - hold.from >= node.duration, a.quality);
    }

    Cell choose(const Node& node) const {
        const Cell& condition = cells_[node.a];
        if (!condition.known) return unknown(condition.quality, condition.missing);
        Cell cell = cells_[condition.yes() ? node.b : node.c];
        cell.quality = worse(cell.quality, condition.quality);
        return cell;
    }

    Cell compute(const Node& node) {
        switch (node.op) {
            case NodeOp::number:
                return number_of(node.number, kGood);
            case NodeOp::truth:
                return truth_of(node.number != 0, kGood);
            case NodeOp::text:
                return {.kind = Kind::text, .known = true, .text = program_->texts_[node.index]};
            case NodeOp::quality_name:
                return {.kind = Kind::quality, .known = true, .number = node.number};
            case NodeOp::tag:
                return input(node);
            case NodeOp::quality: {
                const Last& last = tags_[node.index];
                if (!last.any) return unknown(bad(Reason::none), true);
                return {.kind = Kind::quality, .known = true, .number = static_cast<double>(last.quality.grade)};
            }
            case NodeOp::since:
                return since(node);
            case NodeOp::window:
                return window(node);
            case NodeOp::less:
            case NodeOp::less_equal:
            case NodeOp::greater:
            case NodeOp::greater_equal:
            case NodeOp::equal:
            case NodeOp::not_equal:
                return compare(node);
            case NodeOp::and_:
            case NodeOp::or_:
                return junction(node);
            case NodeOp::hold:
                return hold(node);
            case NodeOp::choose:
                return choose(node);
            case NodeOp::add:
            case NodeOp::subtract:
            case NodeOp::multiply:
            case NodeOp::divide:
            case NodeOp::remainder:
            case NodeOp::power:
            case NodeOp::min:
            case NodeOp::max:
                return arithmetic(node);
            default:
                return one_argument(node);
        }
    }

    const std::shared_ptr<const ProgramImpl> program_;
    std::vector<bool> has_since_, constant_;  // of each node and what is beneath it
    TimeNs now_ = INT64_MIN / 2;              // far below any time, and room to subtract a window
    TimeNs answered_at_ = INT64_MIN / 2;
    std::vector<Last> tags_;
    std::vector<WindowPoints> windows_;
    std::vector<Hold> holds_;
    std::vector<Cell> cells_;
    std::optional<TimeNs> next_;
    bool stale_ = true;
    Answer answer_;
};

}  // namespace

std::unique_ptr<Evaluator> Evaluator::create(std::shared_ptr<const Program> program) {
    return std::make_unique<Machine>(std::static_pointer_cast<const ProgramImpl>(std::move(program)));
}

}  // namespace gongshu::expr
