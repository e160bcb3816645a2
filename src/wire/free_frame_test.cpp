#include "wire/free_frame.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire::free_frame {
namespace {

Buffer hex(std::string_view text) { return parse_bytes(text, true).value(); }
Buffer text(std::string_view text) { return unescape(text).value(); }

std::string shown(const Template& of, const Result<Body>& body) {
    if (!body) return "!" + body.error().text();
    if (body->is_ignored) return "ignored";
    std::string out;
    for (const Row& row : body->rows)
        out += fmt::format("{}{}={}{}{}{}", out.empty() ? "" : ", ", of.fields()[row.field].name,
                           row.value ? gongshu::to_string(*row.value) : "-", row.unit.empty() ? "" : " ", row.unit,
                           row.quality == kGood ? "" : " " + gongshu::to_string(row.quality));
    for (const std::string& fault : body->faults) out += fmt::format("{}!{}", out.empty() ? "" : ", ", fault);
    return out;
}

// What a template makes of bytes: frames with "; " between, what was left out in brackets.
std::string said(std::string_view json, Bytes bytes) {
    const auto of = Template::create(json);
    if (!of) return "template " + of.error().text();
    const Trial trial = try_bytes(*of, bytes);
    std::string out;
    for (const Trial::Frame& frame : trial.frames) out += (out.empty() ? "" : "; ") + shown(**of, frame.body);
    if (trial.skipped_bytes > 0) out += fmt::format(" [{} skipped: {}]", trial.skipped_bytes, trial.last_fault);
    if (!trial.left.empty()) out += fmt::format(" [left {}]", trial.left);
    return out;
}

// ---- what is on the market ----

// Mettler-Toledo SICS: S, status, the weight in ten columns, the unit.
constexpr std::string_view kSics = R"({
    "frame": {"end": "\\r\\n"}, "poll": "SI\\r\\n",
    "pattern": "^S (?P<status>[SDI+-])(?: +(?P<weight>-? *[0-9.]+) (?P<unit>\\w+))?$",
    "fields": [{"name": "weight", "group": "weight", "unit": "g", "unit_from": {"group": "unit"}}],
    "quality": [{"group": "status", "is": "D", "quality": "uncertain:unstable"},
                {"group": "status", "is": ["+", "-"], "quality": "bad:range"},
                {"group": "status", "is": "I", "quality": "bad:sensor"}]})";
// A&D indicators: ST,GS,+0012.34kg
constexpr std::string_view kAnd = R"({
    "frame": {"end": "\\r\\n"},
    "pattern": "^(?P<status>ST|US|OL),(?P<mode>GS|NT|TR),(?P<weight>[-+ ][ 0-9.]*)(?P<unit>[a-z ]*)$",
    "fields": [{"name": "weight", "group": "weight", "unit": "kg", "unit_from": {"group": "unit"}},
               {"name": "net", "group": "mode", "map": {"GS": false, "NT": true, "TR": false}}],
    "quality": [{"group": "status", "is": "US", "quality": "uncertain:unstable"},
                {"group": "status", "is": "OL", "quality": "bad:range"}]})";
// Toledo continuous: STX SWA SWB SWC, six digits of weight, six of tare, CR, checksum.
constexpr std::string_view kToledo = R"({
    "frame": {"by": "start_end", "start": "\\x02", "end": "\\r", "trailer": 1, "max_bytes": 18},
    "checksum": {"kind": "lrc", "bits": 7, "at": -1},
    "fields": [
        {"name": "weight", "at": 4, "bytes": 6, "unit": "kg", "unit_from": {"at": 2, "bit": 4, "map": {"0": "lb", "1": "kg"}},
         "factor": {"at": 1, "bits": [0, 2], "map": {"0": 100, "1": 10, "2": 1, "3": 0.1, "4": 0.01, "5": 0.001, "6": 0.0001}},
         "negative": {"at": 2, "bit": 1}},
        {"name": "tare", "at": 10, "bytes": 6, "unit": "kg", "unit_from": {"at": 2, "bit": 4, "map": {"0": "lb", "1": "kg"}},
         "factor": {"at": 1, "bits": [0, 2], "map": {"0": 100, "1": 10, "2": 1, "3": 0.1, "4": 0.01, "5": 0.001, "6": 0.0001}}}],
    "quality": [{"at": 2, "bit": 3, "is": 1, "quality": "uncertain:unstable"},
                {"at": 2, "bit": 2, "is": 1, "quality": "bad:range"}]})";
constexpr std::string_view kScanner = R"({
    "frame": {"end": "\\r"}, "fields": [{"name": "code", "pattern": "^(?P<code>.+)$", "as": "text"}]})";
// Yudian AI, station 1, reading parameter 0: the answer is ten bytes, summed as words with the station.
constexpr std::string_view kAibus = R"({
    "frame": {"by": "fixed", "bytes": 10},
    "checksum": {"kind": "words16", "at": -2, "add": 1},
    "poll": {"send": "\\x81\\x81R\\x00\\x00\\x00", "checksum": {"kind": "words16", "from": 2, "add": 1}},
    "fields": [{"name": "pv", "at": 0, "as": "i16", "endian": "little", "scale": 0.1, "unit": "degC"},
               {"name": "sv", "at": 2, "as": "i16", "endian": "little", "scale": 0.1, "unit": "degC"},
               {"name": "mv", "at": 4, "as": "i8", "unit": "%"},
               {"name": "high_alarm", "at": 5, "bit": 0}]})";
// A gauge: two digits of its number, A, sign and digits.
constexpr std::string_view kGauge = R"({
    "frame": {"end": "\\r", "max_bytes": 32}, "poll": "1\\r",
    "pattern": "^(?P<number>\\d\\d)(?P<status>[A-Z0-9])(?:(?P<value>[-+]\\d+\\.\\d+))?$",
    "fields": [{"name": "length", "group": "value", "unit": "mm"}, {"name": "gauge", "group": "number", "as": "integer"}],
    "quality": [{"group": "status", "not": "A", "quality": "bad:sensor"}]})";
// Mitutoyo ID-H: GN01,+0016.2345
constexpr std::string_view kMitutoyo = R"({
    "frame": {"end": "\\r\\n"}, "poll": "GA01\\r\\n", "ignore": ["^CH"],
    "fields": [{"name": "length", "item": 2, "split": ",", "unit": "mm"}]})";
// OHAUS: weight right justified, unit, ? while it moves, a legend.
constexpr std::string_view kOhaus = R"({
    "frame": {"end": "\\r\\n"}, "poll": "IP\\r\\n",
    "pattern": "^ *(?P<weight>-? *[0-9.]+) (?P<unit>[A-Za-z]+) ?(?P<moving>\\?)?(?: .*)?$",
    "fields": [{"name": "weight", "group": "weight", "unit_from": {"group": "unit"}}],
    "quality": [{"group": "moving", "is": "?", "quality": "uncertain:unstable"}]})";

TEST(FreeFrame, WhatMakersSay) {
    auto f = [](std::string_view json, std::string_view bytes, std::string_view want) {
        EXPECT_EQ(said(json, text(bytes)), want) << bytes;
    };
    f(kSics, "S S     100.00 g\\r\\n", "weight=100 g");
    f(kSics, "S D      -0.03 g\\r\\n", "weight=-0.03 g uncertain:unstable");
    f(kSics, "S S      1.234 kg\\r\\n", "weight=1234 g");
    f(kSics, "S +\\r\\nS I\\r\\n", "weight=- g bad:range; weight=- g bad:sensor");
    f(kSics, "ES\\r\\n", "!the pattern does not fit the frame \"ES\"; correct it, or add one to ignore");
    f(kSics, "S S     100.00 xx\\r\\n",
      "!weight: the unit \"xx\" is not known; map it to one such as kg, g, t, lb, mm");
    f(kSics, "S S     100.00 mm\\r\\n", "!weight: the device says mm, which is no g");

    f(kAnd, "ST,GS,+0012.34kg\\r\\n", "weight=12.34 kg, net=false");
    f(kAnd, "US,NT,-0012.34kg\\r\\n", "weight=-12.34 kg uncertain:unstable, net=true uncertain:unstable");
    f(kAnd, "ST,GS,+001234. g\\r\\n", "weight=1.234 kg, net=false");
    f(kAnd, "OL,GS,     .   kg\\r\\n", "weight=- kg bad:range, net=false bad:range");
    f(kAnd, "ST,NT,+  12.34kg\\r\\nST,NT,+  12.35 t\\r\\n", "weight=12.34 kg, net=true; weight=12350 kg, net=true");

    f(kScanner, "6901234567892\\r\\n]C1ABC-123\\r", "code=6901234567892; code=]C1ABC-123");
    f(kScanner, "\\r\\n\\r\\n  \\xe7\\x94\\xb5\\r", "code=电");

    f(kGauge, "01A+00012.345\\r", "length=12.345 mm, gauge=1");
    f(kGauge, "02A-00000.001\\r02B\\r", "length=-0.001 mm, gauge=2; length=- mm bad:sensor, gauge=2 bad:sensor");
    f(kMitutoyo, "GN01,+0016.2345\\r\\nCH01\\r\\n", "length=16.2345 mm; ignored");
    f(kMitutoyo, "GN01\\r\\n", "!length: it is not in the frame \"GN01\"");

    f(kOhaus, "     192.21 g\\r\\n", "weight=192.21 g");
    f(kOhaus, "       0.01 g ?\\r\\n", "weight=0.01 g uncertain:unstable");
    f(kOhaus, "     207.80 g TOTAL\\r\\n", "weight=207.8 g");
    f(kOhaus, "-      5.95 oz ? 00:00:15\\r\\n", "weight=-5.95 oz uncertain:unstable");
}

TEST(FreeFrame, ToledoContinuous) {
    auto f = [](std::string_view bytes, std::string_view want) {
        EXPECT_EQ(said(kToledo, text(bytes)), want) << bytes;
    };
    f("\\x02\\x2c\\x30\\x20"
      "001234000000\\r\\x2b",
      "weight=12.34 kg, tare=0 kg");
    f("\\x02\\x2c\\x38\\x20"
      "001234000000\\r\\x23",
      "weight=12.34 kg uncertain:unstable, tare=0 kg uncertain:unstable");
    f("\\x02\\x2c\\x32\\x20"
      "001234000100\\r\\x28",
      "weight=-12.34 kg, tare=1 kg");
    f("\\x02\\x2a\\x20\\x20"
      "001000000000\\r\\x46",
      "weight=453.59237 kg, tare=0 kg");
    // The first is cut in two by the start of our listening, the second has a wrong checksum.
    f("34000000\\r\\x2b\\x02\\x2c\\x30\\x20"
      "001234000000\\r\\x2c\\x02\\x2c\\x30\\x20"
      "001235000000\\r\\x2a",
      "weight=12.35 kg, tare=0 kg [28 skipped: the checksum is 2c, expected 2b]");
}

TEST(FreeFrame, Aibus) {
    auto f = [](std::string_view bytes, std::string_view want) { EXPECT_EQ(said(kAibus, hex(bytes)), want) << bytes; };
    EXPECT_EQ(to_hex((*Template::create(kAibus))->poll()), "8181520000005300");
    f("FA00 2C01 32 60 2C01 8563", "pv=25 degC, sv=30 degC, mv=50 %, high_alarm=0");
    f("F6FF 2C01 9C 61 2C01 EB63", "pv=-1 degC, sv=30 degC, mv=-100 %, high_alarm=1");
    f("00 FA00 2C01 32 60 2C01 8563",
      "pv=25 degC, sv=30 degC, mv=50 %, high_alarm=0 [1 skipped: the checksum is 0185, expected 6284]");
    f("FA00 2C01", " [left \\xfa\\x00,\\x01]");
}

TEST(FreeFrame, OtherWaysOfFindingAndTaking) {
    auto f = [](std::string_view json, std::string_view bytes, std::string_view want) {
        EXPECT_EQ(said(json, text(bytes)), want) << json << "\n" << bytes;
    };
    // A length in front, a CRC behind.
    constexpr std::string_view kBinary = R"({
        "frame": {"by": "length", "start": "\\xaa", "length": {"at": 1, "add": 4}},
        "checksum": {"kind": "crc16", "at": -2},
        "fields": [{"name": "v", "at": 2, "as": "f32", "endian": "CDAB"}, {"name": "n", "at": 6, "as": "bcd", "bytes": 2}]})";
    const auto binary = Template::create(kBinary);
    ASSERT_TRUE(binary) << binary.error().text();
    const auto frame = (*binary)->make_frame(hex("00 B85240F6 1234 0000"));
    ASSERT_TRUE(frame) << frame.error().text();
    EXPECT_EQ(frame->at(1), 6);
    EXPECT_EQ(said(kBinary, *frame), "v=7.71, n=1234");
    Buffer twice = hex("AA FF 00 AA 00");
    twice.insert(twice.end(), frame->begin(), frame->end());
    EXPECT_TRUE(said(kBinary, twice).starts_with("v=7.71, n=1234 [5 skipped")) << said(kBinary, twice);

    // A decimal length in the text, up to a fixed end.
    f(R"({"frame": {"by": "length", "start": "#", "end": ";", "length": {"at": 1, "size": 2, "as": "decimal"}},
          "fields": [{"name": "v", "at": 3, "bytes": 4}]})",
      "#08 1.5;#081x5;#10", "v=1.5 [7 skipped: a frame does not end as it should] [left #10]");
    // A checksum in hexadecimal text: the host link of Omron.
    f(R"({"frame": {"by": "start_end", "start": "@", "end": "*\\r"}, "checksum": {"kind": "xor8", "at": -4, "as": "hex"},
          "fields": [{"name": "d0", "at": 7, "bytes": 4, "as": "hex"}]})",
      "@00RD00010057*\\r@00RD00010056*\\r", "d0=256 [15 skipped: the checksum is 56, expected 57]");
    f(R"({"frame": {"by": "silence"}, "fields": [{"name": "v", "after": "T=", "before": "C", "decimal": ","}]})",
      "T=1.021,5C", "v=1021.5");
    f(R"({"frame": {"end": ";"}, "fields": [{"name": "a", "after": "a"}, {"name": "b", "before": "a"},
          {"name": "c", "item": 4, "split": " ", "optional": true}]})",
      "1 a 2 3;1 a2;", "b=1, c=3, !a: expected a number, found \"2 3\"; a=2, b=1");
    f(R"({"frame": {"end": "\n"}, "fields": [{"name": "ok", "item": 1, "split": ",", "map": {"OK": true, "NG": false}},
          {"name": "t", "item": 2, "split": ",", "as": "text"}, {"name": "n", "item": 3, "split": ",", "as": "integer"},
          {"name": "x", "item": 4, "split": ",", "as": "hex", "scale": 0.01, "offset": 1}]})",
      "OK, a b ,7,FF\nNG,,7.5,G\nMAYBE,x,1,1\n",
      "ok=true, t=a b, n=7, x=3.55; ok=false, t=, !n: expected a whole number, found \"7.5\", !x: expected hexadecimal "
      "digits, found "
      "\"G\"; t=x, n=1, x=1.01, !ok: \"MAYBE\" is not in the map; add what it means");
    f(R"({"frame": {"by": "fixed", "bytes": 16}, "fields": [{"name": "u16", "at": 0, "as": "u16"},
          {"name": "badc", "at": 0, "as": "u32", "endian": "BADC"}, {"name": "i32", "at": 0, "as": "i32", "endian": "little"},
          {"name": "u24", "at": 1, "as": "u24"}, {"name": "u64", "at": 8, "as": "u64"}, {"name": "i64", "at": 8, "as": "i64"},
          {"name": "f64", "at": 8, "as": "f64"}, {"name": "far", "at": 15, "as": "u16", "optional": true}]})",
      "\\x01\\x02\\x03\\x84\\0\\0\\0\\0\\xc0\\x39\\0\\0\\0\\0\\0\\0",
      "u16=258, badc=33653763, i32=-2080177663, u24=131972, u64=1.3851102128954671e+19, i64=-4595641944754880512, "
      "f64=-25");
}

TEST(FreeFrame, ChecksumsOfTheKnownString) {
    auto f = [](Checksum of, std::uint16_t want) { EXPECT_EQ(of.over(as_bytes("123456789")), want); };
    using Kind = Checksum::Kind;
    f({.kind = Kind::crc16}, 0x4b37);                                                                      // Modbus
    f({.kind = Kind::crc16, .poly = 0x1021, .init = 0xffff, .reflect = false}, 0x29b1);                    // CCITT
    f({.kind = Kind::crc16, .poly = 0x1021, .init = 0, .reflect = false}, 0x31c3);                         // XMODEM
    f({.kind = Kind::crc16, .poly = 0x1021, .init = 0, .reflect = true}, 0x2189);                          // Kermit
    f({.kind = Kind::crc16, .poly = 0x1021, .init = 0xffff, .xor_out = 0xffff, .reflect = true}, 0x906e);  // X.25
    f({.kind = Kind::sum8}, 0xdd);
    f({.kind = Kind::sum8, .bits = 7}, 0x5d);
    f({.kind = Kind::sum16}, 0x1dd);
    f({.kind = Kind::lrc}, 0x23);
    f({.kind = Kind::xor8}, 0x31);
    f({.kind = Kind::words16, .add = 1}, 0xd50a);
    f({.kind = Kind::none}, 0);
}

TEST(FreeFrame, PollsWithTheirChecksums) {
    auto f = [](std::string_view poll, std::string_view want) {
        const auto of = Template::create(fmt::format(
            R"({{"frame": {{"end": ";"}}, "poll": {}, "fields": [{{"name": "v", "item": 1, "split": ","}}]}})", poll));
        EXPECT_EQ(of ? escape((*of)->poll()) : of.error().text(), want) << poll;
    };
    f(R"("\\x05")", "\\x05");
    f(R"("SI\r\n")", "SI\\r\\n");
    f(R"({"send": "@00RD00000001{checksum}*\\r", "checksum": {"kind": "xor8", "as": "hex"}})", "@00RD0000000157*\\r");
    f(R"({"send": "\\x01\\x03\\0\\0\\0\\x0a", "checksum": {"kind": "crc16"}})",
      "\\x01\\x03\\x00\\x00\\x00\\n\\xc5\\xcd");
    f(R"({"send": "\\x0201{checksum}\\x03", "checksum": {"kind": "sum8", "from": 1, "as": "hex"}})", "\\x020161\\x03");
    f(R"({"send": "a{checksum}"})", "poll.checksum: it is missing, though what is sent has a place for it");
    f(R"({"send": ""})", "poll.send: it is missing; write what asks for a frame");
    f(R"({"send": "a", "checksum": {"kind": "sum8", "from": 2}})",
      "poll.checksum.from: it lies outside of what is sent");
    f(R"("\\q")",
      "poll: character 1: expected \\r \\n \\t \\0 \\e \\\\ or \\x and two hexadecimal digits, found \"\\q\"");
}

TEST(FreeFrame, TemplatesThatCannotBe) {
    auto f = [](std::string_view json, std::string_view want) {
        const auto of = Template::create(json);
        ASSERT_FALSE(of) << json;
        EXPECT_NE(of.error().text().find(want), std::string::npos) << of.error().text();
    };
    f("", "byte 0: expected a value");
    f("[]", ": expected an object, found an array");
    f("{}", "frame: it is missing");
    f(R"({"frame": 1})", "frame: expected an object, found a number");
    f(R"({"frame": {}})", "frame.end: it is missing; write what a frame ends with, such as \\r\\n");
    f(R"({"frame": {"by": "ends"}})",
      "frame.by: expected one of end, start_end, fixed, length, silence, found \"ends\"");
    f(R"({"frame": {"by": "start_end", "end": "a"}})", "frame.start: it is missing");
    f(R"({"frame": {"start": "a", "end": "a"}})", "frame.by: a frame with a start and an end is found by start_end");
    f(R"({"frame": {"by": "fixed"}})", "frame.bytes: it is missing; write how long a frame is");
    f(R"({"frame": {"end": "a", "bytes": 3}})", "frame.bytes: only frames of a fixed length have it");
    f(R"({"frame": {"by": "fixed", "bytes": 5000}})",
      "frame.bytes: expected a whole number from 1 to 4096, found 5000");
    f(R"({"frame": {"by": "length"}})", "frame.length: it is missing");
    f(R"({"frame": {"by": "length", "length": {"at": 256}}})",
      "frame.length: it lies behind the end of the longest frame");
    f(R"({"frame": {"by": "silence", "trailer": 1}})", "frame.trailer: it follows an end");
    f(R"({"frame": {"end": "aaaaaaaaaaaaaaaaa"}})", "frame.end: it has more than 16 bytes");
    f(R"({"frame": {"end": "ab", "max_bytes": 1}})", "frame.max_bytes: start and end are longer than that");
    f(R"({"frame": {"end": ";", "colour": 1}})",
      "frame.colour: it is not known; known here are by, bytes, end, length");
    const auto with = [](std::string_view more) {
        return fmt::format(R"({{"frame": {{"by": "fixed", "bytes": 10}}, {}}})", more);
    };
    f(with(R"("checksum": {"kind": "sum9", "at": -1})"), "checksum.kind: expected one of none, sum8, xor8, lrc");
    f(with(R"("checksum": {"kind": "sum8"})"), "checksum.at: it is missing");
    f(with(R"("checksum": {"kind": "sum8", "at": 10})"),
      "checksum.at: it and what it sums do not lie apart in a frame of 10 bytes");
    f(with(R"("checksum": {"kind": "sum8", "at": 3, "to": 8})"), "do not lie apart");
    f(with(R"("checksum": {"kind": "crc16", "at": -2, "add": 1})"), "checksum.add: it is not known");
    f(with(R"("fields": [])"), "fields: expected at least one field, found none");
    f(with(R"("fields": [{"at": 0}])"), "fields[0].name: it is missing");
    f(with(R"("fields": [{"name": "v"}])"),
      "fields[0]: expected one of group, pattern, item, after and before, or at; found 0 of them");
    f(with(R"("fields": [{"name": "v", "at": 0, "item": 1}])"), "found 2 of them");
    f(with(R"("fields": [{"name": "v", "group": "g"}])"), "fields[0].group: the template has no pattern with groups");
    f(with(R"j("pattern": "(?P<w>a)", "fields": [{"name": "v", "group": "g"}])j"),
      "fields[0].group: the pattern has no group \"g\"; it has w");
    f(with(R"("pattern": "(a", "fields": [{"name": "v", "at": 0}])"),
      "pattern: pattern \"(a\": a ( without its ) at character 3");
    f(with(R"("fields": [{"name": "v", "pattern": "a"}])"), "fields[0].pattern: it has no named group");
    f(with(R"("fields": [{"name": "v", "item": 1}])"), "fields[0].split: it is missing");
    f(with(R"("fields": [{"name": "v", "at": 0}])"), "fields[0].bytes: it is missing; write how many bytes");
    f(with(R"("fields": [{"name": "v", "at": 0, "as": "bcd"}])"), "fields[0].bytes: it is missing");
    f(with(R"("fields": [{"name": "v", "at": 0, "as": "u17", "bytes": 2}])"),
      "fields[0].as: expected one of number, integer, hex, text, found \"u17\"");
    f(with(R"("fields": [{"name": "v", "at": 0, "bits": [3, 1]}])"),
      "fields[0].bits: expected the lowest and the highest bit");
    f(with(R"("fields": [{"name": "v", "at": 0, "bit": 8}])"),
      "fields[0].bit: expected a whole number from 0 to 7, found 8");
    f(with(R"("fields": [{"name": "v", "at": 0, "as": "u8", "scale": 0}])"),
      "fields[0].scale: expected a number other than 0");
    f(with(R"("fields": [{"name": "v", "at": 0, "as": "u8"}, {"name": "v", "at": 1, "as": "u8"}])"),
      "fields[1].name: \"v\" is there already");
    f(with(R"("fields": [{"name": "v", "at": 0, "as": "u8", "unit_from": {"at": 1}}])"),
      "fields[0].unit_from.bytes: it is missing");
    f(with(R"("fields": [{"name": "v", "at": 0, "as": "u8"}], "quality": [{"at": 0, "bit": 1, "quality": "odd"}])"),
      "quality[0].quality: expected one such as uncertain:unstable or bad:range, found \"odd\"");
    f(with(R"("fields": [{"name": "v", "at": 0, "as": "u8"}], "quality": [{"at": 0, "bit": 1, "quality": "bad"}])"),
      "quality[0].is: it is missing");
    f(with(R"("fields": [{"name": "v", "at": 0, "as": "u8"}], "ignore": ["("])"), "ignore[0]: pattern \"(\"");
    std::string many = R"("fields": [)";
    for (int i = 0; i < 65; ++i)
        many += fmt::format(R"({}{{"name": "v{}", "at": 0, "as": "u8"}})", i > 0 ? "," : "", i);
    f(with(many + "]"), "fields: it has more than 64 entries");
}

TEST(FreeFrame, FramesOfTheDevice) {
    auto f = [](std::string_view json, Bytes payload, std::string_view want) {
        const auto of = Template::create(json);
        ASSERT_TRUE(of) << of.error().text();
        const auto frame = (*of)->make_frame(payload);
        EXPECT_EQ(frame ? escape(*frame) : frame.error().text(), want);
    };
    f(kToledo,
      text("\\x2c\\x30\\x20"
           "001234000000"),
      "\\x02,0 001234000000\\r+");
    f(kToledo, text("0000000000000000000"), "a frame of 22 bytes; the longest of this template has 18");
    f(kAibus, hex("FA00 2C01 32 60 2C01 0000"), "\\xfa\\x00,\\x012`,\\x01\\x85c");
    f(kAibus, hex("FA00"), "a frame of 2 bytes; each of this template has 10");
    f(kSics, text("S S     100.00 g"), "S S     100.00 g\\r\\n");
    constexpr std::string_view kDecimal =
        R"({"frame": {"by": "length", "length": {"at": 0, "size": 2, "as": "decimal"}},
        "fields": [{"name": "v", "at": 2, "bytes": 1}]})";
    f(kDecimal, text("007"), "037");
    f(kDecimal, text("0"), "a frame of 1 bytes does not hold its length");
    f(kDecimal, Buffer(120, '7'), "the length 120 does not fit its field");
}

TEST(FreeFrame, CutterTakesAnySplitAmongNoise) {
    Rng rng{7};
    for (const std::string_view json : {kSics, kToledo, kAibus, kGauge, kOhaus}) {
        const auto of = Template::create(json).value();
        Buffer stream;
        for (int i = 0; i < 60; ++i) {
            Buffer noise;
            for (std::uint64_t n = rng.below(4); n > 0; --n) noise.push_back(static_cast<std::uint8_t>(rng.below(256)));
            if (i % 5 == 0) stream.insert(stream.end(), noise.begin(), noise.end());
            const Buffer frame = json == kToledo ? of->make_frame(text("\\x2c\\x30\\x20"
                                                                       "001234000000"))
                                                       .value()
                                 : json == kAibus ? hex("FA002C0132602C018563")
                                                  : text("S S     100.00 g\\r\\n");
            stream.insert(stream.end(), frame.begin(), frame.end());
        }
        std::vector<std::string> whole;
        Cutter once{of};
        once.feed(stream, [&](Bytes frame) { whole.push_back(to_hex(frame)); });
        EXPECT_GT(whole.size(), 40u);
        for (int round = 0; round < 10; ++round) {
            std::vector<std::string> pieces;
            Cutter cutter{of};
            for (std::size_t at = 0; at < stream.size();) {
                const std::size_t bytes = std::min<std::size_t>(1 + rng.below(40), stream.size() - at);
                cutter.feed(Bytes(stream).subspan(at, bytes), [&](Bytes frame) { pieces.push_back(to_hex(frame)); });
                at += bytes;
                EXPECT_LE(cutter.buffered_bytes(), of->cut().max_bytes);
            }
            EXPECT_EQ(pieces, whole);
            EXPECT_EQ(cutter.skipped_bytes(), once.skipped_bytes());
        }
    }
}

TEST(FreeFrame, NoiseIsBounded) {
    for (const std::string_view json :
         {kSics, kToledo, kAibus,
          std::string_view(R"({"frame": {"by": "silence"}, "fields": [{"name": "v", "after": "="}]})")}) {
        const auto of = Template::create(json).value();
        Cutter cutter{of};
        std::size_t frames = 0;
        cutter.feed(Buffer(100'000, 'x'), [&](Bytes) { ++frames; });
        EXPECT_EQ(frames, 0u);
        EXPECT_LE(cutter.buffered_bytes(), of->cut().max_bytes);
        EXPECT_GT(cutter.skipped_bytes(), 99'000u);
        EXPECT_FALSE(cutter.last_fault().empty());
    }
    const auto sics = Template::create(kSics).value();
    Cutter cutter{sics};
    cutter.feed(as_bytes("S S"), [](Bytes) { FAIL(); });
    cutter.quiet([](Bytes) { FAIL(); });
    EXPECT_EQ(cutter.buffered_bytes(), 0u);
    EXPECT_EQ(cutter.last_fault(), "3 bytes came and then nothing more");
}

TEST(FreeFrame, TrialTellsEverything) {
    const auto of = Template::create(kGauge).value();
    const Trial trial = try_bytes(of, parse_bytes("30 31 41 2B 30 2E 35 0D, 0x30", true).value());
    ASSERT_EQ(trial.frames.size(), 1u);
    EXPECT_EQ(trial.frames[0].hex, "3031412b302e350d");
    EXPECT_EQ(trial.frames[0].text, "01A+0.5\\r");
    EXPECT_EQ(shown(*of, trial.frames[0].body), "length=0.5 mm, gauge=1");
    EXPECT_EQ(trial.left, "0");
    EXPECT_EQ(trial.poll, "1\\r");
    const Trial many = try_bytes(of, text(std::string(250, ' ') + "\\r"));
    EXPECT_EQ(many.frames.size(), 0u);
    std::string lines;
    for (int i = 0; i < 150; ++i) lines += "01A+0.5\\r";
    EXPECT_EQ(try_bytes(of, text(lines)).frames.size(), 100u);
    EXPECT_EQ(try_bytes(of, text(lines)).more_frames, 50u);
}

TEST(FreeFrame, BytesAsPeopleTypeThem) {
    auto f = [](std::string_view typed, bool is_hex, std::string_view want) {
        const auto bytes = parse_bytes(typed, is_hex);
        EXPECT_EQ(bytes ? escape(*bytes) : bytes.error().text(), want) << typed;
    };
    f("02 31,0x32\\n", true, "character 11: expected two hexadecimal digits a byte, found \"\\n\"");
    f("02 31,0x32 \n 41-42:43;", true, "\\x0212ABC");
    f("023", true, "character 3: expected two hexadecimal digits a byte, found \"3\"");
    f("", true, "");
    f("a\\x02\\r\\n\\t\\e\\\\温", false, "a\\x02\\r\\n\\t\\e\\\\温");
    f("\\xff温", false, "\\xff\\xe6\\xb8\\xa9");
    f("a\\", false, "character 2: expected \\r \\n \\t \\0 \\e \\\\ or \\x and two hexadecimal digits, found \"\\\"");
    f("\\x4", false,
      "character 1: expected \\r \\n \\t \\0 \\e \\\\ or \\x and two hexadecimal digits, found \"\\x4\"");
}

}  // namespace
}  // namespace gongshu::wire::free_frame
