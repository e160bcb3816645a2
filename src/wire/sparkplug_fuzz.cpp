#include "base/assert.h"
#include "wire/sparkplug.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    using namespace gongshu::wire::sparkplug;
    const Bytes input{data, bytes};
    const std::string_view text = as_text(input);
    if (const auto topic = parse_topic(text)) ASSERT(make_topic(*topic) == text);
    ASSERT(path_part(text).find_first_of("/.*?") == std::string::npos);
    ASSERT(property_name(text).find_first_of("/*?") == std::string::npos);
    const Limits limits{
        .metrics_max = 50, .name_bytes_max = 100, .text_bytes_max = 200, .properties_max = 20, .depth_max = 4};
    const auto payload = decode(input, limits);
    if (!payload) {
        ASSERT(!payload.error().text().empty());
        return 0;
    }
    ASSERT(payload->metrics.size() <= 50);
    for (const Metric& metric : payload->metrics) {
        ASSERT(metric.name.size() <= 100 && metric.at <= bytes && metric.value.at <= bytes);
        for (int type = 0; type < 36; ++type) {
            const auto value = value_of(metric, static_cast<Type>(type), limits);
            if (!value) continue;
            ASSERT(type_of(*value) == tag_type(static_cast<Type>(type)));
            // Times are written from text nowhere.
            if (static_cast<Type>(type) == Type::date_time) continue;
            if (std::holds_alternative<double>(*value)) continue;  // NaN
            Metric again = metric;
            const auto raw = raw_of(*value, static_cast<Type>(type));
            ASSERT(raw.has_value());
            again.value = *raw;
            const auto same = value_of(again, static_cast<Type>(type), limits);
            ASSERT(same && *same == *value);
        }
    }
    const std::string written = encode(*payload);
    const auto again = decode(as_bytes(written), limits);
    ASSERT(again && encode(*again) == written);
    return 0;
}
