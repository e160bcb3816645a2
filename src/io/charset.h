#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::io {

// Text in GB18030 (and so GBK, GB2312) as UTF-8, in any split, by the system's own table.
// Threads: one at a time.   Bounds: keeps at most one unfinished character.   Disk: none.
class Gb18030Decoder {
public:
    // Code::unsupported where the system has no such table.
    static Result<std::unique_ptr<Gb18030Decoder>> create();
    virtual ~Gb18030Decoder() = default;
    // Appends to `out`; bytes that are no such text become U+FFFD. Returns how many were.
    virtual std::uint64_t feed(Bytes bytes, std::string& out) = 0;
    // After the last byte: what is unfinished becomes U+FFFD. Returns 1 if there was something.
    virtual std::uint64_t finish(std::string& out) = 0;
};

}  // namespace gongshu::io
