// What is said of Sparkplug B, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"{}, byte {}: {}", "{0}，第 {1} 字节：{2}"},
    {"metric {}", "第 {0} 个变量"},
    {"its edge node was born anew, and it was not yet", "所属边缘节点已重新出生，它还没有"},
    {"metric {} ({})", "第 {0} 个变量（{1=}）"},
    {"metric {} (alias {})", "第 {0} 个变量（别名 {1}）"},
    {"a field is cut off or of no known kind", "有一个字段被截断，或类别未知"},
    {"byte {}: field {} of the payload is of another kind than Sparkplug B says",
     "第 {0} 字节：载荷的字段 {1} 与 Sparkplug B 规定的类别不符"},
    {"field {} of the metric is of another kind than Sparkplug B says", "变量的字段 {0} 与 Sparkplug B 规定的类别不符"},
    {"more than {} metrics in one message: send several", "一条消息超过 {0} 个变量：分成几条发送"},
    {"{}, byte {}: the name has more than {} bytes", "{0}，第 {1} 字节：名称超过 {2} 字节"},
    {"the name is not UTF-8 text", "名称不是 UTF-8 文本"},
    {"{}, byte {}: more than {} sets of properties in one another", "{0}，第 {1} 字节：属性集嵌套超过 {2} 层"},
    {"a property is neither name nor value", "属性既不是名称也不是值"},
    {"{}, byte {}: more than {} properties", "{0}，第 {1} 字节：属性超过 {2} 个"},
    {"{} names of properties and {} values", "属性名称有 {0} 个，属性值有 {1} 个"},
    {"{}, byte {}: {} for a metric of type {}", "{0}，第 {1} 字节：类型为 {3=} 的变量，收到的是{2}"},
    {"no whole number", "非整数"},
    {"a number of more than 32 bits in int_value", "int_value 中超过 32 位的数"},
    {"the number {}", "数 {0}"},
    {"the number {}, which is more than a tag keeps (2^63-1),", "数 {0}，超过点位能保存的最大值（2^63-1）"},
    {"a number in int_value that may be meant with or without a sign", "int_value 中的数，无法确定有无符号"},
    {"neither float_value nor double_value", "float_value 和 double_value 都没有的值"},
    {"no string_value", "没有 string_value 的值"},
    {"{}, byte {}: a text of more than {} bytes", "{0}，第 {1} 字节：文本超过 {2} 字节"},
    {"text that is not UTF-8", "不是 UTF-8 的文本"},
    {"no long_value", "没有 long_value 的值"},
    {"{} ms, which is after the year 2262 or before 1678,", "{0} 毫秒，晚于 2262 年或早于 1678 年"},
    {"the birth says no datatype", "出生消息没有写明数据类型"},
    {"a tag keeps single values, no {}", "点位只保存单个值，不保存 {0=}"},
    {"no boolean_value", "没有 boolean_value 的值"},
    {"{} is no value of type {}", "{0=} 不是 {1=} 类型的值"},
    {"the {} is empty", "{0}为空"},
    {"the {} has more than {} bytes", "{0}超过 {1} 字节"},
    {"the {} holds + or #", "{0}含有 + 或 #"},
    {"the {} is not UTF-8 text", "{0}不是 UTF-8 文本"},
    {"host ID", "主机 ID"},
    {"group ID", "组 ID"},
    {"edge node ID", "边缘节点 ID"},
    {"device ID", "设备 ID"},
    {"it does not begin with {}", "开头不是 {0=}"},
    {"expected spBv1.0/STATE/HOST", "应为 spBv1.0/STATE/主机"},
    {"the third level is \"{}\"; expected NBIRTH, NDATA, NDEATH, DBIRTH, DDATA, DDEATH, NCMD or DCMD",
     "第三级是“{0}”；应为 NBIRTH、NDATA、NDEATH、DBIRTH、DDATA、DDEATH、NCMD 或 DCMD"},
    {"expected spBv1.0/GROUP/{}/NODE/DEVICE", "应为 spBv1.0/组/{0=}/节点/设备"},
    {"expected spBv1.0/GROUP/{}/NODE and no further level", "应为 spBv1.0/组/{0=}/节点，没有更多级"},
    {"{} is the state of this platform itself: give the other host another ID, or this one by the option "
     "--sparkplug-host",
     "{0=} 是本平台自己的状态：给另一个主机换一个 ID，或用选项 --sparkplug-host 给本平台换一个"},
    {"topic {}: a message of Sparkplug cannot be taken again, because what it means depends on the births before it; "
     "the "
     "edge node sends its values anew at its next birth",
     "主题 {0=}：Sparkplug 消息不能重新处理，因为它的含义取决于之前的出生消息；边缘节点下次出生时会重新发送数值"},
    {"the device's path {}", "设备的路径{0}"},
    {"the payload is compressed: switch compression off in the edge node", "载荷已压缩：在边缘节点上关闭压缩"},
    {"the births of all edge nodes have more than {} metrics", "所有边缘节点的出生消息合计超过 {0} 个变量"},
    {"there are more than {} edge nodes", "边缘节点超过 {0} 个"},
    {"its connection ended without NDEATH", "连接已断开，没有发来 NDEATH"},
    {"seq is {}; expected 0 to 255", "seq 为 {0}；应为 0 到 255"},
    {"{} came before NBIRTH", "{0=} 先于 NBIRTH 到达"},
    {"{} came before NBIRTH, so that nothing is known of its metrics", "{0=} 先于 NBIRTH 到达，因此不知道它的变量"},
    {"its birth cannot be used", "它的出生消息无法使用"},
    {"seq is {} after {}", "seq 在 {1} 之后为 {0}"},
    {"the edge node has more than {} devices", "边缘节点的设备超过 {0} 个"},
    {"{} of {} came before DBIRTH", "{1=} 的 {0=} 先于 DBIRTH 到达"},
    {"{} of {} came before DBIRTH, so that nothing is known of its metrics",
     "{1=} 的 {0=} 先于 DBIRTH 到达，因此不知道它的变量"},
    {"it was not born again with its edge node", "边缘节点重新出生后，它没有重新出生"},
    {"{}: a birth says the name of each metric", "{0}：出生消息应写明每个变量的名称"},
    {"{}: the birth has two metrics of this name", "{0}：出生消息中有两个同名变量"},
    {"{}: the birth has two metrics with alias {}", "{0}：出生消息中有两个变量的别名是 {1}"},
    {"the birth did not have it", "出生消息中没有它"},
    {"no metric of the birth has this alias", "出生消息中没有变量用这个别名"},
    {"{}: it has neither name nor alias", "{0}：没有名称，也没有别名"},
    {"it is {}; the birth said {}", "类型为 {0=}；出生消息中写的是 {1=}"},
};

}  // namespace

std::span<const Sentence> sentences_of_sparkplug() { return kSentences; }

}  // namespace gongshu::words
