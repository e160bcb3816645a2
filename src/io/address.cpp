#include <charconv>

#include "io/loop.h"

namespace gongshu::io {

Result<Address> parse_address(std::string_view text) {
    const auto wrong = [&](std::string_view why) {
        return Error{Code::invalid, "{} in the address \"{}\"; write host:port, such as 127.0.0.1:1883 or [::1]:1883",
                     why, text};
    };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return wrong("there is no port");
    auto host = text.substr(0, colon);
    const auto digits = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return wrong("an IPv6 host without brackets is");
    }
    if (host.empty()) return wrong("there is no host");
    if (host.size() > 255 || host.find_first_of(" /\t\r\n[]") != std::string_view::npos) return wrong("a bad host is");
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) return wrong("a port that is not 0 to 65535 is");
    return Address{std::string(host), port};
}

std::string to_string(const Address& address) {
    const bool brackets = address.host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", brackets ? "[" : "", address.host, brackets ? "]" : "", address.port);
}

}  // namespace gongshu::io
