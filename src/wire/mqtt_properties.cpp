#include "wire/mqtt_properties.h"

#include <fmt/format.h>

#include "base/assert.h"

namespace gongshu::wire::mqtt {

void Cursor::fail(ReasonCode reason, std::string_view field, std::string_view problem) {
    if (!fault_) fault_ = ProtocolError{reason, fmt::format("{}: {}: {}", packet_, field, problem)};
}

Bytes Cursor::take(std::size_t bytes, std::string_view field) {
    if (fault_) return {};
    if (bytes_.size() < bytes) {
        fail(ReasonCode::malformed_packet, field,
             fmt::format("needs {} bytes, the packet has {} left", bytes, bytes_.size()));
        return {};
    }
    const Bytes taken = bytes_.first(bytes);
    bytes_ = bytes_.subspan(bytes);
    return taken;
}

Bytes Cursor::rest() { return take(left(), "payload"); }

std::uint8_t Cursor::u8(std::string_view field) {
    const Bytes b = take(1, field);
    return b.empty() ? std::uint8_t{0} : b[0];
}

std::uint16_t Cursor::u16(std::string_view field) {
    const Bytes b = take(2, field);
    return b.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(b[0] << 8 | b[1]);
}

std::uint32_t Cursor::u32(std::string_view field) {
    const Bytes b = take(4, field);
    if (b.empty()) return 0;
    return static_cast<std::uint32_t>(b[0]) << 24 | static_cast<std::uint32_t>(b[1]) << 16 |
           static_cast<std::uint32_t>(b[2]) << 8 | b[3];
}

std::uint32_t Cursor::varint(std::string_view field) {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        const Bytes b = take(1, field);
        if (b.empty()) return 0;
        value |= static_cast<std::uint32_t>(b[0] & 0x7F) << shift;
        if (b[0] & 0x80) continue;
        require(b[0] != 0 || shift == 0, ReasonCode::malformed_packet, field, "is not in its shortest form");
        return value;
    }
    fail(ReasonCode::malformed_packet, field, "is longer than four bytes");
    return 0;
}

std::string_view Cursor::binary(std::string_view field) { return as_text(take(u16(field), field)); }

std::string_view Cursor::text(std::string_view field) {
    const std::string_view text = binary(field);
    require(valid_utf8(text), ReasonCode::malformed_packet, field, "is not UTF-8 or holds U+0000");
    return text;
}

std::string_view Cursor::name(std::string_view field) {
    const std::string_view name = text(field);
    require(plain_utf8(name), ReasonCode::malformed_packet, field, "holds a control character");
    return name;
}

void Cursor::end() {
    if (left() > 0) fail(ReasonCode::malformed_packet, "end", fmt::format("{} bytes too many", left()));
}

void put_u16(Buffer& out, std::size_t value) {
    ASSERT(value <= 0xFFFF);
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put_u32(Buffer& out, std::uint32_t value) {
    put_u16(out, value >> 16);
    put_u16(out, value & 0xFFFF);
}

std::size_t varint_bytes(std::size_t value) { return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4; }

void put_varint(Buffer& out, std::size_t value) {
    ASSERT(value < 268'435'456);
    for (; value >= 128; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put_text(Buffer& out, std::string_view text) {
    put_u16(out, text.size());
    out.insert(out.end(), text.begin(), text.end());
}

namespace {

// What values a property may have beyond its type.
enum class Range : std::uint8_t { any, zero_or_one, not_zero };

void check_range(Cursor& cursor, std::uint32_t value, Range range, std::string_view name) {
    if (range == Range::zero_or_one && value > 1) {
        cursor.fail(ReasonCode::protocol_error, name, fmt::format("is {}, expected 0 or 1", value));
    }
    if (range == Range::not_zero && value == 0) cursor.fail(ReasonCode::protocol_error, name, "may not be 0");
}

void read_value(Cursor& cursor, std::optional<std::uint8_t>& into, std::string_view name, Range range) {
    into = cursor.u8(name);
    check_range(cursor, *into, range, name);
}
void read_value(Cursor& cursor, std::optional<std::uint16_t>& into, std::string_view name, Range range) {
    into = cursor.u16(name);
    check_range(cursor, *into, range, name);
}
void read_value(Cursor& cursor, std::optional<std::uint32_t>& into, std::string_view name, Range range) {
    into = cursor.u32(name);
    check_range(cursor, *into, range, name);
}
void write_value(Buffer& out, std::uint8_t value) { out.push_back(value); }
void write_value(Buffer& out, std::uint16_t value) { put_u16(out, value); }
void write_value(Buffer& out, std::uint32_t value) { put_u32(out, value); }
void write_value(Buffer& out, const std::string& value) { put_text(out, value); }

struct Row {
    std::uint8_t id;
    std::string_view name;
    unsigned where;  // bit n: packet type n; bit 16: will
    void (*read)(Cursor&, Properties&, const Row&);
    void (*write)(const Properties&, const Row&, Buffer&);
    Range range = Range::any;
};

template <auto Member>
void write_one(const Properties& properties, const Row& row, Buffer& out) {
    if (!(properties.*Member)) return;
    out.push_back(row.id);
    write_value(out, *(properties.*Member));
}

template <auto Member>
void read_once(Cursor& cursor, Properties& properties, const Row& row) {
    cursor.require(!(properties.*Member), ReasonCode::protocol_error, row.name, "stands twice");
    read_value(cursor, properties.*Member, row.name, row.range);
}

template <auto Member>
void read_text(Cursor& cursor, Properties& properties, const Row& row) {
    cursor.require(!(properties.*Member), ReasonCode::protocol_error, row.name, "stands twice");
    properties.*Member = std::string(cursor.text(row.name));
}

template <auto Member>
void read_topic(Cursor& cursor, Properties& properties, const Row& row) {
    read_text<Member>(cursor, properties, row);
    cursor.require(valid_topic(*(properties.*Member)), ReasonCode::protocol_error, row.name, "is not a topic name");
}

template <auto Member>
void read_binary(Cursor& cursor, Properties& properties, const Row& row) {
    cursor.require(!(properties.*Member), ReasonCode::protocol_error, row.name, "stands twice");
    properties.*Member = std::string(cursor.binary(row.name));
}

void read_user(Cursor& cursor, Properties& properties, const Row& row) {
    const std::string_view key = cursor.text(row.name);
    properties.user.emplace_back(key, cursor.text(row.name));
}
void write_user(const Properties& properties, const Row& row, Buffer& out) {
    for (const auto& [key, value] : properties.user) {
        out.push_back(row.id);
        put_text(out, key);
        put_text(out, value);
    }
}

// How often it may stand depends on the packet: see read_properties().
void read_subscription_id(Cursor& cursor, Properties& properties, const Row& row) {
    const std::uint32_t id = cursor.varint(row.name);
    check_range(cursor, id, Range::not_zero, row.name);
    properties.subscription_ids.push_back(id);
}
void write_subscription_ids(const Properties& properties, const Row& row, Buffer& out) {
    for (const std::uint32_t id : properties.subscription_ids) {
        out.push_back(row.id);
        put_varint(out, id);
    }
}

constexpr unsigned in(PacketType type) { return 1u << static_cast<unsigned>(type); }
constexpr unsigned kWill = 1u << kWillProperties;
constexpr unsigned kConnect = in(PacketType::connect), kConnack = in(PacketType::connack);
constexpr unsigned kPublish = in(PacketType::publish), kDisconnect = in(PacketType::disconnect);
constexpr unsigned kSubscribe = in(PacketType::subscribe), kAuth = in(PacketType::auth);
constexpr unsigned kAnswers = kConnack | in(PacketType::puback) | in(PacketType::pubrec) | in(PacketType::pubrel) |
                              in(PacketType::pubcomp) | in(PacketType::suback) | in(PacketType::unsuback) |
                              kDisconnect | kAuth;

#define ONCE(member) read_once<&Properties::member>, write_one<&Properties::member>
#define TEXT(member) read_text<&Properties::member>, write_one<&Properties::member>
#define TOPIC(member) read_topic<&Properties::member>, write_one<&Properties::member>
#define BINARY(member) read_binary<&Properties::member>, write_one<&Properties::member>

// [2.2.2.2], table 2-4.
constexpr Row kRows[] = {
    {0x01, "payload format indicator", kPublish | kWill, ONCE(payload_format), Range::zero_or_one},
    {0x02, "message expiry interval", kPublish | kWill, ONCE(message_expiry_s)},
    {0x03, "content type", kPublish | kWill, TEXT(content_type)},
    {0x08, "response topic", kPublish | kWill, TOPIC(response_topic)},
    {0x09, "correlation data", kPublish | kWill, BINARY(correlation_data)},
    {0x0B, "subscription identifier", kPublish | kSubscribe, read_subscription_id, write_subscription_ids},
    {0x11, "session expiry interval", kConnect | kConnack | kDisconnect, ONCE(session_expiry_s)},
    {0x12, "assigned client identifier", kConnack, TEXT(assigned_client_id)},
    {0x13, "server keep alive", kConnack, ONCE(server_keep_alive_s)},
    {0x15, "authentication method", kConnect | kConnack | kAuth, TEXT(authentication_method)},
    {0x16, "authentication data", kConnect | kConnack | kAuth, BINARY(authentication_data)},
    {0x17, "request problem information", kConnect, ONCE(request_problem_information), Range::zero_or_one},
    {0x18, "will delay interval", kWill, ONCE(will_delay_s)},
    {0x19, "request response information", kConnect, ONCE(request_response_information), Range::zero_or_one},
    {0x1A, "response information", kConnack, TEXT(response_information)},
    {0x1C, "server reference", kConnack | kDisconnect, TEXT(server_reference)},
    {0x1F, "reason string", kAnswers, TEXT(reason_string)},
    {0x21, "receive maximum", kConnect | kConnack, ONCE(receive_maximum), Range::not_zero},
    {0x22, "topic alias maximum", kConnect | kConnack, ONCE(topic_alias_maximum)},
    {0x23, "topic alias", kPublish, ONCE(topic_alias)},
    {0x24, "maximum QoS", kConnack, ONCE(maximum_qos), Range::zero_or_one},
    {0x25, "retain available", kConnack, ONCE(retain_available), Range::zero_or_one},
    {0x26, "user property", ~0u, read_user, write_user},
    {0x27, "maximum packet size", kConnect | kConnack, ONCE(maximum_packet_bytes), Range::not_zero},
    {0x28, "wildcard subscription available", kConnack, ONCE(wildcard_available), Range::zero_or_one},
    {0x29, "subscription identifiers available", kConnack, ONCE(subscription_ids_available), Range::zero_or_one},
    {0x2A, "shared subscription available", kConnack, ONCE(shared_available), Range::zero_or_one},
};

const Row* find_row(std::uint32_t id) {
    for (const Row& row : kRows) {
        if (row.id == id) return &row;
    }
    return nullptr;
}

}  // namespace

namespace {

Properties read_rows(Cursor& cursor, unsigned where) {
    Properties properties;
    while (cursor.left() > 0) {
        const std::uint32_t id = cursor.varint("property identifier");
        const Row* row = find_row(id);
        if (row == nullptr || !(row->where & 1u << where)) {
            const std::string name = row ? std::string(row->name) : fmt::format("property 0x{:02X}", id);
            cursor.fail(ReasonCode::malformed_packet, name, "does not belong in this packet");
            return properties;
        }
        row->read(cursor, properties, *row);
        cursor.require(properties.subscription_ids.size() < 2 || where == static_cast<unsigned>(PacketType::publish),
                       ReasonCode::protocol_error, row->name, "stands twice");
    }
    cursor.require(!properties.authentication_data || properties.authentication_method, ReasonCode::protocol_error,
                   "authentication data", "stands without an authentication method");
    cursor.require(properties.topic_alias != 0, ReasonCode::topic_alias_invalid, "topic alias", "may not be 0");
    return properties;
}

}  // namespace

Properties read_properties(Cursor& cursor, unsigned where) {
    const std::size_t bytes = cursor.varint("property length");
    Cursor part = cursor.part(bytes, "properties");
    Properties properties = read_rows(part, where);
    cursor.merge(std::move(part));
    return properties;
}

void write_properties(const Properties& properties, Buffer& out) {
    if (properties == Properties{}) {
        out.push_back(0);
        return;
    }
    Buffer body;
    for (const Row& row : kRows) row.write(properties, row, body);
    put_varint(out, body.size());
    out.insert(out.end(), body.begin(), body.end());
}

}  // namespace gongshu::wire::mqtt
