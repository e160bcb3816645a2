#include <gtest/gtest.h>

#include "api/testing/world_test.h"
#include "io/crypto.h"
#include "registry/json.h"

// Packages as people meet them over HTTP. What becomes of each resource is src/package's.
namespace gongshu::api {
namespace {

constexpr const char* kRules = R"(kind: device_type
name: fan
spec: {title_zh: 风机, properties: [{name: vibration, type: number, unit: mm/s}]}
)";

class Shop : public test::World {
public:
    Shop() {
        const Buffer bytes = key.public_key();
        trust_body =
            fmt::format(R"({{"spec":{{"title":"ACME","algorithm":"ed25519","key":"{}"}}}})", io::base64(bytes));
    }
    std::string file(const std::string& version, std::string_view resources = kRules) const {
        const std::string manifest =
            "name: fan\nversion: " + version + "\nlicence: MIT\nparameters: [{name: limit, type: number, preset: 4}]\n";
        const auto built = package::build_package({{"manifest.yaml", Buffer(manifest.begin(), manifest.end())},
                                                   {"resources/r.yaml", Buffer(resources.begin(), resources.end())}},
                                                  package::Signing{key, "ACME"});
        return std::string(as_text(built.value()));
    }
    test::Reply post(const std::string& role, const std::string& target, std::string body = {}) {
        return as(token(role), "POST", target, std::move(body));
    }
    Json posted(const std::string& target, std::string body = {}) {
        const auto reply = post("engineer", target, std::move(body));
        EXPECT_EQ(reply.status, 200) << target << " " << reply.body;
        return registry::parse_json(reply.body).value_or(Json(JsonObject{}));
    }

    const io::SignerKey key = io::SignerKey::generate(io::SignerAlgorithm::ed25519).value();
    std::string trust_body;
};

TEST(PackagesOverHttp, OnlyAdministratorsTrustAndOnlyTrustedOnesCome) {
    Shop shop;
    EXPECT_EQ(shop.as(shop.token("engineer"), "PUT", "/api/v1/trusted_signers/acme", shop.trust_body).status, 403);
    const Json plan = shop.posted("/api/v1/packages:plan", shop.file("1.0.0"));
    EXPECT_EQ(plan.at("trusted_as").as_string(), "");
    EXPECT_EQ(plan.at("problems").as_array().size(), 1u);
    const auto refused = shop.post("engineer", "/api/v1/packages:install", shop.file("1.0.0"));
    EXPECT_EQ(refused.status, 403);
    EXPECT_NE(refused.body.find("is not trusted here"), std::string::npos) << refused.body;
    EXPECT_EQ(shop.as(shop.token("admin"), "PUT", "/api/v1/trusted_signers/acme", shop.trust_body).status, 200);
    EXPECT_EQ(shop.post("operator", "/api/v1/packages:install", shop.file("1.0.0")).status, 403);
    std::string changed = shop.file("1.0.0");
    changed[1600] ^= 1;
    EXPECT_EQ(shop.post("engineer", "/api/v1/packages:install", changed).status, 400);
    EXPECT_EQ(shop.posted("/api/v1/packages:install", shop.file("1.0.0")).at("stored").as_bool(), true);
}

TEST(PackagesOverHttp, TheWholeLife) {
    Shop shop;
    shop.as(shop.token("admin"), "PUT", "/api/v1/trusted_signers/acme", shop.trust_body);
    EXPECT_EQ(
        shop.posted("/api/v1/packages:install?dry_run=1&set=limit%3D5", shop.file("1.0.0")).at("stored").as_bool(),
        false);
    const Json made = shop.posted("/api/v1/packages:install?set=limit%3D5", shop.file("1.0.0"));
    EXPECT_EQ(made.at("manifest").at("contents").as_array().size(), 1u);
    EXPECT_EQ(made.at("steps").as_array()[0].at("what").as_string(), "create");
    EXPECT_EQ(shop.post("engineer", "/api/v1/packages:install", shop.file("1.0.0")).status, 409);
    const auto list = shop.as(shop.token("viewer"), "GET", "/api/v1/packages", "");
    EXPECT_NE(list.body.find(R"("version":"1.0.0")"), std::string::npos) << list.body;
    EXPECT_EQ(shop.posted("/api/v1/packages/fan:verify").at("problem").as_string(), "");
    EXPECT_EQ(shop.posted("/api/v1/packages/fan:upgrade", shop.file("1.1.0")).at("from").as_string(), "1.0.0");
    EXPECT_EQ(shop.posted("/api/v1/packages/fan:rollback").at("to").as_string(), "1.0.0");
    EXPECT_EQ(shop.as(shop.token("admin"), "DELETE", "/api/v1/packages/fan", "").status, 409);
    EXPECT_EQ(shop.post("engineer", "/api/v1/packages/fan:uninstall?conflicts=never").status, 400);
    EXPECT_EQ(shop.posted("/api/v1/packages/fan:uninstall").at("stored").as_bool(), true);
    EXPECT_EQ(shop.as(shop.token("viewer"), "GET", "/api/v1/device_types/fan", "").status, 404);
    EXPECT_EQ(shop.post("engineer", "/api/v1/packages/fan:verify").status, 404);
    const auto chinese = shop.as(shop.token("engineer"), "POST", "/api/v1/packages/fan:uninstall?lang=zh", "");
    EXPECT_EQ(chinese.status, 404);
}

}  // namespace
}  // namespace gongshu::api
