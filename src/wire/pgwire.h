#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

// The frontend/backend protocol of PostgreSQL, version 3, as a server: chapter "Frontend/Backend Protocol" of its
// manual.
namespace gongshu::wire {

// ---- what a client says first ---------------------------------------------------------------------------------------

struct PgSslRequest {};
struct PgGssRequest {};
struct PgCancelRequest {
    std::uint32_t process = 0, key = 0;
};
struct PgStartup {
    std::uint16_t major = 3, minor = 0;
    std::vector<std::pair<std::string, std::string>> parameters;  // as sent
    std::string_view parameter(std::string_view name) const;      // "" if it is not there
    // Names that begin with _pq_.: options of the protocol, of which we know none.
    std::vector<std::string> unknown_options() const;
};
using PgFirst = std::variant<PgSslRequest, PgGssRequest, PgCancelRequest, PgStartup>;

// ---- what it says then ----------------------------------------------------------------------------------------------

// Text or binary, as format codes on the wire.
enum class PgFormat : std::uint16_t { text = 0, binary = 1 };

struct PgQuery {
    std::string text;
};
struct PgParse {
    std::string statement, text;
    std::vector<std::uint32_t> types;  // OIDs; 0 = not said
};
struct PgBind {
    std::string portal, statement;
    std::vector<PgFormat> formats;  // none = all text, one = of all, else of each
    std::vector<std::optional<std::string>> values;
    std::vector<PgFormat> result_formats;  // likewise
};
// Describe and Close: 'S' a statement, 'P' a portal.
struct PgDescribe {
    char what = 'S';
    std::string name;
};
struct PgClose {
    char what = 'S';
    std::string name;
};
struct PgExecute {
    std::string portal;
    std::int32_t rows_max = 0;  // 0 = all
};
struct PgSync {};
struct PgFlush {};
struct PgTerminate {};
// PasswordMessage, SASLInitialResponse or SASLResponse: which one, the state of the sign-in says.
struct PgSecret {
    std::string bytes;
};
// CopyData, CopyDone and CopyFail: there is no COPY that would want them.
struct PgCopy {
    char type = 'd';
};
struct PgFunctionCall {};
using PgMessage = std::variant<PgQuery, PgParse, PgBind, PgDescribe, PgClose, PgExecute, PgSync, PgFlush, PgTerminate,
                               PgSecret, PgCopy, PgFunctionCall>;

// PgDecoder puts the bytes of a client in any split together to messages.
// Threads: one at a time.   Disk: none.
// Bounds:  kFirstBytesMax for what comes first, then message_bytes_max(); kValuesMax parameters; more is Code::limit,
//          and what is no message Code::malformed: the connection is to be closed.
class PgDecoder {
public:
    static constexpr std::size_t kFirstBytesMax = 10'000;  // as PostgreSQL has it
    static constexpr std::size_t kStartupParametersMax = 100;
    static constexpr std::size_t kValuesMax = 1'000;

    // Small until who speaks is known.
    std::size_t message_bytes_max = kFirstBytesMax;

    // Take bytes of `received` until one is whole: true, and it is in the second argument. What is left stays in
    // `received`. take_first() again after a request for encryption was answered.
    Result<bool> take_first(Bytes& received, PgFirst& first);
    Result<bool> take(Bytes& received, PgMessage& message);
    bool idle() const { return whole_.empty(); }

private:
    Result<bool> collect(Bytes& received, std::size_t head, std::size_t bytes_max);
    std::string whole_;  // the message that comes in, from its first byte
};

// What follows PasswordMessage's and SASL's type byte.
Result<std::string> read_pg_password(std::string_view bytes);  // without its NUL
struct PgSaslInitial {
    std::string mechanism, response;
};
Result<PgSaslInitial> read_pg_sasl_initial(std::string_view bytes);

// ---- what the server says -------------------------------------------------------------------------------------------

// Types by the numbers that PostgreSQL gives them.
enum class PgType : std::uint32_t {
    unspecified = 0,
    boolean = 16,
    bytea = 17,
    name = 19,
    int8 = 20,
    int2 = 21,
    int4 = 23,
    text = 25,
    oid = 26,
    json = 114,
    float4 = 700,
    float8 = 701,
    unknown = 705,
    varchar = 1043,
    date = 1082,
    timestamp = 1114,
    timestamptz = 1184,
    numeric = 1700,
    uuid = 2950,
    jsonb = 3802,
};

struct PgField {
    std::string name;
    PgType type = PgType::text;
    PgFormat format = PgFormat::text;
};

struct PgNotice {
    std::string_view severity = "ERROR";  // ERROR, FATAL, WARNING, NOTICE
    std::string sqlstate = "XX000";       // five characters
    std::string message;
    std::string hint = {}, detail = {};  // "" = none
    std::uint32_t position = 0;          // in characters from 1; 0 = nowhere in particular
};

// Each appends one message.
void write_pg_authentication_ok(std::string& out);
void write_pg_authentication_password(std::string& out);
void write_pg_authentication_sasl(std::string& out, std::string_view mechanism);
void write_pg_authentication_sasl_continue(std::string& out, std::string_view data);
void write_pg_authentication_sasl_final(std::string& out, std::string_view data);
void write_pg_negotiate_version(std::string& out, std::uint16_t minor, const std::vector<std::string>& unknown_options);
void write_pg_parameter_status(std::string& out, std::string_view name, std::string_view value);
void write_pg_backend_key(std::string& out, std::uint32_t process, std::uint32_t key);
// 'I' idle, 'T' in a transaction, 'E' in one that failed.
void write_pg_ready(std::string& out, char status);
void write_pg_error(std::string& out, const PgNotice& notice);
void write_pg_notice(std::string& out, const PgNotice& notice);
void write_pg_command_complete(std::string& out, std::string_view tag);
void write_pg_row_description(std::string& out, const std::vector<PgField>& fields);
void write_pg_parameter_description(std::string& out, const std::vector<std::uint32_t>& types);
void write_pg_empty_query(std::string& out);
void write_pg_no_data(std::string& out);
void write_pg_parse_complete(std::string& out);
void write_pg_bind_complete(std::string& out);
void write_pg_close_complete(std::string& out);
void write_pg_portal_suspended(std::string& out);

// One DataRow: begin with the number of columns, add a value for each, end.
class PgRowWriter {
public:
    explicit PgRowWriter(std::string& out) : out_(out) {}
    void begin(std::size_t columns);
    void null();
    // Appends the value's bytes and its length in front of them; `write` appends to the same text.
    template <class Write>
    void value(Write write) {
        const std::size_t at = begin_value();
        write(out_);
        end_value(at);
    }
    void end();

private:
    std::size_t begin_value();
    void end_value(std::size_t at);
    std::string& out_;
    std::size_t start_ = 0;
};

}  // namespace gongshu::wire
