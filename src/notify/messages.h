#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "case/cases.h"
#include "connect/connections.h"
#include "data/egress.h"
#include "io/loop.h"
#include "notify/delivery.h"
#include "registry/registry.h"

namespace gongshu::notify {

struct MessagesDeps {
    registry::Registry& registry;
    cases::Cases& cases;
    io::Loop& loop;  // connections live here …
    io::Pool& pool;  // … and what blocks runs here
    Egress& egress;
    connect::TargetPolicy may_connect;
};

struct MessagesOptions {
    DurationNs again_min = 30 * kSecond;        // pause after a failure; doubled after each further …
    DurationNs again_max = kHour;               // … up to this
    DurationNs give_up = kDay;                  // a message that failed this long is given up
    int final_tries = 5;                        // … and one that the receiver refuses as such after so many tries
    DurationNs delivery_max = 30 * kSecond;     // of a webhook, and of a test
    DurationNs mail_max = 5 * kMinute;          // of a mail up to its final dot …
    DurationNs mail_answer_max = 10 * kMinute;  // … and of the answer to it
    std::size_t marks_read = 100;               // steps looked at in one go
    std::uint32_t tests_max = 4;                // of a tenant at the same time; more: Code::limit
};

enum class HookState : std::uint8_t { off, idle, sending, failing };
std::string_view to_string(HookState state);

// One line of GET status/messages.
struct HookStatus {
    std::string name;
    HookState state = HookState::off;
    std::string target;                    // "qyapi.weixin.qq.com"; no secrets
    std::uint64_t waiting = 0;             // messages that are to be sent; counted up to kWaitingMax
    std::uint64_t sent = 0, given_up = 0;  // given up: messages, and receivers of mails
    TimeNs sent_at = 0;                    // 0 = never
    std::string sent_what;                 // "CA-12/3"
    std::string problem;                   // of the last try; "" = it went well
    TimeNs problem_at = 0;                 // 0 = none since the start
    TimeNs failing_since = 0;              // 0 = it is not
    TimeNs next_try = 0;                   // failing only, else 0
};
inline constexpr std::uint64_t kWaitingMax = 1'000;
inline constexpr DurationNs kStopMax = 2 * kSecond;

// Messages tells each step of each case to the message hooks that ask for it: in order, one at a time a hook, each at
// least once. What a crash leaves unsure is sent again under the same id.
// Lives:   one per process, after Cases; destroyed before it, when loop and pool have ended or after stop().
// Threads: public calls from any thread; jobs that block run on the pool.
// Bounds:  kHooksMax hooks a tenant; one delivery a hook at a time; MessagesOptions. One message that fails for
// give_up,
//          or that its receiver refuses as such, is given up, counted and logged; the next one is tried at once. A hook
//          that fails holds up no other. Which receivers of a mail have it is kept in memory alone.
// Disk:    registry.db by registry::MessageTable: how far each hook has come, after each delivery.
class Messages {
public:
    // Before anybody can move a case.
    static std::unique_ptr<Messages> create(const MessagesDeps& deps, MessagesOptions options = {});
    virtual ~Messages() = default;

    // Begins to send. `link`: address of the pages for hooks that name none; "" = without links.
    virtual void start(std::string link = {}) = 0;
    // Nothing is begun any more; waits up to kStopMax for what is under way, so that an answer is noted. What is not
    // answered by then is sent again at the next start. Not from the loop.
    virtual void stop() = 0;

    // Blocks: not from a lane. What waits is 0 unless it is to be counted.
    virtual Result<std::vector<HookStatus>> status(TenantId tenant, bool count_waiting = true) const = 0;
    // Sends a test message at once, also by a hook that is off. `done` is called once, on the loop or from within the
    // call: the peer's answer, or why not. Code::not_found, Code::limit.
    virtual void test(TenantId tenant, const std::string& name, std::function<void(Result<Delivered>)> done) = 0;
};

}  // namespace gongshu::notify
