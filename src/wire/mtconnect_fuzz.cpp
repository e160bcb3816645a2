// Any bytes as the answer of an agent: observations within their limits, or a reason.
#include <cstdint>

#include "base/assert.h"
#include "base/bytes.h"
#include "wire/mtconnect.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    const auto streams = wire::mtconnect::parse_streams(as_text(Bytes{data, bytes}));
    if (!streams) {
        ASSERT(!streams.error().text().empty());
        return 0;
    }
    ASSERT(streams->observations.size() <= wire::mtconnect::kObservationsMax);
    for (const auto& one : streams->observations) {
        ASSERT(!one.fields.empty() && one.fields.size() <= 5);
        ASSERT(one.fields.back().size() <= wire::mtconnect::kTextBytesMax);
    }
    return 0;
}
