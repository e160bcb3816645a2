#include "retention/retention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>

#include "base/log.h"
#include "base/rng.h"
#include "base/time_text.h"
#include "io/sim.h"
#include "registry/json.h"

namespace gongshu::retention {
namespace {

constexpr Window kAllTime{0, 4'000'000'000 * kSecond};
using Day = std::int32_t;

// A store and a registry over simulated files; every tag gets one reading an hour for `days` days up to now.
class World {
public:
    explicit World(std::uint64_t seed = 1) : world_(seed), pool_(world_.make_pool()), lane_(world_.make_loop()) {
        set_log_level(LogLevel::warning);
        history_ = std::move(*history::History::create(files_, world_.clock(), metrics_, {lane_.get()}, *pool_,
                                                       {.folder = "/data/history", .retention_days = 36'500}));
        registry_ = std::move(
            *registry::Registry::create(files_, world_.clock(), {.folder = "/data/registry", .key_folder = "/keys"}));
        EXPECT_TRUE(registry_->load());
    }
    ~World() {
        history_.reset();
        registry_.reset();
        world_.run_for(0);
        set_log_level(LogLevel::info);
    }

    TagId fill(const std::string& path, int days, int rows_a_day = 24) {
        const auto tag = history_->resolve({TenantId{1}, "p:" + path, "x"}, path, ValueType::number, "");
        EXPECT_TRUE(tag) << tag.error().text();
        Rows rows;
        for (int day = 0; day < days; ++day)
            for (int i = 0; i < rows_a_day; ++i)
                rows.add_number(*tag, (today() - day) * kDay + i * kHour + 1, day + 0.37 * i);
        EXPECT_TRUE(history_->import(rows));
        tags_[path] = *tag;
        return *tag;
    }
    void seal() { EXPECT_TRUE(history_->compact()); }

    // The days of which something is there, as days before today.
    std::set<int> days_of(TagId tag) {
        ReadRequest request;
        request.tags = {tag};
        request.window = kAllTime;
        std::set<int> days;
        const auto series = history_->read(request);
        EXPECT_TRUE(series) << series.error().text();
        for (std::size_t i = 0; series && i < series->at(0).rows.size(); ++i)
            days.insert(static_cast<int>(today() - series->at(0).rows.time(i) / kDay));
        return days;
    }
    std::set<int> days_of(const std::string& path) { return days_of(tags_.at(path)); }
    int oldest_of(const std::string& path) {
        const auto days = days_of(path);
        return days.empty() ? -1 : *days.rbegin();
    }

    Result<void> put(const char* kind, const std::string& name, const std::string& spec) {
        const registry::Actor admin{TenantId{1}, "default", "user:admin", registry::Role::admin, ""};
        TRY(registry_->put(admin, kind, name, *registry::parse_json(spec)));
        return {};
    }
    Retention make(Limits limits = {}) { return {*history_, *registry_, world_.clock(), limits}; }

    TimeNs today() { return world_.clock().now() / kDay; }
    SimClock& clock() { return world_.clock(); }
    history::History& history() { return *history_; }
    registry::Registry& registry() { return *registry_; }
    io::SimFiles& files() { return files_; }
    const std::map<std::string, TagId>& tags() const { return tags_; }

private:
    io::SimFiles files_;
    io::SimWorld world_;
    Metrics metrics_;
    std::unique_ptr<io::Pool> pool_;
    std::unique_ptr<io::Loop> lane_;
    std::unique_ptr<history::History> history_;
    std::unique_ptr<registry::Registry> registry_;
    std::map<std::string, TagId> tags_;
};

TEST(Retention, KeepsAllUnlessItIsTold) {
    World world;
    world.fill("a/m.x", 100);
    world.seal();
    Retention retention = world.make();
    const auto removed = retention.run();
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->rows, 0u);
    EXPECT_TRUE(retention.done().empty());
    EXPECT_EQ(world.oldest_of("a/m.x"), 99);
}

TEST(Retention, RemovesByAgeForAll) {
    World world;
    world.fill("a/m.x", 100);
    world.seal();
    Retention retention = world.make({.days = 10});
    const auto plan = retention.plan();
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->to_go.rows, 89u * 24);
    EXPECT_EQ(plan->before, (world.today() - 10) * kDay);
    EXPECT_EQ(world.oldest_of("a/m.x"), 99) << "a plan removes nothing";
    const auto removed = retention.run();
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->rows, 89u * 24);
    EXPECT_EQ(removed->from, (world.today() - 99) * kDay);
    EXPECT_EQ(removed->to, (world.today() - 10) * kDay);
    EXPECT_EQ(world.oldest_of("a/m.x"), 10);
    ASSERT_EQ(retention.done().size(), 1u);
    const auto audit = world.registry().audit_records(TenantId{1}, 0, kAllTime.to, 10);
    ASSERT_TRUE(audit);
    ASSERT_FALSE(audit->empty());
    EXPECT_EQ(audit->front().action, "remove");
    EXPECT_NE(audit->front().detail.find("\"readings\":2136"), std::string::npos) << audit->front().detail;
}

TEST(Retention, RemovesTheOldestByBytesButNothingNew) {
    World world;
    world.fill("a/m.x", 60);
    world.seal();
    const auto days = world.history().days();
    ASSERT_EQ(days.size(), 60u);
    std::uint64_t newest = 0;
    for (std::size_t i = days.size() - 40; i < days.size(); ++i) newest += days[i].bytes;
    Retention fits = world.make({.bytes = newest, .keep_days = 30});
    ASSERT_TRUE(fits.run());
    EXPECT_EQ(world.oldest_of("a/m.x"), 39);
    EXPECT_LE(world.history().stats().segment_bytes, newest);
    Retention tiny = world.make({.bytes = 1, .keep_days = 30});
    ASSERT_TRUE(tiny.run());
    EXPECT_EQ(world.oldest_of("a/m.x"), 30) << "newer than keep_days is never removed for bytes";
}

TEST(Retention, TheMostSpecificGlobDecides) {
    World world;
    for (const char* path : {"a/m.x", "a/debug/m.x", "a/debug/audit.x", "b/m.x"}) world.fill(path, 50);
    world.seal();
    ASSERT_TRUE(world.put("retention", "all", R"({"tags":["**"],"keep":"40d"})"));
    ASSERT_TRUE(world.put("retention", "debug", R"({"tags":["a/debug/**"],"keep":"7d"})"));
    ASSERT_TRUE(world.put("retention", "kept", R"({"tags":["a/debug/audit.*"],"keep":"400d"})"));
    Retention retention = world.make();
    const TimeNs now = world.clock().now();
    EXPECT_EQ(retention.keeps_from(TenantId{1}, "a/m.x"), now - 40 * kDay);
    EXPECT_EQ(retention.keeps_from(TenantId{1}, "a/debug/m.x"), now - 7 * kDay);
    EXPECT_EQ(retention.keeps_from(TenantId{2}, "a/debug/m.x"), 0);
    EXPECT_EQ(world.make({.days = 20}).keeps_from(TenantId{1}, "a/m.x"), now - 20 * kDay);
    const auto plan = retention.plan();
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->policies.size(), 3u);
    for (const PolicyUse& use : plan->policies)
        EXPECT_EQ(use.rows_to_go, use.name == "all" ? 2u * 9 * 24 : use.name == "debug" ? 42u * 24 : 0u) << use.name;
    ASSERT_TRUE(retention.run());
    EXPECT_EQ(world.oldest_of("a/m.x"), 40);
    EXPECT_EQ(world.oldest_of("b/m.x"), 40);
    EXPECT_EQ(world.oldest_of("a/debug/m.x"), 7);
    EXPECT_EQ(world.oldest_of("a/debug/audit.x"), 49);
    const auto again = retention.run();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->rows, 0u);
}

TEST(Retention, AHoldKeepsWhateverElseIsSaid) {
    World world;
    for (const char* path : {"a/m.x", "b/m.x"}) world.fill(path, 50);
    world.seal();
    const std::string from = "2023-10-10T00:00:00Z", to = "2023-10-12T08:00:00Z";  // 35 to 33 days before
    ASSERT_TRUE(world.put("hold", "fire",
                          R"({"tags":["a/**"],"from":")" + from + R"(","to":")" + to + R"(","reason":"accident"})"));
    ASSERT_TRUE(world.put("retention", "short", R"({"tags":["a/**"],"keep":"20d"})"));
    Retention retention = world.make({.days = 30});
    // What is held is not counted as to go, neither by the plan nor by what is written down afterwards.
    const auto plan = retention.plan();
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->policies.size(), 1u);
    EXPECT_EQ(plan->policies[0].rows_to_go, (29u - 3) * 24);
    const auto removed = retention.run();
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->rows, (19u + 29 - 3) * 24);
    EXPECT_EQ(removed->rows, plan->to_go.rows);
    const auto audit = world.registry().audit_records(TenantId{1}, 0, kAllTime.to, 10);
    ASSERT_TRUE(audit);
    EXPECT_TRUE(std::ranges::any_of(*audit, [](const auto& record) {
        return record.name == "short" && record.detail.find("\"readings\":624") != std::string::npos;
    }));
    std::set<int> want;
    for (int day = 0; day <= 30; ++day) want.insert(day);
    EXPECT_EQ(world.days_of("b/m.x"), want);
    want.clear();
    for (int day = 0; day <= 20; ++day) want.insert(day);
    for (int day = 33; day <= 35; ++day) want.insert(day);
    EXPECT_EQ(world.days_of("a/m.x"), want);
}

TEST(Retention, WrongResourcesAreRefused) {
    World world;
    const auto f = [&](const char* kind, const char* spec, const char* want) {
        const auto put = world.put(kind, "x", spec);
        ASSERT_FALSE(put) << spec;
        EXPECT_NE(put.error().text().find(want), std::string::npos) << put.error().text();
    };
    f("retention", R"({})", "without either nothing would be removed");
    f("retention", R"({"keep":"5h"})", "at least 1d");
    f("retention", R"({"keep":"5 years"})", "unit");
    f("retention", R"({"keep_bytes":"5kB"})", "at least 1MB");
    f("retention", R"({"keep":"5d","tags":[]})", "at least one glob");
    f("retention", R"({"keep":"5d","tags":[""]})", "tags[0]");
    f("hold", R"({"tags":["a"]})", "reason");
    f("hold", R"({"tags":["a"],"reason":"r","from":"yesterday"})", "from");
    f("hold", R"({"tags":["a"],"reason":"r","from":"2026-01-02T00:00:00Z","to":"2026-01-01T00:00:00Z"})", "after from");
    EXPECT_TRUE(world.put("retention", "x", R"({"keep":"400d","keep_bytes":"50GB"})"));
}

TEST(Retention, TendsOnceAnHourAndWhenTheBytesArePassed) {
    World world;
    world.fill("a/m.x", 50);
    world.seal();
    Retention retention = world.make({.bytes = 1, .keep_days = 10});
    retention.tend();
    EXPECT_EQ(world.oldest_of("a/m.x"), 10);
    world.clock().advance(kMinute);
    world.fill("a/m.x", 40);
    world.seal();
    retention.tend();
    EXPECT_EQ(world.oldest_of("a/m.x"), 39) << "not again at once";
    world.clock().advance(5 * kMinute);
    retention.tend();
    EXPECT_EQ(world.oldest_of("a/m.x"), 10);
}

TEST(Retention, EstimatesTheGrowthFromWholeDays) {
    World world;
    world.fill("a/m.x", 5);
    world.seal();
    world.files().set_free_bytes(1'000'000);
    const auto plan = world.make().plan();
    ASSERT_TRUE(plan);
    const auto days = world.history().days();
    double bytes = 0;
    for (std::size_t i = 0; i + 1 < days.size(); ++i) bytes += static_cast<double>(days[i].bytes);
    ASSERT_TRUE(plan->bytes_a_day);
    EXPECT_DOUBLE_EQ(*plan->bytes_a_day, bytes / 4);
    EXPECT_EQ(plan->rows, 5u * 24);
    ASSERT_EQ(plan->tenants.size(), 1u);
    EXPECT_EQ(plan->tenants[0].rows, 5u * 24);
    EXPECT_EQ(plan->tenants[0].oldest, (world.today() - 4) * kDay);
    World empty;
    const auto nothing = empty.make().plan();
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(nothing->bytes_a_day);
    EXPECT_EQ(nothing->oldest, 0);
}

// Random tags, policies, holds and limits against a model that looks at each tag and day alone.
struct Chosen {
    std::string glob;
    int keep = 0;
};

TEST(Retention, AgreesWithADullModel) {
    const std::uint64_t seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed()) + 77;
    const std::uint64_t used = std::getenv("SEED") ? std::strtoull(std::getenv("SEED"), nullptr, 10) : seed;
    SCOPED_TRACE("SEED=" + std::to_string(used));
    Rng rng{used};
    for (int round = 0; round < 12; ++round) {
        World world{used};
        const char* paths[] = {"a/m.x", "a/m.y", "a/n/o.x", "b/m.x", "b/n.y"};
        for (const char* path : paths) world.fill(path, 5 + static_cast<int>(rng.below(40)), 2);
        world.seal();
        std::map<std::string, std::set<int>> want;
        for (const char* path : paths) want[path] = world.days_of(path);
        // No two of these weigh the same, from the least to the most.
        std::vector<Chosen> policies;
        for (const char* glob : {"**", "a/**", "**/m.x", "a/n/*.x"})
            if (rng.chance(0.5)) policies.push_back({glob, 1 + static_cast<int>(rng.below(30))});
        for (const Chosen& one : policies)
            ASSERT_TRUE(world.put("retention", "p" + std::to_string(one.glob.size()),
                                  fmt::format(R"({{"tags":["{}"],"keep":"{}d"}})", one.glob, one.keep)));
        // One day of everything beneath b/ is held.
        const int held = rng.chance(0.5) ? static_cast<int>(rng.below(40)) : -1;
        if (held >= 0) {
            const std::string day = format_time((world.today() - held) * kDay);
            ASSERT_TRUE(world.put("hold", "h",
                                  fmt::format(R"({{"tags":["b/**"],"from":"{0}","to":"{1}","reason":"r"}})", day,
                                              format_time((world.today() - held) * kDay + kHour))));
        }
        const std::uint32_t days = 1 + static_cast<std::uint32_t>(rng.below(60));
        for (auto& [path, kept] : want)
            std::erase_if(kept, [&](int age) {
                if (age == held && path.starts_with("b/")) return false;
                int keep = 36'500;
                for (const Chosen& one : policies)
                    if ((one.glob == "**") || (one.glob == "a/**" && path.starts_with("a/")) ||
                        (one.glob == "**/m.x" && path.ends_with("/m.x")) ||
                        (one.glob == "a/n/*.x" && path == "a/n/o.x"))
                        keep = one.keep;
                return age > keep || age > static_cast<int>(days);
            });
        Retention retention = world.make({.days = days});
        const auto plan = retention.plan();
        ASSERT_TRUE(plan);
        const auto removed = retention.run();
        ASSERT_TRUE(removed) << removed.error().text();
        EXPECT_EQ(removed->rows, plan->to_go.rows);
        for (const char* path : paths) EXPECT_EQ(world.days_of(path), want[path]) << path << " round " << round;
        const auto report = world.history().verify();
        ASSERT_TRUE(report);
        EXPECT_TRUE(report->problems.empty());
    }
}

}  // namespace
}  // namespace gongshu::retention
