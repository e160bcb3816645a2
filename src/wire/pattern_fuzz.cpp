#include <algorithm>

#include "base/assert.h"
#include "wire/pattern.h"

// The pattern ends at the first line break; the text follows.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    const std::string_view input{reinterpret_cast<const char*>(data), std::min<std::size_t>(bytes, 2000)};
    const std::size_t end = std::min(input.find('\n'), input.size());
    const auto pattern = wire::Pattern::compile(input.substr(0, end), {.bytes_max = 500, .states_max = 200});
    if (!pattern) return 0;
    const bool whole = pattern->matches(input.substr(end));
    const auto found = pattern->find(input.substr(end));
    ASSERT(found && (!whole || *found) && (!*found || (*found)->size() == pattern->groups().size()));
    return 0;
}
