#include "plant/mqtt_sender.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/log.h"

namespace gongshu::plant {

namespace mqtt = wire::mqtt;

namespace {

constexpr std::uint16_t kKeepAliveSeconds = 30;
constexpr DurationNs kPublishPeriod = kSecond;
constexpr DurationNs kPauseMin = kSecond, kPauseMax = 10 * kSecond;
constexpr std::size_t kPacketBytesMax = 64 << 10;

}  // namespace

struct MqttSender::Session : std::enable_shared_from_this<MqttSender::Session> {
    io::Loop& loop;
    const Simulation& simulation;
    const std::size_t device;
    const io::Address broker;
    const MqttLogin login;
    const std::string topic;
    std::unique_ptr<io::Stream> stream;
    mqtt::Decoder decoder{mqtt::End::client, kPacketBytesMax, mqtt::Version::v311};
    bool signed_in = false, stopped = false, waiting = false;
    std::uint16_t packet_id = 0;
    std::uint32_t unacked = 0;
    DurationNs pause = kPauseMin;
    DurationNs heard = 0;  // monotonic, of the last packet from the broker

    Session(io::Loop& l, const Simulation& s, std::size_t d, io::Address b, MqttLogin who, const std::string& site)
        : loop(l),
          simulation(s),
          device(d),
          broker(std::move(b)),
          login(std::move(who)),
          topic("gongshu/v1/" + path_of(site, devices()[d])) {}

    void later(DurationNs delay, void (Session::*what)()) {
        loop.after(delay, [weak = weak_from_this(), what] {
            const auto self = weak.lock();
            if (self && !self->stopped) ((*self).*what)();
        });
    }
    void connect();
    void on_stream(std::unique_ptr<io::Stream> opened);
    void on_data(Bytes bytes);
    bool on_packet(const mqtt::Packet& packet);
    void down(const std::string& why);
    void tick();
    void ping();
    void send(const mqtt::Packet& packet) {
        Buffer bytes;
        encode(packet, mqtt::Version::v311, bytes);
        stream->send(bytes);
    }
};

void MqttSender::Session::connect() {
    waiting = false;
    if (!simulation.powered(device)) return later(kSecond, &Session::connect);
    loop.connect(broker, {}, [weak = weak_from_this()](Result<std::unique_ptr<io::Stream>> opened) {
        const auto self = weak.lock();
        if (!self || self->stopped) return;
        if (!opened) return self->down(opened.error().text());
        self->on_stream(std::move(*opened));
    });
}

void MqttSender::Session::on_stream(std::unique_ptr<io::Stream> opened) {
    stream = std::move(opened);
    decoder = mqtt::Decoder{mqtt::End::client, kPacketBytesMax, mqtt::Version::v311};
    unacked = 0;
    heard = loop.clock().monotonic();
    io::Stream::Events events;
    events.on_data = [weak = weak_from_this()](Bytes bytes) {
        if (const auto self = weak.lock()) self->on_data(bytes);
    };
    events.on_closed = [weak = weak_from_this()](const Error& error) {
        if (const auto self = weak.lock()) self->down(error.text());
    };
    stream->start(std::move(events));
    mqtt::Connect hello;
    hello.version = mqtt::Version::v311;
    hello.client_id = fmt::format("plant-{}", devices()[device].name);
    hello.keep_alive_s = kKeepAliveSeconds;
    hello.username = login.username;
    hello.password = login.password;
    send(hello);
}

void MqttSender::Session::on_data(Bytes bytes) {
    const auto self = shared_from_this();
    heard = loop.clock().monotonic();
    const auto fed = decoder.feed(bytes, [&](const mqtt::Packet& packet) { return on_packet(packet); });
    if (!fed) down(fed.error().text);
}

bool MqttSender::Session::on_packet(const mqtt::Packet& packet) {
    if (std::holds_alternative<mqtt::Ack>(packet)) unacked = unacked > 0 ? unacked - 1 : 0;
    if (const auto* answer = std::get_if<mqtt::Connack>(&packet)) {
        if (answer->reason != mqtt::ReasonCode::success) {
            loop.post([weak = weak_from_this(), why = std::string(to_string(answer->reason))] {
                if (const auto self = weak.lock()) self->down("the broker refuses: " + why);
            });
            return true;
        }
        signed_in = true;
        pause = kPauseMin;
    }
    return true;
}

void MqttSender::Session::down(const std::string& why) {
    signed_in = false;
    if (stream) {
        std::shared_ptr<io::Stream> dying = std::move(stream);
        dying->close();
        loop.post([dying] {});
    }
    if (stopped || waiting) return;
    waiting = true;
    log_debug("plant", "{} has no broker: {}", devices()[device].name, why);
    later(pause, &Session::connect);
    pause = std::min(pause * 2, kPauseMax);
}

void MqttSender::Session::tick() {
    later(kPublishPeriod, &Session::tick);
    if (!stream) return;
    if (!simulation.powered(device)) return down("no power");
    if (loop.clock().monotonic() - heard > 2 * kKeepAliveSeconds * kSecond) return down("the broker does not answer");
    if (!signed_in || unacked >= kUnackedMax) return;
    const std::string payload = payload_of(simulation, device, loop.clock().now());
    mqtt::Publish publish;
    publish.topic = topic;
    publish.payload = as_bytes(payload);
    publish.qos = 1;
    publish.packet_id = ++packet_id == 0 ? ++packet_id : packet_id;
    Buffer bytes;
    encode(publish, mqtt::Version::v311, bytes);
    stream->send(bytes);
    ++unacked;
}

void MqttSender::Session::ping() {
    later(kKeepAliveSeconds * kSecond / 2, &Session::ping);
    if (signed_in) send(mqtt::Pingreq{});
}

MqttSender::MqttSender(io::Loop& loop, const Simulation& simulation, std::size_t device, io::Address broker,
                       MqttLogin login, std::string site)
    : session_(std::make_shared<Session>(loop, simulation, device, std::move(broker), std::move(login), site)) {}

MqttSender::~MqttSender() { session_->stopped = true; }

void MqttSender::start() {
    session_->connect();
    session_->tick();
    session_->ping();
}

bool MqttSender::signed_in() const { return session_->signed_in; }

std::string payload_of(const Simulation& simulation, std::size_t device, TimeNs now) {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    json.key("ts").integer(now / kMillisecond);
    const TypeRow& type = *devices()[device].type;
    for (std::size_t p = 0; p < type.properties.size(); ++p) {
        const PropertyRow& property = type.properties[p];
        const Value value = shown_value(property, simulation.shown(device, p));
        json.key(property.name);
        if (const auto* number = std::get_if<double>(&value)) json.number(*number);
        if (const auto* integer = std::get_if<std::int64_t>(&value)) json.integer(*integer);
        if (const auto* boolean = std::get_if<bool>(&value)) json.boolean(*boolean);
        if (const auto* words = std::get_if<std::string>(&value)) json.text(*words);
    }
    json.end_object();
    return text;
}

}  // namespace gongshu::plant
