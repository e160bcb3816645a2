#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "history/codec.h"

namespace gongshu::history {

// Residuals are written as a symbol and extra bits: below 16 the symbol is the residual; else it names the number of
// bits and the two bits after the highest one, and the others follow as they are.
inline constexpr std::size_t kSymbols = 256;
using SymbolCounts = std::array<std::uint32_t, kSymbols>;

constexpr unsigned symbol_of(std::uint64_t residual) {
    if (residual < 16) return static_cast<unsigned>(residual);
    const auto width = static_cast<unsigned>(std::bit_width(residual));
    return 16 + (width - 5) * 4 + static_cast<unsigned>((residual >> (width - 3)) & 3);
}
// How many bits follow the symbol, and the smallest residual that it stands for.
constexpr unsigned extra_bits(unsigned symbol) { return symbol < 16 ? 0 : (symbol - 16) / 4 + 2; }
constexpr std::uint64_t smallest_of(unsigned symbol) {
    return symbol < 16 ? symbol : (std::uint64_t{4} | ((symbol - 16) & 3)) << extra_bits(symbol);
}

// A prefix code (Huffman's, canonical, at most kLongest bits) for the symbols of one block.
// Threads: immutable once made.
class ResidualCode {
public:
    static constexpr unsigned kLongest = 11;

    // The best code for these counts, of which at least one is not 0.
    static ResidualCode make(SymbolCounts counts);
    void encode(Encoder& out) const;
    // nullopt if what stands there is no complete code.
    static std::optional<ResidualCode> decode(Decoder& in);

    unsigned length(unsigned symbol) const { return lengths_[symbol]; }  // in bits; 0 = has no code
    // Bits of `count` residuals with these counts.
    std::uint64_t bits_of(const SymbolCounts& counts) const;

    // Appends `count` residuals (at most 1024), each of which has a code: the bytes of the first half's stream as
    // varint, then the streams of both halves.
    void write(const std::uint64_t* residuals, std::size_t count, Buffer& out) const;
    // Reads what write() wrote, all of `bytes`; false if it is not that.
    bool read(Bytes bytes, std::size_t count, std::uint64_t* residuals) const;

private:
    struct Entry {
        std::uint8_t symbol = 0;
        std::uint8_t length = 0;
    };

    ResidualCode() = default;
    void number();

    std::array<std::uint8_t, kSymbols> lengths_{};
    std::array<std::uint16_t, kSymbols> codes_{};  // lowest bit first
    std::array<Entry, std::size_t{1} << kLongest> entries_{};
};

}  // namespace gongshu::history
