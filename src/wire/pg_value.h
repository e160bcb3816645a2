#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"
#include "wire/pgwire.h"

// Values as PostgreSQL writes them, text and binary.
namespace gongshu::wire {

// Each appends one value. Times: ns UTC, shown to the microsecond (what is smaller is cut off); `offset_seconds` is how
// far the wall clock of the session stands from UTC then. Text is that of DateStyle ISO, extra_float_digits 1.
void append_pg_boolean(std::string& out, PgFormat format, bool value);
void append_pg_integer(std::string& out, PgType type, PgFormat format, std::int64_t value);  // int8, int4, int2, oid
void append_pg_number(std::string& out, PgFormat format, double value);                      // float8
void append_pg_time(std::string& out, PgFormat format, TimeNs time, std::int32_t offset_seconds);
// A reading of a clock without a zone, type timestamp.
void append_pg_clock(std::string& out, PgFormat format, TimeNs time);
void append_pg_date(std::string& out, PgFormat format, std::int32_t days);  // since 1970-01-01
// "-12.50", "NaN"; what is no number is written as 0 in binary.
void append_pg_numeric(std::string& out, PgFormat format, std::string_view digits);

struct PgTime {
    TimeNs ns = 0;          // since 1970, or what a clock shows counted as if it were UTC
    bool is_clock = false;  // of type timestamp: in the zone of the session
    friend bool operator==(PgTime, PgTime) = default;
};
struct PgDate {
    std::int32_t days = 0;  // since 1970-01-01
    friend bool operator==(PgDate, PgDate) = default;
};
struct PgNumeric {
    std::string digits;
    friend bool operator==(const PgNumeric&, const PgNumeric&) = default;
};
using PgValue = std::variant<bool, std::int64_t, double, std::string, PgTime, PgDate, PgNumeric>;

// A parameter's value. In text only numbers and booleans are read; all else stays text, which SQL reads where it is
// used. Code::malformed: the bytes are none of that type; Code::unsupported: the type has no binary form here.
Result<PgValue> read_pg_value(PgType type, PgFormat format, std::string_view bytes);

}  // namespace gongshu::wire
