#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gongshu::io {

// An address of a machine, or all of a network: "10.0.0.5", "192.168.1.0/24", "fd00::/8".
struct Network {
    std::array<std::uint8_t, 16> bytes{};  // IPv4 as ::ffff:a.b.c.d
    std::uint8_t bits = 128;               // of `bytes` that have to be alike
    bool is_v4 = false;
    friend bool operator==(const Network&, const Network&) = default;
};

// Code::invalid: a name, a bad number, or an address that has bits behind its mask ("10.0.0.5/24").
Result<Network> parse_network(std::string_view text);
// Whether the address `host` ("::ffff:10.0.0.5" is 10.0.0.5) lies in it; false if it is no address.
bool contains(const Network& network, std::string_view host);
// 127.0.0.0/8 and ::1; false for names.
bool is_loopback(std::string_view host);
// "0.0.0.0" and "::".
bool is_any_address(std::string_view host);

}  // namespace gongshu::io
