#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "history/codec.h"
#include "history/integers.h"

namespace gongshu::history {

// How up to kVectorRows doubles are written: "numbers" of docs/format/segment.md. Every bit comes back, also of NaN,
// -0 and what has no short form.

// A way to make whole numbers of doubles, found by trying; good for all vectors of a chunk.
struct NumberForm {
    enum class Kind : std::uint8_t {  // on disk: never renumber
        bits = 0,                     // the bits as they are
        divided = 1,                  // a whole number divided by 10^a
        multiplied = 2,               // a whole number times 10^a, then times 10^-b
        single = 3,                   // a whole number divided by 10^a, rounded to a single
        split = 4,  // the bits without `a` zeros at the end: the lowest `b` of them as they are, and those above
    };
    Kind kind = Kind::bits;
    std::uint8_t a = 0;
    std::uint8_t b = 0;
    std::uint32_t step = 1;  // of which all whole numbers are multiples; those that are written are so many of it
    friend bool operator==(NumberForm, NumberForm) = default;
};

// The form in which the doubles with these bits are shortest. Tries on some of them.
NumberForm choose_form(std::span<const std::uint64_t> bits);
// Plans `count` > 0 doubles. One that the form does not give back is written beside; if these are too many, all are
// written in another form.
void plan_numbers(const std::uint64_t* bits, std::size_t count, NumberForm form, Tier tier, VectorPlan& plan);
// Appends them in their shortest form without a code.
void encode_numbers(const std::uint64_t* bits, std::size_t count, NumberForm form, Buffer& out);
// in.failed() if they are not there.
void decode_numbers(Decoder& in, std::size_t count, const ResidualCodes& codes, std::uint64_t* bits);

}  // namespace gongshu::history
