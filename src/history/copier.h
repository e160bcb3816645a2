#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::history {

// Takes what a running part of the program holds on disk, file by file; who backs up gives one.
// Threads: called on the thread that asked for the copy.
class Copier {
public:
    virtual ~Copier() = default;
    // Told before the first file, so that progress can be shown and a lack of space is seen before it hurts.
    virtual Result<void> expect(std::uint64_t files, std::uint64_t bytes) = 0;
    // The first `bytes` bytes of the file at `path`, which stays as it is until this returns, under `name` ("MANIFEST",
    // "seg/20260101/3-1f.seg"). An error ends the copy.
    virtual Result<void> take(const std::string& name, const std::string& path, std::uint64_t bytes) = 0;
    virtual Result<void> put(const std::string& name, Bytes content) = 0;
};

}  // namespace gongshu::history
