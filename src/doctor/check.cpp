#include "doctor/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_writer.h"
#include "base/time_text.h"
#include "doctor/check_disks.h"
#include "io/files.h"
#include "words/words.h"

namespace gongshu::doctor {
namespace {

constexpr double kSyncHint = 30e-6;  // faster than any disk without a battery answers
constexpr double kSyncSlow = 0.05;
constexpr double kClockFar = 0.5;
constexpr std::uint64_t kFilesLeast = 1024, kFilesGood = 8192;
constexpr std::uint64_t kMemoryLeast = std::uint64_t{256} << 20;
constexpr TimeNs kCertificateSoon = 30 * kDay;
constexpr TimeNs kBackupOld = 8 * kDay;
constexpr TimeNs kProofOld = 35 * kDay;  // a drill every 30 days, and some days for a server that stood still
constexpr double kDaysLeftBad = 3, kDaysLeftFew = 30;

Finding good(std::string id, std::string en, std::string zh) {
    return {std::move(id), Grade::good, std::move(en), std::move(zh), "", ""};
}
Finding poor(Grade grade, std::string id, std::string en, std::string zh, std::string fix_en, std::string fix_zh) {
    return {std::move(id), grade, std::move(en), std::move(zh), std::move(fix_en), std::move(fix_zh)};
}

double gb(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e9; }

Finding check_data(const Facts& f) {
    const std::string& path = f.data.path;
    if (!f.data.is_there)
        return poor(Grade::bad, "data_folder", fmt::format("The data folder {} is not there.", path),
                    fmt::format("数据目录 {} 不存在。", path), "Name it with --data; gongshu serve makes a new one.",
                    "用 --data 指明；gongshu serve 会新建。");
    if (!f.data.may_write)
        return poor(
            Grade::bad, "data_folder", fmt::format("This user may not write in {}.", path),
            fmt::format("当前用户无权写入 {}。", path),
            fmt::format("Run as the user that owns it (id {}), or give it to this one: chown -R.", f.data.owner),
            fmt::format("用其属主（id {}）运行，或用 chown -R 改属主。", f.data.owner));
    if (f.data.owner != f.user)
        return poor(Grade::warning, "data_folder",
                    fmt::format("{} belongs to user {}, and this is user {}.", path, f.data.owner, f.user),
                    fmt::format("{} 属于用户 {}，当前为用户 {}。", path, f.data.owner, f.user),
                    "Run the server always as the same user, or files of one stop the other.",
                    "请始终用同一用户运行，否则彼此的文件会互相妨碍。");
    if ((f.data.mode & 0002) != 0)
        return poor(Grade::bad, "data_folder", fmt::format("Everybody may write in {} (mode {:o}).", path, f.data.mode),
                    fmt::format("任何人都可写入 {}（权限 {:o}）。", path, f.data.mode),
                    fmt::format("chmod o-w {}", path), fmt::format("chmod o-w {}", path));
    return good("data_folder", fmt::format("The data folder {} is there and can be written.", path),
                fmt::format("数据目录 {} 存在且可写。", path));
}

Finding check_file_system(const Facts& f) {
    const std::string& type = f.data.file_system;
    const auto is = [&](std::initializer_list<const char*> names) {
        return std::ranges::any_of(names, [&](const char* name) { return type == name; });
    };
    if (is({"tmpfs", "ramfs"}))
        return poor(Grade::bad, "file_system", fmt::format("The data lies in memory ({}): a restart loses it.", type),
                    fmt::format("数据位于内存文件系统（{}），重启即丢失。", type), "Put the data folder on a disk.",
                    "请把数据目录放到磁盘上。");
    if (is({"nfs", "cifs", "smb", "smb2", "9p", "fuse", "ceph", "gpfs", "lustre"}))
        return poor(Grade::warning, "file_system",
                    fmt::format("The data lies on a network or foreign file system ({}): locks and syncs may not hold "
                                "what they promise.",
                                type),
                    fmt::format("数据位于网络或外来文件系统（{}）：锁与落盘未必可靠。", type),
                    "Put the data folder on a local disk, and backups on the network.",
                    "请把数据目录放在本机磁盘，备份放在网络盘。");
    if (is({"vfat", "exfat", "ntfs", "ntfs3"}))
        return poor(Grade::warning, "file_system",
                    fmt::format("The data lies on {}, which keeps no rights and may tear at a power cut.", type),
                    fmt::format("数据位于 {}，不保存权限，断电可能损坏。", type), "Use ext4 or xfs.",
                    "请使用 ext4 或 xfs。");
    if (is({"overlay", "squashfs"}))
        return poor(Grade::warning, "file_system",
                    fmt::format("The data lies in a layer of a container ({}): it goes with the container.", type),
                    fmt::format("数据位于容器层（{}）：随容器一起消失。", type), "Mount a volume for the data folder.",
                    "请为数据目录挂载卷。");
    return good("file_system", fmt::format("File system: {}.", type.empty() ? "unknown" : type),
                fmt::format("文件系统：{}。", type.empty() ? "未知" : type));
}

Finding check_space(const Facts& f) {
    if (f.disk_total_bytes == 0) return good("disk_space", "Free space: unknown.", "可用空间：未知。");
    const std::string free_en =
        fmt::format("{:.1f} of {:.1f} GB are free", gb(f.disk_free_bytes), gb(f.disk_total_bytes));
    const std::string free_zh =
        fmt::format("可用 {:.1f} GB，共 {:.1f} GB", gb(f.disk_free_bytes), gb(f.disk_total_bytes));
    const char* const fix_en = "Make room, or limit what is kept: --retention-bytes, resources of kind retention.";
    const char* const fix_zh = "请清理空间，或限制保留量：--retention-bytes、保留策略。";
    if (f.disk_free_bytes < 100'000'000)
        return poor(Grade::bad, "disk_space", free_en + ": nearly nothing.", free_zh + "，几乎没有空间。", fix_en,
                    fix_zh);
    const double days =
        f.bytes_a_day && *f.bytes_a_day > 0 ? static_cast<double>(f.disk_free_bytes) / *f.bytes_a_day : 1e9;
    if (days < kDaysLeftFew)
        return poor(days < kDaysLeftBad ? Grade::bad : Grade::warning, "disk_space",
                    fmt::format("{}; at the rate of the last days that is enough for about {:.0f} days (an estimate).",
                                free_en, days),
                    fmt::format("{}；按最近几天的增速约够 {:.0f} 天（估计）。", free_zh, days), fix_en, fix_zh);
    if (io::is_short({f.disk_free_bytes, f.disk_total_bytes}))
        return poor(Grade::warning, "disk_space", free_en + ".", free_zh + "。", fix_en, fix_zh);
    return good("disk_space", free_en + ".", free_zh + "。");
}

Finding check_sync(const Facts& f) {
    if (!f.sync_s)
        return poor(Grade::warning, "sync", "How long a sync takes could not be measured.", "未能测得落盘时间。",
                    "Look at the rights of the data folder.", "请检查数据目录的权限。");
    const double ms = *f.sync_s * 1e3;
    if (*f.sync_s > kSyncSlow)
        return poor(Grade::warning, "sync",
                    fmt::format("A sync to the disk takes {:.1f} ms: every acknowledgement waits.", ms),
                    fmt::format("一次落盘需 {:.1f} ms：每次确认都要等待。", ms),
                    "Use a faster disk for the data folder, or find out who else keeps it busy.",
                    "请为数据目录换更快的磁盘，或查明谁在占用磁盘。");
    if (*f.sync_s < kSyncHint)
        return poor(
            Grade::warning, "sync",
            fmt::format("A sync takes {:.3f} ms. That is a hint, no proof, that the disk says done before it is: "
                        "few devices without a battery are so quick.",
                        ms),
            fmt::format(
                "一次落盘仅 {:.3f} ms。这只是提示而非证据：磁盘可能未写完就报告完成，没有电池的设备很少这么快。", ms),
            "Look whether a write cache without a battery is on, or the disk of a virtual machine ignores syncs.",
            "请检查是否开启了无电池保护的写缓存，或虚拟机磁盘忽略落盘。");
    return good("sync", fmt::format("A sync to the disk takes {:.2f} ms.", ms),
                fmt::format("一次落盘 {:.2f} ms。", ms));
}

Finding check_clock(const Facts& f) {
    if (f.newest_reading > f.now + kDay)
        return poor(
            Grade::bad, "clock",
            fmt::format("The clock says {}, yet readings of {} are stored: it was set back, or they came from a "
                        "wrong clock.",
                        format_time(f.now / kSecond * kSecond), format_time(f.newest_reading / kSecond * kSecond)),
            fmt::format("时钟为 {}，却存有 {} 的读数：时钟被拨回，或来自错误的时钟。",
                        format_time(f.now / kSecond * kSecond), format_time(f.newest_reading / kSecond * kSecond)),
            "Set the clock right (timedatectl), then look at the devices' clocks.",
            "请校正时钟（timedatectl），再检查设备时钟。");
    if (!f.clock_synchronised)
        return poor(Grade::warning, "clock", "No time service keeps the clock right, as far as the kernel knows.",
                    "内核显示没有时间服务在校准时钟。",
                    "Turn one on: timedatectl set-ntp true, or chrony with the plant's own server. In a container the "
                    "host does it.",
                    "请启用：timedatectl set-ntp true，或用 chrony 连厂内时间服务器；容器内由宿主机负责。");
    if (f.clock_error_s > kClockFar)
        return poor(Grade::warning, "clock", fmt::format("The clock may be off by up to {:.1f} s.", f.clock_error_s),
                    fmt::format("时钟误差可能达 {:.1f} 秒。", f.clock_error_s),
                    "Look at the time service: chronyc tracking.", "请检查时间服务：chronyc tracking。");
    return good("clock", "A time service keeps the clock right.", "时钟由时间服务校准。");
}

Finding check_zones(const Facts& f) {
    if (f.has_zones) return good("time_zones", "Time zones are known.", "时区数据齐全。");
    return poor(Grade::bad, "time_zones",
                "There are no time zones on this machine: days and shifts cannot be reckoned.",
                "本机没有时区数据：无法按日、班次计算。", "apt install tzdata", "apt install tzdata");
}

Finding check_limits(const Facts& f) {
    if (f.open_files_max >= kFilesGood)
        return good("open_files", fmt::format("{} files may be open.", f.open_files_max),
                    fmt::format("最多可打开 {} 个文件。", f.open_files_max));
    return poor(
        f.open_files_max < kFilesLeast ? Grade::bad : Grade::warning, "open_files",
        fmt::format("Only {} files may be open at a time; each MQTT client and page takes one.", f.open_files_max),
        fmt::format("最多只能打开 {} 个文件；每个 MQTT 客户端和页面各占一个。", f.open_files_max),
        "ulimit -n 65536, or LimitNOFILE=65536 in the service's file.",
        "ulimit -n 65536，或在服务文件中写 LimitNOFILE=65536。");
}

void check_ports(const Facts& f, std::vector<Finding>& out) {
    for (const Port& port : f.ports)
        out.push_back(
            port.is_free
                ? good("port", fmt::format("{} {} is free.", port.option, port.address),
                       fmt::format("{} {} 空闲。", port.option, port.address))
                : poor(Grade::bad, "port", fmt::format("{} {} is taken by another program.", port.option, port.address),
                       fmt::format("{} {} 被其他程序占用。", port.option, port.address),
                       fmt::format("Stop that program (ss -ltnp shows it), or choose another with {}.", port.option),
                       fmt::format("停止该程序（ss -ltnp 可查），或用 {} 换一个。", port.option)));
}

Finding check_keys(const Facts& f) {
    const std::string key = f.keys.path + "/registry.key";
    if (!f.key_mode)
        return f.has_data
                   ? poor(Grade::bad, "keys", fmt::format("{} is missing: this data cannot be used without it.", key),
                          fmt::format("缺少 {}：没有它这些数据无法使用。", key),
                          "Put back the folder of keys from where it is kept, or name it with --key-folder.",
                          "请放回密钥目录，或用 --key-folder 指明。")
                   : good("keys", "There are no keys yet; the first start makes them.", "尚无密钥；首次启动时生成。");
    if ((*f.key_mode & 0077) != 0)
        return poor(Grade::bad, "keys", fmt::format("Others than its owner can read {} (mode {:o}).", key, *f.key_mode),
                    fmt::format("除属主外还有人可读 {}（权限 {:o}）。", key, *f.key_mode),
                    fmt::format("chmod 600 {}", key), fmt::format("chmod 600 {}", key));
    if (f.keys.path.starts_with(f.data.path + "/"))
        return poor(Grade::warning, "keys", "The keys lie in the data folder: who copies the data has the secrets too.",
                    "密钥位于数据目录内：复制数据即得到机密。",
                    "Move them elsewhere and name the place with --key-folder.", "请移到别处并用 --key-folder 指明。");
    return good("keys", fmt::format("Only its owner can read {}.", key), fmt::format("仅属主可读 {}。", key));
}

Finding check_certificate(const Facts& f) {
    if (!f.authority_ends)
        return good("certificate", "No certificate authority of its own; --lan makes one.",
                    "没有自建证书机构；--lan 会生成。");
    const auto days = (*f.authority_ends - f.now) / kDay;
    if (*f.authority_ends <= f.now || *f.authority_ends - f.now < kCertificateSoon)
        return poor(
            *f.authority_ends <= f.now ? Grade::bad : Grade::warning, "certificate",
            fmt::format("The certificate authority ends in {} days.", days),
            fmt::format("证书机构将在 {} 天后到期。", days),
            "Move ca.crt and ca.key out of the key folder, restart, and install the new ca.crt on phones and browsers.",
            "把密钥目录中的 ca.crt 与 ca.key 移走，重启，再在手机与浏览器上安装新的 ca.crt。");
    return good(
        "certificate",
        fmt::format("The certificate authority is valid for {} days; server certificates are made at each start.",
                    days),
        fmt::format("证书机构还有 {} 天有效；服务器证书每次启动时生成。", days));
}

Finding check_store(const Facts& f) {
    if (!f.has_data) return good("store", "Nothing is stored yet.", "尚未存储任何数据。");
    if (!f.format_problem.empty())
        return poor(Grade::bad, "store", "The store cannot be read: " + f.format_problem,
                    "无法读取存储：" + words::in_chinese(f.format_problem),
                    "Start the version that wrote it, or restore a backup: gongshu restore.",
                    "请用写入它的版本启动，或恢复备份：gongshu restore。");
    if (!f.damage.empty())
        return poor(Grade::bad, "store",
                    fmt::format("{} of {} segments looked at are damaged: {}", f.damage.size(), f.segments_sampled,
                                f.damage[0]),
                    fmt::format("抽查的 {1} 个段中有 {0} 个损坏：{2}", f.damage.size(), f.segments_sampled,
                                words::in_chinese(f.damage[0])),
                    "Stop the server, run gongshu verify, restore a backup; and look at the disk: smartctl -a.",
                    "停止服务，运行 gongshu verify，恢复备份；并检查磁盘：smartctl -a。");
    return good(
        "store",
        fmt::format("A sample of {} segments of the store is as it was written.", f.segments_sampled),
        fmt::format("存储抽查 {} 个段完好。", f.segments_sampled));
}

Finding check_stop(const Facts& f) {
    if (f.running || !f.has_data || f.stopped_cleanly)
        return good("last_stop", f.running ? "The server runs." : "The last stop was clean.",
                    f.running ? "服务正在运行。" : "上次为正常停止。");
    return poor(Grade::warning, "last_stop",
                "The last stop was a crash, a kill or a power cut. What was acknowledged is kept.",
                "上次为崩溃、强制结束或断电。已确认的数据不会丢失。",
                "Look for the reason: the end of its log, journalctl, dmesg (out of memory?).",
                "请查原因：日志末尾、journalctl、dmesg（内存不足？）。");
}

Finding check_temporaries(const Facts& f) {
    if (f.temporaries.empty()) return good("temporary_files", "No old temporary files.", "没有陈旧的临时文件。");
    return poor(Grade::warning, "temporary_files",
                fmt::format("{} old temporary files, the first: {}", f.temporaries.size(), f.temporaries[0]),
                fmt::format("{} 个陈旧的临时文件，如 {}", f.temporaries.size(), f.temporaries[0]),
                "They come from a crash and may be removed while no server runs; a start removes the store's own.",
                "它们来自崩溃，可在停止服务后删除；启动时会清理存储自己的。");
}

Finding check_backups(const Facts& f) {
    const char* const fix_en =
        "Make one: gongshu backup; by itself with --backup-every 1d. Keep it on another disk, and its keys elsewhere.";
    const char* const fix_zh = "请备份：gongshu backup；用 --backup-every 1d 自动备份。放到另一块盘，密钥另存别处。";
    if (!f.has_data) return good("backups", "Nothing to back up yet.", "尚无可备份内容。");
    const auto newest =
        std::ranges::max_element(f.backups, {}, [](const Backup& one) { return one.problem.empty() ? one.made : 0; });
    if (newest == f.backups.end() || !newest->problem.empty())
        return poor(
            Grade::warning, "backups",
            f.backups.empty() ? "There is no backup." : fmt::format("No backup is whole: {}", f.backups[0].problem),
            f.backups.empty() ? "没有备份。"
                              : fmt::format("没有完整的备份：{}", words::in_chinese(f.backups[0].problem)),
            fix_en, fix_zh);
    const auto days = (f.now - newest->made) / kDay;
    if (f.now - newest->made > kBackupOld)
        return poor(Grade::warning, "backups",
                    fmt::format("The newest whole backup, {}, is {} days old.", newest->name, days),
                    fmt::format("最新的完整备份 {} 已有 {} 天。", newest->name, days), fix_en, fix_zh);
    return good("backups", fmt::format("The newest whole backup, {}, is {} days old.", newest->name, days),
                fmt::format("最新的完整备份 {}，{} 天前。", newest->name, days));
}

Finding check_proof(const Facts& f) {
    const char* const fix_en = "Prove one: gongshu backup drill; by itself with --backup-drill-every 30d.";
    const char* const fix_zh = "请演练恢复：gongshu backup drill；用 --backup-drill-every 30d 自动演练。";
    // Whether there is a backup at all, another check tells.
    if (std::ranges::none_of(f.backups, [](const Backup& one) { return one.problem.empty(); }))
        return good("backup_proof", "No backup to prove.", "没有可演练的备份。");
    if (!f.proved)
        return poor(Grade::warning, "backup_proof", "No backup has been proved by reading yet.",
                    "还没有备份做过恢复演练。", fix_en, fix_zh);
    const Proved& last = *f.proved;
    if (last.problem_count > 0)
        return poor(
            Grade::bad, "backup_proof",
            fmt::format("The backup {} is not good: {} problems, the first: {}", last.name, last.problem_count,
                        last.problem),
            fmt::format("备份 {} 不可用：{} 个问题，第一个：{}", last.name, last.problem_count,
                        words::in_chinese(last.problem)),
            "Look at the disk that holds it, make another: gongshu backup, and prove that: gongshu backup drill.",
            "请检查存放它的磁盘，再做一份：gongshu backup，并演练：gongshu backup drill。");
    const auto days = (f.now - last.at) / kDay;
    if (f.now - last.at > kProofOld)
        return poor(Grade::warning, "backup_proof",
                    fmt::format("No backup has been proved by reading for {} days.", days),
                    fmt::format("已有 {} 天没有演练过恢复备份。", days), fix_en, fix_zh);
    return good(
        "backup_proof",
        fmt::format("The backup {} was proved by reading {} days ago: {} rows, {} resources.", last.name, days,
                    last.rows, last.resources),
        fmt::format("备份 {} 于 {} 天前演练恢复成功：{} 行，{} 个资源。", last.name, days, last.rows, last.resources));
}

Finding check_target(const Facts& f) {
    if (f.target_problem.empty())
        return good("backup_target", fmt::format("Backups are copied to {}, too.", f.backup_target),
                    fmt::format("备份同时存到 {}。", f.backup_target));
    const bool far = f.backup_target.starts_with("sftp://");
    return poor(
        Grade::warning, "backup_target",
        fmt::format("The newest backup is not in {}: {}", f.backup_target, f.target_problem),
        fmt::format("最新的备份没有存到 {}：{}", f.backup_target, words::in_chinese(f.target_problem)),
        far ? "Look at that machine, its SSH server and its room; it is tried again by itself."
            : "Mount its disk or share and look at its room; it is tried again by itself.",
        far ? "请检查那台机器、其 SSH 服务与可用空间；会自动重试。" : "请挂载其磁盘或共享并检查可用空间；会自动重试。");
}

void check_links(const Facts& f, std::vector<Finding>& out) {
    if (!f.links_problem.empty()) {
        out.push_back(poor(Grade::warning, "connections", "The connections could not be asked for: " + f.links_problem,
                           "未能查询连接：" + words::in_chinese(f.links_problem),
                           "Look at its log, and whether address and token of --to and --token are right.",
                           "请看其日志，并核对 --to 的地址与 --token 的令牌。"));
        return;
    }
    if (!f.links) {
        if (f.running)
            out.push_back(good("connections",
                               "The connections were not asked for: name the server with --to and a token.",
                               "未检查连接：用 --to 与令牌指明服务器。"));
        return;
    }
    std::size_t down = 0;
    for (const Link& link : *f.links) {
        if (link.state != "backing_off" && link.state != "connecting") continue;
        ++down;
        const std::string& why = link.last_error.empty() ? link.state : link.last_error;
        out.push_back(poor(Grade::warning, "connections", fmt::format("The connection {} is down: {}", link.name, why),
                           fmt::format("连接 {} 断开：{}", link.name, words::in_chinese(why)),
                           "Look at the machine and its cable; the page of connections tests it step by step.",
                           "请检查设备与线缆；“连接”页可逐步测试。"));
    }
    if (down == 0)
        out.push_back(good("connections", fmt::format("None of {} connections is down.", f.links->size()),
                           fmt::format("{} 个连接均无断开。", f.links->size())));
}

Finding check_machine(const Facts& f) {
    const std::string en = fmt::format("Gongshu {}, {} cores, {:.1f} of {:.1f} GB of memory free.", f.version, f.cores,
                                       gb(f.memory_available_bytes), gb(f.memory_bytes));
    const std::string zh = fmt::format("工枢 {}，{} 核，内存可用 {:.1f} GB，共 {:.1f} GB。", f.version, f.cores,
                                       gb(f.memory_available_bytes), gb(f.memory_bytes));
    if (f.memory_bytes > 0 && f.memory_available_bytes < kMemoryLeast)
        return poor(Grade::warning, "machine", en + " That is little.", zh + "偏少。",
                    "Stop what else runs here, or lower --seal-bytes.", "请停止其他程序，或调小 --seal-bytes。");
    if (!f.has_crc_instruction)
        return poor(Grade::warning, "machine", en + " Its processor has no instruction for checksums: syncs cost more.",
                    zh + "处理器没有校验和指令，写入开销较大。", "Nothing has to be done; another processor is faster.",
                    "无需处理；换处理器会更快。");
    return good("machine", en, zh);
}

const char* sign_of(Grade grade) { return grade == Grade::good ? "✓" : grade == Grade::warning ? "!" : "✗"; }
const char* name_of(Grade grade) { return grade == Grade::good ? "good" : grade == Grade::warning ? "warning" : "bad"; }

}  // namespace

std::vector<Finding> check(const Facts& f) {
    std::vector<Finding> out{check_machine(f), check_data(f)};
    if (f.data.is_there) {
        for (auto* one : {check_file_system, check_space, check_sync}) out.push_back(one(f));
        check_disks(f, out);
        for (auto* one : {check_keys, check_store, check_stop, check_temporaries, check_backups, check_proof})
            out.push_back(one(f));
        if (!f.backup_target.empty()) out.push_back(check_target(f));
    }
    for (auto* one : {check_clock, check_zones, check_limits, check_certificate}) out.push_back(one(f));
    check_ports(f, out);
    check_links(f, out);
    return out;
}

Grade worst_of(const std::vector<Finding>& findings) {
    Grade worst = Grade::good;
    for (const Finding& finding : findings) worst = std::max(worst, finding.grade);
    return worst;
}

std::string to_text(const std::vector<Finding>& findings, Language language) {
    const bool zh = language == Language::zh;
    std::string out;
    std::size_t warnings = 0, bad = 0;
    for (const Finding& finding : findings) {
        out += fmt::format("{} {}\n", sign_of(finding.grade), zh ? finding.zh : finding.en);
        if (!finding.fix_en.empty()) out += fmt::format("    → {}\n", zh ? finding.fix_zh : finding.fix_en);
        warnings += finding.grade == Grade::warning;
        bad += finding.grade == Grade::bad;
    }
    return out + (zh ? fmt::format("{} 项检查，{} 项警告，{} 项错误\n", findings.size(), warnings, bad)
                     : fmt::format("{} checks, {} warnings, {} errors\n", findings.size(), warnings, bad));
}

std::string to_json(const Facts& facts, const std::vector<Finding>& findings) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("version").text(facts.version).key("now").integer(facts.now / kMillisecond);
    json.key("running").boolean(facts.running).key("worst").text(name_of(worst_of(findings)));
    json.key("findings").begin_array();
    for (const Finding& one : findings) {
        json.begin_object().key("id").text(one.id).key("grade").text(name_of(one.grade));
        json.key("text_en").text(one.en).key("text_zh").text(one.zh);
        json.key("fix_en").text(one.fix_en).key("fix_zh").text(one.fix_zh).end_object();
    }
    json.end_array().end_object();
    return out;
}

}  // namespace gongshu::doctor
