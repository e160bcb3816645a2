#include "broker/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "broker/connection.h"

namespace gongshu::broker {
namespace {

using wire::mqtt::ReasonCode;
using wire::mqtt::Version;

Hub::Numbers make_numbers(Metrics& metrics, const std::string& tenant_name) {
    const std::string labels = fmt::format("tenant=\"{}\"", tenant_name);
    const auto counter = [&](std::string_view name, std::string_view help) -> Counter& {
        return metrics.counter(name, help, labels);
    };
    return {counter("gongshu_mqtt_received_total", "PUBLISH packets from clients."),
            counter("gongshu_mqtt_sent_total", "PUBLISH packets to clients."),
            counter("gongshu_mqtt_dropped_total",
                    "Messages not delivered because a queue or link was full, or too large for the client."),
            counter("gongshu_mqtt_readings_total", "Readings taken from payloads."),
            counter("gongshu_mqtt_dead_letters_total", "Publishes that could not be used."),
            counter("gongshu_mqtt_protocol_errors_total", "Connections closed because the client broke the protocol.")};
}

std::uint32_t wished_expiry(const wire::mqtt::Connect& connect, const BrokerOptions& options) {
    if (connect.version == Version::v311) return connect.clean_start ? 0 : options.session_expiry_max_s;
    return std::min(connect.properties.session_expiry_s.value_or(0), options.session_expiry_max_s);
}

// What edge nodes of Sparkplug wait for: on for as long as this broker is there. Null = the host has no name.
MessagePtr make_host_state(const std::string& host, bool online, TimeNs now) {
    if (host.empty()) return nullptr;
    auto message = std::make_shared<Message>();
    message->topic = wire::sparkplug::make_topic({.host = host});
    const std::string text = fmt::format(R"({{"online":{},"timestamp":{}}})", online, now / kMillisecond);
    message->payload.assign(text.begin(), text.end());
    message->qos = 1;
    message->retain = true;
    return message;
}

// A renamed device is still the same one.
bool same_principal(const Principal& a, const Principal& b) {
    if (a.kind == PrincipalKind::device && b.kind == PrincipalKind::device) return a.device_uid == b.device_uid;
    return a.name == b.name;
}

}  // namespace

Result<std::unique_ptr<Broker>> Broker::create(const BrokerDeps& deps, const BrokerOptions& options) {
    const RetainedLimits limits{.messages_max = options.retained_max, .bytes_max = options.retained_bytes_max};
    auto retained = TRY(Retained::create(deps.files, deps.loop, deps.pool, options.folder, limits));
    return std::make_unique<Hub>(deps, options, std::move(retained));
}

Hub::Hub(const BrokerDeps& deps, const BrokerOptions& options, std::unique_ptr<Retained> retained)
    : deps_(deps),
      options_(options),
      early_errors_(deps.metrics.counter("gongshu_mqtt_refused_connects_total",
                                         "Connections that broke the protocol before they were recognised.")),
      connections_gauge_(deps.metrics.gauge("gongshu_mqtt_connections", "Open MQTT connections.")),
      ingest_(deps.sink, deps.tags, deps.device_uid, deps.property_of, deps.device_by_id, deps.mappings_of,
              deps.device_by_external_id),
      sparkplug_(ingest_, options, deps.last),
      host_state_(make_host_state(options.sparkplug_host, true, deps.loop.clock().now())),
      retained_(std::move(retained)),
      self_(std::make_shared<Hub*>(this)) {}

Hub::~Hub() {
    self_.reset();
    listeners_.clear();
    connections_.clear();
}

Result<io::Address> Hub::listen(const io::Address& address, const io::ListenOptions& options) {
    auto listener = TRY(deps_.loop.listen(address, options, [this](std::unique_ptr<io::Stream> stream) {
        auto connection = std::make_shared<Connection>(*this, std::move(stream));
        connections_.emplace(connection.get(), connection);
        connections_gauge_.set(static_cast<double>(connections_.size()));
        connection->start();
    }));
    const io::Address bound = listener->address();
    listeners_.push_back(std::move(listener));
    return bound;
}

void Hub::stop() {
    listeners_.clear();
    tell_end();
    const auto connections = connections_;
    for (const auto& [key, connection] : connections)
        connection->close(ReasonCode::server_shutting_down, "the server stops", false);
}

// To those who asked for it: an edge node then knows at once, and not by a time-out.
void Hub::tell_end() {
    const MessagePtr state = make_host_state(options_.sparkplug_host, false, deps_.loop.clock().now());
    if (!state) return;
    for (const auto& [id, tenant] : tenants_) {
        for (const auto& [client, session] : tenant->sessions) {
            if (session->connection.expired() || !may_receive(session->who, state->topic)) continue;
            for (const auto& [filter, granted] : session->subscriptions) {
                if (!wire::sparkplug::is_topic(filter) || !wire::mqtt::topic_matches(filter, state->topic)) continue;
                deliver(*session, state, granted, false, {});
                break;
            }
        }
    }
}

void Hub::forget(Connection& connection) {
    connections_.erase(&connection);
    connections_gauge_.set(static_cast<double>(connections_.size()));
}

Hub::Tenant& Hub::of(TenantId tenant) {
    auto& found = tenants_[tenant];
    if (!found) {
        const std::string name = deps_.tenant_name ? deps_.tenant_name(tenant) : std::to_string(tenant.value);
        found = std::make_unique<Tenant>(make_numbers(deps_.metrics, name));
    }
    return *found;
}

std::string Hub::next_client_id() { return fmt::format("auto-{}-{}", deps_.instance, next_name_++); }

// Sessions.

Hub::Opened Hub::open_session(const std::shared_ptr<Connection>& connection, const Principal& who,
                              const wire::mqtt::Connect& connect) {
    Tenant& tenant = of(who.tenant);
    const auto find = [&] {
        const auto found = tenant.sessions.find(connect.client_id);
        return found == tenant.sessions.end() ? nullptr : found->second;
    };
    auto session = find();
    if (session && !same_principal(session->who, who)) {
        return {ReasonCode::client_identifier_not_valid,
                fmt::format("client identifier {} is in use by {}", connect.client_id, session->who.name), nullptr,
                false};
    }
    if (session) {
        if (const auto older = session->connection.lock())
            older->close(ReasonCode::session_taken_over, "the same client connected again");
        session = find();  // gone if it was to end with its connection
    }
    if (session && connect.clean_start) {
        remove_session(*session);
        session = nullptr;
    }
    const bool present = session != nullptr;
    if (!session) {
        if (session_count_ >= options_.sessions_max)
            return {ReasonCode::server_busy, "the broker's sessions_max is reached", nullptr, false};
        if (tenant.sessions.size() >= options_.sessions_per_tenant_max) {
            return {ReasonCode::quota_exceeded, "the tenant's sessions_per_tenant_max is reached", nullptr, false};
        }
        session = std::make_shared<Session>();
        session->number = next_session_++;
        session->client_id = connect.client_id;
        session->status = directory_.add_session(who.tenant, connect.client_id, who);
        tenant.sessions.emplace(connect.client_id, session);
        ++session_count_;
    }
    deps_.loop.cancel(session->expiry_timer);
    deps_.loop.cancel(session->will_timer);
    session->will.reset();
    session->who = who;
    drop_forbidden(*session);
    session->expiry_s = wished_expiry(connect, options_);
    session->connection = connection;
    session->device = directory_.device(who.tenant, who.device_path);
    const TimeNs now = deps_.loop.clock().now();
    const std::string version = connect.version == Version::v5 ? "5.0" : "3.1.1";
    *session->status->link.lock() = {
        .version = version, .address = connection->peer(), .since = now, .connected = true};
    if (session->device) {
        session->device->words.lock()->uid = who.device_uid;
        if (session->device->connections.fetch_add(1) == 0) session->device->since = now;
        session->device->last_seen = now;
    }
    return {ReasonCode::success, "", session, present};
}

void Hub::leave_session(Session& session, bool with_will) {
    const auto keep = session.shared_from_this();
    const TimeNs now = deps_.loop.clock().now();
    session.connection.reset();
    {
        auto link = session.status->link.lock();
        link->connected = false;
        link->since = now;
    }
    if (session.device && session.device->connections.fetch_sub(1) == 1) session.device->since = now;
    if (!with_will) session.will.reset();
    if (session.will && std::min(session.will->delay_s, session.expiry_s) == 0) publish_will(session);
    if (!session.will) end_sparkplug(session);
    if (session.expiry_s == 0) return remove_session(session);
    schedule_end(session);
}

void Hub::schedule_end(Session& session) {
    const std::weak_ptr<Hub*> hub = self_;
    const std::weak_ptr<Session> weak = session.weak_from_this();
    session.expiry_timer = deps_.loop.after(session.expiry_s * kSecond, [hub, weak] {
        const auto alive = hub.lock();
        const auto one = weak.lock();
        if (alive && one) (*alive)->remove_session(*one);
    });
    if (!session.will) return;
    session.will_timer = deps_.loop.after(session.will->delay_s * kSecond, [hub, weak] {
        const auto alive = hub.lock();
        const auto one = weak.lock();
        if (alive && one) (*alive)->publish_will(*one);
    });
}

void Hub::publish_will(Session& session) {
    if (!session.will) return;
    const MessagePtr message = std::move(session.will->message);
    session.will.reset();
    publish_from(session, message, [](ReasonCode, const std::string&) {});
    if (session.connection.expired()) end_sparkplug(session);
}

void Hub::end_sparkplug(const Session& session) {
    append_gaps(sparkplug_.left(session.who.tenant, session.number, deps_.loop.clock().now()));
}

void Hub::append_gaps(Rows gaps) {
    if (gaps.empty()) return;
    const auto kept = std::make_shared<const Rows>(gaps);
    ingest_.append(std::move(gaps), Durability::interval, {},
                   [hub = std::weak_ptr<Hub*>(self_), kept](const Ingest::Outcome& outcome) {
                       const auto alive = hub.lock();
                       if (alive && outcome.reason == ReasonCode::quota_exceeded) (*alive)->keep_gaps(*kept);
                   });
}

void Hub::keep_gaps(const Rows& gaps) {
    const std::size_t taken = std::min(gaps.size(), kLateGapsMax - late_gaps_.size());
    for (std::size_t i = 0; i < taken; ++i) late_gaps_.add_row(gaps, i);
    if (taken < gaps.size()) log_warning("mqtt", "{} gaps are lost: the store takes none", gaps.size() - taken);
    if (std::exchange(gaps_again_, true)) return;
    deps_.loop.after(kGapsAgain, [hub = std::weak_ptr<Hub*>(self_)] {
        const auto alive = hub.lock();
        if (!alive) return;
        (*alive)->gaps_again_ = false;
        (*alive)->append_gaps(std::exchange((*alive)->late_gaps_, {}));
    });
}

void Hub::remove_session(Session& session) {
    const auto keep = session.shared_from_this();
    publish_will(session);  // the end of the session comes before the end of the will's delay
    end_sparkplug(session);
    deps_.loop.cancel(session.expiry_timer);
    deps_.loop.cancel(session.will_timer);
    Tenant& tenant = of(session.who.tenant);
    for (const auto& [filter, granted] : session.subscriptions) tenant.tree.remove(filter, session);
    session.subscriptions.clear();
    const auto found = tenant.sessions.find(session.client_id);
    if (found == tenant.sessions.end() || found->second != keep) return;
    tenant.sessions.erase(found);
    --session_count_;
    directory_.remove_session(session.who.tenant, session.client_id);
}

void Hub::drop(TenantId tenant, std::string who) {
    deps_.loop.post([hub = std::weak_ptr<Hub*>(self_), tenant, who = std::move(who)] {
        const auto alive = hub.lock();
        if (!alive) return;
        const auto sessions = (*alive)->of(tenant).sessions;  // a copy: they are removed meanwhile
        for (const auto& [id, session] : sessions) {
            const bool named = session->who.name == who || (session->who.kind == PrincipalKind::device &&
                                                            "device:" + session->who.device_uid == who);
            if (!who.empty() && !named) continue;
            if (const auto connection = session->connection.lock()) {
                connection->close(ReasonCode::administrative_action,
                                  "the rights of " + session->who.name + " were changed", false);
            }
            session->will.reset();
            (*alive)->remove_session(*session);
        }
    });
}

void Hub::devices_changed(TenantId tenant) {
    deps_.loop.post([hub = std::weak_ptr<Hub*>(self_), tenant] {
        const auto alive = hub.lock();
        if (!alive) return;
        (*alive)->ingest_.forget(tenant);
        (*alive)->sparkplug_.forget(tenant);
        // A device that is called otherwise now does not go on hearing what its old ID is told.
        for (const auto& [client, session] : (*alive)->of(tenant).sessions) (*alive)->drop_forbidden(*session);
    });
}

// Subscriptions.

void Hub::subscribe(Session& session, const std::string& filter, const Granted& granted) {
    of(session.who.tenant).tree.add(filter, session, granted);
    session.subscriptions[filter] = granted;
    session.status->subscriptions = static_cast<std::uint32_t>(session.subscriptions.size());
}

bool Hub::unsubscribe(Session& session, const std::string& filter) {
    if (session.subscriptions.erase(filter) == 0) return false;
    of(session.who.tenant).tree.remove(filter, session);
    session.status->subscriptions = static_cast<std::uint32_t>(session.subscriptions.size());
    return true;
}

// Its rights may have shrunk while the session was away.
void Hub::drop_forbidden(Session& session) {
    const auto subscriptions = session.subscriptions;
    for (const auto& [filter, granted] : subscriptions) {
        if (!ingest_.may_subscribe(session.who, filter)) unsubscribe(session, filter);
    }
}

void Hub::send_retained(Session& session, const std::string& filter, const Granted& granted) {
    const auto send = [&](const MessagePtr& message) {
        if (!may_receive(session.who, message->topic)) return;
        std::vector<std::uint32_t> ids;
        if (granted.subscription_id != 0) ids.push_back(granted.subscription_id);
        deliver(session, message, granted, true, std::move(ids));
    };
    retained_->match(session.who.tenant, filter, send);
    // Who asks for everything does not mean this.
    if (host_state_ && wire::sparkplug::is_topic(filter) && wire::mqtt::topic_matches(filter, host_state_->topic))
        send(host_state_);
}

// Messages.

void Hub::publish(TenantId tenant, std::string topic, Buffer payload, std::uint8_t qos, bool retain) {
    auto message = std::make_shared<Message>();
    message->topic = std::move(topic);
    message->payload = std::move(payload);
    message->qos = qos;
    message->retain = retain;
    deps_.loop.post([hub = std::weak_ptr<Hub*>(self_), tenant, message] {
        if (const auto alive = hub.lock())
            (*alive)->publish_free(tenant, message, [](ReasonCode, const std::string&) {});
    });
}

void Hub::publish_from(Session& session, MessagePtr message, PublishDone done) {
    const TenantId tenant = session.who.tenant;
    const LeadPtr lead = ingest_.lead(session.who, message->topic);
    const bool sparkplug = wire::sparkplug::is_topic(message->topic);
    if (lead->door != Door::gongshu && lead->door != Door::thingsboard && !sparkplug)
        samples_.add(tenant, session.who, *message, deps_.loop.clock());
    if (!ingest_.may_publish(session.who, message->topic, *lead)) {
        const bool told = sparkplug && session.who.kind == PrincipalKind::device && !lead->problem.empty();
        return bury(session, *message, ReasonCode::not_authorized,
                    told ? fmt::format("topic {}: {}", message->topic, lead->problem)
                         : fmt::format("{} may not publish to {}", session.who.name, message->topic),
                    std::move(done));
    }
    if (topic_levels(message->topic) > kTopicLevelsMax) {
        return bury(session, *message, ReasonCode::topic_name_invalid,
                    fmt::format("the topic has more than {} levels", kTopicLevelsMax), std::move(done));
    }
    if (host_state_ && message->topic == host_state_->topic) {
        return bury(session, *message, ReasonCode::not_authorized,
                    fmt::format("{} is the state of this platform itself: give the other host another ID, or this one "
                                "by the option --sparkplug-host",
                                message->topic),
                    std::move(done));
    }
    // Births, values and commands hold for this moment alone.
    if (sparkplug && message->retain && !message->topic.starts_with("spBv1.0/STATE/")) {
        auto once = std::make_shared<Message>(*message);
        once->retain = false;
        message = std::move(once);
    }
    // Who may publish there only because of a mapping sends readings and nothing else.
    const bool free = lead->door != Door::mapping || broker::may_publish(session.who, message->topic);
    const bool clears = free && message->retain && message->payload.empty();
    if (!lead->has_readings() || clears) return publish_free(tenant, message, std::move(done));
    publish_readings(session, std::move(message), lead, std::move(done));
}

void Hub::publish_readings(Session& session, MessagePtr message, const LeadPtr& lead, PublishDone done) {
    const Durability durability = message->qos == 0 ? Durability::interval : Durability::sync;
    const TimeNs now = deps_.loop.clock().now();
    auto answer = [hub = std::weak_ptr<Hub*>(self_), from = session.shared_from_this(), message, lead,
                   done = std::move(done)](Ingest::Outcome outcome) {
        const auto alive = hub.lock();
        if (alive) (*alive)->finish_readings(*from, message, *lead, std::move(outcome), done);
    };
    if (lead->door != Door::sparkplug)
        return ingest_.take(session.who, message->topic, *lead, message->payload, durability, now, std::move(answer));
    auto taken = sparkplug_.take(session.who, session.number, message->topic, *lead, message->payload, now,
                                 deps_.loop.clock().monotonic());
    if (taken.rebirth) {
        auto [topic, payload] = SparkplugHost::rebirth_command(message->topic, now);
        auto command = std::make_shared<Message>();
        command->topic = std::move(topic);
        command->payload.assign(payload.begin(), payload.end());
        publish_free(session.who.tenant, command, [](ReasonCode, const std::string&) {});
    }
    if (taken.gaps.empty() && taken.rows.empty()) return answer(std::move(taken.outcome));
    if (taken.gaps.empty())
        return ingest_.append(std::move(taken.rows), durability, std::move(taken.outcome), std::move(answer));
    Rows rows = taken.gaps;
    for (std::size_t i = 0; i < taken.rows.size(); ++i) rows.add_row(taken.rows, i);
    const auto gaps = std::make_shared<const Rows>(std::move(taken.gaps));
    ingest_.append(std::move(rows), durability, std::move(taken.outcome),
                   [hub = std::weak_ptr<Hub*>(self_), gaps, answer = std::move(answer)](Ingest::Outcome outcome) {
                       const auto alive = hub.lock();
                       if (alive && outcome.reason == ReasonCode::quota_exceeded) (*alive)->keep_gaps(*gaps);
                       answer(std::move(outcome));
                   });
}

void Hub::finish_readings(Session& session, const MessagePtr& message, const Lead& lead, Ingest::Outcome outcome,
                          const PublishDone& done) {
    const TenantId tenant = session.who.tenant;
    const TimeNs now = deps_.loop.clock().now();
    // What a mapping could not use is told at the device that sent it.
    const bool mapped = lead.door == Door::mapping;
    const std::string& path = mapped ? session.who.device_path : lead.path;
    // A topic that names no device makes none.
    const auto device = outcome.reason == ReasonCode::topic_name_invalid ? nullptr : directory_.device(tenant, path);
    if (device && !outcome.problem.empty()) {
        auto words = device->words.lock();
        words->last_error = outcome.problem;
        words->last_error_at = now;
    }
    if (outcome.reason != ReasonCode::success) {
        if (outcome.reason != ReasonCode::quota_exceeded)
            return bury(session, *message, outcome.reason, outcome.problem, done);
        numbers(tenant).dropped.add();
        return done(outcome.reason, outcome.problem);
    }
    numbers(tenant).readings.add(outcome.readings);
    if (!mapped) outcome.devices = {{path, outcome.readings}};
    for (const auto& [of, readings] : outcome.devices) {
        const auto seen = directory_.device(tenant, of);
        if (!seen) continue;
        seen->last_seen = now;
        seen->readings.fetch_add(readings, std::memory_order_relaxed);
    }
    // Taken, but not for others to hear: nobody's message, or by its name another device's.
    const bool kept =
        lead.kept_only || (mapped && outcome.readings == 0 && !broker::may_publish(session.who, message->topic));
    if (outcome.problem.empty()) {
        if (kept) return done(ReasonCode::success, "");
        return pass_on(tenant, shown_as(message, lead), done);
    }
    // Some values were left out: the payload is kept as a dead letter before the sender hears that it was taken.
    bury(session, *message, ReasonCode::success, outcome.problem,
         [hub = std::weak_ptr<Hub*>(self_), tenant, kept, shown = shown_as(message, lead), done](
             ReasonCode reason, const std::string& why) {
             const auto alive = hub.lock();
             if (!alive) return;
             reason == ReasonCode::success && !kept ? (*alive)->pass_on(tenant, shown, done) : done(reason, why);
         });
}

// "me" means somebody else to every reader: it is shown under the device's own topic.
MessagePtr Hub::shown_as(const MessagePtr& message, const Lead& lead) {
    if (lead.door != Door::thingsboard) return message;
    auto renamed = std::make_shared<Message>(*message);
    renamed->topic = std::string(kGongshuDoor) + lead.path;
    return renamed;
}

// Readings that are kept go to who subscribed.
void Hub::pass_on(TenantId tenant, const MessagePtr& shown, const PublishDone& done) {
    fan_out(tenant, shown);
    if (shown->retain) return keep_retained(tenant, shown, ReasonCode::success, done);
    done(ReasonCode::success, "");
}

void Hub::publish_free(TenantId tenant, const MessagePtr& message, PublishDone done) {
    const ReasonCode reason = fan_out(tenant, message) ? ReasonCode::success : ReasonCode::no_matching_subscribers;
    if (message->retain) return keep_retained(tenant, message, reason, std::move(done));
    done(reason, "");
}

void Hub::keep_retained(TenantId tenant, const MessagePtr& message, ReasonCode reason, PublishDone done) {
    retained_->put(tenant, message,
                   [hub = std::weak_ptr<Hub*>(self_), reason, done = std::move(done)](const Result<void>& kept) {
                       if (!hub.lock()) return;
                       kept ? done(reason, "") : done(ReasonCode::quota_exceeded, kept.error().text());
                   });
}

bool Hub::fan_out(TenantId tenant, const MessagePtr& message) {
    struct Receiver {
        Session* session;
        Granted granted;
        std::vector<std::uint32_t> ids;
    };
    std::vector<Receiver> receivers;
    const std::uint64_t number = next_message_++;
    of(tenant).tree.match(message->topic, [&](Session& session, const Granted& granted) {
        if (granted.no_local && session.number == message->session) return;
        if (!may_receive(session.who, message->topic)) return;
        if (session.met_message != number) {
            session.met_message = number;
            session.met_at = receivers.size();
            receivers.push_back({&session, granted, {}});
        }
        // Subscriptions that overlap give one message with the best of their QoS and all of their identifiers [3.3.4].
        Receiver& receiver = receivers[session.met_at];
        receiver.granted.qos = std::max(receiver.granted.qos, granted.qos);
        receiver.granted.retain_as_published |= granted.retain_as_published;
        if (granted.subscription_id != 0) receiver.ids.push_back(granted.subscription_id);
    });
    for (Receiver& receiver : receivers)
        deliver(*receiver.session, message, receiver.granted, false, std::move(receiver.ids));
    return !receivers.empty();
}

void Hub::deliver(Session& session, const MessagePtr& message, const Granted& granted, bool retained,
                  std::vector<std::uint32_t> ids) {
    const std::uint8_t qos = std::min(message->qos, granted.qos);
    const auto connection = session.connection.lock();
    if (qos == 0) {
        if (connection) connection->deliver(message, granted, retained, std::move(ids));
        return;
    }
    const bool retain = retained || (granted.retain_as_published && message->retain);
    const OutboxLimits limits{options_.queued_messages_max, options_.queued_bytes_max};
    const std::size_t dropped = session.outbox.push({message, qos, retain, std::move(ids)}, limits);
    if (dropped > 0) {
        session.status->dropped.fetch_add(dropped, std::memory_order_relaxed);
        numbers(session.who.tenant).dropped.add(dropped);
    }
    if (connection) connection->pump();
}

}  // namespace gongshu::broker
