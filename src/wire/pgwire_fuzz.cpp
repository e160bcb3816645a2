#include "base/assert.h"
#include "wire/pg_value.h"
#include "wire/pgwire.h"
#include "wire/scram.h"
#include "wire/sql_text.h"

namespace gongshu::wire {
namespace {

// What was read as a value is written and read again as the same.
void go_round(PgType type, std::string_view bytes) {
    const auto value = read_pg_value(type, PgFormat::binary, bytes);
    if (!value) return;
    std::string again;
    if (const auto* numeric = std::get_if<PgNumeric>(&*value))
        append_pg_numeric(again, PgFormat::binary, numeric->digits);
    if (const auto* time = std::get_if<PgTime>(&*value)) append_pg_time(again, PgFormat::binary, time->ns, 0);
    if (const auto* date = std::get_if<PgDate>(&*value)) append_pg_date(again, PgFormat::binary, date->days);
    if (again.empty()) return;
    const auto same = read_pg_value(type, PgFormat::binary, again);
    ASSERT(same && *same == *value);
    std::string text;
    if (const auto* time = std::get_if<PgTime>(&*value)) append_pg_time(text, PgFormat::text, time->ns, 3600);
    if (const auto* date = std::get_if<PgDate>(&*value)) append_pg_date(text, PgFormat::text, date->days);
}

void look_at_sql(std::string_view text) {
    std::size_t end = 0;
    for (const SqlWord& word : sql_words(text)) {
        ASSERT(word.at >= end && !word.source.empty());
        end = word.at + word.source.size();
        ASSERT(sql_unquoted(word).size() <= word.source.size());
    }
    ASSERT(end <= text.size());
    for (const std::string_view statement : sql_statements(text)) {
        ASSERT(sql_statements(statement).size() == 1);
        sql_verb(statement);
    }
    sql_shape(text);
}

void look_at_scram(std::string_view text) {
    ScramServer server;
    const std::size_t half = text.find('\n');
    const auto first = server.first(text.substr(0, half), "nonce", "salt", 4096);
    if (first && half != text.npos) std::ignore = server.final(text.substr(half + 1));
}

}  // namespace
}  // namespace gongshu::wire

// The first byte says how the bytes are split and whether the client has started up; the rest is what it says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    using namespace gongshu::wire;
    if (bytes == 0) return 0;
    const Bytes all{data + 1, bytes - 1};
    const std::size_t piece = 1 + (data[0] >> 1);
    bool started = (data[0] & 1) != 0;
    PgDecoder decoder;
    for (std::size_t at = 0; at < all.size(); at += piece) {
        Bytes received = all.subspan(at, std::min(piece, all.size() - at));
        for (bool more = true; more;) {
            PgFirst first;
            PgMessage message;
            const auto taken = started ? decoder.take(received, message) : decoder.take_first(received, first);
            if (!taken) return 0;
            more = *taken;
            if (!more) break;
            if (!started) {
                started = std::holds_alternative<PgStartup>(first);
            } else if (const auto* query = std::get_if<PgQuery>(&message)) {
                look_at_sql(query->text);
            } else if (const auto* bind = std::get_if<PgBind>(&message)) {
                for (const auto& value : bind->values)
                    for (const PgType type :
                         {PgType::numeric, PgType::timestamptz, PgType::date, PgType::uuid, PgType::float4})
                        if (value) go_round(type, *value);
            } else if (const auto* secret = std::get_if<PgSecret>(&message)) {
                std::ignore = read_pg_password(secret->bytes);
                std::ignore = read_pg_sasl_initial(secret->bytes);
                look_at_scram(secret->bytes);
            }
        }
        ASSERT(received.empty());
    }
    return 0;
}
