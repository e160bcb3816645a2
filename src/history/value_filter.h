#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "data/selection.h"
#include "history/chunk.h"

namespace gongshu::history {

// A condition made ready for the values of one type: a range of them, or all but that.
// Threads: any, once made.
class ValueFilter {
public:
    // Code::invalid, saying what would do, if values of `type` cannot be held against that bound.
    static Result<ValueFilter> create(ValueType type, Comparison comparison, const Value& bound);

    // Whether a row may satisfy it of those that `statistics` tell of; with `bad_too` bad ones count as well, of whose
    // values statistics tell nothing.
    bool may_hold(const Statistics& statistics, bool bad_too) const;
    // marks[i] = 1 where bits[i] satisfies it, else 0. Of texts they point into `text`.
    void mark(std::span<const std::uint64_t> bits, std::string_view text, std::uint8_t* marks) const;

private:
    explicit ValueFilter(ValueType type) : type_(type) {}
    Result<void> set_whole(Comparison comparison, const Value& bound);
    Result<void> set_number(Comparison comparison, const Value& bound);
    Result<void> set_equal(Comparison comparison, const Value& bound);

    ValueType type_;
    bool outside_ = false;  // satisfied by what is not within
    // Both ends are within; empty where low is above high. Of booleans 0 and 1.
    std::int64_t low_whole_ = INT64_MIN, high_whole_ = INT64_MAX;
    double low_ = 0, high_ = 0;
    std::string text_;  // that is the one text within
};

}  // namespace gongshu::history
