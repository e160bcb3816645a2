#include "history/chunk.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/assert.h"

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
constexpr double kDecimalMax = 9e15;  // below 2^53

// The whole number that gives exactly `value` again when divided by `power`; false if there is none.
bool to_decimal(double value, double power, std::int64_t& whole) {
    const double scaled = value * power;
    if (!(scaled >= -kDecimalMax && scaled <= kDecimalMax)) return false;
    whole = std::llround(scaled);
    return std::bit_cast<std::uint64_t>(static_cast<double>(whole) / power) == std::bit_cast<std::uint64_t>(value);
}

bool encode_decimal(const Run& run, std::size_t begin, std::size_t end, std::size_t k, Encoder& out) {
    std::array<std::int64_t, kChunkRows> wholes;
    ASSERT(end - begin <= wholes.size());
    for (std::size_t i = begin; i < end; ++i)
        if (!to_decimal(std::bit_cast<double>(run.bits[i]), kPowers[k], wholes[i - begin])) return false;
    out.u8(static_cast<std::uint8_t>(Encoding::decimal));
    out.u8(static_cast<std::uint8_t>(k));
    std::int64_t before = 0;
    for (std::size_t i = 0; i < end - begin; ++i) {
        out.signed_varint(wholes[i] - before);
        before = wholes[i];
    }
    return true;
}

// One byte says how many zero bytes the difference ends with (high half) and how many bytes follow (low half).
void encode_xored(const Run& run, std::size_t begin, std::size_t end, Encoder& out) {
    out.u8(static_cast<std::uint8_t>(Encoding::xored));
    std::uint64_t before = 0;
    for (std::size_t i = begin; i < end; ++i) {
        std::uint64_t difference = run.bits[i] ^ before;
        before = run.bits[i];
        if (difference == 0) {
            out.u8(0);
            continue;
        }
        const unsigned zeros = static_cast<unsigned>(std::countr_zero(difference)) / 8;
        difference >>= zeros * 8;
        const unsigned count = (static_cast<unsigned>(std::bit_width(difference)) + 7) / 8;
        out.u8(static_cast<std::uint8_t>(zeros << 4 | count));
        for (unsigned b = 0; b < count; ++b) out.u8(static_cast<std::uint8_t>(difference >> (8 * b)));
    }
}

void encode_runs(const Run& run, std::size_t begin, std::size_t end, Encoder& out) {
    out.u8(static_cast<std::uint8_t>(Encoding::runs));
    out.u8(static_cast<std::uint8_t>(run.bits[begin]));
    for (std::size_t i = begin; i < end;) {
        std::size_t next = i;
        while (next < end && run.bits[next] == run.bits[i]) ++next;
        out.varint(next - i);
        i = next;
    }
}

void encode_values(const Run& run, std::size_t begin, std::size_t end, Encoder& out) {
    switch (run.type) {
        case ValueType::number:
            for (std::size_t k = 0; k < kPowers.size(); ++k) {
                // Most series fail on their first rows for too small a k, so trying all of them is cheap.
                if (encode_decimal(run, begin, end, k, out)) return;
            }
            return encode_xored(run, begin, end, out);
        case ValueType::integer: {
            out.u8(static_cast<std::uint8_t>(Encoding::delta));
            std::int64_t before = 0;
            for (std::size_t i = begin; i < end; ++i) {
                const auto value = static_cast<std::int64_t>(run.bits[i]);
                out.signed_varint(wrapping_sub(value, before));
                before = value;
            }
            return;
        }
        case ValueType::boolean:
            return encode_runs(run, begin, end, out);
        case ValueType::text:
            out.u8(static_cast<std::uint8_t>(Encoding::texts));
            for (std::size_t i = begin; i < end; ++i) out.text(run.text_at(i));
            return;
    }
}

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

void Statistics::add(const Run& run, std::size_t i) {
    const Quality quality = unpack_quality(run.qualities[i]);
    ++rows;
    if (quality.good()) ++good;
    if (!quality.usable()) return;
    const double value = run.number_at(i);
    if (usable == 0) first = value;
    last = value;
    ++usable;
    sum += value;
    // NaN compares false, so it never hides the numbers beside it in min and max; sum and last show it.
    if (value < min) min = value;
    if (value > max) max = value;
}

void Statistics::add(const Statistics& later) {
    rows += later.rows;
    good += later.good;
    if (later.usable == 0) return;
    if (usable == 0) first = later.first;
    last = later.last;
    usable += later.usable;
    sum += later.sum;
    min = std::min(min, later.min);
    max = std::max(max, later.max);
}

void encode_chunk(const Run& run, std::size_t begin, std::size_t end, Buffer& bytes) {
    ASSERT(begin < end && end - begin <= kChunkRows);
    Encoder out{bytes};
    out.signed_varint(run.times[begin]);
    std::int64_t step = 0;
    for (std::size_t i = begin + 1; i < end; ++i) {
        const std::int64_t next = wrapping_sub(run.times[i], run.times[i - 1]);
        out.signed_varint(wrapping_sub(next, step));
        step = next;
    }
    for (std::size_t i = begin; i < end;) {
        std::size_t next = i;
        while (next < end && run.qualities[next] == run.qualities[i]) ++next;
        out.varint(next - i);
        out.u16(run.qualities[i]);
        i = next;
    }
    encode_values(run, begin, end, out);
}

Result<Run> decode_chunk(Bytes bytes, ValueType type, std::uint64_t rows) {
    if (rows == 0 || rows > kChunkRows)
        return Error{Code::corrupt, "a chunk says it has {} rows, 1 to {} expected", rows, kChunkRows};
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
