#pragma once

#include <optional>
#include <string>
#include <vector>

#include "package/packages.h"

// What a change of version does to each resource. For packages.cpp.
namespace gongshu::package {

// What one resource is, was and is to become.
struct Subject {
    const registry::Kind* kind = nullptr;
    std::string name;
    std::shared_ptr<const registry::Resource> current;  // null: it is not there
    const Json* base = nullptr;                         // as the installed version has it
    const Json* next = nullptr;                         // as the version that comes has it
    const InstalledResource* installed = nullptr;       // null: it is none of the package's yet
    std::string other_package;                          // that has it too, "" = none
};

struct Outcome {
    Step step;
    std::optional<registry::BulkWish> wish;
    std::optional<InstalledResource> stays;  // in the record of the package
};

Outcome outcome_of(const Subject& subject, OnConflict on_conflict);

}  // namespace gongshu::package
