#include "history/codec_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <functional>

#include "base/rng.h"
#include "history/chunk.h"

namespace gongshu::history {
namespace {

struct Signal {
    std::string name;
    Run run;
};

double normal(Rng& rng) {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += static_cast<double>(rng.below(1 << 24)) / (1 << 24);
    return sum;
}

Signal made(std::string name, ValueType type, std::size_t rows, const std::function<double(std::size_t)>& at) {
    Signal signal{std::move(name), {}};
    signal.run.type = type;
    for (std::size_t i = 0; i < rows; ++i) {
        const double value = at(i);
        const auto bits = type == ValueType::number ? std::bit_cast<std::uint64_t>(value)
                                                    : static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
        signal.run.push(static_cast<TimeNs>(i) * 10 * kSecond, bits, pack(kGood));
    }
    return signal;
}

std::vector<Signal> usual_signals(std::size_t rows) {
    Rng rng{123};
    double walk = 50;
    const auto step = [&](double size) { return walk = std::clamp(walk + size * normal(rng), 0.0, 100.0); };
    std::vector<Signal> signals;
    signals.push_back(
        made("whole walk (TSBS cpu)", ValueType::integer, rows, [&](std::size_t) { return std::trunc(step(1)); }));
    signals.push_back(made("counter", ValueType::integer, rows,
                           [sum = 0.0, &rng](std::size_t) mutable { return sum += std::trunc(50 + normal(rng)); }));
    signals.push_back(
        made("one decimal", ValueType::number, rows, [&](std::size_t) { return std::round(step(1) * 10) / 10; }));
    signals.push_back(
        made("raw times 0.1", ValueType::number, rows, [&](std::size_t) { return std::trunc(step(1) * 10) * 0.1; }));
    signals.push_back(made("single, one decimal", ValueType::number, rows, [&](std::size_t) {
        return static_cast<double>(static_cast<float>(std::round(step(1) * 10) / 10));
    }));
    signals.push_back(made("single, noise", ValueType::number, rows,
                           [&](std::size_t) { return static_cast<double>(static_cast<float>(step(0.01))); }));
    signals.push_back(made("real double", ValueType::number, rows, [&](std::size_t) { return step(0.01); }));
    return signals;
}

struct Measured {
    std::size_t values = 0, bytes = 0;
    double encode_ns = 0, decode_ns = 0;
    bool same = true;
};

double cpu_ns() { return static_cast<double>(std::clock()) * 1e9 / CLOCKS_PER_SEC; }

Measured measure(const Run& run, Tier tier, int rounds) {
    Measured measured;
    std::vector<std::pair<ChunkInfo, Buffer>> chunks;
    const double begin = cpu_ns();
    for (int round = 0; round < rounds; ++round) {
        chunks.clear();
        for (std::size_t at = 0; at < run.size(); at += kChunkRows) {
            const std::size_t end = std::min(run.size(), at + kChunkRows);
            ChunkInfo info;
            info.type = run.type;
            info.min_time = run.times[at];
            info.max_time = run.times[end - 1];
            info.statistics.rows = end - at;
            encode_values(run, at, end, tier, chunks.emplace_back(info, Buffer{}).second);
        }
    }
    measured.encode_ns = (cpu_ns() - begin) / rounds;
    for (std::size_t at = 0; const auto& [info, bytes] : chunks) {
        const auto read = decode_chunk(info, {{}, {}, bytes});
        if (!read) return {run.size(), 0, 0, 0, false};
        measured.same = measured.same && std::equal(read->bits.begin(), read->bits.end(),
                                                    run.bits.begin() + static_cast<std::ptrdiff_t>(at));
        at += read->size();
    }
    const double middle = cpu_ns();
    for (int round = 0; round < rounds; ++round)
        for (const auto& [info, bytes] : chunks) measured.same = measured.same && decode_chunk(info, {{}, {}, bytes});
    measured.decode_ns = (cpu_ns() - middle) / rounds;
    measured.values = run.size();
    for (const auto& [info, bytes] : chunks) measured.bytes += bytes.size();
    return measured;
}

void print(const std::string& name, const Measured& hot, const Measured& cold) {
    const auto count = static_cast<double>(hot.values);
    fmt::print("{:44} {:8} {:7.2f} {:7.2f} {:8.2f} {:8.2f} {:8.2f} {:8.2f}{}\n", name, hot.values,
               static_cast<double>(hot.bytes) * 8 / count, static_cast<double>(cold.bytes) * 8 / count,
               hot.encode_ns / count, hot.decode_ns / count, cold.encode_ns / count, cold.decode_ns / count,
               hot.same && cold.same ? "" : "  NOT THE SAME");
}

}  // namespace

int bench_codec(bool small) {
    const std::size_t rows = small ? 2'000 : 400'000;
    bool same = true;
    fmt::print("{:44} {:>8} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8}\n{:44} {:>8} {:>15} {:>17} {:>17}\n", "column",
               "values", "hot", "cold", "encode", "decode", "encode", "decode", "", "", "bits a value", "hot, ns",
               "cold, ns");
    const auto one = [&](const Signal& signal, int rounds) {
        const Measured hot = measure(signal.run, Tier::hot, rounds);
        const Measured cold = measure(signal.run, Tier::cold, rounds);
        print(signal.name, hot, cold);
        same = same && hot.same && cold.same;
    };
    for (const Signal& signal : usual_signals(rows)) one(signal, small ? 1 : 5);
    return same ? 0 : 1;
}

}  // namespace gongshu::history
