#include "app/restore.h"

#include <atomic>
#include <cstdio>
#include <memory>

#include "backup/backup.h"
#include "backup/listing.h"
#include "base/options.h"
#include "base/time_text.h"
#include "io/sftp.h"

namespace gongshu::app {
namespace {

struct RestoreOptions {
    std::string data;
    bool check = false;
    io::SftpOptions sftp;
};

options::Table restore_table(RestoreOptions& o) {
    options::Table table;
    table.text("data", o.data, "The new data folder; must be missing or empty.")
        .toggle("check", o.check, "Only compare every byte of the backup with its list.")
        .text("backup_target_key", o.sftp.key_file,
              "For a backup sftp://user@host/folder/NAME: private key to sign in with, as serve takes it.")
        .text("backup_target_password_file", o.sftp.password_file, "… or a file with the password.")
        .text("backup_target_host_key", o.sftp.host_key, "… and the fingerprint of the other machine's key, SHA256:….");
    return table;
}

std::string without_slash(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

// A backup of this machine or of another.
struct Source {
    std::unique_ptr<io::Files> files;
    std::string path;
};

Result<Source> open_source(const std::string& where, io::SftpOptions sftp) {
    if (!where.starts_with("sftp://")) return Source{io::make_posix_files(), without_slash(where)};
    static const std::atomic<bool> kGoOn = false;
    sftp.address = TRY(io::parse_sftp_address(where));
    if (!sftp.host_key.empty())
        sftp.host_key = TRY(io::parse_host_key(sftp.host_key).context("option --backup-target-host-key"));
    auto files = TRY(io::open_sftp(sftp, kGoOn));
    return Source{std::move(files), sftp.address.path};
}

// Who names the folder of backups instead of one is told what is in it.
Result<void> check_named(io::Files& files, const std::string& path, const std::string& where) {
    if (TRY(files.exists(path + "/" + backup::kListName))) return {};
    std::string names;
    for (const backup::BackupInfo& info : TRY(backup::list_backups(files, path)))
        if (info.problem.empty()) names += (names.empty() ? "" : ", ") + info.name;
    if (names.empty()) return {};
    return Error{Code::invalid, "{} is a folder of backups; name one of {}: {}/NAME", where, names, where};
}

}  // namespace

Result<int> run_restore(const std::vector<std::string>& arguments) {
    RestoreOptions options;
    std::vector<std::string> rest;
    TRY(restore_table(options).parse(arguments, rest));
    if (rest.size() != 1 || options.data.empty() == !options.check)
        return Error{Code::invalid, "usage: gongshu restore BACKUP --data FOLDER, or gongshu restore BACKUP --check"};
    const auto files = io::make_posix_files();
    const std::string where = without_slash(rest[0]);
    const Source from = TRY(open_source(where, options.sftp));
    TRY(check_named(*from.files, from.path, where));
    backup::Progress progress;
    const auto info =
        options.check ? TRY(backup::check_backup(*from.files, from.path, progress))
                      : TRY(backup::copy_backup(*from.files, from.path, *files, without_slash(options.data), progress));
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
