#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"

// MQTT 3.1.1 (OASIS, 2014) and 5.0 (OASIS, 2019): bytes to packets and back, for both ends. Pure: no sockets, no clock.
// [x.y.z] in the sources are the sections of the 5.0 text.
namespace gongshu::wire::mqtt {

enum class Version : std::uint8_t { v311 = 4, v5 = 5 };

enum class PacketType : std::uint8_t {
    connect = 1,
    connack,
    publish,
    puback,
    pubrec,
    pubrel,
    pubcomp,
    subscribe,
    suback,
    unsubscribe,
    unsuback,
    pingreq,
    pingresp,
    disconnect,
    auth,
};

// Reason codes of 5.0 [2.4]. In 3.1.1 only some can be said: see encode().
enum class ReasonCode : std::uint8_t {
    success = 0x00,  // also "granted QoS 0" and "normal disconnection"
    granted_qos_1 = 0x01,
    granted_qos_2 = 0x02,
    disconnect_with_will = 0x04,
    no_matching_subscribers = 0x10,
    no_subscription_existed = 0x11,
    continue_authentication = 0x18,
    re_authenticate = 0x19,
    unspecified_error = 0x80,
    malformed_packet = 0x81,
    protocol_error = 0x82,
    implementation_specific_error = 0x83,
    unsupported_protocol_version = 0x84,
    client_identifier_not_valid = 0x85,
    bad_user_name_or_password = 0x86,
    not_authorized = 0x87,
    server_unavailable = 0x88,
    server_busy = 0x89,
    banned = 0x8A,
    server_shutting_down = 0x8B,
    bad_authentication_method = 0x8C,
    keep_alive_timeout = 0x8D,
    session_taken_over = 0x8E,
    topic_filter_invalid = 0x8F,
    topic_name_invalid = 0x90,
    packet_identifier_in_use = 0x91,
    packet_identifier_not_found = 0x92,
    receive_maximum_exceeded = 0x93,
    topic_alias_invalid = 0x94,
    packet_too_large = 0x95,
    message_rate_too_high = 0x96,
    quota_exceeded = 0x97,
    administrative_action = 0x98,
    payload_format_invalid = 0x99,
    retain_not_supported = 0x9A,
    qos_not_supported = 0x9B,
    use_another_server = 0x9C,
    server_moved = 0x9D,
    shared_subscriptions_not_supported = 0x9E,
    connection_rate_exceeded = 0x9F,
    maximum_connect_time = 0xA0,
    subscription_identifiers_not_supported = 0xA1,
    wildcard_subscriptions_not_supported = 0xA2,
};
std::string_view to_string(ReasonCode reason);

// Bytes that break the standard: `reason` is what a 5.0 peer is told, `text` names the field, what was found and what
// was expected.
struct ProtocolError {
    ReasonCode reason = ReasonCode::malformed_packet;
    std::string text;
};
template <class T>
using Decoded = std::expected<T, ProtocolError>;

// Properties of 5.0 [2.2.2]; always empty in 3.1.1. The decoder checks which packet may carry which.
struct Properties {
    std::optional<std::uint8_t> payload_format;                // 0x01: 1 = UTF-8 text
    std::optional<std::uint32_t> message_expiry_s;             // 0x02
    std::optional<std::string> content_type;                   // 0x03
    std::optional<std::string> response_topic;                 // 0x08
    std::optional<std::string> correlation_data;               // 0x09, any bytes
    std::vector<std::uint32_t> subscription_ids;               // 0x0B
    std::optional<std::uint32_t> session_expiry_s;             // 0x11: 0xFFFFFFFF = never
    std::optional<std::string> assigned_client_id;             // 0x12
    std::optional<std::uint16_t> server_keep_alive_s;          // 0x13
    std::optional<std::string> authentication_method;          // 0x15
    std::optional<std::string> authentication_data;            // 0x16, any bytes
    std::optional<std::uint8_t> request_problem_information;   // 0x17
    std::optional<std::uint32_t> will_delay_s;                 // 0x18
    std::optional<std::uint8_t> request_response_information;  // 0x19
    std::optional<std::string> response_information;           // 0x1A
    std::optional<std::string> server_reference;               // 0x1C
    std::optional<std::string> reason_string;                  // 0x1F
    std::optional<std::uint16_t> receive_maximum;              // 0x21, never 0
    std::optional<std::uint16_t> topic_alias_maximum;          // 0x22
    std::optional<std::uint16_t> topic_alias;                  // 0x23; 0 is told as topic_alias_invalid
    std::optional<std::uint8_t> maximum_qos;                   // 0x24: 0 or 1
    std::optional<std::uint8_t> retain_available;              // 0x25
    std::vector<std::pair<std::string, std::string>> user;     // 0x26, order kept
    std::optional<std::uint32_t> maximum_packet_bytes;         // 0x27, never 0
    std::optional<std::uint8_t> wildcard_available;            // 0x28
    std::optional<std::uint8_t> subscription_ids_available;    // 0x29
    std::optional<std::uint8_t> shared_available;              // 0x2A
    friend bool operator==(const Properties&, const Properties&) = default;
};

struct Will {
    std::string topic;
    std::string payload;  // any bytes
    std::uint8_t qos = 0;
    bool retain = false;
    Properties properties;
    friend bool operator==(const Will&, const Will&) = default;
};

struct Connect {
    Version version = Version::v5;
    std::string client_id;
    bool clean_start = true;         // "clean session" in 3.1.1
    std::uint16_t keep_alive_s = 0;  // 0 = off
    std::optional<Will> will;
    std::optional<std::string> username;
    std::optional<std::string> password;  // any bytes
    Properties properties;
    friend bool operator==(const Connect&, const Connect&) = default;
};

// In 3.1.1 the six return codes are read as, and written from, success 0x84 0x85 0x88 0x86 0x87; other refusals are
// written as "not authorized" or "server unavailable", whichever is nearer.
struct Connack {
    bool session_present = false;
    ReasonCode reason = ReasonCode::success;
    Properties properties;
    friend bool operator==(const Connack&, const Connack&) = default;
};

// `topic` and `payload` are views: into the decoder's bytes during on_packet, or into the sender's own.
struct Publish {
    std::string_view topic;  // may be empty in 5.0 when there is a topic alias
    Bytes payload;
    std::uint8_t qos = 0;
    bool duplicate = false;
    bool retain = false;
    std::uint16_t packet_id = 0;  // only with QoS 1 and 2, then never 0
    Properties properties;
};

// PUBACK, PUBREC, PUBREL, PUBCOMP.
struct Ack {
    PacketType type = PacketType::puback;
    std::uint16_t packet_id = 0;
    ReasonCode reason = ReasonCode::success;  // 3.1.1 has none
    Properties properties;
    friend bool operator==(const Ack&, const Ack&) = default;
};

struct Subscription {
    std::string filter;
    std::uint8_t qos = 0;
    bool no_local = false;
    bool retain_as_published = false;
    std::uint8_t retain_handling = 0;  // 0 send retained, 1 only if the subscription is new, 2 never
    friend bool operator==(const Subscription&, const Subscription&) = default;
};

struct Subscribe {
    std::uint16_t packet_id = 0;
    std::vector<Subscription> subscriptions;  // at least one
    Properties properties;
    friend bool operator==(const Subscribe&, const Subscribe&) = default;
};

struct Suback {
    std::uint16_t packet_id = 0;
    std::vector<ReasonCode> reasons;
    Properties properties;
    friend bool operator==(const Suback&, const Suback&) = default;
};

struct Unsubscribe {
    std::uint16_t packet_id = 0;
    std::vector<std::string> filters;  // at least one
    Properties properties;
    friend bool operator==(const Unsubscribe&, const Unsubscribe&) = default;
};

struct Unsuback {
    std::uint16_t packet_id = 0;
    std::vector<ReasonCode> reasons;  // 3.1.1 has none
    Properties properties;
    friend bool operator==(const Unsuback&, const Unsuback&) = default;
};

struct Pingreq {
    friend bool operator==(const Pingreq&, const Pingreq&) = default;
};
struct Pingresp {
    friend bool operator==(const Pingresp&, const Pingresp&) = default;
};

struct Disconnect {
    ReasonCode reason = ReasonCode::success;  // 3.1.1 has none
    Properties properties;
    friend bool operator==(const Disconnect&, const Disconnect&) = default;
};

struct Auth {
    ReasonCode reason = ReasonCode::success;
    Properties properties;
    friend bool operator==(const Auth&, const Auth&) = default;
};

using Packet = std::variant<Connect, Connack, Publish, Ack, Subscribe, Suback, Unsubscribe, Unsuback, Pingreq, Pingresp,
                            Disconnect, Auth>;

// Which end of the connection reads: a server refuses what only a server may send, and the other way round.
enum class End : std::uint8_t { server, client };

inline constexpr std::size_t kPacketBytesMax = 268'435'460;  // what the remaining length can say, with its header

// Decoder cuts received bytes into packets.
// Lives:   one per connection. A server's adopts the version of the first CONNECT; a client's is told it.
// Threads: none of its own; a plain value.
// Bounds:  packets up to packet_bytes_max, told packet_too_large from the header alone; keeps at most one unfinished
//          packet, and nothing between packets.
// Disk:    none.
class Decoder {
public:
    // on_packet returns false to stop: feed() then returns at once without touching the decoder, which may be gone.
    using OnPacket = std::function<bool(const Packet&)>;

    Decoder(End end, std::size_t packet_bytes_max, Version version = Version::v311)
        : end_(end), packet_bytes_max_(packet_bytes_max), version_(version) {}

    // Takes received bytes in any split; calls on_packet once per whole packet, in order. After an error the connection
    // is over: nothing more may be fed.
    Decoded<void> feed(Bytes received, const OnPacket& on_packet);

    Version version() const { return version_; }
    std::size_t kept_bytes() const { return kept_.size(); }

private:
    End end_;
    std::size_t packet_bytes_max_;
    Version version_;
    bool connected_ = false;  // a server has seen the CONNECT
    Buffer kept_;             // an unfinished packet
};

// One whole packet (header included). What Decoder uses for each.
Decoded<Packet> decode_packet(Bytes packet, Version version, End end);

// Appends one packet. Fields longer than the standard allows are our own bug (ASSERT). In 3.1.1 properties are left out
// and reason codes are written as far as that version knows them.
void encode(const Packet& packet, Version version, Buffer& out);
void encode(const Publish& publish, Version version, Buffer& out);
std::size_t encoded_bytes(const Publish& publish, Version version);

// UTF-8 as the standard wants it [1.5.4]: well-formed, no surrogates, no U+0000.
bool valid_utf8(std::string_view text);
// valid_utf8() without control characters (U+0001 … U+001F, U+007F … U+009F): the standard lets a receiver refuse
// those, and in names that people read and log they are refused.
bool plain_utf8(std::string_view text);
// 1 … 65535 bytes of plain_utf8() without wildcards.
bool valid_topic(std::string_view topic);
// As valid_topic(), with + and # only as whole levels and # only last. "$share/group/filter" must have both parts.
bool valid_filter(std::string_view filter);
// A filter that begins with a wildcard does not match topics that begin with $ [4.7.2].
bool topic_matches(std::string_view filter, std::string_view topic);

struct SharedFilter {
    std::string_view group;
    std::string_view filter;
};
// The parts of "$share/group/filter"; nullopt for an ordinary filter. The filter must be valid_filter().
std::optional<SharedFilter> parse_shared(std::string_view filter);

}  // namespace gongshu::wire::mqtt
