#include "notify/delivery.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "io/crypto.h"
#include "wire/smtp.h"

namespace gongshu::notify {
namespace {

using Done = std::function<void(Result<Delivered>)>;

Result<void> let_out(Egress& egress, const Sender& sender, std::uint64_t bytes) {
    return egress.decide({.tenant = sender.tenant,
                          .who = "hook:" + sender.name,
                          .door = kDoor,
                          .what = "message_hooks/" + sender.name,
                          .level = 1,
                          .purpose = "message",
                          .bytes = bytes,
                          .rows = 1});
}

Result<connect::HttpCall> make_call(const DeliveryDoor& door, const Sender& sender, const Message& message) {
    std::string url = sender.spec.url.value_or("");
    const std::string key = wire::percent_encode(sender.key);
    for (auto at = url.find("{key}"); at != std::string::npos; at = url.find("{key}", at + key.size()))
        url.replace(at, 5, key);
    connect::HttpUrl target = TRY(connect::parse_http_url(url).context("url"));
    WebhookBody body = webhook_body(message, sender.spec, sender.secret, door.loop.clock().now());
    if (!body.query.empty()) target.target += (target.target.find('?') == std::string::npos ? "?" : "&") + body.query;
    wire::HttpRequest request;
    request.method = wire::HttpMethod::post;
    request.target = target.target;
    request.keep_alive = false;
    request.headers = {{"content-type", "application/json; charset=utf-8"},
                       {"user-agent", "gongshu"},
                       {"gongshu-message-id", message.id}};
    if (!sender.secret.empty())
        request.headers.push_back(
            {"gongshu-signature", "sha256=" + to_hex(io::hmac_sha256(as_bytes(sender.secret), as_bytes(body.body)))});
    request.body = std::move(body.body);
    connect::HttpCall call{.tenant = sender.tenant,
                           .address = target.address,
                           .tls = target.secure ? sender.tls : nullptr,
                           .request = {},
                           .may_connect = door.may_connect,
                           .timeout = door.timeout,
                           .body_bytes_max = kAnswerBytesMax,
                           .cut_body = true};
    if (target.secure && !call.tls) return Error{Code::invalid, "url: without TLS settings nothing is sent by https"};
    wire::write_request(call.request, request, target.host);
    return call;
}

void post(const DeliveryDoor& door, const std::shared_ptr<const Sender>& sender, const Message& message, Done done) {
    auto call = make_call(door, *sender, message);
    auto allowed = call ? let_out(door.egress, *sender, call->request.size()) : Result<void>(call.error());
    if (!allowed) return door.loop.post([error = allowed.error(), done = std::move(done)] { done(error); });
    connect::http_call(
        door.loop, std::move(*call),
        [format = sender->spec.format, done = std::move(done)](Result<wire::HttpResponse> answer) {
            if (!answer) return done(std::move(answer).error());
            if (auto taken = judge_answer(format, answer->status, answer->body); !taken)
                return done(std::move(taken).error());
            done(Delivered{fmt::format("{} {}", answer->status, wire::reason_phrase(answer->status)), ""});
        });
}

// One mail over one link. Kept alive by its timer; the stream's callbacks hold it weakly.
class MailCall : public std::enable_shared_from_this<MailCall> {
public:
    MailCall(io::Loop& loop, std::shared_ptr<const Sender> sender, wire::SmtpOptions options, const wire::Mail& mail,
             Done done)
        : loop_(loop), sender_(std::move(sender)), client_(std::move(options), mail), done_(std::move(done)) {}

    void begin(const DeliveryDoor& door) {
        deadline_ = loop_.clock().monotonic() + door.timeout;
        timer_ = loop_.after(door.timeout, [self = shared_from_this(), timeout = door.timeout] {
            self->end(Error{Code::timeout, "the mail server did not take the mail within {} s", timeout / kSecond});
        });
        const MessageHookSpec& spec = sender_->spec;
        connect::open_outbound(loop_, sender_->tenant, address(),
                               spec.security == Security::tls ? sender_->tls : nullptr, door.may_connect, door.timeout,
                               [weak = weak_from_this()](Result<std::unique_ptr<io::Stream>> made) {
                                   if (const auto self = weak.lock()) self->opened(std::move(made));
                               });
    }

private:
    io::Address address() const { return {sender_->spec.host.value_or(""), sender_->spec.port}; }

    void opened(Result<std::unique_ptr<io::Stream>> made) {
        if (!done_) return;  // the stream closes as it goes out of scope
        if (!made) return end(std::move(made).error());
        stream_ = std::move(*made);
        const auto weak = weak_from_this();
        stream_->start({.on_data =
                            [weak](Bytes bytes) {
                                if (const auto self = weak.lock()) self->take(bytes);
                            },
                        .on_closed =
                            [weak](const Error& error) {
                                if (const auto self = weak.lock())
                                    self->end(Error(error).context("the mail server ended the connection early"));
                            },
                        .on_drained = {}});
    }

    void take(Bytes bytes) {
        if (!done_) return;
        std::string out;
        auto next = client_.feed(bytes, out);
        if (!out.empty()) stream_->send(as_bytes(out));
        if (!next) return end(std::move(next).error());
        if (*next == wire::SmtpClient::Next::tls) return secure();
        if (*next == wire::SmtpClient::Next::end) {
            std::string warning;
            if (!client_.refused().empty()) warning = fmt::format("not sent to {}", fmt::join(client_.refused(), ", "));
            end(Delivered{client_.answer(), std::move(warning)});
        }
    }

    void secure() {
        const DurationNs left = std::max<DurationNs>(deadline_ - loop_.clock().monotonic(), 0);
        loop_.secure(std::move(stream_), sender_->tls, address().host, left,
                     [weak = weak_from_this()](Result<std::unique_ptr<io::Stream>> made) {
                         const auto self = weak.lock();
                         if (!self || !self->done_) return;
                         if (!made) return self->end(std::move(made).error().context("STARTTLS"));
                         self->opened(std::move(made));
                         std::string out;
                         self->client_.secured(out);
                         self->stream_->send(as_bytes(out));
                     });
    }

    void end(Result<Delivered> result) {
        if (!done_) return;
        const auto self = shared_from_this();
        const auto done = std::exchange(done_, nullptr);
        loop_.cancel(timer_);
        if (stream_) stream_->close();  // QUIT goes out first
        done(std::move(result));
    }

    io::Loop& loop_;
    const std::shared_ptr<const Sender> sender_;
    wire::SmtpClient client_;
    Done done_;
    std::unique_ptr<io::Stream> stream_;
    DurationNs deadline_ = 0;
    io::TimerId timer_;
};

void mail(const DeliveryDoor& door, const std::shared_ptr<const Sender>& sender, const Message& message, Done done) {
    const MessageHookSpec& spec = sender->spec;
    const std::string from = spec.from.value_or("");
    wire::Mail mail{.from = from,
                    .to = spec.to,
                    .subject = message.title,
                    .text = plain_text(message, spec.language),
                    .message_id = fmt::format("{}/{}@{}", message.id, sender->uid, from.substr(from.find('@') + 1)),
                    .date = door.loop.clock().now(),
                    .headers = {{"Gongshu-Message-Id", message.id}}};
    std::uint64_t bytes = mail.subject.size() + mail.text.size();
    if (auto allowed = let_out(door.egress, *sender, bytes); !allowed)
        return door.loop.post([error = allowed.error(), done = std::move(done)] { done(error); });
    wire::SmtpOptions options{
        .start_tls = spec.security == Security::starttls, .user = spec.user.value_or(""), .password = sender->password};
    std::make_shared<MailCall>(door.loop, sender, std::move(options), mail, std::move(done))->begin(door);
}

}  // namespace

void deliver(const DeliveryDoor& door, const std::shared_ptr<const Sender>& sender, const Message& message,
             std::function<void(Result<Delivered>)> done) {
    if (sender->spec.channel == Channel::email) return mail(door, sender, message, std::move(done));
    post(door, sender, message, std::move(done));
}

}  // namespace gongshu::notify
