#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace gongshu::wire {

enum class HttpMethod : std::uint8_t { get, head, post, put, patch, delete_, options, other };
std::string_view to_string(HttpMethod method);

struct HttpHeader {
    std::string name;  // lower case
    std::string value;
};
using HttpHeaders = std::vector<HttpHeader>;

// The value of the first header of that name (lower case), "" if there is none.
std::string_view find_header(const HttpHeaders& headers, std::string_view name);

// One HTTP/1.1 request as it came; path and query are still %-encoded.
struct HttpRequest {
    HttpMethod method = HttpMethod::get;
    std::string method_text;  // "GET"; what was sent when method is other
    std::string target;       // "/api/v1/read?tag=a"
    std::string_view path() const { return std::string_view{target}.substr(0, target.find('?')); }
    std::string_view query() const;  // after the '?', "" if there is none
    int minor_version = 1;           // HTTP/1.0 or 1.1
    bool keep_alive = true;          // what the client wants after this
    bool upgrade = false;            // Connection: upgrade
    HttpHeaders headers;
    std::string body;

    std::string_view header(std::string_view name) const { return find_header(headers, name); }
};

struct HttpLimits {
    std::uint32_t header_bytes_max = 32 << 10;  // request line and headers together: 431
    std::uint32_t target_bytes_max = 8 << 10;   // 414
    std::uint32_t headers_max = 100;            // 431
    std::uint64_t body_bytes_max = 32 << 20;    // 413; on_head may lower or raise it for one request
};

// What to do after a request was handed out.
enum class HttpNext : std::uint8_t {
    go_on,  // parse what follows
    pause,  // feed() returns at once; the rest is fed again later (or belongs to another protocol)
};

// HttpRequestParser turns bytes in any split into requests, in order (pipelining included). Chunked and
// content-length bodies; trailers are dropped. After an error the connection must be closed: `error_status()` says
// with which status.
// Threads: one at a time.   Bounds: HttpLimits.   Disk: none.
class HttpRequestParser {
public:
    struct Events {
        // The request line and headers are whole, the body is still to come (if there is one: `has_body`). Returns how
        // long the body may be, or an error, which ends the parsing with `error_status()` 400 … as its code says.
        // May be empty. `expects_continue`: the client waits for "100 Continue" before it sends the body.
        std::function<Result<std::uint64_t>(const HttpRequest& head, bool expects_continue)> on_head;
        std::function<HttpNext(HttpRequest request)> on_request;
    };

    explicit HttpRequestParser(HttpLimits limits = {});
    ~HttpRequestParser();

    // How many of `received` were taken; all of them unless on_request said pause. Bytes that are not taken must be
    // fed again, in front of what follows.
    Result<std::size_t> feed(Bytes received, const Events& events);
    // After feed() failed: 400, 413, 414, 431, 501 or 505.
    int error_status() const { return error_status_; }
    // Nothing of a next request has come yet.
    bool idle() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
    int error_status_ = 0;
};

struct HttpResponse {
    int status = 200;
    HttpHeaders headers;  // without content-length, connection, transfer-encoding, date
    std::string body;

    std::string_view header(std::string_view name) const { return find_header(headers, name); }
};

std::string_view reason_phrase(int status);
// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(TimeNs time);

struct HttpWriteOptions {
    bool keep_alive = true;
    bool head_only = false;  // the answer to HEAD: content-length without body
    bool chunked = false;    // the body follows in pieces by write_chunk(); response.body is not written
    TimeNs now = 0;          // for the date header; 0 = none
};
// Appends status line and headers. `body_bytes` is told as content-length; nullopt and not chunked: the body ends with
// the connection. A CR or LF inside of a header's value is replaced by a space.
void write_response_head(std::string& out, const HttpResponse& response, const HttpWriteOptions& options,
                         std::optional<std::uint64_t> body_bytes);
// The same with response.body behind it.
void write_response(std::string& out, const HttpResponse& response, const HttpWriteOptions& options);
void write_chunk(std::string& out, std::string_view piece);  // an empty piece writes nothing
void write_last_chunk(std::string& out);

// The client's side: for our own commands that talk to a running server, and for tests.
void write_request(std::string& out, const HttpRequest& request, std::string_view host);

class HttpResponseParser {
public:
    explicit HttpResponseParser(std::uint64_t body_bytes_max = 256 << 20);
    ~HttpResponseParser();
    // How many bytes were taken: what follows a whole response is left. done() tells when it is whole.
    // `head_only`: it answers a HEAD, so no body follows. Code::limit when the body is longer than it may be.
    Result<std::size_t> feed(Bytes received, bool head_only = false);
    // The peer closed: ends a body without length. Code::malformed if the response is not whole.
    Result<void> finish();
    bool head_done() const;
    bool done() const;
    // Status and headers once head_done(); the body so far (pieces of a stream may be taken out of it).
    HttpResponse& response();
    void reset();  // for the next response on the same connection

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
    std::uint64_t body_bytes_max_;
};

// %41 -> A. Code::invalid for a broken escape and for %00. `plus_is_space` as in queries.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Everything but letters, digits and -._~ becomes %XX.
std::string percent_encode(std::string_view text);
using QueryItems = std::vector<std::pair<std::string, std::string>>;
// "a=1&a=2&b" -> (a,1) (a,2) (b,""). At most 1000 items, else Code::limit.
Result<QueryItems> parse_query(std::string_view query);
// Does the client take gzip (RFC 9110 §12.5.3)?
bool accepts_gzip(std::string_view accept_encoding);
// The value of one cookie of a Cookie header, "" if it is not there.
std::string_view find_cookie(std::string_view cookie_header, std::string_view name);
// "application/json" of "Application/JSON; charset=utf-8".
std::string media_type(std::string_view content_type);

}  // namespace gongshu::wire
