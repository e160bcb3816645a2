#include "history/residual_code.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "history/bit_stream.h"
#include "history/for_each_machine.h"
#include "history/kernels.h"

namespace gongshu::history {
namespace {

using Shares = std::array<std::uint16_t, kSymbols>;

constexpr unsigned kZerosBits = 4;  // of a number of symbols that have no share

// Shares of `size` entries in proportion to the counts, none of what is there without one.
void share_out(const SymbolCounts& counts, std::uint64_t total, std::size_t size, Shares& shares) {
    std::int64_t left = static_cast<std::int64_t>(size);
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol) {
        const std::uint64_t share = (counts[symbol] * std::uint64_t{size} + total / 2) / total;
        shares[symbol] = counts[symbol] == 0 ? 0 : static_cast<std::uint16_t>(std::max<std::uint64_t>(share, 1));
        left -= shares[symbol];
    }
    // What rounding left over or took too much goes where it gains most or costs least.
    for (; left != 0; left += left < 0 ? 1 : -1) {
        const int step = left > 0 ? 1 : -1;
        unsigned best = 0;
        double best_gain = -INFINITY;
        for (unsigned symbol = 0; symbol < kSymbols; ++symbol) {
            if (shares[symbol] < (step > 0 ? 1 : 2)) continue;
            const double gain = step * static_cast<double>(counts[symbol]) / (shares[symbol] + 0.5 * step);
            if (gain <= best_gain) continue;
            best_gain = gain;
            best = symbol;
        }
        shares[best] = static_cast<std::uint16_t>(shares[best] + step);
    }
}

// Bits of symbols with these counts, and of the table itself.
double bits_of(const SymbolCounts& counts, const Shares& shares, unsigned log) {
    double bits = 0;
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol)
        if (counts[symbol] > 0) bits += counts[symbol] * (log - std::log2(shares[symbol])) + log;
    return bits;
}

// The symbols of the table's entries: each goes on by so much that its entries lie about evenly.
void spread(const Shares& shares, std::size_t size, std::uint8_t* symbols) {
    const std::size_t step = (size >> 1) + (size >> 3) + 3;
    std::size_t at = 0;
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol) {
        for (unsigned i = 0; i < shares[symbol]; ++i) {
            symbols[at] = static_cast<std::uint8_t>(symbol);
            at = (at + step) & (size - 1);
        }
    }
}

constexpr auto kSmallest = [] {
    std::array<std::uint64_t, kSymbols> smallest{};
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol) smallest[symbol] = smallest_of(symbol);
    return smallest;
}();

}  // namespace

ResidualCode ResidualCode::make(const SymbolCounts& counts) {
    std::uint64_t total = 0;
    unsigned used = 0;
    for (const std::uint32_t count : counts) {
        total += count;
        used += count > 0 ? 1 : 0;
    }
    ASSERT(total > 0);
    ResidualCode code;
    double fewest = INFINITY;
    const auto enough = static_cast<unsigned>(std::bit_width(4 * used));
    for (unsigned log = std::clamp(enough, kLogMin, 9u); log <= std::min(enough + 3, kLogMax); ++log) {
        Shares shares;
        share_out(counts, total, std::size_t{1} << log, shares);
        const double bits = bits_of(counts, shares, log);
        // A larger table takes longer to make whenever the block is read.
        if (bits > fewest * 0.998) continue;
        fewest = bits;
        code.log_ = log;
        code.shares_ = shares;
    }
    code.fill_entries();
    code.fill_states();
    return code;
}

std::size_t ResidualCode::bytes_of(const SymbolCounts& counts) const {
    double bits = 0;
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol)
        if (counts[symbol] > 0) bits += counts[symbol] * (log_ - std::log2(shares_[symbol]) + extra_bits(symbol));
    return static_cast<std::size_t>(bits / 8);
}

void ResidualCode::fill_entries() {
    std::array<std::uint8_t, std::size_t{1} << kLogMax> symbols;
    spread(shares_, size(), symbols.data());
    Shares next = shares_;
    for (std::size_t state = 0; state < size(); ++state) {
        const std::uint8_t symbol = symbols[state];
        const unsigned number = next[symbol]++;
        const unsigned bits = log_ + 1 - static_cast<unsigned>(std::bit_width(number));
        entries_[state] = {static_cast<std::uint16_t>((number << bits) - size()), static_cast<std::uint8_t>(bits),
                           symbol};
    }
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol)
        if (shares_[symbol] > 0) extra_max_ = extra_bits(symbol);
}

void ResidualCode::fill_states() {
    std::int32_t first = 0;
    Shares next{};
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol) {
        const std::uint32_t share = shares_[symbol];
        if (share == 0) continue;
        // States from share << bits on leave so many bits behind, those below one less.
        const unsigned bits = log_ + 1 - static_cast<unsigned>(std::bit_width(share - 1));
        leaves_[symbol] = {(bits << 16) - (share << bits), first - static_cast<std::int32_t>(share)};
        next[symbol] = static_cast<std::uint16_t>(first);
        first += static_cast<std::int32_t>(share);
    }
    states_.resize(size());
    for (std::size_t state = 0; state < size(); ++state)
        states_[next[entries_[state].symbol]++] = static_cast<std::uint16_t>(state + size());
}

// The shares one by one, each in as many bits as what is left of the size takes; after a 0 how many more there are.
void ResidualCode::encode(Encoder& out) const {
    out.u8(static_cast<std::uint8_t>(log_));
    Buffer bytes;
    BitWriter bits{bytes};
    std::size_t left = size();
    for (unsigned symbol = 0; left > 0; ++symbol) {
        bits.put(shares_[symbol], static_cast<unsigned>(std::bit_width(left)));
        left -= shares_[symbol];
        if (shares_[symbol] > 0) continue;
        unsigned zeros = 0;
        for (; shares_[symbol + 1] == 0; ++symbol) ++zeros;
        constexpr unsigned kMost = (1 << kZerosBits) - 1;
        for (; zeros >= kMost; zeros -= kMost) bits.put(kMost, kZerosBits);
        bits.put(zeros, kZerosBits);
    }
    bits.end();
    out.varint(bytes.size());
    out.bytes(bytes);
}

std::optional<ResidualCode> ResidualCode::decode(Decoder& in) {
    ResidualCode code;
    code.log_ = in.u8();
    const Bytes bytes = in.bytes(in.varint());
    if (in.failed() || code.log_ < kLogMin || code.log_ > kLogMax) return std::nullopt;
    BitReader bits{bytes};
    std::size_t left = code.size();
    for (unsigned symbol = 0; left > 0; ++symbol) {
        if (symbol >= kSymbols) return std::nullopt;
        bits.refill();
        const std::uint64_t share = bits.take(static_cast<unsigned>(std::bit_width(left)));
        if (share > left) return std::nullopt;
        code.shares_[symbol] = static_cast<std::uint16_t>(share);
        left -= static_cast<std::size_t>(share);
        if (share > 0) continue;
        constexpr unsigned kMost = (1 << kZerosBits) - 1;
        for (unsigned more = kMost; more == kMost && symbol < kSymbols; symbol += more) {
            bits.refill();
            more = static_cast<unsigned>(bits.take(kZerosBits));
        }
    }
    if (!bits.ended()) return std::nullopt;
    code.fill_entries();
    return code;
}

void ResidualCode::write(const std::uint64_t* residuals, std::size_t count, Buffer& out) const {
    ASSERT(count <= kVectorRows && !states_.empty());
    struct Step {
        std::uint16_t bits = 0;
        std::uint8_t count = 0;
        std::uint8_t symbol = 0;
    };
    std::array<Step, kVectorRows> steps;
    std::array<std::uint32_t, kStates> states{};  // with the size added
    // From the last one to the first: reading turns each step around.
    for (std::size_t i = count; i-- > 0;) {
        const unsigned symbol = symbol_of(residuals[i]);
        ASSERT(shares_[symbol] > 0);
        const Leave leave = leaves_[symbol];
        std::uint32_t& state = states[i % kStates];
        // The last one of a state leads nowhere: any entry of its symbol does.
        const bool leads_on = i + kStates < count;
        const std::uint32_t bits = leads_on ? (state + leave.of_bits) >> 16 : 0;
        const std::uint32_t number = leads_on ? state >> bits : shares_[symbol];
        steps[i] = {static_cast<std::uint16_t>(state & ((1u << bits) - 1)), static_cast<std::uint8_t>(bits),
                    static_cast<std::uint8_t>(symbol)};
        state = states_[static_cast<std::size_t>(static_cast<std::int32_t>(number) + leave.first)];
    }
    BitWriter bits{out};
    for (const std::uint32_t state : states) bits.put(state == 0 ? 0 : state - size(), log_);
    for (std::size_t i = 0; i < count; ++i) {
        const Step step = steps[i];
        bits.put(step.bits, step.count);
        if (step.symbol >= kPlainSymbols) bits.put(residuals[i] - kSmallest[step.symbol], extra_bits(step.symbol));
    }
    bits.end();
}

namespace {

constexpr auto kExtra = [] {
    std::array<std::uint8_t, kSymbols> extra{};
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol)
        extra[symbol] = static_cast<std::uint8_t>(extra_bits(symbol));
    return extra;
}();
constexpr unsigned kLookBits = 56;  // as many a look into the stream gives

// How often the stream is looked at: as the bits of a turn of all states or of one symbol allow, or more often.
enum class Looks { each_turn, each_symbol, twice };

template <Looks looks, bool has_extra, class Residual>
[[gnu::always_inline]] inline bool read_all(const ResidualCode::Entry* entries, unsigned log, Bytes bytes,
                                            std::size_t count, Residual* residuals) {
    constexpr std::size_t kStates = ResidualCode::kStates;
    BitReader bits{bytes};
    std::array<std::uint32_t, kStates> states;
    bits.refill();
    for (std::uint32_t& state : states) state = static_cast<std::uint32_t>(bits.take(log));
    const auto extra = [&](unsigned symbol) __attribute__((always_inline)) {
        if constexpr (!has_extra) return Residual(symbol);
        if constexpr (looks == Looks::twice) return Residual(kSmallest[symbol] + bits.take_long(kExtra[symbol]));
        return Residual(kSmallest[symbol] + bits.take(kExtra[symbol]));
    };
    std::size_t i = 0;
    for (; i + 2 * kStates <= count; i += kStates) {
        if constexpr (looks == Looks::each_turn) bits.refill();
        for (std::size_t k = 0; k < kStates; ++k) {
            if constexpr (looks != Looks::each_turn) bits.refill();
            const ResidualCode::Entry entry = entries[states[k]];
            states[k] = entry.next + static_cast<std::uint32_t>(bits.take(entry.bits));
            residuals[i + k] = extra(entry.symbol);
        }
    }
    for (; i < count; ++i) {
        bits.refill();
        const ResidualCode::Entry entry = entries[states[i % kStates]];
        if (i + kStates < count) states[i % kStates] = entry.next + static_cast<std::uint32_t>(bits.take(entry.bits));
        residuals[i] = extra(entry.symbol);
    }
    return bits.ended();
}

}  // namespace

namespace kernels {

FOR_EACH_MACHINE bool read_bytes(const ResidualCode::Entry* entries, unsigned log, Bytes bytes, std::size_t count,
                                 std::uint8_t* residuals) {
    return read_all<Looks::each_turn, false>(entries, log, bytes, count, residuals);
}

FOR_EACH_MACHINE bool read_short(const ResidualCode::Entry* entries, unsigned log, Bytes bytes, std::size_t count,
                                 std::uint64_t* residuals) {
    return read_all<Looks::each_turn, true>(entries, log, bytes, count, residuals);
}

FOR_EACH_MACHINE bool read_long(const ResidualCode::Entry* entries, unsigned log, Bytes bytes, std::size_t count,
                                std::uint64_t* residuals) {
    return read_all<Looks::each_symbol, true>(entries, log, bytes, count, residuals);
}

bool read_longest(const ResidualCode::Entry* entries, unsigned log, Bytes bytes, std::size_t count,
                  std::uint64_t* residuals) {
    return read_all<Looks::twice, true>(entries, log, bytes, count, residuals);
}

}  // namespace kernels

bool ResidualCode::read(Bytes bytes, std::size_t count, std::uint64_t* residuals) const {
    ASSERT(count <= kVectorRows);
    const auto read = (log_ + extra_max_) * kStates <= kLookBits ? kernels::read_short
                      : log_ + extra_max_ <= kLookBits           ? kernels::read_long
                                                                 : kernels::read_longest;
    return read(entries_.data(), log_, bytes, count, residuals);
}

bool ResidualCode::read_plain(Bytes bytes, std::size_t count, std::uint8_t* residuals) const {
    ASSERT(plain() && count <= kVectorRows);
    return kernels::read_bytes(entries_.data(), log_, bytes, count, residuals);
}

}  // namespace gongshu::history
