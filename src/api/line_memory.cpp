#include "api/line_memory.h"

#include <algorithm>

#include "base/assert.h"

namespace gongshu::api {

std::unique_ptr<LineMemory> LineMemory::take(Core& core, TenantId tenant) {
    const std::uint64_t generation = core.targets.lock()->generation;
    std::unique_ptr<LineMemory> memory;
    {
        auto memories = core.line_memories.lock();
        const auto found = std::ranges::find_if(*memories, [&](const auto& one) { return one->tenant_ == tenant; });
        if (found != memories->end()) {
            memory = std::move(*found);
            memories->erase(found);
        }
    }
    if (memory != nullptr && memory->generation_ == generation) return memory;
    memory = std::make_unique<LineMemory>();
    memory->tenant_ = tenant;
    memory->generation_ = generation;
    return memory;
}

void LineMemory::give_back(Core& core, std::unique_ptr<LineMemory> memory) {
    auto memories = core.line_memories.lock();
    if (memories->size() >= kMemoriesMax) memories->erase(memories->begin());
    memories->push_back(std::move(memory));
}

LineTargets::LineTargets(std::vector<Target> found) : targets(std::move(found)) {
    std::vector<TagId> tags;
    std::vector<ValueType> types;
    for (const Target& target : targets) {
        tags.push_back(target.tag);
        types.push_back(target.type);
        has_limits = has_limits || target.min || target.max;
    }
    if (TupleShape::fits(tags)) shape = std::make_shared<const TupleShape>(std::move(tags), std::move(types));
}

void LineMemory::learn(const wire::LinePoint& point, LineTargets targets) {
    if (targets.shape == nullptr || !std::ranges::all_of(targets.targets, &Target::keep)) return;
    if (forms_.full()) {
        forms_.clear();
        targets_.clear();
    }
    const auto form = forms_.learn(point);
    if (!form) return;
    ASSERT(*form == targets_.size());
    targets_.push_back(std::move(targets));
}

}  // namespace gongshu::api
