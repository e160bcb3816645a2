#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>

#include "base/rng.h"
#include "case/testing/world_test.h"

// Random people do random things at random times, and a dull model says what should come of it. CASES_SEQUENCES=10000
// for the long run.
namespace gongshu::cases {
namespace {

using test::World;

int sequences() {
    const char* text = std::getenv("CASES_SEQUENCES");
    int count = 40;
    if (text != nullptr) std::from_chars(text, text + std::string_view(text).size(), count);
    return count;
}

struct Who {
    const char* name;
    Role role;
};
constexpr Who kPeople[] = {{"user:wang", Role::operator_}, {"user:li", Role::engineer},  {"user:zhou", Role::engineer},
                           {"user:gao", Role::admin},      {"user:guest", Role::viewer}, {"token:robot", Role::admin}};

bool is_person(const Who& who) { return std::string_view(who.name).starts_with("user:"); }

// One downtime request, told in the dullest way.
struct Downtime {
    std::string state = "asked", answered_by, given_to;
    TimeNs since = 0;
    bool reminded = false;
    std::size_t photos = 0;
    bool cited = false;  // f1 by any step

    void go(const char* next, TimeNs now) {
        state = next;
        since = now;
        reminded = false;
    }
    void wait(TimeNs now) {
        if (state == "asked" && now >= since + 15 * kMinute) reminded = true;
        if (state == "asked" && now >= since + 60 * kMinute) return go("escalated", now);
        if (state == "escalated" && now >= since + 7 * kDay) return go("unanswered", now);
        if (state == "answered" && now >= since + 16 * kHour) return go("confirmed", now);
    }
    bool may_answer(const Who& who) const {
        if (who.role >= Role::engineer) return true;
        return who.role >= Role::operator_ && (given_to.empty() || given_to == who.name);
    }
    // Whether it is done.
    bool act(const Who& who, const std::string& action, const std::string& category, bool with_note, TimeNs now,
             bool files_are_there = true) {
        const bool open = state == "asked" || state == "escalated";
        const bool engineer = who.role >= Role::engineer;
        if (action == "answer" && open && may_answer(who) && !category.empty() && category != "other" &&
            files_are_there) {
            answerers += std::string(who.name) + " ";
            go("answered", now);
            return true;
        }
        if (action == "confirm" && state == "answered" && engineer && is_person(who) &&
            answerers.find(std::string(who.name) + " ") == std::string::npos) {
            go("confirmed", now);
            return true;
        }
        if (action == "reject" && state == "answered" && engineer && with_note) {
            go("asked", now);
            return true;
        }
        if (action == "withdraw" && (open || state == "answered") && engineer && with_note) {
            go("withdrawn", now);
            return true;
        }
        if (action == "hand_over" && open && may_answer(who)) {
            given_to = "user:wang";
            return true;
        }
        return false;
    }
    std::string answerers;
};

TEST(CasesRandom, DowntimeReasonsFollowTheModel) {
    const std::uint64_t base = static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed());
    for (int run = 0; run < sequences(); ++run) {
        const std::uint64_t seed = base + static_cast<std::uint64_t>(run) * 7919 + 1;
        SCOPED_TRACE("seed " + std::to_string(seed));
        Rng rng{seed};
        World world;
        ASSERT_TRUE(world.why(world.wang, R"({"asset":"a","from":"2026-03-01T08:00:00Z"})"));
        Downtime model{.since = world.clock.now()};
        static constexpr const char* kActions[] = {"answer",    "confirm", "reject",   "withdraw",
                                                   "hand_over", "remind",  "escalate", "accept"};
        static constexpr const char* kCategories[] = {"", "setup", "other", "breakdown"};
        for (int i = 0; i < 25; ++i) {
            const Who& who = kPeople[rng.below(std::size(kPeople))];
            // What ends a case comes seldom, so that long lives are seen too.
            const std::string action = kActions[rng.chance(0.15) ? 3 : rng.below(std::size(kActions))];
            const std::string category = kCategories[rng.below(4)];
            const bool note = rng.chance(0.7);
            Turn turn{.note = note ? "n" : ""};
            if (action == "answer" && !category.empty()) turn.fields["category"] = category;
            if (action == "hand_over") turn.assigned = {"user:wang"};
            // An answer of before stays when a new one gives none.
            std::string effective = category;
            const auto now_case = world.cases->get(TenantId{1}, "DR-1");
            if (effective.empty() && now_case->fields.contains("category"))
                effective = std::string_view(now_case->fields.at("category").as_string());
            // Photos: none, those that lie with the case, one that does not, one of another case, or taken away again.
            static constexpr const char* kPhotos[] = {
                nullptr, R"(["f1@DR-1"])", R"(["f1@DR-1","f2@DR-1","f1@DR-1"])", R"(["lost"])", R"(["f1@DR-2"])", "[]",
                "null"};
            const std::size_t photos = rng.below(std::size(kPhotos));
            const bool files_are_there = photos != 3 && photos != 4;
            if (action == "answer" && kPhotos[photos] != nullptr) turn.fields["photos"] = test::json(kPhotos[photos]);
            const bool want = model.act(who, action, effective, note, world.clock.now(), files_are_there);
            if (want && action == "answer") {
                if (photos == 1) model.photos = 1;
                if (photos == 2) model.photos = 2;
                if (photos >= 5) model.photos = 0;
                if (photos == 1 || photos == 2) model.cited = true;
            }
            const auto done = world.cases->act(World::doer(who.name, who.role), "DR-1", action, turn);
            ASSERT_EQ(done.has_value(), want)
                << who.name << " " << action << " " << (done ? done->state : done.error().text());
            if (rng.chance(0.4)) {
                world.clock.advance(static_cast<DurationNs>(rng.below(90)) * kMinute);
                if (rng.chance(0.1)) world.clock.advance(5 * kDay);
                // One turn at a time, as time goes by.
                const auto ticked = world.cases->tick(world.clock.now());
                ASSERT_TRUE(ticked);
                const bool was_reminded = model.reminded;
                const std::string before = model.state;
                model.wait(world.clock.now());
                if (before == "asked" && model.state == "escalated" && !was_reminded) {
                    ASSERT_TRUE(world.cases->tick(world.clock.now()));
                }
            }
            if (rng.chance(0.03)) {
                ASSERT_TRUE(world.open());
            }
            const auto one = world.cases->get(TenantId{1}, "DR-1");
            ASSERT_EQ(one->state, model.state) << i << " " << action;
            const Json* kept = one->fields.if_contains("photos");
            ASSERT_EQ(kept == nullptr ? 0u : kept->as_array().size(), model.photos) << i << " " << action;
            ASSERT_TRUE(kept == nullptr || is_citations(*kept));
            // What was evidence once stays so, whatever was answered later.
            ASSERT_EQ(world.cases->cites(TenantId{1}, "DR-1", "f1@DR-1").value(), model.cited);
        }
        ASSERT_EQ(world.verified(), "");
    }
}

TEST(CasesRandom, NothingIsPublishedThatOnePersonMade) {
    const std::uint64_t base = static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed());
    for (int run = 0; run < sequences(); ++run) {
        const std::uint64_t seed = base + static_cast<std::uint64_t>(run) * 104729 + 5;
        SCOPED_TRACE("seed " + std::to_string(seed));
        Rng rng{seed};
        World world;
        registry::Actor system = world.gao.actor;
        system.who = "system";
        ASSERT_TRUE(world.registry->put(system, "approval_policy", "p",
                                        test::json(R"({"kinds":["sites"],"approver":"engineer"})")));
        struct Asked {
            std::string opener, state = "asked", title;
            std::uint64_t base = 0;
            TimeNs since = 0;
            bool attached = false;
        };
        std::map<std::string, Asked> model;
        std::string title = "none";
        std::uint64_t revision = 0;
        for (int i = 0; i < 25; ++i) {
            const Who& who = kPeople[rng.below(std::size(kPeople))];
            const Doer doer = World::doer(who.name, who.role);
            const std::string wanted = "t" + std::to_string(rng.below(4));
            if (model.empty() || rng.chance(0.25)) {
                const auto one = world.ask(
                    doer, fmt::format(R"({{"kind":"sites","name":"x","spec":{{"time_zone":"UTC","title_en":"{}"}}}})",
                                      wanted));
                const bool want = who.role >= Role::engineer && wanted != title;
                ASSERT_EQ(one.has_value(), want) << (one ? "" : one.error().text());
                if (one) model[one->id] = {who.name, "asked", wanted, revision, world.clock.now()};
            } else if (rng.chance(0.1)) {
                ASSERT_FALSE(world.registry->put(doer.actor, "site", "x",
                                                 test::json(R"({"title_en":"alone","time_zone":"UTC"})")));
            } else {
                auto& [id, one] = *std::next(model.begin(), static_cast<std::ptrdiff_t>(rng.below(model.size())));
                static constexpr const char* kActions[] = {"approve",  "approve", "amend",  "refuse",
                                                           "withdraw", "comment", "expire", "attach"};
                const std::string action = kActions[rng.below(std::size(kActions))];
                Turn turn{.note = "n"};
                if (action == "amend") turn.fields["base"] = static_cast<std::int64_t>(revision);
                const int files = action == "attach" ? static_cast<int>(rng.below(3)) : 0;  // none, lost, there
                if (files == 1) turn.fields["files"] = test::json(R"(["lost"])");
                if (files == 2) turn.fields["files"] = test::json("[\"f1@" + id + "\"]");
                const bool asked = one.state == "asked", engineer = who.role >= Role::engineer;
                const bool second = engineer && is_person(who) && who.name != one.opener;
                const bool own = who.name == one.opener;
                const bool is_now = one.title == title;  // then there is nothing to make
                bool want = false;
                if (action == "approve") want = asked && second && (is_now || one.base == revision);
                if (action == "refuse") want = asked && second;
                if (action == "withdraw") want = asked && own;
                if (action == "comment") want = asked && (own || engineer);
                if (action == "amend") want = asked && own && !is_now;
                if (action == "attach")
                    want = asked && (own || engineer) && (files == 2 || (files == 0 && one.attached));
                if (action == "attach" && want) one.attached = true;
                const auto done = world.cases->act(doer, id, action, turn);
                ASSERT_EQ(done.has_value(), want)
                    << who.name << " " << action << " " << id << " " << (done ? done->state : done.error().text());
                if (want) {
                    if (action == "approve") {
                        one.state = "approved";
                        if (!is_now) ++revision;
                        title = one.title;
                    }
                    if (action == "refuse") one.state = "refused";
                    if (action == "withdraw") one.state = "withdrawn";
                    if (action == "amend") one.base = revision;
                }
            }
            if (rng.chance(0.1)) {
                world.clock.advance(static_cast<DurationNs>(rng.below(20)) * kDay);
                for (auto& [id, one] : model)
                    if (one.state == "asked" && world.clock.now() >= one.since + 30 * kDay) one.state = "expired";
                for (auto done = world.cases->tick(world.clock.now()); *done > 0;)
                    done = world.cases->tick(world.clock.now());
            }
            if (rng.chance(0.03)) {
                ASSERT_TRUE(world.open());
            }
            for (const auto& [id, one] : model) ASSERT_EQ(world.cases->get(TenantId{1}, id)->state, one.state) << id;
            const auto site = world.registry->find(TenantId{1}, "site", "x");
            ASSERT_EQ(site ? std::string(std::string_view(site->spec.at("title_en").as_string())) : "none", title);
        }
        ASSERT_EQ(world.verified(), "");
    }
}

}  // namespace
}  // namespace gongshu::cases
