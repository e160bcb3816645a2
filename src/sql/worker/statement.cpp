#include "sql/worker/statement.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <functional>
#include <thread>

#include "base/time_text.h"
#include "base/utf8.h"
#include "registry/json_deep.h"
#include "sql/sql_time.h"
#include "sql/worker/literal.h"
#include "sql/worker/reason.h"
#include "sql/worker/tables.h"
#include "sql/worker/values.h"
#include "wire/sql_text.h"

namespace gongshu::sql {

namespace {

using duck::f;

constexpr std::size_t kTreeDepthMax = 6000;
constexpr DurationNs kPoll = 5 * kMillisecond;
constexpr std::size_t kRowBytesMax = kFrameBytesMax / 2;

// One result of DuckDB, given back at the end.
struct Result_ {
    duck::Result value{};
    Result_() = default;
    Result_(const Result_&) = delete;
    Result_& operator=(const Result_&) = delete;
    ~Result_() { f.destroy_result(&value); }
};

struct Prepared_ {
    duck::Prepared value = nullptr;
    Prepared_() = default;
    Prepared_(const Prepared_&) = delete;
    Prepared_& operator=(const Prepared_&) = delete;
    ~Prepared_() { f.destroy_prepare(&value); }
};

std::string_view text_at(const JsonObject& object, std::string_view name) {
    const Json* const found = object.if_contains(name);
    return found != nullptr && found->is_string() ? std::string_view{found->get_string()} : std::string_view{};
}

std::string_view sqlstate_of(std::string_view type, std::string_view subtype, std::string_view what,
                             std::string_view message) {
    if (message.find("does not have a column named") != message.npos) return "42703";
    if (type == "Parser" || type == "parser") return "42601";
    if (subtype == "COLUMN_NOT_FOUND") return "42703";
    if (subtype == "NO_MATCHING_FUNCTION") return "42883";
    if (type == "Catalog") return what == "Table" ? "42P01" : "42883";
    if (type == "Binder") return "42804";
    if (type == "Conversion" || type == "Mismatch Type") return "22P02";
    if (type == "Out of Range") return "22003";
    if (type == "Divide by Zero") return "22012";
    if (type == "Out of Memory") return "53200";
    if (type == "INTERRUPT") return "57014";
    if (type == "Permission") return "42501";
    if (type == "Not implemented") return "0A000";
    if (type == "Syntax") return "42601";
    return "22000";
}

Code code_of(std::string_view sqlstate) {
    if (sqlstate == "53200") return Code::limit;
    if (sqlstate == "42501") return Code::denied;
    if (sqlstate == "0A000") return Code::unsupported;
    return Code::invalid;
}

// Characters before that byte, counted from 1.
std::uint32_t character(std::string_view text, std::size_t at) {
    at = std::min(at, text.size());
    return 1 + static_cast<std::uint32_t>(std::ranges::count_if(
                   text.substr(0, at), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string without_end(std::string_view text) {
    // It is one statement; behind its semicolon there may be a comment.
    const auto statements = wire::sql_statements(text);
    return std::string{statements.empty() ? text : statements.front()};
}

bool is_explain(std::string_view text) {
    const auto words = wire::sql_words(text, 1);
    return !words.empty() && is_sql_word(words[0], "explain");
}

// Everything else stays in its place.
Start without_explain(Start start) {
    const std::size_t at = wire::sql_words(start.text, 1).at(0).at;
    std::fill_n(start.text.begin() + static_cast<std::ptrdiff_t>(at), std::string_view{"explain"}.size(), ' ');
    return start;
}

Json text_constant(std::optional<std::string_view> text) {
    const Json varchar = JsonObject{{"id", "VARCHAR"}, {"type_info", nullptr}};
    Json constant = JsonObject{{"class", "CONSTANT"}, {"type", "VALUE_CONSTANT"}, {"alias", ""}};
    JsonObject value{{"type", varchar}, {"is_null", !text}};
    if (text) value["value"] = *text;
    constant.get_object()["value"] = std::move(value);
    return constant;
}

Json cast_of(std::string_view text, std::string_view type) {
    return JsonObject{{"class", "CAST"},
                      {"type", "OPERATOR_CAST"},
                      {"alias", ""},
                      {"child", text_constant(text)},
                      {"cast_type", JsonObject{{"id", type}, {"type_info", nullptr}}},
                      {"try_cast", false}};
}

// A parameter's value as the tree of an expression.
Json constant_of(const Cell& cell, bool zoned) {
    std::string_view type;
    std::string text;
    if (const auto* plain = std::get_if<std::string>(&cell)) text = *plain;
    if (const auto* boolean = std::get_if<bool>(&cell)) type = "BOOLEAN", text = *boolean ? "true" : "false";
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) type = "BIGINT", text = fmt::format("{}", *integer);
    if (const auto* number = std::get_if<double>(&cell)) type = "DOUBLE", text = fmt::format("{}", *number);
    if (const auto* time = std::get_if<Time>(&cell))
        type = zoned ? "TIMESTAMP WITH TIME ZONE" : "TIMESTAMP_NS", text = format_time(time->ns);
    if (const auto* date = std::get_if<Date>(&cell)) type = "DATE", text = format_date(date->days);
    if (const auto* decimal = std::get_if<Decimal>(&cell)) text = decimal->digits;  // as make_value() gives it
    if (!type.empty()) return cast_of(text, type);
    if (std::holds_alternative<std::monostate>(cell)) return text_constant(std::nullopt);
    return text_constant(text);
}

// With the values of the parameters in their places, and doubles so that they are not written as decimals; false if a
// parameter has none.
bool put_parameters(Json& json, const std::vector<Cell>& parameters, bool zoned) {
    if (json.is_array()) {
        for (Json& item : json.get_array())
            if (!put_parameters(item, parameters, zoned)) return false;
    } else if (json.is_object() && text_at(json.get_object(), "class") == "PARAMETER") {
        const Cell* const cell = parameter_value(json, parameters);
        if (cell == nullptr) return false;
        json = constant_of(*cell, zoned);
    } else if (const auto digits = double_digits(json)) {
        json = cast_of(*digits, "DOUBLE");
    } else if (json.is_object()) {
        for (auto& item : json.get_object())
            if (!put_parameters(item.value(), parameters, zoned)) return false;
    }
    return true;
}

}  // namespace

Statement::Statement(duck::Database database, Outputs& outputs, Start start, bool is_ours, Send send)
    : database_(database),
      outputs_(outputs),
      explains_(is_explain(start.text)),
      start_(explains_ ? without_explain(std::move(start)) : std::move(start)),
      is_ours_(is_ours),
      send_(std::move(send)) {
    began_.query = start_.query;
    if (f.connect(database_, &connection_) != duck::ok) return;
    duck::Context context = nullptr;
    f.connection_get_client_context(connection_, &context);
    connection_id_ = f.client_context_get_connection_id(context);
    f.destroy_client_context(&context);
}

Statement::~Statement() {
    f.destroy_prepare(&prepared_);
    if (connection_ != nullptr) f.disconnect(&connection_);
}

Failure Statement::cancelled_failure() { return {Error{Code::unavailable, "the statement was cancelled"}, 0, "57014"}; }

// What DuckDB told as JSON (errors_as_json).
Failure Statement::failure_of(const char* told, bool in_plan) const {
    if (is_cancelled()) return cancelled_failure();
    const std::string_view all = told == nullptr ? "no reason was told" : told;
    const std::size_t begin = all.find('{');
    const auto json = registry::parse_deep_json(begin == all.npos ? "" : all.substr(begin), 100);
    if (!json || !json->is_object()) return {Error{Code::invalid, "{}", cut_utf8(all, 2000)}, 0, "22000"};
    const JsonObject& object = json->get_object();
    const std::string_view message = text_at(object, "exception_message");
    const std::string_view state = sqlstate_of(text_at(object, "exception_type"), text_at(object, "error_subtype"),
                                               text_at(object, "type"), message);
    Failure failure{reason_of(object, code_of(state)), 0, std::string{state}};
    const std::string_view position = text_at(object, "position");
    std::size_t at = 0;
    if (in_plan && std::from_chars(position.data(), position.data() + position.size(), at).ec == std::errc{} &&
        !position.empty())
        failure.position = character(start_.text, plan_.text.empty() ? at : plan_.original(at));
    return failure;
}

// The first cell of the first row as text.
Outcome<std::string> Statement::one_text(const std::string& text, const std::vector<Cell>& parameters) {
    Prepared_ prepared;
    if (f.prepare(connection_, text.c_str(), &prepared.value) != duck::ok)
        return std::unexpected(failure_of(f.prepare_error(prepared.value), false));
    for (duck::idx i = 1; i <= f.nparams(prepared.value) && i <= parameters.size(); ++i) {
        duck::Value value = make_value(parameters[i - 1], start_.zoned);
        f.bind_value(prepared.value, i, value);
        f.destroy_value(&value);
    }
    Result_ result;
    if (f.execute_prepared(prepared.value, &result.value) != duck::ok)
        return std::unexpected(failure_of(f.result_error(&result.value), false));
    duck::Chunk chunk = f.fetch_chunk(result.value);
    Page page{{CellType::text}};
    if (chunk != nullptr) {
        duck::Type type = f.create_logical_type(duck::type_varchar);
        append_chunk(chunk, {type}, page);
        f.destroy_logical_type(&type);
        f.destroy_data_chunk(&chunk);
    }
    if (page.rows() == 0 || page.is_null(0, 0))
        return std::unexpected(Failure{Error{Code::invalid, "there is no value"}, 0, "22000"});
    return std::string{page.text(0, 0)};
}

Outcome<void> Statement::plan() {
    if (const auto words = wire::sql_words(start_.text, 1);
        explains_ && !words.empty() && (is_sql_word(words[0], "analyze") || is_sql_word(words[0], "(")))
        return std::unexpected(Failure{Error{Code::unsupported,
                                             "EXPLAIN takes a statement and no options: it shows the plan and runs "
                                             "nothing"},
                                       character(start_.text, words[0].at), "0A000"});
    auto told = one_text("SELECT json_serialize_sql($1::VARCHAR)::VARCHAR", {start_.text});
    if (!told) return std::unexpected(std::move(told.error()));
    auto tree = registry::parse_deep_json(with_exact_doubles(*told), kTreeDepthMax);
    if (!tree || !tree->is_object())
        return std::unexpected(Failure{Error{Code::limit, "the statement nests too deep"}, 0, "54001"});
    const JsonObject& object = tree->get_object();
    if (const Json* const failed = object.if_contains("error");
        failed != nullptr && failed->is_bool() && failed->get_bool()) {
        if (text_at(object, "error_type") != "parser")
            return std::unexpected(Failure{Error{Code::denied,
                                                 "only SELECT, FROM, WITH, VALUES, DESCRIBE and SUMMARIZE can be "
                                                 "asked: nothing is changed through SQL"},
                                           1, "42501"});
        std::size_t at = 0;
        const std::string_view position = text_at(object, "position");
        std::from_chars(position.data(), position.data() + position.size(), at);
        const JsonObject parser{{"exception_message", text_at(object, "error_message")}};
        return std::unexpected(Failure{reason_of(parser, Code::invalid), character(start_.text, at), "42601"});
    }
    tree_ = std::move(*tree);
    auto planned = plan_statement(start_.text, tree_, start_.parameters,
                                  [this](const Json& expression) { return evaluate_time(expression); });
    if (!planned) return std::unexpected(std::move(planned.error()));
    plan_ = std::move(*planned);
    // Times that are cut to the microsecond may come twice.
    if (start_.zoned)
        for (Bounds& bounds : plan_.bounds) bounds.newest = 0;
    return {};
}

// An expression as SQL, with the values of the parameters.
std::optional<std::string> Statement::written_out(const Json& expression) {
    static const char* const kFrame =
        R"({"type":"SELECT_NODE","modifiers":[],"cte_map":{"map":[]},"select_list":[],"from_table":)"
        R"({"type":"EMPTY","alias":"","sample":null},)"
        R"("where_clause":null,"group_expressions":[],"group_sets":[],"aggregate_handling":)"
        R"("STANDARD_HANDLING","having":null,"sample":null,"qualify":null})";
    auto node = registry::parse_json(kFrame);
    Json value_of = expression;
    if (!put_parameters(value_of, start_.parameters, start_.zoned)) return std::nullopt;
    node->get_object()["select_list"].get_array().push_back(std::move(value_of));
    JsonObject statement;
    statement["node"] = std::move(*node);
    statement["named_param_map"] = JsonArray{};
    const Json select = JsonObject{{"error", false}, {"statements", JsonArray{std::move(statement)}}};
    auto text = one_text("SELECT json_deserialize_sql($1::JSON)::VARCHAR", {registry::to_text(select)});
    if (!text || !text->starts_with("SELECT ")) return std::nullopt;
    return text->substr(7);
}

// By DuckDB itself, so that it means what it will mean in the statement.
Outcome<std::optional<TimeNs>> Statement::evaluate_time(const Json& expression) {
    const auto value = written_out(expression);
    if (!value) return again();
    const std::string_view as = start_.zoned ? "TIMESTAMPTZ" : "TIMESTAMP_NS";
    const std::string_view also = start_.zoned ? ", 'TIMESTAMP WITH TIME ZONE'" : "";
    const auto found = one_text(
        fmt::format("SELECT CASE WHEN typeof(x) = 'VARCHAR' AND TRY_CAST(x AS {1}) IS NULL THEN 't' || x::VARCHAR "
                    "WHEN typeof(x) IN ('VARCHAR', 'DATE', 'TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', "
                    "'TIMESTAMP_NS'{0}) THEN epoch_ns(TRY_CAST(x AS {1}))::VARCHAR END FROM (SELECT {2} AS x)",
                    also, as, *value),
        {});
    if (!found) return again();
    if (found->starts_with('t')) return std::unexpected(Failure{unreadable_time(found->substr(1)), 0, "22007"});
    TimeNs time = 0;
    const auto [end, error] = std::from_chars(found->data(), found->data() + found->size(), time);
    return error == std::errc{} ? std::optional{time} : std::nullopt;
}

// What could not be worked out is no bound, and has ended the transaction maybe: the statement tells what is wrong, if
// it comes to that.
Outcome<std::optional<TimeNs>> Statement::again() {
    Result_ ended;
    f.query(connection_, "ROLLBACK", &ended.value);
    if (auto begun = begin(); !begun) return std::unexpected(std::move(begun.error()));
    return std::optional<TimeNs>{};
}

Outcome<void> Statement::begin() {
    Result_ begun;
    if (f.query(connection_, "BEGIN TRANSACTION READ ONLY", &begun.value) != duck::ok)  // so that now() is one moment
        return std::unexpected(failure_of(f.result_error(&begun.value), false));
    return {};
}

Outcome<void> Statement::prepare(const std::string& text) {
    f.destroy_prepare(&prepared_);
    prepared_ = nullptr;
    if (f.prepare(connection_, text.c_str(), &prepared_) == duck::ok) return {};
    Failure failure = failure_of(f.prepare_error(prepared_), true);
    const std::lock_guard lock{mutex_};
    if (own_failure_) {
        own_failure_->position = failure.position;
        return std::unexpected(*own_failure_);
    }
    return std::unexpected(std::move(failure));
}

Outcome<void> Statement::bind(duck::Prepared prepared) {
    for (duck::idx i = 1; i <= f.nparams(prepared); ++i) {
        const char* const name = f.parameter_name(prepared, i);
        const std::string told = name == nullptr ? "" : name;
        f.free(const_cast<char*>(name));
        std::size_t number = 0;
        const auto [end, error] = std::from_chars(told.data(), told.data() + told.size(), number);
        if (error != std::errc{} || end != told.data() + told.size() || number == 0)
            return std::unexpected(
                Failure{Error{Code::invalid, "the parameter ${} has a name: number them, as in $1", told}, 0, "42P02"});
        if (number > start_.parameters.size())
            return std::unexpected(
                Failure{Error{Code::invalid, "the parameter ${} was given no value", number}, 0, "08P01"});
        duck::Value value = make_value(start_.parameters[number - 1], start_.zoned);
        const auto bound = f.bind_value(prepared, i, value);
        f.destroy_value(&value);
        if (bound != duck::ok)
            return std::unexpected(
                Failure{Error{Code::invalid, "the value of parameter ${} does not fit", number}, 0, "22P02"});
    }
    return {};
}

namespace {

// The columns that a prepared statement gives, and which of them can be told without a cast.
void describe_columns(duck::Prepared prepared, std::vector<Column>& columns, std::vector<bool>& plain) {
    for (duck::idx i = 0; i < f.prepared_statement_column_count(prepared); ++i) {
        const char* const name = f.prepared_statement_column_name(prepared, i);
        duck::Type type = f.prepared_statement_column_logical_type(prepared, i);
        TypeMeaning meaning = meaning_of(type, name == nullptr ? "" : name);
        f.destroy_logical_type(&type);
        f.free(const_cast<char*>(name));
        columns.push_back(std::move(meaning.column));
        plain.push_back(meaning.plain);
    }
}

// The same of a result.
void describe_columns(duck::Result& result, std::vector<Column>& columns, std::vector<bool>& plain) {
    for (duck::idx i = 0; i < f.column_count(&result); ++i) {
        const char* const name = f.column_name(&result, i);  // stays the result's
        duck::Type type = f.column_logical_type(&result, i);
        TypeMeaning meaning = meaning_of(type, name == nullptr ? "" : name);
        f.destroy_logical_type(&type);
        columns.push_back(std::move(meaning.column));
        plain.push_back(meaning.plain);
    }
}

std::optional<CellType> parameter_type(duck::TypeId id) {
    if (id == duck::type_invalid || id == duck::type_any || id == duck::type_sqlnull) return std::nullopt;
    duck::Type type = f.create_logical_type(id);
    const CellType told = meaning_of(type, "").column.type;
    f.destroy_logical_type(&type);
    return told;
}

// The same rows with every column that is not plain as text.
std::string as_texts(std::string_view text, const std::vector<bool>& plain) {
    std::string select = "SELECT ", names;
    for (std::size_t i = 0; i < plain.size(); ++i) {
        const std::string_view comma = i == 0 ? "" : ", ";
        select += fmt::format("{}{}", comma, plain[i] ? fmt::format("c{}", i) : fmt::format("CAST(c{} AS VARCHAR)", i));
        names += fmt::format("{}c{}", comma, i);
    }
    return fmt::format("{} FROM (\n{}\n) AS gongshu_rows({})", select, without_end(text), names);
}

}  // namespace

// So that texts without an offset, days and what is shown are of that zone, and the tables those whose times have one.
Outcome<void> Statement::enter_zone() {
    std::string zone;
    for (const char c : start_.zone.empty() ? std::string_view{"UTC"} : std::string_view{start_.zone})
        zone += c == '\'' ? "''" : std::string{c};
    Result_ set, entered;
    if (f.query(connection_, fmt::format("SET TimeZone = '{}'", zone).c_str(), &set.value) != duck::ok)
        return std::unexpected(Failure{Error{Code::invalid, "SQL knows no time zone \"{}\"", start_.zone}, 0, "22023"});
    if (f.query(connection_, fmt::format("SET schema = '{}'", kZonedSchema).c_str(), &entered.value) != duck::ok)
        return std::unexpected(failure_of(f.result_error(&entered.value), false));
    return {};
}

Outcome<void> Statement::execute() {
    if (connection_ == nullptr)
        return std::unexpected(Failure{Error{Code::unavailable, "the SQL engine gives no connection"}, 0, "53300"});
    if (start_.zoned) {
        if (auto entered = enter_zone(); !entered) return entered;
    }
    if (auto begun = begin(); !begun) return begun;
    plan_.text = start_.text;
    if (!is_ours_) {
        if (auto planned = plan(); !planned) return planned;
    }
    if (auto prepared = prepare(plan_.text); !prepared) return prepared;
    for (duck::idx i = 1; i <= f.nparams(prepared_); ++i) {
        const char* const name = f.parameter_name(prepared_, i);
        began_.parameters.emplace_back(name == nullptr ? "" : name, parameter_type(f.param_type(prepared_, i)));
        f.free(const_cast<char*>(name));
    }
    std::vector<bool> plain;
    describe_columns(prepared_, began_.columns, plain);
    if (explains_) began_.columns = {{"QUERY PLAN", CellType::text, "VARCHAR"}};
    if (start_.describe_only) {
        send_(began_);
        return {};
    }
    if (explains_) return send_plan();
    if (start_.parquet) return send_parquet();
    if (auto bound = bind(prepared_); !bound) return bound;
    // What it gives can be other than what it would give with values that are not known yet.
    if (!began_.parameters.empty()) {
        if (auto described = describe_with_values(plain); !described) return described;
    }
    const bool as_it_is = std::ranges::all_of(plain, std::identity{});
    if (!as_it_is || !began_.parameters.empty()) {
        if (auto prepared = prepare(as_it_is ? plan_.text : as_texts(plan_.text, plain)); !prepared) return prepared;
        if (auto bound = bind(prepared_); !bound) return bound;
    }
    send_(began_);
    Result_ result;
    if (auto ran = run_prepared(result.value, as_it_is); !ran) return ran;
    return send_rows(result.value, as_it_is);
}

// How it would be run: a line of the plan in each row. Nothing is read for it.
Outcome<void> Statement::send_plan() {
    if (start_.parquet)
        return std::unexpected(
            Failure{Error{Code::invalid, "EXPLAIN gives lines of text: ask for JSON or CSV"}, 0, "0A000"});
    if (auto prepared = prepare("EXPLAIN " + without_end(plan_.text)); !prepared) return prepared;
    if (auto bound = bind(prepared_); !bound) return bound;
    Result_ result;
    if (auto ran = run_prepared(result.value, false); !ran) return ran;
    duck::Chunk chunk = f.fetch_chunk(result.value);
    Page told{{CellType::text, CellType::text}}, lines{{CellType::text}};
    duck::Type text = f.create_logical_type(duck::type_varchar);
    if (chunk != nullptr) append_chunk(chunk, {text, text}, told);
    f.destroy_logical_type(&text);
    f.destroy_data_chunk(&chunk);
    for (std::size_t row = 0; row < told.rows(); ++row) {
        for (std::string_view rest = told.text(1, row); !rest.empty();) {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            lines.add_text(0, rest.substr(0, end));
            lines.end_row();
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    for (const Bounds& bounds : plan_.bounds) {
        lines.add_text(0, "asked of the history: " + to_text(bounds));
        lines.end_row();
    }
    send_(began_);
    if (!wait_for_credit()) return std::unexpected(cancelled_failure());
    if (lines.rows() > 0) send_(AnswerRows{start_.query, std::move(lines)});
    return {};
}

// The columns by a run that gives no rows, and reads none.
Outcome<void> Statement::describe_with_values(std::vector<bool>& plain) {
    const auto text = fmt::format("SELECT * FROM (\n{}\n) AS gongshu_rows LIMIT 0", without_end(plan_.text));
    if (auto prepared = prepare(text); !prepared) return prepared;
    if (auto bound = bind(prepared_); !bound) return bound;
    Result_ result;
    if (f.execute_prepared(prepared_, &result.value) != duck::ok)
        return std::unexpected(failure_of(f.result_error(&result.value), false));
    std::vector<Column> before = std::exchange(began_.columns, {});
    plain.clear();
    describe_columns(result.value, began_.columns, plain);
    // Around it two columns of one name have got two names.
    if (before.size() == began_.columns.size())
        for (std::size_t i = 0; i < before.size(); ++i) began_.columns[i].name = std::move(before[i].name);
    return {};
}

Outcome<void> Statement::run_prepared(duck::Result& result, bool in_plan) {
    duck::Pending pending = nullptr;
    const bool ready = f.pending_prepared_streaming(prepared_, &pending) == duck::ok;
    Failure failure = ready ? Failure{Error{Code::invalid, ""}} : failure_of(f.pending_error(pending), in_plan);
    const bool ran = ready && f.execute_pending(pending, &result) == duck::ok;
    if (ready && !ran) failure = failure_of(f.result_error(&result), in_plan);
    f.destroy_pending(&pending);
    if (!ran) return std::unexpected(std::move(failure));
    return {};
}

Outcome<void> Statement::send_rows(duck::Result& result, bool in_plan) {
    // By what the result itself says: a chunk is read by these types and no others.
    std::vector<duck::Type> types;
    std::vector<CellType> cells;
    bool as_told = f.column_count(&result) == began_.columns.size();
    for (duck::idx i = 0; as_told && i < began_.columns.size(); ++i) {
        types.push_back(f.column_logical_type(&result, i));
        cells.push_back(began_.columns[i].type);
        const TypeMeaning meaning = meaning_of(types.back(), "");
        as_told = meaning.plain && (cells.back() == meaning.column.type ||
                                    (cells.back() == CellType::other && meaning.column.type == CellType::text));
    }
    Outcome<void> outcome;
    if (!as_told)
        outcome = std::unexpected(
            Failure{Error{Code::invalid, "the types of the columns follow from values: cast them, as in $1::DOUBLE"}, 0,
                    "42P18"});
    Page page{cells};
    while (outcome) {
        duck::Chunk chunk = f.fetch_chunk(result);
        const bool end = chunk == nullptr;
        const bool fits = end || append_chunk(chunk, types, page);
        f.destroy_data_chunk(&chunk);
        const char* const told = f.result_error(&result);
        if (end && told != nullptr && *told != '\0') outcome = std::unexpected(failure_of(told, in_plan));
        if (!fits)
            outcome = std::unexpected(Failure{
                Error{Code::invalid, "a time of the answer lies outside of the years 1678 to 2262"}, 0, "22008"});
        if (page.bytes() > kRowBytesMax)
            outcome = std::unexpected(
                Failure{Error{Code::limit, "a row of the answer has more than {} MB: leave out or shorten its texts",
                              kRowBytesMax >> 20},
                        0, "54000"});
        if (outcome && (page.told_bytes() >= Query::kPageBytes || (end && page.rows() > 0))) {
            if (!wait_for_credit()) {
                outcome = std::unexpected(cancelled_failure());
                break;
            }
            send_(AnswerRows{start_.query, std::exchange(page, Page{cells})});
        }
        if (end) break;
    }
    for (duck::Type& type : types) f.destroy_logical_type(&type);
    return outcome;
}

Result<void> Outputs::make() {
    auto free = free_.lock();
    for (std::size_t i = 0; i < kOutputs; ++i) {
        all_.push_back(TRY(io::make_named_pipe(fmt::format("/gongshu/answer{}.parquet", i))));
        free->push_back(all_.back().get());
    }
    return {};
}

std::vector<const io::NamedFile*> Outputs::files() const {
    std::vector<const io::NamedFile*> files;
    for (const auto& one : all_) files.push_back(one.get());
    return files;
}

io::NamedPipe* Outputs::take() {
    auto free = free_.lock();
    if (free->empty()) return nullptr;
    io::NamedPipe* const one = free->back();
    free->pop_back();
    return one;
}

void Outputs::give_back(io::NamedPipe* pipe) { free_.lock()->push_back(pipe); }

Outcome<void> Statement::send_parquet() {
    io::NamedPipe* const pipe = outputs_.take();
    if (pipe == nullptr)
        return std::unexpected(Failure{
            Error{Code::limit, "{} Parquet files are being written already: wait until one is done", Outputs::kOutputs},
            0, "53300"});
    auto sent = send_file(*pipe);
    outputs_.give_back(pipe);
    return sent;
}

// The library writes on a thread of its own while this one reads what it wrote. Nothing stays in the pipe.
Outcome<void> Statement::send_file(io::NamedPipe& pipe) {
    const std::string copy = fmt::format("COPY (\n{}\n) TO '{}' (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)",
                                         without_end(plan_.text), pipe.path());
    f.destroy_prepare(&prepared_);
    prepared_ = nullptr;
    if (f.prepare(connection_, copy.c_str(), &prepared_) != duck::ok)
        return std::unexpected(failure_of(f.prepare_error(prepared_), false));
    if (auto bound = bind(prepared_); !bound) return bound;
    began_.columns = {{"parquet", CellType::text, "BLOB"}};
    send_(began_);
    Result_ result;
    bool ran = false;
    std::atomic<bool> is_over = false;
    std::thread writer{[&] {
        ran = f.execute_prepared(prepared_, &result.value) == duck::ok;
        is_over = true;
    }};
    std::vector<std::uint8_t> bytes(Query::kPageBytes);
    bool wanted = true;
    for (;;) {
        const bool was_over = is_over;
        const auto count = pipe.read(bytes, was_over ? 0 : kPoll);
        if (!count && was_over) break;
        if (!count || !wanted) continue;
        wanted = wait_for_credit();
        Page page{{CellType::text}};
        page.add_text(0, as_text(Bytes{bytes}.subspan(0, *count)));
        page.end_row();
        if (wanted) send_(AnswerRows{start_.query, std::move(page)});
    }
    writer.join();
    if (!wanted) return std::unexpected(cancelled_failure());
    if (!ran) return std::unexpected(failure_of(f.result_error(&result.value), false));
    return {};
}

void Statement::run() {
    auto outcome = execute();
    f.destroy_prepare(&prepared_);
    prepared_ = nullptr;
    const auto cpu_seconds = static_cast<std::uint32_t>(std::clock() / CLOCKS_PER_SEC);
    if (outcome) return send_(Ended{start_.query, cpu_seconds});
    Failure failure = std::move(outcome.error());
    {
        const std::lock_guard lock{mutex_};
        if (own_failure_ && !is_cancelled()) failure = *own_failure_;
    }
    send_(Failed{start_.query, failure.error.code(), failure.position, failure.sqlstate, failure.error.text(),
                 cpu_seconds});
}

bool Statement::wait_for_credit() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return credit_ > 0 || is_cancelled(); });
    if (is_cancelled()) return false;
    --credit_;
    return true;
}

void Statement::more() {
    const std::lock_guard lock{mutex_};
    ++credit_;
    changed_.notify_all();
}

void Statement::cancel() {
    const std::lock_guard lock{mutex_};
    cancelled_ = true;
    changed_.notify_all();
    if (connection_ != nullptr) f.interrupt(connection_);
}

ScanNumber Statement::open(Open open) {
    std::unique_lock lock{mutex_};
    open.query = start_.query;
    open.scan = next_scan_++;
    scans_.try_emplace(open.scan);
    lock.unlock();
    send_(open);
    for (unsigned i = 0; i < kScanAhead; ++i) send_(Want{start_.query, open.scan});
    return open.scan;
}

void Statement::close_scan(ScanNumber scan) {
    {
        const std::lock_guard lock{mutex_};
        scans_.erase(scan);
    }
    send_(CloseScan{start_.query, scan});
}

Outcome<std::optional<Page>> Statement::take(ScanNumber number) {
    std::unique_lock lock{mutex_};
    Scan& scan = scans_[number];
    changed_.wait(lock, [&] { return is_cancelled() || !scan.batches.empty() || scan.failure || scan.last; });
    if (is_cancelled()) return std::unexpected(cancelled_failure());
    if (!scan.batches.empty()) {
        std::optional<Page> page = std::move(scan.batches.front());
        scan.batches.pop_front();
        const bool wants = !scan.last;
        lock.unlock();
        if (wants) send_(Want{start_.query, number});
        return page;
    }
    if (scan.failure) {
        if (!own_failure_) own_failure_ = scan.failure;
        return std::unexpected(*scan.failure);
    }
    return std::optional<Page>{};
}

void Statement::on_rows(ScanRows rows) {
    const std::lock_guard lock{mutex_};
    const auto found = scans_.find(rows.scan);
    if (found == scans_.end()) return;
    if (rows.page.rows() > 0) found->second.batches.push_back(std::move(rows.page));
    found->second.last = found->second.last || rows.last;
    changed_.notify_all();
}

void Statement::on_failed(ScanFailed failed) {
    const std::lock_guard lock{mutex_};
    const auto found = scans_.find(failed.scan);
    if (found == scans_.end()) return;
    const std::string_view state = failed.code == Code::denied  ? "42501"
                                   : failed.code == Code::limit ? "54000"
                                                                : "22023";
    found->second.failure = Failure{Error{failed.code, "{}", failed.text}, 0, std::string{state}};
    changed_.notify_all();
}

void Statement::keep_failure(Failure failure) {
    const std::lock_guard lock{mutex_};
    if (!own_failure_) own_failure_ = std::move(failure);
}

}  // namespace gongshu::sql
