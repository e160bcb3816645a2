#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/http.h"

namespace gongshu::wire {

enum class WsOpcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
enum class WsSide : std::uint8_t { server, client };  // who decodes: a server wants masked frames, a client plain ones

// Close codes (RFC 6455 §7.4.1) that we send.
inline constexpr std::uint16_t kWsNormal = 1000, kWsGoingAway = 1001, kWsProtocol = 1002, kWsNotUtf8 = 1007,
                               kWsPolicy = 1008, kWsTooBig = 1009, kWsTryLater = 1013;

// A whole message (text, binary), or one control frame (ping, pong, close).
struct WsMessage {
    WsOpcode opcode = WsOpcode::text;
    std::string payload;           // of close: the reason
    std::uint16_t close_code = 0;  // of close; 1005 when the peer gave none
};

// WsDecoder puts frames in any split together to messages: masking, fragments with control frames between, UTF-8 of
// text, close codes. After an error the connection is closed with error_close_code().
// Threads: one at a time.   Bounds: message_bytes_max.   Disk: none.
class WsDecoder {
public:
    explicit WsDecoder(WsSide side, std::uint64_t message_bytes_max = 1 << 20)
        : side_(side), message_bytes_max_(message_bytes_max) {}

    // Nothing is handed out after a close. The callback must not call feed().
    Result<void> feed(Bytes received, const std::function<void(WsMessage)>& on_message);
    std::uint16_t error_close_code() const { return error_close_code_; }
    bool closed() const { return closed_; }

private:
    Error fail(std::uint16_t close_code, std::string_view text);
    Result<bool> read_head(Bytes& rest);
    void take_payload(Bytes& rest);
    Result<void> finish_frame(const std::function<void(WsMessage)>& on_message);
    Result<void> finish_control(const std::function<void(WsMessage)>& on_message);

    // Constant.
    WsSide side_;
    std::uint64_t message_bytes_max_;
    // The frame that is coming in.
    std::string head_;  // its first bytes, up to 14
    bool head_whole_ = false;
    bool final_ = false;
    WsOpcode opcode_ = WsOpcode::text;
    std::array<std::uint8_t, 4> mask_{};
    std::uint64_t frame_bytes_ = 0;  // of its payload
    std::uint64_t taken_bytes_ = 0;
    std::string control_;  // payload of a control frame
    // The message that is coming in, over its fragments.
    std::optional<WsOpcode> message_;
    std::string payload_;
    bool closed_ = false;
    std::uint16_t error_close_code_ = 0;
};

// Appends one frame. A client masks with `mask`, a server does not.
void write_frame(std::string& out, WsOpcode opcode, std::string_view payload,
                 std::optional<std::uint32_t> mask = std::nullopt, bool final = true);
// The payload of a close frame; the reason is cut to 123 bytes at a whole character.
std::string close_payload(std::uint16_t code, std::string_view reason);

bool is_utf8(std::string_view text);

// The server's side of the opening handshake: Code::invalid and what is wrong if this is no proper request for a
// WebSocket (GET, Upgrade, version 13, a 16-byte key); else the key.
Result<std::string> check_ws_handshake(const HttpRequest& request);
// The value of Sec-WebSocket-Accept (RFC 6455 §4.2.2) without its last step, which needs base64: SHA-1 of this.
std::string ws_accept_input(std::string_view key);

}  // namespace gongshu::wire
