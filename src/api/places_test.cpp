#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/core.h"
#include "api/testing/plant_test.h"
#include "registry/json.h"
#include "wire/batch.h"
#include "wire/prom.h"
#include "wire/snappy.h"

// A role with paths, held against every row of the table of routes: what is outside is neither read nor changed.
namespace gongshu::api {
namespace {

using registry::parse_json;
using test::kTime;
using test::Plant;

constexpr std::string_view kDevice = R"({"spec":{"type":"mill"}})";

enum class Want : std::uint8_t {
    refused,   // 403 or 404, or 400 because a name outside is as good as no name
    faults,    // 400 that tells which of the readings were not stored
    hides,     // 200, shows what is inside and nothing of outside
    harmless,  // tells nothing of places; 200 or not, nothing of outside is shown
};

constexpr const char* kImportMap = R"({"map":"time: {column: time}\ncolumns: [{column: x, tag: outside/d1.x}]\n"})";

// One way to reach outside through a route.
struct Way {
    std::string target;  // {file}: the import of somebody who sees all
    std::string body;
    Want want = Want::refused;
};

std::string outside_batch() {
    wire::BatchWriter writer;
    wire::BatchColumn column;
    column.path = "outside/d1.x";
    column.times = {5};
    column.bits = {0};
    column.qualities = {kGood};
    writer.add(column);
    return writer.finish();
}

std::string outside_series() {
    std::string message;
    wire::append_prom_series(message, {{"__name__", "outside"}, {"a", "d1"}}, {{5, 5}});
    return wire::snappy_encode(message);
}

std::string outside_question() {
    return wire::snappy_encode(wire::encode_prom_read({{0, INT64_MAX, {{wire::PromMatch::like, "tag", ".*"}}}}));
}

// How somebody would try, by method and path of the table. A route that is not here fails the test: say here how a
// caller with limited paths would reach outside through it, and see that it cannot.
const std::multimap<std::string, Way>& ways() {
    static const std::string outside_apply[] = {
        "kind: device\nname: outside/d1\nspec: {type: mill}\n",
        "kind: device\nname: outside/new\nspec: {type: mill}\n",
        "kind: site\nname: outside\nspec: {time_zone: UTC}\n",
        "kind: connection\nname: outside-plc\nspec: {protocol: modbus_tcp, host: 192.0.2.9}\n",
        "kind: rule\nname: outside-rule\nspec: {device: inside/d1, condition: x > 3}\n",
        "kind: rule\nname: new\nspec: {device: outside/d1, condition: x > 3}\n",
        "kind: dashboard\nname: outside-board\nspec: {widgets: [{kind: tile, tags: [inside/d1.x]}]}\n",
        "kind: dashboard\nname: new\nspec: {widgets: [{kind: chart, tags: ['**']}]}\n",
        "kind: dashboard\nname: new\nspec: {device_type: mill, widgets: []}\n",
        "kind: dashboard\nname: new\nspec: {widgets: [{kind: alarms}]}\n",
        "kind: saved_view\nname: new\nspec: {title: a, page: tags, owner: 'user:li'}\n",
        "kind: virtual_tag\nname: outside/v.x\nspec: {expr: inside/d1.x}\n",
        "kind: virtual_tag\nname: outside/v.new\nspec: {expr: inside/d1.x}\n",
        "kind: virtual_tag\nname: inside/v.new\nspec: {expr: outside/d1.x}\n",
        "kind: device_type\nname: mill\nspec: {}\n",
        "kind: role\nname: outside-role\nspec: {base: viewer, paths: [inside]}\n",
        "kind: user\nname: outside-user\nspec: {role: inside-role}\n",
        "kind: tag_alias\nname: inside/new\nspec: {target: outside/d1.x}\n",
        "kind: tag_alias\nname: inside/way-out\nspec: {target: inside/d1.x}\n",
        "kind: tag_alias\nname: outside/new\nspec: {target: inside/d1.x}\n",
        "kind: token\nname: outside-token\nspec: {role: inside-role}\n",
    };
    static const auto made = [] {
        std::multimap<std::string, Way> all = {
            {"POST /api/v1/session", {"/api/v1/session", R"({"user":"outside-user","password":"x"})", Want::harmless}},
            {"GET /api/v1/session", {"/api/v1/session", "", Want::harmless}},
            {"DELETE /api/v1/session", {"/api/v1/session", "", Want::harmless}},
            {"POST /api/v1/session/password", {"/api/v1/session/password", R"({"new":"x"})", Want::refused}},
            {"GET /api/v1/setup", {"/api/v1/setup", "", Want::refused}},
            {"POST /api/v1/setup", {"/api/v1/setup", R"({"name":"outside-new","time_zone":"UTC"})", Want::refused}},
            {"GET /api/v1/kinds", {"/api/v1/kinds", "", Want::harmless}},
            {"GET /api/v1/export", {"/api/v1/export", "", Want::refused}},
            {"GET /api/v1/tags", {"/api/v1/tags", "", Want::hides}},
            {"GET /api/v1/last", {"/api/v1/last?tag=**", "", Want::hides}},
            {"GET /api/v1/last", {"/api/v1/last?tag=outside/d1.x", "", Want::refused}},
            {"GET /api/v1/last", {"/api/v1/last?tag=inside/old.x", "", Want::refused}},
            {"GET /api/v1/last", {"/api/v1/last?tag=inside/way-out", "", Want::refused}},
            {"GET /api/v1/read", {"/api/v1/read?tag=inside/way-out", "", Want::refused}},
            {"GET /api/v1/read", {"/api/v1/read?tag=**&where=x!=-99", "", Want::hides}},
            {"GET /api/v1/read", {"/api/v1/read?tag=inside/alias&from=0", "", Want::hides}},
            {"POST /api/v1/write/json",
             {"/api/v1/write/json", R"([{"tag":"inside/way-out","value":5}])", Want::faults}},
            {"GET /api/v1/read", {"/api/v1/read?tag=**", "", Want::hides}},
            // Says what the engine of these tests says; that it is told who asks is tested below.
            {"POST /api/v1/query",
             {"/api/v1/query", R"j({"sql":"FROM history(tags := 'outside/d1.x', since := '2020-01-01')"})j",
              Want::harmless}},
            {"GET /api/v1/read", {"/api/v1/read?tag=outside/d1.x", "", Want::refused}},
            {"GET /api/v1/read", {"/api/v1/read?tag=inside/old.x&format=csv", "", Want::refused}},
            {"POST /api/v1/write", {"/api/v1/write", "outside/d1 x=5", Want::faults}},
            {"POST /api/v1/write/json", {"/api/v1/write/json", R"([{"tag":"outside/d1.x","value":5}])", Want::faults}},
            {"POST /api/v1/write/json", {"/api/v1/write/json", R"([{"tag":"inside/old.x","value":5}])", Want::faults}},
            {"POST /api/v1/write/batch", {"/api/v1/write/batch", outside_batch(), Want::faults}},
            {"POST /api/v2/write", {"/api/v2/write", "outside/d1 x=5", Want::faults}},
            {"POST /write", {"/write", "outside,a=d1 x=5", Want::faults}},
            {"POST /query", {"/query?q=SHOW+DATABASES", "", Want::harmless}},
            {"GET /query", {"/query?q=SHOW+DATABASES", "", Want::harmless}},
            {"GET /ping", {"/ping", "", Want::harmless}},
            {"GET /health", {"/health", "", Want::harmless}},
            {"POST /api/v1/prom/write", {"/api/v1/prom/write", outside_series(), Want::faults}},
            {"POST /api/v1/prom/read", {"/api/v1/prom/read", outside_question(), Want::hides}},
            {"GET /api/v1/readings:export", {"/api/v1/readings:export?tag=**&from=0", "", Want::hides}},
            {"GET /api/v1/readings:export", {"/api/v1/readings:export?tag=**&from=0&shape=wide", "", Want::hides}},
            {"GET /api/v1/readings:export",
             {"/api/v1/readings:export?tag=outside/d1.x&from=0&format=line", "", Want::refused}},
            {"GET /api/v1/readings:export",
             {"/api/v1/readings:export?tag=inside/way-out&from=0&format=jsonl", "", Want::refused}},
            {"GET /api/v1/devices:export", {"/api/v1/devices:export", "", Want::hides}},
            {"GET /api/v1/tags:export", {"/api/v1/tags:export?name=**", "", Want::hides}},
            {"POST /api/v1/devices:import", {"/api/v1/devices:import", "name,type\noutside/d1,mill\n", Want::refused}},
            {"POST /api/v1/devices:import", {"/api/v1/devices:import", "name,type\noutside/new,mill\n", Want::refused}},
            {"POST /api/v1/devices:import", {"/api/v1/devices:import", "name,delete\noutside/d1,yes\n", Want::refused}},
            {"POST /api/v1/devices:import",
             {"/api/v1/devices:import?dry_run=1", "name,title\noutside/d1,x\n", Want::refused}},
            {"POST /api/v1/devices:import",
             {"/api/v1/devices:import", "name,new_name\ninside/d1,outside/d9\n", Want::refused}},
            {"POST /api/v1/devices:import",
             {"/api/v1/devices:import", "name,connection\ninside/d1,outside-plc\n", Want::refused}},
            {"POST /api/v1/tags:import",
             {"/api/v1/tags:import", "device,property,min\noutside/d1,x,3\n", Want::refused}},
            {"POST /api/v1/tags:import",
             {"/api/v1/tags:import", "device,property,min\noutside/none,x,3\n", Want::refused}},
            {"POST /api/v1/device_templates/{name}:make",
             {"/api/v1/device_templates/mills:make", R"({"rows":[{"place":"outside","n":"9"}]})", Want::refused}},
            {"POST /api/v1/device_templates/{name}:make",
             {"/api/v1/device_templates/mills:make", R"({"rows":[{"place":"outside","n":"1"}]})", Want::refused}},
            {"POST /api/v1/device_templates/{name}:make",
             {"/api/v1/device_templates/mills:make?dry_run=1", R"({"rows":[{"place":"outside","n":"made"}]})",
              Want::refused}},
            {"POST /api/v1/device_templates/{name}:make",
             {"/api/v1/device_templates/mills:make", R"({"rows":[{"place":"inside","n":"9","plc":"outside-plc"}]})",
              Want::refused}},
            {"POST /api/v1/device_templates/{name}:update", {"/api/v1/device_templates/mills:update", "", Want::hides}},
            {"POST /api/v1/device_templates/{name}:detach", {"/api/v1/device_templates/mills:detach", "", Want::hides}},
            {"POST /api/v1/imports", {"/api/v1/imports?file=b.csv", "time,x\n2024-01-01,1\n", Want::harmless}},
            {"GET /api/v1/imports", {"/api/v1/imports", "", Want::hides}},
            {"GET /api/v1/imports/{id}", {"/api/v1/imports/{file}", "", Want::refused}},
            {"DELETE /api/v1/imports/{id}", {"/api/v1/imports/{file}", "", Want::refused}},
            {"POST /api/v1/imports/{id}:look", {"/api/v1/imports/{file}:look", "{}", Want::refused}},
            {"POST /api/v1/imports/{id}:preview", {"/api/v1/imports/{file}:preview", kImportMap, Want::refused}},
            {"POST /api/v1/imports/{id}:start", {"/api/v1/imports/{file}:start", kImportMap, Want::refused}},
            {"POST /api/v1/imports/{id}:cancel", {"/api/v1/imports/{file}:cancel", "", Want::refused}},
            {"POST /api/v1/imports:tags",
             {"/api/v1/imports:tags", R"({"tags":[{"tag":"outside/d1.new","type":"number"}]})", Want::refused}},
            {"POST /api/v1/imports:tags",
             {"/api/v1/imports:tags", R"({"tags":[{"tag":"inside/old.x","type":"number","unit":"K"}]})",
              Want::refused}},
            {"POST /api/v1/imports/{id}:start",
             {"/api/v1/imports/{own}:start",
              R"({"map":"time: {column: time, format: iso, zone: UTC}\npath: outside/d1\ncolumns: {x: x}\n"})",
              Want::harmless}},
            {"GET /api/v1/dead_letters", {"/api/v1/dead_letters", "", Want::hides}},
            {"GET /api/v1/dead_letters/{id}", {"/api/v1/dead_letters/{letter}", "", Want::refused}},
            {"GET /api/v1/dead_letters:groups", {"/api/v1/dead_letters:groups", "", Want::hides}},
            {"POST /api/v1/dead_letters:process",
             {"/api/v1/dead_letters:process", R"({"ids":["{letter}"]})", Want::refused}},
            {"POST /api/v1/dead_letters:discard",
             {"/api/v1/dead_letters:discard", R"({"ids":["{letter}"]})", Want::refused}},
            {"POST /api/v1/mappings:preview",
             {"/api/v1/mappings:preview", R"({"spec":{"topic":"#","take":[{"value":"$.*","tag":"m.{key}"}]}})",
              Want::harmless}},
            {"POST /api/v1/mappings:propose",
             {"/api/v1/mappings:propose", R"({"topic":"a","payload":"1"})", Want::harmless}},
            {"GET /api/v1/mappings:samples", {"/api/v1/mappings:samples", "", Want::harmless}},
            {"GET /api/v1/calendars:now", {"/api/v1/calendars:now?place=outside/d1", "", Want::refused}},
            {"GET /api/v1/calendars:shifts", {"/api/v1/calendars:shifts?place=outside", "", Want::refused}},
            {"GET /api/v1/calendars:tariffs", {"/api/v1/calendars:tariffs?place=outside", "", Want::refused}},
            {"GET /api/v1/calendars:working",
             {"/api/v1/calendars:working?place=outside&from=2026-01-01&add=1", "", Want::refused}},
            {"GET /api/v1/calendars:year", {"/api/v1/calendars:year?place=outside", "", Want::refused}},
            {"GET /api/v1/alarms", {"/api/v1/alarms?limit=1", "", Want::hides}},
            {"GET /api/v1/alarms/{id}", {"/api/v1/alarms/01", "", Want::hides}},
            {"GET /api/v1/alarms/{id}", {"/api/v1/alarms/02", "", Want::refused}},
            {"POST /api/v1/alarms/{id}:acknowledge", {"/api/v1/alarms/02:acknowledge", "", Want::refused}},
            {"POST /api/v1/alarms/{id}:comment", {"/api/v1/alarms/02:comment", R"({"comment":"c"})", Want::refused}},
            {"POST /api/v1/alarms:shelve",
             {"/api/v1/alarms:shelve", R"({"rule":"outside-rule","for":"1h","reason":"r"})", Want::refused}},
            {"POST /api/v1/alarms:shelve",
             {"/api/v1/alarms:shelve", R"({"rule":"of-type","for":"1h","reason":"r"})", Want::refused}},
            {"POST /api/v1/alarms:shelve",
             {"/api/v1/alarms:shelve", R"({"rule":"of-type","device":"outside/d1","for":"1h","reason":"r"})",
              Want::refused}},
            {"POST /api/v1/alarms:unshelve", {"/api/v1/alarms:unshelve", R"({"rule":"outside-rule"})", Want::refused}},
            {"GET /api/v1/shelves", {"/api/v1/shelves", "", Want::hides}},
            {"POST /api/v1/rules:out_of_service",
             {"/api/v1/rules:out_of_service", R"({"rule":"outside-rule","reason":"r"})", Want::refused}},
            {"POST /api/v1/rules:in_service",
             {"/api/v1/rules:in_service", R"({"rule":"outside-rule"})", Want::refused}},
            {"POST /api/v1/rules:check", {"/api/v1/rules:check", R"({"condition":"outside/d1.x"})", Want::harmless}},
            {"POST /api/v1/rules:check",
             {"/api/v1/rules:check", R"({"condition":"x > 1","device":"outside/d1"})", Want::refused}},
            {"POST /api/v1/rules:rehearse",
             {"/api/v1/rules:rehearse", R"({"spec":{"condition":"outside/d1.x > 0"}})", Want::refused}},
            {"POST /api/v1/rules:rehearse",
             {"/api/v1/rules:rehearse", R"({"spec":{"condition":"x > 0","device":"outside/d1"}})", Want::refused}},
            {"GET /api/v1/status/virtual_tags", {"/api/v1/status/virtual_tags", "", Want::hides}},
            {"POST /api/v1/virtual_tags:preview",
             {"/api/v1/virtual_tags:preview", R"({"name":"inside/v.x","spec":{"expr":"outside/d1.x"}})",
              Want::refused}},
            {"POST /api/v1/virtual_tags:preview",
             {"/api/v1/virtual_tags:preview", R"({"name":"vx","spec":{"device":"outside/d1","expr":"x"}})",
              Want::refused}},
            {"POST /api/v1/virtual_tags/{name}:backfill",
             {"/api/v1/virtual_tags/outside%2Fv.x:backfill", R"({"from":"now-1h"})", Want::refused}},
            {"POST /api/v1/virtual_tags/{name}:backfill",
             {"/api/v1/virtual_tags/inside%2Fv.mixed:backfill", R"({"from":"now-1h"})", Want::refused}},
            {"GET /api/v1/backfills", {"/api/v1/backfills", "", Want::hides}},
            {"POST /api/v1/backfills/{id}:cancel", {"/api/v1/backfills/7:cancel", "", Want::refused}},
            {"GET /api/v1/expressions/functions", {"/api/v1/expressions/functions", "", Want::harmless}},
            {"GET /api/v1/status", {"/api/v1/status", "", Want::harmless}},
            {"GET /api/v1/overview", {"/api/v1/overview", "", Want::hides}},
            {"GET /api/v1/status/connections", {"/api/v1/status/connections", "", Want::hides}},
            {"GET /api/v1/status/devices", {"/api/v1/status/devices", "", Want::hides}},
            {"GET /api/v1/status/sessions", {"/api/v1/status/sessions", "", Want::harmless}},
            {"GET /api/v1/status/sparkplug", {"/api/v1/status/sparkplug", "", Want::harmless}},
            {"GET /api/v1/status/dtu", {"/api/v1/status/dtu", "", Want::refused}},
            {"GET /api/v1/status/modbus_servers", {"/api/v1/status/modbus_servers", "", Want::refused}},
            {"GET /api/v1/status/forwarding", {"/api/v1/status/forwarding", "", Want::refused}},
            {"GET /api/v1/status/messages", {"/api/v1/status/messages", "", Want::refused}},
            {"POST /api/v1/message_hooks/{name}:test", {"/api/v1/message_hooks/outside-hook:test", "", Want::refused}},
            {"GET /api/v1/intervals", {"/api/v1/intervals", "", Want::hides}},
            {"GET /api/v1/intervals", {"/api/v1/intervals?kind=alarm&kind=batch_inside", "", Want::hides}},
            {"GET /api/v1/intervals", {"/api/v1/intervals?kind=batch_outside&kind=alarm", "", Want::hides}},
            {"GET /api/v1/intervals", {"/api/v1/intervals?path=outside/d1", "", Want::harmless}},
            {"GET /api/v1/intervals/{id}", {"/api/v1/intervals/{interval}", "", Want::refused}},
            {"POST /api/v1/intervals", {"/api/v1/intervals", R"({"asset":"outside/d1","kind":"run"})", Want::refused}},
            {"POST /api/v1/intervals",
             {"/api/v1/intervals", R"({"asset":"outside/d1.x","kind":"run"})", Want::refused}},
            {"POST /api/v1/intervals",
             {"/api/v1/intervals", R"({"asset":"inside/old.x","kind":"run"})", Want::refused}},
            {"POST /api/v1/intervals/{id}:close", {"/api/v1/intervals/{interval}:close", "{}", Want::refused}},
            {"POST /api/v1/intervals/{id}:correct",
             {"/api/v1/intervals/{interval}:correct", R"({"reason":"x"})", Want::refused}},
            {"POST /api/v1/intervals/{id}:withdraw",
             {"/api/v1/intervals/{interval}:withdraw", R"({"reason":"x"})", Want::refused}},
            {"GET /api/v1/intervals:states", {"/api/v1/intervals:states?tag=**", "", Want::hides}},
            {"GET /api/v1/intervals:states", {"/api/v1/intervals:states?tag=outside/d1.x", "", Want::refused}},
            {"GET /api/v1/intervals:states", {"/api/v1/intervals:states?tag=inside/way-out", "", Want::refused}},
            {"GET /api/v1/intervals:aggregates", {"/api/v1/intervals:aggregates?tag=.x", "", Want::hides}},
            {"GET /api/v1/intervals:aggregates", {"/api/v1/intervals:aggregates?tag=outside/d1.x", "", Want::refused}},
            {"GET /api/v1/intervals:overlaps",
             {"/api/v1/intervals:overlaps?from=0&to=now&with_kind=alarm", "", Want::hides}},
            {"GET /api/v1/audit", {"/api/v1/audit", "", Want::hides}},
            {"POST /api/v1/ledger/entries/{number}:redact",
             {"/api/v1/ledger/entries/0:redact", R"({"reason":"x"})", Want::refused}},
            {"POST /api/v1/ledger:anchor", {"/api/v1/ledger:anchor", "", Want::refused}},
            {"GET /api/v1/egress", {"/api/v1/egress", "", Want::refused}},
            {"GET /api/v1/ledger", {"/api/v1/ledger", "", Want::refused}},
            {"GET /api/v1/ledger/entries", {"/api/v1/ledger/entries", "", Want::refused}},
            {"GET /api/v1/ledger/entries/{number}/proof", {"/api/v1/ledger/entries/0/proof", "", Want::refused}},
            {"GET /api/v1/ledger/consistency", {"/api/v1/ledger/consistency?from=1", "", Want::refused}},
            {"GET /api/v1/case_kinds", {"/api/v1/case_kinds", "", Want::harmless}},
            {"GET /api/v1/cases", {"/api/v1/cases", "", Want::hides}},
            {"GET /api/v1/cases:counts", {"/api/v1/cases:counts", "", Want::harmless}},
            {"POST /api/v1/cases",
             {"/api/v1/cases",
              R"({"kind":"downtime_reason","fields":{"asset":"outside/d1","from":"2026-03-01T08:00:00Z"}})",
              Want::refused}},
            {"POST /api/v1/cases",
             {"/api/v1/cases",
              R"({"kind":"change_approval","note":"n","fields":{"kind":"devices","name":"outside/d1","spec":{"type":"mill"}}})",
              Want::refused}},
            {"GET /api/v1/cases/{id}", {"/api/v1/cases/DR-2", "", Want::refused}},
            {"POST /api/v1/cases/{id}:{action}",
             {"/api/v1/cases/DR-2:answer", R"({"fields":{"category":"setup"}})", Want::refused}},
            {"GET /api/v1/blobs", {"/api/v1/blobs?owner=case:DR-2", "", Want::refused}},
            {"GET /api/v1/blobs", {"/api/v1/blobs?owner=device:outside%2Fd1", "", Want::refused}},
            {"GET /api/v1/blobs", {"/api/v1/blobs?owner=device:inside%2Fd1", "", Want::hides}},
            {"POST /api/v1/blobs", {"/api/v1/blobs?owner=case:DR-2&name=x", "x", Want::refused}},
            {"POST /api/v1/blobs", {"/api/v1/blobs?owner=device:outside%2Fd1&name=x", "x", Want::refused}},
            {"GET /api/v1/blobs/{id}", {"/api/v1/blobs/{blob}", "", Want::refused}},
            {"GET /api/v1/blobs/{id}:about", {"/api/v1/blobs/{blob}:about", "", Want::refused}},
            {"GET /api/v1/blobs/{id}:thumbnail", {"/api/v1/blobs/{blob}:thumbnail", "", Want::refused}},
            {"DELETE /api/v1/blobs/{id}", {"/api/v1/blobs/{blob}", "", Want::refused}},
            {"GET /api/v1/live", {"/api/v1/live", "", Want::harmless}},  // Places.LiveUpdatesShowOnlyWhatIsInside
            {"POST /api/v1/admin/compact", {"/api/v1/admin/compact", "", Want::refused}},
            {"GET /api/v1/storage", {"/api/v1/storage", "", Want::refused}},
            {"GET /api/v1/storage/tags", {"/api/v1/storage/tags?tag=outside/**", "", Want::refused}},
            {"GET /api/v1/storage/tags:days", {"/api/v1/storage/tags:days?tag=outside/d1.x", "", Want::refused}},
            {"POST /api/v1/storage:check", {"/api/v1/storage:check", "", Want::refused}},
            {"POST /api/v1/storage:cancel", {"/api/v1/storage:cancel", "", Want::refused}},
            {"GET /api/v1/admin/backups", {"/api/v1/admin/backups", "", Want::refused}},
            {"POST /api/v1/admin/backups", {"/api/v1/admin/backups", "", Want::refused}},
            {"POST /api/v1/admin/backups:cancel", {"/api/v1/admin/backups:cancel", "", Want::refused}},
            {"POST /api/v1/admin/backups/{name}:check", {"/api/v1/admin/backups/a:check", "", Want::refused}},
            {"POST /api/v1/admin/backups/{name}:drill", {"/api/v1/admin/backups/a:drill", "", Want::refused}},
            {"DELETE /api/v1/admin/backups/{name}", {"/api/v1/admin/backups/a", "", Want::refused}},
            {"GET /api/v1/doctor", {"/api/v1/doctor", "", Want::refused}},
            {"GET /api/v1/admin/retention", {"/api/v1/admin/retention", "", Want::refused}},
            {"POST /api/v1/admin/retention:preview", {"/api/v1/admin/retention:preview", "", Want::refused}},
            {"POST /api/v1/admin/retention:run", {"/api/v1/admin/retention:run", "", Want::refused}},
            {"POST /api/v1/packages:plan", {"/api/v1/packages:plan", "x", Want::refused}},
            {"POST /api/v1/packages:install", {"/api/v1/packages:install", "x", Want::refused}},
            {"POST /api/v1/packages/{name}:upgrade", {"/api/v1/packages/outside-package:upgrade", "x", Want::refused}},
            {"POST /api/v1/packages/{name}:rollback", {"/api/v1/packages/outside-package:rollback", "", Want::refused}},
            {"POST /api/v1/packages/{name}:uninstall",
             {"/api/v1/packages/outside-package:uninstall", "", Want::refused}},
            {"POST /api/v1/packages/{name}:verify", {"/api/v1/packages/outside-package:verify", "", Want::refused}},
            {"GET /healthz", {"/healthz", "", Want::harmless}},
            {"GET /metrics", {"/metrics", "", Want::harmless}},
            {"GET /openapi.json", {"/openapi.json", "", Want::harmless}},
            {"GET /ca.crt", {"/ca.crt", "", Want::harmless}},
            {"POST /api/v1/tokens/{name}:issue", {"/api/v1/tokens/outside-token:issue", "", Want::refused}},
            {"POST /api/v1/tokens/{name}:issue", {"/api/v1/tokens/t-admin:issue", "", Want::refused}},
            {"POST /api/v1/devices/{name}:credential", {"/api/v1/devices/outside%2Fd1:credential", "", Want::refused}},
            {"POST /api/v1/users/{name}:password",
             {"/api/v1/users/outside-user:password", R"({"password":"long enough 1"})", Want::refused}},
            {"POST /api/v1/users/{name}:password",
             {"/api/v1/users/admin:password", R"({"password":"long enough 1"})", Want::refused}},
            {"POST /api/v1/connections/{name}:test", {"/api/v1/connections/outside-plc:test", "", Want::refused}},
            {"POST /api/v1/devices/{name}:write",
             {"/api/v1/devices/outside%2Fd1:write", R"({"property":"x","value":1})", Want::refused}},
        };
        for (const std::string& yaml : outside_apply) all.insert({"POST /api/v1/apply", {"/api/v1/apply", yaml}});
        return all;
    }();
    return made;
}

class Places : public ::testing::Test {
protected:
    Places() {
        const std::string sent =
            plant.as(plant.all, "POST", "/api/v1/imports?file=outside.csv", "time,x\n2024-01-01,1\n").body;
        file_ = std::string_view(parse_json(sent).value().at("id").as_string());
        const std::string own =
            plant.as(plant.limited, "POST", "/api/v1/imports?file=inside.csv", "time,x\n2024-01-01,1\n").body;
        own_file_ = std::string_view(parse_json(own).value().at("id").as_string());
    }

    void expect(const std::string& method, Way way) {
        if (const auto at = way.target.find("{file}"); at != std::string::npos) way.target.replace(at, 6, file_);
        for (std::string* text : {&way.target, &way.body}) {
            if (const auto at = text->find("{letter}"); at != std::string::npos)
                text->replace(at, 8, plant.letter_outside);
            if (const auto at = text->find("{interval}"); at != std::string::npos)
                text->replace(at, 10, plant.interval_outside);
            if (const auto at = text->find("{blob}"); at != std::string::npos) text->replace(at, 6, plant.blob_outside);
        }
        if (const auto at = way.target.find("{own}"); at != std::string::npos) way.target.replace(at, 5, own_file_);
        const auto reply = plant.as(plant.limited, method, way.target, way.body);
        const std::string what = fmt::format("{} {} {}: {} {}", method, way.target, way.body, reply.status, reply.body);
        switch (way.want) {
            case Want::refused:
                EXPECT_TRUE(reply.status == 403 || reply.status == 404 ||
                            (reply.status == 400 && reply.body.find("there is no") != std::string::npos))
                    << what;
                break;
            case Want::faults:
                EXPECT_EQ(reply.status, 400) << what;
                EXPECT_NE(reply.body.find("\"written\":0"), std::string::npos) << what;
                break;
            case Want::hides:
                EXPECT_EQ(reply.status, 200) << what;
                EXPECT_NE(reply.body.find("inside"), std::string::npos) << what;
                EXPECT_EQ(reply.body.find("outside"), std::string::npos) << what;
                break;
            case Want::harmless:
                EXPECT_EQ(reply.body.find("outside"), std::string::npos) << what;
                break;
        }
    }

    // Whoever is limited to some places sees none of these.
    static bool is_of_the_whole_tenant(std::string_view kind) {
        return kind == "tenant" || kind == "mapping" || kind == "retention" || kind == "hold" ||
               kind == "approval_policy" || kind == "trusted_signer" || kind == "package" || kind == "message_hook" ||
               kind == "modbus_server";
    }

    // The routes of resources, for one kind. `hidden` is a resource of it outside.
    void expect_kind(const Route& route, const registry::Kind& kind, const std::string& hidden) {
        const std::string method{to_string(route.method)};
        std::string target{route.path};
        target.replace(target.find("{plural}"), 8, kind.plural);
        if (const std::size_t name = target.find("{name}"); name != std::string::npos) {
            std::string encoded = hidden;
            if (const auto slash = encoded.find('/'); slash != std::string::npos) encoded.replace(slash, 1, "%2F");
            target.replace(name, 6, encoded);
        }
        const auto stored = plant.registry->find(TenantId{1}, kind.name, hidden);
        std::string body;
        if (target.ends_with(":rename"))
            body = R"({"name":"inside"})";
        else if (target.ends_with(":rollback"))
            body = R"({"revision":1})";
        else if (route.method == wire::HttpMethod::put)
            body = fmt::format(R"({{"spec":{}}})", registry::to_text(stored->spec));
        else if (route.method == wire::HttpMethod::patch)
            body = "{}";
        // A type is seen by everybody: devices are made of it. Tenants are no business of anybody limited.
        const bool shown = route.access == Access::read_kind &&
                           (kind.name == "device_type" || kind.name == "device_template" || kind.name == "calendar");
        const bool list = target.find(kind.plural) + kind.plural.size() == target.size();
        const Want wanted = shown || (list && is_of_the_whole_tenant(kind.name)) ? Want::harmless
                            : list                                               ? Want::hides
                                                                                 : Want::refused;
        expect(method, {target, body, wanted});
    }

    Plant plant;

private:
    std::string own_file_;
    std::string file_;
};

TEST_F(Places, NoRouteLeadsOutside) {
    const std::map<std::string, std::string> hidden = {
        {"tenant", "outside-tenant"},
        {"user", "outside-user"},
        {"role", "outside-role"},
        {"token", "outside-token"},
        {"site", "outside"},
        {"connection", "outside-plc"},
        {"device_type", "mill"},
        {"device", "outside/d1"},
        {"rule", "outside-rule"},
        {"virtual_tag", "outside/v.x"},
        {"dashboard", "outside-board"},
        {"saved_view", "outside-view"},
        {"device_template", "mills"},
        {"retention", "outside-all"},
        {"hold", "outside-hold"},
        {"approval_policy", "outside-policy"},
        {"message_hook", "outside-hook"},
        {"modbus_server", "outside-server"},
        {"mapping", "outside-mapping"},
        {"trusted_signer", "outside-signer"},
        {"package", "outside-package"},
        {"tag_alias", "outside-alias"},
        {"calendar", "usual"},
    };
    // Made from a template that was changed since.
    for (const std::string where : {"inside", "outside"}) {
        plant.put("device", where + "/dmade",
                  fmt::format(R"({{"type":"mill","from_template":{{"name":"mills","revision":1,"parameters":)"
                              R"({{"place":"{}","n":"made"}}}}}})",
                              where));
    }
    plant.put("device_template", "mills",
              R"({"parameters":[{"name":"place"},{"name":"n"},{"name":"plc","required":false}],)"
              R"("device":{"name":"${place}/d${n}","spec":{"type":"mill","title":"new","connection":"${plc}"}}})");
    const std::string before = plant.outside();
    ASSERT_NE(before.find("outside/moved.x 1"), std::string::npos) << before;
    for (const Route& route : routes()) {
        if (route.path.find("{plural}") != std::string_view::npos) {
            for (const registry::Kind* kind : plant.registry->kinds()) {
                const auto found = hidden.find(kind->name);
                if (found == hidden.end())
                    ADD_FAILURE() << "say in this test what of the kind " << kind->name << " lies outside";
                else
                    expect_kind(route, *kind, found->second);
            }
            continue;
        }
        const auto [begin, end] = ways().equal_range(fmt::format("{} {}", to_string(route.method), route.path));
        EXPECT_NE(begin, end) << "say in ways() how a limited caller would reach outside through "
                              << to_string(route.method) << " " << route.path;
        for (auto way = begin; way != end; ++way) expect(way->first.substr(0, way->first.find(' ')), way->second);
    }
    EXPECT_EQ(plant.outside(), before);
}

// What it gives by that: src/sql/engine_test.cpp, tests/e2e/sql_test.py.
TEST_F(Places, TheEngineOfSqlIsToldWhoAsks) {
    plant.as(plant.limited, "POST", "/api/v1/query", R"j({"sql":"FROM tags"})j");
    ASSERT_EQ(plant.sql.asked().size(), 1u);
    EXPECT_EQ(plant.sql.asked().back().asker.who.paths, std::vector<std::string>{"inside/**"});
}

TEST_F(Places, WhatIsInsideIsAtHand) {
    const auto f = [&](std::string_view method, std::string_view target, int status, std::string body = {}) {
        const auto reply = plant.as(plant.limited, method, target, std::move(body));
        EXPECT_EQ(reply.status, status) << method << " " << target << " " << reply.body;
    };
    f("PUT", "/api/v1/devices/inside%2Fd2", 200, std::string{kDevice});
    f("PUT", "/api/v1/devices/inside%2Fd2", 200, R"({"spec":{"type":"mill","connection":"inside-plc"}})");
    f("PATCH", "/api/v1/connections/inside-plc", 200, R"({"port":1502})");
    f("POST", "/api/v1/connections/inside-plc:rename", 200, R"({"name":"inside-plc2"})");
    f("GET", "/api/v1/connections/inside-plc2/revisions", 200);
    f("POST", "/api/v1/connections/inside-plc2:rollback", 200, R"({"revision":1})");
    f("PATCH", "/api/v1/rules/inside-rule", 200, R"({"condition":"x > 4 and y > inside/d2.x"})");
    f("PUT", "/api/v1/rules/new", 200, R"({"spec":{"condition":"inside/d1.x > 3"}})");
    f("DELETE", "/api/v1/rules/new", 204);
    f("PUT", "/api/v1/virtual_tags/inside%2Fv.y", 200, R"({"spec":{"expr":"inside/d1.x + inside/v.x"}})");
    f("PUT", "/api/v1/virtual_tags/vz", 200, R"({"spec":{"device":"inside/d1","expr":"x + y"}})");
    f("POST", "/api/v1/virtual_tags:preview", 200, R"({"name":"inside/v.q","spec":{"expr":"inside/d1.x"}})");
    f("POST", "/api/v1/virtual_tags/inside%2Fv.y:backfill", 202, R"({"from":"now-1h"})");
    f("POST", "/api/v1/backfills/6:cancel", 200);
    f("DELETE", "/api/v1/virtual_tags/inside%2Fv.y", 204);
    f("PUT", "/api/v1/roles/part", 200, R"({"spec":{"base":"engineer","paths":["inside/d1"]}})");
    f("PUT", "/api/v1/users/wang", 200, R"({"spec":{"role":"part"}})");
    f("POST", "/api/v1/users/wang:password", 204, R"({"password":"long enough 1"})");
    f("PUT", "/api/v1/tokens/own", 200, R"({"spec":{"role":"chief"}})");
    f("POST", "/api/v1/tokens/own:issue", 200);
    f("DELETE", "/api/v1/tokens/own", 204);
    f("POST", "/api/v1/devices/inside%2Fd2:rename", 200, R"({"name":"inside/line/d2"})");
    f("GET", "/api/v1/roles/viewer", 200);
    f("PUT", "/api/v1/dashboards/own", 200, R"({"spec":{"widgets":[{"kind":"chart","tags":["inside/d1.*"]}]}})");
    f("GET", "/api/v1/dashboards/inside-board", 200);
    f("DELETE", "/api/v1/dashboards/own", 204);
    f("GET", "/api/v1/saved_views/inside-view", 200);
    f("DELETE", "/api/v1/saved_views/inside-view", 403);
    f("POST", "/api/v1/apply", 200,
      "kind: role\nname: fresh\nspec: {base: viewer, paths: [inside/line]}\n---\n"
      "kind: user\nname: zhao\nspec: {role: fresh}\n---\n"
      "kind: device\nname: inside/d9\nspec: {type: mill}\n---\n"
      "kind: rule\nname: r9\nspec: {device: inside/d9, condition: x > 3}\n");
}

// Behind one gateway the unit alone says which machine: it is not his to choose who sees only some of them.
TEST_F(Places, ASharedGatewayLeadsToNoOtherMachine) {
    plant.put("connection", "gate", R"({"protocol":"modbus_tcp","host":"192.0.2.5"})");
    plant.put("device", "inside/g", R"({"type":"mill","connection":"gate","unit_id":1})");
    plant.put("device", "outside/g", R"({"type":"mill","connection":"gate","unit_id":2})");
    plant.put("device", "inside/free", R"({"type":"mill"})");
    const auto f = [&](std::string_view method, std::string_view target, int status, std::string body) {
        const auto reply = plant.as(plant.limited, method, target, body);
        EXPECT_EQ(reply.status, status) << method << " " << target << " " << body << " " << reply.body;
    };
    const std::string g = "/api/v1/devices/inside%2Fg", free = "/api/v1/devices/inside%2Ffree";
    f("PUT", "/api/v1/devices/inside%2Fx", 403, R"({"spec":{"type":"mill","connection":"gate","unit_id":2}})");
    f("POST", "/api/v1/apply", 403, "kind: device\nname: inside/x\nspec: {type: mill, connection: gate, unit_id: 2}\n");
    f("PATCH", free, 403, R"({"connection":"gate","unit_id":2})");
    f("PATCH", g, 403, R"({"unit_id":2})");
    f("PATCH", g, 403, R"({"properties":[{"name":"x","address":{"kind":"holding","address":7}}]})");
    f("PATCH", g, 200, R"({"title_en":"Gate","enabled":false,"properties":[{"name":"x","max":5}]})");
    f("PATCH", g, 200, R"({"connection":null,"unit_id":null})");
    f("PATCH", g, 400, R"({"connection":"gate","unit_id":1})");  // which serves nothing that he sees any more
    f("PATCH", free, 200, R"({"connection":"inside-plc","unit_id":9})");
}

// Nobody who is limited gets more than he has, or gives it to somebody else.
TEST_F(Places, RightsDoNotGrow) {
    plant.put("role", "line-engineer", R"({"base":"engineer","paths":["inside/line"]})");
    plant.put("role", "line-admin", R"({"base":"admin","paths":["inside/line"]})");
    plant.put("device", "inside/line/m", R"({"type":"mill"})");
    plant.put("connection", "shared", R"({"protocol":"modbus_tcp","host":"192.0.2.3"})");
    plant.put("device", "inside/s", R"({"type":"mill","connection":"shared"})");
    plant.put("device", "outside/s", R"({"type":"mill","connection":"shared"})");
    plant.put("connection", "unused", R"({"protocol":"modbus_tcp","host":"192.0.2.4"})");
    plant.put("rule", "of-type", R"({"device_type":"mill","condition":"x > 3"})");
    plant.put("rule", "widened", R"({"condition":"inside/d1.x > 3"})");
    plant.put("rule", "widened", R"({"condition":"inside/d1.x > 3 and outside/d1.x > 3"})");
    plant.put("rule", "narrowed", R"({"condition":"inside/d1.x > outside/d1.x"})");
    plant.put("rule", "narrowed", R"({"condition":"inside/d1.x > 3"})");
    const std::string before = plant.outside();
    const auto f = [&](std::string_view method, std::string_view target, std::string body, int status = 403) {
        const auto reply = plant.as(plant.limited, method, target, body);
        EXPECT_EQ(reply.status, status) << method << " " << target << " " << body << " " << reply.body;
        EXPECT_EQ(reply.body.find("\"what\""), std::string::npos) << reply.body;
    };
    for (const std::string role :
         {R"({"base":"viewer"})", R"({"base":"viewer","paths":["**"]})",
          R"({"base":"viewer","paths":["inside","outside/d1"]})", R"({"base":"viewer","paths":["*/d1"]})",
          R"({"base":"viewer","paths":["insid?"]})"}) {
        f("PUT", "/api/v1/roles/mine", fmt::format(R"({{"spec":{}}})", role));
        f("PUT", "/api/v1/roles/chief", fmt::format(R"({{"spec":{}}})", role));
        f("POST", "/api/v1/apply", fmt::format("kind: role\nname: inside-role\nspec: {}\n", role));
        f("POST", "/api/v1/apply?dry_run=1", fmt::format("kind: role\nname: inside-role\nspec: {}\n", role));
    }
    f("PATCH", "/api/v1/roles/chief", R"({"paths":null})");
    f("PATCH", "/api/v1/roles/inside-role", R"({"paths":["outside"]})");
    f("PATCH", "/api/v1/roles/viewer", R"({"title_en":"x"})");
    f("DELETE", "/api/v1/roles/viewer", "");
    for (const std::string role : {"admin", "viewer", "outside-role"}) {
        f("PUT", "/api/v1/users/mine", fmt::format(R"({{"spec":{{"role":"{}"}}}})", role));
        f("PUT", "/api/v1/tokens/mine", fmt::format(R"({{"spec":{{"role":"{}"}}}})", role));
        f("PATCH", "/api/v1/users/inside-user", fmt::format(R"({{"role":"{}"}})", role));
        f("POST", "/api/v1/apply", fmt::format("kind: token\nname: mine\nspec: {{role: {}}}\n", role));
    }
    f("PUT", "/api/v1/users/mine", R"({"spec":{"role":"nothing"}})", 400);
    // The narrow one comes with the user, the wide one is there already and behind it in the file.
    f("POST", "/api/v1/apply",
      "kind: user\nname: mine\nspec: {role: outside-role}\n---\nkind: role\nname: outside-role\nspec: {base: viewer, "
      "paths: [inside]}\n",
      404);
    f("POST", "/api/v1/apply",
      "kind: role\nname: two\nspec: {base: viewer, paths: [inside]}\n---\nkind: role\nname: two\nspec: {base: viewer, "
      "paths: [outside]}\n---\n"
      "kind: user\nname: mine\nspec: {role: two}\n");
    f("POST", "/api/v1/users/admin:rename", R"({"name":"mine"})", 404);
    // Things that serve outside too are not changed, and what has no place is not anybody's.
    f("PATCH", "/api/v1/connections/shared", R"({"port":1})");
    f("DELETE", "/api/v1/connections/shared", "");
    f("POST", "/api/v1/connections/shared:test", "");
    f("POST", "/api/v1/connections/shared:rename", R"({"name":"mine"})");
    f("PATCH", "/api/v1/connections/unused", R"({"port":1})", 404);
    f("PUT", "/api/v1/connections/new", R"({"spec":{"protocol":"mqtt_device"}})");
    f("PUT", "/api/v1/device_types/new", R"({"spec":{}})");
    f("PATCH", "/api/v1/device_types/mill", R"({"model":"x"})");
    f("PUT", "/api/v1/devices/inside%2Fx", R"({"spec":{"type":"mill","connection":"outside-plc"}})", 400);
    f("PUT", "/api/v1/devices/inside%2Fx", R"({"spec":{"type":"mill","connection":"outside-pl"}})", 400);
    f("POST", "/api/v1/devices/inside%2Fd1:rename", R"({"name":"outside/d9"})");
    f("POST", "/api/v1/sites/inside:rename", R"({"name":"elsewhere"})");
    for (const std::string rule :
         {R"({"device":"outside/d1","condition":"x > 3"})", R"({"device":"outside/nothing","condition":"x > 3"})"}) {
        f("PUT", "/api/v1/rules/new", fmt::format(R"({{"spec":{}}})", rule), 400);
        f("PATCH", "/api/v1/rules/inside-rule", rule, 400);
    }
    for (const std::string rule :
         {R"({"condition":"outside/d1.x > 3"})", R"({"condition":"outside/later.x > 3"})",
          R"({"device":"inside/d1","condition":"x > 3","clear_condition":"outside/d1.x < 3"})",
          R"({"device":"inside/d1","condition":"x > 3","suppress_when":"outside/d1.x < 3"})",
          R"({"device":"inside/d1","condition":"x > inside/old.x"})", R"({"device_type":"mill","condition":"x > 3"})",
          R"({"device":null,"condition":"1 > 3"})"}) {
        f("PUT", "/api/v1/rules/new", fmt::format(R"({{"spec":{}}})", rule));
    }
    f("PATCH", "/api/v1/rules/inside-rule", R"x({"condition":"x > avg(outside/d1.x, 5m)"})x");
    f("PATCH", "/api/v1/rules/of-type", R"({"condition":"x > 4"})");
    f("GET", "/api/v1/rules/widened", "", 404);
    f("GET", "/api/v1/rules/widened/revisions", "", 404);
    f("POST", "/api/v1/rules/narrowed:rollback", R"({"revision":1})");
    const auto revisions = plant.as(plant.limited, "GET", "/api/v1/rules/narrowed/revisions");
    EXPECT_EQ(revisions.status, 200);
    EXPECT_EQ(revisions.body.find("outside"), std::string::npos) << revisions.body;
    EXPECT_EQ(plant.outside(), before);
    // An engineer of a part cannot become an administrator of it.
    plant.put("role", "half", R"({"base":"admin","paths":["inside/line"]})");
    const std::string part = plant.token("line-admin");
    EXPECT_EQ(plant.as(part, "PUT", "/api/v1/users/x", R"({"spec":{"role":"line-engineer"}})").status, 200);
    EXPECT_EQ(plant.as(part, "PUT", "/api/v1/users/x", R"({"spec":{"role":"chief"}})").status, 403);
    EXPECT_EQ(plant.as(part, "POST", "/api/v1/tokens/t-chief:issue").status, 404);
    EXPECT_EQ(plant.as(plant.token("line-engineer"), "PUT", "/api/v1/users/x", R"({"spec":{"role":"half"}})").status,
              403);
}

TEST_F(Places, ViewsBelongToWhoMadeThem) {
    const std::string engineer = plant.token("engineer"), viewer = plant.token("viewer");
    const auto f = [&](const std::string& who, std::string_view method, std::string_view target, int status,
                       std::string body = {}) {
        const auto reply = plant.as(who, method, target, std::move(body));
        EXPECT_EQ(reply.status, status) << method << " " << target << " " << reply.body;
        return reply.body;
    };
    const std::string own = "/api/v1/saved_views/own";
    f(viewer, "PUT", own, 403, R"({"spec":{"title":"a","page":"tags","owner":"token:t-engineer"}})");
    f(viewer, "PUT", own, 200, R"({"spec":{"title":"a","page":"tags","owner":"token:t-viewer"}})");
    f(viewer, "PATCH", own, 403, R"({"owner":"token:t-engineer"})");
    f(viewer, "PATCH", own, 200, R"({"standard":true})");
    // Its owner's alone, even an administrator is not told of it.
    for (const std::string& other : {engineer, plant.all}) {
        f(other, "GET", own, 404);
        f(other, "PATCH", own, 404, R"({"shared":true})");
        f(other, "DELETE", own, 404);
        f(other, "GET", own + "/revisions", 404);
        EXPECT_EQ(f(other, "GET", "/api/v1/saved_views", 200).find("t-viewer"), std::string::npos);
    }
    EXPECT_NE(f(viewer, "GET", "/api/v1/saved_views", 200).find("t-viewer"), std::string::npos);
    f(engineer, "POST", "/api/v1/apply", 404,
      "kind: saved_view\nname: own\nspec: {title: b, page: tags, owner: x:y}\n");
    f(viewer, "PATCH", own, 200, R"({"shared":true})");
    f(engineer, "GET", own, 200);
    // What it was before it was shared stays its owner's.
    EXPECT_EQ(f(engineer, "GET", own + "/revisions", 200).find("\"revision\":1,"), std::string::npos);
    f(engineer, "PATCH", own, 403, R"({"title":"mine"})");
    f(engineer, "DELETE", own, 403);
    f(plant.all, "PATCH", own, 403, R"({"owner":"token:t-admin"})");
    f(plant.all, "PATCH", own, 200, R"({"title":"for all"})");
    f(plant.all, "DELETE", own, 204);
}

// What a view of somebody else searches for is told only to who finds it in what he sees.
TEST_F(Places, WordsOfViewsAreOfWhatIsInside) {
    plant.put("rule", "inside-grouped", R"({"condition":"inside/d1.x > 1","group":"Press shop"})");
    plant.put("rule", "outside-grouped", R"({"condition":"outside/d1.x > 1","group":"Paint shop"})");
    const auto f = [&](const std::string& query, bool want) {
        plant.put("saved_view", "words",
                  R"({"title":"a","page":"alarms","owner":"user:li","shared":true,"query":)" + query + "}");
        const auto reply = plant.as(plant.limited, "GET", "/api/v1/saved_views/words");
        EXPECT_EQ(reply.status, want ? 200 : 404) << query << " " << reply.body;
        const auto list = plant.as(plant.limited, "GET", "/api/v1/saved_views").body;
        EXPECT_EQ(list.find("\"words\"") != std::string::npos, want) << query;
        EXPECT_EQ(plant.as(plant.all, "GET", "/api/v1/saved_views/words").status, 200);
    };
    f(R"({"range":["24h"]})", true);
    f(R"({"q":["outside"]})", false);
    f(R"({"q":["inside"]})", true);
    f(R"({"q":["INSIDE/d"]})", true);
    f(R"({"q":[""]})", true);
    f(R"({"q":["inside","outside/d1"]})", false);
    f(R"({"group":["Paint shop"]})", false);
    f(R"({"group":["Press shop"]})", true);
}

// Beneath a device of theirs people name virtual tags as they like.
TEST_F(Places, AVirtualTagOfADeviceIsRenamedWithinIt) {
    plant.put("virtual_tag", "twice", R"({"device":"inside/d1","expr":"x * 2"})");
    plant.put("virtual_tag", "thrice", R"({"device":"outside/d1","expr":"x * 3"})");
    const auto f = [&](const std::string& name, const std::string& to, int status) {
        const auto reply =
            plant.as(plant.limited, "POST", "/api/v1/virtual_tags/" + name + ":rename", R"({"name":")" + to + R"("})");
        EXPECT_EQ(reply.status, status) << name << " " << reply.body;
    };
    f("twice", "double", 200);
    f("thrice", "triple", 404);
}

TEST_F(Places, OverviewCountsOnlyWhatIsInside) {
    const auto overview = plant.as(plant.limited, "GET", "/api/v1/overview").body;
    const auto f = [&](std::string_view part) {
        EXPECT_NE(overview.find(part), std::string::npos) << part << " " << overview;
    };
    f(R"("connections":{"total":1,)");
    f(R"("devices":{"total":1,)");
    f(R"("tags":1,"readings_per_s":null)");
    f(R"("major":1)");
    EXPECT_NE(plant.as(plant.limited, "GET", "/api/v1/alarms").body.find(R"("major":1)"), std::string::npos);
    EXPECT_NE(plant.as(plant.all, "GET", "/api/v1/alarms").body.find(R"("major":2)"), std::string::npos);
}

// A stream that stays open, and what came of it.
struct Listener {
    Listener(Plant& plant, std::string_view request) : stream(plant.connect()) {
        stream->start({.on_data = [this](Bytes bytes) { text.append(as_text(bytes)); },
                       .on_closed = [](const Error&) {},
                       .on_drained = {}});
        stream->send(as_bytes(request));
    }
    std::unique_ptr<io::Stream> stream;
    std::string text;
};

TEST_F(Places, WatchesShowOnlyWhatIsInside) {
    std::map<std::string, std::unique_ptr<Listener>> listeners;
    for (const registry::Kind* kind : plant.registry->kinds()) {
        listeners[kind->name] = std::make_unique<Listener>(
            plant, fmt::format("GET /api/v1/{}?watch=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
                               kind->plural, plant.limited));
    }
    plant.sim.run_for(kSecond);
    for (const std::string where : {"inside", "outside"}) {
        plant.put("site", where, R"({"time_zone":"UTC"})");
        plant.put("connection", where + "-plc", R"({"protocol":"modbus_tcp","host":"192.0.2.2"})");
        plant.put("device", where + "/d1",
                  fmt::format(R"({{"type":"mill","connection":"{}-plc","unit_id":4}})", where));
        plant.put("rule", where + "-rule", fmt::format(R"({{"device":"{}/d1","condition":"x > 5"}})", where));
        plant.put("dashboard", where + "-board",
                  fmt::format(R"({{"widgets":[{{"kind":"table","tags":["{}/**"]}}]}})", where));
        plant.put("saved_view", where + "-view",
                  fmt::format(R"({{"title":"b","page":"tags","owner":"user:li","shared":true,"query":)"
                              R"({{"place":["{}/d1"]}}}})",
                              where));
        plant.put("virtual_tag", where + "/v.x", fmt::format(R"({{"expr":"{}/d1.x * 3"}})", where));
        plant.put("role", where + "-role", fmt::format(R"({{"base":"operator","paths":["{}/**"]}})", where));
        plant.put("user", where + "-user", fmt::format(R"({{"role":"{}-role","title":"T"}})", where));
        plant.put("token", where + "-token", fmt::format(R"({{"role":"{}-role","note":"N"}})", where));
        plant.put("tag_alias", where + "-number", fmt::format(R"({{"target":"{}/d1.x"}})", where));
    }
    plant.put("tenant", "outside-tenant", R"({"title":"T"})");
    plant.put("calendar", "inside-hours", "{}");  // seen by everybody
    plant.put("hold", "outside-hold", R"({"tags":["outside/**"],"reason":"R"})");
    plant.put("mapping", "outside-mapping", R"({"topic":"b","take":[{"value":"$.x","tag":"outside/d1.x"}]})");
    plant.sim.run_for(kSecond);
    for (const auto& [kind, listener] : listeners) {
        EXPECT_TRUE(listener->text.starts_with("HTTP/1.1 200")) << kind << listener->text;
        EXPECT_EQ(listener->text.find("outside"), std::string::npos) << kind << listener->text;
        if (is_of_the_whole_tenant(kind) || kind.starts_with("device_t")) continue;
        EXPECT_NE(listener->text.find("\"inside"), std::string::npos) << kind << listener->text;
    }
}

TEST_F(Places, LiveUpdatesShowOnlyWhatIsInside) {
    Listener listener{plant, fmt::format("GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n"
                                         "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                                         plant.limited)};
    ASSERT_TRUE(plant.sim.run_until([&] { return listener.text.find("\r\n\r\n") != std::string::npos; }, kSecond));
    std::string frame;
    wire::write_frame(frame, wire::WsOpcode::text,
                      R"({"subscribe":{"tags":["**","outside/**"],"alarms":true,"connections":true}})", 0x11223344);
    listener.stream->send(as_bytes(frame));
    plant.sim.run_for(2 * kSecond);
    EXPECT_EQ(
        plant
            .as(plant.all, "POST", "/api/v1/write/json",
                R"([{"tag":"outside/fresh.x","value":1},{"tag":"inside/fresh.x","value":1},{"tag":"outside/d1.x","value":2}])")
            .status,
        204);
    auto alarms = plant.flow.fake_alarms.alarms;
    for (auto& [id, alarm] : alarms) plant.flow.fake_alarms.raise(alarm);
    plant.sim.run_for(2 * kSecond);
    for (const std::string_view want : {"inside/d1.x", "inside/fresh.x", "inside-plc", "inside-rule"})
        EXPECT_NE(listener.text.find(want), std::string::npos) << want << " " << listener.text;
    EXPECT_EQ(listener.text.find("outside"), std::string::npos) << listener.text;
}

}  // namespace
}  // namespace gongshu::api
