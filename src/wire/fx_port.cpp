#include "wire/fx_port.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace gongshu::wire::fx {

namespace {

using melsec::DeviceCode;
using melsec::NumberRange;

constexpr std::uint8_t kStx = 0x02, kEtx = 0x03;
constexpr std::uint32_t kNone = 0x10000;
constexpr std::uint16_t kModelAddress = 0x0e02;    // D8001 by the first commands
constexpr std::uint32_t kExtendedRelays = 0x8000;  // from here on bits are counted for E7 and E8

// Where the numbers from `first` on lie: by the commands 0, 1, 7, 8 and by E00, E10, E7, E8.
struct Area {
    DeviceCode code;
    std::uint32_t first;
    std::uint32_t last_basic;  // that the first commands reach
    std::uint32_t basic, extended;
};
constexpr Area kAreas[] = {
    {DeviceCode::D, 0, 7999, 0x1000, 0x4000},    {DeviceCode::D, 8000, 8255, 0x0e00, 0x8000},
    {DeviceCode::TN, 0, 255, 0x0800, 0x1000},    {DeviceCode::CN, 0, 199, 0x0a00, kNone},
    {DeviceCode::CN, 200, 255, 0x0c00, kNone},   {DeviceCode::X, 0, 255, 0x0080, 0x8ca0},
    {DeviceCode::Y, 0, 255, 0x00a0, 0x8bc0},     {DeviceCode::M, 0, 1535, 0x0100, 0x8800},
    {DeviceCode::M, 8000, 8255, 0x01e0, 0x8c00}, {DeviceCode::S, 0, 1023, 0x0000, 0x8ce0},
    {DeviceCode::TS, 0, 255, 0x00c0, 0x9360},    {DeviceCode::TC, 0, 255, 0x02c0, 0x9300},
    {DeviceCode::CS, 0, 255, 0x01c0, 0x9340},    {DeviceCode::CC, 0, 255, 0x03c0, 0x92e0},
};

bool is_fx(Family family) { return family == Family::fx || family == Family::fx3; }

const Area* area_of(const Place& place, Family family) {
    const NumberRange range = melsec::range_of(place, family);
    for (const Area& area : kAreas)
        if (area.code == place.code && area.first == range.first && range.first <= range.last) return &area;
    return nullptr;
}

// FX3 has all that has an address there by the extended commands, the rest of it and the older ones by the first.
bool is_extended(const Area& area, Family family) { return family == Family::fx3 && area.extended != kNone; }

Result<const Area*> reachable(const Place& place, Family family) {
    if (!is_fx(family))
        return Error{Code::unsupported, "the family {} has no programming port of this kind: choose fx or fx3",
                     to_string(family)};
    const Area* area = area_of(place, family);
    if (area == nullptr)
        return Error{Code::unsupported,
                     "{} cannot be reached by the programming port: choose the 1E frame or another PLC device",
                     to_string(place, family)};
    return area;
}

// The byte where `place` begins; relays in eights.
std::uint32_t byte_of(const Area& area, const Place& place, Family family) {
    const std::uint32_t base = is_extended(area, family) ? area.extended : area.basic;
    const std::uint32_t offset = place.number - area.first;
    return base + (melsec::is_bits(place.code) ? offset / 8 : offset * melsec::range_of(place, family).words * 2u);
}

Result<Request> request_for(const Span& span, Command command, Family family) {
    const Area* area = TRY(reachable(span.head, family));
    const std::string name = to_string(span.head, family);
    const NumberRange range = melsec::range_of(span.head, family);
    const bool bits = melsec::is_bits(span.head.code);
    if (span.points < 1 || span.points * 2u > kBytesMax)
        return Error{Code::invalid, "{}: the programming port takes 1 to {} words at once, not {}", name, kBytesMax / 2,
                     span.points};
    if (bits && span.head.number % 16 != 0)
        return Error{Code::invalid, "{}: words of relays begin at a multiple of 16", name};
    if (!bits && span.points % range.words != 0)
        return Error{Code::invalid, "{}: counters of 32 bits take two words each, not {} words", name, span.points};
    const std::uint32_t numbers = bits ? span.points * 16u : span.points / range.words;
    if (span.head.number + numbers > range.last + 1)
        return Error{Code::invalid, "{}: {} points pass the last number of the PLC device", name, span.points};
    Request request;
    request.command = command;
    request.extended = is_extended(*area, family);
    request.address = static_cast<std::uint16_t>(byte_of(*area, span.head, family));
    return request;
}

void put_digits(Buffer& out, std::uint32_t value, unsigned count) {
    for (unsigned i = count; i-- > 0;) out.push_back("0123456789ABCDEF"[value >> (4 * i) & 0xf]);
}

std::uint8_t sum_of(Bytes bytes) {
    unsigned sum = 0;
    for (const std::uint8_t byte : bytes) sum += byte;
    return static_cast<std::uint8_t>(sum);
}

Buffer finish(Buffer message) {
    message.push_back(kEtx);
    put_digits(message, sum_of(Bytes(message).subspan(1)), 2);
    return message;
}

std::optional<std::uint32_t> get_digits(Bytes text) {
    std::uint32_t value = 0;
    for (const std::uint8_t c : text) {
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return std::nullopt;
        value = value << 4 | static_cast<unsigned>(digit);
    }
    return value;
}

std::optional<Buffer> get_bytes(Bytes text) {
    Buffer bytes;
    if (text.size() % 2 != 0) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const auto byte = get_digits(text.subspan(i, 2));
        if (!byte) return std::nullopt;
        bytes.push_back(static_cast<std::uint8_t>(*byte));
    }
    return bytes;
}

std::uint16_t swapped(std::uint32_t value) { return static_cast<std::uint16_t>(value << 8 | value >> 8); }

// "0", "1", "7", "8", and with E in front; read and write have one digit more there.
struct Opcode {
    std::string_view text;
    Command command;
    bool extended;
};
constexpr Opcode kOpcodes[] = {
    {"E00", Command::read, true},     {"E10", Command::write, true},    {"E7", Command::force_on, true},
    {"E8", Command::force_off, true}, {"0", Command::read, false},      {"1", Command::write, false},
    {"7", Command::force_on, false},  {"8", Command::force_off, false},
};

bool is_force(Command command) { return command == Command::force_on || command == Command::force_off; }

Error not_understood(Bytes text) {
    return Error{Code::malformed, "a message of the programming port is not understood (0x{})",
                 to_hex(text.first(std::min<std::size_t>(text.size(), 16)))};
}

}  // namespace

Result<Request> read_words(const Span& span, Family family) {
    Request request = TRY(request_for(span, Command::read, family));
    request.bytes = static_cast<std::uint8_t>(span.points * 2u);
    return request;
}

Result<Request> write_words(const Place& head, std::span<const std::uint16_t> words, Family family) {
    const auto points = static_cast<std::uint16_t>(std::min<std::size_t>(words.size(), 0xffff));
    Request request = TRY(request_for({head, points}, Command::write, family));
    for (const std::uint16_t word : words) {
        request.data.push_back(static_cast<std::uint8_t>(word));
        request.data.push_back(static_cast<std::uint8_t>(word >> 8));
    }
    return request;
}

Result<Request> force(const Place& relay, bool on, Family family) {
    const Area* area = TRY(reachable(relay, family));
    if (!melsec::is_bits(relay.code))
        return Error{Code::invalid, "{}: a word device has no bit units", to_string(relay, family)};
    Request request;
    request.command = on ? Command::force_on : Command::force_off;
    request.extended = is_extended(*area, family);
    const std::uint32_t byte = byte_of(*area, relay, family) - (request.extended ? kExtendedRelays : 0);
    request.address = static_cast<std::uint16_t>(byte * 8 + (relay.number - area->first) % 8);
    return request;
}

Request read_model() { return {Command::read, false, kModelAddress, 2, {}}; }

std::string describe_model(std::uint16_t d8001) {
    const unsigned type = d8001 / 1000u, version = d8001 % 1000u;
    const std::string name = type == 22   ? "FX1S"
                             : type == 24 ? "FX2N/FX3U"
                             : type == 26 ? "FX1N/FX3G"
                             : type == 28 ? "FX3S"
                                          : fmt::format("FX ({})", type);
    return fmt::format("{} {}.{:02}", name, version / 100, version % 100);
}

Buffer encode_request(const Request& request) {
    Buffer out{kStx};
    for (const Opcode& opcode : kOpcodes)
        if (opcode.command == request.command && opcode.extended == request.extended)
            out.insert(out.end(), opcode.text.begin(), opcode.text.end());
    if (is_force(request.command)) {
        put_digits(out, swapped(request.address), 4);
        return finish(std::move(out));
    }
    put_digits(out, request.address, 4);
    ASSERT(request.data.size() <= kBytesMax && request.bytes <= kBytesMax);
    put_digits(out, request.command == Command::read ? request.bytes : static_cast<std::uint32_t>(request.data.size()),
               2);
    for (const std::uint8_t byte : request.data) put_digits(out, byte, 2);
    return finish(std::move(out));
}

Buffer encode_data(Bytes data) {
    ASSERT(data.size() <= kBytesMax);
    Buffer out{kStx};
    for (const std::uint8_t byte : data) put_digits(out, byte, 2);
    return finish(std::move(out));
}

Result<std::vector<std::uint16_t>> decode_words(const Request& asked, Bytes text) {
    const auto bytes = get_bytes(text);
    if (!bytes) return not_understood(text);
    if (bytes->size() != asked.bytes)
        return Error{Code::malformed, "the programming port answers with {} bytes, expected {}", bytes->size(),
                     asked.bytes};
    std::vector<std::uint16_t> words;
    for (std::size_t i = 0; i + 1 < bytes->size(); i += 2)
        words.push_back(static_cast<std::uint16_t>((*bytes)[i] | (*bytes)[i + 1] << 8));
    return words;
}

Result<Request> decode_request(Bytes text) {
    for (const Opcode& opcode : kOpcodes) {
        if (!as_text(text).starts_with(opcode.text)) continue;
        const Bytes rest = text.subspan(opcode.text.size());
        const auto address = rest.size() >= 4 ? get_digits(rest.first(4)) : std::nullopt;
        if (!address) return not_understood(text);
        Request request{opcode.command, opcode.extended, static_cast<std::uint16_t>(*address), 0, {}};
        if (is_force(opcode.command)) {
            if (rest.size() != 4) return not_understood(text);
            request.address = swapped(*address);
            return request;
        }
        const auto bytes = rest.size() >= 6 ? get_digits(rest.subspan(4, 2)) : std::nullopt;
        const auto data = bytes ? get_bytes(rest.subspan(6)) : std::nullopt;
        const bool read = opcode.command == Command::read;
        if (!data || *bytes < 1 || *bytes > kBytesMax || data->size() != (read ? 0 : *bytes))
            return not_understood(text);
        request.bytes = static_cast<std::uint8_t>(read ? *bytes : 0);
        request.data = *data;
        return request;
    }
    return not_understood(text);
}

std::optional<Found> find_byte(std::uint16_t address, bool extended, Family family) {
    for (const Area& area : kAreas) {
        const std::uint32_t base = extended ? area.extended : area.basic;
        const NumberRange range = melsec::range_of({area.code, area.first}, family);
        if (base == kNone || range.first > range.last || address < base || (extended && family != Family::fx3))
            continue;
        const std::uint32_t last = extended ? range.last : std::min(range.last, area.last_basic);
        const std::uint32_t offset = address - base, unit = range.words * 2u;
        const bool bits = melsec::is_bits(area.code);
        const std::uint32_t number = area.first + (bits ? offset * 8 : offset / unit);
        if (number <= last) return Found{{area.code, number}, static_cast<std::uint8_t>(bits ? 0 : offset % unit)};
    }
    return std::nullopt;
}

std::optional<Place> find_relay(const Request& request, Family family) {
    const std::uint32_t byte = request.address / 8u + (request.extended ? kExtendedRelays : 0);
    const auto found = find_byte(static_cast<std::uint16_t>(byte), request.extended, family);
    if (!found || !melsec::is_bits(found->place.code)) return std::nullopt;
    return Place{found->place.code, found->place.number + request.address % 8u};
}

Error refusal(const Span& span, Family family) {
    return Error{
        Code::denied,
        "the PLC refuses {} at its programming port (NAK): choose fx or fx3 as the PLC is, and an address that it has",
        to_string(span.head, family)};
}

Error no_answer() {
    return Error{Code::timeout,
                 "the programming port does not answer: is the cable in, and the line at 9600 baud, 7 data bits, even "
                 "parity, 1 stop bit?"};
}

Result<void> Decoder::take(std::uint8_t byte, const std::function<void(const Piece&)>& on_piece) {
    if (byte >= 0x80)
        return Error{Code::malformed,
                     "a byte of the programming port has 8 bits (0x{:02x}): set 7 data bits, even parity", byte};
    if (byte == kStx) buffer_.clear();  // a message that was cut off
    if (buffer_.empty() && byte != kStx) {
        if (byte == kEnq || byte == kAck || byte == kNak) on_piece({byte, {}});
        return {};
    }
    buffer_.push_back(byte);
    if (buffer_.size() > kMessageBytesMax)
        return Error{Code::malformed, "a message of the programming port is longer than {} bytes", kMessageBytesMax};
    if (buffer_.size() < 4 || buffer_[buffer_.size() - 3] != kEtx) return {};
    const Buffer whole = std::exchange(buffer_, {});
    const Bytes summed = Bytes(whole).subspan(1, whole.size() - 3);
    if (const auto told = get_digits(Bytes(whole).last(2)); told != sum_of(summed))
        return Error{
            Code::malformed,
            "the sum of a message of the programming port is wrong (0x{:02X} expected): is the line disturbed?",
            sum_of(summed)};
    on_piece({0, summed.first(summed.size() - 1)});
    return {};
}

Result<void> Decoder::feed(Bytes received, const std::function<void(const Piece&)>& on_piece) {
    for (const std::uint8_t byte : received)
        if (auto taken = take(byte, on_piece); !taken) {
            buffer_.clear();
            return taken;
        }
    return {};
}

}  // namespace gongshu::wire::fx
