#include "data/tuples.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "base/assert.h"
#include "data/stage.h"

namespace gongshu {

namespace {

constexpr std::size_t kRecent = 1024;

std::uint64_t next_shape_id() {
    static std::atomic<std::uint64_t> next = 1;
    return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

bool TupleShape::fits(std::span<const TagId> tags) {
    if (tags.empty() || !std::ranges::all_of(tags, [&](TagId tag) { return shard_of(tag) == shard_of(tags[0]); }))
        return false;
    if (tags.size() < 16) {
        for (std::size_t i = 1; i < tags.size(); ++i)
            if (std::ranges::find(tags.first(i), tags[i]) != tags.begin() + static_cast<std::ptrdiff_t>(i))
                return false;
        return true;
    }
    std::vector<TagId> sorted(tags.begin(), tags.end());
    std::ranges::sort(sorted);
    return std::ranges::adjacent_find(sorted) == sorted.end();
}

TupleShape::TupleShape(std::vector<TagId> tags, std::vector<ValueType> types)
    : id_(next_shape_id()),
      tags_(std::move(tags)),
      types_(std::move(types)),
      shard_(shard_of(tags_.at(0))),
      has_text_(std::ranges::find(types_, ValueType::text) != types_.end()) {
    ASSERT(tags_.size() == types_.size() && fits(tags_));
}

std::uint32_t Tuples::index_of(const TupleShapePtr& shape) {
    if (recent_.empty()) recent_.resize(kRecent);
    std::uint32_t& index = recent_[shape->id() % kRecent];
    if (index < shapes_.size() && shapes_[index] == shape) return index;
    shapes_.push_back(shape);
    return index = static_cast<std::uint32_t>(shapes_.size() - 1);
}

std::span<std::uint64_t> Tuples::add(const TupleShapePtr& shape, TimeNs time) {
    ASSERT(!full(shape->width()));
    const std::size_t begin = bits_.size();
    tuples_.push_back({time, index_of(shape), static_cast<std::uint32_t>(begin), pack(kGood)});
    bits_.resize(begin + shape->width());
    if (!qualities_.empty()) qualities_.resize(bits_.size(), pack(kGood));
    return std::span{bits_}.subspan(begin);
}

std::uint64_t Tuples::keep_text(std::string_view text) {
    ASSERT(!full(0, text.size()));
    const std::uint64_t offset = text_.size();
    text_ += text;
    return offset << 32 | text.size();
}

void Tuples::set_value_quality(std::size_t i, Quality quality) {
    const std::uint16_t bits = pack(quality);
    if (qualities_.empty()) {
        if (bits == tuples_.back().quality) return;
        qualities_.resize(bits_.size());
        for (std::size_t k = 0; k < tuples_.size(); ++k)
            std::fill_n(qualities_.begin() + tuples_[k].begin, shape(k).width(), tuples_[k].quality);
    }
    qualities_[tuples_.back().begin + i] = bits;
}

Tuples::Bounds Tuples::sort_by_shard() {
    Bounds bounds{};
    for (const Tuple& tuple : tuples_) ++bounds[shapes_[tuple.shape]->shard().value + 1];
    for (std::size_t s = 0; s < kShardCount; ++s) bounds[s + 1] += bounds[s];
    Bounds next = bounds;
    std::vector<Tuple> sorted(tuples_.size());
    for (const Tuple& tuple : tuples_) sorted[next[shapes_[tuple.shape]->shard().value]++] = tuple;
    tuples_ = std::move(sorted);
    return bounds;
}

void Tuples::add_to(Rows& rows, std::size_t k) const {
    const TupleShape& shape = this->shape(k);
    const auto values = bits(k);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const Quality quality = unpack_quality(quality_bits(k, i));
        switch (shape.types()[i]) {
            case ValueType::number:
                rows.add_number(shape.tags()[i], time(k), std::bit_cast<double>(values[i]), quality);
                break;
            case ValueType::integer:
                rows.add_integer(shape.tags()[i], time(k), static_cast<std::int64_t>(values[i]), quality);
                break;
            case ValueType::boolean:
                rows.add_boolean(shape.tags()[i], time(k), values[i] != 0, quality);
                break;
            case ValueType::text:
                rows.add_text(shape.tags()[i], time(k), text_of(values[i]), quality);
                break;
        }
    }
}

Rows Tuples::rows(std::size_t begin, std::size_t end) const {
    Rows rows;
    std::size_t count = 0;
    for (std::size_t k = begin; k < end; ++k) count += shape(k).width();
    rows.reserve(count);
    for (std::size_t k = begin; k < end; ++k) add_to(rows, k);
    return rows;
}

}  // namespace gongshu
