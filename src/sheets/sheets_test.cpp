#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "io/sim.h"
#include "registry/json.h"
#include "sheets/device_sheet.h"
#include "sheets/sheet_file.h"
#include "sheets/tag_sheet.h"

namespace gongshu::sheets {
namespace {

using registry::parse_json;

TEST(SheetFile, WhatIsWrittenIsRead) {
    auto f = [](const std::string& text, const std::string& want) {
        std::string out = "a,b\r\n";
        write_row(out, {{text}, {"x"}});
        const std::string line = out.substr(5);
        EXPECT_EQ(line, want + ",x\r\n");
        const auto file = read_sheet(out);
        ASSERT_TRUE(file) << file.error().text();
        ASSERT_EQ(file->rows.size(), 1u);
        EXPECT_EQ(file->rows[0].cells[0], text) << line;
    };
    f("plain", "plain");
    f("温度", "温度");
    f("a,b", "\"a,b\"");
    f("say \"hi\"", "\"say \"\"hi\"\"\"");
    f("two\nlines", "\"two\nlines\"");
    f(" edge ", "\" edge \"");
    f("=1+1", "'=1+1");
    f("+86", "'+86");
    f("-3", "'-3");
    f("@sum", "'@sum");
    f("\ttab", "\"'\ttab\"");
    f("\n=1+1", "\"'\n=1+1\"");
    f("＝1+1", "'＝1+1");
    f("＋86", "'＋86");
    f("－3", "'－3");
    f("＠sum", "'＠sum");
    f("'＝1", "''＝1");
    f("（1）", "（1）");
    f("'=1", "''=1");
    f("''", "'''");
    f("''a", "'''a");
    f("'a", "'a");
    f("'", "'");
    f("", "");
}

TEST(SheetFile, RandomTextsComeBack) {
    Rng rng{7};
    static constexpr const char* kPieces[] = {"'",  "=", "+", "-",  "@",  "\"", ",",  ";",
                                              "\n", " ", "a", "温", "\t", "1",  "＝", "＠"};
    for (int i = 0; i < 3'000; ++i) {
        std::vector<SheetCell> cells{{"key"}};
        for (int k = 0; k < 3; ++k) {
            std::string text;
            for (auto n = rng.below(6); n > 0; --n) text += kPieces[rng.below(std::size(kPieces))];
            cells.push_back({text});
        }
        std::string out{kByteOrderMark};
        write_row(out, {{"a"}, {"b"}, {"c"}, {"d"}});
        write_row(out, cells);
        const auto file = read_sheet(out);
        ASSERT_TRUE(file) << out << file.error().text();
        ASSERT_EQ(file->rows.size(), 1u) << out;
        for (int k = 0; k < 4; ++k) EXPECT_EQ(file->rows[0].cells[k], cells[k].text) << out;
    }
}

TEST(SheetFile, TakesWhatPeopleSend) {
    auto f = [](std::string_view bytes, const std::string& want) {
        const auto file = read_sheet(bytes);
        std::string got = file ? file->encoding : file.error().text();
        if (file) {
            for (const auto& name : file->names) got += "|" + name;
            for (const auto& row : file->rows) {
                got += fmt::format(" {}:", row.line);
                for (const auto& cell : row.cells) got += cell + ";";
            }
        }
        EXPECT_EQ(got.substr(0, want.size()), want);
    };
    f("a,b\n1,2\n", "utf-8|a|b 2:1;2;");
    f("\xEF\xBB\xBF"
      "a;b\r\n1;2\r\n",
      "utf-8|a|b 2:1;2;");
    f("a\tb\n1,5\t2\n", "utf-8|a|b 2:1,5;2;");
    f("a,b\n\n , \n3\n", "utf-8|a|b 4:3;;");
    f("a,b,\n1,2,\n", "utf-8|a|b 2:1;2;");
    f("\xC9\xE8\xB1\xB8,\xC1\xAC\xBD\xD3\n\xD1\xB9\xBB\xFA\x31,x\n", "gb18030|设备|连接 2:压机1;x;");
    f("a,b\n1,2,3\n", "line 2: has 3 cells, but the header has 2");
    f("", "line 1: expected the names of the columns");
    f("PK\x03\x04zip", "the zip archive has no directory at its end");
    std::string long_file = "a\n";
    for (int i = 0; i < 10'001; ++i) long_file += "x\n";
    f(long_file, "line 10002: a sheet has at most 10000 rows");
}

class Plant : public ::testing::Test {
protected:
    Plant() {
        registry =
            registry::Registry::create(files, clock, {.folder = "/data/registry", .key_folder = "/keys"}).value();
        EXPECT_TRUE(registry->load());
        put("device_type", "press",
            R"({"properties":[{"name":"t","type":"number","title_zh":"温度","unit":"degC","min":0,"max":120,"period_ms":500,)"
            R"("address":{"kind":"holding","address":4,"scale":0.1}},{"name":"run","type":"boolean"},)"
            R"({"name":"note","type":"text","writable":true}]})");
        put("connection", "plc", R"({"protocol":"modbus_tcp","host":"192.0.2.1"})");
        put("device", "a/p1", R"({"type":"press","title":"=1+1","connection":"plc","unit_id":3})");
        put("device", "a/p2",
            R"({"type":"press","title_zh":"二, 号","enabled":false,"properties":[{"name":"t","max":90}]})");
    }

    void put(const char* kind, const std::string& name, const std::string& spec) {
        const auto made = registry->put(admin, kind, name, parse_json(spec).value());
        ASSERT_TRUE(made) << made.error().text();
    }
    // "2 changed; 3 unit_id: found …" of a sheet that is tried or stored.
    std::string send(const std::string& csv, bool tags = false, bool dry_run = false) {
        const auto file = read_sheet(csv, {.rows_max = kTagRowsMax});
        if (!file) return file.error().text();
        const auto sees = [](const registry::Resource&) { return true; };
        auto plan = tags ? plan_tags(*registry, admin, *file, sees) : plan_devices(*registry, admin, *file, sees);
        if (!plan) return plan.error().text();
        const bool stored = carry_out(*registry, admin, *plan, dry_run);
        std::string text = stored ? "stored" : "not stored";
        for (const PlanLine& line : plan->lines) {
            if (line.what == "unchanged") continue;
            text += fmt::format("; {} {}", line.line, line.what);
            for (const CellChange& change : line.changes)
                text += fmt::format(" {}:{}>{}", change.column, change.before, change.after);
            for (const Fault& fault : line.faults)
                text +=
                    fmt::format(" {}!{}{}", fault.column, fault.found, fault.error.empty() ? "" : " " + fault.error);
        }
        return text;
    }
    std::string devices() { return device_sheet(registry->list_shared(TenantId{1}, "device"), Header::keys); }
    std::string tags() {
        return tag_sheet(*registry, TenantId{1}, registry->list_shared(TenantId{1}, "device"), Header::zh);
    }
    Json spec(const std::string& name) { return registry->get(TenantId{1}, "device", name)->spec; }

    io::SimFiles files;
    SimClock clock;
    std::unique_ptr<registry::Registry> registry;
    registry::Actor admin{TenantId{1}, "default", "user:admin", registry::Role::admin, ""};
};

TEST_F(Plant, DevicesAsASheet) {
    EXPECT_EQ(
        devices(),
        "\xEF\xBB\xBFname,new_name,delete,title_zh,title_en,title,type,connection,unit_id,external_id,enabled,template,"
        "revision\r\n"
        "a/p1,,,,,'=1+1,press,plc,3,,yes,,1\r\n"
        "a/p2,,,\"二, 号\",,,press,,,,no,,1\r\n");
    EXPECT_EQ(send(devices()), "stored");
    EXPECT_EQ(registry->get(TenantId{1}, "device", "a/p1")->revision, 1u);
}

TEST_F(Plant, ADeviceSheetChangesWhatItSays) {
    auto f = [&](const std::string& csv, const std::string& want) {
        EXPECT_EQ(send(csv, false, true).substr(0, want.size()), want) << csv;
    };
    f("name,unit_id\na/p1,4\n", "not stored; 2 changed unit_id:3>4");
    f("设备,从站号\na/p1,4.0\n", "not stored; 2 changed unit_id:3>4");
    f("name,unit_id\na/p1,\n", "not stored; 2 changed unit_id:3>");
    f("name,unit_id\na/p1,x\n", "not stored; 2 refused unit_id!x");
    f("name,unit_id\na/p1,999\n", "not stored; 2 refused unit_id:3>999 unit_id! unit_id: expected");
    f("name,connection\na/p1,pcl\n",
      "not stored; 2 refused connection:plc>pcl connection! connection: there is no connection \"pcl\"; did you mean");
    f("name,enabled\na/p1,停用\na/p2,\n", "not stored; 2 changed enabled:yes>no");
    f("name,type\na/p3,press\n", "not stored; 2 created type:>press");
    f("name,title\na/p3,x\n", "not stored; 2 refused title:>x type! type: ");
    f("name,type\na p,press\n", "not stored; 2 refused type:>press name!");
    f("name,delete\na/p1,yes\na/p2,no\n", "not stored; 2 deleted delete:no>yes");
    f("name,delete\na/p9,yes\n", "not stored; 2 refused name!a/p9");
    f("name,delete\na/p1,maybe\n", "not stored; 2 refused delete!maybe");
    f("name,new_name,delete\na/p1,b,yes\n", "not stored; 2 refused new_name!b");
    f("name,new_name\na/p1,b/p1\n", "not stored; 2 moved new_name:a/p1>b/p1");
    f("name,new_name\na/p1,a/p2\n",
      "not stored; 2 refused new_name:a/p1>a/p2 new_name! there is a device \"a/p2\" already");
    f("name,new_name\na/p1,a/p2\na/p2,a/p3\n", "not stored; 2 moved new_name:a/p1>a/p2; 3 moved");
    f("name,new_name,delete\na/p1,a/p2,\na/p2,,yes\n", "not stored; 2 moved new_name:a/p1>a/p2; 3 deleted");
    f("name,new_name\na/p1,a/p2\na/p2,a/p1\n", "not stored; 2 ");
    f("name,revision,title\na/p1,1,x\na/p2,7,y\n", "not stored; 2 changed title:=1+1>x; 3 refused title:>y revision!7");
    f("name,revision\na/p9,1\n", "not stored; 2 refused revision!1");
    f("name,template\na/p1,t\n", "not stored; 2 refused template!t");
    f("name\na/p1\na/p1\n", "not stored; 3 refused name!a/p1");
    f("name,title\n,x\n", "not stored; 2 refused name!");
    f("name,colour\na/p1,red\n",
      "line 1: there is no column \"colour\"; expected some of name, new_name, delete, title_zh");
    // As the page of devices heads them.
    f("名称,型号\na/p1,pump\n", "not stored; 2 refused t");
    f("Name,Type\na/p1,pump\n", "not stored; 2 refused t");
    f("name,unitid\na/p1,red\n", "line 1: there is no column \"unitid\"; did you mean \"unit_id\"?");
    f("name,设备\na/p1,red\n", "line 1: two columns are \"name\"");
    f("title\nx\n", "line 1: expected a column \"name\"");
    EXPECT_EQ(send(devices()), "stored");
    // One that is refused keeps all others.
    EXPECT_EQ(send("name,title\na/p1,new\na/p9,\n").substr(0, 10), "not stored");
    EXPECT_EQ(spec("a/p1").at("title"), "=1+1");
    EXPECT_EQ(send("name,title,new_name\na/p1,new,b/q\n"), "stored; 2 moved title:=1+1>new new_name:a/p1>b/q");
    EXPECT_EQ(spec("b/q").at("title"), "new");
}

TEST_F(Plant, TagsAsASheet) {
    EXPECT_EQ(tags().substr(0, tags().find("a/p1,run")),
              "\xEF\xBB\xBF设备,属性,中文名称,英文名称,类型,单位,可下发,启用,下限,上限,采集周期(ms),寄存器种类,地址,"
              "编码,字节次序,位,"
              "文本寄存器数,倍率,偏移,版本\r\n"
              "a/p1,t,温度,,number,degC,no,yes,0,120,500,holding,4,u16,ABCD,,1,0.1,0,1\r\n");
    EXPECT_EQ(send(tags(), true), "stored");
    auto f = [&](const std::string& csv, const std::string& want) {
        EXPECT_EQ(send(csv, true, true).substr(0, want.size()), want) << csv;
    };
    f("device,property,max\na/p1,t,100\n", "not stored; 2 changed max:120>100");
    f("device,property,max\na/p2,t,\n", "not stored; 2 changed max:90>120");
    f("device,property,max\na/p2,t,120\n", "not stored; 2 changed max:90>120");
    f("device,property,max\na/p1,t,\n", "not stored");
    f("device,property,max\na/p1,t,hot\n", "not stored; 2 refused max!hot");
    f("device,property,period_ms\na/p1,run,5\n",
      "not stored; 2 refused period_ms:>5 period_ms! properties[0].period_ms: expected");
    f("device,property,enabled\na/p1,t,否\na/p1,run,0\n",
      "not stored; 2 changed enabled:yes>no; 3 changed enabled:yes>no");
    f("device,property,address\na/p1,t,7\n", "not stored; 2 changed address:4>7");
    f("device,property,kind,address\na/p1,t,,\n", "not stored");
    f("device,property,kind,address\na/p1,run,coil,3\n",
      "not stored; 2 changed kind:>coil address:>3 encoding:>u16 word_order:>ABCD length:>1 scale:>1 offset:>0");
    f("device,property,address\na/p1,run,3\n", "not stored; 2 refused address:>3");
    f("device,property,bit\na/p1,t,99\n", "not stored; 2 refused bit:>99 bit! properties[0].address.bit: ");
    f("device,property,unit\na/p1,t,K\n", "not stored; 2 refused unit!K");
    f("device,property\na/p1,speed\n", "not stored; 2 refused property!speed");
    f("device,property\na/p9,t\n", "not stored; 2 refused device!a/p9");
    f("device,property\na/p1,t\na/p1,t\n", "not stored; 3 refused property!t");
    f("device,max\na/p1,3\n", "line 1: expected the columns");
    EXPECT_EQ(send("device,property,max,address\na/p2,t,,9\n", true), "stored; 2 changed max:90>120 address:4>9");
    EXPECT_EQ(spec("a/p2").at("properties").at(0).at("address").at("scale"), 0.1);
    EXPECT_EQ(send("device,property,address,scale\na/p2,t,4,0.1\n", true), "stored; 2 changed address:9>4");
    EXPECT_TRUE(spec("a/p2").at("properties").as_array().empty());
}

// Whatever is configured: out and in again changes nothing; and what a cell is set to is what comes out.
TEST_F(Plant, RandomRoundTrips) {
    Rng rng{20'261'121};
    const auto pick = [&](std::initializer_list<const char*> of) {
        return std::string(*(of.begin() + rng.below(of.size())));
    };
    std::map<std::string, std::string> titles;  // the dull model
    for (int step = 0; step < 120; ++step) {
        const std::string name = fmt::format("a/p{}", rng.below(12));
        JsonObject device{{"type", "press"}};
        const std::string title = pick({"", "=x", "'-y", "a,b", "温 度", "\"q\"", "+1", "line\nbreak", " s "});
        if (!title.empty()) device["title"] = title;
        if (rng.below(2) > 0) device["connection"] = "plc";
        if (rng.below(2) > 0) device["unit_id"] = static_cast<std::int64_t>(rng.below(248));
        device["enabled"] = rng.below(2) > 0;
        JsonArray own;
        for (const char* property : {"t", "run", "note"}) {
            if (rng.below(2) > 0) continue;
            JsonObject one{{"name", property}};
            if (rng.below(3) == 0) one["enabled"] = rng.below(2) > 0;
            if (rng.below(3) == 0) one["min"] = static_cast<double>(rng.below(1000)) / 7;
            if (rng.below(3) == 0) one["max"] = 120;
            if (rng.below(3) == 0)
                one["address"] = Json{{"kind", "input"}, {"address", static_cast<std::int64_t>(rng.below(99))}};
            own.push_back(std::move(one));
        }
        device["properties"] = std::move(own);
        put("device", name, registry::to_text(device));
        titles[name] = title;
        const std::string before = devices() + tags();
        ASSERT_EQ(send(devices()), "stored") << step;
        ASSERT_EQ(send(tags(), true), "stored") << step;
        ASSERT_EQ(devices() + tags(), before) << step;
        if (rng.below(2) == 0) continue;
        // One title by a sheet.
        const std::string wanted = pick({"=x", "'-y", "温 度", " s ", "''"});
        std::string csv;
        write_row(csv, {{"name"}, {"title"}});
        write_row(csv, {{name}, {wanted}});
        ASSERT_TRUE(send(csv).starts_with("stored"));
        titles[name] = wanted;
        for (const auto& [device_name, value] : titles) {
            const Json now = spec(device_name);
            ASSERT_EQ(text_member(now, "title"), value) << step << device_name;
        }
    }
}

}  // namespace
}  // namespace gongshu::sheets
