#pragma once

#include <string>
#include <vector>

#include "calendar/day.h"

namespace gongshu::calendar {

// How sure a rule is that people wrote down for us.
enum class RuleStatus : std::uint8_t {
    official,     // the text of the authority was read
    third_party,  // somebody else's account of it, or a table that is not the authority's
    placeholder,  // a guess that stands until somebody knows
};
std::string_view to_string(RuleStatus status);

// A day that is not what its weekday says.
struct HolidayDay {
    Day day = 0;
    bool working = false;  // a weekend that is worked in exchange (调休)
    std::string title_zh, title_en;
    RuleStatus status = RuleStatus::placeholder;
    std::string source;  // key of a HolidaySource
};

struct HolidaySource {
    std::string key, title_zh, title_en, address, note_zh, note_en;
};

struct HolidayYear {
    int year = 0;
    bool arranged = false;  // the authority has said which days are worked in exchange
    std::string note_zh, note_en;
    std::vector<HolidayDay> days;  // in order
};

// Statutory holidays of one region by year. A plain value.
struct Holidays {
    std::string region;
    std::vector<HolidaySource> sources;
    std::vector<HolidayYear> years;  // in order

    const HolidayYear* year(int year) const;
    const HolidayDay* find(Day day) const;
    const HolidaySource* source(std::string_view key) const;
};

// Years and days in order, without gaps between years or doubles, days in their year, sources that are there, weekends
// worked only on weekends. Code::corrupt says where.
Result<void> check_holidays(const Holidays& holidays);

}  // namespace gongshu::calendar
