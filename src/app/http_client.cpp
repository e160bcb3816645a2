#include "app/http_client.h"

#include <memory>
#include <optional>

#include "io/crypto.h"
#include "io/files.h"
#include "io/loop.h"
#include "io/tls.h"
#include "registry/json.h"

namespace gongshu::app {
namespace {

constexpr DurationNs kTimeout = 60 * kSecond;

struct Target {
    io::Address address;
    bool secure = false;
};

Result<Target> parse_url(std::string_view url) {
    Target target;
    if (url.starts_with("https://")) {
        target.secure = true;
        url.remove_prefix(8);
    } else if (url.starts_with("http://")) {
        url.remove_prefix(7);
    } else {
        return Error{Code::invalid, "'{}' is no address of a server: expected http://host:port or https://host:port",
                     url};
    }
    while (url.ends_with('/')) url.remove_suffix(1);
    std::string text(url);
    if (text.find_last_of(':') == std::string::npos || text.ends_with(']')) text += target.secure ? ":443" : ":80";
    target.address = TRY(io::parse_address(text));
    return target;
}

// The detail of a problem document, or the start of whatever else came.
Error refused(const wire::HttpResponse& response) {
    std::string detail = response.body.substr(0, 500);
    if (const auto json = registry::parse_json(response.body); json && json->is_object())
        if (const auto* text = json->as_object().if_contains("detail"); text && text->is_string())
            detail = std::string(std::string_view(text->get_string()));
    const Code code = response.status == 401                             ? Code::unauthorized
                      : response.status == 403                           ? Code::denied
                      : response.status == 404                           ? Code::not_found
                      : response.status == 409 || response.status == 412 ? Code::conflict
                      : response.status == 429                           ? Code::limit
                      : response.status >= 500                           ? Code::unavailable
                                                                         : Code::invalid;
    return Error{code, "the server says {}: {}", response.status, detail};
}

// One exchange on one loop; lives on the stack of fetch().
class Exchange {
public:
    Exchange(io::Loop& loop, std::string request) : loop_(loop), request_(std::move(request)) {}

    Result<wire::HttpResponse> run(const io::Address& address, const io::ConnectOptions& options) {
        loop_.after(kTimeout, [this] { end(Error{Code::timeout, "no answer within {} s", kTimeout / kSecond}); });
        loop_.connect(address, options, [this](Result<std::unique_ptr<io::Stream>> made) {
            if (!made) return end(std::move(made).error());
            stream_ = std::move(*made);
            stream_->start({.on_data = [this](Bytes bytes) { take(bytes); },
                            .on_closed = [this](const Error& error) { closed(error); },
                            .on_drained = {}});
            stream_->send(as_bytes(request_));
        });
        loop_.run();
        stream_.reset();
        if (error_) return std::move(*error_);
        return std::move(parser_.response());
    }

private:
    void take(Bytes bytes) {
        if (auto fed = parser_.feed(bytes); !fed)
            return end(std::move(fed).error().context("cannot understand the answer"));
        if (parser_.done()) loop_.stop();
    }
    void closed(const Error& error) {
        if (parser_.done()) return;
        if (auto finished = parser_.finish(); !finished) return end(Error(error).context("the connection ended early"));
        loop_.stop();
    }
    void end(Error error) {
        if (!error_) error_ = std::move(error);
        loop_.stop();
    }

    io::Loop& loop_;
    std::string request_;
    std::unique_ptr<io::Stream> stream_;
    wire::HttpResponseParser parser_;
    std::optional<Error> error_;
};

}  // namespace

Result<wire::HttpResponse> fetch(const Server& server, wire::HttpMethod method, const std::string& path,
                                 std::string body, const std::string& content_type) {
    const Target target = TRY(parse_url(server.url));
    io::ConnectOptions options;
    if (target.secure) {
        std::string authority;
        if (!server.ca_file.empty()) {
            const Buffer bytes = TRY(io::read_whole(*io::make_posix_files(), server.ca_file, 1 << 20));
            authority = as_text(bytes);
        }
        options.tls = TRY(io::make_tls_client(authority));
    }
    wire::HttpRequest request;
    request.method = method;
    request.target = path;
    request.body = std::move(body);
    if (!request.body.empty()) request.headers.push_back({"content-type", content_type});
    if (!server.token.empty())
        request.headers.push_back({"authorization", "Bearer " + server.token});
    else if (!server.user.empty())
        request.headers.push_back(
            {"authorization", "Basic " + io::base64(as_bytes(server.user + ":" + server.password))});
    std::string text;
    wire::write_request(text, request, io::to_string(target.address));

    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    auto response =
        TRY(Exchange(*loop, std::move(text)).run(target.address, options).context("cannot ask {}", server.url));
    if (response.status >= 400) return refused(response);
    return response;
}

}  // namespace gongshu::app
