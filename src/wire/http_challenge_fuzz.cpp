// Any bytes as a header that names ways to sign in: nothing is more than the limits.
#include <cstdint>

#include "base/assert.h"
#include "base/bytes.h"
#include "wire/http_challenge.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    const std::string_view input = as_text(Bytes{data, bytes});
    const auto found = wire::parse_challenges(input);
    ASSERT(found.size() <= wire::kHttpChallengesMax);
    for (const wire::HttpChallenge& one : found) {
        ASSERT(!one.scheme.empty() && one.values.size() <= wire::kHttpChallengeValuesMax);
        for (const auto& [name, value] : one.values) ASSERT(!name.empty() && value.size() <= bytes);
    }
    (void)wire::names_word(input, "auth");
    return 0;
}
