#include <algorithm>

#include "base/utf8.h"
#include "pg/catalog.h"
#include "pg/rows.h"
#include "pg/session.h"

namespace gongshu::pg {

namespace {

constexpr std::size_t kStatementsOfQueryMax = 1'000;

Trouble no_such(std::string_view what, const std::string& name, const char* sqlstate) {
    return {sqlstate, fmt::format("there is no {} \"{}\"", what, cut_utf8(name, 100))};
}

}  // namespace

void Session::later(void (Session::*work)()) {
    hub_.deps.loop.post([weak = weak_from_this(), serial = serial_, work] {
        const auto self = weak.lock();
        if (!self || self->serial_ != serial) return;
        ((*self).*work)();
        self->go_on();
    });
}

void Session::ready() {
    state_ = State::ready;
    simple_ = false;
    wire::write_pg_ready(out_, status_);
    deadline_ = hub_.deps.loop.clock().monotonic() + hub_.options.idle_max;
}

// What went wrong ends the statement; a transaction has failed then, and a client that sends ahead is not heard before
// its next Sync.
void Session::trouble(const Trouble& trouble) {
    hub_.failures.add();
    wire::write_pg_error(out_, {.sqlstate = trouble.sqlstate.size() == 5 ? trouble.sqlstate : "XX000",
                                .message = trouble.message,
                                .hint = trouble.hint,
                                .position = trouble.position});
    if (status_ == 'T') status_ = 'E';
    running_.reset();
    sending_.reset();
    then_ = nullptr;
    if (simple_) {
        waiting_.clear();
        return ready();
    }
    skipping_ = true;
    state_ = State::ready;
}

void Session::on_message(wire::PgMessage& message) {
    if (std::holds_alternative<wire::PgSync>(message)) return on_sync();
    if (skipping_ || std::holds_alternative<wire::PgCopy>(message)) return;  // COPY itself was refused
    cancelled_ = false;
    if (const auto* query = std::get_if<wire::PgQuery>(&message)) return on_query(*query);
    if (auto* parse = std::get_if<wire::PgParse>(&message)) return on_parse(*parse);
    if (auto* bind = std::get_if<wire::PgBind>(&message)) return on_bind(*bind);
    if (const auto* describe = std::get_if<wire::PgDescribe>(&message)) return on_describe(*describe);
    if (const auto* execute = std::get_if<wire::PgExecute>(&message)) return on_execute(*execute);
    if (const auto* close = std::get_if<wire::PgClose>(&message)) return on_close_message(*close);
    if (std::holds_alternative<wire::PgFlush>(message)) return flush();
    if (std::holds_alternative<wire::PgFunctionCall>(message)) {
        simple_ = true;  // it is answered as a Query is
        return trouble({"0A000", "functions are called in SELECT here"});
    }
    fatal("08P01", "a password comes after the sign-in");
}

// ---- Query ----------------------------------------------------------------------------------------------------------

void Session::on_query(const wire::PgQuery& query) {
    state_ = State::working;
    simple_ = true;
    statements_.erase("");
    portals_.erase("");
    const auto statements = wire::sql_statements(query.text);
    if (statements.empty()) {
        wire::write_pg_empty_query(out_);
        return ready();
    }
    if (statements.size() > kStatementsOfQueryMax)
        return trouble({"54000", fmt::format("{} statements come at once; at most {} are taken", statements.size(),
                                             kStatementsOfQueryMax)});
    waiting_.clear();
    for (const std::string_view statement : statements) {
        const auto at = static_cast<std::size_t>(statement.data() - query.text.data());
        waiting_.emplace_back(std::string(statement), utf8_characters(std::string_view(query.text).substr(0, at)));
    }
    next_of_query();
}

void Session::next_of_query() {
    if (waiting_.empty()) {
        if (status_ == 'I') portals_.clear();
        return ready();
    }
    auto portal = std::make_shared<Portal>();
    portal->text = std::move(waiting_.front().first);
    portal->at = waiting_.front().second;
    portal->verb = wire::sql_verb(portal->text);
    waiting_.pop_front();
    open(portal, [this, portal] {
        if (!portal->fields.empty()) wire::write_pg_row_description(out_, portal->fields);
        send_rows(portal, 0, [this] { later(&Session::next_of_query); });
    });
}

// ---- the extended protocol ------------------------------------------------------------------------------------------

std::size_t Session::statement_bytes() const {
    std::size_t bytes = 0;
    for (const auto& [name, statement] : statements_) bytes += statement.text.size();
    return bytes;
}

void Session::on_parse(wire::PgParse& parse) {
    if (parse.text.size() > sql::Question::kTextBytesMax)
        return trouble({"54000", fmt::format("the statement has more than {} KB", sql::Question::kTextBytesMax >> 10)});
    const auto statements = wire::sql_statements(parse.text);
    if (statements.size() > 1) return trouble({"42601", "one statement can be prepared at a time, this is more"});
    if (!parse.statement.empty() && statements_.contains(parse.statement))
        return trouble({"42P05", fmt::format("the statement \"{}\" is there already", cut_utf8(parse.statement, 100))});
    const std::size_t others = statements_.size() - statements_.count(parse.statement);  // the unnamed one is replaced
    if (others >= hub_.options.statements_max ||
        statement_bytes() + parse.text.size() > hub_.options.statement_bytes_max)
        return trouble({"54000", fmt::format("{} statements are prepared, the limit of a session", statements_.size()),
                        "Close some of them, or DEALLOCATE ALL."});
    Statement statement;
    if (!statements.empty()) statement.text = statements.front();
    statement.verb = wire::sql_verb(statement.text);
    statement.types = std::move(parse.types);
    if (const auto number = list_elsewhere(statement.text))
        return trouble({"0A000",
                        fmt::format("${} is a list and stands elsewhere too, where a list is nothing", *number),
                        "Give what stands elsewhere as a parameter of its own."});
    statement.lists = list_parameters(statement.text);
    statements_.insert_or_assign(parse.statement, std::move(statement));
    wire::write_pg_parse_complete(out_);
}

std::expected<sql::Cell, Trouble> Session::value_of(std::size_t number, wire::PgType type, wire::PgFormat format,
                                                    const std::optional<std::string>& value) const {
    if (!value) return sql::Cell{};
    auto read = wire::read_pg_value(type, format, *value);
    if (read) return cell_of(std::move(*read), settings_->zone());
    return std::unexpected(Trouble{"22P02", fmt::format("parameter ${}: {}", number, read.error().text())});
}

// What a client says of the type of a parameter, or SQL; of a list of that of its members.
namespace {

wire::PgType told_type(const Statement& statement, std::size_t i) {
    const auto list = statement.lists.find(i + 1);
    auto type = wire::PgType::unspecified;
    if (i < statement.types.size()) type = static_cast<wire::PgType>(statement.types[i]);
    if (list != statement.lists.end()) {
        type = element_of(static_cast<std::uint32_t>(type));
        if (type == wire::PgType::unspecified) type = list->second.element;
    }
    if (type == wire::PgType::unspecified && statement.described && i < statement.described->parameters.size()) {
        const auto& found = statement.described->parameters[i];
        if (found) type = type_of(*found);
    }
    return type;
}

}  // namespace

// A list becomes as many parameters as it has members, the first in its own place.
std::expected<std::shared_ptr<Portal>, Trouble> Session::portal_of(const wire::PgBind& bind,
                                                                   const Statement& statement) const {
    auto portal = std::make_shared<Portal>();
    portal->verb = statement.verb;
    portal->parameters.resize(bind.values.size());
    std::map<std::size_t, std::vector<std::size_t>> members;
    for (std::size_t i = 0; i < bind.values.size(); ++i) {
        wire::PgFormat format = wire::PgFormat::text;
        if (!bind.formats.empty()) format = bind.formats[bind.formats.size() == 1 ? 0 : i];
        std::vector<std::optional<std::string>> values{bind.values[i]};
        const bool is_list = statement.lists.contains(i + 1);
        if (is_list && bind.values[i]) {
            if (format == wire::PgFormat::binary)
                return std::unexpected(
                    Trouble{"0A000", fmt::format("parameter ${}: a list is taken as text, not in binary", i + 1)});
            auto read = read_pg_array(*bind.values[i]);
            if (!read)
                return std::unexpected(Trouble{"22P02", fmt::format("parameter ${}: {}", i + 1, read.error().text())});
            values = std::move(*read);
            format = wire::PgFormat::text;
        }
        for (std::size_t k = 0; k < values.size(); ++k) {
            auto cell = value_of(i + 1, told_type(statement, i), format, values[k]);
            if (!cell) return std::unexpected(cell.error());
            const std::size_t place = k == 0 ? i : portal->parameters.size();
            if (k > 0) portal->parameters.emplace_back();
            portal->parameters[place] = std::move(*cell);
            if (is_list) members[i + 1].push_back(place + 1);
        }
        if (is_list) members.try_emplace(i + 1);
    }
    portal->text = statement.text;
    if (!members.empty()) {
        auto text = with_members(statement.text, members, sql::Question::kTextBytesMax);
        if (!text) return std::unexpected(Trouble{"54000", text.error().text()});
        portal->text = std::move(*text);
    }
    portal->translated = !members.empty();
    return portal;
}

void Session::on_bind(wire::PgBind& bind) {
    const auto found = statements_.find(bind.statement);
    if (found == statements_.end()) return trouble(no_such("statement", bind.statement, "26000"));
    if (!bind.portal.empty() && portals_.contains(bind.portal))
        return trouble({"42P03", fmt::format("the portal \"{}\" is there already", cut_utf8(bind.portal, 100))});
    if (portals_.size() >= hub_.options.portals_max)
        return trouble({"54000", fmt::format("{} portals are open, the limit of a session", portals_.size())});
    auto portal = portal_of(bind, found->second);
    if (!portal) return trouble(portal.error());
    (*portal)->formats = std::move(bind.result_formats);
    portals_.insert_or_assign(bind.portal, std::move(*portal));
    wire::write_pg_bind_complete(out_);
}

void Session::on_describe(const wire::PgDescribe& describe) {
    state_ = State::working;
    if (describe.what == 'S') return describe_statement(describe.name);
    describe_portal(describe.name);
}

void Session::describe_statement(const std::string& name) {
    const auto found = statements_.find(name);
    if (found == statements_.end()) return trouble(no_such("statement", name, "26000"));
    const Statement& statement = found->second;
    const auto tell = [this](const Statement& known) {
        std::vector<std::uint32_t> types = known.types;
        if (known.described && types.size() < known.described->parameters.size())
            types.resize(known.described->parameters.size());
        for (std::size_t i = 0; i < types.size(); ++i) {
            if (types[i] != 0) continue;
            const bool said =
                known.described && i < known.described->parameters.size() && known.described->parameters[i];
            const wire::PgType type = said ? type_of(*known.described->parameters[i]) : wire::PgType::text;
            types[i] = known.lists.contains(i + 1) ? array_of(type) : static_cast<std::uint32_t>(type);
        }
        wire::write_pg_parameter_description(out_, types);
        const auto fields = known.described ? fields_of(known.described->columns, {}) : std::vector<wire::PgField>{};
        if (fields->empty())
            wire::write_pg_no_data(out_);
        else
            wire::write_pg_row_description(out_, *fields);
        state_ = State::ready;
    };
    if (statement.described || statement.text.empty()) return tell(statement);
    if (statement.verb == wire::SqlVerb::show) {
        Portal portal{.text = statement.text, .verb = statement.verb};
        if (const auto shown = show(portal); !shown) return trouble(shown.error());
        wire::write_pg_parameter_description(out_, {});
        wire::write_pg_row_description(out_, portal.fields);
        state_ = State::ready;
        return;
    }
    if (statement.verb == wire::SqlVerb::fetch) {
        Portal portal{.text = statement.text, .verb = statement.verb};
        if (const auto cursor = find_cursor(portal); !cursor) return trouble(cursor.error());
        wire::write_pg_parameter_description(out_, {});
        wire::write_pg_row_description(out_, portal.fields);
        state_ = State::ready;
        return;
    }
    if (statement.verb != wire::SqlVerb::other) return tell(statement);
    std::map<std::size_t, std::vector<std::size_t>> members;
    for (const auto& [number, list] : statement.lists) members[number] = {number};
    const auto with_lists = with_members(statement.text, members, sql::Question::kTextBytesMax);
    if (!with_lists) return trouble({"54000", with_lists.error().text()});
    const std::string& text = *with_lists;
    const auto translated = translate(text, *settings_);
    sql::Question question = question_of(translated.value_or(text), {});
    const auto on_described = [this, name, tell](sql::Outcome<sql::Description> described) {
        starting_ = nullptr;
        const auto again = statements_.find(name);
        if (!described) return trouble(trouble_of(described.error(), {}));
        if (again == statements_.end()) return trouble(no_such("statement", name, "26000"));
        again->second.described = std::move(*described);
        tell(again->second);
    };
    starting_ = hub_.deps.engine.describe(std::move(question), on_loop<sql::Outcome<sql::Description>>(on_described));
}

void Session::describe_portal(const std::string& name) {
    const auto found = portals_.find(name);
    if (found == portals_.end()) return trouble(no_such("portal", name, "34000"));
    const auto portal = found->second;
    const auto tell = [this, portal] {
        if (portal->fields.empty())
            wire::write_pg_no_data(out_);
        else
            wire::write_pg_row_description(out_, portal->fields);
        state_ = State::ready;
    };
    // What changes something is not done before it is executed.
    const bool gives_rows = portal->verb == wire::SqlVerb::other || portal->verb == wire::SqlVerb::show ||
                            portal->verb == wire::SqlVerb::fetch;
    if (!gives_rows || portal->text.empty()) return tell();
    open(portal, tell);
}

void Session::on_execute(const wire::PgExecute& execute) {
    const auto found = portals_.find(execute.portal);
    if (found == portals_.end()) return trouble(no_such("portal", execute.portal, "34000"));
    const auto portal = found->second;
    if (portal->text.empty()) return wire::write_pg_empty_query(out_);
    state_ = State::working;
    const std::uint64_t rows_max = execute.rows_max > 0 ? static_cast<std::uint64_t>(execute.rows_max) : 0;
    open(portal, [this, portal, rows_max] { send_rows(portal, rows_max, [this] { state_ = State::ready; }); });
}

void Session::on_close_message(const wire::PgClose& close) {
    if (close.what == 'S')
        statements_.erase(close.name);
    else
        portals_.erase(close.name);
    wire::write_pg_close_complete(out_);
}

void Session::on_sync() {
    skipping_ = false;
    if (status_ == 'I') portals_.clear();
    ready();
}

}  // namespace gongshu::pg
