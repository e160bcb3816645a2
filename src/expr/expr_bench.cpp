// Rows a second on one core: two expressions over columns and as a stream. The floor is the memory: over columns each
// row is read and written 8 bytes at a time; it is measured first, as a plain loop over the same arrays.
// --small for the tests.
#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <ctime>

#include "base/rng.h"
#include "expr/columns.h"
#include "expr/exact_sum.h"
#include "expr/stream.h"

namespace gongshu::expr {
namespace {

constexpr TimeNs kStart = 1'772'352'000 * kSecond;

class Numbers final : public Scope {
    std::optional<ScopeTag> find(std::string_view name) const override {
        return ScopeTag{std::string(name), "", ValueType::number, true};
    }
};

struct Data {
    std::vector<TimeNs> times;
    std::vector<double> a, b;
};

Data make(std::size_t rows) {
    Rng rng{1};
    Data data;
    double value = 3;
    for (std::size_t i = 0; i < rows; ++i) {
        data.times.push_back(kStart + static_cast<TimeNs>(i) * kSecond);
        value += static_cast<double>(rng.below(101)) / 1000 - 0.05;
        data.a.push_back(value);
        data.b.push_back(static_cast<double>(rng.below(1000)) / 1000);
    }
    return data;
}

double seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void report(std::string_view what, std::size_t rows, double took, std::uint64_t hash) {
    fmt::print("{:<44} {:>9.2f} M rows/s  {:>8.1f} ns/row  hash {:016x}\n", what,
               static_cast<double>(rows) / took / 1e6, took * 1e9 / static_cast<double>(rows), hash);
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) { return (hash ^ word) * 0x9e37'79b9'7f4a'7c15; }

// a + b * 2 > 3 as one would write it by hand: two arrays in, one out.
void floor_of(const Data& data) {
    std::vector<double> out(data.times.size());
    const double began = seconds();
    constexpr int kRounds = 10;
    for (int round = 0; round < kRounds; ++round) {
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = data.a[i] + data.b[i] * 2 > 3 + round ? 1.0 : 0.0;
        asm volatile("" : : "r"(out.data()) : "memory");
    }
    report("floor: one loop over two arrays", out.size() * kRounds, seconds() - began, 0);
}

// A window of 300 values that slides: what the sums without rounding cost beside plain ones.
void sums(const Data& data) {
    constexpr std::size_t kLength = 300;
    const std::size_t rows = data.a.size() - kLength;
    double plain = 0, last = 0;
    double began = seconds();
    for (std::size_t i = 0; i < rows; ++i) {
        plain += data.a[i + kLength];
        plain -= data.a[i];
        asm volatile("" : "+x"(plain));
    }
    report("floor: a sum that slides, with rounding", rows, seconds() - began, 0);
    ExactSum exact;
    began = seconds();
    for (std::size_t i = 0; i < rows; ++i) {
        exact.add(data.a[i + kLength]);
        exact.subtract(data.a[i]);
        last = exact.value();
    }
    report("exact: a sum that slides, without rounding", rows, seconds() - began, std::bit_cast<std::uint64_t>(last));
}

void columns(std::string_view text, const Data& data) {
    const auto program = compile(text, Numbers{});
    std::vector<Input> inputs;
    for (const ProgramTag& tag : (*program)->tags())
        inputs.push_back({.times = data.times, .numbers = tag.path == "b" ? data.b : data.a});
    const double began = seconds();
    const Column column = run(**program, inputs);
    const double took = seconds() - began;
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < column.size(); ++i)
        hash = mix(mix(hash, static_cast<std::uint64_t>(column.times[i])),
                   column.numbers[i] != 0 ? column.states[i] + 1u : 0u);
    report(fmt::format("columns: {}", text), data.times.size(), took, hash);
}

void stream(std::string_view text, const Data& data) {
    const auto program = compile(text, Numbers{});
    const auto stream = Stream::create(*program);
    std::uint64_t hash = 0;
    const auto emit = [&](const Output& output) {
        const bool truth = output.known && std::get<bool>(output.value);
        const auto state = static_cast<std::uint64_t>(output.known     ? row_known
                                                      : output.missing ? row_missing
                                                                       : row_unknown);
        hash = mix(mix(hash, static_cast<std::uint64_t>(output.time)), truth ? state + 1 : 0);
    };
    const double began = seconds();
    for (std::size_t i = 0; i < data.times.size(); ++i) {
        for (std::size_t tag = 0; tag < (*program)->tags().size(); ++tag)
            stream->feed(tag, data.times[i], (*program)->tags()[tag].path == "b" ? data.b[i] : data.a[i], kGood);
        stream->advance(data.times[i], emit);
    }
    report(fmt::format("stream:  {}", text), data.times.size(), seconds() - began, hash);
}

}  // namespace
}  // namespace gongshu::expr

int main(int argc, char** argv) {
    using namespace gongshu::expr;
    const bool small = argc > 1 && std::strcmp(argv[1], "--small") == 0;
    const Data data = make(small ? 20'000 : 4'000'000);
    floor_of(data);
    sums(data);
    for (const std::string_view text : {"a + b * 2 > 3", "avg(a, 5m) > 3 for 30s"}) {
        columns(text, data);
        stream(text, data);
    }
}
