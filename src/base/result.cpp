#include "base/result.h"

namespace gongshu {

std::string_view to_string(Code code) {
    switch (code) {
        case Code::invalid:
            return "invalid";
        case Code::malformed:
            return "malformed";
        case Code::not_found:
            return "not found";
        case Code::exists:
            return "exists";
        case Code::conflict:
            return "conflict";
        case Code::denied:
            return "denied";
        case Code::unauthorized:
            return "unauthorized";
        case Code::limit:
            return "limit";
        case Code::unsupported:
            return "unsupported";
        case Code::io:
            return "io";
        case Code::timeout:
            return "timeout";
        case Code::unavailable:
            return "unavailable";
        case Code::corrupt:
            return "corrupt";
    }
    return "unknown";
}

}  // namespace gongshu
