#include "base/assert.h"
#include "connect/aibus_driver.h"
#include "connect/dlt645_driver.h"
#include "connect/driver.h"
#include "connect/fins_driver.h"
#include "connect/free_frame_driver.h"
#include "connect/http_driver.h"
#include "connect/iec104_driver.h"
#include "connect/mc_driver.h"
#include "connect/modbus_driver.h"
#include "connect/mtconnect_driver.h"
#include "connect/s7_driver.h"
#include "connect/shdr_driver.h"
#include "connect/ua_driver.h"

namespace gongshu::connect {

std::unique_ptr<Driver> make_driver(const LinkConfig& config) {
    switch (config.language) {
        case Language::modbus:
            return make_modbus_driver(config);
        case Language::s7:
            return make_s7_driver(config);
        case Language::mc:
            return make_mc_driver(config);
        case Language::fx_port:
            return make_fx_port_driver(config);
        case Language::dlt645:
            return make_dlt645_driver(config);
        case Language::free_frame:
            return make_free_frame_driver(config);
        case Language::shdr:
            return make_shdr_driver(config);
        case Language::http:
            return make_http_driver(config);
        case Language::mtconnect:
            return make_mtconnect_driver(config);
        case Language::iec104:
            return make_iec104_driver(config);
        case Language::opcua:
            return make_opcua_driver(config);
        case Language::aibus:
            return make_aibus_driver(config);
        case Language::fins:
            return make_fins_driver(config);
    }
    ASSERT(false);
    return nullptr;
}

}  // namespace gongshu::connect
