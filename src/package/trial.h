#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/sim.h"
#include "package/package.h"
#include "registry/registry.h"

namespace gongshu::package {

// Trial is an empty registry in memory, in which a package is tried before anybody gets it.
// Lives: for one check.  Threads: one.  Bounds: the registry's.  Disk: none.
class Trial {
public:
    // `kinds` beside the registry's own.
    static Result<std::unique_ptr<Trial>> create(std::vector<registry::Kind> kinds);

    // Makes its resources; parameters that have no default and are not given get a sample. Errors begin with the place.
    Result<void> install(const Package& package, const registry::Parameters& given);
    // Runs its tests among what was installed so far.
    Result<std::vector<VectorOutcome>> test(const Package& package, const registry::Parameters& given);
    registry::Registry& registry() { return *registry_; }

private:
    Trial() = default;
    SimClock clock_;
    io::SimFiles files_;
    std::unique_ptr<registry::Registry> registry_;
};

}  // namespace gongshu::package
