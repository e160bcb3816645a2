#include "api/column_memory.h"

#include <algorithm>

namespace gongshu::api {

namespace {

constexpr std::uint64_t kColumnBytes = 256;  // of one beside its path, which stands twice
constexpr std::uint64_t kShapeBytes = 256;   // beside its tags

std::uint64_t bytes_of(const TupleShapePtr& shape) {
    return shape == nullptr ? 0 : kShapeBytes + shape->width() * (sizeof(TagId) + sizeof(ValueType));
}

}  // namespace

void ColumnMemory::clear() {
    columns_.clear();
    by_path_.clear();
    shapes_.clear();
    next_ = 0;
    bytes_ = 0;
}

std::unique_ptr<ColumnMemory> ColumnMemory::take(Core& core, TenantId tenant) {
    const std::uint64_t generation = core.targets.lock()->generation;
    std::unique_ptr<ColumnMemory> memory;
    {
        auto memories = core.column_memories.lock();
        const auto found = std::ranges::find_if(*memories, [&](const auto& one) { return one->tenant_ == tenant; });
        if (found != memories->end()) {
            memory = std::move(*found);
            memories->erase(found);
        }
    }
    if (memory != nullptr && memory->generation_ == generation) {
        memory->next_ = 0;
        return memory;
    }
    memory = std::make_unique<ColumnMemory>();
    memory->tenant_ = tenant;
    memory->generation_ = generation;
    return memory;
}

void ColumnMemory::give_back(Core& core, std::unique_ptr<ColumnMemory> memory) {
    const std::uint64_t generation = core.targets.lock()->generation;
    auto memories = core.column_memories.lock();
    std::erase_if(*memories, [&](const auto& one) { return one->generation_ != generation; });
    if (memory->generation_ != generation) return;
    if (memories->size() >= kMemoriesMax) memories->erase(memories->begin());
    memories->push_back(std::move(memory));
}

const Target* ColumnMemory::find(std::string_view path) {
    if (next_ == columns_.size() || columns_[next_].first != path) {
        const auto found = by_path_.find(std::string{path});
        if (found == by_path_.end()) return nullptr;
        next_ = found->second;
    }
    return &columns_[next_++].second;
}

void ColumnMemory::learn(std::string_view path, const Target& target) {
    if (!target.keep) return;
    if (columns_.size() >= kColumnsMax || bytes_ >= kBytesMax) clear();
    bytes_ += kColumnBytes + 2 * path.size();
    by_path_.emplace(path, columns_.size());
    columns_.emplace_back(path, target);
    next_ = columns_.size();
}

TupleShapePtr ColumnMemory::shape(const std::vector<TagId>& tags, const std::vector<ValueType>& types) {
    if (shapes_.size() >= kColumnsMax || bytes_ >= kBytesMax) clear();
    TupleShapePtr& known = shapes_[tags.front()];
    if (known != nullptr && std::ranges::equal(known->tags(), tags) && std::ranges::equal(known->types(), types))
        return known;
    bytes_ -= bytes_of(known);
    known = std::make_shared<const TupleShape>(tags, types);
    bytes_ += bytes_of(known);
    return known;
}

}  // namespace gongshu::api
