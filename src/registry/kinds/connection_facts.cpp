// What forms and the reference tell of a connection's fields, and what one field can say of itself.
#include "registry/kinds/connection_facts.h"

#include <utility>

#include "wire/free_frame.h"
#include "wire/http_json.h"
#include "wire/iec104_point.h"
#include "wire/s7.h"
#include "wire/ua_node_id.h"

namespace gongshu::registry {

namespace {

constexpr double kDayMs = 86'400'000;
constexpr std::size_t kTitleBytesMax = 200;

constexpr std::string_view kModbus = "modbus_tcp|modbus_rtu_tcp|modbus_rtu|modbus_dtu";
constexpr std::string_view kDialects = "inovance|delta_dvp|delta_as|xinje_xc|xinje_xd|haiwell|generic";
constexpr std::string_view kOverTcp =
    "modbus_tcp|modbus_rtu_tcp|s7|mc|fins|fx_tcp|dlt645_tcp|aibus_tcp|frames_tcp|shdr|http_json|mtconnect|iec104";
constexpr std::string_view kHttp = "http_json|mtconnect";
constexpr std::string_view kSerial = "modbus_rtu|fx_serial|dlt645_serial|aibus_serial|frames_serial";
constexpr std::string_view kDtu = "modbus_dtu|dlt645_dtu|frames_dtu";
constexpr std::string_view kFrames = "frames_serial|frames_tcp|frames_dtu";
constexpr std::string_view kPolled =
    "modbus_tcp|modbus_rtu_tcp|modbus_rtu|modbus_dtu|s7|mc|fins|fx_serial|fx_tcp|dlt645_serial|dlt645_tcp|dlt645_dtu|"
    "aibus_serial|aibus_tcp|frames_serial|frames_tcp|frames_dtu|http_json|mtconnect";
constexpr std::string_view kWritten =
    "modbus_tcp|modbus_rtu_tcp|modbus_rtu|modbus_dtu|s7|mc|fins|fx_serial|fx_tcp|aibus_serial|aibus_tcp|iec104|opcua";
constexpr std::string_view kTimed =  // polled, or read by subscription
    "modbus_tcp|modbus_rtu_tcp|modbus_rtu|modbus_dtu|s7|mc|fins|fx_serial|fx_tcp|dlt645_serial|dlt645_tcp|dlt645_dtu|"
    "aibus_serial|aibus_tcp|frames_serial|frames_tcp|frames_dtu|http_json|mtconnect|opcua";

Fact only_of(std::string_view protocols, Fact fact) {
    fact.if_field = "protocol";
    fact.if_equals = protocols;
    return fact;
}
Fact modbus(Fact fact) { return only_of(kModbus, std::move(fact)); }
Fact serial(Fact fact) { return only_of(kSerial, std::move(fact)); }
Fact dtu(Fact fact) { return only_of(kDtu, std::move(fact)); }
Fact over_tcp(Fact fact) { return only_of(kOverTcp, std::move(fact)); }
Fact polled(Fact fact) { return only_of(kPolled, std::move(fact)); }
// Of the S7 PLCs that stand in a rack.
Fact in_rack(Fact fact) {
    fact.if_field = "plc";
    fact.if_equals = "s7_300|s7_400|s7_1200|s7_1500";
    return fact;
}

Result<void> check_host(std::string_view text) {
    const bool fine =
        text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:%[]") == text.npos;
    if (!fine) return Error{Code::invalid, "expected a host name or an IP address, found \"{}\"", text};
    return {};
}

Result<void> check_tsap(std::string_view text) { return only_checked(wire::s7::parse_tsap(text)); }

Result<void> check_endpoint(std::string_view url) { return only_checked(wire::ua::parse_endpoint_url(url)); }

Result<void> check_fingerprint(std::string_view text) {
    if (!plain_fingerprint(text).empty()) return {};
    return Error{Code::invalid, "expected the 64 hexadecimal digits of a SHA-256, found \"{}\"", text};
}

Result<void> check_stamp_zone(std::string_view text) { return only_checked(wire::iec104::parse_zone(text)); }

std::vector<Fact> dialect_facts() {
    Fact order{.field = "point_order",
               .title_zh = "32 位值的字序",
               .title_en = "Order of 32 bits",
               .help_zh = "测点的 32 位和 64 位值怎样排列；一般不填，按 PLC 品牌取",
               .help_en = "How values of 32 and 64 bits lie at points; mostly empty: as usual with the maker",
               .absent_field = "dialect",
               .absent_by = {{"inovance", "\"CDAB\""},
                             {"delta_dvp", "\"CDAB\""},
                             {"delta_as", "\"CDAB\""},
                             {"xinje_xc", "\"CDAB\""},
                             {"xinje_xd", "\"CDAB\""},
                             {"haiwell", "\"CDAB\""},
                             {"generic", "\"ABCD\""}},
               .choices = {{"ABCD", "ABCD(高字在前)", "ABCD (high word first)"},
                           {"BADC", "BADC", "BADC"},
                           {"CDAB", "CDAB(低字在前)", "CDAB (low word first)"},
                           {"DCBA", "DCBA", "DCBA"}}};
    order.if_field = "dialect";
    order.if_equals = kDialects;
    return {
        modbus({.field = "dialect",
                .title_zh = "地址写法",
                .title_en = "Dialect",
                .help_zh = "选 PLC 品牌后，属性可用测点地址写 D100、M20、X17、HD0；通用可写 40001、4x1。只用寄存器号时不填",
                .help_en = "With the PLC's maker properties may have points such as D100, M20, X17, HD0; generic takes "
                           "40001 and 4x1. Empty: registers by number alone",
                .choices = {{"inovance", "汇川 H3U、H5U、Easy", "Inovance H3U, H5U, Easy"},
                            {"delta_dvp", "台达 DVP", "Delta DVP"},
                            {"delta_as", "台达 AS", "Delta AS"},
                            {"xinje_xc", "信捷 XC", "Xinje XC"},
                            {"xinje_xd", "信捷 XD、XL", "Xinje XD, XL"},
                            {"haiwell", "海为", "Haiwell"},
                            {"generic", "通用(40001、4x1)", "Generic (40001, 4x1)"}}}),
        std::move(order),
    };
}

std::vector<Fact> s7_facts() {
    const auto s7 = [](Fact fact) { return only_of("s7", std::move(fact)); };
    return {
        s7({.field = "plc",
            .title_zh = "PLC",
            .title_en = "PLC",
            .absent = "\"s7_1200\"",
            .choices = {{"s7_300", "S7-300", "S7-300"},
                        {"s7_400", "S7-400", "S7-400"},
                        {"s7_1200", "S7-1200", "S7-1200"},
                        {"s7_1500", "S7-1500", "S7-1500"},
                        {"s7_200_smart", "S7-200 SMART", "S7-200 SMART"},
                        {"logo", "LOGO!", "LOGO!"}}}),
        in_rack({.field = "rack", .title_zh = "机架", .title_en = "Rack", .max = 7, .absent = "0"}),
        in_rack({.field = "slot",
                 .title_zh = "槽号",
                 .title_en = "Slot",
                 .help_zh = "CPU 所在的槽；S7-400 以硬件组态为准",
                 .help_en = "Where the CPU is; of an S7-400 as its hardware configuration says",
                 .max = 31,
                 .absent_field = "plc",
                 .absent_by = {{"s7_300", "2"}, {"s7_400", "3"}, {"s7_1200", "1"}, {"s7_1500", "1"}}}),
        in_rack({.field = "connection_type",
                 .title_zh = "连接类型",
                 .title_en = "Connection type",
                 .help_zh = "PLC 按哪一类计数；PG 和 OP 的名额很少",
                 .help_en = "As whom the PLC counts it; the places for PG and OP are few",
                 .absent = "\"basic\"",
                 .choices = {{"basic", "S7 基本", "S7 basic"},
                             {"op", "OP(面板)", "OP (panel)"},
                             {"pg", "PG(编程)", "PG"}}}),
        s7({.field = "local_tsap",
            .title_zh = "本地 TSAP",
            .title_en = "Local TSAP",
            .help_zh = "如 10.00；一般不填，按 PLC 取",
            .help_en = "Such as 10.00; mostly empty: as usual with the PLC",
            .length_max = 10,
            .check = check_tsap}),
        s7({.field = "remote_tsap",
            .title_zh = "远端 TSAP",
            .title_en = "Remote TSAP",
            .help_zh = "如 03.01；一般不填，按 PLC、机架和槽号取",
            .help_en = "Such as 03.01; mostly empty: from PLC, rack and slot",
            .length_max = 10,
            .check = check_tsap}),
    };
}

std::vector<Fact> melsec_facts() {
    const auto mc = [](Fact fact) { return only_of("mc", std::move(fact)); };
    return {
        mc({.field = "frame",
            .title_zh = "帧",
            .title_en = "Frame",
            .help_zh = "FX3 只有 1E",
            .help_en = "FX3 has 1E alone",
            .absent_field = "family",
            .absent_by = {{"fx3", "\"1E\""}, {"iq_f", "\"3E\""}, {"q_l", "\"3E\""}, {"iq_r", "\"3E\""}}}),
        mc({.field = "coding",
            .title_zh = "通信数据代码",
            .title_en = "Communication data code",
            .help_zh = "与 PLC 里设的一致",
            .help_en = "As it is set in the PLC",
            .absent = "\"binary\"",
            .choices = {{"binary", "二进制", "Binary"},
                        {"ascii", "ASCII", "ASCII"},
                        {"ascii_octal", "ASCII(X、Y 八进制，FX5)", "ASCII (X, Y octal; FX5)"}}}),
        only_of("mc|fx_serial|fx_tcp",
                {.field = "family",
                 .title_zh = "PLC 系列",
                 .title_en = "PLC family",
                 .help_zh = "决定 X、Y 的计数和可用的软元件",
                 .help_en = "Decides how X and Y are counted and which devices there are",
                 .absent_field = "protocol",
                 .absent_by = {{"mc", "\"q_l\""}, {"fx_serial", "\"fx3\""}, {"fx_tcp", "\"fx3\""}},
                 .choices = {{"fx", "FX1S、FX1N、FX2N", "FX1S, FX1N, FX2N"},
                             {"fx3", "FX3S、FX3G、FX3U", "FX3S, FX3G, FX3U"},
                             {"iq_f", "FX5(iQ-F)", "FX5 (iQ-F)"},
                             {"q_l", "Q、L", "Q, L"},
                             {"iq_r", "iQ-R", "iQ-R"}}}),
        mc({.field = "network",
            .title_zh = "网络号",
            .title_en = "Network number",
            .help_zh = "0：所连的 CPU",
            .help_en = "0: the CPU that is connected",
            .max = 239,
            .absent = "0"}),
        mc({.field = "station_no",
            .title_zh = "请求目标站号",
            .title_en = "Station number",
            .help_zh = "多点连接时；其余为 0",
            .help_en = "Of a multidrop connection; else 0",
            .max = 31,
            .absent = "0"}),
        mc({.field = "pc",
            .title_zh = "PC 号",
            .title_en = "PC number",
            .help_zh = "255：所连的 CPU",
            .help_en = "255: the CPU that is connected",
            .absent = "255"}),
    };
}

std::vector<Fact> iec104_facts() {
    const auto iec104 = [](Fact fact) { return only_of("iec104", std::move(fact)); };
    const auto seconds = [&](Fact fact) {
        fact.unit = "s";
        fact.min = 1;
        return iec104(std::move(fact));
    };
    const auto minutes = [&](Fact fact) {
        fact.unit = "min";
        fact.max = 1'440;
        return iec104(std::move(fact));
    };
    return {
        iec104({.field = "common_address",
                .title_zh = "默认公共地址",
                .title_en = "Default common address",
                .help_zh = "站的 ASDU 公共地址；设备未另行规定时使用",
                .help_en = "Of the outstation's ASDUs; of devices that state none",
                .min = 1,
                .max = 65'534,
                .absent = "1"}),
        iec104({.field = "select_first",
                .title_zh = "先选择后执行",
                .title_en = "Select before operate",
                .help_zh = "命令未另行规定时使用",
                .help_en = "Of commands that do not say",
                .absent = "false"}),
        minutes({.field = "interrogation_minutes",
                 .title_zh = "总召唤间隔",
                 .title_en = "Interrogation every",
                 .help_zh = "0：只在连接建立时",
                 .help_en = "0: only when the link was opened",
                 .absent = "15"}),
        minutes({.field = "counters_minutes",
                 .title_zh = "电度召唤间隔",
                 .title_en = "Totals every",
                 .help_zh = "0：不召唤电能累计量",
                 .help_en = "0: totals are not asked for",
                 .absent = "0"}),
        minutes({.field = "clock_minutes",
                 .title_zh = "对时间隔",
                 .title_en = "Set clocks every",
                 .help_zh = "0：不给站对时",
                 .help_en = "0: clocks of outstations are not set",
                 .absent = "0"}),
        iec104({.field = "stamp_zone",
                .title_zh = "时标的时区",
                .title_en = "Zone of time stamps",
                .help_zh = "站的时钟：UTC，或当地时间如 +08:00",
                .help_en = "The outstation's clock: UTC, or local time such as +08:00",
                .length_max = 40,
                .absent = "\"UTC\"",
                .check = check_stamp_zone}),
        iec104({.field = "originator",
                .title_zh = "源发地址",
                .title_en = "Originator address",
                .help_zh = "0：不使用",
                .help_en = "0: not used",
                .absent = "0"}),
        seconds({.field = "t1_s",
                 .title_zh = "t1",
                 .title_en = "t1",
                 .help_zh = "发出后未得到确认即断开；也是等待命令确认的时间",
                 .help_en = "Without an acknowledgement for so long the link is closed; commands are confirmed within it",
                 .absent = "15"}),
        seconds({.field = "t2_s",
                 .title_zh = "t2",
                 .title_en = "t2",
                 .help_zh = "收到后在此时间内确认；小于 t1",
                 .help_en = "What came is acknowledged within it; less than t1",
                 .absent = "10"}),
        seconds({.field = "t3_s",
                 .title_zh = "t3",
                 .title_en = "t3",
                 .help_zh = "空闲这么久后发测试帧",
                 .help_en = "After so long without anything a test frame is sent",
                 .absent = "20"}),
        iec104({.field = "k",
                .title_zh = "k",
                .title_en = "k",
                .help_zh = "最多未被确认的 I 帧数",
                .help_en = "I frames that may wait for their acknowledgement",
                .min = 1,
                .max = 32'767,
                .absent = "12"}),
        iec104({.field = "w",
                .title_zh = "w",
                .title_en = "w",
                .help_zh = "收到这么多 I 帧后确认",
                .help_en = "After so many I frames they are acknowledged",
                .min = 1,
                .max = 32'767,
                .absent = "8"}),
    };
}

std::vector<Fact> opcua_facts() {
    const auto opcua = [](Fact fact) { return only_of("opcua", std::move(fact)); };
    const auto signed_in = [](Fact fact) { return only_of("opcua|http_json|mtconnect", std::move(fact)); };
    const auto secure = [](Fact fact) {
        fact.if_field = "security_mode";
        fact.if_equals = "Sign|SignAndEncrypt";
        return fact;
    };
    return {
        opcua({.field = "endpoint",
               .title_zh = "服务器地址",
               .title_en = "Endpoint",
               .help_zh = "如 opc.tcp://10.0.0.5:4840；连的总是这个地址，不看服务器自称的地址",
               .help_en = "Such as opc.tcp://10.0.0.5:4840; it is this address that is connected to, whatever the "
                          "server calls itself",
               .length_max = 400,
               .check = check_endpoint}),
        opcua({.field = "security_mode",
               .title_zh = "安全模式",
               .title_en = "Security mode",
               .absent = "\"None\"",
               .choices = {{"None", "无", "None"},
                           {"Sign", "签名", "Sign"},
                           {"SignAndEncrypt", "签名并加密", "Sign and encrypt"}}}),
        secure({.field = "security_policy",
                .title_zh = "安全策略",
                .title_en = "Security policy",
                .absent = "\"Basic256Sha256\""}),
        signed_in({.field = "server_fingerprint",
                   .title_zh = "服务器证书指纹",
                   .title_en = "Fingerprint of the server's certificate",
                   .help_zh = "SHA-256；测试连接时会显示，核对无误后填入",
                   .help_en = "SHA-256; the test of the connection shows it, to be compared and entered",
                   .length_max = 100,
                   .check = check_fingerprint}),
        signed_in({.field = "user",
                   .title_zh = "用户名",
                   .title_en = "User",
                   .help_zh = "空：匿名；不经 HTTPS 或加密时密码以明文传输",
                   .help_en = "None: nobody signs in; without HTTPS or encryption the password travels in clear",
                   .length_max = 200}),
        signed_in({.field = "password", .title_zh = "密码", .title_en = "Password", .length_max = 400, .secret = true}),
        opcua({.field = "publishing_interval_ms",
               .title_zh = "发布间隔",
               .title_en = "Publishing interval",
               .help_zh = "服务器多久送一次变化",
               .help_en = "How often the server sends what changed",
               .unit = "ms",
               .min = 10,
               .max = 3'600'000,
               .absent = "1000"}),
        opcua({.field = "queue_size",
               .title_zh = "队列长度",
               .title_en = "Queue size",
               .help_zh = "两次发布之间每个点位在服务器上保留的变化数",
               .help_en = "Changes of each point that the server keeps between two messages",
               .min = 1,
               .max = 10'000,
               .absent = "10"}),
        opcua({.field = "dead_band",
               .title_zh = "死区",
               .title_en = "Dead band",
               .help_zh = "变化不超过它就不上报；点位可另行规定",
               .help_en = "A change of no more than that is not told; points may state their own",
               .min = 0}),
        opcua({.field = "reply_timeout_ms",
               .title_zh = "答复超时",
               .title_en = "Time-out of replies",
               .unit = "ms",
               .min = 500,
               .max = 60'000,
               .absent = "5000"}),
    };
}

std::vector<Fact> other_facts() {
    return {
        only_of("fins", {.field = "own_node",
                         .title_zh = "本机节点号",
                         .title_en = "Own node number",
                         .help_zh = "一般不填，由 PLC 分配",
                         .help_en = "Mostly empty: the PLC gives one",
                         .min = 1,
                         .max = 254}),
        only_of("dlt645_serial|dlt645_tcp|dlt645_dtu",
                {.field = "meter_standard",
                 .title_zh = "DL/T 645 版本",
                 .title_en = "Edition of DL/T 645",
                 .absent = "\"2007\"",
                 .choices = {{"2007", "DL/T 645-2007", "DL/T 645-2007"}, {"1997", "DL/T 645-1997", "DL/T 645-1997"}}}),
        only_of(kHttp, {.field = "https",
                        .title_zh = "HTTPS",
                        .title_en = "HTTPS",
                        .help_zh = "证书由系统信任的机构验证；自签名证书需填写指纹",
                        .help_en = "The system's authorities decide on its certificate; one that the machine signed "
                                   "itself needs its fingerprint",
                        .absent = "false"}),
        only_of("http_json", {.field = "http_path",
                              .title_zh = "请求路径",
                              .title_en = "Path",
                              .help_zh = "地址中主机之后的部分，例如 /status；点位可另写；{station} 处填入设备的站号",
                              .help_en = "What stands behind the host in the address, such as /status; points may name "
                                         "others; {station} is that of the device",
                              .length_max = wire::http_json::kTargetBytesMax,
                              .absent = "\"/\"",
                              .check = [](std::string_view text) { return wire::http_json::check_target(text); }}),
        only_of("mtconnect", {.field = "agent_device",
                              .title_zh = "代理中的设备",
                              .title_en = "Device of the agent",
                              .help_zh = "设备名；不填为全部",
                              .help_en = "Its name; none means all",
                              .length_max = 200}),
        only_of(kFrames, {.field = "layout",
                          .title_zh = "报文模板",
                          .title_en = "Template of its frames",
                          .help_zh = "YAML 或 JSON：怎样从字节里找出一帧、怎样问、有哪些字段",
                          .help_en = "YAML or JSON: how a frame is found among the bytes, what asks for it, its fields",
                          .length_max = wire::free_frame::kTemplateBytesMax,
                          .widget = "multiline"}),
    };
}

}  // namespace

std::vector<Fact> facts_of(const ConnectionSpec*) {
    std::vector<Fact> facts = {
        {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
        {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
        {.field = "protocol",
         .title_zh = "协议",
         .title_en = "Protocol",
         .required = true,
         .choices = {{"modbus_tcp", "Modbus TCP", "Modbus TCP"},
                     {"modbus_rtu_tcp", "Modbus RTU over TCP(串口服务器透传)", "Modbus RTU over TCP (serial server)"},
                     {"modbus_rtu", "Modbus RTU(本机串口)", "Modbus RTU (serial port of this machine)"},
                     {"modbus_dtu", "Modbus(DTU 拨入)", "Modbus (a DTU dials in)"},
                     {"s7", "西门子 S7(以太网)", "Siemens S7 (Ethernet)"},
                     {"mc", "三菱 MC / SLMP(以太网)", "Mitsubishi MC / SLMP (Ethernet)"},
                     {"fx_serial", "三菱 FX 编程口(本机串口)", "Mitsubishi FX programming port (serial port)"},
                     {"fx_tcp", "三菱 FX 编程口(串口服务器)", "Mitsubishi FX programming port (serial server)"},
                     {"fins", "欧姆龙 FINS(以太网)", "Omron FINS (Ethernet)"},
                     {"dlt645_serial", "电表 DL/T 645(本机串口)", "Meters DL/T 645 (serial port of this machine)"},
                     {"dlt645_tcp", "电表 DL/T 645(串口服务器)", "Meters DL/T 645 (serial server)"},
                     {"dlt645_dtu", "电表 DL/T 645(DTU 拨入)", "Meters DL/T 645 (a DTU dials in)"},
                     {"aibus_serial", "宇电仪表 AIBUS(本机串口)", "Yudian instruments by AIBUS (serial port of this machine)"},
                     {"aibus_tcp", "宇电仪表 AIBUS(串口服务器)", "Yudian instruments by AIBUS (serial server)"},
                     {"frames_serial", "自由报文(本机串口)", "Free frames (serial port of this machine)"},
                     {"frames_tcp", "自由报文(TCP)", "Free frames (TCP)"},
                     {"frames_dtu", "自由报文(DTU 拨入)", "Free frames (a DTU dials in)"},
                     {"shdr", "数控机床 SHDR(MTConnect 适配器)", "CNC machines by SHDR (an adapter of MTConnect)"},
                     {"http_json", "HTTP 轮询(JSON)", "HTTP, asked for JSON"},
                     {"mtconnect", "数控机床 MTConnect(代理)", "CNC machines by MTConnect (an agent)"},
                     {"iec104", "电力远动 IEC 60870-5-104", "Substations by IEC 60870-5-104"},
                     {"opcua", "OPC UA", "OPC UA"},
                     {"mqtt_device", "设备自行上报(MQTT)", "Device sends (MQTT)"}}},
        {.field = "enabled", .title_zh = "启用", .title_en = "Enabled"},
        over_tcp({.field = "host",
                  .title_zh = "主机",
                  .title_en = "Host",
                  .help_zh = "主机名或 IP 地址",
                  .help_en = "Host name or IP address",
                  .length_max = 253,
                  .check = check_host}),
        over_tcp(
            {.field = "port",
             .title_zh = "端口",
             .title_en = "Port",
             .min = 1,
             .absent_field = "protocol",
             .absent_by =
                 {{"modbus_tcp", "502"}, {"modbus_rtu_tcp", "502"}, {"s7", "102"}, {"mc", "5007"}, {"fins", "9600"},
                  {"shdr", "7878"},                  {"http_json", "80"}, {"mtconnect", "5000"}, {"iec104", "2404"}}}),
        only_of(kTimed, {.field = "period_ms",
                         .title_zh = "采集周期",
                         .title_en = "Period",
                         .help_zh = "属性未另行规定时使用；OPC UA 为采样间隔",
                         .help_en = "Of properties that state none; of OPC UA the sampling interval",
                         .unit = "ms",
                         .min = 10,
                         .max = kDayMs}),
        polled({.field = "timeout_ms",
                .title_zh = "超时",
                .title_en = "Time-out",
                .help_zh = "经 4G 的 DTU 建议 5000",
                .help_en = "5000 suits a DTU on 4G",
                .unit = "ms",
                .min = 10,
                .max = 60'000}),
        polled({.field = "retries", .title_zh = "重试次数", .title_en = "Retries", .max = 10}),
        modbus({.field = "unit",
                .title_zh = "默认从站号",
                .title_en = "Default unit",
                .help_zh = "设备未另行规定时使用",
                .help_en = "Of devices that state none"}),
        modbus({.field = "registers_per_request_max",
                .title_zh = "单次最多寄存器数",
                .title_en = "Registers per request",
                .help_zh = "有的设备只能一次读很少",
                .help_en = "Some devices can do only few at once",
                .min = 1,
                .max = 125}),
        modbus({.field = "gap_max",
                .title_zh = "可跨越的空隙",
                .title_en = "Gap joined",
                .help_zh = "为合并两次请求而多读的寄存器数",
                .help_en = "Registers read for nothing to join two requests",
                .max = 124}),
        polled({.field = "min_request_gap_ms",
                .title_zh = "请求最小间隔",
                .title_en = "Pause between requests",
                .unit = "ms",
                .max = 60'000}),
        only_of(kWritten, {.field = "writes_enabled",
                           .title_zh = "允许写入",
                           .title_en = "Writes enabled",
                           .help_zh = "允许向设备下发；默认关闭",
                           .help_en = "Lets commands reach the machine; off by default"}),
        serial({.field = "serial_port",
                .title_zh = "串口",
                .title_en = "Serial port",
                .help_zh = "如 /dev/ttyUSB0，或插拔后不变的 /dev/serial/by-id/…",
                .help_en = "/dev/ttyUSB0, or /dev/serial/by-id/…, which stays when it is plugged in again",
                .length_max = 200}),
        serial({.field = "baud",
                .title_zh = "波特率",
                .title_en = "Baud rate",
                .help_zh = "1200、2400、4800、9600、19200、38400、57600 或 115200",
                .help_en = "1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200",
                .min = 1'200,
                .max = 115'200,
                .absent_field = "protocol",
                .absent_by = {{"modbus_rtu", "9600"},
                              {"fx_serial", "9600"},
                              {"dlt645_serial", "2400"},
                              {"aibus_serial", "9600"},
                              {"frames_serial", "9600"}}}),
        serial(
            {.field = "data_bits",
             .title_zh = "数据位",
             .title_en = "Data bits",
             .min = 7,
             .max = 8,
             .absent_field = "protocol",
             .absent_by = {{"modbus_rtu", "8"}, {"fx_serial", "7"}, {"dlt645_serial", "8"},
                           {"aibus_serial", "8"}, {"frames_serial", "8"}}}),
        serial({.field = "parity",
                .title_zh = "校验",
                .title_en = "Parity",
                .absent_field = "protocol",
                .absent_by = {{"modbus_rtu", "\"none\""},
                              {"fx_serial", "\"even\""},
                              {"dlt645_serial", "\"even\""},
                              {"aibus_serial", "\"none\""},
                              {"frames_serial", "\"none\""}},
                .choices = {{"none", "无", "None"}, {"even", "偶校验", "Even"}, {"odd", "奇校验", "Odd"}}}),
        serial(
            {.field = "stop_bits", .title_zh = "停止位", .title_en = "Stop bits", .min = 1, .max = 2, .absent = "1"}),
        only_of("modbus_dtu", {.field = "framing",
                               .title_zh = "报文格式",
                               .title_en = "Framing",
                               .help_zh = "DTU 透传串口时为 RTU；转换为 Modbus TCP 时为 TCP",
                               .help_en = "RTU when the DTU passes the serial line on, TCP when it converts",
                               .absent = "\"rtu\"",
                               .choices = {{"rtu", "RTU", "RTU"}, {"tcp", "TCP(MBAP)", "TCP (MBAP)"}}}),
        dtu({.field = "listen_port",
             .title_zh = "拨入端口",
             .title_en = "Port to dial in",
             .help_zh = "本平台的端口，由管理员以 --dtu 打开；空表示任一已打开的端口",
             .help_en = "Of this server, opened by an administrator with --dtu; none: any that is open",
             .min = 1}),
        dtu({.field = "registration",
             .title_zh = "注册包",
             .title_en = "Registration packet",
             .help_zh = "DTU 连上后首先发送的内容，用来认出它",
             .help_en = "What the DTU sends first, by which it is known",
             .length_max = 400}),
        dtu({.field = "registration_form",
             .title_zh = "注册包写法",
             .title_en = "It is written as",
             .absent = "\"text\"",
             .choices = {{"text", "文本", "Text"}, {"hex", "十六进制", "Hexadecimal"}}}),
        dtu({.field = "registration_match",
             .title_zh = "注册包匹配",
             .title_en = "It fits",
             .absent = "\"exact\"",
             .choices = {{"exact", "完全一致", "As a whole"}, {"prefix", "开头一致", "As the beginning"}}}),
        dtu({.field = "heartbeat",
             .title_zh = "心跳包",
             .title_en = "Heartbeat",
             .help_zh = "DTU 定时发送的内容，会被剔除；没有则不填",
             .help_en = "What the DTU sends from time to time, which is left out; empty if it sends none",
             .length_max = 400}),
        dtu({.field = "heartbeat_form",
             .title_zh = "心跳包写法",
             .title_en = "It is written as",
             .absent = "\"text\"",
             .choices = {{"text", "文本", "Text"}, {"hex", "十六进制", "Hexadecimal"}}}),
    };
    for (auto* more : {dialect_facts, s7_facts, melsec_facts, iec104_facts, other_facts, opcua_facts})
        for (Fact& fact : more()) facts.push_back(std::move(fact));
    return facts;
}

}  // namespace gongshu::registry
