#include <gtest/gtest.h>

#include "api/testing/world_test.h"

namespace gongshu::api {
namespace {

using namespace test;

constexpr std::string_view kSample =
    "kind: site\nname: demo\nspec: {time_zone: UTC}\n"
    "---\nkind: connection\nname: demo-plc\nspec: {protocol: modbus_tcp, host: 127.0.0.1}\n"
    "---\nkind: device_type\nname: demo_mill\nspec: {title_zh: 铣床, title_en: Mill (simulated), properties: [{name: x, type: number}]}\n"
    "---\nkind: device\nname: demo/m1\nspec: {title_en: M1, type: demo_mill, connection: demo-plc, unit_id: 1}\n"
    "---\nkind: rule\nname: demo-hot\nspec: {title_en: Hot, device: demo/m1, condition: x > 3}\n";

// Signed in as a person, with the first password.
class Setup : public ::testing::Test {
public:
    Setup() : world(options()) {
        const auto in = 
            world.ask("POST", "/api/v1/session", {{}, fmt::format(R"({{"user":"admin","password":"{}"}})", kPassword)});
        EXPECT_EQ(in.status, 200) << in.body;
        token = member(in.body, "token");
    }
    static ApiOptions options() {
        ApiOptions options;
        options.config = "/etc/gongshu/gongshu.yaml";
        options.sample = {kSample};
        return options;
    }
    Reply ask(std::string_view method, std::string_view target, std::string body = {}) {
        return world.as(token, method, target, std::move(body));
    }
    std::shared_ptr<const registry::Resource> find(std::string_view kind, std::string_view name) {
        return world.registry->find(TenantId{1}, kind, name);
    }
    std::size_t count(std::string_view kind) { return world.registry->list_shared(TenantId{1}, kind).size(); }

    World world;
    std::string token;
};

constexpr std::string_view kPlant =
    R"({"name":"suzhou","title_zh":"苏州工厂","title_en":"","time_zone":"Asia/Shanghai","person":"李工","sample":false})";
constexpr std::string_view kPlantAndSample =
    R"({"name":"suzhou","title_zh":"苏州工厂","time_zone":"Asia/Shanghai","sample":true})";

TEST_F(Setup, TellsWhereTheDataLie) {
    const auto reply = ask("GET", "/api/v1/setup");
    EXPECT_EQ(reply.status, 200) << reply.body;
    for (const std::string_view want :
         {R"("fresh":true,"sites":0,"sample":true,"config":"/etc/gongshu/gongshu.yaml")", R"("data":{"folder":"/data")",
          R"("keys":{"folder":"/keys"})", R"("backups":{"folder":"/backups")", R"("lan":[],"phone":null)"})
        EXPECT_NE(reply.body.find(want), std::string::npos) << want << " " << reply.body;
    world.server->set_listeners({{"http", "http://127.0.0.1:8080"}, {"lan1", "https://192.168.1.5:8080"}});
    world.server->set_authority("a certificate");
    const auto open = ask("GET", "/api/v1/setup");
    EXPECT_NE(open.body.find(R"("lan":["https://192.168.1.5:8080"],"phone":{"page":"https://192.168.1.5:8080",)"
                             R"("authority":"https://192.168.1.5:8080/ca.crt","qr":""})"),
              std::string::npos)
        << open.body;
}

TEST_F(Setup, IsForAdministratorsOfTheWholeMachine) {
    EXPECT_EQ(world.as(world.token("engineer"), "GET", "/api/v1/setup").status, 403);
    ASSERT_TRUE(world.registry->put({TenantId{1}, "default", "system", registry::Role::admin, ""}, "tenant", "plant2",
                                    registry::parse_json("{}").value()));
    for (const char* method : {"GET", "POST"})
        EXPECT_EQ(world.as(world.token("admin", "plant2"), method, "/api/v1/setup", std::string(kPlant)).status, 403);
    EXPECT_EQ(count("site"), 0u);
}

TEST_F(Setup, MakesTheSiteAndNamesThePersonAtOnce) {
    EXPECT_NE(ask("GET", "/api/v1/session").body.find(R"("setup":true)"), std::string::npos);
    EXPECT_EQ(ask("POST", "/api/v1/setup?dry_run=1", std::string(kPlant)).status, 200);
    EXPECT_EQ(count("site"), 0u);
    const auto made = ask("POST", "/api/v1/setup", std::string(kPlant));
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.body, R"({"stored":{"site":1,"user":1}})");
    EXPECT_EQ(count("site"), 1u);
    EXPECT_EQ(std::string_view(find("user", "admin")->spec.at("title").as_string()), "李工");
    EXPECT_EQ(std::string_view(find("user", "admin")->spec.at("role").as_string()), "admin");
    EXPECT_NE(ask("GET", "/api/v1/session").body.find(R"("setup":false)"), std::string::npos);
    EXPECT_NE(ask("GET", "/api/v1/setup").body.find(R"("fresh":false,"sites":1)"), std::string::npos);
    EXPECT_EQ(ask("POST", "/api/v1/setup", R"({"name":"second","time_zone":"UTC"})").status, 409);
}

TEST_F(Setup, StoresTheSampleMarkedAndSwitchedOff) {
    const auto made = ask("POST", "/api/v1/setup", std::string(kPlantAndSample));
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.body, R"({"stored":{"device":1,"device_type":1,"rule":1,"site":2}})");
    EXPECT_EQ(count("connection"), 0u);
    EXPECT_FALSE(find("device", "demo/m1")->spec.at("enabled").as_bool());
    const auto title = [&](std::string_view kind, std::string_view name, const char* field) {
        return std::string(std::string_view(find(kind, name)->spec.at(field).as_string()));
    };
    EXPECT_EQ(title("device_type", "demo_mill", "title_zh"), "铣床(仿真)");
    EXPECT_EQ(title("device_type", "demo_mill", "title_en"), "Mill (simulated)");
    EXPECT_EQ(title("rule", "demo-hot", "title_en"), "Hot (simulated)");
    EXPECT_EQ(title("site", "suzhou", "title_zh"), "苏州工厂");
}

TEST_F(Setup, StoresNothingOfWhatIsWrong) {
    const auto f = [&](std::string body, int status, std::string_view want) {
        for (const char* target : {"/api/v1/setup?dry_run=1", "/api/v1/setup"}) {
            const auto reply = ask("POST", target, body);
            EXPECT_EQ(reply.status, status) << body << reply.body;
            EXPECT_NE(reply.body.find(want), std::string::npos) << body << reply.body;
        }
        for (const char* kind : {"site", "device", "device_type", "rule"}) EXPECT_EQ(count(kind), 0u) << body;
    };
    f(R"({"name":"a b","time_zone":"UTC"})", 400, "site a b");
    f(R"({"name":"a","time_zone":"Asia/Shanghia","sample":true})", 400, "Asia/Shanghai");
    f(R"({"name":"a"})", 400, "time_zone");
    f(R"({"name":"demo","time_zone":"UTC","sample":true})", 409, "choose another name");
    f(R"({"name":"a","time_zone":"UTC","sample":"yes"})", 400, "expected true or false");
    f(R"({"name":"a","time_zone":"UTC","more":1})", 400, "more");
}

}  // namespace
}  // namespace gongshu::api
