#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/message.h"
#include "data/ids.h"
#include "io/files.h"
#include "io/loop.h"

namespace gongshu::broker {

struct RetainedLimits {
    std::uint32_t messages_max = 100'000;      // per tenant
    std::uint64_t bytes_max = 64 << 20;        // per tenant, topics and payloads
    std::uint64_t log_slack_bytes = 64 << 20;  // the log is rewritten when it is longer than what it says by this much
};

// Retained keeps the newest retained message of each topic, in memory and in a log of its own.
// Lives:   in the broker.
// Threads: the broker's lane; the log is written on the pool, one job at a time.
// Bounds:  RetainedLimits; a new topic past them is refused with Code::limit.
// Disk:    <folder>/retained.log
//            record  := crc32c:u32 length:u32 payload:u8[length]   little-endian; crc covers the payload
//            payload := tenant:u32 expires:i64 packet              expires: wall time in ns, 0 = never;
//                                                                  packet: a PUBLISH of MQTT 5, without payload =
//                                                                  cleared
//          A torn tail is cut at the next start. After a failed write all later ones are refused.
class Retained {
public:
    using Done = std::function<void(Result<void>)>;

    // "" as folder: in memory only.
    static Result<std::unique_ptr<Retained>> create(io::Files& files, io::Loop& loop, io::Pool& pool,
                                                    const std::string& folder, RetainedLimits limits);
    Retained(io::Loop& loop, RetainedLimits limits) : loop_(loop), limits_(limits) {}  // create() for one with a file
    ~Retained();

    // Keeps `message`, or with an empty payload forgets the topic. Seen by match() at once; `done` when it is durable,
    // on the lane, never from within.
    void put(TenantId tenant, const MessagePtr& message, Done done);
    void match(TenantId tenant, std::string_view filter, const std::function<void(const MessagePtr&)>& found) const;
    std::size_t count(TenantId tenant) const;

private:
    class Log;
    struct OfTenant {
        std::map<std::string, MessagePtr, std::less<>> by_topic;
        std::uint64_t bytes = 0;
    };

    void replay(Bytes bytes);
    bool replay_record(Bytes& rest);
    void set(TenantId tenant, const MessagePtr& message);
    Buffer snapshot() const;

    io::Loop& loop_;
    const RetainedLimits limits_;
    std::map<TenantId, OfTenant> tenants_;
    std::shared_ptr<Log> log_;  // null: in memory only
};

}  // namespace gongshu::broker
