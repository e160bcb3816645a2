#include <algorithm>

#include "base/assert.h"
#include "wire/mc.h"
#include "wire/mc_text.h"

namespace gongshu::wire::mc {

namespace {

constexpr std::size_t kRouteBytes = 5;
constexpr std::size_t kLookBytes = 2;  // enough to tell the codings and frames from each other

bool is_ascii(const Link& link) { return link.coding != Coding::binary; }
std::size_t scale(const Link& link) { return is_ascii(link) ? 2 : 1; }
std::size_t header_bytes(const Link& link) { return (link.frame == Frame::e4 ? 6 : 2) + kRouteBytes + 2; }

// Which frame and coding the first two bytes look like, by the side that sent them.
struct Look {
    Frame frame;
    bool ascii;
};
std::optional<Look> look_of(Bytes first, bool reply) {
    const bool ascii = digit_of(first[0]) >= 0 && digit_of(first[1]) >= 0;
    const unsigned byte = ascii ? Reader{true, first.first(2)}.u8() : first[0];
    if (byte == (reply ? 0xd0u : 0x50u)) return Look{Frame::e3, ascii};
    if (byte == (reply ? 0xd4u : 0x54u)) return Look{Frame::e4, ascii};
    if ((byte & 0x80) == (reply ? 0x80u : 0u) && (byte & 0x7f) <= 0x3b) return Look{Frame::e1, ascii};
    return std::nullopt;
}

Error wrong_look(const Link& link, Bytes first, bool reply) {
    const auto look = look_of(first, reply);
    const char* who = reply ? "the PLC answers" : "the client asks";
    if (!look)
        return Error{Code::malformed, "what comes (0x{}…) is no frame of the MC protocol: is it the right port?",
                     to_hex(first)};
    if (look->ascii != is_ascii(link))
        return Error{Code::malformed, "{} in {}, expected {}: set the same communication data code on both sides", who,
                     look->ascii ? "ASCII" : "binary", look->ascii ? "binary" : "ASCII"};
    return Error{Code::malformed, "{} with a {} frame, expected {}: choose the frame that the PLC's port is set for",
                 who, to_string(look->frame), to_string(link.frame)};
}

}  // namespace

void FrameDecoder::expect(const Request& asked) {
    asked_ = asked;
    if (link_.frame == Frame::e1) buffer_.clear();
}

void FrameDecoder::reset() {
    buffer_.clear();
    asked_.reset();
    broken_.reset();
}

// 1E replies have a length only by what was asked; requests by their command.
Result<std::size_t> FrameDecoder::wanted_of_one_e() const {
    const std::size_t unit = scale(link_);
    Reader in{is_ascii(link_), buffer_};
    if (side_ == Side::client) {
        if (buffer_.size() < 2 * unit) return 2 * unit;
        in.u8();
        const std::uint8_t end_code = in.u8();
        if (end_code == 0x5b) return 4 * unit;
        if (end_code != 0 || !asked_ || is_write(asked_->command)) return 2 * unit;
        if (asked_->spans.empty()) return 4 * unit;
        const std::size_t points = asked_->spans[0].points;
        const bool bits = asked_->command == Command::read_bits;
        return 2 * unit + (bits ? (is_ascii(link_) ? (points + 1) / 2 * 2 : (points + 1) / 2) : points * 2 * unit);
    }
    if (buffer_.size() < 4 * unit) return 4 * unit;
    const std::uint8_t command = in.u8();
    if (command > 3) return 4 * unit;  // no span follows, or one that we do not know
    if (buffer_.size() < 12 * unit) return 12 * unit;
    Reader count{is_ascii(link_), Bytes(buffer_).subspan(10 * unit)};
    const std::size_t told = count.u8();
    const std::size_t points = told == 0 ? 256 : told;
    const std::size_t bits = is_ascii(link_) ? (points + 1) / 2 * 2 : (points + 1) / 2;
    return 12 * unit + (command == 2 ? bits : command == 3 ? points * 2 * unit : 0);
}

// How many bytes the message that begins in the buffer has, as far as is known by now.
Result<std::size_t> FrameDecoder::wanted_bytes() const {
    if (buffer_.size() < kLookBytes) return kLookBytes;
    const auto look = look_of(buffer_, side_ == Side::client);
    if (!look || look->frame != link_.frame || look->ascii != is_ascii(link_))
        return wrong_look(link_, Bytes(buffer_).first(kLookBytes), side_ == Side::client);
    if (link_.frame == Frame::e1) return wanted_of_one_e();
    const std::size_t header = header_bytes(link_) * scale(link_);
    if (buffer_.size() < header) return header;
    Reader length{is_ascii(link_), Bytes(buffer_).subspan(header - 2 * scale(link_))};
    const std::size_t body = length.u16();
    if (length.bad() || body < 2 * scale(link_) || body > kBodyBytesMax)
        return Error{Code::malformed, "a frame of the PLC has the length {}, expected {} to {}", body, 2 * scale(link_),
                     kBodyBytesMax};
    return header + body;
}

Message FrameDecoder::message() const {
    Message message;
    if (link_.frame == Frame::e1) {
        message.body = buffer_;
        return message;
    }
    Reader in{is_ascii(link_), buffer_};
    in.u16();
    if (link_.frame == Frame::e4) {
        message.serial = in.u16();
        in.u16();
    }
    message.route.network = in.u8();
    message.route.pc = in.u8();
    message.route.io = in.u16();
    message.route.station = in.u8();
    message.body = Bytes(buffer_).subspan(header_bytes(link_) * scale(link_));
    return message;
}

Result<void> FrameDecoder::feed(Bytes received, const std::function<bool(const Message&)>& on_message) {
    while (!broken_) {
        auto wanted = wanted_bytes();
        if (!wanted) {
            broken_ = wanted.error();
            break;
        }
        ASSERT(*wanted <= kFrameBytesMax);
        if (buffer_.size() < *wanted) {
            const std::size_t taken = std::min(*wanted - buffer_.size(), received.size());
            buffer_.insert(buffer_.end(), received.begin(), received.begin() + static_cast<std::ptrdiff_t>(taken));
            received = received.subspan(taken);
            if (buffer_.size() < *wanted) return {};
            continue;  // now more may be known of it
        }
        const bool go_on = on_message(message());
        buffer_.clear();
        if (!go_on || received.empty()) return {};
    }
    return *broken_;
}

}  // namespace gongshu::wire::mc
