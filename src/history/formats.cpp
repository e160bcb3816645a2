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

constexpr std::string_view kStampBegin = "gongshu history formats ";
constexpr std::string_view kKeptMark = ".before-step-", kAsideMark = ".step-";
constexpr std::string_view kHalf = ".tmp", kGoing = ".gone";  // a copy that is being made, one that is being removed
constexpr std::uint64_t kRoomBytes = 16 << 20;                // beside copies, so that the program can go on working
constexpr std::uint64_t kStampBytesMax = 100;
constexpr TimeNs kClockIsSet = 1'577'836'800 * kSecond;  // 2020: an earlier time is that of a clock that was not set

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
    const auto number =
        text.starts_with(kStampBegin)
            ? number_in(text.substr(kStampBegin.size(), text.find(' ', kStampBegin.size()) - kStampBegin.size()))
            : std::nullopt;
    if (number && text == stamp_of(*number)) return *number;
    const std::string line = stamp_of(kFormats);
    return Error{Code::corrupt,
                 "{}: damaged. If no newer version wrote this history, put this line into it, then start again: {}",
                 path, std::string_view(line).substr(0, line.size() - 1)};
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

std::string unfinished_path(const std::string& folder, int step, std::string_view what) {
    return fmt::format("{}{}{}{}", folder, kKeptMark, step + 1, what);
}

std::string aside_path(const std::string& folder, int step, TimeNs at) {
    return fmt::format("{}{}{}.{}", folder, kAsideMark, step, format_stamp(at));
}

// Folders beside it whose names begin so, whatever is in them; the newest first.
Result<std::vector<SideName>> beside(io::Files& files, const std::string& folder, std::string_view mark) {
    const Place place = place_of(folder);
    std::vector<SideName> found;
    if (!TRY(files.exists(place.parent))) return found;
    for (const std::string& name : TRY(files.list(place.parent))) {
        auto one = side_name(name, place.name + std::string(mark));
        if (!one) continue;
        one->path = folder.substr(0, folder.size() - place.name.size()) + name;
        found.push_back(std::move(*one));
    }
    std::ranges::sort(
        found, [](const SideName& a, const SideName& b) { return std::tie(a.at, a.step) > std::tie(b.at, b.step); });
    return found;
}

Result<std::vector<SideName>> named_as_kept(io::Files& files, const std::string& folder) {
    auto found = TRY(beside(files, folder, kKeptMark));
    std::erase_if(found, [](const SideName& one) { return one.step == 0; });
    for (SideName& one : found) --one.step;
    return found;
}

// Unreadable counts as unchanged: what lies beside a history must not keep it from being opened.
bool holds_its_step(io::Files& files, const SideName& kept) {
    const auto step = stored_formats(files, kept.path);
    return !step || *step == kept.step;
}

// The kept ones, without a history that went aside and still has the name of the one it changed with.
Result<std::vector<SideName>> kept_in(io::Files& files, const std::string& folder) {
    auto kept = TRY(named_as_kept(files, folder));
    std::erase_if(kept, [&](const SideName& one) { return !holds_its_step(files, one); });
    return kept;
}

// What a folder of a history consists of, relative to it; nothing that a writing was cut off from.
Result<std::vector<std::string>> parts_of(io::Files& files, const std::string& folder) {
    std::vector<std::string> folders{"log", "cat", "last", "event", "ival"}, parts;
    if (TRY(files.exists(folder + "/seg")))
        for (const std::string& day : TRY(files.list(folder + "/seg"))) folders.push_back("seg/" + day);
    for (const std::string& one : folders) {
        const std::string path = folder + "/" + one;
        if (!TRY(files.exists(path))) continue;
        const auto names = files.list(path);
        if (!names && files.open(path, io::Open::read)) continue;  // a file among the days: nobody's
        for (const std::string& name : TRY(names))
            if (!name.ends_with(kHalf)) parts.push_back(one + "/" + name);
    }
    for (const std::string_view name : {std::string_view{"MANIFEST"}, kFormatsName})
        if (TRY(files.exists(folder + "/" + std::string(name)))) parts.emplace_back(name);
    return parts;
}

Result<std::uint64_t> bytes_of(io::Files& files, const std::string& folder, const std::vector<std::string>& parts) {
    std::uint64_t bytes = 0;
    for (const std::string& part : parts) bytes += TRY(TRY(files.open(folder + "/" + part, io::Open::read))->size());
    return bytes;
}

// Of files that have no other name.
Result<std::uint64_t> own_bytes(io::Files& files, const std::string& kept) {
    std::vector<std::string> own;
    for (std::string& part : TRY(parts_of(files, kept)))
        if (TRY(files.names_of(kept + "/" + part)) == 1) own.push_back(std::move(part));
    return bytes_of(files, kept, own);
}

Result<void> make_folders(io::Files& files, const std::string& to, const std::vector<std::string>& parts) {
    std::set<std::string> folders;
    for (const char* one : {"", "/log", "/cat", "/last", "/event", "/ival", "/seg"}) folders.insert(to + one);
    for (const std::string& part : parts)
        if (const std::size_t slash = part.rfind('/'); slash != std::string::npos)
            folders.insert(to + "/" + part.substr(0, slash));
    for (const std::string& folder : folders) TRY(files.make_folder(folder));
    return {};
}

Result<void> sync_folders(io::Files& files, const std::string& to, const std::vector<std::string>& parts) {
    std::set<std::string> folders{to, to + "/seg"};
    for (const std::string& part : parts) {
        const std::size_t slash = part.rfind('/');
        folders.insert(slash == std::string::npos ? to : to + "/" + part.substr(0, slash));
    }
    for (auto at = folders.rbegin(); at != folders.rend(); ++at) TRY(files.sync_folder(*at));
    return {};
}

// What can have no second name, as copies.
Result<void> copy_parts(io::Files& files, const std::string& folder, const std::string& to,
                        const std::vector<std::string>& parts) {
    TRY(check_room_to_keep(files, folder, {KeepWay::copies, TRY(bytes_of(files, folder, parts))}));
    for (const std::string& part : parts) TRY(io::copy_file(files, folder + "/" + part, to + "/" + part, 0600));
    return {};
}

// False if the folder is a disk of its own. Nothing that a history consists of is written again under its name but the
// log, whose last file a start cuts behind what is whole and writes again with the same bytes: a second name shows the
// same history for ever.
Result<bool> make_half(io::Files& files, const std::string& folder, const std::string& half) {
    if (TRY(files.exists(half))) TRY(io::remove_tree(files, half));
    const auto parts = TRY(parts_of(files, folder));
    TRY(make_folders(files, half, parts));
    std::vector<std::string> to_copy;
    for (const std::string& part : parts) {
        const auto linked = files.link(folder + "/" + part, half + "/" + part);
        if (linked) continue;
        if (linked.error().code() == Code::conflict) return false;
        if (linked.error().code() != Code::unsupported) return linked.error();
        if (!files.list(folder + "/" + part)) to_copy.push_back(part);  // else a folder, which is nobody's
    }
    TRY(copy_parts(files, folder, half, to_copy));
    TRY(sync_folders(files, half, parts));
    return true;
}

// Under a name that says that it is not whole, first.
Result<void> remove_kept(io::Files& files, const std::string& folder, const SideName& one) {
    const std::string going = unfinished_path(folder, one.step, kGoing);
    if (TRY(files.exists(going))) TRY(io::remove_tree(files, going));
    TRY(files.rename(one.path, going));
    return io::remove_tree(files, going);
}

// What a cut call left: half a removal, or a history that went aside under the name of the one it changed with. Best
// effort: what lies beside a history must not keep it from being opened.
void put_names_right(io::Files& files, const std::string& folder) {
    const auto look = [&]() -> Result<void> {
        const Place place = place_of(folder);
        for (const std::string& name : TRY(files.list(place.parent)))
            if (name.starts_with(place.name + std::string(kKeptMark)) && name.ends_with(kGoing))
                TRY(io::remove_tree(files, place.parent + "/" + name));
        for (const SideName& one : TRY(named_as_kept(files, folder))) {
            if (holds_its_step(files, one)) continue;
            TRY(files.rename(one.path, aside_path(folder, TRY(stored_formats(files, one.path)), one.at)));
            TRY(files.sync_folder(place.parent));
        }
        return {};
    };
    if (const auto fine = look(); !fine) log_warning("history", "beside {}: {}", folder, fine.error().text());
}

Result<void> write_stamp(io::Files& files, const std::string& folder) {
    return io::write_whole(files, folder + "/" + std::string(kFormatsName), as_bytes(stamp_of(kFormats)));
}

// The number is written when the copy is whole, and the copy gets its name behind that: one with a name beside a
// history without a number says that the number was lost, and half a one beside a number that only its name is missing.
Result<void> keep(io::Files& files, const Clock& clock, const std::string& folder, int stored) {
    const std::string half = unfinished_path(folder, stored, kHalf);
    log_info("history", "keeping the history of formats {} as it is, beside {}", stored, folder);
    auto made = make_half(files, folder, half);
    if (!made) (void)io::remove_tree(files, half);  // best effort: the first error is the one to tell
    if (!TRY(std::move(made).context("cannot keep the history of before"))) {
        TRY(io::remove_tree(files, half));
        log_warning("history", "{} is a disk of its own: nothing is kept of before, only a backup goes back", folder);
        return write_stamp(files, folder);
    }
    TRY(write_stamp(files, folder));
    const std::string kept = kept_path(folder, stored, clock.now());
    TRY(files.rename(half, kept));
    TRY(files.sync_folder(place_of(folder).parent));
    log_info("history", "kept: {}; gongshu downgrade goes back to it", kept);
    return {};
}

Result<void> name_what_is_kept(io::Files& files, const Clock& clock, const std::string& folder) {
    for (int step = 0; step < kFormats; ++step) {
        const std::string half = unfinished_path(folder, step, kHalf);
        if (!TRY(files.exists(half))) continue;
        TRY(files.rename(half, kept_path(folder, step, clock.now())));
        TRY(files.sync_folder(place_of(folder).parent));
    }
    return {};
}

Result<std::size_t> forget(io::Files& files, const std::string& folder,
                           const std::function<bool(std::size_t place, const SideName& one)>& goes) {
    const auto kept = TRY(kept_in(files, folder));
    std::size_t gone = 0;
    for (std::size_t i = 0; i < kept.size(); ++i) {
        if (!goes(i, kept[i])) continue;
        log_info("history", "removing {}: there is no way back to before {} any more but by a backup", kept[i].path,
                 format_time(kept[i].at));
        TRY(remove_kept(files, folder, kept[i]));
        ++gone;
    }
    return gone;
}

// `to` takes the place of `folder`, which is called `aside` then.
Result<void> change_places(io::Files& files, const std::string& folder, const std::string& to,
                           const std::string& aside) {
    const std::string parent = place_of(folder).parent;
    const auto changed = files.exchange(folder, to);
    if (!changed && changed.error().code() != Code::unsupported) return changed;
    if (changed) {
        TRY(files.sync_folder(parent));
        TRY(files.rename(to, aside));
    } else {
        TRY(files.rename(folder, aside));
        TRY(files.rename(to, folder));
    }
    return files.sync_folder(parent);
}

}  // namespace

std::string format_stamp_file() { return stamp_of(kFormats); }

std::string_view about_formats(int step) {
    switch (step) {
        case 1:
            return "readings that come together are one record of the log, segments hold sums as bits, the last "
                   "readings are one list";
        case 2:
            return "readings that come as columns are one record of the log";
        default:
            return "";
    }
}

Result<int> stored_formats(io::Files& files, const std::string& folder) {
    const std::string path = folder + "/" + std::string(kFormatsName);
    if (!TRY(files.exists(path))) return TRY(files.exists(folder + "/MANIFEST")) ? 0 : kFormats;
    const Buffer bytes = TRY(io::read_whole(files, path, kStampBytesMax));
    return parse_formats(as_text(bytes), path);
}

Result<Formats> formats_of(io::Files& files, const std::string& given) {
    const std::string folder = TRY(files.real_path(given));
    Formats formats;
    formats.stored = TRY(stored_formats(files, folder));
    for (int step = formats.stored + 1; step <= kFormats; ++step) formats.to_come.push_back(about_formats(step));
    for (const SideName& one : TRY(kept_in(files, folder))) {
        const auto own = own_bytes(files, one.path);
        formats.kept.push_back({one.path, one.step, one.at, own ? std::optional{*own} : std::nullopt});
    }
    for (const SideName& one : TRY(beside(files, folder, kAsideMark)))
        formats.aside.push_back({one.path, one.step, one.at});
    return formats;
}

Result<KeepPlan> plan_to_keep(io::Files& files, const std::string& given) {
    const std::string folder = TRY(files.real_path(given)), probe = folder + std::string(kKeptMark) + "probe";
    if (TRY(files.exists(probe))) TRY(files.remove(probe));
    const auto linked = files.link(folder + "/MANIFEST", probe);
    if (linked) {
        TRY(files.remove(probe));
        return KeepPlan{};
    }
    if (linked.error().code() == Code::conflict) return KeepPlan{KeepWay::none, 0};
    if (linked.error().code() != Code::unsupported) return linked.error();
    const auto parts = TRY(parts_of(files, folder));
    const std::uint64_t bytes = TRY(bytes_of(files, folder, parts));
    return KeepPlan{KeepWay::copies, bytes};
}

Result<void> check_room_to_keep(io::Files& files, const std::string& given, const KeepPlan& plan) {
    if (plan.way != KeepWay::copies || plan.bytes == 0) return {};
    const std::string folder = TRY(files.real_path(given));
    const io::DiskSpace space = TRY(files.space(place_of(folder).parent));
    if (space.free_bytes >= plan.bytes + kRoomBytes) return {};
    return Error{
        Code::limit,
        "a newer version writes the history in {} in other formats and keeps a copy of before: {:.1f} MB of room "
        "are needed, since files have one name each there, and {:.1f} MB are free; make room, then start again: "
        "nothing was changed",
        folder, static_cast<double>(plan.bytes + kRoomBytes) / 1e6, static_cast<double>(space.free_bytes) / 1e6};
}

Result<void> keep_former(io::Files& files, const Clock& clock, const std::string& given) {
    const std::string folder = TRY(files.real_path(given));
    put_names_right(files, folder);
    const int stored = TRY(stored_formats(files, folder));
    if (stored > kFormats)
        return Error{Code::unsupported,
                     "a newer version wrote the history in {} (formats {}; this one knows {}): start that one, or go "
                     "back with its command gongshu downgrade",
                     folder, stored, kFormats};
    const auto looked = kept_in(files, folder);
    if (!looked) log_warning("history", "beside {}: {}", folder, looked.error().text());
    const auto kept = looked ? *looked : std::vector<SideName>{};
    if (!TRY(files.exists(folder + "/MANIFEST"))) {
        if (!kept.empty() && TRY(files.exists(kept[0].path + "/MANIFEST")))
            return Error{
                Code::conflict,
                "{} holds no history, yet {} is kept beside it: gongshu downgrade puts it back; to begin anew, "
                "remove that folder",
                folder, kept[0].path};
        return write_stamp(files, folder);
    }
    const bool has_number = TRY(files.exists(folder + "/" + std::string(kFormatsName)));
    if (stored == kFormats && has_number) return name_what_is_kept(files, clock, folder);
    if (!has_number && std::ranges::any_of(kept, [&](const SideName& one) { return one.step == stored; })) {
        log_warning("history", "{} had lost its file {}, which is written again", folder, kFormatsName);
        return write_stamp(files, folder);
    }
    return keep(files, clock, folder, stored);
}

Result<std::size_t> forget_former(io::Files& files, const Clock& clock, const std::string& given) {
    const std::string folder = TRY(files.real_path(given));
    const TimeNs oldest = clock.now() - kKeptFor;
    const bool full = io::is_short(TRY(files.space(place_of(folder).parent)));
    return forget(files, folder, [&](std::size_t place, const SideName& one) {
        if (place >= kKeptHistoriesMax || (one.at >= kClockIsSet && one.at < oldest)) return true;
        return full && own_bytes(files, one.path).value_or(0) > 0;
    });
}

Result<std::size_t> forget_all_former(io::Files& files, const std::string& given) {
    const std::string folder = TRY(files.real_path(given));
    return forget(files, folder, [](std::size_t, const SideName&) { return true; });
}

Result<BackAgain> go_back(io::Files& files, const Clock& clock, const std::string& given, int step) {
    const std::string folder = TRY(files.real_path(given)), parent = place_of(folder).parent;
    put_names_right(files, folder);
    const auto kept = TRY(kept_in(files, folder));
    const auto former = std::ranges::find(kept, step, &SideName::step);
    if (former == kept.end())
        return Error{Code::not_found,
                     "nothing is kept of the history in {} as it was with formats {} (a copy stays {} days, while the "
                     "disk has room): take a backup that the older version made, with gongshu restore",
                     folder, step, kKeptFor / kDay};
    BackAgain back{{former->path, former->step, former->at, std::nullopt}, ""};
    if (TRY(files.exists(folder + "/MANIFEST"))) {
        back.aside = aside_path(folder, TRY(stored_formats(files, folder)), clock.now());
        TRY(change_places(files, folder, former->path, back.aside));
        return back;
    }
    // Cut off between two renames; what is in the place is empty.
    if (TRY(files.exists(folder))) TRY(io::remove_tree(files, folder));
    TRY(files.rename(former->path, folder));
    TRY(files.sync_folder(parent));
    const auto aside = TRY(beside(files, folder, kAsideMark));
    if (!aside.empty()) back.aside = aside[0].path;
    return back;
}

}  // namespace gongshu::history
