#include <gtest/gtest.h>

#include "io/pbkdf2.h"
#include "io/sim.h"
#include "io/tls.h"
#include "pg/catalog.h"
#include "pg/door.h"
#include "pg/lists.h"
#include "pg/rows.h"
#include "registry/json.h"
#include "registry/registry.h"
#include "sql/testing/fake_engine.h"
#include "wire/pgwire.h"

namespace gongshu::pg {
namespace {

using namespace std::string_literals;
using sql::CellType;
using sql::testing::FakeEngine;
using sql::testing::page_of;

constexpr const char* kPassword = "correct horse battery";
constexpr TimeNs kNow = 1'772'352'000 * kSecond;  // 2026-03-01T08:00:00Z

class NotedEgress final : public Egress {
public:
    Result<void> decide(const Leaving& leaving) override {
        asked.push_back(fmt::format("{} {} {} {}", leaving.who, leaving.door, leaving.what, leaving.purpose));
        return {};
    }
    void left(TenantId, std::string_view, std::uint64_t rows, std::uint64_t bytes) override {
        rows_left += rows;
        bytes_left += bytes;
    }
    std::vector<std::string> asked;
    std::uint64_t rows_left = 0, bytes_left = 0;
};

std::string big(std::uint64_t value, int bytes) {
    std::string out;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
    return out;
}
std::uint32_t number(std::string_view bytes) {
    std::uint32_t value = 0;
    for (const char c : bytes.substr(0, 4)) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
}
std::string framed(char type, const std::string& body) { return std::string(1, type) + big(body.size() + 4, 4) + body; }
std::string query(const std::string& text) { return framed('Q', text + '\0'); }
std::string parse(const std::string& name, const std::string& text, std::vector<std::uint32_t> types = {}) {
    std::string body = name + '\0' + text + '\0' + big(types.size(), 2);
    for (const std::uint32_t type : types) body += big(type, 4);
    return framed('P', body);
}
std::string bind(const std::string& portal, const std::string& statement, std::vector<std::string> values = {},
                 int format = 0, int result_format = 0) {
    std::string body = portal + '\0' + statement + '\0' + big(1, 2) + big(format, 2) + big(values.size(), 2);
    for (const std::string& value : values) body += big(value.size(), 4) + value;
    return framed('B', body + big(1, 2) + big(result_format, 2));
}
std::string describe(char what, const std::string& name) { return framed('D', what + name + '\0'); }
std::string execute(const std::string& portal, int rows = 0) { return framed('E', portal + '\0' + big(rows, 4)); }
const std::string kSync = framed('S', "");

// A client over the simulated network that tells what it hears in short: "T id,name" "D 1,2" "C SELECT 1" "E 42601 …"
// "Z I".
class Client {
public:
    Client(io::SimWorld& world, io::Loop& loop, const io::Address& address) : world_(world), loop_(loop) {
        bool done = false;
        loop.connect(address, {}, [&](auto made) {
            done = true;
            if (made) take(std::move(*made));
        });
        world.run_until([&] { return done; }, kSecond);
    }

    void send(const std::string& bytes) {
        if (stream_) stream_->send(as_bytes(bytes));
    }
    // What was heard since the last call, once nothing more comes.
    std::string hear(DurationNs wait = 2 * kSecond) {
        world_.run_for(wait);
        std::string out;
        while (heard_.size() >= 5) {
            const std::uint32_t length = number(std::string_view(heard_).substr(1));
            if (heard_.size() < 1 + length) break;
            out += told(heard_[0], heard_.substr(5, length - 4)) + "\n";
            heard_.erase(0, 1 + length);
        }
        return out;
    }
    std::string ask(const std::string& bytes) {
        send(bytes);
        return hear();
    }

    void start(const std::string& user, const std::string& more = "") {
        const std::string body = big(0x30000, 4) + "user\0"s + user + "\0database\0gongshu\0"s + more + '\0';
        send(big(body.size() + 4, 4) + body);
    }
    bool begin_tls(const std::string& authority) {
        send(big(8, 4) + big(80'877'103, 4));
        world_.run_for(kSecond);
        if (heard_ != "S") return false;
        heard_.clear();
        bool done = false;
        loop_.secure(std::move(stream_), io::make_tls_client(authority).value(), "pg.lan", 5 * kSecond,
                     [&](auto secure) {
                         if (secure) take(std::move(*secure));
                         done = secure.has_value();
                     });
        return world_.run_until([&] { return done; }, 10 * kSecond);
    }
    std::string sign_in(const std::string& user, const std::string& password, const std::string& more = "") {
        start(user, more);
        const std::string asked = hear();
        if (asked == "R 3\n") return ask(framed('p', password + '\0'));
        if (asked != "R 10 SCRAM-SHA-256\n") return asked;
        return scram(password);
    }
    std::string scram(const std::string& password) {
        const std::string bare = "n=,r=client";
        const std::string first = ask(framed('p', "SCRAM-SHA-256\0"s + big(bare.size() + 3, 4) + "n,," + bare));
        if (!first.starts_with("R 11 ")) return first;
        const std::string server = first.substr(5, first.size() - 6);
        const std::size_t salt_at = server.find(",s=") + 3, end = server.find(",i=");
        const Buffer salt = io::from_base64(server.substr(salt_at, end - salt_at)).value();
        const auto turns = static_cast<std::uint32_t>(std::stoul(server.substr(end + 3)));
        const std::string final = "c=biws," + server.substr(0, server.find(",s="));
        const std::string message = bare + "," + server + "," + final;
        const auto salted = io::pbkdf2_sha256(as_bytes(password), salt, turns);
        auto key = io::hmac_sha256(salted, as_bytes("Client Key"));
        const auto sign = io::hmac_sha256(io::sha256(key), as_bytes(message));
        for (std::size_t i = 0; i < key.size(); ++i) key[i] ^= sign[i];
        const std::string answer = ask(framed('p', final + ",p=" + io::base64(key)));
        const auto signature = io::hmac_sha256(io::hmac_sha256(salted, as_bytes("Server Key")), as_bytes(message));
        const std::string proof = "R 12 v=" + io::base64(signature) + "\n";
        EXPECT_TRUE(!answer.starts_with("R 12") || answer.starts_with(proof)) << answer;
        return answer;
    }
    bool closed() const { return closed_; }
    void leave() { stream_.reset(); }
    void pause(bool paused) { stream_->pause_reading(paused); }
    std::uint32_t process = 0, key = 0;

private:
    void take(std::unique_ptr<io::Stream> stream) {
        stream_ = std::move(stream);
        stream_->start({.on_data = [this](Bytes bytes) { heard_ += as_text(bytes); },
                        .on_closed = [this](const Error&) { closed_ = true; }});
    }

    std::string told(char type, const std::string& body) {
        if (type == 'R')
            return fmt::format("R {}{}", number(body),
                               body.size() > 4 ? " " + std::string(body.substr(4).c_str()) : "");
        if (type == 'K') {
            process = number(body);
            key = number(body.substr(4));
            return "K";
        }
        if (type == 'T') return "T " + names(body);
        if (type == 'D') return "D " + values(body);
        if (type == 'S')
            return "S " + std::string(body.c_str()) + "=" + (body.c_str() + std::string(body.c_str()).size() + 1);
        if (type == 'E' || type == 'N') return std::string(1, type) + " " + report(body);
        if (type == 't') return fmt::format("t {}", types(body));
        if (type == 'C' || type == 'Z') return std::string(1, type) + " " + body.substr(0, body.find('\0'));
        return std::string(1, type);
    }
    static std::string names(const std::string& body) {
        std::string out;
        for (std::size_t at = 2; at < body.size();) {
            const std::string name = body.c_str() + at;
            at += name.size() + 1;
            out += (out.empty() ? "" : ",") + name + ":" + std::to_string(number(body.substr(at + 6)));
            at += 18;
        }
        return out;
    }
    static std::string values(const std::string& body) {
        std::string out;
        for (std::size_t at = 2; at < body.size();) {
            const std::uint32_t size = number(body.substr(at));
            out += (at == 2 ? "" : ",") + (size == UINT32_MAX ? "NULL"s : body.substr(at + 4, size));
            at += 4 + (size == UINT32_MAX ? 0 : size);
        }
        return out;
    }
    static std::string types(const std::string& body) {
        std::string out;
        for (std::size_t at = 2; at < body.size(); at += 4)
            out += (out.empty() ? "" : ",") + std::to_string(number(body.substr(at)));
        return out;
    }
    static std::string report(const std::string& body) {
        std::string code, message, position;
        for (std::size_t at = 0; at < body.size() && body[at] != '\0';) {
            const std::string text = body.c_str() + at + 1;
            if (body[at] == 'C') code = text;
            if (body[at] == 'M') message = text;
            if (body[at] == 'P') position = " at " + text;
            at += text.size() + 2;
        }
        return code + " " + message + position;
    }

    io::SimWorld& world_;
    io::Loop& loop_;
    std::unique_ptr<io::Stream> stream_;
    std::string heard_;
    bool closed_ = false;
};

class PgTest : public ::testing::Test {
protected:
    void SetUp() override {
        world.clock().jump(kNow - world.clock().now());
        loop = world.make_loop();
        pool = world.make_pool();
        registry = registry::Registry::create(files, world.clock(), {.folder = "/data", .key_folder = "/keys"}).value();
        ASSERT_TRUE(registry->load());
        auth = registry::Auth::create(*registry, world.clock(),
                                      {.admin_password = kPassword, .argon2_memory_kib = 64, .argon2_passes = 1})
                   .value();
        ASSERT_TRUE(registry->put(admin, "token", "grafana", registry::parse_json(R"({"role":"viewer"})").value(), {}));
        token = auth->issue_token(admin, "grafana").value();
        const auto ca = io::make_certificate_authority("test", kNow).value();
        authority = ca.certificate_pem;
        tls = io::make_tls_server(io::issue_server_certificate(ca, {"pg.lan"}, kNow, 30).value()).value();
        prepare();
        open({});
    }
    void TearDown() override {
        door.reset();
        loop.reset();
    }

    void open(DoorOptions options) {
        options.version = "1.2";
        door.reset();
        door = Door::create(
            {*loop, *pool, *registry, *auth, engine, egress, metrics,
             [this](const registry::Principal& who, std::string purpose) { return asker(who, std::move(purpose)); },
             tls},
            options);
        address = door->listen({"127.0.0.1", next_port++}).value();
    }

    void prepare(std::string text, std::vector<sql::Column> columns, const std::vector<std::vector<sql::Cell>>& rows,
                 FakeEngine::Prepared more = {}) {
        more.pages.push_back(page_of(columns, rows));
        more.columns = std::move(columns);
        engine.prepare(std::move(text), std::move(more));
    }

    void prepare() {
        const std::vector<sql::Column> one{{"n", CellType::integer, "INTEGER"}};
        const std::vector<std::vector<sql::Cell>> row{{std::int64_t{1}}};
        prepare("select 1", one, row);
        const std::vector<sql::Column> all{{"b", CellType::boolean, "BOOLEAN"},
                                           {"i", CellType::integer, "BIGINT"},
                                           {"d", CellType::number, "DOUBLE"},
                                           {"t", CellType::text, "VARCHAR"},
                                           {"ts", CellType::time, "TIMESTAMP WITH TIME ZONE"},
                                           {"day", CellType::date, "DATE"},
                                           {"x", CellType::decimal, "DECIMAL(4,2)"},
                                           {"j", CellType::text, "JSON"}};
        prepare(
            "select all", all,
            {{true, std::int64_t{-7}, 21.5, "text"s, sql::Time{kNow}, sql::Date{20'000}, sql::Decimal{"1.50"}, "{}"s},
             std::vector<sql::Cell>(8)});
        FakeEngine::Prepared asks, long_one, late;
        asks.parameters = {CellType::integer, std::nullopt};
        prepare("select $1", one, {{std::int64_t{5}}}, asks);
        std::vector<std::vector<sql::Cell>> rows;
        for (std::int64_t i = 0; i < 10; ++i) rows.push_back({i});
        FakeEngine::Prepared ten;
        ten.pages.push_back(page_of(one, {rows.begin(), rows.begin() + 4}));
        prepare("select ten", one, {rows.begin() + 4, rows.end()}, ten);
        long_one.hangs = true;
        prepare("select long", one, row, long_one);
        FakeEngine::Prepared denied;
        denied.failure = sql::Failure{Error{Code::denied, "not yours"}, 0, "42501"};
        prepare("select denied", one, row, denied);
        late.end_failure = sql::Failure{Error{Code::invalid, "by zero"}, 3, "22012"};
        prepare("select late", one, row, late);
        const std::vector<std::vector<sql::Cell>> wide(200, std::vector<sql::Cell>{std::string(1'000, 'x')});
        const std::vector<sql::Column> text{{"t", CellType::text, "VARCHAR"}};
        FakeEngine::Prepared much;
        much.pages = std::vector<sql::Page>(19, page_of(text, wide));
        prepare("select much", text, wide, much);
    }

    sql::Asker asker(const registry::Principal& who, const std::string& purpose) {
        sql::Asker out;
        out.who = who;
        out.let_out = [this, who, purpose](std::string_view what) {
            return egress.decide({.tenant = who.actor.tenant,
                                  .who = who.actor.who,
                                  .door = kDoorName,
                                  .what = what,
                                  .purpose = purpose});
        };
        return out;
    }

    std::unique_ptr<Client> client() { return std::make_unique<Client>(world, *loop, address); }
    std::unique_ptr<Client> signed_in() {
        auto made = client();
        const std::string said = made->sign_in("token", token);
        EXPECT_TRUE(said.ends_with("K\nZ I\n")) << said;
        return made;
    }

    io::SimFiles files;
    io::SimWorld world{1};
    Metrics metrics;
    NotedEgress egress;
    FakeEngine engine;
    std::unique_ptr<io::Loop> loop;
    std::unique_ptr<io::Pool> pool;
    std::unique_ptr<registry::Registry> registry;
    std::unique_ptr<registry::Auth> auth;
    registry::Actor admin{TenantId{1}, "default", "user:admin", registry::Role::admin, "127.0.0.1"};
    std::string token, authority;
    std::shared_ptr<const io::TlsServer> tls;
    std::unique_ptr<Door> door;
    io::Address address;
    std::uint16_t next_port = 5432;
};

TEST_F(PgTest, TokensSignInByScramAndHearWhatTheServerIs) {
    auto one = client();
    const std::string said = one->sign_in("token", token, "application_name\0psql\0TimeZone\0Asia/Shanghai\0"s);
    for (const char* line : {"R 0\n", "S server_version=15.0 (Gongshu 1.2)\n", "S standard_conforming_strings=on\n",
                             "S client_encoding=UTF8\n", "S application_name=psql\n", "S TimeZone=Asia/Shanghai\n",
                             "S integer_datetimes=on\n", "S session_authorization=token\n"})
        EXPECT_NE(said.find(line), said.npos) << line << said;
    EXPECT_TRUE(said.ends_with("K\nZ I\n")) << said;
    EXPECT_EQ(one->ask(query("select all")),
              "T b:16,i:20,d:701,t:25,ts:1184,day:1082,x:1700,j:114\n"
              "D t,-7,21.5,text,2026-03-01 16:00:00+08,2024-10-04,1.50,{}\nD "
              "NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL\nC SELECT 2\nZ I\n");
    EXPECT_EQ(engine.asked().back().zone, "Asia/Shanghai");
    EXPECT_TRUE(engine.asked().back().zoned);
    EXPECT_EQ(engine.asked().back().asker.who.actor.who, "token:grafana");
    ASSERT_TRUE(engine.asked().back().asker.let_out("readings"));
    EXPECT_EQ(egress.asked.back(), "token:grafana postgres readings psql");
    EXPECT_EQ(egress.rows_left, 2u);
    EXPECT_GT(egress.bytes_left, 50u);
}

TEST_F(PgTest, WhoIsNotKnownStaysOutside) {
    const auto f = [&](const std::string& user, const std::string& password, const std::string& want) {
        auto one = client();
        EXPECT_EQ(one->sign_in(user, password), want) << user;
        EXPECT_TRUE(one->closed());
    };
    f("token", "gst_wrong", "E 28P01 user or password is wrong\n");
    f("admin", kPassword, "E 28P01 user or password is wrong\n");  // in clear nobody is asked for a password
    f("", "x", "E 28000 the startup message names no user\n");
    auto silent = client();
    silent->start("token");
    EXPECT_EQ(silent->hear(), "R 10 SCRAM-SHA-256\n");
    silent->hear(20 * kSecond);
    EXPECT_TRUE(silent->closed());
    auto eager = client();
    eager->start("token");
    EXPECT_EQ(eager->ask(query("select 1")),
              "R 10 SCRAM-SHA-256\nE 08P01 the sign-in is not done yet: expected a password message\n");
    auto wrong = client();
    wrong->start("token");
    wrong->hear();
    EXPECT_EQ(wrong->ask(framed('p', "SCRAM-SHA-1\0"s + big(0, 4))),
              "E 28000 the client chose \"SCRAM-SHA-1\"; SCRAM-SHA-256 is offered\n");
    EXPECT_EQ(door->sessions(), 0u);
}

TEST_F(PgTest, InsideTlsPeopleSignInByPassword) {
    const auto f = [&](const std::string& user, const std::string& password, bool want) {
        auto one = client();
        ASSERT_TRUE(one->begin_tls(authority));
        const std::string said = one->sign_in(user, password);
        EXPECT_EQ(said.ends_with("Z I\n"), want) << user << said;
        if (want) {
            EXPECT_EQ(one->ask(query("select 1")), "T n:23\nD 1\nC SELECT 1\nZ I\n");
        } else {
            EXPECT_EQ(said, "E 28P01 user or password is wrong\n");
        }
    };
    f("admin", kPassword, true);
    f("admin@default", kPassword, true);
    f("admin", "wrong", false);
    f("nobody", "wrong", false);
    f("token", token, true);
    f("grafana", token, true);
    auto unknown = client();
    ASSERT_TRUE(unknown->begin_tls(authority));
    EXPECT_EQ(unknown->sign_in("grafana", "gst_unknown"), "E 28P01 this token is not known\n");
}

TEST_F(PgTest, NothingThatCameInClearGoesIntoTls) {
    auto one = client();
    one->send(big(8, 4) + big(80'877'103, 4) + "more");
    EXPECT_EQ(one->hear(), "E 08P01 bytes came behind the request for encryption, before it was answered\n");
    EXPECT_TRUE(one->closed());
}

// As it is for every other machine; those of the simulated network are all this one.
TEST_F(PgTest, WhereTlsIsNeededNothingElseIsTaken) {
    open({.plain_from_loopback = false});
    auto plain = client();
    plain->start("token");
    EXPECT_EQ(plain->hear(), "E 28000 this door takes connections from other machines with TLS only\n");
    auto secure = client();
    ASSERT_TRUE(secure->begin_tls(authority));
    EXPECT_TRUE(secure->sign_in("token", token).ends_with("Z I\n"));
}

TEST_F(PgTest, AnswersQueries) {
    auto one = signed_in();
    const auto f = [&](const std::string& text, const std::string& want) {
        EXPECT_EQ(one->ask(query(text)), want) << text;
    };
    f("", "I\nZ I\n");
    f(" -- nothing\n;", "I\nZ I\n");
    f("select 1; select 1", "T n:23\nD 1\nC SELECT 1\nT n:23\nD 1\nC SELECT 1\nZ I\n");
    f("select 1; wrong; select 1", "T n:23\nD 1\nC SELECT 1\nE 42601 nobody prepared this statement at 11\nZ I\n");
    f("/* 中 */ wrong", "E 42601 nobody prepared this statement at 9\nZ I\n");
    f("select denied", "E 42501 not yours\nZ I\n");
    f("select late", "T n:23\nD 1\nE 22012 by zero at 3\nZ I\n");
    f("insert into t values (1)", "E 25006 this door reads only: nothing can be written by SQL\nZ I\n");
    f("copy t from stdin", "E 0A000 there is no COPY here\nZ I\n");
    f("listen x", "E 0A000 there is no LISTEN and NOTIFY here\nZ I\n");
    f("unlisten *", "C UNLISTEN\nZ I\n");
    EXPECT_EQ(one->ask(framed('d', "1,2\n") + framed('c', "") + query("select 1")), "T n:23\nD 1\nC SELECT 1\nZ I\n");
    EXPECT_EQ(one->ask(framed('F', "x")), "E 0A000 functions are called in SELECT here\nZ I\n");
    std::string many;
    for (int i = 0; i < 1'001; ++i) many += "select 1;";
    f(many, "E 54000 1001 statements come at once; at most 1000 are taken\nZ I\n");
    EXPECT_EQ(engine.running(), 0u);
}

TEST_F(PgTest, KeepsTheStateOfTransactions) {
    auto one = signed_in();
    const auto f = [&](const std::string& text, const std::string& want) {
        EXPECT_EQ(one->ask(query(text)), want) << text;
    };
    f("begin", "C BEGIN\nZ T\n");
    f("begin", "N 25001 a transaction is under way already\nC BEGIN\nZ T\n");
    f("select 1", "T n:23\nD 1\nC SELECT 1\nZ T\n");
    f("wrong", "E 42601 nobody prepared this statement at 1\nZ E\n");
    f("select 1", "E 25P02 the transaction has failed: nothing is done before ROLLBACK\nZ E\n");
    f("commit", "C ROLLBACK\nZ I\n");
    f("commit", "N 25P01 no transaction is under way\nC COMMIT\nZ I\n");
    f("start transaction read only", "C START TRANSACTION\nZ T\n");
    f("savepoint a", "C SAVEPOINT\nZ T\n");
    f("wrong", "E 42601 nobody prepared this statement at 1\nZ E\n");
    f("rollback to a", "C ROLLBACK\nZ T\n");
    f("release a", "C RELEASE\nZ T\n");
    f("set application_name = x; set local TimeZone = 'Asia/Tokyo'",
      "S application_name=x\nC SET\nS TimeZone=Asia/Tokyo\nC SET\nZ T\n");
    f("end", "S TimeZone=UTC\nC COMMIT\nZ I\n");
    f("begin; set application_name = y; rollback",
      "C BEGIN\nS application_name=y\nC SET\nS application_name=x\nC ROLLBACK\nZ I\n");
    f("savepoint a", "E 25P01 there are savepoints in transactions only\nZ I\n");
}

TEST_F(PgTest, TakesAndShowsParameters) {
    auto one = signed_in();
    const auto f = [&](const std::string& text, const std::string& want) {
        EXPECT_EQ(one->ask(query(text)), want) << text;
    };
    f("show server_version_num", "T server_version_num:25\nD 150000\nC SHOW\nZ I\n");
    f("SHOW TIME ZONE", "T TimeZone:25\nD UTC\nC SHOW\nZ I\n");
    f("show transaction isolation level", "T transaction_isolation:25\nD read committed\nC SHOW\nZ I\n");
    f("show nothing_such", "E 42704 there is no parameter \"nothing_such\"\nZ I\n");
    f("set time zone 'Asia/Shanghai'", "S TimeZone=Asia/Shanghai\nC SET\nZ I\n");
    f("set TimeZone to 'Nowhere'",
      "E 22023 the parameter \"TimeZone\" cannot be \"Nowhere\": expected a name such as Asia/Shanghai or UTC, or "
      "whole "
      "hours to the east of UTC such as +08\nZ I\n");
    f("set time zone default", "S TimeZone=UTC\nC SET\nZ I\n");
    f("set names 'utf8'", "C SET\nZ I\n");
    f("set client_encoding to 'LATIN1'",
      "E 22023 the parameter \"client_encoding\" cannot be \"LATIN1\": all text here is UTF8\nZ I\n");
    f("set datestyle = iso, mdy", "C SET\nZ I\n");
    f("set extra_float_digits = 3", "C SET\nZ I\n");
    f("set search_path to \"$user\", public", "C SET\nZ I\n");
    f("show search_path", "T search_path:25\nD $user, public\nC SHOW\nZ I\n");
    f("set session characteristics as transaction read only", "C SET\nZ I\n");
    f("set role none", "C SET\nZ I\n");
    f("set session authorization other", "E 42501 nobody becomes somebody else here: sign in as who you are\nZ I\n");
    f("set standard_conforming_strings = off",
      "E 55P02 the parameter \"standard_conforming_strings\" cannot be changed\nZ I\n");
    f("set my.own = 'a b'", "C SET\nZ I\n");
    f("show my.own", "T my.own:25\nD a b\nC SHOW\nZ I\n");
    f("set other = 1", "E 42704 there is no parameter \"other\"\nZ I\n");
    f("set", "E 42601 expected SET name = value\nZ I\n");
    f("set statement_timeout = '2s'", "C SET\nZ I\n");
    f("select 1", "T n:23\nD 1\nC SELECT 1\nZ I\n");
    EXPECT_EQ(engine.asked().back().limits.time_max, 2 * kSecond);
    f("set statement_timeout = soon",
      "E 22023 the parameter \"statement_timeout\" cannot be \"soon\": expected milliseconds, or a number with its "
      "unit, as in 30s\nZ I\n");
    f("discard all", "C DISCARD ALL\nZ I\n");
    f("show statement_timeout", "T statement_timeout:25\nD 0\nC SHOW\nZ I\n");
    EXPECT_NE(one->ask(query("show all")).find("D bytea_output,hex,\n"), std::string::npos);
    auto lost = client();
    EXPECT_EQ(lost->sign_in("token", token, "client_encoding\0LATIN1\0"s),
              "E 22023 the parameter \"client_encoding\" cannot be \"LATIN1\": all text here is UTF8\n");
    auto optioned = client();
    EXPECT_NE(optioned->sign_in("token", token, "options\0-c TimeZone=Asia/Tokyo --extra-float-digits=2\0"s)
                  .find("S TimeZone=Asia/Tokyo\n"),
              std::string::npos);
}

TEST_F(PgTest, SpeaksTheExtendedProtocol) {
    auto one = signed_in();
    const auto f = [&](const std::string& bytes, const std::string& want) { EXPECT_EQ(one->ask(bytes), want); };
    f(parse("", "select 1") + bind("", "") + describe('P', "") + execute("") + kSync,
      "1\n2\nT n:23\nD 1\nC SELECT 1\nZ I\n");
    f(parse("s", "select $1", {20}) + describe('S', "s") + kSync, "1\nt 20,25\nT n:23\nZ I\n");
    f(bind("", "s", {"5", "x"}) + execute("") + kSync, "2\nD 5\nC SELECT 1\nZ I\n");
    EXPECT_EQ(engine.asked().back().parameters, (std::vector<sql::Cell>{std::int64_t{5}, "x"s}));
    f(bind("", "s", {big(6, 8), "x"}, 1, 1) + execute("") + kSync, "2\nD " + big(5, 4) + "\nC SELECT 1\nZ I\n");
    EXPECT_EQ(engine.asked().back().parameters, (std::vector<sql::Cell>{std::int64_t{6}, "x"s}));
    f(bind("", "s", {"five", "x"}) + execute("") + kSync,
      "E 22P02 parameter $1: \"five\" is no value of type bigint\nZ I\n");
    f(parse("s", "select 1") + execute("") + kSync, "E 42P05 the statement \"s\" is there already\nZ I\n");
    f(bind("", "none") + kSync, "E 26000 there is no statement \"none\"\nZ I\n");
    f(describe('P', "none") + kSync, "E 34000 there is no portal \"none\"\nZ I\n");
    f(execute("none") + kSync, "E 34000 there is no portal \"none\"\nZ I\n");
    f(framed('C', "Ss\0"s) + framed('C', "Snone\0"s) + kSync, "3\n3\nZ I\n");
    f(parse("", "select 1; select 1") + kSync, "E 42601 one statement can be prepared at a time, this is more\nZ I\n");
    f(parse("", "") + bind("", "") + describe('P', "") + execute("") + kSync, "1\n2\nn\nI\nZ I\n");
    f(parse("", "begin") + bind("", "") + describe('P', "") + execute("") + kSync, "1\n2\nn\nC BEGIN\nZ T\n");
    f(parse("", "wrong") + bind("", "") + describe('P', "") + execute("") + kSync,
      "1\n2\nE 42601 nobody prepared this statement at 1\nZ E\n");
    f(parse("", "rollback") + bind("", "") + execute("") + kSync, "1\n2\nC ROLLBACK\nZ I\n");
    f(parse("", "show search_path") + describe('S', "") + bind("", "") + describe('P', "") + execute("") + kSync,
      "1\nt \nT search_path:25\n2\nT search_path:25\nD public\nC SHOW\nZ I\n");
    // An answer that is asked for before its Sync comes by Flush, and what was sent ahead is done in order.
    f(parse("a", "select 1") + framed('H', ""), "1\n");
    f(bind("", "a") + execute("") + bind("", "a") + execute("") + kSync,
      "2\nD 1\nC SELECT 1\n2\nD 1\nC SELECT 1\nZ I\n");
    f(query("deallocate a") + query("deallocate a") + query("deallocate all"),
      "C DEALLOCATE\nZ I\nE 26000 there is no statement \"a\"\nZ I\nC DEALLOCATE ALL\nZ I\n");
    EXPECT_EQ(engine.running(), 0u);
}

TEST_F(PgTest, PortalsGiveRowsInPortions) {
    auto one = signed_in();
    const auto f = [&](const std::string& bytes, const std::string& want) { EXPECT_EQ(one->ask(bytes), want); };
    f(query("begin") + parse("", "select ten") + bind("p", "") + execute("p", 3) + framed('H', ""),
      "C BEGIN\nZ T\n1\n2\nD 0\nD 1\nD 2\ns\n");
    f(execute("p", 3) + kSync, "D 3\nD 4\nD 5\ns\nZ T\n");
    EXPECT_EQ(engine.running(), 1u);
    f(bind("p", "") + kSync, "E 42P03 the portal \"p\" is there already\nZ E\n");
    f(query("rollback"), "C ROLLBACK\nZ I\n");
    EXPECT_EQ(engine.running(), 0u);
    f(parse("", "select ten") + bind("p", "") + execute("p", 10) + execute("p", 10) + execute("p") + kSync,
      "1\n2\nD 0\nD 1\nD 2\nD 3\nD 4\nD 5\nD 6\nD 7\nD 8\nD 9\ns\nC SELECT 0\nC SELECT 0\nZ I\n");
}

TEST_F(PgTest, ALongStatementIsCancelledByItsKey) {
    auto one = signed_in();
    EXPECT_EQ(one->ask(query("select long")), "T n:23\nD 1\n");
    const auto cancel = [&](std::uint32_t process, std::uint32_t key) {
        auto other = client();
        other->send(big(16, 4) + big(80'877'102, 4) + big(process, 4) + big(key, 4));
        EXPECT_EQ(other->hear(), "");
        EXPECT_TRUE(other->closed());
    };
    cancel(one->process, one->key + 1);
    cancel(one->process + 1, one->key);
    EXPECT_EQ(one->hear(), "");
    EXPECT_EQ(engine.running(), 1u);
    cancel(one->process, one->key);
    EXPECT_EQ(one->hear(), "E 57014 the statement was cancelled\nZ I\n");
    cancel(one->process, one->key);
    EXPECT_EQ(one->ask(query("select 1")), "T n:23\nD 1\nC SELECT 1\nZ I\n");
    EXPECT_EQ(engine.running(), 0u);
    one->ask(query("select long"));
    EXPECT_EQ(engine.running(), 1u);
    one->leave();
    world.run_for(2 * kSecond);
    EXPECT_EQ(engine.running(), 0u);
    EXPECT_EQ(door->sessions(), 0u);
}

TEST_F(PgTest, ASlowReaderHoldsTheRowsBack) {
    world.set_split(false);
    auto one = signed_in();
    const std::uint64_t before = egress.bytes_left;
    one->pause(true);
    one->send(query("select much"));
    world.run_for(10 * kSecond);
    EXPECT_LT(egress.bytes_left - before, 2u << 20) << "of 4 MB";
    EXPECT_EQ(engine.running(), 1u);
    one->pause(false);
    const std::string said = one->hear(60 * kSecond);
    EXPECT_TRUE(said.ends_with("C SELECT 4000\nZ I\n")) << said.substr(said.size() - 100);
    one->pause(true);
    one->send(query("select much"));
    world.run_for(10 * kMinute);
    EXPECT_EQ(door->sessions(), 0u);
    EXPECT_EQ(engine.running(), 0u);
}

TEST_F(PgTest, SessionsEndWhenTheyMust) {
    auto one = signed_in();
    ASSERT_TRUE(registry->put(admin, "token", "grafana",
                              registry::parse_json(R"({"role":"viewer","disabled":true})").value(), {}));
    EXPECT_EQ(one->hear(), "E 57P01 the rights of token:grafana were changed: sign in again\n");
    EXPECT_TRUE(one->closed());
    auto refused = client();
    EXPECT_EQ(refused->sign_in("token", token), "E 28P01 the token \"grafana\" is disabled\n");
    ASSERT_TRUE(registry->put(admin, "token", "grafana",
                              registry::parse_json(R"({"role":"viewer","expires":"2026-03-01T10:00:00Z"})").value(),
                              {}));
    auto short_lived = signed_in();
    EXPECT_EQ(short_lived->hear(3 * kHour), "E 57P01 the validity of this token has ended\n");
    ASSERT_TRUE(registry->put(admin, "token", "grafana", registry::parse_json(R"({"role":"viewer"})").value(), {}));
    auto idle = signed_in();
    EXPECT_EQ(idle->hear(9 * kHour), "E 57P05 nothing was asked for 8 h: the session is ended\n");
    auto left = signed_in();
    left->send(framed('X', ""));
    world.run_for(kSecond);
    EXPECT_EQ(door->sessions(), 0u);
    auto last = signed_in();
    door->stop();
    EXPECT_EQ(last->hear(), "E 57P01 the server is stopping\n");
}

// As PostgreSQL reads them: a number counts hours to the east, also in quotes; a name with a number, or an offset with
// a colon, is POSIX's and counts to the west.
TEST_F(PgTest, TakesTimeZonesAsPostgreSqlDoes) {
    auto one = signed_in();
    const auto f = [&](const std::string& set, const std::string& shown, const std::string& zone,
                       const std::string& time) {
        const std::string said = one->ask(query(set) + query("select all"));
        EXPECT_NE(said.find("C SET\n"), said.npos) << set << ": " << said;
        EXPECT_NE(said.find("21.5,text," + time + ","), said.npos) << set << ": " << said;
        EXPECT_EQ(engine.asked().back().zone, zone) << set;
        EXPECT_EQ(one->ask(query("show time zone")), "T TimeZone:25\nD " + shown + "\nC SHOW\nZ I\n") << set;
    };
    f("set time zone 'Asia/Shanghai'", "Asia/Shanghai", "Asia/Shanghai", "2026-03-01 16:00:00+08");
    f("set time zone 'asia/shanghai'", "Asia/Shanghai", "Asia/Shanghai", "2026-03-01 16:00:00+08");
    f("set time zone 'PRC'", "PRC", "PRC", "2026-03-01 16:00:00+08");
    f("set timezone = prc", "PRC", "PRC", "2026-03-01 16:00:00+08");
    f("set time zone 'UTC'", "UTC", "UTC", "2026-03-01 08:00:00+00");
    f("set time zone '+08'", "<+08>-08", "Etc/GMT-8", "2026-03-01 16:00:00+08");
    f("set time zone 8", "<+08>-08", "Etc/GMT-8", "2026-03-01 16:00:00+08");
    f("set time zone -5", "<-05>+05", "Etc/GMT+5", "2026-03-01 03:00:00-05");
    f("set time zone '0'", "UTC", "UTC", "2026-03-01 08:00:00+00");
    f("set time zone interval '+08:00' hour to minute", "<+08>-08", "Etc/GMT-8", "2026-03-01 16:00:00+08");
    f("set time zone interval '-03:00'", "<-03>+03", "Etc/GMT+3", "2026-03-01 05:00:00-03");
    f("set time zone '<+08>-08'", "<+08>-08", "Etc/GMT-8", "2026-03-01 16:00:00+08");
    f("set time zone '+08:00'", "+08:00", "Etc/GMT+8", "2026-03-01 00:00:00-08");
    f("set time zone 'UTC+8'", "UTC+8", "Etc/GMT+8", "2026-03-01 00:00:00-08");
    for (const char* const wrong : {"'5.5'", "interval '05:30'", "'+20'", "''", "'Mars/Olympus'", "'<+08'", "'8x'"}) {
        const std::string said = one->ask(query(std::string("set time zone ") + wrong));
        EXPECT_TRUE(said.starts_with("E 22023 ")) << wrong << said;
    }
    EXPECT_EQ(engine.asked().back().zone, "Etc/GMT+8");
}

// Of type timestamp: what a clock shows, in nobody's zone. As a parameter it is of the session's.
TEST_F(PgTest, ClocksWithoutAZoneStayAsTheyAre) {
    const std::vector<sql::Column> columns{{"clock", CellType::time, "TIMESTAMP"},
                                           {"at", CellType::time, "TIMESTAMP_NS"}};
    prepare("select clocks", columns, {{sql::Time{kNow}, sql::Time{-kSecond}}});
    prepare("select by $1", columns, {});
    auto one = client();
    one->sign_in("token", token, "TimeZone\0Asia/Shanghai\0"s);
    EXPECT_EQ(one->ask(query("select clocks")),
              "T clock:1114,at:1114\nD 2026-03-01 08:00:00,1969-12-31 23:59:59\nC SELECT 1\nZ I\n");
    const auto micros = static_cast<std::uint64_t>((kNow - 946'684'800 * kSecond) / kMicrosecond);
    for (const auto& [type, want] : {std::pair{1114u, kNow - 8 * kHour}, {1184u, kNow}}) {
        one->ask(parse("s", "select by $1", {type}) + bind("", "s", {big(micros, 8)}, 1) + execute("") +
                 framed('C', "Ss\0"s) + kSync);
        EXPECT_EQ(engine.asked().back().parameters.at(0), sql::Cell{sql::Time{want}}) << type;
    }
}

TEST_F(PgTest, CursorsGiveRowsByAndBy) {
    auto one = signed_in();
    const auto f = [&](const std::string& text, const std::string& want) {
        EXPECT_EQ(one->ask(query(text)), want) << text;
    };
    f("begin; declare c no scroll cursor for select ten", "C BEGIN\nC DECLARE CURSOR\nZ T\n");
    f("fetch forward 3 from c", "T n:23\nD 0\nD 1\nD 2\nC FETCH 3\nZ T\n");
    f("FETCH c", "T n:23\nD 3\nC FETCH 1\nZ T\n");
    f("fetch next in c", "T n:23\nD 4\nC FETCH 1\nZ T\n");
    f("fetch all from c", "T n:23\nD 5\nD 6\nD 7\nD 8\nD 9\nC FETCH 5\nZ T\n");
    f("fetch 2 from c", "T n:23\nC FETCH 0\nZ T\n");
    f("close c; commit", "C CLOSE CURSOR\nC COMMIT\nZ I\n");
    f("begin; declare \"My c\" cursor for select ten; commit", "C BEGIN\nC DECLARE CURSOR\nC COMMIT\nZ I\n");
    f("begin; fetch 1 from \"My c\"", "C BEGIN\nE 34000 there is no cursor \"My c\"\nZ E\n");
    f("rollback", "C ROLLBACK\nZ I\n");
    f("declare c cursor for select ten", "E 25P01 a cursor needs a transaction: BEGIN comes before DECLARE\nZ I\n");
    f("close c", "E 34000 there is no cursor \"c\"\nZ I\n");
    f("close all", "C CLOSE CURSOR ALL\nZ I\n");
    const auto refused = [&](const std::string& text, const std::string& want) {
        one->ask(query("begin; declare c cursor for select ten"));
        EXPECT_TRUE(one->ask(query(text)).starts_with("E " + want)) << text;
        one->ask(query("rollback"));
    };
    refused("declare c cursor for select 1", "42P03");
    refused("declare d scroll cursor for select 1", "0A000 a cursor goes forward only");
    refused("declare d cursor with hold for select 1", "0A000 a cursor lasts until");
    refused("declare d binary cursor for select 1", "0A000 a cursor gives text");
    refused("declare d cursor for delete from x", "42601 a cursor is of a SELECT");
    refused("declare d cursor", "42601");
    refused("fetch backward 1 from c", "0A000 a cursor goes forward only");
    refused("fetch -1 from c", "0A000 a cursor goes forward only");
    refused("fetch 0 from c", "0A000");
    refused("move 1 from c", "0A000");
    refused("fetch from", "42601");
    refused("fetch 1 from c d", "42601");
    const std::string said = one->ask(query("begin; savepoint s; declare d cursor for select late; fetch all from d"));
    EXPECT_TRUE(said.ends_with("E 22012 by zero\nZ E\n")) << said;  // its place is in DECLARE
    EXPECT_EQ(engine.running(), 0u) << "a cursor that failed keeps no turn";
    one->ask(query("rollback to savepoint s"));
    f("fetch 1 from d", "E 55000 the cursor's rows ended by an error: declare it again\nZ E\n");
    one->ask(query("rollback"));
    // In the extended protocol, as drivers with named cursors send it.
    one->ask(query("begin; declare c cursor for select ten"));
    EXPECT_EQ(one->ask(parse("f", "fetch 2 from c") + describe('S', "f") + bind("", "f") + describe('P', "") +
                       execute("") + kSync),
              "1\nt \nT n:23\n2\nT n:23\nD 0\nD 1\nC FETCH 2\nZ T\n");
    EXPECT_EQ(engine.running(), 1u);
    const std::string binary = one->ask(parse("g", "fetch 1 from c") + bind("", "g", {}, 0, 1) + execute("") + kSync);
    EXPECT_NE(binary.find("\0\0\0\2"s), binary.npos) << binary;
    one->ask(query("rollback"));
    EXPECT_EQ(engine.running(), 0u);
}

TEST(Lists, AreFoundWhereTheyAreLists) {
    const auto f = [](std::string_view text, std::size_t lists, std::optional<std::size_t> elsewhere = std::nullopt) {
        EXPECT_EQ(list_parameters(text).size(), lists) << text;
        EXPECT_EQ(list_elsewhere(text), elsewhere) << text;
    };
    f("t = ANY ($1)", 1);
    f("t = ANY($1) and u=any($1::text[])", 1);
    f("t <> ALL ($2) or v != all($1)", 2);
    f("t >= ANY ($1)", 0);
    f("t <= ANY ($1)", 0);
    f("t != ANY ($1)", 0);
    f("$1 is null or t = ANY ($1)", 1, 1);
    f("t = ANY ($2) and v > $1 and cardinality($2) > 0", 1, 2);
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "=ANY($1)";
    std::vector<std::size_t> members(900);
    const auto made = with_members(many, {{1, members}}, 100'000);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Code::limit);
    EXPECT_EQ(*with_members("t = ANY($1)", {{1, {1, 4}}}, 100), "t IN ($1, $4)");
}

TEST_F(PgTest, TakesListsAsValues) {
    const std::vector<sql::Column> columns{{"n", CellType::integer, "INTEGER"}};
    FakeEngine::Prepared typed;
    typed.parameters = {CellType::number, CellType::text};
    prepare("select where v > $1 and t IN ($2)", columns, {{std::int64_t{1}}}, typed);
    prepare("select where v > $1 and t IN ($2, $3, $4)", columns, {{std::int64_t{3}}});
    prepare("select where v > $1 and t IN (SELECT NULL WHERE false)", columns, {});
    prepare("select where t NOT IN ($1, $2)", columns, {{std::int64_t{2}}});
    auto one = signed_in();
    const std::string text = "select where v > $1 and t = ANY ($2)";
    EXPECT_EQ(one->ask(parse("s", text) + describe('S', "s") + kSync), "1\nt 701,1009\nT n:23\nZ I\n");
    const auto f = [&](const std::string& list, const std::string& want) {
        EXPECT_EQ(one->ask(bind("", "s", {"1.5", list}) + execute("") + kSync), want) << list;
    };
    f("{a}", "2\nD 1\nC SELECT 1\nZ I\n");
    EXPECT_EQ(engine.asked().back().parameters, (std::vector<sql::Cell>{1.5, "a"s}));
    f(R"({a, "b \"c\\,",NULL})", "2\nD 3\nC SELECT 1\nZ I\n");
    EXPECT_EQ(engine.asked().back().parameters, (std::vector<sql::Cell>{1.5, "a"s, "b \"c\\,"s, {}}));
    f("{}", "2\nC SELECT 0\nZ I\n");
    for (const char* const wrong : {"a", "{a", "{a}}", "{a,,b}", "{{a}}", "{\"a}"})
        EXPECT_TRUE(
            one->ask(bind("", "s", {"1.5", wrong}) + kSync).starts_with("E 22P02 parameter $2: a list is written"))
            << wrong;
    one->ask(parse("", "select where t <> all($1::int8[])") + bind("", "", {"{1,2}"}) + execute("") + kSync);
    EXPECT_EQ(engine.asked().back().parameters, (std::vector<sql::Cell>{std::int64_t{1}, std::int64_t{2}}));
}

TEST_F(PgTest, EndsWhatWaitsForItsTurn) {
    FakeEngine::Prepared waits;
    waits.waits = true;
    prepare("select waits", {{"n", CellType::integer, "INTEGER"}}, {}, waits);
    auto one = signed_in();
    const std::string key = big(one->process, 4) + big(one->key, 4);
    one->send(query("select waits"));
    EXPECT_EQ(one->hear(), "");
    client()->send(big(16, 4) + big(80'877'102, 4) + key);
    EXPECT_EQ(one->hear(), "E 57014 the statement was cancelled\nZ I\n");
    one->send(parse("s", "select waits") + describe('S', "s") + kSync);
    EXPECT_EQ(one->hear(), "1\n");
    client()->send(big(16, 4) + big(80'877'102, 4) + key);
    EXPECT_EQ(one->hear(), "E 57014 the statement was cancelled\nZ I\n");
}

TEST_F(PgTest, LimitsAreTold) {
    open({.sessions_max = 3,
          .sessions_of_one_max = 2,
          .message_bytes_max = 5'000,
          .statements_max = 2,
          .portals_max = 1});
    auto one = signed_in(), two = signed_in();
    EXPECT_EQ(client()->sign_in("token", token), "E 53300 token:grafana has 2 sessions open, its limit\n");
    auto third = client(), fourth = client();
    fourth->start("token");
    EXPECT_EQ(fourth->hear(), "E 53300 3 sessions are open, the limit of this server\n");
    EXPECT_EQ(one->ask(parse("a", "select 1") + parse("b", "select 1") + parse("c", "select 1") + kSync),
              "1\n1\nE 54000 2 statements are prepared, the limit of a session\nZ I\n");
    EXPECT_EQ(one->ask(framed('C', "Sb\0"s) + parse("", "select 1") + parse("", "select 1") + kSync), "3\n1\n1\nZ I\n");
    EXPECT_EQ(one->ask(bind("x", "a") + bind("y", "a") + kSync),
              "2\nE 54000 1 portals are open, the limit of a session\nZ I\n");
    EXPECT_EQ(one->ask(query(std::string(6'000, ' '))),
              "E 54000 a message of 6005 bytes comes in; at most 5000 are taken here\n");
    EXPECT_TRUE(one->closed());
}

TEST_F(PgTest, GarbageEndsOnlyItsOwnSession) {
    auto good = signed_in();
    Rng rng{7};
    for (int i = 0; i < 50; ++i) {
        auto bad = i % 2 == 0 ? client() : signed_in();
        std::string bytes;
        for (int k = 0; k < 200; ++k) bytes += static_cast<char>(rng.below(256));
        bad->send(bytes);
        bad->hear(100 * kMillisecond);
    }
    EXPECT_EQ(good->ask(query("select 1")), "T n:23\nD 1\nC SELECT 1\nZ I\n");
}

TEST_F(PgTest, SaysThatTheEngineIsMissing) {
    engine.set_missing("SQL needs libduckdb");
    auto one = signed_in();
    EXPECT_EQ(one->ask(query("select 1")), "E 58000 SQL needs libduckdb\nZ I\n");
    EXPECT_EQ(one->ask(query("show server_version_num")), "T server_version_num:25\nD 150000\nC SHOW\nZ I\n");
}

TEST(PgRows, ColumnsWithoutANameHaveThatOfTheirFunction) {
    const auto f = [](const std::string& name, const std::string& want) {
        EXPECT_EQ(fields_of({{name, CellType::text, "VARCHAR"}}, {}).value()[0].name, want);
    };
    f("count_star()", "count");
    f("avg(\"value\")", "avg");
    f("main.date_part('epoch', ts)", "date_part");
    f("max(a) - min(a)", "max(a) - min(a)");
    f("(a + b)", "(a + b)");
    f("My Name (unit)", "My Name (unit)");
    f("value", "value");
    const std::vector<sql::Column> two{{"a", CellType::text, "JSON"}, {"b", CellType::integer, "SMALLINT"}};
    const auto fields = fields_of(two, {wire::PgFormat::binary}).value();
    EXPECT_EQ(fields[0].type, wire::PgType::json);
    EXPECT_EQ(fields[1].type, wire::PgType::int2);
    EXPECT_EQ(fields[1].format, wire::PgFormat::binary);
    EXPECT_FALSE(fields_of(two, std::vector<wire::PgFormat>(3)));
}

TEST(PgCatalog, ReadsDeepStatementsOnce) {
    std::string deep = "select version()";
    for (int i = 0; i < 1500; ++i) deep += ", f(version(), (1))";
    const Settings settings{"1.2", "li"};
    const auto translated = translate(deep, settings);
    ASSERT_TRUE(translated);
    EXPECT_EQ(translated->find("version("), std::string::npos);
    std::string nested = "version()";
    for (int i = 0; i < 6000; ++i) nested = "f(" + nested + ")";
    EXPECT_TRUE(translate("select " + nested, settings));
    EXPECT_FALSE(translate("select )))((( version", settings));
}

TEST(PgCatalog, TranslatesWhatClientsAsk) {
    const Settings settings{"1.2", "li"};
    const auto f = [&](std::string_view text, const std::string& want) {
        EXPECT_EQ(translate(text, settings).value_or("as it is"), want) << text;
    };
    f("select * from readings where tag = 'pg_class'", "as it is");
    f("select * from public.readings", "select * from readings");
    f("select p.value from \"public\".\"readings\" p", "select p.value from \"readings\" p");
    f("SELECT version()", "SELECT 'PostgreSQL 15.0 (Gongshu 1.2)' AS \"version\"");
    f("select pg_catalog.version(), current_user",
      "select 'PostgreSQL 15.0 (Gongshu 1.2)' AS \"version\", 'li' AS \"current_user\"");
    f("select current_setting('server_version_num')::int/100", "select '150000'::int/100");
    f("select set_config('search_path', '', false)", "select '' AS \"set_config\"");
    f("select 'a' ~ '^pg_', 'b' OPERATOR(pg_catalog.!~) 'x' COLLATE pg_catalog.default",
      "select 'a' ~ '(?s).*(?:^pg_).*', 'b' !~ '(?s).*(?:x).*' ");
    f("select quote_ident(table_name) from t", "select (table_name) from t");
    f("select a::pg_catalog.regtype::pg_catalog.text", "select a::VARCHAR::text");
    f("SELECT pubname FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_class c ON true",
      "SELECT NULL::VARCHAR AS nothing WHERE false");
    const std::string database = translate("select d.datname from pg_catalog.pg_database d", settings).value();
    EXPECT_TRUE(database.starts_with("WITH \"pg_database\" AS (SELECT 1 AS oid, 'gongshu'")) << database;
    EXPECT_TRUE(database.ends_with(") select d.datname from pg_database d")) << database;
    const std::string with = translate("with recursive x as (select 1) select * from x, pg_am", settings).value();
    EXPECT_TRUE(with.starts_with("WITH RECURSIVE \"pg_am\" AS (")) << with;
    EXPECT_TRUE(with.ends_with("), x as (select 1) select * from x, pg_am")) << with;
    const std::string number = translate("select 'public.readings'::regclass, $1::regclass", settings).value();
    EXPECT_TRUE(number.ends_with(
        "select (SELECT oid FROM pg_class WHERE relname = 'readings'), (SELECT oid FROM pg_class WHERE relname = $1)"))
        << number;
    const std::string columns = translate("select * from information_schema.columns", settings).value();
    EXPECT_TRUE(columns.ends_with(") select * from \"columns\"")) << columns;
    EXPECT_NE(columns.find("\"gs_types\" AS ("), columns.npos);
    const std::string grafana = translate(
                                    "select table_name from information_schema.tables where quote_ident(table_schema) "
                                    "IN ( SELECT CASE WHEN trim(s[i]) = "
                                    "'\"$user\"' THEN user ELSE trim(s[i]) END FROM "
                                    "generate_series(array_lower(string_to_array(current_setting('search_path'),"
                                    "','),1), array_upper(string_to_array(current_setting('search_path'),','),1)) as "
                                    "i, string_to_array(current_setting("
                                    "'search_path'),',') s) order by 1",
                                    settings)
                                    .value();
    EXPECT_TRUE(grafana.ends_with("where (table_schema) IN ('public') order by 1")) << grafana;
}

}  // namespace
}  // namespace gongshu::pg
