#include <gtest/gtest.h>

#include "api/testing/world_test.h"
#include "registry/json.h"

// Files as people meet them over HTTP.
namespace gongshu::api {
namespace {

constexpr std::string_view kHtml = "<html><script>alert(1)</script></html>";
constexpr const char* kAsk =
    R"({"kind":"downtime_reason","fields":{"asset":"lab/oven","from":"2026-03-01T08:00:00Z"}})";

class Office : public test::World {
public:
    Office() {
        put("role", "far", R"({"base":"operator","paths":["far/**"]})");
        put("site", "lab", R"({"title_en":"Lab","time_zone":"UTC"})");
        EXPECT_EQ(as(token("operator"), "POST", "/api/v1/cases", kAsk).status, 201);
    }
    void put(const char* kind, const char* name, const char* spec) {
        const registry::Actor system{TenantId{1}, "default", "system", registry::Role::admin, ""};
        const auto made = registry->put(system, kind, name, registry::parse_json(spec).value());
        EXPECT_TRUE(made) << (made ? "" : made.error().text());
    }
    static std::string seed(const std::string& name) {
        const auto files = io::make_posix_files();
        const auto bytes =
            io::read_whole(*files, std::string(GONGSHU_SOURCE_DIR) + "/src/blob/corpus/picture/" + name, 1 << 20);
        EXPECT_TRUE(bytes) << name;
        return std::string(as_text(*bytes));
    }
    test::Reply send(const std::string& who, const std::string& query, std::string body, std::string type = "") {
        wire::HttpHeaders headers;
        if (!type.empty()) headers.push_back({"content-type", std::move(type)});
        return as(token(who), "POST", "/api/v1/blobs?" + query, std::move(body), std::move(headers));
    }
    // The id of a new photo beside DR-1.
    std::string photo(const std::string& who = "operator") {
        const auto reply = send(who, "owner=case:DR-1&name=p.jpg", seed("turned_position.jpg"), "image/jpeg");
        EXPECT_EQ(reply.status, 201) << reply.body;
        return test::member(reply.body, "id");
    }
    int status(const std::string& who, const char* method, const std::string& target, const std::string& body = "") {
        return as(token(who), method, target, body).status;
    }
};

TEST(BlobsOverHttp, GoInAndOut) {
    Office office;
    const std::string id = office.photo(), at = "/api/v1/blobs/" + id;
    const auto whole = office.as(office.token("viewer"), "GET", at, "", {{"accept-encoding", "gzip"}});
    EXPECT_EQ(whole.status, 200);
    EXPECT_EQ(whole.body, Office::seed("turned_position.jpg"));
    EXPECT_EQ(whole.header("content-type"), "image/jpeg");
    EXPECT_EQ(whole.header("content-encoding"), "");
    EXPECT_EQ(whole.header("content-disposition"), "inline; filename=\"p.jpg\"; filename*=UTF-8''p.jpg");
    EXPECT_EQ(whole.header("x-content-type-options"), "nosniff");
    EXPECT_NE(whole.header("content-security-policy").find("sandbox"), std::string::npos);
    const auto again = office.as(office.token("viewer"), "GET", at, "", {{"if-none-match", whole.header("etag")}});
    EXPECT_EQ(again.status, 304);
    const auto small = office.as(office.token("viewer"), "GET", at + ":thumbnail", "");
    EXPECT_EQ(small.status, 200);
    EXPECT_EQ(small.header("content-type"), "image/jpeg");
    EXPECT_EQ(small.body.find("Exif"), std::string::npos);
    const auto about = office.as(office.token("viewer"), "GET", at + ":about", "");
    EXPECT_EQ(test::member(about.body, "owner"), "case:DR-1");
    const Json list =
        registry::parse_json(office.as(office.token("viewer"), "GET", "/api/v1/blobs?owner=case:DR-1", "").body)
            .value();
    ASSERT_EQ(list.at("items").as_array().size(), 1u);
    EXPECT_TRUE(list.at("items").as_array()[0].at("thumbnail").as_bool());
    EXPECT_EQ(list.at("usage").at("files").as_int64(), 1);

    EXPECT_NE(office.metrics.render().find("door=\"file\""), std::string::npos) << "the door asks before it lets out";
}

TEST(BlobsOverHttp, RunNothingInABrowser) {
    Office office;
    EXPECT_EQ(office.send("operator", "owner=case:DR-1&name=a.jpg", std::string(kHtml)).status, 400);
    const auto sent = office.send("operator", "owner=case:DR-1&name=a.html", std::string(kHtml), "text/html");
    ASSERT_EQ(sent.status, 201) << sent.body;
    const auto got = office.as(office.token("viewer"), "GET", "/api/v1/blobs/" + test::member(sent.body, "id"), "");
    EXPECT_TRUE(got.header("content-disposition").starts_with("attachment;"));
    EXPECT_EQ(office.status("viewer", "GET", "/api/v1/blobs/" + test::member(sent.body, "id") + ":thumbnail"), 404);
}

TEST(BlobsOverHttp, AreReadByWhoReadsTheirOwnerAlone) {
    Office office;
    const std::string id = office.photo(), at = "/api/v1/blobs/" + id;
    for (const char* way : {"", ":thumbnail", ":about"}) {
        EXPECT_EQ(office.status("viewer", "GET", at + way), 200) << way;
        EXPECT_EQ(office.status("far", "GET", at + way), 404) << way;
        EXPECT_EQ(office.ask("GET", at + way).status, 401) << way;
    }
    EXPECT_EQ(office.status("far", "GET", "/api/v1/blobs?owner=case:DR-1"), 404);
    EXPECT_EQ(office.status("far", "DELETE", at), 404);
    EXPECT_EQ(office.send("far", "owner=case:DR-1&name=x", "x").status, 404);
    EXPECT_EQ(office.send("viewer", "owner=case:DR-1&name=x", "x").status, 403);
    // Beside a resource: who may change it.
    EXPECT_EQ(office.send("operator", "owner=site:lab&name=x", "x").status, 403);
    EXPECT_EQ(office.send("engineer", "owner=site:lab&name=x", "x").status, 201);
    EXPECT_EQ(office.send("engineer", "owner=user:admin&name=x", "x").status, 404);
    EXPECT_EQ(office.send("engineer", "owner=site:moon&name=x", "x").status, 404);
    EXPECT_EQ(office.send("engineer", "owner=lab&name=x", "x").status, 400);
    const registry::Actor system{TenantId{1}, "default", "system", registry::Role::admin, ""};
    ASSERT_TRUE(office.registry->put(system, "tenant", "other", registry::parse_json("{}").value()));
    const std::string other = office.token("admin", "other");
    EXPECT_EQ(office.as(other, "GET", at, "").status, 404);
    EXPECT_EQ(office.as(other, "GET", "/api/v1/blobs?owner=case:DR-1", "").status, 404);
    // A site keeps its files under another name.
    const auto sent = office.send("engineer", "owner=site:lab&name=y", "y");
    ASSERT_TRUE(office.registry->rename(system, "site", "lab", "labor"));
    EXPECT_EQ(office.status("viewer", "GET", "/api/v1/blobs/" + test::member(sent.body, "id")), 200);
    EXPECT_NE(office.as(office.token("viewer"), "GET", "/api/v1/blobs?owner=site:labor", "").body.find("\"y\""),
              std::string::npos);
    ASSERT_TRUE(office.registry->remove(system, "site", "labor"));
    EXPECT_EQ(office.status("viewer", "GET", "/api/v1/blobs/" + test::member(sent.body, "id")), 404);
}

TEST(BlobsOverHttp, AreEvidenceOnceAStepCitesThem) {
    Office office;
    const std::string id = office.photo(), loose = office.photo();
    EXPECT_EQ(office.status("operator", "DELETE", "/api/v1/blobs/" + loose), 204);
    EXPECT_EQ(office.status("operator", "GET", "/api/v1/blobs/" + loose), 404);
    const auto answer = [&](const std::string& files) {
        return office.as(office.token("operator"), "POST", "/api/v1/cases/DR-1:answer",
                         fmt::format(R"({{"fields":{{"category":"setup","photos":{}}}}})", files));
    };
    EXPECT_EQ(answer("[\"" + loose + "\"]").status, 404);
    EXPECT_EQ(answer(R"(["nothing"])").status, 404);
    EXPECT_EQ(answer(R"([{"id":"x","sha256":"forged"}])").status, 400);
    EXPECT_EQ(answer(R"("x")").status, 400);
    const auto done = answer("[\"" + id + "\"]");
    ASSERT_EQ(done.status, 200) << done.body;
    const std::string sha =
        test::member(office.as(office.token("viewer"), "GET", "/api/v1/blobs/" + id + ":about", "").body, "sha256");
    EXPECT_NE(done.body.find(sha), std::string::npos);
    EXPECT_EQ(office.status("operator", "DELETE", "/api/v1/blobs/" + id), 409);
    // What the ledger's entry holds.
    bool held = false;
    const auto records = office.registry->audit_records(TenantId{1}, 0, INT64_MAX, 100).value();
    for (const auto& record : records)
        held = held || (record.action == "case.answer" && record.detail.find(sha) != std::string::npos);
    EXPECT_TRUE(held);
    // A closed one takes no more.
    EXPECT_EQ(office.status("admin", "POST", "/api/v1/cases/DR-1:withdraw", R"({"note":"n"})"), 200);
    EXPECT_EQ(office.send("operator", "owner=case:DR-1&name=x", "x").status, 409);
    EXPECT_EQ(office.status("viewer", "GET", "/api/v1/blobs/" + id), 200);
}

TEST(BlobsOverHttp, OneTakesAwayOnlyOnesOwn) {
    Office office;
    const std::string id = office.photo("engineer");
    EXPECT_EQ(office.status("operator", "DELETE", "/api/v1/blobs/" + id), 403);
    EXPECT_EQ(office.status("admin", "DELETE", "/api/v1/blobs/" + id), 204);
}

TEST(BlobsOverHttp, AFlippedByteIsNotGivenOut) {
    Office office;
    const std::string id = office.photo();
    const auto row = office.blobs->get(TenantId{1}, id).value();
    office.files.corrupt("/data/blobs/" + blob::Store::name_of(TenantId{1}, row.sha256), 500);
    EXPECT_EQ(office.status("viewer", "GET", "/api/v1/blobs/" + id), 500);
}

}  // namespace
}  // namespace gongshu::api
