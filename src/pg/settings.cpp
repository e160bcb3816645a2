#include "pg/settings.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/assert.h"
#include "base/utf8.h"

namespace gongshu::pg {

namespace {

using wire::SqlWord;

enum class Check : unsigned char { any, fixed, zone, time, encoding, date_style };

struct Known {
    std::string_view name;  // as PostgreSQL writes it
    std::string_view value;
    Check check = Check::any;  // fixed: no other value is taken
    bool reported = false;     // clients are told at the start and of each change
};

// server_version is that whose protocol, catalogue and types are followed.
constexpr Known kKnown[] = {
    {"application_name", "", Check::any, true},
    {"bytea_output", "hex"},
    {"client_encoding", "UTF8", Check::encoding, true},
    {"client_min_messages", "notice"},
    {"DateStyle", "ISO, YMD", Check::date_style, true},
    {"default_transaction_isolation", "read committed"},
    {"default_transaction_read_only", "on", Check::any, true},
    {"escape_string_warning", "on"},
    {"extra_float_digits", "1"},
    {"geqo", "on"},
    {"idle_in_transaction_session_timeout", "0"},
    {"idle_session_timeout", "0"},
    {"in_hot_standby", "off", Check::fixed, true},
    {"integer_datetimes", "on", Check::fixed, true},
    {"IntervalStyle", "postgres", Check::any, true},
    {"is_superuser", "off", Check::fixed, true},
    {"jit", "off"},
    {"lc_collate", "C.UTF-8", Check::fixed},
    {"lc_ctype", "C.UTF-8", Check::fixed},
    {"lc_messages", "C.UTF-8"},
    {"lc_monetary", "C.UTF-8"},
    {"lc_numeric", "C.UTF-8"},
    {"lc_time", "C.UTF-8"},
    {"lock_timeout", "0"},
    {"max_identifier_length", "63", Check::fixed},
    {"max_index_keys", "32", Check::fixed},
    {"row_security", "on"},
    {"search_path", "public"},
    {"server_encoding", "UTF8", Check::fixed, true},
    {"server_version", "15.0", Check::fixed, true},
    {"server_version_num", "150000", Check::fixed},
    {"session_authorization", "", Check::fixed, true},
    {"standard_conforming_strings", "on", Check::fixed, true},
    {"statement_timeout", "0", Check::time},
    {"synchronize_seqscans", "on"},
    {"synchronous_commit", "on"},
    {"TimeZone", "UTC", Check::zone, true},
    {"transaction_deferrable", "off"},
    {"transaction_isolation", "read committed"},
    {"transaction_read_only", "on"},
    {"work_mem", "4MB"},
    {"xmloption", "content"},
};

std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

const Known* find_known(std::string_view name) {
    const std::string wanted = lowered(name);
    const auto found = std::ranges::find_if(kKnown, [&](const Known& known) { return lowered(known.name) == wanted; });
    return found == std::end(kKnown) ? nullptr : &*found;
}

SettingError wrong_value(std::string_view name, std::string_view value, std::string_view hint) {
    return {"22023",
            Error{Code::invalid, "the parameter \"{}\" cannot be \"{}\": {}", name, cut_utf8(value, 100), hint}};
}

// "0", "30000" (ms), "30s", "5min".
std::optional<DurationNs> read_time(std::string_view text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || !(number >= 0) || number > 1e12) return std::nullopt;
    std::string unit = lowered({end, static_cast<std::size_t>(text.data() + text.size() - end)});
    std::erase(unit, ' ');
    const DurationNs of = unit.empty() || unit == "ms" ? kMillisecond
                          : unit == "us"               ? kMicrosecond
                          : unit == "s"                ? kSecond
                          : unit == "min"              ? kMinute
                          : unit == "h"                ? kHour
                          : unit == "d"                ? kDay
                                                       : 0;
    if (of == 0) return std::nullopt;
    const double ns = number * static_cast<double>(of);
    return ns > 1e18 ? kDay * 365 : static_cast<DurationNs>(ns);
}

// A zone as PostgreSQL shows it and as the database of zones names it.
struct Named {
    std::string shown;
    calendar::Zone zone;
};

// Whole hours east of UTC; the database counts them to the west.
std::optional<calendar::Zone> fixed_zone(double hours_east) {
    if (!(hours_east >= -12 && hours_east <= 14) || hours_east != std::floor(hours_east)) return std::nullopt;
    const int hours = static_cast<int>(hours_east);
    auto zone = calendar::Zone::create(hours == 0 ? "UTC" : fmt::format("Etc/GMT{:+d}", -hours));
    return zone ? std::optional{*zone} : std::nullopt;
}

// "+08", "8", "-7.0": hours to the east, as SET TIME ZONE counts them.
std::optional<Named> zone_of_hours(std::string_view text) {
    text.remove_prefix(text.starts_with('+') ? 1 : 0);
    double hours = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hours);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    auto zone = fixed_zone(hours);
    if (!zone) return std::nullopt;
    const int whole = static_cast<int>(hours);
    return Named{fmt::format("<{0:+03d}>{1}{2:02d}", whole, whole > 0 ? '-' : '+', std::abs(whole)), *zone};
}

// "UTC+8", "<+08>-08", "+08:00": a name of any kind and what to add to reach UTC, as POSIX counts it: to the west.
std::optional<Named> zone_of_posix(const std::string& text) {
    std::size_t at = 0;
    if (text.starts_with('<')) {
        at = text.find('>') + 1;
        if (at == 0) return std::nullopt;
    } else {
        while (at < text.size() && ((text[at] | 0x20) >= 'a' && (text[at] | 0x20) <= 'z')) ++at;
    }
    const bool east = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    int hours = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), hours);
    const std::string_view rest{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    if (error != std::errc{} || hours < 0 || (!rest.empty() && rest != ":00" && rest != ":00:00")) return std::nullopt;
    auto zone = fixed_zone(east ? hours : -hours);
    return zone ? std::optional{Named{text, *zone}} : std::nullopt;
}

// asia/shanghai is Asia/Shanghai: names count whatever their case.
std::string capitalized(std::string name) {
    bool begins = true;
    for (char& c : name) {
        const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (letter) c = static_cast<char>(begins ? c & ~0x20 : c | 0x20);
        begins = !letter;
    }
    return name;
}

std::string uppercase(std::string name) {
    for (char& c : name)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~0x20);
    return name;
}

// What PostgreSQL takes as a zone, in the order it tries: hours, a name, POSIX. Fixed offsets are whole hours here.
std::optional<Named> find_zone(const std::string& value) {
    const std::string lower = lowered(value);
    if (lower == "utc" || lower == "gmt" || lower == "z" || lower == "zulu" || lower == "etc/utc" || value == "0")
        return Named{"UTC", *calendar::Zone::create("UTC")};
    if (auto hours = zone_of_hours(value)) return hours;
    for (const std::string& name : {value, capitalized(value), uppercase(value)}) {
        if (name.empty()) return std::nullopt;
        if (auto zone = calendar::Zone::create(name)) return Named{name, *zone};
    }
    return zone_of_posix(value);
}

// INTERVAL '+08:00' HOUR TO MINUTE, INTERVAL '8 hours': hours to the east.
std::optional<std::string> hours_of_interval(std::string_view text) {
    int hours = 0;
    const bool west = text.starts_with('-');
    text.remove_prefix(west || text.starts_with('+') ? 1 : 0);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hours);
    const std::string_view rest{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    if (error != std::errc{} || hours < 0) return std::nullopt;
    for (const std::string_view known : {"", ":00", ":00:00", " hour", " hours"})
        if (rest == known) return fmt::format("{}{}", west ? '-' : '+', hours);
    return std::nullopt;
}

// A value of SET: words joined as PostgreSQL shows a list, "a, b".
std::string value_of(const std::vector<SqlWord>& words, std::size_t from) {
    std::string out;
    bool comma = false;
    for (std::size_t i = from; i < words.size(); ++i) {
        if (is_sql_word(words[i], ",")) {
            comma = true;
            continue;
        }
        if (!out.empty() && comma) out += ", ";
        const bool keep = words[i].kind == SqlWord::Kind::name;  // as written: America/New_York without quotes is none
        out += keep ? std::string(words[i].source) : sql_unquoted(words[i]);
        comma = false;
    }
    return out;
}

bool is_one_of(const std::vector<SqlWord>& words, std::size_t at, std::initializer_list<std::string_view> names) {
    return at < words.size() &&
           std::ranges::any_of(names, [&](std::string_view name) { return is_sql_word(words[at], name); });
}

}  // namespace

Settings::Settings(const std::string& version, const std::string& user) : zone_(*calendar::Zone::create("UTC")) {
    for (const Known& known : kKnown) values_.emplace(known.name, known.value);
    values_["server_version"] = "15.0 (Gongshu " + version + ")";
    values_["session_authorization"] = user;
    first_ = values_;
}

const std::string& Settings::value(std::string_view name) const {
    const auto found = values_.find(name);
    ASSERT(found != values_.end());
    return found->second;
}

void Settings::take_over() {
    if (auto found = find_zone(value("TimeZone"))) zone_ = std::move(found->zone);
    timeout_ = read_time(value("statement_timeout")).value_or(0);
}

SettingResult<std::string> Settings::checked(std::string_view name, std::string value) {
    if (value.size() > kValueBytesMax) return std::unexpected(wrong_value(name, value, "it is too long"));
    const Known* const known = find_known(name);
    if (!known) return value;
    const std::string lower = lowered(value);
    switch (known->check) {
        case Check::any:
            return value;
        case Check::fixed:
            if (lower == lowered(known->value)) return std::string(known->value);
            return std::unexpected(
                SettingError{"55P02", Error{Code::invalid, "the parameter \"{}\" cannot be changed", known->name}});
        case Check::time:
            if (read_time(value)) return value;
            return std::unexpected(
                wrong_value(known->name, value, "expected milliseconds, or a number with its unit, as in 30s"));
        case Check::zone: {
            if (auto found = find_zone(value)) return std::move(found->shown);
            return std::unexpected(wrong_value(known->name, value,
                                               "expected a name such as Asia/Shanghai or UTC, or whole hours to the "
                                               "east of UTC such as +08"));
        }
        case Check::encoding:
            if (lower == "utf8" || lower == "utf-8" || lower == "unicode") return std::string("UTF8");
            return std::unexpected(wrong_value(known->name, value, "all text here is UTF8"));
        case Check::date_style:
            if (lower.starts_with("iso") || lower == "ymd" || lower == "mdy" || lower == "dmy")
                return std::string("ISO, YMD");
            return std::unexpected(wrong_value(known->name, value, "times are written as ISO only"));
    }
    return value;
}

SettingResult<void> Settings::begin_with(std::string_view name, const std::string& value) {
    const Known* const known = find_known(name);
    if (!known || known->check == Check::fixed) return {};
    auto taken = checked(known->name, value);
    if (!taken) return std::unexpected(taken.error());
    values_[std::string(known->name)] = *taken;
    first_ = values_;
    take_over();
    return {};
}

SettingResult<std::vector<std::string>> Settings::assign(std::string_view name, std::optional<std::string> value,
                                                         bool local) {
    const Known* const known = find_known(name);
    if (!known && name.find('.') == name.npos)
        return std::unexpected(
            SettingError{"42704", Error{Code::not_found, "there is no parameter \"{}\"", cut_utf8(name, 100)}});
    const std::string key = known ? std::string(known->name) : lowered(name);
    if (!known && !values_.contains(key) && values_.size() >= std::size(kKnown) + kCustomMax)
        return std::unexpected(
            SettingError{"53400", Error{Code::limit, "a session has at most {} parameters of its own", kCustomMax}});
    const auto before = values_;
    if (value) {
        auto taken = checked(key, std::move(*value));
        if (!taken) return std::unexpected(taken.error());
        values_[key] = *taken;
    } else if (const auto first = first_.find(key); first != first_.end()) {
        values_[key] = first->second;
    } else {
        values_.erase(key);
    }
    if (local && at_begin_) local_.push_back(key);
    return changed(before);
}

SettingResult<std::vector<std::string>> Settings::set(const std::vector<SqlWord>& words) {
    std::size_t at = 1;
    const bool local = is_one_of(words, at, {"local"});
    if (local || is_one_of(words, at, {"session"})) ++at;
    if (is_one_of(words, at, {"transaction", "characteristics", "constraints"})) return std::vector<std::string>{};
    if (is_one_of(words, at, {"names"})) return assign("client_encoding", value_of(words, at + 1), local);
    if (is_one_of(words, at, {"role", "authorization"})) {
        if (is_one_of(words, at + 1, {"none", "default"})) return std::vector<std::string>{};
        return std::unexpected(
            SettingError{"42501", Error{Code::denied, "nobody becomes somebody else here: sign in as who you are"}});
    }
    std::string name;
    if (is_one_of(words, at, {"time"}) && is_one_of(words, at + 1, {"zone"})) {
        name = "TimeZone";
        at += 2;
        if (is_one_of(words, at, {"interval"}) && at + 1 < words.size() && words[at + 1].kind == SqlWord::Kind::text) {
            const std::string written = sql_unquoted(words[at + 1]);
            if (auto hours = hours_of_interval(written)) return assign(name, std::move(hours), local);
            return std::unexpected(wrong_value(name, written, "expected whole hours, as in INTERVAL '+08:00'"));
        }
    } else {
        for (; at < words.size() && !is_one_of(words, at, {"to", "="}); ++at) name += sql_unquoted(words[at]);
        ++at;
    }
    if (name.empty() || at >= words.size())
        return std::unexpected(SettingError{"42601", Error{Code::invalid, "expected SET name = value"}});
    const bool reset = words.size() == at + 1 &&
                       (is_one_of(words, at, {"default"}) || (name == "TimeZone" && is_one_of(words, at, {"local"})));
    return assign(name, reset ? std::nullopt : std::optional(value_of(words, at)), local);
}

SettingResult<std::vector<std::string>> Settings::reset(const std::vector<SqlWord>& words) {
    if (is_one_of(words, 1, {"all"})) return reset_all();
    std::string name;
    for (std::size_t at = 1; at < words.size(); ++at) name += sql_unquoted(words[at]);
    if (name == "sessionauthorization" || name == "role") return std::vector<std::string>{};
    return assign(name == "timezone" ? "TimeZone" : name, std::nullopt, false);
}

SettingResult<std::string> Settings::show(std::string_view name) const {
    const Known* const known = find_known(name);
    const auto found = values_.find(known ? known->name : std::string_view(lowered(name)));
    if (found != values_.end()) return found->second;
    return std::unexpected(
        SettingError{"42704", Error{Code::not_found, "there is no parameter \"{}\"", cut_utf8(name, 100)}});
}

std::vector<Settings::Line> Settings::all() const {
    std::vector<Line> out;
    for (const auto& [name, value] : values_) out.push_back({name, value});
    return out;
}

std::vector<Settings::Line> Settings::reported() const {
    std::vector<Line> out;
    for (const Known& known : kKnown)
        if (known.reported) out.push_back({std::string(known.name), value(known.name)});
    return out;
}

std::vector<std::string> Settings::changed(const std::map<std::string, std::string, std::less<>>& before) {
    take_over();
    std::vector<std::string> out;
    for (const Known& known : kKnown)
        if (known.reported && before.find(known.name)->second != value(known.name)) out.emplace_back(known.name);
    return out;
}

std::vector<std::string> Settings::reset_all() {
    const auto before = std::exchange(values_, first_);
    return changed(before);
}

void Settings::begin() {
    if (at_begin_) return;
    at_begin_ = values_;
    local_.clear();
}

std::vector<std::string> Settings::commit() {
    if (!at_begin_) return {};
    const auto before = values_;
    for (const std::string& name : local_) {
        if (const auto found = at_begin_->find(name); found != at_begin_->end())
            values_[name] = found->second;
        else
            values_.erase(name);
    }
    at_begin_.reset();
    return changed(before);
}

std::vector<std::string> Settings::rollback() {
    if (!at_begin_) return {};
    const auto before = std::exchange(values_, std::move(*at_begin_));
    at_begin_.reset();
    return changed(before);
}

}  // namespace gongshu::pg
