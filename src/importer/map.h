#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data/value.h"
#include "importer/number.h"
#include "importer/record_reader.h"
#include "importer/text_decoder.h"
#include "importer/time_reader.h"

namespace gongshu::importer {

// How a file is laid out. What is absent is detected from its beginning.
struct Layout {
    std::optional<Encoding> encoding;
    std::optional<Dialect> dialect;
    char quote = '"';         // with a detected dialect; '\0' = none
    std::string comment;      // lines that begin with it are passed over
    std::string sheet;        // of a workbook, by name or by number from 1; "" = the only one that has rows
    std::uint64_t skip = 0;   // lines before the header
    int header_rows = 1;      // 0: columns are named by number, from 1; 2: the second row holds units
    bool joined = false;      // all rows of the header are one name together: "炉温 / 实际值 (℃)"
    bool leave_out = true;    // notes, sums and signatures around the rows are told and left out
    bool transposed = false;  // a row of the file is a column of the table; read whole
    bool ragged = false;      // a line with too few fields lacks the last values; else it is a fault
    NumberStyle numbers;
};

// Where a record's time comes from: columns joined by a blank, or start + step × (number of the record, or a column).
struct TimeSource {
    std::vector<std::string> columns;
    std::vector<std::string> formats;
    std::string zone;
    Repeated repeated = Repeated::order;

    std::optional<TimeNs> start;                  // for every file …
    std::map<std::string, TimeNs> start_of_file;  // … or by the file's name
    DurationNs step = 0;
    std::string cycle;  // column with the number to multiply; "" = number of the record, from 0
};

// One column that becomes a tag. In `path` and `property` {name} stands for that record's value of the column `name`,
// %-encoded, {name:raw} for the same as it is, {file} for the file's name without folder and ending.
struct ColumnMap {
    std::string column;
    std::string property;
    ValueType type = ValueType::number;
    std::string unit;                  // as UDUNITS takes it, checked
    double scale = 1, offset = 0;      // stored = read × scale + offset; number only
    std::vector<std::string> missing;  // beside the map's
};

enum class Wrong : std::uint8_t { skip, bad };

// What a MAP.yaml says; see docs/guide/import.md.
struct Map {
    Layout layout;
    TimeSource time;
    std::string path;
    std::vector<ColumnMap> columns;
    // Words for a value that is not there; absent: the usual ones, and "" alone for texts, which may mean what they
    // say.
    std::optional<std::vector<std::string>> missing;
    Wrong wrong = Wrong::skip;  // a value that cannot be read: left out, or stored as bad:type
};

// Code::malformed for what is no YAML, Code::invalid naming the place ("columns.AT.unit: …") for all else.
Result<Map> parse_map(std::string_view yaml);
// Of a map that may not be finished: how the file is laid out.
Result<Layout> parse_layout(std::string_view yaml);

}  // namespace gongshu::importer
