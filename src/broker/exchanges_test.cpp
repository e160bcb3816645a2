// Byte-exact exchanges written by the authors of another broker (mosquitto's test/broker/data). They lie outside of the
// source tree; without them nothing is compared, and the test says so.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "broker/testing/world.h"
#include "registry/json.h"

namespace gongshu::broker {
namespace {

using namespace wire::mqtt;
using testing::World;

std::filesystem::path corpus_folder() {
    for (const char* up : {"/../shared", "/../../shared"}) {
        const std::filesystem::path folder = std::string(GONGSHU_SOURCE_DIR) + up + "/data/corpora/mqtt_packets";
        if (std::filesystem::is_directory(folder)) return folder;
    }
    return {};
}

Buffer from_hex(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c != ' ') digits += c;
    }
    Buffer bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

// A connection that only keeps bytes.
class RawClient {
public:
    explicit RawClient(World& world) : world_(world) {
        world.client_loop->connect(world.address, {}, [this](Result<std::unique_ptr<io::Stream>> stream) {
            stream_ = std::move(*stream);
            stream_->start(
                {.on_data = [this](Bytes bytes) { received_.insert(received_.end(), bytes.begin(), bytes.end()); },
                 .on_closed = [this](const Error&) { closed_ = true; },
                 .on_drained = {}});
        });
        world.sim.run_until([this] { return stream_ != nullptr; }, kSecond);
    }

    void send(Bytes bytes) {
        if (!closed_) stream_->send(bytes);
        world_.run();
    }
    // The next whole packet that came; empty if there is none.
    Buffer take_packet() {
        if (received_.size() < 2 || received_.size() < 2u + received_[1]) return {};  // none of them is longer than 127
        const auto end = received_.begin() + 2 + received_[1];
        Buffer packet(received_.begin(), end);
        received_.erase(received_.begin(), end);
        return packet;
    }
    bool closed() const { return closed_; }

private:
    World& world_;
    std::unique_ptr<io::Stream> stream_;
    Buffer received_;
    bool closed_ = false;
};

// Whether our packet says what theirs does. CONNACK: flags and reason, the properties are ours. PUBREC: ours also tells
// that nobody subscribed. DISCONNECT: the standard leaves room between "malformed" and "protocol error".
bool same_answer(const Buffer& ours, const Buffer& theirs) {
    if (ours == theirs) return true;
    if (ours.size() < 3 || ours[0] != theirs[0]) return false;
    if (ours[0] == 0x20) return ours[2] == theirs[2] && ours[3] == theirs[3];
    if (ours[0] == 0x50) return ours[2] == theirs[2] && ours[3] == theirs[3] && ours.size() == 5 && ours[4] == 0x10;
    const auto broken = [](const Buffer& p) { return p[2] == 0x81 || p[2] == 0x82; };
    return ours[0] == 0xE0 && broken(ours) && broken(theirs);
}

std::string text_of(const JsonObject& object, const char* key) { return std::string(object.at(key).as_string()); }
bool flag_of(const JsonObject& object, const char* key) { return !object.contains(key) || object.at(key).as_bool(); }

void run_exchange(const JsonObject& test, const std::string& name) {
    SCOPED_TRACE(name);
    World world{1, {.topic_alias_max = 10}};
    world.authenticator.anonymous = true;
    RawClient client{world};
    const bool v5 = test.contains("ver") ? test.at("ver").as_int64() == 5 : name.starts_with("v5");
    if (flag_of(test, "connect")) {
        Connect connect{.version = v5 ? Version::v5 : Version::v311, .client_id = "tester", .keep_alive_s = 60};
        if (v5) connect.properties.request_problem_information = std::uint8_t{0};
        Buffer bytes;
        encode(connect, connect.version, bytes);
        client.send(bytes);
        ASSERT_EQ(client.take_packet().at(0), 0x20);
    }
    for (const auto& step : test.at("msgs").as_array()) {
        const Buffer bytes = from_hex(text_of(step.as_object(), "payload"));
        if (text_of(step.as_object(), "type") == "send") {
            client.send(bytes);
            continue;
        }
        const Buffer ours = client.take_packet();
        EXPECT_TRUE(same_answer(ours, bytes)) << "got " << to_hex(ours) << ", expected " << to_hex(bytes);
    }
    world.run();
    EXPECT_EQ(client.closed(), flag_of(test, "expect_disconnect"));
}

// "A PUBLISH packet sent from a Client to a Server MUST NOT contain a Subscription Identifier" [MQTT-3.3.4-6]: that
// broker lets it pass, this one does not.
bool differs_on_purpose(const std::string& name) {
    return name.starts_with("v5.0   PUBLISH ALLOWED PROPERTIES subscription-identifier=");
}

TEST(Exchanges, AgreeWithAnotherBrokersTests) {
    const auto folder = corpus_folder();
    if (folder.empty()) {
        std::printf("mqtt_packets is absent: nothing was compared\n");
        return;
    }
    int exchanges = 0;
    for (const char* file : {"CONNECT", "PUBLISH", "SUBSCRIBE"}) {
        std::ifstream stream(folder / (std::string(file) + ".json"), std::ios::binary);
        const auto groups = registry::parse_json(std::string{std::istreambuf_iterator<char>(stream), {}});
        ASSERT_TRUE(groups.has_value()) << groups.error().text();
        for (const auto& group : groups->as_array()) {
            const std::string name = text_of(group.as_object(), "group");
            if (name.starts_with("v3.1 ")) continue;  // MQTT 3.1 is not done; 3.1.1 replaced it in 2014
            for (const auto& test : group.as_object().at("tests").as_array()) {
                const std::string full = name + " " + text_of(test.as_object(), "name");
                if (differs_on_purpose(full)) continue;
                run_exchange(test.as_object(), full);
                ++exchanges;
            }
        }
    }
    EXPECT_GT(exchanges, 250);
}

}  // namespace
}  // namespace gongshu::broker
