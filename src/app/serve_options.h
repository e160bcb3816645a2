#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backup/schedule.h"
#include "base/options.h"
#include "io/sftp.h"

namespace gongshu::app {

// What `serve` and `demo` take, from the command line and from --config FILE (YAML, the same names). A command-line
// value wins over the file's.
struct ServeOptions {
    std::string data;
    std::string config;
    std::string key_folder;
    std::string http = "127.0.0.1:8080";
    std::string mqtt = "127.0.0.1:1883";
    std::string sparkplug_host = "gongshu";
    std::string pg;
    std::string ready_json;
    std::string admin_password_file;
    bool lan = false;
    std::vector<std::string> insecure;
    std::vector<std::string> allow_target;
    std::vector<std::string> allow_host;
    std::vector<std::string> dtu;
    std::uint32_t lanes = 0;
    std::uint32_t pool_threads = 4;
    DurationNs query_time = 2 * kMinute;
    std::uint32_t retention_days = 36'500;
    std::uint64_t retention_bytes = 0;
    std::uint32_t retention_keep_days = 30;
    std::uint64_t seal_bytes = 64 << 20;
    DurationNs seal_age = 10 * kMinute;
    std::string backup_folder;
    DurationNs backup_every = 0;
    std::string backup_at;
    std::uint32_t backup_keep = 7;
    std::uint64_t file_bytes = 20 << 20;
    std::uint64_t files_bytes = std::uint64_t{10} << 30;
    DurationNs files_grace = 7 * kDay;
    std::string scan_command;
    DurationNs scan_time = kMinute;
    DurationNs backup_drill_every = 0;
    std::string backup_target;
    bool backup_target_mount = false;
    std::string backup_target_key;
    std::string backup_target_password_file;
    std::string backup_target_host_key;
    std::string log_level = "info";
    std::uint32_t log_files = 0;
    std::uint64_t log_file_bytes = 10 << 20;
    DurationNs log_file_age = 0;
    std::string log_folder;
    std::string ledger_hash = "sha256";
    std::string forward_to;
    std::string forward_token_file;
    std::string forward_ca;
    std::string forward_under;
    std::uint64_t forward_keep = std::uint64_t{2} << 30;
    std::uint64_t sql_memory = 512 << 20;
    std::uint32_t sql_workers = 4;

    // demo only
    std::uint32_t demo_days = 30;
    std::string demo_faults = "demo";
};

options::Table serve_table(ServeOptions& options);
// What an edge takes if nobody says otherwise: it keeps less, for the platform has it too.
ServeOptions edge_defaults();
options::Table demo_table(ServeOptions& options);

// When backups are made by themselves; nullopt: so often after one another. As finish() left the options.
std::optional<backup::TimeOfDay> backup_time(const ServeOptions& options);

// Fills what has a computed default (lanes from the number of cores, folders) and checks what can be checked without
// looking at the disk.
Result<void> finish(ServeOptions& options, bool demo);

// "acme=0.0.0.0:9002" is {"acme", "0.0.0.0:9002"}; without a name it is the tenant default's.
std::pair<std::string, std::string> split_dtu(const std::string& door);

// The second place on another machine that these options name; nullopt: it is a folder, or there is none. As finish()
// left them.
std::optional<io::SftpOptions> sftp_target(const ServeOptions& options);

}  // namespace gongshu::app
