#pragma once

#include <string>
#include <vector>

#include "data/money.h"
#include "expr/calendar.h"
#include "expr/expr.h"

namespace gongshu::expr {

enum class NodeOp : std::uint8_t {
    // Constants.
    number,
    integer,
    truth,
    text,
    quality_name,
    time,
    money,    // `integer`
    price,    // `integer`
    date,     // `integer`
    unknown,  // a truth of which nothing is known
    // Inputs: what they give depends on readings and on time.
    tag,
    quality,
    reading_time,   // of a tag
    since,          // whole seconds
    since_compare,  // `number` is a NodeOp that compares, `offset` the seconds and `integer` the ns of the other side
    window,         // WindowSpec, of a tag or of kid a
    step_window,
    lag,
    changed,
    hold,
    now,
    calendar_now,
    // Pure: the kids decide.
    negate,
    add,
    subtract,
    multiply,
    divide,
    remainder,
    power,
    affine,  // kid * number + offset
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,  // right side moved by `offset` (dead band)
    not_,
    and_,
    or_,
    choose,
    coalesce,
    known,
    time_add,
    time_subtract,
    time_difference,
    calendar,
    abs,
    sqrt,
    round,
    round_to,
    floor,
    ceil,
    trunc,
    sign,
    log,
    log10,
    exp,
    sin,
    cos,
    tan,
    asin,
    acos,
    atan,
    atan2,
    hypot,
    min,
    max,
    clamp,
    length,
    upper,
    lower,
    contains,
    starts_with,
    ends_with,
    concat,
    bit,
    bit_and,
    bit_or,
    bit_xor,
    bit_shift,
    // Exact, in exact.cpp. With a Scaling of `index`:
    exact_multiply,  // money or price * number
    exact_divide,    // money or price / number
    exact_ratio,     // money / money, price / price, money / price: a number, times `number`
    to_money,        // a number; money or a price by its Scaling
    money_text,      // texts_[index] is its unit
    share,           // whole ppm
    part_list,       // a text of weights
    split_part,      // money, part_list; `integer`: which part, from 1
    date_add,        // `number`: days of one of b; `offset` 1 or -1
    date_difference,
    date_of_text,
    start_of_month,
    end_of_month,
    add_months,
    working_day,
    add_working_days,
    working_days_between,
};

inline bool is_constant(NodeOp op) { return op <= NodeOp::unknown; }
inline bool is_pure(NodeOp op) { return op >= NodeOp::negate; }

// One operation. Kids have smaller indexes than their parent; the last node of a program is its root.
struct Node {
    NodeOp op;
    std::uint16_t a = 0, b = 0, c = 0;  // kids
    std::uint16_t index = 0;            // of a tag, a window, a hold, a constant text, a zone …
    double number = 0, offset = 0;
    std::int64_t integer = 0;  // constant; ns of a duration or a time
};

// How many of a, b, c are kids. Of a window that is over a calculation kid a is told by WindowSpec.
int kids_of(NodeOp op);

enum class Aggregate : std::uint8_t {
    avg,
    min,
    max,
    sum,
    count,
    first,
    last,
    delta,
    rate,
    stddev,
    median,
    percentile,
    increase,
    // Of how long a value lasted: StepWindow.
    twa,
    duration_true,
    count_true,
};
inline bool is_of_steps(Aggregate aggregate) { return aggregate >= Aggregate::twa; }

// What a window, a lag or changed() looks at: a tag, or a calculation, whose readings come when one of its tags has
// one.
struct Source {
    bool is_tag = true;
    std::uint16_t tag = 0;   // is_tag
    std::uint16_t node = 0;  // else
    std::uint64_t tags = 0;  // bits of the tags in it
    friend bool operator==(const Source&, const Source&) = default;
};

struct WindowSpec {
    Aggregate aggregate;
    Source source;
    DurationNs length = 0;
    double parameter = 0;
    friend bool operator==(const WindowSpec&, const WindowSpec&) = default;
};

struct LagSpec {
    Source source;
    DurationNs by = 0;
};

struct ChangedSpec {
    Source source;
    DurationNs within = 0;  // 0: the newest reading differs from the one before
};

// How an exact operation scales: result = a * or / number * 10^shift * ratio, rounded once.
struct Scaling {
    Kind result = Kind::money;
    int shift = 0;
    Ratio ratio;
    Rounding rounding = Rounding::half_even;
    bool whole = false;  // to_money: a digit too many is no result, instead of being rounded
};

// coalesce() and ??: node takes `instead` where `of` is not known.
struct Substitute {
    std::uint16_t node = 0, of = 0, instead = 0, tag = 0;
    std::string written, unit;
};

// Where a node was written.
struct Written {
    std::uint32_t column = 0, length = 0;
};
// The characters there.
std::string written_text(std::string_view text, Written place);

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
    bool is_difference() const override { return difference_; }
    const std::string& zone() const override { return zone_; }
    const std::string& calendar() const override {
        static const std::string kNone;
        return working_days_ ? working_days_->identity() : kNone;
    }

    std::string text_, unit_, zone_;
    Kind kind_ = Kind::any;
    bool difference_ = false;
    std::vector<ProgramTag> tags_;
    std::vector<std::string> uses_;
    DurationNs lookback_ = 0, outer_hold_ = 0;
    std::vector<Node> nodes_;
    std::vector<WindowSpec> windows_;       // NodeOp::window
    std::vector<WindowSpec> step_windows_;  // NodeOp::step_window
    std::vector<LagSpec> lags_;
    std::vector<ChangedSpec> changes_;
    std::uint16_t holds_ = 0;
    std::vector<std::string> texts_;
    std::vector<Calendar> calendars_;
    std::vector<Scaling> scalings_;
    std::shared_ptr<const WorkingDays> working_days_;
    std::vector<Watched> watched_;
    std::vector<Substitute> substitutes_;
    std::vector<Written> written_;  // of nodes_
};

}  // namespace gongshu::expr
