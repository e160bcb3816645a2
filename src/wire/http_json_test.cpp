#include "wire/http_json.h"

#include <gtest/gtest.h>

namespace gongshu::wire::http_json {
namespace {

TEST(HttpJson, Places) {
    const auto f = [](std::string_view text, std::string_view want) {
        const auto place = parse_place(text);
        EXPECT_EQ(place ? place->target + "|" + place->json.text : "! " + place.error().text(), want) << text;
    };
    f("emeters[0].power", "|$.emeters[0].power");
    f("/emeter/0 power", "/emeter/0|$.power");
    f("/rpc/Switch.GetStatus?id=0  $.aenergy.total", "/rpc/Switch.GetStatus?id=0|$.aenergy.total");
    f("/meters/{station} [0].v", "/meters/{station}|$[0].v");
    f("/status",
      "! expected a blank and the place in the answer behind /status, as in \"/emeter/0 power\"");
    f("/a#b c", "! column 3: blanks, # and what is not ASCII have to be written as %XX");
    f("/电表 v", "! column 2: blanks, # and what is not ASCII have to be written as %XX");
    f("/a b[*]", "! b[*] stands for many values: choose one");
}

TEST(HttpJson, Targets) {
    EXPECT_TRUE(check_target("/"));
    EXPECT_TRUE(check_target("/a?b=1&c=%20"));
    EXPECT_EQ(check_target("status").error().text(),
              "expected what stands behind the host in the address, beginning with /, found \"status\"");
    EXPECT_EQ(check_target("/" + std::string(kTargetBytesMax, 'a')).error().code(), Code::limit);
    EXPECT_EQ(target_of("/meters/{station}/of/{station}", "A 1/2"), "/meters/A%201%2F2/of/A%201%2F2");
    EXPECT_EQ(target_of("/status", "7"), "/status");
    EXPECT_EQ(get_request("10.0.0.9:8080", "/status", "application/json", ""),
              "GET /status HTTP/1.1\r\nHost: 10.0.0.9:8080\r\nAccept: application/json\r\nUser-Agent: Gongshu\r\n\r\n");
    EXPECT_EQ(get_request("m", "/", "text/xml", "Basic YTpi"),
              "GET / HTTP/1.1\r\nHost: m\r\nAccept: text/xml\r\nUser-Agent: Gongshu\r\nAuthorization: Basic YTpi\r\n\r\n");
}

}  // namespace
}  // namespace gongshu::wire::http_json
