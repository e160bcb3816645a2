#include <fmt/format.h>

#include <algorithm>

#include "wire/mqtt.h"
#include "wire/mqtt_properties.h"

namespace gongshu::wire::mqtt {
namespace {

constexpr auto kMalformed = ReasonCode::malformed_packet;
constexpr auto kProtocol = ReasonCode::protocol_error;

// [2.1.2], [2.1.3]: name, the four low bits of the first byte (0xFF: PUBLISH, which has its own), and who may send it.
struct Kind {
    std::string_view name;
    std::uint8_t flags;
    bool from_client;
    bool from_server;
};
constexpr Kind kKinds[16] = {
    {"packet type 0", 0, false, false}, {"CONNECT", 0, true, false},
    {"CONNACK", 0, false, true},        {"PUBLISH", 0xFF, true, true},
    {"PUBACK", 0, true, true},          {"PUBREC", 0, true, true},
    {"PUBREL", 2, true, true},          {"PUBCOMP", 0, true, true},
    {"SUBSCRIBE", 2, true, false},      {"SUBACK", 0, false, true},
    {"UNSUBSCRIBE", 2, true, false},    {"UNSUBACK", 0, false, true},
    {"PINGREQ", 0, true, false},        {"PINGRESP", 0, false, true},
    {"DISCONNECT", 0, true, true},      {"AUTH", 0, true, true},
};

std::unexpected<ProtocolError> error(ReasonCode reason, std::string text) {
    return std::unexpected(ProtocolError{reason, std::move(text)});
}

// All that the first byte alone can be wrong in.
Decoded<void> check_first_byte(std::uint8_t first, Version version, End end, bool connected) {
    const Kind& kind = kKinds[first >> 4];
    const unsigned flags = first & 0x0Fu;
    const bool v5 = version == Version::v5;
    if (first >> 4 == 0) return error(kMalformed, "packet type 0 is reserved");
    if (first >> 4 == 15 && !v5) return error(kMalformed, "packet type 15 is reserved in 3.1.1");
    if (kind.flags != 0xFF && kind.flags != flags) {
        return error(kMalformed, fmt::format("{}: flags are {}, expected {}", kind.name, flags, kind.flags));
    }
    if (kind.flags == 0xFF && (flags & 6) == 6) return error(kMalformed, "PUBLISH: QoS is 3, expected 0, 1 or 2");
    if (kind.flags == 0xFF && (flags & 6) == 0 && (flags & 8))
        return error(kMalformed, "PUBLISH: DUP is set with QoS 0");
    if (end == End::server) {
        if (!kind.from_client) return error(kProtocol, fmt::format("{} is sent by servers only", kind.name));
        if (!connected && first >> 4 != 1) {
            return error(kProtocol, fmt::format("{} came before CONNECT", kind.name));
        }
        if (connected && first >> 4 == 1) return error(kProtocol, "a second CONNECT on one connection");
    } else if (!kind.from_server || (first >> 4 == 14 && !v5)) {
        return error(kProtocol, fmt::format("{} is sent by clients only", kind.name));
    }
    return {};
}

// Which reason codes a packet may carry [2.4]. SUBACK and UNSUBACK list theirs in the payload.
constexpr unsigned bit(PacketType type) { return 1u << static_cast<unsigned>(type); }
constexpr unsigned kBackward = bit(PacketType::puback) | bit(PacketType::pubrec);
constexpr unsigned kReleased = bit(PacketType::pubrel) | bit(PacketType::pubcomp);
constexpr unsigned kConn = bit(PacketType::connack), kSub = bit(PacketType::suback);
constexpr unsigned kUnsub = bit(PacketType::unsuback), kDis = bit(PacketType::disconnect);
constexpr unsigned kAuthBit = bit(PacketType::auth);

struct ReasonRow {
    ReasonCode reason;
    unsigned where;
    std::string_view text;
};
constexpr ReasonRow kReasons[] = {
    {ReasonCode::success, ~0u, "success"},
    {ReasonCode::granted_qos_1, kSub, "granted QoS 1"},
    {ReasonCode::granted_qos_2, kSub, "granted QoS 2"},
    {ReasonCode::disconnect_with_will, kDis, "disconnect with will"},
    {ReasonCode::no_matching_subscribers, kBackward, "no matching subscribers"},
    {ReasonCode::no_subscription_existed, kUnsub, "no subscription existed"},
    {ReasonCode::continue_authentication, kAuthBit, "continue authentication"},
    {ReasonCode::re_authenticate, kAuthBit, "re-authenticate"},
    {ReasonCode::unspecified_error, kConn | kBackward | kSub | kUnsub | kDis, "unspecified error"},
    {ReasonCode::malformed_packet, kConn | kDis, "malformed packet"},
    {ReasonCode::protocol_error, kConn | kDis, "protocol error"},
    {ReasonCode::implementation_specific_error, kConn | kBackward | kSub | kUnsub | kDis,
     "implementation specific error"},
    {ReasonCode::unsupported_protocol_version, kConn, "unsupported protocol version"},
    {ReasonCode::client_identifier_not_valid, kConn, "client identifier not valid"},
    {ReasonCode::bad_user_name_or_password, kConn, "bad user name or password"},
    {ReasonCode::not_authorized, kConn | kBackward | kSub | kUnsub | kDis, "not authorized"},
    {ReasonCode::server_unavailable, kConn, "server unavailable"},
    {ReasonCode::server_busy, kConn | kDis, "server busy"},
    {ReasonCode::banned, kConn, "banned"},
    {ReasonCode::server_shutting_down, kDis, "server shutting down"},
    {ReasonCode::bad_authentication_method, kConn | kDis, "bad authentication method"},
    {ReasonCode::keep_alive_timeout, kDis, "keep alive timeout"},
    {ReasonCode::session_taken_over, kDis, "session taken over"},
    {ReasonCode::topic_filter_invalid, kSub | kUnsub | kDis, "topic filter invalid"},
    {ReasonCode::topic_name_invalid, kConn | kBackward | kDis, "topic name invalid"},
    {ReasonCode::packet_identifier_in_use, kBackward | kSub | kUnsub, "packet identifier in use"},
    {ReasonCode::packet_identifier_not_found, kReleased, "packet identifier not found"},
    {ReasonCode::receive_maximum_exceeded, kDis, "receive maximum exceeded"},
    {ReasonCode::topic_alias_invalid, kDis, "topic alias invalid"},
    {ReasonCode::packet_too_large, kConn | kDis, "packet too large"},
    {ReasonCode::message_rate_too_high, kDis, "message rate too high"},
    {ReasonCode::quota_exceeded, kConn | kBackward | kSub | kDis, "quota exceeded"},
    {ReasonCode::administrative_action, kDis, "administrative action"},
    {ReasonCode::payload_format_invalid, kConn | kBackward | kDis, "payload format invalid"},
    {ReasonCode::retain_not_supported, kConn | kDis, "retain not supported"},
    {ReasonCode::qos_not_supported, kConn | kDis, "QoS not supported"},
    {ReasonCode::use_another_server, kConn | kDis, "use another server"},
    {ReasonCode::server_moved, kConn | kDis, "server moved"},
    {ReasonCode::shared_subscriptions_not_supported, kSub | kDis, "shared subscriptions not supported"},
    {ReasonCode::connection_rate_exceeded, kConn | kDis, "connection rate exceeded"},
    {ReasonCode::maximum_connect_time, kDis, "maximum connect time"},
    {ReasonCode::subscription_identifiers_not_supported, kSub | kDis, "subscription identifiers not supported"},
    {ReasonCode::wildcard_subscriptions_not_supported, kSub | kDis, "wildcard subscriptions not supported"},
};

ReasonCode read_reason(Cursor& cursor, PacketType type) {
    const auto reason = static_cast<ReasonCode>(cursor.u8("reason code"));
    for (const ReasonRow& row : kReasons) {
        if (row.reason == reason && (row.where & bit(type))) return reason;
    }
    cursor.fail(kMalformed, "reason code",
                fmt::format("0x{:02X} does not belong in this packet", static_cast<unsigned>(reason)));
    return ReasonCode::success;
}

std::uint16_t read_packet_id(Cursor& cursor) {
    const std::uint16_t id = cursor.u16("packet identifier");
    cursor.require(id != 0, kProtocol, "packet identifier", "may not be 0");
    return id;
}

Properties read_properties_of(Cursor& cursor, PacketType type, Version version) {
    return version == Version::v5 ? read_properties(cursor, static_cast<unsigned>(type)) : Properties{};
}

std::optional<Version> read_protocol(Cursor& cursor) {
    const std::string_view name = cursor.binary("protocol name");
    if (!cursor.ok()) return std::nullopt;
    if (name != "MQTT" && name != "MQIsdp") {
        cursor.fail(kMalformed, "protocol name", "is not \"MQTT\"");
        return std::nullopt;
    }
    const unsigned level = cursor.u8("protocol version");
    if (!cursor.ok()) return std::nullopt;
    if (name == "MQTT" && level == 4) return Version::v311;
    if (name == "MQTT" && level == 5) return Version::v5;
    cursor.fail(ReasonCode::unsupported_protocol_version, "protocol version",
                fmt::format("is {} {}, expected MQTT 4 (3.1.1) or 5", name, level));
    return std::nullopt;
}

Will read_will(Cursor& cursor, unsigned flags, Version version) {
    Will will;
    will.qos = flags >> 3 & 3;
    will.retain = flags & 0x20;
    if (version == Version::v5) will.properties = read_properties(cursor, kWillProperties);
    will.topic = cursor.name("will topic");
    cursor.require(valid_topic(will.topic), kMalformed, "will topic", "is empty or holds a wildcard");
    will.payload = cursor.binary("will payload");
    return will;
}

Packet read_connect(Cursor& cursor) {
    Connect connect;
    const auto version = read_protocol(cursor);
    if (!version) return connect;
    connect.version = *version;
    const unsigned flags = cursor.u8("connect flags");
    cursor.require(!(flags & 1), kMalformed, "connect flags", "the reserved bit is set");
    cursor.require(flags & 4 || !(flags & 0x38), kMalformed, "connect flags",
                   "will QoS or retain is set without a will");
    cursor.require((flags & 0x18) != 0x18, kMalformed, "connect flags", "will QoS is 3");
    cursor.require(*version == Version::v5 || flags & 0x80 || !(flags & 0x40), kMalformed, "connect flags",
                   "a password without a user name");
    connect.clean_start = flags & 2;
    connect.keep_alive_s = cursor.u16("keep alive");
    connect.properties = read_properties_of(cursor, PacketType::connect, *version);
    connect.client_id = cursor.name("client identifier");
    if (flags & 4) connect.will = read_will(cursor, flags, *version);
    if (flags & 0x80) connect.username = std::string(cursor.name("user name"));
    if (flags & 0x40) connect.password = std::string(cursor.binary("password"));
    cursor.end();
    return connect;
}

constexpr ReasonCode kReturnCodes[] = {ReasonCode::success,
                                       ReasonCode::unsupported_protocol_version,
                                       ReasonCode::client_identifier_not_valid,
                                       ReasonCode::server_unavailable,
                                       ReasonCode::bad_user_name_or_password,
                                       ReasonCode::not_authorized};

Packet read_connack(Cursor& cursor, Version version) {
    Connack connack;
    const unsigned flags = cursor.u8("acknowledge flags");
    cursor.require(flags <= 1, kMalformed, "acknowledge flags", "a reserved bit is set");
    connack.session_present = flags & 1;
    if (version == Version::v5) {
        connack.reason = read_reason(cursor, PacketType::connack);
        connack.properties = read_properties_of(cursor, PacketType::connack, version);
    } else {
        const unsigned code = cursor.u8("return code");
        cursor.require(code < std::size(kReturnCodes), kMalformed, "return code", "is greater than 5");
        if (cursor.ok()) connack.reason = kReturnCodes[code];
    }
    cursor.require(connack.reason == ReasonCode::success || !connack.session_present, kProtocol, "session present",
                   "is set in a refusal");
    cursor.end();
    return connack;
}

Packet read_publish(Cursor& cursor, unsigned flags, Version version, End end) {
    Publish publish;
    publish.retain = flags & 1;
    publish.qos = flags >> 1 & 3;
    publish.duplicate = flags & 8;
    publish.topic = cursor.name("topic name");
    if (publish.qos > 0) publish.packet_id = read_packet_id(cursor);
    publish.properties = read_properties_of(cursor, PacketType::publish, version);
    cursor.require(end == End::client || publish.properties.subscription_ids.empty(), kProtocol,
                   "subscription identifier", "is sent by servers only");
    if (publish.topic.empty()) {
        cursor.require(publish.properties.topic_alias.has_value(), kProtocol, "topic name", "is empty");
    } else {
        cursor.require(valid_topic(publish.topic), kMalformed, "topic name", "holds a wildcard");
    }
    publish.payload = cursor.rest();
    return publish;
}

Packet read_ack(Cursor& cursor, PacketType type, Version version) {
    Ack ack;
    ack.type = type;
    ack.packet_id = read_packet_id(cursor);
    if (version == Version::v5) {
        if (cursor.left() > 0) ack.reason = read_reason(cursor, type);
        if (cursor.left() > 0) ack.properties = read_properties_of(cursor, type, version);
    }
    cursor.end();
    return ack;
}

void read_subscription(Cursor& cursor, Version version, std::vector<Subscription>& into) {
    Subscription subscription;
    subscription.filter = cursor.name("topic filter");
    cursor.require(!subscription.filter.empty(), kMalformed, "topic filter", "is empty");
    cursor.require(valid_filter(subscription.filter), ReasonCode::protocol_error, "topic filter",
                   "has a wildcard or a share name in a wrong place");
    const unsigned options = cursor.u8("subscription options");
    const unsigned reserved = version == Version::v5 ? 0xC0 : 0xFC;
    cursor.require(!(options & reserved), kMalformed, "subscription options", "a reserved bit is set");
    cursor.require((options & 3) != 3, version == Version::v5 ? kProtocol : kMalformed, "subscription options",
                   "QoS is 3");
    cursor.require((options & 0x30) != 0x30, kProtocol, "subscription options", "retain handling is 3");
    subscription.qos = options & 3;
    subscription.no_local = options & 4;
    subscription.retain_as_published = options & 8;
    subscription.retain_handling = options >> 4 & 3;
    cursor.require(!subscription.no_local || !subscription.filter.starts_with("$share/"), kProtocol,
                   "subscription options", "no local with a shared subscription");
    into.push_back(std::move(subscription));
}

Packet read_subscribe(Cursor& cursor, Version version) {
    Subscribe subscribe;
    subscribe.packet_id = read_packet_id(cursor);
    subscribe.properties = read_properties_of(cursor, PacketType::subscribe, version);
    cursor.require(cursor.left() > 0, kProtocol, "topic filters", "there is none");
    while (cursor.left() > 0) read_subscription(cursor, version, subscribe.subscriptions);
    return subscribe;
}

Packet read_unsubscribe(Cursor& cursor, Version version) {
    Unsubscribe unsubscribe;
    unsubscribe.packet_id = read_packet_id(cursor);
    unsubscribe.properties = read_properties_of(cursor, PacketType::unsubscribe, version);
    cursor.require(cursor.left() > 0, kProtocol, "topic filters", "there is none");
    while (cursor.left() > 0) {
        const std::string_view filter = cursor.name("topic filter");
        cursor.require(!filter.empty(), kMalformed, "topic filter", "is empty");
        cursor.require(valid_filter(filter), kProtocol, "topic filter",
                       "has a wildcard or a share name in a wrong place");
        unsubscribe.filters.emplace_back(filter);
    }
    return unsubscribe;
}

Packet read_suback(Cursor& cursor, Version version) {
    Suback suback;
    suback.packet_id = read_packet_id(cursor);
    suback.properties = read_properties_of(cursor, PacketType::suback, version);
    cursor.require(cursor.left() > 0, kProtocol, "reason codes", "there is none");
    while (cursor.left() > 0) {
        suback.reasons.push_back(read_reason(cursor, PacketType::suback));
        const unsigned reason = static_cast<unsigned>(suback.reasons.back());
        cursor.require(version == Version::v5 || reason <= 2 || reason == 0x80, kMalformed, "return code",
                       "is none of 0, 1, 2, 0x80");
    }
    return suback;
}

Packet read_unsuback(Cursor& cursor, Version version) {
    Unsuback unsuback;
    unsuback.packet_id = read_packet_id(cursor);
    unsuback.properties = read_properties_of(cursor, PacketType::unsuback, version);
    if (version == Version::v5) {
        cursor.require(cursor.left() > 0, kProtocol, "reason codes", "there is none");
        while (cursor.left() > 0) unsuback.reasons.push_back(read_reason(cursor, PacketType::unsuback));
    }
    cursor.end();
    return unsuback;
}

template <class T>
Packet read_farewell(Cursor& cursor, PacketType type, Version version) {
    T packet;
    if (version == Version::v5 && cursor.left() > 0) {
        packet.reason = read_reason(cursor, type);
        if (cursor.left() > 0) packet.properties = read_properties_of(cursor, type, version);
    }
    cursor.end();
    return packet;
}

template <class T>
Packet read_ping(Cursor& cursor) {
    cursor.end();
    return T{};
}

Packet read_body(Cursor& cursor, std::uint8_t first, Version version, End end) {
    const auto type = static_cast<PacketType>(first >> 4);
    switch (type) {
        case PacketType::connect:
            return read_connect(cursor);
        case PacketType::connack:
            return read_connack(cursor, version);
        case PacketType::publish:
            return read_publish(cursor, first & 0x0Fu, version, end);
        case PacketType::puback:
        case PacketType::pubrec:
        case PacketType::pubrel:
        case PacketType::pubcomp:
            return read_ack(cursor, type, version);
        case PacketType::subscribe:
            return read_subscribe(cursor, version);
        case PacketType::suback:
            return read_suback(cursor, version);
        case PacketType::unsubscribe:
            return read_unsubscribe(cursor, version);
        case PacketType::unsuback:
            return read_unsuback(cursor, version);
        case PacketType::pingreq:
            return read_ping<Pingreq>(cursor);
        case PacketType::pingresp:
            return read_ping<Pingresp>(cursor);
        case PacketType::disconnect:
            return read_farewell<Disconnect>(cursor, type, version);
        case PacketType::auth:
            return read_farewell<Auth>(cursor, type, version);
    }
    return Pingreq{};  // not reached: check_first_byte() refused type 0
}

struct Header {
    std::size_t header_bytes = 0;  // 0: not all of it is there yet
    std::size_t body_bytes = 0;
};

Decoded<Header> read_header(Bytes bytes) {
    std::size_t value = 0;
    for (std::size_t i = 1; i < bytes.size(); ++i) {
        value |= static_cast<std::size_t>(bytes[i] & 0x7F) << (7 * (i - 1));
        if (!(bytes[i] & 0x80)) {
            if (i > 1 && bytes[i] == 0) return error(kMalformed, "remaining length is not in its shortest form");
            return Header{i + 1, value};
        }
        if (i == 4) return error(kMalformed, "remaining length is longer than four bytes");
    }
    return Header{};
}

// The version a CONNECT asked for, as far as it can be read, so that its refusal is written in that version.
std::optional<Version> asked_version(Bytes packet) {
    const auto header = read_header(packet);
    if (!header || header->header_bytes == 0) return std::nullopt;
    Cursor cursor{packet.subspan(header->header_bytes), "CONNECT"};
    return read_protocol(cursor);
}

}  // namespace

std::string_view to_string(ReasonCode reason) {
    for (const ReasonRow& row : kReasons) {
        if (row.reason == reason) return row.text;
    }
    return "unknown reason";
}

Decoded<Packet> decode_packet(Bytes packet, Version version, End end) {
    const auto header = read_header(packet);
    if (!header) return std::unexpected(header.error());
    if (header->header_bytes == 0 || packet.size() != header->header_bytes + header->body_bytes) {
        return error(kMalformed, fmt::format("{} bytes are not one whole packet", packet.size()));
    }
    const bool connected = packet[0] >> 4 != 1;
    if (auto good = check_first_byte(packet[0], version, end, connected); !good) return std::unexpected(good.error());
    Cursor cursor{packet.subspan(header->header_bytes), kKinds[packet[0] >> 4].name};
    Packet decoded = read_body(cursor, packet[0], version, end);
    if (!cursor.ok()) return std::unexpected(cursor.take_fault());
    return decoded;
}

Decoded<void> Decoder::feed(Bytes received, const OnPacket& on_packet) {
    while (!received.empty()) {
        // The header first: with it, a packet that cannot be taken is refused before its bytes are.
        Buffer whole;
        Bytes front = received;
        if (!kept_.empty()) {
            const std::size_t had = std::min<std::size_t>(kept_.size(), 5);
            whole.assign(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(had));
            const std::size_t more = std::min<std::size_t>(5 - had, received.size());
            whole.insert(whole.end(), received.begin(), received.begin() + static_cast<std::ptrdiff_t>(more));
            front = whole;
        }
        if (auto good = check_first_byte(front[0], version_, end_, connected_); !good) return good;
        const auto header = read_header(front);
        if (!header) return std::unexpected(header.error());
        const std::size_t bytes = header->header_bytes + header->body_bytes;
        if (header->header_bytes > 0 && bytes > packet_bytes_max_) {
            return error(ReasonCode::packet_too_large,
                         fmt::format("{} of {} bytes, at most {} are taken", kKinds[front[0] >> 4].name, bytes,
                                     packet_bytes_max_));
        }
        if (header->header_bytes == 0 || kept_.size() + received.size() < bytes) {
            kept_.insert(kept_.end(), received.begin(), received.end());
            return {};
        }
        Bytes packet;
        if (kept_.empty()) {
            packet = received.first(bytes);
            received = received.subspan(bytes);
        } else {
            const std::size_t more = bytes - kept_.size();
            whole = std::move(kept_);
            kept_ = {};
            whole.insert(whole.end(), received.begin(), received.begin() + static_cast<std::ptrdiff_t>(more));
            received = received.subspan(more);
            packet = whole;
        }
        if (end_ == End::server && !connected_) {
            connected_ = true;
            if (const auto asked = asked_version(packet)) version_ = *asked;
        }
        auto decoded = decode_packet(packet, version_, end_);
        if (!decoded) return std::unexpected(std::move(decoded).error());
        if (!on_packet(*decoded)) return {};
    }
    return {};
}

}  // namespace gongshu::wire::mqtt
