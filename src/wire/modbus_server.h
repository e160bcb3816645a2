#pragma once

#include <expected>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "wire/modbus.h"

// What only a server of Modbus reads and answers, beside the eight functions of wire/modbus.h: mask write (22), read and
// write in one (23) and the identification of the device (43/14). No sockets, no clock.
namespace gongshu::wire::modbus {

inline constexpr std::uint16_t kReadWriteRegistersMax = 121;  // written by function 23

// The register becomes (it AND and_mask) OR (or_mask AND NOT and_mask).
struct MaskWrite {
    std::uint16_t address = 0, and_mask = 0, or_mask = 0;
    friend bool operator==(const MaskWrite&, const MaskWrite&) = default;
};

// The write comes first.
struct ReadWrite {
    Request read, write;
    friend bool operator==(const ReadWrite&, const ReadWrite&) = default;
};

enum class IdentityCode : std::uint8_t { basic = 1, regular = 2, extended = 3, one = 4 };
struct AskIdentity {
    IdentityCode code = IdentityCode::basic;
    std::uint8_t object = 0;  // the first that is wanted; of `one` the only one
    friend bool operator==(const AskIdentity&, const AskIdentity&) = default;
};

using Asked = std::variant<Request, MaskWrite, ReadWrite, AskIdentity>;

// What is asked, or the exception that the standard wants for it.
std::expected<Asked, Exception> decode_asked(Bytes pdu);
// Bytes of the request again, of one that decode_asked() gave; for tests.
Buffer encode_asked_pdu(const Asked& asked);

Buffer encode_reply_pdu(const MaskWrite& done);
// Of function 23: what was read after the write.
Buffer encode_read_write_reply_pdu(const std::vector<std::uint16_t>& registers);
// The exception to whatever function stands in the first byte of a request; a request is never empty.
Buffer encode_refusal_pdu(Bytes asked, Exception exception);

// Objects of the identification by number, in order: 0 vendor, 1 product code, 2 revision, 4 product, 5 model, 6 name. Texts
// longer than kIdentityBytesMax bytes are cut between characters, so that all fit one reply.
using Identity = std::vector<std::pair<std::uint8_t, std::string>>;
inline constexpr std::size_t kIdentityBytesMax = 32;
// Exception::illegal_address when there is no such object.
std::expected<Buffer, Exception> encode_identity_pdu(const Identity& identity, const AskIdentity& asked);

}  // namespace gongshu::wire::modbus
