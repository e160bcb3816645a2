#pragma once

namespace gongshu {

// Prints the condition and its place and aborts. Our own bugs end here, in release too; bad input never does.
[[noreturn]] void assert_failed(const char* condition, const char* file, int line);

}  // namespace gongshu

#define ASSERT(condition)                                             \
    do {                                                              \
        if (!(condition)) [[unlikely]]                                \
            ::gongshu::assert_failed(#condition, __FILE__, __LINE__); \
    } while (false)
