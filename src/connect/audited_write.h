#pragma once

#include "connect/connections.h"
#include "io/loop.h"
#include "registry/registry.h"

namespace gongshu::connect {

// A command with its two records in the audit: that it was asked for, before anything reaches the machine, and what became
// of it, before `done`. For every door that lets somebody write. Blocks for the first record: not from a lane; `done` is
// called once, on the pool or a lane. All that is named outlives it.
void audited_write(registry::Registry& registry, Connections& connections, io::Pool& pool, const registry::Actor& actor,
                   Command command, CommandDone done);

// What the audit says of a command; with a result also what became of it.
std::string command_detail(const Command& command, const Result<CommandResult>* result = nullptr);

}  // namespace gongshu::connect
