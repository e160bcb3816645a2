#include "sql/sql_time.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/utf8.h"

namespace gongshu::sql {

namespace {

// Reads from the front; what does not fit is left where it is.
class Scan {
public:
    explicit Scan(std::string_view text) : rest_(text) {}

    bool end() const { return rest_.empty(); }
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool take_word(std::string_view word) {
        if (rest_.size() < word.size()) return false;
        for (std::size_t i = 0; i < word.size(); ++i)
            if ((rest_[i] | 0x20) != word[i]) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    // A number of one to `digits_max` digits.
    std::optional<int> number(std::size_t digits_max) {
        int value = 0;
        std::size_t digits = 0;
        for (; digits < digits_max && digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits)
            value = value * 10 + (rest_[digits] - '0');
        if (digits == 0) return std::nullopt;
        rest_.remove_prefix(digits);
        return value;
    }
    // Digits behind a point, as nanoseconds; what is smaller is dropped.
    std::optional<std::int64_t> fraction() {
        std::int64_t value = 0, unit = kSecond / 10;
        std::size_t digits = 0;
        for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits, unit /= 10)
            value += (rest_[digits] - '0') * unit;
        if (digits == 0) return std::nullopt;
        rest_.remove_prefix(digits);
        return value;
    }

private:
    std::string_view rest_;
};

struct Written {
    calendar::Day day = 0;
    int minute = 0;  // of the day
    DurationNs rest = 0;
    std::optional<int> offset_minutes;
};

bool read_day(Scan& scan, Written& out) {
    const auto year = scan.number(4);
    if (!year || !scan.take('-')) return false;
    const auto month = scan.number(2);
    if (!month || !scan.take('-')) return false;
    const auto day = scan.number(2);
    if (!day || *month < 1 || *month > 12 || *day < 1) return false;
    out.day = calendar::day_of(*year, *month, *day);
    return calendar::civil_of(out.day) == calendar::Civil{*year, *month, *day};
}

bool read_clock(Scan& scan, Written& out) {
    const auto hour = scan.number(2);
    if (!hour || !scan.take(':')) return false;
    const auto minute = scan.number(2);
    if (!minute || *hour > 24 || *minute > 59) return false;
    out.minute = *hour * 60 + *minute;
    if (scan.take(':')) {
        const auto second = scan.number(2);
        if (!second || *second > 60) return false;
        out.rest = *second * kSecond;
        if (scan.take('.')) {
            const auto fraction = scan.fraction();
            if (!fraction) return false;
            out.rest += *fraction;
        }
    }
    return *hour < 24 || (*minute == 0 && out.rest == 0);
}

bool read_offset(Scan& scan, Written& out) {
    scan.take(' ');
    if (scan.end()) return true;
    if (scan.take_word("utc") || scan.take_word("z")) {
        out.offset_minutes = 0;
        return true;
    }
    const bool west = scan.take('-');
    if (!west && !scan.take('+')) return false;
    const auto hours = scan.number(2);
    if (!hours || *hours > 15) return false;
    const bool colon = scan.take(':');
    const auto minutes = scan.number(2);
    if ((colon && !minutes) || minutes.value_or(0) > 59) return false;
    out.offset_minutes = (west ? -1 : 1) * (*hours * 60 + minutes.value_or(0));
    return true;
}

bool read_written(std::string_view text, Written& out) {
    Scan scan{text};
    while (scan.take(' ')) {
    }
    if (!read_day(scan, out)) return false;
    while (scan.take(' ') || scan.take('T') || scan.take('t')) {
    }
    if (!scan.end() && !(read_clock(scan, out) && read_offset(scan, out))) return false;
    while (scan.take(' ')) {
    }
    return scan.end();
}

}  // namespace

Error unreadable_time(std::string_view text) {
    return Error{Code::invalid,
                 "\"{}\" cannot be read as a time: write it as '2026-11-01 08:00:00', with seconds where an offset "
                 "follows, as in '2026-11-01 08:00:00+08:00'",
                 cut_utf8(text, 60)};
}

Result<TimeNs> read_sql_time(std::string_view text, const calendar::Zone& zone) {
    if (text == "infinity") return INT64_MAX;
    if (text == "-infinity") return INT64_MIN;
    if (text == "epoch") return 0;
    Written written;
    if (!read_written(text, written)) return unreadable_time(text);
    const auto civil = calendar::civil_of(written.day);
    if (civil.year < 1678 || civil.year > 2261)
        return Error{Code::invalid, "\"{}\" is outside of the years 1678 to 2262", cut_utf8(text, 60)};
    if (!written.offset_minutes) return zone.instant(written.day, written.minute) + written.rest;
    const std::int64_t minutes = std::int64_t{written.day} * 1440 + written.minute - *written.offset_minutes;
    return minutes * kMinute + written.rest;
}

}  // namespace gongshu::sql
