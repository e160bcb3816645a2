#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "io/named_file.h"

namespace gongshu::io {

struct SandboxLimits {
    std::uint64_t memory_bytes = 2ULL << 30;  // of address space; a program built to look for its own faults has none
    std::uint64_t cpu_seconds = 3600;         // of work, of all threads; then the kernel ends it
};

// From here on this process, and every thread that it makes, can compute, sleep, use memory and the descriptors that it
// has, and nothing else: no file, no socket, no other process, no code that was not there before. What it asks for
// beyond that fails with a system error. There is no way back. Before the first thread; every library that it needs
// must be open. The path of one of `files`, which outlive the process, is there: opening it, for whatever, gives a copy
// of its descriptor; at most kSandboxFilesMax. Code::unsupported on a machine that does not allow it: then nothing
// hostile must be let in.
Result<void> enter_sandbox(const SandboxLimits& limits, std::span<const NamedFile* const> files = {});
inline constexpr std::size_t kSandboxFilesMax = 8;

}  // namespace gongshu::io
