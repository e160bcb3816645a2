#include "wire/modbus_rtu.h"

#include <algorithm>
#include <array>

namespace gongshu::wire::modbus {

namespace {

constexpr std::uint8_t kExceptionFlag = 0x80;
constexpr std::size_t kExceptionBytes = 5;
constexpr std::size_t kWriteReplyBytes = 8;
constexpr std::uint8_t kExpected = 1, kOther = 2;  // in tried_

constexpr std::array<std::uint16_t, 256> make_crc_table() {
    std::array<std::uint16_t, 256> table{};
    for (unsigned byte = 0; byte < 256; ++byte) {
        unsigned crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xa001 : crc >> 1;
        table[byte] = static_cast<std::uint16_t>(crc);
    }
    return table;
}
constexpr auto kCrcTable = make_crc_table();

Buffer frame(std::uint8_t unit, const Buffer& pdu) {
    Buffer out;
    out.reserve(pdu.size() + kRtuExtraBytes);
    out.push_back(unit);
    out.insert(out.end(), pdu.begin(), pdu.end());
    const std::uint16_t crc = rtu_crc(out);
    out.push_back(static_cast<std::uint8_t>(crc));
    out.push_back(static_cast<std::uint8_t>(crc >> 8));
    return out;
}

bool crc_fits(Bytes frame) {
    const std::uint16_t crc = rtu_crc(frame.first(frame.size() - 2));
    return frame[frame.size() - 2] == (crc & 0xff) && frame[frame.size() - 1] == crc >> 8;
}

RtuFrame frame_of(Bytes bytes, bool expected) {
    return {bytes[0], bytes.subspan(1, bytes.size() - kRtuExtraBytes), expected};
}

bool is_known(std::uint8_t function) { return (function >= 1 && function <= 6) || function == 15 || function == 16; }

// How long a reply that begins like this is; 0 = it is none, or its length has not come yet.
std::size_t any_reply_bytes(Bytes rest) {
    if (rest.size() < 3) return 0;
    const std::uint8_t function = rest[1];
    if (!is_known(function & ~kExceptionFlag)) return 0;
    if ((function & kExceptionFlag) != 0) return kExceptionBytes;
    return function <= 4 ? kRtuExtraBytes + 2u + rest[2] : kWriteReplyBytes;
}

// The same of a request; 0 = it is none, 1 = its length has not come yet.
std::size_t request_bytes(Bytes rest) {
    constexpr std::size_t kShort = 8, kHeader = 7;
    if (rest.size() < 2) return 1;
    if (!is_known(rest[1])) return 0;
    if (rest[1] <= 6) return kShort;
    if (rest.size() < kHeader) return 1;
    const std::size_t bytes = kHeader + rest[6] + 2;
    return bytes <= kRtuBytesMax ? bytes : 0;
}

void drop(Buffer& buffer, std::size_t bytes) {
    buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(bytes));
}

// As much as the buffer takes.
void take(Buffer& buffer, Bytes& received) {
    const std::size_t taken = std::min(kRtuBytesMax - buffer.size(), received.size());
    buffer.insert(buffer.end(), received.begin(), received.begin() + static_cast<std::ptrdiff_t>(taken));
    received = received.subspan(taken);
}

}  // namespace

std::uint16_t rtu_crc(Bytes bytes) {
    unsigned crc = 0xffff;
    for (const std::uint8_t byte : bytes) crc = crc >> 8 ^ kCrcTable[(crc ^ byte) & 0xff];
    return static_cast<std::uint16_t>(crc);
}

Result<Buffer> encode_rtu_request(std::uint8_t unit, const Request& request) {
    const Buffer pdu = TRY(encode_request_pdu(request));
    return frame(unit, pdu);
}

Buffer encode_rtu_reply(std::uint8_t unit, const Reply& reply) { return frame(unit, encode_reply_pdu(reply)); }

void RtuReplyDecoder::expect(std::uint8_t unit, const Request& asked) {
    reset();
    expects_ = true;
    unit_ = unit;
    function_ = static_cast<std::uint8_t>(asked.function);
    reply_bytes_ = reply_pdu_bytes(asked) + kRtuExtraBytes;
    reads_ = is_read(asked.function);
}

void RtuReplyDecoder::reset() {
    expects_ = false;
    buffer_.clear();
    tried_.clear();
    noise_ = 0;
}

// The length of the reply that is expected if `rest` may be its beginning, else 0.
std::size_t RtuReplyDecoder::expected_bytes(Bytes rest) const {
    if (!expects_ || rest[0] != unit_) return 0;
    if (rest.size() < 2) return reply_bytes_;
    if (rest[1] == (function_ | kExceptionFlag)) return kExceptionBytes;
    if (rest[1] != function_) return 0;
    if (reads_ && rest.size() > 2 && rest[2] + kRtuExtraBytes + 2u != reply_bytes_) return 0;
    return reply_bytes_;
}

// Each beginning is tried once, so that much noise does not cost much.
bool RtuReplyDecoder::try_frame(std::size_t at, std::size_t bytes, std::uint8_t kind) {
    if ((tried_[at] & kind) != 0) return false;
    tried_[at] |= kind;
    return crc_fits(Bytes(buffer_).subspan(at, bytes));
}

// What is expected may begin anywhere; another reply only where nothing before it may still become the expected one.
std::optional<RtuReplyDecoder::Found> RtuReplyDecoder::find() {
    const Bytes all(buffer_);
    bool open = false;
    for (std::size_t at = 0; at < all.size(); ++at) {
        const Bytes rest = all.subspan(at);
        const std::size_t wanted = expected_bytes(rest);
        if (wanted > rest.size()) {
            open = true;
            continue;
        }
        if (wanted != 0 && try_frame(at, wanted, kExpected)) return Found{at, wanted, true};
        const std::size_t other = open ? 0 : any_reply_bytes(rest);
        if (other != 0 && other <= rest.size() && try_frame(at, other, kOther)) return Found{at, other, false};
    }
    return std::nullopt;
}

void RtuReplyDecoder::forget(std::size_t bytes) {
    drop(buffer_, bytes);
    drop(tried_, bytes);
}

void RtuReplyDecoder::feed(Bytes received, const std::function<bool(const RtuFrame&)>& on_frame) {
    while (!received.empty()) {
        take(buffer_, received);
        tried_.resize(buffer_.size());
        while (const auto found = find()) {
            noise_ += found->at;
            const Buffer whole(buffer_.begin() + static_cast<std::ptrdiff_t>(found->at),
                               buffer_.begin() + static_cast<std::ptrdiff_t>(found->at + found->bytes));
            forget(found->at + found->bytes);
            if (on_frame(frame_of(whole, found->expected))) continue;
            forget(buffer_.size());
            return;
        }
        if (buffer_.size() < kRtuBytesMax) continue;
        // No frame begins at the first byte: it would be whole by now.
        forget(1);
        ++noise_;
    }
}

void RtuRequestDecoder::feed(Bytes received, const std::function<bool(const RtuFrame&)>& on_frame) {
    while (!received.empty()) {
        take(buffer_, received);
        while (!buffer_.empty()) {
            const std::size_t wanted = request_bytes(buffer_);
            if (wanted == 1 || wanted > buffer_.size()) break;
            const bool whole = wanted != 0 && crc_fits(Bytes(buffer_).first(wanted));
            if (!whole) {
                drop(buffer_, 1);
                continue;
            }
            const Buffer bytes(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(wanted));
            drop(buffer_, wanted);
            if (on_frame(frame_of(bytes, false))) continue;
            buffer_.clear();
            return;
        }
    }
}

}  // namespace gongshu::wire::modbus
