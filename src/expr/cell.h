#pragma once

#include <bit>
#include <cmath>
#include <string>
#include <string_view>

#include "expr/program.h"

namespace gongshu::expr {

// A value on its way through the operations.
struct Cell {
    Kind kind = Kind::any;
    bool known = false;
    bool missing = false;  // !known because nothing was there, not because it was bad
    Quality quality;
    double number = 0;         // number, integer; truth: 0 or 1; quality: its Grade
    std::int64_t integer = 0;  // integer; time: ns; money, price, date: as Kind says, and then `number` is 0
    std::string_view text;

    bool yes() const { return known && number != 0; }
    bool no() const { return known && number == 0; }
    // Bit for bit: what a reader of an answer could tell apart.
    bool same(const Cell& other) const {
        return known == other.known && missing == other.missing && quality == other.quality &&
               (!known || (kind == other.kind && integer == other.integer && text == other.text &&
                           std::bit_cast<std::uint64_t>(number) == std::bit_cast<std::uint64_t>(other.number)));
    }
};

inline Quality worse(Quality a, Quality b) { return b.grade < a.grade ? b : a; }

inline Cell unknown_cell(Quality quality, bool missing) {
    Cell cell;
    cell.missing = missing;
    cell.quality = quality.grade == Grade::bad ? quality : bad(Reason::computed);
    return cell;
}

inline Cell missing_cell() { return unknown_cell(bad(Reason::none), true); }

inline Cell truth_cell(bool truth, Quality quality) {
    return {.kind = Kind::truth, .known = true, .quality = quality, .number = truth ? 1.0 : 0.0};
}

inline Cell number_cell(double number, Quality quality) {
    if (!std::isfinite(number)) return unknown_cell(bad(Reason::computed), false);
    return {.kind = Kind::number, .known = true, .quality = quality, .number = number};
}

inline Cell integer_cell(std::int64_t integer, Quality quality) {
    return {.kind = Kind::integer,
            .known = true,
            .quality = quality,
            .number = static_cast<double>(integer),
            .integer = integer};
}

inline Cell time_cell(TimeNs time, Quality quality) {
    return {.kind = Kind::time, .known = true, .quality = quality, .integer = time};
}

inline Cell exact_cell(Kind kind, std::int64_t integer, Quality quality) {
    return {.kind = kind, .known = true, .quality = quality, .integer = integer};
}

// A field of the wall clock: an integer, or a date.
Cell calendar_cell(const Calendar& calendar, TimeNs time, Quality quality);

// Unknown because of either: bad weighs more than missing.
Cell unknown_of(const Cell& a, const Cell& b);

// Of money, prices and dates; those of NodeOp from exact_multiply on, and + - min max abs negate.
Cell apply_exact(const ProgramImpl& program, const Node& node, const Cell& a, const Cell& b, std::string& made);

// A reading as a value of its tag; `text` of it must outlive the cell.
Cell input_cell(const ProgramTag& tag, const Value& value, Quality quality);

// The value of a constant.
Cell constant_cell(const ProgramImpl& program, const Node& node);

// The value of a pure operation. A text that is made is put into `made`, which must outlive the cell.
Cell apply(const ProgramImpl& program, const Node& node, const Cell& a, const Cell& b, const Cell& c,
           std::string& made);

// `elapsed` compared with the node's limit: NodeOp::since_compare. Turns at node.integer ns or one later.
bool since_holds(const Node& node, DurationNs elapsed);

}  // namespace gongshu::expr
