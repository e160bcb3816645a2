#include "history/residual_code_1.h"

#include "history/bit_stream.h"

namespace gongshu::history {

// Codes in order of (length, symbol), as in RFC 1951 §3.2.2, in the table that reads them.
void ResidualCode1::number(const std::array<std::uint8_t, kSymbols>& lengths) {
    std::array<unsigned, kLongest + 2> next{};  // the next code of each length
    for (const std::uint8_t length : lengths)
        if (length > 0) ++next[length + 1];
    for (unsigned length = 1; length <= kLongest; ++length) next[length + 1] = (next[length] + next[length + 1]) << 1;
    for (unsigned symbol = 0; symbol < kSymbols; ++symbol) {
        const unsigned length = lengths[symbol];
        if (length == 0) continue;
        const unsigned code = next[length]++;
        unsigned reversed = 0;
        for (unsigned bit = 0; bit < length; ++bit) reversed |= (code >> bit & 1) << (length - 1 - bit);
        for (std::size_t at = reversed; at < entries_.size(); at += std::size_t{1} << length)
            entries_[at] = {static_cast<std::uint8_t>(symbol), static_cast<std::uint8_t>(length)};
    }
}

std::optional<ResidualCode1> ResidualCode1::decode(Decoder& in) {
    std::array<std::uint8_t, kSymbols> lengths{};
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
        lengths[symbol] = static_cast<std::uint8_t>(length);
        used += std::size_t{1} << (kLongest - length);
    }
    ResidualCode1 code;
    // One symbol alone has the code 0; what begins with 1 is then no code.
    const bool alone = count == 1 && lengths[symbol] == 1;
    if (!alone && used != code.entries_.size()) return std::nullopt;
    code.number(lengths);
    return code;
}

bool ResidualCode1::read(Bytes bytes, std::size_t count, std::uint64_t* residuals) const {
    Decoder in{bytes};
    BitReader low{in.bytes(in.varint())};
    BitReader high{in.bytes(in.left())};
    if (in.failed()) return false;
    constexpr std::uint64_t kMask = (std::uint64_t{1} << kLongest) - 1;
    const auto next = [&](BitReader& bits) {
        bits.refill();
        const Entry entry = entries_[bits.bits() & kMask];
        bits.drop(entry.length);
        return smallest_of(entry.symbol) + bits.take_long(extra_bits(entry.symbol));
    };
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
