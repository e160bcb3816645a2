#include "registry/kinds/site.h"

#include <algorithm>

#include "expr/calendar.h"
#include "registry/kind_of.h"
#include "registry/names.h"

namespace gongshu::registry {

BOOST_DESCRIBE_STRUCT(Place, (), (title_zh, title_en))
BOOST_DESCRIBE_STRUCT(SiteSpec, (), (title_zh, title_en, address, time_zone, calendar, places))

namespace {

constexpr std::size_t kTitleBytesMax = 200;

// What people write for China's time, though there are no such zones.
constexpr std::string_view kShanghai = "Asia/Shanghai";
constexpr const char* kMeantShanghai[] = {"Asia/Beijing", "Beijing", "Shanghai", "China", "UTC+8", "GMT+8", "CST"};

Result<void> check_places(const SiteSpec& spec) {
    for (const auto& [path, place] : spec.places) {
        TRY(check_name(path, true).context("places.{}", path));
    }
    return {};
}

}  // namespace

Result<void> check_time_zone(std::string_view text) {
    const bool fine =
        text.size() <= 64 && text.front() != '/' && text.back() != '/' &&
        text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == text.npos;
    if (!fine)
        return Error{Code::invalid, "expected a time zone such as Asia/Shanghai, found \"{}\"", text.substr(0, 64)};
    const std::string zone(text);
    if (zone == "Z" || expr::Calendar::create(expr::CalendarField::hour, zone)) return {};
    std::vector<std::string> names = expr::zone_names();
    if (names.empty()) return {};  // a machine without time zones knows none: then the form must do
    names.insert(names.end(), std::begin(kMeantShanghai), std::end(kMeantShanghai));
    std::string near = nearest(text, names);
    if (std::ranges::find(kMeantShanghai, near) != std::end(kMeantShanghai)) near = kShanghai;
    return Error{Code::invalid, "there is no time zone \"{}\"; {}", text,
                 near.empty() ? "expected an IANA name such as Asia/Shanghai" : "did you mean \"" + near + "\"?"};
}

std::vector<Fact> facts_of(const Place*) {
    return {{.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
            {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax}};
}

std::vector<Fact> facts_of(const SiteSpec*) {
    return {{.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
            {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
            {.field = "address", .title_zh = "地址", .title_en = "Address", .widget = "multiline", .level = 2},
            {.field = "time_zone",
             .title_zh = "时区",
             .title_en = "Time zone",
             .help_zh = "决定日、班次从何时算起",
             .help_en = "Decides when days and shifts begin",
             .required = true,
             .check = check_time_zone},
            {.field = "calendar",
             .title_zh = "日历",
             .title_en = "Calendar",
             .help_zh = "班次、生产日、节假日、电价时段；留空为企业默认",
             .help_en = "Shifts, production days, holidays, tariff periods; empty: the tenant's default",
             .ref = "calendars"},
            {.field = "places",
             .title_zh = "车间与产线",
             .title_en = "Areas and lines",
             .help_zh = "键为“车间”或“车间/产线”",
             .help_en = "The key is area or area/line"}};
}

Kind site_kind() {
    return make_kind<SiteSpec>({.name = "site",
                                .plural = "sites",
                                .title_zh = "工厂",
                                .title_en = "Site",
                                .about_zh = "一处工厂及其车间、产线",
                                .about_en = "A plant with its areas and lines",
                                .write_role = Role::engineer,
                                .path_names = true},
                               {.alone = check_places});
}

template Result<SiteSpec> spec_of<SiteSpec>(const Resource&);

}  // namespace gongshu::registry
