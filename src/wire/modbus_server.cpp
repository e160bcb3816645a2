#include "wire/modbus_server.h"

#include <algorithm>

#include "base/assert.h"

namespace gongshu::wire::modbus {

namespace {

constexpr std::uint8_t kMaskWrite = 22, kReadWrite = 23, kEncapsulated = 43;
constexpr std::uint8_t kIdentification = 14;  // which encapsulated interface
constexpr std::uint8_t kConformity = 0x82;    // regular objects, as a stream and one by one
constexpr std::uint8_t kBasicEnd = 3;
constexpr std::size_t kReadWriteHead = 10;

std::uint16_t u16_at(Bytes bytes, std::size_t at) { return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]); }

void add_u16(Buffer& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

std::expected<Asked, Exception> decode_read_write(Bytes pdu) {
    if (pdu.size() < kReadWriteHead) return std::unexpected(Exception::illegal_value);
    ReadWrite both;
    both.read.function = Function::read_holding_registers;
    both.read.address = u16_at(pdu, 1);
    both.read.count = u16_at(pdu, 3);
    both.write.function = Function::write_registers;
    both.write.address = u16_at(pdu, 5);
    both.write.count = u16_at(pdu, 7);
    const bool fine = both.read.count >= 1 && both.read.count <= kReadRegistersMax && both.write.count >= 1 &&
                      both.write.count <= kReadWriteRegistersMax && pdu[9] == both.write.count * 2 &&
                      pdu.size() == kReadWriteHead + both.write.count * 2u;
    if (!fine) return std::unexpected(Exception::illegal_value);
    if (both.read.address + both.read.count > 0x10000 || both.write.address + both.write.count > 0x10000)
        return std::unexpected(Exception::illegal_address);
    for (std::size_t i = 0; i < both.write.count; ++i)
        both.write.registers.push_back(u16_at(pdu, kReadWriteHead + i * 2));
    return both;
}

std::expected<Asked, Exception> decode_identity(Bytes pdu) {
    if (pdu.size() < 2 || pdu[1] != kIdentification) return std::unexpected(Exception::illegal_function);
    if (pdu.size() != 4 || pdu[2] < 1 || pdu[2] > 4) return std::unexpected(Exception::illegal_value);
    return AskIdentity{static_cast<IdentityCode>(pdu[2]), pdu[3]};
}

std::string shortened(std::string_view text) {
    std::size_t end = std::min(text.size(), kIdentityBytesMax);
    while (end < text.size() && end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0) == 0x80) --end;
    return std::string(text.substr(0, end));
}

}  // namespace

std::expected<Asked, Exception> decode_asked(Bytes pdu) {
    if (pdu.empty()) return std::unexpected(Exception::illegal_function);
    if (pdu[0] == kMaskWrite) {
        if (pdu.size() != 7) return std::unexpected(Exception::illegal_value);
        return MaskWrite{u16_at(pdu, 1), u16_at(pdu, 3), u16_at(pdu, 5)};
    }
    if (pdu[0] == kReadWrite) return decode_read_write(pdu);
    if (pdu[0] == kEncapsulated) return decode_identity(pdu);
    auto request = decode_request(pdu);
    if (!request) return std::unexpected(request.error());
    return std::move(*request);
}

Buffer encode_asked_pdu(const Asked& asked) {
    Buffer out;
    if (const auto* request = std::get_if<Request>(&asked)) {
        auto pdu = encode_request_pdu(*request);
        ASSERT(pdu.has_value());
        return std::move(*pdu);
    }
    if (const auto* mask = std::get_if<MaskWrite>(&asked)) return encode_reply_pdu(*mask);
    if (const auto* identity = std::get_if<AskIdentity>(&asked))
        return {kEncapsulated, kIdentification, static_cast<std::uint8_t>(identity->code), identity->object};
    const auto& both = std::get<ReadWrite>(asked);
    out.push_back(kReadWrite);
    for (const std::size_t field : {both.read.address, both.read.count, both.write.address, both.write.count})
        add_u16(out, field);
    out.push_back(static_cast<std::uint8_t>(both.write.registers.size() * 2));
    for (const std::uint16_t value : both.write.registers) add_u16(out, value);
    return out;
}

Buffer encode_reply_pdu(const MaskWrite& done) {
    Buffer out{kMaskWrite};
    for (const std::size_t field : {done.address, done.and_mask, done.or_mask}) add_u16(out, field);
    return out;
}

Buffer encode_read_write_reply_pdu(const std::vector<std::uint16_t>& registers) {
    ASSERT(registers.size() <= kReadRegistersMax);
    Buffer out{kReadWrite, static_cast<std::uint8_t>(registers.size() * 2)};
    for (const std::uint16_t value : registers) add_u16(out, value);
    return out;
}

Buffer encode_refusal_pdu(Bytes asked, Exception exception) {
    ASSERT(!asked.empty());
    return {static_cast<std::uint8_t>(asked[0] | 0x80), static_cast<std::uint8_t>(exception)};
}

std::expected<Buffer, Exception> encode_identity_pdu(const Identity& identity, const AskIdentity& asked) {
    const bool one = asked.code == IdentityCode::one;
    const bool there =
        std::ranges::any_of(identity, [&](const auto& object) { return object.first == asked.object; });
    if (one && !there) return std::unexpected(Exception::illegal_address);
    // A stream that begins nowhere begins at the beginning.
    const std::uint8_t from = there ? asked.object : std::uint8_t{0};
    Buffer out{kEncapsulated, kIdentification, static_cast<std::uint8_t>(asked.code), kConformity, 0, 0, 0};
    for (const auto& [number, text] : identity) {
        const bool wanted = one ? number == from
                                : number >= from && (asked.code != IdentityCode::basic || number < kBasicEnd);
        if (!wanted) continue;
        const std::string fitting = shortened(text);
        ++out[6];
        out.push_back(number);
        out.push_back(static_cast<std::uint8_t>(fitting.size()));
        out.insert(out.end(), fitting.begin(), fitting.end());
    }
    ASSERT(out.size() <= kPduBytesMax);
    return out;
}

}  // namespace gongshu::wire::modbus
