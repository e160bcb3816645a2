#include "importer/job.h"

#include <algorithm>

namespace gongshu::importer {
namespace {

// A target that is given what is ready.
Result<void> flush(Mapper& mapper, Target& target, Rows& rows) {
    if (rows.empty()) return {};
    TRY(target.write(mapper.report().series, std::move(rows)));
    rows = Rows{};
    return {};
}

// What retention will remove again.
void find_too_old(Report& report, const Target& target) {
    for (const Series& series : report.series) {
        if (series.values == 0) continue;
        const TimeNs keeps_from = target.keeps_from(series.path);
        if (series.first >= keeps_from) continue;
        if (report.too_old++ == 0) report.first_too_old = {series.path, series.first, keeps_from};
    }
}

}  // namespace

Result<Report> import_file(io::Files& files, const Clock& clock, const std::string& path, const Map& map,
                           Target& target, const JobOptions& options,
                           const std::function<bool(const Progress&)>& on_progress) {
    auto table = TRY(Table::open(files, path, map.layout, options.table));
    return import_table(std::move(table), clock, map, target, options, on_progress);
}

Result<Report> import_table(Table table, const Clock& clock, const Map& map, Target& target, const JobOptions& options,
                            const std::function<bool(const Progress&)>& on_progress) {
    const DurationNs began = clock.monotonic();
    const std::string& path = table.name();
    auto mapper = TRY(Mapper::create(map, path, table.names(), options.mapper).context("{}", path));
    Report& report = mapper->report();
    report.bytes = table.bytes();
    if (table.sheet() != nullptr) {
        for (const Fault& note : table.sheet()->notes()) report.doubt(note.line, note.column, note.text);
        report.doubts += table.sheet()->notes_count() - table.sheet()->notes().size();
    }
    Rows rows;
    // Between two writes there is room for one more record, whatever its texts.
    const std::size_t rows_max = std::min(options.rows_per_write, Rows::kRowsMax - kColumnsMax);
    const std::size_t text_max =
        Rows::kTextBytesMax - std::min(Rows::kTextBytesMax / 2, options.table.record.record_bytes_max);
    std::size_t text_bytes = 0;
    const auto progress = [&] {
        return on_progress({table.bytes_read(), table.bytes(), report.rows, report.values, clock.monotonic() - began});
    };
    std::uint64_t stored_line = 0;
    // What is not stored is told together with where to go on.
    const auto store = [&]() -> Result<void> {
        auto flushed = flush(*mapper, target, rows);
        if (flushed) {
            stored_line = report.last_line;
            return {};
        }
        if (stored_line == 0) return std::move(flushed).context("{}: line {}", path, report.last_line);
        return Error{flushed.error().code(),
                     "{}: {}; all lines up to {} are stored: go on with --from-line {}, or from the start, which "
                     "changes nothing",
                     path,
                     flushed.error().text(),
                     stored_line,
                     stored_line + 1};
    };
    Record record;
    std::uint64_t count = 0;
    while (true) {
        const auto next = TRY(table.next(record));
        if (next == Table::Next::end) break;
        if (record.line < options.from_line)
            mapper->pass_over();
        else if (next == Table::Next::fault)
            mapper->take_fault(record.line, table.fault());
        else
            mapper->take(record, rows);
        for (const std::string_view field : record.fields) text_bytes += field.size();
        const bool is_full = rows.size() >= rows_max || text_bytes >= text_max;
        if (!is_full && ++count % 65'536 != 0) continue;
        if (is_full) {
            text_bytes = 0;
            TRY(store());
        }
        if (!progress()) {
            report.cancelled = true;
            break;
        }
    }
    TRY(store());
    progress();
    find_too_old(report, target);
    report.repeated_times = mapper->repeated_times();
    report.replaced_characters = table.replaced_characters();
    report.elapsed = clock.monotonic() - began;
    return std::move(report);
}

}  // namespace gongshu::importer
