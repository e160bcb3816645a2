// What calendars say, and who asks them: shifts, days, tariff periods, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"expected a time of the day such as 02:30, or \"02:30 Asia/Shanghai\", found \"{}\"",
     "应为一天中的时刻，例如 02:30 或“02:30 Asia/Shanghai”，实际为“{0}”"},
    {"add: expected a whole number from -{} to {}, found \"{}\"", "add: 应为 -{0} 到 {1} 的整数，实际为“{2}”"},
    {"there is no place \"{}\"", "没有位置“{0}”"},
    {"from: is missing; give from and add, from and to (days), or at and time",
     "from: 缺少；给出 from 和 add、from 和 to（日期），或 at 和 time"},
    {"the window has more than {} {}: ask for a shorter one", "时间范围内超过 {0} 个{1}：缩短范围"},
    {"the window has more than {} days: ask for a shorter one", "时间范围超过 {0} 天：缩短范围"},
    {"the window has more than {} tariff slices: ask for a shorter one", "时间范围内超过 {0} 个电价时段：缩短范围"},
    {"{}: at most {}, found {}", "{0=}: 最多 {1} 个，实际为 {2} 个"},
    {"{}[{}].name: is missing", "{0=}[{1}].name: 缺少名称"},
    {"{}[{}].name: \"{}\" is there already", "{0=}[{1}].name: “{2}”重复"},
    {"shifts[{}].from: expected times from 00:00 to 24:00", "shifts[{0}].from: 时刻应在 00:00 到 24:00 之间"},
    {"shifts[{}].from: {} ({} to {}) overlaps {} ({} to {}): one reading cannot belong to two shifts; let one end "
     "where "
     "the other begins",
     "shifts[{0}].from: {1=}（{2} 至 {3}）与 {4=}（{5} 至 {6}）重叠：一条读数不能属于两个班次，应首尾相接"},
    {"rotation.days: expected at least one day of the cycle, found none", "rotation.days: 循环至少要有一天"},
    {"rotation.days[{}]: expected a team or none for each of the {} shifts, found {}",
     "rotation.days[{0}]: {1} 个班次各应有班组或空着，实际有 {2} 个"},
    {"rotation.days[{}]: there is no team {}", "rotation.days[{0}]: 没有班组 {1}"},
    {"rotation.days[{}]: there is no shift \"{}\"; there are {}", "rotation.days[{0}]: 没有班次“{1}”；现有 {2=}"},
    {"rotation.days[{}].{}: there is no team \"{}\"; there are {}",
     "rotation.days[{0}].{1=}: 没有班组“{2}”；现有 {3=}"},
    {"is_default: \"{}\" is the default already; take it from there first",
     "is_default: “{0}”已是企业默认：先在那里取消"},
    {"time_zone: expected a time zone such as Asia/Shanghai, found none", "time_zone: 缺少时区，例如 Asia/Shanghai"},
    {"day_start: expected a time from 00:00 to 23:59", "day_start: 应在 00:00 到 23:59 之间"},
    {"weekdays[{}]: expected 1 (Monday) to 7 (Sunday), found {}",
     "weekdays[{0}]: 应为 1（周一）到 7（周日），实际为 {1}"},
    {"weekdays[{}]: {} is there already", "weekdays[{0}]: {1} 重复"},
    {"exceptions[{}].to: expected {} or a later day, found {}", "exceptions[{0}].to: 应为 {1} 或之后，实际为 {2}"},
    {"exceptions[{}].to: expected at most 366 days after from, found {}",
     "exceptions[{0}].to: 最多在开始之后 366 天，实际为 {1} 天"},
    {"hours[{}].to: expected a time after {} and up to 24:00, found {}",
     "hours[{0}].to: 应晚于 {1} 且不晚于 24:00，实际为 {2}"},
    {"hours[{}].from: expected {} or later, where the hours before end, found {}",
     "hours[{0}].from: 应为 {1}（前一段结束）或之后，实际为 {2}"},
    {"tariffs[{}].until: expected {} or a later day, found {}", "tariffs[{0}].until: 应为 {1} 或之后，实际为 {2}"},
    {"tariffs[{}].periods: at most {}, found {}", "tariffs[{0}].periods: 最多 {1} 个，实际为 {2} 个"},
    {"expected times from 00:00 to 24:00", "时刻应在 00:00 到 24:00 之间"},
    {"{} to {} has no tariff period: the whole day needs one", "{0} 至 {1} 没有电价时段：全天都要有"},
    {"{} to {} has two tariff periods", "{0} 至 {1} 有两个电价时段"},
    {"{} to 24:00 has no tariff period: the whole day needs one", "{0} 至 24:00 没有电价时段：全天都要有"},
    {"expected a day such as 2026-10-01, found \"{}\"", "应为 2026-10-01 这样的日期，实际为“{0}”"},
    {"expected a time of day such as 08:00, found \"{}\"", "应为 08:00 这样的时刻，实际为“{0}”"},
    {"expected a day of the year such as 07-01, found \"{}\"", "应为 07-01 这样的月日，实际为“{0}”"},
    {"no answer within {} days: the calendar has too few working days or hours",
     "{0} 天之内没有结果：日历里的工作日或工作时间太少"},
    {"working time can only be added, found {} ns", "工作时间只能往后加，实际为 {0} ns"},
    {"there is no time zone \"{}\"; expected an IANA name such as Asia/Shanghai",
     "没有时区“{0}”；应为 IANA 名称，例如 Asia/Shanghai"},
    {"periods[{}]: expected one that is not empty and begins after the one before",
     "periods[{0}]: 不能为空，且应在前一段之后开始"},
    {"buckets are given one by one or by every=, not both", "统计区间要么逐个给出，要么用 every=，不能两者都用"},
};

}  // namespace

std::span<const Sentence> sentences_of_calendar() { return kSentences; }

}  // namespace gongshu::words
