#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "io/sim.h"
#include "wire/mqtt.h"

// A broker in a simulated world, with a store that can be held back and clients made of the codec. For tests only.
namespace gongshu::broker::testing {

class FakeSink final : public Sink {
public:
    explicit FakeSink(io::Loop& loop) : loop_(loop) {}

    void append(Rows rows, Durability durability, Done done) override;
    void append_event(Event event, Durability durability, std::function<void(Result<EventId>)> done) override;
    // Lets the `n` oldest held answers go.
    void release(std::size_t n = SIZE_MAX);
    std::size_t held() const { return held_.size(); }

    bool hold = false;
    bool read_only = false;
    std::vector<Reading> readings;
    std::map<std::uint64_t, Reading> newest;  // by tag
    std::vector<Durability> durabilities;
    std::vector<Event> events;

private:
    void answer(std::function<void()> work);

    io::Loop& loop_;
    std::deque<std::function<void()>> held_;
};

class FakeTags final : public Tags {
public:
    Result<TagId> resolve(const TagKey& key, std::string_view path, ValueType type, std::string_view unit) override;
    std::optional<TagInfo> info(TagId tag) const override;
    std::optional<TagInfo> find(TenantId tenant, std::string_view path) const override;
    std::vector<TagInfo> match(TenantId, std::string_view, std::size_t) const override { return {}; }
    Result<void> move_source(TenantId, std::string_view, std::string_view) override { return {}; }
    Result<void> set_unit(TagId, std::string_view) override { return {}; }

    std::size_t tags_max = SIZE_MAX;
    std::vector<TagInfo> tags;
};

// "user:<name>" by role, "device:<path>", password "secret"; tenant after '@' ("device:site/m@2"), else 1.
class FakeAuthenticator final : public Authenticator {
public:
    explicit FakeAuthenticator(io::Loop& loop) : loop_(loop) {}
    void authenticate(Credentials credentials, Done done) override;
    bool slow = false;               // answers a turn later
    std::string uid;                 // of every device; "" = by its path
    std::vector<std::string> paths;  // of everybody who is no device
    TimeNs expires = 0;              // of everybody who is no device
    bool anonymous = false;          // everybody is user:admin of tenant 1

private:
    io::Loop& loop_;
};

class Client;

// Says no to what it is told to, and remembers what it was asked.
class FakeEgress final : public Egress {
public:
    Result<void> decide(const Leaving& leaving) override {
        asked.push_back(fmt::format("{} {} {}", leaving.who, leaving.door, leaving.what));
        if (leaving.what == refused) return Error{Code::denied, "{} stays here", refused};
        return {};
    }
    void left(TenantId, std::string_view, std::uint64_t, std::uint64_t) override {}

    std::string refused;
    std::vector<std::string> asked;
};

class World {
public:
    explicit World(std::uint64_t seed = 1, BrokerOptions options = {});
    ~World();

    // Connected by TCP, nothing sent yet.
    std::unique_ptr<Client> dial(wire::mqtt::Version version);
    // Signed in as `username` with a clean start, CONNACK taken.
    std::unique_ptr<Client> join(wire::mqtt::Version version, const std::string& username,
                                 const std::string& client_id);
    void run(DurationNs duration = 10 * kMillisecond) { sim.run_for(duration); }
    void restart();

    io::SimWorld sim;
    io::SimFiles files;
    std::unique_ptr<io::Loop> loop, client_loop;
    std::unique_ptr<io::Pool> pool;
    Metrics metrics;
    FakeSink sink;
    FakeTags tags;
    FakeAuthenticator authenticator;
    FakeEgress egress;
    BrokerOptions options;
    std::unique_ptr<Broker> broker;
    io::Address address;
    std::vector<std::shared_ptr<Mapping>> mappings;  // of tenant 1, in order
    std::map<std::string, std::string> external_ids; // of devices, and their paths
    std::map<std::string, std::string> uids;         // of devices that are registered, by path
    std::map<std::string, std::string> ids;          // "product/device" of JetLinks' topics, and the device's path
};

class Client {
public:
    Client(World& world, wire::mqtt::Version version);
    void attach(std::unique_ptr<io::Stream> stream);

    void connect(wire::mqtt::Connect connect);
    void send(const wire::mqtt::Packet& packet);
    void send_bytes(Bytes bytes);
    void publish(std::string_view topic, std::string_view payload, std::uint8_t qos = 0, std::uint16_t id = 0,
                 bool retain = false, wire::mqtt::Properties properties = {});
    void subscribe(std::string filter, std::uint8_t qos = 0, std::uint16_t id = 1);
    // What came since the last call, in one line: "PUBACK 7; PUBLISH a/b q1 #1 hello; closed".
    std::string take();
    // Gone without a word.
    void vanish();
    bool closed() const { return closed_; }
    wire::mqtt::Packet last_packet;  // newest but PUBLISH
    std::size_t publishes = 0;
    bool acknowledges = true;  // answers PUBLISH by itself, as a client should
    bool reads = true;

    wire::mqtt::Connect make_connect(const std::string& username, const std::string& client_id) const;

private:
    void on_packet(const wire::mqtt::Packet& packet);
    void say(std::string text);
    void say_one(const wire::mqtt::Publish& publish);
    void say_one(const wire::mqtt::Ack& ack);

    World& world_;
    const wire::mqtt::Version version_;
    std::unique_ptr<io::Stream> stream_;
    wire::mqtt::Decoder decoder_;
    std::string seen_;
    bool closed_ = false;
};

}  // namespace gongshu::broker::testing
