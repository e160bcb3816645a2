// The frames (APCI).
#include "wire/iec104.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace gongshu::wire::iec104 {

namespace {

constexpr std::uint8_t kStart = 0x68;
constexpr std::size_t kControlBytes = 4;

void put_number(Buffer& out, std::uint16_t number) {
    ASSERT(number < kSequenceCount);
    out.push_back(static_cast<std::uint8_t>(number << 1));
    out.push_back(static_cast<std::uint8_t>(number >> 7));
}

std::uint16_t get_number(Bytes bytes) { return static_cast<std::uint16_t>((bytes[0] | bytes[1] << 8) >> 1); }

void put_control(Buffer& out, const Information& frame) {
    put_number(out, frame.send);
    put_number(out, frame.receive);
    out.insert(out.end(), frame.asdu.begin(), frame.asdu.end());
}
void put_control(Buffer& out, const Supervisory& frame) {
    out.push_back(1);
    out.push_back(0);
    put_number(out, frame.receive);
}
void put_control(Buffer& out, const Unnumbered& frame) {
    out.push_back(static_cast<std::uint8_t>(frame.function));
    out.insert(out.end(), 3, 0);
}

constexpr std::pair<Function, std::string_view> kFunctions[] = {
    {Function::start_act, "STARTDT act"}, {Function::start_con, "STARTDT con"}, {Function::stop_act, "STOPDT act"},
    {Function::stop_con, "STOPDT con"},   {Function::test_act, "TESTFR act"},   {Function::test_con, "TESTFR con"},
};

// `body` is what the length counts.
Result<Frame> decode_frame(Bytes body) {
    const Bytes control = body.first(kControlBytes);
    if ((control[0] & 1) == 0) {
        const Bytes asdu = body.subspan(kControlBytes);
        if (asdu.empty()) return Error{Code::malformed, "an I frame of IEC 104 carries nothing"};
        return Frame{Information{get_number(control), get_number(control.subspan(2)), asdu}};
    }
    if (body.size() != kControlBytes)
        return Error{Code::malformed, "an S or U frame of IEC 104 has a length of {}: expected 4", body.size()};
    if ((control[0] & 3) == 1) return Frame{Supervisory{get_number(control.subspan(2))}};
    const auto function = static_cast<Function>(control[0]);
    if (to_string(function).empty())
        return Error{Code::malformed, "a U frame of IEC 104 has function 0x{:02x}: expected one of the six",
                     control[0]};
    return Frame{Unnumbered{function}};
}

Error no_frame(Bytes bytes) {
    if (bytes[0] != kStart)
        return Error{Code::malformed, "this is not IEC 60870-5-104: a frame begins with 0x{:02x}, expected 0x68",
                     bytes[0]};
    return Error{Code::malformed, "this is not IEC 60870-5-104: a frame has a length of {}, expected 4 to 253",
                 bytes[1]};
}

}  // namespace

std::string_view to_string(Function function) {
    const auto* const found = std::ranges::find(kFunctions, function, &std::pair<Function, std::string_view>::first);
    return found == std::end(kFunctions) ? std::string_view{} : found->second;
}

Buffer encode_frame(const Frame& frame) {
    Buffer out{kStart, 0};
    std::visit([&](const auto& each) { put_control(out, each); }, frame);
    const std::size_t length = out.size() - 2;
    ASSERT(length <= kApduLengthMax && (length > kControlBytes || !std::holds_alternative<Information>(frame)));
    out[1] = static_cast<std::uint8_t>(length);
    return out;
}

void FrameDecoder::reset() {
    buffer_.clear();
    broken_.reset();
}

Result<void> FrameDecoder::feed(Bytes received, const std::function<bool(const Frame&)>& on_frame) {
    if (broken_) return *broken_;
    while (!received.empty()) {
        // The two bytes that say how long it is, then the rest of it.
        const std::size_t want = buffer_.size() < 2 ? 2 : 2u + buffer_[1];
        const std::size_t bytes = std::min(want - buffer_.size(), received.size());
        buffer_.insert(buffer_.end(), received.begin(), received.begin() + static_cast<std::ptrdiff_t>(bytes));
        received = received.subspan(bytes);
        const bool has_length = buffer_.size() >= 2;
        if (buffer_[0] != kStart || (has_length && (buffer_[1] < kControlBytes || buffer_[1] > kApduLengthMax))) {
            broken_ = no_frame(buffer_);
            buffer_.clear();
            return *broken_;
        }
        if (!has_length || buffer_.size() < 2u + buffer_[1]) continue;
        const Buffer whole = std::exchange(buffer_, {});
        auto frame = decode_frame(Bytes(whole).subspan(2));
        if (!frame) {
            broken_ = std::move(frame).error();
            return *broken_;
        }
        if (!on_frame(*frame)) return {};
    }
    return {};
}

}  // namespace gongshu::wire::iec104
