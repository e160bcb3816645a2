// Every row of the function table runs as its own example says, and the pages of the guide are what the tables say.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "data/money.h"
#include "expr/calendar.h"
#include "expr/expr.h"
#include "expr/testing/random_program.h"

namespace gongshu::expr {
namespace {

const TimeNs kBegin = *read_time("2026-03-01T08:00:00Z");

// The tags that functions.cpp names.
class ExampleTags final : public Scope {
public:
    std::optional<ScopeTag> find(std::string_view name) const override {
        static const std::map<std::string, std::pair<std::string, ValueType>, std::less<>> kTags{
            {"x", {"", ValueType::number}},
            {"y", {"", ValueType::number}},
            {"temperature", {"degC", ValueType::number}},
            {"room", {"degC", ValueType::number}},
            {"pressure", {"bar", ValueType::number}},
            {"level", {"mm", ValueType::number}},
            {"energy", {"kWh", ValueType::number}},
            {"heat", {"MJ", ValueType::number}},
            {"fee", {"CNY", ValueType::number}},
            {"tariff", {"CNY/kWh", ValueType::number}},
            {"parts", {"count", ValueType::integer}},
            {"word", {"", ValueType::integer}},
            {"running", {"", ValueType::boolean}},
            {"state", {"", ValueType::text}}};
        const auto found = kTags.find(name);
        if (found == kTags.end()) return std::nullopt;
        return ScopeTag{std::string(name), found->second.first, found->second.second, true};
    }
    std::vector<std::string> names() const override { return {"temperature", "pressure", "state", "running"}; }
    std::shared_ptr<const WorkingDays> working_days() const override {
        return std::make_shared<const testing::Weekdays>();
    }
};

Value value_of(const ProgramTag& tag, const std::string& text) {
    switch (tag.type) {
        case ValueType::text:
            return text;
        case ValueType::boolean:
            return text == "true";
        case ValueType::integer:
            return static_cast<std::int64_t>(std::strtoll(text.c_str(), nullptr, 10));
        case ValueType::number:
            break;
    }
    return std::strtod(text.c_str(), nullptr);
}

std::string show(const Answer& answer, const std::string& unit) {
    const std::string suffix = unit.empty() ? "" : " " + unit;
    if (!answer.known) return answer.missing ? "missing" : "unknown";
    switch (answer.kind) {
        case Kind::truth:
            return answer.truth ? "true" : "false";
        case Kind::number:
            return fmt::format("{:.10g}", answer.number) + suffix;
        case Kind::integer:
            return fmt::to_string(answer.integer) + suffix;
        case Kind::time:
            return time_text(answer.integer);
        case Kind::money:
            return to_string(Money{answer.integer, unit});
        case Kind::price:
            return price_text(answer.integer, unit);
        case Kind::date:
            return date_text(answer.integer);
        default:
            return answer.text;
    }
}

// The answer after the readings of `given`.
std::string run(std::string_view text, std::string_view given, const CompileOptions& options = {}) {
    const auto program = compile(text, ExampleTags{}, options);
    if (!program) return program.error().code + ": " + program.error().text;
    const auto evaluator = Evaluator::create(*program);
    TimeNs now = kBegin;
    evaluator->advance(now);
    std::istringstream in{std::string(given)};
    for (std::string step; in >> step;) {
        if (step[0] == '+') {
            now += static_cast<DurationNs>(std::strtod(step.c_str() + 1, nullptr) * 1e9);
            for (auto next = evaluator->next_time(); next && *next < now; next = evaluator->next_time()) {
                evaluator->advance(*next);
                evaluator->answer();
            }
            evaluator->advance(now);
        } else {
            const auto equals = step.find('=');
            const std::string name = step.substr(0, equals), value = step.substr(equals + 1);
            for (std::size_t i = 0; i < (*program)->tags().size(); ++i) {
                const ProgramTag& tag = (*program)->tags()[i];
                if (tag.path != name) continue;
                const bool is_bad = value == "bad";
                evaluator->feed(i, now, is_bad ? Value{0.0} : value_of(tag, value),
                                is_bad ? bad(Reason::timeout) : kGood);
            }
        }
        evaluator->answer();
    }
    return show(evaluator->answer(), (*program)->unit());
}

TEST(Functions, EachDoesWhatItsExampleSays) {
    std::set<std::string_view> names;
    for (const FunctionInfo& function : functions()) {
        EXPECT_TRUE(names.insert(function.name).second) << function.name << " is twice in the table";
        EXPECT_NE(function.example.find(function.name), std::string_view::npos) << function.name;
        EXPECT_FALSE(function.help_zh.empty() || function.help_en.empty() || function.signature.empty());
        EXPECT_EQ(run(function.example, function.given), function.result) << function.example;
    }
}

TEST(Functions, PagesAreWhatTheTablesSay) {
    for (const std::string_view language : {"en", "zh"}) {
        const std::string path = std::string(GONGSHU_SOURCE_DIR) +
                                 (language == "en" ? "/docs/guide/expressions.md" : "/docs/guide/expressions.zh-CN.md");
        if (std::getenv("UPDATE")) std::ofstream(path) << reference(language);
        std::ifstream file(path);
        std::stringstream text;
        text << file.rdbuf();
        EXPECT_EQ(text.str(), reference(language)) << path << " is old: run expr_test with UPDATE=1";
    }
}

TEST(Functions, Cases) {
    const auto f = [](std::string_view text, std::string_view given, std::string_view want) {
        EXPECT_EQ(want, run(text, given)) << text;
    };
    // Choosing.
    f("if x > 5 then 'high' else 'low'", "x=6", "high");
    f("if x > 5 then 'high' else if x > 2 then 'mid' else 'low'", "x=3", "mid");
    f("if (x > 5) and (y > 1) then 1 else 2", "x=6 y=0", "2");
    f("1 + if running then 2 else 3", "running=true", "3");
    f("if(x > 0, parts, 0)", "x=1 parts=9007199254740993", "9007199254740993 count");
    f("coalesce(x, y)", "x=bad", "unknown");
    f("coalesce(x, y)", "", "missing");
    f("coalesce(temperature, 300 K)", "x=1", "26.85 degC");
    f("coalesce(state, 'NONE') == 'NONE'", "", "true");
    f("known(x) and x > 3", "x=4", "true");
    // Membership.
    f("x between 1 and 5", "x=5", "true");
    f("x not between 1 and 5", "x=5", "false");
    f("temperature between 10 degC and 86 degF", "temperature=30", "true");
    f("level between 1 m and 2 m and x > 0", "level=1500 x=1", "true");
    f("state in ('RUN', 'IDLE')", "state=IDLE", "true");
    f("state not in ('RUN', 'IDLE')", "state=FAULT", "true");
    f("parts in (1, 2, 3)", "parts=2", "true");
    f("5 in (x, y)", "x=4 y=5", "true");
    f("level > 1 in", "level=26", "true");
    f("5 + if x > 1 then 1 else 2", "x=2", "6");
    f("x > 5 ? 1 : 2", "", "no_meaning: \"?\" has no meaning here");
    // Integers.
    f("word + 1", "word=9223372036854775806", "9223372036854775807");
    f("word + 1", "word=9223372036854775807", "unknown");
    f("word * 2", "word=4611686018427387904", "unknown");
    f("-word", "word=-5", "5");
    f("word == 9007199254740993", "word=9007199254740992", "false");
    f("word % 7", "word=-15", "-1");
    f("word % 0", "word=3", "unknown");
    f("word / 2", "word=7", "3.5");
    f("word / 2 + 1", "word=7", "4.5");
    f("word + 0.5", "word=1", "1.5");
    f("min(word, 3)", "word=9007199254740993", "3");
    f("abs(word)", "word=-9007199254740993", "9007199254740993");
    f("parts * 2", "parts=3", "6 count");
    f("sign(word)", "word=-3", "-1");
    f("round(word)", "word=3", "3");
    f("round(word, -2)", "word=349", "300");
    // Units.
    f("sqrt(level * 4 mm)", "level=9", "6 mm");
    f("sqrt(level)", "", "square_needed: sqrt() takes a plain number or a square, and this has unit mm");
    f("sqrt(16 m2) + level", "level=500", "4500 mm");
    f("hypot(level, 4 m)", "level=3000", "5000 mm");
    f("hypot(level, pressure)", "", "like_units: hypot() needs like units: the first has unit mm, this has unit bar");
    f("clamp(temperature, 50 degF, 100 degC)", "temperature=5", "10 degC");
    f("clamp(x, 5, 1)", "x=3", "unknown");
    f("exp(level)", "", "plain_number: exp() takes a plain number, and this has unit mm");
    f("ln(level / 1 mm)", "level=1", "0");
    f("sin(level)", "", "angle_needed: sin() takes an angle or a plain number, and this has unit mm");
    f("sin(90 degree) + cos(0 radian)", "", "2");
    f("asin(2)", "", "unknown");
    f("atan2(-1, 0) < 0", "", "true");
    f("pow(level, 2) > 8 mm2", "level=3", "true");
    f("pow(level, x)", "", "whole_exponent: what has a unit (mm) can only be raised to a whole number");
    f("x ^ -1", "x=4", "0.25");
    f("exp(50%) == exp(0.5)", "", "true");
    f("mod(level, 1 m)", "level=2300", "300 mm");
    f("log10(0)", "", "unknown");
    f("round(-2.5) + trunc(2.7)", "", "-1");
    f("max(temperature, room) - min(temperature, room)", "temperature=50 room=20", "30 degC");
    f("stddev(temperature, 1m) > 1 K", "temperature=50 +1s temperature=53", "true");
    // Texts.
    f("concat('T=', x, ' ', running)", "x=1.5 running=true", "T=1.5 true");
    f("upper(state) == 'RUN'", "state=rUn", "true");
    f("length(state) > 2", "state=温度高", "true");
    f("length(x)", "", "wrong_kind: length() needs a text, and \"x\" is a number");
    f("state @ -1m", "state=A +40s state=B +30s", "A");
    // Bits.
    f("bit(word, 63)", "word=-1", "true");
    f("bit(x, 2)", "x=4", "true");
    f("bit(x, 2)", "x=4.5", "unknown");
    f("bit(word, 64)", "word=1", "unknown");
    f("shift(1, 4) + band(word, shift(3, 2))", "word=255", "28");
    f("shift(-1, -60)", "", "15");
    // Time.
    f("time(x) + 30s", "+5s x=1", "2026-03-01T08:00:35Z");
    f("time(x) - 1 h == time('2026-03-01T15:00:00+08:00')", "x=1", "true");
    f("time(x) - time(y) > 1 min", "y=1 +61s x=1", "true");
    f("time(x) + time(y)", "", "time_sum: cannot add \"time(x)\" (a time) and \"time(y)\" (a time)");
    f("time(x) + 5", "", "time_sum: cannot add \"time(x)\" (a time) and \"5\" (a number)");
    f("time(x) > 5", "", "incomparable: cannot compare \"time(x)\" (a time) with \"5\" (a number)");
    f("time('yesterday')", "", "time_text: \"yesterday\" is not a time");
    f("now()", "x=1 +1.5s", "2026-03-01T08:00:01Z");
    f("hour(now() - 9h)", "x=1", "23");
    f("hour('Asia/Kathmandu') == 13 and minute('Asia/Kathmandu') == 45", "x=1", "true");
    f("day('America/New_York')", "x=1", "1");
    f("hour('Mars/Olympus')", "", "zone_unknown: there is no time zone \"Mars/Olympus\"");
    f("hour(5)", "", "wrong_kind: hour() needs a time, and \"5\" is a number");
    f("weekday() in (6, 7)", "x=1", "true");
    // Windows.
    f("avg(x * 2, 1m)", "x=1 +1s x=3", "4");
    f("avg(x + y, 1m)", "x=1 +1s y=1 +1s x=2", "2.5");
    f("count(x > 2, 1m)", "x=1 +1s x=3 +1s x=bad", "2");
    f("avg(x, 10s, 5s)", "x=1 +4s x=3 +4s", "1");
    f("avg(x, 10s) - avg(x, 10s, 10s)", "x=1 +10s x=5", "4");
    f("max(avg(x, 2s), 10s)", "x=1 +1s x=5 +3s x=0", "3");
    f("percentile(x, 1m, 0) + percentile(x, 1m, 100)", "x=5 +1s x=1", "6");
    f("percentile(x, 1m, 101)", "",
      "constant_needed: the third argument of percentile() must be a number that is written out");
    f("increase(x, 1h, 100)", "x=90 +1s x=95 +1s x=5", "15");
    f("increase(x, 1h)", "x=90", "0");
    f("increase(energy, 1h) > 2 MJ", "energy=5 +60s energy=6", "true");
    f("stddev(x, 1m)", "x=1", "unknown");
    f("stddev(x, 1m) < 1e-6", "x=100000000.1 +1s x=100000000.1 +1s x=100000000.1", "true");
    f("twa(x, 1m)", "x=10 +10s x=bad +10s x=20 +10s", "15");
    f("twa(x, 1m)", "x=bad +5s", "unknown");
    f("twa(x, 10s)", "x=10 +100s", "10");
    f("twa(x, 10s)", "x=10 +100s x=20 +5s", "15");
    f("twa(running, 10s)", "running=true +5s running=false +5s", "0.5");
    f("duration_true(x > 5, 1m) >= 20s", "x=6 +25s", "true");
    f("duration_true(x > 5, 1m)", "x=6 +70s", "60 s");
    f("duration_true(x > 5, 1m)", "x=6 +70s x=1 +20s", "40 s");
    f("duration_true(x > 5, 1m)", "x=6 +10s x=bad +10s x=6 +5s", "15 s");
    f("duration_true(x > 5, 1h)", "x=6 +10s x=bad +10s x=6 +5s", "10 s");  // at most a hundredth old
    f("count_true(x > 5, 10s)", "x=1 +1s x=6 +1s x=1 +1s x=6 +9s", "1");
    f("count_true(x > 5, 10s)", "x=6 +1s x=bad +1s x=6", "0");
    f("lag(x, 1m)", "x=1", "missing");
    f("lag(x, 1m) == 1", "x=1 +60s", "true");
    f("(x @ -1m) @ -1m", "x=1 +100s x=2 +30s", "1");
    f("changed(x)", "x=1 +1s x=1", "false");
    f("changed(x)", "x=1 +1s x=2 +9s", "true");
    f("changed(x, 5s)", "x=1 +1s x=2 +5s", "false");
    f("changed(x > 5)", "x=1 +1s x=2", "false");
    f("changed(state)", "state=A +1s state=bad +1s state=B", "true");
    f("stale(x, 30s)", "", "missing");
    f("stale(x, 30s)", "x=1 +30s", "false");
    f("stale(x, 30s)", "x=1 +31s", "true");
    f("30s < since(x)", "x=1 +31s", "true");
    f("since(x) + 1s > 30s", "x=1 +30s", "true");
    f("since(x) > 0.5 min", "x=1 +31s", "true");
    f("avg(5, 1m)", "", "tag_needed: the first argument of avg() must be a tag, not a calculation");
    f("avg(x, 1m, 5)", "", "duration_needed: the third argument of avg() must be a duration above zero");
    f("x > 5 for 30s and running", "",
      "bracket_for: before \"and\" a condition with \"for\" needs brackets: (x > 5 for 30s) and …");
    f("(x > 5 for 30s) and running", "x=6 running=true +30s", "true");
    f("x ** 2", "", "write_this: \"**\" is not known; write \"^\"");
    f("coalesce(level, pressure)", "",
      "like_units: coalesce() needs like units: the first has unit mm, this has unit bar");
    f("x > 1 @ 5m", "", "at_duration: \"@\" needs a duration back in time");
}

TEST(Functions, MoneyCases) {
    const auto f = [](std::string_view text, std::string_view given, std::string_view want) {
        EXPECT_EQ(want, run(text, given)) << text;
    };
    f("12.50 CNY", "", "12.50 CNY");
    f("12.5元", "", "12.50 CNY");
    f("-0.07 CNY", "", "-0.07 CNY");
    f("5 JPY", "", "5 JPY");
    f("0.6 元/kWh", "", "0.6 CNY/kWh");
    f("12.505 CNY", "", "money_digits: CNY has at most 2 digits after the point, and 64 bits");
    f("0.1234567891 CNY/kWh", "", "money_digits: CNY/kWh has at most 9 digits after the point, and 64 bits");
    f("100000000000000000 CNY", "", "money_digits: CNY has at most 2 digits after the point, and 64 bits");
    // Sums and comparisons.
    f("fee + 0.01 CNY", "fee=12.49", "12.50 CNY");
    f("fee - 20 CNY", "fee=12.49", "-7.51 CNY");
    f("fee > 12.48 CNY and fee <= 12.49 CNY", "fee=12.49", "true");
    f("fee == 0.3 CNY", "fee=0.3", "true");
    f("fee", "fee=12.345", "unknown");
    f("fee", "fee=1e300", "unknown");
    f("fee + 1 CNY", "fee=9999999999999.99", "10000000000000.99 CNY");
    f("fee", "fee=92233720368547750", "unknown");
    f("fee * 1000", "fee=900000000000000", "unknown");
    f("90000000000000000 CNY + 90000000000000000 CNY", "",
      "no_exact_result: this has no result: it is past 64 bits of fen, divides by zero, or splits by what is not above "
      "zero");
    f("fee + 1", "", "exact_sum: cannot add \"fee\" (money) and \"1\" (a number)");
    f("fee > 12", "", "incomparable: cannot compare \"fee\" (money) with \"12\" (a number)");
    f("fee + 1 USD", "",
      "unlike_money: \"fee\" is in CNY and \"1 USD\" in USD: only one currency, and prices for one unit, can be added, "
      "compared or chosen from");
    f("if(running, fee, 1 EUR)", "",
      "unlike_money: \"fee\" is in CNY and \"1 EUR\" in EUR: only one currency, and prices for one unit, can be added, "
      "compared or chosen from");
    f("max(fee, 0 CNY)", "fee=-3", "0.00 CNY");
    f("min(fee, 0 USD)", "",
      "unlike_money: \"fee\" is in CNY and \"0 USD\" in USD: only one currency, and prices for one unit, can be added, "
      "compared or chosen from");
    f("max(fee, 0)", "", "wrong_kind: max() needs money, and \"0\" is a number");
    f("abs(fee)", "fee=-3", "3.00 CNY");
    f("sqrt(fee)", "", "wrong_kind: sqrt() needs a number, and \"fee\" is money");
    f("avg(fee, 1h)", "", "wrong_kind: avg() needs a number, and \"fee\" is money");
    f("avg(fee / 1 CNY, 1h)", "fee=2 +1s fee=4", "3");
    f("fee ?? 0 CNY", "fee=bad", "0.00 CNY");
    f("lag(fee, 1m)", "fee=2 +60s fee=4", "2.00 CNY");
    f("fee between 1 CNY and 2 CNY", "fee=1.5", "true");
    f("fee in (1 CNY, 2 CNY)", "fee=2", "true");
    f("concat('bill ', fee, ', ', tariff)", "fee=2 tariff=0.55", "bill 2.00 CNY, 0.55 CNY/kWh");
    // Products: rounded once, half to even unless it says otherwise.
    f("energy * tariff", "energy=12.3 tariff=0.5683", "6.99 CNY");
    f("tariff * energy", "energy=12.3 tariff=0.5683", "6.99 CNY");
    f("energy * 0.5 CNY/kWh", "energy=0.01", "0.00 CNY");
    f("half_up(energy * 0.5 CNY/kWh)", "energy=0.01", "0.01 CNY");
    f("half_up(energy * -0.5 CNY/kWh)", "energy=0.01", "-0.01 CNY");
    f("half_up(half_even(energy * 0.5 CNY/kWh))", "energy=0.01", "0.00 CNY");
    f("half_up(x)", "", "wrong_kind: half_up() needs money, and \"x\" is a number");
    f("heat * 0.36 CNY/kWh", "heat=10", "1.00 CNY");
    f("energy * 1000 CNY/MWh", "energy=3", "3.00 CNY");
    f("parts * 2.5 CNY/count", "parts=3", "7.50 CNY");
    f("fee * 30%", "fee=0.05", "0.02 CNY");
    f("fee * share(333333 ppm)", "fee=1000", "333.33 CNY");
    f("share(30%)", "", "300000 ppm");
    f("share(0.1 / 3)", "", "unknown");
    f("share(120%)", "", "unknown");
    f("2 * tariff", "tariff=0.3", "0.6 CNY/kWh");
    f("fee / 3", "fee=1", "0.33 CNY");
    f("fee / 0", "fee=1", "unknown");
    f("fee / energy", "fee=100 energy=3", "33.333333333 CNY/kWh");
    f("fee / 0.6 CNY/kWh", "fee=3", "5 kWh");
    f("fee / 4 CNY", "fee=3", "0.75");
    f("fee * energy", "",
      "money_quantity: \"fee\" (CNY) and \"energy\" (unit kWh) make no money: what costs so much for one of a unit is "
      "a "
      "price, written as 0.6 CNY/kWh");
    f("level * tariff", "",
      "price_quantity: \"level\" (unit mm) and \"tariff\" (CNY/kWh) make no money: they are for different things");
    f("fee * fee", "", "money_product: cannot multiply \"fee\" (CNY) and \"fee\" (CNY)");
    f("1 / fee", "", "money_product: cannot divide \"1\" (no unit) and \"fee\" (CNY)");
    f("money(x, 'CNY')", "x=0.125", "0.12 CNY");
    f("half_up(money(x, 'CNY'))", "x=0.125", "0.13 CNY");
    f("money(30%, 'CNY')", "", "0.30 CNY");
    f("money(x, 'pesos')", "", "currency_unknown: \"pesos\" is neither a currency nor a price");
    f("energy * money(x, 'CNY/kWh')", "energy=2 x=0.6", "1.20 CNY");
    // Splits.
    f("split(100 CNY, 1, 1, 1, 1)", "", "33.34 CNY");
    f("split(fee, 3, 50%, 30%, 20%)", "fee=0.01", "0.00 CNY");
    f("split(fee, 1, energy, 2)", "fee=-1 energy=1", "-0.33 CNY");
    f("split(fee, 1, energy, 2)", "fee=1 energy=0", "unknown");
    f("split(1 CNY, 1, 0)", "",
      "no_exact_result: this has no result: it is past 64 bits of fen, divides by zero, or splits by what is not above "
      "zero");
    f("split(fee, 1, x, y) + split(fee, 2, x, y) == fee", "fee=99.99 x=0.7 y=1.3", "true");
    f("split(fee, 3, 1, 1)", "",
      "constant_needed: the second argument of split() must be a number that is written out");
    f("split(fee, 1, energy, level)", "",
      "like_units: split() needs like units: the first has unit kWh, this has unit mm");
}

// What is not known yet fits everywhere, and hides no currency.
TEST(Functions, MoneyBesideWhatIsNotKnownYet) {
    class Nothing final : public Scope {
        std::optional<ScopeTag> find(std::string_view name) const override {
            if (name == "fee") return ScopeTag{"fee", "CNY", ValueType::number, true};
            if (name == "tariff") return ScopeTag{"tariff", "CNY/kWh", ValueType::number, true};
            return ScopeTag{.path = std::string(name), .known = false};
        }
    };
    const auto f = [](std::string_view text, Kind kind) {
        const auto program = compile(text, Nothing{});
        ASSERT_TRUE(program) << text << ": " << program.error().text;
        EXPECT_EQ((*program)->kind(), kind) << text;
        const auto evaluator = Evaluator::create(*program);
        for (std::size_t i = 0; i < (*program)->tags().size(); ++i)
            evaluator->feed(i, kBegin, (*program)->tags()[i].path == "r" ? Value{true} : Value{2.0}, kGood);
        EXPECT_FALSE(evaluator->answer().known) << text;
    };
    f("fee + u", Kind::money);
    f("u - fee", Kind::money);
    f("fee > u", Kind::truth);
    f("tariff * u", Kind::any);
    f("tariff * u + fee", Kind::money);
    f("fee / u", Kind::any);
    f("u / fee", Kind::any);
    f("if(r, fee, u)", Kind::any);
    f("if(r, fee, u) + 1 USD", Kind::money);
    f("coalesce(fee, u) + 1 USD", Kind::money);
    f("max(fee, u)", Kind::any);
    f("half_up(tariff * u)", Kind::any);
    f("split(u, 1, 1, 1)", Kind::any);
    f("u - date('2026-11-21')", Kind::any);
    f("date('2026-11-21') + u", Kind::any);
    f("date(u) > date('2026-11-21')", Kind::truth);
    f("add_months(u, 1)", Kind::date);
}

TEST(Functions, DateCases) {
    const auto f = [](std::string_view text, std::string_view given, std::string_view want) {
        EXPECT_EQ(want, run(text, given)) << text;
    };
    f("date('2026-11-21')", "", "2026-11-21");
    f("date('2026-02-29')", "", "date_text: \"2026-02-29\" is not a date");
    f("date(state)", "state=2026-02-28", "2026-02-28");
    f("date(state)", "state=tomorrow", "unknown");
    f("date()", "x=1", "2026-03-01");
    f("date('America/New_York')", "x=1", "2026-03-01");
    f("date(time(x), 'Asia/Shanghai')", "+32400s x=1", "2026-03-02");
    f("date(time(x))", "+32400s x=1", "2026-03-01");
    f("date() == date('2026-03-02')", "x=1 +57600s", "true");
    f("date('2026-11-21') + 10d", "", "2026-12-01");
    f("10d + date('2026-11-21')", "", "2026-12-01");
    f("date('2026-11-21') - 365 d", "", "2025-11-21");
    f("date('2026-11-21') + 36h", "", "unknown");
    f("date('2026-11-21') + 5", "", "exact_sum: cannot add \"date('2026-11-21')\" (a date) and \"5\" (a number)");
    f("5 + date('2026-11-21')", "", "exact_sum: cannot add \"5\" (a number) and \"date('2026-11-21')\" (a date)");
    f("date('9999-12-31') + 1d", "", "unknown");
    f("date('2026-11-21') - date('2026-10-21') > 30d", "", "true");
    f("date('2026-11-21') < date('2026-11-22')", "", "true");
    f("date('2026-11-21') < now()", "",
      "incomparable: cannot compare \"date('2026-11-21')\" (a date) with \"now()\" (a time)");
    f("max(date('2026-11-21'), date('2026-11-22'))", "", "2026-11-22");
    f("weekday(date('2026-11-21'))", "", "6");
    f("month(date('2026-11-21')) * 100 + day(date('2026-11-21'))", "", "1121");
    f("year(date('0001-01-01'))", "", "1");
    f("hour(date('2026-11-21'))", "", "wrong_kind: hour() needs a time, and \"date('2026-11-21')\" is a date");
    f("add_months(date('2026-03-31'), -1)", "", "2026-02-28");
    f("add_months(date('2024-01-31'), 13)", "", "2025-02-28");
    f("add_months(date('2024-01-31'), x)", "x=0.5", "unknown");
    f("start_of_month(date('2026-02-28')) + 27d == end_of_month(date('2026-02-01'))", "", "true");
    f("add_months(5, 1)", "", "wrong_kind: add_months() needs a date, and \"5\" is a number");
    f("working_day(date('2026-03-01'))", "", "false");
    f("add_working_days(date('2026-03-02'), -1)", "", "2026-02-27");
    f("add_working_days(date('2026-03-02'), 5000)", "", "unknown");
    f("working_days_between(date('2026-03-10'), date('2026-03-06'))", "", "-2");
    f("concat('due ', date('2026-11-21'))", "", "due 2026-11-21");
    class NoPlace final : public Scope {
        std::optional<ScopeTag> find(std::string_view) const override { return std::nullopt; }
    };
    const auto refused = compile("working_day(date('2026-03-01'))", NoPlace{});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "no_calendar");
    EXPECT_EQ(refused.error().text_in("zh"),
              "working_day() 要问工作日，而这里没有日历：这个表达式不属于任何有日历的地点");
    // What the authority has not said yet is uncertain.
    const auto program = compile("working_day(date('2027-03-01'))", ExampleTags{});
    EXPECT_EQ((*program)->calendar(), "weekdays");
    EXPECT_EQ(Evaluator::create(*program)->answer().quality, uncertain(Reason::computed));
    EXPECT_EQ((*compile("date('2026-03-01')", ExampleTags{}))->calendar(), "");
}

TEST(Functions, UnknownCases) {
    const auto f = [](std::string_view text, std::string_view given, std::string_view want) {
        EXPECT_EQ(want, run(text, given)) << text;
    };
    // Kleene's tables.
    f("unknown", "", "unknown");
    f("unknown and true", "", "unknown");
    f("unknown and false", "", "false");
    f("unknown or true", "", "true");
    f("unknown or false", "", "unknown");
    f("not unknown", "", "unknown");
    f("unknown and unknown", "", "unknown");
    f("unknown == unknown", "", "unknown");
    f("known(unknown)", "", "false");
    f("if(unknown, 1, 2)", "", "unknown");
    f("unknown ?? false", "", "false");
    f("x ?? 5", "x=bad", "5");
    f("x ?? y ?? 5", "x=bad y=2", "2");
    f("x ?? 5 > 4", "x=bad", "true");
    f("1 + x ?? 5 * 2", "x=bad", "11");
    f("-x ?? 5", "x=3", "-3");
    f("temperature ?? 300 K", "", "26.85 degC");
    f("x ?? state", "", "wrong_kind: coalesce() needs a number, and \"state\" is a text");
    f("x ??", "", "ends_early: the expression ends where a value was expected");
    f("x > 3", "x=bad", "unknown");
    f("x > unknown", "", "incomparable: cannot compare \"x\" (a number) with \"unknown\" (a condition)");
}

TEST(Functions, EveryErrorHasACodeAndBothLanguages) {
    std::set<std::string_view> codes;
    for (const ErrorInfo& error : errors()) {
        EXPECT_TRUE(codes.insert(error.code).second) << error.code;
        EXPECT_EQ(error.code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789"), std::string_view::npos);
        EXPECT_FALSE(error.text_en.empty() || error.text_zh.empty() || error.expected_en.empty() ||
                     error.expected_zh.empty())
            << error.code;
        // Both languages tell the same parts.
        for (auto at = error.text_zh.find('{'); at != std::string_view::npos; at = error.text_zh.find('{', at + 1)) {
            const auto name = error.text_zh.substr(at, error.text_zh.find('}', at) - at + 1);
            EXPECT_NE(error.text_en.find(name), std::string_view::npos) << error.code << name;
        }
    }
    const auto f = [](std::string_view text, std::string_view code, std::string_view zh, std::string_view expected) {
        const auto program = compile(text, ExampleTags{});
        ASSERT_FALSE(program) << text;
        EXPECT_EQ(code, program.error().code) << text;
        EXPECT_EQ(zh, program.error().text_in("zh")) << text;
        EXPECT_EQ(expected, program.error().expected_in("zh")) << text;
        EXPECT_EQ(program.error().text, program.error().text_in("en"));
        EXPECT_EQ(program.error().text.find('#'), std::string::npos) << program.error().text;
    };
    f("temprature > 3", "unknown_tag", "没有点位“temprature”", "点位");
    f("temperature > 3 bar", "unlike_units",
      "“temperature”（单位 degC）与“3 bar”（单位 bar）量的不是同一种东西，不能比较", "能换算成 degC 的单位");
    f("not x", "wrong_kind", "\"not\" 需要条件，而“x”是数值", "条件");
    f("avg(x)", "argument_count", "avg() 有 1 个参数，不合要求", "avg(x, 5m)");
    f("if x then 1 else 2", "wrong_kind", "if() 的第一个参数 需要条件，而“x”是数值", "条件");
    const auto unknown = compile("temprature > 3", ExampleTags{});
    EXPECT_EQ(unknown.error().params, (std::vector<ErrorParam>{{"name", "temprature"}}));
}

}  // namespace
}  // namespace gongshu::expr
