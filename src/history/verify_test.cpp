// A check of a folder that nobody has open: each file, each byte of it, and what the events say.
#include <gtest/gtest.h>

#include <algorithm>

#include "history/store_test.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kSecond;

// Segments, an event file, snapshots and a log that goes on after them.
void fill(TestStore& store) {
    ASSERT_TRUE(store.open());
    const TagId tag = store.tag("d:1");
    const TagId text = store.tag("d:1", "t", ValueType::text);
    for (int round = 0; round < 2; ++round) {
        Rows rows;
        for (int i = 0; i < 20; ++i) rows.add_number(tag, kStart + (round * 20 + i) * kSecond, i * 1.5);
        rows.add_text(text, kStart + round, "步骤 1");
        ASSERT_TRUE(store.append(std::move(rows)));
        ASSERT_TRUE(store.append_event({.tenant = TenantId{1}, .time = kStart, .kind = "alarm.raised", .body = "{}"}));
        if (round == 0) {
            ASSERT_TRUE(store->compact());
        }
    }
    store.close();
}

void list_files(io::Files& files, const std::string& folder, std::vector<std::string>& paths) {
    const auto names = files.list(folder);
    ASSERT_TRUE(names);
    for (const std::string& name : *names) {
        const std::string path = folder + "/" + name;
        if (const auto inside = files.list(path); inside && !files.open(path, io::Open::read))
            list_files(files, path, paths);
        else
            paths.push_back(path);
    }
}

VerifyReport check(TestStore& store, const OnEvent& on_event = {}) {
    return verify_folder(store.files(), store.clock(), "/store", on_event);
}

TEST(Verify, FindsNothingInAGoodFolderAndWritesNothing) {
    TestStore store;
    fill(store);
    std::vector<std::string> paths;
    list_files(store.files(), "/store", paths);
    std::vector<Buffer> before;
    for (const std::string& path : paths) before.push_back(*io::read_whole(store.files(), path, 1 << 20));
    const VerifyReport report = check(store);
    EXPECT_TRUE(report.problems.empty()) << report.problems.at(0);
    EXPECT_TRUE(report.event_problems.empty()) << report.event_problems.at(0);
    EXPECT_EQ(report.rows, 42u);
    EXPECT_EQ(report.events, 2u);
    EXPECT_EQ(report.event_files, 1u);
    std::vector<std::string> after;
    list_files(store.files(), "/store", after);
    EXPECT_EQ(after, paths);
    for (std::size_t i = 0; i < paths.size(); ++i)
        EXPECT_EQ(*io::read_whole(store.files(), paths[i], 1 << 20), before[i]) << paths[i];
}

TEST(Verify, FindsEveryFlippedByteAndNamesTheFile) {
    TestStore store;
    fill(store);
    std::vector<std::string> paths;
    list_files(store.files(), "/store", paths);
    std::map<std::string, int> kinds;
    for (const std::string& path : paths) {
        const std::size_t bytes = io::read_whole(store.files(), path, 1 << 20)->size();
        if (bytes > 0) ++kinds[path.substr(7, path.find('/', 7) - 7)];
        for (std::size_t at = 0; at < bytes; ++at) {
            store.files().corrupt(path, at);
            const VerifyReport report = check(store);
            const auto& found = path.find("/event/") != std::string::npos ? report.event_problems : report.problems;
            EXPECT_TRUE(std::ranges::any_of(found, [&](const auto& one) { return one.contains(path); }))
                << path << " byte " << at << (found.empty() ? "" : found[0]);
            store.files().corrupt(path, at);
        }
        if (path.ends_with("/lock") || bytes == 0) continue;
        if (path.ends_with("/FORMAT")) continue;  // a folder without it is one of before there were numbers
        const Buffer whole = *io::read_whole(store.files(), path, 1 << 20);
        ASSERT_TRUE(store.files().remove(path));
        EXPECT_FALSE(check(store).problems.empty() && check(store).event_problems.empty()) << path;
        ASSERT_TRUE(io::write_whole(store.files(), path, whole));
    }
    for (const char* kind : {"MANIFEST", "cat", "event", "last", "log", "seg"}) EXPECT_GT(kinds[kind], 0) << kind;
    EXPECT_TRUE(check(store).problems.empty());
}

TEST(Verify, TellsEventsThatCannotBeRead) {
    TestStore store;
    fill(store);
    std::uint64_t seen = 0;
    const VerifyReport report = check(store, [&](const Event& event) -> Result<void> {
        ++seen;
        return event.id.value == 2 ? Result<void>{Error{Code::corrupt, "event 2 names no alarm"}} : Result<void>{};
    });
    EXPECT_EQ(seen, 2u);
    EXPECT_TRUE(report.problems.empty());
    EXPECT_EQ(report.event_problems, std::vector<std::string>{"/store/log: event 2 names no alarm"});
}

}  // namespace
}  // namespace gongshu::history
