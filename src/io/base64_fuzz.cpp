#include "base/assert.h"
#include "io/crypto.h"
#include "io/loop.h"

// What from_base64() and parse_address() take, they give back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gongshu;
    const Bytes bytes{data, size};
    ASSERT(io::from_base64(io::base64(bytes)).value() == Buffer(bytes.begin(), bytes.end()));
    const auto text = as_text(bytes);
    if (const auto decoded = io::from_base64(text)) {
        const auto again = io::from_base64(io::base64url(*decoded));
        ASSERT(again && *again == *decoded);
    }
    if (const auto address = io::parse_address(text)) {
        const auto again = io::parse_address(io::to_string(*address));
        ASSERT(again && again->host == address->host && again->port == address->port);
    }
    return 0;
}
