#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "wire/http.h"

// Requests and responses, once in one piece and once byte by byte: both must give the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    const auto run = [&](std::size_t piece) {
        std::string seen;
        wire::HttpRequestParser parser{
            {.header_bytes_max = 4096, .target_bytes_max = 1024, .headers_max = 20, .body_bytes_max = 8192}};
        wire::HttpRequestParser::Events events;
        events.on_request = [&](wire::HttpRequest request) {
            seen += request.method_text + " " + request.target + " " + request.body + "\n";
            std::ignore = wire::parse_query(request.query());
            std::ignore = wire::percent_decode(request.path());
            std::ignore = wire::accepts_gzip(request.header("accept-encoding"));
            return wire::HttpNext::go_on;
        };
        for (std::size_t at = 0; at < bytes; at += piece) {
            const auto taken = parser.feed({data + at, std::min(piece, bytes - at)}, events);
            if (!taken) return seen + "error";
        }
        return seen;
    };
    const std::string whole = run(bytes == 0 ? 1 : bytes);
    const std::string split = run(1);
    // A header that is too long is noticed earlier when it comes in pieces; what was read before must agree.
    if (whole.find("error") == std::string::npos && split.find("error") == std::string::npos) ASSERT(whole == split);
    wire::HttpResponseParser response{8192};
    if (response.feed({data, bytes})) std::ignore = response.finish();
    return 0;
}
