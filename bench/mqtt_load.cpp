#include "bench/mqtt_load.h"

#include <memory>
#include <optional>

#include "bench/floors.h"
#include "wire/mqtt.h"

namespace gongshu::bench {

namespace mqtt = wire::mqtt;

namespace {

constexpr std::size_t kPacketBytesMax = 1 << 20;

mqtt::Connect hello_of(const MqttClient& client) {
    mqtt::Connect hello;
    hello.client_id = client.id;
    hello.keep_alive_s = 0;
    if (!client.username.empty()) {
        hello.username = client.username;
        hello.password = client.password;
    }
    return hello;
}

class Publisher {
public:
    Publisher(io::Loop& loop, const MqttLoad& load) : loop_(loop), load_(load) {}

    Result<MqttLoaded> run() {
        for (std::size_t i = 0; i < load_.clients.size(); ++i)
            loop_.connect(load_.address, {},
                          [this, i](Result<std::unique_ptr<io::Stream>> made) { connected(i, std::move(made)); });
        loop_.after(5 * kMinute, [this] { end(Error{Code::timeout, "not acknowledged within five minutes"}); });
        loop_.run();
        if (error_) return std::move(*error_);
        loaded_.seconds = seconds(loop_.clock().monotonic() - begin_);
        return std::move(loaded_);
    }

private:
    struct Session {
        std::size_t client = 0;
        std::unique_ptr<io::Stream> stream;
        mqtt::Decoder decoder{mqtt::End::client, kPacketBytesMax, mqtt::Version::v5};
        std::size_t sent = 0;
        std::vector<DurationNs> sent_at;  // by packet id - 1: ids go round as often as messages are under way
        std::vector<std::uint16_t> free_ids;
    };

    void connected(std::size_t client, Result<std::unique_ptr<io::Stream>> made) {
        if (!made) return end(std::move(made).error());
        sessions_.push_back(std::make_unique<Session>());
        Session& session = *sessions_.back();
        session.client = client;
        session.stream = std::move(*made);
        session.sent_at.resize(load_.in_flight);
        for (std::size_t id = load_.in_flight; id > 0; --id) session.free_ids.push_back(static_cast<std::uint16_t>(id));
        session.stream->start({.on_data = [this, &session](Bytes bytes) { take(session, bytes); },
                               .on_closed = [this](const Error& error) { end(Error(error).context("the broker")); },
                               .on_drained = {}});
        Buffer bytes;
        mqtt::encode(hello_of(load_.clients[client]), mqtt::Version::v5, bytes);
        session.stream->send(bytes);
    }
    void take(Session& session, Bytes bytes) {
        const auto fed = session.decoder.feed(bytes, [&](const mqtt::Packet& packet) {
            on_packet(session, packet);
            return true;
        });
        if (!fed) end(Error{Code::malformed, "{}", fed.error().text});
    }
    void on_packet(Session& session, const mqtt::Packet& packet) {
        if (const auto* answer = std::get_if<mqtt::Connack>(&packet)) {
            if (answer->reason != mqtt::ReasonCode::success)
                return end(Error{Code::denied, "the broker refuses: {}", to_string(answer->reason)});
            if (++ready_ == load_.clients.size()) begin();
        } else if (const auto* ack = std::get_if<mqtt::Ack>(&packet)) {
            acknowledged(session, *ack);
        } else if (const auto* over = std::get_if<mqtt::Disconnect>(&packet)) {
            end(Error{Code::unavailable, "the broker ends it: {}", to_string(over->reason)});
        }
    }
    void begin() {
        begin_ = loop_.clock().monotonic();
        for (const auto& session : sessions_)
            for (std::size_t i = 0; i < load_.in_flight; ++i) publish(*session);
    }
    void publish(Session& session) {
        if (sent_ == load_.messages) return;
        ++sent_;
        const std::uint16_t id = session.free_ids.back();
        session.free_ids.pop_back();
        const std::string payload = load_.payload(session.client, session.sent++);
        mqtt::Publish message;
        message.topic = load_.clients[session.client].topic;
        message.payload = as_bytes(payload);
        message.qos = 1;
        message.packet_id = id;
        Buffer bytes;
        mqtt::encode(message, mqtt::Version::v5, bytes);
        session.sent_at[id - 1u] = loop_.clock().monotonic();
        session.stream->send(bytes);
    }
    void acknowledged(Session& session, const mqtt::Ack& ack) {
        if (ack.packet_id == 0 || ack.packet_id > load_.in_flight)
            return end(Error{Code::malformed, "acknowledgement of packet {}, which was not sent", ack.packet_id});
        loaded_.latencies.push_back(loop_.clock().monotonic() - session.sent_at[ack.packet_id - 1u]);
        session.free_ids.push_back(ack.packet_id);
        if (ack.reason != mqtt::ReasonCode::success && ack.reason != mqtt::ReasonCode::no_matching_subscribers)
            ++loaded_.refused;
        if (loaded_.latencies.size() == load_.messages) return loop_.stop();
        publish(session);
    }
    void end(Error error) {
        if (!error_) error_ = std::move(error);
        loop_.stop();
    }

    io::Loop& loop_;
    const MqttLoad& load_;
    std::vector<std::unique_ptr<Session>> sessions_;
    MqttLoaded loaded_;
    std::size_t ready_ = 0, sent_ = 0;
    DurationNs begin_ = 0;
    std::optional<Error> error_;
};

}  // namespace

Result<MqttLoaded> run(const MqttLoad& load) {
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    return Publisher(*loop, load).run();
}

Result<void> leave_subscription(const io::Address& address, const std::string& filter) {
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    std::unique_ptr<io::Stream> stream;
    Result<void> outcome = Error{Code::timeout, "the broker does not confirm a subscription"};
    mqtt::Decoder decoder{mqtt::End::client, kPacketBytesMax, mqtt::Version::v5};
    loop->after(10 * kSecond, [&] { loop->stop(); });
    loop->connect(address, {}, [&](Result<std::unique_ptr<io::Stream>> made) {
        if (!made) {
            outcome = made.error();
            return loop->stop();
        }
        stream = std::move(*made);
        stream->start({.on_data =
                           [&](Bytes bytes) {
                               (void)decoder.feed(bytes, [&](const mqtt::Packet& packet) {
                                   if (!std::holds_alternative<mqtt::Suback>(packet)) return true;
                                   outcome = Result<void>{};
                                   loop->stop();
                                   return false;
                               });
                           },
                       .on_closed = [&](const Error&) { loop->stop(); },
                       .on_drained = {}});
        mqtt::Connect hello = hello_of({.id = kStoreSession, .username = {}, .password = {}, .topic = {}});
        hello.clean_start = false;
        hello.properties.session_expiry_s = 3600;
        Buffer bytes;
        mqtt::encode(hello, mqtt::Version::v5, bytes);
        mqtt::encode(mqtt::Subscribe{1, {{.filter = filter, .qos = 1}}, {}}, mqtt::Version::v5, bytes);
        stream->send(bytes);
    });
    loop->run();
    return outcome;
}

}  // namespace gongshu::bench
