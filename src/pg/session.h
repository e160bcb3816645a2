#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pg/hub.h"
#include "pg/lists.h"
#include "pg/settings.h"
#include "wire/pgwire.h"
#include "wire/scram.h"
#include "wire/sql_text.h"

namespace gongshu::pg {

// A statement that was prepared.
struct Statement {
    std::string text;
    wire::SqlVerb verb = wire::SqlVerb::other;
    std::vector<std::uint32_t> types;  // OIDs of its parameters as far as the client said them; 0 = not said
    std::map<std::size_t, ListParameter> lists;
    std::optional<sql::Description> described;
};

// A statement with values, and how far its rows went out.
struct Portal {
    std::string text;  // "" = nothing to do
    wire::SqlVerb verb = wire::SqlVerb::other;
    std::vector<sql::Cell> parameters;
    std::vector<wire::PgFormat> formats;
    std::size_t at = 0;       // of the text, in characters of the query that held it: added to positions
    bool translated = false;  // what runs is another text: positions mean nothing
    // Once it is open.
    bool open = false;
    std::vector<wire::PgField> fields;  // none = it gives no rows
    std::shared_ptr<sql::Query> query;  // null = all its rows are in `page`
    sql::Page page;
    std::size_t row = 0;  // of the page, to go out next
    std::uint64_t rows = 0;
    bool ended = false;              // after `page` come no more
    bool failed = false;             // … because of an error
    std::string tag;                 // of CommandComplete; "" = "SELECT n"
    std::shared_ptr<Portal> cursor;  // of FETCH: whose next rows it gives …
    std::uint64_t fetch = 0;         // … and how many; 0 = all
};

// What ends a statement, as a client is told.
struct Trouble {
    std::string sqlstate, message, hint = {};
    std::uint32_t position = 0;
};

// Session is one connection of a client, from its first byte: encryption, sign-in, statements one after another.
// Lives:   in the Hub, until the client, a time-out or the door ends it. What the engine says later finds nobody.
// Threads: the loop's.
// Bounds:  DoorOptions. While a statement is at work no more is read; rows wait until the client has taken those
// before. Disk:    none.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(Hub& hub, std::unique_ptr<io::Stream> stream, std::uint32_t process);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    void start();
    void check_deadline();
    // Ends what is at work, as if the client had asked for it.
    void cancel();
    // Tells the client why, then closes.
    void end(const std::string& sqlstate, const std::string& message);
    std::uint32_t key() const { return key_; }
    const std::string& from() const { return from_; }
    // Who is signed in; null = nobody yet.
    const registry::Principal* who() const { return signed_in_ ? &who_ : nullptr; }

private:
    enum class State : std::uint8_t { first, shaking, sasl, proof, password, checking, ready, working, closed };
    using Then = std::function<void()>;
    using Local = std::expected<void, Trouble>;

    // session.cpp: bytes, encryption, sign-in
    void listen_to(std::unique_ptr<io::Stream> stream);
    void on_data(Bytes bytes);
    void go_on();
    bool takes_messages() const {
        return state_ != State::shaking && state_ != State::checking && state_ != State::working &&
               state_ != State::closed;
    }
    bool take_one(Bytes& rest);
    void flush();
    void close();
    void fatal(const std::string& sqlstate, const std::string& message, const std::string& hint = {});
    void on_first(wire::PgFirst& first);
    void on_ssl();
    void on_startup(const wire::PgStartup& startup);
    bool take_startup_parameters(const wire::PgStartup& startup);
    void ask_who();
    void on_secret(const std::string& bytes);
    void on_sasl(const std::string& bytes);
    void on_proof(const std::string& bytes);
    void on_password(const std::string& bytes);
    void check(std::function<Result<registry::ScramSignIn>()> job);
    void on_checked(Result<registry::ScramSignIn> found);
    Result<void> may_come_in(const registry::Principal& who) const;
    void begin_session();

    // session_messages.cpp: what a client asks
    void on_message(wire::PgMessage& message);
    void on_query(const wire::PgQuery& query);
    void next_of_query();
    void on_parse(wire::PgParse& parse);
    void on_bind(wire::PgBind& bind);
    void on_describe(const wire::PgDescribe& describe);
    void describe_statement(const std::string& name);
    void describe_portal(const std::string& name);
    void on_execute(const wire::PgExecute& execute);
    void on_close_message(const wire::PgClose& close);
    void on_sync();
    std::expected<std::shared_ptr<Portal>, Trouble> portal_of(const wire::PgBind& bind,
                                                              const Statement& statement) const;
    std::expected<sql::Cell, Trouble> value_of(std::size_t number, wire::PgType type, wire::PgFormat format,
                                               const std::optional<std::string>& value) const;
    void ready();
    void trouble(const Trouble& trouble);

    // session_run.cpp: one statement
    sql::Question question_of(const std::string& text, std::vector<sql::Cell> parameters) const;
    Local may_run(wire::SqlVerb verb) const;
    void open(const std::shared_ptr<Portal>& portal, Then then);
    void on_started(const std::shared_ptr<Portal>& portal, sql::Outcome<std::shared_ptr<sql::Query>> started,
                    const Then& then);
    void send_rows(const std::shared_ptr<Portal>& portal, std::uint64_t rows_max, Then then);
    void send_page();
    void ask_for_page();
    void on_page(sql::Outcome<sql::Page> page);
    void finish_rows(bool suspended);
    void declare(const std::shared_ptr<Portal>& portal, Then then);
    Local find_cursor(Portal& portal) const;
    Local close_cursor(Portal& portal);
    Local run_locally(Portal& portal);
    Local run_transaction(Portal& portal);
    Local run_setting(Portal& portal);
    Local show(Portal& portal) const;
    Local deallocate(Portal& portal);
    void tell_changed(const std::vector<std::string>& names);
    std::size_t statement_bytes() const;
    Trouble trouble_of(const sql::Failure& failure, const Portal& portal);
    void fill_with(Portal& portal, const std::vector<std::string>& names,
                   const std::vector<std::vector<std::string>>& rows) const;

    // Brings a callback of another thread back to the loop, to this session and this piece of work.
    template <class Value>
    std::function<void(Value)> on_loop(std::function<void(Value)> work) {
        return
            [&loop = hub_.deps.loop, weak = weak_from_this(), serial = serial_, work = std::move(work)](Value value) {
                loop.post([weak, serial, work, shared = std::make_shared<Value>(std::move(value))] {
                    const auto self = weak.lock();
                    if (!self || self->serial_ != serial) return;
                    work(std::move(*shared));
                    self->go_on();
                });
            };
    }
    // In a later turn of the loop, so that many small pieces of work neither hold it up nor lie on its stack.
    void later(void (Session::*work)());

    // Constant.
    Hub& hub_;
    const std::uint32_t process_;
    const std::uint32_t key_;
    const std::string from_;
    const bool loopback_;
    // The connection.
    std::unique_ptr<io::Stream> stream_;
    bool secure_ = false;
    State state_ = State::first;
    wire::PgDecoder decoder_;
    Buffer ahead_;  // what came while nothing was taken
    std::string out_;
    DurationNs deadline_ = 0;
    bool in_take_ = false;
    // The sign-in.
    std::string user_;
    wire::ScramServer scram_;
    bool signed_in_ = false;
    registry::Principal who_;
    std::optional<Settings> settings_;
    // The session.
    char status_ = 'I';
    bool skipping_ = false;  // until Sync, after an error in the extended protocol
    std::map<std::string, Statement> statements_;
    std::map<std::string, std::shared_ptr<Portal>> portals_;
    std::map<std::string, std::shared_ptr<Portal>> cursors_;  // of the transaction
    // What is at work.
    std::uint64_t serial_ = 0;  // an answer to older work is dropped
    bool cancelled_ = false;
    bool simple_ = false;                                      // of Query, else of the extended protocol
    std::deque<std::pair<std::string, std::size_t>> waiting_;  // further statements of a Query, with their places
    sql::Engine::Cancel starting_;                             // ends what has no columns yet
    std::shared_ptr<sql::Query> running_;
    std::shared_ptr<Portal> sending_;
    std::vector<wire::PgField> fields_;  // as its rows go out
    std::uint64_t rows_max_ = 0, rows_sent_ = 0;
    Then then_;
    bool waits_for_client_ = false;
    bool fetching_ = false;  // rows go out for FETCH
};

}  // namespace gongshu::pg
