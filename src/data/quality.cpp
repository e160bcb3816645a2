#include "data/quality.h"

#include <array>
#include <charconv>

namespace gongshu {
namespace {

constexpr std::array<std::string_view, 3> kGrades{"bad", "uncertain", "good"};
constexpr std::array<std::string_view, 14> kReasons{"",       "timeout",  "disconnected", "refused", "config",
                                                    "type",   "clock",    "range",        "stopped", "sensor",
                                                    "silent", "computed", "manual",       "unstable"};

template <std::size_t N>
std::optional<std::uint8_t> index_of(const std::array<std::string_view, N>& names, std::string_view name) {
    for (std::size_t i = 0; i < N; ++i)
        if (names[i] == name) return static_cast<std::uint8_t>(i);
    return std::nullopt;
}

}  // namespace

std::string_view to_string(Grade grade) { return kGrades[static_cast<std::size_t>(grade)]; }
std::string_view to_string(Reason reason) { return kReasons[static_cast<std::size_t>(reason)]; }

std::string to_string(Quality quality) {
    std::string text{to_string(quality.grade)};
    if (quality.reason != Reason::none) {
        text += ':';
        text += to_string(quality.reason);
    }
    if (quality.late) text += "+late";
    if (quality.filled) text += "+filled";
    if (quality.estimated) text += "+estimated";
    return text;
}

std::optional<Quality> parse_quality(std::string_view text) {
    if (!text.empty() && text[0] >= '0' && text[0] <= '9') {  // OPC classic: two top bits of the byte are the grade
        unsigned code = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
        if (error != std::errc{} || end != text.data() + text.size() || code > 255) return std::nullopt;
        const unsigned top = code >> 6;
        if (top == 2) return std::nullopt;
        return Quality{top == 3 ? Grade::good : top == 1 ? Grade::uncertain : Grade::bad};
    }
    Quality quality;
    const auto flags = text.find('+');
    const std::string_view head = text.substr(0, flags);
    const auto colon = head.find(':');
    const auto grade = index_of(kGrades, head.substr(0, colon));
    if (!grade) return std::nullopt;
    quality.grade = static_cast<Grade>(*grade);
    if (colon != std::string_view::npos) {
        const auto reason = index_of(kReasons, head.substr(colon + 1));
        if (!reason || *reason == 0) return std::nullopt;
        quality.reason = static_cast<Reason>(*reason);
    }
    for (auto at = flags; at != std::string_view::npos;) {
        const auto next = text.find('+', at + 1);
        const std::string_view flag = text.substr(at + 1, next == std::string_view::npos ? next : next - at - 1);
        if (flag == "late")
            quality.late = true;
        else if (flag == "filled")
            quality.filled = true;
        else if (flag == "estimated")
            quality.estimated = true;
        else
            return std::nullopt;
        at = next;
    }
    return quality;
}

std::uint16_t pack(Quality quality) {
    return static_cast<std::uint16_t>(static_cast<unsigned>(quality.grade) | (quality.late ? 4u : 0u) |
                                      (quality.filled ? 8u : 0u) | (quality.estimated ? 16u : 0u) |
                                      (static_cast<unsigned>(quality.reason) << 8));
}

Quality unpack_quality(std::uint16_t bits) {
    // Bytes from disk: an unknown grade or reason of a newer program reads as bad with no reason, never as good.
    const unsigned grade = bits & 3u;
    const unsigned reason = bits >> 8;
    return {grade < kGrades.size() ? static_cast<Grade>(grade) : Grade::bad,
            reason < kReasons.size() ? static_cast<Reason>(reason) : Reason::none, (bits & 4) != 0, (bits & 8) != 0,
            (bits & 16) != 0};
}

}  // namespace gongshu
