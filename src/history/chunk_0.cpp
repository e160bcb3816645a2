#include "history/chunk_0.h"

#include <array>
#include <bit>

#include "history/codec.h"

namespace gongshu::history {
namespace {

// How the column of values is written. On disk: never renumber.
enum class Encoding : std::uint8_t {
    xored = 1,    // numbers: difference in bits to the one before, without its zero bytes
    decimal = 2,  // numbers that are whole after times 10^k: k, then as delta
    delta = 3,    // integers: zigzag varint of the difference to the one before
    runs = 4,     // booleans: value, then lengths of alternating runs
    texts = 5,    // varint length and bytes each
};

constexpr std::array<double, 7> kPowers{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

void decode_xored(Decoder& in, std::uint64_t rows, Run& run) {
    std::uint64_t before = 0;
    for (std::uint64_t i = 0; i < rows && !in.failed(); ++i) {
        const unsigned control = in.u8();
        const unsigned zeros = control >> 4;
        const unsigned count = control & 15;
        if (zeros + count > 8) return in.fail();
        std::uint64_t difference = 0;
        for (unsigned b = 0; b < count; ++b) difference |= static_cast<std::uint64_t>(in.u8()) << (8 * b);
        if (count > 0) before ^= difference << (zeros * 8);
        run.bits.push_back(before);
    }
}

void decode_decimal(Decoder& in, std::uint64_t rows, Run& run) {
    const std::size_t k = in.u8();
    if (k >= kPowers.size()) return in.fail();
    std::int64_t whole = 0;
    for (std::uint64_t i = 0; i < rows && !in.failed(); ++i) {
        whole = wrapping_add(whole, in.signed_varint());
        run.bits.push_back(std::bit_cast<std::uint64_t>(static_cast<double>(whole) / kPowers[k]));
    }
}

void decode_runs(Decoder& in, std::uint64_t rows, Run& run) {
    std::uint64_t value = in.u8();
    if (value > 1) return in.fail();
    while (run.bits.size() < rows) {
        const std::uint64_t length = in.varint();
        if (length == 0 || length > rows - run.bits.size()) return in.fail();
        run.bits.insert(run.bits.end(), static_cast<std::size_t>(length), value);
        value ^= 1;
    }
}

void decode_values(Decoder& in, std::uint64_t rows, Run& run) {
    const auto encoding = static_cast<Encoding>(in.u8());
    if (run.type == ValueType::number && encoding == Encoding::xored) return decode_xored(in, rows, run);
    if (run.type == ValueType::number && encoding == Encoding::decimal) return decode_decimal(in, rows, run);
    if (run.type == ValueType::boolean && encoding == Encoding::runs) return decode_runs(in, rows, run);
    if (run.type == ValueType::integer && encoding == Encoding::delta) {
        std::int64_t value = 0;
        for (std::uint64_t i = 0; i < rows && !in.failed(); ++i) {
            value = wrapping_add(value, in.signed_varint());
            run.bits.push_back(static_cast<std::uint64_t>(value));
        }
        return;
    }
    if (run.type == ValueType::text && encoding == Encoding::texts) {
        for (std::uint64_t i = 0; i < rows && !in.failed(); ++i) {
            const std::string_view text = in.text();
            run.bits.push_back(static_cast<std::uint64_t>(run.text.size()) << 32 | text.size());
            run.text += text;
        }
        return;
    }
    in.fail();
}

}  // namespace

Result<Run> decode_chunk_0(Bytes bytes, ValueType type, std::uint64_t rows) {
    if (rows == 0 || rows > kChunkRows0)
        return Error{Code::corrupt, "a chunk says it has {} rows, 1 to {} expected", rows, kChunkRows0};
    Decoder in{bytes};
    Run run;
    run.type = type;
    TimeNs time = in.signed_varint();
    run.times.push_back(time);
    std::int64_t step = 0;
    for (std::uint64_t i = 1; i < rows && !in.failed(); ++i) {
        step = wrapping_add(step, in.signed_varint());
        const TimeNs next = wrapping_add(time, step);
        if (next <= time) return Error{Code::corrupt, "times of a chunk do not grow at row {}", i};
        run.times.push_back(time = next);
    }
    while (run.qualities.size() < rows && !in.failed()) {
        const std::uint64_t length = in.varint();
        if (length == 0 || length > rows - run.qualities.size())
            return Error{Code::corrupt, "a chunk's qualities do not fit its {} rows", rows};
        run.qualities.insert(run.qualities.end(), static_cast<std::size_t>(length), in.u16());
    }
    decode_values(in, rows, run);
    if (!in.finished() || run.bits.size() != rows)
        return Error{Code::corrupt, "a chunk's values do not fit its {} rows", rows};
    return run;
}

}  // namespace gongshu::history
