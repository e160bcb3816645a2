#include "io/detail/sockets.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstring>

#include "io/detail/os_error.h"

namespace gongshu::io::detail {

Result<std::vector<SocketAddress>> resolve(const Address& address, bool numeric) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0);
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
    if (error != 0) {
        return Error{numeric ? Code::not_found : Code::unavailable, "cannot find the host {}: {}", address.host,
                     ::gai_strerror(error)};
    }
    std::vector<SocketAddress> found;
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        SocketAddress socket_address;
        std::memcpy(&socket_address.storage, entry->ai_addr, entry->ai_addrlen);
        socket_address.size = entry->ai_addrlen;
        found.push_back(socket_address);
    }
    ::freeaddrinfo(list);
    return found;
}

Address to_address(const SocketAddress& address) {
    char host[NI_MAXHOST] = {};
    char port[NI_MAXSERV] = {};
    if (::getnameinfo(address.get(), address.size, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return Address{};
    }
    return Address{host, static_cast<std::uint16_t>(std::strtoul(port, nullptr, 10))};
}

Address local_address(int descriptor) {
    SocketAddress address;
    address.size = sizeof address.storage;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) return Address{};
    return to_address(address);
}

Result<int> make_socket(int family) {
    const int descriptor = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return os_error(errno, "cannot make a socket");
    set_no_delay(descriptor);
    return descriptor;
}

void set_no_delay(int descriptor) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void set_keep_alive(int descriptor, DurationNs idle) {
    if (idle == 0) return;
    const int on = 1, seconds = static_cast<int>(std::max<DurationNs>(idle / kSecond, 1)), between = 15, times = 4;
    ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof between);
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
}

}  // namespace gongshu::io::detail
