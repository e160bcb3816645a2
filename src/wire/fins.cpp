#include "wire/fins.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "base/assert.h"

namespace gongshu::wire::fins {
namespace {

constexpr std::size_t kHeaderBytes = 10;
constexpr std::size_t kCommandBytes = 12;  // with the command
constexpr std::size_t kReplyBytes = 14;    // with the end code
constexpr std::size_t kAreaBytes = 6;
constexpr std::uint16_t kRead = 0x0101, kWrite = 0x0102;
constexpr std::uint16_t kCharactersMax = 500;

void put16(Buffer& out, std::uint32_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}
void put32(Buffer& out, std::uint32_t value) {
    put16(out, value >> 16);
    put16(out, value & 0xffff);
}
std::uint16_t get16(Bytes bytes, std::size_t at) { return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]); }
std::uint32_t get32(Bytes bytes, std::size_t at) {
    return static_cast<std::uint32_t>(get16(bytes, at)) << 16 | get16(bytes, at + 2);
}

// ---- areas ----

struct AreaInfo {
    Area area;
    std::string_view name;
    std::uint32_t end;
    std::uint8_t words, bits;  // their codes
};
constexpr AreaInfo kAreas[] = {
    {Area::cio, "CIO", 6144, 0xb0, 0x30}, {Area::w, "W", 512, 0xb1, 0x31},   {Area::h, "H", 1536, 0xb2, 0x32},
    {Area::a, "A", 11536, 0xb3, 0x33},    {Area::d, "D", 32768, 0x82, 0x02}, {Area::t, "T", 4096, 0x89, 0x09},
    {Area::c, "C", 4096, 0x89, 0x09},     {Area::e, "E", 32768, 0x98, 0x0a},
};
constexpr std::uint16_t kCounters = 0x8000;  // where they lie among the timers
constexpr std::uint16_t kReadOnlyOfA = 448;

const AreaInfo& info_of(Area area) {
    const AreaInfo& info = kAreas[static_cast<std::size_t>(area)];
    ASSERT(info.area == area);
    return info;
}

std::uint8_t code_of(const Place& place, bool in_bits) {
    const AreaInfo& info = info_of(place.area);
    const std::uint8_t code = in_bits ? info.bits : info.words;
    if (place.area != Area::e || place.bank == kCurrentBank) return code;
    if (place.bank < 0x10) return static_cast<std::uint8_t>((in_bits ? 0x20 : 0xa0) + place.bank);
    return static_cast<std::uint8_t>((in_bits ? 0xe0 : 0x60) + place.bank - 0x10);
}

struct Found {
    Place place;
    bool in_bits = false;
};
std::optional<Found> place_at(std::uint8_t code, std::uint16_t number) {
    for (const AreaInfo& info : kAreas) {
        if (code != info.words && code != info.bits) continue;
        const bool is_counter = is_timer(info.area) && number >= kCounters;
        if (is_timer(info.area) && is_counter != (info.area == Area::c)) continue;
        const auto own = static_cast<std::uint16_t>(is_counter ? number - kCounters : number);
        if (own >= info.end) return std::nullopt;
        return Found{{info.area, info.area == Area::e ? kCurrentBank : std::uint8_t{0}, own}, code == info.bits};
    }
    const auto bank_of = [&](std::uint8_t first, unsigned banks, unsigned add, bool in_bits) -> std::optional<Found> {
        if (code < first || code >= first + banks || number >= info_of(Area::e).end) return std::nullopt;
        return Found{{Area::e, static_cast<std::uint8_t>(code - first + add), number}, in_bits};
    };
    for (const bool in_bits : {false, true}) {
        if (const auto low = bank_of(in_bits ? 0x20 : 0xa0, 0x10, 0, in_bits)) return low;
        if (const auto high = bank_of(in_bits ? 0xe0 : 0x60, 9, 0x10, in_bits)) return high;
    }
    return std::nullopt;
}

// ---- addresses ----

Error no_address(std::string_view text, std::string_view why) {
    return Error{Code::invalid,
                 "\"{}\" is no address of an Omron PLC: {}; expected one such as D100, CIO10.05, W3.15, H0, A448, E0_100, T5 or C5",
                 text.substr(0, 40), why};
}

template <class T>
std::optional<T> number_of(std::string_view digits, int base = 10) {
    T number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return number;
}

}  // namespace

bool is_timer(Area area) { return area == Area::t || area == Area::c; }
std::uint32_t end_of(Area area) { return info_of(area).end; }
bool is_read_only(const Place& place) { return place.area == Area::a && place.number < kReadOnlyOfA; }

Result<Address> parse_address(std::string_view text) {
    std::string upper(text);
    std::ranges::transform(upper, upper.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    std::string_view rest = upper;
    Address address;
    const std::size_t point = rest.find('.');
    const std::string_view bit = point == rest.npos ? "" : rest.substr(point + 1);
    rest = rest.substr(0, point);
    const std::size_t score = rest.find('_');
    const AreaInfo* area = nullptr;
    if (score != rest.npos) {
        const auto bank = rest.starts_with('E') ? number_of<std::uint8_t>(rest.substr(1, score - 1), 16) : std::nullopt;
        if (!bank || *bank > kBankMax) return no_address(text, "before _ stands the bank of E, E0 to E18 in hexadecimal");
        area = &info_of(Area::e);
        address.place.bank = *bank;
        rest = rest.substr(score + 1);
    } else {
        const std::size_t letters = std::min(rest.find_first_of("0123456789"), rest.size());
        const std::string_view name = letters == 0 ? "CIO" : rest.substr(0, letters);
        for (const AreaInfo& info : kAreas)
            if (info.name == name) area = &info;
        if (area == nullptr) return no_address(text, "the area is not known");
        if (area->area == Area::e) address.place.bank = kCurrentBank;
        rest = rest.substr(letters);
    }
    const auto number = number_of<std::uint32_t>(rest);
    if (!number) return no_address(text, "behind the area stands a decimal number");
    const Place last{area->area, address.place.bank, static_cast<std::uint16_t>(area->end - 1)};
    if (*number >= area->end)
        return no_address(text, fmt::format("the last one is {}", to_string(last)));
    address.place.area = area->area;
    address.place.number = static_cast<std::uint16_t>(*number);
    if (point == text.npos) return address;
    if (is_timer(area->area)) return no_address(text, "timers and counters have no bits: as bool they are their completion flag");
    address.bit = number_of<std::uint8_t>(bit);
    if (!address.bit || *address.bit > 15) return no_address(text, "behind the point stands a bit, 00 to 15");
    return address;
}

std::string to_string(const Place& place) {
    if (place.area == Area::e && place.bank != kCurrentBank) return fmt::format("E{:X}_{}", place.bank, place.number);
    return fmt::format("{}{}", info_of(place.area).name, place.number);
}

std::string to_string(const Address& address) {
    return address.bit ? fmt::format("{}.{:02}", to_string(address.place), *address.bit) : to_string(address.place);
}

Result<Layout> layout_of(const Address& address, const modbus::Form& form, bool boolean) {
    using modbus::Encoding;
    const std::string text = to_string(address);
    const bool usually_bit = address.bit || (is_timer(address.place.area) && boolean);
    Layout layout;
    modbus::ValueCodec& codec = layout.codec;
    codec.encoding = form.encoding.value_or(usually_bit ? Encoding::bit : Encoding::i16);
    if (address.bit && codec.encoding != Encoding::bit)
        return Error{Code::invalid, "{} is one bit: choose bool, not {}", text, to_string(codec.encoding)};
    layout.is_flag = is_timer(address.place.area) && codec.encoding == Encoding::bit;
    if (codec.encoding == Encoding::bit && !address.bit && !layout.is_flag)
        return Error{Code::invalid, "{} is a word: write {}.00 to {}.15 for one of its bits, or choose u16 or i16", text, text, text};
    if (codec.encoding == Encoding::text && (form.characters < 1 || form.characters > kCharactersMax))
        return Error{Code::invalid, "{}: a text has 1 to {} characters, not {}", text, kCharactersMax, form.characters};
    codec.bit = address.bit.value_or(0);
    codec.text_registers = static_cast<std::uint16_t>((form.characters + 1) / 2);
    layout.words = register_count(codec);
    const bool is_long = codec.encoding != Encoding::text && layout.words > 1;
    codec.order = form.order.value_or(is_long ? modbus::WordOrder::cdab : modbus::WordOrder::abcd);
    if (address.place.number + layout.words <= end_of(address.place.area)) return layout;
    return Error{Code::invalid, "{}: {} takes {} words, and {}{} is the last one", text, to_string(codec.encoding), layout.words,
                 info_of(address.place.area).name, end_of(address.place.area) - 1};
}

// ---- plans ----

std::vector<Block> plan_blocks(std::vector<PlanItem> items, const PlanLimits& limits) {
    std::ranges::sort(items, {}, [](const PlanItem& item) { return std::tuple(item.is_flag, item.place, item.count, item.index); });
    std::vector<Block> blocks;
    for (PlanItem& item : items) {
        const std::uint32_t first = item.place.number, end = first + item.count;
        Block* const last = blocks.empty() ? nullptr : &blocks.back();
        const std::uint32_t last_end = last == nullptr ? 0 : last->head.number + last->count;
        const bool joins = last != nullptr && last->is_flag == item.is_flag && last->head.area == item.place.area &&
                           last->head.bank == item.place.bank && first <= last_end + limits.gap_max &&
                           std::max(end, last_end) - last->head.number <= limits.words_max;
        if (!joins) {
            blocks.push_back({item.place, item.is_flag, item.count, {}});
        } else {
            last->count = static_cast<std::uint16_t>(std::max(end, last_end) - last->head.number);
        }
        blocks.back().items.push_back(std::move(item));
    }
    return blocks;
}

// ---- commands ----

bool is_done(std::uint16_t end_code) { return (end_code & 0x7f3f) == 0; }

Result<Buffer> encode_request(const Header& header, const Request& request) {
    const std::size_t values = request.bit ? request.bits.size() : request.words.size();
    if (request.count < 1 || request.count > kItemsMax)
        return Error{Code::invalid, "a request of FINS has 1 to {} items, not {}", kItemsMax, request.count};
    if (request.writes && values != request.count)
        return Error{Code::invalid, "a request of FINS has {} items and {} values", request.count, values};
    Buffer out{header.icf, 0,          2,          header.dna, header.da1, header.da2,
               header.sna, header.sa1, header.sa2, header.sid};
    put16(out, request.writes ? kWrite : kRead);
    out.push_back(code_of(request.head, request.bit.has_value()));
    put16(out, request.head.number + (request.head.area == Area::c ? kCounters : 0u));
    out.push_back(is_timer(request.head.area) ? std::uint8_t{0} : request.bit.value_or(0));
    put16(out, request.count);
    if (!request.writes) return out;
    if (request.bit)
        for (const std::uint8_t bit : request.bits) out.push_back(bit != 0 ? 1 : 0);
    else
        for (const std::uint16_t word : request.words) put16(out, word);
    return out;
}

Result<Header> decode_header(Bytes frame) {
    if (frame.size() < kCommandBytes)
        return Error{Code::malformed, "a frame of FINS has {} bytes, expected at least {}", frame.size(), kCommandBytes};
    return Header{frame[0], frame[3], frame[4], frame[5], frame[6], frame[7], frame[8], frame[9]};
}

std::expected<Request, std::uint16_t> decode_request(Bytes frame) {
    constexpr std::uint16_t kUndefined = 0x0401, kTooLong = 0x1001, kTooShort = 0x1002, kMismatch = 0x1003;
    constexpr std::uint16_t kNoArea = 0x1101, kBeyond = 0x1104, kAccess = 0x1102;
    if (frame.size() < kCommandBytes) return std::unexpected(kTooShort);
    const std::uint16_t command = get16(frame, kHeaderBytes);
    if (command != kRead && command != kWrite) return std::unexpected(kUndefined);
    const Bytes data = frame.subspan(kCommandBytes);
    if (data.size() < kAreaBytes) return std::unexpected(kTooShort);
    const auto found = place_at(data[0], get16(data, 1));
    if (!found) return std::unexpected(kNoArea);
    Request request;
    request.writes = command == kWrite;
    request.head = found->place;
    if (found->in_bits) request.bit = data[3];
    if (data[3] > 15 || (data[3] != 0 && (!found->in_bits || is_timer(found->place.area)))) return std::unexpected(kAccess);
    request.count = get16(data, 4);
    if (request.count < 1 || request.count > kItemsMax) return std::unexpected(kMismatch);
    const bool by_words = !found->in_bits || is_timer(found->place.area);
    const std::uint32_t words = by_words ? request.count : (data[3] + request.count + 15u) / 16u;
    if (found->place.number + words > end_of(found->place.area)) return std::unexpected(kBeyond);
    const Bytes values = data.subspan(kAreaBytes);
    const std::size_t bytes = !request.writes ? 0u : request.bit ? request.count : 2u * request.count;
    if (values.size() > bytes) return std::unexpected(kTooLong);
    if (values.size() < bytes) return std::unexpected(kMismatch);
    for (std::size_t i = 0; request.writes && i < request.count; ++i) {
        if (request.bit)
            request.bits.push_back(values[i] & 1);
        else
            request.words.push_back(get16(values, 2 * i));
    }
    return request;
}

Buffer encode_reply(Bytes asked, const Reply& reply) {
    ASSERT(asked.size() >= kCommandBytes);
    Buffer out{static_cast<std::uint8_t>(asked[0] | 0x40), 0, 2, asked[6], asked[7], asked[8], asked[3], asked[4], asked[5], asked[9],
               asked[10], asked[11]};
    put16(out, reply.end_code);
    for (const std::uint16_t word : reply.words) put16(out, word);
    out.insert(out.end(), reply.bits.begin(), reply.bits.end());
    return out;
}

Result<Reply> decode_reply(const Request& asked, Bytes frame) {
    if (frame.size() < kReplyBytes)
        return Error{Code::malformed, "the PLC's answer has {} bytes, expected at least {}", frame.size(), kReplyBytes};
    const std::uint16_t command = asked.writes ? kWrite : kRead;
    if (get16(frame, kHeaderBytes) != command)
        return Error{Code::malformed, "the PLC's answer is to command {:04X}, expected {:04X}", get16(frame, kHeaderBytes), command};
    Reply reply;
    reply.end_code = get16(frame, kCommandBytes);
    if (!is_done(reply.end_code)) return reply;
    const Bytes data = frame.subspan(kReplyBytes);
    const std::size_t bytes = asked.writes ? 0u : asked.bit ? asked.count : 2u * asked.count;
    if (data.size() != bytes)
        return Error{Code::malformed, "the PLC's answer to {} has {} bytes of data, expected "
                                      "{}", to_string(asked.head), data.size(), bytes};
    for (std::size_t i = 0; !asked.writes && i < asked.count; ++i) {
        if (asked.bit)
            reply.bits.push_back(data[i] & 1);
        else
            reply.words.push_back(get16(data, 2 * i));
    }
    return reply;
}

// ---- what they mean ----

namespace {

struct EndCode {
    std::uint16_t first, last;
    bool may_pass;
    std::string_view meaning, fix;
};
constexpr std::string_view kRoute = "check the node numbers and routing tables";
constexpr std::string_view kLook = "look at the PLC's own error display";
constexpr std::string_view kAddress = "check the address, and whether this PLC has it";
constexpr std::string_view kReport = "see the manual W342 for it";
constexpr EndCode kEndCodes[] = {
    {0x0001, 0x0001, true, "the service was cancelled", "ask again"},
    {0x0101, 0x0106, true, "the message could not be sent on from the first node", kRoute},
    {0x0201, 0x0203, false, "there is no such node or unit", kRoute},
    {0x0204, 0x0205, true, "the node is busy or does not answer", "ask less often"},
    {0x0301, 0x0304, true, "the unit or its CPU has an error", kLook},
    {0x0401, 0x0402, false, "this PLC does not know the command", "see whether it speaks FINS, not CIP alone"},
    {0x0501, 0x0504, false, "there is no way to that node", kRoute},
    {0x1001, 0x1005, false, "the length or form of the command is not as it wants it", kReport},
    {0x1101, 0x1101, false, "it has no such memory area", kAddress},
    {0x1102, 0x1104, false, "the address is outside of the area", kAddress},
    {0x1109, 0x110a, false, "the command contradicts itself", kReport},
    {0x110b, 0x110b, false, "the answer would be too long", "ask for less at once"},
    {0x110c, 0x110c, false, "a parameter is wrong", kAddress},
    {0x2002, 0x2002, false, "reading is protected", "take the protection off in CX-Programmer"},
    {0x2003, 0x2007, false, "what is asked for is not there", kAddress},
    {0x2101, 0x2101, false, "this memory is read only", "choose another address; of A the first 448 words are only read"},
    {0x2102, 0x2108, false, "writing is protected", "take the protection off in CX-Programmer, or the write "
                                                    "protection from FINS in the PLC setup"},
    {0x2201, 0x2208, true, "it cannot be done in the mode that the PLC is in", "switch it to MONITOR or RUN"},
    {0x2301, 0x2303, false, "the memory or unit is missing", kAddress},
    {0x2401, 0x2401, false, "a table is missing", kReport},
    {0x2502, 0x2510, true, "a unit of the PLC has an error", kLook},
    {0x2601, 0x260b, false, "the PLC does not let it be done", "look whether another tool has the access right or the PLC is protected"},
    {0x3001, 0x3001, true, "another device has the access right", "let it give the right back"},
    {0x4001, 0x4001, true, "it was aborted", "ask again"},
};
constexpr EndCode kUnknown{0, 0, false, "which the manuals do not list", kReport};

struct TcpError {
    std::uint32_t code;
    std::string_view meaning, fix;
};
constexpr TcpError kTcpErrors[] = {
    {0x01, "what came did not begin with FINS", "is it the FINS/TCP port, usually 9600?"},
    {0x02, "a message was too long", "ask for less at once"},
    {0x03, "it does not know the command", "is it the FINS/TCP port, usually 9600?"},
    {0x20, "all its connections are in use", "close one of another program; most units have 16, some 2 or 3"},
    {0x21, "this node number is connected already", "leave own_node out, so that the PLC gives a free one"},
    {0x22, "it lets only listed IP addresses in", "add the address of this machine to the IP protection of the Ethernet unit"},
    {0x23, "the node number is out of range", "write 1 to 254 as own_node, or leave it out"},
    {0x24, "the node number is its own", "write another own_node, or leave it out"},
    {0x25, "all node numbers that it may give are in use", "write a free one as own_node"},
};

}  // namespace

Error refusal(const Request& asked, std::uint16_t end_code) {
    const auto code = static_cast<std::uint16_t>(end_code & 0x7f3f);
    const EndCode* known = &kUnknown;
    for (const EndCode& one : kEndCodes)
        if (code >= one.first && code <= one.last) known = &one;
    const std::string target = to_string(Address{asked.head, is_timer(asked.head.area) ? std::nullopt : asked.bit});
    return Error{known->may_pass ? Code::unavailable : Code::denied, "the PLC refuses {}: end code {}, {}; {}", target,
                 fmt::format("{:04X}", code), known->meaning, known->fix};
}

bool is_of_address(std::uint16_t end_code) {
    const unsigned main = end_code >> 8 & 0x7f;
    return main == 0x11 || main == 0x20 || main == 0x21 || main == 0x23;
}

// ---- FINS/TCP ----

namespace {

constexpr std::size_t kTcpHeaderBytes = 16;
constexpr std::size_t kTcpFixed = 8;  // before what the length counts
constexpr std::string_view kMagic = "FINS";

}  // namespace

Buffer encode_tcp(TcpCommand command, std::uint32_t error, Bytes data) {
    Buffer out(kMagic.begin(), kMagic.end());
    put32(out, static_cast<std::uint32_t>(kTcpHeaderBytes - kTcpFixed + data.size()));
    put32(out, static_cast<std::uint32_t>(command));
    put32(out, error);
    out.insert(out.end(), data.begin(), data.end());
    return out;
}

Buffer encode_nodes(TcpCommand command, std::uint32_t error, std::uint32_t client, std::uint32_t server) {
    Buffer data;
    put32(data, client);
    if (command == TcpCommand::server_node) put32(data, server);
    return encode_tcp(command, error, data);
}

Result<std::pair<std::uint8_t, std::uint8_t>> decode_nodes(const TcpMessage& message) {
    if (message.error != 0) return tcp_refusal(message.error);
    if (message.command != static_cast<std::uint32_t>(TcpCommand::server_node) || message.data.size() != 8)
        return Error{Code::malformed, "the PLC greets with command {} and {} bytes, expected its node number", message.command,
                     message.data.size()};
    const std::uint32_t client = get32(message.data, 0), server = get32(message.data, 4);
    if (client > 254 || server > 254 || client == 0 || server == 0)
        return Error{Code::malformed, "the PLC gives the node numbers {} and {}, expected 1 to 254", client, server};
    return std::pair{static_cast<std::uint8_t>(client), static_cast<std::uint8_t>(server)};
}

Error tcp_refusal(std::uint32_t error) {
    for (const TcpError& known : kTcpErrors)
        if (known.code == error)
            return Error{Code::denied, "the PLC lets nobody in: error {:02X}, {}; {}", error, known.meaning, known.fix};
    return Error{Code::denied, "the PLC lets nobody in: error {:02X}, which the manuals do not list", error};
}

Result<void> TcpDecoder::feed(Bytes received, const std::function<bool(const TcpMessage&)>& on_message) {
    buffer_.insert(buffer_.end(), received.begin(), received.end());
    std::size_t at = 0;
    while (buffer_.size() > at) {
        const Bytes rest = Bytes(buffer_).subspan(at);
        const std::size_t magic = std::min(rest.size(), kMagic.size());
        if (as_text(rest.first(magic)) != kMagic.substr(0, magic))
            return Error{Code::malformed, "this is not FINS/TCP: it begins with 0x{}; is it the right port, usually 9600?",
                         to_hex(rest.first(magic))};
        if (rest.size() < kTcpFixed) break;
        const std::size_t length = get32(rest, 4);
        if (length < kTcpHeaderBytes - kTcpFixed || length + kTcpFixed > kTcpBytesMax)
            return Error{Code::malformed, "a message of FINS/TCP says that it has {} bytes, expected {} to {}", length,
                         kTcpHeaderBytes - kTcpFixed, kTcpBytesMax - kTcpFixed};
        if (rest.size() < kTcpFixed + length) break;
        at += kTcpFixed + length;
        const TcpMessage message{get32(rest, 8), get32(rest, 12), rest.subspan(kTcpHeaderBytes, length + kTcpFixed - kTcpHeaderBytes)};
        if (on_message(message)) continue;
        buffer_.clear();
        return {};
    }
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at));
    return {};
}

}  // namespace gongshu::wire::fins
