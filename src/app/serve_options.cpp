#include "app/serve_options.h"

#include <algorithm>
#include <thread>

#include "base/assert.h"
#include "base/log.h"
#include "connect/outbound.h"
#include "data/tag.h"
#include "io/interfaces.h"
#include "io/loop.h"
#include "io/machine.h"
#include "ledger/merkle.h"
#include "registry/staging.h"
#include "wire/sparkplug.h"

namespace gongshu::app {

options::Table serve_table(ServeOptions& o) {
    options::Table table;
    table.text("data", o.data, "Folder of all data; made if missing.")
        .text("config", o.config, "YAML file with these same options, without the dashes.")
        .text("key_folder", o.key_folder,
              "Folder of the secret keys, readable by this user only. Keep it on another disk than the data and its "
              "backups. "
              "Default: the data folder's name with .keys behind it.")
        .text("http", o.http,
              "Where the pages and the HTTP interface listen. Port 0: the system picks one, which is printed.")
        .text("mqtt", o.mqtt, "Where the MQTT broker listens.")
        .text("sparkplug_host", o.sparkplug_host,
              "The host ID by which Sparkplug edge nodes know this platform: its state is on spBv1.0/STATE/ID. Empty: it "
              "tells no state.")
        .text("pg", o.pg,
              "Where PostgreSQL's protocol is spoken: psql, drivers and Grafana ask there in SQL. It has TLS, which "
              "clients of "
              "other machines need. Default: nowhere.")
        .toggle("lan", o.lan,
                "Open pages and broker to the private addresses of this machine, with TLS by a certificate authority "
                "of its own "
                "(made at the first start in the key folder).")
        .list("insecure", o.insecure,
              "With --lan: a listener (mqtt) that is also open without TLS, for old gateways. They still have to sign "
              "in.")
        .list("allow_target", o.allow_target,
              "Address or address:port on this machine or its link that connections may reach, or a serial port "
              "besides the "
              "usual ones, such as /dev/ttymxc1 or /dev/pts/*; others there are refused.")
        .list("allow_host", o.allow_host, "Further host name by which browsers reach the pages (behind a proxy).")
        .list("dtu", o.dtu,
              "Address and port where DTUs dial in, as in 0.0.0.0:9001; for another tenant than default "
              "TENANT=ADDR:PORT. There is no TLS: a DTU is known by its registration packet alone. Default: nowhere.")
        .number("lanes", o.lanes, 0, 64, "Threads that carry readings. 0: one a core.")
        .number("pool_threads", o.pool_threads, 1, 64, "Threads for queries, sign-ins and the disk.")
        .duration("query_time", o.query_time, kSecond, kHour,
                  "A question for readings that takes longer is ended, with an error that says how to narrow it.")
        .bytes("sql_memory", o.sql_memory, 64 << 20, std::uint64_t{1} << 40,
               "A worker of SQL keeps at most so much for its statements; one that needs more is refused.")
        .number(
            "sql_workers", o.sql_workers, 1, 64,
            "Workers of SQL at the same time, one for each tenant that asks; they start when asked and end when idle.")
        .number("retention_days", o.retention_days, 1, 36'500,
                "Readings older than this are removed, a whole day at a time.")
        .bytes(
            "retention_bytes", o.retention_bytes, 0, std::uint64_t{1} << 60,
            "When the segments on disk take more than this, the oldest whole days go; 0: they may take any. What each "
            "tenant keeps of which tags, its resources of kind retention say.")
        .number("retention_keep_days", o.retention_keep_days, 1, 36'500,
                "Readings newer than this are never removed for --retention-bytes.")
        .bytes("seal_bytes", o.seal_bytes, 1 << 16, std::uint64_t{1} << 30,
               "Readings in memory are written into segments at this size.")
        .duration("seal_age", o.seal_age, kSecond, kDay, "… or at this age.")
        .text(
            "backup_folder", o.backup_folder,
            "Where backups are made, better on another disk. Default: the data folder's name with .backups behind it.")
        .duration("backup_every", o.backup_every, 0, 366 * kDay,
                  "A backup is made by itself so often while the server runs. 0s: only when somebody asks for one.")
        .text("backup_at", o.backup_at,
              "… at this time of the day, as in 02:30 (of the machine's time zone) or '02:30 Asia/Shanghai'; "
              "--backup-every is whole days then, 1d if it is not given. One that was missed is made soon after the "
              "start.")
        .number("backup_keep", o.backup_keep, 0, 10'000,
                "So many whole backups stay; older ones go once a new one is whole. 0: all.")
        .bytes("file_bytes", o.file_bytes, 1 << 10, 32 << 20,
               "A photo or other file that people send may have so much.")
        .bytes("files_bytes", o.files_bytes, 0, std::uint64_t{1} << 50,
               "The files of one tenant may take so much, unless the tenant says otherwise (files_mb).")
        .duration("files_grace", o.files_grace, kMinute, 3650 * kDay,
                  "A file that nothing refers to any more is removed after this time.")
        .text("scan_command", o.scan_command,
              "Virus scan of each file that people send, before anybody can read it, as in 'clamdscan --no-summary "
              "--fdpass "
              "{file}'. No shell. It ends with 0: clean, 1: refused; anything else: the file is held. Default: none.")
        .duration("scan_time", o.scan_time, kSecond, kHour,
                  "A scan that takes longer is stopped, and the file is held.")
        .duration(
            "backup_drill_every", o.backup_drill_every, 0, 366 * kDay,
            "The newest backup is proved so often: restored beside the others, read to the last byte, and removed "
            "again; it takes its room once more meanwhile. 0s: only when somebody asks for it.")
        .text("backup_target", o.backup_target,
              "Folder on another disk or a mounted share where each whole backup is copied to and read back. It must "
              "hold a file gongshu-backup-target, which you make; without it nothing is written there. Or a folder of "
              "another machine by SFTP, which must be there: sftp://user@host[:port]/folder, with /~/folder below the "
              "user's home.")
        .toggle("backup_target_mount", o.backup_target_mount,
                "That folder must be a mount point instead of holding the file.")
        .text(
            "backup_target_key", o.backup_target_key,
            "By SFTP: file of the private key to sign in with, without a passphrase, mode 0600, best of kind ed25519.")
        .text("backup_target_password_file", o.backup_target_password_file,
              "By SFTP, instead of a key: file whose first line is the password, mode 0600.")
        .text("backup_target_host_key", o.backup_target_host_key,
              "By SFTP: fingerprint of the other machine's key, SHA256:…, as 'ssh-keyscan HOST | ssh-keygen -lf -' "
              "prints it. Without it nothing is sent, and the refusal shows the one that was found.")
        .text("forward_to", o.forward_to,
              "Another platform that gets every reading of the tenant default, as in https://platform:8443. What cannot "
              "be sent waits in the log and is sent later, in order. Default: none.")
        .text("forward_token_file", o.forward_token_file,
              "File whose first line is a token of that platform, mode 0600. Its role may write readings; paths limit "
              "where.")
        .text("forward_ca", o.forward_ca,
              "File of the authority that signed that platform's certificate (its /ca.crt). Default: the system's.")
        .text("forward_under", o.forward_under,
              "Path there that stands before each tag, as in works2. Default: each tag has the path that it has here.")
        .bytes("forward_keep", o.forward_keep, 1 << 20, std::uint64_t{1} << 50,
               "The log of readings that were not sent yet may take so much; beyond it the oldest are dropped, which is "
               "counted and told.")
        .text("ready_json", o.ready_json,
              "File that is written, mode 0600, at the moment when everything serves: "
              "{\"http\":\"http://…\",\"mqtt\":\"mqtt://…\",\"user\":\"admin\"}, without "
              "--admin-password-file at the first start also \"password\", and until it is changed \"one_time\" (the "
              "link's code). One line, whole when it is there; one of an earlier start is replaced.")
        .text("admin_password_file", o.admin_password_file,
              "File whose first line becomes the password of admin, unless somebody has chosen one already.")
        .text("log_level", o.log_level, "debug, info, warning or error.")
        .number(
            "log_files", o.log_files, 0, 1000,
            "So many files of the program's own log are kept, beside standard error; 0: none. SIGHUP opens them anew "
            "then, instead of ending the server.")
        .bytes("log_file_bytes", o.log_file_bytes, 1 << 16, std::uint64_t{1} << 32,
               "A log file is closed at this size.")
        .duration("log_file_age", o.log_file_age, 0, 366 * kDay, "… or at this age; 0s: at any.")
        .text("log_folder", o.log_folder, "Where they are. Default: logs in the data folder.")
        .text(
            "ledger_hash", o.ledger_hash,
            "sha256 or sm3 (GB/T 32905): the hash of ledgers that begin from now on; one that is there keeps its own.");
    return table;
}

ServeOptions edge_defaults() {
    ServeOptions options;
    options.retention_bytes = std::uint64_t{4} << 30;
    options.retention_keep_days = 1;
    return options;
}

options::Table demo_table(ServeOptions& o) {
    options::Table table = serve_table(o);
    table.number("demo_days", o.demo_days, 0, 365, "Days of simulated past that are made at the first start.")
        .text("demo_faults", o.demo_faults,
              "demo: the first fault 20 s after the start; none: only those that you ask for.");
    return table;
}

namespace {

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

// Without TLS a door stays on loopback; what is said there could be read by anybody on the way.
Result<void> check_plain_door(const char* option, const std::string& text, bool may_be_private) {
    const io::Address address = TRY(io::parse_address(text));
    if (is_loopback(address.host) || (may_be_private && io::is_private_address(address.host))) return {};
    return Error{Code::invalid,
                 "option {}: {} is not a loopback address, and this door has no TLS: use --lan, or a TLS proxy in "
                 "front of 127.0.0.1",
                 option, text};
}

// It has TLS of its own, and takes nothing else from other machines.
Result<void> check_pg_door(const std::string& text) {
    if (text.empty()) return {};
    const io::Address address = TRY(io::parse_address(text).context("option --pg"));
    if (is_loopback(address.host) || io::is_private_address(address.host)) return {};
    return Error{Code::invalid, "option --pg: {} is neither a loopback address nor one of a private network", text};
}

bool is_in(const std::string& path, const std::string& folder) {
    return path == folder || path.starts_with(folder + "/");
}

bool is_sftp(const ServeOptions& options) { return options.backup_target.starts_with("sftp://"); }

Result<void> check_sftp_target(ServeOptions& options) {
    const io::SftpAddress address =
        TRY(io::parse_sftp_address(options.backup_target).context("option --backup-target"));
    options.backup_target = to_string(address);
    if (options.backup_target_mount)
        return Error{Code::invalid, "option --backup-target-mount is for folders of this machine, not for SFTP"};
    if (options.backup_target_key.empty() == options.backup_target_password_file.empty())
        return Error{Code::invalid,
                     "option --backup-target by SFTP needs --backup-target-key FILE, or --backup-target-password-file "
                     "FILE, and not both"};
    if (!options.backup_target_host_key.empty())
        options.backup_target_host_key =
            TRY(io::parse_host_key(options.backup_target_host_key).context("option --backup-target-host-key"));
    return {};
}

Result<void> check_backup_target(ServeOptions& options) {
    std::string& target = options.backup_target;
    if (is_sftp(options)) return check_sftp_target(options);
    for (const auto& [name, value] : {std::pair{"--backup-target-key", &options.backup_target_key},
                                      std::pair{"--backup-target-password-file", &options.backup_target_password_file},
                                      std::pair{"--backup-target-host-key", &options.backup_target_host_key}})
        if (!value->empty())
            return Error{Code::invalid, "option {} is only for --backup-target sftp://user@host/folder", name};
    while (target.size() > 1 && target.ends_with('/')) target.pop_back();
    if (target.empty()) {
        if (!options.backup_target_mount) return {};
        return Error{Code::invalid, "option --backup-target-mount needs --backup-target: the folder that is mounted"};
    }
    if (target.find("://") != std::string::npos)
        return Error{
            Code::invalid,
            "option --backup-target: {} is no folder; only sftp:// is spoken here: mount other shares and name "
            "the folder",
            target};
    for (const std::string& folder : {options.data, options.backup_folder})
        if (is_in(target, folder) || is_in(folder, target))
            return Error{Code::invalid,
                         "option --backup-target: {} and {} lie in each other; name a folder on another disk", target,
                         folder};
    return {};
}

// A token travels with every request.
Result<void> check_forward(const ServeOptions& options) {
    if (options.forward_to.empty()) {
        for (const auto& [name, value] : {std::pair{"--forward-token-file", &options.forward_token_file},
                                          std::pair{"--forward-ca", &options.forward_ca},
                                          std::pair{"--forward-under", &options.forward_under}})
            if (!value->empty())
                return Error{Code::invalid, "option {} needs --forward-to: the platform that gets the readings", name};
        return {};
    }
    const connect::HttpUrl url = TRY(connect::parse_http_url(options.forward_to).context("option --forward-to"));
    if (!url.secure && !is_loopback(url.address.host))
        return Error{Code::invalid,
                     "option --forward-to: {} has no TLS, and a token is sent with every request: use https", options.forward_to};
    if (options.forward_token_file.empty())
        return Error{Code::invalid, "option --forward-to needs --forward-token-file FILE: a token of that platform"};
    if (options.forward_under.empty()) return {};
    if (const auto fault = tag_path_fault(options.forward_under + "/x.y"))
        return Error{Code::invalid, "option --forward-under: {}: {}", options.forward_under, *fault};
    return {};
}

Result<void> check_backup_at(ServeOptions& options) {
    if (options.backup_at.empty()) return {};
    const auto at =
        TRY(backup::parse_time_of_day(options.backup_at, io::time_zone_name()).context("option --backup-at"));
    options.backup_at = backup::to_string(at);
    if (options.backup_every == 0) options.backup_every = kDay;
    if (options.backup_every % kDay == 0) return {};
    return Error{Code::invalid,
                 "option --backup-at: a time of the day needs --backup-every in whole days, such as 1d or 7d"};
}

}  // namespace

std::optional<backup::TimeOfDay> backup_time(const ServeOptions& options) {
    if (options.backup_at.empty()) return std::nullopt;
    const auto at = backup::parse_time_of_day(options.backup_at, "");
    ASSERT(at);  // finish() has seen it
    return *at;
}

std::pair<std::string, std::string> split_dtu(const std::string& door) {
    const std::size_t end = door.find('=');
    if (end == std::string::npos) return {std::string(registry::kDefaultTenant), door};
    return {door.substr(0, end), door.substr(end + 1)};
}

std::optional<io::SftpOptions> sftp_target(const ServeOptions& options) {
    if (!is_sftp(options)) return std::nullopt;
    const auto address = io::parse_sftp_address(options.backup_target);
    ASSERT(address);  // finish() has seen it
    return io::SftpOptions{.address = *address,
                           .host_key = options.backup_target_host_key,
                           .key_file = options.backup_target_key,
                           .password_file = options.backup_target_password_file};
}

Result<void> finish(ServeOptions& options, bool demo) {
    TRY(ledger::parse_hash(options.ledger_hash).context("option ledger_hash"));
    if (options.data.empty())
        return Error{Code::invalid,
                     "option --data is missing: name a folder for the data, as in --data /var/lib/gongshu"};
    while (options.data.size() > 1 && options.data.ends_with('/')) options.data.pop_back();
    if (options.backup_folder.empty()) options.backup_folder = options.data + ".backups";
    TRY(check_backup_target(options));
    TRY(check_backup_at(options));
    TRY(check_forward(options));
    if (options.key_folder.empty()) options.key_folder = options.data + ".keys";
    if (options.log_folder.empty()) options.log_folder = options.data + "/logs";
    if (options.lanes == 0) options.lanes = std::max(1u, std::thread::hardware_concurrency());
    const bool plain_mqtt =
        std::find(options.insecure.begin(), options.insecure.end(), "mqtt") != options.insecure.end();
    TRY(check_plain_door("--http", options.http, false));
    if (!options.sparkplug_host.empty())
        TRY(wire::sparkplug::parse_topic("spBv1.0/STATE/" + options.sparkplug_host)
                .context("option --sparkplug-host"));
    TRY(check_plain_door("--mqtt", options.mqtt, plain_mqtt));
    TRY(check_pg_door(options.pg));
    for (const std::string& door : options.dtu) TRY(io::parse_address(split_dtu(door).second).context("option --dtu"));
    for (const std::string& listener : options.insecure) {
        if (listener != "mqtt")
            return Error{Code::invalid, "option --insecure: '{}' is no listener that may go without TLS: mqtt may",
                         listener};
    }
    static constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};
    const auto level = std::find(std::begin(kLevels), std::end(kLevels), options.log_level);
    if (level == std::end(kLevels))
        return Error{Code::invalid, "option --log-level: '{}' is none of debug, info, warning, error",
                     options.log_level};
    set_log_level(static_cast<LogLevel>(level - std::begin(kLevels)));
    if (demo) {
        options.allow_target.push_back("127.0.0.1");  // the simulated machines live there
        if (options.demo_faults != "demo" && options.demo_faults != "none")
            return Error{Code::invalid, "option --demo-faults: '{}' is neither demo nor none", options.demo_faults};
    }
    return {};
}

}  // namespace gongshu::app
