#include "wire/mqtt.h"

namespace gongshu::wire::mqtt {
namespace {

// Length of the well-formed sequence at the front of `text`, 0 if there is none. Unicode 15, table 3-7.
std::size_t sequence_bytes(std::string_view text) {
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0u; };
    const auto tail = [&](std::size_t i) { return (at(i) & 0xC0u) == 0x80u; };
    const unsigned first = at(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        if ((first == 0xE0 && at(1) < 0xA0) || (first == 0xED && at(1) > 0x9F)) return 0;
        return tail(1) && tail(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if ((first == 0xF0 && at(1) < 0x90) || (first == 0xF4 && at(1) > 0x8F)) return 0;
        return tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

// The next level of `rest`, which is cut past it; `more` tells whether another one follows.
std::string_view take_level(std::string_view& rest, bool& more) {
    const std::size_t slash = rest.find('/');
    more = slash != std::string_view::npos;
    const std::string_view level = rest.substr(0, slash);
    rest = more ? rest.substr(slash + 1) : std::string_view{};
    return level;
}

bool valid_levels(std::string_view filter) {
    for (bool more = true; more;) {
        const std::string_view level = take_level(filter, more);
        const bool wild = level.find_first_of("+#") != std::string_view::npos;
        if (wild && level.size() != 1) return false;
        if (level == "#" && more) return false;
    }
    return true;
}

}  // namespace

bool valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t bytes = sequence_bytes(text);
        if (bytes == 0 || text[0] == '\0') return false;
        text.remove_prefix(bytes);
    }
    return true;
}

bool plain_utf8(std::string_view text) {
    if (!valid_utf8(text)) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<std::uint8_t>(text[i]);
        if (byte < 0x20 || byte == 0x7F) return false;
        if (byte == 0xC2 && static_cast<std::uint8_t>(text[i + 1]) < 0xA0) return false;
    }
    return true;
}

bool valid_topic(std::string_view topic) {
    return !topic.empty() && topic.size() <= 65'535 && topic.find_first_of("+#") == std::string_view::npos &&
           plain_utf8(topic);
}

bool valid_filter(std::string_view filter) {
    if (filter.empty() || filter.size() > 65'535 || !plain_utf8(filter) || !valid_levels(filter)) return false;
    if (!filter.starts_with("$share/") && filter != "$share") return true;
    const auto shared = parse_shared(filter);
    return shared && !shared->group.empty() && shared->group.find_first_of("+#") == std::string_view::npos &&
           !shared->filter.empty();
}

bool topic_matches(std::string_view filter, std::string_view topic) {
    if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
    for (bool more_filter = true, more_topic = true;;) {
        const std::string_view want = take_level(filter, more_filter);
        if (want == "#") return true;
        const std::string_view level = take_level(topic, more_topic);
        if (want != "+" && want != level) return false;
        if (!more_topic) return !more_filter || filter == "#";  // "a/#" matches "a" too
        if (!more_filter) return false;
    }
}

std::optional<SharedFilter> parse_shared(std::string_view filter) {
    constexpr std::string_view kShare = "$share/";
    if (!filter.starts_with(kShare)) return std::nullopt;
    filter.remove_prefix(kShare.size());
    const std::size_t slash = filter.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    return SharedFilter{filter.substr(0, slash), filter.substr(slash + 1)};
}

}  // namespace gongshu::wire::mqtt
