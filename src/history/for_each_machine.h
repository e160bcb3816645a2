#pragma once

// A function with this is compiled for AVX-512, AVX2 and what every machine has; the widest that the processor has is
// chosen when the program starts. ThreadSanitizer does not stand that choice, and only g++ on x86-64 knows these names.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define FOR_EACH_MACHINE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_MACHINE
#endif
