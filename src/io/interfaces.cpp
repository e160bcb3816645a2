#include "io/interfaces.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace gongshu::io {
namespace {

bool is_private(const in_addr& address) {
    const std::uint32_t host = ntohl(address.s_addr);
    return (host >> 24) == 10 || (host >> 20) == 0xac1 || (host >> 16) == 0xc0a8;  // 10/8, 172.16/12, 192.168/16
}

bool is_private(const in6_addr& address) { return (address.s6_addr[0] & 0xfe) == 0xfc; }  // fc00::/7

}  // namespace

bool is_private_address(const std::string& address) {
    in_addr four{};
    in6_addr six{};
    if (::inet_pton(AF_INET, address.c_str(), &four) == 1) return is_private(four);
    return ::inet_pton(AF_INET6, address.c_str(), &six) == 1 && is_private(six);
}

Result<std::vector<std::string>> private_addresses() {
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) return Error{Code::io, "cannot list the network interfaces: {}", std::strerror(errno)};
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(all, ::freeifaddrs);
    std::vector<std::string> found;
    for (const ifaddrs* one = all; one; one = one->ifa_next) {
        if (!one->ifa_addr || !(one->ifa_flags & IFF_UP)) continue;
        char text[INET6_ADDRSTRLEN] = "";
        if (one->ifa_addr->sa_family == AF_INET)
            ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr, text, sizeof text);
        else if (one->ifa_addr->sa_family == AF_INET6)
            ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr, text, sizeof text);
        if (is_private_address(text)) found.emplace_back(text);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

}  // namespace gongshu::io
