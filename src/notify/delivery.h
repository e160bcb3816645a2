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
    std::string answer;   // what the peer said: "200 OK", "250 2.0.0 queued as 7"
    std::string warning;  // "" = nothing; else receivers that the mail server refused
};

struct DeliveryDoor {
    io::Loop& loop;
    Egress& egress;
    connect::TargetPolicy may_connect;
    DurationNs timeout = 30 * kSecond;  // of a whole delivery
};

inline constexpr std::uint64_t kAnswerBytesMax = 64 << 10;
inline constexpr std::string_view kDoor = "message";  // of Egress

// Sends one message, asked of Egress first. On the loop; `done` is called later, once.
void deliver(const DeliveryDoor& door, const std::shared_ptr<const Sender>& sender, const Message& message,
             std::function<void(Result<Delivered>)> done);

}  // namespace gongshu::notify
