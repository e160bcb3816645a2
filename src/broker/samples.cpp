#include "broker/samples.h"

#include <algorithm>

namespace gongshu::broker {

void Samples::add(TenantId tenant, const Principal& who, const Message& message, const Clock& clock) {
    const DurationNs now = clock.monotonic();
    auto tenants = tenants_.lock();
    Topics& topics = (*tenants)[tenant];
    auto found = topics.find(message.topic);
    if (found != topics.end() && now - found->second.heard < kPause) return;
    if (found == topics.end()) {
        if (topics.size() >= kTopicsMax) {
            topics.erase(std::ranges::min_element(topics, {}, [](const auto& one) { return one.second.heard; }));
        }
        found = topics.emplace(message.topic, One{}).first;
    }
    const std::size_t bytes = std::min(message.payload.size(), kPayloadBytesMax);
    found->second = {{.topic = message.topic,
                      .time = clock.now(),
                      .who = who.name,
                      .device = who.device_path,
                      .payload = std::string(as_text(Bytes{message.payload}.first(bytes))),
                      .bytes = message.payload.size()},
                     now};
}

std::vector<Sample> Samples::of(TenantId tenant) const {
    std::vector<Sample> all;
    {
        auto tenants = tenants_.lock();
        const auto topics = tenants->find(tenant);
        if (topics == tenants->end()) return all;
        for (const auto& [topic, one] : topics->second) all.push_back(one.sample);
    }
    std::ranges::sort(all, std::ranges::greater{}, &Sample::time);
    return all;
}

}  // namespace gongshu::broker
