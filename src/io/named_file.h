#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace gongshu::io {

// What a library in the sandbox finds under a name, although nothing of the disk is there (enter_sandbox).
class NamedFile {
public:
    virtual ~NamedFile() = default;
    virtual const std::string& path() const = 0;
    virtual int descriptor() const = 0;  // that opening the name gives a copy of
};

// What is written to it comes out at once.
// Lives:   made before the sandbox; serves one writer after another.
// Threads: one reads while another writes.
// Bounds:  the kernel's pipe: the writer waits for the reader.
class NamedPipe : public NamedFile {
public:
    // Bytes that were written; Code::timeout if none came for so long.
    virtual Result<std::size_t> read(std::span<std::uint8_t> into, DurationNs timeout) = 0;
};
Result<std::unique_ptr<NamedPipe>> make_named_pipe(std::string path);

// Bytes in memory that are read as a file.
// Lives:   filled before the sandbox, read in it.
// Threads: one while it is filled, then any.
// Bounds:  what is appended; it counts as memory of the machine, not of the process.
class NamedMemory : public NamedFile {
public:
    virtual Result<void> append(Bytes bytes) = 0;
};
Result<std::unique_ptr<NamedMemory>> make_named_memory(std::string path);

}  // namespace gongshu::io
