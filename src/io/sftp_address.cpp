#include <algorithm>
#include <charconv>

#include "io/crypto.h"
#include "io/sftp.h"

namespace gongshu::io {
namespace {

constexpr std::string_view kScheme = "sftp://";
constexpr std::string_view kHash = "SHA256:";
constexpr std::size_t kDigestBytes = 32;
constexpr std::uint16_t kPort = 22;

bool has_control(std::string_view text) {
    return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool steps_up(std::string_view path) {
    while (!path.empty()) {
        const auto slash = path.find('/');
        if (path.substr(0, slash) == "..") return true;
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    }
    return false;
}

}  // namespace

Result<SftpAddress> parse_sftp_address(std::string_view url) {
    const auto wrong = [&](std::string_view why) {
        return Error{Code::invalid, "{} in \"{}\"; write sftp://user@host/folder, or sftp://user@host:2222/~/folder",
                     why, url.substr(0, 200)};
    };
    if (!url.starts_with(kScheme)) return wrong("there is no sftp://");
    if (url.size() > 1000 || has_control(url)) return wrong("what no address holds is");
    const auto rest = url.substr(kScheme.size());
    const auto slash = rest.find('/');
    auto place = rest.substr(0, slash);
    const auto at = place.find('@');
    if (at == std::string_view::npos || at == 0) return wrong("there is no user");
    SftpAddress address;
    address.user = place.substr(0, at);
    if (address.user.find(':') != std::string::npos)
        return Error{Code::invalid, "a password does not belong into an address; name a file that holds it"};
    place = place.substr(at + 1);
    std::string_view digits;
    const auto bracket = place.find(']');
    if (const auto colon = place.rfind(':');
        colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        digits = place.substr(colon + 1);
        place = place.substr(0, colon);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
        if (error != std::errc{} || end != digits.data() + digits.size() || address.port == 0)
            return wrong("a port that is not 1 to 65535 is");
    }
    if (place.starts_with('[') && place.ends_with(']'))
        place = place.substr(1, place.size() - 2);
    else if (place.find(':') != std::string_view::npos)
        return wrong("an IPv6 host without brackets is");
    if (place.empty() || place.size() > 255 || place.find_first_of(" []@") != std::string_view::npos)
        return wrong("a bad host is");
    address.host = place;
    if (slash == std::string_view::npos || rest.size() == slash + 1) return wrong("there is no folder");
    auto path = rest.substr(slash);
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    if (steps_up(path)) return wrong("a folder with .. is");
    if (path == "/~")
        address.path = ".";
    else
        address.path = path.starts_with("/~/") ? path.substr(3) : path;
    if (address.path.empty() || address.path == "/") return wrong("there is no folder");
    return address;
}

std::string to_string(const SftpAddress& address) {
    const bool brackets = address.host.find(':') != std::string::npos;
    const std::string path = address.path == "."             ? "/~"
                             : address.path.starts_with('/') ? address.path
                                                             : "/~/" + address.path;
    return fmt::format("sftp://{}@{}{}{}{}{}", address.user, brackets ? "[" : "", address.host, brackets ? "]" : "",
                       address.port == kPort ? "" : fmt::format(":{}", address.port), path);
}

Result<std::string> parse_host_key(std::string_view text) {
    const auto wrong = [&] {
        return Error{
            Code::invalid,
            "\"{}\" is no fingerprint of a host's key; write SHA256:… as \"ssh-keyscan HOST | ssh-keygen -lf -\" "
            "prints it",
            text.substr(0, 100)};
    };
    while (text.ends_with('=')) text.remove_suffix(1);
    if (!text.starts_with(kHash)) return wrong();
    const auto digest = from_base64(text.substr(kHash.size()));
    if (!digest || digest->size() != kDigestBytes) return wrong();
    return std::string(text);
}

}  // namespace gongshu::io
