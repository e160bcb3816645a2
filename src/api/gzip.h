#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::api {

// One gzip stream, written piece by piece. Threads: one at a time.
class Gzip {
public:
    Gzip();
    ~Gzip();
    // What follows a piece: more; nothing, and the trailer; nothing, and no trailer, since the whole is not there.
    enum class End : std::uint8_t { none, whole, cut };
    // Appends what has become ready of `piece`; all of it at its end.
    void add(std::string_view piece, End end, std::string& out);

private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string gzip(std::string_view text);
// Code::malformed for what is no gzip; Code::limit when it would be more than `bytes_max`.
Result<std::string> gunzip(Bytes compressed, std::uint64_t bytes_max);

}  // namespace gongshu::api
