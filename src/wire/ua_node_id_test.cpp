#include "wire/ua_node_id.h"

#include <gtest/gtest.h>

namespace gongshu::wire::ua {
namespace {

std::string read(std::string_view text) {
    const auto id = parse_node_id(text);
    if (!id) return "! " + id.error().text();
    return id->uri.empty() ? to_text(*id, id->index) : "{" + id->uri + "}" + to_text(*id, 0);
}

TEST(UaNodeId, ReadsTheStandardForms) {
    const std::pair<const char*, const char*> kCases[] = {
        {"ns=2;s=Machine/Speed", "ns=2;s=Machine/Speed"},
        {"s=a;b=c", "s=a;b=c"},
        {"i=2258", "i=2258"},
        {"ns=0;i=2258", "i=2258"},
        {"ns=65535;i=4294967295", "ns=65535;i=4294967295"},
        {"ns=3;s=\"DB_Press\".\"Force\"", "ns=3;s=\"DB_Press\".\"Force\""},
        {"ns=4;g=09087e75-8e5e-499b-954f-f2a9603db28a", "ns=4;g=09087e75-8e5e-499b-954f-f2a9603db28a"},
        {"ns=1;b=M/RbKBsRVkePCePcx24oRA==", "ns=1;b=M/RbKBsRVkePCePcx24oRA=="},
        {"nsu=urn:maker:machine;s=Speed", "{urn:maker:machine}s=Speed"},
        {"nsu=http://maker/a%3Bb%25;i=7", "{http://maker/a;b%}i=7"},
        {"ns=2;s=温度", "ns=2;s=温度"},
    };
    for (const auto& [text, want] : kCases) EXPECT_EQ(read(text), want);
}

TEST(UaNodeId, RefusesWhatIsNone) {
    for (const std::string text :
         {"", "DB1.DBD4", "ns=2", "ns=2;", "ns=;i=1", "ns=-1;i=1", "ns=65536;i=1", "i=", "i=-1", "i=4294967296", "i=1 ",
          "s=", "x=1", "ns=2;Speed", "g=1", "g=09087e75x8e5e-499b-954f-f2a9603db28a", "b=a", "b=abc=d", "nsu=;s=x",
          "nsu=urn:x"}) {
        const std::string got = read(text);
        EXPECT_TRUE(got.starts_with("! \"" + text + "\" is no node id")) << got;
    }
    EXPECT_TRUE(read("s=" + std::string(5000, 'x')).starts_with("! \"s=xxx"));
}

TEST(UaNodeId, ReadsTheAddressOfAServer) {
    const auto read = [](std::string_view url) {
        const auto at = parse_endpoint_url(url);
        return at ? fmt::format("{} {} {}", at->host, at->port, at->path) : "! " + at.error().text();
    };
    EXPECT_EQ(read("opc.tcp://10.0.0.5:4841/UA/Server"), "10.0.0.5 4841 /UA/Server");
    EXPECT_EQ(read("opc.tcp://plc"), "plc 4840 ");
    EXPECT_EQ(read("opc.tcp://[fe80::1]:48010"), "fe80::1 48010 ");
    EXPECT_EQ(read("opc.tcp://[::1]/x"), "::1 4840 /x");
    for (const char* url : {"", "10.0.0.5", "http://10.0.0.5", "opc.tcp://", "opc.tcp://:4840", "opc.tcp://a:0",
                            "opc.tcp://a:70000", "opc.tcp://a:b", "opc.tcp://u@a", "opc.tcp://[::1", "opc.tcp://a b"})
        EXPECT_TRUE(read(url).starts_with("! expected an address such as opc.tcp://10.0.0.5:4840")) << url;
}

TEST(UaNodeId, ChoosesAnElement) {
    EXPECT_FALSE(parse_element("")->chosen);
    EXPECT_TRUE(parse_element("[12]")->chosen);
    EXPECT_EQ(parse_element("[12]")->index, 12u);
    for (const char* as : {"[", "[]", "3", "[-1]", "[1,2]", "[1:2]", "real"}) EXPECT_FALSE(parse_element(as)) << as;
}

}  // namespace
}  // namespace gongshu::wire::ua
