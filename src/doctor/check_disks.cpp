#include "doctor/check_disks.h"

#include <fmt/format.h>

#include "words/words.h"

namespace gongshu::doctor {
namespace {

constexpr const char* kId = "disk_health";

std::string called(const Smart& disk) {
    return disk.model.empty() ? disk.device : fmt::format("{} ({})", disk.device, disk.model);
}

// What is not well; each with what to do.
void check_values(const Smart& disk, std::vector<Finding>& out) {
    const std::string name = called(disk);
    const auto poor = [&](Grade grade, std::string en, std::string zh, const char* fix_en, const char* fix_zh) {
        out.push_back({kId, grade, std::move(en), std::move(zh), fix_en, fix_zh});
    };
    if (disk.passed == false)
        poor(Grade::bad, fmt::format("The disk {} says of itself that it fails (SMART).", name),
             fmt::format("磁盘 {} 自报即将失效（SMART）。", name),
             "Make a backup onto another disk now, and replace this one.", "请立即备份到另一块盘，并更换这块盘。");
    if (disk.reallocated.value_or(0) > 0)
        poor(Grade::warning, fmt::format("The disk {} has replaced {} worn-out sectors.", name, *disk.reallocated),
             fmt::format("磁盘 {} 已替换 {} 个损坏扇区。", name, *disk.reallocated),
             "Look whether the number grows from week to week: then replace the disk. Keep backups on another one.",
             "请观察该数是否逐周增长：若增长就更换磁盘。备份请放在另一块盘。");
    if (disk.pending.value_or(0) > 0)
        poor(Grade::warning, fmt::format("The disk {} has {} sectors that it cannot read now.", name, *disk.pending),
             fmt::format("磁盘 {} 有 {} 个扇区目前读不出。", name, *disk.pending),
             "Run gongshu verify and gongshu backup drill, and replace the disk soon.",
             "请运行 gongshu verify 与 gongshu backup drill，并尽快更换磁盘。");
    if (disk.uncorrectable.value_or(0) > 0)
        poor(Grade::warning,
             fmt::format("The disk {} has had {} errors that it could not correct.", name, *disk.uncorrectable),
             fmt::format("磁盘 {} 有过 {} 次无法纠正的错误。", name, *disk.uncorrectable),
             "Run gongshu verify and gongshu backup drill, look at the cable, and replace the disk soon.",
             "请运行 gongshu verify 与 gongshu backup drill，检查线缆，并尽快更换磁盘。");
    if (disk.media_errors.value_or(0) > 0)
        poor(Grade::warning,
             fmt::format("The disk {} has lost data {} times (media errors).", name, *disk.media_errors),
             fmt::format("磁盘 {} 有过 {} 次介质错误。", name, *disk.media_errors),
             "Run gongshu verify and gongshu backup drill, and replace the disk soon.",
             "请运行 gongshu verify 与 gongshu backup drill，并尽快更换磁盘。");
    if (disk.used_percent.value_or(0) >= kUsedPercentMuch)
        poor(Grade::warning,
             fmt::format("The disk {} has used {} % of the writing it is made for.", name, *disk.used_percent),
             fmt::format("磁盘 {} 已用去设计写入寿命的 {}%。", name, *disk.used_percent), "Plan its replacement.",
             "请安排更换。");
    if (disk.spare_percent && disk.spare_least_percent && *disk.spare_percent < *disk.spare_least_percent)
        poor(Grade::warning,
             fmt::format("The disk {} has {} % of its spare blocks left, its maker wants {} %.", name,
                         *disk.spare_percent, *disk.spare_least_percent),
             fmt::format("磁盘 {} 的备用块只剩 {}%，厂商要求至少 {}%。", name, *disk.spare_percent,
                         *disk.spare_least_percent),
             "Make a backup onto another disk, and replace this one soon.", "请备份到另一块盘，并尽快更换这块盘。");
    if (disk.celsius.value_or(0) >= kCelsiusHot)
        poor(Grade::warning, fmt::format("The disk {} is {} °C hot.", name, *disk.celsius),
             fmt::format("磁盘 {} 温度 {} °C，偏高。", name, *disk.celsius),
             "Look at the fan, the dust and the heat of the cabinet.", "请检查风扇、积尘与柜内温度。");
}

Finding not_looked_at(const Smart& disk) {
    const std::string en = fmt::format("The health of the disk {} (SMART) was not looked at: ", called(disk));
    const std::string zh = fmt::format("未检查磁盘 {} 的健康状况（SMART）：", called(disk));
    switch (disk.seen) {
        case Smart::Seen::no_program:
            return {kId,
                    Grade::good,
                    en + "smartctl is not installed.",
                    zh + "未安装 smartctl。",
                    "To have it looked at: apt install smartmontools, and run gongshu doctor as root.",
                    "如需检查：apt install smartmontools，并以 root 运行 gongshu doctor。"};
        case Smart::Seen::no_right:
            return {kId,
                    Grade::good,
                    en + "this user may not open it.",
                    zh + "当前用户无权打开。",
                    "To have it looked at, run gongshu doctor as root, outside of a container.",
                    "如需检查，请以 root 在容器外运行 gongshu doctor。"};
        case Smart::Seen::no_smart:
            return {kId,
                    Grade::good,
                    en + "it tells nothing of itself, as virtual disks and cards do.",
                    zh + "它不提供健康信息，虚拟磁盘和存储卡都如此。",
                    "Of a virtual machine, look at the disks of its host; behind a RAID controller, at the "
                    "controller's own tool.",
                    "虚拟机请检查宿主机的磁盘；RAID 卡之后的磁盘请用控制器自带工具检查。"};
        default:
            return {kId,
                    Grade::good,
                    en + disk.problem + ".",
                    zh + words::in_chinese(disk.problem) + "。",
                    fmt::format("Look by hand: smartctl -a {}", disk.device),
                    fmt::format("请手动查看：smartctl -a {}", disk.device)};
    }
}

}  // namespace

void check_disks(const Facts& f, std::vector<Finding>& out) {
    if (f.disks.empty())
        out.push_back({kId, Grade::good,
                       "The health of the disk (SMART) was not looked at: no disk was found below the data.",
                       "未检查磁盘健康状况（SMART）：没有找到存放数据的磁盘。",
                       "In a container or on a network's file system, look at the disks of its host.",
                       "容器或网络文件系统请检查其宿主机的磁盘。"});
    for (const Smart& disk : f.disks) {
        if (disk.seen != Smart::Seen::read) {
            out.push_back(not_looked_at(disk));
            continue;
        }
        const std::size_t before = out.size();
        check_values(disk, out);
        if (out.size() > before) continue;
        const std::string heat = disk.celsius ? fmt::format(", {} °C", *disk.celsius) : "";
        const std::string heat_zh = disk.celsius ? fmt::format("，{} °C", *disk.celsius) : "";
        out.push_back({kId, Grade::good, fmt::format("The disk {} says that it is well (SMART{}).", called(disk), heat),
                       fmt::format("磁盘 {} 自报良好（SMART{}）。", called(disk), heat_zh), "", ""});
    }
}

}  // namespace gongshu::doctor
