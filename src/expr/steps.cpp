#include "expr/steps.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

namespace gongshu::expr {
namespace {

// Numbers of a column, or one that stands for all.
struct Numbers {
    const double* first;
    bool one;
};

// The numbers of steps at each of `times`; the steps' own if they have those times.
Numbers numbers_at(const Steps& steps, const Times& times, std::vector<double>& spread) {
    if (steps.constant()) return {steps.numbers.data(), true};
    if (steps.times == times || *steps.times == *times) return {steps.numbers.data(), false};
    spread.resize(times->size());
    StepsCursor cursor{steps};
    for (std::size_t i = 0; i < spread.size(); ++i) spread[i] = steps.numbers[cursor.seek((*times)[i])];
    return {spread.data(), false};
}

template <class Operation>
void each(std::vector<double>& out, Numbers a, Numbers b, Operation operation) {
    const double *left = a.first, *right = b.first;
    double* result = out.data();
    const std::size_t n = out.size();
    if (a.one)
        for (std::size_t i = 0; i < n; ++i) result[i] = operation(*left, b.one ? *right : right[i]);
    else if (b.one)
        for (std::size_t i = 0; i < n; ++i) result[i] = operation(left[i], *right);
    else
        for (std::size_t i = 0; i < n; ++i) result[i] = operation(left[i], right[i]);
}

template <class Operation>
void each(std::vector<double>& out, Numbers a, Operation operation) {
    each(out, a, {a.first, true}, [=](double x, double) { return operation(x); });
}

// Two columns into a third; false if it is not done by columns.
bool by_columns(const Node& node, Numbers a, Numbers b, std::vector<double>& out) {
    const double moved = node.offset;
    switch (node.op) {
        case NodeOp::add:
            return each(out, a, b, [](double x, double y) { return x + y; }), true;
        case NodeOp::subtract:
            return each(out, a, b, [](double x, double y) { return x - y; }), true;
        case NodeOp::multiply:
            return each(out, a, b, [](double x, double y) { return x * y; }), true;
        case NodeOp::divide:
            return each(out, a, b, [](double x, double y) { return y == 0 ? NAN : x / y; }), true;
        case NodeOp::min:
            return each(out, a, b, [](double x, double y) { return std::min(x, y); }), true;
        case NodeOp::max:
            return each(out, a, b, [](double x, double y) { return std::max(x, y); }), true;
        case NodeOp::less:
            return each(out, a, b, [=](double x, double y) { return x < y + moved ? 1.0 : 0.0; }), true;
        case NodeOp::less_equal:
            return each(out, a, b, [=](double x, double y) { return x <= y + moved ? 1.0 : 0.0; }), true;
        case NodeOp::greater:
            return each(out, a, b, [=](double x, double y) { return x > y + moved ? 1.0 : 0.0; }), true;
        case NodeOp::greater_equal:
            return each(out, a, b, [=](double x, double y) { return x >= y + moved ? 1.0 : 0.0; }), true;
        case NodeOp::and_:
            return each(out, a, b, [](double x, double y) { return x != 0 && y != 0 ? 1.0 : 0.0; }), true;
        case NodeOp::or_:
            return each(out, a, b, [](double x, double y) { return x != 0 || y != 0 ? 1.0 : 0.0; }), true;
        default:
            return false;
    }
}

bool by_column(const Node& node, Numbers a, std::vector<double>& out) {
    const double factor = node.number, offset = node.offset;
    switch (node.op) {
        case NodeOp::affine:
            return each(out, a, [=](double x) { return x * factor + offset; }), true;
        case NodeOp::negate:
            return each(out, a, [](double x) { return -x; }), true;
        case NodeOp::abs:
            return each(out, a, [](double x) { return std::abs(x); }), true;
        case NodeOp::sqrt:
            return each(out, a, [](double x) { return std::sqrt(x); }), true;
        case NodeOp::not_:
            return each(out, a, [](double x) { return x == 0 ? 1.0 : 0.0; }), true;
        default:
            return false;
    }
}

bool gives_truth(NodeOp op) {
    return (op >= NodeOp::less && op <= NodeOp::not_equal) || op == NodeOp::and_ || op == NodeOp::or_ ||
           op == NodeOp::not_;
}

// By columns, if all is plain and each result is a number.
std::optional<Steps> apply_plain(const Node& node, const Steps& a, const Steps* b, const Times& times) {
    if (!a.plain || (b && !b->plain)) return std::nullopt;
    Steps result{.times = times, .kind = gives_truth(node.op) ? Kind::truth : Kind::number};
    result.numbers.resize(times->size());
    std::vector<double> spread_a, spread_b;
    const Numbers left = numbers_at(a, times, spread_a);
    const bool done = b ? by_columns(node, left, numbers_at(*b, times, spread_b), result.numbers)
                        : by_column(node, left, result.numbers);
    if (!done) return std::nullopt;
    if (!gives_truth(node.op)) {
        constexpr std::uint64_t kExponent = 0x7ff0'0000'0000'0000;
        std::uint64_t endless = 0;  // infinite or no number
        for (const double x : result.numbers) endless |= (std::bit_cast<std::uint64_t>(x) & kExponent) == kExponent;
        if (endless) return std::nullopt;
    }
    return result;
}

}  // namespace

std::string_view Texts::keep(std::string_view text) { return texts_.emplace_back(text); }

void StepsBuilder::reserve(std::size_t steps) {
    times_.reserve(steps);
    steps_.numbers.reserve(steps);
}

void StepsBuilder::spread() {
    steps_.plain = false;
    steps_.cells.reserve(std::max(steps_.numbers.capacity(), steps_.numbers.size() + 1));
    for (const double number : steps_.numbers)
        steps_.cells.push_back({.kind = steps_.kind, .known = true, .number = number});
    steps_.numbers = {};
}

void StepsBuilder::push(TimeNs time, const Cell& cell) {
    const bool again = !times_.empty() && times_.back() == time;
    const bool plain = cell.known && (cell.kind == Kind::number || cell.kind == Kind::truth) && cell.quality == kGood;
    if (times_.empty() && plain) steps_.kind = cell.kind;
    if (steps_.plain && (!plain || cell.kind != steps_.kind)) spread();
    if (!again) times_.push_back(time);
    if (steps_.plain) {
        if (again)
            steps_.numbers.back() = cell.number;
        else
            steps_.numbers.push_back(cell.number);
        return;
    }
    Cell kept = cell;
    // Most texts are as the one before.
    if (!cell.text.empty()) {
        const bool as_before = !steps_.cells.empty() && steps_.cells.back().text == cell.text;
        kept.text = as_before ? steps_.cells.back().text : texts_.keep(cell.text);
    }
    if (again)
        steps_.cells.back() = kept;
    else
        steps_.cells.push_back(kept);
}

Steps StepsBuilder::take() {
    steps_.times = std::make_shared<const std::vector<TimeNs>>(std::move(times_));
    return std::move(steps_);
}

Times united(std::span<const Times> all) {
    Times result;
    for (const Times& times : all) {
        // A constant has the first time alone, which all have.
        if (!result || (result->size() == 1 && times->front() == result->front())) {
            result = times;
        } else if (times == result || (times->size() == 1 && times->front() == result->front()) || *times == *result) {
            continue;
        } else {
            std::vector<TimeNs> merged;
            merged.reserve(result->size() + times->size());
            std::set_union(result->begin(), result->end(), times->begin(), times->end(), std::back_inserter(merged));
            result = std::make_shared<const std::vector<TimeNs>>(std::move(merged));
        }
    }
    return result;
}

Steps apply_steps(const ProgramImpl& program, const Node& node, const Steps& a, const Steps* b, const Steps* c,
                  Texts& texts) {
    std::vector<Times> kids{a.times};
    if (b) kids.push_back(b->times);
    if (c) kids.push_back(c->times);
    const Times times = united(kids);
    if (!c)
        if (auto plain = apply_plain(node, a, b, times)) return std::move(*plain);
    StepsBuilder builder{texts};
    builder.reserve(times->size());
    StepsCursor at_a{a}, at_b{b ? *b : a}, at_c{c ? *c : a};
    std::string made;
    for (const TimeNs time : *times)
        builder.push(time,
                     apply(program, node, at_a.at(time), b ? at_b.at(time) : Cell{}, c ? at_c.at(time) : Cell{}, made));
    Steps steps = builder.take();
    return steps;
}

}  // namespace gongshu::expr
