// Every sentence that an expression's writer may be told, in English and Chinese.
#include "expr/messages.h"

#include <algorithm>

#include "base/assert.h"

namespace gongshu::expr {
namespace {

constexpr ErrorInfo kErrors[] = {
    // What is written.
    {"too_long", "the expression has {bytes} bytes, at most {most} are allowed",
     "表达式有 {bytes} 字节，最多允许 {most} 字节", "a shorter expression", "更短的表达式"},
    {"not_text", "a character that is not text (UTF-8)", "有一个字符不是文本（UTF-8）", "text", "文本"},
    {"open_quote", "the text that begins here has no closing quote", "从这里开始的文本没有右引号", "{quote}",
     "{quote}"},
    {"open_backtick", "the name that begins here has no closing backtick", "从这里开始的名称没有右反引号", "`", "`"},
    {"empty_backticks", "there is no name between the backticks", "反引号之间没有名称",
     "a tag, such as `line 1/cnc-1.temperature`", "点位，例如 `line 1/cnc-1.temperature`"},
    {"number_range", "this number is too large or too small", "这个数太大或太小", "a number up to 1e308",
     "不超过 1e308 的数"},
    {"duration_range", "this duration is longer than 31 days", "这个时长超过 31 天", "at most 31d", "最多 31d"},
    {"not_a_unit", "\"{found}\" after a number is not a unit", "数字后面的“{found}”不是单位",
     "a unit such as degC, bar, mm/s, or an operator", "单位（如 degC、bar、mm/s）或运算符"},
    {"write_this", "\"{found}\" is not known; write \"{write}\"", "不认识“{found}”，请写“{write}”", "{write}",
     "{write}"},
    {"write_and", "write \"and\" between two conditions", "两个条件之间请写 and", "and", "and"},
    {"write_or", "write \"or\" between two conditions", "两个条件之间请写 or", "or", "or"},
    {"write_equal", "\"=\" is not known; equality is \"==\"", "不认识“=”，相等请写“==”", "==", "=="},
    {"no_meaning", "\"{found}\" has no meaning here", "“{found}”在这里没有含义", "a tag, a number or an operator",
     "点位、数字或运算符"},
    // How it is put together.
    {"empty", "the expression is empty", "表达式是空的", "a condition such as temperature > 80",
     "条件，例如 temperature > 80"},
    {"unopened_bracket", "this bracket was never opened", "这个括号没有左半边", "an operator or the end",
     "运算符，或到此结束"},
    {"unclosed_bracket", "the bracket of column {column} is not closed", "第 {column} 列的括号没有右半边", ")", ")"},
    {"expected_operator", "found \"{found}\" where an operator or the end was expected",
     "这里应当是运算符或结束，却是“{found}”", "and, or, a comparison, or the end", "and、or、比较，或到此结束"},
    {"expected_value", "found \"{found}\" where a value was expected", "这里应当是一个值，却是“{found}”",
     "a tag, a number or a bracket", "点位、数字或括号"},
    {"ends_early", "the expression ends where a value was expected", "表达式在应有一个值的地方结束了",
     "a tag, a number or a bracket", "点位、数字或括号"},
    {"too_many_operations", "the expression has more than {most} operations", "表达式的运算超过 {most} 个",
     "a shorter expression", "更短的表达式"},
    {"too_deep", "{what} are nested deeper than {most}", "{what}嵌套超过 {most} 层", "a flatter expression",
     "层次更少的表达式"},
    {"for_duration", "\"for\" needs a duration", "for 后面要有时长", "a duration such as 30s, 5m, 2h or 1d",
     "时长，例如 30s、5m、2h、1d"},
    {"bracket_for", "before \"{word}\" a condition with \"for\" needs brackets: (x > 5 for 30s) {word} …",
     "带 for 的条件后面接 {word} 时要用括号括起来：(x > 5 for 30s) {word} …", "brackets around what is held", "括号"},
    {"at_duration", "\"@\" needs a duration back in time", "@ 后面要有往回的时长", "such as @ -1h", "例如 @ -1h"},
    {"chained", "comparisons cannot be chained; write a < b and b < c", "比较不能连写，请写 a < b and b < c",
     "and, or, or the end", "and、or，或到此结束"},
    {"between_and", "\"between\" needs two values with \"and\" between them", "between 要有两个值，中间写 and",
     "such as x between 1 and 5", "例如 x between 1 and 5"},
    {"in_list", "\"in\" needs a list in brackets", "in 后面要有括号里的列表", "such as state in ('RUN', 'IDLE')",
     "例如 state in ('RUN', 'IDLE')"},
    {"if_then", "\"if\" needs \"then\" and \"else\"", "if 要有 then 和 else", "{write}", "{write}"},
    {"only_quality", "only \".quality\" can follow a tag", "点位后面只能是 .quality", "quality", "quality"},
    {"unknown_function", "there is no function \"{name}\"", "没有函数“{name}”", "a function", "函数"},
    {"after_comma", "after a comma another argument is expected", "逗号后面应当还有一个参数", "a value", "一个值"},
    {"unclosed_arguments", "the arguments of {name}() are not closed", "{name}() 的参数没有右括号", "\",\" or \")\"",
     "“,”或“)”"},
    // What it means.
    {"not_a_condition", "this is {kind}, not a condition", "这是{kind}，不是条件", "a condition, such as a comparison",
     "条件，例如比较"},
    {"dead_band", "a dead band needs a comparison with <, <=, > or >= of numbers", "回差要有数值的 <、<=、> 或 >= 比较",
     "such as temperature > 80", "例如 temperature > 80"},
    {"too_many_tags", "the expression reads more than {most} tags", "表达式用到的点位超过 {most} 个", "fewer tags",
     "更少的点位"},
    {"too_many_windows", "the expression has more than {most} windows", "表达式的时间窗超过 {most} 个", "fewer windows",
     "更少的时间窗"},
    {"lookback", "the windows, lags and holds in each other reach back more than {most} days",
     "嵌套的时间窗、回看与保持时间合计超过 {most} 天", "shorter durations", "更短的时长"},
    {"word_as_value", "\"{name}\" stands where a value was expected", "这里应当是一个值，却是“{name}”", "a value",
     "一个值"},
    {"unknown_tag", "there is no tag \"{name}\"", "没有点位“{name}”", "a tag", "点位"},
    {"wrong_kind", "{where} needs {wanted}, and \"{written}\" is {kind}", "{where} 需要{wanted}，而“{written}”是{kind}",
     "{wanted}", "{wanted}"},
    {"unlike_units",
     "cannot {verb} \"{left}\" ({left_unit}) and \"{right}\" ({right_unit}): they measure different things",
     "“{left}”（{left_unit}）与“{right}”（{right_unit}）量的不是同一种东西，不能{verb}", "{wanted}", "{wanted}"},
    {"unlike_units_duration",
     "cannot {verb} \"{left}\" ({left_unit}) and \"{right}\" ({right_unit}): they measure different things; {right} is "
     "a "
     "duration",
     "“{left}”（{left_unit}）与“{right}”（{right_unit}）量的不是同一种东西，不能{verb}；{right} 是时长", "{wanted}",
     "{wanted}"},
    {"unlike_units_none",
     "cannot {verb} \"{left}\" ({left_unit}) and \"{right}\" ({right_unit}): they measure different things; give the "
     "tag "
     "its unit, or write the number without one",
     "“{left}”（{left_unit}）与“{right}”（{right_unit}）量的不是同一种东西，不能{verb}"
     "；请给点位设单位，或者数字不写单位",
     "{wanted}", "{wanted}"},
    {"exponent_unit", "an exponent has no unit, and this has {unit}", "指数不能有单位，这里有 {unit}", "a plain number",
     "不带单位的数"},
    {"whole_exponent", "what has a unit ({unit}) can only be raised to a whole number",
     "有单位（{unit}）的量只能取整数次方", "2 or 3", "2 或 3"},
    {"unit_not_formed", "the unit of this {what} cannot be formed: {why}", "这个{what}的单位无法得出：{why}",
     "simpler units", "更简单的单位"},
    {"incomparable", "cannot compare \"{left}\" ({left_kind}) with \"{right}\" ({right_kind})",
     "“{left}”（{left_kind}）与“{right}”（{right_kind}）不能比较", "{left_kind}", "{left_kind}"},
    {"no_order", "{kind} has no order; only == and != compare it", "{kind}没有大小，只能用 == 与 != 比较",
     "== or !=", "== 或 !="},
    {"time_sum", "cannot {verb} \"{left}\" ({left_kind}) and \"{right}\" ({right_kind})",
     "“{left}”（{left_kind}）与“{right}”（{right_kind}）不能{verb}", "time - time, time + duration or time - duration",
     "时刻 - 时刻、时刻 + 时长 或 时刻 - 时长"},
    {"argument_count", "{name}() was given {count} {arguments}", "{name}() 有 {count} 个参数，不合要求", "{signature}",
     "{signature}"},
    {"too_many_arguments", "{name}() takes at most {most} arguments", "{name}() 最多 {most} 个参数", "{signature}",
     "{signature}"},
    {"unlike_results", "both results of if() must be of one kind: \"{first}\" is {first_kind}, this is {kind}",
     "if() 的两个结果应是同一种：“{first}”是{first_kind}，这个是{kind}", "{first_kind}", "{first_kind}"},
    {"unlike_result_units", "both results of if() must have like units: \"{first}\" has {first_unit}, this has {unit}",
     "if() 的两个结果单位应能换算：“{first}”是{first_unit}，这个是{unit}", "{wanted}", "{wanted}"},
    {"like_units", "{name}() needs like units: the first has {first_unit}, this has {unit}",
     "{name}() 的各参数单位应能换算：第一个是{first_unit}，这个是{unit}", "{wanted}", "{wanted}"},
    {"plain_number", "{name}() takes a plain number, and this has {unit}", "{name}() 要不带单位的数，这个有{unit}",
     "a number without unit", "不带单位的数"},
    {"angle_needed", "{name}() takes an angle or a plain number, and this has {unit}",
     "{name}() 要角度或不带单位的数，这个有{unit}", "a number in radian or degree", "单位为 radian 或 degree 的数"},
    {"square_needed", "sqrt() takes a plain number or a square, and this has {unit}",
     "sqrt() 要不带单位的数或平方，这个有{unit}", "a number without unit", "不带单位的数"},
    {"tag_needed", "the first argument of {name}() must be a tag, not a calculation",
     "{name}() 的第一个参数应是点位，不能是算式", "a tag", "点位"},
    {"duration_needed", "the {place} argument of {name}() must be a duration above zero",
     "{name}() 的第{place}个参数应是大于零的时长", "a duration such as 30s, 5m, 2h or 1d",
     "时长，例如 30s、5m、2h、1d"},
    {"constant_needed", "the {place} argument of {name}() must be a number that is written out",
     "{name}() 的第{place}个参数应是直接写出的数", "{wanted}", "{wanted}"},
    {"zone_unknown", "there is no time zone \"{zone}\"", "没有时区“{zone}”", "an IANA name such as 'Asia/Shanghai'",
     "IANA 名称，例如 'Asia/Shanghai'"},
    {"time_text", "\"{text}\" is not a time", "“{text}”不是时刻", "such as '2026-03-01T08:00:00+08:00'",
     "例如 '2026-03-01T08:00:00+08:00'"},
    // Money, prices and dates.
    {"money_digits", "{unit} has at most {digits} digits after the point, and 64 bits",
     "{unit} 小数点后最多 {digits} 位，且不能超出 64 位", "fewer digits", "更少的位数"},
    {"unlike_money",
     "\"{left}\" is in {left_unit} and \"{right}\" in {right_unit}: only one currency, and prices for one unit, can be "
     "added, compared or chosen from",
     "“{left}”以 {left_unit} 计，“{right}”以 {right_unit} 计：只有同一币种、同一计价单位的才能相加、比较或二选一",
     "{left_unit}", "{left_unit}"},
    {"exact_sum", "cannot {verb} \"{left}\" ({left_kind}) and \"{right}\" ({right_kind})",
     "“{left}”（{left_kind}）与“{right}”（{right_kind}）不能{verb}",
     "money and money, a date and a duration such as 3d, or two dates", "金额与金额、日期与时长（如 3d）或两个日期"},
    {"money_product", "cannot {verb} \"{left}\" ({left_unit}) and \"{right}\" ({right_unit})",
     "“{left}”（{left_unit}）与“{right}”（{right_unit}）不能{verb}",
     "money and a plain number, or a price and a quantity", "金额与不带单位的数，或单价与数量"},
    {"money_quantity",
     "\"{left}\" ({left_unit}) and \"{right}\" ({right_unit}) make no money: what costs so much for one of a unit is a "
     "price, written as 0.6 CNY/kWh",
     "“{left}”（{left_unit}）与“{right}”（{right_unit}）相乘不是金额：每单位多少钱是单价，写成 0.6 CNY/kWh",
     "a price, a plain number or a share", "单价、不带单位的数或份额"},
    {"price_quantity",
     "\"{left}\" ({left_unit}) and \"{right}\" ({right_unit}) make no money: they are for different things",
     "“{left}”（{left_unit}）与“{right}”（{right_unit}）相乘不是金额：计价单位与数量不是同一种东西",
     "a quantity in the unit of the price", "与计价单位同类的数量"},
    {"price_inexact",
     "\"{left}\" ({left_unit}) and \"{right}\" ({right_unit}) cannot be multiplied to the fen: their units have no "
     "exact factor",
     "“{left}”（{left_unit}）与“{right}”（{right_unit}）不能精确到分相乘：两个单位之间没有精确的换算系数",
     "the quantity in the unit of the price", "与计价单位相同的数量"},
    {"unlike_money_quotient", "\"{left}\" ({left_unit}) cannot be divided by \"{right}\" ({right_unit})",
     "“{left}”（{left_unit}）不能除以“{right}”（{right_unit}）", "the same currency and unit", "同一币种与计价单位"},
    {"no_exact_result",
     "this has no result: it is past 64 bits of fen, divides by zero, or splits by what is not above zero",
     "这里得不出结果：超出 64 位、除以零，或权重不大于零", "smaller numbers, or another divisor or weight",
     "更小的数，或别的除数、权重"},
    {"currency_unknown", "\"{text}\" is neither a currency nor a price", "“{text}”不是币种，也不是计价单位",
     "such as 'CNY' or 'CNY/kWh'", "例如 'CNY' 或 'CNY/kWh'"},
    {"date_text", "\"{text}\" is not a date", "“{text}”不是日期", "such as '2026-11-21'", "例如 '2026-11-21'"},
    {"no_calendar",
     "{name}() asks for working days, and no calendar is known here: this expression belongs to no place that has one",
     "{name}() 要问工作日，而这里没有日历：这个表达式不属于任何有日历的地点",
     "an expression of a device or site with a calendar", "属于某台设备或某个工厂的表达式"},
};

struct Phrase {
    std::string_view key, en, zh;
};

constexpr Phrase kPhrases[] = {
    {"#any", "anything", "任意值"},
    {"#number", "a number", "数值"},
    {"#integer", "a whole number", "整数"},
    {"#truth", "a condition", "条件"},
    {"#text", "a text", "文本"},
    {"#quality", "a quality", "质量"},
    {"#time", "a time", "时刻"},
    {"#money", "money", "金额"},
    {"#price", "a price", "单价"},
    {"#date", "a date", "日期"},
    {"#multiply", "multiply", "相乘"},
    {"#divide", "divide", "相除"},
    {"#which_part", "which part, from 1 to how many weights there are", "第几份，从 1 到权重的个数"},
    {"#no_unit", "no unit", "无单位"},
    {"#add", "add", "相加"},
    {"#subtract", "subtract", "相减"},
    {"#compare", "compare", "比较"},
    {"#remainder", "take the remainder of", "取余"},
    {"#product", "product", "乘积"},
    {"#quotient", "quotient", "商"},
    {"#power", "power", "幂"},
    {"#rate", "rate", "变化率"},
    {"#brackets", "brackets", "括号"},
    {"#nots", "\"not\"", "not "},
    {"#signs", "signs", "正负号"},
    {"#second", "second", "二"},
    {"#third", "third", "三"},
    {"#fourth", "fourth", "四"},
    {"#argument", "argument", "个参数"},
    {"#arguments", "arguments", "个参数"},
    {"#if_argument", "the first argument of if()", "if() 的第一个参数"},
    {"#percent", "a number from 0 to 100", "0 到 100 的数"},
    {"#wrap", "a number above 0", "大于 0 的数"},
    {"#text_literal", "a text in quotes", "引号里的文本"},
};

std::string phrase(std::string_view value, bool zh) {
    if (value.starts_with("#unit ")) return (zh ? "单位 " : "unit ") + std::string(value.substr(6));
    if (value.starts_with("#converts "))
        return (zh ? "能换算成 " : "a unit that converts to ") + std::string(value.substr(10)) + (zh ? " 的单位" : "");
    if (value.starts_with('#'))
        for (const Phrase& known : kPhrases)
            if (known.key == value) return std::string(zh ? known.zh : known.en);
    return std::string(value);
}

// The sentence with its {names} filled in; a brace that is no name of a part stays.
std::string fill(std::string_view sentence, const ExprError& error, bool zh) {
    std::string out;
    while (!sentence.empty()) {
        const auto open = sentence.find('{');
        const auto close = open == std::string_view::npos ? open : sentence.find('}', open);
        if (close == std::string_view::npos) break;
        out += sentence.substr(0, open);
        const std::string_view name = sentence.substr(open + 1, close - open - 1);
        const auto param = std::ranges::find(error.params, name, &ErrorParam::name);
        if (param != error.params.end())
            out += phrase(param->value, zh);
        else if (name == "found")
            out += error.found;
        else
            out += sentence.substr(open, close - open + 1);
        sentence.remove_prefix(close + 1);
    }
    return out + std::string(sentence);
}

const ErrorInfo* find(std::string_view code) {
    for (const ErrorInfo& info : kErrors)
        if (info.code == code) return &info;
    return nullptr;
}

}  // namespace

const std::vector<ErrorInfo>& errors() {
    static const std::vector<ErrorInfo> list(std::begin(kErrors), std::end(kErrors));
    return list;
}

ExprError make_error(std::string_view code, Place place, std::vector<ErrorParam> params,
                     std::vector<std::string> suggest) {
    const ErrorInfo* info = find(code);
    ASSERT(info);
    ExprError error{.column = place.column,
                    .length = place.length,
                    .found = std::move(place.found),
                    .suggest = std::move(suggest),
                    .code = std::string(code),
                    .params = std::move(params)};
    error.text = fill(info->text_en, error, false);
    error.expected = fill(info->expected_en, error, false);
    return error;
}

std::string ExprError::text_in(std::string_view language) const {
    const ErrorInfo* info = find(code);
    return info && language == "zh" ? fill(info->text_zh, *this, true) : text;
}

std::string ExprError::param_in(std::string_view language, const ErrorParam& param) {
    return phrase(param.value, language == "zh");
}

std::string ExprError::expected_in(std::string_view language) const {
    const ErrorInfo* info = find(code);
    return info && language == "zh" ? fill(info->expected_zh, *this, true) : expected;
}

}  // namespace gongshu::expr
