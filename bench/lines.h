#pragma once

#include <cstddef>
#include <string>

#include "base/clock.h"

namespace gongshu::bench {

// Made readings in the form in which they are sent: rows of line protocol, each a time of a device with its fields.
// Threads: one.
class Lines {
public:
    virtual ~Lines() = default;
    virtual std::size_t rows() const = 0;    // that are sent; the same one may be among them twice
    virtual std::size_t points() const = 0;  // values that are there once all are sent
    virtual TimeNs start() const = 0;
    virtual TimeNs end() const = 0;  // of [start, end)
    // Appends rows [begin, end) in the order in which they are sent, with ns.
    virtual void lines(std::size_t begin, std::size_t end, std::string& out) const = 0;
};

}  // namespace gongshu::bench
