// Any bytes as a file: proposed for, and imported by the proposal and by a map with a bit of everything. The first byte
// chooses how the file is read.
#include <cstdint>
#include <cstdio>

#include "importer/job.h"
#include "importer/propose.h"
#include "io/sim.h"

using namespace gongshu;
using namespace gongshu::importer;

namespace {

class NoTarget final : public Target {
public:
    Result<void> write(std::span<const Series> series, Rows rows) override {
        for (std::size_t i = 0; i < rows.size(); ++i)
            if (rows.tag(i).value == 0 || rows.tag(i).value > series.size()) __builtin_trap();
        return {};
    }
};

void import_by(io::Files& files, std::string_view map_text) {
    const auto map = parse_map(map_text);
    if (!map) return;
    NoTarget target;
    const SimClock clock;
    JobOptions options;
    options.rows_per_write = 7;
    options.table.record = {.record_bytes_max = 500, .fields_max = 50};
    options.mapper.series_max = 20;
    const auto report = import_file(files, clock, "f.csv", *map, target, options, [](const Progress&) { return true; });
    if (!report) return;
    std::uint64_t values = 0;
    for (const Series& one : report->series) values += one.values;
    if (values != report->values || report->times + report->duplicates != report->rows) __builtin_trap();
    to_json(*report);
    to_text(*report);
}

}  // namespace

// The units library forgets some bytes of a text that is no unit.
extern "C" const char* __lsan_default_suppressions() { return "leak:utlex\n"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    if (bytes == 0) return 0;
    static constexpr std::string_view kMaps[] = {
        "file: {header: 0}\ntime: {column: 1, format: [iso, s, excel, \"%d/%m/%Y %H:%M\"], zone: Europe/Berlin}\n"
        "path: \"x/{2}\"\ncolumns: {3: {property: \"{4:raw}\", type: number, scale: 2}, 5: {property: t, type: "
        "text}}\nwrong: bad\n",
        "file: {header: 0, delimiter: spaces, decimal: \",\", thousands: \".\", ragged: true}\n"
        "time: {start: \"2020-01-01T00:00:00Z\", step: 1h, cycle: 2}\npath: \"x/{file}\"\ncolumns: {1: {property: a, "
        "type: boolean}, 3: {property: b, type: integer}}\n",
        "file: {header: 1, transposed: true, encoding: utf-16le}\ntime: {start: \"2020-01-01T00:00:00Z\", step: "
        "1s}\npath: x\ncolumns: {1: a}\n",
        "file: {header: 0, encoding: gb18030, delimiter: \",\", comment: \"#\", skip: 1}\ntime: {column: 1, format: "
        "\"%Y年%m月%d日 %p%I:%M:%S\", zone: Asia/Shanghai}\npath: x\ncolumns: {2: a}\n",
    };
    io::SimFiles files;
    auto file = files.open("f.csv", io::Open::create_new);
    if (!file || !(*file)->append(Bytes(data + 1, bytes - 1))) __builtin_trap();
    if (data[0] % 8 < std::size(kMaps)) {
        import_by(files, kMaps[data[0] % 8]);
    } else if (const auto proposal = propose_map(files, "f.csv")) {
        if (const auto map = parse_map(*proposal); !map) {
            std::fprintf(stderr, "%s\n%s\n", map.error().text().c_str(), proposal->c_str());
            __builtin_trap();
        }
        import_by(files, *proposal);
    }
    return 0;
}
