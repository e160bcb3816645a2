#pragma once

#include <functional>
#include <memory>
#include <string>

#include "connect/connections.h"
#include "io/loop.h"
#include "io/tls.h"
#include "wire/http.h"

// Links that the platform opens to somewhere else and closes when it is done: not those to machines.
namespace gongshu::connect {

// Opens a link to `address` as far as the policy lets it (empty: everywhere). The policy is asked with the text and
// again with the address that was reached, before the first byte; then `tls` (null = plain). `done` is called later,
// once.
void open_outbound(io::Loop& loop, TenantId tenant, const io::Address& address,
                   std::shared_ptr<const io::TlsClient> tls, const TargetPolicy& may_connect, DurationNs timeout,
                   std::function<void(Result<std::unique_ptr<io::Stream>>)> done);

struct HttpUrl {
    io::Address address;
    bool secure = false;
    std::string host;    // for the header Host: without a port where it is the usual one
    std::string target;  // "/robot/send?access_token=x", at least "/"
};
// "https://host:port/path?query"; Code::invalid for anything else, for names and passwords in it, and for control
// characters.
Result<HttpUrl> parse_http_url(std::string_view url);

struct HttpCall {
    TenantId tenant;
    io::Address address;
    std::shared_ptr<const io::TlsClient> tls;  // null = plain
    std::string request;                       // as write_request() made it
    TargetPolicy may_connect;                  // empty = everywhere
    DurationNs timeout = 60 * kSecond;         // of all of it
    std::uint64_t body_bytes_max = 256 << 20;  // of the answer
    bool cut_body = false;                     // a longer answer is cut, not an error: its status is what matters
    std::shared_ptr<std::string> part;  // if not null: gets the body of an answer that ends early, beside the error
};
// One request and its answer over a link of its own; no redirects are followed. `done` is called later, once.
void http_call(io::Loop& loop, HttpCall call, std::function<void(Result<wire::HttpResponse>)> done);

}  // namespace gongshu::connect
