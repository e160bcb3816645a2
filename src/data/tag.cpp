#include "data/tag.h"

#include <fmt/format.h>

#include <utility>

namespace gongshu {

std::map<std::string, std::string> labels_of(std::string_view source) {
    std::map<std::string, std::string> labels;
    if (!source.starts_with("l:")) return labels;
    std::string key;
    std::string part;
    bool in_value = false;
    bool first = true;
    const auto end_part = [&] {
        if (!first && in_value) labels[key] = part;
        first = in_value = false;
        part.clear();
    };
    for (std::size_t i = 2; i < source.size(); ++i) {
        if (source[i] == '\\' && i + 1 < source.size()) {
            part += source[++i];
        } else if (source[i] == ',') {
            end_part();
        } else if (source[i] == '=' && !first && !in_value) {
            key = std::exchange(part, {});
            in_value = true;
        } else {
            part += source[i];
        }
    }
    end_part();
    return labels;
}

std::optional<std::string> tag_path_fault(std::string_view path) {
    if (path.empty() || path.size() > 1000) return "must have 1 to 1000 bytes";
    if (path.find_first_of("*?") != std::string_view::npos)
        return "* and ? are for questions; a tag's own name goes without";
    for (std::size_t at = 0; at <= path.size();) {
        const std::string_view part = path.substr(at, path.find('/', at) - at);
        if (part.empty()) return "has an empty part; expected names with one / between, as in plant/line/device.temp";
        if (part.find_first_not_of('.') == std::string_view::npos)
            return fmt::format("the part \"{}\" is nothing but dots; expected a name", part);
        at += part.size() + 1;
    }
    // What follows the first dot of the last part is the property: device.property.
    const std::size_t last = path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1;
    const std::size_t dot = path.find('.', last);
    if (dot == last) return "has no name before the dot; expected device.property";
    if (dot != std::string_view::npos && path.find_first_not_of('.', dot) == std::string_view::npos)
        return "has no name after the dot; expected device.property";
    return std::nullopt;
}

}  // namespace gongshu
