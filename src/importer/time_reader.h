#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "history/local_time.h"

namespace gongshu::importer {

// What to do with a local time that comes twice because clocks were put back.
enum class Repeated : std::uint8_t {
    order,    // the earlier one, unless it would go back behind the record before it
    earlier,  //
    later,    //
    refuse,   // a fault
};

// TimeReader reads the times of a file. Formats, tried in turn, the one that fitted last first:
//   iso        2018-01-31 08:05[:59[.123]] with T or blank, - / or . between, parts without leading zeros too; a zone
//              behind it (Z, +08:00) if there is one; or the date alone
//   s ms us ns since 1970 UTC, decimals allowed (no zone is applied)
//   excel      days since 1899-12-30, to the nearest millisecond
//   zh         2026年1月5日 上午8:30, 2026/1/5 8时30分, 8点半, 星期一 or (周一) between; wide digits; only digits too
//   else       %Y %y %m %d %H %I %M %S (with a fraction if there is one) %f %p (AM PM 上午 下午) %b %B (English) %e %j
//   %z
//              %T %R %D %F %%; a blank means any blanks, all else itself
// Threads: one at a time.   Bounds: none.   Disk: none.
class TimeReader {
public:
    // Code::invalid for an unknown % letter or zone.
    static Result<TimeReader> create(const std::vector<std::string>& formats, const std::string& zone,
                                     Repeated repeated = Repeated::order);
    // Code::malformed for what fits no format, Code::invalid for what the zone's clocks never showed (or twice, when
    // that is refused), Code::limit outside of 1678 … 2261. `before` is the record before this, to tell repeated times
    // apart.
    Result<TimeNs> read(std::string_view text, std::optional<TimeNs> before = std::nullopt);
    // Times that came twice, so far.
    std::uint64_t repeated_times() const { return repeated_times_; }

private:
    struct Civil;
    static bool parse_zh(std::string_view text, Civil& civil);
    static bool parse_iso(std::string_view text, Civil& civil);
    static bool take_part(char letter, std::string_view& text, Civil& civil);
    static bool parse_prefix(std::string_view pattern, std::string_view& text, Civil& civil);
    static Result<std::int64_t> local_seconds(const Civil& civil, std::string_view text);
    Result<TimeNs> resolve(std::int64_t local, std::int64_t nanoseconds, std::string_view text,
                           std::optional<TimeNs> before);
    static std::optional<__int128> parse_number_format(std::string_view format, std::string_view text);

    TimeReader(std::vector<std::string> formats, history::LocalTime zone, std::string zone_name, Repeated repeated);

    std::vector<std::string> formats_;
    history::LocalTime zone_;
    std::string zone_name_;
    Repeated repeated_;
    std::size_t last_format_ = 0;
    std::uint64_t repeated_times_ = 0;
};

bool is_epoch_format(std::string_view format);  // s ms us ns: no zone is needed

}  // namespace gongshu::importer
