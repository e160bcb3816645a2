#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "history/codec.h"

namespace gongshu::history {

// Residuals are written as a symbol and extra bits: below 16 the symbol is the residual; else it names the number of
// bits and the two bits after the highest one, and the others follow as they are.
inline constexpr std::size_t kSymbols = 256;
inline constexpr unsigned kPlainSymbols = 16;  // those that are the residual
using SymbolCounts = std::array<std::uint32_t, kSymbols>;

constexpr unsigned symbol_of(std::uint64_t residual) {
    if (residual < kPlainSymbols) return static_cast<unsigned>(residual);
    const auto width = static_cast<unsigned>(std::bit_width(residual));
    return 16 + (width - 5) * 4 + static_cast<unsigned>((residual >> (width - 3)) & 3);
}
// How many bits follow the symbol, and the smallest residual that it stands for.
constexpr unsigned extra_bits(unsigned symbol) { return symbol < kPlainSymbols ? 0 : (symbol - 16) / 4 + 2; }
constexpr std::uint64_t smallest_of(unsigned symbol) {
    return symbol < kPlainSymbols ? symbol : (std::uint64_t{4} | ((symbol - 16) & 3)) << extra_bits(symbol);
}

// The code of a block's residuals: tabled asymmetric numerals (Duda, arXiv 1311.2540). A state is an entry of a table
// in which each symbol has as many as it is frequent; it gives the symbol, and with some bits of the stream the next
// state. So a symbol takes a broken number of bits: hardly more than its entropy, also when that is far below one.
// Threads: immutable once made.
class ResidualCode {
public:
    static constexpr unsigned kLogMin = 6;  // of the table's size
    static constexpr unsigned kLogMax = 11;
    // So many states take turns: while one waits for its entry the others go on.
    static constexpr std::size_t kStates = 4;

    // A good code for these counts, of which at least one is not 0.
    static ResidualCode make(const SymbolCounts& counts);
    void encode(Encoder& out) const;
    // nullopt if what stands there is no code.
    static std::optional<ResidualCode> decode(Decoder& in);

    // About so many bytes residuals with these counts take, at least.
    std::size_t bytes_of(const SymbolCounts& counts) const;
    bool has(unsigned symbol) const { return shares_[symbol] > 0; }

    // Appends `count` residuals (at most kVectorRows), each of whose symbols it has.
    void write(const std::uint64_t* residuals, std::size_t count, Buffer& out) const;
    // Reads what write() wrote, all of `bytes`; false if it is not that.
    bool read(Bytes bytes, std::size_t count, std::uint64_t* residuals) const;
    // Whether no symbol has extra bits, so that each residual is a byte; then the same for bytes.
    bool plain() const { return extra_max_ == 0; }
    bool read_plain(Bytes bytes, std::size_t count, std::uint8_t* residuals) const;

    struct Entry {
        std::uint16_t next;  // to which the bits are added
        std::uint8_t bits;   // how many
        std::uint8_t symbol;
    };

private:
    ResidualCode() = default;
    std::size_t size() const { return std::size_t{1} << log_; }
    void fill_entries();
    void fill_states();

    unsigned log_ = kLogMin;
    unsigned extra_max_ = 0;
    std::array<std::uint16_t, kSymbols> shares_{};          // entries of each symbol; size() together
    std::array<Entry, std::size_t{1} << kLogMax> entries_;  // the first size() are filled
    // For writing: a symbol leaves (state + of_bits) >> 16 bits of the state behind, and what is left of it, plus
    // `first`, is where the next state stands in states_.
    struct Leave {
        std::uint32_t of_bits = 0;
        std::int32_t first = 0;
    };
    std::array<Leave, kSymbols> leaves_{};
    std::vector<std::uint16_t> states_;
};

}  // namespace gongshu::history
