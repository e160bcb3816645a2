#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "broker/broker.h"
#include "broker/ingest.h"
#include "broker/sparkplug_node.h"
#include "data/rows.h"

namespace gongshu::broker {

// SparkplugHost turns the messages of Sparkplug's edge nodes into rows of the history: it knows who was born with which
// metrics, ends their readings with a gap when they die, and says whom to ask for a rebirth.
// Lives:   in the broker; empty after a restart, which ends the connections of all edge nodes too.
// Threads: the broker's lane; seen() any.
// Bounds:  BrokerOptions::sparkplug_nodes_max edge nodes and sparkplug_metrics_max metrics of births a tenant; past
//          them messages are refused, unless an edge node that is offline can be forgotten for a new one.
// Disk:    none.
class SparkplugHost {
public:
    static constexpr std::size_t kSkippedToldMax = 100;  // of each edge node and device

    // What a message comes to: rows to append, then what to say of it.
    struct Taken {
        Rows gaps;  // before `rows`; nobody sends them again
        Rows rows;
        Ingest::Outcome outcome;
        bool rebirth = false;  // its edge node is to be asked for one
    };

    using Last = std::function<std::optional<Reading>(TagId)>;  // see BrokerDeps::last

    SparkplugHost(Ingest& ingest, const BrokerOptions& options, Last last)
        : ingest_(ingest),
          nodes_max_(options.sparkplug_nodes_max),
          metrics_max_(options.sparkplug_metrics_max),
          last_(std::move(last)) {}

    // `lead` is Ingest's of the topic, `session` the number of the session that sent it.
    Taken take(const Principal& who, std::uint64_t session, std::string_view topic, const Lead& lead, Bytes payload,
               TimeNs now, DurationNs monotonic);
    // That session is gone: the gaps of edge nodes that were born in it and said nothing of their end.
    Rows left(TenantId tenant, std::uint64_t session, TimeNs now);
    // Devices of the tenant changed: whose values go where is looked up anew.
    void forget(TenantId tenant);
    std::vector<SparkplugSeen> seen(TenantId tenant) const;

    // NCMD that asks the edge node of a topic for a rebirth: its topic and payload.
    static std::pair<std::string, std::string> rebirth_command(std::string_view topic, TimeNs now);

private:
    struct Tenant {
        std::map<std::pair<std::string, std::string>, SparkplugNode> nodes;  // by group and node
        std::size_t metrics = 0;                                             // of all of them
    };
    struct Coming {  // one message
        const Principal& who;
        std::uint64_t session;
        const wire::sparkplug::Topic& topic;
        const Lead& lead;
        TimeNs now;
    };

    static bool make_room(Tenant& tenant);
    Result<wire::sparkplug::Payload> decode(const Tenant& tenant, SparkplugNode& node, const Coming& coming,
                                            Bytes payload);
    // Code::unavailable and the like: the store cannot take it now.
    Result<void> take_values(SparkplugNode& node, const SparkplugTurn& turn, const wire::sparkplug::Payload& payload,
                             const Coming& coming, Taken& taken, LeftOut& left_out);
    Result<void> take_value(SparkplugNode& node, BornMetric& born, const SparkplugTurn& turn,
                            const wire::sparkplug::Payload& payload, const wire::sparkplug::Metric& metric,
                            const Coming& coming, Taken& taken, LeftOut& left_out);

    Ingest& ingest_;
    const std::size_t nodes_max_, metrics_max_;
    const Last last_;
    mutable Guarded<std::map<TenantId, Tenant>> tenants_;
};

}  // namespace gongshu::broker
