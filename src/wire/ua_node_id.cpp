#include "wire/ua_node_id.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/bytes.h"

namespace gongshu::wire::ua {

namespace {

template <class Number>
std::optional<Number> number(std::string_view digits) {
    Number value = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || failed != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

// A URI has %3B for ';' and %25 for '%'.
std::string unescaped(std::string_view uri) {
    std::string out;
    for (std::size_t i = 0; i < uri.size(); ++i) {
        const std::string_view three = uri.substr(i, 3);
        const bool semicolon = three == "%3B" || three == "%3b";
        if (!semicolon && three != "%25") {
            out += uri[i];
            continue;
        }
        out += semicolon ? ';' : '%';
        i += 2;
    }
    return out;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_guid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
    }
    return true;
}

bool is_base64(std::string_view text) {
    const std::size_t end = std::min(text.find('='), text.size());
    const bool letters = std::ranges::all_of(text.substr(0, end), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    });
    return !text.empty() && letters && text.size() % 4 == 0 && text.size() - end <= 2 &&
           text.find_first_not_of('=', end) == text.npos;
}

Error wrong(std::string_view text) {
    return Error{Code::invalid,
                 "\"{}\" is no node id: expected one such as ns=2;s=Machine/Speed, ns=3;i=1001 or "
                 "nsu=urn:maker:machine;s=Speed, as the OPC UA server's browser shows it",
                 text.substr(0, 100)};
}

}  // namespace

Result<NodeId> parse_node_id(std::string_view text) {
    if (text.size() > kNodeIdBytesMax || text.find('\0') != text.npos) return wrong(text);
    NodeId id;
    std::string_view rest = text;
    if (rest.starts_with("ns=") || rest.starts_with("nsu=")) {
        const std::size_t end = rest.find(';');
        if (end == rest.npos) return wrong(text);
        const bool by_uri = rest.starts_with("nsu=");
        const std::string_view space = rest.substr(by_uri ? 4 : 3, end - (by_uri ? 4 : 3));
        const auto index = by_uri ? std::optional<std::uint16_t>(0) : number<std::uint16_t>(space);
        if (!index || space.empty()) return wrong(text);
        id.index = *index;
        if (by_uri) id.uri = unescaped(space);
        rest.remove_prefix(end + 1);
    }
    if (rest.size() < 3 || rest[1] != '=') return wrong(text);
    id.name = rest.substr(2);
    switch (rest[0]) {
        case 'i':
            id.kind = NodeId::Kind::number;
            if (!number<std::uint32_t>(id.name)) return wrong(text);
            return id;
        case 's':
            id.kind = NodeId::Kind::text;
            return id;
        case 'g':
            id.kind = NodeId::Kind::guid;
            if (!is_guid(id.name)) return wrong(text);
            return id;
        case 'b':
            id.kind = NodeId::Kind::bytes;
            if (!is_base64(id.name)) return wrong(text);
            return id;
        default:
            return wrong(text);
    }
}

Result<Element> parse_element(std::string_view as) {
    if (as.empty()) return Element{};
    const bool bracketed = as.size() > 2 && as.starts_with('[') && as.ends_with(']');
    const auto index = bracketed ? number<std::uint32_t>(as.substr(1, as.size() - 2)) : std::nullopt;
    if (index) return Element{true, *index};
    return Error{Code::invalid, "expected nothing, or the place of an element of an array such as [0], found \"{}\"",
                 as.substr(0, 60)};
}

Result<EndpointUrl> parse_endpoint_url(std::string_view url) {
    const Error wrong{Code::invalid, "expected an address such as opc.tcp://10.0.0.5:4840, found \"{}\"",
                      url.substr(0, 100)};
    constexpr std::string_view kScheme = "opc.tcp://";
    const bool plain = std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f; });
    if (!url.starts_with(kScheme) || !plain) return wrong;
    EndpointUrl out;
    std::string_view place = url.substr(kScheme.size());
    const std::size_t slash = std::min(place.find('/'), place.size());
    out.path = place.substr(slash);
    place = place.substr(0, slash);
    const std::size_t bracket = place.starts_with('[') ? place.find(']') : 0;
    if (bracket == place.npos || place.find('@') != place.npos) return wrong;
    const std::size_t colon = place.find(':', bracket);
    if (colon != place.npos) {
        const auto port = number<std::uint16_t>(place.substr(colon + 1));
        if (!port || *port == 0) return wrong;
        out.port = *port;
        place = place.substr(0, colon);
    }
    if (place.starts_with('[')) place = place.substr(1, place.size() - 2);
    if (place.empty()) return wrong;
    out.host = place;
    return out;
}

std::string to_text(const NodeId& id, std::uint16_t index) {
    constexpr char kLetters[] = {'i', 's', 'g', 'b'};
    const std::string space = index == 0 ? "" : fmt::format("ns={};", index);
    return fmt::format("{}{}={}", space, kLetters[static_cast<std::size_t>(id.kind)], id.name);
}

}  // namespace gongshu::wire::ua
