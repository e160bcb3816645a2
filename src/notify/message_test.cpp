#include "notify/message.h"

#include <gtest/gtest.h>

#include "case/kinds/kinds.h"
#include "registry/json.h"

namespace gongshu::notify {
namespace {

Json json(std::string_view text) { return registry::parse_json(text).value(); }

// A downtime that was asked for, reminded of and answered.
struct Downtime {
    cases::CaseKind kind = cases::downtime_reason_kind();
    cases::Case one{.tenant = TenantId{1},
                    .kind = &kind,
                    .id = "DR-7",
                    .revision = 3,
                    .state = "answered",
                    .due = 1'772'370'000 * kSecond,
                    .place = "hall/press3",
                    .subject = "press3 <@all> [x](http://y)"};
    std::vector<cases::Step> steps;

    Downtime() {
        const TimeNs at = 1'772'352'000 * kSecond;  // 2026-03-01 16:00 in Shanghai
        steps.push_back({.number = 1,
                         .time = at,
                         .who = "user:li",
                         .action = "open",
                         .to = "asked",
                         .changed = json(R"({"asset":"hall/press3","from":"2026-03-01T08:00:00Z"})").as_object()});
        steps.push_back({.number = 2,
                         .time = at + 15 * kMinute,
                         .who = "system",
                         .action = "remind",
                         .from = "asked",
                         .to = "asked"});
        steps.push_back({.number = 3,
                         .time = at + 20 * kMinute,
                         .who = "token:mes",
                         .action = "answer",
                         .from = "asked",
                         .to = "answered",
                         .note = "a\nb",
                         .changed = json(R"({"category":"material","asset":null,"photos":[{"id":"1"}]})").as_object()});
    }
    Message told(std::uint64_t number, MessageHookSpec spec = {}) {
        return compose(spec, "h", one, steps, number, calendar::Zone::create("Asia/Shanghai").value(),
                       "https://g.plant/");
    }
};

TEST(Message, SaysWhatAStepWasWhenItWasTaken) {
    Downtime case_;
    const Message first = case_.told(1), second = case_.told(2, {.language = Language::en}), third = case_.told(3);
    EXPECT_EQ(first.id, "DR-7/1");
    EXPECT_EQ(first.text, "停机原因 DR-7：press3 <@all> [x](http://y)。li：请求说明，现为“待说明”。");
    EXPECT_EQ(second.text,
              "Downtime reason DR-7: press3 <@all> [x](http://y). the program: Remind; now \"Waiting for a reason\".");
    EXPECT_EQ(third.text,
              "停机原因 DR-7：press3 <@all> [x](http://y)。令牌 mes：说明原因，现为“已说明，待确认”，期限 2026-03-01 "
              "21:00。");
    EXPECT_EQ(plain_text(third, Language::zh).substr(third.text.size()),
              "\n\n开始：2026-03-01 16:00\n类别：缺料\n照片：1 个文件\n位置：hall/press3\n说明：a b\n时间：2026-03-01 "
              "16:20\n\nhttps://g.plant/#/cases/DR-7\n");
    EXPECT_EQ(registry::to_text(first.facts.at("fields")), R"({"asset":"hall/press3","from":"2026-03-01T08:00:00Z"})");
    EXPECT_TRUE(first.facts.at("due").is_null());
    EXPECT_EQ(third.facts.at("due").as_string(), "2026-03-01T13:00:00Z");
    EXPECT_EQ(third.facts.at("note").as_string(), "a\nb");
}

TEST(Message, RobotsGetTheirBodiesAndNoMentionsOfOthers) {
    Downtime case_;
    const auto body = [&](Format format, const std::string& secret) {
        const MessageHookSpec spec{.format = format};
        return webhook_body(case_.told(1, spec), spec, secret, 1'700'000'000'123 * kMillisecond);
    };
    const Json wecom = json(body(Format::wecom, "ignored").body);
    EXPECT_EQ(wecom.at("msgtype").as_string(), "markdown");
    const std::string text{std::string_view(wecom.at("markdown").at("content").as_string())};
    EXPECT_EQ(text.find("<@"), std::string::npos) << text;
    EXPECT_EQ(text.find("[x]"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("[打开](https://g.plant/#/cases/DR-7)")) << text;

    // printf '1700000000123\nSECx' | openssl dgst -sha256 -hmac SECx -binary | base64
    const WebhookBody dingtalk = body(Format::dingtalk, "SECx");
    EXPECT_EQ(dingtalk.query, "timestamp=1700000000123&sign=q4wtLvw%2BfNQvkSpza8%2BwKY7QYg1NCXGKj%2F5Hrh4ndQk%3D");
    const Json markdown = json(dingtalk.body).at("markdown");
    EXPECT_TRUE(std::string_view(markdown.at("title").as_string()).starts_with("停机原因 DR-7：press3 ＜@all＞"));
    EXPECT_EQ(body(Format::dingtalk, "").query, "");

    // printf '' | openssl dgst -sha256 -hmac $'1700000000\nkey' -binary | base64
    const Json feishu = json(body(Format::feishu, "key").body);
    EXPECT_EQ(feishu.at("msg_type").as_string(), "text");
    EXPECT_EQ(feishu.at("timestamp").as_string(), "1700000000");
    EXPECT_EQ(feishu.at("sign").as_string(), "q6Oev4Wrs23QSZVkmQVsgFJ6N6asqz82R5NA5r3kxD0=");
}

TEST(Message, LongTextsAreCutAtWholeCharacters) {
    Downtime case_;
    for (int i = 0; i < 4'000; ++i) case_.steps[2].note += "停";
    for (const Format format : {Format::wecom, Format::dingtalk, Format::feishu}) {
        const MessageHookSpec spec{.format = format};
        const std::string sent = webhook_body(case_.told(3, spec), spec, "", 0).body;
        EXPECT_LT(sent.size(), 4'096u);
        EXPECT_TRUE(registry::parse_json(sent));
    }
}

TEST(Message, AnAnswerIsJudgedByItsOwnCode) {
    auto f = [](Format format, int status, const char* body, const char* want) {
        const auto taken = judge_answer(format, status, body);
        EXPECT_EQ(taken ? "taken" : taken.error().text(), want);
    };
    f(Format::json, 204, "", "taken");
    f(Format::json, 302, "", "the receiver answered 302: ");
    f(Format::json, 500, "no\nway", "the receiver answered 500: no way");
    f(Format::wecom, 200, R"({"errcode":0,"errmsg":"ok"})", "taken");
    f(Format::wecom, 200, R"({"errcode":93000,"errmsg":"invalid key"})",
      "the robot did not take it: {\"errcode\":93000,\"errmsg\":\"invalid key\"}");
    f(Format::dingtalk, 200, "<html>", "the robot did not take it: <html>");
    f(Format::feishu, 200, R"({"code":0,"msg":"success"})", "taken");
    f(Format::feishu, 200, R"({"StatusCode":0})", "taken");
    f(Format::feishu, 200, R"({"code":19021,"msg":"sign match fail"})",
      "the robot did not take it: {\"code\":19021,\"msg\":\"sign match fail\"}");
    f(Format::feishu, 200, "{}", "the robot did not take it: {}");
    auto refuses = [](Format format, int status, const char* body, bool message_alone) {
        const auto taken = judge_answer(format, status, body);
        ASSERT_FALSE(taken);
        EXPECT_EQ(taken.error().code() == Code::invalid, message_alone) << status << body;
    };
    for (const int status : {302, 401, 403, 404, 407, 408, 429, 500, 503}) refuses(Format::json, status, "", false);
    for (const int status : {400, 413, 422}) refuses(Format::json, status, "", true);
    refuses(Format::wecom, 200, R"({"errcode":93000})", false);
    refuses(Format::wecom, 200, R"({"errcode":45002})", true);
    refuses(Format::dingtalk, 200, R"({"errcode":310000,"errmsg":"sign not match"})", false);
    refuses(Format::dingtalk, 200, R"({"errcode":310000,"errmsg":"keywords not in content"})", true);
    refuses(Format::feishu, 200, R"({"code":19021})", false);
    refuses(Format::feishu, 200, "<html>", false);
}

TEST(Message, PlacesAndChoicesOfAHook) {
    const registry::CaseMark mark{.action = "remind", .kind = "downtime_reason", .place = "site/line1/press3"};
    auto f = [&](MessageHookSpec spec, bool want) { EXPECT_EQ(is_told(spec, mark), want); };
    f({}, true);
    f({.cases = {"downtime_reason"}, .actions = {"open", "remind"}}, true);
    f({.cases = {"change_approval"}}, false);
    f({.actions = {"open"}}, false);
    f({.place = "site/line1"}, true);
    f({.place = "site/*/press3"}, true);
    f({.place = "site/line"}, false);
    f({.place = "site/line2"}, false);
}

}  // namespace
}  // namespace gongshu::notify
