#include "broker/connection.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace gongshu::broker {
namespace {

using namespace wire::mqtt;

constexpr std::size_t kReasonStringBytesMax = 200;
constexpr DurationNs kExpiryLook = 5 * kSecond;

bool failed(ReasonCode reason) { return static_cast<std::uint8_t>(reason) >= 0x80; }

// At most so many bytes, cut between characters.
std::string_view clipped(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    std::size_t bytes = bytes_max;
    while (bytes > 0 && (static_cast<std::uint8_t>(text[bytes]) & 0xC0) == 0x80) --bytes;
    return text.substr(0, bytes);
}

// What a client is told when it was not recognised.
ReasonCode refusal(Code code) {
    switch (code) {
        case Code::unauthorized:
            return ReasonCode::bad_user_name_or_password;
        case Code::denied:
            return ReasonCode::not_authorized;
        case Code::limit:
            return ReasonCode::connection_rate_exceeded;
        default:
            return ReasonCode::server_unavailable;
    }
}

}  // namespace

Connection::Connection(Hub& hub, std::unique_ptr<io::Stream> stream)
    : hub_(hub),
      peer_(io::to_string(stream->peer())),
      stream_(std::move(stream)),
      decoder_(End::server, hub.options().packet_bytes_max) {}

Connection::~Connection() {
    hub_.loop().cancel(timer_);
    hub_.loop().cancel(expiry_timer_);
}

void Connection::start() {
    stream_->set_send_bytes_max(hub_.options().unsent_bytes_max);
    const std::weak_ptr<Connection> weak = weak_from_this();
    stream_->start({.on_data =
                        [weak](Bytes bytes) {
                            if (const auto self = weak.lock()) self->on_data(bytes);
                        },
                    .on_closed =
                        [weak](const Error& error) {
                            if (const auto self = weak.lock()) self->lost(error.text());
                        },
                    .on_drained =
                        [weak] {
                            if (const auto self = weak.lock()) self->pump();
                        }});
    last_heard_ = hub_.loop().clock().monotonic();
    timer_ = hub_.loop().after(hub_.options().connect_timeout_ms * kMillisecond, [weak] {
        const auto self = weak.lock();
        if (self && self->state_ == State::waiting_connect) self->lost("no CONNECT came in time");
    });
}

void Connection::on_data(Bytes bytes) {
    const auto self = shared_from_this();  // handling a packet may close, and so let go of us
    if (state_ == State::closed) return;
    last_heard_ = hub_.loop().clock().monotonic();
    const auto fed = decoder_.feed(bytes, [this](const Packet& packet) { return on_packet(packet); });
    if (session_ && session_->device) session_->device->last_seen = hub_.loop().clock().now();
    if (fed || state_ == State::closed) return;
    (session_ ? hub_.numbers(session_->who.tenant).protocol_errors : hub_.early_errors()).add();
    if (state_ == State::ready) return close(fed.error().reason, fed.error().text);
    v5_ = decoder_.version() == Version::v5;
    const bool answer = v5_ || fed.error().reason == ReasonCode::unsupported_protocol_version;
    if (answer && state_ == State::waiting_connect) return refuse(fed.error().reason, fed.error().text);
    lost(fed.error().text);
}

bool Connection::on_packet(const Packet& packet) {
    if (state_ == State::closed) return false;
    if (state_ == State::authenticating) {
        encode(packet, decoder_.version(), held_.emplace_back());
        return true;
    }
    handle(packet);
    return state_ != State::closed;
}

void Connection::handle(const Packet& packet) {
    std::visit([this](const auto& one) { on(one); }, packet);
}

void Connection::on(const Connect& connect) {
    v5_ = connect.version == Version::v5;
    connect_ = connect;
    problem_information_ = connect.properties.request_problem_information != 0;
    if (connect.properties.authentication_method) {
        return refuse(ReasonCode::bad_authentication_method,
                      "extended authentication is not done here; use user name and password");
    }
    if (connect_.client_id.empty()) {
        if (!v5_ && !connect_.clean_start) {
            return refuse(ReasonCode::client_identifier_not_valid, "an empty client identifier needs a clean session");
        }
        connect_.client_id = assigned_id_ = hub_.next_client_id();
    }
    state_ = State::authenticating;
    stream_->pause_reading(true);
    Credentials credentials{.client_id = connect_.client_id,
                            .username = connect_.username.value_or(""),
                            .password = connect_.password.value_or(""),
                            .from = peer_,
                            .secure = stream_->secure()};
    hub_.deps().authenticator.authenticate(std::move(credentials), [weak = weak_from_this()](Result<Principal> who) {
        if (const auto self = weak.lock()) self->on_authenticated(std::move(who));
    });
}

void Connection::on_authenticated(Result<Principal> who) {
    if (state_ != State::authenticating) return;
    connect_.password.reset();
    if (!who) return refuse(refusal(who.error().code()), who.error().text());
    if (connect_.will && !hub_.may_publish(*who, connect_.will->topic)) {
        return refuse(ReasonCode::not_authorized, "may not publish to the topic of its will, " + connect_.will->topic);
    }
    auto opened = hub_.open_session(shared_from_this(), *who, connect_);
    if (!opened.session) return refuse(opened.reason, opened.why);
    session_ = std::move(opened.session);
    session_->will = take_will();
    state_ = State::ready;
    send_max_ = connect_.properties.receive_maximum.value_or(65'535);
    client_packet_max_ = connect_.properties.maximum_packet_bytes.value_or(0);
    topic_aliases_.resize(v5_ ? hub_.options().topic_alias_max : 0);
    welcome(opened.present);
    if (state_ == State::ready) watch_expiry();
    if (state_ == State::ready) resend();
    pump();
    connect_ = {};
    if (state_ != State::ready) return;
    stream_->pause_reading(false);
    handle_held();
}

std::optional<PendingWill> Connection::take_will() {
    if (!connect_.will) return std::nullopt;
    Will& will = *connect_.will;
    auto message = std::make_shared<Message>();
    message->topic = will.topic;
    const Bytes payload = as_bytes(will.payload);
    message->payload.assign(payload.begin(), payload.end());
    message->qos = will.qos;
    message->retain = will.retain;
    message->properties = will.properties;
    message->properties.will_delay_s.reset();
    message->session = session_->number;
    return PendingWill{std::move(message), will.properties.will_delay_s.value_or(0)};
}

void Connection::welcome(bool session_present) {
    const BrokerOptions& options = hub_.options();
    Connack connack{.session_present = session_present};
    std::uint16_t keep_alive_s = connect_.keep_alive_s;
    if (v5_) {
        if (keep_alive_s == 0 || keep_alive_s > options.keep_alive_max_s) {
            keep_alive_s = options.keep_alive_max_s;
            connack.properties.server_keep_alive_s = keep_alive_s;
        }
        if (connect_.properties.session_expiry_s.value_or(0) != session_->expiry_s)
            connack.properties.session_expiry_s = session_->expiry_s;
        if (!assigned_id_.empty()) connack.properties.assigned_client_id = assigned_id_;
        connack.properties.receive_maximum = options.receive_maximum;
        connack.properties.topic_alias_maximum = options.topic_alias_max;
        connack.properties.maximum_packet_bytes = options.packet_bytes_max;
        connack.properties.shared_available = std::uint8_t{0};
    }
    if (!send(connack)) return lost("the client takes no packet as large as its CONNACK");
    hub_.loop().cancel(timer_);
    keep_alive_ = keep_alive_s * kSecond * 3 / 2;
    if (keep_alive_ > 0) watch_keep_alive(keep_alive_);
}

void Connection::refuse(ReasonCode reason, std::string_view why) {
    log_info("broker", "{} refused: {}", peer_, why);
    send(Connack{.session_present = false, .reason = reason, .properties = explained(why)});
    leave(false);
}

void Connection::handle_held() {
    for (const Buffer& bytes : std::exchange(held_, {})) {
        const auto packet = decode_packet(bytes, decoder_.version(), End::server);
        ASSERT(packet.has_value());  // it was decoded before
        handle(*packet);
        if (state_ == State::closed) return;
    }
}

std::optional<std::string> Connection::topic_of(const Publish& publish) {
    if (!publish.properties.topic_alias) return std::string(publish.topic);
    const std::size_t alias = *publish.properties.topic_alias;
    if (alias > topic_aliases_.size()) {
        close(ReasonCode::topic_alias_invalid, "a topic alias beyond the topic alias maximum");
        return std::nullopt;
    }
    std::string& known = topic_aliases_[alias - 1];
    if (!publish.topic.empty()) known = publish.topic;
    if (known.empty()) {
        close(ReasonCode::protocol_error, "a topic alias that stands for no topic yet");
        return std::nullopt;
    }
    return known;
}

void Connection::on(const Publish& publish) {
    if (publish.qos > 0 && v5_ && pending_.size() + session_->received_qos2.size() >= hub_.options().receive_maximum) {
        return close(ReasonCode::receive_maximum_exceeded, "more publishes at once than the receive maximum");
    }
    auto topic = topic_of(publish);
    if (!topic) return;
    session_->status->in.fetch_add(1, std::memory_order_relaxed);
    hub_.numbers(session_->who.tenant).received.add();
    if (publish.qos == 2 && session_->received_qos2.contains(publish.packet_id)) {
        // Sent again because our PUBREC was lost: it is kept already.
        pending_.push_back({publish.packet_id, 2, true, ReasonCode::success, ""});
        return acknowledge_ready();
    }
    take_publish(std::move(*topic), publish);
    pace();
}

void Connection::take_publish(std::string topic, const Publish& publish) {
    auto message = std::make_shared<Message>();
    message->topic = std::move(topic);
    message->payload.assign(publish.payload.begin(), publish.payload.end());
    message->qos = publish.qos;
    message->retain = publish.retain;
    message->properties = publish.properties;
    message->properties.topic_alias.reset();
    message->properties.message_expiry_s.reset();
    message->session = session_->number;
    if (publish.properties.message_expiry_s) {
        message->expires = hub_.loop().clock().monotonic() + *publish.properties.message_expiry_s * kSecond;
    }
    const std::weak_ptr<Connection> weak = weak_from_this();
    if (publish.qos == 0) {
        ++unacknowledged_;
        return hub_.publish_from(*session_, std::move(message), [weak](ReasonCode, const std::string&) {
            if (const auto self = weak.lock()) self->finish_unacknowledged();
        });
    }
    pending_.push_back({publish.packet_id, publish.qos, false, ReasonCode::success, ""});
    const std::uint64_t sequence = first_pending_ + pending_.size() - 1;
    hub_.publish_from(*session_, std::move(message), [weak, sequence](ReasonCode reason, const std::string& problem) {
        if (const auto self = weak.lock()) self->finish_publish(sequence, reason, problem);
    });
}

void Connection::finish_unacknowledged() {
    --unacknowledged_;
    pace();
}

void Connection::finish_publish(std::uint64_t sequence, ReasonCode reason, const std::string& problem) {
    if (state_ == State::closed) return;
    ASSERT(sequence >= first_pending_ && sequence - first_pending_ < pending_.size());
    Pending& pending = pending_[sequence - first_pending_];
    pending.ready = true;
    pending.reason = reason;
    pending.problem = problem;
    acknowledge_ready();
    if (state_ == State::ready) pace();
}

void Connection::acknowledge_ready() {
    while (state_ == State::ready && !pending_.empty() && pending_.front().ready) {
        const Pending pending = std::move(pending_.front());
        pending_.pop_front();
        ++first_pending_;
        acknowledge(pending);
    }
}

void Connection::acknowledge(const Pending& pending) {
    // 3.1.1 cannot say no. Without an acknowledgement the client keeps its message and sends it again later.
    if (!v5_ && pending.reason == ReasonCode::quota_exceeded) {
        return close(ReasonCode::server_unavailable, "a publish cannot be kept now: " + pending.problem);
    }
    Ack ack{.type = pending.qos == 1 ? PacketType::puback : PacketType::pubrec,
            .packet_id = pending.packet_id,
            .reason = pending.reason};
    if (failed(pending.reason)) ack.properties = explained(pending.problem);
    if (pending.qos == 2 && !failed(pending.reason)) session_->received_qos2.insert(pending.packet_id);
    send(ack);
}

// Slows a sender down by not reading, well before what waits for the store grows.
void Connection::pace() {
    if (state_ != State::ready) return;
    const std::size_t waiting = pending_.size() + unacknowledged_;
    const std::size_t limit = hub_.options().receive_maximum;
    const bool pause = paused_ ? waiting >= limit : waiting >= 2 * limit;
    if (pause == paused_) return;
    paused_ = pause;
    last_heard_ = hub_.loop().clock().monotonic();
    stream_->pause_reading(pause);
}

void Connection::on(const Ack& ack) {
    Outbox& outbox = session_->outbox;
    switch (ack.type) {
        case PacketType::puback:
            outbox.on_puback(ack.packet_id);
            break;
        case PacketType::pubcomp:
            outbox.on_pubcomp(ack.packet_id);
            break;
        case PacketType::pubrec: {
            const bool known = outbox.on_pubrec(ack.packet_id, failed(ack.reason));
            if (failed(ack.reason)) break;
            send(Ack{.type = PacketType::pubrel,
                     .packet_id = ack.packet_id,
                     .reason = known ? ReasonCode::success : ReasonCode::packet_identifier_not_found});
            break;
        }
        default: {
            const bool known = session_->received_qos2.erase(ack.packet_id) > 0;
            send(Ack{.type = PacketType::pubcomp,
                     .packet_id = ack.packet_id,
                     .reason = known ? ReasonCode::success : ReasonCode::packet_identifier_not_found});
        }
    }
    pump();
}

ReasonCode Connection::grant(const Subscription& wish, std::uint32_t subscription_id) {
    const Principal& who = session_->who;
    if (wish.filter.starts_with("$share/")) return ReasonCode::shared_subscriptions_not_supported;
    if (topic_levels(wish.filter) > kTopicLevelsMax) return ReasonCode::topic_filter_invalid;
    if (!hub_.may_subscribe(who, wish.filter)) return ReasonCode::not_authorized;
    if (hub_.deps().egress) {
        const Leaving leaving{.tenant = who.tenant, .who = who.name, .door = "mqtt", .what = wish.filter};
        if (const auto allowed = hub_.deps().egress->decide(leaving); !allowed) return ReasonCode::not_authorized;
    }
    const bool is_new = !session_->subscriptions.contains(wish.filter);
    if (is_new && session_->subscriptions.size() >= hub_.options().subscriptions_max) return ReasonCode::quota_exceeded;
    hub_.subscribe(*session_, wish.filter,
                   {.qos = wish.qos,
                    .no_local = wish.no_local,
                    .retain_as_published = wish.retain_as_published,
                    .subscription_id = subscription_id});
    return static_cast<ReasonCode>(wish.qos);
}

void Connection::on(const Subscribe& subscribe) {
    const std::uint32_t id =
        subscribe.properties.subscription_ids.empty() ? 0 : subscribe.properties.subscription_ids[0];
    Suback suback{.packet_id = subscribe.packet_id};
    std::vector<const Subscription*> with_retained;
    for (const Subscription& wish : subscribe.subscriptions) {
        const bool is_new = !session_->subscriptions.contains(wish.filter);
        suback.reasons.push_back(grant(wish, id));
        const bool wanted = wish.retain_handling == 0 || (wish.retain_handling == 1 && is_new);
        if (!failed(suback.reasons.back()) && wanted) with_retained.push_back(&wish);
    }
    send(suback);
    for (const Subscription* wish : with_retained) {
        if (state_ != State::ready) return;
        hub_.send_retained(*session_, wish->filter, session_->subscriptions.find(wish->filter)->second);
    }
}

void Connection::on(const Unsubscribe& unsubscribe) {
    Unsuback unsuback{.packet_id = unsubscribe.packet_id};
    for (const std::string& filter : unsubscribe.filters) {
        unsuback.reasons.push_back(hub_.unsubscribe(*session_, filter) ? ReasonCode::success
                                                                       : ReasonCode::no_subscription_existed);
    }
    send(unsuback);
}

void Connection::on(const Pingreq&) { send(Pingresp{}); }

void Connection::on(const Auth&) {
    close(ReasonCode::protocol_error, "AUTH without an authentication method in CONNECT");
}

void Connection::on(const Disconnect& disconnect) {
    if (const auto expiry = disconnect.properties.session_expiry_s) {
        if (session_->expiry_s == 0 && *expiry != 0) {
            return close(ReasonCode::protocol_error,
                         "DISCONNECT: session expiry interval: was 0 in CONNECT and may not be raised");
        }
        session_->expiry_s = std::min(*expiry, hub_.options().session_expiry_max_s);
    }
    leave(disconnect.reason != ReasonCode::success);
}

void Connection::deliver(const MessagePtr& message, const Granted& granted, bool retained,
                         std::vector<std::uint32_t> subscription_ids) {
    if (state_ != State::ready) return;
    const bool retain = retained || (granted.retain_as_published && message->retain);
    if (crowded() || !send_publish(*message, 0, retain, false, 0, subscription_ids)) {
        session_->status->dropped.fetch_add(1, std::memory_order_relaxed);
        hub_.numbers(session_->who.tenant).dropped.add();
    }
}

bool Connection::crowded() const { return stream_->unsent_bytes() > hub_.options().unsent_bytes_max / 2; }

void Connection::pump() {
    const DurationNs now = hub_.loop().clock().monotonic();
    while (state_ == State::ready && !crowded()) {
        const Outbox::InFlight* one =
            session_->outbox.pop(std::min<std::size_t>(hub_.options().inflight_max, send_max_), now);
        if (one == nullptr) return;
        send_in_flight(*one, false);
    }
}

void Connection::resend() {
    const auto again = session_->outbox.in_flight();  // a copy: what is too large now is taken out
    for (const Outbox::InFlight& one : again) {
        if (one.released) {
            send(Ack{.type = PacketType::pubrel, .packet_id = one.packet_id});
        } else {
            send_in_flight(one, true);
        }
    }
}

void Connection::send_in_flight(const Outbox::InFlight& one, bool duplicate) {
    const std::uint16_t id = one.packet_id;
    const bool is_qos1 = one.entry.qos == 1;
    if (send_publish(*one.entry.message, one.entry.qos, one.entry.retain, duplicate, id, one.entry.subscription_ids))
        return;
    session_->status->dropped.fetch_add(1, std::memory_order_relaxed);
    hub_.numbers(session_->who.tenant).dropped.add();
    is_qos1 ? session_->outbox.on_puback(id) : session_->outbox.on_pubrec(id, true);
}

bool Connection::send_publish(const Message& message, std::uint8_t qos, bool retain, bool duplicate,
                              std::uint16_t packet_id, const std::vector<std::uint32_t>& subscription_ids) {
    Publish publish{.topic = message.topic,
                    .payload = message.payload,
                    .qos = qos,
                    .duplicate = duplicate,
                    .retain = retain,
                    .packet_id = packet_id};
    if (v5_) {
        publish.properties = message.properties;
        publish.properties.subscription_ids = subscription_ids;
        if (message.expires != 0) {
            const DurationNs left = message.expires - hub_.loop().clock().monotonic();
            publish.properties.message_expiry_s = static_cast<std::uint32_t>(std::max<DurationNs>(left, 0) / kSecond);
        }
    }
    const Version version = decoder_.version();
    if (client_packet_max_ != 0 && encoded_bytes(publish, version) > client_packet_max_) return false;
    Buffer bytes;
    encode(publish, version, bytes);
    stream_->send(bytes);
    session_->status->out.fetch_add(1, std::memory_order_relaxed);
    hub_.numbers(session_->who.tenant).sent.add();
    return true;
}

Properties Connection::explained(std::string_view why) const {
    Properties properties;
    const std::string_view text = clipped(why, kReasonStringBytesMax);
    const bool fits = client_packet_max_ == 0 || client_packet_max_ > kReasonStringBytesMax + 20;
    if (v5_ && problem_information_ && fits && !text.empty() && valid_utf8(text))
        properties.reason_string = std::string(text);
    return properties;
}

bool Connection::send(const Packet& packet) {
    Buffer bytes;
    encode(packet, v5_ ? Version::v5 : Version::v311, bytes);
    if (client_packet_max_ != 0 && bytes.size() > client_packet_max_) return false;
    stream_->send(bytes);
    return true;
}

// Not armed anew with each packet: the timer looks how long ago the last one was.
void Connection::watch_keep_alive(DurationNs delay) {
    timer_ = hub_.loop().after(delay, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->state_ != State::ready) return;
        const DurationNs silent = self->paused_ ? 0 : self->hub_.loop().clock().monotonic() - self->last_heard_;
        if (silent >= self->keep_alive_)
            return self->close(ReasonCode::keep_alive_timeout, "nothing came for 1.5 times the keep alive");
        self->watch_keep_alive(self->keep_alive_ - silent);
    });
}

// A clock set by hand is noticed within kExpiryLook.
void Connection::watch_expiry() {
    if (!session_ || session_->who.expires == 0) return;
    const DurationNs left = session_->who.expires - hub_.loop().clock().now();
    if (left <= 0)
        return close(ReasonCode::not_authorized, "the validity of " + session_->who.name + " has ended", false);
    expiry_timer_ = hub_.loop().after(std::min(left, kExpiryLook), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->state_ == State::ready) self->watch_expiry();
    });
}

void Connection::close(ReasonCode reason, std::string_view why, bool with_will) {
    if (state_ == State::closed) return;
    log_info("broker", "{} ({}) closed: {}: {}", session_ ? session_->client_id : "client", peer_, to_string(reason),
             why);
    if (v5_ && state_ == State::ready) send(Disconnect{.reason = reason, .properties = explained(why)});
    leave(with_will);
}

void Connection::lost(std::string_view why) {
    if (state_ == State::closed) return;
    log_debug("broker", "{} ({}) lost: {}", session_ ? session_->client_id : "client", peer_, why);
    leave(true);
}

void Connection::leave(bool with_will) {
    const auto self = shared_from_this();
    state_ = State::closed;
    hub_.loop().cancel(timer_);
    hub_.loop().cancel(expiry_timer_);
    stream_->close();
    stream_.reset();
    if (session_) hub_.leave_session(*session_, with_will);
    hub_.forget(*this);
}

}  // namespace gongshu::broker
