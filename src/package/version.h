#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gongshu::package {

// "1.2.0", "2.0.0-rc.1" (Semantic Versioning 2.0.0 without build parts).
struct Version {
    std::uint32_t major = 0, minor = 0, patch = 0;
    std::vector<std::string> before = {};  // "rc", "1": such a version is older than the one without
};
Result<Version> parse_version(std::string_view text);
std::string to_string(const Version& version);
std::strong_ordering compare(const Version& a, const Version& b);
inline bool operator<(const Version& a, const Version& b) { return compare(a, b) < 0; }
inline bool operator==(const Version& a, const Version& b) { return compare(a, b) == 0; }

// ">=1.2.0 <2.0.0": all must hold. "^1.2.0" = ">=1.2.0 <2.0.0" (of 0.x: <0.(x+1)), "~1.2.0" = ">=1.2.0 <1.3.0",
// "1.2.0" = this one alone, "*" = any.
class VersionRange {
public:
    static Result<VersionRange> parse(std::string_view text);
    bool has(const Version& version) const;
    const std::string& text() const { return text_; }

private:
    enum class Sign : std::uint8_t { less, at_most, equal, at_least, more };
    struct Bound {
        Sign sign;
        Version version;
    };
    std::vector<Bound> bounds_;
    std::string text_;
};

}  // namespace gongshu::package
