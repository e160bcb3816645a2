#include "wire/http_json.h"

#include <algorithm>

#include "wire/http.h"
#include "wire/json_pick.h"

namespace gongshu::wire::http_json {

Result<void> check_target(std::string_view text) {
    if (!text.starts_with('/'))
        return Error{Code::invalid, "expected what stands behind the host in the address, beginning with /, found \"{}\"",
                     text.substr(0, 60)};
    if (text.size() > kTargetBytesMax)
        return Error{Code::limit, "expected at most {} bytes, found {}", kTargetBytesMax, text.size()};
    const auto wrong = std::ranges::find_if(text, [](char c) { return c <= ' ' || c >= 0x7f || c == '#'; });
    if (wrong == text.end()) return {};
    const auto column = wrong - text.begin() + 1;
    return Error{Code::invalid, "column {}: blanks, # and what is not ASCII have to be written as %XX", column};
}

std::string target_of(std::string_view text, std::string_view station) {
    std::string target(text);
    const std::string escaped = percent_encode(station);
    for (std::size_t at = 0; (at = target.find(kStation, at)) != target.npos; at += escaped.size())
        target.replace(at, kStation.size(), escaped);
    return target;
}

Result<Place> parse_place(std::string_view text) {
    Place place;
    if (text.starts_with('/')) {
        const std::size_t blank = text.find(' ');
        if (blank == text.npos)
            return Error{Code::invalid,
                         "expected a blank and the place in the answer behind {}, as in \"/emeter/0 power\"",
                         text.substr(0, 60)};
        place.target = text.substr(0, blank);
        TRY(check_target(place.target));
        text.remove_prefix(std::min(text.find_first_not_of(' ', blank), text.size()));
    }
    place.json = TRY(parse_json_place(text));
    return place;
}

std::string get_request(std::string_view host, std::string_view target, std::string_view accept,
                        std::string_view authorization) {
    std::string out = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nAccept: {}\r\nUser-Agent: Gongshu\r\n", target, host, accept);
    if (!authorization.empty()) out += fmt::format("Authorization: {}\r\n", authorization);
    return out + "\r\n";
}

}  // namespace gongshu::wire::http_json
