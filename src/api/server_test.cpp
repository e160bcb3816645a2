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

using test::World;

constexpr std::string_view kSite = R"({"spec":{"time_zone":"Asia/Shanghai"}})";

std::string sign_in(World& world) {
    const auto reply = world.ask("POST", "/api/v1/session",
                                 {{}, fmt::format(R"({{"user":"admin","password":"{}"}})", test::kPassword)});
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.body;
}

std::string member(const std::string& json, std::string_view name) {
    const auto parsed = registry::parse_json(json).value();
    const auto& text = parsed.as_object().at({name.data(), name.size()}).as_string();
    return {text.data(), text.size()};
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
    ASSERT_TRUE(world.sim.run_until([&] { return received.find("event: change") != std::string::npos; }, kSecond))
        << received;
    EXPECT_NE(received.find("\"name\":\"plant\""), std::string::npos);
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

TEST(Alarms, AreListedAcknowledgedAndTold) {
    World world;
    flow::Alarm alarm;
    alarm.id = "00000000000000ff";
    alarm.tenant = TenantId{1};
    alarm.rule = "hot";
    alarm.tag = "plant/cnc1.temperature";
    alarm.severity = flow::Severity::major;
    alarm.message_zh = "过热";
    alarm.message_en = "too hot";
    alarm.why.values.push_back({"plant/cnc1.temperature", "temperature", 5, Value{81.5}, "degC", kGood});
    world.flow.fake_alarms.raise(alarm);
    const std::string token = world.token("operator");
    const auto list = world.as(token, "GET", "/api/v1/alarms", "", {{"accept-language", "zh-CN"}});
    EXPECT_NE(list.body.find("\"message\":\"过热\""), std::string::npos) << list.body;
    EXPECT_NE(list.body.find("\"counts\":{\"critical\":0,\"major\":1,\"minor\":0,\"warning\":0}"), std::string::npos)
        << list.body;
    const auto seen =
        world.as(token, "POST", "/api/v1/alarms/00000000000000ff:acknowledge", R"({"comment":"on my way"})");
    EXPECT_EQ(seen.status, 200) << seen.body;
    EXPECT_EQ(member(seen.body, "acknowledged_by"), "token:t-operator");
    EXPECT_NE(seen.body.find("on my way"), std::string::npos);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/alarms/00000000000000ff:acknowledge").status, 409);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/alarms/01").status, 404);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/alarms?state=odd").status, 400);
    const auto checked = world.as(token, "POST", "/api/v1/rules:check", R"({"condition":"bad"})");
    EXPECT_NE(checked.body.find("\"ok\":false,\"error\":{\"text\":\"no such tag\",\"column\":1,\"length\":3"),
              std::string::npos)
        << checked.body;
}

TEST(Alarms, AreShelvedByOperatorsAndTakenOutOfServiceByEngineers) {
    World world;
    const std::string admin = world.token("admin"), viewer = world.token("viewer"), operate = world.token("operator");
    const std::string engineer = world.token("engineer");
    ASSERT_EQ(
        world.as(admin, "PUT", "/api/v1/device_types/oven", R"({"spec":{"properties":[{"name":"t","type":"number"}]}})")
            .status,
        200);
    for (const std::string name : {"lab%2Foven1", "lab%2Fother"})
        ASSERT_EQ(world.as(admin, "PUT", "/api/v1/devices/" + name, R"({"spec":{"type":"oven"}})").status, 200);
    ASSERT_EQ(
        world.as(admin, "PUT", "/api/v1/rules/hot", R"({"spec":{"device_type":"oven","condition":"t > 9"}})").status,
        200);
    const auto f = [&](const std::string& token, const char* action, const char* body, int status, const char* told) {
        const auto reply = world.as(token, "POST", std::string{"/api/v1/"} + action, body);
        EXPECT_EQ(reply.status, status) << action << " " << body << ": " << reply.body;
        EXPECT_NE(reply.body.find(told), std::string::npos) << action << " " << body << ": " << reply.body;
    };
    const char* const shelve = R"({"rule":"hot","device":"lab/oven1","for":"1h30m","reason":"new door"})";
    f(viewer, "alarms:shelve", shelve, 403, "operator");
    f(operate, "alarms:shelve", shelve, 200,
      R"({"kind":"shelved","rule":"hot","device":"lab/oven1","since":1,"until":)");
    f(operate, "alarms:shelve", R"({"rule":"hot","for":"1h"})", 400, "reason");
    f(operate, "alarms:shelve", R"({"rule":"hot","for":"1h","reason":""})", 400, "reason");
    f(operate, "alarms:shelve", R"({"rule":"hot","reason":"r"})", 400, "for");
    f(operate, "alarms:shelve", R"({"rule":"hot","for":"an hour","reason":"r"})", 400, "for: expected a duration");
    f(operate, "alarms:shelve", R"({"rule":"hot","for":"1h","reason":"r","untill":1})", 400, "untill");
    f(operate, "alarms:shelve", R"({"rule":"cold","for":"1h","reason":"r"})", 404, "cold");
    f(operate, "alarms:shelve", R"({"rule":"hot","device":"lab/none","for":"1h","reason":"r"})", 404, "lab/none");
    f(operate, "rules:out_of_service", R"({"rule":"hot","reason":"overhaul"})", 403, "engineer");
    f(engineer, "rules:out_of_service", R"({"rule":"hot","reason":"overhaul"})", 200,
      R"({"kind":"out_of_service","rule":"hot","device":"","since":1,"until":null,"by":"token:t-engineer","reason":"overhaul"})");
    const auto list = world.as(viewer, "GET", "/api/v1/shelves").body;
    EXPECT_NE(list.find(R"("by":"token:t-operator","reason":"new door")"), std::string::npos) << list;
    EXPECT_NE(list.find(R"("kind":"out_of_service")"), std::string::npos) << list;
    const auto overview = world.as(viewer, "GET", "/api/v1/overview").body;
    EXPECT_NE(overview.find(R"("set_aside":{"shelved":1,"out_of_service":1,"suppressed":0})"), std::string::npos)
        << overview;
    EXPECT_NE(overview.find(R"("text_zh":"规则 hot 已退出服务（token:t-engineer）：overhaul")"), std::string::npos)
        << overview;
    f(viewer, "alarms:unshelve", R"({"rule":"hot","device":"lab/oven1"})", 403, "operator");
    f(operate, "alarms:unshelve", R"({"rule":"hot"})", 404, "hot");
    f(operate, "alarms:unshelve", R"({"rule":"hot","device":"lab/oven1","comment":"done"})", 200, "lab/oven1");
    EXPECT_EQ(world.flow.fake_alarms.unshelved_by, "token:t-operator");
    f(operate, "rules:in_service", R"({"rule":"hot"})", 403, "engineer");
    f(engineer, "rules:in_service", R"({"rule":"hot","comment":"done"})", 200, "out_of_service");
    EXPECT_EQ(world.as(viewer, "GET", "/api/v1/shelves").body, R"({"shelves":[]})");
    const auto audit = world.as(admin, "GET", "/api/v1/audit").body;
    for (const char* record : {R"("action":"out_of_service","kind":"rule","name":"hot")",
                               R"("action":"in_service","kind":"rule","name":"hot")"})
        EXPECT_NE(audit.find(record), std::string::npos) << audit;
}

TEST(Alarms, TellThatTheyAreShelved) {
    World world;
    flow::Alarm alarm;
    alarm.id = "00000000000000ff";
    alarm.tenant = TenantId{1};
    alarm.rule = "hot";
    alarm.shelf = flow::Shelf{.rule = "hot", .since = 5, .until = 7, .by = "li", .reason = "new door"};
    world.flow.fake_alarms.raise(alarm);
    const auto told = world.as(world.token("viewer"), "GET", "/api/v1/alarms/00000000000000ff").body;
    EXPECT_EQ(member(told, "state"), "shelved");
    EXPECT_NE(told.find(R"("shelved":{"since":5,"until":7,"by":"li","reason":"new door"})"), std::string::npos) << told;
}

TEST(Alarms, AreListedByGroup) {
    World world;
    const auto raise = [&](const char* id, const char* group, auto change) {
        flow::Alarm alarm;
        alarm.id = id;
        alarm.tenant = TenantId{1};
        alarm.rule = group;
        alarm.group = group;
        alarm.severity = flow::Severity::minor;
        change(alarm);
        world.flow.fake_alarms.raise(alarm);
    };
    raise("01", "冷却水", [](flow::Alarm&) {});
    raise("02", "冷却水", [](flow::Alarm& alarm) { alarm.latched = 7; });
    raise("03", "", [](flow::Alarm& alarm) { alarm.severity = flow::Severity::critical; });
    raise("04", "冷却水", [](flow::Alarm& alarm) { alarm.suppressed = 9; });
    const std::string token = world.token("viewer");
    const auto list = world.as(token, "GET", "/api/v1/alarms?group=%E5%86%B7%E5%8D%B4%E6%B0%B4").body;
    for (const char* part : {R"("group":"冷却水")", R"("state":"latched")", R"("latched":7,"suppressed":null)",
                             R"("groups":[{"group":"","critical":1,"major":0,"minor":0,"warning":0},)"
                             R"({"group":"冷却水","critical":0,"major":0,"minor":2,"warning":0}])"})
        EXPECT_NE(list.find(part), std::string::npos) << part << " in " << list;
    EXPECT_EQ(list.find(R"("id":"03")"), std::string::npos) << list;
    const auto suppressed = world.as(token, "GET", "/api/v1/alarms?state=suppressed").body;
    EXPECT_NE(suppressed.find(R"("id":"04")"), std::string::npos) << suppressed;
    EXPECT_EQ(suppressed.find(R"("id":"01")"), std::string::npos) << suppressed;
    EXPECT_NE(world.as(token, "GET", "/api/v1/overview")
                  .body.find(R"("set_aside":{"shelved":0,"out_of_service":0,"suppressed":1})"),
              std::string::npos);
    EXPECT_EQ(world.as(token, "GET", "/api/v1/alarms?state=gone").status, 400);
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

TEST(Rules, ACheckTellsValuesWithUnitAndTime) {
    World world;
    const std::string token = world.token("engineer");
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write/json", R"([{"tag":"lab/oven.t","value":21.5}])").status, 204);
    const auto tag = world.history->find(TenantId{1}, "lab/oven.t");
    ASSERT_TRUE(tag);
    ASSERT_TRUE(world.history->set_unit(tag->id, "degC"));
    world.flow.checked_tags = {{"lab/oven.t", Reading{tag->id, 1'700'000'000 * kSecond, Value{21.5}, kGood}},
                               {"lab/oven.gone", std::nullopt}};
    const auto answer =
        world.as(token, "POST", "/api/v1/rules:check?precision=ms", R"({"condition":"t > 20 degC"})").body;
    EXPECT_NE(answer.find(R"({"path":"lab/oven.t","value":21.5,"quality":"good","unit":"degC","ts":1700000000000})"),
              std::string::npos)
        << answer;
    EXPECT_NE(answer.find(R"({"path":"lab/oven.gone","value":null,"quality":null,"unit":"","ts":null})"),
              std::string::npos)
        << answer;
    EXPECT_EQ(world.as(token, "POST", "/api/v1/rules:check?precision=hours", R"({"condition":"t > 20"})").status, 400);
}

class NoNames final : public expr::Scope {
public:
    std::optional<expr::ScopeTag> find(std::string_view) const override { return std::nullopt; }
};

TEST(Rules, AFaultIsToldInPartsAndInChinese) {
    World world;
    world.flow.check_error = expr::compile("avrg(x, 5m) > 1", NoNames{}).error();
    const auto f = [&](const char* part) {
        const auto answer = world.as(world.token("viewer"), "POST", "/api/v1/rules:check", R"({"condition":"x"})").body;
        EXPECT_NE(answer.find(part), std::string::npos) << answer;
    };
    f(R"("text":"there is no function \"avrg\"","column":1,"length":4,"code":"unknown_function")");
    f(R"("text_zh":"没有函数“avrg”")");
    f(R"("suggest":["avg"])");
    f(R"("params":{"name":"avrg"},"params_zh":{"name":"avrg"})");
    world.flow.check_error = expr::compile("1 + true > 1", NoNames{}).error();
    f(R"("wanted":"数值")");
    f(R"("wanted":"a number")");
}

TEST(Rules, TheLanguageIsListedForCompletion) {
    World world;
    const auto listed = world.as(world.token("viewer"), "GET", "/api/v1/expressions/functions");
    ASSERT_EQ(listed.status, 200) << listed.body;
    const auto json = registry::parse_json(listed.body).value();
    const auto& functions = json.at("functions").as_array();
    ASSERT_EQ(functions.size(), expr::functions().size());
    for (const auto& function : functions) {
        for (const char* member : {"name", "signature", "group", "example"})
            EXPECT_FALSE(function.at(member).as_string().empty()) << function.at("name").as_string();
        EXPECT_FALSE(function.at("help").at("zh").as_string().empty());
        EXPECT_FALSE(function.at("help").at("en").as_string().empty());
    }
    const auto f = [&](const char* part) { EXPECT_NE(listed.body.find(part), std::string::npos) << part; };
    f(R"x("name":"avg","signature":"avg(x, 5m)","group":"window")x");
    f(R"("words":["and","or","not")");
    f(R"("degC")");
    EXPECT_EQ(world.ask("GET", "/api/v1/expressions/functions").status, 401);
}

TEST(Status, TellsRulesThatCannotRun) {
    World world;
    const std::string token = world.token("admin");
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/rules/night", R"({"spec":{"condition":"hour() > 20"}})").status, 200);
    world.flow.stopped_rules = {{.rule = "night",
                                 .device = "plant/cnc1",
                                 .devices = 3,
                                 .why_en = "no zone",
                                 .why_zh = "没有时区",
                                 .since = kSecond},
                                {.rule = "gone", .device = "", .why_en = "gone", .why_zh = "gone"}};
    const auto overview = world.as(token, "GET", "/api/v1/overview").body;
    EXPECT_NE(overview.find(R"({"severity":"major","what":"rule","name":"night","text_zh":"规则 night 无法运行)"
                            R"(（plant/cnc1 等 3 台设备）：没有时区","text_en":"rule night cannot run for 3 devices, )"
                            R"(plant/cnc1 among them: no zone","since":1000000000})"),
              std::string::npos)
        << overview;
    EXPECT_EQ(overview.find("gone"), std::string::npos) << overview;
}

TEST(Status, TellsWhatIsThere) {
    World world;
    world.server->set_listeners({{"http", "127.0.0.1:8080"}});
    connect::ConnectionStatus link;
    link.name = "plc";
    link.state = connect::LinkState::backing_off;
    link.last_error = "no route";
    world.connections.links.push_back(link);
    const std::string token = world.token("admin");
    EXPECT_NE(world.as(token, "GET", "/api/v1/status").body.find("\"listeners\":{\"http\":\"127.0.0.1:8080\"}"),
              std::string::npos);
    const auto overview = world.as(token, "GET", "/api/v1/overview");
    EXPECT_NE(overview.body.find("\"connections\":{\"total\":1,\"up\":0,\"down\":1,\"off\":0}"), std::string::npos)
        << overview.body;
    EXPECT_NE(overview.body.find("connection plc is not up: no route"), std::string::npos) << overview.body;
    EXPECT_NE(world.as(token, "GET", "/api/v1/status/connections").body.find("\"state\":\"backing_off\""),
              std::string::npos);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/connections/plc:test").status, 200);
    EXPECT_EQ(world.as(token, "POST", "/api/v1/connections/none:test").status, 404);
    const auto written = world.as(token, "POST", "/api/v1/devices/plant%2Fcnc1:write",
                                  R"({"property":"speed","value":3.5,"reason":"test"})");
    EXPECT_EQ(written.status, 200) << written.body;
    ASSERT_EQ(world.connections.commands.size(), 1u);
    EXPECT_EQ(world.connections.commands[0].who, "token:t-admin");
    EXPECT_EQ(world.connections.commands[0].device, "plant/cnc1");
    EXPECT_NE(world.as(token, "GET", "/metrics").body.find("gongshu_http_answers_total"), std::string::npos);
}

TEST(Status, WritesToMachinesAreOnRecordWithWhatBecameOfThem) {
    World world;
    const std::string token = world.token("admin");
    const auto f = [&](std::string_view property, int status, std::string_view outcome, bool allowed) {
        const auto answer =
            world.as(token, "POST", "/api/v1/devices/plant%2Fcnc1:write",
                     fmt::format(R"({{"property":"{}","value":3.5,"reason":"why","id":"c-{}"}})", property, property));
        EXPECT_EQ(answer.status, status) << answer.body;
        const auto records =
            world.registry->audit_records(TenantId{1}, 0, world.sim.clock().now() + kSecond, 2).value();
        ASSERT_EQ(records.size(), 2u);
        EXPECT_EQ(records[1].action, "write_asked");
        EXPECT_EQ(records[0].action, "write");
        EXPECT_EQ(records[0].allowed, allowed) << property;
        EXPECT_EQ(records[0].name, "plant/cnc1");
        EXPECT_EQ(records[0].detail, fmt::format(R"({{"id":"c-{0}","property":"{0}","value":3.5,"reason":"why",{1}}})",
                                                 property, outcome));
    };
    f("speed", 200, R"("outcome":"done","read_back":3.5)", true);
    f("dead", 200, R"("outcome":"failed","error":"no answer within 1 s")", true);
    f("locked", 403, R"("outcome":"refused","error":"writes are off for connection plc")", false);
}

TEST(Status, TellsDevicesThatSpeakByThemselves) {
    World world;
    const std::string token = world.token("admin");
    ASSERT_EQ(world
                  .as(token, "PUT", "/api/v1/device_types/sensor",
                      R"({"spec":{"properties":[{"name":"t","type":"number"}]}})")
                  .status,
              200);
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/devices/lab%2Foven", R"({"spec":{"type":"sensor"}})").status, 200);
    const auto devices = [&] { return world.as(token, "GET", "/api/v1/status/devices").body; };
    EXPECT_NE(devices().find(R"({"name":"lab/oven","state":"offline")"), std::string::npos) << devices();
    // Known before it sends: after a restart as well.
    EXPECT_NE(devices().find(R"("source":"mqtt")"), std::string::npos) << devices();
    ASSERT_EQ(
        world.as(token, "PUT", "/api/v1/connections/plc", R"({"spec":{"protocol":"modbus_tcp","host":"h"}})").status,
        200);
    const char* const wired = R"({"spec":{"type":"sensor","connection":"plc"}})";
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/devices/lab%2Fwired", wired).status, 200);
    EXPECT_NE(devices().find(R"("source":"plc")"), std::string::npos) << devices();
    const std::string rows =
        R"([{"tag":"lab/oven.t","value":21.5},{"tag":"lab/oven.u","value":1,"quality":"bad:sensor"}])";
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write/json", rows).status, 204);
    EXPECT_NE(devices().find(R"({"name":"lab/oven","state":"online")"), std::string::npos) << devices();
    EXPECT_NE(devices().find(R"("tags":2,"bad":1,)"), std::string::npos) << devices();
    // What the type declares counts before it comes, once; what comes undeclared counts too.
    ASSERT_EQ(world
                  .as(token, "PUT", "/api/v1/device_types/sensor",
                      R"({"spec":{"properties":[{"name":"t","type":"number"},{"name":"late","type":"number"}]}})")
                  .status,
              200);
    EXPECT_NE(devices().find(R"("tags":3,"bad":1,)"), std::string::npos) << devices();
    world.sim.run_for(6 * kMinute);
    EXPECT_NE(devices().find(R"({"name":"lab/oven","state":"offline")"), std::string::npos) << devices();
}

TEST(Status, TellsAConnectionWhoseDevicesSignInThemselves) {
    World world;
    const std::string token = world.token("admin");
    const auto put = [&](std::string_view spec) {
        return world.as(token, "PUT", "/api/v1/connections/gateway", std::string(spec)).status;
    };
    ASSERT_EQ(put(R"({"spec":{"protocol":"mqtt_device"}})"), 200);
    const auto links = [&] { return world.as(token, "GET", "/api/v1/status/connections").body; };
    EXPECT_NE(links().find(R"("name":"gateway","protocol":"mqtt_device","state":"connecting")"), std::string::npos)
        << links();
    const std::string overview = world.as(token, "GET", "/api/v1/overview").body;
    EXPECT_NE(overview.find(R"("up":0,"down":0,"off":0)"), std::string::npos) << overview;
    ASSERT_EQ(put(R"({"spec":{"protocol":"mqtt_device","enabled":false}})"), 200);
    EXPECT_NE(links().find(R"("protocol":"mqtt_device","state":"off")"), std::string::npos) << links();
}

TEST(Rules, AreTriedOverThePastWithoutBeingKept) {
    World world;
    const std::string token = world.token("admin");
    const auto ask = [&](std::string_view query, std::string_view body) {
        return world.as(token, "POST", "/api/v1/rules:rehearse" + std::string(query), std::string(body));
    };
    const auto tried = ask("?precision=s&from=now-1h&lang=zh", R"({"spec":{"condition":"1 > 2","on_delay":"5s"}})");
    ASSERT_EQ(tried.status, 200) << tried.body;
    EXPECT_NE(tried.body.find(
                  R"({"count":2,"suppressed":0,"active_s":90,"from":1699996400,"to":1700000000,"until":1700000000,)"
                  R"("complete":true,"readings":5,"devices":1,"devices_left":0,"missing":[],"alarms":[{"id":"",)"),
              std::string::npos)
        << tried.body;
    EXPECT_NE(tried.body.find(R"("message":"热")"), std::string::npos) << tried.body;
    EXPECT_EQ(world.flow.rehearsed->rule.name, "rehearsal");
    EXPECT_EQ(world.as(token, "GET", "/api/v1/rules/rehearsal").status, 404);
    const auto f = [&](std::string_view query, std::string_view body, std::string_view want) {
        const auto refused = ask(query, body);
        EXPECT_EQ(refused.status, 400) << refused.body;
        EXPECT_NE(refused.body.find(want), std::string::npos) << refused.body;
    };
    f("", R"({})", "spec: expected the rule");
    f("", R"({"spec":{"condition":"1 >"}})", "condition");
    f("", R"({"spec":{"condition":"1 > 2","on_delay":"5"}})", "on_delay");
    f("", R"({"spec":{"condition":"1 > 2"},"extra":1})", "extra");
    f("?from=2030-01-01T00:00:00Z&to=2031-01-01T00:00:00Z", R"({"spec":{"condition":"1 > 2"}})", "future");
}

TEST(Status, ADeviceIsNotWhatOthersLeftBeneathItsName) {
    World world;
    const std::string token = world.token("admin");
    const std::string rows = R"([{"tag":"lab/kiln.t","value":20},{"tag":"lab/kiln.u","value":1,"quality":"bad:timeout"}])";
    ASSERT_EQ(world.as(token, "POST", "/api/v1/write/json", rows).status, 204);
    ASSERT_EQ(world
                  .as(token, "PUT", "/api/v1/device_types/kiln",
                      R"({"spec":{"properties":[{"name":"t","type":"number"}]}})")
                  .status,
              200);
    ASSERT_EQ(world.as(token, "PUT", "/api/v1/devices/lab%2Fkiln", R"({"spec":{"type":"kiln"}})").status, 200);
    const std::string devices = world.as(token, "GET", "/api/v1/status/devices").body;
    EXPECT_NE(devices.find(R"({"name":"lab/kiln","state":"offline")"), std::string::npos) << devices;
    EXPECT_NE(devices.find(R"("tags":1,"bad":0,)"), std::string::npos) << devices;
}

TEST(Write, AStoreThatTakesNothingIsNotTheSendersFault) {
    World world;
    const std::string token = world.token("admin");
    const auto write = [&](std::string_view path, std::string_view body) {
        return world.as(token, "POST", "/api/v1/" + std::string(path), std::string(body)).status;
    };
    ASSERT_EQ(write("write", "load x=1"), 204);
    world.files.fail_nth(1);
    EXPECT_EQ(write("write", "load x=2"), 503);
    // Also for what would need a new tag: whoever takes 400 as the last word would throw the readings away.
    EXPECT_EQ(write("write", "load x=2"), 503);
    EXPECT_EQ(write("write", "load x=2,brandnew=1"), 503);
    EXPECT_EQ(write("write", "load brandnew=1"), 503);
    EXPECT_EQ(write("write?import=1", "load brandnew=1"), 503);
    EXPECT_EQ(write("write/json", R"([{"tag":"a/b.brandnew","value":1}])"), 503);
}

TEST(Status, TellsThatTheDiskGetsFullBeforeItIs) {
    World world;
    const std::string token = world.token("admin");
    const auto f = [&](std::uint64_t free, std::string_view want) {
        world.files.set_free_bytes(free);
        const std::string overview = world.as(token, "GET", "/api/v1/overview").body;
        const auto at = overview.find(R"("what":"system","name":"disk")");
        EXPECT_EQ(want.empty(), at == std::string::npos) << free << ": " << overview;
        EXPECT_NE(overview.find(want), std::string::npos) << overview;
    };
    constexpr std::uint64_t kGib = std::uint64_t{1} << 30;
    f(100 * kGib, "");
    f(10 * kGib, "");
    f(9 * kGib, R"({"severity":"minor","what":"system","name":"disk")");
    f(9 * kGib, "only 9.7 GB of the disk are free");
    f(9 * kGib, "磁盘只剩 9.7 GB");
    f(kGib - 1, R"({"severity":"critical","what":"system","name":"disk")");
    EXPECT_NE(world.as(token, "GET", "/api/v1/status").body.find(R"("disk_free_bytes":1073741823,)"),
              std::string::npos);
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
