#include "connect/outbound.h"

#include <algorithm>
#include <utility>

namespace gongshu::connect {
namespace {

using StreamDone = std::function<void(Result<std::unique_ptr<io::Stream>>)>;

// One exchange. Kept alive by its timer; the stream's callbacks hold it weakly.
class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    Exchange(io::Loop& loop, HttpCall call, std::function<void(Result<wire::HttpResponse>)> done)
        : loop_(loop), call_(std::move(call)), done_(std::move(done)), parser_(call_.body_bytes_max) {}

    void begin() {
        timer_ = loop_.after(call_.timeout, [self = shared_from_this()] {
            self->end(Error{Code::timeout, "no answer within {} s", self->call_.timeout / kSecond});
        });
        open_outbound(loop_, call_.tenant, call_.address, call_.tls, call_.may_connect, call_.timeout,
                      [weak = weak_from_this()](Result<std::unique_ptr<io::Stream>> made) {
                          const auto self = weak.lock();
                          if (!self || !self->done_) return;  // the stream closes as it goes out of scope
                          if (!made) return self->end(std::move(made).error());
                          self->talk(std::move(*made));
                      });
    }

private:
    void talk(std::unique_ptr<io::Stream> stream) {
        stream_ = std::move(stream);
        const auto weak = weak_from_this();
        stream_->start({.on_data =
                            [weak](Bytes bytes) {
                                if (const auto self = weak.lock()) self->take(bytes);
                            },
                        .on_closed =
                            [weak](const Error& error) {
                                if (const auto self = weak.lock()) self->closed(error);
                            },
                        .on_drained = {}});
        stream_->send(as_bytes(call_.request));
    }

    void take(Bytes bytes) {
        if (!done_) return;
        if (auto fed = parser_.feed(bytes); !fed) {
            if (call_.cut_body && fed.error().code() == Code::limit && parser_.head_done())
                return end(std::move(parser_.response()));
            return end(std::move(fed).error().context("cannot understand the answer"));
        }
        if (parser_.done()) end(std::move(parser_.response()));
    }

    void closed(const Error& error) {
        if (!done_) return;
        if (!parser_.finish()) {
            if (call_.part && parser_.head_done()) *call_.part = std::move(parser_.response().body);
            return end(Error(error).context("the connection ended early"));
        }
        end(std::move(parser_.response()));
    }

    void end(Result<wire::HttpResponse> result) {
        if (!done_) return;
        const auto self = shared_from_this();
        const auto done = std::exchange(done_, nullptr);
        loop_.cancel(timer_);
        stream_.reset();
        done(std::move(result));
    }

    io::Loop& loop_;
    HttpCall call_;
    std::function<void(Result<wire::HttpResponse>)> done_;
    wire::HttpResponseParser parser_;
    std::unique_ptr<io::Stream> stream_;
    io::TimerId timer_;
};

}  // namespace

void open_outbound(io::Loop& loop, TenantId tenant, const io::Address& address,
                   std::shared_ptr<const io::TlsClient> tls, const TargetPolicy& may_connect, DurationNs timeout,
                   StreamDone done) {
    if (may_connect)
        if (auto allowed = may_connect(tenant, address); !allowed)
            return loop.post([error = allowed.error(), done = std::move(done)] { done(error); });
    const DurationNs deadline = loop.clock().monotonic() + timeout;
    loop.connect(address, {.tls = nullptr, .timeout = timeout},
                 [&loop, tenant, address, tls = std::move(tls), may_connect, deadline,
                  done = std::move(done)](Result<std::unique_ptr<io::Stream>> made) {
                     if (!made) return done(std::move(made).error());
                     // A name may have led to an address that its text did not show.
                     if (may_connect)
                         if (auto allowed = may_connect(tenant, (*made)->peer()); !allowed)
                             return done(std::move(allowed).error());
                     if (!tls) return done(std::move(made));
                     const DurationNs left = std::max<DurationNs>(deadline - loop.clock().monotonic(), 0);
                     loop.secure(std::move(*made), tls, address.host, left,
                                 [address, done](Result<std::unique_ptr<io::Stream>> secured) {
                                     done(std::move(secured).context("cannot connect to {}", io::to_string(address)));
                                 });
                 });
}

Result<HttpUrl> parse_http_url(std::string_view url) {
    const Error wrong{Code::invalid, "\"{}\" is no address of a server: expected http://host:port or https://host:port",
                      url.substr(0, 200)};
    if (std::ranges::any_of(url, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; }))
        return wrong;
    HttpUrl out;
    std::string_view rest = url;
    if (rest.starts_with("https://")) {
        out.secure = true;
        rest.remove_prefix(8);
    } else if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
    } else {
        return wrong;
    }
    rest = rest.substr(0, rest.find('#'));
    const auto end = std::min(rest.find_first_of("/?"), rest.size());
    std::string place(rest.substr(0, end));
    if (place.empty() || place.find('@') != std::string::npos) return wrong;
    out.target = rest.substr(end);
    if (!out.target.starts_with('/')) out.target.insert(0, "/");
    const auto colon = place.find_last_of(':');
    if (colon == std::string::npos || place.ends_with(']')) place += out.secure ? ":443" : ":80";
    auto address = io::parse_address(place);
    if (!address || address->port == 0) return wrong;
    out.address = std::move(*address);
    out.host = io::to_string(out.address);
    const std::string usual = out.secure ? ":443" : ":80";
    if (out.host.ends_with(usual)) out.host.resize(out.host.size() - usual.size());
    return out;
}

void http_call(io::Loop& loop, HttpCall call, std::function<void(Result<wire::HttpResponse>)> done) {
    std::make_shared<Exchange>(loop, std::move(call), std::move(done))->begin();
}

}  // namespace gongshu::connect
