#include "app/upgrade.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "app/open_store.h"
#include "app/upgrade_log.h"
#include "app/version.h"
#include "base/options.h"
#include "base/time_text.h"
#include "history/formats.h"
#include "registry/schema.h"

namespace gongshu::app {
namespace {

struct UpgradeOptions {
    std::string data, key_folder;
    bool check = false, forget = false;
};

options::Table upgrade_table(UpgradeOptions& o) {
    options::Table table;
    table.text("data", o.data, "The data folder, of a server that is stopped.")
        .text("key_folder", o.key_folder, "Its key folder. Default: the data folder's name with .keys behind it.")
        .toggle("check", o.check, "Only say what would be done.")
        .toggle("forget", o.forget, "Remove what is kept of the histories of before; there is no way back then.");
    return table;
}

options::Table downgrade_table(UpgradeOptions& o) {
    options::Table table;
    table.text("data", o.data, "The data folder, of a server that is stopped.");
    return table;
}

double megabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

Result<UpgradeOptions> parse(const std::vector<std::string>& arguments, bool up) {
    UpgradeOptions options;
    std::vector<std::string> rest;
    TRY((up ? upgrade_table(options) : downgrade_table(options)).parse(arguments, rest));
    if (!rest.empty() || options.data.empty())
        return Error{Code::invalid, "usage: gongshu {} --data FOLDER",
                     up ? "upgrade [--check | --forget]" : "downgrade"};
    while (options.data.size() > 1 && options.data.back() == '/') options.data.pop_back();
    if (options.key_folder.empty()) options.key_folder = options.data + ".keys";
    return options;
}

// A data folder beside this program.
struct Look {
    registry::Schema tables;
    history::Formats formats;
    bool nothing_to_come() const { return tables.to_come.empty() && formats.to_come.empty(); }
    bool is_newer() const { return tables.stored > tables.known || formats.stored > formats.known; }
};

// The caller holds it.
Result<Look> look_at(io::Files& files, const std::string& data) {
    Look look;
    look.tables = TRY(registry::schema_of(files, data + "/registry"));
    look.formats = TRY(history::formats_of(files, data + "/history"));
    return look;
}

void print_kept(const history::Formats& formats) {
    for (const history::KeptHistory& one : formats.kept) {
        const std::string bytes = one.bytes ? fmt::format("{:.1f} MB", megabytes(*one.bytes)) : "an unknown part";
        std::printf("kept     history, formats %d: %s, %s of its own, until %s\n", one.step, one.path.c_str(),
                    bytes.c_str(), format_time(one.at + history::kKeptFor).c_str());
    }
    for (const history::AsideHistory& one : formats.aside)
        std::printf("aside    history, formats %d: %s, what came in before somebody went back; nothing removes it\n",
                    one.step, one.path.c_str());
}

void print(const Look& look, const io::DiskSpace& space) {
    const auto& [tables, formats] = look;
    std::printf("program  %s, tables of step %lld, history of formats %d\n", kVersion,
                static_cast<long long>(tables.known), formats.known);
    std::printf("data     tables of step %lld, %.1f MB; history of formats %d\n", static_cast<long long>(tables.stored),
                megabytes(tables.bytes), formats.stored);
    for (std::size_t i = 0; i < tables.to_come.size(); ++i)
        std::printf("to come  step %lld: %s\n", static_cast<long long>(tables.stored) + static_cast<long long>(i) + 1,
                    std::string{tables.to_come[i]}.c_str());
    for (std::size_t i = 0; i < formats.to_come.size(); ++i)
        std::printf("to come  history, formats %d: %s\n", formats.stored + static_cast<int>(i) + 1,
                    std::string{formats.to_come[i]}.c_str());
    if (!tables.to_come.empty())
        std::printf("copy     %s, kept before anything is changed; %.1f MB are free\n",
                    registry::kept_name(tables.stored).c_str(), megabytes(space.free_bytes));
    for (const registry::KeptTables& one : tables.kept)
        std::printf("kept     step %lld: %s\n", static_cast<long long>(one.step), one.path.c_str());
    print_kept(formats);
}

// What the start will need, tried.
Result<void> check_to_come(io::Files& files, const std::string& data, const Look& look) {
    if (!look.tables.to_come.empty()) TRY(registry::check_room_for_copy(files, data + "/registry", look.tables.bytes));
    if (look.formats.to_come.empty()) return {};
    const history::KeepPlan plan = TRY(history::plan_to_keep(files, data + "/history"));
    if (plan.way == history::KeepWay::names)
        std::printf(
            "copy     the history as it is, beside it: second names of the same files, which take no room until "
            "the history changes\n");
    if (plan.way == history::KeepWay::copies)
        std::printf("copy     the history as it is, beside it: %.1f MB, since files have one name each there\n",
                    megabytes(plan.bytes));
    if (plan.way == history::KeepWay::none)
        std::printf(
            "no copy  the history is a disk of its own, beside which nothing can be kept: make a backup first, only "
            "that goes back\n");
    if (plan.way != history::KeepWay::none && io::is_short(TRY(files.space(data))))
        std::printf(
            "short    the disk is nearly full: the copy goes as soon as it takes room of its own; make a backup "
            "first\n");
    return history::check_room_to_keep(files, data + "/history", plan);
}

Result<int> forget_copies(io::Files& files, const std::string& data) {
    const auto held = TRY(hold(files, data));
    const auto gone = TRY(history::forget_all_former(files, data + "/history"));
    std::printf("%zu kept histories removed; from here only a backup goes back to before them\n", gone);
    return 0;
}

// Both copies are looked for, and what going back takes, before anything is changed.
Result<void> check_way(io::Files& files, const Look& look, const WayBack& way, const std::string& data) {
    if (way.tables) TRY(registry::check_way_back(files, data + "/registry", way.of.tables_from));
    const auto& kept = look.formats.kept;
    const bool has_history =
        std::ranges::any_of(kept, [&](const history::KeptHistory& one) { return one.step == way.of.formats_from; });
    if (way.history && !has_history)
        return Error{Code::not_found,
                     "{} keeps no history of formats {} (a copy stays {} days, while the disk has room): take a backup "
                     "that the older version made, with gongshu restore",
                     data, way.of.formats_from, history::kKeptFor / kDay};
    return {};
}

Result<void> history_back(io::Files& files, const std::string& data, int step) {
    const auto clock = io::make_system_clock();
    const history::BackAgain back = TRY(history::go_back(files, *clock, data + "/history", step));
    std::printf("the history is of formats %d again, as it was at %s\n", back.former.step,
                format_time(back.former.at).c_str());
    if (!back.aside.empty()) std::printf("readings since are in %s alone\n", back.aside.c_str());
    return {};
}

Result<void> tables_back(io::Files& files, const std::string& folder, std::int64_t before,
                         std::optional<std::int64_t> step) {
    const auto back = TRY(registry::go_back(files, folder, step));
    std::printf("the tables are of step %lld again, as %s has them\n", static_cast<long long>(back.step),
                back.path.c_str());
    std::printf("what was configured since is in %s/registry.db.step-%lld alone\n", folder.c_str(),
                static_cast<long long>(before));
    return {};
}

}  // namespace

Result<int> run_upgrade(const std::vector<std::string>& arguments) {
    const UpgradeOptions options = TRY(parse(arguments, true));
    const auto files = io::make_posix_files();
    const std::string folder = options.data + "/registry";
    if (!TRY(files->exists(folder + "/registry.db")))
        return Error{Code::not_found, "{} holds no data of this program", options.data};
    if (options.forget) return forget_copies(*files, options.data);
    {
        const auto held = TRY(hold(*files, options.data));
        const Look look = TRY(look_at(*files, options.data));
        print(look, TRY(files->space(folder)));
        if (look.is_newer())
            return Error{
                Code::unsupported,
                "a newer version wrote {}: start that one, or go back with its command gongshu downgrade --data {}",
                options.data, options.data};
        if (look.nothing_to_come()) {
            std::printf("nothing is to be done\n");
            return 0;
        }
        TRY(check_to_come(*files, options.data, look));
    }
    if (options.check) {
        std::printf("the next start does it, or gongshu upgrade --data %s now\n", options.data.c_str());
        return 0;
    }
    {
        TRY(OpenStore::open(options.data, options.key_folder));
    }
    std::printf("done; gongshu downgrade --data %s goes back\n", options.data.c_str());
    return 0;
}

Result<int> run_downgrade(const std::vector<std::string>& arguments) {
    const UpgradeOptions options = TRY(parse(arguments, false));
    const auto files = io::make_posix_files();
    const auto held = TRY(hold(*files, options.data));
    const Look look = TRY(look_at(*files, options.data));
    auto upgrades = TRY(read_upgrades(*files, options.data));
    const std::int64_t tables = look.tables.stored;
    const auto way = way_back(upgrades, tables, look.formats.stored);
    if (way) {
        TRY(check_way(*files, look, *way, options.data));
        if (way->history) TRY(history_back(*files, options.data, way->of.formats_from));
        if (way->tables) TRY(tables_back(*files, options.data + "/registry", tables, way->of.tables_from));
        upgrades.pop_back();
        TRY(write_upgrades(*files, options.data, upgrades));
    } else {
        // Of before upgrades were noted, when the history had no number.
        if (look.formats.stored > 0 && !look.tables.kept.empty() && look.tables.kept.back().step < tables)
            return Error{
                Code::conflict,
                "nothing in {} says what an upgrade brought (its file UPGRADES): the history may be of a newer "
                "version than the tables that are kept; take a backup that the older version made, with gongshu "
                "restore",
                options.data};
        TRY(tables_back(*files, options.data + "/registry", tables, std::nullopt));
    }
    if (!way || !way->history) std::printf("readings stay\n");
    std::printf("start the older version now\n");
    return 0;
}

std::string upgrade_help() {
    UpgradeOptions options;
    return upgrade_table(options).help();
}

std::string downgrade_help() {
    UpgradeOptions options;
    return downgrade_table(options).help();
}

}  // namespace gongshu::app
