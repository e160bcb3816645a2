#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/answer.h"
#include "api/core.h"
#include "data/interval.h"

namespace gongshu::api {

// Where intervals lie now, by what the registry and the catalogue know, and which of them a caller sees.
// Lives: for one request.  Threads: one.  Bounds: one entry a device of the tenant.  Disk: none.
class IntervalPlaces {
public:
    IntervalPlaces(Core& core, const registry::Principal& who) : core_(core), who_(who) {}

    // The path of the asset; where it was if it is gone.
    std::string asset(const Interval& interval);
    // The path of the tag that it is about; "" if it is about the asset as a whole.
    std::string tag(const Interval& interval) const;
    // Who or what made it: the name of the virtual tag for those by rule, "" if it is gone or the caller does not see it.
    std::string made_by(const Interval& interval);
    bool sees(const Interval& interval);
    bool sees_path(std::string_view path) const { return api::sees(who_, path); }

    // What a path names: a tag, a device, or a place above some. Code::not_found, also for what the caller does not
    // see.
    struct Named {
        std::string subject;
        TagId tag;
        std::string path;
    };
    Result<Named> named(std::string_view path);

    // Narrows a question down to a path and all beneath it, and to what the caller sees. "" = everything that he sees.
    Result<void> narrow(std::string_view path, IntervalQuery& query);

private:
    const std::string* device_of(std::string_view uid);

    Core& core_;
    const registry::Principal& who_;
    std::optional<std::map<std::string, std::string, std::less<>>> devices_, rules_;  // name by uid
};

// Of who asks, alarms among them if the kind alarm is asked for by name.
Result<IntervalPage> find_intervals(Core& core, const Ask& ask, IntervalPlaces& places, const IntervalQuery& query);
// An alarm as an interval; its id is "alarm:" and the alarm's.
bool is_alarm(const Interval& interval);
std::string interval_id_text(const Interval& interval);
void write_interval(JsonWriter& out, const Ask& ask, IntervalPlaces& places, const Interval& interval, Units units);

// ?path= ?kind=… ?from= ?to= ?open= ?withdrawn= ?limit= ?before=; without from and to all time.
Result<IntervalQuery> parse_interval_query(Core& core, const Ask& ask, IntervalPlaces& places,
                                           std::size_t intervals_absent, std::size_t intervals_max,
                                           std::string_view prefix = "");

}  // namespace gongshu::api
