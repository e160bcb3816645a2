#include "registry/kinds/calendar.h"

#include <algorithm>

#include "registry/holidays.h"
#include "registry/kind_of.h"
#include "registry/kinds/site.h"
#include "registry/names.h"

namespace gongshu::registry {

BOOST_DESCRIBE_ENUM(TariffWord, sharp, peak, flat, valley, deep_valley)
BOOST_DESCRIBE_ENUM(SeasonDays, all, working, off)
BOOST_DESCRIBE_ENUM(SourceStatus, official, third_party, placeholder)
BOOST_DESCRIBE_ENUM(DayNamedBy, begin, end)
BOOST_DESCRIBE_ENUM(ShiftsOn, every_day, working_days)
BOOST_DESCRIBE_ENUM(HolidayRegion, china, none_)
BOOST_DESCRIBE_STRUCT(CalendarShift, (), (name, title_zh, title_en, from, to))
BOOST_DESCRIBE_STRUCT(CalendarTeam, (), (name, title_zh, title_en))
BOOST_DESCRIBE_STRUCT(CalendarRotation, (), (anchor, days))
BOOST_DESCRIBE_STRUCT(CalendarException, (), (from, to, working, title))
BOOST_DESCRIBE_STRUCT(CalendarPeriod, (), (from, to, tariff))
BOOST_DESCRIBE_STRUCT(CalendarSeason, (), (title_zh, title_en, since, until, from, to, days, periods, status, source))
BOOST_DESCRIBE_STRUCT(CalendarHours, (), (from, to))
BOOST_DESCRIBE_STRUCT(CalendarSpec, (),
                      (title_zh, title_en, is_default, time_zone, day_start, day_named_by, shifts, shifts_on, teams,
                       rotation, weekdays, holidays, hours, exceptions, tariffs))

namespace {

constexpr std::size_t kTitleBytesMax = 200;

Result<void> check_minute(std::string_view text) {
    TRY(calendar::parse_minute(text));
    return {};
}
Result<void> check_day(std::string_view text) {
    TRY(calendar::parse_day(text));
    return {};
}
Result<void> check_month_day(std::string_view text) {
    TRY(calendar::parse_month_day(text));
    return {};
}

Fact title(std::string_view field, std::string_view zh, std::string_view en) {
    return {.field = field, .title_zh = zh, .title_en = en, .length_max = kTitleBytesMax};
}
Fact time_of_day(std::string_view field, std::string_view zh, std::string_view en, std::string_view help_zh = {},
                 std::string_view help_en = {}) {
    return {.field = field,
            .title_zh = zh,
            .title_en = en,
            .help_zh = help_zh,
            .help_en = help_en,
            .required = true,
            .check = check_minute};
}

template <class List>
int index_of(const List& list, std::string_view name) {
    const auto found = std::ranges::find(list, name, &List::value_type::name);
    return found == list.end() ? -1 : static_cast<int>(found - list.begin());
}

template <class List>
std::string names_of(const List& list) {
    std::string text;
    for (const auto& one : list) text += (text.empty() ? "" : ", ") + one.name;
    return text.empty() ? "none" : text;
}

Result<std::optional<calendar::Rotation>> rotation_of(const CalendarSpec& spec) {
    if (!spec.rotation) return std::optional<calendar::Rotation>{};
    calendar::Rotation rotation;
    rotation.anchor = TRY(calendar::parse_day(spec.rotation->anchor).context("rotation.anchor"));
    for (std::size_t i = 0; i < spec.rotation->days.size(); ++i) {
        std::vector<int> day(spec.shifts.size(), -1);
        for (const auto& [shift, team] : spec.rotation->days[i]) {
            const int of = index_of(spec.shifts, shift), who = index_of(spec.teams, team);
            if (of < 0)
                return Error{Code::invalid, "rotation.days[{}]: there is no shift \"{}\"; there are {}", i, shift,
                             names_of(spec.shifts)};
            if (who < 0)
                return Error{
                    Code::invalid,       "rotation.days[{}].{}: there is no team \"{}\"; there are {}", i, shift, team,
                    names_of(spec.teams)};
            day[static_cast<std::size_t>(of)] = who;
        }
        rotation.days.push_back(std::move(day));
    }
    return std::optional{std::move(rotation)};
}

Result<calendar::TariffSeason> season_of(const CalendarSeason& from) {
    calendar::TariffSeason season{.title_zh = from.title_zh, .title_en = from.title_en};
    if (from.since) season.since = TRY(calendar::parse_day(*from.since).context("since"));
    if (from.until) season.until = TRY(calendar::parse_day(*from.until).context("until"));
    season.from = TRY(calendar::parse_month_day(from.from).context("from"));
    season.to = TRY(calendar::parse_month_day(from.to).context("to"));
    season.days = static_cast<calendar::DaysOf>(from.days);
    season.status = static_cast<calendar::RuleStatus>(from.status);
    season.source = from.source;
    for (std::size_t i = 0; i < from.periods.size(); ++i) {
        const CalendarPeriod& period = from.periods[i];
        season.periods.push_back({TRY(calendar::parse_minute(period.from).context("periods[{}].from", i)),
                                  TRY(calendar::parse_minute(period.to).context("periods[{}].to", i)),
                                  static_cast<calendar::Tariff>(period.tariff)});
    }
    return season;
}

Result<void> check_alone(const CalendarSpec& spec) {
    TRY(make_calendar(spec));
    return {};
}

// One calendar is what sites go by that name none.
Result<void> check_default(const ResourceReader& reader, TenantId tenant, std::string_view name,
                           const CalendarSpec& spec) {
    if (!spec.is_default) return {};
    for (const auto& other : reader.list_shared(tenant, "calendar")) {
        if (other->name == name) continue;
        const auto of = spec_of<CalendarSpec>(*other);
        if (of && of->is_default)
            return Error{Code::invalid, "is_default: \"{}\" is the default already; take it from there first",
                         other->name};
    }
    return {};
}

}  // namespace

Result<calendar::Calendar> make_calendar(const CalendarSpec& spec) {
    if (spec.time_zone.empty())
        return Error{Code::invalid, "time_zone: expected a time zone such as Asia/Shanghai, found none"};
    calendar::Plan plan{.zone = TRY(calendar::Zone::create(spec.time_zone).context("time_zone"))};
    for (std::size_t i = 0; i < spec.shifts.size(); ++i) {
        const CalendarShift& shift = spec.shifts[i];
        plan.shifts.push_back({shift.name, shift.title_zh, shift.title_en,
                               TRY(calendar::parse_minute(shift.from).context("shifts[{}].from", i)),
                               TRY(calendar::parse_minute(shift.to).context("shifts[{}].to", i))});
    }
    for (const CalendarTeam& team : spec.teams) plan.teams.push_back({team.name, team.title_zh, team.title_en});
    plan.rotation = TRY(rotation_of(spec));
    plan.day_start = TRY(calendar::parse_minute(spec.day_start).context("day_start"));
    plan.named_by_end = spec.day_named_by == DayNamedBy::end;
    plan.shifts_every_day = spec.shifts_on == ShiftsOn::every_day;
    plan.weekdays = spec.weekdays;
    if (spec.holidays == HolidayRegion::china) plan.holidays = TRY(holidays_of_china());
    for (std::size_t i = 0; i < spec.exceptions.size(); ++i) {
        const CalendarException& one = spec.exceptions[i];
        const auto from = TRY(calendar::parse_day(one.from).context("exceptions[{}].from", i));
        const auto to = one.to ? TRY(calendar::parse_day(*one.to).context("exceptions[{}].to", i)) : from;
        plan.exceptions.push_back({from, to, one.working, one.title});
    }
    for (std::size_t i = 0; i < spec.tariffs.size(); ++i)
        plan.tariffs.push_back(TRY(season_of(spec.tariffs[i]).context("tariffs[{}]", i)));
    for (std::size_t i = 0; i < spec.hours.size(); ++i)
        plan.hours.push_back({TRY(calendar::parse_minute(spec.hours[i].from).context("hours[{}].from", i)),
                              TRY(calendar::parse_minute(spec.hours[i].to).context("hours[{}].to", i))});
    return calendar::Calendar::create(std::move(plan));
}

std::vector<Fact> facts_of(const CalendarShift*) {
    return {{.field = "name", .title_zh = "名称", .title_en = "Name", .required = true, .length_max = kTitleBytesMax},
            title("title_zh", "中文名称", "Title (Chinese)"),
            title("title_en", "英文名称", "Title (English)"),
            time_of_day("from", "开始", "From"),
            time_of_day("to", "结束", "To", "不晚于开始时刻的，在次日结束", "At or before the begin: on the next day")};
}

std::vector<Fact> facts_of(const CalendarTeam*) {
    return {{.field = "name", .title_zh = "名称", .title_en = "Name", .required = true, .length_max = kTitleBytesMax},
            title("title_zh", "中文名称", "Title (Chinese)"),
            title("title_en", "英文名称", "Title (English)")};
}

std::vector<Fact> facts_of(const CalendarRotation*) {
    return {{.field = "anchor",
             .title_zh = "起始日",
             .title_en = "First day",
             .help_zh = "这一天（生产日）是循环的第一天",
             .help_en = "This production day is the first of the cycle",
             .required = true,
             .check = check_day},
            {.field = "days",
             .title_zh = "循环",
             .title_en = "Cycle",
             .help_zh = "循环中的每一天：班次 → 班组，没有班组的班次不写",
             .help_en = "For each day of the cycle shift -> team; a shift without a team is left out",
             .required = true,
             .length_max = calendar::kCycleMax}};
}

std::vector<Fact> facts_of(const CalendarException*) {
    return {{.field = "from", .title_zh = "自", .title_en = "From", .required = true, .check = check_day},
            {.field = "to",
             .title_zh = "至",
             .title_en = "To",
             .help_zh = "含当日；留空为一天",
             .help_en = "Included; empty: that one day",
             .check = check_day},
            {.field = "working", .title_zh = "上班", .title_en = "Working"},
            title("title", "说明", "What for")};
}

std::vector<Fact> facts_of(const CalendarPeriod*) {
    return {time_of_day("from", "开始", "From"),
            time_of_day("to", "结束", "To"),
            {.field = "tariff",
             .title_zh = "时段",
             .title_en = "Tariff",
             .required = true,
             .choices = {{"sharp", "尖", "Sharp"},
                         {"peak", "峰", "Peak"},
                         {"flat", "平", "Flat"},
                         {"valley", "谷", "Valley"},
                         {"deep_valley", "深谷", "Deep valley"}}}};
}

std::vector<Fact> facts_of(const CalendarSeason*) {
    return {title("title_zh", "中文名称", "Title (Chinese)"),
            title("title_en", "英文名称", "Title (English)"),
            {.field = "since", .title_zh = "生效", .title_en = "In force since", .check = check_day},
            {.field = "until", .title_zh = "失效", .title_en = "In force until", .check = check_day},
            {.field = "from", .title_zh = "每年自", .title_en = "Every year from", .check = check_month_day},
            {.field = "to",
             .title_zh = "每年至",
             .title_en = "Every year to",
             .help_zh = "含当日；可以跨年，例如 12-01 至 02-29",
             .help_en = "Included; may go over new year, as 12-01 to 02-29",
             .check = check_month_day},
            {.field = "days",
             .title_zh = "适用",
             .title_en = "Days",
             .choices = {{"all", "每天", "Every day"},
                         {"working", "工作日", "Working days"},
                         {"off", "休息日", "Days off"}}},
            {.field = "periods",
             .title_zh = "时段",
             .title_en = "Periods",
             .help_zh = "覆盖全天，不重叠",
             .help_en = "The whole day, none twice",
             .required = true,
             .length_max = calendar::kPeriodsMax},
            {.field = "status",
             .title_zh = "依据",
             .title_en = "How sure",
             .choices = {{"official", "官方文本", "Official text"},
                         {"third_party", "第三方", "Third party"},
                         {"placeholder", "未核实", "Not verified"}}},
            {.field = "source",
             .title_zh = "出处",
             .title_en = "Source",
             .help_zh = "文号或网址",
             .help_en = "Number of the document or its address"}};
}

std::vector<Fact> facts_of(const CalendarHours*) {
    return {time_of_day("from", "开始", "From"), time_of_day("to", "结束", "To")};
}

std::vector<Fact> facts_of(const CalendarSpec*) {
    return {title("title_zh", "中文名称", "Title (Chinese)"),
            title("title_en", "英文名称", "Title (English)"),
            {.field = "is_default",
             .title_zh = "企业默认",
             .title_en = "Default of the tenant",
             .help_zh = "没有指定日历的工厂用它",
             .help_en = "For sites that name no calendar"},
            {.field = "time_zone", .title_zh = "时区", .title_en = "Time zone", .check = check_time_zone},
            {.field = "day_start",
             .title_zh = "生产日开始",
             .title_en = "Production day begins",
             .help_zh = "例如 08:00：凌晨 3 点的读数属于前一个生产日",
             .help_en = "At 08:00 readings of three in the morning belong to the day before",
             .check = check_minute},
            {.field = "day_named_by",
             .title_zh = "生产日以何日命名",
             .title_en = "Production day is called by",
             .choices = {{"begin", "开始的那天", "The day it begins"}, {"end", "结束的那天", "The day it ends"}}},
            {.field = "shifts", .title_zh = "班次", .title_en = "Shifts", .length_max = calendar::kShiftsMax},
            {.field = "shifts_on",
             .title_zh = "倒班日",
             .title_en = "Shifts run",
             .choices = {{"every_day", "每天，节假日不停", "Every day, holidays too"},
                         {"working_days", "只在工作日", "On working days only"}}},
            {.field = "teams", .title_zh = "班组", .title_en = "Teams", .length_max = calendar::kTeamsMax},
            {.field = "rotation", .title_zh = "轮班", .title_en = "Rotation", .widget = "rotation"},
            {.field = "weekdays",
             .title_zh = "每周工作日",
             .title_en = "Working weekdays",
             .help_zh = "1 为周一，7 为周日",
             .help_en = "1 is Monday, 7 Sunday",
             .length_max = 7},
            {.field = "holidays",
             .title_zh = "法定节假日",
             .title_en = "Statutory holidays",
             .choices = {{"china", "中国大陆，含调休", "Mainland China with 调休"}, {"none", "不计", "None"}}},
            {.field = "hours",
             .title_zh = "工作时间",
             .title_en = "Working hours",
             .help_zh = "按工作小时计的期限用它",
             .help_en = "For deadlines in working hours",
             .length_max = calendar::kHoursMax},
            {.field = "exceptions",
             .title_zh = "本厂例外",
             .title_en = "Exceptions of this plant",
             .help_zh = "停产、加班等；多条包含同一天时，后一条生效",
             .help_en = "Shutdowns, extra days; of several that hold a day the last decides",
             .length_max = calendar::kExceptionsMax},
            {.field = "tariffs",
             .title_zh = "分时电价时段",
             .title_en = "Tariff periods",
             .help_zh = "多条包含同一天时，前一条生效",
             .help_en = "Of several that hold a day the first decides",
             .length_max = calendar::kTariffsMax}};
}

Kind calendar_kind() {
    return make_kind<CalendarSpec>({.name = "calendar",
                                    .plural = "calendars",
                                    .title_zh = "日历",
                                    .title_en = "Calendar",
                                    .about_zh = "班次、班组、生产日、节假日与调休、分时电价时段",
                                    .about_en = "Shifts, teams, production days, holidays and tariff periods",
                                    .write_role = Role::engineer},
                                   {.alone = check_alone, .among = check_default});
}

template Result<CalendarSpec> spec_of<CalendarSpec>(const Resource&);

}  // namespace gongshu::registry
