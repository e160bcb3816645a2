#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/hub.h"
#include "broker/session.h"
#include "io/loop.h"
#include "wire/mqtt.h"

namespace gongshu::broker {

// Connection speaks MQTT with one client: it answers, keeps the order of acknowledgements, and watches the limits. What
// concerns other clients is Hub's.
// Lives:   from accept until close(); Hub owns it. Late answers of the store find it by a weak pointer or not at all.
// Threads: the broker's lane.
// Bounds:  BrokerOptions: packet size, receive maximum (then 5.0 is told 0x93, 3.1.1 is read slower), unsent bytes.
// Disk:    none.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(Hub& hub, std::unique_ptr<io::Stream> stream);
    ~Connection();

    void start();
    // A message with QoS 0; dropped and counted when the link is crowded. QoS 1 and 2 go through the session's outbox.
    void deliver(const MessagePtr& message, const Granted& granted, bool retained,
                 std::vector<std::uint32_t> subscription_ids);
    // Sends what waits in the session's outbox, as far as the client and the link take it.
    void pump();
    // Tells a 5.0 client why (not 3.1.1, which has no words for it) and closes. Publishes the will unless told not to.
    void close(wire::mqtt::ReasonCode reason, std::string_view why, bool with_will = true);

    const std::string& peer() const { return peer_; }

private:
    enum class State : std::uint8_t { waiting_connect, authenticating, ready, closed };

    // A publish that waits for its acknowledgement; acknowledged in the order of arrival [4.6].
    struct Pending {
        std::uint16_t packet_id = 0;
        std::uint8_t qos = 1;
        bool ready = false;
        wire::mqtt::ReasonCode reason = wire::mqtt::ReasonCode::success;
        std::string problem;
    };

    void on_data(Bytes bytes);
    bool on_packet(const wire::mqtt::Packet& packet);
    void handle(const wire::mqtt::Packet& packet);

    void on(const wire::mqtt::Connect& connect);
    void on(const wire::mqtt::Publish& publish);
    void on(const wire::mqtt::Ack& ack);
    void on(const wire::mqtt::Subscribe& subscribe);
    void on(const wire::mqtt::Unsubscribe& unsubscribe);
    void on(const wire::mqtt::Pingreq&);
    void on(const wire::mqtt::Disconnect& disconnect);
    void on(const wire::mqtt::Auth& auth);
    template <class T>
    void on(const T&) {}  // what only servers send never gets through the decoder

    void on_authenticated(Result<Principal> who);
    std::optional<PendingWill> take_will();
    void welcome(bool session_present);
    void refuse(wire::mqtt::ReasonCode reason, std::string_view why);
    void handle_held();

    // The topic of a publish after its alias; nullopt: closed.
    std::optional<std::string> topic_of(const wire::mqtt::Publish& publish);
    void take_publish(std::string topic, const wire::mqtt::Publish& publish);
    void finish_publish(std::uint64_t sequence, wire::mqtt::ReasonCode reason, const std::string& problem);
    void finish_unacknowledged();
    void acknowledge_ready();
    void acknowledge(const Pending& pending);
    void pace();
    wire::mqtt::ReasonCode grant(const wire::mqtt::Subscription& wish, std::uint32_t subscription_id);

    void resend();
    void send_in_flight(const Outbox::InFlight& one, bool duplicate);
    // False: it is larger than the client takes.
    bool send_publish(const Message& message, std::uint8_t qos, bool retain, bool duplicate, std::uint16_t packet_id,
                      const std::vector<std::uint32_t>& subscription_ids);
    // A reason string, if the client wants to read those.
    wire::mqtt::Properties explained(std::string_view why) const;
    bool crowded() const;
    // False, and nothing sent: it is larger than the client takes.
    bool send(const wire::mqtt::Packet& packet);

    void watch_keep_alive(DurationNs delay);
    // Ends the connection when its token does.
    void watch_expiry();
    void lost(std::string_view why);
    void leave(bool with_will);

    // Constant after construction.
    Hub& hub_;
    const std::string peer_;

    std::unique_ptr<io::Stream> stream_;
    State state_ = State::waiting_connect;
    wire::mqtt::Decoder decoder_;
    bool v5_ = false;
    wire::mqtt::Connect connect_;  // until it is answered
    std::vector<Buffer> held_;     // packets that came while the client was being recognised
    std::shared_ptr<Session> session_;
    std::string assigned_id_;
    bool normal_end_ = false;  // DISCONNECT without wish for the will

    std::deque<Pending> pending_;
    std::uint64_t first_pending_ = 1;   // sequence of pending_.front()
    std::uint32_t unacknowledged_ = 0;  // QoS 0 publishes that the store has not taken yet
    bool paused_ = false;
    std::vector<std::string> topic_aliases_;

    std::size_t send_max_ = 65'535;        // receive maximum of the client
    std::uint32_t client_packet_max_ = 0;  // 0 = any
    bool problem_information_ = true;

    DurationNs keep_alive_ = 0;  // 1.5 times what was agreed; 0 = off
    DurationNs last_heard_ = 0;
    io::TimerId timer_;
    io::TimerId expiry_timer_;  // of a token that ends
};

}  // namespace gongshu::broker
