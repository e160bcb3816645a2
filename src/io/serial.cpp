#include "io/serial.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/assert.h"
#include "io/detail/epoll_serial.h"

namespace gongshu::io {

namespace {

bool is_in_dev(const std::string& path) {
    constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:,+@=#/";
    return path.starts_with("/dev/") && path.size() > 5 && path.size() <= 200 && !path.ends_with('/') &&
           path.find("..") == std::string::npos && path.find("//") == std::string::npos &&
           path.find_first_not_of(kAllowed) == std::string::npos;
}

}  // namespace

Result<void> check(const SerialPort& port) {
    if (!is_in_dev(port.path))
        return Error{Code::invalid, "expected a serial port such as /dev/ttyUSB0 or /dev/serial/by-id/…, found \"{}\"",
                     port.path};
    if (std::ranges::find(kBauds, port.baud) == std::end(kBauds))
        return Error{Code::invalid, "expected 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200 baud, found {}",
                     port.baud};
    if (port.data_bits < 7 || port.data_bits > 8)
        return Error{Code::invalid, "expected 7 or 8 data bits, found {}", port.data_bits};
    if (port.stop_bits < 1 || port.stop_bits > 2)
        return Error{Code::invalid, "expected 1 or 2 stop bits, found {}", port.stop_bits};
    return {};
}

std::string to_string(const SerialPort& port) {
    constexpr char kParities[] = {'N', 'E', 'O'};
    return fmt::format("{} {} {}{}{}", port.path, port.baud, port.data_bits,
                       kParities[static_cast<std::size_t>(port.parity)], port.stop_bits);
}

Result<std::unique_ptr<Stream>> open_serial(Loop& loop, const SerialPort& port) {
    ASSERT(loop.in_loop());
    TRY(check(port));
    if (auto* const real = dynamic_cast<detail::EpollLoop*>(&loop)) return detail::open_epoll_serial(*real, port);
    return detail::open_sim_serial(loop, port);
}

Address serial_end(const std::string& path) { return {path, 1}; }

DurationNs byte_time(const SerialPort& port) {
    const int bits = 1 + port.data_bits + (port.parity == Parity::none ? 0 : 1) + port.stop_bits;
    return bits * kSecond / port.baud;
}

DurationNs frame_silence(const SerialPort& port) {
    constexpr std::uint32_t kFast = 19'200;
    constexpr DurationNs kFastSilence = 1'750 * kMicrosecond;
    return port.baud > kFast ? kFastSilence : byte_time(port) * 7 / 2;
}

bool is_console(std::string_view path) {
    std::error_code error;  // a link in /dev/serial/by-id leads to it as well
    const auto canonical = std::filesystem::weakly_canonical(std::filesystem::path(path), error);
    const std::string there = error ? std::string(path) : canonical.string();
    std::ifstream file("/sys/class/tty/console/active");
    for (std::string name; file >> name;)
        if (there == "/dev/" + name) return true;
    return false;
}

}  // namespace gongshu::io
