#include "wire/mc.h"

// The end codes in words. Sources: QnUCPU User's Manual (built-in Ethernet) 5.1.4, Q Corresponding Ethernet Interface
// Module User's Manual (Basic) 11.3, FX3U-ENET-ADP User's Manual 9.3.2.
namespace gongshu::wire::mc {

namespace {

struct EndCode {
    std::uint16_t first, last;
    const char* meaning;
    const char* fix;
};

constexpr const char* kAskLess = "ask for fewer points in one request";
constexpr const char* kCheckNumber = "check the address against the device ranges in the PLC's parameters";
constexpr const char* kCheckCoding = "set the same communication data code, binary or ASCII, here and in the PLC";
constexpr const char* kAllowWrites =
    "enable online change (MC protocol, SLMP) in the PLC's Ethernet parameters, write them to the PLC and restart it";
constexpr const char* kCheckRoute =
    "check network, PC, module I/O and station number; a directly connected CPU has 0, 255, 0x03FF, 0";
constexpr const char* kPassword = "unlock the port, or take it out of the PLC's remote password";
constexpr const char* kManual = "look the code up in the manual of the CPU or of its Ethernet module";

constexpr EndCode kThreeE[] = {
    {0x0050, 0x0050, "the frame's subheader is not known", "choose the frame that the PLC's port is set for"},
    {0x0055, 0x0055, "the PLC does not allow writing while it runs", kAllowWrites},
    {0x4031, 0x4031, "the address is outside of what the PLC has", kCheckNumber},
    {0x4000, 0x4fff, "the CPU itself reports an error", kManual},
    {0xc050, 0xc050, "the PLC expects ASCII and cannot read what came", kCheckCoding},
    {0xc051, 0xc054, "the number of points is not allowed", kAskLess},
    {0xc056, 0xc056, "the points pass the last address", kCheckNumber},
    {0xc058, 0xc058, "the length does not match the data", kCheckCoding},
    {0xc059, 0xc059, "the PLC does not know this command",
     "check the family of the PLC, and turn reads of several blocks off for a PLC that has none"},
    {0xc05b, 0xc05b, "the CPU cannot read or write this PLC device",
     "choose another PLC device: this CPU has not got it"},
    {0xc05c, 0xc05c, "the request does not suit the PLC device",
     "read and write word devices as words, relays as bits"},
    {0xc05f, 0xc05f, "the CPU that is named cannot do this", kCheckRoute},
    {0xc060, 0xc060, "a bit is neither 0 nor 1", kManual},
    {0xc061, 0xc061, "the length does not match the data", kCheckCoding},
    {0xc06f, 0xc06f, "binary and ASCII are mixed up", kCheckCoding},
    {0xc070, 0xc070, "the CPU that is named knows no such addresses", kCheckRoute},
    {0xc0b5, 0xc0b5, "the CPU cannot handle the data", kManual},
    {0xc200, 0xc204, "a remote password locks the port", kPassword},
    {0xc810, 0xc816, "a remote password locks the port", kPassword},
};
constexpr EndCode kOneE[] = {
    {0x50, 0x50, "the frame's command is not known", "choose the frame that the PLC's port is set for"},
    {0x54, 0x54, "the PLC expects ASCII and cannot read what came", kCheckCoding},
    {0x55, 0x55, "the PLC does not allow writing while it runs", kAllowWrites},
    {0x56, 0x56, "the PLC has no such PLC device", kCheckNumber},
    {0x57, 0x57, "the number of points is not allowed, or passes the last address", kAskLess},
    {0x58, 0x58, "the first address does not suit the request", kCheckNumber},
    {0x5b, 0x5b, "the module cannot talk to its CPU",
     "check the PC number (255 for the connected CPU) and whether the CPU runs without error"},
    {0x60, 0x60, "the CPU did not answer its module in time",
     "ask for fewer points in one request, or raise the monitoring timer"},
};
constexpr EndCode kUnknown = {0, 0xffff, "which the manuals do not list", kManual};

const EndCode& explain(const Link& link, std::uint16_t code) {
    const auto find = [&](const auto& list) -> const EndCode& {
        for (const EndCode& known : list)
            if (code >= known.first && code <= known.last) return known;
        return kUnknown;
    };
    return link.frame == Frame::e1 ? find(kOneE) : find(kThreeE);
}

std::string target_of(const Link& link, const Request& asked) {
    if (asked.spans.empty()) return "0101";
    std::string text = melsec::to_string(asked.spans[0].head, link.family);
    if (asked.spans.size() > 1) text += fmt::format(" +{}", asked.spans.size() - 1);
    return text;
}

bool may_pass(std::uint16_t code) {
    return code == 0x5b || code == 0x60 || (code >= 0x4000 && code <= 0x4fff && code != 0x4031);
}

}  // namespace

Error refusal(const Link& link, const Request& asked, const Reply& reply) {
    const EndCode& code = explain(link, reply.end_code);
    const Code kind = may_pass(reply.end_code) ? Code::unavailable : Code::denied;
    const std::string target = target_of(link, asked);
    const bool one_e = link.frame == Frame::e1;
    const std::string end_code = fmt::format("0x{:0{}X}", reply.end_code, one_e ? 2 : 4);
    if (reply.abnormal != 0)
        return Error{kind,           "the PLC refuses {}: end code {} with abnormal code 0x{:02X}, {}; {}",
                     target,         end_code,
                     reply.abnormal, code.meaning,
                     code.fix};
    return Error{kind, "the PLC refuses {}: end code {}, {}; {}", target, end_code, code.meaning, code.fix};
}

Error no_answer(const Link& link) {
    return Error{
        Code::timeout,
        "the PLC does not answer: is its port open for the MC protocol or SLMP with the frame {} in {}, and for "
        "TCP or UDP as here?",
        to_string(link.frame), link.coding == Coding::binary ? "binary" : "ASCII"};
}

}  // namespace gongshu::wire::mc
