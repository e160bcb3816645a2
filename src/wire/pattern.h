#pragma once

#include <cstdint>
#include <optional>
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

// Pattern is a regular expression as matchers of Prometheus use it, held against the whole of a text, or looked for in
// it with its named groups. Of RE2's language: characters, `.`, [classes] with ranges and ^, \d \w \s and their
// opposites, \x02 below 80, ( ), (?: ) and (?P<name> ), |, * + ? {n} {n,} {n,m} (also lazy), ^ $, (?i) in front.
// Anything else is refused by name. No pattern takes longer than states × characters. Threads: matches() and find()
// any, at the same time.   Bounds: PatternLimits, kFindBytesMax.
class Pattern {
public:
    // Code::invalid with what is wrong and where; Code::unsupported for what RE2 knows and this does not.
    static Result<Pattern> compile(std::string_view pattern, const PatternLimits& limits = {});
    bool matches(std::string_view text) const;

    static constexpr std::size_t kFindBytesMax =
        4096;  // of a text: find() needs a bit for each of its bytes and states
    // The first place where the pattern fits, of several ways there the one that RE2 prefers: what each named group
    // took, in the order of groups(); nothing for a group that took no part. nullopt: it fits nowhere. Code::limit for
    // longer texts.
    using Found = std::vector<std::optional<std::string_view>>;
    Result<std::optional<Found>> find(std::string_view text) const;
    const std::vector<std::string>& groups() const { return groups_; }

private:
    friend class PatternParser;
    using Range = std::pair<char32_t, char32_t>;  // both inclusive
    struct Set {
        std::vector<Range> ranges;
        bool negated = false;
        bool contains(char32_t c) const;
    };
    enum class Step : std::uint8_t { take, fork, begin, end, mark, done };
    struct State {
        Step step;
        std::uint32_t set = 0;              // of take; of mark twice the group, odd at its end
        std::uint32_t next = 0, other = 0;  // other: of fork, what is tried after next
    };
    struct Search;
    void follow(std::uint32_t state, bool at_begin, bool at_end, std::vector<std::uint32_t>& reached,
                std::vector<bool>& there) const;

    std::vector<State> states_;
    std::vector<Set> sets_;
    std::vector<std::string> groups_;
    std::uint32_t first_ = 0;
};

}  // namespace gongshu::wire
