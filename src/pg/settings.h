#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "calendar/zone.h"
#include "wire/pgwire.h"
#include "wire/sql_text.h"

namespace gongshu::pg {

// What is wrong with a SET, SHOW or a parameter of the start-up.
struct SettingError {
    std::string sqlstate;
    Error error;
};
template <class T>
using SettingResult = std::expected<T, SettingError>;

// Settings are the run-time parameters of one session: those that clients set are taken, checked where we go by them,
// and shown again; most change nothing.
// Lives: in a session.   Threads: one at a time.   Bounds: kCustomMax parameters with a dot in their name.   Disk:
// none.
class Settings {
public:
    static constexpr std::size_t kCustomMax = 50;
    static constexpr std::size_t kValueBytesMax = 1'000;

    Settings(const std::string& version, const std::string& user);

    // At the start-up, before the session begins; what is not known is left alone, as PostgreSQL's poolers do.
    SettingResult<void> begin_with(std::string_view name, const std::string& value);
    // SET …, RESET …: their words. Gives the names whose values changed and that clients are told of.
    SettingResult<std::vector<std::string>> set(const std::vector<wire::SqlWord>& words);
    SettingResult<std::vector<std::string>> reset(const std::vector<wire::SqlWord>& words);
    SettingResult<std::string> show(std::string_view name) const;
    struct Line {
        std::string name, value;
    };
    std::vector<Line> all() const;
    // Those that every client is told of.
    std::vector<Line> reported() const;
    const std::string& value(std::string_view name) const;  // of one there is
    std::vector<std::string> reset_all();

    // Of transactions: what SET LOCAL changed ends with it, what SET changed ends with a rollback.
    void begin();
    std::vector<std::string> commit();
    std::vector<std::string> rollback();

    const calendar::Zone& zone() const { return zone_; }       // by its IANA name
    DurationNs statement_timeout() const { return timeout_; }  // 0 = none of its own

private:
    SettingResult<std::vector<std::string>> assign(std::string_view name, std::optional<std::string> value, bool local);
    SettingResult<std::string> checked(std::string_view name, std::string value);
    std::vector<std::string> changed(const std::map<std::string, std::string, std::less<>>& before);
    void take_over();

    std::map<std::string, std::string, std::less<>> values_, first_;
    std::optional<std::map<std::string, std::string, std::less<>>> at_begin_;
    std::vector<std::string> local_;
    calendar::Zone zone_;
    DurationNs timeout_ = 0;
};

}  // namespace gongshu::pg
