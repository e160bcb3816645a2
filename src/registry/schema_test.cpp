// Upgrades of the tables: each from every step there was, kept before, and taken back; cut off anywhere.
#include "registry/schema.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "io/sim.h"
#include "registry/database.h"
#include "registry/migrations.h"

namespace gongshu::registry {
namespace {

constexpr const char* kFolder = "/data/registry";

// A database whose tables stand at `step`, with a tenant called `mark`.
void make(io::SimFiles& files, std::size_t step, const std::string& mark) {
    const auto database = Database::open(files, kFolder, step).value();
    ASSERT_TRUE(database->change({{"insert into tenants (id, uid) values (:a, :b)", {std::int64_t{7}, mark}}}));
}

std::string mark_of(io::Files& files, std::size_t steps = SIZE_MAX) {
    const auto database = Database::open(files, kFolder, steps);
    if (!database) return database.error().text();
    std::string mark;
    EXPECT_TRUE((*database)->read({"select uid from tenants where id = 7", {}},
                                  [&](const Row& row) { mark = row.text(0); }));
    return mark;
}

const auto kNewest = static_cast<std::int64_t>(migrations().size());

TEST(Schema, EachStepIsTold) {
    for (std::size_t i = 0; i < migrations().size(); ++i) EXPECT_NE(about_migration(i), "") << i;
    EXPECT_EQ(about_migration(migrations().size()), "");
}

TEST(Schema, OfANewFolderNothingIsKept) {
    io::SimFiles files;
    make(files, SIZE_MAX, "new");
    const Schema schema = schema_of(files, kFolder).value();
    EXPECT_EQ(schema.stored, kNewest);
    EXPECT_EQ(schema.known, kNewest);
    EXPECT_TRUE(schema.to_come.empty());
    EXPECT_TRUE(schema.kept.empty());
    EXPECT_EQ(schema_of(files, "/nowhere").value().stored, 0);
    EXPECT_EQ(go_back(files, kFolder).error().code(), Code::not_found);
}

TEST(Schema, GoesFromEachStepToTheNewestAndBack) {
    for (std::int64_t step = 1; step < kNewest; ++step) {
        io::SimFiles files;
        make(files, static_cast<std::size_t>(step), "old");
        const Schema before = schema_of(files, kFolder).value();
        EXPECT_EQ(before.stored, step);
        EXPECT_EQ(before.to_come.size(), static_cast<std::size_t>(kNewest - step));
        EXPECT_TRUE(before.kept.empty());
        EXPECT_EQ(mark_of(files), "old");
        {
            const auto database = Database::open(files, kFolder).value();
            ASSERT_TRUE(database->change({{"update tenants set uid = 'newer' where id = 7", {}}}));
        }
        const Schema after = schema_of(files, kFolder).value();
        EXPECT_EQ(after.stored, kNewest);
        ASSERT_EQ(after.kept.size(), 1u);
        EXPECT_EQ(after.kept[0].step, step);
        EXPECT_EQ(after.kept[0].path, std::string{kFolder} + "/" + kept_name(step));
        EXPECT_EQ(go_back(files, kFolder).value().step, step);
        EXPECT_EQ(schema_of(files, kFolder).value().stored, step);
        EXPECT_EQ(mark_of(files, static_cast<std::size_t>(step)), "old");
        EXPECT_TRUE(files.exists(fmt::format("{}/registry.db.step-{}", kFolder, kNewest)).value());
        EXPECT_EQ(go_back(files, kFolder).error().code(), Code::not_found);  // it is as old as what is kept
        EXPECT_EQ(mark_of(files), "old");                                     // and forward again
        EXPECT_EQ(schema_of(files, kFolder).value().stored, kNewest);
    }
}

TEST(Schema, OnlyTheNewestAreKept) {
    io::SimFiles files;
    for (std::size_t step = 1; step <= migrations().size(); ++step)
        step == 1 ? make(files, 1, "old") : static_cast<void>(mark_of(files, step));
    const Schema schema = schema_of(files, kFolder).value();
    ASSERT_EQ(schema.kept.size(), std::min<std::size_t>(kKeptMax, migrations().size() - 1));
    EXPECT_EQ(schema.kept[0].step, kNewest - 1);
}

TEST(Schema, AnOlderProgramSaysWhereToGo) {
    io::SimFiles files;
    make(files, SIZE_MAX, "new");
    const auto opened = Database::open(files, kFolder, migrations().size() - 1);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Code::unsupported);
    EXPECT_NE(opened.error().text().find("gongshu downgrade --data FOLDER"), std::string::npos);
}

TEST(Schema, ADiskWithoutRoomChangesNothing) {
    io::SimFiles files;
    const auto step = static_cast<std::size_t>(kNewest - 1);
    make(files, step, "old");
    const auto done = check_room_for_copy(files, kFolder, std::uint64_t{1} << 62);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Code::limit);
    EXPECT_NE(done.error().text().find("nothing was changed"), std::string::npos);
}

// Whatever fails and wherever the power goes: the next start has the old tables or the new ones, with what was in them,
// and once they are new, the old ones are kept.
TEST(Schema, AnUpgradeThatIsCutOffGoesOn) {
    set_log_level(LogLevel::off);
    for (int n = 1;; ++n) {
        io::SimFiles files;
        make(files, static_cast<std::size_t>(kNewest - 1), "old");
        files.fail_nth(n);
        mark_of(files);
        const bool fired = files.fault_fired();
        if (!fired) files.fail_nth(1 << 30);
        files.crash();
        const auto schema = schema_of(files, kFolder);
        ASSERT_TRUE(schema) << n << " " << schema.error().text();
        if (schema->stored == kNewest) {
            EXPECT_EQ(schema->kept.size(), 1u) << n;
        }
        ASSERT_EQ(mark_of(files), "old") << n;
        ASSERT_EQ(schema_of(files, kFolder)->kept.size(), 1u) << n;
        ASSERT_EQ(go_back(files, kFolder)->step, kNewest - 1) << n;
        ASSERT_EQ(mark_of(files, static_cast<std::size_t>(kNewest - 1)), "old") << n;
        if (!fired) break;
        ASSERT_LT(n, 10'000);
    }
    set_log_level(LogLevel::info);
}

TEST(Schema, GoingBackThatIsCutOffGoesOn) {
    set_log_level(LogLevel::off);
    for (int n = 1;; ++n) {
        io::SimFiles files;
        make(files, static_cast<std::size_t>(kNewest - 1), "old");
        ASSERT_EQ(mark_of(files), "old");
        files.fail_nth(n);
        std::ignore = go_back(files, kFolder);
        const bool fired = files.fault_fired();
        if (!fired) files.fail_nth(1 << 30);
        files.crash();
        const auto schema = schema_of(files, kFolder);
        ASSERT_TRUE(schema) << n << " " << schema.error().text();
        ASSERT_EQ(schema->kept.size(), 1u) << n;
        if (schema->stored == kNewest) {
            ASSERT_EQ(go_back(files, kFolder)->step, kNewest - 1) << n;
        }
        ASSERT_EQ(mark_of(files, static_cast<std::size_t>(kNewest - 1)), "old") << n;
        if (!fired) break;
        ASSERT_LT(n, 10'000);
    }
    set_log_level(LogLevel::info);
}

}  // namespace
}  // namespace gongshu::registry
