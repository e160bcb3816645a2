// What servers for Modbus masters say, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"Modbus servers show tags of all places: only who has no limits of place may look at them",
     "Modbus 服务涉及所有位置，只有不限位置的人可以查看"},
    {"expected an address such as 10.0.0.5 or a network such as 10.0.0.0/24, found \"{}\"",
     "应为地址（如 10.0.0.5）或网段（如 10.0.0.0/24），实际为“{0}”"},
    {"\"{}\" is an address and no network: leave out \"/{}\", or write its first address",
     "“{0}”是地址而不是网段：去掉“/{1}”，或写网段的第一个地址"},
    {"expected an IP address of this machine, found \"{}\"", "应为本机的 IP 地址，实际为“{0}”"},
    {"masters[{}]: {} lets nearly everybody ask, and Modbus knows no sign-in; name the masters' own addresses or networks",
     "masters[{0}]：{1} 几乎对所有人开放，而 Modbus 没有登录；应写主站自己的地址或网段"},
    {"masters: expected at least one address, found none: Modbus knows no sign-in, so that {} is opened only to masters that are named",
     "masters：至少应有一个地址，实际没有：Modbus 没有登录，{0} 只对写明的主站开放"},
    {"entries[{}].{}: {} {} is taken by entries[{}] already ({}); choose another address",
     "entries[{0}].{1}：{2} {3} 已被 entries[{4}] 占用（{5}）；应换一个地址"},
    {"max: expected at least min ({}), found {}", "max：应不小于 min（{0}），实际为 {1}"},
    {"{}: limits are for writes; set writable, or leave it out", "{0}：限值只用于写入；应设为可写，或不填"},
    {"writable: masters can write coils and holding registers, not {}", "writable：主站能写线圈和保持寄存器，不能写 {0}"},
    {"writable: a bit of a register is only read; show the tag as a coil to have it written",
     "writable：寄存器的位只读；要写就以线圈提供这个点位"},
    {"writable: writes are off for this server; set writes_enabled, or leave it out",
     "writable：本服务未允许写入；应打开 writes_enabled，或不填"},
    {"writable: {} is no property that its device type calls writable", "writable：{0} 不是设备型号里可写的属性"},
    {"fill: it is for when_bad fill, and this is {}", "fill：只用于 when_bad 为 fill 时，这里是 {0}"},
    {"fill: a bit is 0 or 1, found {}", "fill：一位只能是 0 或 1，实际为 {0}"},
    {"ports of this machine are opened by the tenant default alone", "本机的端口只能由企业 default 打开"},
    {"port: {} is that of the Modbus server \"{}\"; choose another one", "port：{0} 已由 Modbus 服务“{1}”使用；应换一个"},
    {"kind: a {} is on or off, and {} is a {}; choose holding or input", "kind：{0} 只有通断，而 {1} 是{2=}；应选 holding 或 input"},
    {"encoding: {} is a {}, which {} cannot hold; choose {}", "encoding：{0} 是{1=}，{2=}放不下；应选 {3=}"},
    {"encoding: {} may be {}, and {}; choose another encoding or a scale", "encoding：{0} 可到 {1}，而 {2=}；应换编码或加倍率"},
    {"tag: there is no tag \"{}\"", "tag：没有点位“{0}”"},
    {"a number such as f32", "数字编码，如 f32"},
    {"{} is neither on nor off", "{0} 既不是通也不是断"},
    {"too much to do", "正忙"},
    {"there is no reading of it yet", "还没有读数"},
    {"{} may be {} to {}, not {}", "{0} 只能是 {1} 到 {2}，不能是 {3}"},
    {"{} was turned away: there are {} masters already", "{0} 被拒绝：已有 {1} 个主站"},
    {"{} was turned away: it is none of the masters that may ask", "{0} 被拒绝：不在允许的主站之列"},
    {"function {} of {}: {}", "{1} 的功能码 {0}：{2=}"},
    {"function {} of {}", "{1} 的功能码 {0}"},
    {"there is no unit {}", "没有站号 {0}"},
    {"more requests at once than are taken", "同时的请求太多"},
    {"writes are off for this server: an administrator can set writes_enabled", "本服务未允许写入：管理员可打开 writes_enabled"},
};

}  // namespace

std::span<const Sentence> sentences_of_modbus() { return kSentences; }

}  // namespace gongshu::words
