#include "base/assert.h"
#include "wire/prom.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    std::size_t next = 0;
    const auto decoded = wire::decode_prom_write(
        {data, bytes}, {.labels_max = 20, .label_bytes_max = 200},
        [&](const wire::PromSeries& series) {
            ASSERT(series.index >= next && !series.name.empty() && series.labels.size() <= 20);
            next = series.index + 1;
            for (std::size_t i = 0; i < series.labels.size(); ++i)
                ASSERT(!series.labels[i].first.empty() &&
                       (i == 0 || series.labels[i - 1].first < series.labels[i].first));
        },
        [&](const wire::PromFault& fault) {
            ASSERT(fault.index >= next && !fault.text.empty());
            next = fault.index + 1;
        });
    (void)decoded;
    if (const auto queries = wire::decode_prom_read({data, bytes})) {
        const std::string again = wire::encode_prom_read(*queries);
        const auto same = wire::decode_prom_read(as_bytes(again));
        ASSERT(same && wire::encode_prom_read(*same) == again);
    }
    return 0;
}
