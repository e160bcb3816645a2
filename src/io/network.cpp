#include "io/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace gongshu::io {

namespace {

constexpr std::array<std::uint8_t, 16> kV4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::uint8_t kV4Bits = 96;  // before those of IPv4 itself

std::optional<std::array<std::uint8_t, 16>> parse_ip(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    const std::string copy(text.substr(0, 100));
    std::array<std::uint8_t, 16> bytes = kV4;
    if (inet_pton(AF_INET, copy.c_str(), bytes.data() + 12) == 1) return bytes;
    if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return bytes;
    return std::nullopt;
}

bool same_bits(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b, std::size_t bits) {
    if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(bits / 8), b.begin())) return false;
    const auto rest = static_cast<unsigned>(bits % 8);
    return rest == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

bool is_v4_address(const std::array<std::uint8_t, 16>& bytes) { return same_bits(bytes, kV4, kV4Bits); }

}  // namespace

Result<Network> parse_network(std::string_view text) {
    const auto wrong = [&] {
        return Error{Code::invalid, "expected an address such as 10.0.0.5 or a network such as 10.0.0.0/24, found \"{}\"",
                     text.substr(0, 100)};
    };
    const std::size_t slash = text.find('/');
    const auto ip = parse_ip(text.substr(0, slash));
    if (!ip) return wrong();
    Network network{*ip, 128, is_v4_address(*ip)};
    if (slash == std::string_view::npos) return network;
    const std::string_view digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc{} || end != digits.data() + digits.size() || bits > (network.is_v4 ? 32u : 128u))
        return wrong();
    network.bits = static_cast<std::uint8_t>(bits + (network.is_v4 ? kV4Bits : 0));
    std::array<std::uint8_t, 16> first{};
    for (std::size_t i = 0; i < first.size(); ++i) {
        const std::size_t kept = std::min<std::size_t>(network.bits > i * 8 ? network.bits - i * 8 : 0, 8);
        first[i] = static_cast<std::uint8_t>((*ip)[i] & (0xff00u >> kept));
    }
    if (first != *ip)
        return Error{Code::invalid, "\"{}\" is an address and no network: leave out \"/{}\", or write its first address",
                     text.substr(0, 100), bits};
    return network;
}

bool contains(const Network& network, std::string_view host) {
    const auto ip = parse_ip(host);
    return ip && same_bits(*ip, network.bytes, network.bits);
}

bool is_loopback(std::string_view host) {
    const auto ip = parse_ip(host);
    if (!ip) return false;
    if (is_v4_address(*ip)) return (*ip)[12] == 127;
    return std::all_of(ip->begin(), ip->end() - 1, [](std::uint8_t byte) { return byte == 0; }) && ip->back() == 1;
}

bool is_any_address(std::string_view host) {
    const auto ip = parse_ip(host);
    if (!ip) return false;
    const std::size_t from = is_v4_address(*ip) ? 12 : 0;
    return std::all_of(ip->begin() + static_cast<std::ptrdiff_t>(from), ip->end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace gongshu::io
