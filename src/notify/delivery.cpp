#include "notify/delivery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/base64.h"
#include "io/crypto.h"
#include "io/process.h"
#include "wire/smtp.h"

namespace gongshu::notify {
namespace {

using Done = std::function<void(Result<Delivered>)>;

constexpr std::size_t kSecretBytesMin = 3;  // less is no secret, and stands in every text

// What the peer did not say of the message itself: it may go another time.
Error passing(const Error& error) {
    return Error{error.code() == Code::invalid ? Code::unavailable : error.code(), "{}", error.text()};
}

// Of EHLO. Without a full name of this machine an address, as RFC 5321 §4.1.4 asks for.
std::string own_name() {
    std::string name = io::host_name();
    const bool fine =
        name.find('.') != std::string::npos && name.size() <= 253 && std::ranges::all_of(name, [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-';
        });
    return fine ? name : "[127.0.0.1]";
}

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
    auto parsed = connect::parse_http_url(url);
    if (!parsed) {
        // What is told is the address as it was written, without the key.
        url = sender.spec.url.value_or("");
        return Error{Code::invalid, "\"{}\" is no address of a server: expected http://host:port or https://host:port",
                     url}
            .context("url");
    }
    connect::HttpUrl target = std::move(*parsed);
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
    if (!allowed) return door.loop.post([error = passing(allowed.error()), done = std::move(done)] { done(error); });
    connect::http_call(
        door.loop, std::move(*call), [sender, done = std::move(done)](Result<wire::HttpResponse> answer) {
            if (!answer) return done(passing(answer.error()));
            // Before it is cut, which could leave half a secret.
            const std::string body = without_secrets(*sender, answer->body);
            if (auto taken = judge_answer(sender->spec.format, answer->status, body); !taken)
                return done(std::move(taken).error());
            done(Delivered{.answer = fmt::format("{} {}", answer->status, wire::reason_phrase(answer->status))});
        });
}

// One mail over one link. Kept alive by its timer; the stream's callbacks hold it weakly.
class MailCall : public std::enable_shared_from_this<MailCall> {
public:
    MailCall(io::Loop& loop, std::shared_ptr<const Sender> sender, wire::SmtpOptions options, const wire::Mail& mail,
             Done done)
        : loop_(loop),
          sender_(std::move(sender)),
          client_(std::move(options), mail),
          part_(!mail.only.empty()),
          done_(std::move(done)) {}

    void begin(const DeliveryDoor& door) {
        deadline_ = loop_.clock().monotonic() + door.timeout;
        answer_timeout_ = door.answer_timeout;
        end_after(door.timeout);
        const MessageHookSpec& spec = sender_->spec;
        connect::open_outbound(loop_, sender_->tenant, address(),
                               spec.security == Security::tls ? sender_->tls : nullptr, door.may_connect, door.timeout,
                               [weak = weak_from_this()](Result<std::unique_ptr<io::Stream>> made) {
                                   if (const auto self = weak.lock()) self->opened(std::move(made));
                               });
    }

private:
    io::Address address() const {
        std::string host = sender_->spec.host.value_or("");
        if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
        return {std::move(host), sender_->spec.port};
    }

    void end_after(DurationNs timeout) {
        timer_ = loop_.after(timeout, [self = shared_from_this(), timeout] {
            self->end(Error{Code::timeout, "the mail server did not take the mail within {} s", timeout / kSecond});
        });
    }

    void opened(Result<std::unique_ptr<io::Stream>> made) {
        if (!done_) return;  // the stream closes as it goes out of scope
        if (!made) return end(passing(made.error()));
        stream_ = std::move(*made);
        const auto weak = weak_from_this();
        stream_->start({.on_data =
                            [weak](Bytes bytes) {
                                if (const auto self = weak.lock()) self->take(bytes);
                            },
                        .on_closed =
                            [weak](const Error& error) {
                                if (const auto self = weak.lock())
                                    self->end(passing(error).context("the mail server ended the connection early"));
                            },
                        .on_drained = {}});
    }

    void take(Bytes bytes) {
        if (!done_) return;
        std::string out;
        const bool before = client_.handed_over();
        auto next = client_.feed(bytes, out);
        if (!out.empty()) stream_->send(as_bytes(out));
        if (!next) {
            // The others have it, and the rest will never take it.
            const bool never = std::ranges::none_of(client_.refused(), &wire::SmtpRefused::later);
            if (part_ && client_.all_refused() && never) return end(delivered());
            return end(std::move(next).error());
        }
        if (!before && client_.handed_over() && answer_timeout_ > 0) {
            loop_.cancel(timer_);
            end_after(answer_timeout_);
        }
        if (*next == wire::SmtpClient::Next::tls) return secure();
        if (*next == wire::SmtpClient::Next::end) end(delivered());
    }

    Delivered delivered() const {
        Delivered out{.answer = client_.answer()};
        std::string list;
        for (const auto& [to, why, later] : client_.refused()) {
            list += fmt::format("{}{}: {}", list.empty() ? "" : ", ", to, why);
            if (later) out.later.push_back(to);
            if (!later) ++out.refused;
        }
        if (!list.empty()) out.warning = "not sent to " + list;
        return out;
    }

    void secure() {
        const DurationNs left = std::max<DurationNs>(deadline_ - loop_.clock().monotonic(), 0);
        loop_.secure(std::move(stream_), sender_->tls, address().host, left,
                     [weak = weak_from_this()](Result<std::unique_ptr<io::Stream>> made) {
                         const auto self = weak.lock();
                         if (!self || !self->done_) return;
                         if (!made) return self->end(passing(made.error()).context("STARTTLS"));
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
    const bool part_;  // some receivers have it already
    Done done_;
    std::unique_ptr<io::Stream> stream_;
    DurationNs deadline_ = 0, answer_timeout_ = 0;
    io::TimerId timer_;
};

void mail(const DeliveryDoor& door, const std::shared_ptr<const Sender>& sender, const Message& message, Done done,
          const std::vector<std::string>& only) {
    const MessageHookSpec& spec = sender->spec;
    const std::string from = spec.from.value_or("");
    wire::Mail mail{.from = from,
                    .to = spec.to,
                    .only = only,
                    .subject = message.title,
                    .text = plain_text(message, spec.language),
                    .message_id = fmt::format("{}/{}@{}", message.id, sender->uid, from.substr(from.find('@') + 1)),
                    .date = door.loop.clock().now(),
                    .headers = {{"Gongshu-Message-Id", message.id}}};
    std::uint64_t bytes = mail.subject.size() + mail.text.size();
    if (auto allowed = let_out(door.egress, *sender, bytes); !allowed)
        return door.loop.post([error = passing(allowed.error()), done = std::move(done)] { done(error); });
    wire::SmtpOptions options{.client_name = own_name(),
                              .start_tls = spec.security == Security::starttls,
                              .user = spec.user.value_or(""),
                              .password = sender->password};
    std::make_shared<MailCall>(door.loop, sender, std::move(options), mail, std::move(done))->begin(door);
}

}  // namespace

std::string without_secrets(const Sender& sender, std::string text) {
    std::vector<std::string> all;
    for (const std::string& secret : {sender.key, sender.secret, sender.password}) {
        all.push_back(secret);
        all.push_back(wire::percent_encode(secret));
    }
    if (!sender.password.empty()) {
        const std::string plain = std::string(1, '\0') + sender.spec.user.value_or("") + '\0' + sender.password;
        all.push_back(encode_base64(as_bytes(plain)));
        all.push_back(encode_base64(as_bytes(sender.password)));
    }
    std::erase_if(all, [](const std::string& secret) { return secret.size() < kSecretBytesMin; });
    std::ranges::sort(all, std::ranges::greater{}, &std::string::size);
    for (const std::string& secret : all) {
        for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
            text.replace(at, secret.size(), "…");
        // The peer's words may have been cut in the middle of it.
        for (std::size_t size = secret.size() - 1; size > kSecretBytesMin; --size)
            if (text.ends_with(std::string_view(secret).substr(0, size))) text.replace(text.size() - size, size, "…");
    }
    return text;
}

void deliver(const DeliveryDoor& door, const std::shared_ptr<const Sender>& sender, const Message& message,
             std::function<void(Result<Delivered>)> done, const std::vector<std::string>& only) {
    auto clean = [sender, done = std::move(done)](Result<Delivered> result) {
        if (!result) return done(Error{result.error().code(), "{}", without_secrets(*sender, result.error().text())});
        result->answer = without_secrets(*sender, std::move(result->answer));
        result->warning = without_secrets(*sender, std::move(result->warning));
        done(std::move(result));
    };
    if (sender->spec.channel == Channel::email) return mail(door, sender, message, std::move(clean), only);
    post(door, sender, message, std::move(clean));
}

}  // namespace gongshu::notify
