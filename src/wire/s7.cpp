// The lower half: TPKT and COTP, and whom to connect.
#include "wire/s7.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"

namespace gongshu::wire::s7 {

namespace {

constexpr std::size_t kTpktBytes = 4;
constexpr std::size_t kFrameBytesMin = 7;  // the shortest TPDU is the header of a DT
constexpr std::uint8_t kEndOfPdu = 0x80;
constexpr std::uint8_t kSizeCodeMin = 7, kSizeCodeMax = 13;  // 2^7 … 2^13 bytes

enum Tpdu : std::uint8_t { kConnect = 0xe0, kConfirm = 0xd0, kDisconnect = 0x80, kError = 0x70, kData = 0xf0 };
enum Parameter : std::uint8_t { kTpduSize = 0xc0, kCallingTsap = 0xc1, kCalledTsap = 0xc2 };

struct PlcInfo {
    Plc plc;
    std::string_view name;
    Tsaps tsaps;
};
constexpr PlcInfo kPlcs[] = {
    {Plc::s7_300, "s7-300", {0x0100, 0x0302}},
    {Plc::s7_400, "s7-400", {0x0100, 0x0303}},
    {Plc::s7_1200, "s7-1200", {0x0100, 0x0301}},
    {Plc::s7_1500, "s7-1500", {0x0100, 0x0301}},
    {Plc::s7_200_smart, "s7-200-smart", {0x1000, 0x0300}},  // takes 02.00, 02.01, 03.00 and 03.01
    {Plc::logo, "logo", {0x0300, 0x0200}},
};

std::uint16_t get_u16(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void put_u16(Buffer& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

// Header of a frame whose TPDU has `bytes` bytes.
void put_tpkt(Buffer& out, std::size_t bytes) {
    out.push_back(3);
    out.push_back(0);
    put_u16(out, kTpktBytes + bytes);
}

void put_parameter(Buffer& out, Parameter parameter, Bytes value) {
    out.push_back(parameter);
    out.push_back(static_cast<std::uint8_t>(value.size()));
    out.insert(out.end(), value.begin(), value.end());
}

Buffer two_bytes(std::uint16_t value) {
    return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

std::uint8_t size_code(std::uint16_t bytes) {
    std::uint8_t code = kSizeCodeMin;
    while (code < kSizeCodeMax && (2u << code) <= bytes) ++code;
    return code;
}

Error no_frame(std::string_view what, std::size_t found, std::size_t expected) {
    return Error{Code::malformed, "this is not S7 on TCP (RFC 1006): {} {}, expected {}", what, found, expected};
}

Result<void> take_parameter(Connect& connect, std::uint8_t parameter, Bytes value) {
    if (parameter == kTpduSize && value.size() == 1 && value[0] >= kSizeCodeMin && value[0] <= kSizeCodeMax)
        connect.tpdu_bytes_max = static_cast<std::uint16_t>(1u << value[0]);
    if (parameter != kCallingTsap && parameter != kCalledTsap) return {};  // others are for other classes
    if (value.size() > kTsapBytesMax) return no_frame("a TSAP of bytes", value.size(), kTsapBytesMax);
    (parameter == kCallingTsap ? connect.calling : connect.called).assign(value.begin(), value.end());
    return {};
}

// `header` begins after its length.
Result<Connect> decode_connect(Bytes header) {
    if (header.size() < 6) return no_frame("a connection header of bytes", header.size(), 6);
    Connect connect;
    connect.confirm = (header[0] & 0xf0) == kConfirm;
    connect.destination = get_u16(header, 1);
    connect.source = get_u16(header, 3);
    connect.tpdu_bytes_max = 0;
    // A request may offer a higher class with class 0 as the other choice; what is confirmed must be 0.
    if (connect.confirm && header[5] >> 4 != 0) return no_frame("transport class", header[5] >> 4, 0);
    Bytes rest = header.subspan(6);
    while (rest.size() >= 2) {
        const std::size_t bytes = rest[1];
        if (rest.size() < 2 + bytes) return no_frame("a parameter that is cut off, of bytes", rest.size() - 2, bytes);
        TRY(take_parameter(connect, rest[0], rest.subspan(2, bytes)));
        rest = rest.subspan(2 + bytes);
    }
    return connect;
}

std::optional<std::uint16_t> parse_hex(std::string_view digits) {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<Plc> parse_plc(std::string_view name) {
    for (const PlcInfo& info : kPlcs)
        if (info.name == name) return info.plc;
    return std::nullopt;
}

std::string_view to_string(Plc plc) { return kPlcs[static_cast<std::size_t>(plc)].name; }
Tsaps usual_tsaps(Plc plc) { return kPlcs[static_cast<std::size_t>(plc)].tsaps; }

Result<Tsaps> tsaps_of_slot(int rack, int slot, Resource resource) {
    if (rack < 0 || rack > 7) return Error{Code::invalid, "rack {}: expected 0 to 7, mostly 0", rack};
    if (slot < 0 || slot > 31)
        return Error{Code::invalid, "slot {}: expected 0 to 31: 2 for an S7-300, 1 for an S7-1200 or 1500", slot};
    return Tsaps{0x0100, static_cast<std::uint16_t>(static_cast<int>(resource) << 8 | rack << 5 | slot)};
}

Result<std::uint16_t> parse_tsap(std::string_view text) {
    std::string_view digits = text;
    if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
    if (digits.starts_with("16#")) digits.remove_prefix(3);
    const bool dotted = digits.size() == 5 && digits[2] == '.';
    const auto high = parse_hex(digits.substr(0, std::min<std::size_t>(2, digits.size())));
    const auto low = digits.size() == (dotted ? 5u : 4u) ? parse_hex(digits.substr(dotted ? 3 : 2)) : std::nullopt;
    if (!high || !low)
        return Error{Code::invalid, "\"{}\" is no TSAP: expected two bytes in hexadecimal such as 03.01", text};
    return static_cast<std::uint16_t>(*high << 8 | *low);
}

std::string tsap_text(std::uint16_t tsap) { return fmt::format("{:02X}.{:02X}", tsap >> 8, tsap & 0xff); }

Connect connect_request(const Tsaps& tsaps, std::uint16_t source) {
    Connect connect;
    connect.source = source;
    connect.calling = two_bytes(tsaps.local);
    connect.called = two_bytes(tsaps.remote);
    return connect;
}

Connect connect_confirm(const Connect& request, std::uint16_t source, std::uint16_t tpdu_bytes_max) {
    Connect connect = request;
    connect.confirm = true;
    connect.destination = request.source;
    connect.source = source;
    if (request.tpdu_bytes_max != 0 && tpdu_bytes_max != 0)
        connect.tpdu_bytes_max = std::min(request.tpdu_bytes_max, tpdu_bytes_max);
    return connect;
}

Buffer encode_connect(const Connect& connect) {
    ASSERT(connect.calling.size() <= kTsapBytesMax && connect.called.size() <= kTsapBytesMax);
    Buffer header{connect.confirm ? kConfirm : kConnect};
    put_u16(header, connect.destination);
    put_u16(header, connect.source);
    header.push_back(0);  // class 0
    const std::uint8_t code = size_code(connect.tpdu_bytes_max);
    if (connect.tpdu_bytes_max != 0) put_parameter(header, kTpduSize, {&code, 1});
    if (!connect.calling.empty()) put_parameter(header, kCallingTsap, connect.calling);
    if (!connect.called.empty()) put_parameter(header, kCalledTsap, connect.called);
    Buffer out;
    put_tpkt(out, 1 + header.size());
    out.push_back(static_cast<std::uint8_t>(header.size()));
    out.insert(out.end(), header.begin(), header.end());
    return out;
}

Buffer encode_disconnect(const Disconnect& disconnect) {
    Buffer out;
    put_tpkt(out, 7);
    out.push_back(6);
    out.push_back(kDisconnect);
    put_u16(out, disconnect.destination);
    put_u16(out, disconnect.source);
    out.push_back(disconnect.reason);
    return out;
}

Buffer encode_packet(Bytes pdu, std::uint16_t tpdu_bytes_max) {
    ASSERT(!pdu.empty() && pdu.size() <= kPduBytesMax);
    ASSERT(tpdu_bytes_max == 0 || tpdu_bytes_max >= 1u << kSizeCodeMin);
    const std::size_t piece_max = tpdu_bytes_max == 0 ? pdu.size() : tpdu_bytes_max - 3u;
    Buffer out;
    while (!pdu.empty()) {
        const Bytes piece = pdu.first(std::min(piece_max, pdu.size()));
        pdu = pdu.subspan(piece.size());
        put_tpkt(out, 3 + piece.size());
        out.push_back(2);
        out.push_back(kData);
        out.push_back(pdu.empty() ? kEndOfPdu : std::uint8_t{0});
        out.insert(out.end(), piece.begin(), piece.end());
    }
    return out;
}

Result<void> FrameDecoder::feed(Bytes received, const std::function<bool(const Arrival&)>& on_arrival) {
    while (!broken_) {
        // The header is checked as soon as it is there, so that nothing is collected behind a wrong one.
        const std::size_t known = frame_.size() >= kTpktBytes ? get_u16(frame_, 2) : kTpktBytes;
        const std::size_t taken = std::min(known - frame_.size(), received.size());
        frame_.insert(frame_.end(), received.begin(), received.begin() + static_cast<std::ptrdiff_t>(taken));
        received = received.subspan(taken);
        if (frame_.size() < known) return {};
        const auto go_on = take_frame(on_arrival);
        if (!go_on)
            broken_ = go_on.error();
        else if (!*go_on)
            return {};
    }
    return *broken_;
}

// Called with a header, then with the whole frame; false when the callback had enough.
Result<bool> FrameDecoder::take_frame(const std::function<bool(const Arrival&)>& on_arrival) {
    const std::size_t bytes = get_u16(frame_, 2);
    if (frame_[0] != 3) return no_frame("version", frame_[0], 3);
    if (bytes < kFrameBytesMin) return no_frame("a frame of bytes", bytes, kFrameBytesMin);
    if (bytes > kFrameBytesMax) return no_frame("a frame of bytes", bytes, kFrameBytesMax);
    if (frame_.size() < bytes) return true;

    const Buffer frame = std::exchange(frame_, {});
    const Bytes tpdu = Bytes(frame).subspan(kTpktBytes);
    const std::size_t header_bytes = tpdu[0];
    if (header_bytes < 2 || 1 + header_bytes > tpdu.size())
        return no_frame("a header of bytes", header_bytes, tpdu.size() - 1);
    const Bytes header = tpdu.subspan(1, header_bytes);
    switch (header[0] & 0xf0) {
        case kData:
            return take_data(tpdu, on_arrival);
        case kConnect:
        case kConfirm:
            return on_arrival(TRY(decode_connect(header)));
        case kDisconnect:
            if (header.size() < 6) return no_frame("the header of a disconnection of bytes", header.size(), 6);
            return on_arrival(Disconnect{get_u16(header, 1), get_u16(header, 3), header[5]});
        case kError:
            if (header.size() < 4) return no_frame("the header of a rejection of bytes", header.size(), 4);
            return on_arrival(Rejection{get_u16(header, 1), header[3]});
        default:
            return no_frame("a message of kind", header[0], kData);
    }
}

Result<bool> FrameDecoder::take_data(Bytes tpdu, const std::function<bool(const Arrival&)>& on_arrival) {
    if (tpdu[0] != 2) return no_frame("a data header of bytes", tpdu[0], 2);
    const Bytes data = tpdu.subspan(3);
    if (pdu_.size() + data.size() > kPduBytesMax)
        return no_frame("a PDU of bytes", pdu_.size() + data.size(), kPduBytesMax);
    const bool is_end = (tpdu[2] & kEndOfPdu) != 0;
    if (pdu_.empty() && is_end && !data.empty()) return on_arrival(Packet{data});  // the usual case
    pdu_.insert(pdu_.end(), data.begin(), data.end());
    if (!is_end || pdu_.empty()) return true;  // some peers send empty ones to keep the link alive
    const Buffer whole = std::exchange(pdu_, {});
    return on_arrival(Packet{whole});
}

void FrameDecoder::reset() {
    frame_.clear();
    pdu_.clear();
    broken_.reset();
}

}  // namespace gongshu::wire::s7
