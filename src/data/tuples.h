#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/rows.h"

namespace gongshu {

// The tags whose readings come together, in order: at least one, no tag twice, all of one shard; another is our own bug
// (ASSERT), since replay would refuse it.
// Threads: immutable, shared.
class TupleShape {
public:
    TupleShape(std::vector<TagId> tags, std::vector<ValueType> types);
    // Whether these tags can be a shape.
    static bool fits(std::span<const TagId> tags);

    // Never given twice while the program runs, for whoever remembers something of a shape.
    std::uint64_t id() const { return id_; }
    std::span<const TagId> tags() const { return tags_; }
    std::span<const ValueType> types() const { return types_; }
    std::size_t width() const { return tags_.size(); }
    ShardId shard() const { return shard_; }
    bool has_text() const { return has_text_; }

private:
    const std::uint64_t id_;
    const std::vector<TagId> tags_;
    const std::vector<ValueType> types_;
    const ShardId shard_;
    const bool has_text_;
};
using TupleShapePtr = std::shared_ptr<const TupleShape>;

// A batch of readings that came together: each tuple is one time and a value of every tag of its shape. What Rows is
// for readings that come alone, at a tenth of the cost for each. Any shapes, any order, repeats allowed: of two
// readings with the same (tag, time) the later one wins.
// Limits: Rows::kRowsMax readings and Rows::kTextBytesMax bytes of text; add() past a limit is our own bug (ASSERT).
// Threads: a plain value; once all are added, each tuple may be changed by a thread of its own.
class Tuples {
public:
    // Begins a tuple of good quality; the place for the bits of its values, as Rows has them. It is good until the next
    // add(). Of texts keep_text() gives them.
    std::span<std::uint64_t> add(const TupleShapePtr& shape, TimeNs time);
    std::uint64_t keep_text(std::string_view text);
    // Of value `i` of the last tuple.
    void set_value_quality(std::size_t i, Quality quality);

    bool full(std::size_t readings, std::size_t text_bytes = 0) const {
        return bits_.size() + readings > Rows::kRowsMax || text_.size() + text_bytes > Rows::kTextBytesMax;
    }
    std::size_t size() const { return tuples_.size(); }
    bool empty() const { return tuples_.empty(); }
    std::size_t readings() const { return bits_.size(); }
    std::span<const TupleShapePtr> shapes() const { return shapes_; }

    const TupleShape& shape(std::size_t k) const { return *shapes_[tuples_[k].shape]; }
    const TupleShapePtr& shared_shape(std::size_t k) const { return shapes_[tuples_[k].shape]; }
    std::uint32_t shape_index(std::size_t k) const { return tuples_[k].shape; }  // into shapes()
    TimeNs time(std::size_t k) const { return tuples_[k].time; }
    std::span<const std::uint64_t> bits(std::size_t k) const {
        return std::span{bits_}.subspan(tuples_[k].begin, shape(k).width());
    }
    // Empty if all values have quality_bits(k).
    std::span<const std::uint16_t> value_qualities(std::size_t k) const {
        return qualities_.empty() ? std::span<const std::uint16_t>{}
                                  : std::span{qualities_}.subspan(tuples_[k].begin, shape(k).width());
    }
    std::uint16_t quality_bits(std::size_t k) const { return tuples_[k].quality; }
    std::uint16_t quality_bits(std::size_t k, std::size_t i) const {
        return qualities_.empty() ? tuples_[k].quality : qualities_[tuples_[k].begin + i];
    }
    std::string_view text_of(std::uint64_t bits) const {
        return std::string_view(text_).substr(bits >> 32, bits & 0xffffffff);
    }

    void set_time(std::size_t k, TimeNs time) { tuples_[k].time = time; }
    // Of all its values.
    template <class Change>
    void change_quality(std::size_t k, Change change) {
        tuples_[k].quality = pack(change(unpack_quality(tuples_[k].quality)));
        if (qualities_.empty()) return;
        for (std::size_t i = 0; i < shape(k).width(); ++i) {
            std::uint16_t& bits = qualities_[tuples_[k].begin + i];
            bits = pack(change(unpack_quality(bits)));
        }
    }

    // Brings the tuples of each shard together, in the order in which they came; shard s has [bounds[s], bounds[s+1]).
    using Bounds = std::array<std::size_t, kShardCount + 1>;
    Bounds sort_by_shard();

    // Tuples [begin, end) as single readings.
    Rows rows(std::size_t begin, std::size_t end) const;
    Rows rows() const { return rows(0, size()); }
    void add_to(Rows& rows, std::size_t k) const;

private:
    struct Tuple {
        TimeNs time;
        std::uint32_t shape;
        std::uint32_t begin;  // of its values
        std::uint16_t quality;
    };

    std::uint32_t index_of(const TupleShapePtr& shape);

    std::vector<Tuple> tuples_;
    std::vector<std::uint64_t> bits_;
    std::vector<std::uint16_t> qualities_;  // of each value; empty while each tuple has one
    std::string text_;
    std::vector<TupleShapePtr> shapes_;
    std::vector<std::uint32_t> recent_;  // by the low bits of a shape's id: where it may be in shapes_
};

}  // namespace gongshu
