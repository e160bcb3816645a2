#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "data/value.h"

namespace gongshu::importer {

// One tag that a file gives.
struct Series {
    std::string path;
    ValueType type = ValueType::number;
    std::string unit;
    std::uint64_t values = 0;
    std::uint32_t checksum = 0;  // CRC-32C over time (8 bytes) and value (8 bytes; a text's bytes) in order of the file
    TimeNs first = 0, last = 0;  // earliest and latest
};

// What cannot be used and where.
struct Fault {
    std::uint64_t line = 0;
    std::string column;  // "" = the whole line
    std::string text;
};
// A tag with readings from before what retention keeps of it.
struct TooOld {
    std::string path;
    TimeNs first = 0, keeps_from = 0;
};
struct Duplicate {
    std::uint64_t line = 0;
    TimeNs time = 0;
};

// What an import of one file came to.
struct Report {
    static constexpr std::size_t kWordsMax = 50;
    static constexpr std::size_t kToldMax = 100;  // faults and duplicates told one by one; the others are counted

    std::string file;
    std::uint64_t bytes = 0;
    std::uint64_t rows = 0;                 // records with a time that can be used
    std::uint64_t values = 0;               // written; of two with the same tag and time the later one stays
    std::uint64_t times = 0;                // distinct ones, of each path
    std::uint64_t duplicates = 0;           // rows whose path and time came before
    bool duplicates_complete = true;        // false: too many times to remember, there may be more
    std::uint64_t out_of_order = 0;         // rows against the direction of the file
    std::uint64_t missing = 0;              // values that are not there
    std::uint64_t left_out = 0;             // lines of notes, sums and signatures
    std::uint64_t doubts = 0;               // readings that may be meant otherwise
    std::uint64_t wrong_values = 0;         // values that cannot be read
    std::uint64_t bad_rows = 0;             // lines that cannot be used at all
    std::uint64_t repeated_times = 0;       // local times that came twice because clocks were put back
    std::uint64_t replaced_characters = 0;  // that are not of the encoding
    std::uint64_t last_line = 0;            // all up to here is durable
    std::uint64_t too_old = 0;              // tags of which retention will remove readings again
    TooOld first_too_old;                   // one of them
    bool cancelled = false;
    DurationNs elapsed = 0;
    std::vector<Fault> faults;
    std::vector<Fault> first_left_out, first_doubts;
    std::map<std::string, std::uint64_t> missing_words;  // how often which stood for a missing value; kWordsMax of them
    std::vector<Duplicate> first_duplicates;
    std::vector<Series> series;

    void fault(std::uint64_t line, std::string column, std::string text) {
        if (faults.size() < kToldMax) faults.push_back({line, std::move(column), std::move(text)});
    }
    void leave_out(std::uint64_t line, std::string text) {
        ++left_out;
        if (first_left_out.size() < kToldMax) first_left_out.push_back({line, "", std::move(text)});
    }
    void doubt(std::uint64_t line, std::string column, std::string text) {
        ++doubts;
        if (first_doubts.size() < kToldMax) first_doubts.push_back({line, std::move(column), std::move(text)});
    }
};

// "2018-01-31T08:05:59.123Z", digits behind the point only as needed.
std::string time_text(TimeNs time);

// CRC-32C over "path values checksum\n" of each series in order of path, as 8 hexadecimal digits.
std::string checksum_of(const Report& report);
std::string to_json(const Report& report);
// Some lines for people.
std::string to_text(const Report& report);

}  // namespace gongshu::importer
