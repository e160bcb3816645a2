#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "io/loop.h"
#include "wire/http.h"

namespace gongshu::bench {

struct HttpLoad {
    io::Address address;
    std::size_t connections = 1;  // kept open, one request under way on each
    std::size_t count = 1;
    DurationNs enough = 0;  // once so much time has gone by nothing more is sent; 0 = all are
    // The bytes of request `i`; valid until the next call.
    std::function<std::string_view(std::size_t i)> request;
    // Looks at an answer; an error ends the load. Empty: 2xx is all that is asked for.
    std::function<Result<void>(const wire::HttpResponse&)> on_answer = {};
};
struct HttpLoaded {
    double seconds = 0;
    std::vector<DurationNs> latencies;
    std::uint64_t bytes_in = 0, bytes_out = 0;
};

// Blocks until all that was sent is answered; Code::timeout after five minutes.
Result<HttpLoaded> run(const HttpLoad& load);

// The bytes of one request with a bearer token ("" = none).
std::string request_text(wire::HttpMethod method, const std::string& target, const std::string& token,
                         std::string body = {}, const std::string& content_type = "application/json");

}  // namespace gongshu::bench
