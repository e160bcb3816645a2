#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "api/testing/world_test.h"
#include "io/crypto.h"
#include "registry/json.h"

namespace gongshu::api::test {

inline constexpr TimeNs kTime = 1'700'000'000 * kSecond - 1;  // just before SimClock begins

// Two places of which a limited administrator has one. Every name outside holds the word "outside".
class Plant : public World {
public:
    Plant() {
        put("device_type", "mill", R"({"properties":[{"name":"x","type":"number"},{"name":"y","type":"number"}]})");
        put("tenant", "outside-tenant", "{}");
        put("calendar", "usual", "{}");
        put("device_template", "mills",
            R"({"parameters":[{"name":"place"},{"name":"n"},{"name":"plc","required":false}],)"
            R"("device":{"name":"${place}/d${n}","spec":{"type":"mill","connection":"${plc}"}}})");
        put("mapping", "outside-mapping", R"({"topic":"a","take":[{"value":"$.x","tag":"outside/d1.x"}]})");
        for (const std::string where : {"inside", "outside"}) {
            put("site", where, R"({"time_zone":"Asia/Shanghai"})");
            put("connection", where + "-plc", R"({"protocol":"modbus_tcp","host":"192.0.2.1"})");
            put("device", where + "/d1", fmt::format(R"({{"type":"mill","connection":"{}-plc"}})", where));
            put("rule", where + "-rule", fmt::format(R"({{"device":"{}/d1","condition":"x > 3"}})", where));
            put("dashboard", where + "-board",
                fmt::format(R"({{"widgets":[{{"kind":"tile","tags":["{}/d1.x"]}}]}})", where));
            put("saved_view", where + "-view",
                fmt::format(R"({{"title":"a","page":"tags","owner":"user:li","shared":true,"query":)"
                            R"({{"tag":["{}/d1.x"]}}}})",
                            where));
            put("role", where + "-role", fmt::format(R"({{"base":"viewer","paths":["{}/**"]}})", where));
            put("user", where + "-user", fmt::format(R"({{"role":"{}-role"}})", where));
            put("token", where + "-token", fmt::format(R"({{"role":"{}-role"}})", where));
            put("virtual_tag", where + "/v.x", fmt::format(R"({{"expr":"{}/d1.x * 2"}})", where));
            flow.fake_virtual_tags.kept_states.push_back(
                {.name = where + "/v.x", .path = where + "/v.x", .why_en = "of " + where, .why_zh = "of " + where});
            flow.fake_virtual_tags.jobs.push_back(
                {.id = where == "inside" ? "6" : "7", .tenant = TenantId{1}, .name = where + "/v.x"});
            raise(where == "inside" ? "01" : "02", where);
            last(where);
            bury(where);
            connect::ConnectionStatus link;
            link.name = where + "-plc";
            connections.links.push_back(link);
        }
        put("virtual_tag", "inside/v.mixed", R"({"expr":"inside/d1.x + outside/d1.x"})");
        put("tag_alias", "inside-alias", R"({"target":"inside/d1.x"})");
        put("tag_alias", "inside/alias", R"({"target":"inside/d1.x"})");
        put("tag_alias", "outside-alias", R"({"target":"outside/d1.x"})");
        put("tag_alias", "inside/way-out", R"({"target":"outside/d1.x"})");
        put("role", "chief", R"({"base":"admin","paths":["inside/**"]})");
        limited = token("chief");
        all = token("admin");
        put("retention", "outside-all", R"({"tags":["outside/**"],"keep":"400d"})");
        put("hold", "outside-hold", R"({"tags":["outside/**"],"reason":"accident"})");
        put("approval_policy", "outside-policy", R"({"kinds":["sites"],"names":["outside-only"]})");
        put("modbus_server", "outside-server",
            R"({"host":"127.0.0.1","port":1502,"entries":[{"tag":"outside/d1.x","kind":"holding","address":0,"encoding":"f32"}]})");
        put("message_hook", "outside-hook", R"({"channel":"webhook","url":"http://outside.example/","disabled":true})");
        install_outside();
        for (const char* where : {"inside", "outside"}) {
            const cases::Doer doer{{TenantId{1}, "default", "user:li", registry::Role::engineer, ""}};
            EXPECT_TRUE(cases->open(
                doer,
                {.kind = "downtime_reason",
                 .turn = {.fields = registry::parse_json(
                                        fmt::format(R"({{"asset":"{}/d1","from":"2026-03-01T08:00:00Z"}})", where))
                                        .value()
                                        .as_object()}}));
        }
        for (const char* where : {"inside", "outside"}) {
            const std::string sent =
                as(all, "POST", fmt::format("/api/v1/blobs?owner=device:{}%2Fd1&name=of", where), where).body;
            blob_outside = std::string_view(registry::parse_json(sent).value().at("id").as_string());
        }
        put("device", "inside/old", R"({"type":"mill"})");
        EXPECT_EQ(
            as(all, "POST", "/api/v1/write/json",
               fmt::format(R"([{{"tag":"inside/d1.x","ts":{0},"value":1}},{{"tag":"outside/d1.x","ts":{0},"value":1}},)"
                           R"({{"tag":"inside/old.x","ts":{0},"value":1}}])",
                           kTime))
                .status,
            204);
        // It moved away; its address of before is still known.
        const auto moved = registry->rename(system(), "device", "inside/old", "outside/moved");
        EXPECT_TRUE(moved && history->move_source(TenantId{1}, "d:" + moved->resource.uid, "outside/moved"));
        EXPECT_EQ(history->find(TenantId{1}, "inside/old.x")->path, "outside/moved.x");
    }

    registry::Actor system() const { return {TenantId{1}, "default", "system", registry::Role::admin, ""}; }

    void put(std::string_view kind, const std::string& name, std::string_view spec) {
        const auto made = registry->put(system(), kind, name, registry::parse_json(spec).value());
        EXPECT_TRUE(made) << kind << " " << name << ": " << (made ? "" : made.error().text());
    }

    // A package that makes nothing.
    void install_outside() {
        const auto key = io::SignerKey::generate(io::SignerAlgorithm::ed25519).value();
        const Buffer bytes = key.public_key();
        put("trusted_signer", "outside-signer",
            fmt::format(R"({{"title":"a","algorithm":"ed25519","key":"{}"}})", io::base64(bytes)));
        const std::string manifest = "name: outside-package\nversion: 1.0.0\nlicence: MIT\n";
        const auto file = package::build_package({{"manifest.yaml", Buffer(manifest.begin(), manifest.end())}},
                                                 package::Signing{key, "outside"})
                              .value();
        EXPECT_TRUE(packages->install(system(), file, {}));
    }

    // Everything that must not have changed, as text.
    std::string outside() {
        std::string text;
        for (const registry::Kind* kind : registry->kinds()) {
            for (const auto& one : registry->list_shared(TenantId{1}, kind->name)) {
                if (one->name.find("outside") == std::string::npos && one->name != "mill" && one->name != "usual")
                    continue;
                text += fmt::format("{} {} {} {}\n", one->kind, one->name, one->revision, registry::to_text(one->spec));
            }
        }
        for (const TagInfo& tag : history->match(TenantId{1}, "outside/**", 100))
            text += fmt::format("{} {}\n", tag.path, to_string(history->last(tag.id)->value));
        for (const auto& [id, alarm] : flow.fake_alarms.alarms) {
            if (alarm.device == "outside/d1") text += fmt::format("alarm {} {}\n", id, alarm.journal.size());
        }
        return text + fmt::format("{} commands\n", connections.commands.size());
    }

    std::string limited, all;
    std::string letter_outside;  // id of a dead letter of there
    std::string interval_outside, blob_outside;

private:
    void raise(const std::string& id, const std::string& where) {
        flow::Alarm alarm;
        alarm.id = id;
        alarm.tenant = TenantId{1};
        alarm.rule = where + "-rule";
        alarm.device = where + "/d1";
        alarm.tag = where + "/d1.x";
        alarm.severity = flow::Severity::major;
        alarm.message_en = alarm.message_zh = where;
        alarm.why.condition = "x > 3";
        alarm.why.text_en = alarm.why.text_zh = "outside/d1.y is 7";
        alarm.why.values = {{where + "/d1.x", "x", kTime, Value{4.0}, "", kGood},
                            {"outside/d1.y", "y", kTime, Value{7.0}, "", kGood}};
        alarm.raised = kTime;
        flow.fake_alarms.raise(alarm);
        flow.fake_alarms.kept_shelves.push_back({.tenant = TenantId{1}, .rule = alarm.rule, .reason = where});
        flow.fake_alarms.kept_shelves.push_back(
            {.tenant = TenantId{1}, .rule = "any", .device = alarm.device, .reason = where});
    }

    // Something that lasts, of a place.
    void last(const std::string& where) {
        Interval one;
        one.tenant = TenantId{1};
        one.subject = "d:" + registry->find(TenantId{1}, "device", where + "/d1")->uid;
        one.path = where + "/d1";
        one.kind = "batch_" + where;
        one.from = kTime - kHour;
        one.by = one.source_name = "user:" + where;
        one.attributes["note"] = where;
        bool kept = false;
        history->add_interval(one, Durability::sync, [&](const Result<Interval>& added) {
            kept = added.has_value();
            if (kept && where == "outside") interval_outside = std::to_string(added->id.value);
        });
        EXPECT_TRUE(sim.run_until([&] { return kept; }, kSecond));
    }

    void bury(const std::string& where) {
        for (const std::string& body :
             {fmt::format(R"({{"client":"c","who":"user:x","topic":"gongshu/v1/{}/d1","reason":"r"}})", where),
              fmt::format(R"({{"client":"c","who":"device:{}/d1","topic":"v1/devices/me/telemetry","reason":"r"}})",
                          where),
              std::string{R"({"client":"c","who":"user:x","topic":"free/topic-of-outside","reason":"r"})"}}) {
            bool kept = false;
            history->append_event({.tenant = TenantId{1}, .time = kTime, .kind = "dead_letter", .body = body},
                                  Durability::sync, [&](const Result<EventId>& id) {
                                      kept = id.has_value();
                                      if (kept && where == "outside") letter_outside = std::to_string(id->value);
                                  });
            EXPECT_TRUE(sim.run_until([&] { return kept; }, kSecond));
        }
    }
};

}  // namespace gongshu::api::test
