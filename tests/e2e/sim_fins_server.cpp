// A simulated Omron PLC as a program, for clients of others and for the driver: sim_fins_server tcp|udp. It prints {"port":N}. Its
// memory: D0 … D999 are their number times 3, every third bit of W0 … W19 is on, CIO10 is 0x0021, H5 is 77, A448 is 9,
// E0_100 is 1234, T5 is 500 and its flag on, C5 is 55, D500 … D501 the float 25.5; all other things are 0. D9000 is missing.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "connect/sim_fins.h"

using namespace gongshu;
using namespace gongshu::connect;

namespace {

void fill(SimFinsCpu& cpu) {
    using wire::fins::Area;
    for (std::uint16_t i = 0; i < 1000; ++i) cpu.words[{Area::d, 0, i}] = static_cast<std::uint16_t>(i * 3);
    for (unsigned i = 0; i < 320; i += 3) cpu.set_bit({Area::w, 0, static_cast<std::uint16_t>(i / 16)}, i % 16, true);
    cpu.word("CIO10") = 0x0021;
    cpu.word("H5") = 77;
    cpu.word("A448") = 9;
    cpu.word("E0_100") = 1234;
    cpu.word("T5") = 500;
    cpu.flags.insert(SimFinsCpu::place("T5"));
    cpu.word("C5") = 55;
    cpu.word("D500") = 0x0000;
    cpu.word("D501") = 0x41cc;
    cpu.missing.insert(SimFinsCpu::place("D9000"));
}

int say_port(unsigned port) {
    std::printf("{\"port\":%u}\n", port);
    return std::fflush(stdout);
}

int serve_tcp() {
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    SimFins plc{*loop, {"127.0.0.1", 0}};
    fill(plc.cpu);
    say_port(plc.address().port);
    loop->run();
    return 0;
}

// One datagram is one frame.
int serve_udp() {
    const int socket_fd = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in own{}, peer{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof own;
    if (bind(socket_fd, reinterpret_cast<sockaddr*>(&own), bytes) != 0) return 1;
    if (getsockname(socket_fd, reinterpret_cast<sockaddr*>(&own), &bytes) != 0) return 1;
    say_port(ntohs(own.sin_port));
    SimFinsCpu cpu;
    fill(cpu);
    for (std::uint8_t datagram[4096];;) {
        bytes = sizeof peer;
        const ssize_t got = recvfrom(socket_fd, datagram, sizeof datagram, 0, reinterpret_cast<sockaddr*>(&peer), &bytes);
        if (got < 0) return 1;
        const Bytes frame{datagram, static_cast<std::size_t>(got)};
        if (!wire::fins::decode_header(frame)) continue;
        const Buffer answer = cpu.answer(frame);
        if (sendto(socket_fd, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&peer), bytes) < 0) return 1;
    }
}

}  // namespace

int main(int count, char** values) {
    if (count != 2) return std::fprintf(stderr, "sim_fins_server tcp|udp\n"), 2;
    return std::string_view{values[1]} == "tcp" ? serve_tcp() : serve_udp();
}
