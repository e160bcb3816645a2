#include "broker/topic_tree.h"

#include <algorithm>

namespace gongshu::broker {
namespace {

std::string_view take_level(std::string_view& rest, bool& more) {
    const std::size_t slash = rest.find('/');
    more = slash != std::string_view::npos;
    const std::string_view level = rest.substr(0, slash);
    rest = more ? rest.substr(slash + 1) : std::string_view{};
    return level;
}

}  // namespace

std::size_t topic_levels(std::string_view topic) {
    return 1 + static_cast<std::size_t>(std::count(topic.begin(), topic.end(), '/'));
}

void TopicTree::add(std::string_view filter, Session& session, const Granted& granted) {
    Node* node = &root_;
    for (bool more = true; more;) {
        const std::string_view level = take_level(filter, more);
        auto child = node->children.find(level);
        if (child == node->children.end()) {
            child = node->children.emplace(std::string(level), std::make_unique<Node>()).first;
        }
        node = child->second.get();
    }
    for (auto& [who, how] : node->subscribers) {
        if (who == &session) {
            how = granted;
            return;
        }
    }
    node->subscribers.emplace_back(&session, granted);
}

void TopicTree::remove(std::string_view filter, Session& session) { remove_below(root_, filter, true, session); }

void TopicTree::remove_below(Node& node, std::string_view filter, bool more, const Session& session) {
    if (!more) {
        std::erase_if(node.subscribers, [&](const auto& one) { return one.first == &session; });
        return;
    }
    const std::string_view level = take_level(filter, more);
    const auto child = node.children.find(level);
    if (child == node.children.end()) return;
    remove_below(*child->second, filter, more, session);
    if (child->second->unused()) node.children.erase(child);
}

void TopicTree::match(std::string_view topic, const Found& found) const {
    match_below(root_, topic, true, !topic.starts_with('$'), found);
}

void TopicTree::report(const Node& node, const Found& found) {
    for (const auto& [session, granted] : node.subscribers) found(*session, granted);
}

// `wildcards`: whether + and # count on this level; not on the first one of $… topics.
void TopicTree::match_below(const Node& node, std::string_view topic, bool more, bool wildcards, const Found& found) {
    if (wildcards) {
        if (const auto all = node.children.find(std::string_view{"#"}); all != node.children.end())
            report(*all->second, found);
    }
    if (!more) return report(node, found);
    const std::string_view level = take_level(topic, more);
    if (const auto child = node.children.find(level); child != node.children.end()) {
        match_below(*child->second, topic, more, true, found);
    }
    if (!wildcards) return;
    if (const auto any = node.children.find(std::string_view{"+"}); any != node.children.end()) {
        match_below(*any->second, topic, more, true, found);
    }
}

}  // namespace gongshu::broker
