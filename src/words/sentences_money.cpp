// What money and its exact arithmetic say, said in Chinese.
#include "words/sentences.h"

namespace gongshu::words {
namespace {

constexpr Sentence kSentences[] = {
    {"the result has more digits than 64 bits hold", "结果的位数超出 64 位所能容纳"},
    {"\"{}\" is not a number; expected digits such as 12.50", "“{0}”不是数；应为 12.50 这样的数字"},
    {"\"{}\" has more digits than 64 bits hold; expected at most 18", "“{0}”的位数超出 64 位所能容纳；最多 18 位"},
    {"it has more than {} digits after the point", "小数点后超过 {0} 位"},
    {"a division by zero", "除以零"},
    {"\"{}\" is not money; expected an amount and a currency, such as 12.50 CNY",
     "“{0}”不是金额；应为数额加币种，例如 12.50 CNY"},
    {"\"{}\" cannot be told in {} digits after the point, which {} has, and 64 bits",
     "“{0}”写不成金额：{2} 小数点后有 {1} 位，且不能超出 64 位"},
    {"{} and {} cannot be added: they are of two currencies; exchange one first",
     "{0} 与 {1} 不能相加：币种不同；应先换算其中一个"},
    {"{} cannot be taken from {}: they are of two currencies; exchange one first",
     "不能从 {1} 中减去 {0}：币种不同；应先换算其中一个"},
    {"a total is split in 1 to {} parts, and {} weights are given", "总额可分成 1 到 {0} 份，这里给出了 {1} 个权重"},
    {"\"{}\" is not a condition, so that nothing passes or fails by it", "“{0}”不是条件，不能据此判定通过与否"},
    {"\"{}\" has {} inputs, and {} are given", "“{0}”有 {1} 个输入，这里给出了 {2} 个"},
    {"unit: the expression gives money in {}, which cannot be told in {}; leave it empty",
     "unit：表达式得出的金额以 {0} 计，不能换算成 {1}；应留空"},
    {"money and dates are for rules and virtual tags; a mapping gives numbers, conditions and texts: give the tag a "
     "currency as its unit instead",
     "金额与日期用于规则和虚拟点位；映射只给出数值、条件和文本：可以把币种设为点位的单位"},
    {"weight {} is {}: expected one above 0; leave out of the list who has no share",
     "第 {0} 个权重是 {1}：应大于 0；没有份额的不要列入"},
};

}  // namespace

std::span<const Sentence> sentences_of_money() { return kSentences; }

}  // namespace gongshu::words
