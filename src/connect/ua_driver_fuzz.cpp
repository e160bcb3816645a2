// Whatever an OPC UA server says: no crash, and an answer or an error. The first byte says how the rest is cut.
#include <algorithm>

#include "connect/ua_driver.h"

using namespace gongshu;
using namespace gongshu::connect;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    if (bytes == 0) return 0;
    LinkConfig config;
    config.language = Language::opcua;
    config.opcua.url = "opc.tcp://10.0.0.1:4840";
    const auto driver = make_opcua_driver(config);
    driver->begin_link();
    if (driver->greet().empty()) return 0;  // built without OPC UA
    const std::size_t piece = data[0] + std::size_t{1};
    for (std::size_t at = 1; at < bytes; at += piece) {
        auto step = driver->feed({data + at, std::min(piece, bytes - at)});
        if (!step || std::holds_alternative<Done>(*step)) break;
    }
    driver->abandon();
    return 0;
}
