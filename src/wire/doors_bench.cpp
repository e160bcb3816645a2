// What the doors of readings cost to decode, on one core, beside the floor: reading the same bytes once.
//   wire_bench [--small]

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <ctime>
#include <iterator>
#include <string_view>

#include "wire/batch.h"
#include "wire/line.h"
#include "wire/prom.h"
#include "wire/snappy.h"

namespace gongshu::wire {
namespace {

struct Scale {
    std::size_t lines = 20'000;
    int rounds = 25;
};

// Of this core's time: neighbours that want it too do not count.
double seconds_of(const auto& work) {
    const std::clock_t begin = std::clock();
    work();
    return std::max(static_cast<double>(std::clock() - begin), 1.0) / CLOCKS_PER_SEC;
}

// The quickest of some rounds: what the machine can do when nobody disturbs it.
double best_of(int rounds, const auto& work) {
    double best = 1e9;
    for (int i = 0; i < rounds; ++i) best = std::min(best, seconds_of(work));
    return best;
}

std::uint64_t read_once(std::string_view bytes) {
    std::uint64_t sum = 0, word = 0;
    for (std::size_t at = 0; at + sizeof word <= bytes.size(); at += sizeof word) {
        std::memcpy(&word, bytes.data() + at, sizeof word);
        sum += word;
    }
    return sum;
}

// `decode` gives how many values it found and a sum that depends on all of them.
void report(std::string_view name, std::string_view bytes, const Scale& scale, const auto& decode) {
    std::pair<std::size_t, std::uint64_t> found;
    std::uint64_t sum = 0;
    const double floor = best_of(scale.rounds, [&] { sum += read_once(bytes); });
    const double took = best_of(scale.rounds, [&] { found = decode(bytes); });
    const auto values = static_cast<double>(found.first);
    fmt::print(
        "{:<14} {:8.2f} M values/s {:7.1f} ns a value {:6.2f} GB/s; floor {:8.1f} M values/s, {:.0f} times; hash "
        "{:08x}\n",
        name, values / took / 1e6, took / values * 1e9, static_cast<double>(bytes.size()) / took / 1e9,
        values / floor / 1e6, took / floor, static_cast<std::uint32_t>(found.second + (sum == 1)));
}

std::pair<std::size_t, std::uint64_t> decode_lines(std::string_view text) {
    std::size_t values = 0;
    std::uint64_t sum = 0;
    LineParser parser;
    parser.parse(
        text, 1,
        [&](const LinePoint& point) {
            values += point.fields.size();
            for (const LineField& field : point.fields) {
                std::uint64_t bits = 0;
                std::memcpy(&bits, &field.number, sizeof bits);
                sum += bits + static_cast<std::uint64_t>(field.integer) + field.text.size() + field.boolean;
            }
            sum += static_cast<std::uint64_t>(point.time_ns.value_or(0));
        },
        [&](const LineError& error) { fmt::print("line {}: {}\n", error.line, error.text); });
    return {values, sum};
}

// As Telegraf's input of processors sends them: few labels, ten numbers of sixteen digits.
std::string wide_lines(std::size_t lines) {
    std::string text;
    for (std::size_t i = 0; i < lines; ++i) {
        fmt::format_to(std::back_inserter(text), "cpu,cpu=cpu{},host=web-{:02} ", i % 8, i / 8 % 50);
        for (int field = 0; field < 10; ++field)
            fmt::format_to(std::back_inserter(text), "{}usage_f{}={}", field == 0 ? "" : ",", field,
                           static_cast<double>((i * 7919 + static_cast<std::size_t>(field)) % 10'007) / 100.07);
        fmt::format_to(std::back_inserter(text), " {}\n", 1'700'000'000'000'000'000 + i * 1'000'000);
    }
    return text;
}

// As a gateway sends them: one short number a line.
std::string narrow_lines(std::size_t lines) {
    std::string text;
    for (std::size_t i = 0; i < lines; ++i)
        fmt::format_to(std::back_inserter(text), "sensor,device=d{},line=a temperature={:.1f} {}\n", i % 500,
                       static_cast<double>(i % 1'000) / 10, 1'700'000'000'000'000'000 + i * 1'000'000);
    return text;
}

std::string mixed_lines(std::size_t lines) {
    std::string text;
    for (std::size_t i = 0; i < lines; ++i)
        fmt::format_to(std::back_inserter(text),
                       "mill,line=a,device=d{} speed={}i,on={},state=\"running {}\",load={:.3f} {}\n", i % 500,
                       i % 3'000, i % 2 == 0 ? "true" : "false", i % 10, static_cast<double>(i % 997) / 7,
                       1'700'000'000'000'000'000 + i * 1'000'000);
    return text;
}

// Columns of an edge: a steady clock, one decimal place.
std::string batch_of(std::size_t columns, std::size_t rows) {
    BatchWriter writer;
    for (std::size_t i = 0; i < columns; ++i) {
        const std::string path = fmt::format("plant/line{}/d{}.temperature", i % 10, i);
        BatchColumn column;
        column.path = path;
        for (std::size_t row = 0; row < rows; ++row) {
            column.times.push_back(1'700'000'000'000'000'000 + static_cast<TimeNs>(row) * kSecond);
            column.bits.push_back(std::bit_cast<std::uint64_t>(static_cast<double>((i + row * 7) % 1'000) / 10));
            column.qualities.push_back(kGood);
        }
        writer.add(column);
    }
    return writer.finish();
}

std::pair<std::size_t, std::uint64_t> decode_columns(std::string_view body) {
    std::size_t values = 0;
    std::uint64_t sum = 0;
    const auto decoded = decode_batch(as_bytes(body), {}, [&](const BatchColumn& column) {
        values += column.times.size();
        for (std::size_t i = 0; i < column.times.size(); ++i)
            sum += column.bits[i] + static_cast<std::uint64_t>(column.times[i]);
    });
    if (!decoded) fmt::print("{}\n", decoded.error().text());
    return {values, sum};
}

// As Prometheus sends them: a sample or some of each series, snappy around all.
std::string prom_of(std::size_t series, std::size_t samples_each) {
    std::string message;
    for (std::size_t i = 0; i < series; ++i) {
        const std::string instance = fmt::format("10.0.0.{}:9100", i % 50), core = fmt::format("{}", i / 50);
        std::vector<PromSample> samples;
        for (std::size_t k = 0; k < samples_each; ++k)
            samples.push_back(
                {static_cast<double>(i * k) / 7, 1'700'000'000'000 + static_cast<std::int64_t>(k) * 15'000});
        append_prom_series(
            message, {{"__name__", "node_cpu_seconds_total"}, {"cpu", core}, {"instance", instance}, {"job", "node"}},
            samples);
    }
    return snappy_encode(message);
}

std::pair<std::size_t, std::uint64_t> decode_prom(std::string_view body) {
    std::size_t values = 0;
    std::uint64_t sum = 0;
    const auto message = snappy_decode(as_bytes(body), 256 << 20);
    if (!message) return {0, 0};
    const auto decoded = decode_prom_write(
        as_bytes(*message), {},
        [&](const PromSeries& series) {
            values += series.samples.size();
            for (const PromSample& sample : series.samples)
                sum += std::bit_cast<std::uint64_t>(sample.value) + static_cast<std::uint64_t>(sample.time_ms);
        },
        [](const PromFault& fault) { fmt::print("series {}: {}\n", fault.index, fault.text); });
    if (!decoded) fmt::print("{}\n", decoded.error().text());
    return {values, sum};
}

void bench(const Scale& scale) {
    report("line wide", wide_lines(scale.lines), scale, decode_lines);
    report("line narrow", narrow_lines(scale.lines * 5), scale, decode_lines);
    report("line mixed", mixed_lines(scale.lines * 2), scale, decode_lines);
    report("batch", batch_of(100, scale.lines / 4), scale, decode_columns);
    report("prom, 1 each", prom_of(scale.lines, 1), scale, decode_prom);
    report("prom, 10 each", prom_of(scale.lines / 4, 10), scale, decode_prom);
}

}  // namespace
}  // namespace gongshu::wire

int main(int argc, char** argv) {
    const bool small = argc > 1 && std::string_view{argv[1]} == "--small";
    gongshu::wire::bench(small ? gongshu::wire::Scale{200, 2} : gongshu::wire::Scale{});
    return 0;
}
