#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>

#include "base/rng.h"
#include "registry/test_world.h"
#include "registry/uid.h"
#include "registry/yaml.h"

namespace gongshu::registry::test {

namespace {

class RegistryTest : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(world.open()); }
    World world;
};

}  // namespace

TEST_F(RegistryTest, RefusesToDeleteWhatOthersName) {
    ASSERT_TRUE(world.put("connection", "plc", R"({"protocol":"modbus_tcp","host":"h"})"));
    ASSERT_TRUE(world.put("device_type", "pump", R"({})"));
    ASSERT_TRUE(world.put("device", "a/p1", R"({"type":"pump","connection":"plc"})"));
    const auto unknown = world.put("device", "a/p2", R"({"type":"pmp"})");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().text(), "type: there is no device_type \"pmp\"; did you mean \"pump\"?");
    const auto refused = world.registry->remove(world.admin, "connection", "plc");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::conflict);
    EXPECT_EQ(refused.error().text(), "connection \"plc\" is named by device \"a/p1\": change or delete them first");
    ASSERT_TRUE(world.open());
    EXPECT_FALSE(world.registry->remove(world.admin, "connection", "plc"));
    ASSERT_TRUE(world.put("device", "a/p1", R"({"type":"pump"})"));
    EXPECT_TRUE(world.registry->remove(world.admin, "connection", "plc"));
    EXPECT_FALSE(world.registry->remove(world.admin, "device_type", "pump"));
    ASSERT_TRUE(world.registry->remove(world.admin, "device", "a/p1"));
    EXPECT_TRUE(world.registry->remove(world.admin, "device_type", "pump"));
}

TEST_F(RegistryTest, ASiteStaysWhileAnythingLiesBeneathIt) {
    ASSERT_TRUE(world.put("device_type", "pump", "{}"));
    const auto f = [&](const char* site, const char* beneath, const char* want) {
        ASSERT_TRUE(world.put("site", site, R"({"time_zone":"UTC"})"));
        const bool is_site = std::string_view(beneath).starts_with("site ");
        const char* kind = is_site ? "site" : "device";
        const std::string name(std::string_view(beneath).substr(is_site ? 5 : 0));
        ASSERT_TRUE(world.put(kind, name.c_str(), is_site ? R"({"time_zone":"UTC"})" : R"({"type":"pump"})"));
        const auto gone = world.registry->remove(world.admin, "site", site);
        const auto moved = world.registry->rename(world.admin, "site", site, "elsewhere");
        if (!*want) {
            EXPECT_TRUE(gone) << site;
        } else {
            ASSERT_FALSE(gone) << site;
            ASSERT_FALSE(moved) << site;
            EXPECT_EQ(gone.error().code(), Code::conflict);
            EXPECT_EQ(gone.error().text(), fmt::format("the site \"{}\" cannot be deleted: {}", site, want));
            EXPECT_EQ(moved.error().text(), fmt::format("the site \"{}\" cannot be renamed: {}", site, want));
            ASSERT_TRUE(world.registry->remove(world.admin, kind, name));
            ASSERT_TRUE(world.registry->rename(world.admin, "site", site, "elsewhere"));
            ASSERT_TRUE(world.registry->remove(world.admin, "site", "elsewhere"));
        }
    };
    f("north", "north/line1/p1",
      "1 resource lies beneath it, such as device \"north/line1/p1\"; rename or delete it first, then the site");
    f("south", "site south/hall",
      "1 resource lies beneath it, such as site \"south/hall\"; rename or delete it first, then the site");
    f("nor", "north/p2", "");  // another place that begins alike
    f("west", "west2", "");
}

TEST_F(RegistryTest, RenameTakesThoseWithItThatNameIt) {
    ASSERT_TRUE(world.put("device_type", "pump", R"({})"));
    ASSERT_TRUE(world.put("device", "a/p1", R"({"type":"pump"})"));
    std::vector<std::string> told;
    world.registry->subscribe([&](const Change& change) {
        told.push_back(change.resource.kind + " " + change.resource.name + " " +
                       std::to_string(static_cast<int>(change.what)));
    });
    ASSERT_TRUE(world.registry->rename(world.admin, "device_type", "pump", "水泵"));
    EXPECT_EQ(world.registry->get(TenantId{1}, "device", "a/p1")->spec.at("type"), Json("水泵"));
    EXPECT_EQ(world.registry->get(TenantId{1}, "device", "a/p1")->revision, 2u);
    EXPECT_EQ(told, (std::vector<std::string>{"device_type pump 2", "device_type 水泵 0", "device a/p1 1"}));
    EXPECT_EQ(world.registry->rename(world.admin, "device", "a/p1", "a b").error().code(), Code::invalid);
    EXPECT_EQ(world.registry->rename(world.admin, "device", "nobody", "a/b").error().code(), Code::not_found);
    ASSERT_TRUE(world.put("device", "a/p2", R"({"type":"水泵"})"));
    EXPECT_EQ(world.registry->rename(world.admin, "device", "a/p1", "a/p2").error().code(), Code::exists);
}

TEST_F(RegistryTest, SecretsAreSealedAndShownNowhere) {
    const std::string secret = "hunter2-hunter2-hunter2", second = "swordfish-swordfish";
    const Json flag = json(R"({"secret":true})");
    auto put = [&](const Json& password) {
        return world.registry->put(world.admin, "webhook", "w",
                                   JsonObject{{"url", "https://a"}, {"password", password}}, {});
    };
    EXPECT_EQ(put(flag).error().code(), Code::invalid);  // nothing to keep yet
    const auto created = put(Json(secret));
    ASSERT_TRUE(created);
    EXPECT_EQ(created->resource.spec.at("password"), flag);
    for (const auto& difference : created->differences)
        EXPECT_EQ(to_text(difference.after).find(secret), std::string::npos);
    EXPECT_EQ(world.registry->secret(TenantId{1}, "webhook", "w", "password").value(), secret);
    EXPECT_EQ(put(Json(secret))->what, Change::What::unchanged);
    EXPECT_EQ(put(flag)->what, Change::What::unchanged);
    const auto changed = put(Json(second));
    EXPECT_EQ(changed->what, Change::What::updated);
    EXPECT_EQ(changed->differences.size(), 1u);
    ASSERT_TRUE(world.open());
    EXPECT_EQ(world.registry->secret(TenantId{1}, "webhook", "w", "password").value(), second);
    ASSERT_TRUE(world.registry->patch(world.admin, "webhook", "w", json(R"({"url":"https://b"})")));
    EXPECT_EQ(world.registry->secret(TenantId{1}, "webhook", "w", "password").value(), second);
    ASSERT_TRUE(world.registry->rollback(world.admin, "webhook", "w", 1));
    EXPECT_EQ(world.registry->secret(TenantId{1}, "webhook", "w", "password").value(), second);
    const auto revisions = world.registry->revisions(world.admin, "webhook", "w");
    ASSERT_TRUE(revisions);
    for (const Revision& revision : *revisions) {
        EXPECT_EQ(to_text(revision.spec).find("hunter2"), std::string::npos);
    }
    EXPECT_EQ(export_yaml(*world.registry, TenantId{1}).find("swordfish"), std::string::npos);
    ASSERT_TRUE(world.registry->patch(world.admin, "webhook", "w", json(R"({"password":null})")));
    EXPECT_EQ(world.registry->secret(TenantId{1}, "webhook", "w", "password").error().code(), Code::not_found);
    const std::string bytes = all_bytes(world.files, "/data/registry");
    EXPECT_GT(bytes.size(), 10'000u);
    EXPECT_EQ(bytes.find(secret), std::string::npos);
    EXPECT_EQ(bytes.find(second), std::string::npos);
}

TEST(RegistryOnDisk, WorksOnTheRealThing) {
    const std::string folder = ::testing::TempDir() + "gongshu registry " + make_uid(0);
    const auto files = io::make_posix_files();
    SimClock clock;
    const Actor admin{TenantId{1}, "default", "user:admin", Role::admin, ""};
    const RegistryOptions options{.folder = folder + "/data", .key_folder = folder + "/key"};
    for (int round = 0; round < 3; ++round) {
        auto registry = Registry::create(*files, clock, options);
        ASSERT_TRUE(registry) << registry.error().text();
        ASSERT_TRUE((*registry)->load());
        EXPECT_FALSE(Registry::create(*files, clock, options));  // one process at a time
        EXPECT_EQ((*registry)->list(TenantId{1}, "site").size(), static_cast<std::size_t>(round));
        const auto put = (*registry)->put(admin, "site", "s" + std::to_string(round), json(R"({"time_zone":"UTC"})"));
        ASSERT_TRUE(put) << put.error().text();
    }
    std::filesystem::remove_all(folder);
}

TEST_F(RegistryTest, AnotherKeyIsRefusedAtTheStart) {
    world.close();
    ASSERT_TRUE(io::write_whole(world.files, "/keys/registry.key", Buffer(32, 7)));
    const auto opened = world.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Code::corrupt);
}

// Data that was copied without its keys: nothing may be made in the place of the right key.
TEST_F(RegistryTest, WithoutItsKeyNothingIsWritten) {
    world.close();
    const Buffer key = *io::read_whole(world.files, "/keys/registry.key", 100);
    ASSERT_TRUE(world.files.remove("/keys/registry.key"));
    const std::string before = all_bytes(world.files, "/data/registry");
    RegistryOptions elsewhere = kOptions;
    elsewhere.key_folder = "/other/keys";
    for (const RegistryOptions& options : {kOptions, elsewhere}) {
        const auto opened = world.open(options);
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code(), Code::not_found);
        EXPECT_EQ(opened.error().text(),
                  options.key_folder +
                      "/registry.key is missing, but /data/registry/registry.db was made with it and cannot be read "
                      "without: put back the folder of keys, or name it with --key-folder");
        EXPECT_EQ(all_bytes(world.files, "/data/registry"), before);
    }
    EXPECT_FALSE(*world.files.exists("/keys/registry.key"));
    EXPECT_FALSE(*world.files.exists("/other"));
    ASSERT_TRUE(io::write_whole(world.files, "/keys/registry.key", key));
    EXPECT_TRUE(world.open());
}

TEST_F(RegistryTest, RolesDecide) {
    auto f = [&](Role role, const char* kind, const char* name, const char* spec, bool want) {
        const auto got = world.registry->put(world.actor(TenantId{1}, role), kind, name, json(spec), {});
        EXPECT_EQ(got.has_value(), want) << to_string(role) << " " << kind;
        if (!got) {
            EXPECT_EQ(got.error().code(), Code::denied) << got.error().text();
        }
    };
    const char* plc = R"({"protocol":"mqtt_device"})";
    f(Role::none, "connection", "a", plc, false);
    f(Role::viewer, "connection", "a", plc, false);
    f(Role::operator_, "connection", "a", plc, false);
    f(Role::engineer, "connection", "a", plc, true);
    f(Role::admin, "connection", "b", plc, true);
    f(Role::engineer, "user", "li", R"({"role":"admin"})", false);
    f(Role::admin, "user", "li", R"({"role":"admin"})", true);
    f(Role::engineer, "tenant", "t", "{}", false);
    f(Role::admin, "tenant", "t", "{}", true);
    const auto records = world.registry->audit_records(TenantId{1}, 0, world.clock.now() + 1, 100);
    ASSERT_TRUE(records);
    EXPECT_EQ(std::ranges::count(*records, false, &AuditRecord::allowed), 5);
    EXPECT_EQ(std::ranges::count(*records, "created", &AuditRecord::action), 4 + 1 + 4 + 1 - 1);
}

TEST_F(RegistryTest, TenantsSeeNothingOfEachOther) {
    ASSERT_TRUE(world.put("tenant", "plant2", "{}"));
    const auto id = world.registry->tenant_id("plant2");
    ASSERT_TRUE(id);
    EXPECT_EQ(id->value, 2u);
    const Actor other = world.actor(*id, Role::admin);
    ASSERT_TRUE(world.put("connection", "plc", R"({"protocol":"modbus_tcp","host":"one"})"));
    ASSERT_TRUE(world.registry->put(other, "connection", "plc", json(R"({"protocol":"modbus_tcp","host":"two"})")));
    ASSERT_TRUE(world.put("device_type", "pump", R"({})"));
    EXPECT_EQ(world.registry->get(TenantId{1}, "connection", "plc")->spec.at("host"), Json("one"));
    EXPECT_EQ(world.registry->get(*id, "connection", "plc")->spec.at("host"), Json("two"));
    EXPECT_FALSE(world.registry->put(other, "device", "a/p", json(R"({"type":"pump"})")));  // the other's type
    EXPECT_EQ(world.registry->list(*id, "device_type").size(), 0u);
    EXPECT_EQ(world.registry->list(*id, "role").size(), 4u);
    // Tenants are the business of the default tenant's administrators.
    EXPECT_EQ(world.registry->put(other, "tenant", "plant3", json("{}")).error().code(), Code::denied);
    EXPECT_TRUE(world.registry->list(*id, "tenant").empty());
    EXPECT_EQ(world.registry->remove(world.admin, "tenant", "default").error().code(), Code::conflict);
    EXPECT_EQ(world.registry->remove(world.admin, "tenant", "plant2").error().code(), Code::conflict);
    ASSERT_TRUE(world.registry->remove(other, "connection", "plc"));
    ASSERT_TRUE(world.registry->remove(world.admin, "tenant", "plant2"));
    EXPECT_FALSE(world.registry->tenant_id("plant2"));
    ASSERT_TRUE(world.open());
    ASSERT_TRUE(world.put("tenant", "plant2", "{}"));
    EXPECT_EQ(world.registry->tenant_id("plant2")->value, 3u);  // a number is never given twice
    const auto records = world.registry->audit_records(TenantId{2}, 0, world.clock.now() + 1, 100);
    ASSERT_TRUE(records);
    EXPECT_FALSE(records->empty());
    for (const AuditRecord& record : *records) EXPECT_EQ(record.tenant, TenantId{2});
}

TEST_F(RegistryTest, SomebodyCanAlwaysAdministrate) {
    ASSERT_TRUE(world.put("user", "admin", R"({"role":"admin"})"));
    EXPECT_EQ(world.registry->remove(world.admin, "user", "admin").error().code(), Code::conflict);
    EXPECT_EQ(world.put("user", "admin", R"({"role":"viewer"})").error().code(), Code::conflict);
    EXPECT_EQ(world.put("user", "admin", R"({"role":"admin","disabled":true})").error().code(), Code::conflict);
    ASSERT_TRUE(world.put("role", "boss", R"({"base":"admin"})"));
    ASSERT_TRUE(world.put("user", "li", R"({"role":"boss"})"));
    EXPECT_TRUE(world.registry->remove(world.admin, "user", "admin"));
    EXPECT_EQ(world.put("role", "boss", R"({"base":"viewer"})").error().code(), Code::conflict);
    EXPECT_FALSE(world.put("role", "viewer", R"({"base":"admin"})"));
    EXPECT_FALSE(world.registry->remove(world.admin, "role", "viewer"));
}

TEST_F(RegistryTest, LimitsAreNamed) {
    RegistryOptions options = kOptions;
    options.folder = "/data/small";
    options.resources_max = 8;  // four roles and the tenant itself are there
    options.spec_bytes_max = 600;
    ASSERT_TRUE(world.open(options));
    for (const char* name : {"a", "b", "c"})
        ASSERT_TRUE(world.put("connection", name, R"({"protocol":"mqtt_device"})"));
    const auto full = world.put("connection", "d", R"({"protocol":"mqtt_device"})");
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code(), Code::limit);
    EXPECT_NE(full.error().text().find("resources_max"), std::string::npos);
    const auto large = world.registry->put(world.admin, "connection", "a",
                                           JsonObject{{"protocol", "mqtt_device"}, {"host", std::string(250, 'h')}});
    EXPECT_TRUE(large);
    const auto larger = world.registry->put(
        world.admin, "role", "operator",
        JsonObject{{"base", "operator"}, {"title_en", std::string(200, 'h')}, {"title_zh", std::string(200, 'h')}});
    EXPECT_TRUE(larger);
    ASSERT_TRUE(world.registry->remove(world.admin, "connection", "a"));
    const auto site = world.registry->put(world.admin, "site", "s",
                                          JsonObject{{"time_zone", "UTC"}, {"address", std::string(700, 'h')}});
    ASSERT_FALSE(site);
    EXPECT_NE(site.error().text().find("spec_bytes_max"), std::string::npos);
}

TEST_F(RegistryTest, ApplyOrdersAndReports) {
    const auto documents = parse_resources(R"(
kind: device
name: plant1/a/p1
spec: {type: pump, connection: plc}
---
kind: connections
name: plc
spec: {protocol: modbus_tcp, host: 10.0.0.5}
---
kind: device
name: plant1/a/p2
spec: {type: nothing}
---
kind: device_type
name: pump
spec: {}
)");
    ASSERT_TRUE(documents) << documents.error().text();
    auto wishes = [&] {
        std::vector<Wanted> out;
        for (const auto& document : *documents) out.push_back(document.wanted);
        return out;
    };
    const auto dry = world.registry->apply(world.admin, wishes(), {.dry_run = true});
    EXPECT_EQ(
        to_report(dry, true),
        "created   device plant1/a/p1\ncreated   connection plc\nrefused   device plant1/a/p2: type: there is no "
        "device_type \"nothing\"\n"
        "created   device_type pump\n3 created, 0 updated, 0 unchanged, 1 refused; a dry run, nothing was stored\n");
    EXPECT_TRUE(world.registry->list(TenantId{1}, "device").empty());
    const auto none = world.registry->apply(world.admin, wishes(), {.all_or_nothing = true});
    EXPECT_TRUE(std::ranges::none_of(none, &Applied::stored));
    EXPECT_EQ(to_report(none, false),
              "would be created device plant1/a/p1\nwould be created connection plc\n"
              "refused          device plant1/a/p2: type: there is no device_type \"nothing\"\n"
              "would be created device_type pump\n"
              "3 would be created, 0 would be updated, 0 unchanged, 1 refused; nothing was stored\n");
    EXPECT_TRUE(world.registry->list(TenantId{1}, "device").empty());
    const auto done = world.registry->apply(world.admin, wishes());
    EXPECT_EQ(std::ranges::count(done, true, &Applied::stored), 3);
    EXPECT_TRUE(world.registry->find(TenantId{1}, "device", "plant1/a/p1"));
    // What was exported applies again and changes nothing.
    const auto exported = parse_resources(export_yaml(*world.registry, TenantId{1}));
    ASSERT_TRUE(exported) << exported.error().text();
    std::vector<Wanted> again;
    for (const auto& document : *exported) again.push_back(document.wanted);
    for (const Applied& applied : world.registry->apply(world.admin, again)) {
        ASSERT_TRUE(applied.change) << applied.change.error().text();
        EXPECT_EQ(applied.change->what, Change::What::unchanged) << applied.name;
    }
}

TEST_F(RegistryTest, ASubscriberCannotChangeAnythingItself) {
    Code code = Code::invalid;
    const auto subscription = world.registry->subscribe([&](const Change& change) {
        EXPECT_TRUE(world.registry->find(TenantId{1}, change.resource.kind, change.resource.name));
        code = world.put("connection", "inner", R"({"protocol":"mqtt_device"})").error().code();
    });
    ASSERT_TRUE(world.put("connection", "outer", R"({"protocol":"mqtt_device"})"));
    EXPECT_EQ(code, Code::conflict);
    world.registry->unsubscribe(subscription);
    ASSERT_TRUE(world.put("connection", "outer2", R"({"protocol":"mqtt_device"})"));
}

TEST_F(RegistryTest, ReadsRevisionsOfWhatIsGone) {
    ASSERT_TRUE(world.put("connection", "c", R"({"protocol":"mqtt_device"})"));
    ASSERT_TRUE(world.registry->remove(world.admin, "connection", "c"));
    const auto revisions = world.registry->revisions(world.admin, "connection", "c");
    ASSERT_TRUE(revisions);
    EXPECT_EQ(revisions->front().what, "deleted");
    EXPECT_TRUE(revisions->front().spec.is_null());
    EXPECT_FALSE(world.registry->rollback(world.admin, "connection", "c", 2));
    EXPECT_FALSE(world.registry->rollback(world.admin, "connection", "c", 9));
    EXPECT_EQ(world.registry->revisions(world.admin, "connection", "never").error().code(), Code::not_found);
}

// Each operation on the disk fails once. Whatever was acknowledged is there afterwards, and nothing half done.
TEST(RegistryFaults, EveryAcknowledgedChangeSurvives) {
    enum class End { restart, power_cut, torn_power_cut };
    for (const End end : {End::restart, End::power_cut, End::torn_power_cut}) {
        for (int n = 1;; ++n) {
            SCOPED_TRACE(fmt::format("operation {}, end {}", n, static_cast<int>(end)));
            Rng rng(static_cast<std::uint64_t>(n));
            World world;
            std::map<std::string, int> acknowledged, tried;
            world.files.fail_nth(n);
            const auto opened = world.open();
            if (opened) {
                for (int i = 0; i < 6; ++i) {
                    const std::string name = "c" + std::to_string(i % 3);
                    tried[name] = 1000 + i;
                    if (world.registry->put(world.admin, "connection", name,
                                            JsonObject{{"protocol", "mqtt_device"}, {"period_ms", 1000 + i}})) {
                        acknowledged[name] = 1000 + i;
                    } else if (!world.registry->read_only().empty()) {
                        break;
                    }
                }
            }
            const bool fired = world.files.fault_fired();
            world.files.fail_nth(0);
            if (end != End::restart) world.files.crash(end == End::torn_power_cut ? &rng : nullptr);
            const auto again = world.open();
            ASSERT_TRUE(again) << again.error().text();
            for (const auto& [name, period] : acknowledged) {
                const auto found = world.registry->find(TenantId{1}, "connection", name);
                ASSERT_TRUE(found) << name;
                const auto stored = found->spec.at("period_ms").as_int64();
                EXPECT_TRUE(stored == period || stored == tried[name]) << name << " " << stored;
                EXPECT_EQ(world.registry->revisions(world.admin, "connection", name)->size(), found->revision);
            }
            EXPECT_TRUE(world.put("connection", "after", R"({"protocol":"mqtt_device"})"));
            if (!fired) break;
        }
    }
}

TEST(RegistryFaults, AfterAFailedSyncNothingIsChangedAnyMore) {
    int seen = 0;
    for (int n = 1; n < 200; ++n) {
        World world;
        ASSERT_TRUE(world.open());
        world.files.fail_nth(n);
        const auto first = world.put("connection", "a", R"({"protocol":"mqtt_device"})");
        if (!world.files.fault_fired()) break;
        if (world.registry->read_only().empty()) continue;
        ++seen;
        EXPECT_EQ(world.put("connection", "b", R"({"protocol":"mqtt_device"})").error().code(), Code::unavailable);
        EXPECT_FALSE(world.registry->find(TenantId{1}, "connection", "b"));
        EXPECT_EQ(world.registry->find(TenantId{1}, "connection", "a") != nullptr, first.has_value());
        EXPECT_TRUE(world.registry->find(TenantId{1}, "tenant", "default"));
    }
    EXPECT_GE(seen, 1);
}

TEST(RegistryFaults, AFullDiskIsToldAndForgiven) {
    World world;
    ASSERT_TRUE(world.open());
    world.files.set_free_bytes(0);
    const auto refused = world.put("connection", "a", R"({"protocol":"mqtt_device"})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::unavailable) << refused.error().text();
    EXPECT_NE(refused.error().text().find("the disk is full: nothing was changed"), std::string::npos)
        << refused.error().text();
    EXPECT_FALSE(world.registry->find(TenantId{1}, "connection", "a"));
    world.files.set_free_bytes(1 << 30);
    if (world.registry->read_only().empty()) {
        EXPECT_TRUE(world.put("connection", "a", R"({"protocol":"mqtt_device"})"));
    }
    ASSERT_TRUE(world.open());
    EXPECT_TRUE(world.put("connection", "b", R"({"protocol":"mqtt_device"})"));
}

}  // namespace gongshu::registry::test
