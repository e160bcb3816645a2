// Audit records in their tenant's ledger: each once, in order, whatever fails and whenever the power goes.
#include "registry/audit_ledger.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/log.h"
#include "base/rng.h"
#include "registry/test_world.h"
#include "registry/verify.h"

namespace gongshu::registry {
namespace {

using test::World;

constexpr const char* kFolder = "/data/ledger";

Result<std::unique_ptr<AuditLedger>> open(World& world) {
    return AuditLedger::create(*world.registry, world.files, world.clock, kFolder);
}

// The ids of the audit records in the tenant's ledger, in its order.
std::vector<std::uint64_t> ids(AuditLedger& ledgers, TenantId tenant) {
    std::vector<std::uint64_t> out;
    ledger::Ledger& ledger = **ledgers.of(tenant);
    for (std::uint64_t n = 0; n < ledger.size(); ++n) {
        const auto body = parse_json(ledger.get(n)->body).value();
        out.push_back(body.as_object().at("id").to_number<std::uint64_t>());
    }
    return out;
}

TEST(AuditLedger, HoldsEachRecordOnce) {
    World world;
    ASSERT_TRUE(world.open());
    {
        auto ledgers = open(world).value();
        ASSERT_TRUE(world.put("connection", "a", R"({"protocol":"mqtt_device"})"));
        ASSERT_TRUE(world.put("connection", "b", R"({"protocol":"mqtt_device"})"));
        const std::uint64_t fed = ledgers->feed().value();
        EXPECT_GE(fed, 2u);
        EXPECT_EQ(ledgers->feed().value(), 0u);
        ASSERT_TRUE(world.put("connection", "a", R"({"protocol":"mqtt_device","enabled":false})"));
        EXPECT_EQ(ledgers->feed().value(), 1u);
        const auto records = world.registry->audit_records(TenantId{1}, 0, world.clock.now() + 1, 1).value();
        const std::uint64_t id = records.at(0).id;
        const auto entries = ledgers->entries_of(TenantId{1}, id, id + 100).value();
        EXPECT_EQ(entries, (std::map<std::uint64_t, std::uint64_t>{{id, fed}}));
        EXPECT_EQ((*ledgers->of(TenantId{1}))->get(fed)->body, audit_body(records[0]));
        EXPECT_NE(audit_body(records[0]).find(R"("who":"user:admin","from":"127.0.0.1","action":"updated")"),
                  std::string::npos)
            << audit_body(records[0]);
        EXPECT_TRUE(ledgers->problems().empty());
    }
    ASSERT_TRUE(world.open());
    auto ledgers = open(world).value();
    EXPECT_EQ(ledgers->feed().value(), 0u);
    ASSERT_TRUE(world.put("connection", "c", R"({"protocol":"mqtt_device"})"));
    EXPECT_EQ(ledgers->feed().value(), 1u);
    const auto there = ids(*ledgers, TenantId{1});
    EXPECT_TRUE(std::ranges::is_sorted(there));
    EXPECT_EQ(std::set(there.begin(), there.end()).size(), there.size());
}

TEST(AuditLedger, TenantsHaveLedgersOfTheirOwn) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("tenant", "plant2", R"({})"));
    const TenantId second = *world.registry->tenant_id("plant2");
    ASSERT_TRUE(world.registry->put(world.actor(second, Role::admin), "connection", "x",
                                    test::json(R"({"protocol":"mqtt_device"})")));
    auto ledgers = open(world).value();
    ASSERT_TRUE(ledgers->feed());
    ledger::Ledger& other = **ledgers->of(second);
    EXPECT_EQ(other.size(), world.registry->audit_records(second, 0, INT64_MAX, 100)->size());
    EXPECT_NE(other.name(), (*ledgers->of(TenantId{1}))->name());
    EXPECT_EQ(ledgers->of(TenantId{77}).error().code(), Code::not_found);
}

TEST(AuditLedger, EveryOperationOnFilesFailsOnce) {
    set_log_level(LogLevel::off);
    for (int n = 1;; ++n) {
        World world;
        ASSERT_TRUE(world.open());
        ASSERT_TRUE(open(world).value()->feed());
        const auto work = [&]() -> Result<void> {
            auto ledgers = TRY(open(world));
            for (const char* name : {"a", "b", "c"}) {
                TRY(world.put("connection", name, R"({"protocol":"mqtt_device"})"));
                TRY(ledgers->feed());
            }
            return {};
        };
        world.files.fail_nth(n);
        const auto done = work();
        const bool fired = world.files.fault_fired();
        if (!fired) world.files.fail_nth(1 << 30);
        world.files.crash();
        ASSERT_TRUE(world.open()) << n;
        auto ledgers = open(world);
        ASSERT_TRUE(ledgers) << n << ": " << ledgers.error().text();
        ASSERT_TRUE((*ledgers)->feed()) << n;
        const auto there = ids(**ledgers, TenantId{1});
        EXPECT_EQ(std::set(there.begin(), there.end()).size(), there.size()) << n;
        const auto records = world.registry->audit_records(TenantId{1}, 0, INT64_MAX, 1000).value();
        EXPECT_EQ(there.size(), records.size()) << n;
        EXPECT_EQ((*ledgers)->entries_of(TenantId{1}, 0, INT64_MAX)->size(), records.size()) << n;
        ledgers->reset();
        world.close();
        const auto report = verify_ledgers(world.files, test::kOptions, kFolder);
        EXPECT_TRUE(report.problems.empty()) << n << ": " << report.problems.at(0);
        EXPECT_EQ(report.records, records.size());
        if (::testing::Test::HasFailure() || (!fired && done)) break;
        ASSERT_LT(n, 10'000);
    }
    set_log_level(LogLevel::info);
}

TEST(AuditLedger, AnOlderLedgerIsFilledUpAndAnOlderRegistryIsNotMistaken) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("connection", "a", R"({"protocol":"mqtt_device"})"));
    { ASSERT_TRUE(open(world).value()->feed()); }
    const std::string of = ledger_folder(kFolder, TenantId{1});
    std::map<std::string, Buffer> kept;
    const std::vector<std::string> names = world.files.list(of).value();
    for (const std::string& name : names) kept[name] = io::read_whole(world.files, of + "/" + name, 1 << 20).value();
    ASSERT_TRUE(world.put("connection", "b", R"({"protocol":"mqtt_device"})"));
    { ASSERT_TRUE(open(world).value()->feed()); }
    for (const auto& [name, bytes] : kept) ASSERT_TRUE(io::write_whole(world.files, of + "/" + name, bytes));
    auto ledgers = open(world).value();
    EXPECT_EQ(ledgers->feed().value(), 1u);
    const auto records = world.registry->audit_records(TenantId{1}, 0, INT64_MAX, 1000).value();
    EXPECT_EQ(ids(*ledgers, TenantId{1}).size(), records.size());
}

TEST(AuditLedger, ADamagedOneIsToldAndHindersNoOther) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("tenant", "plant2", R"({})"));
    const TenantId second = *world.registry->tenant_id("plant2");
    { ASSERT_TRUE(open(world).value()->feed()); }
    world.files.corrupt(ledger_folder(kFolder, TenantId{1}) + "/00000000.entries", 30);
    ASSERT_TRUE(world.put("connection", "a", R"({"protocol":"mqtt_device"})"));
    ASSERT_TRUE(world.registry->put(world.actor(second, Role::admin), "connection", "x",
                                    test::json(R"({"protocol":"mqtt_device"})")));
    auto ledgers = open(world).value();
    EXPECT_EQ(ledgers->problems().size(), 1u);
    EXPECT_FALSE(ledgers->feed());
    EXPECT_EQ(ledgers->problems().size(), 1u);
    EXPECT_NE(ledgers->problems().at(TenantId{1}).find("00000000.entries: the record at byte 20 is damaged"),
              std::string::npos)
        << ledgers->problems().at(TenantId{1});
    EXPECT_EQ(ids(*ledgers, second).size(), world.registry->audit_records(second, 0, INT64_MAX, 100)->size());
    // A backup has its files as well, and is told.
    std::set<std::string> given;
    const auto notes = ledgers->each_file([&](const std::string& name, const std::string&, std::uint64_t) {
        given.insert(name);
        return Result<void>{};
    });
    ASSERT_TRUE(notes);
    ASSERT_EQ(notes->size(), 1u);
    EXPECT_NE(notes->at(0).find("the ledger of default could not be opened, its files are as they lie: "),
              std::string::npos)
        << notes->at(0);
    EXPECT_TRUE(given.contains("1/00000000.entries"));
    EXPECT_TRUE(given.contains(ledger_folder("", second).substr(1) + "/heads"));
}

TEST(AuditLedger, WhoEditsTheTableIsFound) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("connection", "innocent", R"({"protocol":"mqtt_device"})"));
    { ASSERT_TRUE(open(world).value()->feed()); }
    world.close();
    EXPECT_TRUE(verify_ledgers(world.files, test::kOptions, kFolder).problems.empty());
    // The name of what was changed, in the file of the database or in its write-ahead log.
    bool changed = false;
    for (const char* path : {"/data/registry/registry.db", "/data/registry/registry.db-wal"}) {
        const auto bytes = io::read_whole(world.files, path, 64 << 20);
        if (!bytes) continue;
        // The audit table's copies stand behind the action.
        for (auto at = as_text(*bytes).find("createdconnectioninnocent"); at != std::string_view::npos;
             at = as_text(*bytes).find("createdconnectioninnocent", at + 1)) {
            world.files.corrupt(path, at + 20);
            changed = true;
        }
    }
    ASSERT_TRUE(changed);
    const auto report = verify_ledgers(world.files, test::kOptions, kFolder);
    ASSERT_FALSE(report.problems.empty());
    EXPECT_NE(report.problems[0].find("is not what entry"), std::string::npos) << report.problems[0];
}

}  // namespace
}  // namespace gongshu::registry
