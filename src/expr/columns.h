#pragma once

#include <span>
#include <string>
#include <vector>

#include "expr/expr.h"

namespace gongshu::expr {

// Readings of one tag in columns. One of the value columns is as long as `times`, by `type`; booleans are 0 and 1 in
// `numbers`. Best in order of time without two of one time; else they are put in order, and of two the later wins.
struct Input {
    ValueType type = ValueType::number;
    std::span<const TimeNs> times;
    std::span<const double> numbers = {};
    std::span<const std::int64_t> integers = {};
    std::span<const std::string> texts = {};
    std::span<const Quality> qualities = {};  // empty: all good
};

// What a program gives, row by row. A row holds from its time until the next one's.
struct Column {
    Kind kind = Kind::any;        // Program::kind(); any: each row has its own in `kinds`
    std::vector<TimeNs> times;    // ascending
    std::vector<double> numbers;  // number, integer; truth 0 or 1
    std::vector<std::int64_t>
        integers;                    // integer; ns of a time; money, price, date: as Kind says. Else empty, but of any
    std::vector<std::string> texts;  // text, quality. Empty if the kind is neither nor any
    std::vector<Kind> kinds;         // only if kind is any
    std::vector<Quality> qualities;  // bad where nothing is known
    bool cut = false;                // RunOptions::steps_max was reached
    std::vector<std::uint8_t> states;  // RowState
    std::size_t size() const { return times.size(); }
};
enum RowState : std::uint8_t { row_known = 0, row_unknown = 1, row_missing = 2 };

struct RunOptions {
    TimeNs from = INT64_MIN;   // rows before are left out; readings before still count
    TimeNs until = INT64_MAX;  // time goes on to here after the last reading; INT64_MAX: it ends with the last reading
    // Of one operation by time alone: now(), since() in a calculation and windows over time make one a second where
    // nothing comes. Past it they stand still between readings, and Column::cut says so.
    std::size_t steps_max = 10'000'000;
};

// The program over whole columns: a row at every time of a reading of any input, and whenever time alone changes the
// value. Bit for bit what a Stream gives that was fed the same readings. `inputs` are in the order of Program::tags().
// Any thread. Bounds: keeps at most about 60 bytes for each reading and operation at a time; a caller with more
// readings than fit runs it piece by piece, each with Program::lookback() before it and `from` where it begins.
Column run(const Program& program, std::span<const Input> inputs, const RunOptions& options = {});

// The program's value at given times, ascending: one row for each.
Column run_at(const Program& program, std::span<const Input> inputs, std::span<const TimeNs> times);

}  // namespace gongshu::expr
