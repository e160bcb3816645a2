// Whatever a master sends: no crash, what decodes encodes to the same bytes, and each refusal is one that masters know.
#include "base/assert.h"
#include "wire/modbus_server.h"

using namespace gongshu;
using namespace gongshu::wire::modbus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const Bytes pdu{data, bytes};
    const auto asked = decode_asked(pdu);
    if (!asked) {
        ASSERT(asked.error() == Exception::illegal_function || asked.error() == Exception::illegal_address ||
               asked.error() == Exception::illegal_value);
        if (!pdu.empty()) ASSERT(encode_refusal_pdu(pdu, asked.error()).size() == 2);
        return 0;
    }
    const Buffer again = encode_asked_pdu(*asked);
    const auto twice = decode_asked(again);
    ASSERT(twice && *twice == *asked);
    // Of coils the bits behind the last one are not kept.
    if (pdu[0] != static_cast<std::uint8_t>(Function::write_coils)) ASSERT(Buffer(pdu.begin(), pdu.end()) == again);
    if (const auto* identity = std::get_if<AskIdentity>(&*asked)) {
        const std::string name(bytes * 9, 'n');
        const auto told = encode_identity_pdu({{0, name}, {1, "p"}, {2, name}, {4, name}, {5, name}, {6, name}}, *identity);
        ASSERT(told ? told->size() <= kPduBytesMax : told.error() == Exception::illegal_address);
    }
    return 0;
}
