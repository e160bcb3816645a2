#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "io/brief.h"
#include "io/detail/os_error.h"
#include "io/detail/paths.h"
#include "io/files.h"

namespace gongshu::io {

namespace {

using detail::os_error;

// Repeats a system call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
    for (;;) {
        const auto result = call();
        if (result != -1 || errno != EINTR) return result;
    }
}

// Lives:   as long as the handle; the descriptor is closed with it.
// Threads: read_at() from several at once, all else from one.
// Bounds:  none of its own.
// Disk:    writes go to the page cache; sync() is fdatasync.
class PosixFile final : public File {
public:
    PosixFile(int descriptor, std::string path, std::uint64_t end)
        : descriptor_(descriptor), path_(std::move(path)), end_(end) {}
    PosixFile(const PosixFile&) = delete;
    PosixFile& operator=(const PosixFile&) = delete;
    ~PosixFile() override { ::close(descriptor_); }

    Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const override {
        if (Brief::stands()) return read_at_once(offset, into);
        std::size_t done = 0;
        while (done < into.size()) {
            const auto count = uninterrupted([&] {
                return ::pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
            });
            if (count < 0) return os_error(errno, "cannot read {} at byte {}", path_, offset + done);
            if (count == 0) {
                return Error{Code::corrupt, "{} ends at byte {}, {} bytes were expected at byte {}",
                             path_,         offset + done,
                             into.size(),   offset};
            }
            done += static_cast<std::size_t>(count);
        }
        return {};
    }

    Result<void> append(Bytes bytes) override {
        std::size_t done = 0;
        auto result = write(end_, bytes, done);
        end_ += done;
        return result;
    }

    Result<void> write_at(std::uint64_t offset, Bytes bytes) override {
        std::size_t done = 0;
        auto result = write(offset, bytes, done);
        end_ = std::max<std::uint64_t>(end_, offset + done);
        return result;
    }

    Result<void> sync() override {
        if (uninterrupted([&] { return ::fdatasync(descriptor_); }) != 0)
            return os_error(errno, "cannot sync {}", path_);
        return {};
    }

    Result<void> truncate(std::uint64_t bytes) override {
        if (uninterrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(bytes)); }) != 0) {
            return os_error(errno, "cannot truncate {} to {} bytes", path_, bytes);
        }
        end_ = bytes;
        return {};
    }

    Result<std::uint64_t> size() const override {
        struct stat status{};
        if (::fstat(descriptor_, &status) != 0) return os_error(errno, "cannot tell the size of {}", path_);
        return static_cast<std::uint64_t>(status.st_size);
    }

private:
    // What memory does not hold, or what this file system cannot tell of, has to wait.
    Result<void> read_at_once(std::uint64_t offset, std::span<std::uint8_t> into) const {
        TRY(Brief::spend(into.size()));
        iovec part{into.data(), into.size()};
        const auto count =
            uninterrupted([&] { return ::preadv2(descriptor_, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT); });
        return count == static_cast<ssize_t>(into.size()) ? Result<void>{} : Brief::refuse();
    }
    Result<void> write(std::uint64_t offset, Bytes bytes, std::size_t& done) {
        while (done < bytes.size()) {
            const auto count = uninterrupted([&] {
                return ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(offset + done));
            });
            if (count < 0) return os_error(errno, "cannot write {} at byte {}", path_, offset + done);
            done += static_cast<std::size_t>(count);
        }
        return {};
    }

    const int descriptor_;
    const std::string path_;
    std::uint64_t end_;  // where append() writes
};

int open_flags(Open how) {
    switch (how) {
        case Open::read:
            return O_RDONLY | O_CLOEXEC;
        case Open::create_new:
            return O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
        case Open::append:
        case Open::read_write:
            return O_RDWR | O_CREAT | O_CLOEXEC;
    }
    return O_RDONLY | O_CLOEXEC;
}

// Lives:   as long as anybody who works with files; it has no state.
// Threads: any.
// Bounds:  none.
// Disk:    it is the disk.
class PosixFiles final : public Files {
public:
    Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
        TRY(Brief::refuse());
        const int descriptor = uninterrupted([&] { return ::open(path.c_str(), open_flags(how), 0640); });
        if (descriptor < 0) return os_error(errno, "cannot open {}", path);
        struct stat status{};
        int number = ::fstat(descriptor, &status) == 0 ? 0 : errno;
        if (number == 0 && S_ISDIR(status.st_mode)) number = EISDIR;
        if (number != 0) {
            ::close(descriptor);
            return os_error(number, "cannot open {}", path);
        }
        return std::make_unique<PosixFile>(descriptor, path, static_cast<std::uint64_t>(status.st_size));
    }

    Result<void> rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0) return os_error(errno, "cannot rename {} to {}", from, to);
        return {};
    }

    Result<void> remove(const std::string& path) override {
        if (::unlink(path.c_str()) == 0) return {};
        const int number = errno;
        if (number == EISDIR && ::rmdir(path.c_str()) == 0) return {};
        return os_error(number == EISDIR ? errno : number, "cannot remove {}", path);
    }

    Result<bool> exists(const std::string& path) override {
        struct stat status{};
        if (::stat(path.c_str(), &status) == 0) return true;
        if (errno == ENOENT || errno == ENOTDIR) return false;
        return os_error(errno, "cannot look for {}", path);
    }

    Result<std::vector<std::string>> list(const std::string& folder) override {
        const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
        if (!entries) return os_error(errno, "cannot list {}", folder);
        std::vector<std::string> names;
        for (;;) {
            errno = 0;
            const dirent* const entry = ::readdir(entries.get());
            if (entry == nullptr) break;
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") names.emplace_back(name);
        }
        if (errno != 0) return os_error(errno, "cannot list {}", folder);
        std::sort(names.begin(), names.end());
        return names;
    }

    Result<void> make_folder(const std::string& path, unsigned mode) override {
        struct stat status{};
        if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
        const auto parent = detail::parent_of(path);
        if (parent != path) TRY(make_folder(parent, 0750));
        if (::mkdir(path.c_str(), mode) == 0) return sync_folder(parent);
        const int number = errno;
        if (number == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};  // a race
        return os_error(number, "cannot make the folder {}", path);
    }

    Result<void> sync_folder(const std::string& path) override {
        const int descriptor = uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
        if (descriptor < 0) return os_error(errno, "cannot sync the folder {}", path);
        int number = uninterrupted([&] { return ::fsync(descriptor); }) == 0 ? 0 : errno;
        ::close(descriptor);
        if (number != 0) return os_error(number, "cannot sync the folder {}", path);
        return {};
    }

    Result<DiskSpace> space(const std::string& path) override {
        struct statvfs status{};
        if (uninterrupted([&] { return ::statvfs(path.c_str(), &status); }) != 0) {
            return os_error(errno, "cannot tell the free space of {}", path);
        }
        return DiskSpace{status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize};
    }

    Result<std::unique_ptr<File>> lock_folder(const std::string& path) override {
        auto file = TRY(lock_file(path + "/" + detail::kLockName, path));
        TRY(file->truncate(0));
        TRY(file->append(as_bytes(std::to_string(::getpid()) + "\n")));  // for the message to whoever comes second
        return file;
    }

    Result<void> set_mode(const std::string& path, unsigned mode) override {
        if (::chmod(path.c_str(), mode) != 0) return os_error(errno, "cannot set the mode of {} to {:o}", path, mode);
        return {};
    }

    Result<void> link(const std::string& from, const std::string& to) override {
        if (::link(from.c_str(), to.c_str()) == 0) return {};
        const int number = errno;
        if (number == EXDEV) return Error{Code::conflict, "cannot link {} as {}: they lie on two disks", from, to};
        // EPERM: the file system knows no links, a folder, or the system forbids them for files of somebody else.
        if (number == EPERM || number == EOPNOTSUPP || number == ENOSYS || number == EMLINK)
            return Files::link(from, to);
        return os_error(number, "cannot link {} as {}", from, to);
    }

    Result<std::uint64_t> names_of(const std::string& path) override {
        struct stat status{};
        if (::lstat(path.c_str(), &status) != 0) return os_error(errno, "cannot look for {}", path);
        return std::uint64_t{status.st_nlink};
    }

    Result<void> exchange(const std::string& one, const std::string& other) override {
        if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0) return {};
        if (errno == EINVAL || errno == ENOSYS) return Files::exchange(one, other);
        return os_error(errno, "cannot exchange {} and {}", one, other);
    }

    Result<std::string> real_path(const std::string& path) override {
        const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
        if (real) return std::string(real.get());
        if (errno == ENOENT) return path;
        return os_error(errno, "cannot look for {}", path);
    }

private:
    static Result<std::unique_ptr<File>> lock_file(const std::string& path, const std::string& folder) {
        const int descriptor = uninterrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640); });
        if (descriptor < 0) return os_error(errno, "cannot lock the folder {}", folder);
        auto file = std::make_unique<PosixFile>(descriptor, path, 0);
        if (uninterrupted([&] { return ::flock(descriptor, LOCK_EX | LOCK_NB); }) == 0) return file;
        if (errno != EWOULDBLOCK) return os_error(errno, "cannot lock the folder {}", folder);
        char holder[32] = {};
        const auto count = ::pread(descriptor, holder, sizeof holder - 1, 0);
        const std::string_view text(holder, count > 0 ? static_cast<std::size_t>(count) : 0);
        return Error{Code::unavailable, "the folder {} is in use by process {}; stop it or name another folder", folder,
                     text.substr(0, text.find('\n'))};
    }
};

}  // namespace

std::unique_ptr<Files> make_posix_files() { return std::make_unique<PosixFiles>(); }

}  // namespace gongshu::io
