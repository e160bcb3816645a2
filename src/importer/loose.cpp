#include "importer/loose.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace gongshu::importer {
namespace {

constexpr std::pair<std::string_view, char> kWide[] = {{"．", '.'}, {"，", ','}, {"％", '%'}, {"－", '-'},
                                                       {"−", '-'},  {"＋", '+'}, {"　", ' '}, {"：", ':'},
                                                       {"／", '/'}, {"（", '('}, {"）", ')'}, {"\xc2\xa0", ' '}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool take_end(std::string_view& text, std::string_view end) {
    if (end.empty() || !text.ends_with(end)) return false;
    text = trim(text.substr(0, text.size() - end.size()));
    return true;
}

// "-1,234,567.8" without its commas; false if they do not stand by threes.
bool take_thousands(std::string_view text, std::string& out, bool& is_doubtful) {
    out.clear();
    std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+');
    out += text.substr(0, at);
    const std::size_t first = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == first || at - first > 3 || at == text.size() || text[at] != ',' || text[first] == '0') return false;
    out += text.substr(first, at - first);
    int groups = 0;
    for (; at < text.size() && text[at] == ','; at += 4, ++groups) {
        if (text.size() - at < 4 || !std::ranges::all_of(text.substr(at + 1, 3), is_digit)) return false;
        out += text.substr(at + 1, 3);
    }
    if (at < text.size() && text[at] != '.') return false;
    is_doubtful = groups == 1 && at == text.size();
    out += text.substr(at);
    return true;
}

// 1.2 and 4: 12000, by its digits, so that no rounding comes in.
double shifted(double value, int zeros) {
    char digits[48];
    const auto [end, failed] = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific);
    const std::string_view text(digits, end);
    const std::size_t e = text.find('e');
    if (failed != std::errc{} || e == text.npos) return value * std::pow(10, zeros);
    int exponent = 0;
    std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
    const std::string moved = std::string(text.substr(0, e)) + "e" + std::to_string(exponent + zeros);
    return parse_number(moved).value_or(value * std::pow(10, zeros));
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

bool begins_with_word(std::string_view text, std::span<const std::string_view> words) {
    for (const std::string_view word : words) {
        if (!text.starts_with(word)) continue;
        std::string_view rest = text.substr(word.size());
        while (!rest.empty() && (is_digit(rest[0]) || rest[0] == ' ')) rest.remove_prefix(1);
        if (rest.starts_with(':') || rest.starts_with("：")) return true;
    }
    return false;
}

}  // namespace

std::string narrowed(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        // U+FF10 … U+FF19 are EF BC 90 … EF BC 99.
        if (text.size() >= 3 && text.starts_with("\xef\xbc") && static_cast<unsigned char>(text[2]) >= 0x90 &&
            static_cast<unsigned char>(text[2]) <= 0x99) {
            out.push_back(static_cast<char>('0' + (static_cast<unsigned char>(text[2]) - 0x90)));
            text.remove_prefix(3);
            continue;
        }
        const auto wide = std::ranges::find_if(kWide, [&](const auto& one) { return text.starts_with(one.first); });
        out.push_back(wide == std::end(kWide) ? text[0] : wide->second);
        text.remove_prefix(wide == std::end(kWide) ? 1 : wide->first.size());
    }
    return out;
}

std::optional<LooseNumber> parse_loose_number(std::string_view text, NumberStyle style, std::string_view unit) {
    if (const auto plain = parse_number(text, style)) return LooseNumber{.value = *plain};
    if (text.size() > 80) return std::nullopt;
    const std::string narrow = narrowed(text);
    std::string_view rest = trim(narrow);
    LooseNumber number;
    if (!unit.empty() && unit != "%") take_end(rest, unit);
    if (take_end(rest, "%"))
        number.share = LooseNumber::Share::percent;
    else if (take_end(rest, "‰"))
        number.share = LooseNumber::Share::permille;
    for (const std::string_view sign : {"¥", "￥", "$"})
        if (rest.starts_with(sign)) rest = trim(rest.substr(sign.size()));
    int zeros = 0;
    if (take_end(rest, "万亿"))
        zeros = 12;
    else if (take_end(rest, "亿"))
        zeros = 8;
    else if (take_end(rest, "万"))
        zeros = 4;
    auto value = parse_number(rest, style);
    std::string joined;
    if (!value && style.decimal == '.' && style.thousands == '\0' && take_thousands(rest, joined, number.is_doubtful))
        value = parse_number(joined, style);
    if (!value) return std::nullopt;
    number.value = zeros == 0 ? *value : shifted(*value, zeros);
    return number;
}

const std::vector<std::string>& usual_missing_words() {
    static const std::vector<std::string> kWords = {
        "",     "NA",   "N/A",  "NaN",  "nan",  "null",     "NULL", "None", "-",  "--", "---",
        "—",    "——",   "－",   "–",    "/",    "\\",       "／",   "无",   "缺", "空", "停机",
        "停产", "未测", "未检", "未记", "检修", "故障停机", "#N/A", "...",  "…",  "……", "*"};
    return kWords;
}

bool is_usual_missing(std::string_view text) {
    return std::ranges::find(usual_missing_words(), trim(text)) != usual_missing_words().end();
}

std::string_view leftover_of(std::span<const std::string_view> fields) {
    std::string_view first;
    for (std::size_t i = 0; i < std::min<std::size_t>(fields.size(), 4) && first.empty(); ++i) first = trim(fields[i]);
    if (first.empty() || is_digit(first[0]) || first.size() > 4000) return {};
    static constexpr std::string_view kSums[] = {"合计",   "总计",   "小计",   "共计", "累计", "总和", "平均",
                                                 "平均值", "最大值", "最小值", "最大", "最小", "均值"};
    static constexpr std::string_view kEnglish[] = {"total", "totals", "sum", "subtotal", "average", "avg", "mean"};
    std::string bare;
    for (const char c : first)
        if (c != ' ' && c != ':') bare.push_back(c);
    for (std::size_t at = bare.find("　"); at != bare.npos; at = bare.find("　")) bare.erase(at, 3);
    if (bare.ends_with("：")) bare.resize(bare.size() - 3);
    if (std::ranges::find(kSums, bare) != std::end(kSums)) return "a sum";
    if (bare.size() <= 12 && std::ranges::find(kEnglish, lower(bare)) != std::end(kEnglish)) return "a sum";
    // 本页合计, 1月小计, 甲班合计(件)
    const std::size_t bracket = std::min({bare.find('('), bare.find("（"), bare.size()});
    const std::string_view before = std::string_view(bare).substr(0, bracket);
    if (before.size() <= 18)
        for (const std::string_view word : {"合计", "总计", "小计", "累计"})
            if (before.ends_with(word)) return "a sum";
    static constexpr std::string_view kNotes[] = {"注",       "备注", "说明",  "附注", "注意",
                                                  "填写说明", "Note", "Notes", "NOTE", "note"};
    if (begins_with_word(first, kNotes) || first.starts_with("以下空白")) return "a note";
    static constexpr std::string_view kSigned[] = {"制表", "制表人",   "填表人",   "审核",     "审核人",  "记录人",
                                                   "批准", "校对",     "主管",     "班长",     "操作员",  "检验员",
                                                   "签字", "打印时间", "打印日期", "制表日期", "制表时间"};
    return begins_with_word(first, kSigned) ? "a signature" : std::string_view{};
}

}  // namespace gongshu::importer
