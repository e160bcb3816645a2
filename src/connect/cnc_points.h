#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "connect/driver.h"
#include "wire/shdr.h"

namespace gongshu::connect {

// What the properties of CNC machines take of the keys that an adapter or an agent of MTConnect says (wire/shdr.h).
// Lives:   with its driver. Threads: its lane's.
// Bounds:  64 faults of each key of a run_state, 8 keys that no property names.
class CncPoints {
public:
    using Fields = std::span<const std::string>;
    // A point that a key is listened for.
    struct Listener {
        std::size_t point = 0;
        wire::shdr::As as = wire::shdr::As::value;
        const std::string* key = nullptr;  // as it was configured, whatever device is said before it
    };

    // No polls: those that can be had are heard.
    PollPlan plan(std::shared_ptr<const PointSet> points);
    bool is_planned() const { return set_ != nullptr; }
    // A new link: all that holds comes anew.
    void forget();
    // The device that keys without one are of.
    void set_own_device(std::string_view device);

    std::vector<Listener> listeners_of(const std::string& key) const;
    // What `fields` behind the key mean for it, if anything is known by them; `time`: 0 = now.
    void tell(const Listener& listener, const std::string& key, Fields fields, TimeNs time,
              std::vector<PointReading>& readings);

    void note_unknown(const std::string& key);
    // The keys that no property names: "amps, mode".
    std::string unknown() const;

private:
    // What is known of what a machine is doing, by all the keys of a property.
    struct Running;

    const PropertyConfig& property_of(const Listener& listener) const { return *set_->points[listener.point].property; }
    Result<void> add_point(std::size_t index, const PropertyConfig& property);
    void tell_series(const Listener& listener, Fields fields, TimeNs time, std::vector<PointReading>& readings);
    PropertyReading reading(const Listener& listener, const std::string& key, Fields fields) const;
    std::optional<Result<Value>> run_state(const Listener& listener, Fields fields);

    std::shared_ptr<const PointSet> set_;
    std::map<std::string, std::vector<Listener>, std::less<>> by_key_;
    std::map<std::size_t, std::shared_ptr<Running>> running_;  // by point
    std::map<std::size_t, std::size_t> keys_of_;               // how many keys a point has
    std::string own_device_;
    std::set<std::string, std::less<>> unknown_;
};

}  // namespace gongshu::connect
