#include "wire/websocket.h"

#include <algorithm>

#include "base/assert.h"

namespace gongshu::wire {

namespace {

constexpr std::size_t kControlBytesMax = 125;
constexpr std::uint16_t kNoCloseCode = 1005;

bool is_control(WsOpcode opcode) { return static_cast<std::uint8_t>(opcode) >= 8; }

bool is_known(std::uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

// Codes that may be in a close frame (RFC 6455 §7.4, and the registry of IANA up to 1014).
bool is_close_code(unsigned code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

std::uint8_t byte_at(const std::string& text, std::size_t i) { return static_cast<std::uint8_t>(text[i]); }

bool contains_token(std::string_view list, std::string_view lower_token) {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        if (media_type(list.substr(0, end)) == lower_token) return true;  // trimmed and in lower case
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

}  // namespace

bool is_utf8(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        const auto lead = static_cast<std::uint8_t>(text[i]);
        if (lead < 0x80) {
            ++i;
            continue;
        }
        const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (lead < 0xC2 || lead > 0xF4 || text.size() - i < bytes) return false;
        const auto second = static_cast<std::uint8_t>(text[i + 1]);
        if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
            (lead == 0xF4 && second > 0x8F)) {
            return false;  // over-long, surrogate, beyond U+10FFFF
        }
        for (std::size_t k = 1; k < bytes; ++k) {
            if ((static_cast<std::uint8_t>(text[i + k]) & 0xC0) != 0x80) return false;
        }
        i += bytes;
    }
    return true;
}

Error WsDecoder::fail(std::uint16_t close_code, std::string_view text) {
    error_close_code_ = close_code;
    return Error{close_code == kWsTooBig ? Code::limit : Code::malformed, "WebSocket: {}", text};
}

// True once the frame's head is whole; takes its bytes from `rest`.
Result<bool> WsDecoder::read_head(Bytes& rest) {
    const auto take = [&](std::size_t wanted) {
        const std::size_t more = std::min(wanted - std::min(wanted, head_.size()), rest.size());
        head_.append(as_text(rest.first(more)));
        rest = rest.subspan(more);
        return head_.size() >= wanted;
    };
    if (!take(2)) return false;
    const std::uint8_t first = byte_at(head_, 0);
    const std::uint8_t second = byte_at(head_, 1);
    if ((first & 0x70) != 0) return fail(kWsProtocol, "a reserved bit is set, but no extension was agreed on");
    if (!is_known(first & 0x0F)) return fail(kWsProtocol, "unknown opcode");
    opcode_ = static_cast<WsOpcode>(first & 0x0F);
    final_ = (first & 0x80) != 0;
    const bool masked = (second & 0x80) != 0;
    if (masked != (side_ == WsSide::server)) {
        return fail(kWsProtocol, masked ? "a server must not mask its frames" : "a client must mask its frames");
    }
    const std::size_t length_bytes = (second & 0x7F) == 127 ? 8 : (second & 0x7F) == 126 ? 2 : 0;
    if (is_control(opcode_) && (length_bytes != 0 || !final_))
        return fail(kWsProtocol, "a control frame is fragmented or longer than 125 bytes");
    if (!take(2 + length_bytes + (masked ? 4 : 0))) return false;
    frame_bytes_ = length_bytes == 0 ? second & 0x7F : 0;
    for (std::size_t i = 0; i < length_bytes; ++i) frame_bytes_ = frame_bytes_ << 8 | byte_at(head_, 2 + i);
    for (std::size_t i = 0; masked && i < 4; ++i) mask_[i] = byte_at(head_, 2 + length_bytes + i);
    if (is_control(opcode_)) return true;
    if ((opcode_ == WsOpcode::continuation) != message_.has_value()) {
        return fail(kWsProtocol,
                    message_ ? "a new message begins before the last one ended" : "a fragment continues no message");
    }
    if (frame_bytes_ > message_bytes_max_ || payload_.size() + frame_bytes_ > message_bytes_max_) {
        return fail(kWsTooBig, fmt::format("a message is longer than {} bytes", message_bytes_max_));
    }
    if (!message_) message_ = opcode_;
    return true;
}

void WsDecoder::take_payload(Bytes& rest) {
    std::string& into = is_control(opcode_) ? control_ : payload_;
    const auto more = static_cast<std::size_t>(std::min<std::uint64_t>(frame_bytes_ - taken_bytes_, rest.size()));
    const std::size_t begin = into.size();
    into.append(as_text(rest.first(more)));
    if (side_ == WsSide::server) {
        for (std::size_t i = 0; i < more; ++i) {
            into[begin + i] = static_cast<char>(byte_at(into, begin + i) ^ mask_[(taken_bytes_ + i) & 3]);
        }
    }
    taken_bytes_ += more;
    rest = rest.subspan(more);
}

Result<void> WsDecoder::finish_control(const std::function<void(WsMessage)>& on_message) {
    WsMessage message{opcode_, std::move(control_), 0};
    control_.clear();
    if (opcode_ == WsOpcode::close) {
        const std::string payload = std::move(message.payload);
        message.payload.clear();
        if (payload.size() == 1) return fail(kWsProtocol, "a close frame has half a code");
        message.close_code = kNoCloseCode;
        if (payload.size() >= 2) {
            message.close_code = static_cast<std::uint16_t>(byte_at(payload, 0) << 8 | byte_at(payload, 1));
            if (!is_close_code(message.close_code))
                return fail(kWsProtocol, "a close frame has a code that must not be sent");
            message.payload = payload.substr(2);
            if (!is_utf8(message.payload)) return fail(kWsNotUtf8, "the reason of a close frame is not UTF-8");
        }
        closed_ = true;
    }
    on_message(std::move(message));
    return {};
}

Result<void> WsDecoder::finish_frame(const std::function<void(WsMessage)>& on_message) {
    head_.clear();
    head_whole_ = false;
    taken_bytes_ = 0;
    if (is_control(opcode_)) return finish_control(on_message);
    if (!final_) return {};
    if (*message_ == WsOpcode::text && !is_utf8(payload_)) return fail(kWsNotUtf8, "a text message is not UTF-8");
    WsMessage message{*message_, std::move(payload_), 0};
    payload_.clear();
    message_.reset();
    on_message(std::move(message));
    return {};
}

Result<void> WsDecoder::feed(Bytes received, const std::function<void(WsMessage)>& on_message) {
    if (error_close_code_ != 0) return Error{Code::malformed, "WebSocket: a frame before this one was malformed"};
    while (!closed_) {
        if (!head_whole_) {
            head_whole_ = TRY(read_head(received));
            if (!head_whole_) break;
        }
        take_payload(received);
        if (taken_bytes_ < frame_bytes_) break;
        TRY(finish_frame(on_message));
    }
    return {};
}

void write_frame(std::string& out, WsOpcode opcode, std::string_view payload, std::optional<std::uint32_t> mask,
                 bool final) {
    ASSERT(!is_control(opcode) || (payload.size() <= kControlBytesMax && final));
    out.push_back(static_cast<char>(static_cast<std::uint8_t>(opcode) | (final ? 0x80 : 0)));
    const int mask_bit = mask ? 0x80 : 0;
    const std::uint64_t size = payload.size();
    const int length_bytes = size < 126 ? 0 : size <= 0xFFFF ? 2 : 8;
    out.push_back(static_cast<char>(mask_bit | (length_bytes == 0   ? static_cast<int>(size)
                                                : length_bytes == 2 ? 126
                                                                    : 127)));
    for (int i = length_bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(size >> (8 * i) & 0xFF));
    if (!mask) {
        out.append(payload);
        return;
    }
    std::uint8_t key[4];
    for (int i = 0; i < 4; ++i) {
        key[i] = static_cast<std::uint8_t>(*mask >> (8 * (3 - i)));
        out.push_back(static_cast<char>(key[i]));
    }
    for (std::size_t i = 0; i < payload.size(); ++i) {
        out.push_back(static_cast<char>(static_cast<std::uint8_t>(payload[i]) ^ key[i & 3]));
    }
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
    std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
    if (reason.size() > kControlBytesMax - 2) {
        reason = reason.substr(0, kControlBytesMax - 2);
        for (int i = 0; i < 4 && !is_utf8(reason); ++i) reason.remove_suffix(1);
    }
    return payload.append(reason);
}

Result<std::string> check_ws_handshake(const HttpRequest& request) {
    if (request.method != HttpMethod::get || !request.upgrade ||
        !contains_token(request.header("upgrade"), "websocket")) {
        return Error{Code::invalid, "this address speaks WebSocket: a GET with \"Upgrade: websocket\" is expected"};
    }
    if (request.header("sec-websocket-version") != "13")
        return Error{Code::invalid, "Sec-WebSocket-Version must be 13"};
    const std::string_view key = request.header("sec-websocket-key");
    const bool shaped =
        key.size() == 24 && key.ends_with("==") && std::all_of(key.begin(), key.end() - 2, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
        });
    if (!shaped) return Error{Code::invalid, "Sec-WebSocket-Key must be 16 bytes in base64"};
    return std::string{key};
}

std::string ws_accept_input(std::string_view key) { return std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; }

}  // namespace gongshu::wire
