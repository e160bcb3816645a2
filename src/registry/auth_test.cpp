#include "registry/auth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <thread>

#include "io/pbkdf2.h"
#include "registry/scram_auth.h"
#include "registry/test_world.h"

namespace gongshu::registry::test {

namespace {

constexpr const char* kPassword = "correct horse battery";
constexpr const char* kFrom = "10.0.0.9:40000";

class AuthTest : public ::testing::Test {
protected:
    void SetUp() override {
        AuthOptions options;
        options.admin_password = kPassword;
        ASSERT_TRUE(world.open(kOptions, true, options));
        world.auth->on_revoked([this](TenantId, const std::string& who) { revoked.push_back(who); });
    }
    void restart() { ASSERT_TRUE(world.open(kOptions, true)); }
    Auth& auth() { return *world.auth; }
    ScramAuth& scram() { return scram_of(*world.auth); }
    Code sign_in(const char* user, const char* password, const char* from = kFrom) {
        const auto got = auth().sign_in(user, password, from);
        return got ? Code::exists : got.error().code();  // exists stands for "in"
    }
    World world;
    std::vector<std::string> revoked;
};

constexpr Code kIn = Code::exists;

}  // namespace

TEST(AuthFirst, TellsTheFirstPasswordOnce) {
    World world;
    ASSERT_TRUE(world.open(kOptions, true));
    const auto first = world.auth->take_first_sign_in();
    ASSERT_TRUE(first);
    EXPECT_FALSE(world.auth->take_first_sign_in());
    EXPECT_EQ(first->user, "admin");
    EXPECT_EQ(first->password.size(), 20u);
    // Perhaps nobody saw it: the next start has a fresh link, and the password stays.
    ASSERT_TRUE(world.open(kOptions, true));
    const auto again = world.auth->take_first_sign_in();
    ASSERT_TRUE(again);
    EXPECT_FALSE(world.auth->take_first_sign_in());
    EXPECT_EQ(again->password, "");
    EXPECT_FALSE(world.auth->sign_in_once(first->one_time, kFrom)) << "the link of before is void";
    // The link works once, the password until it is changed.
    const auto once = world.auth->sign_in_once(again->one_time, kFrom);
    ASSERT_TRUE(once) << once.error().text();
    EXPECT_TRUE(once->principal.must_change_password);
    EXPECT_FALSE(once->principal.password_of_another);
    EXPECT_EQ(once->principal.actor.role, Role::admin);
    EXPECT_FALSE(world.auth->sign_in_once(first->one_time, kFrom));
    const auto session = world.auth->sign_in("admin", first->password, kFrom);
    ASSERT_TRUE(session);
    ASSERT_TRUE(world.auth->change_password(session->principal, "", "a much better one", session->token));
    EXPECT_TRUE(world.auth->check_session(session->token, kFrom));
    EXPECT_FALSE(world.auth->check_session(once->token, kFrom));
    EXPECT_FALSE(world.auth->check_session(session->token, kFrom)->must_change_password);
    EXPECT_FALSE(world.auth->sign_in("admin", first->password, kFrom));
    EXPECT_TRUE(world.auth->sign_in("admin@default", "a much better one", kFrom));
    ASSERT_TRUE(world.open(kOptions, true, {.admin_password = "another good one"}));
    EXPECT_FALSE(world.auth->take_first_sign_in());
    EXPECT_FALSE(world.auth->sign_in("admin", "another good one", kFrom)) << "a chosen password stays";
}

TEST(AuthFirst, AGivenPasswordIsTakenUntilOneIsChosen) {
    World world;
    ASSERT_TRUE(world.open(kOptions, true));
    const auto first = world.auth->take_first_sign_in();
    ASSERT_TRUE(world.open(kOptions, true, {.admin_password = "a given good one"}));
    EXPECT_FALSE(world.auth->take_first_sign_in());
    EXPECT_FALSE(world.auth->sign_in("admin", first->password, kFrom));
    EXPECT_TRUE(world.auth->sign_in("admin", "a given good one", kFrom));
}

TEST_F(AuthTest, KeepsAnAdministratorWhoCanComeIn) {
    ASSERT_TRUE(world.put("role", "boss", R"({"base":"admin"})"));
    ASSERT_TRUE(world.put("role", "hall", R"({"base":"admin","paths":["plant1/**"]})"));
    ASSERT_TRUE(world.put("user", "li", R"({"role":"hall"})"));
    const auto demote = [&] {
        return world.registry->patch(world.admin, "user", "admin", json(R"({"role":"viewer"})"));
    };
    EXPECT_EQ(demote().error().code(), Code::conflict);  // li is limited and has no password
    ASSERT_TRUE(auth().set_password(world.admin, "li", "a long enough one"));
    EXPECT_EQ(demote().error().code(), Code::conflict);  // and limited still
    ASSERT_TRUE(world.put("user", "wang", R"({"role":"boss"})"));
    const auto refused = demote();
    ASSERT_FALSE(refused);  // wang has no password
    EXPECT_NE(refused.error().text().find("who has a password"), std::string::npos) << refused.error().text();
    EXPECT_EQ(world.registry->remove(world.admin, "user", "admin").error().code(), Code::conflict);
    ASSERT_TRUE(auth().set_password(world.admin, "wang", "a long enough one"));
    EXPECT_TRUE(demote());
    EXPECT_EQ(world.put("role", "boss", R"({"base":"admin","paths":["plant1/**"]})").error().code(), Code::conflict);
    restart();
    EXPECT_EQ(world.put("user", "wang", R"({"role":"boss","disabled":true})").error().code(), Code::conflict);
}

TEST_F(AuthTest, SignsInPeople) {
    auto f = [&](const char* user, const char* password, Code want) {
        EXPECT_EQ(sign_in(user, password), want) << user;
    };
    f("admin", kPassword, kIn);
    f("admin@default", kPassword, kIn);
    f("admin@nowhere", kPassword, Code::unauthorized);
    f("nobody", kPassword, Code::unauthorized);
    f("", "", Code::unauthorized);
    f("admin", "", Code::unauthorized);
    f("admin", "wrong horse battery", Code::unauthorized);
    f("Admin", kPassword, Code::unauthorized);
    EXPECT_EQ(auth().sign_in("nobody", "x", kFrom).error().text(), auth().sign_in("admin", "x", kFrom).error().text());
}

TEST_F(AuthTest, SessionsEndByThemselvesAndByHand) {
    const auto session = auth().sign_in("admin", kPassword, kFrom);
    ASSERT_TRUE(session);
    EXPECT_EQ(session->token.size(), 43u);
    EXPECT_NE(session->token, session->csrf);
    for (int hours = 0; hours < 30; hours += 10) {
        world.clock.advance(10 * kHour);
        const auto who = auth().check_session(session->token, kFrom);
        ASSERT_TRUE(who) << who.error().text();
        EXPECT_EQ(who->csrf, session->csrf);
        EXPECT_EQ(who->actor.who, "user:admin");
        auth().tidy();
    }
    restart();
    EXPECT_TRUE(auth().check_bearer(session->token, kFrom));
    world.clock.advance(13 * kHour);  // idle for too long
    EXPECT_EQ(auth().check_session(session->token, kFrom).error().code(), Code::unauthorized);
    auth().tidy();
    EXPECT_FALSE(auth().check_session(session->token, kFrom));

    const auto second = auth().sign_in("admin", kPassword, kFrom);
    for (int hours = 0; hours < 7 * 24; hours += 8) {
        EXPECT_TRUE(auth().check_session(second->token, kFrom)) << hours;
        world.clock.advance(8 * kHour);
    }
    world.clock.advance(kHour);
    EXPECT_FALSE(auth().check_session(second->token, kFrom));  // seven days are over

    const auto third = auth().sign_in("admin", kPassword, kFrom);
    auth().sign_out(third->token);
    EXPECT_FALSE(auth().check_session(third->token, kFrom));
    restart();
    EXPECT_FALSE(auth().check_session(third->token, kFrom));
    EXPECT_FALSE(auth().check_session("", kFrom));
}

TEST_F(AuthTest, GuessingEndsSoon) {
    ASSERT_TRUE(world.put("user", "li", R"({"role":"viewer"})"));
    ASSERT_TRUE(auth().set_password(world.admin, "li", "ten characters"));
    for (int i = 0; i < 8; ++i) {
        const std::string from = "10.0.1." + std::to_string(i) + ":5";
        EXPECT_EQ(sign_in("li", "guess", from.c_str()), Code::unauthorized);
    }
    EXPECT_EQ(sign_in("li", "ten characters", "10.0.2.1"), Code::limit);  // the user, from anywhere
    EXPECT_EQ(auth().retry_after("li", "10.0.2.1"), 15 * kMinute);
    EXPECT_EQ(sign_in("admin", kPassword, "10.0.2.1"), kIn);  // nobody else
    world.clock.advance(15 * kMinute);
    EXPECT_EQ(auth().retry_after("li", "10.0.2.1"), 0);
    EXPECT_EQ(sign_in("li", "ten characters", "10.0.2.1"), kIn);
    // One address, many users; another port is the same address.
    for (int i = 0; i < 8; ++i) {
        const std::string user = "u" + std::to_string(i), from = "10.0.3.1:" + std::to_string(4000 + i);
        EXPECT_EQ(sign_in(user.c_str(), "guess", from.c_str()), Code::unauthorized);
    }
    EXPECT_EQ(sign_in("admin", kPassword, "10.0.3.1:9"), Code::limit);
    EXPECT_EQ(auth().check_password("admin", kPassword, "10.0.3.1:10").error().code(), Code::limit);
    EXPECT_EQ(sign_in("admin", kPassword, "10.0.3.2:9"), kIn);
    // Seven wrong ones and a right one begin anew.
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 7; ++i)
            EXPECT_EQ(sign_in("li", "guess", ("10.0.4." + std::to_string(10 * round + i)).c_str()), Code::unauthorized);
        EXPECT_EQ(sign_in("li", "ten characters", "10.0.5.1"), kIn);
    }
}

TEST_F(AuthTest, PasswordsFollowRules) {
    const auto session = auth().sign_in("admin", kPassword, kFrom);
    const auto other = auth().sign_in("admin", kPassword, kFrom);
    auto f = [&](const char* old, const char* fresh, const char* want) {
        const auto got = auth().change_password(session->principal, old, fresh, session->token);
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().text(), want);
    };
    f(kPassword, "short", "password: expected at least 10 characters, found 5");
    f(kPassword, "一二三四五六七八九", "password: expected at least 10 characters, found 9");
    f(kPassword, "aaaaaaaaaaaa", "password: it must not be one character repeated");
    f("not the old one", "a much better one", "old: this is not the present password");
    f(kPassword, kPassword, "password: it must differ from the present one");
    ASSERT_TRUE(world.put("user", "elizabeth_ii", R"({"role":"viewer"})"));
    EXPECT_FALSE(auth().set_password(world.admin, "elizabeth_ii", "Elizabeth_II"));
    EXPECT_EQ(auth()
                  .set_password(world.actor(TenantId{1}, Role::engineer), "elizabeth_ii", "a much better one")
                  .error()
                  .code(),
              Code::denied);
    EXPECT_EQ(auth().set_password(world.admin, "nobody", "a much better one").error().code(), Code::not_found);
    ASSERT_TRUE(auth().change_password(session->principal, kPassword, "一二三四五六七八九十", session->token));
    EXPECT_TRUE(auth().check_session(session->token, kFrom));
    EXPECT_FALSE(auth().check_session(other->token, kFrom));
    EXPECT_EQ(sign_in("admin", "一二三四五六七八九十"), kIn);
    EXPECT_EQ(sign_in("admin", kPassword), Code::unauthorized);
    restart();
    EXPECT_EQ(sign_in("admin", "一二三四五六七八九十"), kIn);
}

TEST_F(AuthTest, WhoIsDisabledOrGoneIsOutAtOnce) {
    ASSERT_TRUE(world.put("user", "li", R"({"role":"engineer"})"));
    ASSERT_TRUE(auth().set_password(world.admin, "li", "ten characters"));
    auto session = auth().sign_in("li", "ten characters", kFrom);
    ASSERT_TRUE(auth().check_password("li", "ten characters", kFrom));
    ASSERT_TRUE(world.put("user", "li", R"({"role":"viewer"})"));
    EXPECT_EQ(auth().check_session(session->token, kFrom)->actor.role, Role::viewer);
    ASSERT_TRUE(world.put("role", "lead", R"({"base":"operator","paths":["plant1/**"]})"));
    ASSERT_TRUE(world.put("user", "li", R"({"role":"lead"})"));
    EXPECT_EQ(auth().check_session(session->token, kFrom)->paths, std::vector<std::string>{"plant1/**"});
    revoked.clear();
    ASSERT_TRUE(world.put("role", "lead", R"({"base":"engineer"})"));
    EXPECT_EQ(revoked, std::vector<std::string>{"user:li"});
    EXPECT_EQ(auth().check_session(session->token, kFrom)->actor.role, Role::engineer);
    ASSERT_TRUE(world.registry->rename(world.admin, "user", "li", "lili"));
    EXPECT_EQ(auth().check_session(session->token, kFrom)->actor.who, "user:lili");
    EXPECT_EQ(sign_in("lili", "ten characters"), kIn);
    ASSERT_TRUE(world.put("user", "lili", R"({"role":"viewer","disabled":true})"));
    EXPECT_FALSE(auth().check_session(session->token, kFrom));
    EXPECT_FALSE(auth().check_password("lili", "ten characters", kFrom));
    EXPECT_EQ(sign_in("lili", "ten characters"), Code::unauthorized);
    ASSERT_TRUE(world.put("user", "lili", R"({"role":"viewer"})"));
    EXPECT_EQ(sign_in("lili", "ten characters"), kIn);
    session = auth().sign_in("lili", "ten characters", kFrom);
    ASSERT_TRUE(world.registry->remove(world.admin, "user", "lili"));
    EXPECT_FALSE(auth().check_session(session->token, kFrom));
    ASSERT_TRUE(world.put("user", "lili", R"({"role":"admin"})"));
    EXPECT_FALSE(auth().check_session(session->token, kFrom));
    EXPECT_EQ(sign_in("lili", "ten characters"), Code::unauthorized);  // the same name is another person
}

TEST_F(AuthTest, Tokens) {
    EXPECT_EQ(auth().issue_token(world.admin, "grafana").error().code(), Code::not_found);
    ASSERT_TRUE(world.put("token", "grafana", R"({"role":"viewer","expires":"2023-12-01T00:00:00Z"})"));
    EXPECT_EQ(auth().issue_token(world.actor(TenantId{1}, Role::engineer), "grafana").error().code(), Code::denied);
    const auto first = auth().issue_token(world.admin, "grafana");
    ASSERT_TRUE(first);
    const auto who = auth().check_bearer(*first, kFrom);
    ASSERT_TRUE(who) << who.error().text();
    EXPECT_EQ(who->actor.who, "token:grafana");
    EXPECT_EQ(who->actor.role, Role::viewer);
    EXPECT_TRUE(who->is_token);
    const auto second = auth().issue_token(world.admin, "grafana");
    EXPECT_FALSE(auth().check_token(*first, kFrom));
    restart();
    EXPECT_TRUE(auth().check_token(*second, kFrom));
    EXPECT_FALSE(auth().check_token(*first, kFrom));
    world.clock.advance(60 * kDay);
    EXPECT_FALSE(auth().check_token(*second, kFrom));  // expired
    ASSERT_TRUE(world.put("token", "grafana", R"({"role":"viewer"})"));
    EXPECT_TRUE(auth().check_token(*second, kFrom));
    ASSERT_TRUE(world.put("token", "grafana", R"({"role":"viewer","disabled":true})"));
    EXPECT_FALSE(auth().check_token(*second, kFrom));
    EXPECT_FALSE(auth().check_token("gst_x", kFrom));
}

namespace {

// What a client computes of a token for one exchange (RFC 5802 §3): its proof, and what the server has to answer.
struct ClientSide {
    std::string proof, signature;
};
ClientSide client_side(const std::string& token, const ScramTerms& terms, std::string_view message) {
    const auto salted = io::pbkdf2_sha256(as_bytes(token), as_bytes(terms.salt), terms.turns);
    auto key = io::hmac_sha256(salted, as_bytes("Client Key"));
    const auto signed_by_client = io::hmac_sha256(io::sha256(key), as_bytes(message));
    for (std::size_t i = 0; i < key.size(); ++i) key[i] ^= signed_by_client[i];
    const auto signature = io::hmac_sha256(io::hmac_sha256(salted, as_bytes("Server Key")), as_bytes(message));
    return {std::string(as_text(Bytes(key))), std::string(as_text(Bytes(signature)))};
}

}  // namespace

TEST_F(AuthTest, TokensProveThemselvesByScram) {
    ASSERT_TRUE(world.put("token", "grafana", R"({"role":"viewer"})"));
    ASSERT_TRUE(world.put("token", "other", R"({"role":"operator"})"));
    const std::string token = *auth().issue_token(world.admin, "grafana");
    const std::string other = *auth().issue_token(world.admin, "other");
    const std::string message = "n=,r=abc,r=abcdef,s=c2FsdA==,i=4096,c=biws,r=abcdef";
    const auto f = [&](const std::string& secret, const std::string& said, const std::string& want) {
        const ClientSide client = client_side(secret, scram().scram_terms(), said);
        const auto got = scram().check_scram(message, client.proof, kFrom);
        EXPECT_EQ(got ? got->principal.actor.who : "nobody", want) << secret;
        if (got) {
            EXPECT_EQ(got->signature, client.signature);
        }
    };
    EXPECT_EQ(scram().scram_terms().salt.size(), 16u);
    f(token, message, "token:grafana");
    f(other, message, "token:other");
    f(other, message + "x", "nobody");
    f("gst_" + io::random_token(), message, "nobody");
    f(kPassword, message, "nobody");
    EXPECT_FALSE(scram().check_scram(message, "short", kFrom));
    EXPECT_FALSE(scram().check_scram(message, "", kFrom));
    const auto salt = scram().scram_terms().salt;
    restart();
    EXPECT_EQ(scram().scram_terms().salt, salt);
    f(token, message, "token:grafana");
    const std::string second = *auth().issue_token(world.admin, "grafana");
    f(token, message, "nobody");
    f(second, message, "token:grafana");
    ASSERT_TRUE(world.put("token", "grafana", R"({"role":"viewer","disabled":true})"));
    f(second, message, "nobody");
    ASSERT_TRUE(world.registry->remove(world.admin, "token", "other"));
    f(other, message, "nobody");
    restart();
    f(other, message, "nobody");
}

TEST_F(AuthTest, MqttDoors) {
    ASSERT_TRUE(world.put("device_type", "pump", "{}"));
    ASSERT_TRUE(world.put("device", "p/a/pump1", R"({"type":"pump"})"));
    ASSERT_TRUE(world.put("token", "gateway", R"({"role":"operator"})"));
    const auto credential = auth().issue_device(world.admin, "p/a/pump1");
    ASSERT_TRUE(credential) << credential.error().text();
    const std::string uid = world.registry->find(TenantId{1}, "device", "p/a/pump1")->uid,
                      token = *auth().issue_token(world.admin, "gateway");
    EXPECT_EQ(credential->username, "default/" + uid);
    // 'd' a device, 'u' a user, 't' a token, '-' nobody
    auto f = [&](const std::string& username, const std::string& password, char want) {
        const auto got = auth().check_mqtt(username, password, kFrom);
        char is = '-';
        if (got && std::holds_alternative<DevicePrincipal>(*got)) is = 'd';
        if (got && std::holds_alternative<Principal>(*got)) is = std::get<Principal>(*got).is_token ? 't' : 'u';
        EXPECT_EQ(is, want) << username << (got ? "" : ": " + got.error().text());
    };
    f(credential->username, credential->password, 'd');
    f("default/p/a/pump1", credential->password, 'd');
    f("p/a/pump1", credential->password, 'd');
    f(credential->password, "", 'd');  // as ThingsBoard does
    f("default/other", credential->password, '-');
    f(credential->username, "wrong", '-');
    f(credential->username, "", '-');
    f("", "", '-');
    f("admin", kPassword, 'u');
    f("admin", kPassword, 'u');  // the second time from what is remembered
    f("admin", "wrong", '-');
    f("anything", token, 't');
    f("", token, 't');
    f("x", "gst_wrong", '-');
    EXPECT_FALSE(auth().mqtt_check_is_slow(credential->username, credential->password));
    EXPECT_FALSE(auth().mqtt_check_is_slow("default/gone", "stale"));
    EXPECT_FALSE(auth().mqtt_check_is_slow("admin", kPassword));  // remembered
    world.clock.advance(6 * kMinute);
    EXPECT_TRUE(auth().mqtt_check_is_slow("admin", kPassword));

    ASSERT_TRUE(world.registry->rename(world.admin, "device", "p/a/pump1", "p/b/pump1"));
    const auto moved = auth().check_mqtt(credential->username, credential->password, kFrom);
    ASSERT_TRUE(moved) << moved.error().text();
    EXPECT_EQ(std::get<DevicePrincipal>(*moved).device, "p/b/pump1");
    EXPECT_NE(std::ranges::find(revoked, "device:" + uid), revoked.end());
    restart();
    f(credential->username, credential->password, 'd');
    const auto fresh = auth().issue_device(world.admin, "p/b/pump1");
    f(credential->username, credential->password, '-');
    f(fresh->username, fresh->password, 'd');
    ASSERT_TRUE(world.registry->remove(world.admin, "device", "p/b/pump1"));
    f(fresh->username, fresh->password, '-');
}

TEST_F(AuthTest, TwoTenants) {
    ASSERT_TRUE(world.put("tenant", "plant2", "{}"));
    const TenantId second = *world.registry->tenant_id("plant2");
    const Actor boss = world.actor(second, Role::admin);
    ASSERT_TRUE(world.registry->put(boss, "user", "admin", json(R"({"role":"admin"})")));
    ASSERT_TRUE(auth().set_password(boss, "admin", "another password"));
    EXPECT_EQ(sign_in("admin@plant2", kPassword), Code::unauthorized);
    const auto session = auth().sign_in("admin@plant2", "another password", kFrom);
    ASSERT_TRUE(session);
    EXPECT_EQ(session->principal.actor.tenant, second);
    EXPECT_EQ(session->principal.actor.tenant_name, "plant2");
    EXPECT_EQ(auth().check_session(session->token, kFrom)->actor.tenant, second);
    ASSERT_TRUE(world.put("tenant", "plant2", R"({"disabled":true})"));
    EXPECT_FALSE(auth().check_session(session->token, kFrom));
    EXPECT_EQ(sign_in("admin@plant2", "another password"), Code::unauthorized);
    EXPECT_EQ(sign_in("admin", kPassword), kIn);
}

TEST_F(AuthTest, SignInsAndRefusalsAreOnRecordAndNoSecretIs) {
    const auto session = auth().sign_in("admin", kPassword, kFrom);
    EXPECT_FALSE(auth().sign_in("admin", "wrong-wrong-wrong", kFrom));
    ASSERT_TRUE(world.put("token", "t", R"({"role":"viewer"})"));
    const auto token = auth().issue_token(world.admin, "t");
    const auto records = world.registry->audit_records(TenantId{1}, 0, world.clock.now() + 1, 1000);
    ASSERT_TRUE(records);
    auto has = [&](std::string_view action, bool allowed) {
        return std::ranges::any_of(
            *records, [&](const AuditRecord& record) { return record.action == action && record.allowed == allowed; });
    };
    EXPECT_TRUE(has("sign_in", true));
    EXPECT_TRUE(has("sign_in", false));
    EXPECT_TRUE(has("token_issued", true));
    EXPECT_TRUE(has("created", true));
    const std::string bytes = all_bytes(world.files, "/data/registry");
    EXPECT_GT(bytes.size(), 10'000u);
    for (const std::string& secret :
         {std::string(kPassword), session->token, *token, std::string("wrong-wrong-wrong")}) {
        EXPECT_EQ(bytes.find(secret), std::string::npos) << secret;
    }
}

// Whoever comes with the old password while it is being changed is out afterwards, whenever the change came.
TEST_F(AuthTest, TheOldPasswordIsDeadOnceItIsChanged) {
    ASSERT_TRUE(world.put("user", "li", R"({"role":"viewer"})"));
    std::string old = "password number 0";
    ASSERT_TRUE(auth().set_password(world.admin, "li", old));
    for (int round = 1; round <= 20; ++round) {
        const std::string fresh = fmt::format("password number {}", round), from = fmt::format("10.1.0.{}:7", round);
        std::atomic<bool> began = false;
        std::vector<std::string> sessions;
        std::jthread guest([&] {
            for (;;) {
                const auto session = auth().sign_in("li", old, from);
                began = true;
                began.notify_one();
                if (!session) break;
                sessions.push_back(session->token);
            }
        });
        std::jthread other([&] { std::ignore = auth().check_password("li@default", old, from); });
        began.wait(false);
        ASSERT_TRUE(auth().set_password(world.admin, "li", fresh));
        guest.join();
        other.join();
        for (const std::string& session : sessions) EXPECT_FALSE(auth().check_session(session, from)) << round;
        EXPECT_FALSE(auth().check_password("li@default", old, from)) << round;
        ASSERT_TRUE(auth().sign_in("li", fresh, from)) << round;
        old = fresh;
    }
}

TEST_F(AuthTest, ManyAtOnce) {
    std::atomic<int> in = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 10; ++i) {
                    const auto session = auth().sign_in("admin", kPassword, kFrom);
                    // Eight at once count as tries until they turn out right, so some may be told to wait.
                    if (session && auth().check_session(session->token, kFrom)) ++in;
                }
            });
        }
    }
    EXPECT_GT(in.load(), 0);
    EXPECT_EQ(auth().retry_after("admin", kFrom), 0);
}

}  // namespace gongshu::registry::test
