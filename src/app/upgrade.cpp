#include "app/upgrade.h"

#include <cstdio>

#include "app/open_store.h"
#include "app/version.h"
#include "base/options.h"
#include "registry/schema.h"

namespace gongshu::app {
namespace {

struct UpgradeOptions {
    std::string data, key_folder;
    bool check = false;
};

options::Table upgrade_table(UpgradeOptions& o) {
    options::Table table;
    table.text("data", o.data, "The data folder, of a server that is stopped.")
        .text("key_folder", o.key_folder, "Its key folder. Default: the data folder's name with .keys behind it.")
        .toggle("check", o.check, "Only say what would be done.");
    return table;
}

options::Table downgrade_table(UpgradeOptions& o) {
    options::Table table;
    table.text("data", o.data, "The data folder, of a server that is stopped.");
    return table;
}

double megabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

// Held while the folder is looked at and changed, so that no server starts on it.
Result<std::vector<std::unique_ptr<io::File>>> hold(io::Files& files, const std::string& data) {
    std::vector<std::unique_ptr<io::File>> held;
    for (const char* name : {"/history", "/registry"}) {
        if (!TRY(files.exists(data + name + "/lock"))) continue;
        held.push_back(TRY(files.lock_folder(data + name).context("stop the program that uses {} first", data)));
    }
    return held;
}

Result<UpgradeOptions> parse(const std::vector<std::string>& arguments, bool up) {
    UpgradeOptions options;
    std::vector<std::string> rest;
    TRY((up ? upgrade_table(options) : downgrade_table(options)).parse(arguments, rest));
    if (!rest.empty() || options.data.empty())
        return Error{Code::invalid, "usage: gongshu {} --data FOLDER", up ? "upgrade [--check]" : "downgrade"};
    while (options.data.size() > 1 && options.data.back() == '/') options.data.pop_back();
    if (options.key_folder.empty()) options.key_folder = options.data + ".keys";
    return options;
}

void print(const registry::Schema& schema, const io::DiskSpace& space) {
    std::printf("program  %s, tables of step %lld\n", kVersion, static_cast<long long>(schema.known));
    std::printf("data     tables of step %lld, %.1f MB\n", static_cast<long long>(schema.stored), megabytes(schema.bytes));
    for (std::size_t i = 0; i < schema.to_come.size(); ++i)
        std::printf("to come  step %lld: %s\n", static_cast<long long>(schema.stored) + static_cast<long long>(i) + 1,
                    std::string{schema.to_come[i]}.c_str());
    if (!schema.to_come.empty())
        std::printf("copy     %s, kept before anything is changed; %.1f MB are free\n",
                    registry::kept_name(schema.stored).c_str(), megabytes(space.free_bytes));
    for (const registry::KeptTables& one : schema.kept)
        std::printf("kept     step %lld: %s\n", static_cast<long long>(one.step), one.path.c_str());
}

}  // namespace

Result<int> run_upgrade(const std::vector<std::string>& arguments) {
    const UpgradeOptions options = TRY(parse(arguments, true));
    const auto files = io::make_posix_files();
    const std::string folder = options.data + "/registry";
    if (!TRY(files->exists(folder + "/registry.db")))
        return Error{Code::not_found, "{} holds no data of this program", options.data};
    registry::Schema schema;
    {
        const auto held = TRY(hold(*files, options.data));
        schema = TRY(registry::schema_of(*files, folder));
    }
    print(schema, TRY(files->space(folder)));
    if (schema.stored > schema.known)
        return Error{Code::unsupported,
                     "a newer version wrote {}: start that one, or go back with its command gongshu downgrade --data {}",
                     options.data, options.data};
    if (schema.to_come.empty()) {
        std::printf("nothing is to be done\n");
        return 0;
    }
    TRY(registry::check_room_for_copy(*files, folder, schema.bytes));
    if (options.check) {
        std::printf("the next start does it, or gongshu upgrade --data %s now\n", options.data.c_str());
        return 0;
    }
    { TRY(OpenStore::open(options.data, options.key_folder)); }
    std::printf("done; gongshu downgrade --data %s goes back\n", options.data.c_str());
    return 0;
}

Result<int> run_downgrade(const std::vector<std::string>& arguments) {
    const UpgradeOptions options = TRY(parse(arguments, false));
    const auto files = io::make_posix_files();
    const auto held = TRY(hold(*files, options.data));
    const std::string folder = options.data + "/registry";
    const std::int64_t before = TRY(registry::schema_of(*files, folder)).stored;
    const auto back = TRY(registry::go_back(*files, folder));
    std::printf("the tables are of step %lld again, as %s has them; start the older version now\n",
                static_cast<long long>(back.step), back.path.c_str());
    std::printf("readings stay. What was configured since is in %s/registry.db.step-%lld alone\n", folder.c_str(),
                static_cast<long long>(before));
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
