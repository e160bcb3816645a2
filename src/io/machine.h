#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
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
// The same with all the programs that it started and they did: of those that ended, and were waited for, their time.
Result<ProcessUse> family_use(int id);

// Keeps the calling thread, and the threads and programs that it starts from now on, on one core, counted from 0; on
// all of them with -1. Code::io if there is no such core, or if it is not ours.
Result<void> stay_on_core(int core);

struct MachineFacts {
    unsigned cores = 0;
    std::string processor;           // as it calls itself, "" = unknown
    std::uint64_t memory_bytes = 0;  // 0 = unknown
    std::uint64_t memory_available_bytes = 0;
};
MachineFacts machine_facts();
double machine_load();  // how many programs wanted a core, on average over the last minute

struct FileFacts {
    unsigned mode = 0;        // as chmod takes it
    std::uint32_t owner = 0;  // id of a user
    std::uint64_t bytes = 0;
    TimeNs changed = 0;
    bool is_folder = false;
};
Result<FileFacts> file_facts(const std::string& path);
// May this program make files in the folder, as far as rights say?
bool may_write_in(const std::string& folder);
std::uint32_t user_id();
// Does another file system begin at the folder? false also if it is not there.
bool is_mount_point(const std::string& folder);
// Does a program hold the folder, as io::Files::lock_folder() does? Writes nothing, unlike that.
bool is_folder_held(const std::string& folder);
std::uint64_t open_files_max();

// What the kernel says of its clock.
struct ClockFacts {
    bool synchronised = false;  // by a time service that tells the kernel so
    double error_s = 0;         // at most, by its own estimate
};
ClockFacts clock_facts();

// The IANA name of the machine's time zone, "Asia/Shanghai": of the environment's TZ, else of the link localtime in
// `etc`, else of the file timezone there; "UTC" if none tells.
std::string time_zone_name(const std::string& etc = "/etc");

// What holds the files of `path`: "ext4", "nfs", "tmpfs"; a hexadecimal number for one that we do not know.
Result<std::string> file_system(const std::string& path);

}  // namespace gongshu::io
