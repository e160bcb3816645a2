#pragma once

#include <string>
#include <string_view>

#include "api/core.h"
#include "base/time_text.h"
#include "registry/paths.h"

namespace gongshu::api {

// The one place where errors become statuses.
int status_of(Code code);

// "zh" if the page or browser asked for Chinese first: ?lang=, else Accept-Language; else "en".
std::string_view language_of(const Ask& ask);
// A reason (the text of an Error, stored or new) as this reader is told it; English for all but "zh".
std::string told(std::string_view language, std::string_view english);
std::string told(const Ask& ask, std::string_view english);
// Ready JSON in which each text under `key`, however deep, is such a reason.
std::string told_within(const Ask& ask, std::string_view json, std::string_view key);

struct ProblemExtra {
    std::string_view members;  // ready JSON members after the usual ones: "\"lines\":[…]"
    int status = 0;            // 0 = as the code says
    std::string_view language = "en";  // of title and detail; the log is in English
};
// application/problem+json (RFC 9457); the text is logged with `id` at a level that fits the status.
Answer problem(Core& core, const Error& error, const ProblemExtra& extra = {});
Answer problem_with_status(Core& core, int status, std::string_view detail, std::string_view language);

// Times and numbers of an answer.
struct Units {
    std::int64_t unit_ns = 1;            // of one unit of time
    std::int64_t time(TimeNs ns) const;  // rounded down
};
Result<Units> parse_units(const Ask& ask);  // ?precision=ns|us|ms|s
void write_value(JsonWriter& out, const Value& value);
// [ts,value,"good"]
void write_reading(JsonWriter& out, const Reading& reading, Units units);
void write_time_or_null(JsonWriter& out, TimeNs time, Units units);  // 0 is null

// RFC 3339, whole nanoseconds, "now", "now-1h" (s m h d w).
Result<TimeNs> parse_time(std::string_view text, TimeNs now);
// "500ms" "15s" "1m" "1h" "1d" "1w"; a bare number is not a duration. More than zero.
Result<DurationNs> parse_duration(std::string_view text);

// `absent` if it is not in the query. Code::invalid for what is no number of min … max.
Result<std::uint64_t> parse_number(const Ask& ask, std::string_view name, std::uint64_t absent, std::uint64_t min,
                                   std::uint64_t max);
Result<Window> parse_window(const Ask& ask, TimeNs now, DurationNs length_absent);
// ?timeout=10s, at most ApiOptions::query_max; and as long as the caller is there.
Result<ReadPatience> parse_patience(Core& core, const Ask& ask);
bool parse_flag(const Ask& ask, std::string_view name);  // ?x=1 or ?x=true

using registry::glob_matches;
using registry::is_glob;
// May `who` see what is at this path?
inline bool sees(const registry::Principal& who, std::string_view path) {
    return registry::lies_within(who.paths, path);
}

// The members of a JSON object that a client sent. Every member must have been asked for when done() is called.
class Fields {
public:
    static Result<Fields> parse(std::string_view body);
    Result<std::string> text(std::string_view name);  // must be there
    Result<std::string> text_or(std::string_view name, std::string_view absent);
    Result<std::uint64_t> number(std::string_view name);
    const Json* find(std::string_view name);
    Result<void> done() const;  // Code::invalid naming a member that nobody knows

private:
    explicit Fields(Json json) : json_(std::move(json)) {}
    Json json_;
    std::vector<std::string> known_;
};

}  // namespace gongshu::api
