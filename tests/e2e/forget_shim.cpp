// LD_PRELOAD library that knows what a power cut would leave. Every file under FORGET_ROOT has a twin under
// FORGET_SHADOW/inodes/<inode> that receives only bytes that were synced, and every folder has a list of names under
// FORGET_SHADOW/names/ that is written only when the folder was synced: POSIX promises a name nothing before that.
// After kill -9 tests/e2e/forget.py rebuilds the folder from these two. FORGET_LIE=1 makes every sync do nothing and
// say ok: the test that uses this library must then fail.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

struct Range {
    off_t from, to;
};
struct Dirty {
    std::vector<Range> ranges;
    bool truncated = false;
};

std::recursive_mutex mutex;
std::map<ino_t, Dirty> dirty;

template <class F>
F real(const char* name) {
    return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

const char* root() { return getenv("FORGET_ROOT"); }

std::string path_of(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path);
    return length > 0 ? std::string(path, static_cast<size_t>(length)) : std::string();
}

bool watched(int fd, struct stat& info, std::string& path) {
    if (!root() || fstat(fd, &info) != 0 || !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) return false;
    path = path_of(fd);
    return path.compare(0, strlen(root()), root()) == 0;
}

std::string twin(ino_t inode) { return std::string(getenv("FORGET_SHADOW")) + "/inodes/" + std::to_string(inode); }

void touch(int fd, off_t from, ssize_t bytes) {
    struct stat info;
    std::string path;
    if (bytes <= 0 || !watched(fd, info, path)) return;
    const std::lock_guard lock(mutex);
    auto& ranges = dirty[info.st_ino].ranges;
    if (!ranges.empty() && ranges.back().to == from)
        ranges.back().to = from + bytes;
    else
        ranges.push_back({from, from + bytes});
}

void copy_synced(int fd, const struct stat& info) {
    const std::lock_guard lock(mutex);
    const int out = real<int (*)(const char*, int, ...)>("open")(twin(info.st_ino).c_str(), O_CREAT | O_WRONLY, 0600);
    if (out < 0) abort();
    const int in = real<int (*)(const char*, int, ...)>("open")(path_of(fd).c_str(), O_RDONLY);
    std::vector<char> buffer(1 << 20);
    Dirty& state = dirty[info.st_ino];
    for (const Range& range : state.ranges)
        for (off_t at = range.from; at < range.to;) {
            const size_t want = std::min<size_t>(buffer.size(), static_cast<size_t>(range.to - at));
            const ssize_t got =
                real<ssize_t (*)(int, void*, size_t, off_t)>("pread64")(in < 0 ? fd : in, buffer.data(), want, at);
            if (got <= 0) break;
            if (real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite64")(out, buffer.data(),
                                                                               static_cast<size_t>(got), at) != got)
                abort();
            at += got;
        }
    struct stat now;
    fstat(fd, &now);
    if (real<int (*)(int, off_t)>("ftruncate64")(out, now.st_size) != 0) abort();
    state = {};
    if (in >= 0) real<int (*)(int)>("close")(in);
    real<int (*)(int)>("close")(out);
}

void list_names(const std::string& folder) {
    const std::lock_guard lock(mutex);
    std::string name = folder;
    for (char& c : name)
        if (c == '/') c = '%';
    const std::string target = std::string(getenv("FORGET_SHADOW")) + "/names/" + name;
    const std::string temporary = target + ".new";
    FILE* file = fopen(temporary.c_str(), "w");
    DIR* listing = opendir(folder.c_str());
    if (!file || !listing) abort();
    fprintf(file, "%s\n", folder.c_str());
    while (const dirent* entry = readdir(listing)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        fprintf(file, "%c %lu %s\n", entry->d_type == DT_DIR ? 'd' : 'f', static_cast<unsigned long>(entry->d_ino),
                entry->d_name);
    }
    closedir(listing);
    fclose(file);
    if (real<int (*)(const char*, const char*)>("rename")(temporary.c_str(), target.c_str()) != 0) abort();
}

int sync_fd(int fd, const char* call) {
    struct stat info;
    std::string path;
    if (!watched(fd, info, path)) return real<int (*)(int)>(call)(fd);
    if (const char* lie = getenv("FORGET_LIE"); lie && *lie == '1') return 0;
    if (S_ISDIR(info.st_mode))
        list_names(path);
    else
        copy_synced(fd, info);
    return 0;  // the real sync would only make the test slower: what counts is what was asked for
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
    const off_t before = lseek(fd, 0, SEEK_CUR);
    const ssize_t wrote = real<ssize_t (*)(int, const void*, size_t)>("write")(fd, bytes, count);
    if (wrote > 0 && before >= 0) {
        const off_t after = lseek(fd, 0, SEEK_CUR);  // O_APPEND writes at the end, wherever the offset was
        touch(fd, after - wrote, wrote);
    }
    return wrote;
}

ssize_t writev(int fd, const iovec* parts, int count) {
    const off_t before = lseek(fd, 0, SEEK_CUR);
    const ssize_t wrote = real<ssize_t (*)(int, const iovec*, int)>("writev")(fd, parts, count);
    if (wrote > 0 && before >= 0) touch(fd, lseek(fd, 0, SEEK_CUR) - wrote, wrote);
    return wrote;
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t at) {
    const ssize_t wrote = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite")(fd, bytes, count, at);
    touch(fd, at, wrote);
    return wrote;
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off_t at) {
    const ssize_t wrote = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite64")(fd, bytes, count, at);
    touch(fd, at, wrote);
    return wrote;
}

int fsync(int fd) { return sync_fd(fd, "fsync"); }
int fdatasync(int fd) { return sync_fd(fd, "fdatasync"); }
}
