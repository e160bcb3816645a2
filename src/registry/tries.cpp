#include "registry/tries.h"

namespace gongshu::registry {

DurationNs Tries::wait(const std::string& key, DurationNs now) const {
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.times.size() < tries_max_) return 0;
    const DurationNs until = found->second.times.front() + window_;
    return until > now ? until - now : 0;
}

void Tries::failed(const std::string& key, DurationNs now) {
    auto found = entries_.find(key);
    if (found == entries_.end()) {
        if (entries_.size() >= keys_max_) {
            entries_.erase(oldest_first_.front());
            oldest_first_.pop_front();
        }
        found = entries_.emplace(key, Entry{{}, oldest_first_.insert(oldest_first_.end(), key)}).first;
    } else {
        oldest_first_.splice(oldest_first_.end(), oldest_first_, found->second.place);
    }
    auto& times = found->second.times;
    while (!times.empty() && times.front() + window_ <= now) times.pop_front();
    if (times.size() >= tries_max_) times.pop_front();
    times.push_back(now);
}

void Tries::forgive(const std::string& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    if (!found->second.times.empty()) found->second.times.pop_back();
    if (found->second.times.empty()) succeeded(key);
}

void Tries::succeeded(const std::string& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    oldest_first_.erase(found->second.place);
    entries_.erase(found);
}

}  // namespace gongshu::registry
