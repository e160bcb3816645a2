#include "app/restore.h"

#include <cstdio>

#include "backup/backup.h"
#include "base/options.h"
#include "base/time_text.h"

namespace gongshu::app {
namespace {

struct RestoreOptions {
    std::string data;
    bool check = false;
};

options::Table restore_table(RestoreOptions& o) {
    options::Table table;
    table.text("data", o.data, "The new data folder; must be missing or empty.")
        .toggle("check", o.check, "Only compare every byte of the backup with its list.");
    return table;
}

std::string without_slash(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

}  // namespace

Result<int> run_restore(const std::vector<std::string>& arguments) {
    RestoreOptions options;
    std::vector<std::string> rest;
    TRY(restore_table(options).parse(arguments, rest));
    if (rest.size() != 1 || options.data.empty() == !options.check)
        return Error{Code::invalid, "usage: gongshu restore BACKUP --data FOLDER, or gongshu restore BACKUP --check"};
    const auto files = io::make_posix_files();
    const std::string path = without_slash(rest[0]);
    backup::Progress progress;
    const auto info = options.check ? TRY(backup::check_backup(*files, path, progress))
                                    : TRY(backup::restore_backup(*files, path, without_slash(options.data), progress));
    std::printf("%s: made %s by version %s, %llu files, %llu bytes, all as they were written\n", info.name.c_str(),
                format_time(info.made / kSecond * kSecond).c_str(), info.program.c_str(),
                static_cast<unsigned long long>(info.files), static_cast<unsigned long long>(info.bytes));
    if (!options.check)
        std::printf(
            "%s is ready. Start it with the key folder of the server that was backed up:\n"
            "  gongshu serve --data %s --key-folder …\n",
            options.data.c_str(), options.data.c_str());
    return 0;
}

std::string restore_help() {
    RestoreOptions options;
    return restore_table(options).help();
}

}  // namespace gongshu::app
