// What reading a table costs, beside its floor: counting the line breaks of the same bytes.
//   importer_bench [--small]

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "importer/job.h"
#include "importer/memory_file.h"
#include "io/loop.h"

namespace gongshu::importer {
namespace {

class NoTarget final : public Target {
public:
    Result<void> write(std::span<const Series>, Rows) override { return {}; }
};

double millions_per_s(std::uint64_t count, DurationNs took) {
    const double seconds = static_cast<double>(std::max<DurationNs>(took, 1)) / static_cast<double>(kSecond);
    return static_cast<double>(count) / seconds / 1e6;
}

std::string narrow(int rows) {
    std::string text = "time,value\n";
    for (int i = 0; i < rows; ++i)
        text += fmt::format("2024-01-{:02} {:02}:{:02}:{:02},{}.{:06}\n", 1 + i / 86'400 % 28, i / 3600 % 24,
                            i / 60 % 60, i % 60, 20 + i % 80, i % 1000 * 7919 % 1'000'000);
    return text;
}

std::string wide(int rows) {
    std::string text;
    for (int i = 0; i < rows; ++i) {
        text += fmt::format("{} {}", 1 + i / 200, 1 + i % 200);
        for (int column = 0; column < 24; ++column)
            text += fmt::format(" {}.{:02}", 100 + (i + column) % 900, i * 31 % 100);
        text += "\n";
    }
    return text;
}

Result<void> bench(const char* name, std::string text, std::string_view map_text) {
    const auto clock = io::make_system_clock();
    const auto bytes = std::make_shared<const std::string>(std::move(text));
    DurationNs begin = clock->monotonic();
    const auto lines = static_cast<std::uint64_t>(std::ranges::count(*bytes, '\n'));
    fmt::print("{:8} floor: line breaks {:8.1f} million lines/s\n", name,
               millions_per_s(lines, clock->monotonic() - begin));
    const Map map = TRY(parse_map(map_text));
    begin = clock->monotonic();
    auto table = TRY(Table::open(make_memory_file(bytes), name, map.layout));
    Record record;
    while (TRY(table.next(record)) != Table::Next::end) {
    }
    fmt::print("{:8} records            {:8.1f} million lines/s\n", name,
               millions_per_s(lines, clock->monotonic() - begin));
    NoTarget target;
    auto again = TRY(Table::open(make_memory_file(bytes), name, map.layout));
    const auto report =
        TRY(import_table(std::move(again), *clock, map, target, {}, [](const Progress&) { return true; }));
    fmt::print("{:8} readings           {:8.1f} million lines/s, {:.1f} million readings/s\n", name,
               millions_per_s(report.rows, report.elapsed), millions_per_s(report.values, report.elapsed));
    return {};
}

Result<void> run(bool small) {
    TRY(bench("narrow", narrow(small ? 10'000 : 2'000'000),
              "time: {column: time, format: iso, zone: Asia/Shanghai}\npath: x\ncolumns: {value: v}\n"));
    std::string columns;
    for (int column = 3; column <= 26; ++column) columns += fmt::format("  {}: c{}\n", column, column);
    return bench("wide", wide(small ? 1000 : 200'000),
                 "file: {header: 0}\ntime: {start: \"2024-01-01T00:00:00Z\", step: 1s, cycle: 2}\n"
                 "path: \"x{1}\"\ncolumns:\n" +
                     columns);
}

}  // namespace
}  // namespace gongshu::importer

int main(int argc, char** argv) {
    const auto done = gongshu::importer::run(argc > 1 && std::string_view(argv[1]) == "--small");
    if (!done) fmt::print("{}\n", done.error().text());
    return done ? 0 : 1;
}
