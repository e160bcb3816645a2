#pragma once

#include <string>
#include <vector>

#include "expr/expr.h"

namespace gongshu::expr {

enum class NodeOp : std::uint8_t {
    number,
    truth,
    text,
    quality_name,  // constants
    tag,
    quality,
    since,
    window,  // inputs
    negate,
    add,
    subtract,
    multiply,
    divide,
    remainder,
    power,
    affine,  // affine: kid * number + offset
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,  // right side moved by `offset` (dead band)
    not_,
    and_,
    or_,
    hold,
    choose,
    abs,
    sqrt,
    round,
    floor,
    ceil,
    log,
    exp,
    min,
    max,
};

// One operation. Kids have smaller indexes than their parent; the last node of a program is its root.
struct Node {
    NodeOp op;
    std::uint16_t a = 0, b = 0, c = 0;  // kids
    std::uint16_t index = 0;            // of a tag, a window, a hold, a constant text
    double number = 0, offset = 0;
    DurationNs duration = 0;  // hold
};

enum class Aggregate : std::uint8_t { avg, min, max, sum, count, first, last, delta, rate };

struct WindowSpec {
    Aggregate aggregate;
    std::uint16_t tag = 0;
    DurationNs length = 0;
    friend bool operator==(const WindowSpec&, const WindowSpec&) = default;
};

// An input that is shown to who asks why.
struct Watched {
    std::uint16_t node = 0;
    std::uint16_t tag = 0;
    std::string expression;
    std::string unit;
};

struct ProgramImpl final : Program {
    const std::string& text() const override { return text_; }
    Kind kind() const override { return kind_; }
    const std::string& unit() const override { return unit_; }
    std::span<const ProgramTag> tags() const override { return tags_; }
    const std::vector<std::string>& uses() const override { return uses_; }
    DurationNs lookback() const override { return lookback_; }
    DurationNs outer_hold() const override { return outer_hold_; }

    std::string text_, unit_;
    Kind kind_ = Kind::any;
    std::vector<ProgramTag> tags_;
    std::vector<std::string> uses_;
    DurationNs lookback_ = 0, outer_hold_ = 0;
    std::vector<Node> nodes_;
    std::vector<WindowSpec> windows_;
    std::uint16_t holds_ = 0;
    std::vector<std::string> texts_;
    std::vector<Watched> watched_;
};

}  // namespace gongshu::expr
