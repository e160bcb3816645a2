#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "data/ids.h"
#include "data/value.h"
#include "io/serial.h"
#include "wire/dlt645.h"
#include "wire/iec104_client.h"
#include "wire/mc.h"
#include "wire/modbus.h"
#include "wire/modbus_dialect.h"
#include "wire/s7.h"

namespace gongshu::connect {

using wire::modbus::Table;

bool is_bits(Table table);
wire::modbus::Function read_function(Table table);

// Where a value lies, as the machine's manual prints it: DB10.DBD4, D100, 00010000, the name of a field.
struct NamedPlace {
    std::string at;
    std::string as;  // how it lies there: real, int32, string[20]; "" = what `at` is by itself
    double scale = 1;
    double offset = 0;     // value = raw * scale + offset
    std::string write;     // where it is written, if that is another place
    double dead_band = 0;  // of OPC UA: a change of no more than that is not told
    friend bool operator==(const NamedPlace&, const NamedPlace&) = default;
};

// One property that is polled: plain values, made from the resources of the registry by connections.cpp.
struct PropertyConfig {
    std::string name;
    ValueType type = ValueType::number;
    std::string unit;
    bool writable = false;
    std::optional<double> min, max;
    DurationNs period = kSecond;
    // Of Modbus.
    Table table = Table::holding_registers;
    std::uint16_t address = 0;
    wire::modbus::ValueCodec codec;  // not used for coils and discrete inputs
    // Of Modbus by a dialect, where `place` says what it is called: what lies together with it, which no request passes,
    // and whether the PLC lets it be written.
    std::uint32_t area_first = 0, area_end = 0x10000;
    bool read_only = false;
    std::string fault;  // why it cannot be asked for; "" = it can
    // Of all others.
    NamedPlace place;

    std::uint16_t count() const { return is_bits(table) ? std::uint16_t{1} : register_count(codec); }
};
bool operator==(const PropertyConfig& a, const PropertyConfig& b);

struct DeviceConfig {
    std::string uid;
    std::string path;
    std::uint8_t unit = 1;
    bool enabled = true;
    std::vector<PropertyConfig> properties;
    std::string station;  // its name on the line where that is no unit: the number of a meter, an instrument's Addr, a common address
    friend bool operator==(const DeviceConfig&, const DeviceConfig&) = default;
};

// Which Driver it is.
enum class Language : std::uint8_t { modbus, s7, mc, fx_port, dlt645, free_frame, shdr, http, mtconnect, iec104, opcua, aibus, fins };

struct S7Settings {
    wire::s7::Tsaps tsaps;
    wire::s7::Plc plc = wire::s7::Plc::s7_1200;
    friend bool operator==(const S7Settings&, const S7Settings&) = default;
};
// Of mc and fx_port, which takes the family alone.
struct MelsecSettings {
    wire::mc::Frame frame = wire::mc::Frame::e3;
    wire::mc::Coding coding = wire::mc::Coding::binary;
    wire::melsec::Family family = wire::melsec::Family::q_l;
    wire::mc::Route route;
    friend bool operator==(const MelsecSettings&, const MelsecSettings&) = default;
};
struct Dlt645Settings {
    wire::dlt645::Standard standard = wire::dlt645::Standard::of_2007;
    friend bool operator==(const Dlt645Settings&, const Dlt645Settings&) = default;
};
struct FinsSettings {
    std::uint8_t own_node = 0;  // 0: the PLC gives one
    friend bool operator==(const FinsSettings&, const FinsSettings&) = default;
};
struct FreeFrameSettings {
    std::string layout;  // the template, JSON
    friend bool operator==(const FreeFrameSettings&, const FreeFrameSettings&) = default;
};
struct Iec104Settings {
    wire::iec104::ClientOptions client;
    wire::iec104::Zone zone;                     // of the outstations' clocks
    std::uint16_t common_address = 1;            // of devices that state none
    DurationNs interrogation = 15 * kMinute;     // 0 = only when the link was opened
    DurationNs counters = 0, clock = 0;          // interrogation of totals, setting of clocks; 0 = never
    bool select_first = false;                   // of commands that do not say
    friend bool operator==(const Iec104Settings&, const Iec104Settings&) = default;
};

// http_json and mtconnect.
struct HttpSettings {
    std::string path = "/";      // what is asked for where a point names nothing else
    bool secure = false;         // by TLS
    std::string fingerprint;     // SHA-256 of the machine's certificate, 64 small hexadecimal digits; "" = authorities decide
    std::string user, password;  // "" = nobody signs in
    friend bool operator==(const HttpSettings&, const HttpSettings&) = default;
};

struct MtconnectSettings {
    std::string device;  // "" = all of the agent
    friend bool operator==(const MtconnectSettings&, const MtconnectSettings&) = default;
};

// Who we are to servers: our own certificate and its key, both DER.
struct UaIdentity {
    std::string uri;
    Buffer certificate, key;
};
enum class UaPolicy : std::uint8_t { none, basic256sha256, aes128_sha256_rsaoaep, aes256_sha256_rsapss };
enum class UaMode : std::uint8_t { none, sign, sign_and_encrypt };
struct OpcuaSettings {
    std::string url;  // what a server calls itself decides nothing: host and port are those of the connection
    UaPolicy policy = UaPolicy::none;
    UaMode mode = UaMode::none;
    std::string fingerprint;  // SHA-256 of the server's certificate, 64 small hexadecimal digits; "" = none is accepted
    std::string user, password;  // "" = nobody signs in
    std::shared_ptr<const UaIdentity> identity;  // where there is something to sign or to encrypt
    DurationNs publishing = kSecond;
    std::uint32_t queue = 10;
    friend bool operator==(const OpcuaSettings&, const OpcuaSettings&) = default;
};

// How requests and replies lie among the bytes of a link.
enum class Framing : std::uint8_t {
    mbap,  // Modbus TCP's header: a reply names its request
    rtu,   // as on a serial line: a CRC, and nothing that says which request a reply belongs to
};

// How a link comes to be.
enum class Way : std::uint8_t {
    tcp,
    serial,
    dialled_in,  // by a DTU: a gateway that knows our address, while we do not know its own
};

// A machine that lost its power says nothing: the system asks after so long without a byte.
inline constexpr DurationNs kKeepAlive = kMinute;

// What a DTU says when it has dialled in, and from time to time.
struct DtuConfig {
    std::uint16_t port = 0;  // where it dials in; 0 = any port that is listened on for DTUs
    Buffer registration;
    bool prefix = false;  // the registration packet only begins like that
    Buffer heartbeat;     // may be empty
    friend bool operator==(const DtuConfig&, const DtuConfig&) = default;
};

// One connection with everything that hangs on it.
struct LinkConfig {
    TenantId tenant;
    std::string uid;
    std::string name;
    std::string protocol = "modbus_tcp";
    bool enabled = true;
    Way way = Way::tcp;
    Language language = Language::modbus;
    Framing framing = Framing::mbap;  // of Modbus
    std::optional<wire::modbus::Dialect> dialect;
    S7Settings s7;
    MelsecSettings melsec;
    Dlt645Settings dlt645;
    FinsSettings fins;
    FreeFrameSettings free_frame;
    HttpSettings http;
    MtconnectSettings mtconnect;
    Iec104Settings iec104;
    OpcuaSettings opcua;
    io::SerialPort serial;
    DtuConfig dtu;
    std::string host;
    std::uint16_t port = 502;
    DurationNs timeout = kSecond;
    std::uint8_t retries = 1;
    std::uint16_t registers_per_request_max = 100;
    std::uint16_t gap_max = 8;
    DurationNs min_request_gap = 0;
    bool writes_enabled = false;
    std::vector<DeviceConfig> devices;
    friend bool operator==(const LinkConfig&, const LinkConfig&) = default;

    // Going from `other` to this needs no new link. Adapters of SHDR say all they know to a new link alone, and later
    // only what changes.
    bool same_link(const LinkConfig& other) const {
        return enabled == other.enabled && way == other.way && language == other.language && framing == other.framing &&
               s7 == other.s7 && melsec == other.melsec && dlt645 == other.dlt645 && fins == other.fins &&
               free_frame == other.free_frame && http == other.http && mtconnect == other.mtconnect &&
               iec104 == other.iec104 && opcua == other.opcua &&
               serial == other.serial && dtu == other.dtu && host == other.host && port == other.port &&
               (language != Language::shdr || devices == other.devices);
    }
};

}  // namespace gongshu::connect
