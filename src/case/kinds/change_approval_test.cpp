#include <gtest/gtest.h>

#include "case/testing/world_test.h"

namespace gongshu::cases {
namespace {

using test::World;

std::string said(const Result<Case>& one) { return one ? one->id + " " + one->state : one.error().text(); }

struct Office : World {
    Office() { policy(R"({"kinds":["sites","approval_policies"],"approver":"engineer"})"); }
    Result<registry::Change> put(const Doer& who, const char* kind, const char* name, const char* spec) {
        return registry->put(who.actor, kind, name, test::json(spec));
    }
    void policy(const char* spec) {
        registry::Actor system = gao.actor;
        system.who = "system";
        ASSERT_TRUE(registry->put(system, "approval_policy", "four_eyes", test::json(spec)));
    }
    std::string title(const char* name) {
        const auto found = registry->find(TenantId{1}, "site", name);
        return found ? std::string(std::string_view(found->spec.at("title_en").as_string())) : "none";
    }
};

TEST(ChangeApproval, NobodyChangesAlone) {
    Office office;
    const auto alone = office.put(office.gao, "site", "east", R"({"title_en":"East","time_zone":"UTC"})");
    ASSERT_FALSE(alone);
    EXPECT_EQ(alone.error().code(), Code::denied);
    EXPECT_NE(alone.error().text().find("site \"east\" needs approval (approval policy \"four_eyes\")"),
              std::string::npos)
        << alone.error().text();
    EXPECT_TRUE(office.put(office.gao, "role", "guest", R"({"base":"viewer"})")) << "no policy is about roles";
    ASSERT_EQ(
        said(office.ask(office.gao, R"({"kind":"sites","name":"east","spec":{"title_en":"East","time_zone":"UTC"}})")),
        "CA-1 asked");
    EXPECT_EQ(office.act(office.gao, "CA-1", "approve"), "approve: a second person is asked for; user:gao did open");
    EXPECT_EQ(office.act(office.robot, "CA-1", "approve"), "approve: a second person is asked for; a token is nobody");
    EXPECT_EQ(office.act(office.wang, "CA-1", "approve"), "approve: for approvers alone");
    EXPECT_EQ(office.title("east"), "none");
    EXPECT_EQ(office.act(office.li, "CA-1", "approve"), "approved");
    EXPECT_EQ(office.title("east"), "East");
    const auto one = office.cases->get(TenantId{1}, "CA-1");
    EXPECT_EQ(one->fields.at("published").as_int64(), 1);
    EXPECT_EQ(office.registry->find(TenantId{1}, "site", "east")->by, "user:gao");
    // Not by another door either.
    EXPECT_FALSE(office.put(office.li, "site", "east", R"({"title_en":"West","time_zone":"UTC"})"));
    EXPECT_FALSE(office.registry->patch(office.li.actor, "site", "east",
                                        test::json(R"({"title_en":"West","time_zone":"UTC"})")));
    EXPECT_FALSE(office.registry->remove(office.li.actor, "site", "east"));
    EXPECT_FALSE(office.registry->rename(office.li.actor, "site", "east", "west"));
    EXPECT_TRUE(office.registry->rollback(office.li.actor, "site", "east", 1)) << "nothing changes by it";
    const auto applied = office.registry->apply(
        office.li.actor, {{"site", "east", test::json(R"({"title_en":"West","time_zone":"UTC"})")}});
    EXPECT_FALSE(applied.at(0).change);
    EXPECT_FALSE(office.registry->remove(office.gao.actor, "approval_policy", "four_eyes")) << "nor the policy itself";
    EXPECT_EQ(office.verified(), "");
}

TEST(ChangeApproval, IsCheckedWhenItIsAskedFor) {
    Office office;
    auto f = [&](const Doer& who, const char* given, const char* want, const char* note = "why") {
        const std::string text = said(office.ask(who, given, note));
        EXPECT_NE(text.find(want), std::string::npos) << text;
    };
    f(office.li, R"({"kind":"planets","name":"x","spec":{"time_zone":"UTC"}})", "kind: there is no kind \"planets\"");
    f(office.li, R"({"kind":"sites","name":"x"})", "spec: expected what the resource should be");
    f(office.li, R"({"kind":"sites","name":"x","spec":{"colour":1}})", "colour");
    f(office.li, R"({"kind":"sites","name":"x y","spec":{"time_zone":"UTC"}})", "name");
    f(office.wang, R"({"kind":"sites","name":"x","spec":{"time_zone":"UTC"}})", "changing it takes the role engineer");
    f(office.li, R"({"kind":"sites","name":"x","what":"delete"})", "there is no site \"x\" to delete");
    f(office.li, R"({"kind":"approval_policies","name":"x","spec":{"kinds":["sites"]}})", "takes the role admin");
    f(office.li, R"({"kind":"sites","name":"x","spec":{"time_zone":"UTC"}})", "note: expected why, with open", "  ");
    f(office.li, R"({"kind":"sites","name":"x","spec":{"time_zone":"UTC"},"base":7})",
      "does not exist, but revision 7 was expected");
    f(office.li, R"({"kind":"sites","name":"x","spec":{"title_en":"X","time_zone":"UTC"}})", "CA-1 asked");
    ASSERT_EQ(office.act(office.zhou, "CA-1", "approve"), "approved");
    f(office.li, R"({"kind":"sites","name":"x","spec":{"title_en":"X","time_zone":"UTC"}})",
      "is what site \"x\" is already");
    f(office.li, R"({"kind":"connections","name":"c","spec":{"protocol":"modbus_tcp","host":"10.0.0.9"}})", "");
}

TEST(ChangeApproval, WhatChangedMeanwhileIsAskedAnew) {
    Office office;
    ASSERT_EQ(said(office.ask(office.li, R"({"kind":"sites","name":"x","spec":{"title_en":"one","time_zone":"UTC"}})")),
              "CA-1 asked");
    ASSERT_EQ(said(office.ask(office.li, R"({"kind":"sites","name":"x","spec":{"title_en":"two","time_zone":"UTC"}})")),
              "CA-2 asked");
    ASSERT_EQ(office.act(office.zhou, "CA-1", "approve"), "approved");
    const std::string second = office.act(office.zhou, "CA-2", "approve");
    EXPECT_NE(second.find("is at revision 1, but none was expected"), std::string::npos) << second;
    EXPECT_EQ(office.title("x"), "one");
    EXPECT_EQ(office.act(office.zhou, "CA-2", "amend", R"({"base":1})"), "amend: for who asked alone");
    EXPECT_EQ(office.act(office.li, "CA-2", "amend", R"({"base":1})"), "asked");
    EXPECT_EQ(office.act(office.zhou, "CA-2", "approve"), "approved");
    EXPECT_EQ(office.title("x"), "two");
    ASSERT_EQ(said(office.ask(office.li, R"({"kind":"sites","name":"x","what":"delete"})")), "CA-3 asked");
    EXPECT_EQ(office.act(office.zhou, "CA-3", "refuse", "{}", ""), "note: expected why, with refuse");
    EXPECT_EQ(office.act(office.zhou, "CA-3", "refuse", "{}", "still needed"), "refused");
    ASSERT_EQ(said(office.ask(office.li, R"({"kind":"sites","name":"x","what":"delete"})")), "CA-4 asked");
    EXPECT_EQ(office.act(office.zhou, "CA-4", "approve"), "approved");
    EXPECT_EQ(office.title("x"), "none");
    EXPECT_EQ(office.verified(), "");
}

TEST(ChangeApproval, ThePolicySaysWhoApproves) {
    Office office;
    office.policy(R"({"kinds":["sites"],"names":["plant*"],"approver":"admin"})");
    EXPECT_TRUE(office.put(office.li, "site", "shed", R"({"title_en":"Shed","time_zone":"UTC"})"));
    ASSERT_EQ(
        said(office.ask(office.li, R"({"kind":"sites","name":"plant1","spec":{"title_en":"P","time_zone":"UTC"}})")),
        "CA-1 asked");
    EXPECT_EQ(office.act(office.zhou, "CA-1", "approve"), "approve: the policy \"four_eyes\" asks for the role admin");
    EXPECT_EQ(office.act(office.gao, "CA-1", "approve"), "approved");
}

// The power goes between the change and the step that says so.
TEST(ChangeApproval, IsMadeOnceWhateverFails) {
    for (int n = 1;; ++n) {
        Office office;
        ASSERT_EQ(
            said(office.ask(office.li, R"({"kind":"sites","name":"x","spec":{"title_en":"one","time_zone":"UTC"}})")),
            "CA-1 asked");
        office.files.fail_nth(n);
        const std::string first = office.act(office.zhou, "CA-1", "approve");
        const bool fired = office.files.fault_fired();
        office.files.crash();
        ASSERT_TRUE(office.open());
        const std::string state = office.cases->get(TenantId{1}, "CA-1")->state;
        EXPECT_TRUE(state == "approved" || first != "approved") << n;
        if (state == "asked") {
            EXPECT_EQ(office.act(office.zhou, "CA-1", "approve"), "approved") << n;
        }
        EXPECT_EQ(office.title("x"), "one") << n;
        EXPECT_EQ(office.registry->find(TenantId{1}, "site", "x")->revision, 1u) << n;
        EXPECT_EQ(office.verified(), "") << n;
        if (!fired) break;
        ASSERT_LT(n, 300);
    }
}

}  // namespace
}  // namespace gongshu::cases
