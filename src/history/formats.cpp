#include "history/formats.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <set>
#include <tuple>

#include "base/checksum.h"
#include "base/log.h"
#include "base/time_text.h"

namespace gongshu::history {
namespace {

constexpr std::string_view kStampName = kFormatsName, kStampBegin = "gongshu history formats ";
constexpr std::string_view kKeptMark = ".before-step-", kAsideMark = ".step-", kUnfinished = ".tmp";
constexpr std::uint64_t kRoomBytes = 16 << 20;  // beside copies, so that the program can go on working
constexpr std::uint64_t kStampBytesMax = 100;
constexpr std::uint64_t kShortBytes = 1'000'000'000;  // as the doctor warns
constexpr std::uint64_t kShortPart = 20;

std::string stamp_of(int step) {
    const std::string text = fmt::format("{}{}", kStampBegin, step);
    return fmt::format("{} {:08x}\n", text, crc32c(as_bytes(text)));
}

std::optional<int> number_in(std::string_view text) {
    int number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
    return number;
}

Result<int> parse_formats(std::string_view text, const std::string& path) {
    const Error damaged{Code::corrupt,
                        "{}: not the number of formats that was written; remove the file, and the next start keeps a "
                        "copy of the history and writes the number again",
                        path};
    if (!text.starts_with(kStampBegin)) return damaged;
    text.remove_prefix(kStampBegin.size());
    const auto number = number_in(text.substr(0, text.find(' ')));
    if (!number || fmt::format("{}{}", kStampBegin, text) != stamp_of(*number)) return damaged;
    return *number;
}

struct Place {
    std::string parent, name;
};

Place place_of(const std::string& folder) {
    const std::size_t slash = folder.rfind('/');
    if (slash == std::string::npos) return {".", folder};
    return {slash == 0 ? "/" : folder.substr(0, slash), folder.substr(slash + 1)};
}

struct SideName {
    std::string path;
    int step = 0;
    TimeNs at = 0;
};

// `name` without what it begins with: "1.20261122T140000Z".
std::optional<SideName> side_name(std::string_view name, std::string_view begin) {
    if (!name.starts_with(begin)) return std::nullopt;
    name.remove_prefix(begin.size());
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto step = number_in(name.substr(0, dot));
    const auto at = parse_stamp(name.substr(dot + 1));
    if (!step || !at) return std::nullopt;
    return SideName{{}, *step, *at};
}

std::string kept_path(const std::string& folder, int step, TimeNs at) {
    return fmt::format("{}{}{}.{}", folder, kKeptMark, step + 1, format_stamp(at));
}

std::string half_path(const std::string& folder, int step) {
    return fmt::format("{}{}{}{}", folder, kKeptMark, step + 1, kUnfinished);
}

std::string aside_path(const std::string& folder, int step, TimeNs at) {
    return fmt::format("{}{}{}.{}", folder, kAsideMark, step, format_stamp(at));
}

// Folders named as kept ones, whatever is in them; the newest first.
Result<std::vector<SideName>> named_as_kept(io::Files& files, const std::string& folder) {
    const Place place = place_of(folder);
    std::vector<SideName> found;
    if (!TRY(files.exists(place.parent))) return found;
    for (const std::string& name : TRY(files.list(place.parent))) {
        auto one = side_name(name, place.name + std::string(kKeptMark));
        if (!one || one->step == 0) continue;
        one->path = folder.substr(0, folder.size() - place.name.size()) + name;
        --one->step;
        found.push_back(std::move(*one));
    }
    std::ranges::sort(
        found, [](const SideName& a, const SideName& b) { return std::tie(a.at, a.step) > std::tie(b.at, b.step); });
    return found;
}

// What a folder of a history consists of, relative to it; nothing that a writing was cut off from.
Result<std::vector<std::string>> parts_of(io::Files& files, const std::string& folder) {
    std::vector<std::string> folders{"log", "cat", "last", "event", "ival"}, parts;
    if (TRY(files.exists(folder + "/seg")))
        for (const std::string& day : TRY(files.list(folder + "/seg"))) folders.push_back("seg/" + day);
    for (const std::string& one : folders) {
        if (!TRY(files.exists(folder + "/" + one))) continue;
        for (const std::string& name : TRY(files.list(folder + "/" + one)))
            if (!name.ends_with(kUnfinished)) parts.push_back(one + "/" + name);
    }
    for (const std::string_view name : {std::string_view{"MANIFEST"}, kStampName})
        if (TRY(files.exists(folder + "/" + std::string(name)))) parts.emplace_back(name);
    return parts;
}

Result<std::uint64_t> bytes_of(io::Files& files, const std::string& folder, const std::vector<std::string>& parts) {
    std::uint64_t bytes = 0;
    for (const std::string& part : parts) bytes += TRY(TRY(files.open(folder + "/" + part, io::Open::read))->size());
    return bytes;
}

// Of the files that `folder` does not have under the same name. MANIFEST and FORMAT are too small to count.
Result<std::uint64_t> own_bytes(io::Files& files, const std::string& folder, const std::string& kept) {
    std::vector<std::string> own;
    for (std::string& part : TRY(parts_of(files, kept)))
        if (!TRY(files.exists(folder + "/" + part))) own.push_back(std::move(part));
    return bytes_of(files, kept, own);
}

// All parts under `to`, by `give`.
Result<void> give_parts(io::Files& files, const std::string& to, const std::vector<std::string>& parts,
                        const std::function<Result<void>(const std::string& part)>& give) {
    std::set<std::string> folders{to, to + "/seg"};
    for (const char* one : {"log", "cat", "last", "event", "ival"}) folders.insert(to + "/" + one);
    for (const std::string& folder : folders) TRY(files.make_folder(folder));
    for (const std::string& part : parts) {
        const std::size_t slash = part.rfind('/');
        const std::string folder = slash == std::string::npos ? to : to + "/" + part.substr(0, slash);
        if (folders.insert(folder).second) TRY(files.make_folder(folder));
        TRY(give(part));
    }
    for (auto at = folders.rbegin(); at != folders.rend(); ++at) TRY(files.sync_folder(*at));
    return {};
}

Result<void> copy_parts(io::Files& files, const std::string& folder, const std::string& to,
                        const std::vector<std::string>& parts) {
    const std::uint64_t bytes = TRY(bytes_of(files, folder, parts));
    const io::DiskSpace space = TRY(files.space(folder));
    if (space.free_bytes < bytes + kRoomBytes)
        return Error{Code::limit,
                     "a newer version writes the history in {} in other formats and keeps a copy of before: {:.1f} MB "
                     "of room are needed, since files have one name each on this disk, and {:.1f} MB are free; make "
                     "room, then start again: nothing was changed",
                     folder, static_cast<double>(bytes + kRoomBytes) / 1e6,
                     static_cast<double>(space.free_bytes) / 1e6};
    return give_parts(files, to, parts, [&](const std::string& part) {
        return io::copy_file(files, folder + "/" + part, to + "/" + part);
    });
}

// Unreadable counts as unchanged: what lies beside a history must not keep it from being opened.
bool holds_its_step(io::Files& files, const SideName& kept) {
    const auto step = stored_formats(files, kept.path);
    return !step || *step == kept.step;
}

// Under a name that says that it is not whole, first.
Result<void> remove_kept(io::Files& files, const std::string& folder, const SideName& one) {
    const std::string half = half_path(folder, one.step);
    if (TRY(files.exists(half))) TRY(io::remove_tree(files, half));
    TRY(files.rename(one.path, half));
    return io::remove_tree(files, half);
}

// Nothing that a history consists of is written again under its name but the log, whose last file a start cuts behind
// what is whole and writes again with the same bytes: a second name shows the same history for ever.
Result<void> keep(io::Files& files, const Clock& clock, const std::string& folder, int stored) {
    // Those of a start that was cut off show an older state, if a former program ran since.
    for (const SideName& one : TRY(named_as_kept(files, folder)))
        if (one.step == stored) TRY(remove_kept(files, folder, one));
    const std::string half = half_path(folder, stored);
    if (TRY(files.exists(half))) TRY(io::remove_tree(files, half));
    const auto parts = TRY(parts_of(files, folder));
    auto linked = give_parts(files, half, parts, [&](const std::string& part) {
        return files.link(folder + "/" + part, half + "/" + part);
    });
    if (!linked && linked.error().code() == Code::unsupported) {
        TRY(io::remove_tree(files, half));
        linked = copy_parts(files, folder, half, parts);
    }
    if (!linked) {
        (void)io::remove_tree(files, half);  // best effort; the next start does it
        return linked;
    }
    const std::string kept = kept_path(folder, stored, clock.now());
    TRY(files.rename(half, kept));
    TRY(files.sync_folder(place_of(folder).parent));
    log_info("history", "kept as it is of formats {}: {}; gongshu downgrade goes back to it", stored, kept);
    return {};
}

// What a cut call left: half a copy, or a history that went aside and still has the name of the one it changed with.
Result<void> put_names_right(io::Files& files, const std::string& folder) {
    const Place place = place_of(folder);
    for (const std::string& name : TRY(files.list(place.parent)))
        if (name.starts_with(place.name + std::string(kKeptMark)) && name.ends_with(kUnfinished))
            TRY(io::remove_tree(files, place.parent + "/" + name));
    for (const SideName& one : TRY(named_as_kept(files, folder))) {
        if (holds_its_step(files, one)) continue;
        TRY(files.rename(one.path, aside_path(folder, TRY(stored_formats(files, one.path)), one.at)));
        TRY(files.sync_folder(place.parent));
    }
    return {};
}

Result<std::size_t> forget(io::Files& files, const std::string& folder,
                           const std::function<Result<bool>(std::size_t place, const SideName& one)>& goes) {
    const auto kept = TRY(named_as_kept(files, folder));
    std::size_t gone = 0;
    for (std::size_t i = 0; i < kept.size(); ++i) {
        if (!holds_its_step(files, kept[i]) || !TRY(goes(i, kept[i]))) continue;
        log_info("history", "removing {}: there is no way back to before {} any more but by a backup", kept[i].path,
                 format_time(kept[i].at));
        TRY(remove_kept(files, folder, kept[i]));
        ++gone;
    }
    return gone;
}

}  // namespace

std::string format_stamp_file() { return stamp_of(kFormats); }

std::string_view about_formats(int step) {
    switch (step) {
        case 1:
            return "readings that come together are one record of the log, segments hold sums as bits, the last "
                   "readings are one list";
        default:
            return "";
    }
}

Result<int> stored_formats(io::Files& files, const std::string& folder) {
    const std::string path = folder + "/" + std::string(kStampName);
    if (!TRY(files.exists(path))) return TRY(files.exists(folder + "/MANIFEST")) ? 0 : kFormats;
    const Buffer bytes = TRY(io::read_whole(files, path, kStampBytesMax));
    return parse_formats(as_text(bytes), path);
}

Result<Formats> formats_of(io::Files& files, const std::string& folder) {
    Formats formats;
    formats.stored = TRY(stored_formats(files, folder));
    for (int step = formats.stored + 1; step <= kFormats; ++step) formats.to_come.push_back(about_formats(step));
    for (const SideName& one : TRY(named_as_kept(files, folder))) {
        if (!holds_its_step(files, one)) continue;
        const std::uint64_t own = TRY(own_bytes(files, folder, one.path));
        formats.kept.push_back({one.path, one.step, one.at, own});
    }
    return formats;
}

bool is_short(const io::DiskSpace& space) {
    return space.free_bytes < kShortBytes || space.free_bytes < space.total_bytes / kShortPart;
}

Result<void> keep_former(io::Files& files, const Clock& clock, const std::string& folder, bool fresh) {
    if (fresh && TRY(files.exists(folder + std::string(io::kExchangeEnd))))
        return Error{Code::conflict, "going back was cut off in {}: gongshu downgrade finishes it", folder};
    const int stored = TRY(stored_formats(files, folder));
    if (stored > kFormats)
        return Error{Code::unsupported,
                     "a newer version wrote the history in {} (formats {}; this one knows {}): start that one, or go "
                     "back with its command gongshu downgrade",
                     folder, stored, kFormats};
    TRY(put_names_right(files, folder));
    const std::string path = folder + "/" + std::string(kStampName);
    if (stored == kFormats && TRY(files.exists(path))) return {};
    if (!fresh) TRY(keep(files, clock, folder, stored).context("cannot keep the history of before"));
    return io::write_whole(files, path, as_bytes(stamp_of(kFormats)));
}

Result<std::size_t> forget_former(io::Files& files, const Clock& clock, const std::string& folder) {
    const TimeNs oldest = clock.now() - kKeptFor;
    const bool full = is_short(TRY(files.space(folder)));
    return forget(files, folder, [&](std::size_t place, const SideName& one) -> Result<bool> {
        if (one.at < oldest || place >= kKeptHistoriesMax) return true;
        return full && TRY(own_bytes(files, folder, one.path)) > 0;
    });
}

Result<std::size_t> forget_all_former(io::Files& files, const std::string& folder) {
    return forget(files, folder, [](std::size_t, const SideName&) -> Result<bool> { return true; });
}

Result<BackAgain> go_back(io::Files& files, const Clock& clock, const std::string& folder, int step) {
    TRY(io::finish_exchange(files, folder));
    TRY(put_names_right(files, folder));
    const int stored = TRY(stored_formats(files, folder));
    const auto formats = TRY(formats_of(files, folder));
    const auto former = std::ranges::find(formats.kept, step, &KeptHistory::step);
    if (former == formats.kept.end())
        return Error{Code::not_found,
                     "nothing is kept of the history in {} as it was with formats {} (a copy stays {} days, while the "
                     "disk has room): take a backup that the older version made, with gongshu restore",
                     folder, step, kKeptFor / kDay};
    const std::string aside = aside_path(folder, stored, clock.now());
    TRY(files.exchange(folder, former->path));
    TRY(files.sync_folder(place_of(folder).parent));
    TRY(files.rename(former->path, aside));
    TRY(files.sync_folder(place_of(folder).parent));
    return BackAgain{*former, aside};
}

}  // namespace gongshu::history
