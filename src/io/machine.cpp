#include "io/machine.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "io/detail/os_error.h"

namespace gongshu::io {

namespace {

// Files of /proc tell no size, so they are read as a stream.
std::string read_stream(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

// The number behind "name:" in the way of /proc/meminfo and /proc/PID/status, where kB stands behind it.
std::uint64_t field_bytes(const std::string& text, const std::string& name) {
    const auto at = text.find(name + ":");
    if (at == std::string::npos) return 0;
    const char* begin = text.c_str() + at + name.size() + 1;
    while (*begin == ' ' || *begin == '\t') ++begin;
    std::uint64_t number = 0;
    std::from_chars(begin, text.c_str() + text.size(), number);
    return number * 1024;
}

struct Stat {
    int parent = 0;
    double ended_s = 0;  // processor time of children that it waited for
};

std::optional<Stat> stat_of(int id) {
    const std::string text = read_stream("/proc/" + std::to_string(id) + "/stat");
    const auto name_end = text.rfind(')');  // the name in front of it may hold anything
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream in(text.substr(name_end + 1));
    std::string skipped;
    Stat stat;
    in >> skipped >> stat.parent;  // proc(5): state is field 3, ppid 4, cutime 16, cstime 17
    for (int field = 5; field < 16; ++field) in >> skipped;
    std::uint64_t user = 0, system = 0;
    in >> user >> system;
    stat.ended_s = static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    return stat;
}

}  // namespace

Result<ProcessUse> process_use(int id) {
    const std::string folder = id == 0 ? "/proc/self" : "/proc/" + std::to_string(id);
    const std::string status = read_stream(folder + "/status");
    clockid_t clock{};
    timespec used{};
    if (status.empty() || ::clock_getcpuclockid(id, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
        return Error{Code::not_found, "there is no process {}", id};
    return ProcessUse{static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9,
                      field_bytes(status, "VmRSS"), field_bytes(status, "VmHWM")};
}

namespace {

struct Family {
    std::multimap<int, int> children;  // by who started them
    std::map<int, double> ended_s;     // of whom they waited for
};

Family family_now() {
    Family family;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        int found = 0;
        std::from_chars(name.data(), name.data() + name.size(), found);
        const std::optional<Stat> stat = found > 0 ? stat_of(found) : std::nullopt;
        if (!stat) continue;  // no process, or it has just ended
        family.children.emplace(stat->parent, found);
        family.ended_s[found] = stat->ended_s;
    }
    return family;
}

Result<ProcessUse> use_of(Family& family, int id) {
    ProcessUse all = TRY(process_use(id));
    all.cpu_s += family.ended_s[id];
    const auto [first, last] = family.children.equal_range(id);
    for (auto child = first; child != last; ++child) {
        const ProcessUse use = TRY(use_of(family, child->second));
        all.cpu_s += use.cpu_s;
        all.memory_bytes += use.memory_bytes;
        all.memory_peak_bytes += use.memory_peak_bytes;
    }
    return all;
}

}  // namespace

Result<ProcessUse> family_use(int id) {
    constexpr int kTries = 20;
    for (int i = 0; i < kTries; ++i) {
        Family family = family_now();
        // One that ended since then is counted neither as itself nor yet with who waited for it.
        if (auto use = use_of(family, id)) return use;
    }
    return Error{Code::not_found, "there is no process {}", id};
}

Result<void> stay_on_core(int core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (unsigned one = 0; one < static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_CONF)); ++one)
        if (core < 0 || static_cast<unsigned>(core) == one) CPU_SET(one, &cores);
    if (::sched_setaffinity(0, sizeof cores, &cores) != 0)
        return detail::os_error(errno, "cannot stay on core {}", core);
    return {};
}

MachineFacts machine_facts() {
    MachineFacts facts;
    facts.cores = std::thread::hardware_concurrency();
    const std::string processors = read_stream("/proc/cpuinfo");
    if (const auto at = processors.find("model name"); at != std::string::npos) {
        const auto begin = processors.find(':', at) + 2;
        facts.processor = processors.substr(begin, processors.find('\n', begin) - begin);
    }
    const std::string memory = read_stream("/proc/meminfo");
    facts.memory_bytes = field_bytes(memory, "MemTotal");
    facts.memory_available_bytes = field_bytes(memory, "MemAvailable");
    return facts;
}

double machine_load() {
    double load[1] = {};
    return ::getloadavg(load, 1) == 1 ? load[0] : 0;
}

Result<FileFacts> file_facts(const std::string& path) {
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0) return detail::os_error(errno, "cannot look at {}", path);
    return FileFacts{found.st_mode & 07777, found.st_uid, static_cast<std::uint64_t>(found.st_size),
                     found.st_mtim.tv_sec * kSecond + found.st_mtim.tv_nsec, S_ISDIR(found.st_mode)};
}

bool may_write_in(const std::string& folder) { return ::access(folder.c_str(), W_OK | X_OK) == 0; }

std::uint32_t user_id() { return ::geteuid(); }

bool is_mount_point(const std::string& folder) {
    struct statx found{};
    if (::statx(AT_FDCWD, folder.c_str(), 0, STATX_INO, &found) != 0) return false;
    if ((found.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0)
        return (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    // Kernels before 5.8 do not tell; then another device than above does, all but for a part of the same one.
    struct stat here{}, above{};
    return ::stat(folder.c_str(), &here) == 0 && ::stat((folder + "/..").c_str(), &above) == 0 &&
           (here.st_dev != above.st_dev || here.st_ino == above.st_ino);
}

bool is_folder_held(const std::string& folder) {
    const int descriptor = ::open((folder + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    const bool held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    ::close(descriptor);
    return held;
}

std::uint64_t open_files_max() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

ClockFacts clock_facts() {
    timex clock{};
    const int state = ::adjtimex(&clock);
    return {state >= 0 && state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0,
            static_cast<double>(clock.maxerror) / 1e6};
}

std::string time_zone_name(const std::string& etc) {
    constexpr std::string_view kFolder = "zoneinfo/";
    const auto after_folder = [&](std::string_view path) {
        const auto at = path.rfind(kFolder);
        return at == std::string_view::npos ? std::string_view{} : path.substr(at + kFolder.size());
    };
    if (const char* const set = std::getenv("TZ"); set != nullptr && *set != '\0') {
        std::string_view zone = set;
        if (zone.starts_with(':')) zone.remove_prefix(1);
        if (zone.starts_with('/')) zone = after_folder(zone);
        if (!zone.empty()) return std::string(zone);
    }
    char target[PATH_MAX];
    const auto count = ::readlink((etc + "/localtime").c_str(), target, sizeof target);
    if (count > 0)
        if (const auto zone = after_folder({target, static_cast<std::size_t>(count)}); !zone.empty())
            return std::string(zone);
    std::string name = read_stream(etc + "/timezone");
    name.resize(std::min(name.size(), name.find_first_of(" \t\r\n")));
    return name.empty() ? "UTC" : name;
}

Result<std::string> file_system(const std::string& path) {
    struct statfs found{};
    if (::statfs(path.c_str(), &found) != 0) return detail::os_error(errno, "cannot tell the file system of {}", path);
    // The numbers of statfs(2) and linux/magic.h.
    static constexpr struct {
        std::uint32_t number;
        const char* name;
    } kKnown[] = {{0xef53, "ext4"},       {0x58465342, "xfs"},     {0x9123683e, "btrfs"}, {0x2fc12fc1, "zfs"},
                  {0xf2f52010, "f2fs"},   {0x794c7630, "overlay"}, {0x01021994, "tmpfs"}, {0x858458f6, "ramfs"},
                  {0x6969, "nfs"},        {0xff534d42, "cifs"},    {0xfe534d42, "smb2"},  {0x517b, "smb"},
                  {0x65735546, "fuse"},   {0x01021997, "9p"},      {0x00c36400, "ceph"},  {0x47504653, "gpfs"},
                  {0x0bd00bd0, "lustre"}, {0x4d44, "vfat"},        {0x2011bab0, "exfat"}, {0x7366746e, "ntfs3"},
                  {0x5346544e, "ntfs"},   {0x73717368, "squashfs"}};
    const auto number = static_cast<std::uint32_t>(found.f_type);
    for (const auto& known : kKnown)
        if (known.number == number) return std::string(known.name);
    return fmt::format("0x{:x}", number);
}

}  // namespace gongshu::io
