#include "calendar/calendar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "api/testing/world_test.h"
#include "registry/json.h"

// What a plant's time is, over HTTP, and readings by it.
namespace gongshu::api {
namespace {

using registry::parse_json;
using test::World;

constexpr const char* kFour = R"({"title_zh":"四班三运转","day_start":"08:00","shifts":[
    {"name":"day","title_zh":"早班","title_en":"Day","from":"08:00","to":"16:00"},
    {"name":"swing","from":"16:00","to":"00:00"},{"name":"night","from":"00:00","to":"08:00"}],
    "teams":[{"name":"A","title_zh":"甲"},{"name":"B"},{"name":"C"},{"name":"D"}],
    "rotation":{"anchor":"2026-01-01","days":[{"day":"A","swing":"B","night":"C"},{"day":"D","swing":"A"}]},
    "tariffs":[{"title_zh":"夏","from":"07-01","to":"08-31","status":"third_party","source":"x","periods":[
      {"from":"08:00","to":"22:00","tariff":"peak"},{"from":"22:00","to":"08:00","tariff":"valley"}]}],
    "exceptions":[{"from":"2026-10-09","working":false,"title":"检修"}]})";

// "2026-07-10 03:00" in China, in ns.
TimeNs china(std::string_view text) {
    return (std::int64_t{*calendar::parse_day(text.substr(0, 10))} * 1440 + *calendar::parse_minute(text.substr(11)) -
            480) *
           kMinute;
}
std::string rfc(std::string_view text) { return fmt::format("{}T{}:00%2B08:00", text.substr(0, 10), text.substr(11)); }

class Calendars : public testing::Test {
protected:
    Calendars() {
        put("calendar", "four", kFour);
        put("calendar", "long", R"({"is_default":true,"day_start":"20:00","day_named_by":"end","shifts":[
            {"name":"a","from":"20:00","to":"08:00"},{"name":"b","from":"08:00","to":"20:00"}]})");
        put("site", "plant", R"({"time_zone":"Asia/Shanghai","calendar":"four"})");
    }
    void put(const char* kind, const char* name, const char* spec) {
        const auto made = world.registry->put({TenantId{1}, "default", "system", registry::Role::admin, ""}, kind, name,
                                              parse_json(spec).value());
        EXPECT_TRUE(made) << (made ? "" : made.error().text());
    }
    std::string get(const std::string& target, int status = 200) {
        const auto reply = world.as(viewer, "GET", "/api/v1/" + target);
        EXPECT_EQ(reply.status, status) << target << " " << reply.body;
        return reply.body;
    }
    World world;
    std::string viewer = world.token("viewer"), engineer = world.token("engineer");
};

TEST_F(Calendars, SayWhatAMomentIs) {
    const auto f = [&](const std::string& target, const char* want) {
        const std::string body = get(target);
        EXPECT_NE(body.find(want), std::string::npos) << target << " " << body;
    };
    const std::string night = "calendars:now?calendar=four&precision=s&at=" + rfc("2026-07-11 03:00");
    f(night, R"("calendar":"four","built_in":false,"zone":"Asia/Shanghai")");
    f(night, R"("production_day":"2026-07-10","month":"2026-07","production_window":{"from":)");
    f(night, R"("day":{"day":"2026-07-11","kind":"weekend")");
    f(night, R"("shift":{"shift":"night","title":{"zh":"","en":""},"team":)");
    f(night, fmt::format(R"("from":{},"to":{}}},"next_shift":{{"shift":"day")", china("2026-07-11 00:00") / kSecond,
                         china("2026-07-11 08:00") / kSecond)
                 .c_str());
    f(night, fmt::format(R"("tariff":{{"tariff":"valley","from":{},"to":{},"season":0)",
                         china("2026-07-10 22:00") / kSecond, china("2026-07-11 08:00") / kSecond)
                 .c_str());
    f(night, R"("status":"third_party","source":"x")");
    f("calendars:now?place=plant/line/x&at=" + rfc("2026-10-09 09:00"), R"("shift":null)");
    f("calendars:now?place=plant/line/x&at=" + rfc("2026-10-09 09:00"), R"("kind":"exception_off")");
    f("calendars:now?at=" + rfc("2026-07-10 21:00"), R"("calendar":"long")");
    f("calendars:now?at=" + rfc("2026-07-10 21:00"), R"("production_day":"2026-07-11")");
    f("calendars:shifts?calendar=four&from=" + rfc("2026-07-10 08:00") + "&to=" + rfc("2026-07-11 08:00"),
      R"("team":{"name":"A","title":{"zh":"甲","en":""}},"production_day":"2026-07-10")");
    f("calendars:tariffs?calendar=four&from=" + rfc("2026-07-10 00:00") + "&to=" + rfc("2026-07-11 00:00"),
      R"("hours":{"sharp":0,"peak":14,"flat":0,"valley":10,"deep_valley":0})");
    EXPECT_NE(get("calendars:now?calendar=fuor", 404).find("did you mean"), std::string::npos);
    get("calendars:now?at=soon", 400);
    get("calendars:shifts?from=0&to=now", 429);
}

TEST_F(Calendars, CountWorkingDays) {
    const auto f = [&](const std::string& query, int status, const char* want) {
        const std::string body = get("calendars:working?" + query, status);
        EXPECT_NE(body.find(want), std::string::npos) << query << " " << body;
    };
    f("from=2026-09-30&add=1", 200, R"("to":"2026-10-08","working_days":1,"sure":true)");
    f("calendar=four&from=2026-10-08&add=1", 200, R"("to":"2026-10-10")");  // its own exception, then 调休
    f("from=2026-10-08&add=-1", 200, R"("to":"2026-09-30")");
    f("from=2026-09-30&to=2026-10-10", 200, R"("working_days":3)");
    f("from=2026-12-30&add=3", 200, R"("to":"2027-01-05","working_days":3,"sure":false)");
    f("at=" + rfc("2026-09-30 16:00") + "&time=2h&precision=s", 200,
      fmt::format(R"("due":{},"sure":true)", china("2026-10-08 09:00") / kSecond).c_str());
    f("", 400, "from: is missing");
    f("from=2026-02-30&add=1", 400, "from: expected a day such as 2026-10-01");
    f("from=2026-02-03", 400, "to: expected a day");
    f("from=2026-02-03&add=-", 400, "add: expected a whole number");
    f("from=2026-02-03&add=1x", 400, "add: expected a whole number");
    f("from=2026-02-03&add=99999999999999999999", 400, "add: expected a whole number");
    f("at=now&time=0", 400, "time");
}

TEST_F(Calendars, TellAYear) {
    const std::string body = get("calendars:year?calendar=four&year=2026");
    const auto year = parse_json(body).value();
    EXPECT_TRUE(year.at("arranged").as_bool());
    EXPECT_EQ(year.at("days").as_array().size(), 365);
    // 365 - 104 - 13, and one that the plant does not work.
    EXPECT_EQ(year.at("working_days").as_int64(), 247);
    EXPECT_EQ(year.at("sources").as_array().size(), 1);
    EXPECT_NE(body.find(R"({"day":"2026-10-10","kind":"makeup","working":true,"sure":true,"title":{"zh":"国庆节")"),
              std::string::npos);
    EXPECT_NE(
        body.find(R"({"day":"2026-10-09","kind":"exception_off","working":false,"sure":true,"exception":"检修"})"),
        std::string::npos);
    const std::string next = get("calendars:year?calendar=four&year=2027");
    EXPECT_NE(next.find(R"("known":true,"arranged":false)"), std::string::npos);
    EXPECT_NE(next.find(R"("day":"2027-02-06","kind":"holiday","working":false,"sure":false)"), std::string::npos);
    EXPECT_NE(get("calendars:year?year=2031").find(R"("known":false,"arranged":false)"), std::string::npos);
    get("calendars:year?year=20260", 400);
}

// Readings of three tags at two sites by shift, against reading each shift by itself.
TEST_F(Calendars, CutReadingsAsReadingEachPeriodByItselfDoes) {
    std::string lines;
    std::uint64_t state = 1;
    const TimeNs from = china("2026-07-09 05:00"), to = china("2026-07-13 11:00");
    for (TimeNs at = from; at < to; at += 7 * kMinute) {
        for (const char* tag : {"plant,at=line1", "plant,at=line2,of=m", "elsewhere,at=m"}) {
            state = state * 6364136223846793005ULL + 1442695040888963407ULL;
            lines += fmt::format("{} x={} {}\n", tag, static_cast<double>(state >> 56) / 4, at);
        }
    }
    ASSERT_EQ(world.as(engineer, "POST", "/api/v1/write?import=1", lines).status, 204);
    const auto read = [&](const std::string& query) {
        return parse_json(get("read?agg=avg,min,max,sum,count,first,last&" + query)).value();
    };
    const auto compare = [&](const std::string& every, const std::string& more, std::size_t tags) {
        const auto answer = read(fmt::format("tag=**.x&from={}&to={}&every={}{}", from, to, every, more));
        ASSERT_EQ(answer.at("series").as_array().size(), tags);
        for (const Json& series : answer.at("series").as_array()) {
            const auto& columns = series.at("columns").as_array();
            ASSERT_EQ(columns.at(9).as_string(), "to") << every;
            ASSERT_GT(series.at("rows").as_array().size(), 0);
            for (const Json& row : series.at("rows").as_array()) {
                const std::int64_t begin = row.at(0).to_number<std::int64_t>(),
                                   end = row.at(9).to_number<std::int64_t>();
                // One bucket that is longer than the period: all that lies in it.
                const auto alone =
                    read(fmt::format("tag={}&from={}&to={}&every=52w", series.at("tag").as_string().c_str(),
                                     std::max(begin, from), std::min(end, to)));
                JsonArray want(8), have(8);
                const Json& other = alone.at("series").at(0).at("rows").at(0);
                for (std::size_t i = 0; i < 8; ++i) want[i] = other.at(i + 1), have[i] = row.at(i + 1);
                ASSERT_EQ(have, want) << every << " " << registry::to_text(row);
            }
        }
    };
    compare("shift", "", 3);
    compare("production_day", "", 3);
    compare("month", "", 3);
    compare("shift", "&calendar=four", 3);
    const std::string csv =
        get(fmt::format("read?tag=plant/line1.x&from={}&to={}&every=shift&agg=count&format=csv&precision=s",
                        china("2026-07-10 08:00"), china("2026-07-10 16:00")));
    EXPECT_EQ(csv, fmt::format("tag,ts,time,count,good_fraction,to,production_day,shift,team\r\nplant/line1.x,{},"
                               "2026-07-10T00:00:00Z,68,1,{},2026-07-10,day,A\r\n",
                               china("2026-07-10 08:00") / kSecond, china("2026-07-10 16:00") / kSecond));
    const std::string mixed = get(fmt::format("read?tag=**.x&from={}&to={}&every=production_day", from, to));
    EXPECT_NE(mixed.find(R"("production_day"],"calendar":"four")"), std::string::npos);
    EXPECT_NE(mixed.find(R"("production_day"],"calendar":"long")"), std::string::npos);
    get("read?tag=plant/line1.x&every=shifts", 400);
    get("read?tag=plant/line1.x&every=shift&calendar=none", 404);
    get("read?tag=plant/line1.x&every=shift&agg=mean", 400);
    EXPECT_EQ(get("read?tag=nothing/**&every=shift"), R"({"series":[]})");
    EXPECT_NE(get("read?tag=plant/line1.x&every=shift&from=0&to=" + rfc("2026-07-13 11:00")).find("\"rows\":[["),
              std::string::npos);
}

}  // namespace
}  // namespace gongshu::api
