#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "data/ids.h"
#include "registry/kinds/modbus_server.h"
#include "wire/modbus_server.h"

namespace gongshu::modbus {

// One entry as it is served: a place of one unit, and where its value comes from.
struct MapEntry {
    registry::ServedEntry spec;
    std::uint8_t unit = 1;
    registry::WhenBad when_bad = registry::WhenBad::exception;
    DurationNs stale_after = 0;  // 0 = however old
    // Of the tag. None: there is no reading yet.
    std::optional<TagId> tag;
    std::string device, property;           // of writes; "" = it is no property of a device
    ValueType type = ValueType::number;     // of writes
    std::string refusal;                    // why it may not leave; "" = it may
};

// What is known of an entry's value at the moment.
struct Seen {
    bool usable = false;
    Value value;                // if usable
    std::optional<Value> last;  // the newest one that was usable
    // Else: gateway_target when there is none, or it is too old or not reached; device_failure when it is bad itself.
    wire::modbus::Exception why = wire::modbus::Exception::gateway_target;
};

// One value that a master wants to write.
struct MapWrite {
    std::size_t entry = 0;
    Value value;
    std::string fault;  // why the entry does not take it; "" = it may be tried
};

// ServedMap answers for the coils and registers that the entries make up; constant once made.
// Lives:   shared by those who serve it. Threads: any. Bounds: registry::kServedEntriesMax entries.
class ServedMap {
public:
    using Look = std::function<Seen(std::size_t entry)>;
    template <class T>
    using Answer = std::expected<T, wire::modbus::Exception>;

    static constexpr std::size_t kWritesMax = 32;  // entries that one request may change

    // Entries that overlap are our own bug: their kind refuses them.
    ServedMap(std::vector<MapEntry> entries, registry::MapGaps gaps);

    const std::vector<MapEntry>& entries() const { return entries_; }
    bool has_unit(std::uint8_t unit) const;

    // Of functions 1 to 4. illegal_address where no entry is.
    Answer<wire::modbus::Reply> read(std::uint8_t unit, const wire::modbus::Request& request, const Look& look) const;
    // What functions 5, 6, 15 and 16 want, as values in order of their addresses. illegal_address where no entry is that may be
    // written, illegal_value for half of one and for registers that are no value of the entry's encoding; a value outside
    // of its limits has a fault.
    Answer<std::vector<MapWrite>> plan_write(std::uint8_t unit, const wire::modbus::Request& request) const;
    // The same of function 22, by what the register is now; device_failure if it shows something else than the value.
    Answer<std::vector<MapWrite>> plan_mask(std::uint8_t unit, const wire::modbus::MaskWrite& mask, const Look& look) const;

private:
    // What one entry or its status takes of one table.
    struct Slot {
        std::uint8_t unit;
        registry::RegisterKind kind;
        std::uint16_t address, places;
        std::size_t entry;
        bool is_status;
    };
    std::vector<Slot>::const_iterator first_at(std::uint8_t unit, registry::RegisterKind kind, std::size_t address) const;
    Answer<void> show(const Slot& slot, const Look& look, std::vector<std::uint16_t>& registers) const;
    Answer<Value> shown_value(const MapEntry& entry, const Seen& seen) const;

    std::vector<MapEntry> entries_;
    std::vector<Slot> slots_;  // by unit, kind, address
    registry::MapGaps gaps_;
};

}  // namespace gongshu::modbus
