#include "wire/http.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire {
namespace {

struct Fed {
    std::vector<HttpRequest> requests;
    int error_status = 0;
    std::string error;
};

// Feeds `text` in pieces of at most `piece` bytes; pauses after each request and goes on with the rest.
Fed feed(std::string_view text, std::size_t piece, HttpLimits limits = {}) {
    Fed fed;
    HttpRequestParser parser{limits};
    HttpRequestParser::Events events;
    events.on_request = [&](HttpRequest request) {
        fed.requests.push_back(std::move(request));
        return fed.requests.size() % 2 == 0 ? HttpNext::go_on : HttpNext::pause;
    };
    while (!text.empty()) {
        const std::string_view part = text.substr(0, piece);
        const auto taken = parser.feed(as_bytes(part), events);
        if (!taken) {
            fed.error = taken.error().text();
            fed.error_status = parser.error_status();
            return fed;
        }
        text.remove_prefix(*taken);
    }
    return fed;
}

TEST(HttpRequestParser, ReadsRequestsWhateverTheSplit) {
    auto f = [](std::string_view text, const std::vector<std::string>& want) {
        for (std::size_t piece = 1; piece <= text.size(); ++piece) {
            const Fed fed = feed(text, piece);
            EXPECT_EQ(fed.error, "") << text;
            std::vector<std::string> got;
            for (const HttpRequest& request : fed.requests) {
                got.push_back(fmt::format("{} {}|{}|{}|{}", request.method_text, request.path(), request.query(),
                                          request.body, request.keep_alive ? "keep" : "close"));
            }
            EXPECT_EQ(got, want) << "pieces of " << piece << " bytes of:\n" << text;
        }
    };
    f("GET / HTTP/1.1\r\nHost: a\r\n\r\n", {"GET /|||keep"});
    f("\r\nGET /x?a=1&b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {"GET /x|a=1&b||close"});
    f("GET / HTTP/1.0\r\n\r\n", {"GET /|||close"});
    f("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {"GET /|||keep"});
    f("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /n HTTP/1.1\r\nHost: a\r\n\r\n",
      {"POST /w||hello|keep", "GET /n|||keep"});
    f("POST /w HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=\"y\"\r\n "
      "world\r\n0\r\nX-Trailer: 1\r\n\r\n"
      "PUT /n HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nDELETE /d HTTP/1.1\r\nHost: a\r\n\r\n",
      {"POST /w||hello world|keep", "PUT /n|||keep", "DELETE /d|||keep"});
    f("GET http://b.example:80/p?q HTTP/1.1\r\nHost: a\r\n\r\n", {"GET /p|q||keep"});
    f("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", {"OPTIONS *|||keep"});
    f("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", {"BREW /pot|||keep"});
}

TEST(HttpRequestParser, RefusesWithTheRightStatus) {
    auto f = [](const std::string& text, int status) {
        for (const std::size_t piece : {text.size(), std::size_t{1}, std::size_t{7}}) {
            const Fed fed =
                feed(text, piece,
                     {.header_bytes_max = 400, .target_bytes_max = 100, .headers_max = 10, .body_bytes_max = 20});
            EXPECT_EQ(fed.error_status, status) << fed.error << " of " << text.substr(0, 100);
        }
    };
    f("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
    f("G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    f("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 505);
    f("GET / HTTP/1.1\r\n\r\n", 400);
    f("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
    f("GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    f("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400);
    f("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n", 400);
    f("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400);
    f("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    f("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501);
    f("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501);
    f("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", 400);
    f("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 21\r\n\r\n", 413);
    f("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n5\r\n", 413);
    f("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413);
    f("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(500, 'x'), 431);
    f("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + std::string(500, 'x'), 431);
    f("GET /" + std::string(120, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414);
    f("GET /" + std::string(600, 'x'), 431);
    f("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(500, 'x'), 431);
    std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 11; ++i) many += "X: y\r\n";
    f(many + "\r\n", 431);
}

TEST(HttpRequestParser, AsksBeforeTheBodyComes) {
    HttpRequestParser parser;
    bool expects = false;
    HttpRequestParser::Events events;
    events.on_head = [&](const HttpRequest& head, bool expects_continue) -> Result<std::uint64_t> {
        expects = expects_continue;
        if (head.path() == "/no") return Error{Code::denied, "not you"};
        return std::uint64_t{3};
    };
    events.on_request = [](HttpRequest) { return HttpNext::go_on; };
    EXPECT_TRUE(parser.feed(
        as_bytes("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"), events));
    EXPECT_TRUE(expects);
    EXPECT_FALSE(parser.idle());
    EXPECT_TRUE(parser.feed(as_bytes("abc"), events));
    EXPECT_TRUE(parser.idle());
    EXPECT_FALSE(parser.feed(as_bytes("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"), events));
    EXPECT_EQ(parser.error_status(), 403);
}

TEST(HttpResponseParser, ReadsWhatTheWriterWrote) {
    Rng rng{7};
    for (int round = 0; round < 300; ++round) {
        HttpResponse response;
        response.status = 200;
        response.headers = {{"content-type", "text/plain"}, {"x-broken", "a\r\nb: c"}};
        response.body = std::string(rng.below(300), 'x');
        const bool chunked = rng.chance(0.5);
        std::string bytes = rng.chance(0.2) ? "HTTP/1.1 100 Continue\r\n\r\n" : "";
        write_response(bytes, response, {.chunked = chunked, .now = 784'111'777 * kSecond});
        if (chunked) {
            write_chunk(bytes, std::string_view{response.body}.substr(0, 10));
            write_chunk(bytes, std::string_view{response.body}.substr(std::min<std::size_t>(10, response.body.size())));
            write_last_chunk(bytes);
        }
        HttpResponseParser parser;
        std::string_view rest = bytes;
        while (!rest.empty()) {
            const std::string_view piece = rest.substr(0, 1 + rng.below(40));
            const auto taken = parser.feed(as_bytes(piece));
            ASSERT_TRUE(taken) << taken.error().text();
            ASSERT_EQ(*taken, piece.size());
            rest.remove_prefix(*taken);
        }
        ASSERT_TRUE(parser.done()) << bytes;
        EXPECT_EQ(parser.response().body, response.body);
        EXPECT_EQ(parser.response().header("x-broken"), "a  b: c");
        EXPECT_EQ(parser.response().header("date"), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}

TEST(HttpResponseParser, EndsWithTheConnectionWhereThereIsNoLength) {
    HttpResponseParser parser;
    EXPECT_TRUE(parser.feed(as_bytes("HTTP/1.1 200 OK\r\n\r\nabc")));
    EXPECT_FALSE(parser.done());
    EXPECT_TRUE(parser.finish());
    EXPECT_EQ(parser.response().body, "abc");
    HttpResponseParser cut;
    EXPECT_TRUE(cut.feed(as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc")));
    EXPECT_FALSE(cut.finish());
}

TEST(Percent, DecodesAndEncodes) {
    auto f = [](std::string_view text, std::string_view want) {
        const auto decoded = percent_decode(text, true);
        ASSERT_TRUE(decoded) << text;
        EXPECT_EQ(*decoded, want);
        EXPECT_EQ(percent_decode(percent_encode(want)).value(), want);
    };
    f("a%2Fb+c%e4%B8%ad", "a/b c中");
    f("", "");
    f("%25", "%");
    for (const std::string_view bad : {"%", "%4", "%zz", "a%00b", "%+1"}) EXPECT_FALSE(percent_decode(bad)) << bad;
    const auto items = parse_query("tag=a&tag=b%26c&empty&=x&&points=8").value();
    EXPECT_EQ(items, (QueryItems{{"tag", "a"}, {"tag", "b&c"}, {"empty", ""}, {"", "x"}, {"points", "8"}}));
    std::string many;
    for (int i = 0; i < 1001; ++i) many += "a&";
    EXPECT_EQ(parse_query(many).error().code(), Code::limit);
}

TEST(AcceptEncoding, KnowsWhoTakesGzip) {
    auto f = [](std::string_view header, bool want) { EXPECT_EQ(accepts_gzip(header), want) << header; };
    f("", false);
    f("gzip", true);
    f("deflate, GZIP;q=0.5", true);
    f("gzip;q=0", false);
    f("gzip;q=0.000, *", false);
    f("*", true);
    f("identity", false);
    EXPECT_EQ(find_cookie("a=1; gongshu=xyz; b=2", "gongshu"), "xyz");
    EXPECT_EQ(find_cookie("xgongshu=1", "gongshu"), "");
    EXPECT_EQ(find_cookie("gongshu=\"q\"", "gongshu"), "q");
}

}  // namespace
}  // namespace gongshu::wire
