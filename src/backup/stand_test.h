#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "backup/backups.h"
#include "backup/proof.h"
#include "base/metrics.h"
#include "io/sim.h"
#include "registry/json.h"

namespace gongshu::backup {

inline constexpr const char* kBackups = "/backups";
inline constexpr const char* kNas = "/nas";

// A server's data, with five sealed rows, three in the log and one site; backups of it, and the jobs that work on them.
struct Stand {
    io::SimFiles files;
    io::SimWorld world{1};
    Metrics metrics;
    std::unique_ptr<io::Pool> pool = world.make_pool();
    std::unique_ptr<io::Loop> lane = world.make_loop();
    std::unique_ptr<history::History> history;
    std::unique_ptr<registry::Registry> registry;
    Progress progress;

    Stand() {
        world.clock().jump(1'700'000'000 * kSecond);
        fill();
    }
    ~Stand() {
        history.reset();
        registry.reset();
        world.run_for(0);
    }

    void fill() {
        history =
            history::History::create(files, world.clock(), metrics, {lane.get()}, *pool, {.folder = "/data/history"})
                .value();
        registry = registry::Registry::create(files, world.clock(), {.folder = "/data/registry", .key_folder = "/keys"})
                       .value();
        ASSERT_TRUE(registry->load());
        for (int i = 0; i < 5; ++i) append(i);
        ASSERT_TRUE(history->compact());
        for (int i = 5; i < 8; ++i) append(i);
        const registry::Actor admin{TenantId{1}, "default", "user:admin", registry::Role::admin, ""};
        ASSERT_TRUE(registry->put(admin, "site", "site", *registry::parse_json(R"({"time_zone":"Asia/Shanghai"})")));
    }

    void append(double value) {
        const auto tag = history->resolve({TenantId{1}, "d:1", "x"}, "site/m.x", ValueType::number, "");
        ASSERT_TRUE(tag);
        Rows rows;
        rows.add_number(*tag, world.clock().now(), value);
        world.clock().advance(kSecond);
        std::optional<Result<Appended>> answer;
        history->append(std::move(rows), Durability::sync,
                        [&](Result<Appended> result) { answer = std::move(result); });
        world.run_until([&] { return answer.has_value(); }, kMinute);
        ASSERT_TRUE(answer && *answer);
    }

    BackupParts parts() {
        BackupParts parts{files, world.clock(), *history, *registry, {}, "test"};
        parts.verify.key_folder = "/keys";
        return parts;
    }
    std::string make() {
        Progress making;
        world.clock().advance(kSecond);
        auto made = make_backup(parts(), kBackups, making);
        EXPECT_TRUE(made) << made.error().text();
        return made ? made->name : "";
    }
    bool is_clean() {
        return !*files.exists(std::string(kBackups) + "/drill") &&
               !*files.exists(std::string(kBackups) + "/drill.part");
    }
    void mount() {
        ASSERT_TRUE(files.make_folder(kNas, 0700));
        ASSERT_TRUE(io::write_whole(files, std::string(kNas) + "/" + kTargetMark, {}));
    }
    std::vector<std::string> names_in(const std::string& folder) {
        std::vector<std::string> names;
        const auto all = list_backups(files, folder).value();
        for (const BackupInfo& info : all) names.push_back(info.problem.empty() ? info.name : info.name + "!");
        return names;
    }
};

}  // namespace gongshu::backup
