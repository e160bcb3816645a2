#include "io/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/detail/os_error.h"

namespace gongshu::io {

namespace {

class SocketChannel final : public Channel {
public:
    explicit SocketChannel(int descriptor) : descriptor_(descriptor) {}
    SocketChannel(const SocketChannel&) = delete;
    SocketChannel& operator=(const SocketChannel&) = delete;
    ~SocketChannel() override { ::close(descriptor_); }

    Result<void> write(Bytes bytes) override {
        while (!bytes.empty()) {
            const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) continue;
            if (sent < 0) return Error{Code::unavailable, "the other process is gone"};
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
        }
        return {};
    }

    Result<std::size_t> read(std::span<std::uint8_t> into, DurationNs timeout) override {
        if (timeout > 0) {
            pollfd wait{descriptor_, POLLIN, 0};
            const auto ms = static_cast<int>(std::clamp<DurationNs>(timeout / kMillisecond, 1, 1'000'000));
            const int ready = ::poll(&wait, 1, ms);
            if (ready == 0 || (ready < 0 && errno == EINTR)) return Error{Code::timeout, "nothing came in time"};
        }
        for (;;) {
            const auto got = ::recv(descriptor_, into.data(), into.size(), 0);
            if (got >= 0) return static_cast<std::size_t>(got);
            if (errno == ECONNRESET) return std::size_t{0};
            if (errno != EINTR) return detail::os_error(errno, "cannot read from the other process");
        }
    }

    void end() override { ::shutdown(descriptor_, SHUT_RDWR); }

private:
    const int descriptor_;
};

}  // namespace

Result<Child> start_child(const std::vector<std::string>& arguments) {
    std::vector<std::string> whole{TRY(own_program())};
    whole.insert(whole.end(), arguments.begin(), arguments.end());
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return detail::os_error(errno, "cannot make a channel to {}", whole[0]);
    auto ours = std::make_unique<SocketChannel>(ends[0]);
    const SocketChannel theirs{ends[1]};  // closed here once the child has it
    auto process = TRY(spawn(whole, "/dev/null", ends[1]));
    return Child{std::move(process), std::move(ours)};
}

Result<std::unique_ptr<Channel>> inherited_channel() {
    struct stat about {};
    if (::fstat(kChannelDescriptor, &about) != 0 || !S_ISSOCK(about.st_mode))
        return Error{Code::invalid, "this is started by the server, not by hand"};
    return std::make_unique<SocketChannel>(kChannelDescriptor);
}

}  // namespace gongshu::io
