#pragma once

#include <functional>
#include <memory>
#include <string>

#include "connect/outbound.h"
#include "data/egress.h"
#include "io/loop.h"
#include "io/tls.h"
#include "notify/message.h"

namespace gongshu::notify {

// What a hook's messages go out with; the plain secrets are in memory alone.
struct Sender {
    TenantId tenant;
    std::string name;  // of the hook
    std::string uid;
    MessageHookSpec spec;
    std::string key, secret, password;
    std::shared_ptr<const io::TlsClient> tls;  // null = plain
};

// What became of one delivery.
struct Delivered {
    std::string answer;              // what the peer said: "200 OK", "250 2.0.0 queued as 7"
    std::string warning;             // "" = nothing; else receivers that the mail server refused
    std::size_t refused = 0;         // how many of them for good
    std::vector<std::string> later;  // … and who may take it later: it is to be sent again to these alone
};

struct DeliveryDoor {
    io::Loop& loop;
    Egress& egress;
    connect::TargetPolicy may_connect;
    DurationNs timeout = 30 * kSecond;  // of a whole delivery …
    // … and for mails, of the answer to the final dot alone: a server that has the mail may take long to say so, and
    // who hangs up too early sends it twice (RFC 5321 §4.5.3.2). 0 = within `timeout`.
    DurationNs answer_timeout = 0;
};

inline constexpr std::uint64_t kAnswerBytesMax = 64 << 10;
inline constexpr std::string_view kDoor = "message";  // of Egress

// Sends one message, asked of Egress first. On the loop; `done` is called later, once. `only`: of a mail's receivers,
// those who do not have it yet; empty = all. Code::invalid: the peer will never take this very message; any other error
// may pass. No secret of the sender stands in what is told.
void deliver(const DeliveryDoor& door, const std::shared_ptr<const Sender>& sender, const Message& message,
             std::function<void(Result<Delivered>)> done, const std::vector<std::string>& only = {});

// The text with "…" for each secret of the sender, as it is, as a URL has it and as a sign-in has it.
std::string without_secrets(const Sender& sender, std::string text);

}  // namespace gongshu::notify
