// Audit records in their tenant's ledger: each once, in order, whatever fails and whenever the power goes.
#include "registry/audit_ledger.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "base/log.h"
#include "base/rng.h"
#include "registry/registry_impl.h"
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

TEST(AuditLedger, StandsStillWhileItIsHeld) {
    World world;
    ASSERT_TRUE(world.open());
    auto ledgers = open(world).value();
    ASSERT_TRUE(ledgers->feed());
    ASSERT_TRUE(world.put("connection", "a", R"({"protocol":"mqtt_device"})"));
    const std::uint64_t size = (*ledgers->of(TenantId{1}))->size();
    std::thread redaction;
    {
        const auto held = ledgers->hold();
        EXPECT_EQ(ledgers->feed().value(), 0u);
        redaction = std::thread{[&] {
            const Actor admin{TenantId{1}, "default", "user:admin", Role::admin, ""};
            EXPECT_TRUE(ledgers->redact(admin, 0, "asked for"));
        }};
        EXPECT_EQ((*ledgers->of(TenantId{1}))->size(), size);
    }
    redaction.join();
    EXPECT_EQ((*ledgers->of(TenantId{1}))->size(), size + 1);
    EXPECT_EQ(ledgers->feed().value(), 1u);
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
    {
        ASSERT_TRUE(open(world).value()->feed());
    }
    const std::string of = ledger_folder(kFolder, TenantId{1});
    std::map<std::string, Buffer> kept;
    const std::vector<std::string> names = world.files.list(of).value();
    for (const std::string& name : names) kept[name] = io::read_whole(world.files, of + "/" + name, 1 << 20).value();
    ASSERT_TRUE(world.put("connection", "b", R"({"protocol":"mqtt_device"})"));
    {
        ASSERT_TRUE(open(world).value()->feed());
    }
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
    {
        ASSERT_TRUE(open(world).value()->feed());
    }
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

TEST(AuditLedger, WhatIsRedactedIsGoneEverywhere) {
    World world;
    ASSERT_TRUE(world.open());
    auto ledgers = open(world).value();
    ASSERT_TRUE(world.put("connection", "of-wang-xiaoming", R"({"protocol":"mqtt_device"})"));
    ASSERT_TRUE(world.put("connection", "other", R"({"protocol":"mqtt_device"})"));
    ASSERT_TRUE(ledgers->feed());
    ledger::Ledger& ledger = **ledgers->of(TenantId{1});
    const std::uint64_t number = ledger.size() - 2;
    ASSERT_NE(ledger.get(number)->body.find("wang"), std::string::npos);
    const Actor chief{TenantId{1}, "default", "user:chief", Role::admin, "10.0.0.1"};
    const auto f = [&](std::uint64_t entry, std::string reason, std::string_view want) {
        const auto done = ledgers->redact(chief, entry, reason);
        ASSERT_FALSE(done);
        EXPECT_NE(done.error().text().find(want), std::string::npos) << done.error().text();
    };
    f(number, "", "reason: say in 1 to 1000 bytes");
    f(number, std::string(1'001, 'x'), "reason: say in 1 to 1000 bytes");
    f(99, "he asked for it", "there is no entry 99");
    const std::uint64_t by = ledgers->redact(chief, number, "he asked for it").value();
    EXPECT_NE(ledger.get(by)->body.find(R"({"who":"user:chief","reason":"he asked for it"})"), std::string::npos);
    f(number, "again", "was redacted by entry");
    f(by, "no trace of me", "and stays");
    const auto records = world.registry->audit_records(TenantId{1}, 0, INT64_MAX, 100).value();
    const auto blank = std::ranges::count_if(records, [](const AuditRecord& record) { return record.who.empty(); });
    EXPECT_EQ(blank, 1);
    for (const AuditRecord& record : records)
        EXPECT_EQ((record.who + record.from + record.name + record.detail).find("wang"), std::string::npos);
    ledgers.reset();
    world.close();
    EXPECT_TRUE(verify_ledgers(world.files, test::kOptions, kFolder).problems.empty());
    const auto bytes = io::read_whole(world.files, std::string{kFolder} + "/1/00000000.entries", 1 << 20).value();
    EXPECT_EQ(as_text(bytes).find("wang"), std::string_view::npos);
}

// The power goes between the ledger and the table.
TEST(AuditLedger, ARedactionIsFinishedAtTheNextStart) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("connection", "of-wang", R"({"protocol":"mqtt_device"})"));
    {
        auto ledgers = open(world).value();
        ASSERT_TRUE(ledgers->feed());
        ledger::Ledger& ledger = **ledgers->of(TenantId{1});
        ASSERT_TRUE(ledger.redact(ledger.size() - 1, R"({"who":"user:chief","reason":"asked"})"));
    }
    world.close();
    const auto before = verify_ledgers(world.files, test::kOptions, kFolder);
    ASSERT_EQ(before.problems.size(), 1u);
    EXPECT_NE(before.problems[0].find("still tells of it"), std::string::npos) << before.problems[0];
    ASSERT_TRUE(world.open());
    {
        EXPECT_TRUE(open(world));
    }
    world.close();
    EXPECT_TRUE(verify_ledgers(world.files, test::kOptions, kFolder).problems.empty());
}

TEST(AuditLedger, AnchorsAllInEach) {
    World world;
    ASSERT_TRUE(world.open());
    auto ledgers = open(world).value();
    ASSERT_TRUE(world.put("connection", "a", R"({"protocol":"mqtt_device"})"));
    EXPECT_EQ(ledgers->anchor().value(), 0u);  // it is alone
    for (const char* name : {"second", "third"}) ASSERT_TRUE(world.put("tenant", name, "{}"));
    EXPECT_EQ(ledgers->anchor().value(), 3u);
    EXPECT_EQ(ledgers->anchor().value(), 0u);  // nothing came since
    ASSERT_TRUE(world.put("connection", "b", R"({"protocol":"mqtt_device"})"));
    world.clock.advance(kHour);
    EXPECT_EQ(ledgers->anchor().value(), 3u);
    std::map<TimeNs, std::set<std::string>> roots;
    std::map<TimeNs, std::string> first;
    for (const auto& [tenant, name] : world.registry->tenants()) {
        ledger::Ledger& ledger = **ledgers->of(tenant);
        for (std::uint64_t n = 0; n < ledger.size(); ++n) {
            const auto entry = ledger.get(n).value();
            if (entry.kind != kAnchorKind) continue;
            Anchor anchor = parse_anchor(entry.body).value();
            EXPECT_EQ(anchor_body(anchor), entry.body);
            EXPECT_EQ(anchor.heads, 3u);
            EXPECT_TRUE(holds(anchor, ledger.name(), ledger.hash()));
            EXPECT_EQ(ledger.root_at(anchor.own.size).value(), anchor.own.root);
            roots[anchor.round].insert(to_hex(anchor.root));
            EXPECT_FALSE(holds(anchor, "another", ledger.hash()));
            ++anchor.own.size;
            EXPECT_FALSE(holds(anchor, ledger.name(), ledger.hash()));
        }
    }
    ASSERT_EQ(roots.size(), 2u);
    for (const auto& [round, found] : roots) EXPECT_EQ(found.size(), 1u);
    const Actor chief{TenantId{1}, "default", "user:chief", Role::admin, ""};
    ledger::Ledger& own = **ledgers->of(TenantId{1});
    EXPECT_NE(ledgers->redact(chief, own.size() - 1, "why").error().text().find("is no audit record but ledger.anchor"),
              std::string::npos);
    ledgers.reset();
    world.close();
    const auto report = verify_ledgers(world.files, test::kOptions, kFolder);
    EXPECT_TRUE(report.problems.empty()) << report.problems[0];
}

// Somebody with the platform's key writes one tenant's history anew: the others still hold what it was.
TEST(AuditLedger, AHistoryThatWasRewrittenDiffersFromTheOthers) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("tenant", "second", "{}"));
    TenantId second;
    std::string uid;
    {
        auto ledgers = open(world).value();
        EXPECT_EQ(ledgers->anchor().value(), 2u);
        second = *world.registry->tenant_id("second");
        uid = (*ledgers->of(second))->name();
    }
    const std::string folder = ledger_folder(kFolder, second);
    const io::SigningKey key = dynamic_cast<RegistryImpl&>(*world.registry).ledger_key();
    std::vector<ledger::NewEntry> entries;
    {
        auto old = ledger::Ledger::open(world.files, world.clock, key, {.folder = folder, .name = uid}).value();
        for (std::uint64_t n = 0; n < old->size(); ++n) {
            const auto entry = old->get(n).value();
            // Its own anchor no longer fits, so the forger makes one that does.
            if (entry.kind != kAnchorKind) entries.push_back({entry.kind, entry.body});
        }
    }
    const auto original = world.files.list(folder).value();
    for (const std::string& name : original) ASSERT_TRUE(world.files.remove(folder + "/" + name));
    {
        auto forged = ledger::Ledger::open(world.files, world.clock, key, {.folder = folder, .name = uid}).value();
        ASSERT_TRUE(forged->append(entries));
        Anchor anchor;
        anchor.own = forged->sign_head().value();
        ledger::MerkleTree tree{ledger::HashKind::sha256};
        const auto leaf =
            ledger::leaf_hash(ledger::HashKind::sha256, as_bytes(ledger::head_text(uid, forged->hash(), anchor.own)));
        tree.append(leaf);
        anchor.heads = 1;
        anchor.root = tree.root();
        auto ledgers = open(world).value();
        ledger::Ledger& first = **ledgers->of(TenantId{1});
        for (std::uint64_t n = 0; n < first.size(); ++n)
            if (const auto entry = first.get(n).value(); entry.kind == kAnchorKind)
                anchor.round = parse_anchor(entry.body)->round;
        ASSERT_TRUE(forged->append({{std::string{kAnchorKind}, anchor_body(anchor)}}));
    }
    world.close();
    const auto report = verify_ledgers(world.files, test::kOptions, kFolder);
    const auto told = std::ranges::find_if(report.problems, [](const std::string& problem) {
        return problem.find("hold different roots of the same round") != std::string::npos;
    });
    EXPECT_NE(told, report.problems.end()) << (report.problems.empty() ? "nothing" : report.problems[0]);
}

TEST(AuditLedger, WhoEditsTheTableIsFound) {
    World world;
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("connection", "innocent", R"({"protocol":"mqtt_device"})"));
    {
        ASSERT_TRUE(open(world).value()->feed());
    }
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
