#include <algorithm>
#include <charconv>
#include <optional>

#include "connect/connections.h"
#include "io/serial.h"
#include "registry/staging.h"

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

// Ports that are there for machines; a pseudo terminal is none.
bool is_serial_port(std::string_view path) {
    constexpr std::string_view kById = "/dev/serial/by-id/";
    if (path.starts_with(kById)) return path.size() > kById.size() && path.find('/', kById.size()) == path.npos;
    for (const std::string_view family : {"/dev/ttyS", "/dev/ttyUSB", "/dev/ttyACM"}) {
        if (!path.starts_with(family) || path.size() == family.size()) continue;
        if (path.find_first_not_of("0123456789", family.size()) == path.npos) return true;
    }
    return false;
}

// The machine's ports are the tenant default's; another one's have to be listed, as has the console.
Result<void> check_path(const std::vector<std::string>& allowed, TenantId tenant, const std::string& path) {
    for (const std::string_view entry : allowed) {
        if (!entry.starts_with("/dev/")) continue;
        if (entry == path || (entry.ends_with('*') && path.starts_with(entry.substr(0, entry.size() - 1)))) return {};
    }
    if (is_serial_port(path) && tenant != registry::kDefaultTenantId)
        return Error{Code::denied,
                     "{} is not opened (the serial ports of this machine are the tenant default's): an administrator can "
                     "list it with --allow-target {}",
                     path, path};
    if (is_serial_port(path) && io::is_console(path))
        return Error{Code::denied,
                     "{} is not opened (it is the console of this machine): an administrator can list it with "
                     "--allow-target {}",
                     path, path};
    if (is_serial_port(path)) return {};
    return Error{Code::denied,
                 "{} is not opened (it is none of /dev/ttyS*, /dev/ttyUSB*, /dev/ttyACM*, /dev/serial/by-id/*): an "
                 "administrator can list it with --allow-target {}",
                 path, path};
}

}  // namespace

TargetPolicy make_target_policy(std::vector<std::string> allowed) {
    for (std::string& entry : allowed)
        if (!entry.starts_with('/')) entry = lower(entry);
    if (std::ranges::find(allowed, "localhost") != allowed.end()) {
        allowed.emplace_back("127.0.0.1");
        allowed.emplace_back("::1");
    }
    return [allowed = std::move(allowed)](TenantId tenant, const io::Address& target) -> Result<void> {
        if (target.host.starts_with('/')) return check_path(allowed, tenant, target.host);
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
