#include "package/version.h"

#include <algorithm>
#include <charconv>

namespace gongshu::package {
namespace {

constexpr std::size_t kVersionBytesMax = 64;
constexpr std::size_t kBoundsMax = 8;

bool is_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Error no_version(std::string_view text) {
    return Error{Code::invalid, "expected a version such as 1.2.0 or 2.0.0-rc.1, found \"{}\"",
                 text.substr(0, kVersionBytesMax)};
}

bool take_number(std::string_view text, std::uint32_t& into) {
    if (!is_digits(text) || text.size() > 9 || (text.size() > 1 && text.front() == '0')) return false;
    std::from_chars(text.data(), text.data() + text.size(), into);
    return true;
}

// The first part up to `mark`, which is taken away with it.
std::string_view take_part(std::string_view& text, char mark) {
    const std::size_t end = std::min(text.find(mark), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

bool is_word(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    });
}

std::strong_ordering compare_parts(std::string_view a, std::string_view b) {
    const bool a_number = is_digits(a), b_number = is_digits(b);
    if (a_number != b_number) return a_number ? std::strong_ordering::less : std::strong_ordering::greater;
    if (a_number && a.size() != b.size()) return a.size() <=> b.size();
    return a <=> b;
}

}  // namespace

Result<Version> parse_version(std::string_view text) {
    const Error wrong = no_version(text);
    if (text.size() > kVersionBytesMax) return wrong;
    Version version;
    const std::size_t dash = text.find('-');
    std::string_view numbers = text.substr(0, dash);
    if (std::ranges::count(numbers, '.') != 2 || !take_number(take_part(numbers, '.'), version.major) ||
        !take_number(take_part(numbers, '.'), version.minor) || !take_number(numbers, version.patch))
        return wrong;
    if (dash == text.npos) return version;
    std::string_view rest = text.substr(dash + 1);
    if (rest.empty() || rest.ends_with('.')) return wrong;
    while (!rest.empty()) {
        const std::string_view part = take_part(rest, '.');
        if (!is_word(part) || (is_digits(part) && part.size() > 1 && part.front() == '0')) return wrong;
        version.before.emplace_back(part);
    }
    return version;
}

std::string to_string(const Version& version) {
    std::string out = fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
    for (std::size_t i = 0; i < version.before.size(); ++i) out += (i == 0 ? "-" : ".") + version.before[i];
    return out;
}

std::strong_ordering compare(const Version& a, const Version& b) {
    if (const auto by = a.major <=> b.major; by != 0) return by;
    if (const auto by = a.minor <=> b.minor; by != 0) return by;
    if (const auto by = a.patch <=> b.patch; by != 0) return by;
    if (a.before.empty() || b.before.empty()) return a.before.empty() <=> b.before.empty();
    for (std::size_t i = 0; i < std::min(a.before.size(), b.before.size()); ++i)
        if (const auto by = compare_parts(a.before[i], b.before[i]); by != 0) return by;
    return a.before.size() <=> b.before.size();
}

Result<VersionRange> VersionRange::parse(std::string_view text) {
    const Error wrong{Code::invalid,
                      "expected versions such as >=1.2.0 <2.0.0, ^1.2.0, ~1.2.0, 1.2.0 or *, found \"{}\"",
                      text.substr(0, 200)};
    VersionRange range;
    range.text_ = text;
    if (text == "*") return range;
    if (text.empty() || text.size() > 200 || text.ends_with(' ')) return wrong;
    while (!text.empty()) {
        std::string_view part = take_part(text, ' ');
        if (part.empty() || range.bounds_.size() >= kBoundsMax) return wrong;
        const auto starts = [&](std::string_view sign) {
            if (!part.starts_with(sign)) return false;
            part.remove_prefix(sign.size());
            return true;
        };
        const char span = part.front() == '^' || part.front() == '~' ? part.front() : ' ';
        if (span != ' ') part.remove_prefix(1);
        const Sign sign = span != ' '    ? Sign::at_least
                          : starts(">=") ? Sign::at_least
                          : starts("<=") ? Sign::at_most
                          : starts(">")  ? Sign::more
                          : starts("<")  ? Sign::less
                                         : Sign::equal;
        if (sign == Sign::equal) starts("=");
        const auto version = parse_version(part);
        if (!version) return wrong;
        range.bounds_.push_back({sign, *version});
        if (span == ' ') continue;
        Version end = *version;
        end.patch = 0;
        end.before = {"0"};  // 2.0.0-rc.1 is no 1.x
        if (span == '^' && end.major > 0) {
            end.minor = 0;
            ++end.major;
        } else {
            ++end.minor;
        }
        range.bounds_.push_back({Sign::less, end});
    }
    return range;
}

bool VersionRange::has(const Version& version) const {
    return std::ranges::all_of(bounds_, [&](const Bound& bound) {
        const auto by = compare(version, bound.version);
        switch (bound.sign) {
            case Sign::less:
                return by < 0;
            case Sign::at_most:
                return by <= 0;
            case Sign::equal:
                return by == 0;
            case Sign::at_least:
                return by >= 0;
            case Sign::more:
                return by > 0;
        }
        return false;
    });
}

}  // namespace gongshu::package
