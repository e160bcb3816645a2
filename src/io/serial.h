#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace gongshu::io {

class Loop;
class Stream;
struct Address;

enum class Parity : std::uint8_t { none, even, odd };

// A serial port of this machine and how its line is set up: 9600 8N1.
struct SerialPort {
    std::string path;            // "/dev/ttyUSB0"
    std::uint32_t baud = 9600;   // one of kBauds
    std::uint8_t data_bits = 8;  // 7 or 8
    Parity parity = Parity::none;
    std::uint8_t stop_bits = 1;  // 1 or 2
    friend bool operator==(const SerialPort&, const SerialPort&) = default;
};

inline constexpr std::uint32_t kBauds[] = {1'200, 2'400, 4'800, 9'600, 19'200, 38'400, 57'600, 115'200};
// Code::invalid for a speed, bits or a path that cannot be, with what may be.
Result<void> check(const SerialPort& port);
// "/dev/ttyUSB0 9600 8N1"
std::string to_string(const SerialPort& port);

// How long one byte takes on the line, with its start, parity and stop bits.
DurationNs byte_time(const SerialPort& port);
// The silence that ends a frame and has to go before the next: 3.5 characters, 1.75 ms above 19,200 baud.
DurationNs frame_silence(const SerialPort& port);

// Whether the kernel has its console there: what is written reaches whoever maintains this machine.
bool is_console(std::string_view path);

// Opens a serial port of this machine on `loop`, whose streams it is like, for this stream alone; other opens of it are
// refused meanwhile. Its bytes come as they arrive; on_closed tells that its adapter was unplugged; close() drops what
// has not left yet. Returns at once. Code::not_found, Code::io (rights), Code::unavailable (in use), Code::invalid (its
// line cannot be set so). The loop's thread.
Result<std::unique_ptr<Stream>> open_serial(Loop& loop, const SerialPort& port);

// Where a simulated device listens to be found at a serial port of a simulated loop: its far end. While nobody listens
// there, no such port is there; cutting it is pulling the plug.
Address serial_end(const std::string& path);

}  // namespace gongshu::io
