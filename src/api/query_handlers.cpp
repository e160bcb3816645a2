#include <algorithm>
#include <cmath>
#include <mutex>

#include "api/handlers.h"
#include "api/sql_door.h"
#include "base/log.h"
#include "registry/json.h"
#include "sql/csv.h"

namespace gongshu::api {

namespace {

constexpr DurationNs kTimeMax = 5 * kMinute;
constexpr std::size_t kKeptBytes = 1 << 20;  // an answer that fails before that much is a refusal, not a part
constexpr DurationNs kWatch = 200 * kMillisecond;
constexpr std::string_view kDoor = "sql";

enum class Format : std::uint8_t { json, csv, parquet };

// What fits into a double's digits is a number, more stays exact as a text.
void write_decimal(JsonWriter& out, std::string_view digits) {
    digits.size() <= 15 ? out.raw(digits) : out.text(digits);
}

Answer failure_answer(Core& core, const sql::Failure& failure, std::string_view language) {
    const std::string members = fmt::format("\"sqlstate\":\"{}\",\"position\":{}", failure.sqlstate, failure.position);
    return problem(core, failure.error, {.members = members, .language = language});
}

// The pages of a statement, rendered as they come.
class QueryPieces final : public Pieces, public std::enable_shared_from_this<QueryPieces> {
public:
    QueryPieces(std::shared_ptr<Core> core, TenantId tenant, std::shared_ptr<sql::Query> query, Format format,
                Units units, std::string language)
        : core_(std::move(core)),
          tenant_(tenant),
          query_(std::move(query)),
          format_(format),
          units_(units),
          language_(std::move(language)) {}

    bool wait(std::function<void()> ready) override {
        {
            const std::lock_guard lock{mutex_};
            if (next_) return false;
            ready_ = std::move(ready);
            if (std::exchange(asked_, true)) return true;
        }
        query_->next([weak = weak_from_this()](sql::Outcome<sql::Page> page) {
            if (const auto self = weak.lock()) self->take(std::move(page));
        });
        return true;
    }

    // After wait() said that there is something, or called back.
    sql::Outcome<bool> render(std::string& out) {
        std::optional<sql::Outcome<sql::Page>> page;
        {
            const std::lock_guard lock{mutex_};
            page.swap(next_);
        }
        if (!page) return true;
        if (!*page) return std::unexpected(page->error());
        if (format_ == Format::parquet) return file_piece(out, **page);
        if (!std::exchange(begun_, true)) begin(out);
        const std::size_t rows = (*page)->rows();
        for (std::size_t row = 0; row < rows; ++row)
            format_ == Format::json ? json_row(out, **page, row) : sql::append_csv_row(out, **page, row);
        rows_ += rows;
        if (rows > 0) return true;
        if (format_ == Format::json) out.append("]}");
        core_->deps.egress.left(tenant_, kDoor, rows_, 0);
        return false;
    }

    Result<bool> next(std::string& out) override {
        auto rendered = render(out);
        if (rendered) return *rendered;
        append_reason(out, rendered.error());
        return rendered.error().error;
    }

private:
    void take(sql::Outcome<sql::Page> page) {
        std::function<void()> ready;
        {
            const std::lock_guard lock{mutex_};
            next_ = std::move(page);
            asked_ = false;
            ready.swap(ready_);
        }
        if (ready) ready();
    }

    // The rows before have gone already; the connection is cut behind this. A Parquet file that ends early is none.
    void append_reason(std::string& out, const sql::Failure& failure) const {
        if (format_ == Format::json)
            out.append("],\"error\":").append(failure_answer(*core_, failure, language_).body).push_back('}');
        if (format_ == Format::csv) sql::append_csv_text(out, "error: " + told(language_, failure.error.text()));
    }

    sql::Outcome<bool> file_piece(std::string& out, const sql::Page& page) {
        for (std::size_t row = 0; row < page.rows(); ++row) {
            out.append(page.text(0, row));
            bytes_ += page.text(0, row).size();
        }
        if (page.rows() > 0) return true;
        core_->deps.egress.left(tenant_, kDoor, 0, bytes_);
        return false;
    }

    void begin(std::string& out) const {
        if (format_ == Format::csv) {
            sql::append_csv_head(out, query_->columns());
            return;
        }
        JsonWriter json{out};
        json.begin_object().key("columns").begin_array();
        for (const sql::Column& column : query_->columns())
            json.begin_object()
                .key("name")
                .text(column.name)
                .key("type")
                .text(to_string(column.type))
                .key("sql")
                .text(column.declared)
                .end_object();
        json.end_array().key("rows").begin_array();
    }

    void json_row(std::string& out, const sql::Page& page, std::size_t row) const {
        if (rows_ + row > 0) out.push_back(',');
        JsonWriter json{out};
        json.begin_array();
        for (std::size_t i = 0; i < page.columns(); ++i) {
            if (page.is_null(i, row)) {
                json.null();
                continue;
            }
            switch (page.type(i)) {
                case sql::CellType::boolean:
                    json.boolean(page.boolean(i, row));
                    break;
                case sql::CellType::integer:
                    json.safe_integer(page.integer(i, row));
                    break;
                case sql::CellType::number:
                    json.number(page.number(i, row));
                    break;
                case sql::CellType::time:
                    json.integer(units_.time(page.integer(i, row)));
                    break;
                case sql::CellType::date:
                    json.text(format_date(static_cast<std::int32_t>(page.integer(i, row))));
                    break;
                case sql::CellType::decimal:
                    write_decimal(json, page.text(i, row));
                    break;
                case sql::CellType::text:
                case sql::CellType::other:
                    json.text(page.text(i, row));
                    break;
            }
        }
        json.end_array();
    }

    const std::shared_ptr<Core> core_;
    const TenantId tenant_;
    const std::shared_ptr<sql::Query> query_;
    const Format format_;
    const Units units_;
    const std::string language_;
    bool begun_ = false;
    std::uint64_t rows_ = 0, bytes_ = 0;
    std::mutex mutex_;
    bool asked_ = false;
    std::function<void()> ready_;
    std::optional<sql::Outcome<sql::Page>> next_;
};

// One question on its way to its first page.
struct Asked {
    std::shared_ptr<Core> core;
    std::weak_ptr<Ask> ask;  // gone with its connection
    Done done;
    registry::Actor actor;
    std::string language;
    Format format = Format::json;
    Units units;
    sql::Engine::Cancel cancel;  // of the loop
    Guarded<std::shared_ptr<sql::Query>> query;
    std::atomic<bool> answered = false;
};

void fail(const std::shared_ptr<Asked>& asked, const sql::Failure& failure) {
    if (asked->answered.exchange(true)) return;
    if (failure.error.code() == Code::denied) {
        const auto job = [core = asked->core, actor = asked->actor] {
            core->deps.registry.audit(actor, "query", "", "/api/v1/query", "", false);
        };
        if (!asked->core->deps.pool.submit(job))
            log_warning("api", "a refused statement is not in the audit: too much to do");
    }
    asked->done(failure_answer(*asked->core, failure, asked->language));
}

void answer_first(const std::shared_ptr<Asked>& asked, const std::shared_ptr<QueryPieces>& pieces, std::string begin);

// On the pool, or where the page came if that is full.
void answer_when_there(const std::shared_ptr<Asked>& asked, const std::shared_ptr<QueryPieces>& pieces,
                       std::string begin) {
    const auto go_on = [asked, pieces, begin = std::make_shared<std::string>(std::move(begin))] {
        const auto job = [asked, pieces, begin] { answer_first(asked, pieces, std::move(*begin)); };
        if (!asked->core->deps.pool.submit(job)) job();
    };
    if (!pieces->wait(go_on)) go_on();
}

// The beginning is kept until it is clear that there is more than that: so far whatever goes wrong is told in place of
// it.
void answer_first(const std::shared_ptr<Asked>& asked, const std::shared_ptr<QueryPieces>& pieces, std::string begin) {
    Answer answer{.body = std::move(begin)};
    auto more = pieces->render(answer.body);
    if (!more) return fail(asked, more.error());
    if (*more && answer.body.size() < kKeptBytes) return answer_when_there(asked, pieces, std::move(answer.body));
    if (asked->answered.exchange(true)) return;
    if (*more) answer.pieces = pieces;
    answer.door = kDoor;
    if (asked->format == Format::csv) {
        answer.media_type = "text/csv; charset=utf-8";
        answer.headers.push_back({"content-disposition", "attachment; filename=\"rows.csv\""});
    } else if (asked->format == Format::parquet) {
        answer.media_type = "application/vnd.apache.parquet";
        answer.headers.push_back({"content-disposition", "attachment; filename=\"rows.parquet\""});
    }
    asked->done(std::move(answer));
}

void on_started(const std::shared_ptr<Asked>& asked, sql::Outcome<std::shared_ptr<sql::Query>> started) {
    if (!started) return fail(asked, started.error());
    if (asked->ask.expired()) return;  // nobody waits for it any more: it ends with `started`
    *asked->query.lock() = *started;
    auto pieces = std::make_shared<QueryPieces>(asked->core, asked->actor.tenant, std::move(*started), asked->format,
                                                asked->units, asked->language);
    answer_when_there(asked, pieces, {});
}

// Until the first page is there: whoever went away does not want it any more.
void watch(const std::shared_ptr<Asked>& asked) {
    if (asked->answered) return;
    if (asked->ask.expired()) {
        asked->cancel();
        if (const auto query = *asked->query.lock()) query->cancel();
        return;
    }
    asked->core->deps.loop.after(kWatch, [asked] { watch(asked); });
}

Result<std::vector<sql::Cell>> parse_parameters(const Json* json) {
    std::vector<sql::Cell> cells;
    if (json == nullptr || json->is_null()) return cells;
    if (!json->is_array()) return Error{Code::invalid, "parameters: expected a list"};
    for (const Json& one : json->get_array()) {
        if (one.is_null())
            cells.emplace_back();
        else if (one.is_bool())
            cells.emplace_back(one.get_bool());
        else if (one.is_int64())
            cells.emplace_back(one.get_int64());
        else if (one.is_double())
            cells.emplace_back(one.get_double());
        else if (one.is_string())
            cells.emplace_back(std::string{std::string_view{one.get_string()}});
        else
            return Error{Code::invalid, "parameters: expected texts, numbers, true, false or null"};
    }
    return cells;
}

Result<sql::Question> parse_question(Core& core, const Ask& ask) {
    auto fields = TRY(Fields::parse(ask.http.body));
    sql::Question question;
    question.text = TRY(fields.text("sql"));
    question.parameters = TRY(parse_parameters(fields.find("parameters")));
    question.zone = TRY(fields.text_or("zone", ""));
    if (fields.find("limit") != nullptr) {
        const auto limit = TRY(fields.number("limit"));
        if (limit < 1 || limit > question.limits.rows_max)
            return Error{Code::invalid, "limit: expected a whole number of 1 to {}", question.limits.rows_max};
        question.limits.rows_max = limit;
    }
    if (const std::string timeout = TRY(fields.text_or("timeout", "")); !timeout.empty()) {
        question.limits.time_max = TRY(parse_duration(timeout).context("timeout"));
        if (question.limits.time_max > kTimeMax)
            return Error{Code::invalid, "timeout: at most {} s", kTimeMax / kSecond};
    }
    TRY(fields.done());
    question.asker = sql_asker(core.shared_from_this(), ask.who, kDoor, std::string{ask.value("purpose")});
    return question;
}

Result<Format> parse_format(const Ask& ask) {
    const std::string_view format = ask.value("format");
    if (format.empty() || format == "json") return Format::json;
    if (format == "csv") return Format::csv;
    if (format == "parquet") return Format::parquet;
    return Error{Code::invalid, "format: \"{}\" is none of json, csv, parquet", format.substr(0, 40)};
}

}  // namespace

void post_query(Core& core, const AskPtr& ask, Done done) {
    if (core.deps.sql == nullptr) return done(Error{Code::unavailable, "this server answers no SQL"});
    auto question = parse_question(core, *ask);
    if (!question) return done(std::move(question.error()));
    const auto format = parse_format(*ask);
    if (!format) return done(format.error());
    const auto units = parse_units(*ask);
    if (!units) return done(units.error());
    auto asked = std::make_shared<Asked>();
    asked->core = core.shared_from_this();
    asked->ask = ask;
    asked->done = std::move(done);
    asked->actor = ask->who.actor;
    asked->language = language_of(*ask);
    asked->format = *format;
    asked->units = *units;
    question->parquet = *format == Format::parquet;
    asked->cancel =
        core.deps.sql->start(std::move(*question), [asked](auto started) { on_started(asked, std::move(started)); });
    watch(asked);
}

}  // namespace gongshu::api
