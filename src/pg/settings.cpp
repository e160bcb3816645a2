#include "pg/settings.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"

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
            Error{Code::invalid, "the parameter \"{}\" cannot be \"{}\": {}", name, value.substr(0, 100), hint}};
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

// The names of zones that PostgreSQL knows and the database of zones does not.
std::string zone_of(const std::string& value) {
    const std::string lower = lowered(value);
    if (lower == "utc" || lower == "gmt" || lower == "z" || lower == "zulu" || lower == "etc/utc" || value == "0")
        return "UTC";
    return value;
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
    if (auto zone = calendar::Zone::create(value("TimeZone"))) zone_ = std::move(*zone);
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
            std::string zone = zone_of(value);
            if (calendar::Zone::create(zone)) return zone;
            return std::unexpected(wrong_value(known->name, value, "expected a name such as Asia/Shanghai or UTC"));
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
            SettingError{"42704", Error{Code::not_found, "there is no parameter \"{}\"", name.substr(0, 100)}});
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
        SettingError{"42704", Error{Code::not_found, "there is no parameter \"{}\"", name.substr(0, 100)}});
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
