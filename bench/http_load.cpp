#include "bench/http_load.h"

#include <memory>
#include <optional>

#include "bench/floors.h"

namespace gongshu::bench {
namespace {

class Loader {
public:
    Loader(io::Loop& loop, const HttpLoad& load) : loop_(loop), load_(load) {}

    Result<HttpLoaded> run() {
        for (std::size_t i = 0; i < load_.connections; ++i)
            loop_.connect(load_.address, {},
                          [this](Result<std::unique_ptr<io::Stream>> made) { connected(std::move(made)); });
        loop_.after(5 * kMinute, [this] { end(Error{Code::timeout, "not answered within five minutes"}); });
        loop_.run();
        if (error_) return std::move(*error_);
        loaded_.seconds = seconds(loop_.clock().monotonic() - begin_);
        return std::move(loaded_);
    }

private:
    struct Link {
        std::unique_ptr<io::Stream> stream;
        wire::HttpResponseParser parser;
        DurationNs sent = 0;
    };

    void connected(Result<std::unique_ptr<io::Stream>> made) {
        if (!made) return end(std::move(made).error());
        links_.push_back(std::make_unique<Link>());
        Link& link = *links_.back();
        link.stream = std::move(*made);
        link.stream->set_send_bytes_max(std::size_t{1} << 30);
        link.stream->start({.on_data = [this, &link](Bytes bytes) { take(link, bytes); },
                            .on_closed = [this](const Error& error) { end(Error(error).context("the server")); },
                            .on_drained = {}});
        if (links_.size() < load_.connections) return;
        begin_ = loop_.clock().monotonic();
        for (const auto& each : links_) send(*each);
    }
    bool is_all_sent() const {
        return sent_ == load_.count ||
               (load_.enough > 0 && sent_ > 0 && loop_.clock().monotonic() - begin_ > load_.enough);
    }
    void send(Link& link) {
        if (is_all_sent()) return;
        const std::string_view request = load_.request(sent_++);
        loaded_.bytes_out += request.size();
        link.parser.reset();
        link.sent = loop_.clock().monotonic();
        link.stream->send(as_bytes(request));
    }
    void take(Link& link, Bytes bytes) {
        loaded_.bytes_in += bytes.size();
        if (auto fed = link.parser.feed(bytes); !fed) return end(std::move(fed).error());
        if (!link.parser.done()) return;
        loaded_.latencies.push_back(loop_.clock().monotonic() - link.sent);
        const wire::HttpResponse& answer = link.parser.response();
        if (answer.status >= 300)
            return end(Error{Code::unavailable, "the server says {}: {}", answer.status, answer.body.substr(0, 500)});
        if (load_.on_answer)
            if (auto good = load_.on_answer(answer); !good) return end(std::move(good).error());
        if (is_all_sent() && loaded_.latencies.size() == sent_) return loop_.stop();
        send(link);
    }
    void end(Error error) {
        if (!error_) error_ = std::move(error);
        loop_.stop();
    }

    io::Loop& loop_;
    const HttpLoad& load_;
    std::vector<std::unique_ptr<Link>> links_;
    HttpLoaded loaded_;
    std::size_t sent_ = 0;
    DurationNs begin_ = 0;
    std::optional<Error> error_;
};

}  // namespace

Result<HttpLoaded> run(const HttpLoad& load) {
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    return Loader(*loop, load).run();
}

std::string request_text(wire::HttpMethod method, const std::string& target, const std::string& token, std::string body,
                         const std::string& content_type) {
    wire::HttpRequest request;
    request.method = method;
    request.target = target;
    request.body = std::move(body);
    if (!request.body.empty()) request.headers.push_back({"content-type", content_type});
    if (!token.empty()) request.headers.push_back({"authorization", "Bearer " + token});
    std::string text;
    wire::write_request(text, request, "127.0.0.1");
    return text;
}

}  // namespace gongshu::bench
