#include "history/codec_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

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

// The numeric columns of a text file; the first line may be names.
std::vector<Signal> columns_of(const std::filesystem::path& path, char separator) {
    std::ifstream file{path};
    std::vector<Signal> columns;
    std::string line;
    for (std::size_t row = 0; std::getline(file, line);) {
        std::stringstream cells{line};
        std::string cell;
        std::vector<double> values;
        while (separator == ' ' ? static_cast<bool>(cells >> cell)
                                : static_cast<bool>(std::getline(cells, cell, separator))) {
            char* end = nullptr;
            values.push_back(std::strtod(cell.c_str(), &end));
            if (end == cell.c_str() || (*end != 0 && *end != '\r')) values.back() = NAN;
        }
        if (std::ranges::all_of(values, [](double value) { return std::isnan(value); })) continue;
        columns.resize(std::max(columns.size(), values.size()));
        for (std::size_t c = 0; c < values.size(); ++c)
            if (!std::isnan(values[c]))
                columns[c].run.push(static_cast<TimeNs>(row) * kSecond, std::bit_cast<std::uint64_t>(values[c]),
                                    pack(kGood));
        ++row;
    }
    std::erase_if(columns, [](const Signal& one) { return one.run.size() < 100; });
    for (std::size_t c = 0; c < columns.size(); ++c)
        columns[c].name = fmt::format("{} {}", path.filename().string(), c);
    return columns;
}

std::vector<Signal> real_signals(const std::string& folder) {
    std::vector<Signal> signals;
    const auto take = [&](const std::string& name, char separator) {
        for (Signal& one : columns_of(folder + "/" + name, separator)) signals.push_back(std::move(one));
    };
    take("gas_turbine/gt_2011.csv", ',');
    take("nab/machine_temperature_system_failure.csv", ',');
    take("nab/ambient_temperature_system_failure.csv", ',');
    take("tep/d00_te.dat", ' ');
    return signals;
}

struct Measured {
    std::size_t values = 0, bytes = 0;
    double encode_ns = 0, decode_ns = 0;
    bool same = true;
    void add(const Measured& other) {
        values += other.values;
        bytes += other.bytes;
        encode_ns += other.encode_ns;
        decode_ns += other.decode_ns;
        same = same && other.same;
    }
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
    Measured all_hot, all_cold;
    const auto one = [&](const Signal& signal, int rounds) {
        const Measured hot = measure(signal.run, Tier::hot, rounds);
        const Measured cold = measure(signal.run, Tier::cold, rounds);
        print(signal.name, hot, cold);
        same = same && hot.same && cold.same;
        all_hot.add(hot);
        all_cold.add(cold);
    };
    for (const Signal& signal : usual_signals(rows)) one(signal, small ? 1 : 5);
    const char* folder = std::getenv("GONGSHU_DATA");
    if (folder && !small) {
        all_hot = all_cold = {};
        for (const Signal& signal : real_signals(folder)) one(signal, 20);
        print("all real columns", all_hot, all_cold);
    } else {
        fmt::print("no real columns: GONGSHU_DATA names no folder of measurements\n");
    }
    return same ? 0 : 1;
}

}  // namespace gongshu::history
