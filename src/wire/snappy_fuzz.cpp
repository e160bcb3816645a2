#include "base/assert.h"
#include "wire/snappy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    constexpr std::size_t kMax = 1 << 16;
    if (const auto opened = wire::snappy_decode({data, bytes}, kMax)) ASSERT(opened->size() <= kMax);
    const std::string_view text{reinterpret_cast<const char*>(data), bytes};
    const auto again = wire::snappy_decode(as_bytes(wire::snappy_encode(text)), bytes);
    ASSERT(again && *again == text);
    return 0;
}
