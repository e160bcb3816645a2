#include "expr/expr.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <sstream>

#include "expr/units.h"

namespace gongshu::expr {
namespace {

// The names of the tests.
class Names final : public Scope {
public:
    Names() {
        add("temperature", "degC");
        add("old_temperature", "degF");
        add("kelvin", "K");
        add("pressure", "bar");
        add("level", "mm");
        add("speed", "rpm");
        add("energy", "kW.h");
        add("humidity", "%");
        add("x", "");
        add("y", "");
        add("running", "", ValueType::boolean);
        add("state", "", ValueType::text);
        add("parts", "count", ValueType::integer);
        add("温度", "degC");
        add("site1/line1/cnc1.temperature", "degC");
        add("site-1/line-2/cnc-3.spindle_load", "%");
        add("1号车间/cnc1.温度", "degC");
        add("a-b/c d.e", "");
        add("b.c", "");
        all_["later"] = {"later", "", ValueType::number, false};
    }
    std::optional<ScopeTag> find(std::string_view name) const override {
        const auto found = all_.find(std::string(name));
        if (found == all_.end()) return std::nullopt;
        return found->second;
    }
    std::vector<std::string> names() const override {
        std::vector<std::string> list;
        for (const auto& [name, tag] : all_) list.push_back(name);
        return list;
    }

private:
    void add(const std::string& name, const std::string& unit, ValueType type = ValueType::number) {
        all_[name] = {name, unit, type, true};
    }
    std::map<std::string, ScopeTag> all_;
};

const Names kNames;
constexpr TimeNs kStart = 1'700'000'000 * kSecond;

std::string show(const Answer& answer) {
    if (!answer.known) return answer.missing ? "missing" : "unknown";
    switch (answer.kind) {
        case Kind::truth:
            return answer.truth ? "true" : "false";
        case Kind::number:
            return fmt::format("{:.10g}", answer.number);
        default:
            return answer.text;
    }
}

// Readings by name, one per tag, then the answer.
std::string evaluate(std::string_view text, const std::map<std::string, Value>& values, Quality quality = kGood) {
    const auto program = compile(text, kNames);
    if (!program) return "error: " + program.error().text;
    const auto evaluator = Evaluator::create(*program);
    evaluator->advance(kStart);
    for (std::size_t i = 0; i < (*program)->tags().size(); ++i)
        if (const auto found = values.find((*program)->tags()[i].path); found != values.end())
            evaluator->feed(i, kStart, found->second, quality);
    return show(evaluator->answer());
}

TEST(Expr, Values) {
    const auto f = [](std::string_view text, std::string_view want) {
        EXPECT_EQ(want, evaluate(text, {{"temperature", 85.0},
                                        {"old_temperature", 212.0},
                                        {"kelvin", 300.0},
                                        {"pressure", 2.0},
                                        {"level", 5000.0},
                                        {"x", 7.0},
                                        {"y", -3.0},
                                        {"running", true},
                                        {"state", std::string("RUN")},
                                        {"parts", std::int64_t{12}},
                                        {"温度", 20.0},
                                        {"site1/line1/cnc1.temperature", 70.0},
                                        {"site-1/line-2/cnc-3.spindle_load", 55.0},
                                        {"1号车间/cnc1.温度", 33.0},
                                        {"a-b/c d.e", 9.0},
                                        {"b.c", 2.0},
                                        {"humidity", 40.0},
                                        {"energy", 3.0},
                                        {"speed", 1500.0}}))
            << text;
    };
    f("1 + 2 * 3", "7");
    f("(1 + 2) * 3", "9");
    f("2 ^ 3 ^ 2", "512");
    f("-2 ^ 2", "-4");
    f("7 % 3", "1");
    f("7 % x", "0");
    f("1e3 + .5", "1000.5");
    f("temperature > 80 degC", "true");
    f("temperature > 80", "true");
    f("temperature > 80 ℃", "true");
    f("temperature＞80℃", "true");
    f("temperature ≥ 85", "true");
    f("temperature > 176 degF", "true");
    f("temperature > 186 degF", "false");
    f("176 degF < temperature", "true");
    f("old_temperature > 99 degC", "true");
    f("old_temperature > 101 degC", "false");
    f("kelvin > 26 degC", "true");
    f("kelvin > 27 degC", "false");
    f("temperature - 5 degC", "80");
    f("temperature - 9 degF == 80", "true");
    f("temperature - 5 K", "80");
    f("temperature + 2 K", "87");
    f("2 K + temperature < 88 degC", "true");
    f("kelvin - 5 K > 21 degC", "true");
    f("kelvin - 5 K > 22 degC", "false");
    f("temperature - 温度 + 5 K > 69 K", "true");
    f("temperature - 温度 + 5 K > 71 K", "false");
    f("temperature - 温度 > 64 degC", "true");
    f("temperature - 温度 > 110 degF", "true");
    f("temperature - 温度 > 118 degF", "false");
    f("(temperature + 温度) / 2 > 52 degC", "true");
    f("pressure > 150 kPa", "true");
    f("pressure * 2 > 3.5 bar", "true");
    f("pressure / 100 kPa", "2");
    f("pressure / 100 kPa > 1.9", "true");
    f("level > 4.5 m", "true");
    f("level > 5 m", "false");
    f("humidity > 30%", "true");
    f("humidity > 30 %", "true");
    f("humidity > 30 % and x > 1", "true");
    f("(humidity > 30 %)", "true");
    f("7 % -3", "1");
    f("humidity > 30% and x > 1", "true");
    f("energy > 10 MJ", "true");
    f("sqrt(level ^ 2) > 4 m", "true");
    f("x - y", "10");
    f("x -3", "4");
    f("x-3", "4");
    f("x / 2", "3.5");
    f("x/2", "3.5");
    f("x/y < 0", "true");
    f("site1/line1/cnc1.temperature > 60 degC", "true");
    f("site-1/line-2/cnc-3.spindle_load > 50%", "true");
    f("1号车间/cnc1.温度 > 30", "true");
    f("温度 < 30 摄氏度", "true");
    f("`a-b/c d.e` + 1", "10");
    f("`a-b/c d.e`.quality == good", "true");
    f("b.c-1", "1");
    f("b.c * 2", "4");
    f("running", "true");
    f("not running", "false");
    f("running == 1", "true");
    f("running != false", "true");
    f("state == 'RUN'", "true");
    f("state != \"RUN\"", "false");
    f("parts >= 12", "true");
    f("if(running, x, y)", "7");
    f("if(x < 0, 1 bar, pressure)", "2");
    f("abs(y)", "3");
    f("min(x, y, 5)", "-3");
    f("max(x, y)", "7");
    f("min(pressure, 100 kPa)", "1");
    f("round(2.5) + floor(2.7) + ceil(2.1)", "8");
    f("log(exp(2))", "2");
    f("sqrt(y)", "unknown");
    f("x / 0", "unknown");
    f("log(0)", "unknown");
    f("x.quality == good", "true");
    f("x.quality == 'bad'", "false");
    f("temperature.quality != bad and temperature > 80", "true");
    f("true and false or true", "true");
    f("not (x > 1 and y > 1)", "true");
    f("since(x)", "0");
    f("since(x) > 30s", "false");
    f("since(x) < 1 min", "true");
    f("5m == 300 s", "true");
    f("1h30m", "5400");
    f("later > 5", "missing");
    f("later > 5 or true", "true");
}

TEST(Expr, UnknownIsThreeValued) {
    const auto f = [](std::string_view text, std::string_view want) {
        EXPECT_EQ(want, evaluate(text, {{"x", 1.0}}, bad(Reason::timeout))) << text;
    };
    f("x > 0", "unknown");
    f("x > 0 or true", "true");
    f("x > 0 and false", "false");
    f("x > 0 and true", "unknown");
    f("not (x > 0)", "unknown");
    f("x.quality == bad", "true");
    f("x.quality < good", "true");
    f("y > 0", "missing");
    f("y > 0 and x > 0", "unknown");
    f("if(x > 0, 1, 2)", "unknown");
    f("x + 1", "unknown");
    f("y.quality == bad", "missing");
    EXPECT_EQ("unknown", evaluate("x.quality == bad", {{"x", 1.0}}, bad(Reason::stopped))) << "nobody asked";
    EXPECT_EQ("unknown", evaluate("x.quality != good", {{"x", 1.0}}, bad(Reason::stopped)));
}

TEST(Expr, ErrorsNameThePlace) {
    struct Want {
        std::uint32_t column, length;
        std::string_view text, suggest;
    };
    const auto f = [](std::string_view text, Want want) {
        const auto program = compile(text, kNames, {.want_condition = true});
        ASSERT_FALSE(program) << text;
        const ExprError& error = program.error();
        EXPECT_EQ(want.column, error.column) << text << ": " << error.text;
        EXPECT_EQ(want.length, error.length) << text << ": " << error.text;
        EXPECT_NE(error.text.find(want.text), std::string::npos) << text << ": " << error.text;
        const std::string first = error.suggest.empty() ? "" : error.suggest.front();
        EXPECT_EQ(want.suggest, first) << text << ": " << error.text;
        EXPECT_FALSE(error.expected.empty()) << text;
        EXPECT_NE(error.to_error().text().find("column"), std::string::npos);
    };
    f("", {1, 0, "empty", ""});
    f("temperature >", {14, 0, "ends where a value", ""});
    f("temprature > 80", {1, 10, "there is no tag \"temprature\"", "temperature"});
    f("温渡 > 80", {1, 2, "there is no tag", "温度"});
    f("温度 > 80 and x >", {16, 0, "ends where", ""});
    f("temperature > 80 bar", {15, 6, "\"temperature\" (unit degC) and \"80 bar\" (unit bar)", ""});
    f("pressure + temperature > 3", {12, 11, "cannot add \"pressure\" (unit bar) and \"temperature\" (unit degC)", ""});
    f("temperature > 80 degx", {18, 4, "not a unit", "degC"});
    f("temperature = 80", {13, 1, "equality is \"==\"", "=="});
    f("x > 1 && y > 1", {7, 2, "write \"and\"", "and"});
    f("1 < x < 3", {7, 1, "chained", "and"});
    f("avrg(x, 5m) > 1", {1, 4, "no function \"avrg\"", "avg"});
    f("avg(x, 5) > 1", {8, 1, "duration", "5m"});
    f("avg(x, 5 m) > 1", {8, 3, "duration", "5m"});
    f("x > 1 for 5 m", {11, 3, "\"for\" needs a duration", "5m"});
    f("x > 1 for 60 d", {11, 4, "longer than 31 days", ""});
    f("avg(x, 60 d) > 1", {8, 4, "longer than 31 days", ""});
    f("temp > 80", {1, 4, "there is no tag \"temp\"", "temperature"});
    f("load > 80", {1, 4, "there is no tag \"load\"", "site-1/line-2/cnc-3.spindle_load"});
    f("x > 1 并且 y > 1", {7, 2, "write \"and\"", "and"});
    f("x > 1并且 y > 1", {6, 2, "write \"and\"", "and"});
    f("running 或者 x > 1", {9, 2, "write \"or\"", "or"});
    f("running AND x > 1", {9, 3, "write \"and\"", "and"});
    f("不 running", {1, 1, "write \"not\"", "not"});
    f("不(x > 1)", {1, 1, "write \"not\"", "not"});
    f("x > 1 and 不 running", {11, 1, "write \"not\"", "not"});
    f("x 大于等于 1", {3, 4, "write \">=\"", ">="});
    f("avg(3 + 1, 5m) > 1", {5, 5, "must be a tag", "avg(temperature, 5m)"});
    f("since(x + 1) > 1", {7, 5, "must be a tag", "since(x) > 60s"});
    f("avg(x) > 1", {1, 6, "was given 1 argument", "avg(temperature, 5m)"});
    f("avg(state, 5m) > 1", {5, 5, "is a text", ""});
    f("(x > 1", {7, 0, "bracket of column 1 is not closed", ")"});
    f("x > 1)", {6, 1, "never opened", ""});
    f("x > 1 for ever", {11, 4, "needs a duration", "30s"});
    f("level > 5m", {9, 2, "is a duration", "5 m"});
    f("temperature", {1, 11, "not a condition", "> 0"});
    f("x and running", {1, 1, "\"and\" needs a condition", "x > 0"});
    f("state > 'A'", {1, 11, "no order", "=="});
    f("state == 5", {10, 1, "cannot compare \"state\" (a text)", ""});
    f("x.quality == 5", {14, 1, "cannot compare", "good"});
    f("x > y x", {7, 1, "an operator or the end", "and"});
    f("'abc", {1, 4, "no closing quote", ""});
    f("`abc", {1, 4, "no closing backtick", ""});
    f("x > 1 x", {7, 1, "not a unit", ""});
    f("if(x > 1, temperature, pressure) > 3", {24, 8, "like units", ""});
    f("log(pressure) > 1", {5, 8, "plain number", ""});
    f("level ^ x > 1", {9, 1, "whole number", "2"});
    f("x > 40d", {5, 3, "longer than 31 days", ""});
    f("x # 3", {3, 1, "no meaning", ""});
    f(std::string(5000, 'x'), {1, 0, "at most 4096", ""});
    f(std::string(100, '(') + "1", {65, 1, "nested deeper", ""});
    f("x > \xff", {5, 1, "not text", ""});
    f("min(x, 5m, 3) > 1", {12, 1, "third argument of min() must be a duration", "5m"});
    f("x between 1 or 3", {13, 2, "\"between\" needs", "and"});
    f("state in 'A'", {10, 3, "list in brackets", "("});
    f("if x > 1 then 2", {16, 0, "\"then\" and \"else\"", "else"});
}

TEST(Expr, ProgramTellsWhatItUses) {
    const auto program = compile("avg(x, 5m) > 3 and max(y, 1h) < 2 and x > 1 for 30s", kNames);
    ASSERT_TRUE(program);
    EXPECT_EQ((*program)->lookback(), kHour + 30 * kSecond);
    EXPECT_EQ((*program)->tags().size(), 2u);
    EXPECT_EQ((*program)->uses(), (std::vector<std::string>{"avg", "max"}));
    const auto stripped = compile("x > 1 for 30s", kNames, {.strip_hold = true});
    ASSERT_TRUE(stripped);
    EXPECT_EQ((*stripped)->outer_hold(), 30 * kSecond);
}

TEST(Expr, DeadBandMovesWhatDecides) {
    const auto f = [](std::string_view text, double value, bool want) {
        const auto program = compile(text, kNames, {.relax = 5});
        ASSERT_TRUE(program) << program.error().text;
        const auto evaluator = Evaluator::create(*program);
        evaluator->advance(kStart);
        for (std::size_t i = 0; i < (*program)->tags().size(); ++i) evaluator->feed(i, kStart, value, kGood);
        EXPECT_EQ(want, evaluator->answer().truth) << text << " at " << value;
    };
    f("temperature > 80", 76, true);
    f("temperature > 80", 75, false);
    f("80 < temperature", 76, true);
    f("80 < temperature", 75, false);
    f("temperature < 10", 14, true);
    f("temperature < 10", 15, false);
    f("not (temperature <= 80)", 76, true);
    f("not (temperature <= 80)", 75, false);
    f("old_temperature > 100 degC", 208, true);  // 212 less 5 degF
    f("old_temperature > 100 degC", 206.9, false);
    EXPECT_FALSE(compile("running", kNames, {.relax = 5}));
    EXPECT_FALSE(compile("temperature == 5", kNames, {.relax = 5}));
}

// Steps of one evaluator: "+5s" moves time, "x=3" feeds at the present time, "x=3@-10s" with a time of its own,
// "x=bad".
std::string run(std::string_view text, std::string_view steps) {
    const auto program = compile(text, kNames);
    if (!program) return program.error().text;
    const auto evaluator = Evaluator::create(*program);
    TimeNs now = kStart;
    evaluator->advance(now);
    std::string seen;
    std::istringstream in{std::string(steps)};
    for (std::string step; in >> step;) {
        if (step[0] == '+') {
            now += std::atoll(step.c_str() + 1) * kSecond;
            for (auto next = evaluator->next_time(); next && *next <= now; next = evaluator->next_time()) {
                evaluator->advance(*next);
                evaluator->answer();
            }
            evaluator->advance(now);
        } else {
            const auto equals = step.find('='), at = step.find('@');
            const std::string name = step.substr(0, equals),
                              value = step.substr(equals + 1, at == std::string::npos ? at : at - equals - 1);
            const TimeNs time = at == std::string::npos ? now : now + std::atoll(step.c_str() + at + 1) * kSecond;
            for (std::size_t i = 0; i < (*program)->tags().size(); ++i)
                if ((*program)->tags()[i].path == name) {
                    if (value == "bad")
                        evaluator->feed(i, time, 0.0, bad(Reason::timeout));
                    else
                        evaluator->feed(i, time, std::strtod(value.c_str(), nullptr), kGood);
                }
        }
        seen += show(evaluator->answer()) + " ";
    }
    if (!seen.empty()) seen.pop_back();
    return seen;
}

TEST(Evaluator, Steps) {
    const auto f = [](std::string_view text, std::string_view steps, std::string_view want) {
        EXPECT_EQ(want, run(text, steps)) << text;
    };
    f("avg(x, 10s)", "x=1 +5 x=3 +5 +5 x=9", "1 1 2 3 missing 9");
    f("sum(x, 10s)", "x=1 +5 x=3 x=4@-2 x=4@-2 +8 +2", "1 1 4 8 8 3 missing");
    f("count(x, 10s)", "+1 x=1 x=2 x=bad +1 x=3 x=bad@-5", "0 1 1 0 0 1 1");
    f("min(x, 10s)", "x=5 +2 x=3 +2 x=4 +6 +2 +2", "5 5 3 3 3 3 4 missing");
    f("max(x, 10s)", "x=5 +2 x=3 +2 x=4 x=9@-3 +6 +1", "5 5 5 5 5 9 9 4");
    f("first(x, 10s)", "x=5 +4 x=6 +6 x=7@-5", "5 5 5 6 6");
    f("last(x, 10s)", "x=5 +4 x=6 x=1@-2 +9 +1", "5 5 6 6 6 missing");
    f("delta(x, 10s)", "x=5 +4 x=8", "0 0 3");
    f("rate(x, 10s)", "x=5 +4 x=8 +6", "unknown unknown 0.75 unknown");
    f("x > 5 for 10s", "x=6 +5 x=7 +4 +1 x=1 x=6 +9 +1", "false false false false true false false false true");
    f("x > 5 for 10s", "x=6 +5 x=bad +3 x=6 +2", "false false unknown unknown false true");
    f("x > 5 for 10s", "x=6 +5 x=bad +7 x=6", "false false unknown unknown true");
    f("(x > 5 for 5s) and y > 0", "y=1 x=6 +5 y=0", "missing false true false");
    f("since(x) > 10s", "+5 x=1 +10 +1 x=2", "missing false false true false");
    f("since(x) > 10s", "x=1@-60 +9", "false false");
    f("x > 5", "x=6 x=1@-5 x=7@-9 x=2", "true true true false");
    f("avg(x, 1h)", "x=1 x=1 x=1 x=3 +1 x=1", "1 1 1 3 3 2");
}

TEST(Evaluator, WhyNamesTheReadings) {
    const auto program = compile("temperature > 80 degC and avg(pressure, 5m) > 1 bar and max(x, 5m) > 2", kNames);
    ASSERT_TRUE(program);
    const auto evaluator = Evaluator::create(*program);
    evaluator->advance(kStart);
    evaluator->feed(0, kStart - 3, 81.5, kGood);
    evaluator->feed(1, kStart - 2, 2.0, kGood);
    evaluator->feed(1, kStart - 1, 4.0, kGood);
    evaluator->feed(2, kStart - 9, 3.0, kGood);
    EXPECT_TRUE(evaluator->answer().truth);
    std::string seen;
    for (const Observed& one : evaluator->observed())
        seen +=
            fmt::format("{} {} {} {} {};", one.tag, one.expression, one.time - kStart, to_string(one.value), one.unit);
    EXPECT_EQ(
        seen,
        "0 temperature -3 81.5 degC;1 avg(pressure, 5m) 0 3 bar;1 pressure -1 4 bar;2 max(x, 5m) -9 3 ;2 x -9 3 ;");
}

TEST(Evaluator, WindowForgetsTheOldestAtItsLimit) {
    const auto program = compile("sum(x, 1d)", kNames);
    const auto evaluator = Evaluator::create(*program);
    evaluator->advance(kStart);
    for (std::size_t i = 0; i < kWindowPointsMax; ++i)
        evaluator->feed(0, kStart - static_cast<TimeNs>(kWindowPointsMax - i), 1.0, kGood);
    EXPECT_EQ(evaluator->answer().quality, kGood);
    evaluator->feed(0, kStart, 1.0, kGood);
    EXPECT_EQ(evaluator->answer().number, static_cast<double>(kWindowPointsMax));
    EXPECT_EQ(evaluator->answer().quality, uncertain(Reason::computed));
}

TEST(Evaluator, SettingTheClockChangesNothing) {
    for (const DurationNs jump : {kHour, -kHour}) {
        const auto program = compile("since(x) > 10s or avg(x, 10s) > 5 or (x > 1 for 10s)", kNames);
        const auto evaluator = Evaluator::create(*program);
        evaluator->advance(kStart);
        evaluator->feed(0, kStart, 2.0, kGood);
        EXPECT_FALSE(evaluator->answer().truth);
        evaluator->shift(jump);
        EXPECT_FALSE(evaluator->answer().truth);
        evaluator->advance(kStart + jump + 9 * kSecond);
        EXPECT_FALSE(evaluator->answer().truth);
        evaluator->advance(kStart + jump + 10 * kSecond);
        EXPECT_TRUE(evaluator->answer().truth);
        evaluator->feed(0, kStart + jump + 10 * kSecond, 0.0, kGood);
        EXPECT_FALSE(evaluator->answer().truth) << jump;  // the new reading is the newest, whichever way the clock went
    }
}

TEST(Units, Conversions) {
    const auto f = [](std::string_view from, std::string_view to, double at, double want) {
        const auto by = conversion(from, to);
        ASSERT_TRUE(by) << from << " " << to << ": " << by.error().text();
        EXPECT_NEAR(at * by->factor + by->offset, want, 1e-9 * std::abs(want) + 1e-9) << from << " " << to;
    };
    f("degC", "degF", 100, 212);
    f("℃", "K", 0, 273.15);
    f("bar", "kPa", 1.5, 150);
    f("kWh", "MJ", 1, 3.6);
    f("m³/h", "l/min", 6, 100);
    f("%", "", 50, 0.5);
    f("转/分", "r/min", 3, 3);
    EXPECT_FALSE(conversion("bar", "degC"));
    EXPECT_NE(conversion("bar", "degC").error().text().find("\"bar\" to \"degC\""), std::string::npos);
    const std::vector<std::string_view> wrong{"degx", "5",      "m/0s",     "b/0b",       "m per 0 s",
                                              "0m",   "m/0.0s", "m2.0s",    "degC degx ", "s since 2000-01-01",
                                              "m;",   "((",     {"m\0x", 3}};
    for (const std::string_view text : wrong) EXPECT_FALSE(check_unit(text)) << text;
    EXPECT_EQ(*check_unit(" ℃ "), "degC");
    for (const std::string_view text : {"m3/h", "m/10 s", "1000 m", "m.s-1", "0.1 bar", "1/100"})
        EXPECT_TRUE(check_unit(text)) << text;
    EXPECT_EQ(*quotient_unit("degC", "s"), "K/s");
    EXPECT_EQ(*quotient_unit("bar", "bar"), "");
    EXPECT_EQ(*product_unit("kW", "h"), "kW.h");
}

}  // namespace
}  // namespace gongshu::expr
