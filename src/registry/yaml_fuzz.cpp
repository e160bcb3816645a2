// Any text is read as resources or refused with its line and column; what was read is written and read back the same.
#include <boost/json.hpp>

#include "base/assert.h"
#include "base/bytes.h"
#include "registry/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    using namespace gongshu::registry;
    const std::string_view text = as_text({data, bytes});
    const YamlLimits limits{.bytes_max = 1 << 16, .values_max = 10'000};
    (void)parse_resources(text, limits);
    const auto value = parse_yaml(text, limits);
    if (!value) {
        ASSERT(value.error().text().starts_with("line "));
        return 0;
    }
    const std::string canonical = to_text(*value);  // bytes that are no UTF-8 become U+FFFD here
    const auto clean = parse_json(canonical);
    if (!clean) return 0;  // deeper than JSON may be
    const auto again = parse_yaml(to_yaml(*clean));
    ASSERT(again && to_text(*again) == to_text(*clean));
    return 0;
}
