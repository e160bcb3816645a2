// What clients of InfluxDB ask of a server besides writing, so that Telegraf and the client libraries find what they
// look for. Writing itself is write_handlers.cpp; databases, buckets and organisations mean nothing here.
#include <algorithm>

#include "api/handlers.h"

namespace gongshu::api {

namespace {

constexpr std::string_view kWriteOne = "/write", kWriteTwo = "/api/v2/write", kQuery = "/query";

// The words that InfluxDB 2 has for statuses.
std::string_view influx_code(int status) {
    switch (status) {
        case 400:
            return "invalid";
        case 401:
            return "unauthorized";
        case 403:
            return "forbidden";
        case 404:
            return "not found";
        case 413:
            return "request too large";
        case 429:
            return "too many requests";
        case 503:
            return "unavailable";
        default:
            return "internal error";
    }
}

// The words of a query as InfluxQL counts them: in upper case, without quotes, `;` off.
std::vector<std::string> query_words(std::string_view query) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : query.substr(0, 4096)) {
        if (c != ' ' && c != '\t' && c != '\n' && c != ';') {
            word.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
            continue;
        }
        if (!word.empty()) words.push_back(std::exchange(word, {}));
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
}

// The query of a form that was sent as the body, or behind the address.
Result<std::string> query_text(const Ask& ask) {
    if (const std::string* query = ask.find("q")) return *query;
    for (const auto& [key, value] : TRY(wire::parse_query(ask.http.body)))
        if (key == "q") return value;
    return Error{Code::invalid, "{}: is missing; expected a text", "q"};
}

}  // namespace

std::string influx_members(const Ask& ask, const Error& error) {
    const std::string_view path = ask.http.path();
    if (path != kWriteOne && path != kWriteTwo && path != kQuery) return {};
    const std::string text = told(ask, error.text());
    std::string members = ",\"code\":";
    JsonWriter{members}.text(influx_code(status_of(error.code())));
    members.append(",\"message\":");
    JsonWriter{members}.text(text);
    members.append(",\"error\":");
    JsonWriter{members}.text(text);
    return members;
}

// Strangers hear the name of the program, not its version.
Result<Answer> get_influx_ping(Core& core, const Ask& ask) {
    Answer answer = no_content();
    const std::string version = ask.signed_in ? fmt::format("gongshu-{}", core.options.version) : "gongshu";
    answer.headers.push_back({"x-influxdb-version", version});
    answer.headers.push_back({"x-influxdb-build", "gongshu"});
    if (!parse_flag(ask, "verbose")) return answer;
    answer.status = 200;
    JsonWriter{answer.body}.begin_object().key("version").text(version).end_object();
    return answer;
}

Result<Answer> get_influx_health(Core& core, const Ask& ask) {
    const history::HistoryStats stats = core.deps.history.stats();
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("name").text("gongshu").key("message");
    out.text(stats.read_only ? stats.read_only_reason : "ready for writes");
    out.key("status").text(stats.read_only ? "fail" : "pass").key("checks").begin_array().end_array();
    out.key("version").text(ask.signed_in ? core.options.version : "gongshu").end_object();
    return json_answer(std::move(body), stats.read_only ? 503 : 200);
}

// CREATE DATABASE, which clients send before they write, and SHOW DATABASES, by which they see whether it is there.
Result<Answer> influx_query(Core& core, const Ask& ask) {
    const auto query = query_text(ask);
    const std::vector<std::string> words = query ? query_words(*query) : std::vector<std::string>{};
    const auto begins = [&](std::string_view first, std::string_view second) {
        return words.size() >= 2 && words[0] == first && words[1] == second;
    };
    if (begins("CREATE", "DATABASE")) return json_answer(R"({"results":[{"statement_id":0}]})");
    if (begins("SHOW", "DATABASES")) {
        std::string body;
        JsonWriter out{body};
        out.begin_object().key("results").begin_array().begin_object().key("statement_id").integer(0).key("series");
        out.begin_array().begin_object().key("name").text("databases").key("columns").begin_array().text("name");
        out.end_array().key("values").begin_array().begin_array().text(ask.who.actor.tenant_name).end_array();
        out.end_array().end_object().end_array().end_object().end_array().end_object();
        return json_answer(std::move(body));
    }
    const Error error =
        query ? Error{Code::invalid, "InfluxQL is not spoken here: ask GET /api/v1/read"} : query.error();
    return problem(core, error, {.members = influx_members(ask, error).substr(1), .language = language_of(ask)});
}

}  // namespace gongshu::api
