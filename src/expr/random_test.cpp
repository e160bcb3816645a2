// Random programs over random readings: the incremental evaluator against one that computes everything anew from all
// readings at every step. Values are small whole numbers, so that sums are exact.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/rng.h"
#include "expr/expr.h"

namespace gongshu::expr {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;
constexpr std::string_view kTags[] = {"a", "b", "c"};

class Letters final : public Scope {
    std::optional<ScopeTag> find(std::string_view name) const override {
        for (const std::string_view tag : kTags)
            if (tag == name) return ScopeTag{std::string(name), "", ValueType::number, true};
        return std::nullopt;
    }
};

struct Fed {
    std::size_t tag;
    TimeNs time, came;
    double value;
    bool good;
};

// What was fed, and when it was asked: everything a dull evaluator needs. `fed` counts how much was fed at each
// question.
struct Past {
    std::vector<Fed> readings;
    std::vector<std::pair<TimeNs, std::size_t>> questions;
};

using Number = std::optional<double>;
using Logic = std::optional<bool>;

// Readings of a tag known at question `q`, one per time, the later fed wins, in order of time.
std::map<TimeNs, Fed> known(const Past& past, std::size_t q, std::size_t tag) {
    std::map<TimeNs, Fed> list;
    for (std::size_t i = 0; i < past.questions[q].second; ++i)
        if (past.readings[i].tag == tag) list[past.readings[i].time] = past.readings[i];
    return list;
}

template <class T>
struct Random {
    std::string text;
    std::function<T(const Past&, std::size_t)> dull;
};
using RandomNumber = Random<Number>;
using RandomLogic = Random<Logic>;

Number finite(double value) { return std::isfinite(value) ? Number(value) : std::nullopt; }

RandomNumber random_window(Rng& rng) {
    static constexpr std::string_view kNames[] = {"avg",   "sum",  "count", "min", "max",
                                                  "first", "last", "delta", "rate"};
    const std::size_t which = rng.below(std::size(kNames)), tag = rng.below(std::size(kTags));
    const auto seconds = static_cast<DurationNs>(1 + rng.below(20));
    return {fmt::format("{}({}, {}s)", kNames[which], kTags[tag], seconds),
            [=](const Past& past, std::size_t q) -> Number {
                const TimeNs now = past.questions[q].first;
                std::vector<Fed> in;
                for (const auto& [time, fed] : known(past, q, tag))
                    if (time > now - seconds * kSecond && fed.good) in.push_back(fed);
                if (which == 2) return static_cast<double>(in.size());
                if (in.empty()) return std::nullopt;
                double sum = 0, least = in[0].value, most = in[0].value;
                for (const Fed& fed : in) {
                    sum += fed.value;
                    least = std::min(least, fed.value);
                    most = std::max(most, fed.value);
                }
                const double delta = in.back().value - in.front().value;
                switch (which) {
                    case 0:
                        return sum / static_cast<double>(in.size());
                    case 1:
                        return sum;
                    case 3:
                        return least;
                    case 4:
                        return most;
                    case 5:
                        return in.front().value;
                    case 6:
                        return in.back().value;
                    case 7:
                        return delta;
                    default:
                        return in.size() < 2 ? Number()
                                             : delta / (static_cast<double>(in.back().time - in.front().time) / 1e9);
                }
            }};
}

RandomNumber random_number(Rng& rng, int depth) {
    switch (depth <= 0 ? rng.below(3) : rng.below(7)) {
        case 0: {
            const auto value = static_cast<double>(rng.below(10));
            return {fmt::format("{}", value), [=](const Past&, std::size_t) { return Number(value); }};
        }
        case 1: {
            const std::size_t tag = rng.below(std::size(kTags));
            return {std::string(kTags[tag]), [=](const Past& past, std::size_t q) -> Number {
                        const auto list = known(past, q, tag);
                        if (list.empty() || !list.rbegin()->second.good) return std::nullopt;
                        return list.rbegin()->second.value;
                    }};
        }
        case 2:
            return random_window(rng);
        case 3: {
            const std::size_t tag = rng.below(std::size(kTags));
            return {fmt::format("since({})", kTags[tag]), [=](const Past& past, std::size_t q) -> Number {
                        Number came;
                        for (std::size_t i = 0; i < past.questions[q].second; ++i)
                            if (past.readings[i].tag == tag)
                                came = static_cast<double>(past.questions[q].first - past.readings[i].came) / 1e9;
                        return came;
                    }};
        }
        default: {
            const auto left = random_number(rng, depth - 1), right = random_number(rng, depth - 1);
            const char op = "+-*/"[rng.below(4)];
            // since() is a duration: only plain numbers meet in arithmetic with it, so it is made one by dividing.
            return {fmt::format("({} {} {})", left.text, op, right.text),
                    [=](const Past& past, std::size_t q) -> Number {
                        const Number a = left.dull(past, q), b = right.dull(past, q);
                        if (!a || !b) return std::nullopt;
                        switch (op) {
                            case '+':
                                return finite(*a + *b);
                            case '-':
                                return finite(*a - *b);
                            case '*':
                                return finite(*a * *b);
                            default:
                                return *b == 0 ? Number() : finite(*a / *b);
                        }
                    }};
        }
    }
}

RandomLogic random_logic(Rng& rng, int depth) {
    switch (depth <= 0 ? 0 : rng.below(5)) {
        case 1:
        case 2: {
            const auto left = random_logic(rng, depth - 1), right = random_logic(rng, depth - 1);
            const bool all = rng.chance(0.5);
            return {fmt::format("({} {} {})", left.text, all ? "and" : "or", right.text),
                    [=](const Past& past, std::size_t q) -> Logic {
                        const Logic a = left.dull(past, q), b = right.dull(past, q);
                        if ((a && *a != all) || (b && *b != all)) return !all;
                        if (!a || !b) return std::nullopt;
                        return all;
                    }};
        }
        case 3: {
            const auto kid = random_logic(rng, depth - 1);
            return {"not " + kid.text, [=](const Past& past, std::size_t q) -> Logic {
                        const Logic a = kid.dull(past, q);
                        return a ? Logic(!*a) : a;
                    }};
        }
        case 4: {
            const auto kid = random_logic(rng, depth - 1);
            const auto seconds = static_cast<DurationNs>(1 + rng.below(8));
            return {fmt::format("({} for {}s)", kid.text, seconds), [=](const Past& past, std::size_t q) -> Logic {
                        const Logic now = kid.dull(past, q);
                        if (!now || !*now) return now;
                        TimeNs from = past.questions[q].first;
                        for (std::size_t before = q; before-- > 0;) {
                            const Logic then = kid.dull(past, before);
                            if (then && !*then) break;
                            if (then) from = past.questions[before].first;
                        }
                        return past.questions[q].first - from >= seconds * kSecond;
                    }};
        }
        default: {
            const auto left = random_number(rng, 1), right = random_number(rng, 1);
            const std::size_t which = rng.below(4);
            static constexpr std::string_view kOps[] = {"<", ">", "<=", "=="};
            return {fmt::format("{} {} {}", left.text, kOps[which], right.text),
                    [=](const Past& past, std::size_t q) -> Logic {
                        const Number a = left.dull(past, q), b = right.dull(past, q);
                        if (!a || !b) return std::nullopt;
                        return which == 0 ? *a < *b : which == 1 ? *a > *b : which == 2 ? *a <= *b : *a == *b;
                    }};
        }
    }
}

std::string show(Logic truth) { return truth ? *truth ? "true" : "false" : "unknown"; }

void run_one(std::uint64_t seed, int& compared) {
    Rng rng{seed};
    const RandomLogic program_text = random_logic(rng, 3);
    const auto program = compile(program_text.text, Letters{}, {.want_condition = true});
    if (!program) {  // seconds against plain numbers and the like
        EXPECT_NE(program.error().text.find("measure different things"), std::string::npos)
            << program_text.text << ": " << program.error().text;
        return;
    }
    const auto evaluator = Evaluator::create(*program);
    Past past;
    TimeNs now = kStart;
    evaluator->advance(now);
    const auto ask = [&] {
        past.questions.emplace_back(evaluator->time(), past.readings.size());
        const Answer& answer = evaluator->answer();
        const Logic got = answer.known ? Logic(answer.truth) : std::nullopt;
        const Logic want = program_text.dull(past, past.questions.size() - 1);
        ASSERT_EQ(show(want), show(got)) << "seed " << seed << ", question " << past.questions.size() << ": "
                                         << program_text.text;
        ++compared;
    };
    for (int step = 0; step < 25 && !testing::Test::HasFatalFailure(); ++step) {
        if (rng.chance(0.6)) {
            now += static_cast<DurationNs>(rng.below(6)) * kSecond;
            for (auto next = evaluator->next_time(); next && *next < now; next = evaluator->next_time()) {
                evaluator->advance(*next);
                ask();
                if (testing::Test::HasFatalFailure()) return;
            }
            evaluator->advance(now);
        }
        for (std::uint64_t readings = rng.below(3); readings > 0; --readings) {
            const std::size_t tag = rng.below(std::size(kTags));
            const TimeNs time = now - (rng.chance(0.2) ? static_cast<DurationNs>(rng.below(25)) * kSecond : 0);
            const Fed fed{tag, time, now, static_cast<double>(rng.below(10)), !rng.chance(0.1)};
            past.readings.push_back(fed);
            for (std::size_t i = 0; i < (*program)->tags().size(); ++i)
                if ((*program)->tags()[i].path == kTags[tag])
                    evaluator->feed(i, time, fed.value, fed.good ? kGood : bad(Reason::timeout));
        }
        ask();
    }
}

TEST(ExprRandom, StreamAnswersAsBatch) {
    int compared = 0;
    for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
        run_one(seed, compared);
        if (HasFatalFailure()) return;
    }
    EXPECT_GT(compared, 20'000);
}

}  // namespace
}  // namespace gongshu::expr
