#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/handlers.h"
#include "data/columns.h"
#include "data/rows.h"
#include "data/tuples.h"
#include "wire/line.h"

// What the doors of readings over HTTP share: where a reading goes, what is wrong with the others, and the answer that
// leaves after the sync.
namespace gongshu::api {

// What a body came to: the rows that can be stored and what is wrong with the others.
struct Intake {
    static constexpr std::size_t kFaultsMax = 100;  // told one by one; the others are only counted

    std::string_view language = "en";
    Rows rows;           // those that came alone
    Tuples tuples;       // … and together
    Columns columns;     // … and as columns; no tag of them has a reading in `rows`
    std::string faults;  // JSON members, comma between
    std::uint64_t fault_count = 0;
    std::string first_fault;
    std::optional<Error> failed;   // the store itself: nobody's entry is at fault, and all may be sent again
    std::optional<Error> put_off;  // new tags past the allowance of this minute: later they will do
    int put_off_status = 429;

    // `place` names it for people: "line 3", "index 3"; `members` are its own members of the fault.
    void fault(std::string_view place, std::string_view members, std::string_view text);
    // A tag that cannot be had: `tell(text)` if what was sent is at fault.
    template <class Tell>
    void refuse(const Error& error, Tell tell) {
        if (error.code() == Code::unavailable || error.code() == Code::io)
            failed = error;
        else if (error.code() == Code::limit)
            put_off = error;
        else
            tell(error.text());
    }
};

// The body without its Content-Encoding (gzip); taken out of `ask`.
Result<std::string> plain_body(Core& core, Ask& ask);
// A body that is too long is 413, other limits are 429.
Answer refuse_body(Core& core, const Ask& ask, const Error& error);

// Where one field of a line goes. `key` is scratch. Code::denied for what the caller may not write.
Result<Target> target_of_line(Core& core, const Ask& ask, const wire::LinePoint& point, const wire::LineField& field,
                              std::string& key);
// Where a reading goes that names its tag by the path: "d:" + uid if a device is at that place, else "p:" + the place,
// the same as by MQTT. A new tag is of `type`.
Result<Target> target_of_path(Core& core, const Ask& ask, const std::string& path, ValueType type, std::string& key);

// What a device's type says is possible: outside of it a good value is uncertain:range.
Quality limited(const Target& target, Quality quality, std::optional<double> number);
// "7.5 is a number, which a/b.c cannot hold; expected an integer"
std::string does_not_fit(const Value& value, std::string_view where, ValueType type);

// Answers after the rows are on disk, not before: 204, or 400 with each fault beside what was stored.
void store(std::shared_ptr<Core> core, const AskPtr& ask, Intake intake, Done done);

}  // namespace gongshu::api
