#include <gtest/gtest.h>

#include <algorithm>

#include "api/core.h"
#include "api/testing/world_test.h"

namespace gongshu::api {
namespace {

using registry::Role;

TEST(Routes, MatchesPaths) {
    auto f = [](wire::HttpMethod method, std::string_view path, std::string_view pattern,
                const std::vector<std::string>& names) {
        const auto match = match_route(method, path);
        ASSERT_TRUE(match) << path;
        EXPECT_EQ(match->route == nullptr ? "" : match->route->path, pattern) << path;
        EXPECT_EQ(match->names, names) << path;
    };
    using enum wire::HttpMethod;
    f(get, "/api/v1/read", "/api/v1/read", {});
    f(head, "/healthz", "/healthz", {});
    f(get, "/api/v1/devices/site%2Fa%2Fcnc%201", "/api/v1/{plural}/{name}", {"devices", "site/a/cnc 1"});
    f(post, "/api/v1/devices/site%2Fa:write", "/api/v1/devices/{name}:write", {"site/a"});
    f(post, "/api/v1/devices/a%3Ab:rename", "/api/v1/{plural}/{name}:rename", {"devices", "a:b"});
    f(post, "/api/v1/rules:check", "/api/v1/rules:check", {});
    f(get, "/api/v1/expressions/functions", "/api/v1/expressions/functions", {});
    f(get, "/api/v1/rules/r/revisions", "/api/v1/{plural}/{name}/revisions", {"rules", "r"});
    f(get, "/api/v1/alarms/00ff", "/api/v1/alarms/{id}", {"00ff"});
    f(put, "/api/v1/rules/r:x", "", {});
    f(get, "/api/v1/", "", {});
    f(get, "/", "", {});
    EXPECT_EQ(match_route(put, "/api/v1/read").value().allow, "GET");
    EXPECT_EQ(match_route(get, "/api/v1/rules:check").value().allow, "POST");
    EXPECT_FALSE(match_route(get, "/api/v1/devices/%zz"));
}

// Every row of the table against every role: who may not is refused, who may is not.
TEST(Routes, KeepEachRoleToItsRights) {
    test::World world;
    const std::map<Role, std::string> tokens = {{Role::viewer, world.token("viewer")},
                                                {Role::operator_, world.token("operator")},
                                                {Role::engineer, world.token("engineer")},
                                                {Role::admin, world.token("admin")}};
    const auto check = [&](const Route& route, std::string path, Role needed, bool open) {
        const std::string method{to_string(route.method)};
        if (path == "/api/v1/admin/compact") return;  // blocks; has a test of its own
        for (const auto at = [&] { return path.find('{'); }; at() != std::string::npos;) {
            path.replace(at(), path.find('}') - at() + 1, "nothing");
        }
        const int nobody = world.ask(method, path).status;
        if (open)
            EXPECT_NE(nobody, 403) << method << " " << path;
        else
            EXPECT_EQ(nobody, 401) << method << " " << path;
        for (const auto& [role, token] : tokens) {
            if (path == "/api/v1/session" && route.method == wire::HttpMethod::delete_) continue;
            const int status = world.as(token, method, path).status;
            if (open || role >= needed) {
                EXPECT_NE(status, 403) << method << " " << path << " as " << to_string(role);
                EXPECT_NE(status, 401) << method << " " << path << " as " << to_string(role);
                EXPECT_LT(status, 500) << method << " " << path << " as " << to_string(role);
                EXPECT_GT(status, 0) << method << " " << path << " as " << to_string(role);
            } else {
                EXPECT_EQ(status, 403) << method << " " << path << " as " << to_string(role);
            }
        }
    };
    for (const Route& route : routes()) {
        std::string path{route.path};
        if (route.access == Access::read_kind || route.access == Access::write_kind) {
            for (const registry::Kind* kind : world.registry->kinds()) {
                std::string of_kind = path;
                of_kind.replace(of_kind.find("{plural}"), 8, kind->plural);
                check(route, of_kind, route.access == Access::read_kind ? kind->read_role : kind->write_role, false);
            }
        } else if (path == "/api/v1/session/password") {
            EXPECT_EQ(world.ask("POST", path, {{}, "{}"}).status, 401);
            EXPECT_EQ(world.as(tokens.at(Role::admin), "POST", path, R"({"new":"x"})").status,
                      403);  // a token has none
        } else {
            check(route, path, route.access == Access::role ? route.role : Role::none, route.access == Access::open);
        }
    }
}

TEST(Routes, AreInTheDescriptionOfTheInterface) {
    test::World world;
    const std::string text = world.ask("GET", "/openapi.json").body;
    for (const Route& route : routes()) {
        if (route.access == Access::read_kind || route.access == Access::write_kind) continue;
        EXPECT_NE(text.find(fmt::format("\"{}\"", route.path)), std::string::npos) << route.path;
    }
}

}  // namespace
}  // namespace gongshu::api
