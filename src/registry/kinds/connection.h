#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/serial.h"
#include "registry/registry.h"
#include "wire/dlt645.h"
#include "wire/free_frame.h"
#include "wire/iec104_client.h"
#include "wire/mc.h"
#include "wire/modbus_dialect.h"
#include "wire/s7.h"

namespace gongshu::registry {

enum class Protocol : std::uint8_t {
    // clang-format off
    modbus_tcp, modbus_rtu_tcp, modbus_rtu, modbus_dtu,
    s7,
    mc, fx_serial, fx_tcp,
    fins,
    dlt645_serial, dlt645_tcp, dlt645_dtu,
    aibus_serial, aibus_tcp,
    frames_serial, frames_tcp, frames_dtu,
    shdr,
    http_json,
    mtconnect,
    iec104,
    opcua,
    mqtt_device,
    // clang-format on
};
std::string_view to_string(Protocol protocol);
bool is_modbus(Protocol protocol);
bool is_fx(Protocol protocol);
bool is_dlt645(Protocol protocol);
bool is_aibus(Protocol protocol);
bool is_frames(Protocol protocol);
// How it comes to the machines: by a serial port of this machine, by a DTU that dials in, or by TCP to a host.
bool is_serial(Protocol protocol);
bool is_dtu(Protocol protocol);
bool is_tcp(Protocol protocol);

enum class SerialParity : std::uint8_t { none, even, odd };
enum class DtuFraming : std::uint8_t { rtu, tcp };
enum class TextForm : std::uint8_t { text, hex };
enum class PacketMatch : std::uint8_t { exact, prefix };
enum class ModbusDialect : std::uint8_t { inovance, delta_dvp, delta_as, xinje_xc, xinje_xd, haiwell, generic };
enum class PointOrder : std::uint8_t { ABCD, BADC, CDAB, DCBA };
enum class S7Plc : std::uint8_t { s7_300, s7_400, s7_1200, s7_1500, s7_200_smart, logo };
enum class S7ConnectionType : std::uint8_t { basic, op, pg };
enum class McFrame : std::uint8_t { _3E, _4E, _1E };
enum class McCoding : std::uint8_t { binary, ascii, ascii_octal };
enum class MelsecFamily : std::uint8_t { fx, fx3, iq_f, q_l, iq_r };
enum class UaPolicy : std::uint8_t { Basic256Sha256, Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss };
enum class UaMode : std::uint8_t { None, Sign, SignAndEncrypt };
enum class MeterStandard : std::uint8_t { _2007, _1997 };

// How a link comes to be, and what the protocols are told. Apart from the rest because a struct can be described with at
// most 52 members.
struct ConnectionLink {
    std::string title_zh, title_en;
    Protocol protocol = Protocol::modbus_tcp;
    bool enabled = true;
    std::string host;
    std::optional<std::uint16_t> port;  // none: tcp_port()
    // modbus_*: how points are called, and how their values of 32 and 64 bits lie. Absent ones: modbus_dialect().
    std::optional<ModbusDialect> dialect;
    std::optional<PointOrder> point_order;
    // *_serial and modbus_rtu: the serial port of this machine. Absent ones: serial().
    std::optional<std::string> serial_port;
    std::optional<std::uint32_t> baud;
    std::optional<std::uint8_t> data_bits;
    std::optional<SerialParity> parity;
    std::optional<std::uint8_t> stop_bits;
    // *_dtu: who dials in, and where. Absent ones mean RTU, any port, text, exact.
    std::optional<DtuFraming> framing;
    std::optional<std::uint16_t> listen_port;
    std::optional<std::string> registration;
    std::optional<TextForm> registration_form;
    std::optional<PacketMatch> registration_match;
    std::optional<std::string> heartbeat;
    std::optional<TextForm> heartbeat_form;
    // s7. Absent ones: tsaps().
    std::optional<S7Plc> plc;
    std::optional<std::uint8_t> rack, slot;
    std::optional<S7ConnectionType> connection_type;
    std::optional<std::string> local_tsap, remote_tsap;  // go before rack, slot and connection type
    // mc; the family of fx_* too. Absent ones: mc_link().
    std::optional<McFrame> frame;
    std::optional<McCoding> coding;
    std::optional<MelsecFamily> family;
    std::optional<std::uint8_t> network, station_no, pc;
    // fins. Absent: the PLC gives one.
    std::optional<std::uint8_t> own_node;
    // dlt645_*. Absent: 2007.
    std::optional<MeterStandard> meter_standard;
    // frames_*: the template, JSON or YAML.
    std::optional<std::string> layout;
    // http_json, mtconnect: by TLS. Absent: in clear.
    std::optional<bool> https;
    // http_json: what is asked for. Absent: "/".
    std::optional<std::string> http_path;
    // mtconnect: a device of the agent. Absent: all.
    std::optional<std::string> agent_device;
};

// One link to one or many machines by one protocol.
struct ConnectionSpec : ConnectionLink {
    // iec104. Absent ones: iec104_client(), 1, UTC, every 15 minutes, never, never, false.
    std::optional<std::uint16_t> common_address;  // of devices that state none
    std::optional<std::uint8_t> originator;
    std::optional<std::uint8_t> t1_s, t2_s, t3_s;
    std::optional<std::uint16_t> k, w;
    std::optional<std::string> stamp_zone;                         // of the outstations' clocks
    std::optional<std::uint16_t> interrogation_minutes;            // 0 = only when connected
    std::optional<std::uint16_t> counters_minutes, clock_minutes;  // 0 = never
    std::optional<bool> select_first;
    // opcua. Absent ones mean None, nobody signs in, 1000 ms, 10, no dead band, 5000 ms.
    std::optional<std::string> endpoint;  // opc.tcp://host:port/path
    std::optional<UaMode> security_mode;
    std::optional<UaPolicy> security_policy;  // absent: ua_policy()
    // Of http_json and mtconnect too. Absent: of https the system's authorities decide; nobody signs in.
    std::optional<std::string> server_fingerprint;
    std::optional<std::string> user, password;  // the password is empty here: Registry::secret() has it
    std::optional<std::uint32_t> publishing_interval_ms, queue_size, reply_timeout_ms;
    std::optional<double> dead_band;
    // Of all that are polled.
    std::uint32_t period_ms = 1'000;  // of properties that state none
    std::uint32_t timeout_ms = 1'000;
    std::uint8_t retries = 1;
    std::uint8_t unit = 1;  // of devices that state none
    std::uint8_t registers_per_request_max = 100;
    std::uint16_t gap_max = 8;  // registers read for nothing to join two requests
    std::uint32_t min_request_gap_ms = 0;
    bool writes_enabled = false;

    // What holds, with what is absent filled in as it suits the protocol.
    std::uint16_t tcp_port() const;  // 502 of Modbus, 102 of s7, 5007 of mc, 9600 of fins, 7878 of shdr, 80 of http_json,
                                     // 5000 of mtconnect, 2404 of iec104; the others state theirs
    // 9600 8N1; 9600 7E1 of fx_serial, 2400 8E1 of dlt645_serial.
    io::SerialPort serial() const;
    std::optional<wire::modbus::Dialect> modbus_dialect() const;  // none: properties have addresses alone
    wire::modbus::WordOrder word_order() const;                   // as usual with the dialect
    wire::s7::Plc s7_plc() const;  // S7-1200
    // As usual with the PLC. Code::invalid begins with the field.
    Result<wire::s7::Tsaps> tsaps() const;
    wire::melsec::Family melsec_family() const;  // q_l of mc, fx3 of fx_*
    wire::mc::Link mc_link() const;              // 3E, of fx3 1E; binary; the CPU that is connected
    wire::dlt645::Standard standard() const;
    wire::iec104::ClientOptions iec104_client() const;
    // Code::invalid begins with `stamp_zone`.
    Result<wire::iec104::Zone> stamps() const;
    UaPolicy ua_policy() const { return security_policy.value_or(UaPolicy::Basic256Sha256); }
    // Code::invalid begins with `layout`.
    Result<std::shared_ptr<const wire::free_frame::Template>> frame_template() const;
};

// A template as people write it, JSON or YAML, as JSON. Code::malformed or Code::limit with line and column.
Result<std::string> layout_json(std::string_view text);

// The bytes of a packet: those of the text, or what "AA 55" stands for. Code::invalid says what is no hexadecimal.
Result<Buffer> packet_bytes(std::string_view text, TextForm form);

// "AA:BB…", as people copy it, as 64 small digits; "" if it is none.
std::string plain_fingerprint(std::string_view text);

Kind connection_kind();

extern template Result<ConnectionSpec> spec_of<ConnectionSpec>(const Resource&);

}  // namespace gongshu::registry
