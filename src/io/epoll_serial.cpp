#include "io/detail/epoll_serial.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/assert.h"
#include "io/detail/os_error.h"

namespace gongshu::io::detail {

namespace {

// A descriptor until somebody takes it.
class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const { return number_; }
    int take() { return std::exchange(number_, -1); }

private:
    int number_;
};

// An open serial port. Its handle is the Stream that the user owns.
// Lives:   until closed by either side: close() drops what has not left yet, because the system would wait for it.
// Threads: the loop's.
// Bounds:  send_bytes_max of output, then it is closed with Code::limit; input is not kept.
// Disk:    none.
class SerialConnection final : public Watcher, public std::enable_shared_from_this<SerialConnection> {
public:
    SerialConnection(EpollLoop& loop, int descriptor, std::string path)
        : loop_(&loop), descriptor_(descriptor), path_(std::move(path)) {}
    SerialConnection(const SerialConnection&) = delete;
    SerialConnection& operator=(const SerialConnection&) = delete;
    ~SerialConnection() override { shut(); }

    void begin() { id_ = loop_->add(shared_from_this()); }

    void start(Stream::Events events) {
        if (descriptor_ < 0) return;
        ASSERT(loop_->in_loop());
        events_ = std::make_shared<const Stream::Events>(std::move(events));
        update_interest();
    }

    void send(Bytes bytes) {
        if (descriptor_ < 0 || failing_ || bytes.empty()) return;
        ASSERT(loop_->in_loop());
        if (out_.size() + bytes.size() > send_bytes_max_)
            failing_ = true;
        else
            out_.insert(out_.end(), bytes.begin(), bytes.end());
        if (std::exchange(flushing_, true)) return;
        loop_->post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->flush();
        });
    }

    void pause_reading(bool paused) {
        paused_ = paused;
        if (descriptor_ >= 0) update_interest();
    }

    void close() {
        if (descriptor_ < 0) return;
        ASSERT(loop_->in_loop());
        shut();
    }

    std::size_t unsent_bytes() const { return out_.size(); }
    void set_send_bytes_max(std::size_t bytes) { send_bytes_max_ = bytes; }
    const std::string& path() const { return path_; }

    void on_ready(std::uint32_t events) override {
        const auto self = shared_from_this();
        if ((events & EPOLLIN) != 0 && events_ != nullptr && !paused_) return read();
        if ((events & EPOLLOUT) != 0) {
            blocked_ = false;
            return flush();
        }
        if ((events & (EPOLLERR | EPOLLHUP)) != 0) fail(gone());
    }

    void abandon() override {
        shut();
        loop_ = nullptr;
    }

private:
    Error gone() const {
        return Error{Code::unavailable, "the serial port {} has gone: was its adapter unplugged?", path_};
    }

    void read() {
        const auto scratch = loop_->scratch();
        const auto count = ::read(descriptor_, scratch.data(), scratch.size());
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0) return fail(gone());
        const auto events = events_;  // the callback may replace or destroy them
        if (events->on_data) events->on_data(scratch.first(static_cast<std::size_t>(count)));
    }

    void flush() {
        flushing_ = false;
        if (descriptor_ < 0) return;
        if (failing_)
            return fail(Error{Code::limit,
                              "closed because the serial port {} sends too slowly: more than {} bytes wait", path_,
                              send_bytes_max_});
        while (!out_.empty()) {
            const auto count = ::write(descriptor_, out_.data(), out_.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0 && errno == EAGAIN) break;
            if (count < 0) return fail(gone());
            out_.erase(out_.begin(), out_.begin() + count);
        }
        blocked_ = !out_.empty();
        update_interest();
        const auto events = events_;
        if (!blocked_ && events && events->on_drained) events->on_drained();
    }

    void update_interest() {
        const std::uint32_t wanted =
            (events_ != nullptr && !paused_ ? EPOLLIN : 0u) | (blocked_ ? static_cast<std::uint32_t>(EPOLLOUT) : 0u);
        if (interest_ == wanted) return;
        loop_->watch(descriptor_, id_, wanted, interest_.has_value());
        interest_ = wanted;
    }

    void fail(const Error& error) {
        const auto self = shared_from_this();
        const auto events = std::exchange(events_, nullptr);
        shut();
        if (events && events->on_closed) events->on_closed(error);
    }

    void shut() {
        if (descriptor_ < 0) return;
        ::tcflush(descriptor_, TCIOFLUSH);  // else close() waits for what has not left
        ::close(std::exchange(descriptor_, -1));
        out_.clear();
        events_.reset();
        if (id_ != 0) loop_->remove(id_);
    }

    EpollLoop* loop_;
    int descriptor_;
    const std::string path_;
    std::uint64_t id_ = 0;
    std::shared_ptr<const Stream::Events> events_;
    std::optional<std::uint32_t> interest_;
    Buffer out_;
    std::size_t send_bytes_max_ = Stream::kSendBytesMax;
    bool paused_ = false, blocked_ = false, flushing_ = false, failing_ = false;
};

class SerialStream final : public Stream {
public:
    explicit SerialStream(std::shared_ptr<SerialConnection> connection) : connection_(std::move(connection)) {}
    SerialStream(const SerialStream&) = delete;
    SerialStream& operator=(const SerialStream&) = delete;
    ~SerialStream() override { connection_->close(); }

    void start(Events events) override { connection_->start(std::move(events)); }
    void send(Bytes bytes) override { connection_->send(bytes); }
    std::size_t unsent_bytes() const override { return connection_->unsent_bytes(); }
    void set_send_bytes_max(std::size_t bytes) override { connection_->set_send_bytes_max(bytes); }
    void pause_reading(bool paused) override { connection_->pause_reading(paused); }
    void close() override { connection_->close(); }
    Address peer() const override { return {connection_->path(), 0}; }
    bool secure() const override { return false; }

private:
    const std::shared_ptr<SerialConnection> connection_;
};

speed_t speed_of(std::uint32_t baud) {
    static constexpr std::pair<std::uint32_t, speed_t> kSpeeds[] = {
        {1'200, B1200},   {2'400, B2400},   {4'800, B4800},   {9'600, B9600},
        {19'200, B19200}, {38'400, B38400}, {57'600, B57600}, {115'200, B115200}};
    for (const auto& [number, speed] : kSpeeds)
        if (number == baud) return speed;
    assert_failed("a speed that check() lets pass", __FILE__, __LINE__);
}

void set_line(termios& line, const SerialPort& port) {
    ::cfmakeraw(&line);
    // What another program may have left there: marks for parity, stopping by XOFF.
    line.c_cflag &= ~static_cast<tcflag_t>(CSIZE | PARENB | PARODD | CMSPAR | CSTOPB | CRTSCTS);
    line.c_iflag &= ~static_cast<tcflag_t>(IXOFF | IXANY | IGNPAR | INPCK);
    line.c_cflag |= CLOCAL | CREAD | (port.data_bits == 7 ? CS7 : CS8);
    if (port.parity != Parity::none) line.c_cflag |= PARENB;
    if (port.parity == Parity::odd) line.c_cflag |= PARODD;
    if (port.stop_bits == 2) line.c_cflag |= CSTOPB;
    // A byte of the wrong parity comes as 0, and the frame's checksum fails.
    if (port.parity != Parity::none) line.c_iflag |= INPCK;
    line.c_cc[VMIN] = 1;
    line.c_cc[VTIME] = 0;
    ::cfsetispeed(&line, speed_of(port.baud));
    ::cfsetospeed(&line, speed_of(port.baud));
}

// tcsetattr() is content if it could do any of what was asked.
Result<void> set_up(int descriptor, const SerialPort& port) {
    termios line{};
    if (::tcgetattr(descriptor, &line) != 0) return os_error(errno, "cannot set up the serial port {}", port.path);
    set_line(line, port);
    if (::tcsetattr(descriptor, TCSANOW, &line) != 0)
        return os_error(errno, "cannot set up the serial port {}", to_string(port));
    termios now{};
    ::tcgetattr(descriptor, &now);
    constexpr tcflag_t kBits = CSIZE | PARENB | PARODD | CMSPAR | CSTOPB;
    const bool pseudo = port.path.starts_with("/dev/pts/");  // has no line, and takes eight bits without parity only
    const bool same = ::cfgetospeed(&now) == ::cfgetospeed(&line) && (now.c_cflag & kBits) == (line.c_cflag & kBits);
    if (!same && !pseudo)
        return Error{Code::invalid, "the serial port {} cannot be set to {}: its driver takes another speed or format",
                     port.path, to_string(port)};
    ::tcflush(descriptor, TCIOFLUSH);
    return {};
}

Error cannot_open(int number, const std::string& path) {
    const std::string reason = std::generic_category().message(number);
    if (number == ENOENT || number == ENXIO || number == ENODEV || number == EIO)
        return Error{Code::not_found, "cannot open the serial port {}: {}; is it there, and its adapter plugged in?",
                     path, reason};
    if (number == EACCES)
        return Error{Code::io,
                     "cannot open the serial port {}: {}; the server's user has to be in the group of the port, mostly "
                     "dialout",
                     path, reason};
    if (number == EBUSY)
        return Error{Code::unavailable, "the serial port {} is used by another connection or program", path};
    return os_error(number, "cannot open the serial port {}", path);
}

}  // namespace

Result<std::unique_ptr<Stream>> open_epoll_serial(EpollLoop& loop, const SerialPort& port) {
    // Without O_NONBLOCK it would wait for a modem's carrier.
    Descriptor descriptor(::open(port.path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (descriptor.get() < 0) return cannot_open(errno, port.path);
    if (::isatty(descriptor.get()) == 0) return Error{Code::invalid, "{} is no serial port", port.path};
    // TIOCEXCL keeps other programs out, the lock those that may do everything, and this program's other connections.
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0)
        return Error{Code::unavailable, "the serial port {} is used by another connection or program", port.path};
    ::ioctl(descriptor.get(), TIOCEXCL);
    TRY(set_up(descriptor.get(), port));
    auto connection = std::make_shared<SerialConnection>(loop, descriptor.take(), port.path);
    connection->begin();
    return std::make_unique<SerialStream>(std::move(connection));
}

}  // namespace gongshu::io::detail
