#include "wire/pgwire.h"

#include <gtest/gtest.h>

#include "wire/pg_value.h"
#include "wire/scram.h"
#include "wire/sql_text.h"

namespace gongshu::wire {
namespace {

using namespace std::string_literals;

std::string big(std::uint64_t value, int bytes) {
    std::string out;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
    return out;
}

std::string framed(char type, const std::string& body) { return std::string(1, type) + big(body.size() + 4, 4) + body; }
std::string first_of(const std::string& body) { return big(body.size() + 4, 4) + body; }

// The first message of `bytes`, which come in pieces of each size; "error …" if it is none.
std::string told(const std::string& bytes, std::function<std::string(PgFirst&)> tell) {
    std::string last;
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{100'000}}) {
        PgDecoder decoder;
        std::string said = "more";
        for (std::size_t at = 0; at < bytes.size() && said == "more"; at += piece) {
            Bytes received = as_bytes(std::string_view(bytes).substr(at, piece));
            PgFirst first;
            const auto taken = decoder.take_first(received, first);
            if (!taken) said = "error " + taken.error().text();
            if (taken && *taken) said = tell(first);
        }
        EXPECT_TRUE(last.empty() || last == said) << last << " / " << said;
        last = said;
    }
    return last;
}

TEST(PgWire, ReadsWhatAClientSaysFirst) {
    const auto f = [](const std::string& bytes, const std::string& want) {
        EXPECT_EQ(told(bytes,
                       [](PgFirst& first) -> std::string {
                           if (std::get_if<PgSslRequest>(&first)) return "ssl";
                           if (std::get_if<PgGssRequest>(&first)) return "gss";
                           if (auto* cancel = std::get_if<PgCancelRequest>(&first))
                               return fmt::format("cancel {} {}", cancel->process, cancel->key);
                           std::string out;
                           auto& startup = std::get<PgStartup>(first);
                           for (const auto& [name, value] : startup.parameters) out += name + "=" + value + " ";
                           return fmt::format("{}.{} {}unknown {}", startup.major, startup.minor, out,
                                              startup.unknown_options().size());
                       }),
                  want);
    };
    f(first_of(big(80'877'103, 4)), "ssl");
    f(first_of(big(80'877'104, 4)), "gss");
    f(first_of(big(80'877'102, 4) + big(7, 4) + big(99, 4)), "cancel 7 99");
    f(first_of(big(0x30000, 4) + "user\0li\0database\0gongshu\0\0"s), "3.0 user=li database=gongshu unknown 0");
    f(first_of(big(0x30002, 4) + "user\0li\0_pq_.x\0001\0\0"s), "3.2 user=li _pq_.x=1 unknown 1");
    f(first_of(big(0x20000, 4) + "user\0"s), "error version 2.0 of the protocol is not spoken here: 3.0 is");
    f(first_of(big(0x30000, 4) + "user\0li"s), "error the startup message is cut off");
    f(first_of(big(0x30000, 4) + "user\0li\0\0x"s), "error the startup message has 1 bytes too many");
    f(first_of(big(0x30000, 4) + "user\0\xff\0\0"s), "error the startup message holds text that is not UTF-8");
    f(first_of(big(80'877'103, 4) + "x"), "error the startup message has 1 bytes too many");
    f(big(3, 4), "error a message says that it is 3 bytes long");
    f(big(10'001, 4), "error a message of 10001 bytes comes in; at most 10000 are taken here");
    f("GET / HTTP/1.1\r\n", "error a message of 1195725856 bytes comes in; at most 10000 are taken here");
    f(big(8, 4) + "ab", "more");
}

std::string tell(const PgMessage& message) {
    struct Tell {
        std::string operator()(const PgQuery& m) { return "query " + m.text; }
        std::string operator()(const PgParse& m) {
            return fmt::format("parse {} {} {}", m.statement, m.text, m.types.size());
        }
        std::string operator()(const PgBind& m) {
            std::string out = "bind " + m.portal + " " + m.statement;
            for (const auto& value : m.values) out += " " + value.value_or("NULL");
            return out + fmt::format(" formats {} {}", m.formats.size(), m.result_formats.size());
        }
        std::string operator()(const PgDescribe& m) { return fmt::format("describe {} {}", m.what, m.name); }
        std::string operator()(const PgClose& m) { return fmt::format("close {} {}", m.what, m.name); }
        std::string operator()(const PgExecute& m) { return fmt::format("execute {} {}", m.portal, m.rows_max); }
        std::string operator()(const PgSync&) { return "sync"; }
        std::string operator()(const PgFlush&) { return "flush"; }
        std::string operator()(const PgTerminate&) { return "end"; }
        std::string operator()(const PgSecret& m) { return "secret " + m.bytes; }
        std::string operator()(const PgCopy& m) { return fmt::format("copy {}", m.type); }
        std::string operator()(const PgFunctionCall&) { return "call"; }
    };
    return std::visit(Tell{}, message);
}

TEST(PgWire, ReadsMessagesInAnySplit) {
    const auto f = [](const std::string& bytes, const std::string& want) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, std::size_t{100'000}}) {
            PgDecoder decoder;
            std::string said;
            for (std::size_t at = 0; at < bytes.size(); at += piece) {
                Bytes received = as_bytes(std::string_view(bytes).substr(at, piece));
                for (;;) {
                    PgMessage message;
                    const auto taken = decoder.take(received, message);
                    if (!taken) said += "error " + taken.error().text();
                    if (!taken || !*taken) break;
                    said += tell(message) + "; ";
                }
                if (said.find("error") != said.npos) break;
            }
            EXPECT_EQ(said, want);
        }
    };
    f(framed('Q', "select 1\0"s), "query select 1; ");
    f(framed('P', "s\0select $1\0"s + big(1, 2) + big(20, 4)) + framed('S', ""), "parse s select $1 1; sync; ");
    f(framed('B', "p\0s\0"s + big(0, 2) + big(2, 2) + big(2, 4) + "ab" + big(0xFFFFFFFF, 4) + big(1, 2) + big(1, 2)),
      "bind p s ab NULL formats 0 1; ");
    f(framed('D', "Sx\0"s) + framed('C', "Py\0"s) + framed('E', "\0"s + big(50, 4)),
      "describe S x; close P y; execute  50; ");
    f(framed('H', "") + framed('X', ""), "flush; end; ");
    f(framed('p', "hush\0"s), "secret hush\0; "s);
    f(framed('d', "1,2") + framed('c', "") + framed('f', "why\0"s), "copy d; copy c; copy f; ");
    f(framed('F', "x"), "call; ");
    f(framed('Q', "select 1"), "error the Query message is cut off");
    f(framed('Q', "a\0b"s), "error the Query message has 1 bytes too many");
    f(framed('Q', "\xc3\0"s), "error the Query message holds text that is not UTF-8");
    f(framed('B', "p\0s\0"s + big(2, 2) + big(0, 2) + big(0, 2) + big(0, 2) + big(0, 2)),
      "error the Bind message has 2 format codes for 0 values");
    f(framed('B', "p\0s\0"s + big(1, 2) + big(7, 2)), "error the Bind message has a format code 7; there are 0 and 1");
    f(framed('B', "p\0s\0"s + big(0, 2) + big(60'000, 2)),
      "error the Bind message has 60000 values; at most 1000 are taken");
    f(framed('B', "p\0s\0"s + big(0, 2) + big(1, 2) + big(99, 4)), "error the Bind message is cut off");
    f(framed('P', "s\0x\0"s + big(3, 2) + big(20, 4)), "error the Parse message is cut off");
    f(framed('D', "Zx\0"s), "error a Describe or Close message names neither a statement nor a portal");
    f(framed('S', "x"), "error the Sync message has 1 bytes too many");
    f(framed('~', ""), "error there is no message of type 126");
    f("Q" + big(2, 4), "error a message says that it is 2 bytes long");
    f("Q" + big(100'000, 4), "error a message of 100000 bytes comes in; at most 10000 are taken here");
}

TEST(PgWire, ReadsWhatASignInSends) {
    EXPECT_EQ(read_pg_password("secret\0"s).value(), "secret");
    EXPECT_FALSE(read_pg_password("secret"));
    EXPECT_FALSE(read_pg_password("se\0cret\0"s));
    const auto sasl = read_pg_sasl_initial("SCRAM-SHA-256\0"s + big(3, 4) + "n,,");
    EXPECT_EQ(sasl->mechanism, "SCRAM-SHA-256");
    EXPECT_EQ(sasl->response, "n,,");
    EXPECT_EQ(read_pg_sasl_initial("X\0"s + big(0xFFFFFFFF, 4))->response, "");
    EXPECT_FALSE(read_pg_sasl_initial("X\0"s + big(4, 4) + "n,,"));
}

template <class Write>
std::string written(Write write) {
    std::string out;
    write(out);
    return out;
}

TEST(PgWire, WritesItsMessages) {
    EXPECT_EQ(written(write_pg_authentication_ok), framed('R', big(0, 4)));
    EXPECT_EQ(written(write_pg_authentication_password), framed('R', big(3, 4)));
    EXPECT_EQ(written([](auto& out) { write_pg_authentication_sasl(out, "SCRAM-SHA-256"); }),
              framed('R', big(10, 4) + "SCRAM-SHA-256\0\0"s));
    EXPECT_EQ(written([](auto& out) { write_pg_authentication_sasl_continue(out, "r=x"); }),
              framed('R', big(11, 4) + "r=x"));
    EXPECT_EQ(written([](auto& out) { write_pg_authentication_sasl_final(out, "v=x"); }),
              framed('R', big(12, 4) + "v=x"));
    EXPECT_EQ(written([](auto& out) { write_pg_negotiate_version(out, 0, {"_pq_.a"}); }),
              framed('v', big(0x30000, 4) + big(1, 4) + "_pq_.a\0"s));
    EXPECT_EQ(written([](auto& out) { write_pg_parameter_status(out, "a", "b"); }), framed('S', "a\0b\0"s));
    EXPECT_EQ(written([](auto& out) { write_pg_backend_key(out, 1, 2); }), framed('K', big(1, 4) + big(2, 4)));
    EXPECT_EQ(written([](auto& out) { write_pg_ready(out, 'E'); }), framed('Z', "E"));
    EXPECT_EQ(written([](auto& out) { write_pg_command_complete(out, "SELECT 3"); }), framed('C', "SELECT 3\0"s));
    EXPECT_EQ(written([](auto& out) { write_pg_parameter_description(out, {20, 0}); }),
              framed('t', big(2, 2) + big(20, 4) + big(0, 4)));
    EXPECT_EQ(written(write_pg_empty_query) + written(write_pg_no_data) + written(write_pg_portal_suspended),
              framed('I', "") + framed('n', "") + framed('s', ""));
    EXPECT_EQ(written(write_pg_parse_complete) + written(write_pg_bind_complete) + written(write_pg_close_complete),
              framed('1', "") + framed('2', "") + framed('3', ""));
    EXPECT_EQ(written([](auto& out) {
                  write_pg_error(out, {.sqlstate = "42601", .message = "no", .hint = "do", .position = 8});
              }),
              framed('E', "SERROR\0VERROR\0C42601\0Mno\0Hdo\0P8\0\0"s));
    EXPECT_EQ(
        written([](auto& out) { write_pg_notice(out, {.severity = "NOTICE", .sqlstate = "00000", .message = "so"}); }),
        framed('N', "SNOTICE\0VNOTICE\0C00000\0Mso\0\0"s));
    EXPECT_EQ(
        written([](auto& out) {
            write_pg_row_description(out, {{"ts", PgType::timestamptz, PgFormat::binary}, {"n\0x"s, PgType::text}});
        }),
        framed('T', big(2, 2) + "ts\0"s + big(0, 4) + big(0, 2) + big(1184, 4) + big(8, 2) + big(0xFFFFFFFF, 4) +
                        big(1, 2) + "n\0"s + big(0, 4) + big(0, 2) + big(25, 4) + big(0xFFFF, 2) + big(0xFFFFFFFF, 4) +
                        big(0, 2)));
    EXPECT_EQ(written([](auto& out) {
                  PgRowWriter row{out};
                  row.begin(2);
                  row.value([](std::string& to) { to += "abc"; });
                  row.null();
                  row.end();
              }),
              framed('D', big(2, 2) + big(3, 4) + "abc" + big(0xFFFFFFFF, 4)));
}

TEST(PgValue, WritesTextAsPostgreSqlDoes) {
    const auto time = [](TimeNs ns, std::int32_t offset) {
        return written([&](auto& out) { append_pg_time(out, PgFormat::text, ns, offset); });
    };
    EXPECT_EQ(time(0, 0), "1970-01-01 00:00:00+00");
    EXPECT_EQ(time(1'772'352'000 * kSecond + 120'000'000, 8 * 3600), "2026-03-01 16:00:00.12+08");
    EXPECT_EQ(time(1'772'352'000 * kSecond + 1'999, 0), "2026-03-01 08:00:00.000001+00");
    EXPECT_EQ(time(-1, 0), "1969-12-31 23:59:59.999999+00");
    EXPECT_EQ(time(0, 19'800), "1970-01-01 05:30:00+05:30");
    EXPECT_EQ(time(0, -12'600), "1969-12-31 20:30:00-03:30");
    EXPECT_EQ(time(0, 29'143), "1970-01-01 08:05:43+08:05:43");
    const auto date = [](std::int32_t days) {
        return written([&](auto& out) { append_pg_date(out, PgFormat::text, days); });
    };
    EXPECT_EQ(date(0), "1970-01-01");
    EXPECT_EQ(date(-719'528 - 365), "0002-01-01 BC");
    EXPECT_EQ(date(3'000'000), "10183-09-21");
    const auto number = [](double value) {
        return written([&](auto& out) { append_pg_number(out, PgFormat::text, value); });
    };
    EXPECT_EQ(number(21.5), "21.5");
    EXPECT_EQ(number(0.1), "0.1");
    EXPECT_EQ(number(1e300), "1e+300");
    EXPECT_EQ(number(-std::numeric_limits<double>::infinity()), "-Infinity");
    EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "NaN");
    EXPECT_EQ(written([](auto& out) { append_pg_boolean(out, PgFormat::text, true); }), "t");
    EXPECT_EQ(written([](auto& out) { append_pg_integer(out, PgType::int8, PgFormat::text, -7); }), "-7");
}

// What is written in binary is read back as the same.
TEST(PgValue, BinaryComesBack) {
    const auto back = [](PgType type, auto append) {
        const std::string bytes = written(append);
        return read_pg_value(type, PgFormat::binary, bytes).value();
    };
    for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{32'767}, std::int64_t{-32'768}}) {
        for (const PgType type : {PgType::int2, PgType::int4, PgType::int8})
            EXPECT_EQ(back(type, [&](auto& out) { append_pg_integer(out, type, PgFormat::binary, value); }),
                      PgValue{value});
    }
    for (const TimeNs value :
         {TimeNs{0}, TimeNs{-kSecond}, 1'772'352'000 * kSecond, std::numeric_limits<TimeNs>::max() / 1000 * 1000})
        EXPECT_EQ(back(PgType::timestamptz, [&](auto& out) { append_pg_time(out, PgFormat::binary, value, 999); }),
                  PgValue{PgTime{value}});
    EXPECT_EQ(back(PgType::timestamp, [&](auto& out) { append_pg_clock(out, PgFormat::binary, kSecond); }),
              (PgValue{PgTime{kSecond, true}}));
    EXPECT_EQ(written([](auto& out) { append_pg_clock(out, PgFormat::text, -500 * kMillisecond); }),
              "1969-12-31 23:59:59.5");
    for (const std::int32_t value : {0, -1, 20'000, 3'000'000})
        EXPECT_EQ(back(PgType::date, [&](auto& out) { append_pg_date(out, PgFormat::binary, value); }),
                  PgValue{PgDate{value}});
    for (const double value : {0.0, -1.5, 1e300})
        EXPECT_EQ(back(PgType::float8, [&](auto& out) { append_pg_number(out, PgFormat::binary, value); }),
                  PgValue{value});
    for (const char* value : {"0", "1", "-1", "12.50", "-0.0001", "10000", "99999999",
                              "123456789012345678901234567890.5", "0.00", "100000000", "0.10000"})
        EXPECT_EQ(back(PgType::numeric, [&](auto& out) { append_pg_numeric(out, PgFormat::binary, value); }),
                  PgValue{PgNumeric{value}})
            << value;
    EXPECT_EQ(back(PgType::boolean, [&](auto& out) { append_pg_boolean(out, PgFormat::binary, true); }), PgValue{true});
}

TEST(PgValue, KnowsTheBytesOfPostgreSql) {
    // select pg_catalog.numeric_send(…), as PostgreSQL 15 writes them.
    const auto numeric = [](const char* value) {
        return written([&](auto& out) { append_pg_numeric(out, PgFormat::binary, value); });
    };
    EXPECT_EQ(numeric("12345.678"),
              big(3, 2) + big(1, 2) + big(0, 2) + big(3, 2) + big(1, 2) + big(2345, 2) + big(6780, 2));
    EXPECT_EQ(numeric("-0.5"), big(1, 2) + big(0xFFFF, 2) + big(0x4000, 2) + big(1, 2) + big(5000, 2));
    EXPECT_EQ(numeric("0"), big(0, 8));
    EXPECT_EQ(numeric("NaN"), big(0, 4) + big(0xC000, 2) + big(0, 2));
    EXPECT_EQ(numeric("40000"), big(1, 2) + big(1, 2) + big(0, 4) + big(4, 2));
    EXPECT_EQ(written([](auto& out) { append_pg_time(out, PgFormat::binary, 946'684'800 * kSecond, 0); }), big(0, 8));
    EXPECT_EQ(written([](auto& out) { append_pg_date(out, PgFormat::binary, 10'957); }), big(0, 4));
}

TEST(PgValue, ReadsParameters) {
    const auto f = [](PgType type, PgFormat format, const std::string& bytes, const PgValue& want) {
        const auto found = read_pg_value(type, format, bytes);
        ASSERT_TRUE(found) << found.error().text();
        EXPECT_EQ(*found, want);
    };
    f(PgType::unspecified, PgFormat::text, "10", PgValue{"10"s});
    f(PgType::int4, PgFormat::text, "-10", PgValue{std::int64_t{-10}});
    f(PgType::float8, PgFormat::text, "1e3", PgValue{1000.0});
    f(PgType::boolean, PgFormat::text, "off", PgValue{false});
    f(PgType::numeric, PgFormat::text, "-1.50", PgValue{PgNumeric{"-1.50"}});
    f(PgType::numeric, PgFormat::text, "1e3", PgValue{"1e3"s});
    f(PgType::timestamptz, PgFormat::text, "2026-03-01", PgValue{"2026-03-01"s});
    f(PgType::jsonb, PgFormat::binary, "\1{}", PgValue{"{}"s});
    f(PgType::uuid, PgFormat::binary, std::string(16, '\x0a'), PgValue{"0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"s});
    f(PgType::bytea, PgFormat::binary, "\1\xff", PgValue{"\\x01ff"s});
    f(PgType::float4, PgFormat::binary, big(0x3FC00000, 4), PgValue{1.5});
    const auto wrong = [](PgType type, PgFormat format, const std::string& bytes, Code code) {
        const auto found = read_pg_value(type, format, bytes);
        ASSERT_FALSE(found);
        EXPECT_EQ(found.error().code(), code) << found.error().text();
    };
    wrong(PgType::int4, PgFormat::text, "ten", Code::malformed);
    wrong(PgType::int4, PgFormat::text, "", Code::malformed);
    wrong(PgType::int8, PgFormat::text, "9223372036854775808", Code::malformed);
    wrong(PgType::boolean, PgFormat::text, "maybe", Code::malformed);
    wrong(PgType::text, PgFormat::binary, "\xff", Code::malformed);
    wrong(PgType::text, PgFormat::text, "a\0b"s, Code::malformed);
    wrong(PgType::int8, PgFormat::binary, "abc", Code::malformed);
    wrong(PgType::timestamptz, PgFormat::binary, big(INT64_MAX, 8), Code::malformed);
    wrong(PgType::timestamptz, PgFormat::binary, big(static_cast<std::uint64_t>(INT64_MIN), 8), Code::malformed);
    wrong(PgType::numeric, PgFormat::binary, big(5, 2) + big(0, 6), Code::malformed);
    wrong(PgType::numeric, PgFormat::binary, big(0, 4) + big(0xD000, 2) + big(0, 2), Code::unsupported);
    wrong(static_cast<PgType>(600), PgFormat::binary, "x", Code::unsupported);
}

TEST(SqlText, DividesStatements) {
    const auto f = [](std::string_view text, const std::vector<std::string_view>& want) {
        EXPECT_EQ(sql_statements(text), want) << text;
    };
    f("", {});
    f(" ; -- nothing\n ;", {});
    f("select 1", {"select 1"});
    f("select 1; select 2 ;", {"select 1", "select 2"});
    f("select ';', \";\", $$;$$, $t$ ; $$ $t$, E'\\';' -- ;\n from t /* ; /* ; */ ; */; x",
      {"select ';', \";\", $$;$$, $t$ ; $$ $t$, E'\\';' -- ;\n from t", "x"});
    f("select 'it''s;'; b", {"select 'it''s;'", "b"});
    f("select '", {"select '"});
    f("select 1 /* never ends ; ", {"select 1"});
    f("select 表; 二", {"select 表", "二"});
}

TEST(SqlText, TellsShapesAlike) {
    const auto f = [](std::string_view text, const std::string& want) { EXPECT_EQ(sql_shape(text), want); };
    f("SELECT  c.Oid\n FROM pg_catalog.pg_class c -- x", "select c . oid from pg_class c");
    f("pg_catalog.now()", "now ( )");
    f("OPERATOR(pg_catalog.~) '^(a)$' COLLATE pg_catalog.default", "operator ( ~ ) '^(a)$' collate default");
    f("'Ab' \"Ab\" $1 1.5e-3", "'Ab' \"Ab\" $1 1.5e-3");
}

TEST(SqlText, KnowsTheVerb) {
    const auto f = [](std::string_view text, SqlVerb want) { EXPECT_EQ(sql_verb(text), want) << text; };
    f("select 1", SqlVerb::other);
    f("/* x */ BEGIN READ ONLY", SqlVerb::begin);
    f("start transaction", SqlVerb::begin);
    f("END", SqlVerb::commit);
    f("rollback", SqlVerb::rollback);
    f("rollback to savepoint a", SqlVerb::savepoint);
    f("ROLLBACK TO a", SqlVerb::savepoint);
    f("rollback work to a", SqlVerb::savepoint);
    f("insert into t values (1)", SqlVerb::write);
    f("declare c cursor for select 1", SqlVerb::declare);
    f("FETCH FORWARD 100 FROM c", SqlVerb::fetch);
    f("\"begin\"", SqlVerb::other);
    f("", SqlVerb::other);
    f("with x as (select 1) select 1", SqlVerb::other);
}

TEST(SqlText, Unquotes) {
    const auto f = [](std::string_view text, const std::string& want) {
        EXPECT_EQ(sql_unquoted(sql_words(text).at(0)), want) << text;
    };
    f("Name", "name");
    f("\"A \"\"b\"\"\"", "A \"b\"");
    f("'it''s'", "it's");
    f("E'a\\'b\\n'", "a'b\n");
    f("$q$a$b$q$", "a$b");
    f("$$", "");
    f("'", "");
    f("e'", "");
}

// RFC 7677 §3.
TEST(Scram, FollowsTheExampleOfTheStandard) {
    ScramServer server;
    const std::string salt = "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
    EXPECT_EQ(server.first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", salt, 4096).value(),
              "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    const auto proof = server.final(
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    ASSERT_TRUE(proof) << proof.error().text();
    EXPECT_EQ(proof->message,
              "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s="
              "W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
              "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    EXPECT_EQ(to_hex(as_bytes(proof->proof)), "747cdb65aa56224e2352137e52d7bdcad6a0f738df30782caa69a2cfb0277554");
}

TEST(Scram, RefusesWhatIsNone) {
    const auto f = [](std::string_view first, std::string_view final, Code want) {
        ScramServer server;
        const auto begun = server.first(first, "xyz", "salt", 4096);
        const auto done = begun ? server.final(final) : Result<ScramProof>(begun.error());
        ASSERT_FALSE(done) << first << " " << final;
        EXPECT_EQ(done.error().code(), want) << done.error().text();
    };
    const std::string proof = ",p=" + std::string(43, 'A') + "=";
    f("p=tls-unique,,n=,r=a", "", Code::unsupported);
    f("n,a=li,n=,r=a", "", Code::unsupported);
    f("n,,m=x,n=,r=a", "", Code::unsupported);
    f("", "", Code::malformed);
    f("n,,", "", Code::malformed);
    f("n,,n=,r=", "", Code::malformed);
    f("n,,n=,r=a b", "", Code::malformed);
    f("n,,n=" + std::string(2000, 'x') + ",r=a", "", Code::malformed);
    f("n,,n=,r=a", "", Code::malformed);
    f("n,,n=,r=a", "c=biws,r=axyz", Code::malformed);
    f("n,,n=,r=a", "c=eSws,r=axyz" + proof, Code::malformed);
    f("n,,n=,r=a", "c=biws,r=a" + proof, Code::malformed);
    f("n,,n=,r=a", "c=biws,r=axyz,p=short", Code::malformed);
    f("n,,n=,r=a", "c=biws,r=axyz,p=" + std::string(43, '!') + "=", Code::malformed);
    ScramServer knows;
    EXPECT_TRUE(knows.first("y,,n=,r=a", "xyz", "salt", 4096));
    EXPECT_TRUE(knows.final("c=eSws,r=axyz" + proof));
}

}  // namespace
}  // namespace gongshu::wire
