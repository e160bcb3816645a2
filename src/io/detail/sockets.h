#pragma once

#include <sys/socket.h>

#include <vector>

#include "io/loop.h"

namespace gongshu::io::detail {

// An address as the system takes it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    int family() const { return storage.ss_family; }
};

// With `numeric`, only for hosts that are numbers, and without waiting for anybody; not_found for all others.
Result<std::vector<SocketAddress>> resolve(const Address& address, bool numeric);
Address to_address(const SocketAddress& address);
Address local_address(int descriptor);
// A stream socket that does not block and sends small pieces at once.
Result<int> make_socket(int family);
void set_no_delay(int descriptor);
void set_keep_alive(int descriptor, DurationNs idle);  // 0 = leaves it off

}  // namespace gongshu::io::detail
