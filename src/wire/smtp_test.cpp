#include "wire/smtp.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire {
namespace {

Mail mail_of(std::string subject, std::string text) {
    return {.from = "gongshu@plant.example",
            .to = {"li@plant.example", "wang@plant.example"},
            .subject = std::move(subject),
            .text = std::move(text),
            .message_id = "CA-12/3@plant.example",
            .date = 1'772'352'000 * kSecond};
}

// A talk: "S: …" is what the server says, "C: …" what the client has to say to it, "TLS" a handshake.
struct Line {
    std::string server, client;
};
std::string talk(SmtpOptions options, const std::vector<Line>& lines, std::size_t piece = 1'000'000) {
    SmtpClient client{std::move(options), mail_of("s", "t")};
    std::string heard;
    for (const Line& line : lines) {
        for (std::size_t at = 0; at < line.server.size(); at += piece) {
            std::string out;
            const auto next = client.feed(as_bytes(std::string_view(line.server).substr(at, piece)), out);
            if (!next) return heard + "ERROR " + next.error().text();
            if (*next == SmtpClient::Next::tls) {
                heard += "TLS ";
                client.secured(out);
            }
            heard += out;
        }
        if (line.client == "*") {
            heard.clear();
            continue;
        }
        EXPECT_EQ(heard, line.client) << "after " << line.server;
        heard.clear();
    }
    return client.over() ? "taken " + client.answer() : "goes on";
}

TEST(Smtp, TalksAsTheServerOffers) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{10'000}}) {
        EXPECT_EQ(talk({},
                       {{"220-plant\r\n220 mail\r\n", "EHLO [127.0.0.1]\r\n"},
                        {"250-mail\r\n250 SIZE 9\r\n", "MAIL FROM:<gongshu@plant.example>\r\n"},
                        {"250 ok\r\n", "RCPT TO:<li@plant.example>\r\n"},
                        {"250 ok\r\n", "RCPT TO:<wang@plant.example>\r\n"},
                        {"251 ok\r\n", "DATA\r\n"},
                        {"354 go\r\n", "*"},
                        {"250 2.0.0 queued as 7\r\n", "QUIT\r\n"}},
                       piece),
                  "taken 250 2.0.0 queued as 7");
    }
    EXPECT_EQ(talk({.start_tls = true, .user = "u", .password = "p"},
                   {{"220 mail\r\n", "EHLO [127.0.0.1]\r\n"},
                    {"250-mail\r\n250 STARTTLS\r\n", "STARTTLS\r\n"},
                    {"220 go\r\n", "TLS EHLO [127.0.0.1]\r\n"},
                    {"250-mail\r\n250 AUTH LOGIN PLAIN\r\n", "AUTH PLAIN AHUAcA==\r\n"},
                    {"235 ok\r\n", "MAIL FROM:<gongshu@plant.example>\r\n"}}),
              "goes on");
    EXPECT_EQ(talk({.user = "u", .password = "p"}, {{"220 mail\r\n", "EHLO [127.0.0.1]\r\n"},
                                                    {"250-mail\r\n250 auth=LOGIN\r\n", "AUTH LOGIN\r\n"},
                                                    {"334 VXNlcm5hbWU6\r\n", "dQ==\r\n"},
                                                    {"334 UGFzc3dvcmQ6\r\n", "cA==\r\n"},
                                                    {"235 ok\r\n", "MAIL FROM:<gongshu@plant.example>\r\n"}}),
              "goes on");
}

TEST(Smtp, SaysWhatWentWrong) {
    auto f = [](SmtpOptions options, const std::string& server, const std::string& want) {
        const std::string got = talk(std::move(options), {{server, "*"}});
        EXPECT_NE(got.find("ERROR " + want), std::string::npos) << server << " -> " << got;
    };
    f({}, "554 5.7.1 go away\r\n", "the mail server answered the connection with 554 5.7.1 go away");
    f({}, "220 a\r\n250 a\r\n451 later\r\n",
      "the mail server answered the sender gongshu@plant.example with 451 later");
    f({}, "220 a\r\n250 a\r\n250 a\r\n550 no\r\n551 nor\r\n",
      "the mail server answered every receiver, at last wang@plant.example with 551 nor");
    f({}, "220 a\r\n250 a\r\n250 a\r\n550 no\r\n250 ok\r\n354 go\r\n552 too big\r\n",
      "the mail server answered the mail with 552 too big");
    f({.start_tls = true}, "220 a\r\n250 a\r\n", "the mail server offers no STARTTLS; nothing was sent in clear");
    f({.start_tls = true}, "220 a\r\n250-a\r\n250 STARTTLS\r\n220 go\r\n250 injected\r\n",
      "the mail server sent more than its answer to STARTTLS");
    f({.user = "u", .password = "p"}, "220 a\r\n250-a\r\n250 AUTH CRAM-MD5\r\n",
      "the mail server takes no sign-in by AUTH PLAIN or AUTH LOGIN");
    f({.user = "u", .password = "p"}, "220 a\r\n250-a\r\n250 AUTH PLAIN\r\n535 5.7.8 wrong\r\n",
      "the mail server did not take the sign-in of u: 535 5.7.8 wrong");
    f({}, "HTTP/1.1 400 Bad Request\r\n",
      "expected a reply of a mail server such as \"250 ok\", found \"HTTP/1.1 400 Bad Request\"");
    f({}, "220-a\r\n221 b\r\n", "a reply of the mail server begins with 220 and goes on with 221");
    f({}, std::string(3'000, 'x'), "the mail server sent a line of more than 2000 bytes");
    std::string many;
    for (int i = 0; i < 200; ++i) many += "220-a\r\n";
    f({}, many, "a reply of the mail server has more than 100 lines");
}

TEST(Smtp, OneRefusedReceiverDoesNotKeepTheMailFromTheOther) {
    SmtpClient client{{}, mail_of("s", "t")};
    std::string out;
    const auto next =
        client.feed(as_bytes("220 a\r\n250 a\r\n250 a\r\n550 5.1.1 who\r\n250 ok\r\n354 go\r\n250 ok\r\n"), out);
    ASSERT_TRUE(next);
    EXPECT_TRUE(client.over());
    ASSERT_EQ(client.refused().size(), 1u);
    EXPECT_EQ(client.refused()[0].to, "li@plant.example");
    EXPECT_EQ(client.refused()[0].why, "550 5.1.1 who");
    EXPECT_FALSE(client.refused()[0].later);
}

TEST(Smtp, WhoIsRefusedForNowIsAskedAloneLater) {
    Mail mail = mail_of("s", "t");
    SmtpClient client{{}, mail};
    std::string out;
    ASSERT_TRUE(client.feed(as_bytes("220 a\r\n250 a\r\n250 a\r\n451 later\r\n250 ok\r\n354 go\r\n250 ok\r\n"), out));
    ASSERT_EQ(client.refused().size(), 1u);
    EXPECT_TRUE(client.refused()[0].later);
    mail.only = {client.refused()[0].to};
    SmtpClient again{{}, mail};
    out.clear();
    ASSERT_TRUE(again.feed(as_bytes("220 a\r\n250 a\r\n250 a\r\n250 ok\r\n354 go\r\n250 ok\r\n"), out));
    EXPECT_TRUE(again.over());
    EXPECT_NE(out.find("RCPT TO:<li@plant.example>\r\nDATA"), std::string::npos) << out;
    EXPECT_NE(out.find("To: <li@plant.example>,\r\n <wang@plant.example>"), std::string::npos) << out;
}

// Who decides what becomes of the mail: of its text, of all mails, of this moment.
TEST(Smtp, TellsARefusedMailFromARefusedSender) {
    auto f = [](const std::string& server, Code want) {
        SmtpClient client{{}, mail_of("s", "t")};
        std::string out;
        const auto next = client.feed(as_bytes(server), out);
        ASSERT_FALSE(next) << server;
        EXPECT_EQ(next.error().code(), want) << next.error().text();
    };
    f("554 no\r\n", Code::denied);
    f("220 a\r\n250 a\r\n550 no\r\n", Code::denied);
    f("220 a\r\n250 a\r\n250 a\r\n550 no\r\n550 no\r\n", Code::denied);
    f("220 a\r\n250 a\r\n250 a\r\n451 no\r\n550 no\r\n", Code::unavailable);
    f("220 a\r\n250 a\r\n250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n552 no\r\n", Code::invalid);
    f("220 a\r\n250 a\r\n250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n452 no\r\n", Code::unavailable);
}

std::string header(const std::string& mail, const std::string& name) {
    const auto at = mail.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "none";
    auto end = at;
    do {
        end = mail.find("\r\n", end + 2);
    } while (mail[end + 2] == ' ');
    return mail.substr(at + 4 + name.size(), end - at - 4 - name.size());
}

TEST(Smtp, NothingInAMailBecomesAHeaderOrItsEnd) {
    auto f = [](const char* subject, const char* want) {
        EXPECT_EQ(header(write_mail(mail_of(subject, "t")), "Subject"), want);
    };
    f("Downtime reason DR-7", "Downtime reason DR-7");
    f("停机", "=?UTF-8?B?5YGc5py6?=");
    f("a\r\nBcc: x@y", "a  Bcc: x@y");
    f("=?UTF-8?B?x?=", "=?UTF-8?B?PT9VVEYtOD9CP3g/PQ==?=");
    f("停机原因请求停机原因请求停机原因请求",
      "=?UTF-8?B?5YGc5py65Y6f5Zug6K+35rGC5YGc5py65Y6f5Zug6K+35rGC5YGc5py65Y6f?=\r\n =?UTF-8?B?5Zug6K+35rGC?=");
    const std::string mail = write_mail(mail_of("s", ".\r\n.\r\nMAIL FROM:<x>\n"));
    EXPECT_EQ(mail.substr(mail.find("\r\n\r\n") + 4), "Lg0KLg0KTUFJTCBGUk9NOjx4Pg0K\r\n");
    EXPECT_EQ(header(mail, "Message-ID"), "<CA-12/3@plant.example>");
    EXPECT_EQ(mail.substr(0, mail.find("\r\n")), "Date: Sun, 01 Mar 2026 08:00:00 +0000");
    EXPECT_EQ(header(mail, "To"), "<li@plant.example>,\r\n <wang@plant.example>");
}

TEST(Smtp, EncodedSubjectsAreWholeCharactersInShortLines) {
    Rng rng{7};
    for (int round = 0; round < 300; ++round) {
        std::string subject;
        for (std::uint64_t i = rng.below(80); i > 0; --i)
            subject += rng.chance(0.5) ? "停" : rng.chance(0.5) ? "é" : "x";
        const std::string mail = write_mail(mail_of(subject, subject));
        for (std::size_t at = 0, end = 0; at < mail.size(); at = end + 2) {
            end = mail.find("\r\n", at);
            ASSERT_NE(end, std::string::npos);
            ASSERT_LE(end - at, 90u) << mail;
        }
    }
}

TEST(Smtp, Addresses) {
    auto f = [](const char* text, bool want) { EXPECT_EQ(check_mail_address(text).has_value(), want) << text; };
    f("li@plant.example", true);
    f("a.b+c@x", true);
    f("", false);
    f("li", false);
    f("@x", false);
    f("li@", false);
    f("a@b@c", false);
    f("li @x", false);
    f("li@x\r\nRCPT TO:<y@z>", false);
    f("<li@x>", false);
    f("李@x", false);
}

}  // namespace
}  // namespace gongshu::wire
