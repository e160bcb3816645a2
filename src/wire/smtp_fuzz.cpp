#include "base/assert.h"
#include "wire/smtp.h"

// The first byte says how the client is set up and how the bytes are split; the rest is what the server says. Whatever
// it says: no command holds more than one line, and the mail is never taken before it was sent.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    if (bytes == 0) return 0;
    const std::uint8_t how = data[0];
    const Bytes all{data + 1, bytes - 1};
    wire::Mail mail{
        .from = "a@plant.example", .to = {"b@plant.example", "c@plant.example"}, .message_id = "CA-1/1@plant.example"};
    mail.subject = as_text(all.first(std::min<std::size_t>(all.size(), 200)));
    mail.text = as_text(all);
    const std::string written = wire::write_mail(mail);
    const auto head = written.find("\r\n\r\n");
    ASSERT(head != std::string::npos);
    for (std::size_t at = written.find('\n'); at != std::string::npos; at = written.find('\n', at + 1))
        ASSERT(written[at - 1] == '\r');
    ASSERT(written.find("\r\nBcc") == std::string::npos);

    wire::SmtpClient client{{.start_tls = (how & 1) != 0, .user = (how & 2) != 0 ? "u" : "", .password = "p"}, mail};
    const std::size_t piece = 1 + (how >> 2);
    bool sent = false;
    for (std::size_t at = 0; at < all.size(); at += piece) {
        std::string out;
        const auto next = client.feed(all.subspan(at, std::min(piece, all.size() - at)), out);
        if (out.find("\r\n.\r\n") != std::string::npos) sent = true;
        if (!next) break;
        if (*next == wire::SmtpClient::Next::tls) client.secured(out);
        ASSERT(client.over() == (*next == wire::SmtpClient::Next::end));
        if (client.over()) {
            ASSERT(sent);
            break;
        }
    }
    return 0;
}
