#include "history/numbers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/assert.h"
#include "history/integers.h"

namespace gongshu::history {
namespace {

using Kind = NumberForm::Kind;

constexpr unsigned kPowerMax = 18;
constexpr std::array<double, kPowerMax + 1> kUp{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                                1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
constexpr std::array<double, kPowerMax + 1> kDown{1e0,   1e-1,  1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,  1e-8, 1e-9,
                                                  1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17, 1e-18};
constexpr double kWholeMax = 9e15;  // below 2^53, so that each is a double
constexpr unsigned kDecimalsMax = 15;
constexpr std::uint32_t kStepMax = 1'000'000;
constexpr std::size_t kSamples = 48;

double to_double(std::uint64_t bits) { return std::bit_cast<double>(bits); }

// The doubles that the whole numbers stand for, in place.
void from_wholes(NumberForm form, std::uint64_t* values, std::size_t count) {
    multiply_whole(values, count, form.step);
    if (form.kind == Kind::multiplied) return multiply(values, count, kUp[form.a], kDown[form.b]);
    divide(values, count, kUp[form.a]);
    if (form.kind == Kind::single) round_to_single(values, count);
}

// The whole number of steps nearest to what would give `value`; 0 if it is too large or there is none.
std::uint64_t nearest_whole(NumberForm form, double value) {
    const double scaled = form.kind == Kind::multiplied ? value * kUp[form.b] * kDown[form.a] : value * kUp[form.a];
    if (!(scaled >= -kWholeMax && scaled <= kWholeMax)) return 0;
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(std::nearbyint(scaled)) /
                                      static_cast<std::int64_t>(form.step));
}

bool gives_back(NumberForm form, std::uint64_t bits) {
    std::uint64_t value = nearest_whole(form, to_double(bits));
    from_wholes(form, &value, 1);
    return value == bits;
}

bool is_scaled(Kind kind) { return kind == Kind::divided || kind == Kind::multiplied || kind == Kind::single; }

// Whole numbers and the rows whose double they do not give back; these have the number of the row before.
struct Scaled {
    Vector wholes;
    std::array<std::uint16_t, kVectorRows> exceptions;
    std::size_t exception_count = 0;
};
void scale(const std::uint64_t* bits, std::size_t count, NumberForm form, Scaled& scaled) {
    const bool multiplied = form.kind == Kind::multiplied;
    nearest_wholes(bits, count, kUp[multiplied ? form.b : form.a], multiplied ? kDown[form.a] : 1,
                   scaled.wholes.at.data());
    for (std::size_t i = 0; form.step > 1 && i < count; ++i)
        scaled.wholes.at[i] = static_cast<std::uint64_t>(static_cast<std::int64_t>(scaled.wholes.at[i]) /
                                                         static_cast<std::int64_t>(form.step));
    Vector back = scaled.wholes;
    from_wholes(form, back.at.data(), count);
    scaled.exception_count = 0;
    for (std::size_t i = 0; i < count; ++i)
        if (back.at[i] != bits[i]) scaled.exceptions[scaled.exception_count++] = static_cast<std::uint16_t>(i);
    for (std::size_t e = 0; e < scaled.exception_count; ++e) {
        const std::size_t row = scaled.exceptions[e];
        // The first rows take the number of the first good one, if there is any.
        std::size_t from = row;
        if (row > 0) {
            from = row - 1;
        } else {
            std::size_t next = 0;
            while (next < scaled.exception_count && scaled.exceptions[next] == next) ++next;
            from = next < count ? next : 0;
        }
        scaled.wholes.at[row] = scaled.wholes.at[from];
    }
}

void head(NumberForm form, Encoder& out) {
    out.u8(static_cast<std::uint8_t>(form.kind));
    if (form.kind == Kind::bits) return;
    out.u8(form.a);
    if (form.kind == Kind::multiplied || form.kind == Kind::split) out.u8(form.b);
    if (is_scaled(form.kind)) out.varint(form.step);
}

void plan_scaled(const std::uint64_t* bits, std::size_t count, NumberForm form, const Scaled& scaled, Tier tier,
                 VectorPlan& plan) {
    Encoder out{plan.before};
    head(form, out);
    out.varint(scaled.exception_count);
    std::size_t before = 0;
    for (std::size_t e = 0; e < scaled.exception_count; ++e) {
        const std::size_t row = scaled.exceptions[e];
        out.varint(row - before);
        out.u64(bits[row]);
        before = row;
    }
    plan_integers(scaled.wholes.at.data(), count, tier, plan);
}

// The bits below the cut, which have no order, and those above, which mostly have.
struct Split {
    Vector low;
    Vector high;
};
void split(const std::uint64_t* bits, std::size_t count, NumberForm form, Split& parts) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t value = bits[i] >> form.a;
        parts.low.at[i] = value;
        parts.high.at[i] = value >> form.b;
    }
}

bool fits_split(const std::uint64_t* bits, std::size_t count, unsigned zeros) {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < count; ++i) all |= bits[i];
    return zeros == 0 || (all & ((std::uint64_t{1} << zeros) - 1)) == 0;
}

std::size_t size_in(std::span<const std::uint64_t> bits, NumberForm form) {
    VectorPlan plan;
    plan_numbers(bits.data(), bits.size(), form, Tier::hot, plan);
    return plan.before.size() + plan.plain.size();
}

// The fewest decimals that give back most of the samples; nullopt if none does.
std::optional<unsigned> decimals(std::span<const std::uint64_t> samples, Kind kind, unsigned decimals_max) {
    std::array<std::size_t, kDecimalsMax + 1> fewest{};
    std::size_t found = 0;
    for (const std::uint64_t bits : samples) {
        for (unsigned k = 0; k <= decimals_max; ++k) {
            const auto power = static_cast<std::uint8_t>(k);
            const NumberForm form = kind == Kind::multiplied ? NumberForm{kind, 0, power} : NumberForm{kind, power, 0};
            if (!gives_back(form, bits)) continue;
            ++fewest[k];
            ++found;
            break;
        }
    }
    if (found * 8 < samples.size() * 7) return std::nullopt;
    std::size_t left = samples.size() / 16;  // so many may be exceptions, for the sake of the others
    unsigned k = decimals_max;
    for (; k > 0 && fewest[k] <= left; --k) left -= fewest[k];
    return k;
}

// Half degrees are multiples of 5 tenths: the largest step that fits all samples.
std::uint32_t step_of(std::span<const std::uint64_t> samples, NumberForm form) {
    std::uint64_t step = 0;
    for (const std::uint64_t bits : samples) {
        if (!gives_back(form, bits)) continue;
        const auto whole = static_cast<std::int64_t>(nearest_whole(form, to_double(bits)));
        step = std::gcd(step, static_cast<std::uint64_t>(whole < 0 ? -whole : whole));
        if (step == 1) return 1;
    }
    return step == 0 || step > kStepMax ? 1 : static_cast<std::uint32_t>(step);
}

// Where the bits are best cut: the fewest bits in all.
NumberForm best_split(std::span<const std::uint64_t> bits) {
    std::uint64_t all = 0;
    for (const std::uint64_t value : bits) all |= value;
    const unsigned zeros = all == 0 ? 0 : static_cast<unsigned>(std::countr_zero(all));
    NumberForm best{Kind::bits, 0, 0};
    std::size_t fewest = size_in(bits, best);
    for (unsigned low = 4; zeros + low <= 60; low += 4) {
        const NumberForm form{Kind::split, static_cast<std::uint8_t>(zeros), static_cast<std::uint8_t>(low)};
        const std::size_t bytes = size_in(bits, form);
        if (bytes >= fewest) continue;
        fewest = bytes;
        best = form;
    }
    return best;
}

}  // namespace

NumberForm choose_form(std::span<const std::uint64_t> bits) {
    std::array<std::uint64_t, kSamples> some;
    const std::size_t count = std::min(bits.size(), some.size());
    for (std::size_t i = 0; i < count; ++i) some[i] = bits[i * bits.size() / count];
    const std::span samples{some.data(), count};
    const auto trial = bits.first(std::min(bits.size(), kVectorRows));
    std::vector<NumberForm> forms;
    if (const auto k = decimals(samples, Kind::divided, kDecimalsMax)) {
        const auto power = static_cast<std::uint8_t>(*k);
        // Two multiplications are faster than a division, and mostly give the same.
        if (*k > 0 && *k <= 14) forms.push_back({Kind::multiplied, static_cast<std::uint8_t>(14 - *k), 14});
        forms.push_back({Kind::divided, power, 0});
    } else {
        if (const auto m = decimals(samples, Kind::multiplied, kDecimalsMax))
            forms.push_back({Kind::multiplied, 0, static_cast<std::uint8_t>(*m)});
        const bool singles = std::ranges::all_of(samples, [](std::uint64_t one) {
            return std::bit_cast<std::uint64_t>(static_cast<double>(static_cast<float>(to_double(one)))) == one;
        });
        if (singles)
            if (const auto s = decimals(samples, Kind::single, 9))
                forms.push_back({Kind::single, static_cast<std::uint8_t>(*s), 0});
    }
    NumberForm best{};
    std::size_t least = ~std::size_t{0};
    for (NumberForm form : forms) {
        form.step = step_of(samples, form);
        const std::size_t bytes = size_in(trial, form);
        if (bytes >= least) continue;
        least = bytes;
        best = form;
    }
    // A short decimal form is as good as it gets; else the bits themselves may be shorter.
    if (least * 8 <= trial.size() * 24) return best;
    const NumberForm other = best_split(trial);
    return size_in(trial, other) < least ? other : best;
}

void plan_numbers(const std::uint64_t* bits, std::size_t count, NumberForm form, Tier tier, VectorPlan& plan) {
    ASSERT(count > 0 && count <= kVectorRows);
    if (is_scaled(form.kind)) {
        Scaled scaled;
        scale(bits, count, form, scaled);
        if (scaled.exception_count * 4 <= count) return plan_scaled(bits, count, form, scaled, tier, plan);
        form = best_split({bits, count});
    }
    Encoder out{plan.before};
    if (form.kind == Kind::split && fits_split(bits, count, form.a)) {
        Split parts;
        split(bits, count, form, parts);
        head(form, out);
        const std::size_t at = plan.before.size();
        plan.before.resize(at + packed_bytes(count, form.b));
        pack(parts.low.at.data(), count, form.b, plan.before.data() + at);
        return plan_integers(parts.high.at.data(), count, tier, plan);
    }
    head({}, out);
    plan_integers(bits, count, tier, plan);
}

void encode_numbers(const std::uint64_t* bits, std::size_t count, NumberForm form, Buffer& out) {
    VectorPlan plan;
    plan_numbers(bits, count, form, Tier::hot, plan);
    plan.write(nullptr, out);
}

void decode_numbers(Decoder& in, std::size_t count, const ResidualCodes& codes, std::uint64_t* bits) {
    ASSERT(count > 0 && count <= kVectorRows);
    NumberForm form;
    form.kind = static_cast<Kind>(in.u8());
    if (form.kind > Kind::split) return in.fail();
    if (form.kind != Kind::bits) form.a = in.u8();
    if (form.kind == Kind::multiplied || form.kind == Kind::split) form.b = in.u8();
    if (form.kind == Kind::bits) return decode_integers(in, count, codes, bits);
    if (form.kind == Kind::split) {
        if (form.a + form.b >= 64) return in.fail();
        Vector low;
        const Bytes packed = in.bytes(packed_bytes(count, form.b));
        if (in.failed()) return;
        unpack(packed.data(), count, form.b, low.at.data());
        decode_integers(in, count, codes, bits);
        for (std::size_t i = 0; i < count; ++i) bits[i] = (bits[i] << form.b | low.at[i]) << form.a;
        return;
    }
    const std::uint64_t step = in.varint();
    if (form.a > kPowerMax || form.b > kPowerMax || step == 0 || step > kStepMax) return in.fail();
    form.step = static_cast<std::uint32_t>(step);
    const std::uint64_t exceptions = in.varint();
    if (exceptions > count) return in.fail();
    std::vector<std::pair<std::size_t, std::uint64_t>> beside;
    std::size_t at = 0;
    for (std::uint64_t e = 0; e < exceptions; ++e) {
        const std::uint64_t gap = in.varint();
        if (gap >= count - at) return in.fail();
        at += static_cast<std::size_t>(gap);
        beside.emplace_back(at, in.u64());
    }
    decode_integers(in, count, codes, bits);
    if (in.failed()) return;
    from_wholes(form, bits, count);
    for (const auto& [row, pattern] : beside) bits[row] = pattern;
}

}  // namespace gongshu::history
