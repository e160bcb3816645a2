#include <algorithm>
#include <charconv>
#include <optional>

#include "connect/connections.h"

namespace gongshu::connect {

namespace {

// The four bytes of a dotted IPv4 address; also of "::ffff:127.0.0.1".
std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
    if (text.starts_with("::ffff:")) text.remove_prefix(7);
    std::uint32_t bits = 0;
    for (int part = 0; part < 4; ++part) {
        std::uint32_t byte = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), byte);
        if (error != std::errc{} || byte > 255) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (part < 3) {
            if (!text.starts_with('.')) return std::nullopt;
            text.remove_prefix(1);
        }
        bits = bits << 8 | byte;
    }
    return text.empty() ? std::optional(bits) : std::nullopt;
}

// Why an address is refused unless it is listed; null = it is not.
const char* why_special(std::string_view host) {
    if (host == "localhost" || host.ends_with(".localhost")) return "loopback";
    if (const auto v4 = parse_ipv4(host)) {
        if (*v4 >> 24 == 127) return "loopback";
        if (*v4 >> 24 == 0) return "no address";
        if (*v4 >> 16 == 0xa9fe) return "link-local";
        if (*v4 >> 28 >= 14) return "multicast or reserved";
        return nullptr;
    }
    if (host.find(':') == std::string_view::npos) return nullptr;  // a name: its address is checked when it is known
    const bool leading_zeros = host.find_first_not_of("0:") == std::string_view::npos ||
                               (host.back() == '1' && host.find_first_not_of("0:") == host.size() - 1);
    if (leading_zeros) return host.back() == '1' ? "loopback" : "no address";
    if (host.starts_with("fe8") || host.starts_with("fe9") || host.starts_with("fea") || host.starts_with("feb"))
        return "link-local";
    if (host.starts_with("ff")) return "multicast";
    return nullptr;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

}  // namespace

TargetPolicy make_target_policy(std::vector<std::string> allowed) {
    for (std::string& entry : allowed) entry = lower(entry);
    if (std::ranges::find(allowed, "localhost") != allowed.end()) {
        allowed.emplace_back("127.0.0.1");
        allowed.emplace_back("::1");
    }
    return [allowed = std::move(allowed)](TenantId, const io::Address& target) -> Result<void> {
        const std::string host = lower(target.host);
        const char* special = why_special(host);
        if (special == nullptr) return {};
        const std::string bracketed = host.find(':') == std::string::npos ? host : "[" + host + "]";
        for (const std::string& candidate : {host, bracketed, fmt::format("{}:{}", bracketed, target.port)})
            if (std::ranges::find(allowed, candidate) != allowed.end()) return {};
        return Error{Code::denied, "{}:{} is not opened ({}): an administrator can list it with --allow-target {}",
                     bracketed,    target.port,
                     special,      bracketed};
    };
}

}  // namespace gongshu::connect
