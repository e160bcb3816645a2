#include <gtest/gtest.h>

#include "api/testing/world_test.h"
#include "base/time_text.h"
#include "registry/json.h"

// Dead letters as people see them, and what they do with them. That they are processed is tests/e2e/doors_test.py's.
namespace gongshu::api {
namespace {

constexpr TimeNs kTime = 1'700'000'000 * kSecond - kMinute;

class Letters : public test::World {
public:
    void bury(const std::string& body) {
        bool kept = false;
        history->append_event({.tenant = TenantId{1}, .time = kTime, .kind = "dead_letter", .body = body},
                              Durability::sync, [&](const Result<EventId>& id) { kept = id.has_value(); });
        EXPECT_TRUE(sim.run_until([&] { return kept; }, kSecond));
    }
    Json get(const std::string& target) {
        return registry::parse_json(as(token("admin"), "GET", target, "").body).value();
    }
    auto post(const std::string& target, const std::string& body) { return as(token("admin"), "POST", target, body); }
};

TEST(DeadLetters, AreGroupedByTopicAndReason) {
    Letters world;
    for (const char* reason : {R"(byte 17: \"x\" is wrong)", R"(byte 4: \"yy\" is wrong)", "another"}) {
        world.bury(fmt::format(
            R"({{"client":"c","who":"user:x","topic":"a","reason":"{}","payload":"{{","bytes":1,"whole":true}})",
            reason));
    }
    world.bury(
        R"({"client":"c","topic":"b","reason":"another","payload":"x","bytes":300})");  // as older versions wrote it
    const Json groups = world.get("/api/v1/dead_letters:groups").at("groups");
    ASSERT_EQ(groups.as_array().size(), 3u);
    std::string two, old;
    for (const Json& one : groups.as_array()) {
        if (one.at("count").as_int64() == 2) two = std::string_view(one.at("group").as_string());
        if (one.at("topic").as_string() == "b") old = std::string_view(one.at("newest").as_string());
        EXPECT_EQ(one.at("whole").as_int64(), one.at("topic").as_string() == "b" ? 0 : one.at("count").as_int64());
    }
    ASSERT_FALSE(two.empty());
    EXPECT_EQ(world.post("/api/v1/dead_letters:discard", fmt::format(R"({{"group":"{}"}})", two)).body,
              R"({"discarded":2})");
    EXPECT_EQ(world.post("/api/v1/dead_letters:discard", fmt::format(R"({{"group":"{}"}})", two)).body,
              R"({"discarded":0})");
    EXPECT_EQ(world.get("/api/v1/dead_letters").at("items").as_array().size(), 2u);
    const Json discarded = world.get("/api/v1/dead_letters?state=discarded").at("items");
    ASSERT_EQ(discarded.as_array().size(), 2u);
    EXPECT_EQ(discarded.as_array()[0].at("state").as_string(), "discarded");
    EXPECT_EQ(world.get("/api/v1/dead_letters?state=all").at("items").as_array().size(), 4u);
    EXPECT_EQ(world.get("/api/v1/dead_letters/" + old).at("whole").as_bool(), false);
}

TEST(DeadLetters, WhatBecameOfThemIsNewerThanThey) {
    Letters world;
    world.bury(R"({"client":"c","topic":"a","reason":"r","payload":"{","bytes":1,"whole":true})");
    EXPECT_EQ(world.get("/api/v1/dead_letters").at("items").as_array().size(), 1u);
    const Json groups = world.get("/api/v1/dead_letters:groups").at("groups");
    ASSERT_EQ(groups.as_array().size(), 1u);
    const std::string_view group = groups.as_array()[0].at("group").as_string();
    EXPECT_EQ(world.post("/api/v1/dead_letters:discard", fmt::format(R"({{"group":"{}"}})", group)).body,
              R"({"discarded":1})");
    // Asked for up to a time before they were discarded.
    const std::string before = "to=" + format_time(kTime + kSecond);
    EXPECT_EQ(world.get("/api/v1/dead_letters?" + before).at("items").as_array().size(), 0u);
    EXPECT_EQ(world.get("/api/v1/dead_letters?state=discarded&" + before).at("items").as_array().size(), 1u);
}

TEST(DeadLetters, RequestsThatCannotBe) {
    Letters world;
    auto f = [&](const char* body, int want, const char* text) {
        const auto reply = world.post("/api/v1/dead_letters:discard", body);
        EXPECT_EQ(reply.status, want) << body;
        EXPECT_NE(reply.body.find(text), std::string::npos) << reply.body;
    };
    f("{}", 400, "expected either");
    f(R"({"ids":["1"],"group":"a"})", 400, "expected either");
    f(R"({"ids":"1"})", 400, "ids: expected a list of texts");
    f(R"({"ids":[1]})", 400, "ids: expected a list of texts");
    f(R"({"ids":["1"]})", 404, "there is no dead letter 1");
    f(R"({"group":"none"})", 404, "there is no group none");
    EXPECT_EQ(world.as(world.token("admin"), "GET", "/api/v1/dead_letters?state=lost", "").status, 400);
    EXPECT_EQ(world.as(world.token("admin"), "GET", "/api/v1/dead_letters/7", "").status, 404);
}

TEST(Mappings, ArePreviewedWithoutBeingStored) {
    Letters world;
    auto f = [&](const char* body, const char* want) {
        const auto reply = world.post("/api/v1/mappings:preview?precision=s", body);
        EXPECT_EQ(reply.status, 200) << reply.body;
        EXPECT_NE(reply.body.find(want), std::string::npos) << body << "\n" << reply.body;
    };
    f(R"({"spec":{"topic":"a/{b}","take":[{"value":"$.v","tag":"s/{b}.v","unit":"K"}]},"topic":"a/m","payload":"{\"v\":7}"})",
      R"("matches":true,"captures":{"b":"m"},"skipped":false,"error":null,"rows":[{"tag":"s/m.v","ts":1700000000,"arrival":true,)"
      R"("value":7,"quality":"good","unit":"K","place":"$.v","error":null}])");
    f(R"({"spec":{"topic":"a","take":[{"value":"$.v","tag":"s/*.v"}]},"topic":"b","payload":"{\"v\":7}"})",
      R"("matches":false)");
    f(R"({"spec":{"topic":"a","take":[{"value":"$.v","tag":"s/*.v"}]},"topic":"a","payload":"{\"v\":7}"})",
      "* and ? are for questions");
    f(R"({"spec":{"topic":"a","take":[{"value":"v","tag":"s.v"}]},"payload":"1"})",
      R"({"ok":false,"error":{"place":"take[0].value","detail":"column 1: expected $)");
    f(R"({"spec":{"topic":"a","take":[{"value":"$.v","tag":"s.v"}]},"payload":"{\"w\":1}"})",
      R"("error":"$: expected a member \"v\")");
    f(R"({"spec":{"topic":"a","take":[{"value":"$.v","tag":"s.v"}]}})", R"("messages":[])");
    EXPECT_EQ(world.post("/api/v1/mappings:preview", "{}").status, 400);
    EXPECT_EQ(world.get("/api/v1/mappings").at("items").as_array().size(), 0u);
    EXPECT_EQ(world.get("/api/v1/mappings:samples").at("items").as_array().size(), 0u);
    const std::string proposed =
        world.post("/api/v1/mappings:propose", R"({"topic":"a/b","payload":"{\"v\":1}"})").body;
    EXPECT_NE(proposed.find(R"("topic":"a/b")"), std::string::npos) << proposed;
}

}  // namespace
}  // namespace gongshu::api
