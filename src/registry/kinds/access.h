#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "registry/registry.h"

namespace gongshu::registry {

// A company, or a part of one, that sees nothing of the others. The name is the resource's name.
struct TenantSpec {
    std::string title;
    bool disabled = false;  // nobody of it can sign in
    std::optional<std::uint64_t> files_mb;  // room for files; absent = as the server says
};

// A named set of rights: what `base` may do, on the sites that `paths` allow (globs; none = all).
// viewer, operator, engineer and admin are there in every tenant.
struct RoleSpec {
    std::string title_zh, title_en;
    Role base = Role::viewer;
    std::vector<std::string> paths;
};

// A person. The password is not part of it.
struct UserSpec {
    std::string title;
    std::string role = "viewer";  // name of a role
    std::optional<std::string> email;
    bool disabled = false;
};

// A key for a program. The secret is issued once and is not part of it.
struct TokenSpec {
    std::string role = "viewer";
    std::string note;
    std::optional<std::string> expires;  // RFC 3339
    bool disabled = false;
};

Kind tenant_kind();
Kind role_kind();
Kind user_kind();
Kind token_kind();

extern template Result<TenantSpec> spec_of<TenantSpec>(const Resource&);
extern template Result<RoleSpec> spec_of<RoleSpec>(const Resource&);
extern template Result<UserSpec> spec_of<UserSpec>(const Resource&);
extern template Result<TokenSpec> spec_of<TokenSpec>(const Resource&);

}  // namespace gongshu::registry
