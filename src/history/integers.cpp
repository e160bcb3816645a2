#include "history/integers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "history/for_each_machine.h"

namespace gongshu::history {
namespace kernels {

// How many values are more than `width` < 64 bits above the base.
FOR_EACH_MACHINE std::size_t beyond(const std::uint64_t* values, std::size_t count, std::uint64_t base,
                                    unsigned width) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) found += (values[i] - base) >> width != 0 ? 1 : 0;
    return found;
}

// out[i] = the zigzag of how far values[i] is from the centre.
FOR_EACH_MACHINE void zigzag_around(const std::uint64_t* __restrict values, std::size_t count, std::uint64_t centre,
                                    std::uint64_t* __restrict out) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t off = values[i] - centre;
        out[i] = off << 1 ^ -(off >> 63);
    }
}

}  // namespace kernels

namespace {

// On disk, high half of the first byte; the low half is the order, 0 to 2. Never renumber.
enum class Form : std::uint8_t {
    constant = 0,    // one number, over and over
    packed = 1,      // residuals over a base in so many bits each, those that do not fit patched
    runs = 2,        // numbers and how often each comes in a row
    dictionary = 3,  // few different ones, and which of them
    coded_1 = 4,     // residuals around a centre by the block's code, of format 1
    coded = 5,       // the same by that of format 2
};

constexpr unsigned kOrders = 3;
constexpr std::size_t kSamples = 32;
constexpr std::size_t kDictionaryMax = 16;
// Of the values that tell which form is best, one of so many in a long vector.
constexpr std::size_t kEach = 4;
constexpr std::size_t each_of(std::size_t count) { return count < kVectorRows ? 1 : kEach; }

// The numbers, their differences or the differences of these. The first `order` entries are not used.
void take_order(const std::uint64_t* values, std::size_t count, unsigned order, Vector& taken) {
    if (order == 0) {
        std::copy_n(values, count, taken.at.begin());
        return;
    }
    take_differences(values, count, taken.at.data());
    if (order == 1) return;
    Vector again;
    take_differences(taken.at.data() + 1, count - 1, again.at.data() + 1);
    std::copy_n(again.at.begin() + 2, count - 2, taken.at.begin() + 2);
}

// Some of the numbers, as signed and in order.
class Samples {
public:
    Samples() = default;
    Samples(const Vector& taken, std::size_t begin, std::size_t end) : count_(std::min(kSamples, end - begin)) {
        for (std::size_t i = 0; i < count_; ++i)
            sorted_[i] = static_cast<std::int64_t>(taken.at[begin + i * (end - begin) / count_]);
        std::sort(sorted_.begin(), sorted_.begin() + static_cast<std::ptrdiff_t>(count_));
    }
    std::int64_t median() const { return sorted_[count_ / 2]; }
    // Without the tenth of them at either end, which may be outliers.
    std::int64_t low() const { return sorted_[count_ / 10]; }
    std::int64_t high() const { return sorted_[count_ - 1 - count_ / 10]; }
    std::size_t different() const {
        const auto end = sorted_.begin() + static_cast<std::ptrdiff_t>(count_);
        return count_ - static_cast<std::size_t>(std::inner_product(sorted_.begin() + 1, end, sorted_.begin(), 0,
                                                                    std::plus{}, std::equal_to{}));
    }

private:
    std::array<std::int64_t, kSamples> sorted_{};
    std::size_t count_ = 0;
};

unsigned width_of(std::int64_t min, std::int64_t max) {
    return static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(wrapping_sub(max, min))));
}

// How the packed form would write the numbers of an order.
struct Packing {
    unsigned order = 0;
    std::uint64_t base = 0;
    unsigned width = 64;
    std::size_t bytes = 0;  // of patches and packed bits, about
    bool patched = false;
};

// The width for which packed bits and patches are fewest together, by one of `each` values; how many patches that
// means.
std::size_t choose_width(const Vector& taken, std::size_t count, std::uint32_t each, Packing& packing) {
    std::array<std::uint32_t, 65> widths{};
    for (std::size_t i = packing.order; i < count; i += each)
        widths[std::bit_width(taken.at[i] - packing.base)] += each;
    packing.bytes = ~std::size_t{0};
    std::size_t patch_bytes = 0;
    std::size_t patches = 0;
    std::size_t chosen = 0;
    for (unsigned width = 64;; --width) {
        const std::size_t bytes = packed_bytes(count, width) + patch_bytes;
        if (bytes < packing.bytes) {
            packing.bytes = bytes;
            packing.width = width;
            packing.patched = width < 64;
            chosen = patches;
        }
        if (width == 0) return chosen;
        // What does not fit one bit less costs a gap and the bits above, seven a byte; one more bit in seven a byte
        // more.
        patches += widths[width];
        patch_bytes += 2 * widths[width] + (patches - widths[width] + 6) / 7;
    }
}

void choose_width(const Vector& taken, std::size_t count, Packing& packing) {
    const auto each = static_cast<std::uint32_t>(each_of(count));
    const std::size_t patches = choose_width(taken, count, each, packing);
    if (each == 1 || !packing.patched) return;
    // What comes in turns is not seen by one of four.
    const std::size_t order = packing.order;
    if (kernels::beyond(taken.at.data() + order, count - order, packing.base, packing.width) > 2 * patches + kEach)
        choose_width(taken, count, 1, packing);
}

Packing choose_packing(const Vector& taken, std::size_t count, unsigned order, const Samples& samples) {
    Packing packing;
    packing.order = order;
    const Extremes all = extremes(taken.at.data() + order, count - order);
    packing.base = static_cast<std::uint64_t>(all.min);
    packing.width = width_of(all.min, all.max);
    packing.bytes = packed_bytes(count, packing.width);
    const unsigned most = width_of(samples.low(), samples.high());
    if (packing.width <= most + 1) return packing;
    // Some lie far out: on the high side, or on both.
    Packing above = packing;
    choose_width(taken, count, above);
    if (above.bytes < packing.bytes) packing = above;
    Packing both;
    both.order = order;
    const std::int64_t spread = wrapping_sub(samples.high(), samples.low());
    both.base = static_cast<std::uint64_t>(wrapping_sub(samples.low(), spread / 2));
    if (spread < 0 || wrapping_sub(samples.low(), all.min) < spread) return packing;
    choose_width(taken, count, both);
    return both.bytes < packing.bytes ? both : packing;
}

// What the first numbers of an order are made of again: before them lie `value` and, for the second, `step`.
struct Before {
    std::uint64_t value = 0;
    std::uint64_t step = 0;
};
// The first `order` residuals count as 0, that is as `base`.
Before before_first(unsigned order, std::uint64_t first, std::uint64_t second, std::uint64_t base) {
    if (order == 0) return {};
    if (order == 1) return {first - base, 0};
    const std::uint64_t step = second - first;
    return {first - step + base, step - 2 * base};
}

void write_start(const std::uint64_t* values, unsigned order, std::uint64_t base, Encoder& out) {
    if (order > 0) out.signed_varint(static_cast<std::int64_t>(values[0]));
    if (order > 1) out.signed_varint(static_cast<std::int64_t>(values[1] - values[0]));
    out.signed_varint(static_cast<std::int64_t>(base));
}

struct Start {
    std::uint64_t base = 0;
    Before before;
};
Start read_start(unsigned order, Decoder& in) {
    const auto first = order > 0 ? static_cast<std::uint64_t>(in.signed_varint()) : 0;
    const auto step = order > 1 ? static_cast<std::uint64_t>(in.signed_varint()) : 0;
    Start start;
    start.base = static_cast<std::uint64_t>(in.signed_varint());
    start.before = before_first(order, first, first + step, start.base);
    return start;
}

void head(Form form, unsigned order, Encoder& out) {
    out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(form) << 4 | order));
}

void write_packed(const std::uint64_t* values, std::size_t count, const Packing& packing, Vector& taken,
                  Buffer& bytes) {
    Encoder out{bytes};
    head(Form::packed, packing.order, out);
    write_start(values, packing.order, packing.base, out);
    std::fill_n(taken.at.begin(), packing.order, 0);
    add_base(taken.at.data() + packing.order, count - packing.order, 0 - packing.base);
    out.u8(static_cast<std::uint8_t>(packing.width));
    std::size_t patches = packing.patched ? kernels::beyond(taken.at.data(), count, 0, packing.width) : 0;
    out.varint(patches);
    std::size_t before = 0;
    for (std::size_t i = 0; patches > 0; ++i) {
        if (taken.at[i] >> packing.width == 0) continue;
        out.varint(i - before);
        out.varint(taken.at[i] >> packing.width);
        before = i;
        --patches;
    }
    const std::size_t at = bytes.size();
    bytes.resize(at + packed_bytes(count, packing.width));
    pack(taken.at.data(), count, packing.width, bytes.data() + at);
}

void read_packed(Decoder& in, std::size_t count, unsigned order, std::uint64_t* values) {
    const Start start = read_start(order, in);
    const unsigned width = in.u8();
    const std::uint64_t patches = in.varint();
    if (in.failed() || width > 64 || patches > count || (width == 64 && patches > 0)) return in.fail();
    Decoder patched = in;
    for (std::uint64_t i = 0; i < 2 * patches; ++i) (void)in.varint();
    const Bytes bits = in.bytes(packed_bytes(count, width));
    if (in.failed()) return;
    unpack(bits.data(), count, width, values);
    std::size_t at = 0;
    for (std::uint64_t i = 0; i < patches; ++i) {
        const std::uint64_t gap = patched.varint();
        const std::uint64_t above = patched.varint();
        if (gap >= count - at) return in.fail();
        at += static_cast<std::size_t>(gap);
        values[at] |= above << width;
    }
    if (order == 0) return add_base(values, count, start.base);
    if (order == 1) return add_up(values, count, start.before.value, start.base);
    add_up(values, count, start.before.step, start.base);
    add_up(values, count, start.before.value, 0);
}

// nullopt if there would be so many runs that they are not worth it.
std::optional<Buffer> as_runs(const std::uint64_t* values, std::size_t count, std::size_t bytes_max) {
    const std::size_t runs = count_changes(values, count) + 1;
    if (runs * 2 > bytes_max) return std::nullopt;
    Buffer bytes;
    Encoder out{bytes};
    head(Form::runs, 0, out);
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < count;) {
        std::size_t next = i;
        while (next < count && values[next] == values[i]) ++next;
        out.signed_varint(static_cast<std::int64_t>(values[i] - before));
        out.varint(next - i);
        before = values[i];
        i = next;
    }
    return bytes;
}

void read_runs(Decoder& in, std::size_t count, std::uint64_t* values) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count;) {
        value += static_cast<std::uint64_t>(in.signed_varint());
        const std::uint64_t length = in.varint();
        if (in.failed() || length == 0 || length > count - i) return in.fail();
        std::fill_n(values + i, length, value);
        i += static_cast<std::size_t>(length);
    }
}

// nullopt if there are too many for one shorter than `bytes_max`. `different` of them were seen so far.
std::optional<Buffer> as_dictionary(const std::uint64_t* values, std::size_t count, std::size_t different,
                                    std::size_t bytes_max) {
    if (different > kDictionaryMax) return std::nullopt;
    if (2 + different + packed_bytes(count, static_cast<unsigned>(std::bit_width(different - 1))) >= bytes_max)
        return std::nullopt;
    std::array<std::uint64_t, kDictionaryMax> known{};
    std::size_t size = 0;
    Vector indexes;
    for (std::size_t i = 0; i < count; ++i) {
        const auto end = known.begin() + static_cast<std::ptrdiff_t>(size);
        const auto found = std::find(known.begin(), end, values[i]);
        if (found == end) {
            if (size == kDictionaryMax) return std::nullopt;
            known[size++] = values[i];
        }
        indexes.at[i] = static_cast<std::uint64_t>(found - known.begin());
    }
    Buffer bytes;
    Encoder out{bytes};
    head(Form::dictionary, 0, out);
    out.u8(static_cast<std::uint8_t>(size));
    for (std::size_t i = 0; i < size; ++i) out.signed_varint(static_cast<std::int64_t>(known[i]));
    const auto width = static_cast<unsigned>(std::bit_width(size - 1));
    const std::size_t at = bytes.size();
    bytes.resize(at + packed_bytes(count, width));
    pack(indexes.at.data(), count, width, bytes.data() + at);
    return bytes;
}

void read_dictionary(Decoder& in, std::size_t count, std::uint64_t* values) {
    std::array<std::uint64_t, kDictionaryMax> known{};
    const std::size_t size = in.u8();
    if (size == 0 || size > kDictionaryMax) return in.fail();
    for (std::size_t i = 0; i < size; ++i) known[i] = static_cast<std::uint64_t>(in.signed_varint());
    const auto width = static_cast<unsigned>(std::bit_width(size - 1));
    const Bytes bits = in.bytes(packed_bytes(count, width));
    if (in.failed()) return;
    unpack(bits.data(), count, width, values);
    for (std::size_t i = 0; i < count; ++i) {
        if (values[i] >= size) return in.fail();
        values[i] = known[values[i]];
    }
}

// Residuals around the median, of the order in which they are smallest.
void choose_residuals(const std::array<Vector, kOrders>& taken, const std::array<Samples, kOrders>& samples,
                      std::size_t count, Residuals& chosen) {
    std::uint64_t fewest = ~std::uint64_t{0};
    const auto spread = [&](unsigned order) { return width_of(samples[order].low(), samples[order].high()); };
    unsigned least = 64;
    for (unsigned order = 0; order < kOrders && order < count; ++order) least = std::min(least, spread(order));
    for (unsigned order = 0; order < kOrders && order < count; ++order) {
        if (spread(order) > least + 1) continue;
        const auto centre = static_cast<std::uint64_t>(samples[order].median());
        std::uint64_t bits = 0;
        for (std::size_t i = order; i < count; i += each_of(count))
            bits += static_cast<std::uint64_t>(
                std::bit_width(zigzag(static_cast<std::int64_t>(taken[order].at[i] - centre))));
        if (bits >= fewest) continue;
        fewest = bits;
        chosen.order = order;
        chosen.centre = centre;
    }
    const Vector& best = taken[chosen.order];
    kernels::zigzag_around(best.at.data() + chosen.order, count - chosen.order, chosen.centre,
                           chosen.at.at.data() + chosen.order);
}

// The numbers, of what lies around the base; those before `order` are not there yet.
void add_orders(const Start& start, std::size_t count, unsigned order, std::uint64_t* values) {
    std::fill_n(values, order, start.base);
    if (order == 2) add_up(values, count, start.before.step, 0);
    if (order > 0) add_up(values, count, start.before.value, 0);
}

void read_coded_1(Decoder& in, std::size_t count, unsigned order, const ResidualCode1& code, std::uint64_t* values) {
    const Start start = read_start(order, in);
    if (in.failed() || !code.read(in.bytes(in.left()), count - order, values + order)) return in.fail();
    add_base_unzigzag(values + order, count - order, start.base);
    add_orders(start, count, order, values);
}

void read_coded(Decoder& in, std::size_t count, unsigned order, const ResidualCode& code, std::uint64_t* values) {
    const Start start = read_start(order, in);
    if (in.failed()) return;
    const Bytes stream = in.bytes(in.left());
    if (code.plain()) {
        std::array<std::uint8_t, kVectorRows> residuals;
        if (!code.read_plain(stream, count - order, residuals.data())) return in.fail();
        widen_unzigzag(residuals.data(), count - order, start.base, values + order);
    } else {
        if (!code.read(stream, count - order, values + order)) return in.fail();
        add_base_unzigzag(values + order, count - order, start.base);
    }
    add_orders(start, count, order, values);
}

}  // namespace

void plan_integers(const std::uint64_t* values, std::size_t count, Tier tier, VectorPlan& plan) {
    ASSERT(count > 0 && count <= kVectorRows);
    plan.count = count;
    plan.first = values[0];
    plan.second = values[count > 1 ? 1 : 0];
    if (count_changes(values, count) == 0) {
        Encoder out{plan.plain};
        head(Form::constant, 0, out);
        return out.signed_varint(static_cast<std::int64_t>(values[0]));
    }
    std::array<Vector, kOrders> taken;
    std::array<Samples, kOrders> samples;
    Packing best;
    best.bytes = ~std::size_t{0};
    for (unsigned order = 0; order < kOrders && order < count; ++order) {
        take_order(values, count, order, taken[order]);
        samples[order] = Samples{taken[order], order, count};
        const Packing packing = choose_packing(taken[order], count, order, samples[order]);
        if (packing.bytes < best.bytes) best = packing;
    }
    if (tier == Tier::cold) {
        choose_residuals(taken, samples, count, plan.residuals);
        plan.may_be_coded = true;
    }
    write_packed(values, count, best, taken[best.order], plan.plain);
    const auto offer = [&](std::optional<Buffer> form) {
        if (form && form->size() < plan.plain.size()) plan.plain = std::move(*form);
    };
    offer(as_runs(values, count, plan.plain.size()));
    if (plan.plain.size() > count * 3 / 8)
        offer(as_dictionary(values, count, samples[0].different(), plan.plain.size()));
}

void VectorPlan::count_symbols(SymbolCounts& counts) const {
    if (!may_be_coded) return;
    for (std::size_t i = residuals.order; i < count; ++i) ++counts[symbol_of(residuals.at.at[i])];
}

void VectorPlan::write(const ResidualCode* code, Buffer& out) const {
    out.insert(out.end(), before.begin(), before.end());
    const std::size_t begin = out.size();
    if (code && may_be_coded) {
        const std::uint64_t values[] = {first, second};
        Encoder encoder{out};
        head(Form::coded, residuals.order, encoder);
        write_start(values, residuals.order, residuals.centre, encoder);
        code->write(residuals.at.at.data() + residuals.order, count - residuals.order, out);
        if (out.size() - begin < plain.size()) return;
        out.resize(begin);
    }
    out.insert(out.end(), plain.begin(), plain.end());
}

void encode_integers(const std::uint64_t* values, std::size_t count, Buffer& out) {
    VectorPlan plan;
    plan_integers(values, count, Tier::hot, plan);
    plan.write(nullptr, out);
}

void decode_integers(Decoder& in, std::size_t count, const ResidualCodes& codes, std::uint64_t* values) {
    ASSERT(count > 0 && count <= kVectorRows);
    const unsigned first = in.u8();
    const unsigned order = first & 15;
    const auto form = static_cast<Form>(first >> 4);
    if (order >= kOrders || order >= count) return in.fail();
    switch (form) {
        case Form::constant:
            return void(std::fill_n(values, count, static_cast<std::uint64_t>(in.signed_varint())));
        case Form::packed:
            return read_packed(in, count, order, values);
        case Form::runs:
            return read_runs(in, count, values);
        case Form::dictionary:
            return read_dictionary(in, count, values);
        case Form::coded_1:
            if (codes.code_1) return read_coded_1(in, count, order, *codes.code_1, values);
            break;
        case Form::coded:
            if (codes.code) return read_coded(in, count, order, *codes.code, values);
            break;
    }
    in.fail();
}

}  // namespace gongshu::history
