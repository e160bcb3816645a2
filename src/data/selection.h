#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/sink.h"

namespace gongshu {

// How a value is held against a bound.
enum class Comparison : std::uint8_t { less, less_or_equal, equal, unequal, greater_or_equal, greater };
std::string_view to_string(Comparison comparison);  // "<", "<=", "=", "!=", ">=", ">"

// What the reading of one tag has to be. Numbers and integers are held against a number or an integer, exactly
// whatever both are; booleans and texts are only equal or unequal. What has no value (NaN) satisfies nothing.
struct ValueCondition {
    TagId tag;
    Comparison comparison = Comparison::greater;
    Value bound;
};

// A question for the rows of objects, such as devices, at the times when conditions hold. Times are UTC ns.
struct SelectRequest {
    // Tags whose readings stand side by side.
    struct Object {
        std::vector<TagId> tags;  // the columns, none twice
        // Of tags of the same object, among `tags` or not; a row comes where all of them hold. At least one.
        std::vector<ValueCondition> where;
    };
    std::vector<Object> objects;
    Window window;
    // Which readings satisfy a condition and which come; those that do not are no readings. Automatic: usable ones
    // satisfy it, and all come.
    QualityFilter quality = QualityFilter::automatic;
    bool newest_first = false;
    std::uint64_t rows_wanted = 0;  // > 0 is content with the first so many rows of each object (SelectedRows::more)
    std::uint64_t rows_max = 1'000'000;      // over all objects; more is Code::limit and says how to narrow
    std::uint64_t bytes_max = 128ULL << 20;  // of the answer in memory, roughly; the same
    ReadPatience patience;
};

inline constexpr std::uint16_t kNoReading = 0xffff;  // in place of a quality; pack() never gives it

// One tag of an object at the times of the rows.
struct SelectedColumn {
    ValueType type = ValueType::number;
    std::vector<std::uint64_t> bits;       // as Rows::bits() has them; of text offset << 32 | length into `text`
    std::vector<std::uint16_t> qualities;  // packed, or kNoReading; empty if each row has a reading that is kGood
    std::string text;

    std::string_view text_at(std::size_t row) const {
        return std::string_view(text).substr(bits[row] >> 32, bits[row] & 0xffffffff);
    }
};

// The rows of one object.
struct SelectedRows {
    std::vector<TimeNs> times;            // in the order that was asked for, none twice
    std::vector<SelectedColumn> columns;  // as Object::tags
    bool more = false;                    // there are more rows than `rows_wanted`
};

}  // namespace gongshu
