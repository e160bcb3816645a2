#include "base/assert.h"
#include "wire/mqtt.h"
#include "wire/mqtt_properties.h"

namespace gongshu::wire::mqtt {
namespace {

void put_first(Buffer& out, PacketType type, unsigned flags = 0) {
    out.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
}

void put_whole(Buffer& out, PacketType type, unsigned flags, const Buffer& body) {
    put_first(out, type, flags);
    put_varint(out, body.size());
    out.insert(out.end(), body.begin(), body.end());
}

void put_reason(Buffer& out, ReasonCode reason) { out.push_back(static_cast<std::uint8_t>(reason)); }

void put_properties(Buffer& out, const Properties& properties, Version version) {
    if (version == Version::v5) write_properties(properties, out);
}

// The return code of 3.1.1 that is nearest [3.1.1: table 3.1].
std::uint8_t return_code(ReasonCode reason) {
    switch (reason) {
        case ReasonCode::success:
            return 0;
        case ReasonCode::unsupported_protocol_version:
            return 1;
        case ReasonCode::client_identifier_not_valid:
            return 2;
        case ReasonCode::bad_user_name_or_password:
            return 4;
        case ReasonCode::not_authorized:
        case ReasonCode::banned:
        case ReasonCode::bad_authentication_method:
            return 5;
        default:
            return 3;
    }
}

void encode_body(const Connect& connect, Version, Buffer& out) {
    const bool v5 = connect.version == Version::v5;
    Buffer body;
    put_text(body, "MQTT");
    body.push_back(static_cast<std::uint8_t>(connect.version));
    unsigned flags = connect.clean_start ? 2 : 0;
    if (connect.will) flags |= 4u | static_cast<unsigned>(connect.will->qos) << 3 | (connect.will->retain ? 0x20u : 0u);
    if (connect.username) flags |= 0x80;
    if (connect.password) flags |= 0x40;
    body.push_back(static_cast<std::uint8_t>(flags));
    put_u16(body, connect.keep_alive_s);
    put_properties(body, connect.properties, connect.version);
    put_text(body, connect.client_id);
    if (connect.will) {
        if (v5) write_properties(connect.will->properties, body);
        put_text(body, connect.will->topic);
        put_text(body, connect.will->payload);
    }
    if (connect.username) put_text(body, *connect.username);
    if (connect.password) put_text(body, *connect.password);
    put_whole(out, PacketType::connect, 0, body);
}

void encode_body(const Connack& connack, Version version, Buffer& out) {
    Buffer body;
    body.push_back(connack.session_present ? 1 : 0);
    if (version == Version::v5) {
        put_reason(body, connack.reason);
    } else {
        body.push_back(return_code(connack.reason));
    }
    put_properties(body, connack.properties, version);
    put_whole(out, PacketType::connack, 0, body);
}

void encode_body(const Publish& publish, Version version, Buffer& out) { encode(publish, version, out); }

void encode_body(const Ack& ack, Version version, Buffer& out) {
    ASSERT(ack.packet_id != 0);
    Buffer body;
    put_u16(body, ack.packet_id);
    if (version == Version::v5) {
        const bool bare = ack.properties == Properties{};
        if (!bare || ack.reason != ReasonCode::success) put_reason(body, ack.reason);
        if (!bare) write_properties(ack.properties, body);
    }
    put_whole(out, ack.type, ack.type == PacketType::pubrel ? 2 : 0, body);
}

void encode_body(const Subscribe& subscribe, Version version, Buffer& out) {
    Buffer body;
    put_u16(body, subscribe.packet_id);
    put_properties(body, subscribe.properties, version);
    for (const Subscription& subscription : subscribe.subscriptions) {
        put_text(body, subscription.filter);
        unsigned options = subscription.qos;
        if (version == Version::v5) {
            options |= (subscription.no_local ? 4u : 0u) | (subscription.retain_as_published ? 8u : 0u) |
                       static_cast<unsigned>(subscription.retain_handling) << 4;
        }
        body.push_back(static_cast<std::uint8_t>(options));
    }
    put_whole(out, PacketType::subscribe, 2, body);
}

void encode_body(const Suback& suback, Version version, Buffer& out) {
    Buffer body;
    put_u16(body, suback.packet_id);
    put_properties(body, suback.properties, version);
    for (const ReasonCode reason : suback.reasons) {
        const bool failed = static_cast<unsigned>(reason) >= 0x80;
        put_reason(body, failed && version == Version::v311 ? ReasonCode::unspecified_error : reason);
    }
    put_whole(out, PacketType::suback, 0, body);
}

void encode_body(const Unsubscribe& unsubscribe, Version version, Buffer& out) {
    Buffer body;
    put_u16(body, unsubscribe.packet_id);
    put_properties(body, unsubscribe.properties, version);
    for (const std::string& filter : unsubscribe.filters) put_text(body, filter);
    put_whole(out, PacketType::unsubscribe, 2, body);
}

void encode_body(const Unsuback& unsuback, Version version, Buffer& out) {
    Buffer body;
    put_u16(body, unsuback.packet_id);
    put_properties(body, unsuback.properties, version);
    if (version == Version::v5) {
        for (const ReasonCode reason : unsuback.reasons) put_reason(body, reason);
    }
    put_whole(out, PacketType::unsuback, 0, body);
}

void encode_body(const Pingreq&, Version, Buffer& out) { put_whole(out, PacketType::pingreq, 0, {}); }
void encode_body(const Pingresp&, Version, Buffer& out) { put_whole(out, PacketType::pingresp, 0, {}); }

void encode_farewell(PacketType type, ReasonCode reason, const Properties& properties, Version version, Buffer& out) {
    Buffer body;
    if (version == Version::v5) {
        const bool bare = properties == Properties{};
        if (!bare || reason != ReasonCode::success) put_reason(body, reason);
        if (!bare) write_properties(properties, body);
    }
    put_whole(out, type, 0, body);
}

void encode_body(const Disconnect& disconnect, Version version, Buffer& out) {
    encode_farewell(PacketType::disconnect, disconnect.reason, disconnect.properties, version, out);
}
void encode_body(const Auth& auth, Version version, Buffer& out) {
    ASSERT(version == Version::v5);
    encode_farewell(PacketType::auth, auth.reason, auth.properties, version, out);
}

}  // namespace

void encode(const Publish& publish, Version version, Buffer& out) {
    ASSERT(publish.qos <= 2 && (publish.qos == 0) == (publish.packet_id == 0));
    Buffer properties;
    put_properties(properties, publish.properties, version);
    const unsigned flags =
        (publish.duplicate ? 8u : 0u) | static_cast<unsigned>(publish.qos) << 1 | (publish.retain ? 1u : 0u);
    put_first(out, PacketType::publish, flags);
    put_varint(out, 2 + publish.topic.size() + (publish.qos ? 2 : 0) + properties.size() + publish.payload.size());
    put_text(out, publish.topic);
    if (publish.qos) put_u16(out, publish.packet_id);
    out.insert(out.end(), properties.begin(), properties.end());
    out.insert(out.end(), publish.payload.begin(), publish.payload.end());
}

std::size_t encoded_bytes(const Publish& publish, Version version) {
    Buffer properties;
    put_properties(properties, publish.properties, version);
    const std::size_t body =
        2 + publish.topic.size() + (publish.qos ? 2 : 0) + properties.size() + publish.payload.size();
    return 1 + varint_bytes(body) + body;
}

void encode(const Packet& packet, Version version, Buffer& out) {
    std::visit([&](const auto& one) { encode_body(one, version, out); }, packet);
}

}  // namespace gongshu::wire::mqtt
