#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "base/utf8.h"
#include "pg/catalog.h"
#include "pg/rows.h"
#include "pg/session.h"
#include "registry/registry.h"

namespace gongshu::pg {

namespace {

constexpr std::size_t kSliceBytes = 64 << 10;  // of rows in one turn of the loop: well under a millisecond

using wire::SqlVerb;

}  // namespace

sql::Question Session::question_of(const std::string& text, std::vector<sql::Cell> parameters) const {
    sql::Question out;
    out.asker = hub_.deps.asker(who_, settings_->value("application_name"));
    out.text = text;
    out.parameters = std::move(parameters);
    out.zone = settings_->zone().name();
    out.zoned = true;
    out.limits = hub_.options.limits;
    if (const DurationNs timeout = settings_->statement_timeout(); timeout > 0)
        out.limits.time_max = std::min(out.limits.time_max, timeout);
    return out;
}

Trouble Session::trouble_of(const sql::Failure& failure, const Portal& portal) {
    if (failure.error.code() == Code::denied) {
        const auto job = [&registry = hub_.deps.registry, actor = who_.actor] {
            registry.audit(actor, "query", "", kDoorName, "{}", false);
        };
        if (!hub_.deps.pool.submit(job))
            log_warning("pg", "a refused statement of {} is not in the audit: too much to do", who_.actor.who);
    }
    const bool placed = failure.position > 0 && !portal.translated;
    return {failure.sqlstate, failure.error.text(), "",
            placed ? failure.position + static_cast<std::uint32_t>(portal.at) : 0};
}

Session::Local Session::may_run(SqlVerb verb) const {
    if (status_ == 'E' && verb != SqlVerb::commit && verb != SqlVerb::rollback && verb != SqlVerb::savepoint)
        return std::unexpected(Trouble{"25P02", "the transaction has failed: nothing is done before ROLLBACK"});
    if (verb == SqlVerb::write)
        return std::unexpected(Trouble{"25006", "this door reads only: nothing can be written by SQL",
                                       "Send readings to POST /api/v1/write or by MQTT."});
    if (verb == SqlVerb::copy)
        return std::unexpected(Trouble{"0A000", "there is no COPY here",
                                       "Read with SELECT; psql writes files with \\g and \\pset format csv."});
    return {};
}

// ---- opening --------------------------------------------------------------------------------------------------------

// Runs what has to run before the columns are known, then `then`; or tells what is wrong.
void Session::open(const std::shared_ptr<Portal>& portal, Then then) {
    if (portal->failed || (portal->cursor && portal->cursor->failed))
        return trouble({"55000", "its rows ended by an error: bind or declare it again"});
    if (portal->open) return then();
    if (const auto may = may_run(portal->verb); !may) return trouble(may.error());
    hub_.statements.add();
    if (portal->verb == SqlVerb::declare) return declare(portal, std::move(then));
    if (portal->verb == SqlVerb::fetch) {
        if (const auto found = find_cursor(*portal); !found) return trouble(found.error());
        portal->open = true;
        return then();
    }
    if (portal->verb != SqlVerb::other) {
        if (const auto done = run_locally(*portal); !done) return trouble(done.error());
        portal->open = portal->ended = true;
        return then();
    }
    const auto translated = translate(portal->text, *settings_);
    portal->translated = portal->translated || translated.has_value();
    if (const auto ready = hub_.deps.engine.available(); !ready) return trouble({"58000", ready.error().text()});
    starting_ = hub_.deps.engine.start(
        question_of(translated.value_or(portal->text), portal->parameters),
        on_loop<sql::Outcome<std::shared_ptr<sql::Query>>>(
            [this, portal, then = std::move(then)](auto started) { on_started(portal, std::move(started), then); }));
}

void Session::on_started(const std::shared_ptr<Portal>& portal, sql::Outcome<std::shared_ptr<sql::Query>> started,
                         const Then& then) {
    starting_ = nullptr;
    if (!started) return trouble(trouble_of(started.error(), *portal));
    auto fields = fields_of((*started)->columns(), portal->formats);
    if (!fields) return trouble({"08P01", fields.error().text()});
    portal->fields = std::move(*fields);
    portal->query = std::move(*started);
    portal->open = true;
    if (cancelled_) portal->query->cancel();
    then();
}

// ---- rows -----------------------------------------------------------------------------------------------------------

void Session::send_rows(const std::shared_ptr<Portal>& portal, std::uint64_t rows_max, Then then) {
    fetching_ = portal->cursor != nullptr;
    fields_ = portal->fields;
    sending_ = fetching_ ? portal->cursor : portal;
    running_ = sending_->query;
    rows_max_ = fetching_ ? portal->fetch : rows_max;
    rows_sent_ = 0;
    then_ = std::move(then);
    send_page();
}

void Session::send_page() {
    Portal& portal = *sending_;
    const auto full = [this] { return rows_max_ > 0 && rows_sent_ >= rows_max_; };
    while (portal.row < portal.page.rows() && out_.size() < kSliceBytes && !full()) {
        write_row(out_, fields_, portal.page, portal.row++, settings_->zone());
        ++rows_sent_;
    }
    if (full()) return finish_rows(true);
    const bool more_here = portal.row < portal.page.rows();
    if (!more_here && portal.ended) return finish_rows(false);
    if (out_.size() >= kSliceBytes) flush();
    if (stream_->unsent_bytes() > hub_.options.unsent_bytes) {
        waits_for_client_ = true;
        deadline_ = hub_.deps.loop.clock().monotonic() + hub_.options.send_max;
        return;
    }
    if (more_here) return later(&Session::send_page);
    ask_for_page();
}

void Session::ask_for_page() {
    const auto query = sending_->query;
    query->next(on_loop<sql::Outcome<sql::Page>>([this](sql::Outcome<sql::Page> page) { on_page(std::move(page)); }));
}

void Session::on_page(sql::Outcome<sql::Page> page) {
    Portal& portal = *sending_;
    if (!page) {
        portal.ended = portal.failed = true;
        const Trouble told = trouble_of(page.error(), portal);
        portal.query.reset();  // its turn is somebody else's now, whatever a cursor waits for
        return trouble(told);
    }
    portal.ended = page->rows() == 0;
    portal.page = std::move(*page);
    portal.row = 0;
    send_page();
}

void Session::finish_rows(bool suspended) {
    Portal& portal = *sending_;
    portal.rows += rows_sent_;
    hub_.deps.egress.left(who_.actor.tenant, kDoorName, rows_sent_, 0);
    if (fetching_) {
        wire::write_pg_command_complete(out_, fmt::format("FETCH {}", rows_sent_));
    } else if (suspended) {
        wire::write_pg_portal_suspended(out_);
    } else {
        portal.query.reset();
        wire::write_pg_command_complete(out_, portal.tag.empty() ? fmt::format("SELECT {}", rows_sent_) : portal.tag);
    }
    running_.reset();
    sending_.reset();
    if (const Then then = std::exchange(then_, nullptr)) then();
}

// ---- cursors: rows by and by, within a transaction ------------------------------------------------------------------

namespace {

struct Declared {
    std::string name;
    std::size_t at = 0;  // of the query, in bytes
};

std::expected<Declared, Trouble> read_declare(const std::string& text) {
    const auto words = wire::sql_words(text, 20);
    const auto is = [&](std::size_t i, std::string_view lower) {
        return i < words.size() && is_sql_word(words[i], lower);
    };
    Declared out{words.size() > 1 ? sql_unquoted(words[1]) : "", 0};
    for (std::size_t i = 2; i < words.size() && out.at == 0; ++i) {
        if (is(i, "for") && i + 1 < words.size()) out.at = words[i + 1].at;
        if (is(i, "binary")) return std::unexpected(Trouble{"0A000", "a cursor gives text here: leave BINARY out"});
        if (is(i, "scroll") && !is(i - 1, "no"))
            return std::unexpected(Trouble{"0A000", "a cursor goes forward only: leave SCROLL out"});
        if (is(i, "hold") && is(i - 1, "with"))
            return std::unexpected(Trouble{"0A000", "a cursor lasts until its transaction ends: leave WITH HOLD out"});
    }
    if (out.name.empty() || out.at == 0)
        return std::unexpected(Trouble{"42601", "expected DECLARE name CURSOR FOR SELECT …"});
    return out;
}

Trouble no_cursor(const std::string& name) {
    return {"34000", fmt::format("there is no cursor \"{}\"", cut_utf8(name, 100)),
            "A cursor lasts until its transaction ends."};
}

}  // namespace

void Session::declare(const std::shared_ptr<Portal>& portal, Then then) {
    const auto declared = read_declare(portal->text);
    if (!declared) return trouble(declared.error());
    if (status_ == 'I') return trouble({"25P01", "a cursor needs a transaction: BEGIN comes before DECLARE"});
    if (cursors_.contains(declared->name))
        return trouble({"42P03", fmt::format("the cursor \"{}\" is there already", cut_utf8(declared->name, 100))});
    if (cursors_.size() >= hub_.options.portals_max)
        return trouble({"54000", fmt::format("{} cursors are open, the limit of a session", cursors_.size())});
    auto cursor = std::make_shared<Portal>();
    cursor->text = portal->text.substr(declared->at);
    cursor->verb = wire::sql_verb(cursor->text);
    cursor->parameters = portal->parameters;
    cursor->at = portal->at + utf8_characters(std::string_view(portal->text).substr(0, declared->at));
    cursor->translated = portal->translated;
    if (cursor->verb != SqlVerb::other) return trouble({"42601", "a cursor is of a SELECT"});
    open(cursor, [this, portal, cursor, name = declared->name, then = std::move(then)] {
        cursor->translated = true;  // FETCH is another text: a place in DECLARE means nothing there
        cursors_.insert_or_assign(name, cursor);
        portal->open = portal->ended = true;
        portal->tag = "DECLARE CURSOR";
        then();
    });
}

// FETCH [NEXT | n | ALL | FORWARD [n | ALL]] [FROM | IN] name
Session::Local Session::find_cursor(Portal& portal) const {
    const auto words = wire::sql_words(portal.text, 8);
    std::size_t at = 1;
    const auto is = [&](std::string_view lower) { return at < words.size() && is_sql_word(words[at], lower); };
    const Trouble forward{"0A000", "a cursor goes forward only: FETCH, FETCH n, FETCH ALL, FETCH FORWARD n"};
    if (is_sql_word(words[0], "move")) return std::unexpected(forward);
    for (const std::string_view other : {"prior", "first", "last", "absolute", "relative", "backward", "-"})
        if (is(other)) return std::unexpected(forward);
    portal.fetch = 1;
    if (is("forward") || is("next")) ++at;
    if (is("all")) {
        portal.fetch = 0;
        ++at;
    } else if (at < words.size() && words[at].kind == wire::SqlWord::Kind::number) {
        const std::string_view number = words[at++].source;
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), portal.fetch);
        if (error != std::errc{} || end != number.data() + number.size() || portal.fetch == 0)
            return std::unexpected(forward);
    }
    if (is("from") || is("in")) ++at;
    if (at + 1 != words.size()) return std::unexpected(Trouble{"42601", "expected FETCH FORWARD n FROM cursor"});
    const auto found = cursors_.find(sql_unquoted(words[at]));
    if (found == cursors_.end()) return std::unexpected(no_cursor(sql_unquoted(words[at])));
    if (found->second->failed)
        return std::unexpected(Trouble{"55000", "the cursor's rows ended by an error: declare it again"});
    portal.cursor = found->second;
    portal.fields = found->second->fields;
    if (portal.formats.size() > 1 && portal.formats.size() != portal.fields.size())
        return std::unexpected(Trouble{"08P01", fmt::format("{} formats were asked for, the answer has {} columns",
                                                            portal.formats.size(), portal.fields.size())});
    for (std::size_t i = 0; i < portal.fields.size() && !portal.formats.empty(); ++i)
        portal.fields[i].format = portal.formats[portal.formats.size() == 1 ? 0 : i];
    return {};
}

Session::Local Session::close_cursor(Portal& portal) {
    const auto words = wire::sql_words(portal.text, 3);
    if (words.size() != 2) return std::unexpected(Trouble{"42601", "expected CLOSE cursor or CLOSE ALL"});
    const bool all = is_sql_word(words[1], "all");
    if (all) cursors_.clear();
    if (!all && cursors_.erase(sql_unquoted(words[1])) == 0) return std::unexpected(no_cursor(sql_unquoted(words[1])));
    portal.tag = all ? "CLOSE CURSOR ALL" : "CLOSE CURSOR";
    return {};
}

// ---- what the session answers itself --------------------------------------------------------------------------------

Session::Local Session::run_locally(Portal& portal) {
    switch (portal.verb) {
        case SqlVerb::begin:
        case SqlVerb::commit:
        case SqlVerb::rollback:
        case SqlVerb::savepoint:
            return run_transaction(portal);
        case SqlVerb::set:
        case SqlVerb::reset:
        case SqlVerb::discard:
            return run_setting(portal);
        case SqlVerb::show:
            return show(portal);
        case SqlVerb::deallocate:
            return deallocate(portal);
        case SqlVerb::listen: {
            const auto words = wire::sql_words(portal.text, 1);
            if (!is_sql_word(words[0], "unlisten"))
                return std::unexpected(
                    Trouble{"0A000", "there is no LISTEN and NOTIFY here", "Live values come by GET /api/v1/live."});
            portal.tag = "UNLISTEN";
            return {};
        }
        case SqlVerb::close:
            return close_cursor(portal);
        case SqlVerb::declare:
        case SqlVerb::fetch:
        case SqlVerb::other:
        case SqlVerb::copy:
        case SqlVerb::write:
            break;
    }
    return std::unexpected(Trouble{"0A000", "this is not done here"});
}

// Nothing can be written, so a transaction has nothing to keep but its state.
Session::Local Session::run_transaction(Portal& portal) {
    const auto words = wire::sql_words(portal.text, 2);
    const auto warn = [this](const char* sqlstate, std::string message) {
        wire::write_pg_notice(out_, {.severity = "WARNING", .sqlstate = sqlstate, .message = std::move(message)});
    };
    if (portal.verb == SqlVerb::begin) {
        if (status_ != 'I') warn("25001", "a transaction is under way already");
        if (status_ == 'I') status_ = 'T';
        settings_->begin();
        portal.tag = is_sql_word(words[0], "start") ? "START TRANSACTION" : "BEGIN";
        return {};
    }
    if (portal.verb == SqlVerb::savepoint) {
        if (status_ == 'I') return std::unexpected(Trouble{"25P01", "there are savepoints in transactions only"});
        const bool back = is_sql_word(words[0], "rollback");
        if (status_ == 'E' && !back)
            return std::unexpected(Trouble{"25P02", "the transaction has failed: nothing is done before ROLLBACK"});
        if (back) status_ = 'T';
        portal.tag = back ? "ROLLBACK" : is_sql_word(words[0], "release") ? "RELEASE" : "SAVEPOINT";
        return {};
    }
    if (status_ == 'I') warn("25P01", "no transaction is under way");
    const bool commit = portal.verb == SqlVerb::commit && status_ != 'E';
    cursors_.clear();
    tell_changed(commit ? settings_->commit() : settings_->rollback());
    status_ = 'I';
    portal.tag = commit ? "COMMIT" : "ROLLBACK";
    return {};
}

void Session::tell_changed(const std::vector<std::string>& names) {
    for (const std::string& name : names) wire::write_pg_parameter_status(out_, name, settings_->value(name));
}

Session::Local Session::run_setting(Portal& portal) {
    const auto words = wire::sql_words(portal.text, 200);
    SettingResult<std::vector<std::string>> changed;
    if (portal.verb == SqlVerb::set) {
        changed = settings_->set(words);
        portal.tag = "SET";
    } else if (portal.verb == SqlVerb::reset) {
        changed = settings_->reset(words);
        portal.tag = "RESET";
    } else {
        const bool all = words.size() > 1 && is_sql_word(words[1], "all");
        if (all && status_ != 'I')
            return std::unexpected(Trouble{"25001", "DISCARD ALL cannot stand in a transaction"});
        if (all) {
            changed = settings_->reset_all();
            statements_.clear();
            portals_.clear();
            cursors_.clear();
        }
        portal.tag = all ? "DISCARD ALL" : "DISCARD";
    }
    if (!changed) return std::unexpected(Trouble{changed.error().sqlstate, changed.error().error.text()});
    tell_changed(*changed);
    return {};
}

void Session::fill_with(Portal& portal, const std::vector<std::string>& names,
                        const std::vector<std::vector<std::string>>& rows) const {
    std::vector<sql::Column> columns;
    for (const std::string& name : names) columns.push_back({name, sql::CellType::text, "VARCHAR"});
    portal.fields =
        fields_of(columns, portal.formats.size() > 1 ? std::vector<wire::PgFormat>{} : portal.formats).value();
    portal.page = sql::Page(std::vector<sql::CellType>(names.size(), sql::CellType::text));
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) portal.page.add_text(i, row[i]);
        portal.page.end_row();
    }
}

Session::Local Session::show(Portal& portal) const {
    portal.tag = "SHOW";
    const auto words = wire::sql_words(portal.text, 8);
    if (words.size() == 2 && is_sql_word(words[1], "all")) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& [name, value] : settings_->all()) rows.push_back({name, value, ""});
        fill_with(portal, {"name", "setting", "description"}, rows);
        return {};
    }
    std::string name;
    for (std::size_t i = 1; i < words.size(); ++i) name += sql_unquoted(words[i]);
    if (name == "transactionisolationlevel") name = "transaction_isolation";
    if (name == "sessionauthorization") name = "session_authorization";
    const auto value = settings_->show(name);
    if (!value) return std::unexpected(Trouble{value.error().sqlstate, value.error().error.text()});
    fill_with(portal, {name == "timezone" ? "TimeZone" : name}, {{*value}});
    return {};
}

Session::Local Session::deallocate(Portal& portal) {
    const auto words = wire::sql_words(portal.text, 4);
    const std::size_t at = words.size() > 2 && is_sql_word(words[1], "prepare") ? 2 : 1;
    if (words.size() <= at) return std::unexpected(Trouble{"42601", "expected DEALLOCATE name or DEALLOCATE ALL"});
    if (is_sql_word(words[at], "all")) {
        statements_.clear();
        portal.tag = "DEALLOCATE ALL";
        return {};
    }
    const std::string name = sql_unquoted(words[at]);
    if (statements_.erase(name) == 0)
        return std::unexpected(Trouble{"26000", fmt::format("there is no statement \"{}\"", cut_utf8(name, 100))});
    portal.tag = "DEALLOCATE";
    return {};
}

}  // namespace gongshu::pg
