#include "data/interval.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/utf8.h"

namespace gongshu {
namespace {

constexpr std::array kSources = {std::pair{IntervalSource::hand, "hand"}, std::pair{IntervalSource::rule, "rule"},
                                 std::pair{IntervalSource::tag, "tag"}, std::pair{IntervalSource::scan, "scan"},
                                 std::pair{IntervalSource::import, "import"}};

bool is_name(std::string_view text, std::size_t bytes_max) {
    if (text.empty() || text.size() > bytes_max || text.front() < 'a' || text.front() > 'z') return false;
    return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

std::optional<std::string> text_fault(std::string_view member, std::string_view text, std::size_t bytes_max) {
    if (text.size() > bytes_max) return fmt::format("{}: {} bytes, at most {}", member, text.size(), bytes_max);
    if (const std::size_t at = find_broken_utf8(text); at != std::string_view::npos)
        return fmt::format("{}: byte {} is not UTF-8", member, at);
    return std::nullopt;
}

std::optional<std::string> attributes_fault(const std::map<std::string, Value>& attributes) {
    if (attributes.size() > Interval::kAttributesMax)
        return fmt::format("attributes: {}, at most {}", attributes.size(), Interval::kAttributesMax);
    std::size_t bytes = 0;
    for (const auto& [name, value] : attributes) {
        if (!is_name(name, Interval::kAttributeNameBytesMax))
            return fmt::format(
                "attributes: \"{}\" is no name; expected a small letter, then small letters, digits and _, at most {}",
                name.substr(0, 100), Interval::kAttributeNameBytesMax);
        bytes += name.size() + 8;
        if (const auto* text = std::get_if<std::string>(&value)) {
            bytes += text->size();
            if (auto fault = text_fault("attributes." + name, *text, Interval::kAttributesBytesMax)) return fault;
        }
        if (const auto* number = std::get_if<double>(&value); number && !std::isfinite(*number))
            return fmt::format("attributes.{}: must be a finite number", name);
    }
    if (bytes > Interval::kAttributesBytesMax)
        return fmt::format("attributes: {} bytes, at most {}", bytes, Interval::kAttributesBytesMax);
    return std::nullopt;
}

}  // namespace

std::string_view to_string(IntervalSource source) {
    for (const auto& [value, name] : kSources)
        if (value == source) return name;
    return "hand";
}

std::optional<IntervalSource> parse_interval_source(std::string_view name) {
    for (const auto& [value, known] : kSources)
        if (known == name) return value;
    return std::nullopt;
}

std::string_view to_string(IntervalAction action) {
    switch (action) {
        case IntervalAction::opened:
            return "opened";
        case IntervalAction::closed:
            return "closed";
        case IntervalAction::corrected:
            return "corrected";
        case IntervalAction::withdrawn:
            return "withdrawn";
    }
    return "opened";
}

std::optional<std::string> interval_fault(const Interval& interval) {
    if (!is_name(interval.kind, Interval::kKindBytesMax))
        return fmt::format(
            "kind: \"{}\" is no kind; expected a small letter, then small letters, digits and _, at most {}, as in "
            "downtime",
            interval.kind.substr(0, 100), Interval::kKindBytesMax);
    if (interval.subject.empty()) return "subject: is missing; an interval is about an asset";
    if (auto fault = text_fault("subject", interval.subject, Interval::kSubjectBytesMax)) return fault;
    if (auto fault = text_fault("path", interval.path, Interval::kSubjectBytesMax)) return fault;
    if (interval.to && *interval.to <= interval.from) return "to: must be after from";
    if (!(interval.confidence >= 0 && interval.confidence <= 1)) return "confidence: must be 0 to 1";
    if (auto fault = text_fault("source", interval.source_name, Interval::kSubjectBytesMax)) return fault;
    if (auto fault = text_fault("by", interval.by, Interval::kSubjectBytesMax)) return fault;
    if (auto fault = text_fault("reason", interval.reason, Interval::kReasonBytesMax)) return fault;
    return attributes_fault(interval.attributes);
}

}  // namespace gongshu
