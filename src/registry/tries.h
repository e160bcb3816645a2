#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace gongshu::registry {

// Tries counts what failed per key (a user, an address) within a window, so that guessing ends soon.
// Lives: in Auth, under its mutex.  Threads: one.  Bounds: keys_max keys; the one that failed longest ago is forgotten
// first.  Disk: none, a restart forgives.
class Tries {
public:
    Tries(std::uint32_t tries_max, DurationNs window, std::size_t keys_max)
        : tries_max_(tries_max), window_(window), keys_max_(keys_max) {}

    // How long the key must wait; 0 = it may try. `now` is monotonic.
    DurationNs wait(const std::string& key, DurationNs now) const;
    void failed(const std::string& key, DurationNs now);
    // It was right after all: one failure less, or none left.
    void forgive(const std::string& key);
    void succeeded(const std::string& key);

private:
    struct Entry {
        std::deque<DurationNs> times;  // at most tries_max_
        std::list<std::string>::iterator place;
    };
    const std::uint32_t tries_max_;
    const DurationNs window_;
    const std::size_t keys_max_;
    std::unordered_map<std::string, Entry> entries_;
    std::list<std::string> oldest_first_;
};

}  // namespace gongshu::registry
