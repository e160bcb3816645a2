#pragma once

#include <string>

#include "base/result.h"
#include "wire/http.h"

namespace gongshu::app {

// Where a running server is and who asks.
struct Server {
    std::string url = "http://127.0.0.1:8080";
    std::string token;  // or:
    std::string user, password;
    std::string ca_file;  // for https: trust this authority; "" = the system's
};

// One request, one answer, over a loop of its own; blocks up to 60 s. `path` begins with "/". An answer of 4xx or 5xx
// is an Error with the server's own sentence.
Result<wire::HttpResponse> fetch(const Server& server, wire::HttpMethod method, const std::string& path,
                                 std::string body = {}, const std::string& content_type = "application/json");

}  // namespace gongshu::app
