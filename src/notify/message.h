#pragma once

#include <optional>
#include <string>
#include <vector>

#include "calendar/zone.h"
#include "case/cases.h"
#include "notify/message_hook.h"

namespace gongshu::notify {

// One step of one case as receivers are told it.
struct Message {
    std::string id;     // "CA-12/3": case and step, the same whenever it is sent again
    std::string hook;   // who tells it
    std::string title;  // "停机原因 DR-7：1号线/注塑机3", one line
    std::string text;   // the sentence: title, who did what, state and when it is due; one line
    std::vector<std::pair<std::string, std::string>> lines;  // what else is to be known: label and value
    std::string link;                                        // of the case; "" = not known
    Json facts;                                              // all of it for programs: the body of Format::json
};

inline constexpr std::size_t kValueBytesMax = 300;  // of one line of a message; longer ones are cut

// Step `number` of a case that may have gone on since. `steps`: all of them, in order. `link`: address of the pages.
Message compose(const MessageHookSpec& spec, const std::string& hook, const cases::Case& one,
                const std::vector<cases::Step>& steps, std::uint64_t number, const calendar::Zone& zone,
                const std::string& link);
// What a test sends.
Message test_message(const MessageHookSpec& spec, const std::string& hook, TimeNs now, const std::string& link);

// As text of several lines: the sentence, the lines, the link.
std::string plain_text(const Message& message, Language language);

// The body of a webhook and what its signing adds to the address. With a secret, robots get the signature that they ask
// for; `sent` is when.
struct WebhookBody {
    std::string body;
    std::string query;  // "&timestamp=…&sign=…", else ""
};
// wecom: "群机器人配置说明" (developer.work.weixin.qq.com/document/path/91770), markdown of at most 4096 bytes.
// dingtalk: "自定义机器人接入" and "自定义机器人安全设置" (open.dingtalk.com), markdown; HMAC-SHA256 over time and
// secret. feishu: "自定义机器人使用指南" (open.feishu.cn), text of at most 20 KB; HMAC-SHA256 keyed with time and
// secret.
WebhookBody webhook_body(const Message& message, const MessageHookSpec& spec, const std::string& secret, TimeNs sent);

// What the receiver's answer means. Robots answer 200 whatever happened: their own code decides.
// Code::invalid: it will never take this message, perhaps another one; Code::unavailable: it takes none now.
Result<void> judge_answer(Format format, int status, const std::string& body);

}  // namespace gongshu::notify
