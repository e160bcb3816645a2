#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/files.h"
#include "registry/registry.h"

namespace gongshu::registry {

// What verify_registry() found. `problems` name the file and the place: page, table and row, or frame.
struct RegistryReport {
    std::uint64_t resources = 0, revisions = 0, secrets = 0;
    std::vector<std::string> problems;
};

// Checks registry.db of a folder that nobody has open: SQLite's own integrity check, each resource and each revision
// under its kind (`kinds` beside the registry's own), each resource against its newest revision, each secret with the
// key of `options`. Writes nothing. Blocks for as long as it takes to read the file.
RegistryReport verify_registry(io::Files& files, const RegistryOptions& options, std::vector<Kind> kinds);

}  // namespace gongshu::registry
