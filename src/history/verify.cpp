// Every byte of a history's folder, checked without changing any.
#include "history/formats.h"
#include "history/log.h"
#include "history/manifest.h"
#include "history/segment.h"
#include "history/store.h"

namespace gongshu::history {
namespace {

constexpr std::uint64_t kFileBytesMax = std::uint64_t{4} << 30;

// One check of a folder. Lives for one call.
class Check {
public:
    Check(io::Files& files, const std::string& folder, const OnEvent& on_event, VerifyReport& report)
        : files_(files), folder_(folder), on_event_(on_event), report_(report) {}

    void segment(const SegmentInfo& info) {
        const std::string path = segment_path(folder_ + "/seg", info);
        auto open = OpenSegment::open(files_, path);
        if (!note(open)) return;
        if (auto begins = check_segment_header(files_, path); !begins) problem(begins.error().text());
        std::uint64_t rows = 0;
        CellMaker cells;
        const auto& chunks = (*open)->chunks();
        for (std::size_t i = 0; i < chunks.size(); ++i) {
            const auto run = (*open)->check(chunks[i]);
            run ? cells.add(*run) : problem(run.error().text());
            rows += chunks[i].statistics.rows;
            if (i + 1 < chunks.size() && chunks[i + 1].tag == chunks[i].tag) continue;
            if (auto fine = check_cells(**open, chunks[i], cells); run && !fine)
                problem(fmt::format("{}: {}", path, fine.error().text()));
        }
        if (rows != info.rows || (*open)->day() != info.day || (*open)->shard() != info.shard)
            problem(fmt::format("{}: {} rows, the manifest says {}; or another day or shard than it says", path, rows,
                                info.rows));
        report_.rows += rows;
    }

    void events(const EventFileInfo& info) {
        const std::string path = numbered("event", info.number, "ev");
        ++report_.event_files;
        const auto bytes = io::read_whole(files_, path, kFileBytesMax);
        const auto events = bytes ? decode_events(*bytes, path) : Result<std::vector<Event>>{bytes.error()};
        if (!events) return report_.event_problems.push_back(events.error().text());
        for (const Event& one : *events) event(one, path);
        if (events->size() != info.events)
            report_.event_problems.push_back(
                fmt::format("{}: {} events, the manifest says {}", path, events->size(), info.events));
    }

    void intervals(const IntervalFileInfo& info) {
        const std::string path = numbered("ival", info.number, "iv");
        const auto read = [&]() -> Result<std::vector<IntervalEntryPtr>> {
            return TRY(IntervalReader::open(files_, path)).all();
        };
        const auto entries = read();
        if (!note(entries)) return;
        if (entries->size() != info.intervals)
            problem(fmt::format("{}: {} intervals, the manifest says {}", path, entries->size(), info.intervals));
        report_.intervals += entries->size();
    }

    void open_intervals(std::uint64_t number) {
        const std::string path = numbered("ival", number, "open");
        if (const auto open = decoded(path, [&](Bytes bytes) { return decode_open_intervals(bytes, path); }))
            report_.intervals += open->entries.size();
    }

    void catalogue(const Clock& clock, std::uint64_t number) {
        const std::string path = numbered("cat", number, "cat");
        Catalogue scratch{clock, 0};
        std::ignore = decoded(path, [&](Bytes bytes) { return scratch.decode(bytes, path); });
    }

    void last(std::uint64_t number) {
        const std::string path = numbered("last", number, "last");
        std::ignore = decoded(path, [&](Bytes bytes) { return decode_last(bytes, path); });
    }

    std::optional<LogEnd> log(const Manifest& manifest) {
        const std::string path = folder_ + "/log";
        auto end = replay_log(files_, path, manifest.log_first, [&](Record record) -> Result<void> {
            if (const auto* rows = std::get_if<RowsRecord>(&record)) report_.rows += rows->rows.size();
            if (const auto* tuples = std::get_if<TuplesRecord>(&record)) report_.rows += tuples->tuples.readings();
            if (const auto* columns = std::get_if<ColumnsRecord>(&record)) report_.rows += columns->columns.readings();
            // Those below are in event files as well.
            if (const auto* one = std::get_if<Event>(&record); one && one->id.value >= manifest.next_event)
                event(*one, path);
            // Those below are in files; of the others each is counted once.
            if (const auto* one = std::get_if<IntervalRecord>(&record);
                one && one->change >= manifest.next_interval && one->interval.revision == 1)
                ++report_.intervals;
            return {};
        });
        return note(end) ? std::optional{*end} : std::nullopt;
    }

    template <class T>
    bool note(const Result<T>& result) {
        ++report_.files;
        if (!result) problem(result.error().text());
        return result.has_value();
    }
    void problem(std::string text) { report_.problems.push_back(std::move(text)); }

private:
    std::string numbered(std::string_view folder, std::uint64_t number, std::string_view suffix) const {
        return fmt::format("{}/{}/{:x}.{}", folder_, folder, number, suffix);
    }

    template <class Decode>
    auto decoded(const std::string& path, Decode decode) -> decltype(decode(Bytes{})) {
        const auto bytes = io::read_whole(files_, path, kFileBytesMax);
        auto result = bytes ? decode(*bytes) : decltype(decode(Bytes{})){bytes.error()};
        note(result);
        return result;
    }

    void event(const Event& one, const std::string& path) {
        ++report_.events;
        if (!on_event_) return;
        if (const auto fine = on_event_(one); !fine)
            report_.event_problems.push_back(fmt::format("{}: {}", path, fine.error().text()));
    }

    io::Files& files_;
    const std::string& folder_;
    const OnEvent& on_event_;
    VerifyReport& report_;
};

}  // namespace

std::optional<Manifest> check_manifest(io::Files& files, const std::string& folder, VerifyReport& report) {
    const std::string path = folder + "/MANIFEST";
    const auto read = [&]() -> Result<Manifest> {
        return decode_manifest(TRY(io::read_whole(files, path, kFileBytesMax)), path);
    };
    auto manifest = read();
    const OnEvent nobody;
    Check check{files, folder, nobody, report};
    if (const auto formats = stored_formats(files, folder); !formats) check.problem(formats.error().text());
    return check.note(manifest) ? std::optional{std::move(*manifest)} : std::nullopt;
}

void check_lasting(io::Files& files, const std::string& folder, const Manifest& manifest, const OnEvent& on_event,
                   VerifyReport& report, VerifyProgress* progress) {
    Check check{files, folder, on_event, report};
    VerifyProgress nobody;
    VerifyProgress& done = progress != nullptr ? *progress : nobody;
    const auto count = [&](const auto& infos) {
        done.files += infos.size();
        for (const auto& info : infos) done.bytes += info.bytes;
    };
    count(manifest.segments);
    count(manifest.events);
    count(manifest.intervals);
    const auto each = [&](const auto& infos, auto look) {
        for (const auto& info : infos) {
            if (done.stop) return;
            look(info);
            ++done.files_done;
            done.bytes_done += info.bytes;
        }
    };
    each(manifest.segments, [&](const SegmentInfo& info) { check.segment(info); });
    each(manifest.events, [&](const EventFileInfo& info) { check.events(info); });
    each(manifest.intervals, [&](const IntervalFileInfo& info) { check.intervals(info); });
}

std::optional<LogEnd> check_changing(io::Files& files, const Clock& clock, const std::string& folder,
                                     const Manifest& manifest, const OnEvent& on_event, VerifyReport& report) {
    Check check{files, folder, on_event, report};
    if (manifest.open_intervals != 0) check.open_intervals(manifest.open_intervals);
    if (manifest.catalogue != 0) check.catalogue(clock, manifest.catalogue);
    if (manifest.last != 0) check.last(manifest.last);
    return check.log(manifest);
}

VerifyReport verify_folder(io::Files& files, const Clock& clock, const std::string& folder, const OnEvent& on_event) {
    VerifyReport report;
    const auto manifest = check_manifest(files, folder, report);
    if (!manifest) return report;
    check_lasting(files, folder, *manifest, on_event, report, nullptr);
    const auto end = check_changing(files, clock, folder, *manifest, on_event, report);
    if (end && end->torn) {
        const auto [number, good_bytes] = *end->torn;
        report.problems.push_back(fmt::format(
            "{}/log/{}: nothing good from byte {} on; either the file was changed, or the machine went down while this "
            "was being written: then nothing that was acknowledged is in it and the next start cuts it off",
            folder, log_file_name(number), good_bytes));
    }
    return report;
}

}  // namespace gongshu::history
