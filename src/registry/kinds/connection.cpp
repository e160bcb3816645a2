#include "registry/kinds/connection.h"

#include "registry/kind_of.h"

namespace gongshu::registry {

BOOST_DESCRIBE_ENUM(Protocol, modbus_tcp, mqtt_device)
BOOST_DESCRIBE_STRUCT(ConnectionSpec, (),
                      (title_zh, title_en, protocol, enabled, host, port, period_ms, timeout_ms, retries, unit,
                       registers_per_request_max, gap_max, min_request_gap_ms, writes_enabled))

namespace {

constexpr double kDayMs = 86'400'000;
constexpr std::size_t kTitleBytesMax = 200;

Fact modbus(Fact fact) {
    fact.if_field = "protocol";
    fact.if_equals = "modbus_tcp";
    return fact;
}

Result<void> check_host(std::string_view text) {
    const bool fine =
        text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:%[]") == text.npos;
    if (!fine) return Error{Code::invalid, "expected a host name or an IP address, found \"{}\"", text};
    return {};
}

Result<void> check_alone(const ConnectionSpec& spec) {
    if (spec.protocol == Protocol::modbus_tcp && spec.host.empty()) {
        return Error{Code::invalid,
                     "host: expected a host name or an IP address, found none (protocol modbus_tcp needs it)"};
    }
    return {};
}

}  // namespace

std::vector<Fact> facts_of(const ConnectionSpec*) {
    return {
        {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
        {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
        {.field = "protocol",
         .title_zh = "协议",
         .title_en = "Protocol",
         .required = true,
         .choices = {{"modbus_tcp", "Modbus TCP", "Modbus TCP"},
                     {"mqtt_device", "设备自行上报(MQTT)", "Device sends (MQTT)"}}},
        {.field = "enabled", .title_zh = "启用", .title_en = "Enabled"},
        modbus({.field = "host",
                .title_zh = "主机",
                .title_en = "Host",
                .help_zh = "主机名或 IP 地址",
                .help_en = "Host name or IP address",
                .length_max = 253,
                .check = check_host}),
        modbus({.field = "port", .title_zh = "端口", .title_en = "Port", .min = 1}),
        modbus({.field = "period_ms",
                .title_zh = "采集周期",
                .title_en = "Period",
                .help_zh = "属性未另行规定时使用",
                .help_en = "Of properties that state none",
                .unit = "ms",
                .min = 10,
                .max = kDayMs}),
        modbus({.field = "timeout_ms",
                .title_zh = "超时",
                .title_en = "Time-out",
                .unit = "ms",
                .min = 10,
                .max = 60'000}),
        modbus({.field = "retries", .title_zh = "重试次数", .title_en = "Retries", .max = 10}),
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
        modbus({.field = "min_request_gap_ms",
                .title_zh = "请求最小间隔",
                .title_en = "Pause between requests",
                .unit = "ms",
                .max = 60'000}),
        modbus({.field = "writes_enabled",
                .title_zh = "允许写入",
                .title_en = "Writes enabled",
                .help_zh = "允许向设备下发；默认关闭",
                .help_en = "Lets commands reach the machine; off by default"}),
    };
}

Kind connection_kind() {
    return make_kind<ConnectionSpec>({.name = "connection",
                                      .plural = "connections",
                                      .title_zh = "连接",
                                      .title_en = "Connection",
                                      .about_zh = "用一种协议连到一台或多台设备",
                                      .about_en = "One link to one or many machines by one protocol"},
                                     {.alone = check_alone});
}

template Result<ConnectionSpec> spec_of<ConnectionSpec>(const Resource&);

}  // namespace gongshu::registry
