#include "wire/aibus.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"

namespace gongshu::wire::aibus {
namespace {

constexpr std::uint8_t kFirst = 0x80;
constexpr std::uint8_t kRead = 0x52, kWrite = 0x43;

struct Named {
    std::string_view name;
    std::uint8_t code;
};
// As the table of V8.0 has them, and the names that other instruments show for the same.
constexpr Named kParameters[] = {
    {"SV", 0x00},   {"HIAL", 0x01}, {"LoAL", 0x02}, {"dHAL", 0x03}, {"dLAL", 0x04}, {"AHYS", 0x05}, {"CtrL", 0x06},
    {"P", 0x07},    {"I", 0x08},    {"d", 0x09},    {"CtI", 0x0a},  {"InP", 0x0b},  {"dPt", 0x0c},  {"ScL", 0x0d},
    {"ScH", 0x0e},  {"ALP", 0x0f},  {"Sc", 0x10},   {"oP1", 0x11},  {"Addr", 0x16},
};
constexpr Named kOtherNames[] = {{"HdAL", 0x03}, {"LdAL", 0x04}, {"AOP", 0x0f}, {"Scb", 0x10}, {"OPt", 0x11}};
constexpr Named kAlarms[] = {{"HIAL", 0}, {"LoAL", 1}, {"dHAL", 2}, {"dLAL", 3}, {"orAL", 4}, {"HdAL", 2}, {"LdAL", 3}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

template <std::size_t N>
const Named* find(const Named (&list)[N], std::string_view name) {
    const auto found = std::ranges::find_if(list, [name](const Named& one) { return same(one.name, name); });
    return found == std::end(list) ? nullptr : found;
}

// "1BH" or "0x1B".
std::optional<std::uint8_t> code_of(std::string_view text) {
    const bool has_prefix = text.starts_with("0x") || text.starts_with("0X");
    const bool has_suffix = text.ends_with('H') || text.ends_with('h');
    if (has_prefix == has_suffix) return std::nullopt;
    const std::string_view digits = has_prefix ? text.substr(2) : text.substr(0, text.size() - 1);
    std::uint8_t code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return code;
}

void put(Buffer& out, std::uint16_t value) {
    out.push_back(static_cast<std::uint8_t>(value));
    out.push_back(static_cast<std::uint8_t>(value >> 8));
}

std::uint16_t get(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] | bytes[at + 1] << 8);
}

std::uint16_t sum_of(const Request& request) {
    const auto value = static_cast<std::uint16_t>(request.writes ? request.value : 0);
    return static_cast<std::uint16_t>((request.parameter << 8) + (request.writes ? kWrite : kRead) + value +
                                      request.address);
}

// Four words of two bytes and the address.
std::uint16_t sum_of_answer(std::uint8_t address, Bytes bytes) {
    std::uint32_t sum = address;
    for (std::size_t at = 0; at < kAnswerBytes - 2; at += 2) sum += get(bytes, at);
    return static_cast<std::uint16_t>(sum);
}

}  // namespace

// ---- frames ----

Buffer encode_request(const Request& request) {
    ASSERT(request.address <= kAddressMax);
    const auto first = static_cast<std::uint8_t>(kFirst + request.address);
    Buffer out{first, first, request.writes ? kWrite : kRead, request.parameter};
    put(out, static_cast<std::uint16_t>(request.writes ? request.value : 0));
    put(out, sum_of(request));
    return out;
}

Result<Request> decode_request(Bytes bytes) {
    if (bytes.size() != kRequestBytes)
        return Error{Code::malformed, "a request of AIBUS has {} bytes, expected {}", bytes.size(), kRequestBytes};
    const bool is_known = bytes[2] == kRead || bytes[2] == kWrite;
    if (bytes[0] != bytes[1] || bytes[0] < kFirst || bytes[0] > kFirst + kAddressMax || !is_known)
        return Error{Code::malformed, "0x{} is no request of AIBUS", to_hex(bytes)};
    Request request;
    request.address = static_cast<std::uint8_t>(bytes[0] - kFirst);
    request.writes = bytes[2] == kWrite;
    request.parameter = bytes[3];
    if (request.writes) request.value = static_cast<std::int16_t>(get(bytes, 4));
    if (!request.writes && get(bytes, 4) != 0)
        return Error{Code::malformed, "0x{} is no request of AIBUS", to_hex(bytes)};
    if (get(bytes, 6) == sum_of(request)) return request;
    return Error{Code::malformed, "the sum of a request of AIBUS is 0x{:04x}, expected 0x{:04x}", get(bytes, 6),
                 sum_of(request)};
}

Buffer encode_answer(std::uint8_t address, const Answer& answer) {
    Buffer out;
    put(out, static_cast<std::uint16_t>(answer.pv));
    put(out, static_cast<std::uint16_t>(answer.sv));
    out.push_back(static_cast<std::uint8_t>(answer.mv));
    out.push_back(answer.status);
    put(out, static_cast<std::uint16_t>(answer.value));
    out.resize(kAnswerBytes);
    const std::uint16_t sum = sum_of_answer(address, out);
    out.resize(kAnswerBytes - 2);
    put(out, sum);
    return out;
}

Result<Answer> decode_answer(std::uint8_t address, Bytes bytes) {
    if (bytes.size() != kAnswerBytes)
        return Error{Code::malformed, "an answer of AIBUS has {} bytes, expected {}", bytes.size(), kAnswerBytes};
    const std::uint16_t sum = sum_of_answer(address, bytes);
    if (get(bytes, 8) != sum)
        return Error{Code::malformed, "the sum of the answer is 0x{:04x}, of instrument {} it would be 0x{:04x}",
                     get(bytes, 8), address, sum};
    Answer answer;
    answer.pv = static_cast<std::int16_t>(get(bytes, 0));
    answer.sv = static_cast<std::int16_t>(get(bytes, 2));
    answer.mv = static_cast<std::int8_t>(bytes[4]);
    answer.status = bytes[5];
    answer.value = static_cast<std::int16_t>(get(bytes, 6));
    return answer;
}

bool is_missing(std::int16_t value) { return value == 0x7f7f || value == 0x7fff; }

void AnswerDecoder::expect(const Request& request) {
    asked_ = request;
    echo_ = encode_request(request);
    buffer_.clear();
    has_echo_ = false;
}

std::optional<Answer> AnswerDecoder::feed(Bytes received) {
    std::optional<Answer> found;
    for (const std::uint8_t byte : received) {
        if (found) {
            ++skipped_;
            continue;
        }
        buffer_.push_back(byte);
        if (buffer_.size() >= echo_.size() && !echo_.empty() &&
            std::equal(echo_.begin(), echo_.end(), buffer_.end() - static_cast<std::ptrdiff_t>(echo_.size()))) {
            skipped_ += buffer_.size() - echo_.size();
            buffer_.clear();
            has_echo_ = true;
        }
        if (buffer_.size() < kAnswerBytes) continue;
        // Nothing but zeros would be an answer of instrument 0; it is a line that is held low.
        const bool is_low = std::ranges::all_of(buffer_, [](std::uint8_t one) { return one == 0; });
        if (const auto answer = decode_answer(asked_.address, buffer_); answer && !is_low) {
            found = *answer;
            buffer_.clear();
            continue;
        }
        buffer_.erase(buffer_.begin());
        ++skipped_;
    }
    return found;
}

// ---- addresses of properties ----

std::string known_names() {
    std::string names;
    for (const Named& one : kParameters) names.append(names.empty() ? "" : ", ").append(one.name);
    return names;
}

Result<Place> parse_place(std::string_view text) {
    if (same(text, "PV")) return Place{Field::pv, 0, std::nullopt};
    if (same(text, "SV")) return Place{Field::sv, 0, std::nullopt};
    if (same(text, "MV")) return Place{Field::mv, 0, std::nullopt};
    if (same(text, "status")) return Place{Field::status, 0, std::nullopt};
    const std::size_t point = text.find('.');
    const std::string_view head = text.substr(0, point), tail = point == text.npos ? "" : text.substr(point + 1);
    if (point != text.npos && same(head, "status") && tail.size() == 1 && tail[0] >= '0' && tail[0] <= '7')
        return Place{Field::status, 0, static_cast<std::uint8_t>(tail[0] - '0')};
    if (point != text.npos && same(head, "alarm"))
        if (const Named* alarm = find(kAlarms, tail)) return Place{Field::status, 0, alarm->code};
    if (const Named* named = find(kParameters, text)) return Place{Field::parameter, named->code, std::nullopt};
    if (const Named* named = find(kOtherNames, text)) return Place{Field::parameter, named->code, std::nullopt};
    if (const auto code = code_of(text)) return Place{Field::parameter, *code, std::nullopt};
    return Error{Code::invalid,
                 "\"{}\" is nothing that an instrument of AIBUS tells: expected PV, SV, MV, status, status.0 to status.7, "
                 "alarm.HIAL (LoAL, dHAL, dLAL, orAL), a parameter by name ({}) or by its code such as 1BH",
                 text.substr(0, 40), known_names()};
}

std::string to_string(const Place& place) {
    switch (place.field) {
        case Field::pv:
            return "PV";
        case Field::sv:
            return "SV";
        case Field::mv:
            return "MV";
        case Field::status:
            return place.bit ? fmt::format("status.{}", *place.bit) : "status";
        case Field::parameter:
            break;
    }
    const auto found = std::ranges::find(kParameters, place.parameter, &Named::code);
    // "SV" is the set point of every answer.
    const bool has_name = found != std::end(kParameters) && place.parameter != 0;
    return has_name ? std::string(found->name) : fmt::format("{:02X}H", place.parameter);
}

Result<std::uint8_t> parse_station(std::string_view text) {
    std::uint8_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || number > kAddressMax)
        return Error{Code::invalid,
                     "\"{}\" is no address of an instrument of AIBUS: expected its parameter Addr, a number from 0 to {}",
                     text.substr(0, 40), kAddressMax};
    return number;
}

}  // namespace gongshu::wire::aibus
