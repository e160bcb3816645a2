#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "history/codec.h"
#include "history/residual_code.h"

namespace gongshu::history {

// The code of residuals that segments of format 1 hold (docs/format/segment.md): a prefix code, Huffman's, canonical,
// of at most kLongest bits. It is read for ever and written no more. Threads: immutable once made.
class ResidualCode1 {
public:
    static constexpr unsigned kLongest = 11;

    // nullopt if what stands there is no complete code.
    static std::optional<ResidualCode1> decode(Decoder& in);
    // Reads `count` residuals (at most kVectorRows), all of `bytes`; false if they are not there.
    bool read(Bytes bytes, std::size_t count, std::uint64_t* residuals) const;

private:
    struct Entry {
        std::uint8_t symbol = 0;
        std::uint8_t length = 0;
    };

    ResidualCode1() = default;
    void number(const std::array<std::uint8_t, kSymbols>& lengths);

    std::array<Entry, std::size_t{1} << kLongest> entries_{};
};

}  // namespace gongshu::history
