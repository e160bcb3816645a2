// A check of registry.db that nobody has open: SQLite's pages, what the rows hold, the write-ahead log, the key.
#include "registry/verify.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "registry/test_world.h"

namespace gongshu::registry::test {

namespace {

constexpr const char* kPath = "/data/registry/registry.db";

class VerifyTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(world.open(kOptions, true));
        ASSERT_TRUE(world.put("site", "east", R"({"title_en":"first-title-of-east","time_zone":"UTC"})"));
        ASSERT_TRUE(world.put("site", "east", R"({"title_en":"second-title-of-east","time_zone":"UTC"})"));
        ASSERT_TRUE(world.put("device_type", "pump", R"({"properties":[{"name":"t","type":"number","unit":"degC"}]})"));
        ASSERT_TRUE(world.put("device", "a/p1", R"({"type":"pump"})"));
        ASSERT_TRUE(world.put("webhook", "w", R"({"url":"https://h/","password":"secret-of-w"})"));
        ASSERT_TRUE(world.put("site", "gone", R"({"time_zone":"UTC"})"));
        ASSERT_TRUE(world.registry->remove(world.admin, "site", "gone"));
    }
    RegistryReport check() { return verify_registry(world.files, kOptions, {webhook_kind()}); }
    // Places of `text` in the file.
    std::vector<std::size_t> places(const std::string& path, std::string_view text) {
        const Buffer bytes = *io::read_whole(world.files, path, 64 << 20);
        std::vector<std::size_t> found;
        for (std::size_t at = as_text(bytes).find(text); at != std::string_view::npos;
             at = as_text(bytes).find(text, at + 1))
            found.push_back(at);
        return found;
    }
    // Some problem holds `want` while that byte is another.
    void flip(const std::string& path, std::size_t at, std::string_view want) {
        world.files.corrupt(path, at);
        const auto problems = check().problems;
        EXPECT_TRUE(
            std::ranges::any_of(problems, [&](const auto& one) { return one.starts_with(path) && one.contains(want); }))
            << path << " byte " << at << ": " << (problems.empty() ? "nothing found" : problems[0]);
        world.files.corrupt(path, at);
    }
    World world;
};

}  // namespace

TEST_F(VerifyTest, FindsNothingInAGoodFileAndWritesNothing) {
    for (const bool is_open : {true, false}) {
        if (!is_open) world.close();
        const std::string before = all_bytes(world.files, "/data/registry");
        const auto names = *world.files.list("/data/registry");
        const RegistryReport report = check();
        EXPECT_TRUE(report.problems.empty()) << report.problems.at(0);
        EXPECT_GE(report.resources, 5u);
        EXPECT_GT(report.revisions, report.resources);
        EXPECT_EQ(report.secrets, 1u);
        EXPECT_EQ(all_bytes(world.files, "/data/registry"), before);
        EXPECT_EQ(*world.files.list("/data/registry"), names);
    }
}

TEST_F(VerifyTest, FindsDamagedPages) {
    world.close();
    const Buffer bytes = *io::read_whole(world.files, kPath, 64 << 20);
    constexpr std::size_t kPage = 4096;
    flip(kPath, 0, "not a database");
    flip(kPath, 100, "");
    for (std::size_t page = 1; page < bytes.size() / kPage; ++page) flip(kPath, page * kPage, "");      // kind of page
    for (std::size_t page = 1; page < bytes.size() / kPage; ++page) flip(kPath, page * kPage + 5, "");  // its contents
}

TEST_F(VerifyTest, FindsDamagedRows) {
    world.close();
    const auto newest = places(kPath, "second-title-of-east");
    ASSERT_GE(newest.size(), 2u);  // the resource, its revision; the audit tells of it too
    std::size_t told = 0;
    for (const std::size_t at : newest) {
        world.files.corrupt(kPath, at);
        told += std::ranges::any_of(check().problems, [](const auto& one) {
            return one.contains("revision 2 of site \"east\": is not what the resource itself holds");
        });
        world.files.corrupt(kPath, at);
    }
    EXPECT_EQ(told, 2u);
    // An older revision: the quote before its title.
    told = 0;
    for (const std::size_t at : places(kPath, "\"first-title-of-east")) {
        world.files.corrupt(kPath, at);
        told += std::ranges::any_of(check().problems,
                                    [](const auto& one) { return one.contains("revision 1 of site \"east\": "); });
        world.files.corrupt(kPath, at);
    }
    EXPECT_GE(told, 1u);
    // A name of a field that the kind does not have.
    const auto fields = places(kPath, "\"properties\":[{");
    ASSERT_GE(fields.size(), 2u);
    flip(kPath, fields[0] + 3, "device_type \"pump\"");
}

TEST_F(VerifyTest, FindsDamagedSecretsAndKeys) {
    world.close();
    const Buffer bytes = *io::read_whole(world.files, kPath, 64 << 20);
    const auto fields = places(kPath, "password");
    bool told = false;
    for (const std::size_t at : fields) {
        world.files.corrupt(kPath, at + 10);
        told |=
            std::ranges::any_of(check().problems, [](const auto& one) { return one.contains("secret password of "); });
        world.files.corrupt(kPath, at + 10);
    }
    EXPECT_TRUE(told);
    world.files.corrupt("/keys/registry.key", 3);
    ASSERT_FALSE(check().problems.empty());
    EXPECT_EQ(check().problems[0],
              "/keys/registry.key: not the key that registry.db was made with; put back the right one");
    ASSERT_TRUE(world.files.remove("/keys/registry.key"));
    EXPECT_TRUE(check().problems.at(0).contains("/keys/registry.key"));
    ASSERT_TRUE(world.files.remove(kPath));
    EXPECT_EQ(check().problems, std::vector<std::string>{std::string(kPath) + ": is missing"});
}

TEST_F(VerifyTest, FindsDamageInTheWriteAheadLog) {
    const std::string wal = std::string(kPath) + "-wal";
    const std::size_t bytes = io::read_whole(world.files, wal, 64 << 20)->size();
    ASSERT_GT(bytes, 32u + 2 * 4120);
    flip(wal, 0, "byte 0: the header is damaged");
    flip(wal, 25, "byte 0: the header is damaged");
    for (std::size_t frame = 32; frame + 4120 <= bytes; frame += 4120) {
        flip(wal, frame, fmt::format("byte {}: the frame is damaged", frame));
        flip(wal, frame + 24 + 2000, fmt::format("byte {}: the frame is damaged", frame));
    }
}

}  // namespace gongshu::registry::test
