#include "registry/holidays.h"

#include <boost/json.hpp>

#include "registry/yaml.h"

namespace gongshu::registry {

// library/holidays/cn.yaml, put in by the build.
extern const std::string_view kHolidaysOfChina;

namespace {

Result<const JsonObject*> object_at(const JsonObject& of, std::string_view key) {
    const Json* const found = of.if_contains({key.data(), key.size()});
    if (found && found->is_object()) return &found->get_object();
    return Error{Code::corrupt, "holidays: {}: expected an object", key};
}

Result<std::string> text_at(const JsonObject& of, std::string_view key) {
    const Json* const found = of.if_contains({key.data(), key.size()});
    if (found && found->is_string()) return std::string{found->get_string().data(), found->get_string().size()};
    return Error{Code::corrupt, "holidays: {}: expected a text", key};
}

Result<bool> flag_at(const JsonObject& of, std::string_view key) {
    const Json* const found = of.if_contains({key.data(), key.size()});
    if (found && found->is_bool()) return found->get_bool();
    return Error{Code::corrupt, "holidays: {}: expected true or false", key};
}

Result<calendar::RuleStatus> status_of(std::string_view word) {
    for (const auto status :
         {calendar::RuleStatus::official, calendar::RuleStatus::third_party, calendar::RuleStatus::placeholder})
        if (to_string(status) == word) return status;
    return Error{Code::corrupt, "holidays: status: expected official, third_party or placeholder, found \"{}\"", word};
}

// Some days in a row.
Result<void> read_days(const JsonObject& entry, std::vector<calendar::HolidayDay>& into) {
    const auto from = TRY(calendar::parse_day(TRY(text_at(entry, "from"))));
    const auto to = TRY(calendar::parse_day(TRY(text_at(entry, "to"))));
    if (to < from || to - from > 31)
        return Error{Code::corrupt, "holidays: to: expected a day up to a month after {}, found {}",
                     calendar::day_text(from), calendar::day_text(to)};
    calendar::HolidayDay day;
    day.working = TRY(flag_at(entry, "working"));
    day.title_zh = TRY(text_at(entry, "title_zh"));
    day.title_en = TRY(text_at(entry, "title_en"));
    day.status = TRY(status_of(TRY(text_at(entry, "status"))));
    day.source = TRY(text_at(entry, "source"));
    for (day.day = from; day.day <= to; ++day.day) into.push_back(day);
    return {};
}

Result<calendar::HolidayYear> read_year(std::string_view name, const JsonObject& entry) {
    calendar::HolidayYear year;
    for (const char c : name) {
        if (c < '0' || c > '9' || name.size() != 4)
            return Error{Code::corrupt, "holidays: years: expected a year such as 2026, found \"{}\"", name};
        year.year = year.year * 10 + (c - '0');
    }
    year.arranged = TRY(flag_at(entry, "arranged"));
    year.note_zh = TRY(text_at(entry, "note_zh"));
    year.note_en = TRY(text_at(entry, "note_en"));
    const Json* const days = entry.if_contains("days");
    if (!days || !days->is_array()) return Error{Code::corrupt, "holidays: days: expected a list"};
    for (const Json& one : days->get_array()) {
        if (!one.is_object()) return Error{Code::corrupt, "holidays: days: expected objects"};
        TRY(read_days(one.get_object(), year.days));
    }
    return year;
}

}  // namespace

Result<calendar::Holidays> read_holidays(std::string_view yaml) {
    const Json json = TRY(parse_yaml(yaml));
    if (!json.is_object()) return Error{Code::corrupt, "holidays: expected an object"};
    const JsonObject& root = json.get_object();
    calendar::Holidays holidays;
    holidays.region = TRY(text_at(root, "region"));
    for (const auto& [key, value] : *TRY(object_at(root, "sources"))) {
        if (!value.is_object()) return Error{Code::corrupt, "holidays: sources: expected objects"};
        const JsonObject& of = value.get_object();
        holidays.sources.push_back({std::string{key}, TRY(text_at(of, "title_zh")), TRY(text_at(of, "title_en")),
                                    TRY(text_at(of, "address")), TRY(text_at(of, "note_zh")),
                                    TRY(text_at(of, "note_en"))});
    }
    for (const auto& [key, value] : *TRY(object_at(root, "years"))) {
        if (!value.is_object()) return Error{Code::corrupt, "holidays: years: expected objects"};
        holidays.years.push_back(TRY(read_year({key.data(), key.size()}, value.get_object())));
    }
    TRY(check_holidays(holidays));
    return holidays;
}

Result<std::shared_ptr<const calendar::Holidays>> holidays_of_china() {
    static const Result<std::shared_ptr<const calendar::Holidays>> read =
        []() -> Result<std::shared_ptr<const calendar::Holidays>> {
        return std::make_shared<const calendar::Holidays>(TRY(read_holidays(kHolidaysOfChina)));
    }();
    return read;
}

}  // namespace gongshu::registry
