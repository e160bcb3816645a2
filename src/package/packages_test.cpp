#include "package/packages.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>

#include "base/rng.h"
#include "flow/flow.h"
#include "flow/virtual_tag.h"
#include "io/crypto.h"
#include "io/sim.h"
#include "registry/yaml.h"

namespace gongshu::package {
namespace {

using registry::Actor;
using registry::Role;

Buffer bytes_of(std::string_view text) { return {text.begin(), text.end()}; }
std::string error_of(const auto& result) { return result ? std::string("no error") : result.error().text(); }
bool tells(const auto& result, std::string_view what) { return error_of(result).find(what) != std::string::npos; }

const io::SignerKey& signer() {
    static const auto key = io::SignerKey::generate(io::SignerAlgorithm::ed25519).value();
    return key;
}

Buffer make(const std::string& name, const std::string& version, const std::string& resources,
            const std::string& more = "", const io::SignerKey& key = signer()) {
    std::vector<ArchiveEntry> source{
        {"manifest.yaml", bytes_of("name: " + name + "\nversion: " + version + "\nlicence: MIT\n" + more)},
        {"resources/r.yaml", bytes_of(resources)}};
    auto built = build_package(std::move(source), Signing{key, "ACME"});
    EXPECT_TRUE(built) << error_of(built);
    return built.value_or(Buffer{});
}

struct World {
    io::SimFiles own_files;
    io::SimFiles& files = own_files;
    SimClock clock;
    std::unique_ptr<registry::Registry> registry;
    std::unique_ptr<Packages> packages;
    const Actor admin{TenantId{1}, "default", "user:admin", Role::admin, ""};

    Result<void> open() {
        packages.reset();
        registry.reset();
        registry = TRY(registry::Registry::create(files, clock, {.folder = "/data/registry", .key_folder = "/keys"}));
        for (auto& kind : {flow::rule_kind(), flow::virtual_tag_kind(), trusted_signer_kind(), package_kind()})
            registry->add_kind(kind);
        TRY(registry->load());
        registry->set_last_check([](const registry::ResourceReader&, const registry::Resource& next) {
            return Packages::check_by_hand(next);
        });
        packages = TRY(Packages::create(files, *registry, {.folder = "/data/packages", .program = "0.1.0"}));
        return {};
    }
    Result<void> trust(const io::SignerKey& key = signer()) {
        const Buffer bytes = key.public_key();
        TRY(registry->put(admin, "trusted_signer", "acme",
                          Json(JsonObject{{"title", "ACME"}, {"algorithm", "ed25519"}, {"key", io::base64(bytes)}})));
        return {};
    }
    Result<registry::Change> put(const char* kind, const char* name, const char* yaml) {
        return registry->put(admin, kind, name, registry::parse_yaml(yaml).value());
    }
    std::string text(const char* kind, const char* name, const char* field) {
        const auto found = registry->find(TenantId{1}, kind, name);
        if (!found) return "missing";
        const Json* const value = found->spec.get_object().if_contains(field);
        return value == nullptr     ? "null"
               : value->is_string() ? std::string(value->get_string())
                                    : registry::to_text(*value);
    }
    std::string dump() { return registry::export_yaml(*registry, TenantId{1}); }
};

class Installed : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(w.open());
        ASSERT_TRUE(w.trust());
    }
    World w;
};

constexpr const char* kFan = R"(kind: device_type
name: fan
spec:
  title_zh: 风机
  title_en: Fan
  properties:
    - {name: vibration, type: number, unit: mm/s}
---
kind: rule
name: fan-high
spec: {device_type: fan, condition: vibration > 4 mm/s, title_zh: 高, title_en: High, severity: major}
)";
constexpr const char* kFan2 = R"(kind: device_type
name: fan
spec:
  title_zh: 风机
  title_en: Fan of 2
  properties:
    - {name: vibration, type: number, unit: mm/s}
    - {name: power, type: number, unit: kW}
---
kind: rule
name: fan-high
spec: {device_type: fan, condition: vibration > 5 mm/s, title_zh: 高, title_en: High, severity: major}
---
kind: rule
name: fan-low
spec: {device_type: fan, condition: vibration < 1 mm/s, title_zh: 低}
)";

TEST_F(Installed, ComesWholeAndGoesWhole) {
    const std::string before = w.dump();
    const auto dry = w.packages->plan(w.admin, make("fan", "1.0.0", kFan), {}).value();
    EXPECT_EQ(dry.action, "install");
    EXPECT_EQ(dry.trusted_as, "acme");
    EXPECT_EQ(dry.problems, std::vector<std::string>{});
    EXPECT_EQ(w.dump(), before);
    const auto plan = w.packages->install(w.admin, make("fan", "1.0.0", kFan), {});
    ASSERT_TRUE(plan) << error_of(plan);
    EXPECT_TRUE(plan->stored);
    ASSERT_EQ(plan->steps.size(), 2u);
    EXPECT_EQ(plan->steps[0].kind, "device_type");
    EXPECT_EQ(plan->steps[0].what, Step::What::create);
    EXPECT_EQ(w.text("package", "fan", "version"), "1.0.0");
    EXPECT_TRUE(tells(w.packages->install(w.admin, make("fan", "1.0.0", kFan), {}), "is installed already"));
    ASSERT_TRUE(w.open());
    EXPECT_EQ(w.text("rule", "fan-high", "condition"), "vibration > 4 mm/s");
    const auto gone = w.packages->uninstall(w.admin, "fan", {});
    ASSERT_TRUE(gone) << error_of(gone);
    EXPECT_EQ(w.dump(), before);
    ASSERT_TRUE(w.open());  // a start removes files that nothing names
    EXPECT_EQ(w.files.list("/data/packages").value().size(), 0u);
}

TEST_F(Installed, AnUnknownSignerIsRefusedAndToldWhatToDo) {
    const auto other = io::SignerKey::generate(io::SignerAlgorithm::sm2).value();
    const std::string before = w.dump();
    const auto refused = w.packages->install(w.admin, make("fan", "1.0.0", kFan, "", other), {});
    EXPECT_TRUE(tells(refused, "is not trusted here"));
    EXPECT_TRUE(tells(refused, "an administrator adds the key as a trusted signer"));
    EXPECT_EQ(refused.error().code(), Code::denied);
    EXPECT_EQ(w.dump(), before);
    const auto records = w.registry->audit_records(TenantId{1}, 0, INT64_MAX, 10).value();
    EXPECT_EQ(records.front().action, "refused");
    EXPECT_EQ(records.front().kind, "package");
}

TEST_F(Installed, NobodyWritesARecordByHand) {
    ASSERT_TRUE(w.packages->install(w.admin, make("fan", "1.0.0", kFan), {}));
    auto spec = w.registry->get(TenantId{1}, "package", "fan")->spec;
    spec.get_object()["version"] = "9.0.0";
    EXPECT_TRUE(tells(w.registry->put(w.admin, "package", "fan", spec), "not written by hand"));
    EXPECT_TRUE(tells(w.registry->rename(w.admin, "package", "fan", "other"), "not written by hand"));
}

TEST_F(Installed, OnlyAdministratorsTrust) {
    const Actor engineer{TenantId{1}, "default", "user:li", Role::engineer, ""};
    const Buffer key = signer().public_key();
    const auto refused =
        w.registry->put(engineer, "trusted_signer", "mine",
                        Json(JsonObject{{"title", "me"}, {"algorithm", "ed25519"}, {"key", io::base64(key)}}));
    EXPECT_TRUE(tells(refused, "takes admin"));
    EXPECT_TRUE(tells(w.put("trusted_signer", "bad",
                            "{title: x, algorithm: sm2, key: '"
                            "MCowBQYDK2VwAyEAK+pzf0h0AS1RW8K0bcgXss86wVLiM9UVcLHu21kOVRk='}"),
                      "algorithm: the key is one of ed25519"));
    EXPECT_TRUE(tells(w.put("trusted_signer", "bad", "{title: x, algorithm: sm2, key: AAAA}"), "key"));
}

TEST_F(Installed, WhatWasThereBeforeIsAConflict) {
    ASSERT_TRUE(
        w.put("device_type", "fan", "{title_en: Mine, properties: [{name: vibration, type: number, unit: mm/s}]}"));
    const std::string before = w.dump();
    const auto refused = w.packages->install(w.admin, make("fan", "1.0.0", kFan), {});
    EXPECT_TRUE(tells(refused, "device_type \"fan\": it was there before and is different")) << error_of(refused);
    EXPECT_TRUE(tells(refused, "conflicts=keep"));
    EXPECT_EQ(w.dump(), before);
    const auto kept = w.packages->install(w.admin, make("fan", "1.0.0", kFan), {.on_conflict = OnConflict::keep});
    ASSERT_TRUE(kept) << error_of(kept);
    EXPECT_EQ(w.text("device_type", "fan", "title_en"), "Mine");
    ASSERT_TRUE(w.packages->uninstall(w.admin, "fan", {}));
    EXPECT_EQ(w.dump(), before);  // it was there before the package, so it stays
    const auto taken = w.packages->install(w.admin, make("fan", "1.0.0", kFan), {.on_conflict = OnConflict::take});
    ASSERT_TRUE(taken) << error_of(taken);
    EXPECT_EQ(w.text("device_type", "fan", "title_en"), "Fan");
}

TEST_F(Installed, AnUpgradeIsAThreeWayDifference) {
    ASSERT_TRUE(w.packages->install(w.admin, make("fan", "1.0.0", kFan), {}));
    // The package does not touch this.
    ASSERT_TRUE(w.registry->patch(w.admin, "rule", "fan-high", Json(JsonObject{{"severity", "critical"}})));
    const auto plan = w.packages->upgrade(w.admin, "fan", make("fan", "2.0.0", kFan2), {});
    ASSERT_TRUE(plan) << error_of(plan);
    EXPECT_EQ(plan->from, "1.0.0");
    EXPECT_EQ(plan->to, "2.0.0");
    EXPECT_EQ(w.text("rule", "fan-high", "severity"), "critical");
    EXPECT_EQ(w.text("rule", "fan-high", "condition"), "vibration > 5 mm/s");
    EXPECT_EQ(w.text("rule", "fan-low", "title_zh"), "低");
    EXPECT_EQ(w.text("device_type", "fan", "title_en"), "Fan of 2");
    // And back, with what people changed.
    const auto back = w.packages->rollback(w.admin, "fan", {});
    ASSERT_TRUE(back) << error_of(back);
    EXPECT_EQ(w.text("rule", "fan-high", "severity"), "critical");
    EXPECT_EQ(w.text("rule", "fan-high", "condition"), "vibration > 4 mm/s");
    EXPECT_EQ(w.text("rule", "fan-low", "title_zh"), "missing");
    EXPECT_EQ(w.text("device_type", "fan", "title_en"), "Fan");
    EXPECT_TRUE(tells(w.packages->rollback(w.admin, "fan", {}), "there is none to go back to"));
}

TEST_F(Installed, WhatBothChangedIsAConflict) {
    ASSERT_TRUE(w.packages->install(w.admin, make("fan", "1.0.0", kFan), {}));
    ASSERT_TRUE(w.registry->patch(w.admin, "rule", "fan-high",
                                  Json(JsonObject{{"condition", "vibration > 9 mm/s"}, {"severity", "minor"}})));
    const std::string before = w.dump();
    const auto refused = w.packages->upgrade(w.admin, "fan", make("fan", "2.0.0", kFan2), {});
    EXPECT_TRUE(tells(refused, "somebody changed it since it was installed")) << error_of(refused);
    EXPECT_EQ(w.dump(), before);
    const auto plan = w.packages->plan(w.admin, make("fan", "2.0.0", kFan2), {}).value();
    EXPECT_EQ(plan.conflicts(), 1u);
    const auto conflict = std::ranges::find(plan.steps, Step::What::conflict, &Step::what);
    ASSERT_EQ(conflict->kept.size(), 1u);
    EXPECT_EQ(conflict->kept[0].path, "condition");
    const auto keep =
        w.packages->upgrade(w.admin, "fan", make("fan", "2.0.0", kFan2), {.on_conflict = OnConflict::keep});
    ASSERT_TRUE(keep) << error_of(keep);
    EXPECT_EQ(w.text("rule", "fan-high", "condition"), "vibration > 9 mm/s");
    ASSERT_TRUE(w.packages->rollback(w.admin, "fan", {.on_conflict = OnConflict::take}));
    const auto take =
        w.packages->upgrade(w.admin, "fan", make("fan", "2.0.0", kFan2), {.on_conflict = OnConflict::take});
    ASSERT_TRUE(take) << error_of(take);
    EXPECT_EQ(w.text("rule", "fan-high", "condition"), "vibration > 5 mm/s");
    EXPECT_EQ(w.text("rule", "fan-high", "severity"), "minor");  // that only people changed
}

TEST_F(Installed, WhatStandsInTheWayIsNamed) {
    ASSERT_TRUE(w.packages->install(w.admin, make("fan", "1.0.0", kFan), {}));
    ASSERT_TRUE(w.put("rule", "mine", "{device_type: fan, condition: vibration > 1 mm/s}"));
    const std::string before = w.dump();
    const auto refused = w.packages->uninstall(w.admin, "fan", {});
    EXPECT_TRUE(tells(refused, "rule \"mine\" stays and names device_type \"fan\"")) << error_of(refused);
    EXPECT_EQ(w.dump(), before);
    ASSERT_TRUE(w.registry->remove(w.admin, "rule", "mine"));
    ASSERT_TRUE(w.registry->patch(w.admin, "rule", "fan-high", Json(JsonObject{{"severity", "minor"}})));
    EXPECT_TRUE(tells(w.packages->uninstall(w.admin, "fan", {}), "which would be lost"));
    EXPECT_TRUE(w.packages->uninstall(w.admin, "fan", {.on_conflict = OnConflict::take}));
    EXPECT_EQ(w.text("rule", "fan-high", "severity"), "missing");
}

TEST_F(Installed, DependenciesAreToldInWords) {
    const auto site = [](const char* name) {
        return fmt::format("kind: site\nname: {}\nspec: {{time_zone: UTC}}\n", name);
    };
    const Buffer user = make("user", "1.0.0", site("u"), "needs: [{name: base, versions: ^1.2.0}]\n");
    EXPECT_TRUE(
        tells(w.packages->install(w.admin, user, {}), "it needs the package \"base\" ^1.2.0, which is not installed"));
    ASSERT_TRUE(w.packages->install(w.admin, make("base", "1.0.0", site("b")), {}));
    EXPECT_TRUE(
        tells(w.packages->install(w.admin, user, {}), "it needs the package \"base\" ^1.2.0, but 1.0.0 is installed"));
    ASSERT_TRUE(w.packages->upgrade(w.admin, "base", make("base", "1.3.0", site("b")), {}));
    ASSERT_TRUE(w.packages->install(w.admin, user, {}));
    EXPECT_TRUE(tells(w.packages->upgrade(w.admin, "base", make("base", "2.0.0", site("b")), {}),
                      "the package \"user\" 1.0.0 needs it at ^1.2.0"));
    EXPECT_TRUE(tells(w.packages->rollback(w.admin, "base", {}), "the package \"user\" 1.0.0 needs it at ^1.2.0"));
    EXPECT_TRUE(tells(w.packages->uninstall(w.admin, "base", {}), "the package \"user\" 1.0.0 needs it"));
    EXPECT_TRUE(tells(w.packages->install(w.admin, make("late", "1.0.0", site("l"), "platform: '>=2.0.0'\n"), {}),
                      "it is for platforms of version >=2.0.0, this one is 0.1.0"));
    EXPECT_TRUE(tells(w.packages->upgrade(w.admin, "base", make("base", "1.2.0", site("b")), {}), "older than 1.3.0"));
    EXPECT_TRUE(
        tells(w.packages->upgrade(w.admin, "base", make("base", "1.3.0", site("c")), {}), "with other contents"));
    EXPECT_TRUE(tells(w.packages->upgrade(w.admin, "user", make("base", "1.4.0", site("b")), {}), "not \"user\""));
    EXPECT_TRUE(tells(w.packages->upgrade(w.admin, "new", make("new", "1.4.0", site("b")), {}), "is not installed"));
}

TEST_F(Installed, GuardsHoldAsForAnybody) {
    const Actor viewer{TenantId{1}, "default", "user:guest", Role::viewer, ""};
    EXPECT_TRUE(tells(w.packages->install(viewer, make("fan", "1.0.0", kFan), {}), "takes engineer"));
    ASSERT_TRUE(w.put("approval_policy", "rules", "{kinds: [rules]}"));
    const std::string before = w.dump();
    EXPECT_TRUE(tells(w.packages->install(w.admin, make("fan", "1.0.0", kFan), {}), "needs approval"));
    EXPECT_EQ(w.dump(), before);
}

TEST_F(Installed, TwoPackagesMayHaveTheSame) {
    ASSERT_TRUE(w.packages->install(w.admin, make("a", "1.0.0", kFan), {}));
    const auto b = w.packages->install(w.admin, make("b", "1.0.0", kFan), {});
    ASSERT_TRUE(b) << error_of(b);
    EXPECT_EQ(b->steps[0].what, Step::What::adopt);
    ASSERT_TRUE(w.packages->uninstall(w.admin, "a", {}));
    EXPECT_EQ(w.text("device_type", "fan", "title_en"), "Fan");
    ASSERT_TRUE(w.packages->uninstall(w.admin, "b", {}));  // its own now
    EXPECT_EQ(w.text("device_type", "fan", "title_en"), "missing");
}

TEST_F(Installed, ParametersHoldOnAcrossVersions) {
    constexpr const char* kParameters = "parameters: [{name: limit, type: number, preset: 4}]\n";
    const std::string resources =
        std::string(kFan).replace(std::string(kFan).find("vibration > 4 mm/s"), 18, "'vibration > ${limit} mm/s'");
    ASSERT_TRUE(w.packages->install(w.admin, make("fan", "1.0.0", resources, kParameters),
                                    {.parameters = {{"limit", Json("7")}}}));
    EXPECT_EQ(w.text("rule", "fan-high", "condition"), "vibration > 7 mm/s");
    ASSERT_TRUE(w.packages->upgrade(w.admin, "fan", make("fan", "1.1.0", resources, kParameters), {}));
    EXPECT_EQ(w.text("rule", "fan-high", "condition"), "vibration > 7 mm/s");
    // The same version with another value.
    const auto again = w.packages->upgrade(w.admin, "fan", make("fan", "1.1.0", resources, kParameters),
                                           {.parameters = {{"limit", Json(8)}}});
    ASSERT_TRUE(again) << error_of(again);
    EXPECT_EQ(w.text("rule", "fan-high", "condition"), "vibration > 8 mm/s");
}

TEST_F(Installed, VerifyTellsWhatIsDifferent) {
    ASSERT_TRUE(w.packages->install(w.admin, make("fan", "2.0.0", kFan2), {}));
    auto found = w.packages->verify(TenantId{1}, "fan").value();
    for (const Step& step : found.steps) EXPECT_EQ(step.what, Step::What::unchanged) << step.name;
    ASSERT_TRUE(w.registry->patch(w.admin, "rule", "fan-high", Json(JsonObject{{"severity", "minor"}})));
    ASSERT_TRUE(w.registry->remove(w.admin, "rule", "fan-low"));
    found = w.packages->verify(TenantId{1}, "fan").value();
    EXPECT_EQ(found.steps[1].what, Step::What::change);
    EXPECT_EQ(found.steps[1].differences[0].path, "severity");
    EXPECT_EQ(found.steps[2].what, Step::What::remove);
    EXPECT_EQ(verify_package_files(w.files, "/data/packages").problems, std::vector<std::string>{});
    const std::string name = w.files.list("/data/packages").value().at(0);
    w.files.corrupt("/data/packages/" + name, 2000);
    EXPECT_EQ(verify_package_files(w.files, "/data/packages").problems.size(), 1u);
    EXPECT_NE(w.packages->verify(TenantId{1}, "fan")->problem.find("entry"), std::string::npos);
}

// Whatever fails and whenever the power goes: the version before or the one after, never a part.
TEST(PackagesDurable, EachFailureLeavesTheOldOrTheNew) {
    int stored = 0, n = 1;
    for (;; ++n) {
        World w;
        ASSERT_TRUE(w.open());
        ASSERT_TRUE(w.trust());
        ASSERT_TRUE(w.packages->install(w.admin, make("fan", "1.0.0", kFan), {}));
        const std::string before = w.dump();
        w.files.fail_nth(n);
        const auto plan = w.packages->upgrade(w.admin, "fan", make("fan", "2.0.0", kFan2), {});
        const bool fired = w.files.fault_fired();
        w.files.crash();
        ASSERT_TRUE(w.open()) << "operation " << n;
        const bool is_new = w.text("package", "fan", "version") == "2.0.0";
        EXPECT_TRUE(is_new || !plan || !plan->stored) << "operation " << n;
        stored += is_new ? 1 : 0;
        EXPECT_EQ(w.text("rule", "fan-low", "title_zh"), is_new ? "低" : "missing");
        EXPECT_EQ(w.text("device_type", "fan", "title_en"), is_new ? "Fan of 2" : "Fan");
        EXPECT_TRUE(is_new || w.dump() == before) << "operation " << n;
        EXPECT_EQ(w.packages->verify(TenantId{1}, "fan")->problem, "");
        EXPECT_TRUE(w.packages->uninstall(w.admin, "fan", {}));
        if (!fired) break;
    }
    EXPECT_GT(n, 5);
    EXPECT_GT(stored, 0);
}

int sequences() {
    const char* text = std::getenv("PACKAGE_SEQUENCES");
    int count = 5;
    if (text != nullptr) std::from_chars(text, text + std::string_view(text).size(), count);
    return count;
}

// Random people do random things. What holds: refused = nothing changed, a dry run changes nothing, and when all
// packages are gone and nobody changed anything by hand, all is as before the first.
TEST(PackagesRandom, AllOrNothingAndBackToTheBeginning) {
    for (int seed = 0; seed < sequences(); ++seed) {
        SCOPED_TRACE(seed);
        Rng rng{static_cast<std::uint64_t>(seed)};
        World w;
        ASSERT_TRUE(w.open());
        ASSERT_TRUE(w.trust());
        const std::string begin = w.dump();
        const char* const kNames[] = {"a", "b"};
        bool by_hand = false;  // or left on purpose
        for (int step = 0; step < 20; ++step) {
            const std::string before = w.dump(), name = kNames[rng.below(2)];
            std::string resources;
            for (int i = 0; i < 3; ++i)
                if (rng.chance(0.6))
                    resources += fmt::format("---\nkind: site\nname: {}{}\nspec: {{time_zone: UTC, title_en: t{}}}\n",
                                             rng.chance(0.8) ? name : "x", i, rng.below(3));
            Request request{.on_conflict = static_cast<OnConflict>(rng.below(3)), .dry_run = rng.chance(0.2)};
            const std::string version = fmt::format("1.{}.0", rng.below(6));
            const auto action = rng.below(5);
            std::optional<Result<Plan>> done;
            if (action == 0) done = w.packages->install(w.admin, make(name, version, resources), request);
            if (action == 1) done = w.packages->upgrade(w.admin, name, make(name, version, resources), request);
            if (action == 2) done = w.packages->rollback(w.admin, name, request);
            if (action == 3) done = w.packages->uninstall(w.admin, name, request);
            if (action == 4 && rng.chance(0.4)) {
                const std::string site = name + std::to_string(rng.below(3));
                by_hand = w.registry->patch(w.admin, "site", site, Json(JsonObject{{"title_zh", "手"}})).has_value() ||
                          by_hand;
                continue;
            }
            if (!done) continue;
            // Who says that what differs stays when a package goes has it afterwards: of a package that two had, too.
            if (action == 3 && request.on_conflict == OnConflict::keep && *done && (**done).stored)
                by_hand = by_hand || std::ranges::any_of((**done).steps,
                                                         [](const Step& one) { return one.what == Step::What::leave; });
            EXPECT_TRUE((*done && (**done).stored) || w.dump() == before);
            if (rng.chance(0.1)) {
                w.files.crash();
                const std::string kept = w.dump();
                ASSERT_TRUE(w.open());
                EXPECT_EQ(w.dump(), kept);
            }
        }
        for (const char* name : kNames)
            std::ignore = w.packages->uninstall(w.admin, name, {.on_conflict = OnConflict::take});
        EXPECT_TRUE(w.registry->list_shared(TenantId{1}, "package").empty());
        EXPECT_TRUE(by_hand || w.dump() == begin);
    }
}

}  // namespace
}  // namespace gongshu::package
