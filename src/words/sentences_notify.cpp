// What message hooks say, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"this server sends no messages", "本服务器不发送消息"},
    {"message hooks are of all places: only who has no limits of place may look at them",
     "消息通知涉及所有位置，只有不限位置的人可以查看"},
    // Over HTTP.
    {"no answer within {} s", "{0} 秒内没有应答"},
    {"cannot understand the answer", "无法理解对方的应答"},
    {"the answer is longer than {} bytes", "应答超过 {0} 字节"},
    {"the connection ended early", "连接提前中断"},
    {"\"{}\" is no address of a server: expected http://host:port or https://host:port",
     "“{0}”不是服务器地址：应为 http://主机:端口 或 https://主机:端口"},
    {"url: without TLS settings nothing is sent by https", "url：没有 TLS 设置，不以 https 发送"},
    {"the receiver answered {}: {}", "接收方应答 {0}：{1=}"},
    {"the robot did not take it: {}", "机器人没有接收：{0=}"},
    // What a hook may be.
    {"expected a path or a glob such as site/line1, found \"{}\"", "应为路径或通配，如 site/line1，实际为“{0}”"},
    {"host: expected the mail server, found none (channel email needs it)", "host：缺邮件服务器（邮件方式必填）"},
    {"from: expected the sender's mail address, found none (channel email needs it)",
     "from：缺发件人地址（邮件方式必填）"},
    {"to: expected 1 to {} mail addresses, found {}", "to：应有 1 到 {0} 个收件地址，实际为 {1} 个"},
    {"security: a password goes over TLS alone; expected tls or starttls with a user",
     "security：密码只能经 TLS 发送；有登录用户时应为 tls 或 starttls"},
    {"cases[{}]: there is no kind of case \"{}\"; there are {}", "cases[{0}]：没有事项种类“{1}”；现有 {2=}"},
    {"actions[{}]: these cases have no action \"{}\"; they have {}", "actions[{0}]：这些事项没有动作“{1}”；现有 {2=}"},
    {"url: expected where to send, found none (channel webhook needs it)", "url：缺发往的网址（Webhook 方式必填）"},
    {"there are {} message hooks, more are not taken", "已有 {0} 条消息通知，不再接收更多"},
    {"message hook {}", "消息通知 {0=}"},
    // On its way.
    {"steps of cases could not be read", "无法读取事项的步骤"},
    {"case {} has no step {}", "事项 {0=} 没有第 {1} 步"},
    {"what was sent could not be noted", "已发送的无法记下"},
    {"{} cannot be told", "{0=} 无法写成消息"},
    {"{} was given up", "{0=} 已放弃"},
    {"{} tests of message hooks run already; try again in a moment", "已有 {0} 个测试正在进行；稍后再试"},
    // Mail servers.
    {"the mail server did not take the mail within {} s", "邮件服务器 {0} 秒内没有收下邮件"},
    {"the mail server ended the connection early", "邮件服务器提前断开"},
    {"the mail server answered {} with {}", "邮件服务器对{0}的应答是 {1=}"},
    {"the connection", "连接"},
    {"the mail", "邮件"},
    {"the sender {}", "发件人 {0=} "},
    {"every receiver, at last {}", "所有收件人（最后一个 {0=}）"},
    {"not sent to {}", "以下收件人没有发到：{0=}"},
    {"expected a mail address such as shift@plant.example, found \"{}\"",
     "应为邮件地址，如 shift@plant.example，实际为“{0}”"},
    {"the mail server sent a line of more than {} bytes", "邮件服务器发来的一行超过 {0} 字节"},
    {"expected a reply of a mail server such as \"250 ok\", found \"{}\"",
     "应为邮件服务器的应答，如“250 ok”，实际为“{0}”"},
    {"a reply of the mail server begins with {} and goes on with {}", "邮件服务器的应答以 {0} 开始，又以 {1} 继续"},
    {"a reply of the mail server has more than {} lines", "邮件服务器的应答超过 {0} 行"},
    {"the mail server sent more than its answer to STARTTLS", "邮件服务器在 STARTTLS 的应答之后又发来内容"},
    {"the mail server did not take the sign-in of {}: {}", "邮件服务器不接受 {0=} 的登录：{1=}"},
    {"the mail server speaks when it is not asked", "邮件服务器未经询问就发来内容"},
    {"the mail server offers no STARTTLS; nothing was sent in clear", "邮件服务器不支持 STARTTLS；没有以明文发送"},
    {"the mail server takes no sign-in by AUTH PLAIN or AUTH LOGIN", "邮件服务器不接受 AUTH PLAIN 或 AUTH LOGIN 登录"},
    // Readings sent on to another platform.
    {"the platform says {}: {}", "平台回答 {0}：{1}"},
    {"the readings of the tenant default are sent on: only its administrators without limits of place may see how",
     "转发的是企业 default 的读数：只有该企业不受位置限制的管理员可以查看"},
    {"{}: the address of a platform ends behind its port; leave \"{}\" away", "{0}: 平台地址到端口为止；去掉“{1}”"},
};

}  // namespace

std::span<const Sentence> sentences_of_notify() { return kSentences; }

}  // namespace gongshu::words
