#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "registry/registry.h"

namespace gongshu::registry {

struct FixedParameter {
    std::string name, in, type, about;  // in: path, query, header; type: string, integer, number, boolean
    bool required = false;
};

// One path that is not made from a kind; api has the table.
struct FixedPath {
    std::string method, path, area, about;  // "get", "/api/v1/read", "data", one sentence
    std::vector<FixedParameter> parameters;
    std::string request_type;  // "", "application/json", …
    std::string answer_type = "application/json";
    int status = 200;
    Role role = Role::viewer;  // none = open to everybody
};

// OpenAPI 3.1 of all kinds and of the fixed paths.
Json openapi(const std::vector<const Kind*>& kinds, const std::vector<FixedPath>& paths, std::string_view version);

}  // namespace gongshu::registry
