#include "io/disks.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace gongshu::io {
namespace {

constexpr int kDepthMax = 8;
constexpr std::size_t kDisksMax = 64;

std::string real_path(const std::string& path) {
    char found[PATH_MAX];
    return ::realpath(path.c_str(), found) != nullptr ? found : "";
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    DIR* const open = ::opendir(folder.c_str());
    if (open == nullptr) return names;
    while (const dirent* one = ::readdir(open))
        if (one->d_name[0] != '.') names.emplace_back(one->d_name);
    ::closedir(open);
    return names;
}

// `device`: its folder of /sys/devices.
void go_down(const std::string& device, int depth, std::set<std::string>& out) {
    if (device.empty() || depth > kDepthMax || out.size() >= kDisksMax) return;
    if (::access((device + "/partition").c_str(), F_OK) == 0)
        return go_down(device.substr(0, device.rfind('/')), depth + 1, out);
    const auto below = names_in(device + "/slaves");
    for (const std::string& name : below) go_down(real_path(device + "/slaves/" + name), depth + 1, out);
    if (below.empty()) out.insert(device.substr(device.rfind('/') + 1));
}

// Blanks and the like are written as \040 there.
std::string unescaped(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto digit = [&](std::size_t at) {
            return at < text.size() && text[at] >= '0' && text[at] <= '7' ? text[at] - '0' : -1;
        };
        if (text[i] == '\\' && digit(i + 1) >= 0 && digit(i + 2) >= 0 && digit(i + 3) >= 0) {
            out += static_cast<char>(digit(i + 1) * 64 + digit(i + 2) * 8 + digit(i + 3));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace

std::vector<std::string> disks_of(const std::string& sys, const std::string& device) {
    std::set<std::string> found;
    go_down(real_path(sys + "/dev/block/" + device), 0, found);
    return {found.begin(), found.end()};
}

std::string mount_source(const std::string& mounts, const std::string& path) {
    std::istringstream lines(mounts);
    std::string line, source;
    std::size_t longest = 0;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string skipped, place, word, type, from;
        words >> skipped >> skipped >> skipped >> skipped >> place;
        while (words >> word && word != "-") {
        }
        words >> type >> from;
        place = unescaped(place);
        const bool holds = place == "/" || path == place || path.starts_with(place + "/");
        if (from.empty() || !holds || place.size() < longest) continue;
        longest = place.size();  // of two at one place the later lies above
        source = unescaped(from);
    }
    return source;
}

std::vector<std::string> disks_below(const std::string& folder) {
    struct stat found{};
    if (::stat(folder.c_str(), &found) != 0) return {};
    dev_t device = found.st_dev;
    if (::major(device) == 0) {  // a number of its own, as btrfs gives: what is mounted tells
        std::ifstream in("/proc/self/mountinfo");
        std::ostringstream mounts;
        mounts << in.rdbuf();
        const std::string source = mount_source(mounts.str(), real_path(folder));
        if (!source.starts_with("/dev/") || ::stat(source.c_str(), &found) != 0 || !S_ISBLK(found.st_mode)) return {};
        device = found.st_rdev;
    }
    return disks_of("/sys", std::to_string(::major(device)) + ":" + std::to_string(::minor(device)));
}

}  // namespace gongshu::io
