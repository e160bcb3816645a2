#include <gtest/gtest.h>

#include <sstream>

#include "base/rng.h"
#include "expr/testing/random_program.h"
#include "flow/testing/stand_test.h"

// Random plants: live is what the past gives, and alarms are what a dull model says.
namespace gongshu::flow {
namespace {

using test::Stand;

// Trying a rule over what came tells the same alarms as the rule did while it came.
TEST(Rehearse, EqualsWhatTheRuleDidLive) {
    const std::vector<std::string> specs{
        R"({"device":"k/a","condition":"x > 5"})",
        R"({"device":"k/a","condition":"x > 5","dead_band":2})",
        R"({"device":"k/a","condition":"x > 5","on_delay":"3s","off_delay":"2s"})",
        R"({"device":"k/a","condition":"(x > 5 for 4s) and y < 7"})",
        R"({"device":"k/a","condition":"avg(x, 10s) > 5","clear_condition":"y > 8"})",
        R"({"device":"k/a","condition":"max(x, 6s) - min(x, 6s) > 7","when_bad":"clear"})",
        R"({"device":"k/a","condition":"x > 5 or k/b.z > 9","when_bad":"raise"})",
    };
    for (int run = 0; run < 14; ++run) {
        const std::uint64_t seed = static_cast<std::uint64_t>(run) * 7919 + 3;
        SCOPED_TRACE("seed " + std::to_string(seed) + ", " + specs[static_cast<std::size_t>(run) % specs.size()]);
        Rng rng{seed};
        Stand stand(2);
        if (run % 2 == 1) stand.send_columns();
        const std::string& spec = specs[static_cast<std::size_t>(run) % specs.size()];
        std::string live;
        const auto say = [&](const std::string& line) { live += stand.run(line); };
        say("type cnc x:number y:number z:number");
        say("device k/a cnc");
        say("device k/b cnc");
        say("feed k/a.x 0; y 0; k/b.z 0");
        ASSERT_EQ(live, "");
        say("rule tried " + spec);
        for (int i = 0; i < 120; ++i) {
            std::string line = "feed ";
            line += rng.chance(0.5) ? "k/a.x " : rng.chance(0.5) ? "k/a.y " : "k/b.z ";
            line += std::to_string(rng.below(11));
            if (rng.chance(0.1)) line += " bad:timeout";
            say(line);
            say("+" + std::to_string(1 + rng.below(3)) + "s");
        }
        std::string tried = stand.run("rehearse 1h " + spec);
        EXPECT_TRUE(tried.ends_with("active\n")) << tried;
        tried.erase(tried.rfind('\n', tried.size() - 2) + 1);  // the last line sums up
        EXPECT_EQ(tried, live);
    }
}

// Whatever the lanes, lateness, restarts and crashes: in the end there is what columns of the same readings give, for
// virtual tags of every expression and for those that read them.
TEST(VirtualTagsLive, EqualColumnsWhateverHappens) {
    std::size_t rows = 0;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Rng rng{seed};
        Stand stand(1 + seed % 4);
        if (seed % 3 == 0) stand.send_columns();
        stand.run("type box a:number b:number t:number:degC l:number:mm n:integer w:integer:count r:boolean s:text");
        stand.run("device k/a box");
        stand.run("tag k/a.n integer");
        stand.run("tag k/a.w integer count");
        std::string said;
        std::vector<std::string> paths;
        while (paths.size() < 3) {
            const std::string name = "v" + std::to_string(paths.size());
            std::string text = expr::testing::random_expression(rng, 3);
            if (!paths.empty() && rng.chance(0.7)) text = fmt::format("coalesce(v{}, {})", paths.size() - 1, text);
            std::string quoted;
            for (const char c : text) quoted += c == '"' ? std::string{"\\\""} : std::string(1, c);
            const std::string spec = fmt::format(R"({{"device":"k/a","expr":"{}"}})", quoted);
            if (!stand.run("virtual " + name + " " + spec).empty()) continue;
            said += name + ": " + text + "\n";
            paths.push_back("k/a." + name);
        }
        stand.run("+5s");
        for (int i = 0; i < 80; ++i) {
            static constexpr const char* kTags[] = {"a", "b", "t", "l", "n", "w", "r", "s"};
            const std::string tag = kTags[rng.below(8)];
            std::string line = "feed k/a." + tag + " ";
            line += tag == "r"                 ? (rng.chance(0.5) ? "true" : "false")
                    : tag == "s"               ? (rng.chance(0.5) ? "RUN" : "stop")
                    : tag == "n" || tag == "w" ? std::to_string(rng.below(16))
                                               : fmt::format("{}", static_cast<double>(rng.below(100)) / 10);
            if (rng.chance(0.2)) line += " @-" + std::to_string(rng.below(1500)) + "ms";
            if (rng.chance(0.08)) line += rng.chance(0.5) ? " bad:timeout" : " uncertain:sensor";
            const bool is_deaf = rng.chance(0.05);
            if (is_deaf) {
                stand.run("deaf");
                stand.run(line);
                said += "deaf\n" + line + "\n";
                line = "crash";
            }
            // Deaf ends with a crash and with nothing else.
            if (rng.chance(0.04) && !is_deaf) line = rng.chance(0.5) ? "restart" : "crash";
            if (rng.chance(0.03) && !is_deaf) line = R"(editv v0 {"title_en":")" + std::to_string(i) + "\"}";
            const std::string problem = stand.run(line);
            EXPECT_EQ(problem, "") << line;
            said += line + "\n";
            if (rng.chance(0.8)) {
                line = "+" + std::to_string(1 + rng.below(rng.chance(0.1) ? 90 : 3)) + "s";
                stand.run(line);
                said += line + "\n";
            }
        }
        stand.run("+20s");
        for (const std::string& path : paths) ASSERT_EQ(stand.against_columns(path), "") << said;
        rows += stand.compared();
    }
    EXPECT_GT(rows, 2500u);
}

// What one rule's alarm should be, told in the dullest way.
struct Model {
    bool keeps = false;  // the rule is latched
    bool on = false, suppressed = false, out = false, shelved = false;
    bool alive = false, acknowledged = false, latched = false;
    int alarms = 0;

    void settle() {
        if (latched && !keeps) alive = latched = false;
        if (out) {
            alive = latched = false;
        } else if (on) {
            if (!alive) {
                ++alarms;
                acknowledged = false;
            }
            alive = true;
            latched = false;
        } else if (alive && !latched) {
            latched = keeps && !acknowledged;
            alive = latched;
        }
    }
    void acknowledge() {
        if (!alive) return;
        acknowledged = true;
        if (latched) alive = latched = false;
    }
    void bring_back(bool& away) {
        if (away && alive) acknowledged = false;
        away = false;
    }
    std::string state() const {
        if (!alive) return "none";
        return shelved        ? "shelved"
               : suppressed   ? "suppressed"
               : latched      ? "latched"
               : acknowledged ? "acknowledged"
                              : "raised";
    }
};

// The state of the alarm that lives, and how many there were in all.
std::string state_in(const std::string& list) {
    std::istringstream in(list);
    std::string state = "none";
    int alarms = 0;
    for (std::string line; std::getline(in, line);) {
        if (line == "none") break;
        ++alarms;
        if (line.find(" until ") != std::string::npos) continue;
        std::istringstream words(line);
        words >> state >> state;
    }
    return fmt::format("{} of {}", state, alarms);
}

TEST(Alarms, FollowTheModelWhateverPeopleDo) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Rng rng{seed};
        Stand stand(1 + seed % 2);
        Model model;
        stand.run("type cnc x:number y:boolean z:number");
        stand.run("device k/a cnc");
        stand.run(R"(rule r {"device":"k/a","condition":"x > 5","suppress_when":"y"})");
        stand.run("feed k/a.x 0; y false");
        std::string said;
        for (int i = 0; i < 150; ++i) {
            std::string line;
            switch (rng.below(12)) {
                case 0:
                case 1:
                case 2:
                    model.on = rng.chance(0.5);
                    line = model.on ? "feed k/a.x 9" : "feed k/a.x 1";
                    break;
                case 3:
                    if (model.suppressed)
                        model.bring_back(model.suppressed);
                    else
                        model.suppressed = true;
                    line = model.suppressed ? "feed k/a.y true" : "feed k/a.y false";
                    break;
                case 4:
                case 5:
                    model.acknowledge();
                    line = "ack r li";
                    break;
                case 6:
                    model.shelved = true;
                    line = "shelve r 7d li waiting";
                    break;
                case 7:
                    model.bring_back(model.shelved);
                    line = "unshelve r li";
                    break;
                case 8:
                    model.out = !model.out;
                    line = model.out ? "out r gao overhaul" : "back r gao";
                    break;
                case 9:
                    model.keeps = rng.chance(0.7);
                    line = model.keeps ? R"(edit r {"latched":true})" : R"(edit r {"latched":false})";
                    break;
                case 10:
                    line = rng.chance(0.5) ? "restart" : "crash";
                    break;
                case 11:
                    line = rng.chance(0.5) ? R"(edit r {"message_en":"other"})" : R"(edit r {"condition":"x > 5.5"})";
                    break;
            }
            model.settle();
            stand.run(line);
            stand.run("+1s");
            said += line + " -> " + model.state() + "\n";
            ASSERT_EQ(state_in(stand.run("alarms all")), fmt::format("{} of {}", model.state(), model.alarms)) << said;
        }
    }
}
}  // namespace
}  // namespace gongshu::flow
