#include "app/upgrade_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/version.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/log.h"
#include "base/time_text.h"
#include "history/formats.h"
#include "registry/schema.h"

namespace gongshu::app {
namespace {

constexpr std::uint64_t kBytesMax = 1 << 20;

std::string path_in(const std::string& data) { return data + "/UPGRADES"; }

std::string line_of(const Upgrade& one) {
    const std::string text = fmt::format("{} {} tables {} {} history {} {}", format_stamp(one.at), one.program,
                                         one.tables_from, one.tables_to, one.formats_from, one.formats_to);
    return fmt::format("{} {:08x}\n", text, crc32c(as_bytes(text)));
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const std::size_t end = std::min(line.find(' '), line.size());
        words.push_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return words;
}

template <class Number>
bool take(std::string_view word, Number& number) {
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), number);
    return failed == std::errc{} && end == word.data() + word.size();
}

// What a line says, right or not.
std::optional<Upgrade> parse(std::string_view line) {
    const auto words = words_of(line);
    if (words.size() != 9) return std::nullopt;
    const auto at = parse_stamp(words[0]);
    Upgrade one{.at = at.value_or(0), .program = std::string(words[1])};
    const bool fine = at && take(words[3], one.tables_from) && take(words[4], one.tables_to) &&
                      take(words[6], one.formats_from) && take(words[7], one.formats_to);
    return fine ? std::optional{one} : std::nullopt;
}

}  // namespace

std::string encode_upgrades(const std::vector<Upgrade>& upgrades) {
    std::string text;
    for (const Upgrade& one : upgrades) text += line_of(one);
    return text;
}

Result<std::vector<Upgrade>> decode_upgrades(std::string_view text, const std::string& path) {
    std::vector<Upgrade> upgrades;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        const bool ended = end < text.size();
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto one = parse(line);
        if (!one || !ended || line_of(*one) != std::string(line) + '\n')
            return Error{
                Code::corrupt,
                "{} line {}: not as it was written; remove the file: then gongshu downgrade goes back with the "
                "tables alone",
                path, number};
        upgrades.push_back(*one);
    }
    return upgrades;
}

Result<std::vector<Upgrade>> read_upgrades(io::Files& files, const std::string& data) {
    const std::string path = path_in(data);
    if (!TRY(files.exists(path))) return std::vector<Upgrade>{};
    const Buffer bytes = TRY(io::read_whole(files, path, kBytesMax));
    return decode_upgrades(as_text(bytes), path);
}

Result<void> write_upgrades(io::Files& files, const std::string& data, const std::vector<Upgrade>& upgrades) {
    const std::size_t more = upgrades.size() > kUpgradesMax ? upgrades.size() - kUpgradesMax : 0;
    return io::write_whole(
        files, path_in(data),
        as_bytes(encode_upgrades({upgrades.begin() + static_cast<std::ptrdiff_t>(more), upgrades.end()})));
}

Result<std::vector<std::unique_ptr<io::File>>> hold(io::Files& files, const std::string& data) {
    std::vector<std::unique_ptr<io::File>> held;
    for (const char* name : {"/history", "/registry"}) {
        if (!TRY(files.exists(data + name + "/lock"))) continue;
        auto lock = files.lock_folder(data + name);
        if (lock)
            held.push_back(std::move(*lock));
        else if (lock.error().code() == Code::unavailable)
            return std::move(lock.error()).context("stop the program that uses {} first", data);
    }
    return held;
}

void make_room(io::Files& files, const Clock& clock, const std::string& data) {
    const auto make = [&]() -> Result<void> {
        if (!TRY(files.exists(data + "/history")) || !io::is_short(TRY(files.space(data)))) return {};
        const auto held = TRY(hold(files, data));
        TRY(history::forget_former(files, clock, data + "/history"));
        return {};
    };
    if (const auto made = make(); !made)
        log_warning("app", "what is kept of a former version stays: {}", made.error().text());
}

namespace {

// A line that does not stand there yet: a start that was cut off is noted once.
Result<void> note(io::Files& files, const std::string& data, const Upgrade& now) {
    auto read = read_upgrades(files, data);
    if (!read) {
        const std::string aside = fmt::format("{}.damaged.{}", path_in(data), format_stamp(now.at));
        log_warning("app", "{}; it is {} now", read.error().text(), aside);
        TRY(files.rename(path_in(data), aside));
        read = std::vector<Upgrade>{};
    }
    if (!read->empty()) {
        const Upgrade& last = read->back();
        if (last.tables_to == now.tables_to && last.formats_to == now.formats_to &&
            last.tables_from <= now.tables_from && last.formats_from <= now.formats_from)
            return {};
    }
    read->push_back(now);
    return write_upgrades(files, data, *read);
}

}  // namespace

Result<void> begin_upgrade(io::Files& files, const Clock& clock, const std::string& data) {
    const std::string tables = data + "/registry", history = data + "/history";
    // Who opens what cannot be read, or what somebody else has, says so.
    const auto held = hold(files, data);
    const auto schema = registry::schema_of(files, tables);
    const auto formats = history::stored_formats(files, history);
    if (!held || !formats) return {};
    Upgrade now{.at = clock.now(), .program = kVersion, .formats_from = *formats, .formats_to = *formats};
    if (schema) now.tables_from = now.tables_to = schema->stored;
    if (schema && schema->stored > 0 && schema->stored < schema->known) now.tables_to = schema->known;
    if (*formats < history::kFormats) now.formats_to = history::kFormats;
    if (now.tables_from == now.tables_to && now.formats_from == now.formats_to) return {};
    if (now.tables_from != now.tables_to) TRY(registry::check_room_for_copy(files, tables, schema->bytes));
    if (now.formats_from != now.formats_to)
        TRY(history::check_room_to_keep(files, history, TRY(history::plan_to_keep(files, history))));
    TRY(note(files, data, now));
    return now.formats_from == now.formats_to ? Result<void>{} : history::keep_former(files, clock, history);
}

std::optional<WayBack> way_back(std::vector<Upgrade>& upgrades, std::int64_t tables, int formats) {
    while (!upgrades.empty()) {
        const Upgrade& last = upgrades.back();
        // A start may have been cut off on the way from one to the other.
        const WayBack way{last, last.tables_from < tables && tables <= last.tables_to,
                          last.formats_from < formats && formats <= last.formats_to};
        if (way.tables || way.history) return way;
        upgrades.pop_back();
    }
    return std::nullopt;
}

}  // namespace gongshu::app
