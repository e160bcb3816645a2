#include "expr/functions.h"

#include <vector>

namespace gongshu::expr {
namespace {

constexpr Function kFunctions[] = {
    {{"if", "if(condition, a, b)", "条件成立取 a，否则取 b；条件未知则未知",
      "a if the condition holds, else b; unknown if it is unknown", "if(running, current, 0 A) > 12 A"},
     FunctionGroup::choose},
    {{"abs", "abs(x)", "绝对值", "x without its sign", "abs(position - target) > 0.5 mm"},
     FunctionGroup::math,
     NodeOp::abs},
    {{"sqrt", "sqrt(x)", "平方根；负数则未知", "square root; unknown of a negative number", "sqrt(x ^ 2 + y ^ 2) > 3"},
     FunctionGroup::math,
     NodeOp::sqrt},
    {{"round", "round(x)", "四舍五入取整", "the nearest whole number, halves away from zero", "round(level) == 5"},
     FunctionGroup::math,
     NodeOp::round},
    {{"floor", "floor(x)", "向下取整", "the whole number below", "floor(level) == 4"},
     FunctionGroup::math,
     NodeOp::floor},
    {{"ceil", "ceil(x)", "向上取整", "the whole number above", "ceil(level) == 5"}, FunctionGroup::math, NodeOp::ceil},
    {{"log", "log(x)", "自然对数；非正数则未知", "natural logarithm; unknown of zero and below", "log(ratio) > 2"},
     FunctionGroup::math,
     NodeOp::log},
    {{"exp", "exp(x)", "e 的 x 次方", "e to the power of x", "exp(score) > 10"}, FunctionGroup::math, NodeOp::exp},
    {{"min", "min(a, b, …) | min(tag, 5m)", "几个值中最小的；第二项是时长时为该时段内的最小值",
      "the least of the values; with a duration, of the tag's readings in it", "min(pressure, 5m) < 1.5 bar"},
     FunctionGroup::least_most,
     NodeOp::min,
     Aggregate::min},
    {{"max", "max(a, b, …) | max(tag, 5m)", "几个值中最大的；第二项是时长时为该时段内的最大值",
      "the most of the values; with a duration, of the tag's readings in it", "max(temperature, 10m) > 90 degC"},
     FunctionGroup::least_most,
     NodeOp::max,
     Aggregate::max},
    {{"avg", "avg(tag, 5m)", "最近一段时间内读数的平均值", "mean of the readings of the last so long",
      "avg(temperature, 5m) > 80 degC"},
     FunctionGroup::window,
     NodeOp::window,
     Aggregate::avg},
    {{"sum", "sum(tag, 1h)", "最近一段时间内读数之和", "sum of the readings", "sum(rejects, 1h) > 10"},
     FunctionGroup::window,
     NodeOp::window,
     Aggregate::sum},
    {{"count", "count(tag, 1m)", "最近一段时间内可用读数的个数；没有则为 0", "how many usable readings; 0 if none",
      "count(temperature, 1m) < 10"},
     FunctionGroup::window,
     NodeOp::window,
     Aggregate::count},
    {{"first", "first(tag, 5m)", "最近一段时间内最早的读数", "the oldest reading", "level - first(level, 5m) > 10 mm"},
     FunctionGroup::window,
     NodeOp::window,
     Aggregate::first},
    {{"last", "last(tag, 5m)", "最近一段时间内最新的读数；时段内没有则未知",
      "the newest reading; unknown if there is none in it", "last(level, 1h) < 20 mm"},
     FunctionGroup::window,
     NodeOp::window,
     Aggregate::last},
    {{"delta", "delta(tag, 5m)", "最新读数减最早读数", "the newest reading less the oldest",
      "delta(energy, 1h) > 50 kWh"},
     FunctionGroup::window,
     NodeOp::window,
     Aggregate::delta},
    {{"rate", "rate(tag, 1m)", "最近一段时间内每秒的变化；至少要两个读数",
      "change per second over it; needs two readings", "rate(temperature, 1m) > 2 K/min"},
     FunctionGroup::window,
     NodeOp::window,
     Aggregate::rate},
    {{"since", "since(tag)", "距该点位上次来数的时间，与时长比较，用于发现断流",
      "time since the tag's last reading came, a duration: silence", "since(temperature) > 60s"},
     FunctionGroup::since,
     NodeOp::since},
};

struct Sign {
    std::string_view text, zh, en;
};

constexpr Sign kSigns[] = {
    {"`80`  `80 degC`  `1.5 bar`  `80%`", "数字，可带单位（UDUNITS 写法，也可写 ℃）",
     "a number, with a unit if wanted (as in UDUNITS, also ℃)"},
    {"`30s`  `5m`  `2h`  `1d`  `1h30m`", "时长，数字与字母之间没有空格；`5 m` 是五米",
     "a duration, nothing between number and letter; `5 m` is five metres"},
    {"`true`  `false`  `'text'`", "真、假、文本", "truth values and text"},
    {"`site1/line1/cnc1.temperature`  `temperature`",
     "点位：全路径，或规则所属设备自己的属性；名称里有空格、减号等时用反引号括起",
     "a tag: its path, or a property of the rule's own device; in backticks if it holds spaces or a minus"},
    {"`+ - * / % ^`", "算术；`a/b.c` 是路径，相除请加空格",
     "arithmetic; `a/b.c` is a path, so put spaces around a division"},
    {"`< <= > >= == !=`", "比较；两边单位自动换算", "comparison; units are converted"},
    {"`and or not`", "逻辑；有一边未知时，只有另一边能决定才有结果",
     "logic; with one side unknown there is an answer only if the other decides"},
    {"`x.quality == good`", "质量：good、uncertain、bad", "quality: good, uncertain, bad"},
    {"`condition for 30s`", "条件连续成立满该时长；期间质量坏既不中断也不触发",
     "has held for so long; unknown in between neither breaks nor fires it"},
};

const std::vector<FunctionInfo>& infos() {
    static const std::vector<FunctionInfo> list = [] {
        std::vector<FunctionInfo> all;
        for (const Function& function : kFunctions) all.push_back(function.info);
        return all;
    }();
    return list;
}

}  // namespace

const Function* find_function(std::string_view name) {
    for (const Function& function : kFunctions)
        if (function.info.name == name) return &function;
    return nullptr;
}

std::span<const FunctionInfo> functions() { return infos(); }

std::string reference(std::string_view language) {
    const bool zh = language == "zh";
    std::string page =
        zh ? "# 表达式\n\n| 写法 | 含义 |\n|---|---|\n" : "# Expressions\n\n| written | meaning |\n|---|---|\n";
    for (const Sign& sign : kSigns) page += fmt::format("| {} | {} |\n", sign.text, zh ? sign.zh : sign.en);
    page += zh ? "\n| 函数 | 含义 | 例子 |\n|---|---|---|\n" : "\n| function | meaning | example |\n|---|---|---|\n";
    for (const Function& function : kFunctions) {
        std::string signature{function.info.signature};
        for (auto at = signature.find('|'); at != std::string::npos; at = signature.find('|', at + 2))
            signature.insert(at, "\\");
        page += fmt::format("| `{}` | {} | `{}` |\n", signature, zh ? function.info.help_zh : function.info.help_en,
                            function.info.example);
    }
    return page;
}

}  // namespace gongshu::expr
