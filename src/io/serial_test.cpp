#include "io/serial.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "io/detail/test_place.h"
#include "io/loop.h"

namespace gongshu::io {
namespace {

// A pseudo terminal whose far end the test holds; tests write and read there as a device would.
class Pty {
public:
    Pty() {
        char name[128] = {};
        EXPECT_EQ(::openpty(&far_, &near_, name, nullptr, nullptr), 0);
        path_ = name;
        ::fcntl(far_, F_SETFL, O_NONBLOCK);
        // Somebody has to have it open, or the far end sees a hang-up before the loop opens it.
        termios raw{};
        ::tcgetattr(near_, &raw);
        ::cfmakeraw(&raw);
        ::tcsetattr(near_, TCSANOW, &raw);
    }
    Pty(const Pty&) = delete;
    Pty& operator=(const Pty&) = delete;
    ~Pty() { unplug(); }

    void unplug() {
        for (int* descriptor : {&near_, &far_})
            if (*descriptor >= 0) ::close(std::exchange(*descriptor, -1));
    }
    void write(std::string_view text) {
        EXPECT_EQ(::write(far_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    std::string read() {
        char bytes[4096];
        const auto count = ::read(far_, bytes, sizeof bytes);
        return count > 0 ? std::string(bytes, static_cast<std::size_t>(count)) : "";
    }
    termios line() const {
        termios line{};
        ::tcgetattr(far_, &line);
        return line;
    }
    const std::string& path() const { return path_; }

private:
    int far_ = -1, near_ = -1;
    std::string path_;
};

TEST(Serial, PortsThatCanBe) {
    auto f = [](const std::string& path, std::uint32_t baud, std::uint8_t data, std::uint8_t stop, const char* want) {
        const auto checked = check(SerialPort{path, baud, data, Parity::even, stop});
        EXPECT_EQ(checked ? "" : checked.error().text(), want) << path;
    };
    f("/dev/ttyUSB0", 9600, 8, 1, "");
    f("/dev/ttyS1", 1200, 7, 2, "");
    f("/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0", 115'200, 8, 1, "");
    f("/dev/pts/3", 19'200, 8, 1, "");
    for (const char* path : {"", "/dev/", "/dev", "ttyS0", "/etc/passwd", "/dev/../etc/passwd", "/dev//sda",
                             "/dev/tty S0", "/dev/serial/"})
        f(path, 9600, 8, 1,
          fmt::format("expected a serial port such as /dev/ttyUSB0 or /dev/serial/by-id/…, found \"{}\"", path)
              .c_str());
    f("/dev/ttyS0", 9601, 8, 1, "expected 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200 baud, found 9601");
    f("/dev/ttyS0", 9600, 6, 1, "expected 7 or 8 data bits, found 6");
    f("/dev/ttyS0", 9600, 8, 3, "expected 1 or 2 stop bits, found 3");
}

TEST(Serial, TimesOnTheLine) {
    auto f = [](std::uint32_t baud, Parity parity, std::uint8_t stop, double byte_us, double silence_us,
                const char* text) {
        const SerialPort port{"/dev/ttyS0", baud, 8, parity, stop};
        EXPECT_NEAR(static_cast<double>(byte_time(port)) / kMicrosecond, byte_us, 1) << baud;
        EXPECT_NEAR(static_cast<double>(frame_silence(port)) / kMicrosecond, silence_us, 3) << baud;
        EXPECT_EQ(to_string(port), text);
    };
    f(1'200, Parity::even, 1, 9'167, 32'083, "/dev/ttyS0 1200 8E1");
    f(9'600, Parity::none, 1, 1'042, 3'646, "/dev/ttyS0 9600 8N1");
    f(19'200, Parity::odd, 1, 573, 2'005, "/dev/ttyS0 19200 8O1");
    f(115'200, Parity::none, 2, 95, 1'750, "/dev/ttyS0 115200 8N2");
}

class SerialTest : public testing::Test {
protected:
    void TearDown() override {
        place.in([this] { stream.reset(); });
    }
    Result<void> open(SerialPort port) {
        Result<void> opened;
        place.in([&] {
            auto made = open_serial(place.loop(), port);
            if (!made) {
                opened = std::move(made).error();
                return;
            }
            stream = std::move(*made);
            Stream::Events events;
            events.on_data = [this](Bytes bytes) { received += as_text(bytes); };
            events.on_closed = [this](const Error& error) { closed = error.text(); };
            stream->start(std::move(events));
        });
        return opened;
    }

    RealPlace place;
    std::unique_ptr<Stream> stream;
    std::string received, closed;
};

TEST_F(SerialTest, CarriesBytesBothWays) {
    Pty pty;
    ASSERT_TRUE(open({pty.path()}));
    EXPECT_EQ(stream->peer().host, pty.path());
    pty.write("\r\n\x11\x13\x7f\x03 as they are");
    EXPECT_TRUE(place.until([&] { return received == "\r\n\x11\x13\x7f\x03 as they are"; }));
    std::string sent;
    place.in([&] {
        stream->send(as_bytes("one"));
        stream->send(as_bytes("\ntwo"));
    });
    EXPECT_TRUE(place.until([&] {
        sent += pty.read();
        return sent == "one\ntwo";
    }));
}

TEST_F(SerialTest, SetsTheLineUp) {
    for (const std::uint32_t baud : kBauds) {
        Pty pty;
        ASSERT_TRUE(open({pty.path(), baud})) << baud;
        static constexpr speed_t kSpeeds[] = {B1200, B2400, B4800, B9600, B19200, B38400, B57600, B115200};
        const termios line = pty.line();
        EXPECT_EQ(::cfgetospeed(&line), kSpeeds[std::ranges::find(kBauds, baud) - std::begin(kBauds)]);
        EXPECT_EQ(line.c_lflag & (ICANON | ECHO | ISIG), 0u);
        EXPECT_EQ(line.c_iflag & (IXON | ICRNL), 0u);
        place.in([this] { stream.reset(); });
    }
}

TEST_F(SerialTest, IsForOneAlone) {
    Pty pty;
    ASSERT_TRUE(open({pty.path()}));
    place.in([&] {
        const auto second = open_serial(place.loop(), {pty.path()});
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code(), Code::unavailable) << second.error().text();
        stream->close();
        EXPECT_TRUE(open_serial(place.loop(), {pty.path()})) << "free again at once";
    });
}

TEST_F(SerialTest, TellsThatItHasGone) {
    Pty pty;
    ASSERT_TRUE(open({pty.path()}));
    pty.unplug();
    EXPECT_TRUE(place.until([&] { return !closed.empty(); }));
    EXPECT_EQ(closed, "the serial port " + pty.path() + " has gone: was its adapter unplugged?");
    const auto again = open({pty.path()});
    ASSERT_FALSE(again);
    EXPECT_NE(again.error().text().find("plugged in"), std::string::npos) << again.error().text();
}

TEST_F(SerialTest, RefusesWhatIsNone) {
    EXPECT_EQ(open({"/dev/null"}).error().text(), "/dev/null is no serial port");
    EXPECT_EQ(open({"/dev/ttyUSB987"}).error().code(), Code::not_found);
    EXPECT_EQ(open({"/etc/passwd"}).error().code(), Code::invalid);
}

TEST_F(SerialTest, AFarEndThatTakesNothingCannotFillMemory) {
    Pty pty;
    ASSERT_TRUE(open({pty.path()}));
    place.in([&] {
        stream->set_send_bytes_max(10'000);
        stream->send(Buffer(9'000, 'x'));
        stream->send(Buffer(9'000, 'x'));
    });
    EXPECT_TRUE(place.until([&] { return !closed.empty(); }));
    EXPECT_NE(closed.find("sends too slowly"), std::string::npos) << closed;
}

// The simulated one keeps to the same: at once, for one alone, gone when it is cut.
TEST(SimSerial, IsAPortOfTheSimulatedMachine) {
    SimPlace place;
    const SerialPort port{"/dev/ttyUSB0"};
    EXPECT_EQ(open_serial(place.loop(), port).error().code(), Code::not_found);
    std::unique_ptr<Stream> device;
    std::string received, closed;
    const auto listener = place.loop().listen(serial_end(port.path), {}, [&](std::unique_ptr<Stream> stream) {
        device = std::move(stream);
        device->start({[&](Bytes bytes) { device->send(bytes); }, {}, {}});
    });
    ASSERT_TRUE(listener);
    auto stream = open_serial(place.loop(), port);
    ASSERT_TRUE(stream) << stream.error().text();
    (*stream)->start(
        {[&](Bytes bytes) { received += as_text(bytes); }, [&](const Error& error) { closed = error.text(); }, {}});
    EXPECT_EQ(open_serial(place.loop(), port).error().code(), Code::unavailable);
    (*stream)->send(as_bytes("echo"));
    EXPECT_TRUE(place.until([&] { return received == "echo"; }));
    place.world().cut(serial_end(port.path), false);
    EXPECT_TRUE(place.until([&] { return !closed.empty(); }));
    EXPECT_EQ(open_serial(place.loop(), port).error().code(), Code::not_found);
    place.world().heal(serial_end(port.path));
    EXPECT_TRUE(open_serial(place.loop(), port));
}

}  // namespace
}  // namespace gongshu::io
