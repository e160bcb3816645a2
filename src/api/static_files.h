#pragma once

#include <span>

#include "api/core.h"

namespace gongshu::api {

// The file at the path of a GET or HEAD; "index.html" for "/" and for the page's own addresses. Code::not_found for
// what is neither, and for everything under /api/.
Result<Answer> find_static(std::span<const StaticFile> files, const wire::HttpRequest& request);

// What every answer carries: no guessing of types, no frames, no scripts but our own files.
void add_security_headers(wire::HttpHeaders& headers);

}  // namespace gongshu::api
