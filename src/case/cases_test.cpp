#include "case/cases.h"

#include <gtest/gtest.h>

#include "case/testing/world_test.h"
#include "registry/audit_ledger.h"
#include "registry/database.h"

namespace gongshu::cases {
namespace {

using test::World;

constexpr const char* kRule = R"({"kind":"site","name":"east","spec":{"title_en":"East","time_zone":"UTC"}})";

std::string said(const Result<Case>& one) { return one ? one->id + " " + one->state : one.error().text(); }

TEST(Cases, GoFromTurnToTurn) {
    World world;
    auto one = world.why(world.wang, R"({"asset":"site/cnc1","from":"2026-03-01T08:00:00Z"})");
    ASSERT_EQ(said(one), "DR-1 asked");
    EXPECT_EQ(one->due, world.clock.now() + 15 * kMinute);
    EXPECT_EQ(world.act(world.wang, "DR-1", "answer"), "category: expected with answer");
    EXPECT_EQ(world.act(world.wang, "DR-1", "answer", R"({"category":"other"})"),
              "answer: with the category other, what happened has to be said");
    EXPECT_EQ(world.act(world.wang, "DR-1", "confirm"), "DR-1 is Waiting for a reason: confirm is not possible then");
    EXPECT_EQ(world.act(world.wang, "DR-1", "answer", R"({"category":"other","reason":"主轴异响"})"), "answered");
    EXPECT_EQ(world.act(world.wang, "DR-1", "confirm"), "confirm: for engineers alone");
    EXPECT_EQ(world.act(world.li, "DR-1", "reject"), "note: expected why, with reject");
    EXPECT_EQ(world.act(world.li, "DR-1", "reject", "{}", "which spindle?"), "asked");
    EXPECT_EQ(world.act(world.li, "DR-1", "answer", R"({"category":"breakdown"})"), "answered");
    EXPECT_EQ(world.act(world.li, "DR-1", "confirm"), "confirm: a second person is asked for; user:li did answer");
    EXPECT_EQ(world.act(world.robot, "DR-1", "confirm"), "confirm: a second person is asked for; a token is nobody");
    EXPECT_EQ(world.act(world.zhou, "DR-1", "confirm"), "confirmed");
    EXPECT_EQ(world.act(world.zhou, "DR-1", "reject", "{}", "x"), "DR-1 is Confirmed: reject is not possible then");
    EXPECT_EQ(world.act(world.zhou, "DR-2", "reject"), "there is no case DR-2");
    EXPECT_NE(world.act(world.zhou, "DR-1", "explode").find("has no action \"explode\"; it has answer, confirm"),
              std::string::npos);
    EXPECT_EQ(world.verified(), "");
    EXPECT_EQ(world.told.back(), "DR-1 confirm confirmed by user:zhou");
    const auto steps = world.cases->steps(TenantId{1}, "DR-1");
    ASSERT_TRUE(steps);
    ASSERT_EQ(steps->size(), 5u);
    EXPECT_EQ(steps->at(2).note, "which spindle?");
    EXPECT_EQ(registry::to_text(Json(steps->at(3).changed)), R"({"category":"breakdown"})");
}

TEST(Cases, RemindEscalateAndEndByThemselves) {
    World world;
    ASSERT_TRUE(world.why(world.wang, R"({"asset":"a","from":"2026-03-01T08:00:00Z","remind_minutes":5})"));
    const auto after = [&](DurationNs by) {
        world.clock.advance(by);
        world.told.clear();
        while (true) {
            const auto done = world.cases->tick(world.clock.now());
            EXPECT_TRUE(done);
            if (!done || *done == 0) break;
        }
        std::string text;
        for (const std::string& one : world.told) text += one + "; ";
        return text;
    };
    EXPECT_EQ(after(4 * kMinute), "");
    EXPECT_EQ(after(kMinute), "DR-1 remind asked by system; ");
    EXPECT_EQ(after(54 * kMinute), "");
    ASSERT_TRUE(world.open());  // what is due does not depend on who runs
    EXPECT_EQ(after(kMinute), "DR-1 escalate escalated by system; ");
    EXPECT_EQ(after(6 * kDay), "");
    EXPECT_EQ(after(kDay), "DR-1 give_up unanswered by system; ");
    EXPECT_EQ(after(100 * kDay), "");
    // After a long silence all that was due is done, one after the other.
    ASSERT_TRUE(world.why(world.wang, R"({"asset":"a","from":"2026-03-01T08:00:00Z"})"));
    EXPECT_EQ(after(10 * kDay), "DR-2 remind asked by system; DR-2 escalate escalated by system; ");
    EXPECT_EQ(after(7 * kDay), "DR-2 give_up unanswered by system; ");
    EXPECT_EQ(world.verified(), "");
}

TEST(Cases, WorkingTimeIsTheCalendars) {
    io::SimFiles files;
    SimClock clock;
    const auto registry = *registry::Registry::create(files, clock, {.folder = "/r", .key_folder = "/k"});
    ASSERT_TRUE(registry->load());
    Cases cases{*registry, clock, {.working_time = [](TenantId, std::string_view, TimeNs from, DurationNs) {
                    return from + 99 * kHour;
                }}};
    ASSERT_TRUE(cases.add_kind(downtime_reason_kind()));
    const auto wang = World::doer("user:wang", Role::operator_);
    const auto one =
        cases.open(wang, {.kind = "downtime_reasons",
                          .subject = "s",
                          .turn = {.fields = test::fields(R"({"asset":"a","from":"2026-03-01T08:00:00Z"})")}});
    ASSERT_TRUE(one) << one.error().text();
    EXPECT_EQ(one->due, clock.now() + 15 * kMinute);
    const auto answered = cases.act(wang, "DR-1", "answer", {.fields = test::fields(R"({"category":"setup"})")});
    ASSERT_TRUE(answered);
    EXPECT_EQ(answered->due, clock.now() + 99 * kHour);
}

TEST(Cases, AreForThoseTheyAreGivenTo) {
    World world;
    const Doer chen = World::doer("user:chen", Role::operator_);
    ASSERT_TRUE(world.why(world.li, R"({"asset":"a","from":"2026-03-01T08:00:00Z"})"));
    auto give = [&](const Doer& who, std::vector<std::string> to) {
        const auto done = world.cases->act(who, "DR-1", "hand_over", {.assigned = std::move(to)});
        return done ? "given" : done.error().text();
    };
    EXPECT_EQ(give(world.wang, {"li"}), "assigned: expected user:name, found \"li\"");
    EXPECT_EQ(give(world.wang, {"user:chen"}), "given");
    EXPECT_EQ(world.act(world.wang, "DR-1", "answer", R"({"category":"setup"})"),
              "answer: for who is asked, engineers alone");
    EXPECT_EQ(give(world.wang, {"user:wang"}), "hand_over: for who is asked, engineers alone");
    const auto offers = world.cases->offers(world.wang, *world.cases->get(TenantId{1}, "DR-1"));
    ASSERT_TRUE(offers);
    std::string text;
    for (const Offer& offer : *offers) text += offer.action->name + (offer.why_not ? " no; " : " yes; ");
    EXPECT_EQ(text, "answer no; hand_over no; withdraw no; ");
    EXPECT_EQ(world.act(chen, "DR-1", "answer", R"({"category":"setup"})"), "answered");
    EXPECT_EQ(world.verified(), "");
}

TEST(Cases, WhatTwoDoAtOnceIsDoneOnce) {
    World world;
    ASSERT_TRUE(world.why(world.wang, R"({"asset":"a","from":"2026-03-01T08:00:00Z"})"));
    const auto done = world.cases->act(world.li, "DR-1", "answer",
                                       {.fields = test::fields(R"({"category":"setup"})"), .revision = 7});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Code::conflict);
    EXPECT_EQ(done.error().text(), "DR-1 was changed meanwhile: it is at revision 1; look at it again");
}

TEST(Cases, TenantsNeverMeet) {
    World world;
    ASSERT_TRUE(world.why(world.wang, R"({"asset":"a","from":"2026-03-01T08:00:00Z"})"));
    const Doer other = World::doer("user:li", Role::admin, 2);
    EXPECT_EQ(world.act(other, "DR-1", "withdraw", "{}", "x"), "there is no case DR-1");
    EXPECT_EQ(said(world.cases->open(
                  other, {.kind = "downtime_reason",
                          .subject = "s",
                          .turn = {.fields = test::fields(R"({"asset":"a","from":"2026-03-01T08:00:00Z"})")}})),
              "DR-1 asked");
    EXPECT_EQ(world.cases->list({.tenant = TenantId{1}})->size(), 1u);
    EXPECT_EQ(world.cases->list({.tenant = TenantId{3}})->size(), 0u);
}

TEST(Cases, AreListedInPages) {
    World world;
    for (int i = 0; i < 25; ++i) {
        world.clock.advance(kSecond);
        ASSERT_TRUE(world.cases->open(
            world.wang,
            {.kind = "downtime_reason",
             .subject = "s",
             .turn = {.fields = test::fields(fmt::format(R"({{"asset":"site/{}","from":"2026-03-01T08:00:00Z"}})",
                                                         i % 2 == 0 ? "a" : "ab"))}}));
    }
    EXPECT_EQ(world.act(world.wang, "DR-3", "answer", R"({"category":"setup"})"), "answered");
    std::string order;
    registry::CaseQuery query{.tenant = TenantId{1}, .rows_max = 7};
    for (auto page = *world.cases->list(query); !page.empty(); page = *world.cases->list(query))
        for (const Case& one : page) {
            order += one.id + " ";
            query.after = {one.changed, one.id};
        }
    EXPECT_TRUE(order.starts_with("DR-3 DR-25 DR-24 ") || order.starts_with("DR-25 DR-3 DR-24 ")) << order;
    EXPECT_EQ(std::ranges::count(order, ' '), 25);
    auto count = [&](registry::CaseQuery q) {
        q.tenant = TenantId{1};
        return world.cases->list(q)->size();
    };
    EXPECT_EQ(count({.place = "site/a"}), 13u);
    EXPECT_EQ(count({.place = "site"}), 25u);
    EXPECT_EQ(count({.state = "answered"}), 1u);
    EXPECT_EQ(count({.kind = "change_approval"}), 0u);
    EXPECT_EQ(count({.closed = true}), 0u);
    EXPECT_EQ(world.cases->counts(TenantId{1})->size(), 2u);
}

TEST(Cases, LimitsAreTold) {
    io::SimFiles files;
    SimClock clock;
    const auto registry = *registry::Registry::create(files, clock, {.folder = "/r", .key_folder = "/k"});
    ASSERT_TRUE(registry->load());
    Cases cases{*registry, clock, {.open_max = 2, .steps_max = 3}};
    ASSERT_TRUE(cases.add_kind(downtime_reason_kind()));
    const auto again = cases.add_kind(downtime_reason_kind());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Code::exists);
    const auto li = World::doer("user:li", Role::engineer);
    auto open = [&](std::string subject) {
        return said(
            cases.open(li, {.kind = "downtime_reason",
                            .subject = std::move(subject),
                            .turn = {.fields = test::fields(R"({"asset":"a","from":"2026-03-01T08:00:00Z"})")}}));
    };
    EXPECT_EQ(open(""), "subject: expected 1 to 200 bytes, found 0");
    EXPECT_EQ(open("a"), "DR-1 asked");
    EXPECT_EQ(open("b"), "DR-2 asked");
    EXPECT_EQ(open("c"), "2 cases are open, more are not taken: close some first");
    auto act = [&](const char* action, const char* given) {
        const auto done = cases.act(li, "DR-1", action, {.fields = test::fields(given), .note = "n"});
        return done ? done->state : done.error().text();
    };
    EXPECT_EQ(act("answer", R"({"category":"setup"})"), "answered");
    EXPECT_EQ(act("reject", "{}"), "asked");
    EXPECT_EQ(act("answer", R"({"category":"setup"})"), "DR-1 has 3 steps, more are not taken: it can only be closed");
    EXPECT_EQ(act("withdraw", "{}"), "withdrawn");
    EXPECT_EQ(open("c"), "DR-3 asked");
}

TEST(Cases, EveryStepIsInTheLedger) {
    World world;
    ASSERT_EQ(said(world.ask(world.li, kRule)), "CA-1 asked");
    ASSERT_EQ(world.act(world.gao, "CA-1", "approve"), "approved");
    auto ledgers = *registry::AuditLedger::create(*world.registry, world.files, world.clock, "/ledger");
    ASSERT_TRUE(ledgers->feed());
    const ledger::Ledger& ledger = **ledgers->of(TenantId{1});
    std::string actions;
    for (std::uint64_t i = 0; i < ledger.size(); ++i) {
        const Json body = test::json(ledger.get(i)->body);
        actions +=
            fmt::format("{} {} {}; ", std::string_view(body.at("who").as_string()),
                        std::string_view(body.at("action").as_string()), std::string_view(body.at("name").as_string()));
    }
    EXPECT_NE(actions.find("user:li case.open CA-1; user:li created east; user:gao case.approve CA-1; "),
              std::string::npos)
        << actions;
}

// gongshu verify, over a folder that nobody has open.
TEST(Cases, AreReplayedWhereTheyLie) {
    World world;
    const registry::RegistryOptions options{.folder = "/data/registry", .key_folder = "/keys"};
    const std::vector<CaseKind> kinds{change_approval_kind(), downtime_reason_kind()};
    ASSERT_EQ(said(world.ask(world.li, kRule)), "CA-1 asked");
    ASSERT_EQ(world.act(world.gao, "CA-1", "approve"), "approved");
    for (int i = 0; i < 12; ++i)  // "DR-10" comes before "DR-2" where they lie
        ASSERT_TRUE(world.why(world.wang, fmt::format(R"({{"asset":"a{}","from":"2026-03-01T08:00:00Z"}})", i)));
    ASSERT_EQ(world.act(world.wang, "DR-2", "answer", R"({"category":"setup"})"), "answered");
    world.cases.reset();
    world.registry.reset();
    auto report = verify_cases(world.files, options, kinds);
    EXPECT_TRUE(report.problems.empty()) << report.problems[0];
    EXPECT_EQ(report.cases, 13u);
    EXPECT_EQ(report.steps, 15u);
    EXPECT_EQ(verify_cases(world.files, options, {kinds[0]}).problems.size(), 12u);  // of kinds that are not known
    {
        const auto database = registry::Database::open(world.files, options.folder).value();
        ASSERT_TRUE(database->change({{"update cases set state = 'confirmed' where id = 'DR-2'", {}},
                                      {"delete from case_steps where id = 'DR-10'", {}}}));
    }
    report = verify_cases(world.files, options, kinds);
    ASSERT_EQ(report.problems.size(), 2u);
    EXPECT_EQ(report.problems[0], "case DR-10: 0 steps, but it is at revision 1");
    EXPECT_EQ(report.problems[1], "case DR-2: its steps lead to answered, but it is confirmed");
    EXPECT_EQ(verify_cases(world.files, {.folder = "/nowhere", .key_folder = "/keys"}, kinds).problems.size(), 0u);
}

TEST(Cases, WhoEditsTheTableIsFound) {
    World world;
    ASSERT_TRUE(world.why(world.wang, R"({"asset":"a","from":"2026-03-01T08:00:00Z"})"));
    ASSERT_EQ(world.act(world.wang, "DR-1", "answer", R"({"category":"setup"})"), "answered");
    EXPECT_EQ(world.verified(), "");
    registry::CaseTable table{*world.registry};
    auto row = *table.get(TenantId{1}, "DR-1");
    const auto spoil = [&](const std::function<void(registry::CaseRow&)>& how) {
        registry::CaseRow next = row;
        how(next);
        ++next.revision;
        EXPECT_TRUE(table.store(world.gao.actor, next,
                                {.number = next.revision,
                                 .time = 1,
                                 .who = "user:gao",
                                 .action = "confirm",
                                 .from = "answered",
                                 .to = "confirmed",
                                 .detail = "{}"}));
        row.revision = next.revision;
        return world.verified();
    };
    EXPECT_NE(spoil([](auto&) {}).find("case DR-1: its steps lead to confirmed, but it is answered"),
              std::string::npos);
}

TEST(Cases, EveryFailedWriteIsToldAndChangesNothing) {
    for (int n = 1;; ++n) {
        World world;
        ASSERT_TRUE(world.why(world.wang, R"({"asset":"a","from":"2026-03-01T08:00:00Z"})"));
        world.files.fail_nth(n);
        const std::string first = world.act(world.wang, "DR-1", "answer", R"({"category":"setup"})");
        const bool fired = world.files.fault_fired();
        world.files.crash();
        ASSERT_TRUE(world.open());
        const auto one = world.cases->get(TenantId{1}, "DR-1");
        ASSERT_TRUE(one) << n;
        if (first == "answered") {
            EXPECT_EQ(one->state, "answered") << n;
        }
        EXPECT_TRUE(one->state == "asked" || one->state == "answered") << n;
        EXPECT_EQ(world.verified(), "") << n;
        if (!fired) break;
        ASSERT_LT(n, 200);
    }
}

// A kind whose end needs a photo gets none without.
TEST(Cases, WhatNeedsEvidenceIsNotDoneWithout) {
    World world;
    CaseKind kind = downtime_reason_kind();
    kind.name = "inspection";
    kind.plural = "inspections";
    kind.prefix = "IN";
    for (Action& action : kind.actions)
        if (action.name == "answer") action.needs = {"category", "photos"};
    ASSERT_TRUE(world.cases->add_kind(kind));
    const auto one = world.cases->open(
        world.wang, {.kind = "inspection",
                     .subject = "press",
                     .turn = {.fields = test::fields(R"({"asset":"a","from":"2026-03-01T08:00:00Z"})")}});
    ASSERT_TRUE(one) << one.error().text();
    const auto f = [&](std::string_view fields, std::string_view want) {
        EXPECT_EQ(world.act(world.wang, "IN-1", "answer", fields), want);
    };
    f(R"({"category":"setup"})", "photos: expected with answer");
    f(R"({"category":"setup","photos":[]})", "photos: expected with answer");
    f(R"({"category":"setup","photos":["f1@DR-1"]})", "photos: there is no file f1@DR-1 of IN-1");
    f(R"({"category":"setup","photos":"f1@IN-1"})", "photos: expected a list of files, found \"f1@IN-1\"");
    f(R"({"category":"setup","photos":[{"id":"f1@IN-1","sha256":"forged"}]})", "photos: expected the ids of files");
    f(R"({"category":"setup","photos":["f1@IN-1","f2@IN-1","f3@IN-1","f4@IN-1","f5@IN-1","f6@IN-1","f7@IN-1"]})",
      "photos: 7 files, at most 6 are taken");
    f(R"({"category":"setup","photos":["f1@IN-1"]})", "answered");
    EXPECT_TRUE(world.cases->cites(TenantId{1}, "IN-1", "f1@IN-1").value());
    EXPECT_FALSE(world.cases->cites(TenantId{1}, "IN-1", "f2@IN-1").value());
    EXPECT_EQ(world.verified(), "");
    kind.name = kind.plural = "other";
    kind.prefix = "OT";
    for (Action& action : kind.actions)
        if (action.name == "open") action.takes.push_back("photos");
    EXPECT_EQ(check_kind(kind).error().text(),
              "case kind other: action open: takes: photos holds files, which are given when the case is there");
}

}  // namespace
}  // namespace gongshu::cases
