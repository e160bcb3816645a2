#include <fmt/format.h>

#include <array>
#include <vector>

#include "base/utf8.h"
#include "wire/sparkplug.h"

namespace gongshu::wire::sparkplug {
namespace {

constexpr std::array<std::string_view, 9> kMessages = {"NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA",
                                                       "DDEATH", "NCMD",  "DCMD",   "STATE"};
constexpr std::size_t kIdBytesMax = 256;

std::optional<Message> parse_message(std::string_view text) {
    for (std::size_t i = 0; i + 1 < kMessages.size(); ++i)
        if (kMessages[i] == text) return static_cast<Message>(i);
    return std::nullopt;
}

Result<void> check_id(std::string_view what, std::string_view id) {
    if (id.empty()) return Error{Code::invalid, "the {} is empty", what};
    if (id.size() > kIdBytesMax) return Error{Code::limit, "the {} has more than {} bytes", what, kIdBytesMax};
    if (id.find_first_of("+#") != id.npos) return Error{Code::invalid, "the {} holds + or #", what};
    if (find_broken_utf8(id) != id.npos) return Error{Code::invalid, "the {} is not UTF-8 text", what};
    return {};
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

void append_encoded(std::string& out, char c) { out += fmt::format("%{:02X}", static_cast<unsigned char>(c)); }

// Whether a level of a path or the name of a property cannot hold it, or it would be taken for something else.
bool is_foreign(char c) { return c == '%' || c == '.' || c == '*' || c == '?' || is_control(c); }

}  // namespace

std::string_view to_string(Message message) { return kMessages[static_cast<std::size_t>(message)]; }

Result<Topic> parse_topic(std::string_view topic) {
    if (!is_topic(topic)) return Error{Code::invalid, "it does not begin with {}", kNamespace};
    std::vector<std::string_view> levels;
    for (std::string_view rest = topic.substr(kNamespace.size());;) {
        const std::size_t slash = rest.find('/');
        levels.push_back(rest.substr(0, slash));
        if (slash == rest.npos) break;
        rest.remove_prefix(slash + 1);
        if (levels.size() == 5) break;  // too many already
    }
    Topic found;
    if (levels[0] == "STATE") {
        if (levels.size() != 2) return Error{Code::invalid, "expected spBv1.0/STATE/HOST"};
        TRY(check_id("host ID", levels[1]));
        found.host = levels[1];
        return found;
    }
    TRY(check_id("group ID", levels[0]));
    const auto message = levels.size() < 2 ? std::nullopt : parse_message(levels[1]);
    if (!message)
        return Error{Code::invalid,
                     "the third level is \"{}\"; expected NBIRTH, NDATA, NDEATH, DBIRTH, DDATA, DDEATH, NCMD or DCMD",
                     levels.size() < 2 ? "" : cut_utf8(levels[1], 40)};
    found.message = *message;
    const std::size_t wanted = of_device(*message) ? 4 : 3;
    if (levels.size() != wanted)
        return of_device(*message)
                   ? Error{Code::invalid, "expected spBv1.0/GROUP/{}/NODE/DEVICE", to_string(*message)}
                   : Error{Code::invalid, "expected spBv1.0/GROUP/{}/NODE and no further level", to_string(*message)};
    found.group = levels[0];
    found.node = levels[2];
    TRY(check_id("edge node ID", found.node));
    if (!of_device(*message)) return found;
    found.device = levels[3];
    TRY(check_id("device ID", found.device));
    return found;
}

std::optional<Topic> parse_command_filter(std::string_view filter) {
    std::string_view rest = filter;
    if (!is_topic(rest)) return std::nullopt;
    rest.remove_prefix(kNamespace.size());
    std::array<std::string_view, 4> levels;
    std::size_t count = 0;
    for (;; ++count) {
        if (count == levels.size()) return std::nullopt;
        const std::size_t slash = rest.find('/');
        levels[count] = rest.substr(0, slash);
        if (!check_id("level", levels[count])) return std::nullopt;
        if (slash == rest.npos) break;
        rest.remove_prefix(slash + 1);
    }
    const auto message = parse_message(levels[1]);
    const bool device = message == Message::dcmd;
    if ((!device && message != Message::ncmd) || count < 2 || (count == 3 && !device)) return std::nullopt;
    return Topic{.message = *message, .group = levels[0], .node = levels[2], .device = levels[3], .host = {}};
}

std::string make_topic(const Topic& topic) {
    if (topic.message == Message::state) return fmt::format("{}STATE/{}", kNamespace, topic.host);
    std::string text = fmt::format("{}{}/{}/{}", kNamespace, topic.group, to_string(topic.message), topic.node);
    if (of_device(topic.message)) text.append("/").append(topic.device);
    return text;
}

std::string path_part(std::string_view id) {
    std::string part;
    for (const char c : id) is_foreign(c) || c == '/' ? append_encoded(part, c) : part.push_back(c);
    return part;
}

std::string property_name(std::string_view metric) {
    std::string name;
    for (std::size_t i = 0; i < metric.size(); ++i) {
        const char c = metric[i];
        const bool between = i > 0 && i + 1 < metric.size() && metric[i - 1] != '/' && metric[i + 1] != '/';
        if (c == '/' && between)
            name.push_back('.');
        else if (c == '/' || is_foreign(c))
            append_encoded(name, c);
        else
            name.push_back(c);
    }
    return name;
}

}  // namespace gongshu::wire::sparkplug
