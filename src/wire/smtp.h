#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

// Handing a mail to a server: RFC 5321 with STARTTLS (RFC 3207) and AUTH (RFC 4954), as a client.
namespace gongshu::wire {

// A mail of one text. Texts are UTF-8; whatever stands in them, it adds no header and no second part.
struct Mail {
    std::string from;             // "gongshu@plant.example"
    std::vector<std::string> to;  // at least one
    // Whom of `to` it is handed over for now; empty = all. The others have it already.
    std::vector<std::string> only = {};
    std::string subject;
    std::string text;
    std::string message_id;  // "CA-12/3/…@plant.example", without < >
    TimeNs date = 0;
    std::vector<std::pair<std::string, std::string>> headers = {};  // further ones; names are ours
};

// What is wrong with an address for a mail: ASCII, one @, no spaces, controls, <> or quotes, at most 254 bytes.
Result<void> check_mail_address(std::string_view text);
// The whole message with CRLF (RFC 5322): the subject by RFC 2047, the text as base64.
std::string write_mail(const Mail& mail);

// What a server says to one command: a code and its lines.
struct SmtpReply {
    int code = 0;
    std::vector<std::string> lines;  // without the code
};

// SmtpReplyParser turns bytes in any split into replies, in order.
// Threads: one at a time.   Bounds: kLineMax bytes a line, kLinesMax lines a reply; more is Code::malformed.   Disk:
// none.
class SmtpReplyParser {
public:
    static constexpr std::size_t kLineMax = 2'000;
    static constexpr std::size_t kLinesMax = 100;

    // Takes bytes of `received` until a reply is whole: true, and `reply` holds it. What is left stays in `received`.
    Result<bool> feed(Bytes& received, SmtpReply& reply);

private:
    Result<bool> take_line(std::string_view line, SmtpReply& reply);
    std::string line_;
    SmtpReply reply_;
};

struct SmtpOptions {
    // Of EHLO: a full host name, or an address in brackets (RFC 5321 §4.1.3); many servers refuse a bare word.
    std::string client_name = "[127.0.0.1]";
    bool start_tls = false;      // ask for TLS before anything else, and go no further without it
    std::string user, password;  // "" = without AUTH
};

// A receiver that the server did not take.
struct SmtpRefused {
    std::string to, why;  // "li@plant.example", "550 5.1.1 no such user"
    bool later = false;   // 4xx: it may take it later
};

// SmtpClient hands one mail to one server. It is pure: bytes in, bytes out; who drives it moves them, and shakes hands
// for TLS when it says so. An error ends it: the connection is to be closed.
// Lives:   for one connection.   Threads: one at a time.   Bounds: SmtpReplyParser's.   Disk: none.
class SmtpClient {
public:
    enum class Next : std::uint8_t {
        bytes,  // feed what comes
        tls,    // what was appended to `out` is sent; now shake hands, then secured()
        end,    // the server has taken the mail; what was appended to `out` is QUIT
    };

    SmtpClient(SmtpOptions options, const Mail& mail);

    // Errors name what was asked and what the server said: Code::denied for a refused sign-in, Code::unavailable for a
    // reply of 4xx, Code::invalid for one of 5xx to the mail itself, Code::denied for one of 5xx to anything before it,
    // Code::malformed for what is no reply.
    Result<Next> feed(Bytes received, std::string& out);
    // TLS is there. Appends what to say first.
    void secured(std::string& out);

    const std::string& answer() const { return answer_; }  // to the mail: "250 2.0.0 Ok: queued as 7"
    const std::vector<SmtpRefused>& refused() const { return refused_; }
    bool all_refused() const { return refused_.size() == to_.size(); }
    bool handed_over() const { return state_ == State::text; }  // up to the final dot; its answer is awaited
    bool over() const { return state_ == State::over; }         // the mail is taken

private:
    enum class State : std::uint8_t {
        greeting,
        hello,
        start_tls,
        shaking,
        auth,
        user,
        password,
        from,
        to,
        data,
        text,
        over
    };

    Result<Next> on_reply(const SmtpReply& reply, bool more, std::string& out);
    Result<Next> on_hello(const SmtpReply& reply, std::string& out);
    Result<Next> on_receiver(const SmtpReply& reply, std::string& out);
    Next begin_mail(std::string& out);
    Next say(State next, std::string_view line, std::string& out);

    const SmtpOptions options_;
    const std::string from_, message_;
    const std::vector<std::string> to_;
    SmtpReplyParser parser_;
    State state_ = State::greeting;
    bool secure_ = false;
    std::size_t receiver_ = 0;
    std::vector<SmtpRefused> refused_;
    std::string answer_;
};

}  // namespace gongshu::wire
