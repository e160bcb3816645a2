#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "data/value.h"

// Numbers as machines keep them, and what becomes of a value that is written there: what the codecs of Modbus and S7
// have in common.
namespace gongshu::wire {

// value = raw * scale + offset
struct Scaling {
    double scale = 1;  // not 0
    double offset = 0;
    bool is_none() const { return scale == 1 && offset == 0; }
};

double scaled(double raw, const Scaling& scaling);

// The number that the float was meant to be: 7.71 and not 7.710000038146973. The nearest float of it is the same one.
double shortest(float value);

// A kind of whole number, with the limits of its raw values.
struct WholeRange {
    std::string_view name;  // as people know it: "u16", "dint"
    std::int64_t min = 0;
    std::uint64_t max = 0;
};

// The raw number as two's complement bits. Code::limit when it is outside of the range, or when `value` (a number,
// integer or boolean) could only be written rounded; the nearest values are named then.
Result<std::uint64_t> encode_whole(const WholeRange& range, const Scaling& scaling, const Value& value);

// The bits of the float next to `number` without its scaling. Code::limit when it is beyond all floats, or when it is a
// whole number, meant to the last digit, that no float is.
Result<std::uint32_t> encode_f32(std::string_view name, const Scaling& scaling, double number);

// Digits of four bits each. Code::malformed for a digit over 9.
Result<std::uint64_t> from_bcd(std::uint64_t bits, std::size_t digits);
std::uint64_t to_bcd(std::uint64_t value);

// Why a value cannot be written as it was asked.
Error inexact(double value, std::string_view name, double one, double other);

}  // namespace gongshu::wire
