#include "api/answer.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "wire/json_door.h"
#include "wire/line.h"
#include "words/words.h"

namespace gongshu::api {

const std::string* Ask::find(std::string_view name) const {
    for (const auto& [key, value] : query) {
        if (key == name) return &value;
    }
    return nullptr;
}

std::vector<std::string> Ask::all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : query) {
        if (key == name) values.push_back(value);
    }
    return values;
}

Result<void> let_out(Core& core, const Ask& ask, std::string_view door, std::string_view what, std::uint64_t rows,
                     std::uint64_t bytes) {
    return core.deps.egress.decide(
        {ask.tenant(), ask.who.actor.who, door, what, 1, ask.value("purpose"), bytes, rows});
}

Answer json_answer(std::string body, int status) {
    Answer answer;
    answer.status = status;
    answer.body = std::move(body);
    return answer;
}

Answer no_content() {
    Answer answer;
    answer.status = 204;
    return answer;
}

// ---- languages ------------------------------------------------------------------------------------------------------

std::string_view language_of(const Ask& ask) {
    const std::string_view asked = ask.find("lang") != nullptr ? ask.value("lang") : ask.http.header("accept-language");
    return asked.starts_with("zh") ? "zh" : "en";
}

std::string told(std::string_view language, std::string_view english) {
    return language == "zh" ? words::in_chinese(english) : std::string{english};
}

std::string told(const Ask& ask, std::string_view english) { return told(language_of(ask), english); }

namespace {

void tell_within(Json& json, std::string_view key) {
    if (auto* const list = json.if_array()) {
        for (Json& item : *list) tell_within(item, key);
    } else if (auto* const object = json.if_object()) {
        for (auto& member : *object) {
            const std::string_view name{member.key().data(), member.key().size()};
            if (auto* const text = member.value().if_string(); text != nullptr && name == key)
                *text = words::in_chinese({text->data(), text->size()});
            else
                tell_within(member.value(), key);
        }
    }
}

}  // namespace

std::string told_within(const Ask& ask, std::string_view json, std::string_view key) {
    if (language_of(ask) != "zh") return std::string{json};
    auto parsed = registry::parse_json(json);
    if (!parsed) return std::string{json};
    tell_within(*parsed, key);
    return registry::to_text(*parsed);
}

// ---- errors ---------------------------------------------------------------------------------------------------------

int status_of(Code code) {
    switch (code) {
        case Code::invalid:
            return 400;
        case Code::malformed:
            return 400;
        case Code::not_found:
            return 404;
        case Code::exists:
            return 409;
        case Code::conflict:
            return 409;
        case Code::denied:
            return 403;
        case Code::unauthorized:
            return 401;
        case Code::limit:
            return 429;
        case Code::unsupported:
            return 501;
        case Code::io:
            return 500;
        case Code::timeout:
            return 504;
        case Code::unavailable:
            return 503;
        case Code::corrupt:
            return 500;
    }
    return 500;
}

namespace {

// "spec.properties[3].address" of "spec.properties[3].address: …"; empty if the text does not begin with a place.
std::string_view place_of(std::string_view text) {
    const std::size_t colon = text.find(": ");
    if (colon == std::string_view::npos || colon == 0 || colon > 200) return {};
    const std::string_view place = text.substr(0, colon);
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
               c == '[' || c == ']';
    };
    return std::all_of(place.begin(), place.end(), fits) ? place : std::string_view{};
}

std::string_view title_of(int status, std::string_view absent) {
    switch (status) {
        case 404:
            return "not found";
        case 405:
            return "method not allowed";
        case 412:
            return "precondition failed";
        case 413:
            return "too long";
        case 414:
            return "too long";
        case 421:
            return "misdirected";
        case 429:
            return "limit";
        case 431:
            return "too long";
        default:
            return absent;
    }
}

Answer make_problem(Core& core, int status, std::string_view title, std::string_view detail, std::string_view place,
                    const ProblemExtra& extra) {
    const std::string id = core.next_id();
    if (status >= 500)
        log_warning("api", "{} {} {}", id, status, detail);
    else
        log_debug("api", "{} {} {}", id, status, detail);
    Answer answer;
    answer.status = status;
    answer.media_type = "application/problem+json";
    JsonWriter out{answer.body};
    out.begin_object();
    out.key("type").text("about:blank").key("title").text(told(extra.language, title)).key("status").integer(status);
    out.key("detail").text(told(extra.language, detail));
    if (!place.empty()) out.key("place").text(place);
    out.key("id").text(id);
    out.end_object();
    if (!extra.members.empty()) {
        answer.body.pop_back();
        answer.body.append(",").append(extra.members).append("}");
    }
    if (status == 401) answer.headers.push_back({"www-authenticate", "Bearer"});
    if (status == 503) answer.headers.push_back({"retry-after", "1"});
    return answer;
}

}  // namespace

Answer problem(Core& core, const Error& error, const ProblemExtra& extra) {
    const int status = extra.status != 0 ? extra.status : status_of(error.code());
    const std::string_view place = error.code() == Code::invalid ? place_of(error.text()) : std::string_view{};
    return make_problem(core, status, title_of(status, to_string(error.code())), error.text(), place, extra);
}

Answer problem_with_status(Core& core, int status, std::string_view detail, std::string_view language) {
    return make_problem(core, status,
                        title_of(status, status >= 500   ? "unavailable"
                                         : status == 403 ? "denied"
                                                         : "invalid"),
                        detail, {}, {.language = language});
}

// ---- times ----------------------------------------------------------------------------------------------------------

std::int64_t Units::time(TimeNs ns) const {
    const std::int64_t whole = ns / unit_ns;
    return ns % unit_ns < 0 ? whole - 1 : whole;
}

Result<Units> parse_units(const Ask& ask) {
    const std::string* const text = ask.find("precision");
    if (text == nullptr) return Units{};
    for (const std::string_view name : {"ns", "us", "ms", "s"}) {
        if (*text == name) return Units{*wire::line_precision(name)};
    }
    return Error{Code::invalid, "precision: \"{}\" is none of ns, us, ms, s", text->substr(0, 40)};
}

Result<DurationNs> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        DurationNs ns;
    };
    static constexpr Unit kUnits[] = {{"ms", kMillisecond}, {"s", kSecond}, {"m", kMinute},
                                      {"h", kHour},         {"d", kDay},    {"w", 7 * kDay}};
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit =
        error == std::errc{} ? text.substr(static_cast<std::size_t>(end - text.data())) : std::string_view{};
    for (const Unit& known : kUnits) {
        DurationNs ns = 0;
        if (unit != known.name || number <= 0) continue;
        if (!__builtin_mul_overflow(number, known.ns, &ns)) return ns;
        return Error{Code::invalid, "\"{}\" is longer than 292 years", text.substr(0, 40)};
    }
    return Error{Code::invalid,
                 "\"{}\" is no duration: expected a whole number above 0 and ms, s, m, h, d or w, as in 15m",
                 text.substr(0, 40)};
}

Result<TimeNs> parse_time(std::string_view text, TimeNs now) {
    if (text == "now") return now;
    if (text.starts_with("now-") || text.starts_with("now+")) {
        const DurationNs length = TRY(parse_duration(text.substr(4)));
        TimeNs time = 0;
        const bool over =
            text[3] == '-' ? __builtin_sub_overflow(now, length, &time) : __builtin_add_overflow(now, length, &time);
        if (over) return Error{Code::invalid, "\"{}\" is outside of the years 1678 to 2262", text.substr(0, 40)};
        return time;
    }
    TimeNs ns = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ns);
    if (error == std::errc{} && end == text.data() + text.size()) return ns;
    auto parsed = wire::parse_rfc3339(text);
    if (!parsed) {
        if (parsed.error().code() == Code::limit)
            return Error{Code::invalid, "\"{}\" is outside of the years 1678 to 2262", text.substr(0, 60)};
        return Error{Code::invalid,
                     "\"{}\" is no time: expected 2026-03-01T08:00:00+08:00, nanoseconds since 1970, now or now-1h",
                     text.substr(0, 60)};
    }
    return *parsed;
}

Result<std::uint64_t> parse_number(const Ask& ask, std::string_view name, std::uint64_t absent, std::uint64_t min,
                                   std::uint64_t max) {
    const std::string* const text = ask.find(name);
    if (text == nullptr) return absent;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc{} || end != text->data() + text->size() || number < min || number > max) {
        return Error{Code::invalid, "{}: \"{}\" is no whole number of {} to {}", name, text->substr(0, 40), min, max};
    }
    return number;
}

Result<Window> parse_window(const Ask& ask, TimeNs now, DurationNs length_absent) {
    Window window{now - length_absent, now};
    if (const std::string* to = ask.find("to")) {
        window.to = TRY(parse_time(*to, now).context("to"));
        window.from = window.to - length_absent;
    }
    if (const std::string* from = ask.find("from")) window.from = TRY(parse_time(*from, now).context("from"));
    if (window.empty())
        return Error{Code::invalid, "from: the window ends before it begins (from {} to {})", format_time(window.from),
                     format_time(window.to)};
    return window;
}

Result<ReadPatience> parse_patience(Core& core, const Ask& ask) {
    DurationNs time = core.options.query_max;
    if (const std::string* timeout = ask.find("timeout"))
        time = std::min(time, TRY(parse_duration(*timeout).context("timeout")));
    return ReadPatience{ask.gone, core.clock().monotonic() + time};
}

bool parse_flag(const Ask& ask, std::string_view name) {
    const std::string_view value = ask.value(name);
    return value == "1" || value == "true";
}

// ---- values ---------------------------------------------------------------------------------------------------------

void write_value(JsonWriter& out, const Value& value) {
    switch (type_of(value)) {
        case ValueType::number:
            out.number(std::get<double>(value));
            return;
        case ValueType::integer:
            out.safe_integer(std::get<std::int64_t>(value));
            return;
        case ValueType::boolean:
            out.boolean(std::get<bool>(value));
            return;
        case ValueType::text:
            out.text(std::get<std::string>(value));
            return;
    }
}

void write_reading(JsonWriter& out, const Reading& reading, Units units) {
    out.begin_array().integer(units.time(reading.time));
    write_value(out, reading.value);
    out.text(to_string(reading.quality)).end_array();
}

void write_time_or_null(JsonWriter& out, TimeNs time, Units units) {
    if (time == 0)
        out.null();
    else
        out.integer(units.time(time));
}

// ---- bodies ---------------------------------------------------------------------------------------------------------

Result<Fields> Fields::parse(std::string_view body) {
    Json json = TRY(registry::parse_json(body).context("body"));
    if (!json.is_object()) return Error{Code::invalid, "body: expected a JSON object"};
    return Fields{std::move(json)};
}

const Json* Fields::find(std::string_view name) {
    known_.emplace_back(name);
    const Json* const found = json_.get_object().if_contains({name.data(), name.size()});
    return found == nullptr || found->is_null() ? nullptr : found;
}

Result<std::string> Fields::text(std::string_view name) {
    const Json* const found = find(name);
    if (found == nullptr) return Error{Code::invalid, "{}: is missing; expected a text", name};
    if (!found->is_string()) return Error{Code::invalid, "{}: expected a text", name};
    return std::string{found->get_string().data(), found->get_string().size()};
}

Result<std::string> Fields::text_or(std::string_view name, std::string_view absent) {
    if (find(name) == nullptr) return std::string{absent};
    return text(name);
}

Result<std::uint64_t> Fields::number(std::string_view name) {
    const Json* const found = find(name);
    if (found != nullptr && found->is_uint64()) return found->get_uint64();
    if (found != nullptr && found->is_int64() && found->get_int64() >= 0)
        return static_cast<std::uint64_t>(found->get_int64());
    if (found == nullptr) return Error{Code::invalid, "{}: expected a whole number", name};
    return Error{Code::invalid, "{}: expected a whole number of 0 or more, found {}", name,
                 registry::to_text(*found).substr(0, 40)};
}

Result<void> Fields::done() const {
    for (const auto& member : json_.get_object()) {
        const std::string_view name{member.key().data(), member.key().size()};
        if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
            return Error{Code::invalid, "{}: there is no such member here", name.substr(0, 100)};
        }
    }
    return {};
}

}  // namespace gongshu::api
