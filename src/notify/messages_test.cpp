#include "notify/messages.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "case/kinds/kinds.h"
#include "io/crypto.h"
#include "io/sim.h"
#include "registry/json.h"
#include "wire/http.h"

namespace gongshu::notify {
namespace {

using cases::Doer;

class AllowAll final : public Egress {
public:
    Result<void> decide(const Leaving& leaving) override {
        ++asked;
        if (refuse) return Error{Code::denied, "{} may not leave", leaving.what};
        bytes += leaving.bytes;
        return {};
    }
    void left(TenantId, std::string_view, std::uint64_t, std::uint64_t) override {}
    int asked = 0;
    std::uint64_t bytes = 0;
    bool refuse = false;
};

Json json(std::string_view text) { return registry::parse_json(text).value(); }

// A receiver of webhooks at 10.0.0.9:80 that answers as it is told to.
class Receiver {
public:
    explicit Receiver(io::Loop& loop) : loop_(loop) {
        listener_ =
            loop.listen({"10.0.0.9", 80}, {}, [this](std::unique_ptr<io::Stream> stream) { take(std::move(stream)); })
                .value();
    }

    struct Got {
        std::string id, signature, body, target;
    };
    std::vector<Got> got;                              // what came, answered how ever
    std::vector<std::string> taken;                    // ids of what was answered 200
    std::function<int()> status = [] { return 200; };  // 0 = no answer at all
    std::string body = "{}";

private:
    struct Peer {
        std::unique_ptr<io::Stream> stream;
        wire::HttpRequestParser parser;
    };

    void take(std::unique_ptr<io::Stream> stream) {
        const auto peer = std::make_shared<Peer>();
        peer->stream = std::move(stream);
        peers_.push_back(peer);
        peer->stream->start(
            {.on_data =
                 [this, weak = std::weak_ptr(peer)](Bytes bytes) {
                     const auto one = weak.lock();
                     EXPECT_TRUE(one->parser.feed(bytes, {.on_head = {}, .on_request = [&](wire::HttpRequest request) {
                                                              answer(*one, request);
                                                              return wire::HttpNext::go_on;
                                                          }}));
                 },
             .on_closed = [](const Error&) {},
             .on_drained = {}});
    }

    void answer(Peer& peer, const wire::HttpRequest& request) {
        got.push_back({std::string(request.header("gongshu-message-id")),
                       std::string(request.header("gongshu-signature")), request.body, request.target});
        const int code = status();
        if (code == 0) return;
        if (code == 200) taken.push_back(got.back().id);
        std::string out;
        wire::write_response(out, {.status = code, .headers = {}, .body = body}, {.keep_alive = false});
        peer.stream->send(as_bytes(out));
        peer.stream->close();
    }

    io::Loop& loop_;
    std::unique_ptr<io::Listener> listener_;
    std::vector<std::shared_ptr<Peer>> peers_;
};

// A mail server at 10.0.0.9:25 that takes what is sent and answers each line by its first word.
class MailServer {
public:
    explicit MailServer(io::Loop& loop) {
        listener_ = loop.listen({"10.0.0.9", 25}, {},
                                [this](std::unique_ptr<io::Stream> stream) {
                                    peers_.push_back(std::make_shared<Peer>(Peer{std::move(stream), "", false, ""}));
                                    take(peers_.back());
                                })
                        .value();
    }

    std::vector<std::string> mails;
    std::string refuse;                            // instead of taking the next mail; "" = it is taken
    bool hangs_up = false;                         // in the middle
    std::map<std::string, std::string> receivers;  // answers to their RCPT; else 250
    std::vector<std::string> asked;                // of RCPT
    io::Loop* slow = nullptr;                      // says that it has a mail 40 s after it

private:
    struct Peer {
        std::unique_ptr<io::Stream> stream;
        std::string rest;
        bool in_mail = false;
        std::string mail;
    };

    void take(const std::shared_ptr<Peer>& peer) {
        peer->stream->start({.on_data =
                                 [this, weak = std::weak_ptr(peer)](Bytes bytes) {
                                     const auto one = weak.lock();
                                     one->rest += as_text(bytes);
                                     for (auto end = one->rest.find("\r\n"); end != std::string::npos;
                                          end = one->rest.find("\r\n")) {
                                         const std::string line = one->rest.substr(0, end);
                                         one->rest.erase(0, end + 2);
                                         on_line(*one, line);
                                     }
                                 },
                             .on_closed = [](const Error&) {},
                             .on_drained = {}});
        peer->stream->send(as_bytes("220 mail\r\n"));
    }

    void on_line(Peer& peer, const std::string& line) {
        std::string answer = line.starts_with("DATA") ? "354 go" : line.starts_with("QUIT") ? "221 bye" : "250 ok";
        if (peer.in_mail && line != ".") {
            peer.mail += line + "\n";
            return;
        }
        if (peer.in_mail) {
            if (refuse.empty()) mails.push_back(peer.mail);
            if (!refuse.empty()) answer = refuse;
        }
        const bool taken = peer.in_mail;
        peer.in_mail = line.starts_with("DATA");
        if (line.starts_with("RCPT TO:<")) {
            asked.push_back(line.substr(9, line.find('>') - 9));
            if (const auto found = receivers.find(asked.back()); found != receivers.end()) answer = found->second;
        }
        if (line.starts_with("AUTH")) answer = "535 no " + line;
        if (taken && slow != nullptr) {
            slow->after(40 * kSecond, [&peer, answer] { peer.stream->send(as_bytes(answer + "\r\n")); });
            return;
        }
        if (hangs_up && peer.in_mail) return peer.stream->close();
        peer.stream->send(as_bytes(answer + "\r\n"));
    }

    std::unique_ptr<io::Listener> listener_;
    std::vector<std::shared_ptr<Peer>> peers_;
};

struct World {
    explicit World(std::uint64_t seed)
        : sim(seed), lane(sim.make_loop()), far(sim.make_loop()), pool(sim.make_pool()), receiver(*far) {}

    // Opens, or opens again after a crash.
    Result<void> open() {
        messages.reset();
        cases.reset();
        registry.reset();
        registry =
            TRY(registry::Registry::create(files, sim.clock(), {.folder = "/data/registry", .key_folder = "/keys"}));
        registry->add_kind(message_hook_kind());
        TRY(registry->load());
        cases = std::make_unique<cases::Cases>(*registry, sim.clock());
        TRY(cases->add_kind(cases::downtime_reason_kind(), cases::downtime_reason_hooks()));
        MessagesOptions options{.marks_read = 5};
        messages =
            Messages::create({*registry, *cases, *lane, *pool, egress, connect::make_target_policy({})}, options);
        messages->start("https://gongshu.plant");
        return {};
    }
    void settle() { sim.run_for(10 * kSecond); }

    registry::Actor admin{TenantId{1}, "default", "user:gao", registry::Role::admin, "10.0.0.1"};
    Doer wang{{TenantId{1}, "default", "user:wang", registry::Role::operator_, "10.0.0.1"}, true};
    Doer gao{{TenantId{1}, "default", "user:gao", registry::Role::admin, "10.0.0.1"}, true};

    Result<void> hook(const std::string& name, std::string_view more = "") {
        const auto done = registry->put(
            admin, "message_hook", name,
            json(fmt::format(R"({{"channel":"webhook","url":"http://10.0.0.9/in?hook={}"{}}})", name, more)));
        if (!done) return done.error();
        return {};
    }
    Result<std::string> ask(const std::string& place) {
        const cases::Case one = TRY(cases->open(
            wang,
            {.kind = "downtime_reason",
             .subject = place + " stood",
             .turn = {.fields =
                          json(fmt::format(R"({{"asset":"{}","from":"2026-03-01T08:00:00Z"}})", place)).as_object()}}));
        return one.id;
    }
    std::vector<std::string> ids(std::string_view hook) {
        std::vector<std::string> out;
        for (const auto& one : receiver.got)
            if (one.target == fmt::format("/in?hook={}", hook)) out.push_back(one.id);
        return out;
    }
    HookStatus status(const std::string& name) {
        auto all = messages->status(TenantId{1}).value();
        for (HookStatus& one : all)
            if (one.name == name) return one;
        ADD_FAILURE() << "no hook " << name;
        return {};
    }

    io::SimFiles files;
    io::SimWorld sim;
    AllowAll egress;
    std::unique_ptr<io::Loop> lane, far;
    std::unique_ptr<io::Pool> pool;
    Receiver receiver;
    std::unique_ptr<registry::Registry> registry;
    std::unique_ptr<cases::Cases> cases;
    std::unique_ptr<Messages> messages;
};

TEST(Messages, TellsEachStepThatIsAskedForAndNoOther) {
    World world{1};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.ask("site/press1"));  // before there is any hook
    world.sim.run_for(kSecond);
    ASSERT_TRUE(world.hook("all"));
    ASSERT_TRUE(world.hook("reminders", R"(,"actions":["remind"],"language":"en")"));
    ASSERT_TRUE(world.hook("line2", R"(,"place":"site/line2")"));
    ASSERT_TRUE(world.hook("off", R"(,"disabled":true)"));
    world.sim.run_for(kSecond);
    ASSERT_TRUE(world.ask("site/line2/press2"));
    world.sim.run_for(15 * kMinute);
    ASSERT_EQ(world.cases->tick(world.sim.clock().now()).value(), 2u);
    world.settle();
    EXPECT_EQ(world.ids("all"), (std::vector<std::string>{"DR-2/1", "DR-1/2", "DR-2/2"}));
    EXPECT_EQ(world.ids("reminders"), (std::vector<std::string>{"DR-1/2", "DR-2/2"}));
    EXPECT_EQ(world.ids("line2"), (std::vector<std::string>{"DR-2/1", "DR-2/2"}));
    EXPECT_EQ(world.ids("off"), std::vector<std::string>{});
    EXPECT_EQ(world.status("all").sent, 3u);
    EXPECT_EQ(world.status("all").sent_what, "DR-2/2");
    EXPECT_EQ(world.status("off").state, HookState::off);
    EXPECT_EQ(world.egress.asked, 7);
    EXPECT_GT(world.egress.bytes, 1'000u);
}

TEST(Messages, SaysWhatHappenedInTheLanguageOfTheHook) {
    World world{2};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.hook("zh", R"(,"secret":"s3cret")"));
    ASSERT_TRUE(world.hook("en", R"(,"language":"en")"));
    world.sim.run_for(kSecond);
    ASSERT_TRUE(world.ask("site/press1"));
    world.settle();
    ASSERT_EQ(world.receiver.got.size(), 2u);
    for (const auto& one : world.receiver.got) {
        const Json body = json(one.body);
        const std::string text{std::string_view(body.at("text").as_string())};
        EXPECT_EQ(body.at("id").as_string(), "DR-1/1");
        EXPECT_EQ(body.at("link").as_string(), "https://gongshu.plant/#/cases/DR-1");
        EXPECT_EQ(body.at("fields").at("asset").as_string(), "site/press1");
        if (one.target.ends_with("zh")) {
            EXPECT_EQ(text, "停机原因 DR-1：site/press1 stood。wang：请求说明，现为“待说明”，期限 2023-11-15 06:28。");
            EXPECT_EQ(one.signature, "sha256=" + to_hex(io::hmac_sha256(as_bytes("s3cret"), as_bytes(one.body))));
        } else {
            EXPECT_EQ(text,
                      "Downtime reason DR-1: site/press1 stood. wang: Ask why; now \"Waiting for a reason\", due "
                      "2023-11-15 06:28.");
            EXPECT_EQ(one.signature, "");
        }
    }
}

TEST(Messages, AFailureIsTriedAgainWithLongerPausesAndGivenUpAfterADay) {
    World world{3};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.hook("good"));
    ASSERT_TRUE(world.hook("bad", R"(,"place":"site/bad")"));
    world.sim.run_for(kSecond);
    int code = 500;
    world.receiver.status = [&] { return world.receiver.got.back().target.ends_with("bad") ? code : 200; };
    ASSERT_TRUE(world.ask("site/bad"));
    world.sim.run_for(kMinute + 20 * kSecond);
    EXPECT_EQ(world.ids("good").size(), 1u) << "one that fails holds up no other";
    EXPECT_EQ(world.ids("bad").size(), 2u);  // at once and after 30 s; then after a minute
    auto status = world.status("bad");
    EXPECT_EQ(status.state, HookState::failing);
    EXPECT_EQ(status.waiting, 1u);
    EXPECT_NE(status.problem.find("the receiver answered 500"), std::string::npos) << status.problem;
    EXPECT_GT(status.next_try, world.sim.clock().now());
    code = 0;  // no answer is a time-out
    world.sim.run_for(2 * kMinute);
    EXPECT_NE(world.status("bad").problem.find("no answer within 30 s"), std::string::npos);
    code = 404;
    world.sim.run_for(20 * kHour);
    ASSERT_TRUE(world.ask("site/bad/late"));
    EXPECT_EQ(world.status("bad").given_up, 0u);
    world.sim.run_for(6 * kHour);
    status = world.status("bad");
    EXPECT_EQ(status.given_up, 1u) << "the other is not a day old";
    EXPECT_EQ(status.waiting, 1u);
    EXPECT_LT(world.ids("bad").size(), 40u);
    code = 200;
    world.sim.run_for(kHour + kMinute);
    status = world.status("bad");
    EXPECT_EQ(status.state, HookState::idle);
    EXPECT_EQ(status.sent, 1u);
    EXPECT_EQ(status.failing_since, 0);
    EXPECT_EQ(world.receiver.taken.back(), "DR-2/1");
}

TEST(Messages, WhatIsNotAllowedIsNotSent) {
    World world{4};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.hook("egress"));
    auto put = [&](const std::string& name, const std::string& url) {
        const Json spec = json(fmt::format(R"({{"channel":"webhook","url":"{}"}})", url));
        ASSERT_TRUE(world.registry->put(world.admin, "message_hook", name, spec));
    };
    put("loopback", "http://127.0.0.1:9/");
    put("link_local", "http://169.254.169.254/latest");
    put("nobody", "http://10.0.0.8/");
    world.sim.run_for(kSecond);
    world.egress.refuse = true;
    ASSERT_TRUE(world.ask("site/a"));
    world.settle();
    EXPECT_EQ(world.receiver.got.size(), 0u);
    EXPECT_EQ(world.status("egress").problem, "message_hooks/egress may not leave");
    world.egress.refuse = false;
    world.sim.run_for(kMinute);
    EXPECT_EQ(world.ids("egress"), std::vector<std::string>{"DR-1/1"});
    EXPECT_EQ(world.receiver.got.size(), 1u);
    EXPECT_NE(world.status("loopback").problem.find("loopback"), std::string::npos) << world.status("loopback").problem;
    EXPECT_NE(world.status("link_local").problem.find("link-local"), std::string::npos);
    EXPECT_NE(world.status("nobody").problem.find("cannot connect to 10.0.0.8:80"), std::string::npos);
}

TEST(Messages, AMailIsTriedAgainUntilTheServerTakesIt) {
    World world{8};
    MailServer server{*world.far};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.registry->put(world.admin, "message_hook", "mail",
                                    json(R"({"channel":"email","host":"10.0.0.9","port":25,"security":"none",)"
                                         R"("from":"g@plant.example","to":["li@plant.example"]})")));
    world.sim.run_for(kSecond);
    server.refuse = "451 4.7.1 later";
    ASSERT_TRUE(world.ask("site/press1"));
    world.settle();
    EXPECT_NE(world.status("mail").problem.find("answered the mail with 451 4.7.1 later"), std::string::npos);
    server.refuse.clear();
    server.hangs_up = true;
    world.sim.run_for(kMinute);
    EXPECT_NE(world.status("mail").problem.find("ended the connection early"), std::string::npos)
        << world.status("mail").problem;
    server.hangs_up = false;
    world.sim.run_for(3 * kMinute);
    ASSERT_EQ(server.mails.size(), 1u);
    EXPECT_NE(server.mails[0].find("\nGongshu-Message-Id: DR-1/1\n"), std::string::npos) << server.mails[0];
    EXPECT_NE(server.mails[0].find("\nMessage-ID: <DR-1/1/"), std::string::npos);
    EXPECT_EQ(world.status("mail").state, HookState::idle);
    EXPECT_EQ(world.status("mail").problem, "");
    EXPECT_EQ(world.status("mail").sent, 1u);
}

constexpr std::string_view kMail =
    R"({"channel":"email","host":"10.0.0.9","port":25,"security":"none","from":"g@plant.example",)"
    R"("to":["li@plant.example","wang@plant.example"]})";

TEST(Messages, AReceiverThatTheServerPutsOffGetsTheMailLaterAndAlone) {
    World world{9};
    MailServer server{*world.far};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.registry->put(world.admin, "message_hook", "mail", json(kMail)));
    world.sim.run_for(kSecond);
    server.receivers["wang@plant.example"] = "451 greylisted";
    ASSERT_TRUE(world.ask("site/press1"));
    world.settle();
    EXPECT_EQ(world.status("mail").state, HookState::failing);
    EXPECT_EQ(world.status("mail").problem, "not sent to wang@plant.example: 451 greylisted");
    EXPECT_EQ(world.status("mail").sent, 0u);
    server.receivers.clear();
    world.sim.run_for(kMinute);
    EXPECT_EQ(server.asked, (std::vector<std::string>{"li@plant.example", "wang@plant.example", "wang@plant.example"}));
    EXPECT_EQ(server.mails.size(), 2u);
    EXPECT_EQ(world.status("mail").sent, 1u);
    EXPECT_EQ(world.status("mail").state, HookState::idle);
    // Put off, then refused for good: counted, and the next one goes to both.
    server.receivers["wang@plant.example"] = "451 greylisted";
    ASSERT_TRUE(world.ask("site/press1"));
    world.settle();
    server.receivers["wang@plant.example"] = "550 gone";
    world.sim.run_for(kMinute);
    EXPECT_EQ(world.status("mail").sent, 2u);
    EXPECT_EQ(world.status("mail").given_up, 1u);
    EXPECT_EQ(world.status("mail").problem, "not sent to wang@plant.example: 550 gone");
    server.asked.clear();
    server.receivers.clear();
    ASSERT_TRUE(world.ask("site/press1"));
    world.settle();
    EXPECT_EQ(server.asked.size(), 2u);
    EXPECT_EQ(world.status("mail").problem, "");
}

TEST(Messages, AServerThatIsSlowToSayThatItHasTheMailGetsItOnce) {
    World world{10};
    MailServer server{*world.far};
    server.slow = &*world.far;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.registry->put(world.admin, "message_hook", "mail", json(kMail)));
    world.sim.run_for(kSecond);
    ASSERT_TRUE(world.ask("site/press1"));
    world.sim.run_for(10 * kMinute);
    EXPECT_EQ(server.mails.size(), 1u);
    EXPECT_EQ(world.status("mail").sent, 1u);
}

TEST(Messages, OneMessageThatIsRefusedIsGivenUpAndTheOthersAreSent) {
    World world{11};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.hook("h"));
    world.sim.run_for(kSecond);
    world.receiver.status = [&] { return world.receiver.got.back().id == "DR-1/1" ? 422 : 200; };
    for (const char* place : {"site/poison", "site/b", "site/c"}) ASSERT_TRUE(world.ask(place));
    world.sim.run_for(7 * kMinute);
    EXPECT_EQ(world.ids("h").size(), 4u);
    world.sim.run_for(kMinute);
    EXPECT_EQ(world.receiver.taken, (std::vector<std::string>{"DR-2/1", "DR-3/1"}));
    EXPECT_EQ(world.ids("h").size(), 7u);
    EXPECT_EQ(world.status("h").given_up, 1u);
    EXPECT_EQ(world.status("h").sent, 2u);
}

TEST(Messages, WhatWaitedBehindOneThatIsGivenUpIsTried) {
    World world{12};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.hook("h"));
    world.sim.run_for(kSecond);
    world.receiver.status = [&] { return world.receiver.got.back().id == "DR-1/1" ? 500 : 200; };
    for (const char* place : {"site/a", "site/b", "site/c"}) ASSERT_TRUE(world.ask(place));
    world.sim.run_for(23 * kHour);
    EXPECT_EQ(world.receiver.taken.size(), 0u);
    world.sim.run_for(3 * kHour);
    EXPECT_EQ(world.receiver.taken, (std::vector<std::string>{"DR-2/1", "DR-3/1"}));
    EXPECT_EQ(world.status("h").given_up, 1u);
}

TEST(Messages, WhatAHookPassedOverIsNotToldWhenItsChoiceChanges) {
    World world{13};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.hook("h", R"(,"place":"site/line2")"));
    world.sim.run_for(kSecond);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(world.ask("site/line1"));
    world.settle();
    ASSERT_TRUE(world.hook("h"));
    world.sim.run_for(kSecond);
    ASSERT_TRUE(world.open());
    world.settle();
    ASSERT_TRUE(world.ask("site/line1"));
    world.settle();
    EXPECT_EQ(world.ids("h"), std::vector<std::string>{"DR-4/1"});
}

TEST(Messages, PutOffAndOnAtOnceIsSeenAsPutOff) {
    World world{14};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.hook("h"));
    world.sim.run_for(kSecond);
    world.receiver.status = [] { return 500; };
    ASSERT_TRUE(world.ask("site/a"));
    world.settle();
    ASSERT_TRUE(world.hook("h", R"(,"disabled":true)"));
    ASSERT_TRUE(world.ask("site/b"));
    ASSERT_TRUE(world.hook("h"));  // nobody looked meanwhile
    world.receiver.status = [] { return 200; };
    world.sim.run_for(kSecond);
    ASSERT_TRUE(world.ask("site/c"));
    world.settle();
    EXPECT_EQ(world.receiver.taken, std::vector<std::string>{"DR-3/1"});
}

TEST(Messages, NoSecretComesBackInWhatIsTold) {
    World world{15};
    MailServer server{*world.far};
    ASSERT_TRUE(world.open());
    auto test = [&](const std::string& spec) {
        if (auto put = world.registry->put(world.admin, "message_hook", "h", json(spec)); !put)
            return put.error().text();
        world.sim.run_for(kSecond);
        std::string said;
        world.messages->test(TenantId{1}, "h",
                             [&](Result<Delivered> result) { said = result ? result->answer : result.error().text(); });
        world.sim.run_for(kMinute);
        return said;
    };
    world.receiver.status = [] { return 400; };
    world.receiver.body = "no k%20ey%2F1, not k ey/1 and not s3cret";
    EXPECT_EQ(test(R"({"channel":"webhook","url":"http://10.0.0.9/{key}","key":"k ey/1","secret":"s3cret"})"),
              "the receiver answered 400: no …, not … and not …");
    world.receiver.body = std::string(197, 'x') + "s3cret";
    EXPECT_EQ(test(R"({"channel":"webhook","url":"http://10.0.0.9/","secret":"s3cret"})").find("s3c"),
              std::string::npos);
    EXPECT_EQ(test(R"({"channel":"webhook","url":"http://{key}.invalid/","key":"topsecret"})").find("topsecret"),
              std::string::npos);
    const Sender sender{.spec = {.user = "u"}, .password = "passw"};
    EXPECT_EQ(without_secrets(sender, "535 AUTH PLAIN AHUAcGFzc3c= cGFzc3c= passw pas"), "535 AUTH PLAIN … … … pas");
    EXPECT_EQ(without_secrets(sender, "cut AHUAcGFz"), "cut …");
}

TEST(Messages, AMailServerMayBeAnIPv6Address) {
    World world{16};
    ASSERT_TRUE(world.open());
    auto f = [&](const std::string& host, bool want) {
        const Json spec = json(fmt::format(
            R"({{"channel":"email","host":"{}","from":"g@plant.example","to":["li@plant.example"],"disabled":true}})",
            host));
        EXPECT_EQ(world.registry->put(world.admin, "message_hook", "h", spec).has_value(), want) << host;
    };
    f("::1", true);
    f("[::1]", true);
    f("fd00::10.0.0.1", true);
    f("mail.plant.example", true);
    f("a:b", false);
    f("mail.plant.example:25", false);
    f("", false);
}

TEST(Messages, ATestTellsTheAnswerAndMovesNothing) {
    World world{5};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.hook("h", R"(,"disabled":true)"));
    world.sim.run_for(kSecond);
    auto test = [&](const std::string& name) {
        std::string said;
        world.messages->test(TenantId{1}, name,
                             [&](Result<Delivered> result) { said = result ? result->answer : result.error().text(); });
        world.sim.run_for(kMinute);
        return said;
    };
    EXPECT_EQ(test("h"), "200 OK");
    EXPECT_TRUE(json(world.receiver.got.at(0).body).at("test").as_bool());
    world.receiver.status = [] { return 403; };
    world.receiver.body = "go away";
    EXPECT_EQ(test("h"), "the receiver answered 403: go away");
    EXPECT_NE(test("none").find("there is no"), std::string::npos);
    EXPECT_EQ(world.status("h").sent, 0u);
}

TEST(Messages, AHookThatIsPutOnAgainBeginsThen) {
    World world{6};
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.hook("h"));
    world.sim.run_for(kSecond);
    ASSERT_TRUE(world.ask("site/a"));
    world.settle();
    ASSERT_TRUE(world.hook("h", R"(,"disabled":true)"));
    world.settle();
    ASSERT_TRUE(world.ask("site/b"));
    world.settle();
    ASSERT_TRUE(world.open());  // a restart while it is off
    world.settle();
    ASSERT_TRUE(world.hook("h"));
    world.sim.run_for(kSecond);
    ASSERT_TRUE(world.ask("site/c"));
    world.settle();
    EXPECT_EQ(world.ids("h"), (std::vector<std::string>{"DR-1/1", "DR-3/1"}));
    // Another name is the same hook.
    ASSERT_TRUE(world.registry->rename(world.admin, "message_hook", "h", "k"));
    world.sim.run_for(kSecond);
    ASSERT_TRUE(world.ask("site/d"));
    world.settle();
    EXPECT_EQ(world.ids("h").size(), 3u);
    EXPECT_EQ(world.status("k").sent, 2u) << "since it was put on";
}

// Steps, failures of the receiver, crashes at any moment: every step is told, in order, and none that was not made. The
// dull model is the list of steps that were answered.
TEST(Messages, EachStepIsToldAtLeastOnceInOrderWhateverHappens) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng{seed};
        World world{seed};
        ASSERT_TRUE(world.open());
        ASSERT_TRUE(world.hook("all"));
        ASSERT_TRUE(world.hook("some", R"(,"actions":["answer","remind"])"));
        world.sim.run_for(kSecond);
        std::vector<std::string> all, some, open, late;
        double bad = 0.3;
        world.receiver.status = [&] { return rng.chance(bad) ? (rng.chance(0.5) ? 503 : 0) : 200; };
        // The third hook is put off and on, and its choice changes, always when nothing waits for it.
        bool on = true, everything = false;
        const auto change = [&] {
            bad = 0;
            world.sim.run_for(2 * kHour);
            bad = 0.3;
            rng.chance(0.5) ? on = !on : everything = !everything;
            ASSERT_TRUE(world.hook("late", fmt::format(R"(,"disabled":{}{})", !on,
                                                       everything ? "" : R"(,"actions":["answer","remind"])")));
            world.sim.run_for(kSecond);
        };
        ASSERT_TRUE(world.hook("late", R"(,"actions":["answer","remind"])"));
        world.sim.run_for(kSecond);
        for (int step = 0; step < 40; ++step) {
            const auto what = rng.below(11);
            if (what == 10) {
                change();
            } else if (what < 4) {
                if (const auto id = world.ask(fmt::format("site/m{}", step))) {
                    all.push_back(*id + "/1");
                    if (on && everything) late.push_back(all.back());
                    open.push_back(*id);
                }
            } else if (what < 6 && !open.empty()) {
                const std::string id = open.back();
                open.pop_back();
                const auto done = world.cases->act(world.gao, id, "answer",
                                                   {.fields = json(R"({"category":"tooling"})").as_object()});
                if (done) {
                    all.push_back(fmt::format("{}/{}", id, done->revision));
                    some.push_back(all.back());
                    if (on) late.push_back(all.back());
                }
            } else if (what < 8) {
                world.sim.run_for(static_cast<DurationNs>(rng.below(90)) * kSecond);
            } else {
                world.files.crash(&rng);
                ASSERT_TRUE(world.open());
            }
        }
        bad = 0;
        world.sim.run_for(2 * kHour);
        auto expect = [&](const std::string& hook, const std::vector<std::string>& want) {
            std::vector<std::string> order;  // each id where it came first
            for (const std::string& id : world.ids(hook))
                if (std::ranges::count(order, id) == 0) order.push_back(id);
            EXPECT_EQ(order, want) << hook;
            EXPECT_EQ(world.status(hook).waiting, 0u);
        };
        expect("all", all);
        expect("some", some);
        expect("late", late);
    }
}

// Every operation on the disk fails once, between step and message and everywhere else.
TEST(Messages, NoStepIsLostWhicheverWriteFails) {
    for (int n = 1;; ++n) {
        SCOPED_TRACE(n);
        World world{7};
        ASSERT_TRUE(world.open());
        ASSERT_TRUE(world.hook("h"));
        world.sim.run_for(kSecond);
        std::vector<std::string> want;
        world.files.fail_nth(n);
        for (int i = 0; i < 3; ++i) {
            if (const auto id = world.ask("site/a")) want.push_back(*id + "/1");
            world.sim.run_for(kMinute);
        }
        world.files.crash();
        if (!world.open()) {
            ASSERT_TRUE(world.open());  // the fault came only now
        }
        if (const auto id = world.ask("site/b")) want.push_back(*id + "/1");
        world.sim.run_for(kHour);
        for (const std::string& id : want) EXPECT_EQ(std::ranges::count(world.ids("h"), id) > 0, true) << id;
        if (!world.files.fault_fired()) break;
    }
}

}  // namespace
}  // namespace gongshu::notify
