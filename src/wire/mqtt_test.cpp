#include "wire/mqtt.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire::mqtt {
namespace {

// "??" stands for the number of bytes after it.
Buffer from_hex(std::string_view text) {
    if (const auto at = text.find("??"); at != std::string_view::npos) {
        Buffer bytes = from_hex(text.substr(0, at));
        const Buffer rest = from_hex(text.substr(at + 2));
        bytes.push_back(static_cast<std::uint8_t>(rest.size()));
        bytes.insert(bytes.end(), rest.begin(), rest.end());
        return bytes;
    }
    Buffer bytes;
    int high = -1;
    for (const char c : text) {
        if (c == ' ') continue;
        const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        if (high < 0) {
            high = digit;
        } else {
            bytes.push_back(static_cast<std::uint8_t>(high << 4 | digit));
            high = -1;
        }
    }
    return bytes;
}

Buffer encoded(const Packet& packet, Version version) {
    Buffer out;
    encode(packet, version, out);
    return out;
}

std::string connect_hex(Version version) {
    return version == Version::v5 ? "10 0E 0004 4D515454 05 02 000A 00 0001 70"
                                  : "10 0D 0004 4D515454 04 02 000A 0001 70";
}

TEST(MqttTopic, FilterMatches) {
    auto f = [](const char* filter, const char* topic, bool want) {
        EXPECT_EQ(topic_matches(filter, topic), want) << filter << " ~ " << topic;
    };
    f("line/7/temp", "line/7/temp", true);
    f("line/7/temp", "line/7/temperature", false);
    f("line/7/temp", "line/7/temp/x", false);
    f("line/7/temp/x", "line/7/temp", false);
    f("line/+/temp", "line/7/temp", true);
    f("line/+/temp", "line//temp", true);
    f("line/+/temp", "line/7/8/temp", false);
    f("line/+", "line/7", true);
    f("line/+", "line/", true);
    f("line/+", "line", false);
    f("+", "line", true);
    f("+", "line/7", false);
    f("+/+", "/line", true);
    f("/+", "/line", true);
    f("+", "/line", false);
    f("#", "line", true);
    f("#", "line/7/temp", true);
    f("#", "/", true);
    f("line/#", "line", true);
    f("line/#", "line/", true);
    f("line/#", "line/7/temp", true);
    f("line/#", "lines", false);
    f("line/7/#", "line", false);
    f("+/7/#", "line/7", true);
    f("#", "$SYS/uptime", false);
    f("+/uptime", "$SYS/uptime", false);
    f("$SYS/#", "$SYS/uptime", true);
    f("$SYS/+", "$SYS/uptime", true);
    f("Line", "line", false);
    f("/", "/", true);
    f("a//b", "a//b", true);
    f("a/b", "a//b", false);
    f("a/", "a", false);
    f("a", "a/", false);
    f("车间/+/温度", "车间/7/温度", true);
}

TEST(MqttTopic, FilterValidity) {
    auto f = [](std::string_view filter, bool want) { EXPECT_EQ(valid_filter(filter), want) << filter; };
    f("a", true);
    f("#", true);
    f("+", true);
    f("/", true);
    f("a/+/b/#", true);
    f("", false);
    f("a#", false);
    f("a/#/b", false);
    f("a+", false);
    f("+a/b", false);
    f("a/b+/c", false);
    f("##", false);
    f("$share/g/a", true);
    f("$share/g/#", true);
    f("$share/g/", false);
    f("$share/g", false);
    f("$share//a", false);
    f("$share/+/a", false);
    f("$share", false);
    f("$shared/g", true);
    f("a\x01", false);
    f(std::string_view("a\0", 2), false);
    f(std::string(65'535, 'a'), true);
    f(std::string(65'536, 'a'), false);
}

TEST(MqttTopic, NameValidity) {
    auto f = [](std::string_view topic, bool want) { EXPECT_EQ(valid_topic(topic), want) << topic; };
    f("a/b", true);
    f("/", true);
    f("$SYS/x", true);
    f("", false);
    f("a/+", false);
    f("a/#", false);
    f("a\x7f", false);
    f("a\xC2\x9f", false);
    f("A\xF0\xAA\x9B\x94", true);
    f("\xEF\xBB\xBF"
      "a",
      true);
    f("\xED\xA0\x80", false);
    f("\xC0\x80", false);
    f("\xF5\x80\x80\x80", false);
    f("\xE4\xBD", false);
}

TEST(MqttDecode, Refuses) {
    // `hex` comes after a good CONNECT of that version.
    auto f = [](Version version, const char* hex, ReasonCode want, const char* text) {
        Decoder decoder{End::server, 1000};
        ASSERT_TRUE(decoder.feed(from_hex(connect_hex(version)), [](const Packet&) { return true; }));
        ASSERT_EQ(decoder.version(), version);
        const auto fed = decoder.feed(from_hex(hex), [](const Packet&) { return true; });
        ASSERT_FALSE(fed.has_value()) << hex;
        EXPECT_EQ(fed.error().reason, want) << hex << ": " << fed.error().text;
        EXPECT_NE(fed.error().text.find(text), std::string::npos) << hex << ": " << fed.error().text;
    };
    constexpr auto kMalformed = ReasonCode::malformed_packet;
    constexpr auto kProtocol = ReasonCode::protocol_error;
    f(Version::v311, "00 00", kMalformed, "type 0");
    f(Version::v311, "F0 00", kMalformed, "type 15");
    f(Version::v311, connect_hex(Version::v311).c_str(), kProtocol, "second CONNECT");
    f(Version::v311, "20 02 00 00", kProtocol, "servers only");
    f(Version::v311, "36 0E 0005 746F706963 7061796C6F6164", kMalformed, "QoS is 3");
    f(Version::v311, "38 0E 0005 746F706963 7061796C6F6164", kMalformed, "DUP");
    f(Version::v311, "32 10 0005 746F706963 0000 7061796C6F6164", kProtocol, "packet identifier");
    f(Version::v311, "30 0E 0005 2B6F706963 7061796C6F6164", kMalformed, "wildcard");
    f(Version::v311, "30 09 0000 7061796C6F6164", kProtocol, "topic name");
    f(Version::v311, "30 03 0005 74", kMalformed, "needs 5 bytes, the packet has 1 left");
    f(Version::v311, "80 06 1234 0001 70 00", kMalformed, "flags are 0, expected 2");
    f(Version::v311, "82 06 1234 0001 70 04", kMalformed, "reserved bit");
    f(Version::v311, "82 06 1234 0001 70 03", kMalformed, "QoS is 3");
    f(Version::v311, "82 05 1234 0001 70", kMalformed, "subscription options");
    f(Version::v311, "82 02 1234", kProtocol, "there is none");
    f(Version::v311, "82 08 1234 0003 612362 00", kProtocol, "wildcard");
    f(Version::v311, "A2 02 1234", kProtocol, "there is none");
    f(Version::v311, "A2 04 1234 0000", kMalformed, "is empty");
    f(Version::v311, "40 03 1234 00", kMalformed, "too many");
    f(Version::v311, "40 02 0000", kProtocol, "may not be 0");
    f(Version::v311, "60 02 1234", kMalformed, "flags are 0, expected 2");
    f(Version::v311, "C0 01 00", kMalformed, "too many");
    f(Version::v311, "E0 01 00", kMalformed, "too many");
    f(Version::v311, "30 FF FF FF FF 7F", kMalformed, "longer than four bytes");
    f(Version::v311, "30 80 00", kMalformed, "shortest");
    f(Version::v311, "30 E9 07", ReasonCode::packet_too_large, "at most 1000");
    f(Version::v5, "30 ?? 0000 00 7061796C6F6164", kProtocol, "topic name");
    f(Version::v5, "32 ?? 0005 746F706963 1234 02 0102 70", kProtocol, "payload format indicator");
    f(Version::v5, "32 ?? 0005 746F706963 1234 04 0101 0101 70", kProtocol, "stands twice");
    f(Version::v5, "32 ?? 0005 746F706963 1234 01 01 70", kMalformed, "needs 1 bytes");
    f(Version::v5, "30 ?? 0005 746F706963 09 70", kMalformed, "properties: needs 9");
    f(Version::v5, "32 ?? 0005 746F706963 1234 03 230000 70", ReasonCode::topic_alias_invalid, "topic alias");
    f(Version::v5, "32 ?? 0005 746F706963 1234 02 0B01 70", kProtocol, "servers only");
    f(Version::v5, "32 ?? 0005 746F706963 1234 02 2401 70", kMalformed, "maximum QoS");
    f(Version::v5, "32 ?? 0005 746F706963 1234 02 0401 70", kMalformed, "property 0x04");
    f(Version::v5, "32 ?? 0005 746F706963 1234 07 080004 706F2F23", kProtocol, "response topic");
    f(Version::v5, "82 ?? 0001 04 0B010B01 0001 70 00", kProtocol, "stands twice");
    f(Version::v5, "82 ?? 0001 02 0B00 0001 70 00", kProtocol, "may not be 0");
    f(Version::v5, "82 ?? 0001 03 0B8000 0001 70 00", kMalformed, "shortest");
    f(Version::v5, "82 ?? 0001 06 0B8080808001 0001 70 00", kMalformed, "four bytes");
    f(Version::v5, "82 ?? 1234 00 0001 70 30", kProtocol, "retain handling");
    f(Version::v5, "82 ?? 1234 00 0001 70 40", kMalformed, "reserved bit");
    f(Version::v5, "82 ?? 1234 00 000A 2473686172652F702F70 04", kProtocol, "no local");
    f(Version::v5, "40 ?? 1234 01", kMalformed, "reason code");
    f(Version::v5, "E0 ?? 8D 05", kMalformed, "properties: needs 5");
    f(Version::v5, "E0 ?? 8D 01", kMalformed, "properties");
    f(Version::v5, "F0 ?? 18 06 16 0003 616263", kProtocol, "authentication method");
}

TEST(MqttDecode, RefusesConnect) {
    auto f = [](const char* hex, ReasonCode want, Version version, const char* text) {
        Decoder decoder{End::server, 1000};
        const auto fed = decoder.feed(from_hex(hex), [](const Packet&) { return true; });
        ASSERT_FALSE(fed.has_value()) << hex;
        EXPECT_EQ(fed.error().reason, want) << hex << ": " << fed.error().text;
        EXPECT_EQ(decoder.version(), version) << hex;
        EXPECT_NE(fed.error().text.find(text), std::string::npos) << hex << ": " << fed.error().text;
    };
    constexpr auto kMalformed = ReasonCode::malformed_packet;
    f("C0 00", ReasonCode::protocol_error, Version::v311, "before CONNECT");
    f("11 0D 0004 4D515454 04 02 000A 0001 70", kMalformed, Version::v311, "flags");
    f("10 0F 0006 4D5149736470 03 02 000A 0001 70", ReasonCode::unsupported_protocol_version, Version::v311,
      "MQIsdp 3");
    f("10 0D 0004 4D515454 06 02 000A 0001 70", ReasonCode::unsupported_protocol_version, Version::v311, "MQTT 6");
    f("10 0C 0003 4D5154 04 02 000A 0001 70", kMalformed, Version::v311, "protocol name");
    f("10 0D 0004 4D515454 04 03 000A 0001 70", kMalformed, Version::v311, "reserved bit");
    f("10 0D 0004 4D515454 04 0A 000A 0001 70", kMalformed, Version::v311, "without a will");
    f("10 13 0004 4D515454 04 1E 000A 0001 70 0001 70 0001 70", kMalformed, Version::v311, "will QoS is 3");
    f("10 10 0004 4D515454 04 42 000A 0001 70 0001 70", kMalformed, Version::v311, "without a user name");
    f("10 10 0004 4D515454 04 02 000A 0001 70 0001 70", kMalformed, Version::v311, "too many");
    f("10 0D 0004 4D515454 04 82 000A 0001 70", kMalformed, Version::v311, "user name");
    f("10 0A 0004 4D515454 04 02 000A", kMalformed, Version::v311, "client identifier");
    f("10 12 0004 4D515454 05 02 000A 00 0005 746FEDA080", kMalformed, Version::v5, "UTF-8");
    f("10 11 0004 4D515454 05 02 000A 03 210000 0001 70", ReasonCode::protocol_error, Version::v5, "receive maximum");
    f("10 10 0004 4D515454 05 02 000A 02 0101 0001 70", kMalformed, Version::v5, "payload format");
    f("10 EA 07", ReasonCode::packet_too_large, Version::v311, "CONNECT");
}

TEST(MqttDecode, ReadsTheStandardsOwnBytes) {
    const Buffer connect_bytes =
        from_hex("10 ?? 0004 4D515454 05 C6 003C 05 1100000E10 0001 63 00 0001 77 0001 78 0001 75 0001 70");
    const auto connect = decode_packet(connect_bytes, Version::v311, End::server);
    ASSERT_TRUE(connect.has_value()) << connect.error().text;
    const auto& got = std::get<Connect>(*connect);
    EXPECT_EQ(got.version, Version::v5);
    EXPECT_EQ(got.keep_alive_s, 60);
    EXPECT_EQ(got.properties.session_expiry_s, 3600u);
    EXPECT_EQ(got.client_id, "c");
    EXPECT_EQ(got.will->topic, "w");
    EXPECT_EQ(got.will->payload, "x");
    EXPECT_EQ(got.username, "u");
    EXPECT_EQ(got.password, "p");

    const Buffer publish_bytes = from_hex("3D ?? 0005 746F706963 1234 03 23000A 68656C6C6F21");
    const auto publish = decode_packet(publish_bytes, Version::v5, End::server);
    ASSERT_TRUE(publish.has_value()) << publish.error().text;
    const auto& message = std::get<Publish>(*publish);
    EXPECT_EQ(message.topic, "topic");
    EXPECT_EQ(as_text(message.payload), "hello!");
    EXPECT_EQ(message.qos, 2);
    EXPECT_TRUE(message.duplicate);
    EXPECT_TRUE(message.retain);
    EXPECT_EQ(message.packet_id, 0x1234);
    EXPECT_EQ(message.properties.topic_alias, 10);
}

TEST(MqttEncode, WritesConnackOf311) {
    auto f = [](ReasonCode reason, const char* want) {
        EXPECT_EQ(encoded(Connack{false, reason, {}}, Version::v311), from_hex(want)) << to_string(reason);
    };
    f(ReasonCode::success, "20 02 00 00");
    f(ReasonCode::unsupported_protocol_version, "20 02 00 01");
    f(ReasonCode::client_identifier_not_valid, "20 02 00 02");
    f(ReasonCode::server_busy, "20 02 00 03");
    f(ReasonCode::bad_user_name_or_password, "20 02 00 04");
    f(ReasonCode::not_authorized, "20 02 00 05");
}

// Random packets: what is encoded decodes to the same, whatever the split.

std::string random_text(Rng& rng, std::size_t bytes_max) {
    static constexpr std::string_view kPieces[] = {"a", "b", "/", "温", "é", "7", "_", "😀"};
    std::string text;
    for (std::uint64_t n = rng.below(bytes_max); n > 0; --n) text += kPieces[rng.below(std::size(kPieces))];
    return text;
}
std::string random_topic(Rng& rng) { return "t" + random_text(rng, 20); }
std::uint16_t random_id(Rng& rng) { return static_cast<std::uint16_t>(1 + rng.below(65'535)); }

template <class T>
void maybe(Rng& rng, std::optional<T>& into, T value) {
    if (rng.chance(0.4)) into = std::move(value);
}

void add_user(Rng& rng, Properties& p) {
    for (std::uint64_t n = rng.below(3); n > 0; --n) p.user.emplace_back(random_text(rng, 9), random_text(rng, 9));
}

Properties message_properties(Rng& rng) {
    Properties p;
    maybe<std::uint8_t>(rng, p.payload_format, static_cast<std::uint8_t>(rng.below(2)));
    maybe<std::uint32_t>(rng, p.message_expiry_s, static_cast<std::uint32_t>(rng.next()));
    maybe(rng, p.content_type, random_text(rng, 9));
    maybe(rng, p.response_topic, random_topic(rng));
    maybe(rng, p.correlation_data, std::string("\0\xff", 2));
    add_user(rng, p);
    return p;
}

Properties reason_properties(Rng& rng) {
    Properties p;
    maybe(rng, p.reason_string, random_text(rng, 30));
    add_user(rng, p);
    return p;
}

Packet random_connect(Rng& rng, Version version) {
    Connect c{.version = version,
              .client_id = random_text(rng, 12),
              .clean_start = rng.chance(0.5),
              .keep_alive_s = random_id(rng)};
    if (rng.chance(0.5)) {
        c.will =
            Will{random_topic(rng), random_text(rng, 20), static_cast<std::uint8_t>(rng.below(3)), rng.chance(0.5), {}};
        if (version == Version::v5) c.will->properties = message_properties(rng);
        if (version == Version::v5) maybe<std::uint32_t>(rng, c.will->properties.will_delay_s, 5);
    }
    maybe(rng, c.username, random_text(rng, 9));
    if (c.username) maybe(rng, c.password, std::string("\0p", 2));
    if (version == Version::v5) {
        maybe<std::uint32_t>(rng, c.properties.session_expiry_s, 0xFFFFFFFF);
        maybe<std::uint16_t>(rng, c.properties.receive_maximum, random_id(rng));
        maybe<std::uint32_t>(rng, c.properties.maximum_packet_bytes, 1000);
        maybe<std::uint16_t>(rng, c.properties.topic_alias_maximum, random_id(rng));
        maybe<std::uint8_t>(rng, c.properties.request_problem_information, 1);
        add_user(rng, c.properties);
    }
    return c;
}

Packet random_connack(Rng& rng, Version version) {
    Connack c{.session_present = rng.chance(0.5)};
    if (version == Version::v5) {
        c.properties = reason_properties(rng);
        maybe<std::string>(rng, c.properties.assigned_client_id, random_text(rng, 9));
        maybe<std::uint16_t>(rng, c.properties.server_keep_alive_s, 7);
        maybe<std::uint8_t>(rng, c.properties.maximum_qos, 1);
        maybe<std::uint8_t>(rng, c.properties.shared_available, 0);
    }
    return c;
}

Packet random_subscribe(Rng& rng, Version version) {
    Subscribe s{.packet_id = random_id(rng)};
    for (std::uint64_t n = 1 + rng.below(4); n > 0; --n) {
        Subscription one{.filter = random_topic(rng) + "/+/#", .qos = static_cast<std::uint8_t>(rng.below(3))};
        if (version == Version::v5) {
            one.no_local = rng.chance(0.5);
            one.retain_as_published = rng.chance(0.5);
            one.retain_handling = static_cast<std::uint8_t>(rng.below(3));
        }
        s.subscriptions.push_back(one);
    }
    if (version == Version::v5 && rng.chance(0.5)) s.properties.subscription_ids = {268'435'455};
    return s;
}

// Null where the packet does not exist in this version.
std::optional<Packet> random_packet(Rng& rng, Version version) {
    const bool v5 = version == Version::v5;
    const Properties reasons = v5 ? reason_properties(rng) : Properties{};
    switch (rng.below(11)) {
        case 0:
            return random_connect(rng, version);
        case 1:
            return random_connack(rng, version);
        case 2: {
            static constexpr PacketType kAcks[] = {PacketType::puback, PacketType::pubrec, PacketType::pubrel,
                                                   PacketType::pubcomp};
            return Ack{kAcks[rng.below(4)], random_id(rng), ReasonCode::success, reasons};
        }
        case 3:
            return random_subscribe(rng, version);
        case 4:
            return Suback{random_id(rng), {ReasonCode::granted_qos_1, ReasonCode::unspecified_error}, reasons};
        case 5:
            return Unsubscribe{random_id(rng), {random_topic(rng), "+/#"}, {}};
        case 6:
            return Unsuback{random_id(rng),
                            v5 ? std::vector{ReasonCode::no_subscription_existed} : std::vector<ReasonCode>{}, reasons};
        case 7:
            return Pingreq{};
        case 8:
            return Pingresp{};
        case 9:
            return Disconnect{v5 ? ReasonCode::server_busy : ReasonCode::success, reasons};
        default:
            return v5 ? std::optional<Packet>(Auth{ReasonCode::continue_authentication, reasons}) : std::nullopt;
    }
}

bool same(const Packet& a, const Packet& b) {
    return std::visit(
        [&]<class T>(const T& one) {
            if constexpr (std::is_same_v<T, Publish>) {
                return false;
            } else {
                return std::holds_alternative<T>(b) && std::get<T>(b) == one;
            }
        },
        a);
}

TEST(MqttRoundTrip, RandomPackets) {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng{seed};
        const Version version = rng.chance(0.5) ? Version::v5 : Version::v311;
        const auto packet = random_packet(rng, version);
        if (!packet) continue;
        const Buffer bytes = encoded(*packet, version);
        auto decoded = decode_packet(bytes, version, End::server);
        if (!decoded) decoded = decode_packet(bytes, version, End::client);
        ASSERT_TRUE(decoded.has_value()) << decoded.error().text << " " << to_hex(bytes);
        ASSERT_TRUE(same(*packet, *decoded)) << to_hex(bytes);
    }
}

TEST(MqttRoundTrip, StreamOfPublishesInAnySplit) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng{seed};
        const Version version = rng.chance(0.5) ? Version::v5 : Version::v311;
        Buffer stream = from_hex(connect_hex(version));
        std::vector<std::string> sent;
        for (int i = 0; i < 50; ++i) {
            const std::string topic = random_topic(rng);
            const std::string payload(rng.below(400), 'x');
            Publish publish{
                .topic = topic, .payload = as_bytes(payload), .qos = static_cast<std::uint8_t>(rng.below(3))};
            if (publish.qos) publish.packet_id = random_id(rng);
            if (version == Version::v5) publish.properties = message_properties(rng);
            const std::size_t before = stream.size();
            encode(publish, version, stream);
            ASSERT_EQ(stream.size() - before, encoded_bytes(publish, version));
            sent.push_back(fmt::format("{} {} {} {}", topic, payload, publish.qos, publish.packet_id));
        }
        Decoder decoder{End::server, 100'000};
        std::vector<std::string> got;
        for (Bytes left = stream; !left.empty();) {
            const std::size_t piece = std::min<std::size_t>(left.size(), 1 + rng.below(300));
            const auto fed = decoder.feed(left.first(piece), [&](const Packet& packet) {
                if (const auto* p = std::get_if<Publish>(&packet)) {
                    got.push_back(fmt::format("{} {} {} {}", p->topic, as_text(p->payload), p->qos, p->packet_id));
                }
                return true;
            });
            ASSERT_TRUE(fed.has_value()) << fed.error().text;
            left = left.subspan(piece);
        }
        ASSERT_EQ(got, sent);
        EXPECT_EQ(decoder.kept_bytes(), 0u);
    }
}

TEST(MqttDecode, StopsWhenToldAndMayBeDestroyedThen) {
    auto decoder = std::make_unique<Decoder>(End::client, 1000, Version::v311);
    Buffer stream = encoded(Pingresp{}, Version::v311);
    stream.insert(stream.end(), stream.begin(), stream.end());
    int seen = 0;
    ASSERT_TRUE(decoder->feed(Bytes{stream}.first(1), [](const Packet&) { return true; }));
    ASSERT_TRUE(decoder->feed(Bytes{stream}.subspan(1), [&](const Packet&) {
        ++seen;
        decoder.reset();
        return false;
    }));
    EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace gongshu::wire::mqtt
