#include "history/run.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/assert.h"

namespace gongshu::history {

void Run::push(TimeNs time, std::uint64_t value, std::uint16_t quality) {
    times.push_back(time);
    bits.push_back(value);
    qualities.push_back(quality);
}

void Run::push_text(TimeNs time, std::string_view value, std::uint16_t quality) {
    push(time, static_cast<std::uint64_t>(text.size()) << 32 | value.size(), quality);
    text += value;
}

void Run::push_row(const Run& from, std::size_t i) {
    if (type == ValueType::text)
        push_text(from.times[i], from.text_at(i), from.qualities[i]);
    else
        push(from.times[i], from.bits[i], from.qualities[i]);
}

void Run::push_rows(const Run& from, std::size_t begin, std::size_t end) {
    if (type == ValueType::text) {
        for (; begin < end; ++begin) push_row(from, begin);
        return;
    }
    const auto append = [&](auto& to, const auto& column) {
        const std::size_t at = to.size();
        to.resize(at + (end - begin));
        std::copy_n(column.begin() + static_cast<std::ptrdiff_t>(begin), end - begin,
                    to.begin() + static_cast<std::ptrdiff_t>(at));
    };
    append(times, from.times);
    append(bits, from.bits);
    append(qualities, from.qualities);
}

void Run::clear() {
    times.clear();
    bits.clear();
    qualities.clear();
    text.clear();
}

std::size_t Run::lower_bound(TimeNs time) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(times, time) - times.begin());
}

double Run::number_at(std::size_t i) const {
    switch (type) {
        case ValueType::number:
            return std::bit_cast<double>(bits[i]);
        case ValueType::integer:
            return static_cast<double>(static_cast<std::int64_t>(bits[i]));
        case ValueType::boolean:
            return bits[i] != 0 ? 1 : 0;
        case ValueType::text:
            return std::numeric_limits<double>::quiet_NaN();
    }
    return std::numeric_limits<double>::quiet_NaN();
}

void Run::add_to(Rows& rows, TagId tag, std::size_t i) const {
    const Quality quality = unpack_quality(qualities[i]);
    switch (type) {
        case ValueType::number:
            return rows.add_number(tag, times[i], std::bit_cast<double>(bits[i]), quality);
        case ValueType::integer:
            return rows.add_integer(tag, times[i], static_cast<std::int64_t>(bits[i]), quality);
        case ValueType::boolean:
            return rows.add_boolean(tag, times[i], bits[i] != 0, quality);
        case ValueType::text:
            return rows.add_text(tag, times[i], text_at(i), quality);
    }
}

bool operator==(const Run& a, const Run& b) {
    if (a.type != b.type || a.times != b.times || a.qualities != b.qualities) return false;
    if (a.type != ValueType::text) return a.bits == b.bits;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a.text_at(i) != b.text_at(i)) return false;
    return true;
}

Run merge(const Run& older, const Run& newer) {
    if (older.empty()) return newer;
    if (newer.empty()) return older;
    ASSERT(older.type == newer.type);
    Run merged;
    merged.type = older.type;
    merged.times.reserve(older.size() + newer.size());
    merged.bits.reserve(older.size() + newer.size());
    merged.qualities.reserve(older.size() + newer.size());
    std::size_t a = 0;
    std::size_t b = 0;
    while (a < older.size() && b < newer.size()) {
        if (older.times[a] < newer.times[b]) {
            merged.push_row(older, a++);
            continue;
        }
        if (older.times[a] == newer.times[b]) ++a;
        merged.push_row(newer, b++);
    }
    for (; a < older.size(); ++a) merged.push_row(older, a);
    for (; b < newer.size(); ++b) merged.push_row(newer, b);
    return merged;
}

bool MemTag::put(TimeNs time, std::uint64_t bits, std::string_view text, std::uint16_t quality) {
    if (run_.type == ValueType::text) {
        bits = static_cast<std::uint64_t>(run_.text.size()) << 32 | text.size();
        run_.text += text;
    }
    if (run_.empty() || time > run_.times.back()) {
        // A later row may have been kept apart only while the run was empty of later ones, so it cannot be in late_.
        run_.push(time, bits, quality);
        return false;
    }
    const std::size_t at = run_.lower_bound(time);
    if (run_.times[at] == time) {
        run_.bits[at] = bits;
        run_.qualities[at] = quality;
        return true;
    }
    return !late_.insert_or_assign(time, Cell{bits, quality}).second;
}

bool MemTag::contains(TimeNs time) const {
    const std::size_t at = run_.lower_bound(time);
    return (at < run_.size() && run_.times[at] == time) || late_.contains(time);
}

Run MemTag::rows_in(Window window) const {
    Run found;
    found.type = run_.type;
    auto late = late_.lower_bound(window.from);
    const auto push = [&](TimeNs time, std::uint64_t bits, std::uint16_t quality) {
        if (run_.type == ValueType::text)
            found.push_text(time, std::string_view(run_.text).substr(bits >> 32, bits & 0xffffffff), quality);
        else
            found.push(time, bits, quality);
    };
    for (std::size_t i = run_.lower_bound(window.from); i < run_.size() && run_.times[i] < window.to; ++i) {
        for (; late != late_.end() && late->first < run_.times[i]; ++late)
            push(late->first, late->second.bits, late->second.quality);
        push(run_.times[i], run_.bits[i], run_.qualities[i]);
    }
    for (; late != late_.end() && late->first < window.to; ++late)
        push(late->first, late->second.bits, late->second.quality);
    return found;
}

Run MemTag::all() const {
    if (in_order()) return run_;
    constexpr auto kMax = std::numeric_limits<TimeNs>::max();
    Run found = rows_in({std::numeric_limits<TimeNs>::min(), kMax});
    // A window cannot hold the last nanosecond of all; it can only be the run's last row.
    if (run_.times.back() == kMax) found.push_row(run_, run_.size() - 1);
    return found;
}

TimeNs MemTag::min_time() const {
    ASSERT(!run_.empty());
    return late_.empty() ? run_.times.front() : std::min(run_.times.front(), late_.begin()->first);
}

TimeNs MemTag::max_time() const {
    ASSERT(!run_.empty());
    return run_.times.back();
}

}  // namespace gongshu::history
