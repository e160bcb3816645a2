#include "broker/outbox.h"

#include <algorithm>

namespace gongshu::broker {
namespace {

std::size_t bytes_of(const Outbox::Entry& entry) { return entry.message->topic.size() + entry.message->payload.size(); }

}  // namespace

std::size_t Outbox::push(Entry entry, const OutboxLimits& limits) {
    waiting_bytes_ += bytes_of(entry);
    waiting_.push_back(std::move(entry));
    std::size_t dropped = 0;
    while (waiting_.size() > limits.messages_max || (waiting_bytes_ > limits.bytes_max && waiting_.size() > 1)) {
        waiting_bytes_ -= bytes_of(waiting_.front());
        waiting_.pop_front();
        ++dropped;
    }
    return dropped;
}

const Outbox::InFlight* Outbox::pop(std::size_t in_flight_max, DurationNs now) {
    while (!waiting_.empty() && in_flight_.size() < in_flight_max) {
        Entry entry = std::move(waiting_.front());
        waiting_.pop_front();
        waiting_bytes_ -= bytes_of(entry);
        if (entry.message->expired(now)) continue;
        in_flight_.push_back({std::move(entry), next_id(), false});
        return &in_flight_.back();
    }
    return nullptr;
}

std::deque<Outbox::InFlight>::iterator Outbox::find(std::uint16_t packet_id) {
    return std::find_if(in_flight_.begin(), in_flight_.end(),
                        [&](const InFlight& one) { return one.packet_id == packet_id; });
}

// In flight are far fewer than 65 535, so one is free.
std::uint16_t Outbox::next_id() {
    do {
        last_id_ = last_id_ == 65'535 ? std::uint16_t{1} : static_cast<std::uint16_t>(last_id_ + 1);
    } while (find(last_id_) != in_flight_.end());
    return last_id_;
}

bool Outbox::on_puback(std::uint16_t packet_id) {
    const auto one = find(packet_id);
    if (one == in_flight_.end() || one->entry.qos != 1) return false;
    in_flight_.erase(one);
    return true;
}

bool Outbox::on_pubrec(std::uint16_t packet_id, bool failed) {
    const auto one = find(packet_id);
    if (one == in_flight_.end() || one->entry.qos != 2) return false;
    if (failed) {
        in_flight_.erase(one);
    } else {
        one->released = true;
    }
    return true;
}

bool Outbox::on_pubcomp(std::uint16_t packet_id) {
    const auto one = find(packet_id);
    if (one == in_flight_.end() || !one->released) return false;
    in_flight_.erase(one);
    return true;
}

}  // namespace gongshu::broker
