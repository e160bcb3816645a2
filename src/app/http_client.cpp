#include "app/http_client.h"

#include "connect/outbound.h"
#include "io/crypto.h"
#include "io/files.h"
#include "io/loop.h"
#include "io/tls.h"
#include "registry/json.h"

namespace gongshu::app {
namespace {

constexpr DurationNs kTimeout = 60 * kSecond;

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

// Why an answer ended early, as its last bytes say it: {…, "error": {"detail": …}}, or a line of CSV.
std::string reason_of(const std::string& part) {
    if (const auto json = registry::parse_json(part); json && json->is_object()) {
        const Json* const error = json->as_object().if_contains("error");
        const Json* const detail = error && error->is_object() ? error->as_object().if_contains("detail") : nullptr;
        return detail && detail->is_string() ? std::string(std::string_view(detail->get_string())) : std::string{};
    }
    std::string_view last{part};
    last.remove_suffix(last.ends_with("\r\n") ? 2 : 0);
    last = last.substr(last.rfind('\n') + 1);
    for (const std::string_view begin : {"\"error: ", "error: "})
        if (last.starts_with(begin))
            return std::string{last.substr(begin.size(), last.size() - begin.size() - (begin[0] == '"'))};
    return {};
}

}  // namespace

Result<wire::HttpResponse> fetch(const Server& server, wire::HttpMethod method, const std::string& path,
                                 std::string body, const std::string& content_type) {
    connect::HttpCall call;
    const connect::HttpUrl target = TRY(connect::parse_http_url(server.url));
    if (target.target != "/")
        return Error{Code::invalid, "{}: the address of a server ends behind its port; leave \"{}\" away", server.url,
                     target.target};
    call.address = target.address;
    call.timeout = kTimeout;
    const auto part = call.part = std::make_shared<std::string>();
    if (target.secure) {
        std::string authority;
        if (!server.ca_file.empty()) {
            const Buffer bytes = TRY(io::read_whole(*io::make_posix_files(), server.ca_file, 1 << 20));
            authority = as_text(bytes);
        }
        call.tls = TRY(io::make_tls_client(authority));
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
    wire::write_request(call.request, request, io::to_string(target.address));

    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    Result<wire::HttpResponse> answer = Error{Code::unavailable, "no answer"};
    connect::http_call(*loop, std::move(call), [&](Result<wire::HttpResponse> result) {
        answer = std::move(result);
        loop->stop();
    });
    loop->run();
    if (const std::string reason = answer ? "" : reason_of(*part); !reason.empty())
        return Error{Code::limit, "the answer is not whole: {}", reason};
    auto response = TRY(std::move(answer).context("cannot ask {}", server.url));
    if (response.status >= 400) return refused(response);
    return response;
}

}  // namespace gongshu::app
