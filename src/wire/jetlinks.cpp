#include "wire/jetlinks.h"

#include <algorithm>
#include <array>

namespace gongshu::wire {
namespace {

// The first level of `rest`, which is taken off with its slash.
std::string_view take_level(std::string_view& rest) {
    const std::size_t slash = rest.find('/');
    const std::string_view level = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    return level;
}

// What the protocol has besides readings, in both directions.
constexpr std::array<std::string_view, 24> kOthers = {"properties/read",
                                                      "properties/write",
                                                      "function/invoke",
                                                      "function/invoke/reply",
                                                      "tags",
                                                      "register",
                                                      "unregister",
                                                      "firmware/upgrade",
                                                      "firmware/upgrade/reply",
                                                      "firmware/pull",
                                                      "firmware/pull/reply",
                                                      "firmware/report",
                                                      "firmware/read",
                                                      "direct",
                                                      "firmware/read/reply",
                                                      "firmware/upgrade/progress",
                                                      "metadata/derived",
                                                      "log",
                                                      "disconnect",
                                                      "disconnect/reply",
                                                      "state-check",
                                                      "time-sync",
                                                      "state-check/reply",
                                                      "time-sync/reply"};

}  // namespace

std::optional<JetLinksTopic> parse_jetlinks_topic(std::string_view topic) {
    if (!topic.starts_with('/')) return std::nullopt;
    topic.remove_prefix(1);
    JetLinksTopic found;
    found.product = take_level(topic);
    found.device = take_level(topic);
    if (found.product.empty() || found.device.empty() || topic.empty()) return std::nullopt;
    if (topic.starts_with("child/") || topic.starts_with("child-reply/")) {
        take_level(topic);
        found.child = take_level(topic);
        if (found.child.empty()) return std::nullopt;
    }
    using enum JetLinksTopic::What;
    if (topic == "properties/report" || topic == "properties/read/reply" || topic == "properties/write/reply") {
        found.what = report;
    } else if (topic == "online") {
        found.what = online;
    } else if (topic == "offline") {
        found.what = offline;
    } else if (topic.starts_with("event/")) {
        found.event = topic.substr(6);
        if (found.event.empty() || found.event.find('/') != std::string_view::npos) return std::nullopt;
        found.what = event;
    } else if (std::ranges::find(kOthers, topic) == kOthers.end()) {
        return std::nullopt;
    }
    return found;
}

}  // namespace gongshu::wire
