#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace gongshu::io {

// What a program has used since it started.
struct ProcessUse {
    double cpu_s = 0;
    std::uint64_t memory_bytes = 0;       // resident now
    std::uint64_t memory_peak_bytes = 0;  // resident at most
};

// Of the program with this id, 0 = ourselves; not_found if there is none.
Result<ProcessUse> process_use(int id = 0);

struct MachineFacts {
    unsigned cores = 0;
    std::string processor;           // as it calls itself, "" = unknown
    std::uint64_t memory_bytes = 0;  // 0 = unknown
    std::uint64_t memory_available_bytes = 0;
};
MachineFacts machine_facts();

// What holds the files of `path`: "ext4", "nfs", "tmpfs"; a hexadecimal number for one that we do not know.
Result<std::string> file_system(const std::string& path);

}  // namespace gongshu::io
