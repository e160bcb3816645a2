#pragma once

#include <memory>
#include <vector>

#include "api/core.h"
#include "data/tuples.h"
#include "wire/line_forms.h"

namespace gongshu::api {

// Where the fields of a line go, in their order.
struct LineTargets {
    std::vector<Target> targets;
    TupleShapePtr shape;      // of their tags; null if they cannot be one
    bool has_limits = false;  // any of them
    explicit LineTargets(std::vector<Target> found);
};

// What the lines of one tenant looked like, and where the fields of each form go.
// Lives:   with Core, or taken out by the one request that uses it.
// Threads: one at a time.
// Bounds:  wire::LineForms'; kMemoriesMax of them lie in Core.
// Disk:    none.
class LineMemory {
public:
    static constexpr std::size_t kMemoriesMax = 8;

    // The tenant's, or an empty one; nothing is in it that was found before devices changed.
    static std::unique_ptr<LineMemory> take(Core& core, TenantId tenant);
    // For the next request.
    static void give_back(Core& core, std::unique_ptr<LineMemory> memory);

    wire::LineForms& forms() { return forms_; }
    const LineTargets& targets(std::uint32_t form) const { return targets_[form]; }
    void learn(const wire::LinePoint& point, LineTargets targets);

private:
    TenantId tenant_;
    std::uint64_t generation_ = 0;
    wire::LineForms forms_;
    std::vector<LineTargets> targets_;  // by form
};

}  // namespace gongshu::api
