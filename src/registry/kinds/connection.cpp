#include "registry/kinds/connection.h"

#include <algorithm>
#include <utility>

#include "registry/kinds/connection_facts.h"
#include "registry/yaml.h"
#include "wire/fins.h"
#include "wire/iec104_point.h"
#include "wire/mtconnect.h"
#include "wire/shdr.h"

namespace gongshu::registry {

BOOST_DESCRIBE_ENUM(Protocol, modbus_tcp, modbus_rtu_tcp, modbus_rtu, modbus_dtu, s7, mc, fx_serial, fx_tcp, fins,
                    dlt645_serial, dlt645_tcp, dlt645_dtu, aibus_serial, aibus_tcp,
                    frames_serial, frames_tcp, frames_dtu, shdr, http_json, mtconnect, iec104, opcua, mqtt_device)
BOOST_DESCRIBE_ENUM(SerialParity, none, even, odd)
BOOST_DESCRIBE_ENUM(DtuFraming, rtu, tcp)
BOOST_DESCRIBE_ENUM(TextForm, text, hex)
BOOST_DESCRIBE_ENUM(PacketMatch, exact, prefix)
BOOST_DESCRIBE_ENUM(ModbusDialect, inovance, delta_dvp, delta_as, xinje_xc, xinje_xd, haiwell, generic)
BOOST_DESCRIBE_ENUM(PointOrder, ABCD, BADC, CDAB, DCBA)
BOOST_DESCRIBE_ENUM(S7Plc, s7_300, s7_400, s7_1200, s7_1500, s7_200_smart, logo)
BOOST_DESCRIBE_ENUM(S7ConnectionType, basic, op, pg)
BOOST_DESCRIBE_ENUM(McFrame, _3E, _4E, _1E)
BOOST_DESCRIBE_ENUM(McCoding, binary, ascii, ascii_octal)
BOOST_DESCRIBE_ENUM(MelsecFamily, fx, fx3, iq_f, q_l, iq_r)
BOOST_DESCRIBE_ENUM(UaPolicy, Basic256Sha256, Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss)
BOOST_DESCRIBE_ENUM(UaMode, None, Sign, SignAndEncrypt)
BOOST_DESCRIBE_ENUM(MeterStandard, _2007, _1997)
BOOST_DESCRIBE_STRUCT(ConnectionLink, (),
                      (title_zh, title_en, protocol, enabled, host, port, serial_port, baud, data_bits, parity,
                       stop_bits, framing, listen_port, registration, registration_form, registration_match, heartbeat,
                       heartbeat_form, dialect, point_order, plc, rack, slot, connection_type, local_tsap, remote_tsap,
                       family, frame, coding, network, station_no, pc, own_node, meter_standard, layout, https, http_path, agent_device))
BOOST_DESCRIBE_STRUCT(ConnectionSpec, (ConnectionLink),
                      (common_address, select_first, interrogation_minutes, counters_minutes, clock_minutes, stamp_zone,
                       originator, t1_s, t2_s, t3_s, k, w, endpoint, security_mode, security_policy, server_fingerprint,
                       user, password, period_ms, publishing_interval_ms, queue_size, dead_band, reply_timeout_ms,
                       timeout_ms, retries, unit,
                       registers_per_request_max, gap_max, min_request_gap_ms, writes_enabled))

namespace {

constexpr std::size_t kPacketBytesMax = 128;

Result<void> check_serial(const ConnectionSpec& spec) {
    if (spec.serial_port.value_or("").empty())
        return Error{Code::invalid,
                     "serial_port: expected a port such as /dev/ttyUSB0, found none (protocol {} needs it)",
                     to_string(spec.protocol)};
    io::SerialPort port = spec.serial();
    const std::uint32_t baud = std::exchange(port.baud, 9'600);
    TRY(io::check(port).context("serial_port"));
    port.baud = baud;
    if (spec.protocol == Protocol::modbus_rtu && port.data_bits != 8)
        return Error{Code::invalid, "data_bits: expected 8, found {}: Modbus RTU has bytes of eight bits",
                     port.data_bits};
    return io::check(port).context("baud");
}

// On a line 0 is all machines at once.
Result<void> check_unit(const ConnectionSpec& spec) {
    const bool headed = spec.protocol == Protocol::modbus_tcp || spec.framing == DtuFraming::tcp;
    if (!is_modbus(spec.protocol) || headed || (spec.unit >= 1 && spec.unit <= 247)) return {};
    return Error{Code::invalid, "unit: expected 1 to 247, found {}", spec.unit};
}

Result<void> check_dtu(const ConnectionSpec& spec) {
    const Buffer registration =
        TRY(packet_bytes(spec.registration.value_or(""), spec.registration_form.value_or(TextForm::text)).context("registration"));
    if (registration.empty())
        return Error{Code::invalid,
                     "registration: expected the packet that the DTU sends first, found none (protocol {} needs it)",
                     to_string(spec.protocol)};
    if (registration.size() > kPacketBytesMax)
        return Error{Code::invalid, "registration: expected at most {} bytes, found {}", kPacketBytesMax,
                     registration.size()};
    const Buffer heartbeat = TRY(
        packet_bytes(spec.heartbeat.value_or(""), spec.heartbeat_form.value_or(TextForm::text)).context("heartbeat"));
    if (heartbeat.size() > kPacketBytesMax)
        return Error{Code::invalid, "heartbeat: expected at most {} bytes, found {}", kPacketBytesMax,
                     heartbeat.size()};
    return {};
}

bool is_in_rack(wire::s7::Plc plc) { return plc != wire::s7::Plc::s7_200_smart && plc != wire::s7::Plc::logo; }

Result<void> check_family(const ConnectionSpec& spec) {
    using wire::melsec::Family;
    const Family family = spec.melsec_family();
    const bool has_port = family == Family::fx || family == Family::fx3;
    if (is_fx(spec.protocol) && !has_port)
        return Error{Code::invalid, "family: {} has no programming port of FX: choose protocol mc",
                     wire::melsec::to_string(family)};
    if (spec.protocol == Protocol::mc && family == Family::fx)
        return Error{Code::invalid,
                     "family: fx speaks by its programming port alone: choose protocol fx_serial or fx_tcp"};
    return {};
}

Result<void> check_opcua(const ConnectionSpec& spec) {
    if (spec.endpoint.value_or("").empty())
        return Error{
            Code::invalid,
            "endpoint: expected an address such as opc.tcp://10.0.0.5:4840, found none (protocol opcua needs it)"};
    return {};
}

// Which frames each family speaks; "" = none.
std::string_view frames_of(wire::melsec::Family family) {
    constexpr std::string_view kFramesOf[] = {"", "1E", "3E or 1E", "3E, 4E or 1E", "3E or 4E"};
    return kFramesOf[static_cast<std::size_t>(family)];
}

Result<void> check_mc(const ConnectionSpec& spec) {
    TRY(check_family(spec));
    const wire::mc::Link link = spec.mc_link();
    const std::string_view frame = wire::mc::to_string(link.frame), known = frames_of(link.family);
    if (known.find(frame) == known.npos)
        return Error{Code::invalid, "frame: {} does not speak {}: expected {}", wire::melsec::to_string(link.family),
                     frame, known};
    if (link.coding == wire::mc::Coding::ascii_octal && link.family != wire::melsec::Family::iq_f)
        return Error{Code::invalid, "coding: ascii_octal is of iq_f alone: choose ascii"};
    return {};
}

Result<void> check_iec104(const ConnectionSpec& spec) {
    const wire::iec104::ClientOptions options = spec.iec104_client();
    if (options.t2 < options.t1) return only_checked(spec.stamps());
    return Error{Code::invalid, "t2_s: expected less than t1_s, which is {} s, found {} s", options.t1 / kSecond,
                 options.t2 / kSecond};
}

Result<void> check_http(const ConnectionSpec& spec) {
    const bool secure = spec.https.value_or(false);
    if (secure && !spec.port && spec.protocol == Protocol::http_json)
        return Error{Code::invalid, "port: expected the port of HTTPS, found none: mostly it is 443"};
    if (!secure && spec.server_fingerprint)
        return Error{Code::invalid, "server_fingerprint: only machines that are asked by https have a certificate"};
    if (spec.user.value_or("").find(':') != std::string::npos)
        return Error{Code::invalid, "user: a user name of HTTP has no colon"};
    return {};
}

Result<void> check_language(const ConnectionSpec& spec) {
    if (spec.protocol == Protocol::http_json || spec.protocol == Protocol::mtconnect) return check_http(spec);
    if (spec.protocol == Protocol::iec104) return check_iec104(spec);
    if (spec.protocol == Protocol::s7) return only_checked(spec.tsaps());
    if (spec.protocol == Protocol::mc) return check_mc(spec);
    if (is_fx(spec.protocol)) return check_family(spec);
    if (spec.protocol == Protocol::opcua) return check_opcua(spec);
    if (!is_frames(spec.protocol)) return {};
    if (spec.layout.value_or("").empty())
        return Error{Code::invalid, "layout: expected the template of its frames, found none (protocol {} needs it)",
                     to_string(spec.protocol)};
    return only_checked(spec.frame_template());
}

bool has_usual_port(Protocol protocol) {
    constexpr Protocol kUsual[] = {Protocol::s7,        Protocol::mc,        Protocol::fins,  Protocol::shdr,
                                   Protocol::http_json, Protocol::mtconnect, Protocol::iec104};
    return is_modbus(protocol) || std::ranges::find(kUsual, protocol) != std::end(kUsual);
}

Result<void> check_alone(const ConnectionSpec& spec) {
    TRY(check_unit(spec));
    if (is_serial(spec.protocol)) TRY(check_serial(spec));
    if (is_dtu(spec.protocol)) TRY(check_dtu(spec));
    if (is_tcp(spec.protocol) && spec.host.empty()) {
        return Error{Code::invalid, "host: expected a host name or an IP address, found none (protocol {} needs it)",
                     to_string(spec.protocol)};
    }
    if (is_tcp(spec.protocol) && !spec.port && !has_usual_port(spec.protocol))
        return Error{
            Code::invalid,
            "port: expected the port of the machine or serial server, found none (protocol {} has no usual one)",
            to_string(spec.protocol)};
    return check_language(spec);
}

bool same_port(const ConnectionSpec& a, const ConnectionSpec& b) {
    const std::uint16_t one = a.listen_port.value_or(0), other = b.listen_port.value_or(0);
    return one == other || one == 0 || other == 0;
}

bool same_packet(const ConnectionSpec& a, const ConnectionSpec& b) {
    const auto bytes_of = [](const ConnectionSpec& one) {
        return packet_bytes(one.registration.value_or(""), one.registration_form.value_or(TextForm::text));
    };
    const auto one = bytes_of(a), other = bytes_of(b);
    return one && other && *one == *other &&
           a.registration_match.value_or(PacketMatch::exact) == b.registration_match.value_or(PacketMatch::exact);
}

// A line has room for one master, whatever it speaks, and a packet says one DTU.
Result<void> check_among(const ResourceReader& reader, TenantId tenant, std::string_view name,
                         const ConnectionSpec& spec) {
    const bool on_line = is_serial(spec.protocol), dials_in = is_dtu(spec.protocol);
    if (!on_line && !dials_in) return {};
    for (const auto& resource : reader.list_shared(tenant, "connection")) {
        if (resource->name == name) continue;
        const auto other = spec_of<ConnectionSpec>(*resource);
        if (!other) continue;
        if (on_line && is_serial(other->protocol) && other->serial_port == spec.serial_port)
            return Error{Code::invalid,
                         "serial_port: {} is the port of connection {} already: machines of one line hang on one "
                         "connection, each with its unit",
                         *spec.serial_port, resource->name};
        if (dials_in && is_dtu(other->protocol) && same_port(spec, *other) && same_packet(spec, *other))
            return Error{
                Code::invalid,
                "registration: connection {} has the same: each DTU needs its own, or a listen_port of its own",
                resource->name};
    }
    return {};
}

}  // namespace

std::string_view to_string(Protocol protocol) { return boost::describe::enum_to_string(protocol, ""); }

bool is_modbus(Protocol protocol) { return protocol <= Protocol::modbus_dtu; }
bool is_fx(Protocol protocol) { return protocol == Protocol::fx_serial || protocol == Protocol::fx_tcp; }
bool is_dlt645(Protocol protocol) { return protocol >= Protocol::dlt645_serial && protocol <= Protocol::dlt645_dtu; }
bool is_aibus(Protocol protocol) { return protocol == Protocol::aibus_serial || protocol == Protocol::aibus_tcp; }
bool is_frames(Protocol protocol) { return protocol >= Protocol::frames_serial && protocol <= Protocol::frames_dtu; }
bool is_serial(Protocol protocol) {
    return protocol == Protocol::modbus_rtu || protocol == Protocol::fx_serial || protocol == Protocol::dlt645_serial ||
           protocol == Protocol::aibus_serial || protocol == Protocol::frames_serial;
}
bool is_dtu(Protocol protocol) {
    return protocol == Protocol::modbus_dtu || protocol == Protocol::dlt645_dtu || protocol == Protocol::frames_dtu;
}
bool is_tcp(Protocol protocol) {
    return !is_serial(protocol) && !is_dtu(protocol) && protocol != Protocol::opcua &&
           protocol != Protocol::mqtt_device;
}

std::uint16_t ConnectionSpec::tcp_port() const {
    const std::uint16_t usual = protocol == Protocol::s7          ? wire::s7::kPort
                                : protocol == Protocol::mc        ? std::uint16_t{5007}
                                : protocol == Protocol::fins      ? wire::fins::kPort
                                : protocol == Protocol::shdr      ? wire::shdr::kPort
                                : protocol == Protocol::http_json ? std::uint16_t{80}
                                : protocol == Protocol::mtconnect ? wire::mtconnect::kPort
                                : protocol == Protocol::iec104    ? wire::iec104::kPort
                                                                  : std::uint16_t{502};
    return port.value_or(usual);
}

io::SerialPort ConnectionSpec::serial() const {
    io::SerialPort port;
    port.path = serial_port.value_or("");
    if (protocol == Protocol::fx_serial) {
        port.data_bits = 7;
        port.parity = io::Parity::even;
    } else if (protocol == Protocol::dlt645_serial) {
        port.baud = 2'400;
        port.parity = io::Parity::even;
    }
    port.baud = baud.value_or(port.baud);
    port.data_bits = data_bits.value_or(port.data_bits);
    if (parity) port.parity = static_cast<io::Parity>(*parity);
    port.stop_bits = stop_bits.value_or(port.stop_bits);
    return port;
}

std::optional<wire::modbus::Dialect> ConnectionSpec::modbus_dialect() const {
    static_assert(static_cast<std::size_t>(ModbusDialect::generic) + 1 == wire::modbus::kDialects);
    static_assert(static_cast<int>(ModbusDialect::generic) == static_cast<int>(wire::modbus::Dialect::generic));
    if (!dialect || !is_modbus(protocol)) return std::nullopt;
    return static_cast<wire::modbus::Dialect>(*dialect);
}

wire::modbus::WordOrder ConnectionSpec::word_order() const {
    static_assert(static_cast<int>(PointOrder::DCBA) == static_cast<int>(wire::modbus::WordOrder::dcba));
    if (point_order) return static_cast<wire::modbus::WordOrder>(*point_order);
    const auto known = modbus_dialect();
    return known ? usual_order(*known) : wire::modbus::WordOrder::abcd;
}

wire::s7::Plc ConnectionSpec::s7_plc() const { return static_cast<wire::s7::Plc>(plc.value_or(S7Plc::s7_1200)); }

Result<wire::s7::Tsaps> ConnectionSpec::tsaps() const {
    constexpr wire::s7::Resource kResources[] = {wire::s7::Resource::basic, wire::s7::Resource::op,
                                                 wire::s7::Resource::pg};
    const wire::s7::Plc type = s7_plc();
    wire::s7::Tsaps tsaps = wire::s7::usual_tsaps(type);
    if (is_in_rack(type)) {
        const int usual_slot = tsaps.remote & 31;
        const auto resource = kResources[static_cast<std::size_t>(connection_type.value_or(S7ConnectionType::basic))];
        tsaps = TRY(wire::s7::tsaps_of_slot(rack.value_or(0), slot.value_or(usual_slot), resource));
    } else if (rack || slot || connection_type) {
        return Error{Code::invalid,
                     "{}: {} has neither rack nor slot: leave rack, slot and connection_type out, and write "
                     "local_tsap and remote_tsap where the usual ones do not suit",
                     rack   ? "rack"
                     : slot ? "slot"
                            : "connection_type",
                     boost::describe::enum_to_string(*plc, "")};
    }
    if (local_tsap) tsaps.local = TRY(wire::s7::parse_tsap(*local_tsap).context("local_tsap"));
    if (remote_tsap) tsaps.remote = TRY(wire::s7::parse_tsap(*remote_tsap).context("remote_tsap"));
    return tsaps;
}

wire::melsec::Family ConnectionSpec::melsec_family() const {
    return static_cast<wire::melsec::Family>(family.value_or(is_fx(protocol) ? MelsecFamily::fx3 : MelsecFamily::q_l));
}

wire::mc::Link ConnectionSpec::mc_link() const {
    wire::mc::Link link;
    link.family = melsec_family();
    const bool speaks_3e = link.family != wire::melsec::Family::fx3;
    link.frame = static_cast<wire::mc::Frame>(frame.value_or(speaks_3e ? McFrame::_3E : McFrame::_1E));
    link.coding = static_cast<wire::mc::Coding>(coding.value_or(McCoding::binary));
    link.route.network = network.value_or(link.route.network);
    link.route.pc = pc.value_or(link.route.pc);
    link.route.station = station_no.value_or(link.route.station);
    return link;
}

wire::iec104::ClientOptions ConnectionSpec::iec104_client() const {
    wire::iec104::ClientOptions options;
    options.t1 = t1_s.value_or(15) * kSecond;
    options.t2 = t2_s.value_or(10) * kSecond;
    options.t3 = t3_s.value_or(20) * kSecond;
    options.k = k.value_or(options.k);
    options.w = w.value_or(options.w);
    options.originator = originator.value_or(options.originator);
    return options;
}

Result<wire::iec104::Zone> ConnectionSpec::stamps() const {
    return wire::iec104::parse_zone(stamp_zone.value_or("UTC")).context("stamp_zone");
}

wire::dlt645::Standard ConnectionSpec::standard() const {
    return static_cast<wire::dlt645::Standard>(meter_standard.value_or(MeterStandard::_2007));
}

Result<std::shared_ptr<const wire::free_frame::Template>> ConnectionSpec::frame_template() const {
    const std::string json = TRY(layout_json(layout.value_or("")).context("layout"));
    return wire::free_frame::Template::create(json).context("layout");
}

Result<std::string> layout_json(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    // YAML takes most of JSON, but not all of its escapes.
    if (begin != text.npos && text[begin] == '{')
        if (const auto json = parse_json(text)) return to_text(*json);
    return to_text(TRY(parse_yaml(text, {.bytes_max = wire::free_frame::kTemplateBytesMax, .values_max = 10'000})));
}

std::string plain_fingerprint(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        const bool capital = c >= 'A' && c <= 'F';
        if (c != ':' && c != ' ') digits += static_cast<char>(capital ? c + ('a' - 'A') : c);
    }
    const bool fine = digits.size() == 64 && digits.find_first_not_of("0123456789abcdef") == digits.npos;
    return fine ? digits : "";
}

Result<Buffer> packet_bytes(std::string_view text, TextForm form) {
    if (form == TextForm::text) return Buffer(text.begin(), text.end());
    Buffer bytes;
    std::string digits;
    for (const char c : text)
        if (c != ' ') digits += c;
    const bool fine = digits.size() % 2 == 0 && digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    if (!fine) return Error{Code::invalid, "expected hexadecimal such as AA 55, found \"{}\"", text.substr(0, 100)};
    for (std::size_t i = 0; i < digits.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

Kind connection_kind() {
    return make_kind<ConnectionSpec>({.name = "connection",
                                      .plural = "connections",
                                      .title_zh = "连接",
                                      .title_en = "Connection",
                                      .about_zh = "用一种协议连到一台或多台设备",
                                      .about_en = "One link to one or many machines by one protocol"},
                                     {.alone = check_alone, .among = check_among});
}

template Result<ConnectionSpec> spec_of<ConnectionSpec>(const Resource&);

}  // namespace gongshu::registry
