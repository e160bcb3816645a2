#include "wire/mtconnect.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace gongshu::wire::mtconnect {
namespace {

std::string shown(const Result<Streams>& streams) {
    if (!streams) return "! " + streams.error().text();
    std::string out = fmt::format("{}: {} to {}, next {}", streams->instance, streams->first, streams->last, streams->next);
    for (const Observation& one : streams->observations) {
        out += fmt::format("; {} {}:{}/{}", one.sequence, one.device, one.id, one.name);
        for (const std::string& field : one.fields) out += "|" + field;
        out += one.time == 0 ? "" : " @" + format_time(one.time);
    }
    return out;
}

std::string streams(std::string_view inner) {
    return fmt::format(
        R"(<?xml version="1.0" encoding="UTF-8"?>
<MTConnectStreams xmlns:m="urn:mtconnect.org:MTConnectStreams:1.3" xmlns="urn:mtconnect.org:MTConnectStreams:1.3">
  <Header creationTime="2026-11-23T08:00:00Z" sender="agent" instanceId="7" version="1.3.0.5" bufferSize="131072"
    nextSequence="43" firstSequence="1" lastSequence="42"/>
  <Streams>{}</Streams>
</MTConnectStreams>)",
        inner);
}
std::string of_device(std::string_view inner) {
    return streams(fmt::format(
        R"(<DeviceStream name="VMC" uuid="1"><ComponentStream component="Controller" componentId="c">{}</ComponentStream></DeviceStream>)",
        inner));
}

TEST(MtConnect, ReadsObservations) {
    const auto f = [](std::string_view inner, std::string_view want) {
        EXPECT_EQ(shown(parse_streams(of_device(inner))), fmt::format("7: 1 to 42, next 43{}", want)) << inner;
    };
    f("", "");
    f(R"(<Samples><Position dataItemId="x2" timestamp="2026-11-23T08:00:01.5Z" name="Xact" sequence="12"
         subType="ACTUAL"> -1.176
      </Position></Samples>)",
      "; 12 VMC:x2/Xact|-1.176 @2026-11-23T08:00:01.5Z");
    f(R"(<Events><Execution dataItemId="e" timestamp="2026-11-23T08:00:01" name="execution" sequence="13">ACTIVE</Execution>
         <Program dataItemId="p" timestamp="2026-11-23T16:00:01+08:00" sequence="14">O&lt;1&gt; &amp; 2</Program></Events>)",
      "; 13 VMC:e/execution|ACTIVE @2026-11-23T08:00:01Z; 14 VMC:p/|O<1> & 2 @2026-11-23T08:00:01Z");
    f(R"(<Condition><Normal dataItemId="s" timestamp="x" name="system" sequence="15" type="SYSTEM"/>
         <Fault dataItemId="s" sequence="16" nativeCode="1042" nativeSeverity="9" qualifier="HIGH">Door | open</Fault>
         <Unavailable dataItemId="t" sequence="17"/></Condition>)",
      "; 15 VMC:s/system|NORMAL||||; 16 VMC:s/|FAULT|1042|9|HIGH|Door | open; 17 VMC:t/|UNAVAILABLE||||");
    f(R"(<Events><Message dataItemId="m" sequence="1" nativeCode="T7">change tool</Message>
         <Message dataItemId="m" sequence="2">UNAVAILABLE</Message></Events>
         <Samples><AmperageTimeSeries dataItemId="a" sequence="3" sampleCount="3" sampleRate="10">1 2 3</AmperageTimeSeries>
         </Samples>)",
      "; 1 VMC:m/|T7|change tool; 2 VMC:m/|UNAVAILABLE; 3 VMC:a/|3|10|1 2 3");
    f(R"(<Events><VariableDataSet dataItemId="v" sequence="4" count="2"><Entry key="T1">4</Entry> <Entry key="T2">5</Entry>
         </VariableDataSet></Events>)",
      "; 4 VMC:v/|T1=4  T2=5");
    f(R"(<m:Samples><m:Position dataItemId="x" sequence="5">1</m:Position></m:Samples>)", "; 5 VMC:x/|1");
}

TEST(MtConnect, SaysWhatIsWrong) {
    const auto f = [](std::string_view xml, std::string_view want) {
        const std::string text = shown(parse_streams(xml));
        EXPECT_TRUE(text.starts_with(fmt::format("! {}", want))) << text;
    };
    f("", "line 1: no element found");
    f("<html><body>login</body></html>", "begins with <html> and not with <MTConnectStreams>");
    f("<html><p>login</html>", "line 1: mismatched tag");
    f("<!DOCTYPE x [<!ENTITY a \"b\">]><x/>", "has a DOCTYPE, which no agent's answer has");
    f(R"(<MTConnectError><Header instanceId="1"/><Errors><Error errorCode="OUT_OF_RANGE">'from' must be greater
      </Error></Errors></MTConnectError>)",
      "the agent answers with an error: OUT_OF_RANGE ('from' must be greater)");
    f("<MTConnectError/>", "the agent answers with an error: without saying which");
    f(std::string(kBytesMax + 1, ' '), "has more than 16 MB");
    std::string deep;
    for (int i = 0; i < kDepthMax + 1; ++i) deep += "<a>";
    f(deep, "more than 50 elements stand within each other");
    f(of_device("<Events><Program dataItemId=\"p\">" + std::string(kTextBytesMax + 1, 'x') + "</Program></Events>"),
      "line 5: a value has more than 65536 bytes");
    EXPECT_EQ(parse_streams("<MTConnectError/>").error().code(), Code::unsupported);
}

TEST(MtConnect, Targets) {
    EXPECT_EQ(current_target(""), "/current");
    EXPECT_EQ(current_target("VMC 3"), "/VMC%203/current");
    EXPECT_EQ(sample_target("", 17, 100), "/sample?from=17&count=100");
}

}  // namespace
}  // namespace gongshu::wire::mtconnect
