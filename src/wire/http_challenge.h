#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gongshu::wire {

// One way to sign in that a server names in WWW-Authenticate (RFC 9110 §11.3): "Digest realm=\"a\", qop=\"auth\"".
struct HttpChallenge {
    std::string scheme;                                        // small letters
    std::vector<std::pair<std::string, std::string>> values;  // names in small letters, in order

    // The value of that name (small letters); "" if there is none.
    std::string_view value(std::string_view name) const;
};

inline constexpr std::size_t kHttpChallengesMax = 8;
inline constexpr std::size_t kHttpChallengeValuesMax = 32;  // of each

// What a header names, in order; what cannot be read ends the list.
std::vector<HttpChallenge> parse_challenges(std::string_view header);

// "auth" among "auth, auth-int", whatever the case; `word` in small letters.
bool names_word(std::string_view list, std::string_view word);

}  // namespace gongshu::wire
