#include <gtest/gtest.h>

#include "api/testing/world_test.h"
#include "registry/json.h"

// Cases as people meet them over HTTP. What a case may do is src/case's.
namespace gongshu::api {
namespace {

class Office : public test::World {
public:
    Json get(const std::string& who, const std::string& target) {
        return registry::parse_json(as(token(who), "GET", target, "").body).value();
    }
    std::string post(const std::string& who, const std::string& target, const std::string& body, int status) {
        const auto reply = as(token(who), "POST", target, body);
        EXPECT_EQ(reply.status, status) << target << " " << reply.body;
        return reply.body;
    }
    std::string allowed(const std::string& who, const std::string& id) {
        std::string text;
        const Json one = get(who, "/api/v1/cases/" + id);
        for (const Json& action : one.at("actions").as_array())
            text += std::string(std::string_view(action.at("name").as_string())) +
                    (action.at("may").as_bool() ? " yes; " : " no; ");
        return text;
    }
};

constexpr const char* kAsk =
    R"({"kind":"downtime_reason","fields":{"asset":"lab/oven","from":"2026-03-01T08:00:00Z"}})";

TEST(CasesOverHttp, TellTheirKinds) {
    Office office;
    const Json kinds = office.get("viewer", "/api/v1/case_kinds").at("items");
    ASSERT_EQ(kinds.as_array().size(), 2u);
    const Json& kind = kinds.as_array()[0];
    EXPECT_EQ(kind.at("name").as_string(), "change_approval");
    EXPECT_EQ(kind.at("states").as_array().size(), 5u);
    EXPECT_EQ(kind.at("actions").as_array()[1].at("unlike").as_array().size(), 2u);
    EXPECT_EQ(kind.at("deadlines").as_array()[0].at("after_s").as_int64(), 8 * 3600);
}

TEST(CasesOverHttp, GoFromTurnToTurn) {
    Office office;
    office.post("viewer", "/api/v1/cases", kAsk, 403);
    const Json opened = registry::parse_json(office.post("operator", "/api/v1/cases", kAsk, 201)).value();
    EXPECT_EQ(opened.at("id").as_string(), "DR-1");
    EXPECT_EQ(opened.at("place").as_string(), "lab/oven");
    EXPECT_EQ(opened.at("steps").as_array().size(), 1u);
    EXPECT_EQ(office.allowed("operator", "DR-1"), "answer yes; hand_over yes; withdraw no; ");
    EXPECT_EQ(office.allowed("viewer", "DR-1"), "answer no; hand_over no; withdraw no; ");
    EXPECT_EQ(office.get("operator", "/api/v1/cases:counts").at("mine").as_int64(), 1);
    EXPECT_EQ(office.get("viewer", "/api/v1/cases:counts").at("mine").as_int64(), 0);
    const std::string act = "/api/v1/cases/DR-1:answer";
    office.post("operator", act, R"({"fields":{"category":"weather"}})", 400);
    office.post("operator", act, R"({"fields":{"category":"setup"},"revision":9})", 409);
    office.post("operator", act, R"({"fields":{"category":"setup"},"who":"me"})", 400);
    office.post("operator", "/api/v1/cases/DR-1:confirm", "", 409);
    office.post("operator", "/api/v1/cases/DR-9:answer", "{}", 404);
    office.post("operator", "/api/v1/cases/DR-1:dance", "{}", 404);
    const Json answered =
        registry::parse_json(office.post("operator", act, R"({"fields":{"category":"setup"},"revision":1})", 200))
            .value();
    EXPECT_EQ(answered.at("state").as_string(), "answered");
    EXPECT_EQ(office.get("viewer", "/api/v1/cases?state=answered").at("items").as_array().size(), 1u);
    EXPECT_EQ(office.get("viewer", "/api/v1/cases?state=asked").at("items").as_array().size(), 0u);
    EXPECT_EQ(office.get("operator", "/api/v1/cases?mine=1").at("items").as_array().size(), 0u);
    EXPECT_EQ(office.as(office.token("viewer"), "GET", "/api/v1/cases?open=maybe", "").status, 400);
    EXPECT_EQ(office.as(office.token("viewer"), "GET", "/api/v1/cases?after=x", "").status, 400);
}

TEST(CasesOverHttp, AreToldInTheReadersLanguage) {
    Office office;
    office.post("operator", "/api/v1/cases", kAsk, 201);
    const auto reply = office.as(office.token("operator"), "POST", "/api/v1/cases/DR-1:confirm?lang=zh", "");
    EXPECT_NE(reply.body.find("DR-1 的状态是“待说明”，此时不能 confirm"), std::string::npos) << reply.body;
}

TEST(CasesOverHttp, ArePagedWithoutGaps) {
    Office office;
    for (int i = 0; i < 7; ++i) office.post("operator", "/api/v1/cases", kAsk, 201);
    std::string ids, next;
    do {
        const Json page = office.get("viewer", "/api/v1/cases?limit=3&after=" + next);
        for (const Json& one : page.at("items").as_array())
            ids += std::string(std::string_view(one.at("id").as_string())) + " ";
        next = page.at("next").is_null() ? "" : std::string(std::string_view(page.at("next").as_string()));
    } while (!next.empty());
    EXPECT_EQ(ids, "DR-7 DR-6 DR-5 DR-4 DR-3 DR-2 DR-1 ");
}

TEST(CasesOverHttp, AChangeThatNeedsApproval) {
    Office office;
    const std::string admin = office.token("admin");
    EXPECT_EQ(office.as(admin, "PUT", "/api/v1/approval_policies/p", R"({"spec":{"kinds":["sites"]}})").status, 200);
    const auto refused =
        office.as(admin, "PUT", "/api/v1/sites/east", R"({"spec":{"time_zone":"UTC","title_en":"East"}})");
    EXPECT_EQ(refused.status, 403);
    EXPECT_NE(refused.body.find("needs approval"), std::string::npos) << refused.body;
    const std::string asked =
        office.post("engineer", "/api/v1/cases",
                    R"({"kind":"change_approval","note":"new hall","fields":{"kind":"sites","name":"east",)"
                    R"("spec":{"time_zone":"UTC","title_en":"East"}}})",
                    201);
    EXPECT_NE(asked.find(R"("id":"CA-1","kind":"change_approval","state":"asked")"), std::string::npos) << asked;
    // A token is nobody; people are signed in.
    const std::string by_token = office.post("admin", "/api/v1/cases/CA-1:approve", "{}", 403);
    EXPECT_NE(by_token.find("a token is nobody"), std::string::npos) << by_token;
    EXPECT_EQ(office.get("admin", "/api/v1/cases").at("items").as_array()[0].at("fields").as_object().contains("spec"),
              false);
    EXPECT_EQ(office.get("admin", "/api/v1/cases/CA-1").at("fields").as_object().contains("spec"), true);
}

}  // namespace
}  // namespace gongshu::api
