// Columns of real measurements, as the store codes their values in segments, beside codings that others use. Sizes, no
// times: they are the same on every machine.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>

#include "base/rng.h"
#include "bench/gorilla.h"
#include "bench/workloads.h"
#include "history/chunk.h"
#include "io/run.h"

namespace gongshu::bench {
namespace {

using history::ChunkInfo;
using history::kChunkRows;
using history::Run;
using history::Tier;

constexpr std::uint64_t kFileBytesMax = 64 << 20;
constexpr std::size_t kValuesMin = 100;  // of a column

// A set of columns of one kind.
struct Set {
    std::string name;  // of its measure
    std::vector<std::vector<double>> columns;
};

struct SetFiles {
    const char* name;
    std::vector<const char*> files;  // below the folder of measurements
    char separator;                  // ' ' = any white space
};

const std::vector<SetFiles>& known_sets() {
    static const std::vector<SetFiles> sets{
        {"gas_turbine", {"gas_turbine/gt_2011.csv"}, ','},
        {"nab", {"nab/machine_temperature_system_failure.csv", "nab/ambient_temperature_system_failure.csv"}, ','},
        {"tennessee", {"tep/d00_te.dat"}, ' '}};
    return sets;
}

std::vector<std::string_view> cells_of(std::string_view line, char separator) {
    std::vector<std::string_view> cells;
    while (!line.empty()) {
        const std::size_t end =
            std::min(separator == ' ' ? line.find_first_of(" \t") : line.find(separator), line.size());
        if (separator != ' ' || end > 0) cells.push_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return cells;
}

std::optional<double> number_in(std::string_view cell) {
    const std::string text(cell);
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || *end != 0) return std::nullopt;
    return value;
}

// The numbers of each column; names in the first line, and times, are none.
void add_columns(std::string_view text, char separator, std::vector<std::vector<double>>& columns) {
    std::vector<std::vector<double>> found;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        const auto cells = cells_of(line, separator);
        found.resize(std::max(found.size(), cells.size()));
        for (std::size_t c = 0; c < cells.size(); ++c)
            if (const auto value = number_in(cells[c])) found[c].push_back(*value);
    }
    for (auto& column : found)
        if (column.size() >= kValuesMin) columns.push_back(std::move(column));
}

Result<std::vector<Set>> read_sets(io::Files& files, const std::string& folder) {
    std::vector<Set> sets;
    for (const SetFiles& known : known_sets()) {
        Set set{known.name, {}};
        for (const char* name : known.files) {
            const Buffer bytes = TRY(io::read_whole(files, folder + "/" + name, kFileBytesMax)
                                         .context("--data {}: measurements are missing", folder));
            add_columns(as_text(bytes), known.separator, set.columns);
        }
        sets.push_back(std::move(set));
    }
    return sets;
}

// In place of measurements, for a run that only counts: one column of decimals, one of real doubles.
std::vector<Set> made_sets() {
    Rng rng{5};
    Set set{"made", {{}, {}}};
    for (int i = 0; i < 3000; ++i) {
        set.columns[0].push_back(std::round(2000 + static_cast<double>(rng.below(100))) / 10);
        set.columns[1].push_back(std::sqrt(static_cast<double>(i + 2)));
    }
    return {std::move(set)};
}

struct Sizes {
    std::uint64_t values = 0, same = 0;  // that came back as they went
    std::uint64_t hot_bits = 0, cold_bits = 0, gorilla = 0;
    Buffer raw;  // all of them, column behind column
    void add(const Sizes& other) {
        values += other.values;
        same += other.same;
        hot_bits += other.hot_bits;
        cold_bits += other.cold_bits;
        gorilla += other.gorilla;
        raw.insert(raw.end(), other.raw.begin(), other.raw.end());
    }
};

Run run_of(const std::vector<double>& column) {
    Run run;
    run.type = ValueType::number;
    for (std::size_t i = 0; i < column.size(); ++i)
        run.push(static_cast<TimeNs>(i) * kSecond, std::bit_cast<std::uint64_t>(column[i]), pack(kGood));
    return run;
}

// The blocks of values of a column; how many of them come back is added to `same`.
std::uint64_t coded_bits(const Run& run, Tier tier, std::uint64_t& same) {
    std::uint64_t bits = 0;
    for (std::size_t at = 0; at < run.size(); at += kChunkRows) {
        const std::size_t end = std::min(run.size(), at + kChunkRows);
        ChunkInfo info;
        info.type = run.type;
        info.min_time = run.times[at];
        info.max_time = run.times[end - 1];
        info.statistics.rows = end - at;
        Buffer block;
        encode_values(run, at, end, tier, block);
        bits += block.size() * 8;
        const auto read = decode_chunk(info, {{}, {}, block});
        for (std::size_t i = at; read && i < end; ++i) same += read->bits[i - at] == run.bits[i] ? 1 : 0;
    }
    return bits;
}

Sizes sizes_of(const std::vector<double>& column) {
    const Run run = run_of(column);
    Sizes sizes;
    sizes.values = run.size();
    std::uint64_t hot_same = 0, cold_same = 0;
    sizes.hot_bits = coded_bits(run, Tier::hot, hot_same);
    sizes.cold_bits = coded_bits(run, Tier::cold, cold_same);
    sizes.same = std::min(hot_same, cold_same);
    sizes.gorilla = gorilla_bits(column);
    for (const std::uint64_t bits : run.bits)
        for (int byte = 0; byte < 8; ++byte) sizes.raw.push_back(static_cast<std::uint8_t>(bits >> (8 * byte)));
    return sizes;
}

// What `zstd -3` makes of all bytes at once; nullopt, with the reason in `absent`, if it is not on this machine.
Result<std::optional<std::uint64_t>> zstd_bits(const Bench& bench, const Sizes& sizes, const std::string& name,
                                               std::vector<std::string>& absent) {
    const std::string path = bench.folder + "/" + name + ".f64";
    TRY(io::write_whole(bench.files, path, sizes.raw));
    const auto ran = io::run_program({"zstd", "-3", "-q", "-f", path, "-o", path + ".zst"});
    if (!ran || ran->code != 0) {
        absent = {fmt::format("zstd is not on this machine: {}", ran ? ran->output : ran.error().text())};
        return std::optional<std::uint64_t>{};
    }
    const std::uint64_t bytes = TRY(TRY(bench.files.open(path + ".zst", io::Open::read))->size());
    return std::optional{bytes * 8};
}

Measure measure(const std::string& name, std::uint64_t bits, std::uint64_t values) {
    return {.name = name,
            .value = static_cast<double>(bits) / static_cast<double>(values),
            .unit = "bit",
            .more_is_better = false};
}

}  // namespace

Result<Report> run_real(const Bench& bench) {
    if (bench.options.data.empty() && !bench.options.small)
        return Error{Code::invalid, "bench real: name the folder of measurements by --data"};
    const auto sets = bench.options.data.empty() ? made_sets() : TRY(read_sets(bench.files, bench.options.data));
    Report report;
    Peer gorilla{.name = "gorilla", .version = "VLDB 2015, counted"},
        zstd{.name = "zstd", .version = "-3, all bytes of a set at once"};
    const auto tell = [&](const std::string& name, const Sizes& sizes) -> Result<void> {
        const std::string measured = name + "_bits_per_value";
        report.measures.push_back(measure(measured, sizes.cold_bits, sizes.values));
        report.costs.push_back({name + "_hot_bits_per_value",
                                static_cast<double>(sizes.hot_bits) / static_cast<double>(sizes.values), "bit",
                                "before the day is merged"});
        gorilla.measures.push_back(measure(measured, sizes.gorilla, sizes.values));
        if (const auto bits = TRY(zstd_bits(bench, sizes, name, report.absent)))
            zstd.measures.push_back(measure(measured, *bits, sizes.values));
        return {};
    };
    Sizes all;
    for (const Set& set : sets) {
        Sizes of_set;
        for (const auto& column : set.columns) of_set.add(sizes_of(column));
        TRY(tell(set.name, of_set));
        all.add(of_set);
    }
    TRY(tell("real", all));
    report.sent = static_cast<double>(all.values);
    report.read_back = static_cast<double>(all.same);
    report.peers.push_back(std::move(gorilla));
    if (!zstd.measures.empty()) report.peers.push_back(std::move(zstd));
    return report;
}

}  // namespace gongshu::bench
