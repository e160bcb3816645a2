#include "wire/dlt645.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"

namespace gongshu::wire::dlt645 {
namespace {

constexpr std::uint8_t kBegin = 0x68, kEnd = 0x16, kWake = 0xfe;
constexpr std::uint8_t kOffset = 0x33;
constexpr std::uint8_t kWildcard = 0xaa, kBroadcast = 0x99;
constexpr std::size_t kHeadBytes = 10;  // up to the length
constexpr std::uint8_t kAnswer = 0x80, kRefused = 0x40, kMore = 0x20, kCode = 0x1f;
constexpr std::uint8_t kErrorOfNothing = 0x02;

// Control codes, one line each, so that the code below has no switch over editions.
struct Codes {
    std::uint8_t read, read_more, read_address;  // 0: there is none
    std::size_t id_bytes;
    bool has_sequence;
};
constexpr Codes kCodes[] = {{0x11, 0x12, 0x13, 4, true}, {0x01, 0x02, 0, 2, false}};

const Codes& codes_of(Standard standard) { return kCodes[static_cast<std::size_t>(standard)]; }

std::uint8_t code_of(const Codes& codes, Request::Kind kind) {
    switch (kind) {
        case Request::Kind::read:
            return codes.read;
        case Request::Kind::read_more:
            return codes.read_more;
        case Request::Kind::read_address:
            return codes.read_address;
        case Request::Kind::other:
            break;
    }
    return 0;
}

std::uint8_t sum_of(Bytes bytes) { return static_cast<std::uint8_t>(std::accumulate(bytes.begin(), bytes.end(), 0u)); }

void put_id(Buffer& out, const Codes& codes, std::uint32_t id) {
    for (std::size_t i = 0; i < codes.id_bytes; ++i) out.push_back(static_cast<std::uint8_t>(id >> (8 * i)));
}

std::uint32_t get_id(const Codes& codes, Bytes data) {
    std::uint32_t id = 0;
    for (std::size_t i = codes.id_bytes; i-- > 0;) id = id << 8 | data[i];
    return id;
}

Error differs(const Request& asked, std::string_view what, std::string_view found, std::string_view expected) {
    return Error{
        Code::malformed, "the answer of meter {} has {} {}, expected {}", to_string(asked.address), what, found,
        expected};
}

std::string hex_byte(std::uint8_t byte) { return fmt::format("{:02X}", byte); }

// The identifier and, of the later frames of 2007, the number around a value.
Result<Buffer> unwrap(Standard standard, const Request& asked, Bytes data) {
    const Codes& codes = codes_of(standard);
    const std::size_t tail = codes.has_sequence && asked.kind == Request::Kind::read_more ? 1 : 0;
    if (data.size() < codes.id_bytes + tail)
        return differs(asked, "bytes of data:", std::to_string(data.size()),
                       fmt::format("at least {}", codes.id_bytes + tail));
    if (const std::uint32_t id = get_id(codes, data); id != asked.id)
        return differs(asked, "the identifier", id_text(standard, id), id_text(standard, asked.id));
    if (tail == 1 && data.back() != asked.sequence)
        return differs(asked, "the frame number", std::to_string(data.back()), std::to_string(asked.sequence));
    data = data.subspan(codes.id_bytes, data.size() - codes.id_bytes - tail);
    return Buffer{data.begin(), data.end()};
}

struct ErrorBit {
    std::uint8_t bit;
    std::string_view of_2007, of_1997;
};
constexpr ErrorBit kErrorBits[] = {
    {0x01, "another error", "data that cannot be"},
    {0x02, "no such data", "a wrong identifier"},
    {0x04, "wrong password or no right", "wrong password"},
    {0x08, "the baud rate cannot be changed", ""},
    {0x10, "too many yearly time zones", "too many yearly time zones"},
    {0x20, "too many daily time slots", "too many daily time slots"},
    {0x40, "too many tariffs", "too many tariffs"},
};

}  // namespace

std::string_view to_string(Standard standard) { return standard == Standard::of_2007 ? "2007" : "1997"; }

std::optional<Standard> parse_standard(std::string_view name) {
    for (const Standard one : {Standard::of_2007, Standard::of_1997})
        if (to_string(one) == name) return one;
    return std::nullopt;
}

std::string id_text(Standard standard, std::uint32_t id) {
    return fmt::format("{:0{}X}", id, 2 * codes_of(standard).id_bytes);
}

// ---- addresses of meters ----

bool MeterAddress::is_broadcast() const {
    return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == kBroadcast; });
}

bool MeterAddress::has_wildcard() const { return bytes.back() == kWildcard; }

bool MeterAddress::matches(const MeterAddress& own) const {
    if (is_broadcast()) return true;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (bytes[i] != own.bytes[i] && bytes[i] != kWildcard) return false;
    return true;
}

Result<MeterAddress> parse_meter_address(std::string_view text) {
    const auto wrong = [text](std::string_view why) {
        return Error{Code::invalid, "\"{}\" is no address of a meter: {}; expected up to 12 digits, or AAAAAAAAAAAA",
                     text.substr(0, 40), why};
    };
    if (text.empty() || text.size() > 12) return wrong(text.empty() ? "it is empty" : "it is too long");
    std::string digits(12 - text.size(), '0');
    for (const char c : text) {
        if (c >= '0' && c <= '9')
            digits += c;
        else if (c == 'A' || c == 'a')
            digits += 'A';
        else
            return wrong("there is something else than digits in it");
    }
    MeterAddress address;
    bool in_front = true;  // where AA may stand
    for (std::size_t i = 0; i < 6; ++i) {
        const char high = digits[2 * i], low = digits[2 * i + 1];
        if ((high == 'A') != (low == 'A')) return wrong("A stands for two digits at a time");
        if (high == 'A' && !in_front) return wrong("A stands in front only");
        in_front = high == 'A';
        address.bytes[5 - i] = high == 'A' ? kWildcard : static_cast<std::uint8_t>((high - '0') << 4 | (low - '0'));
    }
    return address;
}

std::string to_string(const MeterAddress& address) {
    std::string text;
    for (std::size_t i = 6; i-- > 0;) text += hex_byte(address.bytes[i]);
    return text;
}

// ---- frames ----

Buffer encode_frame(const Frame& frame, std::size_t preamble_bytes) {
    ASSERT(frame.data.size() <= 255);
    Buffer out(preamble_bytes, kWake);
    out.reserve(preamble_bytes + kFrameBytesMin + frame.data.size());
    out.push_back(kBegin);
    out.insert(out.end(), frame.address.bytes.begin(), frame.address.bytes.end());
    out.push_back(kBegin);
    out.push_back(frame.control);
    out.push_back(static_cast<std::uint8_t>(frame.data.size()));
    for (const std::uint8_t byte : frame.data) out.push_back(static_cast<std::uint8_t>(byte + kOffset));
    out.push_back(sum_of(Bytes(out).subspan(preamble_bytes)));
    out.push_back(kEnd);
    return out;
}

// Bytes of the frame that begins the buffer; 0: none does; more than there are: it may be one.
std::size_t FrameDecoder::measure() {
    const Bytes rest{buffer_};
    if (rest[0] != kBegin || (rest.size() > 7 && rest[7] != kBegin)) return 0;
    if (rest.size() < kHeadBytes) return kFrameBytesMin;
    const std::size_t bytes = kFrameBytesMin + rest[9];
    if (rest.size() < bytes) return bytes;
    if (rest[bytes - 1] != kEnd) return 0;
    if (sum_of(rest.first(bytes - 2)) != rest[bytes - 2]) {
        ++wrong_sums_;
        return 0;
    }
    return bytes;
}

void FrameDecoder::skip(std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) skipped_ += buffer_[i] != kWake;
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(bytes));
}

void FrameDecoder::feed(Bytes received, const std::function<void(const Frame&)>& on_frame) {
    for (const std::uint8_t byte : received) {
        buffer_.push_back(byte);
        while (!buffer_.empty()) {
            const std::size_t bytes = measure();
            if (bytes > buffer_.size()) break;
            if (bytes == 0) {
                const auto next = std::find(buffer_.begin() + 1, buffer_.end(), kBegin);
                skip(static_cast<std::size_t>(next - buffer_.begin()));
                continue;
            }
            Frame frame;
            std::copy_n(buffer_.begin() + 1, 6, frame.address.bytes.begin());
            frame.control = buffer_[8];
            for (std::size_t i = kHeadBytes; i < bytes - 2; ++i)
                frame.data.push_back(static_cast<std::uint8_t>(buffer_[i] - kOffset));
            buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(bytes));
            on_frame(frame);
        }
    }
}

// ---- requests and answers ----

Result<Buffer> encode_request(Standard standard, const Request& request) {
    const Codes& codes = codes_of(standard);
    Frame frame{request.address, code_of(codes, request.kind), {}};
    if (request.kind == Request::Kind::other) return read_only();
    if (frame.control == 0)
        return Error{Code::unsupported,
                     "meters of 1997 do not tell their address; read C032, the meter's number, from AAAAAAAAAAAA"};
    if (request.address.is_broadcast())
        return Error{
            Code::invalid,
            "no meter answers to 999999999999, the address of all; AAAAAAAAAAAA reaches the only one of a line"};
    if (request.kind == Request::Kind::read_address) return encode_frame(frame);
    if (codes.id_bytes == 2 && request.id > 0xffff)
        return Error{Code::invalid, "identifier {} has four bytes; those of 1997 have two",
                     id_text(Standard::of_2007, request.id)};
    if (request.id >> 24 == 0xff)
        return Error{Code::invalid, "identifier {} is none: its first byte must not be FF",
                     id_text(standard, request.id)};
    put_id(frame.data, codes, request.id);
    if (request.kind == Request::Kind::read_more && codes.has_sequence) frame.data.push_back(request.sequence);
    return encode_frame(frame);
}

Result<Request> decode_request(Standard standard, const Frame& frame) {
    const Codes& codes = codes_of(standard);
    if (frame.is_answer())
        return Error{Code::malformed, "control {} is of an answer, not a request", hex_byte(frame.control)};
    Request request{Request::Kind::other, frame.address, 0, 0};
    for (const auto kind : {Request::Kind::read, Request::Kind::read_more, Request::Kind::read_address})
        if (const std::uint8_t code = code_of(codes, kind); code != 0 && code == frame.control) request.kind = kind;
    if (request.kind == Request::Kind::other || request.kind == Request::Kind::read_address) return request;
    // A load record is asked for with a time behind the identifier: those are not known here.
    const std::size_t wanted =
        codes.id_bytes + (request.kind == Request::Kind::read_more && codes.has_sequence ? 1 : 0);
    if (frame.data.size() != wanted)
        return Error{Code::malformed, "a request with {} bytes of data, expected {}", frame.data.size(), wanted};
    request.id = get_id(codes, frame.data);
    if (wanted > codes.id_bytes) request.sequence = frame.data.back();
    return request;
}

Buffer encode_answer(Standard standard, const Request& asked, const Answer& answer) {
    const Codes& codes = codes_of(standard);
    Frame frame{answer.address, static_cast<std::uint8_t>(code_of(codes, asked.kind) | kAnswer), {}};
    if (answer.error) {
        frame.control |= kRefused;
        frame.data.push_back(*answer.error);
        return encode_frame(frame);
    }
    if (answer.more) frame.control |= kMore;
    if (asked.kind == Request::Kind::read_address) {
        frame.data.assign(answer.address.bytes.begin(), answer.address.bytes.end());
        return encode_frame(frame);
    }
    put_id(frame.data, codes, asked.id);
    frame.data.insert(frame.data.end(), answer.value.begin(), answer.value.end());
    if (asked.kind == Request::Kind::read_more && codes.has_sequence) frame.data.push_back(asked.sequence);
    return encode_frame(frame);
}

Result<Answer> decode_answer(Standard standard, const Request& asked, const Frame& frame) {
    const Codes& codes = codes_of(standard);
    const std::uint8_t code = code_of(codes, asked.kind);
    if (!frame.is_answer() || (frame.control & kCode) != code)
        return differs(asked, "control", hex_byte(frame.control), hex_byte(code | kAnswer));
    if (!asked.address.matches(frame.address))
        return differs(asked, "the address", to_string(frame.address), to_string(asked.address));
    Answer answer{frame.address, std::nullopt, (frame.control & kMore) != 0, {}};
    if ((frame.control & kRefused) != 0) {
        // Some meters refuse without a reason.
        answer.error = frame.data.empty() ? kErrorOfNothing : frame.data[0];
        return answer;
    }
    if (asked.kind == Request::Kind::read_address) {
        if (frame.data.size() != 6) return differs(asked, "bytes of data:", std::to_string(frame.data.size()), "6");
        std::copy_n(frame.data.begin(), 6, answer.address.bytes.begin());
        return answer;
    }
    answer.value = TRY(unwrap(standard, asked, frame.data));
    return answer;
}

std::string error_text(Standard standard, std::uint8_t error) {
    std::string words;
    for (const ErrorBit& one : kErrorBits) {
        const std::string_view word = standard == Standard::of_2007 ? one.of_2007 : one.of_1997;
        if ((error & one.bit) != 0 && !word.empty()) words.append(words.empty() ? "" : ", ").append(word);
    }
    return fmt::format("error {} ({})", hex_byte(error), words.empty() ? "not in the standard" : words);
}

Error read_only() {
    return Error{Code::unsupported,
                 "meters are only read: writing takes a meter's password and changes what is billed by; "
                 "use its maker's program"};
}

// ---- an item over several frames ----

Result<Reading> Reading::create(Standard standard, const MeterAddress& address, std::uint32_t id) {
    const Request asked{Request::Kind::read, address, id, 0};
    (void)TRY(encode_request(standard, asked));
    return Reading{standard, asked};
}

Buffer Reading::request() const {
    auto bytes = encode_request(standard_, asked_);
    ASSERT(bytes.has_value());  // create() tried it
    return std::move(*bytes);
}

Result<bool> Reading::take(const Frame& frame) {
    Answer answer = TRY(decode_answer(standard_, asked_, frame));
    if (answer.address.is_broadcast() || answer.address.has_wildcard())
        return Error{Code::malformed, "{} is not the number of a meter", to_string(answer.address)};
    if (answer.error)
        return Error{Code::unavailable, "meter {} refuses {}: {}", to_string(answer.address),
                     id_text(standard_, asked_.id), error_text(standard_, *answer.error)};
    if (value_.size() + answer.value.size() > kValueBytesMax)
        return Error{Code::limit, "{} of meter {} has more than {} bytes", id_text(standard_, asked_.id),
                     to_string(answer.address), kValueBytesMax};
    value_.insert(value_.end(), answer.value.begin(), answer.value.end());
    asked_.address = answer.address;  // with a wildcard two could take turns
    if (!answer.more) return true;
    if (asked_.sequence == kFollowUpsMax)
        return Error{Code::limit, "{} of meter {} takes more than {} frames", id_text(standard_, asked_.id),
                     to_string(answer.address), kFollowUpsMax};
    asked_.kind = Request::Kind::read_more;
    ++asked_.sequence;
    return false;
}

}  // namespace gongshu::wire::dlt645
