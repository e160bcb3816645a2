#include "wire/pgwire.h"

#include <algorithm>

#include "base/assert.h"
#include "base/utf8.h"

namespace gongshu::wire {

namespace {

constexpr std::uint32_t kSslRequest = 80'877'103, kGssRequest = 80'877'104, kCancelRequest = 80'877'102;
constexpr std::size_t kLengthBytes = 4;

void put16(std::string& out, std::size_t value) {
    out += static_cast<char>(value >> 8 & 0xFF);
    out += static_cast<char>(value & 0xFF);
}

void put32(std::string& out, std::uint32_t value) {
    put16(out, value >> 16);
    put16(out, value & 0xFFFF);
}

void put_text(std::string& out, std::string_view text) {
    out += text.substr(0, text.find('\0'));  // what follows a NUL would be read as the next field
    out += '\0';
}

std::uint32_t read32(std::string_view bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
    return value;
}

void patch32(std::string& out, std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) out[at + i] = static_cast<char>(value >> (24 - 8 * i) & 0xFF);
}

// A message from its type to its end: the length is filled in when it goes out of scope.
class Framed {
public:
    Framed(std::string& out, char type) : out_(out), at_(out.size() + 1) {
        out_ += type;
        put32(out_, 0);
    }
    Framed(const Framed&) = delete;
    Framed& operator=(const Framed&) = delete;
    ~Framed() { patch32(out_, at_, static_cast<std::uint32_t>(out_.size() - at_)); }

private:
    std::string& out_;
    const std::size_t at_;
};

// The fields of a message, one after another.
class Fields {
public:
    Fields(const char* message, std::string_view rest) : message_(message), rest_(rest) {}

    Result<std::string> text() {
        const auto end = rest_.find('\0');
        if (end == rest_.npos) return cut_off();
        std::string out(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        return out;
    }
    // Names and statements: what is not UTF-8 could not be answered either.
    Result<std::string> utf8() {
        std::string out = TRY(text());
        if (find_broken_utf8(out) != std::string_view::npos)
            return Error{Code::malformed, "the {} message holds text that is not UTF-8", message_};
        return out;
    }
    Result<char> byte() { return TRY(bytes(1))[0]; }
    Result<std::uint16_t> number16() {
        const std::string_view two = TRY(bytes(2));
        return static_cast<std::uint16_t>(static_cast<std::uint8_t>(two[0]) << 8 | static_cast<std::uint8_t>(two[1]));
    }
    Result<std::uint32_t> number32() { return read32(TRY(bytes(4))); }
    Result<std::string_view> bytes(std::size_t count) {
        if (rest_.size() < count) return cut_off();
        const std::string_view out = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return out;
    }
    // How many of something follow, each of at least `bytes_min` bytes.
    Result<std::size_t> count(std::size_t bytes_min) {
        const std::size_t found = TRY(number16());
        if (found > PgDecoder::kValuesMax)
            return Error{Code::limit, "the {} message has {} values; at most {} are taken", message_, found,
                         PgDecoder::kValuesMax};
        if (rest_.size() < found * bytes_min) return cut_off();
        return found;
    }
    Result<std::vector<PgFormat>> formats() {
        std::vector<PgFormat> out(TRY(count(2)));
        for (PgFormat& format : out) {
            const std::uint16_t code = TRY(number16());
            if (code > 1)
                return Error{Code::malformed, "the {} message has a format code {}; there are 0 and 1", message_, code};
            format = static_cast<PgFormat>(code);
        }
        return out;
    }
    Result<void> end() const {
        if (rest_.empty()) return {};
        return Error{Code::malformed, "the {} message has {} bytes too many", message_, rest_.size()};
    }
    std::string_view rest() const { return rest_; }

private:
    Error cut_off() const { return Error{Code::malformed, "the {} message is cut off", message_}; }
    const char* message_;
    std::string_view rest_;
};

Result<PgFirst> read_startup(std::uint32_t version, Fields fields) {
    PgStartup out;
    out.major = static_cast<std::uint16_t>(version >> 16);
    out.minor = static_cast<std::uint16_t>(version & 0xFFFF);
    if (out.major != 3)
        return Error{Code::unsupported, "version {}.{} of the protocol is not spoken here: 3.0 is", out.major,
                     out.minor};
    for (;;) {
        std::string name = TRY(fields.utf8());
        if (name.empty()) break;
        if (out.parameters.size() >= PgDecoder::kStartupParametersMax)
            return Error{Code::limit, "the startup message has more than {} parameters",
                         PgDecoder::kStartupParametersMax};
        std::string value = TRY(fields.utf8());
        out.parameters.emplace_back(std::move(name), std::move(value));
    }
    TRY(fields.end());
    return PgFirst{std::move(out)};
}

Result<PgFirst> read_first(std::string_view whole) {
    Fields fields("startup", whole.substr(kLengthBytes));
    const std::uint32_t version = TRY(fields.number32());
    if (version == kSslRequest || version == kGssRequest) {
        TRY(fields.end());
        return version == kSslRequest ? PgFirst{PgSslRequest{}} : PgFirst{PgGssRequest{}};
    }
    if (version != kCancelRequest) return read_startup(version, fields);
    PgCancelRequest out;
    out.process = TRY(fields.number32());
    out.key = TRY(fields.number32());
    TRY(fields.end());
    return PgFirst{out};
}

Result<PgMessage> read_query(Fields fields) {
    PgQuery out{TRY(fields.utf8())};
    TRY(fields.end());
    return PgMessage{std::move(out)};
}

Result<PgMessage> read_parse(Fields fields) {
    PgParse out;
    out.statement = TRY(fields.utf8());
    out.text = TRY(fields.utf8());
    out.types.resize(TRY(fields.count(4)));
    for (std::uint32_t& type : out.types) type = TRY(fields.number32());
    TRY(fields.end());
    return PgMessage{std::move(out)};
}

Result<std::optional<std::string>> read_value(Fields& fields) {
    const std::uint32_t bytes = TRY(fields.number32());
    if (bytes == UINT32_MAX) return std::optional<std::string>{};
    const std::string_view value = TRY(fields.bytes(bytes));
    return std::optional{std::string(value)};
}

Result<PgMessage> read_bind(Fields fields) {
    PgBind out;
    out.portal = TRY(fields.utf8());
    out.statement = TRY(fields.utf8());
    out.formats = TRY(fields.formats());
    const std::size_t values = TRY(fields.count(4));
    for (std::size_t i = 0; i < values; ++i) out.values.push_back(TRY(read_value(fields)));
    if (out.formats.size() > 1 && out.formats.size() != values)
        return Error{Code::malformed, "the Bind message has {} format codes for {} values", out.formats.size(), values};
    out.result_formats = TRY(fields.formats());
    TRY(fields.end());
    return PgMessage{std::move(out)};
}

Result<PgMessage> read_describe(Fields fields, bool close) {
    const char what = TRY(fields.byte());
    if (what != 'S' && what != 'P')
        return Error{Code::malformed, "a Describe or Close message names neither a statement nor a portal"};
    std::string name = TRY(fields.utf8());
    TRY(fields.end());
    return close ? PgMessage{PgClose{what, std::move(name)}} : PgMessage{PgDescribe{what, std::move(name)}};
}

Result<PgMessage> read_execute(Fields fields) {
    PgExecute out;
    out.portal = TRY(fields.utf8());
    out.rows_max = static_cast<std::int32_t>(TRY(fields.number32()));
    TRY(fields.end());
    return PgMessage{std::move(out)};
}

template <class Message>
Result<PgMessage> read_nothing(Fields fields) {
    TRY(fields.end());
    return PgMessage{Message{}};
}

Result<PgMessage> read_message(char type, std::string_view body) {
    switch (type) {
        case 'Q':
            return read_query({"Query", body});
        case 'P':
            return read_parse({"Parse", body});
        case 'B':
            return read_bind({"Bind", body});
        case 'D':
            return read_describe({"Describe", body}, false);
        case 'C':
            return read_describe({"Close", body}, true);
        case 'E':
            return read_execute({"Execute", body});
        case 'S':
            return read_nothing<PgSync>({"Sync", body});
        case 'H':
            return read_nothing<PgFlush>({"Flush", body});
        case 'X':
            return read_nothing<PgTerminate>({"Terminate", body});
        case 'p':
            return PgMessage{PgSecret{std::string(body)}};
        case 'd':
        case 'c':
        case 'f':
            return PgMessage{PgCopy{type}};
        case 'F':
            return PgMessage{PgFunctionCall{}};
        default:
            return Error{Code::malformed, "there is no message of type {}",
                         static_cast<int>(static_cast<std::uint8_t>(type))};
    }
}

void write_authentication(std::string& out, std::uint32_t what, std::string_view data) {
    const Framed message(out, 'R');
    put32(out, what);
    out += data;
}

void write_empty(std::string& out, char type) { const Framed message(out, type); }

void write_report(std::string& out, char type, const PgNotice& notice) {
    ASSERT(notice.sqlstate.size() == 5);
    const Framed message(out, type);
    const auto field = [&](char name, std::string_view text) {
        if (text.empty()) return;
        out += name;
        put_text(out, text);
    };
    field('S', notice.severity);
    field('V', notice.severity);
    field('C', notice.sqlstate);
    out += 'M';
    put_text(out, notice.message);
    field('D', notice.detail);
    field('H', notice.hint);
    if (notice.position > 0) field('P', std::to_string(notice.position));
    out += '\0';
}

// How many bytes a value has in binary; -1 = it varies.
int type_bytes(PgType type) {
    switch (type) {
        case PgType::boolean:
            return 1;
        case PgType::int2:
            return 2;
        case PgType::int4:
        case PgType::oid:
        case PgType::float4:
        case PgType::date:
            return 4;
        case PgType::int8:
        case PgType::float8:
        case PgType::timestamp:
        case PgType::timestamptz:
            return 8;
        case PgType::uuid:
            return 16;
        case PgType::name:
            return 64;
        default:
            return -1;
    }
}

}  // namespace

std::string_view PgStartup::parameter(std::string_view name) const {
    const auto found = std::ranges::find(parameters, name, &std::pair<std::string, std::string>::first);
    return found == parameters.end() ? std::string_view{} : found->second;
}

std::vector<std::string> PgStartup::unknown_options() const {
    std::vector<std::string> out;
    for (const auto& [name, value] : parameters)
        if (name.starts_with("_pq_.")) out.push_back(name);
    return out;
}

// `head`: how many bytes stand before what the length counts.
Result<bool> PgDecoder::collect(Bytes& received, std::size_t head, std::size_t bytes_max) {
    const std::size_t needed = head + kLengthBytes;
    const auto take = [&](std::size_t up_to) {
        const std::size_t count = std::min(up_to - whole_.size(), received.size());
        whole_ += as_text(received.first(count));
        received = received.subspan(count);
        return whole_.size() == up_to;
    };
    if (whole_.size() < needed && !take(needed)) return false;
    const std::uint32_t length = read32(std::string_view(whole_).substr(head));
    if (length < kLengthBytes) return Error{Code::malformed, "a message says that it is {} bytes long", length};
    if (length > bytes_max)
        return Error{Code::limit, "a message of {} bytes comes in; at most {} are taken here", length, bytes_max};
    return take(head + length);
}

Result<bool> PgDecoder::take_first(Bytes& received, PgFirst& first) {
    if (!TRY(collect(received, 0, kFirstBytesMax))) return false;
    first = TRY(read_first(std::exchange(whole_, {})));
    return true;
}

Result<bool> PgDecoder::take(Bytes& received, PgMessage& message) {
    if (!TRY(collect(received, 1, message_bytes_max))) return false;
    const std::string whole = std::exchange(whole_, {});
    message = TRY(read_message(whole[0], std::string_view(whole).substr(1 + kLengthBytes)));
    return true;
}

Result<std::string> read_pg_password(std::string_view bytes) {
    Fields fields("Password", bytes);
    std::string out = TRY(fields.text());
    TRY(fields.end());
    return out;
}

Result<PgSaslInitial> read_pg_sasl_initial(std::string_view bytes) {
    Fields fields("SASLInitialResponse", bytes);
    PgSaslInitial out;
    out.mechanism = TRY(fields.text());
    const auto response = TRY(read_value(fields));
    out.response = response.value_or("");
    TRY(fields.end());
    return out;
}

void write_pg_authentication_ok(std::string& out) { write_authentication(out, 0, ""); }
void write_pg_authentication_password(std::string& out) { write_authentication(out, 3, ""); }
void write_pg_authentication_sasl(std::string& out, std::string_view mechanism) {
    std::string list(mechanism);
    list.append(2, '\0');  // the name's end, and the list's
    write_authentication(out, 10, list);
}
void write_pg_authentication_sasl_continue(std::string& out, std::string_view data) {
    write_authentication(out, 11, data);
}
void write_pg_authentication_sasl_final(std::string& out, std::string_view data) {
    write_authentication(out, 12, data);
}

void write_pg_negotiate_version(std::string& out, std::uint16_t minor,
                                const std::vector<std::string>& unknown_options) {
    const Framed message(out, 'v');
    put32(out, std::uint32_t{3} << 16 | minor);
    put32(out, static_cast<std::uint32_t>(unknown_options.size()));
    for (const std::string& name : unknown_options) put_text(out, name);
}

void write_pg_parameter_status(std::string& out, std::string_view name, std::string_view value) {
    const Framed message(out, 'S');
    put_text(out, name);
    put_text(out, value);
}

void write_pg_backend_key(std::string& out, std::uint32_t process, std::uint32_t key) {
    const Framed message(out, 'K');
    put32(out, process);
    put32(out, key);
}

void write_pg_ready(std::string& out, char status) {
    const Framed message(out, 'Z');
    out += status;
}

void write_pg_error(std::string& out, const PgNotice& notice) { write_report(out, 'E', notice); }
void write_pg_notice(std::string& out, const PgNotice& notice) { write_report(out, 'N', notice); }

void write_pg_command_complete(std::string& out, std::string_view tag) {
    const Framed message(out, 'C');
    put_text(out, tag);
}

void write_pg_row_description(std::string& out, const std::vector<PgField>& fields) {
    const Framed message(out, 'T');
    put16(out, fields.size());
    for (const PgField& field : fields) {
        put_text(out, field.name);
        put32(out, 0);  // of no table
        put16(out, 0);
        put32(out, static_cast<std::uint32_t>(field.type));
        put16(out, static_cast<std::uint16_t>(type_bytes(field.type)));
        put32(out, UINT32_MAX);  // no modifier of the type
        put16(out, static_cast<std::uint16_t>(field.format));
    }
}

void write_pg_parameter_description(std::string& out, const std::vector<std::uint32_t>& types) {
    const Framed message(out, 't');
    put16(out, types.size());
    for (const std::uint32_t type : types) put32(out, type);
}

void write_pg_empty_query(std::string& out) { write_empty(out, 'I'); }
void write_pg_no_data(std::string& out) { write_empty(out, 'n'); }
void write_pg_parse_complete(std::string& out) { write_empty(out, '1'); }
void write_pg_bind_complete(std::string& out) { write_empty(out, '2'); }
void write_pg_close_complete(std::string& out) { write_empty(out, '3'); }
void write_pg_portal_suspended(std::string& out) { write_empty(out, 's'); }

void PgRowWriter::begin(std::size_t columns) {
    start_ = out_.size() + 1;
    out_ += 'D';
    put32(out_, 0);
    put16(out_, columns);
}

void PgRowWriter::null() { put32(out_, UINT32_MAX); }

std::size_t PgRowWriter::begin_value() {
    put32(out_, 0);
    return out_.size();
}

void PgRowWriter::end_value(std::size_t at) { patch32(out_, at - 4, static_cast<std::uint32_t>(out_.size() - at)); }

void PgRowWriter::end() { patch32(out_, start_, static_cast<std::uint32_t>(out_.size() - start_)); }

}  // namespace gongshu::wire
