#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace gongshu::wire {

struct PatternLimits {
    std::size_t bytes_max = 2000;   // of the pattern
    std::size_t states_max = 1000;  // after {n,m} were written out
    std::size_t depth_max = 50;     // of groups in one another
};

// Pattern is a regular expression as matchers of Prometheus use it, held against the whole of a text. Of RE2's
// language: characters, `.`, [classes] with ranges and ^, \d \w \s and their opposites, ( ) and (?: ), |, * + ? {n}
// {n,} {n,m} (also lazy), ^ $, (?i) in front. Anything else is refused by name. It runs all ways at once, so that no
// pattern takes longer than states × characters. Threads: matches() any, at the same time.   Bounds: PatternLimits.
class Pattern {
public:
    // Code::invalid with what is wrong and where; Code::unsupported for what RE2 knows and this does not.
    static Result<Pattern> compile(std::string_view pattern, const PatternLimits& limits = {});
    bool matches(std::string_view text) const;

private:
    friend class PatternParser;
    using Range = std::pair<char32_t, char32_t>;  // both inclusive
    struct Set {
        std::vector<Range> ranges;
        bool negated = false;
        bool contains(char32_t c) const;
    };
    enum class Step : std::uint8_t { take, fork, begin, end, done };
    struct State {
        Step step;
        std::uint32_t set = 0;              // of take
        std::uint32_t next = 0, other = 0;  // other: of fork
    };
    void follow(std::uint32_t state, bool at_begin, bool at_end, std::vector<std::uint32_t>& reached,
                std::vector<bool>& there) const;

    std::vector<State> states_;
    std::vector<Set> sets_;
    std::uint32_t first_ = 0;
};

}  // namespace gongshu::wire
