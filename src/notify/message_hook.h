#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "registry/case_table.h"
#include "registry/registry.h"

namespace gongshu::notify {

enum class Channel : std::uint8_t { webhook, email };
// What a webhook is told: our own JSON, or what the robots of three messengers take.
enum class Format : std::uint8_t { json, wecom, dingtalk, feishu };
enum class Security : std::uint8_t { tls, starttls, none };
enum class Language : std::uint8_t { zh, en };

// Whom the steps of cases are told (kind message_hook). Secret fields are empty here: Registry::secret() has them.
struct MessageHookSpec {
    std::string title;
    bool disabled = false;
    std::vector<std::string> cases;    // kinds; empty = all
    std::vector<std::string> actions;  // "open", "remind", …; empty = all
    std::string place;                 // path or glob, what lies beneath belongs to it; "" = the whole tenant
    Channel channel = Channel::webhook;
    Language language = Language::zh;
    std::string link;  // where receivers open the pages, "https://10.0.0.5:8080"; "" = as Messages::start() was told

    std::optional<std::string> url;  // may hold {key}
    Format format = Format::json;
    std::optional<std::string> key, secret;

    std::optional<std::string> host;
    std::uint16_t port = 465;
    Security security = Security::tls;
    std::optional<std::string> user, password, from;
    std::vector<std::string> to;

    std::optional<std::string> ca;  // PEM; absent = the system's authorities
};

inline constexpr std::size_t kHooksMax = 100;  // of a tenant

registry::Kind message_hook_kind();

// Whether a hook tells that step.
bool is_told(const MessageHookSpec& spec, const registry::CaseMark& mark);
// Where it sends to, without what is secret: "qyapi.weixin.qq.com", "mail.plant.example".
std::string target_of(const MessageHookSpec& spec);

}  // namespace gongshu::notify

extern template gongshu::Result<gongshu::notify::MessageHookSpec>
gongshu::registry::spec_of<gongshu::notify::MessageHookSpec>(const gongshu::registry::Resource&);
