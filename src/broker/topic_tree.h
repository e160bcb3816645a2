#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gongshu::broker {

class Session;

inline constexpr std::size_t kTopicLevelsMax = 64;
std::size_t topic_levels(std::string_view topic);

// How a session subscribed to one filter.
struct Granted {
    std::uint8_t qos = 0;
    bool no_local = false;
    bool retain_as_published = false;
    std::uint32_t subscription_id = 0;  // 0 = none
};

// TopicTree finds who subscribed to a topic; one per tenant, so that tenants cannot meet.
// Lives:   as long as its tenant has sessions.
// Threads: the broker's lane.
// Bounds:  filters have at most kTopicLevelsMax levels; how many there are is bounded by their sessions.
// Disk:    none.
class TopicTree {
public:
    // Replaces what the session had for this filter.
    void add(std::string_view filter, Session& session, const Granted& granted);
    void remove(std::string_view filter, Session& session);
    // Each subscription that matches; a session may come more than once.
    void match(std::string_view topic, const std::function<void(Session&, const Granted&)>& found) const;
    bool empty() const { return root_.children.empty(); }

private:
    struct Node {
        std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
        std::vector<std::pair<Session*, Granted>> subscribers;
        bool unused() const { return children.empty() && subscribers.empty(); }
    };
    using Found = std::function<void(Session&, const Granted&)>;

    static void remove_below(Node& node, std::string_view filter, bool more, const Session& session);
    static void match_below(const Node& node, std::string_view topic, bool more, bool wildcards, const Found& found);
    static void report(const Node& node, const Found& found);

    Node root_;
};

}  // namespace gongshu::broker
