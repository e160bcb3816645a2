#include "io/named_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/detail/os_error.h"

namespace gongshu::io {

namespace {

class KernelPipe final : public NamedPipe {
public:
    KernelPipe(std::string path, int out, int in) : path_(std::move(path)), out_(out), in_(in) {}
    KernelPipe(const KernelPipe&) = delete;
    KernelPipe& operator=(const KernelPipe&) = delete;
    ~KernelPipe() override {
        ::close(out_);
        ::close(in_);
    }

    const std::string& path() const override { return path_; }
    int descriptor() const override { return in_; }

    Result<std::size_t> read(std::span<std::uint8_t> into, DurationNs timeout) override {
        pollfd wait{out_, POLLIN, 0};
        const auto ms = static_cast<int>(std::clamp<DurationNs>(timeout / kMillisecond, 0, 1'000'000));
        const int ready = ::poll(&wait, 1, ms);
        if (ready == 0 || (ready < 0 && errno == EINTR)) return Error{Code::timeout, "nothing came in time"};
        const auto got = ::read(out_, into.data(), into.size());
        if (got < 0) return detail::os_error(errno, "cannot read what was written to {}", path_);
        return static_cast<std::size_t>(got);
    }

private:
    const std::string path_;
    const int out_, in_;
};

class KernelMemory final : public NamedMemory {
public:
    KernelMemory(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
    KernelMemory(const KernelMemory&) = delete;
    KernelMemory& operator=(const KernelMemory&) = delete;
    ~KernelMemory() override { ::close(descriptor_); }

    const std::string& path() const override { return path_; }
    int descriptor() const override { return descriptor_; }

    Result<void> append(Bytes bytes) override {
        while (!bytes.empty()) {
            const auto written = ::write(descriptor_, bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return detail::os_error(errno, "cannot keep {} in memory", path_);
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        }
        return {};
    }

private:
    const std::string path_;
    const int descriptor_;
};

}  // namespace

Result<std::unique_ptr<NamedMemory>> make_named_memory(std::string path) {
    const int descriptor = ::memfd_create("gongshu", MFD_CLOEXEC);
    if (descriptor < 0) return detail::os_error(errno, "cannot keep {} in memory", path);
    return std::make_unique<KernelMemory>(std::move(path), descriptor);
}

Result<std::unique_ptr<NamedPipe>> make_named_pipe(std::string path) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return detail::os_error(errno, "cannot make a pipe for {}", path);
    return std::make_unique<KernelPipe>(std::move(path), ends[0], ends[1]);
}

}  // namespace gongshu::io
