#include "modbus/map.h"

#include <algorithm>
#include <tuple>

#include "base/assert.h"

namespace gongshu::modbus {

using namespace wire::modbus;
using registry::RegisterKind;
using registry::WhenBad;

namespace {

constexpr std::size_t kPlacesMax = 255;  // of one entry

std::optional<RegisterKind> table_of(Function function) {
    switch (function) {
        case Function::read_coils:
        case Function::write_coil:
        case Function::write_coils:
            return RegisterKind::coil;
        case Function::read_discrete_inputs:
            return RegisterKind::discrete;
        case Function::read_holding_registers:
        case Function::write_register:
        case Function::write_registers:
            return RegisterKind::holding;
        case Function::read_input_registers:
            return RegisterKind::input;
    }
    return std::nullopt;
}

bool is_bits(RegisterKind kind) { return kind == RegisterKind::coil || kind == RegisterKind::discrete; }

std::string limit_fault(const registry::ServedEntry& entry, const Value& value) {
    const auto number = as_number(value);
    if (!number) return "";
    const bool low = entry.min && *number < *entry.min, high = entry.max && *number > *entry.max;
    // NaN is neither above nor below.
    const bool none = (entry.min || entry.max) && *number != *number;
    if (!low && !high && !none) return "";
    return fmt::format("{} may be {} to {}, not {}", entry.tag, entry.min ? fmt::to_string(*entry.min) : "any",
                       entry.max ? fmt::to_string(*entry.max) : "any", *number);
}

// One bit, or the registers of the value; `before` is what the first of them holds, for bits of one register.
Result<std::vector<std::uint16_t>> encode(const registry::ServedEntry& entry, const Value& value, std::uint16_t before) {
    if (!is_bits(entry.kind)) return encode_nearest(entry.codec(), value, before);
    const auto bit = convert_exactly(value, ValueType::boolean);
    if (!bit) return Error{Code::limit, "{} is neither on nor off", to_string(value)};
    return std::vector<std::uint16_t>{std::get<bool>(*bit) ? std::uint16_t{1} : std::uint16_t{0}};
}

// Its registers hold the value itself, and neither the fill value nor one of before.
bool is_shown(const MapEntry& entry, const Seen& seen) {
    return entry.refusal.empty() && seen.usable && encode(entry.spec, seen.value, 0).has_value();
}

}  // namespace

ServedMap::ServedMap(std::vector<MapEntry> entries, registry::MapGaps gaps) : entries_(std::move(entries)), gaps_(gaps) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const MapEntry& entry = entries_[i];
        slots_.push_back({entry.unit, entry.spec.kind, entry.spec.address, entry.spec.places(), i, false});
        if (entry.spec.status) slots_.push_back({entry.unit, RegisterKind::discrete, *entry.spec.status, 1, i, true});
    }
    std::ranges::stable_sort(slots_, {}, [](const Slot& slot) { return std::tuple(slot.unit, slot.kind, slot.address); });
}

bool ServedMap::has_unit(std::uint8_t unit) const {
    return std::ranges::any_of(entries_, [&](const MapEntry& entry) { return entry.unit == unit; });
}

std::vector<ServedMap::Slot>::const_iterator ServedMap::first_at(std::uint8_t unit, RegisterKind kind,
                                                                 std::size_t address) const {
    return std::ranges::lower_bound(slots_, std::tuple(unit, kind, address), {}, [](const Slot& slot) {
        return std::tuple(slot.unit, slot.kind, std::size_t{slot.address});
    });
}

ServedMap::Answer<Value> ServedMap::shown_value(const MapEntry& entry, const Seen& seen) const {
    if (seen.usable) return seen.value;
    if (entry.when_bad == WhenBad::last && seen.last) return *seen.last;
    if (entry.when_bad != WhenBad::fill) return std::unexpected(seen.why);
    const bool is_text = !is_bits(entry.spec.kind) && entry.spec.encoding == registry::Encoding::text;
    return is_text ? Value{std::string()} : Value{entry.spec.fill.value_or(0)};
}

// One bit, or the registers of the value; `registers` holds what was there, for bits of one register.
ServedMap::Answer<void> ServedMap::show(const Slot& slot, const Look& look, std::vector<std::uint16_t>& registers) const {
    const MapEntry& entry = entries_[slot.entry];
    if (!entry.refusal.empty() && !slot.is_status) return std::unexpected(Exception::device_failure);
    const Seen seen = entry.refusal.empty() ? look(slot.entry) : Seen{};
    if (slot.is_status) {
        registers[0] = is_shown(entry, seen) ? 1 : 0;
        return {};
    }
    for (Seen now = seen;; now.usable = false, now.why = Exception::device_failure) {
        const auto value = shown_value(entry, now);
        if (!value) return std::unexpected(value.error());
        if (auto words = encode(entry.spec, *value, registers[0])) {
            registers = std::move(*words);
            return {};
        }
        // A value that cannot lie here is as bad as none.
        if (!now.usable) return std::unexpected(Exception::device_failure);
    }
}

ServedMap::Answer<Reply> ServedMap::read(std::uint8_t unit, const Request& request, const Look& look) const {
    const auto kind = table_of(request.function);
    ASSERT(kind && is_read(request.function));
    const std::size_t begin = request.address, end = begin + request.count;
    std::vector<std::uint16_t> image(request.count);
    std::vector<bool> there(request.count);
    for (auto slot = first_at(unit, *kind, begin < kPlacesMax ? 0 : begin - kPlacesMax);
         slot != slots_.end() && slot->unit == unit && slot->kind == *kind && slot->address < end; ++slot) {
        const std::size_t slot_end = std::size_t{slot->address} + slot->places;
        if (slot_end <= begin) continue;
        std::vector<std::uint16_t> registers(slot->places);
        if (slot->address >= begin) registers[0] = image[slot->address - begin];
        if (const auto shown = show(*slot, look, registers); !shown) return std::unexpected(shown.error());
        for (std::size_t at = std::max<std::size_t>(begin, slot->address); at < std::min(end, slot_end); ++at) {
            image[at - begin] = registers[at - slot->address];
            there[at - begin] = true;
        }
    }
    const bool all = std::ranges::find(there, false) == there.end();
    const bool none = std::ranges::find(there, true) == there.end();
    if (none || (!all && gaps_ == registry::MapGaps::exception)) return std::unexpected(Exception::illegal_address);
    Reply reply;
    reply.function = request.function;
    reply.count = request.count;
    if (wire::modbus::is_bits(request.function))
        reply.bits.assign(image.begin(), image.end());
    else
        reply.registers = std::move(image);
    return reply;
}

ServedMap::Answer<std::vector<MapWrite>> ServedMap::plan_write(std::uint8_t unit, const Request& request) const {
    const auto kind = table_of(request.function);
    ASSERT(kind && !is_read(request.function));
    const std::size_t end = std::size_t{request.address} + request.count;
    std::vector<MapWrite> writes;
    for (std::size_t at = request.address; at < end;) {
        const auto slot = first_at(unit, *kind, at);
        const bool here = slot != slots_.end() && slot->unit == unit && slot->kind == *kind && slot->address == at;
        if (!here) {
            // The middle of a value, or nothing at all?
            const auto inside = std::ranges::any_of(slots_, [&](const Slot& one) {
                return one.unit == unit && one.kind == *kind && one.address < at && one.address + std::size_t{one.places} > at;
            });
            return std::unexpected(inside ? Exception::illegal_value : Exception::illegal_address);
        }
        const MapEntry& entry = entries_[slot->entry];
        if (!entry.spec.writable || !entry.refusal.empty()) return std::unexpected(Exception::illegal_address);
        if (at + slot->places > end) return std::unexpected(Exception::illegal_value);
        MapWrite write{slot->entry, Value{}, ""};
        const std::size_t from = at - request.address;
        if (is_bits(*kind)) {
            const auto value = convert_exactly(Value{request.bits[from] != 0}, entry.type);
            if (!value) return std::unexpected(Exception::illegal_value);
            write.value = *value;
        } else {
            const auto value =
                decode_value(entry.spec.codec(), std::span(request.registers).subspan(from, slot->places), entry.type);
            if (!value) return std::unexpected(Exception::illegal_value);
            write.value = *value;
        }
        write.fault = limit_fault(entry.spec, write.value);
        if (writes.size() == kWritesMax) return std::unexpected(Exception::illegal_value);
        writes.push_back(std::move(write));
        at += slot->places;
    }
    return writes;
}

ServedMap::Answer<std::vector<MapWrite>> ServedMap::plan_mask(std::uint8_t unit, const MaskWrite& mask,
                                                              const Look& look) const {
    const auto now = read(unit, {Function::read_holding_registers, mask.address, 1, {}, {}}, look);
    if (!now) return std::unexpected(now.error());
    // What the register shows for want of a value is no ground to write upon: nobody knows the bits that are to stay.
    const auto slot = first_at(unit, RegisterKind::holding, mask.address);
    const bool here = slot != slots_.end() && slot->unit == unit && slot->kind == RegisterKind::holding &&
                      slot->address == mask.address;
    if (here && !is_shown(entries_[slot->entry], look(slot->entry))) return std::unexpected(Exception::device_failure);
    const std::uint16_t before = now->registers[0];
    const auto after = static_cast<std::uint16_t>((before & mask.and_mask) | (mask.or_mask & ~mask.and_mask));
    return plan_write(unit, {Function::write_register, mask.address, 1, {}, {after}});
}

}  // namespace gongshu::modbus
