#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gongshu::registry {

// Passwords hashes people's passwords with Argon2id, a few at a time, because each takes memory and a processor.
// Lives: in Auth.  Threads: any, blocks.  Bounds: at_once_max run, 16 wait, more get Code::limit.  Disk: none.
class Passwords {
public:
    Passwords(std::uint32_t memory_kib, std::uint32_t passes, std::uint32_t at_once_max)
        : memory_kib_(memory_kib), passes_(passes), at_once_max_(at_once_max) {}

    // The encoded form with its salt and parameters ("$argon2id$v=19$…").
    Result<std::string> hash(std::string_view password);
    // Code::limit when too many wait. An empty `encoded` takes as long as any and is never right, so that nobody can
    // tell by the clock whether a user exists.
    Result<bool> verify(std::string_view encoded, std::string_view password);

private:
    class Turn;

    const std::uint32_t memory_kib_, passes_, at_once_max_;
    std::mutex mutex_;
    std::condition_variable free_;
    std::uint32_t running_ = 0, waiting_ = 0;
};

// At least 10 characters, at most 200 bytes, and not the user's name.
Result<void> check_password_rules(std::string_view password, std::string_view user);

}  // namespace gongshu::registry
