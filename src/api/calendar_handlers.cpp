#include <algorithm>

#include "api/calendars.h"
#include "api/handlers.h"

// What a plant's time is: shifts, production days, working days, tariff periods, asked of its calendar.
namespace gongshu::api {

namespace {

using calendar::Calendar;
using calendar::Day;
using calendar::DayInfo;
using calendar::DayKind;
using calendar::Every;
using registry::NamedCalendar;

constexpr std::size_t kRowsMax = 10'000;  // shifts or slices of one answer
constexpr std::uint64_t kAddMax = 10'000;

void begin_answer(JsonWriter& out, const NamedCalendar& named) {
    out.begin_object().key("calendar").text(named.name).key("built_in").boolean(named.name.empty());
    out.key("zone").text(named.calendar->plan().zone.name());
}

void write_titles(JsonWriter& out, std::string_view zh, std::string_view en) {
    out.key("title").begin_object().key("zh").text(zh).key("en").text(en).end_object();
}

void write_window(JsonWriter& out, std::string_view key, Window window, Units units) {
    out.key(key).begin_object().key("from").integer(units.time(window.from));
    out.key("to").integer(units.time(window.to)).end_object();
}

void write_slot(JsonWriter& out, const Calendar& of, const calendar::ShiftSlot& slot, Units units) {
    const calendar::Shift& shift = of.plan().shifts[static_cast<std::size_t>(slot.shift)];
    out.begin_object().key("shift").text(shift.name);
    write_titles(out, shift.title_zh, shift.title_en);
    out.key("team");
    if (slot.team < 0) {
        out.null();
    } else {
        const calendar::Team& team = of.plan().teams[static_cast<std::size_t>(slot.team)];
        out.begin_object().key("name").text(team.name);
        write_titles(out, team.title_zh, team.title_en);
        out.end_object();
    }
    out.key("production_day").text(calendar::day_text(slot.production_day));
    out.key("from").integer(units.time(slot.window.from)).key("to").integer(units.time(slot.window.to)).end_object();
}

void write_slice(JsonWriter& out, const Calendar& of, const calendar::TariffSlice& slice, Units units) {
    const calendar::TariffSeason& season = of.plan().tariffs[static_cast<std::size_t>(slice.season)];
    out.begin_object().key("tariff").text(to_string(slice.tariff));
    out.key("from").integer(units.time(slice.window.from)).key("to").integer(units.time(slice.window.to));
    out.key("season").integer(slice.season);
    write_titles(out, season.title_zh, season.title_en);
    out.key("status").text(to_string(season.status)).key("source").text(season.source).end_object();
}

void write_day(JsonWriter& out, Day day, const DayInfo& info) {
    out.begin_object().key("day").text(calendar::day_text(day)).key("kind").text(to_string(info.kind));
    out.key("working").boolean(info.working).key("sure").boolean(info.sure);
    if (info.holiday) {
        write_titles(out, info.holiday->title_zh, info.holiday->title_en);
        out.key("status").text(to_string(info.holiday->status)).key("source").text(info.holiday->source);
        out.key("makeup").boolean(info.holiday->working);
    }
    if (info.exception) out.key("exception").text(info.exception->title);
    out.end_object();
}

Result<Day> day_of(const Ask& ask, std::string_view name) {
    return calendar::parse_day(ask.value(name)).context("{}", name);
}

// `from` and `add`: the day that many working days on; `from` and `to`: how many lie between.
Result<Answer> working_days(const Ask& ask, const NamedCalendar& named) {
    const Calendar& of = *named.calendar;
    const Day from = TRY(day_of(ask, "from"));
    Day to = 0;
    int count = 0;
    if (const std::string* add = ask.find("add")) {
        const bool back = add->starts_with('-');
        std::uint64_t number = 0;
        for (const char c : std::string_view{*add}.substr(back ? 1 : 0)) {
            if (c < '0' || c > '9' || number > kAddMax) number = kAddMax + 1;
            number = number > kAddMax ? number : number * 10 + static_cast<std::uint64_t>(c - '0');
        }
        if (number > kAddMax || add->size() == (back ? 1U : 0U))
            return Error{Code::invalid, "add: expected a whole number from -{} to {}, found \"{}\"", kAddMax, kAddMax,
                         add->substr(0, 40)};
        count = (back ? -1 : 1) * static_cast<int>(number);
        to = TRY(of.add_working_days(from, count));
    } else {
        to = TRY(day_of(ask, "to"));
        count = TRY(of.working_days_between(from, to));
    }
    std::string body;
    JsonWriter out{body};
    begin_answer(out, named);
    out.key("from").text(calendar::day_text(from)).key("to").text(calendar::day_text(to));
    out.key("working_days").integer(count).key("sure").boolean(of.sure(std::min(from, to), std::max(from, to)));
    out.end_object();
    return json_answer(std::move(body));
}

void write_year(JsonWriter& out, const Calendar& of, int year) {
    const auto* const holidays = of.plan().holidays.get();
    const calendar::HolidayYear* const known = holidays ? holidays->year(year) : nullptr;
    out.key("year").integer(year).key("holidays").text(holidays ? holidays->region : "");
    out.key("known").boolean(!holidays || known != nullptr);
    out.key("arranged").boolean(!holidays || (known && known->arranged));
    out.key("note").begin_object().key("zh").text(known ? known->note_zh : "");
    out.key("en").text(known ? known->note_en : "").end_object();
    out.key("sources").begin_array();
    for (const auto& source : holidays ? holidays->sources : std::vector<calendar::HolidaySource>{}) {
        if (!known || std::ranges::find(known->days, source.key, &calendar::HolidayDay::source) == known->days.end())
            continue;
        out.begin_object().key("key").text(source.key);
        write_titles(out, source.title_zh, source.title_en);
        out.key("address").text(source.address).key("note").begin_object().key("zh").text(source.note_zh);
        out.key("en").text(source.note_en).end_object().end_object();
    }
    out.end_array();
    int working = 0;
    out.key("days").begin_array();
    const Day end = calendar::day_of(year + 1, 1, 1);
    for (Day day = calendar::day_of(year, 1, 1); day < end; ++day) {
        const DayInfo info = of.day_info(day);
        working += info.working ? 1 : 0;
        write_day(out, day, info);
    }
    out.end_array().key("working_days").integer(working);
}

}  // namespace

Result<NamedCalendar> asked_calendar(Core& core, const Ask& ask) {
    if (const std::string* name = ask.find("calendar"))
        return registry::calendar_named(core.deps.registry, ask.tenant(), *name);
    const std::string_view place = ask.value("place");
    if (!place.empty() && !sees(ask.who, place))
        return Error{Code::not_found, "there is no place \"{}\"", place.substr(0, 200)};
    return registry::calendar_at(core.deps.registry, ask.tenant(), place);
}

Result<Answer> get_calendar_now(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const NamedCalendar named = TRY(asked_calendar(core, ask));
    const Calendar& of = *named.calendar;
    TimeNs at = core.clock().now();
    if (const std::string* text = ask.find("at")) at = TRY(parse_time(*text, at).context("at"));
    const Day production_day = of.production_day(at), day = of.day_at(at);
    std::string body;
    JsonWriter out{body};
    begin_answer(out, named);
    out.key("at").integer(units.time(at)).key("production_day").text(calendar::day_text(production_day));
    out.key("month").text(calendar::day_text(production_day).substr(0, 7));
    write_window(out, "production_window", of.production_window(production_day), units);
    out.key("day");
    write_day(out, day, of.day_info(day));
    const auto slot = of.shift_at(at), next = of.next_shift(at);
    out.key("shift");
    slot ? write_slot(out, of, *slot, units) : static_cast<void>(out.null());
    out.key("next_shift");
    next ? write_slot(out, of, *next, units) : static_cast<void>(out.null());
    const auto slice = of.tariff_at(at);
    out.key("tariff");
    slice ? write_slice(out, of, *slice, units) : static_cast<void>(out.null());
    out.end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_calendar_shifts(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const NamedCalendar named = TRY(asked_calendar(core, ask));
    const Window window = TRY(parse_window(ask, core.clock().now(), kDay));
    const auto periods = TRY(named.calendar->periods(Every::shift, window, kRowsMax));
    std::string body;
    JsonWriter out{body};
    begin_answer(out, named);
    out.key("shifts").begin_array();
    for (const calendar::Period& one : periods)
        write_slot(out, *named.calendar, {one.window, one.shift, one.team, one.production_day}, units);
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_calendar_tariffs(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const NamedCalendar named = TRY(asked_calendar(core, ask));
    const Window window = TRY(parse_window(ask, core.clock().now(), kDay));
    const auto slices = TRY(named.calendar->tariffs(window, kRowsMax));
    std::string body;
    JsonWriter out{body};
    begin_answer(out, named);
    DurationNs lengths[5] = {};
    out.key("slices").begin_array();
    for (const calendar::TariffSlice& slice : slices) {
        write_slice(out, *named.calendar, slice, units);
        lengths[static_cast<std::size_t>(slice.tariff)] += slice.window.to - slice.window.from;
    }
    out.end_array().key("hours").begin_object();
    for (std::size_t i = 0; i < std::size(lengths); ++i)
        out.key(to_string(static_cast<calendar::Tariff>(i)))
            .number(static_cast<double>(lengths[i]) / static_cast<double>(kHour));
    out.end_object().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_calendar_working(Core& core, const Ask& ask) {
    const NamedCalendar named = TRY(asked_calendar(core, ask));
    const std::string* const text = ask.find("at");
    if (text == nullptr) {
        if (ask.find("from") == nullptr)
            return Error{Code::invalid, "from: is missing; give from and add, from and to (days), or at and time"};
        return working_days(ask, named);
    }
    const Units units = TRY(parse_units(ask));
    const Calendar& of = *named.calendar;
    const TimeNs at = TRY(parse_time(*text, core.clock().now()).context("at"));
    const DurationNs length = TRY(parse_duration(ask.value("time")).context("time"));
    const TimeNs due = TRY(of.add_working_time(at, length));
    std::string body;
    JsonWriter out{body};
    begin_answer(out, named);
    out.key("at").integer(units.time(at)).key("due").integer(units.time(due));
    out.key("sure").boolean(of.sure(of.day_at(at), of.day_at(due))).end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_calendar_year(Core& core, const Ask& ask) {
    const NamedCalendar named = TRY(asked_calendar(core, ask));
    const auto now = calendar::civil_of(named.calendar->day_at(core.clock().now()));
    const auto year = TRY(parse_number(ask, "year", static_cast<std::uint64_t>(now.year), 1970, 2199));
    std::string body;
    JsonWriter out{body};
    begin_answer(out, named);
    write_year(out, *named.calendar, static_cast<int>(year));
    out.end_object();
    return json_answer(std::move(body));
}

}  // namespace gongshu::api
