#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "history/codec.h"
#include "history/kernels.h"
#include "history/residual_code.h"

namespace gongshu::history {

// How up to kVectorRows whole numbers are written: "integers" of docs/format/segment.md. Numbers are 64 bits; whether
// they are meant as signed matters for the size only. Differences wrap, so any numbers can be written and all come
// back.

// Appends the shortest form of `count` > 0 numbers. With a code, made of the counts of these and perhaps other numbers,
// also tries the form that uses it; it may come last in its vector only, since it reads all bytes that are left.
void encode_integers(const std::uint64_t* values, std::size_t count, const ResidualCode* code, Buffer& out);
// Adds what the form with a code would write of these numbers.
void count_symbols(const std::uint64_t* values, std::size_t count, SymbolCounts& counts);
// Reads `count` numbers, 1 to kVectorRows; in.failed() if they are not there. `code` may be null.
void decode_integers(Decoder& in, std::size_t count, const ResidualCode* code, std::uint64_t* values);

}  // namespace gongshu::history
