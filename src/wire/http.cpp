#include "wire/http.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>

#include "base/assert.h"

namespace gongshu::wire {

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t kBodyReserveBytesMax = 1 << 20;  // a promised length is not believed beyond this

std::string lower(std::string_view text) {
    std::string result{text};
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return result;
}

bool equal_ignoring_case(std::string_view a, std::string_view lower_b) { return lower(a) == lower_b; }

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Calls `use` with each part of a comma-separated list, trimmed.
template <class Use>
void for_each_part(std::string_view list, char separator, Use use) {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(separator), list.size());
        use(trim(list.substr(0, end)));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
}

HttpMethod method_of(std::string_view text) {
    for (const HttpMethod method : {HttpMethod::get, HttpMethod::head, HttpMethod::post, HttpMethod::put,
                                    HttpMethod::patch, HttpMethod::delete_, HttpMethod::options}) {
        if (text == to_string(method)) return method;
    }
    return HttpMethod::other;
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

struct Refusal {
    int status;
    std::string_view what;
};

// What a parser's error means to the client.
Refusal refusal_of(const beast::error_code& error) {
    if (error == http::error::header_limit) return {431, "request line and headers are too long"};
    if (error == http::error::body_limit) return {413, "body is too long"};
    if (error == http::error::bad_version) return {505, "HTTP version is not 1.0 or 1.1"};
    if (error == http::error::bad_method) return {400, "method is not a token"};
    if (error == http::error::bad_target) return {400, "target holds a character that must be %-encoded"};
    if (error == http::error::bad_field) return {400, "name of a header is not a token"};
    if (error == http::error::bad_value || error == http::error::bad_obs_fold) {
        return {400, "value of a header holds a control character or a folded line"};
    }
    if (error == http::error::bad_line_ending) return {400, "line does not end with CR LF"};
    if (error == http::error::bad_content_length || error == http::error::multiple_content_length) {
        return {400, "Content-Length is not one whole number, or contradicts Transfer-Encoding"};
    }
    if (error == http::error::bad_transfer_encoding) return {400, "Transfer-Encoding contradicts another header"};
    if (error == http::error::bad_chunk || error == http::error::bad_chunk_extension) {
        return {400, "chunk of the body does not begin with its length in hexadecimal"};
    }
    return {400, "not an HTTP/1.1 request"};
}

// Beast's parser needs to see an unfinished line again, whole. Pending keeps it between two feeds.
class Pending {
public:
    // The bytes to parse now: what was left over followed by `received`.
    Bytes begin(Bytes received) {
        direct_ = kept_.empty();
        if (direct_) return received;
        kept_.insert(kept_.end(), received.begin(), received.end());
        return kept_;
    }
    void keep(Bytes rest) {
        if (direct_)
            kept_.assign(rest.begin(), rest.end());
        else
            kept_.erase(kept_.begin(), kept_.end() - static_cast<std::ptrdiff_t>(rest.size()));
    }
    void clear() { kept_.clear(); }
    std::size_t size() const { return kept_.size(); }

private:
    Buffer kept_;
    bool direct_ = true;
};

// Beast 1.81 asserts that it sees a last chunk's line whole; what can still follow in a chunked body is never shorter
// than "0 CR LF CR LF", so that waiting for as much delays nothing.
template <class Parser>
bool must_wait(const Parser& parser, Bytes rest) {
    return parser.is_header_done() && parser.chunked() && rest.size() < 5;
}

}  // namespace

std::string_view to_string(HttpMethod method) {
    switch (method) {
        case HttpMethod::get:
            return "GET";
        case HttpMethod::head:
            return "HEAD";
        case HttpMethod::post:
            return "POST";
        case HttpMethod::put:
            return "PUT";
        case HttpMethod::patch:
            return "PATCH";
        case HttpMethod::delete_:
            return "DELETE";
        case HttpMethod::options:
            return "OPTIONS";
        case HttpMethod::other:
            break;
    }
    return "";
}

std::string_view find_header(const HttpHeaders& headers, std::string_view name) {
    for (const HttpHeader& header : headers) {
        if (header.name == name) return header.value;
    }
    return {};
}

std::string_view HttpRequest::query() const {
    const std::size_t at = target.find('?');
    return at == std::string::npos ? std::string_view{} : std::string_view{target}.substr(at + 1);
}

// ---- requests -------------------------------------------------------------------------------------------------------

class HttpRequestParser::Impl : public http::basic_parser<true> {
public:
    explicit Impl(const HttpLimits& limits) : limits_(limits) { configure(); }
    Impl(const Impl& settings, bool) : limits_(settings.limits_) { configure(); }

    const HttpLimits& limits() const { return limits_; }
    void set_events(const Events* events) { events_ = events; }
    HttpRequest& request() { return request_; }
    const std::optional<Refusal>& refusal() const { return refusal_; }
    const std::optional<Error>& handler_error() const { return handler_error_; }
    std::size_t head_bytes = 0;  // taken so far by the request line and headers

private:
    void configure() {
        eager(true);
        header_limit(limits_.header_bytes_max);
        body_limit(boost::none);  // checked here, because on_head may change it
    }

    void refuse(int status, std::string_view what, beast::error_code& error) {
        refusal_ = Refusal{status, what};
        error = http::error::bad_value;
    }

    void on_request_impl(http::verb, beast::string_view method, beast::string_view target, int version,
                         beast::error_code& error) override {
        request_.method_text = view(method);
        request_.method = method_of(request_.method_text);
        request_.target = view(target);
        request_.minor_version = version % 10;
        if (request_.target.size() > limits_.target_bytes_max) refuse(414, "target is too long", error);
    }

    void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                       beast::error_code& error) override {
        if (head_whole_) return;  // a trailer
        if (request_.headers.size() >= limits_.headers_max) return refuse(431, "too many headers", error);
        request_.headers.push_back({lower(view(name)), std::string{trim(view(value))}});
    }

    void on_header_impl(beast::error_code& error) override {
        head_whole_ = true;
        request_.keep_alive = keep_alive();
        request_.upgrade = upgrade();
        if (!check_host(error) || !check_encoding(error)) return;
        body_bytes_max_ = limits_.body_bytes_max;
        if (events_->on_head) {
            const bool expects = equal_ignoring_case(request_.header("expect"), "100-continue");
            const bool waits =
                expects && request_.minor_version >= 1 && (chunked() || content_length().value_or(0) > 0);
            auto allowed = events_->on_head(request_, waits);
            if (!allowed) {
                handler_error_ = std::move(allowed).error();
                error = http::error::bad_value;
                return;
            }
            body_bytes_max_ = *allowed;
        }
        if (content_length().value_or(0) > body_bytes_max_) error = http::error::body_limit;
    }

    bool check_host(beast::error_code& error) {
        const auto is_host = [](const HttpHeader& header) { return header.name == "host"; };
        const auto hosts = std::count_if(request_.headers.begin(), request_.headers.end(), is_host);
        if (hosts > 1 || (hosts == 0 && request_.minor_version >= 1)) {
            refuse(400, "there must be one Host header", error);
            return false;
        }
        if (request_.target.starts_with("http://") || request_.target.starts_with("https://")) {  // absolute form
            const std::size_t begin = request_.target.find("//") + 2;
            const std::size_t end = std::min(request_.target.find_first_of("/?", begin), request_.target.size());
            for (HttpHeader& header : request_.headers) {
                if (is_host(header)) header.value = request_.target.substr(begin, end - begin);
            }
            request_.target.erase(0, end);
            if (!request_.target.starts_with('/')) request_.target.insert(0, "/");
        }
        if (!request_.target.starts_with('/') && request_.target != "*") {
            refuse(400, "target must begin with a slash", error);
            return false;
        }
        return true;
    }

    // An encoding that is not understood would leave the end of the body to guessing.
    bool check_encoding(beast::error_code& error) {
        for (const HttpHeader& header : request_.headers) {
            if (header.name != "transfer-encoding" || equal_ignoring_case(header.value, "chunked")) continue;
            refuse(501, "Transfer-Encoding other than chunked is not supported", error);
            return false;
        }
        return true;
    }

    void on_body_init_impl(const boost::optional<std::uint64_t>& length, beast::error_code&) override {
        request_.body.reserve(std::min<std::size_t>(length.value_or(0), kBodyReserveBytesMax));
    }
    std::size_t on_body_impl(beast::string_view piece, beast::error_code&) override {
        request_.body.append(piece.data(), piece.size());
        return piece.size();
    }
    void on_chunk_header_impl(std::uint64_t size, beast::string_view, beast::error_code& error) override {
        if (size > body_bytes_max_ - request_.body.size()) error = http::error::body_limit;
    }
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view piece, beast::error_code&) override {
        request_.body.append(piece.data(), piece.size());
        return piece.size();
    }
    void on_finish_impl(beast::error_code&) override {}
    void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}

    const HttpLimits limits_;
    const Events* events_ = nullptr;
    HttpRequest request_;
    bool head_whole_ = false;
    std::uint64_t body_bytes_max_ = 0;
    std::optional<Refusal> refusal_;
    std::optional<Error> handler_error_;

public:
    Pending pending;
};

HttpRequestParser::HttpRequestParser(HttpLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
HttpRequestParser::~HttpRequestParser() = default;

bool HttpRequestParser::idle() const { return !impl_->got_some() && impl_->pending.size() == 0; }

namespace {

int status_of(Code code) {
    switch (code) {
        case Code::unauthorized:
            return 401;
        case Code::denied:
            return 403;
        case Code::not_found:
            return 404;
        case Code::limit:
            return 413;
        case Code::unsupported:
            return 501;
        case Code::unavailable:
            return 503;
        default:
            return 400;
    }
}

}  // namespace

Result<std::size_t> HttpRequestParser::feed(Bytes received, const Events& events) {
    if (error_status_ != 0) return Error{Code::malformed, "a request before this one was malformed"};
    const std::size_t received_bytes = received.size();
    Bytes rest = impl_->pending.begin(received);
    for (;;) {
        if (!impl_->got_some()) {  // RFC 9112 §2.2: empty lines before a request are ignored
            while (!rest.empty() && (rest[0] == '\r' || rest[0] == '\n')) rest = rest.subspan(1);
        }
        if (rest.empty() || must_wait(*impl_, rest)) break;
        impl_->set_events(&events);
        const bool in_head = !impl_->is_header_done();
        beast::error_code error;
        const std::size_t taken = impl_->put({rest.data(), rest.size()}, error);
        if (in_head && !impl_->is_header_done()) impl_->head_bytes += taken;
        rest = rest.subspan(taken);
        const bool waits = error == http::error::need_more;
        const std::size_t unfinished = rest.size() + (impl_->is_header_done() ? 0 : impl_->head_bytes);
        if (waits && unfinished > impl_->limits().header_bytes_max) error = http::error::header_limit;
        if (error && error != http::error::need_more) {
            if (impl_->handler_error()) {
                error_status_ = status_of(impl_->handler_error()->code());
                return *impl_->handler_error();
            }
            const Refusal refusal = impl_->refusal().value_or(refusal_of(error));
            error_status_ = refusal.status;
            return Error{refusal.status == 413 || refusal.status == 431 ? Code::limit : Code::malformed, "{}",
                         refusal.what};
        }
        if (!impl_->is_done()) {
            if (waits) break;
            continue;
        }
        HttpRequest request = std::move(impl_->request());
        Pending pending = std::move(impl_->pending);
        pending.keep(rest);
        impl_ = std::make_unique<Impl>(*impl_, true);
        ASSERT(pending.size() <= received.size());
        const std::size_t left = pending.size();
        if (events.on_request(std::move(request)) == HttpNext::pause) return received_bytes - left;
        pending.clear();
        received = received.subspan(received.size() - left);
        rest = impl_->pending.begin(received);
    }
    impl_->pending.keep(rest);
    return received_bytes;
}

// ---- responses ------------------------------------------------------------------------------------------------------

class HttpResponseParser::Impl : public http::basic_parser<false> {
public:
    Impl() {
        eager(true);
        body_limit(boost::none);
    }
    HttpResponse response;
    Pending pending;
    std::uint64_t body_bytes_left = 0;

private:
    void on_request_impl(http::verb, beast::string_view, beast::string_view, int, beast::error_code&) override {}
    void on_response_impl(int status, beast::string_view, int, beast::error_code&) override {
        response.status = status;
    }
    void on_field_impl(http::field, beast::string_view name, beast::string_view value, beast::error_code&) override {
        if (!is_header_done()) response.headers.push_back({lower(view(name)), std::string{trim(view(value))}});
    }
    void on_header_impl(beast::error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
    std::size_t add(beast::string_view piece, beast::error_code& error) {
        if (piece.size() > body_bytes_left)
            error = http::error::body_limit;
        else
            body_bytes_left -= piece.size(), response.body.append(piece.data(), piece.size());
        return piece.size();
    }
    std::size_t on_body_impl(beast::string_view piece, beast::error_code& error) override { return add(piece, error); }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view piece, beast::error_code& error) override {
        return add(piece, error);
    }
    void on_finish_impl(beast::error_code&) override {}
};

HttpResponseParser::HttpResponseParser(std::uint64_t body_bytes_max) : body_bytes_max_(body_bytes_max) { reset(); }
HttpResponseParser::~HttpResponseParser() = default;

void HttpResponseParser::reset() {
    impl_ = std::make_unique<Impl>();
    impl_->body_bytes_left = body_bytes_max_;
}

bool HttpResponseParser::head_done() const { return impl_->is_header_done(); }
bool HttpResponseParser::done() const { return impl_->is_done(); }
HttpResponse& HttpResponseParser::response() { return impl_->response; }

Result<std::size_t> HttpResponseParser::feed(Bytes received, bool head_only) {
    if (done()) return std::size_t{0};
    Bytes rest = impl_->pending.begin(received);
    if (!impl_->got_some()) impl_->skip(head_only);
    while (!rest.empty() && !impl_->is_done() && !must_wait(*impl_, rest)) {
        beast::error_code error;
        const std::size_t taken = impl_->put({rest.data(), rest.size()}, error);
        rest = rest.subspan(taken);
        if (error == http::error::need_more) break;
        if (error == http::error::body_limit)
            return Error{Code::limit, "the answer is longer than {} bytes", body_bytes_max_};
        if (error) return Error{Code::malformed, "not an HTTP/1.1 response: {}", error.message()};
    }
    if (impl_->is_done() && impl_->response.status == 100) {  // "100 Continue" comes before the response proper
        const Buffer after{rest.begin(), rest.end()};
        const std::size_t taken = received.size() - rest.size();
        reset();
        return TRY(feed(after, head_only)) + taken;
    }
    if (impl_->is_done()) return received.size() - rest.size();
    impl_->pending.keep(rest);
    return received.size();
}

Result<void> HttpResponseParser::finish() {
    if (done()) return {};
    if (!impl_->got_some()) return Error{Code::malformed, "the server closed the connection without an answer"};
    beast::error_code error;
    impl_->put_eof(error);
    if (error) return Error{Code::malformed, "the server closed the connection in the middle of its answer"};
    return {};
}

// ---- writing --------------------------------------------------------------------------------------------------------

namespace {

struct Phrase {
    int status;
    std::string_view text;
};
constexpr Phrase kPhrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

void write_header(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ");
    for (const char c : value) out.push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
    out.append("\r\n");
}

struct Date {
    int year, month, day, weekday;  // month from 1, weekday 0 = Sunday
};

// Days since 1970 to a date of the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
Date date_of_day(std::int64_t days) {
    const std::int64_t weekday = ((days + 4) % 7 + 7) % 7;
    days += 719'468;
    const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
    const std::int64_t of_era = days - era * 146'097;
    const std::int64_t year_of_era = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
    const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t shifted = (5 * of_year + 2) / 153;
    const std::int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    return {static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0)), static_cast<int>(month),
            static_cast<int>(of_year - (153 * shifted + 2) / 5 + 1), static_cast<int>(weekday)};
}

bool has_no_body(int status) { return status / 100 == 1 || status == 204 || status == 304; }

}  // namespace

std::string_view reason_phrase(int status) {
    for (const Phrase& phrase : kPhrases) {
        if (phrase.status == status) return phrase.text;
    }
    return "Status";
}

std::string http_date(TimeNs time) {
    static constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::int64_t days = time / kDay;
    std::int64_t left = time % kDay;
    if (left < 0) --days, left += kDay;
    const std::int64_t seconds = left / kSecond;
    const Date date = date_of_day(days);
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[date.weekday], date.day, kMonths[date.month - 1],
                       date.year, seconds / 3600, seconds / 60 % 60, seconds % 60);
}

void write_response_head(std::string& out, const HttpResponse& response, const HttpWriteOptions& options,
                         std::optional<std::uint64_t> body_bytes) {
    out.append(fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status)));
    if (options.now != 0) write_header(out, "date", http_date(options.now));
    for (const HttpHeader& header : response.headers) write_header(out, header.name, header.value);
    if (response.status != 101) {
        if (options.chunked)
            write_header(out, "transfer-encoding", "chunked");
        else if (body_bytes && !has_no_body(response.status))
            write_header(out, "content-length", fmt::format("{}", *body_bytes));
        write_header(out, "connection", options.keep_alive ? "keep-alive" : "close");
    }
    out.append("\r\n");
}

void write_response(std::string& out, const HttpResponse& response, const HttpWriteOptions& options) {
    write_response_head(out, response, options, response.body.size());
    if (!options.chunked && !options.head_only && !has_no_body(response.status)) out.append(response.body);
}

void write_chunk(std::string& out, std::string_view piece) {
    if (piece.empty()) return;
    out.append(fmt::format("{:x}\r\n", piece.size()));
    out.append(piece).append("\r\n");
}

void write_last_chunk(std::string& out) { out.append("0\r\n\r\n"); }

void write_request(std::string& out, const HttpRequest& request, std::string_view host) {
    const std::string_view method =
        request.method == HttpMethod::other ? std::string_view{request.method_text} : to_string(request.method);
    out.append(fmt::format("{} {} HTTP/1.1\r\n", method, request.target));
    write_header(out, "host", host);
    for (const HttpHeader& header : request.headers) write_header(out, header.name, header.value);
    if (!request.body.empty() || request.method == HttpMethod::post || request.method == HttpMethod::put) {
        write_header(out, "content-length", fmt::format("{}", request.body.size()));
    }
    if (!request.keep_alive) write_header(out, "connection", "close");
    out.append("\r\n").append(request.body);
}

// ---- addresses and headers ------------------------------------------------------------------------------------------

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            result.push_back(' ');
        } else if (text[i] != '%') {
            result.push_back(text[i]);
        } else {
            unsigned value = 0;
            const char* const digits = text.data() + i + 1;
            const bool whole = text.size() - i >= 3;
            const auto [end, error] = std::from_chars(digits, whole ? digits + 2 : digits, value, 16);
            if (error != std::errc{} || end != digits + 2 || value == 0) {
                return Error{Code::invalid,
                             "\"{}\": the % at character {} is not followed by two hexadecimal digits (other than 00)",
                             text.substr(0, 200), i + 1};
            }
            result.push_back(static_cast<char>(value));
            i += 2;
        }
    }
    return result;
}

std::string percent_encode(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain)
            result.push_back(c);
        else
            result.append(fmt::format("%{:02X}", static_cast<unsigned char>(c)));
    }
    return result;
}

Result<QueryItems> parse_query(std::string_view query) {
    constexpr std::size_t kItemsMax = 1000;
    QueryItems items;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view item = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (item.empty()) continue;
        if (items.size() >= kItemsMax) return Error{Code::limit, "the query has more than {} parameters", kItemsMax};
        const std::size_t equals = std::min(item.find('='), item.size());
        std::string name = TRY(percent_decode(item.substr(0, equals), true));
        std::string value = TRY(percent_decode(item.substr(std::min(equals + 1, item.size())), true));
        items.emplace_back(std::move(name), std::move(value));
    }
    return items;
}

bool accepts_gzip(std::string_view accept_encoding) {
    bool accepts = false;
    bool named = false;
    for_each_part(accept_encoding, ',', [&](std::string_view part) {
        const std::size_t semicolon = std::min(part.find(';'), part.size());
        const std::string name = lower(trim(part.substr(0, semicolon)));
        std::string_view weight = trim(part.substr(std::min(semicolon + 1, part.size())));
        const bool refused = weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string_view::npos;
        if (name == "gzip" || name == "x-gzip")
            accepts = !refused, named = true;
        else if (name == "*" && !named)
            accepts = !refused;
    });
    return accepts;
}

std::string_view find_cookie(std::string_view cookie_header, std::string_view name) {
    std::string_view found;
    for_each_part(cookie_header, ';', [&](std::string_view part) {
        const std::size_t equals = part.find('=');
        if (equals == std::string_view::npos || part.substr(0, equals) != name || !found.empty()) return;
        found = part.substr(equals + 1);
        if (found.size() >= 2 && found.front() == '"' && found.back() == '"') found = found.substr(1, found.size() - 2);
    });
    return found;
}

std::string media_type(std::string_view content_type) {
    return lower(trim(content_type.substr(0, std::min(content_type.find(';'), content_type.size()))));
}

}  // namespace gongshu::wire
