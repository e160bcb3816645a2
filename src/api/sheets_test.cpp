#include <gtest/gtest.h>

#include <string>

#include "api/core.h"
#include "api/testing/world_test.h"
#include "registry/json.h"

namespace gongshu::api {
namespace {

using registry::parse_json;

constexpr const char* kPresses = R"({"spec":{"title_zh":"压机","title_en":"Press",
 "parameters":[{"name":"number","title_zh":"编号","type":"integer","min":1,"max":200},
               {"name":"line","title_zh":"产线","title_en":"Line","type":"choice","choices":["a","b"],"preset":"a"},
               {"name":"limit","title_zh":"温度上限","type":"number","unit":"degC","preset":80}],
 "connection":{"name":"gate-${line}","spec":{"protocol":"modbus_tcp","host":"192.0.2.${number*0+7}"}},
 "device":{"name":"plant/${line}/press${number}","spec":{"type":"press","title":"Press ${number}",
   "connection":"${connection}","unit_id":"${number}","properties":[{"name":"t","max":"${limit}"}]}},
 "rules":[{"name":"press${number}-hot","spec":{"device":"${device}","condition":"t > 70","severity":"major",
   "message_zh":"${device} 热","message_en":"${device} hot"}}]}})";

class Sheets : public ::testing::Test {
protected:
    Sheets() {
        admin = world.token("admin");
        const registry::Actor actor{TenantId{1}, "default", "system", registry::Role::admin, ""};
        EXPECT_TRUE(world.registry->put(
            actor, "device_type", "press",
            parse_json(R"({"properties":[{"name":"t","type":"number","unit":"degC","min":0,"max":120,"address":)"
                       R"({"kind":"holding","address":4}},{"name":"run","type":"boolean","title_zh":"运行"}]})")
                .value()));
        const auto put = ask("PUT", "/api/v1/device_templates/presses", kPresses);
        EXPECT_EQ(put.status, 200) << put.body;
    }

    test::Reply ask(std::string_view method, std::string_view target, std::string body = "",
                    wire::HttpHeaders headers = {}) {
        return world.as(admin, method, target, std::move(body), std::move(headers));
    }
    Json json(const test::Reply& reply, int status = 200) {
        EXPECT_EQ(reply.status, status) << reply.body;
        return parse_json(reply.body).value();
    }
    // "created 3 changed 1": what is not nothing.
    static std::string counts(const Json& report) {
        std::string text;
        for (const char* word : {"created", "changed", "deleted", "moved", "unchanged", "refused"}) {
            const auto count = report.at("counts").at(word).as_int64();
            if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : " ", word, count);
        }
        return text;
    }
    std::size_t count_of(const char* kind) { return world.registry->list(TenantId{1}, kind).size(); }
    Json spec(const char* kind, const char* name) { return world.registry->get(TenantId{1}, kind, name)->spec; }
    static wire::HttpHeaders if_match(const Json& report) {
        return {{"if-match", "\"" + std::string(std::string_view(report.at("seen").as_string())) + "\""}};
    }

    test::World world;
    std::string admin;
};

TEST_F(Sheets, AHundredMachinesOfOneTemplate) {
    std::string rows = "编号,Line,温度上限\r\n";
    for (int i = 1; i <= 100; ++i) rows += fmt::format("{},{},{}\r\n", i, i % 2 ? "a" : "b", i == 7 ? "95" : "");
    const auto seen = json(ask("POST", "/api/v1/device_templates/presses:make?dry_run=1", rows));
    EXPECT_EQ(counts(seen), "created 100");
    EXPECT_EQ(count_of("device"), 0u);
    EXPECT_EQ(seen.at("lines").as_array().size(), 100u);
    // The first of a line makes the gateway, the others join it.
    EXPECT_EQ(seen.at("lines").at(0).at("parts").as_array().size(), 3u);
    EXPECT_EQ(seen.at("lines").at(2).at("parts").as_array().size(), 2u);
    const auto done = json(ask("POST", "/api/v1/device_templates/presses:make", rows, if_match(seen)));
    EXPECT_EQ(counts(done), "created 100");
    EXPECT_TRUE(done.at("stored").as_bool());
    EXPECT_EQ(count_of("device"), 100u);
    EXPECT_EQ(count_of("rule"), 100u);
    EXPECT_EQ(count_of("connection"), 2u);
    const Json seventh = spec("device", "plant/a/press7");
    EXPECT_EQ(seventh.at("unit_id"), 7);
    EXPECT_EQ(seventh.at("properties").at(0).at("max"), 95);
    EXPECT_EQ(seventh.at("from_template"),
              parse_json(R"({"name":"presses","revision":1,"parameters":{"number":7,"line":"a","limit":95}})").value());
    EXPECT_EQ(spec("rule", "press100-hot").at("device"), "plant/b/press100");
    // Once more is nothing new, and the dry run of before is no longer what is there.
    EXPECT_EQ(counts(json(ask("POST", "/api/v1/device_templates/presses:make", rows))), "unchanged 100");
    const auto again = ask("POST", "/api/v1/device_templates/presses:make", rows, if_match(seen));
    EXPECT_EQ(again.status, 412) << again.body;
}

TEST_F(Sheets, EachWrongCellIsNamed) {
    const auto f = [&](const std::string& body, int status, const std::string& want) {
        const auto reply = ask("POST", "/api/v1/device_templates/presses:make", body);
        EXPECT_EQ(reply.status, status) << body << reply.body;
        EXPECT_NE(reply.body.find(want), std::string::npos) << body << "\n" << reply.body;
        EXPECT_EQ(count_of("device"), 0u);
    };
    f("number\n1\n\nx\n", 400, R"("lines":[{"line":2,"name":"plant/a/press1","what":"created")");
    f("number\n1\n\nx\n", 400,
      R"({"line":4,"name":"","what":"refused","faults":[{"column":"number","found":"x",)"
      R"("expected":{"zh":"整数，1 至 200","en":"a whole number from 1 to 200"}}])");
    f(R"({"rows":[{"number":1,"line":"c"}]})", 400, R"("column":"line","found":"c")");
    f(R"({"rows":[{"number":1,"colour":"red"}]})", 400, R"("column":"colour")");
    f(R"({"rows":[{"number":1},{"number":1}]})", 400, R"(would be made otherwise by line 1 already)");
    f("number,colour\n1,red\n", 400, R"(line 1: the column \"colour\" is no parameter)");
    f("number,编号\n1,1\n", 400, R"(two columns are the parameter)");
    f("number\n", 200, R"("stored":true)");
    f(R"({"rows":3})", 400, "rows: expected a list");
    f("", 400, "expected the names of the columns");
    f("PK\x03\x04", 400, "the zip archive has no directory");
    // What only the registry knows comes back to the cell that it was made of.
    ASSERT_EQ(
        ask("PUT", "/api/v1/connections/gate-b", R"({"spec":{"protocol":"modbus_tcp","host":"192.0.2.99"}})").status,
        200);
    f(R"({"rows":[{"number":1,"line":"b"}]})", 400,
      R"("column":"line","error":"there is a connection \"gate-b\" already)");
}

TEST_F(Sheets, AnEditOfTheTemplateReachesItsMachines) {
    json(ask("POST", "/api/v1/device_templates/presses:make", "number\n1\n2\n3\n"));
    // By hand: another title, a limit of its own, a faster rule.
    ASSERT_EQ(ask("PATCH", "/api/v1/devices/plant%2Fa%2Fpress2",
                  R"({"title":"Old faithful","properties":[{"name":"t","max":60},{"name":"run","enabled":false}]})")
                  .status,
              200);
    ASSERT_EQ(ask("PATCH", "/api/v1/device_templates/presses",
                  R"({"device":{"spec":{"title":"Press No. ${number}","title_en":"P${number}"}}})")
                  .status,
              200);
    const auto seen = json(ask("POST", "/api/v1/device_templates/presses:update?dry_run=1"));
    EXPECT_EQ(counts(seen), "changed 3");
    const Json& second = seen.at("lines").at(1);
    EXPECT_EQ(second.at("name"), "plant/a/press2");
    std::string kept;
    for (const Json& part : second.at("parts").as_array())
        for (const Json& one : part.at("kept").as_array())
            kept += std::string(std::string_view(one.at("path").as_string())) + " ";
    EXPECT_EQ(kept, "title properties[t].max properties[run] ");
    // Somebody changes one of them between looking and doing.
    ASSERT_EQ(ask("PATCH", "/api/v1/devices/plant%2Fa%2Fpress3", R"({"enabled":false})").status, 200);
    const auto late = ask("POST", "/api/v1/device_templates/presses:update", "", if_match(seen));
    EXPECT_EQ(late.status, 412);
    EXPECT_NE(late.body.find("plant/a/press3\\\" by token:t-admin"), std::string::npos) << late.body;
    const auto look = json(ask("POST", "/api/v1/device_templates/presses:update?dry_run=1"));
    EXPECT_EQ(counts(json(ask("POST", "/api/v1/device_templates/presses:update", "", if_match(look)))), "changed 3");
    EXPECT_EQ(spec("device", "plant/a/press1").at("title"), "Press No. 1");
    EXPECT_EQ(spec("device", "plant/a/press2").at("title"), "Old faithful");
    EXPECT_EQ(spec("device", "plant/a/press2").at("title_en"), "P2");
    EXPECT_EQ(spec("device", "plant/a/press3").at("enabled"), false);
    EXPECT_EQ(counts(json(ask("POST", "/api/v1/device_templates/presses:update"))), "unchanged 3");
    // A template in use stays, until its machines forget it.
    EXPECT_EQ(ask("DELETE", "/api/v1/device_templates/presses").status, 409);
    EXPECT_EQ(counts(json(ask("POST", "/api/v1/device_templates/presses:detach"))), "changed 3");
    EXPECT_EQ(ask("DELETE", "/api/v1/device_templates/presses").status, 204);
    EXPECT_EQ(spec("device", "plant/a/press2").at("title"), "Old faithful");
}

TEST_F(Sheets, DevicesAndTagsGoOutAndComeBack) {
    json(ask("POST", "/api/v1/device_templates/presses:make", "number\n1\n2\n3\n"));
    const auto out = ask("GET", "/api/v1/devices:export?header=zh");
    EXPECT_EQ(out.status, 200);
    EXPECT_EQ(out.header("content-type"), "text/csv; charset=utf-8");
    EXPECT_EQ(out.header("content-disposition"), "attachment; filename=\"devices.csv\"");
    EXPECT_TRUE(out.body.starts_with("\xEF\xBB\xBF设备,改名为,删除,中文名称,")) << out.body;
    EXPECT_EQ(counts(json(ask("POST", "/api/v1/devices:import", out.body))), "unchanged 3");
    const auto tags = ask("GET", "/api/v1/tags:export?name=plant/a/press2");
    EXPECT_NE(tags.body.find("plant/a/press2,t,,,number,degC,no,yes,0,80,,holding,4,u16,ABCD,,1,1,0,1\r\n"),
              std::string::npos)
        << tags.body;
    EXPECT_EQ(tags.body.find("press1"), std::string::npos);
    EXPECT_EQ(counts(json(ask("POST", "/api/v1/tags:import", tags.body))), "unchanged 2");
    EXPECT_EQ(ask("GET", "/api/v1/tags:export?header=fr").status, 400);

    // As Excel saves it in China: GB18030, 设备 and 中文名称.
    const std::string sheet = "\xC9\xE8\xB1\xB8,\xD6\xD0\xCE\xC4\xC3\xFB\xB3\xC6\nplant/a/press1,\xD2\xBB\xBA\xC5\n";
    const auto seen = json(ask("POST", "/api/v1/devices:import?dry_run=1", sheet));
    EXPECT_EQ(registry::to_text(seen.at("lines")), R"([{"line":2,"name":"plant/a/press1","what":"changed","faults":[],)"
                                                   R"("changes":[{"column":"title_zh","before":"","after":"一号"}]}])");
    ASSERT_EQ(ask("PATCH", "/api/v1/devices/plant%2Fa%2Fpress1", R"({"enabled":false})").status, 200);
    EXPECT_EQ(ask("POST", "/api/v1/devices:import", sheet, if_match(seen)).status, 412);
    EXPECT_EQ(ask("POST", "/api/v1/devices:import", sheet, {{"if-match", "\"x\""}}).status, 400);
    const auto again = json(ask("POST", "/api/v1/devices:import?dry_run=1", sheet));
    EXPECT_TRUE(json(ask("POST", "/api/v1/devices:import", sheet, if_match(again))).at("stored").as_bool());
    EXPECT_EQ(spec("device", "plant/a/press1").at("title_zh"), "一号");
    const auto refused = ask("POST", "/api/v1/devices:import", "name,unit_id\nplant/a/press1,9\nplant/a/press2,x\n");
    EXPECT_EQ(refused.status, 400);
    EXPECT_NE(refused.body.find(R"("detail":"1 of 2 lines were refused, so that nothing was stored")"),
              std::string::npos);
    EXPECT_EQ(spec("device", "plant/a/press1").at("unit_id"), 1);
    // Gone only if the sheet says so.
    EXPECT_EQ(counts(json(ask("POST", "/api/v1/devices:import", "name\nplant/a/press1\n"))), "unchanged 1");
    EXPECT_EQ(count_of("device"), 3u);
    EXPECT_EQ(ask("DELETE", "/api/v1/rules/press3-hot").status, 204);
    EXPECT_EQ(counts(json(ask("POST", "/api/v1/devices:import", "name,delete\nplant/a/press3,yes\n"))), "deleted 1");
    EXPECT_EQ(count_of("device"), 2u);
    // A device that a rule names stays, and the sheet says why.
    EXPECT_NE(ask("POST", "/api/v1/devices:import", "name,delete\nplant/a/press2,yes\n").body.find("is named by rule"),
              std::string::npos);
}

TEST_F(Sheets, WhoMayNotChangeDevicesMakesNone) {
    const auto viewer = world.token("viewer");
    for (const char* action : {"device_templates/presses:make", "device_templates/presses:update",
                               "device_templates/presses:detach", "devices:import", "tags:import"})
        EXPECT_EQ(world.as(viewer, "POST", std::string("/api/v1/") + action, "number\n1\n").status, 403);
}

}  // namespace
}  // namespace gongshu::api
