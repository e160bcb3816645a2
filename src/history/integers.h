#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "history/codec.h"
#include "history/kernels.h"
#include "history/residual_code.h"
#include "history/residual_code_1.h"
#include "history/tier.h"

namespace gongshu::history {

// How up to kVectorRows whole numbers are written: "integers" of docs/format/segment.md. Numbers are 64 bits; whether
// they are meant as signed matters for the size only. Differences wrap, so any numbers can be written and all come
// back.

// What the form with a code writes: the zigzag of how far the numbers of an order are from a centre.
struct Residuals {
    unsigned order = 0;
    std::uint64_t centre = 0;
    Vector at;  // from `order` on
};

// A vector that is being written: what comes before its numbers, the shortest form of these without a code and, when
// one may be used, what it is made of.
struct VectorPlan {
    std::size_t count = 0;
    Buffer before;
    Buffer plain;
    std::uint64_t first = 0, second = 0;  // of the numbers
    bool may_be_coded = false;
    Residuals residuals;

    void count_symbols(SymbolCounts& counts) const;
    // Appends the vector: with the code, if one is given and that is shorter. The numbers come last, since the form
    // with a code reads all bytes that are left.
    void write(const ResidualCode* code, Buffer& out) const;
};
// Plans `count` > 0 numbers, after what is already in `before`.
void plan_integers(const std::uint64_t* values, std::size_t count, Tier tier, VectorPlan& plan);

// Appends `count` > 0 numbers in their shortest form without a code.
void encode_integers(const std::uint64_t* values, std::size_t count, Buffer& out);

// The codes of a block, either of which may be missing; files of format 1 have the second.
struct ResidualCodes {
    std::optional<ResidualCode> code;
    std::optional<ResidualCode1> code_1;
};
// Reads `count` numbers, 1 to kVectorRows; in.failed() if they are not there.
void decode_integers(Decoder& in, std::size_t count, const ResidualCodes& codes, std::uint64_t* values);

}  // namespace gongshu::history
