#include "registry/kinds/access.h"

#include "registry/kind_of.h"
#include "registry/names.h"

namespace gongshu::registry {

BOOST_DESCRIBE_ENUM(Role, none, viewer, operator_, engineer, admin)
BOOST_DESCRIBE_STRUCT(TenantSpec, (), (title, disabled, files_mb))
BOOST_DESCRIBE_STRUCT(RoleSpec, (), (title_zh, title_en, base, paths))
BOOST_DESCRIBE_STRUCT(UserSpec, (), (title, role, email, disabled))
BOOST_DESCRIBE_STRUCT(TokenSpec, (), (role, note, expires, disabled))

namespace {

constexpr std::size_t kTitleBytesMax = 200;

Fact title_fact() {
    return {.field = "title", .title_zh = "显示名", .title_en = "Title", .length_max = kTitleBytesMax};
}

Fact role_fact() {
    return {.field = "role",
            .title_zh = "角色",
            .title_en = "Role",
            .help_zh = "决定能看什么、能改什么",
            .help_en = "Decides what may be seen and changed",
            .required = true,
            .ref = "roles"};
}

Result<void> check_email(std::string_view text) {
    const auto at = text.find('@');
    if (at == 0 || at == std::string_view::npos || at + 1 == text.size() ||
        text.find_first_of(" \t\r\n<>,;") != text.npos) {
        return Error{Code::invalid, "expected an address such as li@example.com, found \"{}\"", text};
    }
    return {};
}

Result<void> check_time(std::string_view text) {
    TRY(parse_rfc3339(text));
    return {};
}

// The four basic roles stay what their names say, because everything else is explained by them.
Result<void> check_basic_role(const ResourceReader&, TenantId, std::string_view name, const RoleSpec& spec) {
    const auto basic = parse_role(name);
    if (basic && *basic != Role::none && (spec.base != *basic || !spec.paths.empty())) {
        return Error{Code::invalid,
                     "base: the role \"{}\" is one of the four basic ones and keeps its own base and no paths; "
                     "make a role of another name",
                     name};
    }
    return {};
}

}  // namespace

std::vector<Fact> facts_of(const TenantSpec*) {
    return {title_fact(),
            {.field = "disabled",
             .title_zh = "停用",
             .title_en = "Disabled",
             .help_zh = "停用后该企业的人员、令牌和设备都不能登录",
             .help_en = "Nobody and nothing of a disabled tenant can sign in"},
            {.field = "files_mb",
             .title_zh = "文件空间",
             .title_en = "Room for files",
             .help_zh = "照片等文件最多占用的空间；空表示按服务器的设置",
             .help_en = "What photos and other files may take; empty means as the server says",
             .unit = "MB",
             .min = 0,
             .max = 1'000'000'000}};
}

std::vector<Fact> facts_of(const RoleSpec*) {
    return {{.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
            {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
            {.field = "base",
             .title_zh = "基本权限",
             .title_en = "Base role",
             .required = true,
             .choices = {{"none", "无", "None"},
                         {"viewer", "查看", "Viewer: sees"},
                         {"operator", "操作", "Operator: sees, acknowledges, writes to machines"},
                         {"engineer", "工程", "Engineer: configures"},
                         {"admin", "管理", "Administrator: everything of the tenant"}}},
            {.field = "paths",
             .title_zh = "可见范围",
             .title_en = "Paths",
             .help_zh = "路径通配，如 plant1/**；空表示全部",
             .help_en = "Globs such as plant1/**; none means all of the tenant",
             .length_max = 100}};
}

std::vector<Fact> facts_of(const UserSpec*) {
    return {title_fact(),
            role_fact(),
            {.field = "email",
             .title_zh = "邮箱",
             .title_en = "E-mail",
             .length_max = 254,
             .level = 2,
             .check = check_email},
            {.field = "disabled",
             .title_zh = "停用",
             .title_en = "Disabled",
             .help_zh = "停用后立即退出登录",
             .help_en = "A disabled user is signed out at once"}};
}

std::vector<Fact> facts_of(const TokenSpec*) {
    return {role_fact(),
            {.field = "note",
             .title_zh = "用途",
             .title_en = "Note",
             .help_zh = "哪个程序在用",
             .help_en = "Which program uses it"},
            {.field = "expires",
             .title_zh = "到期时间",
             .title_en = "Expires",
             .help_zh = "RFC 3339，如 2027-01-01T00:00:00+08:00；空表示不过期",
             .help_en = "RFC 3339 such as 2027-01-01T00:00:00+08:00; empty means never",
             .check = check_time},
            {.field = "disabled", .title_zh = "停用", .title_en = "Disabled"}};
}

Kind tenant_kind() {
    return make_kind<TenantSpec>({.name = "tenant",
                                  .plural = "tenants",
                                  .title_zh = "企业",
                                  .title_en = "Tenant",
                                  .about_zh = "彼此完全隔离的单位",
                                  .about_en = "A company that sees nothing of the others",
                                  .of_system = true,
                                  .read_role = Role::admin,
                                  .write_role = Role::admin});
}

Kind role_kind() {
    return make_kind<RoleSpec>({.name = "role",
                                .plural = "roles",
                                .title_zh = "角色",
                                .title_en = "Role",
                                .about_zh = "一组命名的权限",
                                .about_en = "A named set of rights",
                                .read_role = Role::viewer,
                                .write_role = Role::admin},
                               {.among = check_basic_role});
}

Kind user_kind() {
    return make_kind<UserSpec>({.name = "user",
                                .plural = "users",
                                .title_zh = "用户",
                                .title_en = "User",
                                .about_zh = "能登录的人",
                                .about_en = "A person who can sign in",
                                .read_role = Role::admin,
                                .write_role = Role::admin});
}

Kind token_kind() {
    return make_kind<TokenSpec>({.name = "token",
                                 .plural = "tokens",
                                 .title_zh = "令牌",
                                 .title_en = "Token",
                                 .about_zh = "程序访问接口用的密钥",
                                 .about_en = "A key with which a program uses the interface",
                                 .read_role = Role::admin,
                                 .write_role = Role::admin});
}

template Result<TenantSpec> spec_of<TenantSpec>(const Resource&);
template Result<RoleSpec> spec_of<RoleSpec>(const Resource&);
template Result<UserSpec> spec_of<UserSpec>(const Resource&);
template Result<TokenSpec> spec_of<TokenSpec>(const Resource&);

}  // namespace gongshu::registry
