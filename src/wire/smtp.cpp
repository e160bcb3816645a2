#include "wire/smtp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "wire/http.h"

namespace gongshu::wire {
namespace {

constexpr std::size_t kAddressMax = 254;      // RFC 5321 §4.5.3.1.3, less < >
constexpr std::size_t kEncodedBytesMax = 45;  // 60 characters of base64 with =?UTF-8?B? and ?= are 72 of at most 75
constexpr std::size_t kBodyLineBytes = 57;    // 76 characters of base64
constexpr std::size_t kToldMax = 300;

bool is_plain(char c) { return c >= ' ' && c < 0x7f; }

// Of one line: breaks and other controls become spaces.
std::string one_line(std::string_view text) {
    std::string out(text);
    std::ranges::replace_if(
        out, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
    return out;
}

// "=?UTF-8?B?…?=" in pieces of whole characters, each on a line of its own; a short ASCII text as it is.
std::string encode_header(std::string_view given) {
    const std::string text = one_line(given);
    if (text.size() <= 60 && std::ranges::all_of(text, is_plain) && text.find("=?") == std::string::npos) return text;
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = std::min(at + kEncodedBytesMax, text.size());
        while (end < text.size() && end > at + 1 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
        if (!out.empty()) out += "\r\n ";
        out += "=?UTF-8?B?" + encode_base64(as_bytes(std::string_view(text).substr(at, end - at))) + "?=";
        at = end;
    }
    return out;
}

std::string with_crlf(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r') continue;
        if (text[i] == '\n') out += '\r';
        out += text[i];
    }
    if (!out.ends_with("\r\n")) out += "\r\n";
    return out;
}

// A line that begins with a dot gets another one; the end is a dot alone (RFC 5321 §4.5.2).
std::string stuffed(std::string_view message) {
    std::string out;
    bool begins = true;
    for (const char c : message) {
        if (begins && c == '.') out += '.';
        out += c;
        begins = c == '\n';
    }
    return out + ".\r\n";
}

// "550 5.1.1 no such user; …", at most kToldMax bytes, printable.
std::string told(const SmtpReply& reply) {
    std::string text = std::to_string(reply.code);
    for (const std::string& line : reply.lines) text += (text.size() == 3 ? " " : "; ") + line;
    if (text.size() > kToldMax) text.resize(kToldMax);
    std::ranges::replace_if(
        text, [](char c) { return !is_plain(c); }, '?');
    return text;
}

Error refusal(const SmtpReply& reply, std::string_view what) {
    return Error{reply.code / 100 == 4 ? Code::unavailable : Code::denied, "the mail server answered {} with {}", what,
                 told(reply)};
}

bool equals(std::string_view a, std::string_view upper) {
    return std::ranges::equal(a, upper, {},
                              [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
}

// Whether the reply to EHLO names an extension, and with which word behind it ("" = any).
bool offers(const SmtpReply& reply, std::string_view name, std::string_view word) {
    for (std::size_t i = 1; i < reply.lines.size(); ++i) {
        std::string_view rest = reply.lines[i];
        bool first = true, named = false;
        while (!rest.empty()) {
            // "AUTH=LOGIN" is how old servers write it.
            const auto end = std::min(rest.find_first_of(first ? " =" : " "), rest.size());
            const std::string_view one = rest.substr(0, end);
            if (first) {
                named = equals(one, name);
                if (named && word.empty()) return true;
                first = false;
            } else if (named && equals(one, word)) {
                return true;
            }
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    return false;
}

}  // namespace

Result<void> check_mail_address(std::string_view text) {
    const auto at = text.find('@');
    const bool fine =
        at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.size() <= kAddressMax &&
        text.find('@', at + 1) == std::string_view::npos && std::ranges::all_of(text, [](char c) {
            return c > ' ' && c < 0x7f && std::string_view("<>()[]\\,;:\"").find(c) == std::string_view::npos;
        });
    if (fine) return {};
    return Error{Code::invalid, "expected a mail address such as shift@plant.example, found \"{}\"",
                 text.substr(0, 100)};
}

std::string write_mail(const Mail& mail) {
    // "Sun, 06 Nov 1994 08:49:37 GMT" with the zone as mails have it.
    std::string date = http_date(mail.date);
    if (date.ends_with("GMT")) date.replace(date.size() - 3, 3, "+0000");
    std::string out = fmt::format("Date: {}\r\nFrom: <{}>\r\n", date, mail.from);
    for (std::size_t i = 0; i < mail.to.size(); ++i)
        out += fmt::format("{}<{}>", i == 0 ? "To: " : ",\r\n ", mail.to[i]);
    out +=
        fmt::format("\r\nSubject: {}\r\nMessage-ID: <{}>\r\n", encode_header(mail.subject), one_line(mail.message_id));
    for (const auto& [name, value] : mail.headers) out += fmt::format("{}: {}\r\n", name, encode_header(value));
    out +=
        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n";
    const std::string text = with_crlf(mail.text);
    for (std::size_t at = 0; at < text.size(); at += kBodyLineBytes)
        out += encode_base64(as_bytes(std::string_view(text).substr(at, kBodyLineBytes))) + "\r\n";
    return out;
}

Result<bool> SmtpReplyParser::feed(Bytes& received, SmtpReply& reply) {
    while (!received.empty()) {
        const auto end = std::ranges::find(received, std::uint8_t{'\n'});
        const auto count = static_cast<std::size_t>(end - received.begin());
        if (line_.size() + count > kLineMax)
            return Error{Code::malformed, "the mail server sent a line of more than {} bytes", kLineMax};
        line_ += as_text(received.first(count));
        if (count == received.size()) {
            received = {};
            return false;
        }
        received = received.subspan(count + 1);
        std::string line = std::exchange(line_, {});
        if (line.ends_with('\r')) line.pop_back();
        if (TRY(take_line(line, reply))) return true;
    }
    return false;
}

// "250-SIZE 35882577" or "250 HELP" or "250".
Result<bool> SmtpReplyParser::take_line(std::string_view line, SmtpReply& reply) {
    const bool digits =
        line.size() >= 3 && std::ranges::all_of(line.substr(0, 3), [](char c) { return c >= '0' && c <= '9'; });
    const int code = digits ? (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0') : 0;
    if (code < 200 || code > 599 || (line.size() > 3 && line[3] != ' ' && line[3] != '-'))
        return Error{Code::malformed, "expected a reply of a mail server such as \"250 ok\", found \"{}\"",
                     one_line(line.substr(0, 60))};
    if (!reply_.lines.empty() && reply_.code != code)
        return Error{Code::malformed, "a reply of the mail server begins with {} and goes on with {}", reply_.code,
                     code};
    if (reply_.lines.size() >= kLinesMax)
        return Error{Code::malformed, "a reply of the mail server has more than {} lines", kLinesMax};
    reply_.code = code;
    reply_.lines.emplace_back(line.size() > 4 ? line.substr(4) : std::string_view{});
    if (line.size() > 3 && line[3] == '-') return false;
    reply = std::exchange(reply_, {});
    return true;
}

SmtpClient::SmtpClient(SmtpOptions options, const Mail& mail)
    : options_(std::move(options)),
      from_(mail.from),
      message_(write_mail(mail)),
      to_(mail.only.empty() ? mail.to : mail.only) {}

Result<SmtpClient::Next> SmtpClient::feed(Bytes received, std::string& out) {
    SmtpReply reply;
    Next next = state_ == State::over ? Next::end : Next::bytes;
    while (state_ != State::over && TRY(parser_.feed(received, reply))) {
        next = TRY(on_reply(reply, !received.empty(), out));
        if (next == Next::tls) break;
    }
    return next;
}

void SmtpClient::secured(std::string& out) {
    secure_ = true;
    say(State::hello, "EHLO " + options_.client_name, out);
}

SmtpClient::Next SmtpClient::say(State next, std::string_view line, std::string& out) {
    state_ = next;
    out.append(line).append("\r\n");
    return Next::bytes;
}

Result<SmtpClient::Next> SmtpClient::on_reply(const SmtpReply& reply, bool more, std::string& out) {
    const int sort = reply.code / 100;
    switch (state_) {
        case State::greeting:
            if (reply.code != 220) return refusal(reply, "the connection");
            return say(State::hello, "EHLO " + options_.client_name, out);
        case State::hello:
            return on_hello(reply, out);
        case State::start_tls:
            if (reply.code != 220) return refusal(reply, "STARTTLS");
            // What came in clear behind it was put there by somebody on the way.
            if (more) return Error{Code::malformed, "the mail server sent more than its answer to STARTTLS"};
            state_ = State::shaking;
            return Next::tls;
        case State::auth:
        case State::user:
        case State::password:
            if (state_ == State::auth && reply.code == 334)
                return say(State::user, encode_base64(as_bytes(options_.user)), out);
            if (state_ == State::user && reply.code == 334)
                return say(State::password, encode_base64(as_bytes(options_.password)), out);
            if (reply.code == 235) return begin_mail(out);
            return Error{sort == 4 ? Code::unavailable : Code::denied,
                         "the mail server did not take the sign-in of {}: {}", options_.user, told(reply)};
        case State::from:
            if (sort != 2) return refusal(reply, "the sender " + from_);
            return say(State::to, "RCPT TO:<" + to_.front() + ">", out);
        case State::to:
            return on_receiver(reply, out);
        case State::data:
            if (reply.code != 354) return refusal(reply, "DATA");
            state_ = State::text;
            out += stuffed(message_);
            return Next::bytes;
        case State::text:
            if (sort == 5) return Error{Code::invalid, "the mail server answered {} with {}", "the mail", told(reply)};
            if (sort != 2) return refusal(reply, "the mail");
            answer_ = told(reply);
            say(State::over, "QUIT", out);
            return Next::end;
        case State::shaking:
        case State::over:
            break;
    }
    return Error{Code::malformed, "the mail server speaks when it is not asked"};
}

Result<SmtpClient::Next> SmtpClient::on_hello(const SmtpReply& reply, std::string& out) {
    if (reply.code != 250) return refusal(reply, "EHLO");
    if (options_.start_tls && !secure_) {
        if (!offers(reply, "STARTTLS", ""))
            return Error{Code::unsupported, "the mail server offers no STARTTLS; nothing was sent in clear"};
        return say(State::start_tls, "STARTTLS", out);
    }
    if (options_.user.empty()) return begin_mail(out);
    if (offers(reply, "AUTH", "PLAIN")) {
        std::string text;
        text.append(1, '\0').append(options_.user).append(1, '\0').append(options_.password);
        return say(State::password, "AUTH PLAIN " + encode_base64(as_bytes(text)), out);
    }
    if (offers(reply, "AUTH", "LOGIN")) return say(State::auth, "AUTH LOGIN", out);
    return Error{Code::unsupported, "the mail server takes no sign-in by AUTH PLAIN or AUTH LOGIN"};
}

SmtpClient::Next SmtpClient::begin_mail(std::string& out) { return say(State::from, "MAIL FROM:<" + from_ + ">", out); }

Result<SmtpClient::Next> SmtpClient::on_receiver(const SmtpReply& reply, std::string& out) {
    const int sort = reply.code / 100;
    if (sort != 2) refused_.push_back({to_[receiver_], told(reply), sort == 4});
    if (++receiver_ < to_.size()) return say(State::to, "RCPT TO:<" + to_[receiver_] + ">", out);
    if (all_refused()) {
        // One that may be taken later decides: the mail is tried again.
        const auto later = std::ranges::find(refused_, true, &SmtpRefused::later);
        const SmtpRefused& one = later == refused_.end() ? refused_.back() : *later;
        return Error{later == refused_.end() ? Code::denied : Code::unavailable, "the mail server answered {} with {}",
                     "every receiver, at last " + one.to, one.why};
    }
    return say(State::data, "DATA", out);
}

}  // namespace gongshu::wire
