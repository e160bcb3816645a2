#include "data/columns.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "base/assert.h"
#include "data/stage.h"

namespace gongshu {

bool ColumnBlock::times_grow() const { return std::ranges::adjacent_find(times, std::greater_equal{}) == times.end(); }

void ColumnBlock::add_to(Rows& out) const {
    for (std::size_t i = 0; i < width(); ++i) {
        const TagId tag = shape->tags()[i];
        const auto values = column(i);
        for (std::size_t row = 0; row < rows(); ++row) {
            const Quality quality = unpack_quality(quality_bits(row, i));
            switch (shape->types()[i]) {
                case ValueType::number:
                    out.add_number(tag, times[row], std::bit_cast<double>(values[row]), quality);
                    break;
                case ValueType::integer:
                    out.add_integer(tag, times[row], static_cast<std::int64_t>(values[row]), quality);
                    break;
                case ValueType::boolean:
                    out.add_boolean(tag, times[row], values[row] != 0, quality);
                    break;
                case ValueType::text:
                    break;  // add() refused it
            }
        }
    }
}

void Columns::add(ColumnBlock block) {
    ASSERT(!block.times.empty() && block.bits.size() == block.rows() * block.width() && !block.shape->has_text());
    ASSERT(block.qualities.empty() || block.qualities.size() == block.bits.size());
    ASSERT(!full(block.readings()) && block.times_grow());
    readings_ += block.readings();
    blocks_.push_back(std::move(block));
}

Tuples::Bounds Columns::sort_by_shard() {
    std::ranges::stable_sort(blocks_, {}, [](const ColumnBlock& block) { return block.shape->shard().value; });
    Tuples::Bounds bounds{};
    for (const ColumnBlock& block : blocks_) ++bounds[block.shape->shard().value + 1];
    for (std::size_t s = 0; s < kShardCount; ++s) bounds[s + 1] += bounds[s];
    return bounds;
}

void Columns::add_to(Rows& rows) const {
    for (const ColumnBlock& block : blocks_) block.add_to(rows);
}

Rows Columns::rows(std::size_t begin, std::size_t end) const {
    Rows rows;
    std::size_t count = 0;
    for (std::size_t k = begin; k < end; ++k) count += blocks_[k].readings();
    rows.reserve(count);
    for (std::size_t k = begin; k < end; ++k) blocks_[k].add_to(rows);
    return rows;
}

}  // namespace gongshu
