#include "history/residual_code.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "base/assert.h"
#include "history/kernels.h"

namespace gongshu::history {
namespace {

constexpr std::size_t kHalfMax = kVectorRows / 2;
constexpr unsigned kResidualBitsMax = ResidualCode::kLongest + 61;
constexpr std::size_t kStreamBytesMax = kHalfMax * kResidualBitsMax / 8;

// Lengths by merging the two lightest nodes until one is left.
void merge_lightest(const SymbolCounts& counts, std::array<std::uint8_t, kSymbols>& lengths) {
    struct Node {
        std::uint64_t weight;
        int parent;
    };
    std::vector<unsigned> symbols;
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol)
        if (counts[symbol] > 0) symbols.push_back(symbol);
    std::ranges::stable_sort(symbols, {}, [&](unsigned symbol) { return counts[symbol]; });
    std::vector<Node> nodes;
    for (const unsigned symbol : symbols) nodes.push_back({counts[symbol], -1});
    const std::size_t leaves = nodes.size();
    std::size_t leaf = 0;  // the leaves and, behind them, the inner nodes are each in growing weight
    std::size_t inner = leaves;
    const auto lightest = [&] {
        const bool take_leaf = leaf < leaves && (inner == nodes.size() || nodes[leaf].weight <= nodes[inner].weight);
        return take_leaf ? leaf++ : inner++;
    };
    while (leaves - leaf + nodes.size() - inner > 1) {
        const std::size_t a = lightest();
        const std::size_t b = lightest();
        nodes[a].parent = nodes[b].parent = static_cast<int>(nodes.size());
        nodes.push_back({nodes[a].weight + nodes[b].weight, -1});
    }
    std::vector<std::uint8_t> depth(nodes.size(), 0);
    for (std::size_t i = nodes.size() - 1; i-- > 0;)
        depth[i] = static_cast<std::uint8_t>(depth[static_cast<std::size_t>(nodes[i].parent)] + 1);
    for (std::size_t i = 0; i < leaves; ++i) lengths[symbols[i]] = std::max<std::uint8_t>(depth[i], 1);
}

// Bits are gathered from the lowest on.
class BitWriter {
public:
    explicit BitWriter(Buffer& out) : out_(out) {}
    void put(std::uint64_t bits, unsigned count) {
        held_ |= static_cast<unsigned __int128>(bits) << count_;
        for (count_ += count; count_ >= 8; count_ -= 8, held_ >>= 8) out_.push_back(static_cast<std::uint8_t>(held_));
    }
    void end() {
        if (count_ > 0) out_.push_back(static_cast<std::uint8_t>(held_));
    }

private:
    Buffer& out_;
    unsigned __int128 held_ = 0;
    unsigned count_ = 0;
};

// A stream with so much room behind it that the longest residuals a stream can be said to hold stay within.
class BitReader {
public:
    explicit BitReader(Bytes bytes) : bytes_(bytes.size()) { std::memcpy(room_.data(), bytes.data(), bytes.size()); }

    void refill() {
        std::uint64_t next = 0;
        std::memcpy(&next, room_.data() + at_, sizeof next);
        bits_ |= next << held_;
        at_ += (63 - held_) >> 3;
        held_ |= 56;
    }
    std::uint64_t bits() const { return bits_; }
    void drop(unsigned count) {
        bits_ >>= count;
        held_ -= count;
    }
    std::uint64_t take(unsigned count) {  // at most 32
        const std::uint64_t taken = bits_ & ((std::uint64_t{1} << count) - 1);
        drop(count);
        return taken;
    }
    // Whether just the bytes of the stream were used, but for less than one byte.
    bool ended() const { return (at_ * 8 - held_ + 7) / 8 == bytes_; }

private:
    std::array<std::uint8_t, kStreamBytesMax + 16> room_{};
    std::size_t bytes_;
    std::size_t at_ = 0;
    std::uint64_t bits_ = 0;
    unsigned held_ = 0;
};

}  // namespace

ResidualCode ResidualCode::make(SymbolCounts counts) {
    ResidualCode code;
    for (;;) {
        code.lengths_ = {};
        merge_lightest(counts, code.lengths_);
        if (std::ranges::max(code.lengths_) <= kLongest) break;
        // Rare symbols are made more frequent than they are, which shortens the longest codes.
        for (std::uint32_t& count : counts)
            if (count > 0) count = count / 2 + 1;
    }
    code.number();
    return code;
}

// Codes in order of (length, symbol), as in RFC 1951 §3.2.2, and the table that reads them.
void ResidualCode::number() {
    std::array<unsigned, kLongest + 2> next{};  // the next code of each length
    for (const std::uint8_t length : lengths_)
        if (length > 0) ++next[length + 1];
    for (unsigned length = 1; length <= kLongest; ++length) next[length + 1] = (next[length] + next[length + 1]) << 1;
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol) {
        const unsigned length = lengths_[symbol];
        if (length == 0) continue;
        const unsigned code = next[length]++;
        unsigned reversed = 0;
        for (unsigned bit = 0; bit < length; ++bit) reversed |= (code >> bit & 1) << (length - 1 - bit);
        codes_[symbol] = static_cast<std::uint16_t>(reversed);
        for (std::size_t at = reversed; at < entries_.size(); at += std::size_t{1} << length)
            entries_[at] = {static_cast<std::uint8_t>(symbol), static_cast<std::uint8_t>(length)};
    }
}

std::uint64_t ResidualCode::bits_of(const SymbolCounts& counts) const {
    std::uint64_t bits = 0;
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol)
        bits += std::uint64_t{counts[symbol]} * (lengths_[symbol] + extra_bits(symbol));
    return bits;
}

void ResidualCode::encode(Encoder& out) const {
    out.varint(
        static_cast<std::uint64_t>(std::ranges::count_if(lengths_, [](std::uint8_t length) { return length > 0; })));
    unsigned before = 0;
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol) {
        if (lengths_[symbol] == 0) continue;
        const unsigned gap = symbol - before;
        out.u8(static_cast<std::uint8_t>(std::min(gap, 15u) << 4 | lengths_[symbol]));
        if (gap >= 15) out.varint(gap - 15);
        before = symbol;
    }
}

std::optional<ResidualCode> ResidualCode::decode(Decoder& in) {
    ResidualCode code;
    const std::uint64_t count = in.varint();
    if (count == 0 || count > kSymbols) return std::nullopt;
    std::uint64_t symbol = 0;
    std::size_t used = 0;  // of the table's entries
    for (std::uint64_t i = 0; i < count; ++i) {
        const unsigned head = in.u8();
        const std::uint64_t gap = head >> 4 < 15 ? head >> 4 : 15 + in.varint() % kSymbols;
        const unsigned length = head & 15;
        if (in.failed() || length == 0 || length > kLongest || (i > 0 && gap == 0)) return std::nullopt;
        symbol += gap;
        if (symbol >= kSymbols) return std::nullopt;
        code.lengths_[symbol] = static_cast<std::uint8_t>(length);
        used += std::size_t{1} << (kLongest - length);
    }
    // One symbol alone has the code 0; what begins with 1 is then no code.
    const bool alone = count == 1 && code.lengths_[symbol] == 1;
    if (!alone && used != code.entries_.size()) return std::nullopt;
    code.number();
    return code;
}

void ResidualCode::write(const std::uint64_t* residuals, std::size_t count, Buffer& out) const {
    ASSERT(count <= kVectorRows);
    const auto stream = [&](std::size_t begin, std::size_t end, Buffer& to) {
        BitWriter bits{to};
        for (std::size_t i = begin; i < end; ++i) {
            const unsigned symbol = symbol_of(residuals[i]);
            ASSERT(lengths_[symbol] > 0);
            bits.put(codes_[symbol], lengths_[symbol]);
            bits.put(residuals[i] - smallest_of(symbol), extra_bits(symbol));
        }
        bits.end();
    };
    const std::size_t half = (count + 1) / 2;
    Buffer first;
    stream(0, half, first);
    Encoder{out}.varint(first.size());
    out.insert(out.end(), first.begin(), first.end());
    stream(half, count, out);
}

bool ResidualCode::read(Bytes bytes, std::size_t count, std::uint64_t* residuals) const {
    Decoder in{bytes};
    const Bytes first = in.bytes(in.varint());
    const Bytes second = in.bytes(in.left());
    if (in.failed() || count > kVectorRows || first.size() > kStreamBytesMax || second.size() > kStreamBytesMax)
        return false;
    static constexpr auto kSmallest = [] {
        std::array<std::uint64_t, kSymbols> smallest{};
        for (unsigned symbol = 0; symbol < kSymbols; ++symbol) smallest[symbol] = smallest_of(symbol);
        return smallest;
    }();
    constexpr std::uint64_t kMask = (std::uint64_t{1} << kLongest) - 1;
    const auto next = [&](BitReader& in_bits) {
        in_bits.refill();
        const Entry entry = entries_[in_bits.bits() & kMask];
        in_bits.drop(entry.length);
        if (entry.symbol < 16) return std::uint64_t{entry.symbol};
        unsigned extra = extra_bits(entry.symbol);
        std::uint64_t residual = kSmallest[entry.symbol];
        if (extra > 32) {
            residual += in_bits.take(32);
            in_bits.refill();
            extra -= 32;
            return residual + (in_bits.take(extra) << 32);
        }
        return residual + in_bits.take(extra);
    };
    BitReader low{first};
    BitReader high{second};
    const std::size_t half = (count + 1) / 2;
    // Two streams at a time: while one waits for its table the other goes on.
    for (std::size_t i = 0; i < count - half; ++i) {
        residuals[i] = next(low);
        residuals[half + i] = next(high);
    }
    if (half > count - half) residuals[half - 1] = next(low);
    return low.ended() && high.ended();
}

}  // namespace gongshu::history
