#pragma once

#include <string>
#include <vector>

#include "base/clock.h"

namespace gongshu::bench {

// A number that was measured, or that follows from such numbers; `about` says how.
struct Number {
    std::string name;  // "fdatasync_ms"
    double value = 0;
    std::string unit;  // "ms", "/s", "MB/s", "B", "rows"
    std::string about;
};

// A result beside its floor: `floor` is what this machine would allow if our part cost nothing.
struct Measure {
    std::string name;
    double value = 0;
    std::string unit;
    double floor = 0;
    bool more_is_better = true;
    std::string floor_about;
    std::vector<double> runs = {};  // of several runs `value` is the middle one; empty = there was one
    // How many times better the floor is; 1 = at the floor.
    double off() const { return floor <= 0 ? 0 : more_is_better ? floor / value : value / floor; }
};

// The same work done by somebody else in the same run.
struct Peer {
    std::string name, version;
    std::string guarantee, our_guarantee;  // what an acknowledgement means, there and here
    std::string durability;                // the setting that makes both mean the same, or that there is none
    std::vector<Measure> measures;         // of the same names, as far as it does the work
};

struct Report {
    std::string name, version, machine;
    bool small = false;
    std::vector<Number> floors;
    std::vector<Measure> measures;
    std::vector<Number> costs;  // what it took: processor time, bytes, memory
    double sent = 0, read_back = 0;
    std::vector<Peer> peers;
    std::vector<std::string> absent;  // which of those that were asked for are not on this machine
    double load = 0;                  // processes that wanted a core before the run began, 1 minute's average
    TimeNs begun = 0;
    bool equal() const { return sent > 0 && sent == read_back; }
};

std::string to_text(const Report& report);
std::string to_json(const Report& report);

}  // namespace gongshu::bench
