#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "broker/message.h"

namespace gongshu::broker {

struct OutboxLimits {
    std::uint32_t messages_max = 1'000;
    std::uint32_t bytes_max = 4 << 20;
};

// Outbox holds what a session has yet to receive with QoS 1 and 2: the messages that wait, and those in flight.
// Lives:   in its session, over reconnections.
// Threads: the broker's lane.
// Bounds:  OutboxLimits for what waits: the oldest is dropped (push() tells how many). In flight: what pop() is told.
// Disk:    none: lost with the process.
class Outbox {
public:
    struct Entry {
        MessagePtr message;
        std::uint8_t qos = 1;
        bool retain = false;
        std::vector<std::uint32_t> subscription_ids;
    };
    struct InFlight {
        Entry entry;
        std::uint16_t packet_id = 0;
        bool released = false;  // QoS 2: PUBREL was sent, PUBCOMP is awaited
    };

    // How many older ones were dropped to make room.
    std::size_t push(Entry entry, const OutboxLimits& limits);
    // The next one that waits, now in flight; null if there is none or `in_flight_max` are in flight already.
    const InFlight* pop(std::size_t in_flight_max, DurationNs now);
    // Answers of the receiver; false if nothing in flight has that identifier and step.
    bool on_puback(std::uint16_t packet_id);
    bool on_pubrec(std::uint16_t packet_id, bool failed);
    bool on_pubcomp(std::uint16_t packet_id);

    const std::deque<InFlight>& in_flight() const { return in_flight_; }  // in order of sending
    std::size_t waiting() const { return waiting_.size(); }

private:
    std::deque<InFlight>::iterator find(std::uint16_t packet_id);
    std::uint16_t next_id();

    std::deque<Entry> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::deque<InFlight> in_flight_;
    std::uint16_t last_id_ = 0;
};

}  // namespace gongshu::broker
