#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "data/ids.h"
#include "data/quality.h"
#include "data/value.h"

namespace gongshu {

// One reading outside of a batch.
struct Reading {
    TagId tag;
    TimeNs time = 0;
    Value value;
    Quality quality;
};

// A batch of readings as columns; what crosses folders instead of single readings. Any tags, any order, repeats
// allowed: of two rows with the same (tag, time) the later one wins.
// Limits: kRowsMax rows, kTextBytesMax bytes of text; add() past a limit is our own bug (ASSERT), so that whoever
// decodes outside input checks full() first and starts a new batch.
// Threads: a plain value, no sharing.
class Rows {
public:
    static constexpr std::size_t kRowsMax = 1 << 20;
    static constexpr std::size_t kTextBytesMax = 64 << 20;

    void add_number(TagId tag, TimeNs time, double value, Quality quality = kGood);
    void add_integer(TagId tag, TimeNs time, std::int64_t value, Quality quality = kGood);
    void add_boolean(TagId tag, TimeNs time, bool value, Quality quality = kGood);
    void add_text(TagId tag, TimeNs time, std::string_view value, Quality quality = kGood);
    void add(const Reading& reading);
    // Copies row `i` of `from`.
    void add_row(const Rows& from, std::size_t i);

    std::size_t size() const { return tags_.size(); }
    bool empty() const { return tags_.empty(); }
    // No room for one more row with `text_bytes` of text.
    bool full(std::size_t text_bytes = 0) const {
        return tags_.size() >= kRowsMax || text_.size() + text_bytes > kTextBytesMax;
    }
    void clear();
    void reserve(std::size_t rows);

    TagId tag(std::size_t i) const { return tags_[i]; }
    TimeNs time(std::size_t i) const { return times_[i]; }
    ValueType type(std::size_t i) const { return types_[i]; }
    Quality quality(std::size_t i) const { return unpack_quality(qualities_[i]); }
    std::uint16_t quality_bits(std::size_t i) const { return qualities_[i]; }
    // The value's 64 bits: the double's, the integer's, 0/1; for text offset << 32 | length into text_pool().
    std::uint64_t bits(std::size_t i) const { return bits_[i]; }
    std::string_view text(std::size_t i) const;
    Value value(std::size_t i) const;
    Reading reading(std::size_t i) const { return {tag(i), time(i), value(i), quality(i)}; }

    void set_tag(std::size_t i, TagId tag) { tags_[i] = tag; }
    void set_time(std::size_t i, TimeNs time) { times_[i] = time; }
    void set_quality(std::size_t i, Quality quality) { qualities_[i] = pack(quality); }

private:
    void add_bits(TagId tag, TimeNs time, ValueType type, std::uint64_t bits, std::uint16_t quality);

    std::vector<TagId> tags_;
    std::vector<TimeNs> times_;
    std::vector<std::uint64_t> bits_;
    std::vector<std::uint16_t> qualities_;
    std::vector<ValueType> types_;
    std::string text_;
};

}  // namespace gongshu
