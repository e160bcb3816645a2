#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace gongshu {

void assert_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "gongshu: internal error: %s does not hold at %s:%d\n", condition, file, line);
    std::fflush(stderr);
    std::abort();
}

}  // namespace gongshu
