// The upper half: the S7 messages inside the frames.
#include <algorithm>

#include "base/assert.h"
#include "wire/s7.h"

namespace gongshu::wire::s7 {

namespace {

constexpr std::uint8_t kProtocol = 0x32;
constexpr std::size_t kJobHeaderBytes = 10;
constexpr std::size_t kAckHeaderBytes = 12;  // with an error
constexpr std::size_t kItemBytes = 12;
constexpr std::size_t kDataHeaderBytes = 4;
constexpr std::uint32_t kStartMax = (1u << 21) - 1;  // the address of a bit has 24 bits
constexpr std::size_t kItemsMax = 255;

enum Function : std::uint8_t { kRead = 0x04, kWrite = 0x05, kAgree = 0xf0 };
// How the length of data is counted.
enum DataKind : std::uint8_t { kNull = 0, kBit = 3, kBytes = 4, kInteger = 5, kDint = 6, kReal = 7, kOctets = 9 };

constexpr std::uint8_t kItemHead[] = {0x12, 0x0a, 0x10};  // an address of ten bytes in the syntax "any"
constexpr std::uint8_t kSzlHead[] = {0x00, 0x01, 0x12};
constexpr std::uint8_t kSzlAsk = 0x44, kSzlAnswer = 0x84;  // of the CPU's functions: asked, answered

std::uint16_t get_u16(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void put_u16(Buffer& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put(Buffer& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

std::size_t even(std::size_t bytes) { return bytes + bytes % 2; }

bool is_numbered(Area area) { return area == Area::counters || area == Area::timers; }

// Bytes of one element; 0 for what is not in the list.
std::size_t element_bytes(Transport transport) {
    switch (transport) {
        case Transport::bit:
        case Transport::byte:
        case Transport::character:
            return 1;
        case Transport::word:
        case Transport::integer:
        case Transport::counter:
        case Transport::timer:
            return 2;
        case Transport::dword:
        case Transport::dint:
        case Transport::real:
            return 4;
    }
    return 0;
}

Buffer message(Kind kind, std::uint16_t reference, Bytes parameters, Bytes data, HeaderError error = {}) {
    Buffer out;
    out.reserve(kAckHeaderBytes + parameters.size() + data.size());
    out.push_back(kProtocol);
    out.push_back(static_cast<std::uint8_t>(kind));
    put_u16(out, 0);
    put_u16(out, reference);
    put_u16(out, parameters.size());
    put_u16(out, data.size());
    if (kind == Kind::ack || kind == Kind::ack_data) put_u16(out, static_cast<std::uint16_t>(error));
    put(out, parameters);
    put(out, data);
    return out;
}

// ---- items ----

void put_item(Buffer& out, const Item& item) {
    put(out, kItemHead);
    out.push_back(static_cast<std::uint8_t>(item.transport));
    put_u16(out, item.count);
    put_u16(out, item.block);
    out.push_back(static_cast<std::uint8_t>(item.area));
    const std::uint32_t address = is_numbered(item.area) ? item.start : item.start * 8 + item.bit;
    out.push_back(static_cast<std::uint8_t>(address >> 16));
    put_u16(out, address & 0xffff);
}

// nullopt for another syntax than ours.
std::optional<Item> get_item(Bytes bytes) {
    if (!std::equal(std::begin(kItemHead), std::end(kItemHead), bytes.begin())) return std::nullopt;
    Item item;
    item.transport = static_cast<Transport>(bytes[3]);
    item.count = get_u16(bytes, 4);
    item.block = get_u16(bytes, 6);
    item.area = static_cast<Area>(bytes[8]);
    const std::uint32_t address = static_cast<std::uint32_t>(bytes[9]) << 16 | get_u16(bytes, 10);
    item.start = is_numbered(item.area) ? address : address / 8;
    item.bit = is_numbered(item.area) ? 0 : address % 8;
    return item;
}

Result<void> check_item(const Item& item) {
    const std::uint32_t start_max = is_numbered(item.area) ? 0xffffff : kStartMax;
    if (item.start > start_max) return Error{Code::invalid, "S7 address {}: expected 0 to {}", item.start, start_max};
    if (item.count == 0 || (item.transport == Transport::bit && item.count != 1))
        return Error{Code::invalid, "an S7 item has {} elements: expected 1 or more, of bits only 1", item.count};
    if (item.bit > 7) return Error{Code::invalid, "S7 bit {}: expected 0 to 7", item.bit};
    return {};
}

Result<void> check_items(const std::vector<Item>& items) {
    if (items.empty() || items.size() > kItemsMax)
        return Error{Code::invalid, "an S7 request has {} items: expected 1 to {}", items.size(), kItemsMax};
    for (const Item& item : items) TRY(check_item(item));
    return {};
}

Buffer item_parameters(Function function, const std::vector<Item>& items) {
    Buffer out{function, static_cast<std::uint8_t>(items.size())};
    for (const Item& item : items) put_item(out, item);
    return out;
}

std::optional<std::vector<Item>> items_of(Bytes parameters) {
    if (parameters.size() < 2 || parameters[1] == 0 || parameters.size() != 2 + parameters[1] * kItemBytes)
        return std::nullopt;
    std::vector<Item> items;
    for (std::size_t i = 0; i < parameters[1]; ++i) {
        const auto item = get_item(parameters.subspan(2 + i * kItemBytes, kItemBytes));
        if (!item) return std::nullopt;
        items.push_back(*item);
    }
    return items;
}

// ---- data of items ----

DataKind kind_of(const Item& item) {
    switch (item.transport) {
        case Transport::bit:
            return kBit;
        case Transport::integer:
            return kInteger;
        case Transport::dint:
            return kDint;
        case Transport::real:
            return kReal;
        case Transport::character:
        case Transport::counter:
        case Transport::timer:
            return kOctets;
        default:
            return kBytes;
    }
}

bool counts_bits(std::uint8_t kind) { return kind == kBit || kind == kBytes || kind == kInteger; }

// What an item has in `length`: one bit, or its bytes, counted as its kind counts.
void put_data(Buffer& out, ReturnCode code, const Item& item, Bytes data, bool is_last) {
    const DataKind kind = kind_of(item);
    out.push_back(static_cast<std::uint8_t>(code));
    out.push_back(kind);
    put_u16(out, kind == kBit ? 1 : counts_bits(kind) ? data.size() * 8 : data.size());
    put(out, data);
    if (!is_last && data.size() % 2 != 0) out.push_back(0);
}

void put_no_data(Buffer& out, ReturnCode code) {
    out.push_back(static_cast<std::uint8_t>(code));
    out.push_back(kNull);
    put_u16(out, 0);
}

struct DataPart {
    ReturnCode code = ReturnCode::success;
    Bytes data;
};

// Takes the data of one item from the front of `rest`, with the byte that fills it up; nullopt when it is cut off.
std::optional<DataPart> take_data(Bytes& rest, bool always) {
    if (rest.size() < kDataHeaderBytes) return std::nullopt;
    DataPart part{static_cast<ReturnCode>(rest[0]), {}};
    const std::size_t length = get_u16(rest, 2);
    std::size_t bytes = counts_bits(rest[1]) ? (length + 7) / 8 : length;
    if (!always && part.code != ReturnCode::success) bytes = 0;  // some say a length all the same
    rest = rest.subspan(kDataHeaderBytes);
    if (rest.size() < bytes) return std::nullopt;
    part.data = rest.first(bytes);
    rest = rest.subspan(std::min(even(bytes), rest.size()));
    return part;
}

Buffer copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

// ---- requests ----

std::size_t data_bytes(const std::vector<Item>& items) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::size_t own = byte_count(items[i]);
        bytes += kDataHeaderBytes + (i + 1 < items.size() ? even(own) : own);
    }
    return bytes;
}

Buffer agreement_parameters(const Agreement& agreement) {
    Buffer out{kAgree, 0};
    put_u16(out, agreement.jobs_calling);
    put_u16(out, agreement.jobs_called);
    put_u16(out, agreement.pdu_bytes);
    return out;
}

Agreement get_agreement(Bytes parameters) {
    return {get_u16(parameters, 2), get_u16(parameters, 4), get_u16(parameters, 6)};
}

Buffer encode(std::uint16_t reference, const Agreement& agreement) {
    return message(Kind::job, reference, agreement_parameters(agreement), {});
}

Buffer encode(std::uint16_t reference, const ReadItems& read) {
    return message(Kind::job, reference, item_parameters(kRead, read.items), {});
}

Buffer encode(std::uint16_t reference, const WriteItems& write) {
    Buffer data;
    for (std::size_t i = 0; i < write.items.size(); ++i)
        put_data(data, ReturnCode::reserved, write.items[i], write.data[i], i + 1 == write.items.size());
    return message(Kind::job, reference, item_parameters(kWrite, write.items), data);
}

Buffer encode(std::uint16_t reference, const ReadSzl& szl) {
    Buffer parameters = copy(kSzlHead);
    const bool is_first = szl.sequence == 0;
    for (const int byte : {is_first ? 4 : 8, is_first ? 0x11 : 0x12, int{kSzlAsk}, 1, int{szl.sequence}})
        parameters.push_back(static_cast<std::uint8_t>(byte));
    if (!is_first) parameters.insert(parameters.end(), 4, 0);
    Buffer data;
    if (is_first) {
        data = {0xff, kOctets, 0, 4};
        put_u16(data, szl.id);
        put_u16(data, szl.index);
    } else {
        put_no_data(data, ReturnCode::object_missing);
    }
    return message(Kind::userdata, reference, parameters, data);
}

Result<void> check(const Agreement&) { return {}; }
Result<void> check(const ReadSzl&) { return {}; }
Result<void> check(const ReadItems& read) { return check_items(read.items); }
Result<void> check(const WriteItems& write) {
    TRY(check_items(write.items));
    for (std::size_t i = 0; i < write.items.size(); ++i) {
        const std::size_t bytes = i < write.data.size() ? write.data[i].size() : 0;
        if (bytes != byte_count(write.items[i]))
            return Error{Code::invalid, "an S7 item of {} bytes is written with {}", byte_count(write.items[i]), bytes};
    }
    return {};
}

// ---- replies ----

Error mismatch(std::string_view what, std::size_t found, std::size_t expected) {
    return Error{Code::malformed, "the S7 reply does not match what was asked: {} {}, expected {}", what, found,
                 expected};
}

Result<void> expect(std::string_view what, std::size_t found, std::size_t expected) {
    if (found != expected) return mismatch(what, found, expected);
    return {};
}

Result<void> expect_function(Bytes parameters, Function function, std::size_t bytes) {
    TRY(expect("parameters of bytes", parameters.size(), bytes));
    return expect("function", parameters[0], function);
}

Result<Reply> decode(const Agreement& asked, const Message& message) {
    TRY(expect_function(message.parameters, kAgree, 8));
    Agreement agreement = get_agreement(message.parameters);
    if (agreement.pdu_bytes < kPduBytesMin) return mismatch("PDUs of bytes", agreement.pdu_bytes, kPduBytesMin);
    agreement.pdu_bytes = std::min(agreement.pdu_bytes, asked.pdu_bytes);
    return Reply{agreement};
}

Result<Reply> decode(const ReadItems& asked, const Message& message) {
    TRY(expect_function(message.parameters, kRead, 2));
    TRY(expect("a count of items", message.parameters[1], asked.items.size()));
    ItemValues values;
    Bytes rest = message.data;
    for (const Item& item : asked.items) {
        const auto part = take_data(rest, false);
        if (!part) return mismatch("whole items", values.items.size(), asked.items.size());
        if (part->code == ReturnCode::success) TRY(expect("an item of bytes", part->data.size(), byte_count(item)));
        values.items.push_back({part->code, copy(part->data)});
    }
    TRY(expect("bytes behind the last item", rest.size(), 0));
    return Reply{std::move(values)};
}

Result<Reply> decode(const WriteItems& asked, const Message& message) {
    TRY(expect_function(message.parameters, kWrite, 2));
    TRY(expect("a count of items", message.parameters[1], asked.items.size()));
    TRY(expect("codes of items", message.data.size(), asked.items.size()));
    ItemCodes codes;
    for (const std::uint8_t code : message.data) codes.items.push_back(static_cast<ReturnCode>(code));
    return Reply{std::move(codes)};
}

Result<Reply> decode(const ReadSzl&, const Message& message) {
    TRY(expect("parameters of bytes", message.parameters.size(), 12));
    TRY(expect("function", message.parameters[5], kSzlAnswer));
    SzlPart part;
    part.sequence = message.parameters[7];
    part.more = message.parameters[9] != 0;
    part.error = static_cast<HeaderError>(get_u16(message.parameters, 10));
    Bytes rest = message.data;
    const auto data = take_data(rest, false);
    if (!data) return mismatch("whole items", 0, 1);
    part.code = data->code;
    part.data = copy(data->data);
    return Reply{std::move(part)};
}

// ---- for a server ----

std::expected<Request, HeaderError> decode_write(const Message& message) {
    auto items = items_of(message.parameters);
    if (!items) return std::unexpected(HeaderError::function_unavailable);
    WriteItems write{std::move(*items), {}};
    Bytes rest = message.data;
    for (std::size_t i = 0; i < write.items.size(); ++i) {
        const auto part = take_data(rest, true);
        if (!part) return std::unexpected(HeaderError::pdu_too_long);
        write.data.push_back(copy(part->data));
    }
    return write;
}

std::expected<Request, HeaderError> decode_szl(const Message& message) {
    const Bytes parameters = message.parameters;
    if (parameters.size() < 8 || parameters[5] != kSzlAsk || parameters[6] != 1)
        return std::unexpected(HeaderError::function_unavailable);
    ReadSzl szl;
    szl.sequence = parameters[7];
    if (szl.sequence != 0) return szl;
    if (message.data.size() < 8) return std::unexpected(HeaderError::function_unavailable);
    szl.id = get_u16(message.data, 4);
    szl.index = get_u16(message.data, 6);
    return szl;
}

Buffer encode(std::uint16_t reference, const Agreement&, const Agreement& reply) {
    return message(Kind::ack_data, reference, agreement_parameters(reply), {});
}

Buffer encode(std::uint16_t reference, const ReadItems& asked, const ItemValues& values) {
    ASSERT(values.items.size() == asked.items.size());
    Buffer data;
    for (std::size_t i = 0; i < asked.items.size(); ++i) {
        const ItemValue& value = values.items[i];
        if (value.code != ReturnCode::success) {
            put_no_data(data, value.code);
            continue;
        }
        ASSERT(value.data.size() == byte_count(asked.items[i]));
        put_data(data, value.code, asked.items[i], value.data, i + 1 == asked.items.size());
    }
    const std::uint8_t parameters[] = {kRead, static_cast<std::uint8_t>(asked.items.size())};
    return message(Kind::ack_data, reference, parameters, data);
}

Buffer encode(std::uint16_t reference, const WriteItems& asked, const ItemCodes& codes) {
    ASSERT(codes.items.size() == asked.items.size());
    Buffer data;
    for (const ReturnCode code : codes.items) data.push_back(static_cast<std::uint8_t>(code));
    const std::uint8_t parameters[] = {kWrite, static_cast<std::uint8_t>(asked.items.size())};
    return message(Kind::ack_data, reference, parameters, data);
}

Buffer encode(std::uint16_t reference, const ReadSzl&, const SzlPart& part) {
    Buffer parameters = copy(kSzlHead);
    for (const int byte : {8, 0x12, int{kSzlAnswer}, 1, int{part.sequence}, 0, part.more ? 1 : 0})
        parameters.push_back(static_cast<std::uint8_t>(byte));
    put_u16(parameters, static_cast<std::uint16_t>(part.error));
    Buffer data{static_cast<std::uint8_t>(part.code), part.data.empty() ? kNull : kOctets};
    put_u16(data, part.data.size());
    put(data, part.data);
    return message(Kind::userdata, reference, parameters, data);
}

// What was asked and what is answered do not suit each other.
template <class Asked, class Given>
Buffer encode(std::uint16_t, const Asked&, const Given&) {
    ASSERT(false);
    return {};
}

}  // namespace

std::size_t byte_count(const Item& item) {
    return item.transport == Transport::bit ? 1 : element_bytes(item.transport) * item.count;
}

Result<Message> decode_message(Bytes pdu) {
    if (pdu.size() < kJobHeaderBytes || pdu[0] != kProtocol)
        return Error{Code::malformed, "this is no S7 message: it begins with 0x{}, expected 0x32 and 9 bytes more",
                     to_hex(pdu.first(std::min<std::size_t>(pdu.size(), 4)))};
    Message message;
    message.kind = static_cast<Kind>(pdu[1]);
    message.reference = get_u16(pdu, 4);
    const bool is_ack = message.kind == Kind::ack || message.kind == Kind::ack_data;
    const std::size_t header = is_ack ? kAckHeaderBytes : kJobHeaderBytes;
    const std::size_t parameters = get_u16(pdu, 6), data = get_u16(pdu, 8);
    if (pdu.size() != header + parameters + data)
        return Error{Code::malformed, "an S7 message of {} bytes has a header of {}, {} of parameters and {} of data",
                     pdu.size(),      header,
                     parameters,      data};
    if (is_ack) message.error = static_cast<HeaderError>(get_u16(pdu, 10));
    message.parameters = pdu.subspan(header, parameters);
    message.data = pdu.subspan(header + parameters);
    return message;
}

std::size_t request_bytes(const Request& request) {
    if (const auto* read = std::get_if<ReadItems>(&request))
        return kJobHeaderBytes + 2 + read->items.size() * kItemBytes;
    if (const auto* write = std::get_if<WriteItems>(&request))
        return kJobHeaderBytes + 2 + write->items.size() * kItemBytes + data_bytes(write->items);
    return kJobHeaderBytes + 16;
}

std::size_t reply_bytes(const Request& request) {
    if (const auto* read = std::get_if<ReadItems>(&request)) return kAckHeaderBytes + 2 + data_bytes(read->items);
    if (const auto* write = std::get_if<WriteItems>(&request)) return kAckHeaderBytes + 2 + write->items.size();
    return kAckHeaderBytes + 8;
}

Result<Buffer> encode_request(std::uint16_t reference, const Request& request, std::uint16_t pdu_bytes) {
    TRY(std::visit([](const auto& own) { return check(own); }, request));
    const std::size_t longest = std::max(request_bytes(request), reply_bytes(request));
    if (longest > pdu_bytes)
        return Error{Code::limit, "an S7 request or its reply has {} bytes: {} were agreed with the PLC", longest,
                     pdu_bytes};
    return std::visit([&](const auto& own) { return encode(reference, own); }, request);
}

Result<Reply> decode_reply(std::uint16_t reference, const Request& asked, Bytes pdu) {
    const Message message = TRY(decode_message(pdu));
    TRY(expect("reference", message.reference, reference));
    if (message.error != HeaderError::none) return Reply{Refusal{message.error}};
    const Kind kind = std::holds_alternative<ReadSzl>(asked) ? Kind::userdata : Kind::ack_data;
    TRY(expect("message of kind", static_cast<unsigned>(message.kind), static_cast<unsigned>(kind)));
    return std::visit([&](const auto& own) { return decode(own, message); }, asked);
}

std::expected<Request, HeaderError> decode_request(const Message& message) {
    if (message.kind == Kind::userdata) return decode_szl(message);
    const Bytes parameters = message.parameters;
    if (message.kind != Kind::job || parameters.empty()) return std::unexpected(HeaderError::function_unavailable);
    if (parameters[0] == kAgree && parameters.size() == 8) return get_agreement(parameters);
    if (parameters[0] == kWrite) return decode_write(message);
    auto items = parameters[0] == kRead ? items_of(parameters) : std::nullopt;
    if (!items) return std::unexpected(HeaderError::function_unavailable);
    return ReadItems{std::move(*items)};
}

Buffer encode_reply(std::uint16_t reference, const Request& asked, const Reply& reply) {
    if (const auto* refusal = std::get_if<Refusal>(&reply))
        return message(Kind::ack, reference, {}, {}, refusal->error);
    return std::visit([&](const auto& own, const auto& given) { return encode(reference, own, given); }, asked, reply);
}

}  // namespace gongshu::wire::s7
