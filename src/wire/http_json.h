#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/json_path.h"

// Values that a machine, a meter or a gateway tells by HTTP as JSON: what is asked for, and where in the answer a value
// is.
namespace gongshu::wire::http_json {

inline constexpr std::size_t kTargetBytesMax = 1000;
// What stands in a target for the device's station.
inline constexpr std::string_view kStation = "{station}";

// "/status", "/rpc/Switch.GetStatus?id=0", "/meters/{station}". Code::invalid for what is no path and query of a URL:
// it begins with / and has neither blanks nor #; what is not ASCII has to be written as %XX.
Result<void> check_target(std::string_view text);
// With the station in its place, escaped.
std::string target_of(std::string_view text, std::string_view station);

// "emeters[0].power", or with what is asked for in front of it: "/emeter/0 power".
struct Place {
    std::string target;  // "" = the connection's
    JsonPath json;
};
// Code::invalid says what is wrong and where.
Result<Place> parse_place(std::string_view text);

// The bytes of a request; `host` as the machine is to be called, with the port unless it is the usual one.
// `authorization`: the value of that header, "" = none.
std::string get_request(std::string_view host, std::string_view target, std::string_view accept,
                        std::string_view authorization);

}  // namespace gongshu::wire::http_json
