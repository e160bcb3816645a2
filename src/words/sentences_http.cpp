// What is said of machines that are asked by HTTP, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"expected what stands behind the host in the address, beginning with /, found \"{}\"",
     "应为地址中主机之后的部分，以 / 开头，实际为“{0}”"},
    {"column {}: blanks, # and what is not ASCII have to be written as %XX",
     "第 {0} 列：空格、# 和非 ASCII 字符应写成 %XX"},
    {"expected a blank and the place in the answer behind {}, as in \"/emeter/0 power\"",
     "{0=} 之后应有空格和应答中的位置，例如“/emeter/0 power”"},
    {"{} stands for many values: choose one", "{0=} 代表多个值：选其中一个"},
    {"{} is {}, which has no member \"{}\"", "{0=} 是{1}，没有成员“{2}”"},
    {"{} has no member \"{}\"", "{0=} 没有成员“{1}”"},
    {"{} is {}, which has no element {}", "{0=} 是{1}，没有第 {2} 个元素"},
    {"{} has no element {}", "{0=} 没有第 {1} 个元素"},
    {"{} is null", "{0=} 为 null"},
    {"{} is {}: choose one of its values", "{0=} 是{1}：选其中的一个值"},
    {"\"{}\" is no {}", "“{0}”不是{1}"},
    {"no answer to GET {} within {} ms", "GET {0=} 在 {1} 毫秒内没有应答"},
    {"the answer to GET {} cannot be read: {}", "GET {0=} 的应答无法读取：{1}"},
    {"the link was closed before the answer to GET {} was whole: {}", "GET {0=} 的应答还不完整，链路就关闭了：{1}"},
    {"GET {} is answered with {} {}", "GET {0=} 的应答是 {1} {2=}"},
    {"port: expected the port of HTTPS, found none: mostly it is 443", "port：应为 HTTPS 的端口，实际为空，一般是 443"},
    {"server_fingerprint: only machines that are asked by https have a certificate", "server_fingerprint：只有经 https 访问的设备才有证书"},
    {"user: a user name of HTTP has no colon", "user：HTTP 的用户名不能含冒号"},
    {"GET {} is answered with 401 Unauthorized: it wants a user name and password", "GET {0=} 的应答是 401 Unauthorized：需要用户名和密码"},
    {"GET {} is answered with 401 Unauthorized: it offers neither Digest with SHA-256 or MD5 nor Basic to sign in by",
     "GET {0=} 的应答是 401 Unauthorized：不支持 Digest(SHA-256、MD5)或 Basic 登录"},
    {"GET {} is answered with 401 Unauthorized: user name or password is wrong", "GET {0=} 的应答是 401 Unauthorized：用户名或密码不对"},
    {"the answer to GET {} is no JSON: {}", "GET {0=} 的应答不是 JSON：{1}"},
    {"what is had by HTTP is only read", "HTTP 轮询只读不写"},
    {"an agent of MTConnect is only asked", "MTConnect 代理只读不写"},
    {"the agent is started again and again", "代理在反复重启"},
    {"the answer to GET {}: {}", "GET {0=} 的应答：{1}"},
    {"has a DOCTYPE, which no agent's answer has", "含有 DOCTYPE，代理的应答里没有这个"},
    {"begins with <{}> and not with <MTConnectStreams>", "以 <{0=}> 开头，而不是 <MTConnectStreams>"},
    {"the agent answers with an error: {}", "代理回答出错：{0=}"},
    {"without saying which", "没有说明是什么错误"},
    {"no memory to read the answer", "内存不足，无法读取应答"},
    {"has more than {} observations", "观测值超过 {0} 个"},
    {"line {}: a value has more than {} bytes", "第 {0} 行：一个值超过 {1} 字节"},
    {"has more than {} MB", "超过 {0} MB"},
    {"point.as: JSON says itself what a value is; leave it out", "point.as：JSON 本身说明值的类型；不要填写"},
    {"writable: what is had by HTTP is only read; leave it out or take another device type",
     "writable：HTTP 轮询只读不写；去掉它，或换一个设备型号"},
};

}  // namespace

std::span<const Sentence> sentences_of_http() { return kSentences; }

}  // namespace gongshu::words
