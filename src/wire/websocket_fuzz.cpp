#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "wire/websocket.h"

// Frames of a client, once in one piece and once byte by byte: both must give the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    const auto run = [&](std::size_t piece) {
        std::string seen;
        wire::WsDecoder decoder{wire::WsSide::server, 4096};
        for (std::size_t at = 0; at < bytes; at += piece) {
            const auto fed = decoder.feed({data + at, std::min(piece, bytes - at)}, [&](wire::WsMessage message) {
                ASSERT(message.opcode != wire::WsOpcode::text || wire::is_utf8(message.payload));
                seen +=
                    fmt::format("{} {} {}\n", static_cast<int>(message.opcode), message.close_code, message.payload);
            });
            if (!fed) return seen + fmt::format("error {}", decoder.error_close_code());
        }
        return seen;
    };
    ASSERT(run(bytes == 0 ? 1 : bytes) == run(1));
    wire::WsDecoder client{wire::WsSide::client, 4096};
    std::ignore = client.feed({data, bytes}, [](const wire::WsMessage&) {});
    return 0;
}
