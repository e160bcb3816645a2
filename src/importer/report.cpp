#include "importer/report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/checksum.h"
#include "base/json_writer.h"

namespace gongshu::importer {
std::string time_text(TimeNs time) {
    const std::int64_t seconds = time / kSecond - (time % kSecond < 0);
    const std::int64_t ns = time - seconds * kSecond;
    std::string text = fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(seconds)));
    if (ns != 0) text += fmt::format(".{:09}", ns).substr(0, ns % kMillisecond == 0 ? 4 : 10);
    return text + "Z";
}

std::string checksum_of(const Report& report) {
    std::vector<const Series*> sorted;
    for (const Series& series : report.series) sorted.push_back(&series);
    std::ranges::sort(sorted, {}, [](const Series* series) { return std::string_view(series->path); });
    std::uint32_t sum = 0;
    for (const Series* series : sorted)
        sum = crc32c(as_bytes(fmt::format("{} {} {:08x}\n", series->path, series->values, series->checksum)), sum);
    return fmt::format("{:08x}", sum);
}

std::string to_json(const Report& report) {
    std::string text;
    JsonWriter json(text);
    json.begin_object().key("file").text(report.file);
    const auto count = [&json](std::string_view name, std::uint64_t value) {
        json.key(name).safe_integer(static_cast<std::int64_t>(value));
    };
    count("bytes", report.bytes);
    count("rows", report.rows);
    count("values", report.values);
    count("times", report.times);
    count("duplicates", report.duplicates);
    json.key("duplicates_complete").boolean(report.duplicates_complete);
    count("out_of_order", report.out_of_order);
    count("missing", report.missing);
    count("wrong_values", report.wrong_values);
    count("bad_rows", report.bad_rows);
    count("repeated_times", report.repeated_times);
    count("replaced_characters", report.replaced_characters);
    count("last_line", report.last_line);
    json.key("cancelled").boolean(report.cancelled);
    json.key("ms").integer(report.elapsed / kMillisecond);
    json.key("checksum").text(checksum_of(report));
    count("left_out", report.left_out);
    count("doubts", report.doubts);
    const auto faults = [&json](std::string_view name, const std::vector<Fault>& list) {
        json.key(name).begin_array();
        for (const Fault& fault : list) {
            json.begin_object().key("line").integer(static_cast<std::int64_t>(fault.line));
            if (!fault.column.empty()) json.key("column").text(fault.column);
            json.key("error").text(fault.text).end_object();
        }
        json.end_array();
    };
    faults("faults", report.faults);
    faults("first_left_out", report.first_left_out);
    faults("first_doubts", report.first_doubts);
    json.key("missing_words").begin_object();
    for (const auto& [word, times] : report.missing_words) count(word, times);
    json.end_object().key("too_old");
    if (report.too_old > 0) {
        const TooOld& first = report.first_too_old;
        json.begin_object()
            .key("tags")
            .safe_integer(static_cast<std::int64_t>(report.too_old))
            .key("path")
            .text(first.path);
        json.key("first").text(time_text(first.first)).key("keeps_from").text(time_text(first.keeps_from)).end_object();
    } else {
        json.null();
    }
    json.key("first_duplicates").begin_array();
    for (const Duplicate& one : report.first_duplicates)
        json.begin_object()
            .key("line")
            .integer(static_cast<std::int64_t>(one.line))
            .key("ts")
            .integer(one.time)
            .end_object();
    json.end_array().key("tags").begin_array();
    for (const Series& series : report.series) {
        json.begin_object()
            .key("tag")
            .text(series.path)
            .key("type")
            .text(to_string(series.type))
            .key("unit")
            .text(series.unit);
        count("values", series.values);
        json.key("first").integer(series.first).key("last").integer(series.last);
        json.key("crc32c").text(fmt::format("{:08x}", series.checksum)).end_object();
    }
    json.end_array().end_object();
    return text;
}

std::string to_text(const Report& report) {
    std::string text = fmt::format("{}\n  {} rows, {} values into {} tags, {} distinct times", report.file, report.rows,
                                   report.values, report.series.size(), report.times);
    if (!report.series.empty()) {
        TimeNs first = report.series.front().first, last = report.series.front().last;
        for (const Series& series : report.series) {
            if (series.values == 0) continue;
            first = std::min(first, series.first);
            last = std::max(last, series.last);
        }
        text += fmt::format("\n  {} … {}", time_text(first), time_text(last));
    }
    const auto told = [&text](std::uint64_t count, std::string_view what) {
        if (count > 0) text += fmt::format("\n  {} {}", count, what);
    };
    told(report.missing, "values missing");
    std::string words;
    for (const auto& [word, times] : report.missing_words)
        words += fmt::format("{}'{}' {}", words.empty() ? "" : ", ", word, times);
    if (!words.empty()) text += " (" + words + ")";
    told(report.left_out, "lines left out: notes, sums, signatures");
    told(report.doubts, "readings in doubt");
    told(report.wrong_values, "values could not be read");
    told(report.bad_rows, "lines could not be used");
    told(report.duplicates, report.duplicates_complete ? "rows whose time came before: the later row counts"
                                                       : "rows or more whose time came before: the later row counts");
    told(report.out_of_order, "rows out of order");
    told(report.repeated_times, "local times that came twice, where clocks were put back");
    told(report.replaced_characters, "characters that are not of the encoding: say file.encoding");
    constexpr std::size_t kShownMax = 10;
    for (std::size_t i = 0; i < std::min(report.faults.size(), kShownMax); ++i) {
        const Fault& fault = report.faults[i];
        text += fmt::format("\n    line {}{}{}: {}", fault.line, fault.column.empty() ? "" : ", column ", fault.column,
                            fault.text);
    }
    if (report.faults.size() > kShownMax) text += "\n    …";
    for (const auto* list : {&report.first_left_out, &report.first_doubts}) {
        for (std::size_t i = 0; i < std::min(list->size(), kShownMax); ++i)
            text += fmt::format("\n    line {}{}{}: {}", (*list)[i].line, (*list)[i].column.empty() ? "" : ", column ",
                                (*list)[i].column, (*list)[i].text);
        if (list->size() > kShownMax) text += "\n    …";
    }
    for (std::size_t i = 0; i < std::min(report.first_duplicates.size(), kShownMax); ++i)
        text += fmt::format("\n    line {}: {} came before", report.first_duplicates[i].line,
                            time_text(report.first_duplicates[i].time));
    if (report.first_duplicates.size() > kShownMax) text += "\n    …";
    if (report.too_old > 0)
        text += fmt::format(
            "\n  {} tags reach back further than retention keeps them, as {}: from {}, kept from {}. What is older "
            "goes "
            "with the next removal, unless a hold or another retention policy keeps it",
            report.too_old, report.first_too_old.path, time_text(report.first_too_old.first),
            time_text(report.first_too_old.keeps_from));
    if (report.cancelled)
        text += fmt::format(
            "\n  stopped: all lines up to {} are stored; go on with --from-line {}, or from the start, which changes "
            "nothing",
            report.last_line, report.last_line + 1);
    return text + fmt::format("\n  checksum {}\n", checksum_of(report));
}

}  // namespace gongshu::importer
