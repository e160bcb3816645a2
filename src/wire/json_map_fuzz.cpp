// Any bytes as a mapping and a message: "path \n template \n tests \n topic pattern \n payload". What is taken stays
// within its limits, and what is refused says why.
#include <cstdint>

#include "base/assert.h"
#include "wire/json_map.h"
#include "wire/mqtt.h"

namespace {

std::string_view take_line(std::string_view& rest) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    static constexpr wire::MapLimits kLimits{.bytes_max = 4096, .rows_max = 50, .depth_max = 8, .tag_bytes_max = 100};
    std::string_view rest = as_text(Bytes{data, bytes});
    const std::string value{take_line(rest)}, tag{take_line(rest)}, only_if{take_line(rest)};
    const std::string pattern_text{take_line(rest)};
    const auto pattern = wire::parse_topic_pattern(pattern_text);
    if (!pattern) ASSERT(!pattern.error().text().empty());
    std::vector<std::string_view> captures;
    if (pattern && pattern->matches(pattern_text, captures)) ASSERT(captures.size() == pattern->names.size());
    std::vector<std::string> names{"line"};
    for (const auto format : {wire::MapFormat::json, wire::MapFormat::number, wire::MapFormat::text}) {
        const auto map = wire::JsonMap::create(
            {.format = format,
             .captures = names,
             .only_if = only_if,
             .time = value.ends_with("[*].v") ? value.substr(0, value.size() - 1) + "ts" : "$.ts",
             .takes = {{.value = value, .tag = tag, .quality = "$.q"}, {.value = "$.**", .tag = "x.{key}"}}});
        if (!map) {
            ASSERT(!map.error().text().empty());
            continue;
        }
        wire::JsonMapper mapper{kLimits};
        const auto body = mapper.run(**map, as_bytes(rest), {.captures = {"l1"}, .device = "d", .want_places = true});
        if (!body) {
            ASSERT(!body.error().text().empty());
            continue;
        }
        ASSERT(body->rows.size() <= kLimits.rows_max);
        for (const auto& row : body->rows) {
            ASSERT(row.tag.size() <= kLimits.tag_bytes_max && wire::mqtt::plain_utf8(row.tag));
            ASSERT(row.take < 2 && row.place.starts_with('$'));
        }
    }
    return 0;
}
