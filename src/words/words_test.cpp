#include "words/words.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/utf8.h"
#include "expr/error.h"

namespace gongshu::words {
namespace {

// The format with its parts replaced by what `part` gives for their number (in the order of the format) and name.
template <class F>
std::string filled(std::string_view format, F part) {
    std::string out;
    std::size_t number = 0;
    for (std::size_t i = 0; i < format.size(); ++i) {
        const char c = format[i];
        const std::size_t close = c == '{' ? format.find('}', i) : std::string_view::npos;
        if ((c == '{' || c == '}') && i + 1 < format.size() && format[i + 1] == c) {
            out += c;
            ++i;
        } else if (close != std::string_view::npos) {
            out += part(number++, format.substr(i + 1, close - i - 1));
            i = close;
        } else {
            out += c;
        }
    }
    return out;
}

// Of two parts with nothing between them the second has all.
std::vector<std::string> samples(std::string_view english) {
    std::vector<std::string> made;
    std::vector<bool> joined;
    std::string last;
    filled(english, [&](std::size_t number, std::string_view) {
        made.push_back("Z" + std::to_string(number) + "Q");
        return std::string{"\x01"};
    });
    const std::string marked = filled(english, [](std::size_t, std::string_view) { return std::string{"\x01"}; });
    std::size_t number = 0;
    for (std::size_t i = 0; i < marked.size(); ++i) {
        if (marked[i] != '\x01') continue;
        if (i + 1 < marked.size() && marked[i + 1] == '\x01') made[number].clear();
        ++number;
    }
    return made;
}

TEST(Words, EverySentenceComesOutAsItsChinese) {
    for (const auto& list : sentences()) {
        for (const Sentence& sentence : list) {
            const auto parts = samples(sentence.english);
            std::set<std::string> used;
            const std::string english =
                filled(sentence.english, [&](std::size_t number, std::string_view) { return parts[number]; });
            const std::string chinese = filled(sentence.chinese, [&](std::size_t, std::string_view name) {
                if (name.ends_with('=')) name.remove_suffix(1);
                const std::size_t number = std::stoul(std::string(name));
                EXPECT_LT(number, parts.size()) << sentence.english;
                EXPECT_TRUE(used.insert(std::string(name)).second) << sentence.english;
                return number < parts.size() ? parts[number] : "";
            });
            EXPECT_EQ(used.size(), parts.size()) << sentence.english;
            EXPECT_EQ(in_chinese(english), chinese) << sentence.english;
        }
    }
}

TEST(Words, EverySentenceOfExpressionsToo) {
    for (const expr::ErrorInfo& info : expr::errors()) {
        std::set<std::string> said;
        filled(info.text_zh, [&](std::size_t, std::string_view name) { return said.emplace(name), std::string{}; });
        const auto part = [](std::size_t, std::string_view name) { return "Z" + std::string(name) + "Q"; };
        EXPECT_EQ(in_chinese(filled(info.text_en, part)), filled(info.text_zh, part)) << info.code;
    }
}

TEST(Words, ListsHoldNothingTwice) {
    std::set<std::string_view> seen;
    for (const auto& list : sentences())
        for (const Sentence& sentence : list)
            EXPECT_TRUE(seen.insert(sentence.english).second) << sentence.english << " is there twice";
    seen.clear();
    for (const Term& term : terms()) EXPECT_TRUE(seen.insert(term.english).second) << term.english;
}

TEST(Words, ChineseIsWellFormed) {
    const auto check = [](std::string_view text) {
        EXPECT_EQ(find_broken_utf8(text), std::string_view::npos) << text;
        std::string polite{text};
        for (std::size_t at; (at = polite.find("请求")) != std::string::npos;) polite.erase(at, 6);
        EXPECT_EQ(polite.find("请"), std::string::npos) << text;
        for (const std::string_view half : {", ", "; "}) EXPECT_EQ(text.find(half), std::string_view::npos) << text;
    };
    for (const auto& list : sentences())
        for (const Sentence& sentence : list) check(sentence.chinese);
    for (const Term& term : terms()) check(term.chinese);
}

TEST(Words, NestedReasonsComeOutWhole) {
    const auto f = [](std::string_view english, std::string_view chinese) { EXPECT_EQ(in_chinese(english), chinese); };
    f("connection press is down: cannot connect to 10.0.0.5:502: no answer within 3000 ms",
      "连接 press 不通：无法连接 10.0.0.5:502：3000 毫秒内没有应答");
    f("cannot connect to 10.0.0.5:502: Connection refused", "无法连接 10.0.0.5:502：对方拒绝连接");
    f("spec.host: expected a host name or an IP address, found \"a b\"",
      "spec.host: 应为主机名或 IP 地址，实际为“a b”");
    f("spec.port: expected a whole number from 1 to 65535, found 70000",
      "spec.port: 应为整数（1 至 65535），实际为 70000");
    f("spec.protocol: expected one of modbus_tcp, mqtt_device, found \"modbus_tpc\"; did you mean \"modbus_tcp\"?",
      "spec.protocol: 应为以下之一：modbus_tcp, mqtt_device；实际为“modbus_tpc”；是不是“modbus_tcp”？");
    f("spec.hots: there is no such field; did you mean \"host\"?", "spec.hots: 没有这一项；是不是“host”？");
    f("connection: there is no connection \"pres\"; did you mean \"press\"?",
      "connection: 没有连接“pres”；是不是“press”？");
    f("user:li is viewer; this needs the role engineer", "user:li 是查看者，此操作需要工程师");
    f("line 3: a device needs the role engineer; user:li is viewer", "第 3 行：改动设备需要工程师；user:li 是查看者");
    f("cannot write /data/a: cannot write /data/a.new at byte 0: No space left on device",
      "无法写入 /data/a：无法写入 /data/a.new（第 0 字节）：磁盘已满");
    f("'x' is no number", "“x”不是数字");
    f("DB10, byte 4 (8 bytes): code 0x05 (the address is out of range: the area or data block is shorter than that, or "
      "the data block is optimised)",
      "DB10，字节 4（共 8 字节）：返回码 0x05（地址超出范围：存储区或数据块没有这么长，或者数据块是优化访问的）");
    f("\"DB10.DBX4\", character 10: a bit is missing: write DB10.DBX4.0 for the bit, DB10.DBB4 for the byte",
      "“DB10.DBX4”第 10 个字符：缺少位号：位写成 DB10.DBX4.0，字节写成 DB10.DBB4");
    f("the outstation refuses C_SC_NA_1 at 1/24577: the outstation has no such object address",
      "站端拒绝 C_SC_NA_1（1/24577）：站端没有这个信息体地址");
    f("the outstation did not confirm C_SC_NA_1 at 1/24577 within 10000 ms: it may have been carried out",
      "站端在 10000 毫秒内没有确认 C_SC_NA_1（1/24577）：可能已经执行");
    f("the outstation did not answer STARTDT act within 15000 ms", "站端在 15000 毫秒内没有应答 STARTDT 激活");
    f("\"1/0\", character 3: the object address is 0: expected 1 to 16777215, in hexadecimal as 0x4001 or 4001H",
      "“1/0”第 3 个字符：信息体地址为 0：应为 1 至 16777215，十六进制写成 0x4001 或 4001H");
    f("cold/tank.level has values of type number already, the map says text: correct the map",
      "cold/tank.level 已有数字类型，这里写的是文本：改这里的类型");
    f("map: time.zone: is missing: where did the clock stand? For example Asia/Shanghai, UTC, \"+08:00\"",
      "map: time.zone: 缺少时区：钟走的是哪里的时间？例如 Asia/Shanghai、UTC、\"+08:00\"");
    f("not JSON: byte 12: expected a value, found 'x'", "不是 JSON：第 12 字节：应为一个值，实际为 'x'");
    f("field \"a\": nested deeper than 3; field \"b\": holds an empty name; and 4 more",
      "字段“a”：嵌套超过 3 层；字段“b”：其中有空名称；另有 4 处");
    f("unit 3 answers exception 2 (illegal data address) to function 3 at addresses 100 to 110",
      "站号 3 拒绝：异常码 2（非法数据地址）（功能码 3，地址 100 至 110）");
    f("the PLC refuses D100: end code 0xC059, the PLC does not know this command; check the family of the PLC, and "
      "turn reads of several blocks off for a PLC that has none",
      "PLC 拒绝 D100：结束代码 0xC059，PLC 不支持该命令；检查 PLC 的系列；不支持多块读取的 PLC 关闭多块读取");
    f("the PLC answers in ASCII, expected binary: set the same communication data code on both sides",
      "PLC 应答用的是 ASCII，应为二进制：把两边的通信数据代码设为一致");
    f("X8: 8 is no octal digit", "X8：8 不是八进制数字");
    f("spec.clear_condition: give a dead band or a clear condition, not both",
      "spec.clear_condition: 回差和恢复条件只能填一个");
    f("spec.properties[3].name: the device type \"t\" has no property \"a\"; did you mean \"b\"?",
      "spec.properties[3].name: 设备型号“t”没有属性“a”；是不是“b”？");
    f("expected at least one thing to take, found none", "至少要取一项");
    f("there is no device \"device\"", "没有设备“device”");
    f("device: there is no device \"oven\"", "device: 没有设备“oven”");
    f("device_type \"t\" is named by device \"works/m2\", rule \"hot\" and 3 more: change or delete them first",
      "设备型号“t”被设备“works/m2”、规则“hot”等，另有 3 个引用：先修改或删除它们");
    f("there is no hold \"zz\"", "没有保全“zz”");
    f("$.data: expected an array, found an object with a, b; look at the payload and correct take[0].value",
      "$.data: 应为数组，实际为含 a, b 的对象；查看报文，并改正 take[0].value");
    f("mapping lines: $.data: expected a member \"v\", found a number; look at the payload and correct take[0].value",
      "映射 lines：$.data: 应为成员“v”，实际为数字；查看报文，并改正 take[0].value");
    f("device:works/oven may not publish to a/b", "device:works/oven 无权发布到 a/b");
    f("99999999999999 milliseconds since 1970 is outside of the years 1678 to 2262",
      "1970 年起的 99999999999999 毫秒超出 1678 至 2262 年");
    f("message_zh: column 4: there is nothing to fill in for {nope}; expected one of {a}, {b b}",
      "message_zh: 第 4 列：{nope} 没有可填的内容；可用：{a}, {b b}");
    f("spec.keep: expected a number in '-1d'", "spec.keep: “-1d”中应有 0 以上的数字");
    f("spec.keep_bytes: '50 bananas' has the unit ' bananas': use KiB, MiB, GiB, kB, MB, GB or TB, or none for bytes",
      "spec.keep_bytes: “50 bananas”的单位是“ bananas”：应为 KiB、MiB、GiB、kB、MB、GB 或 TB，不写则为字节");
    f("cold/tank is viewer; this needs the role admin", "cold/tank 是查看者，此操作需要管理员");
}

TEST(Words, WhatIsNotKnownStays) {
    for (const std::string_view text : {"", "x", "老王关的", "spec.a", "a: b", "nobody ever wrote this sentence",
                                        "a b: c d; e f", "\"in quotes: no\"", "{}", "{0}"})
        EXPECT_EQ(in_chinese(text), text);
    const std::string part = "there is no tag \"a\"";
    EXPECT_EQ(in_chinese("something strange: " + part), "something strange: 没有点位“a”");
    const std::string long_text(kTextBytesMax + 1, 'a');
    EXPECT_EQ(in_chinese(long_text), long_text);
}

// Texts made to cost much: many colons, many beginnings of sentences.
TEST(Words, WorkIsBounded) {
    for (const std::string_view piece :
         {": ", "; ", "a: b; ", "expected a text, found ", "\n", "is ", "line 1: ", "\"", "cannot read a: "}) {
        std::string text;
        while (text.size() < kTextBytesMax - 64) text += piece;
        const std::string said = in_chinese(text);
        EXPECT_LE(said.size(), 4 * text.size() + 64);
        EXPECT_EQ(find_broken_utf8(said), std::string_view::npos);
    }
}

}  // namespace
}  // namespace gongshu::words
