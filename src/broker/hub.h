#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/broker.h"
#include "broker/ingest.h"
#include "broker/message.h"
#include "broker/retained.h"
#include "broker/samples.h"
#include "broker/session.h"
#include "broker/sparkplug_host.h"
#include "wire/mqtt.h"

namespace gongshu::broker {

class Connection;

// Hub is the broker: its tenants, sessions and messages. See Broker.
class Hub final : public Broker {
public:
    // The reason to acknowledge with, and for people why not.
    using PublishDone = std::function<void(wire::mqtt::ReasonCode, const std::string& problem)>;

    Hub(const BrokerDeps& deps, const BrokerOptions& options, std::unique_ptr<Retained> retained);
    ~Hub() override;

    Result<io::Address> listen(const io::Address& address, const io::ListenOptions& options) override;
    void stop() override;
    void publish(TenantId tenant, std::string topic, Buffer payload, std::uint8_t qos, bool retain) override;
    void drop(TenantId tenant, std::string who) override;
    void devices_changed(TenantId tenant) override;
    std::vector<SessionInfo> sessions(TenantId tenant) const override { return directory_.sessions(tenant); }
    std::vector<DeviceSeen> devices(TenantId tenant) const override { return directory_.devices(tenant); }
    std::vector<Sample> samples(TenantId tenant) const override { return samples_.of(tenant); }
    std::vector<SparkplugSeen> sparkplug(TenantId tenant) const override { return sparkplug_.seen(tenant); }
    void process(Letter letter, ProcessDone done) override;

    // For Connection.

    struct Numbers {  // of one tenant
        Counter& received;
        Counter& sent;
        Counter& dropped;
        Counter& readings;
        Counter& dead_letters;
        Counter& protocol_errors;
    };
    struct Opened {
        wire::mqtt::ReasonCode reason = wire::mqtt::ReasonCode::success;  // else refused
        std::string why;
        std::shared_ptr<Session> session;
        bool present = false;
    };

    // The session of a client that was recognised: taken over from an older connection, found, or new.
    Opened open_session(const std::shared_ptr<Connection>& connection, const Principal& who,
                        const wire::mqtt::Connect& connect);
    // Its connection is gone. The will is published at once, later, or not.
    void leave_session(Session& session, bool with_will);
    void forget(Connection& connection);

    // A message of a client: rights, readings, retained, receivers. `done` once, at once or later: what to acknowledge
    // with. quota_exceeded: not kept, the sender must keep it.
    void publish_from(Session& session, MessagePtr message, PublishDone done);
    bool may_publish(const Principal& who, std::string_view topic) {
        return ingest_.may_publish(who, topic, *ingest_.lead(who, topic));
    }
    bool may_subscribe(const Principal& who, std::string_view filter) const {
        return ingest_.may_subscribe(who, filter);
    }
    void subscribe(Session& session, const std::string& filter, const Granted& granted);
    bool unsubscribe(Session& session, const std::string& filter);
    void send_retained(Session& session, const std::string& filter, const Granted& granted);

    io::Loop& loop() { return deps_.loop; }
    const BrokerDeps& deps() const { return deps_; }
    const BrokerOptions& options() const { return options_; }
    Numbers& numbers(TenantId tenant) { return of(tenant).numbers; }
    Counter& early_errors() { return early_errors_; }
    std::string next_client_id();

private:
    static constexpr std::size_t kLateGapsMax = 500'000;
    static constexpr DurationNs kGapsAgain = 5 * kSecond;

    struct Tenant {
        explicit Tenant(Numbers with) : numbers(with) {}
        TopicTree tree;
        std::unordered_map<std::string, std::shared_ptr<Session>> sessions;  // by client identifier
        Numbers numbers;
        std::int64_t dead_letter_minute = 0;
        std::uint32_t dead_letters_in_minute = 0;
        std::uint64_t dead_letter_bytes_in_minute = 0;
        // There is room for one more in this minute.
        bool may_bury(DurationNs now, const BrokerOptions& options);
    };

    Tenant& of(TenantId tenant);
    void remove_session(Session& session);
    void drop_forbidden(Session& session);
    void schedule_end(Session& session);
    void publish_will(Session& session);
    // Everybody who subscribed; true if there was somebody.
    bool fan_out(TenantId tenant, const MessagePtr& message);
    void deliver(Session& session, const MessagePtr& message, const Granted& granted, bool retained,
                 std::vector<std::uint32_t> ids);
    void publish_readings(Session& session, MessagePtr message, const LeadPtr& lead, PublishDone done);
    void finish_readings(Session& session, const MessagePtr& message, const Lead& lead, Ingest::Outcome outcome,
                         const PublishDone& done);
    // Of a session that is gone: what edge nodes did not say themselves.
    void end_sparkplug(const Session& session);
    // Gaps until the store takes them; of those that it refused kLateGapsMax wait, further ones are lost.
    void append_gaps(Rows gaps);
    void keep_gaps(const Rows& gaps);
    // At the stop: this host of Sparkplug is no more.
    void tell_end();
    static MessagePtr shown_as(const MessagePtr& message, const Lead& lead);
    void pass_on(TenantId tenant, const MessagePtr& shown, const PublishDone& done);
    void publish_free(TenantId tenant, const MessagePtr& message, PublishDone done);
    void keep_retained(TenantId tenant, const MessagePtr& message, wire::mqtt::ReasonCode reason, PublishDone done);
    void process_now(const Letter& letter, ProcessDone done);
    // Writes a dead letter (at most so many a minute), then calls `done` with `reason`, or quota_exceeded when it could
    // not be written.
    void bury(Session& session, const Message& message, wire::mqtt::ReasonCode reason, const std::string& problem,
              PublishDone done);

    // Constant after construction.
    const BrokerDeps deps_;
    const BrokerOptions options_;
    Counter& early_errors_;  // of clients that are not known yet
    Gauge& connections_gauge_;
    // The lane's.
    Ingest ingest_;
    SparkplugHost sparkplug_;
    // See BrokerOptions::sparkplug_host; null = none is told. Not among the retained: it lasts as long as the broker.
    const MessagePtr host_state_;
    std::unique_ptr<Retained> retained_;
    std::map<TenantId, std::unique_ptr<Tenant>> tenants_;
    std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
    std::vector<std::unique_ptr<io::Listener>> listeners_;
    Rows late_gaps_;
    bool gaps_again_ = false;  // a timer runs
    std::size_t session_count_ = 0;
    std::uint64_t next_session_ = 1, next_name_ = 1, next_message_ = 1;
    // Any thread.
    Directory directory_;
    Samples samples_;
    // Late answers and posted work look here whether the broker is still there.
    std::shared_ptr<Hub*> self_;
};

}  // namespace gongshu::broker
