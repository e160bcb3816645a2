#include <gtest/gtest.h>

#include "api/testing/world_test.h"
#include "registry/json.h"

// Message hooks over HTTP. What is sent and when is src/notify's.
namespace gongshu::api {
namespace {

constexpr const char* kHook = R"({"spec":{"channel":"webhook","url":"http://10.0.0.9/in?key={key}","key":"sesame"}})";

TEST(MessagesOverHttp, HooksAreForAdministratorsAndKeepTheirSecrets) {
    test::World world;
    const std::string admin = world.token("admin"), engineer = world.token("engineer");
    EXPECT_EQ(world.as(engineer, "PUT", "/api/v1/message_hooks/h", kHook).status, 403);
    EXPECT_EQ(world.as(admin, "PUT", "/api/v1/message_hooks/h", kHook).status, 200);
    EXPECT_EQ(world.as(engineer, "GET", "/api/v1/message_hooks", "").status, 403);
    EXPECT_EQ(world.as(engineer, "GET", "/api/v1/status/messages", "").status, 403);
    EXPECT_EQ(world.as(engineer, "POST", "/api/v1/message_hooks/h:test", "").status, 403);
    const std::string read = world.as(admin, "GET", "/api/v1/message_hooks/h", "").body;
    EXPECT_EQ(read.find("sesame"), std::string::npos) << read;
    EXPECT_NE(read.find(R"("key":{"secret":true})"), std::string::npos) << read;
}

TEST(MessagesOverHttp, AHookThatCannotWorkIsRefused) {
    test::World world;
    const std::string admin = world.token("admin");
    auto f = [&](const char* spec, const char* why) {
        const auto reply = world.as(admin, "PUT", "/api/v1/message_hooks/h", fmt::format(R"({{"spec":{}}})", spec));
        EXPECT_EQ(reply.status, 400) << spec;
        EXPECT_NE(reply.body.find(why), std::string::npos) << reply.body;
    };
    f(R"({"channel":"webhook"})", "url: expected where to send, found none");
    f(R"({"channel":"webhook","url":"ftp://x"})", "is no address of a server");
    f(R"({"channel":"webhook","url":"http://u:p@x/"})", "is no address of a server");
    f(R"({"channel":"webhook","url":"http://x/a b"})", "is no address of a server");
    f(R"({"channel":"webhook","url":"http://x/","cases":["order"]})", "there is no kind of case");
    f(R"({"channel":"webhook","url":"http://x/","cases":["change_approval"],"actions":["escalate"]})",
      "these cases have no action");
    f(R"({"channel":"webhook","url":"http://x/","ca":"nonsense"})", "the certificate of the authority cannot be read");
    f(R"({"channel":"email","from":"a@b","to":["c@d"]})", "host: expected the mail server");
    f(R"({"channel":"email","host":"m","to":["c@d"]})", "from: expected the sender's mail address");
    f(R"({"channel":"email","host":"m","from":"a@b"})", "to: expected 1 to 50 mail addresses");
    f(R"({"channel":"email","host":"m","from":"a@b","to":["c@d\r\nBcc: e@f"]})", "to[0]: expected a mail address");
    f(R"({"channel":"email","host":"m","from":"a@b","to":["c@d"],"user":"u","security":"none"})", "over TLS alone");
}

TEST(MessagesOverHttp, StateAndTestAreTold) {
    test::World world;
    const std::string admin = world.token("admin");
    EXPECT_EQ(world.as(admin, "PUT", "/api/v1/message_hooks/h", kHook).status, 200);
    world.sim.run_for(kSecond);
    const auto test = world.as(admin, "POST", "/api/v1/message_hooks/h:test", "");
    EXPECT_EQ(test.status, 200);
    EXPECT_NE(test.body.find(R"("ok":false,"answer":"","problem":"cannot connect to 10.0.0.9:80)"), std::string::npos)
        << test.body;
    EXPECT_EQ(world.as(admin, "POST", "/api/v1/message_hooks/none:test", "").status, 404);
    world.as(admin, "POST", "/api/v1/cases",
             R"({"kind":"downtime_reason","fields":{"asset":"lab/oven","from":"2026-03-01T08:00:00Z"}})");
    world.sim.run_for(10 * kSecond);
    const Json items =
        registry::parse_json(world.as(admin, "GET", "/api/v1/status/messages", "").body).value().at("items");
    ASSERT_EQ(items.as_array().size(), 1u);
    const Json& one = items.as_array()[0];
    EXPECT_EQ(one.at("state").as_string(), "failing");
    EXPECT_EQ(one.at("target").as_string(), "10.0.0.9");
    EXPECT_EQ(one.at("waiting").as_int64(), 1);
    EXPECT_TRUE(one.at("sent_at").is_null());
    EXPECT_EQ(world.as(admin, "GET", "/api/v1/overview", "").body.find("message_hook"), std::string::npos);
    world.sim.run_for(10 * kMinute);
    EXPECT_NE(world.as(admin, "GET", "/api/v1/overview", "").body.find(R"("what":"message_hook","name":"h")"),
              std::string::npos);
    const std::string viewer = world.token("viewer");
    EXPECT_EQ(world.as(viewer, "GET", "/api/v1/overview", "").body.find("message_hook"), std::string::npos);
    EXPECT_GT(one.at("next_try").as_int64(), one.at("failing_since").as_int64());
}

}  // namespace
}  // namespace gongshu::api
