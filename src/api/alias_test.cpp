#include <gtest/gtest.h>

#include "api/testing/world_test.h"
#include "registry/json.h"
#include "registry/tag_at.h"

namespace gongshu::api {
namespace {

using registry::parse_json;

class Aliases : public ::testing::Test {
protected:
    Aliases() {
        admin = world.token("admin");
        put("device_type", "oven",
            R"({"properties":[{"name":"t","type":"number","unit":"degC"},{"name":"p","type":"number"}]})");
        put("device", "a/oven", R"({"type":"oven"})");
        EXPECT_EQ(
            world
                .as(admin, "POST", "/api/v1/write/json",
                    R"([{"tag":"a/oven.t","value":20},{"tag":"free/one","value":1},{"tag":"free/two","value":1}])")
                .status,
            204);
        put("tag_alias", "TI-101", R"({"target":"a/oven.t"})");
    }
    void put(const char* kind, const std::string& name, const char* spec) {
        const registry::Actor actor{TenantId{1}, "default", "system", registry::Role::admin, ""};
        const auto made = world.registry->put(actor, kind, name, parse_json(spec).value());
        EXPECT_TRUE(made) << made.error().text();
    }
    test::Reply ask(std::string_view method, std::string_view target, std::string body = "") {
        return world.as(admin, method, target, std::move(body));
    }

    test::World world;
    std::string admin;
};

TEST_F(Aliases, LeadToTheirTagEverywhere) {
    for (const char* target :
         {"/api/v1/last?tag=TI-101", "/api/v1/read?tag=TI-101", "/api/v1/read?tag=TI-101&tag=a/oven.t"}) {
        const auto reply = ask("GET", target);
        EXPECT_EQ(reply.status, 200) << target;
        // Identity stays the tag's: one series, by its own path.
        EXPECT_TRUE(reply.body.starts_with(R"({"series":[{"tag":"a/oven.t","unit":"degC",)")) << reply.body;
        EXPECT_EQ(reply.body.find("TI-101"), std::string::npos);
    }
    EXPECT_EQ(ask("POST", "/api/v1/write/json", R"([{"tag":"TI-101","value":21}])").status, 204);
    EXPECT_NE(ask("GET", "/api/v1/last?tag=a/oven.t").body.find(",21,"), std::string::npos);
    EXPECT_FALSE(world.history->find(TenantId{1}, "TI-101"));
    // Deleted, it means nothing; what was looked up before is forgotten.
    EXPECT_EQ(ask("DELETE", "/api/v1/tag_aliases/TI-101").status, 204);
    EXPECT_EQ(ask("GET", "/api/v1/last?tag=TI-101").status, 404);
    EXPECT_EQ(ask("POST", "/api/v1/write/json", R"([{"tag":"TI-101","value":22}])").status, 204);
    EXPECT_TRUE(world.history->find(TenantId{1}, "TI-101"));
}

TEST_F(Aliases, AreRefusedWhereTheyWouldConfuse) {
    auto f = [&](const char* name, const char* target, const std::string& want) {
        const auto reply = ask("PUT", std::string("/api/v1/tag_aliases/") + name,
                               fmt::format(R"({{"spec":{{"target":"{}"}}}})", target));
        EXPECT_EQ(reply.status, want.empty() ? 200 : 400) << name << " " << target << reply.body;
        EXPECT_NE(reply.body.find(want), std::string::npos) << name << " " << target << reply.body;
    };
    f("TI-102", "a/oven.t", "");
    f("TI-103", "a/oven.p", "");  // declared, and without a reading yet
    f("TI-104", "free/one", "");
    f("TI-105", "a/oven.x", "target: there is no tag \\\"a/oven.x\\\"");
    f("TI-106", "TI-101", "is an alias itself; name its tag \\\"a/oven.t\\\"");
    f("TI-107", "TI-107", "is its own");
    f("a%2Foven.q", "a/oven.t", "is a place of the device \\\"a/oven\\\"");
    f("free%2Ftwo", "a/oven.t", "is that of a tag already");
    f("two%20words", "a/oven.t", "cannot be used");
    // What a device left behind still leads to it.
    const registry::Actor actor{TenantId{1}, "default", "system", registry::Role::admin, ""};
    const auto moved = world.registry->rename(actor, "device", "a/oven", "b/oven");
    ASSERT_TRUE(moved && world.history->move_source(TenantId{1}, "d:" + moved->resource.uid, "b/oven"));
    EXPECT_EQ(registry::tag_at(*world.registry, *world.history, TenantId{1}, "TI-101")->path, "b/oven.t");
    f("a%2Foven.t", "b/oven.t", "the alias \\\"TI-101\\\" names \\\"a/oven.t\\\" as a tag");
    for (const char* alias : {"TI-101", "TI-102"})
        EXPECT_EQ(ask("DELETE", std::string("/api/v1/tag_aliases/") + alias).status, 204);
    f("a%2Foven.t", "b/oven.t", "is the address of before of the tag \\\"b/oven.t\\\"");
    put("tag_alias", "TI-101", R"({"target":"b/oven.t"})");
    // No device comes where an alias stands.
    put("tag_alias", "c/oven.t", R"({"target":"b/oven.t"})");
    EXPECT_EQ(ask("PUT", "/api/v1/devices/c%2Foven", R"({"spec":{"type":"oven"}})").status, 409);
    EXPECT_EQ(ask("POST", "/api/v1/devices/b%2Foven:rename", R"({"name":"c/oven"})").status, 409);
}

// A tag that came to the place of an alias by another way is not hidden by it.
TEST_F(Aliases, YieldToATagThatIsAtHome) {
    put("tag_alias", "new/place", R"({"target":"a/oven.t"})");
    const auto made = world.history->resolve({TenantId{1}, "p:new/place", "place"}, "new/place", ValueType::number, "");
    ASSERT_TRUE(made);
    EXPECT_EQ(registry::tag_at(*world.registry, *world.history, TenantId{1}, "new/place")->path, "new/place");
}

}  // namespace
}  // namespace gongshu::api
