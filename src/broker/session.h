#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "broker/auth.h"
#include "broker/directory.h"
#include "broker/outbox.h"
#include "broker/topic_tree.h"
#include "io/loop.h"

namespace gongshu::broker {

class Connection;

struct PendingWill {
    MessagePtr message;
    std::uint32_t delay_s = 0;
};

// What stays of a client between its connections: a plain record, kept by Hub.
// Lives:   from CONNECT until the expiry after its last connection.
// Threads: the broker's lane.
// Bounds:  subscriptions_max, the Outbox's limits, received_qos2 by the receive maximum.
// Disk:    none.
class Session : public std::enable_shared_from_this<Session> {
public:
    std::uint64_t number = 0;  // unique in this start
    std::string client_id;
    Principal who;
    std::uint32_t expiry_s = 0;
    std::map<std::string, Granted, std::less<>> subscriptions;
    Outbox outbox;
    std::set<std::uint16_t> received_qos2;  // PUBREC was sent, PUBREL is awaited
    std::optional<PendingWill> will;
    std::weak_ptr<Connection> connection;  // null while away
    io::TimerId expiry_timer;
    io::TimerId will_timer;
    std::shared_ptr<SessionStatus> status;
    std::shared_ptr<DeviceStatus> device;  // of a device's own session

    // Scratch of Hub::fan_out(): which message was last met, and where in its list of receivers.
    std::uint64_t met_message = 0;
    std::size_t met_at = 0;
};

}  // namespace gongshu::broker
