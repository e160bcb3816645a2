#pragma once

#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "flow/alarms.h"
#include "flow/plan.h"

namespace gongshu::flow {

// Shelves is what is set aside now.
// Lives:   inside AlarmBook, which has the lock.
// Threads: one at a time.
// Bounds:  who adds looks at count() first.
// Disk:    none; AlarmBook keeps the events.
class Shelves {
public:
    void put(Shelf shelf);
    // The one of this kind, rule and device; null if there is none.
    const Shelf* find(const Shelf& like) const;
    // Takes it away if it is the one that began at `like.since`; a later one stays.
    bool take(const Shelf& like);
    // What an alarm of that rule and device lies on: its own before that of the whole rule.
    const Shelf* over(ShelfKind kind, const PlanKey& key) const;

    std::size_t count(TenantId tenant) const;
    std::vector<Shelf> of(TenantId tenant) const;
    std::optional<TimeNs> next_end() const;
    // Those whose time is over, each told once.
    std::vector<Shelf> take_ended(TimeNs now);

private:
    using Key = std::tuple<TenantId, ShelfKind, std::string, std::string>;
    struct Entry {
        Shelf shelf;
        bool told_ended = false;
    };
    static Key key_of(const Shelf& shelf) { return {shelf.tenant, shelf.kind, shelf.rule_uid, shelf.device_uid}; }

    std::map<Key, Entry> shelves_;
};

}  // namespace gongshu::flow
