// docs/guide/expressions.md and its Chinese twin, made from the tables that the compiler uses.
#include <fmt/format.h>

#include "expr/functions.h"

namespace gongshu::expr {
namespace {

struct Sign {
    std::string_view text, zh, en;
};

constexpr Sign kSigns[] = {
    {"`80`  `80 degC`  `1.5 bar`  `80%`", "数字，可带单位（UDUNITS 写法，也可写 ℃）",
     "a number, with a unit if wanted (as in UDUNITS, also ℃)"},
    {"`30s`  `5m`  `5min`  `2h`  `1d`  `1h30m`", "时长；需要时长的地方也可以写 `5 min`，而 `5 m` 是五米",
     "a duration; `5 min` is one too where a duration is asked for, but `5 m` is five metres"},
    {"`true`  `false`  `'text'`", "真、假、文本", "truth values and text"},
    {"`site1/line1/cnc1.temperature`  `temperature`",
     "点位：全路径，或规则所属设备自己的属性；名称里有空格、减号等时用反引号括起",
     "a tag: its path, or a property of the rule's own device; in backticks if it holds spaces or a minus"},
    {"`+ - * / % ^`", "算术；`a/b.c` 是路径，相除请加空格",
     "arithmetic; `a/b.c` is a path, so put spaces around a division"},
    {"`< <= > >= == !=`", "比较；两边单位自动换算；文本与条件只能用 == 与 !=",
     "comparison; units are converted; texts and conditions only with == and !="},
    {"`x between 1 and 5`  `x not between 1 and 5`", "在两者之间，含两端", "from the one to the other, both included"},
    {"`state in ('RUN', 'IDLE')`  `x not in (1, 2)`", "是列表中的一个", "one of the list"},
    {"`and or not`", "逻辑；有一边未知时，只有另一边能决定才有结果",
     "logic; with one side unknown there is an answer only if the other decides"},
    {"`if x > 5 then 1 else 2`", "条件成立取前者，否则取后者", "the first if the condition holds, else the second"},
    {"`x.quality == good`", "质量：good、uncertain、bad；平台或连接停用期间为未知",
     "quality: good, uncertain, bad; unknown while the platform or the connection was switched off"},
    {"`condition for 30s`", "条件连续成立满该时长；期间质量坏既不中断也不触发",
     "has held for so long; unknown in between neither breaks nor fires it"},
    {"`x @ -1h`", "一小时之前的值，与 lag(x, 1h) 相同", "the value as of an hour ago, as lag(x, 1h)"},
    {"`avg(x, 5m, 1h)`", "任一时间窗的最后一项为时长时：该时段结束于那么久之前",
     "a duration as the last argument of any window: it ended so long ago"},
    {"`x ?? 0`", "x 有值取 x，否则取后者，与 coalesce(x, 0) 相同；用到了替代值时解释里会写明",
     "x if it is known, else what follows, as coalesce(x, 0); an explanation tells when a substitute stood in"},
    {"`unknown`", "未知的条件；只有另一边能决定时才有结果", "a condition that is not known"},
    {"`12.50 CNY`  `0.6 CNY/kWh`  `5 元`", "金额与单价；精确到分，单价到九位小数",
     "money and a price; exact to the fen, prices to nine digits"},
    {"`energy * 0.6 CNY/kWh`  `fee * 30%`", "单价乘数量是金额，金额乘数或份额是金额，舍入到分一次",
     "a price and a quantity make money, as do money and a number or a share; rounded once, to the fen"},
    {"`date('2026-11-21') + 30d`", "日期加减整天数仍是日期，两个日期相减是天数",
     "a date and whole days make a date, two dates days"},
    {"`time(x) + 30s`  `now() - time(x)`", "时刻加减时长仍是时刻，两个时刻相减是时长",
     "a time and a duration make a time, two times a duration"},
};

struct Heading {
    FunctionGroup group;
    std::string_view zh, en;
};

constexpr Heading kHeadings[] = {
    {FunctionGroup::choose, "选择", "Choosing"},
    {FunctionGroup::math, "数学", "Mathematics"},
    {FunctionGroup::text, "文本", "Text"},
    {FunctionGroup::bits, "状态字的位", "Bits of status words"},
    {FunctionGroup::window, "时间窗", "Windows of time"},
    {FunctionGroup::time, "时间与日历", "Time and calendar"},
    {FunctionGroup::date, "日期与工作日", "Dates and working days"},
    {FunctionGroup::money, "金额", "Money"},
};

constexpr std::string_view kRulesEn = R"(
## What is known

A value is unknown if a tag in it never had a reading, or its newest one is of bad quality, or there is no such value (a
division by zero, the root of a negative number). An unknown condition is neither true nor false. A window skips bad
readings, and its value is uncertain if there was one in it.

## Numbers, units, times

- A number written without unit takes the unit of what it meets: `temperature > 80` is in the tag's own unit.
- Sums and comparisons convert units; products and quotients form them; `%` counts as a hundredth where a plain number is
  asked for. What cannot be converted is refused when the expression is written, not when it runs.
- A duration is a number in a unit of time. `5m` is five minutes, and so is `5 min`; only in `min` and `max`, which take
  values too, a window is written without the blank.
- Integers are exact in `+ - * %`, comparisons and bits, up to 64 bits; past that the result is unknown. Everything else,
  windows too, computes in doubles, exact up to 2^53.
- Calendar functions without a zone use that of the device's site; without a device that of the only site there is, else UTC.

## Money and dates

- Money is whole fen of one currency and never a double: `12.50 CNY`, `5 元`. Only one currency is added and compared. A tag
  whose unit is a currency, or a price such as `CNY/kWh`, is money; a reading with more digits than that has, or more than
  fifteen, is unknown.
- A product or quotient with a number is rounded once, to the fen, half to even; `half_up(…)` rounds as people do. A measured
  number counts as the digits that people see of it, so that anybody recomputes the same fen from them.
- A price is exact to nine digits. `price * quantity` needs a quantity of the same kind, converted by an exact factor (kWh to MJ
  is 3.6); where there is none it is refused. `money / quantity` is a price, `money / money` a number: `avg(cost / 1 CNY, 1d)`.
- What does not fit into 64 bits of fen is unknown, and refused when it is written out.
- A date has no time and no zone. `add_months` keeps to the end of a shorter month. Working days are those of the calendar that
  holds at the device's place; without a place, `working_day` and its kin are refused.

## Verdicts

A verdict is pass, fail or unknown. Unknown is never a pass: rules raise nothing by it, a guard does not open. `and`, `or` and
`not` are Kleene's: what one side decides alone is decided. The inputs that made it unknown are named, and substitutes taken by
`??` and `coalesce` are told with it.

## Windows

`avg(x, 5m)` looks at the readings of the last five minutes, the newest included, one that is exactly five minutes old not.
Windows also take a calculation or a condition: it has a reading whenever one of its tags has one. Sums and averages are
kept without any rounding in between, so that a window that slides and one computed anew agree to the last bit.

- `twa` and `duration_true` count how long a value lasted. It lasts until the next reading; a reading of bad quality, such
  as the mark of silence `bad:silent`, begins a gap, which counts nowhere. They change when a reading comes and otherwise
  at whole seconds, of windows longer than three minutes at whole hundredths of the window.
- One window holds up to 100000 readings. Past that the oldest go, and the value is `uncertain:computed` until the window
  is whole again; a lag is unknown where it has forgotten. One expression has at most 32 windows, 64 tags and 500
  operations; all that is nested in each other reaches back at most 366 days, one window 31 days.
)";

constexpr std::string_view kRulesZh = R"(
## 何时未知

用到的点位还没有来过数、最新读数质量坏、或者结果不存在（除以零、负数开方），值就是未知。未知的条件既不成立也不算不成立。时间窗跳过质量坏的读数；
窗内有过坏读数时，结果的质量为 uncertain。

## 数、单位、时间

- 不写单位的数取对方的单位：`temperature > 80` 用的是点位自己的单位。
- 加减与比较自动换算单位，乘除得出新单位；需要纯数的地方 `%` 作百分之一。不能换算的在写的时候就会被指出，而不是等到运行。
- 时长是以时间为单位的数。`5m` 是五分钟，`5 min` 也是；只有也能比较数值的 `min` 与 `max`，时间窗要不带空格地写。
- 整数在 `+ - * %`、比较与位运算中是精确的，最多 64 位，超出则未知。其余运算（包括时间窗）用双精度，2^53 以内精确。
- 日历函数不写时区时，用设备所在工厂的时区；没有设备则用唯一的工厂的，再没有则为 UTC。

## 金额与日期

- 金额是某一币种的整数分，从不经过双精度：`12.50 CNY`、`5 元`。只有同一币种能相加、比较。单位为币种或单价（如 `CNY/kWh`）的点位就是金额；读数的位数比它多，或超过十五位，则未知。
- 与数相乘除只舍入一次，到分，四舍六入五取偶；`half_up(…)` 为四舍五入。测得的数按人看到的数字计，任何人用这些数字都能复算出同样的分。
- 单价精确到九位小数。`单价 * 数量` 要求同类的数量，按精确系数换算（kWh 与 MJ 为 3.6）；没有精确系数的会被拒绝。`金额 / 数量` 是单价，`金额 / 金额` 是数：
  `avg(cost / 1 CNY, 1d)`。
- 超出 64 位分的为未知；直接写出来的会被拒绝。
- 日期没有时刻，也没有时区。`add_months` 在较短的月份取月末。工作日按设备所在地点的日历；没有地点时 `working_day` 等会被拒绝。

## 判定

判定为通过、不通过或未知。未知从不算通过：规则不会因它告警，守卫条件不会因它放行。`and`、`or`、`not` 按 Kleene 逻辑：一边能单独决定的就已决定。会指出是哪些输入
使它未知；`??` 与 `coalesce` 用到的替代值也会一并说明。

## 时间窗

`avg(x, 5m)` 看最近五分钟的读数，含最新的一个，不含恰好五分钟前的那个。时间窗里也可以写算式或条件：它的某个点位来数时，它就有一个读数。求和与平均
全程没有舍入误差，滑动计算与重新计算逐位相同。

- `twa` 与 `duration_true` 计的是值持续了多久。值持续到下一个读数为止；质量坏的读数（如断流标记 `bad:silent`）开始一段断档，断档不计入。它们在来数时
  变化，其余在整秒变化；长于三分钟的时间窗在时长的整百分之一处变化。
- 一个时间窗最多保存 100000 个读数。超出时丢掉最旧的，并在时间窗重新完整之前把结果标为 `uncertain:computed`；回看超出所记的部分则未知。一个表达式
  最多 32 个时间窗、64 个点位、500 个运算；嵌套合计最多回看 366 天，单个时间窗最多 31 天。
)";

std::string in_table(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

// The unit of what a function gives, or what it is if it has none: what the compiler does by Function::result.
std::string_view result_of(const Function& function, bool zh) {
    if (function.aggregate == Aggregate::rate) return zh ? "每秒" : "per second";
    if (function.aggregate == Aggregate::duration_true || function.op == NodeOp::since) return "s";
    if (function.op == NodeOp::power) return zh ? "随幂" : "raised";
    if (function.op == NodeOp::known || function.op == NodeOp::changed || function.op == NodeOp::since_compare)
        return zh ? "条件" : "condition";
    if (function.op == NodeOp::reading_time || function.op == NodeOp::now) return zh ? "时刻" : "time";
    switch (function.result) {
        case 'p':
            return zh ? "无" : "none";
        case 'r':
            return "radian";
        case 'q':
            return zh ? "开方" : "its root";
        case 'i':
            return zh ? "整数" : "whole number";
        case 't':
            return zh ? "条件" : "condition";
        case 's':
            return zh ? "文本" : "text";
        case 'd':
            return zh ? "日期" : "date";
        case 'm':
            return zh ? "金额" : "money";
        default:
            return zh ? "不变" : "kept";
    }
}

std::string code(std::string_view text) { return text.empty() ? "" : fmt::format("`{}`", in_table(text)); }

}  // namespace

std::string reference(std::string_view language) {
    const bool zh = language == "zh";
    std::string page =
        zh ? "# 表达式\n\n| 写法 | 含义 |\n|---|---|\n" : "# Expressions\n\n| written | meaning |\n|---|---|\n";
    for (const Sign& sign : kSigns) page += fmt::format("| {} | {} |\n", sign.text, zh ? sign.zh : sign.en);
    page += zh ? kRulesZh : kRulesEn;
    page += zh ? "\n## 函数\n\n在“读数”一栏里，`x=3` 是一个读数，`+60s` 是过了这么久，`bad` 是质量坏；时刻从 "
                 "2026-03-01 08:00 UTC 开始。\n"
               : "\n## Functions\n\nUnder \"readings\" `x=3` is a reading, `+60s` is so much later, `bad` is of bad "
                 "quality; it "
                 "begins at 2026-03-01 08:00 UTC.\n";
    for (const Heading& heading : kHeadings) {
        page += fmt::format("\n### {}\n\n", zh ? heading.zh : heading.en);
        page += zh ? "| 函数 | 含义 | 单位 | 例子 | 读数 | 结果 |\n|---|---|---|---|---|---|\n"
                   : "| function | meaning | unit | example | readings | result |\n|---|---|---|---|---|---|\n";
        for (const Function& function : function_table()) {
            const FunctionInfo& info = function.info;
            const auto group = info.group == FunctionGroup::least_most ? FunctionGroup::math : info.group;
            if (group != heading.group) continue;
            page +=
                fmt::format("| {} | {} | {} | {} | {} | {} |\n", code(info.signature), zh ? info.help_zh : info.help_en,
                            result_of(function, zh), code(info.example), code(info.given), code(info.result));
        }
    }
    page += zh ? "\n## 错误\n\n| 代码 | 含义 |\n|---|---|\n" : "\n## Errors\n\n| code | meaning |\n|---|---|\n";
    for (const ErrorInfo& error : errors())
        page += fmt::format("| `{}` | {} |\n", error.code, in_table(zh ? error.text_zh : error.text_en));
    return page;
}

}  // namespace gongshu::expr
