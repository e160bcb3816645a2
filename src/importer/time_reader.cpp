#include "importer/time_reader.h"

#include <array>
#include <cmath>

#include "importer/loose.h"
#include "importer/number.h"

namespace gongshu::importer {

// A date and a time of day as written.
struct TimeReader::Civil {
    int year = 1970, month = 1, day = 1, day_of_year = 0;
    int hour = 0, minute = 0, second = 0;
    std::int64_t nanoseconds = 0;
    int half = 0;  // 1 = AM, 2 = PM
    std::optional<int> offset_seconds;
};

namespace {

constexpr std::int64_t days_from_civil(std::int64_t y, int m, int d) {
    y -= m <= 2;
    const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
    const std::int64_t yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146'097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719'468;
}
constexpr int days_in_month(int y, int m) {
    constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m == 2 && (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0)) ? 29 : kDays[static_cast<std::size_t>(m - 1)];
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes `min` … `max` digits off the front.
bool take_digits(std::string_view& text, std::size_t min, std::size_t max, int& into) {
    std::size_t n = 0;
    int value = 0;
    while (n < max && n < text.size() && is_digit(text[n])) value = value * 10 + (text[n++] - '0');
    if (n < min) return false;
    into = value;
    text.remove_prefix(n);
    return true;
}
bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}
bool take_word(std::string_view& text, std::string_view word) {
    if (text.size() < word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        const char a = text[i], b = word[i];
        if (a != b && !(b >= 'a' && b <= 'z' && a == b - 'a' + 'A')) return false;
    }
    text.remove_prefix(word.size());
    return true;
}
void take_blanks(std::string_view& text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

// Digits behind the point as nanoseconds; those past the ninth are dropped.
bool take_fraction(std::string_view& text, std::int64_t& nanoseconds) {
    std::int64_t value = 0;
    std::size_t n = 0;
    for (; n < text.size() && is_digit(text[n]); ++n)
        if (n < 9) value = value * 10 + (text[n] - '0');
    if (n == 0) return false;
    for (std::size_t i = n; i < 9; ++i) value *= 10;
    nanoseconds = value;
    text.remove_prefix(n);
    return true;
}

// "Z", "+08:00", "+0800", "+08".
bool take_offset(std::string_view& text, std::optional<int>& offset) {
    if (take(text, 'Z') || take(text, 'z') || take_word(text, "utc") || take_word(text, "gmt")) {
        offset = 0;
        return true;
    }
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return false;
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    int hours = 0, minutes = 0;
    if (!take_digits(text, 2, 2, hours)) return false;
    take(text, ':');
    if (!text.empty() && is_digit(text.front()) && !take_digits(text, 2, 2, minutes)) return false;
    if (hours > 18 || minutes > 59) return false;
    offset = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool take_month_name(std::string_view& text, int& month) {
    static constexpr std::string_view kMonths[] = {"january",   "february", "march",    "april",
                                                   "may",       "june",     "july",     "august",
                                                   "september", "october",  "november", "december"};
    for (int m = 0; m < 12; ++m) {
        const std::string_view name = kMonths[m];
        if (take_word(text, name) || take_word(text, name.substr(0, 3))) {
            month = m + 1;
            return true;
        }
    }
    return false;
}

constexpr std::string_view kLetters = "YymdeHIMSfpbBjzTRDF%";

Result<void> check_pattern(std::string_view pattern) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] != '%') continue;
        if (++i == pattern.size() || kLetters.find(pattern[i]) == std::string_view::npos)
            return Error{Code::invalid,
                         "the time format '{}': % must be followed by one of Y y m d e H I M S f p b B j z T R D F %",
                         pattern};
    }
    if (pattern.find('%') == std::string_view::npos)
        return Error{Code::invalid,
                     "the time format '{}' is none of iso, zh, excel, s, ms, us, ns and holds no %: write for example "
                     "\"%d/%m/%Y %H:%M\"",
                     pattern};
    return {};
}

}  // namespace

bool is_epoch_format(std::string_view format) {
    return format == "s" || format == "ms" || format == "us" || format == "ns";
}

TimeReader::TimeReader(std::vector<std::string> formats, history::LocalTime zone, std::string zone_name,
                       Repeated repeated)
    : formats_(std::move(formats)), zone_(zone), zone_name_(std::move(zone_name)), repeated_(repeated) {}

Result<TimeReader> TimeReader::create(const std::vector<std::string>& formats, const std::string& zone,
                                      Repeated repeated) {
    if (formats.empty()) return Error{Code::invalid, "no time format is given"};
    for (const std::string& format : formats)
        if (format != "iso" && format != "zh" && format != "excel" && !is_epoch_format(format))
            TRY(check_pattern(format));
    return TimeReader{formats, TRY(history::LocalTime::create(zone)), zone, repeated};
}

// 2018-01-31 08:05:59.123+08:00 and its shorter forms.
bool TimeReader::parse_iso(std::string_view text, Civil& civil) {
    if (!take_digits(text, 4, 4, civil.year) || text.empty()) return false;
    const char between = text.front();
    if (between == '-' || between == '/' || between == '.') {
        text.remove_prefix(1);
        if (!take_digits(text, 1, 2, civil.month) || !take(text, between) || !take_digits(text, 1, 2, civil.day))
            return false;
    } else if (!take_digits(text, 2, 2, civil.month) || !take_digits(text, 2, 2, civil.day)) {
        return false;
    }
    if (text.empty()) return true;
    if (!take(text, 'T') && !take(text, 't')) {
        if (!take(text, ' ')) return false;
        take_blanks(text);
    }
    if (text.empty()) return true;
    if (!take_digits(text, 1, 2, civil.hour)) return false;
    const bool colons = take(text, ':');
    if (!take_digits(text, 2, 2, civil.minute)) return false;
    if (colons ? take(text, ':') : (!text.empty() && is_digit(text.front())))
        if (!take_digits(text, 2, 2, civil.second)) return false;
    if ((take(text, '.') || take(text, ',')) && !take_fraction(text, civil.nanoseconds)) return false;
    take_blanks(text);
    if (!text.empty() && !take_offset(text, civil.offset_seconds)) return false;
    return text.empty();
}

namespace {

bool take_any(std::string_view& text, std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words)
        if (take_word(text, word)) return true;
    return false;
}

// 星期一, 周日, with brackets or without.
void take_weekday(std::string_view& text) {
    std::string_view rest = text;
    const bool bracket = take(rest, '(');
    if (!take_any(rest, {"星期", "周", "礼拜"}) || !take_any(rest, {"一", "二", "三", "四", "五", "六", "日", "天"}))
        return;
    if (bracket && !take(rest, ')')) return;
    text = rest;
    take_blanks(text);
}

// 8:30, 8:30:15.5, 8时30分15秒, 8点半, 8点整, 8时.
bool take_clock(std::string_view& text, int& hour, int& minute, int& second, std::int64_t& nanoseconds) {
    if (!take_digits(text, 1, 2, hour)) return false;
    if (take_any(text, {"点整", "时整"})) return true;
    if (take_any(text, {"点半", "时半"})) {
        minute = 30;
        return true;
    }
    const bool words = take_any(text, {"时", "点"});
    if (!words && !take(text, ':')) return false;
    if (!take_digits(text, words ? 1 : 2, 2, minute)) return words;
    if (words ? !take_any(text, {"分", ":"}) : !take(text, ':')) return true;
    if (!take_digits(text, words ? 1 : 2, 2, second)) return words;
    if (take(text, '.') && !take_fraction(text, nanoseconds)) return false;
    take_word(text, "秒");
    return true;
}

}  // namespace

// As Chinese tables have it, with whatever of iso's separators.
bool TimeReader::parse_zh(std::string_view written, Civil& civil) {
    const std::string narrow = narrowed(written);
    std::string_view text = trim(narrow);
    const bool by_words = text.find("年") < 8;
    if (!take_digits(text, by_words ? 2 : 4, 4, civil.year)) return false;
    if (civil.year < 100) civil.year += 2000;
    const char between = text.empty() ? '\0' : text.front();
    take_blanks(text);
    if (by_words ? !take_word(text, "年") : !(take(text, '-') || take(text, '/') || take(text, '.'))) return false;
    take_blanks(text);
    if (!take_digits(text, 1, 2, civil.month)) return false;
    take_blanks(text);
    if (by_words ? !take_word(text, "月") : !take(text, between)) return false;
    take_blanks(text);
    if (!take_digits(text, 1, 2, civil.day)) return false;
    take_blanks(text);
    if (by_words && !take_any(text, {"日", "号"})) return false;
    take_blanks(text);
    take_weekday(text);
    if (text.empty()) return true;
    if (!take(text, 'T')) take(text, ',');
    take_blanks(text);
    const bool night = take_any(text, {"凌晨", "半夜"});
    const bool noon = !night && take_word(text, "中午");
    const bool before_noon = take_any(text, {"上午", "早上", "早晨", "清晨", "am"});
    const bool evening = take_any(text, {"晚上", "夜里"});
    const bool after_noon = evening || take_any(text, {"下午", "傍晚", "pm"});
    take_blanks(text);
    if (!take_clock(text, civil.hour, civil.minute, civil.second, civil.nanoseconds)) return false;
    take_blanks(text);
    const bool am = take_word(text, "am"), pm = take_word(text, "pm");
    if (!text.empty()) return false;
    if (evening && civil.hour == 12) return false;  // the end of which day?
    // 下午 15:30 says it twice.
    if (civil.hour >= 1 && civil.hour <= 12) {
        if (after_noon || pm || (noon && civil.hour < 11)) civil.half = 2;
        if (before_noon || am || night) civil.half = 1;
    }
    return !(am && pm);
}

// Takes off the front of `text` what one % letter stands for.
bool TimeReader::take_part(char letter, std::string_view& text, Civil& civil) {
    const auto two_digit_year = [&civil] { civil.year += civil.year < 69 ? 2000 : 1900; };
    switch (letter) {
        case 'Y':
            return take_digits(text, 4, 4, civil.year);
        case 'y':
            if (!take_digits(text, 2, 2, civil.year)) return false;
            two_digit_year();
            return true;
        case 'm':
            return take_digits(text, 1, 2, civil.month);
        case 'e':
            take_blanks(text);
            return take_digits(text, 1, 2, civil.day);
        case 'd':
            return take_digits(text, 1, 2, civil.day);
        case 'H':
        case 'I':
            return take_digits(text, 1, 2, civil.hour);
        case 'M':
            return take_digits(text, 1, 2, civil.minute);
        case 'S':
            if (!take_digits(text, 1, 2, civil.second)) return false;
            if (text.size() > 1 && (text[0] == '.' || text[0] == ',') && is_digit(text[1])) {
                text.remove_prefix(1);
                take_fraction(text, civil.nanoseconds);
            }
            return true;
        case 'f':
            return take_fraction(text, civil.nanoseconds);
        case 'p':
            civil.half = take_word(text, "am") || take_word(text, "上午")   ? 1
                         : take_word(text, "pm") || take_word(text, "下午") ? 2
                                                                            : 0;
            return civil.half != 0;
        case 'b':
        case 'B':
            return take_month_name(text, civil.month);
        case 'j':
            return take_digits(text, 1, 3, civil.day_of_year) && civil.day_of_year >= 1 && civil.day_of_year <= 366;
        case 'z':
            return take_offset(text, civil.offset_seconds);
        case 'T':
            return parse_prefix("%H:%M:%S", text, civil);
        case 'R':
            return parse_prefix("%H:%M", text, civil);
        case 'F':
            return parse_prefix("%Y-%m-%d", text, civil);
        case 'D':
            return parse_prefix("%m/%d/%y", text, civil);
        default:
            return take(text, letter);  // %%
    }
}

// Takes what fits the pattern off the front.
bool TimeReader::parse_prefix(std::string_view pattern, std::string_view& text, Civil& civil) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        if (c == ' ')
            take_blanks(text);
        else if (c != '%' ? !take(text, c) : !take_part(pattern[++i], text, civil))
            return false;
    }
    return true;
}

// A count since an epoch as ns (of UTC, or of the wall clock for excel).
std::optional<__int128> TimeReader::parse_number_format(std::string_view format, std::string_view text) {
    if (format == "excel") {
        const auto days = parse_number(text);
        if (!days || *days < -100'000 || *days > 3'000'000) return std::nullopt;
        return static_cast<__int128>(std::llround((*days - 25'569) * 86'400'000)) * kMillisecond;
    }
    const std::int64_t unit = format == "s"    ? kSecond
                              : format == "ms" ? kMillisecond
                              : format == "us" ? kMicrosecond
                                               : 1;
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const std::size_t point = std::min(text.find('.'), text.size());
    const auto whole = parse_integer(text.substr(0, point));
    if (!whole || !is_digit(text.front()) || *whole > 20'000'000'000'000'000) {
        if (format != "ns" || !whole) return std::nullopt;
    }
    std::string_view rest = text.substr(std::min(point + 1, text.size()));
    std::int64_t fraction = 0;
    if (point < text.size() && (!take_fraction(rest, fraction) || !rest.empty())) return std::nullopt;
    const __int128 ns = static_cast<__int128>(*whole) * unit + static_cast<__int128>(fraction) * unit / kSecond;
    return negative ? -ns : ns;
}

Result<TimeNs> TimeReader::read(std::string_view text, std::optional<TimeNs> before) {
    text = trim(text);
    constexpr __int128 kNumberMax = static_cast<__int128>(9'200'000'000) * kSecond;
    for (std::size_t i = 0; i < formats_.size(); ++i) {
        const std::size_t which = (last_format_ + i) % formats_.size();
        const std::string& format = formats_[which];
        if (is_epoch_format(format) || format == "excel") {
            const auto number = parse_number_format(format, text);
            if (!number) continue;
            last_format_ = which;
            if (*number < -kNumberMax || *number > kNumberMax)
                return Error{Code::limit, "the time '{}' lies outside of 1678 … 2261", text.substr(0, 60)};
            const auto ns = static_cast<TimeNs>(*number);
            if (format != "excel") return ns;
            const std::int64_t seconds = ns / kSecond - (ns % kSecond < 0);
            return resolve(seconds, ns - seconds * kSecond, text, before);
        }
        Civil civil;
        std::string_view rest = text;
        const bool fits = format == "iso"  ? parse_iso(text, civil)
                          : format == "zh" ? parse_zh(text, civil)
                                           : parse_prefix(format, rest, civil) && rest.empty();
        if (!fits) continue;
        last_format_ = which;
        const std::int64_t local = TRY(local_seconds(civil, text));
        if (civil.offset_seconds) return (local - *civil.offset_seconds) * kSecond + civil.nanoseconds;
        return resolve(local, civil.nanoseconds, text, before);
    }
    return Error{Code::malformed, "'{}' is no time of the format {}", text.substr(0, 60), formats_[last_format_]};
}

Result<std::int64_t> TimeReader::local_seconds(const Civil& c, std::string_view text) {
    const std::string_view shown = text.substr(0, 60);
    if (c.year < 1678 || c.year > 2261) return Error{Code::limit, "the time '{}' lies outside of 1678 … 2261", shown};
    if (c.month < 1 || c.month > 12 || c.day < 1 || c.day > days_in_month(c.year, c.month))
        return Error{Code::malformed, "the date of '{}' is not in the calendar", shown};
    int hour = c.hour;
    if (c.half != 0) {
        if (hour < 1 || hour > 12) return Error{Code::malformed, "'{}': the hour beside AM or PM is not 1 … 12", shown};
        hour = hour % 12 + (c.half == 2 ? 12 : 0);
    }
    // 24:00 is the end of the day; a leap second counts as the second before it.
    const bool end_of_day = hour == 24 && c.minute == 0 && c.second == 0 && c.nanoseconds == 0;
    if ((hour > 23 && !end_of_day) || c.minute > 59 || c.second > 60)
        return Error{Code::malformed, "the time of day in '{}' is not on the clock", shown};
    const std::int64_t day =
        c.day_of_year > 0 ? days_from_civil(c.year, 1, 1) + c.day_of_year - 1 : days_from_civil(c.year, c.month, c.day);
    return day * 86'400 + hour * 3600 + c.minute * 60 + std::min(c.second, 59);
}

Result<TimeNs> TimeReader::resolve(std::int64_t local, std::int64_t nanoseconds, std::string_view text,
                                   std::optional<TimeNs> before) {
    const history::Instants found = zone_.at(local);
    if (found.count == 0)
        return Error{Code::invalid, "the time '{}' never was in {}: the clocks were put forward over it",
                     text.substr(0, 60), zone_name_};
    const TimeNs earlier = found.earlier * kSecond + nanoseconds;
    if (found.count == 1) return earlier;
    ++repeated_times_;
    if (repeated_ == Repeated::refuse)
        return Error{Code::invalid, "the time '{}' came twice in {}: the clocks were put back", text.substr(0, 60),
                     zone_name_};
    constexpr DurationNs kBackMax = 3 * kHour;  // further back it is a file out of order, not a clock put back
    const bool goes_back = before && earlier <= *before && *before - earlier <= kBackMax;
    if (repeated_ == Repeated::later || (repeated_ == Repeated::order && goes_back))
        return found.later * kSecond + nanoseconds;
    return earlier;
}

}  // namespace gongshu::importer
