#include "io/brief.h"

#include "base/assert.h"

namespace gongshu::io {

namespace {

thread_local Brief* standing = nullptr;

Error not_at_once() { return {Code::unavailable, "this cannot be done at once"}; }

}  // namespace

Brief::Brief(std::uint64_t bytes) : left_(bytes) {
    ASSERT(standing == nullptr);
    standing = this;
}

Brief::~Brief() { standing = nullptr; }

bool Brief::stands() { return standing != nullptr; }

Result<void> Brief::spend(std::uint64_t bytes) {
    if (standing == nullptr) return {};
    if (bytes > standing->left_) standing->over_ = true;
    if (standing->over_) return not_at_once();
    standing->left_ -= bytes;
    standing->spent_ += bytes;
    return {};
}

Result<void> Brief::refuse() {
    if (standing == nullptr) return {};
    standing->over_ = true;
    return not_at_once();
}

Result<void> Brief::check() { return spend(0); }

}  // namespace gongshu::io
