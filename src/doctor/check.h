#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "doctor/smart.h"

namespace gongshu::doctor {

enum class Grade : std::uint8_t { good, warning, bad };

// One check, as a plain sentence in both languages, and what to do if it is not good.
struct Finding {
    std::string id;  // "disk_space", stable
    Grade grade = Grade::good;
    std::string en, zh;
    std::string fix_en, fix_zh;  // "" = nothing to do
};

struct Folder {
    std::string path;
    bool is_there = false;
    unsigned mode = 0;
    std::uint32_t owner = 0;
    bool may_write = false;
    std::string file_system;  // "" = unknown
};

struct Backup {
    std::string name;
    TimeNs made = 0;
    std::string problem;
};

struct Proved {
    std::string name;
    TimeNs at = 0;
    std::uint64_t rows = 0, resources = 0, problem_count = 0;
    std::string problem;  // the first
};

struct Link {
    std::string name, state, last_error;
};

struct Port {
    std::string option, address;
    bool is_free = false;
};

// What was found of a server, its data and its machine; plain values, so that each check can be tried alone. Optional:
// what could not be found out, or does not apply.
struct Facts {
    std::string version;
    TimeNs now = 0;
    bool running = false;  // a server holds the data folder
    std::uint32_t user = 0;

    Folder data, keys;
    std::optional<unsigned> key_mode;  // of registry.key; nullopt = it is missing
    bool has_data = false;             // something was stored here before

    std::uint64_t disk_free_bytes = 0, disk_total_bytes = 0;
    std::optional<double> bytes_a_day;  // growth of the store, an estimate
    std::optional<double> sync_s;       // median of a small fdatasync in the data folder
    std::vector<Smart> disks;           // below the data folder; empty = none was found

    bool clock_synchronised = false;
    double clock_error_s = 0;
    TimeNs newest_reading = 0;  // of what is sealed; 0 = none
    bool has_zones = false;

    std::uint64_t open_files_max = 0;
    std::vector<Port> ports;  // only while no server runs
    std::optional<TimeNs> authority_ends;
    std::vector<std::string> temporaries;  // old .tmp files
    std::string format_problem;            // of the manifest; "" = it is read
    std::uint64_t segments_sampled = 0;
    std::vector<std::string> damage;  // of the sample
    bool stopped_cleanly = true;

    bool has_backup_folder = false;
    std::vector<Backup> backups;
    std::optional<Proved> proved;            // the last drill of a backup
    std::string backup_target;               // "" = there is none, or no server runs that tells of it
    std::string target_problem;              // of its last try
    std::optional<std::vector<Link>> links;  // nullopt = no running server was asked
    std::string links_problem;               // why it did not answer

    unsigned cores = 0;
    std::uint64_t memory_bytes = 0, memory_available_bytes = 0;
    bool has_crc_instruction = true;
};

// Every check, in the order in which people should read them.
std::vector<Finding> check(const Facts& facts);
Grade worst_of(const std::vector<Finding>& findings);

enum class Language : std::uint8_t { en, zh };
// One line a check with its sign, the fix below it.
std::string to_text(const std::vector<Finding>& findings, Language language);
std::string to_json(const Facts& facts, const std::vector<Finding>& findings);

}  // namespace gongshu::doctor
