#include "notify/message_hook.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "case/kinds/kinds.h"
#include "connect/outbound.h"
#include "io/tls.h"
#include "registry/kind_of.h"
#include "registry/paths.h"
#include "wire/smtp.h"

namespace gongshu::notify {

BOOST_DESCRIBE_ENUM(Channel, webhook, email)
BOOST_DESCRIBE_ENUM(Format, json, wecom, dingtalk, feishu)
BOOST_DESCRIBE_ENUM(Security, tls, starttls, none)
BOOST_DESCRIBE_ENUM(Language, zh, en)
BOOST_DESCRIBE_STRUCT(MessageHookSpec, (),
                      (title, disabled, channel, url, format, key, secret, host, port, security, user, password, from,
                       to, cases, actions, place, language, link, ca))

namespace {

using registry::Fact;

constexpr std::size_t kListMax = 100;
constexpr std::size_t kReceiversMax = 50;

Fact of(std::string_view channel, Fact fact) {
    fact.if_field = "channel";
    fact.if_equals = channel;
    return fact;
}

Result<void> check_url(std::string_view text) {
    std::string url(text);
    for (auto at = url.find("{key}"); at != std::string::npos; at = url.find("{key}")) url.replace(at, 5, "key");
    TRY(connect::parse_http_url(url));
    return {};
}

Result<void> check_link(std::string_view text) {
    if (text.empty()) return {};
    TRY(connect::parse_http_url(text));
    return {};
}

Result<void> check_ca(std::string_view text) {
    if (text.empty()) return {};
    TRY(io::make_tls_client(std::string(text)));
    return {};
}

Result<void> check_host(std::string_view text) {
    // "::1" as well as "[::1]".
    const bool bare = std::ranges::count(text, ':') > 1 &&
                      text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    const auto address = io::parse_address(fmt::format("{}{}{}:1", bare ? "[" : "", text, bare ? "]" : ""));
    if (text.empty() || !address || address->host.find_first_of(" \r\n\t@/") != std::string::npos)
        return Error{Code::invalid, "expected a host name or an IP address, found \"{}\"", text};
    return {};
}

Result<void> check_place(std::string_view text) {
    if (text.find_first_of("\r\n") == std::string_view::npos) return {};
    return Error{Code::invalid, "expected a path or a glob such as site/line1, found \"{}\"", text.substr(0, 80)};
}

bool given(const std::optional<std::string>& text) { return text && !text->empty(); }

Result<void> check_mail(const MessageHookSpec& spec) {
    if (!given(spec.host))
        return Error{Code::invalid, "host: expected the mail server, found none (channel email needs it)"};
    if (!given(spec.from))
        return Error{Code::invalid, "from: expected the sender's mail address, found none (channel email needs it)"};
    if (spec.to.empty() || spec.to.size() > kReceiversMax)
        return Error{Code::invalid, "to: expected 1 to {} mail addresses, found {}", kReceiversMax, spec.to.size()};
    for (std::size_t i = 0; i < spec.to.size(); ++i) TRY(wire::check_mail_address(spec.to[i]).context("to[{}]", i));
    if (given(spec.user) && spec.security == Security::none)
        return Error{Code::invalid, "security: a password goes over TLS alone; expected tls or starttls with a user"};
    return {};
}

Result<void> check_alone(const std::vector<cases::CaseKind>& kinds, const MessageHookSpec& spec) {
    std::string names, actions;
    std::set<std::string> known_actions;
    for (const cases::CaseKind& kind : kinds) names += (names.empty() ? "" : ", ") + kind.name;
    for (std::size_t i = 0; i < spec.cases.size(); ++i)
        if (std::ranges::find(kinds, spec.cases[i], &cases::CaseKind::name) == kinds.end())
            return Error{Code::invalid, "cases[{}]: there is no kind of case \"{}\"; there are {}", i, spec.cases[i],
                         names};
    const auto chosen = [&](const cases::CaseKind& kind) {
        return spec.cases.empty() || std::ranges::count(spec.cases, kind.name) > 0;
    };
    for (const cases::CaseKind& kind : kinds)
        if (chosen(kind))
            for (const cases::Action& action : kind.actions) known_actions.insert(action.name);
    for (const std::string& action : known_actions) actions += (actions.empty() ? "" : ", ") + action;
    for (std::size_t i = 0; i < spec.actions.size(); ++i) {
        const bool known = std::ranges::any_of(
            kinds, [&](const auto& kind) { return chosen(kind) && kind.action(spec.actions[i]) != nullptr; });
        if (!known)
            return Error{Code::invalid, "actions[{}]: these cases have no action \"{}\"; they have {}", i,
                         spec.actions[i], actions};
    }
    if (spec.channel == Channel::email) return check_mail(spec);
    if (!given(spec.url))
        return Error{Code::invalid, "url: expected where to send, found none (channel webhook needs it)"};
    return {};
}

Result<void> check_among(const registry::ResourceReader& reader, TenantId tenant, std::string_view name,
                         const MessageHookSpec&) {
    const auto there = reader.list_shared(tenant, "message_hook");
    if (there.size() < kHooksMax || reader.find(tenant, "message_hook", name)) return {};
    return Error{Code::limit, "there are {} message hooks, more are not taken", there.size()};
}

// The kinds of cases and their actions as choices of a list, with their titles.
void offer(Json& schema, std::string_view field,
           const std::vector<std::pair<std::string, std::pair<std::string, std::string>>>& all) {
    JsonArray names, zh, en;
    for (const auto& [name, titles] : all) {
        names.emplace_back(name);
        zh.emplace_back(titles.first);
        en.emplace_back(titles.second);
    }
    JsonObject& items = schema.as_object()["properties"].as_object()[field].as_object()["items"].as_object();
    items["enum"] = std::move(names);
    items["x-enum-zh"] = std::move(zh);
    items["x-enum-en"] = std::move(en);
}

void offer_choices(Json& schema, const std::vector<cases::CaseKind>& kinds) {
    std::vector<std::pair<std::string, std::pair<std::string, std::string>>> titled, actions;
    for (const cases::CaseKind& kind : kinds) {
        titled.emplace_back(kind.name, std::pair(kind.title_zh, kind.title_en));
        for (const cases::Action& action : kind.actions) {
            const auto known = std::ranges::find_if(actions, [&](const auto& one) { return one.first == action.name; });
            if (known == actions.end()) {
                actions.emplace_back(action.name, std::pair(action.title_zh, action.title_en));
                continue;
            }
            auto& [zh, en] = known->second;
            if (zh != action.title_zh) zh += " / " + action.title_zh;
            if (en != action.title_en) en += " / " + action.title_en;
        }
    }
    offer(schema, "cases", titled);
    offer(schema, "actions", actions);
}

}  // namespace

std::vector<Fact> facts_of(const MessageHookSpec*) {
    return {
        {.field = "title", .title_zh = "标题", .title_en = "Title", .length_max = 200},
        {.field = "disabled",
         .title_zh = "停用",
         .title_en = "Off",
         .help_zh = "停用期间发生的不再补发",
         .help_en = "What happens meanwhile is not told later"},
        {.field = "cases",
         .title_zh = "事项种类",
         .title_en = "Kinds of cases",
         .help_zh = "留空为全部，如 downtime_reason",
         .help_en = "None: all, such as downtime_reason",
         .length_max = kListMax},
        {.field = "actions",
         .title_zh = "动作",
         .title_en = "Actions",
         .help_zh = "留空为全部；程序自动做的也算，如 remind、escalate",
         .help_en = "None: all, with what the program does by itself, such as remind, escalate",
         .length_max = kListMax},
        {.field = "place",
         .title_zh = "位置",
         .title_en = "Place",
         .help_zh = "路径或通配，含其下各级；留空为全部",
         .help_en = "A path or glob with what lies beneath; none: everywhere",
         .length_max = 1000,
         .check = check_place},
        {.field = "channel",
         .title_zh = "方式",
         .title_en = "Channel",
         .required = true,
         .choices = {{"webhook", "Webhook（含群机器人）", "Webhook (and group robots)"}, {"email", "邮件", "E-mail"}}},
        {.field = "language",
         .title_zh = "语言",
         .title_en = "Language",
         .choices = {{"zh", "中文", "Chinese"}, {"en", "英文", "English"}}},
        {.field = "link",
         .title_zh = "页面地址",
         .title_en = "Address of the pages",
         .help_zh = "收信人打开本平台的地址，写进消息的链接，如 https://10.0.0.5:8080",
         .help_en = "Where receivers open this platform, for the link in the message, such as https://10.0.0.5:8080",
         .length_max = 300,
         .check = check_link},
        of("webhook", {.field = "url",
                       .title_zh = "网址",
                       .title_en = "URL",
                       .help_zh = "消息以 POST 发往此处；其中的 {key} 由密钥代替",
                       .help_en = "Messages are sent there by POST; {key} in it stands for the key",
                       .length_max = 1000,
                       .check = check_url}),
        of("webhook", {.field = "format",
                       .title_zh = "格式",
                       .title_en = "Format",
                       .choices = {{"json", "JSON", "JSON"},
                                   {"wecom", "企业微信群机器人", "WeCom group robot"},
                                   {"dingtalk", "钉钉机器人", "DingTalk robot"},
                                   {"feishu", "飞书机器人", "Feishu robot"}}}),
        of("webhook", {.field = "key",
                       .title_zh = "网址中的密钥",
                       .title_en = "Key in the URL",
                       .help_zh = "代替网址中的 {key}；加密保存，不再读出",
                       .help_en = "Stands for {key} in the URL; kept sealed and never read back",
                       .length_max = 500,
                       .secret = true}),
        of("webhook",
           {.field = "secret",
            .title_zh = "签名密钥",
            .title_en = "Signing secret",
            .help_zh = "收信方用它核对签名（钉钉、飞书为加签密钥）；加密保存，不再读出",
            .help_en =
                "Receivers check the signature with it (robots: of their signing); kept sealed and never read back",
            .length_max = 500,
            .secret = true}),
        of("email", {.field = "host",
                     .title_zh = "邮件服务器",
                     .title_en = "Mail server",
                     .length_max = 253,
                     .check = check_host}),
        of("email", {.field = "port", .title_zh = "端口", .title_en = "Port", .min = 1}),
        of("email", {.field = "security",
                     .title_zh = "加密",
                     .title_en = "Security",
                     .choices = {{"tls", "TLS（465）", "TLS (465)"},
                                 {"starttls", "STARTTLS（587）", "STARTTLS (587)"},
                                 {"none", "不加密", "None"}}}),
        of("email", {.field = "user",
                     .title_zh = "登录用户",
                     .title_en = "User",
                     .help_zh = "留空则不登录",
                     .help_en = "None: without signing in",
                     .length_max = 250}),
        of("email", {.field = "password",
                     .title_zh = "密码",
                     .title_en = "Password",
                     .help_zh = "加密保存，不再读出",
                     .help_en = "Kept sealed and never read back",
                     .length_max = 500,
                     .widget = "password",
                     .secret = true}),
        of("email", {.field = "from",
                     .title_zh = "发件人",
                     .title_en = "Sender",
                     .length_max = 254,
                     .check = wire::check_mail_address}),
        of("email", {.field = "to", .title_zh = "收件人", .title_en = "Receivers", .length_max = kReceiversMax}),
        {.field = "ca",
         .title_zh = "信任的证书",
         .title_en = "Trusted authority",
         .help_zh = "PEM；留空则信任系统的证书",
         .help_en = "PEM; none: the authorities of the system",
         .length_max = 100'000,
         .widget = "multiline",
         .check = check_ca},
    };
}

registry::Kind message_hook_kind() {
    registry::Kind kind = registry::make_kind<MessageHookSpec>(
        {.name = "message_hook",
         .plural = "message_hooks",
         .title_zh = "消息通知",
         .title_en = "Message hook",
         .about_zh = "事项的每一步以邮件或 Webhook 告诉谁",
         .about_en = "Whom each step of a case is told by e-mail or webhook",
         .read_role = registry::Role::admin,
         .write_role = registry::Role::admin},
        {.alone = [kinds = cases::own_kinds()](const MessageHookSpec& spec) { return check_alone(kinds, spec); },
         .among = check_among});
    offer_choices(kind.schema, cases::own_kinds());
    return kind;
}

bool is_told(const MessageHookSpec& spec, const registry::CaseMark& mark) {
    if (!spec.cases.empty() && std::ranges::count(spec.cases, mark.kind) == 0) return false;
    if (!spec.actions.empty() && std::ranges::count(spec.actions, mark.action) == 0) return false;
    return spec.place.empty() || registry::lies_within({spec.place}, mark.place);
}

std::string target_of(const MessageHookSpec& spec) {
    if (spec.channel == Channel::email) return spec.host.value_or("");
    std::string url = spec.url.value_or("");
    for (auto at = url.find("{key}"); at != std::string::npos; at = url.find("{key}")) url.replace(at, 5, "key");
    const auto parsed = connect::parse_http_url(url);
    return parsed ? parsed->host : "";
}

}  // namespace gongshu::notify

template gongshu::Result<gongshu::notify::MessageHookSpec> gongshu::registry::spec_of<gongshu::notify::MessageHookSpec>(
    const gongshu::registry::Resource&);
