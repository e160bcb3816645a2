#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "case/cases.h"
#include "case/kinds/kinds.h"
#include "io/crypto.h"
#include "io/sim.h"
#include "registry/json.h"

// Cases over a registry in simulated files, with a clock that stands still. For tests only.
namespace gongshu::cases::test {

inline Json json(std::string_view text) {
    auto parsed = registry::parse_json(text);
    if (!parsed) throw std::runtime_error(parsed.error().text() + " in " + std::string(text));
    return *parsed;
}
inline Fields fields(std::string_view text) { return json(text).as_object(); }

struct World {
    io::SimFiles files;
    SimClock clock;
    std::unique_ptr<registry::Registry> registry;
    std::unique_ptr<Cases> cases;
    std::vector<std::string> told;  // "CA-1 approve approved by user:gao"

    // A file "f…" is there and lies with the case that it names: "f1@DR-1".
    static Result<Json> evidence(TenantId, const std::string& id, const std::string& file) {
        if (!file.starts_with('f') || !file.ends_with("@" + id))
            return Error{Code::not_found, "there is no file {} of {}", file, id};
        return Json(JsonObject{{"id", file}, {"sha256", to_hex(io::sha256(as_bytes(file)))}});
    }

    World() { EXPECT_TRUE(open()); }

    // Opens, or closes and opens again, as a restart does.
    Result<void> open() {
        cases.reset();
        registry.reset();
        registry = TRY(registry::Registry::create(files, clock, {.folder = "/data/registry", .key_folder = "/keys"}));
        TRY(registry->load());
        cases = std::make_unique<Cases>(*registry, clock, CasesOptions{.evidence = evidence});
        TRY(cases->add_kind(change_approval_kind(), change_approval_hooks(*registry)));
        TRY(cases->add_kind(downtime_reason_kind(), downtime_reason_hooks()));
        cases->subscribe([this](const Case& one, const Step& step) {
            told.push_back(fmt::format("{} {} {} by {}", one.id, step.action, one.state, step.who));
        });
        return {};
    }

    static Doer doer(const std::string& who, Role role, std::uint32_t tenant = 1) {
        return {{TenantId{tenant}, "default", who, role, "10.0.0.1"}, who.starts_with("user:")};
    }
    Doer li = doer("user:li", Role::engineer), gao = doer("user:gao", Role::admin),
         wang = doer("user:wang", Role::operator_), zhou = doer("user:zhou", Role::engineer),
         robot = doer("token:robot", Role::admin);

    Result<Case> ask(const Doer& who, std::string_view given, std::string note = "because") {
        return cases->open(who,
                           {.kind = "change_approval", .turn = {.fields = fields(given), .note = std::move(note)}});
    }
    Result<Case> why(const Doer& who, std::string_view given) {
        return cases->open(who, {.kind = "downtime_reason",
                                 .subject = "cnc1 stood",
                                 .place = "site/cnc1",
                                 .turn = {.fields = fields(given)}});
    }
    // "approved", or why not.
    std::string act(const Doer& who, const std::string& id, const std::string& action, std::string_view given = "{}",
                    std::string note = "") {
        const auto done = cases->act(who, id, action, {.fields = fields(given), .note = std::move(note)});
        return done ? done->state : done.error().text();
    }
    std::string verified() {
        const auto report = cases->verify(TenantId{1});
        if (!report) return report.error().text();
        std::string text;
        for (const std::string& problem : report->problems) text += problem + "\n";
        return text;
    }
};

}  // namespace gongshu::cases::test
