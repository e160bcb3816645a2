// Any bytes from either end of a connection. What decodes must encode to something that decodes to the same, and how
// the bytes were split must not matter.
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "wire/mqtt.h"

namespace {

using namespace gongshu;
using namespace gongshu::wire::mqtt;

Buffer encoded(const Packet& packet, Version version) {
    Buffer out;
    encode(packet, version, out);
    return out;
}

void check_round_trip(const Packet& packet, Version version, End end) {
    const Buffer once = encoded(packet, version);
    const auto again = decode_packet(once, version, end);
    ASSERT(again.has_value());
    ASSERT(encoded(*again, version) == once);
}

// Number of packets that came out, and whether it ended in an error.
std::pair<int, bool> feed_all(Bytes bytes, End end, Version version, std::size_t piece) {
    Decoder decoder{end, 4096, version};
    int packets = 0;
    while (!bytes.empty()) {
        const Bytes now = bytes.first(std::min(piece, bytes.size()));
        bytes = bytes.subspan(now.size());
        const auto fed = decoder.feed(now, [&](const Packet& packet) {
            ++packets;
            check_round_trip(packet, decoder.version(), end);
            return true;
        });
        if (!fed) {
            ASSERT(!fed.error().text.empty());
            return {packets, true};
        }
        ASSERT(decoder.kept_bytes() <= 4096);
    }
    return {packets, false};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    if (bytes == 0) return 0;
    const End end = data[0] & 1 ? End::client : End::server;
    const Version version = data[0] & 2 ? Version::v5 : Version::v311;
    const std::size_t piece = 1 + (data[0] >> 2);
    const Bytes rest{data + 1, bytes - 1};
    ASSERT(feed_all(rest, end, version, piece) == feed_all(rest, end, version, 1 << 20));
    return 0;
}
