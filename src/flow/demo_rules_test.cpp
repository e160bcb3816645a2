#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "flow/flow.h"
#include "flow/virtual_tag.h"
#include "io/sim.h"
#include "registry/registry.h"
#include "registry/yaml.h"

namespace gongshu::flow {
namespace {

// library/demo is content, but it is the first thing that people see: all of it must be accepted, rules compiled.
TEST(DemoLibrary, EveryResourceIsAccepted) {
    SimClock clock;
    io::SimFiles files;
    auto registry = registry::Registry::create(files, clock, {.folder = "/r", .key_folder = "/k"}).value();
    registry->add_kind(rule_kind());
    registry->add_kind(virtual_tag_kind());
    ASSERT_TRUE(registry->load());
    const registry::Actor actor{registry->tenant_id("default").value(), "default", "system", registry::Role::admin, ""};

    std::vector<registry::Wanted> wishes;
    for (const char* name : {"calendar.yaml", "plant.yaml", "rules.yaml"}) {
        std::ifstream file(std::string(GONGSHU_SOURCE_DIR) + "/library/demo/" + name);
        std::stringstream text;
        text << file.rdbuf();
        auto documents = registry::parse_resources(text.str());
        ASSERT_TRUE(documents) << name << ": " << documents.error().text();
        for (auto& document : *documents) wishes.push_back(std::move(document.wanted));
    }
    std::size_t rules = 0;
    for (const registry::Applied& applied : registry->apply(actor, std::move(wishes))) {
        EXPECT_TRUE(applied.change) << applied.kind << " " << applied.name << ": " << applied.change.error().text();
        rules += applied.kind == "rule" ? 1 : 0;
    }
    EXPECT_GE(rules, 8u);
}

}  // namespace
}  // namespace gongshu::flow
