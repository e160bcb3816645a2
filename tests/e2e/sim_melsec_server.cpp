// A simulated Mitsubishi PLC as a program, for clients of others: sim_melsec_server tcp|udp|line 3E|4E|1E
// binary|ascii FAMILY. It prints {"port":N}; `line` is the programming port on standard input and output instead. Its
// memory: D0 … D999 are their number times 3, X17 and every third of M0 … M299 are on, TN5 is 500, CN5 is 55, CN220 is
// 12345678, D500 … D501 the float 25.5; all other things are 0.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string_view>

#include "connect/sim_melsec.h"

using namespace gongshu;
using namespace gongshu::connect;

namespace {

void fill(SimMelsecCpu& cpu) {
    using wire::melsec::DeviceCode;
    for (std::uint32_t i = 0; i < 1000; ++i) cpu.word({DeviceCode::D, i}) = static_cast<std::uint16_t>(i * 3);
    for (std::uint32_t i = 0; i < 300; i += 3) cpu.relay({DeviceCode::M, i}) = true;
    cpu.relay("X17") = true;
    cpu.word("TN5") = 500;
    cpu.word("CN5") = 55;
    cpu.word({DeviceCode::D, 500}) = 0x0000;
    cpu.word({DeviceCode::D, 501}) = 0x41cc;
    cpu.word({DeviceCode::CN, 220}, 0) = 0x614e;
    cpu.word({DeviceCode::CN, 220}, 1) = 0x00bc;
    const bool fx = cpu.family == wire::melsec::Family::fx || cpu.family == wire::melsec::Family::fx3;
    if (fx) cpu.word("D8001") = 24300;
    if (fx) cpu.model_code = 0xf3;
}

int say_port(unsigned port) {
    std::printf("{\"port\":%u}\n", port);
    return std::fflush(stdout);
}

int serve_tcp(const wire::mc::Link& link) {
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    SimMelsec plc{*loop, {"127.0.0.1", 0}, link};
    fill(plc.cpu);
    say_port(plc.address().port);
    loop->run();
    return 0;
}

// One datagram is one frame.
int serve_udp(const wire::mc::Link& link) {
    const int socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in own{}, peer{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof own;
    if (bind(socket_fd, reinterpret_cast<sockaddr*>(&own), bytes) != 0) return 1;
    if (getsockname(socket_fd, reinterpret_cast<sockaddr*>(&own), &bytes) != 0) return 1;
    say_port(ntohs(own.sin_port));
    SimMelsecCpu cpu{link.family};
    fill(cpu);
    for (std::uint8_t datagram[16384];;) {
        bytes = sizeof peer;
        const ssize_t got =
            recvfrom(socket_fd, datagram, sizeof datagram, 0, reinterpret_cast<sockaddr*>(&peer), &bytes);
        if (got < 0) return 1;
        wire::mc::FrameDecoder decoder{link, wire::mc::FrameDecoder::Side::server};
        (void)decoder.feed({datagram, static_cast<std::size_t>(got)}, [&](const wire::mc::Message& message) {
            const Buffer answer = cpu.answer(link, message);
            return sendto(socket_fd, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&peer), bytes) > 0;
        });
    }
}

int serve_line(wire::melsec::Family family) {
    SimMelsecCpu cpu{family};
    fill(cpu);
    wire::fx::Decoder decoder;
    for (std::uint8_t bytes[256];;) {
        const ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
        if (got <= 0) return 0;
        const auto fed =
            decoder.feed({bytes, static_cast<std::size_t>(got)}, [&](const wire::fx::Decoder::Piece& piece) {
                const Buffer answer = cpu.answer(piece);
                if (write(STDOUT_FILENO, answer.data(), answer.size()) < 0) std::perror("write");
            });
        const std::uint8_t nak = wire::fx::kNak;
        if (!fed && write(STDOUT_FILENO, &nak, 1) < 0) std::perror("write");
    }
}

}  // namespace

int main(int count, char** values) {
    if (count != 5) return std::fprintf(stderr, "sim_melsec_server tcp|udp|line FRAME CODING FAMILY\n"), 2;
    const auto frame = wire::mc::parse_frame(values[2]);
    const auto family = wire::melsec::parse_family(values[4]);
    if (!frame || !family) return std::fprintf(stderr, "unknown frame or family\n"), 2;
    const bool ascii = std::string_view{values[3]} == "ascii";
    const wire::mc::Link link{*frame, ascii ? wire::mc::Coding::ascii : wire::mc::Coding::binary, *family, {}, 16};
    const std::string_view way = values[1];
    return way == "tcp" ? serve_tcp(link) : way == "udp" ? serve_udp(link) : serve_line(*family);
}
