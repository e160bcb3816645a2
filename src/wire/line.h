#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "data/value.h"

namespace gongshu::wire {

// One field of a line. `text` is unescaped and without its quotes.
struct LineField {
    std::string_view name;
    ValueType type = ValueType::number;
    double number = 0;
    std::int64_t integer = 0;
    bool boolean = false;
    std::string_view text;
};

// One line of the Influx line protocol. Views point into the text that was parsed or into the parser; valid during the
// call only.
struct LinePoint {
    std::size_t line = 0;          // from 1
    std::string_view series_text;  // measurement and labels as written: the same bytes are the same series
    std::string_view measurement;
    std::vector<std::pair<std::string_view, std::string_view>> labels;  // sorted by key, no key twice
    std::vector<LineField> fields;                                      // at least one
    std::optional<std::int64_t> time_ns;                                // nullopt = the receiver's clock
    bool plain_names = true;                                            // the fields' names are as written
};

// One line that could not be used; `column` from 1, in bytes.
struct LineError {
    std::size_t line = 0;
    std::size_t column = 0;
    std::string text;  // what was found and what was expected
};

struct LineLimits {
    std::size_t line_bytes_max = 1 << 20;
    std::size_t labels_max = 100;
    std::size_t fields_max = 10'000;
};

// Nanoseconds of one unit: "ns" 1, "us" 1000, "ms", "s"; also "n", "u", "m", "h" as Influx 1 knows them. nullopt for
// others.
std::optional<std::int64_t> line_precision(std::string_view name);

class LineForms;
struct LineValue;

// LineParser reads Influx line protocol: `cpu,host=h1 user=0.5,count=3i,on=t,name="a b" 1700000000000000000`.
// A bad line is told and skipped, the others are kept. Memory is reused from line to line: once warm, nothing is
// allocated.
// Threads: one at a time.   Bounds: LineLimits.   Disk: none.
class LineParser {
public:
    explicit LineParser(LineLimits limits = {}) : limits_(limits) {}

    // `unit_ns` is what one unit of a line's time is worth (line_precision()).
    void parse(std::string_view text, std::int64_t unit_ns, const std::function<void(const LinePoint&)>& on_point,
               const std::function<void(LineError)>& on_error);
    // The same, with lines that `forms` knows given to `on_known` instead, in the order of all of them; false from it =
    // the line is parsed all the same.
    using OnKnown =
        std::function<bool(std::uint32_t form, std::span<const LineValue> values, std::optional<std::int64_t> time_ns)>;
    void parse(std::string_view text, std::int64_t unit_ns, LineForms* forms, const OnKnown& on_known,
               const std::function<void(const LinePoint&)>& on_point, const std::function<void(LineError)>& on_error);

private:
    struct Cursor;
    bool parse_line(Cursor& cursor);
    bool parse_series(Cursor& cursor);
    bool parse_fields(Cursor& cursor);
    bool parse_value(Cursor& cursor, LineField& field);
    bool parse_text_value(Cursor& cursor, LineField& field);
    bool parse_number_value(Cursor& cursor, LineField& field);
    bool parse_time(Cursor& cursor, std::int64_t unit_ns);
    bool sort_labels(Cursor& cursor);
    std::string_view parse_name(Cursor& cursor, std::uint8_t ends);
    std::string_view parse_escaped_name(Cursor& cursor, const char* begin, std::uint8_t ends);
    static bool is_cut(const Cursor& cursor, bool good, const char* end);
    static bool check_utf8(Cursor& cursor);

    LineLimits limits_;
    LinePoint point_;
    std::string unescaped_;  // of one line; reserved before, so views into it stay
};

// Who a line's series is, for ever: "l:cpu,host=h1"; `%`, `,` and `=` inside of names and values are %-encoded.
std::string line_identity(const LinePoint& point);
// Where it is shown: measurement and label values in order of their keys joined by '/'; `%`, `/`, `.`, `*`, `?` and
// control characters are %-encoded. The tag of a field is at this + "." + line_property_path(field).
std::string line_source_path(const LinePoint& point);
std::string line_property_path(std::string_view field);
// The measurement of an identity as it was written.
std::string line_measurement(std::string_view identity);

// What stands before '=' in a line that writes to the series again: "cpu,host=h1 user". Of one that came as lines by
// its identity; of another by its path, whose levels become the measurement and the tags l01, l02, …, so that the line
// is shown at that path. nullopt where no line can say it: a line break in a name, or a path that lines are not shown
// at.
std::optional<std::string> line_of_identity(std::string_view identity, std::string_view field);
std::optional<std::string> line_of_path(std::string_view path);
// Appends a value as lines have it: 1.5, 3i, true, "text".
void append_line_value(std::string& out, const Value& value);

}  // namespace gongshu::wire
