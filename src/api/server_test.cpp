#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "api/answer.h"
#include "api/gzip.h"
#include "api/testing/world_test.h"
#include "expr/expr.h"
#include "io/crypto.h"
#include "registry/registry.h"

namespace gongshu::api {
namespace {

using test::member;
using test::World;

constexpr std::string_view kSite = R"({"spec":{"time_zone":"Asia/Shanghai"}})";

std::string sign_in(World& world) {
    const auto reply = world.ask("POST", "/api/v1/session",
                                 {{}, fmt::format(R"({{"user":"admin","password":"{}"}})", test::kPassword)});
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.body;
}

TEST(Session, SignsInOutAndIsToldOnlyOnce) {
    World world;
    const auto reply = world.ask("POST", "/api/v1/session",
                                 {{}, fmt::format(R"({{"user":"admin","password":"{}"}})", test::kPassword)});
    ASSERT_EQ(reply.status, 200) << reply.body;
    const std::string token = member(reply.body, "token");
    EXPECT_EQ(member(reply.body, "role"), "admin");
    EXPECT_EQ(member(reply.body, "tenant"), "default");
    EXPECT_EQ(reply.header("set-cookie"), fmt::format("gongshu={}; Path=/; HttpOnly; SameSite=Strict", token));
    const auto again = world.as(token, "GET", "/api/v1/session");
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body.find(token), std::string::npos);
    EXPECT_EQ(world.as(token, "DELETE", "/api/v1/session").status, 204);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/session").status, 401);
    EXPECT_EQ(world.ask("POST", "/api/v1/session", {{}, R"({"user":"admin","password":"wrong"})"}).status, 401);
    EXPECT_EQ(world.ask("POST", "/api/v1/session", {{}, R"({"user":"admin"})"}).status, 400);
    EXPECT_EQ(world.ask("POST", "/api/v1/session", {{}, R"({"user":"admin","password":"x","z":1})"}).status, 400);
    EXPECT_EQ(world.ask("POST", "/api/v1/session", {{}, "{"}).status, 400);
}

TEST(Session, LimitsTries) {
    World world;
    for (int i = 0; i < 8; ++i)
        EXPECT_EQ(world.ask("POST", "/api/v1/session", {{}, R"({"user":"admin","password":"wrong"})"}).status, 401);
    const auto refused = world.ask("POST", "/api/v1/session",
                                   {{}, fmt::format(R"({{"user":"admin","password":"{}"}})", test::kPassword)});
    EXPECT_EQ(refused.status, 429);
    EXPECT_NE(refused.header("retry-after"), "");
}

TEST(Session, BasicAuthIsToldHowLongToWait) {
    World world;
    const auto basic = [&](std::string_view password) {
        const std::string text = io::base64(as_bytes(fmt::format("admin:{}", password)));
        return world.ask("GET", "/api/v1/status", {{{"authorization", "Basic " + text}}, ""});
    };
    for (int i = 0; i < 8; ++i) EXPECT_EQ(basic(fmt::format("wrong {}", i)).status, 401);
    const auto refused = basic(test::kPassword);
    EXPECT_EQ(refused.status, 429);
    EXPECT_NE(refused.body.find("of this user or from this address: try again in"), std::string::npos) << refused.body;
    const int wait = std::stoi("0" + refused.header("retry-after"));
    EXPECT_GT(wait, 14 * 60);
    EXPECT_LE(wait, 15 * 60);
    world.sim.run_for(wait * kSecond);
    EXPECT_EQ(basic(test::kPassword).status, 200);
}

// Whoever set it knows it.
TEST(Session, APasswordOfAnAdministratorIsForChoosingAnotherOne) {
    World world;
    const std::string admin = world.token("admin");
    ASSERT_EQ(world.as(admin, "PUT", "/api/v1/users/li", R"({"spec":{"role":"engineer"}})").status, 200);
    ASSERT_EQ(world.as(admin, "POST", "/api/v1/users/li:password", R"({"password":"given by admin"})").status, 204);
    const auto signed_in = world.ask("POST", "/api/v1/session", {{}, R"({"user":"li","password":"given by admin"})"});
    ASSERT_EQ(signed_in.status, 200);
    const std::string token = member(signed_in.body, "token");
    const auto basic = [&](std::string_view password, std::string_view method, std::string_view target,
                           std::string body = {}) {
        const std::string text = io::base64(as_bytes(fmt::format("li:{}", password)));
        return world.ask(method, target, {{{"authorization", "Basic " + text}}, std::move(body)});
    };
    for (const Route& route : routes()) {
        if (route.access == Access::open || route.area == "session") continue;
        std::string path{route.path};
        if (const auto at = path.find("{plural}"); at != std::string::npos) path.replace(at, 8, "sites");
        for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
            path.replace(at, path.find('}') - at + 1, "x");
        for (const auto& reply :
             {world.as(token, to_string(route.method), path), basic("given by admin", to_string(route.method), path)}) {
            EXPECT_EQ(reply.status, 403) << path;
            EXPECT_NE(reply.body.find("POST /api/v1/session/password"), std::string::npos) << path << reply.body;
            EXPECT_EQ(reply.header("content-type"), "application/problem+json");
        }
    }
    EXPECT_EQ(world.as(token, "GET", "/api/v1/session").status, 200);
    EXPECT_EQ(basic("given by admin", "GET", "/api/v1/session").status, 200);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/session/password", R"({"new":"short"})").status, 400);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/session/password", R"({"new":"my very own one"})").status, 204);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/sites").status, 200);
    EXPECT_EQ(basic("my very own one", "GET", "/api/v1/sites").status, 200);
    ASSERT_EQ(world.as(admin, "POST", "/api/v1/users/li:password", R"({"password":"given by admin again"})").status,
              204);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/session").status, 401);  // the session ended with the password
    const auto again = world.ask("POST", "/api/v1/session", {{}, R"({"user":"li","password":"given by admin again"})"});
    EXPECT_EQ(world.as(member(again.body, "token"), "DELETE", "/api/v1/session").status, 204);
}

TEST(Session, CookieNeedsTheCsrfHeaderForChanges) {
    World world;
    const std::string body = sign_in(world);
    const wire::HttpHeader cookie{"cookie", "gongshu=" + member(body, "token")};
    const wire::HttpHeader csrf{"x-csrf", member(body, "csrf")};
    const std::string site{kSite};
    EXPECT_EQ(world.ask("GET", "/api/v1/sites", {{cookie}, ""}).status, 200);
    EXPECT_EQ(world.ask("PUT", "/api/v1/sites/plant", {{cookie}, site}).status, 403);
    EXPECT_EQ(world.ask("PUT", "/api/v1/sites/plant", {{cookie, {"x-csrf", "guess"}}, site}).status, 403);
    EXPECT_EQ(world.ask("PUT", "/api/v1/sites/plant", {{cookie, csrf}, site}).status, 200);
    EXPECT_EQ(
        world.ask("DELETE", "/api/v1/sites/plant", {{cookie, csrf, {"origin", "http://evil.example"}}, ""}).status,
        403);
    EXPECT_EQ(
        world.ask("DELETE", "/api/v1/sites/plant", {{cookie, csrf, {"origin", "http://127.0.0.1:8080"}}, ""}).status,
        204);
}

TEST(Session, BasicAuthWorks) {
    World world;
    const auto f = [&](std::string_view pair) {
        return world.ask("GET", "/api/v1/sites", {{{"authorization", "Basic " + io::base64(as_bytes(pair))}}, ""})
            .status;
    };
    EXPECT_EQ(f(fmt::format("admin:{}", test::kPassword)), 200);
    EXPECT_EQ(f(fmt::format("admin@default:{}", test::kPassword)), 200);
    EXPECT_EQ(f("admin:wrong"), 401);
    EXPECT_EQ(f("admin"), 401);
    EXPECT_EQ(world.ask("GET", "/api/v1/sites", {{{"authorization", "Digest x"}}, ""}).status, 401);
}

TEST(Server, AnswersOnlyToItsOwnNames) {
    ApiOptions options;
    options.hosts = {"plant.lan"};
    World world{options};
    auto f = [&](std::string host, int want) {
        EXPECT_EQ(world.ask("GET", "/healthz", {{}, "", host}).status, want) << host;
    };
    f("127.0.0.1:8080", 200);
    f("192.168.1.5", 200);
    f("[::1]:8080", 200);
    f("localhost", 200);
    f("Plant.LAN:8080", 200);
    f("evil.example", 403);
    f("127.0.0.1.evil.example", 403);
    f("", 403);
}

TEST(Server, SurvivesBadRequests) {
    World world;
    auto f = [&](const std::string& bytes, int want) {
        EXPECT_EQ(world.exchange(bytes).status, want) << bytes;
        EXPECT_EQ(world.ask("GET", "/healthz").status, 200);
    };
    f("nonsense\r\n\r\n", 400);
    f("GET / HTTP/1.1\r\n\r\n", 400);
    f("GET /healthz HTTP/3.0\r\nHost: localhost\r\n\r\n", 505);
    f("GET /api/v1/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400);
    f("PUT /api/v1/read HTTP/1.1\r\nHost: localhost\r\n\r\n", 405);
    f("BREW /api/v1/read HTTP/1.1\r\nHost: localhost\r\n\r\n", 405);
    f("GET /api/v1/nothing/here/at/all HTTP/1.1\r\nHost: localhost\r\n\r\n", 404);
    f("POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n", 413);
    f("POST /api/v1/sites HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 405);
    f("PUT /api/v1/sites/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n", 401);  // before its body
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
    World world;
    const std::string token = world.token("viewer");
    std::string bytes;
    for (int i = 0; i < 20; ++i)
        bytes += fmt::format("GET /api/v1/sites/x{} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n", i,
                             token);
    std::string received;
    auto stream = world.connect();
    stream->start({.on_data = [&](Bytes more) { received.append(as_text(more)); },
                   .on_closed = [](const Error&) {},
                   .on_drained = {}});
    stream->send(as_bytes(bytes));
    world.sim.run_for(5 * kSecond);
    std::size_t at = 0;
    for (int i = 0; i < 20; ++i) {
        at = received.find(fmt::format("x{}\\\"", i), at);
        ASSERT_NE(at, std::string::npos) << i << received;
    }
}

TEST(Server, EndsSlowAndSilentConnections) {
    World world;
    bool closed = false;
    std::string received;
    auto stream = world.connect();
    stream->start({.on_data = [&](Bytes more) { received.append(as_text(more)); },
                   .on_closed = [&](const Error&) { closed = true; },
                   .on_drained = {}});
    stream->send(as_bytes("GET / HT"));
    EXPECT_TRUE(world.sim.run_until([&] { return closed; }, 70 * kSecond));
    EXPECT_TRUE(received.starts_with("HTTP/1.1 408 ")) << received;
    closed = false;
    auto silent = world.connect();
    silent->start({.on_data = [](Bytes) {}, .on_closed = [&](const Error&) { closed = true; }, .on_drained = {}});
    EXPECT_TRUE(world.sim.run_until([&] { return closed; }, 130 * kSecond));
}

// Each limit is met by somebody who opens connections without ending what was begun.
TEST(Server, KeepsItsLimits) {
    ApiOptions options;
    options.bodies_bytes_max = 1000;
    options.live_sessions_max = 1;
    options.body_bytes_max = 600;
    World world{options};
    const std::string token = world.token("admin");
    std::vector<std::unique_ptr<io::Stream>> streams;
    const auto begin = [&](std::string_view head) {
        streams.push_back(world.connect());
        streams.back()->start({.on_data = [](Bytes) {}, .on_closed = [](const Error&) {}, .on_drained = {}});
        const std::string text = fmt::format("{}Host: localhost\r\nAuthorization: Bearer {}\r\n\r\n", head, token);
        streams.back()->send(as_bytes(text));
        world.sim.run_for(100 * kMillisecond);
    };
    const std::string site{kSite};
    EXPECT_EQ(world.as(token, "PUT", "/api/v1/sites/a", std::string(601, ' ')).status, 413);
    begin("PUT /api/v1/sites/a HTTP/1.1\r\nContent-Length: 500\r\n");
    begin("PUT /api/v1/sites/b HTTP/1.1\r\nContent-Length: 480\r\n");
    EXPECT_EQ(world.as(token, "PUT", "/api/v1/sites/c", site).status, 503);  // too much is promised already
    streams.clear();
    world.sim.run_for(kSecond);
    EXPECT_EQ(world.as(token, "PUT", "/api/v1/sites/c", site).status, 200);
    begin("GET /api/v1/sites?watch=1 HTTP/1.1\r\n");
    EXPECT_EQ(world.as(token, "GET", "/api/v1/sites?watch=1").status, 503);
    streams.clear();
    world.sim.run_for(kSecond);
    begin("GET /api/v1/sites?watch=1 HTTP/1.1\r\n");
    EXPECT_EQ(world.as(token, "GET", "/api/v1/sites").status, 200);
}

// Somebody who announces much and sends nothing hinders nobody who is known.
TEST(Server, StrangersCannotHinderWrites) {
    ApiOptions options;
    options.bodies_bytes_max = 1 << 20;
    options.write_bytes_max = 200 << 10;
    World world{options};
    const std::string token = world.token("engineer");
    std::vector<std::unique_ptr<io::Stream>> streams;
    std::deque<std::string> received;  // of each stream; an answer comes in any number of pieces
    const auto begin = [&](std::string_view headers) {
        std::string& text = received.emplace_back();
        streams.push_back(world.connect());
        streams.back()->start({.on_data = [&text](Bytes bytes) { text.append(as_text(bytes)); },
                               .on_closed = [](const Error&) {},
                               .on_drained = {}});
        streams.back()->send(as_bytes(fmt::format(
            "POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\nContent-Length: 204800\r\n{}\r\n", headers)));
        world.sim.run_for(100 * kMillisecond);
    };
    const auto answered = [&](std::string_view status) {
        return std::count_if(received.begin(), received.end(), [&](const std::string& text) {
            return text.starts_with(fmt::format("HTTP/1.1 {} ", status));
        });
    };
    const std::string basic = io::base64(as_bytes(fmt::format("admin:{}", test::kPassword)));
    for (int i = 0; i < 20; ++i) begin("Authorization: Bearer x\r\n");
    for (int i = 0; i < 20; ++i) begin("Cookie: gongshu=x\r\n");
    EXPECT_EQ(answered("401"), 40);
    for (int i = 0; i < 20; ++i) begin("Authorization: Basic eDp5\r\n");
    EXPECT_EQ(answered("503"), 19);  // one fits into a quarter
    const std::string lines = "a x=1\n" + std::string(150 << 10, '#');
    EXPECT_EQ(world.as(token, "POST", "/api/v1/write", lines).status, 204);
    EXPECT_EQ(world.ask("POST", "/api/v1/write", {{{"authorization", "Basic " + basic}}, "a x=1"}).status, 204);
    streams.clear();
    world.sim.run_for(kSecond);
    EXPECT_EQ(world.ask("POST", "/api/v1/write", {{{"authorization", "Basic " + basic}}, lines}).status, 204);
}

TEST(Server, CarriesSecurityHeadersAndStaticFiles) {
    const std::string page = gzip("<html>page</html>"), script = gzip("let a=1");
    const StaticFile files[] = {{"index.html", "text/html", "e1", as_bytes(page)},
                                {"assets/a-1.js", "text/javascript", "\"e2\"", as_bytes(script)}};
    ApiOptions options;
    options.files = files;
    World world{options};
    const auto plain = world.ask("GET", "/alarms/list");
    EXPECT_EQ(plain.status, 200);
    EXPECT_EQ(plain.body, "<html>page</html>");
    EXPECT_EQ(plain.header("x-content-type-options"), "nosniff");
    EXPECT_NE(plain.header("content-security-policy").find("script-src 'self'"), std::string::npos);
    EXPECT_EQ(plain.header("content-security-policy").find("script-src 'self' '"), std::string::npos);
    const auto packed = world.ask("GET", "/", {{{"accept-encoding", "gzip"}}, ""});
    EXPECT_EQ(packed.header("content-encoding"), "gzip");
    EXPECT_EQ(packed.body, page);
    EXPECT_EQ(packed.header("etag"), "\"e1\"");
    EXPECT_EQ(world.ask("GET", "/", {{{"if-none-match", "\"e1\""}}, ""}).status, 304);
    EXPECT_EQ(world.ask("GET", "/assets/a-1.js").header("cache-control"), "public, max-age=31536000, immutable");
    EXPECT_EQ(world.ask("HEAD", "/assets/a-1.js").status, 200);
    EXPECT_EQ(world.ask("GET", "/assets/b.js").status, 404);
    EXPECT_EQ(world.ask("GET", "/../etc/passwd").status, 200);  // the page: no file of the system is ever looked at
    EXPECT_EQ(world.ask("POST", "/").status, 404);
}

TEST(Resources, LiveTheirWholeLife) {
    World world;
    const std::string token = world.token("engineer");
    const auto made =
        world.as(token, "PUT", "/api/v1/sites/plant%2Fline1", std::string{kSite}, {{"if-match", "\"0\""}});
    ASSERT_EQ(made.status, 200) << made.body;
    EXPECT_EQ(member(made.body, "what"), "created");
    EXPECT_EQ(world.as(token, "PUT", "/api/v1/sites/plant%2Fline1", std::string{kSite}, {{"if-match", "\"0\""}}).status,
              412);
    EXPECT_EQ(world.as(token, "PUT", "/api/v1/sites/plant%2Fline1", std::string{kSite}, {{"if-match", "\"7\""}}).status,
              412);
    const auto got = world.as(token, "GET", "/api/v1/sites/plant%2Fline1");
    EXPECT_EQ(got.header("etag"), "\"1\"");
    EXPECT_EQ(member(got.body, "name"), "plant/line1");
    EXPECT_EQ(world.as(token, "GET", "/api/v1/sites/plant%2Fline1", "", {{"if-none-match", "\"1\""}}).status, 304);
    EXPECT_EQ(world.as(token, "PUT", "/api/v1/sites/plant%2Fline1", got.body).status,
              200);  // what was read may be sent back
    const auto wrong = world.as(token, "PUT", "/api/v1/sites/x", R"({"spec":{"nonsense":1}})");
    EXPECT_EQ(wrong.status, 400);
    EXPECT_EQ(wrong.header("content-type"), "application/problem+json");
    EXPECT_EQ(member(wrong.body, "title"), "invalid");
    EXPECT_NE(wrong.body.find("\"place\":\"spec"), std::string::npos) << wrong.body;
    EXPECT_EQ(world.as(token, "GET", "/api/v1/sites/nothing").status, 404);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/nothings").status, 404);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/sites/plant%2Fline1:rename", R"({"name":"plant/line2"})").status, 200);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/sites/plant%2Fline2/revisions").status, 200);
    EXPECT_EQ(world.as(token, "DELETE", "/api/v1/sites/plant%2Fline2").status, 204);
    EXPECT_EQ(world.as(token, "DELETE", "/api/v1/sites/plant%2Fline2").status, 404);
    EXPECT_EQ(world.as(world.token("admin"), "GET", "/api/v1/audit").status, 200);
}

TEST(Resources, AreAppliedAndExportedAsYaml) {
    World world;
    const std::string token = world.token("admin");
    const std::string yaml =
        "kind: site\nname: plant\nspec: {time_zone: Asia/Shanghai}\n---\nkind: site\nname: lab\nspec: {time_zone: "
        "UTC}\n";
    const auto dry = world.as(token, "POST", "/api/v1/apply?dry_run=1", yaml);
    EXPECT_EQ(dry.status, 200) << dry.body;
    EXPECT_EQ(world.as(token, "GET", "/api/v1/sites").body, R"({"items":[]})");
    const auto applied = world.as(token, "POST", "/api/v1/apply", yaml);
    EXPECT_NE(applied.body.find(R"({"kind":"site","name":"plant","what":"created")"), std::string::npos)
        << applied.body;
    EXPECT_NE(applied.body.find("2 created"), std::string::npos) << applied.body;
    const auto failed = world.as(token, "POST", "/api/v1/apply", "kind: site\nname: x\nspec: {nonsense: 1}\n");
    EXPECT_EQ(failed.status, 200);
    EXPECT_NE(failed.body.find(R"("what":"failed","error":")"), std::string::npos) << failed.body;
    EXPECT_EQ(world.as(token, "POST", "/api/v1/apply", "kind: [").status, 400);
    const std::string user = "kind: user\nname: li\nspec: {title: Li}\n";
    EXPECT_EQ(world.as(world.token("engineer"), "POST", "/api/v1/apply", user).status, 403);
    const auto exported = world.as(token, "GET", "/api/v1/export");
    EXPECT_EQ(exported.header("content-type"), "application/yaml");
    EXPECT_NE(exported.body.find("name: plant"), std::string::npos);
    const auto again = world.as(token, "POST", "/api/v1/apply", exported.body);
    EXPECT_NE(again.body.find(", 0 updated"), std::string::npos) << again.body;
    EXPECT_NE(again.body.find(", 0 refused"), std::string::npos) << again.body;
}

TEST(Resources, OfAnotherTenantOnlyForAdministratorsOfTheSystem) {
    World world;
    const std::string admin = world.token("admin");
    ASSERT_EQ(world.as(admin, "PUT", "/api/v1/tenants/second", R"({"spec":{"title":"Second"}})").status, 200);
    const std::string li = R"({"spec":{"title":"Li","role":"admin"}})";
    EXPECT_EQ(world.as(world.token("engineer"), "PUT", "/api/v1/sites/a?tenant=second", std::string{kSite}).status,
              403);
    EXPECT_EQ(world.as(admin, "PUT", "/api/v1/users/li?tenant=third", li).status, 404);
    EXPECT_EQ(world.as(admin, "GET", "/api/v1/tags?tenant=second").status, 400);
    const auto made = world.as(admin, "PUT", "/api/v1/users/li?tenant=second", li);
    EXPECT_EQ(made.status, 200) << made.body;
    EXPECT_NE(made.body.find(R"("by":"token:t-admin@default")"), std::string::npos) << made.body;
    const auto set =
        world.as(admin, "POST", "/api/v1/users/li:password?tenant=second", R"({"password":"another-long-one"})");
    EXPECT_EQ(set.status, 204) << set.body;
    EXPECT_EQ(world.as(admin, "GET", "/api/v1/users/li").status, 404);
    const std::string first = "Basic " + io::base64(as_bytes("li@second:another-long-one"));
    EXPECT_EQ(
        world.ask("POST", "/api/v1/session/password", {{{"authorization", first}}, R"({"new":"one of my own choice"})"})
            .status,
        204);
    const std::string basic = "Basic " + io::base64(as_bytes("li@second:one of my own choice"));
    EXPECT_EQ(world.ask("GET", "/api/v1/users", {{{"authorization", basic}}, ""}).status, 200);
    EXPECT_EQ(world.ask("GET", "/api/v1/tenants", {{{"authorization", basic}}, ""}).status, 403);
    EXPECT_EQ(world.ask("GET", "/api/v1/users?tenant=default", {{{"authorization", basic}}, ""}).status, 403);
    EXPECT_NE(world.as(admin, "GET", "/api/v1/audit").body.find("act_in_tenant"), std::string::npos);
}

TEST(Resources, WatchTellsChangesOfItsOwnTenant) {
    World world;
    const std::string token = world.token("viewer");
    std::string received;
    auto stream = world.connect();
    stream->start({.on_data = [&](Bytes more) { received.append(as_text(more)); },
                   .on_closed = [](const Error&) {},
                   .on_drained = {}});
    stream->send(as_bytes(fmt::format(
        "GET /api/v1/sites?watch=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n", token)));
    ASSERT_TRUE(world.sim.run_until([&] { return received.find("retry:") != std::string::npos; }, kSecond));
    EXPECT_NE(received.find("text/event-stream"), std::string::npos);
    world.as(world.token("engineer"), "PUT", "/api/v1/sites/plant", std::string{kSite});
    // Bytes come in any pieces: the event may be there in part.
    ASSERT_TRUE(world.sim.run_until([&] { return received.find("\"name\":\"plant\"") != std::string::npos; }, kSecond))
        << received;
    EXPECT_NE(received.find("event: change"), std::string::npos);
}

TEST(Resources, WatchEndsWithTheRightToIt) {
    const auto f = [](std::string_view tenant, bool away,
                      const std::function<void(World&, const registry::Actor&)>& change) {
        World world;
        const registry::Actor system{TenantId{1}, "default", "system", registry::Role::admin, ""};
        const auto put = [&](std::string_view kind, std::string_view name, std::string_view spec) {
            return world.registry->put(system, kind, name, registry::parse_json(spec).value());
        };
        EXPECT_TRUE(put("tenant", "plant2", "{}"));
        const std::string token = world.token("admin", away ? "default" : tenant);
        bool closed = false;
        std::string received;
        auto stream = world.connect();
        stream->start({.on_data = [&](Bytes more) { received.append(as_text(more)); },
                       .on_closed = [&](const Error&) { closed = true; },
                       .on_drained = {}});
        stream->send(as_bytes(
            fmt::format("GET /api/v1/sites?watch=1{} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
                        away ? fmt::format("&tenant={}", tenant) : "", token)));
        EXPECT_TRUE(world.sim.run_until([&] { return received.find("retry:") != std::string::npos; }, kSecond));
        EXPECT_TRUE(put("site", "other", R"({"time_zone":"UTC"})"));
        world.sim.run_for(kSecond);
        EXPECT_FALSE(closed);
        change(world, system);
        EXPECT_TRUE(world.sim.run_until([&] { return closed; }, kSecond)) << tenant << away;
    };
    const auto disable = [](World& world, const registry::Actor& system) {
        EXPECT_TRUE(
            world.registry->put(system, "tenant", "plant2", registry::parse_json(R"({"disabled":true})").value()));
    };
    const auto narrow = [](World& world, const registry::Actor& system) {
        EXPECT_TRUE(world.registry->put(system, "role", "less", registry::parse_json(R"({"base":"viewer"})").value()));
        EXPECT_TRUE(
            world.registry->put(system, "token", "t-admin", registry::parse_json(R"({"role":"less"})").value()));
    };
    const auto remove = [](World& world, const registry::Actor& system) {
        EXPECT_TRUE(world.registry->remove(system, "token", "t-admin"));
    };
    f("plant2", false, disable);
    f("default", false, narrow);
    f("default", false, remove);
    f("plant2", true, remove);
    f("plant2", true, disable);
}

TEST(Server, HandsOutTheAuthority) {
    World world;
    EXPECT_EQ(world.ask("GET", "/ca.crt").status, 404);
    world.server->set_authority("-----BEGIN CERTIFICATE-----\n");
    const auto got = world.ask("GET", "/ca.crt");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "-----BEGIN CERTIFICATE-----\n");
    EXPECT_EQ(got.header("content-type"), "application/x-x509-ca-cert");
}

TEST(Gzip, OpensWhatItPackedAndRefusesBombs) {
    std::string text;
    for (int i = 0; i < 10'000; ++i) text += fmt::format("{} ", i);
    EXPECT_EQ(gunzip(as_bytes(gzip(text)), 1 << 20).value(), text);
    EXPECT_EQ(gunzip(as_bytes(gzip("a") + gzip("b")), 100).value(), "ab");
    EXPECT_EQ(gunzip(as_bytes(gzip(std::string(10 << 20, 'x'))), 1 << 20).error().code(), Code::limit);
    EXPECT_EQ(gunzip(as_bytes("not gzip"), 100).error().code(), Code::malformed);
    const std::string packed = gzip(text);
    EXPECT_EQ(gunzip(as_bytes(std::string_view{packed}.substr(0, packed.size() / 2)), 1 << 20).error().code(),
              Code::malformed);
}

TEST(Answer, ParsesTimesAndGlobs) {
    const TimeNs now = 1'700'000'000 * kSecond;
    auto f = [&](std::string_view text, TimeNs want) { EXPECT_EQ(parse_time(text, now).value(), want) << text; };
    f("now", now);
    f("now-90s", now - 90 * kSecond);
    f("now-1d", now - kDay);
    f("now+1w", now + 7 * kDay);
    f("12345", 12345);
    f("2023-11-15T06:13:20+08:00", now);
    for (const std::string_view bad :
         {"", "yesterday", "now-", "now-5", "now-1y", "now-99999999999d", "2023-13-01T00:00:00Z"})
        EXPECT_FALSE(parse_time(bad, now)) << bad;
    auto g = [](std::string_view glob, std::string_view path, bool want) {
        EXPECT_EQ(glob_matches(glob, path), want) << glob << " ~ " << path;
    };
    g("**", "a/b.c", true);
    g("a/*", "a/b.c", true);
    g("a/*", "a/b/c.d", false);
    g("a/**/c.d", "a/c.d", true);
    g("a/**/c.d", "a/x/y/c.d", true);
    g("**/cnc?.t*", "p/l/cnc1.temp", true);
    g("a", "ab", false);
    registry::Principal who;
    EXPECT_TRUE(sees(who, "anything"));
    who.paths = {"plant1/line1", "lab/*"};
    EXPECT_TRUE(sees(who, "plant1/line1"));
    EXPECT_TRUE(sees(who, "plant1/line1/cnc1.temp"));
    EXPECT_TRUE(sees(who, "plant1/line1.state"));
    EXPECT_TRUE(sees(who, "lab/oven.temp"));
    EXPECT_FALSE(sees(who, "plant1/line10/cnc1.temp"));
    EXPECT_FALSE(sees(who, "plant1"));
}

}  // namespace
}  // namespace gongshu::api
